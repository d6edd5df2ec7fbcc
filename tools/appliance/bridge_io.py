"""`--simulate-io` of a bridge: its board over a plant with two pairs of contactors, and a CHAdeMO vehicle on a bus in memory."""
from __future__ import annotations

from drivers.board import CarBoard
from drivers.can.bus import CanBus
from drivers.can.settings import CanConfig
from drivers.interfaces import Nic
from drivers.sim.boards import bridge_on_lines, simulated_bridge
from drivers.sim.bridge_plant import BridgePlant
from drivers.sim.can import CanSegment
from drivers.sim.lines import Lines
from drivers.sim.plant_config import PlantConfig
from kernel.task import CRITICAL, Row
from kernel.timer import MS, US
from tasks.chademo.wire import VEHICLE_IDS
from tools.simulate.chademo.car import Car
from tools.simulate.chademo.profiles import LEAF40, with_battery_of

PERIOD = 10 * MS
BUDGET = 100 * US


class ShadowVehicle:
    """The row that gives the vehicle its turns."""

    inboxes = ()

    def __init__(self, car: Car) -> None:
        self._car = car

    def run(self, now: int) -> int:
        if now >= self._car.next_event():
            self._car.deliver(now)
        return self._car.next_event()


def open_simulated(config: PlantConfig, nic: Nic, now: int, lines: Lines | None) -> tuple[CarBoard, BridgePlant, Row]:
    """Board, plant and the vehicle's row. `config`: its state of charge stays, the battery becomes that of the vehicle. `lines` None: outputs at the plant itself."""
    with_battery_of(LEAF40, config, config.battery_soc_percent)
    plant, segment = BridgePlant(config, start=now), CanSegment()
    bus = CanBus(CanConfig(), segment.node())
    port = bus.port("chademo", VEHICLE_IDS)
    board = simulated_bridge(plant, nic, port) if lines is None else bridge_on_lines(plant, nic, port, lines)
    board.polled = [*board.polled, bus]
    return board, plant, Row("chademo_car", ShadowVehicle(Car(LEAF40, plant, segment.node(), start=now)), PERIOD, BUDGET, CRITICAL)
