"""Settings of the worlds that cases are played in: the usual one, other equipment, and one in which the boxes try again.

A car without a voltmeter of its own is not among them: it believes the charger and unlocks by time, so half of the sentences of
tools/simulate/invariants.py would need another wording.
"""
from __future__ import annotations

from drivers.sim.plant_config import PlantConfig
from tasks.config import Config

USUAL, OUTPUT_CONTACTOR, NO_CURRENT_SENSOR, RETRY = "", "output-contactor", "no-current-sensor", "retry"


def settings(world: str) -> tuple[Config, PlantConfig]:
    """(configuration of both boxes, of the plant)."""
    config, plant = Config(), PlantConfig(battery_soc_percent=50.0)
    config.safety.pev.supply_sensor_fitted = True        # off by default; fitted, so that a brown-out can be seen
    config.connection.restart = world == RETRY           # else each side ends where the fault has led it
    config.safety.pev.current_sensor_fitted = world != NO_CURRENT_SENSOR
    plant.output_contactor = world == OUTPUT_CONTACTOR
    return config, plant
