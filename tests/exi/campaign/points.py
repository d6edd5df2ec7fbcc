"""What the instances of a message must cover: one bit for each option of each attribute, place, choice and value.

The options of a place are named after the record and the field, so "MeterInfo.TMeter = lowest" is one point wherever
a MeterInfo stands. A message has to cover the points of every record that it can contain.
"""
from __future__ import annotations

from typing import NamedTuple, Optional

from tests.exi.campaign.shape import UNBOUNDED, Member, Particle, Record, Shape, Simple

#: How often an unbounded list is repeated where "many" is asked for; above the greatest bound of any short list of
#: V2G (24), so that a schema that bounds it instead would be noticed.
MANY = 30


class Option(NamedTuple):
    """One way to decide, and the bit of its point (0 when there is nothing to decide)."""

    value: int
    bit: int


class Pin(NamedTuple):
    """Restricts one place of one record to one member (None: the place stays empty): the body of a V2G message."""

    record: int
    field: str
    member: Optional[Member]


class Points:
    """The points of one schema, and which of them each record can reach."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.labels: list[str] = []
        self.presence: dict[tuple[int, str], tuple[Option, ...]] = {}  # optional attributes
        self.counts: dict[Particle, tuple[Option, ...]] = {}
        self.alternatives: dict[Particle, tuple[Option, ...]] = {}  # of choices, and members of substitution groups
        self.values: dict[tuple[int, str], tuple[Option, ...]] = {}
        self.possible: list[bool] = [True] * len(shape.records)
        self._find_impossible()
        self._own = [self._number(index, record) for index, record in enumerate(shape.records)]
        self._reach: dict[int, int] = {}
        self._below_place: dict[Particle, int] = {}
        self._cost: dict[Particle, int] = {}

    def _find_impossible(self) -> None:
        """Records that cannot be made because they consist of wildcard content."""
        changed = True
        while changed:
            changed = False
            for index, record in enumerate(self.shape.records):
                if self.possible[index] and record.content is not None and not self.can(record.content):
                    self.possible[index], changed = False, True

    def can(self, particle: Particle) -> bool:
        """Can this place be filled as often as it must?"""
        return particle.least == 0 or self.can_once(particle)

    def can_once(self, particle: Particle) -> bool:
        if particle.kind == "any":
            return False
        if particle.kind == "element":
            return any(self.allowed(member) for member in particle.members)
        if particle.kind == "choice":
            return any(self.can_once(child) for child in particle.children)
        return all(self.can(child) for child in particle.children)

    def allowed(self, member: Member) -> bool:
        return member.record < 0 or self.possible[member.record]

    # ---- numbering ------------------------------------------------------------------------------

    def _bit(self, label: str) -> int:
        self.labels.append(label)
        return 1 << (len(self.labels) - 1)

    def _options(self, label: str, choices: list[tuple[int, str]]) -> tuple[Option, ...]:
        if len(choices) == 1:
            return (Option(choices[0][0], 0),)
        return tuple(Option(value, self._bit(f"{label} {text}")) for value, text in choices)

    def _number(self, index: int, record: Record) -> int:
        """Give the points of one record their bits; returns all of them."""
        first = len(self.labels)
        for attribute in record.attributes:
            label = f"{record.name}.{attribute.name}"
            choices = [(1, "present")] if attribute.required else [(0, "absent"), (1, "present")]
            self.presence[index, attribute.name] = self._options(label, choices)
            self._value(index, attribute.name, label, attribute.simple)
        if record.text is not None:
            self._value(index, "value", f"{record.name}.value", record.text)
        if record.content is not None and self.possible[index]:
            self._place(index, record, record.content)
        return ((1 << len(self.labels)) - 1) >> first << first

    def _place(self, index: int, record: Record, particle: Particle) -> None:
        label = f"{record.name}." + (particle.name or f"({particle.kind} of {_names(particle)})")
        if not self.can_once(particle):
            self.counts[particle] = (Option(0, 0),)
            return
        least, most = particle.least, particle.most
        if most == UNBOUNDED:
            numbers = {least, max(least, 1), 2, MANY}
        else:
            numbers = {least, max(least, 1), most - 1, most} - {number for number in (most - 1,) if number < least}
        words = {least: "least", 1: "one", most: "full"}
        self.counts[particle] = self._options(label, [(n, f"x{n} {words.get(n, '')}".strip()) for n in sorted(numbers)])
        if particle.kind == "element":
            usable = [n for n, member in enumerate(particle.members) if self.allowed(member)]
            self.alternatives[particle] = self._options(label, [(n, f"is {particle.members[n].local}") for n in usable])
            simple = particle.members[0].simple
            if simple is not None:
                self._value(index, particle.name, label, simple)
            return
        if particle.kind == "choice":
            usable = [n for n, child in enumerate(particle.children) if self.can_once(child)]
            self.alternatives[particle] = self._options(label, [(n, f"is {_names(particle.children[n])}") for n in usable])
        for child in particle.children:
            self._place(index, record, child)

    def _value(self, index: int, name: str, label: str, simple: Simple) -> None:
        if (index, name) not in self.values:
            self.values[index, name] = self._options(f"{label} =", list(enumerate(cases(simple))))

    # ---- reach ----------------------------------------------------------------------------------

    def reach(self, record: int) -> int:
        """The points of a record and of everything that may stand below it."""
        found = self._reach.get(record)
        if found is None:
            found = self._own[record]
            for below in self._below(record, None):
                found |= self.reach(below)
            self._reach[record] = found
        return found

    def reach_pinned(self, record: int, pin: Optional[Pin]) -> int:
        """Like reach, with one place held to one member; its own alternatives are then no points."""
        if pin is None:
            return self.reach(record)
        found = self._own[record]
        if record == pin.record:
            content = self.shape.records[record].content
            assert content is not None
            for particle in _all(content):
                if particle.name == pin.field:
                    for option in (*self.counts[particle], *self.alternatives[particle]):
                        found &= ~option.bit
        for below in self._below(record, pin):
            found |= self.reach_pinned(below, pin)
        return found

    def _below(self, record: int, pin: Optional[Pin]) -> list[int]:
        content = self.shape.records[record].content
        if content is None or not self.possible[record]:
            return []
        found = []
        for particle in _all(content):
            members = particle.members
            if pin is not None and (record, particle.name) == (pin.record, pin.field):
                members = [] if pin.member is None else [pin.member]
            found += [member.record for member in members if member.record >= 0 and self.possible[member.record]]
        return found

    def below(self, particle: Particle) -> int:
        """The points of everything that may stand at a place."""
        found = self._below_place.get(particle)
        if found is None:
            found = 0
            for member in particle.members:
                if member.record >= 0 and self.possible[member.record]:
                    found |= self.reach(member.record)
            for child in particle.children:
                found |= self.below(child)
            self._below_place[particle] = found
        return found

    def cost(self, particle: Particle) -> int:
        """Elements in the smallest content of a place, about; at least 1."""
        found = self._cost.get(particle)
        if found is None:
            if particle.kind == "element":
                member = particle.members[0]
                content = self.shape.records[member.record].content if member.record >= 0 else None
                found = 1 if content is None else 1 + self.cost(content) * content.least
            else:
                costs = [self.cost(child) * child.least for child in particle.children if self.can_once(child)]
                found = max(1, min(costs, default=0) if particle.kind == "choice" else sum(costs))
            self._cost[particle] = found
        return found

    def names_of(self, bits: int) -> list[str]:
        """The labels of a set of points."""
        return [label for number, label in enumerate(self.labels) if bits >> number & 1]


def cases(simple: Simple) -> list[str]:
    """The values of a type that must occur, by name; values.py makes them."""
    if simple.kind == "boolean":
        return ["false", "true"]
    if simple.kind == "enumeration":
        return list(simple.words)
    if simple.kind == "integer":
        low = "below 64 bits" if simple.low is None else "lowest"
        high = "above 64 bits" if simple.high is None else "highest"
        return [low, high] + ["zero"] * (simple.low is None or simple.low < 0)
    low, high = simple.low or 0, simple.high
    if low == high:
        found = ["full"]
    else:
        found = ["shortest" if low else "empty", "long" if high is None else "full"]
    if simple.kind == "string" and high != 0:
        found += ["not ASCII", "beyond 16 bits"]
    return found


def _names(particle: Particle) -> str:
    if particle.kind == "element":
        return particle.name
    if particle.kind == "any":
        return "any"
    return "+".join(_names(child) for child in particle.children)


def _all(particle: Particle) -> list[Particle]:
    found = [particle]
    for child in particle.children:
        found += _all(child)
    return found
