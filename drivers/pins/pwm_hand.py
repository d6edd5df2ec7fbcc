"""The duty of a charger's pulse generator as an inherited descriptor: set from whichever process holds it. Few imports: the guard uses it."""
from __future__ import annotations

import os

from drivers.pins.hand import LineHand, read_hand

PERIOD_NS = 1_000_000        # 1 kHz; a car has to accept 980 to 1020 Hz (slac-and-network sheet, section 3)


class PwmHand:
    """The duty of one generator, and the line of state F where one is fitted. Never raises."""

    __slots__ = ("fd", "f", "errors", "errno")

    def __init__(self, fd: int, f: LineHand | None = None) -> None:
        """`fd` of duty_cycle, owned from now on. `f`: active for -12 V."""
        self.fd, self.f = fd, f
        self.errors = 0
        self.errno = 0

    def put(self, percent: float | None) -> bool:
        """0 to 100 percent, 100: steady +12 V; None: -12 V. False when a part of it was refused."""
        done = True
        if self.f is not None:
            done = self.f.put(percent is None)
            self.errno = self.f.errno
        try:
            os.pwrite(self.fd, b"%d\n" % (0 if percent is None else round(PERIOD_NS * percent / 100)), 0)
        except OSError as error:
            self.errno = error.errno or 0
            done = False
        if done:
            self.errno = 0
        self.errors += not done
        return done

    @property
    def descriptors(self) -> tuple[int, ...]:
        return (self.fd,) if self.f is None else (self.fd, self.f.fd)

    @property
    def word(self) -> str:
        return f"{self.fd}" if self.f is None else f"{self.fd}:{self.f.word}"

    def close(self) -> None:
        os.close(self.fd)
        if self.f is not None:
            self.f.close()


def read_pwm(word: str) -> PwmHand:
    """The hand of inherited descriptors."""
    fd, _, f = word.partition(":")
    return PwmHand(int(fd), read_hand(f) if f else None)
