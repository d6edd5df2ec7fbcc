"""A measured value on its way into a signal: what is impossible becomes unknown and is counted."""
from __future__ import annotations

from kernel.channels import Signal, Writer


class Reading:
    """One measured quantity: writes the signal, None when the value is outside the signal's range or not finite."""

    __slots__ = ("_signal", "_write", "_low", "_high", "refused")

    def __init__(self, signal: Signal[float], writer: str) -> None:
        self._signal = signal
        self._write: Writer[float] = signal.claim(writer)
        if signal.low is None or signal.high is None:
            raise ValueError(f"signal {signal.name} is measured but declares no range")
        self._low = signal.low
        self._high = signal.high
        self.refused = 0

    def put(self, value: float | None, now: int) -> None:
        if value == self._signal.value and value is not None:              # it was in range then
            self._signal.at = now
            return
        if value is not None and not self._low <= value <= self._high:     # also NaN
            self.refused += 1
            value = None
        self._write.set(value, now)
