"""TCP segments: header, MSS option, checksum (RFC 9293 section 3.1)."""
from __future__ import annotations

from struct import Struct

from kernel.record import dataclass
from tasks.errors import WireError

HEADER_LENGTH = 20
MAX_OPTIONS = 40

FIN = 0x01
SYN = 0x02
RST = 0x04
PSH = 0x08
ACK = 0x10

OPTION_END = 0
OPTION_NOP = 1
OPTION_MSS = 2

_HEADER = Struct("!HHIIBBHHH")
_MSS = Struct("!BBH")
_OFFSET_PLAIN = HEADER_LENGTH // 4 << 4
_OFFSET_MSS = (HEADER_LENGTH + _MSS.size) // 4 << 4


@dataclass(slots=True)
class Segment:
    """One TCP segment. `seq` and `ack` are 32 bit, `mss` is None when the option is absent; urgent data is plain data."""

    src_port: int
    dst_port: int
    seq: int
    ack: int
    flags: int
    window: int
    data: bytes = b""
    mss: int | None = None


def parse(payload: bytes, pseudo: int) -> Segment:
    """`pseudo` is the sum of the addresses and the next header (tasks.ipv6.wire.pseudo_sum); WireError when not intact."""
    size = len(payload)
    if size < HEADER_LENGTH:
        raise WireError("TCP header truncated")
    # Internet checksum as arithmetic modulo 0xFFFF, see tasks/ipv6/wire.py
    number = int.from_bytes(payload, "big")
    if size & 1:
        number <<= 8
    if (number + pseudo + size) % 0xFFFF:
        raise WireError("TCP checksum")
    src_port, dst_port, seq, ack, offset, flags, window, _, _ = _HEADER.unpack_from(payload)
    start = offset >> 4 << 2
    if start == HEADER_LENGTH:
        return Segment(src_port, dst_port, seq, ack, flags, window, payload[HEADER_LENGTH:])
    if start < HEADER_LENGTH or start > size:
        raise WireError("TCP data offset")
    return Segment(src_port, dst_port, seq, ack, flags, window, payload[start:], _mss(payload[HEADER_LENGTH:start]))


def _mss(options: bytes) -> int | None:
    """The MSS option; what follows a broken option is ignored."""
    at = 0
    while at < len(options):
        kind = options[at]
        if kind == OPTION_END:
            return None
        if kind == OPTION_NOP:
            at += 1
            continue
        if at + 1 >= len(options):
            return None
        size = options[at + 1]
        if size < 2 or at + size > len(options):
            return None
        if kind == OPTION_MSS and size == _MSS.size:
            return _MSS.unpack_from(options, at)[2]
        at += size
    return None


def emit(src_port: int, dst_port: int, seq: int, ack: int, flags: int, window: int, data: bytes, pseudo: int,
         mss: int | None = None) -> bytes:
    """A segment with its checksum. Plain arguments, because this runs for each message."""
    if mss is None:
        offset = _OFFSET_PLAIN
    else:
        offset = _OFFSET_MSS
        data = _MSS.pack(OPTION_MSS, _MSS.size, mss) + data
    size = HEADER_LENGTH + len(data)
    number = int.from_bytes(_HEADER.pack(src_port, dst_port, seq, ack, offset, flags, window, 0, 0) + data, "big")
    if size & 1:
        number <<= 8
    return _HEADER.pack(src_port, dst_port, seq, ack, offset, flags, window, -(number + pseudo + size) % 0xFFFF, 0) + data
