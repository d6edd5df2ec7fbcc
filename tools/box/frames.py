"""Frames with invented names: Ethernet, HomePlug, IPv6 with neighbour discovery, SDP, TCP and what it carries; checksums are made right again.

What is not known to be free of names is zero afterwards: other protocols, other ICMPv6, data that is no V2G message. Lengths never change.
"""
from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from struct import Struct
from typing import Any

from drivers.blackbox.reader import Packet
from kernel.record import dataclass
from tasks.errors import WireError
from tasks.homeplug import pib, wire
from tasks.homeplug.wire_header import Unknown
from tasks.homeplug.wire_module import PIB, ModuleData, WriteModule
from tasks.ipv6.wire import ICMPV6, IPV6_HEADER_LENGTH, TCP, UDP, checksum, pseudo_sum
from tools.box.exi_messages import Messages
from tools.box.pseudonyms import MAC_LENGTH, Pseudonyms

ETHERNET, IPV6, HOMEPLUG = 14, b"\x86\xdd", b"\x88\xe1"
NOT_NAMES = frozenset({"aag", "octets", "dst", "src", "my_nonce", "your_nonce", "cookie"})       # of HomePlug messages: measured values, what is seen to for itself
SLAC_PORT = SDP_PORT = 15118
V2GTP = b"\x01\xfe\x80\x01"
SDP_RESPONSE = b"\x01\xfe\x90\x01"
SYN, ACK = 2, 16
HARMLESS_OPTIONS = frozenset({2, 3, 4})          # of TCP: segment size, window scale, SACK permitted
PIB_KEPT = (pib.CCO_SELECTION, pib.KEY_MARK, pib.SNIFFER, pib.SLAC_MODE, pib.LOW_SPEED, pib.HIGH_SPEED)
ROLES = (b"PEV", b"EVSE")
_TCP = Struct("!HHIIBB")


@dataclass(slots=True)
class _Segment:
    """Data of one packet at its place in the stream."""

    packet: int
    at: int
    data: bytes


class Frames:
    """`collect` all packets of the network first, so that every name is known; then `rewrite` them."""

    def __init__(self, names: Pseudonyms, messages: Messages, move: Callable[..., int]) -> None:
        """`move(src, src_port, dst, dst_port, seq, at)`: how far the numbers of a stream move that this SYN begins, because its start hangs on the addresses."""
        self._names = names
        self._messages = messages
        self._move = move
        self._moves: dict[tuple[bytes, int, bytes, int], int] = {}
        self._streams: dict[tuple[bytes, int, bytes, int], list[_Segment]] = {}
        self._bases: dict[tuple[bytes, int, bytes, int], int] = {}
        self._closed: list[tuple[tuple[bytes, int, bytes, int], list[_Segment]]] = []
        self._data: dict[int, bytes] = {}                  # by packet: what its segment carries afterwards
        self._agreed: dict[frozenset[tuple[bytes, int]], str] = {}
        self._search: Callable[[bytes], bytes] = bytes
        self.blanked = 0                                   # frames of which the content is zero now

    # --- what is there

    def collect(self, packets: list[Packet]) -> None:
        """Learns every name, and puts streams together."""
        for number, packet in enumerate(packets):
            frame = packet.octets
            if len(frame) < ETHERNET:
                continue
            self._names.mac(frame[:6]), self._names.mac(frame[6:12])
            if frame[12:14] == HOMEPLUG:
                self._collect_mme(frame)
            elif frame[12:14] == IPV6 and len(frame) >= ETHERNET + IPV6_HEADER_LENGTH:
                src, dst = frame[22:38], frame[38:54]
                self._names.address(src), self._names.address(dst)
                if frame[20] == TCP:
                    self._collect_tcp(number, src, dst, frame[54:54 + int.from_bytes(frame[18:20], "big")])
        self._closed += self._streams.items()
        for way, segments in self._closed:                 # both ways are looked at before either is written
            for _, run in _runs(segments):
                self._handshake(way, run)
        for way, segments in self._closed:
            self._write_stream(way, segments)

    def _collect_mme(self, frame: bytes) -> None:
        try:
            for name, value in _octets_of(wire.parse(frame)):
                if name not in NOT_NAMES and len(value) >= MAC_LENGTH:
                    self._names.mac(value)
        except (WireError, ValueError, IndexError):
            return

    def _collect_tcp(self, number: int, src: bytes, dst: bytes, segment: bytes) -> None:
        if len(segment) < 20:
            return
        src_port, dst_port, seq, _, offset, flags = _TCP.unpack_from(segment)
        way = src, src_port, dst, dst_port
        start = offset >> 4 << 2
        if flags & SYN and self._bases.get(way) != seq + 1 & 0xFFFFFFFF:
            if way in self._streams:
                self._closed.append((way, self._streams.pop(way)))
            self._bases[way] = seq + 1 & 0xFFFFFFFF
        if 20 <= start < len(segment):
            base = self._bases.setdefault(way, seq)
            at = (seq - base + 0x80000000 & 0xFFFFFFFF) - 0x80000000
            self._streams.setdefault(way, []).append(_Segment(number, at, segment[start:]))

    # --- streams

    def _handshake(self, way: tuple[bytes, int, bytes, int], run: bytes) -> None:
        pair = frozenset((way[:2], way[2:]))
        for at, payload in _payloads(run)[:2]:
            said = self._messages.schemas(payload) if at >= 0 else None
            if isinstance(said, dict) and said:
                self._agreed.setdefault(pair, next(iter(said.values())) if len(said) == 1 else "")

    def _write_stream(self, way: tuple[bytes, int, bytes, int], segments: list[_Segment]) -> None:
        schema = self._agreed.get(frozenset((way[:2], way[2:])), "")
        for start, run in _runs(segments):
            made = bytearray(len(run))
            for at, payload in _payloads(run):
                made[at - 8:at] = run[at - 8:at]
                made[at:at + len(payload)] = self._message(payload, schema, at - 8 + start == 0)
            for one in segments:
                if start <= one.at < start + len(run):
                    self._data[one.packet] = bytes(made[one.at - start:one.at - start + len(one.data)])

    def _message(self, payload: bytes, schema: str, first: bool) -> bytes:
        return self._messages.rewrite(payload, "SAP" if first else schema)

    # --- what is written

    def rewrite(self, packets: list[Packet], search: Callable[[bytes], bytes]) -> list[bytes]:
        """The octets of each, in their order. `search`: replaces every known name wherever it stands."""
        self._search = search
        return [self._frame(number, packet) for number, packet in enumerate(packets)]

    def alone(self, frame: bytes) -> bytes:
        """A frame that is no packet of the file (as a box remembers it)."""
        self._data.pop(-1, None)
        return self._frame(-1, Packet(0, 0, 0, frame))

    def _frame(self, number: int, packet: Packet) -> bytes:
        frame = packet.octets
        if len(frame) < ETHERNET:
            return bytes(len(frame))
        head = self._names.mac(frame[:6]) + self._names.mac(frame[6:12]) + frame[12:14]
        if frame[12:14] == HOMEPLUG:
            body = self._mme(frame)
        elif frame[12:14] == IPV6:
            body = self._ipv6(number, packet.at, frame[ETHERNET:])
        else:
            body = None
        if body is None:
            self.blanked += 1
            body = b""
        return head + body + bytes(len(frame) - ETHERNET - len(body))

    def _mme(self, frame: bytes) -> bytes | None:
        try:
            message = wire.parse(frame)
        except (WireError, ValueError, IndexError):
            return frame[14:19]
        if isinstance(message, Unknown):
            return frame[14:19]
        found = {value: self._names.mac(value) for name, value in _octets_of(message) if name not in NOT_NAMES and len(value) >= MAC_LENGTH and len(set(value)) > 1}
        blocks = [part for part in _parts(message) if isinstance(getattr(part, "octets", None), bytes)]
        body = frame[ETHERNET:]
        for real in sorted(found, key=len, reverse=True):
            body = body.replace(real, found[real])
        body = self._search(body)
        for block in blocks:
            body = self._block(block, body)
        return body

    def _block(self, block: Any, body: bytes) -> bytes:
        """A piece of a modem's settings or firmware: of the settings the fields that say what kind of modem it is, of all else nothing."""
        real = block.octets
        at = body.find(self._search(real)) if real else -1
        if at < 0:
            return body[:5] if real else body
        made = bytearray(len(real))
        if isinstance(block, (ModuleData, WriteModule)) and block.module_id == PIB or not isinstance(block, (ModuleData, WriteModule)):
            for start, value in self._settings(real, block.offset):
                made[start:start + len(value)] = value
        return body[:at] + bytes(made) + body[at + len(real):]

    def _settings(self, real: bytes, offset: int) -> list[tuple[int, bytes]]:
        """(place in the block, octets) of what stays of a modem's settings."""
        out = [(at - offset, real[at - offset:at - offset + 4]) for head in (0, pib.PIB_HEADER) for at in range(head, head + pib.HEADER, 4)
               if 0 <= at - offset <= len(real) - 4]
        for base in {pib.BODY, 0} if offset >= pib.BODY or offset == 0 else {pib.BODY}:
            for kept in PIB_KEPT:
                at = base + kept.at - offset
                if base == pib.BODY and 0 <= at <= len(real) - kept.length:
                    out.append((at, real[at:at + kept.length]))
        for name in (pib.MFG_HFID, pib.USER_HFID):
            at = pib.BODY + name.at - offset
            if 0 <= at < len(real) and real[at:at + name.length].rstrip(b"\0") in ROLES:
                out.append((at, real[at:at + name.length]))
        at = pib.BODY + pib.MAC.at - offset
        if 0 <= at <= len(real) - MAC_LENGTH:
            out.append((at, self._names.mac(real[at:at + MAC_LENGTH])))
        return out

    # --- IPv6

    def _ipv6(self, number: int, at: int, packet: bytes) -> bytes | None:
        if len(packet) < IPV6_HEADER_LENGTH or packet[0] >> 4 != 6:
            return None
        length, kind = int.from_bytes(packet[4:6], "big"), packet[6]
        src, dst = packet[8:24], packet[24:40]
        head = b"\x60\0\0\0" + packet[4:8] + self._names.address(src) + self._names.address(dst)
        payload = packet[IPV6_HEADER_LENGTH:IPV6_HEADER_LENGTH + length]
        place = {ICMPV6: 2, UDP: 6, TCP: 16}.get(kind)
        if place is None or len(payload) < place + 2:
            return head
        sound = checksum(pseudo_sum(src, dst, kind), payload) == 0 and len(payload) == length
        make = {ICMPV6: self._icmpv6, UDP: self._udp}.get(kind)
        made = make(payload) if make is not None else self._tcp(number, at, src, dst, payload)
        made = made.ljust(len(payload), b"\0")
        made = made[:place] + b"\0\0" + made[place + 2:]
        value = checksum(pseudo_sum(head[8:24], head[24:40], kind), made)
        value = value or (0xFFFF if kind == UDP else 0)
        return head + made[:place] + (value if sound else value ^ 0x5555).to_bytes(2, "big") + made[place + 2:]

    def _icmpv6(self, data: bytes) -> bytes:
        kind = data[0]
        if kind in (135, 136) and len(data) >= 24:
            return data[:8] + self._names.address(data[8:24]) + self._options(data[24:])
        if kind == 133:
            return data[:8] + self._options(data[8:])
        if kind == 134:
            return data[:16] + self._options(data[16:])
        if kind in (131, 132) and len(data) >= 24:
            return data[:8] + self._names.address(data[8:24])
        return data[:8]

    def _options(self, options: bytes) -> bytes:
        """Addresses of stations; whatever else there is has its kind and its length."""
        out = bytearray(len(options))
        at = 0
        while at + 2 <= len(options):
            size = options[at + 1] * 8
            out[at:at + 2] = options[at:at + 2]
            if options[at] in (1, 2) and size == 8 and at + 8 <= len(options):
                out[at + 2:at + 8] = self._names.mac(options[at + 2:at + 8])
            if not size:
                break
            at += size
        return bytes(out)

    def _udp(self, data: bytes) -> bytes:
        if SDP_PORT not in (int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big")):
            return data[:8]
        if data[8:12] == SDP_RESPONSE and len(data) == 36:
            return data[:16] + self._names.address(data[16:32]) + data[32:]
        return data[:18] if data[8:12] == b"\x01\xfe\x90\x00" else data[:8]

    def _tcp(self, number: int, at: int, src: bytes, dst: bytes, segment: bytes) -> bytes:
        if len(segment) < 20:
            return b""
        src_port, dst_port, seq, ack, offset, flags = _TCP.unpack_from(segment)
        way, back = (src, src_port, dst, dst_port), (dst, dst_port, src, src_port)
        if flags & SYN:
            self._moves[way] = self._move(*way, seq, at)
        seq = seq + self._moves.get(way, 0) & 0xFFFFFFFF
        ack = ack + self._moves.get(back, 0) & 0xFFFFFFFF if flags & ACK else ack
        start = min(max(20, offset >> 4 << 2), len(segment))
        data = self._data.get(number, b"")
        return _TCP.pack(src_port, dst_port, seq, ack, offset, flags) + segment[14:20] + _tcp_options(segment[20:start]) + data[:len(segment) - start]


def searcher(known: dict[bytes, bytes]) -> Callable[[bytes], bytes]:
    """Replaces every key by its value, wherever it stands."""
    if not known:
        return bytes
    pattern = re.compile(b"|".join(re.escape(real) for real in sorted(known, key=len, reverse=True)), re.DOTALL)
    return lambda octets: pattern.sub(lambda found: known[found[0]], octets)


def _tcp_options(options: bytes) -> bytes:
    out = bytearray(options)
    at = 0
    while at < len(options):
        if options[at] == 1:
            at += 1
            continue
        size = options[at + 1] if at + 1 < len(options) else 0
        if options[at] == 0 or size < 2:
            out[at + 1:] = bytes(len(options) - at - 1)
            break
        if options[at] not in HARMLESS_OPTIONS:
            out[at + 2:at + size] = bytes(len(out[at + 2:at + size]))
        at += size
    return bytes(out)


def _runs(segments: list[_Segment]) -> list[tuple[int, bytes]]:
    """(place, octets) of what a stream has without a gap; of octets that came twice the first ones count."""
    out: list[tuple[int, bytearray]] = []
    for one in sorted(segments, key=lambda s: (s.at, s.packet)):
        if out and one.at <= out[-1][0] + len(out[-1][1]):
            start, run = out[-1]
            run += one.data[max(0, start + len(run) - one.at):]
        else:
            out.append((one.at, bytearray(one.data)))
    return [(start, bytes(run)) for start, run in out]


def _payloads(run: bytes) -> list[tuple[int, bytes]]:
    """(place, octets) of the messages of a stream; a last one that is cut off as far as it goes."""
    out = []
    at = run.find(V2GTP)
    while 0 <= at <= len(run) - 8:
        size = int.from_bytes(run[at + 4:at + 8], "big")
        out.append((at + 8, run[at + 8:at + 8 + size]))
        at += 8 + size
        if run[at:at + 4] != V2GTP:
            at = run.find(V2GTP, at)
    return out


def _parts(thing: Any) -> list[Any]:
    """A message and what it is made of."""
    out = [thing]
    for field in fields(thing):
        value = getattr(thing, field.name)
        for item in value if isinstance(value, (tuple, list)) else (value,):
            if is_dataclass(item) and not isinstance(item, type):
                out += _parts(item)
    return out


def _octets_of(thing: Any) -> list[tuple[str, bytes]]:
    return [(field.name, value) for part in _parts(thing) for field in fields(part) if isinstance(value := getattr(part, field.name), bytes)]
