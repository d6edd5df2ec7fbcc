"""Cases of the fact sheet, section 6.4, with a kernel at the other end: opening, windows, resets. Each begins with a new stack and a clean bridge."""
from __future__ import annotations

from typing import Callable

from tasks.ipv6.wire import TCP, emit_ipv6, pseudo_sum
from tasks.stop_reasons import StopReason
from tasks.tcp import wire
from tasks.tcp.states import State
from tasks.tcp.wire import ACK, PSH, RST, SYN
from tests.tcp_kernel.faults import TO_OURS, TO_PEER
from tests.tcp_kernel.lab import OUR_MAC, PEER_MAC, Lab
from tests.tcp_kernel.octets import sha256, stream
from tests.tcp_kernel.transfer import PORT, Task, opened, run

ECONNRESET, ECONNREFUSED = 104, 111


def client(lab: Lab, **words: int) -> int:
    """Our stack opens; the kernel's socket."""
    s, why = opened(lab, Task(client=True, sends=True, **words))
    assert not why, why
    return s


def server(lab: Lab, **words: int) -> int:
    """The kernel opens."""
    s, why = opened(lab, Task(client=False, sends=True, **words))
    assert not why, why
    return s


def both_ways(lab: Lab, s: int, size: int = 3000) -> None:
    """The connection lives: octets in both directions."""
    own, words = lab.own, stream(7, size)
    before = len(own.heard)
    hears = lab.peer.begin("receive", s=s, size=size)
    own.say(words)
    assert lab.wait(hears)["sha256"] == sha256(words)
    lab.ask("send", s=s, seed=8, size=size)
    assert own.until(lambda: len(own.heard) >= before + size) and bytes(own.heard[before:]) == stream(8, size)


def forge(lab: Lab, flags: int, distance: int, ack_distance: int = 0, data: bytes = b"") -> None:
    """A segment to our stack in the kernel's name, `distance` beyond what comes next."""
    c = lab.own.endpoint.session.connection
    src, dst = lab.peer_address, lab.own.host.address
    payload = wire.emit(c.remote, c.local, c.rx.nxt + distance & 0xFFFFFFFF, c.tx.nxt + ack_distance & 0xFFFFFFFF, flags, 1000, data, pseudo_sum(src, dst, TCP))
    frame = bytes.fromhex(OUR_MAC.replace(":", "") + PEER_MAC.replace(":", "")) + b"\x86\xdd" + emit_ipv6(src, dst, TCP, 64, payload)
    lab.bridge.ask("inject", way=TO_OURS, frame=frame.hex())
    lab.own.during(0.05)


# --- opening ----------------------------------------------------------------------------------------------------------

def t01_both_roles(lab: Lab) -> None:
    for role in (client, server):
        lab.own.begin()
        s = role(lab)
        assert lab.own.last.tx.mss == 1440
        both_ways(lab, s)
        lab.ask("close", s=s)
        assert lab.own.until(lambda: lab.own.closed == [None])


def t02_data_in_the_third_ack(lab: Lab) -> None:
    lab.lose(TO_OURS, ACK, 1, data=False)            # the kernel's pure ACK is lost: its first data is the third segment
    lab.own.endpoint.listen(PORT)
    s = lab.socket()
    lab.wait(lab.peer.begin("connect", s=s, address=lab.own.host.address.hex(), to=PORT))
    assert lab.own.endpoint.session.connection.state is State.SYN_RCVD
    lab.ask("send", s=s, seed=1, size=100)
    assert lab.own.until(lambda: bytes(lab.own.heard) == stream(1, 100))


def t03_our_syn_lost(lab: Lab) -> None:
    lab.lose(TO_PEER, SYN, 1)
    both_ways(lab, client(lab))
    assert lab.counts()["lost by order"] == 1


def t03_nobody_answers(lab: Lab) -> None:
    lab.lose(TO_PEER, SYN, 100)
    lab.own.connect(lab.peer_address, PORT, timeout_s=2.0)
    assert lab.own.until(lambda: lab.own.closed == [StopReason.TCP_TIMEOUT], 5)
    assert lab.counts()["lost by order"] == 2        # at 0 and 1 s


def t04_synack_lost_in_both_roles(lab: Lab) -> None:
    lab.lose(TO_PEER, SYN | ACK, 1)
    both_ways(lab, server(lab))
    lab.own.begin()
    lab.lose(TO_OURS, SYN | ACK, 1)
    both_ways(lab, client(lab))
    assert lab.counts()["lost by order"] == 2


def t08_simultaneous_open(lab: Lab) -> None:
    """The kernel's SYN is on its way to the port from which ours is on its way to the kernel's."""
    own, s = lab.own, lab.socket()
    both_ways(lab, client(lab))                      # neighbours know each other: nothing but the SYNs shall wait
    own.abort()
    own.begin()
    lab.faults(delay_ms=100)
    own.connect(lab.peer_address, PORT + 1)
    opens = lab.peer.begin("connect", s=s, address=own.host.address.hex(), to=own.last.local, port=PORT + 1)
    assert own.until(lambda: own.last.state is State.SYN_RCVD) and own.last.active
    assert own.until(lambda: own.connected == 1 and opens in lab.peer.answers) and lab.wait(opens) == {"port": PORT + 1}
    lab.faults()
    both_ways(lab, s)


def t09_mss_of_the_kernel(lab: Lab) -> None:
    for role in (client, server):
        lab.own.begin()
        s = role(lab, mss=350)
        lab.counts()
        both_ways(lab, s, 5000)
        assert lab.own.last.tx.mss == 350 and lab.counts()["largest to_peer"] == 350


def t09_our_mss_is_obeyed(lab: Lab) -> None:
    lab.own.begin(mss=536)
    s = server(lab)
    both_ways(lab, s, 5000)
    assert lab.counts()["largest to_ours"] == 536


def t11_a_second_connection_is_refused(lab: Lab) -> None:
    s, second = server(lab), lab.socket()
    answer = lab.ask("connect", s=second, address=lab.own.host.address.hex(), to=PORT)
    assert answer.get("errno") == ECONNREFUSED and lab.own.endpoint.refused == 1
    both_ways(lab, s)


def t12_closed_ports(lab: Lab) -> None:
    lab.own.connect(lab.peer_address, 4)
    assert lab.own.until(lambda: lab.own.closed == [StopReason.TCP_REFUSED], 5)
    assert lab.ask("connect", s=lab.socket(), address=lab.own.host.address.hex(), to=PORT)["errno"] == ECONNREFUSED


def t20_numbers_wrap(lab: Lab) -> None:
    for n in range(20):                              # ours near the end of the numbers, the kernel's wherever they are
        lab.own.begin(isn=lambda *_, first=0xFFFFFFFF - 977 * n: first)
        s = (client, server)[n % 2](lab)
        both_ways(lab, s, 20_000)
        assert lab.own.last.tx.nxt > 1 << 32
        lab.ask("close", s=s)
        assert lab.own.until(lambda: lab.own.closed == [None])


# --- windows and segments ---------------------------------------------------------------------------------------------

def t23_fast_retransmit(lab: Lab) -> None:
    s, words = client(lab), stream(3, 30_000)
    both_ways(lab, s)
    lab.lose(TO_PEER, ACK, 1, data=True)
    hears = lab.peer.begin("receive", s=s, size=len(words))
    lab.own.say(words)
    assert lab.wait(hears)["sha256"] == sha256(words)
    assert lab.own.until(lambda: not lab.own.last.tx.unfinished)
    assert lab.own.last.tx.fast_repeats == 1 and lab.own.last.tx.repeats == 1


def t33_the_kernel_does_not_read(lab: Lab) -> None:
    listener, s = lab.socket(), lab.socket()
    lab.ask("listen", s=listener, port=PORT, receive_buffer=4096)
    accepted = lab.peer.begin("accept", s=s, listener=listener)
    lab.own.connect(lab.peer_address, PORT)
    lab.wait(accepted)
    words = stream(4, 100_000)
    lab.own.say(words)
    tx = lab.own.last.tx
    assert lab.own.until(lambda: tx.probes >= 2) and tx.window < tx.mss and lab.own.sent < len(words)
    assert lab.wait(lab.peer.begin("receive", s=s, size=len(words)))["sha256"] == sha256(words)
    lab.ask("close", s=listener)


def t35_our_application_does_not_read(lab: Lab) -> None:
    s, own = server(lab), lab.own
    own.reading = False
    says = lab.peer.begin("send", s=s, seed=5, size=400_000)
    rx = own.last.rx
    assert own.until(lambda: rx.ready_size == 8192)
    own.during(0.8)                                  # the kernel probes meanwhile
    assert rx.ready_size == 8192 and rx.edge == rx.nxt and not own.closed
    own.reading = True
    assert own.until(lambda: len(own.heard) >= 400_000) and bytes(own.heard) == stream(5, 400_000)
    lab.wait(says)


def fragments_to_us_are_dropped_and_counted(lab: Lab) -> None:
    s = server(lab)
    lab.faults(fragment=100)
    says = lab.peer.begin("send", s=s, seed=6, size=1000)
    assert lab.own.until(lambda: lab.own.host.unknown_header >= 2) and not lab.own.heard
    lab.faults()
    assert lab.own.until(lambda: bytes(lab.own.heard) == stream(6, 1000))
    lab.wait(says)


def every_segment_split(lab: Lab) -> None:
    s = server(lab)
    lab.faults(split=100, corrupt=3)
    both_ways(lab, s, 50_000)


def the_kernel_counts_what_it_repeated(lab: Lab) -> None:
    s = server(lab)
    lab.lose(TO_OURS, ACK, 3, data=True)
    lab.ask("send", s=s, seed=9, size=30_000)
    assert lab.own.until(lambda: bytes(lab.own.heard) == stream(9, 30_000))
    lab.own.during(0.3)                              # the last ACK arrives there
    count = lab.ask("retransmissions", s=s)["count"]
    assert count >= 3 and f"retrans:0/{count}" in lab.ask("ss")["text"]


def all_faults_both_roles_and_directions(lab: Lab) -> None:
    for role in (True, False):
        for sends in (True, False):
            outcome = run(lab, Task(role, sends, "all", 5, 60_000, seed=11 + 2 * role + sends))
            assert outcome.intact and "sent broken" not in outcome.bridge, outcome


def both_directions_at_once(lab: Lab) -> None:
    s, own, there, back = server(lab), lab.own, stream(12, 100_000), stream(13, 100_000)
    lab.faults(drop=3, duplicate=3, reorder=3, corrupt=1, split=5)
    hears, says = lab.peer.begin("receive", s=s, size=len(there)), lab.peer.begin("send", s=s, seed=13, size=len(back))
    own.say(there)
    assert own.until(lambda: len(own.heard) >= len(back)) and bytes(own.heard) == back
    assert lab.wait(hears)["sha256"] == sha256(there)
    lab.wait(says)


def ten_percent_lost(lab: Lab) -> None:
    for role in (True, False):
        for sends in (True, False):
            outcome = run(lab, Task(role, sends, "drop", 10, 60_000, seed=21 + 2 * role + sends))
            assert outcome.intact, outcome


# --- resets -----------------------------------------------------------------------------------------------------------

def t37_reset_by_the_kernel(lab: Lab) -> None:
    for role in (client, server):
        lab.own.begin()
        lab.ask("close", s=role(lab), reset=True)
        assert lab.own.until(lambda: lab.own.closed == [StopReason.TCP_RESET], 5)


def t53_reset_by_us(lab: Lab) -> None:
    s = client(lab)
    hears = lab.peer.begin("receive", s=s)
    lab.own.abort()
    assert lab.wait(hears).get("errno") == ECONNRESET


def t38_t39_t41_forged_segments(lab: Lab) -> None:
    s = server(lab)
    both_ways(lab, s)
    lab.own.during(0.3)
    lab.counts()
    for answers, forged in ((1, (RST, 100)), (0, (RST, -1)), (0, (RST, 9000)), (0, (RST, 1 << 30)), (1, (SYN, 50)), (1, (PSH | ACK, 0, 5000, b"forged"))):
        forge(lab, *forged)                          # a challenge ACK, to which the kernel says nothing; or silence
        counts = lab.counts()
        assert (counts.get("to_peer segments", 0), counts.get("to_ours segments", 0)) == (answers, 0), forged
    both_ways(lab, s)


def t40_the_kernel_has_restarted(lab: Lab) -> None:
    s = server(lab)
    port = lab.own.last.remote
    lab.lose(TO_OURS, RST, 1)
    lab.ask("close", s=s, reset=True)                # its end is gone, and we do not know
    lab.own.during(0.1)
    assert lab.own.last.state is State.ESTABLISHED and not lab.own.closed
    again = lab.socket()
    answer = lab.ask("connect", s=again, address=lab.own.host.address.hex(), to=PORT, port=port)
    assert "error" not in answer and lab.own.until(lambda: lab.own.connected == 2)
    assert lab.own.closed == [StopReason.TCP_RESET] and lab.own.last.remote == port
    both_ways(lab, again)


CASES: dict[str, Callable[[Lab], None]] = {case.__name__: case for case in (
    t01_both_roles, t02_data_in_the_third_ack, t03_our_syn_lost, t03_nobody_answers, t04_synack_lost_in_both_roles, t08_simultaneous_open,
    t09_mss_of_the_kernel, t09_our_mss_is_obeyed, t11_a_second_connection_is_refused, t12_closed_ports, t20_numbers_wrap, t23_fast_retransmit, t33_the_kernel_does_not_read,
    t35_our_application_does_not_read, fragments_to_us_are_dropped_and_counted, every_segment_split, the_kernel_counts_what_it_repeated,
    all_faults_both_roles_and_directions, both_directions_at_once, ten_percent_lost, t37_reset_by_the_kernel, t53_reset_by_us,
    t38_t39_t41_forged_segments, t40_the_kernel_has_restarted)}
