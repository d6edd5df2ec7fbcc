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


class Cadence:
    """What is to happen every `period` ns: the phase is kept, a late call is not followed by a burst.

    `skipped` counts periods that passed without a call, `latest` is the greatest lateness in ns of a call that still met its period.
    """

    __slots__ = ("period", "at", "skipped", "latest")

    def __init__(self, period: int) -> None:
        if period <= 0:
            raise ValueError(f"cadence needs a period above 0, got {period}")
        self.period = period
        self.at = 0              # due at once
        self.skipped = 0
        self.latest = 0

    def take(self, now: int) -> bool:
        """True when it is due; the next time is then a whole number of periods later."""
        if now < self.at:
            return False
        if not self.at:
            self.at = now        # the first call sets the phase
        late = now - self.at
        missed = late // self.period
        self.skipped += missed
        self.latest = max(self.latest, late - missed * self.period)
        self.at += (missed + 1) * self.period
        return True
