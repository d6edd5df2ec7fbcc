"""Which side limits, in the words of the display; the judgement itself is tested in tests/listen."""
import pytest
from tests.display.scenes import KNOWN_CAR, KNOWN_CHARGER, NOW, signals

from kernel.timer import S
from tasks.display.limit import limit_text
from tools.screens.catalogue import LIMITS

STEADY = dict(KNOWN_CAR, ev_target_current=120.0, evse_present_current=120.0, current_limit=None, battery_max_current=200.0)
EXPECTED = {"car-wish": "car's wish", "car-current": "car 120 A", "charger-current": "charger 120 A", "charger-power": "charger 46 kW", "car-voltage": "car 400 V",
            "inlet-heat": "hot inlet 120 A", "by-key": "by key to 60%", "gives-less": "gives less"}


@pytest.mark.parametrize("why", LIMITS)
def test_a_car_says_who_limits(why):
    assert limit_text(signals(**{**STEADY, **LIMITS[why]}), NOW, True) == EXPECTED[why]


@pytest.mark.parametrize("values, expected", [
    (dict(evse_max_current=120.0), "charger 120 A"), (dict(evse_max_power=45_750.0), "charger 46 kW"), (dict(ev_max_current=120.0), "car 120 A"),
    (dict(ev_target_voltage=500.0, evse_max_voltage=500.0, output_voltage=499.0, output_current=60.0), "charger 500 V"), ({}, "car's wish"),
    (dict(output_current=60.0), "gives less"), (dict(power_share=50.0), "car's wish"), (dict(output_current=300.0), ""), (dict(output_current=None), ""),
])
def test_a_charger_says_who_limits(values, expected):
    assert limit_text(signals(**{**KNOWN_CHARGER, "ev_target_current": 120.0, **values}), NOW, False) == expected


def test_stale_values_limit_nothing():
    assert limit_text(signals(**STEADY), NOW + 4 * S, True) == ""


def test_heat_is_named_only_where_it_is_what_binds():
    assert limit_text(signals(**{**STEADY, "current_limit": 200.0}), NOW, True) == "car's wish"
    assert limit_text(signals(**{**STEADY, "current_limit": 120.0, "battery_max_current": 110.0}), NOW, True) != "hot inlet 120 A"
    assert len(limit_text(signals(**{**STEADY, "current_limit": 120.0}), NOW, True)) <= 15
