"""How long each trip of the car takes from the bad fact at the sensor to state B commanded."""
from __future__ import annotations

from typing import Callable

from kernel.timer import S
from tasks.safety.config import PevSafetyConfig
from tasks.safety.trips import PEV_TRIPS
from tests.safety.bench import TICK, Bench
from tests.safety.fault import SENSE, VEHICLE, Fault

HOLD = {trip.name: trip.hold // TICK for trip in PEV_TRIPS}


def fault(kind: str, inject: Callable[[Bench], object], state: str = "Closed", bound: int = 0, **config) -> Fault:
    return Fault(kind, state, inject, bound or BOUNDS[kind], config)


#: Ticks of 10 ms. A sample waits for the next look of its reader and is judged in that tick's visit or the next; feedback is read by the supervisor itself.
BOUNDS = {"sensor": 6, "feedback": 6, "battery": 21, "task silent": 201, "charger's word": 301}


def current(value: float | None) -> Callable[[Bench], object]:
    return lambda b: setattr(b.sense, "_inlet_current", lambda now: value)


def voltage(value: float | None) -> Callable[[Bench], object]:
    return lambda b: setattr(b.sense, "_inlet_voltage", lambda now: value)


def beside(difference: float) -> Callable[[Bench], object]:
    return lambda b: voltage(b.plant.battery.ocv() + difference)(b)


def pilot_reads_b(b: Bench) -> None:
    b.plant.pilot.state_c = False
    b.plant.pilot.update()


def pilot_reads_c(b: Bench) -> None:
    b.plant.pilot.state_c = True
    b.plant.pilot.update()


def broken(name: str, how: str) -> Callable[[Bench], object]:
    return lambda b: setattr(getattr(b.plant, name), "feedback_fault", how)


FAULTS = {
    "pilot_lost": fault("sensor", lambda b: b.plant.break_pilot(b.now)),
    "pilot_not_c": fault("sensor", pilot_reads_b),
    "pilot_stuck_c": fault("sensor", pilot_reads_c, "Idle"),
    "pwm_lost": fault("sensor", lambda b: b.source.set_duty(100.0, b.now)),
    "lock_lost": fault("feedback", broken("car_lock", "off")),
    "live_unlocked": fault("feedback", broken("car_lock", "off"), "Ready"),
    "inlet_overvoltage": fault("sensor", voltage(600.0)),
    "battery_overvoltage": fault("sensor", voltage(480.0)),
    "inlet_voltage_unknown": fault("sensor", voltage(None)),
    "reported_voltage_unknown": fault("charger's word", lambda b: setattr(b, "heard", False), voltage_sensor_fitted=False),
    "unmatch": fault("sensor", beside(-25.0), "Closing"),
    "supply_low": fault("sensor", lambda b: setattr(b.plant, "supply_voltage", 7.0), supply_sensor_fitted=True),
    "supervision_silent": fault("task silent", lambda b: setattr(b, "supervised", False)),
    "contactor_dropped": fault("feedback", broken("car_contactors", "broken")),
    "contactor_uncommanded": fault("feedback", broken("car_contactors", "on"), "Ready"),
    "stop_button": fault("sensor", lambda b: setattr(b.plant, "stop_button", True)),
    "permission": fault("battery", lambda b: setattr(b.plant.battery, "permission", False)),
    "battery_unknown": fault("battery", lambda b: setattr(b.bms, "failed", True)),
    "temperature_high": fault("sensor", lambda b: setattr(b.plant, "inlet_temperature", 75.0)),
    "temperature_unknown": fault("sensor", lambda b: setattr(b.sense, "_inlet_temperature", lambda now: None)),
    "current_unknown": fault("sensor", current(None)),
    "mismatch": fault("sensor", beside(-25.0)),
    "reverse_current": fault("sensor", current(-20.0)),
    "overcurrent": fault("sensor", current(180.0)),
    "current_deviation": fault("sensor", lambda b: (setattr(b.plant.battery, "max_power", 20_000.0), current(90.0)(b)), bound=25),       # sensor and BMS
}


class Box(Bench):
    """A bench at the pace of the real table, whose charger says its voltage."""

    def __init__(self, config: dict) -> None:
        super().__init__(pev=PevSafetyConfig(**config))
        paces = {20: SENSE, 100: VEHICLE}
        self._rows = [(paces.get(pace, pace), task) for pace, task in self._rows]
        self.sense = self._rows[0][1]
        self.heard = True
        said = self.car.evse_present_voltage.claim("v2g")
        self.each_tick = lambda: said.set(self.plant.inlet_voltage, self.now) if self.heard else None


def brought(state: str, config: dict) -> Box:
    """In `state`, by the regular way."""
    box = Box(config)
    if state == "Closed":
        box.charge(settle=2 * S)
    elif state != "Idle":
        box.run(S)
        box.want(lock=True)
        box.until(lambda: box.car.lock_confirmed.get(box.now) is True)
        box.want(c=True)
        box.run(S)
        box.want(output=(box.plant.battery.ocv(), 2.0))
        box.run(3 * S)
    else:
        box.run(S)
    if state == "Closing":
        box.plant.car_contactors.stuck = True              # time enough for a sample: the travel time ends it otherwise
        box.want(closed=True)
        box.until(lambda: box.state == "Closing")
    assert box.state == state, box.lines
    return box


def measure(name: str, phase: int) -> int:
    """Ticks from the bad fact to state B commanded (in Idle, where it stands already: to the trip), the hold included."""
    row = FAULTS[name]
    box = brought(row.state, row.config)
    if row.state != "Closing":
        box.run(phase * TICK)
    row.inject(box)
    began = box.now
    supervisor = box.safety.supervisor
    box.until(lambda: bool(supervisor.latch.trips), limit=15 * S)
    ticks = (box.now - began) // TICK
    assert box.safety._set_pilot is False and not supervisor.outputs.pilot_c, "a trip without state B in the same tick"
    assert name in [trip.name for trip in supervisor.latch.trips], (name, [t.name for t in supervisor.latch.trips])
    return ticks
