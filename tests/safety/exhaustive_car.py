"""The car: every combination of discretised facts in every state, one step from each; the invariants are written anew, not taken from the code.

9 facts with 2 to 4 values, five wishes: 155,520 combinations in each of 9 states, 1,399,680 in all.
"""
from __future__ import annotations

import itertools
from math import prod

from drivers.interfaces import PilotState
from kernel.timer import MS
from tasks.safety.facts import PevFacts, SafetyState
from tasks.safety.shutdown import EMERGENCY_CURRENT, NORMAL_CURRENT
from tests.safety.given import NOTHING, WAKE, facts, pev, requests
from tests.safety.saved import Saved, Seen

A, B, C = PilotState.A, PilotState.B, PilotState.C
AFTER = 100 * MS
VALUES = {
    "pilot": (None, A, B, C),
    "inlet_voltage": (None, 0.0, 352.0, 365.0),     # 365: beyond 10 V, within 20 V
    "battery_voltage": (None, 350.0),
    "permission": (None, False, True),
    "lock": (None, False, True),
    "contactors": (None, False, True),
    "temperature": (None, 30.0, 80.0),
    "stop_button": (None, False, True),
    "inlet_current": (None, 0.0, 3.0, 50.0),
}
WISHES = ((requests(), 5.0), (NOTHING, 5.0), (WAKE, 100.0), (WAKE, 5.0), (WAKE, 16.0))         # and the duty on the line
STATES = tuple(s for s in SafetyState if s is not SafetyState.Delivering)
COMBINATIONS = len(STATES) * len(WISHES) * prod(map(len, VALUES.values()))
CLOSED = (SafetyState.Closing, SafetyState.Closed)


def permits(f: PevFacts, match: float) -> bool:
    """Written anew, not taken from the table."""
    return (f.pilot is C and f.lock is True and f.permission is True and f.temperature is not None and f.temperature <= 70.0
            and f.stop_button is False and f.inlet_current is not None
            and f.inlet_voltage is not None and f.battery_voltage is not None and abs(f.inlet_voltage - f.battery_voltage) <= match)


def check(state: SafetyState) -> Seen:
    """One step from `state` with every combination; AssertionError at the first that breaks an invariant."""
    saved, seen = Saved(*pev(state)), Seen()
    now = saved.now + AFTER
    f = facts(inlet_current_at=now)
    names = tuple(VALUES)
    for wish, f.duty in WISHES:
        for values in itertools.product(*VALUES.values()):
            for name, value in zip(names, values):
                setattr(f, name, value)
            s = saved.restore()
            was_closed, was_c, before = s.outputs.contactors, s.outputs.pilot_c, len(s.latch.trips)
            out = s.step(f, wish, now)
            after = s.state
            seen.combinations += 1
            # I1, and while closed: every permit fresh and true (a difference beyond 20 V is judged after its hold)
            if after is SafetyState.Closing and state is not SafetyState.Closing:
                assert permits(f, 10.0) and f.contactors is False and state is SafetyState.Ready, f
                seen.closings += 1
            if after in CLOSED:
                assert permits(f, 1000.0) and out.pilot_c and wish.contactors, f
                seen.kept += was_closed
            if after is SafetyState.Closed:
                assert f.contactors is True, f
            if out.contactors and after not in CLOSED:
                assert after is SafetyState.CurrentOff, f
            # tripped means state B, at once
            if s.latch.trips or wish is NOTHING:
                assert not out.pilot_c, f
            # the toggle that a charger wakes by or counts: nobody offers AC, the inlet is dead, and it never lasts
            if wish is WAKE and out.pilot_c:
                assert after is SafetyState.Waking and f.duty in (100.0, 5.0), f
                assert state is not SafetyState.Waking or f.duty == 100.0, "begun at X1, and the charger has woken up"
                if state is not SafetyState.Waking:
                    assert f.pilot is B and f.contactors is False and f.inlet_voltage == 0.0, f
                    seen.wakings += 1
            assert (after is SafetyState.Waking) <= (wish is WAKE and out.pilot_c), f
            # I2: opening only with a current known to be small
            if was_closed and not out.contactors:
                limit = EMERGENCY_CURRENT if s._shutdown.emergency else NORMAL_CURRENT
                assert f.inlet_current is not None and abs(f.inlet_current) < limit, f
                assert not out.pilot_c, f                                              # I5
                seen.openings += 1
            # I3
            if out.lock is False:
                assert f.contactors is False and f.inlet_voltage is not None and abs(f.inlet_voltage) <= 60.0, f
                assert after in (SafetyState.Idle, SafetyState.Tripped), f
                seen.unlocks += 1
            seen.begun += out.pilot_c and not was_c
            seen.tripped += len(s.latch.trips) > before
    return seen
