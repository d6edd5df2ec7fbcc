"""What can be different about a charger or a car: one dataclass per side, every default is our own behaviour."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping

from tasks.stop_reasons import StopReason

FOREVER = 1 << 30            # rounds


@dataclass(frozen=True, slots=True)
class Plus:
    """The value that would have been sent and so much more."""

    more: float


@dataclass(frozen=True, slots=True)
class Echo:
    """Whatever the last request said in this field: a charger that claims what one wants to hear."""

    field: str


@dataclass(frozen=True, slots=True)
class Change:
    """One field of one V2G message carries something else, in the rounds `first` to `last` of that message.

    `field` is a dotted path below the body, a number in it a place in a list. `value`: Plus, Echo, a number where a PhysicalValue stands (its unit is
    kept), or the very object that the field carries.
    """

    message: str
    field: str
    value: Any
    first: int = 1
    last: int = FOREVER


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that the peer does `after_s` s after its V2G session came into `state`, the first `times` times; names: act.py."""

    state: str
    after_s: float
    what: str
    value: float = 0.0
    times: int = 1


@dataclass(frozen=True, slots=True)
class Needs:
    """The peer closes the connection when this field of our message is absent, empty, or a number not above `above`."""

    message: str
    field: str
    above: float | None = None


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another charger in hearing distance: our car's sounds reach it with `attenuation_db`."""

    attenuation_db: int
    answers_ms: float = 5.0              # its answers' delay
    foreign_match_s: float = 0.0         # every so many s it sends our car a CM_SLAC_MATCH.CNF nobody asked for; 0: never


@dataclass(frozen=True, slots=True)
class Talk:
    """How either side talks. Delays in ms by message name; a name with `*` is the default of all others."""

    # HomePlug, names as in a decoder: CM_ATTEN_CHAR.IND
    slac_delay_ms: Mapping[str, float] = field(default_factory=dict)
    slac_silent: frozenset[str] = frozenset()
    slac_lost: Mapping[str, int] = field(default_factory=dict)       # so many of these never leave
    deaf_s: float = 0.0                  # s after plugging in during which no frame passes (modem asleep or without supply)
    modem_restart_ms: int | None = None  # silence after CM_SET_KEY
    modem_join_ms: int | None = None     # from equal keys to traffic
    # IPv6, SDP, TCP
    sdp_delay_ms: float = 0.0
    sdp_silent: bool = False
    solicits_before_sdp: bool = False    # multicast NS first; the SDP answer waits for our NA
    probe_after_s: float = 0.0           # multicast NS so long after the SYN; without NA within 3 s the peer is deaf; 0: never
    bare_advertisement: bool = False     # its NA to a unicast NS has no link-layer option
    # V2G
    turn_ms: Mapping[str, float] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()
    repeats: frozenset[str] = frozenset()    # requests that get the first answer again and again
    changes: tuple[Change, ...] = ()
    needs: tuple[Needs, ...] = ()
    deeds: tuple[Deed, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)    # of its configuration: {"evse.max_voltage_v": 920}
    plant: Mapping[str, Any] = field(default_factory=dict)       # of the physics: {"stage_voltage_rate_v_per_s": 50}
    ours: Mapping[str, Any] = field(default_factory=dict)        # what our box has to be to meet it: {"evse.energy_transfer_modes": [...]}


@dataclass(frozen=True, slots=True)
class ChargerTraits(Talk):
    """A charger. Its limits (`evse.*`) and its power stage (`stage_*`) are `settings` and `plant`."""

    # SLAC
    num_sounds: int = 10                 # announced in CM_SLAC_PARM.CNF
    sound_timeout: int = 6               # announced TIME_OUT, 100 ms
    insists_on_timeout: bool = False     # ignores CM_START_ATTEN_CHAR.IND with another TIME_OUT than announced
    neighbours: tuple[Neighbour, ...] = ()
    # pilot
    duty_percent: float = 5.0
    # TCP
    port: int | None = None
    refused_syns: int = 0                # the first so many connections are answered with RST
    ignored_syns: int = 0                # or not at all
    # V2G
    most_offers: int = 20                # a longer supportedAppProtocolReq is refused; 20 is the schema's maximum
    session_id_octets: int = 8
    foreign_id_from: int | None = None   # from this CurrentDemandRes on another session id
    early_c_is_fault: bool = False       # emergency stop when the car is in state C before CableCheckReq
    # power stage
    overshoot_v: float = 0.0             # V above the set point after it was raised, without load
    overshoot_tau_s: float = 0.5         # s, how it fades
    idle_offset_v: float = 0.0           # V above the set point as long as there is no load
    holds_at_zero: bool = False          # keeps its voltage at a set current of 0 A (without: it sags)


@dataclass(frozen=True, slots=True)
class CarTraits(Talk):
    """A car. Its limits and habits (`ev.*`, `slac.*`) and its battery are `settings` and `plant`."""

    protocols: tuple[str, ...] = ("din",)        # keys as in ev.protocols, the most wanted first
    namespaces: tuple[str, ...] = ()     # offered before these, by priority
    schema_ids: tuple[int, ...] = (1, 0)         # what it calls its protocols, in their order; as Polestar 2 and Audi Q4 do
    tls_requests: int = 0                # SDP requests for TLS before the first without
    takes_plain_answer: bool = True      # an answer without TLS to a request with TLS will do
    syn_delay_ms: float = 0.0
    mss: int | None = None               # octets, announced in the SYN
    speaks: bool = True                  # False: no power line communication at all, it charges by the pilot alone


@dataclass(frozen=True, slots=True)
class Expected:
    """What must come of it. Not charging: `reason`, the supervisor's `trip` if one, `told`: words that a person must find."""

    charges: bool
    reason: StopReason = StopReason.BATTERY_FULL
    trip: str = ""
    told: str = ""


@dataclass(frozen=True, slots=True)
class Personality:
    """One charger or car: what it is like, where each trait comes from, what our box has to make of it."""

    name: str
    title: str
    traits: ChargerTraits | CarTraits
    sources: tuple[str, ...]
    expected: Expected


CHARGES = Expected(True)
