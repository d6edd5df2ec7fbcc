"""From power-on to the first SLAC message: what took how long at this start, for the journal.

The times before the first line of main.py come from the kernel: /proc/self/stat says when the process was made (field 22, in clock ticks since
the boot, proc(5)), and CLOCK_BOOTTIME what a monotonic instant is since the boot. What lies before the kernel (boot loader, firmware: 1.5 to
6 s on a Raspberry Pi) no program can know.
"""
from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Callable

from kernel.journal import Event, Journal
from kernel.timer import MS, S

SOURCE = "boot"
TITLE = "boot timeline (since the kernel's start, and since the line above):"
FIRST_MESSAGE = {100: "first CM_SLAC_PARM.REQ sent", 101: "first CM_SLAC_PARM.CNF sent"}      # checkpoints of a car and of a charger (tasks/homeplug)
MAX_MARKS = 16
STARTTIME = 19               # field 22 of /proc/PID/stat: the twentieth behind the name, which may contain spaces and brackets


def boot_offset(monotonic: Callable[[], int] = time.monotonic_ns) -> int:
    """ns to add to a monotonic instant for the time since the kernel's start: the two differ where the machine has slept."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - monotonic()


def process_start(stat: str, ticks_per_s: int) -> int | None:
    """ns since the kernel's start, to one tick (10 ms); None where the text is not that of /proc/PID/stat."""
    fields = stat.rpartition(")")[2].split()
    if len(fields) <= STARTTIME or not fields[STARTTIME].isdigit():
        return None
    return int(fields[STARTTIME]) * S // ticks_per_s


def own_start(stat: Path = Path("/proc/self/stat")) -> int | None:
    """Of this process; None where it cannot be read."""
    try:
        return process_start(stat.read_text(encoding="ascii", errors="replace"), os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError):
        return None


class Timeline:
    """`mark` at each step, `tell` once, when the kernel runs; after that it waits, as a sink of the journal, for the first SLAC message."""

    def __init__(self, main_at: int, clock: Callable[[], int], offset: int, process: int | None) -> None:
        """`main_at`: monotonic ns of the first line of main.py. `offset`: of `boot_offset`. `process`: of `own_start`."""
        self._clock = clock
        self._offset = offset
        self._process = process
        self._marks: list[tuple[str, int]] = [("main.py begins (interpreter started)", main_at)]
        self._journal: Journal | None = None
        self._running_at = 0

    def mark(self, name: str) -> None:
        """This step is done now."""
        if len(self._marks) < MAX_MARKS:
            self._marks.append((name, self._clock()))

    def lines(self) -> list[str]:
        """`  1234 ms  +56 ms  board open`; what is not known is left out."""
        steps = [("process made", self._process)] if self._process is not None else []
        steps += [(name, at + self._offset) for name, at in self._marks]
        before = 0
        found = []
        for name, at in steps:
            found.append(f"{at // MS:>8} ms {'+' + str(max(0, at - before) // MS):>7} ms  {name}")
            before = at
        return found

    def tell(self, now: int, journal: Journal) -> None:
        """The block, an event for each line: a journal is read, searched and counted by lines."""
        self._journal, self._running_at = journal, now
        for line in (TITLE, *self.lines()):
            journal.note(now, SOURCE, "%s", line)
        journal.add_sink(self.hear)

    def hear(self, event: Event) -> None:
        """The first checkpoint of matching ends the story; `at` is the visit whose end sends the frame."""
        journal = self._journal
        if journal is None or event.number not in FIRST_MESSAGE:
            return
        self._journal = None
        journal.note(event.at, SOURCE, "boot timeline: %s %d ms after the kernel's start, %d ms after the task table began to run", FIRST_MESSAGE[event.number],
                     (event.at + self._offset) // MS, (event.at - self._running_at) // MS)
