"""What speaks against charging this vehicle, before and while it charges (chademo sheet 2.4, 2.5); pure questions, each with its answer in words."""
from __future__ import annotations

from typing import NamedTuple

from kernel.timer import S
from tasks.bridge.config import BridgeConfig
from tasks.chademo import wire
from tasks.chademo.vehicle import SPOKEN, Vehicle
from tasks.signals import ChargerOffer
from tasks.stop_reasons import StopReason

CURRENT_MARGIN = 10.0        # A above the request (2.5)
PRIVATE = 10                 # 102.0 of johu's cars (1.2)

FAULTS = ((wire.OVER_VOLTAGE, StopReason.CAR_OVER_VOLTAGE), (wire.UNDER_VOLTAGE, StopReason.CAR_UNDER_VOLTAGE),
          (wire.CURRENT_DEVIATION, StopReason.CAR_CURRENT_DEVIATION), (wire.OVER_TEMPERATURE, StopReason.CAR_TEMPERATURE),
          (wire.VOLTAGE_DEVIATION, StopReason.CAR_VOLTAGE_DEVIATION))
"""Bits of 102.4: each one is an order to stop (1.5)."""


class Refusal(NamedTuple):
    """Why not, and with which numbers."""

    reason: StopReason
    text: str


def incompatible(vehicle: Vehicle, offer: ChargerOffer, config: BridgeConfig) -> Refusal | None:
    """After k and 102.5.0, with values that have settled (2.4)."""
    status, limits = vehicle.status, vehicle.limits
    if status is None or limits is None:
        return Refusal(StopReason.CAR_NO_CAN, "the car has not sent 0x100 and 0x102")
    if status.protocol not in SPOKEN and not (status.protocol == 0 and config.accept_protocol_0):
        more = "; 10 is the private one of cars that bring their own voltage" if status.protocol == PRIVATE else ""
        return Refusal(StopReason.CAR_VERSION, f"the car announces protocol number {status.protocol}; expected 1 to 3{more}")
    target = vehicle.target_voltage
    if target is None:
        return Refusal(StopReason.CAR_INCOMPATIBLE, "the car names no target voltage (102.1-2 is 0)")
    if target > offer.voltage:
        return Refusal(StopReason.CAR_INCOMPATIBLE, f"the car's target is {target:.0f} V, available are {offer.voltage:.0f} V")
    if vehicle.min_voltage is not None and vehicle.min_voltage < offer.min_voltage:
        return Refusal(StopReason.CAR_INCOMPATIBLE, f"the car's battery may be at {vehicle.min_voltage:.0f} V, the charger delivers nothing below {offer.min_voltage:.0f} V")
    if not vehicle.max_seconds:
        return Refusal(StopReason.CAR_INCOMPATIBLE, "the car allows no charging time (101.1-2 are 0)")
    return None


def fault(status: wire.VehicleStatus) -> StopReason | None:
    """What 102.4 and 102.5 say is wrong."""
    for bit, reason in FAULTS:
        if status.faults & bit:
            return reason
    if status.status & wire.NOT_PARKED:
        return StopReason.CAR_NOT_PARKED
    return StopReason.CAR_FAULT if status.status & wire.SYSTEM_FAULT else None


def car_stop(vehicle: Vehicle, permission: bool | None, *, charged: bool, ignore_stop_before: bool) -> StopReason | None:
    """What the vehicle itself orders after it has permitted charging. `charged`: it has asked for current.

    A fault comes before its consequence: a car that faults takes its permission away in the same frame.
    """
    status = vehicle.status
    if status is None:
        return None
    why = fault(status)
    if why is not None:
        return why
    if not charged and not ignore_stop_before and vehicle.tells_contactors and status.status & wire.STOP_BEFORE:
        return StopReason.CAR_STOP_BEFORE
    if permission is not True or not status.status & wire.ENABLED or not status.target_voltage:
        return StopReason.CAR_STOP
    return None


def beyond(threshold: float, voltage: float | None) -> StopReason | None:
    """The output is above what the vehicle was told as the threshold (in whole volts, as it was told)."""
    if voltage is not None and threshold > 0.0 and int(voltage) > threshold:
        return StopReason.CAR_THRESHOLD
    return None


def overcurrent(vehicle: Vehicle, offer: ChargerOffer) -> bool:
    """The charger delivers clearly more than was asked for."""
    return offer.present_current > vehicle.current_request + CURRENT_MARGIN


def longest(vehicle: Vehicle, config: BridgeConfig) -> int:
    """ns: how long may be charged, the vehicle's time or the configured one."""
    seconds = vehicle.max_seconds
    if config.max_charging_min:
        seconds = min(seconds, config.max_charging_min * 60)
    return seconds * S
