"""What is known of each recorded and each simulated session by other means: the right cause, by hand, with its source. Names are those of tools/explain/causes.

A tuple of names: each of them is right. A record that says too little has to be called that.
"""

from __future__ import annotations

from typing import Any, Callable

CHARGED = ("charged_car_ended",)
BY_CHARGER = ("charged_charger_ended",)

CAPTURES: dict[str, tuple[tuple[str, ...], str]] = {
    "2022-10-26_WP4": (("record_hidden",), "field sheet 11: Listen; SLAC of the EVSE half, no IP traffic"),
    "2022-11-17_Dehner": (
        ("neighbour_unanswered", "sdp_unanswered"),
        "field sheet 11: 1 SDP request, no response; network sheet 5.5: an Alpitronic solicits before its SDP answer",
    ),
    "2022-11-25_v0.2_ABB": (
        ("sequence_error",),
        "field sheet 11: charger FIN at ChargeParameterDiscoveryReq; 7.1 issue 10: ContractAuthentication missing, fixed in v0.3",
    ),
    "2022-11-25_v0.2_alpi": (("wrong_port",), "field sheet 11: SDP port C7A7, 5 SYN to 15118; 7.1 issue 11; network sheet 8.1"),
    "2022-12-13_compleo_with_bulb": (("charger_emergency",), "field sheet 11: 11 precharge, then EmergencyShutdown; 7.2"),
    "2022-12-20_alpi": (("sequence_error",), "field sheet 11: first CurrentDemandRes FAILED_SequenceError; 7.1 issue 16: ReadyToChargeState encoded wrongly"),
    "2023-03-02_SuperCharger": (("unknown_session",), "field sheet 11: FAILED_UnknownSession; 7.1 issue 18: SessionID of 4 octets ignored"),
    "2023-04-16_at_home_Ioniq": (("closed_by_charger", "still_charging"), "field sheet 11: full session in the charging loop; pyPLC closed it there"),
    "2023-05-03_TaycanLeft": (("slac_run_id",), "field sheet 7.3: pyPLC answered with another RunID; network sheet 8.1"),
    "2023-05-24_pyPlc_with_Ioniq93": (("closed_by_charger",), "field sheet 11: 50 current demand, stopped by the EVSE's side"),
    "2024-06-18_Griffigroen": (BY_CHARGER, "field sheet 11: complete; EVSE_Shutdown, PowerDelivery, 2 welding, SessionStop"),
    "2025-01-21_listenMode_02": (("record_hidden",), "field sheet 11: Listen with spoofing, 1 decodable message"),
    "2026-02-08_pyPLC_FoccciCape_AudiQ4": (("cable_check_not_ready",), "field sheet 11 and 7.1 OpenV2Gx 0244f1a: Finished with NotReady, 59.5 s of silence"),
    "DIN_DC_DS5366": (CHARGED, "captures README: test equipment, DIN; all phases to SessionStop in tools/decode"),
    "IEC61851_AC_PWM_Basic": (("record_empty",), "captures README: test equipment; basic AC charging by PWM has no messages"),
    "ISO-20_BPT_AC": (CHARGED, "captures README: test equipment, -20; to SessionStop in tools/decode"),
    "ISO-20_mTLS_DC": (("record_encrypted",), "captures README: TLS"),
    "ISO-2_AC_DS5366": (CHARGED, "captures README: test equipment, ISO 15118-2 AC"),
    "ISO-2_DC_BatteryData": (CHARGED, "captures README: test equipment"),
    "ISO-2_DC_DS5366": (CHARGED, "captures README: test equipment, ISO 15118-2 DC"),
    "ISO-2_DC_PnC_TLS": (("record_encrypted",), "captures README: signed contract payment over TLS"),
    "spi_ioniq_alpiHYC150": (BY_CHARGER, "field sheet 11: real Ioniq on a real HYC150; EVSE_Shutdown, PowerDelivery, 4 welding, SessionStop"),
}
"""Beginning of the file's name -> (right causes, where the sheet says so). The name finds the label and is never shown to the explainer."""

FLEET: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # name: (from the frames alone, with our box's journal); who is not listed charges in order: FLEET_CHARGES
    "compleo-unloaded": (("charger_emergency",), ("charger_emergency",)),
    "tesla-v3-pp": (("cable_check_endless",), ("cable_check_endless",)),
    "efacec": (("charger_malfunction",), ("charger_malfunction",)),
    "efacec-qc45": (("authorisation_never",), ("authorisation_never",)),
    "numbat": (("voltage_stays",), ("voltage_stays", "trip_voltage_stays")),
    "phihong": (("answer_missing",), ("answer_missing",)),
    "energie360": (("closed_by_charger",), ("closed_by_charger",)),
    "circontrol": (("no_network",), ("no_network",)),
    "no-sdp": (("sdp_unanswered",), ("sdp_unanswered",)),
    "closed-port": (("tcp_refused",), ("tcp_refused",)),
    "app-stop": (BY_CHARGER, BY_CHARGER),
    "stop-notified": (BY_CHARGER, BY_CHARGER),
    "stop-delayed": (BY_CHARGER, BY_CHARGER),
    "malfunction": (("charger_malfunction",), ("charger_malfunction",)),
    "iso2-malfunction": (("charger_malfunction",), ("charger_malfunction",)),
    "emergency-button": (("charger_emergency",), ("charger_emergency",)),
    "grid": (("charger_utility",), ("charger_utility",)),
    "imd-clash": (("cable_check_isolation",), ("cable_check_isolation",)),
    "isolation-fault-told": (("cable_check_isolation",), ("cable_check_isolation",)),
    "ac-post": (("record_empty",), ("pilot_no_5_percent",)),  # without frames there is nothing to be heard
    "pwm-lost": (
        ("closed_by_car", "charged_car_ended"),
        ("trip_pwm_lost",),
    ),  # the pilot is not in the frames: all that they show is a car that ends
    "high-minimum": (("voltage_incompatible",), ("voltage_incompatible",)),
    "bidirectional": (("current_reverse",), ("trip_reverse_current",)),
    "evil-match": (("precharge_disagreement",), ("precharge_disagreement",)),
    "evil-voltmeter": (("precharge_overshoot", "precharge_disagreement"), ("precharge_disagreement",)),
    "evil-overvoltage": (("precharge_overshoot",), ("trip_inlet_overvoltage",)),
    "evil-overcurrent": (("current_excess",), ("trip_overcurrent",)),
    "evil-deaf-stage": (("current_excess",), ("trip_current_deviation",)),
    "evil-unit": (("value_of_charger",), ("value_of_charger",)),
    "evil-foreign-session": (("unknown_session",), ("unknown_session",)),
    "iso2-foreign-session": (("unknown_session",), ("unknown_session",)),
    "josev-constant": (("precharge_not_reached", "precharge_disagreement"), ("precharge_disagreement",)),
    "iso2-ac-post": (("transfer_mode",), ("transfer_mode",)),
    "contract-only": (("payment_contract",), ("payment_contract",)),
    "schedule-backwards": (("value_of_charger",), ("value_of_charger",)),
    "no-negotiation": (("no_common_protocol",), ("no_common_protocol",)),
    "foreign-schema-id": (("no_common_protocol",), ("no_common_protocol",)),
    "ioniq-no-current": (("car_current",), ("car_current",)),
    "ioniq-silent": (("request_missing", "link_lost"), ("request_missing", "link_lost")),
    "strangers-only": (("no_common_protocol",), ("no_common_protocol",)),
    "profile-too-high": (("value_of_car", "parameters_refused"), ("value_of_car", "parameters_refused")),
    "contract-car": (("payment_contract",), ("payment_contract",)),
    "service-hunter": (("service_refused",), ("service_refused",)),
    "ac-car": (("transfer_mode",), ("transfer_mode",)),
    "pausing-car": (("paused",), ("paused",)),
    "pilot-only": (("record_empty",), ("slac_unanswered", "stopped_by_user", "unplugged")),
}
"""Name -> right causes; from tools/simulate/fleet: what each personality is said to do there."""
FLEET_CHARGES = (CHARGED, CHARGED)


def told(**faults: Any) -> Callable[[Any], None]:
    """The car is broken so from now on."""
    def happens(charge: Any) -> None:
        for name, value in faults.items():
            assert hasattr(charge.vehicle.faults, name), name
            setattr(charge.vehicle.faults, name, value)
    return happens


def unplugged(charge: Any) -> None:
    assert charge.plant.unplug_vehicle(charge.clock.time, force=True) or not charge.plant.vehicle_plugged


BRIDGE: dict[str, tuple[tuple[str, ...], str, dict[str, Any], Callable[[Any], None] | None]] = {
    # what is wrong: (right causes, car of tools/simulate/chademo, its faults and traits from the beginning, what happens while it charges);
    # the chademo sheet, 3.8 and 6
    "leaf40 in order": (CHARGED, "leaf40", {}, None),
    "leaf24 in order": (CHARGED, "leaf24", {}, None),
    "i-miev in order": (CHARGED, "i-miev", {}, None),
    "leaf40-v2x in order": (CHARGED, "leaf40-v2x", {}, None),
    "CAN never heard": (("box_car_no_can",), "leaf40", {"faults": {"silent": True}}, None),
    "k never closes": (("box_car_no_permission",), "leaf40", {"faults": {"k_stuck": False}}, None),
    "102.5.0 never says so": (("box_car_no_permission",), "leaf40", {"faults": {"enabled_stuck": False}}, None),
    "k is closed before d1": (("box_car_permission_stuck",), "leaf40", {"faults": {"k_stuck": True}}, None),
    "contactors never close": (("box_car_contactors",), "leaf40", {"faults": {"never_close": True}, "traits": {"contactor_limit_s": 30.0}}, None),
    "battery above our charger": (("box_car_incompatible", "voltage_incompatible"), "leaf40", {"faults": {"target": 560}}, None),
    "private protocol 10": (("box_car_version",), "johu", {}, None),
    "k opens": (("charged_car_ended",), "leaf40", {}, told(k_stuck=False)),       # the vehicle's own way to end a charge (sheet 2.2 number 14)
    "CAN lost": (("box_car_silent_can", "trip_bridge_vehicle_signals_lost"), "leaf40", {}, told(silent=True)),
    "0x102 lost": (("box_car_silent_can", "trip_bridge_vehicle_signals_lost"), "leaf40", {}, told(missing=frozenset({0x102}))),
    "over voltage told": (("box_car_over_voltage",), "leaf40", {}, told(tell_faults=1)),
    "under voltage told": (("box_car_under_voltage",), "leaf40", {}, told(tell_faults=2)),
    "current deviation told": (("box_car_current_deviation",), "leaf40", {}, told(tell_faults=4)),
    "over temperature told": (("box_car_temperature",), "leaf40", {}, told(tell_faults=8)),
    "voltage deviation told": (("box_car_voltage_deviation",), "leaf40", {}, told(tell_faults=16)),
    "not parked": (("box_car_not_parked",), "leaf40", {}, told(tell_status=2)),
    "system fault": (("box_car_fault",), "leaf40", {}, told(tell_status=4)),
    "plug pulled": (("trip_bridge_vehicle_plug_pulled", "trip_bridge_vehicle_lock_lost", "trip_bridge_vehicle_signals_lost", "box_car_silent_can"), "leaf40", {},
                    unplugged),
}
"""Name -> as above: what a bridge meets at its CHAdeMO plug. The label is what was done to the car, never what came of it."""
