"""A CAN segment that notes every frame with its time and its sender, also those that nobody acknowledged."""
from __future__ import annotations

from typing import Callable, NamedTuple

from drivers.sim.can import CanNode, CanSegment


class Tapped(NamedTuple):
    """One frame: `at` ns; `node`: who sent it, by the order in which the nodes were made; `heard`: somebody acknowledged it."""

    at: int
    node: int
    id: int
    data: bytes
    heard: bool


class TappedSegment(CanSegment):
    """`listeners` get each frame while it is sent."""

    def __init__(self, time: Callable[[], int]) -> None:
        """`time`: ns now."""
        super().__init__()
        self.listeners: list[Callable[[Tapped], None]] = []
        self._time = time

    def node(self) -> CanNode:
        node = TappedNode(self, len(self.nodes))
        self.nodes.append(node)
        return node

    def sent(self, node: int, id: int, data: bytes, heard: bool) -> None:
        """From a node."""
        frame = Tapped(self._time(), node, id, data, heard)
        for listener in self.listeners:
            listener(frame)


class TappedNode(CanNode):
    """CanNode that tells its segment what it sends."""

    def __init__(self, segment: TappedSegment, number: int) -> None:
        super().__init__(segment)
        self._tap = segment
        self._number = number

    def send(self, key: int, data: bytes) -> bool:
        heard = super().send(key, data)
        self._tap.sent(self._number, key, data, heard)
        return heard
