"""Settings of the worlds that cases are played in: the usual one, other equipment, one in which the boxes try again, ISO 15118-2, a bridge.

What is agreed is the car's wish: DIN 70121 in the usual world, where both boxes speak both protocols and the car offers DIN first.

A car without a voltmeter of its own is not among them: it believes the charger and unlocks by time, so half of the sentences of
tools/simulate/invariants.py would need another wording.
"""
from __future__ import annotations

from drivers.sim.plant_config import PlantConfig
from tasks.config import Config
from tasks.v2g.protocols import DIN, ISO2, Protocol

USUAL, OUTPUT_CONTACTOR, NO_CURRENT_SENSOR, RETRY = "", "output-contactor", "no-current-sensor", "retry"
ISO, ISO_RETRY = "iso2", "iso2-retry"
BRIDGE, BRIDGE_SINGLE, BRIDGE_ONCE, BRIDGE_SLOW = "bridge", "bridge-single", "bridge-once", "bridge-slow"
STRATEGY = {BRIDGE: "measured", BRIDGE_SINGLE: "single", BRIDGE_ONCE: "once", BRIDGE_SLOW: "measured"}
SLOW_RATE = 60.0                 # V/s: a precharge that takes longer than the car's permission
OF_PROTOCOL = {DIN: USUAL, ISO2: ISO}
AGAIN = {DIN: RETRY, ISO2: ISO_RETRY}
CAR_OFFERS = {ISO: ["iso2", "din"], ISO_RETRY: ["iso2", "din"]}


def protocol(world: str) -> Protocol:
    """What the boxes agree on when nothing is wrong."""
    return ISO2 if world in CAR_OFFERS else DIN


def begins_again(world: str) -> bool:
    """The boxes begin again by themselves."""
    return world in AGAIN.values()


def is_bridge(world: str) -> bool:
    """The car's box is a bridge, with a CHAdeMO car at its other plug."""
    return world in STRATEGY


def settings(world: str) -> tuple[Config, PlantConfig]:
    """(configuration of both boxes, of the plant)."""
    config, plant = Config(), PlantConfig(battery_soc_percent=50.0)
    config.safety.pev.supply_sensor_fitted = True        # off by default; fitted, so that a brown-out can be seen
    config.connection.restart = begins_again(world)      # else each side ends where the fault has led it
    config.ev.protocols = CAR_OFFERS.get(world, config.ev.protocols)
    config.ev.ask_service_detail = config.ev.send_charging_profile = protocol(world) is ISO2         # off by default; so that these can be tried, too
    config.safety.pev.current_sensor_fitted = world != NO_CURRENT_SENSOR
    config.bridge.strategy = STRATEGY.get(world, config.bridge.strategy)
    if world == BRIDGE_SLOW:
        plant.stage_voltage_rate_v_per_s = SLOW_RATE
    plant.output_contactor = world == OUTPUT_CONTACTOR
    return config, plant
