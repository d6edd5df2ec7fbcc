"""What comes between matching and the first message: SECC discovery, a refused TCP connection, a TLS handshake.

SDP: our server has the recorded charger's address, our client the recorded car's; requests are fed with the checksum that they were
recorded with, and a right one only where the recorded charger's answer proves that the wire carried a right one. The recorded answer
comes after the recorded time since the question, and not before the recorded charger had begun to answer requests without TLS.
"""
from __future__ import annotations

from random import Random

from exi_native.codec import Codec
from kernel.timer import NEVER, S
from tasks.ipv6 import sdp_wire
from tasks.ipv6.config import SdpConfig
from tasks.ipv6.sdp import SdpClient, SdpServer
from tasks.ipv6.wire import TCP, emit_udp, parse_ipv6, pseudo_sum
from tasks.listen.record import Role
from tasks.messages import Datagram, Discovered, DiscoveryFailed
from tasks.tcp import wire as tcp
from tasks.tcp.config import TcpConfig
from tasks.tcp.endpoint import Endpoint
from tasks.v2g.config import EvConfig, EvseConfig
from tasks.v2g.sides import EvseSide, PevSide
from tests.replay.recording import ETHERNET, Item, Recording
from tests.replay.result import Answer, Difference, Result
from tests.replay.stand import MAC, Hang, RecordedId, Stand

PORT = TcpConfig().listen_port
SECURITY = {sdp_wire.SECURITY_TLS: "TLS", sdp_wire.SECURITY_NONE: "none"}
STEPS = 1000
NEW_ATTEMPT = 20 * S         # of silence: 50 requests take 12.5 s


class RecordedPort:
    """Stands for the car's random numbers: the UDP port it asked from."""

    def __init__(self, port: int) -> None:
        self._port = port

    def randrange(self, low: int, high: int) -> int:
        return self._port


def _datagram(item: Item, mend: bool) -> Datagram:
    """The recorded UDP datagram; `mend`: with a right checksum."""
    packet = parse_ipv6(item.octets, ETHERNET)
    payload = packet.payload
    if mend:
        payload = emit_udp(packet.src, packet.dst, payload[0] << 8 | payload[1], payload[2] << 8 | payload[3], payload[8:])
    return Datagram(packet.src, packet.dst, payload, item.octets[6:12])


def attempts(recording: Recording) -> list[list[tuple[Role | None, Item]]]:
    """Runs of requests with their answers; a pause of 20 s begins a new one."""
    out: list[list[tuple[Role | None, Item]]] = []
    for sender, item in recording.sdp:
        if not out or item.at - out[-1][-1][1].at > NEW_ATTEMPT:
            out.append([])
        out[-1].append((sender, item))
    return out


def _text(item: Item | None) -> str:
    if item is None:
        return ""
    return SECURITY.get(item.message.security, f"{item.message.security:02x}")


def sdp_charger(run: list[tuple[Role | None, Item]]) -> Result:
    """Recorded requests to our server."""
    responses = [i for _, i in run if i.name == "SDP response"]
    server = SdpServer(responses[0].message.address if responses else b"\xfe\x80" + bytes(13) + b"\1", PORT, SdpConfig())
    result = Result("SDP", "charger", recorded_end="answered" if responses else "no answer")
    server.start(0)
    begin = run[0][1].at
    items = [i for _, i in run]
    for n, item in enumerate(items):
        if item.name != "SDP request":
            continue
        answered = next((i for i in items[n + 1:n + 2] if i.name == "SDP response"), None)
        server.receive(_datagram(item, answered is not None), item.at - begin)
        result.fed += 1
        ours = [sdp_wire.parse_response(out.payload[8:]) for out in server.outgoing()]
        server.events()
        if not ours and answered is None:
            result.answers.append(Answer(item.at - begin, "SDP request", "ignored", ""))
            continue
        security = SECURITY[ours[0].security] if ours else ""
        answer = Answer(item.at - begin, "SDP response", security, _text(answered), 0 if ours else None, answered.at - item.at if answered else None)
        if security != _text(answered):
            answer.differences.append(Difference("SDP response.security", _text(answered) or "no answer", security or "no answer"))
        if ours and item.message.security == sdp_wire.SECURITY_TLS and answered is not None and security == _text(answered):
            answer.text += " (asked for TLS)"
        result.answers.append(answer)
    result.end = "answered" if server.answered else "no answer"
    return result


def sdp_car(run: list[tuple[Role | None, Item]], connected: int | None) -> Result:
    """Recorded responses to our client. `connected`: the TCP port that the recorded car then used, None when not seen."""
    requests = [i for _, i in run if i.name == "SDP request"]
    responses = [i for _, i in run if i.name == "SDP response"]
    result = Result("SDP", "car", recorded_end="discovered" if responses else "no answer")
    first = parse_ipv6(requests[0].octets, ETHERNET)
    client = SdpClient(first.src, RecordedPort(first.payload[0] << 8 | first.payload[1]))
    client.start(0)
    begin = run[0][1].at
    answer_at = NEVER
    now = sent = 0
    for _ in range(STEPS):
        for out in client.outgoing():
            theirs = requests[sent] if sent < len(requests) else None
            mine = sdp_wire.parse_request(out.payload[8:]).security
            answer = Answer(now, "SDP request", SECURITY[mine], _text(theirs), None, None)
            if theirs is None:
                answer.differences.append(Difference("SDP request.count", str(len(requests)), "more"))
            elif mine != theirs.message.security:
                answer.differences.append(Difference("SDP request.security", _text(theirs), SECURITY[mine]))
            result.answers.append(answer)
            sent += 1
        if responses and answer_at == NEVER:
            asked = [i for i in requests if i.at <= responses[0].at]
            asleep = any(i.message.security == sdp_wire.SECURITY_NONE for i in asked[:-1])       # the like of ours had been left unanswered
            answer_at = max(responses[0].at - begin if asleep else now, now + responses[0].at - asked[-1].at if asked else 0)
        found = [e for e in client.events() if type(e) in (Discovered, DiscoveryFailed)]
        if found:
            _found(result, found[0], responses, connected)
            return result
        at = min(answer_at, client.next_timer())
        if at == NEVER:
            break
        now = max(now, at)
        if at == answer_at:
            source = _datagram(responses[0], True)
            udp = source.payload
            answer_at, responses = (NEVER, responses[1:])
            asked_from = parse_ipv6(requests[0].octets, ETHERNET).payload[:2]
            data = emit_udp(source.src, source.dst, udp[0] << 8 | udp[1], asked_from[0] << 8 | asked_from[1], udp[8:])
            client.receive(Datagram(source.src, source.dst, data, source.src_mac), now)
            result.fed += 1
        else:
            client.handle_timer(now)
    raise Hang("the SDP client neither found nor gave up")


def _found(result: Result, found: Discovered | DiscoveryFailed, responses: list[Item], connected: int | None) -> None:
    if type(found) is DiscoveryFailed:
        result.end = found.reason.text
        if result.recorded_end == "discovered":
            result.remarks.append(Difference("SDP response.use", "taken", "refused"))
        return
    result.end = "discovered"
    if connected is not None and connected != found.port:
        result.remarks.append(Difference("SYN.port", "another than announced", "as announced"))


def tcp_charger(recording: Recording) -> Result:
    """SYNs that were refused: to our endpoint, which listens where our SDP said."""
    result = Result("TCP", "charger", recorded_end="refused")
    first = recording.refused[0]
    packet = parse_ipv6(first.octets, ETHERNET)              # the frame is the refusal: addresses the other way round
    endpoint = Endpoint(packet.src, TcpConfig(), Random(1))
    endpoint.listen(PORT)
    for item in recording.refused:
        segment = item.message
        payload = tcp.emit(segment.src_port, segment.dst_port, segment.seq, segment.ack, segment.flags, segment.window, segment.data,
                           pseudo_sum(packet.dst, packet.src, TCP), segment.mss)
        now = item.at - first.at
        endpoint.receive(Datagram(packet.dst, packet.src, payload, item.octets[0:6]), now)
        result.fed += 1
        out = [tcp.parse(o.payload, pseudo_sum(o.dst, packet.src, TCP)) for o in endpoint.outgoing()]
        endpoint.events()
        said = "RST" if out and out[0].flags & tcp.RST else "SYN, ACK" if out else ""
        answer = Answer(now, said or "SYN", said, "RST", 0 if out else None)
        if said != "RST":
            answer.differences.append(Difference("TCP.answer", "RST", said or "none"))
        result.answers.append(answer)
    result.end = "refused" if not endpoint.session else "connected"
    return result


def tls(recording: Recording, codec: Codec, side: Role) -> Result:
    """The first record of the recorded peer's TLS, to a task of ours that expects V2GTP."""
    ours = "charger" if side is Role.CHARGER else "car"
    result = Result("TLS", ours, recorded_end="TLS handshake")
    if side is Role.CHARGER:
        stand = Stand(lambda s: EvseSide(s, EvseConfig(), RecordedId(b"\1")), codec, Role.CHARGER)
        item = recording.tls[Role.CAR]
    else:
        stand = Stand(lambda s: PevSide(s, EvConfig(), MAC), codec, Role.CAR)
        item = recording.tls[Role.CHARGER]
    stand.connect(0)
    sent = len(stand.sent)
    stand.raw(item.octets)
    result.fed = 1
    stand.until(stand.now + 5 * S)
    result.end = stand.end_text()
    text = stand.sent[-1].item.name if len(stand.sent) > sent else "closes the connection" if stand.closed else "nothing"
    result.answers.append(Answer(0, item.name, text, "TLS handshake", differences=[Difference("TLS.answer", "TLS handshake", text)]))
    return result
