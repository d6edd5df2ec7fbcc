"""What a recorded talk says about its two ends: settings of ours that stand for the same charger or car, and the facts of a moment."""
from __future__ import annotations

from typing import Any

from exi_native.messages.appproto import AppProtocol
from kernel.settings import describe
from tasks.listen.values import physical
from tasks.v2g.config import EvConfig, EvseConfig
from tasks.v2g.protocols import PROTOCOLS
from tests.replay.recording import Item, Talk, offers

EVSE_LIMITS = {
    "max_voltage_v": "EVSEMaximumVoltageLimit", "min_voltage_v": "EVSEMinimumVoltageLimit", "max_current_a": "EVSEMaximumCurrentLimit",
    "min_current_a": "EVSEMinimumCurrentLimit", "max_power_kw": "EVSEMaximumPowerLimit", "peak_current_ripple_a": "EVSEPeakCurrentRipple",
    "ac_nominal_voltage_v": "EVSENominalVoltage", "ac_max_current_a": "EVSEMaxCurrent",
}
EV_LIMITS = {
    "max_voltage_v": "EVMaximumVoltageLimit", "max_current_a": "EVMaximumCurrentLimit", "max_power_kw": "EVMaximumPowerLimit",
    "stop_soc_percent": "FullSOC", "bulk_soc_percent": "BulkSOC", "energy_capacity_wh": "EVEnergyCapacity",
    "ac_max_voltage_v": "EVMaxVoltage", "ac_max_current_a": "EVMaxCurrent", "ac_min_current_a": "EVMinCurrent",
}
AC = ("AC_single_phase_core", "AC_three_phase_core")
LEAST_STOP_SOC = 100.0       # where the recorded car names no FullSOC: it ends when the recorded one did, not earlier


def value(body: Any, name: str) -> float | None:
    """The number in field `name` of a body or of what it holds; None where it is absent."""
    for holder in (body, getattr(body, "EVChargeParameter", None), getattr(body, "EVSEChargeParameter", None)):
        found = getattr(holder, name, None)
        if found is not None:
            return float(physical(found, name)["value"] if hasattr(found, "Value") else found)
    return None


def status(body: Any) -> Any:
    """DC_EVStatus, DC_EVSEStatus or AC_EVSEStatus of a body, wherever it stands; None without one."""
    for holder in (body, *(getattr(body, n, None) for n in ("EVChargeParameter", "EVSEChargeParameter", "EVPowerDeliveryParameter"))):
        for name in ("DC_EVStatus", "DC_EVSEStatus", "AC_EVSEStatus", "EVSEStatus"):
            found = getattr(holder, name, None)
            if found is not None:
                return found
    return None


def _limits(cls: type, body: Any, names: dict[str, str]) -> dict[str, float]:
    """Settings from the fields of a message, within what the settings allow."""
    entries = {e.path[-1]: e for e in describe(cls)}
    out = {}
    for key, name in names.items():
        found = value(body, name)
        if found is not None:
            found = found / 1000 if key.endswith("_kw") else found
            entry = entries[key]
            out[key] = min(max(found, entry.low), entry.high)
    return out


def last(talk: Talk, name: str, response: bool) -> Any:
    """Body of the last message of that name, None without one."""
    found = None
    for e in talk.exchanges:
        item = e.response if response else e.request
        if item is not None and item.name == name:
            found = item.body
    return found


def charger_settings(talk: Talk) -> EvseConfig:
    """A charger of ours with the limits, ids and modes that the recorded one announced; the rest as it is delivered."""
    config = EvseConfig(**_limits(EvseConfig, last(talk, "ChargeParameterDiscoveryRes", True), EVSE_LIMITS))
    setup = talk.first("SessionSetupRes", response=True)
    if setup is not None:
        if isinstance(setup.EVSEID, bytes):
            config.evse_id = setup.EVSEID.hex()
        else:
            config.evse_id_text = setup.EVSEID
    offered = getattr(getattr(talk.first("ServiceDiscoveryRes", response=True), "ChargeService", None), "SupportedEnergyTransferMode", None)
    if offered is not None:
        config.energy_transfer_modes = [m.name for m in offered.EnergyTransferMode]
    return config


def car_settings(talk: Talk) -> EvConfig:
    """A car of ours with the limits that the recorded one told, its protocols as far as we speak them; the rest as it is delivered."""
    asked = talk.first("ChargeParameterDiscoveryReq")
    config = EvConfig(**{"stop_soc_percent": LEAST_STOP_SOC} | _limits(EvConfig, asked, EV_LIMITS))
    mode = getattr(asked, "RequestedEnergyTransferMode", None)
    if mode is not None and mode.name in AC:
        config.energy_transfer_modes = [mode.name]
    spoken = [p.key for o in sorted(offers(talk), key=_priority) for p in PROTOCOLS.values() if p.namespace == o.ProtocolNamespace]
    config.protocols = spoken or config.protocols
    return config


def battery_voltage(talk: Talk) -> float | None:
    """V: what the recorded car precharged to; where the charger came to another voltage and the car went on, that one."""
    target, present, goes_on = None, None, False
    for e in talk.requests():
        if e.request.name == "PreChargeReq":
            target = value(e.request.body, "EVTargetVoltage")
            if e.response is not None:
                present = value(e.response.body, "EVSEPresentVoltage")
        elif e.request.name == "PowerDeliveryReq" and starts(e.request):
            goes_on = True
    return present if goes_on and present and target is not None and abs(present - target) > 10.0 else target


def starts(request: Item) -> bool:
    """PowerDeliveryReq asks for power."""
    body = request.body
    return bool(body.ReadyToChargeState) if hasattr(body, "ReadyToChargeState") else body.ChargeProgress.name == "Start"


def kind(request: Item) -> str:
    """Name of a request, with what tells two of the same name apart."""
    if request.name == "PowerDeliveryReq":
        return request.name + ("(start)" if starts(request) else "(stop)")
    return request.name


def ongoing(response: Item | None) -> bool:
    """The charger is not ready yet."""
    processing = getattr(response and response.body, "EVSEProcessing", None)
    return processing is not None and processing.name != "Finished"


def _priority(offer: AppProtocol) -> int:
    return offer.Priority
