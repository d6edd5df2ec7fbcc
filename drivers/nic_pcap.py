"""The real network interface through libpcap (pcap-ct): frames of two EtherTypes in, whole frames out, never blocking."""
from __future__ import annotations

import errno
import os
import select
import socket
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from drivers.errors import DriverError
from kernel.settings import setting
from kernel.timer import MS, NEVER

SNAPLEN = 2048            # longest Ethernet frame is 1514 octets without FCS
TIMEOUT_MS = 1            # with immediate mode only a fallback; measured: any other combination delays frames (house.md 3.3)
FILTER = "ether proto 0x88e1 or ip6"      # HomePlug MMEs and IPv6, nothing else of a busy network
NOTHING = "greater 65000"                  # no frame is as long: what the favoured station's handle receives while there is none
LEFT_FOR_OTHERS = 4       # of a limit of 32: at least 8 frames per call are for everybody else, however much the peer sends
AT_CHANGE = 16            # frames fetched from a ring before its filter changes
OTHERS_PERIOD = 10 * MS   # while a station is favoured, the frames of all others are fetched so often: one tick
MAX_FRAME = 1514
MIN_FRAME = 14
SYS_NET = Path("/sys/class/net")
REQUIREMENTS = Path(__file__).resolve().parents[1] / "install" / "requirements.txt"

# linux/if_packet.h, not in the socket module
SOL_PACKET = 263
PACKET_ADD_MEMBERSHIP = 1
PACKET_MR_MULTICAST = 0
PACKET_MR_PROMISC = 1
PACKET_MR_ALLMULTI = 2


@dataclass(slots=True)
class PcapNicConfig:
    """Section `nic` of the configuration."""

    interface: str = setting("eth0", meaning="network interface of the PLC modem; `ip -br link` lists them")
    reception: str = setting("multicast", choices=("multicast", "promiscuous"), meaning=(
        "multicast: own address, broadcast and all multicast groups; promiscuous: everything, for listening to others"))


class PcapEars:
    """Hears through libpcap and has nothing to send with. `gone` is True once the interface disappeared; `drops` is what the kernel threw away.

    Two handles with a ring each: a flood fills a ring within milliseconds, and what comes then is lost, whoever sent it. So the
    IPv6 frames of the station that the session is with (`favour`) come into a ring of their own, are read first, and alone wake
    the program; all other frames wait for the next tick. Measured by `python -m tools.bench flood`.
    """

    def __init__(self, config: PcapNicConfig, sys_net: Path = SYS_NET) -> None:
        """DriverError when the interface, the permission, the package or the library is missing."""
        name = config.interface
        self.name = name
        self.errors = 0
        self.gone = False
        self.mac = own_mac(name, sys_net)
        self._sys_net = sys_net
        self._promiscuous = config.reception == "promiscuous"
        self._socket = membership(name, PACKET_MR_ALLMULTI)
        self._handles: list = []             # everybody's, and the favoured station's where frames are filtered at all
        try:
            for filter_text in (FILTER,) if self._promiscuous else (own_filter(self.mac), NOTHING):
                handle, direction_in = open_pcap(name, promiscuous=self._promiscuous)
                self._handles.append(handle)
                handle.setfilter(filter_text)
                handle.setdirection(direction_in)
                handle.setnonblock(True)
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

    def _take(self, _timestamp: float, octets: bytes, *_unused: object) -> None:
        self._frames.append((self._now, bytes(octets)))

    def _fetch(self, handle, share: int) -> int:
        """At most `share` frames into the list; how many."""
        try:
            n = handle.dispatch(share, self._take)
        except OSError:
            n = -1
        if n < 0:                   # readpkts() and iteration hide this; only dispatch tells (boards sheet, pcap-ct facts)
            self.errors += 1
            self.gone = not (self._sys_net / self.name).exists()
        return n

    def receive(self, limit: int, now: int) -> list[tuple[int, bytes]]:
        """At most `limit` frames, stamped `now` (libpcap's own stamps are wall clock time)."""
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
        mine = own_filter(self.mac)
        try:
            # A frame comes better twice than not at all: the handle that is to have it listens first, and what waits in the ring
            # of the other is fetched before its new filter, which libpcap applies to the ring as well.
            if station is None:
                everybody.setfilter(mine)
                self._fetch(peer, AT_CHANGE)
                peer.setfilter(NOTHING)
            else:
                his = f"ip6 and ether src {station.hex(':')}"
                self._fetch(peer, AT_CHANGE)
                peer.setfilter(f"({mine}) and {his}")
                self._fetch(everybody, AT_CHANGE)
                everybody.setfilter(f"({mine}) and not ({his})")
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
    def _drops_of(handle) -> int:
        try:
            return handle.stats()[1]
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


class PcapNic(PcapEars):
    """Nic over libpcap: the same, and sends."""

    def send(self, frame: bytes, now: int) -> bool:
        if self.gone or not MIN_FRAME <= len(frame) <= MAX_FRAME:
            self.errors += 1
            return False
        try:
            self._handles[0].sendpacket(frame)
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


def own_filter(mac: bytes) -> str:
    """FILTER for our own address and groups only: a bridge or a veth pair also hands over unicast frames of others."""
    return f"({FILTER}) and (ether dst {mac.hex(':')} or ether multicast)"


def no_permission(name: str) -> DriverError:
    return DriverError(
        f"No permission to open network interface {name!r}: CAP_NET_RAW is missing.",
        f"Run it as root (sudo), the service with AmbientCapabilities=CAP_NET_RAW, or grant it once: sudo setcap cap_net_raw+ep {os.path.realpath(sys.executable)}")


def membership(name: str, kind: int) -> socket.socket:
    """A packet socket that receives nothing but keeps the interface listening to all multicast groups while it is open.

    SDP and neighbour solicitations come to multicast addresses; without this they are only received when the operating
    system's own IPv6 happens to have joined the same groups.
    """
    try:
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
    except PermissionError as e:
        raise no_permission(name) from e
    try:
        s.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, struct.pack("iHH8s", socket.if_nametoindex(name), kind, 0, b""))
    except OSError as e:
        s.close()
        if e.errno in (errno.EPERM, errno.EACCES):
            raise no_permission(name) from e
        raise DriverError(f"Network interface {name!r} refuses multicast reception ({e}).", "Set nic.reception to promiscuous.") from e
    return s


def open_pcap(name: str, *, promiscuous: bool):
    """(pcap object, constant for the receive direction); every reason not to open becomes a DriverError."""
    try:
        pcap = _import_pcap()
    except ModuleNotFoundError as e:
        raise DriverError(f"The Python package for packet capture is missing ({e.name}).", f"Install what a box needs: {sys.executable} -m pip install -r {REQUIREMENTS}") from e
    except (ImportError, OSError) as e:
        raise DriverError("The system library libpcap was not found.",
                          "Install it: apt install libpcap0.8 (Debian 13: libpcap0.8t64).") from e
    try:
        handle = pcap.pcap(name, snaplen=SNAPLEN, promisc=promiscuous, immediate=True, timeout_ms=TIMEOUT_MS)
    except PermissionError as e:
        raise no_permission(name) from e
    except OSError as e:
        text = str(e)
        if "permi" in text.lower() or "CAP_NET_RAW" in text:
            raise no_permission(name) from e
        if "not up" in text.lower() or "is down" in text.lower():
            raise DriverError(f"Network interface {name!r} is down.", f"Bring it up: ip link set {name} up.") from e
        raise DriverError(f"libpcap cannot open network interface {name!r} ({text}).", "Check that it is an Ethernet interface and up.") from e
    return handle, pcap.PCAP_D_IN


def _import_pcap():
    """The module pcap without the reading of its own package metadata.

    pcap-ct, libpcap and utlx call `pkg_about.about()` at import for their version strings, and that imports `build`,
    `packaging` and `importlib.metadata`: 0.12 s of 0.23 s and 5 MB here, ten times as long on a small board. While they
    are imported, a module that gives empty strings stands in its place.
    """
    if "pcap" in sys.modules or "pkg_about" in sys.modules:
        import pcap
        return pcap
    stand_in = ModuleType("pkg_about")

    def about(package: str = "") -> None:
        names = {"__title__": package, "__version__": "", "__uri__": "", "__url__": ""}
        sys._getframe(1).f_globals.update(names, __all__=tuple(names))
    stand_in.about = about      # type: ignore[attr-defined]
    sys.modules["pkg_about"] = stand_in
    try:
        import pcap
    finally:
        del sys.modules["pkg_about"]
    return pcap
