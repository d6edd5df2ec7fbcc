"""A bridge: every combination of discretised facts of both sides, one step from every state of either; the invariants are written anew, not taken from the code.

10 facts with 2 to 4 values, five wishes: 233,280 combinations from each of 12 states, 2,799,360 in all. The car's own facts are gone through in exhaustive_car.py.
"""
from __future__ import annotations

import itertools
from math import prod

from kernel.timer import MS
from tasks.safety.facts import SafetyState
from tests.safety.given_bridge import NOTHING, B, C, bridge, requests, switched_on
from tests.safety.saved import Saved, Seen

AFTER = 120 * MS             # longer than d2 is held after the bridge opened, much shorter than any bound
VALUES = {
    "vehicle_voltage": (None, 0.0, 10.0, 350.0),
    "inlet_voltage": (0.0, 352.0, 365.0),              # 365: beyond 10 V, within 20 V
    "k": (None, False, True),
    "d1": (None, False, True),
    "d2": (None, False, True),
    "vehicle_lock": (None, False, True),
    "contactors": (None, False, True),
    "inlet_current": (None, 0.0, 50.0, -50.0),         # charged, or discharged
    "stop_button": (False, True),
    "vehicle_plug": (None, False),
}
WISHES = (requests(), requests(contactors=False), requests(d2=False), requests(False, False, False, vehicle_lock=False), NOTHING)
STATES = tuple(s for s in SafetyState if s is not SafetyState.Delivering)
STARTS = {**{s.name: (bridge, s) for s in STATES}, "off": (switched_on, "off"), "d1": (switched_on, "d1"), "ending": (switched_on, "ending")}
COMBINATIONS = len(STARTS) * len(WISHES) * prod(map(len, VALUES.values()))
CLOSED = (SafetyState.Closing, SafetyState.Closed)


def dead(voltage: float | None, limit: float) -> bool:
    return voltage is not None and abs(voltage) < limit


def check(start: str) -> Seen:
    """One step from `start` with every combination; AssertionError at the first that breaks an invariant."""
    make, what = STARTS[start]
    s, f, now = make(what)
    saved, seen = Saved(s, now), Seen()
    now += AFTER
    f.inlet_current_at = f.vehicle_voltage_at = f.inlet_voltage_at = now
    f.pilot = C if s.outputs.pilot_c else B
    was_state, names = s.state, tuple(VALUES)
    for wish in WISHES:
        for values in itertools.product(*VALUES.values()):
            for name, value in zip(names, values):
                setattr(f, name, value)
            f.battery_voltage = f.vehicle_voltage
            s = saved.restore()
            out = s.outputs
            was_closed, was_c, was_d1, was_d2, before = out.contactors, out.pilot_c, out.d1, out.d2, len(s.latch.trips)
            s.step(f, wish, now)
            after, trips = s.state, s.latch.trips
            seen.combinations += 1
            # no contactor without the car behind it: signals, permission, lock, and its own voltage matched
            if out.contactors and not was_closed:
                assert was_state is SafetyState.Ready and after is SafetyState.Closing and f.contactors is False, f
                assert f.d1 is True and f.d2 is True and f.k is True and f.vehicle_lock is True and abs(f.inlet_voltage - f.vehicle_voltage) <= 10.0, f
                assert wish.contactors and wish.d1 and wish.d2 and was_d2 and out.d2, f
                seen.closings += 1
            if after in CLOSED:
                assert out.d1 and out.d2 and f.d1 is True and f.d2 is True and f.vehicle_lock is True and f.vehicle_voltage is not None, f
                assert wish.contactors and wish.d1 and wish.d2 and f.vehicle_plug is None, f
                seen.kept += was_closed
            # the vehicle closes its contactors on nothing, behind an open bridge, locked and willing
            if out.d2 and not was_d2:
                assert dead(f.vehicle_voltage, 10.0) and f.contactors is False and not out.contactors and not was_closed and f.k is True, f
                assert f.vehicle_lock is True and f.d1 is True and was_d1 and f.vehicle_plug is None and wish.d1 and wish.d2 and not trips, f
                seen.d2_on += 1
            # and is never made to open under load: the bridge first
            if was_d2 and not out.d2:
                assert not was_closed and not out.contactors and f.contactors is False and f.inlet_current == 0.0 and out.d1, f
                assert trips or not (wish.d1 and wish.d2), f
                seen.d2_off += 1
            if was_d1 and not out.d1:
                assert not was_d2 and not out.d2 and (trips or not wish.d1), f
                seen.d1_off += 1
            assert out.d1 or not out.d2, f
            assert out.d2 or not out.contactors, f
            # the plug
            if out.vehicle_lock is False:
                assert not out.d1 and not out.d2 and f.d1 is False and f.d2 is False and f.contactors is False and not out.contactors, f
                assert f.vehicle_voltage in (0.0, 10.0) and not wish.vehicle_lock, f
                seen.released += 1
            # tripped means state B in the same step, and nothing comes on
            if trips:
                assert not out.pilot_c and (was_d1 or not out.d1) and (was_d2 or not out.d2) and (was_closed or not out.contactors), f
            if was_closed and not out.contactors:
                assert not out.pilot_c and f.inlet_current == 0.0, f
                seen.openings += 1
            seen.begun += out.pilot_c and not was_c
            seen.tripped += len(trips) > before
            seen.unlocks += out.lock is False
    return seen
