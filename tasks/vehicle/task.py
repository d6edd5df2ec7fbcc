"""Reads the vehicle's data source into the battery signals, each with its own time; silence and impossible values become unknown."""
from __future__ import annotations

from operator import attrgetter

from drivers.interfaces import OnBoardCharger, PilotState, VehicleData
from kernel.timer import MS
from tasks.sense.reading import Reading
from tasks.signals import Signals
from tasks.vehicle.onboard import OnBoard

PERIOD = 200 * MS      # a CurrentDemandReq every 250 ms is all that uses it; freshness is 500 ms
NUMBERS = attrgetter("voltage", "soc_percent", "target_voltage", "target_current", "max_voltage", "max_current", "max_power", "capacity", "hottest", "coldest")


class VehicleTask:
    """Writes all battery_* signals and charge_permission, in SI units and percent; `onboard` where the car takes AC.

    A signal gets the time at which its quantity was measured or heard, so that its `max_age` counts from there.
    """

    inboxes = ()

    def __init__(self, source: VehicleData, signals: Signals, onboard: OnBoardCharger | None = None) -> None:
        s = signals
        self._read = source.read
        self.onboard = None if onboard is None else OnBoard(onboard, signals)
        self.readings = tuple(Reading(signal, "vehicle") for signal in (
            s.battery_voltage, s.battery_soc, s.battery_target_voltage, s.battery_target_current, s.battery_max_voltage,
            s.battery_max_current, s.battery_max_power, s.battery_capacity, s.battery_hottest, s.battery_coldest))
        self._permission = s.charge_permission.claim("vehicle")
        self._s = signals
        self._observe = getattr(source, "observe", None)      # drivers.interfaces.ChargeCounter
        self.silent = 0      # readings that did not come

    def run(self, now: int) -> int:
        if self.onboard is not None:
            self.onboard.run(now)
        if self._observe is not None:
            closed, pilot = self._s.contactors_closed.get(now), self._s.pilot_state.get(now)
            self._observe(self._power(closed, now), closed, None if pilot is None else pilot is not PilotState.A, now)
        r = self._read(now)
        if r is None:
            self.silent += 1
            for reading in self.readings:
                reading.put(None, now)
            self._permission.set(None, now)
            return now + PERIOD
        for reading, quantity in zip(self.readings, NUMBERS(r)):
            reading.put(quantity.value, quantity.at)
        self._permission.set(r.permission.value, r.permission.at)
        return now + PERIOD

    def _power(self, closed: bool | None, now: int) -> float | None:
        """W into the battery: measured here before told by the charger; without closed contactors only what an on-board charger draws."""
        s = self._s
        if not closed:
            return s.ac_power.get(now) if closed is False else None
        current, voltage = s.inlet_current.get(now), s.inlet_voltage.get(now)
        if current is None:
            current = s.evse_present_current.get(now)
        if voltage is None:
            voltage = s.evse_present_voltage.get(now)
        return None if current is None or voltage is None else current * voltage

    @property
    def refused(self) -> int:
        """Values that were outside their range."""
        return sum(reading.refused for reading in self.readings) + (0 if self.onboard is None else self.onboard.refused)
