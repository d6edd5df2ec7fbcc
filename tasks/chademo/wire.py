"""CHAdeMO's frames: 11 bit identifiers, always 8 octets, numbers of two octets little endian (chademo sheet 1.1).

`parse(id, data)` gives what a vehicle says, `emit()` the octets of either side. What a frame cannot carry is clamped to what it
can; what is not used is 0. Layouts: chademo sheet 1.3 to 1.10; bit and octet numbers as there ("102.5.0": identifier, octet, bit).
"""
from __future__ import annotations

import struct
from typing import ClassVar

from kernel.record import dataclass
from tasks.errors import WireError

OCTETS = 8
LIMITS, TIMES, STATUS, BATTERY_VOLTAGE, DYNAMIC = 0x100, 0x101, 0x102, 0x103, 0x110          # of the vehicle
CAPABILITY, CHARGER_STATUS, CHARGER_DYNAMIC = 0x108, 0x109, 0x118                            # of the charger
DISCHARGE, DISCHARGE_ENERGY, DISCHARGE_CHARGER, DISCHARGE_TIME = 0x200, 0x201, 0x208, 0x209  # V2X
MAKER = 0x700                                                                                # the vehicle's maker, free content
VEHICLE_IDS = (LIMITS, TIMES, STATUS, BATTERY_VOLTAGE, DYNAMIC, DISCHARGE, DISCHARGE_ENERGY, MAKER)
"""What a vehicle sends and somebody here wants to read."""
CHARGER_IDS = (CAPABILITY, CHARGER_STATUS, CHARGER_DYNAMIC)
DISCHARGE_IDS = (DISCHARGE_CHARGER, DISCHARGE_TIME)
"""What a charger sends besides once it has announced that it may discharge (109.4.0)."""

USE_COARSE = 0xFF            # 101.1, 109.6: the time stands in the next octet, in minutes
FINE_SECONDS, COARSE_SECONDS = 10, 60
V_MAX, A_MAX = 0xFFFF, 0xFF

# 102.4, and the bits of 102.5 (sheet 1.5)
OVER_VOLTAGE, UNDER_VOLTAGE, CURRENT_DEVIATION, OVER_TEMPERATURE, VOLTAGE_DEVIATION = 1, 2, 4, 8, 16
FAULTS = OVER_VOLTAGE | UNDER_VOLTAGE | CURRENT_DEVIATION | OVER_TEMPERATURE | VOLTAGE_DEVIATION
ENABLED, NOT_PARKED, SYSTEM_FAULT, CONTACTOR_OPEN, STOP_BEFORE, ACCEPTS_DYNAMIC, CAN_DISCHARGE = 1, 2, 4, 8, 16, 64, 128
# 109.5 (sheet 1.8)
CHARGING, MALFUNCTION, LOCKED, INCOMPATIBLE, SYSTEM_MALFUNCTION, STOP_CONTROL = 1, 2, 4, 8, 16, 32
# 110.0, 118.0 (sheet 1.9)
DYNAMIC_CONTROL, HIGH_CURRENT, HIGH_VOLTAGE = 1, 2, 4

_LIMITS = struct.Struct("<BBHHBx")
_TIMES = struct.Struct("<xBBBxHx")
_STATUS = struct.Struct("<BHBBBBx")
_CAPABILITY = struct.Struct("<BHBHxx")
_CHARGER = struct.Struct("<BHBBBBB")


@dataclass(slots=True, frozen=True)
class BatteryLimits:
    """0x100. A, V; `rate_at_full` is what 102.6 shows at 100 % (240 before the first charger frame, 255 towards a 0.9 charger)."""

    id: ClassVar[int] = LIMITS
    min_current: int = 0
    max_current: int = 0           # with some vehicles; unstable before k (sheet 1.3)
    min_voltage: int = 0
    max_voltage: int = 0
    rate_at_full: int = 100

    @property
    def private_voltage(self) -> int:
        """V: octets 0 and 1 as the battery's present voltage, which the private protocol number 10 has there (sheet 5)."""
        return self.min_current | self.max_current << 8

    def emit(self) -> bytes:
        return _LIMITS.pack(_octet(self.min_current), _octet(self.max_current), _word(self.min_voltage), _word(self.max_voltage), _octet(self.rate_at_full))


@dataclass(slots=True, frozen=True)
class ChargingTime:
    """0x101. s, min, Wh."""

    id: ClassVar[int] = TIMES
    max_fine: int = 0              # 10 s; USE_COARSE: see max_minutes
    max_minutes: int = 0
    remaining_minutes: int = 0
    capacity: float = 0.0          # Wh, in steps of 100

    @property
    def max_seconds(self) -> int:
        """Longest charging time; 0 while the vehicle does not know it yet."""
        return self.max_minutes * COARSE_SECONDS if self.max_fine == USE_COARSE else self.max_fine * FINE_SECONDS

    def emit(self) -> bytes:
        return _TIMES.pack(_octet(self.max_fine), _octet(self.max_minutes), _octet(self.remaining_minutes), _word(self.capacity / 100))


@dataclass(slots=True, frozen=True)
class VehicleStatus:
    """0x102. V, A; `faults` of 102.4, `status` of 102.5, `rate` relative to 100.6."""

    id: ClassVar[int] = STATUS
    protocol: int = 2
    target_voltage: int = 0
    current_request: int = 0
    faults: int = 0
    status: int = 0
    rate: int = 0

    def emit(self) -> bytes:
        return _STATUS.pack(_octet(self.protocol), _word(self.target_voltage), _octet(self.current_request), _octet(self.faults), _octet(self.status), _octet(self.rate))


@dataclass(slots=True, frozen=True)
class MeasuredVoltage:
    """0x103, private: the battery's voltage as a ZombieVerter measures it, V."""

    id: ClassVar[int] = BATTERY_VOLTAGE
    voltage: int = 0

    def emit(self) -> bytes:
        return _word(self.voltage).to_bytes(2, "little") + bytes(6)


@dataclass(slots=True, frozen=True)
class DynamicControl:
    """0x110 of the vehicle and 0x118 of the charger: what each can do beyond 1.1. A; the charger's other octets are not known (sheet 1.9)."""

    id: int = DYNAMIC
    flags: int = 0
    current_request: int = 0

    def emit(self) -> bytes:
        return bytes((_octet(self.flags),)) + _word(self.current_request).to_bytes(2, "little") + bytes(5)


@dataclass(slots=True, frozen=True)
class Discharge:
    """0x200 of the vehicle. A, V; `min_level` and `max_level` in % or 0.1 kWh, as the guideline's version says (sheet 1.10)."""

    id: ClassVar[int] = DISCHARGE
    max_current: int = 0
    min_voltage: int = 0
    min_level: int = 0
    max_level: int = 0

    def emit(self) -> bytes:
        return bytes((0xFF - _octet(self.max_current), 0, 0, 0)) + _word(self.min_voltage).to_bytes(2, "little") + bytes((_octet(self.min_level), _octet(self.max_level)))


@dataclass(slots=True, frozen=True)
class DischargeEnergy:
    """0x201 of the vehicle: sequence number of the V2H guideline; the places of the rest contradict each other (sheet 1.10)."""

    id: ClassVar[int] = DISCHARGE_ENERGY
    sequence: int = 0

    def emit(self) -> bytes:
        return bytes((_octet(self.sequence),)) + bytes(7)


@dataclass(slots=True, frozen=True)
class DischargeCharger:
    """0x208 of the charger. A, V."""

    id: ClassVar[int] = DISCHARGE_CHARGER
    present_current: int = 0
    input_voltage: int = 0
    input_current: int = 0
    lower_threshold: int = 0

    def emit(self) -> bytes:
        return (bytes((0xFF - _octet(self.present_current),)) + _word(self.input_voltage).to_bytes(2, "little") + bytes((0xFF - _octet(self.input_current), 0, 0))
                + _word(self.lower_threshold).to_bytes(2, "little"))


@dataclass(slots=True, frozen=True)
class DischargeTime:
    """0x209 of the charger; the unit of the remaining time is not known (sheet 8)."""

    id: ClassVar[int] = DISCHARGE_TIME
    sequence: int = 0
    remaining: int = 0

    def emit(self) -> bytes:
        return bytes((_octet(self.sequence),)) + _word(self.remaining).to_bytes(2, "little") + bytes(5)


@dataclass(slots=True, frozen=True)
class Maker:
    """0x700 of the vehicle: its maker's code and free content; serves to know a vehicle again."""

    id: ClassVar[int] = MAKER
    content: bytes = bytes(OCTETS)

    def emit(self) -> bytes:
        return self.content[:OCTETS].ljust(OCTETS, b"\0")


@dataclass(slots=True, frozen=True)
class Capability:
    """0x108 of the charger. V, A."""

    id: ClassVar[int] = CAPABILITY
    welding_detection: bool = True
    voltage: float = 0.0
    current: float = 0.0
    threshold: float = 0.0

    def emit(self) -> bytes:
        return _CAPABILITY.pack(self.welding_detection, _word(self.voltage), _octet(self.current), _word(self.threshold))


@dataclass(slots=True, frozen=True)
class ChargerStatus:
    """0x109 of the charger. V, A, s; `remaining` None: FF FF, as while the vehicle's own time is not known."""

    id: ClassVar[int] = CHARGER_STATUS
    protocol: int = 2
    voltage: float = 0.0
    current: float = 0.0
    status: int = STOP_CONTROL
    remaining: float | None = None
    discharge: bool = False

    def emit(self) -> bytes:
        fine, coarse = remaining_octets(self.remaining)
        return _CHARGER.pack(_octet(self.protocol), _word(self.voltage), _octet(self.current), self.discharge, _octet(self.status), fine, coarse)


Message = (BatteryLimits | ChargingTime | VehicleStatus | MeasuredVoltage | DynamicControl | Discharge | DischargeEnergy | DischargeCharger | DischargeTime
           | Maker | Capability | ChargerStatus)


def remaining_octets(seconds: float | None) -> tuple[int, int]:
    """109.6 and 109.7: minutes, the last 50 s in steps of 10 s (FF 01 becomes 05 00, the sheet's scenario 39); None: FF FF.

    Rounded up: only a time that is over shows 00 00.
    """
    if seconds is None:
        return USE_COARSE, 0xFF
    if seconds <= 0:
        return 0, 0
    if seconds > COARSE_SECONDS - FINE_SECONDS:
        return USE_COARSE, min(0xFE, -int(-seconds // COARSE_SECONDS))
    return -int(-seconds // FINE_SECONDS), 0


def parse(id: int, data: bytes) -> Message:
    """A frame of either side. WireError for another length, or an identifier that is none of CHAdeMO's."""
    if len(data) != OCTETS:
        raise WireError(f"CHAdeMO frame 0x{id:03X}: expected 8 octets, came {len(data)}")
    if id == LIMITS:
        return BatteryLimits(*_LIMITS.unpack(data))
    if id == TIMES:
        fine, minutes, remaining, capacity = _TIMES.unpack(data)
        return ChargingTime(fine, minutes, remaining, capacity * 100.0)
    if id == STATUS:
        return VehicleStatus(*_STATUS.unpack(data))
    if id == BATTERY_VOLTAGE:
        return MeasuredVoltage(int.from_bytes(data[:2], "little"))
    if id in (DYNAMIC, CHARGER_DYNAMIC):
        return DynamicControl(id, data[0], int.from_bytes(data[1:3], "little"))
    if id == CAPABILITY:
        welding, voltage, current, threshold = _CAPABILITY.unpack(data)
        return Capability(welding > 0, float(voltage), float(current), float(threshold))
    if id == CHARGER_STATUS:
        protocol, voltage, current, discharge, status, fine, coarse = _CHARGER.unpack(data)
        remaining = coarse * COARSE_SECONDS if fine == USE_COARSE else fine * FINE_SECONDS
        return ChargerStatus(protocol, float(voltage), float(current), status, None if fine == coarse == 0xFF else float(remaining), discharge & 1 > 0)
    if id == DISCHARGE:
        return Discharge(0xFF - data[0], int.from_bytes(data[4:6], "little"), data[6], data[7])
    if id == DISCHARGE_ENERGY:
        return DischargeEnergy(data[0])
    if id == DISCHARGE_CHARGER:
        return DischargeCharger(0xFF - data[0], int.from_bytes(data[1:3], "little"), 0xFF - data[3], int.from_bytes(data[6:8], "little"))
    if id == DISCHARGE_TIME:
        return DischargeTime(data[0], int.from_bytes(data[1:3], "little"))
    if id == MAKER:
        return Maker(bytes(data))
    raise WireError(f"CAN identifier 0x{id:03X}: expected one of CHAdeMO's")


def _octet(value: float) -> int:
    return int(min(0xFF, max(0.0, value)))


def _word(value: float) -> int:
    return int(min(0xFFFF, max(0.0, value)))
