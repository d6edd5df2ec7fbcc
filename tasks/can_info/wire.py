"""The three frames in which pyPLC tells on CAN what it is doing (field sheet 1.5). 11 bit identifiers, 8 octets, little endian.

| identifier | octets |
|---|---|
| 0x678 | info number, state of charge in %, then 22 33 44 55 66 77 |
| 0x679 | target V, target A, present V, present A, each 16 bits |
| 0x67A | MAC of the car, index of the log file (65535: unknown) |

The sheet has no octets for what is unknown; here it is all ones, as for the log file: 0 V would be taken for safe.
"""
from __future__ import annotations

import struct

from kernel.record import dataclass

STATUS, VALUES, CAR = 0x678, 0x679, 0x67A
FILLING = bytes.fromhex("223344556677")
UNKNOWN_8, UNKNOWN_16 = 0xFF, 0xFFFF
NO_MAC = bytes(6)
_VALUES = struct.Struct("<4H")


@dataclass(slots=True, frozen=True)
class Status:
    """0x678."""

    info: int
    soc: float | None            # percent

    def emit(self) -> bytes:
        return bytes((self.info, UNKNOWN_8 if self.soc is None else _clamped(self.soc, 100))) + FILLING


@dataclass(slots=True, frozen=True)
class Values:
    """0x679. V and A; a whole number each, negative as 0."""

    target_voltage: float | None
    target_current: float | None
    present_voltage: float | None
    present_current: float | None

    def emit(self) -> bytes:
        return _VALUES.pack(*(UNKNOWN_16 if v is None else _clamped(v, UNKNOWN_16 - 1)
                              for v in (self.target_voltage, self.target_current, self.present_voltage, self.present_current)))


@dataclass(slots=True, frozen=True)
class Car:
    """0x67A."""

    mac: bytes | None
    log_index: int | None

    def emit(self) -> bytes:
        mac = self.mac if self.mac is not None and len(self.mac) == 6 else NO_MAC
        index = self.log_index if self.log_index is not None and 0 <= self.log_index < UNKNOWN_16 else UNKNOWN_16
        return mac + index.to_bytes(2, "little")


def _clamped(value: float, highest: int) -> int:
    return max(0, min(highest, round(value)))
