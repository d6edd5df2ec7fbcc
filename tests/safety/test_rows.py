"""The tables of trips, written anew: which row applies where, whether it is an emergency, how long it may be bad."""
import math

import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.safety import trips
from tasks.safety.config import EvseSafetyConfig, PevSafetyConfig
from tasks.safety.evse_supervisor import EvseSupervisor
from tasks.safety.facts import EvseFacts, PevFacts, SafetyState
from tests.safety.given import evse_facts, facts

NAN = math.nan
LETTERS = {"i": SafetyState.Idle, "w": SafetyState.Waking, "r": SafetyState.Ready, "g": SafetyState.Closing, "c": SafetyState.Closed, "d": SafetyState.Delivering}
EMERGENCY, ORDERLY = True, False

#: row: states (Idle, Waking, Ready, closinG, Closed, Delivering), urgency, hold in ms
PEV = {
    "pilot_lost": ("rgc", EMERGENCY, 0), "pilot_not_c": ("gc", ORDERLY, 0), "pilot_stuck_c": ("i", ORDERLY, 500), "pwm_lost": ("gc", ORDERLY, 1000),
    "lock_lost": ("gc", EMERGENCY, 0), "live_unlocked": ("wr", EMERGENCY, 0), "inlet_overvoltage": ("rgc", EMERGENCY, 0),
    "battery_overvoltage": ("c", EMERGENCY, 0), "inlet_voltage_unknown": ("rgc", ORDERLY, 0), "reported_voltage_unknown": ("gc", ORDERLY, 0),
    "unmatch": ("g", ORDERLY, 0), "supply_low": ("rgc", ORDERLY, 100), "supervision_silent": ("gc", ORDERLY, 0),
    "contactor_dropped": ("c", EMERGENCY, 0), "contactor_uncommanded": ("iwr", EMERGENCY, 500), "stop_button": ("rgc", EMERGENCY, 0),
    "permission": ("gc", ORDERLY, 0), "battery_unknown": ("gc", ORDERLY, 0), "temperature_high": ("rgc", ORDERLY, 0),
    "temperature_unknown": ("rgc", ORDERLY, 0), "current_unknown": ("gc", ORDERLY, 0), "mismatch": ("c", ORDERLY, 1000),
    "reverse_current": ("c", ORDERLY, 1000), "overcurrent": ("c", ORDERLY, 1000), "current_deviation": ("c", ORDERLY, 10_000),
}
EVSE = {
    "pilot_lost": ("gd", EMERGENCY, 0), "output_overvoltage": ("gd", EMERGENCY, 0), "output_voltage_unknown": ("gd", EMERGENCY, 0),
    "output_current_unknown": ("gd", EMERGENCY, 0), "output_overcurrent": ("d", EMERGENCY, 1000), "lock_lost": ("gd", EMERGENCY, 0),
    "supervision_silent": ("gd", ORDERLY, 0), "contactor_dropped": ("d", EMERGENCY, 0), "contactor_uncommanded": ("i", EMERGENCY, 500),
    "stop_button": ("gd", EMERGENCY, 0), "isolation": ("d", ORDERLY, 3000), "isolation_unknown": ("d", ORDERLY, 10_000),
}
EVENTS = ("CONTACTOR_NOT_CLOSED", "CURRENT_NOT_GONE", "CONTACTOR_WELDED", "VOLTAGE_STAYS", "INTERNAL_FAULT", "INSISTED", "END_OVERDUE", "STALLED", "OUTPUT_REFUSED")


@pytest.mark.parametrize("table, expected", [(trips.PEV_TRIPS, PEV), (trips.EVSE_TRIPS, EVSE)])
def test_every_row_applies_where_it_should_is_as_urgent_and_as_patient(table, expected):
    found = {t.name: (t.states, t.emergency, t.hold) for t in table}
    assert found == {name: (frozenset(LETTERS[x] for x in states), urgent, hold * MS) for name, (states, urgent, hold) in expected.items()}


PEV_PERMITS = {"no_power_offered": "w", "dead_inlet": "w", "locked": "r", "battery_voltage": "g", "inlet_match": "g", "inlet_steady": "g"}
EVSE_PERMITS = {"car_ready": "d", "pwm_on": "d", "contactor_at_rest": "d"}


def test_a_connected_load_holds_back_what_the_table_does():
    assert trips.LOAD_CONNECTED.step is SafetyState.Delivering and trips.LOAD_CONNECTED.lacking(None, None, None) is True


@pytest.mark.parametrize("table, expected", [(trips.PEV_PERMITS, PEV_PERMITS), (trips.EVSE_PERMITS, EVSE_PERMITS)])
def test_every_permit_guards_its_step_and_fits_the_display(table, expected):
    assert {p.name: p.step for p in table} == {name: LETTERS[step] for name, step in expected.items()}
    for permit in (*table, trips.LOAD_CONNECTED):
        assert 0 < len(permit.text) <= 21 and permit.hint.endswith(".")


def test_what_the_sequence_finds_is_an_emergency_and_no_row_of_the_table():
    for name in EVENTS:
        event = getattr(trips, name)
        assert event.emergency is True and event.hold == 0 and not event.states and event.name == name.lower()
        assert event.bad(PevFacts(), PevSafetyConfig()) is False


def test_rows_are_compared_by_identity_and_cannot_be_changed():
    one, two = (trips.Trip("x", frozenset(), len, "X", "X.") for _ in range(2))
    assert one != two and (one.emergency, one.hold) == (False, 0)
    with pytest.raises(AttributeError):
        one.hold = 5


#: What is missing entirely, and what makes no number, is bad; except where nobody has to fit it.
MAY_BE_UNKNOWN = {
    "pilot_stuck_c", "pwm_lost", "live_unlocked", "inlet_overvoltage", "battery_overvoltage", "temperature_high", "reverse_current", "overcurrent",
    "current_deviation", "supply_low", "reported_voltage_unknown", "output_overvoltage", "output_overcurrent", "isolation",
}
"""Each has a row beside it that says `unknown`, or belongs to a board that is asked for otherwise."""


@pytest.mark.parametrize("table, config, nothing", [(trips.PEV_TRIPS, PevSafetyConfig(), PevFacts()), (trips.EVSE_TRIPS, EvseSafetyConfig(), EvseFacts())])
def test_with_nothing_known_every_row_that_needs_a_fact_is_bad(table, config, nothing):
    assert {t.name for t in table if not t.bad(nothing, config)} == {t.name for t in table} & MAY_BE_UNKNOWN


@pytest.mark.parametrize("name, change, bad", [
    ("live_unlocked", {"lock": True, "inlet_voltage": 400.0}, False), ("live_unlocked", {"lock": False, "inlet_voltage": NAN}, True),
    ("live_unlocked", {"lock": False, "inlet_voltage": None}, False), ("live_unlocked", {"lock": False, "inlet_voltage": 61.0}, True),
    ("live_unlocked", {"lock": False, "inlet_voltage": 60.5}, True), ("live_unlocked", {"lock": False, "inlet_voltage": 59.5}, False),
    ("inlet_overvoltage", {"inlet_voltage": 550.0}, False), ("inlet_overvoltage", {"inlet_voltage": 550.5}, True),
    ("battery_overvoltage", {"inlet_voltage": 410.0}, False), ("battery_overvoltage", {"inlet_voltage": 410.5}, True),
    ("battery_overvoltage", {"inlet_voltage": NAN}, True), ("battery_overvoltage", {"battery_max_voltage": NAN}, True),
    ("battery_overvoltage", {"battery_max_voltage": None, "inlet_voltage": 900.0}, False),
    ("unmatch", {"inlet_voltage": 370.0}, False), ("unmatch", {"inlet_voltage": 330.0}, False), ("unmatch", {"inlet_voltage": 329.5}, True),
    ("unmatch", {"inlet_voltage": None}, True), ("unmatch", {"battery_voltage": None}, True), ("unmatch", {"battery_voltage": NAN}, True),
    ("mismatch", {"inlet_voltage": None}, True), ("mismatch", {"battery_voltage": None}, True),
    ("pwm_lost", {"duty": 3.0}, False), ("pwm_lost", {"duty": 7.0}, False), ("pwm_lost", {"duty": 2.9}, True), ("pwm_lost", {"duty": 7.1}, True),
    ("pwm_lost", {"duty": NAN}, True), ("pilot_stuck_c", {"pilot": PilotState.D}, True), ("pilot_stuck_c", {"pilot": PilotState.B}, False),
    ("pilot_stuck_c", {"pilot": PilotState.A}, False), ("pilot_not_c", {"pilot": PilotState.A}, True), ("pilot_not_c", {"pilot": PilotState.D}, False),
    ("pilot_lost", {"pilot": PilotState.B}, False), ("pilot_lost", {"pilot": PilotState.C}, False), ("pilot_lost", {"pilot": PilotState.D}, False),
    ("lock_lost", {"lock": False}, True), ("permission", {"permission": False}, True), ("supervision_silent", {"connection_alive": False}, True),
    ("contactor_dropped", {"contactors": False}, True), ("contactor_dropped", {"contactors": True}, False),
    ("contactor_uncommanded", {"contactors": True}, True), ("stop_button", {"stop_button": True}, True), ("stop_button", {"stop_button": False}, False),
    ("reverse_current", {"inlet_current": -5.0}, False), ("reverse_current", {"inlet_current": -5.5}, True), ("reverse_current", {"inlet_current": NAN}, True),
    ("overcurrent", {"inlet_current": 135.0}, False), ("overcurrent", {"inlet_current": 135.5}, True), ("overcurrent", {"inlet_current": NAN}, True),
    ("overcurrent", {"inlet_current": 500.0, "battery_max_current": None}, False), ("overcurrent", {"inlet_current": None}, False),
    ("current_deviation", {"inlet_current": 110.0}, False), ("current_deviation", {"inlet_current": 110.5}, True),
    ("current_deviation", {"inlet_current": NAN}, True), ("current_deviation", {"inlet_current": 500.0, "battery_target_current": None}, False),
])
def test_a_row_of_the_car_on_both_sides_of_its_edge(name, change, bad):
    row = next(t for t in trips.PEV_TRIPS if t.name == name)
    assert bool(row.bad(facts(**change), PevSafetyConfig())) is bad


@pytest.mark.parametrize("name, change, bad", [
    ("output_overvoltage", {"output_voltage": 550.0}, False), ("output_overvoltage", {"output_voltage": 550.5}, True),
    ("output_overvoltage", {"output_voltage": NAN}, True), ("output_overcurrent", {"output_current": 135.0}, False),
    ("output_overcurrent", {"output_current": -135.0}, False), ("output_overcurrent", {"output_current": -135.5}, True),
    ("output_overcurrent", {"output_current": 135.5}, True), ("output_overcurrent", {"output_current": NAN}, True),
    ("isolation", {"isolation": 100_000.0}, False), ("isolation", {"isolation": 99_999.5}, True), ("isolation", {"isolation": NAN}, True),
    ("isolation_unknown", {"isolation": None, "output_voltage": 99.5}, False), ("isolation_unknown", {"isolation": None, "output_voltage": 100.0}, True),
    ("isolation_unknown", {"isolation": None, "output_voltage": None}, True), ("isolation_unknown", {"isolation": 1e6, "output_voltage": 400.0}, False),
    ("isolation_unknown", {"isolation": 1e6, "output_voltage": 50.0}, False),
    ("supervision_silent", {"connection_alive": False}, True), ("contactor_dropped", {"contactors": False}, True),
    ("contactor_uncommanded", {"contactors": True}, True), ("contactor_uncommanded", {"contactors": False}, False),
    ("lock_lost", {"lock": False}, True), ("stop_button", {"stop_button": True}, True),
    ("pilot_lost", {"pilot": PilotState.B}, False), ("pilot_lost", {"pilot": PilotState.D}, False), ("pilot_lost", {"pilot": PilotState.E}, True),
])
def test_a_row_of_the_charger_on_both_sides_of_its_edge(name, change, bad):
    row = next(t for t in trips.EVSE_TRIPS if t.name == name)
    assert bool(row.bad(evse_facts(**change), EvseSafetyConfig())) is bad


def sensorless(**changes) -> PevSafetyConfig:
    return PevSafetyConfig(**changes)


@pytest.mark.parametrize("name, config, change, bad", [
    ("inlet_voltage_unknown", sensorless(voltage_sensor_fitted=False), {"inlet_voltage": None}, False),
    ("reported_voltage_unknown", sensorless(voltage_sensor_fitted=False), {"inlet_voltage": None}, True),
    ("reported_voltage_unknown", sensorless(voltage_sensor_fitted=False), {}, False),
    ("reported_voltage_unknown", sensorless(), {"inlet_voltage": None}, False),
    ("temperature_unknown", sensorless(temperature_sensor_fitted=False), {"temperature": None}, False),
    ("temperature_high", sensorless(temperature_sensor_fitted=False), {"temperature": 99.0}, True),
    ("current_unknown", sensorless(current_sensor_fitted=False), {"inlet_current": None}, False),
    ("stop_button", sensorless(stop_button="none"), {"stop_button": True}, False),
    ("supply_low", sensorless(supply_sensor_fitted=True), {"supply_voltage": None}, True),
    ("supply_low", sensorless(supply_sensor_fitted=True), {"supply_voltage": 9.0}, False),
    ("supply_low", sensorless(supply_sensor_fitted=True), {"supply_voltage": 8.9}, True),
    ("supply_low", sensorless(supply_sensor_fitted=True), {"supply_voltage": NAN}, True),
    ("supply_low", sensorless(), {"supply_voltage": 5.0}, False),
])
def test_a_row_asks_for_what_the_board_has(name, config, change, bad):
    row = next(t for t in trips.PEV_TRIPS if t.name == name)
    assert bool(row.bad(facts(**change), config)) is bad


def test_a_charger_is_not_asked_for_an_insulation_monitor_it_does_not_have():
    row = next(t for t in trips.EVSE_TRIPS if t.name == "isolation_unknown")
    assert not row.bad(evse_facts(isolation=None), EvseSafetyConfig(isolation_monitor_fitted=False))
    button = next(t for t in trips.EVSE_TRIPS if t.name == "stop_button")
    assert not button.bad(evse_facts(stop_button=None), EvseSafetyConfig(stop_button="none"))


@pytest.mark.parametrize("contactor, lock, missing", [
    (True, True, set()), (False, True, {"contactor_dropped", "contactor_uncommanded"}), (True, False, {"lock_lost"}),
    (False, False, {"contactor_dropped", "contactor_uncommanded", "lock_lost"}),
])
def test_a_charger_without_contactor_or_lock_leaves_out_exactly_their_rows(contactor, lock, missing):
    supervisor = EvseSupervisor(EvseSafetyConfig(), contactor=contactor, lock=lock)
    watched = {trip.name for rows in supervisor.latch._rows.values() for trip, _, _ in rows}
    assert set(EVSE) - watched == missing


@pytest.mark.parametrize("maximum, threshold", [
    (499.5, 550.0), (500.0, 550.0), (500.5, 825.0), (749.5, 825.0), (750.0, 825.0), (750.5, 935.0), (849.5, 935.0), (850.0, 935.0), (850.5, 1100.0),
    (999.5, 1100.0), (1000.0, 1100.0), (1000.5, 1100.0),
])
def test_the_edges_of_the_overvoltage_classes(maximum, threshold):
    assert trips.overvoltage_threshold(maximum) == threshold


def test_the_numbers_that_no_row_shows():
    assert trips.MATCH_BLANKING == trips.PWM_LOSS_HOLD == trips.OVERCURRENT_HOLD == S
