"""How long each part of a session usually takes, least, median and most, and its limit in the standard: one table with its sources.

Sources: "spread" is section 8.2 of slac-and-network.md, "captures" are recorded sessions of real cars and chargers (field sheet 7.5 and 11), measured by
tools/decode; limits are sections 7.1 and 7.2 of slac-and-network.md.
"""
from __future__ import annotations

from kernel.record import dataclass


@dataclass(frozen=True, slots=True)
class Usual:
    """s; `limit` None: there is none."""

    least: float
    median: float
    most: float
    limit: float | None
    limit_name: str
    source: str


TABLE = {
    "matching": Usual(0.85, 1.5, 3.35, 10.0, "TT_EVSE_match_session", "spread: PARM to MATCH.CNF, n = 28"),
    "joining the network": Usual(0.4, 4.1, 8.2, 12.0, "TT_match_join", "spread: MATCH.CNF to the first IPv6 frame"),
    "SDP": Usual(0.01, 0.1, 12.9, 12.5, "50 requests, one each 250 ms", "spread: 9 to 571 ms; 12.9 s where a car first asks for TLS (captures)"),
    "TCP connection": Usual(0.005, 0.3, 1.0, 20.0, "V2G_EVCC_CommunicationSetup_Timeout", "spread: SDP answer to SYN"),
    "supportedAppProtocol": Usual(0.1, 0.3, 1.1, 2.0, "V2G_EVCC_Msg_Timeout", "captures"),
    "SessionSetup": Usual(0.01, 0.2, 0.6, 2.0, "V2G_EVCC_Msg_Timeout", "captures"),
    "ServiceDiscovery": Usual(0.01, 0.2, 0.4, 2.0, "V2G_EVCC_Msg_Timeout", "captures"),
    "ServicePaymentSelection": Usual(0.01, 0.2, 0.4, 2.0, "V2G_EVCC_Msg_Timeout", "captures"),
    "ContractAuthentication": Usual(0.2, 18.0, 28.0, 60.0, "V2G_EVCC_Ongoing_Timeout", "captures: 0.2 s at a free charger, 18 to 28 s at public ones"),
    "ChargeParameterDiscovery": Usual(0.1, 1.0, 5.2, 60.0, "V2G_EVCC_Ongoing_Timeout", "captures"),
    "CableCheck": Usual(0.4, 10.0, 15.0, 40.0, "V2G_EVCC_CableCheck_Timeout", "captures; field sheet 7.5: Compleo 8 to 10 s, Alpitronic 13.6 to 14.1 s"),
    "PreCharge": Usual(0.7, 2.7, 8.5, 7.0, "V2G_EVCC_PreCharge_Timeout", "captures; most cars tolerate 30 s (safety sheet S4)"),
    "PowerDelivery": Usual(0.02, 0.4, 1.5, 5.0, "V2G_EVCC_Msg_Timeout of PowerDelivery", "captures; field sheet 6: 1.5 s to ramp down"),
    "WeldingDetection": Usual(0.1, 0.5, 2.1, 2.0, "V2G_EVCC_Msg_Timeout, each round", "captures"),
    "SessionStop": Usual(0.01, 0.1, 0.5, 2.0, "V2G_EVCC_Msg_Timeout", "captures"),
}
ALIASES = {"PaymentServiceSelection": "ServicePaymentSelection", "Authorization": "ContractAuthentication", "DC_CableCheck": "CableCheck",
           "DC_PreCharge": "PreCharge", "DC_ChargeParameterDiscovery": "ChargeParameterDiscovery", "AC_ChargeParameterDiscovery": "ChargeParameterDiscovery",
           "DC_WeldingDetection": "WeldingDetection", "AuthorizationSetup": "ServiceDiscovery", "ServiceSelection": "ServicePaymentSelection"}
"""Names in ISO 15118-2 and -20 of what DIN 70121 calls otherwise."""


def usual(name: str) -> Usual | None:
    """None: nothing is known about it, as of the charging loop, which lasts as long as it lasts."""
    return TABLE.get(ALIASES.get(name, name))


def compared(name: str, seconds: float) -> str:
    """`41.0 s, usual 0.4 to 15 s, limit 40 s (V2G_EVCC_CableCheck_Timeout)`."""
    row = usual(name)
    if row is None:
        return f"{seconds:.1f} s"
    words = f"{number(seconds)} s"
    if seconds > row.most * 1.2 or row.limit is not None and seconds > row.limit:
        words += f", usual {number(row.least)} to {number(row.most)} s"
        if row.limit is not None:
            words += f", limit {row.limit:g} s ({row.limit_name})"
    return words


def number(seconds: float) -> str:
    """Two figures below 1 s, one above."""
    return f"{seconds:.2f}" if seconds < 0.995 else f"{seconds:.1f}"
