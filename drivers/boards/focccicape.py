"""FoccciCape with the DiDeBoCCS supply: pyPLC's demonstration charger (drivers/focccicape/README.md)."""
from __future__ import annotations

from typing import Any

from drivers.adc.iio import Iio
from drivers.adc.pilot import AnalogPilotMonitor
from drivers.board import ChargerBoard
from drivers.boards import common
from drivers.errors import DriverError
from drivers.focccicape.cape import BUTTON_DEBOUNCE_MS, FoccciCape
from drivers.focccicape.didebo import LOAD_PIN, WEIGHTS, DiDeBoMeter, DiDeBoSupply
from drivers.interfaces import Nic
from drivers.pins.build import charger_devices, charger_lines
from drivers.pins.config import InputPin, OutputPin
from drivers.pins.inputs import PinInput
from drivers.pins.library import Pins
from drivers.pins.lines import PinLines
from drivers.pins.outputs import EnabledPowerSupply


class CapeCharger:
    """A DC charger's box. The guard drops the enable (pyPLC's second relay); weights and load fall with the life sign's stage behind it."""

    def __init__(self, shared: common.Shared, pins: Pins | None = None) -> None:
        config = shared.config
        section = self._section = config.focccicape
        self._shared = shared
        common.must_fit("focccicape", "evse", config.safety.evse, {"isolation_monitor_fitted": False,
                                                                   "lock_feedback_fitted": not section.pins.lock.fitted or bool(section.pins.lock.locked.pin),
                                                                   "contactor_feedback_fitted": not section.pins.contactors.pin or bool(
                                                                       section.pins.contact_plus.pin or section.pins.contact_minus.pin)})
        if config.evse.ac:
            raise DriverError("focccicape is a DC charger, but evse.energy_transfer_modes are all AC.", "Name DC modes, or use another board.")
        if not section.pilot.channel:
            raise DriverError("focccicape reads no control pilot; without state C no charger may switch its output.",
                              "Wire the pilot to a converter and name it: focccicape.pilot.channel (iio:0 is P9_39), gain, offset.")
        common.pilot_in_time("focccicape", section, section.pilot.channel)
        if section.supply_channel not in section.iio.channels:
            raise DriverError(f"focccicape.supply_channel = {section.supply_channel!r}, but focccicape.iio.channels = {section.iio.channels}: nobody would read the output's voltage.",
                              "Add it to focccicape.iio.channels, or name the one that the supply's divider is wired to.")
        if section.pins.pwm.chip < 0:
            raise DriverError("focccicape has no pulse generator for the control pilot: nobody could offer or end the 5 %.",
                              "Set focccicape.pins.pwm.chip to the N of /sys/class/pwm/pwmchipN that drives it (config-pin P9_14 pwm belongs to the life sign).")
        self._pins = pins if pins is not None else Pins(section.pins.library)

    def lines(self) -> PinLines:
        return charger_lines(self._section.pins, self._pins)

    def board(self, lines: Any, nic: Nic, now: int = 0) -> ChargerBoard:
        section, shared, pins = self._section, self._shared, self._pins
        devices = charger_devices(section.pins, lines, pins)
        cape = section.cape

        def output(pin: str, purpose: str) -> Any:
            return pins.output(OutputPin(pin=pin), purpose)
        wired = InputPin(pin=cape.button_pin, bias="pull_up")
        button = PinInput(pins.input(wired, "stop button"), "stop button", BUTTON_DEBOUNCE_MS, lambda: pins.reopen(wired, "stop button"))
        box = FoccciCape(cape, output(cape.life_sign_pin, "life sign"), output(cape.led_pin, "lamp of the stop button") if cape.led_pin else None, button)
        stage = DiDeBoSupply(section.supply, tuple(output(pin, f"{weight:g} V of the supply") for weight, pin in WEIGHTS), output(LOAD_PIN, "load relay"))
        converter = Iio(section.iio)
        monitor = AnalogPilotMonitor(section.pilot, {"iio": converter})
        shared.polled += [*devices.polled, converter, monitor, button, box]
        return ChargerBoard(nic=nic, power_meter=DiDeBoMeter(section.supply, stage, converter, section.supply_channel), pilot_monitor=monitor, inputs=box,
                            pilot_source=devices.pilot_source, power_supply=EnabledPowerSupply(lines, stage), contactors=devices.contactors,
                            lock=devices.lock if section.pins.lock.fitted else None, oled=common.display(shared), polled=shared.polled,
                            mqtt=shared.publisher, rest=shared.rest, can_info=shared.can().port("can_info", ()) if section.can_info else None)
