"""Adapter of joining: what ListenTask overhears comes in, requests to the own modem go out through its guarded door."""
from __future__ import annotations

from drivers.interfaces import OwnModem
from kernel.channels import Mailbox
from kernel.journal import Journal
from tasks.ethernet.task import Tap
from tasks.listen.join import Joining
from tasks.signals import Signals

INBOX = 32               # messages that concern joining
LIMIT = 16               # of them per run


class JoinTask:
    """Constructed only with `listen.join`. The one task of a listener that can send, and only to the own modem."""

    def __init__(self, joining: Joining, messages: Mailbox, door: OwnModem, signals: Signals, journal: Journal, tap: Tap | None = None) -> None:
        self.inboxes: tuple[Mailbox, ...] = (messages,)
        self.joining = joining
        self.door = door
        self._messages = messages
        self._journal = journal
        self._tap = tap
        self._joined = signals.listen_joined.claim("join")
        self._refused = 0

    def run(self, now: int) -> int:
        joining = self.joining
        for message in self._messages.drain(LIMIT):
            joining.receive(message, now)
        joining.handle_timer(now)
        for message in joining.outgoing():
            self._send(message.emit(), now)
        for note in joining.events():
            self._journal.note(now, "join", note.text, *note.args, level=note.level)
        self._joined.set(joining.text, now)
        return now if len(self._messages) else joining.next_timer()

    def _send(self, frame: bytes, now: int) -> None:
        if self.door.send(frame, now):
            if self._tap is not None:
                self._tap(now, frame, True)
        elif self.door.refused != self._refused:
            self._refused = self.door.refused
            self._journal.limited(now, "join", "refused", "a frame that is not for the own modem alone was refused (%d so far)", self._refused, level="error")
        else:
            self._journal.limited(now, "join", "send", "the interface does not take frames to the own modem: is it up?")
