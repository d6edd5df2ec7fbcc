"""A real charger and its real guard, ended in every way: power off first, output contactor after it, PWM last, nothing unlocks."""
import os
import signal

import pytest

from drivers.sim.lines import CONTACTORS, DUTY, POWER, STEADY, UNLOCK
from tests.guard.box import Box

pytestmark = pytest.mark.real_time

BOUND_MS = 1000 - 10     # emergency_open_ms of the stand-in; a decision has the time of its visit, a stamp that of the write: less than a tick apart
PWM_KEPT_MS = 2500 - 10
OPENED = "contactors open"
CASES = {
    # what happens to the box once current flows; a fault from inside comes with SIGUSR1
    "kill": ("none", Box.kill),
    "stop": ("none", lambda box: box.signal(signal.SIGSTOP)),
    "late": ("none", lambda box: box.signal(signal.SIGSTOP)),
    "supervisor": ("supervisor", Box.fault),
    "term": ("none", lambda box: box.signal(signal.SIGTERM)),
    "raise": ("raise", Box.fault),
    "sensor": ("sensor", Box.fault),
    "guard-kill": ("none", lambda box: os.kill(box.guard_pid, signal.SIGKILL)),
}


@pytest.fixture(scope="module")
def boxes():
    """All of them at once, because most of their time is waiting; what is judged is order and outcome, not time."""
    started = {}
    try:
        for name, (fault, _) in CASES.items():
            started[name] = Box(f"charger-{name}", fault, mode="evse")
        for box in started.values():
            box.until_closed()
            assert box.lines.level(POWER) and box.lines.level(CONTACTORS) and box.lines.duty == 5.0
        for name, (_, happen) in CASES.items():
            happen(started[name])
        yield started
    finally:
        for box in started.values():
            box.end()


def guard_takes_over(box):
    box.until(OPENED)
    assert box.taken and "power off" in box.text
    box.safe_in_order()
    assert box.ms_between(POWER, CONTACTORS) >= BOUND_MS, "no current is known after power off: only the bound may open"
    box.until("PWM ended")
    assert box.lines.duty == STEADY
    assert box.ms_between(POWER, DUTY) >= PWM_KEPT_MS, "the car opens without load while the PWM is on"


def test_killed(boxes):
    guard_takes_over(boxes["kill"])
    assert "the main process is gone" in boxes["kill"].text


def test_stopped(boxes):
    guard_takes_over(boxes["stop"])
    assert "no sign of life" in boxes["stop"].text and boxes["stop"].process.poll() is None


def test_stopped_and_back_afterwards(boxes):
    """It trips and raises nothing again."""
    box = boxes["late"]
    guard_takes_over(box)
    opened_at, ended_at = box.lines.changed_at(CONTACTORS), box.lines.changed_at(DUTY)
    box.signal(signal.SIGCONT)
    assert box.exit_code() == 1
    box.until("trips ")
    box.safe_in_order()
    assert "TRIP " in box.text and "GuardLost" in box.text
    assert (box.lines.changed_at(CONTACTORS), box.lines.changed_at(DUTY)) == (opened_at, ended_at)


def test_exception_in_the_supervisor(boxes):
    """Main process and guard agree: power off at once, open at the bound."""
    box = boxes["supervisor"]
    assert box.exit_code() == 1
    box.until(OPENED)
    box.safe_in_order()
    assert box.taken and box.ms_between(POWER, CONTACTORS) >= BOUND_MS
    box.until("PWM ended")


def test_asked_to_end(boxes):
    """The supervisor itself ends in order, far below the bound; the guard leaves without a word."""
    box = boxes["term"]
    assert box.exit_code() == 0
    box.until_silent()
    box.safe_in_order()
    assert not box.taken and box.lines.duty == STEADY and "damage 0" in box.text
    assert "guard" not in box.text.split("closed\n")[1].replace("main             guard", "")


def test_exception_in_a_task(boxes):
    """It leaves when the PWM has ended, too: what stays on the line promises a conversation."""
    box = boxes["raise"]
    assert box.exit_code() == 1
    box.until_silent()
    box.safe_in_order()
    assert not box.taken and box.lines.duty == STEADY and "TRIP internal_fault" in box.text and "damage 0" in box.text


def test_dead_sensor_bus(boxes):
    """No current is known any more: power off at once, open at the bound; no voltage either: the lock holds."""
    box = boxes["sensor"]
    box.until("Opening -> Decay")
    box.safe_in_order()
    assert not box.taken and "TRIP output_voltage_unknown" in box.text
    assert box.ms_between(POWER, CONTACTORS) >= BOUND_MS and box.lines.changed_at(UNLOCK) == box.unlocked_at


def test_without_its_guard_a_charger_does_not_go_on(boxes):
    box = boxes["guard-kill"]
    assert box.exit_code() == 1
    box.until_silent()
    box.safe_in_order()
    assert not box.taken and "The guard process is gone" in box.text and "damage 0" in box.text

