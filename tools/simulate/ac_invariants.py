"""What must hold at every instant of an AC charge; `look` is called after each step, beside invariants.py.

The truth is the plant; where a device refuses (a contactor that does not obey, welds) only what was commanded is judged.
Numbers: slac-and-network sheet 3 (IEC 61851-1: 100 ms after state C; duty table).
"""
from __future__ import annotations

from typing import Any, Callable

from drivers.interfaces import PilotState
from kernel.scheduler import TICK
from kernel.timer import MS, NEVER
from tasks.signals import Signals

REACTION = 2 * TICK
OFF_AFTER_C = 100 * MS

CLOSED_WITH_PERMITS = "the mains contactor closes only in state C, on a session's wish or by a nominal duty where that is allowed, with every permit fresh and true"
OFF_IN_TIME = "the mains are off 100 ms after the car has left state C or the plug is out"
OPEN_AFTER_TRIP = "the mains contactor is commanded open within 2 ticks of a charger's trip"
NOT_UNLOCKED_LIVE = "a socket is never unlocked while its contactor is not confirmed open"
DC_STAYS_OPEN = "the car's DC contactors never move in an AC charge"
NO_WISH_NO_MAINS = "without a wish the mains are off as soon as the car could end its load (3 s)"
AC_SENTENCES = (CLOSED_WITH_PERMITS, OFF_IN_TIME, OPEN_AFTER_TRIP, NOT_UNLOCKED_LIVE, DC_STAYS_OPEN, NO_WISH_NO_MAINS)


def _duty_promises(duty: float | None) -> bool:
    return duty is None or 3.0 <= duty <= 7.0 or 10.0 <= duty <= 96.0


def _wished(signals: Signals, now: int) -> bool:
    """A session asks; or none does, the car may charge by the pilot alone, and a nominal duty was asked for."""
    duty = signals.pilot_duty_request.get(now)
    return signals.ac_request.get(now) is True or signals.by_pilot_request.get(now) is True and duty is not None and 10.0 <= duty <= 96.0


PERMITS: tuple[tuple[str, Callable[[Signals, int, Any], bool]], ...] = (
    ("AC requested", lambda s, now, limits: _wished(s, now)),
    ("state C measured", lambda s, now, limits: s.pilot_state.get(now) is PilotState.C or limits.ventilation_fitted and s.pilot_state.get(now) is PilotState.D),
    ("a PWM that promises current", lambda s, now, limits: _duty_promises(s.pilot_duty.get(now))),
    ("no residual current", lambda s, now, limits: not limits.residual_current_fitted or s.residual_current.get(now) is False),
    ("plug locked", lambda s, now, limits: s.lock_confirmed.get(now) is True),
    ("stop button not pressed", lambda s, now, limits: limits.stop_button == "none" or s.stop_button.get(now) is False),
    ("a stop is heard", lambda s, now, limits: s.connection_alive.get(now) is True),
    ("no trip", lambda s, now, limits: not s.safety_trip.value),
)
"""What has to be so at the instant at which the contactor is commanded closed."""


class AcInvariants:
    """`broken(now, sentence, seen)` is told what did not hold."""

    def __init__(self, plant: Any, limits: Any, car: Any, charger: Any, broken: Callable[[int, str, str], None]) -> None:
        """`limits`: section safety.ac; `car`, `charger`: the two nodes."""
        self._plant = plant
        self._limits = limits
        self._car = car
        self._charger = charger
        self._break = broken
        self._commanded = self._locked = False
        self._left_c = NEVER             # since when the car is not in state C, or unplugged
        self._wishless = NEVER           # since when nobody asks
        self._tripped_at = NEVER
        self._told = False               # once for each time that something stays too long

    def look(self, now: int) -> None:
        plant, signals = self._plant, self._charger.signals
        contactor = plant.ac.contactor
        wanted = plant.pilot.plugged and plant.pilot.state_c
        self._left_c = NEVER if wanted else min(self._left_c, now)
        self._wishless = NEVER if _wished(signals, now) else min(self._wishless, now)
        self._tripped_at = min(self._tripped_at, now) if signals.safety_trip.value else NEVER
        if contactor.commanded and not self._commanded:
            self._closing(now, signals)
        if self._locked and not plant.charger_lock.commanded and signals.contactors_closed.get(now) is not False:
            self._break(now, NOT_UNLOCKED_LIVE, f"contactor {signals.contactors_closed.get(now)}")
        if plant.car_contactors.commanded:
            self._break(now, DC_STAYS_OPEN, "commanded closed")
        self._commanded, self._locked = contactor.commanded, plant.charger_lock.commanded
        if contactor.commanded or contactor.position:
            self._while_on(now, contactor)
        else:
            self._told = False

    def _closing(self, now: int, signals: Signals) -> None:
        plant = self._plant
        plant.advance(now)
        lacking = [name for name, granted in PERMITS if not granted(signals, now, self._limits)]
        if not (plant.pilot.plugged and plant.pilot.state_c):
            lacking.append("state C on the line")
        if plant.ac.contactor.position:
            lacking.append("open before")
        if lacking:
            self._break(now, CLOSED_WITH_PERMITS, "closing, but not: " + ", ".join(lacking))

    def _while_on(self, now: int, contactor: Any) -> None:
        if self._told or getattr(self._charger.board.contactors, "failed", False):
            return
        sound = not (contactor.welded or contactor.stuck)
        limit = self._limits.load_end_ms * MS + OFF_AFTER_C
        on = contactor.position if sound else contactor.commanded
        if on and self._left_c != NEVER and now - self._left_c > OFF_AFTER_C:
            self._tell(now, OFF_IN_TIME, f"on {(now - self._left_c) / MS:.0f} ms after state C")
        if on and self._wishless != NEVER and now - self._wishless > limit:
            self._tell(now, NO_WISH_NO_MAINS, f"on {(now - self._wishless) / MS:.0f} ms after the wish")
        if contactor.commanded and self._tripped_at != NEVER and now - self._tripped_at > REACTION:
            self._tell(now, OPEN_AFTER_TRIP, f"closed {(now - self._tripped_at) / MS:.0f} ms after {self._charger.signals.safety_trip.value}")

    def _tell(self, now: int, sentence: str, seen: str) -> None:
        self._told = True
        self._break(now, sentence, seen)
