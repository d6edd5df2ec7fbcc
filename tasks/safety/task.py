"""The rows `safety` of a car and of a charger: the only holders of actuator drivers."""
from __future__ import annotations

from typing import Sequence

from drivers.interfaces import ConnectorLock, Contactors, ControlPilot, PilotSource, PilotState, PowerSupply
from kernel.channels import Signal
from kernel.journal import Journal
from kernel.timer import MS, S
from tasks.safety.adapter import NO_CURRENT, SupervisorTask
from tasks.safety.config import SafetyConfig
from tasks.safety.charger_supervisor import STEADY, shown
from tasks.safety.evse_supervisor import EvseSupervisor
from tasks.safety.facts import EvseFacts, EvseRequests, PevFacts, PevRequests
from tasks.safety.feedback import Assumed
from tasks.safety.supervisor import PevSupervisor
from tasks.signals import Signals


STEADY_STEP = 5.0        # V between two measurements: 100 V/s at 50 ms; with 10 V of match, sensor and contactor travel stay within the 20 V of S1
STEADY_AGE = 3 * S       # longest time between them; the charger's word, where it replaces a sensor, comes about once a second


def hardly_moved(sample: tuple[float | None, int], value: float | None, at: int) -> bool:
    """Is a voltage where it was one measurement (V, ns) ago? Two measurements, because a match alone may be passing by."""
    before, then = sample
    return before is not None and value is not None and abs(value - before) <= STEADY_STEP and at - then <= STEADY_AGE


class SafetyTask(SupervisorTask):
    """The car: pilot B/C, contactors, lock."""

    def __init__(self, control_pilot: ControlPilot, contactors: Contactors, lock: ConnectorLock, signals: Signals, config: SafetyConfig, journal: Journal, *,
                 fast: bool = True, supervisor: PevSupervisor | None = None, read: Sequence[Signal] = (), requests: Sequence[Signal] = ()) -> None:
        """A box that is more than a car brings its own supervisor, and what that reads besides."""
        s = signals
        limits = config.pev
        super().__init__(PevSupervisor(limits) if supervisor is None else supervisor, (
            s.pilot_state, s.pilot_duty, s.inlet_voltage, s.inlet_current, s.inlet_temperature, s.supply_voltage, s.connection_alive, s.stop_button,
            s.battery_voltage, s.battery_max_voltage, s.battery_max_current, s.battery_target_current, s.charge_permission,
            s.evse_present_voltage, s.evse_present_current, *read),
            (s.pilot_c_request, s.pilot_wake_request, s.lock_request, s.contactor_request, *requests), s, journal, fast)
        self.facts = PevFacts()
        self.requests = PevRequests()
        self._s = s
        self._watched = s.inlet_voltage if limits.voltage_sensor_fitted else s.evse_present_voltage
        self._sample: tuple[float | None, int] = (None, -1)     # the last measurement of the inlet, and when
        self._current_limit = s.current_limit.claim("safety")
        self._voltmeter = limits.voltage_sensor_fitted
        if not self._voltmeter:
            journal.note(0, "safety", "NO VOLTAGE SENSOR (safety.pev.voltage_sensor_fitted: false): contactors close on the charger's word alone, "
                         "and the plug is released by time. Fit a sensor.", level="error")
        self._control_pilot = control_pilot
        self._contactors = contactors if limits.contactor_feedback_fitted else Assumed(contactors, limits.contactor_travel_ms * MS // 2)
        self._lock = lock if limits.lock_feedback_fitted else Assumed(lock, limits.lock_travel_ms * MS)
        s.lock_assumed.claim("safety").set(not limits.lock_feedback_fitted, 0)
        self._set_pilot: bool | None = None        # what the drivers have acknowledged
        self._set_contactors: bool | None = None
        self._set_lock: bool | None = None

    @property
    def safe(self) -> bool:
        """State B acknowledged and the contactors confirmed open: the process may end. The lock may still hold the plug."""
        return self._set_pilot is False and self._set_contactors is False and self.facts.contactors is False

    def _feedback(self, now: int) -> tuple[bool | None, bool | None]:
        if self._watched.at != self._sample[1]:
            self._compare_samples(now)
        return self._contactors.feedback(now), self._lock.feedback(now)

    def _compare_samples(self, now: int) -> None:
        value, at = self._watched.value, self._watched.at
        steady = hardly_moved(self._sample, value, at)
        self._sample = value, at
        if steady is not self.facts.inlet_steady:
            self.facts.inlet_steady = steady
            self._act_at = now                   # asked in this run

    def _gather(self, values: list, now: int) -> None:
        f, r = self.facts, self.requests
        (f.pilot, f.duty, f.inlet_voltage, f.inlet_current, f.temperature, f.supply_voltage, f.connection_alive, f.stop_button, f.battery_voltage,
         f.battery_max_voltage, f.battery_max_current, f.battery_target_current, f.permission, reported, f.reported_current, pilot_c, wake,
         lock, contactors) = values
        if not self._voltmeter:
            f.inlet_voltage = reported          # the explicit opt-in: told at the start and at each closing
        f.inlet_voltage_at = self._watched.at
        f.inlet_current_at = self._s.inlet_current.at
        f.reported_current_at = self._s.evse_present_current.at
        r.pilot_c = pilot_c is True
        r.wake = wake is True
        r.lock = lock is True
        r.contactors = contactors is True
        r.lapsed = not r.contactors and self._lapsed(now)

    def _step(self, now: int) -> None:
        self.supervisor.step(self.facts, self.requests, now)

    def _apply(self, now: int) -> bool:
        return self._judge(self._command(now), now)

    def _command(self, now: int) -> bool:
        """I5: the pilot before the contactors, the contactors before the lock. True when a driver refused."""
        out = self.supervisor.outputs
        refused = False
        if out.pilot_c != self._set_pilot:
            if self._control_pilot.set_state_c(out.pilot_c, now):
                self._set_pilot = out.pilot_c
            else:
                refused = True
        if out.contactors != self._set_contactors:
            if self._contactors.set_closed(out.contactors, now):
                self._set_contactors = out.contactors
            else:
                refused = True
        if out.lock is not None and out.lock != self._set_lock:
            if self._lock.set_locked(out.lock, now):
                self._set_lock = out.lock
            else:
                refused = True
        return refused

    def _shown(self) -> tuple:
        return *super()._shown(), self.supervisor.current_limit(self.facts)

    def _publish(self, now: int) -> None:
        super()._publish(now)
        self._current_limit.set(self._published[-1], now)

    def _pilot(self) -> PilotState | None:
        if self._set_pilot is None:
            return None
        return PilotState.C if self._set_pilot else PilotState.B

    def _last_resort(self, bound_over: bool) -> list[tuple]:
        calls = [(self._acknowledge_pilot,)]
        if bound_over:
            calls.append((self._acknowledge_contactors,))
        return calls

    def _acknowledge_pilot(self, now: int) -> None:
        self._set_pilot = False if self._control_pilot.set_state_c(False, now) else None
        self._pilot_commanded.set(self._pilot(), now)

    def _acknowledge_contactors(self, now: int) -> None:
        self._set_contactors = False if self._contactors.set_closed(False, now) else None
        self.facts.contactors = self._contactors.feedback(now)


class EvseSafetyTask(SupervisorTask):
    """The charger: pilot duty, power stage, and an output contactor and a lock where it has them (None otherwise)."""

    def __init__(self, pilot_source: PilotSource, power_supply: PowerSupply, contactors: Contactors | None, lock: ConnectorLock | None,
                 signals: Signals, config: SafetyConfig, journal: Journal, *, fast: bool = True) -> None:
        s = signals
        limits = config.evse
        super().__init__(EvseSupervisor(limits, contactor=contactors is not None, lock=lock is not None), (
            s.pilot_state, s.output_voltage, s.output_current, s.isolation, s.connection_alive, s.stop_button),
            (s.output_request, s.pilot_duty_request, s.lock_request), s, journal, fast)
        self.facts = EvseFacts()
        self.requests = EvseRequests()
        self._s = s
        self._pilot_source = pilot_source
        self._power_supply = power_supply
        if contactors is not None and not limits.contactor_feedback_fitted:
            contactors = Assumed(contactors, limits.contactor_travel_ms * MS // 2)
        s.lock_assumed.claim("safety").set(not limits.lock_feedback_fitted, 0)
        if lock is not None and not limits.lock_feedback_fitted:
            lock = Assumed(lock, limits.lock_travel_ms * MS)
        self._contactors = contactors
        self._lock = lock
        self._set_stage: tuple[float, float] | None = (-1.0, -1.0)     # None: off; the first run commands off
        self._set_duty = -1.0
        self._set_contactors: bool | None = None
        self._set_lock: bool | None = None

    @property
    def safe(self) -> bool:
        """Power stage off and steady +12 V acknowledged (a PWM that is left behind promises a conversation), current gone, output
        contactor confirmed open where there is one: the process may end."""
        current = self.facts.output_current
        return (self._set_stage is None and self._set_duty == STEADY and current is not None and abs(current) < NO_CURRENT
                and (self._contactors is None or (self._set_contactors is False and self.facts.contactors is False)))

    def _feedback(self, now: int) -> tuple[bool | None, bool | None]:
        return (None if self._contactors is None else self._contactors.feedback(now),
                None if self._lock is None else self._lock.feedback(now))

    def _gather(self, values: list, now: int) -> None:
        f, r = self.facts, self.requests
        f.pilot, f.output_voltage, f.output_current, f.isolation, f.connection_alive, f.stop_button, output, duty, lock = values
        f.output_voltage_at = self._s.output_voltage.at
        f.output_current_at = self._s.output_current.at
        r.voltage, r.current = (0.0, 0.0) if output is None else (output.voltage, output.current)
        r.duty = duty
        r.lock = lock is True
        r.lapsed = output is None and self._lapsed(now)

    def _step(self, now: int) -> None:
        self.supervisor.step(self.facts, self.requests, now)

    def _apply(self, now: int) -> bool:
        """Power before everything else when it goes off; the contactor before the power when it comes on."""
        out = self.supervisor.outputs
        refused = False
        stage = (out.voltage, out.current) if out.on else None
        if stage != self._set_stage:
            done = self._power_supply.off(now) if stage is None else self._power_supply.set(out.voltage, out.current, now)
            if done:
                self._set_stage = stage
            refused = not done
        if out.duty != self._set_duty:
            if self._pilot_source.set_duty(shown(out.duty), now):
                self._set_duty = out.duty
            else:
                refused = True
        if self._contactors is not None and out.contactors != self._set_contactors:
            if self._contactors.set_closed(out.contactors, now):
                self._set_contactors = out.contactors
            else:
                refused = True
        if self._lock is not None and out.lock is not None and out.lock != self._set_lock:
            if self._lock.set_locked(out.lock, now):
                self._set_lock = out.lock
            else:
                refused = True
        return self._judge(refused, now)

    def _pilot(self) -> PilotState | None:
        """A charger commands a duty, not a state."""
        return None

    def _last_resort(self, bound_over: bool) -> list[tuple]:
        calls: list[tuple] = [(self._acknowledge_off,)]
        if bound_over:
            calls.append((self._acknowledge_steady,))
            if self._contactors is not None:
                calls.append((self._acknowledge_contactors,))
        return calls

    def _acknowledge_off(self, now: int) -> None:
        if self._power_supply.off(now):
            self._set_stage = None
        self.facts.output_current = self._s.output_current.get(now)

    def _acknowledge_steady(self, now: int) -> None:
        if self._pilot_source.set_duty(STEADY, now):
            self._set_duty = STEADY

    def _acknowledge_contactors(self, now: int) -> None:
        self._set_contactors = False if self._contactors.set_closed(False, now) else None
        self.facts.contactors = self._contactors.feedback(now)
