"""What is expected of each fault of plant, sensors and actuators (plant_faults.py).

Ages come from tasks/signals.py, holds from tasks/safety/trips.py, patience from tasks/v2g/timing.py.
"""
from __future__ import annotations

from kernel.timer import MS, S
from tests.matrix.row import CABLE_CHECK, CAR_TRIP, CHARGER_SAYS, CHARGER_TRIP, CONFIRMATION, HEARD, MESSAGE, PERMIT, PRECHARGE, SAMPLE, Row, row

SILENCE = 3 * S + 2 * S                  # BATTERY_SILENCE_LIMIT; signals of the battery are stale after up to 2 s
AGE = 500 * MS + SAMPLE                  # a time stamp from the future is seen when the last good one has grown old, at the latest
SUPPLY = 100 * MS + SAMPLE               # SUPPLY_HOLD
ISOLATION = 10 * S + S + PERMIT          # ISOLATION_TEST from 100 V on; the ramp up to there; then the car is told
OVERCURRENT = 3 * S                      # 80 A/s from 0 A pass 135 A (S16) after 1.7 s; OVERCURRENT_HOLD 1 s; 0.25 s to tell the car
LIKE_VOLTMETER = "PRECHARGE_TIMEOUT " + CAR_TRIP


def _impossible(name: str, given: Row, future: Row) -> dict[str, Row]:
    """NaN, infinite, huge and hugely negative are unknown at once (tasks/sense/reading.py); a value from the future when its last is old."""
    return {**{f"{name}-{word}": given for word in ("nan", "inf", "huge", "negative-huge")}, f"{name}-future": future}


VOLTAGE = row("unknown: trip while armed; before, nothing closes", LIKE_VOLTMETER, "", harmless=True, b=SAMPLE)
CURRENT = row("unknown: no closing; trip while powered; without power nobody needs it", CAR_TRIP, "", harmless=True, b=CONFIRMATION, powered=SAMPLE)
TEMPERATURE = row("unknown: trip while armed", CAR_TRIP, "", harmless=True, b=SAMPLE)
DUTY = row("unknown: no beginning; in a session the state counts, which is measured apart", "NO_PILOT", "", harmless=True)
NOT_USED = row("a charger knows its own duty: what it measures of it decides nothing", harmless=True)
OUTPUT_VOLTAGE = row("unknown: trip while it delivers, no cable check, FAILED", CHARGER_TRIP, CHARGER_SAYS + " ONGOING_TIMEOUT", harmless=True, b=PERMIT)
OUTPUT_CURRENT = row("unknown: trip while it delivers; no permit to begin", CHARGER_TRIP, CHARGER_SAYS, harmless=True, b=PERMIT)
INSULATION = row("unknown for 10 s above 100 V: trip; a cable check does not end before", CHARGER_TRIP, CHARGER_SAYS, harmless=True, b=ISOLATION)
CANNOT_BE_KNOWN = row("a plausible value for ever: cannot be known by this sensor alone", CAR_TRIP, "", harmless=True)
CHARGERS_CANNOT_BE_KNOWN = row("a plausible value for ever: cannot be known by this sensor alone", CHARGER_TRIP, CHARGER_SAYS, harmless=True)

PLANT: dict[str, Row] = {
    # --- the car's devices
    "car-contactor-stuck": row("does not close: trip after its travel time; does not open: trip, stays locked", CAR_TRIP, "", harmless=True, b=PRECHARGE),
    "car-contactor-welded": row("found when it should open: trip, stays locked", CAR_TRIP, "", harmless=True, b=PRECHARGE),
    "car-contactor-feedback-broken": row("unknown is not closed and not open", CAR_TRIP, "", harmless=True, b=500 * MS + SAMPLE),
    "car-contactor-feedback-on": row("closed without a command: trip", CAR_TRIP, "", harmless=True, b=500 * MS + SAMPLE),
    "car-contactor-feedback-off": row("not confirmed closed: trip", CAR_TRIP, "", harmless=True, b=PRECHARGE),
    "car-contactor-refuses": row("a driver that refuses: trip", CAR_TRIP, "", harmless=True, b=PRECHARGE),
    "car-lock-stuck": row("not confirmed locked: no state C", CAR_TRIP, "", harmless=True, b=6 * S),
    "car-lock-feedback-broken": row("unknown is not locked", CAR_TRIP, "", harmless=True, b=6 * S),
    "car-lock-feedback-off": row("not locked", CAR_TRIP, "", harmless=True, b=6 * S),
    "car-lock-feedback-on": row("reads locked although it may not be: cannot be known", CAR_TRIP, "", harmless=True),
    "car-lock-refuses": row("a driver that refuses: trip", CAR_TRIP, "", harmless=True, b=6 * S),
    "car-inlet-voltmeter-disconnected": row("unknown: trip while armed; stays locked", LIKE_VOLTMETER, "", harmless=True, b=SAMPLE),
    "car-inlet-voltmeter-stuck": row("never matches, or cannot be known while it matches", LIKE_VOLTMETER, "", harmless=True, b=PRECHARGE),
    "car-inlet-voltmeter-high": row("charger and inlet disagree: never closes, or mismatch", LIKE_VOLTMETER, "", harmless=True, b=PRECHARGE),
    "car-inlet-voltmeter-low": row("charger and inlet disagree: never closes, or mismatch", LIKE_VOLTMETER, "", harmless=True, b=PRECHARGE),
    "car-inlet-voltmeter-drifting": row("mismatch or overvoltage sooner or later", LIKE_VOLTMETER, "", harmless=True, b=PRECHARGE),
    "car-inlet-voltmeter-noisy": row("closes when it matches by chance, opens again when it does not", LIKE_VOLTMETER, "", harmless=True, b=PRECHARGE),
    "car-pilot-monitor-disconnected": row("unknown: trip while armed", CAR_TRIP + " NO_PILOT", "", harmless=True, b=200 * MS + SAMPLE),
    "car-pilot-wire-broken": row("state A at both ends", "SAFETY_TRIP UNPLUGGED" + HEARD, "UNPLUGGED SAFETY_TRIP", harmless=True, b=200 * MS + SAMPLE),
    "car-pilot-short": row("state E", CAR_TRIP + " NO_PILOT UNPLUGGED", "UNPLUGGED CABLE_CHECK_FAILED SAFETY_TRIP", harmless=True, b=200 * MS + SAMPLE),
    "car-pilot-switch-refuses": row("a driver that refuses: trip; state C cannot be left, the contactors open at the bound",
                                    CAR_TRIP, "", harmless=True),
    "car-battery-silent": row("permission and data lost: trip while powered; before, the end after 3 s",
                              "SAFETY_TRIP BATTERY_SILENT NOT_CONFIRMED CAR_STOP" + HEARD, "", harmless=True, b=SILENCE),
    "car-battery-forbids": row("no permission: the orderly end before power, trip while powered", "CAR_STOP SAFETY_TRIP" + HEARD, "", harmless=True, b=MESSAGE),
    "car-stop-button": row("the person wants the end", "USER_STOP " + CAR_TRIP, "USER_STOP", harmless=True, b=SAMPLE),
    "car-stop-button-disconnected": row("unknown is pressed", CAR_TRIP, "", harmless=True, b=SAMPLE),
    "car-inlet-hot": row("too hot: trip while armed", CAR_TRIP, "", harmless=True, b=SAMPLE),
    "car-unplugged-by-force": row("state A at both ends: an emergency; the damage was done by the hand", "UNPLUGGED SAFETY_TRIP" + HEARD,
                                  "UNPLUGGED SAFETY_TRIP", harmless=True, b=SAMPLE),
    **_impossible("car-inlet-voltage", VOLTAGE, row("the same", LIKE_VOLTMETER, "", harmless=True, b=AGE)),
    "car-inlet-current-disconnected": CURRENT,
    "car-inlet-current-stuck": CANNOT_BE_KNOWN,
    "car-inlet-current-drifting": row("more than the battery allows for 1 s: trip; unknown above 600 A: nothing closes", CAR_TRIP, "", harmless=True,
                                      b=CONFIRMATION, powered=OVERCURRENT),
    "car-inlet-current-noisy": row("no direction for 1 s: borne; the opening waits for a reading below 1 A", CAR_TRIP, "", harmless=True),
    **_impossible("car-inlet-current", CURRENT, row("the same", CAR_TRIP, "", harmless=True, b=CONFIRMATION, powered=AGE)),
    "car-inlet-temperature-disconnected": TEMPERATURE,
    "car-inlet-temperature-stuck": CANNOT_BE_KNOWN,
    **_impossible("car-inlet-temperature", TEMPERATURE, row("the same; the supervisor looks at all values once a second at least", CAR_TRIP, "", harmless=True,
                                                           b=S + SAMPLE)),
    "car-supply-low": row("7 V, coils need 9: trip while armed after two samples; before, no state C", CAR_TRIP, "", harmless=True, b=SUPPLY),
    "car-supply-disconnected": row("unknown: the same", CAR_TRIP, "", harmless=True, b=SUPPLY),
    "car-supply-stuck": CANNOT_BE_KNOWN,
    "car-pilot-duty-disconnected": DUTY,
    **_impossible("car-pilot-duty", DUTY, DUTY),
    "car-pilot-state-future": row("unknown after 200 ms: trip while armed", CAR_TRIP + " NO_PILOT", "", harmless=True, b=200 * MS + SAMPLE),
    "car-battery-voltage-future": row("unknown: no precharge is ever matched; trip while powered", LIKE_VOLTMETER, "", harmless=True, b=PRECHARGE, powered=AGE),
    # --- the charger's devices
    "charger-meter-disconnected": row("unknown: trip while it delivers, no cable check, FAILED", CHARGER_TRIP, CHARGER_SAYS + " ONGOING_TIMEOUT",
                                      harmless=True, b=PERMIT),
    "charger-meter-stuck": row("cable check never reaches its voltage; later cannot be known", CHARGER_TRIP,
                               CHARGER_SAYS, harmless=True, b=PRECHARGE),
    "charger-meter-high": row("reports another voltage than the inlet has", CHARGER_TRIP, CHARGER_SAYS,
                              harmless=True, b=PRECHARGE),
    "charger-meter-low": row("reports another voltage than the inlet has", CHARGER_TRIP, CHARGER_SAYS,
                             harmless=True, b=PRECHARGE + 5 * S),
    "charger-meter-drifting": row("overvoltage, or the car sees the difference", CHARGER_TRIP, CHARGER_SAYS,
                                  harmless=True, b=PRECHARGE),
    "charger-meter-noisy": row("the car decides by its own voltmeter", CHARGER_TRIP, CHARGER_SAYS,
                               harmless=True, b=PRECHARGE),
    "charger-pilot-monitor-disconnected": row("unknown: output off", CHARGER_TRIP + " NO_PILOT", CHARGER_SAYS,
                                              harmless=True, b=CABLE_CHECK),
    "charger-pwm-lost": row("the car stops within 3 s while powered (IEC 61851-1); before, it waits", CAR_TRIP + " NO_PILOT", "", harmless=True,
                            b=15 * S),
    "charger-pilot-off": row("state F", CAR_TRIP + " NO_PILOT", CHARGER_SAYS, harmless=True, b=200 * MS + SAMPLE),
    "charger-pilot-source-refuses": row("no PWM: no digital communication; later: trip when it should change", CHARGER_TRIP + " NO_PILOT", "SAFETY_TRIP",
                                        harmless=True, b=CABLE_CHECK),
    "charger-stage-refuses": row("trip", CHARGER_TRIP, CHARGER_SAYS, harmless=True, b=CABLE_CHECK),
    "charger-stage-stuck-on": row("does not switch off: both find the voltage; the plug stays locked", CHARGER_TRIP,
                                  CHARGER_SAYS, harmless=True, b=CABLE_CHECK),
    "charger-stage-too-high": row("regulates 80 V too high: no match, or the battery holds it down", CHARGER_TRIP + " NOT_CONFIRMED",
                                  CHARGER_SAYS, harmless=True, b=PRECHARGE),
    "charger-lock-stuck": row("not confirmed locked: nothing is energised", CHARGER_TRIP, CHARGER_SAYS, harmless=True, b=PERMIT),
    "charger-lock-feedback-broken": row("unknown is not locked", CHARGER_TRIP, CHARGER_SAYS, harmless=True, b=PERMIT),
    "charger-lock-feedback-off": row("not locked", CHARGER_TRIP, CHARGER_SAYS, harmless=True, b=PERMIT),
    "charger-lock-feedback-on": row("reads locked although it may not be: cannot be known", CHARGER_TRIP, CHARGER_SAYS, harmless=True),
    "charger-lock-refuses": row("a driver that refuses: trip", CHARGER_TRIP, CHARGER_SAYS, harmless=True, b=PERMIT),
    "charger-isolation-low": row("cable check fails; later a trip after its hold", CHARGER_TRIP, CHARGER_SAYS, harmless=True, b=CABLE_CHECK),
    "charger-stop-button": row("the person wants the end", CHARGER_TRIP + " CHARGER_STOP NO_CHARGER_SLAC NO_PILOT", "USER_STOP " + CHARGER_SAYS,
                               harmless=True, b=PERMIT),
    "charger-stop-button-disconnected": row("unknown is pressed", CHARGER_TRIP, CHARGER_SAYS, harmless=True, b=PERMIT),
    **_impossible("charger-output-voltage", OUTPUT_VOLTAGE, OUTPUT_VOLTAGE),
    "charger-output-current-disconnected": OUTPUT_CURRENT,
    "charger-output-current-stuck": CHARGERS_CANNOT_BE_KNOWN,
    "charger-output-current-drifting": row("more than the stage may for 1 s: trip; unknown above 600 A", CHARGER_TRIP, CHARGER_SAYS, harmless=True, b=PERMIT),
    "charger-output-current-noisy": row("no direction for 1 s: borne; the ends wait for readings below 1 A", CHARGER_TRIP, CHARGER_SAYS, harmless=True),
    **_impossible("charger-output-current", OUTPUT_CURRENT, OUTPUT_CURRENT),
    "charger-isolation-disconnected": INSULATION,
    "charger-isolation-stuck": CHARGERS_CANNOT_BE_KNOWN,
    **_impossible("charger-isolation", INSULATION, INSULATION),
    "charger-isolation-huge": row("1 GOhm is the end of the range and sound", harmless=True),
    "charger-pilot-duty-disconnected": NOT_USED,
    **_impossible("charger-pilot-duty", NOT_USED, NOT_USED),
    "charger-pilot-state-future": row("unknown: output off, and none is asked for; the car waits out its precharge", CHARGER_TRIP + " NO_PILOT", CHARGER_SAYS,
                                      harmless=True, b=CABLE_CHECK),
    # --- its output contactor, where it has one: commanded at both ends of cable check and at precharge, confirmed within 200 ms
    "charger-contactor-stuck": row("does not close, or does not open: trip", CHARGER_TRIP, CHARGER_SAYS, harmless=True, b=PERMIT),
    "charger-contactor-welded": row("found when it should open: trip", CHARGER_TRIP, CHARGER_SAYS, harmless=True, b=PERMIT),
    "charger-contactor-feedback-broken": row("unknown is not closed and not open", CHARGER_TRIP, CHARGER_SAYS, harmless=True, b=PERMIT),
    "charger-contactor-feedback-on": row("closed without a command, or does not open: trip", CHARGER_TRIP, CHARGER_SAYS, harmless=True, b=PERMIT),
    "charger-contactor-feedback-off": row("not confirmed closed: trip", CHARGER_TRIP, CHARGER_SAYS, harmless=True, b=PERMIT),
    "charger-contactor-refuses": row("a driver that refuses: trip", CHARGER_TRIP, CHARGER_SAYS, harmless=True, b=PERMIT),
}
