"""From schema types to records: which Python class stands for a type, which fields it has, in which order.

Both outputs (C tables and Python) are written from these records, so that they cannot disagree.
"""
from __future__ import annotations

import keyword
import re
from dataclasses import dataclass, field
from typing import Optional

from .declarations import UNBOUNDED, AnyParticle, ComplexType, Element, ElementParticle, GroupParticle, Particle, SchemaError, SimpleType
from .xsd import SchemaSet


@dataclass(eq=False)
class Field:
    """One field of a class: an attribute, a child element (or substitution group), or the text of simple content."""

    name: str
    kind: str  # attribute, element, text
    simple: Optional[SimpleType]
    members: list[tuple[Element, "Record"]]  # for complex content: what may stand here
    required: bool
    many: bool
    least: int  # numbers of items of a list; UNBOUNDED
    most: int
    word: int = 0  # offset in the tape record; a list takes two words (first node, last node)
    slot: int = 0


@dataclass(frozen=True)
class Choice:
    """Alternatives of a type's content, by the names of their fields; a repeated choice may have them in any order."""

    alternatives: tuple[tuple[str, ...], ...]
    required: bool
    repeated: bool


@dataclass(eq=False)
class Record:
    """One complex type: a class in Python, a record on the tape."""

    number: int
    name: str
    type: ComplexType
    roots: list[Element] = field(default_factory=list)  # global elements of this type
    fields: list[Field] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    words: int = 1

    def field_of(self, name: str) -> Field:
        return next(f for f in self.fields if f.name == name)


@dataclass(eq=False)
class Enumeration:
    name: str
    type: SimpleType
    members: list[tuple[str, str]]  # (identifier, the standard's word)


class Model:
    """Records and enumerations of one message set, numbered in schema order (record 0 is the document)."""

    def __init__(self, schema: SchemaSet) -> None:
        self.schema = schema
        self.records: list[Record] = []
        self.enumerations: dict[SimpleType, Enumeration] = {}
        self._by_type: dict[ComplexType, Record] = {}
        taken: set[str] = set()
        for simple in schema.simple_types.values():
            if simple.enumeration:
                assert simple.name is not None
                name = _unique(simple.name[1], taken)
                self.enumerations[simple] = Enumeration(name, simple, _enum_members(simple.enumeration))
        self.simple_roots: dict[Element, ComplexType] = {}
        for element in schema.sorted_globals():
            if isinstance(element.type, SimpleType):      # stands for the element's content, so that it can be a root
                self.simple_roots[element] = ComplexType(None, element, text=element.type, simple_content=True, resolved=True)
        for number, complex_type in enumerate([*schema.complex_types, *self.simple_roots.values()], start=1):
            record = Record(number, _unique(complex_type.title, taken), complex_type)
            self.records.append(record)
            self._by_type[complex_type] = record
        for element in schema.sorted_globals():
            self.record_of_root(element).roots.append(element)
        for record in self.records:
            self._fill(record)

    def record_of(self, complex_type: ComplexType) -> Record:
        return self._by_type[complex_type]

    def record_of_root(self, element: Element) -> Record:
        """The record of a global element, also when its type is simple."""
        return self._by_type[element.type if isinstance(element.type, ComplexType) else self.simple_roots[element]]

    def _fill(self, record: Record) -> None:
        complex_type = record.type
        for attribute in complex_type.attributes:
            record.fields.append(Field(attribute.name, "attribute", attribute.type, [], attribute.required, False, 0, 1))
        if complex_type.particle is not None:
            heads: dict[str, tuple[Element, list[Element]]] = {}
            _collect(complex_type.particle, heads)
            counts = _counts(complex_type.particle)
            for name, (head, members) in heads.items():
                least, most = counts[name]
                simple = head.type if isinstance(head.type, SimpleType) else None
                pairs = []
                if simple is None:
                    for member in members:
                        if not isinstance(member.type, ComplexType):
                            raise SchemaError(f"{record.name}.{name}: group mixes simple and complex types")
                        pairs.append((member, self._by_type[member.type]))
                    if len({r.number for _, r in pairs}) != len(pairs):
                        raise SchemaError(f"{record.name}.{name}: two elements of the group share a type")
                elif len(members) > 1:
                    raise SchemaError(f"{record.name}.{name}: substitution group of simple type")
                many = most == UNBOUNDED or most > 1
                record.fields.append(Field(name, "element", simple, pairs, least > 0, many, least, most))
            record.choices = _choices(complex_type.particle)
        if complex_type.text is not None:
            record.fields.append(Field("value", "text", complex_type.text, [], True, False, 1, 1))
        names = [f.name for f in record.fields]
        if len(set(names)) != len(names):
            raise SchemaError(f"{record.name}: two fields have the same name")
        for slot, one in enumerate(record.fields):
            one.slot = slot
            one.word = record.words
            record.words += 2 if one.many else 1


def _unique(name: str, taken: set[str]) -> str:
    short = name[:-4] if name.endswith("Type") and len(name) > 4 else name
    for candidate in (short, name):
        legal = candidate + "_" if keyword.iskeyword(candidate) else candidate
        if legal not in taken:
            taken.add(legal)
            return legal
    raise SchemaError(f"no free class name for type {name}")


def _enum_members(words: list[str]) -> list[tuple[str, str]]:
    members = []
    for word in words:
        legal = re.sub(r"\W", "_", word)
        if legal[0].isdigit():
            legal = "_" + legal
        if keyword.iskeyword(legal):
            legal += "_"
        members.append((legal, word))
    if len({m for m, _ in members}) != len(members):
        raise SchemaError(f"enumeration words {words} give equal identifiers")
    return members


def _collect(particle: Particle, heads: dict[str, tuple[Element, list[Element]]]) -> None:
    if isinstance(particle, AnyParticle):
        return
    if isinstance(particle, ElementParticle):
        assert particle.head is not None
        name = particle.head.local
        known = heads.setdefault(name, (particle.head, particle.members))
        if known[0].type is not particle.head.type:
            raise SchemaError(f"element {name} has two types inside one type")
        return
    for child in particle.children:
        _collect(child, heads)


def _choices(particle: Particle, repeated: bool = False) -> list[Choice]:
    """The choices of a content model, those inside an alternative left out."""
    if not isinstance(particle, GroupParticle):
        return []
    repeated = repeated or particle.maximum != 1
    if particle.kind == "sequence":
        return [choice for child in particle.children for choice in _choices(child, repeated)]
    alternatives = []
    for child in particle.children:
        heads: dict[str, tuple[Element, list[Element]]] = {}
        _collect(child, heads)
        alternatives.append(tuple(heads))
    named = tuple(a for a in alternatives if a)
    required = particle.minimum > 0 and len(named) == len(alternatives)
    return [Choice(named, required, repeated)] if named else []


def _counts(particle: Particle) -> dict[str, tuple[int, int]]:
    """Least and greatest number of occurrences of every name."""
    total: dict[str, tuple[int, int]] = {}
    if isinstance(particle, AnyParticle):
        return total
    if isinstance(particle, ElementParticle):
        assert particle.head is not None
        return {particle.head.local: (particle.minimum, particle.maximum)}
    parts = [_counts(child) for child in particle.children]
    for name in {n for part in parts for n in part}:
        found = [part.get(name, (0, 0)) for part in parts]
        most = [m for _, m in found]
        if particle.kind == "choice":
            least, top = min(n for n, _ in found), UNBOUNDED if UNBOUNDED in most else max(most)
        else:
            least, top = sum(n for n, _ in found), UNBOUNDED if UNBOUNDED in most else sum(most)
        if top:
            top = UNBOUNDED if UNBOUNDED in (top, particle.maximum) else top * particle.maximum
        total[name] = (least * particle.minimum, top)
    return total
