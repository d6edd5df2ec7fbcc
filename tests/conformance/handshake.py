"""supportedAppProtocol in both roles: timeouts, the choice by the car's priority, refusals."""
from __future__ import annotations

from functools import partial
from typing import Callable, Iterator

from exi_native.messages.appproto import AppProtocol, responseCode, supportedAppProtocolReq, supportedAppProtocolRes
from kernel.timer import S
from tasks.messages import SessionEnded
from tasks.stop_reasons import StopReason as R
from tasks.v2g import protocols
from tasks.v2g.handshake import HandshakeEvse, HandshakePev
from tests.conformance import sheet
from tests.conformance.cases import Case, family
from tests.conformance.sheet import SAP

DIN, ISO2 = "urn:din:70121:2012:MsgDef", "urn:iso:15118:2:2013:MsgDef"
BOTH = (protocols.ISO2, protocols.DIN)
MESSAGE = "SupportedAppProtocol"


def offer(namespace: str = DIN, schema: int = 1, priority: int = 1, major: int = 2, minor: int = 0) -> AppProtocol:
    return AppProtocol(ProtocolNamespace=namespace, VersionNumberMajor=major, VersionNumberMinor=minor, SchemaID=schema, Priority=priority)


def ends(machine: HandshakePev | HandshakeEvse) -> list[R]:
    return [e.reason for e in machine.events() if type(e) is SessionEnded]


def car() -> tuple[HandshakePev, supportedAppProtocolReq]:
    machine = HandshakePev(BOTH)
    machine.start(0)
    return machine, machine.outgoing()[0]


def charger(*offers: AppProtocol, speaks: tuple[protocols.Protocol, ...] = BOTH) -> tuple[HandshakeEvse, supportedAppProtocolRes]:
    machine = HandshakeEvse(speaks)
    machine.start(0)
    machine.receive(supportedAppProtocolReq(AppProtocol=list(offers)), 1)
    return machine, machine.outgoing()[0]


def silent_charger() -> None:
    machine, _ = car()
    machine.handle_timer(sheet.HANDSHAKE_TIMEOUT - 1)
    assert not ends(machine)
    machine.handle_timer(sheet.HANDSHAKE_TIMEOUT)
    assert ends(machine) == [R.TIMEOUT]


def what_a_car_offers() -> None:
    _, request = car()
    assert [(p.ProtocolNamespace, p.VersionNumberMajor, p.VersionNumberMinor, p.Priority) for p in request.AppProtocol] == [(ISO2, 2, 0, 1), (DIN, 2, 0, 2)]
    assert len({p.SchemaID for p in request.AppProtocol}) == 2


def car_takes(chosen: int) -> None:
    for code in (responseCode.OK_SuccessfulNegotiation, responseCode.OK_SuccessfulNegotiationWithMinorDeviation):
        machine, request = car()
        machine.receive(supportedAppProtocolRes(ResponseCode=code, SchemaID=request.AppProtocol[chosen].SchemaID), 1)
        assert machine.chosen is BOTH[chosen] and not ends(machine)


def car_refused() -> None:
    machine, _ = car()
    machine.receive(supportedAppProtocolRes(ResponseCode=responseCode.Failed_NoNegotiation), 1)
    assert machine.chosen is None and ends(machine) == [R.NO_COMMON_PROTOCOL]


def car_foreign_schema() -> None:
    machine, request = car()
    foreign = next(n for n in range(256) if n not in [p.SchemaID for p in request.AppProtocol])
    machine.receive(supportedAppProtocolRes(ResponseCode=responseCode.OK_SuccessfulNegotiation, SchemaID=foreign), 1)
    assert machine.chosen is None and ends(machine) == [R.NO_COMMON_PROTOCOL]


def car_wrong_message() -> None:
    machine, request = car()
    machine.receive(request, 1)
    assert machine.chosen is None and ends(machine) == [R.SEQUENCE_ERROR]


def silent_car() -> None:
    machine = HandshakeEvse(BOTH)
    machine.start(0)
    machine.handle_timer(sheet.SEQUENCE - 1)
    assert not ends(machine)
    machine.handle_timer(sheet.SEQUENCE)
    assert ends(machine) == [R.TIMEOUT]


def priority() -> None:
    for offers, namespace, schema in (((offer(ISO2, 3, 1), offer(DIN, 4, 2)), ISO2, 3), ((offer(ISO2, 3, 2), offer(DIN, 4, 1)), DIN, 4),
                                      ((offer("urn:tesla:din:2018", 0, 1), offer(DIN, 7, 20)), DIN, 7)):
        machine, answer = charger(*offers)
        assert machine.chosen.namespace == namespace
        assert (answer.ResponseCode, answer.SchemaID) == (responseCode.OK_SuccessfulNegotiation, schema)


def schema_zero() -> None:
    _, answer = charger(offer(schema=0))
    assert answer.ResponseCode is responseCode.OK_SuccessfulNegotiation and answer.SchemaID == 0


def minor_deviation() -> None:
    for namespace in (DIN, ISO2):
        machine, answer = charger(offer(namespace, minor=1))
        assert answer.ResponseCode is responseCode.OK_SuccessfulNegotiationWithMinorDeviation and machine.chosen.namespace == namespace


def nothing_in_common() -> None:
    for offers in ((offer("urn:tesla:din:2018"),), (offer(major=3),), (offer("x" * 100),)):
        machine, answer = charger(*offers)
        assert answer.ResponseCode is responseCode.Failed_NoNegotiation and answer.SchemaID is None and machine.chosen is None
        assert ends(machine) == [R.NO_COMMON_PROTOCOL]


def charger_of_one() -> None:
    machine, answer = charger(offer(ISO2, 3, 1), offer(DIN, 4, 2), speaks=(protocols.DIN,))
    assert machine.chosen is protocols.DIN and answer.SchemaID == 4


def charger_wrong_message() -> None:
    machine = HandshakeEvse(BOTH)
    machine.start(0)
    machine.receive(supportedAppProtocolRes(ResponseCode=responseCode.OK_SuccessfulNegotiation, SchemaID=1), 1)
    assert machine.chosen is None and ends(machine) == [R.SEQUENCE_ERROR] and machine.outgoing() == []


LIST: list[tuple[str, str, Callable[[], None], str, str]] = [
    ("EVCC", "Timeout", silent_charger, f"A car that waits in vain for supportedAppProtocolRes ends after {sheet.HANDSHAKE_TIMEOUT / S:g} s, and no sooner.",
     sheet.PER_MESSAGE),
    ("EVCC", "Offer", what_a_car_offers, "A car of both protocols offers each by its namespace, version 2.0, its own SchemaID and rising priority.",
     "field-pyplc-clara 1.10"),
    ("EVCC", "Refused", car_refused, "A car that is answered Failed_NoNegotiation ends the session.", "field-pyplc-clara 3.2, state 3"),
    ("EVCC", "SchemaId_Foreign", car_foreign_schema, "A car takes no SchemaID that it has not offered.", "field-pyplc-clara 3.2, state 3"),
    ("EVCC", "WrongMessage", car_wrong_message, "A car that awaits supportedAppProtocolRes takes nothing else.", "safety sheet 3.3, State"),
    ("SECC", "SequenceTimeout", silent_car, f"A charger that awaits supportedAppProtocolReq ends after {sheet.SEQUENCE / S:g} s, and no sooner.", sheet.PHASES),
    ("SECC", "Priority", priority, "A charger chooses the protocol by the car's priority and echoes its SchemaID.", "field-pyplc-clara 4.2, 7.1"),
    ("SECC", "SchemaId_Zero", schema_zero, "A charger echoes the SchemaID 0 of a car.", "field-pyplc-clara 7.1, iX3"),
    ("SECC", "MinorDeviation", minor_deviation, "A charger takes another minor version and says so.", "exi sheet 3, words of responseCode"),
    ("SECC", "NoNegotiation", nothing_in_common, "A charger that speaks nothing of what the car offers says Failed_NoNegotiation and ends.",
     "exi sheet 3, words of responseCode"),
    ("SECC", "OneProtocol", charger_of_one, "A charger of one protocol passes over what it does not speak.", "field-pyplc-clara 7.3, Tesla Model Y"),
    ("SECC", "WrongMessage", charger_wrong_message, "A charger that awaits supportedAppProtocolReq answers nothing else.", "safety sheet 3.3, State"),
]


@family
def handshake() -> Iterator[Case]:
    for role, subject, run, requirement, source in LIST:
        yield Case(role, SAP, MESSAGE, f"{MESSAGE}_{subject}", requirement, source, run)
    for index, name in enumerate((ISO2, DIN)):
        yield Case("EVCC", SAP, MESSAGE, f"{MESSAGE}_Chosen_{'DIN' if index else 'ISO2'}",
                   f"A car goes on with {name} when the charger chooses its SchemaID, with a minor deviation as well.", "field-pyplc-clara 3.2, state 3",
                   partial(car_takes, index))
