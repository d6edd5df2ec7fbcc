"""The charger: all combinations of discretised facts, wishes, states and equipment break no invariant, and what should be possible did happen."""
import pytest

from tasks.safety.facts import SafetyState
from tests.safety import exhaustive_charger
from tests.safety.charger_moments import EQUIPMENT, moments
from tests.safety.exhaustive_charger import check, combinations, totals

EVERY = [m for fitted in EQUIPMENT for m in moments(*fitted)]
STOPPING = "power off", "power off for 3 s", "emergency", "emergency for 1.5 s", "ordinary trip 2.5 s ago, power off"
#: Where something is possible in a single step: without and with a contactor.
BEGUN = {False: ("rest", "power off", "decay", "decay for 30 s"), True: ("closing", "closing, travel over")}
KEPT = "delivering", "insulation low and current high for 3 s", "insulation unknown for 10 s"
TRIPPED = (*KEPT, "closing", "closing, travel over", "opening, travel over", "rest, contactor not open for 0.5 s", "power off for 3 s", "decay for 30 s")
#: Not from Opening and Decay: current has flowed there, and the car has not left state C.
CLOSINGS = "rest", "rest, contactor not open for 0.5 s"
FORCED = "power off for 3 s", "emergency for 1.5 s"
STEADY = "ordinary trip 2.5 s ago, power off", "tripped 2.5 s ago"
AT_REST_SOON = SafetyState.Idle, SafetyState.Opening, SafetyState.Decay, SafetyState.Tripped


@pytest.mark.slow
@pytest.mark.parametrize("m", EVERY, ids=lambda m: f"{m.name}-{'contactor' if m.contactor else 'none'}-{'lock' if m.lock else 'none'}")
def test_no_combination_breaks_an_invariant(m):
    seen = check(m)
    assert seen.combinations == combinations(m)
    assert (seen.begun > 0) is (m.name in BEGUN[m.contactor])
    assert (seen.kept > 0) is (m.name in KEPT) and (seen.tripped > 0) is (m.name in TRIPPED)
    assert (seen.closings > 0) is (m.contactor and m.name in CLOSINGS)
    assert (seen.openings > 0) is (m.contactor and m.name in STOPPING) and (seen.forced > 0) is (m.contactor and m.name in FORCED)
    assert (seen.unlocks > 0) is (m.lock and (m.state in AT_REST_SOON or m.state is SafetyState.CurrentOff and not m.contactor))
    assert (seen.steady > 0) is (m.name in STEADY)


def test_the_docstring_says_how_many_they_are():
    count, total = totals()
    regular = sum(m.regular for m in EVERY)
    assert count == len(EVERY) and f"({regular} of them)" in exhaustive_charger.__doc__ and f"({count - regular}): {total:,}" in exhaustive_charger.__doc__
