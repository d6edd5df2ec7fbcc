"""The demonstration box at its pins: transformers in series behind a diode, a capacitor, a car's battery behind its contactors."""
from __future__ import annotations

from drivers.focccicape.didebo import WEIGHTS


class Pin:
    """An output with its history; `refuses` as a pin that another program holds."""

    def __init__(self) -> None:
        self.on = False
        self.refuses = False
        self.history: list[bool] = []
        self.changed = lambda: None

    def put(self, on: bool) -> bool:
        if self.refuses:
            return False
        self.on = on
        self.history.append(on)
        self.changed()
        return True


class Box:
    """`highest` is the greatest sum that ever stood. The output follows at once; `short`: nothing stands; `battery`: V behind closed contactors."""

    def __init__(self) -> None:
        self.weights = tuple(Pin() for _ in WEIGHTS)
        self.load = Pin()
        self.highest = 0.0
        self.scale = 1.0
        self.short = False
        self.battery: float | None = None
        self.dead = False
        self.wire_broken = False
        for pin in self.weights:
            pin.changed = self._see

    def _see(self) -> None:
        self.highest = max(self.highest, self.sum)

    @property
    def sum(self) -> float:
        return sum(weight for (weight, _), pin in zip(WEIGHTS, self.weights) if pin.on)

    @property
    def output(self) -> float:
        return 0.0 if self.short else self.sum * self.scale if self.battery is None else max(self.battery, self.sum)

    def volts(self, channel: str, now: int) -> float | None:
        """At the converter's pin: 0.510 V and 1 V for each 386 V, within 0 to 1.8 V."""
        assert channel == "AIN1"
        return None if self.dead else 0.0 if self.wire_broken else min(1.8, self.output / 386 + 0.510)
