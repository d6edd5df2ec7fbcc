"""VehicleData of the light bulb demonstration: a lamp where the battery would be, so that a charger can be shown without a car."""
from __future__ import annotations

from drivers.interfaces import BatteryReading

SOC_PERCENT = 50.0       # there is none; a charger wants a number in each message, and neither 0 nor 100 makes it stop
CAPACITY_WH = 20_000.0   # likewise
MARGIN = 1.1             # a 230 V lamp bears mains with 10 % more (IEC 60038)


def tell(r: BatteryReading, voltage: float, current: float, at: int) -> BatteryReading:
    """What a lamp of `voltage` V, heard at `at`, is to the supervisor: contactors close only while the inlet carries that voltage, and never for more than `current` A."""
    for quantity, value in ((r.voltage, voltage), (r.soc_percent, SOC_PERCENT), (r.target_voltage, voltage), (r.target_current, current),
                            (r.max_voltage, voltage * MARGIN), (r.max_current, current), (r.max_power, voltage * MARGIN * current),
                            (r.capacity, CAPACITY_WH), (r.permission, True)):
        quantity.hear(value, at)
    return r


class LightBulb:
    """The same reading each time: nobody asks a lamp. Only where no battery is connected: it would be closed onto the lamp's voltage."""

    def __init__(self, voltage: float, current: float) -> None:
        """V and A, as `ev.light_bulb_voltage_v` and `ev.light_bulb_current_a`."""
        self.errors = 0
        self._voltage = voltage
        self._current = current
        self._reading = BatteryReading()

    def read(self, now: int) -> BatteryReading | None:
        return tell(self._reading, self._voltage, self._current, now)
