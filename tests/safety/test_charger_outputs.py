"""The charger's pilot duty and its lock: what may stand on the pilot, and when the lock moves."""
import math

import pytest

from drivers.interfaces import PilotState
from kernel.timer import S
from tasks.safety.config import EvseSafetyConfig
from tasks.safety.charger_supervisor import shown, valid_duty
from tasks.safety.evse_supervisor import EvseSupervisor
from tasks.safety.facts import EvseRequests, SafetyState
from tests.safety.charger_states import RELEASED, REST, driven
from tests.safety.given import STEP, evse, evse_facts, output

A, B, C, D, E, F = PilotState
Idle, Closing, Delivering = SafetyState.Idle, SafetyState.Closing, SafetyState.Delivering
CurrentOff, Opening, Decay, Tripped = SafetyState.CurrentOff, SafetyState.Opening, SafetyState.Decay, SafetyState.Tripped


# --- duty ---------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("duty, shown", [(None, 100.0), (math.nan, 100.0), (2.9, 100.0), (3.0, 3.0), (5.0, 5.0), (100.0, 100.0), (100.5, 100.0), (0.0, 0.0), (0.1, 100.0), (-5.0, 100.0)])
def test_what_may_stand_on_the_pilot(duty, shown):
    assert valid_duty(duty) == shown
    supervisor, now = evse(False)
    assert supervisor.step(evse_facts(**REST), EvseRequests(duty=duty), now + S).duty == shown


@pytest.mark.parametrize("state, follows", [(Idle, True), (Decay, True), (CurrentOff, False), (Opening, False)])
def test_the_duty_follows_only_while_no_current_can_flow(state, follows):
    supervisor, now = driven(state)
    f = evse_facts(**REST) if state is Idle else evse_facts(contactors=None if state is Opening else state is CurrentOff, output_current=50.0)
    assert supervisor.step(f, EvseRequests(duty=100.0), now + STEP).duty == (100.0 if follows else 5.0)
    assert supervisor.state is state


@pytest.mark.parametrize("duty, begins", [(2.9, False), (3.0, True), (7.0, True), (7.1, False), (100.0, False)])
def test_only_5_percent_lets_the_output_begin(duty, begins):
    supervisor, now = evse(False)
    supervisor.step(evse_facts(**REST), EvseRequests(duty=duty), now + S)
    assert supervisor.step(evse_facts(**REST), output(duty=duty), now + 2 * S).on is begins
    assert supervisor.blocked == ("" if begins else "No 5 % PWM")


@pytest.mark.parametrize("duty", [None, 6.0, 100.0])
def test_a_pilot_that_is_about_to_change_is_waited_for_and_the_contactor_left_alone(duty):
    supervisor, now = driven(Idle)
    out = supervisor.step(evse_facts(**REST), output(duty=duty), now + STEP)
    assert supervisor.state is Idle and not out.contactors and out.duty == (duty or 100.0)
    supervisor, now = driven(Idle)
    assert supervisor.step(evse_facts(**REST), output(), now + STEP).contactors


def test_before_anything_was_asked_the_pilot_is_steady_and_everything_off():
    supervisor = EvseSupervisor(EvseSafetyConfig(), contactor=True, lock=True)
    out = supervisor.step(evse_facts(), EvseRequests(), S)
    assert (out.on, out.duty, out.contactors) == (False, 100.0, False) and supervisor.next_timer() != S


# --- lock ---------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("pilot, asked, wanted, lock", [
    (B, True, False, True), (C, False, False, True), (D, False, False, True), (E, True, False, True), (A, True, False, None), (None, True, False, None),
    (B, False, False, False), (A, False, False, False), (B, False, True, True),
])
def test_at_rest_the_lock_closes_on_request_or_for_a_car_in_state_c(pilot, asked, wanted, lock):
    supervisor, now = evse(False, True, True)
    wish = EvseRequests(voltage=400.0 if wanted else 0.0, current=9.0, duty=5.0, lock=asked)
    assert supervisor.step(evse_facts(pilot=pilot, **REST, lock=False), wish, now + S).lock is lock


@pytest.mark.parametrize("state, lock", [(Closing, None), (Delivering, None), (CurrentOff, None), (Opening, None), (Decay, None), (Tripped, False)])
def test_elsewhere_the_lock_is_left_alone(state, lock):
    supervisor, now = driven(state)
    low = state is Tripped
    f = evse_facts(pilot=B if low else C, contactors={Closing: None, Delivering: True, CurrentOff: True, Opening: None}.get(state, False),
                   output_voltage=0.0 if low else 350.0, output_current=50.0)
    wish = output() if state in (Closing, Delivering) else RELEASED
    out = supervisor.step(f, wish, now + STEP)
    assert supervisor.state is state
    assert out.lock is (True if state is Decay else lock)            # in Decay a car in state C may be energised again


def test_while_delivering_a_low_voltage_does_not_open_the_lock():
    supervisor, now = evse(True, False, True)
    assert supervisor.step(evse_facts(output_voltage=0.0), output(), now + S).lock is None and supervisor.state is Delivering


def test_in_decay_the_lock_closes_on_request_and_never_opens():
    for asked, lock in ((True, True), (False, None)):
        supervisor, now = driven(Decay)
        f = evse_facts(pilot=B, contactors=False)
        assert supervisor.step(f, EvseRequests(duty=5.0, lock=asked), now + STEP).lock is lock and supervisor.state is Decay


def test_a_live_output_keeps_the_lock():
    supervisor, now = evse(False, True, True)
    for voltage, lock in ((60.0, False), (60.5, None), (None, None), (math.nan, None)):
        assert supervisor.step(evse_facts(pilot=B, contactors=False, output_voltage=voltage), RELEASED, now + S).lock is lock


def test_without_a_lock_nothing_is_commanded():
    supervisor, now = evse(False, False, False)
    for wish in (RELEASED, EvseRequests(duty=5.0, lock=True)):
        assert supervisor.step(evse_facts(**REST), wish, now + S).lock is None


# --- state F ------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("duty, driver", [(0.0, None), (5.0, 5.0), (100.0, 100.0)])
def test_the_driver_is_told_none_for_state_f(duty, driver):
    assert shown(duty) == driver


def test_with_state_f_asked_for_while_energised_the_power_ends_first():
    supervisor, now = driven(Delivering)
    out = supervisor.step(evse_facts(), EvseRequests(voltage=350.0, current=10.0, duty=0.0), now + S // 100)
    assert not out.on and out.duty == 5.0
