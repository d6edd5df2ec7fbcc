"""CM_AMP_MAP: which amplitude each side uses on each carrier, exchanged after the join where somebody asks for it.

A request of the matched peer is answered within TP_amp_map_exchange. A request of our own (`slac.request_amp_map`) is repeated
C_EV_match_retry times each TT_amp_map_exchange. Never seen on a wire (slac-and-network sheet 1.6, 10): the map is noted, not
applied, because no modem of section 4 lets its host set one; and a peer that does not answer is told, but keeps its link.
"""
from __future__ import annotations

from kernel.timer import Timer
from tasks.homeplug import timing as t
from tasks.homeplug.wire_keys import CM_AMP_MAP_CNF, CM_AMP_MAP_REQ
from tasks.machine import Note

GP_CARRIERS = 917                    # 1.8 to 28 MHz (sheet 1.6)
SUCCESS = 0


class AmpMap:
    """`answered`: requests of the peer. `confirmed`: what it said to ours, None before and when it said nothing."""

    def __init__(self, mac: bytes) -> None:
        self._mac = mac
        self.answered = 0
        self.confirmed: int | None = None
        self._peer = b""
        self._sends = 0
        self._retry = Timer()
        self._out: list = []
        self._events: list = []

    def request(self, peer_mac: bytes, now: int) -> None:
        """Ask the peer to take our map: the full amplitude (0) on every carrier."""
        self.confirmed = None
        self._peer = peer_mac
        self._sends = 0
        self._send(now)

    def stop(self) -> None:
        """The link is over."""
        self._retry.cancel()

    def receive(self, m: CM_AMP_MAP_REQ | CM_AMP_MAP_CNF, peer_mac: bytes | None, now: int) -> bool:
        """`peer_mac`: the matched peer, None when there is none. False: it is not for us."""
        if m.dst != self._mac or peer_mac is None or m.src != peer_mac:
            return False
        if type(m) is CM_AMP_MAP_REQ:
            if not m.amlen:                      # not to be answered (sheet 1.6)
                return False
            self.answered += 1
            if self.answered == 1:
                self._events.append(Note("the peer tells the amplitudes of %d carriers (CM_AMP_MAP.REQ)", (m.amlen,)))
            self._out.append(CM_AMP_MAP_CNF(m.src, self._mac, SUCCESS))
            return True
        if not self._retry.armed:
            return False
        self._retry.cancel()
        self.confirmed = m.result
        if m.result != SUCCESS:
            self._events.append(Note("the peer refuses our amplitude map (CM_AMP_MAP.CNF with result %d)", (m.result,), "warning"))
        return True

    def handle_timer(self, now: int) -> None:
        if not self._retry.take(now):
            return
        if self._sends > t.C_EV_match_retry:
            self._events.append(Note("the peer does not answer CM_AMP_MAP.REQ; the link goes on without (slac.request_amp_map)", (), "warning"))
        else:
            self._send(now)

    def outgoing(self) -> list:
        out, self._out = self._out, []
        return out

    def events(self) -> list:
        events, self._events = self._events, []
        return events

    def next_timer(self) -> int:
        return self._retry.at

    def _send(self, now: int) -> None:
        self._sends += 1
        self._out.append(CM_AMP_MAP_REQ(self._peer, self._mac, GP_CARRIERS, bytes((GP_CARRIERS + 1) // 2)))
        self._retry.arm(now, t.TT_amp_map_exchange)
