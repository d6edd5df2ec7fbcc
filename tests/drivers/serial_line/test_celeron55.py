"""The device of celeron55 over a pty against its twin: every line out and in, every age, every impossible value."""
from dataclasses import fields
from types import SimpleNamespace
import random

import pytest

from drivers import interfaces
from drivers.errors import DriverError
from drivers.interfaces import PilotReading, PilotState
from drivers.serial_line.celeron55 import Celeron55, Celeron55Config
from drivers.serial_line.device import Wiring
from drivers.serial_line.port import REOPEN_CEILING, TURN
from drivers.sim.lines import CONTACTORS, FIRST, LOCK, UNLOCK
from drivers.sim.plant import Plant
from drivers.sim.plant_config import PlantConfig
from drivers.sim.serial_devices import SimCeleron55
from kernel.settings import describe
from kernel.timer import MS, S
from tests.drivers.serial_line.wire import Line

pytest.importorskip("serial", reason="pyserial is not installed")

BATTERY = {"target_voltage_v": 400.0, "max_voltage_v": 403.0}


def plain(reading):
    """The values of a BatteryReading without their times."""
    return None if reading is None else SimpleNamespace(**{f.name: getattr(reading, f.name).value for f in fields(reading)})


def made(**settings) -> Line:
    line = Line(SimCeleron55(Plant(PlantConfig(plugged=True))))
    line.driver = Celeron55(Celeron55Config(**(BATTERY | settings)), 0, Wiring(finder=line.plug.finder()))
    return line


@pytest.fixture
def line():
    line = made()
    yield line
    line.close()


@pytest.fixture
def mute():
    """The test says what the device says."""
    line = made()
    line.device.silent = True
    line.step(0)
    line.pty.write(b"\n")
    line.driver.run(0)
    yield line
    line.close()


def say(line: Line, *texts: str, now: int = TURN) -> Celeron55:
    line.pty.write("".join(text + "\n" for text in texts).encode())
    line.driver.run(now)
    return line.driver


PARTS = [("voltmeter", "Voltmeter"), ("pilot_monitor", "PilotMonitor"), ("control_pilot", "ControlPilot"), ("contactors", "Contactors"),
         ("lock", "ConnectorLock"), ("vehicle", "VehicleData")]


@pytest.mark.parametrize("part, protocol", PARTS)
def test_it_keeps_the_interfaces(line, part, protocol):
    wanted = getattr(interfaces, protocol)
    names = {n for n in vars(wanted) if not n.startswith("_")} | set(wanted.__annotations__)
    assert names and not [n for n in names if not hasattr(getattr(line.driver, part), n)]
    assert getattr(line.driver, part).errors == 0


def test_everything_is_unknown_before_it_was_said(mute):
    driver = mute.driver
    assert [driver.voltmeter.inlet_voltage(0), driver.pilot_monitor.read(0), driver.contactors.feedback(0), driver.lock.feedback(0), driver.vehicle.read(0)] == [None] * 5


def test_a_car_at_a_charger(line):
    plant, driver = line.device.plant, line.driver
    plant.pilot.duty = 5.0
    plant.pilot.update()
    plant.command_stage(True, 350.0, 2.0, 0)
    now = line.run(0, 3 * S)
    assert driver.voltmeter.inlet_voltage(now) == 350.0 and driver.pilot_monitor.read(now) == PilotReading(PilotState.B, 5.0)
    assert driver.control_pilot.set_state_c(True, now) and driver.contactors.set_closed(True, now) and driver.lock.set_locked(True, now)
    now = line.run(now, now + S)
    assert driver.pilot_monitor.read(now) == PilotReading(PilotState.C, 5.0) and driver.contactors.feedback(now) is True and plant.car_lock.position
    reading = plain(driver.vehicle.read(now))
    assert (reading.soc_percent, reading.target_current, reading.target_voltage, reading.max_voltage, reading.permission) == (20.0, 125.0, 400.0, 403.0, True)
    assert reading.voltage == pytest.approx(plant.battery.ocv() + plant.current * plant.battery.resistance, abs=1.0)
    assert driver.contactors.set_closed(False, now) and driver.control_pilot.set_state_c(False, now) and driver.lock.set_locked(False, now)
    now = line.run(now, now + S)
    assert driver.contactors.feedback(now) is False and not plant.pilot.state_c and not plant.car_lock.position and driver.bad == 0


# --- pilot -------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("said, reading", [
    (("plugged_in=0",), PilotReading(PilotState.A, None)),
    (("plugged_in=0", "cp_output_state=1", "cp_pwm=5"), PilotReading(PilotState.A, None)),
    (("plugged_in=1", "cp_output_state=0", "cp_pwm=5"), PilotReading(PilotState.B, 5.0)),
    (("plugged_in=1", "cp_output_state=1", "cp_pwm=5"), PilotReading(PilotState.C, 5.0)),
    (("plugged_in=1", "cp_output_state=0", "cp_pwm=0"), PilotReading(PilotState.B, 100.0)),
    (("plugged_in=1", "cp_output_state=0"), PilotReading(PilotState.B, None)),
    (("plugged_in=1", "cp_pwm=5"), None),
    (("cp_output_state=1", "cp_pwm=5"), None),
    (("plugged_in=1", "cp_output_state=2", "cp_pwm=5"), None),
])
def test_the_pilot(mute, said, reading):
    assert say(mute, *said).pilot_monitor.read(TURN) == reading


def test_the_unit_of_the_duty_is_a_setting():
    line = made(cp_pwm_full=1000.0)
    line.device.silent = True
    line.step(0)
    driver = say(line, "", "plugged_in=1", "cp_output_state=0", "cp_pwm=53")
    assert driver.pilot_monitor.read(TURN) == PilotReading(PilotState.B, 5.3)
    line.close()


# --- values ------------------------------------------------------------------------------------------------------------

ALL = {"inlet_v": "350", "dc_link_v": "341.5", "cp_pwm": "5", "cp_output_state": "1", "plugged_in": "1", "contactor_confirmed": "1",
       "ccs_contactor_wanted_closed": "1", "max_charge_a": "125", "soc_percent": "55"}
FAST = ("inlet_v", "dc_link_v", "cp_pwm", "cp_output_state", "plugged_in", "contactor_confirmed", "max_charge_a", "ccs_contactor_wanted_closed")
OF_THE_BATTERY = ("dc_link_v", "soc_percent", "max_charge_a", "ccs_contactor_wanted_closed")


@pytest.mark.parametrize("name", ALL)
def test_each_value_has_its_own_age(mute, name):
    driver = say(mute, *(f"{key}={value}" for key, value in ALL.items()))
    assert all(driver.value(key, TURN) == float(value) for key, value in ALL.items())
    bound = 500 * MS if name in FAST else 2000 * MS
    for now in range(2 * TURN, TURN + bound + 2 * TURN, TURN):
        say(mute, *(f"{key}={value}" for key, value in ALL.items() if key != name), now=now)
        assert (driver.value(name, now) is None) == (now - TURN > bound), now
        assert all(driver.value(key, now) is not None for key in ALL if key != name)
    assert driver.age(name, now) == now - TURN
    missing = {"inlet_v": [driver.voltmeter.inlet_voltage(now)], "contactor_confirmed": [driver.contactors.feedback(now)],
               "plugged_in": [driver.pilot_monitor.read(now)], "cp_output_state": [driver.pilot_monitor.read(now)]}
    assert missing.get(name, [driver.vehicle.read(now)] if name in OF_THE_BATTERY else [None]) == [None]


@pytest.mark.parametrize("text", ["inlet_v=-51", "inlet_v=1101", "inlet_v=", "inlet_v=nan", "inlet_v=1e3", "inlet_v= 350", "inlet_v=35O", "inlet_v=350=1",
                                  "dc_link_v=-1", "dc_link_v=1001", "cp_pwm=-1", "cp_pwm=101", "contactor_confirmed=0.5", "contactor_confirmed=True",
                                  "plugged_in=2", "plugged_in=-1", "max_charge_a=-1", "soc_percent=101", "soc_percent=99999999", "inlet_v=--3", "inlet_v=3."])
def test_an_impossible_value_is_unknown_and_counted(mute, text):
    name = text.split("=")[0]
    driver = say(mute, f"{name}={ALL[name]}", text)
    assert driver.value(name, TURN) is None and driver.bad == 1 and driver.fault == "C55: bad values" and driver.remedy


def test_lines_of_others_are_left_alone(mute):
    driver = say(mute, "inlet_v=350", "hello", "=", "=5", "inlet=3", "INLET_V=3", "lc text")
    assert driver.value("inlet_v", TURN) == 350.0 and driver.bad == 0


def test_contacts_are_what_the_device_says_and_not_what_was_commanded(mute):
    driver = say(mute, "contactor_confirmed=0")
    assert driver.contactors.set_closed(True, TURN) and driver.contactors.feedback(TURN) is False
    assert say(mute, "contactor_confirmed=1", now=2 * TURN).contactors.feedback(2 * TURN) is True


# --- vehicle -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("said, current", [("0", 0.0), ("125", 125.0), ("250", 250.0), ("400", 250.0)])
def test_no_more_than_the_field_programs_ceiling_is_asked_for(mute, said, current):
    assert plain(say(mute, *(f"{k}={v}" for k, v in (ALL | {"max_charge_a": said}).items())).vehicle.read(TURN)).target_current == current


def test_a_lower_wish_is_no_lower_limit():
    """Current that still flows above a wish that has just fallen must not trip the supervisor."""
    line = made(max_current_a=100.0)
    line.device.silent = True
    line.step(0)
    reading = plain(say(line, "", *(f"{k}={v}" for k, v in (ALL | {"max_charge_a": "20"}).items())).vehicle.read(TURN))
    assert (reading.target_current, reading.max_current) == (20.0, 100.0)
    line.close()


def test_the_device_gives_and_takes_the_permission(mute):
    assert plain(say(mute, *(f"{k}={v}" for k, v in ALL.items())).vehicle.read(TURN)).permission is True
    assert plain(say(mute, "ccs_contactor_wanted_closed=0", now=2 * TURN).vehicle.read(2 * TURN)).permission is False


@pytest.mark.parametrize("settings", [{}, {"target_voltage_v": 400.0}, {"target_voltage_v": 410.0, "max_voltage_v": 400.0}])
def test_what_the_device_does_not_say_must_stand_in_the_settings(settings):
    with pytest.raises(DriverError, match="battery's data sheet"):
        Celeron55(Celeron55Config(**settings))


def test_without_its_vehicle_data_no_battery_has_to_be_described():
    line = Line(SimCeleron55(Plant()))
    line.driver = Celeron55(Celeron55Config(), 0, Wiring(finder=line.plug.finder()), vehicle=False)
    assert line.driver.fault == ""
    line.close()


# --- outputs -----------------------------------------------------------------------------------------------------------

def test_outputs_are_repeated_pilot_first_and_the_lock_is_said_once(line):
    driver, device = line.driver, line.device
    now = line.run(0, S)
    assert driver.control_pilot.set_state_c(True, now) and driver.lock.set_locked(True, now)
    now = line.run(now, now + S)
    said = [text for text in device.heard if text in ("lock", "unlock")]
    assert said == ["lock"] and device.heard[-4:] == ["cp=1", "contactor=0"] * 2
    assert driver.lock.set_locked(False, now)
    line.run(now, now + S)
    assert device.heard.count("unlock") == 1 and (driver.lines.level(LOCK), driver.lines.level(UNLOCK)) == (False, True)


def test_the_display_of_the_device(line):
    line.driver.display.show(("Ladestand 55 %", "125 A", ""), 0)
    line.run(0, S)
    assert line.device.display == ["Ladestand 55 %", "125 A", ""]


def test_once_the_guard_holds_not_one_octet_goes_out(line):
    driver = line.driver
    now = line.run(0, S)
    driver.lines.hold()
    sent = driver.port.sent
    driver.display.show(("a", "b", "c"), now)
    assert not driver.lock.set_locked(False, now) and not driver.control_pilot.set_state_c(True, now)
    line.run(now, now + S)
    assert driver.port.sent == sent and driver.fault == "C55: guard holds"


def test_unplugged_under_current(line):
    driver = line.driver
    now = line.run(0, S)
    assert driver.control_pilot.set_state_c(True, now) and driver.contactors.set_closed(True, now)
    now = line.run(now, now + S)
    line.unplug()
    now = line.step(now)
    assert driver.fault == "C55: unplugged" and driver.vehicle.read(now) is None and driver.pilot_monitor.read(now) is None
    assert driver.contactors.feedback(now) is None and not driver.lock.set_locked(True, now)
    assert not driver.lines.level(FIRST) and not driver.lines.level(CONTACTORS) and driver.lost
    line.replug()
    now = line.run(now, now + REOPEN_CEILING)
    assert driver.fault == "" and driver.contactors.feedback(now) is False and not line.device.plant.car_contactors.commanded


@pytest.mark.parametrize("seed", range(4))
def test_garbage_floods_and_half_lines(seed):
    """Nothing raises, nothing impossible is told, the work of a turn is bounded, and the device is understood again afterwards."""
    rng = random.Random(seed)
    line = made()
    driver = line.driver
    texts = [f"{key}={value}" for key, value in ALL.items()]
    for n in range(600):
        now = n * TURN
        kind = rng.random()
        if kind < 0.3:
            line.pty.write(rng.randbytes(rng.randrange(1, 600)))
        elif kind < 0.6:
            text = rng.choice(texts) + "\r\n"
            line.pty.write(text[:rng.randrange(len(text))].encode())
        elif kind < 0.8:
            line.pty.write((rng.choice(list(ALL)) + "=" + rng.choice(["", "-", "1" * 90, "1e9", "inf", "\x00", "0x10"]) + "\n").encode())
        before = driver.port.received
        driver.run(now)
        line.pty.read()
        assert driver.port.received - before <= 256 and driver.port.is_open
        for name, low, high in (("inlet_v", -50, 1100), ("soc_percent", 0, 100), ("cp_pwm", 0, 100), ("contactor_confirmed", 0, 1)):
            value = driver.value(name, now)
            assert value is None or low <= value <= high
    line._taken = driver.port.sent
    now = line.run(now, now + 3 * S)
    assert driver.vehicle.read(now) is not None and driver.pilot_monitor.read(now) is not None and driver.fault == ""
    line.close()


def test_every_setting_is_explained():
    entries = list(describe(Celeron55Config))
    assert len(entries) == 12 and all(entry.meaning for entry in entries)
