"""The listener's screen on a terminal, and the row that keeps it up to date in the live box."""
from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections import deque
from typing import Callable, TextIO

from kernel.journal import Event, Journal
from kernel.task import TIMED, WHEN_IDLE, Row
from kernel.timer import MS
from tasks.listen.lines import Line
from tasks.listen.record import Category, Layer
from tasks.listen.task import ListenTask
from tasks.signals import Signals
from tools.show.canvas import Canvas, Keys
from tools.show.listen_panels import picture
from tools.show.listen_view import ListenView, listen_view

REMEMBERED = 200                      # newest journal lines
LOOP = 2                              # lines that a loop of request and answer takes
CHATTER = frozenset({"health"})
REDRAW = 200 * MS
BUDGET = 4 * MS                       # of a picture on a Pi 4, an estimate


class ListenShow(Canvas):
    """`event` is a journal sink, `show(view)` draws, `read()` gives the keys."""

    def __init__(self, out: TextIO, columns: int | None = None, rows: int | None = None, color: bool | None = None,
                 keys: Keys | None = None, wall: Callable[[], int] | None = None) -> None:
        super().__init__(out, columns, rows, color, keys, wall)
        self._events: deque[Event] = deque(maxlen=REMEMBERED)

    def event(self, event: Event) -> None:
        """A loop of the same request and answer moves on the spot, so that the rest stays to be read."""
        if event.source in CHATTER and event.level == "info":
            return
        name = _name(event)
        if name:
            for earlier in list(self._events)[-LOOP:]:
                if _name(earlier) == name:
                    self._events.remove(earlier)
                    break
        self._events.append(event)

    def show(self, view: ListenView) -> None:
        size = self.size()
        self.draw(picture(view, list(self._events), *size), size)

    def read(self) -> str:
        """What was typed since the last look: the show is the keyboard of its box."""
        return "" if self._keys is None else self._keys.read()


def _name(event: Event) -> str:
    """Name of the V2G message that the line is about, "" for anything else."""
    record = event.args[0].record if event.args and isinstance(event.args[0], Line) else None
    return record.name if record is not None and record.layer is Layer.V2G and record.category is Category.DECODED else ""


class ShowTask:
    """Redraws the screen of a live listener; `leave()` is called at the first q."""

    def __init__(self, show: ListenShow, source: str, listener: ListenTask, signals: Signals, journal: Journal, start: int, keys: bool,
                 leave: Callable[[], None]) -> None:
        self.inboxes = ()
        self._show = show
        self._source = source
        self._listener = listener
        self._signals = signals
        self._journal = journal
        self._start = start
        self._keys = keys
        self._leave = leave

    def run(self, now: int) -> int:
        if set(self._show.read()) & set("qQ"):
            self._leave()
        self._journal.flush()
        self._show.show(listen_view(self._listener.hearing, self._source, now, self._start, self._keys, self._signals.listen_joined.value))
        return now + REDRAW


def show_row(task: ShowTask) -> Row:
    return Row("show", task, TIMED, BUDGET, WHEN_IDLE)


def screen_wanted(args: Namespace) -> bool:
    """A screen on a terminal that can show one, unless --text asks for lines."""
    return not args.text and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
