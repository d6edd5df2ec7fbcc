"""Starts a stand-in box, reads what it and its guard say, and looks at the output lines from outside."""
from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from drivers.sim.lines import CONTACTORS, FIRST, NAME, UNLOCK, Lines

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 30.0        # for anything; a loaded machine is slow, not wrong
TRIES = 3                # for a beginning: a loaded machine may keep a program from running for longer than its guard bears (100 ms), which is not the program's fault
STARVED = "no sign of life"      # what the guard says then


class Box:
    """A context manager: leaves no process behind. `lines` is the page that box and guard hold."""

    def __init__(self, name: str, fault: str = "none", folder: str = "", mode: str = "pev", program: str = "tests.guard.stand_in") -> None:
        self.name = f"test-{os.getpid()}-{name}"
        read, write = os.pipe()
        self._pipe = read
        self.process = subprocess.Popen([sys.executable, "-m", program, mode, self.name, fault, folder], cwd=ROOT,
                                        stdin=subprocess.DEVNULL, stdout=write, stderr=write)
        os.close(write)
        self.text = ""
        self.lines: Lines | None = None
        self.guard_pid = 0
        self.unlocked_at = 0

    def __enter__(self) -> Box:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Nothing that was started stays."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.guard_pid:
            self.end_guard()
        os.close(self._pipe)
        if self.lines is not None:
            self.lines.close()

    def end_guard(self) -> None:
        """SIGTERM is obeyed once the lines are safe and the main process is gone; its end closes the pipe."""
        try:
            os.kill(self.guard_pid, signal.SIGTERM)
            os.kill(self.guard_pid, signal.SIGCONT)
        except ProcessLookupError:
            self.guard_pid = 0
        self.until_silent()

    def until(self, words: str) -> None:
        """Reads until `words` were said."""
        end = time.monotonic() + PATIENCE_S
        while words not in self.text:
            assert self._more(end), f"{words!r} was not said:\n{self.text}"

    def until_silent(self) -> None:
        """Reads until box and guard have both ended."""
        end = time.monotonic() + PATIENCE_S
        while self._more(end):
            continue
        assert time.monotonic() < end, f"somebody stays:\n{self.text}"

    def _more(self, end: float) -> bool:
        readable, _, _ = select.select([self._pipe], (), (), max(0.0, end - time.monotonic()))
        data = os.read(self._pipe, 65536) if readable else b""
        self.text += data.decode(errors="replace")
        return bool(data)

    def until_closed(self) -> Box:
        """Contactors are closed and current flows; from here on the lines are watched."""
        self.until("closed\n")
        pid = self.process.pid
        for fd in os.listdir(f"/proc/{pid}/fd"):
            if NAME in os.readlink(f"/proc/{pid}/fd/{fd}"):
                self.lines = Lines(os.open(f"/proc/{pid}/fd/{fd}", os.O_RDWR))
        assert self.lines is not None
        self.unlocked_at = self.lines.changed_at(UNLOCK)
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        self.guard_pid = int(children[0]) if children else 0
        return self

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def fault(self) -> None:
        """The fault from inside."""
        self.signal(signal.SIGUSR1)

    def end_group(self) -> None:
        """What a terminal and a service manager do: the guard gets the signals as well, then the box is killed."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(self.guard_pid, number)
        self.kill()

    def end_by_watchdog(self) -> None:
        """What a service manager does with a box that gives no sign of life: SIGABRT to every process of the control group."""
        os.kill(self.guard_pid, signal.SIGABRT)
        self.signal(signal.SIGABRT)
        self.process.wait()

    def exit_code(self) -> int:
        return self.process.wait(PATIENCE_S)

    @property
    def taken(self) -> bool:
        return self.lines.held

    def safe_in_order(self) -> None:
        """State B or power off first, open after it, and the lock was not touched before."""
        lines = self.lines
        assert not lines.level(FIRST) and not lines.level(CONTACTORS), self.text
        assert 0 < lines.changed_at(FIRST) < lines.changed_at(CONTACTORS), self.text
        if self.taken:
            assert not lines.level(UNLOCK) and lines.changed_at(UNLOCK) == self.unlocked_at, self.text
        elif lines.changed_at(UNLOCK) != self.unlocked_at:
            assert lines.changed_at(UNLOCK) > lines.changed_at(CONTACTORS), self.text

    def ms_between(self, earlier: int, later: int) -> float:
        return (self.lines.changed_at(later) - self.lines.changed_at(earlier)) / 1e6
