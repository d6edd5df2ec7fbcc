"""What the person at the box wants: keys and process signals become a stop of the session, another key a new beginning."""
from __future__ import annotations

from typing import Callable, Protocol

from kernel.channels import Mailbox
from kernel.journal import Journal
from kernel.timer import MS
from tasks.messages import StartSession, StopSession
from tasks.stop_reasons import StopReason

POLL = 400 * MS                  # how often keys and the terminate flag are looked at
STOP_KEYS = frozenset(" qQ")
START_KEYS = frozenset("sS")


class Keys(Protocol):
    """A source of single characters; empty when none was pressed."""

    def read(self) -> str: ...


class UserTask:
    """Space or q, or a process signal, stops the session; s begins again after an end. Later presses repeat the wish and harm nothing."""

    def __init__(self, keys: Keys, terminate: Callable[[], bool], wishes: Mailbox[StopSession | StartSession], journal: Journal) -> None:
        """`terminate()` is True once the process was asked to end (SIGTERM, SIGINT)."""
        self.inboxes = ()
        self._keys = keys
        self._terminate = terminate
        self._wishes = wishes
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
            self._wishes.put(StopSession(StopReason.USER_STOP))
        elif any(key in START_KEYS for key in keys):
            self._journal.note(now, "user", "new beginning asked for by key")
            self._wishes.put(StartSession())
        return now + POLL
