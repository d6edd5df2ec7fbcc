"""T21 to T24 of the fact sheet, section 6.4: when a segment is sent again, and what of it."""
from __future__ import annotations

import pytest

from kernel.timer import MS, S
from tasks.tcp.states import State

from tests.tcp.peer import IRS, ISS, Peer


def test_t21_rto_first_one_second_then_doubled_and_reset() -> None:
    p = Peer().as_client()
    p.send(b"x")
    assert [t for t, _ in p.advance(16 * S)] == [1 * S, 3 * S, 7 * S, 15 * S]
    p.inject("A")                                                   # repeated: no sample, but the doubling ends
    start = p.now
    p.send(b"y")
    assert [t - start for t, _ in p.advance(start + 1500 * MS)] == [1 * S]


def test_t21_rto_is_measured_and_at_least_300_ms() -> None:
    p = Peer().as_client()
    for _ in range(10):
        p.send(b"x")
        p.advance(p.now + 2 * MS)
        p.inject("A")
    start = p.now
    p.send(b"x")
    assert [t - start for t, _ in p.advance(start + 1 * S)] == [300 * MS, 900 * MS]


def test_t21_rto_follows_slow_links() -> None:
    p = Peer().as_client()
    p.send(b"x")
    p.advance(p.now + 900 * MS)
    p.inject("A")
    assert p.connection.tx.rto.base == 900 * MS + 4 * 450 * MS      # SRTT + 4 RTTVAR, RFC 6298 2.2


@pytest.mark.parametrize("role", ["as_client", "as_server"])
def test_t21_the_handshake_is_the_first_measurement(role: str) -> None:
    p = getattr(Peer(), role)(measured=200 * MS)
    assert p.connection.tx.rto.base == 200 * MS + 4 * 100 * MS
    start = p.now
    p.send(b"x")
    assert [t - start for t, _ in p.advance(start + 2 * S)] == [600 * MS, 1800 * MS]


def test_t22_a_repeated_handshake_measures_nothing() -> None:
    p = Peer()
    p.connecting()
    p.advance(1 * S)                                                # SYN again
    p.now += 10 * MS
    p.inject("SA")
    assert p.state is State.ESTABLISHED and p.connection.tx.rto.srtt == -1
    p = Peer()
    p.tcp.listen(p.ours)
    p.inject("S")
    p.now += 900 * MS
    p.inject("S", seq=IRS)                                          # the peer repeats it, so SYN-ACK goes out again
    p.now += 10 * MS
    p.inject("A")
    assert p.state is State.ESTABLISHED and p.connection.tx.rto.srtt == -1


def test_t22_karn() -> None:
    p = Peer().as_client()
    p.send(b"x")
    p.advance(p.now + 1 * S)
    p.inject("A")
    assert p.connection.tx.rto.srtt == -1
    p.send(b"y")
    p.advance(p.now + 50 * MS)
    p.inject("A")
    assert p.connection.tx.rto.srtt == 50 * MS


def test_t23_fast_retransmit_after_the_third_duplicate() -> None:
    p = Peer().as_client()
    for text in (b"1", b"2", b"3", b"4"):
        p.send(text)
    assert p.inject("A", ack=ISS + 1) == []
    assert p.inject("A", ack=ISS + 1) == []
    (again,) = p.inject("A", ack=ISS + 1)
    assert again.seq == ISS + 1 and again.data == b"1"
    assert p.inject("A", ack=ISS + 1) == []
    assert p.connection.tx.fast_repeats == 1
    p.inject("A", ack=ISS + 5)
    assert not p.connection.tx.flight and p.connection.tx.recover == -1


def test_t23_window_update_and_data_are_no_duplicates() -> None:
    p = Peer().as_client()
    for text in (b"1", b"2", b"3"):
        p.send(text)
    for i in range(4):
        assert [s.data for s in p.inject("A", ack=ISS + 1, window=65001 + i)] == []
    for i in range(4):
        assert all(not s.data for s in p.inject("PA", b"d", ack=ISS + 1, window=65004))
    assert p.connection.tx.fast_repeats == 0


def test_t23_partial_ack_repeats_the_next_hole() -> None:
    p = Peer().as_client()
    for text in (b"1", b"2", b"3", b"4"):
        p.send(text)
    for _ in range(3):
        out = p.inject("A", ack=ISS + 1)
    assert out[0].data == b"1"
    (again,) = p.inject("A", ack=ISS + 2)
    assert again.seq == ISS + 2 and again.data == b"2"


@pytest.mark.parametrize("flying", [2, 3])
def test_t23_short_flights_need_fewer_duplicates(flying: int) -> None:
    p = Peer().as_client()
    for i in range(flying):
        p.send(bytes([i]) * 10)
    again = [[s.data for s in p.inject("A", ack=ISS + 1)] for _ in range(flying - 1)]
    assert again == [[]] * (flying - 2) + [[bytes(10)]]             # RFC 5827 3.1: one less than is in flight
    assert p.inject("A", ack=ISS + 1) == [] and p.connection.tx.fast_repeats == 1


def test_t23_one_segment_in_flight_waits_for_three() -> None:
    p = Peer().as_client()
    p.send(b"alone")
    assert [[s.data for s in p.inject("A", ack=ISS + 1)] for _ in range(4)] == [[], [], [b"alone"], []]


def test_t23_duplicates_let_new_segments_follow() -> None:
    p = Peer().as_client()
    assert len(p.send(bytes(20 * 1440))) == 4
    p.inject("A", ack=ISS + 1 + 1440)                               # the first arrived, one more follows, the second is lost
    for n in range(2):
        (new,) = p.inject("A", ack=ISS + 1 + 1440)
        assert new.seq == ISS + 1 + (5 + n) * 1440                  # RFC 3042: a segment has left the link
    out = p.inject("A", ack=ISS + 1 + 1440)
    assert out[0].seq == ISS + 1 + 1440 and p.connection.tx.fast_repeats == 1
    for _ in range(20):
        p.inject("A", ack=ISS + 1 + 1440)
    assert len(p.connection.tx.flight) <= 8


def test_t23_no_new_segments_on_duplicates_after_a_timeout() -> None:
    p = Peer().as_client()
    p.send(bytes(20 * 1440))
    p.advance(p.now + 1 * S)
    assert [s for _ in range(10) for s in p.inject("A", ack=ISS + 1)] == []


def test_t23_the_echo_of_needless_repetitions_begins_no_recovery() -> None:
    p = Peer().as_client()
    p.send(bytes(30 * 1440))
    for _ in range(3):
        p.inject("A", ack=ISS + 1)                                  # three frames that the line doubled: nothing is lost
    assert p.connection.tx.fast_repeats == 1
    p.inject("A")                                                   # all that was in flight has arrived
    end = p.connection.tx.una
    while p.connection.tx.una < p.connection.tx.recovered:
        p.inject("A")
    assert [s for _ in range(3) for s in p.inject("A", ack=end) if s.seq == end & 0xFFFFFFFF] == []     # what the peer says to the repetitions
    p.inject("A", ack=end + 1440)                                   # beyond them: the next three mean a loss again
    again = [s.seq for _ in range(3) for s in p.inject("A", ack=end + 1440)]
    assert end + 1440 in again and p.connection.tx.fast_repeats == 2


def test_t23_a_window_without_room_counts_as_nothing_more_to_send() -> None:
    p = Peer().as_client()
    p.inject("A", window=2880)
    assert len(p.send(bytes(5000))) == 2
    (again,) = p.inject("A", ack=ISS + 1, window=2880)
    assert again.seq == ISS + 1


def test_t24_partial_ack_repeats_the_rest_only() -> None:
    p = Peer().as_client()
    p.send(b"abcdef")
    p.inject("A", ack=ISS + 1 + 2)
    ((_, again),) = p.advance(p.now + 1 * S)
    assert again.seq == ISS + 3 and again.data == b"cdef"
