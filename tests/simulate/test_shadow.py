"""The other half of the cable for one box on a real wire: a car at an AC charger that does not speak."""
import pytest

from drivers.sim.plant import Plant
from drivers.sim.plant_config import PlantConfig
from kernel.timer import MS, S
from tasks.signals import Signals
from tools.simulate.shadow import PERIOD, ShadowAcCar


@pytest.mark.parametrize("duty, amperes", [(26.5, 15.9), (10.0, 6.0), (5.0, 0.0), (100.0, 0.0)])
def test_under_a_nominal_duty_it_charges_by_the_pilot_alone(duty, amperes):
    plant, signals = Plant(PlantConfig(battery_soc_percent=50.0)), Signals()
    shadow, now = ShadowAcCar(plant, signals, 16.0), 0
    plant.pilot.duty = duty
    while now < 20 * S:
        plant.pilot.update()
        shadow.run(now)
        plant.command(plant.ac.contactor, plant.pilot.state_c, now)          # what a charger would do
        now += PERIOD
    plant.advance(now)
    assert plant.pilot.plugged and plant.pilot.state_c is (amperes > 0) and plant.ac.current == pytest.approx(amperes, abs=0.05)


def test_a_full_battery_asks_for_nothing():
    plant, signals = Plant(PlantConfig(battery_soc_percent=100.0)), Signals()
    shadow = ShadowAcCar(plant, signals, 16.0)
    plant.pilot.duty = 26.5
    for now in range(0, 2 * S, 20 * MS):
        plant.pilot.update()
        shadow.run(now)
    assert not plant.pilot.state_c
