"""What the guard decides for a bridge, with time as a number: state B, bridge contactor, d2, d1; both locks stay."""
import random

import pytest

from drivers.guard import Beat
from drivers.sim.lines import CONTACTORS, D1, D2, FIRST, LOCK, UNLOCK, VEHICLE_LOCK, VEHICLE_UNLOCK, Lines
from kernel.timer import MS, S
from tools.appliance.guard_policy import D1_AFTER, D2_AFTER, HOLD_PERIOD, KEEP_PERIOD, GuardPolicy, Limits

BOUND, SILENCE = 1500 * MS, 100 * MS
OUTPUTS = (FIRST, CONTACTORS, LOCK, UNLOCK, D1, D2, VEHICLE_LOCK, VEHICLE_UNLOCK)
MOTORS = (LOCK, UNLOCK, VEHICLE_LOCK, VEHICLE_UNLOCK)
CHARGING = (FIRST, CONTACTORS, D1, D2)
LEVELS = {"d1 alone": (D1,), "d1 and d2": (D1, D2), "precharge": (FIRST, D1, D2), "charging": CHARGING, "d2 without d1": (D2,), "everything": OUTPUTS,
          "no d2 yet": (FIRST, CONTACTORS, D1)}


class Watched:
    """Lines and a policy under a clock that the test moves; `fell`: when each line was first low again, ns since the beginning."""

    def __init__(self, high):
        self.now = S
        self.lines = Lines.create(lambda: self.now)
        for line in high:
            self.lines.set(line, True)
        self.high = set(high)
        self.policy = GuardPolicy(Limits(), self.lines, self.now)
        self.policy.beat(Beat(self.now, True, 100.0, 0, 380.0), self.now)
        self.now += S
        self.began, self.fell = self.now, {}

    def look(self):
        for line in self.high - set(self.fell):
            if not self.lines.level(line):
                self.fell[line] = self.now - self.began

    def lose(self):
        self.policy.gone(self.now)
        self.look()

    def run(self, duration):
        end = self.now + duration
        while self.now < end:
            wanted = self.policy.run(self.now)
            self.look()
            assert self.now < wanted <= self.now + SILENCE, "it always comes back in time"
            self.now = wanted
        return self.fell


def test_the_whole_order_while_charging():
    w = Watched(OUTPUTS)
    w.lose()
    assert w.fell == {FIRST: 0, **{motor: 0 for motor in MOTORS}}, "state B within the call, motors rest; d2 and d1 stay while current may flow"
    fell = w.run(4 * S)
    assert BOUND <= fell[CONTACTORS] <= BOUND + HOLD_PERIOD
    assert D2_AFTER <= fell[D2] - fell[CONTACTORS] <= D2_AFTER + HOLD_PERIOD
    assert D1_AFTER <= fell[D1] - fell[D2] <= D1_AFTER + HOLD_PERIOD
    assert w.policy.finished and not any(w.lines.level(line) for line in OUTPUTS)
    said = " | ".join(w.policy.notes)
    assert said.index("contactors open 15") < said.index("d2 off 1") < said.index("d1 off 5") and "CHAdeMO lock stays" in said


def test_the_sheet_s_times_are_not_shortened():
    assert D2_AFTER == 100 * MS and D1_AFTER == 500 * MS, "chademo sheet 3.3 rule 5 and 2.2 row 19: at least"


@pytest.mark.parametrize("name", LEVELS)
def test_the_order_from_every_stage_of_a_session(name):
    w = Watched(LEVELS[name])
    w.lose()
    fell = w.run(4 * S)
    assert set(fell) == set(LEVELS[name]) and w.policy.finished
    assert fell.get(FIRST, 0) == 0
    if CONTACTORS in fell:
        assert fell[CONTACTORS] >= BOUND and all(fell[line] >= fell[CONTACTORS] + D2_AFTER for line in (D1, D2) if line in fell)
    elif D2 in fell:
        assert fell[D2] == 0, "the bridge contactor is open since long: nothing to wait for"
    if D2 in fell and D1 in fell:
        assert fell[D1] >= fell[D2] + D1_AFTER


def test_d1_alone_is_guarded_as_well():
    """While the vehicle only tells its data: silence takes it, too, and it falls at once."""
    w = Watched((D1,))
    w.run(SILENCE)
    assert not w.fell and w.lines.armed
    w.run(2 * HOLD_PERIOD)
    assert SILENCE <= w.fell[D1] <= SILENCE + HOLD_PERIOD and w.lines.held


def test_the_guard_stays_until_d1_is_off():
    """A successor must not get the lines earlier, and the enable stage is kept awake so long."""
    w = Watched(CHARGING)
    w.lose()
    while not w.policy.opened:
        w.run(HOLD_PERIOD)
    assert not w.policy.finished and not w.policy.released, "open, but d2 and d1 are on"
    w.run(D2_AFTER + D1_AFTER - HOLD_PERIOD)
    assert w.lines.level(D1) and not w.policy.finished
    w.run(3 * HOLD_PERIOD)
    assert w.policy.released and w.policy.finished and w.policy.run(w.now) == w.now + KEEP_PERIOD


def test_a_contactor_that_the_supervisor_opened_a_moment_ago_counts_from_then():
    w = Watched(CHARGING)
    w.lines.set(FIRST, False)
    w.now += 20 * MS
    w.lines.set(CONTACTORS, False)
    w.now += 70 * MS
    opened, w.began = w.now - 70 * MS, 0
    w.lose()
    fell = w.run(2 * S)
    assert opened + D2_AFTER <= fell[D2] <= opened + D2_AFTER + HOLD_PERIOD and fell[D1] >= fell[D2] + D1_AFTER


def test_a_line_that_a_process_in_mid_write_raised_falls_again_in_order():
    """Its contactor was raised once more after it had been dropped: d2 waits for it once more."""
    w = Watched(CHARGING)
    w.lose()
    while not w.policy.opened:
        w.run(HOLD_PERIOD)
    w.now += 50 * MS
    w.lines.force(CONTACTORS, True)
    again = w.now - w.began
    fell = w.run(2 * S)
    assert fell[D2] >= again + D2_AFTER and not w.lines.level(CONTACTORS)
    w.lines.force(D2, True)
    w.run(HOLD_PERIOD + KEEP_PERIOD)
    assert not w.lines.level(D2) and not w.lines.level(D1)


def test_whenever_the_main_process_is_lost_the_order_holds():
    rng = random.Random(8)
    for _ in range(300):
        high = [line for line in OUTPUTS if rng.random() < 0.5]
        w = Watched(high)
        armed = w.lines.armed
        if rng.random() < 0.5:
            w.lose()
        fell = w.run(rng.randrange(4, 6) * S)
        if not armed:
            assert not w.policy.holding and not fell, "with safe lines nothing is taken"
            continue
        assert set(fell) == set(high)
        order = [fell.get(line) for line in (FIRST, CONTACTORS, D2, D1)]
        known = [at for at in order if at is not None]
        assert known == sorted(known), (high, order)
        if CONTACTORS in fell and D2 in fell:
            assert fell[D2] - fell[CONTACTORS] >= D2_AFTER
        if D2 in fell and D1 in fell:
            assert fell[D1] - fell[D2] >= D1_AFTER


@pytest.mark.parametrize("high", [(VEHICLE_LOCK,), (VEHICLE_UNLOCK,)])
def test_a_motor_alone_is_no_reason_to_take_the_lines_of_a_page(high):
    """As the inlet's motor: on real pins it counts (PinLines.armed)."""
    w = Watched(high)
    w.lose()
    assert not w.policy.holding and w.policy.finished
