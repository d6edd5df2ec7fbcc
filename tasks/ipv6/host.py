"""The IPv6 host: which packets are for us, echo, and the way of upper-layer packets into frames and back."""
from __future__ import annotations

from typing import Any

from tasks.errors import WireError
from tasks.ethernet import wire as ethernet
from tasks.ipv6 import wire
from tasks.ipv6.config import Ipv6Config
from tasks.ipv6.neighbor import Neighbor, Outgoing
from tasks.ipv6.timing import QUIET
from tasks.messages import Datagram, Packet, SendDatagram

ECHO_DATA = 1232         # octets of echo data answered: IPv6 minimum MTU 1280 - 40 - 8 (sheet 5.4)


class Host:
    """One link-local address on one interface. Upper-layer packets received are drained by `udp()` and `tcp()`."""

    def __init__(self, mac: bytes, config: Ipv6Config, rng: Any) -> None:
        self.mac = mac
        self.neighbor = Neighbor(mac, rng)
        self.malformed = 0           # not a whole IPv6 packet, or an impossible source
        self.not_for_us = 0          # another destination
        self.unknown_header = 0      # extension headers and protocols that nobody here speaks
        self.bad_checksum = 0        # ICMPv6
        self.echoes = 0              # echo requests answered
        self._config = config
        self._sent_at: int | None = None
        self._out: list[Outgoing] = []
        self._udp: list[Datagram] = []
        self._tcp: list[Datagram] = []

    @property
    def address(self) -> bytes:
        """Our link-local address; changes only after a conflict."""
        return self.neighbor.address

    # --- the five verbs -------------------------------------------------------------------------------------------

    def receive(self, item: Packet, now: int) -> None:
        """One Ethernet frame of EtherType 0x86DD."""
        try:
            dst_mac, src_mac, _ = ethernet.parse(item.data)
            packet = wire.parse_ipv6(item.data, ethernet.HEADER_LENGTH)
        except WireError:
            self.malformed += 1
            return
        src, dst = packet.src, packet.dst
        neighbor = self.neighbor
        if dst_mac != self.mac and not dst_mac[0] & 1 or dst != neighbor.address and dst != wire.ALL_NODES and dst != neighbor.group:
            self.not_for_us += 1
            return
        header = packet.next_header
        if header == wire.ICMPV6:
            self._icmpv6(packet, src_mac, now)
            return
        if not wire.is_link_local(src) or src == neighbor.address:
            self.malformed += 1
        elif header == wire.TCP:
            if dst != neighbor.address:      # TCP to a group is always wrong (RFC 9293 3.9.2.3)
                self.malformed += 1
                return
            neighbor.confirm(src, src_mac, now)
            self._tcp.append(Datagram(src, dst, packet.payload, src_mac))
        elif header == wire.UDP:
            self._udp.append(Datagram(src, dst, packet.payload, src_mac))
        else:
            self.unknown_header += 1

    def send(self, item: SendDatagram, now: int) -> None:
        """An upper-layer packet. The first one, and the first after a long pause, begins a network."""
        if self._sent_at is None or now - self._sent_at > QUIET:
            self.neighbor.begin_network(self._config.duplicate_detection, now)
        self._sent_at = now
        self.neighbor.send(item.dst, item.next_header, item.payload, item.dst_mac, now)

    def handle_timer(self, now: int) -> None:
        self.neighbor.handle_timer(now)

    def outgoing(self) -> list[bytes]:
        """Ethernet frames."""
        items = self.neighbor.outgoing()
        if self._out:
            items = items + self._out
            self._out = []
        return [] if not items else [
            ethernet.emit(o.dst_mac, self.mac, ethernet.ETHERTYPE_IPV6,
                          wire.emit_ipv6(o.src, o.dst, o.next_header, o.hop_limit, o.payload))
            for o in items]

    def events(self) -> list[Any]:
        """Checkpoint, Note, Unreachable."""
        return self.neighbor.events()

    def next_timer(self) -> int:
        return self.neighbor.next_timer()

    # --- received for the layer above -----------------------------------------------------------------------------

    def udp(self) -> list[Datagram]:
        items = self._udp
        if items:
            self._udp = []
        return items

    def tcp(self) -> list[Datagram]:
        items = self._tcp
        if items:
            self._tcp = []
        return items

    # --- ICMPv6 ---------------------------------------------------------------------------------------------------

    def _icmpv6(self, packet: wire.Ipv6, src_mac: bytes, now: int) -> None:
        src = packet.src
        if src != wire.UNSPECIFIED and not wire.is_link_local(src):
            self.malformed += 1
            return
        if not wire.icmpv6_intact(packet.payload, src, packet.dst):
            self.bad_checksum += 1
            return
        kind = packet.payload[0]
        if kind == wire.NEIGHBOR_SOLICITATION or kind == wire.NEIGHBOR_ADVERTISEMENT:
            self.neighbor.receive(packet, src_mac, now)
        elif kind == wire.ECHO_REQUEST:
            self._echo(packet, src_mac)
        # Router solicitations, MLD reports and the like concern nobody on a network without routers (sheet 5.5).

    def _echo(self, packet: wire.Ipv6, src_mac: bytes) -> None:
        data = packet.payload
        if not self._config.answer_echo or packet.src == wire.UNSPECIFIED or data[1] or not 8 <= len(data) <= 8 + ECHO_DATA:
            self.malformed += 1
            return
        self.echoes += 1
        address = self.neighbor.address
        reply = wire.emit_icmpv6(address, packet.src, bytes((wire.ECHO_REPLY, 0, 0, 0)) + data[4:])
        self._out.append(Outgoing(src_mac, address, packet.src, wire.ICMPV6, wire.HOP_LIMIT, reply))
