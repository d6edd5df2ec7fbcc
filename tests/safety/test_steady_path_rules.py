"""The steady path rule by rule: what makes the safety tasks ask their supervisor, what does not, when they wake, what they publish.

`evaluations` counts how often the supervisor was asked.
"""
import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.safety.facts import SafetyState
from tasks.signals import OutputRequest
from tests.safety.rig import Rig

B, C = PilotState.B, PilotState.C
START = 10 * S             # on the grid of publishing (200 ms) and of asking (1 s)
SOUND = dict(pilot_duty=5.0, inlet_voltage=350.0, inlet_current=0.0, inlet_temperature=30.0, supply_voltage=13.0, stop_button=False, connection_alive=True,
             charge_permission=True, battery_voltage=350.0, battery_max_voltage=400.0, battery_max_current=100.0, battery_target_current=50.0, lock_request=True)


def asked(rig: Rig, at: int) -> bool:
    """Whether a run at `at` asks the supervisor."""
    before = rig.task.evaluations
    rig.task.run(at)
    return rig.task.evaluations > before


def closing() -> tuple[Rig, int]:
    """A car whose contactors were just told to close and have not confirmed; and when."""
    rig = Rig()
    rig.lock.position = True
    for n in range(4):
        at = START + n * 10 * MS
        rig.write(at, pilot_state=C if n > 2 else B, pilot_c_request=n > 0, contactor_request=n > 0, **SOUND)
        rig.task.run(at)
    assert rig.task.state is SafetyState.Closing and rig.calls[-1] == ("contactors", True)
    return rig, at


# --- what asks -------------------------------------------------------------------------------------------------------------------

def test_what_is_written_again_with_the_same_value_asks_nobody():
    rig = Rig()
    rig.write(START, pilot_state=B, inlet_voltage=0.0)
    assert asked(rig, START)
    for n in range(1, 100):
        rig.write(START + n * 10 * MS, pilot_state=B, inlet_voltage=0.0)
        assert asked(rig, START + n * 10 * MS) is (n in (1, 2))          # two measurements: from now on it is steady, and unlocks


def test_a_value_that_left_and_came_back_between_two_runs_asks_nobody():
    rig = Rig()
    rig.write(START, pilot_state=B)
    rig.task.run(START)
    for at in (START + 10 * MS, START + 20 * MS, START + 200 * MS):
        rig.write(at, pilot_state=C)
        rig.write(at, pilot_state=B)
        assert not asked(rig, at)
        assert rig.signals.safety_state.at == (START if at < START + 200 * MS else at)
    rig.write(START + 210 * MS, pilot_state=C)
    assert asked(rig, START + 210 * MS) and rig.task.facts.pilot is C


def test_a_value_that_left_and_came_back_grows_stale_like_any_other():
    rig = Rig()
    rig.write(START + 30 * MS, pilot_state=C)
    rig.write(START + 30 * MS, pilot_state=B)
    rig.task.run(START + 30 * MS)
    rig.writers["pilot_state"].set(C, START + 30 * MS)
    rig.writers["pilot_state"].set(B, START + 30 * MS)
    assert asked(rig, START + 230 * MS + 1) and rig.task.facts.pilot is None


@pytest.mark.parametrize("name, value, fact, age", [("pilot_state", B, "pilot", 200 * MS), ("stop_button", False, "stop_button", 500 * MS),
                                                    ("inlet_temperature", 0.0, "temperature", 5 * S)])
def test_a_value_that_grows_stale_is_noticed_in_that_nanosecond(name, value, fact, age):
    rig = Rig()
    written = START + 30 * MS
    rig.write(written, **{name: value})
    rig.task.run(written)
    for at in range(written + 200 * MS, written + age, 10 * MS):
        rig.task.run(at)
    assert not asked(rig, written + age) and getattr(rig.task.facts, fact) == value
    assert asked(rig, written + age + 1) and getattr(rig.task.facts, fact) is None


def test_a_stale_value_asks_at_each_run_and_counts_again_as_soon_as_it_is_fresh():
    rig = Rig()
    rig.write(START, pilot_state=B)
    rig.task.run(START)
    for late in (250, 260, 270):
        assert asked(rig, START + late * MS) and rig.task.facts.pilot is None
    rig.write(START + 280 * MS, pilot_state=B)                            # the very same value
    assert asked(rig, START + 280 * MS) and rig.task.facts.pilot is B
    assert not asked(rig, START + 290 * MS)


def test_a_time_stamp_from_the_future_is_unknown_until_then():
    rig = Rig()
    rig.write(START + 30 * MS, pilot_state=B)
    assert rig.task.run(START) == START + 30 * MS and rig.task.facts.pilot is None
    rig.task.run(START + 30 * MS - 1)
    assert rig.task.facts.pilot is None
    rig.task.run(START + 30 * MS)
    assert rig.task.facts.pilot is B


@pytest.mark.parametrize("ends, wakes", [(-1, 0), (0, 0), (1, 0), (-2, -1)])
def test_of_a_future_time_stamp_and_a_staleness_the_earlier_one_wakes(ends, wakes):
    """The order in which the signals are looked at plays no part: duty is the second, the inlet's voltage the third."""
    turn = START + 40 * MS
    for young, old in (("pilot_duty", "inlet_voltage"), ("inlet_voltage", "pilot_duty")):
        rig = Rig()
        age = getattr(rig.signals, old).max_age
        rig.write(turn + ends - age, **{old: 5.0})
        rig.write(turn, **{young: 5.0})
        assert rig.task.run(START) == turn + wakes


@pytest.mark.parametrize("charger", [False, True])
@pytest.mark.parametrize("name, fact", [("contactors", "contactors"), ("lock", "lock")])
@pytest.mark.parametrize("position", [True, None])
def test_a_feedback_that_changes_is_judged_and_told_in_that_run(charger, name, fact, position):
    rig = Rig(charger=charger)
    rig.task.run(START)
    assert not asked(rig, START + 10 * MS)
    getattr(rig, name).position = position
    assert asked(rig, START + 20 * MS) and getattr(rig.task.facts, fact) is position
    shown = rig.signals.contactors_closed if name == "contactors" else rig.signals.lock_confirmed
    assert (shown.value, shown.at) == (position, START + 20 * MS)


@pytest.mark.parametrize("charger", [False, True])
def test_the_supervisor_is_asked_each_full_second_in_any_case(charger):
    rig = Rig(charger=charger)
    rig.task.run(START + 1)
    for second in (1, 2, 3):
        for late in range(100 * MS, S, 100 * MS):
            assert not asked(rig, START + (second - 1) * S + late)
        assert not asked(rig, START + second * S - 1)
        assert asked(rig, START + second * S)


def test_during_a_sequence_each_run_asks_and_the_next_one_is_a_tick_later():
    rig, at = closing()
    for n in range(1, 4):
        assert asked(rig, at + n * MS) and rig.task.state is SafetyState.Closing
        assert rig.task.run(at + n * MS) == at + n * MS + 10 * MS
    rig.contactors.position = True
    rig.task.run(at + 10 * MS)
    assert rig.task.state is SafetyState.Closed
    assert asked(rig, at + 11 * MS) and not asked(rig, at + 12 * MS), "the rows of the new state, then it is calm"
    rig.contactors.position = False
    rig.task.run(at + 20 * MS)
    assert rig.task.state in {SafetyState.CurrentOff, SafetyState.Opening, SafetyState.Decay}
    assert asked(rig, at + 21 * MS) and asked(rig, at + 22 * MS)


def test_the_rows_of_a_new_state_are_judged_in_the_next_run_although_nothing_else_changes():
    """The step that closes judged the rows of Closing; without a second look the battery's limit would wait for the next full second."""
    rig, at = closing()
    rig.contactors.position = True
    rig.writers["battery_max_voltage"].set(339.0, at)                   # 350 V on the inlet
    rig.task.run(at + MS)
    assert rig.task.state is SafetyState.Closed and not rig.task.trip
    rig.task.run(at + 11 * MS)
    assert rig.task.trip == "Battery overvoltage"


def test_what_is_commanded_now_counts_for_the_permits_of_the_next_run():
    rig = Rig(charger=True, contactor=False)
    rig.lock.position = True
    for n, wanted in enumerate((None, OutputRequest(400.0, 20.0), OutputRequest(400.0, 20.0))):
        at = START + n * 10 * MS
        rig.write(at, pilot_state=C, output_voltage=0.0, output_current=0.0, isolation=1e6, stop_button=False, connection_alive=True,
                  pilot_duty_request=5.0 if n else 100.0, output_request=wanted)
        rig.task.run(at)
    assert rig.task.state is SafetyState.Delivering and rig.calls[-1] == ("set", 400.0, 20.0)


@pytest.mark.parametrize("charger", [False, True])
def test_the_full_path_asks_at_each_run_and_wakes_each_tick(charger):
    rig = Rig(charger=charger, fast=False)
    for n in range(10):
        assert asked(rig, START + n * MS)
        assert rig.task.run(START + n * MS) == START + n * MS + 10 * MS


def test_after_a_pause_of_the_program_the_same_values_are_judged_in_that_run():
    rig = Rig()
    for at in (START, START + 10 * MS):
        rig.write(at, pilot_state=B, pilot_c_request=False, **SOUND)
        rig.lock.position = True
        rig.task.run(at)
    rig.write(START + 20 * MS, pilot_state=B, pilot_c_request=True, **SOUND)
    rig.task.run(START + 20 * MS)
    assert rig.task.state is SafetyState.Ready and rig.calls[-1] == ("pilot", True)
    rig.task.run(START + 30 * MS)
    at = START + 530 * MS + 1
    rig.write(at, pilot_state=B, pilot_c_request=True, **SOUND)           # the sensors ran before, with what they read before
    rig.task.run(at)
    assert rig.task.trip == "Program stalled" and rig.calls[-1] == ("pilot", False)


# --- when it wakes ---------------------------------------------------------------------------------------------------------------

def test_it_wakes_for_the_next_publishing_otherwise_with_the_pace_of_the_sensors():
    for first in (True, False):                                           # after asking, and without having asked
        for late, wakes in ((0, 50), (110, 160), (149, 199), (150, 200), (151, 200), (170, 200), (199, 200), (200, 250)):
            rig = Rig()
            rig.task.run(START if not first else START - 10 * MS)
            if first:
                rig.lock.position = True
            assert asked(rig, START + late * MS - 1) is first
            assert rig.task.run(START + late * MS) == START + wakes * MS


def test_it_wakes_in_the_nanosecond_after_asking_in_which_a_value_grows_stale():
    rig = Rig()
    rig.write(START - 170 * MS, pilot_state=B)                            # 200 ms of age
    assert rig.task.run(START) == START + 30 * MS + 1


def test_what_is_unknown_does_not_grow_stale_and_wakes_nobody():
    rig = Rig()
    rig.write(START - 170 * MS, pilot_state=None)
    assert rig.task.run(START) == START + 50 * MS


def test_it_wakes_for_the_supervisors_timer_which_is_judged_in_its_very_nanosecond():
    rig = Rig()
    rig.contactors.position = True                                        # a contactor that nobody told to close: a trip after 500 ms
    rig.task.run(START)
    for late in range(50, 500, 50):
        assert not asked(rig, START + late * MS - 1)
    assert rig.task.run(START + 470 * MS) == START + 500 * MS
    assert not asked(rig, START + 500 * MS - 1) and not rig.task.trip
    rig.task.run(START + 500 * MS)
    assert rig.task.trip == "Contactor not open"


@pytest.mark.parametrize("charger", [False, True])
def test_whatever_safety_judges_by_grows_stale(charger):
    rig = Rig(charger=charger)
    assert rig.task._all
    for signal in rig.task._all:
        assert signal.max_age is not None and 0 < signal.max_age <= 5 * S, signal.name


# --- what it publishes -----------------------------------------------------------------------------------------------------------

def test_each_200_ms_it_publishes_without_asking_and_in_between_it_publishes_nothing():
    rig = Rig()
    rig.task.run(START + 1)
    for late in range(10, 1000, 10):
        assert not asked(rig, START + late * MS)
        assert rig.signals.safety_state.at == START + max(late // 200 * 200 * MS, 1)


def test_who_asks_publishes_only_what_changed_and_each_200_ms():
    rig = Rig()
    rig.task.run(START + 1)
    for late in range(10, 1000, 10):
        rig.write(START + late * MS, inlet_voltage=float(late))
        assert asked(rig, START + late * MS)
        assert rig.signals.safety_state.at == START + max(late // 200 * 200 * MS, 1)


def test_nothing_is_told_to_be_lacking_where_nothing_is():
    rig = Rig()
    rig.task.run(START)
    assert not rig.told("waits before granting")
    rig.write(START + 10 * MS, pilot_state=B, pilot_c_request=True, **SOUND | {"inlet_voltage": 0.0})
    rig.task.run(START + 10 * MS)
    assert rig.signals.safety_blocked.value == "Not locked" and rig.told("waits before granting: Not locked")


# --- what refuses ----------------------------------------------------------------------------------------------------------------

def test_the_supervisor_is_asked_once_a_run_as_long_as_no_driver_refuses():
    rig, at = closing()
    steps = []
    step = rig.task.supervisor.step
    rig.task.supervisor.step = lambda *args: steps.append(args) or step(*args)
    for n in range(1, 4):
        rig.task.run(at + n * MS)
        assert len(steps) == n


def test_a_refusal_is_a_reaction_in_the_same_run_and_then_one_command_a_run():
    rig = Rig()
    rig.contactors.refuses = True
    rig.task.run(START)
    assert rig.calls.count(("contactors", False)) == 2                    # once more after the trip
    for n in range(1, 5):
        assert rig.task.run(START + n * 10 * MS) == START + (n + 1) * 10 * MS
        assert rig.calls.count(("contactors", False)) == 2 + n and rig.task.evaluations == 1 + n


def test_contactors_that_refuse_to_close_bring_state_b_in_the_same_run():
    rig = Rig()
    rig.lock.position = True
    for n in range(4):
        at = START + n * 10 * MS
        rig.contactors.refuses = n == 3
        rig.write(at, pilot_state=C if n > 2 else B, pilot_c_request=n > 0, contactor_request=n > 0, **SOUND)
        rig.task.run(at)
    assert rig.calls[-2:] == [("contactors", True), ("pilot", False)] and rig.task.trip == "Output refused"


def test_a_lock_that_refuses_is_left_alone_by_the_sequence_that_begins():
    rig = Rig()
    rig.lock.refuses = True
    rig.write(START, pilot_state=B, lock_request=True)
    rig.task.run(START)
    assert rig.task.state is SafetyState.Decay and rig.calls.count(("lock", True)) == 1


def test_a_driver_that_refuses_is_commanded_at_each_run_also_when_the_sequence_is_through():
    rig = Rig()
    rig.contactors.refuses = True
    for n in range(4):
        rig.write(START + n * 10 * MS, inlet_voltage=0.0)
        rig.task.run(START + n * 10 * MS)
    assert rig.task.state is SafetyState.Tripped
    for n in range(4, 8):
        del rig.calls[:]
        assert rig.task.run(START + n * 10 * MS) == START + (n + 1) * 10 * MS
        assert rig.calls == [("contactors", False)]
    rig.contactors.refuses = False
    rig.task.run(START + 80 * MS)
    assert not asked(rig, START + 90 * MS)


# --- from outside ----------------------------------------------------------------------------------------------------------------

def test_a_fault_is_judged_by_the_feedback_of_its_instant():
    rig = Rig()
    rig.task.run(START)
    rig.contactors.position, rig.lock.position = True, True
    rig.task.on_fault(START + 10 * MS)
    assert (rig.task.facts.contactors, rig.task.facts.lock) == (True, True)
    assert rig.task.state is SafetyState.CurrentOff                       # not Decay: the contactors are not open


@pytest.mark.parametrize("age, state", [(500 * MS, SafetyState.Opening), (500 * MS + 1, SafetyState.CurrentOff)])
def test_a_fault_is_judged_by_the_measurements_that_are_fresh_in_its_instant(age, state):
    rig, at = closing()                                                   # contacts that travel open at once where no current flows
    rig.task.on_fault(at + age)
    assert rig.task.state is state


def test_after_an_acknowledgement_the_next_run_asks_and_tells():
    rig = Rig()
    rig.task.on_fault(START)
    for n in range(1, 4):
        rig.write(START + n * 10 * MS, inlet_voltage=0.0)
        rig.task.run(START + n * 10 * MS)
    assert rig.task.state is SafetyState.Tripped and not asked(rig, START + 40 * MS)
    assert rig.task.reset(START + 50 * MS)
    assert asked(rig, START + 50 * MS) and rig.signals.safety_state.value == "Idle" and rig.signals.safety_trip.value == ""


def test_the_last_resort_wakes_each_tick():
    rig = Rig()
    rig.task.supervisor.step = None
    for n in range(5):
        assert rig.task.run(START + n * 10 * MS) == START + (n + 1) * 10 * MS
    assert rig.task.broken


def test_one_request_that_lapses_is_a_lapse_of_the_charge():
    rig = Rig()
    rig.write(START, contactor_request=True)
    rig.task.run(START)
    rig.task.run(START + 3 * S)
    assert rig.task.requests.contactors and not rig.task.requests.lapsed
    rig.task.run(START + 3 * S + 1)
    assert rig.task.requests.lapsed and not rig.task.requests.contactors
