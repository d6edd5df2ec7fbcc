"""When the folder of a plug-in begins, sleeps, wakes and ends: pure, from states and times."""
from __future__ import annotations

from enum import Enum, auto

from kernel.timer import NEVER, S

UNPLUGGED = frozenset({None, "Unplugged"})
RESTING = frozenset({"WaitPilot", "Paused", "Nominal", "Finished", "Failed"})    # states of the connection in which hours may pass without a word
END_AFTER = 5 * S            # after unplugging: the last frames, the lock, the supervisor's last word
END_LIMIT = 30 * S           # and no longer, whatever the supervisor says
HEARD_FOR = 20 * S           # SLAC without a plug: so long after the last message
HEARD_LIMIT = 60 * S         # and no longer
HEARD_PAUSE = 600 * S        # until the next of that kind: a neighbour who matches all night must not fill the card
SLEEP_AFTER = 60 * S         # in a resting state


class Step(Enum):
    BEGIN = auto()
    SLEEP = auto()
    WAKE = auto()
    END = auto()


class SessionWatch:
    """`look` says what is to be done now; `why` is why the present session began."""

    def __init__(self) -> None:
        self.why = ""
        self._began = NEVER          # NEVER: no session
        self._plugged = False        # the present session has seen a plug
        self._asleep = False
        self._state: str | None = None
        self._since = 0              # of the state
        self._trip = ""
        self._heard_at = NEVER
        self._deaf_until = 0

    def heard(self, now: int) -> None:
        """A SLAC message came."""
        self._heard_at = now

    def look(self, state: str | None, trip: str, at_rest: bool, now: int) -> list[Step]:
        """`state` of the connection, text of the latched trip, `at_rest`: the outputs are where they may stay."""
        changed = (state, trip) != (self._state, self._trip)
        back = self._state in UNPLUGGED and state not in UNPLUGGED
        if state != self._state:
            self._since = now
        self._state, self._trip = state, trip
        if self._began == NEVER:
            return self._begin(state, now)
        if back and self._plugged:                   # plugged in again before the last folder was closed
            self._began = NEVER
            return [Step.END, *self._begin(state, now)]
        self._plugged |= state not in UNPLUGGED
        if self._asleep:
            if changed or self._heard_at == now:
                self._asleep = False
                self._since = now
                return [Step.WAKE]
            return []
        if self._over(state, at_rest, now):
            self._began = NEVER
            return [Step.END]
        if state in RESTING and at_rest and now - max(self._since, 0 if self._heard_at == NEVER else self._heard_at) >= SLEEP_AFTER:
            self._asleep = True
            return [Step.SLEEP]
        return []

    def _begin(self, state: str | None, now: int) -> list[Step]:
        plugged = state not in UNPLUGGED
        if not plugged and (self._heard_at != now or now < self._deaf_until):
            return []
        self.why = "plugged in" if plugged else "SLAC heard without a plug"
        if not plugged:
            self._deaf_until = now + HEARD_PAUSE
        self._began, self._plugged, self._asleep = now, plugged, False
        return [Step.BEGIN]

    def _over(self, state: str | None, at_rest: bool, now: int) -> bool:
        if state not in UNPLUGGED:
            return False
        if not self._plugged:
            return now - self._heard_at >= HEARD_FOR or now - self._began >= HEARD_LIMIT
        unplugged = now - self._since
        return unplugged >= END_AFTER and at_rest or unplugged >= END_LIMIT
