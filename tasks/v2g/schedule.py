"""The power that a charger's schedule (SASchedules) allows, over the time since power delivery began."""
from __future__ import annotations

from kernel.timer import S

MAX_ENTRIES = 1024               # of the schema


class Schedule:
    """`entries`: (start in s, W) in order of time; empty: no limit."""

    __slots__ = ("entries", "begun")

    def __init__(self) -> None:
        self.entries: list[tuple[int, float]] = []
        self.begun: int | None = None            # ns: when power delivery began

    def set(self, entries: list[tuple[int, float]]) -> None:
        """ValueError when the starts do not rise: nobody could tell which entry holds."""
        starts = [start for start, _ in entries]
        if starts != sorted(set(starts)):
            raise ValueError("PMaxSchedule: the starts of the entries do not rise")
        self.entries = entries[:MAX_ENTRIES]

    def allowed(self, now: int) -> float | None:
        """W at `now`; None without a limit. Before power delivery and before the first start the first entry counts."""
        if not self.entries:
            return None
        elapsed = 0 if self.begun is None else (now - self.begun) / S
        watts = self.entries[0][1]
        for start, power in self.entries:
            if start > elapsed:
                break
            watts = power
        return watts
