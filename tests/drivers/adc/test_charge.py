"""A whole charge whose car measures through two ADS1115 down to their registers: it ends in order, and a cut cable of a converter stops it safely."""
from __future__ import annotations

import pytest

from drivers.interfaces import PilotState
from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.timer import MS, S
from tasks.config import Config
from tests.drivers.adc.rig import Rig
from tests.sessions.charges import assert_safe, run_to
from tools.simulate.charge import Charge

CP_VOLTS = {PilotState.A: 12.0, PilotState.B: 9.0, PilotState.C: 6.0, PilotState.D: 3.0, PilotState.E: 0.0, PilotState.F: -12.0}
CHARGING = 700                # checkpoint: the loop of current demands runs


class MeasuredCharge(Charge):
    """The car's voltmeter and pilot monitor are real drivers on the rig; every tick they get their turns, as tasks/devices gives them."""

    def _board(self, name, board):
        if name == "pev":
            self.rig = Rig()
            board.voltmeter, board.pilot_monitor = self.rig.voltmeter, self.rig.monitor
        return board

    def attach(self):
        self.told = set()
        self.at = 0
        self.world.sources.append(self)
        return self

    def next_event(self):
        return self.at

    def deliver(self, now):
        rig, plant, self.at = self.rig, self.plant, now + 10 * MS
        plant.advance(now)
        rig.now.ns = now
        rig.volts, rig.supply = plant.inlet_voltage, plant.supply_voltage
        rig.amperes = plant.current if plant.car_contactors.position else 0.0
        rig.pilot, rig.duty = CP_VOLTS[plant.pilot.at_car.state], plant.pilot.at_car.duty_percent
        for device in rig.polled:
            device.run(now)
            self.told.add(device.fault)


@pytest.fixture
def c():
    config = Config()
    config.ev.stop_soc_percent = 97.0
    return MeasuredCharge(config, PlantConfig(battery_soc_percent=96.0, battery_capacity_wh=5000.0), codec.load()).attach()


def test_a_charge_measured_by_real_drivers_ends_in_order(c):
    c.run(limit=120 * S)
    assert c.good, (c.reason, c.trip, c.invariants.broken)
    assert c.told == {""} and all(converter.errors == 0 for converter in c.rig.converters.values())
    assert c.rig.voltmeter.errors <= 8                  # before the first round of the channels
    assert_safe(c)


@pytest.mark.parametrize("fault", ["absent", "stuck"])
def test_a_converter_that_falls_silent_stops_the_charge_safely(c, fault):
    run_to(c, CHARGING)
    c.run_until(c.clock.time + 5 * S)
    assert c.charging
    if fault == "absent":
        c.rig.twins["first"].absent = True
    else:
        c.rig.bus.stuck = 110
    c.run_until(c.clock.time + 20 * S)
    assert_safe(c)
    assert not c.good and c.trip and {"absent": "ADC: no answer", "stuck": "ADC: bus stuck"}[fault] in c.told


def test_a_brown_out_of_a_converter_does_not_end_a_charge(c):
    run_to(c, CHARGING)
    c.run_until(c.clock.time + 5 * S)
    c.rig.twins["first"].brown_out()
    c.run(limit=120 * S)
    assert c.good, (c.reason, c.trip, c.invariants.broken)
    assert c.told == {"", "ADC: restarted"}
