"""supportedAppProtocol in both roles: the car offers in its order, the charger picks by the car's priority among what it speaks.

States and reactions: field-pyplc-clara sheet 3.2 (3), 4.2; schema ids: sheet 7.1 (#9: an iX3 uses SchemaID 0).
"""
from __future__ import annotations

from enum import Enum, auto

from exi_native.messages.appproto import AppProtocol, responseCode, supportedAppProtocolReq, supportedAppProtocolRes
from kernel.timer import Timer
from tasks.machine import Checkpoint, Note, StateChanged
from tasks.messages import SessionEnded
from tasks.stop_reasons import StopReason
from tasks.v2g.protocols import DIN, Protocol
from tasks.v2g.timing import V2G_EVCC_Msg_Timeout_SupportedAppProtocolReq, V2G_SECC_Sequence_Timeout

SHOWN_NAMESPACE = 40             # characters of a foreign namespace that go to the journal


class State(Enum):
    Idle = auto()
    SupportedAppProtocol = auto()
    Agreed = auto()
    Ended = auto()


TEXTS = {State.Idle: "Idle", State.SupportedAppProtocol: "Handshake", State.Agreed: "Protocol agreed",
         State.Ended: "No protocol"}
"""Display text of each state, at most 20 characters."""


class _Handshake:
    """What both roles share: the state, the timer and the two queues. `chosen` is the agreed protocol."""

    __slots__ = ("state", "chosen", "_protocols", "_timer", "_out", "_events")

    def __init__(self, protocols: tuple[Protocol, ...] = (DIN,)) -> None:
        """`protocols`: what is spoken here; a car's most wanted one first."""
        self.state = State.Idle
        self.chosen: Protocol | None = None
        self._protocols = protocols
        self._timer = Timer()
        self._out: list = []
        self._events: list = []

    def handle_timer(self, now: int) -> None:
        if self._timer.take(now):
            self._end(StopReason.TIMEOUT, "no supportedAppProtocol message in time")

    def outgoing(self) -> list:
        out, self._out = self._out, []
        return out

    def events(self) -> list:
        events, self._events = self._events, []
        return events

    def next_timer(self) -> int:
        return self._timer.at

    def stop(self, reason: StopReason, now: int, urgent: bool = False) -> None:
        """Nothing is agreed yet, so there is nothing to bring to an end on the wire."""
        if self.state is not State.Ended:
            self._end(reason, "stopped during the handshake")

    def lost(self, reason: StopReason, now: int) -> None:
        """The stream is gone, or what came on it was no message."""
        if self.state is not State.Ended:
            self._end(reason, "conversation lost during the handshake")

    def _enter(self, state: State) -> None:
        self._events.append(StateChanged(self.state.name, state.name))
        self.state = state

    def _agree(self, protocol: Protocol) -> None:
        self._timer.cancel()
        self.chosen = protocol
        self._enter(State.Agreed)
        if len(self._protocols) > 1:
            self._events.append(Note("protocol: %s", (protocol.text,), level="info"))

    def _end(self, reason: StopReason, text: str) -> None:
        self._timer.cancel()
        self._enter(State.Ended)
        self._events.append(Note(text, level="warning"))
        self._events.append(SessionEnded(reason, False))


class HandshakePev(_Handshake):
    """Offers what it speaks and checks what the charger says to it."""

    __slots__ = ()

    def start(self, now: int) -> None:
        self._out.append(supportedAppProtocolReq(AppProtocol=[AppProtocol(
            ProtocolNamespace=p.namespace, VersionNumberMajor=p.major, VersionNumberMinor=p.minor, SchemaID=p.schema_id, Priority=n)
            for n, p in enumerate(self._protocols, 1)]))
        self._timer.arm(now, V2G_EVCC_Msg_Timeout_SupportedAppProtocolReq)
        self._enter(State.SupportedAppProtocol)
        self._events.append(Checkpoint(400, "supportedAppProtocolReq sent"))

    def receive(self, message: object, now: int) -> None:
        if self.state is not State.SupportedAppProtocol:
            return
        if type(message) is not supportedAppProtocolRes:
            self._end(StopReason.SEQUENCE_ERROR, "expected supportedAppProtocolRes")
            return
        if message.ResponseCode is responseCode.Failed_NoNegotiation:
            self._end(StopReason.NO_COMMON_PROTOCOL, "charger refuses " + " and ".join(p.text for p in self._protocols))
            return
        # SchemaID is optional in the schema: without one the most wanted protocol is meant (one offer leaves no doubt at all)
        named = [p for p in self._protocols if message.SchemaID in (p.schema_id, None)]
        if not named:
            self._end(StopReason.NO_COMMON_PROTOCOL, f"charger chose SchemaID {message.SchemaID}, offered were "
                      + ", ".join(str(p.schema_id) for p in self._protocols))
        else:
            self._events.append(Checkpoint(403, "protocol agreed"))
            self._agree(named[0])


class HandshakeEvse(_Handshake):
    """Picks the first protocol in the car's order that is supported here."""

    __slots__ = ()

    def start(self, now: int) -> None:
        self._timer.arm(now, V2G_SECC_Sequence_Timeout)
        self._enter(State.SupportedAppProtocol)

    def receive(self, message: object, now: int) -> None:
        if self.state is not State.SupportedAppProtocol:
            return
        if type(message) is not supportedAppProtocolReq:
            self._end(StopReason.SEQUENCE_ERROR, "expected supportedAppProtocolReq")
            return
        self._events.append(Checkpoint(401, "supportedAppProtocolReq received"))
        for offer in sorted(message.AppProtocol, key=_priority):       # 1 is the most wanted; sorted() keeps ties in order
            spoken = next((p for p in self._protocols if p.namespace == offer.ProtocolNamespace and p.major == offer.VersionNumberMajor), None)
            if spoken is not None:
                same = offer.VersionNumberMinor == spoken.minor
                self._out.append(supportedAppProtocolRes(
                    ResponseCode=(responseCode.OK_SuccessfulNegotiation if same
                                  else responseCode.OK_SuccessfulNegotiationWithMinorDeviation),
                    SchemaID=offer.SchemaID))
                self._events.append(Checkpoint(402, "supportedAppProtocolRes sent"))
                self._agree(spoken)
                return
        self._out.append(supportedAppProtocolRes(ResponseCode=responseCode.Failed_NoNegotiation))
        offered = ", ".join(ascii(o.ProtocolNamespace[:SHOWN_NAMESPACE]) for o in message.AppProtocol)
        self._end(StopReason.NO_COMMON_PROTOCOL, "car offers only " + offered)


def _priority(offer: AppProtocol) -> int:
    return offer.Priority
