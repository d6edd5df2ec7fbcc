"""What is wired to which pin, out of the settings: every pin of a car's section with its place on the header and its words."""
from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any, Iterator, NamedTuple

from drivers.boards.config import GpioBoard
from drivers.pins.config import InputPin, OutputPin
from drivers.pins.names import BONE_NAME, PI_HEADER, PI_NAME, PI_PIN

RELAY, PULSE, MOTOR, CONTACT, ANALOG, REFERENCE, BUS, POWER = "relay", "pulse", "motor", "contact", "analog", "reference", "bus", "power"
WORDS = {
    # setting below BOARD.car: kind, words
    "pilot_c": (RELAY, "pilot switch: 1.3 kΩ, state C"),
    "contactors": (RELAY, "contactor relay (power.svg)"),
    "bulb": (RELAY, "relay of a light bulb"),
    "enable_pulse": (PULSE, "enable stage, 10 Hz"),
    "lock.lock": (MOTOR, "plug lock: to lock"),
    "lock.unlock": (MOTOR, "plug lock: to unlock"),
    "lock.locked": (CONTACT, "plug is locked"),
    "lock.unlocked": (CONTACT, "plug is unlocked"),
    "contact_plus": (CONTACT, "auxiliary contact of DC+"),
    "contact_minus": (CONTACT, "auxiliary contact of DC-"),
    "stop_button": (CONTACT, "emergency stop is pressed"),
    "display_button": (CONTACT, "display button"),
    "plug_present": (CONTACT, "plug is in the inlet"),
    "pwm_present": (CONTACT, "comparator sees PWM"),
}
MEASURED = ("inlet voltage", "control pilot", "current", "inlet temperature")
"""What the four inputs of a converter measure where the settings name no channel: drivers/boards/README.md, and the manual's configurations."""
AIN = ("P9_39", "P9_40", "P9_37", "P9_38", "P9_33", "P9_36", "P9_35")
"""Where AIN0 to AIN6 are (BeagleBone Black System Reference Manual, tables of the expansion headers)."""


class Lead(NamedTuple):
    """One wire at a header: `row` from 0 at the top, `even` is its right column."""

    header: str
    number: int
    kind: str
    pin: str
    words: str
    active_low: bool = False
    pulled_up: bool = False

    @property
    def row(self) -> int:
        return (self.number - 1) // 2

    @property
    def even(self) -> bool:
        return self.number % 2 == 0


def place(pin: str) -> tuple[str, int]:
    """Header and number of a pin as the settings write it: GPIO17 -> ("", 11), P9_41 -> ("P9", 41). ValueError where it is on no header."""
    found = PI_NAME.match(pin)
    if found:
        for number, bcm in PI_HEADER.items():
            if bcm == int(found[1]):
                return "", number
    found = PI_PIN.match(pin)
    if found and int(found[1]) in PI_HEADER:
        return "", int(found[1])
    found = BONE_NAME.match(pin)
    if found:
        return f"P{found[1]}", int(found[2])
    raise ValueError(f"{pin!r} is no pin of a header (GPIO17, PIN11, P9_41), so the picture cannot show it.")


def pins(section: Any, prefix: str = "") -> Iterator[tuple[str, OutputPin | InputPin]]:
    """Every pin of a section with its setting, `lock.locked`."""
    for one in fields(section):
        value = getattr(section, one.name)
        if isinstance(value, (OutputPin, InputPin)):
            yield prefix + one.name, value
        elif is_dataclass(value):
            yield from pins(value, f"{prefix}{one.name}.")


def fitted(board: GpioBoard) -> list[Lead]:
    """The leads of a car's box, of every pin that is named."""
    found = []
    for name, pin in pins(board.car):
        if pin.pin:
            kind, words = WORDS[name]
            header, number = place(pin.pin)
            pulled_up = isinstance(pin, InputPin) and pin.bias == "pull_up"
            found.append(Lead(header, number, kind, pin.pin, words, pin.active_low, pulled_up))
    return found


def absent(board: GpioBoard) -> list[str]:
    """Settings of pins that are not named."""
    return [name for name, pin in pins(board.car) if not pin.pin]


def inputs(board: GpioBoard) -> list[tuple[int, str]]:
    """Number of each input of the board's first converter, and what it measures: as the settings say, else as MEASURED proposes."""
    measuring = board.measuring
    converter = measuring.converters[0]
    meters = measuring.voltmeter
    named = (meters.inlet_voltage.channel, measuring.pilot.channel, meters.inlet_current.channel, "".join(meters.inlet_temperature.channels[:1]))
    found = {}
    for number, (channel, words) in enumerate(zip(named, MEASURED)):
        channel = channel or f"{converter}:{number}"
        if channel.partition(":")[0] == converter:
            found[int(channel.partition(":")[2])] = words
    return sorted(found.items())
