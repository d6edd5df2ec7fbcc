"""One requested GPIO line as an open descriptor: set and read by ioctl, from whichever process has inherited it.

Whoever asked the kernel for the line (a library, once, at the start) is no longer needed: a line stays requested until
the last descriptor of it is closed (linux/gpio.h, "userspace ABI for the GPIO character devices"), so two processes can
hold the same one. That is what lets the guard process drop a line whose owner was killed. Few imports: the guard uses it.
"""
from __future__ import annotations

import fcntl
import os
import struct
from typing import Callable

V1, V2 = "v1", "v2"                                  # handle of GPIO_GET_LINEHANDLE_IOCTL, request of GPIO_V2_GET_LINE_IOCTL
INODE = "anon_inode:gpio-line"                       # what /proc/self/fd says of a v2 request; a v1 handle: gpio-linehandle
INODE_V1 = INODE + "handle"

# struct gpio_v2_line_values: __aligned_u64 bits, mask. struct gpiohandle_data: __u8 values[GPIOHANDLES_MAX = 64].
VALUES_V2 = struct.Struct("=QQ")
HANDLE_DATA = struct.Struct("=64B")
GPIO_TYPE = 0xB4


def iowr(number: int, size: int) -> int:
    """_IOWR(0xB4, number, size octets) of asm-generic/ioctl.h, which x86 and ARM use."""
    return 3 << 30 | size << 16 | GPIO_TYPE << 8 | number


GPIO_V2_LINE_GET_VALUES_IOCTL = iowr(0x0E, VALUES_V2.size)
GPIO_V2_LINE_SET_VALUES_IOCTL = iowr(0x0F, VALUES_V2.size)
GPIOHANDLE_GET_LINE_VALUES_IOCTL = iowr(0x08, HANDLE_DATA.size)
GPIOHANDLE_SET_LINE_VALUES_IOCTL = iowr(0x09, HANDLE_DATA.size)

Ioctl = Callable[[int, int, bytes], bytes]


class LineHand:
    """A line of one request. `put` and `get` speak of active and inactive; never raise, what failed stands in `errno`."""

    __slots__ = ("fd", "abi", "invert", "errors", "errno", "_ioctl", "_get", "_set", "_ask", "_say")

    def __init__(self, fd: int, abi: str, invert: bool = False, ioctl: Ioctl = fcntl.ioctl) -> None:
        """`fd` is owned from now on. `invert`: the kernel was not told that the line is active low."""
        if abi not in (V1, V2):
            raise ValueError(f"the ABI of a line is {V1} or {V2}, not {abi!r}")
        self.fd, self.abi, self.invert = fd, abi, invert
        self.errors = 0
        self.errno = 0                   # of the last failure; 0 after a success
        self._ioctl = ioctl
        if abi == V2:
            self._get, self._set, self._ask = GPIO_V2_LINE_GET_VALUES_IOCTL, GPIO_V2_LINE_SET_VALUES_IOCTL, VALUES_V2.pack(0, 1)
            self._say = VALUES_V2.pack(0, 1), VALUES_V2.pack(1, 1)
        else:
            self._get, self._set, self._ask = GPIOHANDLE_GET_LINE_VALUES_IOCTL, GPIOHANDLE_SET_LINE_VALUES_IOCTL, bytes(HANDLE_DATA.size)
            self._say = bytes(HANDLE_DATA.size), b"\1" + bytes(HANDLE_DATA.size - 1)

    def put(self, on: bool) -> bool:
        """False when the kernel refused: the level is unknown then."""
        try:
            self._ioctl(self.fd, self._set, self._say[on is not self.invert])
        except OSError as error:
            self.errors += 1
            self.errno = error.errno or 0
            return False
        self.errno = 0
        return True

    def get(self) -> bool | None:
        """The level; of an output the one that is really there where the chip can tell. None when it cannot be read."""
        try:
            answer = self._ioctl(self.fd, self._get, self._ask)
        except OSError as error:
            self.errors += 1
            self.errno = error.errno or 0
            return None
        self.errno = 0
        return (answer[0] & 1 != 0 if self.abi == V1 else VALUES_V2.unpack(answer)[0] & 1 != 0) is not self.invert

    @property
    def word(self) -> str:
        """For the command line of the process that inherits it."""
        return f"{self.abi}:{self.fd}:{int(self.invert)}"

    def close(self) -> None:
        os.close(self.fd)


def read_hand(word: str, ioctl: Ioctl | None = None) -> LineHand:
    """The hand of an inherited descriptor. ValueError when `word` is not one."""
    abi, fd, invert = word.split(":")
    return LineHand(int(fd), abi, invert == "1", fcntl.ioctl if ioctl is None else ioctl)


def line_descriptors() -> dict[int, str]:
    """Descriptors of this process that are GPIO lines, with their ABI: what a library that tells no descriptor has opened is found by comparing."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            link = os.readlink(f"/proc/self/fd/{name}")
        except OSError:                  # the descriptor of listdir itself, closed again
            continue
        if INODE in link:
            found[int(name)] = V1 if INODE_V1 in link else V2
    return found
