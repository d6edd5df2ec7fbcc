"""The ladder of car and charger: the normal end, the person's stop, unplugging, stale news."""
from __future__ import annotations

import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.connection import timing as t
from tasks.connection.ladder import PAUSES, State
from tasks.messages import DiscoveryFailed, LinkLost, SessionEnded, SessionEstablished, StartSession, StopSession, TcpClosed
from tasks.stop_reasons import NORMAL_ENDS, StopReason as R
from tasks.v2g.timing import V2G_SECC_CPOscillator_Retain

from tests.connection.ladder_bench import CONNECTED, DOWN, FOUND, UP, Bench, at, evse, pev, rungs


@pytest.mark.parametrize("reason", [R.BATTERY_FULL, R.USER_STOP])
def test_a_full_battery_and_the_persons_stop_are_final_however_the_session_ended(reason):
    bench = Bench("pev").session().end(reason, normal=False).farewell()
    bench.run(60 * S)
    assert bench.state is State.Finished and State.Pausing not in bench.states


# --- the end

@pytest.mark.parametrize("reason", sorted(NORMAL_ENDS - PAUSES, key=lambda r: r.name))
@pytest.mark.parametrize("role", ["pev", "evse"])
def test_after_a_normal_end_nothing_begins_until_unplugged(role, reason):
    bench = Bench(role).session().end(reason).tell(TcpClosed(None))
    assert bench.take() == [("tcp", "TcpClose")]          # our own FIN first: the network stays up for it
    bench.run(t.FAREWELL + t.POLL)
    assert bench.take() == DOWN
    bench.run(300 * S)
    assert bench.state is State.Finished and bench.m.reason is reason and bench.take() == []
    bench.unplug()
    assert bench.state is State.Unplugged
    bench.plug()
    assert bench.state is State.Matching


@pytest.mark.parametrize("role", ["pev", "evse"])
def test_a_person_may_begin_again(role):
    bench = Bench(role).session().end().farewell().run(5 * S)
    bench.tell(StartSession()).run(2 * S)
    assert bench.state is State.Matching


def test_a_link_that_is_back_at_once_keeps_its_5_percent():
    """A pause that is over before V2G_SECC_CPOscillator_Retain is."""
    bench = evse().session().end(R.CAR_PAUSE).tell(TcpClosed(R.TCP_RESET)).run(t.POLL)
    assert bench.state is State.Paused
    bench.tell(StartSession())
    bench.facts.link_state = "Resume"
    bench.tell(UP).run(V2G_SECC_CPOscillator_Retain)
    assert bench.state is State.Discovering and bench.m.duty == 5.0


def test_the_peers_fin_is_awaited_for_a_bounded_time():
    bench = pev().session().end().run(t.CLOSE_LIMIT - 1)
    assert bench.take() == [] and bench.state is State.Ending
    bench.run(1)
    assert bench.take() == DOWN


@pytest.mark.parametrize("normal", [True, False])
def test_oscillator_is_retained_after_a_normal_end(normal):
    bench = evse().session()
    bench.end(R.CAR_STOP if normal else R.TIMEOUT, normal)
    if normal:
        bench.run(V2G_SECC_CPOscillator_Retain - 1)
        assert bench.m.duty == 5.0
        bench.run(1)
    assert bench.m.duty == 100.0


def test_charger_begins_again_after_a_failure_with_a_step_of_steady_pilot():
    bench = evse().session().end(R.TIMEOUT, False).farewell()
    begin = bench.now
    while bench.m.duty == 100.0:
        bench.run(10 * MS)
    assert bench.now - begin >= t.T_step_X1 and bench.state is State.Matching


# --- the person

@pytest.mark.parametrize("role, state", [(r, s) for r, s in rungs() if s is not State.Session])
def test_stop_below_the_session(role, state):
    bench = at(role, state).tell(StopSession(R.USER_STOP))
    assert bench.take() == DOWN
    bench.run(300 * S)
    assert bench.state is State.Finished and bench.m.reason is R.USER_STOP


@pytest.mark.parametrize("role", ["pev", "evse"])
def test_stop_in_a_session_is_forwarded_and_bounded(role):
    bench = Bench(role).session().tell(StopSession(R.USER_STOP))
    assert bench.take() == [("v2g", "StopSession")] and bench.state is State.Session
    bench.run(30 * S).tell(StopSession(R.USER_STOP))             # repeating it moves nothing
    assert bench.take() == [("v2g", "StopSession")]
    bench.run(30 * S)
    assert bench.m.reason is R.USER_STOP and bench.take() == [("v2g", "AbortSession"), *DOWN]


def test_stop_while_pausing_or_ending_prevents_the_new_beginning():
    bench = pev().session()
    bench.facts.safety_state = "Decay"
    bench.end(R.TIMEOUT, False).tell(TcpClosed(None), StopSession(R.USER_STOP))
    bench.facts.safety_state = "Idle"
    bench.run(60 * S)
    assert bench.state is State.Failed and bench.m.reason is R.TIMEOUT, "why it failed says more than that somebody pressed stop"
    bench = pev().session().end(R.TIMEOUT, False).farewell().run(1 * S)
    assert bench.state is State.Pausing
    bench.tell(StopSession(R.USER_STOP)).run(60 * S)
    assert bench.state is State.Finished


def test_stop_with_nothing_going_on():
    for state in (State.Unplugged, State.Finished):
        bench = pev()
        if state is State.Finished:
            bench.session().end().farewell().run(1 * S)
        bench.take()
        bench.tell(StopSession(R.USER_STOP))
        assert bench.state is state and bench.take() == []


def test_stop_button_stops_once_per_press():
    bench = pev().session()
    bench.facts.stop_button = True
    bench.run(2 * S)
    bench.facts.stop_button = False
    bench.run(1 * S)
    bench.facts.stop_button = True
    bench.run(1 * S)
    assert bench.take() == [("v2g", "StopSession")] * 2


# --- unplugging

@pytest.mark.parametrize("role, state", rungs())
def test_unplugging_ends_everything(role, state):
    bench = at(role, state).unplug()
    down = bench.take()
    assert [c for c in down if c[1] != "Vouch"] == ([("v2g", "AbortSession"), *DOWN] if state is State.Session else DOWN)
    assert bench.state is State.Unplugged and bench.m.reason is R.UNPLUGGED
    if role == "evse":
        assert bench.m.duty == 100.0


def test_unplugging_while_the_outputs_are_not_safe_waits():
    bench = pev().session()
    bench.facts.safety_state = "Opening"
    bench.unplug()
    assert bench.state is State.Ending
    bench.facts.safety_state = "Idle"
    bench.run(1 * S)
    assert bench.state is State.Unplugged


def test_unplugging_while_waiting_for_the_fin():
    bench = evse().session().end().unplug()
    assert bench.take() == DOWN and bench.state is State.Unplugged and bench.m.duty in (5.0, 100.0)
    bench.run(2 * S)
    assert bench.m.duty == 100.0


@pytest.mark.parametrize("pilot", [None, PilotState.E, PilotState.F])
def test_an_unknown_pilot_is_no_unplugging(pilot):
    bench = pev().session()
    bench.facts.pilot = pilot
    bench.run(10 * S)
    assert bench.state is State.Session


# --- stale news

@pytest.mark.parametrize("role", ["pev", "evse"])
@pytest.mark.parametrize("item", [UP, FOUND, CONNECTED, TcpClosed(None), LinkLost(R.LINK_LOST), DiscoveryFailed(R.SDP_FAILED),
                                  SessionEnded(R.TIMEOUT, False), SessionEstablished(), StartSession()])
def test_news_of_a_session_that_is_over_changes_nothing(role, item):
    bench = Bench(role)
    bench.tell(item).run(1 * S)
    assert bench.state is State.Unplugged and bench.take() == []
    bench = Bench(role).session().end().farewell().run(1 * S)
    bench.take()
    if type(item) is not StartSession:
        bench.tell(item).run(1 * S)
        assert bench.state is State.Finished and bench.take() == []


@pytest.mark.parametrize("role", ["pev", "evse"])
def test_an_end_that_the_peer_did_not_say_in_order_is_not_final(role):
    bench = Bench(role).session().end(R.CAR_STOP, normal=False).farewell()
    bench.run(60 * S)
    assert State.Pausing in bench.states and bench.state is State.Matching


def test_stop_during_an_end_in_order_makes_it_final():
    """The charger's stop alone would be followed by a new try (it did not say so in order); the person's word is enough."""
    for pressed in (False, True):
        bench = pev().session().end(R.CHARGER_STOP, False)
        if pressed:
            bench.tell(StopSession(R.USER_STOP))
        bench.farewell().run(1 * S)
        assert bench.state is (State.Finished if pressed else State.Pausing) and bench.m.reason is R.CHARGER_STOP


def test_a_stop_counts_for_the_end_in_which_it_was_pressed():
    bench = pev().session().end(R.TIMEOUT, False).tell(StopSession(R.USER_STOP)).farewell().run(1 * S)
    assert bench.state is State.Failed
    bench.tell(StartSession()).session().end(R.TIMEOUT, False).farewell().run(1 * S)
    assert bench.state is State.Pausing


# --- D-LINK_ERROR: X1, state F, X1, 5 % (slac-and-network sheet 2.7) -----------------------------------------------------------

def duties(bench, duration):
    """(ns since now, duty) at each change."""
    begin, out = bench.now, [(0, bench.m.duty)]
    while bench.now < begin + duration:
        bench.run(10 * MS)
        if bench.m.duty != out[-1][1]:
            out.append((bench.now - begin, bench.m.duty))
    return out


@pytest.mark.parametrize("reason", [R.NO_LINK, R.LINK_LOST, R.SLAC_FAILED])
def test_e14_after_a_lost_link_the_pilot_goes_through_state_f(reason):
    bench = evse().at(State.Matching)
    bench.tell(LinkLost(reason))
    seen = duties(bench, 20 * S)
    assert [duty for _, duty in seen] == [100.0, 0.0, 100.0, 5.0]
    changes = [at for at, _ in seen]
    assert changes[1] >= t.T_step_X1 and changes[2] - changes[1] >= t.T_step_EF and changes[3] - changes[2] >= t.PLUG_SETTLE
    assert bench.state is State.Matching and bench.m.restarts == 1


def test_a_charger_whose_cars_do_not_want_state_f_goes_without():
    bench = evse(error_step_f=False).at(State.Matching)
    bench.tell(LinkLost(R.NO_LINK))
    assert [duty for _, duty in duties(bench, 20 * S)] == [100.0, 5.0]


def test_another_end_than_a_lost_link_shows_no_state_f():
    bench = evse().session().end(R.TIMEOUT, False).farewell()
    assert 0.0 not in [duty for _, duty in duties(bench, 20 * S)]


@pytest.mark.parametrize("what", ["unplugged", "begun again"])
def test_state_f_ends_when_nobody_waits_for_it(what):
    bench = evse().at(State.Matching)
    bench.tell(LinkLost(R.NO_LINK))
    while bench.m.duty != 0.0:
        bench.run(10 * MS)
    if what == "unplugged":
        bench.facts.pilot = PilotState.A
        bench.run(S)
        assert bench.state is State.Unplugged and [duty for _, duty in duties(bench, 10 * S)] == [100.0]
    else:
        bench.tell(StartSession())
        assert [duty for _, duty in duties(bench, 10 * S)] == [100.0, 5.0]
