"""One charge between our box and a personality of the fleet."""
from __future__ import annotations

import copy
import random
from typing import Any, Callable

from drivers.board import CarBoard, ChargerBoard
from drivers.interfaces import PilotSource
from drivers.sim.link import LinkConfig
from drivers.sim.plant_config import PlantConfig
from exi_native.codec import Codec
from kernel.journal import Event
from kernel.timer import MS, NEVER, S
from tasks.config import Config
from tasks.homeplug.emulator_nic import EmulatedModemNic
from tasks.stop_reasons import StopReason
from tools.simulate.charge import CAR_MAC, OVER, PLUG_IN, UNPLUG_AFTER, Charge
from tools.simulate.fleet.act import DEEDS
from tools.simulate.fleet.edited_nic import EditedNic
from tools.simulate.fleet.edited_session import EditedSide
from tools.simulate.fleet.neighbour import NeighbourCharger
from tools.simulate.fleet.odd_stage import OddStage
from tools.simulate.fleet.pilot_car import NoBox, PilotCar
from tools.simulate.fleet.traits import CarTraits, ChargerTraits, Deed, Personality, Talk
from tools.simulate.invariants import FOREIGN_SESSION, Broken
from tools.simulate.recorder import FrameSink

NEIGHBOUR_MAC = bytes.fromhex("020000000a00")
TRIES = 2                        # so many fruitless new beginnings, then the person pulls the plug
PATIENCE = 200 * S               # without charging
BEFORE_CABLE_CHECK = frozenset({"SessionSetup", "ServiceDiscovery", "ServicePaymentSelection", "PaymentServiceSelection", "ContractAuthentication",
                                "Authorization", "ChargeParameterDiscovery"})
TOLD = ("warning", "error")      # levels of the journal that explain something


class HabitualPilot:
    """PilotSource of a charger whose 5 % are something else; a deed may freeze it."""

    def __init__(self, inner: PilotSource, duty: float) -> None:
        self._inner = inner
        self._duty = duty
        self.frozen_duty: float | None = None

    @property
    def errors(self) -> int:
        return self._inner.errors

    def set_duty(self, percent: float | None, now: int) -> bool:
        if self.frozen_duty is not None:
            percent = self.frozen_duty
        elif percent == 5.0:
            percent = self._duty
        return self._inner.set_duty(percent, now)


class Encounter(Charge):
    """A Charge with a charger or a car (or both) of the fleet. The person gives up after TRIES new beginnings.

    `reason` is what was told last before the plug was pulled; `told` are the warnings in our box's journal.
    """

    expected_of = ""                     # whose end a personality's `expected` is, for people

    def __init__(self, charger: Personality | None, car: Personality | None, config: Config, plant: PlantConfig, codec: Codec,
                 seed: int = 1, link: LinkConfig | None = None, pcap: FrameSink | None = None,
                 sinks: tuple[Callable[[str, Event], None], ...] = (), recorded: frozenset[str] = frozenset()) -> None:
        self.met = [who for who in (charger, car) if who is not None]
        self._traits: dict[str, Talk] = {}
        if charger is not None:
            self._traits["evse"] = charger.traits
        if car is not None:
            self._traits["pev"] = car.traits
        self._ours = "evse" if car is not None and charger is None else "pev"
        self._reason: StopReason | None = None
        self._heard: StopReason | None = None        # the last reason that our box told
        self.told: list[str] = []
        self.charged = False
        self._ours_tripped = ""
        self._charged_at = PLUG_IN
        plant = copy.copy(plant)
        for talk in self._traits.values():
            _set(plant, talk.plant)
            if talk.ours:
                config = copy.deepcopy(config)
                _set(config, talk.ours)
        super().__init__(config, plant, codec, seed, link, pcap, (*sinks, self._read), recorded)
        traits = self._traits.get("evse")
        self._early_c_is_fault = isinstance(traits, ChargerTraits) and traits.early_c_is_fault
        if isinstance(traits, ChargerTraits):
            self.plant.stage = OddStage(self.plant.stage, traits)
            for n, habits in enumerate(traits.neighbours):
                mac = NEIGHBOUR_MAC[:5] + bytes((n,))
                self.world.sources.append(NeighbourCharger(self.link, mac, CAR_MAC, habits, random.Random(f"{seed} neighbour {n}")))
        self._pilot_car: PilotCar | None = None
        if not getattr(self._traits.get("pev"), "speaks", True):
            self._pilot_car = PilotCar(self.plant)
            self.world.sources.append(self._pilot_car)
        self._deeds: list[tuple[Any, Deed]] = []
        self._done: list[int] = []
        self._states: dict[str, str | None] = {}
        for node in (self.car, self.charger):
            talk = self._traits.get(node.name)
            if talk is not None:
                v2g = next(row.task for row in node.kernel.rows if row.name == "v2g")
                v2g.side = EditedSide(v2g.side, talk)
                self._deeds += [(node, deed) for deed in talk.deeds]
        self._done = [0] * len(self._deeds)

    # --- hooks of Charge

    def _config(self, name: str, config: Config) -> Config:
        config = copy.deepcopy(config)
        joins = [talk.modem_join_ms for talk in self._traits.values() if talk.modem_join_ms is not None]
        if joins:                                    # joining takes two
            config.modem_emulator.join_ms = max(joins)
        talk = self._traits.get(name)
        if talk is None:
            return config
        _set(config, talk.settings)
        if talk.modem_restart_ms is not None:
            config.modem_emulator.restart_ms = talk.modem_restart_ms
        if isinstance(talk, ChargerTraits):
            if talk.port is not None:
                config.tcp.listen_port = talk.port
        else:
            config.ev.protocols = list(talk.protocols)
            config.ev.current_demand_interval_ms = config.ev.repeat_interval_ms = 0      # its pace is in `turn_ms`
        return config

    def _nic(self, name: str, nic: EmulatedModemNic) -> Any:
        asleep = max((round(talk.deaf_s * S) for talk in self._traits.values()), default=0)
        if name in self._traits:
            return EditedNic(nic, self._traits[name], PLUG_IN + asleep if asleep else 0)
        # our own modem, as long as it hears no coordinator (sheet slac-and-network 2.8 row 11)
        return EditedNic(nic, CarTraits(), PLUG_IN + asleep) if asleep else nic

    def _board(self, name: str, board: CarBoard | ChargerBoard) -> CarBoard | ChargerBoard:
        traits = self._traits.get(name)
        if isinstance(traits, ChargerTraits):
            board.pilot_source = HabitualPilot(board.pilot_source, traits.duty_percent)
        elif traits is not None and not traits.speaks:
            board.control_pilot = board.pilot_monitor = NoBox()
        return board

    # --- running

    @property
    def charging(self) -> bool:
        return super().charging or self._pilot_car is not None and self.plant.ac.current > 0.0

    @property
    def ours(self) -> Any:
        """The node that is our box."""
        return self.car if self._ours == "pev" else self.charger

    @property
    def reason(self) -> StopReason | None:
        return self._reason if self._reason is not None else self.ours.signals.stop_reason.value

    @property
    def broken(self) -> list[Broken]:
        """Invariants that our box broke. A charger that says foreign session ids breaks that sentence itself."""
        foreign = getattr(self._traits.get("evse"), "foreign_id_from", None) is not None
        return [b for b in self.invariants.broken if not (foreign and b.sentence == FOREIGN_SESSION)]

    def _read(self, name: str, event: Event) -> None:
        if name == self._ours and event.level in TOLD:
            self.told.append(event.message())

    def _watch(self) -> None:
        super()._watch()
        now = self.clock.time
        if self._deeds:
            self._do(now)
        if self.charging:
            self.charged = True
            self._charged_at = now
        if self._early_c_is_fault and self.plant.pilot.state_c and self.charger.signals.v2g_state.value in BEFORE_CABLE_CHECK:
            self.plant.charger_stop_button = True
        if self._ours == "evse":
            self.trip = self.charger.signals.safety_trip.value or self._ours_tripped
            self._ours_tripped = self.trip
        reason = self.ours.signals.stop_reason.value
        if reason is not None and reason is not StopReason.UNPLUGGED:
            self._heard = reason
        if self._unplugged_at == NEVER:
            tries = self.ours.table.connection.machine.restarts if self._pilot_car is not None else self.car.table.connection.machine.restarts
            fruitless = tries > TRIES or now - self._charged_at > PATIENCE
            done = self._pilot_car is not None and self._pilot_car.full and not self.plant.pilot.state_c
            if done:
                self._heard = StopReason.BATTERY_FULL        # nobody says so: the person finds it full
            if fruitless or done:
                self._reason = self._heard
                self._unplugged_at = now + UNPLUG_AFTER
                self.plant.at(self._unplugged_at, self.plant.unplug)
            elif self.ours.signals.connection_state.value in OVER:
                self._reason = self._heard
        elif self._reason is None:
            self._reason = self._heard

    def _do(self, now: int) -> None:
        """Deeds whose state has come are put on the plant's list."""
        before = self._states
        self._states = {node.name: node.signals.v2g_state.value for node, _ in self._deeds}
        for i, (node, deed) in enumerate(self._deeds):
            if self._states[node.name] == deed.state != before.get(node.name) and self._done[i] < deed.times:
                self._done[i] += 1
                self.plant.at(now + max(MS, round(deed.after_s * S)), lambda at, n=node, d=deed: DEEDS[d.what](self, n, d.value, at))


def _set(target: Any, values: Any) -> None:
    """Attributes by dotted path."""
    for path, value in values.items():
        *way, name = path.split(".")
        place = target
        for step in way:
            place = getattr(place, step)
        getattr(place, name)                         # a typing error in a path must not pass
        setattr(place, name, value)
