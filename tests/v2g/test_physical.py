"""PhysicalValue and float: units, multipliers, ranges, and limits that never grow."""
from __future__ import annotations

from random import Random

import pytest

from exi_native.messages.din import PhysicalValue, unitSymbol
from tasks.errors import RemoteProtocolError
from tasks.v2g.physical import LIMIT, PRESENT_A, PRESENT_V, TARGET_A, TARGET_V, A, BadValue, V, W, from_float, to_float


def pv(multiplier, value, unit=V):
    return PhysicalValue(Multiplier=multiplier, Unit=unit, Value=value)


@pytest.mark.parametrize("value, expected", [
    (pv(-3, 112), 0.112), (pv(-2, 18430), 184.3), (pv(-1, 3534), 353.4), (pv(0, 500), 500.0), (pv(0, -7), -7.0), (pv(0, 400, None), 400.0)])
def test_reading(value, expected):
    assert to_float(value, V, PRESENT_V, "f") == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("value, allowed", [
    (pv(0, 400, A), PRESENT_V), (pv(4, 1), PRESENT_V), (pv(-4, 1), PRESENT_V), (pv(1, 151), PRESENT_V), (pv(0, -101), PRESENT_V),
    (pv(0, -1), TARGET_V), (pv(0, -1), LIMIT)])
def test_what_cannot_be_true(value, allowed):
    with pytest.raises(BadValue) as problem:
        to_float(value, V, allowed, "EVTargetVoltage")
    assert "EVTargetVoltage" in str(problem.value) and "expected" in str(problem.value) and "came" in str(problem.value)
    assert isinstance(problem.value, RemoteProtocolError)


@pytest.mark.parametrize("amperes, multiplier, number", [(-20.0, 0, -20), (-15.3, -1, -153), (-0.1, -1, -1), (-600.0, 0, -600)])
def test_a_negative_present_current_comes_out_as_it_went_in(amperes, multiplier, number):
    """What a bidirectional charger reports while it draws: Value is xs:short in both protocols."""
    said = from_float(amperes, A)
    assert (said.Multiplier, said.Value) == (multiplier, number)
    assert to_float(said, A, PRESENT_A, "EVSEPresentCurrent") == pytest.approx(amperes)


def test_nonsense_limits_upwards_are_harmless():
    assert to_float(pv(3, 32767, W), W, LIMIT, "EVSEMaximumPowerLimit") == 32_767_000


@pytest.mark.parametrize("value, unit, multiplier, number", [
    (0.0, V, 0, 0), (400.0, V, 0, 400), (353.4, V, -1, 3534), (400.3, V, -1, 4003), (98000.0, W, 1, 9800), (50000.0, W, 1, 5000),
    (28000.0, unitSymbol.Wh, 0, 28000), (-10.5, A, -1, -105), (3276.7, V, -1, 32767), (3276.8, V, 0, 3276), (399.99, V, -1, 3999),
    (32_767_000.0, W, 3, 32767)])
def test_writing(value, unit, multiplier, number):
    result = from_float(value, unit)
    assert (result.Multiplier, result.Value, result.Unit) == (multiplier, number, unit)


def test_round_trip_never_grows_and_loses_little():
    rng = Random(5)
    for _ in range(5000):
        x = rng.uniform(0, 1000)
        back = to_float(from_float(x, A), A, TARGET_A, "f")
        assert back <= x + 1e-6 and x - back < 0.1 + 1e-6


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 4e7])
def test_what_no_value_can_carry_is_our_defect(value):
    with pytest.raises(ValueError):
        from_float(value, V)
