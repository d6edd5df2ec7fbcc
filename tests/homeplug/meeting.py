"""One matching in virtual time: our HomeplugTask behind an emulated modem meets a scripted car or charger of tools/simulate/slac.

Our side is the product's task, woken as its kernel wakes it (10 ms tick, or a frame); the scripted side keeps its times to the nanosecond.
"""
from __future__ import annotations

from random import Random
from typing import Any, Callable

from kernel.timer import MS, NEVER, S
from tasks.errors import WireError
from tasks.homeplug.config import EmulatorConfig, SlacConfig
from tasks.homeplug.emulator import EmulatedModem
from tasks.homeplug.emulator_nic import EmulatedModemNic
from tasks.homeplug.wire import CM_SLAC_MATCH_CNF, CM_SLAC_PARM_REQ, parse
from tasks.homeplug.wire_emulator import BEACON_MARK
from tasks.messages import LinkLost, LinkUp, StartMatching
from tasks.stop_reasons import StopReason
from tools.simulate.slac.car import ScriptedCar
from tools.simulate.slac.charger import ScriptedCharger
from tools.simulate.slac.columns import columns
from tools.simulate.slac.habits import CarHabits, ChargerHabits
from tools.simulate.slac.peer import TRAVEL, Peer

from tests.homeplug.line import Line, Node, World

OURS = bytes.fromhex("020000000a01")
PEER = bytes.fromhex("020000000b01")
RESTART_MS = 100                 # of both modems after a key; the rest of `link_ms` is joining
READY = 2 * S                    # the charger has its key and listens before the car begins
LIMIT = 90 * S


def scripted(line: Line, habits: CarHabits | ChargerHabits, mac: bytes, seed: int, emulator: EmulatorConfig | None = None) -> ScriptedCar | ScriptedCharger:
    """A peer on the line behind a modem of its own."""
    car = isinstance(habits, CarHabits)
    modem = EmulatedModem(emulator or settings(habits), mac, not car, Random(f"{seed} modem {mac.hex()}"))
    return (ScriptedCar if car else ScriptedCharger)(EmulatedModemNic(line.tap(mac), modem), habits, Random(f"{seed} peer {mac.hex()}"))


def settings(habits: CarHabits | ChargerHabits, **other: Any) -> EmulatorConfig:
    """Modems that need `link_ms` from MATCH.CNF to traffic: joining takes two, so both ends have them."""
    return EmulatorConfig(beacon_ms=1000, restart_ms=RESTART_MS, join_ms=max(0, round(habits.link_ms) - RESTART_MS), **other)


class Meeting:
    """`run` it, then look. `told`: LinkUp and LinkLost of our task in order."""

    def __init__(self, habits: CarHabits | ChargerHabits, seed: int = 1, config: SlacConfig | None = None, loss: float = 0.0,
                 emulator: EmulatorConfig | None = None) -> None:
        self.line = Line(seed, loss, TRAVEL)
        evse = isinstance(habits, CarHabits)
        modem = emulator or settings(habits)
        self.ours = Node(self.line, OURS, evse, seed, config, modem)
        self.peer = scripted(self.line, habits, PEER, seed, modem)
        self.evse = evse
        self.told: list[LinkUp | LinkLost] = []
        self.world = World(self.ours, self.peer)

    def join(self, *nodes: Any) -> None:
        """More stations on this line."""
        self.world = World(*self.world.nodes, *nodes)

    @property
    def matched(self) -> bool:
        """Both ends are in one network with the same key, and both say so."""
        ours, peer = self.ours, self.peer
        key = self.ours.nic.modem.nmk
        return (ours.role.state.name == "Matched" and ours.role.peer_mac == peer.mac and peer.matched == ours.mac and peer.nmk == key
                and peer.joined(self.world.now))

    @property
    def reason(self) -> StopReason | None:
        """Why our side gave up, None when it has not."""
        return next((t.reason for t in self.told if type(t) is LinkLost), None)

    def warnings(self) -> list[str]:
        """What a person finds in our journal."""
        return [e.message() for e in self.ours.journal._ring if e.level in ("warning", "error")]

    def tamper(self, change: Callable[[Any], Any], theirs: bool = False) -> Meeting:
        """Our frames (`theirs`: the peer's) pass through `change` before they are on the line: message -> message, or None: lost; beacons as they are."""
        nic = self.line.taps[1 if theirs else 0]
        send = nic.send

        def changed(frame: bytes, now: int) -> bool:
            if frame[12:14] == b"\x88\xe1" and frame[12:20] != BEACON_MARK:
                message = change(parse(frame))
                return True if message is None else send(message.emit(), now)
            return send(frame, now)
        nic.send = changed
        return self

    def lose(self, kind: type, *places: int, theirs: bool = False) -> Meeting:
        """The messages of `kind` at these places, counted from 1, never reach the line."""
        count = 0

        def change(message: Any) -> Any:
            nonlocal count
            count += type(message) is kind
            return None if type(message) is kind and count in places else message
        return self.tamper(change, theirs)

    def times(self, kind: type) -> list[float]:
        """When messages of `kind` passed, ms since the first CM_SLAC_PARM.REQ on the line."""
        passed = self.passed()
        begin = next(at for at, m in passed if type(m) is CM_SLAC_PARM_REQ)
        return [(at - begin) / MS for at, m in passed if type(m) is kind]

    def start(self) -> Meeting:
        """The charger listens, then the car begins."""
        ours, world = self.ours, self.world
        if self.evse:
            ours.commands.put(StartMatching())
            world.run_until(READY)
            assert ours.role.state.name == "WaitParm", ours.role.state
            self.peer.later(0.0, world.now, self.peer.begin)
        else:
            self.peer.later(0.0, world.now, self.peer.begin)
            world.run_until(READY)
            ours.commands.put(StartMatching())
        return self

    def over(self) -> bool:
        self.told += self.ours.told.drain(64)
        return self.matched or self.reason is not None

    def run(self, limit: int = LIMIT, until: Callable[[], bool] | None = None) -> Meeting:
        """To the joined network, to our giving up, or for `limit`."""
        self.start()
        self.world.run_until(self.world.now + limit, until or self.over)
        self.over()
        return self

    def passed(self) -> list[tuple[int, Any]]:
        """Every management message on the line, in order, when it passed at our end."""
        found = []
        for place, (at, frame) in enumerate(self.line.log):
            if frame[12:14] != b"\x88\xe1" or frame[12:20] == BEACON_MARK:
                continue
            try:
                message = parse(frame)
            except WireError:
                continue
            found.append((at if message.src == self.ours.mac else at + self.line.delay, place, message))
        return [(at, message) for at, _, message in sorted(found, key=lambda f: f[:2])]

    def columns(self) -> dict[str, Any]:
        """As a row of the sheet's table."""
        return columns(self.passed())

    def seconds(self) -> float | None:
        """From the very first CM_SLAC_PARM.REQ to CM_SLAC_MATCH.CNF, None when it did not come to that."""
        times = {kind: [at for at, m in self.passed() if type(m) is kind] for kind in (CM_SLAC_PARM_REQ, CM_SLAC_MATCH_CNF)}
        return (times[CM_SLAC_MATCH_CNF][0] - times[CM_SLAC_PARM_REQ][0]) / S if all(times.values()) else None


class Stall:
    """A node whose program does not run from `at` for `duration` (both ns): the 552 ms pause of pyPLC's sounds, a blocked process."""

    def __init__(self, node: Any, at: int = NEVER, duration: int = 552 * MS) -> None:
        self.node = node
        self.at = at
        self.duration = duration

    @property
    def nic(self) -> Stall:
        return self

    def _asleep(self, now: int) -> bool:
        return self.at <= now < self.at + self.duration

    def due(self) -> int:
        due = self.node.due()
        return self.at + self.duration if self._asleep(due) else due

    def next_event(self) -> int:
        at = self.node.nic.next_event()
        return self.at + self.duration if self._asleep(at) else at

    def step(self, now: int) -> None:
        if not self._asleep(now):
            self.node.step(now)
