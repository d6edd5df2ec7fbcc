"""Defaults and hard limits of every setting, and what is known before anything was measured, written anew."""
import dataclasses
import math

import pytest

from tasks.safety.config import AcSafetyConfig, BridgeLimits, BridgeSafetyConfig, EvseSafetyConfig, PevSafetyConfig, SafetyConfig, check_ranges, contradictions
from tasks.safety.facts import (AcFacts, AcOutputs, AcRequests, BridgeFacts, BridgeOutputs, BridgeRequests, EvseFacts, EvseOutputs, EvseRequests, PevFacts,
                                PevOutputs, PevRequests, Report)

BUTTON = ("emergency", "none")
#: name: default, lowest, highest, choices. Sources are named in tasks/safety/config.py (sheet section 4.3).
PEV = {
    "match_v": (10.0, 1, 20, None), "mismatch_v": (20.0, 5, 20, None), "contactor_travel_ms": (200, 20, 500, None),
    "current_wait_ms": (3000, 500, 3000, None), "emergency_open_ms": (1500, 1000, 2000, None), "unverified_wait_ms": (2000, 2000, 5000, None),
    "decay_ms": (30_000, 1000, 60_000, None), "unlock_v": (60.0, 5, 60, None), "voltage_sensor_fitted": (True, None, None, None),
    "unverified_decay_ms": (10_000, 5000, 60_000, None), "derate_from_c": (60.0, 20, 85, None), "supply_sensor_fitted": (False, None, None, None),
    "supply_min_v": (9.0, 6, 20, None), "inlet_max_temperature_c": (70.0, 30, 90, None), "inlet_max_voltage_v": (550.0, 60, 1100, None),
    "battery_min_voltage_v": (100.0, 50, 1000, None), "current_sensor_fitted": (True, None, None, None),
    "temperature_sensor_fitted": (True, None, None, None), "contactor_feedback_fitted": (True, None, None, None),
    "lock_feedback_fitted": (True, None, None, None), "lock_travel_ms": (1500, 100, 5000, None), "stop_button": ("emergency", None, None, BUTTON),
}
EVSE = {
    "max_voltage_v": (500.0, 50, 1000, None), "max_current_a": (125.0, 1, 500, None), "contactor_travel_ms": (200, 20, 500, None),
    "current_wait_ms": (3000, 500, 3000, None), "emergency_open_ms": (1500, 1000, 2000, None), "decay_ms": (30_000, 1000, 60_000, None),
    "unlock_v": (60.0, 5, 60, None), "isolation_min_ohm": (100_000.0, 50_000, 10e6, None), "isolation_monitor_fitted": (True, None, None, None),
    "contactor_feedback_fitted": (True, None, None, None), "lock_feedback_fitted": (True, None, None, None),
    "lock_travel_ms": (1500, 100, 5000, None), "stop_button": ("emergency", None, None, BUTTON),
}

AC = {
    "max_current_a": (16.0, 6, 80, None), "contactor_close_ms": (200, 20, 1000, None), "contactor_open_ms": (70, 10, 70, None),
    "load_end_ms": (3000, 500, 3000, None), "ventilation_fitted": (False, None, None, None), "residual_current_fitted": (True, None, None, None),
    "lock_feedback_fitted": (True, None, None, None), "lock_travel_ms": (1500, 100, 5000, None), "stop_button": ("emergency", None, None, BUTTON),
}

#: chademo sheet 2.2, 3.1 and 3.7.
BRIDGE = {
    "vehicle_voltmeter_fitted": (True, None, None, None), "dead_v": (10.0, 1, 20, None), "leak_v": (50.0, 20, 60, None),
    "unverified_dead_ms": (5000, 5000, 60_000, None), "k_wait_ms": (500, 100, 500, None), "d2_hold_ms": (100, 100, 2000, None),
    "d1_hold_ms": (500, 500, 5000, None), "release_ms": (10_000, 5000, 30_000, None), "max_discharge_a": (0.0, 0, 255, None), "vehicle_lock_feedback_fitted": (True, None, None, None),
    "vehicle_lock_travel_ms": (1000, 100, 5000, None),
}


@pytest.mark.parametrize("config, table", [(PevSafetyConfig, PEV), (EvseSafetyConfig, EVSE), (AcSafetyConfig, AC), (BridgeSafetyConfig, BRIDGE)])
def test_every_default_and_every_hard_limit_is_what_it_was_agreed_to_be(config, table):
    made = config()
    found = {f.name: (getattr(made, f.name), f.metadata["low"], f.metadata["high"], f.metadata["choices"]) for f in dataclasses.fields(config)}
    assert found == table
    assert {name: type(row[0]) for name, row in found.items()} == {name: type(row[0]) for name, row in table.items()}


@pytest.mark.parametrize("value, allowed", [(5.0, True), (60.0, True), (4.9, False), (60.1, False), (math.nan, False)])
def test_both_ends_of_a_range_belong_to_it_and_nan_to_none(value, allowed):
    config = EvseSafetyConfig()
    config.unlock_v = value
    if allowed:
        check_ranges(config)
    else:
        with pytest.raises(ValueError, match=r"unlock_v = .*range 5 to 60"):
            check_ranges(config)


@pytest.mark.parametrize("config", [PevSafetyConfig, EvseSafetyConfig])
def test_a_choice_is_one_of_those_offered_also_when_built_in_code(config):
    assert config(stop_button="none").stop_button == "none"
    with pytest.raises(ValueError, match="stop_button"):
        config(stop_button="")
    with pytest.raises(ValueError, match="unlock_v"):
        config(unlock_v=60.5)


def test_a_wallbox_is_checked_when_built_in_code_too():
    assert AcSafetyConfig(stop_button="none").stop_button == "none"
    with pytest.raises(ValueError, match="stop_button"):
        AcSafetyConfig(stop_button="")
    with pytest.raises(ValueError, match="load_end_ms"):
        AcSafetyConfig(load_end_ms=3001)


def test_a_bridge_is_checked_when_built_in_code_too():
    with pytest.raises(ValueError, match="k_wait_ms"):
        BridgeSafetyConfig(k_wait_ms=501)
    assert BridgeSafetyConfig(dead_v=19.9, leak_v=20.0).dead_v == 19.9
    with pytest.raises(ValueError, match=r"dead_v = 20 is not below leak_v = 20"):
        BridgeSafetyConfig(dead_v=20.0, leak_v=20.0)


def test_a_bridge_reads_the_settings_of_a_car_and_its_own():
    pev, bridge = PevSafetyConfig(match_v=7.0, stop_button="none"), BridgeSafetyConfig(leak_v=33.0)
    limits = BridgeLimits(pev, bridge)
    assert (limits.match_v, limits.stop_button, limits.bridge.leak_v) == (7.0, "none", 33.0)
    assert {f.name: getattr(limits, f.name) for f in dataclasses.fields(limits)} == dataclasses.asdict(pev)


def test_equal_limits_close_but_derating_needs_room():
    assert contradictions(PevSafetyConfig(match_v=20.0, mismatch_v=20.0)) == []
    assert contradictions(PevSafetyConfig(derate_from_c=69.0, inlet_max_temperature_c=70.0)) == []
    for start in (70.0, 71.0):
        with pytest.raises(ValueError, match="derate_from_c"):
            PevSafetyConfig(derate_from_c=start)
    assert contradictions(PevSafetyConfig(battery_min_voltage_v=549.0, inlet_max_voltage_v=550.0)) == []
    for highest in (550.0, 549.0):
        with pytest.raises(ValueError, match="battery_min_voltage_v"):
            PevSafetyConfig(battery_min_voltage_v=550.0, inlet_max_voltage_v=highest)
    with pytest.raises(ValueError, match="match_v"):
        PevSafetyConfig(match_v=11.0, mismatch_v=10.0)


def test_each_box_has_its_own_settings():
    one, two = SafetyConfig(), SafetyConfig()
    assert one.pev is not two.pev and one.evse is not two.evse and one.ac is not two.ac and one.bridge is not two.bridge
    assert isinstance(one.pev, PevSafetyConfig) and isinstance(one.evse, EvseSafetyConfig) and isinstance(one.ac, AcSafetyConfig)
    assert isinstance(one.bridge, BridgeSafetyConfig)


def test_before_anything_was_measured_nothing_is_known_asked_or_commanded():
    for facts in (PevFacts(), EvseFacts(), AcFacts(), BridgeFacts()):
        for f in dataclasses.fields(facts):
            value = getattr(facts, f.name)
            assert value == (-1 if f.name.endswith("_at") else False if f.name in ("inlet_steady", "vehicle_steady", "plug_was_dead") else None), f.name
    assert PevRequests() == PevRequests(pilot_c=False, wake=False, lock=False, contactors=False, lapsed=False)
    assert [getattr(PevRequests(), f.name) for f in dataclasses.fields(PevRequests)] == [False] * 5
    assert dataclasses.astuple(EvseRequests()) == (0.0, 0.0, None, False, False)
    assert dataclasses.astuple(PevOutputs()) == (False, False, None) and dataclasses.astuple(BridgeOutputs()) == (False, False, None, False, False, None)
    assert dataclasses.astuple(BridgeRequests()) == (False,) * 8
    assert dataclasses.astuple(AcRequests()) == (False, False, False, None, False, False) and dataclasses.astuple(AcOutputs()) == (False, 100.0, None)
    assert dataclasses.astuple(EvseOutputs()) == (False, 0.0, 0.0, 100.0, False, None)


def test_a_report_is_told_once():
    report = Report()
    report.tell("%d A", 3)
    report.tell("bad", level="error")
    assert report.drain() == [("%d A", (3,), "info"), ("bad", (), "error")]
    assert report.drain() == [] == report.notes
