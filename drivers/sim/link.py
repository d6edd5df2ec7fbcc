"""A lossy Ethernet segment between simulated network interfaces: delay, jitter, loss, duplicates, reordering, all seeded."""
from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import Callable, Protocol

from kernel.record import settings_class
from kernel.settings import setting
from kernel.timer import NEVER, US

RX_CAPACITY = 1024       # frames that wait in one interface; what comes on top is counted in `drops`
IN_FLIGHT = 16_384       # frames on the segment; what comes on top is counted in `lost`
MAX_FRAME = 1514         # Ethernet frame without FCS
MIN_FRAME = 14
IPV6 = b"\x86\xdd"
LEFT_FOR_OTHERS = 4      # of a limit of 32: at least 8 frames per call are for everybody else than the favoured station

SENT, DROPPED, DUPLICATED, REORDERED = "sent", "dropped", "duplicated", "reordered"
Trace = Callable[[int, str, bytes, str], None]
"""trace(at, name of the sender, frame, fate)"""


class Random(Protocol):
    """The part of random.Random that the link needs."""

    def random(self) -> float: ...


@settings_class(slots=True)
class LinkConfig:
    """Section `link` of the simulation."""

    delay_us: int = setting(500, unit="us", low=0, high=1_000_000, meaning="transit time of a frame")
    jitter_us: int = setting(0, unit="us", low=0, high=1_000_000, meaning="additional random transit time, order kept")
    drop_percent: float = setting(0.0, unit="%", low=0, high=100, meaning="frames that vanish")
    duplicate_percent: float = setting(0.0, unit="%", low=0, high=100, meaning="frames that come twice")
    reorder_percent: float = setting(0.0, unit="%", low=0, high=100, meaning="frames that later ones overtake")
    reorder_us: int = setting(5_000, unit="us", low=0, high=1_000_000, meaning="additional transit time of an overtaken frame")


class SimNic:
    """Nic on a SimLink. `on_frame()` is called when a frame arrived (a world makes its row due with it);
    `tap(at, frame, outgoing)` sees everything that crosses this interface."""

    def __init__(self, link: SimLink, name: str, mac: bytes, *, filtering: bool = False) -> None:
        """`filtering`: unicast frames for other addresses are not received (a real interface that is not promiscuous)."""
        self.name = name
        self.mac = mac
        self.errors = 0
        self.drops = 0
        self.on_frame: Callable[[], None] | None = None
        self.tap: Callable[[int, bytes, bool], None] | None = None
        self._link = link
        self._filtering = filtering
        self._received: deque[tuple[int, bytes]] = deque()
        self._favoured: bytes | None = None
        self._first: deque[tuple[int, bytes]] = deque()      # of the favoured station
        self._closed = False
        link.attach(self)

    def fileno(self) -> int:
        return -1

    def receive(self, limit: int, now: int) -> list[tuple[int, bytes]]:
        received, first = self._received, self._first
        if not received and not first:
            return []
        out = [first.popleft() for _ in range(min(limit - limit // LEFT_FOR_OTHERS, len(first)))] if first else []
        out += [received.popleft() for _ in range(min(limit - len(out), len(received)))]
        return out

    def send(self, frame: bytes, now: int) -> bool:
        if self._closed or not MIN_FRAME <= len(frame) <= MAX_FRAME:
            self.errors += 1
            return False
        if self.tap is not None:
            self.tap(now, frame, True)
        self._link.carry(self, frame, now)
        return True

    def next_event(self) -> int:
        """0 while frames wait (the link has delivered them at its own events), NEVER otherwise."""
        return 0 if self._received or self._first else NEVER

    def favour(self, station: bytes | None) -> None:
        """As the real interface: a queue of its own for the IPv6 frames of this station."""
        self._favoured = station

    def close(self) -> None:
        self._closed = True
        self._received.clear()
        self._first.clear()

    def arrive(self, frame: bytes, now: int) -> None:
        """Called by the link."""
        if self._closed or (self._filtering and not frame[0] & 1 and frame[:6] != self.mac):
            return
        queue = self._first if frame[6:12] == self._favoured and frame[12:14] == IPV6 else self._received
        if len(queue) >= RX_CAPACITY:
            self.drops += 1
            return
        if self.tap is not None:
            self.tap(now, frame, False)
        queue.append((now, frame))
        if self.on_frame is not None:
            self.on_frame()


class SimLink:
    """A shared medium: what one interface sends, all others receive. Source of a World: `next_event`, `deliver`.

    Equal arrival times keep the order of sending, so equal seeds give equal runs. `up` False cuts the line:
    frames on the way are still delivered, new ones vanish.
    """

    def __init__(self, rng: Random, config: LinkConfig | None = None, trace: Trace | None = None) -> None:
        self.config = config if config is not None else LinkConfig()
        self.up = True
        self.trace = trace
        self.carried = 0
        self.lost = 0
        self.duplicated = 0
        self.reordered = 0
        self._rng = rng
        self._nics: list[SimNic] = []
        self._queue: list[tuple[int, int, SimNic, bytes]] = []
        self._sequence = 0
        self._last = 0      # latest in-order arrival: jitter alone does not reorder

    def attach(self, nic: SimNic) -> None:
        """Called by SimNic."""
        self._nics.append(nic)

    def carry(self, sender: SimNic, frame: bytes, now: int) -> None:
        """Called by SimNic.send: decide the fate of a frame and queue its arrivals."""
        c = self.config
        rng = self._rng
        self.carried += 1
        fate = SENT
        copies = 1
        if not self.up or (c.drop_percent and rng.random() * 100.0 < c.drop_percent) or len(self._queue) >= IN_FLIGHT:
            self.lost += 1
            if self.trace is not None:
                self.trace(now, sender.name, frame, DROPPED)
            return
        at = now + c.delay_us * US
        if c.jitter_us:
            at += int(rng.random() * c.jitter_us) * US
        if at < self._last:
            at = self._last
        if c.reorder_percent and rng.random() * 100.0 < c.reorder_percent:
            self.reordered += 1
            fate = REORDERED
            at += c.reorder_us * US
        else:
            self._last = at
        if c.duplicate_percent and rng.random() * 100.0 < c.duplicate_percent:
            self.duplicated += 1
            fate = DUPLICATED
            copies = 2
        for _ in range(copies):
            for nic in self._nics:
                if nic is not sender:
                    self._sequence += 1
                    heappush(self._queue, (at, self._sequence, nic, frame))
        if self.trace is not None:
            self.trace(now, sender.name, frame, fate)

    def next_event(self) -> int:
        queue = self._queue
        return queue[0][0] if queue else NEVER

    def deliver(self, now: int) -> None:
        """Hand over everything that has arrived by `now`, in order."""
        queue = self._queue
        while queue and queue[0][0] <= now:
            at, _, nic, frame = heappop(queue)
            nic.arrive(frame, at)


