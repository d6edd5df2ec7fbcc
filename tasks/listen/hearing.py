"""Everything that is heard, put together: the one set of machines behind the live listener, the live view and the decoder.

Frame -> records (follow.py) -> sessions (session.py), their readings (readings.py), stations and evidence of the tier (tier.py).
"""
from __future__ import annotations

from collections import OrderedDict
from dataclasses import field
from enum import Enum

from kernel.record import dataclass
from tasks.homeplug import wire as mme
from tasks.homeplug.wire_modem import VS_ATTENUATION_CHARACTERISTICS_IND
from tasks.listen.conversation import Decode
from tasks.listen.follow import LINK_ETHERNET, Follow
from tasks.listen.readings import Readings
from tasks.listen.record import Layer, Record
from tasks.listen.session import Session, Sessions
from tasks.listen.tier import HIDDEN_AFTER, Evidence, Tier, tier_of
from tasks.listen.values import average

MAX_READINGS = 64            # sessions whose values are kept; the oldest goes first
MAX_CARS = 32                # cars whose SLAC is followed
MAX_CHARGERS = 16            # chargers and modems heard per car


@dataclass(slots=True)
class Raw:
    """What one modem reports about a car's sounds: how many, and their mean in dB (None: reports without groups)."""

    reports: int = 0
    total: float = 0.0
    measured: int = 0

    @property
    def average(self) -> float | None:
        return round(self.total / self.measured, 1) if self.measured else None


@dataclass(slots=True)
class Matching:
    """SLAC of one car: how often each message was seen, what each charger and each charger's modem measured in dB."""

    seen: dict[str, int] = field(default_factory=dict)
    chargers: dict[bytes, float | None] = field(default_factory=dict)    # host MAC -> average of its CM_ATTEN_CHAR.IND
    modems: dict[bytes, Raw] = field(default_factory=dict)               # modem MAC -> raw


class State(Enum):
    """What goes on, as far as it is heard."""

    QUIET = "nothing goes on"
    MATCHING = "SLAC"
    JOINING = "the modems join"
    HIDDEN = "matched, the conversation is not heard"
    DISCOVERY = "SDP"
    CONNECTING = "TCP connection"
    SESSION = "V2G session"
    ENCRYPTED = "encrypted session"
    ENDED = "ended"


class Hearing:
    """`receive` gives the records of one frame; `ended()` drains sessions that are over. Never has anything to send."""

    def __init__(self, decode: Decode, own: bytes = b"") -> None:
        """`own`: MAC of the listener, whose own talk with its modem is no evidence of what is heard on the line."""
        self._own = own
        self.follow = Follow(decode)
        self.sessions = Sessions()
        self.evidence = Evidence()
        self.readings: OrderedDict[int, Readings] = OrderedDict()        # number of the session -> values
        self.matching: OrderedDict[bytes, Matching] = OrderedDict()      # MAC of the car -> SLAC
        self.last_at = 0

    def receive(self, frame: bytes, now: int, missing: int = 0, link: int = LINK_ETHERNET) -> list[Record]:
        self.sessions.handle_timer(now)
        self.follow.receive(frame, now, missing, link)
        self.last_at = now
        records = self.follow.events()
        if len(records) == 1 and self.own_talk(records[0]):
            return records
        self.evidence.frames += 1
        for record in records:
            self.sessions.receive(record, now)
            self.evidence.take(record)
            if record.layer is Layer.V2G and self.sessions.latest is not None:
                self.readings_of(self.sessions.latest).take(record)
            elif record.layer is Layer.MME:
                self._mme(record.message)
        return records

    def own_talk(self, record: Record) -> bool:
        """The listener's own host and its modem: no evidence of what is heard on the line. SLAC and IP of that host are."""
        return (bool(self._own) and record.layer is Layer.MME and self._own in (record.src, record.dst)
                and not isinstance(record.message, mme.SLAC_MESSAGES))

    def handle_timer(self, now: int) -> None:
        self.sessions.handle_timer(now)

    def next_timer(self) -> int:
        return self.sessions.next_timer()

    def ended(self) -> list[Session]:
        return self.sessions.events()

    def tier(self, now: int) -> Tier:
        return tier_of(self.evidence, now)

    def state(self, now: int) -> State:
        """Of the session that was heard last."""
        session = self.sessions.latest
        if session is None:
            return State.QUIET
        if session.match_answers and not (session.v2g_messages or session.tls_records or session.connections or session.syns) and session.reported:
            return State.HIDDEN              # silence is no end for a listener that cannot hear the conversation
        if session.reported:
            return State.ENDED
        if session.v2g_messages:
            return State.SESSION
        if session.tls_records:
            return State.ENCRYPTED
        if session.connections or session.syns:
            return State.CONNECTING
        if session.sdp_requests or session.sdp_answers:
            return State.DISCOVERY
        if session.match_answers:
            return State.HIDDEN if now - session.end > HIDDEN_AFTER else State.JOINING
        return State.MATCHING

    def modem_of(self, session: Session) -> bytes:
        """The charger's modem: the one that hears the car best; b"" where no raw attenuation was heard."""
        heard = {mac: raw.average for mac, raw in self.matching_of(session.car).modems.items() if raw.average is not None}
        return min(heard, key=heard.__getitem__) if heard else b""

    def readings_of(self, session: Session) -> Readings:
        """The session's values; empty ones where nothing was heard."""
        readings = self.readings.get(session.number)
        if readings is None:
            readings = self.readings[session.number] = Readings()
            if len(self.readings) > MAX_READINGS:
                self.readings.popitem(last=False)
        return readings

    def matching_of(self, car: bytes) -> Matching:
        return self.matching.get(car) or Matching()

    # --- SLAC -----------------------------------------------------------------------------------------------------

    def _mme(self, message: object) -> None:
        if isinstance(message, (mme.CM_SLAC_PARM_REQ, mme.CM_START_ATTEN_CHAR_IND, mme.CM_MNBC_SOUND_IND, mme.CM_ATTEN_CHAR_RSP,
                                mme.CM_SLAC_MATCH_REQ)):
            car = message.src
        elif isinstance(message, (mme.CM_SLAC_PARM_CNF, mme.CM_ATTEN_CHAR_IND, mme.CM_SLAC_MATCH_CNF)) and not message.dst[0] & 1:
            car = message.dst
        elif isinstance(message, (VS_ATTENUATION_CHARACTERISTICS_IND, mme.CM_ATTEN_PROFILE_IND)):
            car = message.pev_mac
        else:
            return
        slac = self._slac_of(car)
        if isinstance(message, mme.CM_SLAC_PARM_REQ) and "CM_SLAC_MATCH_CNF" in slac.seen:
            slac = self.matching[car] = Matching()           # the car begins anew
        name = type(message).__name__
        slac.seen[name] = slac.seen.get(name, 0) + 1
        if isinstance(message, mme.CM_SLAC_PARM_CNF):
            _put(slac.chargers, message.src, slac.chargers.get(message.src))
        elif isinstance(message, mme.CM_ATTEN_CHAR_IND):
            _put(slac.chargers, message.src, average(message.aag))
        elif isinstance(message, VS_ATTENUATION_CHARACTERISTICS_IND):
            raw = slac.modems.get(message.src) or Raw()
            _put(slac.modems, message.src, raw)
            raw.reports += 1
            mean = average(message.aag)
            if mean is not None:
                raw.total += mean
                raw.measured += 1

    def _slac_of(self, car: bytes) -> Matching:
        slac = self.matching.get(car)
        if slac is None:
            slac = self.matching[car] = Matching()
            if len(self.matching) > MAX_CARS:
                self.matching.popitem(last=False)
        return slac


def _put(table: dict, key: bytes, value: object) -> None:
    if key in table or len(table) < MAX_CHARGERS:
        table[key] = value
