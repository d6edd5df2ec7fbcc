"""PhysicalValue <-> float in SI units, with the unit and the range checked before anybody computes with it.

Both protocols have the same type; DIN's serves for reading either. `from_float` makes DIN's, iso2_values.py those of ISO 15118-2.
"""
from __future__ import annotations

from functools import lru_cache

from exi_native.messages.din import PhysicalValue, unitSymbol
from tasks.errors import RemoteProtocolError

V = unitSymbol.V
A = unitSymbol.A
W = unitSymbol.W
WH = unitSymbol.Wh
SECONDS = unitSymbol.s

# Plausible ranges of what the other side reports. Cars and chargers with slightly negative readings are known
# (safety-security-needs sheet 6); 1500 V and 1000 A are above everything DIN 70121 equipment can have.
PRESENT_V = (-100.0, 1500.0)
PRESENT_A = (-1000.0, 1000.0)
TARGET_V = (0.0, 1500.0)
TARGET_A = (0.0, 1000.0)
# Limits may be nonsense upwards (a stack announced 20 GW, field sheet 7.1): harmless, because only the minimum counts.
LIMIT = (0.0, 1e9)

_DIVISOR = {-3: 1000.0, -2: 100.0, -1: 10.0}
_FACTOR = {0: 1.0, 1: 10.0, 2: 100.0, 3: 1000.0}
_MAX_SHORT = 32767
_EPSILON = 1e-6      # float noise that must not cost the last digit: 400.3 * 10 is 4003.0000000000005


class BadValue(RemoteProtocolError):
    """A PhysicalValue that cannot be true; the text names the field, what was expected and what came."""


def to_float(value: PhysicalValue, unit: unitSymbol, allowed: tuple[float, float], field: str) -> float:
    """The value in `unit`. Raises BadValue for another unit, a multiplier outside -3..3, or a value outside `allowed`.

    DIN makes the unit optional (MsgDataTypes PhysicalValueType): without one, the field's own unit is meant.
    """
    given = value.Unit
    if given is not unit and given is not None and given.value != unit.value:       # the same unit of ISO 15118-2 is another object
        raise BadValue(f"{field}: expected unit {unit.value}, came {given.value}")
    multiplier = value.Multiplier
    if multiplier < 0:
        divisor = _DIVISOR.get(multiplier)
        if divisor is None:
            raise BadValue(f"{field}: expected multiplier -3 to 3, came {multiplier}")
        result = value.Value / divisor
    else:
        factor = _FACTOR.get(multiplier)
        if factor is None:
            raise BadValue(f"{field}: expected multiplier -3 to 3, came {multiplier}")
        result = value.Value * factor
    if not allowed[0] <= result <= allowed[1]:
        raise BadValue(f"{field}: expected {allowed[0]:g} to {allowed[1]:g} {unit.value}, came {result:g}")
    return result


def scaled(value: float, unit: unitSymbol) -> tuple[int, int]:
    """(multiplier, value): a resolution of 0.1 where it fits 16 bits, else the finest that does.

    Cut towards zero, never rounded up: a limit may not grow on its way to the wire (invariant I6). Raises
    ValueError for what no PhysicalValue can carry (not finite, beyond 32767000): that is our own defect.
    """
    if not -32_767_999.0 < value < 32_767_999.0:      # also false for NaN
        raise ValueError(f"no PhysicalValue can carry {value!r} {unit.value}")
    tenths = int(value * 10 + (_EPSILON if value >= 0 else -_EPSILON))
    if tenths % 10 and -_MAX_SHORT <= tenths <= _MAX_SHORT:
        return -1, tenths
    whole = int(tenths / 10)
    multiplier = 0
    while not -_MAX_SHORT <= whole <= _MAX_SHORT:
        whole = int(whole / 10)
        multiplier += 1
    return multiplier, whole


@lru_cache(maxsize=32)
def from_float(value: float, unit: unitSymbol) -> PhysicalValue:
    """The value as DIN 70121 carries it. Limits are the same in each message: the results are kept, and shared, so nobody may change one."""
    multiplier, whole = scaled(value, unit)
    return PhysicalValue(Multiplier=multiplier, Unit=unit, Value=whole)
