"""A whole simulated charge with MQTT at both ends: the car's battery speaks by topics, both publish."""
import pytest

from drivers.mqtt.config import MqttConfig, MqttVehicleConfig
from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.timer import S
from tasks.config import Config
from tasks.v2g.session import SCHEMAS
from tests.mqtt.test_topics import Broker
from tools.simulate import charge as world
from tools.simulate.charge import Charge

pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is not installed")


class Talking:
    """The simulated battery, by way of topics: what SimVehicleData reads is printed, and taken by MqttVehicle as it would come from a broker."""

    NAMES = dict(battery_voltage="voltage", soc="soc_percent", target_voltage="target_voltage", target_current="target_current", max_voltage="max_voltage",
                 max_current="max_current", max_power="max_power", battery_capacity="capacity")

    def __init__(self, charge: Charge, **settings) -> None:
        from drivers.mqtt.client import MqttClient
        from drivers.mqtt.vehicle import MqttVehicle
        self.client = MqttClient(MqttConfig(), "pev")
        self.vehicle = MqttVehicle(self.client, MqttVehicleConfig(**settings))
        self.silent_from = 10 ** 18
        self.retained = False
        self.task = next(row.task for row in charge.car.kernel.rows if row.name == "vehicle")
        self.sim = self.task._read
        self.task._read = self.read

    def read(self, now):
        if now < self.silent_from:
            r = self.sim(now)
            for topic, name in self.NAMES.items():
                self.client.inputs[topic].take(f"{getattr(r, name).value:.2f}".encode(), self.retained, now)
            self.client.inputs["charge_permission"].take(b"1" if r.permission.value else b"0", self.retained, now)
        return self.vehicle.read(now)


@pytest.fixture
def charge(monkeypatch):
    """Both boxes have a board with MQTT on it."""
    def with_broker(make):
        def board(*about):
            made = make(*about)
            made.mqtt = Broker()
            return made
        return board
    monkeypatch.setattr(world, "simulated_car", with_broker(world.simulated_car))
    monkeypatch.setattr(world, "simulated_charger", with_broker(world.simulated_charger))
    return lambda **plant: Charge(Config(), PlantConfig(**{**dict(battery_capacity_wh=20_000.0, battery_soc_percent=97.0), **plant}), codec.load(schemas=SCHEMAS), 1)


def run(made: Charge, until, limit=600 * S) -> None:
    while not until() and made.clock.time < limit:
        made.run_until(made.clock.time + S // 2)


@pytest.mark.parametrize("settings", [dict(), dict(permission="values")])
def test_a_car_whose_battery_speaks_by_topics_charges_to_its_end(charge, settings):
    made = charge()
    talking = Talking(made, **settings)
    run(made, lambda: made.car.signals.stop_reason.value is not None)
    assert made.car.signals.stop_reason.value.name == "BATTERY_FULL" and not any(i.damage for i in made.plant.incidents)
    assert talking.client.refused == 0 and not made.invariants.broken
    car, charger = made.car.board.mqtt, made.charger.board.mqtt
    assert {"on", "off"} <= {text for _, name, text in car.seen if name == "relay_request"}
    assert any(name == "fsm_state" and text == "CurrentDemand" for _, name, text in car.seen) and car.last("stop_reason") == "BATTERY_FULL"
    assert max(float(text) for _, name, text in charger.seen if name == "power" and text != "None") > 1000.0
    assert any(name == "target_voltage" and float(text) > 300 for _, name, text in charger.seen) and charger.last("evccid")


def test_a_battery_that_falls_silent_ends_the_charge_safely(charge):
    made = charge(battery_soc_percent=30.0)
    talking = Talking(made)
    run(made, lambda: made.charging)
    run(made, lambda: False, made.clock.time + 5 * S)
    talking.silent_from = made.clock.time
    run(made, lambda: made.car.signals.stop_reason.value is not None)
    assert made.car.signals.safety_trip.value and made.clock.time < talking.silent_from + 20 * S
    run(made, lambda: made.plant.car_contactors.position == 0, made.clock.time + 20 * S)
    assert not made.plant.car_contactors.position and not any(i.damage for i in made.plant.incidents)


def test_retained_values_never_start_a_charge(charge):
    made = charge(battery_soc_percent=30.0)
    talking = Talking(made)
    talking.retained = True
    run(made, lambda: False, 60 * S)
    assert not made.charging and talking.client.stored > 100 and not made.plant.car_contactors.position
