"""Puts pins together: the lines that the guard shares, then the devices over them.

Two steps, because the guard comes between: it first frees the pins of an earlier run, then the lines are opened
(`Guard(make_lines=lambda: car_lines(config, pins))`), then the devices are made over the guard's lines.
"""
from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Iterator

from drivers.errors import DriverError
from drivers.pins.config import CarPins, ChargerPins, InputPin, LockPins, OutputPin
from drivers.pins.inputs import PinInput, PinInputs, PinResidualCurrent
from drivers.pins.library import Pins
from drivers.pins.lines import BULB, PULSE, PinLines
from drivers.pins.outputs import NoLock, PinBulb, PinConnectorLock, PinContactors, PinControlPilot, PinPilotSource
from drivers.pins.pwm import PWM, open_pwm
from drivers.sim.lines import CONTACTORS, DUTY, LOCK, PILOT_C, POWER, UNLOCK


@dataclass(slots=True)
class CarDevices:
    """What a car's board takes from its pins; `polled` want their turns."""

    control_pilot: PinControlPilot
    contactors: PinContactors
    lock: PinConnectorLock | NoLock
    inputs: PinInputs
    bulb: PinBulb | None
    polled: list[Any] = field(default_factory=list)


@dataclass(slots=True)
class ChargerDevices:
    """What a charger's board takes from its pins. `mains`: the contactor of an AC charger, on the line that the guard drops first."""

    pilot_source: PinPilotSource | None
    contactors: PinContactors | None
    mains: PinContactors
    lock: PinConnectorLock | NoLock
    inputs: PinInputs
    polled: list[Any] = field(default_factory=list)
    residual_current: PinResidualCurrent | None = None


def car_lines(config: CarPins, pins: Pins) -> PinLines:
    """All outputs of a car, inactive. DriverError names what is missing, busy, or used twice."""
    return _lines(pins, {PILOT_C: (config.pilot_c, "pilot state C", True), CONTACTORS: (config.contactors, "contactors", True),
                         BULB: (config.bulb, "bulb relay", False), PULSE: (config.enable_pulse, "enable pulse", False)}, config.lock, "inlet lock motor")


def charger_lines(config: ChargerPins, pins: Pins, pwm_root: str = PWM) -> PinLines:
    """All outputs of a charger, inactive, its PWM at steady +12 V."""
    outputs = {POWER: (config.power, "power enable or mains contactor", True), CONTACTORS: (config.contactors, "output contactor", False),
               PULSE: (config.enable_pulse, "enable pulse", False)}
    return _lines(pins, outputs, config.lock, "socket lock motor", config, pwm_root)


def car_devices(config: CarPins, lines: PinLines, pins: Pins) -> CarDevices:
    """The drivers over `car_lines`."""
    with _all_or_none(lines) as polled:
        contacts = _inputs(pins, polled, (config.contact_plus, "contact of DC+"), (config.contact_minus, "contact of DC-"))
        lock = _lock(config.lock, lines, pins, polled, "inlet")
        stop, display, plug, pwm = (_input(pins, polled, pin, what) for pin, what in (
            (config.stop_button, "stop button"), (config.display_button, "display button"), (config.plug_present, "plug present"),
            (config.pwm_present, "PWM present")))
    bulb = PinBulb(lines, config.bulb_delay_ms) if config.bulb.pin else None
    if bulb is not None:
        polled.append(bulb)
    return CarDevices(PinControlPilot(lines), PinContactors(lines, contacts, config.contactor_travel_ms), lock, PinInputs(stop, plug, pwm, display),
                      bulb, polled)


def charger_devices(config: ChargerPins, lines: PinLines, pins: Pins) -> ChargerDevices:
    """The drivers over `charger_lines`. A DC charger's power stage goes through `outputs.EnabledPowerSupply`."""
    with _all_or_none(lines) as polled:
        contacts = _inputs(pins, polled, (config.contact_plus, "contact of L1 or DC+"), (config.contact_minus, "contact of L2 or DC-"))
        lock = _lock(config.lock, lines, pins, polled, "socket")
        stop, display, plug, residual = (_input(pins, polled, pin, what) for pin, what in (
            (config.stop_button, "stop button"), (config.display_button, "display button"), (config.plug_present, "plug present"),
            (config.residual_current, "residual current")))
    return ChargerDevices(PinPilotSource(lines) if lines.pwm is not None else None,
                          PinContactors(lines, contacts, config.contactor_travel_ms) if config.contactors.pin else None,
                          PinContactors(lines, contacts, config.contactor_travel_ms, POWER), lock, PinInputs(stop, plug, display=display), polled,
                          None if residual is None else PinResidualCurrent(residual))


def _lines(pins: Pins, outputs: dict[int, tuple[OutputPin, str, bool]], lock: LockPins, motor: str, charger: ChargerPins | None = None,
           root: str = PWM) -> PinLines:
    outputs = {**outputs, LOCK: (lock.lock, f"{motor}, to lock", lock.fitted), UNLOCK: (lock.unlock, f"{motor}, to unlock", lock.fitted)}
    hands, pwm = {}, None
    try:
        for place, (config, purpose, needed) in outputs.items():
            if config.pin:
                hands[place] = pins.output(config, purpose)
            elif needed:
                raise DriverError(f"No pin is configured for the {purpose}.", "Name it (GPIO17, P9_41, ...)" + (
                    "; a lock that is not there: fitted: false." if place in (LOCK, UNLOCK) else "."))
        if charger is not None and charger.pwm.chip >= 0:
            f = pins.output(charger.pwm.state_f, "pilot state F") if charger.pwm.state_f.pin else None
            try:
                pwm = open_pwm(charger.pwm, f, root)
            except DriverError:
                if f is not None:
                    f.close()
                raise
        lines = PinLines.over(hands, pwm)
        lines.labels = {place: outputs[place][0].pin for place in hands} | ({} if charger is None else {DUTY: f"pwmchip{charger.pwm.chip}"})
        return lines
    except DriverError:
        for hand in hands.values():              # a refused start must not keep pins from the next one in this process
            hand.close()
        raise


@contextmanager
def _all_or_none(lines: PinLines) -> Iterator[list[Any]]:
    """What wants turns; a refused start gives the inputs back that it had already."""
    polled: list[Any] = [lines]
    try:
        yield polled
    except DriverError:
        for made in polled:
            if isinstance(made, PinInput):
                made.close()
        raise


def _input(pins: Pins, polled: list[Any], config: InputPin, purpose: str) -> PinInput | None:
    if not config.pin:
        return None
    made = PinInput(pins.input(config, purpose), purpose, config.debounce_ms, lambda: pins.reopen(config, purpose))
    polled.append(made)
    return made


def _inputs(pins: Pins, polled: list[Any], *wanted: tuple[InputPin, str]) -> tuple[PinInput, ...]:
    made = (_input(pins, polled, config, purpose) for config, purpose in wanted)
    return tuple(pin for pin in made if pin is not None)


def _lock(config: LockPins, lines: PinLines, pins: Pins, polled: list[Any], where: str) -> PinConnectorLock | NoLock:
    if not config.fitted:
        return NoLock()
    locked, unlocked = (_input(pins, polled, pin, f"{where} lock {what}") for pin, what in ((config.locked, "locked"), (config.unlocked, "unlocked")))
    lock = PinConnectorLock(lines, config, locked, unlocked)
    polled.append(lock)
    return lock
