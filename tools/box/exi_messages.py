"""V2G messages with invented names: decoded, their texts and octets replaced, encoded again into the same number of octets."""
from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from exi_native.errors import ExiError
from tools.box.pseudonyms import Pseudonyms

TIMES = frozenset({"TMeter", "DateTimeNow", "EVSETimeStamp", "TimeStamp", "EVTimeStamp"})      # s since 1970
LEAST_TIME = 1 << 28                 # below, it is no wall clock, and takes fewer octets
SCHEMAS = ("DIN", "ISO2", "ISO20", "ISO20_DC", "ISO20_AC", "SAP")
NAMESPACES = {"urn:din:70121:2012:MsgDef": "DIN", "urn:iso:15118:2:2013:MsgDef": "ISO2"}
REMEMBERED = 4096                    # messages that came before: repeated ones cost nothing
PUBLIC = ("urn:", "http://www.w3.org/")
MAX_DEPTH = 40


class Messages:
    """`blanked` counts messages whose octets are now zero: they could not be read, or not be written in the same length."""

    def __init__(self, names: Pseudonyms, codec: Any, shift_s: int) -> None:
        """`shift_s`: s that are added to every time of day."""
        self._names = names
        self._codec = codec
        self._shift = shift_s
        self._done: dict[tuple[bytes, str], bytes] = {}
        self._parts: dict[type, list[tuple[str, bool]]] = {}
        self.blanked = 0
        self.rewritten = 0

    def schemas(self, payload: bytes) -> dict[int, str] | int | None:
        """What a handshake says: {number: schema} of a request, a number of a response, None: it is none."""
        try:
            message = self._codec.decode("SAP", payload)
        except ExiError:
            return None
        if hasattr(message, "AppProtocol"):
            return {one.SchemaID: NAMESPACES[one.ProtocolNamespace] for one in message.AppProtocol if one.ProtocolNamespace in NAMESPACES}
        return message.SchemaID

    def rewrite(self, payload: bytes, schema: str) -> bytes:
        """`schema`: what was agreed, "" where nobody knows."""
        key = payload, schema
        done = self._done.get(key)
        if done is None:
            if len(self._done) >= REMEMBERED:
                self._done.clear()
            done = self._done[key] = self._rewrite(payload, schema)
        return done

    def find(self, payload: bytes) -> bytes | None:
        """As `rewrite`, for octets that may be a message; None: they are none that is written as we write it."""
        for schema in ("DIN", "ISO2"):
            made = self._in_schema(payload, schema)
            if made is not None:
                return made
        return None

    def _rewrite(self, payload: bytes, schema: str) -> bytes:
        for candidate in (schema, *(one for one in SCHEMAS if one != schema)) if schema else SCHEMAS:
            made = self._in_schema(payload, candidate)
            if made is not None:
                self.rewritten += 1
                return made
        self.blanked += 1
        return bytes(len(payload))

    def _in_schema(self, payload: bytes, schema: str) -> bytes | None:
        """None: not of this schema, or not as our encoder would write it."""
        try:
            found = self._codec.decode_with_report(schema, payload)
            core = payload[:len(payload) - found.trailing_octets]
            if self._codec.encode(schema, found.message, found.root) != core:
                return None
            self._replace(found.message, 0)
            made = self._codec.encode(schema, found.message, found.root)
        except (ExiError, ValueError, RecursionError):
            return None
        return made + bytes(found.trailing_octets) if len(made) == len(core) else None

    def _replace(self, thing: Any, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise ValueError("too deep")
        for name in self._fields(type(thing)):
            value = getattr(thing, name)
            if value is None or isinstance(value, (bool, float)):
                continue
            new = self._value(name, value, depth)
            if new is not value:
                setattr(thing, name, new)

    def _value(self, name: str, value: Any, depth: int) -> Any:
        if isinstance(value, int):
            return value + self._shift if name in TIMES and value >= LEAST_TIME else value
        if isinstance(value, bytes):
            return self._names.octets(value)
        if isinstance(value, str):
            return value if value.startswith(PUBLIC) else self._names.text(value)
        if isinstance(value, list):
            return [self._value(name, item, depth + 1) for item in value]
        if is_dataclass(value) and not isinstance(value, type):
            self._replace(value, depth + 1)
        return value

    def _fields(self, kind: type) -> list[str]:
        names = self._parts.get(kind)
        if names is None:
            names = self._parts[kind] = [field.name for field in fields(kind)]       # type: ignore[arg-type,misc]
        return names


