"""SECC discovery messages: the V2GTP header with type 0x9000 or 0x9001 and its 2 or 20 octets (sheet 5.1, 5.2)."""
from __future__ import annotations

from struct import Struct

from kernel.record import dataclass
from tasks.errors import WireError

SDP_PORT = 15118                 # V2G_UDP_SDP_SERVER
SDP_REQUEST = 0x9000
SDP_RESPONSE = 0x9001

SECURITY_TLS = 0x00
SECURITY_NONE = 0x10
TRANSPORT_TCP = 0x00
TRANSPORT_UDP = 0x10             # reserved

_VERSION = 0x01FE                # protocol version 1 and its inverse
_HEADER = Struct("!HHI")
_REQUEST = Struct("!BB")
_RESPONSE = Struct("!16sHBB")


@dataclass(slots=True)
class SdpRequest:
    security: int
    transport: int = TRANSPORT_TCP


@dataclass(slots=True)
class SdpResponse:
    address: bytes
    port: int
    security: int
    transport: int = TRANSPORT_TCP


def _payload(data: bytes, wanted: int, size: int) -> bytes:
    """The payload of `data`, which must be exactly one V2GTP message of that type and size."""
    if len(data) != _HEADER.size + size:
        raise WireError("SDP length")
    version, kind, length = _HEADER.unpack_from(data)
    if version != _VERSION:
        raise WireError("V2GTP version")
    if kind != wanted:
        raise WireError("SDP payload type")
    if length != size:
        raise WireError("V2GTP payload length")
    return data[_HEADER.size:]


def parse_request(data: bytes) -> SdpRequest:
    return SdpRequest(*_REQUEST.unpack(_payload(data, SDP_REQUEST, _REQUEST.size)))


def parse_response(data: bytes) -> SdpResponse:
    return SdpResponse(*_RESPONSE.unpack(_payload(data, SDP_RESPONSE, _RESPONSE.size)))


def emit_request(request: SdpRequest) -> bytes:
    return _HEADER.pack(_VERSION, SDP_REQUEST, _REQUEST.size) + _REQUEST.pack(request.security, request.transport)


def emit_response(response: SdpResponse) -> bytes:
    return (_HEADER.pack(_VERSION, SDP_RESPONSE, _RESPONSE.size)
            + _RESPONSE.pack(response.address, response.port, response.security, response.transport))
