"""VehicleData without a battery management: fixed values from the configuration."""
from __future__ import annotations

from dataclasses import dataclass

from drivers.errors import DriverError
from drivers.interfaces import BatteryReading
from kernel.settings import setting


@dataclass(slots=True)
class FixedVehicleConfig:
    """Section `vehicle_fixed` of the configuration. The voltage is compared with the inlet before the contactors close: measure it."""

    battery_voltage_v: float = setting(0.0, unit="V", low=0, high=1000, meaning=(
        "terminal voltage of the battery; read it at the pack before each session, or precharge ends at a wrong voltage"))
    soc_percent: float = setting(50.0, unit="%", low=0, high=100, meaning="state of charge to tell the charger")
    target_voltage_v: float = setting(0.0, unit="V", low=0, high=1000, meaning="voltage to ask the charger for")
    target_current_a: float = setting(10.0, unit="A", low=0, high=500, meaning="current to ask the charger for")
    max_voltage_v: float = setting(0.0, unit="V", low=0, high=1000, meaning="never charge above this; the battery's data sheet says it")
    max_current_a: float = setting(10.0, unit="A", low=0, high=500, meaning="never charge with more than this")
    max_power_w: float = setting(5000.0, unit="W", low=0, high=400_000, meaning="never charge with more than this")
    capacity_wh: float = setting(20_000.0, unit="Wh", low=0, high=300_000, meaning="usable energy content to tell the charger")
    charge_permission: bool = setting(False, meaning="true only when something else guards the battery while it charges")


class FixedVehicle:
    """The same reading each time; refuses a configuration that contradicts itself."""

    def __init__(self, config: FixedVehicleConfig) -> None:
        c = config
        if not 0.0 < c.battery_voltage_v <= c.max_voltage_v or not 0.0 < c.target_voltage_v <= c.max_voltage_v:
            raise DriverError(
                f"vehicle_fixed: battery {c.battery_voltage_v} V and target {c.target_voltage_v} V must be above 0 and not above the maximum of {c.max_voltage_v} V.",
                "Set battery_voltage_v, target_voltage_v and max_voltage_v from the battery's data sheet and a measurement.")
        if c.target_current_a > c.max_current_a:
            raise DriverError(f"vehicle_fixed: target current {c.target_current_a} A is above the maximum of {c.max_current_a} A.",
                              "Lower target_current_a.")
        self.errors = 0
        self._reading = BatteryReading.of(
            0, voltage=c.battery_voltage_v, soc_percent=c.soc_percent, target_voltage=c.target_voltage_v, target_current=c.target_current_a,
            max_voltage=c.max_voltage_v, max_current=c.max_current_a, max_power=c.max_power_w, capacity=c.capacity_wh,
            permission=c.charge_permission)

    def read(self, now: int) -> BatteryReading | None:
        r = self._reading
        for quantity in (r.voltage, r.soc_percent, r.target_voltage, r.target_current, r.max_voltage, r.max_current, r.max_power, r.capacity, r.permission):
            quantity.at = now           # what the configuration says has no age
        return r
