"""The command explain: why a message does not decode - where, what came, what was expected, what is probably wrong."""
from __future__ import annotations

from typing import Iterator, TextIO

from exi_native.codec import Codec, ExiError, ExiErrorCode, Trace
from tasks.listen.lines import printable
from tools.exi.bits import bits_of
from tools.exi.decoding import ask, heading, remarks_of, unlike
from tools.exi.octets import EXI_HEADER, V2GTP_OCTETS, Found
from tools.exi.walk import Datatype, Place, Walk
from tools.exi.which import Answer, Which

#: Steps before the stop that are repeated.
BEFORE = 5
#: Octets added to a message that is cut off, to see what would have come next: the longest event code has 9 bits.
AHEAD = bytes(4)
#: Expected productions that are listed; Body has 36, the document 82.
LISTED = 12
#: Bits within which a wrong schema shows itself: the header and the code of the root element.
ROOT_BITS = 24
_BITS_SHOWN = 16
#: Octets in which another beginning of the message is looked for: a V2GTP header has 8.
BEGINNINGS = 2 * V2GTP_OCTETS
_BOLD, _RED, _END = "\x1b[1m", "\x1b[1;31m", "\x1b[0m"

CAUSES = {
    ExiErrorCode.TRUNCATED: "the octets end before the message: a log line that was cut, a segment that is missing, or digits that were lost",
    ExiErrorCode.BAD_HEADER: "EXI messages of V2G begin with the octet 80",
    ExiErrorCode.BAD_EVENT_CODE: "another schema, or octets that were changed or lost before this bit",
    ExiErrorCode.SECOND_LEVEL: "another schema; octets that were changed or lost before this bit; or a sender that adds elements, attributes "
                               "or xsi:type which the schema does not have",
    ExiErrorCode.WILDCARD: "another schema, or a signature with content that V2G does not use",
    ExiErrorCode.MIXED_TEXT: "another schema, or a signature with text between its elements",
    ExiErrorCode.STRING_TABLE: "another schema; octets that were changed or lost; or a sender that encodes with string tables "
                               "(valuePartitionCapacity must be 0)",
    ExiErrorCode.BAD_CHARACTER: "another schema, or octets that were changed or lost before this bit",
    ExiErrorCode.OUT_OF_RANGE: "a sender that exceeds the limits of the schema; otherwise another schema or changed octets",
    ExiErrorCode.BAD_ENUMERATION: "a sender with another edition of the schema; otherwise another schema or changed octets",
    ExiErrorCode.TOO_LONG: "a sender that exceeds the limits of the schema; otherwise another schema or changed octets",
    ExiErrorCode.TOO_SHORT: "a sender that falls below the limits of the schema; otherwise another schema or changed octets",
}
UNUSUAL = "something that no V2G sender does, or changed octets"


class Explain:
    """Explains messages one by one."""

    def __init__(self, codec: Codec, which: Which, out: TextIO, schema: str = "", fragment: bool = False, colour: bool = False) -> None:
        self._codec = codec
        self._which = which
        self._out = out
        self._schema = schema
        self._fragment = fragment
        self._colour = colour
        self.done = 0
        self.failed = 0

    def show(self, found: Found) -> None:
        """One message."""
        found, answer = ask(self._which, found, self._schema, self._fragment)
        if unlike(found, answer):
            return
        where = f"{found.where}: " if found.where else ""
        if answer.best is not None:
            self.done += 1
            lines = [f"{where}decodes: {heading(found, answer)}", *(f"  note      {remark}" for remark in remarks_of(found, answer))]
        else:
            self.failed += 1
            lines = [f"{where}{self._mark('does not decode', _RED)}: {len(found.octets)} octets", *self._failure(found, answer)]
        encoding = getattr(self._out, "encoding", None) or "utf-8"
        self._out.write("\n".join(lines).encode(encoding, "backslashreplace").decode(encoding) + "\n" + ("\n" if found.where else ""))
        self._out.flush()

    def _failure(self, found: Found, answer: Answer) -> Iterator[str]:
        if found.note:
            yield f"  note      {found.note}"
        if answer.nearest is not None and (answer.begun or len(answer.failures) == 1):
            schema, problem = answer.nearest
            yield from self._stop(found, schema, problem)
            yield f"  probably  {cause(found, problem)}"
        else:
            schema = ""
            yield f"  {'as':<9} no message of any schema that was tried begins like this"
        yield from self._beginnings(found)
        others = self._which.others(found, tuple(known for known, _ in (*answer.failures, *((fit.schema, 0) for fit in answer.chance))),
                                   self._fragment)
        for fit in others.fits:
            yield "  but       " + self._mark(f"it fits {fit.schema} {fit.title}", _BOLD) + f" (not tried before because of {answer.why})"
        for fit in (*answer.chance, *others.chance):
            yield f"  by chance it begins like {fit.schema} {fit.title}; {fit.trailing} octets would follow"
        yield from _refusals([f for f in (*answer.failures, *others.failures) if f[0] != schema])

    def _stop(self, found: Found, schema: str, problem: ExiError) -> Iterator[str]:
        """Bit, path, what came and what was expected, for one schema."""
        trace = self._codec.trace(schema, found.octets, self._fragment)  # type: ignore[arg-type]
        walk = Walk(schema)
        places = list(walk.places(trace))
        bit = problem.bit_position
        last = places[-1] if places else None
        path, datatype, expected = (), None, ()
        if last is not None:
            datatype = walk.waiting_for(last)
            path = last.path + self._entered(last) if datatype is not None else last.path
            if datatype is None and problem.code in (ExiErrorCode.BAD_EVENT_CODE, ExiErrorCode.SECOND_LEVEL):
                # after an escape the productions are those that it escaped from
                expected = places[-2].expected if last.step.kind == "second" and len(places) > 1 else last.expected
        if problem.code is ExiErrorCode.TRUNCATED and datatype is None:
            path, expected = self._ahead(schema, found, walk, len(places), path)
        begin = last.step.bit if last is not None and expected and problem.code is not ExiErrorCode.TRUNCATED else last.end if last else 0
        yield f"  as {self._mark(schema, _BOLD)}: {printable(problem.detail or str(problem))}"
        yield f"  stopped   at bit {bit} (octet {bit // 8}, bit {bit % 8}) of {8 * len(found.octets)}"
        yield f"  path      {'.'.join(path) or '(before the root element)'}"
        cut = problem.code is ExiErrorCode.TRUNCATED
        yield f"  came      {_came(found, begin, 8 * len(found.octets) if cut else bit, last if expected and not cut else None)}"
        yield from self._expected(datatype, expected)
        for place in places[-BEFORE - 1:]:
            yield f"  read      bit {place.step.bit:>5} {bits_of(found.octets, place.step.bit, min(place.end, place.step.bit + _BITS_SHOWN)):<{_BITS_SHOWN}}  " \
                  f"{'.'.join(place.path[-2:])} {place.meaning[:60]}".rstrip()

    @staticmethod
    def _entered(place: Place) -> tuple[str, ...]:
        """The attribute whose value is waited for, which the path of its own event does not hold yet."""
        return (place.meaning.replace("AT(", "@").rstrip(")"),) if place.step.kind == "event" and place.meaning.startswith("AT(") else ()

    def _expected(self, datatype: Datatype | None, expected: tuple[str, ...]) -> Iterator[str]:
        if datatype is not None:
            yield f"  expected  {datatype.text()}"
        for code, text in enumerate(expected[:LISTED]):
            yield f"  {'expected' if code == 0 else '':<9} {code}: {text}"
        if len(expected) > LISTED:
            yield f"  {'':<9} ... and {len(expected) - LISTED} more, up to code {len(expected) - 1}"

    def _ahead(self, schema: str, found: Found, walk: Walk, count: int, path: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Path and productions of the state in which the octets end: with zeros behind them the codec shows it."""
        longer: Trace = self._codec.trace(schema, found.octets + AHEAD, self._fragment)  # type: ignore[arg-type]
        for number, place in enumerate(walk.places(longer)):
            if number >= count:
                return place.path, place.expected
        return path, ()

    def _beginnings(self, found: Found) -> Iterator[str]:
        """Other octets at which the message may begin: there was something before it."""
        for offset in range(1, min(BEGINNINGS, len(found.octets))):
            if found.octets[offset] == EXI_HEADER:
                best = self._which.ask(Found(found.octets[offset:])).best
                if best is not None and not any(best.rank):
                    yield "  but       " + self._mark(f"from octet {offset} on it is {best.schema} {best.title}", _BOLD)

    def _mark(self, text: str, code: str) -> str:
        return f"{code}{text}{_END}" if self._colour else text


def cause(found: Found, problem: ExiError) -> str:
    """What usually leads to this error."""
    if found.note.startswith("cut off"):
        return found.note
    usual = CAUSES.get(problem.code, UNUSUAL)
    if problem.code not in (ExiErrorCode.TRUNCATED, ExiErrorCode.BAD_HEADER) and problem.bit_position <= ROOT_BITS:
        return f"{usual} (it stops at the very beginning, which speaks for another schema)"
    return usual


def _refusals(failures: list[tuple[str, ExiError]]) -> Iterator[str]:
    """Why other schemas do not fit; those with the same reason in one line."""
    reasons: dict[str, list[str]] = {}
    for schema, problem in failures:
        reasons.setdefault(printable(problem), []).append(schema)
    for reason, schemas in reasons.items():
        yield f"  not       {', '.join(schemas)}: {reason}"


def _came(found: Found, begin: int, bit: int, place: Place | None) -> str:
    """The bits from `begin` up to where reading stopped, and the code that they are where a code was expected."""
    if 8 * len(found.octets) <= begin:
        return "nothing: the octets end here"
    end = max(bit, begin + 1)
    shown = bits_of(found.octets, begin, min(end, begin + 2 * _BITS_SHOWN))
    more = f" ... ({min(end, 8 * len(found.octets)) - begin} bits)" if end > begin + 2 * _BITS_SHOWN else ""
    if place is None:
        return f"bits {shown}{more}"
    code = place.step.code if place.step.kind == "event" else place.step.value
    empty = ", the element would end here, which it must not" if place.step.kind == "second" and place.meaning == "EE" else ""
    second = "escape, then " if place.step.kind == "second" else ""
    return f"{second}code {code} ({shown}): {place.meaning}{empty}"
