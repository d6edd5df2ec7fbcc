"""Joining the overheard network as a third station: gives the overheard key to the own modem, and asks it who is there.

Opt-in (`listen.join`). The modem machine of tasks/homeplug does the work; of what it wants to send only requests to the own
modem's local address leave here, the rest is withheld and counted. What joining brings: multicast only (SDP requests,
neighbour solicitations) and the number of stations; TCP unicast stays hidden (slac-and-network sheet 2.9).
"""
from __future__ import annotations

from kernel.timer import S, Timer
from tasks.homeplug import timing as t
from tasks.homeplug.config import SlacConfig
from tasks.homeplug.events import KeyTaken, KeyUnanswered, LinkGone, LinkSeen, ModemFound, ModemLost
from tasks.homeplug.modem import Modem
from tasks.homeplug.wire import CM_SLAC_MATCH_CNF
from tasks.homeplug.wire_header import LOCAL_DEVICE
from tasks.homeplug.wire_modem import VS_NW_INFO_CNF
from tasks.machine import Note

SPACING = 15 * S             # between two keys: a modem restarts for up to 5 s and joins within TT_match_join; a flood of keys must not keep it busy
NO_KEY = bytes(16)
WAITING = "waits for a key"


class Joining:
    """`receive` gets overheard CM_SLAC_MATCH.CNF and the own modem's answers. `text` says in words how it stands.

    `stations`: other modems in the network as the own one counts them, None unknown. `withheld`: messages not sent because
    they are not for the own modem alone.
    """

    def __init__(self, config: SlacConfig, host_mac: bytes, rng) -> None:
        self.text = WAITING
        self.stations: int | None = None
        self.withheld = 0
        self.keys = 0
        self._host_mac = host_mac
        self._modem = Modem(config, host_mac, rng)
        self._key: tuple[bytes, bytes] | None = None         # in the modem, or on its way there
        self._next: tuple[bytes, bytes] | None = None        # heard meanwhile
        self._given_at = -SPACING
        self._due = Timer()
        self._limit = Timer()
        self._events: list = []

    # --- the five verbs

    def receive(self, m, now: int) -> None:
        if isinstance(m, CM_SLAC_MATCH_CNF):
            self._overheard(m, now)
            return
        if isinstance(m, VS_NW_INFO_CNF) and m.dst == self._host_mac and m.src == self._modem.mac:
            self._count(m)
        self._modem.receive(m, now)

    def handle_timer(self, now: int) -> None:
        self._modem.handle_timer(now)
        if self._due.take(now) and self._next is not None:
            self._give(self._next, now)
        if self._limit.take(now) and not self._modem.link:
            self._say("not joined within 12 s", "warning", ": while its authentication fails, CM_ENCRYPTED_PAYLOAD is heard each 600 ms. "
                      "Wrong key, a modem that cannot transmit, or the network is gone")
        self._drain(now)

    def outgoing(self) -> list:
        """Only what is for the own modem alone."""
        wanted = self._modem.outgoing()
        mine = [m for m in wanted if m.dst == LOCAL_DEVICE]
        self.withheld += len(wanted) - len(mine)
        return mine

    def events(self) -> list:
        events, self._events = self._events, []
        return events

    def next_timer(self) -> int:
        return min(self._modem.next_timer(), self._due.at, self._limit.at)

    # --- keys

    def _overheard(self, m: CM_SLAC_MATCH_CNF, now: int) -> None:
        key = m.nid, m.nmk
        if m.src == self._host_mac or m.nmk == NO_KEY or key == self._key:
            return
        wait = self._given_at + SPACING - now
        if wait <= 0:
            self._give(key, now)
        else:
            self._next = key                                 # the latest one counts
            self._due.arm(now, wait)

    def _give(self, key: tuple[bytes, bytes], now: int) -> None:
        self._key, self._next = key, None
        self._given_at = now
        self.keys += 1
        self.stations = None
        self._modem.unwatch_link()
        self._modem.set_key(*key, now)
        self._modem.watch_link(now)
        self._limit.arm(now, t.TT_match_join)
        self._say(f"gives the key of network {key[0].hex()} to the own modem")

    def _count(self, m: VS_NW_INFO_CNF) -> None:
        if self._key is None:
            return
        stations = sum(len(network.stations) for network in m.networks if network.nid == self._key[0])
        if stations != self.stations and (stations or self._modem.link):
            self.stations = stations
            self._say(f"joined, {stations} other stations" if stations else "in the network alone")

    def _drain(self, now: int) -> None:
        for event in self._modem.events():
            if isinstance(event, Note):
                self._events.append(event)
            elif isinstance(event, ModemFound):
                self._events.append(Note("own modem %s: %s", (event.mac.hex(":"), event.text)))
            elif isinstance(event, KeyTaken):
                self._say("the modem has taken the key and restarts")
            elif isinstance(event, KeyUnanswered):
                self._say("the modem does not confirm the key", "warning")
            elif isinstance(event, LinkSeen):
                self._limit.cancel()
                if self.stations is None:
                    self._say("key given; this modem does not say who is in the network")
            elif isinstance(event, (LinkGone, ModemLost)):
                self.stations = None
                self._say("the network is gone" if isinstance(event, LinkGone) else "the own modem is silent", "warning")
                if isinstance(event, LinkGone):
                    self._key = None                         # the same car may come back with the same key

    def _say(self, text: str, level: str = "info", more: str = "") -> None:
        self.text = text
        self._events.append(Note(text + more, (), level))
