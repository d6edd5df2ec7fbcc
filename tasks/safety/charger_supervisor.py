"""What the supervisors of a DC and of an AC charger have in common: trips from outside, a trip's end, the plug, the duty that may stand on the line."""
from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Sequence

from drivers.interfaces import PilotState
from kernel.timer import NEVER
from tasks.safety.facts import AcFacts, AcOutputs, EvseFacts, EvseOutputs, Report, SafetyState
from tasks.safety.latch import Latch
from tasks.safety.supervisor import UNPLUG_DEBOUNCE
from tasks.safety.trips import AT_ONCE, INTERNAL_FAULT, OUTPUT_REFUSED, STALLED, Permit, Trip

STEADY = 100.0                # percent: +12 V without PWM (X1)
STATE_F = 0.0                 # percent: -12 V without PWM, "I am not available"
DUTY_LOW = 3.0                # percent: below is not allowed (slac-and-network sheet 3)

Idle, Tripped = SafetyState.Idle, SafetyState.Tripped


class ChargerSupervisor(ABC):
    """Base of EvseSupervisor and AcSupervisor."""

    def __init__(self, config: object, outputs: EvseOutputs | AcOutputs, table: Sequence[Trip], contactor: bool) -> None:
        self.config = config
        self.state = Idle
        self.outputs = outputs
        self.report = Report()
        self.latch = Latch(table, config, self.report)
        self.blocked = self.blocked_hint = ""     # why power that is asked for is not given, empty when nothing holds it back
        self._contactor = contactor
        self._armed = False               # the request was seen released since the last shutdown
        self._unplugged_since = NEVER
        self._tripped_at = NEVER
        self._held_duty = STEADY          # what the pilot shows while current can still flow

    def _watch_plug(self, pilot: PilotState | None, now: int) -> None:
        if pilot is not PilotState.A:
            self._unplugged_since = NEVER
        elif self._unplugged_since == NEVER:
            self._unplugged_since = now

    def _leave_on_unplug(self, f: EvseFacts | AcFacts, now: int) -> None:
        """A latched trip ends with the plug pulled, unless it is one that a person has to look at."""
        unplugged = self._unplugged_since != NEVER and now - self._unplugged_since >= UNPLUG_DEBOUNCE
        if unplugged and self._open(f) and not any(trip.person for trip in self.latch.trips):
            self._release("unplugged")

    def _open(self, f: EvseFacts | AcFacts) -> bool:
        return not self._contactor or f.contactors is False

    def _hold_back(self, row: Trip | Permit | None) -> None:
        self.blocked, self.blocked_hint = ("", "") if row is None else (row.text, row.hint)

    def _enter(self, state: SafetyState) -> None:
        if state is not self.state:
            self.report.tell("%s -> %s", self.state.value, state.value)
            self.state = state

    @abstractmethod
    def _stop(self, f, now: int) -> None:
        """A trip was latched: power off."""

    # --- from outside -----------------------------------------------------------------------------------------------

    def fault(self, facts: EvseFacts | AcFacts, now: int, cause: Trip = INTERNAL_FAULT) -> None:
        """Another task of this program failed, or somebody insists (`cause`, one of AT_ONCE): power off as an emergency."""
        first = AT_ONCE.isdisjoint(self.latch.trips)
        if self.latch.latch(cause, now) and first and self.state is not Tripped:
            self._stop(facts, now)

    def stalled(self, facts: EvseFacts | AcFacts, now: int) -> None:
        """This program did not run for longer than anything may be left alone."""
        if self.state is not Idle and self.latch.latch(STALLED, now) and self.state is not Tripped:
            self._stop(facts, now)

    def refused(self, facts: EvseFacts | AcFacts, now: int) -> None:
        """A driver did not do what was commanded."""
        if self.latch.latch(OUTPUT_REFUSED, now) and self.state is not Tripped:
            self._stop(facts, now)

    def reset(self, facts: EvseFacts | AcFacts) -> bool:
        """A person acknowledged the trip; False while the outputs are not safe."""
        if self.state is not Tripped or not self._open(facts):
            return False
        self._release("reset")
        return True

    def _release(self, how: str) -> None:
        self.report.tell("trip %s left: %s", self.latch.text, how)
        self.latch.clear()
        self._armed = False
        self._tripped_at = NEVER
        self._enter(Idle)


def valid_duty(duty: float | None) -> float:
    """A duty that may stand on the line, state F among them, or steady +12 V."""
    return duty if duty is not None and (DUTY_LOW <= duty <= STEADY or duty == STATE_F) else STEADY


def shown(duty: float) -> float | None:
    """The duty as the driver wants it: None is state F."""
    return None if duty == STATE_F else duty
