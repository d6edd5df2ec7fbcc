"""A terminal that a picture is redrawn on in place: only changed lines are written, keys are read, everything is given back.

Use it as a context manager: the cursor, the screen and the keyboard are given back however the show ends.
"""
from __future__ import annotations

import atexit
import os
from types import TracebackType
from typing import Callable, Protocol, Self, Sequence, TextIO

from drivers.keyboard import Keyboard
from kernel.clock import MonotonicClock
from tools.show.text import Line, ascii_only, paint

DEFAULT_SIZE = (80, 24)

# ECMA-48 and the xterm control sequences: alternate screen, cursor, automatic wrapping
ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
LEAVE = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"


class Keys(Protocol):
    def read(self) -> str: ...

    def close(self) -> None: ...


class Canvas:
    """`draw(lines)` shows them; `close()` gives the terminal back. `octets`: characters written to it."""

    def __init__(self, out: TextIO, columns: int | None = None, rows: int | None = None, color: bool | None = None,
                 keys: Keys | None = None, wall: Callable[[], int] | None = None) -> None:
        """`columns`, `rows` None: as large as the terminal, followed when it changes. `color` None: on a terminal
        unless NO_COLOR is set. `wall`: ns of real time.
        """
        self._out = out
        self._size = (columns, rows)
        self.live = out.isatty()
        self._color = (self.live and "NO_COLOR" not in os.environ) if color is None else color
        self._unicode = (getattr(out, "encoding", None) or "ascii").lower().replace("-", "").startswith("utf")
        self._wall = MonotonicClock().now if wall is None else wall
        self._keys: Keys | None = keys if keys is not None else Keyboard() if self.live else None
        self._shown: list[str] = []
        self._shown_size = (0, 0)
        self._open = False
        self.octets = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def draw(self, picture: Sequence[Line], size: tuple[int, int]) -> None:
        """`picture` has as many lines and columns as `size` (columns, rows) says."""
        if not self._open:
            self._begin()
        columns, rows = size
        lines = [paint(line, self._color) for line in picture]
        if not self._unicode:
            lines = [ascii_only(line) if not self._color else "".join(c if c == "\x1b" else ascii_only(c) for c in line) for line in lines]
        if (columns, rows) != self._shown_size:
            self._shown_size = (columns, rows)
            self._shown = [""] * rows
            self._write("\x1b[2J")
        self._write("".join([f"\x1b[{n};1H{new}" for n, (new, old) in enumerate(zip(lines, self._shown), 1) if new != old]))
        self._shown = lines
        self._out.flush()

    def close(self) -> None:
        """Give screen, cursor and keyboard back; closing twice is harmless."""
        if self._keys is not None:
            self._keys.close()
        if not self._open:
            return
        self._open = False
        atexit.unregister(self.close)
        self._write(LEAVE)
        self._out.flush()

    # --- details -------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        atexit.register(self.close)
        self._open = True
        self._write(ENTER)

    def size(self) -> tuple[int, int]:
        columns, rows = self._size
        if columns is None or rows is None:
            try:
                size = os.get_terminal_size(self._out.fileno())
            except (OSError, ValueError):
                size = os.terminal_size(DEFAULT_SIZE)
            columns = columns or size.columns or DEFAULT_SIZE[0]
            rows = rows or size.lines or DEFAULT_SIZE[1]
        return columns, rows

    def _write(self, text: str) -> None:
        self.octets += len(text)
        self._out.write(text)
