"""Output drivers over lines, and what hangs at the lines' other end: a car's resistor switch or a charger's power stage, contactors, lock motor, d1 and d2."""
from __future__ import annotations

from abc import ABC, abstractmethod

from drivers.sim.ac import SimAcContactor
from drivers.sim.actuator import Actuator
from drivers.sim.bridge import SimChargeSequence, SimVehicleLock
from drivers.sim.bridge_plant import BridgePlant
from drivers.sim.car import SimConnectorLock, SimContactors, SimControlPilot
from drivers.sim.charger import SimPilotSource, SimPowerSupply
from drivers.sim.lines import CONTACTORS, D1, D2, LOCK, PILOT_C, POWER, UNLOCK, VEHICLE_LOCK, VEHICLE_UNLOCK, Lines
from drivers.sim.plant import Plant


class Relays(ABC):
    """Moves the plant's parts to where the lines say, whoever set them."""

    def __init__(self, plant: Plant, lines: Lines) -> None:
        self.plant = plant
        self.lines = lines

    def drive(self, line: int, on: bool, now: int) -> bool:
        """Command a line; False when the guard holds it at another level."""
        done = self.lines.set(line, on)
        self.follow(now)
        return done

    @abstractmethod
    def follow(self, now: int) -> None:
        """Everything at the lines' other end moves to where they say."""

    def _turn(self, lock: Actuator, now: int, lock_line: int = LOCK, unlock_line: int = UNLOCK) -> None:
        """The lock motor turns while one of its two lines is high, else it stays."""
        locking, unlocking = self.lines.level(lock_line), self.lines.level(unlock_line)
        if locking != unlocking:
            self.plant.command(lock, locking, now)


class CarRelays(Relays):
    """Resistor switch of the pilot, both contactors, lock of the inlet."""

    def follow(self, now: int) -> None:
        lines, plant = self.lines, self.plant
        c = lines.level(PILOT_C)
        if c != plant.pilot.state_c:
            plant.touch(now)
            plant.pilot.state_c = c
            plant.pilot.update()
        plant.command(plant.car_contactors, lines.level(CONTACTORS), now)
        self._turn(plant.car_lock, now)


class BridgeRelays(CarRelays):
    """A car's, and at the CHAdeMO plug the relays of d1 and d2 and the lock."""

    def __init__(self, plant: BridgePlant, lines: Lines) -> None:
        super().__init__(plant, lines)
        self.bridge_plant = plant

    def follow(self, now: int) -> None:
        super().follow(now)
        lines, plant = self.lines, self.bridge_plant
        d1, d2 = lines.level(D1), lines.level(D2)
        if (d1, d2) != (plant.d1, plant.d2):
            plant.set_sequence(now, d1=d1, d2=d2)
        self._turn(plant.vehicle_lock, now, VEHICLE_LOCK, VEHICLE_UNLOCK)


class ChargingRelays(Relays):
    """Pulse generator and lock of a charger of either kind."""

    def follow(self, now: int) -> None:
        plant, duty = self.plant, self.lines.duty
        if duty != plant.pilot.duty:
            plant.touch(now)
            plant.pilot.duty = duty
            plant.pilot.update()
        self._turn(plant.charger_lock, now)


class AcRelays(ChargingRelays):
    """The mains contactor, on the line that the guard drops first."""

    def follow(self, now: int) -> None:
        self.plant.command(self.plant.ac.contactor, self.lines.level(POWER), now)
        super().follow(now)


class ChargerRelays(ChargingRelays):
    """Enable of the power stage with its set points (which come by another way), output contactor where there is one, lock, pulse generator."""

    def __init__(self, plant: Plant, lines: Lines) -> None:
        super().__init__(plant, lines)
        self.set_point = (0.0, 0.0)      # V, A

    def follow(self, now: int) -> None:
        lines, plant = self.lines, self.plant
        on = lines.level(POWER)
        plant.command_stage(on, *(self.set_point if on else (0.0, 0.0)), now)
        if plant.config.output_contactor:
            plant.command(plant.output_contactor, lines.level(CONTACTORS), now)
        super().follow(now)


class LineControlPilot(SimControlPilot):
    """ControlPilot: the switched resistor behind a line; low is state B."""

    def __init__(self, relays: Relays) -> None:
        super().__init__(relays.plant)
        self._relays = relays

    def set_state_c(self, c: bool, now: int) -> bool:
        done = not self.failed and self._relays.drive(PILOT_C, c, now)
        self.errors += not done
        return done


class LineContactors(SimContactors):
    """Contactors: coils behind a line; low is open."""

    def __init__(self, relays: Relays, charger: bool = False) -> None:
        super().__init__(relays.plant, charger)
        self._relays = relays

    def set_closed(self, closed: bool, now: int) -> bool:
        done = not self.failed and self._relays.drive(CONTACTORS, closed, now)
        self.errors += not done
        return done

    def feedback(self, now: int) -> bool | None:
        self._relays.follow(now)
        return super().feedback(now)


class LineConnectorLock(SimConnectorLock):
    """ConnectorLock: a motor with one line per direction; both low: it stays where it is."""

    def __init__(self, relays: Relays, charger: bool = False) -> None:
        super().__init__(relays.plant, charger)
        self._relays = relays

    def set_locked(self, locked: bool, now: int) -> bool:
        away, towards = (UNLOCK, LOCK) if locked else (LOCK, UNLOCK)
        done = not self.failed and self._relays.drive(away, False, now) and self._relays.drive(towards, True, now)
        self.errors += not done
        return done

    def feedback(self, now: int) -> bool | None:
        self._relays.follow(now)
        return super().feedback(now)


class LineChargeSequence(SimChargeSequence):
    """ChargeSequence: the relays of d1 and d2 behind two lines; low is off."""

    def __init__(self, relays: BridgeRelays) -> None:
        super().__init__(relays.bridge_plant)
        self._relays = relays

    def set_d1(self, on: bool, now: int) -> bool:
        return self._set(D1, on, now)

    def set_d2(self, on: bool, now: int) -> bool:
        return self._set(D2, on, now)

    def _set(self, line: int, on: bool, now: int) -> bool:
        done = not self.failed and self._relays.drive(line, on, now)
        self.errors += not done
        return done


class LineVehicleLock(SimVehicleLock):
    """ConnectorLock: the CHAdeMO plug's, a motor with one line per direction; both low: it stays where it is."""

    def __init__(self, relays: BridgeRelays) -> None:
        super().__init__(relays.bridge_plant)
        self._relays = relays

    def set_locked(self, locked: bool, now: int) -> bool:
        away, towards = (VEHICLE_UNLOCK, VEHICLE_LOCK) if locked else (VEHICLE_LOCK, VEHICLE_UNLOCK)
        done = not self.failed and self._relays.drive(away, False, now) and self._relays.drive(towards, True, now)
        self.errors += not done
        return done

    def feedback(self, now: int) -> bool | None:
        self._relays.follow(now)
        return super().feedback(now)


class LinePowerSupply(SimPowerSupply):
    """PowerSupply: set points for a power stage that runs only while its enable line is high."""

    def __init__(self, relays: ChargerRelays) -> None:
        super().__init__(relays.plant)
        self._relays = relays

    def set(self, voltage: float, current: float, now: int) -> bool:
        relays = self._relays
        relays.set_point = voltage, current
        done = not relays.plant.stage.refuses and relays.drive(POWER, True, now)
        self.errors += not done
        return done

    def off(self, now: int) -> bool:
        """The line falls also when the stage no longer listens."""
        done = self._relays.drive(POWER, False, now) and not self._relays.plant.stage.refuses
        self.errors += not done
        return done


class LineAcContactor(SimAcContactor):
    """Contactors: the mains contactor's coil behind a line; low is open."""

    def __init__(self, relays: AcRelays) -> None:
        super().__init__(relays.plant)
        self._relays = relays

    def set_closed(self, closed: bool, now: int) -> bool:
        done = not self.failed and self._relays.drive(POWER, closed, now)
        self.errors += not done
        return done

    def feedback(self, now: int) -> bool | None:
        self._relays.follow(now)
        return super().feedback(now)


class LinePilotSource(SimPilotSource):
    """PilotSource: a pulse generator that goes on by itself, as the lines do."""

    def __init__(self, relays: ChargingRelays) -> None:
        super().__init__(relays.plant)
        self._relays = relays

    def set_duty(self, percent: float | None, now: int) -> bool:
        done = not self.failed and self._relays.lines.set_duty(percent)
        self._relays.follow(now)
        self.errors += not done
        return done
