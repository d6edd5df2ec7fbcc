"""When a box may leave: never with unsafe outputs; and its exit code. The watchdog is only kicked while the supervisor runs."""
from types import SimpleNamespace

import pytest

from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.clock import VirtualClock
from kernel.journal import Journal
from kernel.scheduler import Kernel
from kernel.task import ALWAYS, TIMED, Row
from kernel.timer import MS, NEVER, S, US
from tasks.config import Config
from tasks.messages import StopSession
from tasks.safety.trips import END_OVERDUE, INSISTED, INTERNAL_FAULT
from tasks.signals import Signals
from tasks.stop_reasons import StopReason
from tasks.v2g.session import SCHEMAS
from tests.sessions.charges import assert_safe
from tools.appliance.liveness import Liveness
from tools.appliance.outcome import LAST_FRAMES, SAFE_LIMIT, STOP_LIMIT, UNLOCK_LIMIT, Outcome
from tools.simulate.charge import Charge


class Box:
    """A table, a process and a kernel of which only what `Outcome` looks at exists."""

    def __init__(self, once=False, on_session_end=False):
        self.signals = Signals()
        self.state = self.signals.connection_state.claim("test")
        self.reason = self.signals.stop_reason.claim("test")
        self.trip = self.signals.safety_trip.claim("test")
        self.clock = VirtualClock(S)
        self.table = SimpleNamespace(safe=True, broken=False, faults=[])
        self.table.on_fault = lambda now, name, cause=INTERNAL_FAULT: self.table.faults.append(name if cause is INTERNAL_FAULT else cause)
        self.kernel = SimpleNamespace(fault=None)
        self.system = SimpleNamespace(terminate=False, insists=0)
        self.journal, self.lines = Journal(), []
        self.journal.add_sink(lambda event: self.lines.append(event.message()))
        self.inlet = self.signals.inlet_voltage.claim("test")
        self.outcome = Outcome(self.signals, self.table, self.kernel, self.system, self.clock, once=once, on_session_end=on_session_end, journal=self.journal)

    def told(self):
        self.journal.flush()
        return self.lines

    def in_state(self, name):
        self.state.set(name, self.clock.time)
        return self


def test_a_box_stays_until_it_is_told():
    box = Box().in_state("Finished")
    assert not box.outcome.may_leave() and box.outcome.exit_code() == 0


def test_told_while_resting_it_leaves_but_not_with_unsafe_outputs():
    box = Box().in_state("Unplugged")
    box.system.terminate, box.system.insists = True, 1
    box.table.safe = False
    assert not box.outcome.may_leave()
    box.table.safe = True
    assert box.outcome.may_leave() and box.outcome.exit_code() == 0 and not box.table.faults


def test_a_broken_supervisor_ends_the_program_once_its_last_resort_is_safe():
    box = Box().in_state("Session")
    box.table.broken, box.table.safe = True, False
    assert not box.outcome.may_leave()
    box.table.safe = True
    assert box.outcome.may_leave() and box.outcome.exit_code() == 1


def test_told_in_a_session_it_waits_for_the_orderly_end_and_then_forces_the_safe_state():
    box = Box().in_state("Session")
    box.system.terminate, box.system.insists = True, 1
    assert not box.outcome.may_leave()
    box.clock.spend(STOP_LIMIT - 1)
    assert not box.outcome.may_leave() and not box.table.faults
    box.clock.spend(1)
    box.table.safe = False
    assert not box.outcome.may_leave() and box.table.faults == [END_OVERDUE]
    box.table.safe = True
    assert box.outcome.may_leave() and box.outcome.exit_code() == 1 and len(box.table.faults) == 1


def test_told_in_a_session_it_leaves_soon_after_its_end_once_all_is_safe():
    """A service manager waits: the peer gets our last answer and the FIN, and no more."""
    box = Box().in_state("Session")
    box.system.terminate, box.system.insists = True, 1
    assert not box.outcome.may_leave()
    box.in_state("Ending").table.safe = False
    box.clock.spend(5 * S)
    assert not box.outcome.may_leave(), "the plant is not safe yet"
    box.table.safe = True
    assert not box.outcome.may_leave()
    box.clock.spend(LAST_FRAMES)
    box.table.safe = False
    assert not box.outcome.may_leave()
    box.table.safe = True
    assert box.outcome.may_leave() and not box.table.faults


def test_somebody_who_insists_gets_the_safe_state_at_once():
    box = Box().in_state("Session")
    box.system.terminate, box.system.insists = True, 2
    assert box.outcome.may_leave() and box.table.faults == [INSISTED] and box.outcome.exit_code() == 1
    assert "defect" not in INSISTED.hint and "asked twice" in INSISTED.text


@pytest.mark.parametrize("reason, code", [(StopReason.BATTERY_FULL, 0), (StopReason.TIMEOUT, 1)])
def test_once_leaves_after_one_session_with_its_code(reason, code):
    box = Box(once=True).in_state("Session")
    assert not box.outcome.may_leave()
    box.reason.set(reason, box.clock.time)
    assert not box.outcome.may_leave()
    box.in_state("Finished")
    assert not box.outcome.may_leave()
    box.clock.spend(UNLOCK_LIMIT)
    assert box.outcome.may_leave() and box.outcome.exit_code() == code


def test_once_without_a_session_is_no_success():
    box = Box(once=True).in_state("Unplugged")
    box.system.terminate, box.system.insists = True, 1
    assert box.outcome.may_leave() and box.outcome.exit_code() == 1


def test_a_failed_task_or_a_trip_is_told_by_the_exit_code():
    box = Box().in_state("Session")
    box.kernel.fault = "v2g"
    box.table.safe = False
    assert not box.outcome.may_leave()
    box.table.safe = True
    assert box.outcome.may_leave() and box.outcome.exit_code() == 1
    tripped = Box()
    tripped.trip.set("Over-voltage", 0)
    assert tripped.outcome.exit_code() == 1


class Supervisor:
    def run(self, now):
        return NEVER


def test_the_watchdog_is_kicked_only_while_the_supervisor_runs_and_nothing_failed():
    kicks = []
    watchdog = SimpleNamespace(ready=lambda text: kicks.append(text), alive=lambda: kicks.append("alive"))
    kernel = Kernel([Row("safety", Supervisor(), TIMED, 100 * US, ALWAYS)], Journal())
    live = Liveness(watchdog)
    live.kick(0)
    assert kicks == []
    live.watch(kernel, "pev on eth1")
    for now in (0, 10 * MS, 20 * MS):
        kernel.visit(now)
        live.kick(now)
    assert kicks == ["pev on eth1", "alive", "alive", "alive"]
    live.kick(30 * MS)
    assert live.withheld == 1
    kernel.visit(40 * MS)
    kernel.fault = "tcp"
    live.kick(40 * MS)
    assert live.withheld == 2 and kicks.count("alive") == 3


@pytest.mark.parametrize("gets_safe", [True, False])
def test_a_broken_loop_still_makes_the_outputs_safe_within_a_bound(gets_safe):
    box = Box().in_state("Session")
    box.table.safe = False
    began = box.clock.now()

    def run(clock, until):
        while not until():
            clock.spend(100 * MS)
            box.table.safe = gets_safe and clock.now() - began >= S
    box.kernel.run = run
    box.outcome.make_safe()
    assert box.table.faults == ["the end of the main loop"] and box.outcome.exit_code() == 1
    assert box.clock.now() - began == (S if gets_safe else SAFE_LIMIT)
    box.table.safe = True
    box.outcome.make_safe()
    assert len(box.table.faults) == 1


@pytest.mark.parametrize("reason", [StopReason.PAUSED, StopReason.CAR_PAUSE])
def test_once_a_pause_is_no_end_also_on_the_way_out_of_it(reason):
    box = Box(once=True).in_state("Paused")
    box.reason.set(reason, box.clock.time)
    for state in ("Paused", "WaitPilot", "Paused"):
        box.in_state(state)
        box.clock.advance_to(box.clock.time + 60 * S)
        assert not box.outcome.may_leave()
    box.in_state("Finished")
    box.reason.set(StopReason.BATTERY_FULL, box.clock.time)
    box.outcome.may_leave()
    box.clock.advance_to(box.clock.time + UNLOCK_LIMIT)
    assert box.outcome.may_leave() and box.outcome.exit_code() == 0


def walk(box, *states):
    """Whether it leaves in each of the states, one visit in each."""
    return [box.in_state(state).outcome.may_leave() for state in states]


@pytest.mark.parametrize("reason, code", [(StopReason.BATTERY_FULL, 0), (StopReason.CHARGER_STOP, 0), (StopReason.TIMEOUT, 1)])
def test_on_session_end_it_leaves_when_the_lock_has_had_its_time(reason, code):
    box = Box(on_session_end=True)
    assert walk(box, "Unplugged", "WaitPilot", "Matching", "Session", "Ending") == [False] * 5
    box.reason.set(reason, box.clock.time)
    assert not walk(box, "Finished")[0]
    box.clock.spend(UNLOCK_LIMIT)
    box.table.safe = False
    assert not box.outcome.may_leave()
    box.table.safe = True
    assert box.outcome.may_leave() and box.outcome.may_leave() and box.outcome.exit_code() == code
    assert box.told() == [f"leaving with exit code {code}: the session has ended ({reason.text})"]


def test_on_session_end_a_session_that_would_be_tried_again_is_an_end_and_a_failed_matching_is_none():
    box = Box(on_session_end=True)
    box.reason.set(StopReason.NO_CHARGER_SLAC, 0)
    assert walk(box, "WaitPilot", "Matching", "Pausing", "WaitPilot", "Session", "Ending") == [False] * 6
    box.reason.set(StopReason.TCP_RESET, 0)
    assert walk(box, "Pausing") == [True] and box.outcome.exit_code() == 1


@pytest.mark.parametrize("reason", [StopReason.PAUSED, StopReason.CAR_PAUSE])
def test_on_session_end_a_pause_is_no_end(reason):
    box = Box(on_session_end=True)
    walk(box, "WaitPilot", "Session")
    box.reason.set(reason, box.clock.time)
    assert walk(box, "Paused", "WaitPilot", "Pausing", "Matching") == [False] * 4
    assert walk(box, "Unplugged") == [True]


def test_on_session_end_it_leaves_when_unplugged_and_the_inlet_is_dead_but_not_before_it_was_plugged_in():
    box = Box(on_session_end=True)
    assert walk(box, "Unplugged", "WaitPilot") == [False, False]
    box.reason.set(StopReason.UNPLUGGED, box.clock.time)
    for volts in (380.0, -380.0, 50.0):
        box.inlet.set(volts, box.clock.time)
        assert walk(box, "Unplugged") == [False]
    box.inlet.set(None, box.clock.time)          # it has been measured, and is not known now
    assert walk(box, "Unplugged") == [False]
    box.inlet.set(49.9, box.clock.time)
    assert walk(box, "Unplugged") == [True] and box.outcome.exit_code() == 0
    assert box.told() == ["leaving with exit code 0: unplugged (Unplugged)"]


def test_on_session_end_a_voltage_that_was_known_and_is_not_any_more_is_not_taken_for_none():
    box = Box(on_session_end=True)
    walk(box, "WaitPilot")
    box.inlet.set(10.0, box.clock.time)
    box.clock.spend(2 * S)
    assert walk(box, "Unplugged") == [False]
    box.inlet.set(10.0, box.clock.time)
    assert walk(box, "Unplugged") == [True]


def test_on_session_end_a_plug_pulled_out_of_a_session_is_no_success():
    box = Box(on_session_end=True)
    walk(box, "WaitPilot", "Session")
    box.reason.set(StopReason.UNPLUGGED, box.clock.time)
    assert walk(box, "Unplugged") == [True] and box.outcome.exit_code() == 1


def test_without_the_setting_a_box_stays():
    box = Box()
    box.reason.set(StopReason.BATTERY_FULL, 0)
    assert walk(box, "WaitPilot", "Session", "Finished", "Unplugged") == [False] * 4


@pytest.mark.parametrize("role", ["pev", "evse"])
def test_on_session_end_a_whole_simulated_charge_is_left_when_everything_is_at_rest(role):
    charge = Charge(Config(), PlantConfig(battery_soc_percent=97.5), codec.load(schemas=SCHEMAS))
    node = charge.car if role == "pev" else charge.charger
    system = SimpleNamespace(terminate=False, insists=0)
    outcome = Outcome(node.signals, node.table, node.kernel, system, charge.clock, once=False, on_session_end=True, journal=node.journal)
    had_session = False
    while not outcome.may_leave():
        assert not charge.over
        charge.run_until(charge.clock.time + 10 * MS)
        had_session |= node.signals.connection_state.value == "Session"
    assert had_session and outcome.exit_code() == 0
    if role == "pev":
        assert_safe(charge)
    else:
        assert not charge.plant.stage.on and charge.plant.current == 0.0


@pytest.mark.parametrize("role", ["pev", "evse"])
def test_told_in_the_middle_of_a_charge_it_leaves_within_two_seconds_in_the_order_of_the_standard(role):
    charge = Charge(Config(), PlantConfig(battery_soc_percent=50.0), codec.load(schemas=SCHEMAS))
    node, plant = charge.car if role == "pev" else charge.charger, charge.plant
    while not plant.current > 10.0:
        charge.run_until(charge.clock.time + 10 * MS)
    charge.run_until(charge.clock.time + 3 * S)
    system = SimpleNamespace(terminate=True, insists=1)
    outcome = Outcome(node.signals, node.table, node.kernel, system, charge.clock, once=False, journal=node.journal)
    begin, at = charge.clock.time, {}
    node.table.user.put(StopSession(StopReason.USER_STOP, leaving=True))
    while not outcome.may_leave():
        charge.run_until(charge.clock.time + 10 * MS)
        assert charge.clock.time < begin + 5 * S, at
        for name, over in (("current", abs(plant.current) < 1.0), ("contactors", not plant.car_contactors.position), ("state B", not plant.pilot.state_c),
                           ("oscillator", plant.pilot.duty == 100.0)):
            if over:
                at.setdefault(name, charge.clock.time)
    assert charge.clock.time - begin < 2 * S and outcome.exit_code() == 0
    assert at["current"] <= at["contactors"]
    if role == "evse":
        assert at["contactors"] < at["oscillator"] and at["state B"] < at["oscillator"] and not plant.stage.on
    charge.charger.journal.flush()
    assert 905 in [number for _, number, _ in charge.charger.checkpoints], "no SessionStop was answered"
    assert plant.damage == 0 and charge.invariants.broken == []


def test_an_end_that_does_not_come_is_told_with_its_remedy_and_not_too_often():
    box = Box().in_state("Unplugged")
    box.system.terminate, box.system.insists = True, 1
    box.table.safe = False
    for _ in range(60):
        box.clock.time += S
        assert not box.outcome.may_leave()
    told = [line for line in box.told() if "kill -9" in line]
    assert len(told) == 2 and "not known to be safe" in told[0]
