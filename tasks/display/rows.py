"""Rows that the screens of several phases have in common, and the facts that they show. Pure, as screens.py."""
from __future__ import annotations

from kernel.timer import S
from tasks.display import texts
from tasks.display.phases import STEPS, Phase
from tasks.display.picture import BAR, INVERSE, LARGE, TALL, TEXT, Row
from tasks.display.texts import cut, wide
from tasks.signals import Signals

EMPTY = Row(TEXT)
LAST_TURN = 4 * S            # twice the turn of a notice, which hides the last row every second time (screens.py)
DRAWS = 1.0                  # A: less is a sensor's error, and no direction


def headed(phase: Phase, *rows: Row, held: Row | None = None) -> tuple[Row, ...]:
    """Headline, progress of the start-up sequence (or what holds it up), and four pages of rows."""
    bar = EMPTY if phase.step is None else Row(BAR, "", 100 * phase.step // STEPS)
    return (Row(LARGE, phase.headline), held or bar, *rows)


def small(text: str) -> Row:
    return Row(TEXT, text)


def tall(text: str) -> Row:
    return Row(TALL, text)


def voltage_of(s: Signals, now: int, car: bool) -> float | None:
    """Own measurement; a car without one shows what the charger reports, in AC its nominal voltage."""
    if s.ac_session.value:
        return s.evse_max_voltage.get(now) if car else s.ac_voltage.get(now)
    if not car:
        return s.output_voltage.get(now)
    measured = s.inlet_voltage.get(now)
    return s.evse_present_voltage.get(now) if measured is None else measured


def current_of(s: Signals, now: int, car: bool) -> float | None:
    if s.ac_session.value:
        return s.ac_current.get(now)
    if not car:
        return s.output_current.get(now)
    measured = s.inlet_current.get(now)
    return s.evse_present_current.get(now) if measured is None else measured


def drawn_of(s: Signals, now: int) -> float | None:
    """A that the charger draws out of the car; None while it charges, or does neither."""
    current = current_of(s, now, True)
    return -current if current is not None and current <= -DRAWS else None


def held_back(s: Signals) -> Row | None:
    """What the supervisor lacks: on the way to power this is what everybody waits for."""
    lacking = s.safety_blocked.value
    return Row(INVERSE, cut(lacking)) if lacking else None


def contactors_of(s: Signals, now: int, car: bool) -> str:
    """Empty for a charger that has none or does not know."""
    state = s.contactors_closed.get(now)
    return "" if state is None and not car else wide("contactors", texts.closed(state, "closed", "open"))


def lock_of(s: Signals, now: int) -> str:
    return locked(s.lock_confirmed.get(now), s.lock_assumed.value is True, "unlocked")


def locked(confirmed: bool | None, assumed: bool, otherwise: str) -> str:
    """"locked?" where no switch says it, only the time that the motor needs."""
    return texts.closed(confirmed, "locked?" if assumed else "locked", otherwise)


def last_end(s: Signals, now: int) -> str:
    """At rest: why the last session ended, and what failed first when the box was looked through after its start; they take turns."""
    told = ["last: " + s.stop_reason.value.text] if s.stop_reason.value is not None else []
    told += ["! " + s.doctor_notice.value] if s.doctor_notice.value else []
    return cut(told[now // LAST_TURN % len(told)]) if told else ""
