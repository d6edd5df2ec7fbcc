"""What a record holds about one attempt to charge, as plain facts: no judgement here, and None or an empty tuple wherever the record does not say.

Times are s since the attempt began, unless a field says otherwise. Who fills it: `frames.py` (what crossed the line), `box.py` (what our own box wrote) and `plant.py` (what its
signals and devices said).
"""
from __future__ import annotations

from enum import Enum
from typing import Any

from kernel.record import dataclass
from tasks.stop_reasons import StopReason


class Side(Enum):
    """Whose matter something is."""

    CAR = "car"
    CHARGER = "charger"
    LINK = "power line"
    BOX = "own box"
    PERSON = "person"
    RECORD = "record"                    # it says too little


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that stands out, when and in which message. `kind`: failed | status | notification | isolation | car error | value | malformed |
    session id | sequence | not ready; `text` the standard's own word where there is one."""

    at: float
    kind: str
    side: Side
    message: str
    text: str
    until: float = 0.0                   # when the same was seen last, in whichever message


@dataclass(frozen=True, slots=True)
class Step:
    """A stretch of the same V2G message. `name` without Req and Res; `slowest` answer in s; `open_for`: s that its last request had waited
    when nothing came any more."""

    name: str
    began: float
    ended: float
    requests: int
    answers: int
    ongoing: int
    slowest: float | None
    open_for: float | None

    @property
    def took(self) -> float:
        return self.ended - self.began


@dataclass(frozen=True, slots=True)
class Slac:
    """Counts of the messages of the last run of matching, or of the last complete one; `chargers`: (MAC, mean attenuation in dB) of
    all that answered, the best first."""

    parm_requests: int = 0
    parm_answers: int = 0
    foreign_run_ids: int = 0
    starts: int = 0
    sounds: int = 0
    reports: int = 0
    match_requests: int = 0
    match_answers: int = 0
    match_took: float | None = None
    key_requests: int = 0                # CM_SET_KEY.REQ of the own host
    key_answers: int = 0
    chargers: tuple[tuple[bytes, float | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Network:
    """SDP, neighbour discovery and the beginning of TCP. Ports: as SDP offered it, and as the SYN tried it. `after_close`: SYN of the car after the end."""

    sdp_requests: int = 0
    sdp_tls_requests: int = 0
    sdp_answers: int = 0
    sdp_tls_answers: int = 0
    port_offered: int | None = None
    port_tried: int | None = None
    syns: int = 0
    accepted: int = 0
    refused: int = 0
    own_resets: int = 0                  # RST out of the car's host although its car goes on: its operating system
    tls_records: int = 0
    unanswered_solicitations: int = 0    # of the charger, for the car's address


@dataclass(frozen=True, slots=True)
class Volts:
    """V of one stretch (PreCharge or WeldingDetection): what was asked for, what the charger reported. `near`: answers within MATCH_V of the target,
    in a row up to the last one."""

    target: float | None = None
    first: float | None = None
    last: float | None = None
    highest: float | None = None
    answers: int = 0
    near: int = 0


@dataclass(frozen=True, slots=True)
class Power:
    """The charging loop: A and V as told by both sides. `idle`: s at its end with current asked for and none delivered."""

    rounds: int = 0
    seconds: float = 0.0
    asked_a: float | None = None
    delivered_a: float | None = None     # the greatest
    lowest_a: float | None = None        # the least: negative when current flows out of the car
    last_a: float | None = None
    excess_at: float | None = None       # s since the attempt began: the last time that it was so
    excess_a: float | None = None        # delivered more than asked for within the last 2 s, for 0.5 s and longer
    voltage: float | None = None
    energy_wh: float | None = None
    soc_first: float | None = None
    soc_last: float | None = None
    idle: float = 0.0


@dataclass(frozen=True, slots=True)
class Ending:
    """How the conversation stopped. `request`: the last one, when nothing answered it. `after`: s of record that follow the last V2G message or step."""

    stop_asked: float | None = None      # PowerDeliveryReq(stop)
    session_stop: float | None = None    # SessionStopReq
    session_stopped: bool = False        # its answer
    paused: bool = False
    renegotiations: int = 0
    request: str = ""
    waited: float | None = None
    acknowledged: bool = False           # that request, by the other side's TCP
    repeated: int = 0                    # TCP segments sent again after the last message
    closed_by: Side | None = None
    closed_how: str = ""                 # FIN | RST
    closed_at: float | None = None
    last_message: str = ""
    last_side: Side | None = None
    last_at: float | None = None
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    """V and A as both sides have told them."""

    charger_least_v: float | None = None
    charger_most_v: float | None = None
    charger_most_a: float | None = None
    car_most_v: float | None = None
    target_v: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the box's journal; `number`: of a checkpoint, 0 for others. `level`: info | warning | error | checkpoint."""

    at: float
    source: str
    level: str
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Box:
    """What our own box wrote about this attempt. `role`: pev | evse | bridge. `trips`: (s, name in tasks/safety, text)."""

    role: str = ""
    trips: tuple[tuple[float, str, str], ...] = ()
    reasons: tuple[tuple[float, StopReason], ...] = ()
    lines: tuple[Line, ...] = ()         # warnings and errors
    waits: tuple[tuple[float, float, str, str], ...] = ()    # what it held a step back for: first and last time, text, hint; the latest goes last
    checkpoints: tuple[tuple[float, int], ...] = ()
    v2g_state: str = ""                  # the last one


@dataclass(frozen=True, slots=True)
class Change:
    """A signal of our own box (tasks/signals.py) took another value, or a device was told something: then `value` is [argument, accepted]."""

    at: float
    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class Plant:
    """What our own box measured and switched in this attempt, in order; None: unknown or moving. Only a black box has it."""

    pilot: tuple[tuple[float, str, float | None], ...] = ()          # state A to F; duty in %, 100 steady
    contactors: tuple[tuple[float, bool | None], ...] = ()           # feedback
    lock: tuple[tuple[float, bool | None], ...] = ()
    permission: tuple[tuple[float, bool | None], ...] = ()           # a bridge: switch k
    refused: tuple[tuple[float, str, Any], ...] = ()                 # commands that a device did not take
    notices: tuple[tuple[float, str, str], ...] = ()                 # (s, signal, text): modem, devices, strangers, operating system
    modem: str = ""
    attenuation: float | None = None                                 # dB
    link_quality: str = ""
    supply_least: float | None = None                                # V
    hottest: float | None = None                                     # degC, of the inlet
    hint: str = ""                                                   # of the trip

    @property
    def five_percent(self) -> bool:
        """The pilot that asks for messages was there."""
        return any(duty is not None and 3.0 <= duty <= 7.0 for _, _, duty in self.pilot)

    @property
    def plugged(self) -> bool:
        return any(state in ("B", "C", "D") for _, state, _ in self.pilot)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One attempt. `protocol` as people call it; `offers`: namespaces of the car; `box` None: nothing but frames."""

    number: int
    at: float                            # s since the record's first frame or line
    duration: float
    car: bytes = b""
    charger: bytes = b""
    protocol: str = ""
    offers: tuple[str, ...] = ()
    refused_offers: bool = False         # Failed_NoNegotiation
    schema_id: int | None = None         # agreed upon, although nobody had offered it
    handshake_seen: bool = False
    payment: tuple[str, ...] = ()        # options of ServiceDiscoveryRes
    payment_chosen: str = ""
    modes_offered: tuple[str, ...] = ()
    mode_asked: str = ""
    slac: Slac = Slac()
    network: Network = Network()
    steps: tuple[Step, ...] = ()
    signs: tuple[Sign, ...] = ()
    precharge: Volts = Volts()
    welding: Volts = Volts()
    power: Power = Power()
    limits: Limits = Limits()
    isolation: str = ""                  # EVSEIsolationStatus, the last one told
    ending: Ending = Ending()
    messages: int = 0                    # V2G messages that were understood
    car_messages: int = 0
    charger_messages: int = 0
    gaps: int = 0                        # data that the record misses
    tier: str = ""                       # tasks/listen/tier.py: a, b or -
    blind: tuple[str, ...] = ()
    box: Box | None = None
    plant: Plant | None = None

    def step(self, name: str) -> Step | None:
        """The last stretch of this name; several names of one thing are separated by a blank."""
        names = name.split()
        return next((step for step in reversed(self.steps) if step.name in names), None)

    def first(self, kind: str, *texts: str) -> Sign | None:
        """The first sign of this kind, with one of these texts."""
        return next((sign for sign in self.signs if sign.kind == kind and (not texts or sign.text in texts)), None)

    @property
    def last_step(self) -> Step | None:
        return self.steps[-1] if self.steps else None

    @property
    def charged(self) -> bool:
        """Power was delivered, as far as the messages or our box tell."""
        return self.power.rounds > 0 and (self.power.delivered_a is None or abs(self.power.delivered_a) >= LEAST_A)


LEAST_A = 0.5                            # A: less is the noise of a meter
MATCH_V = 20.0                           # S1: a car closes its contactors within it
