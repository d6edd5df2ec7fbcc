"""The ladder of car and charger: climbing, every loss at every rung, the person's stop, unplugging, beginning again."""
from __future__ import annotations

import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.connection import timing as t
from tasks.connection.ladder import AT_REST, LASTING, TEXTS, State
from tasks.messages import DiscoveryFailed, LinkLost, SessionEnded, StartSession, TcpClosed
from tasks.safety.facts import SafetyState
from tasks.stop_reasons import NORMAL_ENDS, StopReason as R
from tasks.v2g.timing import V2G_EVCC_CommunicationSetup_Timeout, V2G_SECC_CommunicationSetup_Performance

from tests.connection.ladder_bench import CONNECTED, DOWN, FOUND, UP, Bench, at, evse, pev, rungs


def test_texts_and_names_of_other_slices():
    assert set(TEXTS) == set(State) and all(text and len(text) <= 20 for text in TEXTS.values())
    assert AT_REST <= {s.value for s in SafetyState}
    assert not LASTING & NORMAL_ENDS


# --- climbing

def test_a_car_prepares_its_session_while_the_modems_join_and_once():
    bench = pev().at(State.Matching)
    bench.take()
    bench.run(1 * S)
    assert bench.take() == []
    bench.facts.link_state = "Join"
    bench.run(2 * S)
    assert bench.take() == [("v2g", "PrepareSession")]
    bench.tell(UP)
    assert bench.take() == [("sdp", "StartDiscovery")]


def test_car_climbs():
    bench = pev()
    assert bench.state is State.Unplugged and bench.take() == []
    bench.plug()
    assert bench.take() == [("homeplug", "StartMatching")] and bench.state is State.Matching
    bench.tell(UP)
    assert bench.take() == [("v2g", "PrepareSession"), ("sdp", "StartDiscovery")]
    bench.tell(FOUND)
    command = bench.out[0][1]
    assert (command.port, command.timeout) == (FOUND.port, V2G_EVCC_CommunicationSetup_Timeout) and bench.take() == [("tcp", "TcpConnect")]
    bench.tell(CONNECTED)
    assert bench.states == [State.Unplugged, State.WaitPilot, State.Matching, State.Discovering, State.Connecting, State.Session]
    assert bench.m.duty is None


@pytest.mark.parametrize("pilot, duty, begins", [
    (PilotState.B, 5.0, True), (PilotState.B, 3.0, True), (PilotState.B, 7.0, True), (PilotState.B, 2.9, False), (PilotState.B, 7.1, False),
    (PilotState.B, 100.0, False), (PilotState.B, None, False), (PilotState.C, 5.0, True), (PilotState.A, 5.0, False), (None, 5.0, False),
    (PilotState.E, 5.0, False), (PilotState.F, 5.0, False)])
def test_car_begins_only_at_a_digital_pilot(pilot, duty, begins):
    bench = pev()
    bench.facts.pilot, bench.facts.duty = pilot, duty
    bench.run(5 * S)
    assert (bench.state is State.Matching) is begins


def test_a_board_without_a_duty_begins_when_plugged_and_not_where_it_sees_no_pwm():
    bench = pev(require_duty=False)
    bench.facts.duty = None
    assert bench.run(5 * S).state is State.Unplugged
    assert bench.plug().state is State.Matching, "state B alone"
    waits = pev(require_duty=False)
    waits.facts.duty = 100.0
    assert waits.plug().state is State.WaitPilot, "a comparator that sees no PWM"
    strict = pev()
    strict.facts.duty = None
    assert strict.plug().state is State.WaitPilot, "unknown is no offer where the duty is read"


def test_an_offer_that_nobody_measured_is_told_as_assumed():
    told = []
    for duty in (None, 5.0):
        bench = pev(require_duty=False)
        bench.facts.duty = duty
        assert bench.plug().state is State.Matching
        told.append([note for note in bench.notes if "assumed" in note])
    assert told == [["the 5 % are assumed: nothing here measures the pilot's duty"], []]


def test_pilot_is_not_needed_when_told_so():
    bench = pev(require_pilot=False)
    bench.facts.pilot = bench.facts.duty = None
    bench.run(1 * S)
    assert bench.state is State.Matching


def test_a_plug_that_is_known_to_be_out_ends_it_without_a_required_pilot_too():
    """The plug's own contact, or a pilot whose duty nobody measures."""
    bench = pev(require_pilot=False)
    bench.facts.pilot, bench.facts.duty = PilotState.A, None
    bench.run(5 * S)
    assert bench.state is State.Unplugged
    bench.facts.pilot = PilotState.B
    bench.run(1 * S)
    assert bench.state is State.Matching
    bench.facts.pilot = PilotState.A
    bench.run(5 * S)
    assert bench.state is State.Unplugged


def test_missing_pilot_is_told_and_does_not_block():
    bench = at("pev", State.WaitPilot)
    bench.run(t.NO_PILOT_TOLD_AFTER)
    assert bench.m.reason is R.NO_PILOT and bench.state is State.WaitPilot
    bench.facts.duty = 5.0
    bench.run(1 * S)
    assert bench.state is State.Matching


def test_charger_offers_five_percent_after_the_key():
    bench = evse()
    assert bench.m.duty == 100.0
    bench.facts.link_state = "Off"
    bench.facts.pilot = PilotState.B
    bench.run(500 * MS)
    assert bench.take() == [("homeplug", "StartMatching"), ("tcp", "TcpListen"), ("v2g", "PrepareSession")] and bench.state is State.Preparing
    bench.facts.link_state = "WaitKey"
    bench.run(5 * S)
    assert bench.m.duty == 100.0
    bench.facts.link_state = "WaitParm"
    bench.run(200 * MS)
    assert bench.m.duty == 5.0 and bench.state is State.Matching
    assert bench.take() == [("homeplug", "PilotOffered")]        # TT_EVSE_SLAC_init begins
    bench.tell(UP)
    assert bench.take() == [("sdp", "StartDiscovery")]           # answers only after the link, while TCP listens already
    bench.tell(CONNECTED)
    assert bench.state is State.Session and bench.m.duty == 5.0


def test_charger_waits_a_second_after_the_plug():
    bench = evse()
    bench.facts.pilot = PilotState.B
    bench.run(100 * MS)
    plugged = bench.now
    while bench.m.duty != 5.0:
        bench.run(10 * MS)
    assert 900 * MS <= bench.now - plugged <= 1200 * MS


def test_charger_takes_a_car_that_is_quicker_than_the_link_test():
    bench = at("evse", State.Matching).tell(CONNECTED)
    assert bench.state is State.Session
    bench.run(V2G_SECC_CommunicationSetup_Performance)
    assert bench.m.reason is R.COMMUNICATION_SETUP_TIMEOUT


def test_charger_without_modem():
    bench = evse()
    bench.facts.link_state = None
    bench.facts.pilot = PilotState.B
    bench.run(100 * MS + t.KEY_LIMIT + 200 * MS)
    assert bench.m.reason is R.NO_MODEM and State.Pausing in bench.states


# --- setup timers

@pytest.mark.parametrize("role, limit", [("pev", V2G_EVCC_CommunicationSetup_Timeout), ("evse", V2G_SECC_CommunicationSetup_Performance)])
@pytest.mark.parametrize("state", [State.Discovering, State.Session])
def test_communication_setup_counts_from_the_link(role, limit, state):
    bench = Bench(role).at(State.Matching).tell(UP)
    begin = bench.now
    if state is State.Session:
        bench.run(1 * S).at(State.Session)
    bench.take()
    bench.run(begin + limit - bench.now - 1)
    assert bench.m.reason is None
    bench.run(1)
    assert bench.m.reason is R.COMMUNICATION_SETUP_TIMEOUT
    expected = [("v2g", "AbortSession"), *DOWN] if state is State.Session else DOWN
    assert [c for c in bench.take() if c[1] != "Vouch"] == expected


@pytest.mark.parametrize("role", ["pev", "evse"])
def test_established_session_ends_the_setup_timer(role):
    bench = Bench(role).session()
    bench.facts.heard = True
    bench.run(300 * S)
    assert bench.state is State.Session


@pytest.mark.parametrize("role", ["pev", "evse"])
def test_a_session_in_which_nothing_is_heard_ends_even_if_its_task_is_dead(role):
    bench = Bench(role).session()
    bench.facts.heard = True
    bench.run(100 * S)
    bench.facts.heard = False
    begin = bench.now
    bench.take()
    bench.run(t.SILENCE_LIMIT - S)
    assert bench.state is State.Session
    bench.run(2 * S)
    assert bench.m.reason is R.TIMEOUT and bench.now - begin <= t.SILENCE_LIMIT + S
    assert [c for c in bench.take() if c[1] != "Vouch"] == [("v2g", "AbortSession"), *DOWN]


@pytest.mark.parametrize("role", ["pev", "evse"])
def test_a_session_does_not_outlive_a_trip_for_long(role):
    bench = Bench(role).session()
    bench.facts.heard = True
    for state, lasts in (("Tripped", t.TRIPPED_LIMIT - S), ("Idle", S), ("Tripped", t.TRIPPED_LIMIT - S)):       # a reset begins the time anew
        bench.facts.safety_state = state
        bench.run(lasts)
        assert bench.state is State.Session
    bench.run(2 * S)
    assert bench.m.reason is R.SAFETY_TRIP and bench.state is State.Failed


@pytest.mark.parametrize("role, states", [("pev", (State.Matching, State.Discovering, State.Connecting)), ("evse", (State.Matching, State.Discovering))])
def test_a_trip_on_the_way_up_ends_the_climb_with_its_reason(role, states):
    for state in states:
        bench = Bench(role, restart=True).at(state)
        bench.facts.safety_state = "Tripped"
        bench.run(60 * S)
        assert bench.state is State.Failed and bench.m.reason is R.SAFETY_TRIP
        bench.facts.safety_state = "Idle"
        bench.tell(StartSession()).run(2 * S)
        assert bench.m.state in (State.WaitPilot, State.Preparing, State.Matching)


def test_refused_connection_is_tried_again_while_time_is_left():
    bench = pev().at(State.Connecting)
    begin = bench.now
    bench.take()
    bench.tell(TcpClosed(R.TCP_REFUSED))
    assert bench.take() == [] and bench.state is State.Connecting
    bench.run(t.CONNECT_RETRY_DELAY)
    command = bench.out[0][1]
    assert bench.take() == [("tcp", "TcpConnect")] and command.timeout == V2G_EVCC_CommunicationSetup_Timeout - (bench.now - begin)
    bench.tell(CONNECTED)
    assert bench.state is State.Session


def test_refused_connections_are_bounded():
    bench = pev().at(State.Connecting)
    for _ in range(t.CONNECT_TRIES):
        bench.tell(TcpClosed(R.TCP_REFUSED))
        bench.run(t.CONNECT_RETRY_DELAY)
    assert bench.m.reason is R.TCP_REFUSED


def test_dead_matching_task_is_bounded():
    bench = pev().at(State.Matching).run(t.MATCHING_LIMIT)
    assert bench.m.reason is R.NO_LINK


# --- losses

@pytest.mark.parametrize("role, state", [(r, s) for r, s in rungs() if s is not State.Session])
def test_lost_link_below_the_session_begins_again(role, state):
    bench = at(role, state).tell(LinkLost(R.LINK_LOST))
    assert bench.m.reason is R.LINK_LOST and bench.take() == DOWN and bench.state is State.Ending
    bench.facts.duty, bench.facts.link_state = 5.0, "WaitParm"
    bench.run(10 * S)
    assert bench.state is State.Matching and bench.m.restarts == 1


@pytest.mark.parametrize("role", ["pev", "evse"])
def test_a_session_vouches_for_the_link(role):
    bench = Bench(role).session()
    bench.facts.heard = True
    bench.tell(LinkLost(R.LINK_LOST)).run(10 * S)
    assert bench.state is State.Session and any("goes on" in n for n in bench.notes)
    assert [c for c in bench.take()] == [("homeplug", "Vouch")] * 5


def test_silence_is_not_vouched_for():
    bench = pev().session().run(10 * S)
    assert bench.take() == []


@pytest.mark.parametrize("lost, ended, reason", [(True, R.TIMEOUT, R.LINK_LOST), (False, R.TIMEOUT, R.TIMEOUT), (True, R.FAILED_RESPONSE, R.FAILED_RESPONSE)])
def test_a_lost_link_explains_silence(lost, ended, reason):
    bench = pev().session()
    if lost:
        bench.tell(LinkLost(R.LINK_LOST))
    bench.end(ended, False)
    assert bench.m.reason is reason


def test_discovery_failure():
    bench = pev().at(State.Discovering)
    bench.take()
    bench.tell(DiscoveryFailed(R.SDP_FAILED))
    assert bench.m.reason is R.SDP_FAILED and bench.take() == DOWN


@pytest.mark.parametrize("role", ["pev", "evse"])
def test_closed_stream_without_an_end_of_the_session(role):
    bench = Bench(role).session().tell(TcpClosed(R.TCP_RESET))
    assert bench.state is State.Session                      # the V2G task is about to tell
    bench.run(t.GONE_LIMIT)
    assert bench.m.reason is R.TCP_CLOSED and bench.take() == [("v2g", "AbortSession"), *DOWN]


@pytest.mark.parametrize("role", ["pev", "evse"])
def test_closed_stream_with_the_sessions_own_reason(role):
    bench = Bench(role).session().tell(TcpClosed(R.TCP_RESET), SessionEnded(R.TCP_RESET, False))
    assert bench.m.reason is R.TCP_RESET


def test_pauses_grow_until_power_has_flowed():
    bench = pev(restart_first_ms=1000, restart_ceiling_ms=4000)
    bench.at(State.Matching)
    pauses = []
    for _ in range(5):
        bench.tell(LinkLost(R.SLAC_FAILED))
        begin = bench.now
        while bench.state is not State.Matching:
            bench.run(10 * MS)
        pauses.append(round((bench.now - begin) / S))
    assert pauses == [1, 2, 4, 4, 4]
    for charged, pause in ((False, 4), (True, 1)):           # a session alone is no success: it may fail at the same place each time
        bench.session()
        bench.facts.safety_state = "Closed" if charged else "Idle"
        bench.run(1 * S)
        bench.facts.safety_state = "Idle"
        bench.end(R.TIMEOUT, False).farewell()
        begin = bench.now
        while bench.state is not State.Matching:
            bench.run(10 * MS)
        assert round((bench.now - begin) / S) == pause


def test_nothing_begins_before_the_outputs_are_safe():
    bench = pev().session()
    bench.facts.safety_state = "CurrentOff"
    bench.end(R.TIMEOUT, False).farewell().run(40 * S)
    assert bench.state is State.Ending and any("not safe" in n for n in bench.notes)
    bench.facts.safety_state = None
    bench.run(40 * S)
    assert bench.state is State.Ending
    bench.facts.safety_state = "Idle"
    bench.run(10 * S)
    assert bench.state is State.Matching


@pytest.mark.parametrize("reason", sorted(LASTING, key=lambda r: r.name))
def test_lasting_reasons_wait_for_a_person(reason):
    bench = pev().session().end(reason, False).farewell().run(60 * S)
    assert bench.state is State.Failed
    bench.unplug()
    assert bench.state is State.Unplugged


def test_tripped_supervisor_waits_for_a_person():
    bench = pev().session()
    bench.facts.safety_state = "Tripped"
    bench.end(R.TIMEOUT, False).farewell().run(60 * S)
    assert bench.state is State.Failed


def test_restart_can_be_switched_off():
    bench = pev(restart=False).session().end(R.TIMEOUT, False).farewell().run(60 * S)
    assert bench.state is State.Failed


def test_a_charger_that_takes_its_5_percent_away_while_we_match_is_waited_for():
    bench = pev().at(State.Matching)
    bench.take()
    bench.facts.duty = 100.0
    bench.run(t.PWM_GONE)
    assert bench.state is State.Matching, "a reading that was missed"
    bench.run(t.POLL)
    assert bench.state is State.WaitPilot and bench.take() == [("homeplug", "StopMatching")] and bench.m.restarts == 1
    assert bench.m.reason is R.NO_LINK, "told to the person"
    bench.facts.duty = 5.0
    bench.run(t.POLL)
    assert bench.state is State.Matching and bench.take() == [("homeplug", "StartMatching")]


@pytest.mark.parametrize("duty", [5.0, None])
def test_while_it_offers_5_percent_or_nothing_is_known_matching_goes_on(duty):
    bench = pev().at(State.Matching)
    bench.facts.duty = duty
    bench.run(10 * S)
    assert bench.state is State.Matching
