"""Every fault of plant, sensors and actuators: stuck, welded, drifting, noisy, stale, disconnected, refusing."""
from __future__ import annotations

import random
from typing import Any, Callable

from kernel.timer import MS

PlantFault = Callable[[Any, int], None]      # (charge, now)
STEP = 50 * MS                               # how often noise and drift change: the period of the sensors
STEPS = 400
DRIFT = 4.0                                  # V per step
NOISE = 25.0                                 # V, standard deviation


def _sensor(node: str, device: str, **faults: Any) -> PlantFault:
    return lambda c, now: getattr(getattr(c, node).board, device).set_faults(**faults)


def _moving(node: str, device: str, offset: Callable[[int, random.Random], float]) -> PlantFault:
    """An offset that changes with each sample."""
    def begin(c: Any, now: int) -> None:
        sensor, rng = getattr(getattr(c, node).board, device), random.Random(f"{node} {device}")
        for n in range(1, STEPS):
            value = offset(n, rng)
            c.plant.at(now + n * STEP - MS, lambda t, v=value: sensor.set_faults(offset=v or 0.1))
    return begin


def _fails(node: str, device: str) -> PlantFault:
    return lambda c, now: setattr(getattr(getattr(c, node).board, device), "failed", True)


def _actuator(name: str, attribute: str, value: Any = True) -> PlantFault:
    return lambda c, now: setattr(getattr(c.plant, name), attribute, value)


def _plant(attribute: str, value: Any) -> PlantFault:
    def begin(c: Any, now: int) -> None:
        c.plant.touch(now)
        setattr(c.plant, attribute, value)
    return begin


def _pilot(attribute: str, value: Any) -> PlantFault:
    def begin(c: Any, now: int) -> None:
        c.plant.touch(now)
        setattr(c.plant.pilot, attribute, value)
        c.plant.pilot.update()
    return begin


def _stage(attribute: str, value: Any) -> PlantFault:
    def begin(c: Any, now: int) -> None:
        c.plant.touch(now)
        setattr(c.plant.stage, attribute, value)
    return begin


def _feedbacks(name: str, actuator: str) -> dict[str, PlantFault]:
    return {f"{name}-feedback-{fault}": _actuator(actuator, "feedback_fault", fault) for fault in ("broken", "on", "off")}


def _sensors(name: str, node: str, device: str) -> dict[str, PlantFault]:
    return {
        f"{name}-disconnected": _sensor(node, device, failed=True),
        f"{name}-stuck": _sensor(node, device, frozen=True),
        f"{name}-high": _sensor(node, device, offset=40.0),
        f"{name}-low": _sensor(node, device, offset=-40.0),
        f"{name}-drifting": _moving(node, device, lambda n, rng: n * DRIFT),
        f"{name}-noisy": _moving(node, device, lambda n, rng: rng.gauss(0.0, NOISE)),
    }


def _stale(node: str, row: str) -> PlantFault:
    """The row that writes the signals does nothing any more: what it last wrote grows old."""
    def begin(c: Any, now: int) -> None:
        next(r for r in getattr(c, node).kernel.rows if r.name == row).task.run = lambda t: t + STEP
    return begin


CAR: dict[str, PlantFault] = {
    "contactor-stuck": _actuator("car_contactors", "stuck"),
    "contactor-welded": _actuator("car_contactors", "welded"),
    **_feedbacks("contactor", "car_contactors"),
    "contactor-refuses": _fails("car", "contactors"),
    "lock-stuck": _actuator("car_lock", "stuck"),
    **_feedbacks("lock", "car_lock"),
    "lock-refuses": _fails("car", "lock"),
    **_sensors("inlet-voltmeter", "car", "voltmeter"),
    "pilot-monitor-disconnected": _fails("car", "pilot_monitor"),
    "pilot-wire-broken": lambda c, now: c.plant.break_pilot(now),
    "pilot-short": _pilot("short", True),
    "pilot-switch-refuses": _fails("car", "control_pilot"),
    "sensors-stale": _stale("car", "sense"),
    "battery-stale": _stale("car", "vehicle"),
    "battery-silent": _fails("car", "vehicle"),
    "battery-forbids": lambda c, now: setattr(c.plant.battery, "permission", False),
    "stop-button": _plant("stop_button", True),
    "stop-button-disconnected": _fails("car", "inputs"),
    "inlet-hot": _plant("inlet_temperature", 120.0),
    "unplugged-by-force": lambda c, now: c.plant.unplug(now, force=True),
}
CHARGER: dict[str, PlantFault] = {
    **_sensors("meter", "charger", "power_meter"),
    "pilot-monitor-disconnected": _fails("charger", "pilot_monitor"),
    "pwm-lost": _pilot("duty", 100.0),
    "pilot-off": _pilot("duty", None),
    "pilot-source-refuses": _fails("charger", "pilot_source"),
    "stage-refuses": _stage("refuses", True),
    "stage-stuck-on": _stage("stuck_on", True),
    "stage-too-high": _stage("voltage_offset", 80.0),
    "lock-stuck": _actuator("charger_lock", "stuck"),
    **_feedbacks("lock", "charger_lock"),
    "lock-refuses": _fails("charger", "lock"),
    "sensors-stale": _stale("charger", "sense"),
    "isolation-low": _plant("isolation", 10_000.0),
    "stop-button": _plant("charger_stop_button", True),
    "stop-button-disconnected": _fails("charger", "inputs"),
}
FAULTS: dict[str, dict[str, PlantFault]] = {"pev": CAR, "evse": CHARGER}
