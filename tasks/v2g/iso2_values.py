"""Numbers as ISO 15118-2 carries them; reading is the same as in DIN 70121 (physical.py)."""
from __future__ import annotations

from functools import lru_cache

from exi_native.messages.iso2 import PhysicalValue, unitSymbol
from tasks.v2g import physical

_UNITS = {getattr(physical, name): unitSymbol[symbol] for name, symbol in (("V", "V"), ("A", "A"), ("W", "W"), ("WH", "Wh"), ("SECONDS", "s"))}


@lru_cache(maxsize=32)
def from_float(value: float, unit: physical.unitSymbol) -> PhysicalValue:
    """As `physical.from_float`; `unit` is one of its units (V, A, W, WH, SECONDS)."""
    multiplier, whole = physical.scaled(value, unit)
    return PhysicalValue(Multiplier=multiplier, Unit=_UNITS[unit], Value=whole)
