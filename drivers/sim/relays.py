"""The car's output drivers over lines, and what hangs at the lines' other end: resistor switch, contactors, lock motor."""
from __future__ import annotations

from drivers.sim.car import SimConnectorLock, SimContactors, SimControlPilot
from drivers.sim.lines import CONTACTORS, LOCK, PILOT_C, UNLOCK, Lines
from drivers.sim.plant import Plant


class Relays:
    """Moves the plant's parts to where the lines say, whoever set them."""

    def __init__(self, plant: Plant, lines: Lines) -> None:
        self._plant = plant
        self._lines = lines

    def drive(self, line: int, on: bool, now: int) -> bool:
        """Command a line; False when the guard holds it at another level."""
        done = self._lines.set(line, on)
        self.follow(now)
        return done

    def follow(self, now: int) -> None:
        """Coils follow their lines at once; the lock motor turns while one of its two lines is high, else it stays."""
        lines, plant = self._lines, self._plant
        c = lines.level(PILOT_C)
        if c != plant.pilot.state_c:
            plant.touch(now)
            plant.pilot.state_c = c
            plant.pilot.update()
        plant.command(plant.car_contactors, lines.level(CONTACTORS), now)
        lock, unlock = lines.level(LOCK), lines.level(UNLOCK)
        if lock != unlock:
            plant.command(plant.car_lock, lock, now)


class LineControlPilot(SimControlPilot):
    """ControlPilot: the switched resistor behind a line; low is state B."""

    def __init__(self, plant: Plant, relays: Relays) -> None:
        super().__init__(plant)
        self._relays = relays

    def set_state_c(self, c: bool, now: int) -> bool:
        done = not self.failed and self._relays.drive(PILOT_C, c, now)
        self.errors += not done
        return done


class LineContactors(SimContactors):
    """Contactors: coils behind a line; low is open."""

    def __init__(self, plant: Plant, relays: Relays) -> None:
        super().__init__(plant)
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

    def __init__(self, plant: Plant, relays: Relays) -> None:
        super().__init__(plant)
        self._relays = relays

    def set_locked(self, locked: bool, now: int) -> bool:
        away, towards = (UNLOCK, LOCK) if locked else (LOCK, UNLOCK)
        done = not self.failed and self._relays.drive(away, False, now) and self._relays.drive(towards, True, now)
        self.errors += not done
        return done
