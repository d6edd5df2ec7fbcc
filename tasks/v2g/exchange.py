"""The asking end of a half-duplex conversation: when the next request goes out, whether an answer is due, how long it took."""
from __future__ import annotations

from typing import Any

from kernel.timer import Timer


class Exchange:
    """At most one request is unanswered. `slowest` is the longest answer per key in ns."""

    __slots__ = ("awaiting", "sent_at", "slowest", "send", "message", "_wire", "_out")

    def __init__(self, wire: Any) -> None:
        """`wire`: the messages of the protocol (exi_native.messages.din or .iso2)."""
        self._wire = wire
        self.awaiting = False
        self.sent_at = 0
        self.slowest: dict[object, int] = {}
        self.send = Timer()              # when the next request goes out
        self.message = Timer()           # V2G_EVCC_Msg_Timeout_*
        self._out: list[Any] = []

    def ask(self, session_id: bytes, body: object, timeout: int, now: int) -> None:
        """Send `body`; the answer is due in `timeout` ns."""
        wire = self._wire
        self._out.append(wire.V2G_Message(Header=wire.MessageHeader(SessionID=session_id), Body=wire.Body(BodyElement=body)))
        self.awaiting = True
        self.sent_at = now
        self.message.arm(now, timeout)

    def answered(self, key: object, now: int) -> None:
        self.awaiting = False
        self.message.cancel()
        took = now - self.sent_at
        if took > self.slowest.get(key, -1):
            self.slowest[key] = took

    def forget(self) -> None:
        """Nothing is awaited and nothing is to be sent."""
        self.awaiting = False
        self.message.cancel()
        self.send.cancel()

    def drain(self) -> list[Any]:
        out, self._out = self._out, []
        return out
