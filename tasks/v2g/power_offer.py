"""What power a charger offers: its rating, the share that a person allows, and the schedule of its site over the time since plug-in."""
from __future__ import annotations

from kernel.timer import NEVER
from tasks.v2g.config import EvseConfig
from tasks.v2g.schedule import Schedule


class PowerOffer:
    """Outlives the sessions of one plug. `share`: 0.1 to 1; `plugged_at`: ns, from which the schedule counts, None without a car.

    `charging_left`: ns of `stop_after_min` that a paused session has not used, None where none was begun.
    """

    __slots__ = ("share", "charging_left", "_schedule")

    def __init__(self, config: EvseConfig) -> None:
        self.share = 1.0
        self.charging_left: int | None = None
        self._schedule = Schedule()
        self._schedule.set(config.schedule())

    @property
    def plugged_at(self) -> int | None:
        return self._schedule.begun

    @plugged_at.setter
    def plugged_at(self, at: int | None) -> None:
        self._schedule.begun = at

    def watts(self, rating: float, now: int) -> float:
        """W at `now` of a power path that is rated for `rating` W."""
        site = self._schedule.allowed(now)
        power = rating * self.share
        return power if site is None or site > power else site

    def ahead(self, rating: float, now: int) -> list[tuple[int, float]]:
        """(s from `now`, W) from now on; the first starts at 0."""
        most = rating * self.share
        return [(start, min(watts, most)) for start, watts in self._schedule.ahead(now)] or [(0, most)]

    def again_at(self, now: int) -> int | None:
        """ns: when a site that has no power now will have some; None when it has some, or when nobody knows."""
        wait = self._schedule.powerless(now)
        return None if wait in (0, NEVER) else now + wait
