"""One measured quantity: a channel, its calibration, and perhaps a second channel that must agree; with the reason when it is unknown."""
from __future__ import annotations

from collections import deque
from typing import Mapping

from drivers.adc.calibration import Calibration, Linear, Platinum, Resistive, Thermometer, ntc_by_beta, ntc_by_points
from drivers.adc.inputs import AnalogInputs
from drivers.errors import DriverError
from kernel.record import settings_class
from kernel.settings import setting
from kernel.timer import MS

NO_SAMPLE = "no sample"          # the converter's fault, which tells its own story
DISAGREES = "disagrees"
RECENT = 64                      # readings that are remembered of two channels: a skew of 1.6 s with a reading every 25 ms


def need_gain(channel: str, gain: float, key: str) -> None:
    """A measurement without its gain would be believed and wrong: ValueError."""
    if channel and gain == 0.0:
        raise ValueError(f"has channel {channel}, but no {key}: give the quantity per volt at the pin, "
                         "for a divider (upper + lower resistor) / lower resistor")


@settings_class(slots=True)
class LinearConfig:
    """A quantity that is a straight line of the pin's volts, or not fitted."""

    channel: str = setting("", meaning="converter:pin, for example ads1x15:0; empty: not fitted")
    gain: float = setting(0.0, low=-1e6, high=1e6, meaning="quantity per volt at the pin; a divider: (upper + lower resistor) / lower resistor")
    offset: float = setting(0.0, low=-1e6, high=1e6, meaning="the quantity at 0 V")
    low: float = setting(0.0, low=-1e6, high=1e6, meaning="below this it is unknown: no such value can be")
    high: float = setting(0.0, low=-1e6, high=1e6, meaning="above this it is unknown; low and high both 0: the converter's range alone")

    def __post_init__(self) -> None:
        need_gain(self.channel, self.gain, "gain")
        if self.low > self.high:
            raise ValueError(f"has low = {self.low:g} above high = {self.high:g}")

    def calibration(self) -> Linear:
        if self.low == self.high == 0.0:
            return Linear(self.gain, self.offset)
        return Linear(self.gain, self.offset, self.low, self.high)


@settings_class(slots=True)
class CheckedConfig(LinearConfig):
    """The same with a second channel that must agree."""

    second_channel: str = setting("", meaning="converter:pin that measures the same once more, best another converter; empty: none")
    second_gain: float = setting(0.0, low=-1e6, high=1e6, meaning="as gain, of the second channel")
    second_offset: float = setting(0.0, low=-1e6, high=1e6, meaning="as offset, of the second channel")
    tolerance: float = setting(15.0, low=0, high=1000, meaning=(
        "how far the two may be apart; more is unknown"))
    skew_ms: int = setting(150, unit="ms", low=0, high=2000, meaning=(
        "one may be late by so much (sampled one after the other, filters): on a ramp it must lie within what the other had meanwhile"))

    def __post_init__(self) -> None:
        LinearConfig.__post_init__(self)
        need_gain(self.second_channel, self.second_gain, "second_gain")
        if self.second_channel and self.second_channel == self.channel:
            raise ValueError(f"has second_channel = channel = {self.channel}: a channel always agrees with itself")

    def second_calibration(self) -> Linear:
        first = self.calibration()
        return Linear(self.second_gain, self.second_offset, first.low, first.high)


@settings_class(slots=True)
class TemperatureConfig:
    """Temperature sensors of one kind, each from its pin to ground with a pull-up; the hottest counts."""

    channels: list[str] = setting([], meaning="converter:pin of each sensor; empty: none fitted")
    sensor: str = setting("pt1000", choices=("pt1000", "ntc_beta", "ntc_points", "linear"), meaning=(
        "linear: gain and offset, for sensors with a voltage output"))
    pullup_ohm: float = setting(2200.0, unit="Ohm", low=10, high=10_000_000, meaning="from the pin to reference_v")
    reference_v: float = setting(3.3, unit="V", low=0.5, high=30, meaning="at the other end of the pull-up")
    r25_ohm: float = setting(10_000.0, unit="Ohm", low=10, high=10_000_000, meaning="ntc_beta: at 25 degrees Celsius")
    beta_k: float = setting(3977.0, unit="K", low=1000, high=10_000, meaning="ntc_beta: B25/85 of the data sheet")
    points_c: list[float] = setting([], unit="C", low=-100, high=300, meaning="ntc_points: three temperatures of the data sheet's table")
    points_ohm: list[float] = setting([], unit="Ohm", low=1, high=100_000_000, meaning="ntc_points: the resistances at them")
    gain: float = setting(100.0, low=-1e6, high=1e6, meaning="linear: K per volt")
    offset: float = setting(-50.0, low=-1e6, high=1e6, meaning="linear: degrees Celsius at 0 V")
    low_c: float = setting(-45.0, unit="C", low=-100, high=300, meaning="below this the sensor is broken")
    high_c: float = setting(170.0, unit="C", low=-100, high=300, meaning="above this the sensor is broken")

    def __post_init__(self) -> None:
        if self.low_c >= self.high_c:
            raise ValueError(f"has low_c = {self.low_c:g} not below high_c = {self.high_c:g}")
        if self.sensor == "ntc_points":
            if len(self.points_c) != 3 or len(self.points_ohm) != 3:
                raise ValueError("has sensor = ntc_points, which needs three points_c and three points_ohm")
            self.calibration()
        if self.sensor == "linear":
            need_gain(", ".join(self.channels), self.gain, "gain")

    def calibration(self) -> Calibration:
        """ValueError where three points are no falling curve."""
        if self.sensor == "linear":
            return Linear(self.gain, self.offset, self.low_c, self.high_c)
        thermometer: Thermometer
        if self.sensor == "ntc_beta":
            thermometer = ntc_by_beta(self.r25_ohm, self.beta_k)
        elif self.sensor == "ntc_points":
            a, b, c = zip(self.points_c, self.points_ohm, strict=True)
            thermometer = ntc_by_points((a, b, c))
        else:
            thermometer = Platinum(1000.0)
        return Resistive(thermometer, self.pullup_ohm, self.reference_v, self.low_c, self.high_c)


class Channel:
    """One pin of one converter."""

    def __init__(self, converters: Mapping[str, AnalogInputs], name: str, calibration: Calibration, what: str) -> None:
        """`name`: converter:pin. DriverError where there is no such converter or pin."""
        which, _, pin = name.partition(":")
        inputs = converters.get(which)
        if inputs is None:
            raise DriverError(f"The {what} is to be read at {name!r}, but no converter is called {which!r}.",
                              f"Write converter:pin with one of {', '.join(converters) or 'the converters that are configured (none is)'}.")
        if pin not in inputs.channels:
            raise DriverError(f"The {what} is to be read at {name!r}, but {inputs.name} does not read pin {pin!r}.",
                              f"It reads {', '.join(inputs.channels)}: add the pin to its channels, or correct it here.")
        self._volts = inputs.volts
        self._sampled_at = inputs.sampled_at
        self._pin = pin
        self._physical = calibration.physical

    def sampled_at(self) -> int | None:
        return self._sampled_at(self._pin)

    def read(self, now: int) -> tuple[float | None, str]:
        volts = self._volts(self._pin, now)
        return (None, NO_SAMPLE) if volts is None else self._physical(volts)


class Quantity:
    """A channel, or two that must agree. `why`: the reason of the last None, "" while it is known.

    A cable check ramps with hundreds of V/s, and the two are sampled at different times: the later one lies within what the earlier one
    has passed through in the last `skew` ns. A channel that is wrong does not, as soon as the voltage stands.
    """

    def __init__(self, what: str, first: Channel, second: Channel | None = None, tolerance: float = 0.0, skew: int = 0) -> None:
        self.what = what
        self.why = ""
        self._first = first
        self._second = second
        self._tolerance = tolerance
        self._skew = skew
        self._recent: deque[tuple[int, float, float]] = deque(maxlen=RECENT)

    def read(self, now: int) -> float | None:
        value, self.why = self._first.read(now)
        if value is None or self._second is None:
            return value
        other, self.why = self._second.read(now)
        if other is None:
            return None
        if not self._agree(now, value, other):
            self.why = DISAGREES
            return None
        return value

    def sampled_at(self) -> int | None:
        """ns: of the older of both channels; None before the first sample."""
        first = self._first.sampled_at()
        second = first if self._second is None else self._second.sampled_at()
        return None if first is None or second is None else min(first, second)

    def _agree(self, now: int, value: float, other: float) -> bool:
        recent = self._recent
        recent.append((now, value, other))
        while now - recent[0][0] > self._skew:
            recent.popleft()
        if abs(value - other) <= self._tolerance:
            return True
        values, others = [v for _, v, _ in recent], [o for _, _, o in recent]
        return (min(values) - self._tolerance <= other <= max(values) + self._tolerance
                or min(others) - self._tolerance <= value <= max(others) + self._tolerance)


def checked(converters: Mapping[str, AnalogInputs], config: CheckedConfig, what: str) -> Quantity | None:
    """None where it is not fitted."""
    if not config.channel:
        return None
    second = Channel(converters, config.second_channel, config.second_calibration(), what) if config.second_channel else None
    return Quantity(what, Channel(converters, config.channel, config.calibration(), what), second, config.tolerance, config.skew_ms * MS)


def linear(converters: Mapping[str, AnalogInputs], config: LinearConfig, what: str) -> Quantity | None:
    """None where it is not fitted."""
    return Quantity(what, Channel(converters, config.channel, config.calibration(), what)) if config.channel else None


def temperatures(converters: Mapping[str, AnalogInputs], config: TemperatureConfig, what: str) -> list[Quantity]:
    """One for each sensor, numbered as in the settings."""
    calibration = config.calibration()
    return [Quantity(f"{what} {n}", Channel(converters, name, calibration, f"{what} {n}")) for n, name in enumerate(config.channels, 1)]
