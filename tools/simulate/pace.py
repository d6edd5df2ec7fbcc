"""How fast virtual time passes on the wall: as a show of some seconds, at full speed, or in real time."""
from __future__ import annotations

from kernel.timer import MS, S

SHOW_CHARGING = 8.0    # s of wall time for the charging loop of the default show, which takes about 15 s
SHOW_LAST = 0.8        # s of wall time over which an underestimated rest is spread
STEP_SPEED = 3.0       # virtual s per wall s before and after charging: matching to precharge takes 12 s, the end 10 s
PAUSE_SPEED = 60.0     # virtual s per wall s while the session is paused: nothing happens, often for long
FRAME = 0.08           # s of wall time between two pictures
MAX_PICTURES = 60 * S  # virtual time between two pictures at full speed


class Pace:
    """`target(now, charging, left, paused)` gives the virtual time to run to before the next picture, FRAME later on the wall."""

    def __init__(self, kind: str, steps: float = STEP_SPEED, show: float = SHOW_CHARGING) -> None:
        """`steps`: virtual s per wall s before and after charging. `show`: s of wall time for the charging loop."""
        if kind not in ("show", "max", "realtime"):
            raise ValueError(f"pace {kind!r} is not one of show, max, realtime")
        self.kind = kind
        self._steps = steps
        self._show = show
        self._charging = 0.0       # s of wall time spent on charging
        self._fastest = 0.0        # the rest is never crawled through: not slower than a quarter of this

    def target(self, now: int, charging: bool, left: int | None, paused: bool = False) -> int:
        """`left`: estimated ns of charging still to come, None while unknown."""
        if self.kind == "realtime":
            return now + int(FRAME * S)
        if self.kind == "max":
            return now + MAX_PICTURES
        speed = PAUSE_SPEED if paused else self._steps
        if charging:
            self._charging += FRAME
            if left is not None:
                speed = max(STEP_SPEED, left / S / max(SHOW_LAST, self._show - self._charging), self._fastest / 4)
                self._fastest = max(self._fastest, speed)
        return now + int(speed * FRAME * S) // MS * MS

    def waits(self) -> bool:
        """False when nobody waits for the wall clock."""
        return self.kind != "max"
