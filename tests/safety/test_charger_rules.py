"""The charger's supervisor rule by rule: what counts as a request, exact instants, the duty, the lock, what is told."""
import math

import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, NEVER, S
from tasks.safety.config import EvseSafetyConfig
from tasks.safety.evse_supervisor import EvseSupervisor, valid_duty
from tasks.safety.facts import EvseRequests, SafetyState
from tests.safety.given import STEP, evse, evse_facts, output

A, B, C, D, E, F = PilotState
Idle, Closing, Delivering = SafetyState.Idle, SafetyState.Closing, SafetyState.Delivering
CurrentOff, Opening, Decay, Tripped = SafetyState.CurrentOff, SafetyState.Opening, SafetyState.Decay, SafetyState.Tripped
REST = {"output_voltage": 0.0, "contactors": False}
RELEASED = EvseRequests(duty=5.0)


def told(supervisor: EvseSupervisor) -> list[str]:
    return [f"{level}: {text % arguments}" for text, arguments, level in supervisor.report.drain()]


def driven(state: SafetyState) -> tuple[EvseSupervisor, int]:
    """A charger with contactor and lock in `state`, and the time."""
    if state in (Idle, Delivering):
        return evse(state is Delivering, True, True)
    if state is Closing:
        s, now = evse(False, True, True)
        s.step(evse_facts(**REST), output(), now + STEP)
        return s, now + STEP
    s, now = evse(True, True, True)
    now += S
    s.step(evse_facts(output_current=50.0, stop_button=state is Tripped), RELEASED, now)
    if state is CurrentOff:
        return s, now
    now += STEP
    s.step(evse_facts(output_current_at=now), RELEASED, now)
    if state is Opening:
        return s, now
    now += STEP
    s.step(evse_facts(contactors=False, output_voltage=0.0 if state is Tripped else 350.0), RELEASED, now)
    return s, now


STATES = (Idle, Closing, Delivering, CurrentOff, Opening, Decay, Tripped)


@pytest.mark.parametrize("state", STATES)
def test_each_state_is_reached_and_power_is_on_in_one_only(state):
    supervisor, _ = driven(state)
    out = supervisor.outputs
    assert supervisor.state is state and out.on is (state is Delivering)
    assert (out.voltage, out.current) == ((400.0, 100.0) if state is Delivering else (0.0, 0.0))
    assert out.contactors is (state in (Closing, Delivering, CurrentOff))


# --- requests -------------------------------------------------------------------------------------------------------------

def test_a_request_counts_only_after_it_was_seen_released():
    supervisor = EvseSupervisor(EvseSafetyConfig(), contactor=False, lock=False)
    for n in range(3):
        assert not supervisor.step(evse_facts(**REST), output(), S + n * STEP).on
    supervisor.step(evse_facts(**REST), RELEASED, 2 * S)
    assert supervisor.step(evse_facts(**REST), output(), 3 * S).on


@pytest.mark.parametrize("end", ["trip", "state B", "duty"])
def test_a_request_that_outlived_the_output_must_be_released(end):
    supervisor, now = evse()
    if end == "trip":
        supervisor.fault(evse_facts(), now + S)
        supervisor.step(evse_facts(output_voltage=0.0, output_current_at=now + 2 * S), output(), now + 2 * S)
        assert supervisor.reset(evse_facts())
    else:
        change = {"pilot": B} if end == "state B" else {}
        supervisor.step(evse_facts(output_current=9.0, **change), output(duty=5.0 if end == "state B" else 6.0), now + S)
        assert supervisor.state is CurrentOff
        supervisor.step(evse_facts(output_voltage=0.0, output_current_at=now + 2 * S), output(), now + 2 * S)
    assert supervisor.state is Idle
    assert not supervisor.step(evse_facts(**REST), output(), now + 3 * S).on
    supervisor.step(evse_facts(**REST), RELEASED, now + 4 * S)
    assert supervisor.step(evse_facts(**REST), output(), now + 5 * S).on


def test_a_request_that_was_released_may_come_back_at_once():
    supervisor, now = evse()
    supervisor.step(evse_facts(output_current=9.0), RELEASED, now + S)
    supervisor.step(evse_facts(output_voltage=0.0, output_current_at=now + 2 * S), RELEASED, now + 2 * S)
    assert supervisor.state is Idle and supervisor.step(evse_facts(**REST), output(), now + 3 * S).on


def test_a_request_that_was_released_for_one_step_is_a_new_one():
    supervisor, now = evse()
    supervisor.step(evse_facts(output_current=9.0), RELEASED, now + S)
    assert not supervisor.step(evse_facts(output_current=50.0, output_current_at=now + S + STEP), output(), now + S + STEP).on      # current still flows
    assert supervisor.state is CurrentOff
    assert supervisor.step(evse_facts(output_current_at=now + S + 2 * STEP), output(), now + S + 2 * STEP).on


def test_a_request_made_while_tripped_does_not_count_after_the_reset():
    supervisor, now = driven(Tripped)
    supervisor.step(evse_facts(**REST), RELEASED, now + STEP)
    supervisor.step(evse_facts(**REST), output(), now + 2 * STEP)
    assert supervisor.reset(evse_facts(**REST))
    supervisor.step(evse_facts(**REST), output(), now + 3 * STEP)
    assert supervisor.state is Idle and not supervisor.outputs.contactors


def test_with_a_contactor_a_discharged_output_may_begin_again_in_the_same_step():
    supervisor, now = driven(Decay)
    supervisor.step(evse_facts(contactors=False, output_voltage=50.0), output(), now + STEP)
    assert supervisor.state is Closing
    supervisor, now = driven(Decay)
    supervisor.step(evse_facts(contactors=False), output(), now + STEP)
    assert supervisor.state is Decay and supervisor.blocked == ""         # nothing is asked before it is discharged


@pytest.mark.parametrize("ready", ["armed", "not armed", "tripped", "no state C", "with contactor"])
def test_from_decay_the_output_comes_back_only_when_all_is_as_at_rest(ready):
    supervisor, now = driven(Decay) if ready == "with contactor" else evse()
    if ready != "with contactor":
        wish = output() if ready == "not armed" else RELEASED
        pilot = B if ready == "not armed" else C
        if ready == "tripped":
            supervisor.fault(evse_facts(), now + S)
        supervisor.step(evse_facts(pilot=pilot, output_current=50.0), wish, now + S)
        supervisor.step(evse_facts(pilot=pilot, output_current_at=now + 2 * S), wish, now + 2 * S)
        assert supervisor.state is Decay
    out = supervisor.step(evse_facts(pilot=B if ready == "no state C" else C, contactors=False), output(), now + 3 * S)
    assert out.on is (ready == "armed") and (supervisor.state is Delivering) is (ready == "armed")
    assert ready == "armed" or supervisor.state is Decay
    if ready == "no state C":                          # the decay goes on meanwhile
        supervisor.step(evse_facts(pilot=B, output_voltage=10.0), output(), now + 4 * S)
        assert supervisor.state is Idle


@pytest.mark.parametrize("pilot, goes_on", [(A, False), (B, False), (C, True), (D, True)])
def test_the_output_lives_on_state_c(pilot, goes_on):
    supervisor, now = evse()
    assert supervisor.step(evse_facts(pilot=pilot), output(), now + S).on is goes_on


def test_why_the_output_ended_is_told():
    supervisor, now = evse()
    supervisor.step(evse_facts(pilot=B), output(), now + S)
    assert "warning: car left state C while energised, pilot PilotState.B" in told(supervisor)
    supervisor, now = evse()
    supervisor.step(evse_facts(), output(duty=6.0), now + S)
    assert "warning: pilot duty was to change from 5.0 to 6.0 % while energised" in told(supervisor)
    for lapsed in (True, False):
        supervisor, now = evse()
        supervisor.step(evse_facts(), EvseRequests(duty=5.0, lapsed=lapsed), now + S)
        assert ("warning: the output request lapsed: nobody renewed it" in told(supervisor)) is lapsed
        assert supervisor.state is Decay or supervisor.state is CurrentOff


# --- instants -----------------------------------------------------------------------------------------------------------------

def test_the_output_contactor_must_confirm_within_the_travel_time():
    supervisor, now = driven(Closing)
    assert supervisor.next_timer() == now + 200 * MS
    for feedback in (None, False):
        supervisor, now = driven(Closing)
        out = supervisor.step(evse_facts(contactors=feedback, output_voltage=0.0), output(), now + 200 * MS - 1)
        assert supervisor.state is Closing and not out.on and out.contactors
        supervisor.step(evse_facts(contactors=feedback, output_voltage=0.0), output(), now + 200 * MS)
        assert supervisor.latch.text == "Contactor did not close" and supervisor.state is not Closing
    supervisor, now = driven(Closing)
    assert supervisor.step(evse_facts(output_voltage=0.0), output(), now + 200 * MS).on


def test_closing_ends_with_its_request_also_when_it_confirms_at_that_moment():
    supervisor, now = driven(Closing)
    assert not supervisor.step(evse_facts(output_voltage=0.0), RELEASED, now + STEP).on and supervisor.state is CurrentOff
    supervisor, now = driven(Closing)
    supervisor.step(evse_facts(contactors=None, output_voltage=0.0), RELEASED, now + STEP)
    assert supervisor.state is CurrentOff and not supervisor.latch.trips


@pytest.mark.parametrize("contactor", [True, False])
def test_unplugged_means_state_a_for_half_a_second_without_interruption(contactor):
    supervisor, now = driven(Tripped) if contactor else evse(True)
    if not contactor:
        supervisor.step(evse_facts(stop_button=True), RELEASED, now)
        supervisor.step(evse_facts(output_voltage=0.0, output_current_at=now + 1), RELEASED, now + 1)
    feedback = False if contactor else None
    now += 5 * S
    away, back = evse_facts(pilot=A, output_voltage=0.0, contactors=feedback), evse_facts(pilot=B, output_voltage=0.0, contactors=feedback)
    supervisor.step(back, RELEASED, now)
    assert supervisor.state is Tripped and supervisor.next_timer() == NEVER
    supervisor.step(away, RELEASED, now)
    assert supervisor.next_timer() == now + 500 * MS
    supervisor.step(back, RELEASED, now + 400 * MS)
    supervisor.step(away, RELEASED, now + S)
    supervisor.step(away, RELEASED, now + 1500 * MS - 1)
    assert supervisor.state is Tripped
    supervisor.report.drain()
    for feedback in (True, None) if contactor else ():
        supervisor.step(evse_facts(pilot=A, output_voltage=0.0, contactors=feedback), RELEASED, now + 1500 * MS)
        assert supervisor.state is Tripped
    supervisor.step(away, RELEASED, now + 1500 * MS)
    assert supervisor.state is Idle and "info: trip Stop button left: unplugged" in told(supervisor)


def test_after_a_trip_the_pwm_stays_for_two_and_a_half_seconds_to_the_nanosecond():
    supervisor, now = evse()
    supervisor.fault(evse_facts(), now)
    supervisor.step(evse_facts(output_current=9.0), RELEASED, now)
    assert supervisor.next_timer() == now + 1500 * MS            # first the emergency bound
    assert supervisor.step(evse_facts(output_voltage=0.0, output_current_at=now + 1), RELEASED, now + 1).duty == 5.0
    assert supervisor.state is Tripped and supervisor.next_timer() == now + 2500 * MS
    assert supervisor.step(evse_facts(output_voltage=0.0), RELEASED, now + 2500 * MS - 1).duty == 5.0
    assert supervisor.step(evse_facts(output_voltage=0.0), RELEASED, now + 2500 * MS).duty == 100.0
    assert supervisor.next_timer() == NEVER


def test_the_time_of_a_trip_is_that_of_the_first():
    supervisor, now = evse()
    supervisor.fault(evse_facts(), now)
    supervisor.refused(evse_facts(), now + S)
    supervisor.step(evse_facts(output_current=9.0), RELEASED, now + S)
    assert supervisor.step(evse_facts(output_current=9.0), RELEASED, now + 2500 * MS).duty == 100.0


def test_what_the_sequence_finds_later_does_not_keep_the_pwm_longer():
    supervisor, now = driven(Delivering)
    supervisor.fault(evse_facts(), now)
    supervisor.step(evse_facts(output_current=0.0, output_current_at=now + 2 * S), RELEASED, now + 2 * S)
    supervisor.step(evse_facts(), RELEASED, now + 2200 * MS)
    assert [t.name for t in supervisor.latch.trips] == ["internal_fault", "contactor_welded"]
    assert supervisor.step(evse_facts(), RELEASED, now + 2500 * MS).duty == 100.0


def test_a_state_is_told_when_it_begins():
    supervisor, now = driven(CurrentOff)
    supervisor.report.drain()
    supervisor.step(evse_facts(output_current=50.0), RELEASED, now + STEP)
    assert supervisor.state is CurrentOff and told(supervisor) == []


def test_only_a_voltage_measured_after_the_beginning_counts():
    for late, counts in ((-1, False), (0, False), (1, True)):
        supervisor, now = evse(True, False, True)
        began = now + S
        supervisor.step(evse_facts(pilot=B, output_current=9.0), RELEASED, began)
        f = evse_facts(pilot=B, output_voltage=10.0, output_voltage_at=began + late, output_current_at=began + STEP)
        out = supervisor.step(f, RELEASED, began + STEP)
        assert (supervisor.state is Idle) is counts and (out.lock is False) is counts


def test_a_trip_that_the_sequence_finds_ends_the_pwm_too():
    supervisor, now = evse()
    supervisor.step(evse_facts(output_current=9.0), RELEASED, now)
    supervisor.step(evse_facts(output_current=9.0), RELEASED, now + 3 * S)
    assert supervisor.latch.text == "Current not gone" and supervisor.outputs.duty == 5.0
    for late, duty in ((2500 * MS - 1, 5.0), (2500 * MS, 100.0)):
        assert supervisor.step(evse_facts(output_current=9.0), RELEASED, now + 3 * S + late).duty == duty


def test_a_charger_without_a_car_at_the_start_waits_for_nothing():
    supervisor = EvseSupervisor(EvseSafetyConfig(), contactor=False, lock=True)
    assert supervisor.blocked == ""
    supervisor.step(evse_facts(pilot=A, **REST), RELEASED, S)
    assert supervisor.state is Idle and supervisor.next_timer() == NEVER


def test_a_fault_before_the_first_step_leaves_the_pilot_steady():
    supervisor = EvseSupervisor(EvseSafetyConfig(), contactor=False, lock=True)
    supervisor.fault(evse_facts(**REST), S)
    assert supervisor.step(evse_facts(**REST), RELEASED, S).duty == 100.0


def test_the_timer_of_each_state():
    for state in (Idle, Delivering):
        assert driven(state)[0].next_timer() == NEVER, state
    supervisor, now = driven(CurrentOff)
    assert supervisor.next_timer() == now + 3 * S
    supervisor, now = driven(Opening)
    assert supervisor.next_timer() == now + 1
    supervisor, now = driven(Decay)
    assert supervisor.next_timer() == now + 30 * S
    supervisor, now = driven(Delivering)
    supervisor.step(evse_facts(isolation=10.0), output(), now + S)
    assert supervisor.next_timer() == now + S + 3 * S


# --- duty ---------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("duty, shown", [(None, 100.0), (math.nan, 100.0), (2.9, 100.0), (3.0, 3.0), (5.0, 5.0), (100.0, 100.0), (100.5, 100.0), (0.0, 100.0), (-5.0, 100.0)])
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


# --- from outside ---------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("call, name", [("fault", "internal_fault"), ("stalled", "stalled"), ("refused", "output_refused")])
@pytest.mark.parametrize("state", STATES)
def test_a_failure_outside_ends_every_state_as_an_emergency(call, name, state):
    supervisor, now = driven(state)
    f = evse_facts(contactors=state in (Delivering, CurrentOff, Opening), output_current=50.0)
    getattr(supervisor, call)(f, now)
    names = [t.name for t in supervisor.latch.trips]
    if call == "stalled" and state is Idle:
        assert supervisor.state is Idle and not names
        return
    assert name in names and supervisor.latch.emergency and not supervisor.outputs.on
    assert supervisor.state is {Idle: Decay, Closing: CurrentOff, Delivering: CurrentOff}.get(state, state)
    if state is not Tripped:
        assert supervisor._shutdown.emergency
    count, began = len(names), supervisor._shutdown.began
    getattr(supervisor, call)(f, now + STEP)
    assert len(supervisor.latch.trips) == count and supervisor._shutdown.began == began


def test_a_fault_at_rest_with_a_closed_contactor_runs_the_whole_sequence():
    for contactor, feedback, state in ((True, True, CurrentOff), (True, None, CurrentOff), (True, False, Decay), (False, None, Decay)):
        supervisor, now = evse(False, contactor, True)
        supervisor.fault(evse_facts(output_voltage=350.0, contactors=feedback), now)
        assert supervisor.state is state


def test_a_trip_is_left_by_a_person_only_when_the_contactor_is_open():
    for state in STATES:
        supervisor, _ = driven(state)
        for feedback in (True, None):
            assert supervisor.reset(evse_facts(contactors=feedback)) is False
        supervisor.report.drain()
        assert supervisor.reset(evse_facts(contactors=False)) is (state is Tripped)
        assert supervisor.state is (Idle if state is Tripped else state)
        if state is Tripped:
            assert told(supervisor) == ["info: trip Stop button left: reset", "info: Tripped -> Idle"]
            assert not supervisor.latch.trips


def test_what_blocks_is_told_and_forgotten():
    for change, reason in (({"pilot": B}, "Car not in state C"), ({"stop_button": True}, "Stop button"), ({"output_voltage": 61.0}, "Output contactor not at rest"),
                           ({"output_voltage": -61.0}, "Output contactor not at rest"), ({"contactors": None}, "Output contactor not at rest")):
        supervisor, now = evse(False, True, True)
        supervisor.step(evse_facts(**{**REST, **change}), output(), now + STEP)
        assert supervisor.blocked == reason and supervisor.state is Idle
        supervisor.fault(evse_facts(**REST), now + STEP)
        assert supervisor.blocked == ""
    supervisor, now = evse(False, True, True)
    supervisor.step(evse_facts(pilot=B, **REST), output(), now + STEP)
    supervisor.step(evse_facts(**REST), output(), now + 2 * STEP)
    assert supervisor.blocked == "" and supervisor.state is Closing
