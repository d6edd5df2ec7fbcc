"""The AC charger: all combinations of discretised facts, wishes, states and equipment break no invariant, and what should be possible did happen."""
import pytest

from tasks.safety.facts import SafetyState
from tests.safety import exhaustive_ac
from tests.safety.exhaustive_ac import STATES, check, combinations, every, totals

EVERY = every()
LIVE = SafetyState.Closing, SafetyState.Delivering, SafetyState.CurrentOff
#: Where something is possible in a single step.
CLOSINGS = ("Idle", "Opening", "Opening, its time is over", "the contactor has not been open for 0.5 s", "not in state C yet",
            "by the pilot alone, state C for 1 s", "opened 10 s ago, state C again")
#: Not once the time is over, nor in a ventilated place where the walk's D is as good as C.
FORCED = "3 s to end the load are over",


@pytest.mark.slow
@pytest.mark.parametrize("m", EVERY, ids=lambda m: f"{m.name}-{'socket' if m.lock else 'cable'}")
def test_no_combination_breaks_an_invariant(m):
    seen = check(m)
    assert seen.combinations == combinations(m)
    assert (seen.closings > 0) is (m.name in CLOSINGS)
    assert (seen.openings > 0) is (m.state in LIVE) and (seen.forced > 0) is (m.name in FORCED)
    assert (seen.kept > 0) is (m.state in LIVE[:2])
    assert (seen.unlocks > 0) is (m.lock and m.state not in LIVE)
    assert (seen.tripped > 0) is (m.state in LIVE or m.name in ("Opening, its time is over", "the contactor has not been open for 0.5 s"))


def test_the_docstring_says_how_many_they_are():
    count, total = totals()
    extra = count // 2 - len(STATES)
    assert count == len(EVERY) and f"({len(STATES)} of them)" in exhaustive_ac.__doc__ and f"({extra}): {total:,} combinations of {count} moments" in exhaustive_ac.__doc__
