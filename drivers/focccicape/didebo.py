"""The DiDeBoCCS power supply (field sheet 1.5): five transformers in series, each switched by a pin, and a load that discharges the car.

It cannot regulate: the largest sum of the weights that is not above what is asked for stands at the output (nothing between 187 and 225 V).
While the car charges, as it believes, the supply stays 5 V below the battery and the load relay takes current out of it.
There is no current sensor and no insulation monitor; what is told instead stands in the configuration, in words.
"""
from __future__ import annotations

from math import isfinite
from typing import Protocol

from drivers.focccicape.cape import OutputPin
from kernel.record import settings_class
from kernel.settings import setting
from kernel.timer import MS

WEIGHTS = ((225.0, "P8_7"), (100.0, "P8_9"), (50.0, "P8_11"), (25.0, "P8_15"), (12.0, "P8_17"))
"""V and pin; each is more than all after it together."""
LOAD_PIN, ADC_PIN = "P8_18", "P9_40"
FULL_SCALE = 1.8               # V: the BeagleBone's converter; at its end the voltage may be anything
RAIL = 0.995
BROKEN = -50.0                 # V: 0 V at the converter would be -197 V: the sensor has no supply, or its wire is broken
SETTLED = 48 * 30 * MS         # pyPLC's cable check sets 300 V and looks 48 ticks later
WITHIN = 0.10                  # 270 to 330 V of 300 V
CHECKED_FROM = 100.0           # V: below, the voltage says nothing about the cable


@settings_class(slots=True)
class DiDeBoConfig:
    """Section `focccicape.supply`: the DiDeBoCCS power supply."""

    load_from_a: float = setting(2.5, unit="A", low=2.1, high=50, meaning="the load relay closes when more is asked for; cable check and precharge ask for at most 2 A")
    below_battery_v: float = setting(5.0, unit="V", low=0, high=50, meaning="while the load is on, the supply stays so far below the voltage of precharge")
    told_current_a: float = setting(10.0, unit="A", low=0, high=50, meaning="there is no current sensor: this is told to the car while the load is on; cars end after 10 min when it differs from theirs")
    told_insulation_ohm: float = setting(0.0, unit="Ohm", low=0, high=10e6, meaning=(
        "there is no insulation monitor. 0: unknown, the cable check fails; more: told in the cable check when the voltage stands within 10 % (as pyPLC does): that finds a short, "
        "no insulation fault. For a demonstration box without mains only; safety.evse.isolation_monitor_fitted is then false"))
    adc_zero_v: float = setting(0.510, unit="V", low=0, high=1.7, meaning="voltage at the converter with nothing at the output")
    adc_gain: float = setting(386.0, low=100, high=1000, meaning="V at the output for each V at the converter")


class Adc(Protocol):
    """An analog converter; drivers.adc has it."""

    def volts(self, channel: str, now: int) -> float | None: ...


def combination(voltage: float) -> tuple[bool, ...]:
    """Which weights give the most that is not above `voltage`; taking the greatest first is best because each exceeds the sum of the rest."""
    chosen = []
    for weight, _ in WEIGHTS:
        chosen.append(weight <= voltage)
        voltage -= weight if weight <= voltage else 0.0
    return tuple(chosen)


def total(chosen: tuple[bool, ...]) -> float:
    return sum(weight for (weight, _), on in zip(WEIGHTS, chosen) if on)


class DiDeBoSupply:
    """PowerSupply. `standing` is the sum in V that the pins give now (0: none, or unknown), `since` when it was set, `loaded` whether the load relay is on."""

    def __init__(self, config: DiDeBoConfig, weights: tuple[OutputPin, ...], load: OutputPin) -> None:
        """`weights` in the order of WEIGHTS."""
        if len(weights) != len(WEIGHTS):
            raise ValueError(f"the supply has {len(WEIGHTS)} weights, not {len(weights)}")
        self.errors = 0
        self.standing = 0.0
        self.since = 0
        self.loaded = False
        self._config = config
        self.weights = weights
        self.load = load
        self._battery: float | None = None       # what precharge asked for: the battery's voltage

    def set(self, voltage: float, current: float, now: int) -> bool:
        """At most `voltage`; more than precharge's current closes the load relay until `off`."""
        if not (isfinite(voltage) and isfinite(current)) or voltage < 0 or current < 0:
            self.errors += 1
            self.off(now)
            return False
        if current > self._config.load_from_a:
            self.loaded = True
        if self.loaded:
            voltage = max(0.0, min(voltage, voltage if self._battery is None else self._battery) - self._config.below_battery_v)
        else:
            self._battery = voltage
        return self._switch(combination(voltage), self.loaded, now)

    def off(self, now: int) -> bool:
        self.loaded = False
        self._battery = None
        return self._switch((False,) * len(WEIGHTS), False, now)

    def _switch(self, chosen: tuple[bool, ...], load: bool, now: int) -> bool:
        """First everything that goes off: no sum in between is above both. What refuses does not keep the rest from going off."""
        refused = 0 if load else not self.load.put(False)
        refused += sum(not pin.put(False) for pin, on in zip(self.weights, chosen) if not on)
        if not refused:
            refused += sum(not pin.put(True) for pin, on in zip(self.weights, chosen) if on)
            refused += load and not self.load.put(True)
        if refused:
            self.errors += 1
            self.standing, self.since = 0.0, now          # nobody knows it
            return False
        if total(chosen) != self.standing:
            self.standing, self.since = total(chosen), now
        return True


class DiDeBoMeter:
    """PowerMeter: the voltage from the converter; current and insulation as the configuration has it told."""

    def __init__(self, config: DiDeBoConfig, supply: DiDeBoSupply, adc: Adc, channel: str) -> None:
        self.errors = 0
        self._config = config
        self._supply = supply
        self._adc = adc
        self._channel = channel

    def voltage(self, now: int) -> float | None:
        """U = (volts - 0.510 V) * 386; None at the end of the converter's range and where its wire is broken."""
        volts = self._adc.volts(self._channel, now)
        value = None if volts is None else (volts - self._config.adc_zero_v) * self._config.adc_gain
        if value is None or volts is None or not BROKEN <= value or volts >= RAIL * FULL_SCALE:
            self.errors += 1
            return None
        return value

    def current(self, now: int) -> float | None:
        return self._config.told_current_a if self._supply.loaded else 0.0

    def isolation(self, now: int) -> float | None:
        supply = self._supply
        told = self._config.told_insulation_ohm
        if not told or supply.loaded or supply.standing < CHECKED_FROM or now - supply.since < SETTLED:
            return None
        voltage = self.voltage(now)
        return told if voltage is not None and abs(voltage - supply.standing) <= WITHIN * supply.standing else None
