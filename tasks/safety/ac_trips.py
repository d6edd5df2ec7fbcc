"""The table of permits and trips of an AC charger, as trips.py is for DC: every trip opens the mains contactor at once, under whatever load.

A contactor that a car of 80 A wears out costs less than a car that stays on the mains: nothing here waits for the current.
"""
from __future__ import annotations

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.pilot_duty import nominal
from tasks.safety.facts import SafetyState
from tasks.safety.trips import PWM_HIGH, PWM_LOW, UNCOMMANDED_HOLD, Permit, Trip

B, C, D = PilotState.B, PilotState.C, PilotState.D

POWERED = frozenset({SafetyState.Closing, SafetyState.Delivering})
LIVE = POWERED | {SafetyState.CurrentOff}             # the contactor is commanded closed
CLOSED = LIVE - {SafetyState.Closing}                 # and was confirmed

DUTY_TOLERANCE = 2.0                                  # percent points: one of the generator, one of the measurement (own choice)
DUTY_HOLD = 200 * MS                                  # ten readings of the pilot (own choice); a car without PWM goes on for up to 3 s
CURRENT_PART = 0.1                                    # above the rating (own choice: tolerance of meter and car)
CURRENT_HOLD = 5 * S                                  # own choice: a soft overload, the fuse is for the hard one


def promised(duty: float) -> bool:
    """A PWM under which a car may draw current: digital communication, or a current."""
    return PWM_LOW <= duty <= PWM_HIGH or nominal(duty)


def ready(f, c) -> bool:
    """The car wants power and may have it; state D only where the place is ventilated."""
    return f.pilot is C or f.pilot is D and c.ventilation_fitted


AC_PERMITS = (
    Permit("ventilation", SafetyState.Delivering, lambda f, c, out: f.pilot is D and not c.ventilation_fitted,
           "Ventilation needed", "The car asks for state D: its battery gases. Charge it in a ventilated place (safety.ac.ventilation_fitted)."),
    Permit("pilot_known", SafetyState.Delivering, lambda f, c, out: f.pilot is None,
           "Pilot unknown", "The control pilot cannot be read, or has a voltage that is no state. Check the converter, its wiring and the pilot's resistors."),
    Permit("car_ready", SafetyState.Delivering, lambda f, c, out: not ready(f, c),
           "Car not in state C", "The mains are not connected before the car says that it is ready (state C)."),
    Permit("pwm_on", SafetyState.Delivering, lambda f, c, out: not promised(out.duty),
           "No PWM", "The pilot promises no current (5 %, or 10 to 96 %); the connection supervision sets it."),
    Permit("contactor_at_rest", SafetyState.Delivering, lambda f, c, out: f.contactors is not False,
           "Contactor not at rest", "The mains contactor is not confirmed open before it is closed: welded, or its auxiliary contact is broken."),
)

AC_TRIPS = (
    # None opens at once as every pilot that is not C does, and latches nothing: on its way from C to B a sampled pilot lies between two windows now and then
    Trip("pilot_lost", LIVE, lambda f, c: f.pilot is not None and f.pilot is not B and f.pilot is not C and f.pilot is not D,
         "Pilot lost", "Plug pulled, pilot wire broken or not measured while the mains were connected. Replug.", emergency=True),
    Trip("pwm_wrong", POWERED, lambda f, c: f.duty is not None and (f.duty_set is None or not abs(f.duty - f.duty_set) <= DUTY_TOLERANCE),
         "PWM not as set", "The pilot shows another duty than was set: the car may draw more than is there. Check the pulse generator.",
         emergency=True, hold=DUTY_HOLD),
    Trip("residual_current", LIVE, lambda f, c: c.residual_current_fitted and f.residual_current is True,
         "Residual current", "RCD or 6 mA DC detector tripped: insulation fault in car or cable, moisture. Do not use this cable before it is checked.",
         emergency=True),
    Trip("residual_unknown", LIVE, lambda f, c: c.residual_current_fitted and f.residual_current is None,
         "RCD unknown", "The residual current detector does not answer or failed its self-test. Check it (safety.ac.residual_current_fitted: false if there is none).",
         emergency=True),
    Trip("lock_lost", LIVE, lambda f, c: f.lock is not True,
         "Lock lost", "The socket's lock no longer confirms. Check lock and its switch.", emergency=True),
    Trip("supervision_silent", LIVE, lambda f, c: f.connection_alive is not True,
         "Supervision silent", "The task that hears a person's stop does not run any more. Send the journal.", emergency=True),
    Trip("stop_button", LIVE, lambda f, c: c.stop_button == "emergency" and f.stop_button is not False,
         "Stop button", "Pressed, or its input is unknown (set safety.ac.stop_button to none if not fitted).", emergency=True),
    Trip("contactor_dropped", CLOSED, lambda f, c: f.contactors is not True,
         "Contactor dropped", "The mains contactor no longer confirms closed. Check coil supply and auxiliary contact.", emergency=True),
    Trip("contactor_uncommanded", frozenset({SafetyState.Idle}), lambda f, c: f.contactors is not False,
         "Contactor not open", "The mains contactor reads closed or unknown without a command: welded? The cable may be live. Switch off the fuse, call service; then restart the box.",
         emergency=True, hold=UNCOMMANDED_HOLD, person=True),
    Trip("overcurrent", CLOSED, lambda f, c: f.current is not None and not f.current <= (1.0 + CURRENT_PART) * c.max_current_a,
         "Overcurrent", "The car draws more than was agreed (safety.ac.max_current_a). Replug.", emergency=True, hold=CURRENT_HOLD),
)
NEEDS_SOCKET = frozenset({"lock_lost"})               # rows left out where the cable is fixed to the charger


def _event(name: str, text: str, hint: str) -> Trip:
    return Trip(name, frozenset(), lambda f, c: False, text, hint, emergency=True, person=True)


# Found by the sequence itself, not by a predicate.
AC_NOT_CLOSED = _event("contactor_not_closed", "Contactor not closed", "Commanded, but not confirmed in time. Check coil supply and auxiliary contact; unplugging does not end this, a restart of the box does.")
AC_WELDED = _event("contactor_welded", "Contactor welded?", "Commanded open, but not confirmed: the cable may be live. Switch off the fuse, call service; then restart the box.")
