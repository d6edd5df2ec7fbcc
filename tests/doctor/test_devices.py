"""I2C, serial ports, CAN and outputs: every row, and that what a running box holds is not touched."""
import errno
import json

import pytest

from drivers.pins.look import LineInfo
from drivers.pins.names import Chip
from tests.doctor.made import ALONE, BESIDE, Made, levels, only, settings
from tools.doctor import buses, can, machine, outputs
from tools.doctor.devices import output_pins

PI = Chip("gpiochip0", "pinctrl-bcm2711", 54, "/sys/devices/gpio", "/dev/gpiochip0")
OTHER = Chip("gpiochip0", "some-chip", 54, "/sys/devices/gpio", "/dev/gpiochip0")


def with_panel(**values):
    config = settings(**values)
    config.oled.controller = "ssd1306"
    return config


# --- I2C

def bus(made, hertz=None):
    made.put("/dev/i2c-1")
    return made if hertz is None else made.put("/sys/class/i2c-adapter/i2c-1/of_node/clock-frequency", hertz.to_bytes(4, "big"))


def test_each_chip_is_asked_at_its_address(tmp_path):
    asked = []
    made = bus(Made(tmp_path, i2c_read=lambda number, address: asked.append((number, address))), 400_000)
    assert levels(buses.i2c(made.patient(with_panel()))) == [("I2C", "ok"), ("I2C", "ok")] and asked == [(1, 0x3C), (1, 0x48)]
    bus(made, 100_000)
    found = list(buses.i2c(made.patient(with_panel())))
    assert levels(found)[-1] == ("I2C", "warn") and "100 kHz" in found[-1].found
    assert levels(buses.i2c(made.patient())) == [("I2C", "ok")], "without a panel the speed is enough"


@pytest.mark.parametrize("error, level, short", [
    (OSError(errno.EREMOTEIO, "Remote I/O error"), "fail", "ADC: no answer"), (OSError(errno.ETIMEDOUT, "timed out"), "fail", "ADC: bus stuck"),
    (PermissionError(errno.EACCES, "Permission denied"), "fail", "I2C: no permission"), (ImportError("No module named 'smbus2'"), "fail", "smbus2 missing")])
def test_a_converter_that_does_not_answer(tmp_path, error, level, short):
    def refuse(number, address):
        raise error
    finding = only(buses.i2c(bus(Made(tmp_path, i2c_read=refuse)).patient()))
    assert (finding.level, finding.short) == (level, short)


@pytest.mark.parametrize("required, level", [(False, "warn"), (True, "fail")])
def test_a_panel_that_does_not_answer_keeps_no_box_from_charging(tmp_path, required, level):
    def refuse(number, address):
        if address == 0x3C:
            raise OSError(errno.ENXIO, "No such device or address")
    config = with_panel()
    config.oled.required = required
    assert levels(buses.i2c(bus(Made(tmp_path, i2c_read=refuse)).patient(config))) == [("I2C", level), ("I2C", "ok")]


def test_a_bus_that_is_not_there(tmp_path):
    finding = only(buses.i2c(Made(tmp_path).put("/dev/i2c-7").patient()))
    assert finding.level == "fail" and "i2c-7" in finding.found and "dtparam=i2c_arm=on" in finding.remedy


def test_chips_of_a_running_box_are_left_alone(tmp_path):
    assert levels(buses.i2c(bus(Made(tmp_path)).patient(with_panel(), running=BESIDE))) == [("I2C", "ok"), ("I2C", "ok")]


def test_the_guard_of_a_dead_box_holds_outputs_and_nothing_else(tmp_path):
    asked = []
    made = bus(Made(tmp_path, i2c_read=lambda number, address: asked.append(address)))
    assert levels(buses.i2c(made.patient(with_panel(), running=ALONE))) == [("I2C", "ok"), ("I2C", "ok")] and asked == [0x3C, 0x48]
    assert "held by the running box" in only(outputs.outputs(made.patient(running=ALONE))).found


def test_nothing_on_i2c(tmp_path):
    assert levels(buses.i2c(Made(tmp_path).patient(settings(board="dieter")))) == [("I2C", "ok")]
    assert levels(buses.i2c(Made(tmp_path).patient(settings(), simulate_io=True))) == [("I2C", "ok")]


# --- serial ports

@pytest.mark.parametrize("port, there, level", [
    ("auto", (), "fail"), ("auto", ("ttyUSB0",), "ok"), ("auto", ("ttyACM0", "ttyUSB0"), "warn"), ("/dev/ttyUSB7", ("ttyUSB0",), "fail"), ("/dev/ttyUSB0",
                                                                                                                                           ("ttyUSB0",), "ok")])
def test_the_port_of_a_serial_board(tmp_path, port, there, level):
    made, config = Made(tmp_path).folder("/dev"), settings(board="dieter")
    config.dieter.serial.port = port
    for name in there:
        made.put(f"/dev/{name}")
    assert levels(buses.serial(made.patient(config))) == [("serial", level)]
    assert levels(buses.serial(made.patient(config, running=BESIDE))) == [("serial", "ok")]


def test_a_port_that_is_not_permitted(tmp_path, monkeypatch):
    monkeypatch.setattr(buses.os, "access", lambda path, mode: False)
    assert only(buses.serial(Made(tmp_path).put("/dev/ttyUSB0").patient(settings(board="celeron55")))).short == "serial: permission"


# --- CAN

def link(kind="can", up=True, state="ERROR-ACTIVE", bitrate=500_000, restart=100):
    data = {"state": state, "restart_ms": restart, "bittiming": {"bitrate": bitrate}} if kind == "can" else {}
    return json.dumps([{}, {"ifname": "can0", "flags": ["NOARP"] + ["UP"] * up, "linkinfo": {"info_kind": kind, "info_data": data}}])


@pytest.mark.parametrize("said, level, word", [
    (link(), "ok", "500000 bit/s"), (link(up=False), "fail", "is down"), (link(state="STOPPED"), "fail", "is down"), (link(bitrate=250_000), "fail", "250000"),
    (link(state="BUS-OFF"), "fail", "bus off"), (link(state="ERROR-PASSIVE"), "warn", "ERROR-PASSIVE"), (link(restart=0), "warn", "restart-ms 0"),
    (link("vcan"), "ok", "virtual"), (link("vcan", up=False), "fail", "is down"), (link("veth"), "fail", "no CAN interface"), 
    ("nonsense", "warn", "not known"), ("[]", "warn", "not known")])
def test_the_bus_of_a_bridge(tmp_path, said, level, word):
    made = Made(tmp_path).folder("/sys/class/net/can0").answer("ip -details -json link show dev can0", said)
    finding = only(can.can(made.patient(settings(mode="bridge"))))
    assert finding.level == level and word in finding.found


@pytest.mark.parametrize("code, said, word", [
    (machine.TOO_SLOW, "", "busy"), (1, "", "exit code 1)"), (255, "RTNETLINK answers: Operation not permitted\n", "exit code 255, RTNETLINK answers: Operation"),
    (None, "", "no command ip")])
def test_a_bus_whose_state_is_not_known_is_told_with_why(tmp_path, code, said, word):
    made = Made(tmp_path).folder("/sys/class/net/can0")
    if code is not None:
        made.answer("ip -details -json link show dev can0", said, code)
    finding = only(can.can(made.patient(settings(mode="bridge"))))
    assert finding.level == "warn" and "its state is not known" in finding.found and word in finding.found


def test_a_bus_that_is_missing_or_not_wanted(tmp_path):
    assert only(can.can(Made(tmp_path).patient(settings(mode="bridge")))).short == "no CAN interface"
    made = Made(tmp_path).folder("/sys/class/net/can0")
    assert levels(can.can(made.patient(settings(mode="bridge")))) == [("CAN", "warn")], "no ip here"
    assert levels(can.can(made.patient())) == [("CAN", "ok")]
    config = settings(charge_parameter_backend="dbc")
    assert levels(can.can(made.patient(config))) == [("CAN", "warn")]
    config.can.interface = "slcan"
    assert levels(can.can(made.patient(config))) == [("CAN", "ok")]


# --- outputs

def pins(made, chip, consumer="", output=False):
    """Everybody's lines are alike, but GPIO17 (pilot state C) is as given."""
    def line(path, offset):
        assert path == "/dev/gpiochip0"
        return LineInfo(f"GPIO{offset}", consumer if offset == 17 else "", output if offset == 17 else False)
    made.machine.gpio_chips, made.machine.gpio_line = lambda: [chip], line
    return made


def test_a_line_that_nobody_drives_is_safe_where_no_level_can_be_told(tmp_path):
    finding = only(outputs.outputs(pins(Made(tmp_path), PI).patient()))
    assert finding.level == "ok" and finding.found.startswith("5 at their safe level: pilot state C (not driven), contactors")


@pytest.mark.parametrize("consumer, output, level, word", [
    ("spi0 CS0", False, "fail", "held by spi0 CS0"), ("", True, "warn", "level cannot be read"), ("ccsbox", True, "ok", "guard of an earlier run")])
def test_who_holds_a_line_and_whether_it_is_driven(tmp_path, consumer, output, level, word):
    found = list(outputs.outputs(pins(Made(tmp_path), PI, consumer, output).patient()))
    assert levels(found)[0] == ("outputs", level) and word in found[0].found


@pytest.mark.parametrize("answer, active_low, level", [
    ("17: op dh pd | hi // GPIO17 = output", False, "fail"), ("17: op dl pd | lo // GPIO17 = output", False, "ok"), ("17: op dl pd | lo // GPIO17 = output",
                                                                                                                     True, "fail"),
    ("17: ip    pu | hi // GPIO17 = input", False, "warn"), ("17: ip    pd | lo // GPIO17 = input", False, "ok"), ("17: ip    pu | hi // GPIO17 = input", True,
                                                                                                                   "ok")])
@pytest.mark.parametrize("tool", ["pinctrl", "raspi-gpio"])
def test_the_level_of_a_raspberry_pi_by_its_own_tool(tmp_path, answer, active_low, level, tool):
    config = settings()
    config.raspberry_pi.car.pilot_c.active_low = active_low
    if tool == "raspi-gpio":
        answer = f"GPIO 17: level={int('hi' in answer)} fsel=0 func={'OUTPUT' if ' op ' in answer else 'INPUT'} pull=DOWN"
    made = pins(Made(tmp_path), PI).answer(f"{tool} get 17", answer)
    found = list(outputs.outputs(made.patient(config)))
    assert levels(found)[0] == ("outputs", level)
    assert (found[0].short == "GPIO17 is ON") == (level == "fail")
    assert all(words[1] == "get" for words in made.asked), "nothing but reading"


def test_no_permission_and_no_such_pin(tmp_path):
    made = pins(Made(tmp_path), OTHER)
    assert {level for _, level in levels(outputs.outputs(made.patient(settings(board="beaglebone"))))} == {"fail"}

    def denied():
        raise PermissionError(errno.EACCES, "Permission denied")
    made.machine.gpio_chips = denied
    assert only(outputs.outputs(made.patient())).short == "GPIO: permission"


def test_what_a_running_box_holds_is_not_looked_at(tmp_path):
    finding = only(outputs.outputs(Made(tmp_path).patient(running=BESIDE)))
    assert finding.level == "ok" and "held by the running box" in finding.found and "guard 4712" in finding.found
    assert levels(outputs.outputs(Made(tmp_path).patient(settings(board="dieter")))) == [("outputs", "ok")]
    assert levels(outputs.outputs(Made(tmp_path).patient(simulate_io=True))) == [("outputs", "ok")]


@pytest.mark.parametrize("files, level", [(None, "fail"), ({}, "ok"), ({"enable": "1", "period": "1000000", "duty_cycle": "50000"}, "warn"),
                                          ({"enable": "1", "period": "1000000", "duty_cycle": "1000000"},
                                           "ok"), ({"enable": "0", "period": "1000000", "duty_cycle": "50000"}, "ok")])
def test_the_pulse_generator_of_a_charger(tmp_path, files, level):
    made, config = pins(Made(tmp_path), PI), settings(mode="evse")
    if files is not None:
        made.folder("/sys/class/pwm/pwmchip0/pwm0")
        for name, text in files.items():
            made.put(f"/sys/class/pwm/pwmchip0/pwm0/{name}", text)
    assert levels(outputs.outputs(made.patient(config)))[0] == ("outputs", level)


def test_every_output_pin_of_every_mode_is_among_them():
    def named(mode, board="raspberry_pi"):
        return [output.pin.pin for output in output_pins(settings(mode=mode, board=board))]
    assert named("pev") == ["GPIO17", "GPIO27", "GPIO22", "GPIO23", "GPIO24"]
    assert named("bridge") == [*named("pev"), "GPIO12", "GPIO13", "GPIO18", "GPIO15"]
    assert named("evse") == ["GPIO17", "GPIO22", "GPIO23", "GPIO24"]
    assert named("evse", "focccicape") == ["P9_16"] and named("pev", "dieter") == []
