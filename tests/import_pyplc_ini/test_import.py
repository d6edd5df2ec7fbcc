"""A pyPlc.ini becomes a configuration that our own loader reads, and nothing that endangers goes over."""
import io
import random
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kernel.settings import SettingsError, build, setting
from tasks import config_file
from tasks.config import Config
from tools.import_pyplc_ini.__main__ import main
from tools.import_pyplc_ini.convert import BadIni, convert, read, text, verify
from tools.import_pyplc_ini.findings import Ini
from tools.import_pyplc_ini.table import RULES

SHEET = Path(__file__).resolve().parents[3] / "shared" / "facts" / "field-pyplc-clara.md"
CAR = """
# a car with Dieter, charged in the yard
[general]
mode = PevMode
eth_interface = enp3s0
digital_output_device = dieter
analog_input_device = dieter
serial_port = auto
serial_baud = 19200
light_bulb_demo = no
u_delta_max_for_end_of_precharge = 6
use_evsepresentvoltage_for_precharge_end = yes
charge_target_voltage = 350
charge_parameter_backend = none
udp_syslog_enable = Yes
"""
CHARGER = """
[general]
mode = EvseMode
eth_interface = eth0
evsemode_environment = focccicape
digital_output_device = beaglebone
soc_callback_enabled = True
soc_callback_endpoint = http://10.0.0.7/car
soc_fallback_energy_capacity = 2700
testsuite_enable = Yes
evse_simulate_precharge = yes
"""
LISTENER = """
[general]
mode = ListenMode
eth_interface = eth1
smart_listener_configuration = 2
log_the_evse_mac_to_file = True
logging_url = http://example.org/up
"""


def run(tmp_path, ini, *words):
    """(exit code, stdout, stderr) of the tool, and the values of the file that it wrote, if any."""
    source, target = tmp_path / "pyPlc.ini", tmp_path / "made.yaml"
    source.write_bytes(ini if isinstance(ini, bytes) else ini.encode())
    out, err = io.StringIO(), io.StringIO()
    code = main([str(source), *(words or ("--output", str(target)))], out, err)
    values = None
    if code == 0 and target.exists():
        data, lines = config_file.load(target)
        values = build(Config, data, lines, "made.yaml")
    return code, out.getvalue(), err.getvalue(), values


def of(**keys):
    return convert(Ini(keys), "x.ini")


def test_a_car(tmp_path):
    code, out, err, config = run(tmp_path, CAR)
    assert code == 0 and not err
    assert (config.mode, config.interface, config.ev.precharge_tolerance_v) == ("pev", "enp3s0", 6.0)
    assert config.ev.precharge_voltage_source == "inlet", "the charger's word would close contactors"
    danger = out[out.index("Dangerous"):out.index("To be set by hand")]
    assert all(key in danger for key in ("use_evsepresentvoltage_for_precharge_end", "charge_target_voltage = 350", "udp_syslog_enable"))
    assert "dieter.serial.port" in out and "/dev/serial/by-id" in out
    made = (tmp_path / "made.yaml").read_text()
    assert "interface: enp3s0  # pyPLC: eth_interface = enp3s0" in made and "mode:" not in made and "# - charge_target_voltage" in made


def test_a_charger_whose_ini_says_the_default_interface(tmp_path):
    code, out, _, config = run(tmp_path, CHARGER)
    assert code == 0 and config.mode == "evse" and config.evse.soc_readout
    assert config.rest.enabled and config.rest.endpoint == "http://10.0.0.7/car"
    assert "board: focccicape" in out and "board: beaglebone" not in out
    danger = out[out.index("Dangerous"):out.index("Taken over with another name")]
    assert "testsuite_enable" in danger and "evse_simulate_precharge" in danger
    assert "soc_fallback_energy_capacity = 2700: what a car does not say stays unknown" in out


@pytest.mark.parametrize("endpoint", ["", "soc_callback_endpoint =\n"])
def test_a_call_without_an_address_is_left_to_a_person(tmp_path, endpoint):
    code, out, _, config = run(tmp_path, CHARGER.replace("soc_callback_endpoint = http://10.0.0.7/car\n", endpoint))
    assert code == 0 and config.evse.soc_readout and not config.rest.enabled
    assert "rest.endpoint: the address that is to be called" in out[out.index("To be set by hand"):]


def test_a_listener(tmp_path):
    _, out, _, config = run(tmp_path, LISTENER)
    assert (config.mode, config.listen.join, config.listen.secc_log) == ("listen", True, "MacLog.csv")
    assert "made-up MAC" in out and "logging_url" in out


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "made.yaml").write_text("mode: evse\n")
    code, _, err, _ = run(tmp_path, CAR)
    assert code == 2 and "exists and is left as it is" in err and (tmp_path / "made.yaml").read_text() == "mode: evse\n"
    code, _, err, _ = run(tmp_path, CAR, "--output", str(tmp_path / "no" / "such" / "folder.yaml"))
    assert code == 2 and "cannot be written" in err


def test_standard_output_is_a_configuration_and_the_lists_go_elsewhere(tmp_path):
    run(tmp_path, CAR)
    source = tmp_path / "pyPlc.ini"
    plain, lists = io.StringIO(), io.StringIO()
    assert main([str(source)], plain, lists) == 0
    assert plain.getvalue() == (tmp_path / "made.yaml").read_text() and "Dangerous" in lists.getvalue()


@pytest.mark.parametrize("ini, words", [
    (b"mode = PevMode\n", "no section headers"),
    (b"[General]\nmode = PevMode\n", r"no section \[general\].*came sections: General"),
    (b"[general]\nmode = PevMode\nmode = EvseMode\n", "option 'mode'.*already exists"),
    (b"[general]\nmode = \xff\n", "line 2: an octet 0xFF that is not UTF-8"),
    (b"[general]\n" + b"# " + b"x" * 70000, "longer than"),
    (b"", "no section"),
])
def test_what_is_no_pyplc_ini_is_refused_with_the_place(tmp_path, ini, words):
    code, out, err, _ = run(tmp_path, ini)
    assert code == 2 and re.search(words, err, re.S) and not (tmp_path / "made.yaml").exists()
    with pytest.raises(BadIni, match="cannot be read"):
        read(tmp_path / "nowhere.ini")


def test_unknown_keys_get_the_nearest_name_and_odd_values_what_was_expected():
    made = of(eth_intrface="eth9", wholly_different="1", light_bulb_demo="perhaps", mode="pevmode # car", smart_listener_configuration="x", u_delta_max_for_end_of_precharge="1 V")
    told = " ".join(made.unknown)
    assert "did you mean eth_interface?" in told and "wholly_different = 1: pyPLC has no such key" in told
    assert "expected yes or no, came 'perhaps'" in told and "put it on a line of its own" in told and "expected a number, came '1 V'" in told
    assert not made.taken and len(made.unknown) == 6


@pytest.mark.parametrize("keys", [
    dict(use_evsepresentvoltage_for_precharge_end="yes"), dict(u_delta_max_for_end_of_precharge="11"), dict(u_delta_max_for_end_of_precharge="25"),
    dict(charge_target_voltage="270"), dict(charge_target_voltage="270", light_bulb_demo="yes"), dict(digital_output_device="mqtt"), dict(analog_input_device="mqtt"),
    dict(testsuite_enable="Yes"), dict(udp_syslog_enable="Yes"), dict(evse_power_supply_control_via_special_homeplug_message="True"),
    dict(mode="EvseMode", evse_simulate_precharge="yes"), dict(mode="ListenMode", smart_listener_configuration="2"),
])
def test_what_endangers_is_told_and_never_taken(keys):
    made = of(**keys)
    assert len(made.danger) == 1
    assert set(made.taken) <= {"mode", "ev.light_bulb_demo", "listen.join"}
    harmless = {"yes": "no", "Yes": "no", "True": "no", "11": "10", "25": "9.5", "mqtt": "none", "2": "0"}
    key = list(keys)[-1] if "mode" in keys else list(keys)[0]
    if key in ("charge_target_voltage", "digital_output_device"):
        return                                          # there is no harmless value of these
    assert not of(**{**keys, key: harmless[keys[key]]}).danger


def test_the_voltmeter_decides_what_a_person_has_to_do():
    assert "voltage_sensor_fitted: false" in " ".join(of(mode="PevMode", analog_input_device="none").hand)
    assert "part of board: celeron55" in " ".join(of(analog_input_device="celeron55device", digital_output_device="celeron55device").other)
    assert "beside another board" in " ".join(of(analog_input_device="dieter", digital_output_device="beaglebone").hand)


def test_ports_and_brokers_count_only_where_something_uses_them():
    assert not of(serial_port="/dev/ttyUSB0", serial_baud="19200", mqtt_broker="localhost", mqtt_topic="pyPlc").hand
    made = of(display_via_serial="yes", serial_port="/dev/ttyUSB0", charge_parameter_backend="mqtt", mqtt_broker="broker.lan", mqtt_topic="garage")
    assert {path: taken.value for path, taken in made.taken.items()} == {
        "text_display.fitted": True, "text_display.serial.port": "/dev/ttyUSB0", "charge_parameter_backend": "mqtt", "mqtt.broker": "broker.lan", "mqtt.topic": "garage"}


def test_every_key_has_a_rule_that_survives_any_value():
    rng, words = random.Random(1), ["", "yes", "no", "True", "none", "mqtt", "dieter", "celeron55device", "beaglebone", "focccicape", "PevMode", "EvseMode", "ListenMode",
                                    "-1", "0", "1", "2", "1e999", "nan", "inf", "270", "auto", "x" * 500, "a: b # c", "\u202e\x07", "'\"{}[]&*!|>%@`"]
    orders = [{key: rng.sample(words, len(words)) for key in RULES} for _ in range(2)]       # every key gets every value, twice, among different others
    for order, n in ((order, n) for order in orders for n in range(len(words))):
        made = convert(Ini({key: order[key][n] for key in RULES}), "odd\n.ini")
        verify(text(made), made)
        total = sum(len(sentences) for _, sentences in made.lists())
        assert total + made.same + len(made.taken) >= len(RULES), "a key disappeared without a word"


def test_a_setting_that_comes_later_is_taken_without_a_change_here():
    @dataclass
    class Port:
        port: str = setting("")
        baud: int = setting(19200, low=1200, high=115200)

    @dataclass
    class Dieter:
        serial: Port = field(default_factory=Port)

    @dataclass
    class Later:
        board: str = setting("simulated", choices=("simulated", "dieter"))
        dieter: Dieter = field(default_factory=Dieter)
    ini = Ini({"digital_output_device": "dieter", "serial_port": "/dev/ttyUSB0", "serial_baud": "57600"})
    made = convert(ini, "x.ini", Later)
    assert {path: taken.value for path, taken in made.taken.items()} == {"board": "dieter", "dieter.serial.port": "/dev/ttyUSB0", "dieter.serial.baud": 57600}
    verify(text(made), made, Later)


def test_a_file_that_reads_back_differently_is_noticed():
    made = of(eth_interface="eth1")
    with pytest.raises(AssertionError, match="written as 'eth1' and read as 'eth2'"):
        verify(text(made).replace("interface: eth1", "interface: eth2"), made)


@pytest.mark.needs_shared
def test_the_table_has_every_key_that_pyplc_has():
    if not SHEET.exists():
        pytest.skip(f"no {SHEET}")
    section = SHEET.read_text(encoding="utf-8").split("## 1.2 ")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| ([a-z_]+) \|", section, re.M)) == set(RULES)
