"""T14 to T20 and T25 to T32 of the fact sheet, section 6.4: data in order and out of order, hostile octets."""
from __future__ import annotations

from itertools import permutations

import pytest

from kernel.timer import MS, S
from tasks.tcp import wire
from tasks.tcp.states import State

from tests.tcp.peer import IRS, ISS, PSEUDO, Peer, shape, text_of


def test_t14_delayed_ack() -> None:
    p = Peer().as_server()
    assert p.inject("PA", b"hello") == []
    assert p.data() == b"hello"
    ((at, ack),) = p.advance(1 * S)
    assert at == 20 * MS and text_of(ack.flags) == "A" and ack.ack == IRS + 6


def test_t14_the_answer_carries_the_ack() -> None:
    p = Peer().as_server()
    p.inject("PA", b"request")
    (answer,) = p.send(b"response")
    assert answer.ack == IRS + 8 and answer.data == b"response" and text_of(answer.flags) == "PA"
    p.inject("A")
    assert p.advance(10 * S) == []


def test_t14_second_segment_is_acknowledged_at_once() -> None:
    p = Peer().as_server()
    p.inject("PA", b"one")
    (ack,) = p.inject("PA", b"two")
    assert ack.ack == IRS + 7 and p.data() == b"onetwo"


def test_one_message_one_segment() -> None:
    p = Peer().as_client()
    first, second = p.send(b"a" * 60), p.send(b"b" * 60)
    assert [s[0].data for s in (first, second)] == [b"a" * 60, b"b" * 60]
    assert [text_of(s[0].flags) for s in (first, second)] == ["PA", "PA"]


def test_t15_duplicate_below_the_window() -> None:
    p = Peer().as_server()
    p.inject("PA", b"hello")
    (ack,) = p.inject("PA", b"hello", seq=IRS + 1)
    assert ack.ack == IRS + 6
    assert p.data() == b"hello"


def test_t16_partial_overlap() -> None:
    p = Peer().as_server()
    p.inject("PA", b"hello")
    (ack,) = p.inject("PA", b"HELLO world", seq=IRS + 1)
    assert ack.ack == IRS + 12
    assert p.data() == b"hello world"


def test_t17_beyond_the_right_edge() -> None:
    p = Peer().as_server()
    (ack,) = p.inject("PA", b"x" * 9000)
    assert ack.ack == IRS + 1 + 8192 and ack.window == 0
    assert len(p.data()) == 8192
    p.sent()
    (ack,) = p.inject("PA", b"y", seq=IRS + 1 + 60000)
    assert text_of(ack.flags) == "A" and ack.ack == IRS + 1 + 8192
    assert p.data() == b""


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_t18_every_order_of_four_segments(order: tuple[int, ...]) -> None:
    p = Peer().as_server()
    base = p.seq
    pieces = [bytes([65 + i]) * (10 + i) for i in range(4)]
    starts = [base, base + 10, base + 21, base + 33]
    arrived: set[int] = set()
    for i in order:
        out = p.inject("PA", pieces[i], seq=starts[i])
        arrived.add(i)
        edge = next((k for k in range(4) if k not in arrived), 4)
        if edge <= i:                                                # a hole before it: told at once, with the hole's number
            assert [s.ack for s in out] == [([*starts, base + 46][edge]) & 0xFFFFFFFF]
    assert p.data() == b"".join(pieces)
    assert p.connection.rx.nxt == base + 46


def test_t18_more_than_four_ahead_are_dropped_and_counted() -> None:
    p = Peer().as_server()
    base = p.seq
    for i in range(6, 0, -1):
        p.inject("PA", b"z", seq=base + 2 * i)
    assert p.connection.rx.overruns == 2
    assert len(p.connection.rx.ahead) == 4
    assert [start - base for start, _ in p.connection.rx.ahead] == [2, 4, 6, 8]


def test_t18_what_touches_is_one_stretch() -> None:
    p = Peer(mss=536).as_server()
    base = p.seq
    for i in range(1, 24):                                          # MSS 350: the whole window behind one hole
        p.inject("PA", bytes([i]) * 350, seq=base + 350 * i)
    assert p.connection.rx.overruns == 0 and len(p.connection.rx.ahead) == 1
    (ack,) = p.inject("PA", bytes(350), seq=base)
    assert ack.ack == base + 24 * 350 - (24 * 350 - 8192)           # what lay beyond the window was cut
    assert p.data() == b"".join(bytes([i]) * 350 for i in range(24))[:8192]


def test_t19_overlap_with_different_content_first_wins() -> None:
    p = Peer().as_server()
    base = p.seq
    p.inject("PA", b"BBBB", seq=base + 4)
    p.inject("PA", b"xxxxxxxxxxxx", seq=base + 2)                    # covers 2..13, 4..7 are held already
    p.inject("PA", b"AAAAyy", seq=base)
    assert p.data() == b"AAAA"[:2] + b"xx" + b"BBBB" + b"xxxxxx"


def test_t20_sequence_numbers_wrap() -> None:
    p = Peer(iss=0xFFFFFF00, irs=0xFFFFFE00).as_server()
    received, expected = b"", b""
    outgoing, acknowledged = b"", b""
    for i in range(64):
        block = bytes([i]) * 1024
        expected += block
        p.inject("PA", block)
        received += p.data()
        outgoing += block
        assert p.tcp.send(block, p.now)
        for s in p.sent():
            acknowledged += s.data
        p.inject("A")
        p.advance(p.now + 30 * MS)
    assert received == expected and acknowledged == outgoing
    assert p.connection.tx.una == 0xFFFFFF00 + 1 + 65536 and not p.connection.tx.flight


def test_t25_ack_for_unsent_data_and_old_ack() -> None:
    p = Peer().as_client()
    p.send(b"abc")
    before = p.connection.tx.una
    (ack,) = p.inject("A", ack=ISS + 100)
    assert text_of(ack.flags) == "A" and p.connection.tx.una == before
    p.inject("A")
    assert p.inject("A", ack=ISS + 2) == []
    assert p.connection.tx.una == ISS + 4


def test_t26_segment_without_ack_flag() -> None:
    p = Peer().as_server()
    assert p.inject("P", b"data", keep=True) == []
    assert p.data() == b"" and p.connection.strangers == 1


def test_t27_one_flipped_bit_at_every_position() -> None:
    p = Peer().as_server()
    good = wire.emit(p.theirs, p.ours, p.seq, p.ack, wire.ACK | wire.PSH, 65000, b"request", PSEUDO)
    for bit in range(len(good) * 8):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        assert p.raw(bytes(bad)) == []
    assert p.tcp.malformed == len(good) * 8 and p.data() == b""
    p.raw(good)
    assert p.data() == b"request"


def test_t29_truncated_segments() -> None:
    p = Peer().as_server()
    good = wire.emit(p.theirs, p.ours, p.seq, p.ack, wire.ACK | wire.PSH, 65000, b"request", PSEUDO)
    for size in range(len(good)):
        assert p.raw(good[:size]) == []
    assert p.data() == b"" and p.tcp.malformed == len(good)


def test_t31_message_split_at_every_position_and_two_in_one() -> None:
    message = bytes.fromhex("01fe800100000008") + b"8 octets"
    for cut in range(1, len(message)):
        p = Peer().as_server()
        p.inject("PA", message[:cut])
        p.inject("PA", message[cut:] + message)
        assert p.data() == message * 2


def test_t31_a_message_of_64_kib() -> None:
    p = Peer().as_client()
    message = bytes(range(256)) * 256
    got = b"".join(s.data for s in p.send(message))
    for _ in range(200):
        if len(got) == len(message):
            break
        got += b"".join(s.data for s in p.inject("A"))
    assert got == message


def test_t32_shrinking_window_is_never_exceeded() -> None:
    p = Peer().as_client()
    edge = p.connection.tx.una + 2920
    p.inject("A", window=2920)
    sent = p.send(bytes(4000))
    for room in range(2919, 1400, -60):                             # lwIP peers: each octet received shrinks the window
        assert all(s.seq + len(s.data) <= edge for s in sent)
        sent += p.inject("A", ack=edge - room, window=room)
    assert sum(len(s.data) for s in sent) == 2 * 1440              # the last 40 octets of room are not worth a segment
    sent += p.inject("A", window=2920)
    assert b"".join(s.data for s in sent) == bytes(4000)


def test_t32_window_shrinks_below_what_is_in_flight() -> None:
    p = Peer().as_client()
    p.send(bytes(1000))
    p.inject("A", ack=ISS + 1, window=100)
    again = p.advance(p.now + 1 * S)
    assert [len(s.data) for _, s in again] == [100]
    p.inject("A", ack=ISS + 101, window=0)
    (probe,) = [s for _, s in p.advance(p.now + 2 * S)]
    assert len(probe.data) == 1 and probe.seq == ISS + 101
    p.inject("A", ack=ISS + 102, window=5000)
    got = [s for _, s in p.advance(p.now + 9 * S)]
    assert got[0].seq == ISS + 102 and len(got[0].data) == 899
    p.inject("A", ack=ISS + 1001, window=5000)
    assert not p.connection.tx.flight and p.state is State.ESTABLISHED


def test_overflow_of_the_send_queue_ends_the_connection() -> None:
    p = Peer().as_client()
    assert p.tcp.send(bytes(65536), 0) and p.tcp.send(bytes(65536), 0)
    p.sent()
    assert not p.tcp.send(bytes(65536), 0)
    assert shape(p.sent()) == ["RA:0"]
    assert p.tcp.overflows == 1 and len(p.closed()) == 1
