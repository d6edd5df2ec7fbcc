"""Follows a trace of the codec through the grammar: where in the message each step is, and what it means."""
from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Iterator

from exi_native.codec import Trace, TraceStep
from exi_native.generated import names_of

#: Second parts of an event code (exi.md section 3, element states): at the start of an element, after an attribute, in
#: its content. The first entry is left out where EE has a code of its own.
SECOND_FIRST = ("EE", "AT(xsi:type)", "AT(xsi:nil)", "AT(*)", "AT(*) untyped", "SE(*)", "CH untyped")
SECOND_LATER = ("EE", "AT(*)", "AT(*) untyped", "SE(*)", "CH untyped")
SECOND_CONTENT = ("EE", "SE(*)", "CH untyped")
#: EXI 7.1.9: an integer whose range has at most this many values is sent in as few bits as possible, others in 7-bit groups.
MAX_NBIT_RANGE = 4096
ESCAPE = "escape to the second part of the code"
_LIMITS = re.compile(r"(-?\d+) \.\. (-?\d+)")


@dataclass(frozen=True, slots=True)
class Datatype:
    """A row of TYPES in generated/<module>_names.py: name, primitive, limits as text, words of an enumeration."""

    name: str
    primitive: str
    limits: str
    words: tuple[str, ...]

    def text(self) -> str:
        """The type for people: `unitSymbolType, one of h, m, s` or `percentValueType, integer 0 .. 100`."""
        name = f"{self.name}, " if self.name else ""
        if self.words:
            return f"{name}one of {', '.join(self.words)}"
        return f"{name}{self.primitive} {self.limits}".rstrip()

    def value(self, raw: Any) -> Any:
        """The value of a step: words and booleans are numbered from 1 (codec.TraceStep)."""
        if self.words:
            return self.words[raw - 1]
        return raw == 2 if self.primitive == "boolean" else raw

    def low(self) -> int | None:
        """What is added to the bits of a bounded integer; None for integers in 7-bit groups and for other types."""
        limits = _LIMITS.fullmatch(self.limits) if self.primitive == "integer" and not self.words else None
        if limits is None:
            return None
        low, high = int(limits[1]), int(limits[2])
        return low if high - low < MAX_NBIT_RANGE else None

    def signed(self) -> bool:
        """True for integers with a sign bit before their groups."""
        if self.primitive != "integer" or self.low() is not None:
            return False
        return not self.limits or self.limits.startswith(("-", "None"))


@dataclass(frozen=True, slots=True)
class Place:
    """A step with the path of elements above it and what it means. `expected`: productions by code, where one is chosen."""

    step: TraceStep
    path: tuple[str, ...]
    meaning: str
    datatype: Datatype | None = None
    expected: tuple[str, ...] = ()

    @property
    def end(self) -> int:
        return self.step.bit + self.step.bits


class Walk:
    """The names of one schema's grammar, and the way through it that a trace took."""

    def __init__(self, schema: str) -> None:
        self._module = names_of(schema)

    def places(self, trace: Trace) -> Iterator[Place]:
        """The steps with their places, in the order of the bits."""
        path: list[str] = []                     # open elements; the last may be one of simple type, or an attribute
        seen: list[dict[str, int]] = [{}]        # how often which name came, by level
        started = False                          # the step before was the start of an element
        previous = ""
        for step in trace.steps:
            inside = step.kind == "second" and previous == "content"      # of an element of simple type
            if step.kind in ("event", "second", "header") and not inside:
                del path[step.depth - 1:], seen[step.depth:]
            if step.kind == "event":
                place = self._event(step, path)
                yield place
                if place.meaning != ESCAPE:          # its second part still belongs to the same state
                    started = self._enter(step, path, seen)
            elif step.kind == "second":
                yield self._second(step, path, started or inside, inside)
                started = False
            elif step.kind == "content":
                usual = "CH" if previous == "event" else "EE"
                yield Place(step, tuple(path), ESCAPE if step.value else usual, self._type(step), (usual, ESCAPE))
            elif step.kind == "value":
                datatype = self._type(step)
                value = step.value if datatype is None else datatype.value(step.value)
                text = value if datatype is not None and datatype.words else plain_value(value)
                yield Place(step, tuple(path), text, datatype)
            else:
                yield Place(step, (), "EXI header: no cookie, no options, version 1" if step.value == 0x80 else "not the EXI header 80")
            previous = step.kind

    def waiting_for(self, place: Place) -> Datatype | None:
        """The datatype of the value that must come right after this step; None when something else comes."""
        step = place.step
        if step.kind == "content" and not step.value and place.meaning != "EE":
            return place.datatype
        if step.kind == "event" and self._production(step)[0] in ("AT", "CH"):
            return self._type(step)
        return None

    def _event(self, step: TraceStep, path: list[str]) -> Place:
        title, _, productions = self._module.STATES[step.state]
        expected = tuple(production_text(p) for p in productions)
        if step.code < len(expected):
            meaning = expected[step.code]
        elif step.code == len(expected) and title not in ("document", "fragment"):
            meaning = ESCAPE
        else:
            meaning = "a code without meaning"
        return Place(step, tuple(path), meaning, None, expected)

    def _second(self, step: TraceStep, path: list[str], started: bool, inside: bool) -> Place:
        productions = () if inside else self._module.STATES[step.state][2]
        declared = any(event == "EE" for event, _, _ in productions)
        attributes = any(event == "AT" for event, _, _ in productions)
        # A start tag has more bits than content, with EE declared or not (3 or 3, later 3 or 2, content 2 or 1).
        if step.bits == 3 and (started or declared):
            entries = SECOND_FIRST
        elif step.bits == 3 or attributes or declared and step.bits == 2:
            entries = SECOND_LATER
        else:
            entries = SECOND_CONTENT
        entries = entries[1:] if declared else entries
        meaning = entries[step.value] if step.value < len(entries) else "a code without meaning"
        return Place(step, tuple(path), meaning, None, entries)

    def _enter(self, step: TraceStep, path: list[str], seen: list[dict[str, int]]) -> bool:
        """Puts the element or attribute that this event begins on the path."""
        event, name, number = self._production(step)
        if event not in ("SE", "AT") or not name:
            return False
        counts = seen[-1]
        counts[name] = counts.get(name, 0) + 1
        label = f"@{name}" if event == "AT" else name if counts[name] == 1 else f"{name}[{counts[name] - 1}]"
        path.append(label)
        if event == "SE" and number is None:
            seen.append({})
        return event == "SE"

    def _production(self, step: TraceStep) -> tuple[str, str, int | None]:
        productions = self._module.STATES[step.state][2]
        known: tuple[str, str, int | None] = productions[step.code] if step.code < len(productions) else ("", "", None)
        return known

    def _type(self, step: TraceStep) -> Datatype | None:
        number = self._production(step)[2]
        return None if number is None else Datatype(*self._module.TYPES[number])


def production_text(production: tuple[str, str, int | None]) -> str:
    """`SE(Header)`, `AT(Id)`, `EE`, `SE(*)`."""
    event, name, _ = production
    if event == "ANY":
        return "SE(*)"
    return f"{event}({name})" if name else event


def plain_value(value: Any) -> str:
    """A value for people, without characters that a terminal would obey."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.hex() or "(no octets)"
    if isinstance(value, str):
        return ascii(value)
    return str(value) if value.bit_length() <= 512 else hex(value)
