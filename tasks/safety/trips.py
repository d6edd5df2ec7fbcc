"""The table of permits and trips: when a condition applies, what makes it bad, how fast to react, and what to tell the person.

A predicate gets the facts and the configuration (a permit's also what is commanded) and says True when the condition is
BAD. Comparisons are written so that None and NaN are bad. A permit that is lacking holds a step back and nothing else; a
trip is latched and shuts down, `emergency` or in order, once it has been bad for `hold` without interruption. What would
trip at once in a state is a permit for it, too (Latch.first_bad).
"""
from __future__ import annotations

from math import isfinite
from typing import Callable, Sequence

from drivers.interfaces import PilotState
from kernel.record import dataclass
from kernel.timer import MS, S
from tasks.safety.facts import SafetyState

B, C, D = PilotState.B, PilotState.C, PilotState.D

READY = frozenset({SafetyState.Ready})
CLOSED = frozenset({SafetyState.Closed})
POWERED = frozenset({SafetyState.Closing, SafetyState.Closed})
ARMED = READY | POWERED                     # pilot C: the charger may energise the inlet
WAKING = frozenset({SafetyState.Waking})
AT_REST = READY | WAKING | {SafetyState.Idle}
DELIVERING = frozenset({SafetyState.Delivering})
ENERGISING = frozenset({SafetyState.Closing, SafetyState.Delivering})

LIVE_VOLTAGE = 60.0                 # V, S6
MATCH_BLANKING = S                  # S2: 1 s while contacts move and settle
PWM_LOSS_HOLD = S                   # the car stops within 3 s of losing the PWM (IEC 61851-1, slac-and-network sheet 3)
UNCOMMANDED_HOLD = 500 * MS         # contact bounce and feedback of a sequence that just ended (ceiling of contactor_travel_ms)
REVERSE_CURRENT = -5.0              # A: the battery feeds the cable (S5, emergency threshold)
CURRENT_MARGIN = 10.0               # A, S16
DEVIATION_HOLD = 10 * S             # S16: 10 A for 10 s
OVERCURRENT_HOLD = S                # charger ramps down within 1 s (S5)
SUPPLY_HOLD = 100 * MS              # two samples of the sensors: a dip when a coil pulls in is shorter
BATTERY_VOLTAGE_MARGIN = 10.0       # V, S15: charger's accuracy
ISOLATION_HOLD = 3 * S              # cable check judges first and answers in order; the monitor's own reaction is slower
ISOLATION_TEST = 10 * S             # S20: self-test below 10 s
ISOLATION_VOLTAGE = 100.0           # V: above this a monitor must have a result
PWM_LOW, PWM_HIGH = 3.0, 7.0        # percent: digital communication (slac-and-network sheet 3)
PWM_NONE = 97.0                     # percent: above, no charging is offered (X1, sheet 3)

# S12: highest allowed output by the class of the charger's maximum voltage
OVERVOLTAGE_CLASSES = ((500.0, 550.0), (750.0, 825.0), (850.0, 935.0), (1000.0, 1100.0))


def overvoltage_threshold(max_voltage: float) -> float:
    """V above which the output of a charger of `max_voltage` is an over-voltage (S12)."""
    for limit, threshold in OVERVOLTAGE_CLASSES:
        if max_voltage <= limit:
            return threshold
    return OVERVOLTAGE_CLASSES[-1][1]


@dataclass(slots=True, frozen=True, eq=False)
class Trip:
    """One row. `text` fits a display line, `hint` says what it usually means. `emergency`: open below 5 A or after a bound.
    `person`: unplugging does not end it, only `reset` does."""

    name: str
    states: frozenset[SafetyState]
    bad: Callable
    text: str
    hint: str
    emergency: bool = False
    hold: int = 0
    person: bool = False


@dataclass(slots=True, frozen=True, eq=False)
class Permit:
    """One row. `step`: the state that is not entered while this is `lacking` (facts, configuration, outputs as commanded)."""

    name: str
    step: SafetyState
    lacking: Callable
    text: str
    hint: str


def first_lacking(permits: Sequence[Permit], step: SafetyState, facts: object, config: object, outputs: object) -> Permit | None:
    """The first permit that keeps `step` from being entered."""
    for permit in permits:
        if permit.step is step and permit.lacking(facts, config, outputs):
            return permit
    return None


def invites_nobody(duty: float | None) -> bool:
    """Steady +12 V or 5 %: state C alone makes nobody deliver (with 5 % the messages do, sheet 3); every other PWM is an offer of AC current."""
    return duty is not None and (duty > PWM_NONE or PWM_LOW <= duty <= PWM_HIGH)


def _differ(f, limit: float) -> bool:
    return f.inlet_voltage is None or f.battery_voltage is None or not abs(f.inlet_voltage - f.battery_voltage) <= limit


PEV_PERMITS = (
    Permit("no_power_offered", SafetyState.Waking, lambda f, c, out: f.pilot is not B or not invites_nobody(f.duty),
           "No toggling now", "State C is shown for a moment only at steady +12 V or 5 % PWM, out of state B: any other PWM would be taken for the wish to charge."),
    Permit("dead_inlet", SafetyState.Waking, lambda f, c, out: c.voltage_sensor_fitted and (f.inlet_voltage is None or not abs(f.inlet_voltage) <= LIVE_VOLTAGE),
           "Inlet not dead", "The pilot is toggled only while nothing is on the inlet, which has to be measured."),
    Permit("locked", SafetyState.Ready, lambda f, c, out: f.lock is not True,        # first locked, then ready: nobody pulls a plug that gets voltage
           "Not locked", "The lock does not confirm yet. Is the plug all the way in? Check the lock motor and its switch."),
    Permit("battery_voltage", SafetyState.Closing, lambda f, c, out: f.battery_voltage is None or not f.battery_voltage >= c.battery_min_voltage_v,
           "Battery voltage low", "Unknown or below battery_min_voltage_v: nothing is closed on a dead measurement. Check the battery management."),
    Permit("inlet_match", SafetyState.Closing, lambda f, c, out: _differ(f, c.match_v),
           "Inlet does not match", "Inlet and battery differ by more than match_v: the charger precharges, or one of the voltmeters is wrong."),
    Permit("inlet_steady", SafetyState.Closing, lambda f, c, out: not f.inlet_steady,    # what ramps through the match is elsewhere when the contacts meet
           "Inlet not steady", "The inlet's voltage still moves: two measurements that agree are waited for."),
)

PEV_TRIPS = (
    Trip("pilot_lost", ARMED, lambda f, c: f.pilot is not C and f.pilot is not B and f.pilot is not D,
         "Pilot lost", "Plug pulled, pilot wire broken or charger without supply. Replug.", emergency=True),
    Trip("pilot_not_c", POWERED, lambda f, c: f.pilot is not C and f.pilot is not D,
         "Pilot not in C", "State C is commanded but B is measured: check the pilot resistor switch."),
    Trip("pilot_stuck_c", frozenset({SafetyState.Idle}), lambda f, c: f.pilot is C or f.pilot is D,
         "Pilot stuck in C", "State B is commanded but C is measured: the charger may energise at any time. Check the resistor switch.",
         hold=UNCOMMANDED_HOLD),
    Trip("pwm_lost", POWERED, lambda f, c: f.duty is not None and not PWM_LOW <= f.duty <= PWM_HIGH,
         "5% PWM lost", "The charger stopped its 5 % PWM while charging. Replug.", hold=PWM_LOSS_HOLD),
    Trip("lock_lost", POWERED, lambda f, c: f.lock is not True,
         "Lock lost", "The connector lock no longer confirms. Check lock and its switch.", emergency=True),
    Trip("live_unlocked", READY | WAKING, lambda f, c: f.lock is not True and f.inlet_voltage is not None and not f.inlet_voltage <= LIVE_VOLTAGE,
         "Live but unlocked", "Voltage on the inlet while the connector is not locked. Do not touch the plug; check the lock.", emergency=True),
    Trip("inlet_overvoltage", ARMED, lambda f, c: f.inlet_voltage is not None and not f.inlet_voltage <= c.inlet_max_voltage_v,
         "Inlet overvoltage", "The charger put more voltage on the inlet than allowed. Use another one.", emergency=True),
    Trip("battery_overvoltage", CLOSED,
         lambda f, c: f.inlet_voltage is not None and f.battery_max_voltage is not None
         and not f.inlet_voltage <= f.battery_max_voltage + BATTERY_VOLTAGE_MARGIN,
         "Battery overvoltage", "The charger charges above the battery's maximum voltage. Use another one.", emergency=True),
    Trip("inlet_voltage_unknown", ARMED, lambda f, c: c.voltage_sensor_fitted and f.inlet_voltage is None,
         "Inlet voltage unknown", "The inlet voltmeter does not answer. Check the ADC and its wiring."),
    Trip("reported_voltage_unknown", POWERED, lambda f, c: not c.voltage_sensor_fitted and f.inlet_voltage is None,
         "No voltage reported", "There is no voltage sensor, and the charger does not say its voltage any more. Replug."),
    Trip("unmatch", frozenset({SafetyState.Closing}), lambda f, c: _differ(f, c.mismatch_v),
         "Unmatch at closing", "The inlet left the battery's voltage while the contactors closed: charger regulates badly. They are open again; use another one."),
    Trip("supply_low", ARMED, lambda f, c: c.supply_sensor_fitted and (f.supply_voltage is None or not f.supply_voltage >= c.supply_min_v),
         "Supply too low", "The box's own supply sags or is not measured: contactor coils may let go. Check battery, fuse, DC/DC.", hold=SUPPLY_HOLD),
    Trip("supervision_silent", POWERED, lambda f, c: f.connection_alive is not True,
         "Supervision silent", "The task that hears a person's stop does not run any more. Send the journal."),
    Trip("contactor_dropped", CLOSED, lambda f, c: f.contactors is not True,
         "Contactor dropped", "The contactors no longer confirm closed. Check coil supply and feedback.", emergency=True),
    Trip("contactor_uncommanded", AT_REST, lambda f, c: f.contactors is not False,
         "Contactor not open", "Contactors read closed or unknown without a command: welded, or feedback broken. Check them before driving on.", emergency=True, hold=UNCOMMANDED_HOLD),
    Trip("stop_button", ARMED, lambda f, c: c.stop_button == "emergency" and f.stop_button is not False,
         "Stop button", "Pressed, or its input is unknown (set safety.pev.stop_button to none if not fitted).", emergency=True),
    Trip("battery_unknown", POWERED,                     # before permission: silence takes both away, and the first one is on the display
         lambda f, c: f.battery_voltage is None or f.battery_max_voltage is None or f.battery_max_current is None,
         "Battery data lost", "The battery management went silent, or its bus (CAN, MQTT) is lost. Look at it and its wiring."),
    Trip("permission", POWERED, lambda f, c: f.permission is not True,
         "BMS forbids charging", "The battery management withdrew its permission, or does not repeat it. Look at its errors."),
    Trip("temperature_high", ARMED, lambda f, c: f.temperature is not None and not f.temperature <= c.inlet_max_temperature_c,
         "Inlet too hot", "Check the contacts of inlet and plug; charge with less current."),
    Trip("temperature_unknown", ARMED, lambda f, c: c.temperature_sensor_fitted and f.temperature is None,
         "Inlet temp unknown", "The inlet's temperature sensor does not answer. Check it (or set temperature_sensor_fitted: false)."),
    Trip("current_unknown", POWERED, lambda f, c: c.current_sensor_fitted and (f.inlet_current is None or not isfinite(f.inlet_current)),
         "Current unknown", "The current sensor does not answer. Check it (or set current_sensor_fitted: false)."),
    Trip("mismatch", CLOSED, lambda f, c: _differ(f, c.mismatch_v),
         "Voltage mismatch", "Contactors read closed, but inlet and battery differ: check contactors and wiring.", hold=MATCH_BLANKING),
    Trip("reverse_current", CLOSED, lambda f, c: f.inlet_current is not None and not f.inlet_current >= REVERSE_CURRENT,
         "Reverse current", "The battery feeds the cable: check voltmeter and charger; replug.", hold=OVERCURRENT_HOLD),
    Trip("overcurrent", CLOSED,
         lambda f, c: f.inlet_current is not None and f.battery_max_current is not None
         and not f.inlet_current <= f.battery_max_current + CURRENT_MARGIN,
         "Overcurrent", "The charger delivers more than the battery allows. Use another one.", hold=OVERCURRENT_HOLD),
    Trip("current_deviation", CLOSED,
         lambda f, c: f.inlet_current is not None and f.battery_target_current is not None
         and not f.inlet_current <= f.battery_target_current + CURRENT_MARGIN,
         "Current deviation", "The charger does not follow the requested current. Replug, or use another one.", hold=DEVIATION_HOLD),
)

EVSE_PERMITS = (
    Permit("car_ready", SafetyState.Delivering, lambda f, c, out: f.pilot is not C and f.pilot is not D,
           "Car not in state C", "Nothing is energised before the car says that it is ready (state C)."),
    Permit("pwm_on", SafetyState.Delivering, lambda f, c, out: not PWM_LOW <= out.duty <= PWM_HIGH,
           "No 5 % PWM", "The pilot does not show digital communication; the connection supervision sets it."),
    Permit("contactor_at_rest", SafetyState.Delivering, lambda f, c, out: f.contactors is not False or not abs(f.output_voltage) <= c.unlock_v,
           "Contactor not at rest", "The output contactor is not confirmed open, or the output still carries voltage."),
)

EVSE_TRIPS = (
    Trip("pilot_lost", ENERGISING, lambda f, c: f.pilot is not C and f.pilot is not B and f.pilot is not D,
         "Pilot lost", "Plug pulled or pilot wire broken while energised. Check the cable.", emergency=True),
    Trip("output_overvoltage", ENERGISING,
         lambda f, c: f.output_voltage is not None and not f.output_voltage <= overvoltage_threshold(c.max_voltage_v),
         "Output overvoltage", "The power stage regulates above its class limit. Call service.", emergency=True),
    Trip("output_voltage_unknown", ENERGISING, lambda f, c: f.output_voltage is None,
         "Output volt. unknown", "The output voltmeter does not answer. Check the ADC and its wiring.", emergency=True),
    Trip("output_current_unknown", ENERGISING, lambda f, c: f.output_current is None,
         "Output current unkn.", "The output current sensor does not answer. Check its wiring.", emergency=True),
    Trip("output_overcurrent", DELIVERING, lambda f, c: f.output_current is not None and not abs(f.output_current) <= c.max_current_a + CURRENT_MARGIN,
         "Output overcurrent", "The power stage delivers more than it may. Call service.", emergency=True, hold=OVERCURRENT_HOLD),
    Trip("lock_lost", ENERGISING, lambda f, c: f.lock is not True,
         "Lock lost", "The connector lock no longer confirms. Check lock and its switch.", emergency=True),
    Trip("supervision_silent", ENERGISING, lambda f, c: f.connection_alive is not True,
         "Supervision silent", "The task that hears a person's stop does not run any more. Send the journal."),
    Trip("contactor_dropped", DELIVERING, lambda f, c: f.contactors is not True,
         "Contactor dropped", "The output contactor no longer confirms closed. Check coil supply and feedback.", emergency=True),
    Trip("contactor_uncommanded", frozenset({SafetyState.Idle}), lambda f, c: f.contactors is not False,
         "Contactor not open", "The output contactor reads closed or unknown without a command: welded? Call service.", emergency=True, hold=UNCOMMANDED_HOLD),
    Trip("stop_button", ENERGISING, lambda f, c: c.stop_button == "emergency" and f.stop_button is not False,
         "Stop button", "Pressed, or its input is unknown (set safety.evse.stop_button to none if not fitted).", emergency=True),
    Trip("isolation", DELIVERING, lambda f, c: f.isolation is not None and not f.isolation >= c.isolation_min_ohm,
         "Insulation fault", "Insulation to earth is too low. Look for moisture in plug or inlet, and for a second insulation monitor.", hold=ISOLATION_HOLD),
    Trip("isolation_unknown", DELIVERING,
         lambda f, c: c.isolation_monitor_fitted and f.isolation is None and not (f.output_voltage is not None and f.output_voltage < ISOLATION_VOLTAGE),
         "Insulation unknown", "The insulation monitor does not answer. Check its wiring.", hold=ISOLATION_TEST),
)
# Not in the tables: the supervisor remembers that current has flowed.
LOAD_CONNECTED = Permit("load_connected", SafetyState.Delivering, lambda f, c, out: True,
                        "Car still connected", "Current has flowed: the car's contactors may be closed behind ours. Its state B comes before they close again.")
NEEDS_LOCK = frozenset({"lock_lost"})                                        # rows left out where a charger has no lock
NEEDS_CONTACTOR = frozenset({"contactor_dropped", "contactor_uncommanded", "contactor_at_rest"})     # rows left out where a charger has no contactor


def _event(name: str, text: str, hint: str) -> Trip:
    return Trip(name, frozenset(), lambda f, c: False, text, hint, emergency=True)


# Found by the sequence itself, not by a predicate.
CONTACTOR_NOT_CLOSED = _event("contactor_not_closed", "Contactor did not close", "Commanded, but not confirmed in time. Coil supply or feedback.")
CURRENT_NOT_GONE = _event("current_not_gone", "Current not gone", "Current still flows although it was ended. Contactors were opened under load.")
CONTACTOR_WELDED = _event("contactor_welded", "Contactor welded?", "Commanded open, but not confirmed. The plug stays locked; call service.")
VOLTAGE_STAYS = _event("voltage_stays", "Inlet stays live", "The voltage did not fall after opening: power stage keeps it up, or a weld. Press the charger's emergency stop; unlocks below 60 V.")
INTERNAL_FAULT = _event("internal_fault", "Internal fault", "A task of this program failed. Outputs were made safe; send the journal.")
INSISTED = _event("insisted", "You asked twice", "Everything off at once, as you wanted: nothing is broken. Unplug, then begin again.")
END_OVERDUE = _event("end_overdue", "End took too long", "The orderly end that you asked for did not come in time: everything off at once. Send the journal.")
STALLED = _event("stalled", "Program stalled", "This program did not run for half a second while power was on. Board overloaded? Send the journal.")
OUTPUT_REFUSED = _event("output_refused", "Output refused", "A driver could not set pilot, contactors, lock or power stage.")
AT_ONCE = frozenset({INTERNAL_FAULT, INSISTED, END_OVERDUE})
"""Why everything goes off at once for a reason outside the supervisor: whichever comes first does it, another one is only told."""
