"""What the kernel says of chips and lines: octets of linux/gpio.h, and the same against the kernel in C that knows the header."""
import errno
import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from drivers.pins.look import CHIP_INFO, GPIO_GET_CHIPINFO_IOCTL, GPIO_V2_GET_LINEINFO_IOCTL, LINE_INFO, LineInfo, chips, line

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
SAYS = """
import json, sys
sys.path.insert(0, sys.argv[1])
from drivers.pins.hand import line_descriptors
from drivers.pins.look import CHIP_INFO, GPIO_GET_CHIPINFO_IOCTL, _ask, line
import fcntl
name, label, lines = CHIP_INFO.unpack(_ask("/dev/gpiochip0", GPIO_GET_CHIPINFO_IOCTL, bytes(CHIP_INFO.size), fcntl.ioctl))
free, busy = line("/dev/gpiochip0", 17), line("/dev/gpiochip0", 8)
print(json.dumps([name.rstrip(b"\\0").decode(), label.rstrip(b"\\0").decode(), lines, free.name, free.consumer, free.output, busy.name, busy.consumer, len(line_descriptors())]))
"""


def test_the_numbers_of_the_header():
    assert (CHIP_INFO.size, LINE_INFO.size) == (68, 256)
    assert (GPIO_GET_CHIPINFO_IOCTL, GPIO_V2_GET_LINEINFO_IOCTL) == (0x8044B401, 0xC100B405)


@pytest.mark.skipif(not (shutil.which("cc") and os.path.exists("/usr/include/linux/gpio.h")), reason="needs a C compiler and linux/gpio.h (linux-libc-dev)")
def test_a_kernel_that_knows_the_header_understands_us_and_no_line_is_asked_for(tmp_path):
    twin = tmp_path / "gpio_twin.so"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", str(twin), str(HERE / "gpio_twin.c"), "-ldl"], check=True)
    done = subprocess.run([sys.executable, "-c", SAYS, str(ROOT)], capture_output=True, text=True, check=False,
                          env={**os.environ, "LD_PRELOAD": str(twin), "CCSBOX_TWIN": f"{os.getpid()}", "CCSBOX_TWIN_BUSY": "8"})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["gpiochip0", "pinctrl-bcm2711", 54, "GPIO17", "", False, "GPIO8", "spi0 CS0", 0]


class Kernel:
    """Answers by request; `flags` of every line."""

    def __init__(self, flags=0, consumer=b"", denied=False):
        self.flags, self.consumer, self.denied, self.asked = flags, consumer, denied, []

    def __call__(self, fd, request, data):
        self.asked.append(request)
        if self.denied:
            raise PermissionError(errno.EACCES, "Permission denied")
        if request == GPIO_GET_CHIPINFO_IOCTL:
            return struct.pack("=32s32sI", b"gpiochip0", b"pinctrl-bcm2711", 54)
        offset, = struct.unpack_from("=I", data, 64)
        return LINE_INFO.pack(f"GPIO{offset}".encode(), self.consumer, offset, 0, self.flags, b"", b"")


@pytest.mark.parametrize("flags, consumer, expected", [
    (0x4, b"", LineInfo("GPIO17", "", False)), (0x9, b"ccsbox", LineInfo("GPIO17", "ccsbox", True)), (0x5, b"", LineInfo("GPIO17", "the kernel", False)),
    (0x8, b"old name of nobody", LineInfo("GPIO17", "", True))])
def test_holder_and_direction(tmp_path, flags, consumer, expected):
    path = tmp_path / "gpiochip0"
    path.write_bytes(b"")
    kernel = Kernel(flags, consumer)
    assert line(str(path), 17, kernel) == expected and kernel.asked == [GPIO_V2_GET_LINEINFO_IOCTL]


def test_chips_are_listed_once_and_all_forbidden_is_told(tmp_path):
    (tmp_path / "gpiochip0").write_bytes(b"")
    (tmp_path / "gpiochip4").symlink_to("gpiochip0")            # as on a Raspberry Pi 5
    (found,) = chips(str(tmp_path), "/sys/x", Kernel())
    assert (found.name, found.label, found.lines, found.path) == ("gpiochip0", "pinctrl-bcm2711", 54, str(tmp_path / "gpiochip0"))
    assert chips(str(tmp_path / "none"), "/sys/x", Kernel()) == []
    with pytest.raises(PermissionError):
        chips(str(tmp_path), "/sys/x", Kernel(denied=True))
