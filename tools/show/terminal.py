"""Shows a simulated charge while it runs: a picture redrawn in place on a terminal, plain lines anywhere else.

Use it as a context manager: the cursor, the screen and the keyboard are given back however the show ends.
"""
from __future__ import annotations

from collections import deque
from typing import Callable, TextIO

from kernel.journal import Event
from kernel.timer import S
from tools.show.canvas import Canvas, Keys
from tools.show.line_mode import LineMode
from tools.show.panels import picture
from tools.show.view import View

STOP_KEYS = frozenset(" qQ")
OTHER_KEY = "\t"
WISH_KEYS = frozenset("pPsS+-dD")       # those of tasks.user
CHATTER = frozenset({"health"})        # sources whose notes would drown the sequence; their warnings are shown
REMEMBERED = 64                       # newest events per side
SPEED_SPAN = S // 2                   # wall time over which the speed is measured


class TerminalShow(Canvas):
    """`note(node, event)` takes journal events ("pev" or "evse"), `update(view)` shows, `close()` gives the terminal back."""

    def __init__(self, out: TextIO, columns: int | None = None, rows: int | None = None, color: bool | None = None,
                 keys: Keys | None = None, wall: Callable[[], int] | None = None) -> None:
        """`columns`, `rows` None: as large as the terminal, followed when it changes. `color` None: on a terminal
        unless NO_COLOR is set. `wall`: ns of real time.
        """
        super().__init__(out, columns, rows, color, keys, wall)
        self._stop: Callable[[], None] | None = None
        self._press: Callable[[str, str], None] | None = None
        self._lines = None if self.live else LineMode(out, self._wall, self._unicode)
        self._events: dict[str, deque[tuple[int, Event]]] = {}
        self._number = 0
        self._chosen = "pev"
        self._bridge = False
        self._mark: tuple[int, int] | None = None
        self._speed: float | None = None
        self.stopping = False

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
        self._bridge = view.bridge is not None
        self.poll()
        if self._lines is not None:
            self._lines.update(view)
            return
        size = self.size()
        self._measure(view.now)
        journals = {name: list(items) for name, items in self._events.items()}
        self.draw(picture(view, journals, *size, self._chosen, self._speed, self.stopping), size)

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
                self._press("pev" if self._bridge else self._chosen, key)      # of a bridge only its own display is shown

    # --- details -------------------------------------------------------------------------------------------------------

    def _measure(self, now: int) -> None:
        """Virtual time per wall time, over the last half second."""
        wall = self._wall()
        if self._mark is None:
            self._mark = (wall, now)
        elif wall - self._mark[0] >= SPEED_SPAN:
            self._speed = (now - self._mark[1]) / (wall - self._mark[0])
            self._mark = (wall, now)
