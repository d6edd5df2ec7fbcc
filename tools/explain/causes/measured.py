"""What our own box has measured and switched, as sentences beside the causes that it is about; and what it shows where nobody else says anything."""
from __future__ import annotations

import re
from typing import Callable

from tools.explain.causes.cause import INFERRED, SEEN, Found
from tools.explain.evidence import Evidence, Plant

AROUND = 5.0                 # s before and after what a cause is about: what changed then belongs to it
SWITCHES = {True: "closed", False: "open", None: "unknown or moving"}
LOCKS = {True: "locked", False: "unlocked", None: "unknown or moving"}


def sentences(name: str, at: float | None, e: Evidence) -> tuple[str, ...]:
    """Of the cause `name`; `at`: s of what it is about."""
    if e.plant is None:
        return ()
    return tuple(text for pattern, tell in ABOUT if re.search(pattern, name) for text in tell(e.plant, at))


def shown(name: str, e: Evidence) -> Found | None:
    """A cause that the signals alone show."""
    tell = ALONE.get(name)
    return tell(e, e.plant) if tell is not None and e.plant is not None else None


def pilot_words(state: str, duty: float | None) -> str:
    """`C 5 %`; a steady pilot by its state alone."""
    return f"{state} {duty:.0f} %" if duty is not None and duty < 99.5 else state


def _near(at: float | None, when: float) -> bool:
    return at is None or abs(when - at) <= AROUND


def _pilot(p: Plant, at: float | None) -> list[str]:
    found = [f"{pilot_words(state, duty)} at {when:.1f} s" for when, state, duty in p.pilot if _near(at, when)]
    if not found and p.pilot:
        return [f"measured pilot: {pilot_words(*p.pilot[-1][1:])} since {p.pilot[-1][0]:.1f} s"]
    return ["measured pilot: " + " -> ".join(found[-5:])] if found else []


def _feedback(what: str, words: dict[bool | None, str]) -> Callable[[Plant, float | None], list[str]]:
    def tell(p: Plant, at: float | None) -> list[str]:
        changes = p.contactors if what == "contactors" else p.lock if what == "lock" else p.permission
        found = [f"{words[state]} at {when:.1f} s" for when, state in changes if _near(at, when)]
        if not found and changes:
            found = [f"{words[changes[-1][1]]} since {changes[-1][0]:.1f} s"]
        return [f"{'switch k' if what == 'permission' else f'feedback of the {what}'}: " + " -> ".join(found[-5:])] if found else []
    return tell


def _refused(p: Plant, at: float | None) -> list[str]:
    return [f"{when:.1f} s: {name} {argument} was refused by its device" for when, name, argument in p.refused[:3]]


def _supply(p: Plant, at: float | None) -> list[str]:
    return [f"the box's supply was down to {p.supply_least:.1f} V"] if p.supply_least is not None else []


def _heat(p: Plant, at: float | None) -> list[str]:
    return [f"the inlet was up to {p.hottest:.0f} degC"] if p.hottest is not None else []


def _modem(p: Plant, at: float | None) -> list[str]:
    return [f"own modem: {p.modem or 'none has answered'}", *_notices(p, "modem_fault")]


def _link(p: Plant, at: float | None) -> list[str]:
    link = [f"attenuation {p.attenuation:.1f} dB" + (f" ({p.link_quality})" if p.link_quality else "")] if p.attenuation is not None else []
    return link + _notices(p, "link_notice", "stranger_notice", "kernel_notice")


def _devices(p: Plant, at: float | None) -> list[str]:
    return _notices(p, "device_notice", "device_fault", "doctor_notice")


def _notices(p: Plant, *names: str) -> list[str]:
    return list(dict.fromkeys(f"the box said: {text}" for _, name, text in p.notices if name in names))[:3]


ABOUT: tuple[tuple[str, Callable[[Plant, float | None], list[str]]], ...] = (
    (r"pilot|pwm|unplugged|state_c|car_left_c", _pilot),
    (r"contactor|voltage_stays|mismatch|unmatch|box_not_confirmed|box_car_contactors|leaks", _feedback("contactors", SWITCHES)),
    (r"lock", _feedback("lock", LOCKS)),
    (r"permission|signals_lost|current_without_k|box_car_no_can", _feedback("permission", SWITCHES)),
    (r"output_refused|box_not_confirmed|contactor|lock|pilot_stuck|pilot_not_c", _refused),
    (r"supply", _supply), (r"^trip_temperature|^trip_bridge_temperature", _heat), (r"^modem_|box_no_modem", _modem),
    (r"^slac_|link_lost|no_network|attenuation", _link), (r"unknown|battery_|silent|box_not_confirmed|output_refused", _devices),
)
"""Which cause by its name -> what is told of it."""


def _no_five_percent(e: Evidence, p: Plant) -> Found | None:
    if e.box is None or e.box.role not in ("pev", "bridge") or not p.plugged or p.five_percent or e.messages or e.slac.parm_answers:
        return None
    duties = sorted({round(duty) for _, _, duty in p.pilot if duty is not None})
    return Found(SEEN, "The pilot of the charger never showed 5 %", (f"measured duty: {', '.join(f'{duty} %' for duty in duties) or 'none'}",), (), None)


def _pulled(e: Evidence, p: Plant) -> Found | None:
    """From C to A at once: nobody unplugs a car whose contactors are closed and whose lock holds, and yet it is what was measured."""
    for (_, before, _), (at, state, _) in zip(p.pilot, p.pilot[1:], strict=False):
        if before in ("C", "D") and state == "A" and (e.ending.stop_asked is None or at < e.ending.stop_asked):
            return Found(INFERRED, "The pilot went from state C to state A: as if the plug had been pulled", (), (), at)
    return None


ALONE: dict[str, Callable[[Evidence, Plant], Found | None]] = {"pilot_no_5_percent": _no_five_percent, "unplugged": _pulled}
"""Causes that the signals show where neither frames nor journal do."""
