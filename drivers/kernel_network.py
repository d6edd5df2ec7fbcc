"""What the operating system's own network does on the modem's interface, why that disturbs charging, and how to stop it.

The interface belongs to this program, which brings its own IPv6 and TCP. Where the kernel has the same IPv6 address it answers
the other side's TCP segments with RST, and sessions die on the first one: the most likely field failure (sheet
slac-and-network, 6.6). `KernelNetwork` reads the facts, `findings` judges them and does nothing else.
"""
from __future__ import annotations

import fcntl
import ipaddress
import socket
import struct
from pathlib import Path

from kernel.record import dataclass

SIOCGIFADDR = 0x8915             # linux/sockios.h
MAX_ADDRESSES = 16               # of one interface that are looked at; the rest is counted
ADDR_GEN_NONE = 1                # linux/if_link.h, IN6_ADDR_GEN_MODE_NONE: no link-local address by itself
BROKEN, DISTURBED = "error", "warning"


@dataclass(slots=True, frozen=True)
class NetworkFacts:
    """Of one interface. None: not known (no such file, not permitted)."""

    interface: str
    ipv6: bool | None = None             # the kernel speaks IPv6 here; None: the kernel has none, or it cannot be seen
    addresses: tuple[bytes, ...] = ()    # IPv6 addresses that it has here, 16 octets each
    automatic: bool = True               # it takes a link-local address by itself when the link comes up
    ipv4: str | None = None
    forwarding: bool | None = None       # it passes IPv6 packets on
    bridge: str | None = None            # name of the bridge or bond that the interface is a port of
    manager: str | None = None           # who would configure it again: NetworkManager, systemd-networkd


@dataclass(slots=True, frozen=True)
class Finding:
    """`level`: error breaks sessions, warning disturbs. `short`: at most 19 characters for a narrow display."""

    kind: str
    level: str
    problem: str
    why: str
    remedy: str
    short: str

    def __str__(self) -> str:
        return f"{self.problem} {self.why} {self.remedy}"


def findings(facts: NetworkFacts, own: bytes | None) -> list[Finding]:
    """What is wrong; `own`: the IPv6 address that this program uses, None before it has one."""
    name = facts.interface
    found = []
    if facts.bridge is not None:
        found.append(Finding("bridge", BROKEN, f"{name} is a port of {facts.bridge}.",
                             "Everything that the car or charger sends goes on into that network, and that network's traffic onto the cable.",
                             f"Take it out: ip link set {name} nomaster (and out of the configuration that put it there).", "port of a bridge"))
    if own is not None and own in facts.addresses:
        found.append(Finding("same", BROKEN, f"The operating system has our own IPv6 address {_text(own)} on {name}.",
                             "It answers the TCP segments of the other side with RST: every session breaks.", off(facts), "kernel answers too"))
    elif facts.addresses:
        shown = ", ".join(_text(a) for a in facts.addresses)
        found.append(Finding("address", DISTURBED, f"The operating system speaks IPv6 on {name} as well ({shown}).",
                             "A second address, router solicitations, MLD and DHCPv6 go to the other side beside ours.", off(facts), "kernel IPv6 is on"))
    elif facts.ipv6 and facts.automatic:
        found.append(Finding("ready", DISTURBED, f"The operating system's IPv6 is on for {name}.",
                             "It will take an address as soon as the link is up, perhaps ours.", off(facts), "kernel IPv6 is on"))
    if facts.ipv6 and facts.forwarding:
        found.append(Finding("forwarding", DISTURBED, f"The operating system forwards IPv6 on {name}.",
                             "It answers each segment that is for us and not for its own address with an ICMPv6 error (a Linux peer bears it, others may not).",
                             f"Switch it off: sysctl -w {key(name, 'forwarding')}=0.", "kernel forwards"))
    if facts.ipv4 is not None:
        found.append(Finding("ipv4", DISTURBED, f"{name} has the IPv4 address {facts.ipv4}.",
                             "DHCP, mDNS and log broadcasts go onto the power line; some chargers do not bear them (sheet 2.8, row 14).",
                             f"Is it the modem's interface? Then: ip -4 addr flush dev {name}{_unmanage(facts)}.", "IPv4 on modem port"))
    return found


def harmless_to_disable(facts: NetworkFacts) -> bool:
    """The kernel's IPv6 may be switched off here without asking: nothing but link-local addresses, no IPv4. Anything else may be
    how somebody is logged in, on an interface that was named by mistake."""
    return bool(facts.ipv6) and facts.ipv4 is None and facts.bridge is None and all(a[0] == 0xFE and a[1] & 0xC0 == 0x80 for a in facts.addresses)


def off(facts: NetworkFacts) -> str:
    """The remedy, for now and for good."""
    setting = f"{key(facts.interface, 'disable_ipv6')}=1"
    return (f"Switch it off: sysctl -w {setting}; for every start: ./install/modem-interface.sh {facts.interface}, "
            f"or this line in /etc/sysctl.d/60-ccsbox.conf: {setting}{_unmanage(facts)}.")


def key(interface: str, name: str) -> str:
    """A sysctl key; a dot in the name of an interface is written as a slash (sysctl.d(5))."""
    return f"net.ipv6.conf.{interface.replace('.', '/')}.{name}"


def _unmanage(facts: NetworkFacts) -> str:
    if facts.manager == "NetworkManager":
        return f"; and nmcli device set {facts.interface} managed no"
    if facts.manager is not None:
        return f"; and tell {facts.manager} to leave {facts.interface} alone"
    return ""


def _text(address: bytes) -> str:
    return str(ipaddress.IPv6Address(address))


def parse_if_inet6(text: str, interface: str) -> tuple[bytes, ...]:
    """The addresses of one interface in /proc/net/if_inet6: address, index, prefix, scope, flags, name; at most MAX_ADDRESSES."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) == 6 and words[5] == interface and len(found) < MAX_ADDRESSES:
            try:
                address = bytes.fromhex(words[0])
            except ValueError:
                continue
            if len(address) == 16:
                found.append(address)
    return tuple(found)


class KernelNetwork:
    """Reads the facts of one interface; what cannot be read is None and counted in `errors`."""

    def __init__(self, interface: str, proc: Path = Path("/proc"), sys_net: Path = Path("/sys/class/net"), run: Path = Path("/run")) -> None:
        self.interface = interface
        self.errors = 0
        self._conf = proc / "sys/net/ipv6/conf" / interface
        self._addresses = proc / "net/if_inet6"
        self._device = sys_net / interface
        self._run = run

    def read(self) -> NetworkFacts:
        disabled = self._word(self._conf / "disable_ipv6")
        addresses = self._read(self._addresses)
        bridge = self._device / "master"
        return NetworkFacts(
            self.interface, None if disabled is None else disabled == "0", parse_if_inet6(addresses or "", self.interface),
            self._word(self._conf / "addr_gen_mode") != str(ADDR_GEN_NONE), self._ipv4(),
            None if (forwarding := self._word(self._conf / "forwarding")) is None else forwarding != "0",
            bridge.resolve().name if bridge.is_symlink() else None, self._manager())

    def disable_ipv6(self) -> str:
        """Switches the kernel's IPv6 off on this interface until the next start of the system. Empty when done, otherwise why not."""
        try:
            (self._conf / "disable_ipv6").write_text("1\n")
        except OSError as e:
            return e.strerror or type(e).__name__
        return "" if self._word(self._conf / "disable_ipv6") == "1" else "it does not stay off"

    def _read(self, path: Path) -> str | None:
        try:
            return path.read_text(encoding="ascii", errors="replace")
        except OSError:
            self.errors += 1
            return None

    def _word(self, path: Path) -> str | None:
        text = self._read(path) if path.exists() else None
        return None if text is None else text.strip()

    def _ipv4(self) -> str | None:
        """The first IPv4 address of the interface (netdevice(7))."""
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                answer = fcntl.ioctl(s, SIOCGIFADDR, struct.pack("16s24x", self.interface.encode()[:15]))
        except OSError:                  # EADDRNOTAVAIL: it has none
            return None
        return socket.inet_ntoa(answer[20:24])

    def _manager(self) -> str | None:
        """Who has the interface in hand, as their state files say (formats of NetworkManager 1.x and systemd 252)."""
        index = self._word(self._device / "ifindex")
        if not index:
            return None
        if "managed=true" in (self._word(self._run / "NetworkManager/devices" / index) or ""):
            return "NetworkManager"
        state = self._word(self._run / "systemd/netif/links" / index) or ""
        if "ADMIN_STATE=" in state and "ADMIN_STATE=unmanaged" not in state:
            return "systemd-networkd"
        return None
