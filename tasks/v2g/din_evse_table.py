"""The charger's states in a DIN 70121 session: which request is allowed in which state, and the words for people.

Whatever is not in `ACCEPTED` is answered FAILED_SequenceError and ends the session.
"""
from __future__ import annotations

from enum import auto

from exi_native.messages.din import (CableCheckReq, ChargeParameterDiscoveryReq, ContractAuthenticationReq, CurrentDemandReq,
                                     PowerDeliveryReq, PreChargeReq, ServiceDiscoveryReq, ServicePaymentSelectionReq,
                                     SessionSetupReq, SessionStop, WeldingDetectionReq)
from kernel.word import Word


class Evse(Word):
    """Named after the request that is expected next."""

    Idle = auto()
    SessionSetup = auto()
    ServiceDiscovery = auto()
    ServicePaymentSelection = auto()
    ContractAuthentication = auto()
    ChargeParameterDiscovery = auto()
    CableCheck = auto()
    PreCharge = auto()
    PowerDelivery = auto()               # precharging, until the car wants power
    CurrentDemand = auto()
    WeldingDetection = auto()
    Ended = auto()


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
TEXTS: dict[Evse, str] = {
    Evse.Idle: "Idle", Evse.SessionSetup: "Session setup", Evse.ServiceDiscovery: "Service discovery",
    Evse.ServicePaymentSelection: "Payment selection", Evse.ContractAuthentication: "Authorisation",
    Evse.ChargeParameterDiscovery: "Charge parameters", Evse.CableCheck: "Cable check", Evse.PreCharge: "Precharge",
    Evse.PowerDelivery: "Precharge", Evse.CurrentDemand: "Charging", Evse.WeldingDetection: "Welding detection",
    Evse.Ended: "Session ended",
}
"""Display text of each state, at most 20 characters."""
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
