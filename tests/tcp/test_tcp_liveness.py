"""T55 to T58 and T61 of the fact sheet, section 6.4: silence, keep-alive, unknown neighbours, both ends our own."""
from __future__ import annotations

import random

from kernel.timer import MS, S
from tasks.messages import Datagram, TcpData, Unreachable
from tasks.stop_reasons import StopReason
from tasks.tcp.config import TcpConfig
from tasks.tcp.states import State
from tasks.tcp.endpoint import Endpoint

from tests.tcp.peer import IRS, ISS, LISTEN_PORT, MAC, OTHERS, OURS, Peer, THEIRS, text_of


def test_t55_user_timeout() -> None:
    p = Peer(user_timeout_ms=6000).as_client()
    p.send(b"anybody?")
    out = p.advance(30 * S)
    assert [t for t, _ in out] == [1 * S, 3 * S, 6 * S]
    assert text_of(out[-1][1].flags) == "RA"
    assert p.closed() == [StopReason.TCP_TIMEOUT]


def test_t55_progress_restarts_the_user_timeout() -> None:
    p = Peer(user_timeout_ms=6000).as_client()
    for _ in range(5):
        p.send(b"still")
        p.advance(p.now + 5 * S)
        p.inject("A")
    assert p.state is State.ESTABLISHED


def test_t55_too_many_repetitions() -> None:
    p = Peer(user_timeout_ms=120_000).as_client()
    p.send(b"x")
    p.advance(110 * S)
    assert p.closed() == [StopReason.TCP_TIMEOUT]
    assert p.now > 10 * S


def test_t56_keep_alive_is_answered() -> None:
    p = Peer().as_server()
    p.inject("PA", b"x")
    p.data()
    p.advance(1 * S)
    for data in (b"", b"\0"):
        (ack,) = p.inject("A", data, seq=p.seq - 1)
        assert (text_of(ack.flags), ack.seq, ack.ack) == ("A", ISS + 1, IRS + 2)
    assert p.data() == b""


def test_t58_nobody_there() -> None:
    p = Peer()
    p.connecting()
    p.tcp.unreachable(Unreachable(OTHERS), p.now)
    assert p.state is State.SYN_SENT
    p.tcp.unreachable(Unreachable(THEIRS), p.now)
    assert p.sent() == [] and p.closed() == [StopReason.TCP_TIMEOUT]


def test_quiet_connection_has_no_timer() -> None:
    p = Peer().as_server()
    p.inject("PA", b"x")
    p.send(b"y")
    p.inject("A")
    assert p.advance(3600 * S) == [] and p.state is State.ESTABLISHED


class Pair:
    """Our client and our server on a perfect wire."""

    def __init__(self) -> None:
        self.now = 0
        self.car = Endpoint(OURS, TcpConfig(), random.Random(1))
        self.charger = Endpoint(THEIRS, TcpConfig(), random.Random(2))
        self.segments = 0

    def pump(self) -> None:
        for _ in range(100):
            out = [(OURS, THEIRS, self.charger, i) for i in self.car.outgoing()]
            out += [(THEIRS, OURS, self.car, i) for i in self.charger.outgoing()]
            if not out:
                return
            self.segments += len(out)
            for src, dst, reader, item in out:
                reader.receive(Datagram(src, dst, item.payload, MAC), self.now)
        raise AssertionError("two stacks that do not come to rest")

    def after(self, delay: int) -> None:
        self.now += delay
        self.car.handle_timer(self.now)
        self.charger.handle_timer(self.now)
        self.pump()


def data_of(endpoint: Endpoint) -> list[bytes]:
    return [e.data for e in endpoint.events() if isinstance(e, TcpData)]


def test_t61_self_talk() -> None:
    pair = Pair()
    pair.charger.listen(LISTEN_PORT)
    pair.car.connect(THEIRS, LISTEN_PORT, MAC, 20 * S, 0)
    pair.pump()
    assert pair.segments == 3
    pair.car.events(), pair.charger.events()
    for i in range(500):
        request, response = bytes([i & 255]) * (10 + i % 70), bytes([~i & 255]) * (10 + i % 90)
        pair.car.send(request, pair.now)
        pair.pump()
        assert data_of(pair.charger) == [request]
        pair.after(5 * MS)
        pair.charger.send(response, pair.now)
        pair.pump()
        assert data_of(pair.car) == [response]
        pair.after(10 * MS)
    assert pair.segments == 3 + 2 * 500                             # every ACK travelled with an answer
    pair.car.close(pair.now)
    pair.pump()
    pair.charger.close(pair.now)
    pair.pump()
    assert pair.charger.session is None and pair.car.session is None
    pair.after(11 * S)
    assert not pair.car.leaving and pair.car.next_timer() == pair.charger.next_timer()


def test_t61_next_session_on_the_same_listener() -> None:
    pair = Pair()
    pair.charger.listen(LISTEN_PORT)
    for _ in range(10):
        pair.car.connect(THEIRS, LISTEN_PORT, MAC, 20 * S, pair.now)
        pair.pump()
        pair.car.send(b"hello", pair.now)
        pair.pump()
        assert data_of(pair.charger) == [b"hello"]
        pair.car.close(pair.now)
        pair.pump()
        pair.after(1 * MS)
    assert len(pair.car.leaving) <= 4 and len(pair.charger.leaving) <= 4
