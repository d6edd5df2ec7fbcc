"""Power over time: what a charger's schedule (SASchedules) allows a car, and what its site allows a charger."""
from __future__ import annotations

from kernel.timer import NEVER, S

MAX_ENTRIES = 1024               # of the schema


class Schedule:
    """`entries`: (start in s, W) in order of time; empty: no limit."""

    __slots__ = ("entries", "begun")

    def __init__(self) -> None:
        self.entries: list[tuple[int, float]] = []
        self.begun: int | None = None            # ns: when its second 0 was

    def set(self, entries: list[tuple[int, float]]) -> None:
        """ValueError when the starts do not rise: nobody could tell which entry holds."""
        starts = [start for start, _ in entries]
        if starts != sorted(set(starts)):
            raise ValueError("PMaxSchedule: the starts of the entries do not rise")
        self.entries = entries[:MAX_ENTRIES]

    def _elapsed(self, now: int) -> float:
        return 0 if self.begun is None else (now - self.begun) / S

    def allowed(self, now: int) -> float | None:
        """W at `now`; None without a limit. Before it has begun and before the first start the first entry counts."""
        if not self.entries:
            return None
        elapsed = self._elapsed(now)
        watts = self.entries[0][1]
        for start, power in self.entries:
            if start > elapsed:
                break
            watts = power
        return watts

    def ahead(self, now: int) -> list[tuple[int, float]]:
        """The entries from `now` on, their starts in whole s from then; the first is 0."""
        if not self.entries:
            return []
        elapsed = self._elapsed(now)
        later = [(max(1, round(start - elapsed)), watts) for start, watts in self.entries[1:] if start > elapsed]
        return [(0, self.allowed(now)), *(entry for entry, after in zip(later, [*later[1:], None]) if after is None or after[0] > entry[0])]

    def powerless(self, now: int, least: float = 0.0) -> int:
        """ns from `now` until there is power, which is more than 0 and at least `least` W: 0 when there is some, NEVER when none is foreseen."""
        watts = self.allowed(now)
        if watts is None or watts > 0 and watts >= least:
            return 0
        elapsed = self._elapsed(now)
        start = next((start for start, watts in self.entries if start > elapsed and watts > 0 and watts >= least), None)
        return NEVER if start is None else round((start - elapsed) * S)
