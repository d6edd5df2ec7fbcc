"""Writes generated/<module>_names.py: what states, productions and types are called, for tools that explain a message."""
from __future__ import annotations

from .emit_python import facet_comment
from .grammar import Grammar, Production
from .declarations import SimpleType


def names_module(grammar: Grammar, key: str, banner: str) -> str:
    """The text of generated/<module>_names.py."""
    types: dict[SimpleType, int] = {}
    states = []
    for state in grammar.states:
        rows = "".join(f"{_production(p, types)}, " for p in state.productions)
        states.append(f"    (\"{state.title}\", {state.bits}, ({rows.rstrip()})),")
    return "\n".join([
        f'"""Names of the grammar of schema {key}, for tools; the codec itself does not need them.', "", banner, '"""',
        "from __future__ import annotations", "", "from typing import Optional", "",
        "#: (name, primitive, limits, words of an enumeration)",
        "TYPES: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (", *(f"    {_type(t)}," for t in types), ")", "",
        "Production = tuple[str, str, Optional[int]]  # event, name of element or attribute, number in TYPES", "",
        "#: By number of the state: the type it belongs to, bits of its event code, productions by event code.",
        "STATES: tuple[tuple[str, int, tuple[Production, ...]], ...] = (", *states, ")", ""])


def _production(production: Production, types: dict[SimpleType, int]) -> str:
    number = None
    if production.simple is not None:
        number = types.setdefault(production.simple, len(types))
    return f'("{production.event}", "{production.name}", {number})'


def _type(simple: SimpleType) -> str:
    name = "" if simple.name is None else simple.name[1].split("#")[0]
    limits = facet_comment(simple).strip().lstrip("# ")
    words = "".join(f'"{word}", ' for word in simple.enumeration)
    return f'("{name}", "{simple.primitive}", "{limits}", ({words.rstrip()}))'
