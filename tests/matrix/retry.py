"""The world in which the boxes begin again by themselves: what may follow a fault, and what may not.

A fault that passes must end in a second session that charges, or in a written reason why not: a latched trip, a reason that
trying again would only repeat (tasks/connection/ladder.py LASTING), an end in order. A fault that stays may go on for ever,
with pauses. Whatever it is: nothing is closed and nothing delivers in a pause, and no attempt follows another without one.
"""
from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from kernel.timer import MS, NEVER, S
from tasks.connection.ladder import LASTING
from tasks.connection.timing import POLL, T_step_X1
from tasks.stop_reasons import NORMAL_ENDS, StopReason
from tests.matrix import plant_faults, worlds
from tests.matrix.expect import CHARGER_GOOD, GOOD, always, parts
from tests.matrix.generate import Reference, elsewhere, plant_case
from tests.matrix.trial import AFTER_FAULT, AT_REST, ENDED, PRESSED, WAITING, Case, Outcome, Trial
from tests.matrix.worlds import AGAIN, RETRY, protocol

MENDED_AFTER = 3 * S             # what can be mended
CHARGED = 1 * S                  # the second session, then the driver presses stop
STILL = 10 * S                   # one has ended, the other waits for a car or for 5 % and nothing moves: it is over
PAUSE = "Pausing"
BEGINNING = frozenset({"WaitPilot", "Preparing", "Matching"})     # a car that is offered 5 % waits for no pilot
OVER = frozenset({PAUSE, "Ending", "Failed", "Finished"})
STAYS = frozenset({"silent", "blackout", "half-open", "half-open-after"})
"""Faults of messages that do not pass; beside them those `-for-ever`."""


BY_NAME = dict(plant_faults.named())


@dataclass(slots=True)
class Attempt:
    """One new beginning of a box: how long it paused before (None: it did not), and after how many failures without a session."""

    pause: int | None
    failures: int


@dataclass(slots=True)
class Retried:
    """What a case of this world shows beside its outcome."""

    attempts: dict[str, list[Attempt]] = field(default_factory=lambda: {"pev": [], "evse": []})
    ended: dict[str, list[str | None]] = field(default_factory=lambda: {"pev": [], "evse": []})      # reason of each end
    sessions: int = 0                # of the car, begun after the fault
    charged: bool = False            # one of them charged until the driver pressed stop
    went_on: bool = False            # the session of the fault did
    begun_after_stop: bool = False   # the car began again although its driver had pressed stop
    in_pause: list[str] = field(default_factory=list)


class RetryTrial(Trial):
    """The same charge; after the fault the driver waits until it charges (again), and then presses stop."""

    def begin(self, case: Case, message: Any) -> bool:
        dealt = super().begin(case, message)
        self.outcome.retried = Retried()
        self._ladder = {"pev": self._states[1], "evse": self._states[4]} if self._states else {"pev": None, "evse": None}
        self._pausing = {"pev": NEVER, "evse": NEVER}
        self._failures = {"pev": 0, "evse": 0}
        self._v2g = self._states[0] if self._states else None
        self._still_since = NEVER
        if self._v2g != "CurrentDemand" and self._stop_at < PRESSED:
            self._stop_at = NEVER
        return dealt

    def _decide(self, now: int, states: tuple) -> None:
        if self.outcome is None:
            super()._decide(now, states)
        elif self._stop_at != PRESSED:
            if states[0] != "CurrentDemand" or states[1] != "Session":
                self._stop_at = NEVER                    # nobody waits beside a car that does not charge
            elif self._stop_at == NEVER:
                self._stop_at = max(now + CHARGED, self.outcome.at + AFTER_FAULT)

    def stop(self) -> None:
        if self.outcome is not None:
            r = self.outcome.retried
            r.charged, r.went_on = r.sessions > 0, r.sessions == 0
        super().stop()

    def _changed(self, now: int, states: tuple) -> None:
        super()._changed(now, states)
        if self.outcome is None:
            return
        self._still_since = now
        r = self.outcome.retried
        if states[0] != self._v2g:
            self._v2g = states[0]
            r.sessions += states[0] == "SupportedAppProtocol"
        for role, state, v2g in (("pev", states[1], states[0]), ("evse", states[4], states[3])):
            if state == "Session" and v2g not in (None, "SupportedAppProtocol", "SessionSetup", "Ended"):
                self._failures[role] = 0                 # a session was established
            if state != self._ladder[role]:
                self._moved(role, self._ladder[role], state, now)
                self._ladder[role] = state

    def _moved(self, role: str, before: str | None, state: str | None, now: int) -> None:
        r = self.outcome.retried
        if state in OVER and before not in OVER:
            reason = (self.car if role == "pev" else self.charger).signals.stop_reason.value
            r.ended[role].append(None if reason is None else reason.name)
            self._failures[role] += 1
        if state == "Unplugged":
            self._failures[role] = 0
        elif state == PAUSE:
            self._pausing[role] = now
        elif state in BEGINNING and before in OVER:
            pause = now - self._pausing[role] if before == PAUSE else None
            r.attempts[role].append(Attempt(pause, self._failures[role]))
            r.begun_after_stop |= role == "pev" and self._stop_at == PRESSED

    def _observe(self, now: int) -> None:
        super()._observe(now)
        states = self._states
        if PAUSE in states:
            self._look_at_pause(states)
        waiting = {states[1], states[4]}
        if (waiting & ENDED and waiting <= ENDED | WAITING and states[2] in AT_REST and states[5] in AT_REST
                and self._still_since != NEVER and now - self._still_since >= STILL):
            self.done = True
        if now < self.outcome.at + MENDED_AFTER + S:     # what is mended has yet to be seen
            self.done = False

    def _look_at_pause(self, states: tuple) -> None:
        plant, board, seen = self.plant, self.car.board, self.outcome.retried.in_pause
        contactors, stage = plant.car_contactors, plant.stage
        if len(seen) >= 3:
            return
        if states[1] == PAUSE:
            if contactors.commanded or contactors.position and not (contactors.stuck or contactors.welded or board.contactors.failed):
                seen.append("the car pauses with closed contactors")
            if plant.pilot.state_c and not board.control_pilot.failed:
                seen.append("the car pauses in state C")
        if states[4] == PAUSE and stage.on and not (stage.stuck_on or stage.refuses):
            seen.append("the charger pauses and delivers")


# --- which cases ------------------------------------------------------------------------------------------------------

def every(found: Reference, alone: list[Case]) -> list[Case]:
    """Each fault of the plant in each state, mended where it can be, and each fault of a message; in the protocol of `alone`."""
    world = AGAIN[protocol(alone[0].world)]
    of_plant = [mended_case(trigger, name, fault) if fault.mend is not None else plant_case(trigger, name, fault)
                for trigger in found.states for name, fault in plant_faults.named()]
    return [elsewhere(c, world) for c in of_plant + [c for c in alone if not c.group.startswith("plant:")]]


def choice(all_of_them: list[Case], count: int, seed: int) -> list[Case]:
    """`count` by seed: half of them faults of the plant that are mended, a tenth such that stay, the others faults of messages. As
    far as the number goes, every fault of the plant and every class of the others is among them."""
    rest = list(all_of_them)
    random.Random(f"{seed} {RETRY}").shuffle(rest)
    times: Counter[str] = Counter()
    rank = {}
    for case in rest:
        rank[case.name] = times[case.group]
        times[case.group] += 1
    rest.sort(key=lambda c: rank[c.name])                # the first of each group, the second of each, ...
    plant = [c for c in rest if c.group.startswith("plant:")]
    mended, stays = [c for c in plant if passes(c)], [c for c in plant if not passes(c)]
    chosen = mended[:count // 2] + stays[:count // 10]
    return chosen + [c for c in rest if not c.group.startswith("plant:")][:count - len(chosen)]


def mended_case(trigger: tuple[str, str, int], name: str, fault: plant_faults.PlantFault) -> Case:
    """A fault of the plant that is good again after MENDED_AFTER."""
    case = plant_case(trigger, name, fault)

    def begin(middle: Any, message: Any, charge: Trial) -> bool:
        dealt = case.begin(middle, message, charge)
        charge.plant.at(charge.clock.time + MENDED_AFTER, lambda now: fault.mend(charge, now))
        return dealt
    return Case(case.name, case.group, case.trigger, begin)


# --- what is expected of them -------------------------------------------------------------------------------------------

def passes(o: Case | Outcome) -> bool:
    """The fault is over after a while, so nothing but what it left behind can keep the boxes from charging."""
    first, plant = parts(o.group)
    if plant:
        return BY_NAME[plant].mend is not None
    word = o.name.removesuffix(f"/{o.world}").split("/", 2)[2]
    return word not in STAYS and not word.endswith("-for-ever")


def objections(o: Outcome) -> list[str]:
    """Sentences about what is not as expected in this world."""
    if o.error:
        return [o.error]
    r: Retried = o.retried
    found = always(o) + r.in_pause
    if r.begun_after_stop:
        found.append("the car began again after its driver had pressed stop")
    for role, attempts in r.attempts.items():
        found += _pauses(role, attempts)
    for role, ends in r.ended.items():
        found += [f"{role} ended without a reason"] * (None in ends and role not in o.mute)
    if r.charged or r.went_on or o.stopped:
        found += _orderly(o)
    elif passes(o) and not why_not(o):
        found.append(f"nobody charged again, and nobody said why: {o.ends}, {o.reasons}")
    else:
        found += [f"{role} has ended and shows no reason" for role, ends in r.ended.items()
                  if ends and o.reasons[role] is None and o.ends[role] != "Session" and role not in o.mute]
    return found


def _pauses(role: str, attempts: list[Attempt]) -> list[str]:
    config = worlds.settings(RETRY)[0].connection
    first, ceiling = config.restart_first_ms * MS, config.restart_ceiling_ms * MS
    found = []
    for n, attempt in enumerate(attempts, 1):
        least = max(min(first << max(attempt.failures - 1, 0), ceiling), T_step_X1 if role == "evse" else 0)
        if attempt.pause is None:
            found.append(f"{role} began again without a pause")
        elif not least <= attempt.pause <= ceiling + 2 * POLL:
            found.append(f"{role} paused {attempt.pause / S:.2f} s before attempt {n}, after {attempt.failures} failures {least / S:.0f} s are due")
    return found


def _orderly(o: Outcome) -> list[str]:
    """The driver has pressed stop in a session that charged (or had before the fault)."""
    car, charger = o.reasons["pev"], o.reasons["evse"]
    if o.stopped or not passes(o) or o.trips:            # a trip that came while the driver's stop was under way
        return []
    found = [f"the car says {car} at last"] * (car not in GOOD) + [f"the charger says {charger} at last"] * (charger not in CHARGER_GOOD)
    return found + [f"not at rest: {', '.join(o.still)}"] * (not o.at_rest)


def came_to(o: Outcome) -> str:
    """One word for the report: what the case has come to."""
    r = o.retried
    if r is None or o.stopped:
        return "after the driver's stop"
    return "charged again" if r.charged else "went on" if r.went_on else "a reason not to" if why_not(o) else "a fault that stays"


def why_not(o: Outcome) -> bool:
    """A written reason not to try again, of one of the boxes (the other one waits): a trip that is still latched, or an end for which it is written."""
    for role in ("pev", "evse"):
        reason = o.reasons[role]
        if o.safety[role] == "Tripped" or o.ends[role] in ENDED and reason is not None and StopReason[reason] in LASTING | NORMAL_ENDS:
            return True
    return False
