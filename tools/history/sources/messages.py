"""Messages out of a log, one after another with their times, become sessions: what the sources that read text have in common."""
from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Callable

from tasks.listen.conversation import Conversation, Decode
from tasks.listen.naming import DIN, ISO2, PAYLOAD_EXI, namespace
from tasks.listen.readings import Readings
from tasks.listen.record import Category, Layer, Record, Role, Tally
from tasks.listen.session import Sessions
from tools.history.gathering import Gathering
from tools.history.model import History


@dataclass(slots=True)
class Fed:
    """What reading a log has found besides messages: its kind, what is to be remarked, where it is cut off; `octets` read."""

    kind: str
    remarks: list[str]
    damage: str | None
    octets: int


UNKNOWN = bytes(6)           # a log of messages names no addresses
NAMESPACES = {"DIN": DIN, "ISO2": ISO2}


class LoggedMessages:
    """`message` and `line` in order; `histories` at the end. `tally` counts messages by kind as it does frames of a capture."""

    def __init__(self, decode: Decode, heard: Callable[[Record], None] = lambda record: None) -> None:
        """`heard` gets each message as it is taken."""
        self._decode = decode
        self._tell = heard
        self._conversation = Conversation(decode)
        self.tally = Tally()
        self.sessions = Sessions()
        self.readings: OrderedDict[int, Readings] = OrderedDict()
        self._heard: dict[int, Gathering] = {}
        self._request, self._request_at = "", 0
        self.messages = 0
        self.last = 0

    def message(self, at: int, octets: bytes, schema: str = "", kind: int | None = None, perhaps: bool = False) -> bool:
        """`at` ns; `schema`: what the log itself says, SAP, DIN, ISO2 or ""; `kind`: V2GTP payload type, None without its header.

        False, and nothing taken, where `perhaps` octets that begin like a message are none.
        """
        self._saw(at)
        if schema == "SAP":                      # the log says so: a new conversation, whatever went before
            if len(octets) > 8:                  # the answer has 3 or 4 octets (exi.md section 1)
                self._conversation = Conversation(self._decode)
        elif schema in NAMESPACES and self._conversation.schema != schema:
            self._conversation.protocol, self._conversation.schema = namespace(NAMESPACES[schema])
        heard = self._conversation.receive(PAYLOAD_EXI if kind is None else kind, octets, 0, None, at)
        if perhaps and heard.category is not Category.DECODED:
            return False
        self.messages += 1
        if heard.sender is Role.CHARGER:         # answers come from the other side: only then they are paired with their request
            heard.latency = self._answered(heard.name, at)
        elif heard.sender is Role.CAR:
            self._request, self._request_at = heard.name, at
        record = Record(at, self.messages, Layer.V2G, heard.category, heard.name, UNKNOWN, UNKNOWN, heard.sender,
                        Role.CHARGER if heard.sender is Role.CAR else Role.CAR, heard.message, heard.note,
                        heard.reason, heard.protocol, heard.latency, heard.session_id, len(octets))
        self.tally.frames += 1
        self.tally.count(heard.category, heard.kind, heard.reason)
        self.sessions.handle_timer(at)
        self.sessions.receive(record, at)
        self._tell(record)
        session = self.sessions.latest
        if session is None or session not in self.sessions.sessions:
            return True
        gathering = self._heard.get(session.number)
        if gathering is None:
            gathering = self._heard[session.number] = Gathering(session)
            self.readings[session.number] = Readings()
        readings = self.readings[session.number]
        readings.take(record)
        gathering.take(record, readings)
        return True

    def _answered(self, name: str, at: int) -> int | None:
        request, self._request = self._request, ""
        return at - self._request_at if request and request[:-3] == name[:-3] else None

    def line(self, at: int, text: str) -> None:
        """A line that holds no message."""
        self._saw(at)
        session = self.sessions.latest
        if session is not None and session.number in self._heard:
            self._heard[session.number].log(at, text)

    def _saw(self, at: int) -> None:
        self.last = max(self.last, at)

    def histories(self, source: str, kind: str) -> list[History]:
        found = [gathering.finish(source, kind, self.last) for gathering in self._heard.values()]
        if found and self.sessions.not_kept:
            found[-1].remarks.append(f"{self.sessions.not_kept} more sessions not shown")
        return found
