"""Why a session ended: one list with the words that people read at night; display, log and summary derive from it."""
from __future__ import annotations

from kernel.word import Word



class StopReason(Word):
    """Each member: (short text for four display lines, hint: what it usually means and what to do)."""

    # normal ends
    BATTERY_FULL = ("Battery full", "The battery reached its target. Nothing to do.")
    USER_STOP = ("Stopped by user", "You asked for the end (key, button or signal). Unplug when unlocked.")
    CHARGER_STOP = ("Stopped by charger", "The charger ended the session: its stop button, its limit or its back end. Unplug.")
    CAR_STOP = ("Stopped by car", "The car ended the session in order. Unplug when unlocked.")
    SOC_READ = ("State of charge read", "The car has told its state of charge; the wallbox goes on with plain PWM.")
    PAUSED = ("Paused", "The charge is interrupted, by you or because the charger has no power now. It goes on by itself, or with the key s.")
    UNPLUGGED = ("Unplugged", "The plug was pulled. Plug in again to start.")
    # modem and matching
    NO_MODEM = ("No modem", "The own PLC modem does not answer. Check its supply, cable and the interface name.")
    NO_PILOT = ("No 5% pilot", "The charger offers no digital communication (no 5 % PWM). Start it at its screen or replug.")
    NO_CHARGER_SLAC = ("No SLAC answer", "No charger answers CM_SLAC_PARM.REQ. Check the PLC coupling to CP and PE; replug.")
    NO_CAR_SLAC = ("Car does not speak", "No CM_SLAC_PARM.REQ from the car at 5 % PWM. A car without CCS communication? Else check the PLC coupling to CP and PE; replug.")
    SLAC_FAILED = ("SLAC failed", "The charger was heard, but matching did not complete. Replug; if it repeats send the pcap.")
    NO_LINK = ("No PLC link", "Matched, but the modems did not join (12 s). Modem set to the wrong role? Replug.")
    LINK_LOST = ("PLC link lost", "The power line network vanished in the middle: coupling, supply? Replug.")
    # network
    SDP_FAILED = ("No SDP answer", "The charger did not answer 50 SDP requests. Replug; some need authorisation first.")
    TCP_REFUSED = ("TCP refused", "The charger refused the connection. Replug.")
    TCP_TIMEOUT = ("TCP timeout", "The charger stopped acknowledging: poor link, or its software hangs. Replug.")
    TCP_RESET = ("TCP reset", "The charger reset the connection. Its own log says why; try again.")
    TCP_CLOSED = ("TCP closed", "The other side closed the connection in the middle. It may dislike a value of ours: see the last message in the log, then replug.")
    # protocol
    NO_COMMON_PROTOCOL = ("No protocol", "No protocol in common. Allow more (ev.protocols, evse.protocols); the log has what was offered.")
    TIMEOUT = ("Timeout", "The other side did not answer in time; the log names the message. Replug; if it repeats, its software hangs.")
    ONGOING_TIMEOUT = ("Ongoing too long", "The charger said 'Ongoing' until the limit: authorise at the charger, then replug; or it waits for its plant.")
    COMMUNICATION_SETUP_TIMEOUT = ("Setup timeout", "No SessionSetup within 20 s of the link. Replug.")
    READY_TO_CHARGE_TIMEOUT = ("Not ready in time", "Charging did not begin within 150 s. Authorise earlier; replug.")
    FAILED_RESPONSE = ("Charger said FAILED", "The charger answered FAILED; the log names the code. Replug, or use another one.")
    SEQUENCE_ERROR = ("Sequence error", "A message came that is not allowed in this state. Replug; if it repeats send the pcap.")
    UNKNOWN_SESSION = ("Unknown session", "A message carried a foreign session id: the other side mixed up two sessions. Replug; if it repeats, use another charger.")
    BAD_MESSAGE = ("Bad message", "The other side sent octets that are no message. Replug; if it repeats send the pcap.")
    BAD_VALUE = ("Impossible value", "The other side sent a value that cannot be true. See the log; replug, or use another one.")
    CABLE_CHECK_FAILED = ("Cable check failed", "The charger found an insulation fault, or did not finish in 40 s. Moisture in plug or inlet? Own monitor still on? PP right? Replug.")
    PRECHARGE_TIMEOUT = ("Precharge timeout", "The charger did not bring the inlet to battery voltage in time, or reports another voltage than the inlet has. See the log; replug.")
    CHARGER_SHUTDOWN = ("Charger shutdown", "Stopped at the charger before charging began (EVSE_Shutdown). Replug to begin again.")
    CHARGER_EMERGENCY = ("Charger emergency", "The charger says: emergency stop pressed, or a fault. Release it there, then replug; or use another one.")
    CHARGER_MALFUNCTION = ("Charger malfunction", "The charger reports a defect (EVSE_Malfunction). Use another one.")
    CHARGER_UTILITY = ("Utility interrupt", "The grid operator interrupted. Try again later or elsewhere.")
    INCOMPATIBLE_VOLTAGE = ("Voltage mismatch", "The charger's voltage range does not cover the battery; the log has both. Use another charger.")
    NO_TRANSFER_MODE = ("No transfer mode", "The charger offers no energy transfer mode of this car (AC post? other connector?). Use another one; the log has both lists.")
    CAR_LEFT_C = ("Car left state C", "The car went back to state B in the middle of the session: its own fault, or it heard us no more. Replug.")
    CAR_ERROR = ("Car reports error", "The car reported an error; the log has its code. Replug; look at the car's own display.")
    CAR_PAUSE = ("Paused by car", "The car has paused the session and will take it up again by itself. Leave it plugged in.")
    # inside the car
    NOT_CONFIRMED = ("Not confirmed", "Lock, state C or contactors were not confirmed in time, or a permit is missing; the log says which. Check actuator and feedback.")
    BATTERY_SILENT = ("No battery data", "The battery management has been silent for 3 s. Check its connection.")
    # the CHAdeMO vehicle of a bridge (chademo sheet 3.8)
    CAR_SILENT_CAN = ("Car's CAN is silent", "The CHAdeMO car sends no 0x102 any more (1 s). Look at plug, CAN wires and 120 Ohm; replug both plugs.")
    CAR_NO_CAN = ("Car does not wake up", "Signal d1 is on, but the car sends nothing on CAN (6 s). Is the CHAdeMO plug all the way in, its 12 V there, the car in park?")
    CAR_NO_PERMISSION = ("Car does not permit", "No switch k with 102.5.0 within 8 s of d1. Close doors and flap, shift to park, look at the car's display; replug the CHAdeMO plug.")
    CAR_PERMISSION_STUCK = ("Switch k is stuck", "Pin 4 is at ground although the car sleeps. Look for a short circuit in plug or wiring; check the input's active_low.")
    CAR_INCOMPATIBLE = ("Voltage out of range", "The car's target or minimum voltage is outside what the charger can deliver; the log has all numbers. Use another charger.")
    CAR_VERSION = ("CHAdeMO version?", "The car's protocol number is not spoken here; the log has it. 0: set bridge.accept_protocol_0; 10: see charge_parameter_backend.")
    CAR_STOP_BEFORE = ("Car stopped before", "The car asked for the end before charging began (102.5.4). Look at its display and at a charging timer; see bridge.ignore_stop_before.")
    CAR_OVER_VOLTAGE = ("Car: over-voltage", "The car says that its battery's voltage is too high (102.4.0). Its battery may be full; else use another charger.")
    CAR_UNDER_VOLTAGE = ("Car: under-voltage", "The car says that its battery's voltage is too low (102.4.1). Its battery needs service: do not charge it.")
    CAR_CURRENT_DEVIATION = ("Car: wrong current", "The current was not what the car asked for (102.4.2): the charger gives less than it says? Set bridge.max_current_a lower, or use another one.")
    CAR_TEMPERATURE = ("Car: battery too hot", "The car's battery is too warm (102.4.3). Let it cool down, then replug.")
    CAR_VOLTAGE_DEVIATION = ("Car: wrong voltage", "The car measures another voltage than it was told (102.4.4). Check the calibration of both voltmeters.")
    CAR_NOT_PARKED = ("Car is not in park", "The car's selector left P (102.5.1). Shift to P, then replug the CHAdeMO plug.")
    CAR_FAULT = ("Car reports a fault", "The car set its fault bit (102.5.2), which it keeps until it is switched off. Switch it off and on, then replug; look at its own diagnosis.")
    CAR_CONTACTORS = ("Car did not close", "The car's contactors did not close within 4 s of d2. Weak 12 V between pins 2 and 10 (2 A are needed)? Look at the car's display.")
    CAR_NO_REQUEST = ("Car asks for nothing", "The car closed its contactors but asked for no current within 4 s. Replug the CHAdeMO plug; look at the car's display.")
    CAR_PLUG_NOT_LOCKED = ("CHAdeMO not locked", "The lock of the CHAdeMO plug does not confirm. Push the plug in, look at latch, solenoid and its switch.")
    CAR_PLUG_LIVE = ("CHAdeMO plug is live", "Voltage on the CHAdeMO plug before the car may close: the bridge contactor leaks or is welded. Do not use the box until it was looked at.")
    BRIDGE_NO_POWER = ("Charger was too slow", "The charger had not precharged 20 s after the car's permission. Replug; if it repeats, set bridge.strategy: once.")
    BRIDGE_NOT_JOINED = ("Bridge did not close", "Charger and car did not come together within 3 s of the car's contactors. The log has both voltages: check the voltmeters, then replug.")
    CAR_TIME_OVER = ("Charging time over", "The car's longest charging time has passed. Replug for more.")
    CAR_THRESHOLD = ("Voltage at its limit", "The voltage reached the car's own limit (108.4-5): battery full, nothing to do. If it is not: the charger regulates too high, use another one.")
    CHARGER_OVERCURRENT = ("Charger: too much A", "The charger delivered 10 A more than the car asked for. Use another charger.")
    CHARGER_NO_CURRENT = ("No current flows", "The car asks and nothing flows for 3 s: the car's contactors are open (12 V, 2 A at d1 and d2?), or the charger gives none. Check the 12 V, or use another charger.")
    CHARGER_DRAWS = ("Charger draws current", "The charger takes current out of the car, which nobody allowed. Use another one; a bidirectional one (V2X) needs bridge.discharge_a.")
    DISCHARGE_OVERCURRENT = ("Too much A drawn", "The charger drew more out of the car than bridge.discharge_a and the car allow. Lower its discharging power, or raise the setting.")
    DISCHARGE_VOLTAGE = ("Discharged: low V", "Discharging brought the car to its lowest voltage for that, or to the charger's. Replug to charge it.")
    DISCHARGE_LEVEL = ("Discharged to limit", "The car was discharged to the level that it keeps for itself. Replug to charge it.")
    # safety
    SAFETY_TRIP = ("Safety trip", "The safety supervisor stopped the session; see the page SAFETY and the log.")
    INTERNAL_ERROR = ("Internal error", "A defect in this program. Outputs were made safe. Please send the journal.")

    def __init__(self, text: str, hint: str) -> None:
        self.text = text
        self.hint = hint


NORMAL_ENDS = frozenset({StopReason.BATTERY_FULL, StopReason.USER_STOP, StopReason.CHARGER_STOP, StopReason.CAR_STOP,
                         StopReason.PAUSED, StopReason.CAR_PAUSE, StopReason.SOC_READ, StopReason.CAR_TIME_OVER, StopReason.CAR_THRESHOLD,
                         StopReason.DISCHARGE_LEVEL, StopReason.DISCHARGE_VOLTAGE})
"""Ends that need no remedy: shown as finished, not as an error."""
