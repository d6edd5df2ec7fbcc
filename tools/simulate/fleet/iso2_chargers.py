"""The chargers of the fleet that speak ISO 15118-2, and those that answer the handshake in their own way.

Sources: "peers sheet" is peers, "exi sheet" is exi, the others as in chargers.py; a name DS5366 is a capture of test equipment. No
capture of a real charger in ISO 15118-2 is at hand (field sheet 11): paces come from programs and test equipment.
"""
from __future__ import annotations

from exi_native.messages import appproto, iso2
from tasks.stop_reasons import StopReason
from tools.simulate.fleet.traits import CHARGES, Change, ChargerTraits, Deed, Expected, Personality

ONLY = {"evse.protocols": ["iso2"]}
STATUS = "DC_EVSEStatus."
METER = iso2.MeterInfo(MeterID="DC-METER", MeterReading=12_345, MeterStatus=0)        # Wh

EQUIPMENT = {**ONLY, "evse.energy_transfer_modes": ["DC_extended"], "evse.max_voltage_v": 1000.0, "evse.max_current_a": 500.0, "evse.max_power_kw": 150.0,
             "evse.isolation_measure_ms": 6000, "safety.evse.max_voltage_v": 1000.0, "safety.evse.max_current_a": 500.0}
EQUIPMENT_STAGE = {"stage_max_voltage_v": 1000.0, "stage_max_current_a": 500.0, "stage_max_power_w": 150_000.0}
EQUIPMENT_PACE = {"*": 99.0, "CurrentDemandRes": 19.0}


def _entry(start: int, watts: int) -> iso2.PMaxScheduleEntry:
    return iso2.PMaxScheduleEntry(TimeInterval=iso2.RelativeTimeInterval(start=start, duration=None),
                                  PMax=iso2.PhysicalValue(Multiplier=1, Unit=iso2.unitSymbol.W, Value=watts // 10))


def _schedules(*tuples: tuple[tuple[int, int], ...]) -> iso2.SAScheduleList:
    """SAScheduleTupleID 1, 2, ...; each of (s, W)."""
    return iso2.SAScheduleList(SAScheduleTuple=[
        iso2.SAScheduleTuple(SAScheduleTupleID=n, PMaxSchedule=iso2.PMaxSchedule(PMaxScheduleEntry=[_entry(*entry) for entry in entries]))
        for n, entries in enumerate(tuples, 1)])


BATTERY_DATA = iso2.Service(ServiceID=31000, ServiceName="Battery data VAS Korea", ServiceCategory=iso2.serviceCategory.OtherCustom, FreeService=True)
FALLING = tuple((2 * n, 50_000 if n < 3 else 2_000) for n in range(24))
"""24 entries of 2 s: the power falls to 2 kW 6 s after the beginning."""

SPEAKERS = (
    Personality(
        "iso2-equipment", "test equipment DS5366: ISO 15118-2, 1000 V, 150 kW, 99 ms, cable check of 9 s",
        ChargerTraits(turn_ms=EQUIPMENT_PACE, sdp_delay_ms=58.0, port=55_118, settings=EQUIPMENT, plant=EQUIPMENT_STAGE),
        ("ISO-2_DC_DS5366: DC_extended alone, answers 99 ms, CurrentDemandRes 19 ms, 47 CableCheckRes, 1000 V, 500 A, 150 kW, SDP answer 58 ms",), CHARGES),
    Personality(
        "iso2-battery-data", "the same with a value added service, which our car does not ask for",
        ChargerTraits(turn_ms=EQUIPMENT_PACE, sdp_delay_ms=56.0, port=61_000, settings=EQUIPMENT, plant=EQUIPMENT_STAGE,
                      changes=(Change("ServiceDiscoveryRes", "ServiceList", iso2.ServiceList(Service=[BATTERY_DATA])),)),
        ("ISO-2_DC_BatteryDataExchange_DS5366_RiseV2G: service 31000 Battery data VAS Korea beside the charge service",), CHARGES),
    Personality(
        "everest", "EVerest's EvseV2G in ISO 15118-2: paces every answer, wide offer of modes",
        ChargerTraits(turn_ms={"*": 98.5}, settings={**ONLY, "evse.energy_transfer_modes": ["DC_core", "DC_extended", "DC_combo_core", "DC_unique"]}),
        ("peers sheet: EvseV2G answers in 98.5 ms, also in the charge loop", "network sheet 7.3: sequence timeout 60 s"), CHARGES),
    Personality(
        "josev", "iso15118's SECC: 164 ms, in the charge loop, too", ChargerTraits(turn_ms={"*": 164.0}, settings=ONLY),
        ("peers sheet: iso15118 SECC in ISO-2 DC answers in 164 ms",), CHARGES),
    Personality(
        "josev-constant", "iso15118's SECC without the trait that follows: its reported voltage never changes",
        ChargerTraits(turn_ms={"*": 164.0}, settings=ONLY, changes=(Change("PreChargeRes", "EVSEPresentVoltage", 230.0),)),
        ("peers sheet: SECC voltage is constant, a car that waits for precharge needs PEER_FOLLOW=1",),
        Expected(False, StopReason.PRECHARGE_TIMEOUT, told="charger reports another voltage than the inlet has")),
    Personality(
        "dc-core-only", "offers DC_core and nothing else", ChargerTraits(settings={**ONLY, "evse.energy_transfer_modes": ["DC_core"]}),
        ("schema of ISO 15118-2, EnergyTransferModeType: DC over the core pins is a mode of its own",), CHARGES),
    Personality(
        "iso2-ac-post", "a 5 % post that offers AC alone in ISO 15118-2",
        ChargerTraits(settings={**ONLY, "evse.energy_transfer_modes": ["AC_three_phase_core", "AC_single_phase_core"]}),
        ("ISO-2_AC_DS5366: such equipment exists", "safety sheet 2 row 6: AC charging with digital communication"),
        Expected(False, StopReason.NO_TRANSFER_MODE, told="charger offers AC_three_phase_core, AC_single_phase_core, this car takes")),
    Personality(
        "contract-only", "offers payment by contract alone and refuses what is not",
        ChargerTraits(settings=ONLY, changes=(
            Change("ServiceDiscoveryRes", "PaymentOptionList", iso2.PaymentOptionList(PaymentOption=[iso2.paymentOption.Contract])),
            Change("PaymentServiceSelectionRes", "ResponseCode", iso2.responseCode.FAILED_PaymentSelectionInvalid))),
        ("ISO-2_DC_PnC_TLS_Contract_DS5366_RiseV2G: payment by contract", "safety sheet 2 row 32: PnC configured, EIM spoken"),
        Expected(False, StopReason.FAILED_RESPONSE, told="charger does not offer ExternalPayment")),
    Personality(
        "waits-for-customer", "40 s of Ongoing_WaitingForCustomerInteraction",
        ChargerTraits(settings={**ONLY, "evse.authorisation_delay_ms": 40_000}),
        ("schema of ISO 15118-2, EVSEProcessingType: a third word", "2022-12-20: 27 s until somebody had paid", "network sheet 7.1: 60 s"), CHARGES),
)

SCHEDULES = (
    Personality(
        "many-schedules", "three SAScheduleTuples of 24 entries; the power falls to 2 kW after 6 s",
        ChargerTraits(settings=ONLY, changes=(Change("ChargeParameterDiscoveryRes", "SASchedules", _schedules(FALLING, FALLING, FALLING)),)),
        ("field sheet 7.1 pyPLC #14: cars read SAScheduleList and PMax", "exi sheet 4: PMaxScheduleEntry up to 1024, SAScheduleTuple up to 3"), CHARGES),
    Personality(
        "no-schedule", "Finished without SASchedules", ChargerTraits(settings=ONLY, changes=(Change("ChargeParameterDiscoveryRes", "SASchedules", None),)),
        ("field sheet 7.1 pyPLC #14: SAScheduleList missing; here our car is the one that gets none",), CHARGES),
    Personality(
        "schedule-backwards", "entries whose starts go back in time",
        ChargerTraits(settings=ONLY, changes=(Change("ChargeParameterDiscoveryRes", "SASchedules", _schedules(((60, 50_000), (0, 20_000)))),)),
        ("safety sheet 3.3: what cannot be true is a fault",), Expected(False, StopReason.BAD_VALUE, told="the starts of the entries do not rise")),
    Personality(
        "renegotiates", "wants to agree on parameters anew in the charge loop",
        ChargerTraits(settings=ONLY, deeds=(Deed("CurrentDemand", 3.0, "renegotiate"),)),
        ("field sheet 3.4: renegotiation was never implemented in the predecessors", "schema of ISO 15118-2, EVSENotificationType"), CHARGES),
    Personality(
        "renegotiates-always", "says ReNegotiation in each CurrentDemandRes: nothing of it may keep the car from charging",
        ChargerTraits(settings=ONLY, turn_ms={"*": 20.0},
                      changes=(Change("CurrentDemandRes", STATUS + "EVSENotification", iso2.EVSENotification.ReNegotiation),)),
        ("safety sheet 4.3 I8: every session ends in bounded time", "such a notification that is never taken back: our own doing"), CHARGES),
    Personality(
        "receipts", "wants a metering receipt for every fifth CurrentDemandRes",
        ChargerTraits(settings=ONLY, changes=tuple(
            Change("CurrentDemandRes", name, value, n, n)
            for n in range(5, 100, 5) for name, value in (("ReceiptRequired", True), ("MeterInfo", METER)))),
        ("network sheet 7.2: MeteringReceipt 2 s", "schema of ISO 15118-2, CurrentDemandResType"), CHARGES),
    Personality(
        "receipts-blank", "wants receipts and tells no reading that could be confirmed",
        ChargerTraits(settings=ONLY, changes=(Change("CurrentDemandRes", "ReceiptRequired", True),)),
        ("schema of ISO 15118-2: MeterInfo is optional beside ReceiptRequired",), CHARGES),
    Personality(
        "stop-delayed", "StopCharging within 60 s: NotificationMaxDelay",
        ChargerTraits(settings=ONLY, changes=(Change("CurrentDemandRes", STATUS + "EVSENotification", iso2.EVSENotification.StopCharging, 40),
                                              Change("CurrentDemandRes", STATUS + "NotificationMaxDelay", 60, 40))),
        ("field sheet 3.4: NotificationMaxDelay was never read", "2024-04-03 alpitronic: StopCharging at the end"), Expected(True, StopReason.CHARGER_STOP)),
    Personality(
        "iso2-malfunction", "EVSE_Malfunction in the receipt of a metering reading",
        ChargerTraits(settings=ONLY, changes=(
            Change("CurrentDemandRes", "ReceiptRequired", True, 20), Change("CurrentDemandRes", "MeterInfo", METER, 20),
            Change("MeteringReceiptRes", "EVSEStatus.EVSEStatusCode", iso2.DC_EVSEStatusCode.EVSE_Malfunction))),
        ("safety sheet 6: EVSE_Malfunction must stop, whatever carries it",),
        Expected(True, StopReason.CHARGER_MALFUNCTION, told="EVSE_Malfunction in state MeteringReceipt")),
    Personality(
        "iso2-foreign-session", "changes the session id in the charge loop of ISO 15118-2", ChargerTraits(settings=ONLY, foreign_id_from=10),
        ("safety sheet 3.3: SessionID compared",), Expected(True, StopReason.UNKNOWN_SESSION, told="session id is")),
)

HANDSHAKES = (
    Personality(
        "no-negotiation", "Failed_NoNegotiation to whatever is offered", ChargerTraits(most_offers=0),
        ("field sheet 3.2: the predecessor did not look at this code",), Expected(False, StopReason.NO_COMMON_PROTOCOL, told="charger refuses")),
    Personality(
        "one-offer", "refuses a list of protocols, takes one alone", ChargerTraits(most_offers=1),
        ("field sheet 2.4: every charger of 7.2 has been offered DIN 70121 alone; who else chokes on a list is not known",), CHARGES),
    Personality(
        "one-offer-iso2", "the same, and ISO 15118-2 is what it speaks: the third handshake is the first that fits",
        ChargerTraits(most_offers=1, settings=ONLY),
        ("as one-offer",), CHARGES),
    Personality(
        "foreign-schema-id", "agrees on a SchemaID that nobody has offered",
        ChargerTraits(changes=(Change("supportedAppProtocolRes", "SchemaID", 77),)),
        ("exi sheet 2.1: SchemaIDs are arbitrary; field sheet 3.2: the predecessor did not look at them",),
        Expected(False, StopReason.NO_COMMON_PROTOCOL, told="charger chose SchemaID 77, offered were 1, 2")),
    Personality(
        "no-schema-id", "agrees without SchemaID: the most wanted protocol is meant",
        ChargerTraits(changes=(Change("supportedAppProtocolRes", "SchemaID", None),)),
        ("schema of supportedAppProtocol: SchemaID is optional",), CHARGES),
    Personality(
        "minor-deviation", "OK_SuccessfulNegotiationWithMinorDeviation in ISO 15118-2",
        ChargerTraits(settings=ONLY, changes=(
            Change("supportedAppProtocolRes", "ResponseCode", appproto.responseCode.OK_SuccessfulNegotiationWithMinorDeviation),)),
        ("exi sheet 2.1: cars offer different minor versions",), CHARGES),
)

ISO2_CHARGERS = (*SPEAKERS, *SCHEDULES, *HANDSHAKES)
