"""The V2G task: cuts the stream into messages, decodes them, lets the session's machine answer, renews its wishes."""
from __future__ import annotations

from typing import Any

from exi_native.errors import ExiError
from kernel.channels import Mailbox
from kernel.journal import Journal
from kernel.timer import S, Timer
from tasks.errors import WireError
from tasks.machine import Checkpoint, Note, StateChanged
from tasks.messages import (AbortSession, ForgetPause, PrepareSession, SessionEnded, SessionEstablished, TcpClose, TcpClosed, TcpConnected, TcpData,
                            TcpSend)
from tasks.signals import Signals
from tasks.stop_reasons import StopReason
from tasks.v2g import v2gtp
from tasks.v2g.session import Session
from tasks.v2g.sides import WRITER, EvseSide, PevSide

INBOX_LIMIT = 16             # items per run; a session has one message under way
COMMAND_LIMIT = 4
CLOSE_DELAY = 2 * S          # a charger leaves the closing to the car for so long (EVerest 2 s, sheet 7.1)


class V2gTask:
    """One session at a time, from TcpConnected to SessionEnded. Counters: `undecodable`, `stray`, `sessions`."""

    def __init__(self, side: PevSide | EvseSide, codec: Any, inbox: Mailbox, commands: Mailbox, tcp: Mailbox,
                 connection: Mailbox, signals: Signals, journal: Journal) -> None:
        """`inbox`: from tcp (TcpConnected, TcpData, TcpClosed). `commands`: PrepareSession, ForgetPause, StopSession, AbortSession. `tcp`, `connection`: outgoing."""
        self.inboxes = (inbox, commands)
        self.side = side                 # a simulated peer wraps it (tools/simulate/fleet)
        self._codec = codec
        self._inbox = inbox
        self._commands = commands
        self._tcp = tcp
        self._connection = connection
        self._journal = journal
        self._state = signals.v2g_state.claim(WRITER)
        self._peer_heard = signals.peer_heard.claim(WRITER)
        self._session: Session | None = None
        self._deframer = v2gtp.Deframer()
        self._close = Timer()
        self._heard = False
        self.undecodable = 0
        self.stray = 0
        self.sessions = 0

    def run(self, now: int) -> int:
        side = self.side
        side.refresh(now)
        for item in self._inbox.drain(INBOX_LIMIT):
            self._take(item, now)
        for command in self._commands.drain(COMMAND_LIMIT):
            if type(command) is PrepareSession:
                side.prepare(self._codec)
            elif type(command) is ForgetPause:
                side.forget_pause()
            elif self._session is not None:
                if type(command) is AbortSession:
                    self._session.lost(command.reason, now)
                else:
                    self._session.stop(command.reason, now, command.urgent)
                self._flush(now)
        if self._session is not None and self._session.next_timer() <= now:
            self._session.handle_timer(now)
            self._flush(now)
        if self._close.take(now):
            self._tcp.put(TcpClose())
        renew_at = side.renew(now)
        if self._heard:
            self._heard = False
            self._peer_heard.set(True, now)
            side.report(now)
        if len(self._inbox) or len(self._commands):
            return now
        deadline = min(self._close.at, renew_at)
        return deadline if self._session is None else min(deadline, self._session.next_timer())

    def _take(self, item: object, now: int) -> None:
        kind = type(item)
        if kind is TcpData:
            if self._session is None:
                self.stray += 1
            else:
                self._data(item.data, now)
        elif kind is TcpConnected:
            if self._session is not None:
                self._session.lost(StopReason.TCP_RESET, now)
                self._flush(now)
            self._close.cancel()
            self._deframer = v2gtp.Deframer()
            self._session = self.side.new_session()
            self.sessions += 1
            self._session.start(now)
            self._flush(now)
        elif kind is TcpClosed:
            self._close.cancel()
            if self._session is not None:
                self._session.lost(item.reason or StopReason.TCP_CLOSED, now)
                self._flush(now)

    def _data(self, data: bytes, now: int) -> None:
        try:
            payloads = self._deframer.receive(data)
        except WireError as problem:
            self._bad(problem, now)
            return
        for payload in payloads:
            session = self._session
            if session is None:              # the session ended with a message before
                self.stray += 1
                return
            try:
                message = self._codec.decode(session.schema, payload)
            except ExiError as problem:
                self._bad(problem, now)
                return
            self._heard = True
            session.receive(message, now)
            self._flush(now)

    def _bad(self, problem: ValueError, now: int) -> None:
        """Octets that are no message: count, tell once a second, end the session."""
        self.undecodable += 1
        self._journal.limited(now, WRITER, "undecodable", "%s", problem)
        self._session.lost(StopReason.BAD_MESSAGE, now)
        self._flush(now)

    def _flush(self, now: int) -> None:
        """What the machine wants to send and tell goes out."""
        session = self._session
        for schema, message in session.outgoing():
            self._tcp.put(TcpSend(v2gtp.emit(self._codec.encode(schema, message))))
        for event in session.events():
            kind = type(event)
            if kind is Checkpoint:
                self._journal.checkpoint(now, WRITER, event.number, event.text)
            elif kind is StateChanged:
                self._state.set(event.new, now)
                self._journal.note(now, WRITER, "%s -> %s", event.old, event.new)
            elif kind is Note:
                self._journal.note(now, WRITER, event.text, *event.args, level=event.level)
            elif kind is SessionEstablished:
                self._connection.put(event)
            elif kind is SessionEnded:
                self._ended(event, now)

    def _ended(self, event: SessionEnded, now: int) -> None:
        self._journal.note(now, WRITER, "session ended: %s%s", event.reason.text, "" if event.normal else " (not in order)")
        self.side.renew(now)
        self._session = None
        if event.normal and self.side.waits_for_peer_close:
            self._close.arm(now, CLOSE_DELAY)
        else:
            self._tcp.put(TcpClose())
        self._connection.put(event)
