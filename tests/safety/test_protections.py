"""Derating, the box without a voltmeter, a stalled program, a low supply, contradicting limits: each with its reason told."""
from __future__ import annotations

import math

import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.safety.adapter import STALL_LIMIT
from tasks.safety.config import PevSafetyConfig
from tasks.safety.facts import PevRequests, SafetyState
from tasks.safety.supervisor import NO_LIMIT
from tests.safety.given import STEP, facts, pev, requests
from tests.sessions.charges import assert_safe, charge, run_to

Idle, Ready, Closed, Tripped = SafetyState.Idle, SafetyState.Ready, SafetyState.Closed, SafetyState.Tripped


def told(c) -> list[str]:
    """What the car's journal says from now on."""
    lines: list[str] = []
    c.car.journal.add_sink(lambda event: lines.append(f"{event.level} {event.message()}"))
    return lines


# --- derating -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("temperature", "allowed"), [(20.0, NO_LIMIT), (60.0, NO_LIMIT), (60.1, 123.0), (65.0, 62.0), (69.9, 1.0), (70.0, 0.0), (90.0, 0.0), (None, 0.0), (math.nan, 0.0)])
def test_the_allowed_current_falls_between_two_temperatures(temperature, allowed):
    """125 A at 60 degC, nothing at 70 degC; whole amperes, never rounded up."""
    supervisor, _ = pev(Idle)
    assert supervisor.current_limit(facts(temperature=temperature)) == allowed


def test_without_a_battery_limit_a_hot_inlet_allows_nothing():
    supervisor, _ = pev(Idle)
    assert supervisor.current_limit(facts(temperature=65.0, battery_max_current=None)) == 0.0
    assert supervisor.current_limit(facts(temperature=65.0, battery_max_current=math.nan)) == 0.0
    assert pev(Idle, PevSafetyConfig(temperature_sensor_fitted=False))[0].current_limit(facts(temperature=None)) == NO_LIMIT


def test_a_hot_inlet_gets_less_current_and_goes_on():
    c = charge(soc_start=50.0, soc_stop=99.0, capacity_wh=50_000.0)
    run_to(c, 710)
    c.run_until(c.clock.time + 10 * S)
    full = c.plant.current
    c.plant._ambient = 66.0                       # the pins are as warm as their surroundings
    c.run_until(c.clock.time + 600 * S)
    hot = c.plant.inlet_temperature
    assert 60.0 < hot < 70.0 and c.car.signals.v2g_state.value == "CurrentDemand"
    assert 0.0 < c.plant.current < 0.6 * full
    assert c.car.signals.current_limit.value < full
    c.stop()
    c.run()
    assert_safe(c)


# --- a box without voltmeter ----------------------------------------------------------------------------------------------

def without_voltmeter():
    from tasks.config import Config
    config = Config()
    config.safety.pev.voltage_sensor_fitted = False
    config.ev.precharge_voltage_source = "reported"
    return config


def test_without_a_voltmeter_it_charges_on_the_chargers_word_and_says_so_loudly():
    c = charge(config=without_voltmeter())
    lines = told(c)
    c.run()
    assert c.good
    assert_safe(c)
    assert any(line.startswith("error") and "NO VOLTAGE SENSOR" in line for line in lines)
    assert any("closing on the charger's word alone" in line for line in lines)
    assert any("counts as discharged" in line for line in lines)


def test_without_a_voltmeter_the_plug_is_released_by_time_alone_and_not_before():
    config = PevSafetyConfig(voltage_sensor_fitted=False)
    supervisor, now = pev(Closed, config)
    supervisor.step(facts(contactors=True), PevRequests(lock=True), now)
    opened = None
    released = None
    for at in range(now + STEP, now + 20 * S, STEP):
        out = supervisor.step(facts(pilot=PilotState.B, contactors=False, inlet_voltage=None, inlet_current_at=at), PevRequests(), at)
        if opened is None and not out.contactors:
            opened = at
        if out.lock is False:
            released = at
            break
    assert opened is not None and released is not None
    assert released - opened >= config.unverified_decay_ms * MS


def test_after_a_start_without_voltmeter_the_plug_is_not_released_at_once():
    supervisor, now = pev(Idle, PevSafetyConfig(voltage_sensor_fitted=False))
    assert supervisor.outputs.lock is None
    supervisor.step(facts(pilot=PilotState.B, inlet_voltage=None), PevRequests(), now + 11 * S)
    assert supervisor.outputs.lock is False


def test_state_c_waits_for_the_lock():
    supervisor, now = pev(Idle)
    unlocked = facts(pilot=PilotState.B, inlet_voltage=0.0, lock=False)
    assert supervisor.step(unlocked, requests(contactors=False), now).pilot_c is False
    assert supervisor.blocked == "Not locked"
    assert supervisor.step(facts(pilot=PilotState.B, inlet_voltage=0.0), requests(contactors=False), now + STEP).pilot_c is True


# --- a program that does not run --------------------------------------------------------------------------------------------

def test_a_stall_while_charging_ends_in_the_safe_state_with_its_reason():
    c = charge(soc_stop=99.0)
    run_to(c, 710)
    c.run_until(c.clock.time + 5 * S)
    kernel = c.car.kernel
    lines = told(c)
    blocked_until = c.clock.time + STALL_LIMIT + 200 * MS
    visit = kernel.visit
    kernel.visit = lambda now: visit(now) if now >= blocked_until else setattr(kernel, "next_visit", blocked_until)
    c.run_until(blocked_until + 60 * S)
    assert any("TRIP stalled" in line for line in lines)
    # While nothing of the box runs nothing can be judged, and the facts grow stale: that is the guard's time, not ours.
    assert c.invariants.broken and all(b.at <= blocked_until for b in c.invariants.broken)
    assert c.plant.damage == 0 and not c.plant.car_contactors.position and not c.plant.pilot.state_c


def test_a_pause_at_rest_trips_nothing():
    supervisor, now = pev(Idle)
    supervisor.stalled(facts(contactors=False), now)
    assert not supervisor.latch.trips


ROWS = ("sense", "vehicle", "frame_rx", "homeplug", "ipv6", "tcp", "connection", "v2g", "frame_tx")


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("side", ["car", "charger"])
def test_any_task_that_silently_stops_ends_the_charge_safely(side, row):
    """Progress is supervised by what others miss: stale facts, lapsed leases, unanswered messages."""
    c = charge(soc_stop=99.0, capacity_wh=50_000.0)
    run_to(c, 710)
    c.run_until(c.clock.time + 2 * S)
    node = getattr(c, side)
    found = [r for r in node.kernel.rows if r.name == row]
    if not found:
        pytest.skip(f"a {side} has no row {row}")
    found[0].task = type("Silent", (), {"run": staticmethod(lambda now: 1 << 62)})()
    if row in ("homeplug", "connection") :
        c.stop()                                 # they have nothing to do while charging: they are missed at the next step
    c.run_until(c.clock.time + 120 * S)
    assert_safe(c)
    assert not c.plant.stage.on


def test_a_sagging_supply_opens_before_the_coils_let_go():
    from tasks.config import Config
    config = Config()
    config.safety.pev.supply_sensor_fitted = True
    c = charge(config=config, soc_stop=99.0)
    run_to(c, 710)
    lines = told(c)
    c.plant.supply_voltage = 8.0
    c.run_until(c.clock.time + 60 * S)
    assert any("TRIP supply_low" in line for line in lines)
    assert_safe(c)


# --- limits ----------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("section", "key", "value", "other"), [
    ("ev", "max_voltage_v", 800.0, "safety.pev.inlet_max_voltage_v"), ("ev", "precharge_tolerance_v", 15.0, "safety.pev.match_v"),
    ("evse", "max_voltage_v", 900.0, "safety.evse.max_voltage_v"), ("evse", "max_current_a", 400.0, "safety.evse.max_current_a"),
    ("evse", "isolation_fault_ohm", 99_000.0, "safety.evse.isolation_min_ohm"),
])
def test_sections_that_contradict_each_other_are_refused_with_both_names(section, key, value, other):
    from kernel.settings import SettingsError, build
    from tasks.config import Config
    with pytest.raises(SettingsError) as caught:
        build(Config, {section: {key: value}}, {}, "box.yaml")
    assert f"{section}.{key} = {value:g}" in str(caught.value) and other in str(caught.value)


def test_a_box_without_voltmeter_must_say_so_twice():
    from kernel.settings import SettingsError, build
    from tasks.config import Config
    with pytest.raises(SettingsError, match="voltage_sensor_fitted.*precharge_voltage_source"):
        build(Config, {"safety": {"pev": {"voltage_sensor_fitted": False}}}, {}, "box.yaml")


@pytest.mark.parametrize(("settings", "keys"), [
    ({"match_v": 15.0, "mismatch_v": 10.0}, ("match_v", "mismatch_v")),
    ({"derate_from_c": 70.0}, ("derate_from_c", "inlet_max_temperature_c")),
    ({"battery_min_voltage_v": 550.0}, ("battery_min_voltage_v", "inlet_max_voltage_v")),
])
def test_limits_that_contradict_each_other_are_refused_with_both_names(settings, keys):
    with pytest.raises(ValueError) as caught:
        PevSafetyConfig(**settings)
    assert all(key in str(caught.value) for key in keys)


# --- a voltage that passes by ------------------------------------------------------------------------------------------------

def test_a_match_in_passing_does_not_close():
    """A charger that regulates too high ramps through the battery's voltage: within the match at one sample, far above at contact."""
    c = charge(soc_stop=99.0)
    c.plant.stage.voltage_offset = 80.0
    lines = told(c)
    c.run_until(60 * S)
    c.car.journal.flush()
    assert c.plant.damage == 0, c.plant.incidents
    assert any("Inlet not steady" in line or "Inlet does not match" in line for line in lines) or c.reason is not None
    c.run_until(200 * S)
    assert_safe(c)


@pytest.mark.parametrize(("steady", "closes"), [(True, True), (False, False)])
def test_closing_wants_a_steady_inlet(steady, closes):
    supervisor, now = pev(Ready)
    out = supervisor.step(facts(inlet_steady=steady), requests(), now + STEP)
    assert out.contactors is closes and supervisor.blocked == ("" if closes else "Inlet not steady")


def test_a_low_voltage_that_rises_does_not_release_the_plug():
    supervisor, now = pev(SafetyState.Decay)
    low = facts(pilot=PilotState.B, contactors=False, inlet_voltage=20.0)
    low.inlet_steady = False
    assert supervisor.step(low, PevRequests(), now + STEP).lock is None and supervisor.state is SafetyState.Decay
    low.inlet_steady = True
    assert supervisor.step(low, PevRequests(), now + 2 * STEP).lock is False
