"""The command encode: JSON documents to octets, one line of hexadecimal text for each."""
from __future__ import annotations

import json
import re
from typing import Any, Iterator

from exi_native.codec import Codec, ExiError
from exi_native.generated import SCHEMAS
from tools.exi.json_form import WrongJson, from_json
from tools.exi.octets import V2GTP_START
from tools.exi.which import BY_PAYLOAD, Which

#: Characters of JSON that are read: a thousand large messages.
MAX_JSON = 64 << 20
_ENVELOPE = "message"
_MEMBER = re.compile(r"\w+\((\w+)\)")         # `BodyElement(SessionStop)` in the codec's paths: field and class


def documents(text: str) -> Iterator[tuple[int, Any]]:
    """(number of the line, document) of JSON documents one after another; WrongJson where the text is no JSON.

    After a damaged document the next line is tried, so that one bad line does not lose the others.
    """
    decoder = json.JSONDecoder(object_pairs_hook=_object)
    at = 0
    line = 1
    counted = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at == len(text):
            return
        line += text.count("\n", counted, at)
        counted = at
        try:
            document, at = decoder.raw_decode(text, at)
            yield line, document
        except json.JSONDecodeError as problem:
            yield line, WrongJson("$", f"no JSON: {problem.msg} (line {problem.lineno}, column {problem.colno})")
            at = _next_line(text, max(at, problem.pos))
        except (RecursionError, ValueError) as problem:
            yield line, problem if isinstance(problem, WrongJson) else WrongJson("$", f"no JSON that can be read: {problem}")
            at = _next_line(text, at)


def encode(codec: Codec, which: Which, document: Any, schema: str, fragment: bool) -> tuple[str, bytes]:
    """The schema and the octets of one document, bare or in the envelope of decode --json. Raises WrongJson, ExiError."""
    if isinstance(document, WrongJson):
        raise document
    if isinstance(document, dict) and "schema" in document and _ENVELOPE in document:
        named = document["schema"]
        fragment = fragment or document.get("fragment") is True
        schema = schema or (named if isinstance(named, str) else "")
        document = document[_ENVELOPE]
    elif isinstance(document, dict) and "errors" in document and "hex" in document:
        raise WrongJson("$", "this message did not decode, there is nothing to encode")
    if not schema:
        raise WrongJson("$", 'the schema is not known: give --schema, or {"schema": ..., "message": {...}}')
    if schema not in SCHEMAS:
        raise WrongJson("$.schema", f"{schema!r} is not one of {', '.join(SCHEMAS)}")
    names = which.names(schema)
    message, root = from_json(document, names, fragment)
    known: Any = schema
    try:
        return schema, codec.encode_fragment(known, message, root=root) if fragment else codec.encode(known, message, root=root)
    except ExiError as problem:
        elements = {cls.__name__: names.element(cls) for cls in names.fields}
        place = _MEMBER.sub(lambda match: elements.get(match[1], match[1]), problem.field.partition(".")[2])
        raise WrongJson(f"$.{root}" + (f".{place}" if place else ""), problem.detail or str(problem)) from problem


def framed(schema: str, octets: bytes) -> bytes:
    """The octets with their V2GTP header. Raises WrongJson for a schema that has no payload type."""
    kind = next((number for number, schemas in BY_PAYLOAD.items() if schema in schemas), None)
    if kind is None:
        raise WrongJson("$", f"messages of schema {schema} are not sent for themselves: no V2GTP payload type")
    return V2GTP_START + kind.to_bytes(2, "big") + len(octets).to_bytes(4, "big") + octets


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise WrongJson("$", f"the key {twice!r} stands twice in one object")
    return out


def _next_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1
