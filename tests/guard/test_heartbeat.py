"""The sign of life of the main process: only after a real run of a sound supervisor, at the pace that the guard expects."""
from types import SimpleNamespace

import pytest

from drivers.guard import Beat, Channel, read_beat
from drivers.sim.lines import CONTACTORS, PILOT_C, Lines
from kernel.journal import Journal
from kernel.scheduler import Kernel
from kernel.task import ALWAYS, CRITICAL, TIMED, WHEN_IDLE, Row
from kernel.timer import MS, NEVER, S, US
from tasks.signals import Signals
from tools.appliance.guard import ARMED_PERIOD, BEAT_GAP, MAX_UNANSWERED, REST_GAP, Guard, GuardLost, Heartbeat
from tools.appliance.guard_policy import SILENCE_FLOOR_MS


@pytest.fixture
def wired():
    """A heartbeat with the guard's end of the wire in the test's hand."""
    lines, (ours, theirs), signals = Lines.create(), Channel.pair(), Signals()
    supervisor = SimpleNamespace(stats=SimpleNamespace(runs=0))
    safety = SimpleNamespace(broken=False, facts=SimpleNamespace(contactors=True))
    beat = Heartbeat(ours, lines, supervisor, safety, signals.inlet_current, signals.inlet_voltage, lambda: 7)
    yield SimpleNamespace(lines=lines, ours=ours, theirs=theirs, signals=signals, supervisor=supervisor, safety=safety, beat=beat)
    lines.close(), ours.close(), theirs.close()


def test_it_tells_what_the_guard_may_need(wired):
    wired.supervisor.stats.runs = 1
    wired.signals.inlet_current.claim("test").set(49.0, 5)
    wired.beat.run(10)
    assert [read_beat(data) for data in wired.theirs.receive()] == [Beat(7, True, 49.0, 5, None)]


def test_it_beats_once_per_run_of_the_supervisor_and_not_faster_than_the_gap(wired):
    w, sent = wired, 0
    w.lines.set(PILOT_C, True)
    for n in range(100):
        now = n * MS
        if n % 7 == 0:
            w.supervisor.stats.runs += 1
        w.beat.run(now)
        got = len(w.theirs.receive())
        assert got == (n % 7 == 0)
        for _ in range(got):
            w.theirs.send(b"E")
        sent += got
    assert sent == 15 and w.beat.withheld == 85
    for n in range(100, 120):
        w.supervisor.stats.runs += 1
        w.beat.run(n * MS)
    assert len(w.theirs.receive()) == 20 * MS // BEAT_GAP


def test_at_rest_it_beats_rarely_and_at_once_when_a_line_rises(wired):
    for n in range(0, 1000, 50):
        wired.supervisor.stats.runs += 1
        wired.beat.run(n * MS)
    assert len(wired.theirs.receive()) == S // REST_GAP
    wired.lines.set(CONTACTORS, True)
    wired.supervisor.stats.runs += 1
    wired.beat.run(960 * MS)
    assert len(wired.theirs.receive()) == 1


def test_a_broken_supervisor_gives_no_sign_of_life(wired):
    wired.safety.broken = True
    wired.supervisor.stats.runs = 1
    wired.beat.run(0)
    assert wired.theirs.receive() == []


@pytest.mark.parametrize("line", [PILOT_C, CONTACTORS])
def test_while_a_line_is_high_it_asks_to_be_called_in_time(wired, line):
    assert wired.beat.run(0) == NEVER, "at rest the supervisor's own pace is enough"
    wired.lines.set(line, True)
    assert wired.beat.run(0) == ARMED_PERIOD and 2 * ARMED_PERIOD < SILENCE_FLOOR_MS * MS


def test_lines_in_the_guards_hand_end_the_session(wired):
    wired.lines.hold()
    with pytest.raises(GuardLost, match="took the outputs"):
        wired.beat.run(0)


def test_a_guard_that_is_gone_or_silent_ends_the_session(wired):
    wired.lines.set(PILOT_C, True)
    for n in range(MAX_UNANSWERED):
        wired.supervisor.stats.runs += 1
        wired.beat.run(n * BEAT_GAP)
    wired.supervisor.stats.runs += 1
    with pytest.raises(GuardLost, match="does not answer"):
        wired.beat.run(MAX_UNANSWERED * BEAT_GAP)
    wired.theirs.close()
    wired.supervisor.stats.runs += 1
    with pytest.raises(GuardLost, match="is gone"):
        wired.beat.run(10 * S)


@pytest.mark.parametrize("mode, current", [("pev", 1.0), ("evse", 2.0)])
def test_its_row_stands_right_after_the_supervisor_and_its_failure_stops_the_box(wired, mode, current):
    class Idle:
        def run(self, now):
            return now + 50 * MS
    rows = [Row("a", Idle(), TIMED, 10 * US, CRITICAL), Row("safety", Idle(), TIMED, 10 * US, ALWAYS), Row("b", Idle(), TIMED, 10 * US, WHEN_IDLE)]
    guard = Guard.__new__(Guard)
    guard.lines, guard.channel, guard._mode = wired.lines, wired.ours, mode
    wired.signals.inlet_current.claim("test").set(1.0, 0)
    wired.signals.output_current.claim("test").set(2.0, 0)
    joined = guard.join(rows, wired.safety, wired.signals)
    assert [row.name for row in joined] == ["a", "safety", "guard", "b"]
    faults = []
    wired.lines.set(PILOT_C, True)
    kernel = Kernel(joined, Journal(), on_fault=lambda now, name: faults.append(name))
    kernel.visit(0)
    kernel.visit(50 * MS)
    beats = [read_beat(data) for data in wired.theirs.receive()]
    assert [beat.current for beat in beats] == [current, current], "each visit in which the supervisor ran"
    wired.lines.hold()
    kernel.visit(100 * MS)
    assert kernel.fault == "guard" and faults == ["guard"]
