"""Sessions in virtual time whose frames, as they cross our box's interface, and journal are kept in memory for the explainer; nothing else of them is."""
from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Callable

from drivers.blackbox.reader import parse as read_box
from drivers.capture_file import CapturedFrame
from drivers.journal_file import line
from drivers.sim.link import LinkConfig
from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.journal import Event
from kernel.timer import S
from tasks.config import Config
from tasks.listen.exi import decoder
from tests.black_box.recording import recorded
from tools.explain.box import parse
from tools.explain.explain import Explanation, explain, explain_frames
from tools.explain.sources.black_box import material_of
from tools.simulate.chademo.bridge_charge import BridgeCharge
from tools.simulate.chademo.profiles import PROFILES
from tools.simulate.fleet.encounter import Encounter
from tools.simulate.fleet.meet import BATTERY_WH, LIMIT, SOC_FROM, SOC_TO
from tools.simulate.fleet.traits import CarTraits, Personality


@dataclass
class Heard:
    """`frames`: (ns, octets); `lines`: of the journal as they stand in its file; `role` of our box."""

    role: str
    frames: list[tuple[int, bytes]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    box: bytes = b""                 # of its black box file

    def write(self, at_ns: int, frame: bytes) -> None:
        """A frame sink."""
        self.frames.append((at_ns, frame))

    def note(self, event: Event) -> None:
        """A journal sink."""
        self.lines += line(event).splitlines()

    def captured(self) -> list[CapturedFrame]:
        return [CapturedFrame(n, at, data, 0, 1, 0) for n, (at, data) in enumerate(self.frames, 1)]

    def explain(self, journal: bool) -> Explanation:
        """From the frames alone, or with the journal."""
        decode = decoder(codec.load())
        if not journal:
            return explain_frames(self.captured(), (), "", decode)
        return explain_frames(self.captured(), parse(self.lines, 0.0), self.role, decode)

    def explain_box(self) -> Explanation:
        """From the black box file alone."""
        return explain(material_of(read_box(self.box), ""), decoder(codec.load()))


def listen_to(charge: Any, node: Any, role: str) -> Heard:
    """Keeps what crosses this node's interface and what it says."""
    heard = Heard(role)
    node.recorder._sink = heard
    node.journal.add_sink(heard.note)
    return heard


def meet(who: Personality, seed: int, link: LinkConfig | None = None) -> Heard:
    """Our box meets one of the fleet, as tools/simulate/fleet/meet.py does it."""
    config = Config()
    config.ev.stop_soc_percent = SOC_TO
    car = isinstance(who.traits, CarTraits)
    plant = PlantConfig(battery_soc_percent=SOC_FROM, battery_capacity_wh=BATTERY_WH)
    role = "evse" if car else "pev"
    charge = Encounter(None if car else who, who if car else None, config, plant, codec.load(), seed, link, recorded=frozenset({role}))
    heard = listen_to(charge, charge.ours, role)
    heard.box = recorded(charge, role, until=LIMIT)
    return heard


def meet_vehicle(car: str, seed: int, *, faults: dict[str, Any] | None = None, traits: dict[str, Any] | None = None,
                 in_charge: Callable[[BridgeCharge], None] | None = None) -> Heard:
    """Our bridge between this CHAdeMO car and our charger. `faults`: of the car, from the beginning; `in_charge`: what happens 10 s after power flows."""
    config = Config()
    config.bridge.stop_soc_percent = 61.0
    charge = BridgeCharge(replace(PROFILES[car], **(traits or {})), None, config, PlantConfig(battery_capacity_wh=BATTERY_WH), codec.load(), seed, soc=60.0,
                          recorded=frozenset({"pev"}))
    for name, value in (faults or {}).items():
        assert hasattr(charge.vehicle.faults, name), name
        setattr(charge.vehicle.faults, name, value)
    heard = listen_to(charge, charge.car, "bridge")
    parts = []
    if in_charge is not None:
        while not charge.charging and charge.clock.time < LIMIT:
            charge.run_until(charge.clock.time + S)
            parts.append(charge.car.black_box.tape.take())
        assert charge.charging
        charge.run_until(charge.clock.time + 10 * S)
        in_charge(charge)
    heard.box = recorded(charge, "pev", until=LIMIT, before=parts)
    return heard


