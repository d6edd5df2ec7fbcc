"""What the operating system tells this process: please end (SIGTERM, SIGINT, SIGHUP)."""
from __future__ import annotations

import signal
from types import FrameType


class Process:
    """`terminate` is True once somebody asked for the end; `insists` counts how often. Nothing is done in the handler."""

    def __init__(self) -> None:
        self.terminate = False
        self.insists = 0
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._asked)

    def leave(self) -> None:
        """A person asked for the end with a key."""
        self.terminate = True

    def _asked(self, number: int, frame: FrameType | None) -> None:
        self.terminate = True
        self.insists += 1
