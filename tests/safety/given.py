"""Facts under which everything is allowed, and supervisors brought into a state by the regular way."""
from __future__ import annotations

import dataclasses

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.safety.config import EvseSafetyConfig, PevSafetyConfig
from tasks.safety.evse_supervisor import EvseSupervisor
from tasks.safety.facts import EvseFacts, EvseRequests, PevFacts, PevRequests, SafetyState
from tasks.safety.supervisor import PevSupervisor

STEP = 10 * MS
JUST_NOW = 1 << 62         # ns: a measurement that is younger than whatever it is compared with


def facts(**changes) -> PevFacts:
    """A locked, precharged, healthy car in pilot state C."""
    good = PevFacts(pilot=PilotState.C, duty=5.0, inlet_voltage=352.0, inlet_voltage_at=JUST_NOW, inlet_steady=True, inlet_current=0.0, inlet_current_at=0, temperature=30.0, supply_voltage=13.5, connection_alive=True, stop_button=False,
                    battery_voltage=350.0, battery_max_voltage=400.0, battery_max_current=125.0, battery_target_current=100.0, permission=True,
                    reported_current=0.0, reported_current_at=0, contactors=False, lock=True)
    return dataclasses.replace(good, **changes)


def requests(pilot_c: bool = True, contactors: bool = True, lock: bool = True) -> PevRequests:
    return PevRequests(pilot_c=pilot_c, lock=lock, contactors=contactors)


NOTHING = PevRequests()
WAKE = PevRequests(wake=True)


def asleep(**changes) -> PevFacts:
    """The same car at a charger that sleeps: state B, no PWM, a dead inlet."""
    return facts(**{"pilot": PilotState.B, "duty": 100.0, "inlet_voltage": 0.0} | changes)


def pev(state: SafetyState, config: PevSafetyConfig | None = None) -> tuple[PevSupervisor, int]:
    """A supervisor in `state` and the time; contactors, current and voltage as they would then be."""
    supervisor = PevSupervisor(config if config is not None else PevSafetyConfig())
    now = S
    supervisor.step(facts(pilot=PilotState.B), NOTHING, now)
    if state is SafetyState.Idle:
        return supervisor, now
    if state is SafetyState.Waking:
        supervisor.step(asleep(), WAKE, now)
        return supervisor, now
    supervisor.step(facts(pilot=PilotState.B, inlet_voltage=0.0), requests(contactors=False), now)
    if state is SafetyState.Ready:
        return supervisor, now
    now += STEP
    supervisor.step(facts(), requests(), now)
    if state is SafetyState.Closing:
        return supervisor, now
    now += 40 * MS
    supervisor.step(facts(contactors=True), requests(), now)
    if state is SafetyState.Closed:
        return supervisor, now
    now += S
    if state is SafetyState.Tripped:
        supervisor.fault(facts(contactors=True), now)
        now += 20 * MS
        supervisor.step(facts(contactors=True, inlet_current_at=now), NOTHING, now)
        now += 20 * MS
        supervisor.step(facts(pilot=PilotState.B, contactors=False, inlet_voltage=0.0), NOTHING, now)
        return supervisor, now
    supervisor.step(facts(contactors=True, inlet_current=50.0, inlet_current_at=now), NOTHING, now)
    if state is SafetyState.CurrentOff:
        return supervisor, now
    now += 20 * MS
    supervisor.step(facts(pilot=PilotState.B, contactors=True, inlet_current_at=now), NOTHING, now)
    if state is SafetyState.Opening:
        return supervisor, now
    now += 20 * MS
    supervisor.step(facts(pilot=PilotState.B, contactors=False), NOTHING, now)
    return supervisor, now


def evse_facts(**changes) -> EvseFacts:
    """A healthy charger with a car in state C."""
    good = EvseFacts(pilot=PilotState.C, output_voltage=350.0, output_voltage_at=JUST_NOW, output_current=0.0, output_current_at=0, isolation=1e6, connection_alive=True, stop_button=False,
                     contactors=True, lock=True)
    return dataclasses.replace(good, **changes)


def output(voltage: float = 400.0, current: float = 100.0, duty: float | None = 5.0) -> EvseRequests:
    return EvseRequests(voltage=voltage, current=current, duty=duty)


def evse(delivering: bool = True, contactor: bool = False, lock: bool = False, config: EvseSafetyConfig | None = None) -> tuple[EvseSupervisor, int]:
    """A supervisor at rest with 5 % PWM, or delivering."""
    supervisor = EvseSupervisor(config if config is not None else EvseSafetyConfig(), contactor=contactor, lock=lock)
    now = S
    rest = evse_facts(output_voltage=0.0, contactors=False)
    supervisor.step(rest, EvseRequests(duty=5.0), now)
    if delivering:
        supervisor.step(rest, output(), now + STEP)
        if contactor:
            supervisor.step(evse_facts(), output(), now + 50 * MS)
            now += 50 * MS
        assert supervisor.state is SafetyState.Delivering
    return supervisor, now
