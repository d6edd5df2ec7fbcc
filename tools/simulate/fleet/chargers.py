"""The chargers of the fleet: real ones with what was seen of them in public, then faults, then hostile ones.

Sources: "safety sheet" is safety-security-needs, "field sheet" is field-pyplc-clara, "network sheet" is slac-and-network;
a date names a capture, whose times were measured with tools/decode.
"""
from __future__ import annotations

from exi_native.messages.din import (DC_EVSEStatusCode, EVSENotification, PhysicalValue, isolationLevel, responseCode,
                                     unitSymbol)
from tasks.stop_reasons import StopReason
from tools.simulate.fleet.iso2_chargers import ISO2_CHARGERS
from tools.simulate.fleet.slac_times import charger_delays
from tools.simulate.fleet.traits import CHARGES, Change, ChargerTraits, Deed, Echo, Expected, Needs, Neighbour, Personality, Plus

FOR_EVER_MS = 10**9
STATUS = "DC_EVSEStatus.EVSEStatusCode"
LIMITS = "EVSEChargeParameter.EVSE%sLimit"


def _limits(volts: float, lowest_volts: float, amperes: float, kilowatts: float) -> dict:
    """What the charger announces and what its own supervisor allows."""
    return {"evse.max_voltage_v": volts, "evse.min_voltage_v": lowest_volts, "evse.max_current_a": amperes, "evse.max_power_kw": kilowatts,
            "safety.evse.max_voltage_v": volts, "safety.evse.max_current_a": amperes}


def _stage(volts: float, amperes: float, kilowatts: float, volts_per_s: float = 250.0) -> dict:
    return {"stage_max_voltage_v": volts, "stage_max_current_a": amperes, "stage_max_power_w": kilowatts * 1000.0,
            "stage_voltage_rate_v_per_s": volts_per_s}


def _says(code: DC_EVSEStatusCode, message: str, first: int = 1) -> Change:
    return Change(message, STATUS, code, first)


ALPITRONIC = ChargerTraits(
    slac_delay_ms=charger_delays("alpitronic-2022"), modem_join_ms=4000, solicits_before_sdp=True, sdp_delay_ms=84.0, bare_advertisement=True, port=0xC7A6,
    turn_ms={"*": 7.0, "PowerDeliveryRes": 325.0}, holds_at_zero=True,
    settings={**_limits(500.0, 150.0, 100.0, 37.8), "evse.authorisation_delay_ms": 27_000, "evse.parameter_delay_ms": 1000,
              "evse.isolation_measure_ms": 4000},
    plant=_stage(500.0, 100.0, 37.8, 60.0),
    changes=(Change("WeldingDetectionRes", STATUS, DC_EVSEStatusCode.EVSE_Shutdown),))
ALPITRONIC_SOURCES = (
    "2022-12-20: median answer 7 ms, 27 rounds of authorisation, 5 of parameters, 500/150 V, 100 A, 37.8 kW; 2024-04-03: PowerDeliveryRes 325 ms, "
    "EVSE_Shutdown in WeldingDetectionRes",
    "network sheet 5.5: NS before the SDP answer, NA 0x40 without option; 5.2: port C7A6, SDP answer 84 ms",
    "field sheet 7.5: cable check 13.6 s, precharge up to 8 s", "network sheet 8: modem answers 6.4 s after MATCH.CNF",
    "safety sheet 6: tolerates target current 0")

REAL = (
    Personality("alpitronic", "HYC150: solicits before its SDP answer, odd port, slow stage", ALPITRONIC, ALPITRONIC_SOURCES, CHARGES),
    Personality(
        "alpitronic-hyc300", "the same, but welding detection FAILED and SessionStop not answered",
        ChargerTraits(solicits_before_sdp=True, port=0xC7A6, turn_ms={"*": 7.0}, holds_at_zero=True, silent=frozenset({"SessionStopRes"}),
                      changes=(Change("WeldingDetectionRes", "ResponseCode", responseCode.FAILED),)),
        ("field sheet 7.2: HYC300, welding FAILED, SessionStop no response",), CHARGES),
    Personality(
        "abb", "Terra: late CM_ATTEN_CHAR.IND, wants EVCCID, never answers WeldingDetectionReq, sags at 0 A",
        ChargerTraits(slac_delay_ms=charger_delays("abb"), sdp_delay_ms=429.0, port=0xD121, solicits_before_sdp=True,
                      turn_ms={"*": 16.0, "supportedAppProtocolRes": 113.0}, silent=frozenset({"WeldingDetectionRes"}),
                      needs=(Needs("SessionSetupReq", "EVCCID"),), early_c_is_fault=True,
                      changes=(Change("SessionSetupRes", "ResponseCode", responseCode.OK),)),
        ("network sheet 8: IND 608 ms after the last sound; 5.2: port 53537, SDP answer 429 ms",
         "2022-11-25: answers 16 to 113 ms, SessionSetupRes OK",
         "field sheet 7.1 issue 17: no WeldingDetectionRes; issue 20: EVCCID",
         "safety sheet 6: state C too early is a fault; voltage decays at target current 0"),
        CHARGES),
    Personality(
        "compleo", "Cito: only TIME_OUT 6, slow answers, Finished with EVSE_NotReady, poor regulation without load",
        ChargerTraits(insists_on_timeout=True, slac_delay_ms=charger_delays("compleo-bulb"), sdp_delay_ms=12.0, solicits_before_sdp=True,
                      turn_ms={"*": 100.0, "supportedAppProtocolRes": 109.0, "SessionSetupRes": 60.0, "ServiceDiscoveryRes": 116.0,
                               "ServicePaymentSelectionRes": 62.0, "ContractAuthenticationRes": 209.0, "ChargeParameterDiscoveryRes": 511.0,
                               "CableCheckRes": 401.0, "PreChargeRes": 212.0, "PowerDeliveryRes": 909.0, "CurrentDemandRes": 26.5},
                      settings={**_limits(485.0, 200.0, 125.0, 50.0), "evse.min_current_a": 1.5, "evse.peak_current_ripple_a": 0.8,
                                "evse.authorisation_delay_ms": 14_000, "evse.parameter_delay_ms": 500, "evse.isolation_measure_ms": 5000},
                      plant=_stage(485.0, 125.0, 50.0, 100.0), overshoot_v=16.0, overshoot_tau_s=1.0,
                      changes=(Change("ChargeParameterDiscoveryRes", "EVSEChargeParameter." + STATUS, DC_EVSEStatusCode.EVSE_NotReady),)),
        ("2022-12-13: answers by message, 485/200 V, 125 A, 50 kW, Finished with EVSE_NotReady",
         "field sheet 7.1 issue 13: START with 600 ms; 3.9: PowerDelivery 909 ms",
         "network sheet 8: IND 200 ms after the last sound", "field sheet 7.2: overshoot to 416 V; safety sheet 5: CurrentDemandRes 26.5 ms"),
        CHARGES),
    Personality(
        "compleo-unloaded", "Cito that runs away without load and then reports EVSE_EmergencyShutdown",
        ChargerTraits(insists_on_timeout=True, turn_ms={"PreChargeRes": 212.0}, idle_offset_v=26.0,
                      changes=(_says(DC_EVSEStatusCode.EVSE_EmergencyShutdown, "PreChargeRes", 11),)),
        ("2022-12-13: 10 PreChargeRes, then EmergencyShutdown", "field sheet 7.2: overshoot to 400-416 V"),
        Expected(False, StopReason.CHARGER_EMERGENCY, told="EVSE_EmergencyShutdown in state PreCharge")),
    Personality(
        "tesla-v3", "Supercharger: session id of 4 octets, port 30000, the first TCP connection is refused",
        ChargerTraits(session_id_octets=4, port=30_000, refused_syns=1, sdp_delay_ms=19.0, turn_ms={"*": 9.3},
                      slac_delay_ms=charger_delays("tesla-v3"), solicits_before_sdp=True,
                      settings={**_limits(469.9, 229.99, 500.0, 260.0)}, plant=_stage(469.9, 500.0, 260.0)),
        ("2023-03-02: answers 9.3 ms, 469.9/229.99 V, 500 A, 260 kW",
         "field sheet 7.1 issue 18: session id of 4 octets",
         "network sheet 5.2: port 30000, SDP answer 19 ms",
         "safety sheet 6: first TCP connect fails"), CHARGES),
    Personality(
        "tesla-v3-pp", "Supercharger whose cable check never ends (wrong proximity resistor)",
        ChargerTraits(session_id_octets=4, port=30_000, turn_ms={"*": 9.3}, repeats=frozenset({"CableCheckReq"})),
        ("safety sheet 6: CableCheck never ends if PP wrong", "2023-03-02: 31 rounds of CableCheckRes(Ongoing)"),
        Expected(False, StopReason.CABLE_CHECK_FAILED, told="state CableCheck took too long")),
    Personality(
        "tritium", "Veefil: stops when the car's voltage limit is 398 V or less, overshoots",
        ChargerTraits(needs=(Needs("ChargeParameterDiscoveryReq", "EVChargeParameter.EVMaximumVoltageLimit", 398.0),), overshoot_v=20.0,
                      overshoot_tau_s=1.5),
        ("field sheet 7.2: Ionity Veefil-PK aborts, 398 V limit; safety sheet 6: overshoot 420 V at a bulb (400 V asked)",), CHARGES),
    Personality(
        "efacec", "HV: regulates badly and reports EVSE_Malfunction",
        ChargerTraits(idle_offset_v=15.0, changes=(_says(DC_EVSEStatusCode.EVSE_Malfunction, "PreChargeRes", 8),)),
        ("safety sheet 6: bad regulation, code 6",), Expected(False, StopReason.CHARGER_MALFUNCTION, told="EVSE_Malfunction in state PreCharge")),
    Personality(
        "efacec-qc45", "QC45 that never finishes the authorisation",
        ChargerTraits(settings={"evse.authorisation_delay_ms": FOR_EVER_MS}),
        ("field sheet 7.2: authorisation impossible, charger defect",), Expected(False, StopReason.ONGOING_TIMEOUT, told="authorise at the charger")),
    Personality(
        "kempower", "wants 450 ms between contactors and current", ChargerTraits(turn_ms={"PowerDeliveryRes": 450.0}),
        ("field sheet 12: contactors >= 450 ms until current request (Clara issue 22)",), CHARGES),
    Personality(
        "numbat", "keeps its voltage after the end", ChargerTraits(deeds=(Deed("CurrentDemand", 1.0, "keep_voltage"),)),
        ("safety sheet 6: keeps voltage after stop, endless voltage",),
        Expected(True, StopReason.BATTERY_FULL, trip="Inlet stays live", told="The voltage did not fall")),
    Personality(
        "plugit", "HUBE S: every optional limit of ChargeParameterDiscoveryReq must be there",
        ChargerTraits(needs=tuple(Needs("ChargeParameterDiscoveryReq", "EVChargeParameter." + name) for name in (
            "EVMaximumCurrentLimit", "EVMaximumVoltageLimit", "EVMaximumPowerLimit", "EVEnergyCapacity", "EVEnergyRequest", "FullSOC", "BulkSOC"))),
        ("safety sheet 6: Plugit HUBE S, max fields needed; field sheet 7.1 issue 21",), CHARGES),
    Personality(
        "phihong", "acknowledges TCP and answers nothing", ChargerTraits(silent=frozenset({"supportedAppProtocolRes", "SessionSetupRes"})),
        ("safety sheet 6: TCP ack but no response",), Expected(False, StopReason.TIMEOUT, told="supportedAppProtocol")),
    Personality(
        "energie360", "resets the connection during authorisation",
        ChargerTraits(settings={"evse.authorisation_delay_ms": 20_000}, deeds=(Deed("ContractAuthentication", 5.0, "tcp_reset", times=100),)),
        ("safety sheet 6: RST",), Expected(False, StopReason.TCP_RESET, told="ContractAuthentication")),
    Personality(
        "circontrol", "its modem never joins after CM_SET_KEY", ChargerTraits(modem_join_ms=60_000),
        ("field sheet 7.2: after SetKey no charger modem",), Expected(False, StopReason.NO_LINK, told="no link 12 s after CM_SLAC_MATCH.CNF")),
    Personality(
        "pyplc", "answers late, reports the wanted voltage, nonsense limit of 20 GW",
        ChargerTraits(turn_ms={"*": 107.0, "CurrentDemandRes": 124.0}, port=15_118,
                      changes=(Change("CurrentDemandRes", "EVSEPresentVoltage", Echo("EVTargetVoltage")),
                               Change("ChargeParameterDiscoveryRes", LIMITS % "MaximumPower",
                                      PhysicalValue(Multiplier=3, Unit=unitSymbol.W, Value=32_000)))),
        ("safety sheet 5: 87-129 ms; field sheet 7.1: 20 GW limit, issue 44 reports the target",
         "2023-04-16: CurrentDemandRes 129 ms"), CHARGES),
    Personality(
        "slow-secc", "an unknown charger of the tux-evse recordings, 99 to 219 ms in the charge loop",
        ChargerTraits(turn_ms={"*": 99.0, "CurrentDemandRes": 219.0}),
        ("safety sheet 5: median 99 ms, 219 ms tolerated by an Ioniq",), CHARGES),
)

CIRCUMSTANCES = (
    Personality(
        "neighbour", "another charger hears the car 22 dB weaker and sends stray CM_SLAC_MATCH.CNF",
        ChargerTraits(neighbours=(Neighbour(32, answers_ms=1.0, foreign_match_s=3.0),)),
        ("network sheet 2.5: real neighbours 21.8 dB apart", "safety sheet 6: foreign SLAC_MATCH.CNF during session"), CHARGES),
    Personality(
        "neighbour-louder", "the neighbour's cable couples better than the own one: the car matches the wrong charger",
        ChargerTraits(neighbours=(Neighbour(8),)),
        ("network sheet 9 P06; safety sheet 6: neighbour cross-talk",), Expected(True, told="the two best chargers differ by less than 10 dB")),
    Personality(
        "cabinet-shared", "a second car begins at the same cabinet: the current limit falls while charging",
        ChargerTraits(changes=(Change("CurrentDemandRes", "EVSEMaximumCurrentLimit", 8.0, 60),)),
        ("safety sheet 6: parallel charging on one cabinet",), CHARGES),
    Personality(
        "late-coordinator", "the charger's modem appears after 30 s, until then the own modem sleeps", ChargerTraits(deaf_s=30.0),
        ("safety sheet 6: modem sleeps ~30 s without coordinator; network sheet 2.8 row 11",), CHARGES),
    Personality(
        "no-sdp", "joins the network and never answers SDP", ChargerTraits(sdp_silent=True),
        ("2022-11-17: complete SLAC, SDP without response",), Expected(False, StopReason.SDP_FAILED, told="50 SDP requests")),
    Personality(
        "probing", "a neighbour solicitation 5 s after the SYN must be answered", ChargerTraits(probe_after_s=5.0, settings={"evse.authorisation_delay_ms": 10_000}),
        ("network sheet 5.5: NS ~5 s after SYN, answer or the connection dies",), CHARGES),
    Personality(
        "closed-port", "refuses every TCP connection", ChargerTraits(refused_syns=1000),
        ("2022-11-25 alpitronic: RST to each SYN, five times",), Expected(False, StopReason.TCP_REFUSED, told="refused")),
    Personality(
        "app-stop", "somebody stops by app: EVSE_Shutdown in the charge loop", ChargerTraits(deeds=(Deed("CurrentDemand", 8.0, "user_stop"),)),
        ("safety sheet 6: EVSE_Shutdown ignored on Tesla app stop",), Expected(True, StopReason.CHARGER_STOP)),
    Personality(
        "stop-notified", "EVSENotification StopCharging with EVSE_Ready",
        ChargerTraits(changes=(Change("CurrentDemandRes", "DC_EVSEStatus.EVSENotification", EVSENotification.StopCharging, 40),)),
        ("2024-04-03 alpitronic: StopCharging at the end",), Expected(True, StopReason.CHARGER_STOP)),
    Personality(
        "malfunction", "EVSE_Malfunction in the charge loop", ChargerTraits(changes=(_says(DC_EVSEStatusCode.EVSE_Malfunction, "CurrentDemandRes", 40),)),
        ("safety sheet 6: EVSE_Malfunction must stop",), Expected(True, StopReason.CHARGER_MALFUNCTION, told="EVSE_Malfunction in state CurrentDemand")),
    Personality(
        "emergency-button", "the mushroom button of the charger is pressed while charging", ChargerTraits(deeds=(Deed("CurrentDemand", 8.0, "emergency_stop"),)),
        ("field sheet 3.4: code 5 and 6 must stop",), Expected(True, StopReason.CHARGER_EMERGENCY, told="emergency stop pressed")),
    Personality(
        "reserved-code", "a reserved EVSEStatusCode in the charge loop",
        ChargerTraits(changes=(_says(DC_EVSEStatusCode.Reserved_8, "CurrentDemandRes", 20),)),
        ("field sheet 3.4: codes 7 to 11 are reserved, Clara ignores them",), Expected(True, told="charger reports Reserved_8")),
    Personality(
        "grid", "EVSE_UtilityInterruptEvent in the charge loop",
        ChargerTraits(changes=(_says(DC_EVSEStatusCode.EVSE_UtilityInterruptEvent, "CurrentDemandRes", 40),)),
        ("field sheet 3.4: code 3",), Expected(True, StopReason.CHARGER_UTILITY, told="grid operator")),
    Personality(
        "imd-clash", "two insulation monitors pull the resistance down", ChargerTraits(plant={"isolation_ohm": 80_000.0}),
        ("safety sheet 6: IMD clash; S19, S20",), Expected(False, StopReason.CABLE_CHECK_FAILED, told="charger answered FAILED in state CableCheck")),
    Personality(
        "isolation-fault-told", "CableCheckRes Finished with isolation Fault",
        ChargerTraits(changes=(Change("CableCheckRes", "DC_EVSEStatus.EVSEIsolationStatus", isolationLevel.Fault),)),
        ("safety sheet S19",), Expected(False, StopReason.CABLE_CHECK_FAILED, told="isolation Fault")),
    Personality(
        "ac-post", "16 % PWM: an AC post without digital communication", ChargerTraits(duty_percent=16.0),
        ("network sheet 3: 5 % means digital communication",), Expected(False, StopReason.NO_PILOT, told="5 %")),
    Personality(
        "pwm-lost", "the 5 % PWM stops while charging", ChargerTraits(deeds=(Deed("CurrentDemand", 8.0, "pwm_off"),)),
        ("network sheet 3: loss of PWM, the car stops within 3 s",), Expected(True, StopReason.SAFETY_TRIP, trip="5% PWM lost", told="5 % PWM")),
    Personality(
        "high-minimum", "a bus charger that begins at 400 V", ChargerTraits(settings={"evse.min_voltage_v": 400.0}),
        ("safety sheet 6: charger minimum voltage",), Expected(False, StopReason.INCOMPATIBLE_VOLTAGE, told="charger delivers 400.0 to 500.0 V, battery has")),
)

V2X = (
    Personality(
        "bidirectional", "charges, then draws 15 A out of the car, then charges again; reports it as a negative EVSEPresentCurrent",
        ChargerTraits(deeds=(Deed("CurrentDemand", 12.0, "draw_current", 15.0), Deed("CurrentDemand", 42.0, "draw_current", 0.0)),
                      ours={"bridge.discharge_a": 20.0, "safety.bridge.max_discharge_a": 20.0}),
        ("chademo sheet 1.10, 3.6, 8 number 20: SigenStor EVDC, EVniculus; their messages were not seen, 15 A as in log A",),
        Expected(True, StopReason.SAFETY_TRIP, trip="Reverse current", told="feeds the cable")),
)

EVIL = (    Personality(
        "evil-match", "claims the battery's voltage while the inlet is dead",
        ChargerTraits(deeds=(Deed("PreCharge", 0.0, "stage_dead"),),
                      changes=(Change("PreChargeRes", "EVSEPresentVoltage", Echo("EVTargetVoltage")),)),
        ("safety sheet 3.3: two witnesses; S1",), Expected(False, StopReason.PRECHARGE_TIMEOUT, told="inlet")),
    Personality(
        "evil-voltmeter", "reports 40 V more than it delivers", ChargerTraits(changes=(Change("PreChargeRes", "EVSEPresentVoltage", Plus(40.0)),)),
        ("safety sheet 3.3: two witnesses; S15: accuracy 10 V",),
        Expected(False, StopReason.PRECHARGE_TIMEOUT, told="charger reports another voltage than the inlet has")),
    Personality(
        "evil-overvoltage", "regulates 250 V too high in precharge",
        ChargerTraits(settings=_limits(1000.0, 50.0, 125.0, 50.0), plant=_stage(1000.0, 125.0, 50.0), deeds=(Deed("PreCharge", 0.2, "offset_voltage", 250.0),)),
        ("safety sheet S12",), Expected(False, StopReason.SAFETY_TRIP, trip="Inlet overvoltage", told="more voltage on the inlet")),
    Personality(
        "evil-overcurrent", "delivers 60 A more than asked for",
        ChargerTraits(deeds=(Deed("CurrentDemand", 8.0, "excess_current", 60.0),), plant={"battery_soc_percent": 50.0}),
        ("safety sheet S16; the battery allows 125 A",),
        Expected(True, StopReason.SAFETY_TRIP, trip="Overcurrent", told="delivers more than the battery allows")),
    Personality(
        "evil-deaf-stage", "goes on with 30 A more than asked for, below the battery's limit",
        ChargerTraits(deeds=(Deed("CurrentDemand", 3.0, "excess_current", 30.0),), plant={"battery_soc_percent": 95.0, "battery_capacity_wh": 28_000.0}),
        ("safety sheet S16: 10 A for 10 s",),
        Expected(True, StopReason.SAFETY_TRIP, trip="Current deviation", told="does not follow the requested current")),
    Personality(
        "evil-unit", "a voltage in amperes",
        ChargerTraits(changes=(Change("PreChargeRes", "EVSEPresentVoltage", PhysicalValue(Multiplier=0, Unit=unitSymbol.A, Value=350)),)),
        ("safety sheet 3.3: unit mismatch is a fault",), Expected(False, StopReason.BAD_VALUE, told="expected unit V, came A")),
    Personality(
        "evil-limits", "asks for currents and voltages that the battery must not have",
        ChargerTraits(settings=_limits(1000.0, 50.0, 500.0, 350.0), plant=_stage(1000.0, 500.0, 350.0)),
        ("safety sheet I6: the smallest limit counts",), CHARGES),
    Personality(
        "evil-foreign-session", "changes the session id in the charge loop",
        ChargerTraits(foreign_id_from=10),
        ("safety sheet 3.3: SessionID compared",), Expected(True, StopReason.UNKNOWN_SESSION, told="session id is")),
)

CHARGERS = {p.name: p for p in (*REAL, *CIRCUMSTANCES, *V2X, *EVIL, *ISO2_CHARGERS)}
