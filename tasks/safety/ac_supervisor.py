"""An AC charger's supervisor: the mains contactor is closed only while a fresh request, the car's state C and every permit allow it.

Idle -(request, state C, PWM, lock, RCD)-> Closing -> Delivering -> [CurrentOff ->] Opening -> Idle, or Tripped.

When it opens. At once, under whatever load: the pilot leaves C (IEC 61851-1: within 100 ms), any trip. The car has said that its load has
ended (PowerDeliveryReq(stop)): at once, or when a meter agrees, the PWM stays. The request lapsed or was withdrawn without that, or the PWM
is to change: the car is told by steady +12 V and has load_end_ms (3 s, IEC 61851-1) to end its load; then it is opened under load, which is
the car's fault and no trip.

By the pilot alone (no session: the car does not speak, IEC 61851-1). The car's own state C is then the request, while somebody allows it and a
nominal duty (10 to 96 %) stands: closed after READY_HOLD, not again before PILOT_REST; the duty may change under load, the car follows it.
"""
from __future__ import annotations

from kernel.timer import MS, NEVER, S
from tasks.pilot_duty import nominal, promised_current
from tasks.safety.ac_trips import AC_NOT_CLOSED, AC_PERMITS, AC_TRIPS, AC_WELDED, NEEDS_SOCKET, promised, ready
from tasks.safety.charger_supervisor import STEADY, ChargerSupervisor, valid_duty
from tasks.safety.config import AcSafetyConfig
from tasks.safety.facts import AcFacts, AcOutputs, AcRequests, SafetyState
from tasks.safety.shutdown import NORMAL_CURRENT, PWM_KEPT
from tasks.safety.supervisor import MAX_MOVES, PLUGGED, UNPLUG_DEBOUNCE
from tasks.safety.trips import first_lacking

Idle, Closing, Delivering = SafetyState.Idle, SafetyState.Closing, SafetyState.Delivering
CurrentOff, Opening, Tripped = SafetyState.CurrentOff, SafetyState.Opening, SafetyState.Tripped
READY_HOLD = 1 * S            # by the pilot alone: state C for so long is a wish; shorter ones are a toggle (at most 400 ms, sheet 2.1), closed within 3 s
PILOT_REST = 10 * S           # by the pilot alone: a car that comes and goes closes no more often (own choice: 10^5 operations of a contactor)
PROMISE_TOLERANCE = 0.1       # A: of a duty in steps


class AcSupervisor(ChargerSupervisor):
    """Pure: the same calls give the same answers. `lock`: there is a socket with one."""

    def __init__(self, config: AcSafetyConfig, *, lock: bool) -> None:
        super().__init__(config, AcOutputs(), [t for t in AC_TRIPS if lock or t.name not in NEEDS_SOCKET], True)
        self._lock = lock
        self._since = NEVER               # Closing, CurrentOff, Opening: when it began
        self._ended = False               # CurrentOff: the car has said so
        self._wanted = False              # a session asks, or the car itself where it may
        self._ready_since = NEVER         # the car shows that it is ready
        self._rest_until = 0              # before it, nothing is closed by the pilot alone
        self._pilot_at = NEVER            # when the car's wish will count, as things are

    # --- one step -------------------------------------------------------------------------------------------------

    def step(self, facts: AcFacts, requests: AcRequests, now: int) -> AcOutputs:
        """Judge and act; the returned outputs are the same object each time."""
        if self.latch.watch(self.state, facts, now):
            self._stop(facts, now)
        by_pilot = self._by_pilot(facts, requests, now)
        self._wanted = requests.close or by_pilot
        if not self._wanted:
            self._armed = True
        self._watch_plug(facts.pilot, now)
        for _ in range(MAX_MOVES):
            state = self.state
            self._move(facts, requests, now)
            if self.state is state:
                break
        self._decide_duty(requests, now)
        self._decide_lock(facts, requests)
        return self.outputs

    def _move(self, f: AcFacts, r: AcRequests, now: int) -> None:
        state = self.state
        if state is Idle:
            if self._wanted and self._armed and self._allowed(r.duty) == self._held_duty:      # a pilot that is about to change is waited for
                self._try_close(f, now)
            else:
                self._hold_back(None)
        elif state is Closing:
            if not self._still_wanted(f, r, now):
                return
            if f.contactors is True:
                self._enter(Delivering)
            elif now - self._since >= self.config.contactor_close_ms * MS:
                self.latch.latch(AC_NOT_CLOSED, now)
                self._stop(f, now)
        elif state is Delivering:
            self._still_wanted(f, r, now)
        elif state is CurrentOff:
            self._await_load(f, now)
        elif state is Opening:
            self._await_open(f, now)
        elif state is Tripped:
            self._leave_on_unplug(f, now)

    def _by_pilot(self, f: AcFacts, r: AcRequests, now: int) -> bool:
        """Nobody speaks, and the car itself wants power by a nominal duty."""
        self._pilot_at = NEVER
        if not ready(f, self.config):
            self._ready_since = NEVER
            return False
        self._ready_since = min(self._ready_since, now)
        if not r.by_pilot or not nominal(self._allowed(r.duty)):
            return False
        at = max(self._ready_since + READY_HOLD, self._rest_until)
        if now >= at:
            return True
        self._pilot_at = at
        return False

    def _allowed(self, duty: float | None) -> float:
        """What may stand on the line; steady +12 V instead of a duty that promises more than contactor, cable and fuse carry."""
        duty = valid_duty(duty)
        return duty if promised_current(duty) <= self.config.max_current_a + PROMISE_TOLERANCE else STEADY

    def _try_close(self, f: AcFacts, now: int) -> None:
        """Every permit, fresh and true, at this very instant."""
        self._hold_back(self.latch.first_bad(Closing, f) or first_lacking(AC_PERMITS, Delivering, f, self.config, self.outputs))
        if not self.blocked:
            self.outputs.contactors = True
            self._begin(Closing, now)

    def _still_wanted(self, f: AcFacts, r: AcRequests, now: int) -> bool:
        """The car's state C, the request, and the PWM that was promised; any of them gone ends it."""
        if not ready(f, self.config):
            if f.pilot is None:
                self.report.tell("the pilot is unknown: the contactor opens", level="warning")
            else:
                self.report.tell("car left state C, pilot %s: the contactor opens", f.pilot, level="info" if r.by_pilot else "warning")
            self._open_now(now)
        elif not self._wanted:
            if r.lapsed:
                self.report.tell("the request for AC lapsed: nobody renewed it", level="warning")
            self._end_load(r.ended, now)
        elif self._allowed(r.duty) == self._held_duty:
            return True
        elif not r.close and nominal(self._held_duty):          # from one nominal duty to another
            self.report.tell("the duty goes from %s to %s %% with the mains connected; the car follows", self._held_duty, r.duty)
            self._held_duty = self._allowed(r.duty)
            return True
        else:
            self.report.tell("pilot duty was to change from %s to %s %% with the mains connected", self._held_duty, r.duty, level="warning")
            self._end_load(False, now)
        self._armed = not self._wanted
        return False

    # --- the ways to open -------------------------------------------------------------------------------------------

    def _begin(self, state: SafetyState, now: int) -> None:
        self._since = now
        self._enter(state)

    def _end_load(self, ended: bool, now: int) -> None:
        """`ended`: the car has said so. A contactor that has not been confirmed closed carries nothing yet."""
        if self.state is Closing:
            self._open_now(now)
        else:
            self._ended = ended
            self._begin(CurrentOff, now)

    def _await_load(self, f: AcFacts, now: int) -> None:
        """Without a meter the car's word is taken, and without its word the time."""
        over = now - self._since >= self.config.load_end_ms * MS
        known = f.current is not None and f.current_at > self._since
        gone = abs(f.current) < NORMAL_CURRENT if known else self._ended and f.current is None
        if over and not gone:
            self.report.tell("the car did not end its load in %d ms (%s A): the contactor opens under it", self.config.load_end_ms, f.current, level="warning")
        if gone or over or not ready(f, self.config):
            self._open_now(now)

    def _open_now(self, now: int) -> None:
        self.outputs.contactors = False
        self._rest_until = now + PILOT_REST
        self._hold_back(None)
        self._begin(Opening, now)

    def _await_open(self, f: AcFacts, now: int) -> None:
        if f.contactors is False and now > self._since:        # a feedback read after the command
            self._enter(Tripped if self.latch.trips else Idle)
        elif now - self._since >= self.config.contactor_open_ms * MS:
            self.latch.latch(AC_WELDED, now)
            self._tripped_at = now - PWM_KEPT                  # nothing but the end of the PWM makes this car stop
            self._enter(Tripped)

    def _stop(self, f: AcFacts, now: int) -> None:
        """A trip: open at once, whatever flows."""
        if self._tripped_at == NEVER:
            self._tripped_at = now
        if self.state is not Opening:
            self._open_now(now)

    # --- outputs ----------------------------------------------------------------------------------------------------

    def _decide_duty(self, r: AcRequests, now: int) -> None:
        """The requested duty at rest; kept while the car may draw by it; steady to make it stop, and some time after a trip."""
        if self._tripped_at != NEVER:
            if now - self._tripped_at >= PWM_KEPT:
                self._held_duty = STEADY
        elif self.state is Idle:
            self._held_duty = self._allowed(r.duty)
        elif self.state is CurrentOff and not self._ended:
            self._held_duty = STEADY
        self.outputs.duty = self._held_duty

    def _decide_lock(self, f: AcFacts, r: AcRequests) -> None:
        """Locked before it gets live; released at rest, with the contactor confirmed open."""
        lock: bool | None = None
        if self._lock:
            if self.state is Idle and (r.lock or r.close or promised(self._held_duty) and ready(f, self.config)):
                lock = True if f.pilot in PLUGGED else None
            elif (self.state is Idle or self.state is Tripped) and self._open(f):
                lock = False
        self.outputs.lock = lock

    # --- time -------------------------------------------------------------------------------------------------------

    def next_timer(self) -> int:
        """The earliest instant at which time alone can change something."""
        at = min(self.latch.next_timer(), self._pilot_at)
        c = self.config
        if self.state is Closing:
            at = min(at, self._since + c.contactor_close_ms * MS)
        elif self.state is CurrentOff:
            at = min(at, self._since + c.load_end_ms * MS)
        elif self.state is Opening:
            at = self._since + 1          # each run: the feedback may be what it was before the command
        elif self.state is Tripped and self._unplugged_since != NEVER:
            at = min(at, self._unplugged_since + UNPLUG_DEBOUNCE)
        if self._tripped_at != NEVER and self._held_duty != STEADY:
            at = min(at, self._tripped_at + PWM_KEPT)
        return at
