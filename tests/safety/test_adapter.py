"""The safety tasks between signals and drivers: what is steady, what is acknowledged, exact ages, what is published, the last resort."""
import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.safety import adapter, task
from tasks.safety.facts import SafetyState
from tasks.signals import OutputRequest
from tests.safety.rig import Rig

START = 10 * S


# --- what is steady -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("first, second, apart, steady", [
    (350.0, 355.0, 50 * MS, True), (350.0, 345.0, 50 * MS, True), (350.0, 355.1, 50 * MS, False), (350.0, 344.9, 50 * MS, False),
    (350.0, 350.0, 3 * S, True), (350.0, 350.0, 3 * S + 1, False), (None, 350.0, 50 * MS, False), (350.0, None, 50 * MS, False), (1.0, 0.0, 50 * MS, True),
])
@pytest.mark.parametrize("fitted, name", [(True, "inlet_voltage"), (False, "evse_present_voltage")])
def test_steady_is_what_two_measurements_agree_on(first, second, apart, steady, fitted, name):
    rig = Rig(voltage_sensor_fitted=fitted)
    other = "evse_present_voltage" if fitted else "inlet_voltage"
    rig.write(START, **{name: first})
    rig.task.run(START)
    assert rig.task.facts.inlet_steady is False                     # one measurement is none
    rig.write(START + apart, **{name: second, other: 100.0})
    rig.task.run(START + apart)
    assert rig.task.facts.inlet_steady is steady
    rig.task.run(START + apart + MS)
    assert rig.task.facts.inlet_steady is steady                    # the same measurement again is no second one
    rig.write(START + apart + 50 * MS, **{name: 200.0})
    rig.task.run(START + apart + 50 * MS)
    assert rig.task.facts.inlet_steady is False


def test_a_measurement_at_the_very_beginning_is_one():
    rig = Rig()
    for at in (0, 50 * MS):
        rig.write(at, inlet_voltage=350.0)
        rig.task.run(at)
    assert rig.task.facts.inlet_steady is True


def test_the_first_measurement_alone_is_never_steady_however_low():
    for voltage in (0.0, 1.0):
        rig = Rig()
        rig.write(S, inlet_voltage=voltage)
        rig.task.run(S)
        assert rig.task.facts.inlet_steady is False


def test_an_inlet_that_becomes_steady_is_judged_in_that_run():
    rig = Rig()
    for n in range(3):
        rig.write(START + n * 50 * MS, inlet_voltage=350.0)
        rig.task.run(START + n * 50 * MS)
    assert rig.task.evaluations == 2                                # the third measurement says nothing new


# --- what is acknowledged -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("refusing, safe", [("", True), ("first", False), ("contactors", False)])
def test_safe_is_what_the_drivers_have_acknowledged(refusing, safe):
    rig = Rig()
    assert rig.task.safe is False and rig.signals.pilot_commanded.value is None
    if refusing:
        getattr(rig, refusing).refuses = True
    rig.task.run(START)
    assert rig.task.safe is safe
    assert rig.signals.pilot_commanded.value is (None if refusing == "first" else PilotState.B)
    for position in (True, None):
        rig.contactors.position = position
        rig.task.run(START + 10 * MS)
        assert rig.task.safe is False


@pytest.mark.parametrize("current, contactors, safe", [(0.99, False, True), (-0.99, False, True), (1.0, False, False), (-1.0, False, False), (None, False, False),
                                                       (0.0, True, False), (0.0, None, False)])
def test_a_charger_is_safe_when_off_is_acknowledged_the_current_gone_and_the_contactor_open(current, contactors, safe):
    for fitted in (True, False):
        rig = Rig(charger=True, contactor=fitted)
        rig.contactors.position = contactors
        rig.write(START, output_current=current)
        rig.task.run(START)
        assert rig.task.safe is (safe or (not fitted and contactors is not False and current == 0.0))
    rig = Rig(charger=True)
    rig.first.refuses = True
    rig.write(START, output_current=0.0)
    rig.task.run(START)
    assert rig.task.safe is False


def test_each_output_is_commanded_once_and_again_until_it_is_acknowledged():
    rig = Rig()
    rig.contactors.refuses = True
    rig.task.run(START)
    assert ("contactors", False) in rig.calls and rig.task.trip == "Output refused"
    del rig.calls[:]
    for n in range(1, 4):
        assert rig.task.run(START + n * 10 * MS) == START + (n + 1) * 10 * MS
    assert rig.calls.count(("contactors", False)) >= 3 and ("pilot", False) not in rig.calls
    rig.contactors.refuses = False
    rig.task.run(START + 40 * MS)
    del rig.calls[:]
    rig.task.run(START + 50 * MS)
    assert ("contactors", False) not in rig.calls


def test_the_lock_is_commanded_once_and_its_refusal_is_a_trip():
    rig = Rig()
    for n in range(5):
        rig.write(START + n * 100 * MS, pilot_state=PilotState.B, lock_request=True, inlet_voltage=float(n))
        rig.task.run(START + n * 100 * MS)
    assert rig.calls.count(("lock", True)) == 1 and not rig.task.trip
    rig = Rig()
    rig.lock.refuses = True
    rig.write(START, pilot_state=PilotState.B, lock_request=True)
    rig.task.run(START)
    assert rig.task.trip == "Output refused"


@pytest.mark.parametrize("refuses, shown", [(False, PilotState.B), (True, None)])
def test_the_last_resort_tells_what_the_pilots_driver_has_acknowledged(refuses, shown):
    rig = Rig()
    rig.task.run(START)
    rig.task.supervisor.step = None
    rig.contactors.position, rig.first.refuses = True, refuses
    rig.task.run(START + 10 * MS)
    assert rig.task.broken and rig.signals.pilot_commanded.value is shown and rig.signals.pilot_commanded.at == START + 10 * MS
    rig.contactors.position = False
    rig.task.run(START + 2 * S)
    assert rig.task.safe is not refuses


def test_a_charger_first_commands_off_then_the_pilot_then_open():
    rig = Rig(charger=True)
    rig.task.run(START)
    assert rig.calls == [("off",), ("duty", 100.0), ("contactors", False)]
    for name, made in (("first", "off"), ("source", "duty"), ("contactors", "contactors"), ("lock", "lock")):
        rig = Rig(charger=True)
        rig.write(START, output_voltage=0.0, pilot_state=PilotState.B)
        getattr(rig, name).refuses = True
        rig.task.run(START)
        assert rig.task.trip == "Output refused", name
        count = len([c for c in rig.calls if c[0] == made])
        for at in (START + 10 * MS, START + 20 * MS):
            rig.write(at, output_voltage=0.0, output_current=0.0)
            rig.task.run(at)
        assert len([c for c in rig.calls if c[0] == made]) > count, name


@pytest.mark.parametrize("contactor, lock", [(True, True), (False, False), (True, False), (False, True)])
def test_a_charger_reads_back_only_what_it_has(contactor, lock):
    rig = Rig(charger=True, contactor=contactor, lock=lock)
    rig.contactors.position = rig.lock.position = False
    rig.task.run(START)
    assert rig.signals.contactors_closed.value is (False if contactor else None)
    assert rig.signals.lock_confirmed.value is (False if lock else None)
    assert any(c[0] == "contactors" for c in rig.calls) is contactor
    assert (rig.task.supervisor._contactor, rig.task.supervisor._lock) == (contactor, lock)


def test_what_a_charger_does_not_have_needs_no_feedback_either():
    rig = Rig(charger=True, contactor=False, lock=False, contactor_feedback_fitted=False, lock_feedback_fitted=False)
    rig.task.run(START)
    assert not rig.task.broken and rig.task.facts.contactors is None and rig.task.facts.lock is None


# --- assumed positions ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("charger", [False, True])
def test_without_feedback_the_position_is_known_after_half_the_travel(charger):
    rig = Rig(charger=charger, contactor_feedback_fitted=False, contactor_travel_ms=200)
    rig.contactors.position = True                                   # whatever the missing contact reads
    rig.task.run(START)
    for late, known in ((100 * MS - 1, None), (100 * MS, False)):
        rig.task.run(START + late)
        assert rig.task.facts.contactors is known


@pytest.mark.parametrize("charger", [False, True])
def test_without_feedback_the_lock_is_known_after_its_travel(charger):
    rig = Rig(charger=charger, lock_feedback_fitted=False, lock_travel_ms=700)
    rig.write(START, pilot_state=PilotState.B, lock_request=True)
    rig.task.run(START)
    assert ("lock", True) in rig.calls
    for late, known in ((700 * MS - 1, None), (700 * MS, True)):
        rig.write(START + late, pilot_state=PilotState.B, lock_request=True)
        rig.task.run(START + late)
        assert rig.task.facts.lock is known


# --- requests -------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("late, fresh", [(3 * S, True), (3 * S + 1, False)])
def test_a_request_lapses_at_its_very_nanosecond(late, fresh):
    rig = Rig()
    rig.write(START, pilot_c_request=True, lock_request=True, contactor_request=True)
    rig.task.run(START)
    r = rig.task.requests
    assert (r.pilot_c, r.lock, r.contactors, r.lapsed) == (True, True, True, False)
    rig.task.run(START + late)
    assert (r.pilot_c, r.lock, r.contactors, r.lapsed) == (fresh, fresh, fresh, not fresh)


@pytest.mark.parametrize("value", [False, None])
def test_a_request_that_was_released_does_not_lapse(value):
    rig = Rig()
    rig.write(START, pilot_c_request=value, lock_request=value, contactor_request=value)
    rig.task.run(START + 4 * S)
    r = rig.task.requests
    assert (r.pilot_c, r.lock, r.contactors, r.lapsed) == (False, False, False, False)


def test_a_lapsed_lock_while_contactors_are_still_asked_for_is_no_lapse_of_the_charge():
    rig = Rig()
    rig.write(START, lock_request=True, contactor_request=True)
    rig.write(START + 4 * S, contactor_request=True)
    rig.task.run(START + 4 * S)
    assert rig.task.requests.contactors and not rig.task.requests.lapsed


def test_the_chargers_request_lapses_to_nothing():
    rig = Rig(charger=True)
    rig.write(START, output_request=OutputRequest(400.0, 20.0), pilot_duty_request=5.0, lock_request=True)
    rig.task.run(START)
    r = rig.task.requests
    assert (r.voltage, r.current, r.duty, r.lock, r.lapsed) == (400.0, 20.0, 5.0, True, False)
    rig.task.run(START + 3 * S + 1)
    assert (r.voltage, r.current, r.duty, r.lock, r.lapsed) == (0.0, 0.0, None, False, True)


# --- paces and publishing -----------------------------------------------------------------------------------------------------------

def test_the_numbers_of_the_pace():
    assert (adapter.PERIOD, adapter.STEADY_PERIOD, adapter.PUBLISH, adapter.ASK) == (10 * MS, 50 * MS, 200 * MS, 1000 * MS)
    assert (adapter.STALL_LIMIT, adapter.LAST_RESORT, adapter.NO_CURRENT) == (500 * MS, 1500 * MS, 1.0)
    assert adapter.SEQUENCES == {SafetyState.Closing, SafetyState.CurrentOff, SafetyState.Opening, SafetyState.Decay}
    assert (task.STEADY_STEP, task.STEADY_AGE) == (5.0, 3 * S)


@pytest.mark.parametrize("pause, stalls", [(500 * MS, False), (500 * MS + 1, True)])
def test_a_pause_of_the_program_is_a_trip_from_its_very_nanosecond(pause, stalls):
    rig = Rig()
    rig.task.run(START)
    rig.task.supervisor.state = SafetyState.Ready
    rig.write(START + pause, pilot_state=PilotState.C, inlet_voltage=0.0, inlet_temperature=20.0, stop_button=False, pilot_c_request=True)
    rig.task.run(START + pause)
    assert (rig.task.trip == "Program stalled") is stalls
    assert rig.task.supervisor.outputs.pilot_c is False


@pytest.mark.parametrize("charger", [False, True])
def test_at_rest_it_asks_for_the_pace_of_the_sensors_and_publishes_each_200_ms(charger):
    rig = Rig(charger)
    at = START
    while at < START + S:
        nxt = rig.task.run(at)
        assert at < nxt <= at + 50 * MS
        at += 10 * MS
        assert at - rig.signals.safety_state.at <= 200 * MS
    assert rig.task.evaluations <= 12


def test_what_changes_is_published_at_once():
    rig = Rig()
    rig.task.run(START)
    rig.lock.position = True
    rig.task.run(START + 10 * MS)
    assert (rig.signals.lock_confirmed.value, rig.signals.lock_confirmed.at) == (True, START + 10 * MS)
    assert rig.signals.safety_state.value == "Idle" and rig.signals.safety_trip.value == "" and rig.signals.safety_hint.value == ""


def test_what_is_lacking_is_published_until_it_is_there_or_nobody_asks_any_more():
    rig = Rig()
    sound = dict(pilot_state=PilotState.B, pilot_duty=5.0, inlet_voltage=0.0, inlet_current=0.0, inlet_temperature=30.0, stop_button=False,
                 connection_alive=True, charge_permission=True, battery_voltage=350.0, battery_max_voltage=400.0, battery_max_current=100.0,
                 battery_target_current=0.0)
    told = []
    for n, (asked, locked) in enumerate([(False, False), (True, False), (True, False), (False, False), (True, False), (True, True)]):
        at = START + n * 20 * MS
        rig.lock.position = locked
        rig.write(at, pilot_c_request=asked, **sound)
        rig.task.run(at)
        told.append(rig.signals.safety_blocked.value)
    assert told == ["", "Not locked", "Not locked", "", "Not locked", ""] and rig.task.state is SafetyState.Ready


def test_the_allowed_current_is_published():
    rig = Rig()
    rig.write(START, inlet_temperature=65.0, battery_max_current=100.0)
    rig.task.run(START)
    assert rig.signals.current_limit.value == 50.0


def test_no_voltage_sensor_is_told_at_the_start():
    assert Rig(voltage_sensor_fitted=False).told("error NO VOLTAGE SENSOR") and bool(Rig(voltage_sensor_fitted=False).told("Fit a sensor. at 0")) and not Rig().told("NO VOLTAGE SENSOR")
