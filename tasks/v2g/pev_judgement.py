"""What the car makes of the charger's values and of its own: limits, match of voltages, status, reasons to stop charging.

Both protocols have the same types and words here; what is compared are the words of the schemas.
"""
from __future__ import annotations

from typing import Any, NamedTuple

from tasks.stop_reasons import StopReason
from tasks.v2g.config import EvConfig
from tasks.v2g.facts import ChargerLimits, PevFacts
from tasks.v2g.physical import LIMIT, A, BadValue, V, W, to_float

POSITIVE = frozenset({"OK", "OK_NewSessionEstablished", "OK_OldSessionJoined", "OK_CertificateExpiresSoon"})
CALM = frozenset({"EVSE_Ready", "EVSE_NotReady", "EVSE_IsolationMonitoringActive"})      # Compleo: Finished with NotReady


STEADY_STEP = 5.0                # V between two PreChargeRes
NOT_YET = "not yet"              # the ordinary mismatch, of which nobody needs to read


class Stop(NamedTuple):
    """Why the session shall end; `urgent`: outputs first, courtesy second."""

    reason: StopReason
    urgent: bool


STATUS_STOPS = {
    # code: (before charging, in CurrentDemand); reactions: field-pyplc-clara sheet 3.4
    "EVSE_Shutdown": (Stop(StopReason.CHARGER_SHUTDOWN, False), Stop(StopReason.CHARGER_STOP, False)),
    "EVSE_UtilityInterruptEvent": (Stop(StopReason.CHARGER_UTILITY, False),) * 2,
    "EVSE_EmergencyShutdown": (Stop(StopReason.CHARGER_EMERGENCY, True),) * 2,
    "EVSE_Malfunction": (Stop(StopReason.CHARGER_MALFUNCTION, True),) * 2,
}
"""Codes that are neither here nor in CALM are reserved: Clara ignores them, an Efacec has sent one; told, not obeyed."""


def status_stop(status: Any, charging: bool) -> Stop | None:
    """The end that an EVSEStatus demands, if any. Raises BadValue when it is not that of a DC charger."""
    if type(status).__name__ != "DC_EVSEStatus":
        raise BadValue("EVSEStatus: expected DC_EVSEStatus, came " + type(status).__name__)
    stops = STATUS_STOPS.get(status.EVSEStatusCode.name)
    return None if stops is None else stops[charging]


def read_limits(parameter: Any, charger: ChargerLimits) -> None:
    """Limits of ChargeParameterDiscoveryRes. Raises BadValue."""
    charger.max_voltage = to_float(parameter.EVSEMaximumVoltageLimit, V, LIMIT, "EVSEMaximumVoltageLimit")
    charger.min_voltage = to_float(parameter.EVSEMinimumVoltageLimit, V, LIMIT, "EVSEMinimumVoltageLimit")
    charger.max_current = to_float(parameter.EVSEMaximumCurrentLimit, A, LIMIT, "EVSEMaximumCurrentLimit")
    if parameter.EVSEMaximumPowerLimit is not None:
        charger.max_power = to_float(parameter.EVSEMaximumPowerLimit, W, LIMIT, "EVSEMaximumPowerLimit")


def update_limits(res: Any, charger: ChargerLimits) -> None:
    """Limits that CurrentDemandRes may carry. Raises BadValue."""
    if res.EVSEMaximumVoltageLimit is not None:
        charger.max_voltage = to_float(res.EVSEMaximumVoltageLimit, V, LIMIT, "EVSEMaximumVoltageLimit")
    if res.EVSEMaximumCurrentLimit is not None:
        charger.max_current = to_float(res.EVSEMaximumCurrentLimit, A, LIMIT, "EVSEMaximumCurrentLimit")
    if res.EVSEMaximumPowerLimit is not None:
        charger.max_power = to_float(res.EVSEMaximumPowerLimit, W, LIMIT, "EVSEMaximumPowerLimit")


def dc_parameter(parameter: Any) -> Any:
    """DC_EVSEChargeParameter. Raises BadValue when the charger answers with something else."""
    if type(parameter).__name__ != "DC_EVSEChargeParameter":
        raise BadValue("EVSEChargeParameter: expected DC_EVSEChargeParameter, came " + type(parameter).__name__)
    return parameter


def precharge_voltage(config: EvConfig, facts: PevFacts) -> float:
    """What the inlet shall be brought to, V; 0 while the battery's voltage is unknown."""
    if config.light_bulb_demo:
        return config.light_bulb_voltage_v
    return facts.precharge_voltage or facts.battery_voltage or 0.0


def covers(charger: ChargerLimits, voltage: float) -> bool:
    """The charger can deliver this voltage. An unknown battery voltage is judged later, by the match in precharge."""
    return voltage <= 0.0 or charger.min_voltage <= voltage <= charger.max_voltage


def mismatch(config: EvConfig, facts: PevFacts, evse_voltage: float) -> str:
    """Why contactors may not close yet, "" when the inlet carries the battery's voltage (S1).

    Two witnesses where an own measurement exists: the inlet, and the charger's report near it.
    """
    wanted = config.light_bulb_voltage_v if config.light_bulb_demo else facts.battery_voltage or 0.0
    if wanted <= 0.0:
        return "battery voltage unknown"
    if facts.vehicle_joined is False:            # a bridge: only an estimate, and nothing to close onto
        return NOT_YET
    tolerance = config.precharge_tolerance_v if facts.precharge_tolerance is None else facts.precharge_tolerance
    if config.precharge_voltage_source == "reported":
        return "" if abs(evse_voltage - wanted) <= tolerance else NOT_YET
    inlet = facts.inlet_voltage
    if inlet is None:
        return "inlet voltage unknown"
    if abs(inlet - wanted) > tolerance:
        return NOT_YET
    return "" if abs(evse_voltage - inlet) <= config.voltage_deviation_v else "charger reports another voltage than the inlet has"


def steady(before: float | None, now: float) -> bool:
    """Two reports in a row hardly differ (5 V, as the supervisor wants it of measurements)."""
    return before is not None and abs(now - before) <= STEADY_STEP


def battery_heard(facts: PevFacts) -> bool:
    """Before power: the battery management says anything at all. What it wants (target current) some say only when charging."""
    return facts.permission is not None or facts.battery_voltage is not None


def battery_known(facts: PevFacts) -> bool:
    """While charging: everything that is needed to ask for current."""
    return facts.permission is not None and facts.target_current is not None and facts.target_voltage is not None


def charging_stop(config: EvConfig, facts: PevFacts) -> Stop | None:
    """The end that the car itself wants while charging."""
    if facts.contactors_closed is False:
        return Stop(StopReason.SAFETY_TRIP, True)
    return battery_stop(config, facts)


def battery_stop(config: EvConfig, facts: PevFacts) -> Stop | None:
    """Full, or the battery management says no."""
    if facts.soc is not None and facts.soc >= config.stop_soc_percent:
        return Stop(StopReason.BATTERY_FULL, False)
    if facts.permission is False:
        full = facts.soc is not None and facts.soc >= config.bulk_soc_percent
        return Stop(StopReason.BATTERY_FULL if full else StopReason.CAR_STOP, False)
    return None
