"""Lets our box meet one personality in a short charge and says what came of it, as plain values."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drivers.sim.link import LinkConfig
from drivers.sim.plant_config import PlantConfig
from kernel.clock import MonotonicClock
from kernel.timer import S
from tasks.config import Config
from tasks.stop_reasons import StopReason
from tools.simulate.fleet.encounter import Encounter
from tools.simulate.fleet.traits import CarTraits, Personality
from tools.simulate.why import trip_hint

LIMIT = 900 * S                  # virtual: nobody waits longer
BATTERY_WH = 5000.0              # a small battery, nearly full: some seconds of charging
SOC_FROM, SOC_TO = 96.0, 97.0


@dataclass(slots=True)
class Meeting:
    """What happened. `told`: everything that a person may read about it at our box, one sentence each."""

    name: str
    charged: bool
    reason: StopReason | None
    trip: str
    told: list[str]
    virtual: int                 # ns until the plug was out
    wall: int                    # ns
    damage: int
    broken: list[str]
    complaints: list[str]        # where it differs from what was expected


def meet(who: Personality, codec: Any, seed: int = 1, config: Config | None = None, link: LinkConfig | None = None) -> Meeting:
    """One charge from plug to unplug; `link`: a power line that is not perfect."""
    wall = MonotonicClock()
    began = wall.now()
    config = config if config is not None else Config()
    config.ev.stop_soc_percent = SOC_TO
    car = isinstance(who.traits, CarTraits)
    plant = PlantConfig(battery_soc_percent=SOC_FROM, battery_capacity_wh=BATTERY_WH)
    charge = Encounter(None if car else who, who if car else None, config, plant, codec, seed, link)
    charge.run(LIMIT)
    for node in (charge.car, charge.charger):
        node.journal.flush()
    told = list(charge.told)
    if charge.reason is not None:
        told += [charge.reason.text, charge.reason.hint]
    if charge.trip:
        told += [charge.trip, trip_hint(charge.trip)]
    result = Meeting(who.name, charge.charged, charge.reason, charge.trip, told, charge.clock.time, wall.now() - began, charge.plant.damage,
                     [str(b) for b in charge.broken], [])
    result.complaints = _compare(who, result) + [f"task {n.kernel.fault} of {n.name} raised" for n in (charge.car, charge.charger) if n.kernel.fault]
    return result


def _compare(who: Personality, m: Meeting) -> list[str]:
    wanted, found = who.expected, []
    if m.charged != wanted.charges:
        found.append("expected charging" if wanted.charges else "expected no charging")
    if m.reason is not wanted.reason:
        found.append(f"expected {wanted.reason.name}, came {m.reason.name if m.reason else 'no reason'}")
    if wanted.trip != m.trip:
        found.append(f"expected trip {wanted.trip or 'none'}, came {m.trip or 'none'}")
    if not any(wanted.told in sentence for sentence in m.told):
        found.append(f"nobody says {wanted.told!r}")
    if m.damage:
        found.append(f"{m.damage} damaged")
    return found + m.broken
