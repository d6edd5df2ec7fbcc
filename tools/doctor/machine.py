"""The machine that is looked at: the folders of /sys, /proc, /dev, /run below one root, and the few calls that are no files.

Checks know nothing else of the world, so a test hands them a folder and functions of its own. What costs an import is imported in its call.
"""
from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Mapping

from kernel.clock import MonotonicClock

COMMAND_LIMIT_S = 2.0        # systemctl, ip, pinctrl: tens of ms on an idle machine
PATIENCE = 2.5               # times as long beside a box that has just started, at nice 19: who comes last waits for everything else that a boot does
TOO_SLOW = 1000              # as an exit code: the command did not end in time, which says nothing about what was asked
MAX_ANSWER = 65536           # characters of a command's output that are looked at


def run_command(words: list[str], limit_s: float = COMMAND_LIMIT_S) -> tuple[int, str] | None:
    """(exit code, output or, with a failure that has none, the complaint); None where there is no such command, TOO_SLOW where it did not end in time."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=limit_s, stdin=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired:
        return TOO_SLOW, ""
    except OSError:
        return None
    return done.returncode, (done.stdout or (done.stderr if done.returncode else ""))[:MAX_ANSWER]


def run_patiently(words: list[str]) -> tuple[int, str] | None:
    """The same with PATIENCE."""
    return run_command(words, PATIENCE * COMMAND_LIMIT_S)


def open_packet_socket(interface: str) -> None:
    """A raw socket opened and closed again. DriverError without the right."""
    from drivers.nic_ears import packet_socket
    packet_socket(interface).close()


def open_nic(interface: str) -> Any:
    """Always a plain packet socket: the box may have the same interface open beside it, and libpcap need not be there to look further."""
    from drivers.nic_ears import NicConfig
    from drivers.nic_socket import SocketNic
    return SocketNic(NicConfig(interface=interface, driver="socket"))


def pcap_version() -> str | None:
    """What libpcap says of itself; None where it is not installed."""
    import ctypes
    import ctypes.util
    for name in ("libpcap.so.0.8", ctypes.util.find_library("pcap")):
        try:
            library = ctypes.CDLL(name) if name else None
        except OSError:
            continue
        if library is not None:
            library.pcap_lib_version.restype = ctypes.c_char_p
            return library.pcap_lib_version().decode("ascii", "replace")
    return None


def installed(package: str) -> str | None:
    """Version of a Python package as its metadata say it."""
    from importlib import metadata
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def importable(module: str) -> bool:
    from importlib.util import find_spec
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):            # its parent is missing, or broken
        return False


def load_codec() -> Any:
    """With the schema of the handshake only. CodecUnavailable says what is wrong."""
    from exi_native import codec
    return codec.load(schemas=("SAP",))


def i2c_read(bus: int, address: int) -> None:
    """One octet is read, which no chip that the box knows takes ill: an ADS1x15 answers with the register it stands at, a panel with its status. OSError."""
    from smbus2 import SMBus, i2c_msg

    from drivers.i2c import shorten_timeout
    with SMBus(bus) as opened:
        shorten_timeout(opened.fd)
        opened.i2c_rdwr(i2c_msg.read(address, 1))


def make_converters(measuring: Any, shared: Any) -> dict[str, Any]:
    from drivers.boards.common import converters
    return converters(measuring, shared)


def gpio_chips() -> list[Any]:
    from drivers.pins.look import chips
    return chips()


def gpio_line(path: str, offset: int) -> Any:
    from drivers.pins.look import line
    return line(path, offset)


def try_realtime() -> list[tuple[str, bool, str]]:
    """(asked, granted, detail), tried in a child: this process stays as it is."""
    from kernel.realtime import PRIORITY, fifo, lock_memory
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            reports = [fifo(PRIORITY + 1), lock_memory()]    # one more than the box: the guard's
            os.write(writer, "\n".join(f"{r.asked}\t{int(r.granted)}\t{r.detail}" for r in reports).encode())
        finally:
            os._exit(0)                                      # whatever happens: the rest of the examination is the parent's
    os.close(writer)
    with open(reader, encoding="utf-8", errors="replace") as pipe:
        text = pipe.read(MAX_ANSWER)
    os.waitpid(child, 0)
    return [(asked, granted == "1", detail) for asked, granted, detail in (line.split("\t") for line in text.splitlines())]


def try_file(folder: str) -> OSError | None:
    """A file without a name in the folder: nothing of it is ever written to the medium. Why it cannot be had; None when it can."""
    try:
        os.close(os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o600))
    except OSError as error:
        import errno
        if error.errno in (errno.EOPNOTSUPP, errno.EISDIR):      # a file system without such files: ask for the right alone
            return None if os.access(folder, os.W_OK) else PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return error
    return None


def open_oled(config: Any) -> Any:
    from drivers.oled_luma import OledLuma
    return OledLuma(config)


@dataclass(slots=True)
class Machine:
    """The real one by default. `seconds`: the wall clock, s since 1970."""

    root: Path = Path("/")
    clock: Any = field(default_factory=MonotonicClock)
    seconds: Callable[[], float] = time.time
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    python: tuple[int, ...] = tuple(sys.version_info[:3])
    parent: Callable[[], int] = os.getppid
    command: Callable[[list[str]], tuple[int, str] | None] = run_command
    open_packet_socket: Callable[[str], None] = open_packet_socket
    open_nic: Callable[[str], Any] = open_nic
    pcap_version: Callable[[], str | None] = pcap_version
    installed: Callable[[str], str | None] = installed
    importable: Callable[[str], bool] = importable
    load_codec: Callable[[], Any] = load_codec
    i2c_read: Callable[[int, int], None] = i2c_read
    make_converters: Callable[[Any, Any], dict[str, Any]] = make_converters
    gpio_chips: Callable[[], list[Any]] = gpio_chips
    gpio_line: Callable[[str, int], Any] = gpio_line
    try_realtime: Callable[[], list[tuple[str, bool, str]]] = try_realtime
    scheduler: Callable[[int], int] = os.sched_getscheduler
    statvfs: Callable[[str], Any] = os.statvfs
    try_file: Callable[[str], OSError | None] = try_file
    open_oled: Callable[[Any], Any] = open_oled

    def path(self, name: str) -> Path:
        """`/sys/class/net` of this machine."""
        return self.root / name.lstrip("/")

    def text(self, name: str | Path) -> str | None:
        """Contents of a small file without the spaces around them; None where it cannot be read."""
        path = self.path(name) if isinstance(name, str) else name
        try:
            return path.read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return None

    def number(self, name: str | Path) -> int | None:
        """The same of a file with one number."""
        try:
            return int(self.text(name) or "")
        except ValueError:
            return None
