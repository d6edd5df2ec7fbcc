"""T59, T60 and T62 of the fact sheet, section 6.4: lossy links and hostile octets, by seed."""
from __future__ import annotations

import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.timer import MS
from tasks.errors import WireError
from tasks.messages import Datagram
from tasks.tcp import wire
from tasks.tcp.states import State

from tests.tcp.lossy import Books, Lossy
from tests.tcp.peer import MAC, OURS, PSEUDO, Peer, THEIRS, checksummed

SEEDS = int(os.environ.get("CCSBOX_TCP_SEEDS", "120"))


@pytest.mark.parametrize("swap", [False, True])
def test_t59_t62_lossy_link(swap: bool) -> None:
    ends = {"complete": 0, "error": 0}
    for seed in range(SEEDS):
        try:
            ends[Lossy(seed, swap).run()] += 1
        except AssertionError as e:
            raise AssertionError(f"seed {seed}: {e}") from e
    assert ends["complete"] >= 0.95 * SEEDS, ends


def test_t59_same_seed_same_story() -> None:
    a, b = Lossy(7, False), Lossy(7, False)
    assert (a.run(), a.now, a.count) == (b.run(), b.now, b.count)


def _states() -> list[Peer]:
    """One peer in each state."""
    def server(*flags: str) -> Peer:
        p = Peer().as_server()
        for f in flags:
            if f == "close":
                p.close()
            else:
                p.inject(f)
        return p
    listening = Peer()
    listening.tcp.listen(listening.ours)
    half_open = Peer()
    half_open.tcp.listen(half_open.ours)
    half_open.inject("S")
    opening = Peer()
    opening.connecting()
    closing = server("close")
    closing.inject("FA", ack=closing.iss + 1)
    return [Peer(), listening, half_open, opening, server(), server("close"), server("close", "A"), server("FA"),
            server("FA", "close"), closing, server("close", "A", "FA")]


@pytest.mark.parametrize("index", range(11))
def test_t60_mutated_segments_in_each_state(index: int) -> None:
    rng = random.Random(index)
    p = _states()[index]
    books = Books()
    for i in range(1500):
        p.now += rng.randrange(30 * MS)
        base = bytearray(wire.emit(p.theirs, p.ours, p.seq + rng.choice((0, 0, -1, 1, 100, 8191, 9000, 1 << 31)) & 0xFFFFFFFF,
                                   p.ack + rng.choice((0, 0, -1, 1, 70000)) & 0xFFFFFFFF, rng.randrange(64),
                                   rng.choice((0, 1, 100, 65535)), rng.randbytes(rng.choice((0, 0, 1, 60, 2000))), PSEUDO))
        if rng.random() < 0.3:
            base[rng.randrange(len(base))] = rng.randrange(256)
        if rng.random() < 0.5:
            base = bytearray(checksummed(bytes(base)))
        p.tcp.receive(Datagram(THEIRS, OURS, bytes(base), MAC), p.now)
        if p.tcp.next_timer() <= p.now:
            p.tcp.handle_timer(p.now)
        if rng.random() < 0.1 and p.tcp.session is not None:
            p.tcp.send(b"reply", p.now)
        p.tcp.outgoing()
        p.tcp.events()
        if p.tcp.session is not None:
            books.check(p.connection)
            assert p.connection.tx.queued <= 128 * 1024
        assert len(p.tcp.leaving) <= 4


def test_t60_a_wrong_checksum_changes_nothing() -> None:
    for p in _states():
        before = p.state
        for _ in range(50):
            p.raw(wire.emit(p.theirs, p.ours, p.seq, p.ack, wire.RST | wire.ACK, 0, b"", PSEUDO + 1))
        assert p.state is before


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=120))
def test_wire_fuzz_parse_gives_a_segment_or_wire_error(data: bytes) -> None:
    for octets in (data, checksummed(data) if len(data) >= 20 else data):
        try:
            segment = wire.parse(octets, PSEUDO)
        except WireError:
            continue
        assert 0 <= segment.seq < 1 << 32 and len(segment.data) <= len(octets) - 20


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 65535), st.integers(0, 65535), st.integers(0, (1 << 32) - 1), st.integers(0, (1 << 32) - 1),
       st.integers(0, 255), st.integers(0, 65535), st.binary(max_size=100), st.one_of(st.none(), st.integers(0, 65535)))
def test_wire_parse_of_emit(src: int, dst: int, seq: int, ack: int, flags: int, window: int, data: bytes, mss: int | None) -> None:
    octets = wire.emit(src, dst, seq, ack, flags, window, data, PSEUDO, mss)
    assert wire.parse(octets, PSEUDO) == wire.Segment(src, dst, seq, ack, flags, window, data, mss)


def test_the_states_are_what_they_are_called() -> None:
    assert [p.state for p in _states()] == [State.CLOSED, State.CLOSED, State.SYN_RCVD, State.SYN_SENT, State.ESTABLISHED,
                                            State.FIN_WAIT_1, State.FIN_WAIT_2, State.CLOSE_WAIT, State.LAST_ACK,
                                            State.CLOSING, State.TIME_WAIT]
