"""Which schema is a message of? The V2GTP header names it, or it is tried what fits."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from exi_native.codec import Codec, ExiError
from exi_native.generated import SCHEMAS
from tasks.listen.naming import payload
from tools.exi.names import Names
from tools.exi.octets import Found

#: V2GTP payload type -> schemas (exi.md section 3; 0x8101 .. 0x8104: slac-and-network sheet 5.1). 0x8001 is shared.
BY_PAYLOAD = {
    0x8001: ("SAP", "DIN", "ISO2"),
    0x8002: ("ISO20",), 0x8003: ("ISO20_AC",), 0x8004: ("ISO20_DC",), 0x8005: ("ISO20_ACDP",), 0x8006: ("ISO20_WPT",),
    0x8101: ("ISO20",), 0x8102: ("ISO20",), 0x8103: ("ISO20_ACDP",), 0x8104: ("ISO20",),
}
TOLD, NAMED = "--schema", "the schema that the input names"


@dataclass(slots=True)
class Fit:
    """A schema that the octets are a message of.

    `identical`: encoding the message gives the same octets again. `rank`: what speaks against it, worst first: a root that
    nobody sends, other octets when encoded again, octets left over (one is usual, exi.md 2.1). `title`: the element below
    Body where there is one, else the root element.
    """

    schema: str
    root: str
    title: str
    message: Any
    trailing: int
    identical: bool
    rank: tuple[bool, bool, bool]
    fragment: bool = False


@dataclass(slots=True)
class Answer:
    """What was tried: schemas that fit, the most probable first, and why the others do not."""

    fits: list[Fit] = field(default_factory=list)
    chance: list[Fit] = field(default_factory=list)      # decodes, but nobody sends such a thing: coincidence
    better: list[Fit] = field(default_factory=list)      # where the schema was told, but fits by chance: what it rather is
    failures: list[tuple[str, ExiError]] = field(default_factory=list)
    nearest: tuple[str, ExiError] | None = None          # the failure of the schema that was probably meant
    begun: bool = False                                  # nearest failed inside of what begins like a message of it
    why: str = ""                                        # what limited the choice; "" when all schemas were tried

    @property
    def best(self) -> Fit | None:
        return self.fits[0] if self.fits else None

    def rivals(self) -> list[Fit]:
        """Other fits that are as good as the best; the rest are coincidences, of which short messages have many."""
        return [fit for fit in self.fits[1:] if fit.rank == self.fits[0].rank]


class Which:
    """Tries schemas with one codec; holds the tables of those that were needed."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._names: dict[str, Names] = {}

    def names(self, schema: str) -> Names:
        known = self._names.get(schema)
        if known is None:
            known = self._names[schema] = Names(schema)
        return known

    def ask(self, found: Found, schema: str = "", fragment: bool = False) -> Answer:
        """All fits; `schema` limits the choice to one, else the header or the input itself may."""
        answer = Answer()
        candidates: tuple[str, ...] = tuple(SCHEMAS)
        if schema:
            candidates, answer.why = (schema,), TOLD
        elif found.schema in SCHEMAS:
            candidates, answer.why = (found.schema,), NAMED
        elif found.kind in BY_PAYLOAD:
            candidates, answer.why = BY_PAYLOAD[found.kind], f"payload type 0x{found.kind:04X}"
        elif found.kind is not None:
            answer.why = f"{payload(found.kind)}, which names no schema"
        told = answer.why in (TOLD, NAMED)
        self._try(answer, found, candidates, fragment, told)
        if told and not fragment and answer.fits and not self._plausible(answer.fits[0], found):
            answer.better = [fit for fit in self.others(found, candidates).fits if self.names(fit.schema).is_message(fit.root)]
        if not answer.fits and not fragment and found.kind is None and not found.loose:
            # Not a document: perhaps the signed part of a message, whose octets nobody sends but logs may hold.
            tried = Answer()
            self._try(tried, found, candidates, True)
            answer.fits = [fit for fit in tried.fits if fit.identical and not fit.trailing]
        return answer

    def others(self, found: Found, tried: tuple[str, ...], fragment: bool = False) -> Answer:
        """The schemas that were not tried, for the person who gave the wrong one."""
        answer = Answer()
        self._try(answer, found, tuple(s for s in SCHEMAS if s not in tried), fragment)
        return answer

    def _try(self, answer: Answer, found: Found, candidates: tuple[str, ...], fragment: bool, told: bool = False) -> None:
        furthest = (False, -1)
        for schema in candidates:
            try:
                fit = self._fit(schema, found.octets, fragment)
            except ExiError as problem:
                answer.failures.append((schema, problem))
                begun = self.names(schema).is_message(problem.field.split(".")[0])
                if (begun, problem.bit_position) > furthest:
                    furthest = begun, problem.bit_position
                    answer.nearest, answer.begun = (schema, problem), begun
                continue
            (answer.fits if told or self._plausible(fit, found) else answer.chance).append(fit)
            if fit.root == "V2G_Message" and fit.identical and not fit.trailing:
                break                                    # a whole V2G_Message is no coincidence; six further schemas take 0.3 s to load
        answer.fits.sort(key=lambda fit: fit.rank)

    def _plausible(self, fit: Fit, found: Found) -> bool:
        """False for coincidences: with nine schemas to choose from, many octets are the beginning of something."""
        if self.names(fit.schema).is_message(fit.root):
            return fit.trailing <= 1 or found.kind is not None or fit.root == "V2G_Message"
        return fit.identical and not fit.trailing and not found.loose

    def _fit(self, schema: str, octets: bytes, fragment: bool) -> Fit:
        known: Any = schema                              # any string: the codec refuses those it does not know
        report = self._codec.decode_with_report(known, octets, fragment=fragment)
        encode = self._codec.encode_fragment if fragment else self._codec.encode
        try:
            again = encode(known, report.message, root=report.root)
        except ExiError:                                 # an empty value in the long form decodes, and is sent in the short one
            again = b""
        size = len(octets) - report.trailing_octets
        identical = again == octets[:size]
        rank = not self.names(schema).is_message(report.root), not identical, report.trailing_octets > 1
        element = getattr(getattr(report.message, "Body", None), "BodyElement", None)
        title = report.root if element is None else self.names(schema).element(type(element))
        return Fit(schema, report.root, title, report.message, report.trailing_octets, identical, rank, fragment)
