"""The row of the task table and what is accounted for it."""
from __future__ import annotations

from dataclasses import field
from enum import IntEnum
from typing import Protocol

from kernel.record import dataclass
from kernel.timer import NEVER

TIMED = 0
"""`every` of a row that runs when its mail or the deadline that it returned has come."""


class Task(Protocol):
    """Anything with `run`; optional attribute `inboxes`: the mailboxes it alone reads."""

    def run(self, now: int) -> int:
        """Do a bounded amount of work at `now`; returns the next deadline in ns (NEVER: only mail wakes it)."""
        ...


class Wakeable(Protocol):
    def fileno(self) -> int: ...


class Rank(IntEnum):
    """ALWAYS: last in every pass, even after a fault. CRITICAL: whenever due. WHEN_IDLE: only in the slack of a tick."""

    ALWAYS = 0
    CRITICAL = 1
    WHEN_IDLE = 2


ALWAYS, CRITICAL, WHEN_IDLE = Rank.ALWAYS, Rank.CRITICAL, Rank.WHEN_IDLE


@dataclass(slots=True)
class Stats:
    """What a row has cost: times in ns."""

    runs: int = 0
    total: int = 0
    worst: int = 0
    overruns: int = 0      # runs longer than the declared budget
    slips: int = 0         # periodic: came a whole period late or more
    postponed: int = 0     # WHEN_IDLE: did not fit the slack


@dataclass(slots=True, eq=False)
class Row:
    """One line of the task table: name, task, period (or TIMED), declared budget, rank, descriptor that wakes it."""

    name: str
    task: Task
    every: int
    budget: int
    rank: Rank
    wakes: Wakeable | None = None
    stats: Stats = field(default_factory=Stats)
    period_at: int = 0      # periodic: the next multiple of `every` on its phase
    waiting_since: int = NEVER
