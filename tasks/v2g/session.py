"""One V2G session over one TCP connection: the handshake, then the machine of the protocol that it agreed on."""
from __future__ import annotations

from typing import Any, Callable

from tasks.stop_reasons import StopReason
from tasks.v2g.protocols import Protocol

SCHEMAS = ("SAP", "DIN")
"""What every session may have to code: made ready at the start, since loading one takes longer than a tick."""


class Session:
    """Speaks the five verbs for whichever machine has its turn; `schema` says how to code the next message."""

    __slots__ = ("_handshake", "_make", "_turn", "schema", "_left", "_out")

    def __init__(self, handshake: Any, make: Callable[[Protocol], Any]) -> None:
        """`make` gives the machine of the protocol that was agreed."""
        self._handshake = handshake
        self._make = make
        self._turn = handshake
        self.schema = "SAP"
        self._left: list = []
        self._out: list = []

    @property
    def agreed(self) -> bool:
        """The handshake came to a protocol."""
        return self._handshake.chosen is not None

    @property
    def state_name(self) -> str:
        return self._turn.state.name

    def start(self, now: int) -> None:
        self._handshake.start(now)

    def stop(self, reason: StopReason, now: int, urgent: bool = False) -> None:
        """Bring the session to its end in whatever order its state allows; `urgent`: outputs first, courtesy second."""
        self._turn.stop(reason, now, urgent)

    def lost(self, reason: StopReason, now: int) -> None:
        """The stream is gone, or what came on it was no message."""
        self._turn.lost(reason, now)

    def receive(self, message: object, now: int) -> None:
        self._turn.receive(message, now)
        if self._turn is self._handshake and self._handshake.chosen is not None:
            # The last words of the handshake go out before the first of the protocol.
            self._out = [("SAP", m) for m in self._handshake.outgoing()]
            self._left = self._handshake.events()
            protocol = self._handshake.chosen
            self._turn = self._make(protocol)
            self.schema = protocol.schema
            self._turn.start(now)

    def handle_timer(self, now: int) -> None:
        self._turn.handle_timer(now)

    def outgoing(self) -> list[tuple[str, object]]:
        """(schema, message) pairs."""
        out, self._out = self._out, []
        for message in self._turn.outgoing():
            out.append((self.schema, message))
        return out

    def events(self) -> list:
        left, self._left = self._left, []
        return left + self._turn.events() if left else self._turn.events()

    def next_timer(self) -> int:
        return self._turn.next_timer()
