"""A car of IEC 61851-1 alone: no power line communication; what it may draw it reads off the duty of the control pilot."""
from __future__ import annotations

from drivers.interfaces import PilotReading, PilotState
from drivers.sim.ac_path import LOAD_CURRENT
from drivers.sim.plant import Plant
from kernel.timer import MS, NEVER, S
from tasks.pilot_duty import promised_current

LOOKS_EVERY = 100 * MS
BEGINS_AFTER = 2 * S          # of a nominal duty (own choice: cars take 1 to 5 s to state C)
ONBOARD_LIMIT = 80.0          # A: the duty is the only limit


class PilotCar:
    """A Source of the World. State C by itself while a current is promised and the battery wants some; its load ends before it goes to B."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        self._look_at = 0
        self._promised_since = NEVER
        self.full = False

    def next_event(self) -> int:
        return self._look_at

    def deliver(self, now: int) -> None:
        self._look_at = now + LOOKS_EVERY
        plant = self._plant
        plant.advance(now)
        pilot = plant.pilot
        if not pilot.plugged:
            self._promised_since = NEVER
            self._set(False, 0.0, now)
            return
        promised = promised_current(pilot.at_car.duty_percent or 0.0) > 0.0
        self._promised_since = min(self._promised_since, now) if promised else NEVER
        self.full |= plant.battery.wanted_current() <= 0.0
        wants = not self.full and now - self._promised_since >= BEGINS_AFTER
        self._set(wants or pilot.state_c and plant.ac.current > LOAD_CURRENT, ONBOARD_LIMIT if wants else 0.0, now)

    def _set(self, c: bool, limit: float, now: int) -> None:
        plant = self._plant
        if c != plant.pilot.state_c or limit != plant.ac.limit:
            plant.touch(now)
            plant.pilot.state_c, plant.ac.limit = c, limit
            plant.pilot.update()


class NoBox:
    """ControlPilot and PilotMonitor of the box that this car does not have: it is plugged into nothing, and what it commands moves nothing."""

    errors = 0
    failed = True

    def set_state_c(self, c: bool, now: int) -> bool:
        return True

    def read(self, now: int) -> PilotReading:
        return PilotReading(PilotState.A, None)
