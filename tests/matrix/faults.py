"""Every fault of a message, generated from the message itself: frame, stream, octets, type, session, codes, values."""
from __future__ import annotations

import copy
import dataclasses
import random
from dataclasses import dataclass
from enum import Enum
from typing import Any, Callable, Iterator

from exi_native.errors import ExiError
from exi_native.messages import appproto, din, iso2
from kernel.timer import MS, S
from tasks.tcp import wire
from tasks.v2g import v2gtp
from tasks.v2g.protocols import PROTOCOLS
from tests.exi.exi_messages import Random, fields_of
from tests.matrix.middle import FOREIGN_MAC, HANDSHAKE, TRANSPORT, Middle, Passing

FOREVER = 10_000 * S
NONSENSE = v2gtp.emit(b"\x80\0\0\0")
WIRE: dict[str, Any] = {HANDSHAKE: appproto, "DIN": din, "ISO2": iso2}
"""Messages of each schema; both protocols have the same names for what is looked into here."""
URGENT = ("EVSE_EmergencyShutdown", "EVSE_Malfunction")


def _modem(charge: Any, role: str) -> Any:
    return (charge.car if role == "pev" else charge.charger).board.nic.modem


@dataclass(slots=True)
class Fault:
    """`act` deals with the message; `group` names the row of expectations; `again`: also with each later one of that name."""

    name: str
    group: str
    act: Callable[[Middle, Passing, Any], None]      # (middle, message, charge)
    again: bool = False


# --- any frame --------------------------------------------------------------------------------------------------------

def frame_faults(p: Passing) -> Iterator[Fault]:
    """What happens to frames without anybody's ill will, and what a stranger on the line can do."""
    group = "frame" if p.segment is not None else "matching"
    yield Fault("frame-lost", group, lambda m, q, c: None)
    yield Fault("frame-twice", group, lambda m, q, c: (m.pass_on(q), m.pass_on(q)))
    for ms in (20, 300):
        yield Fault(f"frame-late-{ms}", group, lambda m, q, c, d=ms * MS: c.plant.at(q.at + d, lambda t: m.frame(q, q.frame, t)))
    size = len(p.frame)
    for at in sorted({TRANSPORT, TRANSPORT + 9, size - 1} if p.layer != "slac" else {14, 15, 17, 19, 27, 40, size - 1}):
        if at < size:
            yield Fault(f"frame-bit-{at}", group, lambda m, q, c, k=at: m.frame(q, _flipped(q.frame, k)))
    for keep in sorted({14, 16, 40, TRANSPORT, size - 1} - {size}):
        if keep < size:
            yield Fault(f"frame-cut-{keep}", group, lambda m, q, c, k=keep: m.frame(q, q.frame[:k]))
    for blackout in (1, 8):
        yield Fault(f"blackout-{blackout}", "blackout", lambda m, q, c, d=blackout * S: _blackout(m, q, c, d))
    yield Fault("blackout", "blackout", lambda m, q, c: _blackout(m, q, c, FOREVER))


def _flipped(octets: bytes, at: int, bit: int = 0x10) -> bytes:
    """With one bit wrong; in the last octet where the message of this world is shorter than that of the reference (EXI numbers vary in length)."""
    at = min(at, len(octets) - 1)
    return octets[:at] + bytes((octets[at] ^ bit,)) + octets[at + 1:]


def _blackout(m: Middle, p: Passing, c: Any, duration: int) -> None:
    c.link.up = False
    c.plant.at(p.at + duration, lambda t: setattr(c.link, "up", True))
    m.pass_on(p)


def stranger_faults(matching: dict[str, bytes]) -> Iterator[Fault]:
    """A second car or charger matches, discovers, answers while the session runs: recorded frames from another MAC, and from the peer's."""
    for name, frame in matching.items():
        yield Fault(f"stranger-{name}", "stranger", lambda m, q, c, f=frame: (m.stranger(q, f[:6] + FOREIGN_MAC + f[12:], _modem(c, q.to)), m.pass_on(q)))
        yield Fault(f"second-{name}", "stranger", lambda m, q, c, f=frame: (m.frame(q, f), m.pass_on(q)))


# --- the stream -------------------------------------------------------------------------------------------------------

def stream_faults(p: Passing) -> Iterator[Fault]:
    """RST, FIN, half open, split at every octet, and what somebody could inject."""
    size = len(p.segment.data)
    yield Fault("rst", "rst", lambda m, q, c: (m.inject(q, wire.RST | wire.ACK), m.pass_on(q)))
    yield Fault("rst-instead", "rst", lambda m, q, c: m.inject(q, wire.RST | wire.ACK))
    yield Fault("rst-blind", "stranger", lambda m, q, c: (m.inject(q, wire.RST, offset=5000), m.pass_on(q)))
    yield Fault("rst-outside", "stranger", lambda m, q, c: (m.inject(q, wire.RST, offset=1 << 30), m.pass_on(q)))
    for name, flags, data in (("rst", wire.RST | wire.ACK, b""), ("fin", wire.FIN | wire.ACK, b""), ("data", wire.ACK | wire.PSH, NONSENSE)):
        yield Fault(f"{name}-foreign-mac", "stranger",
                    lambda m, q, c, f=flags, d=data: (m.inject_from_stranger(q, _modem(c, q.to), f, d), m.pass_on(q)))
    yield Fault("syn-inside", "stranger", lambda m, q, c: (m.inject(q, wire.SYN, offset=100), m.pass_on(q)))
    yield Fault("old-data", "stranger", lambda m, q, c: (m.inject(q, wire.ACK | wire.PSH, b"\0" * 20, offset=-20), m.pass_on(q)))
    yield Fault("fin", "fin", lambda m, q, c: (m.inject(q, wire.FIN | wire.ACK), m.pass_on(q)))
    yield Fault("fin-after", "fin", lambda m, q, c: (m.pass_on(q), m.inject(q, wire.FIN | wire.ACK, offset=len(q.segment.data))))
    yield Fault("half-open", "silence", lambda m, q, c: m.muted.add(q.to))
    yield Fault("half-open-after", "silence", lambda m, q, c: (m.pass_on(q), m.muted.add(q.to)))
    for at in range(1, size):
        yield Fault(f"split-{at}", "split", lambda m, q, c, k=at: m.cut(q, [k]))
    yield Fault("split-all", "split", lambda m, q, c: m.cut(q, [1] * (len(q.segment.data) - 1)))


# --- the message ------------------------------------------------------------------------------------------------------

def message_faults(p: Passing, bodies: dict[str, Any], codec: Any, rng: random.Random) -> Iterator[Fault]:
    """Lost, late, duplicated, corrupted, truncated, wrong type, wrong session, every code, every value."""
    yield Fault("lost", "silence", lambda m, q, c: m.replace(q, b""))
    yield Fault("silent", "silence", lambda m, q, c: m.replace(q, b""), again=True)
    for ms in (100, 1000, 4000, 8000, 65_000):
        yield Fault(f"late-{ms}", "late" if ms > 100 else "frame", lambda m, q, c, d=ms * MS: (m.hold(q), c.plant.at(q.at + d, lambda t: m.release(q, t))))
    yield Fault("twice", "twice", lambda m, q, c: m.replace(q, q.segment.data * 2))
    octets = p.octets
    for at in range(v2gtp.HEADER_OCTETS):
        yield Fault(f"header-{at}", "header", lambda m, q, c, k=at: m.replace(q, _flipped(q.segment.data, k, 0x01 if k else 0x02)))
    yield Fault("length-0", "header", lambda m, q, c: m.replace(q, q.segment.data[:4] + bytes(4) + q.octets))
    yield Fault("length-huge", "header", lambda m, q, c: m.replace(q, q.segment.data[:4] + b"\xff" * 4 + q.octets))
    yield Fault("length-more", "header", lambda m, q, c: m.replace(q, q.segment.data[:7] + bytes((q.segment.data[7] + 3,)) + q.octets))
    for at in range(len(octets)):
        bit = 1 << rng.randrange(8)
        # with other equipment a value, and so the message, may be an octet shorter
        yield Fault(f"octet-{at}", "octets", lambda m, q, c, k=at, b=bit: m.replace(q, v2gtp.emit(_flipped(q.octets, min(k, len(q.octets) - 1), b))))
    for keep in range(1, len(octets)):
        yield Fault(f"truncated-{keep}", "octets", lambda m, q, c, k=keep: m.replace(q, v2gtp.emit(q.octets[:k])))
    noise = bytes(rng.randrange(256) for _ in range(len(octets)))
    yield Fault("noise", "octets", lambda m, q, c: m.replace(q, v2gtp.emit(noise)))
    yield from _content(p, bodies, codec)


def _content(p: Passing, bodies: dict[str, Any], codec: Any) -> Iterator[Fault]:
    """Faults that need the decoded message; those that cannot be put on the wire do not exist."""
    schema = p.schema
    for name, group, change, again in _changes(p.message, foreign_bodies(schema) | ({} if schema == HANDSHAKE else bodies), schema):
        try:
            codec.encode(schema, change(copy.deepcopy(p.message)))
        except (ExiError, TypeError, AttributeError):
            continue

        def act(m: Middle, q: Passing, c: Any, change=change) -> None:
            m.replace(q, v2gtp.emit(m.codec.encode(schema, change(copy.deepcopy(q.message)))))
        yield Fault(name, group, act, again)


Change = Callable[[Any], Any]                        # of a V2G_Message, of a handshake's message


def _body(message: Any) -> Any:
    return message.Body.BodyElement if hasattr(message, "Body") else message


def foreign_bodies(schema: str) -> dict[str, Any]:
    """A body of every type that the schema has, with any values: for those types of which the clean charge has none."""
    if schema == HANDSHAKE:
        return {kind.__name__: Random(schema, kind.__name__).message(kind) for kind in (appproto.supportedAppProtocolReq, appproto.supportedAppProtocolRes)}
    kinds = fields_of(schema)[WIRE[schema].Body][0].classes
    return {kind.__name__: Random(schema, kind.__name__).message(kind) for kind in kinds if kind is not WIRE[schema].BodyBase}


def _changes(message: Any, bodies: dict[str, Any], schema: str) -> Iterator[tuple[str, str, Change, bool]]:
    """(name, group, change, again)."""
    body = _body(message)
    for name, other in bodies.items():
        if name != type(body).__name__:
            yield f"type-{name}", "type", _with_body(other), False
    if body is not message:
        session_id = message.Header.SessionID
        for name, other in (("zero", bytes(8)), ("bit", _flipped(session_id, 0)), ("short", session_id[:4]), ("none", b""), ("other", b"\xa5" * 8)):
            if other != session_id:
                yield f"session-{name}", "session", _with_session(other), False
    for path, value in _fields(body):
        for word, other in _others(path, value, schema):
            group = _group(path, other)
            yield f"{'.'.join(path)}={word}", group, _with_field(path, other), False
            if path[-1] == "EVSEProcessing" and other is not None:
                yield f"{'.'.join(path)}={word}-for-ever", "ongoing" if word.startswith("Ongoing") else group, _with_field(path, other), True


def _group(path: tuple[str, ...], other: Any) -> str:
    name = other.name if isinstance(other, Enum) else ""
    if path[-1] == "ResponseCode":
        return "failed" if name.startswith("FAILED") else "value"
    if path[-1] == "EVSEStatusCode":
        return "urgent" if name in URGENT else "status"
    return {"SessionID": "session", "SchemaID": "schema"}.get(path[-1], "value")         # the first of a MeteringReceiptReq


def _with_body(body: Any) -> Change:
    def change(message: Any) -> Any:
        if not hasattr(message, "Body"):
            return copy.deepcopy(body)
        message.Body.BodyElement = copy.deepcopy(body)
        return message
    return change


def _with_session(session_id: bytes) -> Change:
    def change(message: Any) -> Any:
        message.Header.SessionID = session_id
        return message
    return change


def _with_field(path: tuple[str, ...], value: Any) -> Change:
    def change(message: Any) -> Any:
        at = _body(message)
        for name in path[:-1]:
            at = at[int(name)] if name.isdigit() else getattr(at, name)
        setattr(at, path[-1], value)
        return message
    return change


def _fields(at: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every field of a message with its path, deepest last."""
    if isinstance(at, (list, tuple)):
        for n, item in enumerate(at[:1]):
            yield from _fields(item, path + (str(n),))
    elif dataclasses.is_dataclass(at):
        for f in dataclasses.fields(at):
            value = getattr(at, f.name)
            yield path + (f.name,), value
            yield from _fields(value, path + (f.name,))


def _others(path: tuple[str, ...], value: Any, schema: str) -> Iterator[tuple[str, Any]]:
    """(word, other value) for a field that has `value`: each word of an enumeration, each impossible number."""
    wire, kind = WIRE[schema], type(value)
    if isinstance(value, Enum):
        yield from ((other.name, other) for other in type(value) if other is not value)
    elif isinstance(value, bool):
        yield str(not value), not value
    elif kind is getattr(wire, "PhysicalValue", None):
        yield "huge", dataclasses.replace(value, Multiplier=3, Value=32767)
        yield "negative", dataclasses.replace(value, Multiplier=3, Value=-32768)
        yield "slightly-negative", dataclasses.replace(value, Multiplier=-1, Value=-9)
        yield "zero", dataclasses.replace(value, Value=0)
        yield "tenfold", dataclasses.replace(value, Multiplier=value.Multiplier + 1)
        yield "other-unit", dataclasses.replace(value, Unit=wire.unitSymbol.Wh if value.Unit is not wire.unitSymbol.Wh else wire.unitSymbol.V)
        yield "no-unit", dataclasses.replace(value, Unit=None)
    elif isinstance(value, int) and path[-1] not in ("Multiplier", "Value"):
        ours = tuple(p.schema_id for p in PROTOCOLS.values()) if path[-1] == "SchemaID" else ()
        yield from ((str(n), n) for n in (0, *ours, 100, 127, 255, 32767) if n != value)
    elif isinstance(value, bytes):
        yield "empty", b""
        yield "other", bytes(o ^ 0xFF for o in value)
    elif isinstance(value, str):
        yield "empty", ""
        yield "other", value[::-1]
    elif isinstance(value, list) and value:
        yield "empty", []
        yield "thrice", value * 3
    elif kind.__name__.startswith("DC_") and hasattr(wire, "AC_" + kind.__name__[3:]):
        ac = Random(schema, path).message(getattr(wire, "AC_" + kind.__name__[3:]))
        if kind is wire.DC_EVSEStatus:                   # one that says that all is well
            ac = dataclasses.replace(ac, RCD=False, NotificationMaxDelay=0, EVSENotification=wire.EVSENotification.None_)
        yield "AC", ac
    if value is not None:
        yield "absent", None
