"""Sensors and battery data become signals; what cannot be true becomes unknown and is counted."""
import dataclasses
import math

import pytest

from drivers.interfaces import BatteryReading, PilotReading, PilotState
from kernel.channels import ChannelError
from kernel.timer import MS, S
from tasks.sense.task import CarSense, ChargerSense
from tasks.signals import Signals
from tasks.vehicle.task import VehicleTask


class Fake:
    """A driver of every reading Protocol whose answers the test sets; each answer is read once per run."""

    def __init__(self, **answers) -> None:
        self.errors = 0
        self.answers = answers

    def __getattr__(self, name):
        return lambda now: self.answers.get(name)


def car(**answers) -> tuple[CarSense, Fake, Signals]:
    signals = Signals()
    fake = Fake(inlet_voltage=350.0, inlet_current=80.0, inlet_temperature=40.0, read=PilotReading(PilotState.C, 5.0), stop_button=False)
    fake.answers.update(answers)
    return CarSense(fake, fake, fake, signals), fake, signals


def test_the_car_reads_everything_every_50_ms():
    sense, _, s = car()
    assert sense.run(S) == S + 50 * MS
    assert (s.inlet_voltage.get(S), s.inlet_current.get(S), s.inlet_temperature.get(S)) == (350.0, 80.0, 40.0)
    assert (s.pilot_state.get(S), s.pilot_duty.get(S), s.stop_button.get(S)) == (PilotState.C, 5.0, False)


def test_the_charger_reads_everything_every_50_ms():
    s = Signals()
    fake = Fake(voltage=400.0, current=90.0, isolation=5e5, read=PilotReading(PilotState.B, None), stop_button=True)
    sense = ChargerSense(fake, fake, fake, s)
    assert sense.run(S) == S + 50 * MS and sense.refused == 0
    assert (s.output_voltage.get(S), s.output_current.get(S), s.isolation.get(S)) == (400.0, 90.0, 5e5)
    assert s.pilot_state.get(S) is PilotState.B and s.pilot_duty.get(S) is None and s.stop_button.get(S) is True
    fake.answers.update(read=None, voltage=math.nan, isolation=-1.0)
    sense.run(2 * S)
    assert s.pilot_state.get(2 * S) is None and s.output_voltage.get(2 * S) is None and s.isolation.get(2 * S) is None and sense.refused == 2


@pytest.mark.parametrize("name, value", [("inlet_voltage", math.nan), ("inlet_voltage", 1101.0), ("inlet_voltage", -51.0), ("inlet_current", math.inf),
                                         ("inlet_current", -601.0), ("inlet_temperature", 201.0), ("inlet_temperature", -math.inf)])
def test_impossible_values_become_unknown_at_once(name, value):
    sense, fake, s = car()
    sense.run(S)
    fake.answers[name] = value
    sense.run(S + 20 * MS)
    assert getattr(s, name).get(S + 20 * MS) is None and sense.refused == 1


def test_a_silent_driver_is_unknown_and_not_counted_as_impossible():
    sense, fake, s = car(read=None, inlet_voltage=None, stop_button=None)
    sense.run(S)
    assert s.pilot_state.get(S) is None and s.pilot_duty.get(S) is None and s.inlet_voltage.get(S) is None
    assert s.stop_button.get(S) is None and sense.refused == 0


def test_each_signal_has_one_writer():
    _, fake, s = car()
    with pytest.raises(ChannelError):
        ChargerSense(fake, fake, fake, s)


READING = BatteryReading(voltage=355.0, soc_percent=42.0, target_voltage=400.0, target_current=100.0, max_voltage=403.0, max_current=125.0,
                         max_power=50_000.0, capacity=28_000.0, permission=True)


def test_the_vehicle_fills_all_battery_signals_every_200_ms():
    s = Signals()
    task = VehicleTask(Fake(read=READING), s)
    assert task.run(S) == S + 200 * MS
    assert [x.get(S) for x in (s.battery_voltage, s.battery_soc, s.battery_target_voltage, s.battery_target_current, s.battery_max_voltage,
                               s.battery_max_current, s.battery_max_power, s.battery_capacity, s.charge_permission)] == [
        355.0, 42.0, 400.0, 100.0, 403.0, 125.0, 50_000.0, 28_000.0, True]
    assert all(x.writer == "vehicle" for x in s if x.name.startswith("battery_") or x.name == "charge_permission")


def test_a_silent_vehicle_is_unknown_everywhere():
    s = Signals()
    fake = Fake(read=READING)
    task = VehicleTask(fake, s)
    task.run(S)
    fake.answers["read"] = None
    task.run(S + 100 * MS)
    assert task.silent == 1 and s.battery_voltage.get(S + 100 * MS) is None and s.charge_permission.get(S + 100 * MS) is None


def test_one_impossible_value_does_not_take_the_others_with_it():
    s = Signals()
    task = VehicleTask(Fake(read=dataclasses.replace(READING, soc_percent=250.0, max_current=math.nan)), s)
    task.run(S)
    assert s.battery_soc.get(S) is None and s.battery_max_current.get(S) is None and s.battery_voltage.get(S) == 355.0 and task.refused == 2
