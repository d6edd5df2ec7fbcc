"""The peer's network interface with habits: SLAC answers that are late, other or missing, SDP, neighbour discovery, TCP."""
from __future__ import annotations

import dataclasses
from heapq import heappop, heappush
from typing import Callable

from drivers.interfaces import Nic
from kernel.timer import MS, NEVER, S
from tasks.homeplug.wire import CM_SLAC_PARM_CNF, CM_START_ATTEN_CHAR_IND, parse
from tasks.homeplug.wire_header import ETHERTYPE as HOMEPLUG
from tasks.homeplug.wire_header import name_of
from tasks.ipv6 import sdp_wire, wire
from tasks.ipv6.wire import NA_SOLICITED, NEIGHBOR_ADVERTISEMENT, NEIGHBOR_SOLICITATION, NeighborMessage
from tasks.tcp import wire as tcp_wire
from tools.simulate.fleet.traits import CarTraits, ChargerTraits

IPV6 = b"\x86\xdd"
IP_AT = 14                       # where IPv6 begins in a frame
TCP = 6
PATIENCE = 3 * S                 # a probing peer waits so long for our NA
MAX_HELD = 256                   # frames that wait at once


class EditedNic:
    """Nic around another one. What goes out may wait, change, vanish or bring company; what comes in may vanish."""

    def __init__(self, inner: Nic, traits: ChargerTraits | CarTraits, deaf_until: int = 0) -> None:
        self._inner = inner
        self._traits = traits
        self.mac = inner.mac
        self._deaf_until = deaf_until
        self._held: list[tuple[int, int, bytes]] = []
        self._sequence = 0
        self._on_event: Callable[[], None] | None = None
        self._left: dict[str, int] = {}      # of `slac_lost`
        self._syns = 0                       # connections that were tried
        self._tls_left = getattr(traits, "tls_requests", 0)
        self._plain_asked = not self._tls_left
        self._sdp_answers: list[bytes] = []  # wait for a neighbour advertisement
        self._advertised = not traits.solicits_before_sdp
        self._probe_due = NEVER              # when the NA to our probe must have come
        self._probed = False
        self.dead = False                    # nobody answered the probe

    # --- Nic

    @property
    def errors(self) -> int:
        return self._inner.errors

    @property
    def on_event(self) -> Callable[[], None] | None:
        return self._on_event

    @on_event.setter
    def on_event(self, call: Callable[[], None]) -> None:
        self._on_event = self._inner.on_event = call

    def fileno(self) -> int:
        return self._inner.fileno()

    def close(self) -> None:
        self._inner.close()

    def favour(self, station: bytes | None) -> None:
        self._inner.favour(station)

    @property
    def drops(self) -> int:
        return self._inner.drops

    def next_event(self) -> int:
        return min(self._inner.next_event(), self._held[0][0] if self._held else NEVER)

    def send(self, frame: bytes, now: int) -> bool:
        for wait, out in self._going(frame, now):
            self._later(wait, out, now)
        return True

    def receive(self, limit: int, now: int) -> list[tuple[int, bytes]]:
        self._release(now)
        frames = self._inner.receive(limit, now)
        if now < self._deaf_until:
            return []
        return [(at, frame) for at, frame in frames if self._comes(frame, now)]

    def _later(self, wait: int, frame: bytes, now: int) -> None:
        if now < self._deaf_until:
            return
        if not wait:
            self._inner.send(frame, now)
        elif len(self._held) < MAX_HELD:
            self._sequence += 1
            heappush(self._held, (now + wait, self._sequence, frame))
            if self._on_event is not None:
                self._on_event()

    def _release(self, now: int) -> None:
        while self._held and self._held[0][0] <= now:
            self._inner.send(heappop(self._held)[2], now)

    # --- out

    def _going(self, frame: bytes, now: int) -> list[tuple[int, bytes]]:
        """(wait in ns, frame) pairs that stand for `frame`."""
        traits = self._traits
        kind = frame[12:14]
        if kind == HOMEPLUG:
            name = name_of(frame[15] | frame[16] << 8)
            self._left[name] = self._left.get(name, traits.slac_lost.get(name, 0)) - 1
            if name in traits.slac_silent or self._left[name] >= 0:
                return []
            if name == "CM_SLAC_PARM.CNF" and isinstance(traits, ChargerTraits):
                frame = self._announce(frame)
            return [(round(traits.slac_delay_ms.get(name, 0.0) * MS), frame)]
        if kind != IPV6:
            return [(0, frame)]
        if self.dead:
            return []
        packet = wire.parse_ipv6(frame, IP_AT)
        if packet.next_header == wire.UDP:
            return self._going_sdp(frame, packet)
        if packet.next_header == TCP:
            return self._going_tcp(frame, packet, now)
        if packet.next_header == wire.ICMPV6 and traits.bare_advertisement and packet.payload[0] == NEIGHBOR_ADVERTISEMENT:
            message = wire.parse_neighbor(packet)
            bare = NeighborMessage(NEIGHBOR_ADVERTISEMENT, NA_SOLICITED, message.target, None)
            frame = self._packet(frame[:6], dataclasses.replace(packet, payload=wire.emit_neighbor(bare, packet.src, packet.dst)))
        return [(0, frame)]

    def _announce(self, frame: bytes) -> bytes:
        confirmation = parse(frame)
        assert type(confirmation) is CM_SLAC_PARM_CNF
        return dataclasses.replace(confirmation, num_sounds=self._traits.num_sounds, time_out=self._traits.sound_timeout).emit()

    def _going_sdp(self, frame: bytes, packet: wire.Ipv6) -> list[tuple[int, bytes]]:
        traits = self._traits
        if traits.sdp_silent:
            return []
        wait = round(traits.sdp_delay_ms * MS)
        if isinstance(traits, CarTraits):
            if self._tls_left:
                self._tls_left -= 1
                udp = wire.parse_udp(packet.payload, packet.src, packet.dst)
                asked = sdp_wire.emit_request(sdp_wire.SdpRequest(sdp_wire.SECURITY_TLS))
                payload = wire.emit_udp(packet.src, packet.dst, udp.src_port, udp.dst_port, asked)
                return [(wait, self._packet(frame[:6], dataclasses.replace(packet, payload=payload)))]
            self._plain_asked = True
        elif not self._advertised:
            self._sdp_answers = [frame]          # later answers replace it
            return [(0, self._solicitation(packet.dst, packet.src))]
        return [(wait, frame)]

    def _going_tcp(self, frame: bytes, packet: wire.Ipv6, now: int) -> list[tuple[int, bytes]]:
        traits = self._traits
        flags = packet.payload[13]
        if not flags & tcp_wire.SYN:
            return [(0, frame)]
        out, wait = [], 0
        if isinstance(traits, CarTraits) and not flags & tcp_wire.ACK:
            if traits.mss is not None:
                segment = tcp_wire.parse(packet.payload, wire.pseudo_sum(packet.src, packet.dst, TCP))
                payload = tcp_wire.emit(segment.src_port, segment.dst_port, segment.seq, segment.ack, segment.flags, segment.window, b"",
                                        wire.pseudo_sum(packet.src, packet.dst, TCP), traits.mss)
                frame = self._packet(frame[:6], dataclasses.replace(packet, payload=payload))
            wait = round(traits.syn_delay_ms * MS)
        out.append((wait, frame))
        if traits.probe_after_s and not self._probed:
            self._probed = True
            at = wait + round(traits.probe_after_s * S)
            self._probe_due = now + at + PATIENCE
            out.append((at, self._solicitation(packet.dst, packet.src)))
        return out

    # --- in

    def _comes(self, frame: bytes, now: int) -> bool:
        """False: the peer does not take notice of this frame."""
        traits = self._traits
        kind = frame[12:14]
        if kind == HOMEPLUG:
            if isinstance(traits, ChargerTraits) and traits.insists_on_timeout and frame[15:17] == b"\x6a\x60":
                sounds_begin = parse(frame)
                return type(sounds_begin) is CM_START_ATTEN_CHAR_IND and sounds_begin.time_out == traits.sound_timeout
            return True
        if kind != IPV6:
            return True
        if now >= self._probe_due:
            self.dead = True
        if self.dead:
            return False
        packet = wire.parse_ipv6(frame, IP_AT)
        if packet.next_header == wire.ICMPV6 and packet.payload[0] == NEIGHBOR_ADVERTISEMENT:
            self._probe_due = NEVER
            if not self._advertised:
                self._advertised = True
                for answer in self._sdp_answers:
                    self._later(round(traits.sdp_delay_ms * MS), answer, now)
                self._sdp_answers = []
        elif packet.next_header == wire.UDP and isinstance(traits, CarTraits):
            return traits.takes_plain_answer or self._plain_asked
        elif packet.next_header == TCP and isinstance(traits, ChargerTraits):
            return self._comes_tcp(frame, packet, now)
        return True

    def _comes_tcp(self, frame: bytes, packet: wire.Ipv6, now: int) -> bool:
        """The first connections may be refused or not noticed."""
        segment = tcp_wire.parse(packet.payload, wire.pseudo_sum(packet.src, packet.dst, TCP))
        if segment.flags & (tcp_wire.SYN | tcp_wire.ACK) != tcp_wire.SYN:
            return True
        self._syns += 1
        if self._syns <= self._traits.ignored_syns:
            return False
        if self._syns <= self._traits.ignored_syns + self._traits.refused_syns:
            refusal = tcp_wire.emit(segment.dst_port, segment.src_port, 0, segment.seq + 1 & 0xFFFFFFFF, tcp_wire.RST | tcp_wire.ACK, 0, b"",
                                    wire.pseudo_sum(packet.dst, packet.src, TCP))
            answer = wire.Ipv6(packet.dst, packet.src, TCP, wire.HOP_LIMIT, refusal)
            self._later(0, self._packet(frame[6:12], answer), now)
            return False
        return True

    # --- frames of our own

    def _solicitation(self, target: bytes, source: bytes) -> bytes:
        """The multicast neighbour solicitation that every charger in the captures sends before its SDP answer."""
        group = wire.solicited_node(target)
        message = wire.emit_neighbor(NeighborMessage(NEIGHBOR_SOLICITATION, 0, target, self.mac), source, group)
        return self._packet(wire.multicast_mac(group), wire.Ipv6(source, group, wire.ICMPV6, wire.ND_HOP_LIMIT, message))

    def _packet(self, dst: bytes, packet: wire.Ipv6) -> bytes:
        return dst + self.mac + IPV6 + wire.emit_ipv6(packet.src, packet.dst, packet.next_header, packet.hop_limit, packet.payload)
