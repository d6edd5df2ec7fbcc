"""Our end: demultiplexer, IPv6 host and TCP endpoint over the libpcap interface, in real time, driven by the harness."""
from __future__ import annotations

import random
import select
import time
from pathlib import Path
from typing import Any, Callable

from drivers.nic_ears import NicConfig
from drivers.nic_pcap import PcapNic
from kernel.timer import S
from tasks.ethernet.demux import Demux
from tasks.ethernet.wire import ETHERTYPE_IPV6
from tasks.ipv6.config import Ipv6Config
from tasks.ipv6.host import Host
from tasks.messages import Packet, TcpClosed, TcpConnected, TcpData
from tasks.tcp.config import TcpConfig
from tasks.tcp.connection import Connection
from tasks.tcp.endpoint import Endpoint

FRAMES = 32              # taken from the interface in one step, as the product's task does
QUEUED = 16_384          # octets that our application lets wait in the send queue
MESSAGE = 4096           # octets that our application writes at once
PATIENCE_S = 60.0        # of `until`, where a case says nothing else


class Own:
    """An application on our stack: what it has heard, and what it still has to say."""

    def __init__(self, interface: str, mac: bytes, sys_net: Path) -> None:
        self.nic = PcapNic(NicConfig(interface=interface), sys_net)
        self.mac = mac
        self.demux = Demux(mac)
        self.others: dict[int, Callable[[], None]] = {}      # more descriptors to wait for, and what then to do
        self.begin()

    def begin(self, isn: Callable[..., int] | None = None, **config: Any) -> Endpoint:
        """A new stack, and an application that has heard nothing."""
        rng = random.SystemRandom()
        self.host = Host(self.mac, Ipv6Config(), rng)
        self.endpoint = Endpoint(self.host.address, TcpConfig(**config), rng, isn)
        self.heard = bytearray()
        self.connected = 0
        self.closed: list[Any] = []
        self.to_send = b""
        self.sent = 0
        self.reading = True
        self.close_after_sending = False
        self.last: Connection | None = None      # of the latest session, also after its end
        return self.endpoint

    def say(self, data: bytes, *, close: bool = False) -> None:
        self.to_send, self.sent, self.close_after_sending = data, 0, close
        self.flush(time.monotonic_ns())

    @property
    def said(self) -> bool:
        """Everything is written, acknowledged, or lost with its connection."""
        return self.sent >= len(self.to_send) and (self.endpoint.session is None or not self.endpoint.session.connection.tx.unfinished)

    def step(self, wait_s: float) -> None:
        """Wait for something to do, at most `wait_s`, and do it: frames, timers, the application, frames."""
        endpoint, host = self.endpoint, self.host
        now = time.monotonic_ns()
        nearest = min(endpoint.next_timer(), host.next_timer(), now + int(wait_s * S))
        readable, _, _ = select.select([self.nic.fileno(), *self.others], [], [], max(0, nearest - now) / S)
        for number in readable:
            if number in self.others:
                self.others[number]()
        now = time.monotonic_ns()
        for at, frame in self.nic.receive(FRAMES, now):
            if self.demux.sort(frame) == ETHERTYPE_IPV6:
                host.receive(Packet(at, frame), now)
        for datagram in host.tcp():
            endpoint.receive(datagram, now)
        for event in host.events():
            if type(event).__name__ == "Unreachable":
                endpoint.unreachable(event, now)
        if endpoint.session is not None:
            self.last = endpoint.session.connection
        endpoint.handle_timer(now)
        host.handle_timer(now)
        self.flush(now)

    def flush(self, now: int) -> None:
        """The application's turn, then everything out."""
        host = self.host
        self._application(now)
        for item in self.endpoint.outgoing():
            host.send(item, now)
        for frame in host.outgoing():
            self.nic.send(frame, now)

    def _application(self, now: int) -> None:
        endpoint = self.endpoint
        for event in endpoint.events() if self.reading else ():
            if type(event) is TcpData:
                self.heard += event.data
            elif type(event) is TcpConnected:
                self.connected += 1
            elif type(event) is TcpClosed:
                self.closed.append(event.reason)
        session = endpoint.session
        if not self.connected or session is None:
            return
        while self.sent < len(self.to_send) and session.connection.tx.queued < QUEUED and endpoint.session is session:
            chunk = self.to_send[self.sent:self.sent + MESSAGE]
            if not endpoint.send(chunk, now):
                break
            self.sent += len(chunk)
        if self.close_after_sending and self.sent >= len(self.to_send):
            self.close_after_sending = False
            endpoint.close(now)

    def until(self, done: Callable[[], bool], limit_s: float = PATIENCE_S) -> bool:
        """Runs until `done`; False when that takes longer than `limit_s`."""
        end = time.monotonic() + limit_s
        while not done():
            if time.monotonic() >= end:
                return False
            self.step(0.25)
        return True

    def during(self, seconds: float) -> None:
        """Runs for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.step(max(0.0, end - time.monotonic()))

    def connect(self, address: bytes, port: int, mac: bytes | None = None, timeout_s: float = 20.0) -> None:
        self.endpoint.connect(address, port, mac, int(timeout_s * S), time.monotonic_ns())
        self.last = self.endpoint.session.connection if self.endpoint.session else None
        self.flush(time.monotonic_ns())

    def close(self) -> None:
        self.endpoint.close(time.monotonic_ns())
        self.flush(time.monotonic_ns())

    def abort(self) -> None:
        self.endpoint.abort(time.monotonic_ns())
        self.flush(time.monotonic_ns())
