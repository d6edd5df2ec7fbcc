"""Pause, power by key and schedules of an AC charge: whole sessions of our car at our wallbox."""
from __future__ import annotations

import pytest

from kernel.timer import S
from tasks.stop_reasons import StopReason
from tests.sessions.test_ac_charge import ac, at_rest, charging, numbers
from tests.sessions.test_pause import wait_for


def test_a_pause_by_key_opens_the_mains_without_load_and_goes_on_with_the_same_session():
    c = charging(ac())
    c.press("pev", "p")
    wait_for(c, "Paused")
    wait_for(c, "Paused", "charger")
    c.run_until(c.clock.time + 120 * S)
    at_rest(c)
    assert c.plant.pilot.at_car.duty_percent == 100.0 and not [i for i in c.plant.incidents if "load" in i.kind]
    c.press("pev", "s")
    c.run(c.clock.time + 1200 * S)
    assert c.reason is StopReason.BATTERY_FULL and numbers(c.car).count(507) == 1 and numbers(c.car).count(104) == 1
    at_rest(c)


def test_a_schedule_below_the_least_current_is_slept_through():
    c = charging(ac(power_schedule=["0 11", "60 3", "600 11"], soc_stop=52.0))
    wait_for(c, "Paused", limit=120 * S)
    c.run_until(c.clock.time + 60 * S)
    at_rest(c)
    c.run(c.clock.time + 2400 * S)
    assert c.reason is StopReason.BATTERY_FULL and numbers(c.car).count(507) == 1
    at_rest(c)


def power(c):
    c.run_until(c.clock.time + 20 * S)
    c.plant.advance(c.clock.time)
    return c.plant.ac.power


@pytest.mark.parametrize("who", ["pev", "evse"])
def test_minus_lowers_the_current_by_a_renegotiation_and_plus_raises_it_again(who):
    c, told = charging(ac(soc_stop=60.0)), []
    c.car.journal.add_sink(lambda e: told.append(e.message()))
    whole = power(c)
    for _ in range(5):
        c.press(who, "-")
    half = power(c)
    for _ in range(5):
        c.press(who, "+")
    again = power(c)
    assert whole == pytest.approx(11_040.0, rel=0.01) == again and half == pytest.approx(5520.0, rel=0.02)
    c.stop()
    c.run(c.clock.time + 60 * S)
    c.car.journal.flush()
    assert sum("-> PowerDeliveryRenegotiate" in text for text in told) == 2
    at_rest(c)


def test_a_wallbox_that_is_turned_down_below_the_least_current_sends_the_car_to_sleep_until_it_is_woken():
    c = charging(ac(soc_stop=52.0))
    for _ in range(9):
        c.press("evse", "-")                    # 10 %: 1.6 A
    wait_for(c, "Paused", limit=120 * S)
    at_rest(c)
    for _ in range(9):
        c.press("evse", "+")
    c.run_until(c.clock.time + 5 * S)
    c.press("pev", "s")
    c.run(c.clock.time + 2400 * S)
    assert c.reason is StopReason.BATTERY_FULL and numbers(c.car).count(507) == 1
    at_rest(c)
