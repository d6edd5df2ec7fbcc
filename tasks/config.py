"""Every setting of the box, section by section; config.yaml shows them all with their defaults."""
from __future__ import annotations

from dataclasses import field

from drivers.boards.config import FoccciCapeBoard, GpioBoard, beaglebone, raspberry_pi
from drivers.can.dbc_battery import DbcBatteryConfig
from drivers.can.settings import CanConfig
from drivers.http_post.config import RestConfig
from drivers.journal_syslog import SyslogConfig
from drivers.mqtt.config import MqttConfig, MqttVehicleConfig
from drivers.nic_ears import NicDriver
from drivers.oled_luma import OledConfig
from drivers.recording.config import SessionsConfig
from drivers.serial_line.celeron55 import Celeron55Config
from drivers.serial_line.dieter import DieterConfig
from drivers.serial_line.text_display import TextDisplayConfig
from drivers.session_log import PeerLogConfig
from drivers.vehicle_fixed import FixedVehicleConfig
from kernel.record import settings_class
from kernel.settings import setting
from tasks.bridge.config import BridgeConfig
from tasks.connection.config import ConnectionConfig, ExitConfig
from tasks.display.config import DisplayConfig
from tasks.health.config import DoctorConfig
from tasks.homeplug.config import EmulatorConfig, SlacConfig
from tasks.ipv6.config import Ipv6Config, SdpConfig
from tasks.listen.config import ListenConfig
from tasks.safety.config import SafetyConfig
from tasks.tcp.config import TcpConfig
from tasks.user.config import LiveConfig
from tasks.v2g.config import EvConfig, EvseConfig


@settings_class(slots=True)
class Config:
    """The box."""

    mode: str = setting("pev", choices=("pev", "evse", "bridge", "listen"), meaning=(
        "what this box is: in a car, in a charger, a bridge (a car towards a CCS charger, a CHAdeMO charger towards a CHAdeMO vehicle), or a listener"))
    interface: str = setting("eth0", meaning="network interface of the PLC modem; `ip link` lists them")
    board: str = setting("simulated", choices=("simulated", "raspberry_pi", "beaglebone", "dieter", "celeron55", "focccicape"),
                         meaning="what carries voltmeter, pilot, contactors and lock; each has its section below (drivers/boards/README.md)")
    charge_parameter_backend: str = setting("none", choices=("none", "fixed", "mqtt", "dbc", "chademo", "device"), meaning=(
        "car: who says what the battery wants: section vehicle_fixed, mqtt_vehicle or dbc_battery; chademo: pyPLC's own CAN profile, protocol number 10 (a CHAdeMO car wants mode: bridge); device: the board's own (celeron55); the simulated board has its own"))
    realtime: bool = setting(True, meaning="ask for SCHED_FIFO, locked memory and a quiet garbage collector")
    guard_silence_ms: int = setting(100, unit="ms", low=50, high=100, meaning="the guard makes the outputs safe when this program shows no sign of life for so long")
    slac: SlacConfig = field(default_factory=SlacConfig)
    modem_emulator: EmulatorConfig = field(default_factory=EmulatorConfig)
    ipv6: Ipv6Config = field(default_factory=Ipv6Config)
    sdp: SdpConfig = field(default_factory=SdpConfig)
    tcp: TcpConfig = field(default_factory=TcpConfig)
    connection: ConnectionConfig = field(default_factory=ConnectionConfig)
    ev: EvConfig = field(default_factory=EvConfig)
    evse: EvseConfig = field(default_factory=EvseConfig)
    bridge: BridgeConfig = field(default_factory=BridgeConfig)
    safety: SafetyConfig = field(default_factory=SafetyConfig)
    listen: ListenConfig = field(default_factory=ListenConfig)
    exit: ExitConfig = field(default_factory=ExitConfig)
    nic: NicDriver = field(default_factory=NicDriver)
    doctor: DoctorConfig = field(default_factory=DoctorConfig)
    display: DisplayConfig = field(default_factory=DisplayConfig)
    oled: OledConfig = field(default_factory=OledConfig)
    text_display: TextDisplayConfig = field(default_factory=TextDisplayConfig)
    vehicle_fixed: FixedVehicleConfig = field(default_factory=FixedVehicleConfig)
    mqtt: MqttConfig = field(default_factory=MqttConfig)
    mqtt_vehicle: MqttVehicleConfig = field(default_factory=MqttVehicleConfig)
    rest: RestConfig = field(default_factory=RestConfig)
    can: CanConfig = field(default_factory=CanConfig)
    dbc_battery: DbcBatteryConfig = field(default_factory=DbcBatteryConfig)
    syslog: SyslogConfig = field(default_factory=SyslogConfig)
    peer_log: PeerLogConfig = field(default_factory=PeerLogConfig)
    sessions: SessionsConfig = field(default_factory=SessionsConfig)
    live: LiveConfig = field(default_factory=LiveConfig)
    raspberry_pi: GpioBoard = field(default_factory=raspberry_pi)
    beaglebone: GpioBoard = field(default_factory=beaglebone)
    dieter: DieterConfig = field(default_factory=DieterConfig)
    celeron55: Celeron55Config = field(default_factory=Celeron55Config)
    focccicape: FoccciCapeBoard = field(default_factory=FoccciCapeBoard)

    @property
    def role(self) -> str:
        """"pev", "evse" or "listen": what the box is on the CCS side. A bridge is a car there, with its pins and its section `safety.pev`."""
        return "pev" if self.mode == "bridge" else self.mode

    def __post_init__(self) -> None:
        problems = contradictions(self)
        if problems:
            raise ValueError("; ".join(problems))


def contradictions(c: Config) -> list[str]:
    """What one section wishes and another forbids, both keys named: better refused at the start than wondered at while charging."""
    pev, evse = c.safety.pev, c.safety.evse
    found = []
    if c.ev.max_voltage_v > pev.inlet_max_voltage_v:
        found.append(f"ev.max_voltage_v = {c.ev.max_voltage_v:g} is more than safety.pev.inlet_max_voltage_v = {pev.inlet_max_voltage_v:g}: "
                     "charging would trip on its own voltage")
    if c.ev.precharge_tolerance_v > pev.match_v:
        found.append(f"ev.precharge_tolerance_v = {c.ev.precharge_tolerance_v:g} is more than safety.pev.match_v = {pev.match_v:g}: "
                     "contactors would be asked for that the supervisor refuses")
    if not pev.voltage_sensor_fitted and c.ev.precharge_voltage_source != "reported":
        found.append(f"safety.pev.voltage_sensor_fitted = false, but ev.precharge_voltage_source = {c.ev.precharge_voltage_source}: nothing measures the inlet")
    if c.evse.max_voltage_v > evse.max_voltage_v:
        found.append(f"evse.max_voltage_v = {c.evse.max_voltage_v:g} is more than safety.evse.max_voltage_v = {evse.max_voltage_v:g}: offered, but never delivered")
    if c.evse.max_current_a > evse.max_current_a:
        found.append(f"evse.max_current_a = {c.evse.max_current_a:g} is more than safety.evse.max_current_a = {evse.max_current_a:g}: offered, but never delivered")
    found += _of_ac(c) + _of_bridge(c)
    if c.ev.light_bulb_demo and c.charge_parameter_backend not in ("none", "fixed"):
        found.append(f"ev.light_bulb_demo = true, but charge_parameter_backend = {c.charge_parameter_backend}: a battery that speaks would be taken for a lamp")
    if evse.isolation_min_ohm > c.evse.isolation_fault_ohm:
        found.append(f"safety.evse.isolation_min_ohm = {evse.isolation_min_ohm:g} is more than evse.isolation_fault_ohm = {c.evse.isolation_fault_ohm:g}: "
                     "what the cable check passes would trip while charging")
    return found


def _of_bridge(c: Config) -> list[str]:
    """A bridge's vehicle speaks CHAdeMO, which is DC only: it alone says what it wants."""
    if c.mode != "bridge":
        return []
    found = []
    if c.charge_parameter_backend != "none":
        found.append(f"mode = bridge, but charge_parameter_backend = {c.charge_parameter_backend}: what the battery wants comes from the CHAdeMO vehicle; set it to none")
    if any(mode.startswith("AC") for mode in c.ev.energy_transfer_modes):
        found.append(f"mode = bridge, but ev.energy_transfer_modes = {', '.join(c.ev.energy_transfer_modes)}: CHAdeMO is DC; name only DC modes")
    if c.ev.light_bulb_demo:
        found.append("mode = bridge, but ev.light_bulb_demo = true: the vehicle would be taken for a lamp; set it to false")
    bridge, pev = c.bridge, c.safety.pev
    if bridge.strategy == "measured" and not c.safety.bridge.vehicle_voltmeter_fitted:
        found.append("bridge.strategy = measured, but safety.bridge.vehicle_voltmeter_fitted = false: nothing measures the vehicle; choose double or single")
    if bridge.match_v > pev.match_v:
        found.append(f"bridge.match_v = {bridge.match_v:g} is more than safety.pev.match_v = {pev.match_v:g}: contactors would be asked for that the supervisor refuses")
    if bridge.max_voltage_v > pev.inlet_max_voltage_v:
        found.append(f"bridge.max_voltage_v = {bridge.max_voltage_v:g} is more than safety.pev.inlet_max_voltage_v = {pev.inlet_max_voltage_v:g}: "
                     "charging would trip on its own voltage")
    if bridge.discharge_a > c.safety.bridge.max_discharge_a:
        found.append(f"bridge.discharge_a = {bridge.discharge_a:g} is more than safety.bridge.max_discharge_a = {c.safety.bridge.max_discharge_a:g}: "
                     "discharging would be announced, and trip; set both")
    if bridge.discharge_a > 0.0 and not pev.current_sensor_fitted:
        found.append(f"bridge.discharge_a = {bridge.discharge_a:g}, but safety.pev.current_sensor_fitted = false: what is drawn has to be measured, "
                     "for a charger that draws may report 0 A")
    if bridge.min_voltage_v < pev.battery_min_voltage_v:
        found.append(f"bridge.min_voltage_v = {bridge.min_voltage_v:g} is less than safety.pev.battery_min_voltage_v = {pev.battery_min_voltage_v:g}: "
                     "a vehicle would be accepted that the supervisor never closes on")
    return found


def _of_ac(c: Config) -> list[str]:
    """One box has one power path: a power stage or a mains contactor."""
    modes, found = c.evse.energy_transfer_modes, []
    if not c.evse.ac and any(mode.startswith("AC") for mode in modes):
        return [f"evse.energy_transfer_modes = {', '.join(modes)} mixes AC and DC: one box has one power path; name only AC modes (a wallbox with a mains "
                "contactor) or only DC modes (a power stage), and use a second box for the other"]
    for name, section in (("ev", c.ev), ("evse", c.evse)):
        if section.ac and "iso2" not in section.protocols:
            found.append(f"{name}.energy_transfer_modes are all AC, but {name}.protocols = {', '.join(section.protocols)}: DIN 70121 has DC only; add iso2")
    if c.evse.ac and c.evse.soc_readout:
        found.append("evse.soc_readout = true, but evse.energy_transfer_modes are all AC: the state of charge is read in a DC conversation; offer a DC mode")
    if c.evse.ac and c.evse.ac_max_current_a > c.safety.ac.max_current_a:
        found.append(f"evse.ac_max_current_a = {c.evse.ac_max_current_a:g} is more than safety.ac.max_current_a = {c.safety.ac.max_current_a:g}: "
                     "what is offered would trip")
    return found
