"""The row `safety` of a bridge: what a car's holds, and d1, d2 and the lock of the CHAdeMO plug."""
from __future__ import annotations

from drivers.interfaces import ConnectorLock, Contactors, ControlPilot
from drivers.interfaces_chademo import ChargeSequence
from kernel.journal import Journal
from kernel.timer import MS, NEVER
from tasks.safety.adapter import LAST_RESORT
from tasks.safety.bridge_supervisor import BridgeSupervisor
from tasks.safety.config import SafetyConfig
from tasks.safety.facts import BridgeFacts, BridgeRequests
from tasks.safety.feedback import Assumed
from tasks.safety.task import SafetyTask, hardly_moved
from tasks.signals import Signals


class BridgeSafetyTask(SafetyTask):
    """`contactors` join the CCS side and the CHAdeMO plug; `lock` holds the CCS plug, `vehicle_lock` the CHAdeMO plug."""

    def __init__(self, control_pilot: ControlPilot, contactors: Contactors, lock: ConnectorLock, sequence: ChargeSequence, vehicle_lock: ConnectorLock,
                 signals: Signals, config: SafetyConfig, journal: Journal, *, fast: bool = True) -> None:
        s = signals
        limits = config.bridge
        own = (s.vehicle_voltage, s.vehicle_permission, s.vehicle_plug, s.vehicle_max_discharge)
        super().__init__(control_pilot, contactors, lock, signals, config, journal, fast=fast, supervisor=BridgeSupervisor(config),
                         read=own, requests=(s.d1_request, s.d2_request, s.vehicle_lock_request))
        self.facts: BridgeFacts = BridgeFacts()
        self.requests: BridgeRequests = BridgeRequests()
        self._own = slice(len(self._read) - len(own), len(self._read))       # where the bridge's own facts stand among all values
        self._vehicle_voltmeter = limits.vehicle_voltmeter_fitted
        if not self._vehicle_voltmeter:
            journal.note(0, "safety", "NO VOLTMETER AT THE CHADEMO PLUG (safety.bridge.vehicle_voltmeter_fitted: false): the car's battery voltage is taken on trust "
                         "when the contactor closes, a welded contactor is not found, and the plug is released by time. Fit one.", level="error")
        self._sequence = sequence
        self._vehicle_lock = vehicle_lock if limits.vehicle_lock_feedback_fitted else Assumed(vehicle_lock, limits.vehicle_lock_travel_ms * MS)
        signals.vehicle_lock_assumed.claim("safety").set(not limits.vehicle_lock_feedback_fitted, 0)
        self._d2_hold, self._d1_hold, self._release = limits.d2_hold_ms * MS, limits.d1_hold_ms * MS, limits.release_ms * MS
        self._vehicle_sample: tuple[float | None, int] = (None, -1)      # the last measurement at the CHAdeMO plug, and when
        self._set_d1: bool | None = None                                 # what the drivers have acknowledged
        self._set_d2: bool | None = None
        self._set_vehicle_lock: bool | None = None
        self._opened_at = NEVER                                          # last resort: the contactor is confirmed open since
        self._d2_off_at = NEVER                                          # and d2 off since
        self._d1_on = signals.d1_on.claim("safety")
        self._d2_on = signals.d2_on.claim("safety")
        self._vehicle_lock_confirmed = signals.vehicle_lock_confirmed.claim("safety")

    @property
    def safe(self) -> bool:
        """As a car's, and d1 and d2 acknowledged off. Either lock may still hold its plug."""
        return super().safe and self._set_d1 is False and self._set_d2 is False

    def _feedback(self, now: int) -> tuple[bool | None, bool | None]:
        watched = self._s.vehicle_voltage
        if watched.at != self._vehicle_sample[1]:
            steady = hardly_moved(self._vehicle_sample, watched.value, watched.at)
            self._vehicle_sample = watched.value, watched.at
            self._notice("vehicle_steady", steady, now)
        if getattr(self._sequence, "lost", False):               # as Assumed has it: the device went away and may have let go
            self._set_d1 = self._set_d2 = None
            self._act_at = now
        self._notice("d1", self._set_d1, now)
        self._notice("d2", self._set_d2, now)
        self._notice("vehicle_lock", self._vehicle_lock.feedback(now), now)
        return super()._feedback(now)

    def _notice(self, name: str, value: bool | None, now: int) -> None:
        """A fact that no signal carries; the supervisor is asked in this run when it is another one."""
        if value is not getattr(self.facts, name):
            setattr(self.facts, name, value)
            self._act_at = now

    def _gather(self, values: list, now: int) -> None:
        own = self._own
        super()._gather([*values[:own.start], *values[own.stop:-3]], now)
        f, r = self.facts, self.requests
        f.vehicle_voltage, f.k, f.vehicle_plug, f.discharge_allowed = values[own]
        f.vehicle_voltage_at = self._s.vehicle_voltage.at
        if self._vehicle_voltmeter:
            f.battery_voltage = f.vehicle_voltage
        r.d1, r.d2, r.vehicle_lock = (value is True for value in values[-3:])
        r.lapsed = not (r.contactors and r.d1 and r.d2) and self._lapsed(now)

    def _command(self, now: int) -> bool:
        """The car's order, then d2 before d1 before the CHAdeMO lock; that d2 comes after d1 is a matter of two steps."""
        refused = super()._command(now)
        out = self.supervisor.outputs
        if out.d2 != self._set_d2:
            if self._sequence.set_d2(out.d2, now):
                self._set_d2 = out.d2
            else:
                refused = True
        if out.d1 != self._set_d1:
            if self._sequence.set_d1(out.d1, now):
                self._set_d1 = out.d1
            else:
                refused = True
        if out.vehicle_lock is not None and out.vehicle_lock != self._set_vehicle_lock:
            if self._vehicle_lock.set_locked(out.vehicle_lock, now):
                self._set_vehicle_lock = out.vehicle_lock
            else:
                refused = True
        return refused

    def _shown(self) -> tuple:
        *shown, current_limit = super()._shown()
        return *shown, self._set_d1, self._set_d2, self.facts.vehicle_lock, current_limit

    def _publish(self, now: int) -> None:
        super()._publish(now)
        *_, d1, d2, vehicle_lock, _ = self._published
        self._d1_on.set(d1, now)
        self._d2_on.set(d2, now)
        self._vehicle_lock_confirmed.set(vehicle_lock, now)

    # --- the supervisor itself is wrong -------------------------------------------------------------------------------

    def _last_resort(self, bound_over: bool) -> list[tuple]:
        """As a car's; then d2 and d1, which the contactor holds up for release_ms and no longer. Nothing unlocks."""
        calls = super()._last_resort(bound_over)
        if bound_over:
            calls += [(self._acknowledge_d2,), (self._acknowledge_d1,)]
        return calls

    def _acknowledge_d2(self, now: int) -> None:
        if self._set_contactors is not False or self.facts.contactors is not False:
            self._opened_at = NEVER
        elif self._opened_at == NEVER:
            self._opened_at = now
        if now - self._opened_at >= self._d2_hold or now - self._broken_at >= LAST_RESORT + self._release:
            self._set_d2 = False if self._sequence.set_d2(False, now) else None
            if self._set_d2 is False and self._d2_off_at == NEVER:
                self._d2_off_at = now
        self._d2_on.set(self._set_d2, now)
        self._vehicle_lock_confirmed.set(None, now)

    def _acknowledge_d1(self, now: int) -> None:
        if now - self._d2_off_at >= self._d1_hold or now - self._broken_at >= LAST_RESORT + self._release + self._d1_hold:
            self._set_d1 = False if self._sequence.set_d1(False, now) else None
        self._d1_on.set(self._set_d1, now)
