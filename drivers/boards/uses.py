"""Two uses of one pin or of one converter's channel, found in the settings alone: before any pin is there, and on another computer."""
from __future__ import annotations

from dataclasses import fields
from typing import Any, Iterator

from drivers.errors import DriverError
from drivers.focccicape.didebo import LOAD_PIN, WEIGHTS
from drivers.pins.build import D1_PURPOSE, D2_PURPOSE, VEHICLE_MOTOR
from drivers.pins.config import LockPins
from drivers.pins.names import BONE_HEADER, BONE_NAME, CHIP_AND_OFFSET, PI_LABELS, bcm_number


def refuse_second_use(config: Any) -> None:
    """DriverError with both uses. What only the board knows (the name of a line, the number of a chip) is told there."""
    board = config.board
    _refuse(pins_of(config), lambda text: place(board, text), "Give one of them another pin.")
    _refuse(channels_of(config), str, "Give each its own divider and channel: over one they would always agree.")


def _refuse(uses: Iterator[tuple[str, str]], where: Any, remedy: str) -> None:
    seen: dict[str, tuple[str, str]] = {}
    for purpose, text in uses:
        if not text:                 # not fitted
            continue
        key = where(text)
        if key in seen:
            earlier, other = seen[key]
            alias = "" if other == text else f" ({other} and {text} are both {key})"
            raise DriverError(f"{earlier} and {purpose} both use {text}{alias}.", remedy)
        seen[key] = purpose, text


def place(board: str, text: str) -> str:
    """One name for every way of writing a pin of that board's header; others as they are."""
    chip = CHIP_AND_OFFSET.match(text)
    if board == "raspberry_pi":
        number = int(chip[2]) if chip and chip[1] in PI_LABELS else bcm_number(text)
        return text if number is None else f"GPIO{number}"
    bone = BONE_NAME.match(text)
    name = f"P{bone[1]}_{int(bone[2])}" if bone else ""
    return name if name in BONE_HEADER else text


def pins_of(config: Any) -> Iterator[tuple[str, str]]:
    """(purpose, name) of every pin that the board of this configuration takes, by the purposes that it tells them by (drivers/pins/build.py)."""
    if config.board not in ("raspberry_pi", "beaglebone", "focccicape"):
        return
    section = getattr(config, config.board)
    if config.mode == "evse":
        pins = section.pins if config.board == "focccicape" else section.charger
        wanted = [("power enable or mains contactor", pins.power), ("output contactor", pins.contactors), ("enable pulse", pins.enable_pulse),
                  *_motor(pins.lock, "socket lock motor"), ("pilot state F", pins.pwm.state_f), ("contact of L1 or DC+", pins.contact_plus),
                  ("contact of L2 or DC-", pins.contact_minus), *_switches(pins.lock, "socket"), ("stop button", pins.stop_button),
                  ("display button", pins.display_button), ("plug present", pins.plug_present), ("residual current", pins.residual_current)]
    else:
        pins = section.car
        wanted = [("pilot state C", pins.pilot_c), ("contactors", pins.contactors), ("bulb relay", pins.bulb), ("enable pulse", pins.enable_pulse)]
        if config.mode == "bridge":
            bridge = section.bridge
            wanted += [(D1_PURPOSE, bridge.d1), (D2_PURPOSE, bridge.d2), *_motor(bridge.lock, VEHICLE_MOTOR)]
        wanted += [*_motor(pins.lock, "inlet lock motor"), ("contact of DC+", pins.contact_plus), ("contact of DC-", pins.contact_minus),
                   *_switches(pins.lock, "inlet"), ("stop button", pins.stop_button), ("display button", pins.display_button),
                   ("plug present", pins.plug_present), ("PWM present", pins.pwm_present)]
        if config.mode == "bridge":
            wanted += [("CHAdeMO k", bridge.k), ("CHAdeMO plug", bridge.plug_present), *_switches(bridge.lock, "CHAdeMO")]
    yield from ((purpose, pin.pin) for purpose, pin in wanted)
    if config.board == "focccicape":
        cape = section.cape
        yield from (("life sign", cape.life_sign_pin), ("lamp of the stop button", cape.led_pin), ("stop button", cape.button_pin), ("load relay", LOAD_PIN))
        yield from ((f"{weight:g} V of the supply", pin) for weight, pin in WEIGHTS)


def _motor(lock: LockPins, motor: str) -> list[tuple[str, Any]]:
    return [(f"{motor}, to lock", lock.lock), (f"{motor}, to unlock", lock.unlock)]


def _switches(lock: LockPins, where: str) -> list[tuple[str, Any]]:
    return [(f"{where} lock locked", lock.locked), (f"{where} lock unlocked", lock.unlocked)] if lock.fitted else []


def channels_of(config: Any) -> Iterator[tuple[str, str]]:
    """(setting, converter:channel) of everything that is measured in this mode."""
    if config.board not in ("raspberry_pi", "beaglebone"):
        return
    measuring = getattr(config, config.board).measuring
    where = f"{config.board}.measuring"
    if config.mode != "evse":
        for f in fields(measuring.voltmeter):
            if f.name == "vehicle_voltage" and config.mode != "bridge":
                continue
            value = getattr(measuring.voltmeter, f.name)
            for channel in getattr(value, "channels", None) or [getattr(value, "channel", "")]:
                yield f"{where}.voltmeter.{f.name}", channel
            yield f"{where}.voltmeter.{f.name}.second_channel", getattr(value, "second_channel", "")
    yield f"{where}.pilot.channel", measuring.pilot.channel
    yield f"{where}.pilot.mean_channel", measuring.pilot.mean_channel
