"""Key by key: what a setting of pyPLC means here. All keys of pyPlc.ini (pyPLC study, section 1.2), in the order of its template.

A rule is given the value and all the others and says what becomes of it. Names of our settings stand only here: a setting that this
version does not have yet, or a value that it refuses, goes by itself to the list of what is to be set by hand.
"""
from __future__ import annotations

from typing import Callable

from tools.import_pyplc_ini.findings import Danger, Finding, Gone, Hand, Ini, NotUnderstood, Other, Set, number, one_of, truth

Rule = Callable[[str, Ini], list[Finding]]

BOARDS = {"dieter": "dieter", "beaglebone": "beaglebone", "celeron55device": "celeron55", "mqtt": ""}
BACKENDS = {"none": "fixed", "chademo": "chademo", "mqtt": "mqtt"}
PORTS = {"dieter": "dieter", "celeron55device": "celeron55"}      # the sections that have port and baud
TOLERANCE_V = 10.0        # safety.pev.match_v: contactors never close beyond it
BULB_V = 230.0            # pyPLC's precharge voltage without a battery management


LACKING = {      # what our supervisor counts on and these devices of pyPLC do not have; said by hand, because it takes protection away
    "dieter": "Dieter reads neither pilot nor current, temperature, contacts or a button: connection.require_pilot: false, safety.pev.current_sensor_fitted, "
              "temperature_sensor_fitted, contactor_feedback_fitted: false, safety.pev.stop_button: none",
    "celeron55device": "the device of celeron55 measures no current and no temperature and has no lock switch and no button: safety.pev.current_sensor_fitted, "
                       "temperature_sensor_fitted, lock_feedback_fitted: false, safety.pev.stop_button: none",
    "beaglebone": "what of voltage, current, temperature, pilot and contacts is measured: beaglebone.measuring and beaglebone.car; false in safety.pev for the rest",
}


def _mode(value: str, ini: Ini) -> list[Finding]:
    return [Set("mode", {"PevMode": "pev", "EvseMode": "evse", "ListenMode": "listen"}[one_of(value, ("PevMode", "EvseMode", "ListenMode"))])]


def _without_modems(value: str, ini: Ini) -> list[Finding]:
    return [Gone("pyPLC never reads it. Car and charger in one process: main.py --simulate")] if truth(value) else []


def _interface(value: str, ini: Ini) -> list[Finding]:
    return [Set("interface", value)] if value else [Hand("interface: the network interface of the PLC modem; `ip -br link` lists them")]


def _windows(value: str, ini: Ini) -> list[Finding]:
    return [Gone("this program runs on Linux; the interface is `interface`")]


def _serial_display(value: str, ini: Ini) -> list[Finding]:
    if not truth(value):
        return []
    if ini.says("digital_output_device", "celeron55device"):
        return [Other("the display is part of board: celeron55")]
    return [Set("text_display.fitted", True, "the three-line display on the serial line; an SSD1306 at the I2C bus needs no such line")]


def _bulb(value: str, ini: Ini) -> list[Finding]:
    return [Set("ev.light_bulb_demo", truth(value))]


def _soc_simulation(value: str, ini: Ini) -> list[Finding]:
    if not truth(value):
        return []
    if not ini.says("charge_parameter_backend", "none", ""):
        return [Gone("the state of charge comes from charge_parameter_backend")]
    return [Set("vehicle_fixed.soc_simulation", True, "a made-up state of charge ends the charge: only for a bench")]


def _simulated_precharge(value: str, ini: Ini) -> list[Finding]:
    if not truth(value) or not ini.says("mode", "evsemode"):
        return []
    return [Danger("the charger would tell a car voltages that nobody measured. For a bench without power stage: main.py evse --simulate-io; otherwise name the board")]


def _outputs(value: str, ini: Ini) -> list[Finding]:
    word = one_of(value, BOARDS)
    if word == "mqtt":
        return [Danger("contactors and pilot over MQTT: a broker that dies leaves them as they are. Choose a board whose lines this box holds itself")]
    if ini.says("evsemode_environment", "focccicape") and ini.says("mode", "evsemode"):
        return []                                # that key names the board
    made: list[Finding] = [Set("board", BOARDS[word])]
    if word == "celeron55device" and ini.says("charge_parameter_backend", "none", ""):
        made.append(Set("charge_parameter_backend", "device"))
    if word in LACKING:
        made.append(Hand(LACKING[word]))
    return made


def _inputs(value: str, ini: Ini) -> list[Finding]:
    word = one_of(value, ("none", "dieter", "celeron55device", "mqtt"))
    if word == "none":
        return [Hand("a voltmeter at the inlet. Without one: safety.pev.voltage_sensor_fitted: false and ev.precharge_voltage_source: reported, "
                     "which means that the charger's word decides when the contactors close")] if ini.says("mode", "pevmode") else []
    if word == "mqtt":
        return [Danger("the inlet's voltage over MQTT comes late and stale; contactors close on it. Measure it at this box (ADC, Dieter, celeron55)")]
    if ini.says("digital_output_device", word):
        return [Other(f"the voltmeter is part of board: {BOARDS[word]}")]
    return [Hand(f"the voltmeter of {word} beside another board: only the voltmeter that belongs to `board` is read")]


def _precharge_end(value: str, ini: Ini) -> list[Finding]:
    if not truth(value):
        return []
    return [Danger("contactors closed on the voltage that the charger tells, not on the one at the inlet (ev.precharge_voltage_source: reported). "
                   "Here the inlet is measured; a charger that is wrong by 100 V would weld them")]


def _loop_voltage(value: str, ini: Ini) -> list[Finding]:
    return [Gone("the display shows the measured voltage of the inlet wherever one is measured")]


def _tolerance(value: str, ini: Ini) -> list[Finding]:
    volts = number(value)
    if volts > TOLERANCE_V:
        return [Danger(f"contactors would close over {volts:g} V of difference; here {TOLERANCE_V:g} V (ev.precharge_tolerance_v), more only together with safety.pev.match_v, never above 20 V")]
    return [Set("ev.precharge_tolerance_v", volts)]


def _port(value: str, ini: Ini) -> list[Finding]:
    section = _serial_section(ini)
    if section is None:
        return []
    if value.lower() == "auto":
        return [Hand(f"{section}.serial.port: pyPLC took the first serial port it found; name it, best by /dev/serial/by-id/..., so that a reboot cannot swap it")]
    return [Set(f"{section}.serial.port", value)]


def _baud(value: str, ini: Ini) -> list[Finding]:
    section = _serial_section(ini)
    return [] if section is None else [Set(f"{section}.serial.baud", int(number(value)))]


def _serial_section(ini: Ini) -> str | None:
    """Where the serial port belongs to; None when nothing serial is configured."""
    for key in ("digital_output_device", "analog_input_device"):
        if ini.get(key, "").lower() in PORTS:
            return PORTS[ini[key].lower()]
    return "text_display" if ini.yes("display_via_serial") else None


def _uses_mqtt(ini: Ini) -> bool:
    return any(ini.says(key, "mqtt") for key in ("digital_output_device", "analog_input_device", "charge_parameter_backend"))


def _broker(value: str, ini: Ini) -> list[Finding]:
    return [Set("mqtt.broker", value)] if _uses_mqtt(ini) else []


def _topic(value: str, ini: Ini) -> list[Finding]:
    return [Set("mqtt.topic", value)] if _uses_mqtt(ini) else []


def _target(value: str, ini: Ini) -> list[Finding]:
    volts = number(value)
    if not ini.says("charge_parameter_backend", "none", ""):
        return [Gone("the target comes from charge_parameter_backend")]
    if ini.yes("light_bulb_demo"):
        return [] if volts == BULB_V else [Danger(f"a lamp for {BULB_V:g} V at {volts:g} V; if it is made for that: ev.light_bulb_voltage_v")]
    return [Danger(f"a fixed EVTargetVoltage of {volts:g} V for a battery that nobody asks: too low, and the charger delivers nothing; too high, and only ev.max_voltage_v stands "
                   "in between. Enter the battery's own figures in vehicle_fixed (battery_voltage_v, target_voltage_v, max_voltage_v), or connect its management")]


def _exit(value: str, ini: Ini) -> list[Finding]:
    return [Set("exit.on_session_end", True, "also when unplugged with the inlet below 50 V, as pyPLC; --once leaves after one session whatever it was")] if truth(value) else []


def _again(value: str, ini: Ini) -> list[Finding]:
    if truth(value):
        return []
    return [Other("here a charge that a person has stopped stays stopped until the key s or a new plug; there is no state that only a restart of the program leaves")]


def _local_link(value: str, ini: Ini) -> list[Finding]:
    return [Gone("this program makes its own link-local address and does not need the operating system's")]


def _mac_log(value: str, ini: Ini) -> list[Finding]:
    if not truth(value):
        return []
    if ini.says("mode", "listenmode"):
        return [Set("listen.secc_log", "MacLog.csv", "one line per session with more than the MAC")]
    return [Set("peer_log.file", "MacLog.csv", "CSV, both roles, bounded")]


def _test_suite(value: str, ini: Ini) -> list[Finding]:
    return [Danger("a charger that makes mistakes on purpose towards whoever is plugged in. The faults are tests here: ./install/test.sh --matrix")] if truth(value) else []


def _syslog(value: str, ini: Ini) -> list[Finding]:
    if not truth(value):
        return []
    return [Danger("pyPLC broadcast its whole log over the power line: half to three quarters of all frames in its captures. Here it goes to one host over another "
                   "interface, or nowhere: syslog.host; --output DIR keeps the journal on the box")]


def _backend(value: str, ini: Ini) -> list[Finding]:
    word = one_of(value, BACKENDS)
    if word == "none" and ini.says("digital_output_device", "celeron55device"):
        return []                                # the device says it
    if word == "none":
        return [Hand("charge_parameter_backend: fixed, and in vehicle_fixed the battery's voltages, measured; pyPLC assumed 230 V")] if ini.says("mode", "pevmode") and not ini.yes("light_bulb_demo") else []
    return [Set("charge_parameter_backend", BACKENDS[word])]


def _environment(value: str, ini: Ini) -> list[Finding]:
    return [] if one_of(value, ("none", "focccicape")) == "none" else [Set("board", "focccicape")]


def _supply_by_homeplug(value: str, ini: Ini) -> list[Finding]:
    return [Danger("commands for the power supply as broadcast HomePlug messages, which every modem in the network hears and can forge; not supported")] if truth(value) else []


def _trace(value: str, ini: Ini) -> list[Finding]:
    return [] if truth(value) else [Other("the journal goes to standard output in every role; a service manager keeps or drops it")]


def _show_transmitted(value: str, ini: Ini) -> list[Finding]:
    return [Gone("main.py --output DIR keeps every frame; python -m tools.decode DIR/frames.pcap shows every message")] if truth(value) else []


def _raw_exi(value: str, ini: Ini) -> list[Finding]:
    return [Gone("python -m tools.exi bits shows each bit of a message; listen.show chooses how much the listener tells")] if truth(value) else []


def _soc_callback(value: str, ini: Ini) -> list[Finding]:
    if not truth(value):
        return []
    made: list[Finding] = [Set("evse.soc_readout", True, "the session ends when the car has told its state of charge, then plain PWM")]
    if not ini.get("soc_callback_endpoint", ""):
        made.append(Hand("rest.enabled: true, and rest.endpoint: the address that is to be called, for example http://192.168.1.20/ev_state of a SmartEVSE"))
    return made


def _endpoint(value: str, ini: Ini) -> list[Finding]:
    if not ini.yes("soc_callback_enabled") or not value:
        return []
    return [Set("rest.endpoint", value, "called with pyPLC's parameters; energy is in Wh as the car says it"), Set("rest.enabled", True)]


def _fallback_capacity(value: str, ini: Ini) -> list[Finding]:
    number(value)
    return [Gone("what a car does not say stays unknown here; pyPLC's number counted in 10 Wh")] if ini.yes("soc_callback_enabled") else []


def _logging_url(value: str, ini: Ini) -> list[Finding]:
    return [Gone("nothing is uploaded; listen.secc_log and sessions.jsonl of --output are files that anything can send")] if ini.says("mode", "listenmode") else []


def _smart_listener(value: str, ini: Ini) -> list[Finding]:
    level = number(value)
    if not level.is_integer() or level < 0:
        raise NotUnderstood(f"expected 0, 1 or more, came {value!r}")
    if not ini.says("mode", "listenmode"):
        return []
    found: list[Finding] = [Set("listen.join", level >= 1, "the own modem is given the overheard key; for multicast only")] if level >= 1 else []
    if level >= 2:
        found.append(Danger("frames under a made-up MAC in every tick of somebody else's charge: not supported"))
    return found


RULES: dict[str, Rule] = {
    "mode": _mode, "is_simulation_without_modems": _without_modems, "eth_interface": _interface, "eth_windows_interface_name": _windows,
    "display_via_serial": _serial_display, "light_bulb_demo": _bulb, "soc_simulation": _soc_simulation, "evse_simulate_precharge": _simulated_precharge,
    "digital_output_device": _outputs, "analog_input_device": _inputs, "use_evsepresentvoltage_for_precharge_end": _precharge_end,
    "use_physical_inlet_voltage_during_chargeloop": _loop_voltage, "u_delta_max_for_end_of_precharge": _tolerance, "serial_port": _port, "serial_baud": _baud,
    "mqtt_broker": _broker, "mqtt_topic": _topic, "charge_target_voltage": _target, "exit_on_session_end": _exit, "allow_new_session_after_stopping": _again,
    "exit_if_no_local_link_address_is_found": _local_link, "log_the_evse_mac_to_file": _mac_log, "testsuite_enable": _test_suite, "udp_syslog_enable": _syslog,
    "charge_parameter_backend": _backend, "evsemode_environment": _environment,
    "evse_power_supply_control_via_special_homeplug_message": _supply_by_homeplug, "evse_printtrace": _trace,
    "evse_show_decoded_transmit_message": _show_transmitted, "sniffer_print_raw_exi": _raw_exi, "soc_callback_enabled": _soc_callback,
    "soc_callback_endpoint": _endpoint, "soc_fallback_energy_capacity": _fallback_capacity, "logging_url": _logging_url,
    "smart_listener_configuration": _smart_listener,
}
"""Key of pyPlc.ini -> its rule."""
