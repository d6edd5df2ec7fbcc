"""What the programs of a case cost: CPU time of whole process groups, and the peak of each one's memory."""
from __future__ import annotations

import ctypes
import threading
from dataclasses import dataclass, field
from pathlib import Path

from tests.interop.network import Program

PR_SET_CHILD_SUBREAPER = 36      # <linux/prctl.h>
LOOK_EVERY_S = 0.25
KB_PER_MB = 1024


def adopt_orphans() -> None:
    """Grandchildren whose parent has left become children of this process. Without it the CPU time of the Java machine that iso15118 leaves behind,
    and of our guard, which outlives its box for a moment, would go to init."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


@dataclass(slots=True)
class Memory:
    """Peak resident set (VmHWM, MB) of a program itself and, together, of the processes that it started; shared pages count in each."""

    own_mb: float = 0.0
    others: dict[int, float] = field(default_factory=dict)

    def look(self, pid: int) -> None:
        self.own_mb = max(self.own_mb, peak_mb(pid))
        for one in descendants(pid):
            self.others[one] = max(peak_mb(one), self.others.get(one, 0.0))

    @property
    def others_mb(self) -> float:
        return sum(self.others.values())


def descendants(pid: int) -> list[int]:
    """Children of a process, their children and so on; empty when it has gone."""
    try:
        children = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return [found for child in children for found in (child, *descendants(child))]


def peak_mb(pid: int) -> float:
    """0 when the process has gone, or is nothing but its entry in the table."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / KB_PER_MB for line in status.splitlines() if line.startswith("VmHWM")), 0.0)


class MemoryWatch:
    """Looks at the programs that it was given until it is left; a context manager. A peak in the last quarter of a second may be missed."""

    def __init__(self) -> None:
        self._watched: list[tuple[Program, Memory]] = []
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory", daemon=True)

    def watch(self, program: Program) -> Memory:
        memory = Memory()
        self._watched.append((program, memory))
        return memory

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._left.wait(LOOK_EVERY_S):
            for program, memory in tuple(self._watched):
                memory.look(program.process.pid)
