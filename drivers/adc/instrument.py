"""What the instruments over analog inputs share: a look at themselves now and then, so that a broken sensor is told and not only missing."""
from __future__ import annotations

from kernel.timer import MS

LOOK_EVERY = 50 * MS         # as often as tasks/sense reads
IN_A_ROW = 6                 # looks that must find the same: on a ramp two channels disagree for a moment, a pilot passes between windows


class Instrument:
    """`errors` counts unknown readings of what is fitted. Polled: `run` moves nothing on any bus."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.fault = ""
        self.remedy = ""
        self.errors = 0
        self._found = ("", 0)
        self._due = 0

    def run(self, now: int) -> int:
        """Look when it is time; returns when the next look is wanted. A converter that is silent tells that itself."""
        if now < self._due:
            return self._due
        self._due = now + LOOK_EVERY
        kind, story, remedy = self._story(now)
        before, count = self._found
        self._found = (kind, count + 1 if kind == before else 1)
        if not kind or self._found[1] == IN_A_ROW:
            self.fault, self.remedy = story, remedy
        return self._due

    def _story(self, now: int) -> tuple[str, str, str]:
        """What is wrong: a kind that stays the same while it lasts, at most 19 characters for the display, what to do; ("", "", "") when nothing is."""
        return "", "", ""
