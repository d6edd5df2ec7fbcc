"""The charger's supervisor: the power stage runs only while a fresh request, the car's state C and every measurement allow it."""
from __future__ import annotations

from math import isfinite

from drivers.interfaces import PilotState
from kernel.timer import MS, NEVER
from tasks.safety.charger_supervisor import STEADY, ChargerSupervisor, valid_duty
from tasks.safety.config import EvseSafetyConfig
from tasks.safety.facts import EvseFacts, EvseOutputs, EvseRequests, SafetyState
from tasks.safety.shutdown import PWM_KEPT, Phase, Shutdown
from tasks.safety.supervisor import MAX_MOVES, OF_PHASE, STOPPING, UNPLUG_DEBOUNCE
from tasks.safety.trips import CONTACTOR_NOT_CLOSED, EVSE_PERMITS, EVSE_TRIPS, LOAD_CONNECTED, NEEDS_CONTACTOR, NEEDS_LOCK, first_lacking

LOAD_CURRENT = 2.5            # A: above what precharge may have (2 A, S3) and half an ampere of error (S15): only a battery takes it

Idle, Closing, Delivering = SafetyState.Idle, SafetyState.Closing, SafetyState.Delivering
CurrentOff, Decay, Tripped = SafetyState.CurrentOff, SafetyState.Decay, SafetyState.Tripped
READY_CAR = frozenset({PilotState.C, PilotState.D})


class EvseSupervisor(ChargerSupervisor):
    """Pure: the same calls give the same answers. `contactor`, `lock`: whether this charger has them."""

    def __init__(self, config: EvseSafetyConfig, *, contactor: bool, lock: bool) -> None:
        left_out = (frozenset() if contactor else NEEDS_CONTACTOR) | (frozenset() if lock else NEEDS_LOCK)
        super().__init__(config, EvseOutputs(), [t for t in EVSE_TRIPS if t.name not in left_out], contactor)
        self._permits = tuple(p for p in EVSE_PERMITS if p.name not in left_out)
        self._lock = lock
        self._shutdown = Shutdown(config, sensor=True, contactor=contactor)
        self._travel = config.contactor_travel_ms * MS
        self._loaded = False              # a charging current went through the output contactor, and the car has been in state C since
        self._closing_at = NEVER

    # --- one step -------------------------------------------------------------------------------------------------

    def step(self, facts: EvseFacts, requests: EvseRequests, now: int) -> EvseOutputs:
        """Judge and act; the returned outputs are the same object each time."""
        if self.latch.watch(self.state, facts, now):
            self._stop(facts, now)
        wanted = wants(requests)
        if not wanted:
            self._armed = True
        self._watch_load(facts, requests)
        self._watch_plug(facts.pilot, now)
        for _ in range(MAX_MOVES):
            state = self.state
            self._move(facts, requests, wanted, now)
            if self.state is state:
                break
        self._set_stage(requests)
        self._decide_duty(requests, now)
        self._decide_lock(facts, requests, wanted, now)
        return self.outputs

    def _watch_load(self, f: EvseFacts, r: EvseRequests) -> None:
        """A battery is taken for connected from the first charging current, asked for or measured, until the car leaves state C: what is
        behind our contactor is not measured."""
        if f.pilot is PilotState.B or f.pilot is PilotState.A:
            self._loaded = False
        elif self._contactor and self.state is Delivering and max(abs(f.output_current), r.current) >= LOAD_CURRENT:       # known, else it had tripped
            self._loaded = True

    def _move(self, f: EvseFacts, r: EvseRequests, wanted: bool, now: int) -> None:
        state = self.state
        begins = wanted and self._armed and valid_duty(r.duty) == self._held_duty      # a pilot that is about to change is waited for
        if state is Idle:
            if begins:
                self._try_deliver(f, now)
            else:
                self._hold_back(None)
        elif state is Closing:
            if not self._still_wanted(f, r, wanted, now):
                return
            if f.contactors is True:
                self._enter(Delivering)
            elif now - self._closing_at >= self._travel:
                self.latch.latch(CONTACTOR_NOT_CLOSED, now)
                self._stop(f, now)
        elif state is Delivering:
            self._still_wanted(f, r, wanted, now)
        elif state is Decay and begins and not self._contactor and not self.latch.trips:
            self._try_deliver(f, now)     # e.g. precharge right after the cable check, the output still charged
            if self.state is Decay:
                self._continue(f, now)
        elif state in STOPPING:
            self._continue(f, now)
        elif state is Tripped:
            self._leave_on_unplug(f, now)

    def _try_deliver(self, f: EvseFacts, now: int) -> None:
        self._hold_back(self.latch.first_bad(Closing, f) or (self._loaded and LOAD_CONNECTED)
                        or first_lacking(self._permits, Delivering, f, self.config, self.outputs))
        if self.blocked:
            return
        if self._contactor:
            self.outputs.contactors = True
            self._closing_at = now
            self._enter(Closing)
        else:
            self._enter(Delivering)

    def _still_wanted(self, f: EvseFacts, r: EvseRequests, wanted: bool, now: int) -> bool:
        """The request, the car's state C and the PWM that was promised; any of them gone ends the output in order."""
        if not wanted:
            if r.lapsed:
                self.report.tell("the output request lapsed: nobody renewed it", level="warning")
        elif f.pilot is not PilotState.C and f.pilot is not PilotState.D:
            self.report.tell("car left state C while energised, pilot %s", f.pilot, level="warning")
        elif valid_duty(r.duty) != self._held_duty:
            self.report.tell("pilot duty was to change from %s to %s %% while energised", self._held_duty, r.duty, level="warning")
        else:
            return True
        self._stop(f, now)
        self._armed = not wanted
        return False

    # --- shutdown ---------------------------------------------------------------------------------------------------

    def _stop(self, f: EvseFacts, now: int) -> None:
        """Power off at once, then the sequence."""
        outputs = self.outputs
        outputs.on = False
        self._hold_back(None)
        if self.latch.trips and self._tripped_at == NEVER:
            self._tripped_at = now
        if self.state in STOPPING:
            if self.latch.emergency:
                self._shutdown.escalate()
            return
        self._armed = False
        opened = self.state is Idle and not outputs.contactors and self._open(f)
        self._shutdown.begin(now, self.latch.emergency, opened)
        self._enter(Decay if opened else CurrentOff)

    def _voltage_since(self, f: EvseFacts) -> float | None:
        """The output's voltage as measured since the shutdown began."""
        return f.output_voltage if f.output_voltage_at > self._shutdown.began else None

    def _continue(self, f: EvseFacts, now: int) -> None:
        shutdown = self._shutdown
        found = shutdown.step(now, f.output_current, f.output_current_at, f.contactors, self._voltage_since(f))
        if shutdown.phase is not Phase.CurrentOff:
            self.outputs.contactors = False
        if found is not None:
            self.latch.latch(found, now)
            if self._tripped_at == NEVER:
                self._tripped_at = now
        if shutdown.phase is Phase.Done:
            self._enter(Tripped if self.latch.trips else Idle)
        else:
            self._enter(OF_PHASE[shutdown.phase])

    # --- outputs ----------------------------------------------------------------------------------------------------

    def _set_stage(self, r: EvseRequests) -> None:
        outputs = self.outputs
        if self.state is Delivering:
            outputs.on = True
            outputs.voltage = min(r.voltage, self.config.max_voltage_v)
            outputs.current = min(r.current, self.config.max_current_a)
        else:
            outputs.on = False
            outputs.voltage = outputs.current = 0.0

    def _decide_duty(self, r: EvseRequests, now: int) -> None:
        """The requested duty at rest; kept while current can flow; X1 some time after a trip."""
        outputs = self.outputs
        if self._tripped_at != NEVER:
            if now - self._tripped_at >= PWM_KEPT:
                self._held_duty = STEADY
        elif self.state is Idle or self.state is Decay:
            self._held_duty = valid_duty(r.duty)
        outputs.duty = self._held_duty

    def _decide_lock(self, f: EvseFacts, r: EvseRequests, wanted: bool, now: int) -> None:
        lock: bool | None = None
        if self._lock:
            state = self.state
            if state is Idle or state is Decay:
                if r.lock or wanted or f.pilot in READY_CAR:      # a car in state C is about to be energised
                    lock = True if f.pilot is not None and f.pilot is not PilotState.A else None
                elif state is Idle:
                    lock = False
            elif state is Tripped:
                lock = False
            if lock is False and not self._shutdown.may_unlock(f.contactors, self._voltage_since(f), now):
                lock = None
        self.outputs.lock = lock

    # --- time ---------------------------------------------------------------------------------------------------------

    def next_timer(self) -> int:
        """The earliest instant at which time alone can change something."""
        at = self.latch.next_timer()
        if self.state is Closing:
            at = min(at, self._closing_at + self._travel)
        elif self.state in STOPPING:
            at = min(at, self._shutdown.next_timer())
        elif self.state is Tripped and self._unplugged_since != NEVER:
            at = min(at, self._unplugged_since + UNPLUG_DEBOUNCE)
        if self._tripped_at != NEVER and self._held_duty != STEADY:
            at = min(at, self._tripped_at + PWM_KEPT)
        return at


def wants(r: EvseRequests) -> bool:
    """A voltage above 0 and a current of at least 0, both finite; everything else is no wish for output."""
    return isfinite(r.voltage) and isfinite(r.current) and r.voltage > 0.0 and r.current >= 0.0
