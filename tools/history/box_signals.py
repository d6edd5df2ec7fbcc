"""Which signal, command and answer of our own box (tasks/signals.py) is which lane or series of a timeline, and in which words."""
from __future__ import annotations

from typing import Any, Callable, NamedTuple

from tasks.chademo import wire
from tasks.stop_reasons import StopReason


def _plain(value: Any) -> str:
    return str(value)


def _switch(yes: str, no: str, unknown: str = "") -> Callable[[Any], str]:
    return lambda value: yes if value is True else no if value is False else unknown


def _reason(value: Any) -> str:
    return StopReason[value].text if isinstance(value, str) and value in StopReason.__members__ else str(value)


def _percent(value: Any) -> str:
    return f"{value:g} %" if isinstance(value, (int, float)) else ""


def vehicle_flags(status: int) -> str:
    """102.5 in words."""
    return _bits(status, ((wire.ENABLED, "enabled"), (wire.NOT_PARKED, "not parked"), (wire.SYSTEM_FAULT, "Fault"), (wire.CONTACTOR_OPEN, "contactors open"),
                          (wire.STOP_BEFORE, "stop before charging"), (wire.CAN_DISCHARGE, "can discharge")))


def charger_flags(status: int) -> str:
    """109.5 in words, as our box says it."""
    return _bits(status, ((wire.CHARGING, "charging"), (wire.MALFUNCTION, "Malfunction"), (wire.LOCKED, "locked"), (wire.INCOMPATIBLE, "battery incompatible"),
                          (wire.SYSTEM_MALFUNCTION, "system Malfunction"), (wire.STOP_CONTROL, "stop")))


def vehicle_faults(faults: int) -> str:
    """102.4 in words."""
    return _bits(faults, ((wire.OVER_VOLTAGE, "over voltage"), (wire.UNDER_VOLTAGE, "under voltage"), (wire.CURRENT_DEVIATION, "current deviation"),
                          (wire.OVER_TEMPERATURE, "over temperature"), (wire.VOLTAGE_DEVIATION, "voltage deviation")))


def _bits(value: int, names: tuple[tuple[int, str], ...]) -> str:
    return ", ".join(name for bit, name in names if value & bit) or "nothing"


class Shown(NamedTuple):
    """A lane, and a signal's value as its text; "" closes the lane."""

    lane: str
    words: Callable[[Any], str] = _plain


LANES: dict[str, Shown] = {          # signal -> lane, in the order of the rows
    "connection_state": Shown("box: connection"), "link_state": Shown("box: link"), "v2g_state": Shown("box: V2G"), "safety_state": Shown("box: safety"),
    "safety_blocked": Shown("box: safety waits"), "safety_trip": Shown("box: trip", lambda value: f"trip: {value}"), "v2g_stopping": Shown("box: stopping", _reason),
    "pilot_commanded": Shown("pilot asked for", lambda value: f"state {value}"),
    "contactors_closed": Shown("contactors", _switch("closed", "open", "moving or unknown")),
    "lock_confirmed": Shown("lock", _switch("locked", "unlocked", "moving or unknown")),
    "charge_permission": Shown("battery permits", _switch("yes", "no")), "residual_current": Shown("residual current", _switch("trip", "none")),
    "stop_button": Shown("stop button", _switch("pressed", "")), "power_share": Shown("power share", _percent),
    "bridge_phase": Shown("bridge phase"), "bridge_wait": Shown("bridge waits"), "session_hold": Shown("session held for"), "chademo_state": Shown("CHAdeMO"),
    "chademo_stop": Shown("CHAdeMO stops", _reason), "vehicle_permission": Shown("switch k", _switch("closed", "open")), "d1_on": Shown("d1", _switch("on", "off")),
    "d2_on": Shown("d2", _switch("on", "off")), "vehicle_lock_confirmed": Shown("CHAdeMO lock", _switch("locked", "unlocked", "moving or unknown")),
    "vehicle_plug": Shown("CHAdeMO plug", _switch("in", "out")), "chademo_status": Shown("box says (109)", lambda value: charger_flags(value) if type(value) is int else ""),
    "bridge_battery": Shown("battery V is"), "bridge_notice": Shown("bridge notice"), "ev_error_code": Shown("error code told"),
    "modem_fault": Shown("modem fault"), "device_notice": Shown("device fault"), "link_notice": Shown("stranger on the line"), "stranger_notice": Shown("stranger"),
    "kernel_notice": Shown("operating system"), "doctor_notice": Shown("doctor"), "listen_state": Shown("overheard"), "listen_limiting": Shown("limited by (overheard)"),
}
PILOT, DUTY = "pilot_state", "pilot_duty"
PILOT_LANE = "pilot (CP)"
VEHICLE_LANE = "car says (102)"
HIDDEN_WHEN = {"ev_error_code": "NO_ERROR"}
"""Values that say nothing; an empty text says nothing anywhere."""
WORRIES = {"safety_trip": "error", "modem_fault": "warning", "device_notice": "warning", "link_notice": "warning", "stranger_notice": "warning", "kernel_notice": "warning"}
"""Signals whose text is an event as well."""
HINT = "safety_hint"
OF_MESSAGES: dict[str, str] = {      # signal -> series of the messages that says the same; shown where the messages cannot be read (TLS)
    "evse_present_voltage": "EVSEPresentVoltage", "evse_present_current": "EVSEPresentCurrent", "evse_max_voltage": "EVSEMaximumVoltageLimit",
    "evse_max_current": "EVSEMaximumCurrentLimit", "evse_max_power": "EVSEMaximumPowerLimit", "ev_target_voltage": "EVTargetVoltage",
    "ev_target_current": "EVTargetCurrent", "ev_soc": "SoC", "ev_max_voltage": "EVMaximumVoltageLimit", "ev_max_current": "EVMaximumCurrentLimit",
    "session_energy": "energy",
}
NAMES: dict[str, str] = {            # signal -> name of the series where its own would be drawn as what it is not (a limit is dotted, a target dashed)
    "evse_min_voltage": "EVSEMinimumVoltageLimit", "battery_max_voltage": "battery voltage Limit", "battery_max_current": "battery current Limit",
    "battery_max_power": "battery power Limit", "battery_target_voltage": "battery Target voltage", "battery_target_current": "battery Target current",
    "precharge_voltage": "precharge Target voltage", "current_limit": "inlet temperature current Limit", "pilot_duty": "pilot_duty (CP)",
    "vehicle_max_discharge": "discharge Limit", "ac_current_request": "AC Target current",
}
OF_CAR = ("battery_", "ev_", "vehicle_")
OF_CHARGER = ("evse_",)
UNSHOWN = frozenset({"precharge_tolerance", "battery_capacity", "ev_capacity", "ev_energy_request", "attenuation", "link_rate_tx", "link_rate_rx", "power_share",
                     "pilot_duty_request", "ev_full_soc"})
"""Constants of a session, and what a lane shows already."""
NO_LIMIT = {"current_limit": 1000.0}
"""The value that says: none."""
UNITS: dict[str, tuple[str, float]] = {"W": ("kW", 1e-3), "Wh": ("kWh", 1e-3), "s": ("min", 1 / 60), "Ohm": ("kOhm", 1e-3)}
PLAUSIBLE: dict[str, tuple[float, float]] = {"V": (-2_000, 2_000), "A": (-2_000, 2_000), "kW": (-9_999, 9_999), "kWh": (-99_999, 99_999), "%": (0, 100),
                                             "degC": (-80, 300), "min": (0, 99_999), "kOhm": (0, 10_000)}
SPARSE: dict[str, float] = {"kWh": 1.0, "min": 5.0, "degC": 1.0, "kOhm": 0.1}
"""Unit -> s between two points: what changes at every look and moves slowly."""


def side_of(signal: str) -> str:
    return "car" if signal.startswith(OF_CAR) and signal != "vehicle_voltage" else "charger" if signal.startswith(OF_CHARGER) else "box"


class Command(NamedTuple):
    """What a device is told: the lane that it belongs to, and its arguments in words."""

    lane: str
    words: Callable[[Any], str]


COMMANDS: dict[str, Command] = {
    "contactors.set_closed": Command("contactors", _switch("contactors: close", "contactors: open")),
    "lock.set_locked": Command("lock", _switch("lock: lock", "lock: unlock")),
    "control_pilot.set_state_c": Command(PILOT_LANE, _switch("pilot: state C", "pilot: state B")),
    "pilot_source.set_duty": Command(PILOT_LANE, lambda value: "pilot: none" if value is None else f"pilot: {value:g} %"),
    "power_supply.off": Command("", lambda value: "power supply: off"),
    "bridge.sequence.set_d1": Command("d1", _switch("d1: on", "d1: off")), "bridge.sequence.set_d2": Command("d2", _switch("d2: on", "d2: off")),
    "bridge.lock.set_locked": Command("CHAdeMO lock", _switch("CHAdeMO plug: lock", "CHAdeMO plug: unlock")),
}
SET_SUPPLY, SET_ONBOARD = "power_supply.set", "onboard.set_limit"      # told all the time: series
