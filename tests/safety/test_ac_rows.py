"""The AC charger's table written anew: in which states a row applies, how long it may be bad, whom it waits for, and both sides of each edge."""
from __future__ import annotations

from math import nan

import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.safety import ac_trips as table
from tasks.safety.config import AcSafetyConfig
from tasks.safety.facts import AcOutputs
from tasks.safety.trips import first_lacking
from tests.safety.given_ac import STATES, Closing, CurrentOff, Delivering, Idle, Opening, Tripped, ac_facts, rest

A, B, C, D, E, F = PilotState
POWERED, LIVE, CLOSED = {Closing, Delivering}, {Closing, Delivering, CurrentOff}, {Delivering, CurrentOff}
#: name: (states, hold, a person must reset, facts that are bad, facts that are good)
ROWS = {
    "pilot_lost": (LIVE, 0, False, [{"pilot": p} for p in (A, E, F)], [{"pilot": p} for p in (B, C, D, None)]),
    "pwm_wrong": (POWERED, 200 * MS, False,
                  [{"duty": 7.1}, {"duty": 2.9}, {"duty": 100.0}, {"duty": nan}, {"duty_set": None}, {"duty": 50.0, "duty_set": 53.0}],
                  [{"duty": 7.0}, {"duty": 3.0}, {"duty": None}, {"duty": None, "duty_set": None}, {"duty": 52.0, "duty_set": 50.0}]),
    "residual_current": (LIVE, 0, False, [{"residual_current": True}], [{"residual_current": False}, {"residual_current": None}]),
    "residual_unknown": (LIVE, 0, False, [{"residual_current": None}], [{"residual_current": False}, {"residual_current": True}]),
    "lock_lost": (LIVE, 0, False, [{"lock": False}, {"lock": None}], [{"lock": True}]),
    "supervision_silent": (LIVE, 0, False, [{"connection_alive": None}, {"connection_alive": False}], [{"connection_alive": True}]),
    "stop_button": (LIVE, 0, False, [{"stop_button": True}, {"stop_button": None}], [{"stop_button": False}]),
    "contactor_dropped": (CLOSED, 0, False, [{"contactors": False}, {"contactors": None}], [{"contactors": True}]),
    "contactor_uncommanded": ({Idle}, 500 * MS, True, [{"contactors": True}, {"contactors": None}], [{"contactors": False}]),
    "overcurrent": (CLOSED, 5 * S, False, [{"current": 17.7}, {"current": nan}], [{"current": 17.6}, {"current": 0.0}, {"current": None}]),
}
TRIPS = {trip.name: trip for trip in table.AC_TRIPS}
NOT_FITTED = AcSafetyConfig(residual_current_fitted=False, stop_button="none")


def test_every_row_is_written_anew():
    assert set(TRIPS) == set(ROWS) and len(table.AC_TRIPS) == len(ROWS)
    assert table.NEEDS_SOCKET == {"lock_lost"}


@pytest.mark.parametrize("name", ROWS)
def test_a_row(name):
    states, hold, person, bad, good = ROWS[name]
    trip, config = TRIPS[name], AcSafetyConfig()
    assert trip.states == states and trip.hold == hold and trip.person is person
    assert trip.emergency is True and trip.text and trip.hint.endswith(".") or trip.hint.endswith(")")
    for change in bad:
        assert trip.bad(ac_facts(**change), config), change
    for change in good:
        assert not trip.bad(ac_facts(**change), config), change


@pytest.mark.parametrize("name, change", [("residual_current", {"residual_current": True}), ("residual_unknown", {"residual_current": None}),
                                          ("stop_button", {"stop_button": True}), ("stop_button", {"stop_button": None})])
def test_what_is_not_fitted_does_not_trip(name, change):
    assert not TRIPS[name].bad(ac_facts(**change), NOT_FITTED)


@pytest.mark.parametrize("event", [table.AC_NOT_CLOSED, table.AC_WELDED])
def test_what_the_sequence_finds(event):
    assert event.person is True and event.emergency is True and not event.states and event.hold == 0
    assert not event.bad(ac_facts(), AcSafetyConfig())
    assert len(event.text) <= 21 and event.hint


def test_texts_fit_the_display():
    assert all(len(row.text) <= 21 for row in (*table.AC_TRIPS, *table.AC_PERMITS))


@pytest.mark.parametrize("duty, does", [
    (0.0, False), (2.9, False), (3.0, True), (5.0, True), (7.0, True), (7.1, False), (9.9, False), (10.0, True), (53.3, True), (96.0, True),
    (96.1, False), (100.0, False), (nan, False)])
def test_which_pwm_promises_a_current(duty, does):
    assert table.promised(duty) is does
    lacking = first_lacking(table.AC_PERMITS, Delivering, rest(), AcSafetyConfig(), AcOutputs(duty=duty))
    assert (lacking is None) is does and (does or lacking.name == "pwm_on")


@pytest.mark.parametrize("pilot, ventilated, lacks", [
    (A, False, "car_ready"), (B, False, "car_ready"), (C, False, None), (D, False, "ventilation"), (E, True, "car_ready"), (F, True, "car_ready"),
    (None, True, "pilot_known"), (D, True, None), (C, True, None), (B, True, "car_ready")])
def test_which_pilot_gets_power(pilot, ventilated, lacks):
    config = AcSafetyConfig(ventilation_fitted=ventilated)
    assert table.ready(rest(pilot=pilot), config) is (lacks is None)
    lacking = first_lacking(table.AC_PERMITS, Delivering, rest(pilot=pilot), config, AcOutputs(duty=5.0))
    assert (lacking and lacking.name) == lacks


@pytest.mark.parametrize("feedback, lacks", [(False, False), (True, True), (None, True)])
def test_the_contactor_was_open_before(feedback, lacks):
    lacking = first_lacking(table.AC_PERMITS, Delivering, rest(contactors=feedback), AcSafetyConfig(), AcOutputs(duty=5.0))
    assert (lacking is not None) is lacks and (not lacks or lacking.name == "contactor_at_rest")


def test_permits_belong_to_one_step_and_say_what_to_do():
    assert {permit.step for permit in table.AC_PERMITS} == {Delivering}
    assert all(permit.text and permit.hint for permit in table.AC_PERMITS)
    assert not any(first_lacking(table.AC_PERMITS, state, rest(pilot=A), AcSafetyConfig(), AcOutputs()) for state in STATES if state is not Delivering)
    assert Opening in STATES and Tripped in STATES
