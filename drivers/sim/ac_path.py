"""The AC half of the plant: mains, the charger's contactor, and the car's on-board charger behind it.

The on-board charger draws in state C, while the PWM promises a current and the contactor is closed: at most its rating, the limit that it
is told, the duty's current where the duty is one, and what the battery wants. It starts softly and ends its load within
`onboard_stop_ms` when the PWM goes (IEC 61851-1: 3 s). A current that is cut off under it ends at once.
"""
from __future__ import annotations

from typing import TYPE_CHECKING

from drivers.sim.actuator import Actuator
from kernel.timer import MS

if TYPE_CHECKING:
    from drivers.sim.plant import Plant

LIVE_LIMIT = 100 * MS          # the mains are off so long after the plug is out (slac-and-network sheet 3)
LOAD_CURRENT = 1.0             # A: opening above it wears the contacts
POSTPONED = 6.0                # A: no on-board charger starts with less (slac-and-network sheet 3: 10 % is 6 A)


def duty_current(duty: float | None) -> float:
    """A per phase that the PWM promises; 80 under digital communication, where the session says more (slac-and-network sheet 3)."""
    if duty is None or duty < 3.0 or 7.0 < duty < 8.0 or duty > 97.0:
        return 0.0
    if duty <= 7.0 or duty > 96.0:
        return 80.0
    return 6.0 if duty < 10.0 else duty * 0.6 if duty <= 85.0 else (duty - 64.0) * 2.5


class AcPath:
    """A per phase, W, J. Faults: those of `contactor`, `tripped`, `ignores` (the car draws whatever limit and PWM say while it is in C)."""

    def __init__(self, plant: Plant) -> None:
        c = plant.config
        self.contactor = Actuator(c.contactor_close_ms * MS, c.contactor_open_ms * MS)
        self.voltage = c.mains_voltage_v
        self.phases = min(c.mains_phases, c.onboard_phases)
        self.limit = 0.0           # what the car's box told the on-board charger
        self.current = 0.0
        self.energy = 0.0          # J through the meter
        self.tripped: bool | None = False      # residual current detector; None: it fails its self-test
        self.ignores = False
        self.opened_under_load = 0
        self.drifting = False
        self._plant = plant
        self._efficiency = c.onboard_efficiency_percent / 100.0
        self._rating = c.onboard_max_current_a
        self._rate_up = c.onboard_rate_a_per_s
        self._rate_down = c.onboard_max_current_a / (c.onboard_stop_ms / 1000.0)

    @property
    def live(self) -> bool:
        """The mains are connected to the cable."""
        return self.contactor.position

    @property
    def power(self) -> float:
        """W of all phases."""
        return self.current * self.voltage * self.phases

    @property
    def battery_current(self) -> float:
        """A into the battery."""
        return self.power * self._efficiency / self._plant.battery.ocv() if self.current else 0.0

    def target(self) -> float:
        """A per phase that the on-board charger goes for."""
        pilot, battery = self._plant.pilot, self._plant.battery
        if not (self.contactor.position and pilot.plugged and pilot.state_c):
            return 0.0
        if self.ignores:
            return self._rating
        wanted = battery.wanted_current() * battery.ocv() / (self._efficiency * self.voltage * self.phases)
        current = min(self._rating, self.limit, duty_current(pilot.at_car.duty_percent), wanted)
        return current if current >= min(POSTPONED, wanted) else 0.0

    def settled(self) -> bool:
        return self.current == 0.0 and self.target() == 0.0 or self.drifting

    def step(self, dt: float) -> float:
        """`dt` s pass; J into the battery."""
        target, start = self.target(), self.current
        if not self.contactor.position:
            self.current = 0.0
            return 0.0
        if start == target:
            self.drifting = True
            end = mean = target
        else:
            rate = self._rate_up if target > start else self._rate_down
            ramp = abs(target - start) / rate
            self.drifting = ramp <= dt
            end = target if self.drifting else start + (rate if target > start else -rate) * dt
            ramp = min(ramp, dt)
            mean = ((start + end) * 0.5 * ramp + end * (dt - ramp)) / dt
        self.current = end
        work = mean * self.voltage * self.phases * dt
        self.energy += work
        return work * self._efficiency

    def moved(self, now: int) -> None:
        """The contactor has arrived."""
        plant = self._plant
        self.drifting = False
        if self.contactor.position:
            if not plant.pilot.plugged:
                plant.record(now, "ac_closed_unplugged", self.voltage, True)
            elif not plant.pilot.state_c:
                plant.record(now, "ac_closed_in_b", self.voltage, True)
            return
        if self.current > LOAD_CURRENT:
            self.opened_under_load += 1
            plant.record(now, "ac_opened_under_load", self.current, False)
        self.current = 0.0

    def unplugged(self, now: int) -> None:
        """The plug is out: an arc when current flowed, and soon nobody may touch live pins."""
        if self.current > LOAD_CURRENT:
            self._plant.record(now, "unplugged_under_current", self.current, True)
        self.current = 0.0
        if self.live:
            self._plant.at(now + LIVE_LIMIT, self._still_live)

    def _still_live(self, now: int) -> None:
        if self.live and not self._plant.pilot.plugged:
            self._plant.record(now, "ac_live_unplugged", self.voltage, True)
