"""The car's B-C-B toggle, which wakes a charger after a pause or proves that both are on one cable; how a charger knows one from a car that is ready.

The pilot itself belongs to tasks/safety; here is only when it should show state C, and what a row of readings means.
"""
from __future__ import annotations

from drivers.interfaces import PilotState
from kernel.timer import NEVER
from tasks.connection import timing as t
from tasks.homeplug.timing import TP_EV_vald_state_duration

READY = frozenset({PilotState.C, PilotState.D})


class Toggle:
    """The car's side: `c` is what the pilot should show. One `begin` gives `count` phases of state C with B between."""

    __slots__ = ("c", "_left", "_at")

    def __init__(self) -> None:
        self.c = False
        self._left = 0
        self._at = NEVER

    def begin(self, count: int, now: int) -> None:
        self.c = True
        self._left = 2 * count - 1      # changes to come: the last one leads to B
        self._at = now + TP_EV_vald_state_duration

    def cancel(self) -> None:
        self.c = False
        self._left = 0
        self._at = NEVER

    def handle_timer(self, now: int) -> None:
        if now < self._at:
            return
        self._left -= 1
        self.c = not self.c and self._left >= 0
        self._at = now + TP_EV_vald_state_duration if self._left > 0 or self.c else NEVER

    def next_timer(self) -> int:
        return self._at


class ToggleSeen:
    """The charger's side, fed with every reading while it sleeps: has the car asked to be woken up?"""

    __slots__ = ("_since", "_ready", "_lasting")

    def __init__(self, lasting: bool = True) -> None:
        """`lasting`: a state C that lasts counts as well; not where it asks for power by the pilot alone."""
        self._lasting = lasting
        self.forget()

    def forget(self) -> None:
        """A new pause begins: what the car showed before does not count."""
        self._since: int | None = None       # ns: the first reading of the present state C
        self._ready: bool | None = None      # the last known reading; None: no state B was seen yet

    def look(self, pilot: PilotState | None, now: int) -> bool:
        """True when a phase of state C as long as one of a toggle has just ended, or when C lasts: some cars simply become ready."""
        if pilot is None:
            return False
        ready, before = pilot in READY, self._ready
        self._ready = ready
        if before is None:
            self._ready = None if ready else False       # still in the state C of the session
            return False
        if ready:
            if not before:
                self._since = now
            return self._lasting and self._since is not None and now - self._since >= t.READY_WAKES_AFTER
        since, self._since = self._since, None
        return before and since is not None and t.TOGGLE_PHASE_MIN <= now - since <= t.TOGGLE_PHASE_MAX
