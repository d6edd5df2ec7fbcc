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
from tasks.v2g.physical import SECONDS, WH, A, V, W, from_float

if TYPE_CHECKING:
    from tasks.v2g.din_pev import DinPev

_REQUESTED = {
    EVSESupportedEnergyTransfer.DC_core: EVRequestedEnergyTransfer.DC_core,
    EVSESupportedEnergyTransfer.DC_combo_core: EVRequestedEnergyTransfer.DC_combo_core,
    EVSESupportedEnergyTransfer.AC_single_DC_core: EVRequestedEnergyTransfer.DC_core,
}
"""What to request when the charger offers this; DC_extended (Combo 2) for all others."""

MAX_REMAINING_SECONDS = 32767.0      # what a short carries without multiplier
MAX_PROFILE_WATTS = 32767            # PMaxType is a short; a charger that means more says 32767 (Compleo, alpitronic)


def _status(m: DinPev, ready: bool) -> DC_EVStatus:
    soc = m.facts.soc
    if soc is None:
        soc = m.last_soc
    return DC_EVStatus(EVReady=ready, EVCabinConditioning=False, EVRESSConditioning=False,
                       EVErrorCode=DC_EVErrorCode.NO_ERROR, EVRESSSOC=min(100, max(0, int(soc))))


def _own_limits(m: DinPev) -> tuple[float, float, float]:
    """V, A, W: the smaller of battery and configuration."""
    facts, config = m.facts, m.config
    voltage, current, power = config.max_voltage_v, config.max_current_a, config.max_power_kw * 1000
    if facts.max_voltage is not None and facts.max_voltage < voltage:
        voltage = facts.max_voltage
    if facts.max_current is not None and facts.max_current < current:
        current = facts.max_current
    if facts.max_power is not None and facts.max_power < power:
        power = facts.max_power
    return voltage, current, power


def targets(m: DinPev) -> tuple[float, float]:
    """EVTargetVoltage, EVTargetCurrent of the charge loop: the minimum of battery, charger and configuration (I6).

    0 A while the battery's wish is unknown.
    """
    facts, charger = m.facts, m.charger
    max_voltage, max_current, max_power = _own_limits(m)
    if m.config.light_bulb_demo:
        voltage, current = m.config.light_bulb_voltage_v, m.config.light_bulb_current_a
    elif facts.target_voltage is None or facts.target_current is None or facts.permission is not True:
        voltage = facts.battery_voltage if facts.battery_voltage is not None else m.target_voltage or 0.0
        current = 0.0
    else:
        voltage, current = facts.target_voltage, facts.target_current
    if charger.max_voltage is not None and charger.max_voltage < max_voltage:
        max_voltage = charger.max_voltage
    voltage = min(voltage, max_voltage)
    if charger.max_current is not None and charger.max_current < max_current:
        max_current = charger.max_current
    if charger.max_power is not None and charger.max_power < max_power:
        max_power = charger.max_power
    current = min(current, max_current, facts.current_limit or 0.0)      # unknown: nothing is asked for
    if voltage * current > max_power:
        current = max_power / voltage
    return voltage, max(0.0, current)


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
    voltage, current, power = _own_limits(m)
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
        power = min(MAX_PROFILE_WATTS, int(_own_limits(m)[2])) if start else 0
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
    max_voltage, max_current, max_power = _own_limits(m)
    capacity, request = energy(m)
    power = voltage * current
    full = min(MAX_REMAINING_SECONDS, request * 3600 / power) if power > 0 else MAX_REMAINING_SECONDS
    beyond_bulk = capacity * max(0.0, m.config.stop_soc_percent - m.config.bulk_soc_percent) / 100
    bulk = min(MAX_REMAINING_SECONDS, max(0.0, request - beyond_bulk) * 3600 / power) if power > 0 else MAX_REMAINING_SECONDS
    return CurrentDemandReq(
        DC_EVStatus=_status(m, True), EVTargetCurrent=from_float(current, A),
        EVMaximumVoltageLimit=from_float(max_voltage, V), EVMaximumCurrentLimit=from_float(max_current, A),
        EVMaximumPowerLimit=from_float(max_power, W), BulkChargingComplete=bulk_complete(m), ChargingComplete=False,
        RemainingTimeToFullSoC=from_float(int(full), SECONDS), RemainingTimeToBulkSoC=from_float(int(bulk), SECONDS),
        EVTargetVoltage=from_float(voltage, V))


def welding_detection(m: DinPev) -> WeldingDetectionReq:
    return WeldingDetectionReq(DC_EVStatus=_status(m, False))


def session_stop(m: DinPev) -> SessionStop:
    return SessionStop()


def bulk_complete(m: DinPev) -> bool:
    return m.facts.soc is not None and m.facts.soc >= m.config.bulk_soc_percent


def energy(m: DinPev) -> tuple[float, float]:
    """Capacity, and energy until the stop SoC, in Wh."""
    capacity = m.facts.capacity if m.facts.capacity is not None else m.config.energy_capacity_wh
    soc = m.facts.soc if m.facts.soc is not None else m.last_soc
    return capacity, max(0.0, capacity * (m.config.stop_soc_percent - soc) / 100)
