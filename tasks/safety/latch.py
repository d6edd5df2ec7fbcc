"""Watches the table of trips in the present state and latches what it finds."""
from __future__ import annotations

from typing import Sequence

from kernel.timer import NEVER
from tasks.safety.facts import Report, SafetyState
from tasks.safety.trips import Trip

MAX_TRIPS = 16      # later ones are in the journal only


class Latch:
    """`trips` in the order in which they came; the first one is what the person reads."""

    __slots__ = ("trips", "emergency", "_config", "_rows", "_since", "_state", "_present", "_report")

    def __init__(self, table: Sequence[Trip], config: object, report: Report) -> None:
        self.trips: list[Trip] = []
        self.emergency = False
        self._config = config
        self._report = report
        self._rows = {state: tuple((t, t.bad, t.hold) for t in table if state in t.states) for state in SafetyState}
        self._since: dict[str, int] = {}
        self._state = SafetyState.Idle
        self._present = self._rows[SafetyState.Idle]

    def latch(self, trip: Trip, now: int) -> bool:
        """True when this trip is new."""
        if trip in self.trips or len(self.trips) >= MAX_TRIPS:
            return False
        self.trips.append(trip)
        self.emergency = self.emergency or trip.emergency
        self._report.tell("TRIP %s: %s. %s", trip.name, trip.text, trip.hint, level="error")
        return True

    def watch(self, state: SafetyState, facts: object, now: int) -> bool:
        """Evaluate the rows of `state`; True when a new trip was latched."""
        since = self._since
        if state is not self._state:
            self._state = state
            self._present = self._rows[state]
            if since:                    # a hold goes on where its row still applies
                kept = {trip.name for trip, _bad, _hold in self._present}
                for name in [n for n in since if n not in kept]:
                    del since[name]
        config = self._config
        found = False
        for trip, bad, hold in self._present:
            if bad(facts, config):
                if hold and now - since.setdefault(trip.name, now) < hold:
                    continue
                found = self.latch(trip, now) or found
            elif since and trip.name in since:
                del since[trip.name]
        return found

    def first_bad(self, state: SafetyState, facts: object) -> Trip | None:
        """What would be bad at once if the state were `state`, holds left aside; for permits."""
        for trip, bad, _hold in self._rows[state]:
            if bad(facts, self._config):
                return trip
        return None

    def next_timer(self) -> int:
        """When the first running hold is over."""
        if not self._since:
            return NEVER
        at = NEVER
        for trip, _bad, hold in self._present:
            if trip.name in self._since and trip not in self.trips:
                at = min(at, self._since[trip.name] + hold)
        return at

    def clear(self) -> None:
        self.trips.clear()
        self.emergency = False
        self._since.clear()

    @property
    def hint(self) -> str:
        """What the first trip usually means, empty when none is latched."""
        return self.trips[0].hint if self.trips else ""

    @property
    def text(self) -> str:
        """The first trip's text, empty when none is latched."""
        return self.trips[0].text if self.trips else ""
