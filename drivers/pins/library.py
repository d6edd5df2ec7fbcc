"""Asks the kernel for lines through libgpiod's Python API: 2.x, 1.6 (Debian 12), and PyPI's 1.5.4, which pip chooses on 32 bit.

The library is used at the start only. The descriptor of the line is duplicated and the library's own is closed: from then on
`drivers.pins.hand` sets and reads it. What is asked for has the fail-safe level in the request itself: no glitch.
"""
from __future__ import annotations

import errno
import glob
import os
import re
import time
from pathlib import Path
from typing import Any, Callable, Protocol

from drivers.errors import DriverError
from drivers.pins.config import InputPin, OutputPin
from drivers.pins.hand import V2, Ioctl, LineHand, line_descriptors
from drivers.pins.names import Chip, PinUses, Place, find

CONSUMER = "ccsbox"
CHIP_NAME = re.compile(r"gpiochip\d+$")
MAX_CHIPS = 64
SYSFS = "/sys/bus/gpio/devices"
OWN = (CONSUMER, "adafruit_blinka")
PATIENCE_S = 2.0             # for a guard of the run before that is just leaving (a service that is started anew); at the start only
PACE_S = 0.02


class Api(Protocol):
    """What the three libraries have in common."""

    def look(self, path: str) -> tuple[str, int]:
        """Label and number of lines of the chip."""
        ...

    def names(self, path: str, lines: int) -> list[str]: ...

    def consumer(self, place: Place) -> str:
        """Who holds the line; empty when nobody does."""
        ...

    def output(self, place: Place, active_low: bool) -> LineHand:
        """Inactive from the first instant."""
        ...

    def input(self, place: Place, active_low: bool, bias: str) -> LineHand: ...


class GpiodV2:
    """gpiod 2.x."""

    def __init__(self, gpiod: Any, ioctl: Ioctl | None = None) -> None:
        self._gpiod = gpiod
        self._more = () if ioctl is None else (ioctl,)

    def look(self, path: str) -> tuple[str, int]:
        with self._gpiod.Chip(path) as chip:
            info = chip.get_info()
            return info.label, info.num_lines

    def names(self, path: str, lines: int) -> list[str]:
        with self._gpiod.Chip(path) as chip:
            return [chip.get_line_info(offset).name or "" for offset in range(lines)]

    def consumer(self, place: Place) -> str:
        with self._gpiod.Chip(place.chip.path) as chip:
            info = chip.get_line_info(place.offset)
            return (info.consumer or "the kernel") if info.used else ""

    def output(self, place: Place, active_low: bool) -> LineHand:
        line = self._gpiod.line
        return self._ask(place, direction=line.Direction.OUTPUT, output_value=line.Value.INACTIVE, active_low=active_low)

    def input(self, place: Place, active_low: bool, bias: str) -> LineHand:
        line = self._gpiod.line
        bias = {"as_is": line.Bias.AS_IS, "none": line.Bias.DISABLED, "pull_up": line.Bias.PULL_UP, "pull_down": line.Bias.PULL_DOWN}[bias]
        return self._ask(place, direction=line.Direction.INPUT, bias=bias, active_low=active_low)

    def _ask(self, place: Place, **settings: Any) -> LineHand:
        with self._gpiod.Chip(place.chip.path) as chip:
            request = chip.request_lines(config={place.offset: self._gpiod.LineSettings(**settings)}, consumer=CONSUMER)
            try:
                return LineHand(os.dup(request.fd), V2, False, *self._more)
            finally:
                request.release()


class GpiodV1:
    """gpiod 1.6, libgpiod's own module of that time. It tells no descriptor: the new one of the process is the one."""

    def __init__(self, gpiod: Any, ioctl: Ioctl | None = None) -> None:
        self._gpiod = gpiod
        self._more = () if ioctl is None else (ioctl,)

    def _open(self, path: str) -> Any:
        return self._gpiod.Chip(path, self._gpiod.Chip.OPEN_BY_PATH)

    def _close(self, chip: Any) -> None:
        chip.close()

    def look(self, path: str) -> tuple[str, int]:
        chip = self._open(path)
        try:
            count = chip.num_lines                   # a method here, a property of 1.5.4
            return _plain(chip.label), _plain(count)
        finally:
            self._close(chip)

    def names(self, path: str, lines: int) -> list[str]:
        chip = self._open(path)
        try:
            return [_plain(chip.get_line(offset).name) or "" for offset in range(lines)]
        finally:
            self._close(chip)

    def consumer(self, place: Place) -> str:
        chip = self._open(place.chip.path)
        try:
            line = chip.get_line(place.offset)
            return (_plain(line.consumer) or "the kernel") if _plain(line.is_used) else ""
        finally:
            self._close(chip)

    def output(self, place: Place, active_low: bool) -> LineHand:
        return self._ask(place, "OUT", self._flags(active_low, "as_is"))

    def input(self, place: Place, active_low: bool, bias: str) -> LineHand:
        return self._ask(place, "IN", self._flags(active_low, bias))

    def _flags(self, active_low: bool, bias: str) -> int:
        names = (["ACTIVE_LOW"] if active_low else []) + {"as_is": [], "none": ["BIAS_DISABLE"], "pull_up": ["BIAS_PULL_UP"],
                                                          "pull_down": ["BIAS_PULL_DOWN"]}[bias]
        flags = 0
        for name in names:
            flags |= self._flag(name)
        return flags

    def _flag(self, name: str) -> int:
        return getattr(self._gpiod, "LINE_REQ_FLAG_" + name)

    def _request(self, line: Any, direction: str, flags: int) -> None:
        gpiod = self._gpiod
        if direction == "OUT":
            line.request(consumer=CONSUMER, type=gpiod.LINE_REQ_DIR_OUT, flags=flags, default_vals=[0])
        else:
            line.request(consumer=CONSUMER, type=gpiod.LINE_REQ_DIR_IN, flags=flags)

    def _ask(self, place: Place, direction: str, flags: int) -> LineHand:
        chip = self._open(place.chip.path)
        try:
            line = chip.get_line(place.offset)
            return held_by(lambda: self._request(line, direction, flags), line.release, False, *self._more)
        finally:
            self._close(chip)


class GpiodPypi1(GpiodV1):
    """gpiod 1.5.4 of PyPI: another author's, after the C++ API."""

    def _open(self, path: str) -> Any:
        return self._gpiod.chip(path, self._gpiod.chip.OPEN_BY_PATH)

    def _close(self, chip: Any) -> None:
        chip.reset()

    def _flag(self, name: str) -> int:
        return getattr(self._gpiod.line_request, "FLAG_" + name)

    def _request(self, line: Any, direction: str, flags: int) -> None:
        config = self._gpiod.line_request()
        config.consumer, config.flags = CONSUMER, flags
        config.request_type = self._gpiod.line_request.DIRECTION_OUTPUT if direction == "OUT" else self._gpiod.line_request.DIRECTION_INPUT
        line.request(config, 0)


def _plain(value: Any) -> Any:
    """1.6 has methods where 1.5.4 has properties."""
    return value() if callable(value) else value


def held_by(request: Callable[[], None], release: Callable[[], None], invert: bool, *ioctl: Ioctl) -> LineHand:
    """A second descriptor of the line that `request` asks for; the library's own is given back by `release`."""
    before = line_descriptors()
    request()
    try:
        new = {fd: abi for fd, abi in line_descriptors().items() if fd not in before}
        if len(new) != 1:
            raise DriverError(f"The GPIO library opened {len(new)} line descriptors where one was expected, so the guard process could not hold the pin.",
                              "Install gpiod 2.x (pip install gpiod, or apt install python3-libgpiod) and set library to gpiod.")
        (fd, abi), = new.items()
        return LineHand(os.dup(fd), abi, invert, *ioctl)
    finally:
        release()


def load_api(gpiod: Any = None, ioctl: Ioctl | None = None) -> Api:
    """The API of the installed gpiod. DriverError when there is none."""
    if gpiod is None:
        try:
            import gpiod
        except ImportError as error:
            raise DriverError(f"Pins need libgpiod's Python module, which cannot be imported ({error}).",
                              "Install it: apt install python3-libgpiod (environment made with --system-site-packages), or pip install gpiod.") from error
    if hasattr(gpiod, "LineSettings"):
        return GpiodV2(gpiod, ioctl)
    if hasattr(gpiod, "LINE_REQ_DIR_OUT"):
        return GpiodV1(gpiod, ioctl)
    if hasattr(gpiod, "line_request"):
        return GpiodPypi1(gpiod, ioctl)
    raise DriverError(f"The installed gpiod {getattr(gpiod, '__version__', '')} is none that is known here (2.x, 1.6, 1.5.4).",
                      "Install gpiod 2.x or python3-libgpiod.")


def _chip_paths() -> list[str]:
    """Every /dev/gpiochipN once; a Raspberry Pi 5 has gpiochip4 as a second name of gpiochip0."""
    real = {os.path.realpath(path) for path in glob.glob("/dev/gpiochip*")}
    return sorted((path for path in real if CHIP_NAME.search(path)), key=lambda path: (len(path), path))


class Pins:
    """Every pin of one machine: finds it by name, refuses its second use, asks for its line."""

    def __init__(self, library: str = "auto", api: Api | None = None, blinka: Any = None, paths: Callable[[], list[str]] = _chip_paths,
                 sysfs: str = SYSFS, patience_s: float = PATIENCE_S) -> None:
        """`library`: auto, blinka, gpiod. `api`, `blinka`, `paths` and `sysfs` are for tests. `patience_s`: how long a pin may be busy with ourselves."""
        self._patience = patience_s
        self.library = library
        self.uses = PinUses()
        self._api = api
        self._blinka = blinka
        self._paths = paths
        self._sysfs = Path(sysfs)
        self._chips: list[Chip] | None = None
        self._denied = ""

    @property
    def api(self) -> Api:
        if self._api is None:
            self._api = load_api()
        return self._api

    def chips(self) -> list[Chip]:
        """All that may be looked at; DriverError when all of them are forbidden."""
        if self._chips is None:
            found = []
            for path in self._paths()[:MAX_CHIPS]:
                name = path.rpartition("/")[2]
                try:
                    label, lines = self.api.look(path)
                except OSError as error:
                    self._denied = f"{path}: {error.strerror or error}"
                    continue
                found.append(Chip(name, label, lines, os.path.realpath(self._sysfs / name), path))
            if not found and self._denied:
                raise DriverError(f"No GPIO chip can be opened ({self._denied}).", "Join the group gpio (usermod -aG gpio USER), or run as the service does; "
                                  "`gpiodetect` as root shows whether they work at all.")
            self._chips = found
        return self._chips

    def find(self, text: str) -> Place:
        return find(text, self.chips(), lambda chip: self.api.names(chip.path, chip.lines))

    def output(self, config: OutputPin, purpose: str) -> LineHand:
        """The line of an output, inactive. DriverError says what is in the way."""
        place = self._claim(config.pin, purpose)
        blinka = self._blinka_for(config.pin, config.active_low)
        return self._open(config.pin, purpose, place, lambda: self.api.output(place, config.active_low) if blinka is None else blinka.output(config.pin),
                          self._patience)

    def input(self, config: InputPin, purpose: str) -> LineHand:
        return self._input(config, purpose, self._claim(config.pin, purpose), self._patience)

    def reopen(self, config: InputPin, purpose: str) -> LineHand:
        """The same line once more, after its chip was lost; on a running box, so it does not wait for anybody."""
        self._chips = None
        return self._input(config, purpose, self.find(config.pin), 0.0)

    def _input(self, config: InputPin, purpose: str, place: Place, patience: float) -> LineHand:
        blinka = self._blinka_for(config.pin, False)
        return self._open(config.pin, purpose, place, lambda: self.api.input(place, config.active_low, config.bias) if blinka is None
                          else blinka.input(config.pin, config.active_low, config.bias), patience)

    def _claim(self, text: str, purpose: str) -> Place:
        place = self.find(text)
        self.uses.claim(text, purpose, place)
        return place

    def _blinka_for(self, text: str, active_low_output: bool) -> Any:
        """Blinka, where it is wanted and can do it; None: libgpiod."""
        if self.library == "gpiod":
            return None
        from drivers.pins.blinka import Blinka, able
        why = able(text, active_low_output)
        if why:
            if self.library == "blinka":
                raise DriverError(f"Blinka cannot drive {text}: {why}.", "Set library to auto or gpiod.")
            return None
        if self._blinka is None:
            try:
                self._blinka = Blinka()
            except DriverError:
                if self.library == "blinka":
                    raise
                self.library = "gpiod"               # auto: without Blinka the same pins go by libgpiod
        return self._blinka

    def _open(self, text: str, purpose: str, place: Place, ask: Callable[[], LineHand], patience: float) -> LineHand:
        where = text if text == str(place) else f"{text} ({place})"
        end = time.monotonic() + patience
        while True:
            try:
                return ask()
            except OSError as error:
                if error.errno != errno.EBUSY or time.monotonic() >= end or self._holder(place) not in (*OWN, ""):
                    raise self._refusal(where, purpose, place, error) from error
            time.sleep(PACE_S)

    def _holder(self, place: Place) -> str:
        try:
            return self.api.consumer(place)
        except OSError as error:
            return f"somebody unknown ({error.strerror})"

    def _refusal(self, where: str, purpose: str, place: Place, error: OSError) -> DriverError:
        if error.errno == errno.EBUSY:
            holder = self._holder(place)
            hint = ("A guard of an earlier run may still hold it: `ps` shows guard_process, SIGTERM ends it." if holder in OWN else
                    "Give that use of the pin up (device tree overlay, other program), or use another pin.")
            return DriverError(f"{where} for the {purpose} is busy: it is held by {holder or 'nobody any more'}.", hint)
        if error.errno in (errno.EACCES, errno.EPERM):
            return DriverError(f"{where} for the {purpose} is not permitted ({error.strerror}).",
                               "Join the group gpio (usermod -aG gpio USER), or run as the service does.")
        return DriverError(f"{where} for the {purpose} cannot be had ({error.strerror or error}).",
                           "`gpioinfo` shows the line; a bias needs a chip that has one (else set bias to as_is), an output a line that is not input only.")
