"""An emulated modem in front of a network interface: the program above it cannot tell it from a real modem.

The same Protocol as drivers.interfaces.Nic, wrapped around another one (a veth, a real port, a simulated link).
"""
from __future__ import annotations

from typing import Callable

from drivers.interfaces import Nic
from kernel.timer import NEVER
from tasks.homeplug.emulator import EmulatedModem

LINE_LIMIT = 64                        # frames taken from the inner interface in one call


class EmulatedModemNic:
    """`errors` are those of the inner interface; `send` is True as soon as the modem has the frame, as with a real one."""

    def __init__(self, inner: Nic, modem: EmulatedModem) -> None:
        self._inner = inner
        self.modem = modem
        self.mac = inner.mac
        self.on_event: Callable[[], None] | None = None      # called when `next_event` may have come nearer
        self._told = NEVER

    @property
    def errors(self) -> int:
        return self._inner.errors

    def fileno(self) -> int:
        return self._inner.fileno()

    def receive(self, limit: int, now: int) -> list[tuple[int, bytes]]:
        modem = self.modem
        for at, frame in self._inner.receive(LINE_LIMIT, now):
            modem.from_line(frame, at if at <= now else now)
        modem.handle_timer(now)
        self._flush(now)
        return modem.to_host(limit, now)

    def send(self, frame: bytes, now: int) -> bool:
        self.modem.from_host(frame, now)
        self._flush(now)
        if self.on_event is not None and self.modem.next_timer() < self._told:
            self.on_event()
        return True

    def next_event(self) -> int:
        """The modem's answers, beacons and restarts happen without the descriptor becoming readable."""
        self._told = self.modem.next_timer()
        return min(self._inner.next_event(), self._told)

    def favour(self, station: bytes | None) -> None:
        self._inner.favour(station)

    @property
    def drops(self) -> int:
        return self._inner.drops

    def close(self) -> None:
        self._inner.close()

    def _flush(self, now: int) -> None:
        for frame in self.modem.to_line():
            self._inner.send(frame, now)
