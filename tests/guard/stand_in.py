"""A box without a network, as a program: real guard, kernel, supervisor, drivers and clock; requests and charger are scripted.

`python -m tests.guard.stand_in pev|evse|ac|bridge NAME FAULT [FOLDER]` (ac: an AC charger) brings current to flow, says `closed`, and lets FAULT happen at
SIGUSR1.
"""
from __future__ import annotations

import signal
import sys

from drivers import process
from drivers.can.bus import CanBus
from drivers.can.settings import CanConfig
from drivers.journal_file import Console
from drivers.session_folder import SessionFolder
from drivers.sim.boards import ac_charger_on_lines, bridge_on_lines, car_on_lines, charger_on_lines
from drivers.sim.bridge_plant import BridgePlant
from drivers.sim.can import CanSegment
from drivers.sim.car import SimVehicleData
from drivers.sim.link import SimLink, SimNic
from drivers.sim.plant import Plant
from drivers.sim.plant_config import PlantConfig
from kernel.clock import MonotonicClock
from kernel.journal import Journal
from kernel.realtime import go_realtime
from kernel.scheduler import Kernel
from kernel.task import ALWAYS, CRITICAL, TIMED, WHEN_IDLE, Row
from kernel.timer import MS, US
from tasks.health.task import HealthTask
from tasks.safety.ac_task import AcSafetyTask
from tasks.safety.config import AcSafetyConfig, EvseSafetyConfig, PevSafetyConfig, SafetyConfig
from tasks.safety.task import EvseSafetyTask, SafetyTask
from tasks.sense.task import AcSense, CarSense, ChargerSense
from tasks.signals import Signals
from tasks.vehicle.task import VehicleTask
from tests.guard.scripts import PERIOD, AcScript, BridgeScript, CarScript, ChargerScript
from tools.appliance.guard import Guard
from tools.appliance.outcome import Outcome


class Broken:
    """A row that does what no row should."""

    inboxes = ()

    def __init__(self) -> None:
        self.does = ""

    def run(self, now: int) -> int:
        if self.does == "raise":
            raise RuntimeError("a bug in a task")
        while self.does == "stall":
            now += 1
        return now + PERIOD


def main(mode: str, name: str, fault: str, folder: str = "") -> int:
    """0 or 1 as main.py; says at the end which trips were latched."""
    ac, bridge = mode == "ac", mode == "bridge"
    limits = AcSafetyConfig() if ac else PevSafetyConfig(emergency_open_ms=1000) if bridge or mode == "pev" else EvseSafetyConfig(emergency_open_ms=1000)
    guard = Guard("evse" if ac else "pev" if bridge else mode, name, limits, 100, True, ac)
    clock, journal, signals, system = MonotonicClock(), Journal(), Signals(), process.Process()
    journal.add_sink(Console(sys.stdout, clock.now()))
    sinks: list = []
    tap = None
    if folder:
        files = SessionFolder(folder, (mode,), "", epoch_ns=0)
        journal.add_sink(files.journals[mode])
        sinks, tap = [files], files.tap
    plant = (BridgePlant if bridge else Plant)(PlantConfig(plugged=True, onboard_rate_a_per_s=100, lock_travel_ms=20, stage_voltage_rate_v_per_s=10_000, stage_current_rate_up_a_per_s=1000,
                              stage_discharge_ohm=100, output_contactor=mode == "evse"), start=clock.now())
    nic = SimNic(SimLink(None), "a", bytes(6))
    if bridge or mode == "pev":
        board = bridge_on_lines(plant, nic, CanBus(CanConfig(), CanSegment().node()), guard.lines) if bridge else car_on_lines(plant, nic, guard.lines)
        meter = board.voltmeter
        safety = SafetyTask(board.control_pilot, board.contactors, board.lock, signals, SafetyConfig(pev=limits), journal)
        rows = [Row("sense", CarSense(meter, board.pilot_monitor, board.inputs, signals), 50 * MS, 600 * US, CRITICAL),
                Row("vehicle", VehicleTask(board.vehicle or SimVehicleData(plant), signals), 200 * MS, 200 * US, CRITICAL)]
    elif ac:
        board = ac_charger_on_lines(plant, nic, guard.lines)
        meter = board.meter
        safety = AcSafetyTask(board.pilot_source, board.contactors, board.lock, signals, SafetyConfig(ac=limits), journal)
        rows = [Row("sense", AcSense(board.pilot_monitor, board.inputs, board.residual_current, meter, signals), 20 * MS, 400 * US, CRITICAL)]
    else:
        board = charger_on_lines(plant, nic, guard.lines)
        meter = board.power_meter
        safety = EvseSafetyTask(board.pilot_source, board.power_supply, board.contactors, board.lock, signals, SafetyConfig(evse=limits), journal)
        rows = [Row("sense", ChargerSense(meter, board.pilot_monitor, board.inputs, signals), 50 * MS, 600 * US, CRITICAL)]
    broken = Broken()

    def happen() -> None:
        if fault in ("raise", "stall"):
            broken.does = fault
        elif fault == "supervisor":
            def step(*_):
                raise RuntimeError("a bug in the supervisor")
            safety.supervisor.step = step
        elif fault == "sensor":
            meter.set_faults(failed=True)
        elif fault == "console":
            for _ in range(200):                 # more than a pipe takes that nobody reads
                journal.note(clock.now(), "test", "x" * 1000)
            journal.flush()
        elif fault == "disk":
            for _ in range(100):                 # more than the files buffer, less than a pipe that nobody reads takes
                tap(clock.now(), bytes(1514), True)
                journal.note(clock.now(), "test", "x" * 200)

    health = HealthTask(journal, None, sinks)
    script = (BridgeScript(plant, signals, system, happen, board.bridge) if bridge
              else {"pev": CarScript, "evse": ChargerScript, "ac": AcScript}[mode](plant, signals, system, happen))
    rows += [
        Row("script", script, TIMED, 200 * US, CRITICAL),
        Row("broken", broken, TIMED, 200 * US, CRITICAL),
        Row("safety", safety, TIMED, 300 * US, ALWAYS),
        Row("health", health, TIMED, 1000 * US, WHEN_IDLE),
    ]
    kernel = Kernel(guard.join(rows, safety, signals), journal, on_fault=safety.on_fault, cost=clock.now)
    for report in [*guard.ready(), *go_realtime()]:
        journal.note(clock.now(), "main", "%s", report)
    outcome = Outcome(signals, safety, kernel, system, clock, once=False)
    try:
        kernel.run(clock, until=outcome.may_leave)
    finally:
        outcome.make_safe()
    journal.flush()
    if fault == "console":
        return outcome.exit_code()               # nobody reads
    print("trips", ",".join(t.name for t in safety.supervisor.latch.trips), "damage", plant.damage, flush=True)
    return outcome.exit_code()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
