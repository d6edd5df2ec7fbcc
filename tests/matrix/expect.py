"""What is expected of each class of faults: reasons of both sides, and how long from the fault to state B where state C was on the line.

The table is for people; `objections` checks an outcome against its row and against what holds for every case. Where the box
surprised the writer and was right, the row says why. Bounds of time come from the message timeouts (tasks/v2g/timing.py) and
the samples of the sensors (50 ms), plus two ticks.
"""
from __future__ import annotations

from kernel.timer import MS, S
from tasks.stop_reasons import NORMAL_ENDS, StopReason
from tests.matrix import expect_plant, expect_tasks, task_faults
from tests.matrix.row import CHARGER_GOOD, GOOD, MESSAGE, REACTION, UP, Row, row
from tests.matrix.trial import Outcome

OPENING = 3 * S + 200 * MS               # state B to contacts open: current_wait, travel (safety.pev)
UNLOCKING = 5 * S                        # state B to unlocked, all devices sound: 500 V to 60 V takes 1 s, the motor 0.6 s

ROWS: dict[str, Row] = {
    # --- line
    "none": row("nothing happens", harmless=True),
    "frame": row("one frame lost, twice, late, cut or with a wrong checksum: TCP mends it", harmless=True),
    "matching": row("the same without TCP: repetitions of SLAC, SDP and ND mend it, or the rung is given up",
                    "NO_CHARGER_SLAC SLAC_FAILED NO_LINK SDP_FAILED TCP_REFUSED", "SLAC_FAILED NO_LINK", harmless=True),
    "split": row("one message in two or many segments", harmless=True),
    "stranger": row("a foreign MAC, a second SLAC, blind RST and SYN, old data: the session does not notice", harmless=True),
    "blackout": row("nothing passes for 1 s, 8 s or ever: TCP mends what is short, else the message timeout; a car that leaves C unheard fails a cable check",
                    "NO_CHARGER_SLAC SLAC_FAILED NO_LINK SDP_FAILED", "NO_LINK SLAC_FAILED CABLE_CHECK_FAILED", harmless=True, b=MESSAGE + 2 * S),
    "rst": row("the stream is reset: at once; when only the other side was told, with the first repetition of what was sent", "TCP_RESET", "TCP_RESET", b=S),
    "fin": row("one side closes within the session; the other may still talk, then the message timeout", "TCP_CLOSED", "TCP_CLOSED", harmless=True, b=MESSAGE),
    # --- messages
    "silence": row("no answer, no request: the message timeout; a request that stays away is the charger's sequence timeout",
                   "TIMEOUT", "TIMEOUT", harmless=True, b=MESSAGE),
    "late": row("an answer after 1 s may be in time, after 65 s it is not", "TIMEOUT", "TIMEOUT", harmless=True, b=MESSAGE),
    "twice": row("the same message again is out of sequence", "SEQUENCE_ERROR BAD_MESSAGE", "SEQUENCE_ERROR BAD_MESSAGE", harmless=True, b=MESSAGE),
    # the silence of a renegotiation (PowerDelivery, 6 s) is longer than the driver's patience: USER_STOP
    "header": row("a V2GTP header that cannot be: at once; a length that is too large is silence, in which the driver may press stop",
                  "BAD_MESSAGE USER_STOP", "BAD_MESSAGE", b=MESSAGE),
    "octets": row("EXI octets changed or cut: mostly no message; what still is one may mean anything that the message may mean",
                  "BAD_MESSAGE SEQUENCE_ERROR UNKNOWN_SESSION FAILED_RESPONSE BAD_VALUE NO_COMMON_PROTOCOL INCOMPATIBLE_VOLTAGE CABLE_CHECK_FAILED "
                  "CHARGER_SHUTDOWN CHARGER_STOP CHARGER_EMERGENCY CHARGER_MALFUNCTION CHARGER_UTILITY PRECHARGE_TIMEOUT CAR_STOP",
                  "BAD_MESSAGE SEQUENCE_ERROR UNKNOWN_SESSION BAD_VALUE NO_COMMON_PROTOCOL INCOMPATIBLE_VOLTAGE", harmless=True, b=40 * S),
    "type": row("another message than the one that is due: at once", "SEQUENCE_ERROR FAILED_RESPONSE", "SEQUENCE_ERROR", harmless=True, b=MESSAGE),
    "schema": row("another SchemaID: one that nobody has offered, or each side speaks another protocol and hears no message, or one that is none of its own",
                  "NO_COMMON_PROTOCOL", "BAD_MESSAGE SEQUENCE_ERROR", harmless=True, b=REACTION),
    # ISO 15118-2 alone: the body of a MeteringReceiptReq has one, too
    "session": row("another session id: at once; in SessionSetup it is no error (a car's first id is ignored, a charger's is new)",
                   "UNKNOWN_SESSION", "UNKNOWN_SESSION", harmless=True, b=REACTION),
    "failed": row("a FAILED code: at once; after PowerDelivery(stop) it changes nothing any more", "FAILED_RESPONSE UNKNOWN_SESSION CABLE_CHECK_FAILED",
                  "", harmless=True, b=REACTION),
    "status": row("EVSE_Shutdown and UtilityInterrupt: the orderly end; reserved codes: told, not obeyed",
                  "CHARGER_SHUTDOWN CHARGER_STOP CHARGER_UTILITY", "", harmless=True, b=MESSAGE),
    "urgent": row("EVSE_EmergencyShutdown and EVSE_Malfunction: state B at once, whatever the phase", "CHARGER_EMERGENCY CHARGER_MALFUNCTION", "", b=REACTION),
    "ongoing": row("Ongoing for ever: the limit of the state", "ONGOING_TIMEOUT CABLE_CHECK_FAILED FAILED_RESPONSE", "SEQUENCE_ERROR ONGOING_TIMEOUT",
                   harmless=True, b=40 * S + REACTION),
    # ISO 15118-2 alone: a last word that was changed to Pause is believed, CAR_PAUSE
    "value": row("a value that cannot be true, or that is true and stops; most values are no reason to stop (the car believes its own sensors)",
                  "BAD_VALUE FAILED_RESPONSE INCOMPATIBLE_VOLTAGE CHARGER_STOP CABLE_CHECK_FAILED PRECHARGE_TIMEOUT SEQUENCE_ERROR CAR_STOP CAR_ERROR "
                  "NO_COMMON_PROTOCOL SAFETY_TRIP",
                  "BAD_VALUE SEQUENCE_ERROR INCOMPATIBLE_VOLTAGE SAFETY_TRIP CAR_PAUSE", harmless=True, b=40 * S),
}

PLANT: dict[str, Row] = expect_plant.PLANT | expect_tasks.TASKS

LIES = frozenset({"car-contactor-feedback-off", "car-contactor-stuck", "car-contactor-welded", "car-lock-feedback-on", "car-lock-stuck", "car-lock-refuses"})
BY_HAND = frozenset({"car-unplugged-by-force"})
"""Their damage is the fault itself."""
UNSTOPPABLE = frozenset({"charger-stage-stuck-on", "charger-stage-refuses"})
"""The current does not end in whatever order the car asks: at the emergency bound its contactors are all that is left (I2)."""
TRAVELLING = ("@v2g.WaitContactorsClosed", "@safety.Closing")
"""A charger that switches off in the instant in which the car closes: its discharge resistor takes 27 V in the 40 ms that the
contacts travel (350 V, 5 kOhm, 100 uF), more than S1's 20 V; contacts that are on their way cannot be taken back in time."""
BLIND = frozenset(f"car-inlet-voltmeter-{how}" for how in ("stuck", "high", "low", "drifting", "noisy"))
"""The box closes by what its voltmeter says: an inrush of a wrong voltmeter cannot be avoided by one that believes it."""


MISLED = frozenset({"car-inlet-current-stuck", "car-inlet-current-noisy", "car-inlet-current-drifting", "car-inlet-voltmeter-stuck",
                    "charger-output-current-stuck", "charger-output-current-noisy", "charger-output-current-drifting", "charger-meter-stuck"})
"""Contacts open when the current is gone by what its sensor says; a sensor that says so wrongly cannot be told from a true one."""


def parts(group: str) -> tuple[str, str]:
    """(class of the message's fault or "", name of the plant's fault or "") of a case's group."""
    if group.startswith("plant:"):
        return "", group[6:]
    if group.startswith("pair:"):
        _, first, second = group.split(":")
        return first, second
    return group, ""


def always(o: Outcome) -> list[str]:
    """What holds in every case of every world: sentences about what did not."""
    plant = parts(o.group)[1]
    raised = task_faults.raised_by(plant)
    found = [f"invariant: {b}" for b in o.broken] + [f"task raised: {f}" for f in o.faults if f not in raised]
    found += [f"task did not raise: {f}" for f in raised if f not in o.faults]
    found += _trip(o, plant)
    if plant not in BY_HAND:
        travelling = plant.startswith("charger-") and any(state in o.name for state in TRAVELLING)
        excused = ("inrush",) * (plant in BLIND or travelling) + ("opened_under_current",) * (plant in UNSTOPPABLE | MISLED)
        found += [f"damage: {d}" for d in o.damage if not d.startswith(excused)]
    if o.live_at_end and not o.locked_at_end and plant not in LIES | BY_HAND:
        found.append("live at the end and not locked")
    m = o.moments
    if m.opened is not None and m.state_b is not None and m.opened - m.state_b > OPENING:
        found.append(f"opened {(m.opened - m.state_b) / S:.2f} s after state B")
    return found


def objections(o: Outcome) -> list[str]:
    """Sentences about what is not as expected; none: the case is passed."""
    if o.error:
        return [o.error]
    first, plant = parts(o.group)
    found, m = always(o), o.moments
    if not o.at_rest:
        found.append("not at rest: " + ", ".join(o.still))
    if not plant:
        if m.state_b is not None and m.unlocked is not None and m.unlocked - m.state_b > UNLOCKING:
            found.append(f"unlocked {(m.unlocked - m.state_b) / S:.2f} s after state B")
        found += [f"the {whose} keeps the plug locked" for whose, locked in (("car", o.locked_at_end), ("charger", o.charger_locked_at_end)) if locked]
    rows = [r for r in (ROWS.get(first), PLANT.get(plant)) if r is not None]
    if not rows:
        return [*found, f"nothing is expected of {o.group}"]
    found += ends(o, rows)
    return found


def _trip(o: Outcome, plant: str) -> list[str]:
    """A defect of the program has tripped its own supervisor, at once."""
    wanted = expect_tasks.must_trip(plant)
    if wanted is None:
        return []
    role, text, within = wanted
    at = o.moments.trip.get(role)
    if at is None or o.trips[role] != text:
        return [f"{role} did not trip: {text}"]
    return [f"{role} tripped {at / S:.2f} s after the fault, expected within {within / S:.2f} s"] if at > within else []


def ends(o: Outcome, rows: list[Row]) -> list[str]:
    car, charger = o.reasons["pev"], o.reasons["evse"]
    stopped = o.stopped or any(r.harmless for r in rows)
    allowed_car = frozenset().union(*(r.car for r in rows)) | (GOOD if stopped else frozenset())
    allowed_charger = frozenset().union(*(r.charger for r in rows)) | (CHARGER_GOOD if stopped else frozenset())
    if not o.session:
        allowed_car, allowed_charger = allowed_car | UP, allowed_charger | UP
    found = []
    if car not in allowed_car and "pev" not in o.mute:
        found.append(f"the car says {car}")
    if charger not in allowed_charger and "evse" not in o.mute:
        found.append(f"the charger says {charger}")
    if rows[0].harmless and not rows[0].car and len(rows) == 1 and (car not in GOOD or charger not in CHARGER_GOOD):
        found.append(f"the session did not go on: {car}, {charger}")
    for role, reason in (("car", car), ("charger", charger)):
        if reason is not None and StopReason[reason] not in NORMAL_ENDS and o.ends["pev" if role == "car" else "evse"] == "Finished":
            found.append(f"the {role} is Finished although it says {reason}")
    bounds = [r.powered if o.closed and r.powered is not None else r.b for r in rows if r.b is not None]
    if o.armed and car not in GOOD and not o.stopped and bounds and rows[-1].b is not None:
        if o.moments.state_b is None:
            found.append("state C to the end")
        elif o.moments.state_b > max(bounds):
            found.append(f"state B {o.moments.state_b / S:.2f} s after the fault, expected within {max(bounds) / S:.2f} s")
    return found
