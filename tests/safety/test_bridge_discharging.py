"""A bridge whose vehicle is discharged: everything that is judged by current is judged by its magnitude, and what nobody allowed is a trip."""
import pytest

from kernel.timer import S
from tasks.safety.facts import SafetyState
from tests.safety.given import STEP
from tests.safety.given_bridge import B, NOTHING, bridge, requests

Closed, CurrentOff = SafetyState.Closed, SafetyState.CurrentOff
V2X = {"max_discharge_a": 20.0}
OFF = requests(contactors=False, pilot_c=False)


def discharging(current=-18.0, told=20.0, **limits):
    """Closed, `current` flows, the vehicle lets out `told` A."""
    s, f, now = bridge(Closed, **(V2X | limits))
    f.contactors, f.inlet_current, f.inlet_current_at, f.reported_current, f.discharge_allowed = True, current, now, current, told
    s.step(f, requests(), now)
    return s, f, now


def names(s):
    return [trip.name for trip in s.latch.trips]


def later(s, f, now, wish, seconds):
    """`seconds` of steps with fresh measurements."""
    for _ in range(round(seconds * S / STEP)):
        now += STEP
        f.inlet_current_at = f.inlet_voltage_at = f.vehicle_voltage_at = now
        s.step(f, wish, now)
    return now


def test_within_what_box_and_vehicle_allow_it_goes_on():
    s, f, now = discharging()
    later(s, f, now, requests(), 30.0)
    assert s.state is Closed and not s.latch.trips and s.outputs.contactors


@pytest.mark.parametrize("current, told, limits", [(-31.0, 20.0, {}), (-18.0, None, {}), (-18.0, 5.0, {}), (-18.0, 20.0, {"max_discharge_a": 0.0}), (-31.0, 40.0, {})],
                         ids=["beyond both", "the vehicle does not say", "the vehicle allows less", "not configured", "the vehicle allows more"])
def test_what_is_beyond_is_a_trip_after_a_second_and_no_earlier(current, told, limits):
    s, f, now = discharging(current, told, **limits)
    s.step(f, requests(), now + S - 1)
    assert not s.latch.trips
    s.step(f, requests(), now + S)
    assert names(s) == ["reverse_current"] and not s.outputs.pilot_c and s.outputs.contactors, "state B first, the contactor when the current is gone"


@pytest.mark.parametrize("told, ceiling", [(0.5, 20.0), (20.0, 0.5)])
def test_half_an_ampere_allowed_is_allowed_and_has_the_margin(told, ceiling):
    """-8 A would be a trip where nothing is allowed (from -5 A on)."""
    s, f, now = discharging(-8.0, told, max_discharge_a=ceiling)
    later(s, f, now, requests(), 3.0)
    assert s.state is Closed and not s.latch.trips


@pytest.mark.parametrize("left, opens", [(-18.0, False), (-1.0, False), (-0.9, True), (0.9, True), (1.0, False)])
def test_an_ordinary_end_opens_below_1_a_in_either_direction(left, opens):
    s, f, now = discharging()
    now = later(s, f, now, OFF, 0.1)
    assert s.state is CurrentOff and s.outputs.contactors
    f.pilot, f.inlet_current = B, left
    later(s, f, now, OFF, 0.1)
    assert s.outputs.contactors is not opens


@pytest.mark.parametrize("left, opens", [(-5.0, False), (-4.9, True)])
def test_an_emergency_opens_below_5_a_and_at_its_bound_whatever_is_drawn(left, opens):
    s, f, now = discharging()
    s.fault(f, now)
    f.pilot, f.inlet_current = B, left
    now = later(s, f, now, requests(), 0.1)
    assert s.outputs.contactors is not opens
    now = later(s, f, now, requests(), 1.5)
    assert not s.outputs.contactors


def test_a_charger_that_goes_on_drawing_is_an_emergency_as_one_that_goes_on_delivering():
    s, f, now = discharging()
    now = later(s, f, now, OFF, STEP / S)
    f.pilot = B
    now = later(s, f, now, OFF, 2.9)
    assert s.outputs.contactors and not s.latch.trips
    later(s, f, now, OFF, 0.2)
    assert names(s) == ["current_not_gone"] and not s.outputs.contactors


@pytest.mark.parametrize("current, trips", [(-4.9, False), (-5.0, True)])
def test_current_that_is_drawn_without_k_is_a_trip(current, trips):
    s, f, now = discharging(current)
    f.k = False
    now = later(s, f, now, requests(), 0.49)
    assert not s.latch.trips
    later(s, f, now, requests(), 0.03)
    assert (names(s) == ["current_without_k"]) is trips


@pytest.mark.parametrize("current, falls", [(-5.1, False), (-5.0, True), (5.1, False)])
def test_d2_is_held_up_while_anything_is_measured_behind_an_open_contactor(current, falls):
    s, f, now = discharging()
    now = later(s, f, now, OFF, STEP / S)
    f.pilot, f.inlet_current = B, 0.0
    now = later(s, f, now, OFF, 0.05)
    f.contactors, f.inlet_current = False, current
    now = later(s, f, now, NOTHING, 1.0)
    assert not s.outputs.contactors and s.outputs.d2 is not falls
    later(s, f, now, NOTHING, 10.0)
    assert not s.outputs.d2, "not for ever: a sensor may lie"


def test_a_sensor_that_is_stuck_near_zero_is_doubted_when_the_charger_says_that_it_draws():
    s, f, now = discharging(0.0)
    f.reported_current = -60.0
    now = later(s, f, now, requests(), 5.1)
    s.report.drain()
    now = later(s, f, now, OFF, STEP / S)
    f.pilot = B
    now = later(s, f, now, OFF, 1.9)
    assert s.outputs.contactors and any("current sensor doubted" in text for text, _, _ in s.report.drain())
    later(s, f, now, OFF, 0.2)
    assert not s.outputs.contactors


def test_a_voltage_that_does_not_fall_is_a_weld_whatever_flowed_before():
    s, f, now = discharging()
    now = later(s, f, now, OFF, 0.1)
    f.pilot, f.inlet_current = B, -18.0
    now = later(s, f, now, OFF, 0.1)
    assert s.outputs.contactors and not s.latch.trips
    f.inlet_current = 0.0
    now = later(s, f, now, OFF, 0.1)
    assert not s.outputs.contactors
    later(s, f, now, OFF, 2.0)                                          # it reads closed on
    assert "contactor_welded" in names(s)
