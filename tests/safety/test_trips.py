"""Each row of the tables trips in its states, on its boundary, after its hold, and nowhere else."""
import math

import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.safety.config import EvseSafetyConfig, PevSafetyConfig
from tasks.safety.facts import EvseRequests, SafetyState
from tasks.safety.trips import EVSE_TRIPS, PEV_TRIPS, overvoltage_threshold
from tests.safety.given import STEP, evse, evse_facts, facts, output, pev, requests

NAN, INF = math.nan, math.inf
Ready, Closing, Closed = SafetyState.Ready, SafetyState.Closing, SafetyState.Closed

# name, changes of the facts that are just bad, changes that are just good
PEV_CASES = [
    ("pilot_lost", {"pilot": None}, {}),
    ("pilot_lost", {"pilot": PilotState.A}, {}),
    ("pilot_lost", {"pilot": PilotState.E}, {}),
    ("pilot_lost", {"pilot": PilotState.F}, {"pilot": PilotState.D}),
    ("pilot_not_c", {"pilot": PilotState.B}, {"pilot": PilotState.D}),
    ("pilot_stuck_c", {"pilot": PilotState.C, "contactors": False}, {"pilot": PilotState.B, "contactors": False}),
    ("pwm_lost", {"duty": 100.0}, {"duty": None}),
    ("pwm_lost", {"duty": 7.01}, {"duty": 7.0}),
    ("pwm_lost", {"duty": 2.99}, {"duty": 3.0}),
    ("lock_lost", {"lock": False}, {}),
    ("lock_lost", {"lock": None}, {}),
    ("live_unlocked", {"lock": None, "inlet_voltage": 60.01}, {"lock": None, "inlet_voltage": 60.0}),
    ("inlet_overvoltage", {"inlet_voltage": 550.01, "battery_voltage": 550.0, "battery_max_voltage": 700.0},
     {"inlet_voltage": 550.0, "battery_voltage": 550.0, "battery_max_voltage": 700.0}),
    ("inlet_overvoltage", {"inlet_voltage": NAN}, {}),
    ("battery_overvoltage", {"inlet_voltage": 410.01, "battery_voltage": 405.0}, {"inlet_voltage": 410.0, "battery_voltage": 405.0}),
    ("inlet_voltage_unknown", {"inlet_voltage": None}, {}),
    ("reported_voltage_unknown", {"inlet_voltage": None}, {}),
    ("unmatch", {"inlet_voltage": 370.1}, {}),
    ("unmatch", {"battery_voltage": 372.1}, {}),
    ("supervision_silent", {"connection_alive": None}, {}),
    ("supply_low", {"supply_voltage": 8.9}, {"supply_voltage": 9.0}),
    ("supply_low", {"supply_voltage": None}, {}),
    ("contactor_dropped", {"contactors": False}, {}),
    ("contactor_dropped", {"contactors": None}, {}),
    ("contactor_uncommanded", {"contactors": True}, {}),
    ("contactor_uncommanded", {"contactors": None}, {}),
    ("stop_button", {"stop_button": True}, {}),
    ("stop_button", {"stop_button": None}, {}),
    ("permission", {"permission": False}, {}),
    ("permission", {"permission": None}, {}),
    ("battery_unknown", {"battery_voltage": None}, {}),
    ("battery_unknown", {"battery_max_voltage": None}, {}),
    ("battery_unknown", {"battery_max_current": None}, {}),
    ("temperature_high", {"temperature": 70.1}, {"temperature": 70.0}),
    ("temperature_high", {"temperature": NAN}, {}),
    ("temperature_unknown", {"temperature": None}, {}),
    ("current_unknown", {"inlet_current": None}, {}),
    ("current_unknown", {"inlet_current": NAN}, {}),
    ("current_unknown", {"inlet_current": INF}, {}),
    ("mismatch", {"inlet_voltage": 370.1}, {"inlet_voltage": 370.0}),
    ("mismatch", {"inlet_voltage": 329.9}, {"inlet_voltage": 330.0}),
    ("reverse_current", {"inlet_current": -5.1}, {"inlet_current": -5.0}),
    ("overcurrent", {"inlet_current": 135.1, "battery_target_current": 200.0}, {"inlet_current": 135.0, "battery_target_current": 200.0}),
    ("current_deviation", {"inlet_current": 110.1}, {"inlet_current": 110.0}),
]
TABLE = {t.name: t for t in PEV_TRIPS}
CONFIGS = {"supply_low": {"supply_sensor_fitted": True}, "reported_voltage_unknown": {"voltage_sensor_fitted": False}}
"""Rows that only some boards have."""


def made(name: str, state: SafetyState):
    return pev(state, PevSafetyConfig(**CONFIGS.get(name, {})))


def base(state: SafetyState) -> dict:
    return {"contactors": state is Closed}


def run(supervisor, make, request, now: int, duration: int) -> int:
    """Step every 10 ms for `duration`; returns the time at which the first trip came, or -1."""
    for at in range(now, now + duration + 1, STEP):
        supervisor.step(make(at), request, at)
        if supervisor.latch.trips:
            return at
    return -1


def test_every_row_has_a_case_a_text_for_the_display_and_a_hint():
    assert {c[0] for c in PEV_CASES} == set(TABLE)
    assert len(TABLE) == len(PEV_TRIPS) and len({t.name for t in EVSE_TRIPS}) == len(EVSE_TRIPS)
    for trip in (*PEV_TRIPS, *EVSE_TRIPS):
        assert 0 < len(trip.text) <= 21 and trip.hint.endswith(".") and trip.states


@pytest.mark.parametrize("name, bad, good", PEV_CASES)
def test_a_bad_condition_trips_in_each_of_its_states(name, bad, good):
    trip = TABLE[name]
    for state in trip.states:
        if state is Closing and trip.hold:
            continue                     # closing is over before the hold is
        supervisor, now = made(name, state)
        wish = requests(contactors=state is not Ready) if state is not SafetyState.Idle else requests(False, False, False)
        start = now + STEP

        def make(at, state=state):
            return facts(**{**base(state), "inlet_current_at": at, **bad})
        at = run(supervisor, make, wish, start, trip.hold + 10 * MS)
        assert name in [t.name for t in supervisor.latch.trips], state
        assert at == start + trip.hold
        assert supervisor.outputs.pilot_c is False
        assert supervisor.latch.emergency or not trip.emergency


@pytest.mark.parametrize("name, bad, good", [c for c in PEV_CASES if c[2]])
def test_the_boundary_itself_is_allowed(name, bad, good):
    trip = TABLE[name]
    for state in trip.states - {Closing}:
        supervisor, now = made(name, state)

        def make(at, state=state):
            return facts(**{**base(state), "inlet_current_at": at, **good})
        run(supervisor, make, requests(contactors=state is Closed), now + STEP, trip.hold + S)
        assert name not in [t.name for t in supervisor.latch.trips], (state, supervisor.latch.text)


def test_a_hold_must_be_uninterrupted():
    supervisor, now = pev(Closed)
    for n in range(500):
        now += STEP
        duty = 5.0 if n % 50 == 49 else 100.0
        supervisor.step(facts(contactors=True, duty=duty), requests(), now)
    assert supervisor.state is Closed
    assert run(supervisor, lambda at: facts(contactors=True, duty=100.0), requests(), now + STEP, 2 * S) == now + STEP + S


def test_a_hold_goes_on_when_the_state_changes_to_one_where_it_still_applies():
    supervisor, now = pev(Closing)
    start = now + STEP
    at = run(supervisor, lambda at: facts(contactors=at >= start + 40 * MS, duty=100.0), requests(), start, 2 * S)
    assert at == start + S and supervisor.latch.trips[0].name == "pwm_lost"


@pytest.mark.parametrize("fitted, bad", [("current_sensor_fitted", {"inlet_current": None}), ("temperature_sensor_fitted", {"temperature": None}),
                                          ("supply_sensor_fitted", {"supply_voltage": None})])
def test_what_is_not_fitted_is_not_missed(fitted, bad):
    supervisor, now = pev(Closed, PevSafetyConfig(**{fitted: False}))
    assert run(supervisor, lambda at: facts(contactors=True, **bad), requests(), now, 2 * S) == -1


def test_no_stop_button_is_no_trip():
    supervisor, now = pev(Closed, PevSafetyConfig(stop_button="none"))
    assert run(supervisor, lambda at: facts(contactors=True, stop_button=None), requests(), now, S) == -1


EVSE_CASES = [
    ("pilot_lost", {"pilot": None}, {}),
    ("pilot_lost", {"pilot": PilotState.A}, {}),
    ("pilot_lost", {"pilot": PilotState.F}, {}),
    ("output_overvoltage", {"output_voltage": 550.01}, {"output_voltage": 550.0}),
    ("output_overvoltage", {"output_voltage": NAN}, {}),
    ("output_voltage_unknown", {"output_voltage": None}, {}),
    ("output_current_unknown", {"output_current": None}, {}),
    ("output_overcurrent", {"output_current": 135.1}, {"output_current": 135.0}),
    ("lock_lost", {"lock": None}, {}),
    ("lock_lost", {"lock": False}, {}),
    ("supervision_silent", {"connection_alive": None}, {}),
    ("contactor_dropped", {"contactors": False}, {}),
    ("contactor_dropped", {"contactors": None}, {}),
    ("stop_button", {"stop_button": True}, {}),
    ("stop_button", {"stop_button": None}, {}),
    ("isolation", {"isolation": 99_999.0}, {"isolation": 100_000.0}),
    ("isolation_unknown", {"isolation": None}, {"isolation": None, "output_voltage": 99.0}),
]
EVSE_TABLE = {t.name: t for t in EVSE_TRIPS}


@pytest.mark.parametrize("name, bad, good", EVSE_CASES)
def test_the_charger_trips_and_its_power_is_off_in_the_same_step(name, bad, good):
    trip = EVSE_TABLE[name]
    supervisor, now = evse(contactor=True, lock=True)
    start = now + STEP
    assert run(supervisor, lambda at: evse_facts(**bad), output(), start, trip.hold + 10 * MS) == start + trip.hold
    assert trip in supervisor.latch.trips and supervisor.outputs.on is False
    assert (supervisor.outputs.voltage, supervisor.outputs.current) == (0.0, 0.0)
    if good:
        supervisor, now = evse(contactor=True, lock=True)
        assert run(supervisor, lambda at: evse_facts(**good), output(), now, trip.hold + S) == -1


def test_an_output_contactor_that_closes_by_itself_trips():
    supervisor, now = evse(delivering=False, contactor=True)
    idle = EvseRequests(duty=5.0)
    at = run(supervisor, lambda at: evse_facts(output_voltage=0.0, contactors=True), idle, now + STEP, S)
    assert at == now + STEP + 500 * MS and supervisor.latch.trips[0].name == "contactor_uncommanded"
    assert {c[0] for c in EVSE_CASES} | {"contactor_uncommanded"} == set(EVSE_TABLE)


@pytest.mark.parametrize("maximum, threshold", [(400, 550), (500, 550), (501, 825), (750, 825), (850, 935), (920, 1100), (1000, 1100)])
def test_overvoltage_classes(maximum, threshold):
    assert overvoltage_threshold(maximum) == threshold


@pytest.mark.parametrize("config, name, value", [
    (PevSafetyConfig, "match_v", 20.1), (PevSafetyConfig, "unlock_v", 61.0), (PevSafetyConfig, "emergency_open_ms", 2001),
    (PevSafetyConfig, "inlet_max_temperature_c", 91.0), (PevSafetyConfig, "contactor_travel_ms", 501), (PevSafetyConfig, "current_wait_ms", 3001),
    (PevSafetyConfig, "unverified_wait_ms", 1999), (PevSafetyConfig, "match_v", NAN), (PevSafetyConfig, "stop_button", "maybe"),
    (EvseSafetyConfig, "unlock_v", 61.0), (EvseSafetyConfig, "isolation_min_ohm", 49_999.0), (EvseSafetyConfig, "max_voltage_v", 1001.0),
])
def test_configuration_can_only_tighten(config, name, value):
    with pytest.raises(ValueError, match=name):
        config(**{name: value})
