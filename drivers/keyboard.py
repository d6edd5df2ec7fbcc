"""Single key presses from the terminal without Enter. Standard input stays blocking: it shares its flags with the output."""
from __future__ import annotations

import atexit
import os
import select
import sys
from typing import Any

READ_LIMIT = 64      # octets per look


class Keyboard:
    """cbreak mode while open; `close` gives the terminal back, at the latest when the process ends."""

    def __init__(self, stream: Any = None) -> None:
        """Without a terminal (pipe, file, closed) no key ever comes."""
        stream = sys.stdin if stream is None else stream
        self._fd = -1
        self._saved: list | None = None
        if stream is None or stream.closed or not stream.isatty():
            return
        import termios
        import tty
        self._fd = stream.fileno()
        self._saved = termios.tcgetattr(self._fd)
        atexit.register(self.close)
        tty.setcbreak(self._fd)

    def fileno(self) -> int:
        """Readable when a key was pressed; -1 without a terminal."""
        return self._fd

    def read(self) -> str:
        """What was typed since the last look; empty when nothing was, or when the terminal went away."""
        if self._fd < 0 or not select.select([self._fd], (), (), 0)[0]:
            return ""
        try:
            typed = os.read(self._fd, READ_LIMIT)
        except OSError:
            typed = b""
        if not typed:            # hung up: readable for ever, but nothing comes
            self.close()
        return typed.decode("ascii", "ignore")

    def close(self) -> None:
        """The terminal as it was before; closing twice is harmless."""
        if self._fd < 0:
            return
        import termios
        fd, self._fd = self._fd, -1
        atexit.unregister(self.close)
        try:
            termios.tcsetattr(fd, termios.TCSADRAIN, self._saved)
        except termios.error:    # hung up: there is nothing left to restore
            return
