"""What is refused, row by row."""
import pytest

from drivers.interfaces import PilotReading, PilotState
from tools.bench_io.look import Voltages
from tools.bench_io.outputs import HV, MAINS, MOTOR, PILOT, PLAIN
from tools.bench_io.rules import LIVE_V, refusal, watch

A, B, C = (PilotReading(state, None) for state in (PilotState.A, PilotState.B, PilotState.C))
SAFE = Voltages({"inlet": 0.0, "battery": 3.0}, {})
HALF = Voltages({"inlet": 0.0}, {"battery": "nobody measures it"})
LIVE = Voltages({"inlet": 2.0, "battery": 355.0}, {})
KINDS = [(HV, "contactors"), (MAINS, "mains"), (PILOT, "state_c"), (MOTOR, "unlock"), (MOTOR, "lock"), (PLAIN, "pwm")]


@pytest.mark.parametrize("kind, name", KINDS)
def test_without_voltage_everything_may_be_tried(kind, name):
    assert refusal(kind, name, SAFE, A) == ""


@pytest.mark.parametrize("kind, name", KINDS)
@pytest.mark.parametrize("side", ["inlet", "battery"])
@pytest.mark.parametrize("volts", [LIVE_V + 0.1, 1000.0, -400.0])
@pytest.mark.parametrize("zero", ["", "multimeter at both sides"])
def test_a_measured_voltage_refuses_all_but_the_locking_and_nothing_overrides_it(kind, name, side, volts, zero):
    said = refusal(kind, name, Voltages({"inlet": 0.0, "battery": 0.0, side: volts}, {}), A, zero)
    assert (said == "") == (name == "lock") and (not said or side in said and f"{volts:.0f} V" in said)


def test_60_volts_are_no_voltage_yet():
    assert refusal(HV, "contactors", Voltages({"inlet": LIVE_V, "battery": -LIVE_V}, {}), A) == ""


@pytest.mark.parametrize("kind, name", KINDS)
def test_an_unknown_voltage_refuses_what_switches_power_until_somebody_has_measured(kind, name):
    said = refusal(kind, name, HALF, A)
    assert bool(said) == (kind in (HV, MAINS))
    assert not said or "nobody measures it" in said and "--i-measured-0-volts" in said
    assert refusal(kind, name, HALF, A, "multimeter at both sides") == ""


@pytest.mark.parametrize("pilot", [None, B, C])
def test_the_mains_are_not_switched_to_a_car_nor_to_nobody_knows_what(pilot):
    assert "pilot" in refusal(MAINS, "mains", SAFE, pilot, "multimeter at the terminals")


@pytest.mark.parametrize("duty, refused", [(5.0, False), (100.0, False), (None, False), (10.0, True), (53.0, True), (96.0, True)])
def test_state_c_is_refused_while_a_charger_offers_current(duty, refused):
    said = refusal(PILOT, "state_c", SAFE, PilotReading(PilotState.B, duty))
    assert bool(said) == refused and (not refused or f"{duty:.0f} %" in said)


@pytest.mark.parametrize("kind, name", KINDS)
def test_what_is_on_goes_off_when_a_voltage_appears(kind, name):
    assert bool(watch(kind, name, LIVE, frozenset())) == (name != "lock")
    assert watch(kind, name, SAFE, frozenset()) == ""


@pytest.mark.parametrize("kind, name", KINDS)
def test_and_when_a_measurement_is_lost_that_was_there(kind, name):
    assert bool(watch(kind, name, HALF, frozenset())) == (kind in (HV, MAINS))
    assert watch(kind, name, HALF, frozenset({"battery"})) == "", "it was unknown before, and somebody had measured"
