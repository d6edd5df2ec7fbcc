"""Random segments on a legal beginning: the books of a connection (T62) must balance after each. `python -m tests.tcp.fuzz [--segments N] [--seed N]`."""
from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from typing import Any

from kernel.timer import MS, NEVER, S
from tasks.messages import Datagram, TcpClosed, TcpData
from tasks.tcp import wire
from tasks.tcp.connection import Connection
from tasks.tcp.endpoint import LEAVING
from tasks.tcp.states import State
from tasks.tcp.timing import AHEAD_SEGMENTS, EXTRA_SEGMENTS, FLIGHT_SEGMENTS, RECEIVE_BUFFER, SEND_BUFFER

from tests.tcp.lossy import Books
from tests.tcp.peer import IRS, ISS, LISTEN_PORT, MAC, M, OURS, PSEUDO, THEIRS, Peer

WALK = 250               # segments in one connection's life before the next begins
SHOWN = 20_000           # segments between two lines of progress
ANSWERS = FLIGHT_SEGMENTS + EXTRA_SEGMENTS + 4       # segments that one step may cause
S_ = State
LEGAL: dict[State, set[State]] = {
    # RFC 9293 3.3.2, figure 5, and what one segment can do at once (an ACK and a FIN in it are two edges)
    S_.CLOSED: set(),
    S_.SYN_SENT: {S_.SYN_RCVD, S_.ESTABLISHED, S_.CLOSE_WAIT},
    S_.SYN_RCVD: {S_.ESTABLISHED, S_.CLOSE_WAIT, S_.FIN_WAIT_1, S_.CLOSING},
    S_.ESTABLISHED: {S_.CLOSE_WAIT, S_.FIN_WAIT_1},
    S_.FIN_WAIT_1: {S_.FIN_WAIT_2, S_.CLOSING, S_.TIME_WAIT},
    S_.FIN_WAIT_2: {S_.TIME_WAIT},
    S_.CLOSE_WAIT: {S_.LAST_ACK},
    S_.CLOSING: {S_.TIME_WAIT},
    S_.LAST_ACK: set(),
    S_.TIME_WAIT: set(),
}


def octets(start: int, size: int, key: int) -> bytes:
    """The octet at a place in a stream depends on the place alone, so whoever delivers one knows what it must be."""
    at = start % len(PATTERN) + key
    return TWICE[at:at + size]


PATTERN = bytes((31 * at + (at >> 8)) & 255 for at in range(1 << 16))
TWICE = PATTERN * 2


class Walk:
    """One connection: a legal beginning, then segments around every number that matters. `inject` of the same seed is the same story."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = random.Random(seed)
        self.peer = p = Peer(iss=rng.choice((ISS, 0xFFFFFFF0, M)), irs=rng.choice((IRS, 0xFFFFFF80, M)), mss=rng.choice((536, 1220)),
                             keep_alive_s=rng.choice((0, 0, 1)))
        self.irs = p.seq
        self.books = Books()
        self.c: Connection | None = None
        self.state = State.CLOSED
        self.told = 0                    # right edge of the window as the peer was told of it (32 bit)
        self.written = 0                 # octets that our application wrote
        self.said = 0                    # highest place of our stream that was seen in a segment
        self.heard = 0                   # octets that our application heard
        self.fin_seen = False
        self.closed = 0
        self.segments = 0
        self.seen: Counter[str] = Counter()
        if rng.random() < 0.5:
            p.connecting()
            self._follow()
            if rng.random() < 0.8:
                self._put("SA", p.seq, p.iss + 1, 5000)
        else:
            p.tcp.listen(LISTEN_PORT)
            self._put("S", p.seq, 0, 5000)
            self._follow()
            if rng.random() < 0.8:
                self._put("A", p.seq + 1, p.iss + 1, rng.choice((0, 1, 700, 5000, 65535)))

    # --- one step -------------------------------------------------------------------------------------------------

    def step(self) -> None:
        rng, p, c = self.rng, self.peer, self.c
        p.now += rng.choice((0, 0, 0, 1, 5, 50, 400)) * MS
        what = rng.random()
        if what < 0.72:
            self._random_segment()
        elif what < 0.82:
            size = rng.choice((1, 60, 500, 1220, 5000))
            if c is not None and p.tcp.session is not None and p.tcp.session.connection is c and c.tx.queued + size <= SEND_BUFFER:
                if p.tcp.send(octets(self.written, size, 7), p.now):
                    self.written += size
        elif what < 0.95:
            p.now = min(max(p.now, p.tcp.next_timer()), p.now + 3 * S)
        elif what < 0.955:
            p.tcp.close(p.now)
        elif what < 0.956:
            p.tcp.abort(p.now)
            p.tcp.listen(LISTEN_PORT)
        if p.tcp.next_timer() <= p.now:
            p.tcp.handle_timer(p.now)
        self._watch()

    def _random_segment(self) -> None:
        rng, c, p = self.rng, self.c, self.peer
        una, nxt, top, window = (c.tx.una, c.tx.nxt, c.tx.top, c.tx.max_window) if c else (p.iss, p.iss + 1, p.iss + 1, 0)
        flags = rng.choice(("A", "A", "A", "A", "PA", "PA", "PA", "FA", "FPA", "SA", "S", "R", "RA", "F", "", "FSRPA", "SF"))
        opening = c is None or c.state is State.SYN_SENT
        if "R" in flags and rng.random() < 0.9:
            flags = "A"                  # the end comes soon enough
        rcv, edge = (p.seq, p.seq + RECEIVE_BUFFER) if opening else (c.rx.nxt, c.rx.edge)
        seq = self.irs if opening and "S" in flags else rng.choice((
            rcv, rcv, rcv, rcv, rcv - 1, rcv + 1, rcv + rng.randrange(RECEIVE_BUFFER), edge, edge - 1, edge + 1, rcv - 5000, rcv + (1 << 31),
            rng.getrandbits(32), self.irs))
        ack = rng.choice((nxt, nxt, nxt, una, una, una + 1, nxt - 1, nxt + 1, top, top + 1, una - 1, una - window, una - window - 1, una + (1 << 31),
                          rng.randrange(una, nxt + 1), rng.getrandbits(32)))
        self._put(flags, seq, ack, rng.choice((0, 0, 1, 100, 1220, 5000, 65535)), rng.choice((0, 0, 0, 1, 2, 350, 1220, 3000, 9000)))

    def _put(self, flags: str, seq: int, ack: int, window: int, size: int = 0) -> None:
        """A segment whose octets are those of their place in the peer's stream."""
        p, base = self.peer, self.irs + 1 + ("S" in flags and -1)
        place = ((seq - base + (1 << 31)) & M) - (1 << 31)          # of the first octet; before the stream: anything
        if self.c is not None and self.c.state is not State.SYN_SENT:
            near = self.c.rx.nxt
            place = near + (((seq - near + (1 << 31)) & M) - (1 << 31)) - base
        payload = wire.emit(p.theirs, p.ours, seq & M, ack & M if "A" in flags else 0, sum({"F": 1, "S": 2, "R": 4, "P": 8, "A": 16}[f] for f in flags),
                            window, octets(place, size, 3), PSEUDO, self.rng.choice((None, 350, 1440)) if "S" in flags else None)
        self.segments += 1
        p.tcp.receive(Datagram(THEIRS, OURS, payload, MAC), p.now)

    # --- what must hold -------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        """The connection that is being watched: the one that the beginning made."""
        if self.c is None and self.peer.tcp.session is not None:
            self.c = self.peer.tcp.session.connection
            self.state = self.c.state

    def _watch(self) -> None:
        p, c = self.peer, self.c
        assert len(p.tcp.leaving) <= LEAVING, "connections that are closing"
        out = p.tcp.outgoing()
        assert len(out) <= ANSWERS + LEAVING + 1, "answers to one step"
        if c is None:
            return
        alive = c.state is not State.CLOSED
        known = [s.connection for s in (p.tcp.session, *p.tcp.leaving) if s is not None]
        for item in out if c in known else ():       # another connection may have taken its place and its ports
            self._sent(wire.parse(item.payload, PSEUDO), c)
        if c.state is not self.state:
            assert not alive or self._reachable(c.state), f"{self.state.name} to {c.state.name}"
            self.seen[f"{self.state.name} to {c.state.name}"] += 1
            self.state = c.state
        self.books.check(c)
        if alive:
            self._balance(c)
        if p.tcp.session is not None and p.tcp.session.connection is not c:
            p.tcp.abort(p.now)           # a stranger's connection on the same listener is not what is watched
            p.tcp.outgoing()
            p.tcp.events()
            return
        for event in p.tcp.events():
            if type(event) is TcpData:
                assert event.data == octets(self.heard, len(event.data), 3), f"stream differs behind octet {self.heard}"
                self.heard += len(event.data)
            elif type(event) is TcpClosed:
                self.closed += 1
        assert self.closed <= 1, "closed twice"
        assert not self.heard or self.heard <= c.rx.nxt - self.irs - 1, "more heard than received"

    def _reachable(self, state: State) -> bool:
        """In one or two steps: a timer and a segment may both have been due."""
        return state in LEGAL[self.state] or any(state in LEGAL[between] for between in LEGAL[self.state])

    def _sent(self, segment: Any, c: Connection) -> None:
        """Our segments say what our application wrote, and no more than the peer allowed."""
        if segment.flags & wire.RST or segment.src_port != c.local:
            return
        if segment.flags & wire.ACK:
            edge = segment.ack + segment.window & M
            assert not self.told or (edge - self.told & M) < 1 << 31, "the offered window shrank"
            self.told = edge
        if segment.data:
            at = segment.seq - (c.tx.una & M)
            at = c.tx.una + ((at + (1 << 31) & M) - (1 << 31)) - self.peer.iss - 1
            assert segment.data == octets(at, len(segment.data), 7), f"octet {at} of our stream"
            self.said = max(self.said, at + len(segment.data))
            assert self.said <= self.written, "sent what nobody wrote"
            assert len(segment.data) <= c.tx.mss, "longer than the peer's MSS"

    def _balance(self, c: Connection) -> None:
        tx, rx, state = c.tx, c.rx, c.state
        opening = state in (State.SYN_SENT, State.SYN_RCVD)
        assert c._handshake.armed == opening == c._deadline.armed, "handshake timers"
        assert c._closing.armed == (state in (State.FIN_WAIT_2, State.CLOSE_WAIT, State.TIME_WAIT)), "closing timer"
        assert not c._user.armed or tx.tries or tx.flight, "user timeout"
        assert tx.tries == 0 or tx.flight or tx.queue, "tries without anything to send"
        assert len(tx.flight) <= FLIGHT_SEGMENTS + EXTRA_SEGMENTS and tx.queued <= SEND_BUFFER, "memory of the sender"
        assert len(rx.ahead) <= AHEAD_SEGMENTS and rx.ready_size + sum(len(d) for _, d in rx.ahead) <= RECEIVE_BUFFER, "memory of the receiver"
        assert all(a + len(d) < b for (a, d), (b, _) in zip(rx.ahead, rx.ahead[1:])), "stretches that touch"
        assert tx.una <= tx.nxt <= tx.top + 1 and tx.top <= tx.nxt + (len(tx.queue[0]) if tx.queue else 0), "highest number sent"
        if not opening:
            sent = tx.nxt - self.peer.iss - 1 - tx.fin_sent
            assert sent + tx.queued == self.written, "octets that were written are in flight, acknowledged or queued"
        if state is State.TIME_WAIT:
            assert not tx.flight and not tx.queue and tx.una == tx.nxt and rx.finished, "TIME-WAIT with something left to do"
        assert c.next_timer() != NEVER or not (tx.flight or tx.queue or opening), "nothing will ever happen"


def walk(seed: int, segments: int = WALK) -> Walk:
    """A whole walk; AssertionError names the seed and the step."""
    w = Walk(seed)
    for n in range(segments):
        try:
            w.step()
        except AssertionError as e:
            raise AssertionError(f"seed {seed}, step {n}, state {w.state.name}: {e}") from e
        if w.c is not None and w.c.state is State.CLOSED and n > WALK // 2:
            break
    return w


def campaign(segments: int, seed: int = 1, progress: bool = True) -> int:
    """So many segments and more; how many walks broke an invariant."""
    began, done, broken, number = time.monotonic(), 0, 0, 0
    seen: Counter[str] = Counter()
    shown = 0
    while done < segments:
        number += 1
        try:
            w = walk(1_000_003 * seed + number)
        except AssertionError as e:
            print(f"tcp fuzz: {e}", flush=True)
            broken += 1
            done += WALK
            continue
        done += w.segments
        seen.update(w.seen)
        if progress and done >= shown:
            shown += SHOWN
            print(f"\rtcp fuzz: {done:,} of {segments:,} segments, {time.monotonic() - began:.0f} s ", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print(f"tcp fuzz: {done:,} segments in {number:,} connections, seed {seed}: {broken} broke an invariant; changes of state seen:")
    for change, count in seen.most_common():
        print(f"  {change:<30}{count:>9,}")
    return broken


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.tcp.fuzz", description=__doc__)
    parser.add_argument("--segments", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    asked = parser.parse_args()
    return 1 if campaign(asked.segments, asked.seed) else 0


if __name__ == "__main__":
    sys.exit(main())
