"""Writes generated/<module>_tape.py: the functions that build dataclasses from the tape and write them onto it.

The layout of the tape is described in include/ccsexi.h. One pair of functions per class, straight-line code, because
this runs for every message; what goes wrong in them is explained afterwards by exi_native/explain.py.
"""
from __future__ import annotations

import re

from .emit_c import is_big
from .grammar import Grammar, Production
from .model import Field, Model, Record
from .declarations import UNBOUNDED, SimpleType


def tape_module(grammar: Grammar, module: str, key: str, banner: str) -> str:
    """The text of generated/<module>_tape.py."""
    model = grammar.model
    head = [f'"""Moves the dataclasses of schema {key} to and from the tape of the C library.', "", banner, '"""',
            "from __future__ import annotations", "", "from typing import Any, Callable", "",
            f"from exi_native.messages import {module} as m"]
    out = [""]
    for enumeration in model.enumerations.values():
        name = enumeration.name
        out += [f"of_{name}: tuple[Any, ...] = (None, *m.{name})",
                f"to_{name}: dict[Any, int] = {{member: code for code, member in enumerate(m.{name}, start=1)}}",
                f"to_optional_{name}: dict[Any, int] = {{None: 0, **to_{name}}}"]
    for record in model.records:
        out += _take(record, model) + _put(record, model)
    out += ["", "", "Take = Callable[[list[int], int, bytes], Any]", "Put = Callable[[Any, list[Any], bytearray], int]", "",
            "TAKE: tuple[Take, ...] = (", f"    take_{model.records[0].name},  # 0 is not used"]
    out += [f"    take_{r.name}," for r in model.records] + [")", "", "PUT: dict[type, Put] = {"]
    out += [f"    m.{r.name}: put_{r.name}," for r in model.records] + ["}", "",
            "#: Classes of the global elements: what may be the root of a document.", "ROOTS: dict[type, Put] = {"]
    out += [f"    m.{r.name}: put_{r.name}," for r in model.records if r.roots]
    out += ["}", "", "#: What may be the root, by event code: the element's name, and its record (0: none, it cannot be read alone).",
            "DOCUMENT: tuple[tuple[str, int], ...] = (", *_roots(grammar.states[0].productions), ")",
            "FRAGMENT: tuple[tuple[str, int], ...] = (", *_roots(grammar.states[1].productions), ")"]
    out += ["", "#: By record number: the class and its fields, for reports of errors.",
            "FIELDS: tuple[tuple[type, tuple[FieldRow, ...]], ...] = (", "    (object, ()),"]
    for record in model.records:
        out += [f"    (m.{record.name}, (", *(f"        {_row(one, model)}," for one in record.fields), "    )),"]
    out += [")", "", "#: Classes with alternatives: for each choice the fields of the alternatives, whether one must be there, and whether it repeats.",
            "CHOICES: dict[type, tuple[ChoiceRow, ...]] = {"]
    for record in model.records:
        rows = "".join(f"ChoiceRow({choice.alternatives}, {choice.required}, {choice.repeated}), " for choice in record.choices)
        out += [f"    m.{record.name}: ({rows.rstrip()}),"] if rows else []
    body = "\n".join(out + ["}", ""])
    names = ("ABSENT", "BOOLEAN", "ChoiceRow", "FieldRow", "big", "new", "octets", "put_big", "put_octets", "put_text", "text",
             "wrong_value")
    used = [name for name in names if re.search(rf"\b{name}\b", body)]
    return "\n".join([*head, f"from exi_native.tape import {', '.join(used)}", body])


def _roots(productions: list[Production]) -> list[str]:
    return [f'    ("{p.name}", {0 if p.record is None else p.record.number}),' for p in productions if p.name]


def _take(record: Record, model: Model) -> list[str]:
    out = ["", "", f"def take_{record.name}(t: list[int], i: int, b: bytes) -> m.{record.name}:",
           f"    o = new(m.{record.name})"]
    for one in record.fields:
        place = f"t[i + {one.word}]"
        if one.many:
            out += ["    found: list[Any] = []" if not any("found:" in line for line in out) else "    found = []",
                    f"    n = {place}", "    while n:", f"        found.append({_take_value(one, 't[n + 1]', model, True)})",
                    "        n = t[n]", f"    o.{one.name} = found"]
        else:
            out.append(f"    o.{one.name} = {_take_value(one, place, model, one.required)}")
    return out + ["    return o"]


def _take_value(one: Field, place: str, model: Model, required: bool) -> str:
    if one.simple is None:
        union = len(one.members) > 1
        take = "TAKE[t[{0}]](t, {0}, b)" if union else f"take_{one.members[0][1].name}(t, {{0}}, b)"
        if required:
            return take.format(place)
        return take.format("v") + f" if (v := {place}) else None"
    simple = one.simple
    if simple in model.enumerations:
        return f"of_{model.enumerations[simple].name}[{place}]"
    if simple.primitive == "boolean":
        return f"BOOLEAN[{place}]"
    if simple.primitive == "string":
        return f"text({place}, b)"
    if simple.primitive != "integer":
        return f"octets({place}, b)"
    if is_big(simple):
        return f"big({place}, b)"
    return place if required else f"None if (v := {place}) == ABSENT else v"


def _put(record: Record, model: Model) -> list[str]:
    out = ["", "", f"def put_{record.name}(o: Any, t: list[Any], b: bytearray) -> int:",
           f"    if o.__class__ is not m.{record.name}:", "        raise TypeError"]
    checked = len(out)
    words = [str(record.number)]
    for one in record.fields:
        value = f"o.{one.name}"
        if one.many:
            name = f"c{one.slot}"
            out += [f"    if {value}.__class__ is not list:", "        wrong_value()",
                    f"    {name} = 0", f"    for x in reversed({value}):"]
            inner = _put_value(one, "x", model, True)
            if one.simple is None:
                out += [f"        v = {inner}", f"        t += ({name}, v)"]
            else:
                out.append(f"        t += ({name}, {inner})")
            out.append(f"        {name} = len(t) - 2")
            words += [name, "0"]
        elif one.simple is None:
            name = f"c{one.slot}"
            call = _put_value(one, "v" if not one.required else value, model, True)
            out.append(f"    {name} = {call}" if one.required else f"    {name} = 0 if (v := {value}) is None else {call}")
            words.append(name)
        else:
            words.append(_put_value(one, value, model, one.required))
    out += ["    i = len(t)"]
    row = f"    t += ({', '.join(words)}{',' if len(words) == 1 else ''})"
    if len(row) <= 118:
        out.append(row)
    else:
        out += ["    t += ("] + [f"        {word}," for word in words] + ["    )"]
    body = "\n".join(out[checked:])
    for variable, sign in (("x", "for x in"), ("v", "v :="), ("v", "  v = ")):
        declaration = f"    {variable}: Any"
        if sign in body and declaration not in out:
            out.insert(checked, declaration)
    return out + ["    return i"]


def _put_value(one: Field, value: str, model: Model, required: bool) -> str:
    if one.simple is None:
        if len(one.members) == 1:
            return f"put_{one.members[0][1].name}({value}, t, b)"
        return f"PUT[{value}.__class__]({value}, t, b)"
    simple = one.simple
    if simple in model.enumerations:
        return f"{'to' if required else 'to_optional'}_{model.enumerations[simple].name}[{value}]"
    if simple.primitive == "boolean":
        absent = "" if required else "0 if v is None else "
        return f"2 if (v := {value}) is True else 1 if v is False else {absent}wrong_value()"
    if simple.primitive == "string":
        call = f"put_text({value}, b)"
    elif simple.primitive != "integer":
        call = f"put_octets({value}, b)"
    elif is_big(simple):
        call = f"put_big({value}, b)"
    else:
        return value if required else f"ABSENT if (v := {value}) is None else v if v != ABSENT else wrong_value()"
    absent = "ABSENT" if simple.primitive == "integer" else "0"
    return call if required else f"{absent} if {value} is None else {call}"


def _row(one: Field, model: Model) -> str:
    """FieldRow: word, name, kind, required, many, low, high, classes, least, most."""
    low: object = None
    high: object = None
    classes = "()"
    if one.simple is None:
        kind = "record"
        classes = "(" + "".join(f"m.{r.name}, " for _, r in one.members).rstrip() + ")"
    elif one.simple in model.enumerations:
        kind = "enumeration"
        classes = f"(m.{model.enumerations[one.simple].name},)"
    else:
        simple: SimpleType = one.simple
        kind = {"boolean": "boolean", "integer": "integer", "string": "string"}.get(simple.primitive, "binary")
        low, high = (simple.lo, simple.hi) if kind == "integer" else (simple.min_length, simple.max_length)
    most = one.most if one.many and one.most != UNBOUNDED else None
    return f'FieldRow({one.word}, "{one.name}", "{kind}", {one.required}, {one.many}, {low}, {high}, {classes}, {one.least}, {most})'
