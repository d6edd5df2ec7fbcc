"""From volts at a converter's pin to what they mean: straight lines, dividers, NTC, PT1000. Pure.

Each calibration answers (value, ""), or (None, why): "open" and "short" for a broken sensor, "range" for what the quantity cannot be. A
sensor that is broken is unknown; it is never 200 degrees.
"""
from __future__ import annotations

import math
from typing import Protocol

from kernel.record import dataclass

ZERO_CELSIUS = 273.15                                    # K
IEC_60751 = (3.9083e-3, -5.775e-7, -4.183e-12)           # A, B, C of IEC 60751:2008, 4.2, for industrial platinum
PT_LOW, PT_HIGH = -200.0, 850.0                          # degC, range of IEC 60751
NEWTON_STEPS = 6                                         # from the quadratic's root they reach 1e-9 K within PT_LOW to 0

Meaning = tuple[float | None, str]


class Calibration(Protocol):
    """V at the pin to the quantity."""

    def physical(self, volts: float) -> Meaning: ...


@dataclass(slots=True, frozen=True)
class Linear:
    """gain * volts + offset; beyond low to high it is no such quantity."""

    gain: float
    offset: float = 0.0
    low: float = -math.inf
    high: float = math.inf

    def physical(self, volts: float) -> Meaning:
        value = self.gain * volts + self.offset
        return (value, "") if self.low <= value <= self.high else (None, "range")


def divider(upper_ohm: float, lower_ohm: float, low: float = -math.inf, high: float = math.inf) -> Linear:
    """The pin sits between `upper_ohm` (to the voltage) and `lower_ohm` (to ground); a converter's input draws next to nothing."""
    return Linear((upper_ohm + lower_ohm) / lower_ohm, 0.0, low, high)


class Thermometer(Protocol):
    """Ohm of a sensor to degrees Celsius."""

    def celsius(self, ohm: float) -> float: ...


@dataclass(slots=True, frozen=True)
class Ntc:
    """Thermistor, 1/T = a + b ln R + c (ln R)^3 with T in K (Steinhart and Hart 1968); Beta's equation is c = 0."""

    a: float
    b: float
    c: float

    def celsius(self, ohm: float) -> float:
        x = math.log(ohm)
        return 1.0 / (self.a + self.b * x + self.c * x ** 3) - ZERO_CELSIUS


def ntc_by_beta(r25_ohm: float, beta: float) -> Ntc:
    """1/T = 1/T25 + ln(R/R25)/beta; some K off far away from the two temperatures beta was made of."""
    return Ntc(1.0 / (25.0 + ZERO_CELSIUS) - math.log(r25_ohm) / beta, 1.0 / beta, 0.0)


def ntc_by_points(points: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]) -> Ntc:
    """Through three points (degC, Ohm) of a data sheet's table. ValueError where they are no falling curve."""
    (x1, y1), (x2, y2), (x3, y3) = ((math.log(ohm), 1.0 / (celsius + ZERO_CELSIUS)) for celsius, ohm in sorted(points))
    if not x1 > x2 > x3:
        raise ValueError(f"an NTC's resistance falls with temperature; these points do not: {points}")
    # Divided differences of y = a + b x + c x^3
    g2, g3 = (y2 - y1) / (x2 - x1), (y3 - y1) / (x3 - x1)
    c = (g3 - g2) / ((x3 - x2) * (x1 + x2 + x3))
    b = g2 - c * (x1 * x1 + x1 * x2 + x2 * x2)
    return Ntc(y1 - x1 * (b + c * x1 * x1), b, c)


@dataclass(slots=True, frozen=True)
class Platinum:
    """PT100, PT1000: Callendar-Van Dusen, IEC 60751:2008, 4.2. `ohm_0`: at 0 degC."""

    ohm_0: float = 1000.0

    def ohm(self, celsius: float) -> float:
        a, b, c = IEC_60751
        below = c * (celsius - 100.0) * celsius ** 3 if celsius < 0.0 else 0.0
        return self.ohm_0 * (1.0 + a * celsius + b * celsius ** 2 + below)

    def celsius(self, ohm: float) -> float:
        """Exact root above 0 degC; below Newton's steps from it. More than 1 K beyond PT_LOW and PT_HIGH: minus and plus infinity."""
        if not self.ohm(PT_LOW - 1.0) <= ohm <= self.ohm(PT_HIGH + 1.0):
            return math.inf if ohm > self.ohm_0 else -math.inf
        a, b, c = IEC_60751
        ratio = ohm / self.ohm_0
        t = (-a + math.sqrt(a * a - 4.0 * b * (1.0 - ratio))) / (2.0 * b)
        if t < 0.0:
            for _ in range(NEWTON_STEPS):
                slope = a + 2.0 * b * t + c * (4.0 * t ** 3 - 300.0 * t ** 2)
                t -= (self.ohm(t) / self.ohm_0 - ratio) / slope
        return t


@dataclass(slots=True, frozen=True)
class Resistive:
    """A thermometer from pin to ground and `pullup_ohm` from pin to `reference_v`. Believed from `low` to `high` degC only.

    Colder than an NTC can be here, hotter than a PT can be: the sensor is open. The other way round: it is shorted.
    """

    thermometer: Thermometer
    pullup_ohm: float
    reference_v: float
    low: float = -50.0
    high: float = 180.0

    def physical(self, volts: float) -> Meaning:
        if volts <= 0.0:
            return None, "short"
        if volts >= self.reference_v:
            return None, "open"
        ohm = self.pullup_ohm * volts / (self.reference_v - volts)
        celsius = self.thermometer.celsius(ohm)
        if self.low <= celsius <= self.high:
            return celsius, ""
        more_ohm_when_cold = isinstance(self.thermometer, Ntc)
        return None, "open" if (celsius < self.low) is more_ohm_when_cold else "short"
