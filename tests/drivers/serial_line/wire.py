"""A pty with a simulated device at its far end, and time as a number.

The operating system moves octets between the two ends of a pty in a worker of its own, a moment after they were written. A test
that counts in virtual time waits for exactly those octets that it knows to be on the way.
"""
from __future__ import annotations

import fcntl
import os
import select
import struct
import termios
import tty
from dataclasses import dataclass
from types import SimpleNamespace

from drivers.serial_line.find import Finder
from drivers.serial_line.port import TURN

PATIENCE_S = 30.0            # for anything; a loaded machine is slow, not wrong
PATIENCE = 2_000_000         # questions to the operating system
COUNT = struct.Struct("=i")


def waiting(fd: int) -> int:
    """Octets that can be read at `fd`."""
    return COUNT.unpack(fcntl.ioctl(fd, termios.FIONREAD, bytes(COUNT.size)))[0]


def until(question) -> bool:
    """Asks again and again, letting others run; False when patience is over."""
    for _ in range(PATIENCE):
        if question():
            return True
        os.sched_yield()
    return False


@dataclass
class Plug:
    """What the operating system lists: one USB adapter, or none."""

    path: str = ""
    vid: int | None = 0x2341

    def ports(self):
        return [SimpleNamespace(device=self.path, vid=self.vid)] if self.path else []

    def finder(self) -> Finder:
        return Finder(self.ports)


class Pty:
    """Far end of a serial line. `read` what the box has sent, `write` what the device says."""

    def __init__(self) -> None:
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        self.slave = slave              # kept, so that a box that closes its end does not hang up the line
        os.set_blocking(self.master, False)

    def read(self, least: int = 0) -> bytes:
        """All that has come, at least so many octets."""
        data = b""

        def more() -> bool:
            nonlocal data
            try:
                data += os.read(self.master, 4096)
            except BlockingIOError:
                return len(data) >= least
            return False
        assert until(more), f"{len(data)} of {least} octets came"
        return data

    def read_until(self, words: bytes) -> bytes:
        """All that comes until `words` have."""
        data = b""
        while words not in data:
            readable, _, _ = select.select([self.master], (), (), PATIENCE_S)
            assert readable, f"{words!r} did not come in {data[-200:]!r}"
            data += os.read(self.master, 4096)
        return data

    def write(self, data: bytes) -> None:
        """Waits until the box could read it all, or as much as the line holds."""
        if not data:
            return
        before = waiting(self.slave)
        try:
            written = os.write(self.master, data)
        except BlockingIOError:
            return                       # nobody reads; the line is full
        wanted = min(before + written, 4095)
        until(lambda: waiting(self.slave) >= wanted)

    def unplug(self) -> None:
        """The device has gone."""
        if self.master >= 0:
            os.close(self.master)
            os.close(self.slave)
            self.master = self.slave = -1


class Line:
    """Box and device joined by a pty: `step` gives both their turns, `replug` makes a new pty for the same device."""

    def __init__(self, device) -> None:
        """`device`: a twin of drivers.sim.serial_devices."""
        self.device = device
        self.plug = Plug()
        self.pty = Pty()
        self.plug.path = self.pty.path
        self.driver = None
        self._taken = 0

    def exchange(self, now: int) -> None:
        """What the box has written reaches the device, what the device says the box."""
        port = self.driver.port
        if self.pty.master < 0:
            return
        data = self.pty.read(port.sent - self._taken if port.is_open else 0)
        self._taken = port.sent
        self.device.receive(data, now)
        self.pty.write(self.device.outgoing(now))

    def step(self, now: int) -> int:
        self.exchange(now)
        self.driver.run(now)
        self.exchange(now)
        return now + TURN

    def run(self, now: int, until_ns: int) -> int:
        """Steps from `now` on; the time at the end."""
        while now < until_ns:
            now = self.step(now)
        return now

    def unplug(self) -> None:
        self.pty.unplug()
        self.plug.path = ""
        self._taken = self.driver.port.sent

    def replug(self) -> None:
        self.pty = Pty()
        self.plug.path = self.pty.path
        self.device.reset()
        self._taken = self.driver.port.sent

    def close(self) -> None:
        self.driver.close()
        self.driver.lines.close()
        self.pty.unplug()
