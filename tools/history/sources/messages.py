"""Messages out of a log, one after another with their times, become sessions: what the sources that read text have in common."""
from __future__ import annotations

from tasks.listen.conversation import Conversation, Decode
from tasks.listen.naming import DIN, ISO2, PAYLOAD_EXI, namespace
from tasks.listen.readings import Readings
from tasks.listen.record import Category, Layer, Record, Role
from tasks.listen.session import Sessions
from tools.history.gathering import Gathering
from tools.history.model import History

UNKNOWN = bytes(6)           # a log of messages names no addresses
NAMESPACES = {"DIN": DIN, "ISO2": ISO2}


class LoggedMessages:
    """`message` and `line` in order; `histories` at the end."""

    def __init__(self, decode: Decode) -> None:
        self._decode = decode
        self._conversation = Conversation(decode)
        self._sessions = Sessions()
        self._readings: dict[int, Readings] = {}
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
        self._sessions.handle_timer(at)
        self._sessions.receive(record, at)
        session = self._sessions.latest
        if session is None or session not in self._sessions.sessions:
            return True
        gathering = self._heard.get(session.number)
        if gathering is None:
            gathering = self._heard[session.number] = Gathering(session)
            self._readings[session.number] = Readings()
        readings = self._readings[session.number]
        readings.take(record)
        gathering.take(record, readings)
        return True

    def _answered(self, name: str, at: int) -> int | None:
        request, self._request = self._request, ""
        return at - self._request_at if request and request[:-3] == name[:-3] else None

    def line(self, at: int, text: str) -> None:
        """A line that holds no message."""
        self._saw(at)
        session = self._sessions.latest
        if session is not None and session.number in self._heard:
            self._heard[session.number].log(at, text)

    def _saw(self, at: int) -> None:
        self.last = max(self.last, at)

    def histories(self, source: str, kind: str) -> list[History]:
        found = [gathering.finish(source, kind, self.last) for gathering in self._heard.values()]
        if found and self._sessions.not_kept:
            found[-1].remarks.append(f"{self._sessions.not_kept} more sessions not shown")
        return found
