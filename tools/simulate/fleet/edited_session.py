"""The peer's V2G session with habits: delays, changed fields, silence, session ids of odd length, demands on our messages."""
from __future__ import annotations

import dataclasses
from collections import deque
from typing import Any

from exi_native.messages.din import CurrentDemandRes, PhysicalValue, SessionSetupRes, V2G_Message
from kernel.timer import MS, NEVER
from tasks.stop_reasons import StopReason
from tasks.v2g.physical import from_float
from tasks.v2g.protocols import DIN
from tasks.v2g.session import Session
from tools.simulate.fleet.traits import CarTraits, Change, ChargerTraits, Echo, Needs, Plus

OCTETS = 8                       # of a session id as our machines make it


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

    def stop(self, reason: StopReason, now: int) -> None:
        self._now = now
        self._inner.stop(reason, now)

    def lost(self, reason: StopReason, now: int) -> None:
        self._now = now
        self._queue = deque((now, None, event) for _, message, event in self._queue if message is None)
        self._inner.lost(reason, now)

    def receive(self, message: object, now: int) -> None:
        self._now = now
        if type(message) is V2G_Message:
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
        elif isinstance(self._traits, CarTraits) and getattr(message, "SchemaID", None) == self._traits.schema_id:
            message = dataclasses.replace(message, SchemaID=DIN.schema_id)
        self._inner.receive(message, now)

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
        body = message.Body.BodyElement if type(message) is V2G_Message else message
        name = type(body).__name__
        turn = self._rounds[name] = self._rounds.get(name, 0) + 1
        if name in traits.silent:
            return
        for change in traits.changes:
            if change.message == name and change.first <= turn <= change.last:
                body = _changed(body, change.field.split("."), change, self._request)
        if type(message) is V2G_Message:
            header = message.Header
            if type(body) is SessionSetupRes:
                self._id = header.SessionID
            if self._octets != OCTETS and header.SessionID == self._id:
                header = dataclasses.replace(header, SessionID=self._id[:self._octets])
            foreign = getattr(traits, "foreign_id_from", None)
            if foreign is not None and type(body) is CurrentDemandRes and turn >= foreign:
                header = dataclasses.replace(header, SessionID=bytes(b ^ 0xFF for b in header.SessionID))
            message = dataclasses.replace(message, Header=header, Body=dataclasses.replace(message.Body, BodyElement=body))
        else:
            message = self._offer(body)
        if type(self._request).__name__ in traits.repeats and self._first is None:
            self._first = (name, (schema, message))
        self._queue.append((max(self._last_at(), self._now + round(self._delay(name) * MS)), (schema, message), None))

    def _delay(self, name: str) -> float:
        """ms."""
        turns = self._traits.turn_ms
        return turns.get(name, turns.get("*", 0.0))

    def _offer(self, message: object) -> object:
        """A car's supportedAppProtocolReq with what it offers besides DIN 70121."""
        traits = self._traits
        if not isinstance(traits, CarTraits) or not hasattr(message, "AppProtocol"):
            return message
        din = message.AppProtocol[0]
        ours = dataclasses.replace(din, SchemaID=traits.schema_id, Priority=len(traits.namespaces) + 1)
        others = [dataclasses.replace(din, ProtocolNamespace=name, SchemaID=traits.schema_id + n, Priority=n)
                  for n, name in enumerate(traits.namespaces, 1)]
        return dataclasses.replace(message, AppProtocol=others + [ours])


def look_up(body: object, path: str) -> Any:
    """The value of a dotted path; None when something on the way is absent."""
    for name in path.split("."):
        body = getattr(body, name, None)
    return body


def _met(body: object, need: Needs) -> bool:
    value = look_up(body, need.field)
    if isinstance(value, PhysicalValue):
        value = value.Value * 10.0 ** value.Multiplier
    return bool(value) if need.above is None else value is not None and value > need.above


def _changed(body: Any, path: list[str], change: Change, request: object) -> Any:
    """A copy of `body` with the field at `path` changed; values are shared between messages, so nothing is changed in place."""
    name, rest = path[0], path[1:]
    old = getattr(body, name)
    if rest:
        new = _changed(old, rest, change, request)
    else:
        new = change.value
        if isinstance(new, Echo):
            asked = look_up(request, new.field)
            new = old if asked is None else asked
        elif isinstance(old, PhysicalValue) and isinstance(new, Plus):
            new = from_float(old.Value * 10.0 ** old.Multiplier + new.more, old.Unit)
        elif isinstance(old, PhysicalValue) and isinstance(new, (int, float)):
            new = from_float(float(new), old.Unit)
    return dataclasses.replace(body, **{name: new})
