"""Output lines behind a serial port: the page of memory that main process and guard hold, and the guard's own hand on the port.

Levels are only wishes until octets have gone: the main process writes them through its `SerialPort`, between the lines of a
display; the guard writes them itself, straight to a descriptor of the same port. It inherits one that is open, and opens the
port by its path whenever the main process has opened it anew (the page says where). Before its first command it throws away
what the operating system has not yet sent. Between processes there is no lock: a main process that was stopped in the middle
of a write may still finish it. The guard therefore repeats its command every REPEAT while it holds the lines.
"""
from __future__ import annotations

import errno
import fcntl
import mmap
import os
import struct
import termios
from typing import Callable

from drivers.guard import SERIAL
from drivers.serial_line.commands import DEVICES
from drivers.sim.lines import CONTACTORS, FIRST, HELD, NAME, SIZE, Lines
from kernel.clock import MonotonicClock
from kernel.timer import MS

REPEAT = 20 * MS             # 18 octets at most, 9.4 ms at 19,200 Bd
FOLLOW = 100 * MS            # between two attempts to open the port
MAX_PATH = 200
PORT = struct.Struct("=BIIH")          # device, times opened (odd while it is being written), baud, length of the path
PAGE = SIZE + PORT.size + MAX_PATH
COUNT = struct.Struct("=i")


class SerialLines(Lines):
    """Lines of a car's box whose outputs are at a serial device. `create` in the main process, `SerialLines(fd, port)` in the guard."""

    def __init__(self, fd: int, port: int = -1, now: Callable[[], int] = MonotonicClock().now, *, guarding: bool = True) -> None:
        """`fd` of the page, `port`: an inherited descriptor of the serial port, -1 when it was not open then."""
        super().__init__(fd, now)
        self.port = port
        self.errors = 0                  # octets that could not be written, ports that could not be opened
        self._guarding = guarding
        self._clock = now
        self._where = mmap.mmap(fd, PAGE)
        self._seen = self._opened() if port >= 0 else 0
        self._followed_at = -FOLLOW
        self._written_at = -REPEAT
        self._pending = False            # the last command did not go whole
        self._owned = False              # the guard's lock on the port that it holds

    @classmethod
    def create(cls, now: Callable[[], int] = MonotonicClock().now, device: int = 0) -> SerialLines:
        """A new page: all lines low, no port yet. `device`: DIETER or CELERON55."""
        fd = os.memfd_create(NAME, os.MFD_CLOEXEC)
        os.ftruncate(fd, PAGE)
        made = cls(fd, -1, now, guarding=False)
        PORT.pack_into(made._where, SIZE, device, 0, 0, 0)
        return made

    def close(self) -> None:
        """What waits in the operating system still goes: at an orderly end those are the last commands, which make the outputs safe."""
        self._where.close()
        if self.port >= 0:
            os.close(self.port)
            self.port = -1
        super().close()

    @property
    def word(self) -> str:
        """For the guard's command line. The port is not in it: the page says where it is, also after it was opened anew."""
        return f"{SERIAL}{self.fd}"

    @classmethod
    def inherited(cls, word: str) -> SerialLines:
        """The same lines in the guard, which has inherited the page; `word` is theirs."""
        return cls(int(word.removeprefix(SERIAL)))

    def commands(self) -> bytes:
        """The octets for the levels as they are."""
        return DEVICES[self._where[SIZE]](self.level(FIRST), self.level(CONTACTORS))

    def path(self) -> bytes:
        """Where the port is; empty while there is none."""
        length = PORT.unpack_from(self._where, SIZE)[3]
        return bytes(self._where[SIZE + PORT.size:SIZE + PORT.size + min(length, MAX_PATH)])

    # --- the main process -------------------------------------------------------------------------------------------

    def at_port(self, path: str, baud: int) -> None:
        """The port has been opened (again): the guard is to do the same. "": it was lost, and whoever still holds it open keeps
        the device from getting its old name (ttyUSB0) back. The main process alone calls it."""
        octets = path.encode()[:MAX_PATH]
        device, opened, *_ = PORT.unpack_from(self._where, SIZE)
        PORT.pack_into(self._where, SIZE, device, opened + 1 & 0xFFFFFFFF, baud, len(octets))
        self._where[SIZE + PORT.size:SIZE + PORT.size + len(octets)] = octets
        PORT.pack_into(self._where, SIZE, device, opened + 2 & 0xFFFFFFFF, baud, len(octets))

    # --- the guard --------------------------------------------------------------------------------------------------

    @property
    def armed(self) -> bool:
        """As of all lines. The guard asks it at least ten times a second, and takes the occasion to look for a newly opened port."""
        if self._guarding:
            self._follow()
        return super().armed

    def hold(self) -> None:
        """From now on `set` raises nothing; what waits in the operating system is thrown away."""
        super().hold()
        if self._guarding:
            self._follow()
            self._flush()

    def force(self, line: int, on: bool) -> None:
        """The level, and in the guard the octets for all of them: at once when it changed, else not more often than REPEAT."""
        changed = self.level(line) != on
        super().force(line, on)
        if self._guarding and self.held and line != HELD:      # taking the lines says nothing yet: state C may still be high
            self._send(changed)

    def _send(self, changed: bool) -> None:
        now = self._clock()
        self._pending = self._pending or changed
        if not self._pending and now - self._written_at < REPEAT:
            return
        self._follow()
        octets = b"\n" + self.commands()
        self._own()
        if self.port < 0 or not changed and self._unsent() > len(octets):
            return                       # nobody there, or the line is slower than REPEAT
        self._written_at = now
        try:
            self._pending = os.write(self.port, octets) < len(octets)
        except BlockingIOError:
            self.errors += 1             # the driver's buffer is full, although it was emptied: the next call tries again
        except OSError:
            self.errors += 1
            self._release()              # unplugged; followed again by its path
            self._seen = 0

    def _opened(self) -> int:
        return PORT.unpack_from(self._where, SIZE)[1]

    def _follow(self) -> None:
        """Opens the port that the page names, when that is another one than ours."""
        _, opened, baud, _ = PORT.unpack_from(self._where, SIZE)
        if opened == self._seen or opened & 1:
            return
        now = self._clock()
        if now - self._followed_at < FOLLOW:
            return
        self._followed_at = now
        path = self.path()
        if self._opened() != opened:
            return                       # it changed meanwhile
        if not path:
            self._release()
            self._seen = opened
            return
        try:
            port = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            self.errors += 1
            return
        self._release()
        self.port, self._seen = port, opened
        self._pending = self.held
        if not set_raw(port, baud):
            self.errors += 1

    def _own(self) -> None:
        """Once the main process is gone, nobody else shall open the port (pyserial's `exclusive` is the same lock): a box with another name would
        command on what this guard commands off, and the relays would chatter under load. Its lock ends with the descriptor."""
        if self.port >= 0 and not self._owned:
            try:
                fcntl.flock(self.port, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._owned = True
            except OSError:
                return                   # the main process still has it: tried again with the next command

    def _release(self) -> None:
        self._owned = False
        if self.port >= 0:
            self._flush()
            os.close(self.port)
            self.port = -1

    def _flush(self) -> None:
        if self.port < 0:
            return
        try:
            termios.tcflush(self.port, termios.TCOFLUSH)
        except termios.error:
            self.errors += 1

    def _unsent(self) -> int:
        try:
            return COUNT.unpack(fcntl.ioctl(self.port, termios.TIOCOUTQ, bytes(COUNT.size)))[0]
        except OSError as error:
            self.errors += error.errno not in (errno.EINVAL, errno.ENOTTY)
            return 0


def set_raw(fd: int, baud: int) -> bool:
    """8N1 without any translation or flow control, DTR kept at the end; False where the driver refuses. An unknown rate stays as it is."""
    try:
        attributes = termios.tcgetattr(fd)
        control = attributes[2] & ~(termios.CSIZE | termios.PARENB | termios.CSTOPB | termios.HUPCL) | termios.CS8 | termios.CREAD | termios.CLOCAL
        speed = getattr(termios, f"B{baud}", None)
        speeds = attributes[4:6] if speed is None else [speed, speed]
        termios.tcsetattr(fd, termios.TCSANOW, [0, 0, control, 0, *speeds, attributes[6]])
    except termios.error:
        return False
    return True
