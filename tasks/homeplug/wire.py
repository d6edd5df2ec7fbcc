"""Octets of SLAC: the CM_... messages between car, charger and the charger's modem, and `parse` for all MMEs.

Class names are the standard's message names. Offsets are those of the slac-and-network sheet, section 1.4, counted from
the first octet of the Ethernet frame. MMV is 1 when we send; 1 and 2 are accepted (same layout), 0 is not.
"""
from __future__ import annotations

from typing import ClassVar

from kernel.record import dataclass
from tasks.errors import WireError
from tasks.homeplug import wire_keys, wire_link, wire_lumissil, wire_modem, wire_module, wire_old_module
from tasks.homeplug.wire_header import (BROADCAST, ETHERTYPE, MMENTRY, OUI_QUALCOMM, VENDOR_FIRST, VENDOR_LAST, Header, Unknown,
                                        emit_frame, need, read_header)

SLAC_FIRST, SLAC_LAST = 0x6064, 0x6087           # CM_SLAC_PARM to CM_ATTEN_PROFILE
MAX_GROUPS = 58                        # carrier groups of an attenuation profile, 0x3A
MVF_LENGTH_REQ = 62                    # MVFLength of CM_SLAC_MATCH.REQ, 0x3E
MVF_LENGTH_CNF = 86                    # MVFLength of CM_SLAC_MATCH.CNF, 0x56
RESP_TYPE_HLE = 0                      # results go to the host: Debian's `evse` (open-plc-utils) says so, and means the same (peers sheet)
RESP_TYPE_OTHER_GP_STATION = 1
RESP_TYPES = frozenset({RESP_TYPE_HLE, RESP_TYPE_OTHER_GP_STATION})
NO_ID = bytes(17)                      # SENDER_ID, SOURCE_ID, RESP_ID, PEV_ID, EVSE_ID: not used


def _check_application(frame: bytes, at: int) -> None:
    """APPLICATION_TYPE 0 (PEV-EVSE matching) and SECURITY_TYPE 0 (none); others are dropped (1.4)."""
    if frame[at] or frame[at + 1]:
        raise WireError("application or security type is not 0")


def _groups(frame: bytes, count: int, at: int) -> bytes:
    """`count` attenuation values in dB; 0 groups are a valid 'no data' (TP-Link, 1.4)."""
    if count > MAX_GROUPS:
        raise WireError(f"{count} groups, at most {MAX_GROUPS} exist")
    need(frame, at + count)
    return frame[at:at + count]


@dataclass(slots=True)
class CM_SLAC_PARM_REQ:
    """PEV -> broadcast: who is there? `run_id`: 8 octets chosen by the PEV, opaque to everybody else."""

    MMTYPE: ClassVar[int] = 0x6064
    dst: bytes
    src: bytes
    run_id: bytes

    @classmethod
    def read(cls, frame: bytes, h: Header) -> CM_SLAC_PARM_REQ:
        need(frame, 29)
        _check_application(frame, 19)
        return cls(h.dst, h.src, frame[21:29])

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 1, self.MMTYPE, b"\0\0" + self.run_id)


@dataclass(slots=True)
class CM_SLAC_PARM_CNF:
    """EVSE -> PEV: I am. `time_out` counts 100 ms; `forwarding_sta` is the PEV's host MAC."""

    MMTYPE: ClassVar[int] = 0x6065
    dst: bytes
    src: bytes
    run_id: bytes
    forwarding_sta: bytes
    num_sounds: int = 10
    time_out: int = 6
    resp_type: int = RESP_TYPE_OTHER_GP_STATION
    m_sound_target: bytes = BROADCAST

    @classmethod
    def read(cls, frame: bytes, h: Header) -> CM_SLAC_PARM_CNF:
        need(frame, 44)
        _check_application(frame, 34)
        return cls(h.dst, h.src, frame[36:44], frame[28:34], frame[25], frame[26], frame[27], frame[19:25])

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 1, self.MMTYPE, self.m_sound_target
                          + bytes((self.num_sounds, self.time_out, self.resp_type)) + self.forwarding_sta + b"\0\0" + self.run_id)


@dataclass(slots=True)
class CM_START_ATTEN_CHAR_IND:
    """PEV -> broadcast, three times: the sounds begin. Repeats NUM_SOUNDS and TIME_OUT of the PARM.CNF."""

    MMTYPE: ClassVar[int] = 0x606A
    dst: bytes
    src: bytes
    run_id: bytes
    forwarding_sta: bytes
    num_sounds: int = 10
    time_out: int = 6
    resp_type: int = RESP_TYPE_OTHER_GP_STATION

    @classmethod
    def read(cls, frame: bytes, h: Header) -> CM_START_ATTEN_CHAR_IND:
        need(frame, 38)
        _check_application(frame, 19)
        return cls(h.dst, h.src, frame[30:38], frame[24:30], frame[21], frame[22], frame[23])

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 1, self.MMTYPE, bytes((0, 0, self.num_sounds, self.time_out, self.resp_type))
                          + self.forwarding_sta + self.run_id)


@dataclass(slots=True)
class CM_MNBC_SOUND_IND:
    """PEV -> broadcast: one sound; `cnt` is how many are still to come."""

    MMTYPE: ClassVar[int] = 0x6076
    dst: bytes
    src: bytes
    run_id: bytes
    cnt: int
    random: bytes
    sender_id: bytes = NO_ID

    @classmethod
    def read(cls, frame: bytes, h: Header) -> CM_MNBC_SOUND_IND:
        need(frame, 47)                  # Debian's `pev` (open-plc-utils) sends 64 of the 71 octets: the random number is cut, and nobody reads it
        _check_application(frame, 19)
        return cls(h.dst, h.src, frame[39:47], frame[38], frame[55:71].ljust(16, b"\0"), frame[21:38])

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 1, self.MMTYPE,
                          b"\0\0" + self.sender_id + bytes((self.cnt,)) + self.run_id + bytes(8) + self.random)


@dataclass(slots=True)
class CM_ATTEN_PROFILE_IND:
    """EVSE modem -> EVSE host, one per sound heard: dB per carrier group. Carries no RunID; may be empty."""

    MMTYPE: ClassVar[int] = 0x6086
    dst: bytes
    src: bytes
    pev_mac: bytes
    aag: bytes

    @classmethod
    def read(cls, frame: bytes, h: Header) -> CM_ATTEN_PROFILE_IND:
        need(frame, 27)
        return cls(h.dst, h.src, frame[19:25], _groups(frame, frame[25], 27))

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 1, self.MMTYPE, self.pev_mac + bytes((len(self.aag), 0)) + self.aag)


@dataclass(slots=True)
class CM_ATTEN_CHAR_IND:
    """EVSE -> PEV: average attenuation per group in dB over `num_sounds` sounds."""

    MMTYPE: ClassVar[int] = 0x606E
    dst: bytes
    src: bytes
    run_id: bytes
    source_address: bytes
    num_sounds: int
    aag: bytes
    source_id: bytes = NO_ID
    resp_id: bytes = NO_ID

    @classmethod
    def read(cls, frame: bytes, h: Header) -> CM_ATTEN_CHAR_IND:
        need(frame, 71)
        _check_application(frame, 19)
        return cls(h.dst, h.src, frame[27:35], frame[21:27], frame[69], _groups(frame, frame[70], 71),
                   frame[35:52], frame[52:69])

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 1, self.MMTYPE, b"\0\0" + self.source_address + self.run_id + self.source_id
                          + self.resp_id + bytes((self.num_sounds, len(self.aag))) + self.aag)


@dataclass(slots=True)
class CM_ATTEN_CHAR_RSP:
    """PEV -> EVSE: heard (`result` 0) or refused (anything else)."""

    MMTYPE: ClassVar[int] = 0x606F
    dst: bytes
    src: bytes
    run_id: bytes
    source_address: bytes
    result: int = 0
    source_id: bytes = NO_ID
    resp_id: bytes = NO_ID

    @classmethod
    def read(cls, frame: bytes, h: Header) -> CM_ATTEN_CHAR_RSP:
        need(frame, 70)
        _check_application(frame, 19)
        return cls(h.dst, h.src, frame[27:35], frame[21:27], frame[69], frame[35:52], frame[52:69])

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 1, self.MMTYPE, b"\0\0" + self.source_address + self.run_id + self.source_id
                          + self.resp_id + bytes((self.result,)))


VALIDATE_NOT_READY, VALIDATE_READY, VALIDATE_SUCCESS, VALIDATE_FAILURE, VALIDATE_NOT_REQUIRED = range(5)


@dataclass(slots=True)
class CM_VALIDATE_REQ:
    """PEV -> EVSE: validation by toggling the control pilot. `timer`: window in 100 ms steps minus 1, 0 in step 1."""

    MMTYPE: ClassVar[int] = 0x6078
    dst: bytes
    src: bytes
    signal_type: int = 0
    timer: int = 0
    result: int = VALIDATE_READY

    @classmethod
    def read(cls, frame: bytes, h: Header) -> CM_VALIDATE_REQ:
        need(frame, 22)
        return cls(h.dst, h.src, frame[19], frame[20], frame[21])

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 1, self.MMTYPE, bytes((self.signal_type, self.timer, self.result)))


@dataclass(slots=True)
class CM_VALIDATE_CNF:
    """EVSE -> PEV: one of VALIDATE_..., with the number of toggles seen."""

    MMTYPE: ClassVar[int] = 0x6079
    dst: bytes
    src: bytes
    signal_type: int
    toggle_num: int
    result: int

    @classmethod
    def read(cls, frame: bytes, h: Header) -> CM_VALIDATE_CNF:
        need(frame, 22)
        return cls(h.dst, h.src, frame[19], frame[20], frame[21])

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 1, self.MMTYPE, bytes((self.signal_type, self.toggle_num, self.result)))


def _read_match(frame: bytes, length: int, mvf_length: int) -> tuple[bytes, bytes, bytes, bytes, bytes]:
    need(frame, length)
    _check_application(frame, 19)
    if frame[21] | frame[22] << 8 != mvf_length:
        raise WireError("wrong MVFLength")
    return frame[69:77], frame[40:46], frame[63:69], frame[23:40], frame[46:63]


@dataclass(slots=True)
class CM_SLAC_MATCH_REQ:
    """PEV -> EVSE: I want to match with you."""

    MMTYPE: ClassVar[int] = 0x607C
    dst: bytes
    src: bytes
    run_id: bytes
    pev_mac: bytes
    evse_mac: bytes
    pev_id: bytes = NO_ID
    evse_id: bytes = NO_ID

    @classmethod
    def read(cls, frame: bytes, h: Header) -> CM_SLAC_MATCH_REQ:
        return cls(h.dst, h.src, *_read_match(frame, 85, MVF_LENGTH_REQ))

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 1, self.MMTYPE, bytes((0, 0, MVF_LENGTH_REQ, 0)) + self.pev_id + self.pev_mac
                          + self.evse_id + self.evse_mac + self.run_id + bytes(8))


@dataclass(slots=True)
class CM_SLAC_MATCH_CNF:
    """EVSE -> PEV: here are network identifier (7 octets) and network membership key (16 octets)."""

    MMTYPE: ClassVar[int] = 0x607D
    dst: bytes
    src: bytes
    run_id: bytes
    pev_mac: bytes
    evse_mac: bytes
    nid: bytes
    nmk: bytes
    pev_id: bytes = NO_ID
    evse_id: bytes = NO_ID

    @classmethod
    def read(cls, frame: bytes, h: Header) -> CM_SLAC_MATCH_CNF:
        run_id, pev_mac, evse_mac, pev_id, evse_id = _read_match(frame, 109, MVF_LENGTH_CNF)
        return cls(h.dst, h.src, run_id, pev_mac, evse_mac, frame[85:92], frame[93:109], pev_id, evse_id)

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, 1, self.MMTYPE, bytes((0, 0, MVF_LENGTH_CNF, 0)) + self.pev_id + self.pev_mac
                          + self.evse_id + self.evse_mac + self.run_id + bytes(8) + self.nid + b"\0" + self.nmk)


SLAC_MESSAGES = (CM_SLAC_PARM_REQ, CM_SLAC_PARM_CNF, CM_START_ATTEN_CHAR_IND, CM_MNBC_SOUND_IND, CM_ATTEN_PROFILE_IND,
                 CM_ATTEN_CHAR_IND, CM_ATTEN_CHAR_RSP, CM_VALIDATE_REQ, CM_VALIDATE_CNF, CM_SLAC_MATCH_REQ,
                 CM_SLAC_MATCH_CNF)
_READERS = {cls.MMTYPE: cls.read for cls in SLAC_MESSAGES + wire_keys.KEY_MESSAGES + wire_link.STANDARD_MESSAGES}
_VENDOR_READERS = {cls.MMTYPE: cls.read for cls in (wire_modem.VENDOR_MESSAGES + wire_link.VENDOR_MESSAGES + wire_module.MODULE_MESSAGES
                                                    + wire_old_module.OLD_MODULE_MESSAGES)}


def is_slac(frame: bytes) -> bool:
    """CM_SLAC_PARM to CM_ATTEN_PROFILE, which stations outside any network send and hear; everything else only a network carries."""
    return (len(frame) >= MMENTRY and frame[12:14] == ETHERTYPE and frame[14] != 0
            and SLAC_FIRST <= (frame[15] | frame[16] << 8) <= SLAC_LAST)


def parse(frame: bytes):
    """One whole Ethernet frame as a message of this module or of another wire file of the folder, or Unknown. Raises WireError only."""
    h = read_header(frame)
    if VENDOR_FIRST <= h.mmtype <= VENDOR_LAST:
        read = _VENDOR_READERS.get(h.mmtype)
        if read is not None:
            need(frame, h.entry + wire_modem.OUI_LENGTH)
        # the attenuation report comes with OUI 00 00 00 from some QCA7005 firmware (1.1)
        if read is not None and (frame[h.entry:h.entry + 3] == OUI_QUALCOMM
                                 or h.mmtype == wire_modem.VS_ATTENUATION_CHARACTERISTICS_IND.MMTYPE):
            return read(frame, h)
        read = wire_lumissil.reader_of(frame, h)
        if read is not None:
            return read(frame, h)
    else:
        read = _READERS.get(h.mmtype)
        if read is not None:
            if h.mmv == 0:
                raise WireError("standard message in the layout of MMV 0")
            return read(frame, h)
    return Unknown(h.dst, h.src, h.mmv, h.mmtype, frame[h.entry:])
