"""The doctor at the start of a box: a process of its own, started when the box has time, its lines into the journal, the first failing one onto the display.

It must cost the charge nothing. A shell that waits at a pipe is started before the process asks for real-time rights; later one octet
lets it become the doctor, at nice 19. So the running box starts no process: that would hold it up until a low-priority child has its own program.
"""
from __future__ import annotations

import json
import os
import signal
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any, Callable

from kernel.journal import Journal
from kernel.task import TIMED, WHEN_IDLE, Row
from kernel.timer import MS, NEVER, S, US
from tasks.signals import Signals
from tools.appliance.outcome import RESTING

SOURCE = "doctor"
MAIN = Path(__file__).resolve().parents[2] / "main.py"
WAITS = 'read go && exec nice -n 19 "$@"'        # no octet, end of the pipe: the box is gone, and so is the shell
DELAY = 5 * S                # the first SLAC message leaves before
PATIENCE = 20 * S           # for a box that does not rest before it has met somebody: matching with nobody is what the doctor may explain
BUSY = frozenset({"Session", "Ending"})          # not now, however long it takes: a box that was told to leave goes through Ending
LOOK = 250 * MS
LIMIT = 180 * S              # three times the doctor's own bound: at nice 19 it may wait
READ_OCTETS = 8192           # per run
MAX_OCTETS = 65536           # of all lines
MAX_FOREIGN = 4              # lines that are no JSON: an interpreter that complains
FOREIGN_LENGTH = 300
NOTICE = 19                  # characters of the signal
BUDGET = 2000 * US           # a read and a few lines of JSON; 0.2 ms on a PC
LEVELS = {"warn": "warning", "fail": "error"}
NOT_FOR_CHILD = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")      # the service manager listens to the box alone


class Child:
    """The shell, then the doctor. `read` never waits."""

    def __init__(self, words: list[str], environ: dict[str, str]) -> None:
        """OSError where there is no shell or no process to be had."""
        go_reader, self._go = os.pipe()
        self._answers, writer = os.pipe()
        os.set_blocking(self._answers, False)
        try:
            self.pid = os.posix_spawn("/bin/sh", ["sh", "-c", WAITS, "doctor", *words], environ, file_actions=[
                (os.POSIX_SPAWN_DUP2, go_reader, 0), (os.POSIX_SPAWN_DUP2, writer, 1), (os.POSIX_SPAWN_DUP2, writer, 2)])
        except OSError:
            os.close(self._go)
            os.close(self._answers)
            raise
        finally:
            os.close(go_reader)
            os.close(writer)
        self._gone = False

    def start(self) -> None:
        """OSError where the shell is gone."""
        os.write(self._go, b"\n")

    def read(self, limit: int) -> bytes | None:
        """What has come, b"" at the end, None while there is nothing."""
        try:
            return os.read(self._answers, limit)
        except BlockingIOError:
            return None

    def kill(self) -> None:
        """Only this child, by its number, as long as nobody else can have it."""
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)

    def ended(self) -> bool:
        if not self._gone:
            try:
                self._gone = os.waitpid(self.pid, os.WNOHANG)[0] != 0
            except ChildProcessError:
                self._gone = True
        return self._gone

    def close(self) -> None:
        os.close(self._go)
        os.close(self._answers)


class DoctorWatch:
    """A row of its own, WHEN_IDLE. `seen`: lines by level; `outcome`: "" until it is over."""

    inboxes = ()

    def __init__(self, child: Any, signals: Signals, journal: Journal) -> None:
        """`child`: `Child`, or a test's."""
        self.seen = {"ok": 0, "warn": 0, "fail": 0}
        self.outcome = ""
        self._child: Any = child
        self._leaving: Any = None                # told to end, and not fetched yet
        self._journal = journal
        self._state = signals.connection_state
        self._notice = signals.doctor_notice.claim(SOURCE)
        self._began: int | None = None
        self._started: int | None = None
        self._octets = 0
        self._foreign = 0
        self._rest = b""

    def row(self) -> Row:
        return Row(SOURCE, self, TIMED, BUDGET, WHEN_IDLE)

    def run(self, now: int) -> int:
        if self._child is None:
            return self._reap(now)
        if self._began is None:
            self._began = now
        if self._started is None:
            return self._wait(now, self._began)
        return self._listen(now, self._started)

    def _wait(self, now: int, began: int) -> int:
        """Until the first frames are out and nobody charges."""
        state = self._state.value
        if now - began < DELAY:
            return began + DELAY
        if state in BUSY or state not in RESTING and now - began < PATIENCE:
            return now + S
        self._started = now
        try:
            self._child.start()
        except OSError as error:
            return self._end(now, f"did not start ({error.strerror or error})")
        return now + LOOK

    def _listen(self, now: int, started: int) -> int:
        got = self._child.read(READ_OCTETS)
        if got:
            self._octets += len(got)
            *lines, self._rest = (self._rest + got).split(b"\n")
            for line in lines:
                self._take(line, now)
        if got == b"":
            if self._rest:
                self._take(self._rest, now)
            counts = ", ".join(f"{count} {level}" for level, count in self.seen.items())
            return self._end(now, f"{counts} ({(now - started) / S:.1f} s)" if any(self.seen.values()) else "ended without a line")
        if now - started > LIMIT or self._octets > MAX_OCTETS:
            return self._end(now, f"was ended: it took more than {LIMIT // S} s" if now - started > LIMIT else f"was ended: it told more than {MAX_OCTETS} octets")
        return now + LOOK

    def _take(self, line: bytes, now: int) -> None:
        """One line of `main.py doctor --json`."""
        text = line.decode("utf-8", "replace").strip()
        try:
            told = json.loads(text)
            if isinstance(told, dict) and "exit_code" in told:
                return
            level, check, found, remedy, short = (str(told[key]) for key in ("level", "check", "found", "remedy", "short"))
        except (ValueError, KeyError, TypeError):
            if text and self._foreign < MAX_FOREIGN:
                self._foreign += 1
                self._journal.note(now, SOURCE, "%s", text[:FOREIGN_LENGTH], level="warning")
            return
        if level not in self.seen:
            return
        self.seen[level] += 1
        if level in LEVELS:
            self._journal.note(now, SOURCE, "%s: %s -> %s", check, found, remedy, level=LEVELS[level])
        if level == "fail" and not self._notice.signal.value:
            self._notice.set(short[:NOTICE], now)

    def _end(self, now: int, outcome: str) -> int:
        self.outcome = outcome
        self._journal.note(now, SOURCE, "%s", outcome, level="error" if self.seen["fail"] else "info")
        self.close()
        return self._reap(now)

    def _reap(self, now: int) -> int:
        """Until the process is really gone: its end is fetched without waiting for it."""
        return NEVER if self._leaving is None or self._leaving.ended() else now + LOOK

    def close(self) -> None:
        """The box leaves, or the doctor has ended: nothing of it stays."""
        child, self._child = self._child, None
        self._leaving = child or self._leaving
        if child is not None:
            child.kill()
            child.close()


def words(config: Any, args: Namespace) -> list[str]:
    """The doctor's command line: the same settings as the box's."""
    return [sys.executable, str(MAIN), "doctor", "--json", "--running", "--mode", config.mode, "--interface", config.interface,
            *(["--config", args.config] if args.config else []), *(["--simulate-io"] if args.simulate_io else [])]


def examine(config: Any, args: Namespace, signals: Signals, journal: Journal, now: int, make: Callable[[list[str], dict[str, str]], Any] = Child) -> list[Row]:
    """The row, where `doctor.at_start` wants it. A doctor that cannot be prepared is told and nothing else."""
    if not config.doctor.at_start:
        return []
    try:
        child = make(words(config, args), {key: value for key, value in os.environ.items() if key not in NOT_FOR_CHILD})
    except OSError as error:
        journal.note(now, SOURCE, "cannot be started (%s); by hand: main.py doctor", error.strerror or str(error), level="warning")
        return []
    return [DoctorWatch(child, signals, journal).row()]
