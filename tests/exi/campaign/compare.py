"""Asks the oracle about the instances of one message and judges its answers."""
from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import Any, Optional

from exi_native.codec import Codec, ExiError
from tests.exi.campaign.document import Objects, difference, has_empty_value, xml
from tests.exi.campaign.instances import Maker, Message, Node
from tests.exi.campaign.oracle import Oracle
from tests.exi.campaign.points import Points
from tests.exi.campaign.results import MessageResult, digest
from tests.exi.campaign.shape import Shape

#: Disagreements of one message that are described; more are only counted.
_DESCRIBED = 5


@dataclass
class Findings:
    """Counts of one message or schema, and what disagreed (one text each)."""

    instances: int = 0
    comparisons: int = 0
    identical: int = 0
    other_form: int = 0
    disagreements: int = 0
    described: list[str] = field(default_factory=list)
    uncovered: list[str] = field(default_factory=list)
    octets: int = 0

    def add(self, other: "Findings") -> None:
        for name in ("instances", "comparisons", "identical", "other_form", "disagreements", "octets"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.described += other.described
        self.uncovered += other.uncovered

    def disagree(self, text: str) -> None:
        self.disagreements += 1
        if len(self.described) < _DESCRIBED:
            self.described.append(text)


class Bench:
    """Our side of one schema: instances to objects, to octets and back."""

    def __init__(self, shape: Shape, codec: Codec, fragment: bool = False) -> None:
        self.shape = shape
        self.points = Points(shape)
        self.codec = codec
        self.fragment = fragment
        self.objects = Objects(shape, importlib.import_module(f"exi_native.generated.{shape.module}_tape"))

    def encode(self, message: Message, node: Node) -> tuple[Any, bytes]:
        """The object of an instance, and its octets. Raises ExiError."""
        made = self.objects.message(node)
        key: Any = self.shape.key
        encode = self.codec.encode_fragment if self.fragment else self.codec.encode
        return made, encode(key, made, root=message.root.local)

    def decode(self, octets: bytes) -> Any:
        """The object in some octets. Raises ExiError."""
        key: Any = self.shape.key
        return (self.codec.decode_fragment if self.fragment else self.codec.decode)(key, octets)


def compare(bench: Bench, message: Message, count: int, oracle: Oracle) -> tuple[MessageResult, Findings]:
    """Make `count` instances of a message, let both codecs read and write each, and compare everything."""
    maker = Maker(bench.points, message)
    found = Findings()
    result = MessageResult(message.name, points=maker.wanted.bit_count())
    rows: list[tuple[Node, Any, bytes]] = []
    questions: list[dict[str, Any]] = []
    about = {"schema": bench.shape.key, "fragment": bench.fragment}
    for number in range(count):
        node = maker.next()
        if maker.uncovered:
            result.covered_after = number + 2
        try:
            made, octets = bench.encode(message, node)
        except ExiError as problem:
            found.disagree(f"{message.name} {number}: our encoder refuses a valid instance: {problem}")
            made, octets = None, b""
        rows.append((node, made, octets))
        questions += [{"op": "decode", "hex": octets.hex(), **about}, {"op": "encode", "xml": xml(node, bench.shape), **about}]
    found.uncovered = [f"{message.name}: {label}" for label in bench.points.names_of(maker.uncovered)]
    answers = oracle.ask_all(questions)
    for number, (node, made, octets) in enumerate(rows):
        decoded, encoded = next(answers), next(answers)
        found.instances += 1
        found.octets += len(octets)
        found.comparisons += 3
        result.digests.append(digest(octets))
        where = f"{message.name} {number}"
        problem_text = own_return(bench, made, octets) or oracle_reads(bench, node, decoded)
        if problem_text is not None:
            found.disagree(f"{where}: {problem_text}\n  octets {octets.hex()}")
        verdict = oracle_writes(bench, node, made, octets, encoded)
        if verdict is None:
            found.identical += 1
        elif verdict == OTHER_FORM:
            found.other_form += 1
            result.other_form.append(number)
        else:
            found.disagree(f"{where}: {verdict}\n  ours   {octets.hex()}\n  oracle {encoded.get('hex')}")
    return result, found


OTHER_FORM = "the oracle writes empty values in the second-level form"


def own_return(bench: Bench, made: Any, octets: bytes) -> Optional[str]:
    """decode(encode(x)) == x, or what is wrong."""
    try:
        back = bench.decode(octets)
    except ExiError as problem:
        return f"our decoder refuses our octets: {problem}"
    return None if back == made else f"decode(encode(x)) is not x: {back!r} instead of {made!r}"


def oracle_reads(bench: Bench, node: Node, answer: dict[str, Any]) -> Optional[str]:
    """Does the oracle read in our octets what we meant?"""
    if "xml" not in answer:
        return f"the oracle refuses our octets: {answer.get('error')}"
    return difference(node, answer["xml"], bench.shape)


def oracle_writes(bench: Bench, node: Node, made: Any, octets: bytes, answer: dict[str, Any]) -> Optional[str]:
    """Does the oracle write our octets? None, or OTHER_FORM, or what is wrong.

    EXIficient sends an empty string or binary element as the second-level event EE; we send CH with length 0, which
    every decoder reads (exi.md section 3, "Empty values"). Then its octets must decode to the same object here.
    """
    if "hex" not in answer:
        return f"the oracle refuses the instance: {answer.get('error')}"
    theirs = bytes.fromhex(answer["hex"])
    if theirs == octets:
        return None
    if not has_empty_value(node, bench.shape):
        return "the octets differ"
    try:
        return OTHER_FORM if bench.decode(theirs) == made else "the oracle's octets, with an empty value, decode to something else"
    except ExiError as problem:
        return f"our decoder refuses the oracle's octets: {problem}"
