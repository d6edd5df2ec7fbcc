"""Random messages of every type, and the recorded JSON form of a message: what several tests of the codec need."""
from __future__ import annotations

import dataclasses
import random
from enum import Enum
from types import ModuleType
from typing import Any, Callable

from exi_native.generated import tape_of
from exi_native.tape import FieldRow

#: Optional sequences: fields that come together (xmldsig-core-schema.xsd, DSAKeyValueType).
GROUPS = {"DSAKeyValue": (("P", "Q"), ("Seed", "PgenCounter"))}
#: Nothing but wildcard content: cannot be encoded (and no peer sends it).
WILDCARD_ONLY = {"SignatureProperty", "SignatureProperties"}

#: The global element of a type that has another name.
ELEMENT_OF = {"SessionStop": "SessionStopReq"}


def fields_of(schema: str) -> dict[type, tuple[FieldRow, ...]]:
    return dict(tape_of(schema).FIELDS)  # type: ignore[index]


def roots_of(schema: str) -> list[type]:
    return [cls for cls in tape_of(schema).ROOTS if cls.__name__ not in WILDCARD_ONLY]  # type: ignore[index]


class Random:
    """Makes random instances of the message classes; the same seed gives the same message."""

    def __init__(self, schema: str, seed: object, empty_strings: bool = True) -> None:
        self.rng = random.Random(str(seed))
        self.fields = fields_of(schema)
        self.choices = tape_of(schema).CHOICES
        self.least_length = 0 if empty_strings else 1

    def message(self, cls: type) -> Any:
        rows = {row.name: row for row in self.fields[cls]}
        values = {name: self._field(row) for name, row in rows.items()}
        for group in GROUPS.get(cls.__name__, ()):        # all of them or none
            if self.rng.random() < 0.5:
                values.update((name, self._value(rows[name])) for name in group)
            else:
                values.update((name, None) for name in group)
        for choice in self.choices.get(cls, ()):
            chosen = self.rng.choice(choice.alternatives)
            for name in {name for alternative in choice.alternatives for name in alternative}:
                if choice.repeated:
                    continue
                values[name] = None if not rows[name].many else []
            for name in chosen:
                values[name] = [self._value(rows[name])] if rows[name].many else self._value(rows[name])
        return cls(**values)

    def _field(self, row: FieldRow) -> Any:
        if row.many:
            most = max(row.least, 3 if row.most is None else min(3, row.most))
            return [self._value(row) for _ in range(self.rng.randint(row.least, most))]
        return self._value(row) if row.required or self.rng.random() < 0.5 else None

    def _value(self, row: FieldRow) -> Any:
        rng = self.rng
        if row.kind == "record":
            return self.message(rng.choice(row.classes))
        if row.kind == "enumeration":
            return rng.choice(list(row.classes[0]))  # type: ignore[call-overload]
        if row.kind == "boolean":
            return rng.random() < 0.5
        if row.kind == "integer":
            low = -(1 << 200) if row.low is None else row.low
            high = (1 << 200) if row.high is None else row.high
            near = rng.randint(max(low, -300), min(high, 300)) if low <= 300 and high >= -300 else low
            return rng.choice([low, high, near, rng.randint(low, high)])
        top = 40 if row.high is None else row.high
        least = max(self.least_length, row.low or 0)
        length = rng.choice([least, top, rng.randint(least, max(least, min(top, 20)))])
        if row.kind == "string":
            return "".join(rng.choice("abcXYZ0129:-_äß€😀") for _ in range(length))
        return rng.randbytes(length)


def as_recorded(message: Any, fields: dict[type, tuple[FieldRow, ...]]) -> Any:
    """A message in the form of the recorded vectors: names of elements, hexadecimal octets, absent fields left out."""
    name = type(message).__name__
    return {ELEMENT_OF.get(name, name): _content(message, fields)}


def _content(message: Any, fields: dict[type, tuple[FieldRow, ...]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for row in fields[type(message)]:
        value = getattr(message, row.name)
        if value is None or (row.many and not value):
            continue
        if row.many:
            found[row.name] = [_plain(item, fields) for item in value]
        elif len(row.classes) > 1:  # a substitution group: the name on the wire is that of the member
            inner = as_recorded(value, fields)
            found.update(inner)
        else:
            found[row.name] = _plain(value, fields)
    return found


def _plain(value: Any, fields: dict[type, tuple[FieldRow, ...]]) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return value.hex().upper()
    return _content(value, fields) if dataclasses.is_dataclass(value) else value
