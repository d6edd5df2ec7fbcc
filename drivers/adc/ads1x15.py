"""ADS1115 and ADS1015 (Texas Instruments, data sheets SBAS444 and SBAS473) through smbus2, without ever waiting for a conversion.

split: one turn starts a conversion, a later one collects it and starts the next channel's; the OS bit says whether it has ended.
continuous: one channel, the chip converts by itself and a turn fetches the newest result.

A chip that lost its supply for a moment wakes up with its config register at 0x8583 and its result at 0. So each result is believed
only while the config register says what was written: split reads it before the result (and again after a result of 0),
continuous after it.
"""
from __future__ import annotations

from typing import Any

from drivers.adc.inputs import InputsConfig, PolledInputs
from drivers.errors import DriverError
from drivers.i2c import I2cChip, explain
from kernel.record import settings_class
from kernel.settings import setting
from kernel.timer import MS, S, US

RESULT, CONFIG = 0, 1                    # registers; 2 and 3 are the comparator's, which stays off
OS = 0x8000                              # written 1: start; read 1: no conversion is running
SINGLE_SHOT = 0x0100
COMPARATOR_OFF = 0x0003
AFTER_RESET = 0x8583
MULTIPLEXER = {"0-1": 0, "0-3": 1, "1-3": 2, "2-3": 3, "0": 4, "1": 5, "2": 6, "3": 7}
GAIN = {6.144: 0, 4.096: 1, 2.048: 2, 1.024: 3, 0.512: 4, 0.256: 5}       # full scale in V
RATES = {"ads1115": (8, 16, 32, 64, 128, 250, 475, 860), "ads1015": (128, 250, 490, 920, 1600, 2400, 3300)}
SATURATED = 0x7FF0                       # the 12 bits of an ADS1015 stand in the upper ones: 0x7FF is its end; costs an ADS1115 0.05 %
OVER_SUPPLY_V = 0.05                     # above the supply the input's protection conducts at 0.3 V: what is read is too little
WAKE_UP = 50 * US                        # from power-down: 25 us typically, no limit given
STALL_AFTER = 4                          # conversion times without the OS bit: an ADS1115 that was taken for an ADS1015 is slower still
STALL_LEAST = 20 * MS


@settings_class(slots=True)
class Ads1x15Config(InputsConfig):
    """Section `ads1x15` of the configuration: an ADS1115 or ADS1015 on I2C."""

    chip: str = setting("ads1115", choices=("ads1115", "ads1015"), meaning="16 bits up to 860 samples/s, or 12 bits up to 3300")
    i2c_bus: int = setting(1, low=0, high=32, meaning="`i2cdetect -y N` shows the chip")
    i2c_address: int = setting(72, low=72, high=75, meaning="72 (0x48) with ADDR at GND, 73 at VDD, 74 at SDA, 75 at SCL")
    mode: str = setting("split", choices=("split", "continuous"), meaning="split: several channels in turn; continuous: one channel")
    rate_sps: int = setting(860, low=8, high=3300, meaning="ads1115: 8 16 32 64 128 250 475 860; ads1015: 128 250 490 920 1600 2400 3300 samples/s")
    full_scale_v: list[float] = setting([4.096], unit="V", low=0.256, high=6.144, meaning=(
        "6.144 4.096 2.048 1.024 0.512 0.256; one for all channels, or one for each"))
    supply_v: float = setting(3.3, unit="V", low=2.0, high=5.5, meaning="the chip's VDD; a pin above it is unknown")

    def contradiction(self) -> str:
        # dataclass(slots=True) makes a new class: super() without arguments would look into the old one
        problem = InputsConfig.contradiction(self)
        if problem:
            return problem
        for channel in self.channels:
            if channel not in MULTIPLEXER:
                return f"has channel {channel}; this chip has {', '.join(MULTIPLEXER)}"
        if self.rate_sps not in RATES[self.chip]:
            return f"has rate_sps = {self.rate_sps}; an {self.chip} has {', '.join(map(str, RATES[self.chip]))}"
        for volts in self.full_scale_v:
            if volts not in GAIN:
                return f"has full_scale_v {volts:g}; this chip has {', '.join(map(str, GAIN))}"
        if len(self.full_scale_v) not in (1, len(self.channels)) and self.channels:
            return f"has {len(self.full_scale_v)} values in full_scale_v for {len(self.channels)} channels; give one for all or one for each"
        if self.mode == "continuous" and len(self.channels) > 1:
            return f"has mode = continuous with {len(self.channels)} channels; continuous measures one, use split"
        scan = self.scan_ns() // MS + 1
        if self.filter == "median" and 2 * scan > self.filter_ms:
            return f"has filter = median with filter_ms = {self.filter_ms}; three samples of a channel take {2 * scan} ms, never less"
        if scan > self.max_age_ms:
            return f"has max_age_ms = {self.max_age_ms}; one round of the channels takes {scan} ms: a faster rate_sps, fewer channels, or more age"
        return ""

    def conversion_ns(self) -> int:
        """The longest conversion: the rate is within 10 % (both data sheets), and the wake-up."""
        return S * 10 // (9 * self.rate_sps) + WAKE_UP

    def scan_ns(self) -> int:
        """One round of all channels with turns in a tick of 10 ms; in continuous mode the age that a sample has from the start."""
        if self.mode == "continuous":
            return 2 * self.conversion_ns() + 10 * MS
        turn = -(-self.conversion_ns() // (10 * MS)) * 10 * MS
        return turn * max(1, len(self.channels))


class Ads1x15(PolledInputs):
    """AnalogInputs of one chip. A turn moves at most 19 octets (split; 10 in continuous mode): 1.8 ms at 100 kHz, 0.45 ms at 400 kHz."""

    def __init__(self, config: Ads1x15Config, bus: Any | None = None) -> None:
        """`bus`: an object with smbus2's i2c_rdwr and close (tests). DriverError without channels or where the bus cannot be opened.

        A chip that does not answer is no DriverError: it is a fault, and asked again.
        """
        super().__init__(f"{config.chip.upper()} at 0x{config.i2c_address:02X} of I2C bus {config.i2c_bus}", config)
        if not config.channels:
            raise DriverError(f"{self.name} has no channels to read.", "Name the wired pins in its channels, for example [\"0\", \"1\"].")
        self._supply = config.supply_v + OVER_SUPPLY_V
        self._conversion = config.conversion_ns()
        self._stall = max(STALL_AFTER * self._conversion, STALL_LEAST)
        self._continuous = config.mode == "continuous"
        scales = config.full_scale_v * (len(config.channels) if len(config.full_scale_v) == 1 else 1)
        rate = RATES[config.chip].index(config.rate_sps)
        mode = 0 if self._continuous else SINGLE_SHOT
        self._words = [MULTIPLEXER[channel] << 12 | GAIN[volts] << 9 | mode | rate << 5 | COMPARATOR_OFF
                       for channel, volts in zip(config.channels, scales, strict=True)]
        self._volts = [volts / 32768 for volts in scales]
        self._chip = I2cChip(config.i2c_bus, config.i2c_address, bus)
        self._index = 0                          # of the channel that is converted now
        self._started: int | None = None         # when its conversion was started; None: none is running that can be believed

    def _turn(self, now: int) -> int:
        try:
            if self._started is None:
                return self._start(now)
            if self._continuous:
                return self._fetch(now)
            return self._collect(now, self._started)
        except OSError as error:
            self._started = None
            self._chip.reopen_after(error)
            return self._failed(now, *explain(error, self._chip.number, self._chip.address))

    def _start(self, now: int) -> int:
        """Four octets. Continuous mode: the conversion that is running ends with the old settings, so the first result is the second one's."""
        word = self._words[self._index]
        self._chip.write(bytes((CONFIG, (OS | word) >> 8, word & 255)))
        self._started = now
        return now + self._conversion * (2 if self._continuous else 1)

    def _collect(self, now: int, started: int) -> int:
        """Ten octets (15 after a 0), and four for the next start."""
        chip = self._chip
        config = chip.read_word(CONFIG)
        if config & ~OS != self._words[self._index]:
            return self._restarted(now, config)
        if not config & OS:
            if now - started <= self._stall:
                return now + self._conversion
            self._started = None
            return self._failed(now, "stalled", f"{self.name} begins conversions and does not end them: it is damaged or its supply is too low.")
        result = chip.read_word(RESULT)
        if not result:
            config = chip.read_word(CONFIG)
            if config & ~OS != self._words[self._index]:
                return self._restarted(now, config)
        self._store(started, result)
        self._index = (self._index + 1) % len(self._words)
        self._started = None
        return self._start(now)

    def _fetch(self, now: int) -> int:
        """Ten octets; the newest result ended at most one conversion ago, and began one before that."""
        result = self._chip.read_word(RESULT)
        config = self._chip.read_word(CONFIG)
        if config & ~OS != self._words[self._index]:
            return self._restarted(now, config)
        self._store(now - 2 * self._conversion, result)
        return now + self._conversion

    def _store(self, at: int, result: int) -> None:
        counts = result - 0x10000 if result & 0x8000 else result
        volts = counts * self._volts[self._index]
        beyond = counts >= SATURATED or counts <= -SATURATED or abs(volts) > self._supply
        self._tracks[self.channels[self._index]].put(at, counts, None if beyond else volts)
        self._answered(at)

    def _restarted(self, now: int, config: int) -> int:
        self._started = None
        if config == AFTER_RESET:
            return self._failed(now, "restarted", f"{self.name} lost its settings as after a loss of supply: check its supply and its plug.", at_once=True)
        return self._failed(now, "wrong config", f"{self.name} has its config register at 0x{config:04X} and not 0x{self._words[self._index]:04X}: "
                            "another program uses it, another chip has this address, or the cable is disturbed.")

    def close(self) -> None:
        """The bus is closed; a chip in continuous mode goes on converting."""
        self._chip.close()
