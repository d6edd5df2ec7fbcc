"""The toggle that wakes a charger, or that it counts: state C for a moment, only where it invites nobody."""
import math

import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, NEVER, S
from tasks.safety.config import PevSafetyConfig
from tasks.safety.facts import PevRequests, SafetyState
from tasks.safety.supervisor import PevSupervisor
from tests.safety.given import NOTHING, STEP, WAKE, asleep, facts, pev, requests
from tests.safety.rig import Rig

Idle, Waking, Ready, Tripped = SafetyState.Idle, SafetyState.Waking, SafetyState.Ready, SafetyState.Tripped
C = PilotState.C


def test_a_phase_lasts_as_long_as_it_is_asked_for():
    s, now = pev(Idle)
    assert s.step(asleep(), WAKE, now).pilot_c and s.state is Waking and not s.outputs.contactors and s.outputs.lock is None
    assert s.next_timer() == now + 400 * MS
    assert s.step(asleep(pilot=C), WAKE, now + 300 * MS).pilot_c
    assert not s.step(asleep(pilot=C), NOTHING, now + 300 * MS).pilot_c and s.state is Idle
    assert s.step(asleep(), WAKE, now + 600 * MS).pilot_c, "the next phase of the same toggle"


def test_a_phase_that_nobody_ends_is_ended_and_not_begun_again():
    s, now = pev(Waking)
    assert s.step(asleep(pilot=C), WAKE, now + 400 * MS - 1).pilot_c
    assert not s.step(asleep(pilot=C), WAKE, now + 400 * MS).pilot_c and s.state is Idle
    assert not s.step(asleep(), WAKE, now + S).pilot_c and s.blocked == ""
    s.step(asleep(), NOTHING, now + S)
    assert s.step(asleep(), WAKE, now + S).pilot_c


@pytest.mark.parametrize("change, why", [
    ({"duty": 2.9}, "No toggling now"), ({"duty": 7.1}, "No toggling now"), ({"duty": 16.0}, "No toggling now"), ({"duty": 97.0}, "No toggling now"), ({"duty": None}, "No toggling now"), ({"duty": math.nan}, "No toggling now"),
    ({"pilot": None}, "No toggling now"), ({"pilot": PilotState.A}, "No toggling now"), ({"pilot": C}, "No toggling now"),
    ({"contactors": None}, "Contactor not open"), ({"contactors": True}, "Contactor not open"), ({"inlet_voltage": None}, "Inlet not dead"),
    ({"inlet_voltage": 60.1}, "Inlet not dead"), ({"inlet_voltage": -60.1}, "Inlet not dead"), ({"inlet_voltage": math.nan}, "Inlet not dead"),
    ({"inlet_voltage": 60.1, "lock": False}, "Live but unlocked")])
def test_what_is_missing_holds_it_back(change, why):
    s, now = pev(Idle)
    s.step(asleep(), NOTHING, now)
    assert not s.step(asleep(**change), WAKE, now + STEP).pilot_c
    assert s.blocked == why and s.state is Idle


@pytest.mark.parametrize("change", [{"inlet_voltage": 60.0}, {"inlet_voltage": -60.0}, {"duty": 97.1}, {"duty": 3.0}, {"duty": 5.0}, {"duty": 7.0}, {"lock": False}])
def test_the_edges_that_are_allowed(change):
    s, now = pev(Idle)
    assert s.step(asleep(**change), WAKE, now).pilot_c


def test_a_box_without_voltmeter_may_wake_too():
    s, now = pev(Idle, PevSafetyConfig(voltage_sensor_fitted=False))
    assert s.step(asleep(inlet_voltage=None), WAKE, now).pilot_c
    s, now = pev(Idle, PevSafetyConfig(voltage_sensor_fitted=False))
    assert not s.step(asleep(inlet_voltage=61.0, lock=False), WAKE, now).pilot_c and s.blocked == "Live but unlocked", "the charger's word counts as well"


@pytest.mark.parametrize("duty", [5.0, 16.0, 97.0, None, math.nan])
def test_a_charger_that_wakes_up_ends_it(duty):
    s, now = pev(Waking)
    assert not s.step(asleep(pilot=C, duty=duty), WAKE, now + 100 * MS).pilot_c and s.state is Idle


@pytest.mark.parametrize("duty, goes_on", [(5.0, True), (3.0, True), (7.0, True), (2.9, False), (7.1, False), (16.0, False), (97.1, False), (100.0, False), (None, False),
                                           (math.nan, False)])
def test_a_charger_that_counts_and_takes_its_5_percent_away_ends_it(duty, goes_on):
    s, now = pev(Idle)
    assert s.step(asleep(duty=5.0), WAKE, now).pilot_c and s.state is Waking
    assert s.step(asleep(pilot=C, duty=duty), WAKE, now + 100 * MS).pilot_c is goes_on
    assert s.state is (Waking if goes_on else Idle)


def test_voltage_on_an_unlocked_inlet_is_an_emergency():
    s, now = pev(Waking)
    out = s.step(asleep(pilot=C, lock=False, inlet_voltage=61.0), WAKE, now + 100 * MS)
    assert not out.pilot_c and s.latch.emergency and s.latch.trips[0].name == "live_unlocked"


def test_a_fault_ends_it_at_once():
    s, now = pev(Waking)
    s.fault(asleep(pilot=C), now + STEP)
    assert not s.outputs.pilot_c and s.latch.trips
    s.step(asleep(), WAKE, now + 2 * STEP)
    assert s.state is Tripped and not s.outputs.pilot_c


def test_a_charge_that_is_asked_for_goes_first_and_ends_a_toggle():
    both = PevRequests(pilot_c=True, lock=True, wake=True)
    s, now = pev(Idle)
    assert s.step(asleep(duty=5.0), both, now).pilot_c and s.state is Ready
    s, now = pev(Waking)
    s.step(asleep(pilot=C), requests(contactors=False), now + STEP)
    assert s.state is Ready


def test_after_a_charge_the_wish_must_be_seen_released():
    s, now = pev(Ready)
    held = PevRequests(wake=True)
    for at in (STEP, 2 * STEP, S):
        s.step(asleep(), held, now + at)
        assert not s.outputs.pilot_c
    assert s.state is Idle
    s.step(asleep(), NOTHING, now + S)
    assert s.step(asleep(), held, now + S).pilot_c


def test_a_wish_that_stands_from_the_start_must_be_seen_released_too():
    s = PevSupervisor(PevSafetyConfig())
    assert not s.step(asleep(), WAKE, S).pilot_c and s.blocked == ""
    s.step(asleep(), NOTHING, 2 * S)
    assert s.step(asleep(), WAKE, 2 * S).pilot_c


def test_who_wants_to_charge_does_not_toggle_also_where_that_is_not_granted():
    both = PevRequests(pilot_c=True, wake=True)
    s, now = pev(Ready)
    s.step(asleep(), NOTHING, now + STEP)
    s.step(asleep(duty=5.0), PevRequests(pilot_c=True, lock=True), now + 2 * STEP)       # once more, and the charger goes to sleep
    s.fault(asleep(), now + 3 * STEP)
    s.step(asleep(), both, now + 4 * STEP)
    s.reset(asleep())
    s.step(asleep(), PevRequests(pilot_c=True), now + S)                                # wake is released, pilot_c is not
    assert not s.step(asleep(), both, now + S).pilot_c and s.state is Idle


def test_nothing_is_waited_for_before_the_first_phase():
    s, now = pev(Idle)
    s.step(facts(pilot=PilotState.B, inlet_voltage=0.0), NOTHING, now)
    assert s.next_timer() == NEVER


@pytest.mark.parametrize("asked, toggles", [(True, True), (False, False), (None, False)])
def test_the_task_commands_it_for_a_fresh_true_request_and_for_nothing_else(asked, toggles):
    rig, now = Rig(), 10 * S
    sound = {"pilot_state": PilotState.B, "pilot_duty": 100.0, "inlet_voltage": 0.0}
    rig.write(now, **sound)
    rig.task.run(now)
    rig.calls.clear()
    rig.write(now + STEP, **sound, pilot_wake_request=asked)
    rig.task.run(now + STEP)
    assert (("pilot", True) in rig.calls) is toggles and (rig.signals.safety_state.value == "Waking") is toggles
    rig.write(now + 20 * STEP, **sound)
    rig.task.run(now + 20 * STEP)
    rig.write(now + 60 * STEP, **sound, pilot_wake_request=None)
    rig.task.run(now + 60 * STEP)
    assert rig.signals.safety_state.value == "Idle" and [c for c in rig.calls if c[0] == "pilot"] == [("pilot", True), ("pilot", False)] * toggles


def test_a_request_that_nobody_renews_is_over_after_its_age():
    rig, now = Rig(), 10 * S
    rig.write(now - 600 * MS, pilot_wake_request=True)
    rig.write(now, pilot_state=PilotState.B, pilot_duty=100.0, inlet_voltage=0.0)
    for at in (now, now + STEP):
        rig.task.run(at)
    assert ("pilot", True) not in rig.calls
