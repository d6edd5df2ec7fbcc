"""Analog inputs: volts at a converter's pin with an age, a fault in a few words, and turns that never wait.

`PolledInputs` is what all converters here share: the newest sample of each channel, its filter and its bound of age, the way a fault
is told, the back-off after it, and the witness channel. A converter adds `_turn`: one short piece of work on its bus.
"""
from __future__ import annotations

from typing import Protocol

from drivers.adc import filters
from kernel.record import settings_class
from kernel.settings import setting
from kernel.timer import MS, Backoff, S

FIRST_RETRY = 20 * MS        # two ticks: a disturbed transfer is repeated soon
LAST_RETRY = 1 * S           # a missing chip costs one failed transfer a second
TOLD_AFTER = 2               # failures in a row until the display hears of it: one disturbed transfer is counted only
TURN_WITHIN = 1 * S          # a polled device wants its next turn at the latest then


class AnalogInputs(Protocol):
    """A converter's channels, named as in its settings ("0", or "0-1" between two pins). Also `Polled`: it needs turns."""

    name: str
    fault: str
    remedy: str
    errors: int
    channels: tuple[str, ...]

    def run(self, now: int) -> int: ...

    def volts(self, channel: str, now: int) -> float | None:
        """V at the pin; None when no sample is younger than the bound, when it is off the range, or when the witness is wrong."""
        ...

    def sampled_at(self, channel: str) -> int | None:
        """ns: when the newest sample was taken; None before the first."""
        ...

    def raw(self, channel: str) -> int | None:
        """Counts of the newest sample whatever its age and filter, for a person at the workbench."""
        ...

    def close(self) -> None: ...


@settings_class(slots=True)
class InputsConfig:
    """What every converter's section has."""

    channels: list[str] = setting([], meaning="pins that are read in turn: \"0\", \"1\"; \"0-1\" is the voltage between two of them")
    max_age_ms: int = setting(100, unit="ms", low=20, high=5000, meaning="a sample that is older is unknown; the pilot and the inlet voltage want 100")
    filter: str = setting("none", choices=("none", "median", "exponential"), meaning=(
        "median: the middle one of three samples, hides one wild sample, one sample late; exponential: low pass"))
    filter_ms: int = setting(100, unit="ms", low=1, high=5000, meaning=(
        "median: the three samples lie within it, leave room for late ticks; exponential: time constant, a step is seen to 95 % after three of them"))
    witness_channel: str = setting("", meaning=(
        "a pin with a known voltage (a reference, the supply over a divider): while it reads wrong nothing of this converter is believed"))
    witness_v: float = setting(0.0, unit="V", low=-10, high=10, meaning="what the witness reads")
    witness_tolerance_v: float = setting(0.1, unit="V", low=0.001, high=10, meaning="how far the witness may be off")

    def __post_init__(self) -> None:
        problem = self.contradiction()
        if problem:
            raise ValueError(problem)

    def contradiction(self) -> str:
        """What two keys make impossible together; "" when nothing."""
        if len(set(self.channels)) != len(self.channels):
            return f"has a channel twice in channels = {self.channels}; name each once"
        if self.witness_channel and self.witness_channel not in self.channels:
            return f"has witness_channel = {self.witness_channel}, which is not in channels = {self.channels}; add it there"
        return ""


class Track:
    """One channel: its newest sample and what the filter makes of it."""

    __slots__ = ("at", "counts", "value", "off_range", "_filter")

    def __init__(self, filter: filters.Filter) -> None:
        self.at: int | None = None          # when the newest sample was taken, ns
        self.counts: int | None = None
        self.value: float | None = None     # V, filtered
        self.off_range = False
        self._filter = filter

    def put(self, at: int, counts: int, volts: float | None) -> None:
        """A new sample; `volts` None: the converter is at its end, the pin has this voltage or more."""
        self.at, self.counts = at, counts
        self.off_range = volts is None
        if volts is None:
            self._filter.forget()
            self.value = None
        else:
            self.value = self._filter.put(at, volts)


class PolledInputs:
    """Base of the converters. `failures`: in a row; `recoveries`: how often it answered again."""

    def __init__(self, name: str, config: InputsConfig) -> None:
        self.name = name
        self.channels = tuple(config.channels)
        self.fault = ""
        self.remedy = ""
        self.errors = 0
        self.failures = 0
        self.recoveries = 0
        bound = config.max_age_ms * MS
        self._bound = bound
        self._tracks = {channel: Track(filters.make(config.filter, config.filter_ms * MS, bound)) for channel in config.channels}
        self._witness = self._tracks.get(config.witness_channel)
        self._witness_at = config.witness_v
        self._witness_tolerance = config.witness_tolerance_v
        self._backoff = Backoff(FIRST_RETRY, LAST_RETRY)
        self._due = 0

    def run(self, now: int) -> int:
        """One turn when it is due, else nothing; returns when the next one is wanted."""
        if now >= self._due:
            self._due = min(self._turn(now), now + TURN_WITHIN)
        return self._due

    def _turn(self, now: int) -> int:
        """One short piece of work; returns when the next is due. Never raises."""
        return now + TURN_WITHIN

    def volts(self, channel: str, now: int) -> float | None:
        """V at the pin, None when unknown (see AnalogInputs)."""
        track = self._tracks.get(channel)
        if track is None:
            self.errors += 1
            return None
        if self._witness is not None and not self._true_to_witness(now):
            return None
        return self._fresh(track, now)

    def raw(self, channel: str) -> int | None:
        """Counts of the newest sample, None before the first."""
        track = self._tracks.get(channel)
        return None if track is None else track.counts

    def sampled_at(self, channel: str) -> int | None:
        """When the newest sample was taken, ns; None before the first. For a person at the workbench."""
        track = self._tracks.get(channel)
        return None if track is None else track.at

    def off_range(self, channel: str) -> bool:
        """True when the newest sample was at the end of the converter's range."""
        track = self._tracks.get(channel)
        return track is not None and track.off_range

    def _fresh(self, track: Track | None, now: int) -> float | None:
        return track.value if track is not None and track.at is not None and now - track.at <= self._bound else None

    def _true_to_witness(self, now: int) -> bool:
        value = self._fresh(self._witness, now)
        return value is not None and abs(value - self._witness_at) <= self._witness_tolerance

    def _failed(self, now: int, what: str, remedy: str, at_once: bool = False) -> int:
        """Count a failure and tell it when it is not the only one; when the next try is due."""
        self.errors += 1
        self.failures += 1
        if at_once or self.failures >= TOLD_AFTER or self.fault:
            self.fault, self.remedy = f"ADC: {what}", remedy
        return now + self._backoff.failed()

    def _answered(self, now: int) -> None:
        """A good sample: no fault but those that lie in the samples themselves."""
        if self.failures:
            self.failures = 0
            self.recoveries += 1
            self._backoff.succeeded()
        self.fault = self.remedy = ""
        for channel, track in self._tracks.items():
            if track.off_range:
                self.fault = f"ADC: {channel} off range" if len(channel) <= 4 else f"ADC: {channel[:8]} range"
                self.remedy = (f"Input {channel} of {self.name} is at the end of its range: check its divider, "
                               "and the range (full scale, reference) in the settings.")
                return
        witness = self._witness
        if witness is not None and self._fresh(witness, now) is not None and not self._true_to_witness(now):
            self.fault = "ADC: witness wrong"
            self.remedy = (f"The witness of {self.name} reads {witness.value:.3f} V and not {self._witness_at:g} V: "
                           "check reference, supply and data line; nothing of this converter is believed.")
