"""A real bridge and its real guard: state B first, then the bridge contactor, d2, d1; the CHAdeMO lock is not moved."""
import signal

import pytest

from drivers.sim.lines import CONTACTORS, D1, D2, PILOT_C, UNLOCK, VEHICLE_LOCK, VEHICLE_UNLOCK
from tests.guard.box import Box

pytestmark = pytest.mark.real_time

BOUND_MS = 1000 - 10      # emergency_open_ms of the stand-in; a decision has the time of its visit, a stamp that of the write: less than a tick apart
D2_MS, D1_MS = 100, 500   # chademo sheet 3.3 rule 5, 2.2 row 19: at least; both ends are stamps

CASES = {"kill": Box.kill, "stop": lambda box: box.signal(signal.SIGSTOP)}


@pytest.fixture(scope="module")
def boxes():
    """Both at once, because most of their time is waiting."""
    started = {}
    try:
        for name in CASES:
            started[name] = Box(f"bridge-{name}", mode="bridge")
        for box in started.values():
            box.until_closed()
            assert all(box.lines.level(line) for line in (PILOT_C, CONTACTORS, D1, D2)), box.text
        for name, happen in CASES.items():
            happen(started[name])
        yield started
    finally:
        for box in started.values():
            box.end()


@pytest.mark.parametrize("name, why", [("kill", "the main process is gone"), ("stop", "no sign of life")])
def test_the_guard_ends_it_in_order(boxes, name, why):
    box = boxes[name]
    box.until("d1 off")
    assert why in box.text and box.taken
    box.safe_in_order()
    assert not any(box.lines.level(line) for line in (D1, D2, VEHICLE_LOCK, VEHICLE_UNLOCK, UNLOCK))
    assert box.ms_between(PILOT_C, CONTACTORS) >= BOUND_MS, "no current is known after state B: only the bound may open"
    assert box.ms_between(CONTACTORS, D2) >= D2_MS
    assert box.ms_between(D2, D1) >= D1_MS
    assert box.lines.changed_at(VEHICLE_UNLOCK) == 0, "nobody has ever unlocked it"


def test_the_lines_are_free_for_the_next_start_only_then(boxes):
    box = boxes["kill"]
    box.until("d1 off")
    box.end_guard()
    with Box("bridge-kill", mode="bridge") as again:
        again.until_closed()
        assert again.lines.level(D1) and again.lines.level(D2) and not again.lines.held
