"""What install.sh does on Raspberry Pi OS alone: a block in the firmware's config.txt on a FAT, and NetworkManager that gives the modem's interface no address."""
from __future__ import annotations

from machine import Machine

SETTINGS = "cat /boot/firmware/config.txt"
PROFILE = "systemctl is-active --quiet NetworkManager && nmcli -g GENERAL.CONNECTION device show eth1"
ADDRESSES = "ip -o addr show dev eth1"


class Firmware:
    """`installed` and `uninstalled`: a line of the report each. Made before the installation."""

    def __init__(self, machine: Machine, report) -> None:
        self._report, self._before = report, machine.must(SETTINGS)

    def installed(self, machine: Machine) -> None:
        """After a restart."""
        now = machine.must(SETTINGS)
        added = [line for line in now.splitlines() if line not in self._before.splitlines()]
        self._report.say(now.startswith(self._before) and "dtparam=i2c_arm=on,i2c_arm_baudrate=400000" in added, "config.txt has our block at its end", "; ".join(added))
        code, profile = machine.run(PROFILE)
        addresses = machine.run(ADDRESSES)[1].strip()
        self._report.say(code == 0 and profile.strip() == "ccsbox-eth1" and not addresses, "NetworkManager keeps the modem's interface up, without an address",
                         f"profile {profile.strip()}, addresses: {addresses or 'none'}")
        self._report.say(True, "the system", machine.must("uname -m; getconf LONG_BIT; . /etc/os-release; echo $PRETTY_NAME; tr -d '\\0' < /proc/device-tree/model").replace("\n", ", "))

    def uninstalled(self, machine: Machine) -> None:
        self._report.say(machine.must(SETTINGS) == self._before, "config.txt is as it was")
