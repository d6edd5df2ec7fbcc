"""The frame header that all HomePlug management messages (MMEs) share, and the names of their types.

Layout and numbers: slac-and-network sheet, sections 1.1 to 1.3. Offsets count from the first octet of the Ethernet
frame. MMV 0 has no fragmentation octets, so the message starts at 17 instead of 19.
"""
from __future__ import annotations

import struct

from kernel.record import dataclass
from tasks.errors import WireError

ETHERTYPE = b"\x88\xe1"
MIN_FRAME = 60                                   # Ethernet minimum without FCS; the rest is padding
BROADCAST = b"\xff" * 6
LOCAL_DEVICE = b"\x00\xb0\x52\x00\x00\x01"       # the modem on this end of the cable; never sent to the power line (1.2)
OUI_QUALCOMM = b"\x00\xb0\x52"
MMENTRY_AV10 = 17                                # MMV 0
MMENTRY = 19                                     # MMV 1 and 2
VENDOR_FIRST, VENDOR_LAST = 0xA000, 0xBFFF       # MMTYPE bits 15:13 = 0xA000: vendor messages
KINDS = ("REQ", "CNF", "IND", "RSP")             # MMTYPE bits 1:0

NAMES = {                                        # MMTYPE with bits 1:0 cleared -> name (1.3, 1.9)
    0x0010: "CC_DISCOVER_LIST", 0x6000: "CM_UNASSOCIATED_STA",
    0x6004: "CM_ENCRYPTED_PAYLOAD", 0x6008: "CM_SET_KEY", 0x600C: "CM_GET_KEY", 0x6010: "CM_SC_JOIN",
    0x601C: "CM_AMP_MAP", 0x6020: "CM_BRG_INFO", 0x6038: "CM_NW_INFO", 0x6040: "CM_HFID", 0x6044: "CM_MME_ERROR",
    0x6048: "CM_NW_STATS", 0x6064: "CM_SLAC_PARM", 0x6068: "CM_START_ATTEN_CHAR", 0x606C: "CM_ATTEN_CHAR",
    0x6070: "CM_PKCS_CERT", 0x6074: "CM_MNBC_SOUND", 0x6078: "CM_VALIDATE", 0x607C: "CM_SLAC_MATCH",
    0x6080: "CM_SLAC_USER_DATA", 0x6084: "CM_ATTEN_PROFILE",
    0xA000: "VS_SW_VER", 0xA01C: "VS_RS_DEV", 0xA020: "VS_WR_MOD", 0xA024: "VS_RD_MOD", 0xA028: "VS_MOD_NVM",
    0xA030: "VS_LNK_STATS", 0xA034: "VS_SNIFFER", 0xA038: "VS_NW_INFO", 0xA048: "VS_FR_LBK", 0xA050: "VS_SET_KEY",
    0xA060: "VS_HST_ACTION", 0xA068: "VS_OP_ATTRIBUTES", 0xA06C: "VS_ENET_SETTINGS", 0xA070: "VS_TONE_MAP_CHAR",
    0xA07C: "VS_FAC_DEFAULTS", 0xA090: "VS_RX_TONE_MAP_CHAR", 0xA0B0: "VS_MODULE_OPERATION",
    0xA0B8: "VS_PL_LINK_STATUS", 0xA0F8: "VS_GET_PROPERTY", 0xA100: "VS_SET_PROPERTY",
    0xA14C: "VS_ATTENUATION_CHARACTERISTICS",
    0xAC08: "APCM_SET_CCO", 0xAC6C: "NSCM_GET_VERSION", 0xAC70: "NSCM_RESET_DEVICE",
    0xAC98: "NSCM_GET_DEVICE_STATE", 0xAC9C: "NSCM_GET_D_LINK_STATUS", 0xACA0: "VS_HOST_MESSAGE_STATUS",
    0xACA8: "D_LINK_TERMINATE", 0xACAC: "DEVICE_INFO", 0xACB0: "GET_AMP_MAP",
}


def name_of(mmtype: int) -> str:
    """Name with its kind, for decoders and logs: 0x6065 -> `CM_SLAC_PARM.CNF`; unknown types as hex."""
    if mmtype == 0xA002:                         # Lumissil uses the IND of VS_SW_VER's number for its link report (1.9)
        return "VS_D_LINK_READY.IND"
    base = NAMES.get(mmtype & 0xFFFC)
    return f"{base}.{KINDS[mmtype & 3]}" if base else f"0x{mmtype:04X}"


@dataclass(slots=True)
class Header:
    """The parsed header; `entry` is the offset at which the message's own fields begin."""

    dst: bytes
    src: bytes
    mmv: int
    mmtype: int
    entry: int


def read_header(frame: bytes) -> Header:
    """Raises WireError for anything but an unfragmented MME of MMV 0, 1 or 2 (decoder rules 1.10)."""
    if len(frame) < MMENTRY_AV10 or frame[12:14] != ETHERTYPE:
        raise WireError("not a HomePlug frame")
    mmv = frame[14]
    mmtype = frame[15] | frame[16] << 8
    if mmv == 0:
        return Header(frame[0:6], frame[6:12], mmv, mmtype, MMENTRY_AV10)
    if mmv > 2:
        raise WireError(f"unknown MMV {mmv}")
    if len(frame) < MMENTRY:
        raise WireError("frame ends within its header")
    if frame[17]:
        raise WireError("fragmented message")
    return Header(frame[0:6], frame[6:12], mmv, mmtype, MMENTRY)


def need(frame: bytes, length: int) -> None:
    """WireError when the frame ends before `length`; the end of the last used field, not of the padding."""
    if len(frame) < length:
        raise WireError(f"{len(frame)} octets where {length} are needed")


def emit_frame(dst: bytes, src: bytes, mmv: int, mmtype: int, entry: bytes) -> bytes:
    """A whole frame around the message's fields, zero padded to the Ethernet minimum."""
    frame = dst + src + ETHERTYPE + struct.pack("<BH", mmv, mmtype) + (b"\0\0" if mmv else b"") + entry
    return frame if len(frame) >= MIN_FRAME else frame + bytes(MIN_FRAME - len(frame))


@dataclass(slots=True)
class Unknown:
    """A well-formed MME of a type that we do not speak; `data` is everything after the header, padding included."""

    dst: bytes
    src: bytes
    mmv: int
    mmtype: int
    data: bytes

    def emit(self) -> bytes:
        return emit_frame(self.dst, self.src, self.mmv, self.mmtype, self.data)
