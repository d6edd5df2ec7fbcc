"""What the kernel says of GPIO chips and lines without asking for a line: nobody is disturbed and nothing is driven. No library.

struct gpiochip_info and struct gpio_v2_line_info of linux/gpio.h (Linux 5.10 and later). The level is not told: the kernel reads a
line only for who holds it, and asking for it as it is may turn an output of the boot loader into an input when it is given back.
"""
from __future__ import annotations

import fcntl
import glob
import os
import struct

from drivers.pins.hand import GPIO_TYPE, Ioctl, iowr
from drivers.pins.library import CHIP_NAME, MAX_CHIPS, SYSFS
from drivers.pins.names import Chip
from kernel.record import dataclass

CHIP_INFO = struct.Struct("=32s32sI")                    # name, label, lines
LINE_INFO = struct.Struct("=32s32sIIQ160s16s")           # name, consumer, offset, number of attributes, flags, attributes, padding
GPIO_GET_CHIPINFO_IOCTL = 2 << 30 | CHIP_INFO.size << 16 | GPIO_TYPE << 8 | 0x01         # _IOR
GPIO_V2_GET_LINEINFO_IOCTL = iowr(0x05, LINE_INFO.size)
USED, OUTPUT = 1, 8                                      # GPIO_V2_LINE_FLAG_USED, GPIO_V2_LINE_FLAG_OUTPUT


@dataclass(slots=True, frozen=True)
class LineInfo:
    """`consumer`: who holds it, "" when nobody does. `output`: it is driven."""

    name: str
    consumer: str
    output: bool


def _text(octets: bytes) -> str:
    return octets.split(b"\0", 1)[0].decode("utf-8", "replace")


def chips(folder: str = "/dev", sysfs: str = SYSFS, ioctl: Ioctl = fcntl.ioctl) -> list[Chip]:
    """Every chip that may be looked at, each once. PermissionError when there are some and all are forbidden."""
    found, denied = [], None
    real = sorted({os.path.realpath(path) for path in glob.glob(f"{folder}/gpiochip*")})
    for path in [p for p in real if CHIP_NAME.search(p)][:MAX_CHIPS]:
        try:
            name, label, lines = CHIP_INFO.unpack(_ask(path, GPIO_GET_CHIPINFO_IOCTL, bytes(CHIP_INFO.size), ioctl))
        except PermissionError as error:
            denied = error
            continue
        found.append(Chip(_text(name), _text(label), lines, os.path.realpath(f"{sysfs}/{_text(name)}"), path))
    if denied is not None and not found:
        raise denied
    return found


def line(path: str, offset: int, ioctl: Ioctl = fcntl.ioctl) -> LineInfo:
    """One line. OSError where the chip cannot be opened or has no such line."""
    question = LINE_INFO.pack(b"", b"", offset, 0, 0, b"", b"")
    name, consumer, _, _, flags, _, _ = LINE_INFO.unpack(_ask(path, GPIO_V2_GET_LINEINFO_IOCTL, question, ioctl))
    return LineInfo(_text(name), (_text(consumer) or "the kernel") if flags & USED else "", bool(flags & OUTPUT))


def _ask(path: str, request: int, question: bytes, ioctl: Ioctl) -> bytes:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)         # the chip's device answers to who may write only; opening it changes nothing
    try:
        return ioctl(descriptor, request, question)
    finally:
        os.close(descriptor)
