"""Compares our octets with the stored ones of the oracle, without the oracle: the form of the campaign that runs in CI."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, Optional

from exi_native.codec import Codec, ExiError
from tests.exi.campaign import results, shape
from tests.exi.campaign.compare import Bench, own_return
from tests.exi.campaign.instances import Maker, Message, fragments, messages
from tests.exi.campaign.results import MessageResult, SchemaResult, digest

#: Instances of a message that are compared at least, also where fewer cover all its points.
AT_LEAST = 3


@dataclass
class Replayed:
    """What was compared, and what was wrong (a sentence that names schema, message and instance)."""

    instances: int = 0
    points: int = 0
    wrong: list[str] = field(default_factory=list)


def replay(stored: SchemaResult, exi: Codec, everything: bool = False) -> Replayed:
    """Make the instances again that cover all points of each message (or all), encode, compare, decode."""
    found = Replayed()
    todo = {one.name: one for one in stored.messages}
    for fragment in (False, True):
        bench = Bench(shape.stored(stored.key), exi, fragment)
        for message in (fragments if fragment else messages)(bench.shape, bench.points):
            kept = todo.pop(message.name, None)
            if kept is None:
                found.wrong.append(f"{stored.key} {message.name}: nothing is stored; run python -m tests.exi.campaign run")
            else:
                _replay_message(stored.key, bench, message, kept, everything, found)
    found.wrong += [f"{stored.key} {name}: stored, but no longer a message" for name in todo]
    return found


def _replay_message(key: str, bench: Bench, message: Message, kept: MessageResult, everything: bool, found: Replayed) -> None:
    maker = Maker(bench.points, message)
    found.points += maker.wanted.bit_count()
    number, count = 0, len(kept.digests)
    while number < count and (everything or maker.uncovered or number < AT_LEAST):
        node = maker.next()
        where = f"{key} {message.name} {number}"
        try:
            made, octets = bench.encode(message, node)
        except ExiError as problem:
            found.wrong.append(f"{where}: our encoder refuses it: {problem}")
        else:
            if digest(octets) != kept.digests[number]:
                found.wrong.append(f"{where}: octets {octets.hex()} are not those of the oracle (or this instance is made otherwise now: "
                                   "then run the campaign again)")
            problem_text = own_return(bench, made, octets)
            if problem_text is not None:
                found.wrong.append(f"{where}: {problem_text}")
        number += 1
    found.instances += number
    found.wrong += [f"{key} {message.name}: {label} is not covered" for label in bench.points.names_of(maker.uncovered)]


def replay_all(exi: Codec, everything: bool, tell: Optional[Callable[[str], None]] = None) -> Replayed:
    """Replay every stored schema."""
    total = Replayed()
    for path in sorted(results.STORED.glob("*.txt")):
        found = replay(results.read(path), exi, everything)
        total.instances += found.instances
        total.points += found.points
        total.wrong += found.wrong
        if tell is not None:
            tell(f"{path.stem}: {found.instances} instances, {found.points} points, {len(found.wrong)} wrong")
    return total
