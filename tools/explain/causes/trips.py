"""A cause for each trip of tasks/safety: its words are the supervisor's own, what is added here is whose matter it is and the public code that fits."""

from __future__ import annotations

from typing import Any, Sequence

from tasks.safety import ac_trips, bridge_trips, trips
from tasks.safety.trips import Trip
from tools.explain.causes.cause import LATER, NAMED, TRIPPED, Cause, Found
from tools.explain.evidence import Evidence, Side

PEV, EVSE, AC, BRIDGE = "pev", "evse", "ac", "bridge"
TABLES: dict[str, Sequence[Trip]] = {PEV: trips.PEV_TRIPS, EVSE: trips.EVSE_TRIPS, AC: ac_trips.AC_TRIPS, BRIDGE: bridge_trips.BRIDGE_OWN_TRIPS}


def events(module: Any) -> list[Trip]:
    """The trips of a module that stand in no table: found by the sequence itself."""
    return [value for value in vars(module).values() if isinstance(value, Trip)]


CAR, CHARGER, BOX, PERSON, LINK = Side.CAR, Side.CHARGER, Side.BOX, Side.PERSON, Side.LINK
ROWS: dict[str, tuple[Side, int | None]] = {
    # of every box
    "pilot_lost": (LINK, 14),
    "lock_lost": (BOX, 1),
    "supervision_silent": (BOX, None),
    "stop_button": (PERSON, 8),
    "internal_fault": (BOX, None),
    "insisted": (PERSON, None),
    "end_overdue": (BOX, None),
    "stalled": (BOX, None),
    "output_refused": (BOX, None),
    "current_not_gone": (CHARGER, None),
    "voltage_stays": (CHARGER, 24),
    "contactor_dropped": (BOX, None),
    "contactor_uncommanded": (BOX, None),
    "contactor_not_closed": (BOX, None),
    "contactor_welded": (BOX, None),
    # of a car
    "pilot_not_c": (BOX, 14),
    "pilot_stuck_c": (BOX, 14),
    "pwm_lost": (CHARGER, 14),
    "live_unlocked": (BOX, None),
    "inlet_overvoltage": (CHARGER, 5),
    "battery_overvoltage": (CHARGER, 5),
    "inlet_voltage_unknown": (BOX, None),
    "reported_voltage_unknown": (CHARGER, None),
    "unmatch": (CHARGER, None),
    "supply_low": (BOX, None),
    "battery_unknown": (CAR, None),
    "permission": (CAR, None),
    "temperature_high": (CAR, None),
    "temperature_unknown": (BOX, None),
    "current_unknown": (BOX, None),
    "mismatch": (BOX, None),
    "reverse_current": (CHARGER, None),
    "overcurrent": (CHARGER, 4),
    "current_deviation": (CHARGER, None),
    # of a charger
    "output_overvoltage": (BOX, 5),
    "output_voltage_unknown": (BOX, None),
    "output_current_unknown": (BOX, None),
    "output_overcurrent": (BOX, 4),
    "isolation": (LINK, 22),
    "isolation_unknown": (BOX, None),
    "pwm_wrong": (BOX, 14),
    "residual_current": (CAR, 2),
    "residual_unknown": (BOX, None),
    # of a bridge
    "bridge_leaks": (BOX, None),
    "inlet_live": (BOX, None),
    "vehicle_voltage_unknown": (BOX, None),
    "vehicle_plug_pulled": (PERSON, None),
    "vehicle_lock_lost": (BOX, 1),
    "vehicle_live_unlocked": (BOX, None),
    "vehicle_signals_lost": (BOX, None),
    "current_without_k": (CAR, None),
}
"""Trip -> whose matter, public code where one fits for certain."""
AROUND = 3.0  # s between the last word about what was lacking and the end: the words come once a second
CONTACTORS = {"contactor_dropped", "contactor_uncommanded", "contactor_not_closed", "contactor_welded"}
OF_A_CAR, OF_A_CHARGER = 16, 17  # public codes of contactors: EVContactorFault, EVSEContactorFault
OF_AC = {"overcurrent": (Side.CAR, 4)}  # what a name means otherwise at a wallbox


def _weigh(name: str, role: str, text_of: str) -> Any:
    def weigh(e: Evidence) -> Found | None:
        if e.box is None or _role(e) != role:
            return None
        for n, (at, trip, text) in enumerate(e.box.trips):
            if trip == name:
                return Found(
                    TRIPPED - (LATER if n else 0),
                    f"The safety supervisor of our own box stopped it: {text}",
                    (f"trip {trip}, {at:.1f} s after the beginning",),
                    (f"{e.box.trips[0][2]} had tripped before",) if n else (),
                    at,
                )
        return _held_back(e, text_of)

    return weigh


def _held_back(e: Evidence, text: str) -> Found | None:
    """What would have tripped at once kept our box from going on."""
    box = e.box
    if box is None or box.trips or e.charged or not box.waits or not box.reasons:
        return None
    first, last, waited_for, hint = box.waits[-1]
    end = box.reasons[0][0]
    if waited_for != text or not -AROUND <= end - last <= AROUND:
        return None
    return Found(NAMED, f"Our own box did not go on: {text}", (f"our journal, {last:.1f} s: waits before granting: {text}. {hint}",), (), first)


def _role(e: Evidence) -> str:
    """Which supervisor runs in the box that wrote this; the wallbox's is told by what it trips for, or by AC in the conversation."""
    box = e.box
    if box is None or box.role != EVSE:
        return box.role if box is not None else ""
    return (
        AC
        if any(name in {t.name for t in ac_trips.AC_TRIPS} - {t.name for t in trips.EVSE_TRIPS} for _, name, _ in box.trips) or e.mode_asked.startswith("AC")
        else EVSE
    )


def _cause(trip: Trip, role: str) -> Cause:
    side, code = ROWS[trip.name]
    if trip.name in CONTACTORS:
        code = OF_A_CAR if role == PEV else OF_A_CHARGER if role in (EVSE, AC) else None
    if role == AC:
        side, code = OF_AC.get(trip.name, (side, code))
    first, *rest = [part.strip() for part in trip.hint.replace("? ", "?. ").split(". ") if part.strip()]
    name = f"trip_{trip.name}" if role == PEV else f"trip_{role}_{trip.name}"
    return Cause(
        name,
        side,
        _phrase(first),
        tuple(_sentence(part) for part in rest) or (_sentence(first),),
        f"tasks/safety, trip {trip.name}",
        _weigh(trip.name, role, trip.text),
        mrec=code,
    )


def _phrase(text: str) -> str:
    text = text.rstrip(".")
    return text[:1].lower() + text[1:] if text[:2] != text[:2].upper() else text


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else text + "."


def _of(role: str, shared: Sequence[Trip]) -> list[Cause]:
    named: dict[str, Trip] = {}
    for trip in (*TABLES[role], *shared):
        named.setdefault(trip.name, trip)
    return [_cause(trip, role) for trip in named.values()]


CAUSES = (
    *_of(PEV, events(trips)),
    *_of(EVSE, events(trips)),
    *_of(AC, (*events(ac_trips), *events(trips))),
    *_of(BRIDGE, (*bridge_trips.BRIDGE_TRIPS, *events(trips))),
)
