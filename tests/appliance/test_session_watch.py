"""When a plug-in's folder begins, sleeps, wakes and ends."""
import pytest

from kernel.timer import MS, S
from tools.appliance.session_watch import END_AFTER, END_LIMIT, HEARD_FOR, HEARD_LIMIT, HEARD_PAUSE, RESTING, SLEEP_AFTER, SessionWatch, Step

STEP = 200 * MS


class Bench:
    def __init__(self):
        self.watch, self.now, self.steps = SessionWatch(), 0, []

    def see(self, state, seconds=0.2, trip="", at_rest=True, heard=False):
        """So long in this state; the steps that came of it."""
        found = []
        for _ in range(max(1, round(seconds * S / STEP))):
            if heard:
                self.watch.heard(self.now)
            found += self.watch.look(state, trip, at_rest, self.now)
            self.now += STEP
        self.steps += found
        return found


@pytest.mark.parametrize("state", ["WaitPilot", "Preparing", "Session"])
def test_a_plug_begins_it_and_the_end_comes_after_unplugging(state):
    bench = Bench()
    assert bench.see(None, 5) == bench.see("Unplugged", 3600) == []
    assert bench.see(state) == [Step.BEGIN] and bench.watch.why == "plugged in"
    assert bench.see(state, 30) == [] and bench.see("Unplugged", END_AFTER / S) == []
    assert bench.see("Unplugged") == [Step.END] and bench.see("Unplugged", 3600) == []


def test_an_end_waits_for_safe_outputs_but_not_for_ever():
    bench = Bench()
    bench.see("Session")
    assert bench.see("Unplugged", END_LIMIT / S, at_rest=False) == [] and bench.see("Unplugged", at_rest=False) == [Step.END]


def test_two_plug_ins_are_two_folders_even_within_the_time_after_the_first():
    bench = Bench()
    bench.see("Session", 10)
    bench.see("Unplugged", 1)
    assert bench.see("Preparing") == [Step.END, Step.BEGIN]
    bench.see("Session", 10)
    bench.see("Unplugged", 10)
    assert bench.steps == [Step.BEGIN, Step.END, Step.BEGIN, Step.END]


def test_slac_without_a_plug_leaves_one_too_but_not_all_night():
    bench = Bench()
    assert bench.see("Unplugged", heard=True) == [Step.BEGIN] and bench.watch.why == "SLAC heard without a plug"
    assert bench.see("Unplugged", HEARD_FOR / S + 1) == [Step.END]
    hours = 3
    found = bench.see("Unplugged", hours * 3600, heard=True)                  # a neighbour who matches without end
    assert 0 <= found.count(Step.BEGIN) - found.count(Step.END) <= 1 and abs(found.count(Step.BEGIN) - hours * 3600 * S // HEARD_PAUSE) <= 1
    bench.see("Unplugged", HEARD_LIMIT / S + 1)
    assert bench.see("Preparing") == [Step.BEGIN], "a plug is never too early"


def test_slac_that_becomes_a_plug_in_is_one_folder():
    bench = Bench()
    bench.see("Unplugged", heard=True)
    bench.see("Preparing", 5, heard=True)
    bench.see("Session", 60)
    bench.see("Unplugged", 6)
    assert bench.steps == [Step.BEGIN, Step.END]


@pytest.mark.parametrize("state", sorted(RESTING))
def test_hours_without_a_word_are_slept_through(state):
    bench = Bench()
    bench.see("Session", 10)
    assert bench.see(state, SLEEP_AFTER / S + 0.4) == [Step.SLEEP] and bench.see(state, 8 * 3600) == []
    assert bench.see("Session") == [Step.WAKE]
    assert bench.see(state, SLEEP_AFTER / S + 0.4) == [Step.SLEEP]
    assert bench.see(state, trip="over-voltage") == [Step.WAKE], "a trip is worth a line"
    assert bench.see(state, SLEEP_AFTER / S + 0.4, trip="over-voltage") == [Step.SLEEP]
    assert bench.see("Unplugged", trip="over-voltage") == [Step.WAKE] and bench.see("Unplugged", 6) == [Step.END]


def test_unsafe_outputs_slac_and_a_session_are_not_slept_through():
    bench = Bench()
    bench.see("Session", 3600)
    bench.see("Finished", 3600, at_rest=False)
    bench.see("WaitPilot", 600, heard=True)
    assert bench.steps == [Step.BEGIN]
