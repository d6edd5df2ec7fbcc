"""How much of the line is heard, told honestly: which tier is in force, and what cannot be seen, from what has been seen. Pure.

Tier (a): an ordinary modem, which hides what is not for it. Tier (b): a tap, mirror or SPI trace with both directions.
Facts: slac-and-network sheet 2.9, field sheet 1.8 and the captures of both.
"""
from __future__ import annotations

from dataclasses import field

from kernel.record import dataclass
from kernel.timer import S
from tasks.homeplug import wire as mme
from tasks.homeplug.wire_header import LOCAL_DEVICE
from tasks.homeplug.wire_keys import CM_SET_KEY_CNF, CM_SET_KEY_REQ
from tasks.homeplug.wire_modem import VS_ATTENUATION_CHARACTERISTICS_IND, VS_SW_VER_CNF
from tasks.listen.record import Layer, Record, Role

MAX_MODEMS = 16
HIDDEN_AFTER = 12 * S        # TT_match_join: by then the car would have sent its SDP request where it could be heard
HALF_AFTER = 2 * S           # by then the other side has spoken too: within 0.97 s in 16 of the 17 captures that hold both
NOTHING, PASSIVE, BOTH = "-", "a", "b"
TITLES = {NOTHING: "nothing heard yet", PASSIVE: "an ordinary modem", BOTH: "both directions"}

_CAR = (mme.CM_SLAC_PARM_REQ, mme.CM_START_ATTEN_CHAR_IND, mme.CM_MNBC_SOUND_IND, mme.CM_ATTEN_CHAR_RSP, mme.CM_SLAC_MATCH_REQ)
_CHARGER = (mme.CM_SLAC_PARM_CNF, mme.CM_ATTEN_CHAR_IND, mme.CM_SLAC_MATCH_CNF)
_IP = frozenset((Layer.ND, Layer.SDP, Layer.TCP, Layer.ACK, Layer.TLS, Layer.V2G))


@dataclass(slots=True)
class Evidence:
    """What has been heard, by who sent it. Times ns, None never. Bounded: counters only."""

    frames: int = 0
    slac_car: int = 0
    slac_charger: int = 0
    atten_broadcast: int = 0     # CM_ATTEN_CHAR.IND to everybody: pyPLC's own use, not SLAC (field sheet, section 11)
    raw: int = 0                 # VS_ATTENUATION_CHARACTERISTICS.IND
    encrypted: int = 0           # CM_ENCRYPTED_PAYLOAD
    local: int = 0               # between a host and its own modem: only heard at that host
    at: Role | None = None       # whose host that is, where it is one of the session: then everything passes here
    multicast: int = 0           # IPv6 to groups
    since_match: int = 0         # of those, after the last CM_SLAC_MATCH.CNF
    unicast_car: int = 0
    unicast_charger: int = 0
    unicast: int = 0             # IPv6 between two stations whose roles are not known
    one_at: int | None = None    # the first of these from a side that is known
    repeated: int = 0            # TCP retransmissions
    requests: int = 0
    responses: int = 0
    tls: int = 0
    matched_at: int | None = None
    modems: dict[bytes, str] = field(default_factory=dict)       # MAC -> firmware, of those that answered VS_SW_VER



    def take(self, record: Record) -> None:
        """One record of the listening machine."""
        layer, message = record.layer, record.message
        if layer is Layer.MME:
            self._mme(record, message)
        elif layer in _IP:
            self._ip(record)

    def _mme(self, record: Record, message: object) -> None:
        if isinstance(message, _CAR):
            self.slac_car += 1
        elif isinstance(message, _CHARGER):
            if record.dst[0] & 1:
                self.atten_broadcast += 1
                return
            self.slac_charger += 1
            if isinstance(message, mme.CM_SLAC_MATCH_CNF):
                self.matched_at, self.since_match = record.at, 0
        elif isinstance(message, VS_ATTENUATION_CHARACTERISTICS_IND):
            self.raw += 1
        elif isinstance(message, (CM_SET_KEY_REQ, CM_SET_KEY_CNF)) and not record.dst[0] & 1 or record.dst == LOCAL_DEVICE:
            self.local += 1
            host = record.receiver if isinstance(message, CM_SET_KEY_CNF) else record.sender
            if host in (Role.CAR, Role.CHARGER):
                self.at = host
        elif isinstance(message, VS_SW_VER_CNF):
            if record.src in self.modems or len(self.modems) < MAX_MODEMS:
                self.modems[record.src] = message.version
        elif message is None and record.name.startswith("CM_ENCRYPTED_PAYLOAD"):
            self.encrypted += 1

    def _ip(self, record: Record) -> None:
        if record.dst[:1] and record.dst[0] & 1:
            self.multicast += 1
            self.since_match += 1
        elif record.sender is Role.CAR:
            self.unicast_car += 1
        elif record.sender is Role.CHARGER:
            self.unicast_charger += 1
        else:
            self.unicast += 1
        if self.one_at is None and (self.unicast_car or self.unicast_charger):
            self.one_at = record.at
        if record.name.startswith("retransmission"):
            self.repeated += 1
        if record.layer is Layer.TLS:
            self.tls += 1
        elif record.layer is Layer.V2G:
            self.requests += record.sender is Role.CAR
            self.responses += record.sender is Role.CHARGER


@dataclass(slots=True)
class Tier:
    """`letter` "a" or "b" ("-" nothing heard yet), `sees` in a few words, `blind`: sentences about what cannot be seen, by a short key."""

    letter: str
    sees: str
    blind: dict[str, str]


def tier_of(e: Evidence, now: int) -> Tier:
    """`now` on the clock of the frames."""
    blind: dict[str, str] = {}
    both = e.unicast_car > 0 and e.unicast_charger > 0 or e.at is not None
    if both:
        letter = BOTH
    elif e.frames:
        letter = PASSIVE
    else:
        return Tier(NOTHING, "", {"nothing": "Nothing is heard yet. A car that plugs in sends SLAC; is this the modem's interface, and the modem supplied?"})
    if not both:
        _slac(e, blind)
    _network(e, now, both, blind)
    return Tier(letter, _sees(e), blind)


def _slac(e: Evidence, blind: dict[str, str]) -> None:
    if e.slac_charger and not e.slac_car:
        blind["car slac"] = ("Only the charger's side of SLAC is heard: this modem is set up as PEV. Set it up as EVSE, or use an INT6400 "
                     "(devolo dLAN 200 AVplus), to hear both sides.")
    elif e.slac_car and not e.slac_charger:
        blind["charger slac"] = ("Only the car's side of SLAC is heard: no charger answers, or this modem hides the answers. An INT6400 shows both sides.")
    elif not e.slac_car and not e.slac_charger:
        blind["slac"] = ("No SLAC is heard: nobody has plugged in since listening began, or the modem is too far from the cable.")


def _network(e: Evidence, now: int, both: bool, blind: dict[str, str]) -> None:
    one = e.unicast_car or e.unicast_charger
    if e.encrypted:
        blind["authentication"] = (f"A station fails to authenticate: {e.encrypted} CM_ENCRYPTED_PAYLOAD, one each 600 ms while it tries. It joins no network "
                     "(wrong key, or its transmit path is cut: without sending nobody can join).")
    if e.tls and not (e.requests or e.responses):
        blind["tls"] = (f"The conversation is encrypted (TLS, {e.tls} records): its messages, V, A and SoC cannot be seen.")
    if one and not both:
        if e.one_at is None or now - e.one_at < HALF_AFTER:
            return
        side, other = ("car", "charger") if e.unicast_car else ("charger", "car")
        count = e.requests + e.responses
        blind["half"] = (f"Only what the {side} sends is seen of the conversation, and not all of it ({count} V2G messages"
                     f"{f', {e.repeated} TCP retransmissions' if e.repeated else ''}): the {other}'s half is hidden. A listener that spoofs a MAC address "
                     "gets this much and disturbs the session.")
    elif not both and not e.unicast and e.matched_at is not None and now - e.matched_at > HIDDEN_AFTER:
        seen = f"only what goes to everybody ({e.since_match} IPv6 frames: SDP requests, neighbour solicitations)" if e.since_match else "nothing of it so far"
        blind["unicast"] = (f"IP unicast is not visible with an ordinary modem: {seen}; no V, A, SoC, limits. For those tap a modem's SPI or mirror "
                     "a controller's port (tier b).")


def _sees(e: Evidence) -> str:
    parts = []
    if e.slac_car or e.slac_charger:
        sides = [name for name, count in (("car", e.slac_car), ("charger", e.slac_charger)) if count]
        parts.append("SLAC of " + " and ".join(sides))
    if e.raw:
        parts.append("raw attenuation")
    if e.local:
        parts.append("a host with its own modem" if e.at is None else f"the {e.at.value}'s host with its own modem")
    if e.requests or e.responses:
        sides = [name for name, count in (("car", e.requests), ("charger", e.responses)) if count]
        parts.append("V2G of " + " and ".join(sides))
    elif e.tls:
        parts.append("TLS records")
    elif e.unicast_car or e.unicast_charger or e.unicast:
        parts.append("IP unicast")
    elif e.multicast:
        parts.append("IP multicast")
    return ", ".join(parts) or "foreign traffic only"
