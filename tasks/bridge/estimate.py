"""What the battery's voltage may be before anybody can measure it: from target voltage and state of charge (chademo sheet, chapter 4).

Too high is harmless: the charger limits the current into its own capacitors' difference to 1 or 2 A, and up to 20 V are legal. Too low
is not: the battery then feeds the charger's capacitors with whatever the cables let through (sheet 4.4.6). Hence the bias.
"""
from __future__ import annotations

import math
from typing import Callable

from kernel.record import dataclass

Corners = tuple[tuple[float, float], ...]
"""(percent, V) in rising order, straight lines between them."""

CHOICES = ("auto", "formula", "n", "m", "av1")
"""What a user may choose with bridge.voltage_curve."""

# Sheet 4.4.5: V per cell, fitted to the data of 4.3.
CLASS_N: Corners = ((0, 3.375), (10, 3.50), (20, 3.55), (30, 3.575), (40, 3.60), (50, 3.70), (60, 3.75), (70, 3.81), (80, 3.93), (90, 4.03), (100, 4.19))
CLASS_M: Corners = ((0, 3.55), (7, 3.645), (12, 3.75), (17, 3.77), (27, 3.83), (37, 3.93), (47, 3.955), (55, 3.98), (73, 3.995), (88, 4.07), (100, 4.12))
CLASSES = {"n": CLASS_N, "m": CLASS_M}
# Sheet 4.4.5 and the targets of 4.2: Leaf and Outlander 410, Lexus 404, iOn 336, i-MiEV 370, BMW i5 450, XPeng 434. Soul (420): 98 or 100, not known.
CELLS = {410: 96, 404: 96, 336: 80, 370: 88, 450: 108, 434: 108}

LEAF_TARGET, ION_TARGET = 410.0, 336.0
N_MIN_WH, M_MAX_WH = 32_000.0, 30_000.0    # sheet 4.4.5: above the first it is N, up to the second it may be M

# Largest errors of sheet 4.3 (4.4.5 for the classes), V, by way and target. They were found with the state of charge of the dashboard; what
# comes by CAN is another one (sheet 8.18). The two logs with CAN values show how much more that costs: class N is 12.0 V too low in log B
# instead of 3.6 V, class M 9.5 V too high in log A instead of 2.3 V. The larger difference goes on top of each fit.
FITS = {("n", 410): 3.6, ("m", 410): 2.3, ("av1", 410): 6.2, ("formula", 336): 3.0, ("m", 336): 6.6, ("n", 404): 6.0, ("n", 434): 14.5}
CAN_SOC_ERROR = 8.4
LEAF_UNKNOWN_ERROR = 29.0        # 4.3: the formula's curve for 410 V with the other kind of Leaf
GENERAL_ERROR = 20.6             # 4.3: formula without overrides, all 40 points; 4.3 calls 15 to 20 V two standard deviations

SURE = 5.0                       # V: what may be off by more is "unsure" (4.4.6); it is also the difference that 4.3 allows at the contact
UNSURE_BIAS = 5.0                # V: 4.4.6


@dataclass(slots=True, frozen=True)
class Traits:
    """What tells the classes apart (sheet 4.4.5). `extension`: 0x110 was seen. `dynamic_bit`: 102.5.6. `capacity`: 101.5-6 in Wh. None: not known."""

    extension: bool | None = None
    dynamic_bit: bool | None = None
    capacity: float | None = None


@dataclass(slots=True, frozen=True)
class Curve:
    """Voltage over state of charge. `way`: formula, n, m or av1. `error`: V by which it may be wrong to either side."""

    way: str
    error: float
    at: Callable[[float], float]


@dataclass(slots=True, frozen=True)
class Estimate:
    """`voltage`: V to precharge to, `bias` V of them on purpose. `error`: V by which the rest may be wrong. `way`: a Curve's, or "learned"."""

    voltage: float
    error: float
    way: str
    bias: float = 0.0

    @property
    def too_low(self) -> float:
        """V by which the battery may be above it, the dangerous direction."""
        return max(0.0, self.error - self.bias)

    @property
    def too_high(self) -> float:
        """V by which the battery may be below it."""
        return max(0.0, self.error + self.bias)


def estimate(target: float | None, soc: float | None, *, max_voltage: float | None = None, traits: Traits = Traits(), choice: str = "auto", cells: int = 0,
             bias: float = UNSURE_BIAS) -> Estimate | None:
    """What to precharge to, V. `target`: 102.1-2. `soc`: percent. `max_voltage`: 100.4-5. `choice`, `cells`: see `choose`. None: nothing to estimate from."""
    curve = choose(target, traits, choice, cells)
    if curve is None or soc is None or not math.isfinite(soc):
        return None
    return aim(curve.at(clip(soc)), curve.error, curve.way, ceiling(target, max_voltage), bias)


def ceiling(target: float | None, max_voltage: float | None) -> float | None:
    """What is never to be exceeded, V: 100.4-5, or target + 1 V where that is unknown or below the target (sheet 2.4.3)."""
    if target is None:
        return max_voltage
    return max_voltage if max_voltage is not None and max_voltage >= target else target + 1.0


def aim(voltage: float, error: float, way: str, highest: float | None, bias: float = UNSURE_BIAS) -> Estimate:
    """Biased upwards when unsure, never above `highest` (sheet 4.4.6), V."""
    biased = voltage + (bias if error > SURE else 0.0)
    if highest is not None:
        biased = min(biased, highest)
    return Estimate(biased, error, way, biased - voltage)


def choose(target: float | None, traits: Traits = Traits(), choice: str = "auto", cells: int = 0) -> Curve | None:
    """The curve for a target voltage in V. `choice`: one of CHOICES. `cells`: in series; 0: known by the target.

    `auto` is the rule of sheet 4.4.5 for 410 V, else the formula. A class whose number of cells is not known is the formula, too. None: the
    target voltage is not known, or below what the formula can bear.
    """
    if target is None or not math.isfinite(target):
        return None
    way = automatic(target, traits) if choice == "auto" else choice
    cells = cells or CELLS.get(round(target), 0)
    if way in CLASSES and cells:
        corners = CLASSES[way]
        return Curve(way, _error(way, target), lambda soc: cells * along(corners, soc))
    if way != "av1" or target != LEAF_TARGET:
        way = "formula"
    corners = formula(target, "av1" if way == "av1" else "")
    return Curve(way, _error(way, target), lambda soc: along(corners, soc)) if corners else None


def automatic(target: float, traits: Traits) -> str:
    """Sheet 4.4.5 for 410 V; batteries that were swapped lie, which is why the user may choose."""
    if target != LEAF_TARGET:
        return "formula"
    capacity = traits.capacity or 0.0
    if traits.extension or capacity > N_MIN_WH:
        return "n"
    if traits.extension is False and traits.dynamic_bit and 0 < capacity <= M_MAX_WH:
        return "m"
    return "formula"


def formula(target: float, profile: str = "") -> Corners:
    """Corners of the formula of sheet 4.1, V. `profile`: "" with its overrides, "plain" without, "av1". Empty where it makes no sense.

    Below 130 V its middle would lie above its end.
    """
    top, nominal = target - 10.0, 0.875 * target + 6.25
    if profile == "av1":
        nominal = 380.0                          # Leaf 24/30, e-NV200
    elif profile == "" and target == LEAF_TARGET:
        nominal = 355.0                          # Leaf 40 and later
    elif profile == "" and target == ION_TARGET:
        nominal, top = 310.0, 336.0
    if nominal >= top:
        return ()
    bottom = 2 * nominal - top
    v20 = nominal - 0.35 * (nominal - bottom)
    v80 = nominal + 0.55 * (top - nominal)
    slope = (nominal - v20) / 30
    if profile == "av1":                         # "below x": x = 29 %, f = 0.7
        start: Corners = ((0, bottom - 0.7 * (v20 - bottom)), (29, v20), (29, v20 + 9 * slope))
    else:
        start = ((0, v20 - 20 * slope),)
    return (*start, (50, nominal), (80, v80), (100, top))


def along(corners: Corners, soc: float) -> float:
    """The value at `soc` percent, clipped to the first and the last corner; at a step the upper side."""
    soc = min(max(soc, corners[0][0]), corners[-1][0])
    for (x0, y0), (x1, y1) in zip(corners, corners[1:]):
        if soc < x1:
            return y0 + (y1 - y0) * (soc - x0) / (x1 - x0)
    return corners[-1][1]


def clip(soc: float) -> float:
    """Some vehicles say more than 100 % (sheet 2.4.7)."""
    return min(100.0, max(0.0, soc))


def _error(way: str, target: float) -> float:
    if way == "formula" and target == LEAF_TARGET:
        return LEAF_UNKNOWN_ERROR
    fit = FITS.get((way, round(target)))
    return GENERAL_ERROR if fit is None else fit + CAN_SOC_ERROR
