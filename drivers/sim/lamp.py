"""A lamp in place of the simulated battery: a resistor; it holds no voltage and stores nothing."""
from __future__ import annotations

from drivers.interfaces import BatteryReading
from drivers.light_bulb import SOC_PERCENT, tell

LAMP_OHM = 529.0         # 100 W at 230 V


class Lamp:
    """Stands where a Battery stands. V, A, Ohm. The cold filament's inrush is left out: the charger's current limit cuts it."""

    __slots__ = ("soc", "resistance", "permission", "_voltage", "_current")

    def __init__(self, ohm: float, voltage: float, current: float) -> None:
        """`voltage`, `current`: what is told of it to the charger."""
        self.soc = SOC_PERCENT
        self.resistance = ohm
        self.permission = True
        self._voltage = voltage
        self._current = current

    def ocv(self) -> float:
        return 0.0

    def precharge_voltage(self) -> float:
        """What the inlet shall have before the contactors close."""
        return self._voltage

    def closing_current(self, inlet: float) -> float:
        """A that flow as soon as the contacts touch: the capacitors hold the voltage."""
        return inlet / self.resistance

    def add(self, coulomb: float) -> None:
        """Becomes light."""

    def wanted_current(self) -> float:
        return self._current

    def tell(self, reading: BatteryReading, current: float, at: int) -> BatteryReading:
        """As of a Battery; what flows changes nothing."""
        return tell(reading, self._voltage, self._current, at)
