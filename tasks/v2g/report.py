"""What a V2G machine tells people: checkpoints once each, notes, things to be said once; collected as events."""
from __future__ import annotations

from tasks.machine import Checkpoint, Note, StateChanged


class Report:
    """The event queue of one machine; `drain` empties it. `append` takes events for other tasks."""

    __slots__ = ("_events", "_texts", "_reached", "_told", "append")

    def __init__(self, checkpoints: dict[int, str]) -> None:
        self._events: list = []
        self.append = self._events.append
        self._texts = checkpoints
        self._reached: set[int] = set()
        self._told: set[str] = set()

    def drain(self) -> list:
        if not self._events:
            return []
        events = self._events[:]
        self._events.clear()
        return events

    def reached(self, number: int) -> bool:
        return number in self._reached

    def checkpoint(self, number: int) -> None:
        """The first time only: later rounds of a loop are no news. 0 is none."""
        if number and number not in self._reached:
            self._reached.add(number)
            self.append(Checkpoint(number, self._texts[number]))

    def state(self, old: str, new: str) -> None:
        self.append(StateChanged(old, new))

    def note(self, text: str, *args: object, level: str = "warning") -> None:
        self.append(Note(text, args, level))

    def once(self, kind: str, text: str, *args: object) -> None:
        """At most one note of a kind per session."""
        if kind not in self._told:
            self._told.add(kind)
            self.note(text, *args)
