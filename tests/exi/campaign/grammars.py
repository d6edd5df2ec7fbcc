"""Compares grammars state by state with the oracle's, and keeps fingerprints of the oracle's for CI."""
from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from exi_native.generate.grammar import Grammar
from exi_native.generate.model import Model
from exi_native.generate.schemas import SchemaRow
from exi_native.generate.xsd import SchemaSet
from tests.exi.campaign.automata import Automaton, Key, OracleStates, OurStates, State
from tests.exi.campaign.oracle import Oracle, OracleMissing

FOLDER = Path(__file__).resolve().parent / "grammars"
#: Hexadecimal digits of a stored fingerprint.
DIGITS = 8
#: Events to look ahead where a list without bound makes a cycle; more than twice the states of such a type.
_LOOK_AHEAD = 64
#: Differences of one schema that are described.
_DESCRIBED = 10


@dataclass
class Outcome:
    """What the walk over one schema gave."""

    key: str
    pairs: int = 0
    our_states: int = 0
    their_states: int = 0
    relaxed: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    fingerprints: dict[str, str] = field(default_factory=dict)

    def line(self) -> str:
        return (f"{self.key}: {self.pairs} pairs of states equal in walks from document and fragment ({self.our_states} states here, "
                f"{self.their_states} of the oracle reached), {len(self.relaxed)} names with a relaxed fragment grammar ({', '.join(self.relaxed) or '-'}), "
                f"{len(self.differences)} differences")


def dump(key: str, oracle: Oracle) -> dict[str, Any]:
    """The oracle's grammar of a schema."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "grammar.json"
        answer = oracle.ask(op="grammar", schema=key, out=str(path))
        if "error" in answer:
            raise OracleMissing(f"the oracle cannot dump its grammar of {key}: {answer['error']}")
        found: dict[str, Any] = json.loads(path.read_text())
        return found


def compare_schema(row: SchemaRow, folder: Path, oracle: Oracle) -> Outcome:
    """Walk the generator's grammar and the oracle's in lockstep, from the document and from the fragment."""
    dumped = dump(row.key, oracle)
    ours = OurStates(Grammar(Model(SchemaSet(folder / row.entry))))
    outcome = Outcome(row.key)
    walk(ours, OracleStates(dumped, relaxed=True), outcome)
    outcome.fingerprints = fingerprints(OracleStates(dumped, relaxed=False))
    return outcome


def walk(ours: Automaton, theirs: Automaton, outcome: Outcome) -> None:
    """Visit every reachable pair of states and compare widths, productions, names, datatypes and successors."""
    waiting: list[tuple[Key, Key, str]] = [(ours.document(), theirs.document(), "document"),
                                           (ours.fragment(), theirs.fragment(), "fragment")]
    seen = {pair[:2] for pair in waiting}
    while waiting:
        one, other, path = waiting.pop()
        mine, yours = ours.state(one), theirs.state(other)
        problem = difference(mine, yours)
        if problem is not None:
            if len(outcome.differences) < _DESCRIBED:
                outcome.differences.append(f"{path}: {problem}")
            continue
        for event, answer in zip(mine.events, yours.events):
            follow = [(event.next, answer.next, f"{path} {event.name.rpartition('}')[2] or event.kind}")]
            if event.kind == "SE":
                follow.append((event.child, answer.child, f"{path}/{event.name.rpartition('}')[2]}"))
                if not mine.partial and event.child is not None and ours.state(event.child).partial:
                    outcome.relaxed.append(event.name)
            for here, there, where in follow:
                if here is None and mine.partial:
                    continue
                if (here is None) != (there is None):
                    outcome.differences.append(f"{where}: state {here} here, {there} of the oracle")
                elif here is not None and there is not None and (here, there) not in seen:
                    seen.add((here, there))
                    waiting.append((here, there, where if len(where) < 120 else "..." + where[-110:]))
    outcome.pairs = len(seen)
    outcome.our_states = len({here if not isinstance(here, tuple) else here[0] for here, _ in seen})
    outcome.their_states = len({there for _, there in seen})


def difference(mine: State, yours: State) -> Optional[str]:
    """What differs between two states, apart from where they lead."""
    for name in ("bits", "second", "escape_ends"):
        if getattr(mine, name) != getattr(yours, name):
            return f"{name} {getattr(mine, name)}, the oracle has {getattr(yours, name)}"
    shown = [[f"{e.kind} {e.name} {e.datatype}".strip() for e in state.events] for state in (mine, yours)]
    if mine.partial:  # untyped text there is the text of the type here; what is not read has no datatype here
        pairs = list(zip(mine.events, yours.events))
        shown = [[f"{e.kind} {e.name}" for e, _ in pairs], [f"{'CH' if e.kind == 'CH' else o.kind} {o.name}" for e, o in pairs]]
        if len(mine.events) != len(yours.events) or any(e.datatype and e.datatype != "STRING" for e in mine.events):
            return f"a relaxed grammar of {len(mine.events)} productions, the oracle has {len(yours.events)}"
    return None if shown[0] == shown[1] else f"productions {shown[0]}, the oracle has {shown[1]}"


# ---- fingerprints -------------------------------------------------------------------------------


class _Hashes:
    """Hashes of states that depend on nothing but what can be read from there on, so that two grammars with other
    numbers, with merged or with split states give the same ones."""

    def __init__(self, automaton: Automaton) -> None:
        self.automaton = automaton
        self.elements: dict[str, set[str]] = {}
        self._known: dict[Key, str] = {}
        self._ahead: dict[tuple[Key, int], str] = {}

    def of(self, start: Key) -> str:
        """The hash of a state: exact where its element ends after a bounded number of events, else _LOOK_AHEAD deep."""
        if start not in self._known:
            states = self._reachable(start)
            order = self._bottom_up(states)
            for key in order:
                self._known.setdefault(key, self._hash(states[key], [self._known[n] for n in _next(states[key])]))
            cyclic = [key for key in states if key not in self._known]
            values = dict.fromkeys(cyclic, "")
            for _ in range(_LOOK_AHEAD if cyclic else 0):
                values = {key: self._hash(states[key], [values.get(n) or self._known.get(n, "") for n in _next(states[key])])
                          for key in cyclic}
            self._known.update(values)
        return self._known[start]

    def _reachable(self, start: Key) -> dict[Key, State]:
        states: dict[Key, State] = {}
        waiting = [start]
        while waiting:
            key = waiting.pop()
            if key not in states:
                states[key] = self.automaton.state(key)
                waiting += _next(states[key])
        return states

    @staticmethod
    def _bottom_up(states: dict[Key, State]) -> list[Key]:
        """States that lead to no cycle, each after all that follow it."""
        before: dict[Key, list[Key]] = {}
        left = {key: len(_next(state)) for key, state in states.items()}
        for key, state in states.items():
            for following in _next(state):
                before.setdefault(following, []).append(key)
        order = [key for key, count in left.items() if count == 0]
        for key in order:
            for previous in before.get(key, ()):
                left[previous] -= 1
                if left[previous] == 0:
                    order.append(previous)
        return order

    def _hash(self, state: State, following: list[str]) -> str:
        rest = iter(following)
        parts = [f"{state.bits} {state.second} {state.escape_ends}"]
        for event in state.events:
            local = event.name.rpartition("}")[2]
            inner = ""
            if event.child is not None:
                inner = self.of(event.child)
                self.elements.setdefault(local, set()).add(inner)
            parts.append(f"{event.kind} {local} {event.datatype} {inner} {next(rest) if event.next is not None else ''}")
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _next(state: State) -> list[Key]:
    return [event.next for event in state.events if event.next is not None]


def fingerprints(automaton: Automaton) -> dict[str, str]:
    """By local name of the element ("(document)", "(fragment)" for those): the hashes of its content, shortened.

    Namespaces are left out, for the generated files do not hold them.
    """
    hashes = _Hashes(automaton)
    found = {"(document)": hashes.of(automaton.document())[:DIGITS], "(fragment)": hashes.of(automaton.fragment())[:DIGITS]}
    for name, values in sorted(hashes.elements.items()):
        found[name] = ",".join(sorted(value[:DIGITS] for value in values))
    return found


def store(key: str, found: dict[str, str]) -> Path:
    """Write <FOLDER>/<schema>.txt."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{key}.txt"
    head = f"# Fingerprints of the oracle's grammar of {key} by element: python -m tests.exi.campaign grammar\n"
    path.write_text(head + "".join(f"{name} {value}\n" for name, value in found.items()))
    return path


def stored(key: str) -> dict[str, str]:
    """What `store` wrote."""
    lines = [line for line in (FOLDER / f"{key}.txt").read_text().splitlines() if not line.startswith("#")]
    return dict(line.split(" ", 1) for line in lines)
