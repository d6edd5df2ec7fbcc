"""Writes the C tables: states, productions, records, slots and datatypes of one schema, as constant arrays."""
from __future__ import annotations

from .grammar import AT, ANY, CH, ED, EE, RELAXED_EE, SE, Grammar, Loop, Production, State
from .model import Field
from .declarations import SimpleType

#: EXI 1.0 section 7.1.9: an integer whose bounds span at most this many values is sent as an n-bit offset.
NBIT_LIMIT = 4096
_DIRECT = 1 << 62  # integers below this magnitude stand on the tape themselves, others go through the blob
_NO_LIMIT = 0xFFFFFFFF
_KIND = {AT: "EXI_AT", CH: "EXI_CH", ANY: "EXI_ANY", EE: "EXI_EE", ED: "EXI_ED", SE: "EXI_SE_RELAXED", RELAXED_EE: "EXI_SE_RELAXED"}


class _Rows:
    """Numbers the different rows of one array."""

    def __init__(self, *rows: str) -> None:
        self.rows: list[str] = list(rows)
        self._known = {row: number for number, row in enumerate(rows)}

    def number(self, row: str) -> int:
        if row not in self._known:
            self._known[row] = len(self.rows)
            self.rows.append(row)
        return self._known[row]

    def lines(self) -> list[str]:
        return [f"    {row}, /* {n} */" for n, row in enumerate(self.rows)]


def is_code(simple: SimpleType) -> bool:
    """Is the value on the tape a code (boolean, enumeration) or reference, with 0 for absent?"""
    return bool(simple.enumeration) or simple.primitive != "integer"


def is_big(simple: SimpleType) -> bool:
    """Can the value be too large to stand on the tape itself?"""
    if simple.enumeration or simple.primitive != "integer":
        return False
    return simple.lo is None or simple.hi is None or simple.lo < -_DIRECT or simple.hi >= _DIRECT


def datatype_row(simple: SimpleType) -> str:
    if simple.enumeration:
        count = len(simple.enumeration)
        return _row("EXI_ENUMERATION", (count - 1).bit_length(), count=count)
    if simple.primitive == "boolean":
        return _row("EXI_BOOLEAN", 1, count=2)
    if simple.primitive != "integer":
        most = _NO_LIMIT if simple.max_length is None else simple.max_length
        kind = "EXI_STRING" if simple.primitive == "string" else "EXI_BINARY"
        return _row(kind, 0, lengths=(simple.min_length, most))
    lo, hi = simple.lo, simple.hi
    if lo is not None and hi is not None and hi - lo + 1 <= NBIT_LIMIT:
        return _row("EXI_NBIT", (hi - lo).bit_length(), bounds=(lo, hi))
    big_bits = 0
    if is_big(simple):
        # Magnitude on the wire: v, or -v - 1 for negative v.
        big_bits = 0xFFFF if hi is None else max(hi, -(lo or 0) - 1).bit_length()
    kind = "EXI_UNSIGNED" if lo is not None and lo >= 0 else "EXI_SIGNED"
    bounds = (-_DIRECT if lo is None else max(lo, -_DIRECT), _DIRECT - 1 if hi is None else min(hi, _DIRECT - 1))
    return _row(kind, 0, big_bits=big_bits, bounds=bounds)


def _row(kind: str, bits: int, count: int = 0, big_bits: int = 0, bounds: tuple[int, int] = (0, 0),
         lengths: tuple[int, int] = (0, 0)) -> str:
    return (f"{{{kind}, {bits}, {count}, {big_bits}, INT64_C({bounds[0]}), INT64_C({bounds[1]}), "
            f"{lengths[0]}U, {lengths[1]}U}}")


def tables(grammar: Grammar, key: str, module: str, banner: str) -> str:
    """The text of generated/<module>_tables.c."""
    datatypes, loops = _Rows(), _Rows("{0, 0, 0}")
    productions: list[str] = []
    states = [_state(state, productions, datatypes, loops) for state in grammar.states]
    records = ["    {0, 0, 0, 0}, /* 0: the document */"]
    slots: list[str] = []
    for record in grammar.model.records:
        records.append(f"    {{{grammar.start[record]}, {record.words}, {len(slots)}, {len(record.fields)}}}, "
                       f"/* {record.number}: {record.name} */")
        slots += [f"    {{{one.word}, {_slot_kind(one)}, {int(one.many)}}}, /* {record.name}.{one.name} */"
                  for one in record.fields]
    parts = [
        f"/* State tables of schema {key}.", "", *(f" * {line}" for line in banner.splitlines()), " */",
        '#include "tables.h"', "",
        *_array("exi_datatype", "datatypes", datatypes.lines()),
        *_array("exi_loop", "loops", loops.lines()),
        *_array("exi_production", "productions", productions),
        *_array("exi_state", "states", states),
        *_array("exi_slot", "slots", slots),
        *_array("exi_record", "records", records),
        f"const exi_schema exi_schema_{module} = {{",
        f"    datatypes, loops, productions, states, slots, records, {len(records)}",
        "};", ""]
    return "\n".join(parts)


def _array(kind: str, name: str, rows: list[str]) -> list[str]:
    return [f"static const {kind} {name}[] = {{", *rows, "};", ""]


def _state(state: State, productions: list[str], datatypes: _Rows, loops: _Rows) -> str:
    first = len(productions)
    for production in state.productions:
        productions.append(_production(production, datatypes, loops, state.number))
    return (f"    {{{first}, {len(state.productions)}, {state.bits}, {state.second_bits}, {int(state.empty_value)}}}, "
            f"/* {state.number}: {state.title}, {state.kind} */")


def _production(production: Production, datatypes: _Rows, loops: _Rows, state: int) -> str:
    one = production.field
    word, many = (one.word, int(one.many)) if one is not None else (0, 0)
    kind, type_ = _KIND.get(production.event, "EXI_TEXT"), 0
    if production.simple is not None:
        type_ = datatypes.number(datatype_row(production.simple))
        if production.event == SE:
            kind = "EXI_SE_SIMPLE"
    elif production.record is not None:
        type_, kind = production.record.number, "EXI_SE_RECORD"
        if production.start:
            kind, word = "EXI_SE_RELAXED", production.start
    elif production.event == AT:
        kind = "EXI_SE_RELAXED"
    name = f"{production.event} {production.name}".strip()
    loop = loops.number(_loop(production.loop)) if production.loop is not None else 0
    return f"    {{{kind}, {many}, {type_}, {production.next}, {word}, {loop}}}, /* {state}: {name} */"


def _loop(loop: Loop) -> str:
    return f"{{{loop.start}, {loop.limit}, {loop.full}}}"


def _slot_kind(one: Field) -> str:
    if one.simple is None:
        return "EXI_SLOT_RECORD"
    return "EXI_SLOT_CODE" if is_code(one.simple) else "EXI_SLOT_NUMBER"


def schema_list(modules: list[str], table_hash: str, depth: int, banner: str) -> str:
    """The text of generated/schemas.c: the list of all schemas and the hash that Python compares."""
    return "\n".join([
        "/* All schemas of the library, in the order of their numbers.", "", *(f" * {line}" for line in banner.splitlines()), " */",
        '#include "tables.h"', "",
        f"_Static_assert({depth} < EXI_MAX_DEPTH, \"the schemas nest deeper than the interpreter allows\");", "",
        *(f"extern const exi_schema exi_schema_{module};" for module in modules), "",
        "const exi_schema *const exi_schemas[] = {", *(f"    &exi_schema_{module}," for module in modules), "};", "",
        f"const uint32_t exi_schema_count = {len(modules)};", "",
        f'const char exi_table_digest[] = "{table_hash}";', ""])
