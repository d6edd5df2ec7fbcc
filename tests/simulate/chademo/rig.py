"""A scripted CHAdeMO charger over the plant, and a world of it and one car: what a car is tested against."""
from __future__ import annotations

from typing import Callable

from drivers.sim.bridge_plant import BridgePlant
from drivers.sim.can import CanSegment
from drivers.sim.plant_config import PlantConfig
from kernel.clock import VirtualClock
from kernel.timer import MS, S
from kernel.world import World
from tasks.chademo.wire import (CHARGING, LOCKED, STATUS, STOP_CONTROL, Capability, ChargerStatus, DischargeCharger, DischargeTime, VehicleStatus,
                                parse)
from tasks.errors import WireError
from tools.simulate.chademo.car import Car
from tools.simulate.chademo.profiles import PROFILES, with_battery_of
from tools.simulate.chademo.traits import CarTraits

TURN = 5 * MS
IDLE, READY = STOP_CONTROL, STOP_CONTROL | LOCKED                                # 0x20, 0x24
DELIVERING, ENDING = LOCKED | CHARGING, STOP_CONTROL | LOCKED | CHARGING         # 0x05, 0x25


class ScriptedCharger:
    """A Source: 0x108 and 0x109 every 100 ms from the car's first 0x100 on; acts by itself while `auto`, else as `at` says.

    `heard`: every frame of the car as (ns, identifier, octets); `switch_k`: when k moved.
    What a test changes: `protocol`, `available`, `voltage_offset`, `errors`
    (bits of 109.5), `flags` False (never 109.5.0), `delivers` (A out of the request), `frames` False (silent), `holds` (the bridge contactor
    stays closed), `d2_after_s`, `reports` (V for 109.1-2), `reported_current` (A for 109.3), `discharge` (A for 208.3, None: 109.4.0 is 0), `withholds`
    (identifiers that are not sent).
    """

    def __init__(self, plant: BridgePlant, segment: CanSegment, reply_ms: int = 65, auto: bool = True) -> None:
        self.plant, self.auto = plant, auto
        self.heard: list[tuple[int, int, bytes]] = []
        self.switch_k: list[tuple[int, bool]] = []
        self.first: int | None = None
        self.protocol, self.available, self.threshold = 2, 100.0, 435.0
        self.voltage_offset, self.errors, self.status = 0.0, 0, IDLE
        self.flags = self.frames = True
        self.holds = self.stop = False
        self.remaining: float | None = 3600.0
        self.delivers: Callable[[int], float] = float
        self.reports: Callable[[], float] = lambda: self.plant.inlet_voltage if self.plant.car_contactors.position else self.plant.plug_voltage
        self.reported_current: float | None = None
        self.d2_after_s = 0.3
        self.discharge: int | None = None
        self.withholds: frozenset[int] = frozenset()
        self._node = segment.node()
        self._node.start(None)
        self._reply = reply_ms * MS
        self._next = self._send_at = self._since = 0
        self._phase = "wake"
        self._script: list[tuple[int, Callable[[int], object]]] = []

    def next_event(self) -> int:
        return self._next

    def at(self, seconds: float, action: Callable[[int], object]) -> None:
        """At so many seconds after the car's first frame; in the order of time."""
        self._script.append((round(seconds * S), action))

    def last(self, id: int = STATUS) -> VehicleStatus | None:
        """The newest 0x102 as it came."""
        data = next((data for _, i, data in reversed(self.heard) if i == id), None)
        try:
            return None if data is None else parse(id, data)
        except WireError:
            return None

    def deliver(self, now: int) -> None:
        self.plant.advance(now)
        for id, data in self._node.receive(1000):
            self.heard.append((now, id, data))
            self.first = now if self.first is None else self.first
        if self.first is not None:
            while self._script and self._script[0][0] + self.first <= now:
                self._script.pop(0)[1](now)
        if self.plant.k != (self.switch_k[-1][1] if self.switch_k else False):
            self.switch_k.append((now, self.plant.k))
        if self.auto:
            self._act(now)
        if self.first is not None and now >= max(self._send_at, self.first + self._reply) and self.frames:
            self._send_at = now + 100 * MS
            self._node.send(0x108, Capability(True, 500.0, self.available, self.threshold).emit())
            volts, amperes = max(0.0, self.reports() + self.voltage_offset), self.plant.current if self.reported_current is None else self.reported_current
            self._node.send(0x109, ChargerStatus(self.protocol, volts, amperes, self.status | self.errors, self.remaining,
                                                  self.discharge is not None).emit())
            if self.discharge is not None:
                for message in (DischargeCharger(round(max(0.0, -self.plant.current)), 500, self.discharge, 250), DischargeTime(2, 5)):
                    if message.id not in self.withholds:
                        self._node.send(message.id, message.emit())
        self._next = now + TURN

    def supply(self, now: int, current: float) -> None:
        """So much current into the battery."""
        self.plant.command_stage(True, 460.0, current, now)

    def precharge(self, now: int) -> None:
        self.plant.command_stage(True, self.plant.battery.ocv(), 2.0, now)

    def off(self, now: int) -> None:
        self.plant.command_stage(False, 0.0, 0.0, now)

    def bridge(self, now: int, closed: bool) -> None:
        self.plant.command(self.plant.car_contactors, closed, now)

    def _to(self, phase: str, now: int) -> None:
        self._phase, self._since = phase, now

    def _act(self, now: int) -> None:
        plant, said = self.plant, self.last()
        waited = (now - self._since) / S
        enabled = said is not None and bool(said.status & 1)
        if self._phase == "wake":
            plant.set_sequence(now, d1=True)
            if enabled and (plant.k or plant.vehicle_own_supply):
                self.status = READY
                self.precharge(now)
                self._to("ready", now)
        elif self._phase == "ready" and waited >= self.d2_after_s:
            plant.set_sequence(now, d2=True)
            if waited >= 2.0 and plant.vehicle_contactors.position and not plant.car_contactors.commanded:
                self.bridge(now, True)
            if plant.car_contactors.position and said.current_request and self.flags:
                self.status = DELIVERING
                self._to("charging", now)
            elif not enabled:
                self._to("stopping", now)
        elif self._phase == "charging":
            self.supply(now, self.delivers(said.current_request))
            if self.stop or not enabled:
                self.status = ENDING
                self.supply(now, 0.0)
                self._to("stopping", now)
        elif self._phase == "stopping" and plant.current <= 5.0:
            self.status = READY
            self.off(now)
            if not plant.k and not self.holds:
                self.bridge(now, False)
            if said.status & 8 or waited >= 6.0:
                plant.set_sequence(now, d2=False)
                self._to("end", now)
        elif self._phase == "end" and waited >= 0.5 and plant.plug_voltage <= 10.0:
            plant.set_sequence(now, d1=False)
            self.status = IDLE


class Rig:
    """`run(seconds)`; `rows(id)`: (s after the car's first frame, octets) whenever they changed."""

    def __init__(self, traits: CarTraits | str, soc: float = 50.0, auto: bool = True, reply_ms: int = 65, rng=None, **settings) -> None:
        self.traits = PROFILES[traits] if isinstance(traits, str) else traits
        self.plant = BridgePlant(with_battery_of(self.traits, PlantConfig(plugged=True, **settings), soc))
        self.segment = CanSegment()
        self.charger = ScriptedCharger(self.plant, self.segment, reply_ms, auto)
        self.car = Car(self.traits, self.plant, self.segment.node(), rng=rng)
        self.world = World(VirtualClock(), [], [self.plant, self.car, self.charger])

    @property
    def now(self) -> int:
        return self.world.clock.time

    def run(self, seconds: float) -> None:
        self.world.run_until(self.now + round(seconds * S))

    def until(self, what: str, seconds: float = 60.0) -> None:
        """Until the car has noted it; an AssertionError when it has not within `seconds`."""
        end = self.now + round(seconds * S)
        while self.car.notes.when(what) is None:
            assert self.now < end, f"{what} did not happen: {[(n.at / S, n.what) for n in self.car.log]}"
            self.world.run_until(self.now + TURN)

    def of(self, id: int) -> list[tuple[float, bytes]]:
        """All frames of one identifier, s after the car's first."""
        return [((at - self.charger.first) / S, data) for at, i, data in self.charger.heard if i == id]

    def rows(self, id: int, part: slice) -> list[tuple[float, bytes]]:
        """When a part of a frame took another value."""
        found: list[tuple[float, bytes]] = []
        for at, data in self.of(id):
            if not found or found[-1][1] != data[part]:
                found.append((at, data[part]))
        return found

    def first_with(self, id: int, octet: int, value: int, after: float = -1.0) -> float:
        """When an octet first had this value after `after` s."""
        return next(at for at, data in self.of(id) if at > after and data[octet] == value)
