"""A bridge: facts under which everything is allowed, and supervisors brought into a state of both sides by the regular way."""
from __future__ import annotations

import dataclasses

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.safety.bridge_supervisor import BridgeSupervisor
from tasks.safety.config import BridgeLimits, BridgeSafetyConfig, PevSafetyConfig, SafetyConfig
from tasks.safety.facts import BridgeFacts, BridgeOutputs, BridgeRequests, PevOutputs, Report, SafetyState
from tasks.safety.vehicle_side import VehicleSide
from tests.safety.given import JUST_NOW, STEP
from tests.safety.given import facts as car

B, C = PilotState.B, PilotState.C
CAR = {f.name: f for f in dataclasses.fields(car())}
SIDES = ("off", "d1", "d2", "ending")
"""Of the vehicle's side: nothing on; d1; d1 and d2; both on and not asked for any more."""


def facts(**changes) -> BridgeFacts:
    """Precharged, both plugs locked, the vehicle's contactors closed, in pilot state C; `vehicle_voltage` is the battery's as well."""
    known = {name: getattr(car(), name) for name in CAR}
    good = BridgeFacts(**known | {"battery_voltage": 350.0}, vehicle_voltage=350.0, vehicle_voltage_at=JUST_NOW, vehicle_steady=True, k=True, d1=True, d2=True,
                       vehicle_lock=True, vehicle_plug=None)
    if "vehicle_voltage" in changes and "battery_voltage" not in changes:
        changes["battery_voltage"] = changes["vehicle_voltage"]
    return dataclasses.replace(good, **changes)


def follow(f: BridgeFacts, s: BridgeSupervisor, at: int, *, battery: float = 350.0, charger: float = 352.0) -> None:
    """Both sides as they would be with these outputs: what is commanded is acknowledged, confirmed and measured."""
    out = s.outputs
    f.pilot, f.contactors = C if out.pilot_c else B, out.contactors
    f.d1, f.d2, f.k = out.d1, out.d2, out.d1
    f.vehicle_lock = f.vehicle_lock if out.vehicle_lock is None else out.vehicle_lock
    f.lock = f.lock if out.lock is None else out.lock
    f.vehicle_voltage = f.battery_voltage = battery if out.d2 else charger if out.contactors else 0.0
    f.inlet_voltage = charger if out.pilot_c or out.contactors else 0.0
    f.vehicle_voltage_at = f.inlet_voltage_at = f.inlet_current_at = at


def requests(pilot_c: bool = True, contactors: bool = True, lock: bool = True, d1: bool = True, d2: bool = True, vehicle_lock: bool = True,
             **rest) -> BridgeRequests:
    return BridgeRequests(pilot_c=pilot_c, lock=lock, contactors=contactors, d1=d1, d2=d2, vehicle_lock=vehicle_lock, **rest)


NOTHING = BridgeRequests()


def config(pev: PevSafetyConfig | None = None, **limits) -> SafetyConfig:
    return SafetyConfig(pev=PevSafetyConfig() if pev is None else pev, bridge=BridgeSafetyConfig(**limits))


def at_rest(pev: PevSafetyConfig | None = None, **limits) -> tuple[BridgeSupervisor, BridgeFacts, int]:
    """Nothing on, nothing asked for, the plug measured dead."""
    s, now = BridgeSupervisor(config(pev, **limits)), S
    f = facts(pilot=B, inlet_voltage=0.0, vehicle_voltage=0.0, d1=False, d2=False, k=False, vehicle_lock=True)
    for now in (S, S + STEP, 2 * S):
        s.step(f, NOTHING, now)
    return s, f, now


def switched_on(side: str = "d2", pev: PevSafetyConfig | None = None, **limits) -> tuple[BridgeSupervisor, BridgeFacts, int]:
    """At rest towards the charger, the vehicle's side in `side`."""
    s, f, now = at_rest(pev, **limits)
    if side == "off":
        return s, f, now
    for wish in (requests(False, False, False, d2=False), *[requests(False, False, False)] * (side != "d1"), *[NOTHING] * 2 * (side == "ending")):
        f.contactors = None if wish is NOTHING and f.contactors is False else False      # else it would have fallen at once
        if not s.outputs.d2:
            now += 7 * S if not limits.get("vehicle_voltmeter_fitted", True) else STEP
        s.step(f, wish, now)
        f.d1, f.d2, f.k = s.outputs.d1, s.outputs.d2, s.outputs.d1
        if s.outputs.d2:
            f.vehicle_voltage = f.battery_voltage = 350.0
    return s, f, now


def bridge(state: SafetyState, pev: PevSafetyConfig | None = None, **limits) -> tuple[BridgeSupervisor, BridgeFacts, int]:
    """In `state` towards the charger; d2 is on wherever the contactor is, was or is to be closed."""
    s, f, now = switched_on("d2", pev, **limits)
    assert s.outputs.d1 and s.outputs.d2, s.outputs
    if state is SafetyState.Idle:
        return s, f, now
    if state is SafetyState.Waking:
        f.duty, now = 100.0, now + STEP
        s.step(f, requests(False, False, False, wake=True), now)
        return s, f, now
    now += STEP
    s.step(f, requests(contactors=False), now)
    f.pilot, f.inlet_voltage = C, 352.0
    if state is SafetyState.Ready:
        return s, f, now
    now += STEP
    s.step(f, requests(), now)
    if state is SafetyState.Closing:
        return s, f, now
    f.contactors, now = True, now + 40 * MS
    s.step(f, requests(), now)
    if state is SafetyState.Closed:
        return s, f, now
    now += S
    f.inlet_current, f.inlet_current_at = 50.0, now
    s.step(f, requests(contactors=False, pilot_c=False), now)
    f.pilot = B
    if state is SafetyState.Tripped:
        s.fault(f, now)
    if state is SafetyState.CurrentOff:
        return s, f, now
    now += 20 * MS
    f.inlet_current, f.inlet_current_at = 0.0, now
    s.step(f, requests(contactors=False, pilot_c=False), now)
    if state is SafetyState.Opening:
        return s, f, now
    f.contactors, now = False, now + 20 * MS
    if state is SafetyState.Tripped:
        f.inlet_voltage = 0.0
    s.step(f, requests(contactors=False, pilot_c=False), now)
    return s, f, now


def commanded(s: BridgeSupervisor) -> str:
    """Of the outputs that are on, as words in the order in which they must go off."""
    out: PevOutputs = s.outputs
    return " ".join(name for name, on in (("C", out.pilot_c), ("contactor", out.contactors), ("d2", s.outputs.d2), ("d1", s.outputs.d1)) if on)


START = 10 * S
D1 = requests(False, False, False, d2=False, vehicle_lock=False)
BOTH = requests(False, False, False)
LOCK = requests(False, False, False, d1=False, d2=False)


class Plug:
    """One VehicleSide with the facts at its plug; drivers acknowledge at once unless `deaf`."""

    def __init__(self, pev: PevSafetyConfig | None = None, **limits) -> None:
        self.out, self.report, self.now = BridgeOutputs(), Report(), START
        self.side = VehicleSide(BridgeLimits(PevSafetyConfig() if pev is None else pev, BridgeSafetyConfig(**limits)), self.out, self.report)
        self.f: BridgeFacts = facts(vehicle_voltage=0.0, d1=False, d2=False, inlet_current=0.0)
        self.deaf = False
        self.step(NOTHING)

    def step(self, wish, at: int = 0, tripped: bool = False, **changes) -> BridgeOutputs:
        """At `at`, which is no earlier than what was before; one tick later when it is not given."""
        self.now = at or self.now + 10 * MS
        for name, value in changes.items():
            setattr(self.f, name, value)
        self.f.vehicle_voltage_at = self.now
        self.side.step(self.f, wish, tripped, self.now)
        if not self.deaf:
            self.f.d1, self.f.d2 = self.out.d1, self.out.d2
        return self.out

    def on(self, closed: bool = False) -> "Plug":
        """d1 and d2 on, the vehicle's contactors closed; `closed`: the bridge contactor as well."""
        self.step(D1)
        self.step(BOTH)
        assert (self.out.d1, self.out.d2) == (True, True)
        self.f.vehicle_voltage = 350.0
        if closed:
            self.out.contactors = True
            self.step(BOTH, contactors=True)
        return self

    def told(self) -> list[str]:
        return [text % arguments for text, arguments, _ in self.report.drain()]
