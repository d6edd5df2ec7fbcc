"""How long each phase may take by the standard and how long it usually takes: timers by their own names, and what recorded sessions needed."""
from __future__ import annotations

from kernel.timer import S
from tasks.homeplug import timing as slac
from tasks.v2g import timing as v2g

SDP_LIMIT = 12.5             # s: 50 requests, 250 ms apart (slac-and-network sheet 7.1)
ISO20_PRECHARGE_LIMIT = 10.0  # s (sheet 7.2, last line)
ONGOING = ("ContractAuthentication", "Authorization", "ChargeParameterDiscovery", "ScheduleExchange", "DC_ChargeParameterDiscovery")
"""Phases that the charger may prolong by Ongoing."""
SETUP, READY = "SDP to SessionSetup", "SessionSetup to charging"

# (lowest, median, highest) in s of the sessions in ../shared/captures in which the phase was completed, as `python -m tools.history.usual` prints
# them; matching: safety-security-needs sheet 4.4, 28 sessions of a normal SLAC
USUAL: dict[str, tuple[float, float, float]] = {
    "matching": (0.85, 1.5, 3.35),
    "Authorization": (0.099, 0.099, 0.1), "CableCheck": (0.07, 5.5, 14), "ChargeParameterDiscovery": (0.009, 0.1, 4.2),
    "ContractAuthentication": (0.01, 0.16, 27), "PaymentServiceSelection": (0.099, 0.099, 0.1), "PowerDelivery (start)": (0.025, 0.1, 0.13),
    "PowerDelivery (stop)": (0.037, 0.1, 0.6), "PreCharge": (0.75, 2.5, 7.9), "SDP": (0.069, 0.6, 13), "ServiceDiscovery": (0.0077, 0.099, 0.26),
    "ServicePaymentSelection": (0.0076, 0.056, 0.11), "SessionSetup": (0.0085, 0.081, 0.11), "WeldingDetection": (0.099, 0.31, 0.49),
    "joining the network": (0.54, 7, 20), "supportedAppProtocol": (0.0092, 0.099, 0.51),
}


def limit_of(name: str, protocol: str, exchanges: int, ongoing: bool) -> tuple[float, str] | None:
    """(s, name of the timer) for a phase; None where the standard sets none. `exchanges`: requests in it, `ongoing`: the charger asked for patience."""
    fixed = {
        "joining the network": (slac.TT_match_join / S, "TT_match_join"),
        "SDP": (SDP_LIMIT, "SDP: 50 requests, 250 ms apart"),
        "CableCheck": _timer("V2G_EVCC_CableCheck_Timeout"), "DC_CableCheck": _timer("V2G_EVCC_CableCheck_Timeout"),
        "PreCharge": _timer("V2G_EVCC_PreCharge_Timeout"), "DC_PreCharge": (ISO20_PRECHARGE_LIMIT, "V2G_EVCC_PreCharge_Timeout of ISO 15118-20"),
        SETUP: _timer("V2G_EVCC_CommunicationSetup_Timeout"), READY: _timer("V2G_EVCC_ReadyToCharge_Timeout"),
    }.get(name)
    if fixed is not None:
        return fixed
    if name in ONGOING and (ongoing or exchanges > 1):
        return _timer("V2G_EVCC_Ongoing_Timeout")
    if exchanges == 1:
        return message_limit(name.split(" ")[0], protocol)
    return None


def message_limit(name: str, protocol: str) -> tuple[float, str] | None:
    """(s, name) that the car waits for the answer to one request of this name (without Req)."""
    if protocol.startswith("ISO 15118-20"):
        return None                                          # 2 s mostly, but the table of the sheet is not complete
    timer = f"V2G_EVCC_Msg_Timeout_{name}Req"
    if protocol == "ISO 15118-2" and hasattr(v2g, timer + "_ISO2"):
        return getattr(v2g, timer + "_ISO2") / S, timer
    return _timer(timer) if hasattr(v2g, timer) else None


def _timer(name: str) -> tuple[float, str]:
    return getattr(v2g, name) / S, name
