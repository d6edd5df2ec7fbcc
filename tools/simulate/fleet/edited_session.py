"""The peer's V2G session with habits: delays, changed fields, silence, session ids of odd length, demands on our messages."""
from __future__ import annotations

import dataclasses
from collections import deque
from typing import Any

from exi_native.messages import din, iso2
from exi_native.messages.appproto import responseCode, supportedAppProtocolReq, supportedAppProtocolRes
from kernel.timer import MS, NEVER
from tasks.stop_reasons import StopReason
from tasks.v2g.physical import scaled
from tasks.v2g.protocols import PROTOCOLS
from tasks.v2g.session import Session
from tools.simulate.fleet.traits import CarTraits, Change, ChargerTraits, Echo, Needs, Plus

FOREIGN_ID = 255                 # a SchemaID that our machine has offered to nobody
OCTETS = 8                       # of a session id as our machines make it
V2G_MESSAGES = (din.V2G_Message, iso2.V2G_Message)
NUMBERS = (din.PhysicalValue, iso2.PhysicalValue)


class EditedSide:
    """PevSide or EvseSide whose sessions are edited; everything else passes through."""

    def __init__(self, inner: Any, traits: ChargerTraits | CarTraits) -> None:
        self._inner = inner
        self._traits = traits
        self.waits_for_peer_close = inner.waits_for_peer_close
        self.refresh = inner.refresh
        self.renew = inner.renew
        self.report = inner.report
        self.prepare = inner.prepare
        self.forget_pause = inner.forget_pause

    @property
    def machine(self) -> Any:
        """That of the session, None before a protocol is agreed."""
        return self._inner._machine

    def new_session(self) -> EditedSession:
        return EditedSession(self._inner.new_session(), self._traits)


class EditedSession:
    """A Session between whose machine and the wire everything is looked at. What it says waits its delay, in order."""

    def __init__(self, inner: Session, traits: ChargerTraits | CarTraits) -> None:
        self._inner = inner
        self._traits = traits
        self._octets = getattr(traits, "session_id_octets", OCTETS)
        self._id = b""                               # the machine's own
        self._rounds: dict[str, int] = {}
        self._request: object = None                 # the last body that came
        self._queue: deque[tuple[int, tuple[str, object] | None, object]] = deque()      # (when, message or None, event)
        self._first: tuple[str, tuple[str, object]] | None = None       # (name, what was sent) of a request in `repeats`
        self._now = 0

    @property
    def schema(self) -> str:
        return self._inner.schema

    @property
    def state_name(self) -> str:
        return self._inner.state_name

    # --- verbs

    def start(self, now: int) -> None:
        self._now = now
        self._inner.start(now)

    def stop(self, reason: StopReason, now: int, urgent: bool = False) -> None:
        self._now = now
        self._inner.stop(reason, now, urgent)

    def lost(self, reason: StopReason, now: int) -> None:
        self._now = now
        self._queue = deque((now, None, event) for _, message, event in self._queue if message is None)
        self._inner.lost(reason, now)

    def receive(self, message: object, now: int) -> None:
        self._now = now
        if type(message) in V2G_MESSAGES:
            body = self._request = message.Body.BodyElement
            for need in self._traits.needs:
                if type(body).__name__ == need.message and not _met(body, need):
                    self._inner.lost(StopReason.BAD_VALUE, now)
                    return
            if type(body).__name__ in self._traits.repeats and self._first is not None:
                self._queue.append((self._last_at() + round(self._delay(self._first[0]) * MS), self._first[1], None))
                return
            header = message.Header
            if self._id and header.SessionID == self._id[:self._octets]:
                message = dataclasses.replace(message, Header=dataclasses.replace(header, SessionID=self._id))
        else:
            self._request = message
            if isinstance(self._traits, CarTraits) and type(message) is supportedAppProtocolRes:
                message = dataclasses.replace(message, SchemaID=self._own_ids(self._traits).get(message.SchemaID, FOREIGN_ID))
        self._inner.receive(message, now)

    @staticmethod
    def _own_ids(traits: CarTraits) -> dict[int | None, int | None]:
        """What the car calls a protocol -> what our machine does."""
        return {None: None, **{called: PROTOCOLS[key].schema_id for called, key in zip(traits.schema_ids, traits.protocols)}}

    def handle_timer(self, now: int) -> None:
        self._now = now
        if self._inner.next_timer() <= now:
            self._inner.handle_timer(now)

    def next_timer(self) -> int:
        return min(self._inner.next_timer(), self._queue[0][0] if self._queue else NEVER)

    # --- what goes out

    def outgoing(self) -> list[tuple[str, object]]:
        """(schema, message) pairs whose time has come."""
        for schema, message in self._inner.outgoing():
            self._say(schema, message)
        for event in self._inner.events():           # an end is not told before the last word is out
            self._queue.append((self._last_at(), None, event))
        out = []
        while self._queue and self._queue[0][0] <= self._now and self._queue[0][1] is not None:
            out.append(self._queue.popleft()[1])
        return out

    def events(self) -> list:
        """Those that nothing unsaid stands before."""
        out = []
        while self._queue and self._queue[0][0] <= self._now and self._queue[0][1] is None:
            out.append(self._queue.popleft()[2])
        return out

    def _last_at(self) -> int:
        return max(self._now, self._queue[-1][0]) if self._queue else self._now

    def _say(self, schema: str, message: object) -> None:
        traits = self._traits
        body = message.Body.BodyElement if type(message) in V2G_MESSAGES else message
        name = type(body).__name__
        turn = self._rounds[name] = self._rounds.get(name, 0) + 1
        if name in traits.silent:
            return
        for change in traits.changes:
            if change.message == name and change.first <= turn <= change.last:
                body = _changed(body, change.field.split("."), change, self._request)
        if type(message) in V2G_MESSAGES:
            header = message.Header
            if name == "SessionSetupRes":
                self._id = header.SessionID
            if self._octets != OCTETS and header.SessionID == self._id:
                header = dataclasses.replace(header, SessionID=self._id[:self._octets])
            foreign = getattr(traits, "foreign_id_from", None)
            if foreign is not None and name == "CurrentDemandRes" and turn >= foreign:
                header = dataclasses.replace(header, SessionID=bytes(b ^ 0xFF for b in header.SessionID))
            message = dataclasses.replace(message, Header=header, Body=dataclasses.replace(message.Body, BodyElement=body))
        else:
            message = self._handshake(body)
        if type(self._request).__name__ in traits.repeats and self._first is None:
            self._first = (name, (schema, message))
        self._queue.append((max(self._last_at(), self._now + round(self._delay(name) * MS)), (schema, message), None))

    def _delay(self, name: str) -> float:
        """ms."""
        turns = self._traits.turn_ms
        return turns.get(name, turns.get("*", 0.0))

    def _handshake(self, message: Any) -> object:
        """A car's supportedAppProtocolReq with the names and numbers that it uses; a charger's refusal of too long a list."""
        traits = self._traits
        if isinstance(traits, ChargerTraits):
            asked = self._request
            if type(asked) is supportedAppProtocolReq and len(asked.AppProtocol) > traits.most_offers:
                return dataclasses.replace(message, ResponseCode=responseCode.Failed_NoNegotiation, SchemaID=None)
            return message
        called = {ours: theirs for theirs, ours in self._own_ids(traits).items()}
        own = [dataclasses.replace(offer, SchemaID=called[offer.SchemaID], Priority=len(traits.namespaces) + n)
               for n, offer in enumerate(message.AppProtocol, 1)]
        others = [dataclasses.replace(own[0], ProtocolNamespace=name, SchemaID=max(traits.schema_ids) + n, Priority=n)
                  for n, name in enumerate(traits.namespaces, 1)]
        return dataclasses.replace(message, AppProtocol=others + own)


def look_up(body: object, path: str) -> Any:
    """The value of a dotted path; None when something on the way is absent."""
    for name in path.split("."):
        body = (body[int(name)] if int(name) < len(body) else None) if name.isdigit() and body else getattr(body, name, None)
    return body


def _met(body: object, need: Needs) -> bool:
    value = look_up(body, need.field)
    if type(value) in NUMBERS:
        value = value.Value * 10.0 ** value.Multiplier
    return bool(value) if need.above is None else value is not None and value > need.above


def _changed(body: Any, path: list[str], change: Change, request: object) -> Any:
    """A copy of `body` with the field at `path` changed; values are shared between messages, so nothing is changed in place."""
    name, rest = path[0], path[1:]
    if name.isdigit():
        return [_changed(item, rest, change, request) if n == int(name) else item for n, item in enumerate(body)]
    old = getattr(body, name)
    if rest:
        new = _changed(old, rest, change, request)
    else:
        new = change.value
        if isinstance(new, Echo):
            asked = look_up(request, new.field)
            new = old if asked is None else asked
        elif type(old) in NUMBERS and isinstance(new, Plus):
            new = _number(old, old.Value * 10.0 ** old.Multiplier + new.more)
        elif type(old) in NUMBERS and isinstance(new, (int, float)):
            new = _number(old, float(new))
    return dataclasses.replace(body, **{name: new})


def _number(old: Any, value: float) -> Any:
    """`value` in the unit and the type of `old`."""
    multiplier, whole = scaled(value, old.Unit)
    return dataclasses.replace(old, Multiplier=multiplier, Value=whole)
