"""Tells the service manager that the box is alive, but only while its supervisor really runs."""
from __future__ import annotations

from kernel.scheduler import Kernel
from kernel.task import ALWAYS
from kernel.watchdog import Watchdog


class Liveness:
    """`kick(now)`: one notification when no task has failed and every ALWAYS row ran since the last kick."""

    def __init__(self, watchdog: Watchdog) -> None:
        self._watchdog = watchdog
        self._kernel: Kernel | None = None
        self._runs: tuple[int, ...] = ()
        self.withheld = 0

    def watch(self, kernel: Kernel, status: str) -> None:
        """The kernel comes last; from here on the service counts as started."""
        self._kernel = kernel
        self._watchdog.ready(status)

    def kick(self, now: int) -> None:
        kernel = self._kernel
        if kernel is None:
            return
        runs = tuple(row.stats.runs for row in kernel.rows if row.rank is ALWAYS)
        moved = all(new > old for new, old in zip(runs, self._runs)) if self._runs else True
        self._runs = runs
        if kernel.fault is None and moved:
            self._watchdog.alive()
        else:
            self.withheld += 1
