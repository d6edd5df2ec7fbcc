"""Octets of the Qualcomm vendor messages (VS_...) between the host and modems, as far as we use them.

Layouts: slac-and-network sheet, section 1.7. They come with MMV 0 or 1: fields are addressed from the octet after the
3-octet OUI, so that a reply is always read by the reply's own MMV.
"""
from __future__ import annotations

import struct
from typing import ClassVar

from kernel.record import dataclass
from tasks.errors import WireError
from tasks.homeplug.wire_header import OUI_QUALCOMM, Header, emit_frame, need

OUI_LENGTH = 3
MAX_GROUPS = 58
MAX_NETWORKS = 8                       # a modem is in one or two; the bound keeps hostile counts small
MAX_STATIONS = 64


@dataclass(slots=True)
class _VendorRequest:
    """A vendor request that carries nothing but the OUI."""

    MMTYPE: ClassVar[int] = 0
    dst: bytes
    src: bytes
    mmv: int = 0

    @classmethod
    def read(cls, frame: bytes, h: Header):
        need(frame, h.entry + OUI_LENGTH)
        return cls(h.dst, h.src, 1 if h.mmv else 0)

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, self.mmv, self.MMTYPE, OUI_QUALCOMM)


@dataclass(slots=True)
class VS_SW_VER_REQ(_VendorRequest):
    """Which firmware? Every modem answers; the way to find it."""

    MMTYPE: ClassVar[int] = 0xA000


@dataclass(slots=True)
class VS_RS_DEV_REQ(_VendorRequest):
    """Reset; the modem disappears for 1.5 to 5 s."""

    MMTYPE: ClassVar[int] = 0xA01C


@dataclass(slots=True)
class VS_PL_LINK_STATUS_REQ(_VendorRequest):
    """Is there another station in your network? QCA7000/7005."""

    MMTYPE: ClassVar[int] = 0xA0B8


@dataclass(slots=True)
class VS_NW_INFO_REQ(_VendorRequest):
    """Networks and stations; QCA7000 answers MMV 0 only, others both, with different layouts."""

    MMTYPE: ClassVar[int] = 0xA038


DEVICE_CLASSES = {0x03: "INT6400", 0x04: "AR7400", 0x20: "QCA7420", 0x21: "AR6410/QCA7006", 0x22: "QCA7000/QCA7005",
                  0x30: "QCA7500"}
_IDENT_AT = 257                        # of the vendor data: frame offset 277 with MMV 0; only in newer firmware


@dataclass(slots=True)
class VS_SW_VER_CNF:
    """`version` as text; `ident` strap register where the firmware gives it, else None."""

    MMTYPE: ClassVar[int] = 0xA001
    dst: bytes
    src: bytes
    status: int
    device_class: int
    version: str
    ident: int | None = None

    @classmethod
    def read(cls, frame: bytes, h: Header) -> VS_SW_VER_CNF:
        at = h.entry + OUI_LENGTH
        need(frame, at + 3)
        end = at + 3 + frame[at + 2]
        need(frame, end)
        text = frame[at + 3:end].split(b"\0", 1)[0].decode("ascii", "replace")
        ident = None
        if len(frame) >= at + _IDENT_AT + 4:
            ident = int.from_bytes(frame[at + _IDENT_AT:at + _IDENT_AT + 4], "little")
        return cls(h.dst, h.src, frame[at], frame[at + 1], text, ident)

    def emit(self) -> bytes:
        text = self.version.encode("ascii", "replace")[:200] + b"\0"
        data = bytes((self.status, self.device_class, len(text))) + text
        if self.ident is not None:
            data = data.ljust(_IDENT_AT, b"\0") + struct.pack("<I", self.ident)
        return emit_frame(self.dst, self.src, 0, self.MMTYPE, OUI_QUALCOMM + data)


@dataclass(slots=True)
class VS_RS_DEV_CNF:
    """`status` 0: resetting."""

    MMTYPE: ClassVar[int] = 0xA01D
    dst: bytes
    src: bytes
    status: int

    @classmethod
    def read(cls, frame: bytes, h: Header) -> VS_RS_DEV_CNF:
        at = h.entry + OUI_LENGTH
        need(frame, at + 1)
        return cls(h.dst, h.src, frame[at])

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 0, self.MMTYPE, OUI_QUALCOMM + bytes((self.status,)))


@dataclass(slots=True)
class VS_PL_LINK_STATUS_CNF:
    """`link` 1: at least one other station in the network. `status` 0: the answer is valid."""

    MMTYPE: ClassVar[int] = 0xA0B9
    dst: bytes
    src: bytes
    status: int
    link: int

    @classmethod
    def read(cls, frame: bytes, h: Header) -> VS_PL_LINK_STATUS_CNF:
        at = h.entry + OUI_LENGTH
        need(frame, at + 2)
        return cls(h.dst, h.src, frame[at], frame[at + 1])

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 0, self.MMTYPE, OUI_QUALCOMM + bytes((self.status, self.link)))


@dataclass(slots=True)
class Station:
    """Another modem; `bda` is the host behind it, rates in Mbit/s."""

    mac: bytes
    tei: int
    bda: bytes
    avg_tx: int
    avg_rx: int


@dataclass(slots=True)
class Network:
    """One network (AVLN) of which the modem is a member. `role`: 0 station, 1 proxy coordinator, 2 coordinator."""

    nid: bytes
    snid: int
    tei: int
    role: int
    cco_mac: bytes
    cco_tei: int
    stations: list[Station]


_NET_MMV0, _STA_MMV0 = struct.Struct("<7sBBB6sBB"), struct.Struct("<6sB6sBB")
_NET_MMV1, _STA_MMV1 = struct.Struct("<7s2xBB4xB6sB3xB5x"), struct.Struct("<6sB3x6sHxxHxx")


@dataclass(slots=True)
class VS_NW_INFO_CNF:
    """The networks the modem is in; the layout follows `mmv` (1.7)."""

    MMTYPE: ClassVar[int] = 0xA039
    dst: bytes
    src: bytes
    mmv: int
    networks: list[Network]

    @classmethod
    def read(cls, frame: bytes, h: Header) -> VS_NW_INFO_CNF:
        mmv = 1 if h.mmv else 0
        net, sta = (_NET_MMV1, _STA_MMV1) if mmv else (_NET_MMV0, _STA_MMV0)
        at = h.entry + OUI_LENGTH + (5 if mmv else 0)          # MMV 1: sub version, reserved, length (2), reserved
        need(frame, at + 1)
        count = frame[at]
        at += 1
        if count > MAX_NETWORKS:
            raise WireError(f"{count} networks")
        networks = []
        for _ in range(count):
            need(frame, at + net.size)
            nid, snid, tei, role, cco_mac, cco_tei, number = net.unpack_from(frame, at)
            at += net.size
            if number > MAX_STATIONS:
                raise WireError(f"{number} stations")
            need(frame, at + number * sta.size)
            stations = [Station(*sta.unpack_from(frame, at + i * sta.size)) for i in range(number)]
            at += number * sta.size
            networks.append(Network(nid, snid, tei, role, cco_mac, cco_tei, stations))
        return cls(h.dst, h.src, mmv, networks)

    def emit(self) -> bytes:
        net, sta = (_NET_MMV1, _STA_MMV1) if self.mmv else (_NET_MMV0, _STA_MMV0)
        data = bytes((len(self.networks),))
        for n in self.networks:
            data += net.pack(n.nid, n.snid, n.tei, n.role, n.cco_mac, n.cco_tei, len(n.stations))
            for s in n.stations:
                data += sta.pack(s.mac, s.tei, s.bda, s.avg_tx, s.avg_rx)
        if self.mmv:                                           # the length counts from the reserved octet before NUMAVLNS
            data = struct.pack("<BBHB", 0, 0, len(data) + 1, 0) + data
        return emit_frame(self.dst, self.src, self.mmv, self.MMTYPE, OUI_QUALCOMM + data)


@dataclass(slots=True)
class VS_OP_ATTRIBUTES_REQ:
    """Chip identification; the answer repeats the cookie."""

    MMTYPE: ClassVar[int] = 0xA068
    dst: bytes
    src: bytes
    cookie: bytes

    @classmethod
    def read(cls, frame: bytes, h: Header) -> VS_OP_ATTRIBUTES_REQ:
        at = h.entry + OUI_LENGTH
        need(frame, at + 4)
        return cls(h.dst, h.src, frame[at:at + 4])

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 0, self.MMTYPE, OUI_QUALCOMM + self.cookie + b"\0")


_ATTRIBUTES = struct.Struct("<16s16sIIII4x8s12s")
ATTRIBUTES_LENGTH = 118                # data length in the report header, 0x76


@dataclass(slots=True)
class VS_OP_ATTRIBUTES_CNF:
    """Hardware and software of the modem; the texts are empty when `status` is not 0."""

    MMTYPE: ClassVar[int] = 0xA069
    dst: bytes
    src: bytes
    status: int
    cookie: bytes
    hardware: str = ""
    software: str = ""
    major: int = 0
    minor: int = 0
    pib_version: int = 0
    build: int = 0
    build_date: str = ""
    release_type: str = ""

    @classmethod
    def read(cls, frame: bytes, h: Header) -> VS_OP_ATTRIBUTES_CNF:
        at = h.entry + OUI_LENGTH
        need(frame, at + 9)
        status = frame[at] | frame[at + 1] << 8
        cookie = frame[at + 2:at + 6]
        if status:
            return cls(h.dst, h.src, status, cookie)
        need(frame, at + 9 + _ATTRIBUTES.size)
        hardware, software, major, minor, pib, build, date, release = _ATTRIBUTES.unpack_from(frame, at + 9)
        return cls(h.dst, h.src, status, cookie, _text(hardware), _text(software), major, minor, pib, build, _text(date),
                   _text(release))

    def emit(self) -> bytes:
        body = _ATTRIBUTES.pack(_octets(self.hardware), _octets(self.software), self.major, self.minor, self.pib_version,
                                self.build, _octets(self.build_date), _octets(self.release_type))
        return emit_frame(self.dst, self.src, 0, self.MMTYPE, OUI_QUALCOMM + struct.pack("<H", self.status) + self.cookie
                          + struct.pack("<BH", 0, ATTRIBUTES_LENGTH) + body.ljust(ATTRIBUTES_LENGTH, b"\0"))


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("ascii", "replace")


def _octets(text: str) -> bytes:
    return text.encode("ascii", "replace")


@dataclass(slots=True)
class VS_ATTENUATION_CHARACTERISTICS_IND:
    """Every EVSE modem that hears a sound -> everybody: raw dB per group. Free information for a listener."""

    MMTYPE: ClassVar[int] = 0xA14E
    dst: bytes
    src: bytes
    pev_mac: bytes
    aag: bytes
    oui: bytes = OUI_QUALCOMM

    @classmethod
    def read(cls, frame: bytes, h: Header) -> VS_ATTENUATION_CHARACTERISTICS_IND:
        at = h.entry + OUI_LENGTH
        need(frame, at + 9)
        count = frame[at + 6]
        if count > MAX_GROUPS:
            raise WireError(f"{count} groups, at most {MAX_GROUPS} exist")
        need(frame, at + 16 + count)
        return cls(h.dst, h.src, frame[at:at + 6], frame[at + 16:at + 16 + count], frame[h.entry:at])

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 0, self.MMTYPE, self.oui + self.pev_mac + bytes((len(self.aag), 0, 0x10))
                          + bytes(7) + self.aag)


VENDOR_MESSAGES = (VS_SW_VER_REQ, VS_SW_VER_CNF, VS_RS_DEV_REQ, VS_RS_DEV_CNF, VS_PL_LINK_STATUS_REQ,
                   VS_PL_LINK_STATUS_CNF, VS_NW_INFO_REQ, VS_NW_INFO_CNF, VS_OP_ATTRIBUTES_REQ, VS_OP_ATTRIBUTES_CNF,
                   VS_ATTENUATION_CHARACTERISTICS_IND)
