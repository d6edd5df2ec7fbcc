"""Binds the IPv6 host and the SDP machines to their mailboxes, the journal and the signal `own_address`."""
from __future__ import annotations

from typing import Any

from kernel.channels import Mailbox
from kernel.journal import Journal
from tasks.ipv6.host import Host
from tasks.ipv6.sdp import SdpClient, SdpServer
from tasks.ipv6.strangers import StrangerSeen, Suspicion
from tasks.machine import Checkpoint, Note
from tasks.messages import (NOBODY, AcceptStation, Datagram, Discovered, DiscoveryFailed, HoldNeighbor, Packet, SendDatagram,
                            StartDiscovery, StopDiscovery, Unreachable)
from tasks.signals import Signals

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
    """Packets in, datagrams up; datagrams down, frames out. What strangers try is told in the journal and in `stranger_notice`."""

    def __init__(self, host: Host, inbox: Mailbox[Packet], send: Mailbox[SendDatagram | AcceptStation | HoldNeighbor | StrangerSeen],
                 frames_out: Mailbox[bytes], udp_out: Mailbox[Datagram], tcp_out: Mailbox[Datagram | Unreachable], signals: Signals,
                 journal: Journal) -> None:
        self.host = host
        self.inboxes: tuple[Mailbox, ...] = (inbox, send)
        self.lost_out = 0                            # frames that found no room in the outgoing mailbox
        self._inbox = inbox
        self._send = send
        self._frames_out = frames_out
        self._udp_out = udp_out
        self._tcp_out = tcp_out
        self._own_address = signals.own_address.claim("ipv6")
        self._notice = signals.stranger_notice.claim("ipv6")
        self._station = signals.station.claim("ipv6")
        self._taken = signals.kernel_addresses
        self._taken_seen: object = None
        self._timer_at = 0                           # the host has nothing to do by itself before
        self._journal = journal
        host.accept(NOBODY)                          # who connects before discovery has begun would keep the peer out
        self._look_at_kernel(max(0, self._taken.at))
        self._own_address.set(host.address, 0)       # known before the first run: sdp and tcp need it to begin
        self._address = host.address

    def run(self, now: int) -> int:
        host = self.host
        if self._taken.value is not self._taken_seen:
            self._look_at_kernel(now)
        for packet in self._inbox.drain(LIMIT):
            host.receive(packet, now)
        for item in self._send.drain(LIMIT):
            if type(item) is SendDatagram:
                host.send(item, now)
            else:
                self._obey(item, now)
        if now >= self._timer_at:
            host.handle_timer(now)
        for frame in host.outgoing():
            if not self._frames_out.put(frame):
                self.lost_out += 1
        for datagram in host.tcp():
            self._tcp_out.put(datagram)
        for datagram in host.udp():
            self._udp_out.put(datagram)
        for event in host.events():
            self._tell(event, now)
        if host.address != self._address:
            self._address = host.address
            self._own_address.set(host.address, now)
        self._timer_at = deadline = host.next_timer()
        if len(self._inbox) or len(self._send):
            return now
        return deadline

    def _obey(self, item: AcceptStation | HoldNeighbor | StrangerSeen, now: int) -> None:
        """What TCP and SDP know of the peer."""
        host = self.host
        if type(item) is HoldNeighbor:
            host.neighbor.hold(item.address, item.mac, now)
            if item.mac is None:
                self._look_at_kernel(now)            # what had to wait for the end of the stream
            self._favour(now)
        elif type(item) is AcceptStation:
            host.accept(item.mac)
            self._favour(now)
            if self._notice.signal.value:            # discovery begins anew: what was tried before is history
                self._notice.set("", now)
        else:
            host.strangers.seen(item.trick, item.mac, now, item.count)

    def _favour(self, now: int) -> None:
        """Whose frames come first: who has the stream, otherwise the peer."""
        neighbor = self.host.neighbor
        self._station.set(neighbor.held_mac or neighbor.peer or None, now)

    def _tell(self, event: Any, now: int) -> None:
        if type(event) is Unreachable:
            self._tcp_out.put(event)
            self._journal.note(now, "ipv6", "neighbour %s not found", event.address.hex(":", 2), level="warning")
        elif type(event) is Suspicion:
            self._journal.note(now, "ipv6", event.text, *event.args, level="warning")
            self._notice.set(event.short, now)
        else:
            _note(self._journal, now, "ipv6", event)

    def _look_at_kernel(self, now: int) -> None:
        """The operating system's own IPv6 may have taken our address: both would answer, so we take another one."""
        self._taken_seen = self._taken.value
        for address in self._taken.value or ():
            if self.host.avoid(address):
                self._journal.note(now, "ipv6", "the operating system has our address %s on this interface; taking %s", address.hex(":", 2),
                                   self.host.address.hex(":", 2), level="warning")


class SdpTask:
    """Commands and datagrams to the client (car) or the server (charger), its findings to the connection."""

    def __init__(self, machine: SdpClient | SdpServer, commands: Mailbox[StartDiscovery | StopDiscovery],
                 datagrams: Mailbox[Datagram], send: Mailbox[SendDatagram | AcceptStation | StrangerSeen],
                 events: Mailbox[Discovered | DiscoveryFailed], signals: Signals, journal: Journal) -> None:
        self.machine = machine
        self.inboxes: tuple[Mailbox, ...] = (commands, datagrams)
        self._commands = commands
        self._datagrams = datagrams
        self._send = send
        self._events = events
        self._own_address = signals.own_address
        self._peer_mac = signals.peer_mac
        self._journal = journal

    def run(self, now: int) -> int:
        machine = self.machine
        machine.address = self._own_address.value or machine.address
        for command in self._commands.drain(LIMIT):
            if type(command) is StartDiscovery:
                matched = self._peer_mac.value       # None: the link is assumed, nobody was matched
                self._send.put(AcceptStation(matched))
                machine.start(now, matched)
            else:
                self._send.put(AcceptStation(NOBODY))        # torn down: the next one may be another
                machine.stop()
        for datagram in self._datagrams.drain(LIMIT):
            machine.receive(datagram, now)
        machine.handle_timer(now)
        for item in machine.outgoing():
            self._send.put(item)
        for event in machine.events():
            if type(event) is Discovered or type(event) is DiscoveryFailed:
                self._events.put(event)
            elif type(event) is AcceptStation or type(event) is StrangerSeen:
                self._send.put(event)
            else:
                _note(self._journal, now, "sdp", event)
        if len(self._commands) or len(self._datagrams):
            return now
        return machine.next_timer()
