"""Sensors and battery data become signals; what cannot be true becomes unknown and is counted."""
import math

import pytest

from drivers.interfaces import BatteryReading, PilotReading, PilotState
from kernel.channels import ChannelError
from kernel.timer import MS, S
from tasks.sense.task import AcSense, CarSense, ChargerSense
from tasks.signals import Signals
from tasks.vehicle.task import VehicleTask


class Fake:
    """A driver of every reading Protocol whose answers the test sets; each answer is read once per run."""

    def __init__(self, **answers) -> None:
        self.errors = 0
        self.answers = answers

    def measured_at(self, what, now):
        return now

    def __getattr__(self, name):
        return lambda *_: self.answers.get(name)


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


VALUES = dict(voltage=355.0, soc_percent=42.0, target_voltage=400.0, target_current=100.0, max_voltage=403.0, max_current=125.0,
              max_power=50_000.0, capacity=28_000.0, permission=True, hottest=31.0, coldest=27.5)


def reading(at=S, **changes) -> BatteryReading:
    return BatteryReading.of(at, **{**VALUES, **changes})


def test_the_vehicle_fills_all_battery_signals_every_200_ms():
    s = Signals()
    task = VehicleTask(Fake(read=reading()), s)
    assert task.run(S) == S + 200 * MS
    assert [x.get(S) for x in (s.battery_voltage, s.battery_soc, s.battery_target_voltage, s.battery_target_current, s.battery_max_voltage,
                               s.battery_max_current, s.battery_max_power, s.battery_capacity, s.charge_permission, s.battery_hottest, s.battery_coldest)] == [
        355.0, 42.0, 400.0, 100.0, 403.0, 125.0, 50_000.0, 28_000.0, True, 31.0, 27.5]
    assert all(x.writer == "vehicle" for x in s if x.name.startswith("battery_") or x.name == "charge_permission")


def test_a_silent_vehicle_is_unknown_everywhere():
    s = Signals()
    fake = Fake(read=reading())
    task = VehicleTask(fake, s)
    task.run(S)
    fake.answers["read"] = None
    task.run(S + 100 * MS)
    assert task.silent == 1 and s.battery_voltage.get(S + 100 * MS) is None and s.charge_permission.get(S + 100 * MS) is None


def test_each_quantity_has_the_age_that_its_source_gives_it():
    s = Signals()
    r = reading()
    task = VehicleTask(Fake(read=r), s)
    r.voltage.hear(356.0, S + 600 * MS)
    task.run(S + 800 * MS)
    now = S + 800 * MS
    assert s.battery_voltage.get(now) == 356.0 and s.battery_voltage.age(now) == 200 * MS
    assert s.battery_target_current.get(now) is None and s.charge_permission.get(now) is None, "500 ms are over, though the source answers"
    assert s.battery_soc.get(now) == 42.0, "2 s"
    task.run(now + 300 * MS + 1)
    assert s.battery_voltage.get(now + 300 * MS + 1) is None and s.battery_max_current.get(now + 300 * MS + 1) == 125.0


def test_what_was_never_heard_or_comes_from_the_future_is_unknown():
    s = Signals()
    r = BatteryReading.of(S, voltage=355.0)
    r.soc_percent.hear(50.0, 2 * S)
    task = VehicleTask(Fake(read=r), s)
    task.run(S)
    assert s.battery_voltage.get(S) == 355.0 and s.battery_soc.get(S) is None
    assert s.battery_max_current.get(S) is None and s.charge_permission.get(S) is None and s.battery_hottest.age(S) is None and task.silent == 0


def test_one_impossible_value_does_not_take_the_others_with_it():
    s = Signals()
    task = VehicleTask(Fake(read=reading(soc_percent=250.0, max_current=math.nan)), s)
    task.run(S)
    assert s.battery_soc.get(S) is None and s.battery_max_current.get(S) is None and s.battery_voltage.get(S) == 355.0 and task.refused == 2


def test_the_ac_charger_reads_everything_every_20_ms():
    s = Signals()
    fake = Fake(read=PilotReading(PilotState.C, 5.0), stop_button=False, tripped=False, voltage=230.0, current=16.0, power=11040.0, energy=1234.5)
    sense = AcSense(fake, fake, fake, fake, s)
    assert sense.run(S) == S + 20 * MS and sense.refused == 0
    assert (s.pilot_state.get(S), s.pilot_duty.get(S), s.stop_button.get(S), s.residual_current.get(S)) == (PilotState.C, 5.0, False, False)
    assert (s.ac_voltage.get(S), s.ac_current.get(S), s.ac_power.get(S), s.ac_energy.get(S)) == (230.0, 16.0, 11040.0, 1234.5)
    fake.answers.update(read=None, tripped=None, stop_button=None, current=math.nan, energy=-1.0)
    sense.run(2 * S)
    assert s.pilot_state.get(2 * S) is None and s.pilot_duty.get(2 * S) is None and s.stop_button.get(2 * S) is None and s.residual_current.get(2 * S) is None
    assert s.ac_current.get(2 * S) is None and s.ac_energy.get(2 * S) is None and sense.refused == 2


def test_an_ac_charger_without_detector_and_meter_knows_nothing_of_them():
    s = Signals()
    fake = Fake(read=PilotReading(PilotState.B, None), stop_button=False)
    AcSense(fake, fake, None, None, s).run(S)
    assert s.pilot_state.get(S) is PilotState.B and s.residual_current.get(S) is None and s.ac_current.get(S) is None and s.ac_energy.get(S) is None


class OnBoardFake:
    """Notes each limit; says what the test sets."""

    def __init__(self) -> None:
        self.limits: list[float] = []
        self.draws: tuple = (16.0, 11040.0)
        self.obeys = True

    def set_limit(self, amperes, now):
        self.limits.append(amperes)
        return self.obeys

    def current(self, now):
        return self.draws[0]

    def power(self, now):
        return self.draws[1]


def ac_car():
    s, onboard = Signals(), OnBoardFake()
    task = VehicleTask(Fake(), s, onboard)
    writers = {name: getattr(s, name).claim("test") for name in ("ac_current_request", "pilot_commanded", "safety_trip")}
    writers["pilot_commanded"].set(PilotState.C, S)
    writers["ac_current_request"].set(12.5, S)
    return task, onboard, s, writers


def test_the_agreed_current_reaches_the_on_board_charger_and_what_it_draws_is_known():
    task, onboard, s, _ = ac_car()
    assert task.run(S) == S + 200 * MS and onboard.limits == [12.5]
    assert (s.ac_current.get(S), s.ac_power.get(S)) == (16.0, 11040.0)
    onboard.draws = (math.nan, None)
    task.run(S + 200 * MS)
    assert s.ac_current.get(S + 200 * MS) is None and s.ac_power.get(S + 200 * MS) is None and task.refused == 1
    assert onboard.limits == [12.5, 12.5], "said each time"


@pytest.mark.parametrize("name, value", [("pilot_commanded", PilotState.B), ("pilot_commanded", None), ("ac_current_request", None), ("ac_current_request", 0.0),
                                         ("safety_trip", "Stop button")])
def test_without_its_lease_state_c_or_with_a_trip_nothing_may_be_drawn(name, value):
    task, onboard, _, writers = ac_car()
    writers[name].set(value, S)
    task.run(S)
    assert onboard.limits == [0.0]


@pytest.mark.parametrize("age, limit", [(3 * S, 12.5), (3 * S + 1, 0.0)])
def test_a_lease_that_lapsed_draws_nothing(age, limit):
    task, onboard, _, writers = ac_car()
    writers["pilot_commanded"].set(PilotState.C, S + age)
    task.run(S + age)
    assert onboard.limits == [limit]


def test_a_limit_that_does_not_arrive_is_counted():
    task, onboard, _, _ = ac_car()
    onboard.obeys = False
    task.run(S)
    task.run(S)
    assert task.onboard.refused_limits == 2


def test_a_car_without_an_on_board_charger_of_ours_writes_no_ac():
    s = Signals()
    VehicleTask(Fake(), s).run(S)
    assert s.ac_current.at == -1 and s.ac_current.writer is None


def test_a_display_button_becomes_a_signal_where_it_is_fitted():
    sense, fake, s = car(display_button=True)
    sense.run(S)
    assert s.display_button.get(S) is True and s.display_button.get(2 * S) is None
    fake.answers["display_button"] = None
    sense.run(2 * S)
    assert s.display_button.value is None

    class Old:                        # inputs of a board that knows no such button
        errors = 0

        def stop_button(self, now):
            return False
    s = Signals()
    sense = CarSense(fake, fake, Old(), s)
    sense.run(S)
    assert s.display_button.value is None and s.stop_button.get(S) is False
