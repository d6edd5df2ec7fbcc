"""Makes the instances of a message: the same ones for the same schema, message and number, steered to cover all points."""
from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, Iterator, NamedTuple, Optional

from tests.exi.campaign.points import Option, Pin, Points
from tests.exi.campaign.shape import UNBOUNDED, Attribute, Member, Particle, Shape, Simple
from tests.exi.campaign.values import random_value, value

#: Elements of one instance, about: the tape of the codec (32768 words) holds two words for each, and the longest list of
#: V2G (2048 EVPowerProfileEntry) has 10240.
BUDGET = 13000
#: From this number of items on the items of a list are as small as the schema allows.
LEAN_FROM = 20
#: Most items beyond the least in a random list.
_RANDOM_ITEMS = 2
#: Optional content with more points than this (a signature) is rare once it is covered.
_HEAVY_POINTS = 40


@dataclass(eq=False, slots=True)
class Node:
    """One element of an instance; `value` when its content is simple, else attributes and children in order."""

    member: Member
    field: str
    value: Any = None
    attributes: list[tuple[Attribute, Any]] = field(default_factory=list)
    children: list["Node"] = field(default_factory=list)


class Message(NamedTuple):
    """One thing to be made: a root element, and what its body is held to."""

    name: str
    root: Member
    pin: Optional[Pin]


def messages(shape: Shape, points: Points) -> Iterator[Message]:
    """Every message of a schema: a V2G_Message with each body, or each global element that is not wildcard content."""
    for root in shape.globals:
        if not points.possible[root.record]:
            continue
        if root.local == "V2G_Message":
            index = next(n for n, record in enumerate(shape.records) if record.name == "Body")
            content = shape.records[index].content
            assert content is not None
            place = next(p for p in (content, *content.children) if p.kind == "element")
            for member in place.members:
                yield Message(f"V2G_Message/{member.local}", root, Pin(index, place.name, member))
            yield Message("V2G_Message", root, Pin(index, place.name, None))
        else:
            yield Message(root.local, root, None)


def fragments(shape: Shape, points: Points) -> Iterator[Message]:
    """Every element that a signature can refer to, by its Id, and SignedInfo: they are encoded for themselves (exi.md
    section 0, 5). The grammar of all other fragments is compared state by state."""
    for element in shape.elements:
        record = shape.records[element.record]
        if points.possible[element.record] and (record.name == "SignedInfo" or any(a.name == "Id" for a in record.attributes)):
            yield Message(f"fragment/{element.local}", element, None)


class Maker:
    """Makes the instances of one message one after the other; `uncovered` are the points still missing."""

    def __init__(self, points: Points, message: Message) -> None:
        self.points = points
        self.message = message
        self.wanted = points.reach_pinned(message.root.record, message.pin)
        self.uncovered = self.wanted
        self._number = 0
        self._rng = random.Random()
        self._left = 0
        self._lean = 0

    def next(self) -> Node:
        """The next instance."""
        self._rng = random.Random(f"{self.points.shape.key} {self.message.name} {self._number}")
        self._number += 1
        self._left = BUDGET
        self._lean = 0
        return self._element(self.message.root, "")

    # ---- decisions ------------------------------------------------------------------------------

    def _take(self, option: Option) -> int:
        self.uncovered &= ~option.bit
        return option.value

    def _missing(self, options: tuple[Option, ...]) -> list[Option]:
        return [option for option in options if option.bit & self.uncovered]

    def _value(self, record: int, name: str, simple: Simple) -> Any:
        missing = self._missing(self.points.values[record, name])
        if missing:
            return value(self._rng, simple, self._take(missing[0]))
        chance = self._rng.random()
        if chance < 0.2 and simple.kind == "integer":
            return value(self._rng, simple, self._rng.choice(self.points.values[record, name]).value)
        return random_value(self._rng, simple)

    def _count(self, particle: Particle) -> int:
        options = self.points.counts[particle]
        if len(options) == 1:
            return self._take(options[0])
        least = particle.least
        if self._lean:
            return least
        most = least + _RANDOM_ITEMS if particle.most == UNBOUNDED else particle.most
        missing = [option for option in self._missing(options) if self._affordable(particle, option.value)]
        if missing:
            return self._take(self._rng.choice(missing))
        below = self.points.below(particle)
        if below & self.uncovered and self._affordable(particle, max(least, 1)):
            wanted = self._rng.random() < 0.9
        else:
            wanted = self._rng.random() < (0.5 if below.bit_count() < _HEAVY_POINTS else 0.1)
        count = self._rng.randint(max(least, 1), max(1, min(most, least + _RANDOM_ITEMS))) if wanted else least
        return count if self._affordable(particle, count) else least

    def _affordable(self, particle: Particle, count: int) -> bool:
        return count <= 1 or count * self.points.cost(particle) <= self._left

    # ---- content --------------------------------------------------------------------------------

    def _element(self, member: Member, name: str, owner: int = -1) -> Node:
        self._left -= 1
        node = Node(member, name)
        if member.simple is not None:
            node.value = self._value(owner, name, member.simple)
            return node
        record = self.points.shape.records[member.record]
        for attribute in record.attributes:
            options = self.points.presence[member.record, attribute.name]
            missing = self._missing(options)
            if self._take(missing[0] if missing else self._rng.choice(options)):
                made = self._value(member.record, attribute.name, attribute.simple)
                node.attributes.append((attribute, made))
        if record.text is not None:
            node.value = self._value(member.record, "value", record.text)
        if record.content is not None:
            node.children = self._place(member.record, record.content)
        return node

    def _place(self, record: int, particle: Particle) -> list[Node]:
        if particle.kind == "any":
            return []
        pin = self.message.pin
        if pin is not None and (record, particle.name) == (pin.record, pin.field):
            return [] if pin.member is None else [self._element(pin.member, particle.name, record)]
        count = self._count(particle)
        lean = count >= LEAN_FROM
        self._lean += lean
        rounds = [self._once(record, particle) for _ in range(count)]
        self._lean -= lean
        if particle.kind != "element" and count > 1:
            # The classes hold one list per name: a repeated choice is sent in schema order.
            order = [leaf.name for leaf in _leaves(particle)]
            rounds.sort(key=lambda nodes: order.index(nodes[0].field) if nodes else 0)
        return [node for nodes in rounds for node in nodes]

    def _once(self, record: int, particle: Particle) -> list[Node]:
        if particle.kind == "sequence":
            return [node for child in particle.children for node in self._place(record, child)]
        options = self.points.alternatives[particle]
        missing = self._missing(options)
        if missing:
            taken = self._rng.choice(missing)
        elif self._lean:
            taken = options[0]
        else:
            unfinished = [o for o in options if self._behind(particle, o.value) & self.uncovered]
            taken = self._rng.choice(unfinished if unfinished and self._rng.random() < 0.9 else options)
        which = self._take(taken)
        if particle.kind == "choice":
            return self._place(record, particle.children[which])
        return [self._element(particle.members[which], particle.name, record)]

    def _behind(self, particle: Particle, which: int) -> int:
        if particle.kind == "choice":
            return self.points.below(particle.children[which])
        member = particle.members[which]
        return self.points.reach(member.record) if member.record >= 0 else 0


def _leaves(particle: Particle) -> Iterator[Particle]:
    if particle.kind == "element":
        yield particle
    for child in particle.children:
        yield from _leaves(child)
