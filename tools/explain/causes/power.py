"""Causes from the cable check to the charging loop and the welding check."""

from __future__ import annotations

from tasks.stop_reasons import StopReason as R
from tools.explain.causes.cause import INFERRED, POSSIBLE, SEEN, Cause, Found, nothing, seconds, stopped_at, told, unfinished, volts
from tools.explain.causes.matching import REPLUG
from tools.explain.causes.messages import POWER_CODES, SEND
from tools.explain.evidence import MATCH_V, Evidence, Side

LIVE_V = 60.0  # S6
MARGIN_A = 10.0  # S16
REVERSE_A = -5.0  # S5
IDLE_S = 5.0  # of a loop without current: a charger ramps up within 2 s
LONG = 5.0  # s of PreCharge: what a charger has to manage it in
PATIENCE = 3.0  # s: a charge that goes on for longer has not ended because of it
OVERSHOOT_V = 50.0  # a charger that regulates badly stays below that (safety sheet 6: 20 V)
FIELD_CHECK = 20.0  # s: more than any recorded one (15 s)


def _isolation(e: Evidence) -> Found | None:
    fault = e.first("isolation", "Fault")
    failed = next((s for s in e.signs if s.kind == "failed" and s.message == "CableCheckRes" and s.text in ("FAILED",)), None)
    if fault is not None:
        return told(e, fault, f"The charger found an insulation fault (isolation Fault in {fault.message})", ("FAILED in CableCheckRes",) if failed else ())
    if failed is not None:
        step = e.step("CableCheck")
        pro = [f"isolation {e.isolation}"] if e.isolation else []
        if step is not None:
            pro.append(f"after {seconds(step.took)} of measuring")
        return told(e, failed, "The cable check failed (CableCheckRes with FAILED)", pro)
    return None


def _endless(e: Evidence) -> Found | None:
    step = e.step("CableCheck")
    if step is None or stopped_at(e, "CableCheck") is None or step.ongoing < step.answers or step.answers < 3 or e.charged:
        return None
    long = step.took > FIELD_CHECK
    if not long and e.ending.closed_by is None and e.ending.after < 2:
        return None
    return Found(
        SEEN if long else INFERRED,
        f"The cable check did not end: the charger said Ongoing {step.ongoing} times, for {seconds(step.took)}",
        ("8 to 15 s are usual, the limit is 40 s",),
        () if long else ("it ended before that was long",),
        step.ended,
    )


def _not_ready(e: Evidence) -> Found | None:
    sign = e.first("not ready")
    if sign is None or sign.message != "CableCheckRes" or e.step("PreCharge") is not None:
        return None
    return Found(
        SEEN + 10,
        "The charger finished the cable check and said in the same answer that it is not ready (EVSE_NotReady)",
        ("the car waited for EVSE_Ready and never asked for PreCharge",),
        (),
        sign.at,
    )


def _left_c(e: Evidence) -> Found | None:
    """What a charger sees of a car that gives up; or the pilot itself."""
    line = next((line for line in e.box.lines if "car left state C" in line.text), None) if e.box is not None else None
    if line is None or e.ending.stop_asked is not None:
        return None
    con = ("a car that gives up for another reason does the same",)
    return Found(INFERRED, "The car went back to state B in the middle of the session", (f"our journal: {line.text}",), con, line.at)


def _never_reached(e: Evidence) -> bool:
    v = e.precharge
    return v.target is not None and v.answers > 0 and not v.near and v.last is not None and v.last < v.target


def _precharge(e: Evidence) -> Found | None:
    step, v = e.step("PreCharge"), e.precharge
    if step is None or stopped_at(e, "PreCharge") is None or not v.answers or v.target is None or not _never_reached(e):
        return None
    limit = "within 7 s of PreCharge" if step.took > 7 else f"in {seconds(step.took)} of PreCharge"
    at = (
        f"it stayed at {volts(v.highest)}"
        if v.highest is not None and v.first is not None and v.highest - v.first < MATCH_V
        else f"its voltage came up to {volts(v.highest)}"
    )
    long = step.took > LONG
    return Found(
        SEEN if long else INFERRED,
        f"The charger did not reach {volts(v.target)} {limit}; {at}",
        (f"{v.answers} answers, the last one {volts(v.last)}; PreCharge took {seconds(step.took)}, usual are 0.7 to 8.5 s",),
        (),
        step.ended,
    )


def _disagree(e: Evidence) -> Found | None:
    step, v = e.step("PreCharge"), e.precharge
    if step is None or stopped_at(e, "PreCharge") is None or v.near < 3 or not (unfinished(e) or not e.charged):
        return None
    if step.took < 5 and v.near < 8 and e.ending.session_stop is None:
        return None
    return Found(
        SEEN,
        f"The charger reported {volts(v.last)}, which is what the car wanted ({volts(v.target)}), {v.near} times, and the car did not close its contactors",
        ("so the car measures something else at its inlet, or its contactors did not close",),
        (),
        step.ended,
    )


def _precharge_failed(e: Evidence) -> Found | None:
    sign = next((s for s in e.signs if s.kind == "failed" and s.message == "PreChargeRes" and s.text == "FAILED"), None)
    return told(e, sign, "The charger answered FAILED in PreChargeRes", (f"its voltage was {volts(e.precharge.last)} of {volts(e.precharge.target)}",))


def _refused(e: Evidence) -> Found | None:
    sign = next((s for s in e.signs if s.kind == "failed" and (s.message == "PowerDeliveryRes" and s.text == "FAILED" or s.text in POWER_CODES)), None)
    return told(e, sign, f"The charger refused to deliver power ({sign.text} in {sign.message})" if sign else "")


def _no_current(e: Evidence) -> Found | None:
    p = e.power
    if not p.rounds or p.idle < IDLE_S or p.asked_a is None:
        return None
    if p.delivered_a is not None and p.delivered_a >= 0.5 and p.idle < p.seconds / 2:
        return Found(INFERRED, f"The current stopped {seconds(p.idle)} before the end although the car asked for more", (f"asked for up to {p.asked_a:.0f} A",))
    return Found(
        SEEN, f"No current flowed for {seconds(p.idle)}, although the car asked for {p.asked_a:.0f} A", (f"the charger's voltage was {volts(p.voltage)}",)
    )


def _excess(e: Evidence) -> Found | None:
    p = e.power
    if p.excess_a is None or p.excess_a < MARGIN_A:
        return None
    near = p.excess_at is not None and _loop_end(e) - p.excess_at <= PATIENCE
    return Found(
        SEEN + 15 if near else POSSIBLE,
        f"The charger delivered {p.excess_a:.0f} A more than the car asked for",
        ("a car opens its contactors for that (limit 10 A for 10 s)",),
        () if near else ("the charge went on for long after it",),
        p.excess_at,
    )


def _loop_end(e: Evidence) -> float:
    step = e.step("CurrentDemand DC_ChargeLoop")
    return step.ended if step is not None else 0.0


def _reverse(e: Evidence) -> Found | None:
    p = e.power
    if p.lowest_a is None or p.lowest_a > REVERSE_A:
        return None
    last = p.last_a is not None and p.last_a <= REVERSE_A
    return Found(
        SEEN + 15 if last else POSSIBLE,
        f"Current flowed out of the car ({p.lowest_a:.0f} A by the charger's meter)",
        ("it did when the charge ended: unasked, a car ends that",) if last else (),
        () if last else ("the charge went on after it",),
    )


def _overshoot(e: Evidence) -> Found | None:
    v, step = e.precharge, stopped_at(e, "PreCharge")
    if v.target is None or v.highest is None or v.last is None or step is None:
        return None
    if v.last > v.target + MATCH_V and step.took > LONG:
        what = f"The charger's voltage stood at {volts(v.last)} at the end of PreCharge, where the car wanted {volts(v.target)}"
        return Found(SEEN + 5, what, (f"{v.answers} answers in {seconds(step.took)}; a car closes within 20 V only",), (), step.ended)
    if v.highest < v.target + OVERSHOOT_V:
        return None
    return Found(
        SEEN + 10 if v.last == v.highest or v.last is not None and v.last > v.target + OVERSHOOT_V else POSSIBLE,
        f"The charger's voltage ran away in PreCharge: {volts(v.highest)} where the car wanted {volts(v.target)}",
    )


def _stays(e: Evidence) -> Found | None:
    v = e.welding
    if v.last is None or v.last <= LIVE_V or v.answers < 3:
        return None
    falls = v.first is not None and v.first - v.last > 0.1 * v.first
    return Found(
        POSSIBLE if falls else SEEN + 15,
        f"The voltage stayed at {volts(v.last)} after the contactors were to be open ({v.answers} rounds of WeldingDetection)",
        (),
        ("it was falling",) if falls else (),
    )


CAUSES = (
    Cause(
        "cable_check_isolation",
        Side.LINK,
        "moisture or damage in plug, inlet or cable, or the car's own insulation monitor is still on and pulls the value down",
        (
            "Look into plug and inlet: dry and clean them.",
            "Own box: the car's insulation monitor has to be off while state C is on (permitted again after charging).",
            REPLUG,
            "The same at another charger? Then it is in the car.",
        ),
        "safety sheet S19, S20; ccs32clara #60",
        _isolation,
        (r"cable check ends with isolation Fault", r"charger answered FAILED in state CableCheck"),
        (R.CABLE_CHECK_FAILED,),
        11,
    ),
    Cause(
        "cable_check_endless",
        Side.CHARGER,
        "the charger waits for something: the lock, the proximity resistor in the plug (Supercharger), state C, or its voltage does not come up",
        (
            "Push the plug in and hold it while it locks.",
            "Own box: check the resistor between PP and PE, the lock and its switch, and the pilot's state C.",
            "Use another charger.",
        ),
        "safety sheet 6; S14",
        _endless,
        (r"state CableCheck took too long",),
        (R.CABLE_CHECK_FAILED,),
        11,
    ),
    Cause(
        "cable_check_not_ready",
        Side.CHARGER,
        "a fault in the charger's program: some cars (Audi) take Finished with EVSE_NotReady as not finished",
        ("Update the charger's software: CableCheckRes(Finished) has to carry EVSE_Ready.", "Use another charger."),
        "field sheet 7.1, OpenV2Gx 0244f1a",
        _not_ready,
        (),
        (),
        11,
    ),
    Cause(
        "state_c_not_seen",
        Side.LINK,
        "the pilot's switch, its wire or its contact",
        ("Own box: measure the pilot: 6 V in state C.", REPLUG),
        "safety sheet S10",
        _left_c,
        (),
        (R.CAR_LEFT_C,),
        14,
    ),
    Cause(
        "precharge_not_reached",
        Side.CHARGER,
        "the charger's power stage does not come up: off, limited, regulating badly without a load, or short-circuited by the car's side",
        (REPLUG, "Use another charger.", "Own box: is the target the battery's voltage, and are the contactors open?"),
        "safety sheet S4; field sheet 7.2",
        _precharge,
        (),
        (R.PRECHARGE_TIMEOUT,),
        12,
    ),
    Cause(
        "precharge_overshoot",
        Side.CHARGER,
        "the charger regulates too high or badly without a load, or its voltmeter shows too much",
        (REPLUG, "Use another charger.", "Own box: what was the inlet's voltage by its own voltmeter?"),
        "safety sheet 6, S12",
        _overshoot,
        (),
        (R.PRECHARGE_TIMEOUT,),
        5,
    ),
    Cause(
        "precharge_disagreement",
        Side.CHARGER,
        "the voltage that the charger reports is not at the inlet: its output contactor is open, its voltmeter is wrong, or it only says so",
        (
            "Measure at the inlet (or look at the own box's inlet voltage) while PreCharge runs.",
            "Own box: check the inlet voltmeter and its calibration.",
            "Use another charger.",
        ),
        "safety sheet 3.3; field sheet 7.3, Model Y and Polestar 2",
        _disagree,
        (r"charger reports another voltage than the inlet has",),
        (R.PRECHARGE_TIMEOUT,),
        12,
    ),
    Cause(
        "precharge_failed",
        Side.CHARGER,
        "the charger found a fault while it raised its voltage",
        (REPLUG, "Use another charger."),
        "slac-and-network.md 7",
        _precharge_failed,
        (),
        (R.FAILED_RESPONSE,),
        12,
    ),
    Cause(
        "power_refused",
        Side.CHARGER,
        "the charger's contactor or power stage is not ready, or it missed state C",
        (REPLUG, "Use another charger.", SEND),
        "field sheet 6",
        _refused,
        (),
        (R.FAILED_RESPONSE,),
    ),
    Cause(
        "no_current",
        Side.CHARGER,
        "the contactors of one side are open, or the charger's power stage is off; cars end a loop without current after some minutes",
        ("Own box: look at contactor feedback and at the two voltages.", "Use another charger."),
        "field sheet 7.3, Ioniq: 600 s",
        _no_current,
        (),
        (R.CHARGER_NO_CURRENT,),
    ),
    Cause(
        "current_excess",
        Side.CHARGER,
        "the charger does not follow the current that is asked for",
        ("Use another charger.", "Own box: lower ev.max_current_a."),
        "safety sheet S16",
        _excess,
        (),
        (),
        4,
    ),
    Cause(
        "current_reverse",
        Side.CHARGER,
        "a bidirectional charger draws, or the charger's voltage fell below the battery's",
        ("Switch discharging off at the charger.", "Own box: bridge.discharge_a, if it is wanted."),
        "safety sheet S5; chademo sheet 1.10",
        _reverse,
    ),
    Cause(
        "power_stage_silent",
        Side.BOX,
        "the link to the charger's power stage or meter is broken, or it has no supply",
        ("Check the power stage's bus and supply.", "main.py doctor; python -m tools.bench_io inputs --watch."),
        "tasks/v2g",
        nothing,
        (r"power stage does not answer",),
    ),
    Cause(
        "voltage_stays",
        Side.CHARGER,
        "the charger keeps its voltage up after the end (seen with Numbat), or a contactor is welded",
        (
            "Press the charger's emergency stop; wait until the plug is released.",
            "Do not pull at the plug while there is voltage.",
            "Comes it again at other chargers: have the contactors looked at.",
        ),
        "safety sheet 6, Numbat; S6",
        _stays,
        (r"still [\d.]+ V after \d+ rounds of welding detection",),
        (),
        24,
    ),
)
