"""A car's and a charger's safety tasks over one simulated plant, with scripted requests instead of V2G."""
from __future__ import annotations

from drivers.sim.car import SimConnectorLock, SimContactors, SimControlPilot, SimInputs, SimPilotMonitor, SimVehicleData, SimVoltmeter
from drivers.sim.charger import SimPilotSource, SimPowerMeter, SimPowerSupply
from drivers.sim.plant import Plant
from drivers.sim.plant_config import PlantConfig
from kernel.channels import Lease
from kernel.journal import Journal
from kernel.timer import MS, S
from tasks.safety.config import EvseSafetyConfig, PevSafetyConfig, SafetyConfig
from tasks.safety.task import EvseSafetyTask, SafetyTask
from tasks.sense.task import CarSense, ChargerSense
from tasks.signals import OutputRequest, Signals
from tasks.vehicle.task import VehicleTask

TICK = 10 * MS


class Bench:
    """`want(...)` sets the requests; they are renewed every 100 ms until `silent` (a dead V2G task)."""

    def __init__(self, *, fast: bool = True, pev: PevSafetyConfig | None = None, evse: EvseSafetyConfig | None = None,
                 current_sensor: bool = True, **plant) -> None:
        self.plant = p = Plant(PlantConfig(**{"plugged": True, **plant}))
        self.car, self.charger = Signals(), Signals()
        self.lines: list[str] = []
        self.journal, self.charger_journal = Journal(), Journal()
        self.journal.add_sink(lambda e: self.lines.append(f"car {e.message()}"))
        self.charger_journal.add_sink(lambda e: self.lines.append(f"charger {e.message()}"))
        config = SafetyConfig(pev=pev if pev is not None else PevSafetyConfig(), evse=evse if evse is not None else EvseSafetyConfig())
        self.voltmeter = SimVoltmeter(p, current_sensor=current_sensor)
        self.monitor, self.inputs, self.bms = SimPilotMonitor(p), SimInputs(p), SimVehicleData(p)
        self.pilot, self.contactors, self.lock = SimControlPilot(p), SimContactors(p), SimConnectorLock(p)
        self.meter, self.charger_monitor, self.charger_inputs = SimPowerMeter(p), SimPilotMonitor(p, True), SimInputs(p, True)
        self.source, self.supply, self.charger_lock = SimPilotSource(p), SimPowerSupply(p), SimConnectorLock(p, True)
        self.output_contactor = SimContactors(p, True) if plant.get("output_contactor") else None
        self.safety = SafetyTask(self.pilot, self.contactors, self.lock, self.car, config, self.journal, fast=fast)
        self.evse = EvseSafetyTask(self.source, self.supply, self.output_contactor, self.charger_lock, self.charger, config,
                                   self.charger_journal, fast=fast)
        self._rows = [(20, CarSense(self.voltmeter, self.monitor, self.inputs, self.car)),
                      (100, VehicleTask(self.bms, self.car)),
                      (10, self.safety),
                      (20, ChargerSense(self.meter, self.charger_monitor, self.charger_inputs, self.charger)),
                      (10, self.evse)]
        car, charger = self.car, self.charger
        self._leases = {"c": Lease(car.pilot_c_request.claim("v2g")), "lock": Lease(car.lock_request.claim("v2g")),
                        "closed": Lease(car.contactor_request.claim("v2g")), "output": Lease(charger.output_request.claim("v2g")),
                        "duty": Lease(charger.pilot_duty_request.claim("connection"))}
        self._alive = [car.connection_alive.claim("connection"), charger.connection_alive.claim("connection")]
        self.supervised = True           # the connection supervision of both boxes runs
        self.present_current = car.evse_present_current.claim("v2g")
        self.wanted: dict = {"c": None, "lock": None, "closed": None, "output": None, "duty": 5.0}
        self.silent = False
        self.now = 0
        self.each_tick = lambda: None

    def want(self, **wishes) -> None:
        """c, lock, closed: True or None. output: (V, A) or None. duty: percent or None. Renewed at once."""
        self.wanted.update(wishes)
        self._renew()

    def _renew(self) -> None:
        if self.supervised:
            for writer in self._alive:
                writer.set(True, self.now)
        if self.silent:
            return
        for name, lease in self._leases.items():
            value = self.wanted[name]
            if value is None:
                lease.release(self.now)
            else:
                lease.renew(OutputRequest(*value) if name == "output" else value, self.now)

    def run(self, duration: int) -> None:
        end = self.now + duration
        while self.now < end:
            if self.now % (100 * MS) == 0:
                self._renew()
            for period, task in self._rows:
                if self.now % (period * MS) == 0:
                    task.run(self.now)
            self.each_tick()
            self.now += TICK
        self.journal.flush()
        self.charger_journal.flush()

    def until(self, condition, limit: int = 10 * S) -> int:
        """Run until `condition()`; returns how long it took."""
        start = self.now
        while not condition():
            assert self.now - start < limit, "did not happen: " + "\n".join(self.lines[-10:])
            self.run(TICK)
        return self.now - start

    def charge(self, current: float = 80.0, settle: int = 10 * S) -> None:
        """The regular way into the charging loop."""
        self.run(500 * MS)
        self.want(lock=True)
        self.until(lambda: self.car.lock_confirmed.get(self.now) is True)
        self.want(c=True)
        self.run(S)
        self.want(output=(self.plant.battery.ocv(), 2.0))
        self.run(3 * S)
        self.want(closed=True)
        self.until(lambda: self.car.contactors_closed.get(self.now) is True)
        self.want(output=(400.0, current))
        self.run(settle)

    @property
    def state(self) -> str:
        return self.safety.state.name
