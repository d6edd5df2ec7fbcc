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

FIRST, CONTACTORS, LOCK, UNLOCK = range(4)        # what invites power, coils of the contactors, motor to either side
PILOT_C = POWER = FIRST                            # car: coil of the pilot resistor; charger: enable of the power stage, or coil of the mains contactor
LINES = ("first", "contactors", "lock", "unlock")
NAME = "ccsbox-lines"
HELD = len(LINES)                                  # octet: the guard holds the lines, nobody else may raise one
DUTY = HELD + 1                                    # octet: what a charger's pulse generator is set to; no line, but it stays as well
D1, D2, VEHICLE_LOCK, VEHICLE_UNLOCK = range(8, 12)   # a bridge's: charge sequence signals (relays), the CHAdeMO lock's motor; 6 and 7: drivers/pins
STEADY = 100.0                                     # percent: +12 V without PWM (X1), where the generator begins
OFF = 255                                          # octet for -12 V (state F)
STAMP = struct.Struct("=q")
STAMPS_AT = 16                                     # CLOCK_MONOTONIC ns of each line's last change, of HELD and DUTY in their places
SIZE = 128


class Lines:
    """Four lines, a bridge's four more, and a charger's duty. `set` is for the one who commands, `force` and `hold` are for the guard."""

    size = SIZE

    def __init__(self, fd: int, now: Callable[[], int] = MonotonicClock().now) -> None:
        """`fd` of the page; it is kept open for whoever is to inherit it."""
        self.fd = fd
        self._now = now
        self._page = mmap.mmap(fd, self.size)

    @classmethod
    def create(cls, now: Callable[[], int] = MonotonicClock().now) -> Lines:
        """A new page: all lines low."""
        fd = os.memfd_create(NAME, os.MFD_CLOEXEC)
        os.ftruncate(fd, SIZE)
        return cls(fd, now)

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What the guard has to inherit."""
        return (self.fd,)

    @property
    def word(self) -> str:
        """For the guard's command line: how it opens the same lines."""
        return str(self.fd)

    def level(self, line: int) -> bool:
        return self._page[line] != 0

    @property
    def held(self) -> bool:
        return self._page[HELD] != 0

    @property
    def armed(self) -> bool:
        """One of the lines that must not stay high without supervision is high."""
        page = self._page
        return page[FIRST] != 0 or page[CONTACTORS] != 0 or page[D1] != 0 or page[D2] != 0

    @property
    def duty(self) -> float | None:
        """Percent in steps of 0.5, None: -12 V. A car's page says STEADY for ever."""
        octet = self._page[DUTY]
        return None if octet == OFF else STEADY - octet / 2

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

    def set_duty(self, percent: float | None) -> bool:
        """Command the duty, kept in steps of 0.5 %; False when the guard holds it at another one."""
        percent = None if percent is None else STEADY - round(2 * (STEADY - percent)) / 2
        if not self.held:
            before = self.duty
            self.force_duty(percent)
            if not self.held:
                return True
            self.force_duty(before)           # the guard came between; it puts the line where it belongs
        return self.duty == percent

    def force(self, line: int, on: bool) -> None:
        """Put the line to a level whoever holds it."""
        self._write(line, on)

    def force_duty(self, percent: float | None) -> None:
        """0 to 100 percent, or None."""
        self._write(DUTY, OFF if percent is None else round(2 * (STEADY - percent)))

    def _write(self, place: int, octet: int) -> None:
        if self._page[place] != octet:
            STAMP.pack_into(self._page, STAMPS_AT + place * STAMP.size, self._now())
            self._page[place] = octet

    def hold(self) -> None:
        """From now on `set` raises nothing."""
        self.force(HELD, True)

    def close(self) -> None:
        self._page.close()
        os.close(self.fd)
