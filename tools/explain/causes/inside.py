"""Causes that only our own box can know: what it could not confirm, its battery's data, and the CHAdeMO side of a bridge."""

from __future__ import annotations

from tasks.stop_reasons import StopReason as R
from tools.explain.causes.cause import REASON, Cause, Found, nothing
from tools.explain.causes.trips import _phrase, _sentence
from tools.explain.evidence import Evidence, Side

SIDES = {
    R.NOT_CONFIRMED: Side.BOX,
    R.BATTERY_SILENT: Side.CAR,
    R.INTERNAL_ERROR: Side.BOX,
    R.SAFETY_TRIP: Side.BOX,
    R.COMMUNICATION_SETUP_TIMEOUT: Side.LINK,
    R.READY_TO_CHARGE_TIMEOUT: Side.PERSON,
    R.CAR_SILENT_CAN: Side.CAR,
    R.CAR_NO_CAN: Side.CAR,
    R.CAR_NO_PERMISSION: Side.CAR,
    R.CAR_PERMISSION_STUCK: Side.BOX,
    R.CAR_INCOMPATIBLE: Side.CHARGER,
    R.CAR_VERSION: Side.CAR,
    R.CAR_STOP_BEFORE: Side.CAR,
    R.CAR_OVER_VOLTAGE: Side.CAR,
    R.CAR_UNDER_VOLTAGE: Side.CAR,
    R.CAR_CURRENT_DEVIATION: Side.CHARGER,
    R.CAR_TEMPERATURE: Side.CAR,
    R.CAR_VOLTAGE_DEVIATION: Side.BOX,
    R.CAR_NOT_PARKED: Side.PERSON,
    R.CAR_FAULT: Side.CAR,
    R.CAR_CONTACTORS: Side.CAR,
    R.CAR_NO_REQUEST: Side.CAR,
    R.CAR_PLUG_NOT_LOCKED: Side.BOX,
    R.CAR_PLUG_LIVE: Side.BOX,
    R.BRIDGE_NO_POWER: Side.CHARGER,
    R.BRIDGE_NOT_JOINED: Side.BOX,
    R.CHARGER_OVERCURRENT: Side.CHARGER,
    R.CHARGER_NO_CURRENT: Side.CHARGER,
    R.CHARGER_DRAWS: Side.CHARGER,
    R.DISCHARGE_OVERCURRENT: Side.CHARGER,
}
"""Whose matter a reason of our own is that no message shows."""
CODES = {R.CAR_CONTACTORS: 16, R.CHARGER_OVERCURRENT: 4, R.CAR_PLUG_NOT_LOCKED: 1}


WORDS = {R.INTERNAL_ERROR: (r"the supervisor itself failed", r"fault reported by")}


def _confirmed(e: Evidence) -> Found | None:
    """With what was lacking, where the journal says it."""
    box = e.box
    told = next((at for at, reason in box.reasons if reason is R.NOT_CONFIRMED), None) if box is not None else None
    if box is None or told is None:
        return None
    if not box.waits:
        return Found(REASON - 8, "Our box ended it: what it waited for was not confirmed in time", (), (), told)
    first, _, text, hint = box.waits[-1]
    return Found(REASON - 8, f"Our own box did not go on: {text}", (hint,), (), first)


def _cause(reason: R) -> Cause:
    first, *rest = [part.strip() for part in reason.hint.replace("? ", "?. ").split(". ") if part.strip()]
    return Cause(
        f"box_{reason.name.lower()}",
        SIDES[reason],
        _phrase(first),
        tuple(_sentence(part) for part in rest) or (_sentence(first),),
        f"tasks/stop_reasons.py, {reason.name}",
        _confirmed if reason is R.NOT_CONFIRMED else nothing,
        WORDS.get(reason, ()),
        (reason,),
        CODES.get(reason),
    )


CAUSES = tuple(_cause(reason) for reason in SIDES)
