"""How fast virtual time passes on the wall: as a show of some seconds, at full speed, or in real time."""
from __future__ import annotations

from kernel.timer import MS, S

SHOW = 15.0            # s of wall time that the default show takes
SHOW_CHARGING = 8.0    # s of it for the charging loop; the rest is matching, cable check, precharge and the end
FRAME = 0.08           # s of wall time between two pictures
FASTEST = 5000.0       # virtual s per wall s


class Pace:
    """`target(virtual_now, wall_elapsed, charging, left)` gives the virtual time to run to before the next picture."""

    def __init__(self, kind: str) -> None:
        if kind not in ("show", "max", "realtime"):
            raise ValueError(f"pace {kind!r} is not one of show, max, realtime")
        self.kind = kind
        self._speed = 0.0

    def target(self, now: int, charging: bool, left: int | None) -> int:
        """`left`: estimated ns of charging still to come, None when unknown."""
        if self.kind == "realtime":
            return now + int(FRAME * S)
        if self.kind == "max":
            return now + 60 * S
        if not charging:
            # about 40 virtual seconds from plugging in to the first CurrentDemand, and a few at the end
            speed = 8.0
            self._speed = 0.0
        else:
            if self._speed == 0.0 and left is not None:
                self._speed = min(FASTEST, max(1.0, left / S / SHOW_CHARGING))
            speed = self._speed or 8.0
        return now + int(speed * FRAME * S)

    def waits(self) -> bool:
        """False when nobody waits for the wall clock."""
        return self.kind != "max"


PICTURE = int(FRAME * S // MS) * MS
