"""The nominal duty of an AC charger: what rating, person and site leave for a car that is told by the pilot alone."""
from __future__ import annotations

from tasks.pilot_duty import nominal_duty
from tasks.v2g.config import EvseConfig
from tasks.v2g.power_offer import PowerOffer

STEADY = 100.0               # percent: no current is promised


class NominalDuty:
    """`most`: A per phase of the rating. The site's schedule counts from the plug, as in a session."""

    def __init__(self, config: EvseConfig) -> None:
        self.most = config.ac_max_current_a
        self._offer = PowerOffer(config)
        self._rating = self.most * config.ac_nominal_voltage_v * config.ac_phases

    def plugged(self, now: int) -> None:
        self._offer.plugged_at = now

    def duty(self, share: float | None, now: int) -> float:
        """Percent. `share`: percent of the rating that the person allows, None: all of it."""
        self._offer.share = 1.0 if share is None else share / 100.0
        duty = nominal_duty(self.most * self._offer.watts(self._rating, now) / self._rating)
        return STEADY if duty is None else duty
