"""What a board does not measure and a configuration allows to be assumed: each is told loudly at the start (`common.Notes`)."""
from __future__ import annotations

from typing import Callable

from drivers.interfaces import ControlPilot, PilotReading, PilotState


class AssumedCarPilot:
    """PilotMonitor of a car whose box cannot read the pilot: state B or C as it was commanded last, A when the plug's own contact says so.

    What it cannot say: that the plug was pulled (without that contact), the duty, whether the charger still gives power. pyPLC's boards are so.
    """

    def __init__(self, pilot: WatchedPilot, plug_present: Callable[[int], bool | None] | None) -> None:
        self._pilot = pilot
        self._plug_present = plug_present

    @property
    def errors(self) -> int:
        """Nothing is read here that could fail; the plug's contact counts by itself."""
        return 0

    def read(self, now: int) -> PilotReading | None:
        plugged = True if self._plug_present is None else self._plug_present(now)
        if plugged is None:
            return None
        if not plugged:
            return PilotReading(PilotState.A, None)
        return PilotReading(PilotState.C if self._pilot.commanded_c else PilotState.B, None)


class WatchedPilot:
    """ControlPilot that remembers what it was told and did."""

    def __init__(self, inner: ControlPilot) -> None:
        self._inner = inner
        self.commanded_c = False

    @property
    def errors(self) -> int:
        return self._inner.errors

    def set_state_c(self, c: bool, now: int) -> bool:
        done = self._inner.set_state_c(c, now)
        if done:
            self.commanded_c = c
        return done


class NoInputs:
    """Inputs of a board that has none: a button that is not fitted is never pressed (`safety.*.stop_button: none`)."""

    errors = 0

    def stop_button(self, now: int) -> bool | None:
        return False

    def display_button(self, now: int) -> bool | None:
        return None


class NoDisplay:
    """Oled where none is fitted."""

    errors = 0
    octets_per_run = 128         # a page: there is no bus that could be slow

    def write(self, page: int, column: int, data: bytes, now: int) -> bool:
        return True

    def set_contrast(self, value: int, now: int) -> bool:
        return True
