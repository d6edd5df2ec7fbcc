"""CM_VALIDATE in both roles (slac-and-network sheet 2.5): the car toggles its pilot, the charger at the other end of its cable counts."""
from __future__ import annotations

from random import Random

import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.homeplug.events import TogglePilot
from tasks.homeplug.evse_run import ToggleCount
from tasks.homeplug.slac_pev import State
from tasks.homeplug.wire import (CM_SLAC_MATCH_REQ, CM_START_ATTEN_CHAR_IND, CM_VALIDATE_CNF, CM_VALIDATE_REQ, VALIDATE_FAILURE, VALIDATE_NOT_READY,
                                 VALIDATE_NOT_REQUIRED, VALIDATE_READY, VALIDATE_SUCCESS)
from tasks.machine import Note

from tests.homeplug import test_slac_evse as charger
from tests.homeplug import test_slac_pev as car
from tests.homeplug.test_slac_evse import CARS
from tests.homeplug.test_slac_pev import EVSE, EVSE2, PEV

A, B, C, D = PilotState.A, PilotState.B, PilotState.C, PilotState.D
EVSE3, EVSE4 = bytes.fromhex("020000000b03"), bytes.fromhex("020000000b04")


# --- the car ------------------------------------------------------------------------------------------------------

def deciding(*decibels, **config):
    """The car has the results of these chargers (EVSE, EVSE2, ...), and TT_EV_atten_results is over."""
    evses = (EVSE, EVSE2, EVSE3, EVSE4)[:len(decibels)]
    s = car.collecting(evses, **config)
    for evse, db in zip(evses, decibels):
        s.give(car.atten(s, evse, bytes((db,)) * 58))
    s.run_to(s.times(CM_START_ATTEN_CHAR_IND)[0] + 1200 * MS)
    return s


def cnf(evse, result, toggles=0, signal_type=0):
    return CM_VALIDATE_CNF(PEV, evse, signal_type, toggles, result)


def toggling(*decibels, **config):
    """The first candidate said READY."""
    s = deciding(*decibels, **config)
    s.give(cnf(s.machine.peer_mac, VALIDATE_READY))
    assert s.machine.state is State.Toggle
    return s


def asked(s, kind=CM_VALIDATE_REQ):
    return [m.dst for _, m in s.sent if type(m) is kind]


def test_p16_success_the_second_request_opens_a_window_for_all_toggles():
    counts = set()
    for seed in range(30):
        s = deciding(50)
        s.machine._run._rng = Random(seed)
        s.give(cnf(EVSE, VALIDATE_READY))
        begin, toggles = s.now, s.events(TogglePilot)[-1].count
        counts.add(toggles)
        request = s.last(CM_VALIDATE_REQ)
        window = (request.timer + 1) * 100 * MS
        assert request.result == VALIDATE_READY and toggles * 600 * MS <= window <= 3500 * MS
        s.run_to(begin + window + 199 * MS)
        assert asked(s, CM_SLAC_MATCH_REQ) == []
        s.give(cnf(EVSE, VALIDATE_SUCCESS, toggles))
        assert asked(s, CM_SLAC_MATCH_REQ) == [EVSE]
    assert counts == {1, 2, 3}, "a number that a charger on another cable has to guess"


def test_p16_ready_repeated_while_it_waits_is_no_new_toggle():
    s = toggling(50)
    s.run_to(s.now + 400 * MS)
    s.give(cnf(EVSE, VALIDATE_READY))
    assert len(s.events(TogglePilot)) == 1 and len(asked(s)) == 2


@pytest.mark.parametrize("more", [-1, 1])
def test_p16_wrong_count_rejects_it_for_good(more):
    s = toggling(50)
    s.give(cnf(EVSE, VALIDATE_SUCCESS, s.events(TogglePilot)[0].count + more))
    assert asked(s, CM_SLAC_MATCH_REQ) == [] and s.machine.state is State.Pause
    assert any("another cable" in e.text % e.args for e in s.events(Note))
    s = toggling(50, 60)
    s.give(cnf(EVSE, VALIDATE_SUCCESS, s.events(TogglePilot)[0].count + more))
    assert s.machine.state is State.Validate and s.machine.peer_mac == EVSE2


def test_p16_not_ready_is_asked_again_each_400_ms_and_not_for_ever():
    s = deciding(50)
    begin = s.now
    for n in range(10):
        s.give(cnf(EVSE, VALIDATE_NOT_READY))
        s.run_to(begin + (n + 1) * 400 * MS)
    assert len(asked(s)) == 11 and s.machine.state is State.Validate
    s.give(cnf(EVSE, VALIDATE_READY))
    assert s.machine.state is State.Toggle
    s = deciding(50, 60)
    for _ in range(11):
        s.give(cnf(EVSE, VALIDATE_NOT_READY))
        s.run_to(s.now + 400 * MS)
    assert s.machine.peer_mac == EVSE2


def test_p16_not_required_matches_without():
    s = deciding(50, 60)
    s.give(cnf(EVSE, VALIDATE_NOT_REQUIRED))
    assert asked(s, CM_SLAC_MATCH_REQ) == [EVSE] and s.events(TogglePilot) == []


@pytest.mark.parametrize("others, matched", [((), [EVSE]), ((60,), [])])
def test_p16_failure_goes_on_only_with_a_charger_that_is_alone(others, matched):
    s = deciding(50, *others)
    s.give(cnf(EVSE, VALIDATE_FAILURE))
    assert asked(s, CM_SLAC_MATCH_REQ) == matched


def test_p16_silent_after_the_toggles_is_no_proof():
    s = toggling(50, 60)
    window = (s.last(CM_VALIDATE_REQ).timer + 1) * 100 * MS
    s.run_to(s.now + window + 200 * MS)
    assert s.machine.peer_mac == EVSE2 and asked(s, CM_SLAC_MATCH_REQ) == []


@pytest.mark.parametrize("wrong", [cnf(EVSE, VALIDATE_READY, signal_type=1), cnf(EVSE2, VALIDATE_READY), CM_VALIDATE_CNF(EVSE2, EVSE, 0, 0, VALIDATE_READY)])
def test_p16_another_signal_type_or_charger_is_ignored(wrong):
    s = deciding(50)
    before = s.machine.ignored
    s.give(wrong)
    assert s.machine.state is State.Validate and s.machine.ignored == before + 1 and s.events(TogglePilot) == []


@pytest.mark.parametrize("mode, state", [("never", State.Match), ("indirect", State.Validate), ("several", State.Validate)])
def test_who_is_above_the_direct_limit_is_validated_unless_never(mode, state):
    assert deciding(50, validate=mode).machine.state is state


@pytest.mark.parametrize("mode, state", [("never", State.Match), ("indirect", State.Match), ("several", State.Validate)])
def test_several_are_validated_only_where_that_is_wanted(mode, state):
    assert deciding(12, 34, validate=mode).machine.state is state
    assert deciding(12, validate=mode).machine.state is State.Match, "nobody else was heard"
    assert deciding(12, 50, validate=mode).machine.state is State.Match, "the other one is beyond the direct limit"


def test_several_the_liar_is_found_out_by_its_count():
    """The neighbour claims less attenuation than the charger on our cable: only the pilot tells them apart."""
    s = toggling(15, 12, validate="several")
    assert s.machine.peer_mac == EVSE2
    s.give(cnf(EVSE2, VALIDATE_SUCCESS, s.events(TogglePilot)[0].count % 3 + 1))
    s.give(cnf(EVSE, VALIDATE_READY))
    s.give(cnf(EVSE, VALIDATE_SUCCESS, s.events(TogglePilot)[1].count))
    assert asked(s, CM_SLAC_MATCH_REQ) == [EVSE]


def test_several_a_liar_that_says_no_proof_is_required_is_passed_over_for_one_that_proves():
    s = deciding(15, 12, validate="several")
    s.give(cnf(EVSE2, VALIDATE_NOT_REQUIRED))
    assert s.machine.peer_mac == EVSE and asked(s, CM_SLAC_MATCH_REQ) == []
    s.give(cnf(EVSE, VALIDATE_READY))
    s.give(cnf(EVSE, VALIDATE_SUCCESS, s.events(TogglePilot)[0].count))
    assert asked(s, CM_SLAC_MATCH_REQ) == [EVSE]


def test_several_where_nobody_can_validate_the_least_attenuated_is_taken():
    s = deciding(15, 12, validate="several")
    s.give(cnf(EVSE2, VALIDATE_FAILURE))
    s.run_to(s.now + 600 * MS)                                        # the other one is silent
    assert asked(s, CM_SLAC_MATCH_REQ) == [EVSE2]
    s.run_to(s.now + 600 * MS)                                        # and does not match
    assert asked(s, CM_SLAC_MATCH_REQ)[-1] == EVSE


def test_at_most_three_are_validated():
    s = deciding(50, 52, 54, 56)
    for _ in range(3):
        s.give(cnf(s.machine.peer_mac, VALIDATE_FAILURE))
    assert set(asked(s)) == {EVSE, EVSE2, EVSE3} and s.machine.state is State.Pause


@pytest.mark.parametrize("build", [lambda: deciding(50), lambda: toggling(50)])
def test_stop_while_validating_is_silence(build):
    s = build()
    s.call(s.machine.stop)
    n = len(s.sent)
    s.give(cnf(EVSE, VALIDATE_READY))
    s.run_to(s.now + 10 * S)
    assert len(s.sent) == n and s.machine.state is State.Off


# --- the charger --------------------------------------------------------------------------------------------------

def request(car=CARS[0], timer=0, result=VALIDATE_READY, signal_type=0):
    return CM_VALIDATE_REQ(charger.EVSE, car, signal_type, timer, result)


def measured(pilot=B, **config):
    """A car's run waits for CM_VALIDATE.REQ or CM_SLAC_MATCH.REQ."""
    s = charger.indicated(charger.ready(**config))
    s.give(charger.rsp(s))
    s.machine.pilot = pilot
    return s


def answers(s):
    return [(m.result, m.toggle_num) for _, m in s.sent if type(m) is CM_VALIDATE_CNF]


def show(s, states, step=50 * MS):
    """The pilot shows these states, each for `step`."""
    for state in states:
        s.machine.pilot = state
        s.run_to(s.now + step)


def counting(timer=20, **config):
    s = measured(**config)
    s.give(request())
    s.give(request(timer=timer))
    assert answers(s) == [(VALIDATE_READY, 0)]
    return s


@pytest.mark.parametrize("toggles", [0, 1, 2, 3])
def test_e17_counts_what_the_pilot_shows(toggles):
    s = counting()
    begin = s.now
    for _ in range(toggles):
        show(s, (C,) * 6 + (B,) * 6)
    s.machine.pilot = B
    s.run_to(begin + 2100 * MS - 1)
    assert len(answers(s)) == 1
    s.run_to(begin + 2100 * MS)
    assert answers(s)[1:] == [(VALIDATE_SUCCESS, toggles)]


@pytest.mark.parametrize("toggles", [1, 2, 3])
def test_e17_the_first_toggle_counts_when_the_pilot_is_quicker_than_the_request(toggles):
    s = measured()
    s.give(request())
    show(s, (C,), 10 * MS)                       # the second request takes its time on the line
    s.give(request(timer=20))
    for _ in range(toggles - 1):
        show(s, (C,) * 6 + (B,) * 6)
    show(s, (C,) * 5 + (B,) * 60)
    assert answers(s)[1:] == [(VALIDATE_SUCCESS, toggles)]


def test_e17_a_match_must_follow_within_400_ms_and_a_lost_answer_is_repeated():
    s = counting(timer=5)
    s.run_to(s.now + 600 * MS)
    s.run_to(s.now + 300 * MS)
    s.give(request(timer=5))
    assert answers(s)[1:] == [(VALIDATE_SUCCESS, 0)] * 2
    s.give(charger.match(s))
    assert s.machine.peer_mac == CARS[0]
    s = counting(timer=5)
    s.run_to(s.now + 1001 * MS)
    s.give(charger.match(s))
    assert s.machine.peer_mac is None and s.machine.dropped == 1


@pytest.mark.parametrize("timer, window", [(5, 600), (34, 3500), (35, 3500), (255, 3500)])
def test_e17_the_window_is_timer_plus_one_and_at_most_3500_ms(timer, window):
    s = counting(timer=timer)
    begin = s.now
    s.run_to(begin + window * MS - 1)
    assert len(answers(s)) == 1
    s.run_to(begin + window * MS)
    assert len(answers(s)) == 2


def test_e17_a_second_car_is_not_ready_meanwhile():
    s = counting()
    other = CARS[1]
    s.give(charger.parm(s, other))
    s.give(charger.start(s, other))
    charger.profiles(s, 10, pev=other)
    s.run_to(s.now + 50 * MS)
    s.give(charger.rsp(s, other))
    s.give(request(other))
    assert answers(s)[-1] == (VALIDATE_NOT_READY, 0)
    s.run_to(s.now + 2100 * MS)
    s.give(request(other))
    assert answers(s)[-1] == (VALIDATE_READY, 0)


@pytest.mark.parametrize("pilot, config, result", [
    (B, {}, VALIDATE_READY), (None, {}, VALIDATE_NOT_REQUIRED), (B, {"count_toggles": False}, VALIDATE_NOT_REQUIRED), (C, {}, VALIDATE_NOT_READY),
    (A, {}, VALIDATE_NOT_READY)])
def test_e17_what_the_first_request_gets(pilot, config, result):
    s = measured(pilot, **config)
    s.give(request())
    assert answers(s) == [(result, 0)]


def test_e17_the_first_answer_is_repeated_twice_and_then_forgotten():
    s = measured()
    s.give(request())
    begin = s.now
    s.run_to(begin + 1200 * MS)
    assert answers(s) == [(VALIDATE_READY, 0)] * 3
    s.give(charger.match(s))
    assert s.machine.peer_mac == CARS[0], "a car may do without the validation it began"


@pytest.mark.parametrize("wrong", [request(signal_type=1), request(result=0), request(timer=20), request(CARS[2])])
def test_e17_wrong_requests_get_no_answer(wrong):
    s = measured()
    s.give(wrong)
    assert answers(s) == [] and s.machine.ignored == 1


def test_e17_before_the_attenuation_was_confirmed_nothing_is_validated():
    s = charger.indicated()
    s.machine.pilot = B
    s.give(request())
    assert answers(s) == []


@pytest.mark.parametrize("shown, count", [
    ([B, C, C, C, B], 1), ([B, C, B, C, B], 0), ([B, C, C, B, B, C, C, C, B], 1), ([C, C, C, C], 0), ([B, D, D, D, B], 1), ([B, None, C, C, C, B], 1), ([B, C, None, C, C, C], 0),
    ([B, C, C, C, C, C, C, B], 1), ([A, C, C, C], 0)])
def test_what_counts_as_a_toggle(shown, count):
    seen, before = ToggleCount(), shown[0]
    for n, pilot in enumerate(shown):
        seen.look(before, pilot, n * 50 * MS)
        before = pilot if pilot is not None else before
    assert seen.count == count
