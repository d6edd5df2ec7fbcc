"""The monotonic clock of a computer that has run for days is not 0 when the box starts: nothing may depend on where it stands."""
from __future__ import annotations

import pytest

from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.clock import VirtualClock
from kernel.timer import MS, S
from tasks.config import Config
from tasks.stop_reasons import StopReason
from tools.simulate import charge
from tools.simulate.modems import WORKING, ModemPair

DAYS = 3 * 86400 * S


def told(monkeypatch, start: int, kind: str) -> list[tuple[str, int, str]]:
    """The journals of a short charge that begins when the clock says `start`: box, time since `start`, line."""
    monkeypatch.setattr(charge, "VirtualClock", lambda: VirtualClock(start))
    monkeypatch.setattr(charge, "PLUG_IN", start + 500 * MS)
    lines: list[tuple[str, int, str]] = []
    config = Config()
    config.ev.stop_soc_percent = 96.5
    c = ModemPair(kind, kind, config, PlantConfig(battery_soc_percent=96.0, battery_capacity_wh=5000.0), codec.load(), 1, None,
                  sinks=(lambda name, event: event.source == "health" or lines.append((name, event.at - start, event.message())),))
    c.run(start + 600 * S)
    for node in (c.car, c.charger):
        node.journal.flush()
    assert c.reason is StopReason.BATTERY_FULL and c.good
    return lines


@pytest.mark.parametrize("kind", WORKING)
def test_a_box_started_after_days_does_the_same_at_the_same_times(monkeypatch, kind):
    early, late = told(monkeypatch, 0, kind), told(monkeypatch, DAYS, kind)
    assert early == late and len(early) > 100
