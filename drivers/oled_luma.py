"""An SSD1306 or SH1106 panel on I2C through luma.oled: small windows of octets, never a whole picture at once.

luma opens the bus and knows the controllers; its own `display()` is not used, because it computes 8192 pixels in
Python and holds the bus for 23 to 93 ms (boards sheet 2). A window costs 10 octets besides its contents.

How fast the bus is, nobody tells (100 kHz by default on a Pi, 400 kHz where config.txt says so): every transfer is timed, and
`octets_per_run` is what fits into SLICE_TIME. It begins with what a 100 kHz bus can do.
"""
from __future__ import annotations

import time
from collections import deque
from typing import Any, Callable

from drivers.errors import DriverError
from drivers.i2c import shorten_timeout
from kernel.record import settings_class
from kernel.settings import setting

WIDTH = 128
PAGES = 8
SH1106_FIRST_COLUMN = 2      # SH1106: 132 columns of memory, the panel shows 2 to 129 (luma's page_address_offset)
SLICE_TIME = 2_500_000       # ns of bus per run: with what it takes to choose it within the 3 ms that the display has of a tick (tasks/table.py)
SLOWEST = 90_000             # ns per octet at 100 kHz: eight bits and the acknowledge
WINDOW_OCTETS = 10           # on the wire besides the contents: twice address and mode, and the six of a window
SAMPLES = 8                  # transfers after which a bus that has become slower is believed
LEAST, MOST = 8, WIDTH       # picture octets per run, however slow or fast the bus is
LOOK_AGAIN = 1_000_000_000   # ns: `run` has nothing to do

# After a fault on the bus the controller may have lost its registers. What luma sends once is sent again, without the
# clearing of the memory (93 ms at 100 kHz). SSD1306 data sheet rev 1.1 section 10 and application note 3; SH1106 V2.3.
WAKE = {
    "ssd1306": (0xAE, 0xD5, 0x80, 0xA8, 0x3F, 0xD3, 0x00, 0x40, 0x8D, 0x14, 0x20, 0x00, 0xDA, 0x12, 0xD9, 0xF1, 0xDB, 0x40,
                0xA4, 0xA6),
    "sh1106": (0xAE, 0xD5, 0xF0, 0xA8, 0x3F, 0xD3, 0x00, 0x40, 0x8D, 0x14, 0xDA, 0x12, 0xD9, 0x22, 0xDB, 0x20, 0xA4, 0xA6),
}
SET_CONTRAST = 0x81
CONTRAST = 160               # until somebody sets it; luma's own is 207, the reset value 127
DISPLAY_ON = 0xAF
UPRIGHT, TURNED = (0xA1, 0xC8), (0xA0, 0xC0)      # segment remap and COM scan direction
SET_COLUMNS, SET_PAGES = 0x21, 0x22               # SSD1306, horizontal addressing
SET_PAGE, COLUMN_LOW, COLUMN_HIGH = 0xB0, 0x00, 0x10     # both; the only way of the SH1106


@settings_class(slots=True)
class OledConfig:
    """Section `oled` of the configuration. How bright it is: section `display`."""

    controller: str = setting("none", choices=("none", "ssd1306", "sh1106"), meaning=(
        "none: no display; panels of 1.3 inch mostly carry an sh1106, smaller ones an ssd1306"))
    i2c_bus: int = setting(1, low=0, high=32, meaning="`i2cdetect -y N` shows the panel; not the safety ADC's bus if the board has two")
    i2c_address: int = setting(60, low=3, high=119, meaning="60 (0x3C), on some panels 61 (0x3D)")
    upside_down: bool = setting(False, meaning="turn the picture by 180 degrees")
    required: bool = setting(False, meaning="true: refuse to start while the panel does not answer; false: charge without it and ask it again and again")


class Gate:
    """The bus as luma's device sees it, shut while that is built: it would clear the panel with a whole picture, once per construction."""

    def __init__(self, serial: Any) -> None:
        self.open = False
        self._serial = serial

    def command(self, *octets: int) -> None:
        if self.open:
            self._serial.command(*octets)

    def data(self, octets: Any) -> None:
        if self.open:
            self._serial.data(octets)

    def cleanup(self) -> None:
        self._serial.cleanup()


class OledLuma:
    """Oled and Polled. `errors` counts refused writes and commands; after one, the next first initialises the controller again.

    Whoever writes waits ever longer after a refusal (tasks/display): a missing panel costs one short transfer per attempt.
    """

    def __init__(self, config: OledConfig, serial: Any | None = None, clock: Callable[[], int] = time.monotonic_ns) -> None:
        """`serial`: an already opened luma interface (tests, SPI). `clock`: ns, for the duration of a transfer.

        DriverError: no library, no such bus, no permission; with `required` also when the panel does not answer.
        """
        try:
            from luma.core.error import DeviceNotFoundError, Error as LumaError
            from luma.core.interface.serial import i2c
            from luma.oled import device as controllers
        except ImportError as error:
            raise DriverError(f"The display needs luma.oled, which cannot be imported ({error}).",
                              "Install it (pip install luma.oled) or set oled.controller to none.") from error
        if config.controller not in WAKE:
            raise DriverError(f"No display controller is called {config.controller!r}.", f"Use one of {', '.join(WAKE)}.")
        self.name = f"{config.controller.upper()} at 0x{config.i2c_address:02X} of I2C bus {config.i2c_bus}"
        self.errors = 0
        self.recoveries = 0
        self.fault = ""
        self.remedy = ""
        self._clock = clock
        self._samples: deque[float] = deque(maxlen=SAMPLES)
        self._cost = float(SLOWEST)              # ns per octet on the wire
        self._contrast = CONTRAST
        self._faults = (LumaError, OSError)
        self._lost = False
        self._window: Callable[[int, int, int], tuple[int, ...]] = _pages if config.controller == "sh1106" else _windows
        self._wake = (*WAKE[config.controller], *(TURNED if config.upside_down else UPRIGHT))
        try:
            if serial is None:
                serial = i2c(port=config.i2c_bus, address=config.i2c_address)
        except (LumaError, OSError, ImportError) as error:
            raise DriverError(f"I2C bus {config.i2c_bus} of the display cannot be opened: {error}.",
                              "Enable I2C (dtparam=i2c_arm=on), check oled.i2c_bus with `i2cdetect -l`, join the group i2c, "
                              "or set oled.controller to none.") from error
        gate = Gate(serial)
        self._device = getattr(controllers, config.controller)(gate, width=WIDTH, height=8 * PAGES)
        self._device.persist = True              # luma's clearing at exit would write the whole picture; dark is enough
        gate.open = True
        try:
            self._begin(clear=True)
        except self._faults as error:
            if config.required and isinstance(error, (DeviceNotFoundError, OSError)):
                raise DriverError(f"The display does not answer at address 0x{config.i2c_address:02X} of I2C bus {config.i2c_bus}: {error}.",
                                  f"Check its plug, supply and `i2cdetect -y {config.i2c_bus}`, or set oled.required to false or oled.controller to none.") from error
            self._refused(error)
        descriptor = getattr(getattr(serial, "_bus", None), "fd", None)
        if descriptor is not None:
            shorten_timeout(descriptor)          # the clearing above is the only transfer that takes longer

    @property
    def octets_per_run(self) -> int:
        """Picture octets that fit into SLICE_TIME on this bus, with the window that they need."""
        return max(LEAST, min(MOST, int(SLICE_TIME / self._cost) - WINDOW_OCTETS))

    def run(self, now: int) -> int:
        """Nothing to do between the writes: when one is refused, the writer's next one tries again."""
        return now + LOOK_AGAIN

    def write(self, page: int, column: int, data: bytes, now: int) -> bool:
        """Put `data` into one page from `column` on. False when the bus refused or the place does not exist."""
        if not data or not 0 <= page < PAGES or column < 0 or column + len(data) > WIDTH:
            self.errors += 1
            return False
        try:
            if self._lost:
                self._recover()
            began = self._clock()
            self._device.command(*self._window(page, column, len(data)))
            self._device.data(list(data))
            self._measured(self._clock() - began, len(data) + WINDOW_OCTETS)
        except self._faults as error:
            return self._refused(error)
        return True

    def set_contrast(self, value: int, now: int) -> bool:
        """0 to 255; two octets of command."""
        if not 0 <= value <= 255:
            self.errors += 1
            return False
        self._contrast = value
        try:
            if self._lost:
                self._recover()                  # sends it as well
            else:
                self._device.command(SET_CONTRAST, value)
        except self._faults as error:
            return self._refused(error)
        return True

    def close(self) -> None:
        """Panel dark and bus closed; a panel that no longer answers is no obstacle, but counted."""
        for last in (self._device.hide, self._device.cleanup):
            try:
                last()
            except self._faults:
                self.errors += 1

    # --- details -------------------------------------------------------------------------------------------------------

    def _begin(self, clear: bool) -> None:
        """Registers, brightness, on. `clear`: before that the memory, which is random at power-on; 93 ms at 100 kHz, so only before the start."""
        self._device.command(*self._wake)
        for page in range(PAGES if clear else 0):
            began = self._clock()
            self._device.command(*self._window(page, 0, WIDTH))
            self._device.data([0] * WIDTH)
            self._measured(self._clock() - began, WIDTH + WINDOW_OCTETS)
        self._device.command(SET_CONTRAST, self._contrast, DISPLAY_ON)

    def _recover(self) -> None:
        self._begin(clear=False)
        self.recoveries += 1
        self._lost = False
        self.fault = self.remedy = ""

    def _refused(self, error: Exception) -> bool:
        self.errors += 1
        self._lost = True
        self.fault = "Display: no answer"
        self.remedy = f"The display ({self.name}) does not answer ({error}): check its plug, its supply and `i2cdetect -y`; charging goes on without it."
        return False

    def _measured(self, spent: int, octets: int) -> None:
        """The fastest of the last SAMPLES is the bus; what took longer was not alone on the processor."""
        self._samples.append(spent / octets)
        self._cost = max(1.0, min(self._samples))


def _windows(page: int, column: int, length: int) -> tuple[int, ...]:
    """SSD1306, horizontal addressing: the window is set and the pointer stands at its first octet (10.1.3 to 10.1.5)."""
    return (SET_COLUMNS, column, column + length - 1, SET_PAGES, page, page)


def _pages(page: int, column: int, length: int) -> tuple[int, ...]:
    """SH1106, page addressing: page, then the column in two nibbles."""
    column += SH1106_FIRST_COLUMN
    return (SET_PAGE | page, COLUMN_LOW | column & 15, COLUMN_HIGH | column >> 4)
