"""T33 to T36 of the fact sheet, section 6.4: closed windows and slow readers."""
from __future__ import annotations

from kernel.timer import S
from tasks.tcp import wire
from tasks.tcp.states import State
from tasks.tcp.timing import RECEIVE_BUFFER

from tests.tcp.peer import IRS, ISS, PSEUDO, Peer, checksummed


def test_t33_zero_window_is_probed() -> None:
    p = Peer().as_client()
    p.inject("A", window=0)
    assert p.send(b"message") == []
    probes = p.advance(p.now + 16 * S)
    assert [t for t, _ in probes] == [1 * S, 3 * S, 7 * S, 15 * S]
    assert {(s.seq, s.data) for _, s in probes} == {(ISS + 1, b"m")}
    out = p.inject("A", ack=ISS + 1, window=1000)
    assert [s.data for s in out] == [b"message"]
    p.inject("A", ack=ISS + 8)
    assert p.advance(p.now + 20 * S) == []


def test_t33_probing_does_not_end_while_the_peer_answers() -> None:
    p = Peer(user_timeout_ms=5000).as_client()
    p.inject("A", window=0)
    p.send(b"message")
    probes = 0
    for _ in range(300):
        p.now = p.tcp.next_timer()
        p.tcp.handle_timer(p.now)
        for s in p.sent():
            probes += 1
            p.inject("A", ack=ISS + 1, window=0)
        if p.now > 600 * S:
            break
    assert p.state is State.ESTABLISHED and probes > 20


def test_t33_a_silent_peer_with_a_closed_window_is_given_up() -> None:
    p = Peer().as_client()
    p.inject("A", window=0)
    p.send(b"message")
    p.advance(p.now + 25 * S)
    assert p.state is State.CLOSED and len(p.closed()) == 1


def test_t33_lost_update_is_recovered_by_a_probe_whose_octet_was_kept() -> None:
    p = Peer().as_client()
    p.inject("A", window=0)
    p.send(b"message")
    p.advance(p.now + 1 * S)
    out = p.inject("A", ack=ISS + 2, window=4000)                   # the peer had room after all and took the octet
    assert [(s.seq, s.data) for s in out] == [(ISS + 2, b"essage")]
    p.inject("A", ack=ISS + 8)
    assert not p.connection.tx.unfinished


def test_t33_closed_window_and_one_octet_message() -> None:
    p = Peer().as_client()
    p.inject("A", window=0)
    p.send(b"m")
    p.advance(p.now + 1 * S)
    p.inject("A", ack=ISS + 2, window=0)
    assert not p.connection.tx.unfinished and not p.connection.tx.persist.armed
    p.send(b"n")
    assert [s.data for _, s in p.advance(p.now + 1 * S)] == [b"n"]


def test_t33_silly_small_window_waits_then_uses_what_there_is() -> None:
    p = Peer().as_client()
    p.inject("A", window=100)
    assert p.send(bytes(1000)) == []
    assert [len(s.data) for _, s in p.advance(p.now + 1 * S)] == [100]
    p.inject("A", ack=ISS + 101, window=2000)
    assert p.connection.tx.flight[0].data == bytes(900)


def test_t34_no_tiny_window_updates() -> None:
    p = Peer().as_server()
    for _ in range(8):
        p.inject("PA", bytes(1024))
    assert p.connection.rx.edge == p.connection.rx.nxt
    updates = []
    for i in range(4000):
        assert len(p.connection.read(1)) == 1
        updates += [(i + 1, s.window) for s in p.sent()]
    assert updates[0] == (1220, 1220)                               # one MSS of room, not before
    assert all(b[0] - a[0] >= 1220 for a, b in zip(updates, updates[1:]))


def test_t34_window_update_without_being_asked_after_a_full_read() -> None:
    p = Peer().as_server()
    for _ in range(8):
        p.inject("PA", bytes(1024))
    assert len(p.data()) == RECEIVE_BUFFER
    (update,) = p.sent()
    assert update.window == RECEIVE_BUFFER and update.ack == IRS + 1 + RECEIVE_BUFFER


def test_t35_full_buffer_refuses_and_answers() -> None:
    p = Peer().as_server()
    for _ in range(8):
        p.inject("PA", bytes(1024))
    for _ in range(3):
        (answer,) = p.inject("PA", b"!", keep=True)
        assert answer.window == 0 and answer.ack == IRS + 1 + RECEIVE_BUFFER
    assert p.data() == bytes(RECEIVE_BUFFER)


def test_t35_an_ack_in_a_segment_without_room_counts() -> None:
    p = Peer().as_server()
    p.send(b"abc")
    for _ in range(8):
        p.inject("PA", bytes(1024), ack=ISS + 1)
    p.inject("PA", b"!", ack=ISS + 4, keep=True)
    assert p.connection.tx.una == ISS + 4


def test_the_offered_window_never_shrinks() -> None:
    p = Peer().as_server()
    edge = IRS + 1 + RECEIVE_BUFFER
    for i in range(100):
        for s in p.inject("PA", bytes(37)):
            assert s.ack + s.window >= edge
            edge = s.ack + s.window
        if i % 7 == 0:
            p.data()
            p.sent()


def test_t36_urgent_pointer_is_ignored() -> None:
    p = Peer().as_server()
    segment = bytearray(wire.emit(p.theirs, p.ours, p.seq, p.ack, wire.ACK | wire.PSH | 0x20, 65000, b"urgent", PSEUDO))
    segment[18:20] = b"\x00\x03"
    p.raw(checksummed(bytes(segment)))
    assert p.data() == b"urgent"
