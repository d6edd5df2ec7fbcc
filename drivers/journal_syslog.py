"""The journal as syslog messages (RFC 5424) over UDP (RFC 5426) to one host, never over the modem's interface.

pyPLC broadcast its log through the modem: 47 to 75 % of all frames in its field captures are syslog (pyPLC study, 1.7), each one a broadcast
at the power line's slowest rate, and some chargers do not bear foreign IPv4 at all. There is no way to make that safe, so it is not offered: the
socket is bound to the interface through which the operating system reaches the host, and that must not be the modem's.
"""
from __future__ import annotations

import errno
import ipaddress
import os
import re
import socket
from collections import deque
from datetime import datetime, timezone
from pathlib import Path
from typing import Callable

from drivers.errors import DriverError
from drivers.route import SYS_NET, Address, Route, leads_over, route_to
from kernel.journal import Event
from kernel.record import dataclass, settings_class
from kernel.settings import setting
from kernel.timer import MS, S, Backoff

WAITING = 512             # events; a matching writes some 100 within a second. The oldest goes first, counted in `lost`
BATCH = 8                 # datagrams per run, some 20 us each
PERIOD = 100 * MS         # between runs while something waits: at most 80 datagrams per second
IDLE = 500 * MS           # otherwise: as often as the journal is flushed
LAST = 64                 # datagrams that `close` still sends
LOOK = 10 * S             # how often the route is asked for again
FIRST, CEILING = S, 30 * S
CALM = 60 * S             # so long without a failure: all is well again (what UDP loses is only told where the host refuses)
MAX_OCTETS = 1024         # of a datagram: RFC 5424 6.1 wants receivers to take 480 and recommends 2048; fits any link
FACILITY = 16             # local0
SEVERITY = {"error": 3, "warning": 4, "checkpoint": 5, "info": 6}      # RFC 5424, table 2
MAX_SEQUENCE = (1 << 31) - 1
BOM = b"\xef\xbb\xbf"     # begins a MSG of UTF-8
HIDDEN = "(hidden)"
REFUSED = "syslog: PLC network"
# An NMK is 16 octets: wherever as many hexadecimal digits stand together, with or without separators, they are hidden
KEY = re.compile(r"[0-9A-Fa-f]{32,}|[0-9A-Fa-f]{2}(?:[:\-][0-9A-Fa-f]{2}){15,}")
NOT_PRINTABLE = re.compile(r"[^!-~]")
NS_PER_S = 1_000_000_000


@settings_class(slots=True)
class SyslogConfig:
    """Section `syslog`: off as long as no host is named."""

    host: str = setting("", meaning=("IP address of the host that gets the journal as syslog (RFC 5424 over UDP); empty: off. Never the modem's network: "
                                     "pyPLC's syslog there was half of all frames and can disturb the charger"))
    port: int = setting(514, low=1, high=65535, meaning="UDP port of that host")


@dataclass(slots=True, frozen=True)
class Trouble:
    """`short`: at most 19 characters for the display."""

    problem: str
    remedy: str
    short: str = "syslog: no answer"


class SyslogSink:
    """A journal sink and a Polled device: `sink(event)` only queues, `run` sends. `lost`: events for which there was no room."""

    def __init__(self, config: SyslogConfig, interface: str, epoch_ns: int, *, route: Callable[[Address], Route] = route_to, sys_net: Path = SYS_NET,
                 hostname: str | None = None) -> None:
        """`interface`: the modem's, over which nothing may go. `epoch_ns`: ns since 1970 at which the journal's clock stood at 0."""
        try:
            self._address = ipaddress.ip_address(config.host)
        except ValueError:
            raise DriverError(f"syslog.host: {config.host!r} is not an IP address.", "Write the address itself, such as 192.168.1.10: asking a resolver could stop the box.") from None
        if self._address.is_multicast or self._address.is_unspecified or str(self._address) == "255.255.255.255":
            raise DriverError(f"syslog.host: {config.host} is not one host.", "Name the one that collects the logs: a broadcast would also go onto the power line.")
        self.name = f"syslog to {config.host} port {config.port}"
        self.fault = ""
        self.remedy = ""
        self.errors = 0
        self.lost = 0
        self.sent = 0
        self._target = (config.host, config.port)
        self._interface = interface
        self._epoch = epoch_ns
        self._route = route
        self._sys_net = sys_net
        self._host = NOT_PRINTABLE.sub("", hostname if hostname is not None else socket.gethostname())[:255] or "-"
        self._queue: deque[Event] = deque()
        self._head: bytes | None = None              # the oldest event as octets, kept while the socket is full
        self._socket: socket.socket | None = None
        self._over = ""                              # the interface that the socket is bound to
        self._told_lost = 0
        self._backoff = Backoff(FIRST, CEILING)
        self._open_at = self._look_at = 0
        self._failed_at = -CALM
        trouble = self._look()
        if trouble is not None and trouble.short == REFUSED:
            raise DriverError(trouble.problem, trouble.remedy)

    def __call__(self, event: Event) -> None:
        if len(self._queue) >= WAITING:
            self._queue.popleft()
            self._head = None
            self.lost += 1
        self._queue.append(event)

    def run(self, now: int) -> int:
        """At most BATCH datagrams; when the next are due."""
        if now < self._open_at:
            return min(self._open_at, now + S)
        if self._socket is None or now >= self._look_at:
            self._look_at = now + LOOK
            trouble = self._look()
            if trouble is not None:
                return self._failed(now, trouble)
        for _ in range(BATCH):
            if not self._queue:
                break
            try:
                if not self._send_oldest():
                    break
            except OSError as error:
                self._shut()
                return self._failed(now, Trouble(f"{self.name} does not work ({error.strerror}).", "Does a syslog server listen there? It is tried again."))
        if self.fault and now - self._failed_at >= CALM:
            self.fault = self.remedy = ""
            self._backoff.succeeded()
        return now + (PERIOD if self._queue else IDLE)

    def close(self) -> None:
        """What still waits, as far as the socket takes it; closing twice is harmless."""
        if self._socket is None:
            return
        try:
            for _ in range(min(LAST, len(self._queue))):
                if not self._send_oldest():
                    break
        except OSError:
            self.errors += 1
        self._shut()

    def _send_oldest(self) -> bool:
        """False when the socket takes nothing now; the event stays."""
        assert self._socket is not None
        if self._head is None:
            self._head = self._message(self._queue[0])
        try:
            self._socket.send(self._head)
        except BlockingIOError:
            return False
        self._head = None
        self._queue.popleft()
        self.sent += 1
        return True

    def _look(self) -> Trouble | None:
        """The route of now, and a socket that is bound to its interface."""
        try:
            route = self._route(self._address)
        except OSError as error:
            self._shut()
            return Trouble(f"{self.name}: no route ({error.strerror or error}).", "Check address, cable and route of the network to that host; it is tried again.")
        if not route.single or leads_over(route.interface, self._interface, self._sys_net):
            self._shut()
            return Trouble(f"{self.name} would go over {route.interface}, " + ("the network of the charger: syslog there disturbs charging and is refused."
                                                                              if route.single else "as a broadcast, which is refused."),
                           "Name a host that is reached over another interface, or leave syslog.host empty and keep the journal with --output.", REFUSED)
        if self._socket is not None and route.interface == self._over:
            return None
        self._shut()
        try:
            self._socket = self._open(route.interface)
        except OSError as error:
            return Trouble(f"{self.name} cannot be opened ({error.strerror}).", "The program needs CAP_NET_RAW to bind its log to one interface." if error.errno == errno.EPERM else
                           "Check address, cable and route of the network to that host; it is tried again.")
        self._over = route.interface
        return None

    def _open(self, interface: str) -> socket.socket:
        s = socket.socket(socket.AF_INET if self._address.version == 4 else socket.AF_INET6, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")      # a route that changes cannot lead it elsewhere
            s.connect(self._target)
        except OSError:
            s.close()
            raise
        return s

    def _failed(self, now: int, trouble: Trouble) -> int:
        """What is queued stays for the next try."""
        self.errors += 1
        self.fault, self.remedy = trouble.short, f"{trouble.problem} {trouble.remedy}"
        self._failed_at = now
        self._open_at = now + self._backoff.failed()
        return min(self._open_at, now + S)

    def _shut(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _message(self, event: Event) -> bytes:
        """RFC 5424, section 6: PRI VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID SD MSG; MSGID is where the line comes from."""
        priority = FACILITY * 8 + SEVERITY.get(event.level, 6)
        sequence = self.sent % MAX_SEQUENCE + 1
        source = NOT_PRINTABLE.sub("", event.source)[:32] or "-"
        head = f"<{priority}>1 {timestamp(event.at + self._epoch)} {self._host} ccsbox {os.getpid()} {source} [meta sequenceId=\"{sequence}\"] "
        text = (f"[{event.number}] " if event.number else "") + event.message()
        if self.lost > self._told_lost:
            text += f" ({self.lost - self._told_lost} lines lost before this one)"
            self._told_lost = self.lost
        text = redacted("".join(c if c.isprintable() else " " for c in text))
        body = text.encode() if text.isascii() else BOM + text.encode("utf-8", "replace")
        octets = head.encode() + body
        return octets if len(octets) <= MAX_OCTETS else octets[:MAX_OCTETS].decode("utf-8", "ignore").encode()

    @property
    def waiting(self) -> int:
        return len(self._queue)


def redacted(text: str) -> str:
    """Without network keys, whatever else of that length is hidden with them: this goes over a network in the clear."""
    return KEY.sub(HIDDEN, text)


def timestamp(ns: int) -> str:
    """`2026-11-21T03:12:45.120000Z`; `-` where the clock cannot be a date."""
    try:
        at = datetime.fromtimestamp(ns // NS_PER_S, timezone.utc).replace(microsecond=ns % NS_PER_S // 1000, tzinfo=None)
    except (ValueError, OverflowError, OSError):
        return "-"
    return at.isoformat(timespec="microseconds") + "Z"


def open_syslog(config: SyslogConfig, interface: str, epoch_ns: int) -> SyslogSink | None:
    """None while no host is named. DriverError when the host is none, or is reached over the modem's interface."""
    return SyslogSink(config, interface, epoch_ns) if config.host else None

