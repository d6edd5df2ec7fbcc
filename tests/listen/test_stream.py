"""TCP from outside: order, repetitions, gaps; and cutting the stream into messages."""
import pytest
from hypothesis import given, settings, strategies as st

from kernel.timer import MS, S
from tasks.listen.framing import MAX_V2GTP, Framer, PieceKind
from tasks.listen.stream import GAP, MAX_WAITING, Direction, distance
from tasks.tcp.wire import ACK, FIN, RST, SYN, Segment


def seg(seq, data=b"", flags=ACK, window=1000):
    return Segment(1, 2, seq & 0xFFFFFFFF, 0, flags, window, data)


def opened(isn=100):
    direction = Direction()
    assert direction.take(seg(isn, flags=SYN), 0) == ("SYN", [])
    return direction


def test_distance_wraps():
    assert distance(5, 0xFFFFFFFE) == 7
    assert distance(0xFFFFFFFE, 5) == -7


def test_data_in_order_across_the_wrap_of_numbers():
    direction = opened(0xFFFFFFFD)
    assert direction.take(seg(0xFFFFFFFE, b"abcd"), 0) == ("", [b"abcd"])
    assert direction.take(seg(2, b"ef"), 0) == ("", [b"ef"])


@pytest.mark.parametrize("segment, name", [
    (seg(101, b"abc"), "retransmission"), (seg(103, b"c"), "keep-alive"), (seg(103, b""), "keep-alive"), (seg(104, window=0), "zero window"),
    (seg(104, flags=FIN | ACK), "FIN"), (seg(104, flags=RST), "RST"), (seg(104), ""), (seg(106, b"x"), "out of order"),
    (seg(100, flags=SYN), "SYN"), (seg(104 + (1 << 21), b"x"), "data of another sequence"),
])
def test_what_a_segment_is(segment, name):
    direction = opened()
    direction.take(seg(101, b"abc"), 0)
    assert direction.take(segment, S)[0] == name


def test_a_syn_again_is_named():
    direction = opened()
    assert direction.take(seg(100, flags=SYN), S) == ("SYN (again)", [])


def test_a_fin_again_is_named():
    direction = opened()
    assert direction.take(seg(101, b"z", FIN | ACK), 0) == ("FIN", [b"z"])
    assert direction.next == 103                           # a FIN counts as one octet
    assert direction.take(seg(102, b"", FIN | ACK), S)[0] == "FIN (again)"


def test_overlap_gives_only_what_is_new():
    direction = opened()
    direction.take(seg(101, b"abc"), 0)
    assert direction.take(seg(102, b"bcde"), S) == ("retransmission with new data", [b"de"])


def test_out_of_order_waits_for_the_hole():
    direction = opened()
    assert direction.take(seg(104, b"def"), 0) == ("out of order", [])
    assert direction.take(seg(101, b"abc"), 1) == ("", [b"abc", b"def"])
    assert not direction.waiting and direction.waiting_octets == 0


def test_what_was_acknowledged_but_not_captured_is_a_gap():
    direction = opened()
    direction.take(seg(104, b"def"), 0)
    assert direction.acknowledged(101) == []
    assert direction.acknowledged(107) == [GAP, b"def"]
    assert direction.take(seg(107, b"g"), 1) == ("", [b"g"])


def test_data_behind_an_acknowledged_hole_does_not_wait():
    direction = opened()
    direction.acknowledged(110)
    assert direction.take(seg(110, b"x"), 0) == ("data after a gap", [GAP, b"x"])


def test_waiting_ends_after_a_while():
    direction = opened()
    direction.take(seg(104, b"d"), 0)
    assert direction.take(seg(105, b"e"), 2 * S) == ("data after a gap", [GAP, b"d", b"e"])


def test_waiting_is_bounded():
    direction = opened()
    for n in range(MAX_WAITING):
        assert direction.take(seg(104 + n, b"x"), n) == ("out of order", [])
    name, chunks = direction.take(seg(104 + MAX_WAITING, b"x"), MAX_WAITING)
    assert name == "data after a gap" and chunks == [GAP] + [b"x"] * (MAX_WAITING + 1)


def test_a_bare_ack_does_not_fix_the_number():
    direction = Direction()
    assert direction.take(seg(99), 0) == ("", [])              # a keep-alive perhaps
    assert direction.take(seg(100, b"abc"), 1) == ("", [b"abc"])


@settings(max_examples=300, deadline=None)
@given(st.binary(min_size=1, max_size=400), st.data())
def test_any_order_and_any_repetition_gives_the_stream(stream, data):
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(stream) - 1)), max_size=20)) | {0, len(stream)})
    pieces = [(a, stream[a:b]) for a, b in zip(cuts, cuts[1:]) if b > a]
    order = data.draw(st.permutations(pieces))
    order = [piece for piece in order for _ in range(data.draw(st.integers(1, 2)))]
    direction = opened(0xFFFFFF00)
    out = b""
    for at, piece in order:
        _, chunks = direction.take(seg(0xFFFFFF01 + at, piece), 0)
        assert GAP not in chunks
        out += b"".join(chunks)
    assert out == stream


# --- framing ------------------------------------------------------------------------------------------------------

def message(kind, size):
    return b"\x01\xfe" + kind.to_bytes(2, "big") + size.to_bytes(4, "big") + bytes(n & 0xFF for n in range(size))


@pytest.mark.parametrize("first", range(1, 20))
def test_messages_split_anywhere(first):
    stream = message(0x8001, 5) + message(0x8004, 3) + message(0x8001, 0)
    framer = Framer()
    pieces = framer.feed(stream[:first]) + framer.feed(stream[first:])
    assert [(p.kind, p.number, p.data) for p in pieces] == [
        (PieceKind.V2GTP, 0x8001, bytes(range(5))), (PieceKind.V2GTP, 0x8004, bytes(range(3))), (PieceKind.V2GTP, 0x8001, b"")]
    assert framer.waiting == 0


def test_octet_by_octet():
    framer = Framer()
    assert sum(len(framer.feed(bytes((octet,)))) for octet in message(0x8001, 40) * 3) == 3


def test_after_garbage_the_next_segment_counts():
    framer = Framer()
    framer.feed(message(0x8001, 4))
    assert [p.kind for p in framer.feed(b"garbage")] == [PieceKind.BROKEN]
    assert [p.kind for p in framer.feed(b"more")] == [PieceKind.OTHER]
    assert [p.kind for p in framer.feed(message(0x8001, 4))] == [PieceKind.V2GTP]


def test_a_gap_within_a_message_drops_it():
    framer = Framer()
    assert framer.feed(message(0x8001, 50)[:30]) == []
    framer.gap()
    assert framer.waiting == 0
    assert [p.kind for p in framer.feed(message(0x8001, 4))] == [PieceKind.V2GTP]


def test_an_impossible_length_is_refused_at_once():
    framer = Framer()
    pieces = framer.feed(b"\x01\xfe\x80\x01" + (MAX_V2GTP + 1).to_bytes(4, "big"))
    assert [p.kind for p in pieces] == [PieceKind.BROKEN] and framer.waiting == 0
    assert [p.kind for p in framer.feed(b"\x17\x03\x03\xff\xff\x00")] == [PieceKind.BROKEN]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=60), st.binary(max_size=30).map(lambda b: b"\x01\xfe\x80\x01" + b),
                          st.binary(max_size=30).map(lambda b: b"\x17\x03\x03" + b)), max_size=20))
def test_framing_never_raises_and_stays_bounded(chunks):
    framer = Framer()
    for chunk in chunks:
        if chunk:
            framer.feed(chunk)
        else:
            framer.gap()
        assert framer.waiting <= MAX_V2GTP + 8


def test_times_are_in_nanoseconds():
    direction = opened()
    direction.take(seg(101, b"abc"), 0)
    assert direction.take(seg(101, b"abc"), 4 * MS)[0] == "duplicate"
    assert direction.take(seg(101, b"abc"), 10 * MS)[0] == "retransmission"
