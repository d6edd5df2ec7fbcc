"""Flushes the journal, tells every ten seconds how punctual the kernel is, and kicks the watchdog."""
from __future__ import annotations

from typing import Protocol, Sequence

from kernel.journal import Journal
from kernel.timer import MS, S

PERIOD = 500 * MS            # a service watchdog of 2 s wants a kick at least every second (house 3.1)
REPORT = 10 * S              # ArduPilot's PERF interval


class Reporter(Protocol):
    def report(self) -> str:
        """One line: ticks, missed, lateness p50/p99/max, worst three tasks."""
        ...


class Watchdog(Protocol):
    def kick(self, now: int) -> None:
        """We are alive. The implementation decides what else must be true (supervisor ran, counters moved)."""
        ...


class Flushable(Protocol):
    def flush(self) -> None: ...


class HealthTask:
    """`reports` and `flushed` (events) count what was done. Lost journal events are told, once per report."""

    __slots__ = ("inboxes", "reports", "flushed", "_journal", "_reporter", "_watchdog", "_sinks", "_report_at", "_lost_told")

    def __init__(self, journal: Journal, watchdog: Watchdog | None = None, sinks: Sequence[Flushable] = ()) -> None:
        """`sinks`: buffered files that are written out together with the journal."""
        self.inboxes = ()
        self.reports = 0
        self.flushed = 0
        self._journal = journal
        self._reporter: Reporter | None = None
        self._watchdog = watchdog
        self._sinks = tuple(sinks)
        self._report_at: int | None = None
        self._lost_told = 0

    def watch(self, reporter: Reporter) -> None:
        """The kernel comes last: it is built from the table in which this task already stands."""
        self._reporter = reporter

    def run(self, now: int) -> int:
        if self._watchdog is not None:
            self._watchdog.kick(now)
        if self._report_at is None:
            self._report_at = now + REPORT
        elif now >= self._report_at:
            self._report(now)
        self.flushed += self._journal.flush()
        for sink in self._sinks:
            sink.flush()
        return now + PERIOD

    def _report(self, now: int) -> None:
        late = now - self._report_at
        self._report_at += (late // REPORT + 1) * REPORT
        self.reports += 1
        if self._reporter is not None:
            self._journal.note(now, "health", "%s", self._reporter.report())
        lost = self._journal.lost
        if lost > self._lost_told:
            self._journal.note(now, "health", "the journal lost %d events for lack of room", lost - self._lost_told, level="warning")
            self._lost_told = lost
