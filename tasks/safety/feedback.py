"""Contactors or a lock without an auxiliary contact: the position is assumed from the command after the travel time."""
from __future__ import annotations


class Assumed:
    """Wraps a driver that has no feedback; None until the first command, during the travel, and while the driver has lost what it was told.

    `lost` is an optional attribute of the driver: True from the loss of its device until the next command has been taken.
    """

    def __init__(self, inner, travel: int) -> None:
        """`travel` in ns. `inner` is anything with `set_closed` or `set_locked`."""
        self._inner = inner
        self._travel = travel
        self._commanded: bool | None = None
        self._at = 0

    @property
    def errors(self) -> int:
        return self._inner.errors

    def set_closed(self, closed: bool, now: int) -> bool:
        return self._note(closed, self._inner.set_closed(closed, now), now)

    def set_locked(self, locked: bool, now: int) -> bool:
        return self._note(locked, self._inner.set_locked(locked, now), now)

    def _note(self, on: bool, done: bool, now: int) -> bool:
        if done and on != self._commanded:
            self._commanded, self._at = on, now
        return done

    def feedback(self, now: int) -> bool | None:
        if self._commanded is None or now - self._at < self._travel or getattr(self._inner, "lost", False):
            return None
        return self._commanded
