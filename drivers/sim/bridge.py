"""A bridge's drivers over the simulated plant: what it measures, hears by wire and switches at the CHAdeMO plug."""
from __future__ import annotations

from drivers.sim.bridge_plant import BridgePlant
from drivers.sim.car import SimConnectorLock, SimSwitch
from drivers.sim.sensor import Random, Sensor


class SimVehicleVoltmeter(Sensor):
    """VehicleVoltmeter: the voltage at the CHAdeMO plug. Its quantity for `distort` is "vehicle_voltage"."""

    def __init__(self, plant: BridgePlant, rng: Random | None = None, noise: float = 0.0) -> None:
        super().__init__(rng, noise)
        self._plant = plant

    def vehicle_voltage(self, now: int) -> float | None:
        plant = self._plant
        plant.advance(now)
        value = plant.plug_voltage
        return round(value * self._steps) / self._steps if self._plain else self._disturbed("vehicle_voltage", value, self.offset, self._noise)


class SimVehicleInputs:
    """VehicleInputs. Faults: `failed` reads None and counts; `plug_fitted` False: nothing tells whether the plug is in the vehicle."""

    def __init__(self, plant: BridgePlant) -> None:
        self.errors = 0
        self.failed = False
        self.plug_fitted = True
        self._plant = plant

    def charge_permission(self, now: int) -> bool | None:
        plant = self._plant
        plant.advance(now)
        if self.failed:
            self.errors += 1
            return None
        return plant.k and plant.vehicle_plugged

    def plug_present(self, now: int) -> bool | None:
        plant = self._plant
        plant.advance(now)
        if self.failed:
            self.errors += 1
            return None
        return plant.vehicle_plugged if self.plug_fitted else None


class SimChargeSequence:
    """ChargeSequence; `failed` refuses and counts, what was set stays."""

    def __init__(self, plant: BridgePlant) -> None:
        self.errors = 0
        self.failed = False
        self._plant = plant

    def set_d1(self, on: bool, now: int) -> bool:
        if self.failed:
            self.errors += 1
            return False
        self._plant.set_sequence(now, d1=on)
        return True

    def set_d2(self, on: bool, now: int) -> bool:
        if self.failed:
            self.errors += 1
            return False
        self._plant.set_sequence(now, d2=on)
        return True


class SimVehicleLock(SimConnectorLock):
    """ConnectorLock of the CHAdeMO plug."""

    def __init__(self, plant: BridgePlant) -> None:
        SimSwitch.__init__(self, plant, plant.vehicle_lock)
