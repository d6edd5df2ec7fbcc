"""Keeps the display showing what the signals say, in slices that never hold up a tick for a whole picture.

The picture as it is on the panel is remembered. A run draws anew only when the screen changed, at most every REDRAW,
and sends at most `octets_per_run` octets of what differs (fewer where the panel's bus is slow); the rest follows in the next
ticks. The same facts go to a display of three lines, where there is one.
"""
from __future__ import annotations

from typing import Any, Hashable, Protocol

from drivers.interfaces import Oled
from kernel.journal import Journal
from kernel.timer import MS, S, Backoff
from tasks.display.attention import MINUTE, Attention, Light
from tasks.display.config import DisplayConfig
from tasks.display.pages import Box, page_names, page_screen
from tasks.display.phases import STAGES, Phase, phase_of
from tasks.display.picture import PAGES, WANDER, WIDTH, Screen, dot, draw, next_span, shifted
from tasks.display.screens import notice_of, screen_of
from tasks.signals import Signals

REDRAW = 500 * MS            # at most two redraws per second; a new phase is seen this fast
CALM = S                     # values of calm phases; asleep not even a new phase is looked for more often
LIVELY = frozenset({Phase.ASKING, Phase.VEHICLE, Phase.CABLE_CHECK, Phase.PRECHARGE, Phase.STARTING, Phase.STOPPING})
ASLEEP = frozenset({Phase.IDLE, Phase.FINISHED, Phase.STOPPED, Phase.TRIPPED})
UNWATCHED = frozenset({Phase.IDLE, Phase.MODEM, "QUIET"})      # nothing is lost when the display goes dark
ENDS = frozenset({Phase.FINISHED, Phase.STOPPED, Phase.TRIPPED, "ENDED"})      # somebody will want to know why: dark only where a button brings it back
CHARGE_GOES_ON = frozenset({Phase.CHARGING, Phase.PARAMETERS, Phase.STARTING})      # the minutes count on through a renegotiation
GRAVE = frozenset({Phase.STOPPED, Phase.TRIPPED, Phase.FINISHED})
BUTTON = 100 * MS            # how often a fitted button is looked at: a press lasts 100 ms and longer
NEXT_TICK = 1                # ns: the scheduler rounds up to its tick
GAP = 8                      # setting a new column costs the bus about as much as 8 octets (7 for the window, 1 address)
ADDRESSING = 10              # octets besides the contents: of the window 8, of the contents 2 (drivers/oled_luma.py)
SPANS_PER_RUN = 4            # addressing costs time as well, so single octets are bounded too
FIRST_RETRY, LAST_RETRY = S, 60 * S


class Lines(Protocol):
    """A display of three lines, over a serial line."""

    def show(self, lines: tuple[str, str, str], now: int) -> None: ...


class DisplayTask:
    """Counters: `redraws`, `octets` and `spans` sent, `failures` of the driver (each is followed by a pause)."""

    __slots__ = ("inboxes", "redraws", "octets", "spans", "failures", "_oled", "_signals", "_role", "_journal", "_limit", "_config", "_about", "_lines",
                 "_told", "_began", "_attention", "_attended", "_pages", "_levels", "_level", "_picture",
                 "_wanted", "_shown", "_dirty", "_phase", "_detail", "_since", "_charging_since", "_look_at", "_values_at", "_retry", "_resume_at", "_phase_of", "_screen_of", "_three_lines")

    def __init__(self, oled: Oled, signals: Signals, role: str, journal: Journal, octets_per_run: int = WIDTH, config: DisplayConfig | None = None,
                 about: str = "ccsbox", lines: Lines | None = None) -> None:
        """`role` is "pev", "evse", "bridge" or "listen"; a "pev" whose signals have a bridge is one. `about`: name and version, for the page of the box. `lines`: a second display of three lines."""
        if not 1 <= octets_per_run <= WIDTH:
            raise ValueError(f"octets_per_run {octets_per_run} is not between 1 and {WIDTH}")
        self.inboxes = ()
        self.redraws = 0
        self.octets = 0
        self.spans = 0
        self.failures = 0
        self._oled = oled
        self._signals = signals
        if role == "pev" and signals.bridge_phase.writer is not None:      # the row `bridge` is made before this one
            role = "bridge"
        self._role = role
        self._journal = journal
        self._limit = octets_per_run
        self._phase_of: Any = phase_of
        self._screen_of: Any = screen_of
        if role == "listen":                     # loaded where they are shown, and here: a start without them is shorter, a row must not wait for files
            from tasks.display import listen_screens
            self._phase_of, self._screen_of = listen_screens.phase, listen_screens.screen_of
        self._three_lines: Any = None
        if lines is not None:
            from tasks.display.three_lines import three_lines
            self._three_lines = three_lines
        self._config = DisplayConfig() if config is None else config
        self._about = about
        self._lines = lines
        self._told: tuple[str, str, str] | None = None
        self._began: int | None = None
        self._pages = page_names(role)
        self._attention = Attention(self._config, len(self._pages))
        self._attended = (0, Light.BRIGHT)
        self._levels = {Light.BRIGHT: self._config.brightness, Light.DIM: self._config.dim_brightness, Light.DARK: self._config.dim_brightness}
        self._level: int | None = None                        # what the panel was told; None: not known
        self._picture: tuple | None = None                    # what `_wanted` was drawn from
        self._wanted: list[bytes] = [bytes(WIDTH)] * PAGES
        self._shown: list[bytes | None] = [None] * PAGES      # None: nobody knows what the panel shows there
        self._dirty: list[int] = []
        self._phase: Phase | str | None = None
        self._detail = ""
        self._since = 0
        self._charging_since: int | None = None
        self._look_at = 0
        self._values_at = 0
        self._retry = Backoff(FIRST_RETRY, LAST_RETRY)
        self._resume_at = 0

    def run(self, now: int) -> int:
        if now >= self._look_at:
            self._look(now)
        if self._dirty or self._level != self._levels[self._attention.light]:
            if now < self._resume_at:
                return min(self._resume_at, self._look_at)
            if self._level != self._levels[self._attention.light] and not self._set_level(now):
                return min(self._resume_at, self._look_at)
            if self._dirty:
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
            if phase not in CHARGE_GOES_ON:
                self._charging_since = None
            elif phase is Phase.CHARGING:
                if self._charging_since is None:
                    self._charging_since = now
                self._since = self._charging_since
            self._values_at = now
        held = self._signals.display_button.get(now)
        idle = phase in UNWATCHED or held is not None and phase in ENDS
        self._attention.step(now, held, self._signals.display_keys.value, self._happening(phase), phase in GRAVE, idle)
        attended = self._attention.page, self._attention.light
        if attended != self._attended:
            self._attended = attended
            self._values_at = now
        self._look_at = now + (BUTTON if held is not None else CALM if phase in ASLEEP else REDRAW)
        if now < self._values_at:
            return
        self._values_at = now + (REDRAW if phase in LIVELY else CALM)
        self._paint(phase, detail, now)
        if self._lines is not None:
            lines = self._three_lines(self._signals, now, self._role)
            if lines != self._told:
                self._told = lines
                self._lines.show(lines, now)

    def _happening(self, phase: Phase | str) -> Hashable:
        """What is worth a look when it changes: the stage, not each step; attempts that fail all night are one stage."""
        s = self._signals
        return (STAGES.get(phase, "under way") if isinstance(phase, Phase) else phase), s.safety_trip.value or "", notice_of(s)

    def _paint(self, phase: Phase | str, detail: str, now: int) -> None:
        if self._began is None:
            self._began = now
        page, light = self._attended
        wander = (now - self._began) // int(self._config.wander_min * MINUTE) % len(WANDER) if self._config.wander_min else 0
        if light is Light.DARK:
            picture: tuple[Screen | int, int] = (now // CALM, 0)
        elif page:
            picture = page_screen(self._pages[page], self._signals, now, Box(self._about, self._role, self._began, self._oled.errors)), wander
        else:
            picture = self._screen_of(phase, detail, self._signals, now, self._role, self._since), wander
        if picture == self._picture:
            return
        self._picture = picture
        self.redraws += 1
        what = picture[0]
        self._wanted = dot(what) if isinstance(what, int) else draw(what)
        if wander and not isinstance(what, int):
            self._wanted = shifted(self._wanted, *WANDER[wander])
        shown = self._shown
        self._dirty = [number for number, octets in enumerate(self._wanted) if octets != shown[number]]

    # --- what goes out -------------------------------------------------------------------------------------------------

    def _set_level(self, now: int) -> bool:
        level = self._levels[self._attention.light]
        if not self._oled.set_contrast(level, now):
            self._failed(now)
            return False
        self._level = level
        if self._resume_at:
            self._recovered(now)
        return True

    def _send(self, now: int) -> None:
        left = min(self._limit, self._oled.octets_per_run)
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
            left -= length + ADDRESSING
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
        self._level = None
        self._dirty = list(range(PAGES))

    def _recovered(self, now: int) -> None:
        self._resume_at = 0
        self._retry.succeeded()
        self._journal.note(now, "display", "the display answers again")


_COMPLEMENT = bytes(octet ^ 0xFF for octet in range(256))
