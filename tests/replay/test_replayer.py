"""The replayer itself, on sessions of our own pair: replayed whole nothing differs; damaged, it says so. Needs no captures."""
from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from drivers.capture_file import CapturedFrame
from exi_native import codec
from exi_native.messages import appproto, din
from kernel.timer import MS, NEVER, S
from tasks.homeplug import wire as mme
from tasks.listen.record import Role
from tasks.messages import TcpSend
from tasks.v2g.sides import EvseSide
from tests.listen import line
from tests.replay import car, charger, compare, network, report, slac
from tests.replay.plays import Replay, play
from tests.replay.recording import Exchange, Item, Recording, Talk, take
from tests.replay.result import Difference, Result, Verdict
from tests.replay.rules import judge
from tests.replay.stand import Hang, RecordedId, Stand
from tests.v2g.pair import Pair

HEADER = 8                   # octets of V2GTP


class Tap:
    """The outbox of one end, watched."""

    def __init__(self, mailbox, pair, from_car, out):
        self.mailbox, self.pair, self.from_car, self.out = mailbox, pair, from_car, out

    def drain(self, limit):
        items = self.mailbox.drain(limit)
        self.out += [(self.pair.now, self.from_car, item.data) for item in items if type(item) is TcpSend]
        return items


@cache
def the_codec():
    return codec.load()


@cache
def said() -> tuple[tuple[int, bool, bytes], ...]:
    """A complete charge of our own pair: when, by the car, what."""
    out: list = []
    pair = Pair(ev={"max_voltage_v": 410.0, "stop_soc_percent": 80.0})
    pair.car.tcp, pair.charger.tcp = Tap(pair.car.tcp, pair, True, out), Tap(pair.charger.tcp, pair, False, out)
    pair.connect().until(lambda p: p.car.state == "CurrentDemand").run(3 * S)
    pair.soc = 80.0
    pair.until(lambda p: p.car.ended is not None)
    return tuple(out)


def frames(messages, before: tuple[bytes, ...] = ()) -> list[CapturedFrame]:
    """A capture: what comes before, the connection, the messages at their times, the end by the car."""
    talk = line.Talk()
    timed = [(n * MS, frame) for n, frame in enumerate((*before, *talk.open()))]
    begin = timed[-1][0] + MS
    timed += [(begin + at, talk.say(from_car, data)) for at, from_car, data in messages]
    end = timed[-1][0] + S
    timed += [(end + n * MS, frame) for n, frame in enumerate(talk.close())]
    return [CapturedFrame(n + 1, at, frame, 0, 1, 0) for n, (at, frame) in enumerate(timed)]


def recording(messages=None, before: tuple[bytes, ...] = ()) -> Recording:
    return take("synthetic", frames(said() if messages is None else messages, before), the_codec())


def damaged(name: str, change, response: bool = True) -> Recording:
    """The session with the last message of that name replaced by what `change` makes of its body."""
    found = recording()
    talk = found.talks[0]
    exchange = [e for e in talk.exchanges if (e.response if response else e.request).name == name][-1]
    item = exchange.response if response else exchange.request
    message = replace(item.message, Body=replace(item.message.Body, BodyElement=change(item.body)))
    item.message, item.octets = message, the_codec().encode("DIN", message)
    return found


def both(found: Recording) -> tuple[Replay, Replay]:
    return play(found, "charger", the_codec()), play(found, "car", the_codec())


def names(replay: Replay) -> set[str]:
    return {d.field for r in replay.results for d in r.differences()}


# --- whole

def test_our_own_session_replayed_differs_in_nothing():
    for replay in both(recording()):
        assert len(replay.results) == 1 and replay.fed > 20 and replay.unanswered == 0
        assert [str(d) for d in replay.results[0].differences() if d.verdict is not Verdict.EQUAL and "RemainingTime" not in d.field] == []
        assert replay.results[0].end.endswith("(in order)")


def test_every_message_of_the_session_is_played():
    talk = recording().talks[0]
    result = charger.play(talk, the_codec())
    assert result.fed == len(talk.requests()) == len(result.answers) and not result.left_out and not result.again


def test_a_matching_of_our_own_kind():
    found = recording(before=tuple(line.slac()) + (line.sdp_request(), line.sdp_response()))
    ours, theirs = both(found)
    assert [r.part for r in ours.results] == ["SLAC", "SDP", "V2G"] == [r.part for r in theirs.results]
    assert ours.results[0].end == theirs.results[0].end == "matched" and theirs.results[1].end == "discovered"
    assert {d.field for d in ours.results[0].differences()} == {"CM_SLAC_MATCH.CNF.nid", "CM_SLAC_MATCH.CNF.nmk"}


# --- damaged: each must be seen

@pytest.mark.parametrize("name, change, field", [
    ("CableCheckRes", lambda b: replace(b, ResponseCode=din.responseCode.FAILED), "CableCheckRes.ResponseCode"),
    ("PreChargeRes", lambda b: replace(b, DC_EVSEStatus=replace(b.DC_EVSEStatus, EVSEStatusCode=din.DC_EVSEStatusCode.EVSE_Malfunction)),
     "PreChargeRes.DC_EVSEStatus.EVSEStatusCode"),
    ("CurrentDemandRes", lambda b: replace(b, EVSEVoltageLimitAchieved=True), "CurrentDemandRes.EVSEVoltageLimitAchieved"),
    ("SessionStopRes", lambda b: replace(b, ResponseCode=din.responseCode.FAILED), "SessionStopRes.ResponseCode"),
    ("ChargeParameterDiscoveryRes", lambda b: replace(b, SASchedules=din.SASchedules()),
     "ChargeParameterDiscoveryRes.SASchedules.SAScheduleTuple.SAScheduleTupleID"),
])
def test_a_changed_answer_of_the_recorded_charger_is_seen(name, change, field):
    assert field in names(play(damaged(name, change), "charger", the_codec()))


@pytest.mark.parametrize("name, change, field", [
    ("CableCheckReq", lambda b: replace(b, DC_EVStatus=replace(b.DC_EVStatus, EVErrorCode=din.DC_EVErrorCode.FAILED_EVShiftPosition)),
     "CableCheckReq.DC_EVStatus.EVErrorCode"),
    ("ServicePaymentSelectionReq", lambda b: replace(b, SelectedPaymentOption=din.paymentOption.Contract), "ServicePaymentSelectionReq.SelectedPaymentOption"),
])
def test_a_changed_request_of_the_recorded_car_is_seen(name, change, field):
    replay = play(damaged(name, change, response=False), "car", the_codec())
    assert field in names(replay) and any(field in text for text in replay.unexplained())


def test_a_request_that_our_charger_refuses_is_seen():
    changed = damaged("ServicePaymentSelectionReq", lambda b: replace(b, SelectedPaymentOption=din.paymentOption.Contract), response=False)
    replay = play(changed, "charger", the_codec())
    assert {"end", "ServicePaymentSelectionRes.ResponseCode"} <= names(replay) and len(replay.unexplained()) >= 2
    assert replay.left_out > 10


def test_a_failed_answer_ends_our_car_and_is_seen():
    replay = play(damaged("PreChargeRes", lambda b: replace(b, ResponseCode=din.responseCode.FAILED)), "car", the_codec())
    assert "Charger said FAILED" in replay.results[0].end and any("end" in text for text in replay.unexplained())


def test_a_request_left_out_of_the_recording_is_seen():
    kept = [(at, from_car, data) for n, (at, from_car, data) in enumerate(said()) if n not in (4, 5)]       # one exchange less
    ours, theirs = both(recording(kept))
    assert "end" in names(ours) and ours.unexplained()
    assert theirs.unanswered == 1 and theirs.results[0].end.startswith("asks ") and theirs.unexplained()


def test_a_recording_that_breaks_off_is_played_to_its_end():
    for count in range(1, len(said()), 7):
        for replay in both(recording(said()[:count])):
            assert replay.results[0].end


def test_a_silent_recorded_charger_is_answered_better_and_leaves_our_car_to_its_timeout():
    found = recording(said()[:9])                              # the last is a request
    assert found.talks[0].exchanges[-1].response is None
    ours, theirs = both(found)
    assert ours.count(Verdict.BETTER) == 1
    assert theirs.results[0].end == "Timeout (not in order)"


def test_a_late_answer_is_seen():
    found = recording()
    late = found.talks[0].exchanges[5]
    late.response.at += 10 * S
    assert any(field.endswith(".late") for field in names(play(found, "charger", the_codec())))


def test_a_matching_with_a_foreign_run_id_is_seen():
    broken = [mme.parse(frame) for frame in line.slac()]
    broken[1] = replace(broken[1], run_id=b"\7" * 8)
    attempt = [(Role.CHARGER if m.src == line.CHARGER else Role.CAR, Item(n * 20 * MS, type(m).__name__, b"", m)) for n, m in enumerate(broken)]
    ours, theirs = slac.charger(attempt), slac.car(attempt)
    judge(ours, "")
    judge(theirs, "")
    assert any(d.field == "CM_SLAC_PARM.CNF.run_id (echoed)" and d.verdict is Verdict.BETTER for d in ours.differences())
    assert theirs.end == "waits in state Parm" and any(d.field == "end" and d.verdict is Verdict.UNEXPLAINED for d in theirs.differences())


def test_a_server_that_asks_for_tls_is_worse_for_us():
    run = [(Role.CAR, Item(0, "SDP request", line.sdp_request(0), None)), (Role.CHARGER, Item(50 * MS, "SDP response", line.sdp_response(), None))]
    found = take("tls", [CapturedFrame(n, i.at, i.octets, 0, 1, 0) for n, (_, i) in enumerate(run)], the_codec())
    result = network.sdp_car(network.attempts(found)[0], None)
    judge(result, "")
    assert [d.verdict for d in result.differences()] == [Verdict.WORSE]


# --- hangs

class Restless:
    """A task that always wants to run again."""

    def __init__(self, due):
        self.due = due

    def run(self, now):
        return now if self.due is None else self.due


def test_a_machine_that_does_not_come_to_rest_is_a_hang():
    stand = Stand(lambda s: EvseSide(s, charger.charger_settings(Talk()), RecordedId(b"\1")), the_codec(), Role.CHARGER)
    stand.end.task = Restless(None)
    with pytest.raises(Hang, match="still busy"):
        stand.run(0)


def test_a_machine_that_will_never_do_anything_again_is_a_hang():
    played = car._Play(recording().talks[0], the_codec(), "")
    played.stand.end.task = Restless(NEVER)
    with pytest.raises(Hang, match="nothing happens any more"):
        played.run()


# --- the parts

def test_fields_are_compared_as_numbers_whatever_their_power_of_ten_is():
    a = din.PreChargeRes(ResponseCode=din.responseCode.OK, DC_EVSEStatus=line.evse_status(), EVSEPresentVoltage=line.volts(3900, -1))
    b = replace(a, EVSEPresentVoltage=line.volts(390))
    assert compare.exi(a) == compare.exi(b) and compare.differences("x", compare.exi(a), compare.exi(b)) == []
    c = replace(a, EVSEPresentVoltage=line.volts(391))
    assert [str(d) for d in compare.differences("x", compare.exi(a), compare.exi(c))] == ["x.EVSEPresentVoltage: recorded 390 V, ours 391 V"]


def test_a_field_that_only_one_has_is_a_difference():
    assert [d.field for d in compare.differences("x", {"a": "1"}, {"b": "2"})] == ["x.a", "x.b"]


def test_a_difference_without_a_rule_stays_unexplained():
    result = Result("V2G", "charger", recorded_end="normal end: SessionStop exchanged", end="Stopped by car (in order)")
    result.remarks = [Difference("CableCheckRes.ResponseCode", "OK", "FAILED"), Difference("SessionSetupRes.DateTimeNow", "1", "-")]
    judge(result, "")
    assert [d.verdict for d in result.remarks] == [Verdict.UNEXPLAINED, Verdict.OTHER]


def test_the_worst_difference_is_the_verdict_of_an_answer():
    replay = both(recording())[0]
    answer = replay.results[0].answers[0]
    for verdict in (Verdict.OTHER, Verdict.BETTER, Verdict.WORSE, Verdict.UNEXPLAINED):
        answer.differences.append(Difference("x", "a", "b", verdict, "reason"))
        assert answer.verdict is verdict


def test_the_phases_of_a_talk():
    found = car.phases(recording().talks[0])
    assert [p.kind for p in found][-4:] == ["CurrentDemandReq", "PowerDeliveryReq(stop)", "WeldingDetectionReq", "SessionStopReq"]
    loop = found[-4]
    assert loop.at(0) == 0 and loop.at(600 * S) == len(loop.exchanges) - 1 and loop.end > loop.begin


def test_the_document_names_every_replay_and_its_differences():
    text = report.document(list(both(damaged("CableCheckRes", lambda b: replace(b, ResponseCode=din.responseCode.FAILED)))))
    assert "| synthetic | charger |" in text and "| synthetic | car |" in text and "**2 replays**" in text
    assert "**unexplained** 1 × V2G CableCheckRes.ResponseCode" in text


def test_a_chosen_protocol_that_we_do_not_offer_is_a_refusal():
    found = recording()
    talk = found.talks[0]
    handshake = talk.exchanges[0]
    offer = replace(handshake.request.body.AppProtocol[0], ProtocolNamespace="urn:iso:std:iso:15118:-20:DC", SchemaID=9)
    handshake.request.message = appproto.supportedAppProtocolReq(AppProtocol=[offer])
    handshake.response.message = replace(handshake.response.body, SchemaID=9)
    result = car.play(Talk(exchanges=[Exchange(handshake.request, handshake.response)]), the_codec())
    assert result.end == "No protocol (not in order)" and any(d.field.endswith(".chosen") for d in result.differences())
