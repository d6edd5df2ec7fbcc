"""Finds a serial port by itself: USB adapters that are known first, never the Raspberry Pi's console."""
from __future__ import annotations

import os
from typing import Any, Callable, Iterable

NEVER_THESE = frozenset({"ttyAMA0"})     # sheet field-pyplc-clara 1.2: the first port except /dev/ttyAMA0
BY_ID = "/dev/serial/by-id"
MAX_PORTS = 64

# usb.ids (linux-usb.org): vendor numbers. Arduino boards themselves first, then the converters on boards and cables that carry them.
ARDUINO = (0x2341, 0x2A03)
CONVERTERS = (0x1A86, 0x10C4, 0x0403, 0x067B)      # QinHeng CH34x, Silicon Labs CP210x (the ESP32 display), FTDI, Prolific


def rank(vendor: int | None) -> int:
    """The lower, the sooner a port is tried."""
    if vendor in ARDUINO:
        return 0
    if vendor in CONVERTERS:
        return 1
    return 2 if vendor is not None else 3


def system_ports() -> Iterable[Any]:
    """What pyserial sees: objects with `device` and `vid`."""
    from serial.tools.list_ports import comports
    return comports()


class Finder:
    """`next` names a port, another one at each call, until `keep` says that one was right. The lists are made anew for each round."""

    def __init__(self, ports: Callable[[], Iterable[Any]] = system_ports) -> None:
        self._ports = ports
        self._round: list[str] = []
        self._kept = ""

    def next(self) -> str:
        """A path to try; "" when there is no port."""
        if self._kept:
            return self._kept            # the same device at another port comes back under the same name below by-id
        if not self._round:
            found = sorted(self._ports(), key=lambda port: (rank(port.vid), port.device))
            self._round = [port.device for port in found if os.path.basename(port.device) not in NEVER_THESE][:MAX_PORTS]
        return self._round.pop(0) if self._round else ""

    def keep(self, path: str) -> None:
        """This is the device's; others are not tried any more, where it has a name of its own. /dev/ttyUSB0 may be another one after replugging."""
        self._kept = path if path.startswith(BY_ID) else ""


def by_id(path: str, folder: str = BY_ID) -> str:
    """The name of the port that stays the same after replugging; `path` itself where it has none."""
    try:
        names = sorted(os.listdir(folder))[:MAX_PORTS]
    except OSError:
        return path
    real = os.path.realpath(path)
    return next((link for link in (os.path.join(folder, name) for name in names) if os.path.realpath(link) == real), path)
