"""The car: all combinations of discretised facts in every state: closed only with every permit, tripped means state B, no unlocking above 60 V."""
import random

import pytest

from kernel.timer import MS, S
from tasks.safety.facts import PevRequests, SafetyState
from tasks.safety.shutdown import EMERGENCY_CURRENT, NORMAL_CURRENT
from tests.safety import exhaustive_car
from tests.safety.exhaustive_car import B, C, CLOSED, COMBINATIONS, STATES, VALUES, check
from tests.safety.given import facts, pev, requests


@pytest.mark.slow
@pytest.mark.parametrize("state", STATES)
def test_no_combination_of_facts_breaks_an_invariant(state):
    seen = check(state)
    # the test has teeth: what should be possible did happen
    assert seen.combinations == COMBINATIONS // len(STATES)
    assert (seen.begun > 0) is (state in (SafetyState.Idle, SafetyState.Opening, SafetyState.Decay))      # the last two: at rest within the step
    assert (seen.wakings > 0) is (state in (SafetyState.Idle, SafetyState.Opening, SafetyState.Decay))
    assert (seen.closings > 0) is (state is SafetyState.Ready)
    assert (seen.kept > 0) is (state in CLOSED)
    assert (seen.openings > 0) is (state in (SafetyState.CurrentOff, SafetyState.Closing))     # Closing: contacts still travel
    assert seen.unlocks > 0 or state in (*CLOSED, SafetyState.CurrentOff)


def test_the_docstring_says_how_many_they_are():
    assert f"{COMBINATIONS // len(STATES):,} combinations" in exhaustive_car.__doc__ and f"{COMBINATIONS:,} in all" in exhaustive_car.__doc__


@pytest.mark.slow
def test_walks_through_all_states_never_open_early_and_never_unlock_live():
    """Random facts that persist for a while, 10 ms steps: the time properties."""
    opened_forced = opened_calm = 0
    for seed in range(60):
        rng = random.Random(seed)
        s, now = pev(SafetyState.Closed)
        f = facts(contactors=True, inlet_current=60.0)
        wish = requests()
        b_since = None
        for _ in range(2000):
            now += 10 * MS
            if rng.random() < 0.02:
                name = rng.choice(list(VALUES))
                setattr(f, name, rng.choice(VALUES[name]))
            if rng.random() < 0.01:
                wish = rng.choice((requests(), PevRequests(), requests(contactors=False)))
            if rng.random() < 0.01:
                f.inlet_current = 0.0 if b_since is not None else f.inlet_current
            if rng.random() < 0.3:
                f.pilot = C if s.outputs.pilot_c else B
                f.contactors = s.outputs.contactors
                f.temperature, f.stop_button, f.permission, f.lock, f.battery_voltage = 30.0, False, True, True, 350.0
                f.inlet_voltage = 352.0 if s.state in (SafetyState.Ready, *CLOSED) else 0.0
                f.inlet_current = 60.0 if s.state is SafetyState.Closed else f.inlet_current
            f.inlet_current_at = now
            was_closed = s.outputs.contactors
            tripped = bool(s.latch.trips)
            out = s.step(f, wish, now)
            if s.latch.trips and tripped:
                assert not out.pilot_c
            b_since = None if out.pilot_c else (b_since if b_since is not None else now)
            if was_closed and not out.contactors:
                limit = EMERGENCY_CURRENT if s._shutdown.emergency else NORMAL_CURRENT
                calm = f.inlet_current is not None and abs(f.inlet_current) < limit
                assert calm or now - b_since >= 1500 * MS
                opened_calm += calm
                opened_forced += not calm
            if out.lock is False:
                assert f.contactors is False and f.inlet_voltage is not None and f.inlet_voltage <= 60.0
            if s.state is SafetyState.Tripped and rng.random() < 0.05:
                s.reset(f)
    assert opened_calm > 100 and opened_forced > 10


def test_a_stale_current_is_waited_for_until_the_bound():
    for current in (None, 50.0):
        s, now = pev(SafetyState.Closed)
        s.fault(facts(contactors=True, inlet_current=50.0), now)
        start = now
        while s.outputs.contactors:
            now += 10 * MS
            s.step(facts(contactors=True, inlet_current=current, inlet_current_at=now), requests(), now)
        assert now - start == 1500 * MS
        assert any("emergency bound" in n[0] for n in s.report.notes)


def test_without_an_end_of_the_current_a_normal_end_becomes_an_emergency_after_three_seconds():
    s, now = pev(SafetyState.Closed)
    start = now + 10 * MS
    while s.outputs.contactors:
        now += 10 * MS
        s.step(facts(contactors=True, inlet_current=2.0, inlet_current_at=now), PevRequests(), now)
    assert now - start == 3 * S and s.latch.trips[0].name == "current_not_gone"
