"""The man in the middle of the line: recognises each message between the two interfaces and lets a fault decide what becomes of it.

Octets are real. A changed message keeps the TCP stream whole: sequence and acknowledgement numbers of everything behind it
are moved, checksums computed anew, and the sender's segment is acknowledged when it is held back.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct
from typing import Any, Callable

from drivers.sim.link import SimLink, SimNic
from exi_native.errors import ExiError
from tasks.homeplug.wire_header import name_of
from tasks.ipv6.wire import ICMPV6, NEIGHBOR_ADVERTISEMENT, NEIGHBOR_SOLICITATION, TCP, UDP, pseudo_sum
from tasks.tcp import wire
from tasks.v2g import v2gtp
from tasks.v2g.protocols import PROTOCOLS

ETHERNET = 14
TRANSPORT = 54                   # Ethernet and IPv6 without extension headers
FOREIGN_MAC = bytes.fromhex("02000000f003")
MODEM_MMES = 0xA000              # from here on vendor messages between host and modem
M32 = 0xFFFFFFFF
V2GTP_MARK = b"\x01\xfe\x80\x01"
_U16 = Struct("!H")
HANDSHAKE = "SAP"
SCHEMA_OF = {p.namespace: p.schema for p in PROTOCOLS.values()}


@dataclass(slots=True)
class Passing:
    """One message on its way to the role `to`, its `n`-th of that name."""

    at: int
    sender: SimNic
    frame: bytes
    to: str
    layer: str                   # slac | ip | v2g
    name: str
    n: int = 0
    segment: wire.Segment | None = None
    schema: str = ""
    message: Any = None          # decoded, on layer v2g

    @property
    def octets(self) -> bytes:
        """The EXI octets of a V2G message."""
        return self.segment.data[v2gtp.HEADER_OCTETS:]


@dataclass(slots=True)
class Way:
    """One direction of the stream, as its sender numbers it."""

    seen: int | None = None                              # end of what was seen
    header: bytes = b""                                  # Ethernet and IPv6 of the last segment
    ports: tuple[int, int] = (0, 0)
    acked: int = 0                                       # last acknowledgement number that this sender sent
    edits: list[tuple[int, int]] = field(default_factory=list)      # (from this number on, moved by so much in all)
    held: set[int] = field(default_factory=set)
    replaced: dict[int, bytes] = field(default_factory=dict)
    schema: str = HANDSHAKE

    def moved(self, seq: int) -> int:
        """The sender's number as the receiver knows it."""
        shift = 0
        for at, delta in self.edits:
            if (seq - at) & M32 < 1 << 31:
                shift = delta
        return (seq + shift) & M32

    def original(self, ack: int) -> int:
        """What the receiver acknowledged, in the sender's numbers."""
        shift = 0
        for at, delta in self.edits:
            if (ack - at - delta) & M32 < 1 << 31:
                shift = delta
        return (ack - shift) & M32


class Middle:
    """Takes the place of SimLink.carry. `on_message` is asked once for each message: True when it has dealt with it."""

    def __init__(self, link: SimLink, nics: dict[str, SimNic], codec: Any, on_message: Callable[[Passing], bool]) -> None:
        self._carry = link.carry
        link.carry = self.carry                          # type: ignore[method-assign]
        self.nics = nics
        self.codec = codec
        self.on_message = on_message
        self.ways = {"pev": Way(), "evse": Way()}        # by receiver
        self.counts: dict[tuple[str, str], int] = {}
        self.muted: set[str] = set()                     # nothing with IPv6 reaches these any more
        self.recognising = True
        self._offers: dict[int, str] = {}                # SchemaID -> namespace, as the car called them

    # --- every frame -------------------------------------------------------------------------------------------------

    def carry(self, sender: SimNic, frame: bytes, now: int) -> None:
        """What SimNic.send calls."""
        to = "evse" if sender.name == "pev" else "pev"
        if frame[12:14] == b"\x86\xdd" and (to in self.muted or sender.name in self.muted):
            return
        if frame[12:14] == b"\x86\xdd" and frame[20] == TCP:
            self._segment(sender, frame, to, now)
            return
        if self.recognising:
            layer, name = self._name(frame)
            if name and self._asked(Passing(now, sender, frame, to, layer, name)):
                return
        self._carry(sender, frame, now)

    def _asked(self, p: Passing) -> bool:
        key = (p.to, p.name)
        p.n = self.counts[key] = self.counts.get(key, 0) + 1
        return self.on_message(p)

    @staticmethod
    def _name(frame: bytes) -> tuple[str, str]:
        kind = frame[12:14]
        if kind == b"\x88\xe1":
            mmtype = frame[15] | frame[16] << 8
            return ("slac", name_of(mmtype)) if mmtype < MODEM_MMES else ("", "")
        if kind != b"\x86\xdd":
            return "", ""
        if frame[20] == UDP:
            return "ip", "SDP_REQ" if frame[TRANSPORT + 3] + 256 * frame[TRANSPORT + 2] == 15118 else "SDP_RES"
        if frame[20] == ICMPV6:
            return "ip", {NEIGHBOR_SOLICITATION: "NS", NEIGHBOR_ADVERTISEMENT: "NA"}.get(frame[TRANSPORT], "")
        return "", ""

    # --- the stream ----------------------------------------------------------------------------------------------------

    def _segment(self, sender: SimNic, frame: bytes, to: str, now: int) -> None:
        segment = wire.parse(frame[TRANSPORT:], self._pseudo(frame))
        way = self.ways[to]
        if segment.flags & wire.SYN:
            way = self.ways[to] = Way()
            way.seen = segment.seq
        way.header, way.ports, way.acked = frame[:TRANSPORT], (segment.src_port, segment.dst_port), segment.ack
        p = Passing(now, sender, frame, to, "ip", "", segment=segment)
        if segment.data and segment.seq in way.held:
            self.acknowledge(p)
            return
        end = (segment.seq + len(segment.data) + bool(segment.flags & (wire.SYN | wire.FIN))) & M32
        new = way.seen is None or (end - way.seen) & M32 < 1 << 31 and end != way.seen
        if new:
            way.seen = end
        if self.recognising and (new or not segment.data):
            self._recognise(p, way)
            if p.name and self._asked(p):
                return
        self.pass_on(p)

    def _recognise(self, p: Passing, way: Way) -> None:
        segment = p.segment
        data = segment.data
        if data[:4] == V2GTP_MARK:
            p.layer, p.schema = "v2g", way.schema
            try:
                p.message = self.codec.decode(p.schema, p.octets)
            except ExiError:
                return
            if p.schema == HANDSHAKE:
                p.name = type(p.message).__name__
                self._handshake(p.message)
            else:
                p.name = type(p.message.Body.BodyElement).__name__
        elif segment.flags & wire.SYN:
            p.name = "TCP_SYN_ACK" if segment.flags & wire.ACK else "TCP_SYN"
        elif segment.flags & wire.FIN:
            p.name = "TCP_FIN"
        elif segment.flags & wire.RST:
            p.name = "TCP_RST"
        elif not data:
            p.name = "TCP_ACK"

    def _handshake(self, message: Any) -> None:
        """Both directions go on in the schema of the offer that the response names; without a SchemaID the first is meant, as the car takes it."""
        if hasattr(message, "AppProtocol"):
            self._offers = {offer.SchemaID: offer.ProtocolNamespace for offer in sorted(message.AppProtocol, key=lambda o: o.Priority)}
            return
        namespace = next(iter(self._offers.values()), "") if message.SchemaID is None else self._offers.get(message.SchemaID, "")
        for way in self.ways.values():
            way.schema = SCHEMA_OF.get(namespace, HANDSHAKE)         # nothing agreed: nothing follows

    @staticmethod
    def _pseudo(frame: bytes) -> int:
        return pseudo_sum(frame[22:38], frame[38:54], TCP)

    def _emit(self, sender: SimNic, header: bytes, ports: tuple[int, int], seq: int, ack: int, flags: int, window: int, data: bytes,
              now: int, mss: int | None = None) -> None:
        octets = wire.emit(*ports, seq & M32, ack & M32, flags, window, data, self._pseudo(header), mss)
        self._carry(sender, header[:18] + _U16.pack(len(octets)) + header[20:TRANSPORT] + octets, now)

    # --- what a fault can do with a message ------------------------------------------------------------------------------

    def pass_on(self, p: Passing) -> None:
        """As it is; what lies behind a changed message with moved numbers."""
        segment = p.segment
        if segment is None:
            self._carry(p.sender, p.frame, p.at)
            return
        way, back = self.ways[p.to], self.ways[p.sender.name]
        if not way.edits and not back.edits:
            self._carry(p.sender, p.frame, p.at)
            return
        data = way.replaced.get(segment.seq, segment.data)
        self._emit(p.sender, way.header, way.ports, way.moved(segment.seq), back.original(segment.ack), segment.flags, segment.window,
                   data, p.at, segment.mss)

    def replace(self, p: Passing, data: bytes) -> None:
        """Other octets of the stream instead of this message; none: it is lost for good."""
        segment, way = p.segment, self.ways[p.to]
        end = (segment.seq + len(segment.data)) & M32
        before = way.edits[-1][1] if way.edits else 0
        way.edits.append((end, before + len(data) - len(segment.data)))
        if data:
            way.replaced[segment.seq] = data
            self.pass_on(p)
        else:
            way.held.add(segment.seq)
            self.acknowledge(p)

    def frame(self, p: Passing, frame: bytes, at: int | None = None) -> None:
        """A frame as if the sender had sent it."""
        self._carry(p.sender, frame, p.at if at is None else at)

    def hold(self, p: Passing) -> None:
        """Keep the segment back and tell its sender that it has arrived."""
        self.ways[p.to].held.add(p.segment.seq)
        self.acknowledge(p)

    def release(self, p: Passing, now: int) -> None:
        """Let a held message go."""
        self.ways[p.to].held.discard(p.segment.seq)
        p.at = now
        self.pass_on(p)

    def acknowledge(self, p: Passing) -> None:
        """To its sender: everything up to the end of this segment was received."""
        segment, back = p.segment, self.ways[p.sender.name]
        if back.seen is not None:
            self._emit(self.nics[p.to], back.header, back.ports, back.moved(back.seen), segment.seq + len(segment.data), wire.ACK, 65000, b"", p.at)

    def inject(self, p: Passing, flags: int, data: bytes = b"", *, offset: int = 0) -> None:
        """A segment of our own to the receiver of `p`, just before it; `offset` from the number that it expects."""
        way, back = self.ways[p.to], self.ways[p.sender.name]
        seq = way.moved(p.segment.seq) + offset
        self._emit(p.sender, way.header, way.ports, seq, back.original(p.segment.ack), flags, 65000, data, p.at)

    def stranger(self, p: Passing, frame: bytes, modem: Any) -> None:
        """A frame from a third station that has joined the network of `modem`, the receiver's: its keys crossed the line in the clear."""
        modem._deliver(frame, p.at)
        self.nics[p.to].on_frame()

    def inject_from_stranger(self, p: Passing, modem: Any, flags: int, data: bytes = b"") -> None:
        """A segment with the right addresses, ports and numbers from a foreign MAC."""
        way, back = self.ways[p.to], self.ways[p.sender.name]
        octets = wire.emit(*way.ports, way.moved(p.segment.seq), back.original(p.segment.ack), flags, 65000, data, self._pseudo(way.header))
        header = way.header[:6] + FOREIGN_MAC + way.header[12:18] + _U16.pack(len(octets)) + way.header[20:TRANSPORT]
        self.stranger(p, header + octets, modem)

    def cut(self, p: Passing, sizes: list[int]) -> None:
        """The same octets in several segments."""
        segment, way, start = p.segment, self.ways[p.to], 0
        for size in sizes + [len(segment.data) - sum(sizes)]:
            self._emit(p.sender, way.header, way.ports, way.moved(segment.seq) + start, segment.ack, segment.flags, segment.window,
                       segment.data[start:start + size], p.at)
            start += size
