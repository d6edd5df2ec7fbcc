"""Binds the TCP endpoint to its mailboxes: datagrams and commands in, datagrams and events out."""
from __future__ import annotations

from collections import deque
from typing import Any

from kernel.channels import Mailbox, Signal
from kernel.journal import Journal
from kernel.timer import MS
from tasks.machine import Checkpoint, Note
from tasks.messages import (Datagram, HoldNeighbor, SendDatagram, TcpAbort, TcpClose, TcpClosed, TcpConnect, TcpConnected, TcpData,
                            TcpListen, TcpSend, Unreachable)
from tasks.tcp.endpoint import Endpoint

DATAGRAM_LIMIT = 32      # per run
COMMAND_LIMIT = 16       # per run
ROOM_POLL = 10 * MS      # look again when the V2G mailbox was full


class TcpTask:
    """`to_connection` and `to_v2g` both get TcpConnected and TcpClosed; only `to_v2g` gets TcpData."""

    def __init__(self, endpoint: Endpoint, inbox: Mailbox[Datagram | Unreachable],
                 commands: Mailbox[TcpConnect | TcpListen | TcpSend | TcpClose | TcpAbort], send: Mailbox[SendDatagram | HoldNeighbor],
                 to_connection: Mailbox[TcpConnected | TcpClosed], to_v2g: Mailbox[TcpConnected | TcpData | TcpClosed],
                 own_address: Signal[bytes], journal: Journal) -> None:
        self.endpoint = endpoint
        self.inboxes: tuple[Mailbox, ...] = (inbox, commands)
        self._inbox = inbox
        self._commands = commands
        self._send = send
        self._to_connection = to_connection
        self._to_v2g = to_v2g
        self._waiting: deque[Any] = deque()
        self._timer_at = 0               # the endpoint has nothing to do by itself before
        self._own_address = own_address
        self._journal = journal

    def run(self, now: int) -> int:
        endpoint = self.endpoint
        endpoint.address = self._own_address.value or endpoint.address
        for item in self._inbox.drain(DATAGRAM_LIMIT):
            if type(item) is Datagram:
                endpoint.receive(item, now)
            else:
                endpoint.unreachable(item, now)
        for command in self._commands.drain(COMMAND_LIMIT):
            self._obey(command, now)
        if now >= self._timer_at:
            endpoint.handle_timer(now)
        # A V2G task that does not keep up leaves its octets in the connection, and the peer's window closes.
        waiting, box = self._waiting, self._to_v2g
        room = box.capacity - len(box)
        if room > 0 and not waiting:
            waiting.extend(endpoint.events())
        while waiting and room > 0:
            self._report(waiting.popleft(), now)
            room = box.capacity - len(box)
        send = self._send
        for item in endpoint.outgoing():
            send.put(item)
        self._timer_at = deadline = endpoint.next_timer()
        if len(self._inbox) or len(self._commands):
            return now
        return deadline if room > 0 else min(deadline, now + ROOM_POLL)

    def _obey(self, command: Any, now: int) -> None:
        kind = type(command)
        endpoint = self.endpoint
        if kind is TcpSend:
            if not endpoint.send(command.data, now):
                self._journal.limited(now, "tcp", "send", "%d octets to send, but no stream takes them", len(command.data))
        elif kind is TcpConnect:
            endpoint.connect(command.address, command.port, command.mac, command.timeout, now)
        elif kind is TcpListen:
            endpoint.listen(command.port)
        elif kind is TcpClose:
            endpoint.close(now)
        else:
            endpoint.abort(now)

    def _report(self, event: Any, now: int) -> None:
        kind = type(event)
        if kind is TcpData:
            self._to_v2g.put(event)
        elif kind is Checkpoint:
            self._journal.checkpoint(now, "tcp", event.number, event.text)
        elif kind is Note:
            self._journal.note(now, "tcp", event.text, *event.args, level=event.level)
        else:
            if kind is TcpConnected:             # before its first segment leaves in this run: the neighbour cannot be moved any more
                self._send.put(HoldNeighbor(event.address, event.mac))
            elif kind is TcpClosed:
                self._send.put(HoldNeighbor(b"", None))
            self._to_connection.put(event)
            self._to_v2g.put(event)
