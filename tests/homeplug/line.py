"""A simulated power line for the tests: virtual time, seeded loss, nothing sleeps.

`Line` joins any number of stations. A station is either a bare SLAC machine with a modem of the `KeyModem` kind (which
takes every key and joins equal keys at once), or a whole HomeplugTask behind an EmulatedModemNic.
"""
from __future__ import annotations

from heapq import heappop, heappush
from random import Random

from kernel.channels import Mailbox
from kernel.journal import Journal
from kernel.timer import MS, NEVER
from tasks.homeplug.config import EmulatorConfig, SlacConfig
from tasks.homeplug.emulator import EmulatedModem
from tasks.homeplug.emulator_nic import EmulatedModemNic
from tasks.homeplug.modem import Modem
from tasks.homeplug.slac_evse import EvseSlac
from tasks.homeplug.slac_pev import PevSlac
from tasks.homeplug.task import HomeplugTask
from tasks.messages import Frame
from tasks.signals import Signals

TICK = 10 * MS


class Line:
    """Broadcast medium: every frame reaches every other tap after `delay`, unless lost (probability `loss`)."""

    def __init__(self, seed: int = 0, loss: float = 0.0, delay: int = 2 * MS) -> None:
        self.rng = Random(seed)
        self.loss = loss
        self.delay = delay
        self.taps: list[LineNic] = []
        self.frames = 0
        self.log: list[tuple[int, bytes]] = []

    def tap(self, mac: bytes) -> LineNic:
        nic = LineNic(self, mac)
        self.taps.append(nic)
        return nic


class LineNic:
    """One station's interface on the line (the Nic protocol)."""

    def __init__(self, line: Line, mac: bytes) -> None:
        self.line = line
        self.mac = mac
        self.errors = 0
        self.queue: list[tuple[int, int, bytes]] = []

    def fileno(self) -> int:
        return -1

    def send(self, frame: bytes, now: int) -> bool:
        line = self.line
        line.log.append((now, frame))
        for other in line.taps:
            if other is not self and line.rng.random() >= line.loss:
                line.frames += 1
                heappush(other.queue, (now + line.delay, line.frames, frame))
        return True

    def receive(self, limit: int, now: int) -> list[tuple[int, bytes]]:
        out = []
        while self.queue and len(out) < limit and self.queue[0][0] <= now:
            at, _, frame = heappop(self.queue)
            out.append((at, frame))
        return out

    def next_event(self) -> int:
        return self.queue[0][0] if self.queue else NEVER

    def close(self) -> None:
        self.queue.clear()


class Node:
    """One box: HomeplugTask, its mailboxes, and its interface behind an emulated modem."""

    def __init__(self, line: Line, mac: bytes, evse: bool, seed: int, config: SlacConfig | None = None,
                 emulator: EmulatorConfig | None = None) -> None:
        self.config = config or SlacConfig()
        self.mac = mac
        modem = EmulatedModem(emulator or EmulatorConfig(beacon_ms=1000), mac, evse, Random(seed))
        self.nic = EmulatedModemNic(line.tap(mac), modem)
        rng = Random(seed + 1000)
        self.role = (EvseSlac if evse else PevSlac)(self.config, mac, rng)
        self.modem = Modem(self.config, mac, rng, evse)
        self.inbox: Mailbox[Frame] = Mailbox("homeplug_in", 128)
        self.commands = Mailbox("homeplug_commands", 8)
        self.out: Mailbox[bytes] = Mailbox("out", 128)
        self.told = Mailbox("told", 64)
        self.signals = Signals()
        self.journal = Journal()
        self.task = HomeplugTask(self.config, self.role, self.modem, mac, self.inbox, self.commands, self.out, self.told,
                                 self.signals, self.journal)
        self.upper: list[bytes] = []             # frames that are not HomePlug
        self.deadline = 0

    def checkpoints(self) -> list[int]:
        return [e.number for e in self.journal._ring if e.level == "checkpoint"]

    def due(self) -> int:
        return min(self.deadline, self.nic.next_event(), 0 if len(self.commands) or len(self.inbox) else NEVER)

    def step(self, now: int) -> None:
        for at, frame in self.nic.receive(64, now):
            if frame[12:14] == b"\x88\xe1":
                self.inbox.put(Frame(at, frame))
            else:
                self.upper.append(frame)
        if now >= self.deadline or len(self.inbox) or len(self.commands):
            self.deadline = self.task.run(now)
        for frame in self.out.drain(128):
            self.nic.send(frame, now)


class World:
    """Nodes on a line; `run_until` lets virtual time jump from one event to the next, rounded up to the tick."""

    MAX_STEPS = 200_000

    def __init__(self, *nodes: Node) -> None:
        self.nodes = nodes
        self.now = 0
        self.steps = 0

    def run_until(self, end: int, done=lambda: False) -> bool:
        """True when `done` became true before `end`."""
        while not done():
            at = min(n.due() for n in self.nodes)
            at = max(self.now, at)
            if at > end:
                self.now = end
                return False
            self.now = at if any(n.nic.next_event() <= at for n in self.nodes) else -(-at // TICK) * TICK
            self.steps += 1
            assert self.steps < self.MAX_STEPS, "the world does not come to rest"
            for n in self.nodes:
                if n.due() <= self.now:
                    n.step(self.now)
        return True
