"""Binds the IPv6 host and the SDP machines to their mailboxes, the journal and the signal `own_address`."""
from __future__ import annotations

from typing import Any

from kernel.channels import Mailbox, Signal
from kernel.journal import Journal
from tasks.ipv6.host import Host
from tasks.ipv6.sdp import SdpClient, SdpServer
from tasks.machine import Checkpoint, Note
from tasks.messages import (Datagram, Discovered, DiscoveryFailed, Packet, SendDatagram, StartDiscovery, StopDiscovery,
                            Unreachable)

LIMIT = 32               # packets of each kind per run


def _note(journal: Journal, now: int, source: str, event: Any) -> None:
    if type(event) is Checkpoint:
        journal.checkpoint(now, source, event.number, event.text)
    elif type(event) is Note:
        if event.level == "info":
            journal.note(now, source, event.text, *event.args)
        else:
            journal.limited(now, source, event.text, event.text, *event.args)


class Ipv6Task:
    """Packets in, datagrams up; datagrams down, frames out."""

    def __init__(self, host: Host, inbox: Mailbox[Packet], send: Mailbox[SendDatagram], frames_out: Mailbox[bytes],
                 udp_out: Mailbox[Datagram], tcp_out: Mailbox[Datagram | Unreachable], own_address: Signal[bytes],
                 journal: Journal) -> None:
        self.host = host
        self.inboxes: tuple[Mailbox, ...] = (inbox, send)
        self._inbox = inbox
        self._send = send
        self._frames_out = frames_out
        self._udp_out = udp_out
        self._tcp_out = tcp_out
        self._own_address = own_address.claim("ipv6")
        self._own_address.set(host.address, 0)       # known before the first run: sdp and tcp need it to begin
        self._address = host.address
        self._timer_at = 0                           # the host has nothing to do by itself before
        self._journal = journal

    def run(self, now: int) -> int:
        host = self.host
        for packet in self._inbox.drain(LIMIT):
            host.receive(packet, now)
        for item in self._send.drain(LIMIT):
            host.send(item, now)
        if now >= self._timer_at:
            host.handle_timer(now)
        for frame in host.outgoing():
            self._frames_out.put(frame)
        for datagram in host.tcp():
            self._tcp_out.put(datagram)
        for datagram in host.udp():
            self._udp_out.put(datagram)
        for event in host.events():
            if type(event) is Unreachable:
                self._tcp_out.put(event)
                self._journal.note(now, "ipv6", "neighbour %s not found", event.address.hex(), level="warning")
            else:
                _note(self._journal, now, "ipv6", event)
        if host.address != self._address:
            self._address = host.address
            self._own_address.set(host.address, now)
        self._timer_at = deadline = host.next_timer()
        if len(self._inbox) or len(self._send):
            return now
        return deadline


class SdpTask:
    """Commands and datagrams to the client (car) or the server (charger), its findings to the connection."""

    def __init__(self, machine: SdpClient | SdpServer, commands: Mailbox[StartDiscovery | StopDiscovery],
                 datagrams: Mailbox[Datagram], send: Mailbox[SendDatagram],
                 events: Mailbox[Discovered | DiscoveryFailed], own_address: Signal[bytes], journal: Journal) -> None:
        self.machine = machine
        self.inboxes: tuple[Mailbox, ...] = (commands, datagrams)
        self._commands = commands
        self._datagrams = datagrams
        self._send = send
        self._events = events
        self._own_address = own_address
        self._journal = journal

    def run(self, now: int) -> int:
        machine = self.machine
        machine.address = self._own_address.value or machine.address
        for command in self._commands.drain(LIMIT):
            if type(command) is StartDiscovery:
                machine.start(now)
            else:
                machine.stop()
        for datagram in self._datagrams.drain(LIMIT):
            machine.receive(datagram, now)
        machine.handle_timer(now)
        for item in machine.outgoing():
            self._send.put(item)
        for event in machine.events():
            if type(event) is Discovered or type(event) is DiscoveryFailed:
                self._events.put(event)
            else:
                _note(self._journal, now, "sdp", event)
        if len(self._commands) or len(self._datagrams):
            return now
        return machine.next_timer()
