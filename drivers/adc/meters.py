"""Voltmeter of a car and PowerMeter of a charger over analog inputs: what is not fitted is None, what is broken is None, counted and named."""
from __future__ import annotations

from dataclasses import field
from typing import Callable, Mapping

from drivers.adc.inputs import AnalogInputs
from drivers.adc.instrument import Instrument
from drivers.adc.quantity import DISAGREES, NO_SAMPLE, CheckedConfig, LinearConfig, Quantity, TemperatureConfig, checked, linear, temperatures
from kernel.record import dataclass

REMEDY = {
    "open": "its sensor or its cable is interrupted, or it is unplugged",
    "short": "its sensor or its cable is shorted",
    "range": "the value is beyond what it can be: check divider, gain, offset, and low and high of its settings",
    DISAGREES: "its two channels measure different values, one of them is wrong: compare both with a voltmeter",
}


class Meter(Instrument):
    """Quantities and their stories; the first one that is broken is told."""

    def __init__(self, name: str, *quantities: Quantity | None) -> None:
        super().__init__(name)
        self._quantities = [quantity for quantity in quantities if quantity is not None]

    def _story(self, now: int) -> tuple[str, str, str]:
        for quantity in self._quantities:
            if quantity.read(now) is None and quantity.why != NO_SAMPLE:
                story = f"{quantity.what} {quantity.why}"
                return story, story, f"{quantity.what}: {REMEDY[quantity.why]}."
        return "", "", ""

    def _taken(self, quantity: Quantity | None, now: int) -> int:
        at = None if quantity is None else quantity.sampled_at()
        return now if at is None else at

    def _read(self, quantity: Quantity | None, now: int) -> float | None:
        if quantity is None:
            return None
        value = quantity.read(now)
        if value is None:
            self.errors += 1
        return value


@dataclass(slots=True)
class VoltmeterConfig:
    """Section `BOARD.measuring.voltmeter`: what a car's box measures, over the converters of the sections before."""

    inlet_voltage: CheckedConfig = field(default_factory=CheckedConfig)
    inlet_current: LinearConfig = field(default_factory=LinearConfig)
    inlet_temperature: TemperatureConfig = field(default_factory=TemperatureConfig)
    supply_voltage: LinearConfig = field(default_factory=LinearConfig)
    # at the CHAdeMO plug, on the vehicle's side of the bridge contactor; +-1 % or +-3 V, 20 samples/s and more (chademo sheet 7.4)
    vehicle_voltage: CheckedConfig = field(default_factory=CheckedConfig)


class AnalogVoltmeter(Meter):
    """Voltmeter. The hottest of several temperature sensors; when one of them is unknown, the hottest is unknown."""

    def __init__(self, config: VoltmeterConfig, converters: Mapping[str, AnalogInputs]) -> None:
        """`converters` by the names that the settings use (`ads1x15`). DriverError where one of them or a pin is missing."""
        self._voltage = checked(converters, config.inlet_voltage, "inlet V")
        self._current = linear(converters, config.inlet_current, "inlet A")
        self._temperatures = temperatures(converters, config.inlet_temperature, "inlet T")
        self._supply = linear(converters, config.supply_voltage, "supply")
        super().__init__("voltmeter", self._voltage, self._current, *self._temperatures, self._supply)

    def inlet_voltage(self, now: int) -> float | None:
        return self._read(self._voltage, now)

    def inlet_current(self, now: int) -> float | None:
        return self._read(self._current, now)

    def measured_at(self, what: str, now: int) -> int:
        """ns: of the sample behind `inlet_voltage` or `inlet_current`."""
        return self._taken(self._voltage if what == "inlet_voltage" else self._current, now)

    def inlet_temperature(self, now: int) -> float | None:
        hottest: float | None = None
        for quantity in self._temperatures:
            value = self._read(quantity, now)
            if value is None:
                return None
            hottest = value if hottest is None else max(hottest, value)
        return hottest

    def supply_voltage(self, now: int) -> float | None:
        return self._read(self._supply, now)


class AnalogVehicleVoltmeter(Meter):
    """VehicleVoltmeter of a bridge."""

    def __init__(self, config: VoltmeterConfig, converters: Mapping[str, AnalogInputs]) -> None:
        """`converters` by the names that the settings use (`ads1x15`). DriverError where one of them or a pin is missing."""
        self._voltage = checked(converters, config.vehicle_voltage, "vehicle V")
        super().__init__("vehicle voltmeter", self._voltage)

    def vehicle_voltage(self, now: int) -> float | None:
        return self._read(self._voltage, now)

    def measured_at(self, what: str, now: int) -> int:
        """ns: of the sample behind `vehicle_voltage`."""
        return self._taken(self._voltage, now)


@dataclass(slots=True)
class PowerMeterConfig:
    """Section `BOARD.measuring.power_meter`: what a DC charger's box measures at its output."""

    output_voltage: CheckedConfig = field(default_factory=CheckedConfig)
    output_current: LinearConfig = field(default_factory=LinearConfig)


class AnalogPowerMeter(Meter):
    """PowerMeter. An insulation monitor has no analog output here: `isolation` comes from whoever can tell, in Ohm."""

    def __init__(self, config: PowerMeterConfig, converters: Mapping[str, AnalogInputs], isolation: Callable[[int], float | None] | None = None) -> None:
        """`converters` by the names that the settings use. DriverError where one of them or a pin is missing."""
        self._voltage = checked(converters, config.output_voltage, "output V")
        self._current = linear(converters, config.output_current, "output A")
        self._isolation = isolation
        super().__init__("power meter", self._voltage, self._current)

    def voltage(self, now: int) -> float | None:
        return self._read(self._voltage, now)

    def current(self, now: int) -> float | None:
        return self._read(self._current, now)

    def measured_at(self, what: str, now: int) -> int:
        """ns: of the sample behind `voltage` or `current`."""
        return self._taken(self._voltage if what == "voltage" else self._current, now)

    def isolation(self, now: int) -> float | None:
        return None if self._isolation is None else self._isolation(now)
