"""An instance as the class of exi_native.messages, as XML, and compared with XML that the oracle wrote."""
from __future__ import annotations

import base64
import xml.etree.ElementTree as ET
from types import ModuleType
from typing import Any, Optional
from xml.sax.saxutils import escape, quoteattr

from exi_native.tape import FieldRow
from tests.exi.campaign.instances import Node
from tests.exi.campaign.shape import Shape, Simple


class Objects:
    """Makes the message objects of instances."""

    def __init__(self, shape: Shape, tape_module: ModuleType) -> None:
        self._rows: list[tuple[type, tuple[FieldRow, ...]]] = list(tape_module.FIELDS[1:])
        names = [cls.__name__ for cls, _ in self._rows]
        if names != [record.name for record in shape.records]:
            raise ValueError(f"the shape of {shape.key} is not that of the classes; run python -m tests.exi.campaign shapes")
        self._many = [{row.name for row in rows if row.many} for _, rows in self._rows]
        self._names = [{row.name: row for row in rows} for _, rows in self._rows]

    def message(self, node: Node) -> Any:
        """The object of one instance."""
        record = node.member.record
        cls = self._rows[record][0]
        rows, many = self._names[record], self._many[record]
        values: dict[str, Any] = {name: [] for name in many}
        for attribute, value in node.attributes:
            values[attribute.name] = _typed(value, rows[attribute.name])
        if node.value is not None:
            values["value"] = _typed(node.value, rows["value"])
        for child in node.children:
            simple = child.member.simple
            made = self.message(child) if simple is None else _typed(child.value, rows[child.field])
            if child.field in many:
                values[child.field].append(made)
            else:
                values[child.field] = made
        return cls(**values)


def _typed(value: Any, row: FieldRow) -> Any:
    return row.classes[0](value) if row.kind == "enumeration" else value


# ---- XML ----------------------------------------------------------------------------------------


def xml(node: Node, shape: Shape) -> str:
    """The instance as an XML document."""
    prefixes = {uri: f"n{number}:" for number, uri in enumerate(shape.namespaces())}
    declared = "".join(f' xmlns:{prefix[:-1]}="{uri}"' for uri, prefix in prefixes.items())
    out: list[str] = []
    _write(node, shape, {"": "", **prefixes}, declared, out)
    return "".join(out)


def _write(node: Node, shape: Shape, prefixes: dict[str, str], declared: str, out: list[str]) -> None:
    name = prefixes[node.member.namespace] + node.member.local
    attributes = "".join(f" {prefixes[a.namespace]}{a.name}={quoteattr(as_text(value, a.simple))}" for a, value in node.attributes)
    out.append(f"<{name}{declared}{attributes}>")
    simple = content_type(node, shape)
    if simple is not None:
        out.append(escape(as_text(node.value, simple)))
    for child in node.children:
        _write(child, shape, prefixes, "", out)
    out.append(f"</{name}>")


def content_type(node: Node, shape: Shape) -> Optional[Simple]:
    """The type of the text of an element; None when it holds elements."""
    return node.member.simple if node.member.record < 0 else shape.records[node.member.record].text


def as_text(value: Any, simple: Simple) -> str:
    """A value in the lexical form of XML Schema."""
    if simple.kind == "boolean":
        return "true" if value else "false"
    if simple.kind == "hexBinary":
        return bytes(value).hex().upper()
    if simple.kind == "base64Binary":
        return base64.b64encode(value).decode()
    return str(value)


def _as_value(text: str, simple: Simple) -> Any:
    if simple.kind == "boolean":
        return {"true": True, "1": True, "false": False, "0": False}[text.strip()]
    if simple.kind == "integer":
        return int(text)
    if simple.kind == "hexBinary":
        return bytes.fromhex(text.strip())
    if simple.kind == "base64Binary":
        return base64.b64decode(text, validate=False)
    return text


def difference(node: Node, text: str, shape: Shape) -> Optional[str]:
    """Where XML that the oracle wrote differs in content from the instance; None when it does not."""
    return _difference(node, ET.fromstring(text), shape, node.member.local)


def _difference(node: Node, found: ET.Element, shape: Shape, path: str) -> Optional[str]:
    expected = _qualified(node.member.namespace, node.member.local)
    if found.tag != expected:
        return f"{path}: element {found.tag} instead of {expected}"
    attributes = {_qualified(a.namespace, a.name): (value, a.simple) for a, value in node.attributes}
    if sorted(attributes) != sorted(found.keys()):
        return f"{path}: attributes {sorted(found.keys())} instead of {sorted(attributes)}"
    for name, (value, simple) in attributes.items():
        if _as_value(found.attrib[name], simple) != value:
            return f"{path}@{name}: {found.attrib[name]!r} instead of {value!r}"
    simple_content = content_type(node, shape)
    if simple_content is not None:
        if len(found) or _as_value(found.text or "", simple_content) != node.value:
            return f"{path}: {found.text!r} instead of {node.value!r}"
        return None
    if (found.text or "").strip() or any((child.tail or "").strip() for child in found):
        return f"{path}: text between elements"
    if len(found) != len(node.children):
        return f"{path}: {len(found)} elements {[c.tag for c in found][:9]} instead of {len(node.children)}"
    for position, (child, other) in enumerate(zip(node.children, found)):
        problem = _difference(child, other, shape, f"{path}/{child.member.local}[{position}]")
        if problem is not None:
            return problem
    return None


def _qualified(namespace: str, local: str) -> str:
    return f"{{{namespace}}}{local}" if namespace else local


def has_empty_value(node: Node, shape: Shape) -> bool:
    """Does an element of the instance hold a string or binary of length zero?"""
    if content_type(node, shape) is not None and node.value in ("", b""):
        return True
    return any(has_empty_value(child, shape) for child in node.children)
