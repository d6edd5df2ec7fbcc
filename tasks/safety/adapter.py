"""What both safety tasks share: gathering fresh facts, skipping what cannot have changed, telling, and the last resort.

The steady path. The supervisor's answer can only differ from the last one when a signal it reads was written, when a
feedback changed, when a value grew stale, when its last answer changed its state or outputs, or when one of its own
timers has come. `run` asks exactly that and returns at once otherwise. When signals were written but all values are what
they were, only the staleness is computed anew; not so during a shutdown, which also wants the time of each measurement.
Every PUBLISH interval the facts are published anew, and every ASK interval the supervisor is asked in any case.
"""
from __future__ import annotations

import traceback
from abc import ABC, abstractmethod
from dataclasses import fields
from operator import attrgetter
from typing import Sequence

from drivers.interfaces import PilotState
from kernel.channels import Revision, Signal
from kernel.journal import Journal
from kernel.timer import MS, NEVER
from tasks.safety.facts import EvseFacts, PevFacts, SafetyState
from tasks.safety.supervisor import STOPPING
from tasks.safety.trips import INTERNAL_FAULT, Trip
from tasks.signals import Signals

PERIOD = 10 * MS          # while a sequence runs: feedback is polled each tick
STEADY_PERIOD = 50 * MS   # otherwise: the pace of the sensors; every visit of the table runs this row in any case
PUBLISH = 200 * MS        # facts that safety owns are renewed so often (they age after 500 ms)
ASK = 1000 * MS           # the supervisor is asked so often although nothing it reads has changed
STALL_LIMIT = 500 * MS    # longest time between two runs while anything is armed: ten times the steady pace, and the age at which facts are stale
LAST_RESORT = 1500 * MS   # when the supervisor itself fails: state B at once, open so much later (emergency_open_ms)
NO_CURRENT = 1.0          # A, S5
SEQUENCES = STOPPING | {SafetyState.Closing}
VALUE = attrgetter("value")


class SupervisorTask(ABC):
    """Base of SafetyTask and EvseSafetyTask. `fast` False evaluates at each run (to test that both agree)."""

    inboxes = ()

    def __init__(self, supervisor, read: Sequence[Signal], requests: Sequence[Signal], signals: Signals, journal: Journal, fast: bool) -> None:
        self.supervisor = supervisor
        self.evaluations = 0
        self.broken = False
        self._commanded = attrgetter(*(f.name for f in fields(supervisor.outputs)))
        self._journal = journal
        self._read = tuple(read)
        self._requests = tuple(requests)
        self._all = self._read + self._requests
        self._aged = tuple((s, s.max_age) for s in self._all)      # whatever safety judges by grows stale
        self._fast = fast
        self._calm_until = 0          # before it, no new value means that there is nothing to do
        self._act_at = 0              # before it, equal values mean equal answers
        self._stale_at = 0            # the first of the values grows stale
        self._last: list = []         # fresh values at the last look, None for the others
        self._revision = Revision()
        for signal in self._all:
            signal.revision = self._revision
        self._seen = -1               # the revision at which all values, as written, were the fresh ones of the last look
        self._publish_at = 0
        self._published: tuple = ()
        self._broken_at = NEVER
        self._ran_at = NEVER          # of the previous run
        self._reset_request = signals.reset_request
        self._reset_at = -1           # of the wish that was answered last
        self._refused = False         # a driver has yet to do what was commanded: asked again at each run
        self._contactors_closed = signals.contactors_closed.claim("safety")
        self._lock_confirmed = signals.lock_confirmed.claim("safety")
        self._pilot_commanded = signals.pilot_commanded.claim("safety")
        self._safety_state = signals.safety_state.claim("safety")
        self._safety_trip = signals.safety_trip.claim("safety")
        self._safety_hint = signals.safety_hint.claim("safety")
        self._safety_blocked = signals.safety_blocked.claim("safety")

    # --- the row ----------------------------------------------------------------------------------------------------

    def run(self, now: int) -> int:
        if self.broken:
            return self._go_on_broken(now)
        try:
            contactors, lock = self._feedback(now)
            facts = self.facts
            if now - self._ran_at > STALL_LIMIT:
                self._gather(self._values(now)[0], now)
                self.supervisor.stalled(facts, now)
                self._act_at = now
            self._ran_at = now
            if self._reset_request.at > self._reset_at:
                self._answer_reset(now)
            if now >= self._act_at or contactors is not facts.contactors or lock is not facts.lock or not self._nothing_new(now):
                facts.contactors, facts.lock = contactors, lock
                self._evaluate(now)
        except Exception as e:  # noqa: BLE001 - the last line of defence: outputs go safe although the supervisor is wrong
            self._break(now, e)
            return now + PERIOD
        calm_until = self._calm_until
        if calm_until <= now:          # a sequence runs
            return now + PERIOD
        return calm_until if calm_until < now + STEADY_PERIOD else now + STEADY_PERIOD

    def _nothing_new(self, now: int) -> bool:
        """Equal values, all fresh: equal answers. What is written again only grows younger, so the first staleness found
        at the last look comes early, never late. The revision says that none of them has a new value. A value that was
        stale at the last look is None there and something else as written: it may become fresh again without changing,
        so there is no short cut past it."""
        revision = self._revision.count
        if revision != self._seen:
            if list(map(VALUE, self._all)) != self._last:
                return False
            self._seen = revision
        if now < self._calm_until:
            return True
        values, self._stale_at = self._values(now)
        if values != self._last:
            return False
        self._publish(now)
        self._calm_until = min(self._act_at, self._stale_at, self._publish_at)
        return True

    def _evaluate(self, now: int) -> None:
        self.evaluations += 1
        supervisor = self.supervisor
        before = supervisor.state, self._commanded(supervisor.outputs)
        self._last, self._stale_at = self._values(now)
        self._seen = -1
        self._gather(self._last, now)
        self._step(now)
        if self._apply(now):
            self._step(now)          # a refused output is a trip: react to it in the same run
            self._apply(now)
        self._tell(now)
        # a step that moved judges again at once: other rows apply, and its permits see what is commanded now
        if self._refused or supervisor.state in SEQUENCES or (supervisor.state, self._commanded(supervisor.outputs)) != before:
            self._act_at = now
        else:
            self._act_at = min((now // ASK + 1) * ASK, supervisor.next_timer())
        if not self._fast:
            self._act_at = now
        self._calm_until = min(self._act_at, self._stale_at, self._publish_at)

    def _values(self, now: int) -> tuple[list, int]:
        """Fresh values of all signals in order, None for the others; and the first instant at which one grows stale."""
        values = []
        last = NEVER
        for signal, max_age in self._aged:
            value = signal.value
            if value is not None:
                at = signal.at
                end = at + max_age
                if now > end:
                    value = None
                else:
                    if at > now:          # a time stamp from the future is unknown until then
                        value = None
                        end = at - 1
                    if end < last:
                        last = end
            values.append(value)
        return values, last + 1

    def _lapsed(self, now: int) -> bool:
        return any(s.value not in (None, False) and not s.fresh(now) for s in self._requests)

    # --- to be filled by the two boxes --------------------------------------------------------------------------------

    facts: PevFacts | EvseFacts

    @abstractmethod
    def _feedback(self, now: int) -> tuple[bool | None, bool | None]:
        """(contactors, lock) as measured now."""

    @abstractmethod
    def _gather(self, values: list, now: int) -> None:
        """Put the values of all signals, in order, into facts and requests."""

    @abstractmethod
    def _step(self, now: int) -> None:
        """Ask the supervisor."""

    @abstractmethod
    def _apply(self, now: int) -> bool:
        """Bring the drivers to the outputs; True when one refused for the first time."""

    @abstractmethod
    def _last_resort(self, bound_over: bool) -> Sequence[tuple]:
        """(call, arguments...) of everything that makes the outputs safe, in order; `now` is appended."""

    @abstractmethod
    def _pilot(self) -> PilotState | None:
        """The pilot state that the drivers have acknowledged."""

    def _judge(self, refused: bool, now: int) -> bool:
        """A driver refused: latch the trip; True when it is new."""
        self._refused = refused
        if not refused:
            return False
        before = len(self.supervisor.latch.trips)
        self.supervisor.refused(self.facts, now)
        return len(self.supervisor.latch.trips) > before

    # --- telling ----------------------------------------------------------------------------------------------------

    def _tell(self, now: int) -> None:
        supervisor = self.supervisor
        if supervisor.report.notes:
            for text, args, level in supervisor.report.drain():
                self._journal.note(now, "safety", text, *args, level=level)
        if supervisor.blocked:
            self._journal.limited(now, "safety", supervisor.blocked, "waits before granting: %s. %s", supervisor.blocked, supervisor.blocked_hint, level="info")
        shown = self._shown()
        if now >= self._publish_at or shown != self._published:
            self._published = shown
            self._publish(now)

    def _shown(self) -> tuple:
        """What the other tasks see."""
        facts, supervisor = self.facts, self.supervisor
        return facts.contactors, facts.lock, self._pilot(), supervisor.state, supervisor.latch.text, supervisor.blocked

    def _publish(self, now: int) -> None:
        """The facts that safety owns, with a new time."""
        contactors, lock, pilot, state, trip, blocked, *_ = self._published
        self._publish_at = (now // PUBLISH + 1) * PUBLISH
        self._contactors_closed.set(contactors, now)
        self._lock_confirmed.set(lock, now)
        self._pilot_commanded.set(pilot, now)
        self._safety_state.set(state.name, now)
        self._safety_trip.set(trip, now)
        self._safety_hint.set(self.supervisor.latch.hint, now)
        self._safety_blocked.set(blocked, now)

    # --- from outside -----------------------------------------------------------------------------------------------

    def on_fault(self, now: int, name: str = "", cause: Trip = INTERNAL_FAULT) -> None:
        """Hook for the kernel and for the end of the process: an immediate safe shutdown begins before this returns. `cause`: one of AT_ONCE."""
        if self.broken:
            return
        try:
            if cause is INTERNAL_FAULT:
                self._journal.note(now, "safety", "fault reported by %s", name or "the kernel", level="error")
            else:
                self._journal.note(now, "safety", "everything off at once: %s", name, level="warning")
            self.facts.contactors, self.facts.lock = self._feedback(now)
            self._gather(self._values(now)[0], now)
            self.supervisor.fault(self.facts, now, cause)
            self._evaluate(now)
        except Exception as e:  # noqa: BLE001 - as in run
            self._break(now, e)

    def _answer_reset(self, now: int) -> None:
        """A person wants to begin again: what unplugging would end, a key may end as well. What has to be looked at stays."""
        wish, supervisor = self._reset_request, self.supervisor
        self._reset_at = wish.at
        if not wish.get(now) or supervisor.state is not SafetyState.Tripped:
            return
        serious = next((trip for trip in supervisor.latch.trips if trip.person), None)
        if serious is not None:
            self._journal.note(now, "safety", "no key releases %s. %s", serious.text, serious.hint, level="warning")
        elif not self.reset(now):
            self._journal.note(now, "safety", "%s is not released yet: the contactors are not confirmed open", supervisor.latch.text, level="warning")

    def reset(self, now: int) -> bool:
        """A person acknowledged the latched trip; False while the outputs are not safe or nothing is latched."""
        done = self.supervisor.reset(self.facts)
        self._act_at = now
        return done

    @property
    def state(self) -> SafetyState:
        return self.supervisor.state

    @property
    def trip(self) -> str:
        """Text of the first latched trip, empty when none."""
        return self.supervisor.latch.text

    # --- the supervisor itself is wrong -------------------------------------------------------------------------------

    def _break(self, now: int, error: Exception) -> None:
        self.broken = True
        self._broken_at = now
        self._journal.note(now, "safety", "the supervisor itself failed: %s\n%s", error, traceback.format_exc(), level="error")
        self._go_on_broken(now)

    def _go_on_broken(self, now: int) -> int:
        """State B (or power off) at once and again at each run, open after LAST_RESORT, never unlock."""
        for call, *arguments in self._last_resort(now - self._broken_at >= LAST_RESORT):
            try:
                call(*arguments, now)
            except Exception as e:  # noqa: BLE001 - one broken driver must not keep the next one from its safe position
                self._journal.limited(now, "safety", "last_resort", "driver failed: %s", e)
        self._safety_state.set(SafetyState.Tripped.name, now)
        self._safety_trip.set("Internal fault", now)
        self._contactors_closed.set(None, now)
        return now + PERIOD
