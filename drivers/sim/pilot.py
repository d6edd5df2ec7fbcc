"""The control pilot line between charger and car, as both ends read it."""
from __future__ import annotations

from drivers.interfaces import PilotReading, PilotState

STEADY = 100.0     # percent: +12 V without PWM (X1)


class Pilot:
    """Duty from the charger, resistance from the car (slac-and-network sheet, section 3). Faults: `broken`, `short`.

    `ventilated`: the car asks for state D in place of C."""

    __slots__ = ("duty", "state_c", "ventilated", "plugged", "broken", "short", "at_car", "at_charger")

    def __init__(self) -> None:
        self.duty: float | None = STEADY
        self.state_c = False
        self.ventilated = False
        self.plugged = False
        self.broken = False
        self.short = False
        self.update()

    def update(self) -> None:
        """Recompute both readings; call after each change of an attribute."""
        joined = self.plugged and not self.broken
        if self.duty is None:
            state = PilotState.F
        elif self.short:
            state = PilotState.E
        elif not joined:
            state = PilotState.A
        else:
            state = PilotState.B if not self.state_c else PilotState.D if self.ventilated else PilotState.C
        duty = None if state is PilotState.F or state is PilotState.E else self.duty
        self.at_charger = PilotReading(state, duty)
        self.at_car = PilotReading(state, duty) if joined else PilotReading(PilotState.A, None)
