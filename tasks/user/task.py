"""What the person at the box wants: keys and process signals become a stop, a pause, a new beginning, less or more power, another page.

Whoever looks at the live view may do two of these, a stop and less power (remote.py); only the person at the box may undo the second.
"""
from __future__ import annotations

from typing import Callable, Protocol

from kernel.channels import Mailbox, Signal
from kernel.journal import Journal
from kernel.timer import MS
from tasks.messages import PauseSession, RemoteLower, RemoteStop, StartSession, StopSession
from tasks.stop_reasons import StopReason

POLL = 100 * MS                  # how often keys and the terminate flag are looked at: a stop has 2 s, and the other side needs most of them
STOP_KEYS = frozenset(" qQ")
PAGE_KEY, LIGHT_KEY = "d", "D"   # of the display: its next page; dim, or bright again
START_KEYS = frozenset("sS")
PAUSE_KEYS = frozenset("pP")
SHARE_STEPS = {"-": -10.0, "+": 10.0}     # percent
LEAST_SHARE, WHOLE_SHARE = 10.0, 100.0     # percent; nothing at all is a pause or a stop
REMOTE_PER_RUN = 4               # wishes of the live view; its gate lets less through
UNPLUGGED = "Unplugged"          # state of the connection supervision (tasks/connection/ladder.py)


class Keys(Protocol):
    """A source of single characters; empty when none was pressed."""

    def read(self) -> str: ...


class UserTask:
    """Space or q, or a process signal, stops the session; p pauses it, s goes on or begins again and releases a trip that a person may release;
    - and + lower and raise the power; d turns the display's page, D dims it or makes it bright again.

    Later presses repeat the wish and harm nothing.
    """

    def __init__(self, keys: Keys, terminate: Callable[[], bool], wishes: Mailbox[StopSession | PauseSession | StartSession],
                 share: Signal[float], journal: Journal, display: Signal[tuple[int, int]] | None = None,
                 reset: Signal[bool] | None = None, remote: Mailbox[RemoteStop | RemoteLower] | None = None, connection: Signal[str] | None = None) -> None:
        """`terminate()` is True once the process was asked to end (SIGTERM, SIGINT). `share`: percent of the power limit that the person allows.
        `display`: how often which of its two keys was pressed; None: there is no display. `reset`: where the wish to release a trip goes.
        `remote`: wishes of the live view, None: there is none. `connection`: state of the connection supervision; what the live view has lowered lapses
        with the plug-in, for a box without a keyboard has nobody who could raise it.
        """
        self.inboxes = () if remote is None else (remote,)
        self._remote = remote
        self._connection = connection
        self._unplugged = False
        self._cap = WHOLE_SHARE                  # what the live view has lowered the share to
        self._keys = keys
        self._terminate = terminate
        self._wishes = wishes
        self._share = share.claim("user")
        self._percent = WHOLE_SHARE
        self._display = None if display is None else display.claim("user")
        self._turned = (0, 0)
        self._reset = None if reset is None else reset.claim("user")
        self._journal = journal
        self._told = False
        self.presses = 0

    def run(self, now: int) -> int:
        keys = self._keys.read()
        pressed = any(key in STOP_KEYS for key in keys)
        ending = not self._told and self._terminate()
        if pressed or ending:
            self.presses += pressed
            self._told = self._told or ending
            self._journal.note(now, "user", "stop asked for by %s", "key" if pressed else "process signal")
            self._wishes.put(StopSession(StopReason.USER_STOP, leaving=ending))
        elif any(key in PAUSE_KEYS for key in keys):
            self._journal.note(now, "user", "pause asked for by key")
            self._wishes.put(PauseSession())
        elif any(key in START_KEYS for key in keys):
            self._journal.note(now, "user", "new beginning asked for by key")
            self._wishes.put(StartSession())
            if self._reset is not None:
                self._reset.set(True, now)
        self._change_share(sum(SHARE_STEPS.get(key, 0.0) for key in keys), now)
        if self._remote is not None:
            self._hear(self._remote, now)
        if self._display is not None and (PAGE_KEY in keys or LIGHT_KEY in keys):
            self._turned = self._turned[0] + keys.count(PAGE_KEY), self._turned[1] + keys.count(LIGHT_KEY)
            self._display.set(self._turned, now)
        return now + POLL

    def _change_share(self, step: float, now: int) -> None:
        """By key: from what is in force, whoever has set it."""
        before = self._in_force
        percent = min(WHOLE_SHARE, max(LEAST_SHARE, before + step))
        if percent != before:
            self._percent, self._cap = percent, WHOLE_SHARE
            self._journal.note(now, "user", "power limited to %.0f %% by key", percent)
            self._share.set(percent, now)

    @property
    def _in_force(self) -> float:
        return min(self._percent, self._cap)

    def _hear(self, remote: Mailbox[RemoteStop | RemoteLower], now: int) -> None:
        """The live view: a stop as by key, or less power than now. Nothing else has a branch here."""
        for wish in remote.drain(REMOTE_PER_RUN):
            if type(wish) is RemoteStop:
                self._journal.note(now, "user", "stop asked for by the live view (%s)", wish.source)
                self._wishes.put(StopSession(StopReason.USER_STOP))
            elif type(wish) is RemoteLower:
                before = self._in_force
                if LEAST_SHARE <= wish.percent < before:
                    self._cap = float(wish.percent)
                    self._journal.note(now, "user", "power limited to %d %% by the live view (%s)", wish.percent, wish.source)
                    self._share.set(self._cap, now)
                else:
                    self._journal.limited(now, "user", "remote share", "power stays at %.0f %%: the live view (%s) may only lower it, and asked for %d %%",
                                          before, wish.source, wish.percent)
        unplugged, self._unplugged = self._unplugged, self._connection is not None and self._connection.value == UNPLUGGED
        if self._unplugged and not unplugged and self._cap != WHOLE_SHARE:
            self._cap = WHOLE_SHARE
            self._journal.note(now, "user", "unplugged: what the live view had lowered counts no more, power limited to %.0f %%", self._percent)
            self._share.set(self._percent, now)
