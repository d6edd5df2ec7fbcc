"""One request to the own modem at a time: repeated until its answer comes, given up at a limit. Base of the PIB machines.

Repeats are harmless by protocol: a block is written to its offset again, a session with the same cookie begins anew, and
the modem works off requests in the order of their arrival. The limits are those of the sheet (1.8); the repeats are far
shorter than these, for a lost frame costs no modem 90 s of work.
"""
from __future__ import annotations

from typing import Callable

from kernel.timer import S, Timer
from tasks.homeplug.wire_module import VS_MODULE_OPERATION_CNF, VS_MODULE_OPERATION_REQ

READ_LIMIT, SESSION_LIMIT, WRITE_LIMIT = 5 * S, 60 * S, 90 * S       # 1.8
READ_REPEAT, WRITE_REPEAT = 1 * S, 3 * S


class ModuleExchange:
    """`modem`: the MAC whose answers count. Counters: `requests`, `repeats`, `foreign` (answers of others), `stray` (not awaited)."""

    def __init__(self, host_mac: bytes, dst: bytes, modem: bytes) -> None:
        self._host_mac = host_mac
        self._dst = dst
        self.modem = modem
        self.requests = 0
        self.repeats = 0
        self.foreign = 0
        self.stray = 0
        self._request = None
        self._is_answer: Callable[[VS_MODULE_OPERATION_CNF], bool] | None = None
        self._repeat_every = 0
        self._repeat = Timer()
        self._limit = Timer()
        self._out: list = []
        self._events: list = []

    def outgoing(self) -> list:
        out, self._out = self._out, []
        return out

    def events(self) -> list:
        events, self._events = self._events, []
        return events

    def next_timer(self) -> int:
        return min(self._repeat.at, self._limit.at)

    # --- for the machines above

    def _ask_module(self, step, now: int, repeat: int, limit: int, is_answer: Callable[[VS_MODULE_OPERATION_CNF], bool]) -> None:
        self._is_answer = is_answer
        self._send(VS_MODULE_OPERATION_REQ(self._dst, self._host_mac, step), now, repeat, limit)

    def _send(self, request, now: int, repeat: int, limit: int) -> None:
        """Send and repeat until `_quiet`."""
        self._request = request
        self._repeat_every = repeat
        self.requests += 1
        self._out.append(request)
        self._repeat.arm(now, repeat)
        self._limit.arm(now, limit)

    def _quiet(self) -> None:
        """Nothing is awaited any more."""
        self._request = None
        self._is_answer = None
        self._repeat.cancel()
        self._limit.cancel()

    def _for_us(self, m) -> bool:
        """An answer to this host from the modem in question."""
        if m.dst != self._host_mac:
            return False
        if m.src != self.modem:
            self.foreign += 1
            return False
        return True

    def _awaited(self, m) -> bool:
        """Is this the answer to what was asked last? Then nothing more is repeated."""
        if type(m) is not VS_MODULE_OPERATION_CNF or not self._for_us(m):
            return False
        if self._is_answer is None or not self._is_answer(m):
            self.stray += 1
            return False
        self._quiet()
        return True

    def _repeat_or_give_up(self, now: int) -> bool:
        """True when the limit has passed without an answer."""
        if self._limit.take(now):
            self._quiet()
            return True
        if self._repeat.take(now):
            self.repeats += 1
            self._out.append(self._request)
            self._repeat.arm(now, self._repeat_every)
        return False
