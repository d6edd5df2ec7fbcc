"""T01 to T13 of the fact sheet, section 6.4: opening, options, strangers."""
from __future__ import annotations

import pytest

from kernel.timer import MS, S
from tasks.machine import Checkpoint
from tasks.messages import TcpClosed, TcpConnected, TcpData
from tasks.stop_reasons import StopReason
from tasks.tcp.states import State

from tests.tcp.peer import IRS, ISS, LISTEN_PORT, MAC, OTHERS, Peer, THEIRS, checksummed, shape, text_of, with_options


def test_t01_active_open() -> None:
    p = Peer()
    (syn,) = p.connecting()
    assert (text_of(syn.flags), syn.seq, syn.mss, syn.window) == ("S", ISS, 1220, 8192)
    (ack,) = p.inject("SA", mss=1440)
    assert (text_of(ack.flags), ack.seq, ack.ack) == ("A", ISS + 1, IRS + 1)
    assert p.state is State.ESTABLISHED
    assert p.events() == [TcpConnected(THEIRS, LISTEN_PORT, MAC)]


def test_t01_checkpoints_of_both_roles() -> None:
    p = Peer()
    p.connecting()
    p.inject("SA")
    assert [e.number for e in p.tcp.events() if isinstance(e, Checkpoint)] == [301, 302, 303]
    p = Peer()
    p.tcp.listen(LISTEN_PORT)
    p.inject("S")
    p.inject("A")
    assert [e.number for e in p.tcp.events() if isinstance(e, Checkpoint)] == [300, 301, 302, 303]


def test_t02_passive_open_with_data_in_the_third_ack() -> None:
    p = Peer()
    p.tcp.listen(LISTEN_PORT)
    (synack,) = p.inject("S", mss=350)
    assert (text_of(synack.flags), synack.seq, synack.ack, synack.mss) == ("SA", ISS, IRS + 1, 1220)
    p.inject("PA", b"hello")
    assert p.events() == [TcpConnected(THEIRS, 40000, MAC), TcpData(b"hello")]


def test_t03_syn_lost_ladder_and_deadline() -> None:
    p = Peer()
    p.connecting(timeout=8 * S)
    assert [t for t, s in p.advance(7_900 * MS) if text_of(s.flags) == "S"] == [1 * S, 3 * S, 7 * S]
    assert p.closed() == []
    assert p.advance(8 * S) == []
    assert p.closed() == [StopReason.TCP_TIMEOUT]
    assert p.state is State.CLOSED


def test_t03_deadline_is_never_later_than_the_setup_timer() -> None:
    p = Peer()
    p.connecting(timeout=600 * S)
    p.advance(20 * S)
    assert p.closed() == [StopReason.TCP_TIMEOUT]


def test_t04_synack_lost_and_duplicate_syn() -> None:
    p = Peer()
    p.tcp.listen(LISTEN_PORT)
    p.inject("S")
    assert [(t, text_of(s.flags)) for t, s in p.advance(1 * S)] == [(1 * S, "SA")]
    (again,) = p.inject("S", seq=IRS)
    assert (text_of(again.flags), again.seq, again.ack) == ("SA", ISS, IRS + 1)
    p.inject("A")
    assert p.state is State.ESTABLISHED
    assert p.advance(p.now + 10 * S) == []


def test_t04_half_open_connection_gives_up_and_listens_again() -> None:
    p = Peer()
    p.tcp.listen(LISTEN_PORT)
    p.inject("S")
    p.advance(21 * S)
    assert p.tcp.session is None and p.events() == []
    assert shape(p.inject("S", seq=IRS + 100000)) == ["SA:0"]


def test_t05_synack_with_wrong_ack() -> None:
    p = Peer()
    p.connecting()
    (rst,) = p.inject("SA", ack=ISS + 77, keep=True)
    assert (text_of(rst.flags), rst.seq) == ("R", ISS + 77)
    assert p.state is State.SYN_SENT
    p.inject("SA")
    assert p.state is State.ESTABLISHED


def test_t06_rst_in_syn_sent() -> None:
    p = Peer()
    p.connecting()
    assert p.inject("R", keep=True) == [] and p.state is State.SYN_SENT
    assert p.inject("RA", ack=ISS + 2, keep=True) == [] and p.state is State.SYN_SENT
    assert p.inject("RA", ack=ISS + 1) == []
    assert p.closed() == [StopReason.TCP_REFUSED]


def test_t07_ack_without_syn() -> None:
    p = Peer()
    p.connecting()
    assert p.inject("A", ack=ISS + 1) == [] and p.state is State.SYN_SENT
    p = Peer()
    p.tcp.listen(LISTEN_PORT)
    (rst,) = p.inject("A", ack=4711)
    assert (text_of(rst.flags), rst.seq) == ("R", 4711)
    assert p.tcp.session is None


def test_t08_simultaneous_open() -> None:
    p = Peer()
    p.connecting()
    (synack,) = p.inject("S", mss=1440)
    assert (text_of(synack.flags), synack.seq, synack.ack) == ("SA", ISS, IRS + 1)
    assert p.state is State.SYN_RCVD
    (ack,) = p.inject("SA", seq=IRS, ack=ISS + 1)
    assert (text_of(ack.flags), ack.seq, ack.ack) == ("A", ISS + 1, IRS + 1)
    assert p.state is State.ESTABLISHED
    p.inject("PA", b"x")
    assert p.data() == b"x"


@pytest.mark.parametrize("mss, sizes", [
    (350, [350, 350, 300]), (None, [1000]), (0, [64] * 4), (40, [64] * 4), (9000, [1000]), (1, [64] * 4)])
def test_t09_mss_of_the_peer(mss: int | None, sizes: list[int]) -> None:
    p = Peer().as_client(mss=mss)
    assert [len(s.data) for s in p.send(bytes(1000))] == sizes


def test_t09_limits_without_and_above() -> None:
    assert [len(s.data) for s in Peer().as_client(mss=None).send(bytes(2000))] == [1220, 780]
    assert [len(s.data) for s in Peer().as_client(mss=9000).send(bytes(2000))] == [1440, 560]


@pytest.mark.parametrize("options, mss", [
    ("01 01 01 01 02 04 01 5e", 350),            # NOPs first
    ("00 00 00 00 02 04 01 5e", 1220),           # ended early
    ("fe 04 00 00 02 04 01 5e", 350),            # unknown kind with a length
    ("fe 00 00 00 02 04 01 5e", 1220),           # length 0: the rest is ignored
    ("fe 01 00 00 02 04 01 5e", 1220),           # length 1
    ("02 04 01 5e fe 28 00 00", 350),            # length beyond the header
    ("01 01 01 02", 1220),                       # kind without length
    ("02 03 01 01", 1220)])                      # MSS of a wrong length
def test_t10_options(options: str, mss: int) -> None:
    p = Peer()
    p.tcp.listen(LISTEN_PORT)
    (synack,) = p.raw(with_options(p, bytes.fromhex(options)))
    assert text_of(synack.flags) == "SA"
    assert p.connection.tx.mss == mss


@pytest.mark.parametrize("offset", [0, 4, 6, 15])
def test_t10_data_offset(offset: int) -> None:
    p = Peer()
    p.tcp.listen(LISTEN_PORT)
    syn = bytearray(with_options(p, b""))
    syn[12] = offset << 4
    assert p.raw(checksummed(bytes(syn))) == []
    assert p.tcp.malformed == 1 and p.tcp.session is None


def test_t11_second_syn_while_busy() -> None:
    p = Peer().as_server()
    (rst,) = p.inject("S", seq=1, port=40001)
    assert (text_of(rst.flags), rst.seq, rst.ack) == ("RA", 0, 2)
    (rst,) = p.inject("S", seq=1, port=40000, src=OTHERS)
    assert text_of(rst.flags) == "RA"
    assert p.tcp.refused == 2 and p.state is State.ESTABLISHED
    p.inject("PA", b"still here")
    assert p.data() == b"still here"


def test_t11_half_open_gives_way_to_the_same_host_only() -> None:
    p = Peer()
    p.tcp.listen(LISTEN_PORT)
    p.inject("S")
    assert shape(p.inject("S", seq=1, port=40001, src=OTHERS)) == ["RA:0"]
    assert shape(p.inject("S", seq=1, port=40001)) == ["RA:0", "SA:0"]
    assert p.connection.remote == 40001 and p.events() == []


def test_t12_syn_to_a_closed_port() -> None:
    p = Peer()
    (rst,) = p.inject("S", b"abc", seq=100)
    assert (text_of(rst.flags), rst.seq, rst.ack) == ("RA", 0, 104)
    (rst,) = p.inject("F", seq=100)
    assert (text_of(rst.flags), rst.ack) == ("RA", 101)
    (rst,) = p.inject("FA", seq=100, ack=7)
    assert (text_of(rst.flags), rst.seq) == ("R", 7)


def test_t13_rst_to_a_closed_port() -> None:
    p = Peer()
    assert p.inject("R", seq=100) == [] and p.inject("RA", seq=100, ack=5) == []


def test_resets_to_strangers_are_limited() -> None:
    p = Peer()
    answers = sum(len(p.inject("S", seq=1, port=port)) for port in range(1000, 2000))
    assert answers == 100
    p.now += 1 * S
    assert len(p.inject("S", seq=1, port=5)) == 1


def test_initial_sequence_numbers_follow_the_clock_and_the_tuple() -> None:
    import random

    from tasks.tcp.isn import InitialSequence
    isn = InitialSequence(random.Random(3))
    a = isn(THEIRS, 1, OTHERS, 2, 0)
    assert isn(THEIRS, 1, OTHERS, 2, 4_000_000) == (a + 1000) & 0xFFFFFFFF
    assert isn(THEIRS, 1, OTHERS, 3, 0) != a
    assert InitialSequence(random.Random(4))(THEIRS, 1, OTHERS, 2, 0) != a
