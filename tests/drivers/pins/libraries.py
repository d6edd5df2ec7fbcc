"""The three APIs of gpiod and the two modules of Blinka over the twin kernel: names, arguments and manners of the real ones.

After gpiod 2.5.0 (PyPI), python3-libgpiod 1.6.3 (Debian 12), gpiod 1.5.4 (PyPI) and Adafruit-Blinka 10.0.0; `test_real_libraries.py`
looks whether the names that a driver uses exist in the real ones where they are installed.
"""
from __future__ import annotations

import enum
import os
from types import SimpleNamespace

from tests.drivers.pins.kernel import TwinKernel


class Value(enum.Enum):
    INACTIVE = 0
    ACTIVE = 1


class Direction(enum.Enum):
    AS_IS = 1
    INPUT = 2
    OUTPUT = 3


class Bias(enum.Enum):
    AS_IS = 1
    UNKNOWN = 2
    DISABLED = 3
    PULL_UP = 4
    PULL_DOWN = 5


class LineSettings:
    def __init__(self, direction=Direction.AS_IS, bias=Bias.AS_IS, active_low=False, output_value=Value.INACTIVE):
        self.direction, self.bias, self.active_low, self.output_value = direction, bias, active_low, output_value


class RequestV2:
    def __init__(self, fd):
        self.fd = fd

    def release(self):
        os.close(self.fd)
        self.fd = -1


def gpiod_v2(kernel: TwinKernel) -> SimpleNamespace:
    class Chip:
        def __init__(self, path):
            self._path, self._chip = path, kernel.chip(path)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self._chip = None

        def get_info(self):
            return SimpleNamespace(name=self._path.rpartition("/")[2], label=self._chip.label, num_lines=len(self._chip.names))

        def get_line_info(self, offset):
            holder = kernel.holder(self._path, offset)
            return SimpleNamespace(name=self._chip.names[offset], used=bool(holder), consumer=holder.removeprefix("kernel:"))

        def request_lines(self, config, consumer):
            (offset, settings), = config.items()
            output = settings.direction is Direction.OUTPUT
            assert not output or settings.output_value is Value.INACTIVE
            return RequestV2(kernel.request(self._path, offset, "output" if output else "input", settings.active_low, settings.bias.name.lower(), consumer))
    return SimpleNamespace(Chip=Chip, LineSettings=LineSettings, line=SimpleNamespace(Value=Value, Direction=Direction, Bias=Bias), __version__="2.5.0")


FLAG_BIAS = {"": "as_is", "BIAS_DISABLE": "disabled", "BIAS_PULL_UP": "pull_up", "BIAS_PULL_DOWN": "pull_down"}
FLAGS = {"ACTIVE_LOW": 4, "BIAS_DISABLE": 8, "BIAS_PULL_DOWN": 16, "BIAS_PULL_UP": 32}


def bias_of(flags: int) -> str:
    return next((FLAG_BIAS[name] for name, bit in FLAGS.items() if name.startswith("BIAS") and flags & bit), "as_is")


class LineV1:
    """Of 1.6: methods everywhere."""

    def __init__(self, kernel, path, offset):
        self._kernel, self._path, self._offset, self._fd = kernel, path, offset, -1

    def name(self):
        return self._kernel.chips[self._path].names[self._offset] or None

    def consumer(self):
        return self._kernel.holder(self._path, self._offset).removeprefix("kernel:") or None

    def is_used(self):
        return bool(self._kernel.holder(self._path, self._offset))

    def request(self, consumer, type, flags=0, default_vals=None):
        assert (type == 2) is (default_vals == [0])
        self._take(consumer, type == 2, flags)

    def _take(self, consumer, output, flags):
        self._fd = self._kernel.request(self._path, self._offset, "output" if output else "input", bool(flags & FLAGS["ACTIVE_LOW"]),
                                        bias_of(flags), consumer, v1=True)

    def release(self):
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def gpiod_v1(kernel: TwinKernel) -> SimpleNamespace:
    class Chip:
        OPEN_BY_PATH = 2

        def __init__(self, path, how):
            assert how == self.OPEN_BY_PATH
            self._path, self._chip = path, kernel.chip(path)

        def close(self):
            self._chip = None

        def label(self):
            return self._chip.label

        def num_lines(self):
            return len(self._chip.names)

        def get_line(self, offset):
            return LineV1(kernel, self._path, offset)
    return SimpleNamespace(Chip=Chip, LINE_REQ_DIR_IN=1, LINE_REQ_DIR_OUT=2, __version__="1.6.3",
                           **{f"LINE_REQ_FLAG_{name}": bit for name, bit in FLAGS.items()})


class LinePypi(LineV1):
    """Of 1.5.4: properties and a configuration object."""

    name = property(LineV1.name)
    consumer = property(LineV1.consumer)
    is_used = property(LineV1.is_used)

    def request(self, config, default_val=0):
        assert default_val == 0
        self._take(config.consumer, config.request_type == 2, config.flags)


def gpiod_pypi1(kernel: TwinKernel) -> SimpleNamespace:
    class chip:
        OPEN_BY_PATH = 2

        def __init__(self, path, how):
            assert how == self.OPEN_BY_PATH
            self._path, self._chip = path, kernel.chip(path)

        def reset(self):
            self._chip = None

        @property
        def label(self):
            return self._chip.label

        @property
        def num_lines(self):
            return len(self._chip.names)

        def get_line(self, offset):
            return LinePypi(kernel, self._path, offset)

    class line_request:
        DIRECTION_INPUT, DIRECTION_OUTPUT = 1, 2

        def __init__(self):
            self.consumer, self.request_type, self.flags = "", 0, 0
    for name, bit in FLAGS.items():
        setattr(line_request, f"FLAG_{name}", bit)
    return SimpleNamespace(chip=chip, line_request=line_request, __version__="1.5.4")


class Pull:
    UP, DOWN = "up", "down"


def blinka_modules(kernel: TwinKernel, v1: bool = False) -> tuple[SimpleNamespace, SimpleNamespace]:
    """`board`, `digitalio` of a Raspberry Pi: a pin is an input first, and a low output before it is anything else."""
    path = next(p for p, chip in kernel.chips.items() if chip.label.startswith("pinctrl"))

    class DigitalInOut:
        def __init__(self, pin):
            self._offset, self._fd = pin, -1
            self._init("input", "disabled")

        def _init(self, direction, bias):
            if self._fd >= 0:
                os.close(self._fd)
            self._fd = -1
            self._fd = kernel.request(path, self._offset, direction, False, bias, "adafruit_blinka", v1)

        def switch_to_output(self, value):
            assert value is False
            self._init("output", "disabled")

        def switch_to_input(self, pull):
            self._init("input", {None: "disabled", "up": "pull_up", "down": "pull_down"}[pull])

        def deinit(self):
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1
    board = SimpleNamespace(**{f"D{n}": n for n in range(2, 28)})
    return board, SimpleNamespace(DigitalInOut=DigitalInOut, Pull=Pull)


def raspberry(tag: str = "", **more) -> TwinKernel:
    """A Raspberry Pi 4: the names of some lines as its device tree has them."""
    from tests.drivers.pins.kernel import TwinChip
    names = ["ID_SDA", "ID_SCL", "SDA1", "SCL1", "GPIO_GCLK", "GPIO5", "GPIO6", *[f"GPIO{n}" for n in range(7, 58)]]
    names[14:16] = ["TXD1", "RXD1"]
    return TwinKernel(TwinChip("/dev/gpiochip0", "pinctrl-bcm2711", names, **more),
                      TwinChip("/dev/gpiochip1", "raspberrypi-exp-gpio", ["BT_ON", "WL_ON", *[""] * 6]), tag=tag)
