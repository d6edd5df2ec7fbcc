"""So many answers a second and no more: a flood of forged segments gets no flood back (RFC 5961 section 7)."""
from __future__ import annotations

from kernel.record import dataclass
from kernel.timer import S


@dataclass(slots=True)
class Limiter:
    """At most `per_second` in each second; `withheld` counts the rest."""

    per_second: int
    began: int = -S
    used: int = 0
    withheld: int = 0

    def allow(self, now: int) -> bool:
        if now - self.began >= S:
            self.began = now
            self.used = 0
        if self.used >= self.per_second:
            self.withheld += 1
            return False
        self.used += 1
        return True
