"""The command decode: every message of the input as text, as one line, or as JSON."""
from __future__ import annotations

import json
from typing import Any, TextIO

from exi_native.codec import ExiError
from tasks.listen.lines import printable
from tools.exi.json_form import to_json
from tools.exi.octets import MAX_MESSAGE_OCTETS, Found
from tools.exi.text_form import TextForm, one_line
from tools.exi.which import Answer, Fit, Which

TEXT, LINE, JSON = "text", "line", "json"
#: Octets of a message that did not decode that are repeated.
SHOWN_OCTETS = 48


class Decoding:
    """Shows messages one by one; `failed` counts those that did not decode."""

    def __init__(self, which: Which, out: TextIO, form: str, schema: str = "", fragment: bool = False, full: bool = False) -> None:
        self._which = which
        self._out = out
        self._form = form
        self._schema = schema
        self._fragment = fragment
        self._full = full
        self.done = 0
        self.failed = 0

    def show(self, found: Found) -> None:
        """One message."""
        found, answer = ask(self._which, found, self._schema, self._fragment)
        if unlike(found, answer):
            return
        if answer.best is None:
            self.failed += 1
        else:
            self.done += 1
        text = self._json(found, answer) if self._form == JSON else self._text(found, answer)
        encoding = getattr(self._out, "encoding", None) or "utf-8"
        self._out.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        self._out.flush()

    def _text(self, found: Found, answer: Answer) -> str:
        where = f"{found.where}: " if found.where else ""
        fit = answer.best
        if fit is None:
            return f"{where}{failure(found, answer)}"
        if self._form == LINE:
            remarks = "; ".join(remarks_of(found, answer))
            return f"{where}{fit.schema} {fit.title}  {one_line(fit.message)}" + (f"  ({remarks})" if remarks else "")
        lines = [f"# {where}{heading(found, answer)}"] + [f"# {remark}" for remark in remarks_of(found, answer)]
        lines += TextForm(self._which.names(fit.schema), self._full).lines(fit.message, fit.root)
        return "\n".join(lines) + ("\n" if found.where else "")

    def _json(self, found: Found, answer: Answer) -> str:
        return json.dumps(as_json(found, answer, self._which))


def ask(which: Which, found: Found, schema: str, fragment: bool) -> tuple[Found, Answer]:
    """The answer for the first place in the line where a message fits; for the first place of all when none does."""
    answer = which.ask(found, schema, fragment)
    if answer.best is None:
        for octets in found.starts:
            other = Found(octets, found.kind, found.where, found.note, found.schema, loose=found.loose)
            second = which.ask(other, schema, fragment)
            if second.best is not None:
                return other, second
    return found, answer


def unlike(found: Found, answer: Answer) -> bool:
    """True for digits among other text that only happen to begin with 80: no schema has a message that begins like it."""
    return found.loose and answer.best is None and not answer.begun


def heading(found: Found, answer: Answer) -> str:
    """Schema, name and size of a message that decoded."""
    fit = answer.best
    assert fit is not None
    kind = "fragment " if fit.fragment else ""
    return f"{fit.schema} {kind}{fit.title}, {len(found.octets)} octets"


def remarks_of(found: Found, answer: Answer) -> list[str]:
    """What is unusual about a message that decoded."""
    fit = answer.best
    assert fit is not None
    remarks = [found.note] if found.note else []
    if fit.trailing:
        rest = found.octets[len(found.octets) - fit.trailing:]
        remarks.append(f"{fit.trailing} octets follow the message: {rest[:16].hex()}{'...' if fit.trailing > 16 else ''}")
    if not fit.identical:
        remarks.append("encoded again it gives other octets: an empty value in the long form, or bits after the end that are not 0")
    if answer.better:
        remarks.append("probably not this schema, but " + ", ".join(_short(other) for other in answer.better))
    rivals = answer.rivals()
    if rivals:
        remarks.append("fits as well: " + ", ".join(_short(other) for other in rivals))
    return remarks


def failure(found: Found, answer: Answer) -> str:
    """Why a message did not decode: the schema that came furthest, and the octets."""
    if len(found.octets) > MAX_MESSAGE_OCTETS:
        return f"does not decode: {len(found.octets)} octets are more than any message has ({MAX_MESSAGE_OCTETS})"
    nearest = answer.nearest
    tried = ", ".join(schema for schema, _ in answer.failures)
    reason = f"{nearest[0]}: {printable(nearest[1])}" if nearest else "no schema"
    note = f"; {found.note}" if found.note else ""
    more = f" [tried {tried}]" if len(answer.failures) > 1 else ""
    octets = found.octets[:SHOWN_OCTETS].hex() + ("..." if len(found.octets) > SHOWN_OCTETS else "")
    return f"does not decode: {reason}{note}{more} {octets}"


def as_json(found: Found, answer: Answer, which: Which) -> dict[str, Any]:
    """The message in its envelope, as the command encode reads it; or the reason."""
    out: dict[str, Any] = {}
    if found.where:
        out["where"] = found.where
    fit = answer.best
    if fit is None:
        return out | {"hex": found.octets.hex(), "errors": {schema: _error(problem) for schema, problem in answer.failures}}
    out |= {"schema": fit.schema, "name": fit.title}
    if fit.fragment:
        out["fragment"] = True
    out["message"] = to_json(fit.message, fit.root, which.names(fit.schema))
    if fit.trailing:
        out["trailing_octets"] = fit.trailing
    if not fit.identical:
        out["encodes_differently"] = True
    rivals = answer.rivals()
    if rivals:
        out["fits_as_well"] = [_short(other) for other in rivals]
    if answer.better:
        out["fits_better"] = [_short(other) for other in answer.better]
    if found.note:
        out["note"] = found.note
    return out


def _short(fit: Fit) -> str:
    return f"{fit.schema} {fit.title}"


def _error(problem: ExiError) -> dict[str, Any]:
    return {"code": problem.code.name, "bit": problem.bit_position, "path": problem.field, "text": str(problem)}
