"""The stand-in box of tests/guard with the lines of a Raspberry Pi's plan: `python -m tests.boards_whole.pi_stand_in pev|ac NAME FAULT FOLDER`.

The configuration is read as main.py reads it; plan, pins, guard and its process are the real ones, their ioctl go to the twin kernel.
"""
from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from drivers.boards import gpio
from drivers.boards.plans import plan
from drivers.pins.build import charger_lines
from drivers.pins.library import Pins, load_api
from drivers.pins.lines import PinLines
from tests.boards_whole.box import written
from tests.boards_whole.files import FIXED, PI, WALLBOX
from tests.drivers.pins import kernel
from tests.drivers.pins.libraries import gpiod_v2, raspberry
from tests.guard import pin_stand_in, stand_in


def make_lines(name: str, folder: str) -> PinLines:
    """What main.appliance hands to its guard."""
    role, text = ("evse", WALLBOX) if sys.argv[1] == "ac" else ("pev", PI + FIXED)
    gpio.charger_lines = partial(charger_lines, pwm_root=folder)
    twin = raspberry(tag=name)
    made, _ = plan(written(Path(folder), role, text), Pins("gpiod", load_api(gpiod_v2(twin), kernel.ioctl), None, twin.paths))
    return made.lines()


if __name__ == "__main__":
    pin_stand_in.make_lines = make_lines
    stand_in.Guard = pin_stand_in.PinGuard
    for builder in ("car_on_lines", "ac_charger_on_lines"):
        setattr(stand_in, builder, pin_stand_in.pulsed(getattr(stand_in, builder)))
    sys.exit(stand_in.main(*sys.argv[1:4]))
