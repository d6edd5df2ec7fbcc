"""Octets of the messages by which old modems (INT6400, AR7400) let their PIB and firmware be read and written.

Layouts: slac-and-network sheet, section 1.8. Newer chips: wire_module. A block is read or written in RAM, VS_MOD_NVM
copies the module to flash. Fields are addressed from the octet after the OUI, as in wire_modem.
"""
from __future__ import annotations

import struct
from typing import ClassVar

from kernel.record import dataclass
from tasks.errors import WireError
from tasks.homeplug.wire_header import OUI_QUALCOMM, Header, emit_frame, need

OUI_LENGTH = 3
OLD_PIB, OLD_FIRMWARE = 2, 1           # module of VS_RD_MOD; bits of VS_WR_MOD and VS_MOD_NVM
OLD_MAX_BLOCK = 1024
_RD_REQ = struct.Struct("<BBHI16s")
_RD_CNF = struct.Struct("<B3xBxHII")
_WR_REQ = struct.Struct("<BBHII")
_WR_CNF = struct.Struct("<BBBHI")


def _old_block(length: int) -> int:
    if length > OLD_MAX_BLOCK:
        raise WireError(f"block of {length} octets, at most {OLD_MAX_BLOCK}")
    return length


@dataclass(slots=True)
class VS_RD_MOD_REQ:
    """Old chips: give me `length` octets of the module."""

    MMTYPE: ClassVar[int] = 0xA024
    dst: bytes
    src: bytes
    length: int
    offset: int
    module: int = OLD_PIB
    access: int = 0
    secret: bytes = bytes(16)

    @classmethod
    def read(cls, frame: bytes, h: Header) -> VS_RD_MOD_REQ:
        at = h.entry + OUI_LENGTH
        need(frame, at + _RD_REQ.size)
        module, access, length, offset, secret = _RD_REQ.unpack_from(frame, at)
        return cls(h.dst, h.src, _old_block(length), offset, module, access, secret)

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 0, self.MMTYPE,
                          OUI_QUALCOMM + _RD_REQ.pack(self.module, self.access, self.length, self.offset, self.secret))


@dataclass(slots=True)
class VS_RD_MOD_CNF:
    """Old chips: the octets, with their checksum; empty when `status` is not 0."""

    MMTYPE: ClassVar[int] = 0xA025
    dst: bytes
    src: bytes
    status: int
    offset: int = 0
    checksum: int = 0
    octets: bytes = b""
    module: int = OLD_PIB

    @classmethod
    def read(cls, frame: bytes, h: Header) -> VS_RD_MOD_CNF:
        at = h.entry + OUI_LENGTH
        need(frame, at + 1)
        if frame[at]:
            return cls(h.dst, h.src, frame[at])
        need(frame, at + _RD_CNF.size)
        status, module, length, offset, checksum = _RD_CNF.unpack_from(frame, at)
        at += _RD_CNF.size
        need(frame, at + _old_block(length))
        return cls(h.dst, h.src, status, offset, checksum, frame[at:at + length], module)

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 0, self.MMTYPE, OUI_QUALCOMM + _RD_CNF.pack(
            self.status, self.module, len(self.octets), self.offset, self.checksum) + self.octets)


@dataclass(slots=True)
class VS_WR_MOD_REQ:
    """Old chips: one block of the module, with its checksum."""

    MMTYPE: ClassVar[int] = 0xA020
    dst: bytes
    src: bytes
    offset: int
    checksum: int
    octets: bytes
    module: int = OLD_PIB
    access: int = 0

    @classmethod
    def read(cls, frame: bytes, h: Header) -> VS_WR_MOD_REQ:
        at = h.entry + OUI_LENGTH
        need(frame, at + _WR_REQ.size)
        module, access, length, offset, checksum = _WR_REQ.unpack_from(frame, at)
        at += _WR_REQ.size
        need(frame, at + _old_block(length))
        return cls(h.dst, h.src, offset, checksum, frame[at:at + length], module, access)

    def emit(self) -> bytes:
        head = _WR_REQ.pack(self.module, self.access, len(self.octets), self.offset, self.checksum)
        return emit_frame(self.dst, self.src, 0, self.MMTYPE, OUI_QUALCOMM + head + self.octets.ljust(OLD_MAX_BLOCK, b"\0"))


@dataclass(slots=True)
class VS_WR_MOD_CNF:
    """Old chips: the block is in RAM."""

    MMTYPE: ClassVar[int] = 0xA021
    dst: bytes
    src: bytes
    status: int
    length: int
    offset: int
    module: int = OLD_PIB
    access: int = 0

    @classmethod
    def read(cls, frame: bytes, h: Header) -> VS_WR_MOD_CNF:
        at = h.entry + OUI_LENGTH
        need(frame, at + _WR_CNF.size)
        status, module, access, length, offset = _WR_CNF.unpack_from(frame, at)
        return cls(h.dst, h.src, status, length, offset, module, access)

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 0, self.MMTYPE, OUI_QUALCOMM + _WR_CNF.pack(
            self.status, self.module, self.access, self.length, self.offset))


@dataclass(slots=True)
class VS_MOD_NVM_REQ:
    """Old chips: copy the module from RAM to flash; VS_RS_DEV follows."""

    MMTYPE: ClassVar[int] = 0xA028
    dst: bytes
    src: bytes
    module: int = OLD_PIB

    @classmethod
    def read(cls, frame: bytes, h: Header) -> VS_MOD_NVM_REQ:
        at = h.entry + OUI_LENGTH
        need(frame, at + 1)
        return cls(h.dst, h.src, frame[at])

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 0, self.MMTYPE, OUI_QUALCOMM + bytes((self.module,)))


@dataclass(slots=True)
class VS_MOD_NVM_CNF:
    """Old chips: the copy is made, or `status` is not 0."""

    MMTYPE: ClassVar[int] = 0xA029
    dst: bytes
    src: bytes
    status: int
    module: int = OLD_PIB

    @classmethod
    def read(cls, frame: bytes, h: Header) -> VS_MOD_NVM_CNF:
        at = h.entry + OUI_LENGTH
        need(frame, at + 2)
        return cls(h.dst, h.src, frame[at], frame[at + 1])

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 0, self.MMTYPE, OUI_QUALCOMM + bytes((self.status, self.module)))


OLD_MODULE_MESSAGES = (VS_RD_MOD_REQ, VS_RD_MOD_CNF, VS_WR_MOD_REQ, VS_WR_MOD_CNF, VS_MOD_NVM_REQ, VS_MOD_NVM_CNF)
