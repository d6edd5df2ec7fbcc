"""Values of signals, devices and commands as plain JSON, and back where a device has to give them again."""
from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from drivers.interfaces import BatteryReading, PilotReading, PilotState

_SIMPLE = frozenset((type(None), bool, int, float, str))


def plain(value: Any) -> Any:
    """Numbers, texts and None as they are; octets as {"x": hexadecimal}; names of enumerations; records as objects; everything else as its text."""
    if type(value) in _SIMPLE:
        return value
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, (bytes, bytearray)):
        return {"x": value.hex()}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return repr(value)


def octets(value: Any) -> bytes:
    """What `plain` made of octets. ValueError for anything else."""
    if not isinstance(value, dict) or not isinstance(value.get("x"), str):
        raise ValueError(f"octets are expected, {value!r} is there")
    return bytes.fromhex(value["x"])


def again(value: Any) -> Any:
    """A value as a signal holds it: lists become tuples, octets octets; enumerations stay names."""
    if isinstance(value, dict) and value.keys() == {"x"}:
        return octets(value)
    if isinstance(value, list):
        return tuple(again(item) for item in value)
    return value


def of_pilot(reading: PilotReading | None) -> Any:
    return None if reading is None else [reading.state.name, reading.duty_percent]


def to_pilot(value: Any) -> PilotReading | None:
    return None if value is None else PilotReading(PilotState[value[0]], value[1])


BATTERY = tuple(field.name for field in fields(BatteryReading))


def of_battery(reading: BatteryReading | None) -> Any:
    """Each quantity with when it was heard: [value, ns]."""
    return None if reading is None else [[quantity.value, quantity.at] for quantity in (getattr(reading, name) for name in BATTERY)]


def to_battery(value: Any) -> BatteryReading | None:
    if value is None:
        return None
    reading = BatteryReading()
    for name, (known, at) in zip(BATTERY, value):
        getattr(reading, name).hear(known, at)
    return reading
