"""Structured events, noted as tuples on the hot path and formatted later, off it."""
from __future__ import annotations

from collections import deque
from typing import Callable

from kernel.record import dataclass
from kernel.timer import S

CAPACITY = 4096          # events kept until flushed; the oldest goes first, counted in `lost`
LIMITED_KINDS = 256      # different kinds that the rate limit remembers
LIMIT_INTERVAL = S       # one line per kind and second


@dataclass(slots=True)
class Event:
    """One journal entry; `text % args` is only done when somebody reads it."""

    at: int
    source: str
    level: str           # info | warning | error | checkpoint
    text: str
    args: tuple
    number: int = 0      # checkpoint number, 0 for others

    def message(self) -> str:
        """The formatted text; an entry that does not format is shown raw, never raised."""
        if not self.args:
            return self.text
        try:
            return self.text % self.args
        except (TypeError, ValueError):
            return f"{self.text} {self.args!r}"


class Journal:
    """Bounded ring of events with sinks that are called at `flush`."""

    __slots__ = ("_ring", "_sinks", "_limited", "lost", "suppressed", "count")

    def __init__(self) -> None:
        self._ring: deque[Event] = deque()
        self._sinks: list[Callable[[Event], None]] = []
        self._limited: dict[tuple[str, str], list[int]] = {}
        self.lost = 0
        self.suppressed = 0
        self.count = 0

    @property
    def limits(self) -> dict[tuple[str, str], list[int]]:
        """Which kinds of entries were told when, and how often since: what `limited` remembers."""
        return self._limited

    def add_sink(self, sink: Callable[[Event], None]) -> None:
        """`sink(event)` is called for each event at `flush`, in order."""
        self._sinks.append(sink)

    def note(self, now: int, source: str, text: str, *args: object, level: str = "info") -> None:
        """`text` may carry %-placeholders for `args`."""
        self._append(Event(now, source, level, text, args))

    def checkpoint(self, now: int, source: str, number: int, text: str) -> None:
        """A numbered step of the sequence that users compare between logs."""
        self._append(Event(now, source, "checkpoint", text, (), number))

    def limited(self, now: int, source: str, kind: str, text: str, *args: object, level: str = "warning") -> None:
        """An entry at most once per source, kind and second; what was held back is counted and told next time."""
        key = (source, kind)
        state = self._limited.get(key)
        if state is None:
            if len(self._limited) >= LIMITED_KINDS:
                self.suppressed += 1
                return
            self._limited[key] = [now, 0]
        elif now - state[0] < LIMIT_INTERVAL:
            state[1] += 1
            self.suppressed += 1
            return
        else:
            if state[1]:
                text, args = text + " (%d more like this since)", (*args, state[1])
            state[0], state[1] = now, 0
        self._append(Event(now, source, level, text, args))

    def _append(self, event: Event) -> None:
        if len(self._ring) >= CAPACITY:
            self._ring.popleft()
            self.lost += 1
        self._ring.append(event)
        self.count += 1

    def flush(self) -> int:
        """Hand everything to the sinks; returns how many events that were."""
        n = len(self._ring)
        for _ in range(n):
            event = self._ring.popleft()
            for sink in self._sinks:
                sink(event)
        return n
