"""What is refused, and in which words: pure, so that every row can be tried without a board."""
from __future__ import annotations

from drivers.interfaces import PilotReading, PilotState
from tasks.pilot_duty import promised_current
from tools.bench_io.look import PLUG, Voltages
from tools.bench_io.outputs import HV, MAINS, MOTOR, PILOT, SEQUENCE

LIVE_V = 60.0                # V DC; above it a touch can kill (safety.pev.unlock_v has the same number and its source)
DEAD_V = 10.0                # V at the CHAdeMO plug: d2 only below it (chademo sheet 2.2 row 5, 7.4)
LOCKING = ("lock", "vehicle_lock")
LEAST_REASON = 10            # characters: `multimeter`
LONGEST_S, DEFAULT_S = 10.0, 2.0
ZERO = '--i-measured-0-volts "with what, and where"'


def refusal(kind: str, name: str, volts: Voltages, pilot: PilotReading | None, zero_measured: str = "") -> str:
    """Why the output is not switched; "" when it may be. `zero_measured`: what the person says of a measurement by hand."""
    for side, value in volts.known.items():
        # the motor may always lock; to unlock a live plug, or switch anything else, is no work for a bench
        if abs(value) > LIVE_V and not (kind == MOTOR and name in LOCKING):
            return (f"{name} is not switched: {value:.0f} V at the {side}, and at the workbench nothing may have more than {LIVE_V:g} V. Take the voltage away "
                    "(service plug, mains, charger), wait until it has decayed, measure by hand; no option overrides a measured voltage.")
    if kind == SEQUENCE and abs(volts.known.get(PLUG, 0.0)) >= DEAD_V:
        return (f"{name} is not switched: {volts.known[PLUG]:.0f} V at the {PLUG}, and a vehicle's contactors may close on less than {DEAD_V:g} V only. Wait until it has "
                "decayed; where it does not, the bridge contactor leaks or the bleed resistor is missing (drivers/boards/bridge.md).")
    if kind in (HV, MAINS, SEQUENCE) and volts.unknown and not zero_measured:
        why = "; ".join(f"{side}: {reason}" for side, reason in volts.unknown.items())
        return (f"{name} is not switched: the voltage is not known ({why}), and unknown is not safe. Mend the measurement, or measure 0 V by hand at every side "
                f"of the contacts and say so: {ZERO}")
    if kind == MAINS and (pilot is None or pilot.state is not PilotState.A):
        return (f"{name} is not switched: the pilot is in state {'unknown' if pilot is None else pilot.state.value}, expected A. With a car at the cable "
                "the contactor would feed it without any supervision: pull the plug; an unknown pilot has to be mended first (inputs).")
    if kind == PILOT and pilot is not None and pilot.duty_percent is not None:
        amperes = promised_current(pilot.duty_percent)
        if amperes:
            return (f"{name} is not switched: the charger at the plug offers {amperes:.0f} A by its PWM of {pilot.duty_percent:.0f} % and would switch the mains on. "
                    "Pull the plug, or use a pilot tester without mains.")
    return ""


def watch(kind: str, name: str, volts: Voltages, unknown_before: frozenset[str]) -> str:
    """Why an output that is on goes off before its time; "" when it may stay."""
    for side, value in volts.known.items():
        if abs(value) > LIVE_V and not (kind == MOTOR and name in LOCKING) or kind == SEQUENCE and side == PLUG and abs(value) >= DEAD_V:
            return f"{value:.0f} V have appeared at the {side}"
    new = sorted(set(volts.unknown) - unknown_before)
    return f"the voltage at the {new[0]} is no longer known" if new and kind in (HV, MAINS, SEQUENCE) else ""
