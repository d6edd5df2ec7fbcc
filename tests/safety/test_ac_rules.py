"""The AC charger's supervisor rule by rule: when it closes, how it opens, what the pilot shows meanwhile, the lock, who ends a trip."""
from __future__ import annotations

import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, NEVER, S
from tasks.safety.ac_supervisor import AcSupervisor
from tasks.safety.config import AcSafetyConfig
from tasks.safety.facts import AcRequests
from tests.safety.given import STEP
from tests.safety.given_ac import (ENDED, LAPSED, RELEASED, STATES, Closing, CurrentOff, Delivering, Idle, Opening, Tripped, ac, ac_facts, close, rest, told)

A, B, C, D, E, F = PilotState


def trips(s):
    return [trip.name for trip in s.latch.trips]


# --- closing

def test_the_regular_way():
    s, now = ac(Idle)
    out = s.step(rest(), close(), now + STEP)
    assert s.state is Closing and out.contactors is True and out.duty == 5.0 and s.blocked == "" and told(s) == ["info: Idle -> Closing"]
    s.step(rest(contactors=None), close(), now + 2 * STEP)
    assert s.state is Closing
    s.step(ac_facts(), close(), now + 3 * STEP)
    assert s.state is Delivering and out.contactors is True and out.duty == 5.0
    s.step(ac_facts(), close(), now + 3600 * S)
    assert s.state is Delivering and not trips(s) and s.next_timer() == NEVER


def test_a_request_from_the_start_is_no_wish():
    s = AcSupervisor(AcSafetyConfig(), lock=True)
    for step in range(5):
        s.step(rest(), close(), S + step * STEP)
        assert s.state is Idle and not s.outputs.contactors
    s.step(rest(), RELEASED, 2 * S)
    s.step(rest(), close(), 2 * S + STEP)
    assert s.state is Closing


@pytest.mark.parametrize("changes, text", [
    ({"pilot": B}, "Car not in state C"), ({"pilot": D}, "Ventilation needed"), ({"pilot": None}, "Pilot unknown"), ({"lock": None}, "Lock lost"),
    ({"residual_current": True}, "Residual current"), ({"residual_current": None}, "RCD unknown"), ({"stop_button": True}, "Stop button"),
    ({"connection_alive": None}, "Supervision silent"), ({"duty": 100.0}, "PWM not as set"), ({"contactors": None}, "Contactor not at rest"),
    ({"contactors": True}, "Contactor not at rest")])
def test_what_is_lacking_holds_it_back_and_is_told(changes, text):
    s, now = ac(Idle)
    out = s.step(rest(**changes), close(), now + STEP)
    assert s.state is Idle and out.contactors is False and s.blocked == text and s.blocked_hint
    s.step(rest(), close(), now + 2 * STEP)
    assert s.state is Closing and s.blocked == "" and s.blocked_hint == ""


def test_what_holds_back_is_forgotten_with_the_wish():
    s, now = ac(Idle)
    s.step(rest(pilot=B), close(), now + STEP)
    assert s.blocked
    s.step(rest(pilot=B), RELEASED, now + 2 * STEP)
    assert s.blocked == "" and s.state is Idle


def test_a_pilot_that_is_about_to_change_is_waited_for():
    s, now = ac(Idle)
    out = s.step(rest(duty=5.0, duty_set=5.0), close(duty=100.0), now + STEP)
    assert s.state is Idle and s.blocked == "" and out.duty == 100.0
    s.step(rest(duty=100.0, duty_set=100.0), close(duty=100.0), now + 2 * STEP)
    assert s.state is Idle and s.blocked == "No PWM"
    assert s.step(rest(duty=100.0, duty_set=100.0), close(), now + 3 * STEP).duty == 5.0 and s.state is Idle
    s.step(rest(), close(), now + 4 * STEP)
    assert s.state is Closing


def test_plain_pwm_is_a_promise_too():
    s, now = ac(Idle)
    wish, facts = close(duty=26.7), rest(duty=26.7, duty_set=26.7)
    s.step(facts, wish, now + STEP)
    s.step(facts, wish, now + 2 * STEP)
    assert s.state is Closing and s.outputs.duty == 26.7


def test_a_ventilated_place_serves_state_d():
    s, now = ac(Idle, config=AcSafetyConfig(ventilation_fitted=True))
    s.step(rest(pilot=D), close(), now + STEP)
    s.step(ac_facts(pilot=D), close(), now + 2 * STEP)
    assert s.state is Delivering


@pytest.mark.parametrize("after, tripped", [(199 * MS, False), (200 * MS, True)])
def test_a_contactor_that_does_not_close(after, tripped):
    s, now = ac(Closing)
    assert s.next_timer() == now + 200 * MS
    out = s.step(rest(contactors=None), close(), now + after)
    assert (s.state is Opening) is tripped and out.contactors is not tripped and (trips(s) == ["contactor_not_closed"]) is tripped
    if tripped:
        s.step(rest(), RELEASED, now + after + STEP)
        assert s.state is Tripped


# --- the ways to open

@pytest.mark.parametrize("state", [Closing, Delivering, CurrentOff])
@pytest.mark.parametrize("pilot", [B, D])
def test_leaving_c_opens_at_once_under_whatever_load(state, pilot):
    s, now = ac(state)
    wish = RELEASED if state is CurrentOff else close()
    out = s.step(ac_facts(pilot=pilot, current=16.0, current_at=now + STEP), wish, now + STEP)
    assert s.state is Opening and out.contactors is False and not trips(s) and not s.blocked
    assert state is CurrentOff or any("car left state C" in line for line in told(s))
    s.step(rest(pilot=pilot), wish, now + 2 * STEP)
    assert s.state is Idle
    s.step(rest(), wish, now + 3 * STEP)
    assert s.state is Idle                                   # the wish must have been seen released
    s.step(rest(), RELEASED, now + 4 * STEP)
    s.step(rest(), close(), now + 5 * STEP)
    s.step(rest(), close(), now + 6 * STEP)
    assert s.state is Closing


@pytest.mark.parametrize("feedback", [None, False, True])
@pytest.mark.parametrize("wish", [RELEASED, ENDED, LAPSED, close(duty=100.0)])
def test_a_contactor_under_way_is_called_back_at_once(wish, feedback):
    s, now = ac(Closing)
    out = s.step(rest(contactors=feedback), wish, now)
    assert s.state is Opening and out.contactors is False and out.duty == 5.0


@pytest.mark.parametrize("current, at, opens", [(None, 0, True), (0.99, 1, True), (-0.99, 1, True), (1.0, 1, False), (-1.0, 1, False), (0.0, 0, False), (0.0, -1, False)])
def test_the_car_said_that_its_load_has_ended(current, at, opens):
    """Without a meter its word is taken; a meter must agree, with a measurement that is later than the word. The PWM stays."""
    s, now = ac(Delivering)
    s.step(ac_facts(current=5.0, current_at=now), ENDED, now)
    assert s.state is CurrentOff and s.outputs.duty == 5.0 and s.outputs.contactors is True
    out = s.step(ac_facts(current=current, current_at=now + at), ENDED, now + STEP)
    assert (s.state is Opening) is opens and out.contactors is not opens and out.duty == 5.0


def test_without_a_meter_the_word_opens_in_the_same_step():
    s, now = ac(Delivering)
    assert s.step(ac_facts(current=None), ENDED, now).contactors is False and s.state is Opening and s.outputs.duty == 5.0


@pytest.mark.parametrize("wish, line", [(RELEASED, None), (LAPSED, "warning: the request for AC lapsed: nobody renewed it"),
                                        (close(duty=100.0), "warning: pilot duty was to change from 5.0 to 100.0 % with the mains connected"),
                                        (close(duty=None), "warning: pilot duty was to change from 5.0 to None % with the mains connected"),
                                        (close(duty=6.0), "warning: pilot duty was to change from 5.0 to 6.0 % with the mains connected")])
@pytest.mark.parametrize("current", [None, 16.0])
def test_nobody_asks_any_more_the_car_is_told_and_has_three_seconds(wish, line, current):
    s, now = ac(Delivering)
    out = s.step(ac_facts(current=current, current_at=now), wish, now)
    assert s.state is CurrentOff and out.duty == 100.0 and out.contactors is True and s.next_timer() == now + 3 * S
    lines = told(s)
    assert lines == ([line] if line else []) + ["info: Delivering -> CurrentOff"]
    s.step(ac_facts(current=current, current_at=now + 1), wish, now + 3 * S - 1)
    assert s.state is CurrentOff
    s.step(ac_facts(current=current, current_at=now + 1), wish, now + 3 * S)
    assert s.state is Opening and out.contactors is False and not trips(s)
    assert told(s) == [f"warning: the car did not end its load in 3000 ms ({current} A): the contactor opens under it", "info: CurrentOff -> Opening"]
    s.step(rest(), RELEASED, now + 3 * S + STEP)
    assert s.state is Idle and out.duty == 5.0               # at rest the wish counts again


def test_a_load_that_has_ended_is_no_reproach():
    s, now = ac(CurrentOff)
    s.step(ac_facts(current=0.2, current_at=now + 1), RELEASED, now + 3 * S)
    assert s.state is Opening and told(s) == ["info: CurrentOff -> Opening"]


def test_a_wish_that_returns_is_not_heard_before_the_contactor_has_opened():
    s, now = ac(CurrentOff)
    s.step(ac_facts(current=10.0, current_at=now + 1), close(), now + STEP)
    assert s.state is CurrentOff and s.outputs.duty == 100.0


def test_a_wish_that_did_not_go_is_none_after_the_pwm_was_to_change():
    s, now = ac(Delivering)
    s.step(ac_facts(current=0.0, current_at=now), close(duty=100.0), now)
    s.step(ac_facts(current=0.0, current_at=now + 1), close(duty=100.0), now + STEP)
    s.step(rest(), close(duty=100.0), now + 2 * STEP)
    for step in range(3, 6):
        s.step(rest(), close(), now + step * STEP)
        assert s.state is Idle


@pytest.mark.parametrize("feedback, later, state", [(False, 0, Opening), (False, 1, Idle), (None, 69 * MS, Opening), (True, 69 * MS, Opening),
                                                    (True, 70 * MS, Tripped), (None, 70 * MS, Tripped), (False, 70 * MS, Idle)])
def test_open_is_confirmed_or_it_is_welded(feedback, later, state):
    s, now = ac(Opening)
    assert s.next_timer() == now + 1
    out = s.step(ac_facts(pilot=B, contactors=feedback), RELEASED, now + later)
    assert s.state is state and out.contactors is False
    assert trips(s) == (["contactor_welded"] if state is Tripped else [])
    assert out.duty == (100.0 if state is Tripped else 5.0)          # only the end of the PWM makes such a car stop


# --- trips

def test_a_trip_opens_at_once_and_keeps_the_pwm_for_a_while():
    s, now = ac(Delivering)
    out = s.step(ac_facts(residual_current=True, current=16.0, current_at=now), close(), now)
    assert s.state is Opening and out.contactors is False and out.duty == 5.0 and trips(s) == ["residual_current"]
    s.step(rest(residual_current=True), close(), now + STEP)
    assert s.state is Tripped and s.next_timer() == now + 2500 * MS
    assert s.step(rest(), close(), now + 2500 * MS - 1).duty == 5.0
    assert s.step(rest(), close(), now + 2500 * MS).duty == 100.0 and s.next_timer() == NEVER


@pytest.mark.parametrize("state", STATES)
def test_a_trip_from_outside(state):
    for call, name, at_rest in (("fault", "internal_fault", True), ("refused", "output_refused", True), ("stalled", "stalled", False)):
        s, now = ac(state)
        getattr(s, call)(ac_facts(), now + STEP)
        assert s.outputs.contactors is False
        if state is Idle and not at_rest:
            assert s.state is Idle and not trips(s)
            continue
        assert s.state is (Tripped if state is Tripped else Opening) and trips(s)[-1] == name
        s.step(rest(), RELEASED, now + 2 * STEP)
        assert s.state is Tripped


def test_a_trip_forgets_what_held_back():
    s, now = ac(Idle)
    s.step(rest(pilot=B), close(), now + STEP)
    s.fault(rest(pilot=B), now + 2 * STEP)
    assert s.blocked == "" and s.blocked_hint == ""


def test_the_first_trip_counts_the_pwm():
    s, now = ac(Delivering)
    s.step(ac_facts(stop_button=True), close(), now)
    s.fault(ac_facts(), now + S)
    s.step(rest(), close(), now + S)
    assert s.step(rest(), close(), now + 2500 * MS).duty == 100.0


def test_a_trip_while_opening_does_not_win_time():
    s, now = ac(Opening)
    s.fault(ac_facts(pilot=B), now + 60 * MS)
    s.step(ac_facts(pilot=B), RELEASED, now + 70 * MS)
    assert s.state is Tripped and trips(s) == ["internal_fault", "contactor_welded"]


@pytest.mark.parametrize("after, left", [(499 * MS, False), (500 * MS, True)])
def test_unplugging_ends_an_ordinary_trip(after, left):
    s, now = ac(Tripped)
    s.step(rest(pilot=A), RELEASED, now)
    assert s.next_timer() == now + 500 * MS
    s.step(rest(pilot=A), RELEASED, now + after)
    assert (s.state is Idle) is left and (not trips(s)) is left
    assert not left or "info: trip Stop button left: unplugged" in told(s)


def test_one_trip_that_is_for_a_person_is_enough():
    s, now = ac(Opening)
    s.fault(ac_facts(pilot=B), now)
    s.step(ac_facts(pilot=B), RELEASED, now + 70 * MS)
    assert trips(s) == ["internal_fault", "contactor_welded"]
    for second in range(1, 4):
        s.step(rest(pilot=A), RELEASED, now + second * S)
    assert s.state is Tripped


@pytest.mark.parametrize("state", [state for state in STATES if state not in (Tripped, Opening, Closing, CurrentOff)])
def test_an_unplugged_charger_without_a_trip_waits_for_nothing(state):
    s, now = ac(state)
    s.step(rest(pilot=A), RELEASED, now + STEP)
    s.step(rest(pilot=A), RELEASED, now + 2 * STEP)
    assert s.state is (Idle if state is Idle else Tripped)
    assert (s.next_timer() == NEVER) is (state is Idle)


def test_a_glitch_is_no_unplugging():
    s, now = ac(Tripped)
    s.step(rest(pilot=A), RELEASED, now)
    s.step(rest(pilot=B), RELEASED, now + 400 * MS)
    s.step(rest(pilot=A), RELEASED, now + 600 * MS)
    s.step(rest(pilot=A), RELEASED, now + 1000 * MS)
    assert s.state is Tripped


def test_a_welded_contactor_is_for_a_person():
    s, now = ac(Opening)
    s.step(ac_facts(pilot=B), RELEASED, now + 70 * MS)
    assert not s.reset(ac_facts())                           # still closed
    for second in range(1, 5):                               # it lets go, the plug is out
        s.step(rest(pilot=A), RELEASED, now + second * S)
        assert s.state is Tripped
    assert s.reset(rest(pilot=A)) and s.state is Idle and not trips(s) and not s.reset(rest())
    s.step(rest(pilot=B), RELEASED, now + 6 * S)
    s.step(rest(), close(), now + 7 * S)
    assert s.state is Closing


def test_after_a_reset_the_wish_must_be_seen_released():
    s, now = ac(Tripped)
    assert s.reset(rest())
    s.step(rest(), close(), now + STEP)
    s.step(rest(), close(), now + 2 * STEP)
    assert s.state is Idle and s.outputs.contactors is False and s.outputs.duty == 5.0


@pytest.mark.parametrize("state", [state for state in STATES if state is not Tripped])
def test_nothing_but_a_trip_can_be_reset(state):
    s, _ = ac(state)
    assert not s.reset(rest()) and s.state is state


def test_a_contactor_that_closes_by_itself():
    s, now = ac(Idle)
    for at in (0, 499 * MS):
        s.step(ac_facts(pilot=B), RELEASED, now + at)
        assert s.state is Idle
    assert s.next_timer() == now + 500 * MS
    s.step(ac_facts(pilot=B), RELEASED, now + 500 * MS)
    assert s.state is Opening and trips(s) == ["contactor_uncommanded"]
    s.step(ac_facts(pilot=B), RELEASED, now + 570 * MS)
    assert s.state is Tripped and s.outputs.duty == 100.0


# --- lock

@pytest.mark.parametrize("facts, wish, expected", [
    (rest(pilot=B), close(), True), (rest(pilot=C), RELEASED, True), (rest(pilot=B), AcRequests(lock=True, duty=5.0), True), (rest(pilot=B), RELEASED, False),
    (rest(pilot=A), close(), None), (rest(pilot=None), close(), None), (rest(pilot=F), close(), None), (rest(pilot=D), RELEASED, False),
    (rest(pilot=A), RELEASED, False), (ac_facts(pilot=B), RELEASED, None), (rest(pilot=B, contactors=None), RELEASED, None),
    (rest(pilot=C, duty=100.0, duty_set=100.0), AcRequests(duty=100.0), False)])
def test_the_lock_at_rest(facts, wish, expected):
    """Locked before it gets live, only on a plug; a car that stays in C without a PWM does not keep its cable in our socket."""
    s, now = ac(Idle)
    facts.lock = None                                        # closes nothing
    assert s.step(facts, wish, now + STEP).lock is expected


@pytest.mark.parametrize("state", [Closing, Delivering, CurrentOff])
def test_the_motor_is_left_alone_while_it_may_be_live(state):
    s, now = ac(state)
    assert s.outputs.lock is None
    assert s.step(ac_facts(current=10.0, current_at=now + STEP), RELEASED, now + STEP).lock is None


@pytest.mark.parametrize("feedback, lock", [(False, False), (None, None), (True, None)])
def test_a_trip_releases_the_plug_when_open_is_confirmed(feedback, lock):
    s, now = ac(Tripped)
    assert s.step(ac_facts(contactors=feedback), close(), now + STEP).lock is lock


@pytest.mark.parametrize("state", STATES)
def test_a_fixed_cable_has_no_lock(state):
    s, now = ac(state, lock=False)
    assert s.outputs.lock is None and s.step(rest(pilot=A, lock=None), RELEASED, now + STEP).lock is None


def test_a_fixed_cable_charges_without_a_lock():
    s, now = ac(Delivering, lock=False)
    s.step(ac_facts(lock=None), close(), now + STEP)
    assert s.state is Delivering


# --- the same inputs, the same answers

def test_the_outputs_are_one_object_and_a_step_can_be_repeated():
    s, now = ac(Delivering)
    first = s.step(ac_facts(), close(), now)
    assert s.step(ac_facts(), close(), now) is first and s.state is Delivering and not told(s)
