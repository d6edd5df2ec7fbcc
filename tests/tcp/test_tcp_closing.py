"""T44 to T54 of the fact sheet, section 6.4: the end in all its orders."""
from __future__ import annotations

import pytest

from kernel.timer import MS, S
from tasks.messages import TcpClosed, TcpConnected, TcpData
from tasks.stop_reasons import StopReason
from tasks.tcp.states import State

from tests.tcp.peer import IRS, ISS, PEER_PORT, Peer, shape, text_of


def test_t44_active_close() -> None:
    p = Peer().as_client()
    (fin,) = p.close()
    assert (text_of(fin.flags), fin.seq) == ("FA", ISS + 1) and p.state is State.FIN_WAIT_1
    p.inject("A")
    assert p.state is State.FIN_WAIT_2
    (ack,) = p.inject("FA")
    assert ack.ack == IRS + 2 and p.state is State.TIME_WAIT
    assert p.closed() == [None]
    p.advance(p.now + 10 * S - 1)
    assert p.state is State.TIME_WAIT
    p.advance(p.now + 1)
    assert p.state is State.CLOSED and not p.tcp.leaving


def test_t44_fin_follows_everything_queued() -> None:
    p = Peer().as_client(mss=350)
    sent = p.send(bytes(2000)) + p.close()
    assert "F" not in "".join(text_of(s.flags) for s in sent)
    while p.state is not State.FIN_WAIT_2:
        sent += p.inject("A")
    assert b"".join(s.data for s in sent) == bytes(2000)
    assert [text_of(s.flags) for s in sent].count("FA") == 1 and text_of(sent[-1].flags) == "FA"


def test_t45_passive_close_and_half_close() -> None:
    p = Peer().as_server()
    p.inject("PA", b"request")
    (ack,) = p.inject("FA")
    assert ack.ack == IRS + 9 and p.state is State.CLOSE_WAIT
    assert p.events() == [TcpData(b"request"), TcpClosed(None)]
    assert [len(s.data) for s in p.send(bytes(1000))] == [1000]
    (fin,) = p.close()
    assert text_of(fin.flags) == "FA" and p.state is State.LAST_ACK
    p.inject("A")
    assert p.state is State.CLOSED and p.events() == []


def test_t45_a_forgetful_application_is_closed_after_two_seconds() -> None:
    p = Peer().as_server()
    p.inject("FA")
    out = p.advance(p.now + 2 * S)
    assert [(t, text_of(s.flags)) for t, s in out] == [(2 * S, "FA")]
    p.inject("A")
    assert p.state is State.CLOSED


def test_t46_simultaneous_close() -> None:
    p = Peer().as_client()
    p.close()
    (ack,) = p.inject("FA", ack=ISS + 1)
    assert text_of(ack.flags) == "A" and ack.ack == IRS + 2 and p.state is State.CLOSING
    p.inject("A")
    assert p.state is State.TIME_WAIT and p.closed() == [None]


def test_t46_fin_that_acknowledges_ours() -> None:
    p = Peer().as_client()
    p.close()
    p.inject("FA")
    assert p.state is State.TIME_WAIT


def test_t47_fin_with_data() -> None:
    p = Peer().as_server()
    (ack,) = p.inject("FPA", b"bye")
    assert ack.ack == IRS + 5
    assert p.events() == [TcpData(b"bye"), TcpClosed(None)]


def test_t47_fin_before_a_hole() -> None:
    p = Peer().as_server()
    base = p.seq
    p.inject("FPA", b"second", seq=base + 5)
    assert p.events() == [] and p.state is State.ESTABLISHED
    (ack,) = p.inject("PA", b"first", seq=base)
    assert ack.ack == base + 12
    assert p.events() == [TcpData(b"firstsecond"), TcpClosed(None)]


def test_t47_nothing_counts_behind_the_fin() -> None:
    p = Peer().as_server()
    base = p.seq
    p.inject("FPA", b"end", seq=base + 2)
    p.inject("PA", b"ab" + b"end" + b"forged tail", seq=base)
    assert p.events() == [TcpData(b"abend"), TcpClosed(None)]
    assert p.connection.rx.nxt == base + 6


def test_t47_what_was_held_behind_the_fin_is_thrown_away() -> None:
    p = Peer().as_server()
    base = p.seq
    p.inject("PA", b"end" + b"forged tail", seq=base + 2)
    p.inject("PA", b"more", seq=base + 100)
    p.inject("FA", seq=base + 5)
    (ack,) = p.inject("PA", b"ab", seq=base)
    assert p.events() == [TcpData(b"abend"), TcpClosed(None)]
    assert ack.ack == base + 6 and p.connection.rx.ahead == []


def test_t48_fin_lost() -> None:
    p = Peer().as_client()
    p.close()
    out = p.advance(19 * S)
    assert [(t, text_of(s.flags)) for t, s in out] == [(1 * S, "FA"), (3 * S, "FA"), (7 * S, "FA"), (15 * S, "FA")]
    out = p.advance(20 * S)
    assert shape([s for _, s in out]) == ["RA:0"]
    assert p.closed() == [StopReason.TCP_TIMEOUT]


def test_t48_fin_repeated_in_time_wait() -> None:
    p = Peer().as_client()
    p.close()
    p.inject("A")
    p.inject("FA")
    p.advance(p.now + 9 * S)
    (ack,) = p.inject("FA", seq=IRS + 1)
    assert text_of(ack.flags) == "A" and ack.ack == IRS + 2
    p.advance(p.now + 9 * S)
    assert p.state is State.TIME_WAIT                               # the timer began again
    p.advance(p.now + 1 * S)
    assert p.state is State.CLOSED


def test_t49_new_syn_in_time_wait() -> None:
    p = Peer().as_server()
    p.close()
    p.inject("A")
    p.inject("FA")
    assert p.state is State.TIME_WAIT and p.closed() == [None]
    (old,) = p.inject("S", seq=IRS - 5000)
    assert text_of(old.flags) == "A"                                # an old number is challenged
    (synack,) = p.inject("S", seq=IRS + 64000)
    assert text_of(synack.flags) == "SA"
    p.seq = IRS + 64001
    p.ack = synack.seq + 1
    p.inject("A")
    assert p.events() == [TcpConnected(p.tcp.session.peer, PEER_PORT, p.tcp.session.mac)] and not p.tcp.leaving


def test_t50_fin_wait_2_ends() -> None:
    p = Peer().as_client()
    p.close()
    p.inject("A")
    p.advance(p.now + 20 * S - 1)
    assert p.state is State.FIN_WAIT_2
    p.advance(p.now + 1)
    assert p.state is State.CLOSED and p.closed() == [None]


def test_t51_close_with_unread_data_sends_fin_and_data_can_be_read() -> None:
    p = Peer().as_server()
    p.inject("PA", b"unread")
    (fin,) = p.close()
    assert text_of(fin.flags) == "FA"
    assert p.data() == b"unread"


def test_t52_data_after_our_close_is_delivered() -> None:
    p = Peer().as_server()
    p.close()
    p.inject("A")
    p.inject("PA", b"late")
    assert p.data() == b"late"
    p.inject("FA")
    assert p.closed() == [None]
    p.advance(p.now + 10 * S)
    (rst,) = p.inject("PA", b"too late")
    assert text_of(rst.flags) == "R"


def test_t52_nothing_is_sent_after_our_close() -> None:
    p = Peer().as_server()
    p.close()
    assert not p.tcp.send(b"more", p.now) and p.sent() == [] and p.state is State.FIN_WAIT_1


@pytest.mark.parametrize("pending", [0, 100])
def test_t53_abort(pending: int) -> None:
    p = Peer().as_client()
    if pending:
        p.send(bytes(pending))
    p.tcp.abort(p.now)
    (rst,) = p.sent()
    assert (text_of(rst.flags), rst.seq, rst.ack) == ("RA", ISS + 1 + pending, IRS + 1)
    assert p.closed() == [None] and p.state is State.CLOSED and p.advance(60 * S) == []


def test_t53_abort_ends_listening() -> None:
    p = Peer().as_server()
    p.tcp.abort(p.now)
    p.sent()
    assert shape(p.inject("S", seq=5, port=40001)) == ["RA:0"]


def test_t54_listener_is_free_at_once() -> None:
    p = Peer().as_server()
    p.close()
    p.inject("A")
    p.inject("FA")
    p.now += 1 * MS
    (synack,) = p.inject("S", seq=4711, port=40001)
    assert text_of(synack.flags) == "SA" and synack.ack == 4712


@pytest.mark.parametrize("close_by_us", [False, True])
def test_t54_a_session_that_is_closing_does_not_hold_the_listener(close_by_us: bool) -> None:
    p = Peer().as_server()
    if close_by_us:
        p.close()
    else:
        p.inject("FA")
    out = p.inject("S", seq=4711, port=40001)
    assert text_of(out[-1].flags) == "SA"
    assert len(p.tcp.leaving) == 1
    assert p.closed() == [None]
    first = p.tcp.leaving[0].connection
    p.inject("FA" if close_by_us else "A")                          # the old one goes on closing by itself
    assert first.state in (State.TIME_WAIT, State.CLOSED, State.CLOSING)


def test_t54_leaving_connections_are_bounded() -> None:
    p = Peer()
    p.tcp.listen(p.ours)
    for i in range(20):
        p.theirs, p.seq, p.ack = 41000 + i, 1000 * i, 0
        out = p.inject("S")
        assert text_of(out[-1].flags) == "SA"
        p.inject("A")
        p.inject("FA")
        p.events()
    assert len(p.tcp.leaving) == 4


def test_close_before_the_handshake_is_done() -> None:
    p = Peer()
    p.connecting()
    assert p.close() == []
    assert p.closed() == [None] and p.advance(20 * S) == []


def test_close_in_syn_rcvd_sends_fin_after_the_handshake() -> None:
    p = Peer()
    p.tcp.listen(p.ours)
    p.inject("S")
    p.close()
    (fin,) = p.inject("A")
    assert text_of(fin.flags) == "FA" and p.state is State.FIN_WAIT_1


def test_writes_before_the_handshake_follow_it() -> None:
    p = Peer()
    p.connecting()
    assert p.send(b"early") == []
    out = p.inject("SA")
    assert b"".join(s.data for s in out) == b"early"


def test_reset_after_our_close_is_an_orderly_end() -> None:
    p = Peer().as_client()
    p.close()
    p.inject("R")
    assert p.closed() == [None]
