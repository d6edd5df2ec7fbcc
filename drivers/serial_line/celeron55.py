"""The device of celeron55 (field sheet 1.4): pilot, contactors, lock and a display out; voltages, pilot, contacts and battery in.

Lines of text `name=number`. The sheet does not say how often each comes, nor the unit of `cp_pwm`: both are settings. What it does
after silence is not known either: take it that it keeps its outputs, and that only the guard opens them when the program dies.
"""
from __future__ import annotations

import math
import re
from dataclasses import field

from drivers.errors import DriverError
from drivers.interfaces import BatteryReading, PilotReading, PilotState
from drivers.serial_line.commands import CELERON55
from drivers.serial_line.device import PLAIN, Pilot, Relay, SerialDevice, Value, Wiring
from drivers.serial_line.port import SerialPortConfig
from drivers.serial_line.text_display import TextDisplay, TextDisplayConfig
from drivers.sim.lines import LOCK, UNLOCK
from kernel.record import settings_class
from kernel.settings import setting
from kernel.timer import MS

STEADY = 100.0                           # percent: no PWM (X1)
NUMBER = re.compile(r"-?\d{1,7}(\.\d{1,6})?")
MAX_CHARGE_A = 250.0                     # sheet 1.4: the field program takes no more of `max_charge_a`
FLAG = (0.0, 1.0)


@settings_class(slots=True)
class Celeron55Config:
    """Section `celeron55`. What the device does not say of the battery stands here."""

    serial: SerialPortConfig = field(default_factory=SerialPortConfig)
    cp_pwm_full: float = setting(100.0, low=1, high=100_000, meaning="the number that `cp_pwm` shows for 100 percent; its unit stands in no source: compare with a scope")
    stale_ms: int = setting(500, unit="ms", low=100, high=2000, meaning="a value is unknown after so long without a new one; what power depends on is so for the supervisor after 500 ms in any case")
    battery_stale_ms: int = setting(2000, unit="ms", low=200, high=10_000, meaning="the same for soc_percent")
    repeat_ms: int = setting(100, unit="ms", low=50, high=1000, meaning="the outputs are sent so often though nothing changes")
    display_columns: int = setting(16, low=8, high=40, meaning="characters of a line of its display")
    target_voltage_v: float = setting(0.0, unit="V", low=0, high=1000, meaning="voltage to ask the charger for")
    max_voltage_v: float = setting(0.0, unit="V", low=0, high=1000, meaning="never charge above this; the battery's data sheet says it")
    max_current_a: float = setting(MAX_CHARGE_A, unit="A", low=1, high=MAX_CHARGE_A, meaning="never charge with more than this, whatever `max_charge_a` says")
    max_power_w: float = setting(50_000.0, unit="W", low=0, high=400_000, meaning="never charge with more than this")
    capacity_wh: float = setting(20_000.0, unit="Wh", low=0, high=300_000, meaning="usable energy content to tell the charger")


class Celeron55(SerialDevice):
    """Polled, with `voltmeter`, `pilot_monitor`, `control_pilot`, `contactors`, `lock` and `vehicle` as the interfaces want them."""

    def __init__(self, config: Celeron55Config, now: int = 0, wiring: Wiring = PLAIN, *, vehicle: bool = True) -> None:
        """`vehicle`: its battery data are used; then the settings that complete them must be there. DriverError otherwise."""
        if vehicle and not 0.0 < config.target_voltage_v <= config.max_voltage_v:
            raise DriverError(f"celeron55: the target of {config.target_voltage_v:g} V must be above 0 and not above the maximum of {config.max_voltage_v:g} V.",
                              "Set target_voltage_v and max_voltage_v from the battery's data sheet; the device does not say them.")
        fast, slow = config.stale_ms * MS, config.battery_stale_ms * MS
        self._bad_remedy = "The device sends numbers that cannot be: check its wiring and its program (sheet of its lines: drivers/serial_line/README.md)."
        self._ranges: dict[str, tuple[Value, float, float]] = {
            "inlet_v": (Value(fast), -50.0, 1100.0), "dc_link_v": (Value(fast), 0.0, 1000.0), "cp_pwm": (Value(fast), 0.0, config.cp_pwm_full),
            "cp_output_state": (Value(fast), *FLAG), "plugged_in": (Value(fast), *FLAG), "contactor_confirmed": (Value(fast), *FLAG),
            "ccs_contactor_wanted_closed": (Value(fast), *FLAG), "max_charge_a": (Value(fast), 0.0, 1000.0), "soc_percent": (Value(slow), 0.0, 100.0)}
        super().__init__("device of celeron55", "C55", config.serial, CELERON55, config.repeat_ms * MS, now, wiring)
        self._values = tuple(value for value, _, _ in self._ranges.values())
        self.measured = {name: value for name, (value, _, _) in self._ranges.items()}
        self.config = config
        self.voltmeter = Celeron55Voltmeter(self)
        self.pilot_monitor = Celeron55PilotMonitor(self)
        self.control_pilot = Pilot(self)
        self.contactors = Celeron55Contactors(self)
        self.lock = Celeron55Lock(self)
        self.vehicle = Celeron55Vehicle(self)
        self.display: TextDisplay = TextDisplay(self.port, TextDisplayConfig(columns=config.display_columns), addressed=True)

    def value(self, name: str, now: int) -> float | None:
        """What the device said last under this name; None when that is too long ago."""
        return self._ranges[name][0].get(now)

    def age(self, name: str, now: int) -> int:
        """ns since it was said."""
        return self._ranges[name][0].age(now)

    def turn_lock(self, locked: bool, now: int) -> bool:
        """The motor's command, once; False when the guard holds the lines or nobody hears it."""
        away, towards = (UNLOCK, LOCK) if locked else (LOCK, UNLOCK)
        done = (self.port.is_open and self.lines.set(away, False) and self.lines.set(towards, True) and not self.lines.held
                and self.port.event(b"lock\n" if locked else b"unlock\n") and self.port.pump(now))
        self.refused += not done
        return done

    def _hear(self, line: str, now: int) -> bool:
        name, _, text = line.partition("=")
        if name not in self._ranges:
            return False
        value, low, high = self._ranges[name]
        number = float(text) if NUMBER.fullmatch(text) else math.nan
        sound = low <= number <= high and (high != 1.0 or number in FLAG)
        value.put(number if sound else None, now)
        self.bad += not sound
        return True


class Part:
    """One interface of the device."""

    def __init__(self, device: Celeron55) -> None:
        self._device = device

    @property
    def errors(self) -> int:
        """Impossible values, failures of the port, refused commands."""
        return self._device.errors


class Celeron55Voltmeter(Part):
    """Voltmeter: the inlet's voltage alone."""

    def inlet_voltage(self, now: int) -> float | None:
        return self._device.value("inlet_v", now)

    def measured_at(self, what: str, now: int) -> int:
        """ns: when the device told it."""
        return now - self._device.age("inlet_v", now)

    def inlet_current(self, now: int) -> float | None:
        return None

    def inlet_temperature(self, now: int) -> float | None:
        return None

    def supply_voltage(self, now: int) -> float | None:
        return None


class Celeron55PilotMonitor(Part):
    """PilotMonitor: A while not plugged in, else B or C as the device says that its own resistor is switched; the charger's -12 V is not seen.

    Duty: 0 of `cp_pwm` is no PWM, steady +12 V, which offers nothing.
    """

    def read(self, now: int) -> PilotReading | None:
        device = self._device
        plugged, switched, pwm = (device.value(name, now) for name in ("plugged_in", "cp_output_state", "cp_pwm"))
        if plugged == 0.0:
            return PilotReading(PilotState.A, None)
        if plugged is None or switched is None:
            return None
        duty = None if pwm is None else 100.0 * pwm / device.config.cp_pwm_full
        return PilotReading(PilotState.C if switched else PilotState.B, STEADY if duty == 0.0 else duty)


class Celeron55Contactors(Relay):
    """Contactors, confirmed by `contactor_confirmed`."""

    def __init__(self, device: Celeron55) -> None:
        super().__init__(device)
        self._says = device.value

    def feedback(self, now: int) -> bool | None:
        confirmed = self._says("contactor_confirmed", now)
        return None if confirmed is None else confirmed == 1.0


class Celeron55Lock(Part):
    """ConnectorLock: `lock` and `unlock` are said once each; there is no position (safety.pev.lock_feedback_fitted: false)."""

    def set_locked(self, locked: bool, now: int) -> bool:
        return self._device.turn_lock(locked, now)

    def feedback(self, now: int) -> bool | None:
        return None


class Celeron55Vehicle(Part):
    """VehicleData: voltage, state of charge, current and permission from the device, each with its own time; the rest from the settings."""

    def __init__(self, device: Celeron55) -> None:
        super().__init__(device)
        c = device.config
        self._reading = BatteryReading.of(0, target_voltage=c.target_voltage_v, max_voltage=c.max_voltage_v, max_current=c.max_current_a,
                                          max_power=c.max_power_w, capacity=c.capacity_wh)

    def read(self, now: int) -> BatteryReading | None:
        """None unless everything that the device has to say is known."""
        device, r = self._device, self._reading
        voltage, soc, current, wanted = ((device.value(name, now), now - device.age(name, now)) for name in (
            "dc_link_v", "soc_percent", "max_charge_a", "ccs_contactor_wanted_closed"))
        if voltage[0] is None or soc[0] is None or current[0] is None or wanted[0] is None:
            return None
        r.voltage.hear(*voltage)
        r.soc_percent.hear(*soc)
        r.target_current.hear(min(current[0], device.config.max_current_a), current[1])
        r.permission.hear(wanted[0] == 1.0, wanted[1])
        for told in (r.target_voltage, r.max_voltage, r.max_current, r.max_power, r.capacity):
            told.hear(told.value, now)           # of the settings: always of now
        return r
