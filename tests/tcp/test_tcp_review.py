"""What a reading against RFC 9293, 6056 and 5961 found: ports, bounds of answers, TIME-WAIT and its places, keep-alive of our own."""
from __future__ import annotations

import random
from types import SimpleNamespace

import pytest

from drivers.blackbox.tape import Tape, TapedRandom
from kernel.timer import MS, S
from tasks.config import Config
from tasks.messages import Datagram
from tasks.stop_reasons import StopReason
from tasks.tcp import wire
from tasks.tcp.config import TcpConfig
from tasks.tcp.endpoint import FIRST_PRIVATE_PORT, LEAVING, Endpoint
from tasks.tcp.states import State
from tools.appliance.session_record import taped

from tests.tcp.peer import IRS, ISS, LISTEN_PORT, MAC, OTHERS, OURS, PSEUDO, Peer, THEIRS, shape, text_of


# --- opening ----------------------------------------------------------------------------------------------------------

def test_each_connection_draws_its_own_port() -> None:
    endpoint = Endpoint(OURS, TcpConfig(), random.Random(1))
    ports = []
    for _ in range(200):
        endpoint.connect(THEIRS, LISTEN_PORT, MAC, 20 * S, 0)
        ports.append(wire.parse(endpoint.outgoing()[0].payload, PSEUDO).src_port)
    assert all(port >= FIRST_PRIVATE_PORT for port in ports) and len(set(ports)) > 190
    assert sum(b == a + 1 for a, b in zip(ports, ports[1:])) <= 2      # RFC 6056 3.1: not the one behind the last


def test_a_port_that_is_still_closing_is_not_drawn_again() -> None:
    class Stubborn(random.Random):
        """Draws the same port twice before it takes the next."""
        drawn = 0

        def randrange(self, *bounds: int) -> int:       # type: ignore[override]
            self.drawn += 1
            return FIRST_PRIVATE_PORT + self.drawn // 2 if bounds[0] == FIRST_PRIVATE_PORT else super().randrange(*bounds)
    p = Peer()
    p.tcp = Endpoint(OURS, TcpConfig(), Stubborn(1), isn=lambda *_: p.iss)
    p.as_client()
    first = p.ours
    p.close()
    p.inject("FA")
    assert p.state is State.TIME_WAIT
    p.tcp._rng.drawn -= 1
    p.connecting()
    assert p.ours != first


def test_the_mac_is_not_learned_from_a_guess() -> None:
    p = Peer()
    p.tcp.connect(THEIRS, LISTEN_PORT, None, 20 * S, 0)
    syn = p.sent()[0]
    guess = wire.emit(LISTEN_PORT, syn.src_port, 1, syn.seq + 77, wire.SYN | wire.ACK, 100, b"", PSEUDO)
    p.tcp.receive(Datagram(THEIRS, OURS, guess, bytes.fromhex("020000000099")), 0)
    assert p.tcp.session.mac is None
    right = wire.emit(LISTEN_PORT, syn.src_port, 1, syn.seq + 1, wire.SYN | wire.ACK, 100, b"", PSEUDO)
    p.tcp.receive(Datagram(THEIRS, OURS, right, MAC), 0)
    assert p.tcp.session.mac == MAC and p.state is State.ESTABLISHED


def test_t11_a_second_connection_can_be_ignored() -> None:
    p = Peer(second_connection="ignore").as_server()
    assert p.inject("S", seq=1, port=40001, src=OTHERS) == [] and p.tcp.refused == 1
    assert shape(p.inject("S", seq=1, to=LISTEN_PORT + 1)) == ["RA:0"]         # a port where nobody listens is another matter


@pytest.mark.parametrize("flags, ack", [("SA", ISS + 50), ("A", ISS + 50)])
def test_t42_answers_before_the_connection_is_open_are_limited(flags: str, ack: int) -> None:
    p = Peer()
    p.connecting()
    assert sum(len(p.inject(flags, ack=ack, keep=True)) for _ in range(1000)) == 100
    p.now += 1 * S
    assert len(p.inject(flags, ack=ack, keep=True)) == 1


def test_t42_repetitions_of_syn_are_limited() -> None:
    p = Peer()
    p.tcp.listen(LISTEN_PORT)
    p.inject("S")
    assert sum(len(p.inject("S", seq=IRS)) for _ in range(1000)) == 100


# --- closing ----------------------------------------------------------------------------------------------------------

def _time_wait(p: Peer) -> Peer:
    p.close()
    p.inject("A")
    p.inject("FA")
    assert p.state is State.TIME_WAIT
    return p


def test_t48_only_the_fin_itself_restarts_time_wait() -> None:
    p = _time_wait(Peer().as_server())
    for seq in (p.seq - 5000, p.seq + 5000, p.seq + 70000):
        p.advance(p.now + 3 * S)
        p.inject("FA", seq=seq)
    p.advance(p.now + 1 * S)
    assert p.state is State.CLOSED and not p.tcp.leaving


def test_t49_the_next_connection_begins_beyond_the_old_numbers() -> None:
    p = Peer().as_server()
    for _ in range(64):
        p.send(bytes(1000))
        p.inject("A")
    used = p.connection.tx.nxt + 1
    _time_wait(p)                                    # the clock of the initial numbers (here: a constant) was slower than the data
    (synack,) = p.inject("S", seq=p.seq + 1000)
    assert text_of(synack.flags) == "SA"
    assert 0 < synack.seq - used < 1 << 16


def test_t54_a_place_is_taken_from_time_wait_before_a_connection_that_still_closes() -> None:
    p = Peer()
    p.tcp.listen(p.ours)
    for i in range(LEAVING + 1):
        p.theirs, p.seq, p.ack = 41000 + i, 1000 * i, 0
        p.inject("S")
        p.inject("A")
        p.close()
        if i:                                        # the first one's FIN is never acknowledged
            p.inject("A")
            p.inject("FA")
        p.events()
    p.theirs, p.seq, p.ack = 42000, 7, 0
    p.inject("S")
    assert p.tcp.evicted == 1
    assert [s.connection.state for s in p.tcp.leaving].count(State.FIN_WAIT_1) == 1 and p.sent() == []


def test_data_that_nobody_reads_any_more_does_not_close_the_window_for_good() -> None:
    p = Peer().as_server()
    p.close()
    p.inject("A")
    old = p.connection
    p.inject("S", seq=4711, port=40001)              # the next session: the first one is only closing now
    window = [s.window for _ in range(40) for s in p.inject("PA", bytes(1000)) if s.dst_port == p.theirs]
    assert old.state is State.FIN_WAIT_2 and min(window) >= 1220


# --- keep-alive -------------------------------------------------------------------------------------------------------

def test_keep_alive_is_off_by_default() -> None:
    assert TcpConfig().keep_alive_s == 0
    p = Peer().as_server()
    assert p.advance(7200 * S) == [] and p.state is State.ESTABLISHED


def test_t56_keep_alive_asks_and_goes_on_with_the_answer() -> None:
    p = Peer(keep_alive_s=10).as_server()
    for _ in range(20):
        start = p.now
        ((at, probe),) = p.advance(start + 11 * S)
        assert (text_of(probe.flags), probe.seq, len(probe.data), at - start) == ("A", ISS, 0, 10 * S)
        p.now = at
        p.inject("A")
    assert p.state is State.ESTABLISHED


def test_t56_keep_alive_ends_a_silent_peer_and_not_for_one_lost_probe() -> None:
    p = Peer(keep_alive_s=10).as_server()
    assert len(p.advance(17 * S)) == 4 and p.state is State.ESTABLISHED
    p.inject("A")                                    # the fourth was answered
    start = p.now
    out = p.advance(start + 30 * S)
    assert [(t - start) // S for t, _ in out] == [10, 12, 14, 16, 18, 20]
    assert shape([s for _, s in out]) == ["A:0"] * 5 + ["RA:0"] and p.closed() == [StopReason.TCP_TIMEOUT]


def test_keep_alive_leaves_data_in_flight_to_the_retransmission() -> None:
    p = Peer(keep_alive_s=1, user_timeout_ms=20_000).as_client()
    p.send(b"anybody?")
    out = p.advance(30 * S)
    assert [s.data for _, s in out[:-1]] == [b"anybody?"] * 4 and out[-1][0] == 20 * S


def test_keep_alive_does_not_ask_a_connection_that_is_closing() -> None:
    p = Peer(keep_alive_s=1).as_server()
    p.close()
    p.inject("A")
    assert p.advance(p.now + 19 * S) == [] and p.state is State.FIN_WAIT_2


def test_an_answered_probe_of_the_peer_counts_for_nothing_more() -> None:
    p = Peer(keep_alive_s=5).as_server()
    (answer,) = p.inject("A", seq=p.seq - 1)         # the other one's probe
    assert (answer.seq, answer.ack) == (ISS + 1, IRS + 1)
    assert [t for t, _ in p.advance(4990 * MS)] == [] and p.connection.tx.una == ISS + 1


# --- the source of numbers that nobody guesses ------------------------------------------------------------------------

def test_the_product_draws_from_the_system() -> None:
    """`random.SystemRandom` reads os.urandom as the module `secrets` does; main.py gives it, by way of the tape, to the table, the table to TCP."""
    import ast
    import secrets
    from pathlib import Path

    root = Path(__file__).resolve().parents[2]
    main = ast.parse((root / "main.py").read_text())

    def calls(name: str) -> list[ast.Call]:
        return [n for n in ast.walk(main) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == name]
    given, = (n for n in ast.walk(main) if isinstance(n, ast.Assign) and n.value in calls("taped"))
    assert ast.unparse(given.targets[0]) == "(given, rng, around, loaded)" and ast.unparse(calls("taped")[0].args[6]) == "random.SystemRandom()"
    assert [ast.unparse(c.args[3]) for c in calls("build")] == ["rng"]
    system = random.SystemRandom()
    assert taped(None, Config(), None, None, 0, None, system, None, None)[1] is system
    assert TapedRandom(Tape(), SimpleNamespace(getrandbits=lambda k: 7, random=lambda: 0.5)).getrandbits(32) == 7
    tree = ast.parse((root / "tasks/table.py").read_text())
    made = [ast.unparse(n.args[2]) for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "Endpoint"]
    assert made == ["rng", "rng", "rng"]
    assert secrets.SystemRandom is random.SystemRandom
    a, b = (Endpoint(OURS, TcpConfig(), random.SystemRandom()) for _ in range(2))
    for endpoint in (a, b):
        endpoint.connect(THEIRS, LISTEN_PORT, MAC, 20 * S, 0)
    first, second = (wire.parse(e.outgoing()[0].payload, PSEUDO) for e in (a, b))
    assert (first.seq, first.src_port) != (second.seq, second.src_port)
