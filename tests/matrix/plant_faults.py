"""Every fault of plant, sensors and actuators: stuck, welded, drifting, noisy, stale, disconnected, refusing, impossible."""
from __future__ import annotations

import math
import random
from dataclasses import dataclass
from itertools import count
from operator import attrgetter
from typing import Any, Callable, Iterator

from kernel.timer import S
from tests.matrix import task_faults

Change = Callable[[Any, int], object]        # (charge, now)
Reading = Callable[[float], float | None]
DRIFT = 4.0                                  # V or A per sample
NOISE = 25.0                                 # V or A, standard deviation
IMPOSSIBLE: dict[str, float] = {"nan": math.nan, "inf": math.inf, "huge": 1e9, "negative-huge": -1e9}
AHEAD = 10 * S                               # how far in the future a value is dated
BROWN_OUT = 7.0                              # V: below safety.pev.supply_min_v


@dataclass(frozen=True, slots=True)
class PlantFault:
    """`mend` makes it good again (a plug that is put back, a sensor that answers again); None: it stays, as what is welded does. An
    output that refused state B or "off" stays so, too: at the instant at which it is mended no invariant could hold."""

    begin: Change
    mend: Change | None = None


# --- kinds of faults ------------------------------------------------------------------------------------------------

def _device(node: str, name: str) -> Callable[[Any], Any]:
    return attrgetter(f"{node}.board.{name}")


def _sensor(node: str, device: str, **faults: Any) -> PlantFault:
    of = _device(node, device)
    return PlantFault(lambda c, now: of(c).set_faults(**faults), lambda c, now: of(c).set_faults())


def _reads(node: str, device: str, quantity: str, reading: Callable[[], Reading]) -> PlantFault:
    """One quantity reads what a function made by `reading` says."""
    of = _device(node, device)
    return PlantFault(lambda c, now: of(c).distort(quantity, reading()), lambda c, now: of(c).set_faults())


def _fails(node: str, device: str) -> PlantFault:
    of = _device(node, device)
    return PlantFault(lambda c, now: setattr(of(c), "failed", True), lambda c, now: setattr(of(c), "failed", False))


def _duty(node: str, reading: Callable[[], Reading] | None) -> PlantFault:
    """The duty reads something else, the pilot's state stays true."""
    of = _device(node, "pilot_monitor")
    return PlantFault(lambda c, now: setattr(of(c), "duty", reading()), lambda c, now: setattr(of(c), "duty", None))


def _actuator(name: str, attribute: str, value: Any = True) -> PlantFault:
    def mend(c: Any, now: int) -> None:
        setattr(getattr(c.plant, name), attribute, type(value)())
    return PlantFault(lambda c, now: setattr(getattr(c.plant, name), attribute, value), mend if attribute == "feedback_fault" else None)


def _plant(attribute: str, value: Any, sound: Any) -> PlantFault:
    def put(c: Any, now: int, what: Any) -> None:
        c.plant.touch(now)
        setattr(c.plant, attribute, what)
    return PlantFault(lambda c, now: put(c, now, value), lambda c, now: put(c, now, sound))


def _pilot(attribute: str, value: Any, mends: bool = False) -> PlantFault:
    """`mends`: it is the wire's fault; what the charger puts on the line stays until it puts something else."""
    def put(c: Any, now: int, what: Any) -> None:
        c.plant.touch(now)
        setattr(c.plant.pilot, attribute, what)
        c.plant.pilot.update()
    return PlantFault(lambda c, now: put(c, now, value), (lambda c, now: put(c, now, False)) if mends else None)


def _stage(attribute: str, value: Any) -> PlantFault:
    def begin(c: Any, now: int) -> None:
        c.plant.touch(now)
        setattr(c.plant.stage, attribute, value)
    return PlantFault(begin)


def _future(node: str, row: str, signal: str) -> PlantFault:
    """What the row writes into the signal carries a time that has not come."""
    def begin(c: Any, now: int) -> None:
        written = getattr(getattr(c, node).signals, signal)

        def run(at: int, run: Callable[[int], int]) -> int:
            wanted = run(at)
            written.at = at + AHEAD
            return wanted
        task_faults.instead(c, node, row, run)
    return PlantFault(begin, lambda c, now: task_faults.restore(c, node, row))


# --- tables of one device --------------------------------------------------------------------------------------------

def _feedbacks(name: str, actuator: str) -> dict[str, PlantFault]:
    return {f"{name}-feedback-{fault}": _actuator(actuator, "feedback_fault", fault) for fault in ("broken", "on", "off")}


def _switch(name: str, actuator: str, node: str, device: str) -> dict[str, PlantFault]:
    return {f"{name}-stuck": _actuator(actuator, "stuck"), **_feedbacks(name, actuator), f"{name}-refuses": _fails(node, device)}


def _drifting() -> Reading:
    steps = count(1)
    return lambda value: value + next(steps) * DRIFT


def _noisy() -> Reading:
    rng = random.Random("noise")
    return lambda value: round(value + rng.gauss(0.0, NOISE), 1)


def _stuck() -> Reading:
    kept: list[float] = []

    def reading(value: float) -> float:
        kept.append(value)
        return kept[0]
    return reading


def _moving(name: str, node: str, device: str, quantity: str) -> dict[str, PlantFault]:
    return {f"{name}-drifting": _reads(node, device, quantity, _drifting), f"{name}-noisy": _reads(node, device, quantity, _noisy)}


def _single(name: str, node: str, device: str, quantity: str) -> dict[str, PlantFault]:
    """One quantity of a device that is sound otherwise."""
    return {f"{name}-disconnected": _reads(node, device, quantity, lambda: lambda value: None),
            f"{name}-stuck": _reads(node, device, quantity, _stuck)}


def _impossible(name: str, node: str, device: str, quantity: str, signal: str) -> dict[str, PlantFault]:
    return {**{f"{name}-{word}": _reads(node, device, quantity, lambda v=value: lambda _: v) for word, value in IMPOSSIBLE.items()},
            f"{name}-future": _future(node, "sense", signal)}


def _voltmeter(name: str, node: str, device: str) -> dict[str, PlantFault]:
    """The whole device, then its voltage alone."""
    return {
        f"{name}-disconnected": _sensor(node, device, failed=True),
        f"{name}-stuck": _sensor(node, device, frozen=True),
        f"{name}-high": _sensor(node, device, offset=40.0),
        f"{name}-low": _sensor(node, device, offset=-40.0),
        **_moving(name, node, device, "voltage"),
    }


def _pilot_duty(node: str) -> dict[str, PlantFault]:
    return {"pilot-duty-disconnected": _duty(node, lambda: lambda value: None),
            **{f"pilot-duty-{word}": _duty(node, lambda v=value: lambda _: v) for word, value in IMPOSSIBLE.items()},
            "pilot-duty-future": _future(node, "sense", "pilot_duty"), "pilot-state-future": _future(node, "sense", "pilot_state")}


def _permission(allowed: bool) -> Change:
    return lambda c, now: setattr(c.plant.battery, "permission", allowed)


CAR: dict[str, PlantFault] = {
    **_switch("contactor", "car_contactors", "car", "contactors"),
    "contactor-welded": _actuator("car_contactors", "welded"),
    **_switch("lock", "car_lock", "car", "lock"),
    **_voltmeter("inlet-voltmeter", "car", "voltmeter"),
    **_impossible("inlet-voltage", "car", "voltmeter", "voltage", "inlet_voltage"),
    **_single("inlet-current", "car", "voltmeter", "current"),
    **_moving("inlet-current", "car", "voltmeter", "current"),
    **_impossible("inlet-current", "car", "voltmeter", "current", "inlet_current"),
    **_single("inlet-temperature", "car", "voltmeter", "temperature"),
    **_impossible("inlet-temperature", "car", "voltmeter", "temperature", "inlet_temperature"),
    "supply-low": _plant("supply_voltage", BROWN_OUT, 13.5),
    **_single("supply", "car", "voltmeter", "supply"),
    "pilot-monitor-disconnected": _fails("car", "pilot_monitor"),
    **_pilot_duty("car"),
    "pilot-wire-broken": PlantFault(lambda c, now: c.plant.break_pilot(now), lambda c, now: c.plant.break_pilot(now, False)),
    "pilot-short": _pilot("short", True, mends=True),
    "pilot-switch-refuses": PlantFault(_fails("car", "control_pilot").begin),
    "battery-silent": _fails("car", "vehicle"),
    "battery-forbids": PlantFault(_permission(False), _permission(True)),
    "battery-voltage-future": _future("car", "vehicle", "battery_voltage"),
    "stop-button": _plant("stop_button", True, False),
    "stop-button-disconnected": _fails("car", "inputs"),
    "inlet-hot": _plant("inlet_temperature", 120.0, 25.0),
    "unplugged-by-force": PlantFault(lambda c, now: c.plant.unplug(now, force=True), lambda c, now: c.plant.plug(now)),
    **task_faults.table("car", PlantFault),
}
CHARGER: dict[str, PlantFault] = {
    **_voltmeter("meter", "charger", "power_meter"),
    **_impossible("output-voltage", "charger", "power_meter", "voltage", "output_voltage"),
    **_single("output-current", "charger", "power_meter", "current"),
    **_moving("output-current", "charger", "power_meter", "current"),
    **_impossible("output-current", "charger", "power_meter", "current", "output_current"),
    **_single("isolation", "charger", "power_meter", "isolation"),
    **_impossible("isolation", "charger", "power_meter", "isolation", "isolation"),
    "pilot-monitor-disconnected": _fails("charger", "pilot_monitor"),
    **_pilot_duty("charger"),
    "pwm-lost": _pilot("duty", 100.0),
    "pilot-off": _pilot("duty", None),
    "pilot-source-refuses": _fails("charger", "pilot_source"),
    "stage-refuses": _stage("refuses", True),
    "stage-stuck-on": _stage("stuck_on", True),
    "stage-too-high": _stage("voltage_offset", 80.0),
    **_switch("lock", "charger_lock", "charger", "lock"),
    "isolation-low": _plant("isolation", 10_000.0, 1e6),
    "stop-button": _plant("charger_stop_button", True, False),
    "stop-button-disconnected": _fails("charger", "inputs"),
    **task_faults.table("charger", PlantFault),
}
OUTPUT_CONTACTOR: dict[str, PlantFault] = {
    **_switch("contactor", "output_contactor", "charger", "contactors"),
    "contactor-welded": _actuator("output_contactor", "welded"),
}
"""Of a charger that has one (equipment "output-contactor")."""


def named() -> Iterator[tuple[str, PlantFault]]:
    """(whole name, fault) of every fault of the usual equipment."""
    yield from ((f"car-{name}", fault) for name, fault in CAR.items())
    yield from ((f"charger-{name}", fault) for name, fault in CHARGER.items())
