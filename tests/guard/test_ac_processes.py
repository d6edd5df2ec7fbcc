"""A real AC charger and its real guard, ended in every way: the mains contactor falls at once, the PWM last, nothing unlocks."""
import os
import signal

import pytest

from drivers.sim.lines import CONTACTORS, DUTY, POWER, STEADY, UNLOCK
from tests.guard.box import Box

pytestmark = pytest.mark.real_time

PWM_KEPT_MS = 2500 - 10      # a decision has the time of its visit, a stamp that of the write: less than a tick apart
CASES = {
    # what happens to the box once current flows; a fault from inside comes with SIGUSR1
    "kill": ("none", Box.kill),
    "stop": ("none", lambda box: box.signal(signal.SIGSTOP)),
    "supervisor": ("supervisor", Box.fault),
    "term": ("none", lambda box: box.signal(signal.SIGTERM)),
    "raise": ("raise", Box.fault),
    "guard-kill": ("none", lambda box: os.kill(box.guard_pid, signal.SIGKILL)),
}


@pytest.fixture(scope="module")
def boxes():
    """All of them at once, because most of their time is waiting; what is judged is order and outcome, not time."""
    started = {}
    try:
        for name, (fault, _) in CASES.items():
            started[name] = Box(f"ac-{name}", fault, mode="ac")
        for box in started.values():
            box.until_closed()
            assert box.lines.level(POWER) and not box.lines.level(CONTACTORS) and box.lines.duty == 5.0
        for name, (_, happen) in CASES.items():
            happen(started[name])
        yield started
    finally:
        for box in started.values():
            box.end()


def off_before_the_pwm(box):
    assert not box.lines.level(POWER) and box.lines.duty == STEADY, box.text
    assert 0 < box.lines.changed_at(POWER) < box.lines.changed_at(DUTY), box.text


def guard_takes_over(box):
    box.until("outputs taken")
    assert box.taken and not box.lines.level(POWER), "the line of the mains contactor is the first to fall"
    box.until("PWM ended")
    off_before_the_pwm(box)
    assert box.ms_between(POWER, DUTY) >= PWM_KEPT_MS, "the car can still be told while the PWM is on"
    assert box.lines.changed_at(UNLOCK) == box.unlocked_at


def test_killed(boxes):
    guard_takes_over(boxes["kill"])
    assert "the main process is gone" in boxes["kill"].text


def test_stopped(boxes):
    guard_takes_over(boxes["stop"])
    assert "no sign of life" in boxes["stop"].text and boxes["stop"].process.poll() is None


def test_exception_in_the_supervisor(boxes):
    """The last resort opens at once and ends the PWM 1.5 s later: no line is left for the guard to take."""
    box = boxes["supervisor"]
    assert box.exit_code() == 1
    box.until_silent()
    off_before_the_pwm(box)
    assert not box.taken and "the supervisor itself failed" in box.text and box.lines.changed_at(UNLOCK) == box.unlocked_at


def test_asked_to_end(boxes):
    """The supervisor itself ends in order; the guard leaves without a word."""
    box = boxes["term"]
    assert box.exit_code() == 0
    box.until_silent()
    off_before_the_pwm(box)
    assert not box.taken and "damage 0" in box.text


@pytest.mark.parametrize("name, words", [("raise", "TRIP internal_fault"), ("guard-kill", "The guard process is gone")])
def test_it_does_not_go_on(boxes, name, words):
    box = boxes[name]
    assert box.exit_code() == 1
    box.until_silent()
    off_before_the_pwm(box)
    assert not box.taken and words in box.text and "damage 0" in box.text
