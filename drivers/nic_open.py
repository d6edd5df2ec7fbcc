"""Opens the real network interface with the driver that the configuration names."""
from __future__ import annotations

from pathlib import Path

from drivers.interfaces import Ears, Nic
from drivers.nic_ears import SYS_NET, NicConfig


def open_ears(config: NicConfig, sys_net: Path = SYS_NET) -> Ears:
    """What hears and has nothing to send with. DriverError says what is missing."""
    if config.driver == "socket":
        from drivers.nic_socket import SocketEars
        return SocketEars(config, sys_net)
    from drivers.nic_pcap import PcapEars
    return PcapEars(config, sys_net)


def open_nic(config: NicConfig, sys_net: Path = SYS_NET) -> Nic:
    """What hears and sends. DriverError says what is missing."""
    if config.driver == "socket":
        from drivers.nic_socket import SocketNic
        return SocketNic(config, sys_net)
    from drivers.nic_pcap import PcapNic
    return PcapNic(config, sys_net)
