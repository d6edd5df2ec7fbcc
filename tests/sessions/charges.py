"""Short simulated charges for the session tests, with the invariants of the safety sheet checked at every step."""
from __future__ import annotations

from drivers.sim.link import LinkConfig
from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.timer import MS, S
from tasks.config import Config
from tools.simulate.charge import Charge

OPEN_CURRENT = 1.0           # A: safety sheet S5, normal end


def charge(seed: int = 1, soc_start: float = 96.0, soc_stop: float = 97.0, capacity_wh: float = 5000.0, link: LinkConfig | None = None,
           config: Config | None = None, **kwargs) -> Charge:
    """A charge of about a minute of virtual time."""
    config = config if config is not None else Config()
    config.ev.stop_soc_percent = soc_stop
    plant = PlantConfig(battery_soc_percent=soc_start, battery_capacity_wh=capacity_wh)
    return Charge(config, plant, codec.load(), seed, link, **kwargs)


def run_to(c: Charge, number: int, limit: int = 120 * S) -> int:
    """Run until the car has passed checkpoint `number`; returns its time."""
    while c.clock.time < limit:
        c.run_until(c.clock.time + 10 * MS)
        c.car.journal.flush()
        for at, n, _ in c.car.checkpoints:
            if n == number:
                return at
    raise AssertionError(f"checkpoint {number} not reached within {limit / S:.0f} s; passed {[n for _, n, _ in c.car.checkpoints]}")


def assert_safe(c: Charge) -> None:
    """No invariant broke on the way, nothing is damaged, and the outputs are at rest."""
    plant = c.plant
    plant.advance(c.clock.time)
    assert [str(b) for b in c.invariants.broken] == [] and c.invariants.looked == c.world.steps        # every instant was looked at
    assert plant.damage == 0, plant.incidents
    assert not plant.car_contactors.commanded and not plant.car_contactors.position
    assert not plant.pilot.state_c
    assert plant.current == 0.0 or abs(plant.current) < OPEN_CURRENT
