"""The car's states in a DIN 70121 session: what each sends and awaits, how long, and the words and checkpoints for people."""
from __future__ import annotations

from exi_native.messages.din import (CableCheckRes, ChargeParameterDiscoveryRes, ContractAuthenticationRes, CurrentDemandRes,
                                     PowerDeliveryRes, PreChargeRes, ServiceDiscoveryRes, ServicePaymentSelectionRes,
                                     SessionSetupRes, SessionStopRes, WeldingDetectionRes)
from tasks.stop_reasons import StopReason
from tasks.v2g import din_pev_requests as build
from tasks.v2g import timing as t
from tasks.v2g.pev_states import Pev, Row, same

ROWS: dict[Pev, Row] = {
    Pev.Idle: Row("Idle"),
    Pev.SessionSetup: Row(
        "Session setup", build.session_setup, SessionSetupRes, same(t.V2G_EVCC_Msg_Timeout_SessionSetupReq), sent=500, received=506),
    Pev.ServiceDiscovery: Row(
        "Service discovery", build.service_discovery, ServiceDiscoveryRes, same(t.V2G_EVCC_Msg_Timeout_ServiceDiscoveryReq), sent=510),
    Pev.ServicePaymentSelection: Row(
        "Payment selection", build.service_payment_selection, ServicePaymentSelectionRes,
        same(t.V2G_EVCC_Msg_Timeout_ServicePaymentSelectionReq), sent=520),
    Pev.ContractAuthentication: Row(
        "Authorise at charger", build.contract_authentication, ContractAuthenticationRes,
        same(t.V2G_EVCC_Msg_Timeout_ContractAuthenticationReq),
        (t.V2G_EVCC_Ongoing_Timeout, t.FIELD_Ongoing_Timeout_ContractAuthentication), StopReason.ONGOING_TIMEOUT, sent=530),
    Pev.ChargeParameterDiscovery: Row(
        "Charge parameters", build.charge_parameter_discovery, ChargeParameterDiscoveryRes,
        (t.V2G_EVCC_Msg_Timeout_ChargeParameterDiscoveryReq, t.FIELD_Msg_Timeout_ChargeParameterDiscoveryReq),
        same(t.V2G_EVCC_Ongoing_Timeout), StopReason.ONGOING_TIMEOUT, sent=540),
    Pev.WaitReady: Row("Locking", limit=same(t.CONFIRMATION_LIMIT), reason=StopReason.NOT_CONFIRMED),
    Pev.CableCheck: Row(
        "Cable check", build.cable_check, CableCheckRes,
        (t.V2G_EVCC_Msg_Timeout_CableCheckReq, t.FIELD_Msg_Timeout_CableCheckReq),
        same(t.V2G_EVCC_CableCheck_Timeout), StopReason.CABLE_CHECK_FAILED, sent=560),
    Pev.WaitVehicle: Row("Vehicle gets ready", limit=same(t.VEHICLE_READY_LIMIT)),      # passing it is no end: precharge begins
    Pev.PreCharge: Row(
        "Precharge", build.pre_charge, PreChargeRes, (t.V2G_EVCC_Msg_Timeout_PreChargeReq, t.FIELD_Msg_Timeout_PreChargeReq),
        (t.V2G_EVCC_PreCharge_Timeout, t.FIELD_PreCharge_Timeout), StopReason.PRECHARGE_TIMEOUT, sent=570),
    Pev.WaitContactorsClosed: Row("Closing contactors", limit=same(t.CONFIRMATION_LIMIT), reason=StopReason.NOT_CONFIRMED),
    Pev.PowerDeliveryStart: Row(
        "Power on", build.power_delivery_start, PowerDeliveryRes,
        (t.V2G_EVCC_Msg_Timeout_PowerDeliveryReq, t.FIELD_Msg_Timeout_PowerDeliveryReq), sent=600),
    Pev.CurrentDemand: Row(
        "Charging", build.current_demand, CurrentDemandRes,
        (t.V2G_EVCC_Msg_Timeout_CurrentDemandReq, t.FIELD_Msg_Timeout_CurrentDemandReq), sent=700),
    Pev.PowerDeliveryStop: Row(
        "Power off", build.power_delivery_stop, PowerDeliveryRes,
        (t.V2G_EVCC_Msg_Timeout_PowerDeliveryReq, t.FIELD_Msg_Timeout_PowerDeliveryReq), sent=800, received=806, failed_goes_on=True),
    Pev.WaitContactorsOpen: Row("Opening contactors", limit=same(t.CONTACTORS_OPEN_LIMIT), reason=StopReason.NOT_CONFIRMED),
    Pev.WeldingDetection: Row(
        "Welding detection", build.welding_detection, WeldingDetectionRes, same(t.V2G_EVCC_Msg_Timeout_WeldingDetectionReq),
        sent=850, failed_goes_on=True),
    Pev.SessionStop: Row(
        "Ending session", build.session_stop, SessionStopRes, same(t.V2G_EVCC_Msg_Timeout_SessionStopReq),
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
