"""Reads a black box file, whole or cut off anywhere, from anybody: bounded, never more than a sentence about what is wrong with it."""
from __future__ import annotations

import hashlib
import json
import zlib
from collections import deque
from dataclasses import field
from pathlib import Path
from struct import Struct, error as StructError
from typing import Any, Iterator

from drivers.blackbox import layout, notes as n
from drivers.blackbox.tape import IN
from kernel.record import dataclass

MAX_FILE = 1 << 30           # octets
MAX_BLOCK = 16 << 20         # as Wireshark
MAX_PLAIN = 64 << 20         # octets of one block when unpacked
MAX_NOTES = 20_000_000       # of one file: days
MAX_FIELD = 1 << 20          # octets of one field of a journal entry
SECTION, INTERFACE, PACKET, JOURNAL, CUSTOM = 0x0A0D0D0A, 1, 6, 9, (0xBAD, 0x40000BAD)
_BLOCK = Struct("<II")
_PACKET = Struct("<IIIII")
_WORD = Struct("<I")


class NotABox(Exception):
    """This is no black box file; the sentence says what it is instead and what to do."""


@dataclass(slots=True)
class Packet:
    """A frame: `at` ns of the tape's clock, `direction` 1 in, 2 out, `interface` by its number in the file (0: the network)."""

    at: int
    direction: int
    interface: int
    octets: bytes


@dataclass(slots=True)
class Entry:
    """A journal entry: `at` ns of the tape's clock; `number`: checkpoint, 0 for others."""

    at: int
    source: str
    level: str
    text: str
    number: int = 0


@dataclass(slots=True)
class Box:
    """What a file holds. `problem`: "" or what is wrong from `sound_octets` on; everything before it is here."""

    head: dict[str, Any]
    notes: list[Any] = field(default_factory=list)
    packets: list[Packet] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    end: dict[str, Any] | None = None
    problem: str = ""
    sound_octets: int = 0
    octets: int = 0
    seals: int = 0
    broken_seals: list[int] = field(default_factory=list)        # offsets of seals that do not fit
    unsealed: int = 0                                            # octets after the last seal
    last_hash: str = ""
    given_up: int = 0                                            # octets of the middle that gave way to newer ones
    interfaces: list[str] = field(default_factory=list)

    def visits(self) -> Iterator[tuple[int, list[Any]]]:
        """(now, notes of this visit); first, at -1, what came before the first visit."""
        at, group = int(self.head.get("tape_from_ns", 0)), []
        now = -1
        for words in self.notes:
            if words[0] == n.VISIT:
                yield now, group
                at += words[1]
                now, group = at, []
            else:
                group.append(words)
        yield now, group

    def heard(self, interface: int = 0) -> deque[Packet]:
        """The frames that came in, in their order."""
        return deque(packet for packet in self.packets if packet.direction == IN and packet.interface == interface)


def read(path: str | Path) -> Box:
    """OSError, or NotABox. A damaged file gives what is before the damage."""
    path = Path(path)
    size = path.stat().st_size
    if size > MAX_FILE:
        raise NotABox(f"{path}: {size >> 20} MiB; a black box has at most {MAX_FILE >> 20}")
    return parse(path.read_bytes(), str(path))


def is_box(path: str | Path) -> bool:
    """It begins as a black box does."""
    with open(path, "rb") as file:
        return layout.MAGIC + layout.HEAD in file.read(65536)


def parse(data: bytes, name: str = "the file") -> Box:
    """As `read`, of octets."""
    box = Box({})
    box.octets = len(data)
    chain = hashlib.blake2b(bytes(layout.HASH_OCTETS), digest_size=layout.HASH_OCTETS)
    place = sealed_to = 0
    try:
        if data[:4] != _WORD.pack(SECTION):
            raise NotABox(f"{name} is no black box file: it begins with {data[:4].hex() or 'nothing'}, a capture (pcapng) with 0a0d0d0a. "
                          "Other captures: python -m tools.decode")
        while place < len(data):
            kind, body, length = _block(data, place)
            if kind in CUSTOM and _WORD.unpack_from(body)[0] == layout.ENTERPRISE and (own := layout.own_content(body[4:])) is not None:
                if own[0] == layout.SEAL:
                    chain.update(data[sealed_to:place])
                    box.last_hash = chain.hexdigest()
                    box.seals += 1
                    if own[2] != chain.digest():
                        box.broken_seals.append(place)
                    sealed_to = place + length
                    chain = hashlib.blake2b(own[2] + data[place:sealed_to], digest_size=layout.HASH_OCTETS)
                elif own[0] == layout.GAP:
                    after = _take_gap(box, _unpacked(own[1], own[2]))
                    if place != sealed_to:
                        box.broken_seals.append(place)
                    sealed_to = place + length
                    chain = hashlib.blake2b(after + layout.seal_block(after), digest_size=layout.HASH_OCTETS)
                else:
                    _take_own(box, own[0], _unpacked(own[1], own[2]))
            elif kind == INTERFACE:
                box.interfaces.append(_interface_name(body))
            elif kind == PACKET:
                _take_packet(box, body)
            elif kind == JOURNAL:
                _take_entry(box, body)
            place += length
    except (ValueError, StructError, KeyError, TypeError, RecursionError, zlib.error) as wrong:
        box.problem = f"damaged at octet {place} of {len(data)}: {wrong or type(wrong).__name__}"
    box.sound_octets = place
    box.unsealed = place - sealed_to
    if not box.head:
        raise NotABox(f"{name} has no beginning of a black box ({box.problem or 'a capture of another program: python -m tools.decode reads it'})")
    return box


def _block(data: bytes, place: int) -> tuple[int, bytes, int]:
    if place + 12 > len(data):
        raise ValueError(f"cut off within a block's head ({len(data) - place} octets are left)")
    kind, length = _BLOCK.unpack_from(data, place)
    if length < 12 or length % 4 or length > MAX_BLOCK:
        raise ValueError(f"a block of {length} octets")
    if place + length > len(data):
        raise ValueError(f"cut off within a block of {length} octets, {len(data) - place} are there")
    if _WORD.unpack_from(data, place + length - 4)[0] != length:
        raise ValueError("the two lengths of a block differ")
    return kind, data[place + 8:place + length - 4], length


def _unpacked(compressed: bool, octets: bytes) -> Any:
    if compressed:
        unzip = zlib.decompressobj()
        octets = unzip.decompress(octets, MAX_PLAIN)
        if unzip.unconsumed_tail or not unzip.eof:
            raise ValueError(f"a block of more than {MAX_PLAIN >> 20} MiB when unpacked, or cut off")
    return json.loads(octets)


def _take_gap(box: Box, value: Any) -> bytes:
    """The hash after which the chain goes on."""
    octets, after = value["octets"], bytes.fromhex(value["after"])
    if not isinstance(octets, int) or len(after) != layout.HASH_OCTETS:
        raise ValueError("a gap without its hash")
    box.given_up = octets
    box.notes.append([n.GAP, f"{octets} octets of the middle were given up, the file was full"])
    return after


def _take_own(box: Box, kind: bytes, value: Any) -> None:
    if kind == layout.HEAD:
        if not isinstance(value, dict) or value.get("format") != layout.FORMAT:
            raise ValueError(f"a black box of format {value.get('format') if isinstance(value, dict) else value!r}; this program reads {layout.FORMAT}")
        if not isinstance(value.get("epoch_ns"), int) or not all(isinstance(value.get(name), list) for name in ("channels", "signals")):
            raise ValueError("a head without channels, signals or epoch_ns")
        if not all(isinstance(name, str) for name in value["channels"] + value["signals"]):
            raise ValueError("channels and signals are names")
        if not box.head:
            box.head = value
    elif kind == layout.TAPE:
        if not isinstance(value, list) or len(box.notes) + len(value) > MAX_NOTES:
            raise ValueError("notes are a list, and not endless")
        channels, signals = len(box.head["channels"]), len(box.head["signals"])
        for words in value:
            check_note(words, channels, signals)
        box.notes += value
    elif kind == layout.END:
        if not isinstance(value, dict):
            raise ValueError("an end that is no object")
        box.end = value


_FORMS: dict[int, tuple[type | tuple[type, ...], ...]] = {
    n.VISIT: (int,), n.HEARD: (int, object), n.DID: (int, list, object), n.SIGNAL: (int, object), n.FRAMES: (int,), n.SENT: (object,),
    n.CAN_HEARD: (int, list), n.DRAWN: (int, (int, float)), n.TOLD: (str, object), n.ONCE: (int, object), n.GAP: (str,),
}


def check_note(words: Any, channels: int, signals: int) -> None:
    """ValueError unless it is a note as `notes.py` has them."""
    if not isinstance(words, list) or not words or not isinstance(words[0], int) or words[0] not in _FORMS:
        raise ValueError(f"no note: {str(words)[:60]}")
    form = _FORMS[words[0]]
    if not len(form) + 1 <= len(words) <= len(form) + (2 if words[0] == n.SIGNAL else 1):
        raise ValueError(f"a note {n.NAMES[words[0]]} of {len(words)} words")
    for word, kind in zip(words[1:], form):
        if not isinstance(word, kind):
            raise ValueError(f"a note {n.NAMES[words[0]]} with {str(word)[:40]!r}")
    if words[0] in (n.HEARD, n.DID, n.CAN_HEARD, n.ONCE) and not 0 <= words[1] < channels or words[0] == n.SIGNAL and not 0 <= words[1] < signals:
        raise ValueError(f"a note {n.NAMES[words[0]]} of number {words[1]}, which has no name")
    if words[0] == n.VISIT and words[1] < 0:
        raise ValueError("a visit before the one before it")
    if words[0] == n.CAN_HEARD:
        for frame in words[2]:
            if not (isinstance(frame, list) and len(frame) == 4 and isinstance(frame[0], int) and isinstance(frame[1], str) and isinstance(frame[3], int)
                    and len(bytes.fromhex(frame[1])) <= 8):
                raise ValueError(f"no CAN frame: {str(frame)[:60]}")


def _take_packet(box: Box, body: bytes) -> None:
    interface, high, low, length, _ = _PACKET.unpack_from(body)
    if length > len(body) - _PACKET.size:
        raise ValueError(f"a packet of {length} octets in a block with room for {len(body) - _PACKET.size}")
    options, direction = body[_PACKET.size + length + -length % 4:], 0
    while len(options) >= 4:
        code, size = int.from_bytes(options[:2], "little"), int.from_bytes(options[2:4], "little")
        if code == 2 and size == 4:
            direction = options[4] & 3
        options = options[4 + size + -size % 4:] if code else b""
    box.packets.append(Packet((high << 32 | low) - box.head.get("epoch_ns", 0), direction, interface, body[_PACKET.size:_PACKET.size + length]))


def _take_entry(box: Box, body: bytes) -> None:
    found: dict[str, str] = {}
    rest = body
    while rest.strip(b"\0"):
        line, _, rest = rest.partition(b"\n")
        name, equals, text = line.partition(b"=")
        if not equals:                                    # the binary form: eight octets of length, then the text
            size = int.from_bytes(rest[:8], "little")
            if size > min(MAX_FIELD, len(rest) - 8):
                raise ValueError(f"a journal entry with a field of {size} octets")
            text, rest = rest[8:8 + size], rest[9 + size:]
        found[name.decode("ascii", "replace")] = text.decode("utf-8", "replace")
    at = int(found["CCSBOX_AT"]) if "CCSBOX_AT" in found else int(found.get("__REALTIME_TIMESTAMP", "0")) * 1000 - box.head.get("epoch_ns", 0)
    box.entries.append(Entry(at, found.get("SYSLOG_IDENTIFIER", ""), found.get("CCSBOX_LEVEL", "info"), found.get("MESSAGE", ""), int(found.get("CCSBOX_CHECKPOINT", "0"))))


def _interface_name(body: bytes) -> str:
    options = body[8:]
    while len(options) >= 4:
        code, size = int.from_bytes(options[:2], "little"), int.from_bytes(options[2:4], "little")
        if code == 2:
            return options[4:4 + size].decode("utf-8", "replace")
        options = options[4 + size + -size % 4:] if code else b""
    return ""
