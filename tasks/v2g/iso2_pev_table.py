"""The car's states in an ISO 15118-2 session: what each sends and awaits, how long, and the words and checkpoints for people."""
from __future__ import annotations

from exi_native.messages.iso2 import (AuthorizationRes, CableCheckRes, ChargeParameterDiscoveryRes, ChargingStatusRes, CurrentDemandRes,
                                      MeteringReceiptRes, PaymentServiceSelectionRes, PowerDeliveryRes, PreChargeRes, ServiceDetailRes,
                                      ServiceDiscoveryRes, SessionSetupRes, SessionStopRes, WeldingDetectionRes)
from tasks.stop_reasons import StopReason
from tasks.v2g import din_pev_table as din
from tasks.v2g import iso2_pev_requests as build
from tasks.v2g import timing as t
from tasks.v2g.pev_states import Pev, Row, same

_POWER_DELIVERY = t.V2G_EVCC_Msg_Timeout_PowerDeliveryReq_ISO2, max(t.V2G_EVCC_Msg_Timeout_PowerDeliveryReq_ISO2, t.FIELD_Msg_Timeout_PowerDeliveryReq)

ROWS: dict[Pev, Row] = {
    Pev.Idle: Row("Idle"),
    Pev.SessionSetup: Row(
        "Session setup", build.session_setup, SessionSetupRes, same(t.V2G_EVCC_Msg_Timeout_SessionSetupReq), sent=500, received=506),
    Pev.ServiceDiscovery: Row(
        "Service discovery", build.service_discovery, ServiceDiscoveryRes, same(t.V2G_EVCC_Msg_Timeout_ServiceDiscoveryReq), sent=510),
    Pev.ServiceDetail: Row("Service detail", build.service_detail, ServiceDetailRes, same(t.V2G_EVCC_Msg_Timeout_ServiceDetailReq), sent=515),
    Pev.PaymentServiceSelection: Row(
        "Payment selection", build.payment_service_selection, PaymentServiceSelectionRes,
        same(t.V2G_EVCC_Msg_Timeout_PaymentServiceSelectionReq), sent=520),
    Pev.Authorization: Row(
        "Authorise at charger", build.authorization, AuthorizationRes, same(t.V2G_EVCC_Msg_Timeout_AuthorizationReq),
        (t.V2G_EVCC_Ongoing_Timeout, t.FIELD_Ongoing_Timeout_ContractAuthentication), StopReason.ONGOING_TIMEOUT, sent=530),
    Pev.ChargeParameterDiscovery: Row(
        "Charge parameters", build.charge_parameter_discovery, ChargeParameterDiscoveryRes,
        (t.V2G_EVCC_Msg_Timeout_ChargeParameterDiscoveryReq, t.FIELD_Msg_Timeout_ChargeParameterDiscoveryReq),
        same(t.V2G_EVCC_Ongoing_Timeout), StopReason.ONGOING_TIMEOUT, sent=540),
    Pev.WaitReady: din.ROWS[Pev.WaitReady],
    Pev.CableCheck: Row(
        "Cable check", build.cable_check, CableCheckRes,
        (t.V2G_EVCC_Msg_Timeout_CableCheckReq, t.FIELD_Msg_Timeout_CableCheckReq),
        same(t.V2G_EVCC_CableCheck_Timeout), StopReason.CABLE_CHECK_FAILED, sent=560),
    Pev.WaitVehicle: Row("Vehicle gets ready", limit=same(t.VEHICLE_READY_LIMIT)),      # passing it is no end: precharge begins
    Pev.PreCharge: Row(
        "Precharge", build.pre_charge, PreChargeRes, (t.V2G_EVCC_Msg_Timeout_PreChargeReq, t.FIELD_Msg_Timeout_PreChargeReq),
        (t.V2G_EVCC_PreCharge_Timeout, t.FIELD_PreCharge_Timeout), StopReason.PRECHARGE_TIMEOUT, sent=570),
    Pev.WaitContactorsClosed: din.ROWS[Pev.WaitContactorsClosed],
    Pev.PowerDeliveryStart: Row("Power on", build.power_delivery_start, PowerDeliveryRes, _POWER_DELIVERY, sent=600),
    Pev.CurrentDemand: Row(
        "Charging", build.current_demand, CurrentDemandRes,
        (t.V2G_EVCC_Msg_Timeout_CurrentDemandReq, t.FIELD_Msg_Timeout_CurrentDemandReq), sent=700),
    Pev.ChargingStatus: Row(
        "Charging AC", build.charging_status, ChargingStatusRes, same(t.V2G_EVCC_Msg_Timeout_ChargingStatusReq), sent=720),
    Pev.MeteringReceipt: Row(
        "Metering receipt", build.metering_receipt, MeteringReceiptRes, same(t.V2G_EVCC_Msg_Timeout_MeteringReceiptReq), sent=730),
    Pev.PowerDeliveryRenegotiate: Row("Renegotiation", build.power_delivery_renegotiate, PowerDeliveryRes, _POWER_DELIVERY, sent=740),
    Pev.WaitLoadEnded: Row("Ending load", limit=same(t.LOAD_END_LIMIT)),
    Pev.PowerDeliveryStop: Row(
        "Power off", build.power_delivery_stop, PowerDeliveryRes, _POWER_DELIVERY, sent=800, received=806, failed_goes_on=True),
    Pev.WaitContactorsOpen: din.ROWS[Pev.WaitContactorsOpen],
    Pev.WeldingDetection: Row(
        "Welding detection", build.welding_detection, WeldingDetectionRes, same(t.V2G_EVCC_Msg_Timeout_WeldingDetectionReq),
        sent=850, failed_goes_on=True),
    Pev.SessionStop: Row(
        "Ending session", build.session_stop, SessionStopRes, same(t.V2G_EVCC_Msg_Timeout_SessionStopReq),
        sent=900, received=905, failed_goes_on=True),
    Pev.Ended: din.ROWS[Pev.Ended],
}
CHECKPOINTS = din.CHECKPOINTS | {
    515: "ServiceDetailReq sent", 520: "PaymentServiceSelectionReq sent", 530: "AuthorizationReq sent", 507: "old session joined",
    720: "ChargingStatusReq sent", 725: "AC charging loop", 730: "MeteringReceiptReq sent", 740: "PowerDeliveryReq(renegotiate) sent",
}
