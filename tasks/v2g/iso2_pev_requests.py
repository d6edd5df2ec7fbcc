"""The car's ISO 15118-2 requests, built from what the machine knows; optional fields are sent, as in DIN (chargers abort without them)."""
from __future__ import annotations

from typing import TYPE_CHECKING

from exi_native.messages.iso2 import (AC_EVChargeParameter, AuthorizationReq, CableCheckReq, ChargeParameterDiscoveryReq, ChargingProfile,
                                      ChargingStatusReq, CurrentDemandReq, DC_EVChargeParameter, DC_EVErrorCode, DC_EVPowerDeliveryParameter,
                                      DC_EVStatus, MeteringReceiptReq, PaymentServiceSelectionReq, PowerDeliveryReq, PreChargeReq, ProfileEntry,
                                      SelectedService, SelectedServiceList, ServiceDetailReq, ServiceDiscoveryReq, SessionSetupReq,
                                      SessionStopReq, WeldingDetectionReq, chargeProgress, chargingSession, paymentOption, serviceCategory)
from tasks.stop_reasons import StopReason
from tasks.v2g.iso2_values import from_float
from tasks.v2g.pev_judgement import precharge_voltage
from tasks.v2g.pev_targets import bulk_complete, energy, own_limits, remaining_seconds, soc, targets
from tasks.v2g.physical import SECONDS, WH, A, V, W

if TYPE_CHECKING:
    from tasks.v2g.iso2_pev import Iso2Pev

MAX_SCHEDULE_TUPLES = 3              # MaxEntriesSAScheduleTuple: what the schema can carry
MAX_PROFILE_ENTRIES = 24             # of the schema


def _status(m: Iso2Pev, ready: bool) -> DC_EVStatus:
    return DC_EVStatus(EVReady=ready, EVErrorCode=DC_EVErrorCode[m.facts.error], EVRESSSOC=soc(m))


def session_setup(m: Iso2Pev) -> SessionSetupReq:
    return SessionSetupReq(EVCCID=m.evccid)


def service_discovery(m: Iso2Pev) -> ServiceDiscoveryReq:
    return ServiceDiscoveryReq(ServiceCategory=serviceCategory.EVCharging)


def service_detail(m: Iso2Pev) -> ServiceDetailReq:
    return ServiceDetailReq(ServiceID=m.service_id)


def payment_service_selection(m: Iso2Pev) -> PaymentServiceSelectionReq:
    return PaymentServiceSelectionReq(
        SelectedPaymentOption=paymentOption.ExternalPayment,
        SelectedServiceList=SelectedServiceList(SelectedService=[SelectedService(ServiceID=m.service_id)]))


def authorization(m: Iso2Pev) -> AuthorizationReq:
    return AuthorizationReq()            # external payment: without challenge and signature


def charge_parameter_discovery(m: Iso2Pev) -> ChargeParameterDiscoveryReq:
    voltage, current, power = own_limits(m)
    capacity, request = energy(m)
    config = m.config
    parameter: object
    if m.dc:
        parameter = DC_EVChargeParameter(
            DC_EVStatus=_status(m, m.started), EVMaximumCurrentLimit=from_float(current, A), EVMaximumPowerLimit=from_float(power, W),
            EVMaximumVoltageLimit=from_float(voltage, V), EVEnergyCapacity=from_float(capacity, WH), EVEnergyRequest=from_float(request, WH),
            FullSOC=int(config.stop_soc_percent), BulkSOC=int(config.bulk_soc_percent))
    else:
        parameter = AC_EVChargeParameter(
            EAmount=from_float(request, WH), EVMaxVoltage=from_float(config.ac_max_voltage_v, V),
            EVMaxCurrent=from_float(ac_current(m), A), EVMinCurrent=from_float(config.ac_min_current_a, A))
    return ChargeParameterDiscoveryReq(MaxEntriesSAScheduleTuple=MAX_SCHEDULE_TUPLES, RequestedEnergyTransferMode=m.transfer_mode,
                                       EVChargeParameter=parameter)


def cable_check(m: Iso2Pev) -> CableCheckReq:
    return CableCheckReq(DC_EVStatus=_status(m, True))


def pre_charge(m: Iso2Pev) -> PreChargeReq:
    """Target is the battery's voltage, with at most 2 A (S3)."""
    m.target_voltage = precharge_voltage(m.config, m.facts)
    m.target_current = m.config.precharge_current_a
    return PreChargeReq(DC_EVStatus=_status(m, True), EVTargetVoltage=from_float(m.target_voltage, V),
                        EVTargetCurrent=from_float(m.target_current, A))


def _power_delivery(m: Iso2Pev, progress: chargeProgress) -> PowerDeliveryReq:
    profile = parameter = None
    if progress is chargeProgress.Start:
        profile = charging_profile(m)
    if m.dc:
        parameter = DC_EVPowerDeliveryParameter(
            DC_EVStatus=_status(m, progress is not chargeProgress.Stop), BulkChargingComplete=bulk_complete(m),
            ChargingComplete=m.stopping is StopReason.BATTERY_FULL)
    return PowerDeliveryReq(ChargeProgress=progress, SAScheduleTupleID=m.schedule_id, ChargingProfile=profile, EVPowerDeliveryParameter=parameter)


def ac_current(m: Iso2Pev) -> float:
    """A per phase: what the on-board charger takes, of it the share that the person allows, never less than its minimum."""
    return max(m.config.ac_min_current_a, m.config.ac_max_current_a * m.facts.power_share)


def charging_profile(m: Iso2Pev) -> ChargingProfile | None:
    """What the car will take at most: its own limit under the charger's schedule. None when the charger sent no schedule."""
    if not m.schedule.entries:
        return None
    power = own_limits(m)[2] if m.dc else m.phases * m.config.ac_max_voltage_v * ac_current(m)
    return ChargingProfile(ProfileEntry=[
        ProfileEntry(ChargingProfileEntryStart=start, ChargingProfileEntryMaxPower=from_float(min(watts, power), W))
        for start, watts in m.schedule.entries[:MAX_PROFILE_ENTRIES]])


def power_delivery_start(m: Iso2Pev) -> PowerDeliveryReq:
    return _power_delivery(m, chargeProgress.Start)


def power_delivery_renegotiate(m: Iso2Pev) -> PowerDeliveryReq:
    return _power_delivery(m, chargeProgress.Renegotiate)


def power_delivery_stop(m: Iso2Pev) -> PowerDeliveryReq:
    return _power_delivery(m, chargeProgress.Stop)


def current_demand(m: Iso2Pev) -> CurrentDemandReq:
    m.target_voltage, m.target_current = voltage, current = targets(m)
    max_voltage, max_current, max_power = own_limits(m)
    full, bulk = remaining_seconds(m, voltage * current)
    return CurrentDemandReq(
        DC_EVStatus=_status(m, True), EVTargetCurrent=from_float(current, A), EVMaximumVoltageLimit=from_float(max_voltage, V),
        EVMaximumCurrentLimit=from_float(max_current, A), EVMaximumPowerLimit=from_float(max_power, W), BulkChargingComplete=bulk_complete(m),
        ChargingComplete=False, RemainingTimeToFullSoC=from_float(full, SECONDS), RemainingTimeToBulkSoC=from_float(bulk, SECONDS),
        EVTargetVoltage=from_float(voltage, V))


def charging_status(m: Iso2Pev) -> ChargingStatusReq:
    return ChargingStatusReq()


def metering_receipt(m: Iso2Pev) -> MeteringReceiptReq:
    """The unsigned case: what the charger has told comes back."""
    return MeteringReceiptReq(SessionID=m.session_id, SAScheduleTupleID=m.schedule_id, MeterInfo=m.meter_info)


def welding_detection(m: Iso2Pev) -> WeldingDetectionReq:
    return WeldingDetectionReq(DC_EVStatus=_status(m, False))


def session_stop(m: Iso2Pev) -> SessionStopReq:
    return SessionStopReq(ChargingSession=chargingSession.Pause if m.stopping is StopReason.PAUSED else chargingSession.Terminate)
