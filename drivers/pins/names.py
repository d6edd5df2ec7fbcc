"""Names of pins as people write them, and the one place that each of them is: a chip and an offset.

Chips are told apart by their label (Raspberry Pi) or by the address of the controller (BeagleBone), never by number: the
numbers have changed with kernels (the header of a Raspberry Pi 5 was gpiochip4 first and gpiochip0 later).
"""
from __future__ import annotations

import re

from drivers.errors import DriverError
from kernel.record import dataclass

# Labels of the header's controller: adafruit_blinka/microcontroller/generic_linux/raspberry_pi_pin.py (Blinka 10.0.0);
# the offset there is the BCM number. Line names are of no use: GPIO4 is called GPIO_GCLK, GPIO14 TXD1.
PI_LABELS = ("pinctrl-bcm2835", "pinctrl-bcm2711", "pinctrl-rp1")
PI_PULLED_UP = 8         # GPIO0 to this have a pull-up at reset, 9 to 27 a pull-down (BCM2835 ARM Peripherals, table 6-31; chademo sheet 7.2)
PI_HEADER = {3: 2, 5: 3, 7: 4, 8: 14, 10: 15, 11: 17, 12: 18, 13: 27, 15: 22, 16: 23, 18: 24, 19: 10, 21: 9, 22: 25, 23: 11, 24: 8, 26: 7,
             29: 5, 31: 6, 32: 12, 33: 13, 35: 19, 36: 16, 37: 26, 38: 20, 40: 21}
"""Header pin to BCM number, the 26 that are free for use (Raspberry Pi documentation, "GPIO and the 40-pin header")."""

# AM335x Technical Reference Manual (SPRUH73), chapter Memory Map: GPIO0 to GPIO3, 32 lines each.
BONE_BANKS = ("44e07000", "4804c000", "481ac000", "481ae000")
# Header pin to GPIO number = 32 * bank + line: adafruit_blinka/microcontroller/am335x/pin.py (Blinka 10.0.0), which cites
# common.c of Adafruit_BBIO. Left out: what belongs to the eMMC (P8_3 to P8_6, P8_20 to P8_25), to HDMI (P8_27 to P8_46)
# and to the capes' I2C (P9_19, P9_20).
BONE_HEADER = {
    "P8_7": 66, "P8_8": 67, "P8_9": 69, "P8_10": 68, "P8_11": 45, "P8_12": 44, "P8_13": 23, "P8_14": 26, "P8_15": 47, "P8_16": 46, "P8_17": 27,
    "P8_18": 65, "P8_19": 22, "P8_26": 61,
    "P9_11": 30, "P9_12": 60, "P9_13": 31, "P9_14": 50, "P9_15": 48, "P9_16": 51, "P9_17": 5, "P9_18": 4, "P9_21": 3, "P9_22": 2, "P9_23": 49,
    "P9_24": 15, "P9_25": 117, "P9_26": 14, "P9_27": 115, "P9_28": 113, "P9_29": 111, "P9_30": 112, "P9_31": 110, "P9_41": 20, "P9_42": 7,
}
PI_NAME = re.compile(r"(?:GPIO|BCM)_?0*(\d{1,2})$", re.I)
PI_PIN = re.compile(r"PIN_?0*(\d{1,2})$", re.I)
BONE_NAME = re.compile(r"P([89])[_.]0*(\d{1,2})$", re.I)
CHIP_AND_OFFSET = re.compile(r"(.+)[/:](\d{1,4})$")
MAX_NEAR = 5             # names that a refusal lists


@dataclass(slots=True, frozen=True)
class Chip:
    """One GPIO controller: `name` gpiochip0, `label`, `lines` it has, `device` its folder in /sys/devices."""

    name: str
    label: str
    lines: int
    device: str = ""
    path: str = ""


@dataclass(slots=True, frozen=True)
class Place:
    """Where a pin is; equal for every way of writing it."""

    chip: Chip
    offset: int

    def __str__(self) -> str:
        return f"{self.chip.name}/{self.offset}"


def bcm_number(text: str) -> int | None:
    """The BCM number that a Raspberry Pi's name means, None when it is no such name."""
    match = PI_NAME.match(text)
    if match:
        return int(match[1])
    match = PI_PIN.match(text)
    return PI_HEADER.get(int(match[1])) if match else None


def find(text: str, chips: list[Chip], line_names) -> Place:
    """The place of the pin called `text`. `line_names(chip)`: names of its lines in order of offset. DriverError when there is none."""
    place = _by_header(text, chips) or _by_chip(text, chips)
    if place is not None:
        return place
    names = [(name, Place(chip, offset)) for chip in chips for offset, name in enumerate(line_names(chip)) if name]
    found = [place for name, place in names if name == text]
    if len(found) == 1:
        return found[0]
    if found:
        raise DriverError(f"Several lines are called {text!r}: {', '.join(map(str, found))}.", f"Name one of them by chip and offset, such as {found[0]}.")
    if not chips:
        raise DriverError(f"The pin {text!r} was not found: this machine has no GPIO chip that may be looked at.",
                          "Look for /dev/gpiochip*; join the group gpio where they exist but are not permitted.")
    if text.upper() in BONE_HEADER:
        bank, line = divmod(BONE_HEADER[text.upper()], 32)
        raise DriverError(f"{text!r} is line {line} of the BeagleBone's GPIO{bank} (controller {BONE_BANKS[bank]}), which this machine does not have.",
                          "On another board name the pin by chip and offset, such as gpiochip0/17; `gpioinfo` lists what there is.")
    import difflib                               # for who has made a mistake
    near = difflib.get_close_matches(text, [name for name, _ in names], MAX_NEAR, 0.5)
    have = ", ".join(f"{chip.name} ({chip.label}, {chip.lines} lines)" for chip in chips[:MAX_NEAR])
    raise DriverError(f"The pin {text!r} was not found on {have}.",
                      f"Near names: {', '.join(near)}." if near else
                      "Write GPIO17, PIN11, P9_41, or chip and offset such as gpiochip0/17; `gpioinfo` lists what there is.")


def _by_header(text: str, chips: list[Chip]) -> Place | None:
    """A name of the Raspberry Pi's or the BeagleBone's header; None when it is none, or the board is another."""
    number = bcm_number(text)
    pin = PI_PIN.match(text)
    if number is None and pin:
        raise DriverError(f"Header pin {pin[1]} of a Raspberry Pi is no GPIO ({text!r}).", f"Use one of {', '.join(f'PIN{n}' for n in PI_HEADER)}.")
    if number is not None:
        chip = next((c for c in chips if c.label in PI_LABELS), None)
        if chip is None and pin:
            raise DriverError(f"The pin {text!r} is one of a Raspberry Pi's header, and this machine has none.",
                              "Name it by chip and offset, such as gpiochip0/17.")
        if chip is not None and number >= chip.lines:
            raise DriverError(f"{chip.name} has {chip.lines} lines, {text!r} would be line {number}.", "The header has GPIO2 to GPIO27.")
        return None if chip is None else Place(chip, number)
    bone = BONE_NAME.match(text)
    if not bone:
        return None
    name = f"P{bone[1]}_{int(bone[2])}"
    if name not in BONE_HEADER:
        raise DriverError(f"{text!r} is not free on a BeagleBone: ground, supply, analogue, eMMC, HDMI or the capes' I2C.",
                          f"Use one of {', '.join(n for n in BONE_HEADER if n.startswith(name[:3]))}.")
    bank, line = divmod(BONE_HEADER[name], 32)
    chip = next((c for c in chips if BONE_BANKS[bank] in c.device), None)
    return None if chip is None else Place(chip, line)       # None: another board, whose lines may be called so


def _by_chip(text: str, chips: list[Chip]) -> Place | None:
    """`gpiochip0/17`, `pinctrl-rp1/17`; None when no chip is called so."""
    match = CHIP_AND_OFFSET.match(text)
    named = [c for c in chips if match[1] in (c.name, c.label, c.path)] if match else []
    if not match or not named:
        return None
    if len(named) > 1:
        raise DriverError(f"Several chips are called {match[1]!r}: {', '.join(c.name for c in named)}.",
                          f"Name one of them, such as {named[0].name}/{match[2]}.")
    chip, offset = named[0], int(match[2])
    if offset >= chip.lines:
        raise DriverError(f"{chip.name} has {chip.lines} lines, {text!r} would be one more.", f"Use 0 to {chip.lines - 1}.")
    return Place(chip, offset)


class PinUses:
    """Who uses which pin: a second use of the same one is refused, however it is written."""

    def __init__(self) -> None:
        self._uses: dict[tuple[str, int], tuple[str, str]] = {}

    def claim(self, text: str, purpose: str, place: Place) -> None:
        """`purpose`: "inlet lock motor". DriverError names both uses."""
        key = place.chip.name, place.offset
        if key not in self._uses:
            self._uses[key] = text, purpose
            return
        other, earlier = self._uses[key]
        alias = "" if other == text else f" ({other} and {text} are both {place})"
        raise DriverError(f"{earlier} and {purpose} both use {text}{alias}.", "Give one of them another pin.")
