"""The charger: every combination of discretised facts and wishes in every state and equipment, one step from each; the invariants are written anew.

6 states of the pilot, 6 voltages and 5 currents (among them measurements that are older than the shutdown), insulation, supervision, button, contactor
and lock with 3 values each, 9 wishes; with and without contactor and lock, in each state (24 of them) and, with 2 wishes, at each instant at which
time decides (50): 6,609,600 combinations, about 40 s.
"""
from __future__ import annotations

import itertools
from math import isfinite, nan

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.safety.evse_supervisor import EvseSupervisor
from tasks.safety.facts import EvseFacts, EvseRequests, SafetyState
from tests.safety.charger_moments import CONFIG, EQUIPMENT, RELEASED, TRIP_TO_STEADY, Moment, moments
from tests.safety.given import evse_facts, output
from tests.safety.saved import Seen

OLD, NEW = False, True      # measured when the shutdown began, measured now
PILOTS = (None, PilotState.A, PilotState.B, PilotState.C, PilotState.D, PilotState.F)      # E like F: test_permits.py asks it
VOLTAGES = ((None, NEW), (0.0, NEW), (0.0, OLD), (60.1, NEW), (350.0, NEW), (600.0, NEW))     # unlock_v is 60 V, the class ends at 550 V
CURRENTS = ((None, NEW), (0.0, NEW), (0.0, OLD), (3.0, NEW), (50.0, NEW))
ISOLATIONS = (None, 1e6, 10.0)
YES_NO = (None, False, True)
ABSENT = (None,)            # the adapter says None where there is no contactor or lock
WISHES = (output(), RELEASED, output(duty=6.0), output(9e9, 9e9), output(nan), output(current=-1.0, duty=nan), output(duty=None),
          EvseRequests(duty=100.0, lapsed=True), EvseRequests(duty=0.0))
SHORT = 2                   # wishes asked at the instants at which time decides; the states as such are asked all
#: How long these may be bad without interruption; everything else is bad at once.
HOLDS = {"isolation": 3 * S, "isolation_unknown": 10 * S, "output_overcurrent": S}
ORDINARY = frozenset({"supervision_silent", "isolation", "isolation_unknown"})      # trips that leave the current its time; all others are emergencies
Idle, Closing, Delivering = SafetyState.Idle, SafetyState.Closing, SafetyState.Delivering
CurrentOff, Opening, Decay, Tripped = SafetyState.CurrentOff, SafetyState.Opening, SafetyState.Decay, SafetyState.Tripped
CAR_READY = (PilotState.C, PilotState.D)


def wished(m: Moment) -> tuple[EvseRequests, ...]:
    return WISHES if m.regular else WISHES[:SHORT]


def facts_of(m: Moment) -> tuple:
    return PILOTS, VOLTAGES, CURRENTS, ISOLATIONS, YES_NO, YES_NO, YES_NO if m.contactor else ABSENT, YES_NO if m.lock else ABSENT


def combinations(m: Moment) -> int:
    n = len(wished(m))
    for values in facts_of(m):
        n *= len(values)
    return n


def totals() -> tuple[int, int]:
    """(moments, combinations) of all equipments."""
    every = [m for fitted in EQUIPMENT for m in moments(*fitted)]
    return len(every), sum(map(combinations, every))


# --- the rules ---------------------------------------------------------------------------------------------------------------

def held(m: Moment, name: str, bad: bool) -> bool:
    """Bad for longer than it may be."""
    return bad and m.now - m.bad_since.get(name, m.now) >= HOLDS[name]


def wanted(r: EvseRequests) -> bool:
    return isfinite(r.voltage) and r.voltage > 0.0 and isfinite(r.current) and r.current >= 0.0


def permitted(m: Moment, f: EvseFacts, r: EvseRequests) -> bool:
    """A finite wish that was seen released before, 5 % on the line and to stay, the car in C or D as measured, locked, nobody at the
    button, a stop is heard, voltage in its class, current known, no trip."""
    return (m.armed and not m.trips and wanted(r) and f.connection_alive is True
            and m.duty == 5.0 == r.duty and f.pilot in CAR_READY and (f.lock is True or not m.lock) and f.stop_button is False
            and f.output_voltage is not None and f.output_voltage <= 550.0 and f.output_current is not None)


def may_energise(m: Moment, f: EvseFacts, r: EvseRequests) -> bool:
    """Also the contactor is confirmed."""
    return permitted(m, f, r) and (f.contactors is True or not m.contactor)


def may_go_on(m: Moment, f: EvseFacts, r: EvseRequests) -> bool:
    return (may_energise(m, f, r)
            and not held(m, "isolation", f.isolation == 10.0) and not held(m, "isolation_unknown", f.isolation is None and f.output_voltage > 100.0)
            and not held(m, "output_overcurrent", f.output_current > 40.0))


def calm(f: EvseFacts, off_at: int, limit: float) -> bool:
    """Measured after the power went off, and small."""
    return f.output_current is not None and f.output_current_at > off_at and -limit < f.output_current < limit


def judge(m: Moment, f: EvseFacts, r: EvseRequests, s: EvseSupervisor, seen: Seen) -> None:
    """One step is over; AssertionError when it broke an invariant."""
    out, after, trips = s.outputs, s.state, s.latch.trips
    was_on, was_closed = m.state is Delivering, m.state in (Closing, Delivering, CurrentOff) and m.contactor
    off_at = m.now if m.off_at is None else m.off_at
    # power: in one state only, with every permit, within the limits; a trip ends it in this very step
    assert out.on is (after is Delivering)
    if out.on:
        assert not trips
        assert may_energise(m, f, r)
        assert out.voltage == min(r.voltage, CONFIG.max_voltage_v) and out.current == min(r.current, CONFIG.max_current_a)
        if was_on:
            assert may_go_on(m, f, r)
            seen.kept += 1
        else:
            assert m.state in ((Closing,) if m.contactor else (Idle, CurrentOff, Decay))
            assert m.state is not CurrentOff or calm(f, off_at, 1.0)
            seen.begun += 1
    else:
        assert out.voltage == 0.0 and out.current == 0.0
        assert not was_on or not may_go_on(m, f, r)
    # trips stay, in their order
    assert trips[:len(m.trips)] == list(m.trips)
    seen.tripped += len(trips) > len(m.trips)
    # contactor: closed from rest with every permit; open when the current is measured to be gone, or at the bound
    if out.contactors:
        assert m.contactor and after in (Closing, Delivering, CurrentOff)
        if not was_closed:
            assert after is Closing and m.state is Idle and permitted(m, f, r) and f.contactors is False and -60.0 <= f.output_voltage <= 60.0
            seen.closings += 1
    elif was_closed:
        emergency = any(t.name not in ORDINARY for t in trips)
        gone = calm(f, off_at, 5.0 if emergency else 1.0)
        assert m.state is CurrentOff and (gone or emergency and m.now - off_at >= 1500 * MS)
        seen.openings += 1
        seen.forced += not gone
    assert after is not Closing or m.state is not Closing or m.now - m.saved.now < 200 * MS     # contactor_travel_ms
    # lock: moved where there is one, closed only on a plug; released at rest only, discharged as measured since the power went off, contactor
    # confirmed open, nobody about to charge
    assert out.lock is None or m.lock and (out.lock is False or f.pilot not in (None, PilotState.A))
    if out.lock is False:
        assert after in (Idle, Tripped) and (f.contactors is False or not m.contactor) and not out.contactors
        assert f.output_voltage is not None and f.output_voltage_at > off_at and -60.0 <= f.output_voltage <= 60.0
        assert after is Tripped or f.pilot not in CAR_READY and not wanted(r)
        seen.unlocks += 1
    # pilot: the wish at rest, what it was while current can flow, steady 2.5 s after a trip and not before
    if trips:
        expected = 100.0 if m.now - (m.now if m.tripped_at is None else m.tripped_at) >= TRIP_TO_STEADY else m.duty
        seen.steady += expected == 100.0 != m.duty
    elif after is Idle or after is Decay:
        expected = r.duty if r.duty is not None and (3.0 <= r.duty <= 100.0 or r.duty == 0.0) else 100.0
    else:
        expected = m.duty
    assert out.duty == expected and (3.0 <= out.duty <= 100.0 or out.duty == 0.0 and not out.on and not out.contactors)


def check(m: Moment) -> Seen:
    """One step from this moment with every combination; AssertionError at the first that breaks an invariant, saying which."""
    seen, restore, now = Seen(), m.saved.restore, m.now
    old = now if m.off_at is None else m.off_at
    f = evse_facts()
    for r in wished(m):
        for f.pilot, (f.output_voltage, voltage), (f.output_current, current), f.isolation, f.connection_alive, f.stop_button, f.contactors, f.lock in (
                itertools.product(*facts_of(m))):
            f.output_voltage_at, f.output_current_at = now if voltage else old, now if current else old
            s = restore()
            s.step(f, r, now)
            seen.combinations += 1
            try:
                judge(m, f, r, s, seen)
            except AssertionError as e:
                where = f"{m.name}, contactor {m.contactor}, lock {m.lock}"
                raise AssertionError(f"{where}: {f}, {r}: {s.state}, {s.outputs}, {[t.name for t in s.latch.trips]}") from e
    return seen
