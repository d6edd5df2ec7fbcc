"""What a stop on one side means for the other (chademo sheet 3.8): one row for each cause that the CHAdeMO side knows."""
from __future__ import annotations

from typing import NamedTuple

from tasks.stop_reasons import StopReason as R


class Meaning(NamedTuple):
    """`urgent`: state B before the messages of the end. `error`: DC_EVErrorCode, told only with bridge.send_error_codes."""

    error: str = "NO_ERROR"
    urgent: bool = False


VEHICLE: dict[R, Meaning] = {
    R.CAR_STOP: Meaning(),
    R.CAR_STOP_BEFORE: Meaning(),
    R.CAR_TIME_OVER: Meaning(),
    R.CAR_THRESHOLD: Meaning(),
    R.CAR_OVER_VOLTAGE: Meaning("FAILED_ChargingVoltageOutOfRange"),
    R.CAR_UNDER_VOLTAGE: Meaning("FAILED_ChargingVoltageOutOfRange"),
    R.CAR_CURRENT_DEVIATION: Meaning("FAILED_ChargingCurrentdifferential"),
    R.CAR_TEMPERATURE: Meaning("FAILED_RESSTemperatureInhibit"),
    R.CAR_VOLTAGE_DEVIATION: Meaning("FAILED_ChargingVoltageOutOfRange"),
    R.CAR_NOT_PARKED: Meaning("FAILED_EVShiftPosition"),
    R.CAR_FAULT: Meaning("FAILED_EVRESSMalfunction"),
    R.CAR_INCOMPATIBLE: Meaning("FAILED_ChargingSystemIncompatibility"),
    R.CAR_VERSION: Meaning("FAILED_ChargingSystemIncompatibility"),
    R.CAR_SILENT_CAN: Meaning("FAILED_EVRESSMalfunction", urgent=True),
    R.CAR_NO_CAN: Meaning("FAILED_EVRESSMalfunction"),
    R.CAR_NO_PERMISSION: Meaning("FAILED_EVRESSMalfunction"),
    R.CAR_PERMISSION_STUCK: Meaning("FAILED_EVRESSMalfunction"),
    R.CAR_CONTACTORS: Meaning("FAILED_EVRESSMalfunction"),
    R.CAR_NO_REQUEST: Meaning("FAILED_EVRESSMalfunction"),
    R.CAR_PLUG_NOT_LOCKED: Meaning("FAILED_ChargerConnectorLockFault"),
    R.CAR_PLUG_LIVE: Meaning(urgent=True),
    R.BRIDGE_NO_POWER: Meaning(),
    R.BRIDGE_NOT_JOINED: Meaning(urgent=True),
    R.CHARGER_NO_CURRENT: Meaning("FAILED_ChargingCurrentdifferential"),
    R.CHARGER_OVERCURRENT: Meaning("FAILED_ChargingCurrentdifferential", urgent=True),
    R.CHARGER_DRAWS: Meaning("FAILED_ChargingCurrentdifferential", urgent=True),
    R.DISCHARGE_OVERCURRENT: Meaning("FAILED_ChargingCurrentdifferential"),
    R.DISCHARGE_VOLTAGE: Meaning(),
    R.DISCHARGE_LEVEL: Meaning(),
    R.NOT_CONFIRMED: Meaning(urgent=True),
    R.SAFETY_TRIP: Meaning(urgent=True),
    R.INTERNAL_ERROR: Meaning(urgent=True),
}
"""Causes of the CCS side and of people come from there and end the CHAdeMO side in order, whatever they are (sheet 2.6)."""


def meaning(reason: R) -> Meaning:
    """A cause that is not in the table ends in order."""
    return VEHICLE.get(reason, Meaning())
