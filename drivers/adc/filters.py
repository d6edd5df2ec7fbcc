"""Filters over samples with times: what they hide, and the delay that they cost. Pure; time in ns.

Every filter answers None until it knows enough, and forgets what lies further back than `gap`: after an outage nothing old is mixed in.
"""
from __future__ import annotations

import math
from collections import deque
from typing import Protocol


class Filter(Protocol):
    """One channel's filter."""

    def put(self, at: int, volts: float) -> float | None:
        """The filtered value after a sample that was taken at `at`; None while it is not known yet."""
        ...

    def forget(self) -> None: ...


class Plain:
    """No filter: each sample counts by itself. No delay."""

    def put(self, at: int, volts: float) -> float | None:
        return volts

    def forget(self) -> None:
        return


class Median:
    """The middle one of the newest three samples, which must all lie within `window` ns; one wild sample is never seen.

    Delay: a step shows with the second sample after it, a ramp one sample period late. Nothing is known before the third sample.
    """

    def __init__(self, window: int) -> None:
        self._window = window
        self._samples: deque[tuple[int, float]] = deque(maxlen=3)

    def put(self, at: int, volts: float) -> float | None:
        samples = self._samples
        samples.append((at, volts))
        if len(samples) < 3 or at - samples[0][0] > self._window:
            return None
        return sorted(volts for _, volts in samples)[1]

    def forget(self) -> None:
        self._samples.clear()


class Exponential:
    """First-order low pass with the time constant `constant` ns, whatever the distance of the samples.

    Delay: a step is seen to 63 % after `constant` and to 95 % after three of them; a ramp is `constant` late.
    """

    def __init__(self, constant: int, gap: int) -> None:
        self._constant = constant
        self._gap = gap
        self._at: int | None = None
        self._value = 0.0

    def put(self, at: int, volts: float) -> float | None:
        if self._at is None or at - self._at > self._gap:
            self._value = volts
        else:
            self._value += (volts - self._value) * -math.expm1(-(at - self._at) / self._constant)
        self._at = at
        return self._value

    def forget(self) -> None:
        self._at = None


def make(kind: str, time: int, gap: int) -> Filter:
    """`kind` of the setting: none, median, exponential; `time` its window or time constant in ns, `gap` the bound of a sample's age."""
    if kind == "median":
        return Median(time)
    return Exponential(time, gap) if kind == "exponential" else Plain()
