"""Octets that come when they come: standard input, a FIFO or a file that still grows, without ever holding up the screen."""
from __future__ import annotations

import os
import select
import stat
import time
from typing import Callable

LOOK_S = 0.05                # how long one look for more octets takes
CHUNK = 64 * 1024


class PatientFile:
    """As much of a file as CaptureReader needs: `read(n)` waits for all n octets, and calls `idle()` while it waits.

    The end is the end of a file, or of a pipe that had a writer; with `follow` there is none. `idle` may raise to leave.
    """

    def __init__(self, path: str, idle: Callable[[], None], follow: bool = False) -> None:
        """`path` "-" is standard input. OSError when it cannot be opened."""
        self._fd = os.dup(0) if path == "-" else os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._idle = idle
        self._follow = follow
        mode = os.fstat(self._fd).st_mode
        self.regular = stat.S_ISREG(mode)
        self._fifo = stat.S_ISFIFO(mode) and path != "-"
        self._buffer = bytearray()
        self._met = False            # a FIFO has had a writer

    def read(self, size: int) -> bytes:
        while len(self._buffer) < size and self._more():
            continue
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _more(self) -> bool:
        """False at the end."""
        readable, _, _ = select.select((self._fd,), (), (), LOOK_S)
        if readable:
            try:
                octets = os.read(self._fd, CHUNK)
            except BlockingIOError:
                octets = None            # a FIFO whose writer has nothing to say
            if octets:
                self._met = True
                self._buffer += octets
                self._idle()
                return True
            if octets is not None and not self._follow and (self._met or not self._fifo):
                return False
            time.sleep(LOOK_S)           # at the end of a file that grows select does not wait
        self._idle()
        return True

    def close(self) -> None:
        os.close(self._fd)
