"""The car's supervisor: facts and requests in, state and outputs out. No driver, no clock, no signal."""
from __future__ import annotations

from typing import Sequence

from drivers.interfaces import PilotState
from kernel.timer import MS, NEVER, S
from tasks.safety.config import PevSafetyConfig
from tasks.safety.facts import PevFacts, PevOutputs, PevRequests, Report, SafetyState
from tasks.safety.latch import Latch
from tasks.safety.shutdown import NORMAL_CURRENT, Phase, Shutdown
from tasks.safety.trips import AT_ONCE, CONTACTOR_NOT_CLOSED, INTERNAL_FAULT, OUTPUT_REFUSED, PEV_PERMITS, PEV_TRIPS, PWM_NONE, STALLED, Permit, Trip, first_lacking, invites_nobody

UNPLUG_DEBOUNCE = 500 * MS      # pilot A for so long is an unplugged connector and not a glitch; leaves a latched trip
MAX_MOVES = 8                   # state changes per step; the longest chain (Closed to Tripped without current) has 5

WAKE_LIMIT = 400 * MS           # TP_EV_vald_state_duration, its longest (slac-and-network sheet 2.1): a toggle's phase of state C
Idle, Waking, Ready, Closing, Closed = SafetyState.Idle, SafetyState.Waking, SafetyState.Ready, SafetyState.Closing, SafetyState.Closed
CurrentOff, Opening, Decay, Tripped = SafetyState.CurrentOff, SafetyState.Opening, SafetyState.Decay, SafetyState.Tripped
STOPPING = frozenset({CurrentOff, Opening, Decay})
OF_PHASE = {Phase.CurrentOff: CurrentOff, Phase.Opening: Opening, Phase.Decay: Decay}
WITNESS_CURRENT = 20.0          # A: the charger says so much more than the sensor (S15: 1.5 % and what a ramp of 20 A/s makes of old values)
WITNESS_HOLD = 5 * S            # for so long: longer than its word stays fresh (3 s), so that the ramp at an end is no disagreement
NO_LIMIT = 1000.0               # A: more than any CCS inlet takes; nothing is derated
PLUGGED = frozenset({PilotState.B, PilotState.C, PilotState.D})


class PevSupervisor:
    """Pure: the same calls give the same answers. `step` may be called as often as one likes."""

    def __init__(self, config: PevSafetyConfig, permits: Sequence[Permit] = PEV_PERMITS, trips: Sequence[Trip] = PEV_TRIPS,
                 outputs: PevOutputs | None = None) -> None:
        """The tables and the outputs are a car's, unless a box is more than a car (a bridge)."""
        self.config = config
        self.state = Idle
        self.outputs = PevOutputs() if outputs is None else outputs
        self.report = Report()
        self.latch = Latch(trips, config, self.report)
        self._permits = permits
        self.blocked = self.blocked_hint = ""     # why what is asked for is not granted, empty when nothing holds it back
        self._shutdown = Shutdown(config, sensor=config.current_sensor_fitted, contactor=True, voltmeter=config.voltage_sensor_fitted)
        self._travel = config.contactor_travel_ms * MS
        self._armed = False               # requests were seen released since the last shutdown
        self._wake_armed = False          # the request to wake was seen released since the last state C
        self._waking_at = NEVER
        self._waking_steady = False       # the pilot was steady when state C began; a charger that changes it wakes up
        self._stepped_at = -1
        self._ready_at = NEVER
        self._closing_at = NEVER
        self._disagree_since = NEVER      # the charger has reported clearly more current than the sensor
        self._doubted = False             # for so long that the sensor is not believed until they agree again
        self._unplugged_since = NEVER

    # --- one step -------------------------------------------------------------------------------------------------

    def step(self, facts: PevFacts, requests: PevRequests, now: int) -> PevOutputs:
        """Judge and act; the returned outputs are the same object each time."""
        self._compare_currents(facts, now)
        if self.latch.watch(self.state, facts, now):
            self._stop(facts, now)
        if not requests.pilot_c and not requests.contactors:
            self._armed = True
        if not requests.wake:
            self._wake_armed = True
        if facts.pilot is not PilotState.A:
            self._unplugged_since = NEVER
        elif self._unplugged_since == NEVER:
            self._unplugged_since = now
        for _ in range(MAX_MOVES):
            state = self.state
            self._move(facts, requests, now)
            if self.state is state:
                break
        self._decide_lock(facts, requests, now)
        self._stepped_at = now
        return self.outputs

    def _move(self, f: PevFacts, r: PevRequests, now: int) -> None:
        state = self.state
        if state is Idle:
            if r.pilot_c and self._armed:
                self._try_ready(f, now)
            elif r.wake and self._wake_armed and not r.pilot_c:
                self._try_wake(f, now)
            else:
                self._hold_back(None)
        elif state is Waking:
            if not r.wake or now - self._waking_at >= WAKE_LIMIT or not invites_nobody(f.duty) or (f.duty > PWM_NONE) is not self._waking_steady:
                self.outputs.pilot_c = False
                self._enter(Idle)
        elif state is Ready:
            if not r.pilot_c:
                self._withdrawn(f, r, now)
            elif not r.contactors:
                self._hold_back(None)
            elif now > self._ready_at:       # the C that is measured must be later than the C that was commanded
                self._try_close(f, now)
        elif state is Closing:
            if not (r.pilot_c and r.contactors):
                self._withdrawn(f, r, now)
            elif f.contactors is True:
                self._enter(Closed)
            elif now - self._closing_at >= self._travel:
                self.latch.latch(CONTACTOR_NOT_CLOSED, now)
                self._stop(f, now)
        elif state is Closed:
            if not (r.pilot_c and r.contactors):
                self._withdrawn(f, r, now)
        elif state in STOPPING:
            self._continue(f, now)
        elif state is Tripped:
            unplugged = self._unplugged_since != NEVER and now - self._unplugged_since >= UNPLUG_DEBOUNCE
            if unplugged and f.contactors is False and not any(trip.person for trip in self.latch.trips):
                self._release("unplugged")

    def _try_wake(self, f: PevFacts, now: int) -> None:
        """State C for a moment, which invites nobody: to wake a charger (no PWM), or to be counted by one (5 %). Once per request."""
        self._hold_back(self.latch.first_bad(Waking, f) or first_lacking(self._permits, Waking, f, self.config, self.outputs))
        if not self.blocked:
            self._wake_armed = False
            self._waking_at = now
            self._waking_steady = f.duty > PWM_NONE
            self.outputs.pilot_c = True
            self._enter(Waking)

    def _try_ready(self, f: PevFacts, now: int) -> None:
        """Pilot C invites voltage: only when nothing that would trip at once is bad."""
        self._hold_back(self.latch.first_bad(Ready, f) or first_lacking(self._permits, Ready, f, self.config, self.outputs))
        if not self.blocked:
            self.outputs.pilot_c = True
            self._ready_at = now
            self._enter(Ready)

    def _try_close(self, f: PevFacts, now: int) -> None:
        """I1: every permit, fresh and true, at this very instant."""
        self._hold_back(self._missing_permit(f))
        if not self.blocked:
            self.outputs.contactors = True
            self._closing_at = now
            if not self.config.voltage_sensor_fitted:
                self.report.tell("closing on the charger's word alone: %s V reported, battery %s V (unverified)", f.inlet_voltage, f.battery_voltage,
                                 level="warning")
            self._enter(Closing)

    def _missing_permit(self, f: PevFacts) -> Trip | Permit | None:
        return (self.latch.first_bad(Ready, f) or first_lacking(self._permits, Closing, f, self.config, self.outputs)
                or self.latch.first_bad(Closing, f))

    def _hold_back(self, row: Trip | Permit | None) -> None:
        self.blocked, self.blocked_hint = ("", "") if row is None else (row.text, row.hint)

    def _withdrawn(self, f: PevFacts, r: PevRequests, now: int) -> None:
        if r.lapsed:
            self.report.tell("a request lapsed: nobody renewed it", level="warning")
        self._stop(f, now)

    def current_limit(self, f: PevFacts) -> float:
        """A: no more may be asked for; falls with the inlet's temperature, 0 where that has to be known and is not (S18)."""
        c = self.config
        if not c.temperature_sensor_fitted:
            return NO_LIMIT
        if f.temperature is None or f.battery_max_current is None:
            return 0.0
        if f.temperature <= c.derate_from_c:
            return NO_LIMIT
        part = (c.inlet_max_temperature_c - f.temperature) / (c.inlet_max_temperature_c - c.derate_from_c)
        allowed = f.battery_max_current * part
        return float(int(allowed)) if allowed > 0.0 else 0.0         # also for NaN

    # --- shutdown ---------------------------------------------------------------------------------------------------

    def _stop(self, f: PevFacts, now: int) -> None:
        """Pilot to B at once, then the sequence; during a sequence only its urgency can grow."""
        outputs = self.outputs
        outputs.pilot_c = False
        self._hold_back(None)
        if self.state in STOPPING:
            if self.latch.emergency:
                self._shutdown.escalate()
            return
        self._armed = self._wake_armed = False
        opened = not outputs.contactors and f.contactors is False
        # Contacts that still travel: the charger has just lost its request and its voltage falls, so to wait for a new
        # current measurement would let them close on a growing difference.
        travelling = self.state is Closing and f.contactors is not True and self._currentless(f)
        if self._doubted:
            self.report.tell("current sensor doubted: it says %s A, the charger %s A; contactors open by time", f.inlet_current, f.reported_current,
                             level="error")
        self._shutdown.begin(now, self.latch.emergency, opened, travelling, self._doubted)
        if travelling:
            outputs.contactors = False
        self._enter(OF_PHASE[self._shutdown.phase])

    def _compare_currents(self, f: PevFacts, now: int) -> None:
        """The charger is the second witness: a sensor that is stuck near zero must not open contactors under load."""
        if f.inlet_current is None or f.reported_current is None:
            self._disagree_since = NEVER
        elif not abs(f.reported_current) - abs(f.inlet_current) > WITNESS_CURRENT:         # also of a charger that draws
            self._disagree_since = NEVER
            self._doubted = False
        elif self._disagree_since == NEVER:
            self._disagree_since = now
        elif now - self._disagree_since >= WITNESS_HOLD:
            self._doubted = True

    def _currentless(self, f: PevFacts) -> bool:
        """Before power was asked for: the last measurement shows no current, or nothing can measure one."""
        if not self.config.current_sensor_fitted:
            return True
        return f.inlet_current is not None and abs(f.inlet_current) < NORMAL_CURRENT

    def _continue(self, f: PevFacts, now: int) -> None:
        shutdown = self._shutdown
        phase = shutdown.phase
        if shutdown.measured:
            current, at = f.inlet_current, f.inlet_current_at
        else:
            current, at = f.reported_current, f.reported_current_at
        found = shutdown.step(now, current, at, f.contactors, self._voltage_since(f))
        if phase is Phase.CurrentOff and shutdown.phase is not phase:
            self._tell_opening(current)
        if shutdown.phase is not Phase.CurrentOff:
            self.outputs.contactors = False
        if found is not None:
            self.latch.latch(found, now)
        if shutdown.phase is Phase.Done:
            self._enter(Tripped if self.latch.trips else Idle)
        else:
            self._enter(OF_PHASE[shutdown.phase])

    def _voltage_since(self, f: PevFacts) -> float | None:
        """The inlet's voltage as measured since the shutdown began, and not on its way somewhere: what was low may be rising."""
        return f.inlet_voltage if f.inlet_voltage_at > self._shutdown.began and f.inlet_steady else None

    def _tell_opening(self, current: float | None) -> None:
        if self._shutdown.forced:
            self.report.tell("contactors opened at the emergency bound, current %s A", current, level="error")
        elif self._shutdown.unverified:
            self.report.tell("contactors opened by time, no current measured (unverified), charger said %s A", current, level="warning")

        if not self.config.voltage_sensor_fitted:
            self.report.tell("no voltage sensor: the inlet counts as discharged %d ms after opening (unverified)", self.config.unverified_decay_ms, level="warning")

    def _enter(self, state: SafetyState) -> None:
        if state is not self.state:
            self.report.tell("%s -> %s", self.state.value, state.value)
            self.state = state

    # --- lock -------------------------------------------------------------------------------------------------------

    def _decide_lock(self, f: PevFacts, r: PevRequests, now: int) -> None:
        """Lock on request at rest; unlock only at rest and by I3; in between the motor is left alone."""
        lock: bool | None = None
        state = self.state
        if state is Idle or state is Ready:
            if r.lock:
                lock = True if f.pilot in PLUGGED else None
            elif state is Idle:
                lock = False
        elif state is Tripped:
            lock = False
        if lock is False and not self._shutdown.may_unlock(f.contactors, self._voltage_since(f), now):
            lock = None
        self.outputs.lock = lock

    # --- from outside -----------------------------------------------------------------------------------------------

    def fault(self, facts: PevFacts, now: int, cause: Trip = INTERNAL_FAULT) -> None:
        """Another task of this program failed, or somebody insists (`cause`, one of AT_ONCE): shut down as an emergency."""
        first = AT_ONCE.isdisjoint(self.latch.trips)
        if self.latch.latch(cause, now) and first:
            self._stop_or_trip(facts, now)

    def stalled(self, facts: PevFacts, now: int) -> None:
        """This program did not run for longer than anything may be left alone."""
        if self.state is not Idle and self.latch.latch(STALLED, now):
            self._stop_or_trip(facts, now)

    def refused(self, facts: PevFacts, now: int) -> None:
        """A driver did not do what was commanded."""
        if self.latch.latch(OUTPUT_REFUSED, now):
            self._stop_or_trip(facts, now)

    def _stop_or_trip(self, facts: PevFacts, now: int) -> None:
        if self.state is not Tripped:
            self._stop(facts, now)

    def reset(self, facts: PevFacts) -> bool:
        """A person acknowledged the trip; False while the outputs are not safe."""
        if self.state is not Tripped or facts.contactors is not False:
            return False
        self._release("reset")
        return True

    def _release(self, how: str) -> None:
        self.report.tell("trip %s left: %s", self.latch.text, how)
        self.latch.clear()
        self._armed = False
        self._enter(Idle)

    def next_timer(self) -> int:
        """The earliest instant at which time alone can change something."""
        at = self.latch.next_timer()
        if self._disagree_since != NEVER and not self._doubted:
            at = min(at, self._disagree_since + WITNESS_HOLD)
        if self.state is Ready:
            if self._stepped_at == self._ready_at:
                at = self._ready_at + 1
        elif self.state is Waking:
            at = min(at, self._waking_at + WAKE_LIMIT)
        elif self.state is Closing:
            at = min(at, self._closing_at + self._travel)
        elif self.state in STOPPING:
            at = min(at, self._shutdown.next_timer())
        elif self.state is Tripped and self._unplugged_since != NEVER:
            at = min(at, self._unplugged_since + UNPLUG_DEBOUNCE)
        return at
