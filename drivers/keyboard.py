"""Single key presses from the terminal without Enter; the terminal is restored whatever happens."""
from __future__ import annotations

import atexit
import os
import sys

READ_LIMIT = 64      # keys per read


class Keyboard:
    """Standard input in cbreak mode when it is a terminal; otherwise no keys ever come (fileno -1)."""

    def __init__(self, stream=None) -> None:
        stream = sys.stdin if stream is None else stream
        self._fd = -1
        self._saved = None
        if stream is None or not stream.isatty():
            return
        import termios      # a terminal exists, so the module does
        import tty
        self._fd = stream.fileno()
        self._saved = termios.tcgetattr(self._fd)
        tty.setcbreak(self._fd)
        os.set_blocking(self._fd, False)
        atexit.register(self.close)

    def fileno(self) -> int:
        return self._fd

    def read(self) -> str:
        """The keys pressed since the last call, empty when none."""
        if self._fd < 0:
            return ""
        try:
            return os.read(self._fd, READ_LIMIT).decode("ascii", "ignore")
        except BlockingIOError:
            return ""

    def close(self) -> None:
        """Give the terminal back as it was; closing twice is harmless."""
        if self._fd < 0:
            return
        import termios
        os.set_blocking(self._fd, True)
        termios.tcsetattr(self._fd, termios.TCSADRAIN, self._saved)
        self._fd = -1
