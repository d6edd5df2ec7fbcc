"""All combinations of discretised facts in every state: closed only with every permit, tripped means state B, no unlocking above 60 V."""
import itertools
import random

import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.safety.facts import EvseRequests, PevFacts, PevRequests, SafetyState
from tasks.safety.shutdown import EMERGENCY_CURRENT, NORMAL_CURRENT
from tests.safety.given import evse, evse_facts, facts, output, pev, requests

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
CLOSED = (SafetyState.Closing, SafetyState.Closed)


class Saved:
    """Brings a supervisor back to a state without driving it there again."""

    def __init__(self, state: SafetyState) -> None:
        self.supervisor, self.now = pev(state)
        s = self.supervisor
        self.plain = {k: v for k, v in vars(s).items() if k.startswith("_") and k != "_shutdown"} | {"state": s.state, "blocked": ""}
        self.outputs = (s.outputs.pilot_c, s.outputs.contactors, s.outputs.lock)
        self.trips = list(s.latch.trips)
        self.shutdown = {n: getattr(s._shutdown, n) for n in s._shutdown.__slots__}

    def restore(self):
        s = self.supervisor
        for name, value in self.plain.items():
            setattr(s, name, value)
        s.outputs.pilot_c, s.outputs.contactors, s.outputs.lock = self.outputs
        s.latch.clear()
        s.latch.trips.extend(self.trips)
        s.latch.emergency = any(t.emergency for t in self.trips)
        s.latch._state = s.state
        s.latch._present = s.latch._rows[s.state]
        for name, value in self.shutdown.items():
            setattr(s._shutdown, name, value)
        s.report.notes.clear()
        return s


def permits(f: PevFacts, match: float) -> bool:
    """Written anew, not taken from the table."""
    return (f.pilot is C and f.lock is True and f.permission is True and f.temperature is not None and f.temperature <= 70.0
            and f.stop_button is False and f.inlet_current is not None
            and f.inlet_voltage is not None and f.battery_voltage is not None and abs(f.inlet_voltage - f.battery_voltage) <= match)


@pytest.mark.slow
@pytest.mark.parametrize("state", list(s for s in SafetyState if s is not SafetyState.Delivering))
def test_no_combination_of_facts_breaks_an_invariant(state):
    saved = Saved(state)
    f = facts(inlet_current_at=saved.now + AFTER)
    now = saved.now + AFTER
    everything, nothing = requests(), PevRequests()
    closings = unlocks = openings = 0
    names = tuple(VALUES)
    for wish in (everything, nothing):
        for values in itertools.product(*VALUES.values()):
            for name, value in zip(names, values):
                setattr(f, name, value)
            s = saved.restore()
            was_closed, was_state = s.outputs.contactors, s.state
            out = s.step(f, wish, now)
            after = s.state
            # I1, and while closed: every permit fresh and true (a difference beyond 20 V is judged after its hold)
            if after is SafetyState.Closing and was_state is not SafetyState.Closing:
                assert permits(f, 10.0) and f.contactors is False and was_state is SafetyState.Ready
                closings += 1
            if after in CLOSED:
                assert permits(f, 1000.0) and out.pilot_c and wish is everything
            if after is SafetyState.Closed:
                assert f.contactors is True
            if out.contactors and after not in CLOSED:
                assert after is SafetyState.CurrentOff
            # tripped means state B, at once
            if s.latch.trips or wish is nothing:
                assert not out.pilot_c
            # I2: opening only with a current known to be small
            if was_closed and not out.contactors:
                limit = EMERGENCY_CURRENT if s._shutdown.emergency else NORMAL_CURRENT
                assert f.inlet_current is not None and abs(f.inlet_current) < limit
                assert not out.pilot_c                                                # I5
                openings += 1
            # I3
            if out.lock is False:
                assert f.contactors is False and f.inlet_voltage is not None and abs(f.inlet_voltage) <= 60.0
                assert after in (SafetyState.Idle, SafetyState.Tripped)
                unlocks += 1
    # the test has teeth: what should be possible did happen
    assert (closings > 0) is (state is SafetyState.Ready)
    assert (openings > 0) is (state in (SafetyState.CurrentOff, SafetyState.Closing))     # Closing: contacts still travel
    assert unlocks > 0 or state in (*CLOSED, SafetyState.CurrentOff)


@pytest.mark.slow
@pytest.mark.parametrize("contactor, lock", [(False, False), (True, True)])
@pytest.mark.parametrize("delivering", [False, True])
def test_the_charger_delivers_only_with_every_permit(contactor, lock, delivering):
    domains = {
        "pilot": (None, A, B, C, PilotState.F),
        "output_voltage": (None, 0.0, 350.0, 600.0),
        "output_current": (None, 0.0, 50.0),
        "isolation": (None, 1e6, 10.0),
        "stop_button": (None, False, True),
        "contactors": (None, False, True),
        "lock": (None, False, True),
    }
    wishes = (output(), output(voltage=0.0), output(float("nan")), output(current=float("inf")), output(-5.0), output(duty=None), output(9e9, 9e9), EvseRequests())
    delivered = 0
    for values in itertools.product(*domains.values()):
        for wish in wishes:
            s, now = evse(delivering, contactor, lock)
            f = evse_facts(output_current_at=now + AFTER, **dict(zip(domains, values)))
            out = s.step(f, wish, now + AFTER)
            if out.on:
                delivered += 1
                assert f.pilot is C and f.stop_button is False and f.output_current is not None
                assert f.output_voltage is not None and f.output_voltage <= 550.0
                assert wish is wishes[0] or (wish is wishes[6] and (out.voltage, out.current) == (500.0, 125.0))
                assert not s.latch.trips and s.state is SafetyState.Delivering
                assert f.lock is True or not lock
                assert f.contactors is True or not contactor
            else:
                assert out.voltage == out.current == 0.0
            if out.lock is False:
                assert f.output_voltage == 0.0 and (f.contactors is False or not contactor)
    assert delivered > 0 or (contactor and not delivering)


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
