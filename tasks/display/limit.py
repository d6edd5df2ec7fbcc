"""Which side limits a charge, and by what, in a few words: `charger 50 kW`, `hot inlet 60 A`. Pure; empty while unknown.

The judgement is the listener's (tasks/listen/limiting.py), fed with what this box itself knows: a car its battery's limits
and what the charger has told, a charger its own offer and what the car has told.
"""
from __future__ import annotations

from tasks.listen.limiting import CURRENT_LEAST, TOLD_SHARE, Demand, Limiting, Limits, limiting
from tasks.listen.record import Role
from tasks.signals import Signals

NAMES = {Role.CAR: "car", Role.CHARGER: "charger"}


def judged(s: Signals, now: int, car: bool) -> tuple[Limiting | None, Limits, Limits]:
    """The judgement, with the limits of car and charger that it rests on."""
    charger_limits = Limits(s.evse_max_voltage.get(now), s.evse_max_current.get(now), s.evse_max_power.get(now))
    if car:
        voltage, current = s.evse_present_voltage.get(now), s.evse_present_current.get(now)
        car_limits = Limits(s.battery_max_voltage.get(now), s.battery_max_current.get(now), s.battery_max_power.get(now))
    else:
        voltage, current = s.output_voltage.get(now), s.output_current.get(now)
        car_limits = Limits(s.ev_max_voltage.get(now), s.ev_max_current.get(now))
    demand = Demand(s.ev_target_voltage.get(now), s.ev_target_current.get(now), voltage, current)
    return limiting(demand, car_limits, charger_limits), car_limits, charger_limits


def limit_text(s: Signals, now: int, car: bool) -> str:
    """At most 15 characters."""
    found, car_limits, charger_limits = judged(s, now, car)
    if found is None or found.side is None:
        return ""
    wish = s.ev_target_current.get(now)
    if found.side is Role.CAR and car and wish is not None:
        warm = s.current_limit.get(now)
        if warm is not None and wish >= warm * (1.0 - TOLD_SHARE) and wish >= CURRENT_LEAST and _below(warm, car_limits.current):
            return f"hot inlet {warm:.0f} A"
    name = NAMES[found.side]
    limits = car_limits if found.side is Role.CAR else charger_limits
    if found.by == "current":
        return _told(name, limits.current, "A", 1)
    if found.by == "power":
        return _told(name, limits.power, "kW", 1000)
    if found.by == "voltage":
        return _told(name, s.ev_target_voltage.get(now) if found.side is Role.CAR else limits.voltage, "V", 1)
    share = s.power_share.value
    if share is not None and share < 100.0 and car:
        return f"by key to {share:.0f}%"
    return "car's wish" if found.by == "wish" else "gives less"


def _below(warm: float, limit: float | None) -> bool:
    return limit is None or warm < limit


def _told(name: str, number: float | None, unit: str, divisor: int) -> str:
    return name if number is None else f"{name} {number / divisor:.0f} {unit}"
