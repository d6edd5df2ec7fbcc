"""Octets of the standard messages (CM_...) between the host and its own modem: keys and amplitude map.

Layouts: slac-and-network sheet, sections 1.5 and 1.6, offsets from the first octet of the Ethernet frame.
"""
from __future__ import annotations

import struct
from typing import ClassVar

from kernel.record import dataclass
from tasks.errors import WireError
from tasks.homeplug.wire_header import Header, emit_frame, need

KEY_TYPE_NMK = 1
PID_HLE = 4                            # protocol id "provision by higher layer"
RESULTS_ANSWERED = (0, 1)              # QCA says 1 when it accepted the key, Lumissil says 0: both mean "answered" (1.5)


@dataclass(slots=True)
class CM_SET_KEY_REQ:
    """Host -> own modem: use this network (nid, 7 octets) and membership key (nmk, 16 octets)."""

    MMTYPE: ClassVar[int] = 0x6008
    dst: bytes
    src: bytes
    nid: bytes
    nmk: bytes
    my_nonce: bytes = bytes(4)
    your_nonce: bytes = bytes(4)

    @classmethod
    def read(cls, frame: bytes, h: Header) -> CM_SET_KEY_REQ:
        need(frame, 57)
        if frame[19] != KEY_TYPE_NMK:
            raise WireError("key type is not NMK")
        return cls(h.dst, h.src, frame[33:40], frame[41:57], frame[20:24], frame[24:28])

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 1, self.MMTYPE, bytes((KEY_TYPE_NMK,)) + self.my_nonce + self.your_nonce
                          + bytes((PID_HLE, 0, 0, 0, 0)) + self.nid + b"\1" + self.nmk)


@dataclass(slots=True)
class CM_SET_KEY_CNF:
    """Modem -> host. `result`: see RESULTS_ANSWERED; `your_nonce` echoes the request's nonce."""

    MMTYPE: ClassVar[int] = 0x6009
    dst: bytes
    src: bytes
    result: int
    my_nonce: bytes = bytes(4)
    your_nonce: bytes = bytes(4)

    @classmethod
    def read(cls, frame: bytes, h: Header) -> CM_SET_KEY_CNF:
        need(frame, 28)
        return cls(h.dst, h.src, frame[19], frame[20:24], frame[24:28])

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 1, self.MMTYPE, bytes((self.result,)) + self.my_nonce + self.your_nonce
                          + bytes((PID_HLE, 0, 0, 0xFF, 0)))


@dataclass(slots=True)
class CM_GET_KEY_REQ:
    """Which key has network `nid`? The answer tells the modem's present NID even when it refuses the key."""

    MMTYPE: ClassVar[int] = 0x600C
    dst: bytes
    src: bytes
    nid: bytes
    my_nonce: bytes = bytes(4)

    @classmethod
    def read(cls, frame: bytes, h: Header) -> CM_GET_KEY_REQ:
        need(frame, 32)
        return cls(h.dst, h.src, frame[21:28], frame[28:32])

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 1, self.MMTYPE,
                          bytes((0, KEY_TYPE_NMK)) + self.nid + self.my_nonce + bytes((PID_HLE, 0, 0, 0)))


@dataclass(slots=True)
class CM_GET_KEY_CNF:
    """`result` 0: granted, this is a modem that shares the key; 1: refused, `nmk` is then empty."""

    MMTYPE: ClassVar[int] = 0x600D
    dst: bytes
    src: bytes
    result: int
    nid: bytes
    nmk: bytes = b""
    my_nonce: bytes = bytes(4)
    your_nonce: bytes = bytes(4)

    @classmethod
    def read(cls, frame: bytes, h: Header) -> CM_GET_KEY_CNF:
        granted = len(frame) > 19 and frame[19] == 0
        need(frame, 57 if granted else 36)
        return cls(h.dst, h.src, frame[19], frame[29:36], frame[41:57] if granted else b"", frame[21:25], frame[25:29])

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 1, self.MMTYPE, bytes((self.result, KEY_TYPE_NMK)) + self.my_nonce
                          + self.your_nonce + self.nid + bytes((1, PID_HLE, 0, 0, 0xFF)) + self.nmk)


@dataclass(slots=True)
class CM_AMP_MAP_REQ:
    """Amplitude of `amlen` carriers, 4 bits each, low nibble first (1.6; CVE-2024-26003 was an unchecked AMLEN)."""

    MMTYPE: ClassVar[int] = 0x601C
    dst: bytes
    src: bytes
    amlen: int
    amdata: bytes

    @classmethod
    def read(cls, frame: bytes, h: Header) -> CM_AMP_MAP_REQ:
        need(frame, 21)
        amlen = frame[19] | frame[20] << 8
        end = 21 + (amlen + 1) // 2
        need(frame, end)
        return cls(h.dst, h.src, amlen, frame[21:end])

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 1, self.MMTYPE, struct.pack("<H", self.amlen) + self.amdata)


@dataclass(slots=True)
class CM_AMP_MAP_CNF:
    """`result` 0: success, 1: failure."""

    MMTYPE: ClassVar[int] = 0x601D
    dst: bytes
    src: bytes
    result: int

    @classmethod
    def read(cls, frame: bytes, h: Header) -> CM_AMP_MAP_CNF:
        need(frame, 20)
        return cls(h.dst, h.src, frame[19])

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 1, self.MMTYPE, bytes((self.result,)))


KEY_MESSAGES = (CM_SET_KEY_REQ, CM_SET_KEY_CNF, CM_GET_KEY_REQ, CM_GET_KEY_CNF, CM_AMP_MAP_REQ, CM_AMP_MAP_CNF)
