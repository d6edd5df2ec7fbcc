"""What is expected of each class of faults: reasons of both sides, and how long from the fault to state B where state C was on the line.

The table is for people; `objections` checks an outcome against its row and against what holds for every case. Where the box
surprised the writer and was right, the row says why. Bounds of time come from the message timeouts (tasks/v2g/timing.py) and
the samples of the sensors (50 ms), plus two ticks.
"""
from __future__ import annotations

from dataclasses import dataclass

from kernel.scheduler import TICK
from kernel.timer import MS, S
from tasks.stop_reasons import NORMAL_ENDS, StopReason
from tests.matrix.trial import Outcome

REACTION = 2 * TICK
SAMPLE = 50 * MS + REACTION              # a sensor is read, the supervisor acts
OPENING = 3 * S + 200 * MS               # state B to contacts open: current_wait, travel (safety.pev)
UNLOCKING = 5 * S                        # state B to unlocked, all devices sound: 500 V to 60 V takes 1 s, the motor 0.6 s

GOOD = frozenset({"USER_STOP"})                          # the session went on until the driver pressed stop
CHARGER_GOOD = frozenset({"CAR_STOP", "BATTERY_FULL", "CAR_ERROR"})
GONE = frozenset({"TCP_CLOSED", "TCP_RESET", "TCP_TIMEOUT", "TIMEOUT", "LINK_LOST", "COMMUNICATION_SETUP_TIMEOUT"})
"""What a side says whose peer has left."""
CAR_LEFT = GONE | {"CAR_STOP", "CAR_LEFT_C", "CAR_ERROR", "BATTERY_FULL", "UNPLUGGED"}
CHARGER_LEFT = GONE | {"FAILED_RESPONSE", "CHARGER_MALFUNCTION", "CHARGER_SHUTDOWN", "CHARGER_STOP", "CABLE_CHECK_FAILED", "NO_PILOT", "UNKNOWN_SESSION"}
UP = frozenset({None, "NO_PILOT", "NO_CHARGER_SLAC", "NO_LINK", "SLAC_FAILED", "SDP_FAILED", "NO_MODEM"})
"""Ends before there was a session."""


@dataclass(frozen=True, slots=True)
class Row:
    """`car`, `charger`: allowed reasons when the session does not go on. `harmless`: it may go on. `b`: ns to state B."""

    words: str
    car: frozenset = frozenset()
    charger: frozenset = frozenset()
    harmless: bool = False
    b: int | None = None


def _row(words: str, car: str = "", charger: str = "", *, harmless: bool = False, b: int | None = None, gone: bool = True) -> Row:
    """Names separated by blanks; `gone`: each side may also have been left by the other."""
    return Row(words, frozenset(car.split()) | (GONE if gone and car else frozenset()),
               frozenset(charger.split()) | (CAR_LEFT if gone and car else frozenset()), harmless, b)


MESSAGE = 6 * S + REACTION               # the longest message timeout (PowerDelivery, field)
ROWS: dict[str, Row] = {
    # --- line
    "none": _row("nothing happens", harmless=True),
    "frame": _row("one frame lost, twice, late, cut or with a wrong checksum: TCP mends it", harmless=True),
    "matching": _row("the same without TCP: repetitions of SLAC, SDP and ND mend it, or the rung is given up",
                     "NO_CHARGER_SLAC SLAC_FAILED NO_LINK SDP_FAILED TCP_REFUSED", "SLAC_FAILED NO_LINK", harmless=True),
    "split": _row("one message in two or many segments", harmless=True),
    "stranger": _row("a foreign MAC, a second SLAC, blind RST and SYN, old data: the session does not notice", harmless=True),
    "blackout": _row("nothing passes for 1 s, 8 s or ever: TCP mends what is short, else the message timeout",
                     "NO_CHARGER_SLAC SLAC_FAILED NO_LINK SDP_FAILED", "NO_LINK SLAC_FAILED", harmless=True, b=MESSAGE + 2 * S),
    "rst": _row("the stream is reset: at once; when only the other side was told, with the first repetition of what was sent", "TCP_RESET", "TCP_RESET", b=S),
    "fin": _row("one side closes within the session; the other may still talk, then the message timeout", "TCP_CLOSED", "TCP_CLOSED", harmless=True, b=MESSAGE),
    # --- messages
    "silence": _row("no answer, no request: the message timeout; a request that stays away is the charger's sequence timeout",
                    "TIMEOUT", "TIMEOUT", harmless=True, b=MESSAGE),
    "late": _row("an answer after 1 s may be in time, after 65 s it is not", "TIMEOUT", "TIMEOUT", harmless=True, b=MESSAGE),
    "twice": _row("the same message again is out of sequence", "SEQUENCE_ERROR BAD_MESSAGE", "SEQUENCE_ERROR BAD_MESSAGE", harmless=True, b=MESSAGE),
    "header": _row("a V2GTP header that cannot be: at once; a length that is too large is silence", "BAD_MESSAGE", "BAD_MESSAGE", b=MESSAGE),
    "octets": _row("EXI octets changed or cut: mostly no message; what still is one may mean anything that the message may mean",
                   "BAD_MESSAGE SEQUENCE_ERROR UNKNOWN_SESSION FAILED_RESPONSE BAD_VALUE NO_COMMON_PROTOCOL INCOMPATIBLE_VOLTAGE CABLE_CHECK_FAILED "
                   "CHARGER_SHUTDOWN CHARGER_STOP CHARGER_EMERGENCY CHARGER_MALFUNCTION CHARGER_UTILITY PRECHARGE_TIMEOUT CAR_STOP",
                   "BAD_MESSAGE SEQUENCE_ERROR UNKNOWN_SESSION BAD_VALUE NO_COMMON_PROTOCOL INCOMPATIBLE_VOLTAGE", harmless=True, b=40 * S),
    "type": _row("another message than the one that is due: at once", "SEQUENCE_ERROR FAILED_RESPONSE", "SEQUENCE_ERROR", harmless=True, b=MESSAGE),
    "session": _row("another session id: at once; in SessionSetup it is no error (a car's first id is ignored, a charger's is new)",
                    "UNKNOWN_SESSION", "UNKNOWN_SESSION", harmless=True, b=REACTION),
    "failed": _row("a FAILED code: at once; after PowerDelivery(stop) it changes nothing any more", "FAILED_RESPONSE UNKNOWN_SESSION CABLE_CHECK_FAILED",
                   "", harmless=True, b=REACTION),
    "status": _row("EVSE_Shutdown and UtilityInterrupt: the orderly end; reserved codes: told, not obeyed",
                   "CHARGER_SHUTDOWN CHARGER_STOP CHARGER_UTILITY", "", harmless=True, b=MESSAGE),
    "urgent": _row("EVSE_EmergencyShutdown and EVSE_Malfunction: state B at once, whatever the phase", "CHARGER_EMERGENCY CHARGER_MALFUNCTION", "", b=REACTION),
    "ongoing": _row("Ongoing for ever: the limit of the state", "ONGOING_TIMEOUT CABLE_CHECK_FAILED FAILED_RESPONSE", "SEQUENCE_ERROR ONGOING_TIMEOUT",
                    harmless=True, b=40 * S + REACTION),
    "value": _row("a value that cannot be true, or that is true and stops; most values are no reason to stop (the car believes its own sensors)",
                  "BAD_VALUE FAILED_RESPONSE INCOMPATIBLE_VOLTAGE CHARGER_STOP CABLE_CHECK_FAILED PRECHARGE_TIMEOUT SEQUENCE_ERROR CAR_STOP CAR_ERROR "
                  "NO_COMMON_PROTOCOL SAFETY_TRIP",
                  "BAD_VALUE SEQUENCE_ERROR INCOMPATIBLE_VOLTAGE SAFETY_TRIP", harmless=True, b=40 * S),
}

HEARD = " FAILED_RESPONSE CHARGER_SHUTDOWN"       # what a car that has left state C may hear from its charger before it says so itself
CAR_TRIP = "SAFETY_TRIP NOT_CONFIRMED" + HEARD
# A charger that has tripped takes its 5 % PWM away after 2.5 s: a trip of the car where no message told it before (SAFETY_TRIP).
# A charger that lacks a permit raises no voltage and says so after 5 s (its reason: NOT_CONFIRMED).
CHARGER_TRIP = "CHARGER_MALFUNCTION CHARGER_EMERGENCY CABLE_CHECK_FAILED PRECHARGE_TIMEOUT SAFETY_TRIP" + HEARD
CABLE_CHECK = 40 * S + REACTION
PERMIT = 8 * S                           # a permit or a voltmeter that the charger lacks: 5 s, the interval of its poll and of the car's
SILENCE = 3 * S + 2 * S                  # BATTERY_SILENCE_LIMIT; signals of the battery are stale after up to 2 s
PRECHARGE = 42 * S                       # cable check and the patience of precharge
LIKE_VOLTMETER = "PRECHARGE_TIMEOUT " + CAR_TRIP
PLANT: dict[str, Row] = {
    # --- the car's devices
    "car-contactor-stuck": _row("does not close: trip after its travel time; does not open: trip, stays locked", CAR_TRIP, "", harmless=True, b=PRECHARGE),
    "car-contactor-welded": _row("found when it should open: trip, stays locked", CAR_TRIP, "", harmless=True, b=PRECHARGE),
    "car-contactor-feedback-broken": _row("unknown is not closed and not open", CAR_TRIP, "", harmless=True, b=500 * MS + SAMPLE),
    "car-contactor-feedback-on": _row("closed without a command: trip", CAR_TRIP, "", harmless=True, b=500 * MS + SAMPLE),
    "car-contactor-feedback-off": _row("not confirmed closed: trip", CAR_TRIP, "", harmless=True, b=PRECHARGE),
    "car-contactor-refuses": _row("a driver that refuses: trip", CAR_TRIP, "", harmless=True, b=PRECHARGE),
    "car-lock-stuck": _row("not confirmed locked: no state C", CAR_TRIP, "", harmless=True, b=6 * S),
    "car-lock-feedback-broken": _row("unknown is not locked", CAR_TRIP, "", harmless=True, b=6 * S),
    "car-lock-feedback-off": _row("not locked", CAR_TRIP, "", harmless=True, b=6 * S),
    "car-lock-feedback-on": _row("reads locked although it may not be: cannot be known", CAR_TRIP, "", harmless=True),
    "car-lock-refuses": _row("a driver that refuses: trip", CAR_TRIP, "", harmless=True, b=6 * S),
    "car-inlet-voltmeter-disconnected": _row("unknown: trip while armed; stays locked", LIKE_VOLTMETER, "", harmless=True, b=SAMPLE),
    "car-inlet-voltmeter-stuck": _row("never matches, or cannot be known while it matches", LIKE_VOLTMETER, "", harmless=True, b=PRECHARGE),
    "car-inlet-voltmeter-high": _row("charger and inlet disagree: never closes, or mismatch", LIKE_VOLTMETER, "", harmless=True, b=PRECHARGE),
    "car-inlet-voltmeter-low": _row("charger and inlet disagree: never closes, or mismatch", LIKE_VOLTMETER, "", harmless=True, b=PRECHARGE),
    "car-inlet-voltmeter-drifting": _row("mismatch or overvoltage sooner or later", LIKE_VOLTMETER, "", harmless=True, b=PRECHARGE),
    "car-inlet-voltmeter-noisy": _row("closes when it matches by chance, opens again when it does not", LIKE_VOLTMETER, "", harmless=True, b=PRECHARGE),
    "car-pilot-monitor-disconnected": _row("unknown: trip while armed", CAR_TRIP + " NO_PILOT", "", harmless=True, b=200 * MS + SAMPLE),
    "car-pilot-wire-broken": _row("state A at both ends", "SAFETY_TRIP UNPLUGGED" + HEARD, "UNPLUGGED SAFETY_TRIP", harmless=True, b=200 * MS + SAMPLE),
    "car-pilot-short": _row("state E", CAR_TRIP + " NO_PILOT UNPLUGGED", "UNPLUGGED CABLE_CHECK_FAILED SAFETY_TRIP", harmless=True, b=200 * MS + SAMPLE),
    "car-pilot-switch-refuses": _row("a driver that refuses: trip; state C cannot be left, the contactors open at the bound",
                                     CAR_TRIP, "", harmless=True),
    "car-sensors-stale": _row("what is old is unknown after 500 ms, the pilot after 200 ms: trip while armed", CAR_TRIP + " NO_PILOT", "", harmless=True,
                              b=200 * MS + SAMPLE),
    "car-battery-stale": _row("the same after 500 ms (2 s for its limits)", "SAFETY_TRIP BATTERY_SILENT NOT_CONFIRMED CAR_STOP" + HEARD, "",
                              harmless=True, b=SILENCE),
    "car-battery-silent": _row("permission and data lost: trip while powered; before, the end after 3 s",
                               "SAFETY_TRIP BATTERY_SILENT NOT_CONFIRMED CAR_STOP" + HEARD, "", harmless=True, b=SILENCE),
    "car-battery-forbids": _row("no permission: the orderly end before power, trip while powered", "CAR_STOP SAFETY_TRIP" + HEARD, "", harmless=True, b=MESSAGE),
    "car-stop-button": _row("the person wants the end", "USER_STOP " + CAR_TRIP, "USER_STOP", harmless=True, b=SAMPLE),
    "car-stop-button-disconnected": _row("unknown is pressed", CAR_TRIP, "", harmless=True, b=SAMPLE),
    "car-inlet-hot": _row("too hot: trip while armed", CAR_TRIP, "", harmless=True, b=SAMPLE),
    "car-unplugged-by-force": _row("state A at both ends: an emergency; the damage was done by the hand", "UNPLUGGED SAFETY_TRIP" + HEARD, "UNPLUGGED SAFETY_TRIP", harmless=True,
                                   b=SAMPLE),
    # --- the charger's devices
    "charger-meter-disconnected": _row("unknown: trip while it delivers, no cable check, FAILED", CHARGER_TRIP, "NOT_CONFIRMED SAFETY_TRIP CABLE_CHECK_FAILED ONGOING_TIMEOUT",
                                       harmless=True, b=PERMIT),
    "charger-meter-stuck": _row("cable check never reaches its voltage; later cannot be known", CHARGER_TRIP,
                                "NOT_CONFIRMED SAFETY_TRIP CABLE_CHECK_FAILED", harmless=True, b=PRECHARGE),
    "charger-meter-high": _row("reports another voltage than the inlet has", CHARGER_TRIP, "NOT_CONFIRMED SAFETY_TRIP CABLE_CHECK_FAILED",
                               harmless=True, b=PRECHARGE),
    "charger-meter-low": _row("reports another voltage than the inlet has", CHARGER_TRIP, "NOT_CONFIRMED SAFETY_TRIP CABLE_CHECK_FAILED",
                              harmless=True, b=PRECHARGE + 5 * S),
    "charger-meter-drifting": _row("overvoltage, or the car sees the difference", CHARGER_TRIP, "NOT_CONFIRMED SAFETY_TRIP CABLE_CHECK_FAILED",
                                   harmless=True, b=PRECHARGE),
    "charger-meter-noisy": _row("the car decides by its own voltmeter", CHARGER_TRIP, "NOT_CONFIRMED SAFETY_TRIP CABLE_CHECK_FAILED",
                                harmless=True, b=PRECHARGE),
    "charger-pilot-monitor-disconnected": _row("unknown: output off", CHARGER_TRIP + " NO_PILOT", "NOT_CONFIRMED SAFETY_TRIP CABLE_CHECK_FAILED",
                                               harmless=True, b=CABLE_CHECK),
    "charger-pwm-lost": _row("the car stops within 3 s while powered (IEC 61851-1); before, it waits", CAR_TRIP + " NO_PILOT", "", harmless=True,
                             b=15 * S),
    "charger-pilot-off": _row("state F", CAR_TRIP + " NO_PILOT", "NOT_CONFIRMED SAFETY_TRIP CABLE_CHECK_FAILED", harmless=True, b=200 * MS + SAMPLE),
    "charger-pilot-source-refuses": _row("no PWM: no digital communication; later: trip when it should change", CHARGER_TRIP + " NO_PILOT", "SAFETY_TRIP",
                                         harmless=True, b=CABLE_CHECK),
    "charger-stage-refuses": _row("trip", CHARGER_TRIP, "NOT_CONFIRMED SAFETY_TRIP CABLE_CHECK_FAILED", harmless=True, b=CABLE_CHECK),
    "charger-stage-stuck-on": _row("does not switch off: both find the voltage; the plug stays locked", CHARGER_TRIP,
                                   "NOT_CONFIRMED SAFETY_TRIP CABLE_CHECK_FAILED", harmless=True, b=CABLE_CHECK),
    "charger-stage-too-high": _row("regulates 80 V too high: no match, or the battery holds it down", CHARGER_TRIP + " NOT_CONFIRMED",
                                   "NOT_CONFIRMED SAFETY_TRIP CABLE_CHECK_FAILED", harmless=True, b=PRECHARGE),
    "charger-lock-stuck": _row("not confirmed locked: nothing is energised", CHARGER_TRIP, "NOT_CONFIRMED SAFETY_TRIP CABLE_CHECK_FAILED", harmless=True, b=PERMIT),
    "charger-lock-feedback-broken": _row("unknown is not locked", CHARGER_TRIP, "NOT_CONFIRMED SAFETY_TRIP CABLE_CHECK_FAILED", harmless=True, b=PERMIT),
    "charger-lock-feedback-off": _row("not locked", CHARGER_TRIP, "NOT_CONFIRMED SAFETY_TRIP CABLE_CHECK_FAILED", harmless=True, b=PERMIT),
    "charger-lock-feedback-on": _row("reads locked although it may not be: cannot be known", CHARGER_TRIP, "NOT_CONFIRMED SAFETY_TRIP CABLE_CHECK_FAILED", harmless=True),
    "charger-lock-refuses": _row("a driver that refuses: trip", CHARGER_TRIP, "NOT_CONFIRMED SAFETY_TRIP CABLE_CHECK_FAILED", harmless=True, b=PERMIT),
    "charger-sensors-stale": _row("what is old is unknown: output off, no cable check, FAILED", CHARGER_TRIP + " NO_PILOT",
                                  "NOT_CONFIRMED SAFETY_TRIP CABLE_CHECK_FAILED ONGOING_TIMEOUT", harmless=True, b=PERMIT),
    "charger-isolation-low": _row("cable check fails; later a trip after its hold", CHARGER_TRIP, "NOT_CONFIRMED SAFETY_TRIP CABLE_CHECK_FAILED", harmless=True, b=CABLE_CHECK),
    "charger-stop-button": _row("the person wants the end", CHARGER_TRIP + " CHARGER_STOP NO_CHARGER_SLAC NO_PILOT", "USER_STOP NOT_CONFIRMED SAFETY_TRIP CABLE_CHECK_FAILED",
                                harmless=True, b=PERMIT),
    "charger-stop-button-disconnected": _row("unknown is pressed", CHARGER_TRIP, "NOT_CONFIRMED SAFETY_TRIP CABLE_CHECK_FAILED", harmless=True, b=PERMIT),
}

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


def parts(group: str) -> tuple[str, str]:
    """(class of the message's fault or "", name of the plant's fault or "") of a case's group."""
    if group.startswith("plant:"):
        return "", group[6:]
    if group.startswith("pair:"):
        _, first, second = group.split(":")
        return first, second
    return group, ""


def objections(o: Outcome) -> list[str]:
    """Sentences about what is not as expected; none: the case is passed."""
    if o.error:
        return [o.error]
    first, plant = parts(o.group)
    found = [f"invariant: {b}" for b in o.broken] + [f"task raised: {f}" for f in o.faults]
    if not o.at_rest:
        found.append("not at rest: " + ", ".join(o.still))
    if plant not in BY_HAND:
        travelling = plant.startswith("charger-") and any(state in o.name for state in TRAVELLING)
        excused = ("inrush",) * (plant in BLIND or travelling) + ("opened_under_current",) * (plant in UNSTOPPABLE)
        found += [f"damage: {d}" for d in o.damage if not d.startswith(excused)]
    if o.live_at_end and not o.locked_at_end and plant not in LIES | BY_HAND:
        found.append("live at the end and not locked")
    m = o.moments
    if m.opened is not None and m.state_b is not None and m.opened - m.state_b > OPENING:
        found.append(f"opened {(m.opened - m.state_b) / S:.2f} s after state B")
    if not plant:
        if m.state_b is not None and m.unlocked is not None and m.unlocked - m.state_b > UNLOCKING:
            found.append(f"unlocked {(m.unlocked - m.state_b) / S:.2f} s after state B")
        found += [f"the {whose} keeps the plug locked" for whose, locked in (("car", o.locked_at_end), ("charger", o.charger_locked_at_end)) if locked]
    rows = [r for r in (ROWS.get(first), PLANT.get(plant)) if r is not None]
    if not rows:
        return [*found, f"nothing is expected of {o.group}"]
    found += _ends(o, rows)
    return found


def _ends(o: Outcome, rows: list[Row]) -> list[str]:
    car, charger = o.reasons["pev"], o.reasons["evse"]
    stopped = o.stopped or any(r.harmless for r in rows)
    allowed_car = frozenset().union(*(r.car for r in rows)) | (GOOD if stopped else frozenset())
    allowed_charger = frozenset().union(*(r.charger for r in rows)) | (CHARGER_GOOD if stopped else frozenset())
    if not o.session:
        allowed_car, allowed_charger = allowed_car | UP, allowed_charger | UP
    found = []
    if car not in allowed_car:
        found.append(f"the car says {car}")
    if charger not in allowed_charger:
        found.append(f"the charger says {charger}")
    if rows[0].harmless and not rows[0].car and len(rows) == 1 and (car not in GOOD or charger not in CHARGER_GOOD):
        found.append(f"the session did not go on: {car}, {charger}")
    for role, reason in (("car", car), ("charger", charger)):
        if reason is not None and StopReason[reason] not in NORMAL_ENDS and o.ends["pev" if role == "car" else "evse"] == "Finished":
            found.append(f"the {role} is Finished although it says {reason}")
    bounds = [r.b for r in rows if r.b is not None]
    if o.armed and car not in GOOD and not o.stopped and bounds and rows[-1].b is not None:
        if o.moments.state_b is None:
            found.append("state C to the end")
        elif o.moments.state_b > max(bounds):
            found.append(f"state B {o.moments.state_b / S:.2f} s after the fault, expected within {max(bounds) / S:.2f} s")
    return found
