"""A recording taken apart for playing: the talks over TCP with their exchanges, matching, SDP, and what else is on the line.

Reading is that of `main.py listen` (tasks/listen), so the recording and the machines under test share one parser. Times are ns
from the first frame. Nothing here compares or judges.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterable

from drivers.capture_file import CapturedFrame, CaptureReader
from exi_native.codec import Codec
from exi_native.messages import appproto
from kernel.timer import S
from tasks.homeplug import wire as mme
from tasks.ipv6.wire import TCP, parse_ipv6
from tasks.listen.exi import decoder
from tasks.listen.follow import Follow
from tasks.listen.record import Category, Layer, Record, Role
from tasks.listen.session import Session, Sessions
from tasks.listen.verdict import stop_reason
from tests.captures import FOLDER

ETHERNET = 14                # octets before the IPv6 header
HANDSHAKE = "supportedAppProtocolReq"


@dataclass(slots=True)
class Item:
    """One thing that somebody sent: `octets` of the message (EXI without its header, or the frame), `message` what they say."""

    at: int
    name: str
    octets: bytes
    message: Any

    @property
    def body(self) -> Any:
        """The element of a V2G message, or the message itself."""
        body = getattr(self.message, "Body", None)
        return self.message if body is None else body.BodyElement


@dataclass(slots=True)
class Exchange:
    """A request with what came back; either may be missing."""

    request: Item | None
    response: Item | None = None

    @property
    def latency(self) -> int | None:
        """ns until the answer."""
        return None if self.request is None or self.response is None else self.response.at - self.request.at


@dataclass(slots=True)
class Talk:
    """One V2G conversation over one connection, from its handshake on. `closed_by` ended it first, where that was seen."""

    exchanges: list[Exchange] = field(default_factory=list)
    protocol: str = ""
    port: int = 0                        # the car's, 0 when its SYN was not seen
    closed_by: Role | None = None
    closed_at: int = 0
    reset: bool = False
    session: Session | None = None       # as the listener sums it up

    def requests(self) -> list[Exchange]:
        """Those that the car is known to have asked."""
        return [e for e in self.exchanges if e.request is not None]

    def first(self, name: str, response: bool = False) -> Any:
        """Body of the first message `name`, None without one; `response`: it is an answer."""
        for e in self.exchanges:
            item = e.response if response else e.request
            if item is not None and item.name == name:
                return item.body
        return None


@dataclass(slots=True)
class Recording:
    """Everything of one file that a machine of ours could be asked, or told."""

    name: str
    frames: int = 0
    length: int = 0                                                          # ns
    talks: list[Talk] = field(default_factory=list)
    matching: list[list[tuple[Role | None, Item]]] = field(default_factory=list)     # one list per attempt: who, what
    sdp: list[tuple[Role | None, Item]] = field(default_factory=list)        # octets: the frame
    refused: list[Item] = field(default_factory=list)                        # SYNs of a car that were answered by RST
    tls: dict[Role, Item] = field(default_factory=dict)                      # the first record of each side
    others: list[Item] = field(default_factory=list)                         # management messages that are of no matching

    def ends(self) -> list[str]:
        """How each recorded talk ended, in the listener's words."""
        return [stop_reason(t.session, self.length) if t.session else "" for t in self.talks]


MATCHING = (mme.CM_SLAC_PARM_REQ, mme.CM_SLAC_PARM_CNF, mme.CM_START_ATTEN_CHAR_IND, mme.CM_MNBC_SOUND_IND, mme.CM_ATTEN_PROFILE_IND,
            mme.CM_ATTEN_CHAR_IND, mme.CM_ATTEN_CHAR_RSP, mme.CM_VALIDATE_REQ, mme.CM_VALIDATE_CNF, mme.CM_SLAC_MATCH_REQ, mme.CM_SLAC_MATCH_CNF)
NEW_ATTEMPT = 20 * S         # of silence: TT_match_join is 12 s, the slowest repetition of a car in the captures 9 s (sheet 8.1)


def captures() -> list[Path]:
    """All recordings beside the repository, empty without the folder."""
    return sorted(p for p in FOLDER.glob("*") if p.suffix in (".pcap", ".pcapng")) if FOLDER.is_dir() else []


def read(path: Path, codec: Codec) -> Recording:
    """A file of the folder."""
    with path.open("rb") as file:
        return take(path.name, CaptureReader(file), codec)


def take(name: str, frames: Iterable[CapturedFrame], codec: Codec) -> Recording:
    """Any frames in order of time."""
    return _Taker(name, codec).run(frames)


class _Taker:
    """Follows the frames and files what they say."""

    def __init__(self, name: str, codec: Codec) -> None:
        self._octets: dict[int, tuple[object, bytes]] = {}
        inner = decoder(codec)

        def decode(schema: str, data: bytes) -> object:
            message = inner(schema, data)
            self._octets[id(message)] = message, data        # the message is kept as well, so that its id stays its own
            return message
        self._follow = Follow(decode)
        self._sessions = Sessions()
        self._recording = Recording(name)
        self._start: int | None = None
        self._syn: Record | None = None
        self._talk: Talk | None = None

    def run(self, frames: Iterable[CapturedFrame]) -> Recording:
        recording = self._recording
        for frame in frames:
            if self._start is None:
                self._start = frame.at
            self._follow.receive(frame.data, frame.at, frame.missing, frame.link)
            for record in self._follow.events():
                record.at -= self._start
                self._sessions.receive(record, record.at)
                self._record(record, frame.data)
            recording.length = frame.at - self._start
            recording.frames += 1
        recording.matching = [a for a in recording.matching if a]
        return recording

    def _record(self, record: Record, frame: bytes) -> None:
        layer = record.layer
        if layer is Layer.V2G and record.category is Category.DECODED:
            self._v2g(record)
        elif layer is Layer.MME:
            self._mme(record, frame)
        elif layer is Layer.SDP and record.category is Category.DECODED:
            self._recording.sdp.append((record.sender, Item(record.at, record.name, frame, record.message)))
        elif layer is Layer.TCP:
            self._tcp(record, frame)
        elif layer is Layer.TLS and record.sender is not None:
            self._recording.tls.setdefault(record.sender, Item(record.at, record.name, _stream(frame), None))

    def _mme(self, record: Record, frame: bytes) -> None:
        if not isinstance(record.message, MATCHING) or isinstance(record.message, mme.CM_ATTEN_CHAR_IND) and record.message.dst[0] & 1:
            self._recording.others.append(Item(record.at, record.name, frame, record.message))       # pyPLC talks to its power supply by such a group
            return
        attempts = self._recording.matching
        last = attempts[-1] if attempts else None
        begins = isinstance(record.message, mme.CM_SLAC_PARM_REQ)
        if not last or begins and (any(isinstance(i.message, mme.CM_SLAC_MATCH_CNF) for _, i in last) or record.at - last[-1][1].at > NEW_ATTEMPT):
            attempts.append(last := [])
        last.append((record.sender, Item(record.at, record.name, frame, record.message)))

    def _tcp(self, record: Record, frame: bytes) -> None:
        if record.name == "SYN":
            self._syn = record
        elif record.name == "RST" and record.sender is Role.CHARGER and self._syn is not None and record.message.dst_port == self._syn.message.src_port:
            self._recording.refused.append(Item(self._syn.at, "SYN", frame, self._syn.message))
        talk = self._talk
        closing = record.name == "RST" or record.name.startswith("FIN") and not record.name.endswith("(again)")
        if talk is None or not closing or talk.closed_by is not None:
            return
        if talk.port in (0, record.message.src_port, record.message.dst_port):
            talk.closed_by, talk.closed_at, talk.reset = record.sender, record.at, record.name == "RST"

    def _v2g(self, record: Record) -> None:
        octets = self._octets[id(record.message)][1]
        item = Item(record.at, record.name, octets, record.message)
        talk = self._talk
        if talk is None or record.name == HANDSHAKE:
            talk = self._talk = Talk(port=self._syn.message.src_port if self._syn is not None and self._syn.sender is Role.CAR else 0)
            self._recording.talks.append(talk)
        talk.session = self._sessions.latest
        talk.protocol = record.protocol or talk.protocol
        if record.sender is Role.CAR:
            talk.exchanges.append(Exchange(item))
        elif talk.exchanges and talk.exchanges[-1].response is None:
            talk.exchanges[-1].response = item
        else:
            talk.exchanges.append(Exchange(None, item))


def _stream(frame: bytes) -> bytes:
    """The octets of the stream that a frame carries."""
    packet = parse_ipv6(frame, ETHERNET)
    return packet.payload[(packet.payload[12] >> 4) * 4:] if packet.next_header == TCP else b""


def offers(talk: Talk) -> list[appproto.AppProtocol]:
    """What the recorded car offered."""
    asked = talk.first(HANDSHAKE)
    return [] if asked is None else asked.AppProtocol
