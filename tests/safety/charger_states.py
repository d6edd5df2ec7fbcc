"""A charger with contactor and lock, brought into each of its states by the regular way."""
from __future__ import annotations

from kernel.timer import S
from tasks.safety.evse_supervisor import EvseSupervisor
from tasks.safety.facts import EvseRequests, SafetyState
from tests.safety.given import STEP, evse, evse_facts, output

Idle, Closing, Delivering = SafetyState.Idle, SafetyState.Closing, SafetyState.Delivering
CurrentOff, Opening, Decay, Tripped = SafetyState.CurrentOff, SafetyState.Opening, SafetyState.Decay, SafetyState.Tripped
REST = {"output_voltage": 0.0, "contactors": False}
RELEASED = EvseRequests(duty=5.0)


def told(supervisor: EvseSupervisor) -> list[str]:
    return [f"{level}: {text % arguments}" for text, arguments, level in supervisor.report.drain()]


def driven(state: SafetyState) -> tuple[EvseSupervisor, int]:
    """A charger with contactor and lock in `state`, and the time."""
    if state in (Idle, Delivering):
        return evse(state is Delivering, True, True)
    if state is Closing:
        s, now = evse(False, True, True)
        s.step(evse_facts(**REST), output(), now + STEP)
        return s, now + STEP
    s, now = evse(True, True, True)
    now += S
    s.step(evse_facts(output_current=50.0, stop_button=state is Tripped), RELEASED, now)
    if state is CurrentOff:
        return s, now
    now += STEP
    s.step(evse_facts(output_current_at=now), RELEASED, now)
    if state is Opening:
        return s, now
    now += STEP
    s.step(evse_facts(contactors=False, output_voltage=0.0 if state is Tripped else 350.0), RELEASED, now)
    return s, now


STATES = (Idle, Closing, Delivering, CurrentOff, Opening, Decay, Tripped)
