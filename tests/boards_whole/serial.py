"""Dieter and the device of celeron55 at a pty, for a charge in virtual time: octets need their time on the wire, the plug can be pulled."""
from __future__ import annotations

from typing import Any

from drivers.serial_line.device import Wiring
from kernel.timer import NEVER, S
from tests.boards_whole.box import BoardCharge, Surroundings
from tests.drivers.serial_line.wire import Line

OCTET = 10 * S // 19200      # on the wire: start bit, eight, stop bit
SAFE_V = 30.0


class SerialWorld(Surroundings):
    """The far end of the line is a source of the world."""

    def __init__(self, device: type, there: bool = True) -> None:
        """`device`: a class of drivers.sim.serial_devices; `there`: it is plugged in at the start."""
        self._make = device
        self._there = there
        self._arrives = NEVER
        self.line: Line | None = None
        self.charge: BoardCharge | None = None

    def parts(self, charge: BoardCharge) -> dict[str, Any]:
        self.charge = charge
        self.line = Line(self._make(charge.plant))
        if not self._there:
            self.line.pty.unplug()
            self.line.plug.path = ""
        return {"wiring": Wiring(finder=self.line.plug.finder())}

    def attach(self, charge: BoardCharge, board: Any, lines: Any) -> None:
        self.line.driver = charge.shared.polled[0]

    def next_event(self) -> int:
        if self.line.pty.master < 0:
            return NEVER
        waiting = self.line.driver.port.sent - self.line._taken
        if waiting > 0 and self._arrives == NEVER:
            self._arrives = self.charge.clock.time + waiting * OCTET
        return self._arrives

    def deliver(self, now: int) -> None:
        if now >= self._arrives:
            self._arrives = NEVER
            self.line.exchange(now)

    def follow(self, now: int) -> None:
        self.line.exchange(now)
        plant, signals = self.charge.plant, self.charge.box.signals
        if self.charge.shared.config.board == "celeron55":
            return
        # no motor: a person latches the plug and lets go of it when the box shows that it is dead
        measured = signals.inlet_voltage.get(now)
        if plant.pilot.state_c:
            plant.command(plant.car_lock, True, now)
        elif measured is not None and measured < SAFE_V and signals.contactors_closed.get(now) is False:
            plant.command(plant.car_lock, False, now)

    def close(self) -> None:
        self.line.pty.unplug()
