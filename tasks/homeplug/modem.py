"""The host's own modem: find it, give it keys, and test whether the peer's modem is in the same network.

Three machines share what is known of the modem (`modem_own.OwnModem`): the search (who is it, is it there), the key, the link test.
This one puts them together and has the five verbs. A new key makes a modem restart and be silent for up to 5 s, which is normal.
Nothing that arrives here can change our key: this machine only sends keys.
"""
from __future__ import annotations

from tasks.homeplug import timing as t
from tasks.homeplug.config import SlacConfig
from tasks.homeplug.link_test import LinkTest, Peer
from tasks.homeplug.modem_kinds import ASKED
from tasks.homeplug.modem_key import KeySetter
from tasks.homeplug.modem_own import OwnModem
from tasks.homeplug.modem_search import ModemSearch
from tasks.homeplug.wire_keys import CM_GET_KEY_CNF, CM_SET_KEY_CNF


class Modem:
    """`host_mac`: our own interface. `coordinator`: we are a charger, whose modem is the CCo; None: not known.

    Counters: `foreign` answers that claim to be the own modem's but are not, `refused` keys, `key_sends`, `polls`.
    """

    def __init__(self, config: SlacConfig, host_mac: bytes, rng, coordinator: bool | None = None) -> None:
        self._own = OwnModem(host_mac)
        self._search = ModemSearch(self._own, config.modem_kind, rng, coordinator, config.modem_set_role)
        self._key = KeySetter(self._own, self._search, rng, bool(ASKED[config.modem_kind]))
        self._test = LinkTest(self._own, rng)
        self._found: bytes | None = None         # the modem that the link test and the key know

    @property
    def mac(self) -> bytes | None:
        """The modem's MAC, None until it has answered."""
        return self._own.mac

    @property
    def kind(self) -> str:
        """What the modem is, or is taken for."""
        return self._own.kind.name

    @property
    def nid(self) -> bytes | None:
        """The network that the modem is to be in."""
        return self._key.nid

    @property
    def link(self) -> bool:
        """The peer's modem is in our network."""
        return self._test.link

    @property
    def watching(self) -> bool:
        return self._test.watching

    @property
    def peers(self) -> tuple[list[Peer], int]:
        """Who the modem said is in our network, and when (ns; -1: it has not)."""
        return self._test.peers, self._test.peers_at

    @property
    def foreign(self) -> int:
        return self._own.foreign

    @property
    def refused(self) -> int:
        return self._key.refused

    @property
    def key_sends(self) -> int:
        return self._key.sends

    @property
    def polls(self) -> int:
        return self._test.polls

    # --- commands

    def set_key(self, nid: bytes, nmk: bytes, now: int) -> None:
        """Give the modem a key; repeated until it answers, KeyTaken or KeyUnanswered follows."""
        self._test.nid = nid
        self._test.held = True
        self._key.set(nid, nmk, now)

    def watch_link(self, now: int, within: int = t.TT_match_join) -> None:
        """Test the link from now on, with a last question just before `within` ns have passed; LinkSeen and LinkGone follow. Starts when a pending key has been answered."""
        self._search.needed = True
        self._test.watch(now, now + within - t.LAST_QUESTION)

    def unwatch_link(self) -> None:
        """Stop testing; the peer is not expected any more."""
        self._search.needed = False
        self._test.unwatch()

    def vouch(self, now: int) -> None:
        """Upper layers have just heard the peer through the network: evidence, and no need to ask by broadcast."""
        self._test.vouch(now)

    def traffic(self, now: int) -> None:
        """A frame of the matched peer's host came that only the network carries."""
        self._test.traffic(now)

    # --- the five verbs

    def receive(self, m, now: int) -> None:
        """A parsed message that arrived at our interface."""
        if type(m) is CM_SET_KEY_CNF:
            if self._key.receive(m, now):
                self._test.held = False
                if self._test.watching:
                    self._test.begin(now, t.LINK_POLL_JOINING)
        elif type(m) is CM_GET_KEY_CNF or not self._search.receive(m, now):
            self._test.receive(m, now)
        self._follow(now)

    def handle_timer(self, now: int) -> None:
        self._search.handle_timer(now)
        if self._key.handle_timer(now):
            self._test.held = False
            if self._test.watching:
                self._test.begin(now, 0)
        self._test.handle_timer(now)
        self._follow(now)

    def outgoing(self) -> list:
        out, self._own.out = self._own.out, []
        return out

    def events(self) -> list:
        events, self._own.events = self._own.events, []
        return events

    def next_timer(self) -> int:
        return min(self._search.next_timer(), self._key.next_timer(), self._test.next_timer())

    def _follow(self, now: int) -> None:
        """A modem that has been found gets the key that waits for it, or that it may have lost."""
        mac = self._own.mac
        if mac == self._found:
            return
        self._found = mac
        self._test.modem_changed()
        if mac is None or not self._own.identified:
            return
        if self._key.pending:
            self._key.again(now)
        elif self._search.gone_with_key and self._key.nmk:
            self.set_key(self._key.nid, self._key.nmk, now)
        self._search.gone_with_key = False
