"""`--simulate-io`: a plant in place of the devices, and a row that simulates what stands on the other side of the plug."""
from __future__ import annotations

from argparse import Namespace

from drivers.board import AcChargerBoard, CarBoard, ChargerBoard
from drivers.interfaces import Nic
from drivers.sim.boards import ac_charger_on_lines, car_on_lines, charger_on_lines, simulated_ac_charger, simulated_car, simulated_charger
from drivers.sim.lamp import LAMP_OHM
from drivers.sim.lines import Lines
from drivers.sim.plant import Plant
from drivers.sim.plant_config import PlantConfig
from kernel.task import CRITICAL, Row
from kernel.timer import MS, US
from tasks.config import Config
from tasks.signals import Signals
from tools.simulate.shadow import ShadowAcCar, ShadowCar, ShadowCharger

SHADOW_BUDGET = 140 * US


def open_simulated_io(config: Config, args: Namespace, signals: Signals, nic: Nic, now: int,
                      lines: Lines | None) -> tuple[CarBoard | ChargerBoard | AcChargerBoard, list[Row]]:
    """The board and its surroundings. `lines`: where its outputs are; None: nobody else holds them."""
    plant_config = PlantConfig()
    if args.soc_start is not None:
        plant_config.battery_soc_percent = args.soc_start
    if args.battery_kwh is not None:
        plant_config.battery_capacity_wh = args.battery_kwh * 1000
    if config.ev.light_bulb_demo and config.role == "pev":
        plant_config.lamp_ohm, plant_config.lamp_voltage_v, plant_config.lamp_current_a = LAMP_OHM, config.ev.light_bulb_voltage_v, config.ev.light_bulb_current_a
    if config.mode == "bridge":
        from tools.appliance.bridge_io import open_simulated
        board, bridge_plant, vehicle = open_simulated(plant_config, nic, now, lines)
        return board, [vehicle, Row("shadow", ShadowCharger(bridge_plant, signals), 20 * MS, SHADOW_BUDGET, CRITICAL)]
    plant = Plant(plant_config, start=now)
    if config.mode == "evse" and config.evse.ac:
        board = simulated_ac_charger(plant, nic) if lines is None else ac_charger_on_lines(plant, nic, lines)
        shadow = ShadowAcCar(plant, signals, config.evse.ac_max_current_a)
    elif config.mode == "evse":
        board = simulated_charger(plant, nic) if lines is None else charger_on_lines(plant, nic, lines)
        shadow = ShadowCar(plant, signals)
    else:
        board = simulated_car(plant, nic) if lines is None else car_on_lines(plant, nic, lines)
        shadow = ShadowCharger(plant, signals)
    return board, [Row("shadow", shadow, 20 * MS, SHADOW_BUDGET, CRITICAL)]
