"""Shows a simulated charge while it runs: a picture redrawn in place on a terminal, plain lines anywhere else.

Use it as a context manager: the cursor, the screen and the keyboard are given back however the show ends.
"""
from __future__ import annotations

import atexit
import os
from collections import deque
from types import TracebackType
from typing import Callable, Protocol, TextIO

from kernel.clock import MonotonicClock
from kernel.journal import Event
from kernel.timer import S
from drivers.keyboard import Keyboard
from tools.show.line_mode import LineMode
from tools.show.panels import picture
from tools.show.text import ascii_only, paint
from tools.show.view import View

STOP_KEYS = frozenset(" qQ")
OTHER_KEY = "\t"
WISH_KEYS = frozenset("pPsS+-")       # those of tasks.user
CHATTER = frozenset({"health"})        # sources whose notes would drown the sequence; their warnings are shown
REMEMBERED = 64                       # newest events per side
SPEED_SPAN = S // 2                   # wall time over which the speed is measured
DEFAULT_SIZE = (80, 24)

# ECMA-48 and the xterm control sequences: alternate screen, cursor, automatic wrapping
ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
LEAVE = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"


class Keys(Protocol):
    def read(self) -> str: ...

    def close(self) -> None: ...


class TerminalShow:
    """`note(node, event)` takes journal events ("pev" or "evse"), `update(view)` shows, `close()` gives the terminal back."""

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
        self._stop: Callable[[], None] | None = None
        self._press: Callable[[str, str], None] | None = None
        self._wall = MonotonicClock().now if wall is None else wall
        self._lines = None if self.live else LineMode(out, self._wall, self._unicode)
        self._keys: Keys | None = keys if keys is not None else Keyboard() if self.live else None
        self._events: dict[str, deque[tuple[int, Event]]] = {}
        self._number = 0
        self._shown: list[str] = []
        self._shown_size = (0, 0)
        self._chosen = "pev"
        self._mark: tuple[int, int] | None = None
        self._speed: float | None = None
        self._open = False
        self.stopping = False
        self.octets = 0               # characters written to the terminal

    def __enter__(self) -> TerminalShow:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def note(self, name: str, event: Event) -> None:
        """One journal event of node `name`; fits `Charge(sinks=(show.note,))`."""
        if self._lines is not None:
            self._lines.note(name, event)
            return
        if event.level == "info" and event.source.rpartition("/")[2] in CHATTER:
            return
        self._number += 1
        if name not in self._events:
            self._events[name] = deque(maxlen=REMEMBERED)
        self._events[name].append((self._number, event))

    def on_stop(self, stop: Callable[[], None]) -> None:
        """`stop()` is called once, at the first q or space."""
        self._stop = stop

    def on_key(self, press: Callable[[str, str], None]) -> None:
        """`press(node, key)` is called for the other keys of a box: those of the one whose display is shown."""
        self._press = press

    def update(self, view: View) -> None:
        """Show this, and look at the keys."""
        self.poll()
        if self._lines is not None:
            self._lines.update(view)
            return
        if not self._open:
            self._begin()
        columns, rows = self._columns_and_rows()
        self._measure(view.now)
        journals = {name: list(items) for name, items in self._events.items()}
        lines = [paint(line, self._color) for line in picture(view, journals, columns, rows, self._chosen, self._speed, self.stopping)]
        if not self._unicode:
            lines = [ascii_only(line) if not self._color else "".join(c if c == "\x1b" else ascii_only(c) for c in line) for line in lines]
        if (columns, rows) != self._shown_size:
            self._shown_size = (columns, rows)
            self._shown = [""] * rows
            self._write("\x1b[2J")
        self._write("".join([f"\x1b[{n};1H{new}" for n, (new, old) in enumerate(zip(lines, self._shown), 1) if new != old]))
        self._shown = lines
        self._out.flush()

    def poll(self) -> None:
        """Look at the keys alone: between two pictures, or while waiting."""
        if self._keys is None:
            return
        for key in self._keys.read():
            if key in STOP_KEYS and not self.stopping:
                self.stopping = True
                if self._stop is not None:
                    self._stop()
            elif key == OTHER_KEY:
                self._chosen = "evse" if self._chosen == "pev" else "pev"
            elif key in WISH_KEYS and self._press is not None:
                self._press(self._chosen, key)

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

    def _columns_and_rows(self) -> tuple[int, int]:
        columns, rows = self._size
        if columns is None or rows is None:
            try:
                size = os.get_terminal_size(self._out.fileno())
            except (OSError, ValueError):
                size = os.terminal_size(DEFAULT_SIZE)
            columns = columns or size.columns or DEFAULT_SIZE[0]
            rows = rows or size.lines or DEFAULT_SIZE[1]
        return columns, rows

    def _measure(self, now: int) -> None:
        """Virtual time per wall time, over the last half second."""
        wall = self._wall()
        if self._mark is None:
            self._mark = (wall, now)
        elif wall - self._mark[0] >= SPEED_SPAN:
            self._speed = (now - self._mark[1]) / (wall - self._mark[0])
            self._mark = (wall, now)

    def _write(self, text: str) -> None:
        self.octets += len(text)
        self._out.write(text)
