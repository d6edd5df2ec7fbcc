"""The grammars of both sides in one form, to be walked in lockstep or fingerprinted: ours from the generator's states
or from the generated files alone, the oracle's from its dump."""
from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any, Hashable, NamedTuple, Optional, Protocol

import exi_native
from exi_native.generate.emit_c import NBIT_LIMIT
from exi_native.generate.grammar import RELAXED_EE, Grammar, Production
from exi_native.generate.declarations import SimpleType

Key = Hashable


class Event(NamedTuple):
    """One production: its kind, qualified name, datatype; the start of the element's content; the state after it."""

    kind: str  # SE AT CH EE ANY TEXT ED
    name: str
    datatype: str
    child: Optional[Key]
    next: Optional[Key]


class State(NamedTuple):
    """`bits` of the event code, `second` bits of its second part; `escape_ends`: is EE the first second-level event?
    `partial`: only what one type needs is followed here (relaxed grammar of a fragment, EXI 1.0 section 8.5.3)."""

    bits: int
    second: int
    escape_ends: bool
    events: tuple[Event, ...]
    partial: bool = False


class Automaton(Protocol):
    """A grammar whose states are named by keys."""

    def state(self, key: Key) -> State: ...

    def document(self) -> Key: ...

    def fragment(self) -> Key: ...


#: Content of an element of simple type: a first start tag with one CH, then one EE (exi.md section 3); second-level
#: events there are 7 and 2.
_VALUE, _END = "value", "end of value"


def _value_state(key: tuple[str, str]) -> State:
    if key[0] == _VALUE:
        return State(1, 3, True, (Event("CH", "", key[1], None, (_END, "")),))
    return State(1, 1, False, (Event("EE", "", "", None, None),))


def _escape_ends(second: int, events: tuple[Event, ...]) -> bool:
    """Where EE is not declared it is the first of the second-level events, if there are any (EXI 1.0 section 8.5.4.4)."""
    return second > 0 and all(event.kind != "EE" for event in events)


def integer_text(low: Optional[int], high: Optional[int]) -> str:
    """How an integer with these bounds is written (EXI 1.0 section 7.1.5 and 7.1.9)."""
    if low is not None and high is not None and high - low + 1 <= NBIT_LIMIT:
        return f"NBIT_UNSIGNED_INTEGER {low}..{high}"
    return "UNSIGNED_INTEGER" if low is not None and low >= 0 else "INTEGER"


PRIMITIVES = {"boolean": "BOOLEAN", "string": "STRING", "hexBinary": "BINARY_HEX", "base64Binary": "BINARY_BASE64"}


def _enumeration(words: Any) -> str:
    return "ENUMERATION " + " ".join(words)


class OurStates:
    """The generator's grammar; a key is the number of a state and the counter of its element."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        starts = {p.start for p in grammar.states[1].productions if p.start}
        self._relaxed = starts | {p.next for number in starts for p in grammar.states[number].productions if p.event == "CH"}

    def document(self) -> Key:
        return (0, 0)

    def fragment(self) -> Key:
        return (1, 0)

    def state(self, key: Any) -> State:
        if isinstance(key[0], str):
            return _value_state(key)
        number, counter = key
        ours = self.grammar.states[number]
        events = tuple(self._event(p, counter, ours.second_bits == 0) for p in ours.productions)
        return State(ours.bits, ours.second_bits, _escape_ends(ours.second_bits, events), events, number in self._relaxed)

    def _event(self, production: Production, counter: int, outermost: bool) -> Event:
        simple = production.simple
        child: Optional[Key] = None
        if production.record is not None:
            child = (production.start or self.grammar.start[production.record], 0)
        elif simple is not None and production.event == "SE":
            child = (_VALUE, datatype(simple))
        name = f"{{{production.namespace}}}{production.name}" if production.event in ("SE", "AT") else ""
        name = "*" if production.name == "*" else name
        after: Optional[Key] = None
        if production.event not in ("EE", "ED") and not outermost:
            after = (production.next, counter)
            if production.loop is not None:
                counter = production.loop.start or counter + 1
                after = (production.loop.full if counter >= production.loop.limit else production.next, counter)
            after = self._normal(after)
        if after == (0, 0):  # something that a relaxed grammar allows and that is not read
            after = None
        kind = "EE" if production.event == RELAXED_EE else production.event
        return Event(kind, name, datatype(simple) if simple is not None and production.event != "SE" else "", child, after)

    def _normal(self, key: tuple[int, int]) -> Key:
        """Without the counter where no production goes on counting from it."""
        counts = any(p.loop is not None and p.loop.start == 0 for p in self.grammar.states[key[0]].productions)
        return key if counts else (key[0], 0)


def datatype(simple: SimpleType) -> str:
    if simple.enumeration:
        return _enumeration(simple.enumeration)
    return integer_text(simple.lo, simple.hi) if simple.primitive == "integer" else PRIMITIVES[simple.primitive]


class OurFiles:
    """The generated files of one schema: widths, successors and loops from the C tables, names and words from the
    module of names. What runs, read again as text; namespaces are not in it, and relaxed elements are not entered."""

    def __init__(self, module: str, names: ModuleType) -> None:
        text = (Path(exi_native.__file__).parent / "generated" / f"{module}_tables.c").read_text()
        self._names = names
        self._types, self._productions, self._states, self._records, self._loops = (
            _rows(text, f"exi_{kind} {kind}s") for kind in ("datatype", "production", "state", "record", "loop"))

    def document(self) -> Key:
        return (0, 0)

    def fragment(self) -> Key:
        return (1, 0)

    def state(self, key: Any) -> State:
        if isinstance(key[0], str):
            return _value_state(key)
        number, counter = key
        first, count, bits, second = (int(word) for word in self._states[number][:4])
        rows = self._productions[int(first):int(first) + int(count)]
        events = tuple(self._event(number, code, row, counter, second == 0) for code, row in enumerate(rows))
        return State(bits, second, _escape_ends(second, events), events)

    def _event(self, number: int, code: int, row: list[str], counter: int, outermost: bool) -> Event:
        kind, _, type_, following, _, loop_number = row
        event, name, type_name = self._names.STATES[number][2][code]
        expected = {"EXI_SE_SIMPLE": "SE", "EXI_SE_RECORD": "SE", "EXI_SE_RELAXED": "SE"}.get(kind, kind.removeprefix("EXI_"))
        if event != expected:
            raise ValueError(f"state {number} code {code}: {kind} in the tables, {event} in the names")
        child: Optional[Key] = None
        text = ""
        if kind == "EXI_SE_RECORD":
            child = (int(self._records[int(type_)][0]), 0)
        elif type_name is not None and kind in ("EXI_SE_SIMPLE", "EXI_AT", "EXI_CH"):
            text = self._datatype(self._types[int(type_)], self._names.TYPES[type_name])
        if kind == "EXI_SE_SIMPLE":
            child, text = (_VALUE, text), ""
        after: Optional[Key] = None
        if event not in ("EE", "ED") and not outermost:
            after = (int(following), counter)
            loop = [int(word) for word in self._loops[int(loop_number)]]
            if int(loop_number):
                counter = loop[0] or counter + 1
                after = (loop[2] if counter >= loop[1] else int(following), counter)
            counts = any(int(p[5]) and int(self._loops[int(p[5])][0]) == 0 for p in self._of(after[0]))
            after = after if counts else (after[0], 0)
        return Event(event, name if event in ("SE", "AT") else "", text, child, after)

    def _of(self, number: int) -> list[list[str]]:
        first, count = int(self._states[number][0]), int(self._states[number][1])
        return self._productions[first:first + count]

    @staticmethod
    def _datatype(row: list[str], names: tuple[str, str, str, tuple[str, ...]]) -> str:
        kind, bits, count, _, low, high, _, _ = row
        _, primitive, _, words = names
        if kind == "EXI_ENUMERATION":
            if (int(count), int(bits)) != (len(words), (len(words) - 1).bit_length()):
                raise ValueError(f"enumeration of {count} in {bits} bits has words {words}")
            return _enumeration(words)
        if kind == "EXI_NBIT":
            lowest, highest = int(low[8:-1]), int(high[8:-1])  # INT64_C(...)
            if (highest - lowest).bit_length() != int(bits):
                raise ValueError(f"{lowest}..{highest} in {bits} bits")
            return integer_text(lowest, highest)
        return {"EXI_UNSIGNED": "UNSIGNED_INTEGER", "EXI_SIGNED": "INTEGER"}.get(kind) or PRIMITIVES[primitive]


def _rows(text: str, declaration: str) -> list[list[str]]:
    """The rows of one array of a C table."""
    body = text.split(f"static const {declaration}[] = {{\n", 1)[1].split("\n};", 1)[0]
    return [re.match(r"\s*\{(.*?)\},", line)[1].split(", ") for line in body.splitlines()]  # type: ignore[index]


_KINDS = {"START_ELEMENT": "SE", "END_ELEMENT": "EE", "ATTRIBUTE": "AT", "CHARACTERS": "CH", "CHARACTERS_GENERIC": "TEXT",
          "START_ELEMENT_GENERIC": "ANY", "ATTRIBUTE_GENERIC": "AT", "END_DOCUMENT": "ED"}


class OracleStates:
    """The oracle's dump; a key is its number of a state. Without `relaxed`, elements of a fragment whose name has several
    types are not entered."""

    def __init__(self, dump: dict[str, Any], relaxed: bool) -> None:
        self.dump = dump
        self._left_out = None if relaxed else dump["elementFragment"]

    def document(self) -> Key:
        return self._after_start(self.dump["document"])

    def fragment(self) -> Key:
        return self._after_start(self.dump["fragment"])

    def _after_start(self, number: int) -> Key:
        return int(self.dump["states"][number]["ev"][0]["next"])  # SD costs no bit

    def state(self, key: Any) -> State:
        theirs = self.dump["states"][key]
        outermost = theirs["type"] in ("SCHEMA_INFORMED_DOC_CONTENT", "SCHEMA_INFORMED_FRAGMENT_CONTENT")
        second = (theirs["n2"] - 1).bit_length() if theirs["n2"] > 0 else 0
        return State(theirs["bits1"], second, bool(theirs["second"]) and theirs["second"][0] == "END_ELEMENT_UNDECLARED",
                     tuple(self._event(e, outermost) for e in theirs["ev"]))

    def _event(self, event: dict[str, Any], outermost: bool) -> Event:
        kind = _KINDS[event["e"]]
        child = event.get("elem") if kind == "SE" else None
        after = None if kind in ("EE", "ED") or outermost else event["next"]
        text = self._datatype(event["dt"]) if kind in ("AT", "CH") and "dt" in event else ""
        name = event.get("name", "*") if kind in ("SE", "AT") else ""
        return Event(kind, name, text, None if child == self._left_out else child, after)

    @staticmethod
    def _datatype(dumped: dict[str, Any]) -> str:
        if dumped["t"] == "ENUMERATION":
            return _enumeration(dumped["values"])
        if dumped["t"] == "NBIT_UNSIGNED_INTEGER":
            return f"NBIT_UNSIGNED_INTEGER {dumped['lo']}..{dumped['hi']}"
        return str(dumped["t"])
