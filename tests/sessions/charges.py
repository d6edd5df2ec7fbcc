"""Short simulated charges for the session tests, with the invariants of the safety sheet checked at every step."""
from __future__ import annotations

from drivers.sim.link import LinkConfig
from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.timer import MS, S
from tasks.config import Config
from tools.simulate.charge import Charge

UNLOCK_VOLTAGE = 60.0        # safety sheet S6
MATCH_VOLTAGE = 20.0         # S1, the ceiling
OPEN_CURRENT = 1.0           # S5, normal end


class Watched(Charge):
    """A charge that fails the test at the very step at which an invariant breaks."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.broken: list[str] = []
        self.watched = 0                 # instants that were looked at
        self._closed = False
        self._locked = False

    def _watch(self) -> None:
        super()._watch()
        self.watched += 1
        plant, now = self.plant, self.clock.time
        closed, locked = plant.car_contactors.position, plant.car_lock.position
        commanded = plant.car_contactors.commanded
        if closed and not self._closed and abs(plant.inlet_voltage - plant.battery.ocv()) > MATCH_VOLTAGE:
            self.broken.append(f"{now / S:.3f} closed on {plant.inlet_voltage:.0f} V against {plant.battery.ocv():.0f} V")
        if self._closed and not commanded and plant.pilot.state_c:
            self.broken.append(f"{now / S:.3f} opening while the pilot still says C")
        if closed and not locked:
            self.broken.append(f"{now / S:.3f} contactors closed, plug not locked")
        if self._locked and not locked and (closed or plant.inlet_voltage > UNLOCK_VOLTAGE):
            self.broken.append(f"{now / S:.3f} unlocked at {plant.inlet_voltage:.0f} V, contactors {'closed' if closed else 'open'}")
        self._closed, self._locked = closed and commanded, locked


def charge(seed: int = 1, soc_start: float = 96.0, soc_stop: float = 97.0, capacity_wh: float = 5000.0, link: LinkConfig | None = None,
           config: Config | None = None, **kwargs) -> Watched:
    """A charge of about a minute of virtual time."""
    config = config if config is not None else Config()
    config.ev.stop_soc_percent = soc_stop
    plant = PlantConfig(battery_soc_percent=soc_start, battery_capacity_wh=capacity_wh)
    return Watched(config, plant, codec.load(), seed, link, **kwargs)


def run_to(c: Charge, number: int, limit: int = 120 * S) -> int:
    """Run until the car has passed checkpoint `number`; returns its time."""
    while c.clock.time < limit:
        c.run_until(c.clock.time + 10 * MS)
        c.car.journal.flush()
        for at, n, _ in c.car.checkpoints:
            if n == number:
                return at
    raise AssertionError(f"checkpoint {number} not reached within {limit / S:.0f} s; passed {[n for _, n, _ in c.car.checkpoints]}")


def assert_safe(c: Watched) -> None:
    """No invariant broke on the way, nothing is damaged, and the outputs are at rest."""
    plant = c.plant
    plant.advance(c.clock.time)
    assert c.broken == [] and c.watched == c.world.steps        # every instant was looked at
    assert plant.damage == 0, plant.incidents
    assert not plant.car_contactors.commanded and not plant.car_contactors.position
    assert not plant.pilot.state_c
    assert plant.current == 0.0 or abs(plant.current) < OPEN_CURRENT
