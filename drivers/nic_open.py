"""Opens the real network interface with the driver that the configuration names."""
from __future__ import annotations

from pathlib import Path

from drivers.interfaces import Ears, Nic
from drivers.nic_ears import SYS_NET, NicConfig
from drivers.nic_pcap import PcapEars, PcapNic
from drivers.nic_socket import SocketEars, SocketNic


def open_ears(config: NicConfig, sys_net: Path = SYS_NET) -> Ears:
    """What hears and has nothing to send with. DriverError says what is missing."""
    return (SocketEars if config.driver == "socket" else PcapEars)(config, sys_net)


def open_nic(config: NicConfig, sys_net: Path = SYS_NET) -> Nic:
    """What hears and sends. DriverError says what is missing."""
    return (SocketNic if config.driver == "socket" else PcapNic)(config, sys_net)
