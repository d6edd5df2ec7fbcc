"""One V2G connection as overheard: which protocol the handshake agreed, who is car and who charger, which answer is for what.

The first message is always supportedAppProtocol. When the capture begins later, or the handshake is lost, DIN 70121 is
tried: a message that decodes as DIN is DIN (the root event codes of the other schemas do not exist in it, exi.md 2.1).
"""
from __future__ import annotations

from typing import Callable

from exi_native.messages.appproto import AppProtocol, responseCode, supportedAppProtocolReq, supportedAppProtocolRes
from kernel.record import dataclass
from tasks.errors import WireError
from tasks.listen.naming import DIN, ISO2, PAYLOAD_EXI, PAYLOAD_SCHEMAS, namespace, payload
from tasks.listen.record import Category, Role

Decode = Callable[[str, bytes], object]
"""`decode(schema, octets)` gives the message; WireError says why not, and LookupError that there is no such codec."""

_SPELLING = {"SessionStop": "SessionStopReq"}        # the element SessionStopReq of DIN has the type SessionStop
UNKNOWN_PROTOCOL = "V2G message, protocol not known"
ASSUMED = "handshake not seen"


@dataclass(slots=True)
class Heard:
    """What a payload is. `kind` is the frame's kind in the tally, `latency` ns since the request that it answers."""

    category: Category
    name: str
    kind: str
    message: object = None
    reason: str = ""
    note: str = ""
    session_id: bytes = b""
    protocol: str = ""
    sender: Role | None = None
    latency: int | None = None


class Conversation:
    """State of one connection; `receive` once per V2GTP message, in the order of the wire."""

    __slots__ = ("protocol", "schema", "offers", "_decode", "_request", "_request_at", "_request_from")

    def __init__(self, decode: Decode) -> None:
        self.protocol = ""                   # name for people, "" while not agreed
        self.schema = ""                     # of the codec, "" when not agreed or not decodable
        self.offers: list[AppProtocol] = []
        self._decode = decode
        self._request = ""
        self._request_at = 0
        self._request_from = -1

    def receive(self, kind: int, data: bytes, side: int, role: Role | None, at: int) -> Heard:
        """`side` is 0 or 1, one per direction; `role` is that side's where it is known."""
        heard = self._exi(data, at) if kind == PAYLOAD_EXI else self._other(kind, data)
        if heard.sender is None:
            heard.sender = role
        self._pair(heard, side, at)
        return heard

    def _other(self, kind: int, data: bytes) -> Heard:
        name = payload(kind)
        if kind in PAYLOAD_SCHEMAS:
            return self._body(PAYLOAD_SCHEMAS[kind], self.protocol or name, data)
        return Heard(Category.NAMED, name, f"V2G not decoded ({name})", note="not decoded", protocol=self.protocol)

    def _exi(self, data: bytes, at: int) -> Heard:
        if not self.protocol:
            heard = self._handshake(data)
            if heard is not None:
                return heard
            for protocol, schema in (namespace(DIN), namespace(ISO2)):
                heard = self._body(schema, protocol, data)
                if heard.category is Category.DECODED:
                    self.protocol, self.schema = protocol, schema
                    heard.note = ASSUMED
                    return heard
            if self.offers:                  # after the car's offer only the answer may come
                return Heard(Category.MALFORMED, "supportedAppProtocolRes", "V2G handshake", reason="no answer to the handshake")
            return Heard(Category.NAMED, UNKNOWN_PROTOCOL, UNKNOWN_PROTOCOL)
        if not self.schema:
            return self._undecoded(self.protocol)
        heard = self._body(self.schema, self.protocol, data)
        if heard.category is Category.MALFORMED:
            return self._handshake(data) or heard        # a second session on the same connection
        return heard

    def _undecoded(self, protocol: str) -> Heard:
        return Heard(Category.NAMED, f"{protocol} message", f"V2G not decoded ({protocol})", note="not decoded", protocol=protocol)

    def _handshake(self, data: bytes) -> Heard | None:
        """The payload as a message of the handshake, None when it is none."""
        try:
            message = self._decode("SAP", data)
        except WireError:
            return None
        if isinstance(message, supportedAppProtocolReq):
            self.offers = message.AppProtocol
            self.protocol = self.schema = ""
            return Heard(Category.DECODED, "supportedAppProtocolReq", "V2G handshake", message, sender=Role.CAR)
        if isinstance(message, supportedAppProtocolRes):
            heard = Heard(Category.DECODED, "supportedAppProtocolRes", "V2G handshake", message, sender=Role.CHARGER)
            if message.ResponseCode is not responseCode.Failed_NoNegotiation:
                self._agree(message.SchemaID, heard)
            return heard
        return None

    def _agree(self, schema_id: int | None, heard: Heard) -> None:
        """Which of the offers the charger took; SchemaID may be absent when there was only one."""
        for offer in self.offers:
            if offer.SchemaID == schema_id or schema_id is None and len(self.offers) == 1:
                self.protocol, self.schema = namespace(offer.ProtocolNamespace)
                heard.protocol = self.protocol
                return
        heard.note = "SchemaID was not offered" if self.offers else "the request was not seen"

    def _body(self, schema: str, protocol: str, data: bytes) -> Heard:
        """A message of the agreed protocol."""
        kind = f"V2G {protocol}"
        try:
            message = self._decode(schema, data)
        except LookupError:
            return self._undecoded(protocol)
        except WireError as problem:
            return Heard(Category.MALFORMED, "message", kind, reason=f"EXI: {problem}", protocol=protocol)
        header = getattr(message, "Header", None)
        body = getattr(message, "Body", None)
        element = message if body is None else body.BodyElement          # ISO 15118-20 has no body
        name = type(element).__name__ if element is not None else "empty body"
        name = _SPELLING.get(name, name)
        sender = Role.CAR if name.endswith("Req") else Role.CHARGER if name.endswith("Res") else None
        return Heard(Category.DECODED, name, kind, message, session_id=getattr(header, "SessionID", b""), protocol=protocol,
                     sender=sender)

    def _pair(self, heard: Heard, side: int, at: int) -> None:
        """Remember a request, or measure how long its answer took."""
        if heard.sender is Role.CAR:
            self._request, self._request_at, self._request_from = heard.name, at, side
        elif self._request and side != self._request_from:
            answer = self._request[:-3] + "Res" if self._request.endswith("Req") else self._request
            if heard.name == answer or not heard.name.endswith("Res"):
                heard.latency = at - self._request_at
            self._request = ""
