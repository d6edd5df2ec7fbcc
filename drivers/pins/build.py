"""Puts pins together: the lines that the guard shares, then the devices over them.

Two steps, because the guard comes between: it first frees the pins of an earlier run, then the lines are opened
(`Guard(make_lines=lambda: car_lines(config, pins))`), then the devices are made over the guard's lines.
"""
from __future__ import annotations

from contextlib import contextmanager
from dataclasses import field
from typing import Any, Iterator

from drivers.errors import DriverError
from drivers.pins.config import BridgePins, CarPins, ChargerPins, InputPin, LockPins, OutputPin
from drivers.pins.inputs import PinInput, PinInputs, PinResidualCurrent, PinVehicleInputs
from drivers.pins.library import Pins
from drivers.pins.lines import BULB, PULSE, PinLines
from drivers.pins.names import PI_LABELS, PI_PULLED_UP
from drivers.pins.outputs import NoLock, PinBulb, PinChargeSequence, PinConnectorLock, PinContactors, PinControlPilot, PinPilotSource
from drivers.pins.pwm import PWM, open_pwm
from drivers.sim.lines import CONTACTORS, D1, D2, DUTY, LOCK, PILOT_C, POWER, UNLOCK, VEHICLE_LOCK, VEHICLE_UNLOCK
from kernel.record import dataclass

D1_PURPOSE, D2_PURPOSE, VEHICLE_MOTOR = "charge sequence signal d1", "charge sequence signal d2", "CHAdeMO lock motor"


@dataclass(slots=True)
class CarDevices:
    """What a car's board takes from its pins; `polled` want their turns."""

    control_pilot: PinControlPilot
    contactors: PinContactors
    lock: PinConnectorLock | NoLock
    inputs: PinInputs
    bulb: PinBulb | None
    polled: list[Any] = field(default_factory=list)
    bridge: BridgePinDevices | None = None


@dataclass(slots=True)
class BridgePinDevices:
    """What a bridge takes from the pins at its CHAdeMO plug, besides a car's."""

    sequence: PinChargeSequence
    inputs: PinVehicleInputs
    lock: PinConnectorLock | NoLock


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


def car_lines(config: CarPins, pins: Pins, bridge: BridgePins | None = None) -> PinLines:
    """All outputs of a car and of its bridge, inactive. DriverError names what is missing, busy, used twice, or (bridge) on while the board boots."""
    outputs = {PILOT_C: (config.pilot_c, "pilot state C", True), CONTACTORS: (config.contactors, "contactors", True),
               BULB: (config.bulb, "bulb relay", False), PULSE: (config.enable_pulse, "enable pulse", False)}
    if bridge is not None:
        for pin, purpose in ((config.contactors, "bridge contactor"), (bridge.d1, D1_PURPOSE), (bridge.d2, D2_PURPOSE)):
            _must_be_off_at_boot(pins, pin, purpose)
        outputs |= {D1: (bridge.d1, D1_PURPOSE, True), D2: (bridge.d2, D2_PURPOSE, True),
                    VEHICLE_LOCK: (bridge.lock.lock, f"{VEHICLE_MOTOR}, to lock", bridge.lock.fitted),
                    VEHICLE_UNLOCK: (bridge.lock.unlock, f"{VEHICLE_MOTOR}, to unlock", bridge.lock.fitted)}
    return _lines(pins, outputs, config.lock, "inlet lock motor")


def _bridge_devices(config: BridgePins, lines: PinLines, pins: Pins, polled: list[Any]) -> BridgePinDevices:
    """DriverError where k has no pin: nobody would know whether the vehicle permits."""
    k, plug = _input(pins, polled, config.k, "CHAdeMO k"), _input(pins, polled, config.plug_present, "CHAdeMO plug")
    if k is None:
        raise DriverError("No pin is configured for the vehicle's charge permission (k).", "Name it (GPIO5, P9_27, ...): pin 4 of the plug through an optocoupler.")
    lock = _lock(config.lock, lines, pins, polled, "CHAdeMO", (VEHICLE_LOCK, VEHICLE_UNLOCK))
    return BridgePinDevices(PinChargeSequence(lines), PinVehicleInputs(k, plug), lock)


def _must_be_off_at_boot(pins: Pins, config: OutputPin, purpose: str) -> None:
    """A Raspberry Pi pulls GPIO0 to 8 up from reset until this program runs: a relay that is on while high would be on all that time (chademo sheet 7.2)."""
    if not config.pin or config.active_low:
        return
    place = pins.find(config.pin)
    if place.chip.label in PI_LABELS and place.offset <= PI_PULLED_UP:
        raise DriverError(f"The {purpose} is at {config.pin}, which a Raspberry Pi pulls up from reset on: its relay would be on while the system boots.",
                          f"Use one of GPIO{PI_PULLED_UP + 1} to GPIO27, which are pulled down, or a driver that is on while the pin is low (active_low: true).")


def charger_lines(config: ChargerPins, pins: Pins, pwm_root: str = PWM) -> PinLines:
    """All outputs of a charger, inactive, its PWM at steady +12 V."""
    outputs = {POWER: (config.power, "power enable or mains contactor", True), CONTACTORS: (config.contactors, "output contactor", False),
               PULSE: (config.enable_pulse, "enable pulse", False)}
    return _lines(pins, outputs, config.lock, "socket lock motor", config, pwm_root)


def car_devices(config: CarPins, lines: PinLines, pins: Pins, bridge: BridgePins | None = None) -> CarDevices:
    """The drivers over `car_lines`. DriverError names what is missing, busy, or used twice."""
    with _all_or_none(lines) as polled:
        contacts = _inputs(pins, polled, (config.contact_plus, "contact of DC+"), (config.contact_minus, "contact of DC-"))
        lock = _lock(config.lock, lines, pins, polled, "inlet")
        stop, display, plug, pwm = (_input(pins, polled, pin, what) for pin, what in (
            (config.stop_button, "stop button"), (config.display_button, "display button"), (config.plug_present, "plug present"),
            (config.pwm_present, "PWM present")))
        plugs = None if bridge is None else _bridge_devices(bridge, lines, pins, polled)
    bulb = PinBulb(lines, config.bulb_delay_ms) if config.bulb.pin else None
    if bulb is not None:
        polled.append(bulb)
    return CarDevices(PinControlPilot(lines), PinContactors(lines, contacts, config.contactor_travel_ms), lock, PinInputs(stop, plug, pwm, display),
                      bulb, polled, plugs)


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
                    "; a lock that is not there: fitted: false." if place in (LOCK, UNLOCK, VEHICLE_LOCK, VEHICLE_UNLOCK) else "."))
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


def _lock(config: LockPins, lines: PinLines, pins: Pins, polled: list[Any], where: str, places: tuple[int, int] = (LOCK, UNLOCK)) -> PinConnectorLock | NoLock:
    if not config.fitted:
        return NoLock()
    locked, unlocked = (_input(pins, polled, pin, f"{where} lock {what}") for pin, what in ((config.locked, "locked"), (config.unlocked, "unlocked")))
    lock = PinConnectorLock(lines, config, locked, unlocked, places, "connector lock" if places == (LOCK, UNLOCK) else f"{where} lock")
    polled.append(lock)
    return lock
