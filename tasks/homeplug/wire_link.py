"""Octets of two messages about the modem and its network: CM_NW_STATS (standard) and VS_HST_ACTION.IND (Qualcomm).

CM_NW_STATS: slac-and-network sheet 1.3 and 4.3 e name it, its layout is the one that tshark dissects (packet-homeplug-av.c):
number of stations, then per station its MAC and the average PHY rates to and from it in Mbit/s, one octet each.
VS_HST_ACTION.IND comes from a modem that boots from its host (sheet 1.7, VS_RS_DEV); only its first octet is read.
"""
from __future__ import annotations

import struct
from typing import ClassVar

from kernel.record import dataclass
from tasks.errors import WireError
from tasks.homeplug.wire_header import OUI_QUALCOMM, Header, emit_frame, need
from tasks.homeplug.wire_modem import MAX_STATIONS, OUI_LENGTH

_STATION = struct.Struct("<6sBB")


@dataclass(slots=True)
class CM_NW_STATS_REQ:
    """Host -> own modem: which stations are in your network?"""

    MMTYPE: ClassVar[int] = 0x6048
    dst: bytes
    src: bytes

    @classmethod
    def read(cls, frame: bytes, h: Header) -> CM_NW_STATS_REQ:
        return cls(h.dst, h.src)

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 1, self.MMTYPE, b"")


@dataclass(slots=True)
class StationRate:
    """A station of the own network and the average PHY rates to and from it in Mbit/s."""

    mac: bytes
    avg_tx: int
    avg_rx: int


@dataclass(slots=True)
class CM_NW_STATS_CNF:
    """Own modem -> host: the stations of the network, without the modem itself."""

    MMTYPE: ClassVar[int] = 0x6049
    dst: bytes
    src: bytes
    stations: list[StationRate]

    @classmethod
    def read(cls, frame: bytes, h: Header) -> CM_NW_STATS_CNF:
        need(frame, h.entry + 1)
        count = frame[h.entry]
        if count > MAX_STATIONS:
            raise WireError(f"{count} stations, at most {MAX_STATIONS} are read")
        need(frame, h.entry + 1 + count * _STATION.size)
        return cls(h.dst, h.src, [StationRate(*_STATION.unpack_from(frame, h.entry + 1 + i * _STATION.size)) for i in range(count)])

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 1, self.MMTYPE, bytes((len(self.stations),))
                          + b"".join(_STATION.pack(s.mac, s.avg_tx, s.avg_rx) for s in self.stations))


@dataclass(slots=True)
class VS_HST_ACTION_IND:
    """A modem without firmware of its own asks its host for something; `action` is the maker's number."""

    MMTYPE: ClassVar[int] = 0xA062
    dst: bytes
    src: bytes
    action: int

    @classmethod
    def read(cls, frame: bytes, h: Header) -> VS_HST_ACTION_IND:
        at = h.entry + OUI_LENGTH
        need(frame, at + 1)
        return cls(h.dst, h.src, frame[at])

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 0, self.MMTYPE, OUI_QUALCOMM + bytes((self.action,)))


STANDARD_MESSAGES = (CM_NW_STATS_REQ, CM_NW_STATS_CNF)
VENDOR_MESSAGES = (VS_HST_ACTION_IND,)
