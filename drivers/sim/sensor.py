"""What can be wrong with a simulated measurement: it fails, it freezes, it is noisy."""
from __future__ import annotations

from typing import Callable, Protocol


RESOLUTION = 0.1           # V, A, K: about three codes of an ADS1115 that measures 1000 V single-ended (15 bit)


class Random(Protocol):
    """The part of random.Random that noise needs; seeded by whoever constructs it."""

    def gauss(self, mu: float, sigma: float) -> float: ...


class Sensor:
    """Base of the simulated measuring drivers. Faults: `failed` (reads None, counted), `frozen` (keeps its last value).

    `offset` and `noise` (standard deviation, only with an rng) are added to voltages. `distorted`: single quantities that
    read something else. Readings come in steps of `resolution`, as those of every converter do.
    """

    def __init__(self, rng: Random | None = None, noise: float = 0.0, resolution: float = RESOLUTION) -> None:
        self.errors = 0
        self.failed = False
        self.frozen = False
        self.offset = 0.0
        self._rng = rng
        self._noise = noise if rng is not None else 0.0
        self._steps = 1.0 / resolution
        self._last: dict[str, float | None] = {}
        self.distorted: dict[str, Callable[[float], float | None]] = {}
        self._plain = True
        self.set_faults()

    def set_faults(self, failed: bool = False, frozen: bool = False, offset: float = 0.0) -> None:
        """All faults at once; without arguments the sensor is sound again."""
        self.failed, self.frozen, self.offset = failed, frozen, offset
        self.distorted.clear()
        self._plain = not (failed or frozen or offset or self._noise)

    def distort(self, quantity: str, reading: Callable[[float], float | None]) -> None:
        """One quantity (voltage, current, temperature, supply, isolation) reads what `reading` makes of its value, be it no number; None is counted."""
        self.distorted[quantity] = reading
        self._plain = False

    def _disturbed(self, name: str, value: float, offset: float = 0.0, noise: float = 0.0) -> float | None:
        """`value` as the faults let it through, in steps of the resolution; callers may take the step themselves while `_plain`."""
        if self.failed:
            self.errors += 1
            return None
        if self.frozen and name in self._last:
            return self._last[name]
        value += offset
        if noise:
            value += self._rng.gauss(0.0, noise)
        value = round(value * self._steps) / self._steps
        if name in self.distorted:
            value = self.distorted[name](value)
            self.errors += value is None
        self._last[name] = value
        return value
