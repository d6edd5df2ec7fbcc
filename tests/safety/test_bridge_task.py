"""The row `safety` of a bridge: signals in, drivers and signals out, both paths alike, the last resort."""
import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.safety.facts import SafetyState
from tests.safety.bridge_session import CHARGE, OFF, START, Session
from tests.safety.rig import BridgeRig

B = PilotState.B
# --- commanding and telling -----------------------------------------------------------------------------------------------------

def test_it_begins_with_everything_off_in_order():
    rig = BridgeRig()
    assert rig.task.safe is False
    rig.write(START, pilot_state=B)
    rig.task.run(START)
    assert rig.calls == [("pilot", False), ("contactors", False), ("d2", False), ("d1", False)]
    assert rig.task.safe and (rig.signals.d1_on.value, rig.signals.d2_on.value, rig.signals.vehicle_lock_confirmed.value) == (False, False, False)


@pytest.mark.parametrize("fitted", [True, False])
def test_a_lock_that_nothing_confirms_is_told_as_assumed_from_the_first_instant(fitted):
    told = BridgeRig(vehicle_lock_feedback_fitted=fitted).signals.vehicle_lock_assumed
    assert (told.value, told.at) == (not fitted, 0)


def test_a_dead_plug_is_released_at_the_start():
    b = Session()
    b.run(20)
    assert b.calls.count(("vehicle lock", False)) == 1


def test_a_whole_session_commands_in_order_and_publishes_what_is_acknowledged():
    b = Session()
    del b.calls[:]
    assert b.shown() == (False, False, False)
    b.closed()
    assert b.calls == [("lock", True), ("vehicle lock", True), ("d1", True), ("d2", True), ("pilot", True), ("contactors", True)] or b.calls == [
        ("d1", True), ("vehicle lock", True), ("d2", True), ("pilot", True), ("contactors", True)], b.calls
    assert b.shown() == (True, True, True) and not b.rig.task.safe
    facts = b.rig.task.facts
    assert (facts.battery_voltage, facts.vehicle_voltage, facts.k, facts.d1, facts.d2, facts.vehicle_lock, facts.vehicle_steady) == (350.0, 350.0, True, True, True, True, True)
    del b.calls[:]
    b.wish = dict(OFF)
    b.run(100)
    assert [c for c in b.calls if c[0] != "lock"] == [("pilot", False), ("contactors", False), ("d2", False), ("d1", False), ("vehicle lock", False)]
    assert b.shown() == (False, False, False) and b.rig.task.safe and not b.rig.task.trip


def test_each_is_commanded_once_and_the_signals_stay_fresh():
    b = Session().closed()
    count = len(b.calls)
    for _ in range(300):
        b.step()
        for signal in (b.rig.signals.d1_on, b.rig.signals.d2_on, b.rig.signals.vehicle_lock_confirmed, b.rig.signals.current_limit):
            assert signal.fresh(b.now - 10 * MS), signal.name
    assert len(b.calls) == count and b.rig.signals.current_limit.value == 1000.0


def test_what_the_vehicle_lets_out_is_heard_and_grows_stale():
    b = Session(max_discharge_a=20.0).closed()
    b.held = {"inlet_current": -18.0, "vehicle_max_discharge": 20.0}
    b.run(500)
    assert b.rig.task.state is SafetyState.Closed and not b.rig.task.trip and b.rig.task.facts.discharge_allowed == 20.0
    b.held = {"inlet_current": -18.0}                                   # the row `bridge` does not run any more
    b.run(49)
    assert b.rig.task.facts.discharge_allowed == 20.0
    b.run(3)
    assert b.rig.task.facts.discharge_allowed is None and not b.rig.task.trip
    b.run(101)
    assert b.rig.task.trip == "Reverse current" and not b.rig.task.supervisor.outputs.pilot_c


@pytest.mark.parametrize("what", ["d1", "d2", "both"])
def test_safe_needs_d1_and_d2_acknowledged_off(what):
    b = Session().closed()
    b.wish = dict(OFF)
    while b.rig.task.supervisor.outputs.d2 or (what != "d2" and b.rig.task.supervisor.outputs.d1):
        assert not b.rig.task.safe
        b.rig.sequence.refuses = what == "both" and not b.rig.task.supervisor.outputs.contactors and b.rig.contactors.position is False
        b.step()
    assert b.rig.task.safe is (what == "d1")
    b.rig.sequence.refuses = False
    b.run(200)
    assert b.rig.task.safe


@pytest.mark.parametrize("d1, d2, safe", [(False, False, True), (True, False, False), (False, True, False), (None, False, False), (False, None, False)])
def test_safe_is_what_was_acknowledged_of_both_signals(d1, d2, safe):
    b = Session()
    b.rig.task._set_d1, b.rig.task._set_d2 = d1, d2
    assert b.rig.task.safe is safe


@pytest.mark.parametrize("what", ["sequence", "vehicle_lock"])
def test_what_a_driver_refuses_is_a_trip_and_asked_for_again(what):
    b = Session()
    getattr(b.rig, what).refuses = True
    b.wish = {**CHARGE, "pilot_c_request": None, "contactor_request": None}
    b.run(1)
    assert b.rig.task.trip == "Output refused"
    first = {"sequence": "d1", "vehicle_lock": "vehicle lock"}[what]
    if what == "vehicle_lock":
        count = b.calls.count((first, True))
        b.run(3)
        assert b.calls.count((first, True)) >= count + 3
        getattr(b.rig, what).refuses = False
        b.run(2)
        count = len(b.calls)
        b.run(20)
        assert len([c for c in b.calls[count:] if c[0] == first]) == 0


def test_a_d2_that_is_refused_is_asked_for_again_until_it_is_off():
    b = Session().closed()
    del b.calls[:]
    b.rig.sequence.refuses = True
    b.wish = dict(OFF)
    b.run(40)
    assert b.calls.count(("d2", False)) > 10 and b.rig.task.trip == "Output refused" and b.shown()[1] is True
    assert ("d1", False) not in b.calls
    b.rig.sequence.refuses = False
    b.run(80)
    assert b.shown()[:2] == (False, False)


def test_a_sequence_whose_device_was_lost_is_a_trip_and_is_told_again_what_holds():
    b = Session().closed()
    b.rig.sequence.lost = True
    del b.calls[:]
    b.step()
    assert b.rig.task.trip == "Car signals lost" and ("pilot", False) in b.calls
    assert ("d2", True) in b.calls and ("d1", True) in b.calls, "rather that than the vehicle's contactors under load"
    assert b.calls.index(("pilot", False)) < b.calls.index(("d2", True))


def test_a_lost_sequence_is_told_again_as_often_as_it_is_lost_and_also_that_it_is_off():
    b = Session()
    del b.calls[:]
    b.rig.sequence.lost = True
    b.run(4)
    assert b.calls.count(("d2", False)) == b.calls.count(("d1", False)) == 4 and not b.rig.task.trip
    b.rig.sequence.lost = False
    del b.calls[:]
    b.run(4)
    assert not [c for c in b.calls if c[0] in ("d1", "d2")]


# --- facts ----------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name, fact, age", [("vehicle_voltage", "vehicle_voltage", 500 * MS), ("vehicle_permission", "k", 200 * MS), ("vehicle_plug", "vehicle_plug", 500 * MS)])
def test_what_the_plug_says_grows_stale_in_its_nanosecond(name, fact, age):
    rig = BridgeRig()
    written = START + 30 * MS
    rig.write(written, **{name: 5.0 if name == "vehicle_voltage" else True})
    for at in range(written, written + age, 10 * MS):
        rig.task.run(at)
    rig.task.run(written + age)
    assert getattr(rig.task.facts, fact) is not None and rig.task.facts.vehicle_voltage_at == (written if name == "vehicle_voltage" else -1)
    rig.task.run(written + age + 1)
    assert getattr(rig.task.facts, fact) is None


@pytest.mark.parametrize("fitted, battery", [(True, 350.0), (False, 111.0)])
def test_the_battery_is_what_is_measured_at_the_plug_where_that_is_measured(fitted, battery):
    b = Session(vehicle_voltmeter_fitted=fitted)
    assert [line.endswith(" at 0") for line in b.rig.told("NO VOLTMETER AT THE CHADEMO PLUG")] == [True] * (not fitted)
    b.held = {"vehicle_voltage": 350.0}
    b.run(2)
    assert b.rig.task.facts.battery_voltage == battery
    b.held = {"vehicle_voltage": None}
    b.run(2)
    assert b.rig.task.facts.battery_voltage == (None if fitted else 111.0)


def test_the_very_first_measurement_is_not_steady():
    for volts in (0.0, 1.0):
        rig = BridgeRig()
        rig.write(S, vehicle_voltage=volts)
        rig.task.run(S)
        assert rig.task.facts.vehicle_steady is False


def test_the_plug_is_steady_when_two_measurements_hardly_differ():
    rig = BridgeRig()
    for n, (volts, steady) in enumerate([(350.0, False), (345.0, True), (339.0, False), (None, False), (339.0, False), (339.0, True)]):
        rig.write(START + n * 50 * MS, vehicle_voltage=volts)
        rig.task.run(START + n * 50 * MS)
        rig.task.run(START + n * 50 * MS + 10 * MS)
        assert rig.task.facts.vehicle_steady is steady, n
    rig.write(START + 250 * MS + 3 * S + 1, vehicle_voltage=339.0)
    rig.task.run(START + 250 * MS + 3 * S + 1)
    assert rig.task.facts.vehicle_steady is False


def test_without_a_switch_the_chademo_lock_is_known_after_its_travel():
    rig = BridgeRig(vehicle_lock_feedback_fitted=False, vehicle_lock_travel_ms=700)
    rig.vehicle_lock.position = False
    rig.write(START, vehicle_lock_request=True)
    rig.task.run(START)
    assert ("vehicle lock", True) in rig.calls
    for late, known in ((700 * MS - 1, None), (700 * MS, True)):
        rig.write(START + late, vehicle_lock_request=True)
        rig.task.run(START + late)
        assert rig.task.facts.vehicle_lock is known


def test_a_welded_bridge_is_found_within_200_ms_of_the_voltage():
    """Sheet 6, scenario 11: the voltmeter is read every 50 ms."""
    for phase in range(5):
        b = Session()
        b.wish = {**OFF, "pilot_c_request": True, "lock_request": True}
        b.run(20)
        assert b.rig.task.state is SafetyState.Ready
        b.run(phase)
        began = b.now
        while not b.rig.task.trip:
            if (b.now - START) % (50 * MS) == 0 and b.now > began:
                b.held = {"vehicle_voltage": 500.0}
            b.step()
        assert b.rig.task.trip == "Bridge not open" and b.now - 10 * MS - began <= 200 * MS and b.calls[-1] == ("pilot", False)


# --- requests -------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name, field", [("d1_request", "d1"), ("d2_request", "d2"), ("vehicle_lock_request", "vehicle_lock")])
@pytest.mark.parametrize("value", [True, False, None])
def test_a_request_is_a_lease_of_half_a_second(name, field, value):
    rig = BridgeRig()
    rig.write(START, **{name: value}, contactor_request=True)
    rig.task.run(START)
    r = rig.task.requests
    names = ("d1", "d2", "vehicle_lock")
    assert tuple(getattr(r, n) for n in names) == tuple(n == field and value is True for n in names) and not r.lapsed
    rig.write(START + 500 * MS, contactor_request=True)
    rig.task.run(START + 500 * MS)
    assert getattr(r, field) is (value is True)
    rig.task.run(START + 500 * MS + 1)
    assert getattr(r, field) is False and r.lapsed is (value is True) and r.contactors


def test_only_what_the_charge_needs_is_a_lapse_of_the_charge():
    for old, lapsed in (("vehicle_lock_request", False), ("lock_request", False), ("contactor_request", True), ("d1_request", True)):
        rig = BridgeRig()
        names = ("d1_request", "d2_request", "vehicle_lock_request", "lock_request", "contactor_request")
        rig.write(START, **{name: True for name in names})
        rig.write(START + 4 * S, **{name: True for name in names if name != old})
        rig.task.run(START + 4 * S)
        assert rig.task.requests.lapsed is lapsed, old


@pytest.mark.parametrize("silent", ["d1_request", "d2_request"])
def test_a_lease_that_lapses_while_closed_ends_the_charge_in_order(silent):
    b = Session().closed()
    del b.calls[:]
    del b.wish[silent]
    b.run(60)
    assert b.calls[:2] == [("pilot", False), ("contactors", False)] and not b.rig.task.trip and b.rig.told("a request lapsed")
    b.run(100)
    assert b.calls.index(("contactors", False)) < b.calls.index(("d2", False))
    assert (("d1", False) in b.calls) is (silent == "d1_request")


def test_a_lapsed_lock_request_unlocks_nothing_that_is_live():
    b = Session().closed()
    del b.calls[:]
    del b.wish["vehicle_lock_request"]
    b.run(200)
    assert b.calls == [] and b.rig.task.state is SafetyState.Closed


def test_a_plug_that_measures_the_same_again_after_d2_is_released_without_waiting_for_the_next_second():
    """Its last value before the end of d2 was 0 V already."""
    b = Session()
    b.wish = {**CHARGE, "pilot_c_request": None, "contactor_request": None}
    b.held = {"vehicle_voltage": 0.0}
    b.run(60)
    b.wish = dict(OFF)
    del b.calls[:]
    began = b.now
    while ("vehicle lock", False) not in b.calls:
        b.step()
    assert b.calls == [("d2", False), ("d1", False), ("vehicle lock", False)] and b.now - began <= 560 * MS
