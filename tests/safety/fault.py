"""One row of a table of reactions: a fact that becomes bad at its source, in which state, and what was agreed about it."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable

from kernel.timer import MS
from tasks.sense import task as sense
from tasks.vehicle import task as vehicle
from tests.safety.bench import TICK

SENSE, VEHICLE = sense.PERIOD // MS, vehicle.PERIOD // MS        # ms: paces of the readers, as in tasks/table.py (tests/table compares)
PHASES = vehicle.PERIOD // TICK                                  # the fault comes at each tick of the longest pace


@dataclass(slots=True, frozen=True)
class Fault:
    """`inject` makes the fact bad at its source while the supervisor is in `state`; `bound` is the agreed worst case in ticks beside the hold."""

    kind: str
    state: str
    inject: Callable[[Any], object]
    bound: int
    config: dict = field(default_factory=dict)
