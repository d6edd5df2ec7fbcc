"""The only clock reads of the project: a real monotonic clock and a virtual one with the same two verbs."""
from __future__ import annotations

import select
import time
from typing import Sequence


class MonotonicClock:
    """CLOCK_MONOTONIC in integer ns; waits by select() to an absolute deadline.

    select() and not poll(): CPython rounds poll's timeout up to whole ms, +0.5 ms median lateness (house.md 3.1).
    """

    def now(self) -> int:
        return time.monotonic_ns()

    def wait_until(self, deadline: int, fds: Sequence[int]) -> list[int]:
        """Sleep until `deadline` or until one of `fds` is readable; returns the readable ones."""
        remaining = deadline - time.monotonic_ns()
        if remaining <= 0:
            if not fds:
                return []
            remaining = 0
        readable, _, _ = select.select(fds, (), (), remaining / 1e9)
        return readable


class VirtualClock:
    """Time that stands still until somebody moves it; simulated devices may spend some."""

    def __init__(self, start: int = 0) -> None:
        self.time = start

    def now(self) -> int:
        return self.time

    def advance_to(self, at: int) -> None:
        """Time never runs backwards: an earlier `at` changes nothing."""
        if at > self.time:
            self.time = at

    def spend(self, duration: int) -> None:
        """A simulated device or task takes `duration` ns; overruns and stalls become testable."""
        self.time += duration

    def wait_until(self, deadline: int, fds: Sequence[int]) -> list[int]:
        """Jumps to the deadline; a virtual descriptor is never readable (the world delivers frames)."""
        self.advance_to(deadline)
        return []
