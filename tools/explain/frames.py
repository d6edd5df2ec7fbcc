"""Frames -> facts: runs the listening machines over a record and notes, attempt by attempt, what evidence.py has room for. Judges nothing."""
from __future__ import annotations

from typing import Iterable

from drivers.capture_file import CapturedFrame
from kernel.timer import S
from tasks.homeplug import wire as mme
from tasks.homeplug.wire_keys import CM_SET_KEY_CNF, CM_SET_KEY_REQ
from tasks.ipv6.sdp_wire import SECURITY_TLS, SdpRequest, SdpResponse
from tasks.ipv6.wire import NEIGHBOR_SOLICITATION, NeighborMessage
from tasks.listen.conversation import Decode
from tasks.listen.hearing import Hearing
from tasks.listen.record import Layer, Record, Role
from tasks.listen.session import Session
from tasks.tcp.wire import ACK, RST, SYN, Segment
from tools.explain.attempt import Attempt
from tools.explain.evidence import Evidence, Network, Side, Slac

MAX_ATTEMPTS = 64                        # as tasks/listen/session.py keeps
SOON = S // 50                           # 20 ms: a computer's own operating system resets at once
SIDES = {Role.CAR: Side.CAR, Role.CHARGER: Side.CHARGER}


class FrameWatch:
    """`take` each frame in order; `evidence()` when the record is over. `began`, `last`: ns of the first and the last frame, None without any."""

    def __init__(self, decode: Decode) -> None:
        self.hearing = Hearing(decode)
        self.began: int | None = None
        self.last = 0
        self.frames = 0
        self._attempts: dict[int, _Heard] = {}
        self._pairs: dict[tuple[bytes, bytes], _Heard] = {}      # (car, charger) that have talked; no more than attempts

    def take(self, frame: CapturedFrame) -> None:
        if self.began is None:
            self.began = frame.at
        self.last = max(self.last, frame.at)
        self.frames += 1
        for record in self.hearing.receive(frame.data, frame.at, frame.missing, frame.link):
            heard = self._heard(record)
            if heard is not None:
                heard.take(record)

    def _heard(self, record: Record) -> _Heard | None:
        """Of the attempt that this record belongs to: its car sends or receives it."""
        there, back = self._pairs.get((record.src, record.dst)), self._pairs.get((record.dst, record.src))
        if record.layer is Layer.V2G and (back if record.sender is Role.CAR else there if record.sender is Role.CHARGER else None) is not None:
            return there or back         # a request out of the charger, an answer out of the car: it belongs to the two that talk
        session = self.hearing.sessions.latest
        if session is not None and any(session.car == charger for _, charger in self._pairs):
            return there or back
        if session is None or session.car and session.car not in (record.src, record.dst) and record.layer is not Layer.MME and not _group(record.dst):
            return None
        heard = self._attempts.get(session.number)
        if heard is None and len(self._attempts) < MAX_ATTEMPTS:
            heard = self._attempts[session.number] = _Heard(session)
        if heard is not None and record.layer is Layer.V2G and session.car and session.charger:
            self._pairs[session.car, session.charger] = heard
        return heard

    def evidence(self) -> list[Evidence]:
        """One for each attempt, in order."""
        tier = self.hearing.tier(self.last)
        return [heard.evidence(self.began or 0, self.last, tier.letter, tuple(tier.blind.values())) for heard in self._attempts.values()]


def read(frames: Iterable[CapturedFrame], decode: Decode) -> FrameWatch:
    """All of them; what `frames` raises is the caller's."""
    watch = FrameWatch(decode)
    for frame in frames:
        watch.take(frame)
    return watch


class _Heard:
    """What belongs to one attempt, as it is heard."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.attempt = Attempt(session.start)
        self._counts: dict[str, int] = {}
        self._chargers: dict[bytes, float | None] = {}
        self._run_id = b""
        self._foreign = 0
        self._parm_at: int | None = None
        self._match_took: float | None = None
        self._matched: Slac | None = None        # an earlier run that was complete
        self._port_offered: int | None = None
        self._port_tried: int | None = None
        self._reset_at: int | None = None        # of the car's, which may have been its operating system's
        self._own_resets = 0
        self._charger_said_at: int | None = None
        self._solicited_at: int | None = None
        self._unanswered = 0

    def _count(self, name: str) -> None:
        self._counts[name] = self._counts.get(name, 0) + 1

    def take(self, record: Record) -> None:
        if record.layer is Layer.MME:
            self._mme(record)
        elif record.layer is Layer.SDP:
            self._sdp(record)
        elif record.layer is Layer.ND:
            self._neighbour(record)
        elif record.layer in (Layer.TCP, Layer.ACK):
            self._tcp(record)
        elif record.layer is Layer.TLS:
            self._count("tls")
            self.attempt.alive(record.at)
        elif record.layer is Layer.V2G:
            by = Role.CAR if record.src == self.session.car else Role.CHARGER if record.src == self.session.charger else None
            if by is None and record.src and self.session.car and self.session.charger:
                self._count("strangers")         # of another MAC address: neither side takes it
                return
            self._own(record)
            self.attempt.take(record, by)

    def _mme(self, record: Record) -> None:
        message = record.message
        if isinstance(message, mme.CM_SLAC_PARM_REQ):
            if self._counts.get("MATCH_CNF") and not self.attempt.talked:     # it begins anew: what counts is the last run
                self._matched = self._slac()
                self._counts = {name: n for name, n in self._counts.items() if name.islower()}
                self._chargers.clear()
                self._match_took = None
            if message.run_id != self._run_id or self._parm_at is None:
                self._parm_at = record.at
            self._run_id = message.run_id
            self._count("PARM_REQ")
        elif isinstance(message, mme.CM_SLAC_PARM_CNF):
            self._count("PARM_CNF")
            self._chargers.setdefault(message.src, None)
            self._foreign += bool(self._run_id) and message.run_id != self._run_id
        elif isinstance(message, mme.CM_START_ATTEN_CHAR_IND):
            self._count("START")
        elif isinstance(message, mme.CM_MNBC_SOUND_IND):
            self._count("SOUND")
        elif isinstance(message, mme.CM_ATTEN_CHAR_IND) and not _group(message.dst):
            self._count("REPORT")
            if message.aag:
                self._chargers[message.src] = sum(message.aag) / len(message.aag)
        elif isinstance(message, mme.CM_SLAC_MATCH_REQ):
            self._count("MATCH_REQ")
        elif isinstance(message, mme.CM_SLAC_MATCH_CNF):
            self._count("MATCH_CNF")
            if self._parm_at is not None and self._match_took is None:
                self._match_took = (record.at - self._parm_at) / S
        elif isinstance(message, CM_SET_KEY_REQ):
            self._count("KEY_REQ")
        elif isinstance(message, CM_SET_KEY_CNF):
            self._count("KEY_CNF")

    def _sdp(self, record: Record) -> None:
        message = record.message
        if isinstance(message, SdpRequest):
            self._count("sdp requests")
            if message.security == SECURITY_TLS:
                self._count("sdp tls requests")
        elif isinstance(message, SdpResponse):
            self._count("sdp answers")
            self._port_offered = message.port
            if message.security == SECURITY_TLS:
                self._count("sdp tls answers")
        self.attempt.alive(record.at)

    def _neighbour(self, record: Record) -> None:
        """Only the charger's questions: a car that does not answer them is given up by some chargers (sheet 5.5)."""
        message = record.message
        if not isinstance(message, NeighborMessage):
            return
        if message.type == NEIGHBOR_SOLICITATION and record.src == self.session.charger:
            self._solicited_at = record.at
            self._unanswered += 1
        elif message.type != NEIGHBOR_SOLICITATION and record.src == self.session.car and self._solicited_at is not None:
            self._unanswered, self._solicited_at = 0, None

    def _tcp(self, record: Record) -> None:
        segment = record.message
        if not isinstance(segment, Segment):
            return
        self._own(record)
        if segment.flags & SYN:
            self._count("accepted" if segment.flags & ACK else "syns")
            self._port_tried = segment.src_port if segment.flags & ACK else segment.dst_port
        elif segment.flags & RST:
            if record.sender is not Role.CAR:
                self._count("refused" if not self.attempt.talked else "resets")
            elif self._charger_said_at is not None and record.at - self._charger_said_at <= SOON:
                self._reset_at = record.at
        self.attempt.tcp(record, segment)

    def _own(self, record: Record) -> None:
        """A car whose host resets the connection and that goes on as if nothing had been: its operating system did it."""
        if record.sender is Role.CHARGER:
            self._charger_said_at = record.at
        elif record.sender is Role.CAR and self._reset_at is not None and (record.layer is Layer.V2G or record.name in ("ACK", "retransmission")):
            self._own_resets += 1
            self._reset_at = None

    def _slac(self) -> Slac:
        """The present run of matching."""
        n = self._counts.get
        # the best is the least attenuated; one that measured nothing goes last
        chargers = tuple(sorted(self._chargers.items(), key=lambda item: 1e9 if item[1] is None else item[1]))
        return Slac(n("PARM_REQ", 0), n("PARM_CNF", 0), self._foreign, n("START", 0), n("SOUND", 0), n("REPORT", 0), n("MATCH_REQ", 0), n("MATCH_CNF", 0),
                    self._match_took, n("KEY_REQ", 0), n("KEY_CNF", 0), chargers)

    def evidence(self, began: int, last: int, tier: str, blind: tuple[str, ...]) -> Evidence:
        """Everything, once the record is over."""
        n = self._counts.get
        slac = self._slac()
        if self._matched is not None and not slac.match_answers:
            slac = self._matched
        network = Network(n("sdp requests", 0), n("sdp tls requests", 0), n("sdp answers", 0), n("sdp tls answers", 0), self._port_offered, self._port_tried,
                          n("syns", 0), n("accepted", 0), n("refused", 0), self._own_resets, n("tls", 0), self._unanswered)
        return self.attempt.evidence(self.session, began, last, slac, network, tier, blind)


def _group(mac: bytes) -> bool:
    return bool(mac[:1]) and bool(mac[0] & 1)
