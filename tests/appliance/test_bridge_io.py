"""`--simulate-io` of a bridge: a CHAdeMO vehicle on a bus in memory wakes up at d1 and speaks."""
import pytest

from drivers.sim.lines import D1, Lines
from drivers.sim.link import SimLink, SimNic
from drivers.sim.plant_config import PlantConfig
from kernel.timer import MS, S
from tasks.chademo.wire import STATUS, VEHICLE_IDS
from tools.appliance.bridge_io import open_simulated


@pytest.mark.parametrize("guarded", [False, True])
def test_the_vehicle_speaks_once_d1_is_on(guarded):
    lines = Lines.create(lambda: 0) if guarded else None
    board, plant, row = open_simulated(PlantConfig(battery_soc_percent=37.0), SimNic(SimLink(None), "a", bytes(6)), 0, lines)
    heard, now, at = [], 0, 0

    def go(duration):
        nonlocal now, at
        end = now + duration
        while now < end:
            now += 10 * MS
            if now >= at:
                at = row.task.run(now)
                assert now < at <= now + S
            for device in board.polled:
                device.run(now)
            heard.extend(frame.id for frame in board.bridge.can.receive(64, now))
    go(3 * S)
    assert heard == [], "asleep"
    assert board.bridge.sequence.set_d1(True, now) and (lines is None or lines.level(D1))
    go(3 * S)
    assert STATUS in heard and set(heard) <= set(VEHICLE_IDS)
    assert plant.battery.soc == pytest.approx(37.0) and board.vehicle is None
    if lines is not None:
        lines.close()
