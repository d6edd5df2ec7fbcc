"""What the matching machine and the modem machine tell each other and the task; no octets, no policy.

The matching machine (slac_pev, slac_evse) asks for keys and for a link test; the modem machine reports what came of it.
task.py carries these events from one to the other.
"""
from __future__ import annotations

from kernel.record import dataclass
from tasks.stop_reasons import StopReason


# --- matching machine -> modem machine

@dataclass(slots=True)
class UseKey:
    """Put this network and key into the own modem."""

    nid: bytes
    nmk: bytes


@dataclass(slots=True)
class WatchLink:
    """Find out whether the peer's modem has joined, at the latest `within` ns from now, and go on watching."""

    within: int


@dataclass(slots=True)
class UnwatchLink:
    """Nobody is expected in the network any more."""


# --- matching machine -> the rest of the box

@dataclass(slots=True)
class LinkEstablished:
    """Matched and joined: hosts can talk. MAC is the peer's host MAC."""

    peer_mac: bytes
    nid: bytes


@dataclass(slots=True)
class LinkFailed:
    """Matching failed for good, or the link is gone; quiet until started again."""

    reason: StopReason


@dataclass(slots=True)
class TogglePilot:
    """Car: show state C so many times, each phase TP_EV_vald_state_duration, beginning now: a charger counts (CM_VALIDATE)."""

    count: int


@dataclass(slots=True)
class Suspicious:
    """`mac` does what an honest neighbour does not; `text` with %-placeholders for `args`. It changes nothing, but the person should know."""

    mac: bytes
    text: str
    args: tuple = ()


# --- modem machine -> matching machine and the rest of the box

@dataclass(slots=True)
class ModemFound:
    """The own modem answers; `text` is its kind and firmware."""

    mac: bytes
    text: str


@dataclass(slots=True)
class ModemLost:
    """The own modem has been silent for too long; `asleep`: as modems of its kind are while they hear no coordinator."""

    asleep: bool = False


@dataclass(slots=True)
class KeyTaken:
    """The own modem confirmed the key."""


@dataclass(slots=True)
class KeyUnanswered:
    """The own modem never confirmed the key; the link test has the last word."""


@dataclass(slots=True)
class ModemBack:
    """First sign of life of the own modem after it took a key and restarted."""


@dataclass(slots=True)
class LinkSeen:
    """The link test says: another station is in our network."""


@dataclass(slots=True)
class LinkGone:
    """The link test says: nobody is there any more."""
