"""Stations that are not our peer and act as if they were: counted by trick and MAC, told to a person without flooding the journal."""
from __future__ import annotations

from kernel.record import dataclass
from kernel.timer import S
from kernel.word import Word

NAMED = 3                # MACs of one trick that are told apart; the rest of a flood with many is "one of many stations"
REPEAT = 60 * S          # the same pair is told again no sooner, with its count
MANY = bytes(6)          # in the place of a MAC


class Trick(Word):
    """(what the station does, for the journal; at most 19 characters for a narrow display)."""

    CLAIMS_PEER = ("claims the address of our peer in a neighbour message", "false neighbour")
    CLAIMS_OURS = ("claims our own address", "our address claimed")
    SOLICITS = ("solicits our address more often than is answered", "solicitation flood")
    FORGED_TCP = ("sends TCP segments with the address of our peer", "forged TCP")
    UNMATCHED_TCP = ("sends TCP segments to us, but was neither matched nor discovered", "TCP of a stranger")
    RIVAL_SDP = ("answers our SDP requests, but is not the charger that was matched", "rival SDP answer")
    SECOND_SDP = ("sent another SDP response, with another address or port, after the first was taken", "second SDP answer")
    UNMATCHED_SDP = ("asks for our TCP port by SDP, but is not the car that was matched", "SDP of a stranger")
    ROUTER = ("poses as a router (router advertisement or redirect); no charger or car has one", "false router")
    ERRORS = ("sends ICMPv6 errors, which only a router or our peer could have a reason for", "false ICMPv6 errors")

    def __init__(self, text: str, short: str) -> None:
        self.text = text
        self.short = short


@dataclass(slots=True)
class StrangerSeen:
    """sdp -> ipv6: `count` times this trick, last by the station `mac`."""

    trick: Trick
    mac: bytes
    count: int = 1


@dataclass(slots=True)
class Suspicion:
    """For the journal, and in `short` for the person."""

    text: str
    args: tuple
    short: str


@dataclass(slots=True)
class _Seen:
    told_at: int
    since: int = 0           # not yet told


class Strangers:
    """The ledger. A trick that works nevertheless is none: what is counted here was ignored."""

    def __init__(self) -> None:
        self.counts: dict[Trick, int] = {}
        self._seen: dict[tuple[Trick, bytes], _Seen] = {}
        self._events: list[Suspicion] = []

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def seen(self, trick: Trick, mac: bytes, now: int, count: int = 1) -> None:
        self.counts[trick] = self.counts.get(trick, 0) + count
        key = (trick, mac)
        state = self._seen.get(key)
        if state is None and sum(known is trick for known, _ in self._seen) >= NAMED:
            key = (trick, MANY)              # at most one entry beyond the bound
            state = self._seen.get(key)
        if state is None:
            self._seen[key] = _Seen(now, count - 1)
            self._tell(key, 0)
        elif now - state.told_at >= REPEAT:
            self._tell(key, state.since + count)
            state.told_at, state.since = now, 0
        else:
            state.since += count

    def begin_network(self) -> None:
        """A network that may be new: what has not been told yet is told now, and everybody begins with a clean slate."""
        for key, state in self._seen.items():
            if state.since:
                self._tell(key, state.since)
        self._seen.clear()

    def events(self) -> list[Suspicion]:
        events = self._events
        if events:
            self._events = []
        return events

    def _tell(self, key: tuple[Trick, bytes], more: int) -> None:
        trick, mac = key
        who = "one of many stations" if mac == MANY else mac.hex(":")
        if more:
            self._events.append(Suspicion("stranger in the network: %s %s; ignored (%d more since)", (who, trick.text, more), trick.short))
        else:
            self._events.append(Suspicion("stranger in the network: %s %s; ignored", (who, trick.text), trick.short))
