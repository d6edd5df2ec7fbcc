"""Changes of our own box's signals and devices -> facts of each attempt: pilot, contactors, lock, modem, refused commands; and what its journal did not say."""
from __future__ import annotations

from dataclasses import replace
from typing import Any, Sequence

from tasks.safety import ac_trips, bridge_trips, trips
from tasks.safety.trips import Trip
from tasks.stop_reasons import StopReason
from tools.explain.evidence import Box, Change, Evidence, Plant

MAX_KEPT = 200                       # of one kind in one attempt: the first half and the newest
NOTICES = ("modem_fault", "device_notice", "device_fault", "link_notice", "stranger_notice", "kernel_notice", "doctor_notice")
STATES = ("pilot_state", "pilot_duty", "contactors_closed", "lock_confirmed", "vehicle_permission")
NUMBERS = ("supply_voltage", "inlet_temperature", "attenuation")
WORDS = ("modem", "link_quality", "safety_hint")
EVENTS = ("safety_trip", "stop_reason")
WATCHED = frozenset((*NOTICES, *STATES, *NUMBERS, *WORDS, *EVENTS))
TRIPS: dict[str, str] = {}           # text -> name; the supervisors' tables share texts with their names
for module in (trips, ac_trips, bridge_trips):
    for found in vars(module).values():
        for trip in found if isinstance(found, tuple) else (found,):
            if isinstance(trip, Trip):
                TRIPS.setdefault(trip.text, trip.name)
LATELY = 0.2                         # s: a try of the box begins so much before its first frame (box.py)


def seen(attempts: Sequence[Evidence], changes: Sequence[Change], role: str) -> list[Evidence]:
    """Each attempt with what was measured from its beginning to that of the next one, on the attempts' clock. Without changes as they were."""
    if not changes:
        return list(attempts)
    if not attempts:
        attempts = [Evidence(1, changes[0].at, changes[-1].at - changes[0].at)]
    found: list[Evidence] = []
    known: dict[str, Any] = {}
    place = 0
    for number, attempt in enumerate(attempts):
        until = attempts[number + 1].at - LATELY if number + 1 < len(attempts) else 1e12
        gathered = _Gathered(attempt.at, dict(known))
        while place < len(changes) and changes[place].at < until:
            change = changes[place]
            place += 1
            gathered.take(change)
            if change.name in STATES:
                known[change.name] = change.value
        found.append(replace(attempt, plant=gathered.plant(), box=gathered.box(attempt.box, role)))
    return found


class _Gathered:
    """One attempt's changes; `known`: what held before it."""

    def __init__(self, began: float, known: dict[str, Any]) -> None:
        self._began = began
        self._pilot: list[tuple[float, str, float | None]] = []
        self._state, self._duty = known.get("pilot_state"), known.get("pilot_duty")
        self._switches: dict[str, list[tuple[float, bool | None]]] = {name: [] for name in STATES[2:]}
        for name, switches in self._switches.items():
            if name in known:
                switches.append((0.0, _yes(known[name])))
        self._refused: list[tuple[float, str, Any]] = []
        self._notices: list[tuple[float, str, str]] = []
        self._numbers: dict[str, list[float]] = {}
        self._words: dict[str, str] = {}
        self._trips: list[tuple[float, str, str]] = []
        self._reasons: list[tuple[float, StopReason]] = []
        if isinstance(self._state, str):
            self._pilot.append((0.0, self._state, _number(self._duty)))

    def take(self, change: Change) -> None:
        at, name, value = change.at - self._began, change.name, change.value
        if name == "pilot_state":
            self._state = value
            self._told_pilot(at)
        elif name == "pilot_duty":
            self._duty = value
            self._told_pilot(at)
        elif name in self._switches:
            switches = self._switches[name]
            if not switches or switches[-1][1] is not _yes(value):
                switches.append((at, _yes(value)))
        elif name in NOTICES:
            if isinstance(value, str) and value:
                self._notices.append((at, name, value))
        elif name in NUMBERS:
            if (number := _number(value)) is not None:
                least, most = self._numbers.get(name, [number, number])
                self._numbers[name] = [min(least, number), max(most, number)]
        elif name in WORDS:
            if isinstance(value, str) and value:
                self._words[name] = value
        elif name == "safety_trip":
            if isinstance(value, str) and value in TRIPS:
                self._trips.append((at, TRIPS[value], value))
        elif name == "stop_reason":
            if isinstance(value, str) and value in StopReason.__members__:
                self._reasons.append((at, StopReason[value]))
        elif isinstance(value, list) and len(value) == 2 and value[1] is False:
            self._refused.append((at, name, value[0]))

    def _told_pilot(self, at: float) -> None:
        """State and duty are two signals that change in one visit: the later one stands for both."""
        if not isinstance(self._state, str):
            return
        now = at, self._state, _number(self._duty)
        if self._pilot and self._pilot[-1][0] == at:
            self._pilot[-1] = now
        elif not self._pilot or self._pilot[-1][1:] != now[1:]:
            self._pilot.append(now)

    def plant(self) -> Plant:
        numbers = self._numbers
        return Plant(_kept(self._pilot), *(_kept(switches) for switches in self._switches.values()), _kept(self._refused), _kept(self._notices),
                     self._words.get("modem", ""), numbers["attenuation"][1] if "attenuation" in numbers else None, self._words.get("link_quality", ""),
                     numbers["supply_voltage"][0] if "supply_voltage" in numbers else None,
                     numbers["inlet_temperature"][1] if "inlet_temperature" in numbers else None, self._words.get("safety_hint", ""))

    def box(self, box: Box | None, role: str) -> Box:
        """The journal's account, with the trips and reasons that it lacks."""
        box = box or Box(role)
        told = {text for _, _, text in box.trips}
        missing = [trip for trip in self._trips if trip[2] not in told]
        reasons = [known for _, known in box.reasons]
        more = [found for found in self._reasons if found[1] not in reasons]
        return replace(box, trips=tuple(sorted((*box.trips, *missing))), reasons=tuple(sorted((*box.reasons, *more), key=lambda found: found[0])))


def _yes(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _number(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) and value == value else None


def _kept(found: list[Any]) -> tuple[Any, ...]:
    return tuple(found if len(found) <= MAX_KEPT else found[:MAX_KEPT // 2] + found[-MAX_KEPT // 2:])
