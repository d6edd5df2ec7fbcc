"""Which topics a box publishes, and what each says: a table from signals to texts. No state, no time of its own.

Names are pyPLC's where it has one (pyPLC sheet 1.6). Everything here is information about facts; nothing is a command.
"""
from __future__ import annotations

from typing import Callable, NamedTuple

from kernel.channels import Signal
from kernel.timer import MS, S
from tasks.signals import Signals

AT_ONCE = 200 * MS       # states
SLOWLY = S               # measurements: pyPLC says fsm_state, target_voltage and target_current at most once a second
UNKNOWN = "None"         # what Home Assistant takes for an unknown value; atof() makes 0 of it


class Topic(NamedTuple):
    """`text` gives None while the fact is not known: nothing is said before it was known once, afterwards `otherwise`."""

    name: str
    text: Callable[[Signals, int], str | None]
    pause: int = SLOWLY          # ns at least between two messages
    otherwise: str = UNKNOWN


def number(name: str, signal: str, digits: int = 1, otherwise: str = UNKNOWN, above: float | None = None) -> Topic:
    """The number of a signal; `above`: only when it is more."""
    def text(s: Signals, now: int) -> str | None:
        value = getattr(s, signal).get(now)
        return None if value is None or above is not None and value <= above else f"{value:.{digits}f}"
    return Topic(name, text, SLOWLY, otherwise)


def words(name: str, signal: str) -> Topic:
    """The text of a signal; empty where it is known to be empty."""
    return Topic(name, lambda s, now: getattr(s, signal).get(now), AT_ONCE)


def yes_or_no(name: str, signal: str, yes: str, no: str) -> Topic:
    def text(s: Signals, now: int) -> str | None:
        value = getattr(s, signal).get(now)
        return None if value is None else yes if value else no
    return Topic(name, text, AT_ONCE)


def _stop(attribute: str) -> Callable[[Signals, int], str | None]:
    def text(s: Signals, now: int) -> str | None:
        reason = s.stop_reason.get(now)
        return None if reason is None else getattr(reason, attribute)
    return text


def _fsm(s: Signals, now: int) -> str | None:
    """pyPLC's one word of what goes on: the V2G state while there is one, before it that of the connection."""
    return s.v2g_state.get(now) or s.connection_state.get(now)


def _pilot(s: Signals, now: int) -> str | None:
    state = s.pilot_state.get(now)
    return None if state is None else state.value


def _power(voltage: Callable[[Signals], Signal], current: Callable[[Signals], Signal]) -> Callable[[Signals, int], str | None]:
    """W: AC as measured, DC as voltage times current."""
    def text(s: Signals, now: int) -> str | None:
        ac = s.ac_power.get(now)
        if ac is not None:
            return f"{ac:.0f}"
        v, a = voltage(s).get(now), current(s).get(now)
        return None if v is None or a is None else f"{v * a:.0f}"
    return text


def _evccid(s: Signals, now: int) -> str | None:
    evccid = s.evccid.get(now)
    return None if evccid is None else evccid.hex().upper()


BOTH = (
    Topic("fsm_state", _fsm),
    words("connection_state", "connection_state"),
    Topic("stop_reason", _stop("name"), AT_ONCE),
    Topic("stop_text", _stop("text"), AT_ONCE),
    words("safety_state", "safety_state"),
    words("safety_trip", "safety_trip"),
    words("safety_blocked", "safety_blocked"),
    yes_or_no("contactors", "contactors_closed", "closed", "open"),
    yes_or_no("connector_lock", "lock_confirmed", "locked", "unlocked"),
    number("energy", "session_energy", 0),
)
"""Of a car and of a charger."""

CAR = (
    # pyPLC's three outputs say what is measured and confirmed, not what is wanted: hardware that waits for them never moves
    Topic("cpstate", _pilot, AT_ONCE),
    yes_or_no("relay_request", "contactors_closed", "on", "off"),
    yes_or_no("lock_request", "lock_confirmed", "lock", "unlock"),
    number("soc", "battery_soc", above=0.0),
    number("charger_voltage", "evse_present_voltage"),
    number("charger_current", "evse_present_current"),
    number("charger_max_voltage", "evse_max_voltage"),
    number("charger_max_current", "evse_max_current"),
    number("charger_max_power", "evse_max_power", 0),
    number("battery_voltage", "battery_voltage"),
    number("target_voltage", "battery_target_voltage"),
    number("target_current", "battery_target_current"),
    number("max_voltage", "battery_max_voltage"),
    number("max_current", "battery_max_current"),
    number("max_power", "battery_max_power", 0),
    number("battery_capacity", "battery_capacity", 0),
    number("battery_hottest", "battery_hottest"),
    number("battery_coldest", "battery_coldest"),
    yes_or_no("charge_permission", "charge_permission", "1", "0"),
    number("current_limit", "current_limit"),
    number("inlet_voltage", "inlet_voltage"),
    number("inlet_current", "inlet_current"),
    number("inlet_temperature", "inlet_temperature"),
    number("supply_voltage", "supply_voltage", 2),
    Topic("power", _power(lambda s: s.inlet_voltage, lambda s: s.inlet_current)),
)

CHARGER = (
    Topic("evccid", _evccid, AT_ONCE),
    number("soc", "ev_soc", above=0.0),
    number("battery_capacity", "ev_capacity", 0),
    number("target_voltage", "ev_target_voltage", otherwise="0"),      # what somebody follows falls to nothing with the session
    number("target_current", "ev_target_current", otherwise="0"),
    number("charger_voltage", "output_voltage"),
    number("charger_current", "output_current"),
    number("isolation", "isolation", 0),
    Topic("cpstate", _pilot, AT_ONCE),
    Topic("power", _power(lambda s: s.output_voltage, lambda s: s.output_current)),
)

def _vehicle_request(s: Signals, now: int) -> str | None:
    says = s.vehicle_says.get(now)
    return None if says is None else f"{says.current_request:.0f}"


def _told_status(s: Signals, now: int) -> str | None:
    status = s.chademo_status.get(now)
    return None if status is None else f"{status:02X}"


BRIDGE = (
    words("bridge_phase", "bridge_phase"),
    words("bridge_wait", "bridge_wait"),
    words("bridge_battery", "bridge_battery"),
    words("chademo_state", "chademo_state"),
    Topic("chademo_status", _told_status, AT_ONCE),
    number("vehicle_voltage", "vehicle_voltage"),
    Topic("vehicle_request", _vehicle_request),
    yes_or_no("vehicle_permission", "vehicle_permission", "1", "0"),
    yes_or_no("vehicle_lock", "vehicle_lock_confirmed", "locked", "unlocked"),
    number("energy_out", "session_energy_out", 0),
    number("max_discharge", "vehicle_max_discharge"),
    yes_or_no("d1", "d1_on", "on", "off"),
    yes_or_no("d2", "d2_on", "on", "off"),
)
"""Of a bridge, besides those of a car."""

ROLES = {"pev": BOTH + CAR, "evse": BOTH + CHARGER, "bridge": BOTH + CAR + BRIDGE}
