"""The car's DIN 70121 requests, built from what the machine knows; every optional field that real chargers need is sent.

Field by field this follows what real cars send (Ioniq at an alpitronic, 2024) and pyPLC issue 21: chargers abort when the
optional fields of ChargeParameterDiscoveryReq are missing.
"""
from __future__ import annotations

from typing import TYPE_CHECKING

from exi_native.messages.din import (CableCheckReq, ChargeParameterDiscoveryReq, ChargingProfile, ContractAuthenticationReq,
                                     CurrentDemandReq, DC_EVChargeParameter, DC_EVErrorCode, DC_EVPowerDeliveryParameter,
                                     DC_EVStatus, EVRequestedEnergyTransfer, EVSESupportedEnergyTransfer, PowerDeliveryReq,
                                     PreChargeReq, ProfileEntry, SelectedService, SelectedServiceList, ServiceDiscoveryReq,
                                     ServicePaymentSelectionReq, SessionSetupReq, SessionStop, WeldingDetectionReq,
                                     paymentOption, serviceCategory)
from tasks.stop_reasons import StopReason
from tasks.v2g.pev_judgement import precharge_voltage
from tasks.v2g.pev_targets import bulk_complete, energy, own_limits, remaining_seconds, soc, targets
from tasks.v2g.physical import SECONDS, WH, A, V, W, from_float

if TYPE_CHECKING:
    from tasks.v2g.din_pev import DinPev

_REQUESTED = {
    EVSESupportedEnergyTransfer.DC_core: EVRequestedEnergyTransfer.DC_core,
    EVSESupportedEnergyTransfer.DC_combo_core: EVRequestedEnergyTransfer.DC_combo_core,
    EVSESupportedEnergyTransfer.AC_single_DC_core: EVRequestedEnergyTransfer.DC_core,
}
"""What to request when the charger offers this; DC_extended (Combo 2) for all others."""

MAX_PROFILE_WATTS = 32767            # PMaxType is a short; a charger that means more says 32767 (Compleo, alpitronic)


def _status(m: DinPev, ready: bool) -> DC_EVStatus:
    return DC_EVStatus(EVReady=ready, EVCabinConditioning=False, EVRESSConditioning=False,
                       EVErrorCode=DC_EVErrorCode[m.facts.error], EVRESSSOC=soc(m))


def session_setup(m: DinPev) -> SessionSetupReq:
    return SessionSetupReq(EVCCID=m.evccid)      # chargers abort when it is empty (pyPLC issue 20)


def service_discovery(m: DinPev) -> ServiceDiscoveryReq:
    return ServiceDiscoveryReq(ServiceCategory=serviceCategory.EVCharging)


def service_payment_selection(m: DinPev) -> ServicePaymentSelectionReq:
    return ServicePaymentSelectionReq(
        SelectedPaymentOption=paymentOption.ExternalPayment,
        SelectedServiceList=SelectedServiceList(SelectedService=[SelectedService(ServiceID=m.service_id)]))


def contract_authentication(m: DinPev) -> ContractAuthenticationReq:
    return ContractAuthenticationReq()


def charge_parameter_discovery(m: DinPev) -> ChargeParameterDiscoveryReq:
    voltage, current, power = own_limits(m)
    capacity, request = energy(m)
    return ChargeParameterDiscoveryReq(
        EVRequestedEnergyTransferType=_REQUESTED.get(m.transfer_type, EVRequestedEnergyTransfer.DC_extended),
        EVChargeParameter=DC_EVChargeParameter(
            DC_EVStatus=_status(m, False),
            EVMaximumCurrentLimit=from_float(current, A), EVMaximumPowerLimit=from_float(power, W),
            EVMaximumVoltageLimit=from_float(voltage, V),
            EVEnergyCapacity=from_float(capacity, WH), EVEnergyRequest=from_float(request, WH),
            FullSOC=int(m.config.stop_soc_percent), BulkSOC=int(m.config.bulk_soc_percent)))


def cable_check(m: DinPev) -> CableCheckReq:
    return CableCheckReq(DC_EVStatus=_status(m, True))


def pre_charge(m: DinPev) -> PreChargeReq:
    """Target is the battery's voltage, with at most 2 A (S3)."""
    m.target_voltage = precharge_voltage(m.config, m.facts)
    m.target_current = m.config.precharge_current_a
    return PreChargeReq(DC_EVStatus=_status(m, True), EVTargetVoltage=from_float(m.target_voltage, V),
                        EVTargetCurrent=from_float(m.target_current, A))


def _power_delivery(m: DinPev, start: bool) -> PowerDeliveryReq:
    profile = None
    if m.config.send_charging_profile and m.schedule_id is not None:
        power = min(MAX_PROFILE_WATTS, int(own_limits(m)[2])) if start else 0
        profile = ChargingProfile(SAScheduleTupleID=m.schedule_id, ProfileEntry=[
            ProfileEntry(ChargingProfileEntryStart=0, ChargingProfileEntryMaxPower=power)])
    return PowerDeliveryReq(
        ReadyToChargeState=start, ChargingProfile=profile,
        EVPowerDeliveryParameter=DC_EVPowerDeliveryParameter(
            DC_EVStatus=_status(m, start), BulkChargingComplete=bulk_complete(m),
            ChargingComplete=m.stopping is StopReason.BATTERY_FULL))


def power_delivery_start(m: DinPev) -> PowerDeliveryReq:
    return _power_delivery(m, True)


def power_delivery_stop(m: DinPev) -> PowerDeliveryReq:
    return _power_delivery(m, False)


def current_demand(m: DinPev) -> CurrentDemandReq:
    voltage, current = targets(m)
    m.target_voltage, m.target_current = voltage, current
    max_voltage, max_current, max_power = own_limits(m)
    full, bulk = remaining_seconds(m, voltage * current)
    return CurrentDemandReq(
        DC_EVStatus=_status(m, True), EVTargetCurrent=from_float(current, A),
        EVMaximumVoltageLimit=from_float(max_voltage, V), EVMaximumCurrentLimit=from_float(max_current, A),
        EVMaximumPowerLimit=from_float(max_power, W), BulkChargingComplete=bulk_complete(m), ChargingComplete=False,
        RemainingTimeToFullSoC=from_float(full, SECONDS), RemainingTimeToBulkSoC=from_float(bulk, SECONDS),
        EVTargetVoltage=from_float(voltage, V))


def welding_detection(m: DinPev) -> WeldingDetectionReq:
    return WeldingDetectionReq(DC_EVStatus=_status(m, False))


def session_stop(m: DinPev) -> SessionStop:
    return SessionStop()
