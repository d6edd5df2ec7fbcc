"""Octets of the messages that read and write what a modem keeps in flash: its PIB (parameter block) and its firmware.

Layouts: slac-and-network sheet, section 1.8. QCA7000, 7005 and 7420 speak VS_MODULE_OPERATION: one message with several
operations in it (older chips: wire_old_module). Fields are addressed from the octet after the OUI, as in wire_modem.
"""
from __future__ import annotations

import struct
from typing import ClassVar

from kernel.record import dataclass
from tasks.errors import WireError
from tasks.homeplug.wire_header import OUI_QUALCOMM, Header, emit_frame, need

OUI_LENGTH = 3
FIRMWARE, PIB, SOFT_LOADER = 0x7001, 0x7002, 0x7003      # module ids
OP_READ_RAM, OP_READ_FLASH, OP_START, OP_WRITE, OP_COMMIT = 0x00, 0x01, 0x10, 0x11, 0x12
COMMIT_FORCE, COMMIT_NO_RESET, COMMIT_FACTORY = 1 << 0, 1 << 1, 1 << 31      # bits of the commit code
MAX_BLOCK = 1400                       # octets of a module in one frame
MAX_MODULES = 4                        # in one session; three ids exist
WRITE_FRAME = 1448                     # a write is always that long, a short last block is padded

_HEAD = struct.Struct("<IBHHI")        # reserved, NUM_OP_DATA, MOD_OP, MOD_OP_DATA_LEN, reserved
_CNF_HEAD = struct.Struct("<HHIBHHI")  # MSTATUS, ERR_REC_CODE, then the same with the reserved word first
_READ = struct.Struct("<HHHI")         # module id, sub id, length, offset
_MODULE = struct.Struct("<HHII")       # module id, sub id, length, checksum
_WRITE = struct.Struct("<IBHHHI")      # session, module index, module id, sub id, length, offset
_COMMIT = struct.Struct("<II20x")      # session, commit code
_COUNTED = 8                           # MOD_OP_DATA_LEN counts from MOD_OP: 8 octets before the data
_REFUSAL = 8                           # a CNF must reach the end of its status words; a refusal may carry no more


@dataclass(slots=True)
class ReadModule:
    """Give me `length` octets from `offset`, of what runs (RAM) or of what is kept (flash)."""

    length: int
    offset: int
    flash: bool = False
    module_id: int = PIB
    sub_id: int = 0

    @property
    def operation(self) -> int:
        return OP_READ_FLASH if self.flash else OP_READ_RAM

    def data(self) -> bytes:
        return _READ.pack(self.module_id, self.sub_id, self.length, self.offset)


@dataclass(slots=True)
class ModuleToCome:
    """One module of a session: `checksum` is the one's complement of the XOR of all its 32-bit words."""

    length: int
    checksum: int
    module_id: int = PIB
    sub_id: int = 0


@dataclass(slots=True)
class StartSession:
    """I am going to write these modules. `session` is the host's choice and comes back in every message."""

    session: int
    modules: tuple[ModuleToCome, ...]
    operation: ClassVar[int] = OP_START

    def data(self) -> bytes:
        return struct.pack("<IB", self.session, len(self.modules)) + b"".join(
            _MODULE.pack(m.module_id, m.sub_id, m.length, m.checksum) for m in self.modules)


@dataclass(slots=True)
class WriteModule:
    """One block of module number `index` of the session; `octets` without the padding."""

    session: int
    offset: int
    octets: bytes
    index: int = 0
    module_id: int = PIB
    sub_id: int = 0
    operation: ClassVar[int] = OP_WRITE

    def data(self) -> bytes:
        return _WRITE.pack(self.session, self.index, self.module_id, self.sub_id, len(self.octets), self.offset) + self.octets.ljust(MAX_BLOCK, b"\0")


@dataclass(slots=True)
class CommitSession:
    """Make what has been written the valid content of the flash."""

    session: int
    code: int = 0
    operation: ClassVar[int] = OP_COMMIT

    def data(self) -> bytes:
        return _COMMIT.pack(self.session, self.code)


@dataclass(slots=True)
class VS_MODULE_OPERATION_REQ:
    """Host -> modem: read, or one step of writing."""

    MMTYPE: ClassVar[int] = 0xA0B0
    dst: bytes
    src: bytes
    step: ReadModule | StartSession | WriteModule | CommitSession

    @classmethod
    def read(cls, frame: bytes, h: Header) -> VS_MODULE_OPERATION_REQ:
        at = h.entry + OUI_LENGTH
        need(frame, at + _HEAD.size)
        _, number, operation, length, _ = _HEAD.unpack_from(frame, at)
        data = _operation_data(frame, at + _HEAD.size, number, length)
        return cls(h.dst, h.src, _step(operation, data))

    def emit(self) -> bytes:
        data = self.step.data()
        head = _HEAD.pack(0, 1, self.step.operation, len(data) + _COUNTED, 0)
        return emit_frame(self.dst, self.src, 0, self.MMTYPE, OUI_QUALCOMM + head + data)


def _operation_data(frame: bytes, at: int, number: int, length: int) -> bytes:
    if number != 1:
        raise WireError(f"{number} operations in one message, 1 is known")
    if length < _COUNTED:
        raise WireError(f"operation data of {length} octets, at least {_COUNTED}")
    need(frame, at + length - _COUNTED)
    return frame[at:at + length - _COUNTED]


def _step(operation: int, data: bytes) -> ReadModule | StartSession | WriteModule | CommitSession:
    if operation in (OP_READ_RAM, OP_READ_FLASH):
        need(data, _READ.size)
        module_id, sub_id, length, offset = _READ.unpack_from(data)
        return ReadModule(_block(length), offset, operation == OP_READ_FLASH, module_id, sub_id)
    if operation == OP_START:
        need(data, 5)
        session, number = struct.unpack_from("<IB", data)
        if not 1 <= number <= MAX_MODULES:
            raise WireError(f"{number} modules in a session, 1 to {MAX_MODULES}")
        need(data, 5 + number * _MODULE.size)
        found = (_MODULE.unpack_from(data, 5 + i * _MODULE.size) for i in range(number))
        return StartSession(session, tuple(ModuleToCome(length, checksum, module_id, sub_id) for module_id, sub_id, length, checksum in found))
    if operation == OP_WRITE:
        need(data, _WRITE.size)
        session, index, module_id, sub_id, length, offset = _WRITE.unpack_from(data)
        need(data, _WRITE.size + _block(length))
        return WriteModule(session, offset, data[_WRITE.size:_WRITE.size + length], index, module_id, sub_id)
    if operation == OP_COMMIT:
        need(data, _COMMIT.size)
        return CommitSession(*_COMMIT.unpack_from(data))
    raise WireError(f"unknown module operation 0x{operation:02X}")


def _block(length: int) -> int:
    if length > MAX_BLOCK:
        raise WireError(f"block of {length} octets, at most {MAX_BLOCK}")
    return length


@dataclass(slots=True)
class ModuleData:
    """What a read brought; shorter than asked for at the end of the module."""

    offset: int
    octets: bytes
    module_id: int = PIB
    sub_id: int = 0


@dataclass(slots=True)
class VS_MODULE_OPERATION_CNF:
    """Modem -> host. `status` (MSTATUS) not 0: refused, and then the rest may be missing.

    `session` and `offset` are the echo in the answers to start, write and commit; None where the modem sends none (the
    layout of that echo was in no capture, so nothing may depend on it).
    """

    MMTYPE: ClassVar[int] = 0xA0B1
    dst: bytes
    src: bytes
    status: int
    operation: int | None
    module: ModuleData | None = None
    session: int | None = None
    offset: int | None = None
    error: int = 0                     # ERR_REC_CODE

    @classmethod
    def read(cls, frame: bytes, h: Header) -> VS_MODULE_OPERATION_CNF:
        at = h.entry + OUI_LENGTH
        need(frame, at + _REFUSAL)
        status, error = struct.unpack_from("<HH", frame, at)
        if len(frame) < at + _CNF_HEAD.size or status and frame[at + _REFUSAL] == 0:
            if status == 0:
                raise WireError("success without operation data")
            return cls(h.dst, h.src, status, None, error=error)
        _, _, _, number, operation, length, _ = _CNF_HEAD.unpack_from(frame, at)
        if status:
            return cls(h.dst, h.src, status, operation, error=error)
        data = _operation_data(frame, at + _CNF_HEAD.size, number, length)
        out = cls(h.dst, h.src, status, operation, error=error)
        if operation in (OP_READ_RAM, OP_READ_FLASH):
            need(data, _READ.size)
            module_id, sub_id, size, offset = _READ.unpack_from(data)
            need(data, _READ.size + _block(size))
            out.module = ModuleData(offset, data[_READ.size:_READ.size + size], module_id, sub_id)
        elif operation in (OP_START, OP_WRITE, OP_COMMIT):
            if len(data) >= 4:
                out.session = int.from_bytes(data[0:4], "little")
            if operation == OP_WRITE and len(data) >= _WRITE.size:
                out.offset = _WRITE.unpack_from(data)[5]
        else:
            raise WireError(f"unknown module operation 0x{operation:02X}")
        return out

    def emit(self) -> bytes:
        data = b""
        if self.module is not None:
            m = self.module
            data = _READ.pack(m.module_id, m.sub_id, len(m.octets), m.offset) + m.octets
        elif self.offset is not None:
            data = _WRITE.pack(self.session or 0, 0, PIB, 0, 0, self.offset)
        elif self.session is not None:
            data = struct.pack("<I", self.session)
        head = _CNF_HEAD.pack(self.status, self.error, 0, 0 if self.operation is None else 1, self.operation or 0, len(data) + _COUNTED, 0)
        return emit_frame(self.dst, self.src, 0, self.MMTYPE, OUI_QUALCOMM + head + data)


MODULE_MESSAGES = (VS_MODULE_OPERATION_REQ, VS_MODULE_OPERATION_CNF)
