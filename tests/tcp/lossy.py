"""A link between two TCP endpoints that drops, repeats, reorders, corrupts and delays; checks the books after each step."""
from __future__ import annotations

import heapq
import random
from typing import Any, Callable

from kernel.timer import MS, NEVER
from tasks.messages import Datagram, TcpClosed, TcpConnected, TcpData
from tasks.tcp.config import TcpConfig
from tasks.tcp.connection import Connection
from tasks.tcp.states import State
from tasks.tcp.endpoint import Endpoint

from tests.tcp.peer import LISTEN_PORT, MAC, OURS, THEIRS

STEPS = 20_000           # more steps than any transfer here needs


class Books:
    """What must hold after each step (T62)."""

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self.right = self.nxt = self.edge = 0

    def check(self, c: Connection) -> None:
        tx, rx = c.tx, c.rx
        if c is not self.connection:
            self.connection, self.right, self.nxt, self.edge = c, 0, rx.nxt, rx.edge
        if c.state in (State.SYN_SENT, State.SYN_RCVD, State.CLOSED):
            self.nxt, self.edge = rx.nxt, rx.edge
            return
        self.right = max(self.right, tx.una + tx.window)
        assert tx.una <= tx.nxt <= self.right + 1, "sent beyond the right edge"          # + 1: FIN
        assert rx.nxt >= self.nxt and rx.edge >= self.edge and rx.edge >= rx.nxt, "receive window moved left"
        self.nxt, self.edge = rx.nxt, rx.edge
        assert tx.timer.armed == bool(tx.flight), "retransmission timer"
        assert not (tx.persist.armed and tx.flight), "persist timer"
        assert tx.queued == sum(map(len, tx.queue)), "send queue"
        at = tx.una
        for sent in tx.flight:
            assert sent.seq == at, "hole in the flight"
            at = sent.end
        assert at == tx.nxt, "flight and SND.NXT"
        assert tx.flight or not tx.queue or tx.persist.armed or not tx.window, "nothing will ever be sent"
        assert rx.ready_size == sum(map(len, rx.ready)) <= 8192, "receive buffer"
        assert len(rx.ahead) <= 4 and all(a[0] > rx.nxt for a in rx.ahead), "out-of-order queue"


class End:
    """An endpoint with an application that sends its messages one after the other and notes what it hears."""

    def __init__(self, address: bytes, peer: bytes, messages: list[bytes], rng: random.Random) -> None:
        self.tcp = Endpoint(address, TcpConfig(user_timeout_ms=60_000), rng)
        self.address, self.peer = address, peer
        self.messages = messages
        self.to_send = list(messages)
        self.heard = bytearray()
        self.reasons: list[Any] = []
        self.connected = False
        self.books = Books()

    def app(self, now: int, rng: random.Random) -> None:
        for event in self.tcp.events():
            if isinstance(event, TcpConnected):
                self.connected = True
            elif isinstance(event, TcpData):
                self.heard += event.data
            elif isinstance(event, TcpClosed):
                self.reasons.append(event.reason)
        while self.connected and self.to_send and self.tcp.session is not None and rng.random() < 0.5:
            if not self.tcp.send(self.to_send.pop(0), now):
                break
        session = self.tcp.session
        if session is not None:
            self.books.check(session.connection)


class Lossy:
    """Two ends; `run` returns when both streams are complete or an end was told of an error."""

    def __init__(self, seed: int, swap: bool) -> None:
        rng = self.rng = random.Random(2 * seed + swap)
        self.drop = rng.random() * 0.3
        self.duplicate = 0.1
        self.reorder = 0.2
        self.corrupt = 0.05
        self.delay = rng.choice((1, 20, 100, 300)) * MS
        texts = [[rng.randbytes(rng.choice((1, 60, 76, 500, 3000))) for _ in range(rng.randrange(1, 12))] for _ in range(2)]
        addresses = (THEIRS, OURS) if swap else (OURS, THEIRS)
        self.car = End(addresses[0], addresses[1], texts[0], random.Random(seed + 1))
        self.charger = End(addresses[1], addresses[0], texts[1], random.Random(seed + 2))
        self.now = 0
        self.air: list[tuple[int, int, End, Datagram]] = []
        self.count = 0

    def _carry(self, src: End, dst: End) -> None:
        rng = self.rng
        for item in src.tcp.outgoing():
            for _ in range(2 if rng.random() < self.duplicate else 1):
                if rng.random() < self.drop:
                    continue
                payload = item.payload
                if rng.random() < self.corrupt:
                    bit = rng.randrange(len(payload) * 8)
                    payload = bytes(b ^ (1 << bit % 8 if i == bit // 8 else 0) for i, b in enumerate(payload))
                late = rng.randrange(self.delay) if rng.random() < self.reorder else 0
                self.count += 1
                heapq.heappush(self.air, (self.now + MS + late, self.count, dst, Datagram(src.address, src.peer, payload, MAC)))

    def _complete(self) -> bool:
        return bytes(self.car.heard) == b"".join(self.charger.messages) and bytes(self.charger.heard) == b"".join(self.car.messages)

    def run(self) -> str:
        """"complete" or "error"; then both ends have closed and forgotten the connection."""
        car, charger = self.car, self.charger
        charger.tcp.listen(LISTEN_PORT)
        car.tcp.connect(charger.address, LISTEN_PORT, MAC, 20_000 * MS, 0)
        outcome = self._until(self._complete)
        if outcome == "complete":
            car.tcp.close(self.now)
            if self.rng.random() < 0.5:
                charger.tcp.close(self.now)
            self._until(lambda: all(e.tcp.session is None and not e.tcp.leaving for e in (car, charger)))
        return outcome

    def _until(self, done: Callable[[], bool]) -> str:
        car, charger = self.car, self.charger
        for _ in range(STEPS):
            for a, b in ((car, charger), (charger, car)):
                a.app(self.now, self.rng)
                self._carry(a, b)
            if done():
                return "complete"
            if any(r is not None for e in (car, charger) for r in e.reasons):
                return "error"
            busy = any(e.connected and e.to_send for e in (car, charger))
            self.now = min(max(self.now, self.air[0][0]) if self.air else NEVER, self.now + 5 * MS if busy else NEVER,
                           max(self.now, car.tcp.next_timer()), max(self.now, charger.tcp.next_timer()))
            assert self.now != NEVER, "both ends wait for nothing"
            while self.air and self.air[0][0] <= self.now:
                _, _, end, datagram = heapq.heappop(self.air)
                end.tcp.receive(datagram, self.now)
            for end in (car, charger):
                if end.tcp.next_timer() <= self.now:
                    end.tcp.handle_timer(self.now)
            for end in (car, charger):
                stream = b"".join((charger if end is car else car).messages)
                assert stream.startswith(bytes(end.heard)), "stream differs"
        raise AssertionError("no end in sight")
