"""Decides when one box may leave, why, and with which exit code."""
from __future__ import annotations

from drivers.process import Process
from kernel.clock import MonotonicClock
from kernel.journal import Journal
from kernel.scheduler import Kernel
from kernel.timer import MS, S, Timer
from tasks.connection.ladder import PAUSES
from tasks.safety.trips import END_OVERDUE, INSISTED
from tasks.signals import Signals
from tasks.stop_reasons import NORMAL_ENDS, StopReason
from tasks.table import Table

RESTING = frozenset({None, "Unplugged", "WaitPilot", "Pausing", "Finished", "Failed"})     # connection states without a session
GOING_ON = PAUSES | {None}   # reasons that are no end
STOP_LIMIT = 20 * S          # an orderly end takes 2 to 10 s (field sheet 6); after this the outputs are made safe at once
SAFE_LIMIT = 5 * S           # state B, current gone or 1.5 s, contactors open (tasks/safety: emergency_open_ms, contactor_travel_ms)
STAY_EVERY = 30 * S          # how often it is told why an asked-for end does not come
STAYS = ("not leaving, although asked to: the outputs are not known to be safe (contactors not confirmed open; the trip above says what). Mend the device that "
         "says so, or switch the high voltage off and end this process with kill -9: the guard then keeps the outputs safe.")
LAST_FRAMES = 200 * MS       # leaving after a session that has ended: the last answer and the FIN reach the peer; what else an end has time for (FAREWELL) is not waited for
UNLOCK_LIMIT = 5 * S         # after an end: time for unplugging and the last frames
DEAD_V = 50.0                # inlet or output below this after unplugging: as pyPLC's exit_on_session_end (its hardwareInterface.py:631)


class Outcome:
    """`may_leave` is asked after each visit. It is never true while the outputs are not safe."""

    def __init__(self, signals: Signals, table: Table, kernel: Kernel, system: Process, clock: MonotonicClock, *, once: bool,
                 on_session_end: bool = False, journal: Journal | None = None) -> None:
        """`once`: leave after one try, whatever became of it. `on_session_end`: after a session, or when unplugged (ExitConfig)."""
        self._signals = signals
        self._table = table
        self._kernel = kernel
        self._system = system
        self._clock = clock
        self._once = once
        self._on_session_end = on_session_end
        self._journal = journal
        self._told = False
        self._plugged = False        # since this program runs
        self._had_session = False
        self._measures: set[str] = set()         # which voltages this box has ever known
        self._forced = False
        self._stop = Timer()
        self._linger = Timer()
        self._stay = Timer()

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
                why, cause = (("somebody asked a second time to leave", INSISTED) if insists else
                              (f"an orderly end that was asked for took more than {STOP_LIMIT // S} s", END_OVERDUE))
                self._table.on_fault(now, why, cause)
                self._stay.arm(now, SAFE_LIMIT)
            if self._stay.expired(now) and not self._table.safe and self._journal is not None:
                self._stay.arm(now, STAY_EVERY)
                self._journal.note(now, "main", "%s", STAYS, level="warning")
            if self._signals.connection_state.value == "Ending" and self._table.safe and not self._linger.armed:
                self._linger.arm(now, LAST_FRAMES)
            return self._table.safe and (resting or self._forced or self._linger.expired(now))
        if self._once and resting and self._signals.stop_reason.value not in GOING_ON:
            if not self._linger.armed:
                self._linger.arm(now, UNLOCK_LIMIT)
            ended = self._signals.connection_state.value == "Unplugged" or self._linger.expired(now)
            return ended and self._table.safe
        why = self._over(now) if self._on_session_end else ""
        if why and self._table.safe:
            if self._journal is not None and not self._told:
                self._told = True
                self._journal.note(now, "main", "leaving with exit code %d: %s", self.exit_code(), why)
            return True
        return False

    def _over(self, now: int) -> str:
        """Why there is nothing left to wait for, "" while there is."""
        state, reason = self._signals.connection_state.value, self._signals.stop_reason.value
        self._measures |= {s.name for s in (self._signals.inlet_voltage, self._signals.output_voltage) if s.value is not None}
        if state == "Unplugged":
            if self._plugged and self._dead(now):
                return "unplugged" + ("" if reason is None else f" ({reason.text})")
            return ""
        self._plugged |= state is not None
        self._had_session |= state == "Session"
        if not self._had_session or state not in RESTING or reason in GOING_ON:
            return ""
        if state in ("Finished", "Failed"):          # nothing begins by itself; time for the lock and for unplugging
            if not self._linger.armed:
                self._linger.arm(now, UNLOCK_LIMIT)
            if not self._linger.expired(now):
                return ""
        return f"the session has ended ({reason.text})"

    def _dead(self, now: int) -> bool:
        """No voltage where a plug was. What this box never measured does not hold it; what it has measured and does not know now does."""
        known = {s.name: s.get(now) for s in (self._signals.inlet_voltage, self._signals.output_voltage) if s.name in self._measures}
        return all(volts is not None and -DEAD_V < volts < DEAD_V for volts in known.values())

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
        if self._on_session_end and reason is StopReason.UNPLUGGED and not self._had_session:
            return 0                     # plugged in, and out again before anything began
        return 0 if reason in NORMAL_ENDS else 1
