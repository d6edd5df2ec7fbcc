"""One charge through a bridge in virtual time, run to a moment that a test names; everything that crossed the bus and the line is kept."""
from __future__ import annotations

import dataclasses
from typing import Any, Callable, NamedTuple

from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.timer import MS, NEVER, S
from tasks.chademo import wire
from tasks.config import Config
from tasks.stop_reasons import StopReason
from tasks.v2g.session import SCHEMAS
from tests.fleet.wiretap import Ear
from tools.simulate.chademo.bridge_charge import BridgeCharge
from tools.simulate.chademo.bridge_invariants import BOX
from tools.simulate.chademo.profiles import PROFILES
from tools.simulate.chademo.tapped_segment import Tapped
from tools.simulate.chademo.traits import CarTraits
from tools.simulate.fleet.chargers import CHARGERS
from tools.simulate.fleet.traits import CHARGES, ChargerTraits, Personality

STEP = 10 * MS               # a tick: nothing in the box is finer
CYCLE = 100 * MS             # the tolerance of the sheet's scenarios
SETTLED = 45 * S             # a session charges long before


def charger(**traits: Any) -> Personality:
    """Our charger with these habits."""
    return Personality("tried", "tried", ChargerTraits(**traits), ("test",), CHARGES)


class Edge(NamedTuple):
    """Something was switched: its contacts, not the command. V, A of the plant then."""

    at: int
    name: str
    on: bool
    inlet: float
    plug: float
    current: float


class World:
    """`charge`, and what a test asks of it. Times are ns since the beginning.

    `edges`: what was switched, in order (d1, d2, k, bridge, car: contactors, state C, car plug, CCS plug: locks); `frames`: everything on the CHAdeMO
    bus; `currents`: (ns, A) every 10 ms; `v2g`: (ms, sender, body) of what both sides of the line said; `notes`: (ns, source, text, level) of the
    box's journal.
    """

    def __init__(self, car: str | CarTraits = "leaf40", evse: Personality | str | None = None, *, strategy: str = "measured", soc: float = 60.0, seed: int = 1,
                 traits: dict[str, Any] | None = None, settings: dict[str, Any] | None = None, plant: dict[str, Any] | None = None,
                 faults: dict[str, Any] | None = None) -> None:
        """`traits`, `faults`: of the car; `settings`: of the box and of our charger, by dotted path; `plant`: of the physics."""
        config = Config()
        config.bridge.strategy = strategy
        for path, value in (settings or {}).items():
            *way, name = path.split(".")
            place: Any = config
            for step in way:
                place = getattr(place, step)
            assert hasattr(place, name), path
            setattr(place, name, value)
        car = dataclasses.replace(PROFILES[car] if isinstance(car, str) else car, **(traits or {}))
        if isinstance(evse, str):
            evse = CHARGERS[evse]
        self.frames: list[Tapped] = []
        self.v2g: list[tuple[float, str, Any]] = []
        self.session_ids: list[tuple[str, bytes]] = []
        self.notes: list[tuple[int, str, str, str]] = []
        self.charge = BridgeCharge(car, evse, config, PlantConfig(**(plant or {})), codec.load(schemas=SCHEMAS), seed, sinks=(self._note,), soc=soc)
        self.charge.segment.listeners.append(self.frames.append)
        for node in (self.charge.car, self.charge.charger):
            v2g = next(row.task for row in node.kernel.rows if row.name == "v2g")
            v2g._codec = Ear(v2g._codec, node.name, self)
        for name, value in (faults or {}).items():
            assert hasattr(self.charge.vehicle.faults, name), name
            setattr(self.charge.vehicle.faults, name, value)
        self.plant, self.vehicle, self.box = self.charge.plant, self.charge.vehicle, self.charge.car
        self.config = config
        self.edges: list[Edge] = []
        self.currents: list[tuple[int, float]] = []
        self._current_at = 0
        self._seen: dict[str, bool] = {}
        self._look = self.charge.bridge_invariants.look
        self.charge.bridge_invariants.look = self._watch      # type: ignore[method-assign]

    def _watch(self) -> None:
        """After each instant, with the invariants."""
        self._look()
        plant = self.plant
        if self.now >= self._current_at:
            self._current_at = self.now + STEP
            plant.advance(self.now)
            self.currents.append((self.now, plant.current))
        for name, now in (("d1", plant.d1), ("d2", plant.d2), ("k", plant.k), ("bridge", plant.car_contactors.position), ("car", plant.vehicle_contactors.position),
                          ("state C", plant.pilot.state_c), ("car plug", plant.vehicle_lock.position), ("CCS plug", plant.car_lock.position)):
            if self._seen.get(name, False) != now:
                self._seen[name] = now
                self.edges.append(Edge(self.now, name, now, plant.inlet_voltage, plant.plug_voltage, plant.current))

    def _note(self, name: str, event: Any) -> None:
        if name == "pev":
            self.notes.append((event.at, event.source, event.message(), event.level))

    # --- running

    @property
    def now(self) -> int:
        return self.charge.clock.time

    def run(self, seconds: float) -> None:
        """So much longer, also beyond the end of the charge."""
        self._run_to(self.now + round(seconds * S))
        self.box.journal.flush()

    def _run_to(self, at: int) -> None:
        step, watch = self.charge.world.step, self.charge._watch
        while step(at) != NEVER:
            watch()
        self.charge.clock.advance_to(at)

    def until(self, so: Callable[[], Any], limit: int = SETTLED, text: str = "") -> int:
        """Until `so()`; its time. AssertionError when that is not so within `limit` from now."""
        end = self.now + limit
        while not so():
            assert self.now < end, f"{text or 'it'} did not happen within {limit / S:.0f} s:\n{self.story()}"
            self._run_to(self.now + STEP)
        self.box.journal.flush()
        return self.now

    def until_side(self, state: str, limit: int = SETTLED, session: int = 0) -> int:
        """Until the CHAdeMO side is in `state`; `session` 2: the one after the discovery."""
        return self.until(lambda: self.side == state and (session != 2 or self.phase != "Look"), limit, f"CHAdeMO side in {state}")

    def until_charging(self, current: float = 20.0) -> int:
        """Until so many A flow."""
        return self.until(lambda: self.plant.current >= current, 2 * SETTLED, f"{current} A")

    def until_end(self, limit: int = 120 * S) -> int:
        """Until both sides have ended and the box has let go of both plugs."""
        return self.until(lambda: self.over, limit, "the end of both sides")

    @property
    def over(self) -> bool:
        return self.signals.connection_state.value in ("Finished", "Failed", "Unplugged", "WaitPilot") and self.side in ("Ended", "Idle") and not self.plant.d1

    # --- what is

    @property
    def signals(self) -> Any:
        return self.box.signals

    @property
    def side(self) -> str | None:
        return self.signals.chademo_state.value

    @property
    def phase(self) -> str | None:
        return self.signals.bridge_phase.value

    @property
    def v2g_state(self) -> str | None:
        return self.signals.v2g_state.value

    @property
    def reason(self) -> StopReason | None:
        return self.charge.reason

    # --- what was

    def edge(self, name: str, on: bool = True, after: int = 0) -> Edge:
        """The first of its kind since `after`."""
        found = next((e for e in self.edges if e.name == name and e.on is on and e.at >= after), None)
        assert found is not None, f"{name} was not switched {'on' if on else 'off'}:\n{self.story()}"
        return found

    def never(self, name: str, after: int = 0) -> bool:
        """It was not switched on since `after`."""
        return not any(e.name == name and e.on and e.at >= after for e in self.edges)

    def entered(self, source: str, state: str, after: int = 0) -> int | None:
        """ns of the first transition of `source` (chademo, bridge, v2g, safety, connection) into `state` since `after`."""
        self.box.journal.flush()
        return next((at for at, who, text, _ in self.notes if at >= after and who == source and text.endswith(f"-> {state}")), None)

    def told(self, words: str) -> list[str]:
        """Lines of the journal that have these words."""
        self.box.journal.flush()
        return [text for _, _, text, _ in self.notes if words in text]

    def sent(self, id: int, after: int = 0) -> list[tuple[int, Any]]:
        """(ns, message) of the box's frames of one identifier."""
        return [(f.at, wire.parse(f.id, f.data)) for f in self.frames if f.node == BOX and f.id == id and f.at >= after]

    def came(self, id: int, after: int = 0) -> list[tuple[int, Any]]:
        """(ns, message) of the car's frames of one identifier that are frames of CHAdeMO."""
        return [(f.at, wire.parse(f.id, f.data)) for f in self.frames if f.node != BOX and f.id == id and f.at >= after and len(f.data) == wire.OCTETS]

    def statuses(self, after: int = 0) -> list[tuple[int, int]]:
        """(ns, 109.5) whenever it took another value; of each connection anew."""
        found: list[tuple[int, int]] = []
        last = -S
        for at, message in self.sent(wire.CHARGER_STATUS, after):
            if not found or found[-1][1] != message.status or at - last > S:
                found.append((at, message.status))
            last = at
        return found

    def told_status(self, status: int, after: int = 0) -> int | None:
        """ns of the first 0x109 with this 109.5 since `after`."""
        return next((at for at, message in self.sent(wire.CHARGER_STATUS, after) if message.status == status), None)

    def said(self, name: str, after: int = 0, sender: str = "pev") -> list[tuple[int, Any]]:
        """(ns, body) of the V2G messages of this name."""
        return [(round(at * MS), body) for at, who, body in self.v2g if who == sender and type(body).__name__ == name and at * MS >= after]

    def story(self) -> str:
        """The box's journal, for a failing test."""
        self.box.journal.flush()
        lines = [f"{at / S:9.3f} {source}: {text}" for at, source, text, level in self.notes if level != "checkpoint" and source != "health"]
        return "\n".join(lines[-60:] + [f"car: {self.vehicle.state.name} tripped {self.vehicle.tripped} codes {self.vehicle.dtcs} ended {self.vehicle.ended}"])

    def end(self, how: Callable[[], object] | None = None) -> int:
        """The driver (or `how`) ends the charge; both plugs are out afterwards. When it was asked for."""
        asked = self.now
        self.vehicle.end(asked) if how is None else how()
        self.until_released()
        return asked

    def until_released(self, limit: int = 120 * S) -> int:
        """Both sides have ended, both plugs are released and somebody has pulled the charger's; when they were released."""
        self.until_end(limit)
        released = self.until(lambda: not self.plant.vehicle_lock.commanded and not self.plant.car_lock.commanded, 15 * S, "the release of both plugs")
        self.run(5.0)
        return released

    # --- what always has to be so

    def check(self, *, damage: bool = False, codes: bool = False) -> None:
        """Nothing broken, no row raised, nothing damaged, and no trouble code in the car. `damage`, `codes`: such as the scenario is about."""
        plant = self.plant
        plant.advance(self.now)
        assert [str(b) for b in self.charge.broken] == [], self.story()
        assert [str(b) for b in self.charge.bridge_invariants.broken] == [], self.story()
        assert self.charge.bridge_invariants.looked == self.charge.world.steps
        for node in (self.charge.car, self.charge.charger):
            assert node.kernel.fault is None, node.kernel.fault
        assert damage or plant.damage == 0, [(i.kind, i.value, i.at / S) for i in plant.incidents if i.damage]
        assert codes or not self.vehicle.dtcs, (self.vehicle.dtcs, self.story())

    def check_at_rest(self, **allowed: bool) -> None:
        """As `check`, and after the end: outputs off, contactors open, both plugs released, nothing on the bus any more."""
        self.check(**allowed)
        plant = self.plant
        assert not plant.d1 and not plant.d2 and not plant.car_contactors.commanded and not plant.pilot.state_c, self.story()
        assert not plant.vehicle_lock.commanded and not plant.car_lock.commanded, self.story()


def value(physical: Any) -> float:
    """V, A or W of a PhysicalValue."""
    return physical.Value * 10.0 ** physical.Multiplier
