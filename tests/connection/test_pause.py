"""The ladder in a pause: what sleeps, who wakes whom, and how a pause ends otherwise. Whole charges: tests/sessions/test_pause.py."""
from __future__ import annotations

import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.connection import timing as t
from tasks.connection.ladder import State
from tasks.messages import LinkLost, PauseSession, SessionEnded, StartSession, StopSession, TcpClosed
from tasks.stop_reasons import StopReason as R

from tests.connection.ladder_bench import CONNECTED, UP, Bench, at

PAUSED_DOWN = [("tcp", "TcpAbort"), ("sdp", "StopDiscovery"), ("homeplug", "PauseLink")]


def asleep(role, resume_at=None, **config):
    """After a pause in order, both FINs exchanged, the charger at X1."""
    bench = Bench(role, **config).session()
    bench.tell(SessionEnded(R.PAUSED if role == "pev" else R.CAR_PAUSE, True, resume_at)).tell(TcpClosed(None))
    bench.run(4 * S)
    assert bench.state is State.Paused and bench.take() == [("tcp", "TcpClose")] + PAUSED_DOWN
    if role == "pev":
        bench.facts.duty = 100.0
    else:
        assert bench.m.duty == 100.0
        bench.facts.link_state = "Paused"
        bench.notes.clear()
    return bench.run(1 * S)


def toggles(bench, duration):
    """How often the pilot is asked for state C."""
    count, before, end = 0, False, bench.now + duration
    while bench.now < end:
        bench.run(10 * MS)
        count += bench.m.wants_c and not before
        before = bench.m.wants_c
    return count


def test_a_pause_that_the_charger_ends_goes_on_with_the_old_link():
    bench = asleep("pev")
    bench.run(3600 * S)
    assert bench.state is State.Paused and bench.take() == []
    bench.facts.duty = 5.0
    bench.run(1 * S)
    assert bench.state is State.Matching and bench.take() == [("homeplug", "ResumeLink")] and not bench.m.wants_c
    bench.tell(UP)
    assert bench.take() == [("v2g", "PrepareSession"), ("sdp", "StartDiscovery")]


def test_five_percent_that_never_went_away_is_no_wake_up():
    bench = Bench("pev").session().end(R.PAUSED).farewell()
    bench.run(60 * S)
    assert bench.state is State.Paused
    bench.tell(StartSession())
    bench.run(1 * S)
    assert bench.state is State.Matching and ("homeplug", "ResumeLink") in bench.take()


@pytest.mark.parametrize("how", ["key", "time"])
def test_a_sleeping_charger_is_toggled_until_it_answers(how):
    bench = asleep("pev", resume_at=100 * S if how == "time" else None)
    if how == "key":
        bench.tell(StartSession())
    else:
        bench.run(100 * S - bench.now)
    assert bench.state is State.WaitPilot and toggles(bench, 5 * S) == 2
    assert toggles(bench, 6 * S) == 2
    bench.facts.duty = 5.0
    bench.run(1 * S)
    assert bench.state is State.Matching and bench.take() == [("homeplug", "ResumeLink")]
    assert toggles(bench, 30 * S) == 0


def test_after_three_toggles_it_only_waits_and_says_so():
    bench = asleep("pev").tell(StartSession())
    assert toggles(bench, 120 * S) == 2 * t.WAKE_TRIES and any("does not wake up" in note for note in bench.notes)
    assert bench.m.reason is R.PAUSED or bench.m.reason is R.NO_PILOT


def test_a_person_who_asks_again_has_it_toggled_again():
    bench = asleep("pev").tell(StartSession())
    toggles(bench, 120 * S)
    bench.tell(StartSession())
    assert toggles(bench, 120 * S) == 2 * t.WAKE_TRIES
    bench = asleep("pev").tell(StartSession(), StartSession(), StartSession())
    assert toggles(bench, 120 * S) == 2 * t.WAKE_TRIES, "impatience is no new try"


def test_a_new_climb_after_a_failed_resume_matches_anew():
    bench = asleep("pev").tell(StartSession())
    bench.facts.duty = 5.0
    bench.run(1 * S)
    bench.take()
    bench.tell(LinkLost(R.SLAC_FAILED)).run(5 * S)
    assert ("homeplug", "StartMatching") in bench.take()


def test_a_charger_wakes_at_a_toggle_offers_five_percent_and_resumes():
    bench = asleep("evse")
    bench.facts.pilot = PilotState.C
    bench.run(300 * MS)
    assert bench.state is State.Paused
    bench.facts.pilot = PilotState.B
    bench.run(100 * MS)
    assert State.Preparing in bench.states[-2:] and bench.take()[:3] == [("homeplug", "ResumeLink"), ("tcp", "TcpListen"), ("v2g", "PrepareSession")]
    bench.facts.link_state = "Resume"
    bench.run(200 * MS)
    assert bench.m.duty == 5.0 and bench.state is State.Matching
    assert bench.tell(UP, CONNECTED).state is State.Session


def test_a_charger_offers_itself_again_after_a_while_or_when_its_site_has_power():
    bench = asleep("evse", pause_wake_s=60)
    bench.run(50 * S)
    assert bench.state is State.Paused
    bench.run(10 * S)
    assert bench.state in (State.Preparing, State.Matching)
    bench = asleep("evse", pause_wake_s=0)
    bench.run(24 * 3600 * S)
    assert bench.state is State.Paused
    bench = asleep("evse", resume_at=500 * S, pause_wake_s=60)
    bench.run(490 * S - bench.now)
    assert bench.state is State.Paused
    bench.run(11 * S)
    assert bench.state in (State.Preparing, State.Matching)


@pytest.mark.parametrize("role", ["pev", "evse"])
def test_a_pause_ends_by_unplugging_by_a_stop_and_by_a_trip(role):
    bench = asleep(role).unplug()
    assert bench.state is State.Unplugged and ("homeplug", "StopMatching") in bench.take()
    bench = asleep(role).tell(StopSession(R.USER_STOP)).run(1 * S)
    assert bench.state is State.Finished and bench.m.reason is R.USER_STOP and {("homeplug", "StopMatching"), ("v2g", "ForgetPause")} <= set(bench.take())
    bench = asleep(role)
    bench.facts.safety_state = "Tripped"
    bench.run(1 * S)
    assert bench.state is State.Failed and bench.m.reason is R.SAFETY_TRIP


@pytest.mark.parametrize("role", ["pev", "evse"])
def test_a_stop_while_a_pause_begins_ends_it_and_the_key(role):
    bench = Bench(role).session().tell(SessionEnded(R.PAUSED if role == "pev" else R.CAR_PAUSE, True), StopSession(R.USER_STOP)).tell(TcpClosed(None))
    bench.run(4 * S)
    assert bench.state is State.Finished and bench.take()[-2:] == [("homeplug", "StopMatching"), ("v2g", "ForgetPause")]


@pytest.mark.parametrize("role", ["pev", "evse"])
def test_a_session_that_breaks_while_pausing_is_no_pause(role):
    bench = Bench(role).session().tell(SessionEnded(R.PAUSED if role == "pev" else R.CAR_PAUSE, False)).tell(TcpClosed(None))
    bench.run(4 * S)
    assert bench.state is not State.Paused and ("homeplug", "StopMatching") in bench.take()


def test_only_a_car_in_a_session_can_pause():
    for bench in (Bench("evse").session(), at("pev", State.Matching)):
        assert bench.tell(PauseSession()).take() == [] and bench.notes
    bench = Bench("pev").session().tell(PauseSession())
    command = bench.out[-1][1]
    assert bench.take() == [("v2g", "StopSession")] and command.reason is R.PAUSED
    bench.run(t.STOP_LIMIT)
    assert bench.state is not State.Session, "a V2G task that does not answer is not waited for"


@pytest.mark.parametrize("role", ["pev", "evse"])
def test_a_trip_while_a_pause_begins_is_what_is_told(role):
    bench = Bench(role).session().tell(SessionEnded(R.PAUSED if role == "pev" else R.CAR_PAUSE, True))
    bench.facts.safety_state = "Tripped"
    bench.tell(TcpClosed(None)).run(4 * S)
    assert bench.state is State.Failed and bench.m.reason is R.SAFETY_TRIP
    assert bench.take()[-2:] == [("homeplug", "StopMatching"), ("v2g", "ForgetPause")]
