"""The kernel: a fixed tick on absolute deadlines, one table of tasks in a fixed order, and accounting.

Theory of operation. Time is cut into ticks at multiples of `tick` from the start. A *visit* happens on a tick on
which something is due, or between ticks when a descriptor became readable. A visit runs the CRITICAL rows that are
due or have mail, in table order, and repeats that round while rows mailed each other (bounded); then the ALWAYS rows;
then, on a tick only, the WHEN_IDLE rows whose budget fits the rest of the tick. Deadlines between ticks are served on
the next tick. Whole ticks that were overslept are skipped and counted, the phase is kept, and each due task runs once
with the true `now`. A task that raises is journalled and never run again; the fault hook is told, the ALWAYS rows go on.
"""
from __future__ import annotations

import traceback
from typing import Any, Callable, Sequence

from kernel.channels import ChannelError
from kernel.journal import Journal
from kernel.task import ALWAYS, CRITICAL, TIMED, WHEN_IDLE, Rank, Row
from kernel.timer import MS, NEVER

TICK = 10 * MS
MAX_ROUNDS = 8             # rounds of one visit while rows mail each other
MAX_PASSES = 8             # visits between two ticks that descriptors may cause
FORCE_IDLE_AFTER = 4       # periods after which a WHEN_IDLE row runs although it does not fit
MAX_LOAD_PERCENT = 50      # of a tick, all ALWAYS and CRITICAL budgets together
LATENESS_SAMPLES = 1024
MAIL = -1                  # in the place of a deadline: the row has mail, or has never run


class TableError(Exception):
    """The task table cannot be right; refuse to start."""


class Dead:
    """In the place of a task that raised: never does anything again."""

    def run(self, now: int) -> int:
        return NEVER


class Group:
    """The rows of one rank in table order, and when each runs next (ns; MAIL: at once).

    In lists apart from the rows, because looking through numbers is what a visit mostly does.
    """

    __slots__ = ("rows", "dues")

    def __init__(self, rows: Sequence[Row], rank: Rank) -> None:
        self.rows = [row for row in rows if row.rank is rank]
        self.dues = [MAIL] * len(self.rows)


class Kernel:
    """Runs one table. Drive it with `run(clock)` on a real clock, or visit by visit from a `World`."""

    def __init__(self, rows: Sequence[Row], journal: Journal, *, tick: int = TICK,
                 on_fault: Callable[[int, str], None] | None = None, cost: Callable[[], int] | None = None) -> None:
        """`on_fault(now, row name)` is called when a task raised. `cost` reads the clock that run times are taken from;
        None: run times are not accounted (virtual time costs nothing unless a device spends it)."""
        check(rows, tick)
        self.rows = list(rows)
        self.journal = journal
        self.tick = tick
        self.on_fault = on_fault
        self.cost = cost
        self.fault: str | None = None
        self.stopping = False
        self.on_visit: Callable[[int], None] | None = None     # is told each visit before it begins
        self.ticks = 0
        self.missed = 0
        self.passes = 0
        self.cut_rounds = 0
        self.worst_late = 0
        self._late: list[int] = []
        self.next_visit = 0            # the tick (ns) of the next visit; 0 when a row is ready now, NEVER when nothing is due
        self._idle_due = 0
        self._start: int | None = None
        self._by_name = {row.name: row for row in self.rows}
        self._critical, self._idle = Group(self.rows, CRITICAL), Group(self.rows, WHEN_IDLE)
        self._always = [row for row in self.rows if row.rank is ALWAYS]
        for row in self.rows:
            for box in getattr(row.task, "inboxes", ()):
                box.bind(row.name, self.waker(row.name))

    def waker(self, name: str) -> Callable[[], None]:
        """A function that makes the row due at once: for mailboxes and for devices without a descriptor."""
        row = self._by_name[name]
        if row.rank is ALWAYS:

            def visit_now() -> None:
                self.next_visit = 0
            return visit_now
        group = self._critical if row.rank is CRITICAL else self._idle
        place, dues = group.rows.index(row), group.dues

        def wake() -> None:
            dues[place] = MAIL
            self.next_visit = 0

        def wake_idle() -> None:
            dues[place] = MAIL
            self._idle_due = 0
            self.next_visit = 0
        return wake_idle if row.rank is WHEN_IDLE else wake

    def remember(self, names: Sequence[str]) -> dict[str, Any]:
        """When each of these rows is due, for a kernel that goes on where this one is; to be asked for between visits, or by the last row of one."""
        return {"start": self._start, "rows": {name: [self._due_of(name), row.period_at, row.waiting_since] for name in names if (row := self._by_name[name])}}

    def recall(self, memory: dict[str, Any]) -> None:
        """Go on where a kernel was that remembered this; rows of other names are due at once."""
        self._start, self._idle_due, self.next_visit = memory["start"], 0, 0
        for name, (due, period_at, waiting_since) in memory["rows"].items():
            row = self._by_name.get(name)
            if row is None:
                continue
            row.period_at, row.waiting_since = period_at, waiting_since
            for group in (self._critical, self._idle):
                if row in group.rows:
                    group.dues[group.rows.index(row)] = due

    def _due_of(self, name: str) -> int:
        row = self._by_name[name]
        return next((group.dues[group.rows.index(row)] for group in (self._critical, self._idle) if row in group.rows), MAIL)

    # --- one visit ----------------------------------------------------------------------------------------------

    def visit(self, now: int) -> None:
        """Run what is due at `now`."""
        if self.on_visit is not None:
            self.on_visit(now)
        start = self._start
        if start is None:
            self._start = start = now
            for row in self.rows:
                row.period_at = now
        self.passes += 1
        critical = self._critical
        dues = critical.dues
        self._run_due(critical, now)
        rounds = 1
        while MAIL in dues:                 # a row that had its turn in this round got mail
            if rounds == MAX_ROUNDS:        # rows mail each other without end: the rest waits for the next tick
                self.cut_rounds += 1
                break
            self._run_due(critical, now)
            rounds += 1
        due = NEVER
        for row in self._always:
            wanted = self._run_row(row, now)
            if wanted < due:
                due = wanted
        if self._idle_due <= now and ((now - start) % self.tick == 0 or self.cost is not None):
            self._idle_due = self._run_idle(now)
        if self._idle_due < due:
            due = self._idle_due
        if dues:
            due = min(due, min(dues))       # MAIL: what an ALWAYS or WHEN_IDLE row sent is served on the next tick
        if due <= now:
            due = now + 1
        over = (due - start) % self.tick
        self.next_visit = NEVER if due == NEVER else due + self.tick - over if over else due

    def _run_due(self, group: Group, now: int) -> None:
        """Run those rows that are due or have mail."""
        dues, rows = group.dues, group.rows
        for place, due in enumerate(dues):          # mail to a later row is seen when its turn comes
            if due > now:
                continue
            dues[place] = NEVER
            wanted = self._run_row(rows[place], now)
            if dues[place] > wanted:                # unless it mailed itself
                dues[place] = wanted

    def _run_row(self, row: Row, now: int) -> int:
        """One call of a row's task; returns when it wants to run next."""
        cost = self.cost
        began = 0 if cost is None else cost()
        try:
            wanted = row.task.run(now)
        except Exception:  # noqa: BLE001 - a task's bug must not take the supervisor with it: journalled, tripped, not swallowed
            self._fault(row, now)
            return NEVER
        row.stats.runs += 1
        if cost is not None:
            self._account_run(row, cost() - began)
        return self._next_period(row, now) if row.every else wanted

    def _run_idle(self, now: int) -> int:
        """Run the WHEN_IDLE rows that fit into the rest of this tick; returns their earliest deadline."""
        if self.cost is not None:
            for place, due in enumerate(self._idle.dues):
                if due <= now and self._postponed(self._idle.rows[place], now):
                    self._idle.dues[place] = now + self.tick
        self._run_due(self._idle, now)
        return min(self._idle.dues, default=NEVER)

    def _postponed(self, row: Row, now: int) -> bool:
        """True when a row does not fit the slack and has waited no longer than FORCE_IDLE_AFTER periods."""
        slack = self.tick - (self.cost() - self._start) % self.tick
        if row.budget <= slack:
            row.waiting_since = NEVER
            return False
        if row.waiting_since == NEVER:
            row.waiting_since = now
        if now - row.waiting_since < FORCE_IDLE_AFTER * (row.every or self.tick):
            row.stats.postponed += 1
            return True
        row.waiting_since = NEVER
        return False

    @staticmethod
    def _next_period(row: Row, now: int) -> int:
        """The next period of a periodic row; whole periods that were missed are a slip, the phase is kept."""
        at = row.period_at
        if at <= now:
            at += row.every
            if at <= now:
                row.stats.slips += 1
                at += (now - at) // row.every * row.every + row.every
            row.period_at = at
        return at

    @staticmethod
    def _account_run(row: Row, took: int) -> None:
        stats = row.stats
        stats.total += took
        if took > stats.worst:
            stats.worst = took
        if took > row.budget:
            stats.overruns += 1

    def _fault(self, row: Row, now: int) -> None:
        row.task = Dead()
        self.fault = row.name
        self.journal.note(now, "kernel", "task %s raised and is stopped:\n%s", row.name, traceback.format_exc(), level="error")
        if self.on_fault is not None:
            self.on_fault(now, row.name)

    # --- the loop on a real clock -------------------------------------------------------------------------------

    def run(self, clock, until: Callable[[], bool] = lambda: False) -> None:
        """Visit until `stopping` or `until()`; sleeps in between, wakes early on readable descriptors."""
        by_fd = {row.wakes.fileno(): self.waker(row.name) for row in self.rows if row.wakes is not None and row.wakes.fileno() >= 0}
        fds = list(by_fd)
        self.visit(clock.now())
        passes, refill_at = 0, 0        # descriptors may cause MAX_PASSES visits between two ticks of the grid
        while not self.stopping and not until():
            now = clock.now()
            if now >= refill_at:
                passes = 0
                refill_at = now + self.tick - (now - self._start) % self.tick
            deadline = self.next_visit or now
            readable = clock.wait_until(deadline, fds) if passes < MAX_PASSES else clock.wait_until(max(deadline, refill_at), ())
            now = clock.now()
            for fd in readable:
                by_fd[fd]()
            if readable:
                passes += 1
            elif now >= deadline:
                self._account(now - deadline)
            self.visit(now)

    def _account(self, late: int) -> None:
        self.ticks += 1
        self.missed += late // self.tick
        if late > self.worst_late:
            self.worst_late = late
        if len(self._late) < LATENESS_SAMPLES:
            self._late.append(late)
        else:
            self._late[self.ticks % LATENESS_SAMPLES] = late

    def lateness(self) -> tuple[int, int, int]:
        """(p50, p99, max) of tick lateness in ns over the last samples; max over all time."""
        if not self._late:
            return (0, 0, 0)
        ordered = sorted(self._late)
        return (ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100], self.worst_late)

    def report(self) -> str:
        """One line for the log: ticks, missed, lateness, overruns and the three costliest rows."""
        if self.cost is None:        # virtual time: nothing is late and nothing costs
            busiest = sorted(self.rows, key=lambda r: r.stats.runs, reverse=True)[:3]
            return f"visits {self.passes} cut {self.cut_rounds}; busiest " + " ".join(f"{r.name}={r.stats.runs}" for r in busiest)
        p50, p99, worst = self.lateness()
        rows = sorted(self.rows, key=lambda r: r.stats.worst, reverse=True)[:3]
        names = " ".join(f"{r.name}={r.stats.worst / 1000:.0f}us/{r.stats.overruns}over" for r in rows)
        return (f"ticks {self.ticks} missed {self.missed} passes {self.passes} cut {self.cut_rounds} "
                f"late p50 {p50 / 1000:.0f} p99 {p99 / 1000:.0f} max {worst / 1000:.0f} us; worst {names}")


def check(rows: Sequence[Row], tick: int) -> None:
    """Names unique, ALWAYS rows after the CRITICAL ones, WHEN_IDLE last, budgets within the tick; TableError otherwise."""
    names = [r.name for r in rows]
    for name in names:
        if names.count(name) > 1:
            raise TableError(f"task table: the name {name!r} stands twice")
    order = [(CRITICAL, ALWAYS, WHEN_IDLE).index(r.rank) for r in rows]
    if order != sorted(order):
        raise TableError("task table: rows must stand in the order CRITICAL, ALWAYS, WHEN_IDLE, because the supervisor runs last")
    budget = sum(r.budget for r in rows if r.rank is not WHEN_IDLE)
    if budget * 100 > tick * MAX_LOAD_PERCENT:
        raise TableError(f"task table: budgets sum to {budget / 1000:.0f} us, allowed are {MAX_LOAD_PERCENT} % of a tick "
                         f"({tick * MAX_LOAD_PERCENT / 100_000:.0f} us)")
    for r in rows:
        if r.every != TIMED and (r.every < tick or r.every % tick):
            raise TableError(f"task table: {r.name} runs every {r.every} ns, which is no multiple of the tick of {tick} ns")


def check_mailboxes(mailboxes) -> None:
    """Every mailbox has a reader: what nobody reads fills up silently. ChannelError otherwise."""
    for box in mailboxes:
        if box.reader is None:
            raise ChannelError(f"mailbox {box.name}: nobody reads it")
