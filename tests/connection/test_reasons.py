"""The reason that a person reads on the way up: what it is, what it does not hide, and when it is over."""
from __future__ import annotations

import pytest

from kernel.timer import S
from tasks.connection import timing as t
from tasks.connection.ladder import State
from tasks.messages import StartSession
from tasks.stop_reasons import StopReason as R

from tests.connection.ladder_bench import Bench, evse, pev


def test_missing_pilot_after_a_failure_does_not_hide_why_that_failed():
    bench = pev().session().end(R.PRECHARGE_TIMEOUT, normal=False).farewell()
    bench.facts.duty = 100.0                     # the charger wants a replug first
    bench.run(t.NO_PILOT_TOLD_AFTER + 10 * S)
    assert bench.state is State.WaitPilot and bench.m.reason is R.PRECHARGE_TIMEOUT
    bench.unplug()
    assert bench.state is State.Unplugged
    bench.plug()
    bench.run(t.NO_PILOT_TOLD_AFTER)
    assert bench.state is State.WaitPilot and bench.m.reason is R.NO_PILOT


@pytest.mark.parametrize("modem, link_state, reason", [
    (None, "Parm", R.NO_MODEM), ("QCA7005", "Parm", R.NO_CHARGER_SLAC), ("QCA7005", "Off", R.NO_CHARGER_SLAC),
    ("QCA7005", "Collect", R.NO_LINK), ("QCA7005", "Join", R.NO_LINK), (None, "Join", R.NO_LINK)])
def test_why_there_is_no_link_is_told_while_the_car_goes_on_asking(modem, link_state, reason):
    bench = pev().at(State.Matching)
    bench.facts.modem, bench.facts.link_state = modem, link_state
    bench.run(t.MATCHING_TOLD_AFTER)
    assert bench.state is State.Matching and bench.m.reason is reason and any(reason.hint in note for note in bench.notes)
    bench.run(t.MATCHING_LIMIT - t.MATCHING_TOLD_AFTER)
    assert bench.state is not State.Matching and bench.m.reason is reason


@pytest.mark.parametrize("told, comes, later", [
    (R.NO_MODEM, {"modem": "QCA7005"}, R.NO_CHARGER_SLAC), (R.NO_CHARGER_SLAC, {"link_state": "Sounding"}, R.NO_LINK)])
def test_a_reason_that_is_over_while_the_car_goes_on_asking_is_not_told_any_longer(told, comes, later):
    bench = pev().at(State.Matching)
    bench.facts.modem, bench.facts.link_state = None if told is R.NO_MODEM else "QCA7005", "Parm"
    bench.run(t.MATCHING_TOLD_AFTER + 10 * S)
    assert bench.m.reason is told
    for name, value in comes.items():
        setattr(bench.facts, name, value)
    bench.run(t.POLL)
    assert bench.m.reason is None and bench.state is State.Matching
    bench.run(t.MATCHING_TOLD_AFTER)
    assert bench.m.reason is later and bench.state is State.Matching
    bench.run(t.MATCHING_LIMIT)
    assert State.Ending in bench.states, "the bound of the whole stands"


def test_a_charger_whose_modem_is_back_does_not_tell_that_it_is_gone():
    bench = evse()
    bench.facts.link_state = "WaitKey"
    bench.plug().run(t.KEY_LIMIT)
    assert bench.m.reason is R.NO_MODEM
    bench.facts.link_state = "WaitParm"
    bench.run(10 * S)
    assert bench.state is State.Matching and bench.m.reason is None


def test_what_was_told_on_the_way_up_is_over_once_the_session_begins():
    bench = pev().at(State.Matching).run(t.MATCHING_TOLD_AFTER)
    assert bench.m.reason is not None
    bench.at(State.Session)
    assert bench.m.reason is None


def test_5_percent_taken_away_before_anybody_answered_does_not_hide_why_the_session_before_failed():
    bench = pev().session().end(R.TIMEOUT, False).farewell().run(10 * S)
    bench.facts.modem, bench.facts.link_state = "QCA7005", "Parm"
    assert bench.state is State.Matching
    bench.facts.duty = 100.0
    bench.run(2 * S)
    assert bench.state is State.WaitPilot and bench.m.reason is R.TIMEOUT and R.NO_CHARGER_SLAC.text in bench.notes[-1]


@pytest.mark.parametrize("role", ["pev", "evse"])
@pytest.mark.parametrize("reason, normal", [(R.USER_STOP, True), (R.CAR_STOP, True), (R.SAFETY_TRIP, False)])
def test_a_new_beginning_tells_a_failure_before_and_no_end_in_order(role, reason, normal):
    bench = Bench(role).session().end(reason, normal).farewell().run(5 * S)
    assert bench.m.reason is reason
    bench.facts.duty, bench.facts.link_state = 100.0, "WaitKey"
    bench.tell(StartSession()).run(2 * S)
    assert bench.state in (State.WaitPilot, State.Preparing) and bench.m.reason is (None if normal else reason)
    bench.run(t.NO_PILOT_TOLD_AFTER)
    if role == "pev":
        assert bench.m.reason is (R.NO_PILOT if normal else reason)


def test_a_charger_does_not_tell_a_car_what_became_of_the_one_before():
    bench = evse().session().end(R.TIMEOUT, False).farewell().unplug()
    assert bench.state is State.Unplugged and bench.m.reason is R.TIMEOUT
    bench.plug()
    assert bench.state is State.Matching and bench.m.reason is None
