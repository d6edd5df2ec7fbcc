"""What one side passes to the other: always the smallest of vehicle, charger and bridge (chademo sheet 3.5)."""
import pytest

from kernel.timer import MS, S
from tasks.bridge.config import BridgeConfig
from tasks.bridge.limits import Offered, Ramp, current_borne, discharge_offered, voltage_asked, voltage_offered
from tasks.signals import VehicleSays


def offered(config=None, **facts):
    values = {"evse_max_current": None, "evse_max_power": None, "voltage": None, "allowed": None, "flows": None, "request": None, **facts}
    return (config or Offered(BridgeConfig())).current(**values)


def test_the_voltage_offered_is_the_smaller_one():
    assert voltage_offered(BridgeConfig(), None) == 500.0
    assert voltage_offered(BridgeConfig(), 400.0) == 400.0
    assert voltage_offered(BridgeConfig(), 920.0) == 500.0


@pytest.mark.parametrize("target, highest, asked", [(410, 435, 435), (410, None, 411), (410, 400, 411), (410, 410, 411), (410, 1200, 500), (500, 500, 500),
                                                    (None, 435, None)])
def test_the_voltage_asked_is_above_the_target_and_within_the_rating(target, highest, asked):
    assert voltage_asked(BridgeConfig(), VehicleSays(target_voltage=target, max_voltage=highest)) == asked


def test_100_1_counts_only_where_it_is_plausible():
    assert [current_borne(BridgeConfig(), VehicleSays(max_current=a)) for a in (None, 1, 4.9, 5, 90, 240)] == [200, 200, 200, 5, 90, 200]


@pytest.mark.parametrize("configured, allowed, most", [(20.0, 1000.0, 20.0), (20.0, 12.0, 12.0), (20.0, 0.0, 0.0), (20.0, None, 0.0), (0.0, 1000.0, 0.0), (0.0, None, 0.0)])
def test_what_may_be_drawn_is_the_least_of_setting_and_inlet(configured, allowed, most):
    assert discharge_offered(BridgeConfig(discharge_a=configured), allowed) == most


def test_what_is_drawn_is_no_charge_that_the_offer_follows():
    assert offered(flows=-15.0, request=50.0) == offered(flows=0.0, request=50.0) == 10.0


def test_scenario_21_power_limits_current():
    assert offered(evse_max_current=200, evse_max_power=50_000, voltage=400) == 125.0
    assert offered(evse_max_current=100, evse_max_power=50_000, voltage=400) == 100.0
    assert offered(evse_max_power=50_000) == 200.0                                # without a voltage no power can be told
    assert offered(evse_max_power=50_000, voltage=0.0) == 200.0
    assert offered(voltage=500) == 200.0 and offered(voltage=600) == pytest.approx(166.7, abs=0.1)        # 100 kW of the bridge


def test_a_warm_inlet_lowers_the_offer():
    assert offered(allowed=30) == 30 and offered(allowed=0) == 0 and offered(evse_max_current=20, allowed=30) == 20


def test_scenario_22_the_offer_follows_what_flows_and_is_let_go():
    o = Offered(BridgeConfig())
    assert offered(o, request=100, flows=95) == 200                               # no more than 10 A missing
    assert offered(o, request=100, flows=60) == 70
    assert offered(o, request=70, flows=60) == 70                                 # it stays while half of it is missing
    assert offered(o, request=65, flows=60) == 200
    assert offered(o, request=20, flows=None) == 10
    assert offered(Offered(BridgeConfig()), request=None, flows=0) == 200


def test_the_request_to_the_charger_ramps_40_a_per_s_up_and_100_down():
    ramp = Ramp()
    ramp.follow(0, 10 * S)
    values = [ramp.follow(100, 10 * S + n * 100 * MS) for n in range(1, 6)]
    assert values == pytest.approx([4, 8, 12, 16, 20])
    assert [ramp.follow(0, 10 * S + 500 * MS + n * 100 * MS) for n in range(1, 4)] == pytest.approx([10, 0, 0])


def test_a_ramp_that_was_not_asked_makes_no_leap_beyond_a_second_and_none_back_in_time():
    ramp = Ramp()
    ramp.follow(0, S)
    assert ramp.follow(200, 100 * S) == 40
    assert ramp.follow(200, 99 * S) == 40
