"""The pieces of the tape that are the same for all schemas: words, references into the blob, large integers.

The layout is described in include/ccsexi.h. The generated modules generated/*_tape.py are built from these.
"""
from __future__ import annotations

from typing import Any, NamedTuple, NoReturn, Optional

#: Word of an integer field that is absent (include/ccsexi.h, EXI_ABSENT).
ABSENT = -(1 << 63)
_BIG = ABSENT + 1
_DIRECT_MIN = -(1 << 62)
_DIRECT_MAX = (1 << 62) - 1
_LENGTH = 0xFFFFFFFF

#: Boolean by its word.
BOOLEAN: tuple[Any, ...] = (None, False, True)

new = object.__new__


class FieldRow(NamedTuple):
    """What is known of a field, for reports: its word in the record, name, kind, limits, classes that may stand there."""

    word: int
    name: str
    kind: str  # boolean, integer, string, binary, enumeration, record
    required: bool
    many: bool
    low: Optional[int]  # least value of an integer, least length of a string or binary
    high: Optional[int]
    classes: tuple[type, ...]
    least: int = 0  # least number of items of a list
    most: Optional[int] = None  # greatest number of items of a list, None: no limit


class ChoiceRow(NamedTuple):
    """Alternatives of a class: the names of their fields."""

    alternatives: tuple[tuple[str, ...], ...]
    required: bool
    repeated: bool  # any number of them, in any order


def text(word: int, blob: bytes) -> Any:
    """The string that a word refers to; None when absent."""
    if not word:
        return None
    start = word >> 32
    return blob[start:start + (word & _LENGTH)].decode()


def octets(word: int, blob: bytes) -> Any:
    """The octets that a word refers to; None when absent."""
    if not word:
        return None
    start = word >> 32
    return blob[start:start + (word & _LENGTH)]


def big(word: int, blob: bytes) -> Any:
    """An integer that may be too large for the tape; None when absent."""
    if word >= _DIRECT_MIN:
        return word
    if word == ABSENT:
        return None
    start = word - _BIG
    end = start + 5 + int.from_bytes(blob[start:start + 4], "little")
    magnitude = int.from_bytes(blob[start + 5:end], "little")
    return -magnitude - 1 if blob[start + 4] else magnitude


def put_text(value: Any, blob: bytearray) -> int:
    """Append a string to the blob and return the word that refers to it. TypeError, UnicodeEncodeError."""
    if not isinstance(value, str):
        raise TypeError
    data = value.encode()
    start = len(blob)
    blob += data
    return start << 32 | len(data)


def put_octets(value: Any, blob: bytearray) -> int:
    """Append octets to the blob and return the word that refers to them. TypeError."""
    if not isinstance(value, (bytes, bytearray)):
        raise TypeError
    start = len(blob)
    blob += value
    return start << 32 | len(value)


def put_big(value: Any, blob: bytearray) -> int:
    """The word of an integer of any size; large ones go to the blob. TypeError."""
    if not isinstance(value, int):
        raise TypeError
    if _DIRECT_MIN <= value <= _DIRECT_MAX:
        return int(value)
    sign, magnitude = (1, -value - 1) if value < 0 else (0, value)
    data = magnitude.to_bytes((magnitude.bit_length() + 7) // 8, "little")
    start = len(blob)
    blob += len(data).to_bytes(4, "little") + bytes((sign,)) + data
    return _BIG + start


def wrong_value() -> NoReturn:
    """A value that has no place on the tape: not a boolean, or the integer that means absent."""
    raise TypeError
