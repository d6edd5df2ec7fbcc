"""What the box remembers of each vehicle it has measured: battery voltage over state of charge, without current (chademo sheet 4.4.4).

`when` is the number of the session in which a point was measured, not a time: small boards have no clock that runs while they are off.
"""
from __future__ import annotations

import math
from dataclasses import field
from typing import Any, Iterable

from kernel.record import dataclass
from tasks.bridge.estimate import GENERAL_ERROR, UNSURE_BIAS, Curve, Estimate, aim, clip

FORMAT = 1
MAX_VEHICLES, MAX_POINTS = 32, 40
MAX_MARKS = 64                   # numbers in a fingerprint
MAX_MARK = (1 << 64) - 1         # 0x700 has eight octets, which may stand as one number
MAX_SESSIONS = 1 << 53           # what every reader of JSON keeps exactly
MIN_SESSIONS = 2                 # sheet 4.4.4: "needs 2-3 sessions per car"
LOWEST_V, HIGHEST_V = 50.0, 1000.0   # what a vehicle's battery may have; the range of safety.pev.battery_min_voltage_v

# Ours, the sheet has no figures for a learned voltage. A voltmeter may be off by 1 % (7.4). A vehicle of one class, with the curve that
# 410 V may give it by mistake moved onto one of its points, is off by no more than so much per percent away from there (tests compute it).
POINT_ERROR, ERROR_PER_PERCENT = 4.0, 0.75
SAME_SOC = 1.0                   # percent: a newer point so near replaces the older one
CONTRADICTION_V = 10.0           # an older point lies on the wrong side of a newer one by more than that: another battery, or a cold one
DAMAGED = "What was learned about vehicles is lost"

Fingerprint = tuple[int, ...]


@dataclass(slots=True, frozen=True)
class Point:
    """`soc` percent, `voltage` V at 0 A, `when`: number of the session."""

    soc: float
    voltage: float
    when: int


@dataclass(slots=True)
class _Vehicle:
    """`seen`: number of its last session."""

    sessions: int = 0
    seen: int = 0
    points: list[Point] = field(default_factory=list)      # in rising order of soc


class Learned:
    """At most MAX_VEHICLES of at most MAX_POINTS points; the oldest goes."""

    def __init__(self) -> None:
        self.refused = 0             # points that cannot be a battery's
        self._sessions = 0           # that anything was learned in, of all vehicles
        self._vehicles: dict[Fingerprint, _Vehicle] = {}

    def __len__(self) -> int:
        return len(self._vehicles)

    def sessions(self, fingerprint: Fingerprint) -> int:
        """In how many sessions points of this vehicle were learned."""
        vehicle = self._vehicles.get(fingerprint)
        return 0 if vehicle is None else vehicle.sessions

    def points(self, fingerprint: Fingerprint) -> tuple[Point, ...]:
        vehicle = self._vehicles.get(fingerprint)
        return () if vehicle is None else tuple(vehicle.points)

    def learn(self, fingerprint: Fingerprint, measured: Iterable[tuple[float, float]]) -> bool:
        """The end of a session: (percent, V at 0 A) as measured in it. False when there is nothing to keep."""
        good = []
        for soc, voltage in measured:
            if _is_point(soc, voltage):
                good.append((float(soc), float(voltage)))
            else:
                self.refused += 1
        if not good or not _is_fingerprint(fingerprint):
            return False
        self._sessions += 1
        vehicle = self._vehicles.setdefault(fingerprint, _Vehicle())
        vehicle.sessions += 1
        vehicle.seen = self._sessions
        for soc, voltage in good[-MAX_POINTS:]:
            vehicle.points = _with(vehicle.points, Point(soc, voltage, self._sessions))
        while len(self._vehicles) > MAX_VEHICLES:
            del self._vehicles[min(self._vehicles, key=lambda known: self._vehicles[known].seen)]
        return True

    def estimate(self, fingerprint: Fingerprint, soc: float | None, curve: Curve | None, highest: float | None = None,
                 bias: float = UNSURE_BIAS) -> Estimate | None:
        """What to precharge to, V, once there are MIN_SESSIONS. `curve`: what `estimate.choose` takes for the vehicle. `highest`, `bias`: as `estimate.aim`.

        Between two points what they differ from the curve by is interpolated; outside them the curve is moved onto the nearest. Without a
        curve nothing is said outside them. None: not known, or the nearest point is so far that the curve alone is no worse.
        """
        vehicle = self._vehicles.get(fingerprint)
        if vehicle is None or vehicle.sessions < MIN_SESSIONS or soc is None or not math.isfinite(soc):
            return None
        soc, points = clip(soc), vehicle.points
        if curve is None and not points[0].soc <= soc <= points[-1].soc:
            return None
        error = POINT_ERROR + ERROR_PER_PERCENT * min(abs(p.soc - soc) for p in points)
        if error >= (curve.error if curve else GENERAL_ERROR):
            return None
        apart = [(p.soc, p.voltage - (curve.at(p.soc) if curve else 0.0)) for p in points]
        voltage = _between(apart, soc) + (curve.at(soc) if curve else 0.0)
        return aim(voltage, error, "learned", highest, bias)

    def to_plain(self) -> dict[str, Any]:
        """Nested dicts and lists of numbers, fresh copies; `from_plain` of it knows the same."""
        return {"format": FORMAT, "sessions": self._sessions, "vehicles": [
            {"fingerprint": list(fingerprint), "sessions": v.sessions, "seen": v.seen, "points": [[p.soc, p.voltage, p.when] for p in v.points]}
            for fingerprint, v in self._vehicles.items()]}


def from_plain(plain: object) -> tuple[Learned, str]:
    """What `to_plain` gave, and "". None: nothing was kept. Anything else: nothing learned, and one sentence why."""
    learned = Learned()
    if plain is None:
        return learned, ""
    try:
        _fill(learned, plain)
    except _Wrong as wrong:
        return Learned(), f"{DAMAGED}: {wrong}."
    return learned, ""


class _Wrong(Exception):
    """Half a sentence."""


def _fill(learned: Learned, plain: object) -> None:
    found = _section(plain, "the whole", ("format", "sessions", "vehicles"))
    if found["format"] != FORMAT or isinstance(found["format"], bool):
        raise _Wrong(f"its format is not {FORMAT}")
    learned._sessions = _count(found["sessions"], "sessions", MAX_SESSIONS)
    for number, item in enumerate(_items(found["vehicles"], "vehicles", MAX_VEHICLES), 1):
        what = f"vehicle {number}"
        entry = _section(item, what, ("fingerprint", "sessions", "seen", "points"))
        fingerprint = tuple(_items(entry["fingerprint"], f"the fingerprint of {what}", MAX_MARKS))
        if not _is_fingerprint(fingerprint) or fingerprint in learned._vehicles:
            raise _Wrong(f"the fingerprint of {what} is none, or stands there twice")
        seen = _count(entry["seen"], f"seen of {what}", learned._sessions)
        sessions = _count(entry["sessions"], f"sessions of {what}", seen)
        points = [_point(values, what, seen) for values in _items(entry["points"], f"points of {what}", MAX_POINTS)]
        if not points or not sessions or any(a.soc >= b.soc for a, b in zip(points, points[1:])):
            raise _Wrong(f"{what} has no points in rising order")
        learned._vehicles[fingerprint] = _Vehicle(sessions, seen, points)


def _section(value: object, what: str, keys: tuple[str, ...]) -> dict:
    if not isinstance(value, dict) or set(value) != set(keys):
        raise _Wrong(f"{what} has not exactly {', '.join(keys)}")
    return value


def _items(value: object, what: str, limit: int) -> list:
    if not isinstance(value, list) or len(value) > limit:
        raise _Wrong(f"{what}: not a list of at most {limit}")
    return value


def _count(value: object, what: str, limit: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= limit:
        raise _Wrong(f"{what} is not a whole number from 0 to {limit}")
    return value


def _point(values: object, what: str, seen: int) -> Point:
    parts = _items(values, f"a point of {what}", 3)
    if len(parts) != 3 or not _is_point(parts[0], parts[1]):
        raise _Wrong(f"a point of {what} is not percent, V and session")
    return Point(float(parts[0]), float(parts[1]), _count(parts[2], f"the session of a point of {what}", seen))


def _is_point(soc: object, voltage: object) -> bool:
    return _within(soc, 0.0, 100.0) and _within(voltage, LOWEST_V, HIGHEST_V)


def _within(value: object, low: float, high: float) -> bool:
    """Not for NaN either."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high


def _is_fingerprint(marks: tuple) -> bool:
    """An empty one would make all unknown vehicles the same."""
    return 0 < len(marks) <= MAX_MARKS and all(isinstance(m, int) and not isinstance(m, bool) and 0 <= m <= MAX_MARK for m in marks)


def _with(points: list[Point], new: Point) -> list[Point]:
    """`new` among those that it neither replaces nor contradicts, the oldest gone when there are too many."""
    kept = [p for p in points if abs(p.soc - new.soc) >= SAME_SOC and (p.when == new.when or not _contradicts(p, new))]
    kept.append(new)
    if len(kept) > MAX_POINTS:
        kept.remove(min(kept, key=lambda p: p.when))
    return sorted(kept, key=lambda p: p.soc)


def _contradicts(old: Point, new: Point) -> bool:
    """A battery's voltage rises with its charge."""
    return (old.voltage - new.voltage) * (1 if old.soc < new.soc else -1) > CONTRADICTION_V


def _between(points: list[tuple[float, float]], soc: float) -> float:
    """Straight lines between the points, the nearest one's value outside them."""
    if soc <= points[0][0]:
        return points[0][1]
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        if soc <= x1:
            return y0 + (y1 - y0) * (soc - x0) / (x1 - x0)
    return points[-1][1]
