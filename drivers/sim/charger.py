"""The charger's drivers over the simulated plant: pilot source, power stage, output measurements."""
from __future__ import annotations

from drivers.sim.plant import Plant
from drivers.sim.sensor import Random, Sensor


class SimPilotSource:
    """PilotSource; `failed` refuses."""

    def __init__(self, plant: Plant) -> None:
        self.errors = 0
        self.failed = False
        self._plant = plant

    def set_duty(self, percent: float | None, now: int) -> bool:
        if self.failed:
            self.errors += 1
            return False
        plant = self._plant
        plant.touch(now)
        plant.pilot.duty = percent
        plant.pilot.update()
        return True


class SimPowerSupply:
    """PowerSupply: set points of the simulated power stage."""

    def __init__(self, plant: Plant) -> None:
        self.errors = 0
        self._plant = plant

    def set(self, voltage: float, current: float, now: int) -> bool:
        if self._plant.stage.refuses:
            self.errors += 1
            return False
        self._plant.command_stage(True, voltage, current, now)
        return True

    def off(self, now: int) -> bool:
        if self._plant.stage.refuses:
            self.errors += 1
            return False
        self._plant.command_stage(False, 0.0, 0.0, now)
        return True


class SimPowerMeter(Sensor):
    """PowerMeter: voltage and current at the charger's terminals, insulation resistance above a minimum voltage."""

    def __init__(self, plant: Plant, rng: Random | None = None, noise: float = 0.0) -> None:
        super().__init__(rng, noise)
        self._plant = plant
        self._isolation_from = plant.config.isolation_from_v

    def voltage(self, now: int) -> float | None:
        plant = self._plant
        plant.advance(now)
        value = plant.output_voltage
        return round(value * self._steps) / self._steps if self._plain else self._disturbed("voltage", value, self.offset, self._noise)

    def current(self, now: int) -> float | None:
        plant = self._plant
        plant.advance(now)
        value = plant.current
        return round(value * self._steps) / self._steps if self._plain else self._disturbed("current", value)

    def isolation(self, now: int) -> float | None:
        plant = self._plant
        plant.advance(now)
        if plant.output_voltage < self._isolation_from:
            return None
        value = plant.isolation
        return value if self._plain else self._disturbed("isolation", value)
