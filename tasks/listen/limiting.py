"""Which side limits a DC charge, and by what: the car's wish, its limits, or the charger's. Pure; unknown is None.

Theory. In CurrentDemand the car asks for a current up to a voltage, and the charger delivers at most that. So:
the charger delivers what was asked -> whoever made the wish no greater: the car, or the charger when the wish stands at a
limit that the charger told (cars cut their wish to it). It delivers less -> the voltage has reached the car's target (the
battery is full enough), or a limit of the charger holds, told by its flags or seen in the numbers; else nobody knows why.
"""
from __future__ import annotations

from kernel.record import dataclass
from tasks.listen.record import Role

# How close counts as equal. A HYC150 delivers 162.2 A where 165 A are asked for, its least exact steady value (SPI capture
# of 2024-04-03); told accuracy of charger outputs: 1.5 % or 0.5 A (safety sheet S15). Below 1 A a car asks for nothing.
CURRENT_SHARE, CURRENT_LEAST = 0.03, 1.0     # of the wanted current; A
VOLTAGE_SHARE, VOLTAGE_LEAST = 0.01, 2.0     # of the wanted voltage; V
LAG, LAG_SHARE = 3.0, 0.2                    # A that the same charger lags behind a rising wish (2.4 to 2.9 A), at most a fifth of the wish
POWER_SHARE, POWER_LEAST = 0.03, 200.0       # of the limit; W
TOLD_SHARE = 0.01                            # a wish that stands at a told limit was cut to it: only rounding lies between


@dataclass(slots=True)
class Limits:
    """What one side has told: never above. V, A, W; None not told."""

    voltage: float | None = None
    current: float | None = None
    power: float | None = None


@dataclass(slots=True)
class Demand:
    """One exchange of CurrentDemand: what the car wants, what the charger delivers and says about its limits. V, A."""

    target_voltage: float | None
    target_current: float | None
    voltage: float | None
    current: float | None
    asked_before: float | None = None        # EVTargetCurrent of the exchange before: a charger follows one exchange behind
    current_limit_achieved: bool = False
    voltage_limit_achieved: bool = False
    power_limit_achieved: bool = False


@dataclass(slots=True)
class Limiting:
    """`side` None: neither can be named, `why` says what was seen all the same."""

    side: Role | None
    by: str                  # "current", "voltage", "power", "wish", "unexplained", "more than asked"
    why: str


def limiting(demand: Demand, car: Limits, charger: Limits) -> Limiting | None:
    """None while wish or delivery is not known."""
    wish, current = demand.target_current, demand.current
    if wish is None or current is None:
        return None
    slack = max(CURRENT_SHARE * abs(wish), CURRENT_LEAST, min(LAG, LAG_SHARE * abs(wish)))
    before = wish if demand.asked_before is None else demand.asked_before
    if current > max(wish, before) + slack:
        return Limiting(None, "more than asked", f"{current:.1f} A delivered, {wish:.1f} A asked for: the charger comes down, or overshoots")
    if current >= min(wish, before) - slack:
        return _wish(wish, demand, car, charger)
    return _less(wish, current, demand, charger)


def _wish(wish: float, demand: Demand, car: Limits, charger: Limits) -> Limiting:
    """The charger delivers what the car asks for: what keeps the wish from being greater?"""
    if wish < CURRENT_LEAST:
        return Limiting(Role.CAR, "wish", f"the car asks for {wish:.1f} A")
    own = _reached(wish, car.current, TOLD_SHARE, 0.0)
    told = _reached(wish, charger.current, TOLD_SHARE, 0.0)
    if own and told and car.current is not None and charger.current is not None:
        told, own = charger.current < car.current, charger.current >= car.current
    if told:
        return Limiting(Role.CHARGER, "current", f"the car asks for all that the charger offers, {charger.current:g} A")
    if own:
        return Limiting(Role.CAR, "current", f"the car is at its own greatest current, {car.current:g} A")
    if demand.voltage is not None:
        power = wish * demand.voltage
        offered, allowed = (_reached(power, limit, TOLD_SHARE, POWER_LEAST) for limit in (charger.power, car.power))
        if offered and not (allowed and car.power is not None and charger.power is not None and car.power < charger.power):
            return Limiting(Role.CHARGER, "power", f"the car asks for all that the charger offers, {_kilo(charger.power)} kW")
        if allowed:
            return Limiting(Role.CAR, "power", f"the car is at its own greatest power, {_kilo(car.power)} kW")
    return Limiting(Role.CAR, "wish", f"the charger delivers all that the car asks for, {wish:.1f} A")


def _less(wish: float, current: float, demand: Demand, charger: Limits) -> Limiting:
    """The charger delivers less than the car asks for."""
    voltage, target = demand.voltage, demand.target_voltage
    if voltage is not None and target is not None and voltage >= target - max(VOLTAGE_SHARE * target, VOLTAGE_LEAST):
        if _reached(target, charger.voltage, VOLTAGE_SHARE, 0.0):
            return Limiting(Role.CHARGER, "voltage", f"{voltage:g} V is all that the charger has ({charger.voltage:g} V)")
        return Limiting(Role.CAR, "voltage", f"the car's target of {target:g} V is reached: the current falls by itself")
    if demand.power_limit_achieved or voltage is not None and _reached(voltage * current, charger.power, POWER_SHARE, POWER_LEAST):
        return Limiting(Role.CHARGER, "power", f"the charger is at its greatest power{_told(_kilo(charger.power), 'kW')}")
    if demand.current_limit_achieved or _reached(current, charger.current, CURRENT_SHARE, CURRENT_LEAST):
        return Limiting(Role.CHARGER, "current", f"the charger is at its greatest current{_told(_number(charger.current), 'A')}")
    if demand.voltage_limit_achieved or voltage is not None and _reached(voltage, charger.voltage, VOLTAGE_SHARE, 0.0):
        return Limiting(Role.CHARGER, "voltage", f"the charger is at its greatest voltage{_told(_number(charger.voltage), 'V')}")
    return Limiting(Role.CHARGER, "unexplained", f"the charger delivers {current:.1f} of {wish:.1f} A without any limit of it in sight: ramp or derating")


def _reached(value: float, limit: float | None, share: float, least: float) -> bool:
    return limit is not None and value >= limit - max(share * limit, least)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _kilo(watts: float | None) -> str:
    return "" if watts is None else f"{watts / 1000:.1f}"


def _told(number: str, unit: str) -> str:
    return f", {number} {unit}" if number else ""


def narrower(car: float | None, charger: float | None) -> Role | None:
    """Whose told limit binds: the smaller one. None where one is unknown or both are equal."""
    if car is None or charger is None or car == charger:
        return None
    return Role.CAR if car < charger else Role.CHARGER
