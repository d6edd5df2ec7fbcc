"""From the bad fact at the sensor to state B, of a charger to power off: within the agreed number of ticks for every row of all tables."""
import pytest

from tasks.safety.ac_trips import AC_TRIPS
from tasks.safety.config import AcSafetyConfig
from tasks.safety.trips import EVSE_TRIPS, PEV_TRIPS
from tests.safety import reaction_ac, reaction_car, reaction_charger
from tests.safety.fault import PHASES

TWO_PHASES = (0, PHASES - 3)        # against the readers' paces; all of them are measured by `python -m tests.safety.reaction`


def test_every_row_is_measured():
    assert set(reaction_car.FAULTS) == {trip.name for trip in PEV_TRIPS}
    assert set(reaction_charger.FAULTS) == {trip.name for trip in EVSE_TRIPS}
    assert set(reaction_ac.FAULTS) == {trip.name for trip in AC_TRIPS} | {reaction_ac.LEFT_C}


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


@pytest.mark.parametrize("name", reaction_ac.FAULTS)
def test_the_mains_contactor_opens_within_the_bound(name):
    for phase in range(reaction_ac.BOUNDS["sensor"]):
        ticks = reaction_ac.measure(name, phase)
        assert reaction_ac.HOLD[name] < ticks <= reaction_ac.HOLD[name] + reaction_ac.FAULTS[name].bound


def test_state_c_to_open_leaves_the_slowest_contactor_its_time():
    """100 ms (IEC 61851-1) less what the box needs at worst is what safety.ac.contactor_open_ms may be at most."""
    box = reaction_ac.FAULTS[reaction_ac.LEFT_C].bound * 10
    assert box + AcSafetyConfig().contactor_open_ms <= 100
    with pytest.raises(ValueError):
        AcSafetyConfig(contactor_open_ms=100 - box + 1)
