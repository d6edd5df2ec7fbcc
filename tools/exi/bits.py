"""The command bits: every bit of a message with its offset, what it selects, and the value that it carries."""
from __future__ import annotations

from typing import Iterator, TextIO

from exi_native.codec import Codec, Trace
from tasks.listen.lines import printable
from tools.exi.decoding import ask, heading, remarks_of, unlike
from tools.exi.octets import Found
from tools.exi.walk import Datatype, Place, Walk
from tools.exi.which import Which

#: Bits in one row; wider values go on in further rows.
ROW_BITS = 24
#: Rows of one value without --full, enough for a SessionID; a certificate has some 300.
ROWS = 3
#: Characters of a row of bits: a sign, then groups of 8 with a blank before each.
COLUMN = 1 + ROW_BITS + ROW_BITS // 8
VALUE_SHOWN = 72
COLOURS = {"header": "2", "event": "36", "second": "35", "content": "2", "value": "1;32", "length": "32", "rest": "2", "error": "1;31"}
_STOPPED_BITS = 16


class Bits:
    """Shows messages bit by bit, those that do not decode up to where reading stopped."""

    def __init__(self, codec: Codec, which: Which, out: TextIO, schema: str = "", fragment: bool = False, colour: bool = False,
                 full: bool = False) -> None:
        self._codec = codec
        self._which = which
        self._out = out
        self._schema = schema
        self._fragment = fragment
        self._colour = colour
        self._full = full
        self.done = 0
        self.failed = 0

    def show(self, found: Found) -> None:
        """One message."""
        found, answer = ask(self._which, found, self._schema, self._fragment)
        if unlike(found, answer):
            return
        fit, nearest = answer.best, answer.nearest
        where = f"{found.where}: " if found.where else ""
        if fit is not None:
            self.done += 1
            self._line(f"# {where}{heading(found, answer)}")
            for remark in remarks_of(found, answer):
                self._line(f"# {remark}")
            schema, fragment = fit.schema, fit.fragment
        else:
            self.failed += 1
            schema, fragment = (nearest[0] if nearest else "SAP"), self._fragment
            self._line(f"# {where}does not decode" + (f"; as {schema}, which comes furthest:" if len(answer.failures) > 1 else f" as {schema}:"))
        self._line(f"# {'bit':>6} {'octet':>7}  {'bits':<{COLUMN}}  meaning")
        trace = self._codec.trace(schema, found.octets, fragment)  # type: ignore[arg-type]
        for line in self._rows(found.octets, Walk(schema), trace):
            self._line(line)
        self._out.flush()

    def _rows(self, octets: bytes, walk: Walk, trace: Trace) -> Iterator[str]:
        end = 0
        for place in walk.places(trace):
            if place.step.bit > end:                     # nothing that the trace leaves out may look as if it were not there
                yield from self._cells(octets, end, place.step.bit, "rest", "(not in the trace)", 0)
            yield from self._place(octets, place)
            end = max(end, place.end)
        if trace.error is not None:
            stop = max(trace.error.bit_position, end)
            if stop > end:
                yield from self._cells(octets, end, min(stop, 8 * len(octets)), "error", "read, but not accepted", 0)
            yield self._painted(f"{stop:>8} {stop // 8:>5}.{stop % 8}  {'':<{COLUMN}}  stopped: {printable(trace.error)}", "error")
            end = min(stop, 8 * len(octets))
            yield from self._cells(octets, end, 8 * len(octets), "rest", f"not read: {8 * len(octets) - end} bits", 0)
            return
        padding = min(-end % 8, 8 * len(octets) - end)
        yield from self._cells(octets, end, end + padding, "rest", "padding up to the octet", 0)
        rest = octets[(end + padding) // 8:]
        yield from self._cells(octets, end + padding, 8 * len(octets), "rest", f"{len(rest)} octets after the message", 0)

    def _place(self, octets: bytes, place: Place) -> Iterator[str]:
        step = place.step
        level = len(place.path)
        if step.kind == "event":
            code = f"code {step.code} of {len(place.expected)}" if len(place.expected) > 1 else ""
            yield from self._cells(octets, step.bit, place.end, "event", f"{place.meaning:<32} {code}".rstrip(), level)
        elif step.kind == "value":
            yield from self._value(octets, place, level)
        elif step.kind == "second":
            yield from self._cells(octets, step.bit, place.end, "second", f"second part of the code: {place.meaning}", level)
        else:
            yield from self._cells(octets, step.bit, place.end, step.kind, place.meaning, level)

    def _value(self, octets: bytes, place: Place, level: int) -> Iterator[str]:
        """A value under its path; the length of strings and octets has a row of its own."""
        step, datatype = place.step, place.datatype
        begin = step.bit
        kind = datatype.primitive if datatype is not None and not datatype.words else ""
        if kind in ("string", "hexBinary", "base64Binary"):
            length = _groups(octets, begin)
            remark = f"length {len(step.value)}" + (" + 2, since 0 and 1 mean the string table" if kind == "string" else "")
            yield from self._cells(octets, begin, begin + length, "length", remark, level)
            begin += length
        text = place.meaning if self._full or len(place.meaning) <= VALUE_SHOWN else place.meaning[:VALUE_SHOWN] + "..."
        meaning = f"= {text}    {'.'.join(place.path)}"
        if datatype is not None and (more := _remark(octets, place, datatype)):
            meaning += f"  ({more})"
        if begin < place.end:
            yield from self._cells(octets, begin, place.end, "value", meaning, level, datatype is not None and datatype.signed())
        else:
            yield self._painted(f"{begin:>8} {begin // 8:>5}.{begin % 8}  {'':<{COLUMN}}  {'  ' * level}{meaning}", "value")

    def _cells(self, octets: bytes, begin: int, end: int, kind: str, meaning: str, level: int, signed: bool = False) -> Iterator[str]:
        """Rows for the bits from `begin` to `end`, a sign bit for itself; what is folded is counted."""
        limit = end if self._full else min(end, begin + ROWS * ROW_BITS)
        width = ROW_BITS + int(signed)           # an integer of many rows keeps its groups
        for at in range(begin, limit, width):
            stop = min(at + width, end)
            row = f"{at:>8} {at // 8:>5}.{at % 8}  {_grouped(octets, at, stop, signed and at == begin):<{COLUMN}}  "
            yield self._painted((row + "  " * level + meaning if at == begin else row).rstrip(), kind)
        if limit < end:
            yield self._painted(f"{'...':>8} {'':>7}  {f'({end - limit} more bits)':<{COLUMN}}".rstrip(), kind)

    def _painted(self, text: str, kind: str) -> str:
        return f"\x1b[{COLOURS[kind]}m{text}\x1b[0m" if self._colour else text

    def _line(self, text: str) -> None:
        encoding = getattr(self._out, "encoding", None) or "utf-8"
        self._out.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def bits_of(octets: bytes, begin: int, end: int) -> str:
    """The bits from `begin` to `end` as digits; what lies behind the octets is left out."""
    end = min(end, 8 * len(octets))
    if begin >= end:
        return ""
    first, last = begin // 8, (end + 7) // 8
    digits = "".join(f"{octet:08b}" for octet in octets[first:last])
    return digits[begin - 8 * first:end - 8 * first]


def _grouped(octets: bytes, begin: int, end: int, signed: bool) -> str:
    """Digits in groups of 8 from the begin on, as 7-bit groups and octets lie there; behind the sign bit when there is one."""
    digits = bits_of(octets, begin, end)
    parts = ([digits[:1]] if signed else []) + [digits[at:at + 8] for at in range(int(signed), len(digits), 8)]
    return " ".join(parts)


def _groups(octets: bytes, begin: int) -> int:
    """Bits of the unsigned integer at `begin`: groups of 8, the first bit says that another one follows (EXI 7.1.6)."""
    at = begin
    while bits_of(octets, at, at + 1) == "1":
        at += 8
    return at + 8 - begin


def _remark(octets: bytes, place: Place, datatype: Datatype) -> str:
    """How the bits give the value, where they are not simply it."""
    low = datatype.low()
    if datatype.words:
        return f"word {place.step.value - 1} of {len(datatype.words)}"
    if low is not None:
        return f"{low} + {int(bits_of(octets, place.step.bit, place.end), 2)}" if low else ""
    if datatype.signed():
        return "sign, then 7-bit groups, lowest first" if place.step.bits > 9 else "sign first" if place.step.value >= 0 else "sign first, -1 - bits"
    if datatype.primitive == "integer" and place.step.bits > 8:
        return "7-bit groups, lowest first"
    if isinstance(place.step.value, bytes):
        letters = place.step.value.decode("ascii", "replace")
        return f'"{letters}"' if len(letters) > 1 and letters.isascii() and letters.isprintable() else ""
    return ""
