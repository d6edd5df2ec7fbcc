"""Writes the Python side: one module of dataclasses per schema, and one module that moves them to and from the tape."""
from __future__ import annotations

import textwrap

from .model import Enumeration, Field, Model, Record
from .declarations import SimpleType


def messages_module(model: Model, module: str, key: str, banner: str) -> str:
    """The text of messages/<module>.py."""
    out = [f'"""Messages of schema {key}, one dataclass per schema type, with the names of the schema.', "", banner, '"""',
           "from __future__ import annotations", "", "import sys", "from dataclasses import dataclass, field", "from enum import Enum",
           "from typing import TYPE_CHECKING", "", "if TYPE_CHECKING:",
           f"    import exi_native.messages.{module} as {module}",
           "else:", "    # Where a field has the name of its own type, the annotation reaches the type through the module.",
           f"    {module} = sys.modules[__name__]", "", "",
           "class SchemaEnum(Enum):", '    """An enumerated simple type; the value is the word of the standard."""', "",
           "    __hash__ = object.__hash__  # members are singletons; Enum's own hash is a slow Python function", ""]
    for enumeration in model.enumerations.values():
        out += _enumeration(enumeration)
    for record in model.records:
        out += _dataclass(record, model, module)
    names = [e.name for e in model.enumerations.values()] + [r.name for r in model.records]
    aliases = [(e.local, r.name) for r in model.records for e in r.roots if e.local not in names]
    if aliases:
        out += ["", "# Global elements whose type has another name."]
        out += [f"{element} = {record}" for element, record in aliases] + [""]
        names += [element for element, _ in aliases]
    if not any("field(" in line for line in out):
        out[out.index("from dataclasses import dataclass, field")] = "from dataclasses import dataclass"
    out += ["", "__all__ = ["] + [f'    "{n}",' for n in names] + ["]", ""]
    return "\n".join(out)


def _enumeration(enumeration: Enumeration) -> list[str]:
    assert enumeration.type.name is not None
    out = ["", f"class {enumeration.name}(SchemaEnum):",
           f'    """Simple type {enumeration.type.name[1]} of {enumeration.type.name[0]}."""', ""]
    return out + [f"    {identifier} = {_quoted(word)}" for identifier, word in enumeration.members] + [""]


def _dataclass(record: Record, model: Model, module: str) -> list[str]:
    schema_type = record.type
    if schema_type.name is not None:
        what = f"Type {schema_type.name[1]} of {schema_type.name[0]}"
    elif record.roots and record.type.text is not None and not record.type.base:
        what = f"Simple type of {record.roots[0].name[0]}, as the content of a document or fragment"
    else:
        assert schema_type.anonymous_in is not None
        what = f"Anonymous type of element {schema_type.anonymous_in.local} of {schema_type.anonymous_in.name[0]}"
    notes = []
    if record.roots:
        notes.append("global element " + ", ".join(e.local for e in record.roots))
    if schema_type.abstract:
        notes.append("abstract")
    if schema_type.mixed:
        notes.append("mixed text and wildcard content are not represented")
    for choice in record.choices:
        alternatives = " | ".join("+".join(a) for a in choice.alternatives)
        how = ("one or more of" if choice.required else "any number of") if choice.repeated else "one of" if choice.required else "at most one of"
        notes.append(f"{how} {alternatives}")
    text = what + ("; " + "; ".join(notes) if notes else "") + "."
    doc = textwrap.wrap(text, 112, initial_indent='    """', subsequent_indent="    ", break_long_words=False)
    doc[-1] += '"""'
    out = ["", "@dataclass(slots=True, kw_only=True)", f"class {record.name}:", *doc, ""]
    names = {f.name for f in record.fields}
    for one in record.fields:
        out += _field(one, model, module, names)
    return out + ([] if not record.fields else [""])


def _field(one: Field, model: Model, module: str, names: set[str]) -> list[str]:
    if one.simple is not None:
        kinds = [python_type(one.simple, model)]
    else:
        kinds = [r.name for _, r in one.members]
    kinds = [f"{module}.{k}" if k in names else k for k in kinds]
    kind = " | ".join(kinds)
    comment = facet_comment(one.simple) if one.simple is not None else ""
    if one.many:
        kind, default = f"list[{kind}]", "" if one.required else " = field(default_factory=list)"
    elif one.required:
        default = ""
    else:
        kind, default = kind + " | None", " = None"
    line = f"    {one.name}: {kind}{default}{comment}"
    if len(line) <= 118:
        return [line]
    lines = [f"    {one.name}: ("]
    row = "       "
    parts = kind.split(" | ")
    for index, part in enumerate(parts):
        piece = (" | " if index else " ") + part
        if len(row) + len(piece) > 114:
            lines.append(row)
            row = "       "
        row += piece
    return lines + [row, f"    ){default}{comment}"]


def python_type(simple: SimpleType, model: Model) -> str:
    if simple in model.enumerations:
        return model.enumerations[simple].name
    return {"boolean": "bool", "integer": "int", "string": "str", "hexBinary": "bytes", "base64Binary": "bytes"}[simple.primitive]


def facet_comment(simple: SimpleType) -> str:
    """The limits of a value, as a comment beside its field."""
    if simple.enumeration or simple.primitive == "boolean":
        return ""
    if simple.primitive == "integer":
        if simple.lo is None and simple.hi is None:
            return ""
        return f"  # {simple.lo} .. {simple.hi}"
    if simple.max_length is None:
        return ""
    unit = "characters" if simple.primitive == "string" else "octets"
    least = f"{simple.min_length} .. " if simple.min_length else "at most "
    return f"  # {least}{simple.max_length} {unit}"


def _quoted(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
