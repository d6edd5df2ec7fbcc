"""S01 to S08 of the fact sheet: SECC discovery, both sides."""
from __future__ import annotations

import random

import pytest

from kernel.timer import MS, NEVER, S
from tasks.ipv6 import sdp_wire, wire
from tasks.ipv6.config import SdpConfig
from tasks.ipv6.sdp import ANSWERS_PER_SECOND, UNTOLD, SdpClient, SdpServer
from tasks.ipv6.sdp_wire import SdpRequest, SdpResponse
from tasks.ipv6.strangers import StrangerSeen, Trick
from tasks.ipv6.timing import SDP_PREFER, SDP_STRANGER_WAIT
from tasks.machine import Checkpoint, Note
from tasks.messages import AcceptStation, Datagram, Discovered, DiscoveryFailed
from tasks.stop_reasons import StopReason

from ipv6.lab import OUR_MAC, OURS, REAL_REQUEST, REAL_RESPONSE, THEIR_MAC, THEIRS

OTHER_MAC = bytes.fromhex("020000000099")
RANDOM_IID = bytes.fromhex("fe800000000000001122334455667788")


class FixedPort:
    """The source port of the golden session."""

    def randrange(self, low: int, high: int) -> int:
        assert low <= 54125 < high
        return 54125


def client() -> SdpClient:
    c = SdpClient(OURS, FixedPort())
    c.start(0)
    return c


def server(**config: str) -> SdpServer:
    s = SdpServer(THEIRS, 51110, SdpConfig(**config))
    s.start(0)
    return s


def response(data: bytes | None = None, *, port: int = 51110, address: bytes = THEIRS, security: int = 0x10, transport: int = 0,
             src: bytes = THEIRS, src_port: int = 15118, dst_port: int = 54125) -> Datagram:
    if data is None:
        data = sdp_wire.emit_response(SdpResponse(address, port, security, transport))
    return Datagram(src, OURS, wire.emit_udp(src, OURS, src_port, dst_port, data), THEIR_MAC)


def request(data: bytes | None = None, *, security: int = 0x10, transport: int = 0, src_port: int = 54125,
            dst_port: int = 15118) -> Datagram:
    if data is None:
        data = sdp_wire.emit_request(SdpRequest(security, transport))
    return Datagram(OURS, wire.ALL_NODES, wire.emit_udp(OURS, wire.ALL_NODES, src_port, dst_port, data), OUR_MAC)


def of(events: list, *kinds: type) -> list:
    return [e for e in events if isinstance(e, kinds)]


def test_s01_fifty_requests_every_250_ms_then_failure() -> None:
    c = client()
    times = []
    now = 0
    while c.next_timer() != NEVER:
        times += [now for _ in c.outgoing()]
        now = c.next_timer()
        c.handle_timer(now)
    assert times == [i * 250 * MS for i in range(50)]
    assert now == 12_500 * MS
    assert of(c.events(), DiscoveryFailed) == [DiscoveryFailed(StopReason.SDP_FAILED)] and not c.active


def test_the_first_request_is_the_real_one_with_its_checksum() -> None:
    (sent,) = client().outgoing()
    assert sent.payload == REAL_REQUEST[54:] and sent.dst == wire.ALL_NODES and sent.dst_mac is None


def test_the_first_request_has_the_checksum_of_the_address_that_is_in_use() -> None:
    c = SdpClient(OURS, FixedPort())
    c.address = RANDOM_IID
    c.start(0)
    (sent,) = c.outgoing()
    assert wire.parse_udp(sent.payload, RANDOM_IID, wire.ALL_NODES).dst_port == 15118


def test_real_response() -> None:
    c = client()
    packet = wire.parse_ipv6(REAL_RESPONSE, 14)
    c.receive(Datagram(packet.src, packet.dst, packet.payload, THEIR_MAC), 1)
    events = c.events()
    assert of(events, Discovered) == [Discovered(THEIRS, 51110, THEIR_MAC)]
    assert [e.number for e in of(events, Checkpoint)] == [200, 203]
    assert c.next_timer() == NEVER
    c.receive(response(port=1), 2)                                  # the first valid answer counts
    assert of(c.events(), Discovered) == []


@pytest.mark.parametrize("data", [
    "02fe900100000014", "01ff900100000014", "01fe900000000014", "01fe900100000013", "01fe900100000015", "01fe9003000000 14"])
def test_s02_malformed_header_of_a_response(data: str) -> None:
    c = client()
    c.receive(response(bytes.fromhex(data) + THEIRS + bytes.fromhex("c7a61000")), 0)
    assert c.malformed == 1 and of(c.events(), Discovered) == [] and c.active


@pytest.mark.parametrize("change", [-1, 1])
def test_s02_response_of_a_wrong_size(change: int) -> None:
    c = client()
    octets = sdp_wire.emit_response(SdpResponse(THEIRS, 51110, 0x10)) + b"\0"
    c.receive(response(octets[:28 + change]), 0)
    assert c.malformed == 1


@pytest.mark.parametrize("data", [
    "02fe900000000002 1000", "01ff900000000002 1000", "01fe900100000002 1000", "01fe900000000001 10", "01fe900000000003 100000",
    "01fe900000000002 100000", "01fe9000fffffffa 1000", "01fe9000", ""])
def test_s02_malformed_request(data: str) -> None:
    s = server()
    s.receive(request(bytes.fromhex(data)), 0)
    assert s.malformed == 1 and s.outgoing() == [] and s.events() == []


def test_s02_wrong_udp_checksum_like_pyplcs_first_request() -> None:
    s = server()
    good = request()
    s.receive(Datagram(RANDOM_IID, good.dst, good.payload, OUR_MAC), 0)
    assert s.malformed == 1 and s.outgoing() == []


def test_s03_request_for_tls_is_answered_without_tls() -> None:
    s = server()
    s.receive(request(security=0x00), 0)
    (sent,) = s.outgoing()
    assert sdp_wire.parse_response(wire.parse_udp(sent.payload, THEIRS, OURS).data).security == 0x10
    assert len(of(s.events(), Note)) == 1


def test_s03_request_for_tls_may_be_ignored() -> None:
    s = server(tls_request="ignore")
    s.receive(request(security=0x00), 0)
    assert s.outgoing() == [] and s.refused == 1
    s.receive(request(security=0x55), 0)
    s.receive(request(transport=0x10), 0)
    assert s.outgoing() == [] and s.refused == 3


def test_s04_real_request_gets_the_real_answer_each_time() -> None:
    s = server()
    packet = wire.parse_ipv6(REAL_REQUEST, 14)
    for i in range(3):
        s.receive(Datagram(packet.src, packet.dst, packet.payload, OUR_MAC), i * 250 * MS)
        (sent,) = s.outgoing()
        assert sent.payload == REAL_RESPONSE[54:] and sent.dst == OURS and sent.dst_mac == OUR_MAC
    assert [e.number for e in of(s.events(), Checkpoint)] == [201, 202]


def test_server_answers_only_while_the_link_is_up() -> None:
    s = SdpServer(THEIRS, 51110, SdpConfig())
    s.receive(request(), 0)
    assert s.outgoing() == []
    s.start(0)
    s.receive(request(dst_port=15119), 0)
    assert s.outgoing() == []
    s.receive(request(), 0)
    assert len(s.outgoing()) == 1
    s.stop()
    s.receive(request(), 0)
    assert s.outgoing() == [] and s.foreign == 3 and s.next_timer() == NEVER


@pytest.mark.parametrize("wrong", [{"transport": 0x10}, {"security": 0x00}, {"port": 0}, {"address": bytes(16)},
                                   {"address": bytes.fromhex("ff02000000000000000000000000ffff")}])
def test_s05_response_that_cannot_be_used(wrong: dict) -> None:
    c = client()
    c.receive(response(**wrong), 0)
    assert c.refused == 1 and of(c.events(), Discovered) == []
    c.receive(response(), 1 * S)
    assert len(of(c.events(), Discovered)) == 1


def test_s06_random_interface_identifier() -> None:
    c = client()
    c.receive(response(address=RANDOM_IID, src=RANDOM_IID), 0)
    assert of(c.events(), Discovered) == [Discovered(RANDOM_IID, 51110, THEIR_MAC)]


def test_s06_address_of_another_host_is_resolved_and_told() -> None:
    c = client()
    c.receive(response(address=RANDOM_IID), 0)
    events = c.events()
    assert of(events, Discovered) == [Discovered(RANDOM_IID, 51110, None)] and len(of(events, Note)) == 1


@pytest.mark.parametrize("port", [15118, 30000, 49152, 65535, 1])
def test_s07_every_port_is_accepted(port: int) -> None:
    c = client()
    c.receive(response(port=port), 0)
    assert of(c.events(), Discovered)[0].port == port


@pytest.mark.parametrize("wrong", [{"src_port": 15119}, {"dst_port": 54126}])
def test_datagrams_for_others(wrong: dict) -> None:
    c = client()
    c.receive(response(**wrong), 0)
    assert c.foreign == 1 and c.active


def test_s08_a_car_that_falls_back_after_fifty_requests_for_tls() -> None:
    s = server(tls_request="ignore")
    for i in range(50):
        s.receive(request(security=0x00), i * 250 * MS)
    assert s.outgoing() == []
    s.receive(request(security=0x10, src_port=54126), 13_030 * MS)  # Audi Q4: one request without TLS from a new port
    (sent,) = s.outgoing()
    assert wire.parse_udp(sent.payload, THEIRS, OURS).dst_port == 54126


def test_s08_a_car_that_asks_for_tls_and_takes_no_tls_at_once() -> None:
    s, c = server(), client()
    c.outgoing()
    s.receive(request(security=0x00), 0)                            # Tesla Model X
    (sent,) = s.outgoing()
    c.receive(Datagram(THEIRS, OURS, sent.payload, THEIR_MAC), 0)
    assert of(c.events(), Discovered) == [Discovered(THEIRS, 51110, THEIR_MAC)]


def test_source_ports_are_private_ones() -> None:
    rng = random.Random(5)
    for _ in range(50):
        c = SdpClient(OURS, rng)
        c.start(0)
        (sent,) = c.outgoing()
        assert wire.parse_udp(sent.payload, OURS, wire.ALL_NODES).src_port >= 49152


def test_s04_a_flood_of_requests_is_answered_in_part() -> None:
    s = server()
    for i in range(2 * ANSWERS_PER_SECOND):
        s.receive(request(), i)
    assert len(s.outgoing()) == ANSWERS_PER_SECOND == s.answered
    s.receive(request(), 2 * S)
    assert len(s.outgoing()) == 1


def test_s08_our_car_goes_on_asking_past_an_answer_with_tls() -> None:
    """The car's side of both forms: it asks without TLS at once, an answer with TLS is none, the next one without is taken."""
    c = client()
    for sent in (c.outgoing(), c.outgoing()):
        for item in sent:
            assert sdp_wire.parse_request(wire.parse_udp(item.payload, OURS, wire.ALL_NODES).data).security == 0x10
    c.receive(response(security=0x00), 1)
    assert of(c.events(), Discovered) == [] and c.next_timer() == 250 * MS
    c.handle_timer(250 * MS)
    assert len(c.outgoing()) == 1
    c.receive(response(), 251 * MS)
    assert of(c.events(), Discovered) == [Discovered(THEIRS, 51110, THEIR_MAC)]


# --- who answers, and who asks ------------------------------------------------------------------------------------

def matched_client() -> SdpClient:
    c = SdpClient(OURS, FixedPort())
    c.start(0, THEIR_MAC)
    return c


def rival(mac: bytes = OTHER_MAC, **more) -> Datagram:
    r = response(**more)
    return Datagram(r.src, r.dst, r.payload, mac)


def test_s06_the_matched_charger_is_preferred() -> None:
    c = matched_client()
    c.receive(rival(address=RANDOM_IID, src=RANDOM_IID, port=30000), 100 * MS)
    assert of(c.events(), Discovered) == [] and c.active
    c.receive(response(), SDP_PREFER)
    events = c.events()
    assert of(events, Discovered) == [Discovered(THEIRS, 51110, THEIR_MAC)] and of(events, AcceptStation) == []
    assert c.next_timer() == NEVER
    for _ in range(100):                                            # and it does not give up
        c.receive(rival(port=30000), 3 * S)
    assert of(c.events(), StrangerSeen) == [StrangerSeen(Trick.SECOND_SDP, OTHER_MAC, 100)]
    c.receive(response(), 3 * S)                                    # the late answer to a repeated request: the same, nothing to tell
    assert c.events() == []


@pytest.mark.parametrize("address, accepted", [(RANDOM_IID, OTHER_MAC), (THEIRS, None)])
def test_s06_without_its_answer_another_one_is_taken(address: bytes, accepted: bytes | None) -> None:
    """After SDP_PREFER, with a warning; the first of several rivals."""
    c = matched_client()
    c.receive(rival(address=address, src=RANDOM_IID, port=30000), 100 * MS)
    c.receive(rival(port=30001), 200 * MS)
    assert of(c.events(), StrangerSeen) == [StrangerSeen(Trick.RIVAL_SDP, OTHER_MAC, 2)]
    while c.active:
        now = c.next_timer()
        c.handle_timer(now)
    assert now == 100 * MS + SDP_PREFER and c.requests == 9         # it went on asking meanwhile
    events = c.events()
    assert of(events, Discovered) == [Discovered(address, 30000, accepted)] and of(events, AcceptStation) == [AcceptStation(accepted)]
    assert any("does not answer SDP" in e.text for e in of(events, Note))


def test_a_rival_at_the_last_moment_is_better_than_nothing() -> None:
    c = matched_client()
    while c.requests < 50:
        c.handle_timer(c.next_timer())
    c.receive(rival(), 12_300 * MS)
    c.handle_timer(12_500 * MS)
    assert len(of(c.events(), Discovered)) == 1 and c.next_timer() == NEVER


def asked_by(mac: bytes, now: int, s: SdpServer) -> int:
    """Number of answers."""
    r = request()
    s.receive(Datagram(r.src, r.dst, r.payload, mac), now)
    return len(s.outgoing())


def test_the_matched_car_is_answered_and_nobody_else() -> None:
    s = SdpServer(THEIRS, 51110, SdpConfig())
    s.start(0, OUR_MAC)
    assert asked_by(OTHER_MAC, 1, s) == 0 and asked_by(OUR_MAC, 2, s) == 1 and asked_by(OTHER_MAC, 60 * S, s) == 0
    assert s.strangers == 2 and [e.trick for e in of(s.events(), StrangerSeen)] == [Trick.UNMATCHED_SDP]


def test_a_car_whose_matching_speaks_from_another_mac_is_answered_late_and_then_alone() -> None:
    s = SdpServer(THEIRS, 51110, SdpConfig())
    s.start(1 * S, b"\2\0\0\0\0\7")
    answered = [i * 250 * MS for i in range(1, 50) if asked_by(OTHER_MAC, i * 250 * MS, s)]
    assert answered[0] == 1 * S + SDP_STRANGER_WAIT
    assert of(s.events(), AcceptStation) == [AcceptStation(OTHER_MAC)]
    assert asked_by(b"\2\0\0\0\0\7", 20 * S, s) == 0 and asked_by(OTHER_MAC, 20 * S, s) == 1


def test_an_assumed_link_serves_anybody() -> None:
    s = server()
    assert asked_by(OTHER_MAC, 1, s) == 1 and asked_by(OUR_MAC, 2, s) == 1 and of(s.events(), StrangerSeen) == []


def test_strangers_between_two_looks_are_few_events() -> None:
    s = SdpServer(THEIRS, 51110, SdpConfig())
    s.start(0, OUR_MAC)
    for i in range(1000):
        asked_by(i.to_bytes(6, "big"), i, s)
    seen = of(s.events(), StrangerSeen)
    assert len(seen) == UNTOLD and sum(e.count for e in seen) == 1000
