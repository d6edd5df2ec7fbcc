"""The stand-in box with its outputs on pins of a twin kernel: `python -m tests.guard.pin_stand_in pev|evse|ac|bridge NAME FAULT FOLDER`.

FOLDER holds a PWM as sysfs shows it. Main process and guard use the code that they use on a board; the twin kernel stands where fcntl.ioctl does.
"""
from __future__ import annotations

import sys
from pathlib import Path

from drivers.pins.config import LockPins, PwmPin
from drivers.pins.hand import V1, V2, LineHand
from drivers.pins.lines import BULB, PULSE, PinLines
from drivers.pins.outputs import PinConnectorLock
from drivers.pins.pwm import open_pwm
from drivers.sim.lines import CONTACTORS, D1, D2, FIRST, LOCK, UNLOCK, VEHICLE_LOCK, VEHICLE_UNLOCK
from tests.drivers.pins import kernel
from tests.drivers.pins.libraries import raspberry
from tests.guard import stand_in
from tools.appliance.guard import Guard

OFFSETS = {FIRST: 17, CONTACTORS: 27, LOCK: 22, UNLOCK: 23, BULB: 24, PULSE: 25}
BRIDGE_OFFSETS = {D1: 12, D2: 13, VEHICLE_LOCK: 18, VEHICLE_UNLOCK: 15}
ACTIVE_LOW = CONTACTORS                  # this one
OF_V1 = LOCK                             # asked for by a library of before
PROGRAM = ("import sys, types; sys.path.insert(0, sys.argv.pop(1)); from drivers.pins import hand; from tests.drivers.pins.kernel import ioctl; "
           "hand.fcntl = types.SimpleNamespace(ioctl=ioctl); from tools.appliance.guard_process import main; main(sys.argv[1:])")


def offsets(mode: str) -> dict[int, int]:
    """Every output that a box of this mode can have."""
    return {**OFFSETS, **(BRIDGE_OFFSETS if mode == "bridge" else {})}


def make_lines(name: str, folder: str) -> PinLines:
    """All of them, inactive."""
    twin = raspberry(tag=name)
    hands = {place: LineHand(twin.request("/dev/gpiochip0", offset, "output", place == ACTIVE_LOW, "as_is", "ccsbox", place == OF_V1),
                             V1 if place == OF_V1 else V2, False, kernel.ioctl) for place, offset in offsets(sys.argv[1]).items()}
    return PinLines.over(hands, open_pwm(PwmPin(chip=0, channel=0), None, folder))


def make_pwm(folder: Path) -> Path:
    """pwmchip0 with channel 0 as a Raspberry Pi has it before anybody used it; the file of its duty."""
    channel = folder / "pwmchip0" / "pwm0"
    channel.mkdir(parents=True)
    for file, text in (("period", "0"), ("duty_cycle", "0"), ("enable", "0"), ("polarity", "normal")):
        (channel / file).write_text(text + "\n")
    return channel / "duty_cycle"


class PulsedLock:
    """The lock driver of a board over the motor of the plant, which stands still while its line is low."""

    def __init__(self, lock) -> None:
        self._motor, self._relays = lock, lock._relays
        self._driver = PinConnectorLock(self._relays.lines, LockPins(pulse_ms=100))

    @property
    def errors(self) -> int:
        return self._driver.errors

    def set_locked(self, locked: bool, now: int) -> bool:
        done = self._driver.set_locked(locked, now)
        self._relays.follow(now)
        return done

    def feedback(self, now: int) -> bool | None:
        self._relays.follow(now)
        self._driver.run(now)
        return self._motor.feedback(now)


def pulsed(make):
    """The board that `make` gives, with such a lock."""
    def made(*arguments):
        board = make(*arguments)
        board.lock = PulsedLock(board.lock)
        return board
    return made


class PinGuard(Guard):
    """The real guard, but that its ioctl go to the twin kernel."""

    _program = PROGRAM

    def __init__(self, mode, where, *rest) -> None:
        super().__init__(mode, where, *rest, make_lines=lambda: make_lines(where, sys.argv[4]))


if __name__ == "__main__":
    stand_in.Guard = PinGuard
    for builder in ("car_on_lines", "charger_on_lines", "ac_charger_on_lines", "bridge_on_lines"):
        setattr(stand_in, builder, pulsed(getattr(stand_in, builder)))
    sys.exit(stand_in.main(*sys.argv[1:4]))
