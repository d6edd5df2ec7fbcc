"""An AC charger's safety task and readers over the simulated plant, with a car that only has a pilot switch and an on-board charger."""
from __future__ import annotations

from drivers.sim.ac import SimAcContactor, SimAcMeter, SimResidualCurrent
from drivers.sim.car import SimConnectorLock, SimInputs, SimPilotMonitor
from drivers.sim.charger import SimPilotSource
from drivers.sim.plant import Plant
from drivers.sim.plant_config import PlantConfig
from kernel.channels import Lease
from kernel.journal import Journal
from kernel.timer import MS, S
from tasks.safety.ac_task import AcSafetyTask
from tasks.safety.config import AcSafetyConfig, SafetyConfig
from tasks.sense.task import AC_PERIOD, AcSense
from tasks.signals import Signals
from tests.safety.bench import TICK

DUTY = 5.0


class AcBench:
    """`want(...)` sets the requests; they are renewed every 100 ms until `silent`. `car(...)` is the car's switch and limit."""

    def __init__(self, *, meter: bool = True, lock: bool = True, fast: bool = True, config: AcSafetyConfig | None = None, **plant) -> None:
        p = self.plant = Plant(PlantConfig(**{"plugged": True, **plant}))
        s = self.signals = Signals()
        self.lines: list[str] = []
        self.journal = Journal()
        self.journal.add_sink(lambda e: self.lines.append(f"{e.at / MS:.0f} {e.message()}"))
        self.monitor, self.inputs, self.detector = SimPilotMonitor(p, True), SimInputs(p, True), SimResidualCurrent(p)
        self.meter, self.source, self.contactor = SimAcMeter(p) if meter else None, SimPilotSource(p), SimAcContactor(p)
        self.lock = SimConnectorLock(p, True) if lock else None
        self.sense = AcSense(self.monitor, self.inputs, self.detector, self.meter, s)
        self.safety = AcSafetyTask(self.source, self.contactor, self.lock, s, SafetyConfig(ac=config or AcSafetyConfig()), self.journal, fast=fast)
        self._rows = [(AC_PERIOD, self.sense), (TICK, self.safety)]
        self._leases = {"ac": Lease(s.ac_request.claim("v2g")), "duty": Lease(s.pilot_duty_request.claim("connection"))}
        self._alive = s.connection_alive.claim("connection")
        self.supervised = True
        self.silent = False
        self.wanted: dict = {"ac": None, "duty": DUTY}
        self.now = 0

    def want(self, **wishes) -> None:
        """ac: True, False (the car has ended its load) or None. duty: percent or None."""
        self.wanted.update(wishes)
        self._renew()

    def car(self, c: bool, limit: float = 16.0, ventilated: bool = False) -> None:
        p = self.plant
        p.touch(self.now)
        p.pilot.state_c, p.pilot.ventilated, p.ac.limit = c, ventilated, limit
        p.pilot.update()

    def _renew(self) -> None:
        if self.supervised:
            self._alive.set(True, self.now)
        if self.silent:
            return
        for name, lease in self._leases.items():
            if self.wanted[name] is None:
                lease.release(self.now)
            else:
                lease.renew(self.wanted[name], self.now)

    def run(self, duration: int) -> None:
        end = self.now + duration
        while self.now < end:
            if self.now % (100 * MS) == 0:
                self._renew()
            for period, task in self._rows:
                if self.now % period == 0:
                    task.run(self.now)
            self.now += TICK
        self.journal.flush()

    def until(self, condition, limit: int = 10 * S) -> int:
        """Run until `condition()`; returns how long it took."""
        start = self.now
        while not condition():
            assert self.now - start < limit, "did not happen: " + "\n".join(self.lines[-10:])
            self.run(TICK)
        return self.now - start

    def charge(self, settle: int = 5 * S) -> AcBench:
        """The regular way: 5 %, state C, a request, full load."""
        self.run(500 * MS)
        self.car(True)
        self.run(S)
        self.want(ac=True)
        self.until(lambda: self.state == "Delivering")
        self.run(settle)
        assert self.plant.ac.current > 10.0, self.lines
        return self

    @property
    def state(self) -> str:
        return self.safety.state.name

    @property
    def trips(self) -> list[str]:
        return [trip.name for trip in self.safety.supervisor.latch.trips]

    def incidents(self) -> list[str]:
        return [incident.kind for incident in self.plant.incidents]
