"""Session figures: 30 virtual minutes of charging, both ends, every frame to disk; reproducibility with and without loss."""
from __future__ import annotations

import tempfile
import time

from drivers.session_folder import SessionFolder
from drivers.sim.link import LinkConfig
from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.realtime import settle_garbage
from kernel.settings_text import dump
from kernel.timer import S
from tasks.config import Config
from tasks.v2g.session import SCHEMAS
from tools.bench.exi import reference
from tools.simulate.charge import Charge

MINUTES = 30
REFERENCE_US = 3.7           # json.loads of Debian's Python on the development machine when nobody else is on it
LIMIT_S = 3.0                # wall time for the 30 minutes, fully traced
CAPACITY_WH = 100_000.0      # large enough that half an hour does not fill it


class Bare(Charge):
    """A charge without the invariants: they watch the boxes, they are no part of them."""

    def _watch(self) -> None:
        return


def charge_for(minutes: float, drop_percent: float = 0.0, seed: int = 1) -> tuple[Charge, float]:
    """A charge with its session folder, run until `minutes` of CurrentDemand have passed; (charge, wall seconds)."""
    config, plant = Config(), PlantConfig(battery_capacity_wh=CAPACITY_WH)
    engine = codec.load(schemas=SCHEMAS)
    with tempfile.TemporaryDirectory() as path:
        folder = SessionFolder(path, ("pev", "evse"), dump(config))
        began = time.perf_counter()
        charge = Bare(config, plant, engine, seed, LinkConfig(drop_percent=drop_percent), folder.pcap,
                        (lambda name, event: folder.journals[name](event),))
        while not charge.charging:
            charge.run_until(charge.clock.time + S // 10)
        charge.run_until(charge.clock.time + int(minutes * 60) * S)
        for node in (charge.car, charge.charger):
            node.journal.flush()
        wall = time.perf_counter() - began
        folder.close()
    return charge, wall


def main() -> None:
    """Print wall times and trace hashes."""
    settle_garbage()          # as the box itself runs
    print(f"session: this machine now: json.loads of a CurrentDemandRes takes {reference():.1f} us "
          f"({REFERENCE_US:g} us when the figures of the notes were taken; its speed drifts)", flush=True)
    runs = {}
    for drop in (0.0, 5.0):
        for _ in range(2):
            charge, wall = charge_for(MINUTES, drop)
            frames, lost = charge.link.carried, charge.link.lost
            runs.setdefault(drop, []).append(charge.trace_hash())
            shot = charge.plant.snapshot(charge.clock.time)
            print(f"session: {MINUTES} virtual minutes of charging, loss {drop:g} %: {wall:.2f} s wall = {wall / LIMIT_S:.2f} x the limit of {LIMIT_S:g} s; "
                  f"{frames} frames, {lost} lost, {charge.world.steps} instants, SoC {shot.soc_percent:.1f} %, trace {charge.trace_hash()}", flush=True)
    for drop, (first, second) in runs.items():
        print(f"session: two runs with one seed, loss {drop:g} %: traces {'identical' if first == second else 'DIFFER'}", flush=True)
