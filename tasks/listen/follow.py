"""Follows all traffic of a line from outside, frame by frame, both directions: the listening machine.

Each frame is accounted for exactly once in `tally`; `events()` gives records of what is worth a line. The wire files of
the other slices do the parsing. A wrong checksum is noted and the frame read all the same: captures made on one of the
two computers hold its own frames before the network card filled the checksums in.
"""
from __future__ import annotations

from collections import OrderedDict

from kernel.timer import NEVER
from tasks.errors import WireError
from tasks.ethernet.wire import ETHERTYPE_HOMEPLUG, ETHERTYPE_IPV6, HEADER_LENGTH, parse as parse_ethernet
from tasks.homeplug import wire as mme
from tasks.homeplug.wire_header import Unknown, name_of
from tasks.homeplug.wire_keys import CM_GET_KEY_CNF, CM_SET_KEY_CNF
from tasks.homeplug.wire_modem import VS_NW_INFO_CNF, VS_OP_ATTRIBUTES_CNF, VS_PL_LINK_STATUS_CNF, VS_SW_VER_CNF
from tasks.ipv6 import sdp_wire
from tasks.ipv6.wire import (ECHO_REPLY, ECHO_REQUEST, ICMPV6, NEIGHBOR_ADVERTISEMENT, NEIGHBOR_SOLICITATION,
                             ROUTER_SOLICITATION, TCP, UDP, Ipv6, checksum, parse_ipv6, parse_neighbor, parse_udp, pseudo_sum)
from tasks.listen import naming
from tasks.listen.conversation import Conversation, Decode
from tasks.listen.framing import Piece, PieceKind
from tasks.listen.record import Category, Layer, Record, Role, Tally
from tasks.listen.stream import Direction
from tasks.tcp.wire import ACK, RST, SYN, Segment, parse as parse_segment

MAX_CONNECTIONS = 64             # the one idle longest is forgotten, counted in `forgotten`
MAX_STATIONS = 256               # MAC addresses whose role is remembered
MAX_SERVERS = 64                 # addresses and ports that an SDP response named
LINK_ETHERNET = 1
_ETHERTYPE_IPV4 = 0x0800
_HOP_BY_HOP = 0

_FROM_CAR = (mme.CM_SLAC_PARM_REQ, mme.CM_START_ATTEN_CHAR_IND, mme.CM_MNBC_SOUND_IND, mme.CM_ATTEN_CHAR_RSP, mme.CM_VALIDATE_REQ,
             mme.CM_SLAC_MATCH_REQ)
_FROM_CHARGER = (mme.CM_SLAC_PARM_CNF, mme.CM_ATTEN_CHAR_IND, mme.CM_VALIDATE_CNF, mme.CM_SLAC_MATCH_CNF)
_FROM_MODEM = (VS_SW_VER_CNF, VS_NW_INFO_CNF, VS_OP_ATTRIBUTES_CNF, VS_PL_LINK_STATUS_CNF, CM_SET_KEY_CNF, CM_GET_KEY_CNF,
               mme.CM_ATTEN_PROFILE_IND)

Account = tuple[Category, str, str]      # category, kind, reason when malformed
_CHECKSUM_AT = {TCP: 16, UDP: 6, ICMPV6: 2}
_BAD_CHECKSUM = "checksum wrong"


class Connection:
    """Both directions of one TCP connection. `client` is the side (0 or 1) that sent the SYN, None when not seen."""

    __slots__ = ("sides", "conversation", "client", "closed")

    def __init__(self, decode: Decode) -> None:
        self.sides = (Direction(), Direction())
        self.conversation = Conversation(decode)
        self.client: int | None = None
        self.closed = False


class Follow:
    """The machine: `receive(frame, now)`, `events()`; it never has anything to send."""

    def __init__(self, decode: Decode) -> None:
        self.tally = Tally()
        self.roles: dict[bytes, Role] = {}
        self.forgotten = 0
        self._decode = decode
        self._connections: OrderedDict[tuple[bytes, bytes], Connection] = OrderedDict()
        self._servers: OrderedDict[bytes, None] = OrderedDict()
        self._records: list[Record] = []
        self._sdp_asked: tuple[bytes, int] | None = None

    # --- the five verbs -------------------------------------------------------------------------------------------

    def receive(self, frame: bytes, now: int, missing: int = 0, link: int = LINK_ETHERNET) -> None:
        """`missing`: octets that the capture cut off the end; `link`: link type of the capture."""
        tally = self.tally
        tally.frames += 1
        if link != LINK_ETHERNET:
            category, kind, reason = self._note(now, b"", b"", naming.link(link))
        else:
            category, kind, reason = self._frame(frame, now)
            if missing and category is Category.MALFORMED:
                reason = f"the capture holds only {len(frame)} of {len(frame) + missing} octets"
        tally.count(category, kind, reason)

    def handle_timer(self, now: int) -> None:
        """Nothing here happens by itself."""

    def next_timer(self) -> int:
        return NEVER

    def outgoing(self) -> list:
        """Always empty: a listener does not send."""
        return []

    def events(self) -> list[Record]:
        records, self._records = self._records, []
        return records

    # --- frames ---------------------------------------------------------------------------------------------------

    def _frame(self, frame: bytes, now: int) -> Account:
        try:
            dst, src, ethertype = parse_ethernet(frame)
        except WireError as problem:
            return self._bad(now, b"", b"", Layer.OTHER, "Ethernet", str(problem))
        if ethertype == ETHERTYPE_HOMEPLUG:
            return self._homeplug(frame, src, dst, now)
        if ethertype == ETHERTYPE_IPV6:
            return self._ipv6(frame, src, dst, now)
        if ethertype == _ETHERTYPE_IPV4:
            kind = naming.ipv4(frame, HEADER_LENGTH)
            if not kind:
                return self._bad(now, src, dst, Layer.OTHER, "IPv4", "IPv4 header")
            return self._note(now, src, dst, kind)
        return self._note(now, src, dst, naming.ethertype(ethertype))

    def _homeplug(self, frame: bytes, src: bytes, dst: bytes, now: int) -> Account:
        name = name_of(frame[15] | frame[16] << 8) if len(frame) > 16 else "MME"
        if name[1] == "x":
            name = f"MME {name}"
        try:
            message = mme.parse(frame)
        except WireError as problem:
            return self._bad(now, src, dst, Layer.MME, name, str(problem))
        if isinstance(message, Unknown):
            self._add(now, Layer.MME, Category.NAMED, name, src, dst)
            return Category.NAMED, name, ""
        if isinstance(message, _FROM_CAR):
            self._learn(src, Role.CAR)
        elif isinstance(message, _FROM_CHARGER):
            self._learn(src, Role.CHARGER)
            self._learn(dst, Role.CAR)
        elif isinstance(message, _FROM_MODEM) and src not in self.roles:
            self._learn(src, Role.MODEM)
        self._add(now, Layer.MME, Category.DECODED, name, src, dst, message)
        return Category.DECODED, name, ""

    # --- IPv6 -----------------------------------------------------------------------------------------------------

    def _ipv6(self, frame: bytes, src: bytes, dst: bytes, now: int) -> Account:
        try:
            packet = parse_ipv6(frame, HEADER_LENGTH)
        except WireError as problem:
            return self._bad(now, src, dst, Layer.OTHER, "IPv6", str(problem))
        kind = packet.next_header
        note = ""
        if kind in _CHECKSUM_AT:
            note = self._mend(packet)
            if note:
                self.tally.bad_checksums += 1
        if kind == TCP:
            return self._tcp(packet, src, dst, now, note)
        if kind == UDP:
            return self._udp(packet, src, dst, now, note)
        if kind == ICMPV6:
            return self._icmpv6(packet, src, dst, now, note)
        if kind == _HOP_BY_HOP:
            return self._hop_by_hop(packet, src, dst, now)
        return self._note(now, src, dst, f"IPv6 {naming.IP_PROTOCOLS.get(kind) or f'next header {kind}'}")

    def _mend(self, packet: Ipv6) -> str:
        """A wrong checksum is replaced, so that the strict parsers read on; says what was wrong with it."""
        payload = packet.payload
        if packet.next_header == UDP and len(payload) >= 8:
            length = payload[4] << 8 | payload[5]
            if 8 <= length < len(payload):
                payload = packet.payload = payload[:length]
        at = _CHECKSUM_AT[packet.next_header]
        pseudo = pseudo_sum(packet.src, packet.dst, packet.next_header)
        if len(payload) < at + 2 or checksum(pseudo, payload) == 0 and (packet.next_header != UDP or payload[6:8] != b"\0\0"):
            return ""
        mended = payload[:at] + b"\0\0" + payload[at + 2:]
        value = checksum(pseudo, mended) or 0xFFFF
        packet.payload = payload[:at] + value.to_bytes(2, "big") + payload[at + 2:]
        return _BAD_CHECKSUM

    def _hop_by_hop(self, packet: Ipv6, src: bytes, dst: bytes, now: int) -> Account:
        """Only multicast listener reports carry this header here (sheet 5.3)."""
        payload = packet.payload
        end = (payload[1] + 1) * 8 if len(payload) > 1 else 8
        if len(payload) <= end:
            return self._bad(now, src, dst, Layer.ND, "IPv6 hop-by-hop options", "IPv6 hop-by-hop options truncated")
        name = naming.ICMPV6_TYPES.get(payload[end]) if payload[0] == ICMPV6 else None
        return self._note(now, src, dst, name or "IPv6 hop-by-hop options", Layer.ND)

    def _icmpv6(self, packet: Ipv6, src: bytes, dst: bytes, now: int, note: str) -> Account:
        payload = packet.payload
        if len(payload) < 4:
            return self._bad(now, src, dst, Layer.ND, "ICMPv6", "ICMPv6 truncated")
        kind = payload[0]
        message: object = None
        if kind in (NEIGHBOR_SOLICITATION, NEIGHBOR_ADVERTISEMENT):
            name = "neighbour solicitation" if kind == NEIGHBOR_SOLICITATION else "neighbour advertisement"
            try:
                message = parse_neighbor(packet)
            except WireError as problem:
                return self._bad(now, src, dst, Layer.ND, name, str(problem))
        elif kind in (ECHO_REQUEST, ECHO_REPLY):
            name = "echo request" if kind == ECHO_REQUEST else "echo reply"
        elif kind == ROUTER_SOLICITATION:
            name = "router solicitation"
        else:
            return self._note(now, src, dst, naming.ICMPV6_TYPES.get(kind) or f"ICMPv6 type {kind}", Layer.ND)
        self._add(now, Layer.ND, Category.DECODED, name, src, dst, message, note)
        return Category.DECODED, name, ""

    def _udp(self, packet: Ipv6, src: bytes, dst: bytes, now: int, note: str) -> Account:
        try:
            datagram = parse_udp(packet.payload, packet.src, packet.dst)
        except WireError as problem:
            return self._bad(now, src, dst, Layer.OTHER, "IPv6 UDP", str(problem))
        if datagram.dst_port == sdp_wire.SDP_PORT:
            return self._sdp(datagram.data, src, dst, (packet.src, datagram.src_port), now, note)
        if datagram.src_port == sdp_wire.SDP_PORT:
            return self._sdp_response(datagram.data, src, dst, now, note)
        return self._note(now, src, dst, "IPv6 " + naming.udp(datagram.src_port, datagram.dst_port))

    # --- SDP ------------------------------------------------------------------------------------------------------

    def _sdp(self, data: bytes, src: bytes, dst: bytes, asker: tuple[bytes, int], now: int, note: str) -> Account:
        name = "SDP request"
        try:
            request = sdp_wire.parse_request(data)
        except WireError as problem:
            return self._sdp_other(data, name, str(problem), src, dst, now)
        self._learn(src, Role.CAR)
        self._sdp_asked = src, now
        self._add(now, Layer.SDP, Category.DECODED, name, src, dst, request, note)
        return Category.DECODED, name, ""

    def _sdp_response(self, data: bytes, src: bytes, dst: bytes, now: int, note: str) -> Account:
        name = "SDP response"
        try:
            response = sdp_wire.parse_response(data)
        except WireError as problem:
            return self._sdp_other(data, name, str(problem), src, dst, now)
        self._learn(src, Role.CHARGER)
        self._learn(dst, Role.CAR)
        self._servers[response.address + response.port.to_bytes(2, "big")] = None
        if len(self._servers) > MAX_SERVERS:
            self._servers.popitem(last=False)
        record = self._add(now, Layer.SDP, Category.DECODED, name, src, dst, response, note)
        if self._sdp_asked is not None and self._sdp_asked[0] == dst:
            record.latency = now - self._sdp_asked[1]
            self._sdp_asked = None
        return Category.DECODED, name, ""

    def _sdp_other(self, data: bytes, name: str, reason: str, src: bytes, dst: bytes, now: int) -> Account:
        """The wireless variants are named; everything else on this port is malformed."""
        if data[:3] == b"\x01\xfe\x90" and data[3:4] in (b"\x02", b"\x03"):
            return self._note(now, src, dst, "SDP for wireless communication", Layer.SDP)
        return self._bad(now, src, dst, Layer.SDP, name, reason)

    # --- TCP ------------------------------------------------------------------------------------------------------

    def _tcp(self, packet: Ipv6, src: bytes, dst: bytes, now: int, note: str) -> Account:
        try:
            segment = parse_segment(packet.payload, pseudo_sum(packet.src, packet.dst, TCP))
        except WireError as problem:
            return self._bad(now, src, dst, Layer.TCP, "TCP", str(problem))
        here = packet.src + segment.src_port.to_bytes(2, "big")
        there = packet.dst + segment.dst_port.to_bytes(2, "big")
        side = 0 if here <= there else 1
        connection = self._connection((here, there) if side == 0 else (there, here), segment, side)
        if connection.client is None and (here in self._servers or there in self._servers):
            connection.client = side if there in self._servers else 1 - side
        sender = None
        if connection.client is not None:
            sender = Role.CAR if connection.client == side else Role.CHARGER
        account: Account | None = None
        if segment.flags & ACK:
            for chunk in connection.sides[1 - side].acknowledged(segment.ack):
                account = self._stream(connection, 1 - side, chunk, dst, src, now, account)
        name, chunks = connection.sides[side].take(segment, now)
        for chunk in chunks:
            account = self._stream(connection, side, chunk, src, dst, now, account)
        if segment.flags & RST or connection.sides[0].seen_fin and connection.sides[1].seen_fin:
            connection.closed = True
        if name or account is None:
            name, layer = self._plain(name, segment, connection.sides[side])
            record = self._add(now, layer, Category.DECODED, name, src, dst, segment, note)
            if sender is not None:
                record.sender, record.receiver = sender, _other(sender)
            record.octets = len(segment.data)
            if account is None:
                return Category.DECODED, f"TCP {name}", ""
        return account

    def _connection(self, key: tuple[bytes, bytes], segment: Segment, side: int) -> Connection:
        """The connection of a segment; a SYN with another number on a used pair of ports begins a new one."""
        connections = self._connections
        connection = connections.get(key)
        opening = segment.flags & (SYN | ACK) == SYN
        if connection is not None and opening:
            direction = connection.sides[side]
            if connection.closed or direction.sure and direction.next != (segment.seq + 1 & 0xFFFFFFFF):
                connection = None
        if connection is None:
            connection = connections[key] = Connection(self._decode)
            if len(connections) > MAX_CONNECTIONS:
                connections.popitem(last=False)
                self.forgotten += 1
        connections.move_to_end(key)
        if segment.flags & SYN:
            connection.client = side if opening else 1 - side
        return connection

    def _plain(self, name: str, segment: Segment, direction: Direction) -> tuple[str, Layer]:
        """What a segment is that completes no message."""
        if name:
            return name, Layer.TCP
        if segment.data:
            return ("part of a message" if direction.framer.waiting else "data"), Layer.ACK
        return ("ACK" if segment.flags & ACK else "segment without ACK"), Layer.ACK

    def _stream(self, connection: Connection, side: int, chunk: bytes, src: bytes, dst: bytes, now: int,
                before: Account | None) -> Account | None:
        """Octets of the stream in order (empty: some are missing); gives the frame's account, the worst of its pieces."""
        framer = connection.sides[side].framer
        if not chunk:
            framer.gap()
            return before
        account = before
        for piece in framer.feed(chunk):
            account = _worse(account, self._piece(connection, side, piece, src, dst, now))
        return account

    def _piece(self, connection: Connection, side: int, piece: Piece, src: bytes, dst: bytes, now: int) -> Account:
        role = None
        if connection.client is not None:
            role = Role.CAR if connection.client == side else Role.CHARGER
        if piece.kind is PieceKind.V2GTP:
            return self._v2g(connection, side, piece, role, src, dst, now)
        if piece.kind is PieceKind.TLS:
            record = self._add(now, Layer.TLS, Category.NAMED, f"TLS {piece.text}", src, dst)
            account = Category.NAMED, record.name, ""
        elif piece.kind is PieceKind.OTHER:
            record = self._add(now, Layer.OTHER, Category.NAMED, "TCP data of another protocol", src, dst)
            account = Category.NAMED, record.name, ""
        else:
            record = self._add(now, Layer.V2G, Category.MALFORMED, "V2G stream", src, dst, None, "", piece.text)
            account = Category.MALFORMED, record.name, piece.text
        if role is not None:
            record.sender, record.receiver = role, _other(role)
        record.octets = piece.number
        return account

    def _v2g(self, connection: Connection, side: int, piece: Piece, role: Role | None, src: bytes, dst: bytes,
             now: int) -> Account:
        heard = connection.conversation.receive(piece.number, piece.data, side, role, now)
        if heard.sender is not None:
            self._learn(src, heard.sender)
            self._learn(dst, _other(heard.sender))
            if connection.client is None:
                connection.client = side if heard.sender is Role.CAR else 1 - side
        self._records.append(Record(
            now, self.tally.frames, Layer.V2G, heard.category, heard.name, src, dst, heard.sender, _other(heard.sender),
            heard.message, heard.note, heard.reason, heard.protocol, heard.latency, heard.session_id, len(piece.data)))
        return heard.category, heard.kind, heard.reason

    # --- records --------------------------------------------------------------------------------------------------

    def _learn(self, mac: bytes, role: Role | None) -> None:
        """The latest evidence counts; groups have no role."""
        if role is not None and not mac[0] & 1:
            roles = self.roles
            if mac not in roles and len(roles) >= MAX_STATIONS:
                del roles[next(iter(roles))]             # a listener at a busy charger meets more: the first one met is forgotten
            roles[mac] = role

    def _add(self, now: int, layer: Layer, category: Category, name: str, src: bytes, dst: bytes, message: object = None,
             note: str = "", reason: str = "") -> Record:
        record = Record(now, self.tally.frames, layer, category, name, src, dst, self.roles.get(src), self.roles.get(dst), message,
                        note, reason)
        self._records.append(record)
        return record

    def _note(self, now: int, src: bytes, dst: bytes, kind: str, layer: Layer = Layer.OTHER) -> Account:
        self._add(now, layer, Category.NAMED, kind, src, dst)
        return Category.NAMED, kind, ""

    def _bad(self, now: int, src: bytes, dst: bytes, layer: Layer, kind: str, reason: str) -> Account:
        self._add(now, layer, Category.MALFORMED, kind, src, dst, None, "", reason)
        return Category.MALFORMED, kind, f"{kind}: {reason}"


_RANK = {Category.DECODED: 0, Category.NAMED: 1, Category.MALFORMED: 2}


def _worse(a: Account | None, b: Account) -> Account:
    """A frame that carries several messages is as good as its worst one."""
    return b if a is None or _RANK[b[0]] >= _RANK[a[0]] else a


def _other(role: Role | None) -> Role | None:
    """The other end of a V2G connection."""
    return Role.CHARGER if role is Role.CAR else Role.CAR if role is Role.CHARGER else None
