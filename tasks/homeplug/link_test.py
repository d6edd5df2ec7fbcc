"""Is the peer's modem in our network? The tests of slac-and-network sheet 4.3, asked, judged and counted.

Theory: no single message that all modems know tells it, so what the modem's kind knows is asked, and any positive answer counts;
a frame of the matched peer's host that can only have come through the network counts too (test f). Once a question has proven
itself for this link only that one is asked, each second. While upper layers vouch for the peer nothing is asked by broadcast and no
answer takes the link away: the timeouts of TCP and V2G are the judges then. A modem that answers no question is believed
after a while; the timeouts of SDP and TCP judge it. What NW_INFO and NW_STATS tell of the stations is kept for whoever wants it.
"""
from __future__ import annotations

from kernel.record import dataclass
from kernel.timer import NEVER, Timer
from tasks.homeplug import timing as t
from tasks.homeplug.events import LinkGone, LinkSeen
from tasks.homeplug.modem_kinds import NAMES_PEER, Test
from tasks.homeplug.modem_own import OwnModem
from tasks.homeplug.wire_header import BROADCAST
from tasks.homeplug.wire_keys import CM_GET_KEY_CNF, CM_GET_KEY_REQ
from tasks.homeplug.wire_link import CM_NW_STATS_CNF, CM_NW_STATS_REQ
from tasks.homeplug.wire_lumissil import (HOST_DISCONNECTED, HOST_JOINED, NSCM_GET_D_LINK_STATUS_CNF, NSCM_GET_D_LINK_STATUS_REQ,
                                          NSCM_GET_DEVICE_STATE_CNF, NSCM_GET_DEVICE_STATE_REQ, STATE_STA, VS_D_LINK_READY_IND,
                                          VS_HOST_MESSAGE_STATUS_IND)
from tasks.homeplug.wire_modem import VS_NW_INFO_CNF, VS_NW_INFO_REQ, VS_PL_LINK_STATUS_CNF, VS_PL_LINK_STATUS_REQ
from tasks.machine import Note

UNKNOWN_NID = bytes(7)


@dataclass(slots=True)
class Peer:
    """A station of our network: its modem, the host behind it (None: not told), average PHY rates in Mbit/s."""

    modem: bytes
    host: bytes | None
    tx: int
    rx: int


class LinkTest:
    """`link`: the peer's modem is in our network. `watching`: somebody wants to know. `polls` counts rounds of questions.

    `peers`: who the modem said was in our network at `peers_at` (-1: it has not said).
    """

    def __init__(self, own: OwnModem, rng) -> None:
        self._own = own
        self._rng = rng
        self.nid: bytes | None = None            # the network that we ask about
        self.held = False                        # a key is on its way: answers are about the network before
        self.watching = False
        self.link = False
        self.polls = 0
        self.peers: list[Peer] = []
        self.peers_at = -1
        self._working: set[Test] = set()         # questions that have given evidence for this link
        self._known: set[Test] = set()           # questions that this modem has answered at all
        self._evidence_at = -1                   # time of the last evidence since the last poll, -1 none
        self._misses = 0
        self._denials = 0
        self._vouched_until = -1
        self._polled_at = -t.LINK_POLL_JOINING
        self._last = NEVER                       # one more question at this time, when there is no link until then
        self._poll = Timer()
        self._assume = Timer()                   # modem without tests: believe in the link

    # --- commands

    def watch(self, now: int, last: int) -> None:
        """Test from now on, or when the pending key has been answered; LinkSeen and LinkGone follow. `last`: when it is asked a last time at the latest."""
        self._last = last
        self.watching = True
        self.link = False
        self._working.clear()
        self.peers = []
        self.peers_at = self._evidence_at = -1
        self._misses = self._denials = 0
        self._vouched_until = -1
        if not self.held:
            self.begin(now, 0)

    def unwatch(self) -> None:
        self.watching = self.link = False
        self.peers = []
        self.peers_at = -1
        self._poll.cancel()
        self._assume.cancel()

    def begin(self, now: int, delay: int) -> None:
        """The first question after `delay`."""
        self._poll.arm(now, delay)
        if not self._own.identified and not self.link:
            self._assume.arm(now, t.GENERIC_JOIN_WAIT)

    def vouch(self, now: int) -> None:
        """Upper layers have just heard the peer through the network."""
        if self.watching and not self.held:
            self._vouched_until = now + t.LINK_VOUCH_LEASE
            self._own.last_heard = now           # what upper layers hear came through the own modem
            self._evidence(now)

    def traffic(self, now: int) -> None:
        """A frame of the matched peer's host came that only the network carries (test f)."""
        if self.watching and not self.held:
            self._own.alive(now)
            self._evidence(now)

    def modem_changed(self) -> None:
        """Another modem answers other questions."""
        self._known.clear()
        self._working.clear()

    # --- answers

    def receive(self, m, now: int) -> None:
        kind, own = type(m), self._own
        if kind is CM_GET_KEY_CNF:
            self._on_get_key(m, now)
        elif kind is VS_NW_INFO_CNF:
            if own.spoke(m, now) and self.watching:
                stations = [s for n in m.networks if n.nid == self.nid for s in n.stations]
                self._tell_peers([Peer(s.mac, s.bda if any(s.bda) else None, s.avg_tx, s.avg_rx) for s in stations], now)
                self._answered(Test.NW_INFO_MMV1 if m.mmv else Test.NW_INFO_MMV0, bool(stations), now)
        elif kind is CM_NW_STATS_CNF:
            if own.spoke(m, now) and self.watching:
                if self.peers_at < 0 or not self._known & {Test.NW_INFO_MMV0, Test.NW_INFO_MMV1}:
                    self._tell_peers([Peer(s.mac, None, s.avg_tx, s.avg_rx) for s in m.stations], now)
                self._answered(Test.NW_STATS, bool(m.stations), now)
        elif kind is VS_PL_LINK_STATUS_CNF:
            if own.spoke(m, now) and self.watching and m.status == 0:
                self._answered(Test.PL_LINK_STATUS, m.link == 1, now)
        elif kind is NSCM_GET_D_LINK_STATUS_CNF or kind is VS_D_LINK_READY_IND:
            if own.spoke(m, now) and self.watching:
                self._answered(Test.D_LINK_STATUS, m.value == 1, now)
        elif kind is NSCM_GET_DEVICE_STATE_CNF:
            # a station has a coordinator by definition; a coordinator may be alone, so its state proves nothing
            if self.watching and m.src == own.mac and m.value == STATE_STA:
                self._answered(Test.D_LINK_STATUS, True, now)
        elif kind is VS_HOST_MESSAGE_STATUS_IND:
            if own.spoke(m, now) and self.watching:
                if m.value == HOST_JOINED:
                    self._answered(Test.D_LINK_STATUS, True, now)
                elif m.value == HOST_DISCONNECTED and self.link and not self.held:
                    self._poll.arm_at(max(now, self._polled_at + t.LINK_POLL_JOINING))       # do not believe it, ask; never faster than that

    def _on_get_key(self, m: CM_GET_KEY_CNF, now: int) -> None:
        """Each modem of our network answers the broadcast: an answer that is not of our end is the peer's.

        A modem grants its key (result 0) to its own host alone (sheet 1.5), so that such an answer is never the peer's.
        """
        own = self._own
        if m.dst != own.host_mac:
            return
        if m.src == own.mac:
            own.spoke(m, now)
        elif self.watching and own.mac is not None and m.nid == self.nid and m.result and m.src not in own.rivals:
            self._answered(Test.GET_KEY, True, now)

    def _answered(self, test: Test, joined: bool, now: int) -> None:
        self._known.add(test)
        if self.held:
            return                               # an answer about the network before
        if joined:
            self._working.add(test)
            self._denials = 0
            self._evidence(now)
        elif self.link and test in self._working and now >= self._vouched_until:
            self._denials += 1
            if self._denials >= t.LINK_DENIALS:
                self._gone()

    def _tell_peers(self, peers: list[Peer], now: int) -> None:
        if not self.held:
            self.peers = peers
            self.peers_at = now

    # --- time

    def handle_timer(self, now: int) -> None:
        if self._poll.take(now):
            self._poll_link(now)
        if self._assume.take(now) and not self.link:
            self._own.events.append(Note("this modem answers no question about the link: taken as joined", (), "warning"))
            self._evidence(now)

    def next_timer(self) -> int:
        return min(self._poll.at, self._assume.at)

    def _poll_link(self, now: int) -> None:
        """One poll: judge what the last one brought, then ask again."""
        vouched = now < self._vouched_until
        if self.link and self._working:
            if self._evidence_at < 0 and not vouched:
                self._misses += 1
                if self._misses >= t.LINK_MISSES:
                    self._gone()
                    return
            else:
                self._misses = 0
        self._evidence_at = -1
        self._polled_at = now
        self.polls += 1
        for test in self._questions():
            if not (vouched and test is Test.GET_KEY):
                self._ask(test)
        self._poll.arm(now, t.LINK_POLL_UP if self.link else t.LINK_POLL_JOINING)
        if not self.link and now < self._last < self._poll.at:
            self._poll.arm_at(self._last)

    def _questions(self) -> list[Test]:
        """While joining all that the kind knows; then what has worked: the best one, after a miss all of them."""
        if not (self.link and self._working):
            return [test for test in Test if test in self._own.kind.tests]
        working = [test for test in Test if test in self._working]
        if self._misses:
            return working
        asked = working[:1]
        if asked[0] not in NAMES_PEER:           # it may know the peer and the rates all the same
            asked += [test for test in Test if test in NAMES_PEER and test in self._known][:1]
        return asked

    def _ask(self, test: Test) -> None:
        own = self._own
        sparse = self.link or self.polls % 2 == 0            # once per second, every other poll while joining
        if test is Test.NW_INFO_MMV0:
            own.out.append(VS_NW_INFO_REQ(own.address, own.host_mac, 0))
        elif test is Test.NW_INFO_MMV1:
            own.out.append(VS_NW_INFO_REQ(own.address, own.host_mac, 1))
        elif test is Test.PL_LINK_STATUS:
            own.out.append(VS_PL_LINK_STATUS_REQ(own.address, own.host_mac))
        elif test is Test.D_LINK_STATUS:
            # as it answered before; else MMV 1 first, the other form when that stays silent (sheet 10 row 4)
            mmv = own.mmv if own.identified or self.polls % 4 < 2 else 0
            own.out.append(NSCM_GET_D_LINK_STATUS_REQ(own.address, own.host_mac, mmv))
            if sparse and not self.link:
                own.out.append(NSCM_GET_DEVICE_STATE_REQ(own.address, own.host_mac, mmv))
        elif test is Test.NW_STATS:
            if sparse:
                own.out.append(CM_NW_STATS_REQ(own.address, own.host_mac))
        elif sparse:
            own.out.append(CM_GET_KEY_REQ(BROADCAST, own.host_mac, self.nid or UNKNOWN_NID, self._rng.randbytes(4)))

    # --- verdicts

    def _evidence(self, now: int) -> None:
        self._evidence_at = now
        self._misses = 0
        if not self.link:
            self.link = True
            self._denials = 0
            self._assume.cancel()
            self._poll.arm(now, t.LINK_POLL_UP)
            self._own.events.append(LinkSeen())

    def _gone(self) -> None:
        self.unwatch()
        self._own.events.append(LinkGone())
