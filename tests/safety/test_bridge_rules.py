"""The supervisor of a bridge rule by rule: what closes it, what trips it, and the order in which everything goes off."""
import dataclasses

import pytest

from kernel.timer import MS, S
from tasks.safety.bridge_supervisor import BridgeSupervisor
from tasks.safety.bridge_trips import BRIDGE_TRIPS
from tasks.safety.config import PevSafetyConfig
from tasks.safety.facts import SafetyState
from tests.safety.given import STEP
from tests.safety.given_bridge import B, C, NOTHING, bridge, commanded, config, facts, follow, requests, switched_on

Idle, Waking, Ready, Closing, Closed = SafetyState.Idle, SafetyState.Waking, SafetyState.Ready, SafetyState.Closing, SafetyState.Closed
Tripped = SafetyState.Tripped
STILL = {Idle: requests(False, False), Waking: requests(False, False, wake=True), Ready: requests(contactors=False), Closing: requests(), Closed: requests(),
         SafetyState.CurrentOff: requests(contactors=False, pilot_c=False)}
"""What was asked for to come there, and still is."""


def names(s: BridgeSupervisor) -> list[str]:
    return [t.name for t in s.latch.trips]


# --- closing --------------------------------------------------------------------------------------------------------------------

def test_a_bridge_closes_when_both_sides_are_ready():
    s, f, now = bridge(Ready)
    s.step(f, requests(), now + STEP)
    assert s.state is Closing and commanded(s) == "C contactor d2 d1"


@pytest.mark.parametrize("change, words", [
    ({"k": False}, "Car does not permit"), ({"k": None}, "Car does not permit"), ({"vehicle_lock": False}, "Car plug unlocked"), ({"d2": False}, "Car not switched on"),
    ({"d1": None}, "Car not switched on"), ({"vehicle_steady": False}, "Car voltage moves"), ({"battery_voltage": 341.9}, "Inlet does not match"),
    ({"battery_voltage": 362.1}, "Inlet does not match"), ({"battery_voltage": 99.9}, "Car voltage low"), ({"inlet_steady": False}, "Inlet not steady"),
    ({"permission": False}, "Car forbids charging"), ({"battery_max_current": None}, "Car data lost")])
def test_each_permit_keeps_it_open_and_says_so(change, words):
    s, f, now = bridge(Ready)
    g = dataclasses.replace(f, **change)
    s.step(g, requests(), now + STEP)
    assert not s.outputs.contactors and (s.latch.text or s.blocked) == words
    if not s.latch.trips:
        s.step(f, requests(), now + 2 * STEP)
        assert s.state is Closing and not s.blocked


@pytest.mark.parametrize("wish", [requests(d2=False), requests(d1=False), requests(d1=False, d2=False)])
def test_it_does_not_close_while_d2_is_about_to_fall(wish):
    s, f, now = bridge(Ready)
    f.contactors = None                                                # d2 stays until the bridge is confirmed open
    s.step(f, wish, now + STEP)
    assert s.outputs.d2
    f.contactors = False
    s.step(f, wish, now + 2 * STEP)
    assert s.outputs.d2 and s.state is Ready and s.blocked == "Car not switched on"
    s.step(f, dataclasses.replace(wish, contactors=False), now + 3 * STEP)
    assert not s.blocked


def test_state_c_waits_for_a_dead_plug_unless_d2_is_on():
    s, f, now = switched_on("d1")
    f.vehicle_voltage = 50.1
    s.vehicle.plug_was_dead = False                                    # so that it is no leak yet
    s.step(f, requests(contactors=False, d2=False), now + STEP)
    assert s.state is Idle and s.blocked == "Car plug not dead"
    f.vehicle_voltage = 50.0
    s.step(f, requests(contactors=False, d2=False), now + 2 * STEP)
    assert s.state is Ready
    s, f, now = switched_on("d2")                                      # single session: the car is there already
    assert f.vehicle_voltage == 350.0
    s.step(f, requests(contactors=False), now + STEP)
    assert s.state is Ready


def test_what_d2_waits_for_is_told_where_nothing_else_is():
    s, f, now = switched_on("d1")
    f.k = False
    for n in (1, 2):
        s.step(f, requests(False, False), now + n * STEP)
        assert (s.blocked, s.outputs.d2) == ("Car does not permit", False) and s.blocked_hint.startswith("The car's switch k")
    s.step(f, requests(False, False, d2=False), now + 3 * STEP)
    assert s.blocked == "" == s.blocked_hint
    s.step(f, requests(False, False), now + 4 * STEP)
    assert s.blocked
    f.lock = None
    s.step(f, requests(contactors=False), now + 5 * STEP)
    assert s.blocked == "Not locked", "the car's part comes first"
    f.k, f.lock = True, True
    s.step(f, requests(contactors=False), now + 6 * STEP)
    assert s.blocked == "" and s.outputs.d2 and s.state is Ready
    s.fault(f, now + 7 * STEP)
    f.k = False
    s.step(f, requests(False, False), now + 7 * STEP)
    assert s.blocked == "", "a trip is on the display"


def test_without_a_voltmeter_closing_is_told_as_unverified():
    s, f, now = bridge(Ready, vehicle_voltmeter_fitted=False)
    f.vehicle_voltage, f.vehicle_steady = None, False
    s.report.drain()
    s.step(f, requests(), now + STEP)
    told = [text % arguments for text, arguments, _ in s.report.drain()]
    assert s.state is Closing and any("350.0 V taken for the car's battery (unverified)" in words for words in told)
    for n in (2, 3, 4):
        f.contactors = n > 2
        s.step(f, requests(), now + n * STEP)
    assert s.state is Closed and not any("unverified" in text for text, _, _ in s.report.drain())
    s, f, now = bridge(Ready)
    s.step(f, requests(), now + STEP)
    assert not any("unverified" in text for text, _, _ in s.report.drain())


@pytest.mark.parametrize("state", [Ready, Closing, Closed])
def test_what_nobody_asks_for_does_not_close_or_stay_closed(state):
    s, f, now = bridge(state)
    assert s.step(f, requests(contactors=False), now + STEP) is s.outputs
    assert s.state is (Ready if state is Ready else SafetyState.Opening if state is Closing else SafetyState.CurrentOff)


def test_what_was_waited_for_is_forgotten_in_whatever_state():
    s, f, now = bridge(SafetyState.Decay)
    f.inlet_voltage = 300.0                                            # the charger takes its time
    for late, wish, words in ((200, NOTHING, ""), (210, requests(False, False, False), "Car plug not dead"), (220, NOTHING, "")):
        s.step(f, wish, now + late * MS)
        assert (s.state, s.blocked) == (SafetyState.Decay, words)


def test_while_a_charge_ends_nothing_waits():
    s, f, now = bridge(Closed)
    f.contactors = True
    s.step(f, requests(d2=False), now + STEP)
    assert s.state is SafetyState.CurrentOff and s.blocked == ""


# --- trips ----------------------------------------------------------------------------------------------------------------------

BAD = [
    ("bridge_leaks", {"vehicle_voltage": 51.0, "d2": False}), ("inlet_live", {"inlet_voltage": 61.0}), ("vehicle_voltage_unknown", {"vehicle_voltage": None}),
    ("vehicle_plug_pulled", {"vehicle_plug": False}), ("vehicle_lock_lost", {"vehicle_lock": False}), ("vehicle_lock_lost", {"vehicle_lock": None}),
    ("vehicle_live_unlocked", {"vehicle_lock": False}), ("vehicle_signals_lost", {"d1": None}), ("vehicle_signals_lost", {"d2": None}),
    ("current_without_k", {"k": False, "inlet_current": 5.0}), ("current_without_k", {"k": None, "inlet_current": 5.0}),
]
ROWS = {t.name: t for t in BRIDGE_TRIPS}
CASES = [(name, change, state) for name, change in BAD for state in sorted(ROWS[name].states, key=lambda s: s.name) if not (state is Closing and ROWS[name].hold)]


@pytest.mark.parametrize("name, change, state", CASES)
def test_a_bad_condition_trips_in_each_of_its_states_after_its_hold(name, change, state):
    s, f, now = bridge(state)
    hold = ROWS[name].hold
    if name == "bridge_leaks":
        s.vehicle.plug_was_dead = True                                 # as in a session whose d2 never came
        s.vehicle._outputs.d2 = False
    if state is Closing or hold:
        f.contactors = s.outputs.contactors
    for key, value in change.items():
        setattr(f, key, value)
        if key == "vehicle_voltage":
            f.battery_voltage = value
    wish = STILL[state] if name != "bridge_leaks" else dataclasses.replace(STILL[state], d2=False)
    start = now + STEP
    s.step(f, wish, start)
    if hold:
        assert names(s) == []
        s.step(f, wish, start + hold - 1)
        assert name not in names(s)
        s.step(f, wish, start + hold)
    assert names(s)[0] == name and not s.outputs.pilot_c
    assert s.latch.emergency or not ROWS[name].emergency


def test_a_silent_voltmeter_at_the_plug_is_named_before_what_follows_from_it():
    s, f, now = bridge(Closed)
    f.vehicle_voltage = f.battery_voltage = None
    s.step(f, requests(), now + STEP)
    assert names(s) == ["vehicle_voltage_unknown", "battery_unknown"]


@pytest.mark.parametrize("wait", [100, 500])
def test_a_charger_that_ends_its_current_in_time_after_k_opened_is_not_tripped(wait):
    s, f, now = bridge(Closed, k_wait_ms=wait)
    f.inlet_current, f.k, f.contactors = 80.0, False, True
    s.step(f, requests(), now + STEP)
    s.step(f, requests(), now + STEP + wait * MS - 1)
    f.inlet_current = 4.9
    s.step(f, requests(), now + STEP + wait * MS)
    assert not s.latch.trips
    f.inlet_current = 80.0
    for late in (2, wait, wait + 2):
        s.step(f, requests(), now + STEP + (wait + late) * MS)
    assert names(s) == ["current_without_k"]


def test_a_vehicle_that_lets_go_under_us_is_seen_by_the_voltage_that_rises():
    """Both voltmeters see the joined node: they cannot differ. An unloaded charger goes above what the car allows (sheet 3.7)."""
    s, f, now = bridge(Closed)
    f.contactors, f.inlet_voltage, f.vehicle_voltage, f.battery_voltage = True, 409.9, 409.9, 409.9
    s.step(f, requests(), now + 2 * S)
    assert not s.latch.trips
    f.inlet_voltage = f.vehicle_voltage = f.battery_voltage = 410.1
    s.step(f, requests(), now + 2 * S + STEP)
    assert names(s) == ["battery_overvoltage"] and not s.outputs.pilot_c


def test_two_sides_that_differ_behind_a_closed_contactor_are_a_mismatch():
    s, f, now = bridge(Closed)
    f.contactors, f.vehicle_voltage, f.battery_voltage = True, 330.0, 330.0
    s.step(f, requests(), now + STEP)
    s.step(f, requests(), now + STEP + S)
    assert names(s) == ["mismatch"]


def welded() -> tuple[BridgeSupervisor, int]:
    """CableCheck puts 500 V on the inlet and they appear at the plug (sheet 6, scenario 11)."""
    s, f, now = switched_on("d1")
    now += STEP
    s.step(f, requests(contactors=False, d2=False), now)
    f.pilot, f.inlet_voltage, f.vehicle_voltage, f.battery_voltage = C, 500.0, 500.0, 500.0
    s.step(f, requests(contactors=False, d2=False), now + 50 * MS)
    s.step(f, requests(contactors=False, d2=False), now + 150 * MS)
    assert names(s) == ["bridge_leaks"] and not s.outputs.pilot_c and not s.outputs.d2
    f.pilot, f.inlet_voltage, f.vehicle_voltage, f.battery_voltage = B, 0.0, 0.0, 0.0
    s.step(f, NOTHING, now + 200 * MS)
    assert s.state is Tripped
    return s, now + S


@pytest.mark.parametrize("more", [False, True])
def test_a_welded_bridge_is_locked_out_until_a_person_has_looked_at_it(more):
    s, now = welded()
    f = facts(pilot=B.__class__.A, inlet_voltage=0.0, vehicle_voltage=0.0, d1=False, d2=False, k=False)
    if more:
        s.fault(f, now)
    s.step(f, NOTHING, now)
    s.step(f, NOTHING, now + 10 * S)
    assert s.state is Tripped, "unplugging does not mend it"
    assert s.reset(f) and s.state is Idle


def test_any_other_trip_ends_with_the_plug_pulled():
    s, f, now = bridge(Tripped)
    f.pilot = B.__class__.A
    s.step(f, NOTHING, now + S)
    s.step(f, NOTHING, now + S + 500 * MS)
    assert s.state is Idle


@pytest.mark.parametrize("side, trips", [("off", False), ("d1", True), ("d2", True)])
def test_a_stall_at_rest_is_a_trip_only_while_the_vehicle_is_switched_on(side, trips):
    s, f, now = switched_on(side)
    s.stalled(f, now + STEP)
    assert (names(s) == ["stalled"]) is trips and (s.state is not Idle) is trips
    s.stalled(f, now + STEP)
    assert len(s.latch.trips) == trips
    s, f, now = switched_on("off")
    s.step(f, requests(contactors=False, d1=False, d2=False), now + STEP)
    s.stalled(f, now + 2 * STEP)
    assert names(s) == ["stalled"], "the charger may deliver: Ready, as a car"
    s, f, now = bridge(Closed)
    s.stalled(f, now + STEP)
    assert names(s) == ["stalled"] and not s.outputs.pilot_c


# --- the order of every end ------------------------------------------------------------------------------------------------------

ENDS = {
    "the charger's side ends": (requests(False, False, False), False), "nothing is asked for": (NOTHING, False), "only d2 lapses": (requests(d2=False, lapsed=True), False),
    "only d1 lapses": (requests(d1=False, lapsed=True), False), "all lapse": (dataclasses.replace(NOTHING, lapsed=True), False), "a trip": (requests(), True),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("state", [Ready, Closing, Closed])
@pytest.mark.parametrize("current", [0.0, 80.0])
def test_whatever_ends_it_the_order_is_state_b_contactor_d2_d1_lock(end, state, current):
    wish, fault = ENDS[end]
    s, f, now = bridge(state)
    if state is Closed:
        f.inlet_current = current
    elif current:
        pytest.skip("nothing flows yet")
    if fault:
        s.fault(f, now + STEP)
    order, opened, off = [commanded(s)], 0, 0
    for n in range(1, 600):
        now += STEP
        was = dataclasses.replace(s.outputs)
        s.step(f, wish, now)
        if commanded(s) != order[-1]:
            order.append(commanded(s))
        out = s.outputs
        if not was.contactors or out.contactors:
            opened = opened or (now if f.contactors is False and not out.contactors else 0)
        if was.d2 and not out.d2:
            assert opened and now - opened >= 100 * MS or state is Ready, "the bridge had to be confirmed open first"
            off = now
        if was.d1 and not out.d1:
            assert now - off >= 500 * MS
        if out.vehicle_lock is False:
            assert not out.d1 and f.d1 is False and f.vehicle_voltage == 0.0
        follow(f, s, now)
        if not out.pilot_c and n > 30:
            f.inlet_current = 0.0
        if n == 300:
            wish = NOTHING                                             # whatever was left of it lapses
    assert not commanded(s) and s.outputs.vehicle_lock is False
    words = ("C", "contactor", "d2", "d1")
    for before, after in zip(order, order[1:]):
        gone = [w for w in before.split() if w not in after.split()]
        assert set(after.split()) < set(before.split())
        kept = [words.index(w) for w in after.split()]
        lead = end.startswith(("only", "nothing", "all")) and state is Ready        # open all the time: C, and d2, end each for itself
        assert lead or not kept or max(words.index(w) for w in gone) < min(kept), order


@pytest.mark.parametrize("wish", [requests(d2=False), requests(d1=False)])
def test_a_dead_chademo_side_ends_the_charge_in_order_and_is_no_trip(wish):
    s, f, now = bridge(Closed)
    f.contactors = True
    s.step(f, dataclasses.replace(wish, lapsed=True), now + STEP)
    assert s.state is SafetyState.CurrentOff and not s.latch.trips and commanded(s) == "contactor d2 d1"
    assert any("lapsed" in text for text, _, _ in s.report.drain())


def test_a_contactor_that_does_not_open_holds_d2_up_to_the_bound():
    s, f, now = bridge(Closed)
    f.contactors, began = True, now + STEP
    while s.outputs.d2:
        now += STEP
        f.pilot, f.inlet_current_at = (C if s.outputs.pilot_c else B), now
        s.step(f, NOTHING, now)
        assert now - began <= 11 * S
    assert "contactor_welded" in names(s) and now - began == 10 * S + STEP       # the current was measured once after state B
    assert f.contactors is True and not s.outputs.contactors


def test_a_box_without_a_current_sensor_has_no_current_to_wait_for():
    s, f, now = bridge(Closed, PevSafetyConfig(current_sensor_fitted=False))
    for n in range(1, 400):
        f.inlet_current = None
        s.step(f, NOTHING, now + n * STEP)
        follow(f, s, now + n * STEP)
    assert not commanded(s) and not s.latch.trips


def test_the_next_timer_is_the_earlier_of_both_sides():
    s, f, now = switched_on("ending")
    assert s.next_timer() == now + 100 * MS == s.vehicle.next_timer()
    s, f, now = bridge(Closing)
    assert s.next_timer() == now + 200 * MS < s.vehicle.next_timer()


def test_its_parts_share_outputs_report_and_limits():
    s = BridgeSupervisor(config(PevSafetyConfig(match_v=3.0), leak_v=33.0))
    assert (s.config.match_v, s.config.bridge.leak_v) == (3.0, 33.0) and s.vehicle._outputs is s.outputs and s.vehicle._report is s.report
    f = facts(plug_was_dead=True, d2=False, d1=False, vehicle_voltage=380.0)
    s.step(f, NOTHING, S)
    assert f.plug_was_dead is False, "it is the supervisor that knows"
