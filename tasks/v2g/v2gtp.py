"""V2GTP: the 8-octet header before each V2G message, and cutting messages out of a TCP stream."""
from __future__ import annotations

from struct import Struct

from tasks.errors import WireError

# slac-and-network sheet 5.1: version 1, its inverse, u16 payload type, u32 payload length, big endian
_HEADER = Struct(">BBHI")
VERSION = 0x01
INVERSE_VERSION = 0xFE
PAYLOAD_EXI = 0x8001                 # supportedAppProtocol and all messages of DIN 70121 and ISO 15118-2
HEADER_OCTETS = 8
MAX_PAYLOAD_OCTETS_DIN = 8 * 1024    # safety-security-needs sheet 3.3: 8 KiB for DIN; the largest seen is 76 octets


def emit(payload: bytes) -> bytes:
    """The payload with its header."""
    return _HEADER.pack(VERSION, INVERSE_VERSION, PAYLOAD_EXI, len(payload)) + payload


class Deframer:
    """Collects octets of the stream and gives whole payloads; after an error the stream has no meaning any more."""

    __slots__ = ("_buffer", "_limit", "broken")

    def __init__(self, limit: int = MAX_PAYLOAD_OCTETS_DIN) -> None:
        self._buffer = b""
        self._limit = limit
        self.broken = False

    def receive(self, data: bytes) -> list[bytes]:
        """All payloads that are complete with `data`, however the stream was split; raises WireError.

        At most one header and one payload below the limit stay in the buffer between calls. Payloads that came
        before the bad header in the same `data` are lost with it: the session ends anyway.
        """
        if self.broken:
            raise WireError("V2GTP: octets after a broken header")
        buffer = self._buffer + data if self._buffer else bytes(data)
        payloads: list[bytes] = []
        start = 0
        available = len(buffer)
        while available - start >= HEADER_OCTETS:
            version, inverse, kind, length = _HEADER.unpack_from(buffer, start)
            if version != VERSION or inverse != INVERSE_VERSION:
                self._fail(f"V2GTP: version {version:#04x} {inverse:#04x}, expected 0x01 0xfe")
            if kind != PAYLOAD_EXI:
                self._fail(f"V2GTP: payload type {kind:#06x}, expected 0x8001")
            if length == 0 or length > self._limit:
                self._fail(f"V2GTP: payload of {length} octets, allowed are 1 to {self._limit}")
            end = start + HEADER_OCTETS + length
            if end > available:
                break
            payloads.append(buffer[start + HEADER_OCTETS:end])
            start = end
        self._buffer = buffer[start:]
        return payloads

    @property
    def waiting(self) -> int:
        """Octets of an incomplete message."""
        return len(self._buffer)

    def _fail(self, text: str) -> None:
        self.broken = True
        self._buffer = b""
        raise WireError(text)
