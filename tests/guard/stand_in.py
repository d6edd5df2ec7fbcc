"""A box without a network, as a program: real guard, kernel, supervisor, drivers and clock; requests and charger are scripted.

`python -m tests.guard.stand_in NAME FAULT [FOLDER]` closes the contactors, says `closed`, and lets FAULT happen at
SIGUSR1.
"""
from __future__ import annotations

import signal
import sys

from drivers import process
from drivers.board import car_on_lines
from drivers.journal_file import Console
from drivers.session_folder import SessionFolder
from drivers.sim.link import SimLink, SimNic
from drivers.sim.plant import Plant
from drivers.sim.plant_config import PlantConfig
from kernel.channels import Lease
from kernel.clock import MonotonicClock
from kernel.journal import Journal
from kernel.realtime import go_realtime
from kernel.scheduler import Kernel
from kernel.task import ALWAYS, CRITICAL, TIMED, WHEN_IDLE, Row
from kernel.timer import MS, NEVER, US
from tasks.health.task import HealthTask
from tasks.safety.config import PevSafetyConfig, SafetyConfig
from tasks.safety.task import SafetyTask
from tasks.sense.task import CarSense
from tasks.signals import Signals
from tasks.vehicle.task import VehicleTask
from tools.appliance.guard import Guard
from tools.appliance.outcome import Outcome

PERIOD = 10 * MS
RELEASED = 50 * MS        # requests must be seen released before they count
SETTLE = 100 * MS          # from contactors closed to `closed`: charging current flows
CURRENT = 50.0             # A


class Script:
    """Asks for pilot C, lock and contactors; the charger follows the pilot; says `closed` when current flows."""

    inboxes = ()

    def __init__(self, plant, signals, system, fault) -> None:
        self._plant, self._s, self._system, self._fault = plant, signals, system, fault
        self._leases = [Lease(s.claim("v2g")) for s in (signals.pilot_c_request, signals.lock_request, signals.contactor_request)]
        self._alive = [s.claim("test") for name, s in vars(signals).items() if name.endswith("_alive")]
        self._state = signals.connection_state.claim("test")
        self._closed_at = None
        self._begin_at = None
        self._wanted = False
        signal.signal(signal.SIGUSR1, self._want)
        plant.pilot.duty = 5.0

    def _want(self, number, frame) -> None:
        self._wanted = True

    def run(self, now: int) -> int:
        s, plant = self._s, self._plant
        for writer in self._alive:
            writer.set(True, now)
        pilot_c, lock, contactors = self._leases
        inlet, battery = s.inlet_voltage.get(now), s.battery_voltage.get(now)
        closed = s.contactors_closed.get(now) is True
        if self._begin_at is None:
            self._begin_at = now + RELEASED
        if self._system.terminate or now < self._begin_at:      # an orderly end; the lock is not asked for any more, either
            for lease in self._leases:
                lease.release(now)
            self._state.set("Finished", now)
        else:
            self._state.set("Session", now)
            pilot_c.renew(True, now)
            lock.renew(True, now)
            if closed or (inlet is not None and battery is not None and abs(inlet - battery) < 5.0):
                contactors.renew(True, now)
        ready = plant.pilot.state_c
        plant.command_stage(ready, 410.0 if closed else battery or 0.0, CURRENT if closed else 2.0, now)
        if closed and self._closed_at is None:
            self._closed_at = now
        if self._closed_at is not None and now >= self._closed_at + SETTLE:
            self._closed_at = NEVER // 2
            print("closed", flush=True)
        if self._wanted:
            self._wanted = False
            self._fault()
        return now + PERIOD


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


def main(name: str, fault: str, folder: str = "") -> int:
    """0 or 1 as main.py; says at the end which trips were latched."""
    limits = PevSafetyConfig(emergency_open_ms=1000)
    guard = Guard(name, limits, 100, True)
    clock, journal, signals, system = MonotonicClock(), Journal(), Signals(), process.Process()
    journal.add_sink(Console(sys.stdout, clock.now()))
    sinks: list = []
    tap = None
    if folder:
        files = SessionFolder(folder, ("pev",), "", epoch_ns=0)
        journal.add_sink(files.journals["pev"])
        sinks, tap = [files], files.tap
    plant = Plant(PlantConfig(plugged=True, lock_travel_ms=20, stage_voltage_rate_v_per_s=10_000, stage_current_rate_up_a_per_s=1000,
                              stage_discharge_ohm=100), start=clock.now())
    board = car_on_lines(plant, SimNic(SimLink(None), "a", bytes(6)), guard.lines)
    safety = SafetyTask(board.control_pilot, board.contactors, board.lock, signals, SafetyConfig(pev=limits), journal)
    broken = Broken()

    def happen() -> None:
        if fault in ("raise", "stall"):
            broken.does = fault
        elif fault == "supervisor":
            def step(*_):
                raise RuntimeError("a bug in the supervisor")
            safety.supervisor.step = step
        elif fault == "sensor":
            board.voltmeter.set_faults(failed=True)
        elif fault == "console":
            for _ in range(200):                 # more than a pipe takes that nobody reads
                journal.note(clock.now(), "test", "x" * 1000)
            journal.flush()
        elif fault == "disk":
            for _ in range(100):                 # more than the files buffer, less than a pipe that nobody reads takes
                tap(clock.now(), bytes(1514), True)
                journal.note(clock.now(), "test", "x" * 200)

    health = HealthTask(journal, None, sinks)
    rows = [
        Row("sense", CarSense(board.voltmeter, board.pilot_monitor, board.inputs, signals), 50 * MS, 600 * US, CRITICAL),
        Row("vehicle", VehicleTask(board.vehicle, signals), 200 * MS, 200 * US, CRITICAL),
        Row("script", Script(plant, signals, system, happen), TIMED, 200 * US, CRITICAL),
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
