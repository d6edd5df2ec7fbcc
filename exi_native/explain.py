"""Finds the field of a message that cannot be encoded, after the fast functions have failed; slow and thorough."""
from __future__ import annotations

from typing import Any, Mapping, Optional

from exi_native.errors import ExiError, ExiErrorCode
from exi_native.tape import ChoiceRow, FieldRow

SHOWN = 60  # characters of a value in a sentence
Fields = Mapping[type, tuple[FieldRow, ...]]
Choices = Mapping[type, tuple[ChoiceRow, ...]]


def wrong_field(message: Any, fields: Fields, choices: Choices, path: str) -> Optional[ExiError]:
    """The error of the first field whose value has the wrong type, range or length, or of the first choice that is not
    one; None when there is none."""
    for row in fields[type(message)]:
        where = f"{path}.{row.name}"
        try:
            value = getattr(message, row.name)
        except AttributeError:  # a slot that was deleted
            return ExiError(ExiErrorCode.INCOMPLETE, 0, where, "mandatory field is missing")
        found = _many(row, value, fields, choices, where) if row.many else _one(row, value, fields, choices, where)
        if found is not None:
            return found
    for choice in choices.get(type(message), ()):
        found = _chosen(message, choice, path)
        if found is not None:
            return found
    return None


def _chosen(message: Any, choice: ChoiceRow, path: str) -> Optional[ExiError]:
    names = [" with ".join(alternative) for alternative in choice.alternatives]
    present = [name for name, alternative in zip(names, choice.alternatives)
               if any(getattr(message, field) not in (None, []) for field in alternative)]
    if choice.required and not present:
        return ExiError(ExiErrorCode.INCOMPLETE, 0, path, f"one of {', '.join(names)} is missing")
    if len(present) > 1 and not choice.repeated:
        shared = {field for alternative in choice.alternatives for field in alternative}
        if sum(len(alternative) for alternative in choice.alternatives) == len(shared):      # no field stands in two of them
            return ExiError(ExiErrorCode.NOT_ALLOWED_HERE, 0, path, f"only one of {', '.join(names)} is allowed, there are {' and '.join(present)}")
    return None


def _many(row: FieldRow, value: Any, fields: Fields, choices: Choices, where: str) -> Optional[ExiError]:
    if type(value) is not list:
        return _wrong(where, "a list", value)
    if row.most is not None and len(value) > row.most:
        return ExiError(ExiErrorCode.NOT_ALLOWED_HERE, 0, where, f"{len(value)} items are too many, allowed are {row.most}")
    if len(value) < row.least:
        return ExiError(ExiErrorCode.INCOMPLETE, 0, where, f"{len(value)} items are too few, needed are {row.least}")
    for number, item in enumerate(value):
        found = _one(row._replace(required=True), item, fields, choices, f"{where}[{number}]")
        if found is not None:
            return found
    return None


def _one(row: FieldRow, value: Any, fields: Fields, choices: Choices, where: str) -> Optional[ExiError]:
    if value is None:
        return ExiError(ExiErrorCode.INCOMPLETE, 0, where, "mandatory field is missing") if row.required else None
    if row.kind in ("record", "enumeration"):
        if type(value) not in row.classes:
            return _wrong(where, " or ".join(c.__name__ for c in row.classes), value)
        inner = where if len(row.classes) == 1 else f"{where}({type(value).__name__})"
        return wrong_field(value, fields, choices, inner) if row.kind == "record" else None
    if row.kind == "boolean":
        return None if value is True or value is False else _wrong(where, "True or False", value)
    if row.kind == "integer":
        if not isinstance(value, int):
            return _wrong(where, "an integer", value)
        if (row.low is not None and value < row.low) or (row.high is not None and value > row.high):
            return ExiError(ExiErrorCode.OUT_OF_RANGE, 0, where, f"{shown(value)} is out of range, allowed is {_range(row)}")
        return None
    return _sized(row, value, where)


def _sized(row: FieldRow, value: Any, where: str) -> Optional[ExiError]:
    if row.kind == "string":
        if not isinstance(value, str):
            return _wrong(where, "a string", value)
        if any(0xD800 <= ord(c) <= 0xDFFF for c in value):
            return ExiError(ExiErrorCode.BAD_CHARACTER, 0, where)
        unit = "characters"
    else:
        if not isinstance(value, (bytes, bytearray)):
            return _wrong(where, "bytes", value)
        unit = "octets"
    if row.high is not None and len(value) > row.high:
        return ExiError(ExiErrorCode.TOO_LONG, 0, where, f"{len(value)} {unit} are too long, allowed is {_range(row)}")
    if row.low is not None and len(value) < row.low:
        return ExiError(ExiErrorCode.TOO_SHORT, 0, where, f"{len(value)} {unit} are too short, allowed is {_range(row)}")
    return None


def _range(row: FieldRow) -> str:
    return f"{'any' if row.low is None else row.low} .. {'any' if row.high is None else row.high}"


def _wrong(where: str, expected: str, value: Any) -> ExiError:
    return ExiError(ExiErrorCode.WRONG_TYPE, 0, where, f"expected {expected}, not {type(value).__name__} {shown(value)}")


def shown(value: object) -> str:
    """A value for a sentence: short, and whatever it is (an integer of 5000 digits, an object that cannot say what it is)."""
    if isinstance(value, int) and abs(value) >= 1 << 256:
        return f"{'-' if value < 0 else ''}2^{abs(value).bit_length() - 1} and more"
    try:
        text = repr(value)
    except Exception as problem:  # noqa: BLE001 - somebody else's __repr__; the sentence says so
        return f"(its repr raises {type(problem).__name__})"
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."
