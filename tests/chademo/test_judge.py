"""Every compatibility check of the chademo sheet's 2.4 and every stop condition of its 2.5, at the machine."""
import pytest

from kernel.timer import MS, S
from tasks.chademo import wire
from tasks.chademo.states import Side
from tasks.stop_reasons import StopReason as R
from tests.chademo.bench import Bench

REFUSALS = [
    ("target above available", {"target": 510}, R.CAR_INCOMPATIBLE, "510 V, available are 500 V"),
    ("no target", {"target": 0}, R.CAR_INCOMPATIBLE, "no target voltage"),
    ("minimum below the charger's", {"limits": wire.BatteryLimits(0, 0, 120, 435, 100)}, R.CAR_INCOMPATIBLE, "120 V"),
    ("version 0", {"protocol": 0}, R.CAR_VERSION, "protocol number 0"),
    ("unknown version", {"protocol": 77}, R.CAR_VERSION, "77"),
    ("no time", {"times": wire.ChargingTime()}, R.CAR_INCOMPATIBLE, "no charging time"),
    ("no time in minutes", {"times": wire.ChargingTime(0xFF, 0)}, R.CAR_INCOMPATIBLE, "no charging time"),
]
ACCEPTED = [{"target": 500}, {"limits": wire.BatteryLimits(0, 0, 1, 435, 100)}, {"limits": wire.BatteryLimits(0, 0, 150, 435, 100)}, {"protocol": 3},
            {"limits": wire.BatteryLimits(0, 0, 0, 400, 100)}, {"rate": 120}, {"limits": wire.BatteryLimits(0, 240, 0, 435, 100)}]


def judged(**car):
    b = Bench(**car.pop("config", {}))
    for name, value in car.items():
        assert hasattr(b, name)
        setattr(b, name, value)
    b.until(Side.Param)
    b.run(4.0)
    b.permit()
    begun = b.now
    b.until(lambda: b.side.state in (Side.WaitPower, Side.D2On, Side.StopEnd), 10)
    return b, begun


@pytest.mark.parametrize("car, reason, words", [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS])
def test_who_is_refused_before_anything_is_locked(car, reason, words):
    b, begun = judged(**car)
    assert b.side.state is Side.StopEnd and b.side.reason is reason and any(words in text for text in b.told), b.told
    b.run(0.2)
    assert b.statuses(begun + 150 * MS)[-1] == 0x28                     # 109.5.3, scenario 9
    assert Side.Locked not in [s for _, s in b.entered]
    b.until(Side.Ended)
    assert not b.side.wants_d1


@pytest.mark.parametrize("car", ACCEPTED, ids=[str(car) for car in ACCEPTED])
def test_who_is_not_refused(car):
    b, _ = judged(**car)
    assert b.side.state in (Side.WaitPower, Side.D2On) and b.side.reason is None, b.told


def test_version_0_when_it_is_configured():
    b, _ = judged(protocol=0, config={"accept_protocol_0": True})
    assert b.side.state in (Side.WaitPower, Side.D2On)


def test_a_charger_that_starts_above_the_cars_minimum():
    b = Bench()
    b.offer.min_voltage = 300.0
    b.limits = wire.BatteryLimits(0, 0, 250, 435, 100)
    b.until(Side.Param)
    b.run(4.0)
    b.permit()
    b.until(Side.StopEnd)
    assert b.side.reason is R.CAR_INCOMPATIBLE


# --- 2.5

CAR_STOPS = [
    ("102.4.0", {"told_faults": 1}, R.CAR_OVER_VOLTAGE), ("102.4.1", {"told_faults": 2}, R.CAR_UNDER_VOLTAGE), ("102.4.2", {"told_faults": 4}, R.CAR_CURRENT_DEVIATION),
    ("102.4.3", {"told_faults": 8}, R.CAR_TEMPERATURE), ("102.4.4", {"told_faults": 16}, R.CAR_VOLTAGE_DEVIATION), ("102.5.1", {"status": 0x43}, R.CAR_NOT_PARKED),
    ("102.5.2", {"status": 0x45}, R.CAR_FAULT), ("102.5.0", {"status": 0x40}, R.CAR_STOP), ("target 0", {"target": 0}, R.CAR_STOP),
    ("fault with its consequence", {"told_faults": 8, "status": 0x44}, R.CAR_TEMPERATURE), ("reserved fault bits alone", {"told_faults": 0xE0}, None),
]


@pytest.mark.parametrize("state", [Side.WaitPower, Side.D2On, Side.Mate, Side.WaitRequest, Side.Charge])
@pytest.mark.parametrize("car, reason", [row[1:] for row in CAR_STOPS], ids=[row[0] for row in CAR_STOPS])
def test_what_the_car_orders_ends_it_with_its_next_frame(state, car, reason):
    b = Bench()
    b.to(state)
    b.run(0.2)
    begun = b.now
    for name, value in car.items():
        setattr(b, name, value)
    if reason is None:
        b.run(0.5)
        assert b.side.reason is None and b.side.state is state
        return
    b.until(lambda: b.side.reason is not None, 1)
    assert b.side.reason is reason and b.now - begun <= 110 * MS and not b.side.urgent
    b.run(0.1)
    assert b.last(wire.ChargerStatus).status & wire.STOP_CONTROL


@pytest.mark.parametrize("permission, reason", [(False, R.CAR_STOP), (None, R.NOT_CONFIRMED)])
def test_the_switch_alone_ends_it_within_a_tick(permission, reason):
    b = Bench()
    b.to(Side.Charge)
    b.run(0.5)
    b.facts.permission = permission
    b.run(0.02)
    assert b.side.reason is reason and b.side.state is Side.StopRamp
    assert any("k" in text for text in b.told)


def test_the_threshold_in_whole_volts_as_it_was_told():
    b = Bench()
    b.to(Side.Charge)
    b.facts.plug_voltage = 435.9
    b.run(0.2)
    assert b.side.reason is None
    b.facts.plug_voltage = 436.0
    b.run(0.02)
    assert b.side.reason is R.CAR_THRESHOLD


def test_a_charger_that_delivers_10_a_too_much_for_a_second():
    b = Bench()
    b.to(Side.Charge)
    b.run(0.3)
    b.offer.present_current = 50.0
    b.run(2.0)
    assert b.side.reason is None                                        # 10 A are allowed
    b.offer.present_current = 51.0
    begun = b.now
    b.run(0.5)
    b.offer.present_current = 45.0
    b.run(0.1)
    b.offer.present_current = 51.0
    b.until(lambda: b.side.reason is not None)
    assert b.side.reason is R.CHARGER_OVERCURRENT and b.now - begun >= 1600 * MS and b.now - begun <= 1650 * MS


def test_a_request_of_0_is_no_stop_and_a_request_beyond_the_offer_is_none_either():
    b = Bench()
    b.to(Side.Charge)
    b.flow(0)
    b.run(30.0)
    assert b.side.state is Side.Charge
    b.request = 255
    b.run(3.0)
    assert b.side.state is Side.Charge and b.side.says(b.now).current_request == 255.0


@pytest.mark.parametrize("ignored, state, stops", [(False, Side.WaitPower, True), (False, Side.Charge, False), (True, Side.WaitPower, False)])
def test_stop_before_charging_counts_where_it_is_configured_and_only_before(ignored, state, stops):
    b = Bench(ignore_stop_before=ignored)
    b.to(state)
    b.status |= wire.STOP_BEFORE
    b.run(0.3)
    assert (b.side.reason is R.CAR_STOP_BEFORE) is stops


def test_the_first_reason_stays():
    b = Bench()
    b.to(Side.Charge)
    b.told_faults = 1
    b.until(Side.StopRamp)
    b.facts.trip = "anything"
    b.talks = False
    b.run(2.0)
    assert b.side.reason is R.CAR_OVER_VOLTAGE


@pytest.mark.parametrize("sends", [True, False])
def test_109_5_1_is_told_only_where_it_is_configured(sends):
    b = Bench(send_error_bits=sends)
    b.to(Side.Charge)
    b.facts.trip = "Contactor not open"
    b.run(0.2)
    assert b.last(wire.ChargerStatus).status == (0x27 if sends else 0x25)


def test_the_values_settle_before_they_are_judged():
    """A car that permits at once: its time is 0 for 2.5 to 2.9 s (sheet 1.4), which is no refusal."""
    b = Bench()
    b.times = wire.ChargingTime()
    b.until(Side.Param)
    b.run(0.2)
    b.permit()
    b.run(2.6)
    assert b.side.state is Side.Check
    b.times = wire.ChargingTime(0xFF, 60)
    b.until(Side.D2On)
    assert b.side.allowed == 3600 * S


def test_a_car_of_the_private_version_is_refused_at_once_because_it_closes_no_switch():
    b = Bench()
    b.protocol = 10
    b.until(Side.Ended, 3.0)
    assert b.side.reason is R.CAR_VERSION and any("10 is the private one" in text for text in b.told) and 0x28 in b.statuses(0)
