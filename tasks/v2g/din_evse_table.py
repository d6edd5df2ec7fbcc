"""What a charger accepts in a DIN 70121 session: which request in which state; checkpoints.

Whatever is not in `ACCEPTED` is answered FAILED_SequenceError and ends the session.
"""
from __future__ import annotations

from exi_native.messages.din import (CableCheckReq, ChargeParameterDiscoveryReq, ContractAuthenticationReq, CurrentDemandReq,
                                     PowerDeliveryReq, PreChargeReq, ServiceDiscoveryReq, ServicePaymentSelectionReq,
                                     SessionSetupReq, SessionStop, WeldingDetectionReq)
from tasks.v2g.evse_states import TEXTS, Evse

__all__ = ["ACCEPTED", "CHECKPOINTS", "POWERED", "SILENT", "TEXTS", "Evse"]

ACCEPTED: dict[Evse, frozenset[type]] = {
    Evse.Idle: frozenset(),
    Evse.SessionSetup: frozenset({SessionSetupReq}),
    Evse.ServiceDiscovery: frozenset({ServiceDiscoveryReq, SessionStop}),
    Evse.ServicePaymentSelection: frozenset({ServicePaymentSelectionReq, SessionStop}),
    Evse.ContractAuthentication: frozenset({ContractAuthenticationReq, SessionStop}),
    Evse.ChargeParameterDiscovery: frozenset({ChargeParameterDiscoveryReq, SessionStop}),
    # PowerDeliveryReq before power can only be a stop: an Audi Q4 ends a stuck cable check with it (field sheet 4.1)
    Evse.CableCheck: frozenset({CableCheckReq, PowerDeliveryReq, SessionStop}),
    Evse.PreCharge: frozenset({PreChargeReq, PowerDeliveryReq, SessionStop}),
    Evse.PowerDelivery: frozenset({PreChargeReq, PowerDeliveryReq, SessionStop}),
    Evse.CurrentDemand: frozenset({CurrentDemandReq, PowerDeliveryReq, SessionStop}),
    Evse.WeldingDetection: frozenset({WeldingDetectionReq, SessionStop}),
    Evse.Ended: frozenset(),
}
CHECKPOINTS = {
    505: "SessionSetupRes sent", 515: "ServiceDiscoveryRes sent", 525: "ServicePaymentSelectionRes sent",
    535: "authorisation ongoing", 536: "authorised", 545: "ChargeParameterDiscoveryRes sent", 561: "isolation test begins",
    565: "CableCheckRes(Finished) sent", 575: "PreChargeRes sent", 580: "output follows the precharge voltage",
    605: "PowerDeliveryRes(start) sent", 705: "CurrentDemandRes sent", 790: "EVSE_Shutdown reported",
    805: "PowerDeliveryRes(stop) sent", 855: "WeldingDetectionRes sent", 905: "SessionStopRes sent",
}
SILENT = frozenset({Evse.ServiceDiscovery, Evse.ServicePaymentSelection, Evse.ContractAuthentication})
"""Responses without an EVSE status: a stop can only be told by FAILED."""
POWERED = frozenset({Evse.PreCharge, Evse.PowerDelivery, Evse.CurrentDemand})
"""The output may carry voltage; the car must be in state C."""
