"""Give the own modem a key: repeated until it answers, its answer read as its maker means it (slac-and-network sheet 1.5).

Qualcomm says 1 when it has taken the key, Lumissil and VertexCom say 0, and 1 there is the failure that HomePlug's text calls it.
A Qualcomm modem's 0 is known from modems at the other end only; from the proven own one it counts as an answer, and the link decides.
"""
from __future__ import annotations

from kernel.timer import Timer
from tasks.homeplug import timing as t
from tasks.homeplug.events import KeyTaken, KeyUnanswered
from tasks.homeplug.modem_own import OwnModem
from tasks.homeplug.modem_search import ModemSearch
from tasks.homeplug.wire_header import BROADCAST, LOCAL_DEVICE
from tasks.homeplug.wire_keys import CM_SET_KEY_CNF, CM_SET_KEY_REQ
from tasks.machine import Note

LOCAL_TRIES = 3            # keys to the local address before an unknown modem is also tried by its name or by broadcast: some know no local address (sheet 1.2)
UNCONFIRMED = ("modem does not confirm the key in %d s. Check its supply and the cable or SPI connection; slac.modem_kind when it is "
               "another make than it was taken for")
REFUSED = "modem refuses the key (CM_SET_KEY.CNF result %d, from a %s): slac.modem_kind says what is taken for success"
DOUBTFUL = "modem %s answers the key with result %d, which its make uses for a refusal: whether it has it the link test will show"


class KeySetter:
    """`pending`: a key is on its way. `nid`, `nmk`: the network that the modem is to be in. Counts `refused` and `sends`."""

    def __init__(self, own: OwnModem, search: ModemSearch, rng, searches: bool) -> None:
        """`searches`: the modem is looked for, so that a key may wait a little for it."""
        self._own = own
        self._search = search
        self._rng = rng
        self._searches = searches
        self.nid: bytes | None = None
        self.nmk = b""
        self.pending = False
        self.refused = 0
        self.sends = 0
        self._tries = 0
        self._result: int | None = None
        self._nonce = bytes(4)
        self._local = True                       # the last key did not go out on the line
        self._retry = Timer()
        self._limit = Timer()

    def set(self, nid: bytes, nmk: bytes, now: int) -> None:
        """KeyTaken or KeyUnanswered follows."""
        self.nid = nid
        self.nmk = nmk
        self.pending = True
        self._tries = 0
        self._result = None
        self._own.restarting = False
        self._limit.arm(now, t.SET_KEY_LIMIT)
        if self._own.mac is None and self._searches:
            self._retry.arm(now, t.SET_KEY_AWAITS_SEARCH)
        else:
            self._send(now)

    def again(self, now: int) -> None:
        """The modem has been found: at once what was waiting, or what it may have lost."""
        if self.pending:
            self._send(now)
        elif self.nmk:
            self.set(self.nid, self.nmk, now)

    def handle_timer(self, now: int) -> bool:
        """True when the limit is over: the modem never confirmed the key."""
        over = self._limit.take(now)
        if over:
            self.pending = False
            self._retry.cancel()
            if self._result is None:
                self._own.events.append(Note(UNCONFIRMED, (t.SET_KEY_LIMIT // 1_000_000_000,), "warning"))
            else:
                self._own.events.append(Note(REFUSED, (self._result, self._own.kind.name), "warning"))
            self._own.events.append(KeyUnanswered())
            self._search.gone_with_key = self._own.mac is None
        if self._retry.take(now):
            self._send(now)
        return over

    def next_timer(self) -> int:
        return min(self._retry.at, self._limit.at)

    def _send(self, now: int) -> None:
        own = self._own
        self._nonce = self._rng.randbytes(4)
        self._tries += 1
        self.sends += 1
        dst = own.address
        if not own.identified and self._tries > LOCAL_TRIES and self._tries % 2 == 0:
            dst = own.mac or BROADCAST
        self._local = dst == LOCAL_DEVICE
        own.out.append(CM_SET_KEY_REQ(dst, own.host_mac, self.nid, self.nmk, self._nonce))
        self._retry.arm(now, t.SET_KEY_RETRY)

    def receive(self, m: CM_SET_KEY_CNF, now: int) -> bool:
        """True when the modem has taken the key with this answer."""
        own = self._own
        if not self.pending or m.dst != own.host_mac:
            return False
        # a nonce that went to the local address alone has been heard at our end only
        if (own.mac is None or m.src != own.mac) and (m.your_nonce != self._nonce or not self._search.prove(m.src, self._local, now)):
            own.foreign += 1
            return False
        if m.your_nonce == self._nonce and self._local and not own.proven:
            self._search.prove(m.src, True, now)
        if not own.spoke(m, now):
            return False
        if m.result not in own.kind.taken:
            self.refused += 1                    # the retry is already armed
            self._result = m.result
            return False
        if m.result in own.kind.doubtful:
            own.events.append(Note(DOUBTFUL, (own.mac.hex(":"), m.result), "warning"))
        self.pending = False
        own.restarting = True
        self._retry.cancel()
        self._limit.cancel()
        own.events.append(KeyTaken())
        self._search.restarted(now)
        return True
