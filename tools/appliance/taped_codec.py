"""The codec of a box with an ear: each V2G message that it decodes or encodes goes onto the tape with its values.

All of a session but the charging loop, of which there is one pair of messages a second, and each whose answer, status or error is another one than before:
the others are in the file as frames, and every tool decodes them.
"""
from __future__ import annotations

from typing import Any, Callable

from drivers.blackbox.notes import MESSAGE
from drivers.blackbox.tape import IN, OUT, Tape
from drivers.blackbox.values import plain
from kernel.timer import S

LOOP = frozenset({"CurrentDemandReq", "CurrentDemandRes", "ChargingStatusReq", "ChargingStatusRes"})
LOOP_EVERY = 1 * S


class TapedCodec:
    """As exi_native.codec.Codec, for a table."""

    def __init__(self, tape: Tape, codec: Any) -> None:
        self.prepare: Callable[[str], None] = codec.prepare
        self._tape = tape
        self._codec = codec
        self._last: dict[str, tuple[int, tuple[Any, ...]]] = {}          # of the loop: when one was noted, and what it said

    def encode(self, schema: str, message: object) -> bytes:
        octets = self._codec.encode(schema, message)
        self._hear(OUT, message)
        return octets

    def decode(self, schema: str, data: bytes) -> object:
        message = self._codec.decode(schema, data)
        self._hear(IN, message)
        return message

    def _hear(self, direction: int, message: Any) -> None:
        body = getattr(message, "Body", None)
        said = message if body is None else getattr(body, "BodyElement", body)
        name = type(said).__name__
        if name in LOOP:
            now, state = self._tape.at, _state(said)
            before = self._last.get(name)
            if before is not None and now - before[0] < LOOP_EVERY and state == before[1]:
                return
            self._last[name] = now, state
        self._tape.put((MESSAGE, direction, name, plain(said)))


def _state(said: Any) -> tuple[Any, ...]:
    """What makes a message of the loop worth noting."""
    evse = getattr(said, "DC_EVSEStatus", None) or getattr(said, "AC_EVSEStatus", None)
    ev = getattr(said, "DC_EVStatus", None)
    return (getattr(said, "ResponseCode", None), getattr(evse, "EVSEStatusCode", None), getattr(evse, "EVSENotification", None), getattr(ev, "EVErrorCode", None),
            getattr(ev, "EVReady", None), getattr(said, "ChargingComplete", None))
