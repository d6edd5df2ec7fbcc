"""MCP3208 (Microchip, data sheet DS21298) through spidev: one channel per turn, three octets.

Framing of section 6.1 and the boards sheet, section 3: start bit, single-ended or differential, three bits of the channel; then the
chip drives a null bit and 12 bits. A line that nothing drives and that a pull-up holds reads ones: the null bit shows it. A line
that is held low reads as 0 V at all channels: a witness channel shows that (InputsConfig).
"""
from __future__ import annotations

import errno
from typing import Any

from drivers.adc.inputs import InputsConfig, PolledInputs
from drivers.errors import DriverError
from kernel.record import settings_class
from kernel.settings import setting
from kernel.timer import MS

START, SELECT = 10, 6        # bits of the first two octets: the start bit, and the lowest of SGL/DIFF, D2, D1, D0
SINGLE = 8
NULL_BIT = 0x10
FULL = 4095
CHANNELS = {str(n): SINGLE | n for n in range(8)} | {
    "0-1": 0, "1-0": 1, "2-3": 2, "3-2": 3, "4-5": 4, "5-4": 5, "6-7": 6, "7-6": 7}
"""SGL/DIFF, D2, D1, D0 (table 5-2). Differential: what is below 0 reads 0."""
GONE = (errno.ENODEV, errno.ENOENT, errno.EBADF, errno.ESHUTDOWN)


@settings_class(slots=True)
class Mcp3208Config(InputsConfig):
    """Section `mcp3208` of the configuration: an MCP3208 (or MCP3204 with channels 0 to 3) on SPI."""

    spi_bus: int = setting(0, low=0, high=9, meaning="/dev/spidevBUS.SELECT")
    spi_select: int = setting(0, low=0, high=9, meaning="chip select")
    clock_hz: int = setting(1_000_000, unit="Hz", low=10_000, high=2_000_000, meaning="at most 1 MHz at 2.7 V, 2 MHz at 5 V")
    reference_v: float = setting(3.3, unit="V", low=0.25, high=5.5, meaning="voltage at VREF")
    period_ms: int = setting(10, unit="ms", low=1, high=1000, meaning="one channel is read every so often")

    def contradiction(self) -> str:
        problem = InputsConfig.contradiction(self)
        if problem:
            return problem
        for channel in self.channels:
            if channel not in CHANNELS:
                return f"has channel {channel}; this chip has {', '.join(CHANNELS)}"
        return too_slow(self, self.period_ms)


def too_slow(config: InputsConfig, period_ms: int) -> str:
    """"" when a round of the channels, one each `period_ms`, keeps the bound of age and fills the filter."""
    scan = period_ms * max(1, len(config.channels))
    if scan > config.max_age_ms:
        return f"has max_age_ms = {config.max_age_ms}; one round of the channels takes {scan} ms: a shorter period_ms, fewer channels, or more age"
    if config.filter == "median" and 2 * scan > config.filter_ms:
        return f"has filter = median with filter_ms = {config.filter_ms}; three samples of a channel take {2 * scan} ms, never less"
    return ""


class Mcp3208(PolledInputs):
    """AnalogInputs of one chip. A turn is one transfer of 24 bits: 24 us at 1 MHz."""

    def __init__(self, config: Mcp3208Config, spi: Any | None = None) -> None:
        """`spi`: an object with spidev's xfer2 and close (tests). DriverError without channels or where the device cannot be opened."""
        super().__init__(f"MCP3208 at spidev{config.spi_bus}.{config.spi_select}", config)
        if not config.channels:
            raise DriverError(f"{self.name} has no channels to read.", "Name the wired pins in its channels, for example [\"0\", \"1\"].")
        self._config = config
        self._frames = [_frame(CHANNELS[channel]) for channel in config.channels]
        self._volts = config.reference_v / (FULL + 1)
        self._period = config.period_ms * MS
        self._index = 0
        self._spi: Any | None = spi
        self._given = spi
        if spi is None:
            try:
                self._spi = self._open()
            except ImportError as error:
                raise DriverError(f"{self.name} needs spidev, which cannot be imported ({error}).",
                                  "Install it: apt install python3-spidev, or pip install spidev.") from error
            except OSError as error:
                raise DriverError(f"{self.name} cannot be opened: {error.strerror or error}.",
                                  "Enable SPI (Raspberry Pi: dtparam=spi=on), join the group spi, or correct spi_bus and spi_select.") from error

    def _open(self) -> Any:
        import spidev
        spi = spidev.SpiDev()
        spi.open(self._config.spi_bus, self._config.spi_select)
        spi.max_speed_hz = self._config.clock_hz
        spi.mode = 0
        return spi

    def _turn(self, now: int) -> int:
        try:
            if self._spi is None:
                self._spi = self._given or self._open()
            answer = self._spi.xfer2(list(self._frames[self._index]))
        except OSError as error:
            if error.errno in GONE:
                self._release()
            return self._failed(now, "SPI error", f"{self.name}: {error.strerror or error}; see the kernel's messages (dmesg).")
        if len(answer) != 3 or answer[1] & NULL_BIT:
            return self._failed(now, "no answer", f"{self.name} does not drive its data line (came: {bytes(answer[:8]).hex(' ')}): "
                                "check supply, DOUT to MISO, chip select, and that the clock is not too fast.")
        counts = (answer[1] & 0x0F) << 8 | answer[2]
        self._tracks[self.channels[self._index]].put(now, counts, None if counts >= FULL else counts * self._volts)
        self._answered(now)
        self._index = (self._index + 1) % len(self._frames)
        return now + self._period

    def _release(self) -> None:
        spi, self._spi = self._spi, None
        try:
            if spi is not None:
                spi.close()
        except OSError:
            self.errors += 1

    def close(self) -> None:
        """The device is closed."""
        self._release()


def _frame(select: int) -> bytes:
    """Start bit and four bits of the input, placed so that the 12 bits of the answer end with the third octet."""
    word = 1 << START | select << SELECT
    return bytes((word >> 8, word & 255, 0))
