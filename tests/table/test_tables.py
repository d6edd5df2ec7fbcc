"""The task tables of all modes: they build, every mailbox has its reader, the listener cannot transmit or act."""
import gc
import random
from types import ModuleType, SimpleNamespace

import pytest

from drivers.board import ListenBoard
from drivers.sim.boards import simulated_ac_charger, simulated_car, simulated_charger
from drivers.sim.oled import SimOled
from drivers.sim.plant import Plant
from exi_native import codec
from kernel.channels import Mailbox
from kernel.journal import Journal
from kernel.scheduler import MAX_LOAD_PERCENT, TICK, Kernel, check, check_mailboxes
from kernel.task import ALWAYS, CRITICAL, TIMED, WHEN_IDLE, Row
from kernel.timer import MS, NEVER
from tasks import table
from tasks.config import Config
from tasks.ethernet.task import FrameTx
from tasks.safety.adapter import SupervisorTask
from tasks.sense import task as sense
from tasks.signals import Signals
from tasks.vehicle import task as vehicle
from tools.appliance.guard import BUDGET as GUARD_BUDGET
from tools.appliance.simulated_io import SHADOW_BUDGET


class Ears:
    """A network interface that fails the test when anybody sends."""

    mac = bytes.fromhex("020000000099")
    errors = 0

    def fileno(self):
        return -1

    def receive(self, limit, now):
        return []

    def send(self, frame, now):
        raise AssertionError("somebody transmitted")

    def next_event(self):
        return NEVER

    def close(self):
        return None


class NoKeys:
    def read(self):
        return ""


def build(mode):
    """Also "ac-pev" and "ac-evse": the same boxes where all energy transfer modes are AC."""
    plant, nic, signals, journal, config = Plant(), Ears(), Signals(), Journal(), Config()
    board = {"pev": lambda: simulated_car(plant, nic), "evse": lambda: simulated_charger(plant, nic), "ac-pev": lambda: simulated_car(plant, nic),
             "ac-evse": lambda: simulated_ac_charger(plant, nic), "listen": lambda: ListenBoard(nic, SimOled())}[mode]()
    if mode.startswith("ac-"):
        config.ev.energy_transfer_modes = config.evse.energy_transfer_modes = ["AC_three_phase_core"]
    around = table.Surroundings(NoKeys(), lambda: False)
    made = getattr(table, mode.removeprefix("ac-"))(board, signals, config, random.Random(1), journal, codec.load(), around)
    return made, signals, journal


@pytest.mark.parametrize("mode", ["pev", "evse", "ac-pev", "ac-evse", "listen"])
def test_a_table_builds_and_every_mailbox_has_a_reader(mode):
    made, _, journal = build(mode)
    kernel = Kernel(made.rows, journal, on_fault=made.on_fault)
    check_mailboxes(made.mailboxes)
    budget = sum(row.budget for row in kernel.rows if row.rank is not WHEN_IDLE)
    assert budget * 100 <= TICK * MAX_LOAD_PERCENT


@pytest.mark.parametrize("mode", ["pev", "evse", "ac-evse"])
def test_the_supervisor_is_the_last_row_that_always_runs(mode):
    rows = build(mode)[0].rows
    always = [row for row in rows if row.rank is ALWAYS]
    assert [row.name for row in always] == ["safety"] and isinstance(always[0].task, SupervisorTask)
    assert {row.rank for row in rows[rows.index(always[0]) + 1:]} == {WHEN_IDLE}


@pytest.mark.parametrize("mode", ["pev", "evse", "ac-pev", "ac-evse"])
def test_a_box_with_devices_and_a_guard_fits_into_its_tick(mode):
    """With --simulate-io and syslog there are even a shadow and a device."""
    made, signals, journal = build(mode)
    devices = table.devices(SimpleNamespace(polled=[object()]), Signals(), journal)
    surroundings = [Row("shadow", None, 20 * MS, SHADOW_BUDGET, CRITICAL)]
    rows = surroundings + devices + made.rows
    place = next(n for n, row in enumerate(rows) if row.rank is ALWAYS)
    rows.insert(place + 1, Row("guard", None, TIMED, GUARD_BUDGET, ALWAYS))
    check(rows, TICK)


@pytest.mark.parametrize("mode", ["pev", "evse", "ac-pev", "ac-evse"])
def test_the_readers_run_at_the_pace_that_their_tasks_say(mode):
    """The reaction times of tests/safety count from these."""
    paces = {row.name: row.every for row in build(mode)[0].rows}
    assert paces["sense"] == (sense.AC_PERIOD if mode == "ac-evse" else sense.PERIOD)
    assert paces.get("vehicle") == (vehicle.PERIOD if mode.endswith("pev") else None)


def test_only_a_car_that_takes_ac_commands_its_on_board_charger():
    for mode, fitted in (("pev", False), ("ac-pev", True)):
        task = next(row.task for row in build(mode)[0].rows if row.name == "vehicle")
        assert (task.onboard is not None) is fitted


@pytest.mark.parametrize("mode", ["pev", "evse", "ac-pev", "ac-evse"])
def test_every_request_has_one_writer(mode):
    signals = build(mode)[1]
    wanted = {"ac-pev": ("pilot_c_request", "lock_request", "ac_current_request"), "ac-evse": ("ac_request", "pilot_duty_request"),"pev": ("pilot_c_request", "lock_request", "contactor_request"),
              "evse": ("output_request", "pilot_duty_request")}[mode]
    assert all(getattr(signals, name).writer is not None for name in wanted)


def reachable(root):
    """Every object that `root` holds on to, modules and classes left out."""
    seen, queue = {}, [root]
    while queue:
        thing = queue.pop()
        if id(thing) in seen or isinstance(thing, (ModuleType, type)):
            continue
        seen[id(thing)] = thing
        queue += [t for t in gc.get_referents(thing) if not callable(t) or hasattr(t, "__self__")]
    return seen.values()


def test_a_listener_constructs_no_transmitter_and_no_supervisor():
    made, signals, journal = build("listen")
    assert made.safety is None and made.connection is None and made.safe
    things = list(reachable(made.rows))
    assert not any(isinstance(t, (FrameTx, SupervisorTask)) for t in things)
    assert not any(isinstance(t, Mailbox) and t.name == "frames_out" for t in things)
    kernel = Kernel(made.rows, journal)
    for now in range(0, 100 * TICK, TICK):
        kernel.visit(now)
    assert kernel.fault is None


def test_the_check_for_a_transmitter_would_find_one():
    assert any(isinstance(t, FrameTx) for t in reachable(build("pev")[0].rows))
