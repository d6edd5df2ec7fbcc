"""Ends that need no remedy, and records that say too little to judge."""

from __future__ import annotations

from tasks.stop_reasons import StopReason as R
from tools.explain.causes.cause import INFERRED, POSSIBLE, REASON, REMARK, SEEN, TOLD, Cause, Found, nothing, place, seconds
from tools.explain.evidence import Evidence, Side

SOON = 2.0  # s: within V2G_EVCC_Msg_Timeout nothing is overdue


def _orderly(e: Evidence) -> bool:
    """Power was delivered, and the session ended as the standard has it."""
    return (e.charged or e.power.rounds > 3) and (
        e.ending.session_stop is not None or e.ending.stop_asked is not None and e.step("WeldingDetection") is not None
    )


def _asked_to_stop(e: Evidence) -> bool:
    """The charger had asked for it before the car did it."""
    stop = e.ending.stop_asked if e.ending.stop_asked is not None else e.ending.session_stop
    signs = [s for s in (e.first("status", "EVSE_Shutdown"), e.first("notification", "StopCharging")) if s is not None and s.message in LOOP_ANSWERS]
    return stop is not None and any(s.at <= stop for s in signs)


LOOP_ANSWERS = ("CurrentDemandRes", "ChargingStatusRes", "DC_ChargeLoopRes", "AC_ChargeLoopRes", "MeteringReceiptRes")


def _flow(e: Evidence) -> str:
    p = e.power
    parts = [f"{seconds(p.seconds)} of charging"]
    if p.energy_wh is not None:
        parts.append(f"{p.energy_wh / 1000:.2f} kWh")
    if p.delivered_a is not None:
        parts.append(f"up to {p.delivered_a:.0f} A")
    if p.soc_last is not None:
        parts.append(f"{p.soc_last:.0f} % at the end")
    return ", ".join(parts)


def _by_car(e: Evidence) -> Found | None:
    if not _orderly(e) or _asked_to_stop(e) or e.ending.paused:
        return None
    return Found(SEEN + 8, f"Charged in order ({_flow(e)}); the car ended it", (), (), e.ending.stop_asked)


def _by_charger(e: Evidence) -> Found | None:
    if not _orderly(e) or not _asked_to_stop(e):
        return None
    return Found(SEEN + 10, f"Charged in order ({_flow(e)}); the charger asked for the end", (), (), e.ending.stop_asked)


def _paused(e: Evidence) -> Found | None:
    if not e.ending.paused:
        return None
    return Found(TOLD, f"Charged ({_flow(e)}), then paused by the car (SessionStopReq with Pause)", (), (), e.ending.session_stop)


def _unplugged(e: Evidence) -> Found | None:
    """Every record of our box ends so; in the middle of something it is the reason."""
    told = next((at for at, reason in e.box.reasons if reason is R.UNPLUGGED), None) if e.box is not None else None
    if told is None or e.box is None:
        return None
    alone = all(reason is R.UNPLUGGED for _, reason in e.box.reasons) and not e.box.trips and not _orderly(e)
    return Found(REASON if alone else REMARK, "The plug was pulled", ("our box gives no other reason",) if alone else (), (), told)


def _going_on(e: Evidence) -> Found | None:
    """The record ends in the middle of a charge."""
    end = e.ending
    if not e.charged or end.session_stop is not None or end.stop_asked is not None or end.closed_by is not None or end.after > SOON:
        return None
    return Found(SEEN, f"The record ends while it still charges ({_flow(e)})", ("nothing was wrong until then",))


def _cut(e: Evidence) -> Found | None:
    end = e.ending
    if (
        e.charged
        or end.session_stop is not None
        or end.closed_by is not None
        or end.after > SOON
        or e.network.refused
        or e.slac.parm_requests > 2
        and not e.messages
    ):
        return None
    if not (e.messages or e.network.sdp_requests or e.slac.parm_requests or e.slac.parm_answers):
        return None
    return Found(INFERRED, f"The record ends in {place(e)}, {seconds(end.after)} after its last message: what came then is not in it")


def _hidden(e: Evidence) -> Found | None:
    """What a listener with an ordinary modem cannot hear."""
    if e.tier != "a" or e.box is not None and e.box.role:
        return None
    both = e.car_messages and e.charger_messages
    matched = e.slac.match_answers or e.network.sdp_answers
    if both or e.messages > 3 and not e.gaps or not (matched or e.messages):
        return None
    return Found(SEEN + 20, "Most of the conversation is hidden from whoever made this record", e.blind[:2], (), None)


def _encrypted(e: Evidence) -> Found | None:
    if not e.network.tls_records or e.messages:
        return None
    return Found(
        SEEN + 20,
        f"The conversation is encrypted (TLS, {e.network.tls_records} records): its messages cannot be read",
        (f"it lasted {seconds(e.duration)} and closed without a reset",) if e.ending.closed_how != "RST" else (),
    )


def _holes(e: Evidence) -> Found | None:
    if not e.gaps or e.ending.session_stop is not None:
        return None
    return Found(POSSIBLE, f"The record misses parts of the conversation ({e.gaps} gaps)")


def _empty(e: Evidence) -> Found | None:
    if e.box is not None and (e.box.reasons or e.box.trips or e.box.checkpoints):
        return None
    s, n = e.slac, e.network
    if (
        s.parm_requests
        or s.parm_answers
        or s.reports
        or s.match_answers
        or n.sdp_requests
        or n.sdp_answers
        or n.syns
        or n.accepted
        or n.tls_records
        or e.messages
    ):
        return None
    return Found(SEEN, "Nothing of a charging session is in this record")


RECORD = ("Record at the controller's own interface, or with a tap (README, Listening: tier b).",)
NOTHING_TO_DO = ("Nothing to do.",)

CAUSES = (
    Cause(
        "charged_car_ended",
        Side.CAR,
        "the battery reached its target, or its driver stopped it",
        NOTHING_TO_DO,
        "field sheet 6",
        _by_car,
        (),
        (R.BATTERY_FULL, R.CAR_STOP, R.CAR_TIME_OVER, R.CAR_THRESHOLD, R.DISCHARGE_LEVEL, R.DISCHARGE_VOLTAGE),
        in_order=True,
    ),
    Cause(
        "charged_charger_ended",
        Side.CHARGER,
        "somebody stopped it at the charger or in the app, or its limit was reached",
        NOTHING_TO_DO,
        "field sheet 6",
        _by_charger,
        (),
        (R.CHARGER_STOP,),
        in_order=True,
    ),
    Cause(
        "stopped_by_user",
        Side.PERSON,
        "somebody at the box asked for the end",
        NOTHING_TO_DO,
        "tasks/stop_reasons.py",
        nothing,
        (),
        (R.USER_STOP,),
        in_order=True,
    ),
    Cause(
        "paused",
        Side.CAR,
        "the car, its driver or its timer interrupts the charge",
        ("Leave it plugged in: it goes on by itself.",),
        "slac-and-network.md 2.7",
        _paused,
        (),
        (R.PAUSED, R.CAR_PAUSE),
        in_order=True,
    ),
    Cause(
        "soc_read",
        Side.BOX,
        "the wallbox reads the state of charge and goes on with plain PWM",
        NOTHING_TO_DO,
        "tasks/stop_reasons.py",
        nothing,
        (),
        (R.SOC_READ,),
        in_order=True,
    ),
    Cause("unplugged", Side.PERSON, "somebody pulled the plug", ("Plug in again.",), "tasks/stop_reasons.py", _unplugged, (), ()),
    Cause("still_charging", Side.RECORD, "whoever recorded it stopped before the charge did", NOTHING_TO_DO, "field sheet 11", _going_on, in_order=True),
    Cause("record_cut", Side.RECORD, "whoever recorded it stopped too early", ("Record for a minute longer.",), "field sheet 11", _cut, judged=False),
    Cause(
        "record_hidden", Side.RECORD, "an ordinary modem hides what is not for it", RECORD, "slac-and-network.md 2.9; field sheet 1.8", _hidden, judged=False
    ),
    Cause(
        "record_encrypted",
        Side.RECORD,
        "car and charger speak TLS",
        ("Only the two sides have the keys; look at their own logs.",),
        "field sheet 11",
        _encrypted,
        judged=False,
    ),
    Cause("record_gaps", Side.RECORD, "the recording computer was too slow, or hears one side badly", RECORD, "tasks/listen/stream.py", _holes, judged=False),
    Cause(
        "record_empty",
        Side.RECORD,
        "another interface, another time, or a car that charges by the pilot alone",
        ("Record from before plugging in, on the modem's interface.",),
        "field sheet 11",
        _empty,
        judged=False,
    ),
)
