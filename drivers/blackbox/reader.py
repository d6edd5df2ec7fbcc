"""Reads a black box file, whole or cut off anywhere, from anybody: bounded, never more than a sentence about what is wrong with it."""
from __future__ import annotations

import hashlib
import json
import zlib
from collections import deque
from dataclasses import field
from pathlib import Path
from struct import Struct, error as StructError
from typing import Any, Iterator, NamedTuple

from drivers.blackbox import layout, notes as n
from drivers.blackbox.devices import CODED
from drivers.blackbox.tape import IN
from kernel.record import dataclass

MAX_FILE = 1 << 30           # octets
MAX_BLOCK = 16 << 20         # as Wireshark
MAX_PLAIN = 8 << 20          # octets of one block when unpacked: a second has some 10 KiB, a state 300; as JSON in memory up to twenty times as much
MAX_RATIO = 60               # all blocks when unpacked, as a multiple of the file: a quiet box shrinks to a twentieth
MAX_NOTES = 20_000_000       # of one file: days
MAX_FRAME = 256 << 10        # octets of one packet
MAX_FIELD = 1 << 20          # octets of one journal entry
MAX_FIELDS = 64              # of one journal entry
MAX_OPTIONS = 64             # of one block that are looked at
MAX_INTERFACES = 64          # of a file
MAX_NS = 1 << 62             # a time: 146 years
MAX_BITS = 4096              # drawn at once
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


class Mark(NamedTuple):
    """A seal: its place in octets, whether it fits, and how many notes, packets and entries stand before it; `at`: ns of the last visit before it."""

    place: int
    fits: bool
    notes: int
    packets: int
    entries: int
    at: int


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
    marks: list[Mark] = field(default_factory=list)
    unpacked: int = 0                                            # octets of all blocks of ours when unpacked

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
    place = sealed_to = counted = at = 0
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
                    fits = data[place:place + length] == layout.own_block(layout.SEAL, chain.digest(), compress=False)
                    if not fits:
                        box.broken_seals.append(place)
                    for number in range(counted, len(box.notes)):
                        if box.notes[number][0] == n.VISIT:
                            at += box.notes[number][1]
                    counted = len(box.notes)
                    box.marks.append(Mark(place, fits, counted, len(box.packets), len(box.entries), at + box.head.get("tape_from_ns", 0)))
                    sealed_to = place + length
                    chain = hashlib.blake2b(own[2] + data[place:sealed_to], digest_size=layout.HASH_OCTETS)
                elif own[0] == layout.GAP:
                    after = _take_gap(box, json.loads(_unpacked(own[1], own[2])))
                    if place != sealed_to:
                        box.broken_seals.append(place)
                    sealed_to = place + length
                    chain = hashlib.blake2b(after + layout.seal_block(after), digest_size=layout.HASH_OCTETS)
                else:
                    octets = _unpacked(own[1], own[2])
                    box.unpacked += len(octets)
                    if box.unpacked > MAX_PLAIN + MAX_RATIO * len(data):
                        raise ValueError(f"blocks that are more than {MAX_RATIO} times the file when unpacked")
                    _take_own(box, own[0], json.loads(octets))
            elif kind == INTERFACE:
                if len(box.interfaces) >= MAX_INTERFACES:
                    raise ValueError(f"more than {MAX_INTERFACES} interfaces")
                box.interfaces.append(_interface_name(body))
            elif kind == PACKET:
                _take_packet(box, body)
            elif kind == JOURNAL:
                _take_entry(box, body)
            place += length
    except (ValueError, StructError, KeyError, TypeError, IndexError, AttributeError, OverflowError, RecursionError, zlib.error) as wrong:
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


def _unpacked(compressed: bool, octets: bytes) -> bytes:
    if compressed:
        unzip = zlib.decompressobj()
        octets = unzip.decompress(octets, MAX_PLAIN)
        if unzip.unconsumed_tail or not unzip.eof:
            raise ValueError(f"a block of more than {MAX_PLAIN >> 20} MiB when unpacked, or cut off")
    elif len(octets) > MAX_PLAIN:
        raise ValueError(f"a block of {len(octets) >> 20} MiB, at most {MAX_PLAIN >> 20} are read")
    return octets


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
        _check_head(value)
        if not box.head:
            box.head = value
    elif kind == layout.TAPE:
        if not isinstance(value, list) or len(box.notes) + len(value) > MAX_NOTES:
            raise ValueError("notes are a list, and not endless")
        channels, signals = box.head["channels"], len(box.head["signals"])
        for words in value:
            check_note(words, channels, signals)
        box.notes += value
    elif kind == layout.END:
        if not isinstance(value, dict):
            raise ValueError("an end that is no object")
        _check_octets(value)
        box.end = value


def _check_head(head: dict[str, Any]) -> None:
    """ValueError unless everything that a reader or a replay takes for granted is there and of its kind."""
    if not all(isinstance(head.get(name), list) for name in ("channels", "signals")) or type(head.get("epoch_ns")) is not int:
        raise ValueError("a head without channels, signals or epoch_ns")
    if not all(isinstance(name, str) for kind in ("channels", "signals", "rows", "external") for name in _of(head, kind, list, [])):
        raise ValueError("channels, signals and rows are names")
    for name in ("epoch_ns", "tape_from_ns"):
        if not 0 <= _of(head, name, int, 0) < MAX_NS:
            raise ValueError(f"{name} is {head[name]}, which is no time")
    for name, kind in (("config", dict), ("constants", dict), ("units", dict), ("mode", str), ("program", str), ("mac", str)):
        _of(head, name, kind, None)
    if "mac" in head and len(bytes.fromhex(head["mac"])) != 6:
        raise ValueError(f"a MAC address {head['mac'][:40]}")
    for words in _of(head, "heard", list, []):
        check_note(words, head["channels"], len(head["signals"]))


def _of(head: dict[str, Any], name: str, kind: type, without: Any) -> Any:
    value = head.get(name, without)
    if name in head and type(value) is not kind:
        raise ValueError(f"a head whose {name} is {str(value)[:40]!r}")
    return value


_FORMS: dict[int, tuple[type | tuple[type, ...], ...]] = {
    n.VISIT: (int,), n.HEARD: (int, object), n.DID: (int, list, object), n.SIGNAL: (int, object), n.FRAMES: (int,), n.SENT: (object,),
    n.CAN_HEARD: (int, list), n.DRAWN: (int, (int, float)), n.TOLD: (str, object), n.ONCE: (int, object), n.GAP: (str,),
    n.MESSAGE: (int, str, object),
}


def check_note(words: Any, channels: list[str], signals: int) -> None:
    """ValueError, KeyError, TypeError or IndexError unless it is a note as `notes.py` has them. `channels`: their names; `signals`: how many."""
    if not isinstance(words, list) or not words or type(words[0]) is not int or words[0] not in _FORMS:
        raise ValueError(f"no note: {str(words)[:60]}")
    kind = words[0]
    form = _FORMS[kind]
    if not len(form) + 1 <= len(words) <= len(form) + (2 if kind == n.SIGNAL else 1):
        raise ValueError(f"a note {n.NAMES[kind]} of {len(words)} words")
    for word, wanted in zip(words[1:], form):
        if not isinstance(word, wanted) or word is True or word is False and wanted is int:
            if wanted is not object:
                raise ValueError(f"a note {n.NAMES[kind]} with {str(word)[:40]!r}")
    if kind in (n.HEARD, n.DID, n.CAN_HEARD, n.ONCE) and not 0 <= words[1] < len(channels) or kind == n.SIGNAL and not 0 <= words[1] < signals:
        raise ValueError(f"a note {n.NAMES[kind]} of number {words[1]}, which has no name")
    if kind in (n.VISIT, n.FRAMES) and not 0 <= words[1] < MAX_NS or kind == n.SIGNAL and len(words) > 3 and not (type(words[3]) is int and abs(words[3]) < MAX_NS):
        raise ValueError(f"a note {n.NAMES[kind]} with {str(words[-1])[:40]}")
    if kind == n.HEARD and (code := CODED.get(channels[words[1]])) is not None:
        code[1](words[2])                                 # what a replay will make of it
    if kind == n.HEARD and channels[words[1]].endswith((".rest", ".age")) and type(words[2]) is not int:
        raise ValueError(f"{channels[words[1]]} is {str(words[2])[:40]!r}")
    if kind == n.DRAWN and (words[1] < -1 or words[1] > MAX_BITS or words[1] >= 0 and not (type(words[2]) is int and 0 <= words[2] < 1 << words[1])):
        raise ValueError(f"{words[1]} bits of randomness that are {str(words[2])[:40]}")
    for word in words[2:]:
        if type(word) in (list, dict):
            _check_octets(word)
    if kind == n.CAN_HEARD:
        for frame in words[2]:
            if not (isinstance(frame, list) and len(frame) == 4 and type(frame[0]) is int and 0 <= frame[0] < 1 << 29 and isinstance(frame[1], str)
                    and type(frame[3]) is int and abs(frame[3]) < MAX_NS and len(bytes.fromhex(frame[1])) <= 8):
                raise ValueError(f"no CAN frame: {str(frame)[:60]}")


def _check_octets(value: Any) -> None:
    """ValueError where {"x": ...} is no hexadecimal text."""
    if isinstance(value, dict):
        if value.keys() == {"x"}:
            if not isinstance(value["x"], str):
                raise ValueError(f"octets that are {str(value)[:40]}")
            bytes.fromhex(value["x"])
        else:
            for item in value.values():
                _check_octets(item)
    elif isinstance(value, list):
        for item in value:
            _check_octets(item)


def _take_packet(box: Box, body: bytes) -> None:
    interface, high, low, length, _ = _PACKET.unpack_from(body)
    if length > MAX_FRAME or length > len(body) - _PACKET.size:
        raise ValueError(f"a packet of {length} octets in a block of {len(body)}")
    direction = 0
    for code, value in _options(body, _PACKET.size + length + -length % 4):
        if code == 2 and value:
            direction = value[0] & 3
    box.packets.append(Packet((high << 32 | low) - box.head.get("epoch_ns", 0), direction, interface, body[_PACKET.size:_PACKET.size + length]))


def _take_entry(box: Box, body: bytes) -> None:
    if len(body) > MAX_FIELD:
        raise ValueError(f"a journal entry of {len(body)} octets")
    found: dict[str, str] = {}
    at, end = 0, len(body.rstrip(b"\0"))
    while at < end:
        stop = body.find(b"\n", at)
        stop = len(body) if stop < 0 else stop
        name, equals, text = body[at:stop].partition(b"=")
        at = stop + 1
        if not equals:                                    # the binary form: eight octets of length, then the text
            size = int.from_bytes(body[at:at + 8], "little")
            if size > len(body) - at - 8:
                raise ValueError(f"a journal entry with a field of {size} octets")
            text = body[at + 8:at + 8 + size]
            at += 9 + size
        if len(found) >= MAX_FIELDS:
            raise ValueError(f"a journal entry with more than {MAX_FIELDS} fields")
        found[name.decode("ascii", "replace")] = text.decode("utf-8", "replace")
    if "CCSBOX_AT" in found:
        when = int(found["CCSBOX_AT"][:20])
    else:
        when = int(found.get("__REALTIME_TIMESTAMP", "0")[:20]) * 1000 - box.head.get("epoch_ns", 0)
    box.entries.append(Entry(when, found.get("SYSLOG_IDENTIFIER", ""), found.get("CCSBOX_LEVEL", "info"), found.get("MESSAGE", ""),
                             int(found.get("CCSBOX_CHECKPOINT", "0")[:9])))


def _interface_name(body: bytes) -> str:
    return next((value.decode("utf-8", "replace") for code, value in _options(body, 8) if code == 2), "")


def _options(body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """(code, value) of those that follow the fixed part of a block, up to their end."""
    for _ in range(MAX_OPTIONS):
        if at + 4 > len(body):
            return
        code, size = int.from_bytes(body[at:at + 2], "little"), int.from_bytes(body[at + 2:at + 4], "little")
        if not code:
            return
        yield code, body[at + 4:at + 4 + size]
        at += 4 + size + -size % 4
