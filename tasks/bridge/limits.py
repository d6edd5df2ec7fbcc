"""What is passed from one side to the other in V, A, W: always the smallest of vehicle, charger and bridge (chademo sheet 3.5)."""
from __future__ import annotations

from tasks.bridge.config import BridgeConfig
from tasks.signals import VehicleSays

RAMP_UP, RAMP_DOWN = 40.0, 100.0     # A/s of the current that is asked for at the charger (3.5: +4, -10 A per 100 ms)
PLAUSIBLE_A = 5.0                    # 100.1 below it is no limit of a fast charge (1.3: few vehicles use it)
LONGEST = 1_000_000_000              # ns: a ramp that was not asked for so long makes no leap
ALMOST_FULL = 99.0                   # percent told to the charger at the most: a charger may end at 100, which is for the vehicle to say


def voltage_offered(config: BridgeConfig, evse_max_voltage: float | None) -> float:
    """108.1-2; before the charger has told its limit the bridge's own."""
    return config.max_voltage_v if evse_max_voltage is None else min(evse_max_voltage, config.max_voltage_v)


def voltage_asked(config: BridgeConfig, says: VehicleSays) -> float | None:
    """EVMaximumVoltageLimit: what the battery bears, but at least above the target, because chargers stop when they pass it."""
    if says.target_voltage is None:
        return None
    highest = says.target_voltage + 1.0 if says.max_voltage is None else max(says.max_voltage, says.target_voltage + 1.0)
    return min(highest, config.max_voltage_v)


def current_borne(config: BridgeConfig, says: VehicleSays) -> float:
    """EVMaximumCurrentLimit: the bridge's rating, or what the vehicle says it bears."""
    if says.max_current is not None and says.max_current >= PLAUSIBLE_A:
        return min(config.max_current_a, says.max_current)
    return config.max_current_a


def discharge_offered(config: BridgeConfig, allowed: float | None) -> float:
    """208.3, A: what may be drawn out of the vehicle. `allowed`: by the inlet's temperature, whose contacts know no direction; None: not known, so nothing."""
    return 0.0 if allowed is None else min(config.discharge_a, allowed)


class Offered:
    """108.3: what the charger can give at this voltage, and with a vehicle that follows no more than a little above what flows."""

    def __init__(self, config: BridgeConfig) -> None:
        self._config = config
        self._short = False          # the charger gives clearly less than is asked for

    def current(self, *, evse_max_current: float | None, evse_max_power: float | None, voltage: float | None, allowed: float | None,
                flows: float | None, request: float | None) -> float:
        """A. `voltage`: the battery's, for the power limits. `allowed`: by the inlet's temperature.

        `request`: None while the vehicle is not charging, or does not follow.
        """
        c = self._config
        limit, power = c.max_current_a, c.max_power_kw * 1000.0
        if evse_max_current is not None:
            limit = min(limit, evse_max_current)
        if evse_max_power is not None:
            power = min(power, evse_max_power)
        if voltage is not None and voltage > 0.0 and voltage * limit > power:
            limit = power / voltage
        if allowed is not None:
            limit = min(limit, allowed)
        return limit if request is None else min(limit, self._followed(request, max(0.0, flows or 0.0)))      # what is drawn is no charge

    def _followed(self, request: float, flows: float) -> float:
        """No more than undersupply_a above what flows, once the vehicle misses that much; let go when it misses half of it."""
        margin = self._config.undersupply_a
        if request > flows + margin:
            self._short = True
        elif request <= flows + margin / 2:
            self._short = False
        return flows + margin if self._short else float("inf")


class Ramp:
    """The current that is asked for follows the request, not faster than chargers bear."""

    def __init__(self) -> None:
        self.value = 0.0
        self._at = 0

    def follow(self, wanted: float, now: int) -> float:
        """A at `now` ns."""
        passed = min(LONGEST, max(0, now - self._at)) * 1e-9
        self._at = now
        step = (RAMP_UP if wanted > self.value else RAMP_DOWN) * passed
        if abs(wanted - self.value) <= step:
            self.value = wanted
        else:
            self.value += step if wanted > self.value else -step
        return self.value
