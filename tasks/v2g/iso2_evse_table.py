"""What a charger accepts in an ISO 15118-2 session (external payment, DC and AC): which request in which state; checkpoints.

One table for all: what `ACCEPTED` names goes to its handler; in Idle and Ended everything is ignored; whatever else is answered
FAILED_SequenceError and ends the session.
"""
from __future__ import annotations

from exi_native.messages.iso2 import (AuthorizationReq, CableCheckReq, ChargeParameterDiscoveryReq, ChargingStatusReq, CurrentDemandReq,
                                      EnergyTransferMode, MeteringReceiptReq, PaymentServiceSelectionReq, PowerDeliveryReq, PreChargeReq,
                                      ServiceDetailReq, ServiceDiscoveryReq, SessionSetupReq, SessionStopReq, WeldingDetectionReq)
from tasks.v2g.evse_states import Evse

ACCEPTED: dict[Evse, frozenset[type]] = {
    Evse.Idle: frozenset(),
    Evse.SessionSetup: frozenset({SessionSetupReq}),
    Evse.ServiceDiscovery: frozenset({ServiceDiscoveryReq, SessionStopReq}),
    Evse.PaymentServiceSelection: frozenset({ServiceDetailReq, PaymentServiceSelectionReq, SessionStopReq}),
    Evse.Authorization: frozenset({AuthorizationReq, SessionStopReq}),
    Evse.ChargeParameterDiscovery: frozenset({ChargeParameterDiscoveryReq, SessionStopReq}),
    # PowerDeliveryReq before power can only be a stop, as in DIN 70121 (field sheet 4.1: an Audi Q4)
    Evse.CableCheck: frozenset({CableCheckReq, PowerDeliveryReq, SessionStopReq}),
    Evse.PreCharge: frozenset({PreChargeReq, PowerDeliveryReq, SessionStopReq}),
    Evse.PowerDelivery: frozenset({PreChargeReq, PowerDeliveryReq, SessionStopReq}),
    Evse.PowerDeliveryStart: frozenset({PowerDeliveryReq, SessionStopReq}),
    Evse.CurrentDemand: frozenset({CurrentDemandReq, MeteringReceiptReq, PowerDeliveryReq, SessionStopReq}),
    Evse.ChargingStatus: frozenset({ChargingStatusReq, MeteringReceiptReq, PowerDeliveryReq, SessionStopReq}),
    Evse.Renegotiation: frozenset({ChargeParameterDiscoveryReq, PowerDeliveryReq, SessionStopReq}),
    # No CableCheckReq: a battery hangs at the output, and a cable check would put up to 500 V on it
    Evse.PowerDeliveryRestart: frozenset({PowerDeliveryReq, SessionStopReq}),
    Evse.WeldingDetection: frozenset({WeldingDetectionReq, SessionStopReq}),
    Evse.SessionStop: frozenset({SessionStopReq}),
    Evse.Ended: frozenset(),
}
CHECKPOINTS = {
    505: "SessionSetupRes sent", 515: "ServiceDiscoveryRes sent", 520: "ServiceDetailRes sent", 525: "PaymentServiceSelectionRes sent",
    535: "authorisation ongoing", 536: "authorised", 545: "ChargeParameterDiscoveryRes sent", 561: "isolation test begins",
    565: "CableCheckRes(Finished) sent", 575: "PreChargeRes sent", 580: "output follows the precharge voltage",
    605: "PowerDeliveryRes(start) sent", 705: "charge loop answered", 720: "MeteringReceiptRes sent", 780: "ReNegotiation reported",
    785: "PowerDeliveryRes(renegotiate) sent", 790: "StopCharging reported", 805: "PowerDeliveryRes(stop) sent",
    855: "WeldingDetectionRes sent", 905: "SessionStopRes sent",
}
SILENT = frozenset({Evse.ServiceDiscovery, Evse.PaymentServiceSelection, Evse.Authorization})
"""Responses without an EVSE status: a stop can only be told by FAILED."""
LOOP = frozenset({Evse.CurrentDemand, Evse.ChargingStatus})
POWERED = frozenset({Evse.PreCharge, Evse.PowerDelivery, Evse.Renegotiation, Evse.PowerDeliveryRestart}) | LOOP
"""Energy may flow; the car must be in state C."""
AGREED = (POWERED - {Evse.Renegotiation}) | {Evse.CableCheck, Evse.PowerDeliveryStart}
"""Parameters are agreed that the charger may want to change."""
AC_MODES = {EnergyTransferMode.AC_single_phase_core: 1, EnergyTransferMode.AC_three_phase_core: 3}
"""AC mode -> number of phases."""
