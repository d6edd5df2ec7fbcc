"""The tables of a bridge, written anew: which row applies where, how urgent and patient it is, both sides of each edge."""
import math

import pytest

from kernel.timer import MS
from tasks.safety import bridge_trips, trips
from tasks.safety.bridge_trips import BRIDGE_PERMITS, BRIDGE_TRIPS, D2_PERMITS, REJUDGED, REWORDED
from tasks.safety.config import BridgeLimits, BridgeSafetyConfig, PevSafetyConfig
from tasks.safety.facts import BridgeFacts, BridgeOutputs, SafetyState
from tests.safety.given_bridge import facts
from tests.safety.test_rows import EMERGENCY, LETTERS, ORDERLY, PEV
from tests.safety.test_rows import PEV_PERMITS as CAR_PERMITS

NAN = math.nan
LETTERS = LETTERS | {"o": SafetyState.CurrentOff}
#: row: states (Idle, Waking, Ready, closinG, Closed, currentOff), urgency, hold in ms
OWN = {
    "bridge_leaks": ("iwr", EMERGENCY, 100), "inlet_live": ("i", EMERGENCY, 100), "vehicle_voltage_unknown": ("rgc", ORDERLY, 0),
    "vehicle_plug_pulled": ("iwrgc", EMERGENCY, 0), "vehicle_lock_lost": ("gc", EMERGENCY, 0), "vehicle_live_unlocked": ("iwr", EMERGENCY, 0),
    "vehicle_signals_lost": ("gc", EMERGENCY, 0), "current_without_k": ("co", EMERGENCY, 500),
}
OWN_PERMITS = {"vehicle_dead": "r", "vehicle_switched_on": "g", "k_closed": "g", "vehicle_locked": "g", "vehicle_steady": "g"}
D2 = ["d1_on", "plugged", "locked", "permitted", "bridge_open", "dead"]
READ_WRONG = {"battery_unknown", "permission", "mismatch", "unmatch", "contactor_uncommanded", "reverse_current", "battery_voltage", "inlet_match"}


def limits(pev: PevSafetyConfig | None = None, **changes) -> BridgeLimits:
    return BridgeLimits(PevSafetyConfig() if pev is None else pev, BridgeSafetyConfig(**changes))


def row(name: str):
    return next(t for t in BRIDGE_TRIPS if t.name == name)


def test_every_row_applies_where_it_should_is_as_urgent_and_as_patient():
    found = {t.name: (t.states, t.emergency, t.hold) for t in BRIDGE_TRIPS}
    assert found == {name: (frozenset(LETTERS[x] for x in states), urgent, hold * MS) for name, (states, urgent, hold) in (PEV | OWN).items()}
    assert len(BRIDGE_TRIPS) == len(found)
    assert {p.name: p.step for p in BRIDGE_PERMITS} == {name: LETTERS[step] for name, step in (CAR_PERMITS | OWN_PERMITS).items()}
    assert [p.name for p in D2_PERMITS] == D2 and {p.step for p in D2_PERMITS} == {SafetyState.Idle}
    assert [t.name for t in BRIDGE_TRIPS][:len(OWN)] == list(OWN)


def test_every_row_fits_the_display_and_says_what_to_do():
    for r in (*BRIDGE_TRIPS, *BRIDGE_PERMITS, *D2_PERMITS):
        assert 0 < len(r.text) <= 21 and r.hint.endswith((".", "?")), r.name


def test_only_a_welded_bridge_needs_a_person():
    """Sheet 3.7: locked out; the next car would get the charger's 500 V at its inlet."""
    assert [t.name for t in BRIDGE_TRIPS if t.person] == ["bridge_leaks"]


def test_the_rows_of_a_car_judge_what_they_judged_and_read_true_for_a_bridge():
    for table, made in ((trips.PEV_TRIPS, BRIDGE_TRIPS), (trips.PEV_PERMITS, BRIDGE_PERMITS)):
        of_bridge = {r.name: r for r in made}
        for r in table:
            mine = of_bridge[r.name]
            if r.name in REWORDED:
                assert (mine.text, mine.hint) == REWORDED[r.name] and mine.hint != r.hint
                same = [name for name in r.__slots__ if name not in ("text", "hint") and not (name == "bad" and r.name in REJUDGED)]
                assert [getattr(mine, name) for name in same] == [getattr(r, name) for name in same]
            else:
                assert mine is r
    assert set(REWORDED) == READ_WRONG and set(REJUDGED) == {"reverse_current"}
    assert not any("battery management" in words or "BMS" in words for r in (*BRIDGE_TRIPS, *BRIDGE_PERMITS) for words in (r.text, r.hint))


@pytest.mark.parametrize("wait", [100, 250, 500])
def test_the_patience_with_k_is_configured_and_nothing_else(wait):
    made = bridge_trips.bridge_trips(limits(k_wait_ms=wait))
    for mine, r in zip(made, BRIDGE_TRIPS, strict=True):
        if r.name == "current_without_k":
            assert (mine.name, mine.hold, mine.bad, mine.states) == (r.name, wait * MS, r.bad, r.states)
        else:
            assert mine is r


def test_with_nothing_known_every_row_that_needs_a_fact_is_bad():
    may_be_unknown = {"bridge_leaks", "inlet_live", "vehicle_plug_pulled", "vehicle_live_unlocked"}      # they need d2, or a plug that was dead
    assert {name for name in OWN if not row(name).bad(BridgeFacts(), limits())} == may_be_unknown
    assert [p.name for p in BRIDGE_PERMITS if p.name in OWN_PERMITS and not p.lacking(BridgeFacts(), limits(), BridgeOutputs())] == []
    assert [p.name for p in D2_PERMITS if not p.lacking(BridgeFacts(), limits(), BridgeOutputs(d1=True))] == ["plugged"]


@pytest.mark.parametrize("name, change, bad", [
    ("bridge_leaks", {"plug_was_dead": True, "vehicle_voltage": 50.0}, False), ("bridge_leaks", {"plug_was_dead": True, "vehicle_voltage": 50.1}, True),
    ("bridge_leaks", {"plug_was_dead": True, "vehicle_voltage": -50.1}, True), ("bridge_leaks", {"plug_was_dead": True, "vehicle_voltage": NAN}, True),
    ("bridge_leaks", {"plug_was_dead": True, "vehicle_voltage": None}, False), ("bridge_leaks", {"plug_was_dead": False, "vehicle_voltage": 380.0}, False),
    ("inlet_live", {"inlet_voltage": 60.0}, False), ("inlet_live", {"inlet_voltage": 60.1}, True), ("inlet_live", {"inlet_voltage": -60.1}, True),
    ("inlet_live", {"inlet_voltage": NAN}, True), ("inlet_live", {"inlet_voltage": None}, False),
    ("inlet_live", {"inlet_voltage": 352.0, "d2": False}, False), ("inlet_live", {"inlet_voltage": 352.0, "d2": None}, False),
    ("vehicle_voltage_unknown", {"vehicle_voltage": None}, True), ("vehicle_voltage_unknown", {}, False),
    ("vehicle_plug_pulled", {"vehicle_plug": False}, True), ("vehicle_plug_pulled", {"vehicle_plug": None}, False),
    ("vehicle_plug_pulled", {"vehicle_plug": True}, False), ("vehicle_plug_pulled", {"vehicle_plug": False, "d2": False}, False),
    ("vehicle_plug_pulled", {"vehicle_plug": False, "d2": None}, False),
    ("vehicle_lock_lost", {"vehicle_lock": False}, True), ("vehicle_lock_lost", {"vehicle_lock": None}, True), ("vehicle_lock_lost", {}, False),
    ("vehicle_live_unlocked", {"vehicle_lock": False}, True), ("vehicle_live_unlocked", {"vehicle_lock": None}, True),
    ("vehicle_live_unlocked", {}, False), ("vehicle_live_unlocked", {"vehicle_lock": False, "d2": False}, False),
    ("vehicle_live_unlocked", {"vehicle_lock": False, "d2": None}, False),
    ("vehicle_signals_lost", {"d1": False}, True), ("vehicle_signals_lost", {"d1": None}, True), ("vehicle_signals_lost", {"d2": False}, True),
    ("vehicle_signals_lost", {"d2": None}, True), ("vehicle_signals_lost", {}, False),
    ("current_without_k", {"k": False, "inlet_current": 4.9}, False), ("current_without_k", {"k": False, "inlet_current": 5.0}, True),
    ("current_without_k", {"k": False, "inlet_current": -5.0}, True), ("current_without_k", {"k": None, "inlet_current": 5.0}, True),
    ("current_without_k", {"k": None, "inlet_current": None}, True), ("current_without_k", {"k": False, "inlet_current": NAN}, True),
    ("current_without_k", {"k": True, "inlet_current": 80.0}, False), ("current_without_k", {"k": False, "inlet_current": 0.0, "reported_current": 80.0}, False),
])
def test_a_row_on_both_sides_of_its_edge(name, change, bad):
    assert bool(row(name).bad(facts(**change), limits())) is bad


DRAWN = [  # A measured, A that the vehicle lets out, safety.bridge.max_discharge_a, bad
    (-5.0, None, 0.0, False), (-5.1, None, 0.0, True), (-5.1, 20.0, 0.0, True), (-5.1, None, 20.0, True), (-5.1, 0.0, 20.0, True), (-5.1, NAN, 20.0, True),
    (-5.1, -20.0, 20.0, True), (-5.1, 20.0, 20.0, False), (-30.0, 20.0, 20.0, False), (-30.1, 20.0, 20.0, True), (-25.0, 15.0, 20.0, False), (-25.1, 15.0, 20.0, True),
    (-25.0, 20.0, 15.0, False), (-25.1, 20.0, 15.0, True), (NAN, 20.0, 20.0, True), (NAN, None, 0.0, True), (None, None, 0.0, False), (None, 20.0, 20.0, False),
    (-math.inf, 20.0, 20.0, True), (60.0, None, 0.0, False), (60.0, 20.0, 20.0, False)]


@pytest.mark.parametrize("measured, told, most, bad", DRAWN)
def test_what_comes_out_of_the_vehicle_is_reverse_current_unless_box_and_vehicle_allow_it(measured, told, most, bad):
    f = facts(inlet_current=measured, discharge_allowed=told)
    assert bool(row("reverse_current").bad(f, limits(max_discharge_a=most))) is bad
    if not told or not most > 0.0:                                      # nobody discharges: what the row of a car says
        car = next(t for t in trips.PEV_TRIPS if t.name == "reverse_current")
        assert bool(car.bad(f, PevSafetyConfig())) is bad


@pytest.mark.parametrize("reported, bad", [(4.9, False), (5.0, True), (-4.9, False), (-5.0, True), (None, True)])
def test_without_a_sensor_the_chargers_word_says_what_flows_after_k(reported, bad):
    assert row("current_without_k").bad(facts(k=False, inlet_current=None, reported_current=reported), limits(PevSafetyConfig(current_sensor_fitted=False))) is bad


@pytest.mark.parametrize("name", ["bridge_leaks", "vehicle_voltage_unknown"])
def test_a_voltmeter_that_is_not_fitted_is_not_missed(name):
    for voltage in (None, 380.0):
        assert not row(name).bad(facts(vehicle_voltage=voltage, plug_was_dead=True), limits(vehicle_voltmeter_fitted=False))


def test_the_leak_is_what_is_configured():
    assert row("bridge_leaks").bad(facts(plug_was_dead=True, vehicle_voltage=30.1), limits(leak_v=30.0))
    assert not row("bridge_leaks").bad(facts(plug_was_dead=True, vehicle_voltage=30.0), limits(leak_v=30.0))


@pytest.mark.parametrize("name, change, lacking", [
    ("vehicle_dead", {"d2": False, "vehicle_voltage": 50.0}, False), ("vehicle_dead", {"d2": False, "vehicle_voltage": 50.1}, True),
    ("vehicle_dead", {"d2": False, "vehicle_voltage": -50.1}, True), ("vehicle_dead", {"d2": False, "vehicle_voltage": None}, True),
    ("vehicle_dead", {"d2": None, "vehicle_voltage": 380.0}, True), ("vehicle_dead", {"d2": True, "vehicle_voltage": 380.0}, False),
    ("vehicle_switched_on", {}, False), ("vehicle_switched_on", {"d1": None}, True), ("vehicle_switched_on", {"d1": False}, True),
    ("vehicle_switched_on", {"d2": None}, True), ("vehicle_switched_on", {"d2": False}, True),
    ("k_closed", {}, False), ("k_closed", {"k": None}, True), ("k_closed", {"k": False}, True),
    ("vehicle_locked", {}, False), ("vehicle_locked", {"vehicle_lock": None}, True), ("vehicle_locked", {"vehicle_lock": False}, True),
    ("vehicle_steady", {}, False), ("vehicle_steady", {"vehicle_steady": False}, True),
])
def test_a_permit_on_both_sides_of_its_edge(name, change, lacking):
    permit = next(p for p in BRIDGE_PERMITS if p.name == name)
    assert bool(permit.lacking(facts(**change), limits(), BridgeOutputs())) is lacking


@pytest.mark.parametrize("name, change", [("vehicle_dead", {"d2": False, "vehicle_voltage": 380.0}), ("vehicle_steady", {"vehicle_steady": False})])
def test_without_a_voltmeter_nobody_waits_for_one(name, change):
    permit = next(p for p in BRIDGE_PERMITS if p.name == name)
    assert not permit.lacking(facts(**change), limits(vehicle_voltmeter_fitted=False), BridgeOutputs())


ON = BridgeOutputs(d1=True)


@pytest.mark.parametrize("name, change, out, lacking", [
    ("d1_on", {}, ON, False), ("d1_on", {"d1": None}, ON, True), ("d1_on", {"d1": False}, ON, True), ("d1_on", {}, BridgeOutputs(), True),
    ("plugged", {}, ON, False), ("plugged", {"vehicle_plug": True}, ON, False), ("plugged", {"vehicle_plug": False}, ON, True),
    ("locked", {}, ON, False), ("locked", {"vehicle_lock": None}, ON, True), ("locked", {"vehicle_lock": False}, ON, True),
    ("permitted", {}, ON, False), ("permitted", {"k": None}, ON, True), ("permitted", {"k": False}, ON, True),
    ("bridge_open", {"contactors": False}, ON, False), ("bridge_open", {"contactors": None}, ON, True), ("bridge_open", {"contactors": True}, ON, True),
    ("bridge_open", {"contactors": False}, BridgeOutputs(d1=True, contactors=True), True),
    ("dead", {"vehicle_voltage": 9.9}, ON, False), ("dead", {"vehicle_voltage": 10.0}, ON, True), ("dead", {"vehicle_voltage": -10.0}, ON, True),
    ("dead", {"vehicle_voltage": -9.9}, ON, False), ("dead", {"vehicle_voltage": None}, ON, True), ("dead", {"vehicle_voltage": NAN}, ON, True),
])
def test_what_d2_waits_for(name, change, out, lacking):
    permit = next(p for p in D2_PERMITS if p.name == name)
    assert bool(permit.lacking(facts(**change), limits(), out)) is lacking


def test_d2_waits_for_the_voltage_that_is_configured_and_for_a_voltmeter_that_is_fitted():
    dead = D2_PERMITS[-1]
    assert dead.lacking(facts(vehicle_voltage=5.0), limits(dead_v=5.0), ON) and not dead.lacking(facts(vehicle_voltage=4.9), limits(dead_v=5.0), ON)
    assert not dead.lacking(facts(vehicle_voltage=None), limits(vehicle_voltmeter_fitted=False), ON)
