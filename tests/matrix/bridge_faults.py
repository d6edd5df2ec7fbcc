"""Every fault of a bridge's CHAdeMO side: its CAN, switch k, the car's and the bridge's contactors, the plug's voltmeter and lock, d1 and d2.

They begin at the car's node or device, so that what crosses the bus is what the invariants hear. Numbers in brackets: chademo sheet.
"""
from __future__ import annotations

import random
from typing import Any, Callable, Iterator

from drivers.can.settings import ACTIVE, BUS_OFF
from kernel.timer import MS
from tasks.chademo import wire
from tests.matrix import plant_faults, task_faults
from tests.matrix.plant_faults import IMPOSSIBLE, PlantFault
from tools.simulate.chademo.traits import CarFaults

ROWS = ("devices", "sense", "chademo", "bridge", *(row for row in task_faults.ROWS["car"] if row not in ("sense", "vehicle")))
"""Rows of the bridge's table that may fail; test_bridge.py compares."""
SPOKEN = (wire.LIMITS, wire.TIMES, wire.STATUS, wire.DYNAMIC)      # identifiers that are tried one by one [1.3 to 1.9]
FAULT_BITS, STATUS_BITS = 8, 8                                     # of 102.4 and 102.5 [1.5]; bits that mean nothing are tried, too
WRONG_V = 20.0                                                     # V: as much as a car tolerates [1.5, 102.4.4]
ABSENT = frozenset({"battery-silent", "battery-forbids", "battery-voltage-future", "vehicle-raises", "vehicle-silent"})
"""Faults of a car's box that a bridge cannot have: its battery is behind the plug."""


def told(**values: Any) -> PlantFault:
    """What the simulated car can do wrong by itself."""
    def put(charge: Any, whose: Any) -> None:
        for name in values:
            setattr(charge.vehicle.faults, name, getattr(whose, name))
    return PlantFault(lambda c, now: put(c, CarFaults(**values)), lambda c, now: put(c, CarFaults()))


def passing(fault: PlantFault, ms: int) -> PlantFault:
    """The same for so long and no longer."""
    def begin(charge: Any, now: int) -> None:
        fault.begin(charge, now)
        charge.plant.at(now + ms * MS, lambda at: fault.mend(charge, at))
    return PlantFault(begin)


# --- frames of the car ------------------------------------------------------------------------------------------------

def _sends(change: Callable[[Any, Callable[[int, bytes], bool]], Callable[[int, bytes], bool]]) -> PlantFault:
    """`change(charge, send)` takes the place of the car's `send`."""
    def begin(charge: Any, now: int) -> None:
        node = charge.vehicle.bus._node
        node.send = change(charge, node.send)

    def mend(charge: Any, now: int) -> None:
        charge.vehicle.bus._node.__dict__.pop("send", None)
    return PlantFault(begin, mend)


def _late(ids: tuple[int, ...], ms: int) -> PlantFault:
    """Each frame of these identifiers comes so much later from now on."""
    def change(charge: Any, send: Callable[[int, bytes], bool]) -> Callable[[int, bytes], bool]:
        def sent(id: int, data: bytes) -> bool:
            if ids and id not in ids:
                return send(id, data)
            charge.plant.at(charge.clock.time + ms * MS, lambda now: send(id, data))
            return True
        return sent
    return _sends(change)


def _changed(id: int, edit: Callable[[bytes], bytes]) -> PlantFault:
    """Each frame of this identifier has other octets."""
    return _sends(lambda charge, send: lambda key, data: send(key, edit(data) if key == id else data))


def _bit(octet: int, bit: int, on: bool) -> PlantFault:
    """A bit of 0x102."""
    def edit(data: bytes) -> bytes:
        value = data[octet] | 1 << bit if on else data[octet] & ~(1 << bit)
        return data[:octet] + bytes((value,)) + data[octet + 1:]
    return _changed(wire.STATUS, edit)


def _random(id: int) -> PlantFault:
    rng = random.Random(f"octets {id}")
    return _changed(id, lambda data: rng.randbytes(len(data)))


CAN: dict[str, PlantFault] = {
    "can-lost": told(silent=True),
    **{f"can-lost-{ms}": passing(told(silent=True), ms) for ms in (500, 900, 1500)},
    "can-deaf": told(deaf=True),
    "can-flood": told(flood=True),
    "can-reversed": told(reversed=True),
    "can-foreign": told(foreign=(0x000, wire.CAPABILITY, wire.CHARGER_STATUS, 0x2AA, 0x7FF)),
    "can-garbage": told(garbage=0.2),
    "can-bus-off": PlantFault(lambda c, now: c.can.link.fail(BUS_OFF), lambda c, now: c.can.link.fail(ACTIVE)),
    "can-interface-down": PlantFault(lambda c, now: setattr(c.can.link, "down", True), lambda c, now: setattr(c.can.link, "down", False)),
    **{f"can-late-{ms}": _late((), ms) for ms in (150, 300)},
    **{f"can-late-{ms}-{id:x}": _late((id,), ms) for id in SPOKEN for ms in (150, 300)},
    **{f"can-missing-{id:x}": told(missing=frozenset({id})) for id in SPOKEN},
    **{f"can-short-{id:x}": told(short=frozenset({id})) for id in SPOKEN},
    "can-short": told(short=frozenset(SPOKEN)),
    **{f"can-octets-{id:x}": _random(id) for id in SPOKEN},
    **{f"102.4.{bit}-set": _bit(4, bit, True) for bit in range(FAULT_BITS)},
    **{f"102.5.{bit}-{'set' if on else 'cleared'}": _bit(5, bit, on) for bit in range(STATUS_BITS) for on in (True, False)},
    "target-0": told(target=0),
    "target-65535": told(target=0xFFFF),
    "request-0": told(request=0),
    "request-255": told(request=255),
    "time-0": told(max_time=(0, 0)),
    "rate-0-of-0": told(rate=(0, 0)),
}
CAN["can-bus-off-500"] = passing(CAN["can-bus-off"], 500)

K: dict[str, PlantFault] = {
    "k-open": told(k_stuck=False),
    **{f"k-open-{ms}": passing(told(k_stuck=False), ms) for ms in (60, 300)},
    "k-stuck": told(k_stuck=True),
    "k-unknown": plant_faults._fails("car", "bridge.inputs"),
}


# --- contactors, lock and signals ---------------------------------------------------------------------------------------

def _drops(charge: Any, now: int) -> None:
    """The bridge contactor lets go although its coil is fed, and does not pull in any more."""
    plant = charge.plant
    plant.advance(now)
    contactors = plant.car_contactors
    wanted, contactors.commanded = contactors.commanded, False
    plant._complete(contactors, now)
    contactors.commanded, contactors.stuck = wanted, True
    plant.touch(now)


def _opens(charge: Any, now: int) -> None:
    """The CHAdeMO plug's lock lets go, and does not lock any more."""
    lock = charge.plant.vehicle_lock
    charge.plant.advance(now)
    lock.position, lock.stuck = False, True
    charge.plant.touch(now)


def _weak_supply(charge: Any, now: int) -> None:
    """Coils that take 2 A hang on an adapter that has 1.3 A [7.1]."""
    charge.plant.vehicle_coil_current = 2.0
    charge.plant.weaken_supply(now)


def _refuses(signal: str) -> PlantFault:
    """One of the drivers of d1 and d2 refuses, the other one does not."""
    def begin(charge: Any, now: int) -> None:
        setattr(charge.car.board.bridge.sequence, signal, lambda on, at: False)
    return PlantFault(begin)


VEHICLE: dict[str, PlantFault] = {
    "vehicle-contactors-never-close": told(never_close=True),
    "vehicle-contactors-late": told(late_close_s=2.0),
    "vehicle-contactors-too-late": told(late_close_s=4.5),
    "vehicle-contactors-stuck": plant_faults._actuator("vehicle_contactors", "stuck"),
    "vehicle-contactors-welded": plant_faults._actuator("vehicle_contactors", "welded"),
    "vehicle-contactors-drop": PlantFault(lambda c, now: c.plant.want_vehicle_contactors(False, now)),
    "vehicle-supply-weak": PlantFault(_weak_supply),
    "bridge-contactor-drops": PlantFault(_drops),
    **plant_faults._switch("vehicle-lock", "vehicle_lock", "car", "bridge.lock"),
    "vehicle-lock-opens": PlantFault(_opens),
    "vehicle-plug-pulled": PlantFault(lambda c, now: c.plant.unplug_vehicle(now, force=True)),
    "sequence-refuses": plant_faults._fails("car", "bridge.sequence"),
    "d1-refuses": _refuses("set_d1"),
    "d2-refuses": _refuses("set_d2"),
}

PLUG: dict[str, PlantFault] = {
    "plug-voltmeter-disconnected": plant_faults._sensor("car", "bridge.voltmeter", failed=True),
    "plug-voltmeter-stuck": plant_faults._sensor("car", "bridge.voltmeter", frozen=True),
    "plug-voltmeter-high": plant_faults._sensor("car", "bridge.voltmeter", offset=WRONG_V),
    "plug-voltmeter-low": plant_faults._sensor("car", "bridge.voltmeter", offset=-WRONG_V),
    **plant_faults._moving("plug-voltmeter", "car", "bridge.voltmeter", "vehicle_voltage"),
    **{f"plug-voltage-{word}": plant_faults._reads("car", "bridge.voltmeter", "vehicle_voltage", lambda v=value: lambda _: v)
       for word, value in IMPOSSIBLE.items()},
    "plug-voltage-future": plant_faults._future("car", "sense", "vehicle_voltage"),
}

OWN: dict[str, PlantFault] = {**CAN, **K, **VEHICLE, **PLUG}
"""What no other world has."""


def named() -> Iterator[tuple[str, PlantFault]]:
    """(whole name, fault) of every fault in the worlds of a bridge; `car-` is the box in the place of a car's."""
    rows = set(task_faults.table("car", PlantFault))
    yield from ((f"car-{name}", fault) for name, fault in plant_faults.CAR.items() if name not in ABSENT | rows)
    yield from ((f"car-{name}", fault) for name, fault in task_faults.table("car", PlantFault, ROWS).items())
    yield from ((f"charger-{name}", fault) for name, fault in plant_faults.CHARGER.items())
    yield from OWN.items()
