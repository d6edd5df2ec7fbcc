"""Dieter and the device of celeron55: a car whose eyes and hands are at a serial line."""
from __future__ import annotations

from typing import Any

from drivers.board import CarBoard
from drivers.boards import common
from drivers.boards.assumed import AssumedCarPilot, NoInputs, WatchedPilot
from drivers.boards.gpio import UNLOCKED
from drivers.errors import DriverError
from drivers.interfaces import Nic
from drivers.pins.outputs import NoLock
from drivers.serial_line.celeron55 import Celeron55
from drivers.serial_line.commands import CELERON55, DIETER
from drivers.serial_line.device import Wiring
from drivers.serial_line.dieter import Dieter
from drivers.serial_line.lines import SerialLines
from drivers.serial_line.text_display import SerialDisplay


PILOT_UNREAD = ("THE CONTROL PILOT IS NOT READ: Dieter has no input for it. Plugged in, state B and 5 % PWM are assumed as soon as it starts, "
                "and a pulled plug shows only where the link or the voltages go.")


class DieterCar:
    """It switches pilot and contactors and (DieterHV) measures the inlet's voltage; nothing else."""

    def __init__(self, shared: common.Shared) -> None:
        config = self._config = shared.config
        self._shared = shared
        common.must_fit("dieter", "pev", config.safety.pev, {
            "voltage_sensor_fitted": config.dieter.measures, "current_sensor_fitted": False, "temperature_sensor_fitted": False,
            "supply_sensor_fitted": False, "contactor_feedback_fitted": False})
        common.must_have_no_button("dieter", "pev", config.safety.pev, False)
        if config.connection.require_pilot:
            raise DriverError("Dieter reads no control pilot, but connection.require_pilot = true: it would wait for 5 % PWM for ever.",
                              "Set connection.require_pilot: false, as with pyPLC.")

    def lines(self) -> SerialLines:
        return SerialLines.create(device=DIETER)

    def board(self, lines: Any, nic: Nic, now: int = 0, wiring: Wiring | None = None) -> CarBoard:
        """`wiring`: for tests, how a port is opened."""
        config, shared = self._config, self._shared
        device = Dieter(config.dieter, now, Wiring(lines, *(() if wiring is None else (wiring.opener, wiring.finder))))
        shared.polled.append(device)
        shared.notes += [PILOT_UNREAD, UNLOCKED]
        pilot = WatchedPilot(device.control_pilot)
        text = None
        if config.text_display.fitted:
            text = device.attach(config.text_display)
        return CarBoard(nic=nic, voltmeter=device.voltmeter, pilot_monitor=AssumedCarPilot(pilot, None), inputs=NoInputs(), vehicle=common.vehicle(shared),
                        control_pilot=pilot, contactors=device.contactors, lock=NoLock(), oled=common.display(shared), polled=shared.polled,
                        mqtt=shared.publisher, rest=shared.rest, text_display=text, can=common.private_can(shared))


class Celeron55Car:
    """It does everything but stop button, current, temperatures and the lock's switch."""

    def __init__(self, shared: common.Shared) -> None:
        self._config = config = shared.config
        self._shared = shared
        common.must_fit("celeron55", "pev", config.safety.pev, {
            "current_sensor_fitted": False, "temperature_sensor_fitted": False, "supply_sensor_fitted": False, "lock_feedback_fitted": False})
        common.must_have_no_button("celeron55", "pev", config.safety.pev, False)

    def lines(self) -> SerialLines:
        return SerialLines.create(device=CELERON55)

    def board(self, lines: Any, nic: Nic, now: int = 0, wiring: Wiring | None = None) -> CarBoard:
        config, shared = self._config, self._shared
        own = config.charge_parameter_backend == common.OWN
        device = Celeron55(config.celeron55, now, Wiring(lines, *(() if wiring is None else (wiring.opener, wiring.finder))), vehicle=own)
        shared.polled.append(device)
        return CarBoard(nic=nic, voltmeter=device.voltmeter, pilot_monitor=device.pilot_monitor, inputs=NoInputs(),
                        vehicle=common.vehicle(shared, device.vehicle), control_pilot=device.control_pilot, contactors=device.contactors, lock=device.lock,
                        oled=common.display(shared), polled=shared.polled, mqtt=shared.publisher, rest=shared.rest, text_display=device.display, can=common.private_can(shared))


def text_display(shared: common.Shared, now: int) -> SerialDisplay | None:
    """A three-line display at a port of its own, beside any board."""
    if not shared.config.text_display.fitted:
        return None
    made = SerialDisplay(shared.config.text_display, now)
    shared.polled.append(made)
    return made
