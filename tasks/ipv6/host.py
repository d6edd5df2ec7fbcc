"""The IPv6 host: which packets are for us, echo, and the way of upper-layer packets into frames and back."""
from __future__ import annotations

from typing import Any

from tasks.errors import WireError
from tasks.ethernet import wire as ethernet
from tasks.ipv6 import wire
from tasks.ipv6.config import Ipv6Config
from tasks.ipv6.neighbor import Neighbor, Outgoing
from tasks.ipv6.strangers import Strangers, Trick
from tasks.ipv6.timing import QUIET
from tasks.messages import Datagram, Packet, SendDatagram
from tasks.tcp.limiter import Limiter

ECHOES_PER_SECOND = 200  # echo requests answered; more would take room from the session's segments
ECHO_DATA = 1232         # octets of echo data answered: IPv6 minimum MTU 1280 - 40 - 8 (sheet 5.4)


class Host:
    """One link-local address on one interface. Upper-layer packets received are drained by `udp()` and `tcp()`."""

    def __init__(self, mac: bytes, config: Ipv6Config, rng: Any) -> None:
        self.mac = mac
        self.strangers = Strangers()
        self.neighbor = Neighbor(mac, rng, self.strangers)
        self.malformed = 0           # not a whole IPv6 packet, or an impossible source
        self.not_for_us = 0          # another destination
        self.unknown_header = 0      # extension headers and protocols that nobody here speaks
        self.bad_checksum = 0        # ICMPv6
        self.echoes = 0              # echo requests answered
        self.own_echoes = 0          # our own frames, given back by a modem
        self.icmp_ignored = 0        # ICMPv6 that concerns nobody on a network of two: routers, groups, errors
        self._config = config
        self._echo_limit = Limiter(ECHOES_PER_SECOND)
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
        if src_mac == self.mac:
            self.own_echoes += 1
            return
        if dst_mac != self.mac and not dst_mac[0] & 1 or dst != neighbor.address and dst != wire.ALL_NODES and dst != neighbor.group:
            self.not_for_us += 1
            return
        if src_mac[0] & 1:                       # nobody sends from a group (IEEE 802.3 3.2.3)
            self.malformed += 1
            return
        header = packet.next_header
        if header == wire.ICMPV6:
            self._icmpv6(packet, src_mac, now)
            return
        if not wire.is_link_local(src) or src == neighbor.address:
            self.malformed += 1
        elif header == wire.TCP:
            if dst != neighbor.address or dst_mac != self.mac:       # TCP to a group is always wrong (RFC 9293 3.9.2.3)
                self.malformed += 1
            elif self._may_speak_tcp(src, src_mac, now):
                neighbor.confirm(src, src_mac, now)
                self._tcp.append(Datagram(src, dst, packet.payload, src_mac))
        elif header == wire.UDP:
            self._udp.append(Datagram(src, dst, packet.payload, src_mac))
        else:
            self.unknown_header += 1

    def _may_speak_tcp(self, src: bytes, src_mac: bytes, now: int) -> bool:
        """The address of the open stream is spoken for by its station alone; the rest by the peer, where it is known."""
        neighbor = self.neighbor
        if src == neighbor.held:
            trick = Trick.FORGED_TCP
            honest = src_mac == neighbor.held_mac
        else:
            trick = Trick.UNMATCHED_TCP
            honest = neighbor.peer is None or neighbor.is_peer(src_mac)
        if not honest:
            self.strangers.seen(trick, src_mac, now)
        return honest

    def accept(self, mac: bytes | None) -> None:
        """Discovery begins, has decided or is over: this station is our peer; None: not known, anybody may be; NOBODY: nobody."""
        self.neighbor.peer = mac

    def avoid(self, taken: bytes) -> bool:
        """Our own kernel has this address: take another one, unless a stream is open. True when it was ours."""
        return self.neighbor.held is None and self.neighbor.avoid(taken)

    def send(self, item: SendDatagram, now: int) -> None:
        """An upper-layer packet. The first one, and the first after a long pause, begins a network."""
        if self._sent_at is None or now - self._sent_at > QUIET:
            self.strangers.begin_network()
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
        """Checkpoint, Note, Unreachable, Suspicion."""
        return self.neighbor.events() + self.strangers.events()

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
            self._echo(packet, src_mac, now)
        else:
            # Nothing of this moves anything here: no router, no groups, no path MTU (sheet 5.3, 5.5). Tesla and Windows send router
            # solicitations and MLD reports without bad intent; advertisements, redirects and errors of a stranger are told.
            self.icmp_ignored += 1
            neighbor = self.neighbor
            if kind in wire.ROUTER_MESSAGES and not neighbor.is_peer(src_mac):
                self.strangers.seen(Trick.ROUTER, src_mac, now)
            elif kind in wire.ICMPV6_ERRORS and not neighbor.is_peer(src_mac) and (neighbor.peer or neighbor.held_mac):
                self.strangers.seen(Trick.ERRORS, src_mac, now)

    def _echo(self, packet: wire.Ipv6, src_mac: bytes, now: int) -> None:
        data = packet.payload
        if not self._config.answer_echo or packet.src == wire.UNSPECIFIED or data[1] or not 8 <= len(data) <= 8 + ECHO_DATA:
            self.malformed += 1
            return
        if not self._echo_limit.allow(now):
            return
        self.echoes += 1
        address = self.neighbor.address
        reply = wire.emit_icmpv6(address, packet.src, bytes((wire.ECHO_REPLY, 0, 0, 0)) + data[4:])
        self._out.append(Outgoing(src_mac, address, packet.src, wire.ICMPV6, wire.HOP_LIMIT, reply))
