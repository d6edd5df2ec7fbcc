"""Every simulated driver keeps the contract of drivers/interfaces.py: unknown is None, refused is False, errors are counted, nothing raises."""
import math
import random

import pytest

from drivers import interfaces
from drivers.boards.assumed import AssumedCarPilot, NoDisplay, NoInputs, WatchedPilot
from drivers.interfaces import BatteryReading, PilotReading, PilotState, Quantity
from drivers.sim.ac import SimAcContactor, SimAcMeter, SimOnBoardCharger, SimResidualCurrent
from drivers.sim.car import SimConnectorLock, SimContactors, SimControlPilot, SimInputs, SimPilotMonitor, SimVehicleData, SimVoltmeter
from drivers.sim.charger import SimPilotSource, SimPowerMeter, SimPowerSupply
from drivers.sim.link import SimLink, SimNic
from drivers.sim.oled import SimOled
from drivers.sim.plant import Plant
from drivers.sim.plant_config import PlantConfig
from drivers.vehicle_fixed import FixedVehicle, FixedVehicleConfig
from drivers.errors import DriverError
from kernel.timer import MS, NEVER, S


def plant() -> Plant:
    return Plant(PlantConfig(plugged=True))


def fixed() -> FixedVehicle:
    return FixedVehicle(FixedVehicleConfig(battery_voltage_v=350, target_voltage_v=400, max_voltage_v=410))


DRIVERS = {
    "Voltmeter": lambda: SimVoltmeter(plant()),
    "PilotMonitor": lambda: SimPilotMonitor(plant()),
    "PilotMonitor of the charger": lambda: SimPilotMonitor(plant(), charger=True),
    "Inputs": lambda: SimInputs(plant()),
    "ControlPilot": lambda: SimControlPilot(plant()),
    "PilotSource": lambda: SimPilotSource(plant()),
    "Contactors": lambda: SimContactors(plant()),
    "ConnectorLock": lambda: SimConnectorLock(plant()),
    "PowerSupply": lambda: SimPowerSupply(plant()),
    "PowerMeter": lambda: SimPowerMeter(plant()),
    "Contactors of an AC charger": lambda: SimAcContactor(plant()),
    "ResidualCurrent": lambda: SimResidualCurrent(plant()),
    "AcMeter": lambda: SimAcMeter(plant()),
    "OnBoardCharger": lambda: SimOnBoardCharger(plant()),
    "VehicleData": lambda: SimVehicleData(plant()),
    "VehicleData fixed": fixed,
    "Oled": SimOled,
    "Oled that is not fitted": NoDisplay,
    "Inputs that are not fitted": NoInputs,
    "ControlPilot watched": lambda: WatchedPilot(SimControlPilot(plant())),
    "PilotMonitor assumed": lambda: AssumedCarPilot(WatchedPilot(SimControlPilot(plant())), None),
    "Nic": lambda: SimNic(SimLink(random.Random(1)), "a", bytes(6)),
}


@pytest.mark.parametrize("name", DRIVERS)
def test_everything_that_the_protocol_names_exists(name):
    protocol = getattr(interfaces, name.split()[0])
    driver = DRIVERS[name]()
    wanted = {n for n in vars(protocol) if not n.startswith("_")} | set(protocol.__annotations__)
    assert wanted and not [n for n in wanted if not hasattr(driver, n)]
    assert driver.errors == 0


READS = [
    (SimVoltmeter, ("inlet_voltage", "inlet_current", "inlet_temperature")),
    (SimPowerMeter, ("voltage", "current")),
    (SimPilotMonitor, ("read",)),
    (SimInputs, ("stop_button",)),
    (SimContactors, ("feedback",)),
    (SimConnectorLock, ("feedback",)),
    (SimVehicleData, ("read",)),
    (SimAcContactor, ("feedback",)),
    (SimResidualCurrent, ("tripped",)),
    (SimAcMeter, ("voltage", "current", "power", "energy")),
    (SimOnBoardCharger, ("current", "power")),
]


@pytest.mark.parametrize("make, reads", READS)
def test_a_failed_sensor_reads_none_and_counts(make, reads):
    driver = make(plant())
    for read in reads:
        assert getattr(driver, read)(S) is not None
    if hasattr(driver, "set_faults"):
        driver.set_faults(failed=True)
    else:
        driver.failed = True
    for n, read in enumerate(reads, 1):
        assert getattr(driver, read)(2 * S) is None
        assert driver.errors == n


def test_what_cannot_be_written_returns_false_and_counts():
    p = plant()
    pilot, source, contactors, lock, supply, oled = (SimControlPilot(p), SimPilotSource(p), SimContactors(p), SimConnectorLock(p),
                                                     SimPowerSupply(p), SimOled())
    for driver in (pilot, source, contactors, lock, oled):
        driver.failed = True
    p.stage.refuses = True
    assert [pilot.set_state_c(True, 0), source.set_duty(5.0, 0), contactors.set_closed(True, 0), lock.set_locked(True, 0),
            supply.set(400, 1, 0), supply.off(0), oled.write(0, 0, b"x", 0)] == [False] * 7
    assert [d.errors for d in (pilot, source, contactors, lock, supply, oled)] == [1, 1, 1, 1, 2, 1]
    assert p.pilot.at_charger.state is PilotState.B and not p.stage.on and not p.car_contactors.commanded


def test_readings_are_plain_values_in_si_units():
    p = plant()
    meter = SimVoltmeter(p)
    assert meter.inlet_voltage(0) == 0.0 and meter.inlet_current(0) == 0.0 and meter.inlet_temperature(0) == 25.0
    assert SimVoltmeter(p, current_sensor=False).inlet_current(0) is None
    assert SimVoltmeter(p, temperature_sensor=False).inlet_temperature(0) is None
    assert isinstance(SimPilotMonitor(p).read(0), PilotReading)
    reading = SimVehicleData(p).read(0)
    assert isinstance(reading, BatteryReading) and reading.permission.value is True and reading.voltage.at == 0
    assert 300 < reading.voltage.value < reading.max_voltage.value and reading.soc_percent.value == 20.0 and reading.target_current.value == 125.0
    assert reading.hottest == Quantity(None, -1), "no thermometer in this battery"
    assert SimPowerMeter(p).isolation(0) is None          # no voltage, no measurement


def test_insulation_is_measured_above_its_minimum_voltage():
    p = plant()
    meter, supply = SimPowerMeter(p), SimPowerSupply(p)
    assert supply.set(400.0, 1.0, 0) is True
    assert meter.isolation(3 * S) == 1e6
    p.isolation = 12_000.0
    assert meter.isolation(3 * S) == 12_000.0
    assert supply.off(3 * S) is True
    assert meter.isolation(6 * S) is None


def test_switches_move_none_and_then_confirm():
    p = plant()
    contactors, lock = SimContactors(p), SimConnectorLock(p)
    assert contactors.set_closed(True, 0) and lock.set_locked(True, 0)
    assert contactors.feedback(39 * MS) is None and contactors.feedback(40 * MS) is True
    assert lock.feedback(599 * MS) is None and lock.feedback(600 * MS) is True
    assert lock.set_locked(False, S) and lock.feedback(S) is None and lock.feedback(2 * S) is False


def test_pilot_source_and_pilot_resistor_meet_on_the_line():
    p = plant()
    source, pilot, at_car, at_charger = SimPilotSource(p), SimControlPilot(p), SimPilotMonitor(p), SimPilotMonitor(p, charger=True)
    assert source.set_duty(5.0, 0) and pilot.set_state_c(True, 1)
    assert at_car.read(1) == PilotReading(PilotState.C, 5.0) == at_charger.read(1)
    assert source.set_duty(None, 2) and at_car.read(2).state is PilotState.F


def test_a_frozen_sensor_keeps_its_value_and_an_offset_shifts_voltages_only():
    p = plant()
    meter, supply = SimVoltmeter(p), SimPowerSupply(p)
    meter.set_faults(frozen=True)
    assert meter.inlet_voltage(0) == 0.0
    supply.set(300.0, 1.0, 0)
    assert meter.inlet_voltage(5 * S) == 0.0
    meter.set_faults(offset=15.0)
    assert meter.inlet_voltage(5 * S) == 315.0 and meter.inlet_current(5 * S) == 0.0
    meter.set_faults()
    assert meter.inlet_voltage(5 * S) == 300.0


def test_a_distorted_quantity_reads_something_else_and_the_others_stay_true():
    p = plant()
    meter, power, supply = SimVoltmeter(p), SimPowerMeter(p), SimPowerSupply(p)
    supply.set(300.0, 1.0, 0)
    meter.distort("current", lambda value: value + 7.0)
    power.distort("isolation", lambda value: math.nan)
    assert (meter.inlet_voltage(5 * S), meter.inlet_current(5 * S), meter.supply_voltage(5 * S)) == (300.0, 7.0, 13.5)
    assert power.voltage(5 * S) == 300.0 and math.isnan(power.isolation(5 * S)) and meter.errors == power.errors == 0
    meter.distort("supply", lambda value: None)
    assert meter.supply_voltage(5 * S) is None and meter.inlet_current(5 * S) == 7.0 and meter.errors == 1
    meter.set_faults()
    power.set_faults()
    assert meter.inlet_current(6 * S) == 0.0 and meter.supply_voltage(6 * S) == 13.5 and power.isolation(6 * S) == 1e6


def test_a_duty_that_is_not_measurable_leaves_the_state_true():
    p = plant()
    monitor = SimPilotMonitor(p)
    SimPilotSource(p).set_duty(5.0, 0)
    monitor.duty = lambda percent: None
    assert monitor.read(1) == PilotReading(PilotState.B, None) and monitor.errors == 0
    monitor.duty = None
    assert monitor.read(2) == PilotReading(PilotState.B, 5.0)


def test_noise_is_seeded():
    def values(seed):
        meter = SimVoltmeter(plant(), random.Random(seed), noise=0.5)
        return [meter.inlet_voltage(n * 20 * MS) for n in range(50)]
    assert values(1) == values(1) != values(2)
    assert all(math.isfinite(v) and abs(v) < 5 for v in values(3))


def test_the_display_keeps_pages_and_shows_them_in_braille():
    oled = SimOled()
    assert oled.write(0, 0, bytes([0x01, 0x80]), 0) and oled.write(7, 127, b"\xff", 0)
    lines = oled.as_text().split("\n")
    assert len(lines) == 16 and all(len(line) == 64 for line in lines)
    assert lines[0][0] == "\u2801"               # upper left pixel
    assert lines[1][0] == "\u2880"               # eighth row, second column
    assert lines[14][63] == lines[15][63] == "\u28b8" and lines[5] == "\u2800" * 64
    for page, column, data in ((8, 0, b"x"), (-1, 0, b"x"), (0, 128, b"x"), (0, 120, bytes(9)), (0, -1, b"x")):
        assert oled.write(page, column, data, 0) is False
    assert oled.errors == 5 and oled.writes == 2 and oled.octets == 3
    assert oled.set_contrast(8, 0) and oled.contrast == 8 and not oled.set_contrast(256, 0) and oled.errors == 6
    assert oled.fault == oled.remedy == "" and oled.run(5) > 5
    oled.failed = True
    assert not oled.set_contrast(9, 0) and oled.contrast == 8 and oled.fault and len(oled.fault) <= 19 and oled.remedy


def test_a_display_button_is_not_fitted_until_it_is():
    inputs = SimInputs(plant())
    assert inputs.display_button(0) is None and inputs.errors == 0
    inputs.display = True
    assert inputs.display_button(0) is True
    inputs.failed = True
    assert inputs.display_button(0) is None and inputs.errors == 1


def test_a_nic_counts_what_it_cannot_send():
    nic = SimNic(SimLink(random.Random(1)), "a", bytes(6))
    assert nic.fileno() == -1 and nic.next_event() == NEVER and nic.receive(10, 0) == []
    assert not nic.send(bytes(13), 0) and not nic.send(bytes(1515), 0) and nic.errors == 2
    nic.close()
    assert not nic.send(bytes(60), 0)


def test_the_fixed_vehicle_says_the_same_whenever_asked_and_refuses_nonsense():
    vehicle = fixed()
    assert vehicle.read(0).voltage == Quantity(350, 0) and vehicle.read(NEVER).voltage == Quantity(350, NEVER) and vehicle.read(0).permission.value is False
    for settings in ({}, {"battery_voltage_v": 420, "target_voltage_v": 400, "max_voltage_v": 410},
                     {"battery_voltage_v": 350, "target_voltage_v": 430, "max_voltage_v": 410},
                     {"battery_voltage_v": float("nan"), "target_voltage_v": 400, "max_voltage_v": 410},
                     {"battery_voltage_v": 350, "target_voltage_v": 400, "max_voltage_v": 410, "target_current_a": 11},
                     {"battery_voltage_v": 350, "target_voltage_v": 400, "max_voltage_v": 410, "capacity_wh": 0.0}):
        with pytest.raises(DriverError):
            FixedVehicle(FixedVehicleConfig(**settings))
