"""Reads the XML schemas of one V2G message set into plain objects: elements, types, particles, facets.

Only what the V2G schemas use is understood (facts: sequence, choice, element references and substitution groups,
extension, attributes, restriction of simple types by facets, xs:any); anything else stops the generator with a
sentence, so that a new schema cannot be misread silently.
"""
from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from .declarations import (UNBOUNDED, XS, AnyParticle, Attribute, ComplexType, Element, ElementParticle,
                           GroupParticle, Particle, QName, SchemaError, SimpleType, builtin)


class SchemaSet:
    """All files of one message set, read and resolved. `files` are the paths in the order of reading."""

    def __init__(self, entry: Path) -> None:
        self.files: list[Path] = []
        self.elements: dict[QName, Element] = {}
        self.complex_types: list[ComplexType] = []  # in file order, anonymous ones included
        self.simple_types: dict[QName, SimpleType] = {}
        self._named: dict[QName, ComplexType] = {}
        self._pending_simple: dict[QName, tuple[ET.Element, dict[str, str]]] = {}
        self._locals: list[Element] = []
        self._particles: list[ElementParticle] = []
        self._read(entry)
        self._resolve()

    @property
    def digest(self) -> str:
        """SHA-256 over names and contents of all files; changes when any schema file changes."""
        total = hashlib.sha256()
        for path in sorted(self.files, key=lambda p: p.name):
            total.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
        return total.hexdigest()

    # ---- reading -------------------------------------------------------------------------------

    def _read(self, path: Path) -> None:
        path = path.resolve()
        if path in self.files:
            return
        if not path.is_file():
            raise SchemaError(f"schema file {path} does not exist")
        self.files.append(path)
        prefixes: dict[str, str] = {}
        root: Optional[ET.Element] = None
        for event, value in ET.iterparse(str(path), events=("start-ns", "start")):
            if event == "start-ns":
                prefix, uri = value
                if prefixes.setdefault(prefix, uri) != uri:
                    raise SchemaError(f"{path.name}: prefix {prefix!r} is bound twice")
            elif root is None:
                root = value
        assert root is not None
        target = root.get("targetNamespace", "")
        context = _File(self, path.name, target, root.get("elementFormDefault") == "qualified",
                        root.get("attributeFormDefault") == "qualified", prefixes)
        imports = []
        for node in root:
            tag = _tag(node)
            if tag in ("import", "include"):
                location = node.get("schemaLocation")
                if location:
                    imports.append(location)
            elif tag == "element":
                context.global_element(node)
            elif tag == "complexType":
                context.complex_type(node, (target, node.attrib["name"]), None)
            elif tag == "simpleType":
                self._pending_simple[(target, node.attrib["name"])] = (node, prefixes)
            elif tag != "annotation":
                raise SchemaError(f"{path.name}: top-level {tag} is not understood")
        for location in imports:
            self._read(_locate(path, location))

    # ---- resolving -----------------------------------------------------------------------------

    def simple(self, name: QName) -> SimpleType:
        found = self.simple_types.get(name)
        if found is None:
            if name[0] == XS:
                found = builtin(name[1])
                if found is None:
                    raise SchemaError(f"built-in type xs:{name[1]} is not understood")
            elif name in self._pending_simple:
                node, prefixes = self._pending_simple[name]
                found = self._restriction(name, node, prefixes)
            else:
                raise SchemaError(f"simple type {name} is not declared")
            self.simple_types[name] = found
        return found

    def _restriction(self, name: QName, node: ET.Element, prefixes: dict[str, str]) -> SimpleType:
        restrictions = [child for child in node if _tag(child) != "annotation"]
        if len(restrictions) != 1 or _tag(restrictions[0]) != "restriction":
            raise SchemaError(f"simple type {name[1]} is not a restriction")
        restriction = restrictions[0]
        base = self.simple(_qname(restriction.attrib["base"], prefixes))
        made = SimpleType(name, base.primitive, list(base.enumeration), base.lo, base.hi, base.min_length, base.max_length)
        words = []
        for facet in restriction:
            tag, value = _tag(facet), facet.get("value", "")
            if tag == "enumeration":
                words.append(value)
            elif tag == "minInclusive":
                made.lo = int(value)
            elif tag == "maxInclusive":
                made.hi = int(value)
            elif tag == "length":
                made.min_length = made.max_length = int(value)
            elif tag == "minLength":
                made.min_length = int(value)
            elif tag == "maxLength":
                made.max_length = int(value)
            elif tag not in ("annotation", "whiteSpace"):
                raise SchemaError(f"simple type {name[1]}: facet {tag} is not understood")
        if words:
            made.enumeration = words
        return made

    def _resolve(self) -> None:
        for name in list(self._pending_simple):
            self.simple(name)
        for complex_type in self.complex_types:
            if complex_type.name is not None:
                self._named[complex_type.name] = complex_type
        for complex_type in self.complex_types:
            self._complete(complex_type)
        for element in [*self.elements.values(), *self._locals]:
            if element.type is None:
                assert element.type_name is not None
                element.type = self._named.get(element.type_name) or self.simple(element.type_name)
        for particle in self._particles:
            if particle.ref is None:
                continue
            head = self.elements.get(particle.ref)
            if head is None:
                raise SchemaError(f"element {particle.ref} is referred to but not declared")
            particle.head = head
            particle.members = self._substitutes(head)

    def _complete(self, complex_type: ComplexType) -> None:
        """Put the content and attributes of the base types in front of the own ones."""
        if complex_type.resolved:
            return
        complex_type.resolved = True
        complex_type.particle = complex_type.own_particle
        attributes = complex_type.own_attributes
        if complex_type.base is not None:
            base = self._named.get(complex_type.base)
            if complex_type.simple_content and base is None:
                complex_type.text = self.simple(complex_type.base)
            elif base is None:
                raise SchemaError(f"base type {complex_type.base} is not declared")
            else:
                self._complete(base)
                complex_type.text = base.text
                complex_type.mixed = complex_type.mixed or base.mixed
                attributes = base.attributes + attributes
                parts = [p for p in (base.particle, complex_type.own_particle) if p is not None]
                complex_type.particle = GroupParticle("sequence", 1, 1, parts) if len(parts) == 2 else (parts[0] if parts else None)
        for attribute in attributes:
            if attribute.type is None:
                attribute.type = self.simple(attribute.type_name)
        # EXI 1.0, 8.5.4.1.3: attributes are sorted by local name, then namespace.
        complex_type.attributes = sorted(attributes, key=lambda a: (a.name, a.namespace))

    def _substitutes(self, head: Element) -> list[Element]:
        """The head and everything that may stand for it, sorted by local name, then namespace (EXI 8.5.4.1.6)."""
        found = [head]
        for element in self.elements.values():
            above = element.substitution_group
            while above is not None:
                if above == head.name:
                    found.append(element)
                    break
                above = self.elements[above].substitution_group
        return sorted(found, key=lambda e: (e.name[1], e.name[0]))

    def sorted_names(self) -> list[list[Element]]:
        """All element declarations, global and local, by name, in the order of the fragment grammar (EXI 8.5.2)."""
        found: dict[QName, list[Element]] = {}
        for element in [*self.elements.values(), *self._locals]:
            found.setdefault(element.name, []).append(element)
        return [found[name] for name in sorted(found, key=lambda n: (n[1], n[0]))]

    def sorted_globals(self) -> list[Element]:
        """All global elements in the order of the document grammar: by local name, then namespace."""
        return sorted(self.elements.values(), key=lambda e: (e.name[1], e.name[0]))


@dataclass
class _File:
    """Reads the declarations of one file."""

    schema: SchemaSet
    file: str
    target: str
    qualified: bool
    attributes_qualified: bool
    prefixes: dict[str, str]

    def global_element(self, node: ET.Element) -> None:
        name = (self.target, node.attrib["name"])
        element = self._element(node, name)
        element.is_global = True
        if "substitutionGroup" in node.attrib:
            element.substitution_group = _qname(node.attrib["substitutionGroup"], self.prefixes)
        self.schema.elements[name] = element

    def _element(self, node: ET.Element, name: QName) -> Element:
        if node.get("nillable", "false") != "false":
            raise SchemaError(f"{self.file}: nillable element {name[1]} is not understood")
        element = Element(name)
        inner = [child for child in node if _tag(child) != "annotation"]
        if "type" in node.attrib:
            element.type_name = _qname(node.attrib["type"], self.prefixes)
        elif len(inner) == 1 and _tag(inner[0]) == "complexType":
            element.type = self.complex_type(inner[0], None, element)
        elif len(inner) == 1 and _tag(inner[0]) == "simpleType":
            # An anonymous simple type gets a name that no schema can use, so that it is resolved like the others.
            element.type_name = (self.target, f"{name[1]}#{len(self.schema._pending_simple)}")
            self.schema._pending_simple[element.type_name] = (inner[0], self.prefixes)
        else:
            raise SchemaError(f"{self.file}: element {name[1]} has no type")
        return element

    def complex_type(self, node: ET.Element, name: Optional[QName], owner: Optional[Element]) -> ComplexType:
        made = ComplexType(name, owner, node.get("abstract") == "true", node.get("mixed") == "true")
        self.schema.complex_types.append(made)
        self._content(node, made)
        return made

    def _content(self, node: ET.Element, made: ComplexType) -> None:
        for child in node:
            tag = _tag(child)
            if tag in ("complexContent", "simpleContent"):
                made.simple_content = tag == "simpleContent"
                extension = child[0]
                if _tag(extension) != "extension":
                    raise SchemaError(f"{self.file}: {made.title}: only extension is understood in {tag}")
                made.base = _qname(extension.attrib["base"], self.prefixes)
                self._content(extension, made)
            elif tag in ("sequence", "choice"):
                made.own_particle = self._particle(child)
            elif tag == "attribute":
                form = child.get("form", "qualified" if self.attributes_qualified else "unqualified")
                made.own_attributes.append(Attribute(
                    child.attrib["name"], self.target if form == "qualified" else "", _qname(child.attrib["type"], self.prefixes),
                    child.get("use") == "required"))
            elif tag != "annotation":
                raise SchemaError(f"{self.file}: {made.title}: {tag} is not understood")

    def _particle(self, node: ET.Element) -> Particle:
        tag = _tag(node)
        least = int(node.get("minOccurs", "1"))
        most = node.get("maxOccurs", "1")
        maximum = UNBOUNDED if most == "unbounded" else int(most)
        if tag in ("sequence", "choice"):
            children = [self._particle(child) for child in node if _tag(child) != "annotation"]
            return GroupParticle(tag, least, maximum, children)
        if tag == "any":
            return AnyParticle(least, maximum)
        if tag != "element":
            raise SchemaError(f"{self.file}: {tag} in a content model is not understood")
        particle = ElementParticle(least, maximum)
        if "ref" in node.attrib:
            particle.ref = _qname(node.attrib["ref"], self.prefixes)
        else:
            form = node.get("form", "qualified" if self.qualified else "unqualified")
            element = self._element(node, (self.target if form == "qualified" else "", node.attrib["name"]))
            self.schema._locals.append(element)
            particle.members = [element]
            particle.head = element
        self.schema._particles.append(particle)
        return particle


def _tag(node: ET.Element) -> str:
    if not isinstance(node.tag, str) or not node.tag.startswith("{" + XS + "}"):
        raise SchemaError(f"{node.tag} is not an element of XML Schema")
    return node.tag[len(XS) + 2:]


def _qname(text: str, prefixes: dict[str, str]) -> QName:
    prefix, _, local = text.rpartition(":")
    if prefix and prefix not in prefixes:
        raise SchemaError(f"prefix of {text} is not bound")
    return (prefixes.get(prefix, ""), local)


def _locate(importer: Path, location: str) -> Path:
    """Find an imported file. The package's DIN header names xmldsig-core-schema.xsd in its own folder, where it
    is not (exi.md section 1): look one folder up as well."""
    name = Path(location).name
    for candidate in (importer.parent / location, importer.parent / name, importer.parent.parent / name):
        if candidate.is_file():
            return candidate
    raise SchemaError(f"{importer.name} imports {location}, which was not found")
