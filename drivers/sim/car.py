"""The car's drivers over the simulated plant: measurements, pilot, contactors, lock, battery management."""
from __future__ import annotations

from typing import Callable

from drivers.interfaces import BatteryReading, PilotReading
from drivers.sim.actuator import Actuator
from drivers.sim.pilot import Pilot
from drivers.sim.plant import Plant
from drivers.sim.sensor import Random, Sensor
from kernel.timer import NEVER


class SimVoltmeter(Sensor):
    """Voltmeter: inlet voltage, current into the battery, inlet temperature. `fitted` names what this board measures."""

    def __init__(self, plant: Plant, rng: Random | None = None, noise: float = 0.0, *, current_sensor: bool = True,
                 temperature_sensor: bool = True) -> None:
        super().__init__(rng, noise)
        self._plant = plant
        self._current_sensor = current_sensor
        self._temperature_sensor = temperature_sensor

    def inlet_voltage(self, now: int) -> float | None:
        plant = self._plant
        plant.advance(now)
        value = plant.inlet_voltage
        return round(value * self._steps) / self._steps if self._plain else self._disturbed("voltage", value, self.offset, self._noise)

    def inlet_current(self, now: int) -> float | None:
        if not self._current_sensor:
            return None
        plant = self._plant
        plant.advance(now)
        value = plant.current if plant.car_contactors.position else 0.0
        return round(value * self._steps) / self._steps if self._plain else self._disturbed("current", value)

    def inlet_temperature(self, now: int) -> float | None:
        if not self._temperature_sensor:
            return None
        plant = self._plant
        plant.advance(now)
        value = plant.inlet_temperature
        return round(value * self._steps) / self._steps if self._plain else self._disturbed("temperature", value)

    def supply_voltage(self, now: int) -> float | None:
        plant = self._plant
        plant.advance(now)
        value = plant.supply_voltage
        return value if self._plain else self._disturbed("supply", value)


class SimPilotMonitor:
    """PilotMonitor of either end; `failed` reads None and counts. `duty`: the duty reads what this makes of it, the state stays true."""

    def __init__(self, plant: Plant, charger: bool = False) -> None:
        self.errors = 0
        self.failed = False
        self.duty: Callable[[float | None], float | None] | None = None
        self._plant = plant
        self._pilot: Pilot = plant.pilot
        self._charger = charger

    def read(self, now: int) -> PilotReading | None:
        self._plant.advance(now)
        if self.failed:
            self.errors += 1
            return None
        reading = self._pilot.at_charger if self._charger else self._pilot.at_car
        return reading if self.duty is None else PilotReading(reading.state, self.duty(reading.duty_percent))


class SimControlPilot:
    """ControlPilot: the car's switched resistor; `failed` refuses."""

    def __init__(self, plant: Plant) -> None:
        self.errors = 0
        self.failed = False
        self._plant = plant

    def set_state_c(self, c: bool, now: int) -> bool:
        if self.failed:
            self.errors += 1
            return False
        plant = self._plant
        plant.touch(now)
        plant.pilot.state_c = c
        plant.pilot.update()
        return True


class SimSwitch:
    """Contactors and ConnectorLock over an actuator of the plant; `failed` refuses commands and reads None."""

    def __init__(self, plant: Plant, actuator: Actuator) -> None:
        self.errors = 0
        self.failed = False
        self._plant = plant
        self._actuator = actuator

    def _set(self, on: bool, now: int) -> bool:
        if self.failed:
            self.errors += 1
            return False
        self._plant.command(self._actuator, on, now)
        return True

    def feedback(self, now: int) -> bool | None:
        self._plant.advance(now)
        if self.failed:
            self.errors += 1
            return None
        actuator = self._actuator
        if actuator.feedback_fault or actuator.done_at != NEVER:
            return actuator.feedback()
        return actuator.position


class SimContactors(SimSwitch):
    """Contactors: the car's pair by default, or the charger's output contactor when `charger`."""

    def __init__(self, plant: Plant, charger: bool = False) -> None:
        super().__init__(plant, plant.output_contactor if charger else plant.car_contactors)

    def set_closed(self, closed: bool, now: int) -> bool:
        return self._set(closed, now)


class SimConnectorLock(SimSwitch):
    """ConnectorLock: the car's inlet lock by default, or the charger's when `charger`."""

    def __init__(self, plant: Plant, charger: bool = False) -> None:
        super().__init__(plant, plant.charger_lock if charger else plant.car_lock)

    def set_locked(self, locked: bool, now: int) -> bool:
        return self._set(locked, now)


class SimInputs:
    """Inputs: the stop button of either end, and a display button (`display`, None: not fitted); `failed` reads None and counts."""

    def __init__(self, plant: Plant, charger: bool = False) -> None:
        self.errors = 0
        self.failed = False
        self._plant = plant
        self.display: bool | None = None
        self._charger = charger

    def stop_button(self, now: int) -> bool | None:
        plant = self._plant
        plant.advance(now)
        if self.failed:
            self.errors += 1
            return None
        return plant.charger_stop_button if self._charger else plant.stop_button

    def display_button(self, now: int) -> bool | None:
        if self.failed:
            self.errors += 1
            return None
        return self.display


class SimVehicleData:
    """VehicleData: the management of the simulated battery; `failed` is a silent bus."""

    def __init__(self, plant: Plant) -> None:
        self.errors = 0
        self.failed = False
        self._plant = plant
        self._reading = BatteryReading()

    def read(self, now: int) -> BatteryReading | None:
        plant = self._plant
        plant.advance(now)
        if self.failed:
            self.errors += 1
            return None
        return plant.battery.tell(self._reading, plant.current + plant.ac.battery_current, now)
