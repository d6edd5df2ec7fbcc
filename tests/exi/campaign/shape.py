"""The shape of a schema for the campaign: content models, names and value ranges, read from the XSDs and kept as text.

A shape is what the instance generator and the XML writer need. It is stored beside the results (shapes/<schema>.jsonl,
one JSON array a line), so that CI makes the same instances without the schema files.
"""
from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterator, NamedTuple, Optional

from exi_native.generate.model import Model
from exi_native.generate.declarations import AnyParticle, ComplexType, Element, ElementParticle, GroupParticle, SimpleType
from exi_native.generate.declarations import Particle as SchemaParticle

UNBOUNDED = -1
SHAPES = Path(__file__).resolve().parent / "shapes"


class Simple(NamedTuple):
    """A simple type: kind, the class and words of an enumeration, least and greatest value (or length)."""

    kind: str  # boolean enumeration integer string hexBinary base64Binary
    enumeration: str
    words: tuple[str, ...]
    low: Optional[int]
    high: Optional[int]


class Member(NamedTuple):
    """An element that may stand at a place: its name, and the record or simple type of its content."""

    namespace: str
    local: str
    record: int  # index in Shape.records; -1 for simple content
    simple: Optional[Simple]


@dataclass(eq=False)
class Particle:
    """A place in a content model, to be filled `least` to `most` times."""

    kind: str  # element sequence choice any
    least: int
    most: int
    name: str = ""  # of an element: the field of the class
    members: list[Member] = field(default_factory=list)
    children: list["Particle"] = field(default_factory=list)


class Attribute(NamedTuple):
    namespace: str
    name: str
    required: bool
    simple: Simple


@dataclass(eq=False)
class Record:
    """One complex type, with the name of its class in exi_native.messages."""

    name: str
    attributes: list[Attribute]
    content: Optional[Particle]
    text: Optional[Simple]


@dataclass(eq=False)
class Shape:
    key: str
    module: str
    records: list[Record]
    globals: list[Member]  # global elements; one of simple type has a record of its own
    elements: list[Member]  # all elements of complex type, global or local, that can be a fragment

    def namespaces(self) -> list[str]:
        """All namespaces of elements and attributes, sorted; "" is left out."""
        found = {member.namespace for member in self.all_members()}
        return sorted((found | {attribute.namespace for record in self.records for attribute in record.attributes}) - {""})

    def all_members(self) -> Iterator[Member]:
        yield from self.globals
        for record in self.records:
            waiting = [record.content] if record.content is not None else []
            while waiting:
                particle = waiting.pop()
                yield from particle.members
                waiting += particle.children


def from_model(key: str, module: str, model: Model) -> Shape:
    """The shape of a schema that the generator has read."""
    index = {record: number for number, record in enumerate(model.records)}

    def simple(one: SimpleType) -> Simple:
        if one.enumeration:
            return Simple("enumeration", model.enumerations[one].name, tuple(one.enumeration), None, None)
        if one.primitive == "integer":
            return Simple("integer", "", (), one.lo, one.hi)
        if one.primitive == "boolean":
            return Simple("boolean", "", (), None, None)
        return Simple(one.primitive, "", (), one.min_length, one.max_length)

    def member(element: Element) -> Member:
        if isinstance(element.type, ComplexType):
            return Member(*element.name, index[model.record_of(element.type)], None)
        assert element.type is not None
        return Member(*element.name, -1, simple(element.type))

    def particle(one: SchemaParticle) -> Particle:
        if isinstance(one, AnyParticle):
            return Particle("any", one.minimum, one.maximum)
        if isinstance(one, ElementParticle):
            assert one.head is not None
            return Particle("element", one.minimum, one.maximum, one.head.local, [member(e) for e in one.members])
        assert isinstance(one, GroupParticle)
        return Particle(one.kind, one.minimum, one.maximum, children=[particle(child) for child in one.children])

    records = []
    for record in model.records:
        schema_type = record.type
        attributes = [Attribute(a.namespace, a.name, a.required, simple(a.type)) for a in schema_type.attributes if a.type is not None]
        content = None if schema_type.particle is None else particle(schema_type.particle)
        records.append(Record(record.name, attributes, content, None if schema_type.text is None else simple(schema_type.text)))
    shape = Shape(key, module, records, [], [])
    shape.globals = [Member(*element.name, index[model.record_of_root(element)], None) for element in model.schema.sorted_globals()]
    types: dict[tuple[str, str], set[Member]] = {}
    for one in shape.all_members():
        types.setdefault((one.namespace, one.local), set()).add(one)
    for _, found in sorted(types.items(), key=lambda item: item[0][::-1]):
        # A name with several types has a relaxed grammar, which can be read where one of them is text (eMAID of ISO 15118-2).
        complex_ones = [one for one in found if one.record >= 0 and (len(found) == 1 or records[one.record].text is not None)]
        shape.elements += complex_ones if len(complex_ones) == 1 else []
    return shape


# ---- as text ------------------------------------------------------------------------------------


def to_text(shape: Shape) -> str:
    """One JSON array a line: a head line, the global elements, then the records."""
    types: dict[Simple, int] = {}

    def number(simple: Optional[Simple]) -> Optional[int]:
        return None if simple is None else types.setdefault(simple, len(types))

    def member(one: Member) -> list[Any]:
        return [one.namespace, one.local, one.record, number(one.simple)]

    def particle(one: Optional[Particle]) -> Any:
        if one is None:
            return None
        return [one.kind, one.least, one.most, one.name, [member(m) for m in one.members], [particle(c) for c in one.children]]

    records = [[r.name, [[a.namespace, a.name, a.required, number(a.simple)] for a in r.attributes], particle(r.content), number(r.text)]
               for r in shape.records]
    lines: list[Any] = [[shape.key, shape.module], [member(m) for m in shape.globals], [member(m) for m in shape.elements],
                        list(types), *records]
    text = "".join(json.dumps(line, separators=(",", ":"), ensure_ascii=True) + "\n" for line in lines)
    for position, uri in enumerate(shape.namespaces()):  # long names once: $0, $1, ...
        text = text.replace(json.dumps(uri), f'"${position}"')
    return json.dumps(shape.namespaces(), separators=(",", ":")) + "\n" + text


def from_text(text: str) -> Shape:
    """The inverse of to_text."""
    first, *lines = text.splitlines()
    uris = {f"${position}": uri for position, uri in enumerate(json.loads(first))}
    (key, module), global_rows, element_rows, type_rows, *records = [json.loads(line) for line in lines]
    types = [Simple(kind, enumeration, tuple(words), low, high) for kind, enumeration, words, low, high in type_rows]

    def simple(number: Optional[int]) -> Optional[Simple]:
        return None if number is None else types[number]

    def member(row: list[Any]) -> Member:
        return Member(uris.get(row[0], row[0]), row[1], row[2], simple(row[3]))

    def particle(row: Any) -> Optional[Particle]:
        if row is None:
            return None
        kind, least, most, name, members, children = row
        inside = [made for made in map(particle, children) if made is not None]
        return Particle(kind, least, most, name, [member(m) for m in members], inside)

    made = [Record(name, [Attribute(uris.get(uri, uri), n, required, types[t]) for uri, n, required, t in attributes],
                   particle(content), simple(text_)) for name, attributes, content, text_ in records]
    return Shape(key, module, made, [member(row) for row in global_rows], [member(row) for row in element_rows])


def stored(key: str) -> Shape:
    """The stored shape of a schema."""
    return from_text((SHAPES / f"{key}.jsonl").read_text())


def stored_keys() -> list[str]:
    return sorted(path.stem for path in SHAPES.glob("*.jsonl"))
