"""A CAN segment in memory: what one node sends all others hear, at the time of their next turn; with the faults of a real one."""
from __future__ import annotations

from collections import deque

from drivers.can.settings import ACTIVE, BUS_OFF, EXTENDED, MAX_EXTENDED, MAX_STANDARD, LinkDown

WAITING = 4096         # frames that wait for one node; a real socket holds some 280, a test may flood


class CanSegment:
    """Nodes are made by `node`. While no other node hears, nothing leaves, as on a real bus where nobody acknowledges."""

    def __init__(self) -> None:
        self.nodes: list[CanNode] = []

    def node(self) -> CanNode:
        """A new end: a Link for drivers.can.bus.CanBus."""
        node = CanNode(self)
        self.nodes.append(node)
        return node

    def hearers(self, sender: CanNode) -> list[CanNode]:
        return [n for n in self.nodes if n is not sender and n.ready and n.state != BUS_OFF]


class CanNode:
    """Link. Faults: `down` (the interface is gone), `fail(state)`, `deaf` (hears nothing and acknowledges nothing)."""

    def __init__(self, segment: CanSegment) -> None:
        self.state = ACTIVE
        self.ready = False
        self.error_frames = 0
        self.lost = 0
        self.malformed = 0
        self.down = False
        self.deaf = False
        self._segment = segment
        self._keys: frozenset[int] | None = None
        self._waiting: deque[tuple[int, bytes]] = deque()

    def start(self, keys: tuple[int, ...] | None) -> None:
        self._check()
        self._keys = None if keys is None else frozenset(keys)
        self._waiting.clear()
        self.state = ACTIVE
        self.ready = True

    def receive(self, limit: int) -> list[tuple[int, bytes]]:
        self._check()
        return [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]

    def send(self, key: int, data: bytes) -> bool:
        self._check()
        if self.state == BUS_OFF:
            return False
        hearers = [n for n in self._segment.hearers(self) if not n.deaf]
        for node in hearers:
            node.hear(key, data)
        return bool(hearers)

    def stop(self) -> None:
        self.ready = False

    def hear(self, key: int, data: bytes) -> None:
        """From the segment, or from a test that makes something up."""
        assert key & MAX_EXTENDED <= (MAX_EXTENDED if key & EXTENDED else MAX_STANDARD) and len(data) <= 8
        if self._keys is not None and key not in self._keys:
            return
        if len(self._waiting) >= WAITING:
            self.lost += 1
            return
        self._waiting.append((key, data))

    def fail(self, state: str) -> None:
        """The controller says that it is ACTIVE, PASSIVE or BUS_OFF now."""
        self.state = state
        self.error_frames += 1

    def _check(self) -> None:
        if self.down:
            self.ready = False
            raise LinkDown("CAN: interface down", "The simulated interface is down: the test wants it so.")
