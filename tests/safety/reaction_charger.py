"""How long each trip of the charger takes from the bad fact at the sensor to the power stage commanded off."""
from __future__ import annotations

from typing import Callable

from kernel.timer import S
from tasks.safety.trips import EVSE_TRIPS
from tests.safety.bench import TICK, Bench
from tests.safety.fault import SENSE, Fault

HOLD = {trip.name: trip.hold // TICK for trip in EVSE_TRIPS}
#: Ticks of 10 ms: a sample waits for the next look of its reader (50 ms) and is judged in that tick's visit or the next; contactor and lock are read
#: by the supervisor itself; what the connection supervision says grows stale after 2 s.
BOUNDS = {"sensor": 6, "feedback": 6, "task silent": 201}


def fault(kind: str, inject: Callable[[Bench], object], state: str = "Delivering") -> Fault:
    return Fault(kind, state, inject, BOUNDS[kind])


def reads(quantity: str, value: float | None) -> Callable[[Box], object]:
    """The charger's sensor reads that from now on; the car goes on undisturbed."""
    return lambda b: setattr(b.sense, quantity, lambda now: value)


def broken(name: str, how: str) -> Callable[[Bench], object]:
    return lambda b: setattr(getattr(b.plant, name), "feedback_fault", how)


FAULTS = {
    "pilot_lost": fault("sensor", lambda b: b.plant.break_pilot(b.now)),
    "output_overvoltage": fault("sensor", reads("_output_voltage", 600.0)),
    "output_voltage_unknown": fault("sensor", reads("_output_voltage", None)),
    "output_current_unknown": fault("sensor", reads("_output_current", None)),
    "output_overcurrent": fault("sensor", reads("_output_current", 200.0)),
    "lock_lost": fault("feedback", broken("charger_lock", "off")),
    "supervision_silent": fault("task silent", lambda b: b._alive.pop()),
    "contactor_dropped": fault("feedback", broken("output_contactor", "broken")),
    "contactor_uncommanded": fault("feedback", broken("output_contactor", "on"), "Idle"),
    "stop_button": fault("sensor", lambda b: setattr(b.plant, "charger_stop_button", True)),
    "isolation": fault("sensor", lambda b: setattr(b.plant, "isolation", 20_000.0)),
    "isolation_unknown": fault("sensor", reads("_isolation", None)),
}


class Box(Bench):
    """A bench at the pace of the real table, whose charger has an output contactor and a lock."""

    def __init__(self) -> None:
        super().__init__(output_contactor=True)
        self._rows = [(SENSE if pace == 20 else pace, task) for pace, task in self._rows]
        self.sense = self._rows[3][1]


def brought(state: str) -> Box:
    """In `state`, by the regular way."""
    box = Box()
    if state == "Delivering":
        box.charge(settle=2 * S)
        assert box.plant.stage.on and box.plant.current > 5.0, box.lines
    else:
        box.run(S)
    assert box.evse.state.name == state, box.lines
    return box


def measure(name: str, phase: int) -> int:
    """Ticks from the bad fact to power off commanded (in Idle, where it is off already: to the trip), the hold included."""
    row = FAULTS[name]
    box = brought(row.state)
    box.run(phase * TICK)
    row.inject(box)
    began = box.now
    supervisor = box.evse.supervisor
    box.until(lambda: bool(supervisor.latch.trips) or row.state == "Delivering" and not box.plant.stage.on, limit=15 * S)
    ticks = (box.now - began) // TICK
    assert not box.plant.stage.on and box.evse._set_stage is None and not supervisor.outputs.on, "a trip without power off in the same tick"
    assert name in [trip.name for trip in supervisor.latch.trips], (name, [t.name for t in supervisor.latch.trips])
    return ticks
