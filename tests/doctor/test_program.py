"""Configuration, board plan, Python and its packages, libpcap, EXI library."""
import pytest

from exi_native.library import CodecUnavailable
from tasks.config import Config
from tests.architecture.source import ROOT
from tests.doctor.made import Made, levels, only, settings
from tools.doctor import program
from tools.doctor.machine import load_codec
from tools.doctor.settings import board, configuration, read

DEFAULT = ROOT / "config.yaml"


# --- configuration

def test_the_shipped_configuration_is_valid(tmp_path):
    config, problems = read(None, DEFAULT)
    assert problems == () and config == Config()
    assert levels(configuration(Made(tmp_path).patient(config))) == [("configuration", "ok")]


def test_every_problem_is_a_line_and_what_is_right_is_still_believed(tmp_path):
    file = tmp_path / "my.yaml"
    file.write_text("mode: evse\ninterface: eth7\nboard: nonsense\nev:\n  max_voltage_v: 99999\nno_such_key: 1\ncan:\n  channel: can3\n")
    config, problems = read(str(file), DEFAULT)
    assert len(problems) == 3 and (config.mode, config.interface, config.board, config.can.channel) == ("evse", "eth7", "simulated", "can3")
    found = list(configuration(Made(tmp_path).patient(config, problems=problems)))
    assert levels(found) == [("configuration", "fail")] * 3 + [("configuration", "warn")] and "board" in found[0].found


@pytest.mark.parametrize("text", ["mode: [", "\t- x", "mode: evse\nmode: pev\n", None])
def test_a_file_that_cannot_be_read_gives_defaults(tmp_path, text):
    file = tmp_path / "my.yaml"
    if text is not None:
        file.write_text(text)
    config, problems = read(str(file), DEFAULT, mode="evse", interface="eth9")
    assert problems and (config.mode, config.interface) == ("evse", "eth9")


def test_sections_that_contradict_each_other_are_left_out_until_they_do_not(tmp_path):
    file = tmp_path / "my.yaml"
    file.write_text("mode: bridge\nboard: raspberry_pi\ncharge_parameter_backend: fixed\n")
    config, problems = read(str(file), DEFAULT)
    assert problems and config.mode == "bridge" and config.charge_parameter_backend == "none"


def test_a_flood_of_problems_is_cut(tmp_path):
    found = list(configuration(Made(tmp_path).patient(problems=tuple(f"key {n} is wrong" for n in range(30)))))
    assert len(found) == 14 and "18 more problems" in found[12].found


# --- board

def test_the_plan_of_the_board(tmp_path):
    made = Made(tmp_path)
    assert only(board(made.patient())).level == "fail", "raspberry_pi without its gains: what main.py refuses"
    assert only(board(made.patient(settings(board="simulated")))).short == "board: simulated"
    for patient in (made.patient(settings(mode="listen")), made.patient(simulate_io=True)):
        assert levels(board(patient)) == [("board", "ok")]


def test_a_board_that_fits(tmp_path):
    config = settings(board="dieter", charge_parameter_backend="fixed")
    for name in ("current_sensor", "temperature_sensor", "supply_sensor", "contactor_feedback", "lock_feedback"):
        setattr(config.safety.pev, f"{name}_fitted", False)
    config.safety.pev.stop_button = "none"
    config.connection.require_pilot = config.connection.require_duty = False
    finding = only(board(Made(tmp_path).patient(config)))
    assert finding.level == "warn" and "charge_permission" in finding.found
    config.vehicle_fixed.charge_permission = True
    assert levels(board(Made(tmp_path).patient(config))) == [("board", "ok")]


def car():
    """On a Raspberry Pi, without the sensors."""
    config = settings(charge_parameter_backend="fixed")
    config.vehicle_fixed.charge_permission, config.connection.require_pilot = True, False
    for name in ("voltage_sensor", "current_sensor", "temperature_sensor"):
        setattr(config.safety.pev, f"{name}_fitted", False)
    return config


def test_two_uses_of_a_pin_or_of_a_channel_are_told_on_any_computer(tmp_path):
    config = car()
    config.raspberry_pi.car.stop_button.pin = "PIN13"
    found = only(board(Made(tmp_path).patient(config)))
    assert (found.level, "contactors and stop button both use PIN13 (GPIO27 and PIN13 are both GPIO27)" in found.found) == ("fail", True)
    config = car()
    meters = config.raspberry_pi.measuring.voltmeter
    meters.inlet_voltage.channel = meters.inlet_current.channel = "ads1x15:0"
    found = only(board(Made(tmp_path).patient(config)))
    assert found.level == "fail" and "voltmeter.inlet_voltage and raspberry_pi.measuring.voltmeter.inlet_current both use ads1x15:0" in found.found


def test_a_board_that_nothing_makes_let_go_is_warned_of(tmp_path):
    config = car()
    assert "warn" not in {level for _, level in levels(board(Made(tmp_path).patient(config)))}
    config.raspberry_pi.car.enable_pulse.pin = ""
    found = [finding for finding in board(Made(tmp_path).patient(config)) if finding.level == "warn"]
    assert "raspberry_pi.car.enable_pulse.pin is empty: nothing makes the outputs fall" in only(found).found and "power.svg" in found[0].remedy


# --- Python and packages

def packages(tmp_path, missing=(), versions=None, version=(3, 11, 2), **values):
    made = Made(tmp_path, importable=lambda module: module not in missing, installed=lambda package: (versions or {}).get(package))
    made.machine.python = version
    return list(program.python(made.patient(settings(**values))))


def test_all_packages_are_there(tmp_path):
    assert levels(packages(tmp_path, versions={"pyyaml": "6.0.2", "pcap-ct": "1.3.0b3", "smbus2": "0.4.2"})) == [("python", "ok"), ("packages", "ok")]


def test_a_python_that_is_too_old(tmp_path):
    assert levels(packages(tmp_path, version=(3, 9, 2)))[0] == ("python", "fail")


@pytest.mark.parametrize("missing, word", [("pcap", "pcap-ct (nic.driver = pcap)"), ("smbus2", "smbus2 (ads1x15)"), ("gpiod", "gpiod (pins)"),
                                           ("yaml", "pyyaml")])
def test_a_package_that_is_missing(tmp_path, missing, word):
    found = packages(tmp_path, missing=(missing,))
    assert levels(found)[1] == ("packages", "fail") and word in found[1].found


@pytest.mark.parametrize("missing", ["can", "cantools", "serial", "PIL", "luma.oled", "paho.mqtt", "spidev"])
def test_a_package_that_these_settings_do_not_need_may_be_missing(tmp_path, missing):
    assert levels(packages(tmp_path, missing=(missing,)))[1] == ("packages", "ok")


def test_each_setting_that_needs_a_package_says_so():
    def needed(**values):
        return set(program.needed(settings(**values), True))
    assert "pyserial" in needed(board="dieter") and "cantools" in needed(charge_parameter_backend="dbc") and "paho-mqtt" in needed(charge_parameter_backend="mqtt")
    config = settings(mode="bridge")
    config.can.interface, config.oled.controller, config.nic.driver = "slcan", "sh1106", "socket"
    config.raspberry_pi.measuring.converters = ["mcp3208"]
    assert {"python-can", "luma.oled", "pillow", "smbus2", "spidev", "gpiod"} <= set(program.needed(config, True)) and "pcap-ct" not in program.needed(config,
                                                                                                                                                       True)


def test_another_version_than_tried_is_a_warning(tmp_path):
    found = packages(tmp_path, versions={"smbus2": "0.9.0"})
    assert levels(found) == [("python", "ok"), ("packages", "warn")] and "smbus2 0.9.0 (tried with >=0.4.2,<0.7)" in found[1].found


def test_the_lists_of_install_are_read():
    bounds = program.requirements()
    assert bounds["pyyaml"] == ">=6.0,<7" and bounds["pcap-ct"] == "==1.3.0b3" and bounds["cantools"] == ">=39,<46" and bounds["pillow"] == "<14"
    assert set(program.MODULES) - set(bounds) == {"gpiod", "spidev", "paho-mqtt"}, "Debian's, or an extra of pyproject.toml"


@pytest.mark.parametrize("version, bounds, inside", [
    ("6.0.2", ">=6.0,<7", True), ("7", ">=6.0,<7", False), ("5.9", ">=6.0,<7", False), ("1.3.0b3", "==1.3.0b3", True), ("1.3.1", "==1.3.0b3", False), ("13.0.0",
                                                                                                                                                       "<14",
                                                                                                                                                       True),
    ("14.0", "<14", False), ("4.1", ">=4.1,<5", True), ("4.0.9", ">=4.1,<5", False), ("3.5", "", True), ("2", "~=1.0", True), ("1.0", "<=1", True), ("2.1",
                                                                                                                                                     ">2",
                                                                                                                                                     True)])
def test_versions_and_bounds(version, bounds, inside):
    assert program.within(version, bounds) is inside


# --- libraries

def test_libpcap(tmp_path):
    assert only(program.libpcap(Made(tmp_path, pcap_version=lambda: "libpcap version 1.10.3").patient())).found == "libpcap version 1.10.3"
    assert "libpcap0.8" in only(program.libpcap(Made(tmp_path, pcap_version=lambda: None).patient())).remedy
    config = settings()
    config.nic.driver = "socket"
    assert levels(program.libpcap(Made(tmp_path).patient(config))) == [("libpcap", "ok")]


def test_the_exi_library_of_this_machine(tmp_path):
    assert "decodes supportedAppProtocolRes" in only(program.codec(Made(tmp_path, load_codec=load_codec).patient())).found


def test_an_exi_library_that_is_missing_or_does_not_decode(tmp_path):
    def missing():
        raise CodecUnavailable("EXI library x.so has interface version 1, this program needs 2; build it with: make -C exi_native")
    finding = only(program.codec(Made(tmp_path, load_codec=missing).patient()))
    assert finding.level == "fail" and "interface version 1" in finding.found and finding.remedy.startswith("Build it with")

    class Broken:
        def decode(self, schema, octets):
            return load_codec().decode("SAP", b"\0\0")
    assert levels(program.codec(Made(tmp_path, load_codec=Broken).patient())) == [("codec", "fail")]
