"""An SSD1306 or SH1106 panel on I2C through luma.oled: small windows of octets, never a whole picture at once.

luma opens the bus and initialises the controller; its own `display()` is not used, because it computes 8192 pixels in
Python and holds the bus for 23 to 93 ms (boards sheet 2). A window costs 8 octets besides its contents.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable

from drivers.errors import DriverError
from drivers.i2c import shorten_timeout
from kernel.settings import setting

WIDTH = 128
PAGES = 8
SH1106_FIRST_COLUMN = 2      # SH1106: 132 columns of memory, the panel shows 2 to 129 (luma's page_address_offset)

# After a fault on the bus the controller may have lost its registers. What luma sends once is sent again, without the
# clearing of the memory (93 ms at 100 kHz). SSD1306 data sheet rev 1.1 section 10 and application note 3; SH1106 V2.3.
WAKE = {
    "ssd1306": (0xAE, 0xD5, 0x80, 0xA8, 0x3F, 0xD3, 0x00, 0x40, 0x8D, 0x14, 0x20, 0x00, 0xDA, 0x12, 0xD9, 0xF1, 0xDB, 0x40,
                0xA4, 0xA6),
    "sh1106": (0xAE, 0xD5, 0xF0, 0xA8, 0x3F, 0xD3, 0x00, 0x40, 0x8D, 0x14, 0xDA, 0x12, 0xD9, 0x22, 0xDB, 0x20, 0xA4, 0xA6),
}
SET_CONTRAST = 0x81
DISPLAY_ON = 0xAF
UPRIGHT, TURNED = (0xA1, 0xC8), (0xA0, 0xC0)      # segment remap and COM scan direction
SET_COLUMNS, SET_PAGES = 0x21, 0x22               # SSD1306, horizontal addressing
SET_PAGE, COLUMN_LOW, COLUMN_HIGH = 0xB0, 0x00, 0x10     # both; the only way of the SH1106


@dataclass(slots=True)
class OledConfig:
    """Section `oled` of the configuration."""

    controller: str = setting("none", choices=("none", "ssd1306", "sh1106"), meaning=(
        "none: no display; panels of 1.3 inch mostly carry an sh1106, smaller ones an ssd1306"))
    i2c_bus: int = setting(1, low=0, high=32, meaning="`i2cdetect -y N` shows the panel; not the safety ADC's bus if the board has two")
    i2c_address: int = setting(60, low=3, high=119, meaning="60 (0x3C), on some panels 61 (0x3D)")
    upside_down: bool = setting(False, meaning="turn the picture by 180 degrees")
    contrast: int = setting(160, low=0, high=255, meaning="brightness; a lower one lets the panel live longer")
    # 128 octets and their addressing are 3.1 ms at 400 kHz, 12.4 ms at 100 kHz (boards sheet 2)
    octets_per_run: int = setting(128, low=16, high=128, meaning="picture octets per tick: 128 on a 400 kHz bus, 32 on a 100 kHz bus")


class OledLuma:
    """Oled. `errors` counts refused writes; after one, the next write first initialises the controller again."""

    def __init__(self, config: OledConfig, serial: Any | None = None) -> None:
        """`serial`: an already opened luma interface (tests, SPI). DriverError when the panel cannot be opened."""
        try:
            from luma.core.error import Error as LumaError
            from luma.core.interface.serial import i2c
            from luma.oled import device as controllers
        except ImportError as error:
            raise DriverError(f"The display needs luma.oled, which cannot be imported ({error}).",
                              "Install it (pip install luma.oled) or set oled.controller to none.") from error
        if config.controller not in WAKE:
            raise DriverError(f"No display controller is called {config.controller!r}.", f"Use one of {', '.join(WAKE)}.")
        where = f"address 0x{config.i2c_address:02X} of I2C bus {config.i2c_bus}"
        try:
            if serial is None:
                serial = i2c(port=config.i2c_bus, address=config.i2c_address)
                descriptor = getattr(getattr(serial, "_bus", None), "fd", None)
                if descriptor is not None:
                    shorten_timeout(descriptor)
            self._device = getattr(controllers, config.controller)(serial, width=WIDTH, height=8 * PAGES)
            self._wake = (*WAKE[config.controller], *(TURNED if config.upside_down else UPRIGHT), SET_CONTRAST, config.contrast, DISPLAY_ON)
            self._device.command(*self._wake)
        except (LumaError, OSError, ImportError) as error:
            raise DriverError(f"The display does not answer at {where}: {error}.",
                              "Check its plug and `i2cdetect -y`, enable I2C, join the group i2c, or set oled.controller to none.") from error
        self.errors = 0
        self.recoveries = 0
        self._faults = (LumaError, OSError)
        self._lost = False
        self._window: Callable[[int, int, int], tuple[int, ...]] = _pages if config.controller == "sh1106" else _windows

    def write(self, page: int, column: int, data: bytes, now: int) -> bool:
        """Put `data` into one page from `column` on. False when the bus refused or the place does not exist."""
        if not data or not 0 <= page < PAGES or column < 0 or column + len(data) > WIDTH:
            self.errors += 1
            return False
        try:
            if self._lost:
                self._device.command(*self._wake)
                self.recoveries += 1
                self._lost = False
            self._device.command(*self._window(page, column, len(data)))
            self._device.data(list(data))
        except self._faults:
            self.errors += 1
            self._lost = True
            return False
        return True

    def close(self) -> None:
        """Panel dark and bus closed; a panel that no longer answers is no obstacle, but counted."""
        self._device.persist = True          # luma's clearing at exit would write the whole picture; dark is enough
        try:
            self._device.hide()
            self._device.cleanup()
        except self._faults:
            self.errors += 1


def _windows(page: int, column: int, length: int) -> tuple[int, ...]:
    """SSD1306, horizontal addressing: the window is set and the pointer stands at its first octet (10.1.3 to 10.1.5)."""
    return (SET_COLUMNS, column, column + length - 1, SET_PAGES, page, page)


def _pages(page: int, column: int, length: int) -> tuple[int, ...]:
    """SH1106, page addressing: page, then the column in two nibbles."""
    column += SH1106_FIRST_COLUMN
    return (SET_PAGE | page, COLUMN_LOW | column & 15, COLUMN_HIGH | column >> 4)
