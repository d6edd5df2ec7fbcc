"""The health row: journal flushed, report every ten seconds, watchdog kicked."""
from kernel.journal import CAPACITY, Journal
from kernel.timer import MS, S
from tasks.health.task import PERIOD, REPORT, HealthTask


class Probe:
    """Reporter, watchdog and file in one; counts."""

    def __init__(self):
        self.asked, self.kicks, self.flushes = 0, [], 0

    def report(self):
        self.asked += 1
        return f"ticks {self.asked}000 missed 0 load 100% of nothing"

    def kick(self, now):
        self.kicks.append(now)

    def flush(self):
        self.flushes += 1


def make(journal=None):
    journal = journal or Journal()
    events = []
    journal.add_sink(events.append)
    probe = Probe()
    health = HealthTask(journal, probe, [probe])
    health.watch(probe)
    return health, journal, events, probe


def run(health, until, now=0):
    while now <= until:
        now = health.run(now)


def test_the_journal_is_flushed_with_its_files_in_every_run():
    health, journal, events, probe = make()
    journal.note(0, "x", "hello")
    assert health.run(5 * MS) == 5 * MS + PERIOD
    assert [e.text for e in events] == ["hello"] and health.flushed == 1 and probe.flushes == 1


def test_the_watchdog_is_kicked_at_least_twice_per_two_seconds():
    health, _, _, probe = make()
    run(health, 10 * S)
    assert max(b - a for a, b in zip(probe.kicks, probe.kicks[1:])) <= S
    assert PERIOD <= S / 2


def test_the_kernel_is_reported_every_ten_seconds_in_one_line():
    health, _, events, probe = make()
    run(health, 60 * S)
    reports = [e for e in events if e.source == "health"]
    assert [e.at for e in reports] == [k * REPORT for k in range(1, 7)] and probe.asked == 6
    assert reports[0].message() == "ticks 1000 missed 0 load 100% of nothing"       # a percent sign is no placeholder


def test_a_pause_skips_reports_and_keeps_the_phase():
    health, _, events, _ = make()
    run(health, 11 * S)
    health.run(47 * S)
    health.run(48 * S)
    health.run(50 * S)
    assert [e.at for e in events if e.source == "health"] == [10 * S, 47 * S, 50 * S]


def test_lost_journal_events_are_told_once():
    health, journal, events, _ = make()
    health.run(0)
    for _ in range(CAPACITY + 5):
        journal.note(1, "x", "flood")
    run(health, 30 * S, PERIOD)
    assert [e.message() for e in events if e.level == "warning"] == ["the journal lost 5 events for lack of room"]


def test_without_kernel_and_watchdog_it_still_flushes():
    journal = Journal()
    seen = []
    journal.add_sink(seen.append)
    health = HealthTask(journal)
    journal.note(0, "x", "y")
    run(health, 21 * S)
    assert len(seen) == 1 and health.reports == 2
