"""The PIB: the parameter block that makes a Qualcomm modem the modem of a car or of a charger. Parse, judge, edit, compare.

Layout: slac-and-network sheet, section 1.8, verified there and in tests/homeplug/test_pib.py against PIBs in captures. An
image is two parts, each behind a header of 96 octets: the manifest, then the parameters. Part and header have a
checksum each, the one's complement of the XOR of their 32-bit little endian words. Only two sizes are known; anything else is refused rather
than guessed, because a wrong octet in the flash can cost the modem.
"""
from __future__ import annotations

import struct
from functools import reduce
from operator import xor
from typing import NamedTuple

from kernel.record import dataclass

HEADER = 0x60
MANIFEST_BODY = 0x300
PIB_HEADER = HEADER + MANIFEST_BODY              # 0x360
BODY = PIB_HEADER + HEADER                       # 0x3C0: offsets of fields count from here
LENGTH_AT, CHECKSUM_AT, NEXT_AT, TYPE_AT, HEADER_CHECKSUM_AT = 0x10, 0x14, 0x1C, 0x24, 0x5C
TYPE_MANIFEST, TYPE_PIB = 0x0E, 0x0F
VERSION = b"\1\0\1\0"                            # major 1, minor 1
NO_NEXT = 0xFFFFFFFF
BOOT_LOADER_MAC = bytes.fromhex("00b052000003")  # of a modem without PIB (1.2)
PEV, EVSE = "pev", "evse"
ROLE_BYTE = {PEV: 1, EVSE: 2}                    # CCoSelection: never, always coordinator; SLAC mode: PEV, EVSE
KNOWN_ROLE_BYTES = (0, 1, 2)                     # 0: left to the modem, as in one bought for the living room


class PibError(Exception):
    """This image must not be used: what is wrong, and what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem} {remedy}")
        self.problem = problem
        self.remedy = remedy


class Field(NamedTuple):
    """`at`: offset in the body. Kinds: mac, hex, text (zero terminated ASCII), byte, u32."""

    name: str
    at: int
    length: int
    kind: str
    secret: bool = False


MAC = Field("MAC", 0x0C, 6, "mac")
DAK = Field("DAK", 0x12, 16, "hex", True)
MFG_HFID = Field("manufacturer HFID", 0x24, 64, "text")
NMK = Field("NMK", 0x64, 16, "hex", True)
USER_HFID = Field("user HFID", 0x74, 64, "text")
CCO_SELECTION = Field("CCoSelection", 0xF4, 1, "byte")
NID = Field("NID", 0xF8, 7, "hex")
KEY_MARK = Field("octet behind the NID", 0xFF, 1, "byte")        # 0 became 1 with a key given by CM_SET_KEY (capture 2022-12-20)
SNIFFER = Field("sniffer", 0x102, 1, "byte")
SLAC_MODE = Field("SLAC mode", 0x1653, 1, "byte")
LOW_SPEED = Field("low link speed", 0x1C98, 4, "u32")
HIGH_SPEED = Field("high link speed", 0x1C9C, 4, "u32")
FIELDS = (MAC, DAK, MFG_HFID, NMK, USER_HFID, CCO_SELECTION, NID, KEY_MARK, SNIFFER, SLAC_MODE, LOW_SPEED, HIGH_SPEED)
KEYS = (NMK, NID, KEY_MARK)                      # CM_SET_KEY changes these in a running modem, with the checksums


class Layout(NamedTuple):
    """One of the known kinds of image."""

    name: str
    body: int

    @property
    def size(self) -> int:
        return BODY + self.body


LAYOUTS = (Layout("QCA7000/QCA7005", 0x1F90), Layout("QCA7420", 0x2284))
MAX_SIZE = max(layout.size for layout in LAYOUTS)
_SIZES = " or ".join(f"{layout.size} ({layout.name})" for layout in LAYOUTS)
_LEAVE = "Nothing was changed. This tool must not edit it; use the maker's own tool, and send us the output of `backup`."


def checksum(octets: bytes) -> int:
    """One's complement of the XOR of all 32-bit little endian words."""
    return reduce(xor, struct.unpack(f"<{len(octets) // 4}I", octets), 0xFFFFFFFF)


def layout_of(body_length: int) -> Layout:
    """The layout whose PIB header gives this length."""
    for layout in LAYOUTS:
        if layout.body == body_length:
            return layout
    raise PibError(f"The PIB would be {BODY + body_length} octets long; known are {_SIZES}.", _LEAVE)


def check_header(header: bytes, kind: int) -> int:
    """The length that a header announces; PibError when it is none or its checksum is wrong."""
    name = "manifest" if kind == TYPE_MANIFEST else "PIB"
    if header[0:4] != VERSION or _word(header, TYPE_AT) != kind:
        raise PibError(f"Where the header of the {name} should be (version 1.1, type 0x{kind:02X}) stands {header[0:4].hex()}, "
                       f"type 0x{_word(header, TYPE_AT):02X}.", _LEAVE)
    if _word(header, HEADER_CHECKSUM_AT) != checksum(header[:HEADER_CHECKSUM_AT]):
        raise PibError(f"The header of the {name} has checksum {_word(header, HEADER_CHECKSUM_AT):08x}, "
                       f"its octets give {checksum(header[:HEADER_CHECKSUM_AT]):08x}.", "It is damaged: write a backup with `restore`.")
    return _word(header, LENGTH_AT)


def total_length(start: bytes) -> int:
    """Length of the whole image, told by its first octets (at least to the end of the PIB header)."""
    if check_header(start[:HEADER], TYPE_MANIFEST) != MANIFEST_BODY or _word(start, NEXT_AT) != PIB_HEADER:
        raise PibError(f"The manifest is {_word(start, LENGTH_AT)} octets long and the next part at 0x{_word(start, NEXT_AT):x}; "
                       f"known is {MANIFEST_BODY} and 0x{PIB_HEADER:x}.", _LEAVE)
    return layout_of(check_header(start[PIB_HEADER:BODY], TYPE_PIB)).size


@dataclass(frozen=True, slots=True)
class Pib:
    """A whole and valid image. Made by `parse` and `edited` only."""

    octets: bytes
    layout: Layout

    @property
    def mac(self) -> bytes:
        return self.raw(MAC)

    @property
    def role(self) -> str | None:
        """pev or evse; None when the two role bytes do not agree or are not set."""
        return role_of(self.raw(CCO_SELECTION)[0], self.raw(SLAC_MODE)[0])

    def raw(self, field: Field) -> bytes:
        return self.octets[BODY + field.at:BODY + field.at + field.length]

    def text(self, field: Field) -> str:
        """The field as people write it."""
        return shown(field, self.raw(field))

    def edited(self, changes: dict[Field, bytes]) -> Pib:
        """A copy with these fields and right checksums. PibError when a value does not fit."""
        out = bytearray(self.octets)
        for field, value in changes.items():
            if field.kind == "text":
                value = value.ljust(field.length, b"\0")
            if len(value) != field.length:
                raise PibError(f"{field.name} of {len(value)} octets; the field has {field.length}.", "Give a shorter value.")
            out[BODY + field.at:BODY + field.at + field.length] = value
        return parse(sealed(out))

    def differences(self, new: Pib) -> list[tuple[str, str, str]]:
        """(field, old, new), secrets hidden; octets outside of the known fields as one line each."""
        found = []
        known = [False] * len(self.octets)
        for field in FIELDS:
            known[BODY + field.at:BODY + field.at + field.length] = [True] * field.length
            old, now = self.raw(field), new.raw(field)
            if old != now:
                found.append((field.name, *(("(hidden)", "(hidden, other)") if field.secret else (shown(field, old), shown(field, now)))))
        for at in (CHECKSUM_AT, HEADER_CHECKSUM_AT):
            for part in (0, PIB_HEADER):
                known[part + at:part + at + 4] = [True] * 4
        other = sum(1 for i, (a, b) in enumerate(zip(self.octets, new.octets)) if a != b and not known[i])
        if other:
            found.append(("other octets", f"{other} differ", ""))
        return found

    def same_but_keys(self, other: Pib) -> bool:
        """Equal, when what CM_SET_KEY changes while the modem runs is left aside."""
        return self.layout == other.layout and self.without_keys() == other.without_keys()

    def without_keys(self) -> bytes:
        out = bytearray(self.octets)
        for field in KEYS:
            out[BODY + field.at:BODY + field.at + field.length] = bytes(field.length)
        return sealed(out)


def role_of(cco_selection: int, slac_mode: int) -> str | None:
    for role, value in ROLE_BYTE.items():
        if cco_selection == slac_mode == value:
            return role
    return None


def shown(field: Field, value: bytes) -> str:
    if field.kind == "mac":
        return value.hex(":")
    if field.kind == "text":
        return repr(value.split(b"\0", 1)[0].decode("ascii", "replace"))
    if field.kind in ("byte", "u32"):
        return str(int.from_bytes(value, "little"))
    return value.hex()


def sealed(octets: bytes | bytearray) -> bytes:
    """The image with its four checksums made right; bodies first, the headers contain their checksums."""
    out = bytearray(octets)
    for start, length in ((0, MANIFEST_BODY), (PIB_HEADER, len(out) - BODY)):
        body = start + HEADER
        struct.pack_into("<I", out, start + CHECKSUM_AT, checksum(out[body:body + length]))
        struct.pack_into("<I", out, start + HEADER_CHECKSUM_AT, checksum(out[start:start + HEADER_CHECKSUM_AT]))
    return bytes(out)


def parse(octets: bytes) -> Pib:
    """A valid image of a known layout, or PibError."""
    layout = next((known for known in LAYOUTS if known.size == len(octets)), None)
    if layout is None:
        raise PibError(f"{len(octets)} octets are no known PIB: expected are {_SIZES}.", _LEAVE)
    if total_length(octets) != layout.size:
        raise PibError(f"The PIB header tells of {total_length(octets)} octets, there are {layout.size}.", _LEAVE)
    for name, start, length in (("manifest", 0, MANIFEST_BODY), ("PIB", PIB_HEADER, layout.body)):
        body = octets[start + HEADER:start + HEADER + length]
        if _word(octets, start + CHECKSUM_AT) != checksum(body):
            raise PibError(f"The {name} has checksum {_word(octets, start + CHECKSUM_AT):08x}, its octets give {checksum(body):08x}.",
                           "It is damaged: write a backup with `restore`.")
    pib = Pib(bytes(octets), layout)
    for field in (CCO_SELECTION, SLAC_MODE):
        if pib.raw(field)[0] not in KNOWN_ROLE_BYTES:
            raise PibError(f"{field.name} (body offset 0x{field.at:x}) is {pib.raw(field)[0]}; 0, 1 and 2 have a meaning. "
                           "The firmware seems to keep something else there.", _LEAVE)
    for field in (MFG_HFID, USER_HFID):
        text = pib.raw(field).split(b"\0", 1)[0]
        if any(not 32 <= octet < 127 for octet in text):
            raise PibError(f"{field.name} (body offset 0x{field.at:x}) is no text: {text[:16].hex()}. This is another layout.", _LEAVE)
    return pib


def configured(pib: Pib, role: str, hfid: str | None = None, mac: bytes | None = None) -> Pib:
    """What `configure` writes: both role bytes, the user HFID, the sniffer off; a MAC only when given. Nothing else."""
    text = (role.upper() if hfid is None else hfid).encode("ascii", "replace")
    if len(text) >= USER_HFID.length or any(not 32 <= octet < 127 for octet in text):
        raise PibError(f"The HFID {hfid!r} does not fit.", f"Give up to {USER_HFID.length - 1} printable ASCII characters.")
    value = bytes((ROLE_BYTE[role],))
    changes = {CCO_SELECTION: value, SLAC_MODE: value, USER_HFID: text, SNIFFER: b"\0"}
    if mac is not None:
        changes[MAC] = mac
    return pib.edited(changes)


def new_image(layout: Layout, mac: bytes, role: str | None, nmk: bytes, nid: bytes) -> bytes:
    """An image of this layout for the emulated modem: right headers and fields, everything else zero."""
    out = bytearray(layout.size)
    for start, length, kind, following in ((0, MANIFEST_BODY, TYPE_MANIFEST, PIB_HEADER), (PIB_HEADER, layout.body, TYPE_PIB, NO_NEXT)):
        out[start:start + 4] = VERSION
        struct.pack_into("<4I", out, start + 8, start + HEADER, NO_NEXT if start == 0 else 0x200000, length, 0)
        struct.pack_into("<4I", out, start + 0x18, NO_NEXT, following, NO_NEXT if start == 0 else 0, kind)
    value = bytes((ROLE_BYTE.get(role or "", 0),))
    for field, octets in {MAC: mac, MFG_HFID: b"Emulated modem", NMK: nmk, USER_HFID: (role or "").upper().encode(), CCO_SELECTION: value,
                          NID: nid, SLAC_MODE: value, LOW_SPEED: struct.pack("<I", 10240), HIGH_SPEED: struct.pack("<I", 102400)}.items():
        out[BODY + field.at:BODY + field.at + len(octets)] = octets
    return sealed(out)


def _word(octets: bytes, at: int) -> int:
    return int.from_bytes(octets[at:at + 4], "little")
