"""Simulated output lines: a page of memory that two processes hold, as two processes can hold the same GPIO lines.

Levels stay when the process that set them dies, as with a GPIO: somebody has to change them. A relay (`relays.py`) or
a test that opens the same page reads what is really there. Only octets are shared; each is written in one piece.
"""
from __future__ import annotations

import mmap
import os
import struct
from typing import Callable

from kernel.clock import MonotonicClock

PILOT_C, CONTACTORS, LOCK, UNLOCK = range(4)      # coil of the pilot resistor, coils of both contactors, motor to either side
LINES = ("pilot C", "contactors", "lock", "unlock")
NAME = "ccsbox-lines"
HELD = len(LINES)                                  # octet: the guard holds the lines, nobody else may raise one
STAMP = struct.Struct("=q")
STAMPS_AT = 16                                     # CLOCK_MONOTONIC ns of each line's last change, then of HELD
SIZE = 64


class Lines:
    """Four lines. `set` is for the one who commands, `force` and `hold` are for the guard."""

    def __init__(self, fd: int, now: Callable[[], int] = MonotonicClock().now) -> None:
        """`fd` of the page; it is kept open for whoever is to inherit it."""
        self.fd = fd
        self._now = now
        self._page = mmap.mmap(fd, SIZE)

    @classmethod
    def create(cls, now: Callable[[], int] = MonotonicClock().now) -> Lines:
        """A new page: all lines low."""
        fd = os.memfd_create(NAME, os.MFD_CLOEXEC)
        os.ftruncate(fd, SIZE)
        return cls(fd, now)

    def level(self, line: int) -> bool:
        return self._page[line] != 0

    @property
    def held(self) -> bool:
        return self._page[HELD] != 0

    @property
    def armed(self) -> bool:
        """One of the lines that must not stay high without supervision is high."""
        return self._page[PILOT_C] != 0 or self._page[CONTACTORS] != 0

    def changed_at(self, line: int) -> int:
        """When the line last changed; 0 when it never did. HELD: when the guard took the lines."""
        return STAMP.unpack_from(self._page, STAMPS_AT + line * STAMP.size)[0]

    def set(self, line: int, on: bool) -> bool:
        """Command a line; False when it is not, or will not stay, at that level because the guard holds it."""
        if not self.held:
            self.force(line, on)
            if not self.held:
                return True
            if on:                            # the guard came between the question and the deed
                self.force(line, False)
        return self.level(line) == on

    def force(self, line: int, on: bool) -> None:
        """Put the line to a level whoever holds it."""
        if self.level(line) != on:
            STAMP.pack_into(self._page, STAMPS_AT + line * STAMP.size, self._now())
            self._page[line] = on

    def hold(self) -> None:
        """From now on `set` raises nothing."""
        self.force(HELD, True)

    def close(self) -> None:
        self._page.close()
        os.close(self.fd)
