"""The light bulb demonstration from plug to unplug: a lamp where a battery would be, switched on 2 s after charging has begun."""
import pytest

from drivers.light_bulb import LightBulb
from drivers.sim.lamp import LAMP_OHM
from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.timer import S
from tasks.config import Config
from tasks.stop_reasons import StopReason
from tasks.v2g.session import SCHEMAS
from tests.sessions.charges import assert_safe
from tools.simulate.charge import LAMP_LIT, Charge


def charge_of(protocol="din", **plant):
    config = Config()
    config.ev.light_bulb_demo, config.ev.protocols = True, [protocol]
    return Charge(config, PlantConfig(**plant), codec.load(schemas=SCHEMAS))


@pytest.mark.parametrize("protocol", ["din", "iso2"])
def test_the_lamp_burns_two_seconds_after_charging_has_begun(protocol):
    charge = charge_of(protocol, lamp_ohm=LAMP_OHM)
    charge.run_until(20 * S)
    at = {number: when for when, number, _ in reversed(charge.car.checkpoints)}
    assert 2 * S <= at[590] - at[700] <= 2 * S + 250_000_000 and charge.plant.car_contactors.position
    assert charge.plant.inlet_voltage == pytest.approx(230.0, abs=1.0) and charge.plant.current == pytest.approx(230 / LAMP_OHM, rel=0.01)
    charge.run()
    assert charge.good and charge.reason is StopReason.USER_STOP
    assert_safe(charge)
    closed = next(when for when, number, _ in charge.car.checkpoints if number == 590)
    stopped = next(when for when, number, _ in charge.car.checkpoints if number == 800)
    assert LAMP_LIT <= stopped - closed <= LAMP_LIT + S
    assert charge.plant.stored == 0.0 and charge.plant.lost == charge.plant.delivered > 0.0


def test_with_a_battery_in_the_place_of_the_lamp_nothing_is_closed_and_it_ends():
    charge = charge_of()                     # forgotten in the configuration of a real car: the management says 350 V, the inlet has 230 V
    charge.run_until(200 * S)
    assert charge.car.signals.stop_reason.value is StopReason.NOT_CONFIRMED
    assert not any(incident.kind == "inrush" for incident in charge.plant.incidents) and charge.plant.damage == 0 and charge.invariants.broken == []
    assert not charge.plant.car_contactors.commanded


def test_a_lamp_of_another_voltage_is_never_given_more():
    charge = charge_of(lamp_ohm=60.0, lamp_voltage_v=110.0)          # told to the supervisor, while ev.light_bulb_voltage_v still says 230
    charge.run_until(200 * S)
    assert charge.car.signals.stop_reason.value is StopReason.FAILED_RESPONSE and not charge.plant.incidents      # more than EVMaximumVoltageLimit: the charger refuses


def test_a_real_box_reads_the_same_lamp():
    bulb = LightBulb(230.0, 1.0)
    reading = bulb.read(0)
    told = (reading.voltage, reading.target_voltage, reading.target_current, reading.max_current, reading.permission)
    assert [(quantity.value, quantity.at) for quantity in told] == [(230.0, 0), (230.0, 0), (1.0, 0), (1.0, 0), (True, 0)]
    assert reading.max_voltage.value == pytest.approx(253.0) and bulb.errors == 0
