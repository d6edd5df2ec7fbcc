"""Calibrations against published tables: IEC 60751 for platinum, a maker's table for an NTC; broken sensors are named and unknown."""
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.adc import calibration as c

PT100_TABLE = {  # IEC 60751:2008, table 1 (Pt100); Ohm, rounded to 0.01
    -200: 18.52, -150: 39.72, -100: 60.26, -50: 80.31, -20: 92.16, -10: 96.09, 0: 100.00, 10: 103.90, 20: 107.79, 25: 109.73, 50: 119.40,
    100: 138.51, 150: 157.33, 200: 175.86, 300: 212.05, 400: 247.09, 500: 280.98, 600: 313.71, 850: 390.48}

NTC_TABLE = {  # Vishay NTCLE100E3103 (10 kOhm, B25/85 3977 K), data sheet 29049, table of R(T); Ohm
    -20: 96358, -10: 55046, 0: 32554, 10: 19872, 20: 12488, 25: 10000, 30: 8059, 40: 5330, 50: 3605, 60: 2490, 70: 1753, 85: 1070}


@pytest.mark.parametrize("celsius, ohm", PT100_TABLE.items())
def test_platinum_agrees_with_the_table_of_the_standard(celsius, ohm):
    assert c.Platinum(100.0).ohm(celsius) == pytest.approx(ohm, abs=0.0051)
    assert c.Platinum(1000.0).celsius(10 * ohm) == pytest.approx(celsius, abs=0.0051 / 0.29)      # 0.29 Ohm/K is the flattest place


@given(st.floats(c.PT_LOW, c.PT_HIGH))
def test_platinum_and_its_inverse_meet(celsius):
    pt = c.Platinum()
    assert pt.celsius(pt.ohm(celsius)) == pytest.approx(celsius, abs=1e-6)


@pytest.mark.parametrize("celsius, ohm", NTC_TABLE.items())
def test_an_ntc_through_three_points_agrees_with_its_table(celsius, ohm):
    ntc = c.ntc_by_points(((0, 32554), (25, 10000), (85, 1070)))
    assert ntc.celsius(ohm) == pytest.approx(celsius, abs=0.06)


@pytest.mark.parametrize("celsius, ohm", NTC_TABLE.items())
def test_an_ntc_by_beta_is_true_at_its_two_points_and_near_between(celsius, ohm):
    ntc = c.ntc_by_beta(10_000, 3977)
    assert ntc.celsius(ohm) == pytest.approx(celsius, abs=0.05 if celsius in (25, 85) else 0.8 if 0 <= celsius <= 85 else 1.8)


def test_points_that_do_not_fall_are_refused():
    for points in (((0, 1000), (25, 2000), (85, 3000)), ((0, 1000), (25, 1000), (85, 500))):
        with pytest.raises(ValueError, match="falls with temperature"):
            c.ntc_by_points(points)
    shuffled = c.ntc_by_points(((85, 1070), (0, 32554), (25, 10000)))
    assert shuffled.celsius(10000) == pytest.approx(25, abs=1e-6)


def test_lines_and_dividers_have_ends():
    # pyPLC's DiDeBoCCS: U = (adc * 1.8 - 0.510) * 386, adc from 0 to 1, so volts at the pin are adc * 1.8 (field sheet 1.5)
    assert c.Linear(386.0, -0.510 * 386).physical(1.5)[0] == pytest.approx(382.14)
    inlet = c.divider(3_000_000, 10_000, low=-20, high=1000)
    assert inlet.physical(1.0) == (pytest.approx(301.0), "")
    assert inlet.physical(3.4) == (None, "range") and inlet.physical(-0.1) == (None, "range")


def pin(ohm, pullup=2_200.0, reference=3.3):
    return reference * ohm / (ohm + pullup)


@pytest.mark.parametrize("thermometer, warm_ohm, warm", [(c.Platinum(), 1385.1, 100.0), (c.ntc_by_points(((0, 32554), (25, 10000), (85, 1070))), 1070.0, 85.0)])
def test_a_broken_sensor_is_unknown_and_named(thermometer, warm_ohm, warm):
    sensor = c.Resistive(thermometer, 2_200.0, 3.3)
    value, why = sensor.physical(pin(warm_ohm))
    assert value == pytest.approx(warm, abs=0.02) and why == ""
    for volts in (3.3, 3.4, pin(50e6)):
        assert sensor.physical(volts) == (None, "open")
    for volts in (0.0, -0.01, pin(0.5), pin(20.0)):
        assert sensor.physical(volts) == (None, "short")


@given(st.floats(-10, 10))
def test_whatever_the_pin_says_a_temperature_is_in_its_range_or_unknown(volts):
    for thermometer in (c.Platinum(), c.Platinum(100), c.ntc_by_beta(10_000, 3977), c.ntc_by_points(((0, 32554), (25, 10000), (85, 1070)))):
        value, why = c.Resistive(thermometer, 10_000.0, 3.3, -40.0, 150.0).physical(volts)
        assert why in ("open", "short") if value is None else -40.0 <= value <= 150.0 and why == "" and math.isfinite(value)
