"""One attempt to open something that cannot be opened without waiting (a name, TCP, TLS), in a thread that ends with it.

The thread spends its time in system calls, where Python's lock is free; what it executes itself is measured by
`python -m tests.drivers.mqtt.figures` and `python -m tests.drivers.http_post.figures`. What is open needs no thread.
"""
from __future__ import annotations

import _thread
from typing import Any, Callable

STACK = 512 * 1024       # octets; the default of 8 MiB would be locked into memory (kernel.realtime) at each attempt


class Attempt:
    """Begins at once. `done` is set last; then either `made` (what `make` returned) or `problem` is."""

    def __init__(self, make: Callable[[], Any], close: Callable[[Any], None]) -> None:
        """`make` waits; whatever it raises becomes `problem`. `close` ends what it has made without waiting, where nobody comes for it."""
        self.made: Any = None
        self.problem = ""
        self.done = False
        self._abandoned = False
        self._make = make
        self._close = close
        before = _thread.stack_size(STACK)
        try:
            _thread.start_new_thread(self._run, ())     # threading.Thread.start() waits until the thread runs: 4 ms measured, up to Python's switch interval
        except RuntimeError as error:            # no memory or too many threads
            self.problem = str(error)
            self.done = True
        finally:
            _thread.stack_size(before)

    def _run(self) -> None:
        try:
            made = self._make()
        except Exception as error:               # OSError of name, TCP and TLS; ValueError of a name; whatever a library says
            self.problem = str(error) or type(error).__name__
        else:
            if self._abandoned:
                self._close(made)
            else:
                self.made = made
        self.done = True

    def abandon(self) -> None:
        """Nobody will come for what is made."""
        self._abandoned = True
        if self.made is not None:
            self._close(self.made)
