"""A real box and its real guard, ended in every way: state B first, contactors after it, nothing unlocks."""
import os
import signal

import pytest

from drivers.sim.lines import CONTACTORS, PILOT_C, UNLOCK
from tests.guard.box import Box

pytestmark = pytest.mark.real_time

BOUND_MS = 1000 - 10     # emergency_open_ms of the stand-in; a decision has the time of its visit, a stamp that of the write: less than a tick apart
OPENED = "contactors open"


CASES = {
    # what happens to the box once current flows; a fault from inside comes with SIGUSR1
    "kill": ("none", Box.kill),
    "stop": ("none", lambda box: box.signal(signal.SIGSTOP)),
    "late": ("none", lambda box: box.signal(signal.SIGSTOP)),
    "supervisor": ("supervisor", Box.fault),
    "term": ("none", lambda box: box.signal(signal.SIGTERM)),
    "int": ("none", lambda box: box.signal(signal.SIGINT)),
    "group": ("none", Box.end_group),
    "watchdog": ("none", Box.end_by_watchdog),
    "raise": ("raise", Box.fault),
    "sensor": ("sensor", Box.fault),
    "disk": ("disk", Box.fault),
    "console": ("console", Box.fault),
    "guard-kill": ("none", lambda box: os.kill(box.guard_pid, signal.SIGKILL)),
    "guard-stop": ("none", lambda box: os.kill(box.guard_pid, signal.SIGSTOP)),
}


@pytest.fixture(scope="module")
def boxes(tmp_path_factory):
    """All of them at once, because most of their time is waiting; what is judged is order and outcome, not time."""
    full = tmp_path_factory.mktemp("full")
    for name in ("frames.pcap", "journal-pev.txt"):
        os.symlink("/dev/full", full / name)
    started = {}
    try:
        for name, (fault, _) in CASES.items():
            started[name] = Box(name, fault, str(full) if fault == "disk" else "")
        for box in started.values():
            box.until_closed()
        for name, (_, happen) in CASES.items():
            happen(started[name])
        yield started
    finally:
        for box in started.values():
            box.end()


def guard_takes_over(box):
    box.until(OPENED)
    assert box.taken
    box.safe_in_order()
    assert box.ms_between(PILOT_C, CONTACTORS) >= BOUND_MS, "no current is known after state B: only the bound may open"


def test_killed(boxes):
    box = boxes["kill"]
    guard_takes_over(box)
    assert "the main process is gone" in box.text


def test_stopped(boxes):
    box = boxes["stop"]
    guard_takes_over(box)
    assert "no sign of life" in box.text and box.process.poll() is None


def test_ended_by_the_watchdog_of_the_service_manager(boxes):
    """systemd sends WatchdogSignal= (SIGABRT) to the whole control group: the guard does its work all the same, then it leaves."""
    box = boxes["watchdog"]
    guard_takes_over(box)
    box.until_silent()


def test_stopped_and_back_before_the_contactors_open():
    """It finds its outputs refused: it cannot open earlier than the guard, trips, and leaves when all is safe."""
    with Box("early") as box:
        box.until_closed().signal(signal.SIGSTOP)
        box.until("outputs taken")
        box.signal(signal.SIGCONT)
        guard_takes_over(box)
        assert box.exit_code() == 1
        box.until("trips ")
        box.safe_in_order()
        assert "TRIP output_refused" in box.text and "damage 0" in box.text


def test_stopped_and_back_afterwards(boxes):
    """It trips and closes nothing again."""
    box = boxes["late"]
    guard_takes_over(box)
    opened_at = box.lines.changed_at(CONTACTORS)
    box.signal(signal.SIGCONT)
    assert box.exit_code() == 1
    box.until("trips ")
    assert "TRIP " in box.text and "GuardLost" in box.text
    box.safe_in_order()
    assert box.lines.changed_at(CONTACTORS) == opened_at


def test_stalled_kernel():
    """By itself: at real-time priority it leaves one processor to everybody else."""
    with Box("stall", "stall") as box:
        box.until_closed().fault()
        guard_takes_over(box)
        assert "no sign of life" in box.text


def test_exception_in_the_supervisor(boxes):
    """Main process and guard agree: state B at once, open at the bound."""
    box = boxes["supervisor"]
    assert box.exit_code() == 1
    box.until(OPENED)
    guard_takes_over(box)


@pytest.mark.parametrize("name", ["term", "int"])
def test_asked_to_end(boxes, name):
    """The supervisor itself ends in order, far below the bound; the guard leaves without a word."""
    box = boxes[name]
    assert box.exit_code() == 0
    box.until_silent()
    box.safe_in_order()
    assert not box.taken and "guard" not in box.text.split("closed\n")[1].replace("main             guard", "")


def test_asked_to_end_by_a_whole_group(boxes):
    """Terminal and service manager signal the guard as well: it stays until the main process has ended."""
    box = boxes["group"]
    box.until(OPENED)
    assert box.taken
    box.safe_in_order()
    box.until_silent()


def test_exception_in_a_task(boxes):
    box = boxes["raise"]
    assert box.exit_code() == 1
    box.until_silent()
    box.safe_in_order()
    assert not box.taken and "TRIP internal_fault" in box.text and "damage 0" in box.text


def test_dead_sensor_bus(boxes):
    """No current is known any more: state B at once, open at the bound; no voltage either: the lock holds."""
    box = boxes["sensor"]
    box.until("Opening -> Decay")
    box.safe_in_order()
    assert not box.taken and "TRIP inlet_voltage_unknown" in box.text
    assert box.ms_between(PILOT_C, CONTACTORS) >= BOUND_MS and box.lines.changed_at(UNLOCK) == box.unlocked_at


def test_full_disk(boxes):
    """Charging does not depend on the disk; the end is in order."""
    box = boxes["disk"]
    box.until("xxx")
    assert box.lines.level(CONTACTORS) and box.lines.level(PILOT_C), "still charging"
    box.signal(signal.SIGTERM)
    assert box.exit_code() == 0
    box.until_silent()
    box.safe_in_order()
    assert not box.taken


def test_a_terminal_that_takes_nothing(boxes):
    """Nobody has read since the fault: the box goes on, because its words are not worth a shutdown."""
    box = boxes["console"]
    box.signal(signal.SIGTERM)
    assert box.exit_code() == 0, "in order, and without waiting for a reader"
    box.until_silent()
    box.safe_in_order()
    assert not box.taken


@pytest.mark.parametrize("name, words", [("guard-kill", "The guard process is gone"), ("guard-stop", "does not answer")])
def test_without_its_guard_a_box_does_not_go_on(boxes, name, words):
    box = boxes[name]
    assert box.exit_code() == 1
    if name == "guard-stop":
        os.kill(box.guard_pid, signal.SIGCONT)
    box.until_silent()
    box.safe_in_order()
    assert not box.taken and words in box.text and "damage 0" in box.text


def test_a_new_box_gets_the_lines_from_the_guard_of_a_dead_one():
    with Box("again") as first:
        first.until_closed().kill()
        with Box("again") as second:               # asks while the first guard is still at work
            first.until(OPENED)
            first.until_silent()                   # the old guard has left
            first.safe_in_order()
            second.until_closed().kill()
            guard_takes_over(second)
