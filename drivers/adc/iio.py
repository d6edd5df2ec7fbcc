"""Converters of which Linux has a driver (the BeagleBone's TSCADC, overlays for ads1115, mcp3208, ...) through IIO's files in sysfs.

One channel per turn: one pread of `in_voltageK_raw` on a descriptor that stays open; the kernel converts while we read (microseconds at a
TSCADC or MCP3208; **its ti-ads1015 driver sleeps for the whole conversion**: 9 ms at 128 samples/s, so prefer `ads1x15.py` there, or set
its sampling_frequency to 860). The device is found by its name, for the numbers change with the order of probing. Layout: the kernel's
Documentation/ABI/testing/sysfs-bus-iio; volts = (raw + offset) * scale / 1000.
"""
from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Protocol

from drivers.adc.inputs import InputsConfig, PolledInputs
from drivers.adc.mcp3208 import too_slow
from drivers.errors import DriverError
from kernel.record import settings_class
from kernel.settings import setting
from kernel.timer import MS

ROOT = "/sys/bus/iio/devices"
LONGEST = 32                 # octets of a number in sysfs
BUSY = (errno.EAGAIN, errno.EBUSY, errno.ETIMEDOUT)
GONE = (errno.ENODEV, errno.ENOENT, errno.EBADF, errno.ENXIO)


class Files(Protocol):
    """The part of `os` that is used; tests hand in one that fails."""

    O_RDONLY: int
    O_CLOEXEC: int

    def open(self, path: str, flags: int) -> int: ...

    def pread(self, descriptor: int, octets: int, offset: int) -> bytes: ...

    def close(self, descriptor: int) -> None: ...


@settings_class(slots=True)
class IioConfig(InputsConfig):
    """Section `iio` of the configuration: a converter that the kernel drives."""

    device: str = setting("TI-am335x-adc", meaning="what /sys/bus/iio/devices/iio:device*/name (or label) says: `grep . /sys/bus/iio/devices/*/name`")
    scale_mv: float = setting(0.0, unit="mV", low=0, high=1000, meaning=(
        "mV of one count where the driver has no in_voltage_scale; 0: believe the driver. BeagleBone: 1800/4096 = 0.43945"))
    raw_max: int = setting(4095, low=1, high=(1 << 24) - 1, meaning="highest count: there the pin is off range. 12 bits: 4095; ads1115: 32767; ads1015: 2047")
    period_ms: int = setting(10, unit="ms", low=1, high=1000, meaning="one channel is read every so often")

    def contradiction(self) -> str:
        problem = InputsConfig.contradiction(self)
        if problem:
            return problem
        for channel in self.channels:
            if not all(pin.isdecimal() for pin in channel.split("-")) or channel.count("-") > 1:
                return f"has channel {channel}; write 3 for in_voltage3_raw, 0-1 for in_voltage0-voltage1_raw"
        return too_slow(self, self.period_ms)


class Iio(PolledInputs):
    """AnalogInputs of one IIO device. A turn is one pread."""

    def __init__(self, config: IioConfig, root: str = ROOT, files: Files | None = None) -> None:
        """`root`: another folder (tests). DriverError without channels, or where the device is there and lacks one of them or its scale.

        A device that is not there (a driver that loads late) is a fault, and looked for again.
        """
        super().__init__(f"IIO device {config.device}", config)
        if not config.channels:
            raise DriverError(f"{self.name} has no channels to read.", "Name the wired pins in its channels, for example [\"0\", \"1\"].")
        self._config = config
        self._root = Path(root)
        self._files: Files = os if files is None else files
        self._open: list[tuple[int, float, float]] = []      # by channel: descriptor, V per count, offset in counts
        self._index = 0
        try:
            self._find()
        except _Absent:
            self._close_all()
        except _Unfit as unfit:
            self._close_all()
            raise DriverError(f"{self.name}: {unfit.problem}", unfit.remedy) from unfit
        except OSError as error:
            self._close_all()
            if error.errno in (errno.EACCES, errno.EPERM):
                raise DriverError(f"{self.name} may not be read: {error}.", "Let this user read it (a udev rule), or run as root.") from error

    def _turn(self, now: int) -> int:
        try:
            if not self._open:
                self._find()
                return now + MS                  # the reading is the next turn's
            descriptor, volts, offset = self._open[self._index]
            text = self._files.pread(descriptor, LONGEST, 0)
        except _Absent as absent:
            return self._failed(now, "not found", absent.remedy)
        except _Unfit as unfit:
            self._close_all()
            return self._failed(now, "unfit", f"{self.name}: {unfit.problem} {unfit.remedy}")
        except OSError as error:
            return self._trouble(now, error)
        try:
            counts = int(text)
        except ValueError:
            return self._failed(now, "garbage", f"{self.name} says {text[:LONGEST]!r} for channel {self.channels[self._index]}, where a number was expected.")
        highest = self._config.raw_max
        beyond = counts >= highest or counts <= -highest
        self._tracks[self.channels[self._index]].put(now, counts, None if beyond else (counts + offset) * volts)
        self._answered(now)
        self._index = (self._index + 1) % len(self._open)
        return now + self._config.period_ms * MS

    def _trouble(self, now: int, error: OSError) -> int:
        if error.errno in BUSY:
            return self._failed(now, "busy", f"{self.name} is used by another program (its buffer is on?) or did not end its conversion: "
                                f"{error.strerror}. `cat {self._root}/iio:device*/buffer/enable` must say 0.")
        self._close_all()
        if error.errno in GONE:
            return self._failed(now, "gone", f"{self.name} has gone: its driver was unloaded or its bus failed; see the kernel's messages (dmesg).")
        return self._failed(now, "read error", f"{self.name}: {error.strerror or error}; see the kernel's messages (dmesg).")

    def _find(self) -> None:
        """Open every channel of the device with the right name; a few small files, once."""
        wanted, found, names = self._config.device, [], []
        for folder in sorted(self._root.glob("iio:device*")) if self._root.is_dir() else []:
            called = {folder.name, _text(folder / "name"), _text(folder / "label")} - {""}
            names.append(f"{folder.name} ({_text(folder / 'name') or 'no name'})")
            if wanted in called:
                found.append(folder)
        if not found:
            listed = f"there are {', '.join(names[:8])}" if names else "there is none at all"
            raise _Absent(f"No IIO device is called {wanted} under {self._root}; {listed}: enable its overlay or load its driver, or correct iio.device.")
        if len(found) > 1:
            raise _Unfit(f"{len(found)} devices have this name ({', '.join(f.name for f in found)}).", f"Name one of them, for example {found[0].name}.")
        self._open = []
        for channel in self.channels:
            self._open.append(self._channel(found[0], channel))
        self._index = 0

    def _channel(self, folder: Path, channel: str) -> tuple[int, float, float]:
        stem = "in_voltage" + channel.replace("-", "-voltage")
        raw = folder / f"{stem}_raw"
        if not raw.is_file():
            there = sorted(p.name for p in folder.glob("in_voltage*_raw"))
            raise _Unfit(f"there is no {raw.name}.", f"It has {', '.join(there[:16]) or 'no voltages'}: correct channels.")
        scale = self._config.scale_mv or _number(folder / f"{stem}_scale", folder / "in_voltage_scale")
        if scale is None or scale <= 0:
            raise _Unfit(f"its driver does not say how many mV a count is ({stem}_scale).", "Set scale_mv: full scale in mV divided by the number of counts.")
        offset = _number(folder / f"{stem}_offset", folder / "in_voltage_offset") or 0.0
        return self._files.open(str(raw), self._files.O_RDONLY | self._files.O_CLOEXEC), scale / 1000, offset

    def _close_all(self) -> None:
        opened, self._open = self._open, []
        for descriptor, _, _ in opened:
            try:
                self._files.close(descriptor)
            except OSError:
                self.errors += 1

    def close(self) -> None:
        """All descriptors are closed."""
        self._close_all()


class _Absent(Exception):
    """The device is not there."""

    def __init__(self, remedy: str) -> None:
        super().__init__(remedy)
        self.remedy = remedy


class _Unfit(Exception):
    """The device is there, but not as the settings say."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


def _text(path: Path) -> str:
    """The file's line; "" where it cannot be read: not every device has every file."""
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _number(*paths: Path) -> float | None:
    """The first of the files that holds a number."""
    for path in paths:
        text = _text(path)
        try:
            return float(text)
        except ValueError:
            continue
    return None
