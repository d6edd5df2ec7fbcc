"""Which devices the settings name: converters, I2C chips, output pins, serial ports. Of the configuration alone."""
from __future__ import annotations

from typing import Any, NamedTuple

from drivers.boards.config import Measuring
from drivers.pins.config import OutputPin

GPIO_BOARDS = ("raspberry_pi", "beaglebone")
SERIAL_BOARDS = ("dieter", "celeron55")


class I2cDevice(NamedTuple):
    """One chip."""

    what: str
    bus: int
    address: int


class Output(NamedTuple):
    """One output pin."""

    purpose: str
    pin: OutputPin


def measuring_of(config: Any) -> Measuring | None:
    """The converters of the configured board; None where it has none of its own."""
    if config.board in GPIO_BOARDS:
        return getattr(config, config.board).measuring
    if config.board == "focccicape":
        cape = config.focccicape
        return Measuring(converters=["iio"], iio=cape.iio, pilot=cape.pilot)
    return None


def i2c_devices(config: Any, real_board: bool) -> list[I2cDevice]:
    """Panel and converters."""
    found = []
    if config.oled.controller != "none":
        found.append(I2cDevice(f"OLED {config.oled.controller}", config.oled.i2c_bus, config.oled.i2c_address))
    measuring = measuring_of(config) if real_board else None
    if measuring is not None and "ads1x15" in measuring.converters:
        chip = measuring.ads1x15
        found.append(I2cDevice(f"ADC {chip.chip}", chip.i2c_bus, chip.i2c_address))
    return found


def output_pins(config: Any) -> list[Output]:
    """Every output that has a pin, of the mode in force."""
    if config.board not in (*GPIO_BOARDS, "focccicape"):
        return []
    section = getattr(config, config.board)
    if config.mode == "evse":
        pins = section.pins if config.board == "focccicape" else section.charger
        found = {"power or mains contactor": pins.power, "output contactor": pins.contactors, "enable pulse": pins.enable_pulse,
                 "pilot state F": pins.pwm.state_f}
    else:
        pins = section.car
        found = {"pilot state C": pins.pilot_c, "contactors": pins.contactors, "bulb": pins.bulb, "enable pulse": pins.enable_pulse}
    found |= {"lock motor, to lock": pins.lock.lock, "lock motor, to unlock": pins.lock.unlock}
    if config.mode == "bridge":
        bridge = section.bridge
        found |= {"d1": bridge.d1, "d2": bridge.d2, "CHAdeMO lock motor, to lock": bridge.lock.lock, "CHAdeMO lock motor, to unlock": bridge.lock.unlock}
    return [Output(purpose, pin) for purpose, pin in found.items() if pin.pin]


def serial_ports(config: Any, real_board: bool) -> dict[str, str]:
    """What is at a serial port -> its name, or `auto`."""
    found = {}
    if real_board and config.board in SERIAL_BOARDS:
        found[config.board] = getattr(config, config.board).serial.port
    if config.text_display.fitted and config.board != "dieter":
        found["text display"] = config.text_display.serial.port
    return found
