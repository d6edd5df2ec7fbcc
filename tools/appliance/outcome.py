"""Decides when one box may leave, and with which exit code."""
from __future__ import annotations

from drivers.process import Process
from kernel.clock import MonotonicClock
from kernel.scheduler import Kernel
from kernel.timer import S, Timer
from tasks.connection.ladder import PAUSES
from tasks.signals import Signals
from tasks.stop_reasons import NORMAL_ENDS
from tasks.table import Table

RESTING = frozenset({None, "Unplugged", "WaitPilot", "Pausing", "Finished", "Failed"})     # connection states without a session
GOING_ON = PAUSES | {None}   # reasons that are no end
STOP_LIMIT = 20 * S          # an orderly end takes 2 to 10 s (field sheet 6); after this the outputs are made safe at once
SAFE_LIMIT = 5 * S           # state B, current gone or 1.5 s, contactors open (tasks/safety: emergency_open_ms, contactor_travel_ms)
UNLOCK_LIMIT = 5 * S         # after an end: time for unplugging and the last frames


class Outcome:
    """`may_leave` is asked after each visit. It is never true while the outputs are not safe."""

    def __init__(self, signals: Signals, table: Table, kernel: Kernel, system: Process, clock: MonotonicClock, *, once: bool) -> None:
        self._signals = signals
        self._table = table
        self._kernel = kernel
        self._system = system
        self._clock = clock
        self._once = once
        self._forced = False
        self._stop = Timer()
        self._linger = Timer()

    def may_leave(self) -> bool:
        """Also forces the safe shutdown when an asked-for end takes too long or somebody insists."""
        now = self._clock.now()
        if self._kernel.fault is not None or self._table.broken:
            return self._table.safe
        resting = self._signals.connection_state.value in RESTING
        if self._system.terminate:
            if not self._stop.armed:
                self._stop.arm(now, STOP_LIMIT)
            insists = self._system.insists > 1
            if not self._forced and (insists or self._stop.expired(now)):
                self._forced = True
                self._table.on_fault(now, "somebody who asked a second time to leave: the safe state at once" if insists else
                                     f"an orderly end that was asked for and took more than {STOP_LIMIT // S} s")
            return self._table.safe and (resting or self._forced)
        if self._once and resting and self._signals.stop_reason.value not in GOING_ON:
            if not self._linger.armed:
                self._linger.arm(now, UNLOCK_LIMIT)
            ended = self._signals.connection_state.value == "Unplugged" or self._linger.expired(now)
            return ended and self._table.safe
        return False

    def make_safe(self) -> None:
        """Whatever ended the loop: bring the outputs to their safe state before the process goes, within SAFE_LIMIT."""
        if self._table.safe:
            return
        now = self._clock.now()
        self._forced = True
        self._table.on_fault(now, "the end of the main loop")
        give_up = now + SAFE_LIMIT
        self._kernel.run(self._clock, until=lambda: self._table.safe or self._clock.now() >= give_up)

    def exit_code(self) -> int:
        """0: ended in order, or asked to leave while nothing was going on. 1: anything else."""
        if self._kernel.fault is not None or self._table.broken or self._forced or self._signals.safety_trip.value:
            return 1
        reason = self._signals.stop_reason.value
        if reason is None:
            return 1 if self._once else 0
        return 0 if reason in NORMAL_ENDS else 1
