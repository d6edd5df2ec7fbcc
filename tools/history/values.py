"""Which field of a message is which series: name, unit, side, how it is drawn. DIN 70121, ISO 15118-2 and -20 share most names."""
from __future__ import annotations

from typing import NamedTuple


class Value(NamedTuple):
    """`name` of the series; `factor` from the message's unit to `unit`; `stale`: only good while it is repeated."""

    name: str
    unit: str
    side: str
    step: bool
    factor: float = 1.0
    stale: bool = False


KILO = 1e-3
POWER = Value("power", "kW", "charger", False, KILO, True)           # V times A as the charger tells them, W
ENERGY = Value("energy", "kWh", "charger", False, KILO)              # summed up, Wh
_U = Value("EVSEPresentVoltage", "V", "charger", False, 1.0, True)
_I = Value("EVSEPresentCurrent", "A", "charger", False, 1.0, True)
_SOC = Value("SoC", "%", "car", True)


def _limit(name: str, unit: str, side: str, factor: float = 1.0) -> Value:
    return Value(name, unit, side, True, factor)


_EV_U, _EV_I, _EV_P = (_limit("EVMaximumVoltageLimit", "V", "car"), _limit("EVMaximumCurrentLimit", "A", "car"),
                       _limit("EVMaximumPowerLimit", "kW", "car", KILO))
_SE_U, _SE_I, _SE_P = (_limit("EVSEMaximumVoltageLimit", "V", "charger"), _limit("EVSEMaximumCurrentLimit", "A", "charger"),
                       _limit("EVSEMaximumPowerLimit", "kW", "charger", KILO))
FIELDS = {               # field of a message -> series; the variants of -2 AC and of -20 behind those of DIN
    "EVSEPresentVoltage": _U, "EVSEPresentCurrent": _I, "EVRESSSOC": _SOC, "PresentSOC": _SOC,
    "EVTargetVoltage": Value("EVTargetVoltage", "V", "car", True, 1.0, True), "EVTargetCurrent": Value("EVTargetCurrent", "A", "car", True, 1.0, True),
    "EVPresentVoltage": Value("EVPresentVoltage", "V", "car", False, 1.0, True),
    "EVMaximumVoltageLimit": _EV_U, "EVMaximumVoltage": _EV_U, "EVMaxVoltage": _EV_U,
    "EVMaximumCurrentLimit": _EV_I, "EVMaximumChargeCurrent": _EV_I, "EVMaxCurrent": _EV_I,
    "EVMaximumPowerLimit": _EV_P, "EVMaximumChargePower": _EV_P,
    "EVSEMaximumVoltageLimit": _SE_U, "EVSEMaximumVoltage": _SE_U,
    "EVSEMaximumCurrentLimit": _SE_I, "EVSEMaximumChargeCurrent": _SE_I, "EVSEMaxCurrent": _SE_I,
    "EVSEMaximumPowerLimit": _SE_P, "EVSEMaximumChargePower": _SE_P,
    "RemainingTimeToFullSoC": Value("RemainingTimeToFullSoC", "min", "car", True, 1 / 60),
    "EVSEPresentActivePower": POWER, "EVPresentActivePower": Value("EVPresentActivePower", "kW", "car", False, KILO, True),
}
PLAUSIBLE = {"V": (-9_999, 9_999), "A": (-9_999, 9_999), "kW": (-99_999, 99_999), "%": (0, 100), "min": (0, 99_999), "kWh": (-99_999, 99_999)}
"""By unit: PhysicalValue can say anything up to 1e131, and one such point would flatten the whole picture."""
