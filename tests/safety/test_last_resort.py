"""When the supervisor itself fails: every output goes to its safe position in order, again and again, whatever the drivers do."""
import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.safety import task
from tasks.safety.facts import SafetyState
from tasks.signals import OutputRequest
from tests.safety.rig import Rig

START = 10 * S


@pytest.mark.parametrize("charger", [False, True])
def test_when_the_supervisor_raises_everything_is_made_safe_in_order_and_in_time(charger):
    rig = Rig(charger=charger)
    rig.task.run(START)
    rig.task.supervisor.step = None                                       # whatever calls it raises
    rig.contactors.position = True
    del rig.calls[:]
    at = START + 100 * MS
    assert rig.task.run(at) == at + 10 * MS
    first = ("off",) if charger else ("pilot", False)
    assert rig.task.broken and rig.calls == [first] and rig.told("the supervisor itself failed")
    assert rig.signals.safety_state.value == "Tripped" and rig.signals.safety_trip.value == "Internal fault" and rig.signals.contactors_closed.value is None
    rig.task.run(at + 1500 * MS - 1)
    assert ("contactors", False) not in rig.calls
    rig.contactors.position = False
    rig.write(at + 1500 * MS, **({"output_current": 0.0} if charger else {}))
    rig.task.run(at + 1500 * MS)
    assert ("contactors", False) in rig.calls and (not charger or ("duty", 100.0) in rig.calls)
    assert rig.task.safe and not any(c[0] == "lock" for c in rig.calls)
    rig.contactors.refuses = True
    rig.task.run(at + 1510 * MS)
    assert not rig.task.safe                                              # no longer acknowledged
    rig.task.on_fault(at + 1520 * MS, "x")
    assert not rig.told("fault reported by x")                            # it is as safe as it gets


def test_a_driver_that_raises_does_not_keep_the_next_one_from_its_safe_position():
    rig = Rig()
    rig.task.run(START)
    rig.task.supervisor.step = None
    rig.first.raises = True
    rig.contactors.position = True                                        # something to judge
    rig.task.run(START + 10 * MS)
    rig.task.run(START + 10 * MS + 1500 * MS)
    assert rig.calls[-1] == ("contactors", False) and rig.told("driver failed: bus")


def test_a_fault_without_a_name_is_the_kernels():
    for name, words in (("", "fault reported by the kernel"), ("tcp", "fault reported by tcp")):
        rig = Rig()
        rig.task.run(START)
        rig.task.on_fault(START + 10 * MS, name)
        assert rig.told(words) and rig.task.trip == "Internal fault"
    rig = Rig()
    rig.task.run(START)
    rig.task.supervisor.fault = None
    rig.task.on_fault(START + 10 * MS)
    assert rig.task.broken


@pytest.mark.parametrize("output, duty_at, lapsed", [(None, 0, False), (OutputRequest(400.0, 5.0), -4 * S, False)])
def test_only_a_lapsed_output_is_a_lapse_of_the_charge(output, duty_at, lapsed):
    rig = Rig(charger=True)
    rig.write(START + duty_at, pilot_duty_request=5.0)
    rig.write(START, output_request=output)
    rig.task.run(START)
    assert rig.task.requests.lapsed is lapsed


def test_a_charger_commands_each_output_once():
    rig = Rig(charger=True)
    for n in range(5):
        at = START + n * 100 * MS
        rig.write(at, pilot_state=PilotState.B, lock_request=True, output_voltage=float(n), output_current=0.0)
        rig.task.run(at)
    assert rig.calls == [("off",), ("duty", 100.0), ("contactors", False), ("lock", True)]
    assert rig.task.evaluations == 5 and rig.signals.pilot_commanded.value is None


def test_the_last_resort_of_a_charger_without_contactor_asks_for_none():
    rig = Rig(charger=True, contactor=False)
    rig.task.run(START)
    rig.task.supervisor.step = None
    rig.write(START + 10 * MS, output_current=0.0)
    rig.task.run(START + 10 * MS)
    rig.task.run(START + 2 * S)
    assert rig.task.broken and not rig.told("driver failed")


def test_it_wakes_in_the_nanosecond_in_which_a_value_grows_stale():
    rig = Rig()
    rig.write(START + 30 * MS, pilot_state=PilotState.B)                # 200 ms of age
    for at in range(START + 30 * MS, START + 200 * MS, 10 * MS):
        rig.task.run(at)
    assert rig.task.run(START + 200 * MS) == START + 230 * MS + 1
    assert rig.task.facts.pilot is PilotState.B
    rig.task.run(START + 230 * MS + 1)
    assert rig.task.facts.pilot is None


def test_after_a_stall_what_was_measured_before_it_does_not_count():
    rig = Rig()
    rig.write(START, inlet_current=0.0)
    rig.task.run(START)
    rig.task.supervisor.state = SafetyState.Closing
    rig.task.supervisor.outputs.contactors = True
    rig.contactors.position = None
    rig.task.run(START + 600 * MS)
    assert rig.task.trip == "Program stalled" and rig.task.supervisor.outputs.contactors       # the current is unknown: first wait for a measurement
