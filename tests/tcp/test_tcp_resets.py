"""T37 to T43 of the fact sheet, section 6.4: RST, SYN and forged numbers (RFC 5961)."""
from __future__ import annotations

from kernel.timer import MS, S
from tasks.stop_reasons import StopReason
from tasks.tcp.states import State

from tests.tcp.peer import IRS, ISS, LISTEN_PORT, Peer, shape, text_of


def test_t37_exact_rst() -> None:
    p = Peer().as_server()
    p.inject("PA", b"last words")
    assert p.inject("R", keep=True) == []
    events = p.events()
    assert events[0].data == b"last words" and events[1].reason is StopReason.TCP_RESET
    assert p.state is State.CLOSED and p.advance(60 * S) == []


def test_t38_rst_in_the_window_is_challenged() -> None:
    p = Peer().as_server()
    for offset in (1, 100, 8191):
        (challenge,) = p.inject("R", seq=p.seq + offset)
        assert (text_of(challenge.flags), challenge.ack) == ("A", IRS + 1)
    assert p.state is State.ESTABLISHED
    p.inject("R", seq=challenge.ack)
    assert p.closed() == [StopReason.TCP_RESET]


def test_t39_rst_outside_the_window() -> None:
    p = Peer().as_server()
    for offset in (-1, -5000, 8192, 1 << 30, 1 << 31):
        assert p.inject("R", seq=p.seq + offset) == []
    assert p.state is State.ESTABLISHED


def test_t40_syn_in_established() -> None:
    p = Peer().as_server()
    for seq in (0, p.seq, p.seq + 10, IRS):
        (challenge,) = p.inject("S", seq=seq)
        assert (text_of(challenge.flags), challenge.seq, challenge.ack) == ("A", ISS + 1, IRS + 1)
    p.inject("R", seq=challenge.ack)                                # what a rebooted peer answers
    assert p.closed() == [StopReason.TCP_RESET]
    assert shape(p.inject("S", seq=77)) == ["SA:0"]                 # and its next SYN is welcome


def test_t41_blind_data() -> None:
    p = Peer().as_server()
    for ack in (p.ack + 1, p.ack + 1000, p.ack - 70000):
        (challenge,) = p.inject("PA", b"forged", ack=ack, keep=True)
        assert text_of(challenge.flags) == "A" and challenge.ack == IRS + 1
    assert p.data() == b""


def test_t42_challenges_are_limited() -> None:
    p = Peer().as_server()
    answers = 0
    for i in range(1000):
        p.now = i * MS
        answers += len(p.inject("R", seq=p.seq + 5)) + len(p.inject("S", seq=3)) + len(p.inject("PA", b"x", ack=p.ack + 9, keep=True))
    assert answers == 10
    p.now = 1000 * MS
    assert len(p.inject("R", seq=p.seq + 5)) == 1


def test_t42_answers_to_old_segments_are_limited() -> None:
    p = Peer().as_server()
    p.inject("PA", b"hello")
    assert sum(len(p.inject("PA", b"hello", seq=IRS + 1)) for _ in range(1000)) == 100


def test_t43_rst_in_syn_rcvd() -> None:
    p = Peer()
    p.tcp.listen(LISTEN_PORT)
    p.inject("S")
    assert p.inject("R") == []
    assert p.tcp.session is None and p.events() == []
    assert shape(p.inject("S", seq=1)) == ["SA:0"]


def test_t43_wrong_ack_in_syn_rcvd() -> None:
    p = Peer()
    p.tcp.listen(LISTEN_PORT)
    p.inject("S")
    (rst,) = p.inject("A", ack=ISS + 50)
    assert (text_of(rst.flags), rst.seq) == ("R", ISS + 50)
    assert p.state is State.SYN_RCVD


def test_t43_syn_with_another_number_in_syn_rcvd() -> None:
    p = Peer()
    p.tcp.listen(LISTEN_PORT)
    p.inject("S")
    (challenge,) = p.inject("S", seq=IRS + 500)
    assert text_of(challenge.flags) == "A"
    assert p.state is State.SYN_RCVD
