"""An AC charger: facts under which everything is allowed, and its supervisor brought into a state by the regular way."""
from __future__ import annotations

import dataclasses

from drivers.interfaces import PilotState
from kernel.timer import S
from tasks.safety.ac_supervisor import AcSupervisor
from tasks.safety.config import AcSafetyConfig
from tasks.safety.facts import AcFacts, AcRequests, SafetyState
from tests.safety.given import STEP

Idle, Closing, Delivering = SafetyState.Idle, SafetyState.Closing, SafetyState.Delivering
CurrentOff, Opening, Tripped = SafetyState.CurrentOff, SafetyState.Opening, SafetyState.Tripped
STATES = (Idle, Closing, Delivering, CurrentOff, Opening, Tripped)
RELEASED = AcRequests(duty=5.0)
ENDED = AcRequests(ended=True, duty=5.0)
LAPSED = AcRequests(duty=5.0, lapsed=True)


def ac_facts(**changes) -> AcFacts:
    """A healthy wallbox with a socket and a meter, a car in state C, the contactor closed."""
    good = AcFacts(pilot=PilotState.C, duty=5.0, duty_set=5.0, current=0.0, current_at=0, residual_current=False, connection_alive=True,
                   stop_button=False, contactors=True, lock=True)
    return dataclasses.replace(good, **changes)


def rest(**changes) -> AcFacts:
    """The same with the contactor open."""
    return ac_facts(**{"contactors": False, **changes})


def close(**changes) -> AcRequests:
    return dataclasses.replace(AcRequests(close=True, duty=5.0), **changes)


NOMINAL = 26.5                       # percent: the duty of 16 A in steps of 0.5


def by_pilot(**changes) -> AcRequests:
    """No session; the car may charge by the pilot alone."""
    return dataclasses.replace(AcRequests(by_pilot=True, duty=NOMINAL), **changes)


def alone(state: SafetyState = Delivering, lock: bool = True, config: AcSafetyConfig | None = None) -> tuple[AcSupervisor, int]:
    """Idle (the car has just shown state C), Closing or Delivering by the pilot alone."""
    s = AcSupervisor(config if config is not None else AcSafetyConfig(), lock=lock)
    now, seen = S, {"duty": NOMINAL, "duty_set": NOMINAL, "lock": lock or None}
    s.step(rest(pilot=PilotState.B, **seen), by_pilot(), now)
    s.step(rest(pilot=PilotState.B, **seen), by_pilot(), now + 1)
    s.step(rest(**seen), by_pilot(), now + STEP)
    if state is not Idle:
        now += STEP + S
        s.step(rest(**seen), by_pilot(), now)
    if state is Delivering:
        now += STEP
        s.step(ac_facts(**seen), by_pilot(), now)
    assert s.state is state
    s.report.drain()
    return s, now + STEP * (state is Idle)


def told(supervisor: AcSupervisor) -> list[str]:
    return [f"{level}: {text % arguments}" for text, arguments, level in supervisor.report.drain()]


def ac(state: SafetyState = Delivering, lock: bool = True, config: AcSafetyConfig | None = None) -> tuple[AcSupervisor, int]:
    """A supervisor in `state` and the time; what it has told is drained."""
    s = AcSupervisor(config if config is not None else AcSafetyConfig(), lock=lock)
    now = S
    s.step(rest(pilot=PilotState.B), RELEASED, now)
    if state is not Idle:
        now += STEP
        s.step(rest(), close(), now)
    if state not in (Idle, Closing):
        now += STEP
        s.step(ac_facts(), close(), now)
        now += S
    if state is CurrentOff:
        s.step(ac_facts(current=10.0, current_at=now), RELEASED, now)
    elif state is Opening:
        s.step(ac_facts(pilot=PilotState.B), RELEASED, now)
    elif state is Tripped:
        s.step(ac_facts(stop_button=True), RELEASED, now)
        now += STEP
        s.step(rest(stop_button=True), RELEASED, now)
    assert s.state is state
    s.report.drain()
    return s, now
