"""The row `safety` of an AC charger: mains contactor, pilot duty, and the socket's lock where there is one."""
from __future__ import annotations

from drivers.interfaces import ConnectorLock, Contactors, PilotSource, PilotState
from kernel.journal import Journal
from kernel.timer import MS
from tasks.safety.ac_supervisor import AcSupervisor
from tasks.safety.adapter import SupervisorTask
from tasks.safety.charger_supervisor import STEADY, shown
from tasks.safety.config import SafetyConfig
from tasks.safety.facts import AcFacts, AcRequests
from tasks.safety.feedback import Assumed
from tasks.signals import Signals


class AcSafetyTask(SupervisorTask):
    """`lock` None where the cable is fixed to the charger."""

    def __init__(self, pilot_source: PilotSource, contactor: Contactors, lock: ConnectorLock | None, signals: Signals, config: SafetyConfig,
                 journal: Journal, *, fast: bool = True) -> None:
        s = signals
        limits = config.ac
        super().__init__(AcSupervisor(limits, lock=lock is not None), (
            s.pilot_state, s.pilot_duty, s.ac_current, s.residual_current, s.connection_alive, s.stop_button),
            (s.ac_request, s.by_pilot_request, s.pilot_duty_request, s.lock_request), s, journal, fast)
        self.facts = AcFacts()
        self.requests = AcRequests()
        self._s = s
        self._pilot_source = pilot_source
        self._contactor = contactor
        s.lock_assumed.claim("safety").set(not limits.lock_feedback_fitted, 0)
        self._lock = Assumed(lock, limits.lock_travel_ms * MS) if lock is not None and not limits.lock_feedback_fitted else lock
        if not limits.residual_current_fitted:
            journal.note(0, "safety", "NO RESIDUAL CURRENT DETECTOR is read (safety.ac.residual_current_fitted: false): the installation must have an RCD "
                         "that is sensitive to DC (type B, or type A with 6 mA DC detection).", level="warning")
        self._set_contactors: bool | None = None       # what the drivers have acknowledged
        self._set_duty: float | None = None
        self._set_lock: bool | None = None

    @property
    def safe(self) -> bool:
        """Contactor confirmed open and steady +12 V acknowledged: the process may end. The lock may still hold the plug."""
        return self._set_contactors is False and self.facts.contactors is False and self._set_duty == STEADY

    def _feedback(self, now: int) -> tuple[bool | None, bool | None]:
        return self._contactor.feedback(now), None if self._lock is None else self._lock.feedback(now)

    def _gather(self, values: list, now: int) -> None:
        f, r = self.facts, self.requests
        f.pilot, f.duty, f.current, f.residual_current, f.connection_alive, f.stop_button, close, by_pilot, duty, lock = values
        f.current_at = self._s.ac_current.at
        f.duty_set = self._set_duty
        r.close = close is True
        r.by_pilot = by_pilot is True and close is None
        r.ended = close is False
        r.duty = duty
        r.lock = lock is True
        r.lapsed = close is None and self._lapsed(now)

    def _step(self, now: int) -> None:
        self.supervisor.step(self.facts, self.requests, now)

    def _apply(self, now: int) -> bool:
        """The contactor before everything else; each output by itself, so that one that refuses holds up no other."""
        out = self.supervisor.outputs
        refused = False
        if out.contactors != self._set_contactors:
            if self._contactor.set_closed(out.contactors, now):
                self._set_contactors = out.contactors
            else:
                refused = True
        if out.duty != self._set_duty:
            if self._pilot_source.set_duty(shown(out.duty), now):
                self._set_duty = out.duty
            else:
                refused = True
        if out.lock is not None and out.lock != self._set_lock:          # None where there is no lock
            if self._lock.set_locked(out.lock, now):
                self._set_lock = out.lock
            else:
                refused = True
        return self._judge(refused, now)

    def _pilot(self) -> PilotState | None:
        """A charger commands a duty, not a state."""
        return None

    def _last_resort(self, bound_over: bool) -> list[tuple]:
        """Open at once: an AC contactor waits for nobody. The PWM goes when a car had time to be told."""
        return [(self._acknowledge_contactors,), (self._acknowledge_steady,)] if bound_over else [(self._acknowledge_contactors,)]

    def _acknowledge_contactors(self, now: int) -> None:
        self._set_contactors = False if self._contactor.set_closed(False, now) else None
        self.facts.contactors = self._contactor.feedback(now)

    def _acknowledge_steady(self, now: int) -> None:
        if self._pilot_source.set_duty(STEADY, now):
            self._set_duty = STEADY
