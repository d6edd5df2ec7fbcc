"""A log of a CAN bus as `candump -l` writes it: `(12.340000) can0 102#0200000000000000`; canplayer and others read it."""
from __future__ import annotations

from pathlib import Path
from typing import TextIO

from drivers.can.settings import EXTENDED, MAX_EXTENDED

MAX_BYTES = 64 * 1024 * 1024     # some three hours of a CHAdeMO car; what comes later is counted in `refused`


def line(at: int, channel: str, key: int, data: bytes) -> str:
    """`at` in ns. An identifier of 29 bits has eight digits, one of 11 bits three (can-utils, lib.c: sprint_canframe)."""
    id = f"{key & MAX_EXTENDED:08X}" if key & EXTENDED else f"{key:03X}"
    return f"({at // 1_000_000_000}.{at // 1000 % 1_000_000:06d}) {channel} {id}#{data.hex().upper()}\n"


class CanLog:
    """`write` is a sink of frames. Bounded in size; a full disk is counted in `refused`, never raised."""

    def __init__(self, path: Path, channel: str = "can0") -> None:
        """OSError when the file cannot be made."""
        self.path = path
        self.refused = 0
        self._channel = channel
        self._file: TextIO = open(path, "w", encoding="ascii")
        self._left = MAX_BYTES

    def write(self, at: int, key: int, data: bytes) -> None:
        text = line(at, self._channel, key, data)
        self._left -= len(text)
        if self._left < 0:
            self.refused += 1
            return
        try:
            self._file.write(text)
        except OSError:
            self.refused += 1

    def close(self) -> None:
        """Closing twice is harmless."""
        try:
            self._file.close()
        except OSError:
            self.refused += 1
