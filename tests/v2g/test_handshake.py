"""supportedAppProtocol in both roles."""
from __future__ import annotations

import pytest

from exi_native.messages.appproto import AppProtocol, responseCode, supportedAppProtocolReq, supportedAppProtocolRes
from kernel.timer import NEVER
from tasks.machine import Checkpoint
from tasks.messages import SessionEnded
from tasks.stop_reasons import StopReason as R
from tasks.v2g import timing as t
from tasks.v2g import protocols
from tasks.v2g.handshake import TEXTS, HandshakeEvse, HandshakePev, State

DIN, ISO2 = protocols.DIN.namespace, protocols.ISO2.namespace
BOTH = (protocols.ISO2, protocols.DIN)
TESLA = "urn:tesla:din:2018"
OK = responseCode.OK_SuccessfulNegotiation
MINOR = responseCode.OK_SuccessfulNegotiationWithMinorDeviation
NO = responseCode.Failed_NoNegotiation


def offer(namespace=DIN, schema=1, priority=1, major=2, minor=0):
    return AppProtocol(ProtocolNamespace=namespace, VersionNumberMajor=major, VersionNumberMinor=minor, SchemaID=schema, Priority=priority)


def ask(*offers, speaks=(protocols.DIN,)):
    machine = HandshakeEvse(speaks)
    machine.start(0)
    machine.receive(supportedAppProtocolReq(AppProtocol=list(offers)), 1)
    return machine, machine.outgoing()[0]


def ends(machine):
    return [e.reason for e in machine.events() if type(e) is SessionEnded]


@pytest.mark.parametrize("offers, code, schema", [
    ((offer(),), OK, 1),
    ((offer(schema=0),), OK, 0),                                                        # iX3
    ((offer(TESLA, 0, 1), offer(DIN, 7, 2)), OK, 7),                                    # Tesla: vendor protocol first
    ((offer(ISO2, 3, 1), offer(DIN, 4, 2), offer("x" * 100, 5, 3)), OK, 4),
    ((offer(schema=9, priority=20), offer(schema=8, priority=3)), OK, 8),               # the car's order counts
    ((offer(minor=1),), MINOR, 1),
])
def test_charger_picks_by_the_cars_priority(offers, code, schema):
    machine, answer = ask(*offers)
    assert answer.ResponseCode is code and answer.SchemaID == schema and machine.chosen is protocols.DIN
    assert machine.state is State.Agreed and machine.next_timer() == NEVER
    assert [e.number for e in machine.events() if type(e) is Checkpoint] == [401, 402]


@pytest.mark.parametrize("offers", [(offer(TESLA),), (offer(major=3),), (offer("\u2603" * 50),)])
def test_charger_refuses_what_it_does_not_speak(offers):
    machine, answer = ask(*offers)
    assert answer.ResponseCode is NO and answer.SchemaID is None and machine.chosen is None
    assert ends(machine) == [R.NO_COMMON_PROTOCOL]


@pytest.mark.parametrize("offers, schema, chosen", [
    ((offer(ISO2, 3, 1), offer(DIN, 4, 2)), 3, protocols.ISO2),
    ((offer(ISO2, 3, 2), offer(DIN, 4, 1)), 4, protocols.DIN),
    ((offer(TESLA, 0, 1), offer(ISO2, 5, 3), offer(DIN, 4, 9)), 5, protocols.ISO2),
    ((offer(ISO2, 3, 1, major=1), offer(DIN, 4, 2)), 4, protocols.DIN),                 # a draft of 2010: another major version
    (tuple(offer(f"urn:{n}", n, n + 1) for n in range(19)) + (offer(ISO2, 19, 20),), 19, protocols.ISO2),
])
def test_a_charger_of_both_protocols_follows_the_car(offers, schema, chosen):
    machine, answer = ask(*offers, speaks=BOTH)
    assert answer.ResponseCode is OK and answer.SchemaID == schema and machine.chosen is chosen


def car(speaks=(protocols.DIN,)):
    machine = HandshakePev(speaks)
    machine.start(0)
    return machine, machine.outgoing()[0]


@pytest.mark.parametrize("code, schema, agreed", [(OK, 1, True), (MINOR, 1, True), (OK, None, True), (OK, 2, False), (NO, None, False)])
def test_car_judges_the_answer(code, schema, agreed):
    machine, request = car()
    assert request.AppProtocol[0].ProtocolNamespace == DIN and request.AppProtocol[0].SchemaID == 1
    machine.receive(supportedAppProtocolRes(ResponseCode=code, SchemaID=schema), 1)
    assert (machine.chosen is protocols.DIN) is agreed
    events = machine.events()
    numbers = [e.number for e in events if type(e) is Checkpoint]
    assert numbers == ([400, 403] if agreed else [400])
    assert [e.reason for e in events if type(e) is SessionEnded] == ([] if agreed else [R.NO_COMMON_PROTOCOL])


@pytest.mark.parametrize("schema, chosen", [(1, protocols.DIN), (2, protocols.ISO2), (None, protocols.ISO2), (0, None), (255, None)])
def test_a_car_of_both_protocols_honours_the_chargers_choice(schema, chosen):
    machine, request = car(BOTH)
    assert [(p.ProtocolNamespace, p.SchemaID, p.Priority) for p in request.AppProtocol] == [(ISO2, 2, 1), (DIN, 1, 2)]
    machine.receive(supportedAppProtocolRes(ResponseCode=OK, SchemaID=schema), 1)
    assert machine.chosen is chosen


@pytest.mark.parametrize("make, limit", [(HandshakePev, t.V2G_EVCC_Msg_Timeout_SupportedAppProtocolReq), (HandshakeEvse, t.V2G_SECC_Sequence_Timeout)])
def test_silence(make, limit):
    machine = make()
    machine.start(5)
    assert machine.next_timer() == 5 + limit
    machine.handle_timer(4 + limit)
    assert ends(machine) == []
    machine.handle_timer(5 + limit)
    assert ends(machine) == [R.TIMEOUT] and machine.state is State.Ended


@pytest.mark.parametrize("make", [HandshakePev, HandshakeEvse])
def test_wrong_message_stop_and_loss(make):
    for act, reason in ((lambda m: m.receive(object(), 1), R.SEQUENCE_ERROR), (lambda m: m.stop(R.USER_STOP, 1), R.USER_STOP),
                        (lambda m: m.lost(R.TCP_RESET, 1), R.TCP_RESET)):
        machine = make()
        machine.start(0)
        act(machine)
        act(machine)
        assert ends(machine) == [reason] and machine.next_timer() == NEVER


def test_every_state_has_a_display_text():
    assert set(TEXTS) == set(State) and all(len(text) <= 20 for text in TEXTS.values())


@pytest.mark.parametrize("order", [["din", "iso2"], ["iso2", "din"], ["iso2"]])
@pytest.mark.parametrize("din, iso2", [(1, 2), (0, 1), (200, 3)])
def test_a_car_offers_its_own_schema_ids_and_knows_them_again(order, din, iso2):
    ids = {"din": din, "iso2": iso2}
    for key in order:
        car = HandshakePev(protocols.chosen(order, **ids))
        car.start(0)
        offered = car.outgoing()[0].AppProtocol
        assert [(o.ProtocolNamespace, o.SchemaID, o.Priority) for o in offered] == [(protocols.PROTOCOLS[k].namespace, ids[k], n) for n, k in enumerate(order, 1)]
        car.receive(supportedAppProtocolRes(ResponseCode=OK, SchemaID=ids[key]), 1)
        assert car.chosen.key == key
