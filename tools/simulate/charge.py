"""Builds the world of one simulated charge: car and charger with their tables, emulated modems, a bad cable, the plant."""
from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Callable

from drivers.board import AcChargerBoard, CarBoard, ChargerBoard
from drivers.sim.boards import simulated_ac_charger, simulated_car, simulated_charger
from drivers.sim.link import LinkConfig, SimLink, SimNic
from drivers.sim.plant import Plant
from drivers.sim.plant_config import PlantConfig
from exi_native.codec import Codec
from kernel.channels import Mailbox
from kernel.clock import VirtualClock
from kernel.journal import Event, Journal
from kernel.scheduler import Kernel, check_mailboxes
from kernel.timer import MS, NEVER, S
from kernel.world import World
from tasks import table
from tasks.config import Config
from tasks.homeplug.emulator import EmulatedModem
from tasks.homeplug.emulator_nic import EmulatedModemNic
from tasks.messages import StopSession
from tasks.signals import Signals
from tasks.stop_reasons import NORMAL_ENDS, StopReason
from tools.appliance.about import about
from tools.appliance.black_box import BlackBox
from tools.simulate.invariants import Invariants
from tools.simulate.recorder import FrameSink, Recorder

CAR_MAC = bytes.fromhex("020000000e01")          # locally administered
CHARGER_MAC = bytes.fromhex("020000000c02")
PLUG_IN = 500 * MS                               # when the plug goes in
UNPLUG_AFTER = 2 * S                             # after the end, when the lock is open
SETTLE = 3 * S                                   # after unplugging, until the show ends
LAMP_LIT = 20 * S                                # a lamp in place of the battery is never full: somebody ends it after so much light
GIVE_UP = 6 * 3600 * S                           # longest session, in virtual time


REMOTE_ITEMS = 4                                 # wishes of a live view that wait
MAX_KEYS = 32                                    # that wait until a box looks at them
OVER = frozenset({"Finished", "Failed"})


class Pressed:
    """The keys of a simulated box: what was pressed since it last looked, at most MAX_KEYS."""

    def __init__(self) -> None:
        self._keys = ""

    def press(self, key: str) -> None:
        self._keys = (self._keys + key)[-MAX_KEYS:]

    def read(self) -> str:
        keys, self._keys = self._keys, ""
        return keys


@dataclass(slots=True)
class Node:
    """One box: its table, kernel, signals, journal, and what crossed its interface."""

    name: str
    table: table.Table
    kernel: Kernel
    signals: Signals
    journal: Journal
    recorder: Recorder
    nic: SimNic
    board: object
    keys: Pressed
    black_box: BlackBox | None = None          # where its life is recorded
    checkpoints: list[tuple[int, int, str]] = field(default_factory=list)


class Charge:
    """One charge from plug to unplug. Equal `seed` and settings give byte-identical runs.

    `invariants` looks at each instant; what broke is in `invariants.broken`.
    """

    def __init__(self, config: Config, plant: PlantConfig, codec: Codec, seed: int = 1, link: LinkConfig | None = None,
                 pcap: FrameSink | None = None, sinks: tuple[Callable[[str, Event], None], ...] = (), recorded: frozenset[str] = frozenset()) -> None:
        """`pcap` gets everything that crosses the car's interface; `sinks` get (node name, journal event); the nodes named in `recorded` have a black box."""
        self.clock = VirtualClock()
        self._recorded = recorded
        self.remote: Mailbox = Mailbox("remote", REMOTE_ITEMS)      # what somebody at the car's live view wants
        self.plant = self._plant(plant)
        self.link = SimLink(random.Random(f"{seed} link"), link)
        self.invariants = Invariants(self.plant, self.clock, config.safety, config.evse.ac)
        self.car = self._node("pev", config, codec, seed, CAR_MAC, Recorder(pcap), sinks)
        self.charger = self._node("evse", config, codec, seed, CHARGER_MAC, Recorder(), sinks)
        self.world = World(self.clock, [self.car.kernel, self.charger.kernel], [self.plant, self.link])
        self.invariants.watch(self.car, self.charger)
        self.plant.at(PLUG_IN, self.plant.plug)
        self.trip = ""                   # text of the car's last trip; its signal forgets when the plug is pulled
        self._unplugged_at = NEVER
        self._lit = not plant.lamp_ohm

    def _node(self, name: str, config: Config, codec: Codec, seed: int, mac: bytes, recorder: Recorder, sinks) -> Node:
        def rng(purpose: str) -> random.Random:
            return random.Random(f"{seed} {name} {purpose}")
        journal, signals, keys = Journal(), Signals(), Pressed()
        config = self._config(name, config)
        inner = SimNic(self.link, name, mac, filtering=True)
        charger = name == "evse"
        make, build = self._builders(name, config)
        nic = self._nic(name, EmulatedModemNic(inner, EmulatedModem(config.modem_emulator, mac, charger, rng("modem"))))
        board = self._board(name, make(self.plant, nic))
        black_box = BlackBox(config, signals, journal, about(), mode=build.__name__) if name in self._recorded else None
        given = board, rng("protocol"), table.Surroundings(keys=keys, terminate=lambda: False, tap=recorder.tap, about="simulated",
                                                                     remote=None if charger else self.remote)
        its_board, its_rng, around = given if black_box is None else black_box.around(*given)
        overheard = self.invariants.overhear(name, codec)
        made = build(its_board, signals, config, its_rng, journal, overheard if black_box is None else black_box.codec(overheard), around)
        kernel = Kernel(made.rows, journal, on_fault=made.on_fault)
        if black_box is not None:
            black_box.watch(made, kernel)
        made.health.watch(kernel)
        check_mailboxes(made.mailboxes)
        inner.on_frame = nic.on_event = kernel.waker("frame_rx")
        node = Node(name, made, kernel, signals, journal, recorder, inner, board, keys, black_box)

        def note(event: Event) -> None:
            if event.number:
                node.checkpoints.append((event.at, event.number, event.text))
            for sink in sinks:
                sink(name, event)
        journal.add_sink(note)
        return node

    # --- what another world changes: a peer with habits of its own (fleet/), a bridge (chademo/) --------------------

    def _plant(self, config: PlantConfig) -> Plant:
        """The physics."""
        return Plant(config)

    def _builders(self, name: str, config: Config) -> tuple[Callable, Callable]:
        """What makes the node's board out of plant and interface, and its table."""
        if name == "pev":
            return simulated_car, table.pev
        return simulated_ac_charger if config.evse.ac else simulated_charger, table.evse

    def _config(self, name: str, config: Config) -> Config:
        """The settings of one node."""
        return config

    def _nic(self, name: str, nic: EmulatedModemNic) -> EmulatedModemNic:
        """What the node's program takes for its network interface."""
        return nic

    def _board(self, name: str, board: CarBoard | ChargerBoard | AcChargerBoard) -> CarBoard | ChargerBoard | AcChargerBoard:
        """The node's devices."""
        return board

    # --- running --------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """The user presses stop at the car."""
        if self.car.black_box is not None:
            self.car.black_box.told("stop", StopReason.USER_STOP)
        self.car.table.user.put(StopSession(StopReason.USER_STOP))

    def press(self, name: str, key: str) -> None:
        """A key at the box `name` (pev, evse)."""
        (self.car if name == "pev" else self.charger).keys.press(key)

    def run_until(self, at: int) -> None:
        """Run to the virtual time `at`, or to the end of the charge when that comes first."""
        step, watch = self.world.step, self._watch
        while (self._unplugged_at == NEVER or not self.over) and step(at) != NEVER:
            watch()
        if not self.over:
            self.clock.advance_to(at)

    def run(self, limit: int = GIVE_UP) -> None:
        """Run the whole charge."""
        self.run_until(limit)

    @property
    def over(self) -> bool:
        """The session has ended on both sides, the plug is out and the charger is ready for the next car."""
        return self.clock.time >= self._unplugged_at + SETTLE

    @property
    def charging(self) -> bool:
        return self.car.signals.v2g_state.value in ("CurrentDemand", "ChargingStatus")

    @property
    def paused(self) -> bool:
        """The car's session sleeps."""
        return self.car.signals.connection_state.value == "Paused"

    @property
    def reason(self) -> StopReason | None:
        """Why the car's session ended; None while it has not."""
        return self.car.signals.stop_reason.value

    @property
    def good(self) -> bool:
        """Ended in order, nothing raised, nothing tripped, nothing damaged, every invariant held."""
        nodes = (self.car, self.charger)
        return (self.reason in NORMAL_ENDS and self.plant.damage == 0 and not self.invariants.broken
                and not any(n.kernel.fault or n.signals.safety_trip.value for n in nodes))

    def trace_hash(self) -> str:
        """Hash over every frame at both ends, with its time."""
        return self.car.recorder.digest() + self.charger.recorder.digest()

    def _watch(self) -> None:
        """After each instant: the invariants. Once the car says that it is over, somebody comes and pulls the plug."""
        self.invariants.look()
        self.trip = self.car.signals.safety_trip.value or self.trip
        if not self._lit and self.plant.car_contactors.position:
            self._lit = True
            self.plant.at(self.clock.time + LAMP_LIT, lambda now: self.stop())
        if self.car.signals.connection_state.value in OVER and self._unplugged_at == NEVER:
            self._unplugged_at = self.clock.time + UNPLUG_AFTER
            self.plant.at(self._unplugged_at, self.plant.unplug)
