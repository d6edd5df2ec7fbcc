"""Cuts one direction of a TCP stream into V2GTP messages or TLS records, also when the capture begins in the middle.

tasks/v2g/v2gtp.py is the endpoint's side: it knows one payload type and ends the session at the first error. A listener
must name every payload type and find its way back, at the next segment that begins like a message.
"""
from __future__ import annotations

from enum import Enum, auto
from struct import Struct

from kernel.record import dataclass
from tasks.listen.naming import TLS_HANDSHAKES, TLS_RECORDS
from tasks.v2g.v2gtp import HEADER_OCTETS, INVERSE_VERSION, VERSION

MAX_V2GTP = 64 * 1024            # octets of one message; certificate messages have 5 kB (sheet 5.1)
MAX_TLS = 16384 + 2048           # RFC 5246 6.2.3: a ciphertext record
_TLS_HEADER = 5
_V2GTP = Struct(">BBHI")


class PieceKind(Enum):
    V2GTP = auto()
    TLS = auto()
    OTHER = auto()               # octets of something else
    BROKEN = auto()              # V2GTP or TLS that does not keep to its own rules


@dataclass(slots=True)
class Piece:
    """`number`: V2GTP payload type, or how many octets; `text`: name of the TLS record, or what is wrong."""

    kind: PieceKind
    number: int
    data: bytes = b""
    text: str = ""


class Framer:
    """Octets in, pieces out; keeps at most one message."""

    __slots__ = ("_buffer", "_skip", "_at_sync", "_encrypted")

    def __init__(self) -> None:
        self._buffer = b""
        self._skip = 0           # octets of a TLS record that are still to come
        self._at_sync = False    # the stream is known to be at or inside a message
        self._encrypted = False

    @property
    def waiting(self) -> int:
        """Octets of an incomplete message."""
        return len(self._buffer) + self._skip

    def gap(self) -> None:
        """Octets are missing: the next segment may begin anywhere."""
        self._buffer = b""
        self._skip = 0
        self._at_sync = False

    def feed(self, data: bytes) -> list[Piece]:
        pieces: list[Piece] = []
        if self._skip:
            used = min(self._skip, len(data))
            self._skip -= used
            data = data[used:]
        buffer = self._buffer + data if self._buffer else data
        at = 0
        while at < len(buffer):
            used = self._one(buffer, at, pieces)
            if used == 0:
                break
            at += used
        self._buffer = buffer[at:]
        return pieces

    def _one(self, buffer: bytes, at: int, pieces: list[Piece]) -> int:
        """Octets used up by the message or record at `at`; 0 when it is not complete."""
        left = len(buffer) - at
        first = buffer[at]
        if first == VERSION and (left < 2 or buffer[at + 1] == INVERSE_VERSION):
            if left < HEADER_OCTETS:
                return 0
            _, _, kind, length = _V2GTP.unpack_from(buffer, at)
            if length > MAX_V2GTP:
                return self._lost(left, pieces, f"V2GTP payload of {length} octets")
            self._at_sync = True
            end = at + HEADER_OCTETS + length
            if end > len(buffer):
                return 0
            pieces.append(Piece(PieceKind.V2GTP, kind, buffer[at + HEADER_OCTETS:end]))
            return HEADER_OCTETS + length
        if first in TLS_RECORDS and (left < 2 or buffer[at + 1] == 3):
            if left < _TLS_HEADER + 1:
                return 0
            length = int.from_bytes(buffer[at + 3:at + 5], "big")
            if not 0 < length <= MAX_TLS:
                return self._lost(left, pieces, f"TLS record of {length} octets")
            self._at_sync = True
            pieces.append(Piece(PieceKind.TLS, length, text=self._tls_name(first, buffer[at + 5])))
            used = _TLS_HEADER + length
            self._skip = max(0, used - left)
            return min(used, left)
        if self._at_sync:
            return self._lost(left, pieces, f"neither V2GTP nor TLS: octets {buffer[at:at + 2].hex()}")
        pieces.append(Piece(PieceKind.OTHER, left))
        return left

    def _tls_name(self, kind: int, first: int) -> str:
        name = TLS_RECORDS[kind]
        if kind == 20:
            self._encrypted = True
        elif kind == 22:
            handshake = None if self._encrypted else TLS_HANDSHAKES.get(first)
            return f"{name} {handshake}" if handshake else f"{name} (encrypted)"
        return name

    def _lost(self, left: int, pieces: list[Piece], text: str) -> int:
        pieces.append(Piece(PieceKind.BROKEN, left, text=text))
        self._at_sync = False
        return left
