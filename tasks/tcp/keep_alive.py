"""Keep-alive: asks a silent peer whether it still lives (RFC 9293 3.8.4); off unless the configuration names a time."""
from __future__ import annotations

from kernel.timer import NEVER, S
from tasks.tcp.timing import KEEP_ALIVE_INTERVAL, KEEP_ALIVE_PROBES


class KeepAlive:
    """`at` is when something is to be done. Whatever the peer sends is an answer; no single lost probe means a lost peer."""

    __slots__ = ("at", "idle", "unanswered")

    def __init__(self, idle_s: int) -> None:
        self.idle = idle_s * S           # 0: off
        self.at = NEVER
        self.unanswered = 0

    def heard(self, now: int) -> None:
        """The peer has sent something."""
        if self.idle:
            self.at = now + self.idle
            self.unanswered = 0

    def cancel(self) -> None:
        self.at = NEVER

    def due(self, now: int, open_: bool, busy: bool) -> bool:
        """True when a probe is to be sent now; `hopeless` says when there is no use in more.

        `busy`: something is queued or in flight; retransmission and the user timeout watch the peer then. Neither is
        there anything to ask a connection that is closing (not `open_`): each of those states has its own limit.
        """
        if now < self.at:
            return False
        if busy or not open_:
            self.at = now + self.idle if open_ else NEVER
            self.unanswered = 0
            return False
        self.at = now + KEEP_ALIVE_INTERVAL
        self.unanswered += 1
        return True

    @property
    def hopeless(self) -> bool:
        return self.unanswered > KEEP_ALIVE_PROBES
