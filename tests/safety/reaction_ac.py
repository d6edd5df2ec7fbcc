"""How long each trip of the AC charger, and the car that leaves state C, takes from the fact at its source to the contactor commanded open."""
from __future__ import annotations

from typing import Callable

from kernel.timer import S
from tasks.safety.ac_trips import AC_TRIPS
from tasks.sense.task import AC_PERIOD
from tests.safety.ac_bench import AcBench
from tests.safety.bench import TICK
from tests.safety.fault import Fault

LEFT_C = "car_left_c"                # no trip, but what has to be fastest: 100 ms with the contactor's own time (IEC 61851-1)
HOLD = {trip.name: trip.hold // TICK for trip in AC_TRIPS} | {LEFT_C: 0}
#: Ticks of 10 ms: a sample waits for the next look of its reader (20 ms) and is judged in that tick's visit or the next; contactor and lock are read
#: by the supervisor itself; what the connection supervision says grows stale after 2 s.
BOUNDS = {"sensor": AC_PERIOD // TICK + 1, "feedback": 2, "task silent": 201}


def fault(kind: str, inject: Callable[[AcBench], object], state: str = "Delivering") -> Fault:
    return Fault(kind, state, inject, BOUNDS[kind])


def leaves_c(b: AcBench) -> None:
    b.car(False)


def broken(name: str, how: str) -> Callable[[AcBench], object]:
    return lambda b: setattr(b.plant.ac.contactor if name == "contactor" else b.plant.charger_lock, "feedback_fault", how)


FAULTS = {
    LEFT_C: fault("sensor", leaves_c),
    "pilot_lost": fault("sensor", lambda b: b.plant.break_pilot(b.now)),
    "pwm_wrong": fault("sensor", lambda b: setattr(b.monitor, "duty", lambda percent: 40.0)),
    "residual_current": fault("sensor", lambda b: setattr(b.plant.ac, "tripped", True)),
    "residual_unknown": fault("sensor", lambda b: setattr(b.detector, "failed", True)),
    "lock_lost": fault("feedback", broken("lock", "off")),
    "supervision_silent": fault("task silent", lambda b: setattr(b, "supervised", False)),
    "stop_button": fault("sensor", lambda b: setattr(b.plant, "charger_stop_button", True)),
    "contactor_dropped": fault("feedback", broken("contactor", "broken")),
    "contactor_uncommanded": fault("feedback", broken("contactor", "on"), "Idle"),
    "overcurrent": fault("sensor", lambda b: b.meter.distort("current", lambda amperes: 30.0)),
}


def measure(name: str, phase: int) -> int:
    """Ticks from the bad fact to open commanded (in Idle, where it stands already: to the trip), the hold included."""
    row = FAULTS[name]
    b = AcBench()
    if row.state == "Delivering":
        b.charge(settle=4 * S)
    else:
        b.run(S)
    b.run(phase * TICK)
    row.inject(b)
    began = b.now
    b.until(lambda: bool(b.trips) or row.state == "Delivering" and not b.plant.ac.contactor.commanded, limit=15 * S)
    ticks = (b.now - began) // TICK
    assert not b.plant.ac.contactor.commanded and b.safety._set_contactors is False, "a trip without open in the same tick"
    assert b.trips == ([] if name == LEFT_C else [name]), (name, b.trips)
    return ticks
