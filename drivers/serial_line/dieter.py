"""Dieter, the Arduino of the field program: pilot resistor, contactors and a second relay out, the inlet's voltage in.

Sheet field-pyplc-clara 1.4: 19,200 Bd; `do000N` with bit 0 state C, bit 1 power relay, bit 2 second relay; it sends lines with
`A0=nnnn`, U = n/1024 * 1.08 V * 6250/9.4. It has no watchdog: what it heard last stays, whoever dies (sheet 3.3).
"""
from __future__ import annotations

import re
from dataclasses import field

from drivers.serial_line.commands import DIETER, dieter
from drivers.serial_line.device import PLAIN, Pilot, Relay, SerialDevice, Value, Wiring
from drivers.serial_line.port import SerialPortConfig
from drivers.serial_line.text_display import TextDisplay, TextDisplayConfig
from drivers.sim.lines import CONTACTORS, FIRST
from kernel.record import settings_class
from kernel.settings import setting
from kernel.timer import MS

STEPS = 1024                             # of the Arduino's converter; the last one means: that or more
REFERENCE_V, DIVIDER = 1.08, 6250 / 9.4  # sheet 1.4: reference of the converter, resistors of the divider in kOhm
MEASURED = re.compile(r"A0=(\d+)(?!\d)")
RELAY_2 = ("none", "with_contactors")


@settings_class(slots=True)
class DieterConfig:
    """Section `dieter`. It reads no pilot, no current, no contacts: those of safety.pev that say `fitted` must say so."""

    serial: SerialPortConfig = field(default_factory=SerialPortConfig)
    measures: bool = setting(True, meaning="a DieterHV, which measures the inlet; false: a DieterLV, which only switches")
    full_scale_v: float = setting(round(REFERENCE_V * DIVIDER, 3), unit="V", low=10, high=2000, meaning=(
        "inlet voltage at A0=1024; to calibrate: multiply by the voltmeter's reading and divide by ours"))
    offset_v: float = setting(0.0, unit="V", low=-50, high=50, meaning="added to each measurement")
    digits: int = setting(4, low=0, high=4, meaning="digits of the number after A0=, so that a lost one is noticed; 0: any number of them")
    stale_ms: int = setting(500, unit="ms", low=100, high=2000, meaning="a measurement is unknown when no new one came for so long")
    repeat_ms: int = setting(100, unit="ms", low=20, high=1000, meaning="the outputs are sent so often though nothing changes; a spoiled line is mended so soon")
    relay_2: str = setting("none", choices=RELAY_2, meaning="with_contactors: the second relay (a light bulb as load) closes after the contactors")
    relay_2_delay_ms: int = setting(2000, unit="ms", low=0, high=60_000, meaning="so long after them; it opens with them")


class Dieter(SerialDevice):
    """Polled, with `voltmeter`, `control_pilot` and `contactors` as the interfaces want them."""

    def __init__(self, config: DieterConfig, now: int = 0, wiring: Wiring = PLAIN) -> None:
        """DriverError for what only a person can mend; a Dieter that is not there is looked for."""
        self._config = config
        self._speaks = config.measures
        self._bad_remedy = ("Numbers that A0 cannot have, or at the converter's end: check the divider and the supply; "
                            f"dieter.digits = {config.digits} must fit the device's own program.")
        self._inlet = Value(config.stale_ms * MS)
        self._closed_at = now            # when the contactors were last commanded closed
        self._now = now
        super().__init__("Dieter", "Dieter", config.serial, DIETER, config.repeat_ms * MS, now, wiring)
        self._values = (self._inlet,)
        self.measured = {"A0": self._inlet} if config.measures else {}
        self.voltmeter = DieterVoltmeter(self, self._inlet)
        self.control_pilot = Pilot(self)
        self.contactors = Relay(self)

    def attach(self, config: TextDisplayConfig) -> TextDisplay:
        """The three-line display on the same wire."""
        display = self.display = TextDisplay(self.port, config, addressed=False)
        return display

    def run(self, now: int) -> int:
        """Its turn."""
        self._now = now
        return super().run(now)

    def command(self, line: int, on: bool, now: int) -> bool:
        """As of every device; the second relay counts from here."""
        self._now = now
        if line == CONTACTORS and on and not self.lines.level(CONTACTORS):
            self._closed_at = now
        return super().command(line, on, now)

    @property
    def relay_2(self) -> bool:
        """The second relay as it is commanded."""
        c = self._config
        return (c.relay_2 == "with_contactors" and self.lines.level(CONTACTORS)
                and self._now - self._closed_at >= c.relay_2_delay_ms * MS)

    def _state(self) -> bytes:
        return dieter(self.lines.level(FIRST), self.lines.level(CONTACTORS), self.relay_2)

    def _hear(self, line: str, now: int) -> bool:
        found = MEASURED.search(line)
        if found is None:
            return False
        c, digits = self._config, found[1]
        number = int(digits)
        if (c.digits and len(digits) != c.digits) or number >= STEPS - 1 or line.count("A0=") != 1:
            self.bad += 1                # 1023: the inlet may have more volts than can be measured
            self._inlet.put(None, now)
        else:
            self._inlet.put(number / STEPS * c.full_scale_v + c.offset_v, now)
        return True


class DieterVoltmeter:
    """Voltmeter: the inlet's voltage alone."""

    def __init__(self, device: Dieter, inlet: Value) -> None:
        self._device = device
        self._inlet = inlet

    @property
    def errors(self) -> int:
        """Values that no inlet has, and failures of the port."""
        return self._device.bad + self._device.port.errors

    def inlet_voltage(self, now: int) -> float | None:
        return self._inlet.get(now)

    def measured_at(self, what: str, now: int) -> int:
        """ns: when Dieter told it."""
        return self._inlet.at

    def inlet_current(self, now: int) -> float | None:
        return None

    def inlet_temperature(self, now: int) -> float | None:
        return None

    def supply_voltage(self, now: int) -> float | None:
        return None
