"""A serial device at the far end of a pty, in real time, for the real program in a process of its own."""
from __future__ import annotations

import os
import select
import time
from typing import Callable

from drivers.sim.plant import Plant
from drivers.sim.plant_config import PlantConfig
from tests.drivers.serial_line.wire import Pty
from tests.interop.network import LOOK_EVERY_S

TURN_S = LOOK_EVERY_S / 5        # 10 ms: how often the twin looks at its line


class Beside:
    """The twin at `pty`. `heard`: every octet that it was sent; `plant`: what hangs at its outputs."""

    def __init__(self, device: type, **plant: object) -> None:
        """`device`: a class of drivers.sim.serial_devices."""
        now = time.monotonic_ns()
        self.plant = Plant(PlantConfig(plugged=True, **plant), start=now)
        self.device = device(self.plant, now)
        self.pty = Pty()
        self.heard = b""
        self.unheard = 0

    def turn(self) -> None:
        """What came is obeyed, what there is to say is said."""
        now = time.monotonic_ns()
        self.plant.advance(now)
        data = self.pty.read()
        self.heard += data
        self.device.receive(data, now)
        try:
            os.write(self.pty.master, self.device.outgoing(now))
        except BlockingIOError:
            self.unheard += 1            # the line is full: nobody reads

    def until(self, question: Callable[[], bool], limit_s: float) -> bool:
        """Lives until the answer is yes; False when `limit_s` is over."""
        end = time.monotonic() + limit_s
        while not question():
            if time.monotonic() > end:
                return False
            self.turn()
            select.select([self.pty.master], (), (), TURN_S)
        return True

    def stage(self, volts: float, amperes: float) -> None:
        """The charger at the other end of the cable gives this; 0 V: it is off and discharges its output."""
        self.plant.command_stage(volts > 0, volts, amperes, time.monotonic_ns())

    def close(self) -> None:
        self.pty.unplug()
