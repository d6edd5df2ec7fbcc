"""The cars of the fleet that speak ISO 15118-2 with our charger. Sources as in iso2_chargers.py."""
from __future__ import annotations

from exi_native.messages import iso2
from tasks.stop_reasons import StopReason
from tools.simulate.fleet.traits import CHARGES, CarTraits, Change, Deed, Expected, Needs, Personality

ONLY = ("iso2",)
BOTH = ("iso2", "din")
PACE = {"*": 100.0}
ASSUMED = "its pace is assumed"

ISO2_CARS = (
    Personality(
        "iso2-car", "test equipment DS5366: ISO 15118-2 before DIN, SchemaIDs 111 and 222",
        CarTraits(protocols=BOTH, schema_ids=(111, 222), turn_ms={"*": 105.0}, syn_delay_ms=12.0,
                  settings={"ev.max_voltage_v": 460.0, "ev.max_current_a": 200.0, "ev.max_power_kw": 200.0}),
        ("ISO-2_DC_DS5366: 105 ms between messages, 460 V, 200 A, SYN 12 ms after the SDP answer",), CHARGES),
    Personality(
        "rise-v2g", "RISE-V2G: SchemaID 10, ServiceDetailReq, DepartureTime, ChargingProfile, a slow charge loop",
        CarTraits(protocols=ONLY, schema_ids=(10,), turn_ms={"*": 115.0, "PreChargeReq": 414.0, "CurrentDemandReq": 416.0},
                  settings={"ev.ask_service_detail": True, "ev.send_charging_profile": True, "ev.max_voltage_v": 500.0, "ev.max_current_a": 200.0},
                  changes=(Change("ChargeParameterDiscoveryReq", "EVChargeParameter.DepartureTime", 600),)),
        ("ISO-2_DC_BatteryDataExchange_DS5366_RiseV2G: SchemaID 10, DepartureTime 600, profile of 150 kW, 416 ms in the charge loop",), CHARGES),
    Personality(
        "josev-ev", "iso15118's EVCC: refuses SAScheduleTupleID 0 and ports below 49152",
        CarTraits(protocols=ONLY, turn_ms={"*": 69.0}, needs=(Needs("ChargeParameterDiscoveryRes", "SASchedules.SAScheduleTuple.0.SAScheduleTupleID", 0),)),
        ("peers sheet: needs a port of 49152 or higher (ours: 51110), refuses SAScheduleTupleID 0", ASSUMED), CHARGES),
    Personality(
        "bmw-ix", "BMW iX: SchemaID 0, ends without SASchedules or without a limit in its PMax",
        CarTraits(protocols=BOTH, schema_ids=(0, 1), turn_ms=PACE, needs=(
            Needs("ChargeParameterDiscoveryRes", "SASchedules.SAScheduleTuple.0.PMaxSchedule.PMaxScheduleEntry.0.PMax", 0.0),
            Needs("ChargeParameterDiscoveryRes", "EVSEChargeParameter.EVSEMaximumPowerLimit", 0.0))),
        ("field sheet 7.1 pyPLC #14: BMW iX and Togg stop at ChargeParameterDiscovery; 7.3: SchemaID 0",
         "that it prefers ISO 15118-2, and its pace, is assumed"), CHARGES),
    Personality(
        "tesla-iso2", "own protocol first, then ISO 15118-2, then DIN",
        CarTraits(protocols=BOTH, schema_ids=(1, 2), namespaces=("urn:tesla:din:2018",), turn_ms={"*": 17.0}),
        ("exi sheet 2.1: Tesla's protocol with priority 1", "network sheet 7.3: 17 ms", "that it knows ISO 15118-2 is assumed"), CHARGES),
    Personality(
        "iso20-first", "offers ISO 15118-20 first and falls back",
        CarTraits(protocols=ONLY, namespaces=("urn:iso:std:iso:15118:-20:DC", "urn:iso:std:iso:15118:-20:AC"), turn_ms=PACE),
        ("ISO-20_mTLS_DC_DS5366_Josev: the namespace", ASSUMED), CHARGES),
    Personality(
        "strangers-only", "speaks nothing that our charger speaks",
        CarTraits(protocols=ONLY, turn_ms=PACE, changes=(Change("supportedAppProtocolReq", "AppProtocol.0.ProtocolNamespace", "urn:iso:15118:2:2010:MsgDef"),)),
        ("exi sheet 2.3: the draft of 2010 has another namespace", ASSUMED),
        Expected(False, StopReason.NO_COMMON_PROTOCOL, told="car offers only 'urn:iso:15118:2:2010:MsgDef'")),
    Personality(
        "profile-too-high", "a ChargingProfile above our PMax",
        CarTraits(protocols=ONLY, turn_ms=PACE, settings={"ev.send_charging_profile": True}, changes=(
            Change("PowerDeliveryReq", "ChargingProfile.ProfileEntry.0.ChargingProfileEntryMaxPower", 200_000.0, 1, 1),)),
        ("tests/conformance: FAILED_ChargingProfileInvalid", ASSUMED),
        Expected(False, StopReason.BAD_VALUE, told="ChargingProfileEntryMaxPower: expected at most 50000 W, came 200000")),
    Personality(
        "contract-car", "wants to pay by contract",
        CarTraits(protocols=ONLY, turn_ms=PACE, changes=(Change("PaymentServiceSelectionReq", "SelectedPaymentOption", iso2.paymentOption.Contract),)),
        ("ISO-2_DC_PnC_TLS_Contract_DS5366_RiseV2G: payment by contract", ASSUMED),
        Expected(False, StopReason.SEQUENCE_ERROR, told="car wants to pay by Contract")),
    Personality(
        "service-hunter", "asks for the details of a service that our charger does not have",
        CarTraits(protocols=ONLY, turn_ms=PACE, settings={"ev.ask_service_detail": True}, changes=(Change("ServiceDetailReq", "ServiceID", 31000),)),
        ("ISO-2_DC_BatteryDataExchange_DS5366_RiseV2G: service 31000", "field sheet 7.3: a Zoe asks questions in the setup"),
        Expected(False, StopReason.SEQUENCE_ERROR, told="car asks for service 31000")),
    Personality(
        "ac-car", "asks for AC where DC is offered",
        CarTraits(protocols=ONLY, turn_ms=PACE, changes=(
            Change("ChargeParameterDiscoveryReq", "RequestedEnergyTransferMode", iso2.EnergyTransferMode.AC_three_phase_core),)),
        ("ISO-2_AC_DS5366: a car in AC", ASSUMED), Expected(False, StopReason.SEQUENCE_ERROR, told="car asks for AC_three_phase_core")),
    Personality(
        "renegotiating-car", "wants other limits in the charge loop",
        CarTraits(protocols=ONLY, turn_ms={"*": 90.0}, deeds=(Deed("CurrentDemand", 3.0, "renegotiate"),)),
        ("schema of ISO 15118-2, chargeProgressType", ASSUMED), CHARGES),
    Personality(
        "pausing-car", "ends its session with SessionStopReq(Pause)",
        CarTraits(protocols=ONLY, turn_ms={"*": 90.0}, deeds=(Deed("CurrentDemand", 8.0, "pause"),)),
        ("schema of ISO 15118-2, chargingSessionType", "network sheet 2.7: the modems keep their key in a pause"), Expected(True, StopReason.CAR_PAUSE)),
)
