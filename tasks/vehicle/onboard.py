"""Tells the car's on-board charger the AC current that was agreed, and reads what it draws.

A limit and no switch: what keeps the mains away is the pilot, which tasks/safety holds and the on-board charger obeys by itself.
"""
from __future__ import annotations

from drivers.interfaces import OnBoardCharger, PilotState
from tasks.sense.reading import Reading
from tasks.signals import Signals


class OnBoard:
    """Writes ac_current and ac_power. Nothing may be drawn unless the lease is fresh and state C is commanded. Counter: `refused_limits`."""

    def __init__(self, onboard: OnBoardCharger, signals: Signals) -> None:
        self._onboard = onboard
        self._s = signals
        self._current = Reading(signals.ac_current, "vehicle")
        self._power = Reading(signals.ac_power, "vehicle")
        self.refused_limits = 0

    def run(self, now: int) -> None:
        s = self._s
        ready = s.pilot_commanded.get(now) is PilotState.C and not s.safety_trip.value
        limit = s.ac_current_request.get(now) if ready else None
        if not self._onboard.set_limit(limit or 0.0, now):         # each time: a bus forgets who falls silent
            self.refused_limits += 1
        self._current.put(self._onboard.current(now), now)
        self._power.put(self._onboard.power(now), now)

    @property
    def refused(self) -> int:
        """Values that were outside their range."""
        return self._current.refused + self._power.refused
