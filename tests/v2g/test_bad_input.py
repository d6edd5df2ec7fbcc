"""What a hostile or broken peer can put on the stream, at whole V2G tasks in both roles and protocols: one end, one reason, counted, all released."""
from __future__ import annotations

import struct

import pytest

from exi_native import codec
from exi_native.messages import din, iso2
from exi_native.messages.appproto import AppProtocol, responseCode, supportedAppProtocolReq, supportedAppProtocolRes
from kernel.timer import S
from tasks.messages import TcpData
from tasks.stop_reasons import StopReason as R
from tasks.v2g import protocols, v2gtp

from tests.v2g.pair import Pair

WIRE = {"din": ("DIN", din), "iso2": ("ISO2", iso2)}
EACH = [(protocol, who) for protocol in WIRE for who in ("car", "charger")]


def message(protocol, body, session):
    """Octets of a message that is right by itself."""
    schema, wire = WIRE[protocol]
    return v2gtp.emit(codec.load().encode(schema, wire.V2G_Message(Header=wire.MessageHeader(SessionID=session), Body=wire.Body(BodyElement=body))))


def charging(protocol):
    settings = {"protocols": [protocol]}
    pair = Pair(ev=settings, evse=settings).connect()
    pair.until(lambda p: p.car.state == "CurrentDemand" == p.charger.state)
    return pair.run(1 * S)


def released(end, now):
    s = end.signals
    return not any(lease.get(now) for lease in (s.pilot_c_request, s.contactor_request, s.lock_request, s.output_request, s.ac_request))


def strike(pair, who, data):
    """Octets out of nowhere, at a moment at which `who` expects something else; what the tables say follows within a second."""
    end = getattr(pair, who)
    end.stream.put(TcpData(data))
    pair.run(1 * S)
    assert end.ended is not None and end.ended[1] is False and released(end, pair.now), (end.state, end.ended)
    return end


def session_of(pair):
    return pair.car.task.side._machine.session_id


@pytest.mark.parametrize("protocol", WIRE)
def test_one_octet_per_segment_is_a_session_like_any_other(protocol):
    settings = {"protocols": [protocol]}
    pair = Pair(split=1, ev=settings, evse=settings).connect()

    def fill(p):
        if p.car.state == "CurrentDemand":
            p.soc = min(100.0, p.soc + 0.05)
    pair.hook = fill
    pair.until(lambda p: p.car.ended and p.charger.ended, limit=200 * S)
    assert pair.car.ended == (R.BATTERY_FULL, True) and pair.car.task.undecodable == pair.charger.task.undecodable == 0


OCTETS = {
    "64 KiB announced": struct.pack(">BBHI", 1, 0xFE, 0x8001, 65536),
    "64 KiB sent": struct.pack(">BBHI", 1, 0xFE, 0x8001, 65536) + bytes(65536),
    "4 GiB announced": struct.pack(">BBHI", 1, 0xFE, 0x8001, 0xFFFFFFFF),
    "nothing announced": struct.pack(">BBHI", 1, 0xFE, 0x8001, 0),
    "version 2": struct.pack(">BBHI", 2, 0xFD, 0x8001, 4) + bytes(4),
    "inverse wrong": struct.pack(">BBHI", 1, 0x01, 0x8001, 4) + bytes(4),
    "payload of SDP": struct.pack(">BBHI", 1, 0xFE, 0x9000, 2) + b"\x10\x00",
    "no EXI": v2gtp.emit(b"\x00\x01\x02\x03"),
    "EXI of ones": v2gtp.emit(b"\x80" + b"\xff" * 200),
    "TLS": bytes.fromhex("160301000b0100000700000000000000"),
    "HTTP": b"GET / HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("name", OCTETS)
@pytest.mark.parametrize("protocol, who", EACH)
def test_octets_that_are_no_message_end_a_charge(protocol, who, name):
    end = strike(charging(protocol), who, OCTETS[name])
    assert end.ended[0] is R.BAD_MESSAGE and end.task.undecodable == 1
    assert end.task._deframer.waiting <= v2gtp.MAX_PAYLOAD_OCTETS_DIN + v2gtp.HEADER_OCTETS


@pytest.mark.parametrize("protocol, who", EACH)
def test_zeros_are_a_message_with_an_abstract_body_which_nobody_asked_for(protocol, who):
    end = strike(charging(protocol), who, v2gtp.emit(b"\x80" + bytes(200)))
    assert end.ended[0] is R.SEQUENCE_ERROR and end.task.undecodable == 0


@pytest.mark.parametrize("protocol, who", EACH)
def test_messages_of_the_other_protocol_end_a_charge(protocol, who):
    pair = charging(protocol)
    other = "iso2" if protocol == "din" else "din"
    wire = WIRE[other][1]
    body = (wire.SessionStopReq(ChargingSession=iso2.chargingSession.Terminate) if other == "iso2" else wire.SessionStopReq()) if who == "charger" else \
        wire.SessionStopRes(ResponseCode=wire.responseCode.OK)
    end = strike(pair, who, message(other, body, session_of(pair)))
    assert end.ended[0] in (R.BAD_MESSAGE, R.SEQUENCE_ERROR, R.UNKNOWN_SESSION)


@pytest.mark.parametrize("protocol, who", EACH)
def test_messages_of_the_other_role_end_a_charge(protocol, who):
    pair = charging(protocol)
    wire = WIRE[protocol][1]
    body = wire.SessionStopRes(ResponseCode=wire.responseCode.OK) if who == "charger" else wire.WeldingDetectionReq(DC_EVStatus=_ready(wire))
    assert strike(pair, who, message(protocol, body, session_of(pair))).ended[0] is R.SEQUENCE_ERROR


def _ready(wire):
    return wire.DC_EVStatus(EVReady=True, EVErrorCode=wire.DC_EVErrorCode.NO_ERROR, EVRESSSOC=50)


@pytest.mark.parametrize("session", [bytes(8), b"\1", b"\xff" * 8])
@pytest.mark.parametrize("protocol", WIRE)
def test_a_wrong_or_zero_session_id_in_the_middle_ends_a_charge(protocol, session):
    wire = WIRE[protocol][1]
    end = strike(charging(protocol), "charger", message(protocol, wire.WeldingDetectionReq(DC_EVStatus=_ready(wire)), session))
    assert end.ended[0] is R.UNKNOWN_SESSION


@pytest.mark.parametrize("protocol, who", EACH)
def test_a_handshake_in_the_middle_ends_a_charge(protocol, who):
    again = supportedAppProtocolReq(AppProtocol=[AppProtocol(ProtocolNamespace="x", VersionNumberMajor=1, VersionNumberMinor=0, SchemaID=1, Priority=1)]) \
        if who == "charger" else supportedAppProtocolRes(ResponseCode=responseCode.OK_SuccessfulNegotiation, SchemaID=1)
    end = strike(charging(protocol), who, v2gtp.emit(codec.load().encode("SAP", again)))
    assert end.ended[0] in (R.BAD_MESSAGE, R.SEQUENCE_ERROR, R.UNKNOWN_SESSION)


# --- the handshake itself

def meet(offers=None, octets=None):
    """Our charger, and a car that says only this."""
    pair = Pair().connect()
    pair.car.stream.clear()
    pair.plant()
    pair.charger.task.run(pair.now)
    data = octets if octets is not None else v2gtp.emit(codec.load().encode("SAP", supportedAppProtocolReq(AppProtocol=offers)))
    pair.charger.stream.put(TcpData(data))
    pair.charger.due = 0
    for _ in range(3):
        pair.charger.task.run(pair.now)
    pair.charger.told += pair.charger.connection.drain(64)
    return pair.charger


def offer(n, namespace="urn:tesla:din:2018:MsgDef"):
    return AppProtocol(ProtocolNamespace=namespace, VersionNumberMajor=2, VersionNumberMinor=0, SchemaID=n, Priority=n)


def test_twenty_protocols_of_which_the_last_is_spoken():
    charger = meet([*(offer(n) for n in range(1, 20)), offer(20, protocols.ISO2.namespace)])
    assert charger.ended is None and charger.state == "SessionSetup"


def test_twenty_protocols_of_which_none_is_spoken():
    assert meet([offer(n) for n in range(1, 21)]).ended == (R.NO_COMMON_PROTOCOL, False)


def test_an_empty_handshake():
    for octets in (b"\x80\x00", b"\x80\x10", b"\x80"):          # nothing offered, or cut off in the first offer
        charger = meet(octets=v2gtp.emit(octets))
        assert charger.ended == (R.BAD_MESSAGE, False) and charger.task.undecodable == 1
