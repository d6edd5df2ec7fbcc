"""The table of permits and trips of a bridge: a car's rows, which govern its CCS side, and those of its CHAdeMO side.

A predicate gets BridgeFacts and BridgeLimits, otherwise as in trips.py. Numbers in brackets are chapters of the chademo sheet.
"""
from __future__ import annotations

from dataclasses import replace
from typing import Sequence

from kernel.timer import MS
from tasks.safety.config import BridgeLimits
from tasks.safety.facts import SafetyState
from tasks.safety.trips import ARMED, AT_REST, CLOSED, CURRENT_MARGIN, LIVE_VOLTAGE, PEV_PERMITS, PEV_TRIPS, POWERED, REVERSE_CURRENT, Permit, Trip

EVERYWHERE = AT_REST | POWERED          # wherever no shutdown runs already
LEAK_HOLD = 100 * MS                    # two samples of the voltmeter; with them state B comes within 200 ms (6, scenario 11)
K_HOLD = 500 * MS                       # ceiling of safety.bridge.k_wait_ms (2.2 row 14; 6, scenario 25)
STOPPED_CURRENT = 5.0                   # A: below, a vehicle may open its contactors (2.2 rows 14 and 16)


def _beyond(voltage: float | None, limit: float) -> bool:
    """Known and above, in either polarity."""
    return voltage is not None and not abs(voltage) <= limit


def _flows(f, c) -> bool:
    """The current is not known to be small; a box without a sensor has the charger's word."""
    current = f.inlet_current if c.current_sensor_fitted else f.reported_current
    return current is None or not abs(current) < STOPPED_CURRENT


def _feeds_back(f, c) -> bool:
    """More comes out of the vehicle than box and vehicle allow. Discharging (1.10) is allowed only while both say so: without, the row of a car."""
    if f.inlet_current is None:
        return False
    told = f.discharge_allowed
    if told is None or not told > 0.0 or not c.bridge.max_discharge_a > 0.0:
        return not f.inlet_current >= REVERSE_CURRENT
    return not f.inlet_current >= -(min(told, c.bridge.max_discharge_a) + CURRENT_MARGIN)


BRIDGE_OWN_PERMITS = (
    # 3.7: a bridge contactor that leaks is found before anything energises; with d2 on it is the battery that is measured there (single session, 3.2)
    Permit("vehicle_dead", SafetyState.Ready,
           lambda f, c, out: c.bridge.vehicle_voltmeter_fitted and f.d2 is not True and (f.vehicle_voltage is None or not abs(f.vehicle_voltage) <= c.bridge.leak_v),
           "Car plug not dead", "Voltage at the CHAdeMO plug, or it is not measured: state C comes only while nothing is there. Do the car's contactors stick?"),
    # 3.3: the bridge contactor joins what the vehicle has connected already
    Permit("vehicle_switched_on", SafetyState.Closing, lambda f, c, out: f.d1 is not True or f.d2 is not True,
           "Car not switched on", "The car is not told by d1 and d2 to close its contactors yet; the CHAdeMO side does so."),
    Permit("k_closed", SafetyState.Closing, lambda f, c, out: f.k is not True,
           "Car does not permit", "The car's switch k is open or unknown: it permits no charge. Look at its display and at the plug's pin 4."),
    Permit("vehicle_locked", SafetyState.Closing, lambda f, c, out: f.vehicle_lock is not True,
           "Car plug not locked", "The CHAdeMO plug's lock does not confirm. Is the plug all the way in? Check the solenoid and its switch."),
    Permit("vehicle_steady", SafetyState.Closing, lambda f, c, out: c.bridge.vehicle_voltmeter_fitted and not f.vehicle_steady,
           "Car voltage moves", "The voltage at the CHAdeMO plug still moves: two measurements that agree are waited for."),
)

#: What d2 waits for, in whatever state; `step` says no more than that the bridge contactor is open then (2.3, D2_ON; 3.1).
D2_PERMITS = (
    Permit("d1_on", SafetyState.Idle, lambda f, c, out: not out.d1 or f.d1 is not True,
           "Signal d1 not on", "d2 follows d1, which its driver has not acknowledged yet."),
    Permit("plugged", SafetyState.Idle, lambda f, c, out: f.vehicle_plug is False,
           "Car not plugged", "The CHAdeMO plug is not in the car."),
    Permit("locked", SafetyState.Idle, lambda f, c, out: f.vehicle_lock is not True,
           "Car plug not locked", "The CHAdeMO plug's lock does not confirm. Is the plug all the way in? Check the solenoid and its switch."),
    Permit("permitted", SafetyState.Idle, lambda f, c, out: f.k is not True,
           "Car does not permit", "The car's switch k is open or unknown: it permits no charge. Look at its display and at the plug's pin 4."),
    Permit("bridge_open", SafetyState.Idle, lambda f, c, out: out.contactors or f.contactors is not False,
           "Bridge not open", "The bridge contactor is not confirmed open: the car would connect its battery to the charger."),
    # a vehicle that finds voltage at its inlet falls into its turtle mode and needs its fault cleared (3.7)
    Permit("dead", SafetyState.Idle,
           lambda f, c, out: c.bridge.vehicle_voltmeter_fitted and (f.vehicle_voltage is None or not abs(f.vehicle_voltage) < c.bridge.dead_v),
           "Car plug not dead", "Voltage at the CHAdeMO plug, or it is not measured: the car's contactors are to close on nothing. Is its voltmeter right?"),
)

# Before those of a car: what both see is named by its place.
BRIDGE_OWN_TRIPS = (
    Trip("bridge_leaks", AT_REST,
         lambda f, c: c.bridge.vehicle_voltmeter_fitted and f.plug_was_dead and _beyond(f.vehicle_voltage, c.bridge.leak_v),
         "Bridge not open", "Voltage at the CHAdeMO plug although the bridge contactor is commanded open and d2 was not on since it was dead: a pole is welded. "
         "Use it on no car; call service, then restart the box.", emergency=True, hold=LEAK_HOLD, person=True),
    # the same seen from the other side, where the vehicle is connected before the charger delivers (3.2, single session)
    Trip("inlet_live", frozenset({SafetyState.Idle}), lambda f, c: f.d2 is True and _beyond(f.inlet_voltage, LIVE_VOLTAGE),
         "CCS inlet live", "The car is connected, and its battery, or the charger in state B, puts voltage on the CCS inlet. Do not touch its plug; is the contactor welded?",
         emergency=True, hold=LEAK_HOLD),
    Trip("vehicle_voltage_unknown", ARMED, lambda f, c: c.bridge.vehicle_voltmeter_fitted and f.vehicle_voltage is None,
         "Car voltage unknown", "The voltmeter at the CHAdeMO plug does not answer. Check the ADC and its wiring."),
    Trip("vehicle_plug_pulled", EVERYWHERE, lambda f, c: f.d2 is True and f.vehicle_plug is False,
         "Car plug pulled", "The CHAdeMO plug left the car while its contactors were closed. Check the plug's lock.", emergency=True),
    Trip("vehicle_lock_lost", POWERED, lambda f, c: f.vehicle_lock is not True,
         "Car plug lock lost", "The CHAdeMO plug's lock no longer confirms. Check the solenoid and its switch.", emergency=True),
    Trip("vehicle_live_unlocked", AT_REST, lambda f, c: f.d2 is True and f.vehicle_lock is not True,
         "Car plug unlocked", "The car's contactors are closed and the CHAdeMO plug is not locked. Do not touch it; check the solenoid and its switch.", emergency=True),
    # the coils of the vehicle's contactors hang on d1 and d2: without them it opens under load (2.1)
    Trip("vehicle_signals_lost", POWERED, lambda f, c: f.d1 is not True or f.d2 is not True,
         "Car signals lost", "d1 or d2 is not on any more while power flows. Check their relays and the 12 V that feeds them.", emergency=True),
    # an emergency: our contactor is rather sacrificed than the vehicle's (3.3, rule 5)
    # also while an ordinary end waits for the current: the vehicle gives up 2.5 s after its stop and opens under it (2.2 row 14)
    Trip("current_without_k", CLOSED | {SafetyState.CurrentOff}, lambda f, c: f.k is not True and _flows(f, c),
         "Current without k", "The car opened its switch k, and the charger did not end its current in time. Use another charger.", emergency=True, hold=K_HOLD),
)

#: Rows of a car that say `battery management` or mean the wrong plug: what they read is the same.
REWORDED = {
    "battery_unknown": ("Car data lost", "The car fell silent on CAN, or the voltage at its CHAdeMO plug is not known. Look at plug, CAN and voltmeter."),
    "permission": ("Car forbids charging", "The car withdrew its permission (switch k or its CAN message), or does not repeat it. Look at its display."),
    "mismatch": ("Voltage mismatch", "The bridge contactor reads closed, but its two sides differ: check contactor, both voltmeters and wiring."),
    "unmatch": ("Unmatch at closing", "The charger left the car's voltage while the bridge contactor closed: it regulates badly. It is open again; use another one."),
    "contactor_uncommanded": ("Contactor not open", "The bridge contactor reads closed or unknown without a command: welded, or feedback broken. Use it on no car before that is mended."),
    "reverse_current": ("Reverse current", "The car's battery feeds the charger, more than is allowed (safety.bridge.max_discharge_a, and the car): check voltmeters and charger; replug."),
    "battery_voltage": ("Car voltage low", "Unknown or below battery_min_voltage_v at the CHAdeMO plug: the car has not closed its contactors. Are d1 and d2 strong enough (2 A)?"),
    "inlet_match": ("Inlet does not match", "CCS inlet and CHAdeMO plug differ by more than match_v: the charger precharges, or one of the voltmeters is wrong."),
}


#: Rows of a car that judge otherwise for a bridge.
REJUDGED = {"reverse_current": _feeds_back}


def _reworded(rows: Sequence) -> tuple:
    """The rows with the words of a bridge; what they judge stays, but for REJUDGED."""
    found = (replace(row, text=REWORDED[row.name][0], hint=REWORDED[row.name][1]) if row.name in REWORDED else row for row in rows)
    return tuple(replace(row, bad=REJUDGED[row.name]) if row.name in REJUDGED else row for row in found)


BRIDGE_PERMITS: tuple[Permit, ...] = (*BRIDGE_OWN_PERMITS, *_reworded(PEV_PERMITS))
BRIDGE_TRIPS: tuple[Trip, ...] = (*BRIDGE_OWN_TRIPS, *_reworded(PEV_TRIPS))


def bridge_trips(limits: BridgeLimits) -> tuple[Trip, ...]:
    """BRIDGE_TRIPS with the patience that is configured for k."""
    hold = limits.bridge.k_wait_ms * MS
    return tuple(replace(row, hold=hold) if row.name == "current_without_k" else row for row in BRIDGE_TRIPS)
