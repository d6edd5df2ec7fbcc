"""What the person at the box wants: keys and process signals become a stop of the session."""
from __future__ import annotations

from typing import Callable, Protocol

from kernel.channels import Mailbox
from kernel.journal import Journal
from kernel.timer import MS
from tasks.messages import StopSession
from tasks.stop_reasons import StopReason

POLL = 400 * MS                  # how often keys and the terminate flag are looked at
STOP_KEYS = frozenset(" qQ")


class Keys(Protocol):
    """A source of single characters; empty when none was pressed."""

    def read(self) -> str: ...


class UserTask:
    """Space or q, or a process signal, stops the session; later presses repeat the wish and harm nothing."""

    def __init__(self, keys: Keys, terminate: Callable[[], bool], stop: Mailbox[StopSession], journal: Journal) -> None:
        """`terminate()` is True once the process was asked to end (SIGTERM, SIGINT)."""
        self.inboxes = ()
        self._keys = keys
        self._terminate = terminate
        self._stop = stop
        self._journal = journal
        self._told = False
        self.presses = 0

    def run(self, now: int) -> int:
        pressed = any(key in STOP_KEYS for key in self._keys.read())
        ending = not self._told and self._terminate()
        if pressed or ending:
            self.presses += pressed
            self._told = self._told or ending
            self._journal.note(now, "user", "stop asked for by %s", "key" if pressed else "process signal")
            self._stop.put(StopSession(StopReason.USER_STOP))
        return now + POLL
