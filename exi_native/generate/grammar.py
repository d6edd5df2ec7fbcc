"""From records to EXI grammar states: the productions of every state, in the order that gives their event codes.

EXI 1.0 (second edition) section 8.5.4, for schema-informed, non-strict grammars with nothing preserved; the rules as
they apply to V2G are in exi.md section 3. maxOccurs=N is exact: short lists are unrolled, long ones count (Loop). Wildcards
and mixed text keep their places in the code, since they widen it, but nothing behind them is represented.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

from .model import Field, Model, Record
from .declarations import UNBOUNDED, AnyParticle, Element, ElementParticle, GroupParticle, Particle, SchemaError, SimpleType

# Kinds of states decide how many second-level events exist (exi.md section 3, "Element states").
DOCUMENT, FRAGMENT = "document", "fragment"
FIRST_START_TAG, START_TAG, CONTENT = "first start tag", "start tag", "content"
#: Number of second-level events without and with EE among the declared productions: where EE is not declared
#: it is the first of them.
SECOND_LEVEL = {FIRST_START_TAG: (7, 6), START_TAG: (5, 4), CONTENT: (3, 2)}

#: Nothing undeclared can come here, since nothing is preserved.
SECOND_LEVEL_NONE = frozenset({DOCUMENT, FRAGMENT})

# Kinds of productions, in the order in which EXI 8.5.4.3 sorts them.
AT, SE, CH, ANY, EE, TEXT, ED = "AT", "SE", "CH", "ANY", "EE", "TEXT", "ED"
RELAXED_EE = "EE without value"  # keeps its place in the code; an empty value is sent as CH
_RANK = {AT: 0, CH: 1, SE: 1, ANY: 2, EE: 3, TEXT: 4}

#: Lists of an element with at least this maxOccurs count instead of being unrolled.
COUNTED_FROM = 3
_COUNTED = -2  # in the place of what is left of maxOccurs: the interpreter counts

Term = tuple[Particle, int, int]  # a particle with what is left of minOccurs and maxOccurs
Rest = tuple[Term, ...]


@dataclass(frozen=True)
class Loop:
    """Taking the production sets the element's counter to `start`, or adds 1 where that is 0; at `limit` the list is
    full, and the state `full` follows instead of the production's `next`."""

    start: int
    limit: int
    full: int


@dataclass(eq=False)
class Production:
    event: str
    name: str = ""  # for reports and comments
    namespace: str = ""
    simple: Optional[SimpleType] = None
    record: Optional[Record] = None
    field: Optional[Field] = None
    next: int = 0
    loop: Optional[Loop] = None
    start: int = 0  # of a relaxed element: its first state, instead of that of its record


@dataclass(eq=False)
class State:
    number: int
    kind: str
    title: str
    productions: list[Production] = field(default_factory=list)

    @property
    def ends(self) -> bool:
        return any(p.event == EE for p in self.productions)

    @property
    def bits(self) -> int:
        count = len(self.productions)
        return _width(count) if self.kind in SECOND_LEVEL_NONE else _width(count + 1)

    @property
    def second_bits(self) -> int:
        if self.kind in SECOND_LEVEL_NONE:
            return 0
        return _width(SECOND_LEVEL[self.kind][1 if self.ends else 0])

    @property
    def empty_value(self) -> bool:
        """May the second-level EE stand for a value of length zero here?"""
        return not self.ends and any(p.event == CH and holds_length(p.simple) for p in self.productions)


def holds_length(simple: Optional[SimpleType]) -> bool:
    return simple is not None and not simple.enumeration and simple.primitive in ("string", "hexBinary", "base64Binary")


def _width(count: int) -> int:
    return (count - 1).bit_length()


class Grammar:
    """All states of one schema; state 0 is the document content, state 1 the fragment content, `start` gives the first
    state of each record."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.states: list[State] = []
        self.start: dict[Record, int] = {}
        self.depth = 0
        document = self._state(DOCUMENT, "document")
        for element in model.schema.sorted_globals():
            document.productions.append(Production(SE, element.name[1], element.name[0], None, model.record_of_root(element)))
        document.productions.append(Production(ANY))
        fragment = self._state(FRAGMENT, "fragment")
        for declarations in model.schema.sorted_names():
            fragment.productions.append(self._fragment_element(declarations))
        fragment.productions += [Production(ANY), Production(ED)]
        for record in model.records:
            self._record(record)
        self.depth = max(_depth(r, ()) for r in model.records)

    def _state(self, kind: str, title: str) -> State:
        state = State(len(self.states), kind, title)
        self.states.append(state)
        return state

    def _fragment_element(self, declarations: list[Element]) -> Production:
        """Only what can be read alone has a record: not local elements of simple type."""
        element = declarations[0]
        production = Production(SE, element.name[1], element.name[0], next=1)
        types = {d.type for d in declarations}
        if element in self.model.simple_roots or len(types) == 1 and not isinstance(element.type, SimpleType):
            production.record = self.model.record_of_root(element)
        elif len(types) == 1:
            production.simple = element.type  # type: ignore[assignment]
        else:
            texts = [t for t in types if not isinstance(t, SimpleType) and t is not None and t.text is not None and t.text.primitive == "string"]
            if len(texts) == 1:
                production.record = self.model.record_of(texts[0])
                production.start = self._relaxed(production.record)
        return production

    def _relaxed(self, record: Record) -> int:
        """The states of a name that is declared with different types (EXI 8.5.3.2): every attribute and every element of
        the schema may come, then untyped text. Only what a record of text with attributes needs can be read. ISO 15118-2
        signs one such element: eMAID."""
        attributes = {(a.name, a.namespace) for t in self.model.schema.complex_types for a in t.attributes}
        own = {(a.name, a.namespace): a for a in record.type.attributes}
        names = [d[0].name for d in self.model.schema.sorted_names()]
        first, content = self._state(FIRST_START_TAG, record.name), self._state(CONTENT, record.name)
        for name, namespace in sorted(attributes):
            known = own.get((name, namespace))
            first.productions.append(Production(AT, name, namespace) if known is None else Production(
                AT, name, namespace, known.type, None, record.field_of(name), first.number))
        first.productions.append(Production(AT, "*"))
        for state in (first, content):
            state.productions += [Production(SE, name, namespace) for namespace, name in names] + [Production(ANY)]
        value = Production(CH, "value", "", record.type.text, None, record.field_of("value"), content.number)
        first.productions += [Production(RELAXED_EE), value]
        content.productions += [Production(EE), Production(TEXT)]
        return first.number

    def _element(self, element: Element, owner: Optional[Field]) -> Production:
        simple = element.type if isinstance(element.type, SimpleType) else None
        record = None if isinstance(element.type, SimpleType) else self.model.record_of(element.type)  # type: ignore[arg-type]
        return Production(SE, element.name[1], element.name[0], simple, record, owner)

    def _record(self, record: Record) -> None:
        _RecordStates(self, record).build()


class _RecordStates:
    """Builds the states of one complex type."""

    def __init__(self, grammar: Grammar, record: Record) -> None:
        self.grammar = grammar
        self.record = record
        self.known: dict[tuple[object, ...], int] = {}
        self.waiting: list[tuple[State, Rest]] = []  # content states whose productions are still to be made

    def build(self) -> None:
        particle = self.record.type.particle
        rest: Rest = () if particle is None else (_term(particle),)
        self.grammar.start[self.record] = self._tag(0, rest, first=True)
        while self.waiting:
            self._content_productions(*self.waiting.pop())

    def _make(self, key: tuple[object, ...], kind: str) -> tuple[State, bool]:
        if key in self.known:
            return self.grammar.states[self.known[key]], False
        state = self.grammar._state(kind, self.record.name)
        self.known[key] = state.number
        return state, True

    def _tag(self, index: int, rest: Rest, first: bool) -> int:
        """The state in which attributes from `index` on may come, then the content."""
        state, new = self._make(("tag", index, first), FIRST_START_TAG if first else START_TAG)
        if not new:
            return state.number
        attributes = self.record.type.attributes
        optional = True
        while index < len(attributes) and optional:
            attribute = attributes[index]
            owner = self.record.field_of(attribute.name)
            index += 1
            state.productions.append(Production(
                AT, attribute.name, attribute.namespace, attribute.type, None, owner, self._tag(index, rest, first=False)))
            optional = not attribute.required
        if optional:
            self._content_productions(state, rest)
        return state.number

    def _content(self, rest: Rest) -> int:
        state, new = self._make(("content", rest), CONTENT)
        if new:
            self.waiting.append((state, rest))
        return state.number

    def _content_productions(self, state: State, rest: Rest) -> None:
        text = self.record.type.text
        if text is not None:
            after, new = self._make(("end",), CONTENT)
            if new:
                after.productions.append(Production(EE))
            state.productions.append(Production(CH, "value", "", text, None, self.record.field_of("value"), after.number))
            return
        found, ends = _first(rest, frozenset())
        seen: dict[Optional[Element], Rest] = {}
        made = []
        for element, head, following, count in found:
            if element in seen:
                if seen[element] != following:
                    raise SchemaError(f"{self.record.name}: content model is not deterministic")
                continue
            seen[element] = following
            if element is None:
                made.append(Production(ANY, next=self._content(following)))
            else:
                assert head is not None
                production = self.grammar._element(element, self.record.field_of(head.local))
                production.next = self._content(following)
                if count is not None:
                    production.loop = Loop(count[0], count[1], self._content(count[2]))
                made.append(production)
        if ends:
            made.append(Production(EE))
        if self.record.type.mixed:
            made.append(Production(TEXT, next=self._content(rest)))
        state.productions.extend(sorted(made, key=lambda p: _RANK[p.event]))


def _term(particle: Particle) -> Term:
    return (particle, particle.minimum, particle.maximum)


Count = Optional[tuple[int, int, Rest]]  # start and limit of a Loop, and what remains when the list is full
Found = list[tuple[Optional[Element], Optional[Element], Rest, Count]]


def _first(rest: Rest, open_: frozenset[Rest]) -> tuple[Found, bool]:
    """What may come next: (element or None for a wildcard, its head, what remains afterwards, how it counts), in schema
    order, and whether the content may end here."""
    if not rest:
        return [], True
    if rest in open_:  # an unbounded group whose content may be empty
        return [], False
    open_ = open_ | {rest}
    (particle, least, most), tail = rest[0], rest[1:]
    if most == 0:
        return _first(tail, open_)
    left = UNBOUNDED if most == UNBOUNDED else most - 1
    after: Rest = tail if left == 0 else ((particle, max(least - 1, 0), left), *tail)
    found: Found = []
    ends = False
    if isinstance(particle, ElementParticle):
        count: Count = None
        if most == _COUNTED:
            after, count = rest, (0, particle.maximum, tail)
        elif particle.maximum >= COUNTED_FROM and least <= 1 and most > 1:
            after, count = ((particle, 0, _COUNTED), *tail), (particle.maximum - most + 1, particle.maximum, tail)
        found = [(member, particle.head, after, count) for member in particle.members]
    elif isinstance(particle, AnyParticle):
        found = [(None, None, after, None)]
    elif isinstance(particle, GroupParticle) and particle.kind == "sequence":
        found, ends = _first((*(_term(child) for child in particle.children), *after), open_)
    else:
        for child in particle.children:
            some, may_end = _first((_term(child), *after), open_)
            found += some
            ends = ends or may_end
    if least == 0:
        some, may_end = _first(tail, open_)
        found = found + some
        ends = ends or may_end
    return found, ends


def _depth(record: Record, above: tuple[Record, ...]) -> int:
    """Greatest nesting of records; a recursive schema would need another bound and is refused."""
    if record in above:
        raise SchemaError(f"type {record.name} contains itself; the depth of messages would be unbounded")
    inner = [_depth(child, (*above, record)) for f in record.fields for _, child in f.members]
    return 1 + max(inner, default=0)
