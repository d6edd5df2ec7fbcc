"""IPv6, UDP and ICMPv6 (neighbour discovery, echo) octets, and the Internet checksum over the pseudo header."""
from __future__ import annotations

from struct import Struct

from kernel.record import dataclass
from tasks.errors import WireError

# Next headers (IANA protocol numbers)
TCP = 6
UDP = 17
ICMPV6 = 58

IPV6_HEADER_LENGTH = 40          # RFC 8200 section 3
UDP_HEADER_LENGTH = 8            # RFC 768

ND_HOP_LIMIT = 255               # RFC 4861 7.1: proof that the sender is on this link
HOP_LIMIT = 64                   # everything else (sheet 5.3)

# ICMPv6 types (RFC 4443 section 4, RFC 4861 section 4)
ECHO_REQUEST = 128
ECHO_REPLY = 129
ROUTER_SOLICITATION = 133
NEIGHBOR_SOLICITATION = 135
NEIGHBOR_ADVERTISEMENT = 136
ICMPV6_ERRORS = frozenset({1, 2, 3, 4})          # unreachable, too big, time exceeded, parameter problem
ROUTER_MESSAGES = frozenset({134, 137})          # router advertisement, redirect

# ND options (RFC 4861 section 4.6)
SOURCE_LINK_LAYER = 1
TARGET_LINK_LAYER = 2

# Flags of a neighbour advertisement (RFC 4861 section 4.4)
NA_ROUTER = 0x80
NA_SOLICITED = 0x40
NA_OVERRIDE = 0x20

UNSPECIFIED = bytes(16)
ALL_NODES = bytes.fromhex("ff020000000000000000000000000001")
_SOLICITED_NODE = bytes.fromhex("ff0200000000000000000001ff")
_LINK_LOCAL = bytes.fromhex("fe80000000000000")
_MULTICAST_MAC = b"\x33\x33"     # RFC 2464 section 7

_VERSION_6 = 6 << 28
_IPV6 = Struct("!IHBB16s16s")
_UDP = Struct("!HHHH")
_ICMP_ND = Struct("!BBHI16s")


# --- addresses ----------------------------------------------------------------------------------------------------

def link_local(mac: bytes) -> bytes:
    """fe80::/64 with the modified EUI-64 of a MAC (RFC 4291 appendix A)."""
    return _LINK_LOCAL + bytes((mac[0] ^ 0x02, mac[1], mac[2], 0xFF, 0xFE, mac[3], mac[4], mac[5]))


def link_local_from(interface_id: int) -> bytes:
    """fe80::/64 with an arbitrary 64 bit interface identifier."""
    return _LINK_LOCAL + interface_id.to_bytes(8, "big")


def is_link_local(address: bytes) -> bool:
    """Inside fe80::/10 (RFC 4291 2.5.6)."""
    return address[0] == 0xFE and address[1] & 0xC0 == 0x80


def solicited_node(address: bytes) -> bytes:
    """The multicast group ff02::1:ffXX:XXXX of an address (RFC 4291 2.7.1)."""
    return _SOLICITED_NODE + address[13:]


def multicast_mac(group: bytes) -> bytes:
    """33:33 and the last four octets (RFC 2464 section 7)."""
    return _MULTICAST_MAC + group[12:]


# --- checksum -----------------------------------------------------------------------------------------------------

def pseudo_sum(src: bytes, dst: bytes, next_header: int) -> int:
    """The part of the pseudo header (RFC 8200 8.1) that stays the same; add the length of the upper-layer packet.

    Ones' complement addition of 16 bit words is arithmetic modulo 0xFFFF, so any number congruent to the sum will do.
    """
    return int.from_bytes(src, "big") + int.from_bytes(dst, "big") + next_header


def checksum(pseudo: int, data: bytes) -> int:
    """Internet checksum of `data` (its checksum field zero) below `pseudo` (RFC 1071); 0 to 0xFFFE.

    0 when `data` carries a right checksum already.
    """
    length = len(data)
    number = int.from_bytes(data, "big")
    if length & 1:
        number <<= 8
    return -(number + pseudo + length) % 0xFFFF


# --- IPv6 ---------------------------------------------------------------------------------------------------------

@dataclass(slots=True)
class Ipv6:
    """One IPv6 packet without extension headers; `payload` is cut to the length the header says."""

    src: bytes
    dst: bytes
    next_header: int
    hop_limit: int
    payload: bytes


def parse_ipv6(data: bytes, offset: int) -> Ipv6:
    """The packet that begins at `offset`. Padding behind it is cut off; WireError when it is not whole or not version 6."""
    if len(data) < offset + IPV6_HEADER_LENGTH:
        raise WireError("IPv6 header truncated")
    first, length, next_header, hop_limit, src, dst = _IPV6.unpack_from(data, offset)
    if first >> 28 != 6:
        raise WireError("not version 6")
    start = offset + IPV6_HEADER_LENGTH
    if len(data) < start + length:
        raise WireError("IPv6 payload truncated")
    return Ipv6(src, dst, next_header, hop_limit, data[start:start + length])


def emit_ipv6(src: bytes, dst: bytes, next_header: int, hop_limit: int, payload: bytes) -> bytes:
    """Traffic class and flow label 0."""
    return _IPV6.pack(_VERSION_6, len(payload), next_header, hop_limit, src, dst) + payload


# --- UDP ----------------------------------------------------------------------------------------------------------

@dataclass(slots=True)
class Udp:
    src_port: int
    dst_port: int
    data: bytes


def parse_udp(payload: bytes, src: bytes, dst: bytes) -> Udp:
    """WireError on a wrong length or checksum; a checksum of 0 is not allowed in IPv6 (RFC 8200 8.1)."""
    if len(payload) < UDP_HEADER_LENGTH:
        raise WireError("UDP header truncated")
    src_port, dst_port, length, sent_checksum = _UDP.unpack_from(payload)
    if not UDP_HEADER_LENGTH <= length <= len(payload):
        raise WireError("UDP length")
    if length != len(payload):
        payload = payload[:length]
    if sent_checksum == 0 or checksum(pseudo_sum(src, dst, UDP), payload):
        raise WireError("UDP checksum")
    return Udp(src_port, dst_port, payload[UDP_HEADER_LENGTH:])


def emit_udp(src: bytes, dst: bytes, src_port: int, dst_port: int, data: bytes) -> bytes:
    """A UDP packet with its checksum, 0xFFFF in place of 0."""
    length = UDP_HEADER_LENGTH + len(data)
    value = checksum(pseudo_sum(src, dst, UDP), _UDP.pack(src_port, dst_port, length, 0) + data)
    return _UDP.pack(src_port, dst_port, length, value or 0xFFFF) + data


# --- ICMPv6 -------------------------------------------------------------------------------------------------------

@dataclass(slots=True)
class NeighborMessage:
    """Neighbour solicitation or advertisement; `link_layer` is the SLLA of the one, the TLLA of the other."""

    type: int
    flags: int
    target: bytes
    link_layer: bytes | None


def icmpv6_intact(payload: bytes, src: bytes, dst: bytes) -> bool:
    """At least a header, and the checksum is right."""
    return len(payload) >= 4 and checksum(pseudo_sum(src, dst, ICMPV6), payload) == 0


def emit_icmpv6(src: bytes, dst: bytes, message: bytes) -> bytes:
    """`message` with its checksum field (octets 2 and 3, zero on entry) filled in."""
    value = checksum(pseudo_sum(src, dst, ICMPV6), message)
    return message[:2] + value.to_bytes(2, "big") + message[4:]


def parse_neighbor(packet: Ipv6) -> NeighborMessage:
    """A solicitation or advertisement that passes all tests of RFC 4861 7.1.1 and 7.1.2; the checksum is checked before."""
    data = packet.payload
    if packet.hop_limit != ND_HOP_LIMIT:
        raise WireError("ND hop limit")
    if len(data) < 24:
        raise WireError("ND message truncated")
    kind, code, _, flags, target = _ICMP_ND.unpack_from(data)
    if code:
        raise WireError("ND code")
    if target[0] == 0xFF:
        raise WireError("ND target is multicast")
    solicitation = kind == NEIGHBOR_SOLICITATION
    link_layer = _link_layer(data, SOURCE_LINK_LAYER if solicitation else TARGET_LINK_LAYER)
    flags >>= 24
    if solicitation:
        if packet.src == UNSPECIFIED and (link_layer is not None or packet.dst[:13] != _SOLICITED_NODE):
            raise WireError("NS from the unspecified address")
    elif packet.dst[0] == 0xFF and flags & NA_SOLICITED:
        raise WireError("solicited NA to a group")
    return NeighborMessage(kind, flags, target, link_layer)


def _link_layer(data: bytes, wanted: int) -> bytes | None:
    """The MAC of option `wanted`; walks all options because one of length 0 spoils the message (RFC 4861 4.6)."""
    found = None
    at = 24
    while at < len(data):
        if at + 2 > len(data):
            raise WireError("ND option truncated")
        size = data[at + 1] * 8
        if size == 0 or at + size > len(data):
            raise WireError("ND option length")
        if data[at] == wanted and size == 8 and found is None:
            found = data[at + 2:at + 8]
            if found[0] & 1:
                raise WireError("ND option with a group MAC")
        at += size
    return found


def emit_neighbor(message: NeighborMessage, src: bytes, dst: bytes) -> bytes:
    """The ICMPv6 message with checksum."""
    kind = message.type
    data = _ICMP_ND.pack(kind, 0, 0, message.flags << 24, message.target)
    if message.link_layer is not None:
        option = SOURCE_LINK_LAYER if kind == NEIGHBOR_SOLICITATION else TARGET_LINK_LAYER
        data += bytes((option, 1)) + message.link_layer
    return emit_icmpv6(src, dst, data)
