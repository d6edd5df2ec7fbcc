"""Makes the frames of a car and a charger, so that tests can show them to a listener."""
from __future__ import annotations

from functools import cache

from exi_native.codec import Codec, load
from exi_native.messages import appproto, din
from kernel.timer import MS
from tasks.ethernet.wire import ETHERTYPE_IPV6, emit as ethernet
from tasks.homeplug import wire as mme
from tasks.ipv6 import sdp_wire
from tasks.ipv6.wire import TCP, UDP, emit_ipv6, emit_udp, link_local, pseudo_sum
from tasks.listen.exi import decoder
from tasks.listen.follow import Follow
from tasks.listen.naming import DIN
from tasks.listen.session import Sessions
from tasks.tcp import wire as tcp
from tasks.v2g import v2gtp

CAR = bytes.fromhex("02aa00000001")
CHARGER = bytes.fromhex("02bb00000002")
BROADCAST = b"\xff" * 6
RUN_ID = bytes(range(8))
CAR_PORT, CHARGER_PORT = 50000, 61000


@cache
def codec() -> Codec:
    return load()


def follow() -> Follow:
    return Follow(decoder(codec()))


def mac_of(from_car: bool) -> tuple[bytes, bytes]:
    """(source, destination)."""
    return (CAR, CHARGER) if from_car else (CHARGER, CAR)


def segment(from_car: bool, seq: int, ack: int, flags: int, data: bytes = b"", window: int = 4000, port: int = CAR_PORT) -> bytes:
    src_mac, dst_mac = mac_of(from_car)
    src, dst = link_local(src_mac), link_local(dst_mac)
    ports = (port, CHARGER_PORT) if from_car else (CHARGER_PORT, port)
    payload = tcp.emit(*ports, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, flags, window, data, pseudo_sum(src, dst, TCP))
    return ethernet(dst_mac, src_mac, ETHERTYPE_IPV6, emit_ipv6(src, dst, TCP, 64, payload))


def datagram(from_car: bool, src_port: int, dst_port: int, data: bytes) -> bytes:
    src_mac, dst_mac = mac_of(from_car)
    src, dst = link_local(src_mac), link_local(dst_mac)
    return ethernet(dst_mac, src_mac, ETHERTYPE_IPV6, emit_ipv6(src, dst, UDP, 64, emit_udp(src, dst, src_port, dst_port, data)))


def sdp_request(security: int = sdp_wire.SECURITY_NONE) -> bytes:
    return datagram(True, 51000, sdp_wire.SDP_PORT, sdp_wire.emit_request(sdp_wire.SdpRequest(security)))


def sdp_response() -> bytes:
    response = sdp_wire.SdpResponse(link_local(CHARGER), CHARGER_PORT, sdp_wire.SECURITY_NONE)
    return datagram(False, sdp_wire.SDP_PORT, 51000, sdp_wire.emit_response(response))


def slac() -> list[bytes]:
    """A complete matching."""
    return [
        mme.CM_SLAC_PARM_REQ(BROADCAST, CAR, RUN_ID).emit(),
        mme.CM_SLAC_PARM_CNF(CAR, CHARGER, RUN_ID, CAR).emit(),
        mme.CM_START_ATTEN_CHAR_IND(BROADCAST, CAR, RUN_ID, CAR).emit(),
        *(mme.CM_MNBC_SOUND_IND(BROADCAST, CAR, RUN_ID, n, bytes(16)).emit() for n in range(9, -1, -1)),
        mme.CM_ATTEN_CHAR_IND(CAR, CHARGER, RUN_ID, CAR, 10, bytes([12] * 58)).emit(),
        mme.CM_ATTEN_CHAR_RSP(CHARGER, CAR, RUN_ID, CAR).emit(),
        mme.CM_SLAC_MATCH_REQ(CHARGER, CAR, RUN_ID, CAR, CHARGER).emit(),
        mme.CM_SLAC_MATCH_CNF(CAR, CHARGER, RUN_ID, CAR, CHARGER, bytes(range(7)), bytes(range(16))).emit(),
    ]


def exi(schema: str, message: object) -> bytes:
    return v2gtp.emit(codec().encode(schema, message))


def app_request(*namespaces: str) -> bytes:
    return exi("SAP", appproto.supportedAppProtocolReq(AppProtocol=[
        appproto.AppProtocol(ProtocolNamespace=n, VersionNumberMajor=2, VersionNumberMinor=0, SchemaID=i + 7, Priority=i + 1)
        for i, n in enumerate(namespaces or (DIN,))]))


def app_response(schema_id: int | None = 7, code: appproto.responseCode = appproto.responseCode.OK_SuccessfulNegotiation) -> bytes:
    return exi("SAP", appproto.supportedAppProtocolRes(ResponseCode=code, SchemaID=schema_id))


def din_message(element: object) -> bytes:
    return exi("DIN", din.V2G_Message(Header=din.MessageHeader(SessionID=bytes(range(1, 9))), Body=din.Body(BodyElement=element)))


def ev_status(soc: int = 42, error: din.DC_EVErrorCode = din.DC_EVErrorCode.NO_ERROR) -> din.DC_EVStatus:
    return din.DC_EVStatus(EVReady=True, EVErrorCode=error, EVRESSSOC=soc)


def evse_status(code: din.DC_EVSEStatusCode = din.DC_EVSEStatusCode.EVSE_Ready) -> din.DC_EVSEStatus:
    return din.DC_EVSEStatus(EVSEStatusCode=code, NotificationMaxDelay=0, EVSENotification=din.EVSENotification.None_)


def volts(value: int, multiplier: int = 0) -> din.PhysicalValue:
    return din.PhysicalValue(Multiplier=multiplier, Unit=din.unitSymbol.V, Value=value)


def pre_charge_req() -> bytes:
    return din_message(din.PreChargeReq(DC_EVStatus=ev_status(), EVTargetVoltage=volts(3907, -1), EVTargetCurrent=din.PhysicalValue(
        Multiplier=0, Unit=din.unitSymbol.A, Value=2)))


def pre_charge_res(code: din.responseCode = din.responseCode.OK,
                   status: din.DC_EVSEStatusCode = din.DC_EVSEStatusCode.EVSE_Ready) -> bytes:
    return din_message(din.PreChargeRes(ResponseCode=code, DC_EVSEStatus=evse_status(status), EVSEPresentVoltage=volts(3899, -1)))


def cable_check_req(error: din.DC_EVErrorCode = din.DC_EVErrorCode.NO_ERROR) -> bytes:
    return din_message(din.CableCheckReq(DC_EVStatus=ev_status(error=error)))


def cable_check_res(processing: din.EVSEProcessing = din.EVSEProcessing.Ongoing) -> bytes:
    return din_message(din.CableCheckRes(ResponseCode=din.responseCode.OK, DC_EVSEStatus=evse_status(), EVSEProcessing=processing))


def stop_req() -> bytes:
    return din_message(din.SessionStop())


def stop_res() -> bytes:
    return din_message(din.SessionStopRes(ResponseCode=din.responseCode.OK))


class Talk:
    """A TCP connection: `say` gives the frame of the next segment and keeps the numbers."""

    def __init__(self, start: int = 1000, port: int = CAR_PORT) -> None:
        self.seq = {True: start, False: start + 5000}
        self.port = port

    def open(self) -> list[bytes]:
        a, b = self.seq[True], self.seq[False]
        self.seq = {True: a + 1, False: b + 1}
        return [segment(True, a, 0, tcp.SYN, port=self.port), segment(False, b, a + 1, tcp.SYN | tcp.ACK, port=self.port),
                segment(True, a + 1, b + 1, tcp.ACK, port=self.port)]

    def say(self, from_car: bool, data: bytes, flags: int = tcp.ACK | tcp.PSH) -> bytes:
        frame = segment(from_car, self.seq[from_car], self.seq[not from_car], flags, data, port=self.port)
        self.seq[from_car] += len(data) + (flags & tcp.FIN)
        return frame

    def close(self) -> list[bytes]:
        return [self.say(True, b"", tcp.FIN | tcp.ACK), self.say(False, b"", tcp.FIN | tcp.ACK), self.say(True, b"", tcp.ACK)]


def session(end: bool = True) -> list[bytes]:
    """Matching, SDP, handshake, a few messages, and the end in order."""
    talk = Talk()
    messages = [(True, app_request()), (False, app_response()), (True, cable_check_req()), (False, cable_check_res()),
                (True, cable_check_req()), (False, cable_check_res(din.EVSEProcessing.Finished)), (True, pre_charge_req()),
                (False, pre_charge_res())]
    if end:
        messages += [(True, stop_req()), (False, stop_res())]
    frames = [*slac(), sdp_request(), sdp_response(), *talk.open(), *(talk.say(side, data) for side, data in messages)]
    return frames + talk.close() if end else frames


def heard(frames: list[bytes], interval: int = 10 * MS) -> tuple[Follow, Sessions, list]:
    """Everything shown to a listener, one frame every `interval` ns; (machine, sessions, records)."""
    machine, sessions, records = follow(), Sessions(), []
    for number, frame in enumerate(frames):
        machine.receive(frame, number * interval)
        for record in machine.events():
            sessions.receive(record, number * interval)
            records.append(record)
    assert sum(machine.tally.kinds.values()) == machine.tally.frames == len(frames)
    return machine, sessions, records
