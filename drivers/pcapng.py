"""Makes the octets of a pcapng file, block by block: frames with comments and direction, CAN frames, custom blocks, journal entries.

Source: draft-ietf-opsawg-pcapng ("PCAP Now Generic (pcapng) Capture File Format"), block types and options by its numbers; the link types are those of
tcpdump.org. Everything is little-endian and pure: who writes them, when and where, is his affair. A file is a section header, the descriptions of its
interfaces in the order of their numbers (0, 1 ...), and then any mixture of the other blocks. `drivers/capture_file.py` reads it, as Wireshark does.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from struct import Struct

from drivers.capture_file import LINK_ETHERNET, MAX_FRAME

LINK_SOCKETCAN = 227                     # LINKTYPE_CAN_SOCKETCAN: see can_frame()
INBOUND, OUTBOUND = 1, 2                 # direction of a packet (epb_flags, bits 0 and 1); 0: not known
MAX_COMMENT = 16 * 1024                  # octets of UTF-8 in one comment; an option could hold 65535
MAX_COMMENTS = 16                        # of one packet
MAX_TEXT = 1024                          # octets of a name or a description
MAX_CUSTOM = 16 * 1024 * 1024            # octets in one custom block: what Wireshark takes as a whole block (MAX_BLOCK_SIZE)
MAX_ENTRY = 64 * 1024                    # octets of one journal entry
MIN_ENTRY = 23                           # Wireshark refuses a file with a shorter journal entry ("__REALTIME_TIMESTAMP=0\n")

_SECTION_HEADER = 0x0A0D0D0A
_INTERFACE = 0x00000001
_ENHANCED_PACKET = 0x00000006
_JOURNAL = 0x00000009
_CUSTOM_COPY = 0x00000BAD                # a program that does not know it may copy it into a new file
_CUSTOM_NO_COPY = 0x40000BAD             # and this one only into a file that is otherwise unchanged
_BYTE_ORDER = 0x1A2B3C4D
_END = bytes(4)                          # opt_endofopt
_COMMENT = 1                             # opt_comment, in any block
_HARDWARE, _SYSTEM, _APPLICATION = 2, 3, 4
_NAME, _DESCRIPTION, _RESOLUTION = 2, 3, 9
_FLAGS = 2
_NANOSECONDS = b"\x09"                   # if_tsresol: 10 to the power of minus nine
_WORD = Struct("<I")
_HEAD = Struct("<II")
_OPTION = Struct("<HH")
_PACKET = Struct("<IIIII")
_CAN = Struct(">IBBBB")
_EXTENDED, _REMOTE = 0x80000000, 0x40000000


def section_header(*, hardware: str = "", system: str = "", application: str = "", comment: str = "") -> bytes:
    """What a file begins with. Its length is left open, so that the file may grow."""
    options = _texts((_COMMENT, comment), (_HARDWARE, hardware), (_SYSTEM, system), (_APPLICATION, application))
    return _block(_SECTION_HEADER, Struct("<IHHq").pack(_BYTE_ORDER, 1, 0, -1) + options)


def interface_description(link: int = LINK_ETHERNET, *, name: str = "", description: str = "", snapshot: int = MAX_FRAME) -> bytes:
    """The next interface of the section; times of its packets are in ns. `snapshot`: octets that are kept of a frame at most."""
    options = _texts((_NAME, name), (_DESCRIPTION, description)) or _END
    return _block(_INTERFACE, Struct("<HHI").pack(link, 0, snapshot) + _option(_RESOLUTION, _NANOSECONDS) + options)


def enhanced_packet(at: int, frame: bytes, *, interface: int = 0, direction: int = 0, comments: Iterable[str] = (), original: int | None = None) -> bytes:
    """One frame without FCS that came or went at `at` ns since 1970.

    `direction`: INBOUND, OUTBOUND or 0. `original`: octets on the wire, where some are missing. What exceeds MAX_FRAME octets, MAX_COMMENT octets of a
    comment, or MAX_COMMENTS comments is cut. ValueError: a time that pcapng cannot express.
    """
    if not 0 <= at < 1 << 64:
        raise ValueError(f"pcapng cannot express the time {at} ns")
    data = frame[:MAX_FRAME]
    head = _PACKET.pack(interface, at >> 32, at & 0xFFFFFFFF, len(data), max(len(frame), original or 0))
    options = [comment_option(comment) for comment in islice(filter(None, comments), MAX_COMMENTS)]
    if direction:
        options.append(_option(_FLAGS, _WORD.pack(direction & 3)))
    if options:
        options.append(_END)
    return _block(_ENHANCED_PACKET, head + _padded(data) + b"".join(options))


def comment_option(text: str, order: str = "<") -> bytes:
    """A comment for the options of a block that somebody else has made; `order` of its section: < or >."""
    value = _text(text, MAX_COMMENT)
    return Struct(order + "HH").pack(_COMMENT, len(value)) + _padded(value)


def custom_block(enterprise: int, data: bytes, *, copy: bool = True) -> bytes:
    """Data of our own kind. `enterprise`: Private Enterprise Number (IANA). `copy`: a program that changes the file may take it along.

    The format keeps no length of `data`: a reader gets it with up to three NUL octets behind it. ValueError: more than MAX_CUSTOM octets.
    Wireshark gives such a block a frame number of its own.
    """
    if len(data) > MAX_CUSTOM:
        raise ValueError(f"a custom block of {len(data)} octets, the limit is {MAX_CUSTOM}")
    return _block(_CUSTOM_COPY if copy else _CUSTOM_NO_COPY, _WORD.pack(enterprise) + _padded(data))


def journal_block(fields: Mapping[str, str]) -> bytes:
    """One entry of a journal, as systemd exports it; Wireshark shows it as a line between the frames.

    `fields`: names as systemd has them (capital letters, digits, underscores) and their texts, for example __REALTIME_TIMESTAMP (microseconds since 1970:
    its place in time), MESSAGE, PRIORITY (0 to 7), SYSLOG_IDENTIFIER. What exceeds MAX_ENTRY octets is left out, field by field. ValueError: a name that
    is none, or an entry too short to be read (MIN_ENTRY).
    """
    entry = b""
    for name, value in fields.items():
        if not name or not all(c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_" for c in name):
            raise ValueError(f"{name!r} is no name of a journal's field: capital letters, digits and underscores")
        octets = value.encode("utf-8", "replace")
        if b"\n" in octets or b"\0" in octets:               # the binary form of the export format: length, then whatever it is
            field = name.encode() + b"\n" + Struct("<Q").pack(len(octets)) + octets + b"\n"
        else:
            field = name.encode() + b"=" + octets + b"\n"
        if len(entry) + len(field) <= MAX_ENTRY:
            entry += field
    if len(entry) < MIN_ENTRY:
        raise ValueError(f"a journal entry of {len(entry)} octets: at least {MIN_ENTRY} are expected (Wireshark refuses the file), give it its time and a message")
    return _block(_JOURNAL, _padded(entry))


def can_frame(identifier: int, data: bytes, *, extended: bool = False, remote: bool = False) -> bytes:
    """A CAN frame as LINK_SOCKETCAN wants it: identifier and flags (big-endian), length, three NUL octets, up to 8 octets of data."""
    if not 0 <= identifier <= (0x1FFFFFFF if extended else 0x7FF) or len(data) > 8:
        raise ValueError(f"no CAN frame: identifier {identifier:X}, {len(data)} octets of data")
    return _CAN.pack(identifier | extended * _EXTENDED | remote * _REMOTE, len(data), 0, 0, 0) + data


def _block(kind: int, body: bytes) -> bytes:
    """Its length stands before and after it; `body` is a multiple of four octets long."""
    total = len(body) + 12
    return _HEAD.pack(kind, total) + body + _WORD.pack(total)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _option(code: int, value: bytes) -> bytes:
    return _OPTION.pack(code, len(value)) + _padded(value)


def _texts(*options: tuple[int, str]) -> bytes:
    made = b"".join(_option(code, _text(text, MAX_TEXT)) for code, text in options if text)
    return made + _END if made else b""


def _text(text: str, limit: int) -> bytes:
    """UTF-8 of at most `limit` octets, cut between two characters; a NUL would end it for some readers."""
    octets = text.replace("\0", " ").encode("utf-8", "replace")
    if len(octets) <= limit:
        return octets
    return octets[:limit - 3].decode("utf-8", "ignore").encode() + "…".encode()
