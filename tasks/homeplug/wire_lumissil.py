"""Octets of the Lumissil CG5317's vendor messages between the host and its own modem.

Layouts: slac-and-network sheet, section 1.9. A vendor header of 22 octets (OUI, version, reserved, request id, reserved)
stands before the data: data from 41 with MMV 1, from 39 with MMV 0. Sources differ in which MMV the modem speaks, so that
a request is made in either and a reply is read by its own. VS_D_LINK_READY.IND alone has no vendor header.
"""
from __future__ import annotations

import struct
from typing import ClassVar

from kernel.record import dataclass
from tasks.homeplug.wire_header import Header, emit_frame, need

OUI_LUMISSIL = b"\x00\x16\xe8"
_HEADER = struct.Struct("<3sHIB12x")   # OUI, version, reserved, request id, reserved
CCO_NEVER, CCO_ALWAYS = 1, 2           # APCM_SET_CCO
STATE_UNASSOCIATED, STATE_WAIT_SYNC, STATE_ASSOCIATING, STATE_AUTHENTICATING, STATE_STA, STATE_CCO = range(1, 7)
STATES = {1: "unassociated", 2: "waits for sync", 3: "associating", 4: "authenticating", 5: "station", 6: "coordinator"}
HOST_READY_TO_JOIN, HOST_JOINED, HOST_DISCONNECTED = 1, 2, 3
RESET_NORMAL, RESET_HOST_BOOT = 0, 1


def _vendor(dst: bytes, src: bytes, mmv: int, mmtype: int, data: bytes = b"", request_id: int = 0) -> bytes:
    return emit_frame(dst, src, mmv, mmtype, _HEADER.pack(OUI_LUMISSIL, 0, 0, request_id) + data)


def _data(frame: bytes, h: Header, length: int) -> int:
    """Offset of the data behind the vendor header; at least `length` octets are there."""
    at = h.entry + _HEADER.size
    need(frame, at + length)
    return at


@dataclass(slots=True)
class _Plain:
    """A request that carries nothing but the vendor header."""

    MMTYPE: ClassVar[int] = 0
    dst: bytes
    src: bytes
    mmv: int = 1

    @classmethod
    def read(cls, frame: bytes, h: Header):
        _data(frame, h, 0)
        return cls(h.dst, h.src, 1 if h.mmv else 0)

    def emit(self) -> bytes:
        return _vendor(self.dst, self.src, self.mmv, self.MMTYPE)


@dataclass(slots=True)
class _Octet:
    """A message whose data is one octet, `value`."""

    MMTYPE: ClassVar[int] = 0
    dst: bytes
    src: bytes
    value: int
    mmv: int = 1

    @classmethod
    def read(cls, frame: bytes, h: Header):
        return cls(h.dst, h.src, frame[_data(frame, h, 1)], 1 if h.mmv else 0)

    def emit(self) -> bytes:
        return _vendor(self.dst, self.src, self.mmv, self.MMTYPE, bytes((self.value,)))


@dataclass(slots=True)
class NSCM_GET_VERSION_REQ(_Plain):
    """Which firmware? The way to find a Lumissil modem."""

    MMTYPE: ClassVar[int] = 0xAC6C


@dataclass(slots=True)
class NSCM_GET_VERSION_CNF:
    """Firmware as five numbers: major, minor, patch, build, and one without a known meaning."""

    MMTYPE: ClassVar[int] = 0xAC6D
    dst: bytes
    src: bytes
    version: tuple[int, ...]
    mmv: int = 1

    @classmethod
    def read(cls, frame: bytes, h: Header) -> NSCM_GET_VERSION_CNF:
        return cls(h.dst, h.src, struct.unpack_from("<5H", frame, _data(frame, h, 10)), 1 if h.mmv else 0)

    def emit(self) -> bytes:
        return _vendor(self.dst, self.src, self.mmv, self.MMTYPE, struct.pack("<5H", *self.version))


@dataclass(slots=True)
class NSCM_GET_DEVICE_STATE_REQ(_Plain):
    """Where does the modem stand?"""

    MMTYPE: ClassVar[int] = 0xAC98


@dataclass(slots=True)
class NSCM_GET_DEVICE_STATE_CNF(_Octet):
    """`value`: one of STATE_..., named in STATES."""

    MMTYPE: ClassVar[int] = 0xAC99


@dataclass(slots=True)
class NSCM_GET_D_LINK_STATUS_REQ(_Plain):
    """Is there a link to another station?"""

    MMTYPE: ClassVar[int] = 0xAC9C


@dataclass(slots=True)
class NSCM_GET_D_LINK_STATUS_CNF(_Octet):
    """`value` 1: linked."""

    MMTYPE: ClassVar[int] = 0xAC9D


@dataclass(slots=True)
class NSCM_RESET_DEVICE_REQ(_Octet):
    """`value`: RESET_NORMAL, or RESET_HOST_BOOT to stop in the boot loader. The modem sends no confirmation."""

    MMTYPE: ClassVar[int] = 0xAC70


@dataclass(slots=True)
class APCM_SET_CCO_REQ(_Octet):
    """`value`: CCO_NEVER for a car's modem, CCO_ALWAYS for a charger's."""

    MMTYPE: ClassVar[int] = 0xAC08


@dataclass(slots=True)
class APCM_SET_CCO_CNF(_Plain):
    """The modem has heard the role; what its data means is not known, so none is read."""

    MMTYPE: ClassVar[int] = 0xAC09


@dataclass(slots=True)
class VS_HOST_MESSAGE_STATUS_IND(_Octet):
    """The modem tells by itself: HOST_READY_TO_JOIN, HOST_JOINED, HOST_DISCONNECTED."""

    MMTYPE: ClassVar[int] = 0xACA2


@dataclass(slots=True)
class VS_D_LINK_READY_IND:
    """The modem tells by itself whether there is a link (1) or not (0); no vendor header."""

    MMTYPE: ClassVar[int] = 0xA002
    dst: bytes
    src: bytes
    value: int
    mmv: int = 1

    @classmethod
    def read(cls, frame: bytes, h: Header) -> VS_D_LINK_READY_IND:
        need(frame, h.entry + 1)
        return cls(h.dst, h.src, frame[h.entry], 1 if h.mmv else 0)

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, self.mmv, self.MMTYPE, bytes((self.value,)))


LUMISSIL_MESSAGES = (NSCM_GET_VERSION_REQ, NSCM_GET_VERSION_CNF, NSCM_GET_DEVICE_STATE_REQ, NSCM_GET_DEVICE_STATE_CNF,
                     NSCM_GET_D_LINK_STATUS_REQ, NSCM_GET_D_LINK_STATUS_CNF, NSCM_RESET_DEVICE_REQ, APCM_SET_CCO_REQ,
                     APCM_SET_CCO_CNF, VS_HOST_MESSAGE_STATUS_IND, VS_D_LINK_READY_IND)
_READERS = {cls.MMTYPE: cls.read for cls in LUMISSIL_MESSAGES}


def reader_of(frame: bytes, h: Header):
    """The function that reads this vendor message, None when it is not one of Lumissil's; WireError when it ends within its OUI."""
    read = _READERS.get(h.mmtype)
    if read is None or h.mmtype == VS_D_LINK_READY_IND.MMTYPE:
        return read
    need(frame, h.entry + len(OUI_LUMISSIL))
    return read if frame[h.entry:h.entry + len(OUI_LUMISSIL)] == OUI_LUMISSIL else None
