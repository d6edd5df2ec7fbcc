"""The modem's interface: there, up, with carrier, ours to open, and left alone by the operating system."""
from __future__ import annotations

from typing import Any, Iterator

from drivers.errors import DriverError
from drivers.kernel_network import BROKEN, KernelNetwork, findings
from tools.doctor.findings import Finding, fail, ok, warn

IFF_UP = 1                   # linux/if.h
ETHERNET = 1                 # ARPHRD_ETHER of linux/if_arp.h
NET = "/sys/class/net"
MAX_NAMES = 12


def interface(patient: Any) -> Iterator[Finding]:
    """Exists, carries Ethernet, is up, sees the modem's end of the cable."""
    machine, name = patient.machine, patient.config.interface
    device = machine.path(f"{NET}/{name}")
    if not name or "/" in name or not device.is_dir():
        known = sorted(p.name for p in machine.path(NET).glob("*"))[:MAX_NAMES]
        yield fail("interface", f"there is no network interface {name!r}",
                   f"Connect the modem, or set `interface` to one of: {', '.join(known) or 'none at all'}.", "no interface")
        return
    if machine.number(device / "type") != ETHERNET:
        yield fail("interface", f"{name} carries no Ethernet", "Set `interface` to the one to which the PLC modem is connected.", "interface: no Eth")
        return
    flags = machine.text(device / "flags") or "0"
    if not int(flags, 16) & IFF_UP:
        yield fail("interface", f"{name} is down", f"ip link set {name} up; install/modem-interface.sh {name} does it at each start.", "interface is down")
        return
    if machine.text(device / "carrier") != "1":
        problem, remedy = f"{name} is up, but sees nobody at the other end of its cable", "Modem switched on? Cable? A QCA7000 on SPI needs its driver (qcaspi)."
        # the running box waits for it and says so itself; a modem takes seconds to start
        yield warn("interface", problem, remedy) if patient.running is not None else fail("interface", problem, remedy, "no carrier: modem?")
        return
    yield ok("interface", f"{name}, {machine.text(device / 'address') or 'no address'}, up, carrier")


def rights(patient: Any) -> Iterator[Finding]:
    """CAP_NET_RAW, by really opening a raw socket."""
    name = patient.config.interface
    try:
        patient.machine.open_packet_socket(name)
    except DriverError as error:
        if patient.running is not None:
            yield warn("rights", f"this user may not open {name}; whether the running box may, its journal says",
                       "Run the examination as root: sudo ccsbox doctor.")
        else:
            yield fail("rights", error.problem, error.remedy, "no CAP_NET_RAW")
        return
    yield ok("rights", "a raw socket opens (CAP_NET_RAW)")


def kernel_ipv6(patient: Any) -> Iterator[Finding]:
    """The operating system's own network on our interface (drivers/kernel_network.py)."""
    machine, name = patient.machine, patient.config.interface
    if patient.config.mode == "listen":
        yield ok("kernel IPv6", "a listener shares its interface")
        return
    if not machine.path(f"{NET}/{name}").is_dir():
        yield warn("kernel IPv6", f"not looked at: there is no {name}", "See the line interface.")
        return
    facts = KernelNetwork(name, machine.path("/proc"), machine.path(NET), machine.path("/run")).read()
    found = findings(facts, None)            # the box takes another address where the kernel has the one that it would like (tasks/ipv6)
    for finding in found:
        told = f"{finding.problem} {finding.why}"
        yield fail("kernel IPv6", told, finding.remedy, finding.short) if finding.level == BROKEN else warn("kernel IPv6", told, finding.remedy)
    if not found:
        yield ok("kernel IPv6", f"the operating system is silent on {name}")
