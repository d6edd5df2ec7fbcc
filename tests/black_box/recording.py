"""Simulated charges whose boxes are recorded, as octets of files."""
from __future__ import annotations

from functools import cache
from typing import Any, Sequence

from drivers.blackbox.layout import BoxOctets
from drivers.blackbox.reader import Box, parse
from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.timer import S
from tasks.v2g.session import SCHEMAS
from tools.replay.engine import Replay
from tools.simulate.charge import Charge, Node

EPOCH = 1_700_000_000 * S
BOTH = frozenset({"pev", "evse"})
CAR = frozenset({"pev"})
STEP = 10 * S


@cache
def library() -> Any:
    return codec.load(schemas=SCHEMAS)


def nearly_full() -> PlantConfig:
    """A small battery: some seconds of charging."""
    return PlantConfig(battery_soc_percent=79.0, battery_capacity_wh=5000.0)


def node(charge: Charge, name: str) -> Node:
    return charge.car if name == "pev" else charge.charger


def recorded(charge: Charge, name: str = "pev", *, until: int = 400 * S, keyframe_at: int | None = None, before: Sequence[Any] = ()) -> bytes:
    """A whole file of the box `name`; with `keyframe_at` (ns) it begins there, in the middle of the box's life. `before`: what its tape gave already."""
    box = node(charge, name)
    parts, more = list(before), {}
    if keyframe_at is not None:
        charge.run_until(keyframe_at)
        box.journal.flush()
        box.black_box.tape.take()
        more = box.black_box.keyframe()
    while not charge.over and charge.clock.time < until:
        charge.run_until(min(until, charge.clock.time + STEP))
        parts.append(box.black_box.tape.take())
    box.journal.flush()
    parts.append(box.black_box.tape.take())
    octets = BoxOctets(EPOCH)
    return box.black_box.begin(octets, more) + b"".join(octets.batch(*part) for part in parts) + octets.end({"reason": str(charge.reason)})


def played(data: bytes | Box) -> Replay:
    """The file, lived again."""
    box = data if isinstance(data, Box) else parse(data)
    assert not box.problem
    replay = Replay(box, library(), quiet=True)
    replay.run()
    return replay


def told(replay: Replay) -> str:
    """What an assertion shows."""
    return "\n".join(f"{d.at / S:.3f} {d.kind} {d.what}: {d.recorded[:120]} | {d.today[:120]}" for d in replay.differences[:10]) + "\n".join(replay.remarks)
