"""The AC charger's safety task between signals and drivers: what it reads, its order, what is acknowledged, the last resort."""
from __future__ import annotations

import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.safety.facts import SafetyState
from tests.safety.rig import AcRig

START = 10 * S
TICK = 10 * MS


def charging(rig: AcRig | None = None, **changes) -> tuple[AcRig, int]:
    """Delivering, by the regular way; the calls so far are forgotten."""
    rig, now = rig or AcRig(), START
    rig.lock.position = True
    for wish in (None, None, True):
        rig.good(now, ac_request=wish, **changes)
        rig.task.run(now)
        now += TICK
    assert rig.task.state is SafetyState.Closing, rig.lines
    rig.contactors.position = True
    rig.task.run(now)
    assert rig.task.state is SafetyState.Delivering, rig.lines
    del rig.calls[:]
    return rig, now


def test_the_way_to_power_and_its_order():
    rig = AcRig()
    rig.good(START)
    rig.task.run(START)
    assert rig.calls == [("contactors", False), ("duty", 5.0), ("lock", True)]
    rig.lock.position = True
    rig.task.run(START + TICK)
    rig.good(START + 2 * TICK, ac_request=True)
    rig.task.run(START + 2 * TICK)
    assert rig.calls[3:] == [("contactors", True)] and rig.signals.safety_state.value == "Closing"
    rig.contactors.position = True
    rig.task.run(START + 3 * TICK)
    assert rig.signals.safety_state.value == "Delivering" and rig.signals.contactors_closed.value is True and rig.signals.lock_confirmed.value is True
    assert rig.signals.pilot_commanded.value is None


@pytest.mark.parametrize("name, value", [("pilot_state", PilotState.B), ("pilot_state", None), ("residual_current", True), ("residual_current", None),
                                         ("connection_alive", None), ("stop_button", True), ("stop_button", None)])
def test_each_signal_opens_in_the_run_that_sees_it(name, value):
    rig, now = charging()
    rig.write(now + TICK, **{name: value})
    rig.task.run(now + TICK)
    assert rig.calls[0] == ("contactors", False)


@pytest.mark.parametrize("name, age", [("pilot_state", 200 * MS), ("residual_current", 500 * MS), ("connection_alive", 2 * S), ("stop_button", 500 * MS)])
def test_each_signal_that_grows_stale_opens(name, age):
    rig, now = charging()
    others = {"pilot_state", "residual_current", "connection_alive", "stop_button", "pilot_duty", "ac_current"} - {name}
    values = {n: getattr(rig.signals, n).value for n in others}
    written = getattr(rig.signals, name).at
    while not rig.calls:
        now += TICK
        rig.write(now, ac_request=True, pilot_duty_request=5.0, **values)
        rig.task.run(now)
    assert rig.calls[0] == ("contactors", False) and age < now - written <= age + TICK


@pytest.mark.parametrize("wish, duty, contactor", [(None, 100.0, True), (False, None, False)])
def test_a_released_request_and_the_word_that_the_load_has_ended(wish, duty, contactor):
    """Released: X1 first, the load has its time. False: the car has ended its load, a later measurement agrees."""
    rig, now = charging()
    rig.good(now + TICK, ac_request=wish, ac_current=16.0 if wish is None else 0.0)
    rig.task.run(now + TICK)
    rig.good(now + 2 * TICK, ac_request=wish, ac_current=16.0 if wish is None else 0.1)
    rig.task.run(now + 2 * TICK)
    assert (("contactors", False) not in rig.calls) is contactor
    assert [c[1] for c in rig.calls if c[0] == "duty"] == ([duty] if duty else [])
    assert not rig.told("lapsed")


def test_a_request_that_lapses_is_told():
    rig, now = charging()
    written = rig.signals.ac_request.at
    while rig.task.state is SafetyState.Delivering:
        now += TICK
        rig.write(now, pilot_state=PilotState.C, residual_current=False, connection_alive=True, stop_button=False, pilot_duty=5.0, ac_current=16.0)
        rig.task.run(now)
    assert rig.task.state is SafetyState.CurrentOff and 3 * S < now - written <= 3 * S + TICK and rig.told("lapsed")


def test_a_stale_duty_wish_is_no_lapsed_request():
    rig, now = charging()
    rig.good(now, ac_request=True)
    for at in range(1, 302):
        rig.write(now + at * TICK, pilot_state=PilotState.C, residual_current=False, connection_alive=True, stop_button=False, pilot_duty=5.0,
                  ac_current=16.0, ac_request=True)
        rig.task.run(now + at * TICK)
        if rig.task.state is not SafetyState.Delivering:
            break
    rig.write(now + at * TICK, ac_request=False)
    rig.task.run(now + at * TICK)
    assert rig.task.facts and rig.task.requests.ended and not rig.task.requests.lapsed and at == 301 and not rig.told("lapsed")


def test_the_duty_that_the_driver_acknowledged_is_the_one_that_is_compared():
    rig, now = charging()
    rig.write(now + TICK, pilot_duty=50.0)
    rig.task.run(now + TICK)
    assert rig.task.facts.duty_set == 5.0 and rig.task.state is SafetyState.Delivering
    for at in range(2, 22):
        rig.good(now + at * TICK, pilot_duty=50.0, ac_request=True)
        rig.task.run(now + at * TICK)
    assert rig.task.trip == "PWM not as set" and ("contactors", False) in rig.calls


def test_the_lock_request_reaches_the_lock():
    rig = AcRig()
    rig.good(START, pilot_state=PilotState.B)
    rig.task.run(START)
    assert ("lock", False) in rig.calls
    rig.good(START + TICK, pilot_state=PilotState.B, lock_request=True)
    rig.task.run(START + TICK)
    assert rig.calls[-1] == ("lock", True)


@pytest.mark.parametrize("refusing", ["", "source", "contactors"])
def test_safe_is_what_the_drivers_have_acknowledged(refusing):
    rig = AcRig()
    assert rig.task.safe is False
    if refusing:
        getattr(rig, refusing).refuses = True
    rig.task.run(START)
    assert rig.task.safe is (not refusing)
    for position in (True, None):
        rig.contactors.position = position
        rig.task.run(START + TICK)
        assert rig.task.safe is False


def test_a_pwm_on_the_line_is_not_safe():
    rig = AcRig()
    rig.good(START)
    rig.task.run(START)
    assert rig.task.safe is False and rig.source.calls[1] == ("duty", 5.0)


@pytest.mark.parametrize("driver", ["source", "contactors", "lock"])
def test_an_output_that_is_refused_trips_and_is_asked_again_and_holds_up_no_other(driver):
    rig = AcRig()
    getattr(rig, driver).refuses = True
    rig.good(START)
    rig.task.run(START)
    assert rig.task.trip == "Output refused" and {c[0] for c in rig.calls} == {"duty", "contactors", "lock"}
    del rig.calls[:]
    rig.task.run(START + TICK)
    assert ("lock" if driver == "lock" else "duty" if driver == "source" else driver) in {c[0] for c in rig.calls}
    getattr(rig, driver).refuses = False
    rig.task.run(START + 2 * TICK)
    del rig.calls[:]
    rig.task.run(START + 2500 * MS - TICK)
    assert not rig.calls


def test_what_is_acknowledged_is_not_asked_again():
    rig, now = charging()
    for at in range(1, 6):
        rig.good(now + at * TICK, ac_request=True)
        rig.task.run(now + at * TICK)
    assert not rig.calls


def test_a_fixed_cable_moves_no_lock():
    rig, now = charging(AcRig(lock=False))
    rig.write(now + TICK, stop_button=True)
    rig.task.run(now + TICK)
    rig.contactors.position = False
    rig.task.run(now + 2 * TICK)
    assert rig.task.state is SafetyState.Tripped and rig.signals.lock_confirmed.value is None and not any(c[0] == "lock" for c in rig.calls)


@pytest.mark.parametrize("fitted, known_after", [(True, 0), (False, 1500 * MS)])
def test_a_lock_without_a_switch_counts_as_moved_after_its_time(fitted, known_after):
    rig = AcRig(lock_feedback_fitted=fitted)
    rig.lock.position = True
    for after in (0, 1499 * MS, 1500 * MS, 1510 * MS):
        rig.good(START + after)
        rig.task.run(START + after)
        assert (rig.task.facts.lock is True) is (fitted or after >= known_after)


def test_a_detector_that_is_not_read_is_told_once():
    line, = AcRig(residual_current_fitted=False).told("type B")
    assert line.startswith("warning NO RESIDUAL") and line.endswith(" at 0") and not AcRig().told("type B")
    rig, now = charging(AcRig(residual_current_fitted=False), residual_current=None)
    rig.good(now + TICK, ac_request=True, residual_current=True)
    rig.task.run(now + TICK)
    assert rig.task.state is SafetyState.Delivering


def test_the_last_resort_opens_at_once_and_ends_the_pwm_later():
    rig, now = charging()
    rig.task.supervisor.step = None                                       # whatever calls it raises
    rig.write(now + TICK, stop_button=True)
    assert rig.task.run(now + TICK) == now + 2 * TICK
    assert rig.task.broken and rig.calls == [("contactors", False)] and not rig.task.safe
    rig.contactors.position = False
    rig.task.run(now + TICK + 1500 * MS - 1)
    assert ("duty", 100.0) not in rig.calls and not rig.task.safe
    rig.task.run(now + TICK + 1500 * MS)
    assert rig.calls[-2:] == [("contactors", False), ("duty", 100.0)] and rig.task.safe and not any(c[0] == "lock" for c in rig.calls)
    rig.contactors.refuses = True
    rig.task.run(now + TICK + 1510 * MS)
    assert not rig.task.safe


def test_a_pwm_that_the_last_resort_cannot_end_is_not_safe():
    rig, now = charging()
    rig.task.supervisor.step = None
    rig.source.refuses = True
    rig.contactors.position = False
    rig.write(now + TICK, stop_button=True)
    rig.task.run(now + TICK)
    rig.task.run(now + TICK + 1500 * MS)
    assert ("duty", 100.0) in rig.calls and not rig.task.safe


def test_both_paths_agree():
    """The path that skips what cannot have changed equals the one that evaluates at each run."""
    runs = []
    for fast in (True, False):
        rig, now = charging(AcRig(fast=fast))
        for at in range(1, 40):
            rig.good(now + at * TICK, ac_request=True if at < 20 else None, ac_current=10.0 if at < 30 else 0.0)
            rig.task.run(now + at * TICK)
        runs.append((rig.calls, rig.task.state, rig.task.evaluations))
    assert runs[0][:2] == runs[1][:2] and runs[0][2] < runs[1][2]


def test_a_fault_of_another_task_opens_before_it_returns():
    rig, now = charging()
    rig.task.on_fault(now + MS, "v2g")
    assert rig.calls[0] == ("contactors", False) and rig.task.trip == "Internal fault"


def test_a_program_that_stood_still_opens():
    rig, now = charging()
    rig.good(now + S, ac_request=True)
    rig.task.run(now + S)
    assert rig.calls[0] == ("contactors", False) and rig.task.trip == "Program stalled"
