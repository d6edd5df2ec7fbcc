"""Writes journal events as text lines with millisecond times; buffered, flushed by the health row."""
from __future__ import annotations

import select
from pathlib import Path
from typing import TextIO

from kernel.journal import Event
from kernel.timer import MS, S

MAX_BYTES = 64 * 1024 * 1024     # a runaway journal must not fill the card; what comes later is counted in `refused`
PIECE = 1000                     # characters written at once: a pipe that counts as writable takes 4096 octets without blocking
CONSOLE_WAIT_S = 0.02            # once; the guard opens the contactors after 100 ms without a sign of life


def line(event: Event, start: int = 0) -> str:
    """`   12.345 pev/homeplug  [150] CM_SLAC_MATCH.REQ sent`: seconds since `start`, source, checkpoint, text."""
    at = event.at - start
    tag = f"[{event.number:3d}] " if event.number else ("" if event.level == "info" else f"{event.level.upper()}: ")
    return f"{at // S:6d}.{at % S // MS:03d} {event.source:<16} {tag}{event.message()}"


class JournalFile:
    """A journal sink: one file, one line per event, bounded in size."""

    def __init__(self, path: Path, start: int = 0, *, turn: bool = False) -> None:
        """`turn`: a full file becomes NAME.1 and a new one begins (a listener runs for weeks); else what comes later is refused."""
        self._path = path
        self._turn = turn
        self._file: TextIO = open(path, "w", encoding="utf-8", errors="backslashreplace")
        self._start = start
        self._left = MAX_BYTES
        self.refused = 0

    def begin(self, start: int) -> None:
        """Count from here: a capture tells its first time only when it is read."""
        self._start = start

    def __call__(self, event: Event) -> None:
        text = line(event, self._start) + "\n"
        self._left -= len(text)
        if self._left < 0 and not (self._turn and self._begin_anew(len(text))):
            self.refused += 1
            return
        try:
            self._file.write(text)
        except OSError:              # a full disk: counted, never raised into the row that flushes
            self.refused += 1

    def _begin_anew(self, octets: int) -> bool:
        """False when the disk does not let us: then lines are refused as without turning."""
        try:
            self._file.close()
            self._path.replace(self._path.with_name(self._path.name + ".1"))
            self._file = open(self._path, "w", encoding="utf-8", errors="backslashreplace")
        except OSError:
            self._turn = False
            return False
        self._left = MAX_BYTES - octets
        return True

    def flush(self) -> None:
        if not self._file.closed:
            self._file.flush()

    def close(self) -> None:
        """Say what was refused, then close; closing twice is harmless."""
        if self._file.closed:
            return
        try:
            if self.refused:
                self._file.write(f"{self.refused} lines refused: the journal reached {MAX_BYTES} octets, or the disk was full\n")
        finally:
            self._file.close()


class Console:
    """A journal sink on a stream that may go away (closed pipe, lost terminal): then nothing more is written, and counted.

    A stream that takes nothing (stopped terminal, a reader that sleeps) must not stop the box: its lines are counted until
    it takes some again.
    """

    def __init__(self, stream: TextIO, start: int = 0) -> None:
        self._stream = stream
        self._start = start
        try:
            self._watched = (stream.fileno(),)
        except (OSError, ValueError):        # no descriptor: a text in memory takes everything
            self._watched = ()
        self._gone = False
        self._stuck = False
        self.refused = 0

    def __call__(self, event: Event) -> None:
        if not self._gone:
            text = line(event, self._start) + "\n"
            try:
                for at in range(0, len(text), PIECE):
                    if not self._ready():
                        self.refused += 1
                        return
                    self._stream.write(text[at:at + PIECE])
                    self._stream.flush()
                return
            except (OSError, ValueError):
                self._gone = True
        self.refused += 1

    def _ready(self) -> bool:
        """A living reader is waited for a moment; one that slept through it is not waited for again until it reads."""
        if self._watched:
            _, writable, _ = select.select((), self._watched, (), 0.0 if self._stuck else CONSOLE_WAIT_S)
            self._stuck = not writable
        return not self._stuck
