"""A third station in the network of a simulated charge: it hears everything and speaks to one box whenever it likes.

Whoever has heard the key (it stands in CM_SLAC_MATCH.CNF in clear) has a modem that joins. Its frames therefore reach the box
like those of the peer, in the same visit as the frame that it reacts to, which is earlier than any honest answer can come.
"""
from __future__ import annotations

from collections import deque
from typing import Callable

from drivers.sim.link import RX_CAPACITY
from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from tasks.config import Config
from tasks.ethernet import wire as ethernet
from tasks.homeplug.emulator_nic import EmulatedModemNic
from tasks.ipv6 import wire
from tasks.ipv6.sdp_wire import SDP_PORT
from tasks.ipv6.wire import NeighborMessage
from tasks.tcp import wire as tcp
from tasks.tcp.wire import Segment
from tools.simulate.charge import CAR_MAC, CHARGER_MAC, Charge

EVIL_MAC = bytes.fromhex("020000006666")
EVIL = wire.link_local(EVIL_MAC)


class Tap:
    """Nic of the box under attack: what its modem gives it, and what the attacker adds."""

    def __init__(self, inner: EmulatedModemNic, react: Callable[[bytes, bool, int], list[bytes]]) -> None:
        self._inner = inner
        self._react = react
        self.mac = inner.mac
        self.added: deque[tuple[int, bytes]] = deque()
        self.lost = 0                        # found no room in the ring
        self.largest = 0                     # frames handed out in one call
        self._favoured: bytes | None = None
        self.speech: list[bytes] = []        # TCP data that the box sent, in order
        self.told: Callable[[], None] | None = None

    @property
    def errors(self) -> int:
        return self._inner.errors

    @property
    def on_event(self) -> Callable[[], None] | None:
        return self.told

    @on_event.setter
    def on_event(self, call: Callable[[], None]) -> None:
        self.told = self._inner.on_event = call

    def fileno(self) -> int:
        return -1

    def receive(self, limit: int, now: int) -> list[tuple[int, bytes]]:
        """As PcapNic: once a station is favoured its frames have a ring of their own, before those of strangers."""
        out: list[tuple[int, bytes]] = []
        if self._favoured is None:
            self._take(out, limit)
        for at, frame in self._inner.receive(limit - limit // 4 if self._favoured else limit - len(out), now):
            first = [(now, f) for f in self._react(frame, False, now)]       # before the honest one
            out += [*first, (at, frame)]
        self._take(out, limit)
        self.largest = max(self.largest, len(out))
        return out

    def _take(self, out: list[tuple[int, bytes]], limit: int) -> None:
        while self.added and len(out) < limit:
            out.append(self.added.popleft())

    def send(self, frame: bytes, now: int) -> bool:
        ok = self._inner.send(frame, now)
        segment = _segment(frame)
        if segment is not None and segment.data:
            self.speech.append(segment.data)
        self.add(self._react(frame, True, now), now)
        return ok

    def add(self, frames: list[bytes], now: int) -> None:
        if frames:
            room = max(0, RX_CAPACITY - len(self.added))
            self.lost += max(0, len(frames) - room)
            self.added.extend((now, f) for f in frames[:room])
            if self.told is not None:
                self.told()

    def next_event(self) -> int:
        return 0 if self.added else self._inner.next_event()

    def favour(self, station: bytes | None) -> None:
        self._favoured = station
        self._inner.favour(station)

    @property
    def drops(self) -> int:
        return self._inner.drops + self.lost

    def close(self) -> None:
        self._inner.close()


def _segment(frame: bytes) -> Segment | None:
    if frame[12:14] != b"\x86\xdd" or frame[20] != wire.TCP:
        return None
    packet = wire.parse_ipv6(frame, ethernet.HEADER_LENGTH)
    return tcp.parse(packet.payload, wire.pseudo_sum(packet.src, packet.dst, wire.TCP))


class View:
    """What the attacker knows of box and peer, kept current by listening, and the frames that it can make."""

    def __init__(self, mac: bytes, peer_mac: bytes) -> None:
        self.mac = mac
        self.peer_mac = peer_mac
        self.address = wire.link_local(mac)
        self.peer = wire.link_local(peer_mac)
        self.last: Segment | None = None         # of the box: its `ack` is what it expects next
        self.frame = b""
        self.packet: wire.Ipv6 | None = None
        self.outgoing = False
        self.asked_from = 0                      # source port of the box's last SDP request
        self.count = 0                           # frames heard so far

    def hear(self, frame: bytes, outgoing: bool) -> None:
        self.frame, self.outgoing, self.packet = frame, outgoing, None
        self.count += 1
        if frame[12:14] == b"\x86\xdd":
            self.packet = wire.parse_ipv6(frame, ethernet.HEADER_LENGTH)
            segment = _segment(frame)
            if outgoing and segment is not None:
                self.last = segment
            udp = self.udp(True)
            if udp is not None and udp.dst_port == SDP_PORT:
                self.asked_from = udp.src_port

    @property
    def talking(self) -> bool:
        """The box has just sent a segment of an open stream."""
        return self.outgoing and self.last is not None and self.packet is not None and self.packet.next_header == wire.TCP and bool(self.last.ack)

    def says(self, kind: int) -> bool:
        """The box has just sent this ICMPv6 message."""
        return self.outgoing and self.packet is not None and self.packet.next_header == wire.ICMPV6 and self.packet.payload[0] == kind

    def udp(self, outgoing: bool) -> wire.Udp | None:
        p = self.packet
        return wire.parse_udp(p.payload, p.src, p.dst) if p is not None and p.next_header == wire.UDP and self.outgoing is outgoing else None

    def ip(self, next_header: int, payload: bytes, *, src: bytes = EVIL, dst: bytes | None = None, src_mac: bytes = EVIL_MAC,
           hop_limit: int = 255) -> bytes:
        dst = self.address if dst is None else dst
        dst_mac = wire.multicast_mac(dst) if dst[0] == 0xFF else self.mac
        return ethernet.emit(dst_mac, src_mac, ethernet.ETHERTYPE_IPV6, wire.emit_ipv6(src, dst, next_header, hop_limit, payload))

    def icmp(self, message: bytes, **more: bytes) -> bytes:
        src, dst = more.get("src", EVIL), more.get("dst", self.address)
        return self.ip(wire.ICMPV6, wire.emit_icmpv6(src, dst, message), **more)

    def nd(self, kind: int, flags: int, target: bytes, link_layer: bytes | None, *, src: bytes = EVIL, dst: bytes | None = None,
           src_mac: bytes = EVIL_MAC) -> bytes:
        dst = self.address if dst is None else dst
        return self.ip(wire.ICMPV6, wire.emit_neighbor(NeighborMessage(kind, flags, target, link_layer), src, dst), src=src, dst=dst, src_mac=src_mac)

    def segment(self, flags: int, data: bytes = b"", *, src: bytes | None = None, src_port: int | None = None) -> bytes:
        """In the name of the peer, with the very numbers that the box expects."""
        src, last = self.peer if src is None else src, self.last
        payload = tcp.emit(last.dst_port if src_port is None else src_port, last.src_port, last.ack, last.seq + len(last.data) & 0xFFFFFFFF, flags, 8192,
                           data, wire.pseudo_sum(src, self.address, wire.TCP))
        return self.ip(wire.TCP, payload, src=src, hop_limit=64)

    def datagram(self, data: bytes, src_port: int, dst_port: int, *, src: bytes = EVIL, dst: bytes | None = None) -> bytes:
        dst = self.address if dst is None else dst
        return self.ip(wire.UDP, wire.emit_udp(src, dst, src_port, dst_port, data), src=src, dst=dst)


class AttackedCharge(Charge):
    """A charge in which `victim` (pev, evse) has an attacker beside it: `react(view)` gives its frames after each frame of the box."""

    def __init__(self, victim: str, react: Callable[[View], list[bytes]] | None, seed: int = 1, config: Config | None = None) -> None:
        self._victim = victim
        self._attack = react
        self.taps: dict[str, Tap] = {}
        config = config if config is not None else Config()
        config.ev.stop_soc_percent = 96.4
        super().__init__(config, PlantConfig(battery_soc_percent=96.0, battery_capacity_wh=5000.0), codec.load(), seed)

    def _nic(self, name: str, nic: EmulatedModemNic) -> Tap:
        view = View(CAR_MAC, CHARGER_MAC) if name == "pev" else View(CHARGER_MAC, CAR_MAC)
        attack = self._attack if name == self._victim else None

        def react(frame: bytes, outgoing: bool, now: int) -> list[bytes]:
            if attack is None:
                return []
            view.hear(frame, outgoing)
            return attack(view)
        self.taps[name] = Tap(nic, react)
        return self.taps[name]

    @property
    def node(self):
        return self.car if self._victim == "pev" else self.charger

    def speech(self) -> tuple[list[bytes], list[bytes]]:
        """Every message of both sides, in order: the record of the charge."""
        return self.taps["pev"].speech, self.taps["evse"].speech
