"""The AC drivers over the simulated plant: an AC charger's residual current detector and meter, the car's on-board charger."""
from __future__ import annotations

from drivers.sim.car import SimSwitch
from drivers.sim.plant import Plant
from drivers.sim.sensor import Random, Sensor


class SimAcContactor(SimSwitch):
    """Contactors: the mains contactor of an AC charger."""

    def __init__(self, plant: Plant) -> None:
        super().__init__(plant, plant.ac.contactor)

    def set_closed(self, closed: bool, now: int) -> bool:
        return self._set(closed, now)


class SimResidualCurrent:
    """ResidualCurrent; `failed` reads None and counts."""

    def __init__(self, plant: Plant) -> None:
        self.errors = 0
        self.failed = False
        self._plant = plant

    def tripped(self, now: int) -> bool | None:
        self._plant.advance(now)
        if self.failed:
            self.errors += 1
            return None
        return self._plant.ac.tripped


class SimAcMeter(Sensor):
    """AcMeter at the charger's terminals: voltage before the contactor, current and energy behind it."""

    def __init__(self, plant: Plant, rng: Random | None = None, noise: float = 0.0) -> None:
        super().__init__(rng, noise)
        self._plant = plant

    def voltage(self, now: int) -> float | None:
        return self._disturbed("voltage", self._plant.ac.voltage, self.offset, self._noise)

    def current(self, now: int) -> float | None:
        self._plant.advance(now)
        return self._disturbed("current", self._plant.ac.current)

    def power(self, now: int) -> float | None:
        self._plant.advance(now)
        return self._disturbed("power", self._plant.ac.power)

    def energy(self, now: int) -> float | None:
        self._plant.advance(now)
        return self._disturbed("energy", self._plant.ac.energy / 3600.0)


class SimOnBoardCharger(Sensor):
    """OnBoardCharger; `refuses`: the limit does not arrive."""

    def __init__(self, plant: Plant) -> None:
        super().__init__()
        self.refuses = False
        self._plant = plant

    def set_limit(self, amperes: float, now: int) -> bool:
        if self.refuses:
            self.errors += 1
            return False
        if amperes != self._plant.ac.limit:
            self._plant.touch(now)
            self._plant.ac.limit = amperes
        return True

    def current(self, now: int) -> float | None:
        self._plant.advance(now)
        return self._disturbed("current", self._plant.ac.current)

    def power(self, now: int) -> float | None:
        self._plant.advance(now)
        return self._disturbed("power", self._plant.ac.power)
