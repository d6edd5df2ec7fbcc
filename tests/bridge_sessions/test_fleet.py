"""A bridge at the chargers with the oddest habits of the fleet; all of them: `python -m tests.bridge_sessions.fleet`."""
import pytest

from tests.bridge_sessions.fleet import meet

ODD = ("alpitronic", "compleo", "compleo-unloaded", "numbat", "kempower", "everest", "josev-constant", "high-minimum", "evil-match", "evil-voltmeter", "evil-overvoltage",
       "iso2-equipment", "waits-for-customer", "imd-clash")


@pytest.mark.parametrize("charger", ODD)
def test_a_bridge_charges_where_a_ccs_car_does(charger):
    assert meet(charger).objections == []


@pytest.mark.parametrize("charger", ("compleo", "abb"))
@pytest.mark.parametrize("car, strategy", [("leaf24", "double"), ("xpeng", "once"), ("xpeng", "single")])
def test_the_other_strategies_too(charger, car, strategy):
    assert meet(charger, car, strategy).objections == []
