"""What the numbers of tasks/tcp/timing.py are worth, in virtual time: RTO floor, first RTO, segments in flight. `python -m tests.tcp.choices`."""
from __future__ import annotations

import heapq
import random
from statistics import median
from typing import Any
from unittest import mock

from kernel.timer import MS, NEVER, S
from tasks.messages import Datagram, TcpConnected, TcpData
from tasks.tcp import connection, rto, send_side
from tasks.tcp.config import TcpConfig
from tasks.tcp.endpoint import Endpoint

from tests.tcp.peer import LISTEN_PORT, MAC, OURS, THEIRS

ONE_WAY = 4 * MS         # a HomePlug hop
JITTER = 2 * MS
MESSAGE = 76             # octets of a typical V2G message (sheet 6.1)
PAUSE = 100 * MS         # between an answer and the next request (sheet 7.3)
LIMIT = 2 * S            # message timeout (sheet 7.2)
BULK = 65_536            # the longest V2G message
LOSSES = (1, 5, 10)


class Line:
    """Two of our ends over a line that loses frames of both directions; `run` until `done`."""

    def __init__(self, seed: int, loss: float) -> None:
        self.rng = random.Random(seed)
        self.loss = loss / 100
        self.car, self.charger = (Endpoint(a, TcpConfig(user_timeout_ms=120_000), random.Random(seed + n)) for n, a in enumerate((OURS, THEIRS)))
        self.now = self.count = 0
        self.air: list[tuple[int, int, Endpoint, Datagram]] = []
        self.wake = NEVER
        self.heard = {self.car: 0, self.charger: 0}
        self.connected = False
        self.charger.listen(LISTEN_PORT)
        self.car.connect(THEIRS, LISTEN_PORT, MAC, 20 * S, 0)

    def _take(self) -> None:
        """What the ends have heard and what they send."""
        for end, other, src, dst in ((self.car, self.charger, OURS, THEIRS), (self.charger, self.car, THEIRS, OURS)):
            for event in end.events():
                if type(event) is TcpData:
                    self.heard[end] += len(event.data)
                elif type(event) is TcpConnected and end is self.car:
                    self.connected = True
            for item in end.outgoing():
                if self.rng.random() >= self.loss:
                    self.count += 1
                    at = self.now + ONE_WAY + self.rng.randrange(JITTER)
                    heapq.heappush(self.air, (at, self.count, other, Datagram(src, dst, item.payload, MAC)))

    def turn(self) -> None:
        """The time of what comes next, and that."""
        self._take()
        self.now = max(self.now, min(self.air[0][0] if self.air else NEVER, self.car.next_timer(), self.charger.next_timer(), self.wake))
        while self.air and self.air[0][0] <= self.now:
            _, _, end, datagram = heapq.heappop(self.air)
            end.receive(datagram, self.now)
        for end in (self.car, self.charger):
            if end.next_timer() <= self.now:
                end.handle_timer(self.now)
        self._take()

    def until(self, done: Any, at: int = NEVER) -> None:
        self.wake = at
        while not done() and self.now < at:
            self.turn()
        self.wake = NEVER


def session(seed: int, loss: float, exchanges: int, thinks: tuple[int, ...]) -> tuple[list[int], int]:
    """(time of each exchange, repeated segments of both ends); the charger answers one of `thinks` ms after it has heard the request."""
    line = Line(seed, loss)
    line.until(lambda: line.connected)
    if line.car.session is None:
        return [], 0
    times, car, charger = [], line.car.session.connection, None
    for n in range(1, exchanges + 1):
        began = line.now
        line.car.send(bytes(MESSAGE), line.now)
        line.until(lambda count=n: line.heard[line.charger] >= count * MESSAGE)
        line.until(lambda: False, line.now + line.rng.choice(thinks) * MS)
        line.charger.send(bytes(MESSAGE), line.now)
        line.until(lambda count=n: line.heard[line.car] >= count * MESSAGE)
        times.append(line.now - began)
        charger = line.charger.session.connection
        line.until(lambda: False, line.now + PAUSE)
    return times, car.tx.repeats + (charger.tx.repeats if charger else 0)


def bulk(seed: int, loss: float) -> float:
    """Octets per second of the longest message."""
    line = Line(seed, loss)
    line.until(lambda: line.connected)
    began = line.now
    line.car.send(bytes(BULK), line.now)
    line.until(lambda: line.heard[line.charger] >= BULK)
    return BULK / ((line.now - began) / S)


def floors() -> None:
    print(f"RTO floor: exchanges of {MESSAGE} octets, answered after 20 ms; share that took longer than {LIMIT // S} s; without loss: needless repetitions "
          "per 1000 exchanges when the peer delays its ACK by 250 ms and one answer of four takes 500 ms")
    for floor in (100, 200, 300, 500, 1000):
        with mock.patch.object(rto, "MIN_RTO", floor * MS):
            late = []
            for loss in LOSSES:
                times = [t for seed in range(60) for t in session(seed, loss, 50, (20,))[0]]
                late.append(f"{loss:>3} %: {sum(t > LIMIT for t in times) / len(times):8.3%}, median {median(times) / MS:4.0f} ms, "
                            f"longest of 1000 {sorted(times)[-len(times) // 1000] / MS:6.0f} ms")
            with mock.patch.object(connection, "DELAYED_ACK", 250 * MS):
                needless = sum(session(seed, 0, 50, (20, 20, 20, 500))[1] for seed in range(10)) / 0.5
        print(f"  {floor:>5} ms   " + ";  ".join(late) + f";  needless {needless:6.1f}", flush=True)


def first() -> None:
    print(f"first message after the handshake: share answered later than {LIMIT // S} s")
    for initial in (300, 500, 1000):
        with mock.patch.object(rto, "INITIAL_RTO", initial * MS):
            words = []
            for loss in LOSSES:
                times = [t for seed in range(1500) for t in session(seed, loss, 1, (20,))[0]]
                words.append(f"{loss:>3} %: {sum(t > LIMIT for t in times) / len(times):7.2%}")
        print(f"  first RTO {initial:>5} ms   " + ";  ".join(words), flush=True)


def flights() -> None:
    print(f"segments in flight: kB/s of {BULK} octets, median of 40")
    for flight in (1, 2, 4, 6, 8):
        with mock.patch.object(send_side, "FLIGHT_SEGMENTS", flight):
            words = [f"{loss:>3} %: {median(bulk(seed, loss) for seed in range(40)) / 1000:7.1f}" for loss in (0, *LOSSES)]
        print(f"  {flight:>2}   " + ";  ".join(words), flush=True)


if __name__ == "__main__":
    floors()
    first()
    flights()
