"""The charger's ISO 15118-2 responses, built from what the machine knows; every mandatory field has a value in a FAILED, too."""
from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from exi_native.messages.iso2 import (AC_EVSEChargeParameter, AC_EVSEStatus, AuthorizationReq, AuthorizationRes, CableCheckReq, CableCheckRes,
                                      ChargeParameterDiscoveryReq, ChargeParameterDiscoveryRes, ChargeService, ChargingStatusReq,
                                      ChargingStatusRes, CurrentDemandReq, CurrentDemandRes, DC_EVSEChargeParameter, DC_EVSEStatus,
                                      DC_EVSEStatusCode, EnergyTransferMode, EVSENotification, EVSEProcessing, MeteringReceiptReq,
                                      MeteringReceiptRes, MeterInfo, PaymentDetailsReq, PaymentDetailsRes, PaymentOptionList,
                                      PaymentServiceSelectionReq, PaymentServiceSelectionRes, PMaxSchedule, PMaxScheduleEntry,
                                      PowerDeliveryReq, PowerDeliveryRes, PreChargeReq, PreChargeRes, RelativeTimeInterval, SAScheduleList,
                                      SAScheduleTuple, ServiceDetailReq, ServiceDetailRes, ServiceDiscoveryReq, ServiceDiscoveryRes,
                                      SessionSetupReq, SessionSetupRes, SessionStopReq, SessionStopRes, SupportedEnergyTransferMode,
                                      WeldingDetectionReq, WeldingDetectionRes, paymentOption, responseCode, serviceCategory)
from tasks.v2g.config import SCHEDULE_SECONDS
from tasks.v2g.iso2_evse_table import LOOP
from tasks.v2g.iso2_values import from_float
from tasks.v2g.physical import A, V, W

if TYPE_CHECKING:
    from tasks.v2g.iso2_evse import Iso2Evse

SERVICE_ID = 1                   # of the charge service, as the test equipment numbers it (vectors ISO-2_*)
SCHEDULE_ID = 1
MAX_METER_ID = 32                # characters (meterIDType of the schema)
NO_CHALLENGE = bytes(16)         # a FAILED PaymentDetailsRes must carry one

OK = responseCode.OK


def _notification(m: Iso2Evse) -> EVSENotification:
    """NotificationMaxDelay goes with it: s that the car has for it, 0: now."""
    if m.stop_code is not None or m.end_announced:
        return EVSENotification.StopCharging
    if m.wants_renegotiation and m.state in LOOP:
        return EVSENotification.ReNegotiation
    return EVSENotification.None_


def dc_status(m: Iso2Evse, code: DC_EVSEStatusCode = DC_EVSEStatusCode.EVSE_Ready) -> DC_EVSEStatus:
    """The stop when there is one, else `code`."""
    return DC_EVSEStatus(NotificationMaxDelay=m.notification_max_delay, EVSENotification=_notification(m), EVSEIsolationStatus=m.isolation_level,
                         EVSEStatusCode=m.stop_code or code)


def ac_status(m: Iso2Evse) -> AC_EVSEStatus:
    """RCD: the residual current device has tripped. What else has tripped only the stop can tell."""
    return AC_EVSEStatus(NotificationMaxDelay=m.notification_max_delay, EVSENotification=_notification(m), RCD=m.facts.residual_current is True)


def status(m: Iso2Evse) -> AC_EVSEStatus | DC_EVSEStatus:
    return ac_status(m) if m.ac else dc_status(m)


def session_setup(m: Iso2Evse, code: responseCode) -> SessionSetupRes:
    """Without EVSETimeStamp: the box has no clock that knows the date."""
    return SessionSetupRes(ResponseCode=code, EVSEID=m.config.evse_id_text)


def service_discovery(m: Iso2Evse, code: responseCode = OK) -> ServiceDiscoveryRes:
    return ServiceDiscoveryRes(
        ResponseCode=code, PaymentOptionList=PaymentOptionList(PaymentOption=[paymentOption.ExternalPayment]),
        ChargeService=ChargeService(
            ServiceID=SERVICE_ID, ServiceCategory=serviceCategory.EVCharging, FreeService=m.config.authorisation_delay_ms == 0,
            SupportedEnergyTransferMode=SupportedEnergyTransferMode(EnergyTransferMode=[EnergyTransferMode[k] for k in m.config.energy_transfer_modes])))


def service_detail(m: Iso2Evse, code: responseCode = OK) -> ServiceDetailRes:
    """The charge service has no parameters beyond those of ChargeParameterDiscovery."""
    return ServiceDetailRes(ResponseCode=code, ServiceID=m.service_asked)


def payment_service_selection(m: Iso2Evse, code: responseCode = OK) -> PaymentServiceSelectionRes:
    return PaymentServiceSelectionRes(ResponseCode=code)


def payment_details(m: Iso2Evse, code: responseCode) -> PaymentDetailsRes:
    return PaymentDetailsRes(ResponseCode=code, GenChallenge=NO_CHALLENGE, EVSETimeStamp=0)


def authorization(m: Iso2Evse, code: responseCode = OK, processing: EVSEProcessing = EVSEProcessing.Finished) -> AuthorizationRes:
    return AuthorizationRes(ResponseCode=code, EVSEProcessing=processing)


def charge_parameter_discovery(m: Iso2Evse, code: responseCode = OK, finished: bool = True) -> ChargeParameterDiscoveryRes:
    """The schedule comes with Finished: one tuple, so that any MaxEntriesSAScheduleTuple is kept."""
    schedules = None
    if finished and code is OK:
        schedules = SAScheduleList(SAScheduleTuple=[SAScheduleTuple(
            SAScheduleTupleID=SCHEDULE_ID, PMaxSchedule=PMaxSchedule(PMaxScheduleEntry=[
                PMaxScheduleEntry(TimeInterval=_interval(m, n), PMax=from_float(watts, W)) for n, (_, watts) in enumerate(m.offered)]))])
    return ChargeParameterDiscoveryRes(ResponseCode=code, EVSEProcessing=_processing(finished), SASchedules=schedules,
                                       EVSEChargeParameter=_ac_parameter(m) if m.ac else _dc_parameter(m))


def _interval(m: Iso2Evse, n: int) -> RelativeTimeInterval:
    """The schedule's end is told with its last entry (`duration`); the others end where the next begins."""
    start = m.offered[n][0]
    return RelativeTimeInterval(start=start, duration=SCHEDULE_SECONDS - start if n == len(m.offered) - 1 else None)


def _dc_parameter(m: Iso2Evse) -> DC_EVSEChargeParameter:
    c = m.config
    return DC_EVSEChargeParameter(
        DC_EVSEStatus=dc_status(m), EVSEMaximumCurrentLimit=from_float(c.max_current_a, A),
        EVSEMaximumPowerLimit=from_float(m.power_cap, W), EVSEMaximumVoltageLimit=from_float(c.max_voltage_v, V),
        EVSEMinimumCurrentLimit=from_float(c.min_current_a, A), EVSEMinimumVoltageLimit=from_float(c.min_voltage_v, V),
        EVSEPeakCurrentRipple=from_float(c.peak_current_ripple_a, A))


def _ac_parameter(m: Iso2Evse) -> AC_EVSEChargeParameter:
    c = m.config
    return AC_EVSEChargeParameter(AC_EVSEStatus=ac_status(m), EVSENominalVoltage=from_float(c.ac_nominal_voltage_v, V),
                                  EVSEMaxCurrent=from_float(m.ac_current, A))


def cable_check(m: Iso2Evse, code: responseCode = OK, finished: bool = True) -> CableCheckRes:
    """Finished says EVSE_Ready, as in DIN 70121 (field sheet 7.1)."""
    running = DC_EVSEStatusCode.EVSE_IsolationMonitoringActive
    return CableCheckRes(ResponseCode=code, DC_EVSEStatus=dc_status(m) if finished else dc_status(m, running), EVSEProcessing=_processing(finished))


def pre_charge(m: Iso2Evse, code: responseCode = OK) -> PreChargeRes:
    return PreChargeRes(ResponseCode=code, DC_EVSEStatus=dc_status(m), EVSEPresentVoltage=from_float(m.facts.output_voltage or 0.0, V))


def power_delivery(m: Iso2Evse, code: responseCode = OK) -> PowerDeliveryRes:
    return PowerDeliveryRes(ResponseCode=code, EVSEStatus=status(m))


def current_demand(m: Iso2Evse, code: responseCode = OK) -> CurrentDemandRes:
    c = m.config
    return CurrentDemandRes(
        ResponseCode=code, DC_EVSEStatus=dc_status(m), EVSEPresentVoltage=from_float(m.facts.output_voltage or 0.0, V),
        EVSEPresentCurrent=from_float(m.facts.output_current or 0.0, A), EVSECurrentLimitAchieved=m.current_limited,
        EVSEVoltageLimitAchieved=m.voltage_limited, EVSEPowerLimitAchieved=m.power_limited,
        EVSEMaximumVoltageLimit=from_float(c.max_voltage_v, V), EVSEMaximumCurrentLimit=from_float(c.max_current_a, A),
        EVSEMaximumPowerLimit=from_float(m.power_cap, W), EVSEID=c.evse_id_text, SAScheduleTupleID=SCHEDULE_ID, MeterInfo=m.metered,
        ReceiptRequired=m.receipt_required)


def meter_info(m: Iso2Evse, energy: float) -> MeterInfo:
    """A reading in Wh; the MeterID is that of the charger."""
    return MeterInfo(MeterID=m.config.evse_id_text[:MAX_METER_ID], MeterReading=int(energy))


def charging_status(m: Iso2Evse, code: responseCode = OK) -> ChargingStatusRes:
    """With MeterInfo where a meter is fitted and answers."""
    c = m.config
    meter = None if m.facts.ac_energy is None else meter_info(m, m.facts.ac_energy)
    return ChargingStatusRes(ResponseCode=code, EVSEID=c.evse_id_text, SAScheduleTupleID=SCHEDULE_ID, MeterInfo=meter,
                             EVSEMaxCurrent=from_float(m.ac_current, A), ReceiptRequired=m.receipt_required, AC_EVSEStatus=ac_status(m))


def metering_receipt(m: Iso2Evse, code: responseCode = OK) -> MeteringReceiptRes:
    return MeteringReceiptRes(ResponseCode=code, EVSEStatus=status(m))


def welding_detection(m: Iso2Evse, code: responseCode = OK) -> WeldingDetectionRes:
    return WeldingDetectionRes(ResponseCode=code, DC_EVSEStatus=dc_status(m), EVSEPresentVoltage=from_float(m.facts.output_voltage or 0.0, V))


def session_stop(m: Iso2Evse, code: responseCode = OK) -> SessionStopRes:
    return SessionStopRes(ResponseCode=code)


def _processing(finished: bool) -> EVSEProcessing:
    return EVSEProcessing.Finished if finished else EVSEProcessing.Ongoing


REFUSALS: dict[type, Callable[[Iso2Evse, responseCode], object]] = {
    SessionSetupReq: session_setup, ServiceDiscoveryReq: service_discovery, ServiceDetailReq: service_detail,
    PaymentServiceSelectionReq: payment_service_selection, PaymentDetailsReq: payment_details, AuthorizationReq: authorization,
    ChargeParameterDiscoveryReq: charge_parameter_discovery, CableCheckReq: cable_check, PreChargeReq: pre_charge,
    PowerDeliveryReq: power_delivery, CurrentDemandReq: current_demand, ChargingStatusReq: charging_status,
    MeteringReceiptReq: metering_receipt, WeldingDetectionReq: welding_detection, SessionStopReq: session_stop,
}
"""Request type -> the response that can carry a FAILED. Others (certificates) have none that could be filled: the stream is closed."""
