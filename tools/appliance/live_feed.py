"""The row that tells the live view what changed, and takes from it what its gate lets through. It waits for nobody: what finds no room is sent later, or counted."""
from __future__ import annotations

import base64
from collections import deque
from typing import Any, Callable, Sequence

from kernel.channels import Mailbox
from kernel.journal import Event, Journal
from kernel.task import TIMED, WHEN_IDLE, Row
from kernel.timer import MS, NEVER, S, US
from tasks.signals import Signals
from tasks.user.remote import RemoteGate
from tools.live import wire
from tools.live.facts import FACTS, LEFT_OUT, facts, plain

SOURCE = "live"
PERIOD = 200 * MS
BUDGET = 1500 * US               # 150 signals looked at and 20 of them sent: 0.2 ms on a PC
MAX_EVENTS = 256                 # that wait for the viewer
EVENTS_PER_DATAGRAM = 8          # of MAX_TEXT characters each, six octets per character at the worst
VALUES_PER_DATAGRAM = 24         # the longest are texts of 400 characters, and few
COMMANDS_PER_RUN = 8             # datagrams of the viewer that one run looks at
HELLO_GAP = 2 * S                # a full picture costs ten times as much as what changes
REMOTE_ITEMS = 4                 # wishes that wait for the row `user`


class LiveFeed:
    """A row, and a sink of the journal. Counters: `sent` datagrams, `stalled` runs in which the viewer took no more, `lost` events, `gate.refused`."""

    inboxes = ()

    def __init__(self, channel: Any, signals: Signals, journal: Journal, *, role: str, about: str, epoch: int, commands: bool) -> None:
        """`channel`: a drivers.guard.Channel, or a test's. `epoch`: ns since 1970 at which the box's clock counts from. `commands`: False: nothing is admitted."""
        self.gate = RemoteGate()
        self.sent = 0
        self.stalled = 0
        self.lost = 0
        self.watchers = 0                        # pages that are open, as the viewer says
        self._channel = channel
        self._journal = journal
        self.remote: Mailbox | None = Mailbox("remote", REMOTE_ITEMS) if commands else None      # admitted wishes, for the row `user`
        self.pages: Callable[[], Sequence[bytes]] | None = None      # of the display, as soon as there is one
        self._about = {"about": about, "role": role, "commands": self.remote is not None, "epoch": round(epoch / S, 3)}
        self._signals = signals
        self._named = [signal for signal in signals if signal.name not in LEFT_OUT]
        self._role = role
        self._events: deque[Event] = deque()
        self._raw: dict[str, Any] = {}           # as the viewer knows them; a value that it was not told is not in here
        self._picture: list[bytes | None] = [None] * 8
        self._greeted = False                    # the viewer has asked for the full picture, and its head is sent
        self._asked = False
        self._next_hello = 0
        self._wrong_told = False
        self._gone_told = False

    def row(self) -> Row:
        return Row(SOURCE, self, TIMED, BUDGET, WHEN_IDLE)

    def __call__(self, event: Event) -> None:
        """A journal sink: kept until the viewer takes it."""
        if len(self._events) >= MAX_EVENTS:
            self._events.popleft()
            self.lost += 1
        self._events.append(event)

    def run(self, now: int) -> int:
        self._hear(now)
        if self._channel.closed:
            return self._gone(now)
        if self._asked or self._greeted:
            self._tell(now)
        return now + PERIOD

    # --- from the viewer

    def _hear(self, now: int) -> None:
        for data in self._channel.receive(COMMANDS_PER_RUN):
            if data == wire.HELLO:
                if now >= self._next_hello:
                    self._asked, self._next_hello = True, now + HELLO_GAP
                continue
            pages = wire.read_pages(data)
            if pages is not None:
                self.watchers = pages
                continue
            if self.remote is None:              # this box takes no commands from a page
                self.gate.refused += 1
                continue
            wish = self.gate.admit(data, now)
            if wish is not None:
                self.remote.put(wish)
        if self.gate.refused and not self._wrong_told:
            self._wrong_told = True
            self._journal.note(now, SOURCE, "the process of the live view sent what is no command: refused, and only counted from now on. If you did not try that "
                               "yourself, switch the live view off (live.enabled: false) and look who can reach its page", level="warning")

    def _gone(self, now: int) -> int:
        if not self._gone_told:
            self._gone_told = True
            self._journal.note(now, SOURCE, "the live view's process is gone, and nobody starts it again before this program starts anew; the charge is not touched by it",
                               level="warning")
            self._events.clear()
        return NEVER

    # --- to the viewer

    def _tell(self, now: int) -> None:
        """Head, values, events, picture, sign of life, as far as the viewer takes them; what is not taken still differs at the next run."""
        at = round(now / S, 3)
        if self._asked:
            if not self._send(wire.pack("box", **self._about)):
                return
            self._asked, self._greeted = False, True
            self._raw.clear()
            self._picture = [None] * 8
        if self._tell_values(now, at) and self._tell_events(at) and self._tell_picture(at):
            self._send(wire.pack("beat", t=at, lost=self.lost))

    def _tell_values(self, now: int, at: float) -> bool:
        raw, changed = self._raw, []
        for signal in self._named:
            value = signal.get(now)
            if signal.name not in raw or raw[signal.name] != value:
                changed.append((signal.name, value))
        for name, value in zip(FACTS, facts(self._signals, now, self._role), strict=True):
            if name not in raw or raw[name] != value:
                changed.append((name, value))
        for begin in range(0, len(changed), VALUES_PER_DATAGRAM):
            part = changed[begin:begin + VALUES_PER_DATAGRAM]
            if not self._send_split("values", at, "v", [(name, plain(value)) for name, value in part], dict):
                return False
            raw.update(part)
        return True

    def _tell_events(self, at: float) -> bool:
        while self._events:
            part = [self._events[n] for n in range(min(EVENTS_PER_DATAGRAM, len(self._events)))]
            listed = [[round(e.at / S, 3), e.source, e.level, e.message()[:wire.MAX_TEXT], e.number] for e in part]
            if not self._send_split("events", at, "e", listed, list):
                return False
            for _ in part:
                self._events.popleft()
        return True

    def _tell_picture(self, at: float) -> bool:
        if self.pages is None:
            return True
        pages = self.pages()
        changed = {n: page for n, page in enumerate(pages[:8]) if page != self._picture[n]}
        if changed:
            if not self._send(wire.pack("oled", t=at, p={str(n): base64.b64encode(page).decode() for n, page in changed.items()})):
                return False
            for n, page in changed.items():
                self._picture[n] = bytes(page)
        return True

    def _send_split(self, kind: str, at: float, key: str, items: list, shape: type) -> bool:
        """One datagram, or two halves of one that would be too long; an item that fits into none is lost, and counted."""
        try:
            data = wire.pack(kind, t=at, **{key: shape(items)})
        except ValueError:
            half = len(items) // 2
            if not half:
                self.lost += 1
                return True
            return self._send_split(kind, at, key, items[:half], shape) and self._send_split(kind, at, key, items[half:], shape)
        return self._send(data)

    def _send(self, data: bytes) -> bool:
        if self._channel.send(data):
            self.sent += 1
            return True
        self.stalled += 1
        return False
