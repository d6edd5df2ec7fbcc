"""A requested line: the octets that go to the kernel, and what comes back; the structs are compared with the header of the system."""
import errno
import os
import shutil
import struct
import subprocess

import pytest

from drivers.pins import hand
from drivers.pins.hand import V1, V2, LineHand, line_descriptors, read_hand
from tests.drivers.pins import kernel
from tests.drivers.pins.libraries import raspberry

HEADER = "/usr/include/linux/gpio.h"


class Recorder:
    """Keeps what was sent, answers with `answer`."""

    def __init__(self, answer=b""):
        self.calls, self.answer = [], answer

    def __call__(self, fd, number, data):
        self.calls.append((fd, number, data))
        return self.answer or data


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("on", [False, True])
def test_a_v2_line_is_set_by_bit_and_mask(on, invert):
    ioctl = Recorder()
    assert LineHand(7, V2, invert, ioctl).put(on)
    (fd, number, data), = ioctl.calls
    assert (fd, number, struct.unpack("=QQ", data)) == (7, kernel.SET_V2, (int(on is not invert), 1))


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("on", [False, True])
def test_a_v1_line_is_set_by_the_first_of_64_octets(on, invert):
    ioctl = Recorder()
    assert LineHand(7, V1, invert, ioctl).put(on)
    assert ioctl.calls == [(7, kernel.SET_V1, bytes([on is not invert]) + bytes(63))]


@pytest.mark.parametrize("abi, number, asked, answer", [(V2, kernel.GET_V2, struct.pack("=QQ", 0, 1), lambda n: struct.pack("=QQ", n, 1)),
                                                        (V1, kernel.GET_V1, bytes(64), lambda n: bytes([n]) + bytes(63))])
@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("value", [0, 1])
def test_a_line_is_read(abi, number, asked, answer, value, invert):
    ioctl = Recorder(answer(value))
    assert LineHand(9, abi, invert, ioctl).get() is (bool(value) is not invert)
    assert ioctl.calls == [(9, number, asked)]


@pytest.mark.parametrize("number", [errno.EIO, errno.ENODEV, errno.EBUSY, errno.EPERM, errno.EBADF])
def test_what_the_kernel_refuses_is_false_or_none_and_counted(number):
    def ioctl(*_):
        raise OSError(number, "no")
    line = LineHand(7, V2, False, ioctl)
    assert line.put(True) is False and line.get() is None and line.put(False) is False
    assert line.errors == 3 and line.errno == number


def test_a_success_forgets_the_errno_and_not_the_count():
    twin = raspberry()
    line = LineHand(twin.request("/dev/gpiochip0", 17, "output", False, "as_is", "test"), V2, False, kernel.ioctl)
    twin.watch()[17].fail(errno.EIO)
    assert not line.put(True) and line.errno == errno.EIO
    twin.watch()[17].fail(0)
    assert line.put(True) and (line.errors, line.errno) == (1, 0)
    line.close()


@pytest.mark.parametrize("v1", [False, True])
@pytest.mark.parametrize("active_low", [False, True])
def test_both_abis_on_a_line_of_the_twin_kernel(v1, active_low):
    twin = raspberry()
    before = line_descriptors()
    fd = twin.request("/dev/gpiochip0", 17, "output", active_low, "as_is", "test", v1)
    assert line_descriptors().keys() - before.keys() == {fd} and line_descriptors()[fd] == (V1 if v1 else V2)
    line = read_hand(LineHand(fd, V1 if v1 else V2).word, kernel.ioctl)
    pin = twin.watch()[17]
    assert pin.high is active_low, "inactive from the first instant"
    for on in (True, False, True):
        assert line.put(on) and line.get() is on and pin.high is (on is not active_low)
    line.close()
    assert twin.holder("/dev/gpiochip0", 17) == ""


def test_the_last_holder_keeps_the_line():
    twin = raspberry()
    fd = twin.request("/dev/gpiochip0", 17, "output", False, "as_is", "test")
    other = os.dup(fd)
    os.close(fd)
    assert twin.holder("/dev/gpiochip0", 17) == "test"
    os.close(other)
    assert twin.holder("/dev/gpiochip0", 17) == ""


def test_an_unknown_abi_is_refused():
    with pytest.raises(ValueError, match="v3"):
        LineHand(7, "v3")


def test_the_kernel_of_this_machine_knows_the_numbers():
    """A descriptor that is no line: the real ioctl answers ENOTTY, and nothing raises."""
    read, write = os.pipe()
    for abi in (V1, V2):
        line = LineHand(read, abi)
        assert not line.put(True) and line.get() is None and line.errno == errno.ENOTTY
    os.close(read), os.close(write)


@pytest.mark.skipif(not (os.path.exists(HEADER) and shutil.which("cc")), reason="needs a C compiler and linux/gpio.h (linux-libc-dev)")
def test_numbers_and_layouts_are_those_of_the_header(tmp_path):
    source = tmp_path / "numbers.c"
    source.write_text("""#include <linux/gpio.h>
        #include <stddef.h>
        #include <stdio.h>
        int main(void) {
            printf("%u %u %u %u %zu %zu %zu %zu\\n", (unsigned)GPIO_V2_LINE_GET_VALUES_IOCTL, (unsigned)GPIO_V2_LINE_SET_VALUES_IOCTL,
                (unsigned)GPIOHANDLE_GET_LINE_VALUES_IOCTL, (unsigned)GPIOHANDLE_SET_LINE_VALUES_IOCTL, sizeof(struct gpio_v2_line_values),
                offsetof(struct gpio_v2_line_values, bits), offsetof(struct gpio_v2_line_values, mask), sizeof(struct gpiohandle_data));
        }""")
    subprocess.run(["cc", str(source), "-o", str(tmp_path / "numbers")], check=True)
    said = [int(word) for word in subprocess.run([str(tmp_path / "numbers")], check=True, capture_output=True, text=True).stdout.split()]
    assert said == [hand.GPIO_V2_LINE_GET_VALUES_IOCTL, hand.GPIO_V2_LINE_SET_VALUES_IOCTL, hand.GPIOHANDLE_GET_LINE_VALUES_IOCTL,
                    hand.GPIOHANDLE_SET_LINE_VALUES_IOCTL, hand.VALUES_V2.size, 0, 8, hand.HANDLE_DATA.size]
    assert said[:4] == [kernel.GET_V2, kernel.SET_V2, kernel.GET_V1, kernel.SET_V1]
