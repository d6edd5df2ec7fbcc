"""The fixed vehicle counts its state of charge by what really flows, or by a rate where nobody measures; a whole charge ends by it."""
import pytest

from drivers.interfaces import PilotState
from drivers.sim.plant_config import PlantConfig
from drivers.vehicle_fixed import FixedVehicle, FixedVehicleConfig
from kernel.timer import MS, S
from tasks.signals import Signals
from tasks.vehicle.task import VehicleTask


def vehicle(**changes) -> FixedVehicle:
    return FixedVehicle(FixedVehicleConfig(**{**dict(battery_voltage_v=350, target_voltage_v=400, max_voltage_v=410, capacity_wh=20_000.0, soc_percent=50.0), **changes}))


def charged(v: FixedVehicle, power, closed, seconds: float, plugged=True, step=200 * MS) -> float:
    for n in range(int(seconds * S / step) + 1):
        v.observe(power, closed, plugged, n * step)
    return v.read(0).soc_percent.value


def test_energy_that_flowed_raises_the_state_of_charge():
    v = vehicle()
    assert charged(v, 20_000.0, True, 360.0) == pytest.approx(60.0, abs=0.1) and v.counted_wh == pytest.approx(2000.0) and v.gaps == 0


def test_energy_that_flows_back_lowers_it_and_it_stays_between_0_and_100():
    v = vehicle()
    assert charged(v, -20_000.0, True, 360.0) == pytest.approx(40.0, abs=0.1)
    assert charged(vehicle(capacity_wh=100.0), 50_000.0, True, 60.0) == 100.0
    assert charged(vehicle(capacity_wh=100.0), -50_000.0, True, 60.0) == 0.0


@pytest.mark.parametrize("power, closed, rise, soc", [(None, True, 20.0, 60.0), (None, False, 20.0, 50.0), (None, None, 20.0, 50.0), (None, True, 0.0, 50.0),
                                                      (0.0, True, 20.0, 50.0)])
def test_the_rate_counts_only_where_no_current_is_known_and_the_contactors_are_closed(power, closed, rise, soc):
    assert charged(vehicle(soc_rise_percent_per_min=rise), power, closed, 30.0) == pytest.approx(soc, abs=0.1)


def test_the_old_rate_of_half_a_percent_per_tick_fills_in_seconds():
    assert charged(vehicle(soc_percent=20.0, soc_rise_percent_per_min=990.0), None, True, 5.0) == 100.0, "pyPLC sheet 1.2: 0.5 % per tick of 30 ms"


def test_without_simulation_nothing_moves():
    assert charged(vehicle(soc_simulation=False, soc_rise_percent_per_min=990.0), 20_000.0, True, 360.0) == 50.0


def test_a_pause_is_not_counted_and_unplugging_begins_anew():
    v = vehicle()
    charged(v, 20_000.0, True, 180.0)
    before = v.read(0).soc_percent.value
    v.observe(20_000.0, True, True, 3600 * S)
    assert v.gaps == 1 and v.read(0).soc_percent.value == before
    v.observe(None, False, None, 3600 * S + MS)
    assert v.read(0).soc_percent.value == before, "an unknown pilot is no unplugged connector"
    v.observe(None, False, False, 3600 * S + 2 * MS)
    assert v.read(0).soc_percent.value == 50.0 and v.counted_wh == 0.0


def told(**signals) -> list:
    """What VehicleTask tells a counting source at 1 s with these signals."""
    class Source:
        errors = 0
        seen: list = []

        def observe(self, *what):
            self.seen = list(what)

        def read(self, now):
            return None

    s, source = Signals(), Source()
    for name, value in signals.items():
        getattr(s, name).claim("test").set(value, S)
    VehicleTask(source, s).run(S)
    return source.seen


@pytest.mark.parametrize("signals, expected", [
    (dict(contactors_closed=True, inlet_current=100.0, inlet_voltage=400.0, evse_present_current=90.0, evse_present_voltage=410.0, pilot_state=PilotState.C),
     [40_000.0, True, True, S]),
    (dict(contactors_closed=True, evse_present_current=90.0, evse_present_voltage=410.0, pilot_state=PilotState.A), [36_900.0, True, False, S]),
    (dict(contactors_closed=True, inlet_voltage=400.0), [None, True, None, S]),
    (dict(contactors_closed=False, inlet_current=100.0, inlet_voltage=400.0), [None, False, None, S]),
    (dict(contactors_closed=False, ac_power=11_000.0), [11_000.0, False, None, S]),
    (dict(inlet_current=100.0, inlet_voltage=400.0, ac_power=11_000.0), [None, None, None, S]),
])
def test_the_task_tells_a_counting_source_what_flows(signals, expected):
    assert told(**signals) == expected


def test_a_whole_charge_with_fixed_values_ends_at_stop_soc():
    from exi_native import codec
    from tasks.config import Config
    from tasks.v2g.session import SCHEMAS
    from tools.simulate.charge import Charge

    config = Config()
    config.ev.stop_soc_percent = 60.0
    plant = PlantConfig(battery_capacity_wh=20_000.0, battery_soc_percent=50.0)
    charge = Charge(config, plant, codec.load(schemas=SCHEMAS), 1)
    volts = round(charge.plant.battery.ocv(), 1)
    task = next(row.task for row in charge.car.kernel.rows if row.name == "vehicle")
    fixed = vehicle(battery_voltage_v=volts, target_voltage_v=volts + 20, max_voltage_v=volts + 30, target_current_a=60.0, max_current_a=80.0, max_power_w=40_000.0,
                    charge_permission=True)
    task._read, task._observe = fixed.read, fixed.observe
    while charge.clock.time < 600 * S and charge.car.signals.stop_reason.value is None:
        charge.run_until(charge.clock.time + S)
    assert charge.car.signals.stop_reason.value.name == "BATTERY_FULL"
    assert charge.plant.battery.soc == pytest.approx(60.0, abs=1.0) and not any(i.damage for i in charge.plant.incidents)
