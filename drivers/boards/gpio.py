"""Raspberry Pi and BeagleBone: outputs and inputs at pins, measurements by converters."""
from __future__ import annotations

from typing import Any, Callable

from drivers.adc.meters import AnalogVehicleVoltmeter, AnalogVoltmeter
from drivers.adc.pilot import AnalogPilotMonitor
from drivers.board import AcChargerBoard, BridgeDevices, CarBoard, ChargerBoard
from drivers.boards import common
from drivers.boards.assumed import AssumedCarPilot, WatchedPilot
from drivers.boards.config import GpioBoard, Measuring
from drivers.can.bus import Port
from drivers.errors import DriverError
from drivers.interfaces import Nic, PilotMonitor
from drivers.pins.build import CarDevices, car_devices, car_lines, charger_devices, charger_lines
from drivers.pins.config import BridgePins, ChargerPins
from drivers.pins.library import Pins
from drivers.pins.lines import PinLines

OPEN_WITH_MEAN_MS = 60       # 100 ms less 40 in which two pins of an ADS1115 are read and judged (tests/drivers/boards/test_protection.py: 29 to 39 ms)
PILOT_UNREAD = ("THE CONTROL PILOT IS NOT READ: a pulled plug shows only where the link or the voltages go, and no duty is known. "
                "Wire it to a converter and name it in measuring.pilot.channel.")
UNLOCKED = "THE PLUG IS NOT LOCKED: no motor for it is fitted, \"locked\" is only what was commanded. Whoever pulls it under load draws an arc."
VEHICLE_UNLOCKED = ("THE CHADEMO PLUG IS NOT LOCKED: no actuator for it is fitted, \"locked\" is only what was commanded, and the vehicle is told so. "
                    "Whoever pulls it under load draws an arc.")
CHADEMO_BITRATE = 500_000    # chademo sheet 1.1, 7.1
# tasks.chademo.wire.VEHICLE_IDS; drivers know no tasks (tests/drivers/boards/test_bridge.py compares them)
VEHICLE_IDS = (0x100, 0x101, 0x102, 0x103, 0x110, 0x200, 0x201, 0x700)


class GpioCar:
    """A car's box, or a bridge's (`mode: bridge`): the same with the CHAdeMO plug's pins. `lines` first (the guard is to hold them), then `board`."""

    def __init__(self, name: str, section: GpioBoard, shared: common.Shared, pins: Pins | None = None) -> None:
        self._name = name
        self._section = section
        self._shared = shared
        self._pins = pins if pins is not None else Pins(section.car.library)
        self._bridge = section.bridge if shared.config.mode == "bridge" else None
        self._port: Port | None = None
        self._check(section.measuring)
        if self._bridge is not None:
            self._check_bridge(self._bridge, section.measuring)

    def _check(self, measuring: Measuring) -> None:
        """What can be refused before any pin is touched."""
        config, meters, pins = self._shared.config, measuring.voltmeter, self._section.car
        common.must_fit(self._name, "pev", config.safety.pev, {
            "voltage_sensor_fitted": bool(meters.inlet_voltage.channel), "current_sensor_fitted": bool(meters.inlet_current.channel),
            "temperature_sensor_fitted": bool(meters.inlet_temperature.channels), "supply_sensor_fitted": bool(meters.supply_voltage.channel),
            "contactor_feedback_fitted": bool(pins.contact_plus.pin or pins.contact_minus.pin),
            "lock_feedback_fitted": bool(pins.lock.locked.pin or pins.lock.unlocked.pin) or not pins.lock.fitted})
        common.must_have_no_button(self._name, "pev", config.safety.pev, bool(pins.stop_button.pin))
        common.pilot_in_time(f"{self._name}.measuring", measuring, measuring.pilot.channel)
        if not measuring.pilot.channel and config.connection.require_pilot:
            raise DriverError(f"The board {self._name} reads no control pilot, but connection.require_pilot = true: it would wait for 5 % PWM for ever.",
                              f"Wire the pilot to a converter ({self._name}.measuring.pilot.channel), or set connection.require_pilot: false, as with pyPLC.")
        if not measuring.pilot.mean_channel and config.connection.require_pilot and config.connection.require_duty:
            raise DriverError(f"The board {self._name} reads no duty of the pilot, but connection.require_duty = true: it would wait for 5 % PWM for ever.",
                              f"Wire the pilot's mean to a converter ({self._name}.measuring.pilot.mean_channel), or set connection.require_duty: false: it then "
                              "begins as soon as it is plugged in.")

    def _check_bridge(self, pins: BridgePins, measuring: Measuring) -> None:
        """The same for the CHAdeMO plug. Its CAN bus is asked for here: a configuration that cannot work is refused before any pin is touched."""
        config = self._shared.config
        missing = [f"{self._name}.bridge.{name}" for name in ("d1", "d2", "k") if not getattr(pins, name).pin]
        if missing:
            raise DriverError(f"mode = bridge, but no pin is configured for {', '.join(missing)}: without d1, d2 and k no CHAdeMO vehicle charges.",
                              "Name them (GPIO12, P8_11, ...); drivers/boards/bridge.md says what is wired to them.")
        if not config.can.channel:
            raise DriverError("mode = bridge, but can.channel is empty: the CHAdeMO vehicle speaks on a CAN bus.",
                              "Set can.channel (can0 of `ip link`, 500 kbit/s), and can.interface where it is no socketcan.")
        if config.can.bitrate != CHADEMO_BITRATE:
            raise DriverError(f"mode = bridge, but can.bitrate = {config.can.bitrate}: CHAdeMO speaks at {CHADEMO_BITRATE} bit/s.", f"Set can.bitrate to {CHADEMO_BITRATE}.")
        common.must_fit(self._name, "bridge", config.safety.bridge, {
            "vehicle_voltmeter_fitted": bool(measuring.voltmeter.vehicle_voltage.channel),
            "vehicle_lock_feedback_fitted": bool(pins.lock.locked.pin or pins.lock.unlocked.pin) or not pins.lock.fitted})
        self._port = self._shared.can().port("chademo", VEHICLE_IDS)

    def lines(self) -> PinLines:
        return car_lines(self._section.car, self._pins, self._bridge)

    def board(self, lines: Any, nic: Nic, now: int = 0) -> CarBoard:
        shared, measuring = self._shared, self._section.measuring
        devices = car_devices(self._section.car, lines, self._pins, self._bridge)
        made = common.converters(measuring, shared)
        voltmeter = AnalogVoltmeter(measuring.voltmeter, made)
        pilot = WatchedPilot(devices.control_pilot)
        shared.polled += [*devices.polled, voltmeter]
        if not self._section.car.lock.fitted:
            shared.notes.append(UNLOCKED)
        return CarBoard(nic=nic, voltmeter=voltmeter, pilot_monitor=self._monitor(measuring, made, pilot, devices), inputs=devices.inputs,
                        vehicle=None if self._bridge is not None else common.vehicle(shared), control_pilot=pilot, contactors=devices.contactors,
                        lock=devices.lock, oled=common.display(shared), polled=shared.polled, mqtt=shared.publisher, rest=shared.rest, bridge=self._plug(devices, made),
                        can=common.private_can(shared))

    def _plug(self, devices: CarDevices, made: dict[str, Any]) -> BridgeDevices | None:
        """What is at the CHAdeMO plug of a bridge; None in a car."""
        if self._bridge is None or devices.bridge is None or self._port is None:
            return None
        voltmeter = None
        if self._section.measuring.voltmeter.vehicle_voltage.channel:
            voltmeter = AnalogVehicleVoltmeter(self._section.measuring.voltmeter, made)
            self._shared.polled.append(voltmeter)
        if not self._bridge.lock.fitted:
            self._shared.notes.append(VEHICLE_UNLOCKED)
        return BridgeDevices(can=self._port, voltmeter=voltmeter, inputs=devices.bridge.inputs, sequence=devices.bridge.sequence, lock=devices.bridge.lock)

    def _monitor(self, measuring: Measuring, made: dict[str, Any], pilot: WatchedPilot, devices: CarDevices) -> PilotMonitor:
        if measuring.pilot.channel:
            seen = devices.inputs.pwm_present if self._section.car.pwm_present.pin and not measuring.pilot.mean_channel else None
            monitor = AnalogPilotMonitor(measuring.pilot, made, None if seen is None else no_pwm(seen))
            self._shared.polled.append(monitor)
            return monitor
        self._shared.notes.append(PILOT_UNREAD)
        return AssumedCarPilot(pilot, devices.inputs.plug_present if self._section.car.plug_present.pin else None)


def no_pwm(pwm_present: Callable[[int], bool | None]) -> Callable[[int], float | None]:
    """A comparator tells that there is a PWM and not which: no PWM is steady +12 V, any other duty unknown (`connection.require_duty: false`)."""
    return lambda now: 100.0 if pwm_present(now) is False else None


class GpioCharger:
    """A charger's box: AC with its mains contactor. A DC power stage has no driver at pins alone."""

    def __init__(self, name: str, section: GpioBoard, shared: common.Shared, pins: Pins | None = None) -> None:
        config = shared.config
        if not config.evse.ac:
            raise DriverError(f"The board {name} has no driver for a DC power stage.",
                              "Use board: focccicape for pyPLC's switched supply, evse.energy_transfer_modes with AC only for a wallbox, or --simulate-io.")
        measuring, wired = section.measuring, section.charger
        common.must_fit(name, "ac", config.safety.ac, {"residual_current_fitted": bool(wired.residual_current.pin),
                                                       "lock_feedback_fitted": bool(wired.lock.locked.pin or wired.lock.unlocked.pin) or not wired.lock.fitted})
        common.must_have_no_button(name, "ac", config.safety.ac, bool(wired.stop_button.pin))
        if not measuring.pilot.channel:
            raise DriverError(f"The board {name} reads no control pilot; without state C no charger may switch the mains.",
                              f"Wire the pilot to a converter and name it: {name}.measuring.pilot.channel, gain, offset.")
        common.pilot_in_time(f"{name}.measuring", measuring, measuring.pilot.channel)
        if wired.pwm.chip < 0:
            raise DriverError(f"The board {name} has no pulse generator for the control pilot.", f"Set {name}.charger.pwm.chip to the N of /sys/class/pwm/pwmchipN.")
        if not wired.contact_plus.pin:
            raise DriverError("The mains contactor has no auxiliary contact: nobody would know that it is welded.", f"Wire it and name its pin: {name}.charger.contact_plus.")
        self._in_time(name, config.safety.ac.contactor_open_ms, measuring, wired)
        self._section = section
        self._shared = shared
        self._pins = pins if pins is not None else Pins(wired.library)

    def _in_time(self, name: str, open_ms: int, measuring: Measuring, wired: ChargerPins) -> None:
        """100 ms from state C to open mains (IEC 61851-1) are shared by reading, relay and contact."""
        debounce = max(wired.contact_plus.debounce_ms, wired.contact_minus.debounce_ms if wired.contact_minus.pin else 0)
        if debounce >= open_ms:
            raise DriverError(f"The mains contactor's contact counts after {debounce} ms (debounce_ms), but safety.ac.contactor_open_ms = {open_ms}: each opening would end as welded.",
                              f"Lower {name}.charger.contact_plus.debounce_ms (20 ms do for a relay).")
        if measuring.pilot.mean_channel and open_ms > OPEN_WITH_MEAN_MS:
            raise DriverError(f"With pilot.mean_channel the pilot is read every 40 ms instead of 30, and safety.ac.contactor_open_ms = {open_ms} leaves no room for it.",
                              f"Leave {name}.measuring.pilot.mean_channel empty (a wallbox sets the duty itself), or set safety.ac.contactor_open_ms to {OPEN_WITH_MEAN_MS} "
                              "where the contactor is that quick.")

    def lines(self) -> PinLines:
        return charger_lines(self._section.charger, self._pins)

    def board(self, lines: Any, nic: Nic, now: int = 0) -> AcChargerBoard | ChargerBoard:
        shared, measuring = self._shared, self._section.measuring
        devices = charger_devices(self._section.charger, lines, self._pins)
        # state C must be missed within 30 ms (safety.ac.contactor_open_ms); four pins of an ADS1115 in turn take 60
        made = common.converters(measuring, shared, (measuring.pilot.channel, measuring.pilot.mean_channel))
        monitor = AnalogPilotMonitor(measuring.pilot, made)
        shared.polled += [*devices.polled, monitor]
        return AcChargerBoard(nic=nic, pilot_monitor=monitor, inputs=devices.inputs, pilot_source=devices.pilot_source, contactors=devices.mains,
                              lock=devices.lock if self._section.charger.lock.fitted else None, residual_current=devices.residual_current, meter=None,
                              oled=common.display(shared), polled=shared.polled, mqtt=shared.publisher, rest=shared.rest)
