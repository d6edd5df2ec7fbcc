"""The host's own modem: find it, give it keys, and test whether the peer's modem is in the same network.

Theory: a modem is reached under a fixed local address that never goes out on the power line. A new key makes it restart
and be silent for up to 5 s, which is normal. Whether two modems have joined is not told by any single message that all
modems know, so several questions are asked and any positive answer counts (slac-and-network sheet 4.3, tests a, b, c, f).
Once a question has proven itself for this link only that one is asked. When upper layers vouch for the peer, polling
becomes sparse and never broadcasts. A modem that answers no question at all ("generic") is believed to have joined after a while;
the timeouts of SDP and TCP are then the judges. Nothing that arrives here can change our key: this machine only sends keys.
"""
from __future__ import annotations

from enum import Enum, auto

from kernel.timer import Timer
from tasks.homeplug import timing as t
from tasks.homeplug.config import SlacConfig
from tasks.homeplug.events import KeyTaken, KeyUnanswered, LinkGone, LinkSeen, ModemBack, ModemFound, ModemLost
from tasks.homeplug.wire_header import BROADCAST, LOCAL_DEVICE
from tasks.homeplug.wire_keys import CM_GET_KEY_CNF, CM_GET_KEY_REQ, CM_SET_KEY_CNF, CM_SET_KEY_REQ, RESULTS_ANSWERED
from tasks.homeplug.wire_modem import (DEVICE_CLASSES, VS_NW_INFO_CNF, VS_NW_INFO_REQ, VS_OP_ATTRIBUTES_CNF,
                                       VS_OP_ATTRIBUTES_REQ, VS_PL_LINK_STATUS_CNF, VS_PL_LINK_STATUS_REQ, VS_SW_VER_CNF,
                                       VS_SW_VER_REQ)
from tasks.machine import Note

UNKNOWN_NID = bytes(7)


class Test(Enum):
    """The questions by which a link can be proven."""

    __test__ = False                     # not a test class, whatever pytest thinks of its name

    NW_INFO_MMV0 = auto()
    NW_INFO_MMV1 = auto()
    PL_LINK_STATUS = auto()
    GET_KEY = auto()                     # broadcast: how many modems answer



class Modem:
    """`host_mac`: our own interface. `mac`: the modem's, None until it answered. `link`: is the peer's modem in our network.

    Counters: `foreign` answers that claim to be the own modem's but are not, `refused` keys, `key_sends`, `polls`.
    """

    def __init__(self, config: SlacConfig, host_mac: bytes, rng) -> None:
        self._host_mac = host_mac
        self._rng = rng
        self._no_vendor = config.modem_kind == "generic"
        self._identified = False                 # it answered VS_SW_VER; until then it is treated as generic
        self.mac: bytes | None = None
        self.nid: bytes | None = None
        self.link = False
        self.watching = False
        self.foreign = 0
        self.refused = 0
        self.key_sends = 0
        self.polls = 0
        self._nmk = b""
        self._key_pending = False
        self._key_nonce = bytes(4)
        self._was_away = False
        self._restarting = False
        self._last_heard = 0
        self._working: set[Test] = set()         # questions that have given evidence for this link
        self._evidence_at = -1                   # time of the last evidence since the last poll, -1 none
        self._misses = 0
        self._denials = 0
        self._vouched_until = -1
        self._search = Timer()
        self._search_wide = Timer()
        self._key_retry = Timer()
        self._key_limit = Timer()
        self._poll = Timer()
        self._assume = Timer()                   # generic modem: believe in the link
        self._out: list = []
        self._events: list = []
        if not self._no_vendor:
            self._search.arm_at(0)               # ask as soon as time begins

    # --- commands

    def set_key(self, nid: bytes, nmk: bytes, now: int) -> None:
        """Give the modem a key; repeated until it answers, KeyTaken or KeyUnanswered follows."""
        self.nid = nid
        self._nmk = nmk
        self._key_pending = True
        self._restarting = False
        self._key_limit.arm(now, t.SET_KEY_LIMIT)
        if self.mac is None and not self._no_vendor:
            self._key_retry.arm(now, t.SET_KEY_AWAITS_SEARCH)
        else:
            self._send_key(now)

    def watch_link(self, now: int) -> None:
        """Test the link from now on; LinkSeen and LinkGone follow. Starts when a pending key has been answered."""
        self.watching = True
        self.link = False
        self._working.clear()
        self._evidence_at = -1
        self._misses = self._denials = 0
        self._vouched_until = -1
        if not self._key_pending:
            self._begin_polls(now, 0)

    def unwatch_link(self) -> None:
        """Stop testing; the peer is not expected any more."""
        self.watching = False
        self.link = False
        self._poll.cancel()
        self._assume.cancel()

    def vouch(self, now: int) -> None:
        """Upper layers have just heard the peer through the network: evidence, and no need to ask often."""
        if not self.watching or self._key_pending:
            return
        self._vouched_until = now + t.LINK_VOUCH_LEASE
        self._last_heard = now                   # what upper layers hear came through the own modem
        self._evidence(now)

    # --- the five verbs

    def receive(self, m, now: int) -> None:
        """A parsed message that arrived at our interface."""
        kind = type(m)
        if kind is VS_SW_VER_CNF:
            self._on_sw_ver(m, now)
        elif kind is CM_SET_KEY_CNF:
            self._on_set_key(m, now)
        elif kind is CM_GET_KEY_CNF:
            self._on_get_key(m, now)
        elif kind is VS_NW_INFO_CNF:
            if self._from_own_modem(m, now) and self.watching:
                joined = any(n.stations for n in m.networks if n.nid == self.nid)
                self._answered(Test.NW_INFO_MMV1 if m.mmv else Test.NW_INFO_MMV0, joined, now)
        elif kind is VS_PL_LINK_STATUS_CNF:
            if self._from_own_modem(m, now) and self.watching and m.status == 0:
                self._answered(Test.PL_LINK_STATUS, m.link == 1, now)
        elif kind is VS_OP_ATTRIBUTES_CNF:
            if self._from_own_modem(m, now) and m.hardware:
                self._events.append(Note("modem %s: hardware %s, software %s", (self.mac.hex(":"), m.hardware, m.software)))

    def handle_timer(self, now: int) -> None:
        if self._search.take(now):
            self._search_modem(now)
        if self._search_wide.take(now) and self.mac is None:
            self._out.append(VS_SW_VER_REQ(BROADCAST, self._host_mac))
        if self._key_limit.take(now):
            self._key_pending = False
            self._key_retry.cancel()
            self._events.append(Note("modem does not confirm the key", (), "warning"))
            self._events.append(KeyUnanswered())
            self._was_away = self.mac is None
            if self.watching:
                self._begin_polls(now, 0)
        if self._key_retry.take(now):
            self._send_key(now)
        if self._poll.take(now):
            self._poll_link(now)
        if self._assume.take(now) and not self.link:
            self._events.append(Note("this modem answers no question about the link: taken as joined", (), "warning"))
            self._evidence(now)

    def outgoing(self) -> list:
        out, self._out = self._out, []
        return out

    def events(self) -> list:
        events, self._events = self._events, []
        return events

    def next_timer(self) -> int:
        return min(self._search.at, self._search_wide.at, self._key_retry.at, self._key_limit.at, self._poll.at,
                   self._assume.at)

    # --- presence

    def _search_modem(self, now: int) -> None:
        if self._identified:
            silent = now - self._last_heard
            if silent >= t.MODEM_SILENT_LIMIT:
                self._events.append(Note("modem %s is silent for %d s", (self.mac.hex(":"), silent // 1_000_000_000), "warning"))
                self._events.append(ModemLost())
                self.mac = None
                self._identified = False
                self._was_away = bool(self._nmk)
            elif self._restarting:
                self._out.append(VS_SW_VER_REQ(LOCAL_DEVICE, self._host_mac))
                self._search.arm(now, t.MODEM_RESTART_POLL)
                return
            elif silent < t.MODEM_PRESENCE_INTERVAL:
                self._search.arm_at(self._last_heard + t.MODEM_PRESENCE_INTERVAL)
                return
        self._out.append(VS_SW_VER_REQ(LOCAL_DEVICE, self._host_mac))
        if self.mac is None:
            self._search_wide.arm(now, t.MODEM_SEARCH_BROADCAST_DELAY)
        self._search.arm(now, t.MODEM_SEARCH_INTERVAL)

    def _on_sw_ver(self, m: VS_SW_VER_CNF, now: int) -> None:
        if m.dst != self._host_mac or m.status:
            return
        if not self._identified and self.mac in (None, m.src):
            self.mac = m.src
            self._identified = True
            self._search_wide.cancel()
            chip = DEVICE_CLASSES.get(m.device_class, f"class 0x{m.device_class:02x}")
            self._events.append(ModemFound(m.src, f"{chip} {m.version}"))
            if m.version.startswith("BootLoader"):
                self._events.append(Note("modem runs its boot loader: it has no firmware or PIB", (), "error"))
            if self._key_pending:
                self._send_key(now)
            elif self._was_away:                 # it may have lost the key
                self._was_away = False
                self.set_key(self.nid, self._nmk, now)
            self._out.append(VS_OP_ATTRIBUTES_REQ(LOCAL_DEVICE, self._host_mac, self._rng.randbytes(4)))
        if self._from_own_modem(m, now):
            self._search.arm_at(now + t.MODEM_PRESENCE_INTERVAL)

    def _from_own_modem(self, m, now: int) -> bool:
        """Is this answer for us and from the own modem? Takes it as a sign of life."""
        if m.dst != self._host_mac or self.mac is None:
            return False
        if m.src != self.mac:
            self.foreign += 1
            return False
        self._last_heard = now
        if self._restarting:
            self._restarting = False
            self._events.append(ModemBack())
        return True

    # --- keys

    def _send_key(self, now: int) -> None:
        self._key_nonce = self._rng.randbytes(4)
        self.key_sends += 1
        self._out.append(CM_SET_KEY_REQ(LOCAL_DEVICE, self._host_mac, self.nid, self._nmk, self._key_nonce))
        self._key_retry.arm(now, t.SET_KEY_RETRY)

    def _on_set_key(self, m: CM_SET_KEY_CNF, now: int) -> None:
        if not self._key_pending or m.dst != self._host_mac:
            return
        # with a modem still unknown only the echo of our nonce tells the own modem's answer from others
        if self.mac is None:
            if m.your_nonce != self._key_nonce:
                self.foreign += 1
                return
            self.mac = m.src
            self._events.append(ModemFound(m.src, "generic"))
        elif not self._from_own_modem(m, now):
            return
        if m.result not in RESULTS_ANSWERED:
            self.refused += 1                    # the retry is already armed
            return
        self._key_pending = False
        self._restarting = True
        self._key_retry.cancel()
        self._key_limit.cancel()
        self._events.append(KeyTaken())
        if self._identified:
            self._search.arm(now, t.MODEM_RESTART_POLL)
        if self.watching:
            self._begin_polls(now, t.LINK_POLL_JOINING)

    # --- link test

    def _begin_polls(self, now: int, delay: int) -> None:
        self._poll.arm(now, delay)
        if not self._identified:
            self._assume.arm(now, t.GENERIC_JOIN_WAIT)

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
        self.polls += 1
        first = True
        for test in Test:                        # local questions come first in the Enum
            if self.link and self._working:      # ask what has worked: the first of them, all of them after a miss
                asked = test in self._working and (first or self._misses > 0)
            else:
                asked = test is Test.GET_KEY or not self._no_vendor
            if asked and not (vouched and test is Test.GET_KEY):
                first = False
                self._ask(test)
        if not self.link:
            self._poll.arm(now, t.LINK_POLL_JOINING)
        else:
            self._poll.arm(now, t.LINK_POLL_VOUCHED if vouched else t.LINK_POLL_UP)

    def _ask(self, test: Test) -> None:
        if test is Test.NW_INFO_MMV0:
            self._out.append(VS_NW_INFO_REQ(LOCAL_DEVICE, self._host_mac, 0))
        elif test is Test.NW_INFO_MMV1:
            self._out.append(VS_NW_INFO_REQ(LOCAL_DEVICE, self._host_mac, 1))
        elif test is Test.PL_LINK_STATUS:
            self._out.append(VS_PL_LINK_STATUS_REQ(LOCAL_DEVICE, self._host_mac))
        elif self.link or self.polls % 2 == 0:   # broadcast: once per second, every other poll while joining
            self._out.append(CM_GET_KEY_REQ(BROADCAST, self._host_mac, self.nid or UNKNOWN_NID, self._rng.randbytes(4)))

    def _on_get_key(self, m: CM_GET_KEY_CNF, now: int) -> None:
        """Each modem of our network answers the broadcast: an answer that is not the own modem's is the peer's."""
        if m.dst != self._host_mac:
            return
        if m.src == self.mac:
            self._from_own_modem(m, now)
        elif self.watching and not self._key_pending and self.mac is not None and m.nid == self.nid:
            self._answered(Test.GET_KEY, True, now)

    def _answered(self, test: Test, joined: bool, now: int) -> None:
        if self._key_pending:
            return                               # an answer about the network before
        if joined:
            self._working.add(test)
            self._denials = 0
            self._evidence(now)
        elif self.link and test in self._working and now >= self._vouched_until:
            self._denials += 1
            if self._denials >= t.LINK_DENIALS:
                self._gone()

    def _evidence(self, now: int) -> None:
        self._evidence_at = now
        self._misses = 0
        if not self.link:
            self.link = True
            self._denials = 0
            self._assume.cancel()
            self._poll.arm(now, t.LINK_POLL_UP)
            self._events.append(LinkSeen())

    def _gone(self) -> None:
        self.link = False
        self.watching = False
        self._poll.cancel()
        self._assume.cancel()
        self._events.append(LinkGone())
