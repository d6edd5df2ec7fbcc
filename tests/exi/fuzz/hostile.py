"""Inputs that are wrong on purpose, made from good messages of every schema: lengths, characters, sizes, wrong schema."""
from __future__ import annotations

import random
from typing import Iterator, NamedTuple

from exi_native import codec
from exi_native.codec import ExiErrorCode
from exi_native.generated import SCHEMAS, names_of
from tests.exi.fuzz.seeds import FRAGMENT_FLAG, Seed

MEGABYTE = 1 << 20
#: Announced lengths; a varint of 63 bits is the longest that the library takes (bitstream.c).
LENGTHS = (1 << 16, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 63) - 1, 1 << 63, 1 << 64, (1 << 64) + 5, 1 << 200)
NOT_CHARACTERS = (0xD800, 0xDFFF, 0x110000, 1 << 32, 1 << 64)
VALUES_PER_SCHEMA = 10
EDITS_AT_MOST = 8   # properties.h
EDIT_KINDS = 18     # properties.c, edit()


class Hostile(NamedTuple):
    """An input, what is wrong with it, and the errors that say so; empty: any error or value will do."""

    what: str
    schema: str
    flags: int
    octets: bytes
    expected: frozenset[ExiErrorCode]


def varint(value: int) -> str:
    """EXI unsigned integer (7.1.6) as binary digits."""
    digits = ""
    while value > 0x7F:
        digits += format(value & 0x7F | 0x80, "08b")
        value >>= 7
    return digits + format(value, "08b")


def to_octets(digits: str) -> bytes:
    padded = digits + "0" * (-len(digits) % 8)
    return int(padded, 2).to_bytes(len(padded) // 8, "big")


def bits_of(octets: bytes) -> str:
    return "".join(format(octet, "08b") for octet in octets)


def values_of(exi: codec.Codec, schema: str, good: list[Seed]) -> Iterator[tuple[Seed, codec.TraceStep]]:
    """Values of type string, binary and integer, from different states."""
    seen: set[tuple[int, int]] = set()
    for seed in good:
        for step in exi.trace(schema, seed.octets, bool(seed.flags & FRAGMENT_FLAG)).steps:  # type: ignore[arg-type]
            kind = type(step.value)
            if step.kind == "value" and (step.state, step.code) not in seen and (kind in (str, bytes) and step.value or kind is int and step.bits > 8):
                seen.add((step.state, step.code))
                yield seed, step


def of_schema(exi: codec.Codec, schema: str, good: list[Seed]) -> Iterator[Hostile]:
    """Every construction that this schema has a place for; `good` are messages of it."""
    refused = frozenset({ExiErrorCode.TOO_LONG, ExiErrorCode.TRUNCATED, ExiErrorCode.BLOB_FULL})
    counts = {str: 0, bytes: 0, int: 0}
    types, states = names_of(schema).TYPES, names_of(schema).STATES
    for seed, step in values_of(exi, schema, good):
        kind = type(step.value)
        counts[kind] += 1
        if counts[kind] > VALUES_PER_SCHEMA:
            continue
        digits = bits_of(seed.octets)
        head, tail = digits[:step.bit], digits[step.bit + step.bits:]

        def hostile(what: str, middle: str, expected: frozenset[ExiErrorCode]) -> Hostile:
            return Hostile(f"{what}, {kind.__name__} at bit {step.bit}", schema, seed.flags, to_octets(head + middle + tail), expected)

        if kind is int:
            groups = MEGABYTE if counts[kind] == 1 else MEGABYTE // 1024
            limited = types[states[step.state][2][step.code][2]][2] != ""
            # without limits (xs:integer) only the room for it ends it
            refusal = {ExiErrorCode.OUT_OF_RANGE} if limited else {ExiErrorCode.BLOB_FULL} if groups == MEGABYTE else set()
            yield hostile(f"an integer of {groups} groups", "1" * 8 * groups + "0" * 16, frozenset(refusal))
            # the tenth group holds the last bit of 64, and six too many
            yield hostile("an integer of 70 bits", varint((1 << 70) - 1), frozenset({ExiErrorCode.OUT_OF_RANGE}) if limited else frozenset())
            continue
        for length in LENGTHS:
            # what follows the announced length is read as content; beyond 63 bits the length itself is refused
            content = refused | {ExiErrorCode.BAD_CHARACTER} if kind is str else refused
            too_long = frozenset({ExiErrorCode.TOO_LONG}) if length >= 1 << 63 else content
            yield hostile(f"length {length:#x}", varint(length + (2 if kind is str else 0)), too_long)
        yield hostile("an endless length", "10000000" * 4096, frozenset({ExiErrorCode.TOO_LONG}))
        if counts[kind] == 1:
            yield hostile("a megabyte", varint(MEGABYTE + (2 if kind is str else 0)) + "01100001" * MEGABYTE, refused)
        if kind is str:
            for hit in (0, 1):
                yield hostile(f"string table hit {hit}", varint(hit), frozenset({ExiErrorCode.STRING_TABLE}))
            for character in NOT_CHARACTERS:
                yield hostile(f"character {character:#x}", varint(len(step.value) + 2) + varint(character) * len(step.value),
                              frozenset({ExiErrorCode.BAD_CHARACTER}))


def repeated(schema: str) -> Iterator[Hostile]:
    """The same octet again and again: whatever the grammar makes of it, it ends."""
    for fill in (b"\0", b"\xff", b"\x55", b"\xaa", b"\x80", b"\x04"):
        for flags in (0, FRAGMENT_FLAG):
            length = MEGABYTE if fill == b"\0" and flags == 0 else MEGABYTE // 64
            yield Hostile(f"{length} times {fill.hex()}", schema, flags, b"\x80" + fill * length, frozenset())


def wrong_schema(good: list[Seed]) -> Iterator[Hostile]:
    """Messages under every other schema, and fragments as documents and the other way round."""
    for seed in good:
        for other in SCHEMAS:
            if other != seed.schema:
                yield Hostile(f"a message of {seed.schema}", other, seed.flags, seed.octets, frozenset())
        yield Hostile("document and fragment confused", seed.schema, seed.flags ^ FRAGMENT_FLAG, seed.octets, frozenset())


def edited_tapes(good: list[Seed], count: int) -> Iterator[str]:
    """Lines for the replay program: tapes of good messages with random edits, encoded."""
    rng = random.Random("edited tapes")
    for _ in range(count):
        seed = rng.choice(good)
        edits = b"".join(bytes((rng.randrange(EDIT_KINDS),)) + rng.randbytes(3) for _ in range(rng.randint(1, EDITS_AT_MOST)))
        yield f"encode {SCHEMAS[seed.schema][0]} {(bytes((seed.flags, 0, len(edits) // 4)) + edits + seed.octets).hex()}\n"
