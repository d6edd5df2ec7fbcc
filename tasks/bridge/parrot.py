"""Tells a charger that measures from one that only repeats what it was asked for (chademo sheet 3.6: cheap dischargers)."""
from __future__ import annotations

LOOKS = 4                    # reports in a row that are exactly what was asked before
SAME = 0.05                  # V


class Parrot:
    """Looks at each report of a session; `repeats` once all of them were the last target."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self._same = 0
        self._at = -1
        self._broken = False

    def look(self, asked: float | None, present: float | None, at: int) -> None:
        """`asked`: EVTargetVoltage. `present`: EVSEPresentVoltage, reported at `at` ns."""
        if asked is None or present is None or at == self._at:
            return
        self._at = at
        if abs(asked - present) > SAME:
            self._broken = True
        else:
            self._same += 1

    @property
    def repeats(self) -> bool:
        return not self._broken and self._same >= LOOKS
