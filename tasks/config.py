"""Every setting of the box, section by section; config.yaml shows them all with their defaults."""
from __future__ import annotations

from dataclasses import dataclass, field

from kernel.settings import setting
from tasks.connection.config import ConnectionConfig
from tasks.homeplug.config import EmulatorConfig, SlacConfig
from tasks.ipv6.config import Ipv6Config, SdpConfig
from tasks.listen.config import ListenConfig
from tasks.safety.config import SafetyConfig
from tasks.tcp.config import TcpConfig
from tasks.v2g.config import EvConfig, EvseConfig


@dataclass(slots=True)
class Config:
    """The box."""

    mode: str = setting("pev", choices=("pev", "evse", "listen"), meaning="what this box is: in a car, in a charger, or a listener")
    interface: str = setting("eth0", meaning="network interface of the PLC modem; `ip link` lists them")
    board: str = setting("simulated", choices=("simulated",), meaning="what carries voltmeter, pilot, contactors and lock")
    realtime: bool = setting(True, meaning="ask for SCHED_FIFO, locked memory and a quiet garbage collector")
    guard_silence_ms: int = setting(100, unit="ms", low=50, high=100, meaning="the guard opens the contactors when this program shows no sign of life for so long")
    slac: SlacConfig = field(default_factory=SlacConfig)
    modem_emulator: EmulatorConfig = field(default_factory=EmulatorConfig)
    ipv6: Ipv6Config = field(default_factory=Ipv6Config)
    sdp: SdpConfig = field(default_factory=SdpConfig)
    tcp: TcpConfig = field(default_factory=TcpConfig)
    connection: ConnectionConfig = field(default_factory=ConnectionConfig)
    ev: EvConfig = field(default_factory=EvConfig)
    evse: EvseConfig = field(default_factory=EvseConfig)
    safety: SafetyConfig = field(default_factory=SafetyConfig)
    listen: ListenConfig = field(default_factory=ListenConfig)
