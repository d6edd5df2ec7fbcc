"""A third station that has joined the network and knows addresses, ports and numbers: it speaks for nobody."""
from __future__ import annotations

import random

from tasks.ipv6.neighbor import Neighbor
from tasks.ipv6.wire import TCP, pseudo_sum
from tasks.messages import Datagram, TcpClosed, TcpConnected, TcpData
from tasks.tcp import wire
from tasks.tcp.config import TcpConfig
from tasks.tcp.endpoint import Endpoint
from tasks.tcp.wire import ACK, FIN, PSH, RST, SYN

OWN = bytes.fromhex("fe80000000000000020000fffe000001")
PEER = bytes.fromhex("fe80000000000000020000fffe000002")
PEER_MAC, STRANGER_MAC = bytes.fromhex("020000000002"), bytes.fromhex("020000000099")
PSEUDO = pseudo_sum(PEER, OWN, TCP)


def segment(seq: int, ack: int, flags: int, data: bytes = b"", mac: bytes = PEER_MAC) -> Datagram:
    return Datagram(PEER, OWN, wire.emit(50000, 15118, seq, ack, flags, 8192, data, PSEUDO), mac)


def opened() -> tuple[Endpoint, int]:
    """A server with a session, and our next sequence number."""
    endpoint = Endpoint(OWN, TcpConfig(), random.Random(1))
    endpoint.listen(15118)
    endpoint.receive(segment(100, 0, SYN), 0)
    ours = wire.parse(endpoint.outgoing()[0].payload, pseudo_sum(OWN, PEER, TCP)).seq + 1
    endpoint.receive(segment(101, ours, ACK), 1)
    assert any(type(e) is TcpConnected for e in endpoint.events())
    endpoint.outgoing()
    return endpoint, ours


def test_right_numbers_from_another_mac_change_nothing():
    endpoint, ours = opened()
    for flags, data in ((RST | ACK, b""), (FIN | ACK, b""), (PSH | ACK, b"a message of its own"), (SYN, b"")):
        endpoint.receive(segment(101, ours, flags, data, STRANGER_MAC), 2)
    assert endpoint.events() == [] and endpoint.outgoing() == [] and endpoint.foreign == 4
    endpoint.receive(segment(101, ours, PSH | ACK, b"hello"), 3)
    assert [e.data for e in endpoint.events() if type(e) is TcpData] == [b"hello"]
    endpoint.receive(segment(106, ours, RST | ACK), 4)
    assert [type(e) for e in endpoint.events()] == [TcpClosed]


def test_an_answer_goes_where_the_question_came_from():
    neighbor = Neighbor(bytes.fromhex("020000000001"), random.Random(1))
    neighbor.send(PEER, TCP, b"first", PEER_MAC, 0)
    entry = neighbor.entries[PEER]
    entry.mac = STRANGER_MAC                     # as an overriding advertisement leaves it
    neighbor.outgoing()
    neighbor.send(PEER, TCP, b"second", PEER_MAC, 1)
    assert [o.dst_mac for o in neighbor.outgoing()] == [PEER_MAC]
