"""Random messages of every type, and the recorded JSON form of a message: what several tests of the codec need."""
from __future__ import annotations

import dataclasses
import random
from enum import Enum
from types import ModuleType
from typing import Any, Callable

from exi_native.generated import SCHEMAS
from exi_native.tape import FieldRow

#: Types whose content is a choice: which sets of optional fields may be present together (xmldsig-core-schema.xsd,
#: V2G_CI_MsgDataTypes.xsd). Fields that are not named are attributes and free.
CHOICES: dict[str, list[tuple[str, ...]]] = {
    "Parameter": [("boolValue",), ("byteValue",), ("shortValue",), ("intValue",), ("physicalValue",), ("stringValue",)],
    "KeyValue": [("DSAKeyValue",), ("RSAKeyValue",)],
    "PGPData": [("PGPKeyID",), ("PGPKeyID", "PGPKeyPacket"), ("PGPKeyPacket",)],
    "DSAKeyValue": [(), ("P", "Q"), ("P", "Q", "G"), ("G",), ("J",), ("Seed", "PgenCounter"), ("P", "Q", "G", "J", "Seed", "PgenCounter")],
}
#: Types with a repeated choice: at least one of the lists must have an item.
AT_LEAST_ONE = {"KeyInfo": ("KeyName", "KeyValue", "RetrievalMethod", "X509Data", "PGPData", "SPKIData", "MgmtData"),
                "X509Data": ("X509IssuerSerial", "X509SKI", "X509SubjectName", "X509Certificate", "X509CRL")}
#: Nothing but wildcard content: cannot be encoded (and no peer sends it).
WILDCARD_ONLY = {"SignatureProperty", "SignatureProperties"}

#: The global element of a type that has another name.
ELEMENT_OF = {"SessionStop": "SessionStopReq"}


def fields_of(schema: str) -> dict[type, tuple[FieldRow, ...]]:
    return dict(SCHEMAS[schema][1].FIELDS)  # type: ignore[index]


def roots_of(schema: str) -> list[type]:
    return [cls for cls in SCHEMAS[schema][1].ROOTS if cls.__name__ not in WILDCARD_ONLY]  # type: ignore[index]


class Random:
    """Makes random instances of the message classes; the same seed gives the same message."""

    def __init__(self, schema: str, seed: object, empty_strings: bool = True) -> None:
        self.rng = random.Random(str(seed))
        self.fields = fields_of(schema)
        self.least_length = 0 if empty_strings else 1

    def message(self, cls: type) -> Any:
        rows = self.fields[cls]
        name = cls.__name__
        values = {row.name: self._field(row) for row in rows}
        if name in CHOICES:
            chosen = self.rng.choice(CHOICES[name])
            for option in {field for fields in CHOICES[name] for field in fields}:
                row = next(r for r in rows if r.name == option)
                values[option] = self._value(row) if option in chosen else None
        if name in AT_LEAST_ONE and not any(values[n] for n in AT_LEAST_ONE[name]):
            row = next(r for r in rows if r.name == AT_LEAST_ONE[name][0 if name == "KeyInfo" else 2])
            values[row.name] = [self._value(row)]
        return cls(**values)

    def _field(self, row: FieldRow) -> Any:
        if row.many:
            return [self._value(row) for _ in range(self.rng.randint(1 if row.required else 0, 3))]
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
        length = rng.choice([self.least_length, top, rng.randint(self.least_length, min(top, 20))])
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
