"""What both real network interfaces share: who is heard and in which order, opening and its remedies; how frames are fetched is the handle's matter."""
from __future__ import annotations

import errno
import os
import select
import socket
import struct
import sys
from pathlib import Path
from typing import Callable, Protocol

from drivers.errors import DriverError
from kernel.record import dataclass, settings_class
from kernel.settings import setting
from kernel.timer import MS, NEVER

SNAPLEN = 2048            # longest Ethernet frame is 1514 octets without FCS
LEFT_FOR_OTHERS = 4       # of a limit of 32: at least 8 frames per call are for everybody else, however much the peer sends
AT_CHANGE = 16            # frames fetched from a ring before its filter changes
OTHERS_PERIOD = 10 * MS   # while a station is favoured, the frames of all others are fetched so often: one tick
MAX_FRAME = 1514
MIN_FRAME = 14
SYS_NET = Path("/sys/class/net")

# linux/if_packet.h, not in the socket module
SOL_PACKET = 263
PACKET_ADD_MEMBERSHIP = 1
PACKET_MR_MULTICAST = 0
PACKET_MR_PROMISC = 1
PACKET_MR_ALLMULTI = 2


@settings_class(slots=True)
class NicDriver:
    """Section `nic` of the configuration."""

    driver: str = setting("pcap", choices=("pcap", "socket"), meaning=(
        "pcap: libpcap and pcap-ct; socket: a plain packet socket of Linux, no library, less processor time"))


@settings_class(slots=True)
class NicConfig:
    """One handle: the interface, what it takes in, and which driver."""

    interface: str = setting("eth0", meaning="network interface of the PLC modem; `ip -br link` lists them")
    reception: str = setting("multicast", choices=("multicast", "promiscuous"), meaning=(
        "multicast: own address, broadcast and all multicast groups; promiscuous: everything, for listening to others"))
    driver: str = setting("pcap", choices=("pcap", "socket"), meaning=(
        "pcap: libpcap and pcap-ct; socket: a plain packet socket of Linux, no library, less processor time"))


@dataclass(slots=True, frozen=True)
class Admission:
    """Which HomePlug and IPv6 frames a handle takes. None in all fields: those of everybody to everybody."""

    mine: bytes | None = None          # only frames to this address and to groups
    only: bytes | None = None          # only IPv6 frames from this station
    without: bytes | None = None       # all but the IPv6 frames from this station
    nothing: bool = False


class Handle(Protocol):
    """One ring of the kernel with a filter before it. What goes wrong is an OSError."""

    def fileno(self) -> int: ...

    def fetch(self, limit: int, now: int, frames: list[tuple[int, bytes]]) -> int:
        """Appends at most `limit` frames; how many were taken out of the ring."""
        ...

    def admit(self, admission: Admission) -> None: ...

    def drops(self) -> int:
        """Frames that this ring lost, since it was opened."""
        ...

    def close(self) -> None: ...


class Ears:
    """Hears, and has nothing to send with. `gone` is True once the interface disappeared; `drops` is what the kernel threw away.

    Two handles with a ring each: a flood fills a ring within milliseconds, and what comes then is lost, whoever sent it. So the
    IPv6 frames of the station that the session is with (`favour`) come into a ring of their own, are read first, and alone wake
    the program; all other frames wait for the next tick. Measured by `python -m tools.bench flood`.
    """

    def __init__(self, config: NicConfig, sys_net: Path, opener: Callable[[str, bool, Admission], Handle]) -> None:
        """`opener(interface, promiscuous, admission)`. DriverError when the interface, the permission or a library is missing."""
        name = config.interface
        self.name = name
        self.errors = 0
        self.gone = False
        self.mac = own_mac(name, sys_net)
        self._sys_net = sys_net
        self._promiscuous = config.reception == "promiscuous"
        self._socket = membership(name, PACKET_MR_ALLMULTI)
        self._handles: list[Handle] = []             # everybody's, and the favoured station's where frames are filtered at all
        try:
            for admission in (Admission(),) if self._promiscuous else (Admission(mine=self.mac), Admission(nothing=True)):
                self._handles.append(opener(name, self._promiscuous, admission))
            self._poll = select.epoll()
        except BaseException:
            for handle in self._handles:
                handle.close()
            self._socket.close()
            raise
        for handle in self._handles:
            self._poll.register(handle.fileno(), select.EPOLLIN)
        self._fd = self._poll.fileno()
        self._favoured: bytes | None = None
        self._frames: list[tuple[int, bytes]] = []
        self._now = 0
        self._more = False                   # the last call left something behind

    def fileno(self) -> int:
        return self._fd

    def _fetch(self, handle: Handle, share: int) -> int:
        """At most `share` frames into the list; how many, 0 when the handle fails."""
        try:
            return handle.fetch(share, self._now, self._frames)
        except OSError:
            self.errors += 1
            self.gone = not (self._sys_net / self.name).exists()
            return 0

    def receive(self, limit: int, now: int) -> list[tuple[int, bytes]]:
        """At most `limit` frames with the time that the handle gives them, `now` at the latest."""
        if self.gone:
            return []
        self._now = now
        self._more = False
        for handle in reversed(self._handles):       # the favoured station first
            others = handle is self._handles[0]
            share = limit - len(self._frames) if others else limit - limit // LEFT_FOR_OTHERS
            if share > 0:
                self._more |= self._fetch(handle, share) >= share
        if not self._frames:
            return []
        frames, self._frames = self._frames, []
        return frames

    def next_event(self) -> int:
        if self._more:
            return self._now
        return NEVER if self._favoured is None else self._now + OTHERS_PERIOD

    def favour(self, station: bytes | None) -> None:
        """The IPv6 frames of this MAC come first and are not lost in a flood of others; None: all are equal."""
        if self.gone or self._promiscuous or station == self._favoured:
            return
        everybody, peer = self._handles
        try:
            # A frame comes better twice than not at all: the handle that is to have it listens first, and what waits in the ring
            # of the other is fetched before its new filter, which libpcap applies to the ring as well.
            if station is None:
                everybody.admit(Admission(mine=self.mac))
                self._fetch(peer, AT_CHANGE)
                peer.admit(Admission(nothing=True))
            else:
                self._fetch(peer, AT_CHANGE)
                peer.admit(Admission(mine=self.mac, only=station))
                self._fetch(everybody, AT_CHANGE)
                everybody.admit(Admission(mine=self.mac, without=station))
        except OSError:
            self.errors += 1
            return
        if (station is None) != (self._favoured is None):
            self._poll.modify(everybody.fileno(), select.EPOLLIN if station is None else 0)
        self._favoured = station

    @property
    def drops(self) -> int:
        """Frames that the kernel dropped because we were too slow."""
        return sum(self._drops_of(handle) for handle in self._handles)

    @property
    def favoured_drops(self) -> int:
        """Those of the favoured station among them."""
        return self._drops_of(self._handles[-1]) if len(self._handles) > 1 else 0

    @staticmethod
    def _drops_of(handle: Handle) -> int:
        try:
            return handle.drops()
        except OSError:
            return 0

    def close(self) -> None:
        if self._fd >= 0:
            self._fd = -1
            self.gone = True
            self._poll.close()
            for handle in self._handles:
                handle.close()
            self._socket.close()

    def _put(self, frame: bytes, put: Callable[[bytes], object]) -> bool:
        """For those that have a mouth as well: False when the frame is impossible or the interface does not take it."""
        if self.gone or not MIN_FRAME <= len(frame) <= MAX_FRAME:
            self.errors += 1
            return False
        try:
            put(frame)
        except OSError:
            self.errors += 1
            return False
        return True


def own_mac(name: str, sys_net: Path = SYS_NET) -> bytes:
    """The interface's own address. DriverError when there is no such interface or it carries no Ethernet."""
    device = sys_net / name
    if not name or "/" in name or name in (".", "..") or not device.is_dir():
        known = ", ".join(sorted(p.name for p in sys_net.iterdir())) if sys_net.is_dir() else "none"
        raise DriverError(f"There is no network interface {name!r}.", f"Give --interface, or `interface` in config.yaml, one of: {known}.")
    if Path(name).exists():
        raise DriverError(f"A file named {name!r} in the working directory would be opened as a capture instead of the interface.",
                          "Start the program in another directory, or rename the file.")
    try:
        text = (device / "address").read_text().strip()
        mac = bytes.fromhex(text.replace(":", ""))
    except (OSError, ValueError) as e:
        raise DriverError(f"The address of network interface {name!r} cannot be read ({e}).", "Choose an Ethernet interface.") from e
    if len(mac) != 6:
        raise DriverError(f"Network interface {name!r} carries no Ethernet.", "Choose the interface to which the PLC modem is connected.")
    return mac


def no_permission(name: str) -> DriverError:
    return DriverError(
        f"No permission to open network interface {name!r}: CAP_NET_RAW is missing.",
        f"Run it as root (sudo), the service with AmbientCapabilities=CAP_NET_RAW, or grant it once: sudo setcap cap_net_raw+ep {os.path.realpath(sys.executable)}")


def is_down(name: str) -> DriverError:
    return DriverError(f"Network interface {name!r} is down.", f"Bring it up: ip link set {name} up.")


def packet_socket(name: str, flags: int = 0) -> socket.socket:
    """An AF_PACKET socket of protocol 0, which receives nothing before it is bound. DriverError without the permission."""
    try:
        return socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC | flags, 0)
    except PermissionError as e:
        raise no_permission(name) from e


def join(s: socket.socket, name: str, kind: int) -> None:
    """The interface listens to more than its own address (PACKET_MR_*) for as long as the socket lives. OSError when it refuses."""
    s.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, struct.pack("iHH8s", socket.if_nametoindex(name), kind, 0, b""))


def membership(name: str, kind: int) -> socket.socket:
    """A packet socket that receives nothing but keeps the interface listening to all multicast groups while it is open.

    SDP and neighbour solicitations come to multicast addresses; without this they are only received when the operating
    system's own IPv6 happens to have joined the same groups.
    """
    s = packet_socket(name)
    try:
        join(s, name, kind)
    except OSError as e:
        s.close()
        if e.errno in (errno.EPERM, errno.EACCES):
            raise no_permission(name) from e
        raise DriverError(f"Network interface {name!r} refuses multicast reception ({e}).", "Set nic.reception to promiscuous.") from e
    return s
