"""The battery's voltage as well as it is known: measured at the plug, told by the vehicle, learned before, or estimated (chademo sheet 4.4)."""
from __future__ import annotations

from kernel.record import dataclass
from tasks.bridge.config import BridgeConfig
from tasks.bridge.estimate import Traits, ceiling, choose, estimate
from tasks.bridge.learned import Learned
from tasks.signals import VehicleSays

MEASURED, TOLD, ASSUMED = "measured", "told", "assumed"
MEASURED_ERROR = 4.0         # V: 1 % of the voltmeter (sheet 7.4)
TOLD_ERROR = 5.0             # V: whole volts, some 100 ms old, of the vehicle's own voltmeter
UNKNOWN_SOC = 50.0           # percent where the vehicle says none: the middle of the curve is nearest to all of it
UNKNOWN_SOC_ERROR = 45.0     # V: half of what a curve of table 4.2 spans, and its own error


def assumed(config: BridgeConfig) -> Known | None:
    """What precharge begins with while a vehicle that was not asked before has yet to say anything."""
    found = estimate(config.assumed_target_voltage_v, config.assumed_soc_percent, choice=config.voltage_curve, cells=config.voltage_cells, bias=0.0)
    return None if found is None else Known(found.voltage, found.voltage, UNKNOWN_SOC_ERROR, ASSUMED)


@dataclass(slots=True, frozen=True)
class Known:
    """`voltage`: V of the battery. `aim`: V to precharge to. `error`: V by which it may be wrong. `way`: measured, told, learned, or a curve's name."""

    voltage: float
    aim: float
    error: float
    way: str

    @property
    def text(self) -> str:
        return f"{self.way} +-{self.error:.0f} V"


def known(config: BridgeConfig, says: VehicleSays | None, learned: Learned, measured: float | None, *, voltmeter: bool = True) -> Known | None:
    """`measured`: V at the plug while the vehicle's contactors are closed. `voltmeter`: it will be measured before anything is joined.

    None: nothing to tell it from; without a voltmeter also where the state of charge is unknown: the middle of a curve is too far off to join on.
    """
    if measured is not None:
        return Known(measured, min(measured + config.precharge_bias_v, config.max_voltage_v), MEASURED_ERROR, MEASURED)
    if says is None or says.target_voltage is None:
        return assumed(config) if config.strategy in ("once", "single") else None
    highest = ceiling(says.target_voltage, says.max_voltage)
    if says.battery_voltage is not None:
        return Known(says.battery_voltage, min(says.battery_voltage + config.precharge_bias_v, config.max_voltage_v), TOLD_ERROR, TOLD)
    if says.soc is None and not voltmeter:
        return None
    traits = Traits(says.extension, says.dynamic_bit, says.capacity)
    curve = choose(says.target_voltage, traits, config.voltage_curve, config.voltage_cells)
    found = learned.estimate(says.fingerprint, says.soc, curve, highest, config.estimate_bias_v) if says.fingerprint else None
    if found is None:
        soc = UNKNOWN_SOC if says.soc is None else says.soc
        found = estimate(says.target_voltage, soc, max_voltage=says.max_voltage, traits=traits, choice=config.voltage_curve, cells=config.voltage_cells,
                         bias=config.estimate_bias_v)
    if found is None:
        return None
    return Known(found.voltage - found.bias, min(found.voltage, config.max_voltage_v), found.error if says.soc is not None else UNKNOWN_SOC_ERROR, found.way)
