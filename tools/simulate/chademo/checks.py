"""What a CHAdeMO car checks while it charges; each check by itself, with time as a number."""
from __future__ import annotations

from dataclasses import dataclass

from kernel.timer import S
from tasks.chademo.wire import CURRENT_DEVIATION, OVER_VOLTAGE, SYSTEM_FAULT, UNDER_VOLTAGE, VOLTAGE_DEVIATION, ChargerStatus
from tools.simulate.chademo.traits import OWN, CarTraits

FLOWS = 0.5            # A: less is none
NO_CURRENT, IDLE, VOLTAGE, CURRENT, TOO_HIGH, TOO_LOW = "no_current", "idle", "voltage_deviation", "current_deviation", "over_voltage", "under_voltage"


@dataclass(frozen=True, slots=True)
class Finding:
    """A check that tripped: its name, what it saw (V, A or s), and what the car tells then in 102.4 and 102.5."""

    name: str
    value: float
    faults: int = 0
    status: int = 0


class Lasting:
    """Something that is so without a break."""

    __slots__ = ("_since",)

    def __init__(self) -> None:
        self._since: int | None = None

    def lasts(self, so: bool, seconds: float, now: int) -> bool:
        """True when it has been so for `seconds`."""
        if not so:
            self._since = None
            return False
        if self._since is None:
            self._since = now
        return now - self._since >= round(seconds * S)


class ChargingChecks:
    """One charge's worth of them: `find` is to be asked every turn while 109.5.0 is 1."""

    def __init__(self, traits: CarTraits) -> None:
        self._traits = traits
        self._none, self._idle, self._voltage, self._current = Lasting(), Lasting(), Lasting(), Lasting()
        self._flowed = False

    def find(self, charger: ChargerStatus, request: int, voltage: float, current: float, now: int, out: int | None = None) -> Finding | None:
        """V and A as the car itself measures them, `request` A as it asked; the first finding, None while all is well.

        `out`: A that it lets out, None without V2X. With it a charger that has once delivered or drawn may idle, and 102.4.2 is what comes out.
        """
        t = self._traits
        self._flowed = self._flowed or abs(current) >= FLOWS
        if voltage > t.max_voltage:
            return Finding(TOO_HIGH, voltage, faults=OVER_VOLTAGE)
        if voltage < t.min_voltage:
            return Finding(TOO_LOW, voltage, faults=UNDER_VOLTAGE)
        seen = current if t.current_judged == OWN else charger.current
        if t.current_limit_s is not None and self._none.lasts(request > 0 and seen < FLOWS and not (out is not None and self._flowed), t.current_limit_s, now):
            return Finding(NO_CURRENT, t.current_limit_s, status=SYSTEM_FAULT)
        if self._idle.lasts(charger.current < FLOWS, t.zero_limit_s, now):
            return Finding(IDLE, t.zero_limit_s, status=SYSTEM_FAULT)
        off = charger.voltage - voltage
        if t.voltage_deviation is not None and self._voltage.lasts(abs(off) > t.voltage_deviation, t.voltage_deviation_s, now):
            return Finding(VOLTAGE, off, faults=VOLTAGE_DEVIATION)
        more = current - request
        wrong = t.under_delivery is not None and out is None and -more > t.under_delivery or t.over_delivery is not None and (
            more > t.over_delivery or out is not None and -current > out + t.over_delivery)
        if self._current.lasts(wrong, t.current_deviation_s, now):
            return Finding(CURRENT, more, faults=CURRENT_DEVIATION)
        return None
