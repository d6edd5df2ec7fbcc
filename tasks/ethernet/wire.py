"""Ethernet II frames without FCS: 14 octets of header and what they carry."""
from __future__ import annotations

from struct import Struct

from tasks.errors import WireError

HEADER_LENGTH = 14               # destination 6, source 6, EtherType 2 (IEEE 802.3 clause 3)
ETHERTYPE_HOMEPLUG = 0x88E1      # HomePlug AV management messages (sheet section 1.1)
ETHERTYPE_IPV6 = 0x86DD          # RFC 2464 section 3
MAX_PAYLOAD = 1500               # Ethernet MTU

_HEADER = Struct("!6s6sH")


def parse(frame: bytes) -> tuple[bytes, bytes, int]:
    """(destination, source, EtherType). Raises WireError for a runt."""
    if len(frame) < HEADER_LENGTH:
        raise WireError("runt frame")
    return _HEADER.unpack_from(frame)


def emit(destination: bytes, source: bytes, ethertype: int, payload: bytes) -> bytes:
    """One frame; the interface pads short ones. MACs are 6 octets."""
    return _HEADER.pack(destination, source, ethertype) + payload
