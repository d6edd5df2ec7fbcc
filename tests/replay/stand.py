"""One of our V2G tasks on the stand: octets in, messages out, signals set as told, time as a number."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from exi_native.codec import Codec
from kernel.timer import S
from tasks.listen.conversation import Conversation
from tasks.listen.exi import decoder
from tasks.listen.record import Role
from tasks.messages import TcpClose, TcpClosed, TcpConnected, TcpData, TcpSend
from tasks.stop_reasons import StopReason
from tasks.v2g import v2gtp
from tests.replay.recording import Item
from tests.v2g.pair import End

MAC = bytes.fromhex("020000000001")
CONNECTED = TcpConnected(b"\xfe\x80" + bytes(14), 51110, MAC)
TURNS = 8                    # runs of the task at one time before it is called a loop
STEPS = 20_000               # runs between two events
SIDES = {Role.CAR: 0, Role.CHARGER: 1}


class Hang(Exception):
    """Our machine does not come to rest, or nothing will ever happen again although it has not ended."""


class RecordedId:
    """Stands for the charger's random numbers: the session id that the recorded charger chose."""

    def __init__(self, session_id: bytes) -> None:
        self._id = int.from_bytes(session_id[-8:], "big")

    def getrandbits(self, count: int) -> int:
        return self._id & (1 << count) - 1


@dataclass(slots=True)
class Sent:
    """A message of ours."""

    at: int
    item: Item


class Stand:
    """`facts`: signals written before each run. `sent` are our messages so far, `closed` when we closed the connection."""

    def __init__(self, make_side: Any, codec: Codec, role: Role) -> None:
        self.end = End(make_side, codec)
        self.facts: dict[str, Any] = {}
        self.sent: list[Sent] = []
        self.now = 0
        self.closed = False
        self._role = role
        self._heard = Conversation(decoder(codec))
        self._raw = {role: v2gtp.Deframer(), _other(role): v2gtp.Deframer()}

    @property
    def ended(self) -> tuple[StopReason, bool] | None:
        return self.end.ended

    @property
    def state(self) -> str:
        """Of the V2G session, as the display reads it."""
        return self.end.signals.v2g_state.value or "Idle"

    @property
    def due(self) -> int:
        return self.end.due

    def connect(self, at: int = 0) -> None:
        self.now = at
        self.end.stream.put(CONNECTED)
        self.run(at)

    def hear(self, octets: bytes) -> None:
        """The peer's message, with its header; our conversation follows so that ours can be read."""
        self._heard.receive(v2gtp.PAYLOAD_EXI, octets, SIDES[_other(self._role)], _other(self._role), self.now)
        self.raw(v2gtp.emit(octets))

    def raw(self, data: bytes) -> None:
        """Octets of the stream as they are."""
        self.end.stream.put(TcpData(data))
        self.run(self.now)

    def command(self, what: object) -> None:
        self.end.commands.put(what)
        self.run(self.now)

    def close(self, reset: bool) -> None:
        """The peer closes the connection."""
        self.end.stream.put(TcpClosed(StopReason.TCP_RESET if reset else StopReason.TCP_CLOSED))
        self.run(self.now)

    def run(self, now: int) -> None:
        """All that is to be done at `now`."""
        self.now = now
        for _ in range(TURNS):
            self.refresh()
            self.end.set(now, **self.facts)
            self.end.due = self.end.task.run(now)
            self._collect()
            if self.end.due > now:
                return
        raise Hang(f"still busy after {TURNS} runs in state {self.state}")

    def until(self, at: int) -> None:
        """From deadline to deadline up to `at`; stops early at what we send."""
        count = len(self.sent)
        for _ in range(STEPS):
            if self.end.due > at or len(self.sent) > count:
                break
            self.run(max(self.end.due, self.now))
        else:
            raise Hang(f"{STEPS} deadlines within {(at - self.now) / S:.1f} s in state {self.state}")
        if len(self.sent) == count:
            self.now = max(self.now, at)

    def refresh(self) -> None:
        """Facts that follow our wishes: of the side that is played."""

    def _collect(self) -> None:
        for out in self.end.tcp.drain(64):
            if type(out) is TcpClose:
                self.closed = True
            elif type(out) is TcpSend:
                for payload in self._raw[self._role].receive(out.data):
                    heard = self._heard.receive(v2gtp.PAYLOAD_EXI, payload, SIDES[self._role], self._role, self.now)
                    self.sent.append(Sent(self.now, Item(self.now, heard.name, payload, heard.message)))
        self.end.told += self.end.connection.drain(64)

    def end_text(self) -> str:
        """Why ours ended, or where it stands."""
        if self.ended is None:
            return f"goes on in state {self.state}"
        return self.ended[0].text + (" (in order)" if self.ended[1] else " (not in order)")


def _other(role: Role) -> Role:
    return Role.CHARGER if role is Role.CAR else Role.CAR
