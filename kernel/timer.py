"""Deadlines as values: integer nanoseconds of a monotonic clock, never counted calls."""
from __future__ import annotations

US = 1_000
MS = 1_000_000
S = 1_000_000_000

NEVER = (1 << 63) - 1
"""A deadline that never comes; compares later than every real time."""


class Timer:
    """One deadline: armed at a point in time, expired once that point is reached."""

    __slots__ = ("at",)

    def __init__(self) -> None:
        self.at = NEVER

    def arm(self, now: int, delay: int) -> None:
        """Expire `delay` ns after `now`."""
        self.at = now + delay

    def arm_at(self, at: int) -> None:
        self.at = at

    def cancel(self) -> None:
        self.at = NEVER

    @property
    def armed(self) -> bool:
        return self.at != NEVER

    def expired(self, now: int) -> bool:
        """True from the deadline on, until cancelled or armed again."""
        return now >= self.at

    def take(self, now: int) -> bool:
        """True exactly once when the deadline has come: expired, and cancelled by asking."""
        if now >= self.at:
            self.at = NEVER
            return True
        return False

    def remaining(self, now: int) -> int:
        """ns until expiry, 0 when expired, NEVER when not armed."""
        if self.at == NEVER:
            return NEVER
        return max(0, self.at - now)


class Backoff:
    """A delay that doubles from `first` to `ceiling` ns with each failure."""

    __slots__ = ("first", "ceiling", "_next")

    def __init__(self, first: int, ceiling: int) -> None:
        if not 0 < first <= ceiling:
            raise ValueError(f"backoff needs 0 < first <= ceiling, got {first} and {ceiling}")
        self.first = first
        self.ceiling = ceiling
        self._next = first

    def failed(self) -> int:
        """The delay to wait after this failure, in ns."""
        delay = self._next
        self._next = min(self._next * 2, self.ceiling)
        return delay

    def succeeded(self) -> None:
        self._next = self.first
