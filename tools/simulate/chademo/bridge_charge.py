"""One charge of a CHAdeMO car through a bridge: the box of `mode: bridge` at our charger, or at one of the fleet."""
from __future__ import annotations

import copy
import random
from typing import Any, Callable

from drivers.board import CarBoard
from drivers.can.bus import CanBus
from drivers.can.settings import CanConfig
from drivers.sim.boards import simulated_bridge
from drivers.sim.bridge_plant import BridgePlant
from drivers.sim.plant_config import PlantConfig
from tasks import table
from tasks.chademo.wire import VEHICLE_IDS
from tasks.config import Config
from tools.simulate.chademo.bridge_invariants import BridgeInvariants
from tools.simulate.chademo.car import Car
from tools.simulate.chademo.profiles import with_battery_of
from tools.simulate.chademo.tapped_segment import TappedSegment
from tools.simulate.chademo.traits import CarTraits
from tools.simulate.charge import Charge
from tools.simulate.fleet.encounter import Encounter
from tools.simulate.fleet.traits import Personality


class BridgeCharge(Encounter):
    """An Encounter whose box is a bridge. `vehicle` is the car at its CHAdeMO plug, `can` the box's end of the bus between them (`segment`).

    `bridge_invariants` looks at each instant as `invariants` does.
    """

    expected_of = "of a CCS car: "

    def __init__(self, vehicle: CarTraits, charger: Personality | None, config: Config, plant: PlantConfig, codec: Any, seed: int = 1, *args: Any,
                 soc: float | None = None, **more: Any) -> None:
        """As Encounter; `charger` None: our own. `soc`: percent at the beginning, None: as `plant` has it."""
        config = copy.deepcopy(config)
        config.mode = "bridge"
        plant = with_battery_of(vehicle, copy.copy(plant), plant.battery_soc_percent if soc is None else soc)
        plant.stage_max_current_a = max(plant.stage_max_current_a, config.evse.max_current_a)
        self.segment = TappedSegment(lambda: self.clock.time)
        self.can = CanBus(CanConfig(), self.segment.node())
        self._traits_of_vehicle = vehicle
        super().__init__(charger, None, config, plant, codec, seed, *args, **more)
        self.vehicle = Car(vehicle, self.plant, self.segment.node(), rng=random.Random(f"{seed} vehicle"))
        self.world.sources.append(self.vehicle)
        self.bridge_invariants = BridgeInvariants(self.plant, self.clock, config.safety, self._discharge_a)
        self.bridge_invariants.watch(self.car)
        self.segment.listeners.append(self.bridge_invariants.hear)

    @property
    def good(self) -> bool:
        return super().good and not self.bridge_invariants.broken

    # --- hooks of Charge

    def _plant(self, config: PlantConfig) -> BridgePlant:
        return BridgePlant(config)

    def _builders(self, name: str, config: Config) -> tuple[Callable, Callable]:
        if name != "pev":
            return Charge._builders(self, name, config)
        self._discharge_a = config.bridge.discharge_a        # with what a charger of the fleet asks of our box
        return self._box, table.bridge

    def _box(self, plant: BridgePlant, nic: Any) -> CarBoard:
        board = simulated_bridge(plant, nic, self.can.port("chademo", VEHICLE_IDS))
        board.polled = (self.can,)
        return board

    def _watch(self) -> None:
        super()._watch()
        self.bridge_invariants.look()
