"""What the person at the display wants of it: which page, how bright. Button and events become both; pure, with `now` as time.

Short press: the next page. Long press: dim, or bright again. A press on a dark display only lights it: nobody meant to turn a
page that could not be seen. A page turned by the button falls back to the first after a while. Whatever happens in the charge shows the first page, bright.
"""
from __future__ import annotations

from enum import Enum
from typing import Hashable

from kernel.timer import MS, NEVER, S
from tasks.display.config import DisplayConfig

LONG_PRESS = 800 * MS        # long enough not to be meant as a short one, short enough to wait for
MINUTE = 60 * S


class Light(Enum):
    """How bright the display is."""

    BRIGHT = "bright"
    DIM = "dim"
    DARK = "dark"            # a dot that moves


class Attention:
    """`page`: number from 0; `light`; `presses` counts what the button has said."""

    __slots__ = ("page", "light", "presses", "_pages", "_dim_after", "_dark_after", "_page_after", "_held_since", "_done", "_touched_at", "_turned_at",
                 "_happened", "_by_hand", "_keys")

    def __init__(self, config: DisplayConfig, pages: int) -> None:
        self.page = 0
        self.light = Light.BRIGHT
        self.presses = 0
        self._pages = pages
        self._dim_after = int(config.dim_after_min * MINUTE) or NEVER
        self._dark_after = int(config.dark_after_min * MINUTE) or NEVER
        self._page_after = int(config.page_s * S)
        self._held_since: int | None = None      # None: not held
        self._done = False                       # what is held has been taken as a long press
        self._touched_at: int | None = None      # None: no time known yet
        self._turned_at = 0
        self._happened: Hashable = None
        self._by_hand = False                    # dimmed by a long press: no event of the charge brightens before the next press, but a stop does
        self._keys: tuple[int, int] | None = None

    def step(self, now: int, held: bool | None, keys: tuple[int, int] | None, happening: Hashable, grave: bool, idle: bool) -> None:
        """`held`: the button, None unknown or not fitted. `keys`: short and long presses counted elsewhere. `happening`: whatever is worth a
        look when it changes; `grave`: it is worth waking a person. `idle`: nothing goes on that somebody might glance at.
        """
        if self._touched_at is None:
            self._touched_at, self._happened = now, happening
        if happening != self._happened:
            self._happened = happening
            self.page = 0
            if grave or not self._by_hand:
                self._by_hand = False
                self._touch(now)
        self._button(now, held)
        self._typed(now, keys)
        if self.page and now - self._turned_at >= self._page_after:
            self.page = 0
        self.light = self._light(now, idle)

    def _light(self, now: int, idle: bool) -> Light:
        quiet = now - (self._touched_at or 0)
        if idle and quiet >= self._dark_after:
            return Light.DARK
        return Light.DIM if self._by_hand or quiet >= self._dim_after else Light.BRIGHT

    def _button(self, now: int, held: bool | None) -> None:
        if held is None:                         # unknown: neither pressed nor let go
            self._held_since = None
        elif held and self._held_since is None:
            self._held_since, self._done = now, False
        elif held and not self._done and now - (self._held_since or 0) >= LONG_PRESS:
            self._done = True
            self._long(now)
        elif not held and self._held_since is not None:
            if not self._done:
                self._short(now)
            self._held_since = None

    def _typed(self, now: int, keys: tuple[int, int] | None) -> None:
        if keys == self._keys:
            return
        before, self._keys = self._keys or (0, 0), keys
        if keys is None:
            return
        for _ in range(min(self._pages, max(0, keys[0] - before[0]))):
            self._short(now)
            self._turned_at = NEVER              # who sits at a terminal turns back by hand; its time may be a simulated one that flies
        if (keys[1] - before[1]) % 2:
            self._long(now)

    def _short(self, now: int) -> None:
        self.presses += 1
        if self.light is not Light.DARK:
            self.page = (self.page + 1) % self._pages
            self._turned_at = now
        self._touch(now)
        if self.light is Light.DARK:
            self.light = Light.BRIGHT            # the next of several presses turns the page

    def _long(self, now: int) -> None:
        self.presses += 1
        self._by_hand = self.light is Light.BRIGHT
        self._touch(now)

    def _touch(self, now: int) -> None:
        self._touched_at = now
