"""What the guard decides, with time as a number."""
import random

import pytest

from drivers.guard import Beat
from drivers.sim.lines import CONTACTORS, LINES, LOCK, PILOT_C, POWER, STEADY, UNLOCK, Lines
from kernel.timer import MS, S
from tools.appliance.guard_policy import HOLD_PERIOD, KEEP_PERIOD, POWER_OFF, GuardPolicy, Limits

SILENCE, BOUND = 100 * MS, 1500 * MS
CHARGING = dict(contactors=True, current=100.0, current_at=0, voltage=380.0)


class Recording(Lines):
    """Remembers in which order levels changed after `history` was emptied."""

    def force(self, line, on):
        if line < len(LINES) and self.level(line) != on:
            self.history.append((line, on))
        super().force(line, on)


class Watched:
    """Lines and a policy under a clock that the test moves; remembers every change of a level."""

    def __init__(self, high=(), duty=STEADY):
        self.now = S
        self.lines = Recording.create(lambda: self.now)
        self.lines.history = []
        for line in high:
            self.lines.set(line, True)
        self.lines.set_duty(duty)
        self.lines.history.clear()
        self.policy = GuardPolicy(Limits(), self.lines, self.now, POWER_OFF)

    def level(self):
        return tuple(self.lines.level(n) for n in (PILOT_C, CONTACTORS, LOCK, UNLOCK))

    def beat(self, **facts):
        self.policy.beat(Beat(self.now, **facts), self.now)

    def run(self, duration, step=HOLD_PERIOD):
        """Calls `run` when it wants to be called; returns [(ns since the beginning, levels)] of each change."""
        start, changes = self.now, []
        end = self.now + duration
        while self.now <= end:
            wanted = self.policy.run(self.now)
            assert self.now < wanted <= self.now + SILENCE, "it always comes back in time"
            if not changes or changes[-1][1] != self.level():
                changes.append((self.now - start, self.level()))
            self.now = wanted
        self.now = end
        return changes

    def at(self, changes, line, low=True):
        return next(t for t, levels in changes if levels[line] != low)


HIGH = (PILOT_C, CONTACTORS, LOCK)


def test_while_signs_of_life_come_nothing_is_touched():
    w = Watched(HIGH)
    for _ in range(100):
        w.beat(**CHARGING)
        w.run(SILENCE - 1)
        assert w.level() == (True, True, True, False) and not w.lines.held
    assert w.policy.notes == [] and not w.policy.finished


def test_silence_of_the_limit_takes_the_lines_and_opens_at_the_bound():
    w = Watched(HIGH)
    w.beat(**CHARGING)
    changes = w.run(4 * S)
    assert w.at(changes, PILOT_C) == SILENCE
    assert BOUND <= w.at(changes, CONTACTORS) - w.at(changes, PILOT_C) <= BOUND + HOLD_PERIOD
    assert w.lines.held and w.level() == (False, False, False, False) and not w.policy.finished
    assert len(w.policy.notes) == 2 and "100.0 A" in w.policy.notes[0] and "no sign of life for 100 ms" in w.policy.notes[0]


def test_the_end_of_the_main_process_is_answered_at_once():
    w = Watched(HIGH)
    w.beat(**CHARGING)
    w.policy.gone(w.now)
    assert w.level() == (False, True, False, False) and w.lines.held, "state B within the call, contactors not yet"
    changes = w.run(2 * S)
    assert BOUND <= w.at(changes, CONTACTORS) <= BOUND + HOLD_PERIOD
    assert w.policy.finished and w.policy.run(w.now) - w.now == KEEP_PERIOD


def test_state_b_that_was_commanded_before_counts():
    """The supervisor was in its own shutdown for a second: the bound does not begin again."""
    w = Watched(HIGH)
    w.lines.set(PILOT_C, False)
    for _ in range(20):
        w.now += 50 * MS
        w.beat(**CHARGING)
        w.policy.run(w.now)
    w.policy.gone(w.now)
    assert 500 * MS <= w.at(w.run(2 * S), CONTACTORS) <= 500 * MS + HOLD_PERIOD


@pytest.mark.parametrize("facts, waits", [
    (dict(contactors=False, current=0.0, current_at=1), False),       # commanded a moment ago, still travelling, no current
    (dict(contactors=False, current=1.0, current_at=1), True),        # 1 A is a current (S5)
    (dict(contactors=False, current=None), True),
    (dict(contactors=None, current=0.0, current_at=1), True),
    (dict(contactors=True, current=0.0, current_at=1), True),         # a current of before state B says nothing of now
    ({}, True),
])
def test_only_contacts_that_still_travel_without_current_are_opened_at_once(facts, waits):
    w = Watched(HIGH)
    w.beat(**facts)
    w.policy.gone(w.now)
    assert w.level()[1] is waits and not w.level()[0]
    assert w.policy.finished is not waits, "it does not leave before they are open"
    changes = w.run(2 * S)
    if waits:
        assert w.at(changes, CONTACTORS) >= BOUND, "what was known before state B opens nothing"
    assert w.policy.finished


def test_with_open_contactors_nothing_is_waited_for():
    w = Watched((PILOT_C,))
    w.policy.gone(w.now)
    assert w.policy.finished and w.policy.holding and w.level() == (False, False, False, False)


@pytest.mark.parametrize("high", [(), (LOCK,), (UNLOCK,)])
def test_with_safe_lines_silence_is_nobodys_concern_and_the_end_is_an_orderly_one(high):
    """A box that starts or writes a file at rest; the guard looks again at the pace of its limit."""
    w = Watched(high)
    w.run(10 * S)
    assert not w.lines.held and not w.policy.notes
    w.policy.gone(w.now)
    assert w.policy.finished and not w.policy.holding and not w.policy.notes


def test_lines_that_rise_after_the_last_sign_of_life_are_seen_within_the_limit():
    """At rest for long, silent; then a line rises without any sign of life."""
    for delay in range(0, 300, 7):
        w = Watched()
        w.run(delay * MS + 1)
        w.lines.set(PILOT_C, True)
        rose = w.now
        w.policy.run(w.now)
        w.run(2 * SILENCE)
        assert w.lines.held and w.lines.changed_at(PILOT_C) - rose <= SILENCE


def test_a_line_that_a_process_in_mid_write_raised_falls_within_a_hold_period():
    w = Watched(HIGH)
    w.run(3 * S)
    for line in (PILOT_C, CONTACTORS, LOCK, UNLOCK):
        w.lines.force(line, True)
        w.run(HOLD_PERIOD)
        assert w.level() == (False, False, False, False)


def test_beats_after_the_lines_were_taken_change_nothing():
    w = Watched(HIGH)
    w.run(2 * S)
    for _ in range(50):
        w.beat(**CHARGING)
        w.run(20 * MS)
    assert w.level() == (False, False, False, False) and w.lines.held


def test_a_beat_from_the_future_counts_as_now_and_an_old_one_as_old():
    w = Watched(HIGH)
    w.policy.beat(Beat(w.now + 100 * S), w.now)
    w.run(SILENCE - 1)
    assert not w.lines.held
    w.policy.beat(Beat(0), w.now)
    w.run(1)
    assert w.lines.held


@pytest.mark.parametrize("wrong", [0, 49, 101, 1000, float("nan")])
def test_the_limit_can_only_be_lowered_within_its_range(wrong):
    with pytest.raises(ValueError, match="silence_ms"):
        Limits(silence_ms=wrong)


def test_whenever_the_main_process_is_lost_state_b_comes_first_and_nothing_unlocks():
    """Random loads and points of loss: death, silence, both; whatever the last facts were."""
    rng = random.Random(20)
    for _ in range(300):
        w = Watched([line for line in (PILOT_C, CONTACTORS) if rng.random() < 0.8] + [rng.choice((LOCK, UNLOCK))])
        armed, was = w.lines.armed, w.level()
        w.beat(contactors=rng.choice((None, True, False)), current=rng.choice((None, 0.0, 0.99, 1.0, 4.9, 125.0)), current_at=rng.choice((-1, w.now)))
        for _ in range(rng.randrange(4)):
            w.run(rng.randrange(1, 99) * MS)
            w.beat()
        if rng.random() < 0.5:
            w.policy.gone(w.now)
        changes = w.run(5 * S)
        assert w.lines.held is armed
        if armed:
            assert w.level() == (False, False, False, False)
            for before, after in zip([was] + [c[1] for c in changes], [c[1] for c in changes]):
                assert not any(b < a for b, a in zip(before, after)), "no line ever rises"
                assert not (before[1] and not after[1] and after[0]), "contactors never open while C is commanded"
            assert all(not on for _, on in w.lines.history), "nothing is ever raised"
            fell = [line for line, _ in w.lines.history if line in (PILOT_C, CONTACTORS)]
            assert fell == [line for line in (PILOT_C, CONTACTORS) if was[line]], "the pilot first, also within one call"


# --- a charger's PWM -----------------------------------------------------------------------------------------------------

def test_a_charger_keeps_its_pwm_until_the_car_has_opened_without_load_then_it_ends():
    w = Watched((POWER, CONTACTORS, LOCK), duty=5.0)
    w.beat(**CHARGING)
    taken = w.now
    w.policy.gone(taken)
    assert not w.lines.level(POWER) and w.lines.duty == 5.0 and "power off" in w.policy.notes[0]
    w.run(2500 * MS - 1)
    assert w.lines.duty == 5.0 and w.policy.opened and not w.policy.finished, "it does not leave before the PWM has ended, too"
    w.run(2 * HOLD_PERIOD)
    assert w.lines.duty == STEADY and w.policy.finished


def test_a_charger_without_power_ends_its_pwm_at_once_when_its_main_process_is_gone():
    """Nobody talks to that car any more; +12 V tells it so."""
    w = Watched(duty=5.0)
    w.run(10 * S)
    assert not w.lines.held and w.lines.duty == 5.0, "at rest silence is nobody's concern"
    w.policy.gone(w.now)
    assert w.lines.held and w.lines.duty == STEADY and w.policy.finished


def test_pwm_that_a_process_in_mid_write_raised_ends_again():
    w = Watched((POWER,), duty=5.0)
    w.policy.gone(w.now)
    w.run(5 * S)
    w.lines.force_duty(5.0)
    w.run(KEEP_PERIOD)
    assert w.lines.duty == STEADY
