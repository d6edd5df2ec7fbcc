"""PilotMonitor over a converter: the peak voltage of the control pilot, as a peak detector of the board brings it to a pin, and its duty by the mean.

The pilot stands at its peak for the duty and at the low level for the rest of each millisecond: mean = duty * peak + (1 - duty) * low. A low-pass of
10 ms and more at a second pin gives the mean; 0.2 V of error are 1 % of duty, so 5 % are told from nothing and from 10 %, and no current is derived.
"""
from __future__ import annotations

from typing import Callable, Mapping

from drivers.adc.calibration import Linear
from drivers.adc.inputs import AnalogInputs
from drivers.adc.instrument import Instrument
from drivers.adc.quantity import Channel, need_gain
from drivers.interfaces import PilotReading, PilotState
from kernel.record import settings_class
from kernel.settings import setting

WINDOWS = (
    # state, accept window in V at the positive level (slac-and-network sheet, section 3)
    (PilotState.A, 11.0, 13.0), (PilotState.B, 8.0, 10.0), (PilotState.C, 5.0, 7.0), (PilotState.D, 2.0, 4.0), (PilotState.E, -1.0, 1.0),
    (PilotState.F, -13.0, -11.0))
STEADY_V = 0.5               # V between peak and mean: no PWM (2.4 % of the swing at +9 V)
WITHOUT_PWM = (PilotState.E, PilotState.F)       # a duty there would be noise's


@settings_class(slots=True)
class AnalogPilotConfig:
    """Section `BOARD.measuring.pilot` (`focccicape.pilot`): where the control pilot's peak voltage is measured."""

    channel: str = setting("", meaning="converter:pin, for example ads1x15:1; empty: not fitted")
    gain: float = setting(0.0, low=-1e3, high=1e3, meaning="V of the pilot per volt at the pin")
    offset: float = setting(0.0, low=-1e3, high=1e3, meaning="V of the pilot at 0 V of the pin; state F (-12 V) needs a circuit that shifts it into the range")
    hysteresis_v: float = setting(0.3, unit="V", low=0, high=0.5, meaning="a state ends so far outside its window (8 to 10 V for B), not at its edge")

    mean_channel: str = setting("", meaning="converter:pin of the pilot's mean behind a low-pass of 10 ms or more, which tells the duty; empty: not fitted")
    mean_gain: float = setting(0.0, low=-1e3, high=1e3, meaning="V of the mean per volt at the pin")
    mean_offset: float = setting(0.0, low=-1e3, high=1e3, meaning="V of the mean at 0 V of the pin; the mean of 5 % is about -11 V")
    low_v: float = setting(-12.0, unit="V", low=-13, high=-10, meaning="the pilot's low level as this board sees it; measure it at 5 %, it decides the duty")

    def __post_init__(self) -> None:
        need_gain(self.channel, self.gain, "gain")
        need_gain(self.mean_channel, self.mean_gain, "mean_gain")


class AnalogPilotMonitor(Instrument):
    """PilotMonitor. Between two windows the state is unknown, which is counted.

    `duty`: percent of the PWM by whoever can measure it (a timer input, another board); without it by the mean, where that is fitted, else None.
    `voltage`: of the last reading.
    """

    def __init__(self, config: AnalogPilotConfig, converters: Mapping[str, AnalogInputs], duty: Callable[[int], float | None] | None = None) -> None:
        """`converters` by the names that the settings use. DriverError where one of them or a pin is missing."""
        super().__init__("control pilot")
        self.voltage: float | None = None
        self._channel = Channel(converters, config.channel, Linear(config.gain, config.offset), "control pilot")
        self._hysteresis = config.hysteresis_v
        self._mean = Channel(converters, config.mean_channel, Linear(config.mean_gain, config.mean_offset), "pilot's mean") if config.mean_channel else None
        self._low = config.low_v
        self._duty = duty if duty is not None else self._duty_by_mean if self._mean is not None else None
        self._state: PilotState | None = None

    def read(self, now: int) -> PilotReading | None:
        self.voltage, _ = self._channel.read(now)
        state = self._state = None if self.voltage is None else self._judge(self.voltage)
        if state is None:
            self.errors += 1
            return None
        return PilotReading(state, None if self._duty is None or state in WITHOUT_PWM else self._duty(now))

    def _duty_by_mean(self, now: int) -> float | None:
        """Percent; None where mean and peak do not belong together."""
        peak, mean = self.voltage, None if self._mean is None else self._mean.read(now)[0]
        if peak is None or mean is None:
            return None
        if abs(peak - mean) <= STEADY_V:
            return 100.0
        duty = 100.0 * (mean - self._low) / (peak - self._low)
        return duty if 0.0 <= duty <= 100.0 else None

    def _story(self, now: int) -> tuple[str, str, str]:
        volts, _ = self._channel.read(now)
        if volts is None or self._judge(volts) is not None:
            return "", "", ""
        return "between", f"CP: {volts:.1f} V", (
            f"The control pilot has {volts:.1f} V, which is none of +12, +9, +6, +3, 0 and -12 V: check gain and offset in the board's section `pilot` "
            "(measuring.pilot, focccicape.pilot), the peak detector, and the resistors at the pilot.")

    def _judge(self, volts: float) -> PilotState | None:
        for state, low, high in WINDOWS:
            slack = self._hysteresis if state is self._state else 0.0
            if low - slack <= volts <= high + slack:
                return state
        return None
