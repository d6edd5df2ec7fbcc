"""Causes that one side has told in a word of the standard: EVSEStatusCode of the charger, EVErrorCode of the car."""

from __future__ import annotations

from tasks.stop_reasons import StopReason as R
from tools.explain.causes.cause import LATER, REMARK, TOLD, Cause, Found, seconds, told, volts
from tools.explain.causes.matching import REPLUG
from tools.explain.evidence import Evidence, Side, Sign

SHEET = "field sheet 3.4"


def _status(e: Evidence, word: str, what: str) -> Found | None:
    sign = e.first("status", word)
    if sign is None:
        return None
    pro = [f"{word} in {sign.message}, {seconds(sign.at)} after the beginning"]
    if sign.message == "PreChargeRes" and e.precharge.target is not None:
        pro.append(f"its voltage was {volts(e.precharge.highest)} at most, of {volts(e.precharge.target)}")
    return told(e, sign, what.format(place=sign.message.removesuffix("Res")), pro, _own(e))


def _own(e: Evidence) -> int:
    """The score of a word that our own box may have said: then its journal knows why."""
    own = e.box is not None and e.box.role == "evse" and (e.box.trips or any(reason is R.NOT_CONFIRMED for _, reason in e.box.reasons))
    return TOLD - LATER if own else TOLD


def _shutdown(e: Evidence) -> Found | None:
    """EVSE_Shutdown before anything was charged; in the charging loop it is how a charger stops in order (ends.py)."""
    sign = e.first("status", "EVSE_Shutdown")
    stop = e.ending.stop_asked
    if sign is not None and stop is not None and sign.at >= stop:
        return None  # the answer to a car that ends
    if sign is None or e.charged or sign.message in ("WeldingDetectionRes", "SessionStopRes"):
        return None
    if e.first("failed") is not None and e.first("failed").at <= sign.at:  # type: ignore[union-attr]
        return told(e, sign, f"The charger shut down in {sign.message}", (), TOLD - 20)
    own = e.box is not None and e.box.role == "evse"  # our own box said it, and knows why
    return told(e, sign, f"The charger shut down in {sign.message}, before any power", (f"EVSE_Shutdown in {sign.message}",), TOLD - LATER if own else TOLD)


def _car(e: Evidence, *codes: str) -> Found | None:
    sign = next((s for s in e.signs if s.kind == "car error" and (s.text in codes or not codes and s.text not in KNOWN)), None)
    return _car_found(e, sign)


def _car_found(e: Evidence, sign: Sign | None) -> Found | None:
    if sign is None:
        return None
    pro = [f"{sign.text} in {sign.message}, {seconds(sign.at)} after the beginning"]
    if sign.text == "FAILED_ChargingCurrentdifferential" and e.power.idle > 2:
        pro.append(f"no current had flowed for {seconds(e.power.idle)}")
    found = told(e, sign, f"The car reported {sign.text} in {sign.message}", pro, TOLD)
    if found is not None and REMARK < found.score < TOLD - 15:
        found.score = TOLD - 15  # an orderly end is what an error of the car leads to: it stays the reason
    return found


KNOWN = (
    "FAILED_RESSTemperatureInhibit",
    "FAILED_EVShiftPosition",
    "FAILED_ChargerConnectorLockFault",
    "FAILED_EVRESSMalfunction",
    "FAILED_ChargingCurrentdifferential",
    "FAILED_ChargingVoltageOutOfRange",
    "FAILED_ChargingSystemIncompatibility",
)
DISPLAY = "Look at the car's display and its error memory."

CAUSES = (
    Cause(
        "charger_emergency",
        Side.CHARGER,
        "the emergency stop at the charger was pressed, or it found a fault of its own (seen with Compleo: voltage runs away without a load)",
        ("Release the emergency stop at the charger.", REPLUG, "Use another charger."),
        SHEET,
        lambda e: _status(e, "EVSE_EmergencyShutdown", "The charger made an emergency stop in {place}"),
        (r"EVSE_EmergencyShutdown",),
        (R.CHARGER_EMERGENCY,),
        8,
    ),
    Cause(
        "charger_malfunction",
        Side.CHARGER,
        "a defect of the charger",
        ("Use another charger, and tell the operator.",),
        SHEET,
        lambda e: _status(e, "EVSE_Malfunction", "The charger reported a defect of its own in {place}"),
        (r"EVSE_Malfunction",),
        (R.CHARGER_MALFUNCTION,),
    ),
    Cause(
        "charger_utility",
        Side.CHARGER,
        "the grid operator or the site's load management took the power away",
        ("Try again later, or elsewhere.",),
        SHEET,
        lambda e: _status(e, "EVSE_UtilityInterruptEvent", "The charger reported that the grid operator interrupted, in {place}"),
        (r"EVSE_UtilityInterruptEvent",),
        (R.CHARGER_UTILITY,),
    ),
    Cause(
        "charger_shutdown",
        Side.CHARGER,
        "stopped at its screen or by its back end, or a condition of its own was not met",
        (REPLUG, "Authorise anew.", "Use another charger."),
        SHEET,
        _shutdown,
        (),
        (R.CHARGER_SHUTDOWN,),
    ),
    Cause(
        "car_too_hot",
        Side.CAR,
        "the battery is too hot or too cold to be charged",
        ("Let it cool down (or drive it warm), then plug in again.",),
        "DIN 70121 DC_EVErrorCode",
        lambda e: _car(e, "FAILED_RESSTemperatureInhibit"),
        (r"FAILED_RESSTemperatureInhibit",),
        (R.CAR_TEMPERATURE,),
    ),
    Cause(
        "car_not_parked",
        Side.PERSON,
        "the car is not in park",
        ("Shift to P, set the brake, plug in again.",),
        "DIN 70121 DC_EVErrorCode",
        lambda e: _car(e, "FAILED_EVShiftPosition"),
        (r"FAILED_EVShiftPosition",),
        (R.CAR_NOT_PARKED,),
    ),
    Cause(
        "car_lock",
        Side.CAR,
        "the car's lock did not close on the plug",
        ("Push the plug in while it locks; look for dirt or ice in the inlet.", DISPLAY),
        "DIN 70121 DC_EVErrorCode",
        lambda e: _car(e, "FAILED_ChargerConnectorLockFault"),
        (r"FAILED_ChargerConnectorLockFault",),
        (R.CAR_PLUG_NOT_LOCKED,),
        1,
    ),
    Cause(
        "car_battery_fault",
        Side.CAR,
        "the car's battery management reports a fault",
        ("Switch the car off and on.", DISPLAY),
        "DIN 70121 DC_EVErrorCode",
        lambda e: _car(e, "FAILED_EVRESSMalfunction"),
        (r"FAILED_EVRESSMalfunction",),
        (R.CAR_FAULT,),
    ),
    Cause(
        "car_current",
        Side.CAR,
        "the current was not what the car asked for, or none came at all",
        ("Own box as charger: is there a load, and is the reported current the true one?", "Use another charger."),
        "field sheet 7.3, Ioniq: after 600 s without current",
        lambda e: _car(e, "FAILED_ChargingCurrentdifferential"),
        (r"FAILED_ChargingCurrentdifferential",),
        (R.CAR_CURRENT_DEVIATION,),
    ),
    Cause(
        "car_voltage",
        Side.CAR,
        "the voltage was outside of what the car allows",
        ("Use another charger.", DISPLAY),
        "DIN 70121 DC_EVErrorCode",
        lambda e: _car(e, "FAILED_ChargingVoltageOutOfRange"),
        (r"FAILED_ChargingVoltageOutOfRange",),
        (R.CAR_VOLTAGE_DEVIATION,),
    ),
    Cause(
        "car_incompatible",
        Side.CAR,
        "the car does not take this charger's range or mode",
        ("Use another charger.",),
        "DIN 70121 DC_EVErrorCode",
        lambda e: _car(e, "FAILED_ChargingSystemIncompatibility"),
        (r"FAILED_ChargingSystemIncompatibility",),
        (R.CAR_INCOMPATIBLE,),
    ),
    Cause(
        "car_error",
        Side.CAR,
        "the car reported an error without a name in the standard",
        (DISPLAY, REPLUG),
        "DIN 70121 DC_EVErrorCode",
        lambda e: _car(e),
        (rf"car reports (?!{'|'.join(KNOWN)})",),
        (R.CAR_ERROR,),
    ),
)
