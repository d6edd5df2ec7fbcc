"""Collects what the vehicle sends and says what of it may be believed now (chademo sheet 1.3 to 1.6)."""
from __future__ import annotations

from kernel.timer import NEVER
from tasks.chademo import timing as t
from tasks.chademo import wire
from tasks.signals import VehicleSays

FIRST_RATE = 240             # 100.6 before the vehicle has seen a charger frame (1.3)
SPOKEN = (1, 2, 3)           # protocol numbers of CHAdeMO (1.2); 0 is older than 0.9, 10 is private
CONTACTOR_BIT_FROM = 2       # 102.5.3 and 102.5.4 exist from 1.0 on (1.13)
KWH = 1000.0
LEAST_MINIMUM = 50           # V: a smaller 100.2-3 says nothing (1.3: mostly 0, one e-NV200 says 1)


class Vehicle:
    """One connection. `says` is a snapshot of what may be believed; the attributes are the last frames, None before the first."""

    def __init__(self, announced: int, voltage_in_0x100: bool = False) -> None:
        """`announced`: our own protocol number (109.0). `voltage_in_0x100`: octets 0 and 1 of 0x100 are the battery's voltage (sheet 1.3, private)."""
        self._private = voltage_in_0x100
        self.limits: wire.BatteryLimits | None = None
        self.times: wire.ChargingTime | None = None
        self.status: wire.VehicleStatus | None = None
        self.extension: wire.DynamicControl | None = None
        self.measured: float | None = None           # 0x103, V
        self.maker: bytes = b""
        self.discharge: wire.Discharge | None = None
        self.discharge_at = NEVER                    # of its last 0x200
        self.sequence: int | None = None             # 201.0, of the V2H guideline
        self.first_at = NEVER                        # of its first 0x102
        self.status_at = NEVER                       # of its last
        self.frames = 0                              # of 0x102
        self.told_at = NEVER                         # of our first 0x109
        self.frozen_target: float | None = None      # from d2 on the target stays (XPeng, sheet 1.5)
        self.known_as: tuple[int, ...] = ()          # its fingerprint at k and 102.5.0: target and capacity change later in some
        self._announced = announced

    def receive(self, message: wire.Message, now: int) -> None:
        """A frame of the vehicle; those of chargers are ignored."""
        kind = type(message)
        if kind is wire.VehicleStatus:
            self.status = message
            self.status_at = now
            self.frames += 1
            if self.first_at == NEVER:
                self.first_at = now
        elif kind is wire.BatteryLimits:
            self.limits = message
            if self._private:
                self.measured = float(message.private_voltage) or None
        elif kind is wire.ChargingTime:
            self.times = message
        elif kind is wire.DynamicControl and message.id == wire.DYNAMIC:
            self.extension = message
        elif kind is wire.MeasuredVoltage:
            self.measured = float(message.voltage) or None
        elif kind is wire.Maker:
            self.maker = message.content
        elif kind is wire.Discharge:
            self.discharge, self.discharge_at = message, now
        elif kind is wire.DischargeEnergy:
            self.sequence = message.sequence

    @property
    def complete(self) -> bool:
        """All three frames have come that a charger waits for (sheet 1.1)."""
        return self.limits is not None and self.times is not None and self.status is not None

    @property
    def protocol(self) -> int | None:
        """Effective number: the lower of both (sheet 1.2)."""
        return None if self.status is None else min(self.status.protocol, self._announced)

    @property
    def tells_contactors(self) -> bool:
        """102.5.3 has a meaning."""
        protocol = self.protocol
        return protocol is not None and protocol >= CONTACTOR_BIT_FROM

    @property
    def dynamic(self) -> bool:
        """It lets the available current fall while charging: 110.0.0, or 102.5.6 of the Leafs before (sheet 1.5, 1.9)."""
        if self.extension is not None:
            return self.extension.flags & wire.DYNAMIC_CONTROL > 0
        return self.status is not None and self.status.status & wire.ACCEPTS_DYNAMIC > 0

    def bit(self, mask: int) -> bool:
        """A bit of 102.5; False before the first frame."""
        return self.status is not None and self.status.status & mask > 0

    def contactors_closed(self, now: int) -> bool | None:
        """102.5.3 = 0; None where the bit does not exist, or has not settled since our first 0x109."""
        if self.status is None or not self.tells_contactors or now - self.told_at < t.STATUS_SETTLE:
            return None
        return not self.bit(wire.CONTACTOR_OPEN)

    def soc(self, now: int) -> float | None:
        """Percent, at most 100; None while the first frames carry nonsense (sheet 1.5: valid after 2.12 s)."""
        status, limits = self.status, self.limits
        if status is None or limits is None or now - self.first_at < t.VALUES_SETTLE or limits.rate_at_full == FIRST_RATE:
            return None
        if limits.rate_at_full == 0:
            return min(100.0, float(status.rate))
        return min(100.0, 100.0 * status.rate / limits.rate_at_full)

    @property
    def target_voltage(self) -> float | None:
        if self.frozen_target is not None:
            return self.frozen_target
        return float(self.status.target_voltage) if self.status is not None and self.status.target_voltage else None

    @property
    def max_voltage(self) -> float | None:
        """100.4-5; where that is below the target, just above it (sheet 2.4.3)."""
        target = self.target_voltage
        if self.limits is None or not self.limits.max_voltage:
            return None if target is None else target + 1.0
        return float(self.limits.max_voltage) if target is None or self.limits.max_voltage >= target else target + 1.0

    @property
    def min_voltage(self) -> float | None:
        """100.2-3, where it says anything."""
        return float(self.limits.min_voltage) if self.limits is not None and self.limits.min_voltage >= LEAST_MINIMUM else None

    @property
    def max_seconds(self) -> int:
        return 0 if self.times is None else self.times.max_seconds

    @property
    def current_request(self) -> float:
        return 0.0 if self.status is None else float(self.status.current_request)

    def fingerprint(self) -> tuple[int, ...]:
        """What tells this vehicle from others (sheet 4.4.4); 102.5.7 is left out, because some toggle it at random."""
        status, limits, times = self.status, self.limits, self.times
        if status is None or limits is None:
            return ()
        kwh = 0 if times is None else round(times.capacity / KWH)
        features = (self.extension is not None) | (self.discharge is not None) << 1 | (self.sequence is not None) << 2 | (status.status & wire.ACCEPTS_DYNAMIC > 0) << 3
        return int.from_bytes(self.maker, "big"), status.target_voltage, limits.max_voltage, kwh, features

    def says(self, now: int) -> VehicleSays:
        """Everything that may be believed. Before any frame: nothing."""
        status, limits, times = self.status, self.limits, self.times
        if status is None:
            return VehicleSays()
        return VehicleSays(
            protocol=self.protocol, target_voltage=self.target_voltage, max_voltage=self.max_voltage,
            min_voltage=self.min_voltage,
            max_current=None if limits is None or not limits.max_current or self._private else float(limits.max_current),
            current_request=self.current_request, soc=self.soc(now), capacity=None if times is None or not times.capacity else times.capacity,
            max_seconds=float(self.max_seconds) or None, remaining_seconds=None if times is None or not times.remaining_minutes else times.remaining_minutes * 60.0,
            battery_voltage=self.measured, dynamic=self.dynamic, extension=self.extension is not None, dynamic_bit=self.bit(wire.ACCEPTS_DYNAMIC), enabled=self.bit(wire.ENABLED), contactors_closed=self.contactors_closed(now),
            status=status.status, faults=status.faults, fingerprint=self.known_as)
