"""The charger's DIN 70121 responses, built from what the machine knows; every mandatory field has a value in a FAILED, too."""
from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from exi_native.messages.din import (CableCheckReq, CableCheckRes, ChargeParameterDiscoveryReq, ChargeParameterDiscoveryRes,
                                     ContractAuthenticationReq, ContractAuthenticationRes, CurrentDemandReq, CurrentDemandRes,
                                     DC_EVSEChargeParameter, DC_EVSEStatus, DC_EVSEStatusCode, EVSENotification,
                                     EVSEProcessing, EVSESupportedEnergyTransfer, PaymentDetailsReq, PaymentDetailsRes,
                                     PaymentOptions, PMaxSchedule, PMaxScheduleEntry, PowerDeliveryReq, PowerDeliveryRes,
                                     PreChargeReq, PreChargeRes, RelativeTimeInterval, SAScheduleList, SAScheduleTuple,
                                     ServiceCharge, ServiceDetailReq, ServiceDetailRes, ServiceDiscoveryReq,
                                     ServiceDiscoveryRes, ServicePaymentSelectionReq, ServicePaymentSelectionRes, ServiceTag,
                                     SessionSetupReq, SessionSetupRes, SessionStop, SessionStopRes, WeldingDetectionReq,
                                     WeldingDetectionRes, paymentOption, responseCode, serviceCategory)
from tasks.v2g.physical import A, V, W, from_float

if TYPE_CHECKING:
    from tasks.v2g.din_evse import DinEvse

SERVICE_ID = 1                   # as alpitronic and the peers number the charge service
SCHEDULE_ID = 1                  # BMW iX and Togg stop without a schedule (field sheet 7.1); iso15118 refuses id 0 (peers sheet)
SCHEDULE_SECONDS = 86400
MAX_PMAX_WATTS = 32767           # PMaxType is a short

OK = responseCode.OK


def status(m: DinEvse, code: DC_EVSEStatusCode | None = None) -> DC_EVSEStatus:
    """EVSEStatus: the stop when there is one, else `code`, else Ready."""
    stop = m.stop_code
    return DC_EVSEStatus(EVSEIsolationStatus=m.isolation_level, EVSEStatusCode=stop or code or DC_EVSEStatusCode.EVSE_Ready,
                         NotificationMaxDelay=0, EVSENotification=EVSENotification.None_)


def session_setup(m: DinEvse, code: responseCode) -> SessionSetupRes:
    return SessionSetupRes(ResponseCode=code, EVSEID=m.evse_id)


def service_discovery(m: DinEvse, code: responseCode = OK) -> ServiceDiscoveryRes:
    return ServiceDiscoveryRes(
        ResponseCode=code, PaymentOptions=PaymentOptions(PaymentOption=[paymentOption.ExternalPayment]),
        ChargeService=ServiceCharge(
            ServiceTag=ServiceTag(ServiceID=SERVICE_ID, ServiceCategory=serviceCategory.EVCharging),
            FreeService=m.config.authorisation_delay_ms == 0, EnergyTransferType=EVSESupportedEnergyTransfer.DC_extended))


def service_payment_selection(m: DinEvse, code: responseCode = OK) -> ServicePaymentSelectionRes:
    return ServicePaymentSelectionRes(ResponseCode=code)


def contract_authentication(m: DinEvse, code: responseCode = OK, finished: bool = True) -> ContractAuthenticationRes:
    return ContractAuthenticationRes(ResponseCode=code, EVSEProcessing=_processing(finished))


def charge_parameter_discovery(m: DinEvse, code: responseCode = OK, finished: bool = True) -> ChargeParameterDiscoveryRes:
    c = m.config
    pmax = min(MAX_PMAX_WATTS, int(m.power_cap))
    return ChargeParameterDiscoveryRes(
        ResponseCode=code, EVSEProcessing=_processing(finished),
        SASchedules=SAScheduleList(SAScheduleTuple=[SAScheduleTuple(
            SAScheduleTupleID=SCHEDULE_ID, PMaxSchedule=PMaxSchedule(PMaxScheduleID=1, PMaxScheduleEntry=[PMaxScheduleEntry(
                TimeInterval=RelativeTimeInterval(start=0, duration=SCHEDULE_SECONDS), PMax=pmax)]))]),
        EVSEChargeParameter=DC_EVSEChargeParameter(
            DC_EVSEStatus=status(m), EVSEMaximumCurrentLimit=from_float(c.max_current_a, A),
            EVSEMaximumPowerLimit=from_float(m.power_cap, W), EVSEMaximumVoltageLimit=from_float(c.max_voltage_v, V),
            EVSEMinimumCurrentLimit=from_float(c.min_current_a, A), EVSEMinimumVoltageLimit=from_float(c.min_voltage_v, V),
            EVSEPeakCurrentRipple=from_float(c.peak_current_ripple_a, A)))


def cable_check(m: DinEvse, code: responseCode = OK, finished: bool = True) -> CableCheckRes:
    """Finished says EVSE_Ready: an Audi Q4 waits for ever after NotReady (field sheet 7.1)."""
    running = DC_EVSEStatusCode.EVSE_IsolationMonitoringActive
    return CableCheckRes(ResponseCode=code, DC_EVSEStatus=status(m, None if finished else running),
                         EVSEProcessing=_processing(finished))


def pre_charge(m: DinEvse, code: responseCode = OK) -> PreChargeRes:
    return PreChargeRes(ResponseCode=code, DC_EVSEStatus=status(m), EVSEPresentVoltage=from_float(m.facts.output_voltage or 0.0, V))


def power_delivery(m: DinEvse, code: responseCode = OK) -> PowerDeliveryRes:
    return PowerDeliveryRes(ResponseCode=code, EVSEStatus=status(m))


def current_demand(m: DinEvse, code: responseCode = OK) -> CurrentDemandRes:
    c = m.config
    return CurrentDemandRes(
        ResponseCode=code, DC_EVSEStatus=status(m), EVSEPresentVoltage=from_float(m.facts.output_voltage or 0.0, V),
        EVSEPresentCurrent=from_float(m.facts.output_current or 0.0, A), EVSECurrentLimitAchieved=m.current_limited,
        EVSEVoltageLimitAchieved=m.voltage_limited, EVSEPowerLimitAchieved=m.power_limited,
        EVSEMaximumVoltageLimit=from_float(c.max_voltage_v, V), EVSEMaximumCurrentLimit=from_float(c.max_current_a, A),
        EVSEMaximumPowerLimit=from_float(m.power_cap, W))


def welding_detection(m: DinEvse, code: responseCode = OK) -> WeldingDetectionRes:
    return WeldingDetectionRes(ResponseCode=code, DC_EVSEStatus=status(m),
                               EVSEPresentVoltage=from_float(m.facts.output_voltage or 0.0, V))


def session_stop(m: DinEvse, code: responseCode = OK) -> SessionStopRes:
    return SessionStopRes(ResponseCode=code)


def service_detail(m: DinEvse, code: responseCode) -> ServiceDetailRes:
    return ServiceDetailRes(ResponseCode=code, ServiceID=SERVICE_ID)


def payment_details(m: DinEvse, code: responseCode) -> PaymentDetailsRes:
    return PaymentDetailsRes(ResponseCode=code, GenChallenge="", DateTimeNow=0)


def _processing(finished: bool) -> EVSEProcessing:
    return EVSEProcessing.Finished if finished else EVSEProcessing.Ongoing


REFUSALS: dict[type, Callable[[DinEvse, responseCode], object]] = {
    SessionSetupReq: session_setup, ServiceDiscoveryReq: service_discovery, ServiceDetailReq: service_detail,
    ServicePaymentSelectionReq: service_payment_selection, PaymentDetailsReq: payment_details,
    ContractAuthenticationReq: contract_authentication, ChargeParameterDiscoveryReq: charge_parameter_discovery,
    CableCheckReq: cable_check, PreChargeReq: pre_charge, PowerDeliveryReq: power_delivery, CurrentDemandReq: current_demand,
    WeldingDetectionReq: welding_detection, SessionStop: session_stop,
}
"""Request type -> the response that can carry a FAILED. Others (certificates, AC) have none: the stream is closed."""
