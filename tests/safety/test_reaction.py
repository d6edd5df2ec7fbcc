"""From the bad fact at the sensor to state B, of a charger to power off: within the agreed number of ticks for every row of both tables."""
import pytest

from tasks.safety.trips import EVSE_TRIPS, PEV_TRIPS
from tests.safety import reaction_car, reaction_charger
from tests.safety.fault import PHASES

TWO_PHASES = (0, PHASES - 3)        # against the readers' paces; all of them are measured by `python -m tests.safety.reaction`


def test_every_row_is_measured():
    assert set(reaction_car.FAULTS) == {trip.name for trip in PEV_TRIPS}
    assert set(reaction_charger.FAULTS) == {trip.name for trip in EVSE_TRIPS}


@pytest.mark.parametrize("name", reaction_car.FAULTS)
def test_state_b_comes_within_the_bound(name):
    for phase in TWO_PHASES:
        ticks = reaction_car.measure(name, phase)
        assert reaction_car.HOLD[name] < ticks <= reaction_car.HOLD[name] + reaction_car.FAULTS[name].bound


@pytest.mark.parametrize("name", reaction_charger.FAULTS)
def test_the_power_goes_off_within_the_bound(name):
    for phase in TWO_PHASES:
        ticks = reaction_charger.measure(name, phase)
        assert reaction_charger.HOLD[name] < ticks <= reaction_charger.HOLD[name] + reaction_charger.FAULTS[name].bound
