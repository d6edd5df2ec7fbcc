"""The worlds in which the car's box is a bridge, with a CHAdeMO car at its other plug: the clean charge, what is observed, which cases there are.

Triggers: every message to the bridge, every state of its V2G, connection and safety machines, and every state of `chademo_state` and
`bridge_phase`; each of these as often as it comes, because a first connection only looks at the car (`@chademo.D1On` and `@chademo.D1On#2`).
"""
from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Iterator

from drivers.sim.plant_config import PlantConfig
from kernel.journal import Event
from kernel.timer import S
from tasks.config import Config
from tests.matrix import bridge_faults
from tests.matrix.expect import parts
from tests.matrix.generate import Reference, nothing_case, plant_case, reference, singles
from tests.matrix.middle import Passing
from tests.matrix.trial import Case, Trial
from tests.matrix.worlds import BRIDGE, BRIDGE_ONCE, BRIDGE_SINGLE, BRIDGE_SLOW
from tools.simulate.chademo.bridge_charge import BridgeCharge
from tools.simulate.chademo.profiles import PROFILES
from tools.simulate.chademo.traits import REPORT

CAR = "leaf40"                   # two connections, a moving limit, 0x110: everything that the sheet's 2.7 has (log B)
OTHERS = (BRIDGE_SINGLE, BRIDGE_ONCE, BRIDGE_SLOW)
HABITS: dict[str, dict[str, Any]] = {
    BRIDGE_SLOW: {"time_valid_s": 4.5},                  # its charging time is known so late, after its permission: `@chademo.Check` lasts
    BRIDGE_SINGLE: {"current_judged": REPORT},           # who measures takes no pretended ampere for a real one (sheet 3.2, SX)
}
SHARE = 12                       # one in so many cases is tried in each of the OTHERS
MACHINES = ("chademo", "bridge", "current")
FLOWS = 40.0                     # A: `@current.Flows`; the states alone come before or after the current
MOST_TOLD = 4
DONE = frozenset({None, "Idle", "Ended"})
UNDER_CURRENT = S                # before the last round of the charging loop: some 50 A
SMALL_CURRENT = 5.0              # A: the current counts as gone (sheet 2.2 row 14)


@dataclass(slots=True)
class Bridged:
    """What a case of these worlds shows beside its outcome. `side`, `phase`: when the fault came."""

    side: str | None = None
    phase: str | None = None
    stop: str | None = None              # why the CHAdeMO side ended
    dtcs: dict[str, int] = field(default_factory=dict)       # trouble codes in the car
    tripped: list[str] = field(default_factory=list)         # the car's checks
    flowed: bool = False                 # current, when the fault came
    gone: int | None = None              # ns to 5 A
    locked_at_end: bool = False          # the CHAdeMO plug
    live_at_end: bool = False
    signals_at_end: str = ""             # d1, d2
    told: list[str] = field(default_factory=list)            # errors in the box's journal that speak of a lock


class _Charge(BridgeCharge):
    """As Trial makes its Charge."""

    def __init__(self, config: Config, plant: PlantConfig, codec: Any, seed: int, **more: Any) -> None:
        super().__init__(replace(PROFILES[CAR], **HABITS.get(self._equipment, {})), None, config, plant, codec, seed, **more)


class BridgeTrial(Trial, _Charge):
    """The clean charge of a CHAdeMO car. The driver presses stop at the box, when the car's own checks have had their time."""

    charging_time = 3 * S            # 20 A/s up (sheet 2.2 number 12): 60 A flow
    after_fault = 8 * S              # the car judges deviations after 5 s (sheet 1.5)
    rest_time = 2 * S                # the plug decays below 10 V within 2 s (sheet 2.2 row 18), then its lock turns

    def __init__(self, *args: Any) -> None:
        self._counts: Counter[str] = Counter()
        self._machines: tuple = (None, None, None)
        self._told: list[str] = []
        super().__init__(*args)
        self.car.journal.add_sink(self._tell)

    def begin(self, case: Case, message: Passing | None) -> bool:
        self._seen = Bridged(*self._read_states()[6:8], flowed=self.plant.current > SMALL_CURRENT)
        dealt = super().begin(case, message)
        self.outcome.bridged = self._seen
        return dealt

    def _tell(self, event: Event) -> None:
        if event.level == "error" and "locked" in event.message() and len(self._told) < MOST_TOLD:
            self._told.append(event.message())

    def _watch(self) -> None:
        self.bridge_invariants.look()        # before a fault may begin in this instant
        super()._watch()

    def _read_states(self) -> tuple:
        signals, plant = self.car.signals, self.plant
        flows = "Flows" if plant.current >= FLOWS else None
        return (*super()._read_states(), signals.chademo_state.value, signals.bridge_phase.value, flows, plant.d1, plant.d2, plant.vehicle_lock.commanded)

    def _newly(self, states: tuple) -> Iterator[tuple[str, str, int]]:
        yield from super()._newly(states)
        for machine, was, state in zip(MACHINES, self._machines, states[6:9]):
            if state != was and state is not None:
                name = f"@{machine}.{state}"
                self._counts[name] += 1
                yield "pev", name, self._counts[name]
        self._machines = states[6:9]

    def _charges(self, states: tuple) -> bool:
        return states[6] == "Charge"

    def _quiet(self, states: tuple) -> bool:
        return super()._quiet(states) and (states[6] in DONE or ("pev", "chademo") in self.silenced) and not self.plant.d1 and not self.plant.d2

    def _observe(self, now: int) -> None:
        super()._observe(now)
        if self._seen.flowed and self._seen.gone is None and abs(self.plant.current) <= SMALL_CURRENT:
            self._seen.gone = now - self.outcome.at

    def _judge(self) -> None:
        super()._judge()
        o, seen, plant, vehicle = self.outcome, self._seen, self.plant, self.vehicle
        self.car.journal.flush()
        stop = self.car.signals.chademo_stop.value
        seen.stop = None if stop is None else stop.name
        seen.dtcs, seen.tripped = dict(vehicle.dtcs), list(dict.fromkeys(vehicle.tripped))
        seen.locked_at_end = plant.vehicle_lock.position
        seen.told = self._told
        seen.live_at_end = plant.plug_voltage > 60.0
        seen.signals_at_end = " ".join(name for name, on in (("d1", plant.d1), ("d2", plant.d2)) if on)
        if seen.signals_at_end or o.ends["pev"] is not None and self.car.signals.chademo_state.value not in DONE and ("pev", "chademo") not in self.silenced:
            o.still.append(f"CHAdeMO side {self.car.signals.chademo_state.value} {seen.signals_at_end}")
            o.at_rest = False
        o.broken += [str(b) for b in self.bridge_invariants.broken]


# --- which cases ------------------------------------------------------------------------------------------------------

@lru_cache(maxsize=1)
def every(seed: int) -> tuple[Reference, list[Case]]:
    """What passes in a clean charge, and every single fault of the usual strategy; kept, so nobody may change them."""
    found = _ours(reference(seed, BRIDGE, BridgeTrial))
    return found, [_called(c, BRIDGE) for c in singles(found, seed, bridge_faults.named)]


def _ours(found: Reference) -> Reference:
    """Its triggers at the bridge alone: a charger in front of a bridge is no other charger. One CurrentDemandRes that comes under current is among them."""
    messages = [p for p in found.messages if p.to == "pev"]
    loop = [p for p in messages if p.name == "CurrentDemandRes"]
    powered = next(p for p in loop if p.at >= loop[-1].at - UNDER_CURRENT)
    return replace(found, messages=messages, states=[t for t in found.states if t[0] == "pev"], fresh=found.fresh | {("pev", powered.name, powered.n)})


def _called(case: Case, world: str) -> Case:
    """`pev/...` is `bridge/...` here; the usual strategy has no ending."""
    name = f"bridge/{case.name.removeprefix('pev/').removeprefix('bridge/')}"
    return replace(case, name=name if world == BRIDGE else f"{name}/{world}", world=world)


def samples(alone: list[Case], seed: int) -> list[Case]:
    """One in SHARE of the cases in each of the other worlds, as far as their triggers come there; and in each of their states nothing, and in
    those that come nowhere else every fault of a bridge's own."""
    cases: list[Case] = []
    usual = {c.trigger for c in alone}
    for world in OTHERS:
        found = _ours(reference(seed, world, BridgeTrial))
        there = [c for c in alone if c.trigger in found.triggers and c.group != "none"]
        chosen = random.Random(f"{seed} {world}").sample(there, len(there) // SHARE)
        for trigger in found.states:
            chosen.append(nothing_case(trigger))
            if trigger not in usual:
                chosen += [plant_case(trigger, name, fault) for name, fault in bridge_faults.OWN.items()]
        cases += [_called(c, world) for c in chosen]
    return cases


def values(case: Case) -> tuple[tuple[str, str], ...]:
    """(dimension, value) of a case, as in choose.py: for a choice that has to be short each fault of a bridge's own, each class, each trigger's name."""
    first, plant = parts(case.group)
    found = [("world", case.world), ("message or state", case.trigger[1])]
    if plant in bridge_faults.OWN:
        found.append(("fault of the plant", plant))
    elif first:
        found.append(("class", first))
    return tuple(found)
