"""Sessions: phases, answer times, and the sentence about the end."""
import pytest

from exi_native.messages import din
from kernel.timer import MS, S
from tasks.homeplug import wire as mme
from tasks.listen.latency import BUCKET, Latency
from tasks.listen.session import MAX_SESSIONS
from tasks.listen.verdict import stop_reason
from tasks.tcp import wire as tcp
from tests.listen import line


def only(frames, interval=10 * MS):
    """(the one session, its verdict)."""
    _, sessions, _ = line.heard(frames, interval)
    assert len(sessions.sessions) == 1
    return sessions.sessions[0], stop_reason(sessions.sessions[0], interval * len(frames) + 10 * S)


def started(talk):
    return [*talk.open(), talk.say(True, line.app_request()), talk.say(False, line.app_response())]


def test_a_whole_session():
    session, verdict = only(line.session())
    assert [(p.name, p.messages) for p in session.phases] == [
        ("matching", 17), ("joining the network", 0), ("SDP", 2), ("TCP connection", 2), ("supportedAppProtocol", 2), ("CableCheck", 4),
        ("PreCharge", 2), ("SessionStop", 2)]
    assert verdict == "normal end: SessionStop exchanged"
    assert (session.car, session.charger, session.protocol) == (line.CAR, line.CHARGER, "DIN 70121")
    assert (session.attenuation, session.nid, session.session_id) == (12.0, bytes(range(7)), bytes(range(1, 9)))
    assert (session.soc_first, session.soc_last, session.voltage_max) == (42, 42, 389.9)


def test_phases_end_where_the_next_begins():
    session, _ = only(line.session())
    for phase, following in zip(session.phases, session.phases[1:]):
        assert phase.end == following.start


def test_answer_times():
    _, sessions, _ = line.heard(line.session())
    assert {name: (x.count, x.greatest) for name, x in sessions.latencies.items()} == {
        "SDP": (1, 10 * MS), "supportedAppProtocol": (1, 10 * MS), "CableCheck": (2, 10 * MS), "PreCharge": (1, 10 * MS),
        "SessionStop": (1, 10 * MS)}


def test_the_median_is_exact_to_a_bucket():
    latency = Latency()
    assert latency.median() == 0
    for ms in (1, 2, 3, 50, 900):
        latency.add(ms * MS)
    assert abs(latency.median() - 3 * MS) <= BUCKET
    assert latency.greatest == 900 * MS and latency.count == 5


NO_ANSWER = mme.CM_SLAC_PARM_REQ(line.BROADCAST, line.CAR, line.RUN_ID).emit()
FOREIGN = mme.CM_SLAC_PARM_CNF(line.CAR, line.CHARGER, bytes(8), line.CAR).emit()


def refused():
    return [line.segment(True, 10, 0, tcp.SYN), line.segment(False, 0, 11, tcp.RST | tcp.ACK)]


def talked(*messages, closing=()):
    talk = line.Talk()
    return started(talk) + [talk.say(side, data) for side, data in messages] + [talk.say(side, b"", flags) for side, flags in closing]


FAILED = line.pre_charge_res(din.responseCode.FAILED_SequenceError)
EMERGENCY = line.pre_charge_res(status=din.DC_EVSEStatusCode.EVSE_EmergencyShutdown)
ERROR = line.cable_check_req(din.DC_EVErrorCode.FAILED_EVRESSMalfunction)


@pytest.mark.parametrize("frames, verdict", [
    ([NO_ANSWER] * 3, "3 CM_SLAC_PARM.REQ without an answer"),
    ([NO_ANSWER, FOREIGN], "the charger's CM_SLAC_PARM.CNF carries another RunID than the car's request (1 of 1): the car ignores it"),
    (line.slac()[:2], "matching stopped after CM_SLAC_PARM.CNF"),
    (line.slac()[:15], "attenuation reported, no CM_SLAC_MATCH.REQ seen"),
    (line.slac()[:16], "CM_SLAC_MATCH.REQ was not answered"),
    (line.slac(), "matched; nothing seen on the network afterwards (hidden from a listener, or never joined)"),
    ([line.sdp_request()] * 4, "4 SDP requests without an answer (or hidden: answer and session are unicast)"),
    ([line.sdp_request(0)] * 4, "4 SDP requests without an answer, all asking for TLS (or hidden: answer and session are unicast)"),
    ([line.sdp_request(), line.sdp_response()], "SDP was answered, no TCP connection seen"),
    ([line.segment(True, 10, 0, tcp.SYN)] * 2, "1 SYN without an answer"),
    (refused(), "charger refused the TCP connection (1 SYN, 1 RST): nothing listens on that port"),
    (line.Talk().open(), "connected, but no V2G message seen"),
    (talked((True, line.pre_charge_req())), "PreChargeReq was not answered; no more messages seen"),
    (talked((True, line.pre_charge_req()), closing=[(True, tcp.RST)]),
     "PreChargeReq was not answered; car (RST) closed the connection 0.0 s after PreChargeReq"),
    (talked((True, line.pre_charge_req()), (False, FAILED), closing=[(True, tcp.FIN | tcp.ACK)]),
     "charger answered PreChargeRes with FAILED_SequenceError; car (FIN) closed the connection after PreChargeRes"),
    (talked((True, line.pre_charge_req()), (False, EMERGENCY)), "charger reports EVSE_EmergencyShutdown in PreChargeRes; no more messages seen"),
    (talked((True, ERROR), (False, line.cable_check_res())), "car reports FAILED_EVRESSMalfunction in CableCheckReq; no more messages seen"),
    (talked((True, line.cable_check_req()), (False, line.cable_check_res())), "no more messages seen (Ongoing)"),
    (talked((True, ERROR), (False, line.cable_check_res()), (True, line.stop_req()), (False, line.stop_res())),
     "car ended the session because of FAILED_EVRESSMalfunction in CableCheckReq; SessionStop exchanged"),
    (talked((True, line.pre_charge_req()), (False, EMERGENCY), (True, line.stop_req()), (False, line.stop_res())),
     "charger asked for the end (EVSE_EmergencyShutdown in PreChargeRes); SessionStop exchanged"),
    (talked((True, line.pre_charge_req()), (False, FAILED), (True, line.stop_req()), (False, line.stop_res())),
     "charger answered PreChargeRes with FAILED_SequenceError; SessionStop exchanged"),
])
def test_why_it_ended(frames, verdict):
    assert only(frames)[1] == verdict


def test_the_first_failure_is_the_one_that_is_told():
    again = line.pre_charge_res(din.responseCode.FAILED)
    session, verdict = only(talked((True, line.pre_charge_req()), (False, FAILED), (True, line.pre_charge_req()), (False, again),
                                   (True, line.cable_check_req()), (False, line.cable_check_res(din.EVSEProcessing.Finished))))
    assert verdict == "no more messages seen; earlier the charger answered PreChargeRes with FAILED_SequenceError"
    assert session.remarks == ["PreChargeRes: FAILED_SequenceError", "PreChargeRes: FAILED"]


def test_a_report_to_everybody_is_nobodys_attenuation():
    """pyPLC tells its power supply the voltage in a broadcast CM_ATTEN_CHAR.IND (field sheet, section 11)."""
    misuse = mme.CM_ATTEN_CHAR_IND(line.BROADCAST, line.CHARGER, line.RUN_ID, line.CAR, 10, bytes([99] * 58)).emit()
    _, sessions, _ = line.heard(line.session(end=False) + [misuse])
    assert [s.attenuation for s in sessions.sessions] == [12.0]
    assert line.BROADCAST not in [s.car for s in sessions.sessions]


def test_an_unfinished_capture_says_so():
    frames = talked((True, line.pre_charge_req()), (False, line.pre_charge_res()))
    _, sessions, _ = line.heard(frames)
    assert stop_reason(sessions.sessions[0], 10 * MS * len(frames)) == "the capture ends here"


def test_the_same_car_again_is_a_new_session():
    _, sessions, _ = line.heard(line.session() + line.session())
    assert [s.stopped for s in sessions.sessions] == [True, True]
    assert [s.number for s in sessions.events()] == [1, 2]
    assert sessions.events() == []


def test_silence_then_matching_is_a_new_session():
    _, sessions, _ = line.heard(line.session(end=False) + [NO_ANSWER], interval=61 * S)
    assert len(sessions.sessions) == 2


def test_matching_noise_during_the_session_is_only_a_remark():
    session, _ = only(line.session(end=False) + [NO_ANSWER, NO_ANSWER])
    assert session.remarks == ["CM_SLAC_PARM.REQ during the V2G session"]
    assert session.reached == "PreCharge"


def test_a_second_connection_beside_it_does_not_end_the_session():
    other = line.Talk(9000, port=50001)
    session, verdict = only(line.session(end=False) + other.open() + other.close())
    assert session.reached == "PreCharge" and session.closed_by == ""
    assert verdict == "no more messages seen"


def test_sessions_are_bounded():
    frames = []
    for n in range(MAX_SESSIONS + 6):
        mac = b"\x02\x01\x01" + n.to_bytes(3, "big")
        frames.append(mme.CM_SLAC_PARM_REQ(line.BROADCAST, mac, line.RUN_ID).emit())
    _, sessions, _ = line.heard(frames)
    assert len(sessions.sessions) == MAX_SESSIONS and sessions.not_kept == 6
    assert sessions.latest.number == MAX_SESSIONS + 6
