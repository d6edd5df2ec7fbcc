"""The process of an adapter within the test: each reading of the link lets it take a turn first, time is a number."""
from __future__ import annotations

import os
import socket
from typing import Any, Callable

import can

from drivers.can.adapter import AGAIN_S, Adapter, filters
from drivers.can.library import LibraryLink
from drivers.can.settings import CanConfig

PER_TURN = 64
MADE: list[Inline] = []        # conftest.py ends them after each test


class Inline(LibraryLink):
    """LibraryLink and its child in one; `hangs` lets the child stand still, `alive` is False once it has ended."""

    def __init__(self, config: CanConfig, make: Callable[..., Any] | None = None) -> None:
        super().__init__(config, self._begin)
        self.make = make
        self.hangs = False
        self.alive = False
        self.spawned = 0
        self.killed = 0
        self.seconds = 0.0
        self.again_at = 0.0
        MADE.append(self)

    def _begin(self, wire: socket.socket, arguments: dict[str, Any]) -> Inline:
        self.wire = socket.socket(fileno=os.dup(wire.fileno()))
        self.wire.setblocking(False)
        arguments = {**arguments, "can_filters": filters(arguments["keys"])}
        del arguments["keys"]
        self.adapter = Adapter(can, arguments, self.wire, self.make, lambda: self.seconds)
        self.alive = True
        self.spawned += 1
        return self

    def step(self) -> None:
        """Some turns of the child."""
        self.seconds += 0.01
        for _ in range(PER_TURN):
            if not self.alive or self.hangs or self.seconds < self.again_at:
                return
            if not self.adapter.step(0):
                self._end()
            elif self.adapter._bus is None:
                self.again_at = self.seconds + AGAIN_S

    def receive(self, limit: int) -> list[tuple[int, bytes]]:
        self.step()
        return super().receive(limit)

    def end(self) -> None:
        self.stop()
        self.hangs, self.again_at = False, 0.0
        self.step()
        if self.alive:
            self._end()

    def _end(self) -> None:
        self.alive = False
        self.wire.close()

    def poll(self) -> int | None:
        return None if self.alive else 0

    def kill(self) -> None:
        self.killed += 1
        self._end()

    def wait(self, timeout: float | None = None) -> int:
        self.step()
        return 0
