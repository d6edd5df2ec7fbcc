"""The kernel's promises: order, rounds, skipping, slips, overruns, idle rows, faults, floods."""
import os

import pytest

from kernel.channels import ChannelError, Mailbox
from kernel.clock import MonotonicClock, VirtualClock
from kernel.journal import Journal
from kernel.scheduler import MAX_PASSES, MAX_ROUNDS, TICK, Kernel, TableError, check_mailboxes
from kernel.task import ALWAYS, CRITICAL, TIMED, WHEN_IDLE, Row
from kernel.timer import MS, NEVER, S, US
from kernel.world import World


class Scripted:
    """Notes when it ran, spends virtual time, returns what it is told."""

    def __init__(self, log, name, clock=None, cost=0, wanted=NEVER, inboxes=(), action=None):
        self.log, self.name, self.clock, self.cost = log, name, clock, cost
        self.wanted, self.inboxes, self.action = wanted, inboxes, action

    def run(self, now):
        self.log.append((self.name, now))
        if self.cost:
            self.clock.spend(self.cost)
        if self.action:
            self.action(now)
        return self.wanted(now) if callable(self.wanted) else self.wanted


def row(task, every=TIMED, budget=100 * US, rank=CRITICAL, wakes=None):
    return Row(task.name, task, every, budget, rank, wakes)


def names(log):
    return [n for n, _ in log]


def test_rows_run_in_table_order_and_the_always_rows_last():
    log = []
    kernel = Kernel([row(Scripted(log, "a")), row(Scripted(log, "b")), row(Scripted(log, "safety"), rank=ALWAYS),
                     row(Scripted(log, "display"), rank=WHEN_IDLE)], Journal())
    kernel.visit(0)
    assert names(log) == ["a", "b", "safety", "display"]


def test_mail_to_an_earlier_row_is_served_in_the_same_visit():
    log, box = [], Mailbox("box", 4)
    first = Scripted(log, "first", inboxes=(box,), action=lambda now: box.get())
    second = Scripted(log, "second", action=lambda now: box.put("x"))
    kernel = Kernel([row(first), row(second), row(Scripted(log, "safety"), rank=ALWAYS)], Journal())
    kernel.visit(0)
    assert names(log) == ["first", "second", "first", "safety"]
    assert len(box) == 0 and box.taken == 1


def test_rows_that_mail_each_other_for_ever_are_cut_and_go_on_in_the_next_tick():
    log, ping, pong = [], Mailbox("ping", 4), Mailbox("pong", 4)

    def answer(take, put):
        def act(now):
            if take.get() is not None:
                put.put(1)
        return act
    kernel = Kernel([row(Scripted(log, "a", inboxes=(ping,), action=answer(ping, pong))),
                     row(Scripted(log, "b", inboxes=(pong,), action=answer(pong, ping)))], Journal())
    kernel.visit(0)
    ping.put(1)
    assert kernel.next_visit == 0
    kernel.visit(0)
    assert kernel.cut_rounds == 1
    assert len(log) <= 2 + 2 * MAX_ROUNDS
    assert kernel.next_visit == TICK


def test_a_deadline_between_ticks_is_served_on_the_next_tick():
    log = []
    clock = VirtualClock()
    kernel = Kernel([row(Scripted(log, "a", wanted=lambda now: now + 13 * MS if now < 20 * MS else NEVER))], Journal())
    World(clock, [kernel]).run_until(1 * S)
    assert log == [("a", 0), ("a", 20 * MS)]


def test_idle_ticks_are_not_visited():
    log = []
    world = World(VirtualClock(), [Kernel([row(Scripted(log, "a", wanted=lambda now: now + 1 * S))], Journal())])
    world.run_until(60 * S)
    assert len(log) == 61 and world.steps == 61


def test_a_periodic_row_that_comes_late_slips_and_keeps_its_phase():
    log = []
    clock = VirtualClock()
    slow = Scripted(log, "slow", clock=clock, cost=35 * MS, wanted=NEVER)
    slow.wanted = NEVER
    regular = Scripted(log, "regular")
    rows = [row(regular, every=10 * MS), row(slow, every=100 * MS, budget=1 * MS)]
    kernel = Kernel(rows, Journal(), cost=clock.now)
    world = World(clock, [kernel])
    world.run_until(200 * MS)
    times = [t for n, t in log if n == "regular"]
    assert all(t % (10 * MS) in (0, 5 * MS) for t in times)
    assert rows[0].stats.slips >= 1
    assert rows[1].stats.overruns == rows[1].stats.runs and rows[1].stats.worst == 35 * MS
    assert rows[0].stats.runs < 21


def test_an_idle_row_waits_for_slack_and_is_forced_after_four_periods():
    log = []
    clock = VirtualClock()
    hog = Scripted(log, "hog", clock=clock, cost=9 * MS)
    picture = Scripted(log, "picture", clock=clock, cost=2 * MS)
    rows = [row(hog, every=10 * MS, budget=1 * MS), row(picture, every=20 * MS, budget=3 * MS, rank=WHEN_IDLE)]
    World(clock, [Kernel(rows, Journal(), cost=clock.now)]).run_until(500 * MS)
    assert rows[1].stats.postponed >= 4
    assert rows[1].stats.runs >= 3


def test_a_task_that_raises_is_journalled_and_the_supervisor_goes_on():
    log, faults, events = [], [], []
    journal = Journal()
    journal.add_sink(events.append)

    def broken(now):
        raise ZeroDivisionError("broken on purpose")
    kernel = Kernel([row(Scripted(log, "bad", action=broken, wanted=0), every=10 * MS),
                     row(Scripted(log, "safety", wanted=lambda now: now + TICK), rank=ALWAYS)], journal,
                    on_fault=lambda now, name: faults.append((now, name)))
    World(VirtualClock(), [kernel]).run_until(50 * MS)
    journal.flush()
    assert faults == [(0, "bad")] and kernel.fault == "bad"
    assert names(log).count("bad") == 1 and names(log).count("safety") == 6
    assert "broken on purpose" in events[0].message()


def test_equal_worlds_run_equal_visits():
    def trace():
        log = []
        clock = VirtualClock()
        kernels = [Kernel([row(Scripted(log, f"{k}", wanted=lambda now, k=k: now + (7 + k) * MS))], Journal()) for k in range(3)]
        World(clock, kernels).run_until(10 * S)
        return log
    assert trace() == trace()


class Late(VirtualClock):
    """Oversleeps every wait by `late` ns."""

    def __init__(self, late):
        super().__init__()
        self.late = late

    def wait_until(self, deadline, fds):
        self.advance_to(deadline + self.late)
        return []


def test_overslept_ticks_are_skipped_and_counted_with_the_phase_kept():
    log = []
    clock = Late(25 * MS)
    kernel = Kernel([row(Scripted(log, "a"), every=10 * MS)], Journal())
    kernel.run(clock, until=lambda: len(log) >= 10)
    assert kernel.missed == 2 * kernel.ticks
    assert all((t - 25 * MS) % (10 * MS) == 0 for _, t in log[1:])
    assert kernel.lateness()[0] == 25 * MS


def test_a_readable_descriptor_wakes_its_row_before_the_tick_and_a_flood_is_bounded():
    log = []
    read_end, write_end = os.pipe()
    os.write(write_end, b"x")          # never read: the descriptor stays readable for ever

    class Pipe:
        def fileno(self):
            return read_end
    seen = []

    class Counting(MonotonicClock):
        def wait_until(self, deadline, fds):
            seen.append(bool(fds))
            return super().wait_until(deadline, fds)
    kernel = Kernel([row(Scripted(log, "rx"), wakes=Pipe()), row(Scripted([], "tick"), every=TICK)], Journal())
    try:
        kernel.run(Counting(), until=lambda: kernel.ticks >= 3)
    finally:
        os.close(read_end)
        os.close(write_end)
    longest = run = 0
    for with_fds in seen:
        run = run + 1 if with_fds else 0
        longest = max(longest, run)
    assert len(log) > 3 and longest <= MAX_PASSES


def test_the_flood_bound_is_counted_by_the_grid_and_not_by_deadlines_that_move():
    """A row that always wants to run one tick later must not stretch the time in which descriptors are ignored."""
    log, read_end, write_end = [], *os.pipe()

    class Pipe:
        def fileno(self):
            return read_end

    class OneFrameEach(VirtualClock):
        """A frame every 4 ms, each found by the wait that it ends."""

        ignored = 0

        def wait_until(self, deadline, fds):
            frame_at = self.time // (4 * MS) * 4 * MS + 4 * MS
            if fds and frame_at < deadline:
                self.advance_to(frame_at)
                return [read_end]
            if not fds:
                self.ignored += 1
            self.advance_to(deadline)
            return []
    clock = OneFrameEach()
    kernel = Kernel([row(Scripted(log, "rx"), wakes=Pipe()),
                     row(Scripted([], "supervisor", wanted=lambda now: now + TICK), rank=ALWAYS)], Journal())
    try:
        kernel.run(clock, until=lambda: clock.time > 1 * S)
    finally:
        os.close(read_end)
        os.close(write_end)
    assert clock.ignored == 0 and len(log) >= 250


@pytest.mark.parametrize("rows, word", [
    (lambda t: [row(t("a")), row(t("a"))], "twice"),
    (lambda t: [row(t("a"), rank=ALWAYS), row(t("b"))], "order"),
    (lambda t: [row(t("a"), budget=6 * MS)], "budgets"),
    (lambda t: [row(t("a"), every=15 * MS)], "multiple"),
])
def test_a_wrong_table_refuses_to_start(rows, word):
    with pytest.raises(TableError, match=word):
        Kernel(rows(lambda name: Scripted([], name)), Journal())


def test_a_mailbox_without_reader_or_with_two_is_refused():
    box = Mailbox("orphan", 2)
    with pytest.raises(ChannelError, match="nobody reads"):
        check_mailboxes([box])
    with pytest.raises(ChannelError, match="already"):
        Kernel([row(Scripted([], "a", inboxes=(box,))), row(Scripted([], "b", inboxes=(box,)))], Journal())
