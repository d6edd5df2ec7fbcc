"""What an XML schema declares, as plain objects: elements, simple and complex types, particles, attributes; and the built-in types."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional, Union

XS = "http://www.w3.org/2001/XMLSchema"
UNBOUNDED = -1

QName = tuple[str, str]  # (namespace, local name)


class SchemaError(Exception):
    """The schema uses something that this reader does not understand, or a file is missing."""


@dataclass(eq=False)
class SimpleType:
    """A simple type with the facets that have been collected along its restrictions."""

    name: Optional[QName]
    primitive: str  # boolean, integer, string, hexBinary, base64Binary
    enumeration: list[str] = field(default_factory=list)
    lo: Optional[int] = None
    hi: Optional[int] = None
    min_length: int = 0
    max_length: Optional[int] = None


@dataclass(eq=False)
class Element:
    """One element declaration, global or local; `type` is filled in after all files have been read."""

    name: QName
    type_name: Optional[QName] = None
    type: Union["ComplexType", SimpleType, None] = None
    substitution_group: Optional[QName] = None
    is_global: bool = False

    @property
    def local(self) -> str:
        return self.name[1]


@dataclass(eq=False)
class ElementParticle:
    minimum: int
    maximum: int
    members: list[Element] = field(default_factory=list)  # the element, or its substitution group in EXI order
    ref: Optional[QName] = None
    head: Optional[Element] = None  # the element that the schema names at this place


@dataclass(eq=False)
class AnyParticle:
    minimum: int
    maximum: int


@dataclass(eq=False)
class GroupParticle:
    kind: str  # sequence or choice
    minimum: int
    maximum: int
    children: list["Particle"] = field(default_factory=list)


Particle = Union[ElementParticle, AnyParticle, GroupParticle]


@dataclass(eq=False)
class Attribute:
    name: str
    namespace: str
    type_name: QName
    required: bool
    type: Optional[SimpleType] = None


@dataclass(eq=False)
class ComplexType:
    """One complex type; after resolving, `particle` and `attributes` contain those of its bases, base first."""

    name: Optional[QName]
    anonymous_in: Optional[Element] = None
    abstract: bool = False
    mixed: bool = False
    base: Optional[QName] = None
    own_particle: Optional[Particle] = None
    own_attributes: list[Attribute] = field(default_factory=list)
    particle: Optional[Particle] = None
    attributes: list[Attribute] = field(default_factory=list)
    text: Optional[SimpleType] = None  # simpleContent
    simple_content: bool = False
    resolved: bool = False

    @property
    def title(self) -> str:
        if self.name is not None:
            return self.name[1]
        assert self.anonymous_in is not None
        return self.anonymous_in.local


def builtin(name: str) -> Optional[SimpleType]:
    """The built-in types of XML Schema part 2 that V2G uses, with their value ranges."""
    ranges: dict[str, tuple[Optional[int], Optional[int]]] = {
        "integer": (None, None),
        "nonNegativeInteger": (0, None),
        "positiveInteger": (1, None),
        "long": (-(1 << 63), (1 << 63) - 1),
        "int": (-(1 << 31), (1 << 31) - 1),
        "short": (-(1 << 15), (1 << 15) - 1),
        "byte": (-128, 127),
        "unsignedLong": (0, (1 << 64) - 1),
        "unsignedInt": (0, (1 << 32) - 1),
        "unsignedShort": (0, (1 << 16) - 1),
        "unsignedByte": (0, 255),
    }
    if name in ranges:
        lo, hi = ranges[name]
        return SimpleType((XS, name), "integer", lo=lo, hi=hi)
    if name in ("string", "anyURI", "ID", "IDREF", "NCName", "token", "normalizedString"):
        return SimpleType((XS, name), "string")
    if name in ("boolean", "hexBinary", "base64Binary"):
        return SimpleType((XS, name), name)
    return None
