"""Says for each received frame whose it is: HomePlug, IPv6, or nobody's; counts what is thrown away."""
from __future__ import annotations

from tasks.errors import WireError
from tasks.ethernet.wire import ETHERTYPE_HOMEPLUG, ETHERTYPE_IPV6, parse


class Demux:
    """Sorts frames by EtherType; stateless apart from its counters."""

    __slots__ = ("mac", "homeplug", "ipv6", "others", "runts", "own_echoes")

    def __init__(self, mac: bytes) -> None:
        self.mac = mac
        self.homeplug = 0
        self.ipv6 = 0
        self.others = 0
        self.runts = 0
        self.own_echoes = 0      # AF_PACKET shows our own transmissions as PACKET_OUTGOING (sheet section 6.6)

    def sort(self, frame: bytes) -> int:
        """ETHERTYPE_HOMEPLUG or ETHERTYPE_IPV6 when somebody wants the frame, otherwise 0 (and counted)."""
        try:
            _, source, ethertype = parse(frame)
        except WireError:
            self.runts += 1
            return 0
        if source == self.mac:
            self.own_echoes += 1
            return 0
        if ethertype == ETHERTYPE_IPV6:
            self.ipv6 += 1
            return ethertype
        if ethertype == ETHERTYPE_HOMEPLUG:
            self.homeplug += 1
            return ethertype
        self.others += 1
        return 0
