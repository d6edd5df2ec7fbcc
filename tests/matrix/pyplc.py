"""pyPLC's 16 fault injections (mytestsuite.py, field sheet 5) by their names in this matrix; its expectation is a safe shutdown."""
from __future__ import annotations

CASES: dict[int, tuple[str, str]] = {
    1: ("SequenceError in SessionSetupRes", "pev/SessionSetupRes/ResponseCode=FAILED_SequenceError"),
    2: ("Failed in CableCheckRes", "pev/CableCheckRes/ResponseCode=FAILED"),
    3: ("SequenceError in ServiceDiscoveryRes", "pev/ServiceDiscoveryRes/ResponseCode=FAILED_SequenceError"),
    4: ("SequenceError in ServicePaymentSelectionRes", "pev/ServicePaymentSelectionRes/ResponseCode=FAILED_SequenceError"),
    5: ("SequenceError in ContractAuthenticationRes", "pev/ContractAuthenticationRes/ResponseCode=FAILED_SequenceError"),
    6: ("ServiceSelectionInvalid in ChargeParameterDiscoveryRes", "pev/ChargeParameterDiscoveryRes/ResponseCode=FAILED_ServiceSelectionInvalid"),
    7: ("Failed in PreChargeRes", "pev/PreChargeRes#4/ResponseCode=FAILED"),
    8: ("Failed in PowerDeliveryRes", "pev/PowerDeliveryRes/ResponseCode=FAILED"),
    9: ("Failed in CurrentDemandRes", "pev/CurrentDemandRes#4/ResponseCode=FAILED"),
    10: ("timeout during CableCheck", "pev/CableCheckRes/silent"),
    11: ("timeout during PreCharge", "pev/PreChargeRes/silent"),
    12: ("EVSE_Shutdown during PreCharge", "pev/PreChargeRes#4/DC_EVSEStatus.EVSEStatusCode=EVSE_Shutdown"),
    13: ("EVSE_Shutdown during CurrentDemand", "pev/CurrentDemandRes#4/DC_EVSEStatus.EVSEStatusCode=EVSE_Shutdown"),
    14: ("EVSE_Malfunction during CurrentDemand", "pev/CurrentDemandRes#4/DC_EVSEStatus.EVSEStatusCode=EVSE_Malfunction"),
    15: ("timeout during CurrentDemand", "pev/CurrentDemandRes#4/silent"),
    16: ("good case", "pev/@v2g.CurrentDemand/none"),
}
NAMES = frozenset(name for _, name in CASES.values())
