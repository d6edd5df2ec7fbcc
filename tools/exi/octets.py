"""Finds messages in what a person has at hand: pasted hexadecimal text, lines of a log, binary files."""
from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from typing import Iterator

#: First octet of every EXI message of V2G (exi.md section 3).
EXI_HEADER = 0x80
#: V2GTP header: version 1, its inverse, u16 payload type, u32 payload length (slac-and-network sheet 5.1).
V2GTP_START = b"\x01\xfe"
V2GTP_OCTETS = 8
#: First octets of capture files (drivers/capture_file.py reads them): pcap in four variants, pcapng.
CAPTURE_MAGIC = (b"\xa1\xb2\xc3\xd4", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x4d\x3c\xb2\xa1", b"\x0a\x0d\x0d\x0a")
#: The codec's own bound (exi_native.codec.OUTPUT_OCTETS); the largest messages known have 5 kB (exi.md 2.3).
MAX_MESSAGE_OCTETS = 65536
#: Characters of one line that are looked at: the largest message as "0x80, 0x9a, ...".
MAX_LINE = 8 * MAX_MESSAGE_OCTETS
#: A shorter run of octets in a log line is a number, not a message: the shortest message of all,
#: supportedAppProtocolRes without SchemaID, has 3 octets (exi.md section 1).
LEAST_OCTETS = 3
#: Candidates of one line, so that a line of nothing but "80 80 80" costs no more than others.
MAX_STARTS = 16
MAC_OCTETS = 6

# Pairs of digits, perhaps with 0x or \x before; no letter or digit may touch them. A prefix of the OpenV2G command line
# (field-pyplc-clara.md 1.8: DH and Dh handshake, DD DIN, D1 ISO-2) may.
_PIECE = re.compile(r"(?:(?<![0-9A-Za-z_])(?:0[xX]|D[HhD12](?=80))?|\\x)((?:[0-9A-Fa-f]{2})+)(?![0-9A-Za-z_])")
_BETWEEN = re.compile(r"[\s:,;\-]{0,4}")             # what may stand between two pieces of one run
_BYTES_LITERAL = re.compile(r"\bb('[^'\n]*'|\"[^\"\n]*\")")
# offset, then at most 16 octets, between them at most two blanks; behind more blanks, or behind 16 octets, come letters
_DUMP = re.compile(r"\s*([0-9A-Fa-f]{4,8}):?[ \t]{1,3}((?:[0-9A-Fa-f]{2} {0,2}){1,16})(?:\s|$|\|)")
_ONLY_HEX = re.compile(r"(?:[\s:,;\-]|0[xX](?=[0-9A-Fa-f])|[0-9A-Fa-f])*")


class NotOctets(ValueError):
    """A text that cannot be read as octets; the sentence says why."""


@dataclass(slots=True)
class Found:
    """One message as found: `kind` is the V2GTP payload type (None without header), `where` says in which line.

    `schema` is what the input itself says ("" when it says nothing); `starts` are further places where the message could
    begin in the same text; `loose`: it stands among other text, and may be something else that begins with 80.
    """

    octets: bytes
    kind: int | None = None
    where: str = ""
    note: str = ""
    schema: str = ""
    starts: tuple[bytes, ...] = ()
    loose: bool = False


def pasted(text: str) -> list[Found]:
    """Messages in hexadecimal text that somebody pasted; unlike a log line it need not begin with 0x80. Raises NotOctets."""
    literal = _literal(text)
    if literal is not None:
        return binary(literal)
    if not text.strip():
        raise NotOctets("nothing was given")
    found = in_line(text)
    if _ONLY_HEX.fullmatch(text):
        digits = re.sub(r"0[xX](?=[0-9A-Fa-f])|[\s:,;\-]", "", text)
        if len(digits) % 2:
            raise NotOctets(f"{len(digits)} hexadecimal digits make no whole octets: one digit is missing or one too many")
        octets = bytes.fromhex(digits)
        if begins(octets) or not found:
            return binary(octets)
        found[0].note = found[0].note or f"{len(octets) - len(found[0].octets)} octets before it were passed over"
    if not found:
        raise NotOctets("no hexadecimal octets in it")
    return found


def binary(data: bytes) -> list[Found]:
    """Messages in octets: one after another with V2GTP headers, or one without."""
    if not data.startswith(V2GTP_START) or len(data) < V2GTP_OCTETS:
        return [Found(data)] if data else []
    found: list[Found] = []
    at = 0
    while data.startswith(V2GTP_START, at) and len(data) - at >= V2GTP_OCTETS:
        found.append(_framed(data, at))
        at += V2GTP_OCTETS + int.from_bytes(data[at + 4:at + 8], "big")
    if at < len(data):
        found[-1].note = f"{len(data) - at} octets after the message are no V2GTP header: {data[at:at + 8].hex()}"
    return found


def in_line(line: str) -> list[Found]:
    """Messages in one line of a log; empty when nothing in it looks like one."""
    told = _told(line)
    if told is not None:
        return told
    literal = _literal(line)
    if literal is not None:
        return binary(literal) if begins(literal) else []
    found: list[Found] = []
    loose = _ONLY_HEX.fullmatch(line) is None
    for pieces in _runs(line):
        found += _in_run(pieces, loose)
    return found


def continues(line: str) -> bool:
    """True for a line of nothing but octets that begins no message itself: the rest of a message that was wrapped."""
    if not only_octets(line):
        return False
    first = re.sub(r"0[xX](?=[0-9A-Fa-f])|[\s:,;\-]", "", line[:MAX_LINE])[:4].lower()
    return not first.startswith("80") and first != V2GTP_START.hex()


def only_octets(line: str) -> bool:
    """True for a line with nothing but octets in it."""
    return bool(line.strip()) and _ONLY_HEX.fullmatch(line) is not None


def dumped(line: str, expected: int) -> bytes | None:
    """The octets of one line of a hex dump (xxd, hexdump -C, Wireshark) whose offset is `expected`; None for other lines."""
    match = _DUMP.match(line)
    if match is None or int(match[1], 16) != expected:
        return None
    return bytes.fromhex(match[2])


def begins(head: bytes) -> bool:
    """True for octets that begin like a message. A file that does holds no text: 0x80 and 0xFE cannot stand there in UTF-8."""
    return head[:1] == bytes((EXI_HEADER,)) or head.startswith(V2GTP_START)


def _told(line: str) -> list[Found] | None:
    """A JSON object with the member "hex", and perhaps "schema"; None when the line is something else."""
    if not line.lstrip().startswith("{") or '"hex"' not in line:
        return None
    try:
        entry = json.loads(line)
        octets = bytes.fromhex(entry["hex"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    schema = entry.get("schema")
    found = binary(octets)
    for one in found:
        one.schema = schema if isinstance(schema, str) else ""
    return found


def _literal(text: str) -> bytes | None:
    """The octets of a Python literal such as b'\\x80@\\x00@' in the text; None when there is none."""
    match = _BYTES_LITERAL.search(text)
    if match is None or "\\x" not in match[0]:
        return None
    try:
        value = ast.literal_eval(match[0])
    except (SyntaxError, ValueError):
        return None
    return value if isinstance(value, bytes) else None


def _runs(line: str) -> Iterator[list[tuple[str, str]]]:
    """Runs of octets; a piece is (digits, what stands before it)."""
    run: list[tuple[str, str]] = []
    end = 0
    for piece in _PIECE.finditer(line):
        between = line[end:piece.start()]
        if run and not _BETWEEN.fullmatch(between):
            yield run
            run = []
        run.append((piece[1], between if run else ""))
        end = piece.end()
    if run:
        yield run


def _in_run(pieces: list[tuple[str, str]], loose: bool) -> list[Found]:
    """Messages with V2GTP headers wherever they begin; without header, what begins with 0x80 at the start of a piece."""
    data = bytes.fromhex("".join(digits for digits, _ in pieces))
    at = _header(data, 0)
    if at >= 0:
        found: list[Found] = []
        while at >= 0:
            found.append(_framed(data, at))
            at = _header(data, at + V2GTP_OCTETS + int.from_bytes(data[at + 4:at + 8], "big"))
        return found
    if len(data) == MAC_OCTETS and all(len(digits) == 2 for digits, _ in pieces) and pieces[1][1] in (":", "-"):
        return []                                    # a MAC address
    starts: list[bytes] = []
    offset = 0
    for digits, _ in pieces:
        if digits.startswith("80") and len(data) - offset >= LEAST_OCTETS and len(starts) < MAX_STARTS:
            starts.append(data[offset:])
        offset += len(digits) // 2
    return [Found(starts[0], starts=tuple(starts[1:]), loose=loose or len(starts[0]) < len(data))] if starts else []


def _header(data: bytes, start: int) -> int:
    """Where the next V2GTP header begins, -1 when there is none: payload types 0x8001 .. 0x9001, a length that can be."""
    at = data.find(V2GTP_START, start)
    while at >= 0:
        if len(data) - at > V2GTP_OCTETS and data[at + 2] in (0x80, 0x81, 0x90) and data[at + 4:at + 5] == b"\0":
            return at
        at = data.find(V2GTP_START, at + 1)
    return -1


def _framed(data: bytes, at: int) -> Found:
    """The message behind the header at `at`."""
    kind, length = int.from_bytes(data[at + 2:at + 4], "big"), int.from_bytes(data[at + 4:at + 8], "big")
    octets = data[at + V2GTP_OCTETS:at + V2GTP_OCTETS + length]
    note = "" if len(octets) == length else f"cut off: the V2GTP header announces {length} octets, {len(octets)} are there"
    return Found(octets, kind, note=note)
