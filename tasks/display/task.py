"""Keeps the display showing what the signals say, in slices that never hold up a tick for a whole picture.

The picture as it is on the panel is remembered. A run draws anew only when the screen changed, at most every REDRAW,
and sends at most `octets_per_run` octets of what differs; the rest follows in the next ticks.
"""
from __future__ import annotations

from drivers.interfaces import Oled
from kernel.journal import Journal
from kernel.timer import MS, S, Backoff
from tasks.display import listen_screens
from tasks.display.phases import Phase, phase_of
from tasks.display.picture import PAGES, WIDTH, Screen, draw, next_span
from tasks.display.screens import screen_of
from tasks.signals import Signals

REDRAW = 500 * MS            # at most two redraws per second; a new phase is seen this fast
CALM = S                     # values of calm phases; asleep not even a new phase is looked for more often
LIVELY = frozenset({Phase.CABLE_CHECK, Phase.PRECHARGE, Phase.STARTING, Phase.STOPPING})
ASLEEP = frozenset({Phase.IDLE, Phase.FINISHED, Phase.STOPPED, Phase.TRIPPED})
NEXT_TICK = 1                # ns: the scheduler rounds up to its tick
GAP = 8                      # setting a new column costs the bus about as much as 8 octets (7 for the window, 1 address)
SPANS_PER_RUN = 4            # addressing costs time as well, so single octets are bounded too
FIRST_RETRY, LAST_RETRY = S, 60 * S


class DisplayTask:
    """Counters: `redraws`, `octets` and `spans` sent, `failures` of the driver (each is followed by a pause)."""

    __slots__ = ("inboxes", "redraws", "octets", "spans", "failures", "_oled", "_signals", "_role", "_journal", "_limit",
                 "_screen", "_wanted", "_shown", "_dirty", "_phase", "_detail", "_since", "_look_at", "_values_at", "_retry", "_resume_at", "_phase_of", "_screen_of")

    def __init__(self, oled: Oled, signals: Signals, role: str, journal: Journal, octets_per_run: int = WIDTH) -> None:
        """`role` is "pev", "evse" or "listen"."""
        if not 1 <= octets_per_run <= WIDTH:
            raise ValueError(f"octets_per_run {octets_per_run} is not between 1 and {WIDTH}")
        self.inboxes = ()
        self.redraws = 0
        self.octets = 0
        self.spans = 0
        self.failures = 0
        self._oled = oled
        self._signals = signals
        self._role = role
        self._journal = journal
        self._limit = octets_per_run
        listening = role == "listen"
        self._phase_of = listen_screens.phase if listening else phase_of
        self._screen_of = listen_screens.screen_of if listening else screen_of
        self._screen: Screen | None = None
        self._wanted: list[bytes] = [bytes(WIDTH)] * PAGES
        self._shown: list[bytes | None] = [None] * PAGES      # None: nobody knows what the panel shows there
        self._dirty: list[int] = []
        self._phase: Phase | str | None = None
        self._detail = ""
        self._since = 0
        self._look_at = 0
        self._values_at = 0
        self._retry = Backoff(FIRST_RETRY, LAST_RETRY)
        self._resume_at = 0

    def run(self, now: int) -> int:
        if now >= self._look_at:
            self._look(now)
        if self._dirty:
            if now < self._resume_at:
                return min(self._resume_at, self._look_at)
            self._send(now)
            if self._dirty:
                return now + NEXT_TICK if now >= self._resume_at else min(self._resume_at, self._look_at)
        return self._look_at

    def pages(self) -> list[bytes]:
        """The picture that the panel is meant to show: eight pages of 128 octets."""
        return list(self._wanted)

    # --- what is to be seen --------------------------------------------------------------------------------------------

    def _look(self, now: int) -> None:
        phase, detail = self._phase_of(self._signals)
        if phase is not self._phase or detail != self._detail:
            self._phase, self._detail, self._since = phase, detail, now
            self._values_at = now
        self._look_at = now + (CALM if phase in ASLEEP else REDRAW)
        if now < self._values_at:
            return
        self._values_at = now + (REDRAW if phase in LIVELY else CALM)
        screen = self._screen_of(phase, detail, self._signals, now, self._role, self._since)
        if screen == self._screen:
            return
        self._screen = screen
        self.redraws += 1
        self._wanted = draw(screen)
        shown = self._shown
        self._dirty = [page for page, octets in enumerate(self._wanted) if octets != shown[page]]

    # --- what goes out -------------------------------------------------------------------------------------------------

    def _send(self, now: int) -> None:
        left = self._limit
        for _ in range(SPANS_PER_RUN):
            page = self._dirty[0]
            wanted, shown = self._wanted[page], self._shown[page]
            if shown is None:
                shown = wanted.translate(_COMPLEMENT)           # everything differs
            column, length = next_span(shown, wanted, left, GAP)
            if not self._oled.write(page, column, wanted[column:column + length], now):
                self._failed(now)
                return
            self.octets += length
            self.spans += 1
            left -= length
            shown = shown[:column] + wanted[column:column + length] + shown[column + length:]
            if self._resume_at:
                self._recovered(now)
            self._shown[page] = shown
            if shown == wanted:
                del self._dirty[0]
                if not self._dirty:
                    return
            if left <= 0:
                return

    def _failed(self, now: int) -> None:
        """The bus or the panel does not answer: pause, and believe nothing about what it shows."""
        delay = self._retry.failed()
        if not self._resume_at:
            self._journal.note(now, "display", "the display does not answer; charging goes on without it. Check its plug and address",
                               level="warning")
        self.failures += 1
        self._resume_at = now + delay
        self._shown = [None] * PAGES
        self._dirty = list(range(PAGES))

    def _recovered(self, now: int) -> None:
        self._resume_at = 0
        self._retry.succeeded()
        self._journal.note(now, "display", "the display answers again")


_COMPLEMENT = bytes(octet ^ 0xFF for octet in range(256))
