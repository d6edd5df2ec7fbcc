"""How fast a capture passes on the wall: any speed, paused, step by step; long silences are passed over. Pure."""
from __future__ import annotations

from kernel.timer import MS, S
from tasks.command_line import SPEEDS

SILENCE = 5 * S              # a longer one of the capture is passed over ...
SILENCE_SHOWN = S            # ... after so much of it, on the capture's clock
MAX = 0.0                    # the speed that waits for nothing


class Pace:
    """`due(at)` is the wall time (ns) at which a frame of capture time `at` (ns) is to be heard."""

    def __init__(self, speed: float, wall: int) -> None:
        """`speed`: capture seconds per wall second, MAX waits for nothing."""
        self.speed = speed
        self.paused = False
        self.skipped = 0             # ns of silence passed over
        self._wall = wall            # the anchor: at this wall time the capture stood at ...
        self._at = 0
        self._steps = 0
        self._begun = False

    @property
    def text(self) -> str:
        return "max" if self.speed == MAX else f"×{self.speed:g}"

    def position(self, wall: int) -> int:
        """Where the capture stands now."""
        if self.paused or self.speed == MAX:
            return self._at
        return self._at + int((wall - self._wall) * self.speed)

    def approach(self, at: int, wall: int) -> None:
        """The next frame is known: the first one is the beginning, and a long silence before it is cut short."""
        if not self._begun:
            self._begun = True
            self._at, self._wall = at, wall
            return
        here = self.position(wall)
        if self.speed != MAX and at - here > SILENCE:
            self.skipped += at - here - SILENCE_SHOWN
            self._at, self._wall = at - SILENCE_SHOWN, wall

    def waits(self, at: int, wall: int) -> int:
        """ns of wall time until a frame of time `at` is due; 0 now."""
        if self.paused:
            return 0 if self._steps else 100 * MS
        if self.speed == MAX:
            return 0
        return max(0, int((at - self.position(wall)) / self.speed))

    def heard(self, at: int, wall: int, worth: bool) -> None:
        """A frame was played; `worth`: it said something, so a step ends with it."""
        if self.paused or self.speed == MAX:
            self._at, self._wall = max(self._at, at), wall
        if worth and self._steps:
            self._steps -= 1

    def key(self, key: str, wall: int) -> None:
        """space pauses and goes on, + and - change the speed, . goes one message further."""
        self._at, self._wall = self.position(wall), wall
        if key == " ":
            self.paused = not self.paused
            self._steps = 0
        elif key == ".":
            self.paused = True
            self._steps += 1
        elif key == "+":
            self.speed = MAX if self.speed == MAX or self.speed >= SPEEDS[1] else self.speed * 2
        elif key == "-":
            self.speed = SPEEDS[1] if self.speed == MAX else max(SPEEDS[0], self.speed / 2)
