"""The Protocols of a bridge's CHAdeMO plug, beside those of drivers/interfaces.py and under the same contract."""
from __future__ import annotations

from typing import Protocol


class VehicleVoltmeter(Protocol):
    """A bridge's second voltmeter: at the CHAdeMO plug, on the vehicle's side of the bridge contactor. May have `measured_at`, as a Voltmeter."""

    errors: int

    def vehicle_voltage(self, now: int) -> float | None:
        """V between DC+ and DC- at the CHAdeMO plug."""
        ...


class VehicleInputs(Protocol):
    """What a CHAdeMO vehicle says by wire (chademo sheet 7.1)."""

    errors: int

    def charge_permission(self, now: int) -> bool | None:
        """Switch k: True while the vehicle pulls pin 4 to ground, which permits charging."""
        ...

    def plug_present(self, now: int) -> bool | None:
        """The CHAdeMO plug is in the vehicle; None where nothing tells it."""
        ...


class ChargeSequence(Protocol):
    """CHAdeMO's charge sequence signals. Held by tasks/safety only."""

    errors: int

    def set_d1(self, on: bool, now: int) -> bool:
        """Signal 1: +12 V on pin 2. The vehicle wakes up."""
        ...

    def set_d2(self, on: bool, now: int) -> bool:
        """Signal 2: pin 10 to ground. The vehicle may close its contactors, whose coils it feeds from 1 and 2."""
        ...
