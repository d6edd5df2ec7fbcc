"""The doctor at a box's start: when it begins, what of its lines reaches journal and display, how it ends; once as a real process."""
from __future__ import annotations

import json
import os
import select
import signal
import sys
from argparse import Namespace

import pytest

from kernel.journal import Journal
from kernel.task import WHEN_IDLE
from kernel.timer import NEVER, S
from tasks.config import Config
from tasks.signals import Signals
from tools.appliance import doctor_watch
from tools.appliance.doctor_watch import DELAY, LIMIT, LOOK, MAX_FOREIGN, MAX_OCTETS, PATIENCE, Child, DoctorWatch, examine, words

ARGS = Namespace(config=None, simulate_io=False)


def line(level: str, check: str = "disk", short: str = "disk is full") -> bytes:
    return json.dumps({"check": check, "level": level, "found": f"{check} was looked at", "remedy": "do this", "short": short}).encode() + b"\n"


class Scripted:
    """A child whose answers the test writes; `answers` runs out: nothing has come."""

    def __init__(self, *answers: bytes | None, refuses: bool = False) -> None:
        self.answers, self.refuses, self.started, self.killed, self.closed, self.lingers = list(answers), refuses, 0, 0, 0, 0

    def start(self) -> None:
        if self.refuses:
            raise BrokenPipeError(32, "Broken pipe")
        self.started += 1

    def read(self, limit: int) -> bytes | None:
        return self.answers.pop(0) if self.answers else None

    def kill(self) -> None:
        self.killed += 1

    def close(self) -> None:
        self.closed += 1

    def ended(self) -> bool:
        self.lingers -= 1
        return self.lingers < 0


class Box:
    """The row with its signals and its journal."""

    def __init__(self, child: Scripted) -> None:
        self.signals, self.journal, self.lines = Signals(), Journal(), []
        self.journal.add_sink(lambda e: self.lines.append((e.level, e.message())))
        self.child, self.watch = child, DoctorWatch(child, self.signals, self.journal)
        self.state = self.signals.connection_state.claim("test")

    def run(self, now: int, state: str | None = "Unplugged") -> int:
        if state is not None:
            self.state.set(state, now)
        due = self.watch.run(now)
        self.journal.flush()
        return due


def test_it_waits_for_the_first_frames_and_for_a_box_at_rest() -> None:
    box = Box(Scripted())
    assert box.run(S) == S + DELAY and box.run(S + DELAY - 1) == S + DELAY and not box.child.started
    assert box.run(S + DELAY, "Matching") == 2 * S + DELAY and not box.child.started
    assert box.run(2 * S + DELAY) == 2 * S + DELAY + LOOK and box.child.started == 1


def test_matching_with_nobody_does_not_keep_it_for_ever_but_a_session_does() -> None:
    box = Box(Scripted())
    box.run(0, "Matching")
    assert box.run(PATIENCE, "Session") == PATIENCE + S and not box.child.started
    assert box.run(PATIENCE + S, "Ending") == PATIENCE + 2 * S and not box.child.started, "a box that was told to leave has its hands full"
    box.run(PATIENCE + 2 * S, "Matching")
    assert box.child.started == 1


def test_warnings_and_failures_are_journalled_and_the_first_failure_is_shown() -> None:
    text = line("ok") + line("warn", "clock") + line("fail") + line("fail", "modem", "modem: no answer") + b'{"exit_code": 1, "seconds": 2.0, "display": ""}\n'
    box = Box(Scripted(text[:30], None, text[30:200], text[200:], b""))
    box.run(0)
    now = DELAY
    while (due := box.run(now)) != NEVER:
        assert due > now
        now = due
    assert box.lines == [("warning", "clock: clock was looked at -> do this"), ("error", "disk: disk was looked at -> do this"),
                         ("error", "modem: modem was looked at -> do this"), ("error", "1 ok, 1 warn, 2 fail (1.2 s)")]
    assert box.signals.doctor_notice.value == "disk is full" and box.watch.outcome.startswith("1 ok")
    assert box.child.closed == 1 and box.run(now + S) == NEVER


def test_when_all_is_well_nothing_is_shown() -> None:
    box = Box(Scripted(line("ok") * 3, b""))
    for now in (0, DELAY, DELAY + LOOK, DELAY + 2 * LOOK):
        box.run(now)
    assert box.lines == [("info", "3 ok, 0 warn, 0 fail (0.5 s)")] and box.signals.doctor_notice.value is None


@pytest.mark.parametrize("foreign", [b"Traceback (most recent call last):", b"[1, 2]", b'{"check": "x"}', b'{"check": "x", "level": "fail"}', b"\xff\xfe",
                                     b"17"])
def test_what_is_no_line_of_the_doctor_is_told_a_few_times(foreign: bytes) -> None:
    box = Box(Scripted((foreign + b"\n") * 20, b""))
    for now in (0, DELAY, DELAY + LOOK, DELAY + 2 * LOOK):
        box.run(now)
    assert len(box.lines) == MAX_FOREIGN + 1 and box.lines[-1] == ("info", "ended without a line")


def test_one_that_takes_too_long_or_talks_without_end_is_ended() -> None:
    box = Box(Scripted())
    box.run(0)
    box.run(DELAY)
    assert box.run(DELAY + LIMIT + 1) == NEVER and box.child.killed == 1 and "more than 180 s" in box.lines[-1][1]
    box = Box(Scripted(*[b"x" * 8192] * 10))
    box.run(0)
    now = DELAY
    while (due := box.run(now)) != NEVER:
        now = due
    assert box.child.killed == 1 and str(MAX_OCTETS) in box.lines[-1][1]


def test_its_end_is_fetched_without_waiting() -> None:
    box = Box(Scripted(line("ok"), b""))
    box.child.lingers = 2
    box.run(0)
    box.run(DELAY)
    box.run(DELAY + LOOK)
    now = DELAY + 2 * LOOK
    assert box.run(now) == now + LOOK and box.watch.outcome and box.run(now + LOOK) == now + 2 * LOOK and box.run(now + 2 * LOOK) == NEVER
    assert box.child.closed == 1


def test_a_shell_that_is_gone_is_told() -> None:
    box = Box(Scripted(refuses=True))
    box.run(0)
    assert box.run(DELAY) == NEVER and "did not start (Broken pipe)" in box.lines[-1][1]


def test_a_box_that_leaves_takes_it_along() -> None:
    box = Box(Scripted())
    box.watch.close()
    box.watch.close()
    assert (box.child.killed, box.child.closed) == (1, 1) and box.run(0) == NEVER


def test_the_row_is_there_where_it_is_wanted() -> None:
    config, journal, made = Config(), Journal(), []

    def make(command: list[str], environ: dict[str, str]) -> Scripted:
        made.append((command, environ))
        return Scripted()
    (row,) = examine(config, ARGS, Signals(), journal, 0, make)
    assert (row.name, row.rank) == ("doctor", WHEN_IDLE) and made[0][0] == words(config, ARGS)
    config.doctor.at_start = False
    assert examine(config, ARGS, Signals(), journal, 0, make) == [] and len(made) == 1

    def no_process(command: list[str], environ: dict[str, str]) -> Scripted:
        raise OSError(11, "Resource temporarily unavailable")
    config.doctor.at_start = True
    assert examine(config, ARGS, Signals(), journal, 0, no_process) == [] and journal.count == 1


def test_the_service_manager_does_not_hear_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/x")
    monkeypatch.setenv("WATCHDOG_USEC", "2000000")
    seen = []
    examine(Config(), ARGS, Signals(), Journal(), 0, lambda command, environ: seen.append(environ) or Scripted())
    assert not {"NOTIFY_SOCKET", "WATCHDOG_USEC"} & set(seen[0]) and "PATH" in seen[0]


def test_the_words_are_those_of_the_doctor() -> None:
    from tools.doctor.__main__ import parser
    config = Config()
    config.mode, config.interface = "bridge", "plc0"
    command = words(config, Namespace(config="my.yaml", simulate_io=True))
    assert command[0] == sys.executable and command[2] == "doctor"
    args = parser().parse_args(command[3:])
    assert (args.mode, args.interface, args.config, args.simulate_io, args.running, args.json) == ("bridge", "plc0", "my.yaml", True, True, True)


# --- real processes

TALKS = [sys.executable, "-S", "-c", "import os; print(os.nice(0), flush=True)"]


def until_the_end(child: Child) -> bytes:
    got = b""
    while True:
        assert select.select([child._answers], (), (), 30)[0], "nothing came"
        piece = child.read(4096)
        if piece == b"":
            return got
        got += piece or b""


def test_the_shell_waits_and_becomes_the_program_at_nice_19() -> None:
    child = Child(TALKS, dict(os.environ))
    assert child.read(100) is None and not child.ended()
    child.start()
    assert until_the_end(child) == b"19\n"
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)          # until it has ended; `ended` reaps it
    assert child.ended() and child.ended()
    child.kill()                                                    # nobody: its number may be another's by now
    child.close()


def test_a_box_that_dies_leaves_no_shell_behind() -> None:
    child = Child(TALKS, dict(os.environ))
    os.close(child._go)
    assert until_the_end(child) == b""
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert child.ended()
    os.close(child._answers)


def test_a_child_that_does_not_end_is_killed() -> None:
    child = Child([sys.executable, "-S", "-c", "import signal; print(1, flush=True); signal.pause()"], dict(os.environ))
    child.start()
    assert select.select([child._answers], (), (), 30)[0]
    child.kill()
    info = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert info.si_status == signal.SIGKILL and child.ended()
    child.close()


def test_without_a_shell_it_is_an_oserror_and_nothing_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise FileNotFoundError(2, "No such file or directory")
    monkeypatch.setattr(doctor_watch.os, "posix_spawn", refuse)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError):
        Child(TALKS, {})
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_real_doctor_through_the_real_pipe() -> None:
    """The command line of the row, its shell, main.py and every check of this machine; only the time is made up."""
    config = Config()
    config.interface = "nosuchif0"
    box = Box(Scripted())
    box.watch._child = child = Child(words(config, Namespace(config=None, simulate_io=True)), dict(os.environ))
    box.run(0)
    assert box.run(DELAY) == DELAY + LOOK
    now = DELAY
    while not box.watch.outcome:
        assert select.select([child._answers], (), (), 60)[0], "nothing came"
        now += 1
        box.run(now)
    assert box.watch.seen["ok"] > 5 and box.watch.seen["fail"] >= 1 and box.signals.doctor_notice.value == "no interface"
    assert any("there is no network interface 'nosuchif0'" in text for level, text in box.lines if level == "error")
