"""A kernel with GPIO chips, as far as a box sees it: requested lines are descriptors that any process can inherit, set and read by ioctl.

A line is a memfd that carries the name of the kernel's anonymous inode, so that /proc shows it as a real one, and holds the
state of the pin; `ioctl` decodes the octets of linux/gpio.h and works in whichever process holds the descriptor. A line is
busy as long as any process holds one.
"""
from __future__ import annotations

import errno
import glob
import os
import struct
from dataclasses import dataclass, field

GET_V2, SET_V2 = 0xC010B40E, 0xC010B40F      # GPIO_V2_LINE_GET_VALUES_IOCTL, ..SET..: printed by a C program over linux/gpio.h
GET_V1, SET_V1 = 0xC040B408, 0xC040B409      # GPIOHANDLE_GET_LINE_VALUES_IOCTL, ..SET..
EVERYBODY = "[0-9]*"                         # in /proc
STATE = struct.Struct("=BBBBBB")             # voltage at the pin, active low, output, errno of every ioctl, voltage is held from outside, ioctls that set
PIN, ACTIVE_LOW, OUTPUT, FAULT, SHORTED, WRITES = range(6)


def ioctl(fd: int, number: int, data: bytes) -> bytes:
    """What the kernel does with the four ioctl that a box uses."""
    link = os.readlink(f"/proc/self/fd/{fd}")
    v1 = "gpio-linehandle" in link
    if number not in ((GET_V1, SET_V1) if v1 else (GET_V2, SET_V2)) or len(data) != number >> 16 & 0x3FFF:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    state = list(STATE.unpack(os.pread(fd, STATE.size, 0)))
    if state[FAULT]:
        raise OSError(state[FAULT], os.strerror(state[FAULT]))
    if number in (SET_V1, SET_V2):
        if not state[OUTPUT]:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))
        if v1:
            values = struct.unpack("=64B", data)
            assert values[0] in (0, 1) and not any(values[1:]), "one line was asked for"
            value = values[0]
        else:
            bits, mask = struct.unpack("=QQ", data)
            assert mask == 1 and bits in (0, 1), "one line was asked for"
            value = bits
        if not state[SHORTED]:
            os.pwrite(fd, bytes([value ^ state[ACTIVE_LOW]]), PIN)
        os.pwrite(fd, bytes([(state[WRITES] + 1) % 256]), WRITES)
        return data
    value = state[PIN] ^ state[ACTIVE_LOW]
    return bytes([value]) + bytes(63) if v1 else struct.pack("=QQ", value, struct.unpack("=QQ", data)[1])


@dataclass
class TwinChip:
    """One controller; `names` of its lines, `users`: lines that the rest of the system holds."""

    path: str
    label: str
    names: list[str]
    users: dict[int, str] = field(default_factory=dict)
    forbidden: bool = False


class TwinKernel:
    """Chips, and what was asked of them: `requests` in order as (offset, direction, voltage at the pin from the first instant, bias)."""

    def __init__(self, *chips: TwinChip, tag: str = "") -> None:
        """`tag`: tells this kernel's lines from those of others; a test that watches another process's lines gives both the same."""
        self._tag = tag or f"{os.getpid()} {id(self)}"
        self._scope = EVERYBODY if tag else str(os.getpid())
        self.chips = {chip.path: chip for chip in chips}
        self.requests: list[tuple[int, str, int | None, str]] = []
        self.consumers: dict[tuple[str, int], str] = {}
        self.levels: dict[tuple[str, int], int] = {}          # of inputs, before they are asked for
        self.refuses: int = 0                                 # errno of every request
        self._wires: dict[tuple[str, int], Wire] = {}         # each remembers where it found its line

    def paths(self) -> list[str]:
        return list(self.chips)

    def chip(self, path: str) -> TwinChip:
        chip = self.chips.get(path)
        if chip is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        if chip.forbidden:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return chip

    def _name(self, path: str, offset: int) -> str:
        return f"of {self._tag} {path} {offset};"

    def holder(self, path: str, offset: int) -> str:
        """Who holds the line: somebody of the system, or a process with a descriptor of it."""
        if offset in self.chip(path).users:
            return self.chip(path).users[offset]
        return self.consumers.get((path, offset), "ccsbox") if holders(self._name(path, offset), self._scope) else ""

    def request(self, path: str, offset: int, direction: str, active_low: bool, bias: str, consumer: str, v1: bool = False) -> int:
        """An output is inactive from the beginning, as it was asked for."""
        if self.refuses:
            raise OSError(self.refuses, os.strerror(self.refuses))
        if self.holder(path, offset):
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        output = direction == "output"
        pin = int(active_low) if output else self.levels.get((path, offset), 0)
        fd = os.memfd_create(f"anon_inode:gpio-line{'handle' if v1 else ''} {self._name(path, offset)}", os.MFD_CLOEXEC)
        os.write(fd, STATE.pack(pin, active_low, output, 0, 0, 0))
        self.requests.append((offset, direction, pin if output else None, bias))
        self.consumers[path, offset] = consumer
        return fd

    def wire(self, offset: int, path: str = "/dev/gpiochip0") -> Wire:
        """What hangs at a pin that this process or another one has requested."""
        return self._wires.setdefault((path, offset), Wire(self._name(path, offset), self._scope))

    def watch(self, path: str = "/dev/gpiochip0") -> dict[int, Wire]:
        """Wires at the pins of the chip that were requested here."""
        return {offset: self.wire(offset, path) for where, offset in self.consumers if where == path}


class Wire:
    """What hangs at a pin, for the test: looks at the state of a line through whoever holds it, and keeps no descriptor, so it is no holder itself."""

    def __init__(self, name: str, scope: str = EVERYBODY) -> None:
        """`scope`: whose descriptors to look through; a process id, where no other process can hold the line."""
        self._name = name
        self._scope = scope
        self._path = ""

    def _open(self) -> int:
        if not self._path or self._name not in _link(self._path):
            (pid, fd), *_ = holders(self._name, str(os.getpid())) or holders(self._name, self._scope)
            self._path = f"/proc/{pid}/fd/{fd}"
        return os.open(self._path, os.O_RDWR)

    def _look(self, place: int) -> int:
        file = self._open()
        try:
            return os.pread(file, 1, place)[0]
        finally:
            os.close(file)

    def _write(self, place: int, value: int) -> None:
        file = self._open()
        try:
            os.pwrite(file, bytes([value]), place)
        finally:
            os.close(file)

    @property
    def high(self) -> bool:
        return self._look(PIN) == 1

    @property
    def writes(self) -> int:
        return self._look(WRITES)

    def drive(self, high: bool) -> None:
        """From outside, an input."""
        self._write(PIN, high)

    def short(self, high: bool) -> None:
        """An output that does not follow its driver any more."""
        self._write(PIN, high)
        self._write(SHORTED, 1)

    def fail(self, number: int) -> None:
        """Every ioctl fails with this errno; 0: none."""
        self._write(FAULT, number)

    @property
    def here(self) -> bool:
        """This process holds the line."""
        return bool(self._path and self._name in _link(self._path)) or bool(holders(self._name, str(os.getpid())))

    @property
    def held(self) -> list[int]:
        """Processes that hold the line."""
        return sorted({pid for pid, _ in holders(self._name, self._scope)})


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:                              # gone meanwhile, or somebody else's
        return ""


def holders(name: str, process: str = EVERYBODY) -> list[tuple[int, int]]:
    """(pid, descriptor) of every one that any process has on the line called so."""
    found = []
    for path in glob.iglob(f"/proc/{process}/fd/*"):
        link = _link(path)
        if name in link and "gpio-line" in link:
            _, _, pid, _, fd = path.split("/")
            found.append((int(pid), int(fd)))
    return found
