"""Which side limits: every branch, the edges of each tolerance, and what is unknown."""
import pytest

from tasks.listen.limiting import CURRENT_LEAST, Demand, Limits, limiting, narrower
from tasks.listen.record import Role

CAR, CHARGER = Role.CAR, Role.CHARGER
WIDE = Limits(1000.0, 500.0, 400_000.0)


def judged(demand, car=WIDE, charger=WIDE):
    found = limiting(demand, car, charger)
    return None if found is None else (found.side, found.by)


@pytest.mark.parametrize("demand", [Demand(400.0, None, 390.0, 100.0), Demand(400.0, 100.0, 390.0, None), Demand(None, None, None, None)])
def test_unknown_wish_or_delivery_is_unknown(demand):
    assert limiting(demand, WIDE, WIDE) is None


def test_the_car_gets_what_it_asks_for():
    assert judged(Demand(400.0, 100.0, 380.0, 99.0)) == (CAR, "wish")
    assert judged(Demand(400.0, 0.0, 380.0, 0.0)) == (CAR, "wish")
    assert judged(Demand(400.0, 100.0, None, 100.0), Limits(), Limits()) == (CAR, "wish")


@pytest.mark.parametrize("car, charger, expected", [
    (Limits(current=100.0), Limits(current=200.0), (CAR, "current")),
    (Limits(current=200.0), Limits(current=100.0), (CHARGER, "current")),
    (Limits(current=100.0), Limits(), (CAR, "current")),
    (Limits(), Limits(current=100.0), (CHARGER, "current")),
    (Limits(current=100.0), Limits(current=100.5), (CAR, "current")),       # both stand at it: the smaller one binds
    (Limits(current=100.5), Limits(current=100.0), (CHARGER, "current")),
    (Limits(power=38_000.0), Limits(power=150_000.0), (CAR, "power")),
    (Limits(power=150_000.0), Limits(power=38_000.0), (CHARGER, "power")),
    (Limits(power=38_000.0), Limits(power=38_100.0), (CAR, "power")),
    (Limits(power=38_100.0), Limits(power=38_000.0), (CHARGER, "power")),
    (Limits(current=101.5), Limits(current=101.5), (CAR, "wish")),          # more than rounding below the limits
])
def test_a_wish_that_stands_at_a_told_limit(car, charger, expected):
    assert judged(Demand(400.0, 100.0, 380.0, 100.0), car, charger) == expected


@pytest.mark.parametrize("demand, charger, expected", [
    (Demand(400.0, 100.0, 400.0, 60.0), WIDE, (CAR, "voltage")),                         # constant voltage: nearly full
    (Demand(400.0, 100.0, 396.0, 60.0), WIDE, (CAR, "voltage")),
    (Demand(400.0, 100.0, 395.9, 60.0), WIDE, (CHARGER, "unexplained")),
    (Demand(400.0, 100.0, 400.0, 60.0), Limits(voltage=400.0), (CHARGER, "voltage")),    # the target is all that the charger has
    (Demand(450.0, 100.0, 400.0, 60.0), Limits(voltage=400.0), (CHARGER, "voltage")),
    (Demand(450.0, 100.0, 400.0, 60.0, voltage_limit_achieved=True), Limits(), (CHARGER, "voltage")),
    (Demand(450.0, 100.0, 400.0, 60.0), Limits(current=60.0), (CHARGER, "current")),
    (Demand(450.0, 100.0, 400.0, 60.0, current_limit_achieved=True), Limits(), (CHARGER, "current")),
    (Demand(450.0, 100.0, 400.0, 60.0), Limits(power=24_000.0), (CHARGER, "power")),
    (Demand(450.0, 100.0, 400.0, 60.0, power_limit_achieved=True, current_limit_achieved=True), Limits(), (CHARGER, "power")),
    (Demand(None, 100.0, None, 60.0), Limits(), (CHARGER, "unexplained")),
])
def test_the_charger_delivers_less(demand, charger, expected):
    assert judged(demand, WIDE, charger) == expected


def test_more_than_asked_names_no_side():
    assert judged(Demand(400.0, 50.0, 390.0, 60.0)) == (None, "more than asked")


def test_a_charger_that_follows_one_exchange_behind_delivers_what_was_asked():
    assert judged(Demand(400.0, 60.0, 390.0, 50.0)) == (CHARGER, "unexplained")
    assert judged(Demand(400.0, 60.0, 390.0, 50.0, asked_before=50.0)) == (CAR, "wish")
    assert judged(Demand(400.0, 50.0, 390.0, 60.0, asked_before=60.0)) == (CAR, "wish")


def test_the_lag_is_at_most_a_fifth_of_a_small_wish():
    assert judged(Demand(400.0, 10.0, 390.0, 8.0)) == (CAR, "wish")
    assert judged(Demand(400.0, 10.0, 390.0, 7.9)) == (CHARGER, "unexplained")
    assert judged(Demand(400.0, 2.0, 390.0, 2.0 - CURRENT_LEAST - 0.1)) == (CHARGER, "unexplained")


def test_every_judgement_says_why():
    for demand in (Demand(400.0, 100.0, 380.0, 99.0), Demand(400.0, 100.0, 400.0, 60.0), Demand(450.0, 100.0, 400.0, 60.0)):
        assert limiting(demand, WIDE, WIDE).why
    assert "178.1 A" in limiting(Demand(400.0, 178.0, 380.0, 178.0), WIDE, Limits(current=178.1)).why


@pytest.mark.parametrize("car, charger, expected", [(1.0, 2.0, CAR), (2.0, 1.0, CHARGER), (1.0, 1.0, None), (None, 1.0, None), (1.0, None, None)])
def test_the_smaller_limit_binds(car, charger, expected):
    assert narrower(car, charger) is expected
