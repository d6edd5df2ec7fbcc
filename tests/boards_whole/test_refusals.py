"""What a user reads who has made one of the likely mistakes, by the command line's own loader, before or as the board is opened."""
from __future__ import annotations

import os

import pytest

from drivers.boards.plans import plan
from drivers.errors import DriverError
from drivers.pins.library import Pins, load_api
from kernel.settings import SettingsError
from tests.boards_whole.box import written
from tests.boards_whole import files
from tests.boards_whole.gpio import I2cBus, PanelChip
from tests.drivers.adc.twins import Ads1x15Twin, Now
from tests.drivers.pins import kernel
from tests.drivers.pins.libraries import gpiod_v2, raspberry

pytest.importorskip("smbus2", reason="smbus2 is not installed")
pytest.importorskip("serial", reason="pyserial is not installed")

PI = files.PI + files.FIXED
AC = """
board: raspberry_pi
evse:
  energy_transfer_modes: [AC_three_phase_core]
  protocols: [iso2]
safety:
  ac:
    residual_current_fitted: false
"""


def pin(name: str, use: str = "contactors") -> str:
    return PI.replace("raspberry_pi:\n", f"raspberry_pi:\n  car:\n    {use}:\n      pin: {name}\n")


DIETER = files.DIETER.format(port="/dev/not-there")
REFUSED = {
    "a wrong pin name": ("pev", pin("GPIO99"), ("'GPIO99'", "58 lines"), "GPIO2 to GPIO27"),
    "two uses of one pin": ("pev", pin("GPIO17"), ("pilot state C", "contactors", "GPIO17"), "another"),
    "a gain that is missing": ("pev", PI.replace("        gain: 300\n", ""), ("ads1x15:0", "no gain"), "resistor"),
    "a channel that is not read": ("pev", PI.replace('"ads1x15:2"', '"ads1x15:7"'), ("inlet A", "ads1x15:7", "does not read pin '7'"), "0, 1, 2, 3"),
    "no group gpio": ("pev", PI, ("Permission denied", "/dev/gpiochip1"), "usermod -aG gpio"),
    "a wrong bus number": ("pev", PI.replace("  measuring:\n", "  measuring:\n    ads1x15:\n      i2c_bus: 31\n      channels: [\"0\", \"1\", \"2\", \"3\"]\n"),
                           ("/dev/i2c-31", "No such file"), "i2cdetect -l"),
    "Dieter and a pilot": ("pev", DIETER.replace("require_pilot: false", "require_pilot: true"), ("Dieter", "no control pilot"), "connection.require_pilot: false"),
    "a pilot without its duty": ("pev", PI.replace("require_pilot: false", "require_pilot: true"), ("reads no duty", "5 % PWM"), "raspberry_pi.measuring.pilot.mean_channel"),
    "nobody says what the battery wants": ("pev", PI.replace("charge_parameter_backend: fixed", ""), ("charge_parameter_backend = none",), "fixed, mqtt or dbc"),
    "celeron55's data at another board": ("pev", PI.replace("backend: fixed", "backend: device"), ("charge_parameter_backend = device",), "fixed, mqtt or dbc"),
    "a car's board in a charger": ("evse", "board: dieter\n", ("dieter is for a car", "mode = evse"), "mode: pev"),
    "a charger's board in a car": ("pev", "board: focccicape\n", ("focccicape is for a charger", "mode = pev"), "mode: evse"),
    "a DC charger at pins": ("evse", "board: raspberry_pi\n", ("no driver for a DC power stage",), "focccicape"),
    "a wallbox that reads no pilot": ("evse", AC, ("reads no control pilot",), "raspberry_pi.measuring.pilot.channel"),
    "a sensor that is not there": ("pev", "board: beaglebone\ncharge_parameter_backend: fixed\n", ("safety.pev.voltage_sensor_fitted",), "config.yaml"),
    "a battery without voltage": ("pev", DIETER.replace("battery_voltage_v: 350", "battery_voltage_v: 0"), ("battery 0.0 V",), "data sheet"),
    "a port that is none": ("pev", DIETER.replace("/dev/not-there", "COM3"), ("'COM3' is no serial port",), "/dev/serial/by-id"),
    "an unknown board": ("pev", "board: raspberrypi\n", ("board", "raspberrypi"), "raspberry_pi"),
}


def opened(monkeypatch, folder, role, text, forbidden=False):
    """As main.py does it: settings, plan, lines, devices."""
    twin = raspberry(forbidden=forbidden)
    if forbidden:
        twin.chips["/dev/gpiochip1"].forbidden = True
    bus = I2cBus(Ads1x15Twin(Now()), PanelChip())
    monkeypatch.setattr("smbus2.SMBus", bus)
    made, shared = plan(written(folder, role, text), Pins("gpiod", load_api(gpiod_v2(twin), kernel.ioctl), None, twin.paths, patience_s=0.0))
    lines = made.lines()
    try:
        made.board(lines, None, 0)
        for device in shared.polled:
            device.run(0)
        return [device.fault for device in shared.polled if device.fault], shared.notes
    finally:
        lines.close()
        os.close(bus.fd)


@pytest.mark.parametrize("mistake", REFUSED)
def test_it_says_what_is_wrong_and_what_to_do(tmp_path, monkeypatch, mistake):
    role, text, problem, remedy = REFUSED[mistake]
    with pytest.raises((DriverError, SettingsError)) as refused:
        opened(monkeypatch, tmp_path, role, text, mistake == "no group gpio")
    said = str(refused.value)
    assert all(words in said for words in problem) and remedy in said, said
    assert said.count("\n") <= 2 and len(said) < 600 and "Traceback" not in said


def test_a_device_that_is_plugged_in_later_is_no_mistake(tmp_path, monkeypatch):
    """Missing devices are looked for again; what is assumed all the same is told at each start."""
    faults, notes = opened(monkeypatch, tmp_path, "pev", DIETER)
    assert faults == ["Dieter: unplugged"]
    assert [note.split(":")[0] for note in notes] == ["THE CONTROL PILOT IS NOT READ", "THE PLUG IS NOT LOCKED"]


def test_a_board_that_measures_everything_has_nothing_to_confess(tmp_path, monkeypatch):
    assert opened(monkeypatch, tmp_path, "pev", PI) == ([], [])


def test_an_unread_pilot_is_told_at_each_start(tmp_path, monkeypatch):
    text = PI.replace('      channel: "ads1x15:1"\n      gain: 10\n      offset: -15\n', '      channel: ""\n')
    faults, notes = opened(monkeypatch, tmp_path, "pev", text)
    assert not faults and len(notes) == 1 and notes[0].startswith("THE CONTROL PILOT IS NOT READ")
