"""CHAdeMO cars by name, with the numbers of the sheet; what is assumed stands in their source."""
from __future__ import annotations

from dataclasses import replace

from drivers.sim.plant_config import PlantConfig
from tasks.chademo.wire import (ACCEPTS_DYNAMIC, BATTERY_VOLTAGE, CAN_DISCHARGE, DISCHARGE, DISCHARGE_ENERGY, DYNAMIC, DYNAMIC_CONTROL, LIMITS, MAKER,
                                STATUS, TIMES)
from tools.simulate.chademo.traits import LEAF_EXTRA, NOBODY, REPORT, CarTraits

LEAF24 = CarTraits(
    "leaf24", "chademo sheet 2.7 log A, 1.10, 4.4.5; the current's limit is assumed", curve="class_m", capacity_wh=22_200.0, max_current=120.0,
    ids=(LIMITS, TIMES, STATUS, DISCHARGE), status_bits=CAN_DISCHARGE | ACCEPTS_DYNAMIC, min_level=0x43, max_level=0xB2,
    time_valid_s=2.9, soc_valid_s=2.1, k_s=3.4, enabled_s=3.9, stop_reaction_s=0.2, open_s=2.0, silent_s=0.12, head_room=1)
LEAF40 = CarTraits(
    "leaf40", "chademo sheet 2.7 log B, 1.3, 1.4, 1.10, 4.4.5", capacity_wh=35_400.0, first_capacity_wh=50_000.0, max_current=118.0,
    ids=(LIMITS, TIMES, STATUS, DISCHARGE, DYNAMIC, DISCHARGE_ENERGY, MAKER, LEAF_EXTRA), status_bits=CAN_DISCHARGE, dynamic_flags=DYNAMIC_CONTROL,
    min_current=6, max_minutes=80, fine_on_09=0xE4, min_level=10, max_level=100, maker=bytes((1, 2, 0, 0, 6, 0, 0, 0)),
    time_valid_s=2.5, k_s=2.9, enabled_s=3.4, stop_reaction_s=0.25, open_s=1.15, silent_s=0.4)
LEAF40_V2X = replace(
    LEAF40, name="leaf40-v2x", source="as leaf40, and lets itself be discharged: chademo sheet 1.10; its limit is assumed", max_discharge=40)
I_MIEV = CarTraits(
    "i-miev", "chademo sheet 3.7, 4.2, 4.4.5; 102.4 to 102.6 without extras, capacity and current assumed", cells=88, curve="class_m",
    capacity_wh=16_000.0, max_current=100.0, protocol=1, target_voltage=370, max_voltage=375, status_bits=0, coil_current=2.0, idle_request=1,
    contactor_limit_s=None, flag_limit_s=None, current_limit_s=None, voltage_deviation=None, under_delivery=None)
E_NV200 = CarTraits(
    "e-nv200", "chademo sheet 1.3, 1.5, 3.7, 4.1; the rest as leaf24", curve="class_m", capacity_wh=22_200.0, ids=LEAF24.ids,
    status_bits=CAN_DISCHARGE | ACCEPTS_DYNAMIC, min_voltage=1, stop_before=True, time_valid_s=2.9, k_s=3.4, enabled_s=3.9)
OUTLANDER = CarTraits(
    "outlander", "chademo sheet 3.6, 3.7, 4.4.5; target, capacity, class and current assumed", curve="class_m", capacity_wh=12_000.0, max_current=60.0,
    target_voltage=395, max_voltage=400, status_bits=0, weld_judged=REPORT)
ORION = CarTraits(
    "orion", "chademo sheet 3.7: a conversion whose contactors hang on d1 and d2; pack and limits assumed", target_voltage=400, max_voltage=405,
    protocol=1, status_bits=0, ramp=1, coil_current=2.0, rate_at_full=(100, 100, 100), contactor_limit_s=None, flag_limit_s=None, current_limit_s=None,
    voltage_deviation=None, under_delivery=None, inlet_limit=None, weld_judged=NOBODY)
DIY09 = CarTraits(
    "diy09", "chademo sheet 0.3 log D: 0.9, a pack of 166 V; 1.3: 200 for 100 %; cells, target and capacity assumed", cells=45, capacity_wh=15_000.0,
    max_current=60.0, protocol=1, target_voltage=185, max_voltage=189, status_bits=0, ramp=1, rate_at_full=(200, 200, 200), inlet_limit=None,
    under_delivery=None, weld_judged=NOBODY)
ZOMBIE = CarTraits(
    "zombie", "chademo sheet 1.2, 1.6, scenario 49: tells its voltage in 0x103, says 1 and then what the charger says; pack assumed", max_current=100.0,
    protocol=1, adopts_protocol=True, ids=(LIMITS, TIMES, STATUS, BATTERY_VOLTAGE), tells_voltage=True, target_voltage=403, max_voltage=405, status_bits=0,
    ramp=1, head_room=1, rate_at_full=(200, 200, 200), inlet_limit=None, weld_judged=NOBODY)
XPENG = CarTraits(
    "xpeng", "chademo sheet 1.3, 1.5, 3.7, 4.2; capacity and current assumed", cells=108, capacity_wh=80_000.0, max_current=120.0, target_voltage=434,
    target_after_close=450, max_voltage=450, status_bits=0, dynamic_flags=DYNAMIC_CONTROL, ids=(LIMITS, TIMES, STATUS, DYNAMIC), sessions=1,
    current_judged=REPORT)
LEXUS = CarTraits(
    "lexus", "chademo sheet 1.3, 3.2, 3.7, 4.2: refuses a second session, bears a single one with 1 A told; capacity and current assumed", capacity_wh=54_000.0, max_current=110.0,
    target_voltage=404, max_voltage=408, status_bits=0, sessions=1, current_judged=REPORT, under_delivery=None)
JOHU = CarTraits(
    "johu", "chademo sheet 1.2, 1.3, 1.5, 5: private protocol 10, no wires, its own voltage in 100.0-1; pack and limits assumed", cells=96,
    capacity_wh=30_000.0, max_current=80.0, protocol=10, target_voltage=398, max_voltage=402, status_bits=0, rate_at_full=(100, 100, 100),
    speaks_unasked=True, voltage_deviation=10.0, flag_limit_s=None, current_limit_s=None, under_delivery=None, over_delivery=12.0, current_deviation_s=1.0,
    inlet_limit=None, weld_judged=NOBODY)
JDEMO = CarTraits(
    "jdemo", "chademo sheet 2.2 number 10, 3.5, 3.7: a demonstrator that is not dynamic and ends at 108.3; pack assumed", status_bits=0,
    flag_limit_s=0.4, stops_at_available=True)

PROFILES: dict[str, CarTraits] = {car.name: car for car in (
    LEAF24, LEAF40, LEAF40_V2X, I_MIEV, E_NV200, OUTLANDER, ORION, DIY09, ZOMBIE, XPENG, LEXUS, JOHU, JDEMO)}


def with_battery_of(traits: CarTraits, config: PlantConfig, soc: float = 50.0) -> PlantConfig:
    """`config` with this car's battery in it, at `soc` percent; the same object."""
    config.battery_cells = traits.cells
    config.battery_curve = traits.curve
    config.battery_capacity_wh = traits.capacity_wh
    config.battery_soc_percent = soc
    config.battery_max_current_a = traits.max_current
    config.battery_max_power_w = traits.max_power
    return config
