"""The cars of the fleet, towards our charger: how they match, ask and pace, measured in captures where one exists.

Sources as in chargers.py. Cars of which no capture is at hand have the numbers of the sheets.
"""
from __future__ import annotations

from exi_native.messages.din import DC_EVErrorCode
from tasks.stop_reasons import StopReason
from tools.simulate.fleet.iso2_cars import ISO2_CARS
from tools.simulate.fleet.slac_times import car_delays, car_settings
from tools.simulate.fleet.traits import CHARGES, CarTraits, Change, Deed, Expected, Personality

IONIQ = CarTraits(
    slac_delay_ms=car_delays("ioniq-93"), modem_restart_ms=1500, modem_join_ms=2600, syn_delay_ms=600.0, mss=350,
    probe_after_s=5.0,
    turn_ms={"*": 265.0, "CableCheckReq": 80.0, "PreChargeReq": 90.0, "CurrentDemandReq": 90.0, "WeldingDetectionReq": 90.0},
    settings={**car_settings("ioniq-93"), "ev.max_voltage_v": 412.8, "ev.max_current_a": 200.0, "ev.max_power_kw": 98.0,
              "ev.bulk_soc_percent": 83.0})

CARS = {p.name: p for p in (
    Personality(
        "ioniq", "Hyundai Ioniq 28 (2016): small segments, probes its neighbour, 90 ms pace", IONIQ,
        ("2023-04-16, 2023-05-24: 265 ms between messages, 97 ms in loops; 2024-04-03: 80-90 ms",
         "network sheet 8: START gap 20 ms, RSP 50 ms, SDP 4.12 s after MATCH.CNF; "
         "5.2: SYN 0.57-0.63 s; 6.1: MSS 350; 5.5: NS 5 s after SYN"), CHARGES),
    Personality(
        "model-y", "Tesla Model Y: own protocol first, 17 ms pace",
        CarTraits(namespaces=("urn:tesla:din:2018",), turn_ms={"*": 17.0}, modem_restart_ms=200, modem_join_ms=230, syn_delay_ms=60.0,
                  slac_delay_ms=car_delays("model-y"), settings={**car_settings("model-y"), "ev.max_voltage_v": 410.0}),
        ("network sheet 8: sound gap 24 ms, RSP 6.8 ms, SDP 0.43 s after MATCH.CNF; 7.3: 17 ms",
         "field sheet 7.3: urn:tesla:din:2018"), CHARGES),
    Personality(
        "model-x", "Tesla Model X Plaid: asks for TLS once and takes an answer without",
        CarTraits(namespaces=("urn:tesla:din:2018",), tls_requests=1, turn_ms={"*": 39.0}, modem_restart_ms=200, modem_join_ms=230, sdp_delay_ms=210.0, syn_delay_ms=10.0,
                  slac_delay_ms=car_delays("model-x"), settings=car_settings("model-x")),
        ("network sheet 5.2: 00 00 once, SYN 10 ms after the answer; 7.3: 39 ms; 8: sound gap 25 ms, SDP 0.72 s after MATCH.CNF",), CHARGES),
    Personality(
        "polestar-2", "Polestar 2: 470 V, slow match, 224 ms in precharge",
        CarTraits(protocols=("din", "iso2"),
                  turn_ms={"*": 20.0, "ChargeParameterDiscoveryReq": 35.0, "CableCheckReq": 225.0, "PreChargeReq": 224.0, "PowerDeliveryReq": 76.0,
                           "CurrentDemandReq": 123.0, "WeldingDetectionReq": 152.0, "SessionStop": 29.0},
                  slac_delay_ms=car_delays("polestar-2-2024-06-18"), modem_restart_ms=200, modem_join_ms=230, syn_delay_ms=630.0,
                  settings={**car_settings("polestar-2-2024-06-18"), "ev.max_voltage_v": 470.0, "ev.max_current_a": 375.0}, plant={"battery_cells": 108}),
        ("2024-06-18: times between messages, 470 V, 375 A; SchemaID 1 for DIN, then 0 for ISO 15118-2",
         "network sheet 8: sound gap 40 ms, START to MATCH.REQ 1.52 s, SDP 0.55 s; 5.2: SYN 0.63 s"), CHARGES),
    Personality(
        "audi-q4", "Audi Q4 e-tron: 49 SDP requests for TLS before the first without, decides early",
        CarTraits(protocols=("din", "iso2"), tls_requests=49, takes_plain_answer=False, turn_ms={"*": 100.0, "CableCheckReq": 131.0},
                  modem_restart_ms=1500, modem_join_ms=1700,
                  syn_delay_ms=70.0, slac_delay_ms=car_delays("audi-q4-3"),
                  settings={**car_settings("audi-q4-3"), "ev.max_voltage_v": 413.0, "ev.max_current_a": 500.0}),
        ("2026-02-08: 81-156 ms between messages, 413 V, 500 A",
         "network sheet 5.2: 50 requests for TLS, then one without, SYN 70 ms (our client asks 50 times in all); "
         "8: sound gap 40 ms, START to MATCH.REQ 0.55 s, SDP 3.2 s"), CHARGES),
    Personality(
        "taycan", "Porsche Taycan: random RunID, which must come back as it is",
        CarTraits(turn_ms={"*": 100.0}, settings={"slac.parm_cadence_ms": 5000}),
        ("network sheet 2.8 row 1: random RunID, an EVSE echoing MAC+0000 gets nothing; 8.1: PARM.REQ three times at 205 ms, then a pause",
         "no capture beyond CM_SLAC_PARM: its pace is assumed"), CHARGES),
    Personality(
        "bmw-ix3", "BMW iX3: SchemaID 0", CarTraits(schema_ids=(0,), turn_ms={"*": 100.0}),
        ("field sheet 7.1: pyPLC #9, SchemaID 0 must be echoed", "its pace is assumed"), CHARGES),
    Personality(
        "vw-id", "VW: begins SLAC 30 s late", CarTraits(deaf_s=30.0, turn_ms={"*": 100.0}),
        ("safety sheet 6: VW needs up to 30 s to start SLAC after an error", "its pace is assumed"), CHARGES),
    Personality(
        "stellantis", "begins SLAC anew in the middle: its CM_SLAC_MATCH.REQ stay away at first",
        CarTraits(slac_lost={"CM_SLAC_MATCH.REQ": 3}, turn_ms={"*": 100.0}),
        ("safety sheet 6: Stellantis resets SLAC", "its pace is assumed"), CHARGES),
    Personality(
        "ioniq-no-current", "an Ioniq that misses its current: FAILED_ChargingCurrentdifferential, then the end",
        CarTraits(turn_ms={"*": 90.0}, deeds=(Deed("CurrentDemand", 8.0, "user_stop"),), changes=tuple(
            Change(name, path + "DC_EVStatus.EVErrorCode", DC_EVErrorCode.FAILED_ChargingCurrentdifferential, first) for name, path, first in (
                ("CurrentDemandReq", "", 60), ("PowerDeliveryReq", "EVPowerDeliveryParameter.", 2)))),
        ("field sheet 7.3: ends after 600 s without current with this code",),
        Expected(True, StopReason.CAR_ERROR, told="car reports FAILED_ChargingCurrentdifferential")),
    Personality(
        "ioniq-silent", "an Ioniq whose line dies in the charge loop",
        CarTraits(turn_ms={"*": 90.0}, deeds=(Deed("CurrentDemand", 8.0, "line_dead"),)),
        ("safety sheet 3.2: a silent EV must not hold the contactor 60 s",),
        Expected(True, StopReason.CAR_LEFT_C, told="output off")),
    Personality(
        "user-stop", "the driver stops at the car", CarTraits(turn_ms={"*": 90.0}, deeds=(Deed("CurrentDemand", 8.0, "user_stop"),)),
        ("2023-05-24: stop in the loop",), Expected(True, StopReason.CAR_STOP)),
    Personality(
        "pilot-only", "a car without power line communication at our wallbox: it charges by the pilot alone",
        CarTraits(speaks=False, ours={"evse.energy_transfer_modes": ["AC_three_phase_core"]}),
        ("network sheet 2.3, 2.7: C_sequ_retry times 5 %, state F, 5 %, then the nominal duty", "network sheet 3: the duty's current"),
        Expected(True, told="charge by the pilot alone (16.0 A per phase)")),
    *ISO2_CARS,
)}
