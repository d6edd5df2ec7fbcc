"""Cases of the fact sheet, section 6.4, with a kernel at the other end: the end in all its orders, and silence."""
from __future__ import annotations

from typing import Callable

from tasks.stop_reasons import StopReason
from tasks.tcp.states import State
from tasks.tcp.wire import ACK, FIN
from tests.tcp_kernel.faults import TO_OURS, TO_PEER
from tests.tcp_kernel.lab import Lab
from tests.tcp_kernel.octets import sha256, stream
from tests.tcp_kernel.scenarios import both_ways, client, server
from tests.tcp_kernel.transfer import PORT


def t44_active_close(lab: Lab) -> None:
    for role in (client, server):
        lab.own.begin()
        s = role(lab)
        hears = lab.peer.begin("receive", s=s)
        lab.own.close()
        assert lab.wait(hears)["size"] == 0 and lab.own.until(lambda: lab.own.last.state is State.FIN_WAIT_2)
        lab.ask("close", s=s)
        assert lab.own.until(lambda: lab.own.last.state is State.TIME_WAIT) and lab.own.closed == [None]


def t45_passive_close_and_half_close(lab: Lab) -> None:
    for role in (client, server):
        lab.own.begin()
        s = role(lab)
        lab.ask("shut", s=s)
        assert lab.own.until(lambda: lab.own.last.state is State.CLOSE_WAIT)
        hears = lab.peer.begin("receive", s=s)
        lab.own.say(stream(1, 1000), close=True)
        assert lab.wait(hears)["sha256"] == sha256(stream(1, 1000))
        assert lab.own.until(lambda: lab.own.last.state is State.CLOSED) and lab.own.closed == [None]


def t46_simultaneous_close(lab: Lab) -> None:
    s = client(lab)
    both_ways(lab, s)
    lab.faults(delay_ms=150)
    shut = lab.peer.begin("shut", s=s)               # both FINs are on the way before either arrives
    lab.own.close()
    assert lab.own.until(lambda: lab.own.last.state is State.CLOSING)
    assert lab.own.until(lambda: lab.own.last.state is State.TIME_WAIT) and lab.own.closed == [None]
    lab.wait(shut)
    lab.own.during(0.5)
    assert lab.ask("receive", s=s)["size"] == 0


def t47_fin_before_a_hole(lab: Lab) -> None:
    s = server(lab)
    both_ways(lab, s)
    lab.own.heard.clear()
    lab.lose(TO_OURS, ACK, 1, data=True)
    lab.wait(lab.peer.begin("send", s=s, seed=2, size=2000))
    lab.wait(lab.peer.begin("shut", s=s))
    assert lab.own.until(lambda: lab.own.closed == [None]) and bytes(lab.own.heard) == stream(2, 2000)


def t48_our_fin_lost(lab: Lab) -> None:
    s = client(lab)
    both_ways(lab, s)
    lab.lose(TO_PEER, FIN, 2)
    hears = lab.peer.begin("receive", s=s)
    lab.own.close()
    assert lab.wait(hears)["size"] == 0 and lab.own.last.tx.repeats == 2


def t48_the_kernels_fin_is_answered_again_in_time_wait(lab: Lab) -> None:
    s = client(lab)
    both_ways(lab, s)
    lab.own.close()
    assert lab.own.until(lambda: lab.own.last.state is State.FIN_WAIT_2)
    lab.counts()
    lab.lose(TO_PEER, ACK, 1, data=False)            # our ACK of its FIN
    lab.ask("close", s=s)
    lab.own.during(1.5)
    counts = lab.counts()
    assert lab.own.last.state is State.TIME_WAIT and counts["to_ours segments"] >= 2 and counts["to_peer segments"] >= 2
    assert "LAST-ACK" not in lab.ask("ss")["text"]


def t49_t54_the_listener_is_free_at_once_for_the_same_four_tuple(lab: Lab) -> None:
    s, last = server(lab), None
    for n in range(1, 6):
        port = lab.own.last.remote
        assert lab.own.last is not last and lab.own.connected == n
        last = lab.own.last
        both_ways(lab, s)
        hears = lab.peer.begin("receive", s=s)
        lab.own.close()                              # TIME-WAIT is ours
        lab.wait(hears)
        lab.ask("close", s=s)
        assert lab.own.until(lambda before=last: before.state is State.TIME_WAIT)
        assert lab.own.until(lambda number=port: f":{number} " not in lab.ask("ss")["text"]), "the kernel still has the old connection"
        s = lab.socket()
        answer = lab.ask("connect", s=s, address=lab.own.host.address.hex(), to=PORT, port=port)
        assert "error" not in answer and lab.own.until(lambda count=n: lab.own.connected == count + 1), answer
    both_ways(lab, s)


def t54_twenty_sessions_in_a_row(lab: Lab) -> None:
    for n in range(1, 21):
        if n == 1:
            s = server(lab)
        else:
            s = lab.socket()
            assert "error" not in lab.ask("connect", s=s, address=lab.own.host.address.hex(), to=PORT)
            assert lab.own.until(lambda count=n: lab.own.connected == count)
        both_ways(lab, s, 200)
        lab.ask("close", s=s)
        assert lab.own.until(lambda count=n: lab.own.closed == [None] * count)
    assert len(lab.own.endpoint.leaving) <= 4


def two_connections_at_once(lab: Lab) -> None:
    """The old one has only sent its FIN and still hears; the new one is in full swing."""
    first = server(lab)
    both_ways(lab, first)
    lab.own.close()
    old = lab.own.last
    assert lab.own.until(lambda: old.state is State.FIN_WAIT_2)
    second = lab.socket()
    assert "error" not in lab.ask("connect", s=second, address=lab.own.host.address.hex(), to=PORT)
    assert lab.own.until(lambda: lab.own.connected == 2)
    late = lab.peer.begin("send", s=first, seed=3, size=50_000)
    lab.own.heard.clear()
    both_ways(lab, second, 50_000)
    lab.wait(late)
    assert old.state is State.FIN_WAIT_2 and len(lab.own.endpoint.leaving) == 1
    lab.ask("close", s=first)
    assert lab.own.until(lambda: old.state is State.TIME_WAIT)
    both_ways(lab, second)


def t55_user_timeout(lab: Lab) -> None:
    lab.own.begin(user_timeout_ms=3000)
    client(lab)
    lab.lose(TO_PEER, ACK, 1000)
    lab.own.say(b"anybody?")
    assert lab.own.until(lambda: lab.own.closed == [StopReason.TCP_TIMEOUT], 8)


def t56_keep_alive_of_the_kernel_is_answered(lab: Lab) -> None:
    s = server(lab)
    both_ways(lab, s)
    lab.own.during(0.3)
    lab.ask("keep_alive", s=s)
    lab.counts()
    lab.own.during(3.5)
    counts = lab.counts()
    assert counts["to_ours segments"] >= 2 and counts["to_peer segments"] == counts["to_ours segments"]
    both_ways(lab, s)


def t56_our_keep_alive_is_answered(lab: Lab) -> None:
    lab.own.begin(keep_alive_s=1)
    s = client(lab)
    both_ways(lab, s)
    lab.own.during(0.3)
    lab.counts()
    lab.own.during(3.5)
    counts = lab.counts()
    assert counts["to_peer segments"] >= 2 and counts["to_ours segments"] == counts["to_peer segments"]
    both_ways(lab, s)


CASES: dict[str, Callable[[Lab], None]] = {case.__name__: case for case in (
    t44_active_close, t45_passive_close_and_half_close, t46_simultaneous_close, t47_fin_before_a_hole, t48_our_fin_lost,
    t48_the_kernels_fin_is_answered_again_in_time_wait, t49_t54_the_listener_is_free_at_once_for_the_same_four_tuple, t54_twenty_sessions_in_a_row,
    two_connections_at_once, t55_user_timeout, t56_keep_alive_of_the_kernel_is_answered, t56_our_keep_alive_is_answered)}
