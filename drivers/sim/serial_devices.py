"""Dieter and the device of celeron55 in software over the plant: octets in, octets out, as at the far end of a serial line.

Formats: sheet field-pyplc-clara 1.4. The pace at which they talk stands in no source; here it is that of the sensors (50 ms).
"""
from __future__ import annotations

from typing import Callable

from drivers.interfaces import BatteryReading
from drivers.sim.plant import Plant
from kernel.timer import MS, NEVER

PACE = 50 * MS
SLOW = 500 * MS
BUFFER = 64              # octets of a line that an Arduino program has room for; a longer one is forgotten
FULL_SCALE = 1.08 * 6250 / 9.4
STEPS = 1024


class SimSerialDevice:
    """Base. Faults: `silent` says nothing, `deaf` hears nothing, `distort` gets each outgoing line and returns what goes instead."""

    def __init__(self, plant: Plant, now: int = 0) -> None:
        self.silent = False
        self.deaf = False
        self.distort: Callable[[bytes], bytes] | None = None
        self.heard: list[str] = []       # the newest lines, at most 64
        self.plant = plant
        self._line = bytearray()
        self._say_at = now
        self._slow_at = now

    def reset(self) -> None:
        """Power was off: outputs fall, memory is lost."""
        self._line.clear()
        self._switch(False, False, self.plant.time)

    def receive(self, data: bytes, now: int) -> None:
        """Octets from the box."""
        if self.deaf:
            return
        for octet in data:
            if octet == 0x0A:
                line = self._line.decode("ascii", "replace").strip("\r")
                self._line.clear()
                self.heard = [*self.heard[-63:], line]
                self._obey(line, now)
            elif len(self._line) < BUFFER:
                self._line.append(octet)
            else:
                self._line.clear()

    def outgoing(self, now: int) -> bytes:
        """What it has to say at `now`."""
        if now < self._say_at:
            return b""
        self._say_at = now + PACE
        lines = self._lines(now)
        if now >= self._slow_at:
            self._slow_at = now + SLOW
            lines += self._slow_lines(now)
        if self.silent:
            return b""
        if self.distort is not None:
            lines = [self.distort(line) for line in lines]
        return b"".join(line + b"\r\n" for line in lines)

    def next_event(self) -> int:
        return NEVER if self.silent else self._say_at

    def _obey(self, line: str, now: int) -> None:
        """One line of the box."""

    def _lines(self, now: int) -> list[bytes]:
        return []

    def _slow_lines(self, now: int) -> list[bytes]:
        return []

    def _switch(self, state_c: bool, contactors: bool, now: int) -> None:
        plant = self.plant
        if state_c != plant.pilot.state_c:
            plant.touch(now)
            plant.pilot.state_c = state_c
            plant.pilot.update()
        plant.command(plant.car_contactors, contactors, now)


class SimDieter(SimSerialDevice):
    """An Arduino: keeps its outputs until it is told otherwise."""

    relay_2 = False

    def reset(self) -> None:
        super().reset()
        self.relay_2 = False

    def _obey(self, line: str, now: int) -> None:
        if not line.startswith("do") or not line[2:].isdigit():
            return
        bits = int(line[2:])
        self._switch(bool(bits & 1), bool(bits & 2), now)
        self.relay_2 = bool(bits & 4)

    def _lines(self, now: int) -> list[bytes]:
        self.plant.advance(now)
        return [b"A0=%04d" % max(0, min(STEPS - 1, round(self.plant.inlet_voltage / FULL_SCALE * STEPS)))]


class SimCeleron55(SimSerialDevice):
    """The device of celeron55 with its display, its contacts and the vehicle's data."""

    def __init__(self, plant: Plant, now: int = 0) -> None:
        super().__init__(plant, now)
        self.display = ["", "", ""]
        self._reading = BatteryReading()
        self.wanted = True               # ccs_contactor_wanted_closed

    def _obey(self, line: str, now: int) -> None:
        plant = self.plant
        name, _, text = line.partition("=")
        if name in ("cp", "contactor") and text in ("0", "1"):
            on = text == "1"
            self._switch(on if name == "cp" else plant.pilot.state_c, on if name == "contactor" else plant.car_contactors.commanded, now)
        elif line in ("lock", "unlock"):
            plant.command(plant.car_lock, line == "lock", now)
        elif name in ("disp0", "disp1", "disp2"):
            self.display[int(name[4])] = text

    def _lines(self, now: int) -> list[bytes]:
        plant = self.plant
        plant.advance(now)
        duty = plant.pilot.at_car.duty_percent
        return [b"inlet_v=%d" % round(plant.inlet_voltage), b"dc_link_v=%d" % round(self._battery(now).voltage.value),
                b"cp_pwm=%d" % (0 if duty is None or duty == 100.0 else round(duty)), b"cp_output_state=%d" % plant.pilot.state_c,
                b"contactor_confirmed=%d" % plant.car_contactors.position, b"plugged_in=%d" % plant.pilot.plugged,
                b"ccs_contactor_wanted_closed=%d" % self.wanted, b"max_charge_a=%d" % int(self._battery(now).target_current.value)]

    def _slow_lines(self, now: int) -> list[bytes]:
        return [b"soc_percent=%d" % int(self._battery(now).soc_percent.value)]

    def _battery(self, now: int) -> BatteryReading:
        return self.plant.battery.tell(self._reading, self.plant.current, now)
