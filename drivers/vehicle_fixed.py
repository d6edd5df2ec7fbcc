"""VehicleData without a battery management: fixed values from the configuration, and a state of charge that is counted.

Counted is the energy that really flowed (measured power over the content); where no current is known, a rate while the
contactors are closed, as pyPLC's `soc_simulation` does (pyPLC sheet 1.2). Everything else stays as configured.
"""
from __future__ import annotations

from drivers.errors import DriverError
from drivers.interfaces import BatteryReading
from kernel.record import settings_class
from kernel.settings import setting
from kernel.timer import S

LONGEST_STEP = S         # a longer pause between two looks is not counted: nobody knows what flowed in it
PER_HOUR = 3600 * S
PER_MINUTE = 60 * S


@settings_class(slots=True)
class FixedVehicleConfig:
    """Section `vehicle_fixed` of the configuration. The voltage is compared with the inlet before the contactors close: measure it."""

    battery_voltage_v: float = setting(0.0, unit="V", low=0, high=1000, meaning=(
        "terminal voltage of the battery; read it at the pack before each session, or precharge ends at a wrong voltage"))
    soc_percent: float = setting(50.0, unit="%", low=0, high=100, meaning="state of charge to tell the charger; with soc_simulation the one at plugging in")
    soc_simulation: bool = setting(True, meaning="the state of charge rises by the energy that flows, so that charging ends at ev.stop_soc_percent")
    soc_rise_percent_per_min: float = setting(0.0, unit="%/min", low=0, high=1000, meaning=(
        "where no current is known: rise while the contactors are closed; 0: none. pyPLC's 0.5 per tick is 990"))
    target_voltage_v: float = setting(0.0, unit="V", low=0, high=1000, meaning="voltage to ask the charger for")
    target_current_a: float = setting(10.0, unit="A", low=0, high=500, meaning="current to ask the charger for")
    max_voltage_v: float = setting(0.0, unit="V", low=0, high=1000, meaning="never charge above this; the battery's data sheet says it")
    max_current_a: float = setting(10.0, unit="A", low=0, high=500, meaning="never charge with more than this")
    max_power_w: float = setting(5000.0, unit="W", low=0, high=400_000, meaning="never charge with more than this")
    capacity_wh: float = setting(20_000.0, unit="Wh", low=100, high=300_000, meaning="usable energy content to tell the charger and to count with")
    charge_permission: bool = setting(False, meaning="true only when something else guards the battery while it charges")


class FixedVehicle:
    """The same reading each time but for the counted state of charge; refuses a configuration that contradicts itself.

    Counters: `counted_wh` since plugging in; `gaps`, pauses too long to be counted.
    """

    def __init__(self, config: FixedVehicleConfig) -> None:
        c = config
        if not 0.0 < c.battery_voltage_v <= c.max_voltage_v or not 0.0 < c.target_voltage_v <= c.max_voltage_v:
            raise DriverError(
                f"vehicle_fixed: battery {c.battery_voltage_v} V and target {c.target_voltage_v} V must be above 0 and not above the maximum of {c.max_voltage_v} V.",
                "Set battery_voltage_v, target_voltage_v and max_voltage_v from the battery's data sheet and a measurement.")
        if c.target_current_a > c.max_current_a:
            raise DriverError(f"vehicle_fixed: target current {c.target_current_a} A is above the maximum of {c.max_current_a} A.",
                              "Lower target_current_a.")
        if not c.capacity_wh > 0.0:
            raise DriverError(f"vehicle_fixed: capacity_wh = {c.capacity_wh} Wh, but the state of charge is counted with it.", "Set it from the battery's data sheet.")
        self.errors = 0
        self.gaps = 0
        self.counted_wh = 0.0
        self._config = config
        self._soc = c.soc_percent
        self._seen = -1
        self._reading = BatteryReading.of(
            0, voltage=c.battery_voltage_v, soc_percent=c.soc_percent, target_voltage=c.target_voltage_v, target_current=c.target_current_a,
            max_voltage=c.max_voltage_v, max_current=c.max_current_a, max_power=c.max_power_w, capacity=c.capacity_wh,
            permission=c.charge_permission)

    def read(self, now: int) -> BatteryReading | None:
        r = self._reading
        r.soc_percent.value = int(self._soc * 10 + 1e-6) / 10      # never rounded up; a sum of floats may lack its last bit
        for quantity in (r.voltage, r.soc_percent, r.target_voltage, r.target_current, r.max_voltage, r.max_current, r.max_power, r.capacity, r.permission):
            quantity.at = now           # what the configuration says has no age
        return r

    def observe(self, power: float | None, closed: bool | None, plugged: bool | None, now: int) -> None:
        """What flows: W into the battery (None: not known), contactors confirmed closed, connector in the inlet."""
        step, self._seen = now - self._seen if self._seen >= 0 else 0, now
        if not self._config.soc_simulation:
            return
        if plugged is False:            # the next session begins with what the configuration says
            self._soc, self.counted_wh = self._config.soc_percent, 0.0
        elif step > LONGEST_STEP:
            self.gaps += 1
        elif power is not None:
            energy = power * step / PER_HOUR
            self.counted_wh += energy
            self._add(100.0 * energy / self._config.capacity_wh)
        elif closed:
            self._add(self._config.soc_rise_percent_per_min * step / PER_MINUTE)

    def _add(self, percent: float) -> None:
        self._soc = min(100.0, max(0.0, self._soc + percent))
