"""The car's states in a DIN 70121 session: what each sends and awaits, how long, and the words and checkpoints for people."""
from __future__ import annotations

from dataclasses import dataclass
from enum import auto
from typing import Callable

from exi_native.messages.din import (CableCheckRes, ChargeParameterDiscoveryRes, ContractAuthenticationRes, CurrentDemandRes,
                                     PowerDeliveryRes, PreChargeRes, ServiceDiscoveryRes, ServicePaymentSelectionRes,
                                     SessionSetupRes, SessionStopRes, WeldingDetectionRes)
from kernel.timer import NEVER
from kernel.word import Word
from tasks.stop_reasons import StopReason
from tasks.v2g import din_pev_requests as build
from tasks.v2g import timing as t

class Pev(Word):
    Idle = auto()
    SessionSetup = auto()
    ServiceDiscovery = auto()
    ServicePaymentSelection = auto()
    ContractAuthentication = auto()
    ChargeParameterDiscovery = auto()
    WaitReady = auto()                   # lock confirmed, then state C confirmed
    CableCheck = auto()
    PreCharge = auto()
    WaitContactorsClosed = auto()
    PowerDeliveryStart = auto()
    CurrentDemand = auto()
    PowerDeliveryStop = auto()
    WaitContactorsOpen = auto()
    WeldingDetection = auto()
    SessionStop = auto()
    Ended = auto()


@dataclass(frozen=True, slots=True)
class Row:
    """One state. Times in ns, strict and tolerant; `limit` counts from the state's first request."""

    text: str                                        # for the display, at most 20 characters
    request: Callable | None = None                  # builds what we send
    response: type | None = None                     # what we await
    timeout: tuple[int, int] = (NEVER, NEVER)
    limit: tuple[int, int] = (NEVER, NEVER)
    reason: StopReason = StopReason.TIMEOUT          # when `limit` passes
    sent: int = 0                                    # checkpoint of the first request
    received: int = 0                                # checkpoint of the first response
    failed_goes_on: bool = False                     # at the end of a session a FAILED changes nothing any more


def _same(value: int) -> tuple[int, int]:
    return value, value


ROWS: dict[Pev, Row] = {
    Pev.Idle: Row("Idle"),
    Pev.SessionSetup: Row(
        "Session setup", build.session_setup, SessionSetupRes, _same(t.V2G_EVCC_Msg_Timeout_SessionSetupReq), sent=500, received=506),
    Pev.ServiceDiscovery: Row(
        "Service discovery", build.service_discovery, ServiceDiscoveryRes, _same(t.V2G_EVCC_Msg_Timeout_ServiceDiscoveryReq), sent=510),
    Pev.ServicePaymentSelection: Row(
        "Payment selection", build.service_payment_selection, ServicePaymentSelectionRes,
        _same(t.V2G_EVCC_Msg_Timeout_ServicePaymentSelectionReq), sent=520),
    Pev.ContractAuthentication: Row(
        "Authorise at charger", build.contract_authentication, ContractAuthenticationRes,
        _same(t.V2G_EVCC_Msg_Timeout_ContractAuthenticationReq),
        (t.V2G_EVCC_Ongoing_Timeout, t.FIELD_Ongoing_Timeout_ContractAuthentication), StopReason.ONGOING_TIMEOUT, sent=530),
    Pev.ChargeParameterDiscovery: Row(
        "Charge parameters", build.charge_parameter_discovery, ChargeParameterDiscoveryRes,
        (t.V2G_EVCC_Msg_Timeout_ChargeParameterDiscoveryReq, t.FIELD_Msg_Timeout_ChargeParameterDiscoveryReq),
        _same(t.V2G_EVCC_Ongoing_Timeout), StopReason.ONGOING_TIMEOUT, sent=540),
    Pev.WaitReady: Row("Locking", limit=_same(t.CONFIRMATION_LIMIT), reason=StopReason.NOT_CONFIRMED),
    Pev.CableCheck: Row(
        "Cable check", build.cable_check, CableCheckRes,
        (t.V2G_EVCC_Msg_Timeout_CableCheckReq, t.FIELD_Msg_Timeout_CableCheckReq),
        _same(t.V2G_EVCC_CableCheck_Timeout), StopReason.CABLE_CHECK_FAILED, sent=560),
    Pev.PreCharge: Row(
        "Precharge", build.pre_charge, PreChargeRes, (t.V2G_EVCC_Msg_Timeout_PreChargeReq, t.FIELD_Msg_Timeout_PreChargeReq),
        (t.V2G_EVCC_PreCharge_Timeout, t.FIELD_PreCharge_Timeout), StopReason.PRECHARGE_TIMEOUT, sent=570),
    Pev.WaitContactorsClosed: Row("Closing contactors", limit=_same(t.CONFIRMATION_LIMIT), reason=StopReason.NOT_CONFIRMED),
    Pev.PowerDeliveryStart: Row(
        "Power on", build.power_delivery_start, PowerDeliveryRes,
        (t.V2G_EVCC_Msg_Timeout_PowerDeliveryReq, t.FIELD_Msg_Timeout_PowerDeliveryReq), sent=600),
    Pev.CurrentDemand: Row(
        "Charging", build.current_demand, CurrentDemandRes,
        (t.V2G_EVCC_Msg_Timeout_CurrentDemandReq, t.FIELD_Msg_Timeout_CurrentDemandReq), sent=700),
    Pev.PowerDeliveryStop: Row(
        "Power off", build.power_delivery_stop, PowerDeliveryRes,
        (t.V2G_EVCC_Msg_Timeout_PowerDeliveryReq, t.FIELD_Msg_Timeout_PowerDeliveryReq), sent=800, received=806, failed_goes_on=True),
    Pev.WaitContactorsOpen: Row("Opening contactors", limit=_same(t.CONTACTORS_OPEN_LIMIT), reason=StopReason.NOT_CONFIRMED),
    Pev.WeldingDetection: Row(
        "Welding detection", build.welding_detection, WeldingDetectionRes, _same(t.V2G_EVCC_Msg_Timeout_WeldingDetectionReq),
        sent=850, failed_goes_on=True),
    Pev.SessionStop: Row(
        "Ending session", build.session_stop, SessionStopRes, _same(t.V2G_EVCC_Msg_Timeout_SessionStopReq),
        sent=900, received=905, failed_goes_on=True),
    Pev.Ended: Row("Session ended"),
}
CHECKPOINTS = {
    400: "supportedAppProtocolReq sent", 403: "protocol agreed", 500: "SessionSetupReq sent", 506: "SessionSetupRes received",
    510: "ServiceDiscoveryReq sent", 520: "ServicePaymentSelectionReq sent", 530: "ContractAuthenticationReq sent",
    535: "authorisation ongoing", 538: "authorisation finished", 540: "ChargeParameterDiscoveryReq sent",
    550: "state C asked for", 555: "lock asked for", 556: "lock confirmed", 560: "CableCheckReq sent", 566: "cable check ongoing",
    570: "PreChargeReq sent", 581: "inlet voltage compared", 582: "precharge goes on",
    590: "contactors asked to close", 600: "PowerDeliveryReq(start) sent",
    700: "CurrentDemandReq sent", 710: "charging loop", 790: "charger stops (EVSE_Shutdown)", 800: "PowerDeliveryReq(stop) sent",
    806: "PowerDeliveryRes(stop) received", 810: "state B, contactors asked to open", 850: "WeldingDetectionReq sent",
    900: "SessionStopReq sent", 905: "SessionStopRes received",
}
STOPPABLE = frozenset(Pev) - {Pev.PowerDeliveryStop, Pev.WaitContactorsOpen, Pev.WeldingDetection, Pev.SessionStop, Pev.Ended}
"""From these a stop changes the course; the others are on their way out already."""
UNDER_WAY = frozenset({Pev.WaitReady, Pev.CableCheck, Pev.PreCharge, Pev.WaitContactorsClosed, Pev.PowerDeliveryStart})
"""From lock to power: the battery management's veto ends these."""
POLLING = frozenset({Pev.WaitReady, Pev.WaitContactorsClosed, Pev.WaitContactorsOpen})
