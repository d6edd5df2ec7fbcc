"""The real network interface through libpcap (pcap-ct): frames of two EtherTypes in, whole frames out, never blocking."""
from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from types import ModuleType

from drivers import pcap_time
from drivers.errors import DriverError
from drivers.nic_ears import SNAPLEN, SYS_NET, Admission, Ears, NicConfig, is_down, no_permission

TIMEOUT_MS = 1            # with immediate mode only a fallback; measured: any other combination delays frames (house.md 3.3)
FILTER = "ether proto 0x88e1 or ip6"      # HomePlug MMEs and IPv6, nothing else of a busy network
NOTHING = "greater 65000"                  # no frame is as long: what the favoured station's handle receives while there is none
REQUIREMENTS = Path(__file__).resolve().parents[1] / "install" / "requirements.txt"


class PcapHandle:
    """Handle over one pcap object; frames are stamped `now` (libpcap's own stamps are wall clock time)."""

    def __init__(self, name: str, promiscuous: bool, admission: Admission) -> None:
        self.pcap, direction_in = open_pcap(name, promiscuous=promiscuous)
        self._now = 0
        self._frames: list[tuple[int, bytes]] = []
        try:
            self.admit(admission)
            self.pcap.setdirection(direction_in)
            self.pcap.setnonblock(True)
        except BaseException:
            self.pcap.close()
            raise

    def fileno(self) -> int:
        return self.pcap.fileno()

    def _take(self, _timestamp: float, octets: bytes, *_unused: object) -> None:
        self._frames.append((self._now, bytes(octets)))

    def fetch(self, limit: int, now: int, frames: list[tuple[int, bytes]]) -> int:
        self._now, self._frames = now, frames
        n = self.pcap.dispatch(limit, self._take)
        if n < 0:                   # readpkts() and iteration hide this; only dispatch tells (boards sheet, pcap-ct facts)
            raise OSError(f"pcap_dispatch says {n}")
        return n

    def admit(self, admission: Admission) -> None:
        self.pcap.setfilter(expression(admission))

    def drops(self) -> int:
        return self.pcap.stats()[1]

    def close(self) -> None:
        self.pcap.close()


class PcapEars(Ears):
    """Ears over libpcap."""

    def __init__(self, config: NicConfig, sys_net: Path = SYS_NET) -> None:
        """DriverError when the interface, the permission, the package or the library is missing."""
        super().__init__(config, sys_net, PcapHandle)


class PcapNic(PcapEars):
    """Nic over libpcap: the same, and sends."""

    def send(self, frame: bytes, now: int) -> bool:
        return self._put(frame, self._handles[0].pcap.sendpacket)


def expression(admission: Admission) -> str:
    """The admission in libpcap's language. Own address and groups only, because a bridge or a veth pair also hands over unicast frames of others."""
    if admission.nothing:
        return NOTHING
    parts = [f"({FILTER})"]
    if admission.mine is not None:
        parts.append(f"(ether dst {admission.mine.hex(':')} or ether multicast)")
    if admission.only is not None:
        parts.append(f"ip6 and ether src {admission.only.hex(':')}")
    if admission.without is not None:
        parts.append(f"not (ip6 and ether src {admission.without.hex(':')})")
    return " and ".join(parts)


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
            raise is_down(name) from e
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
        if ctypes.sizeof(ctypes.c_long) == 4:
            import_on_32bit()
        import pcap
    finally:
        del sys.modules["pkg_about"]
    return pcap


def import_on_32bit() -> None:
    """libpcap's structures as the system's library has them: two widths of time stamps are about. DriverError when that does not succeed."""
    width = pcap_time.place_of_length()
    pcap_time.set_width(width)
    import libpcap
    pcap_time.check(libpcap, width)
