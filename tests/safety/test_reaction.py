"""From the bad fact at the sensor to state B commanded: within the agreed number of ticks for every row of the car's table."""
import pytest

from tasks.safety.trips import PEV_TRIPS
from tests.safety.reaction import FAULTS, HOLD, PHASES, measure


def test_every_row_is_measured():
    assert set(FAULTS) == {trip.name for trip in PEV_TRIPS}


@pytest.mark.parametrize("name", FAULTS)
def test_state_b_comes_within_the_bound(name):
    """Two phases against the readers' paces; all of them are measured by `python -m tests.safety.reaction`."""
    for phase in (0, PHASES - 3):
        ticks = measure(name, phase)
        assert HOLD[name] < ticks <= HOLD[name] + FAULTS[name].bound
