"""A serial port that never waits: bounded octets per turn, bounded queues, opened again by itself after a loss.

pyserial opens, configures and reads it. It does not write: `Serial.write` with write_timeout=0 spins for ever while the
driver's buffer is full (EAGAIN is swallowed inside its loop, pyserial 3.5), so the octets go through os.write.
"""
from __future__ import annotations

import errno
import fcntl
import os
import struct
import termios
from collections import deque
from typing import Any, Callable

from drivers.errors import DriverError
from drivers.serial_line.find import Finder, by_id
from drivers.serial_line.split import LineSplitter
from kernel.record import settings_class
from kernel.settings import setting
from kernel.timer import MS, S, Backoff

READ_MAX = 256           # octets per turn: 10 ms of 230,400 Bd; the field program reads 100 (sheet field-pyplc-clara 1.4)
WRITE_MAX = 64           # octets per turn
UNSENT_MAX = 32          # octets that may wait in the operating system: 17 ms at 19,200 Bd, the longest that a command stands behind a text
EVENTS_MAX = 8           # commands that wait and must all go (lock, unlock)
TEXTS_MAX = 8            # lines for a display that wait
FLOOD_TURNS = 16         # full reads in a row: 4 KiB, the operating system's whole buffer; what is in it is old
STALL = 200 * MS         # no turn for so long: what waits in the buffer is of unknown age
TURN = 10 * MS
STUCK = 300 * MS         # nothing is taken for so long, and four times as long as UNSENT_MAX octets need: the device or its adapter hangs
MAX_FIRST_TRIES = 8      # ports that may refuse at the start before that is the answer
REOPEN_FIRST, REOPEN_CEILING = 1 * S, 8 * S
NOT_MENDED_BY_WAITING = frozenset({errno.EACCES, errno.EPERM, errno.ENOTTY, errno.EINVAL, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG})
COUNT = struct.Struct("=i")


@settings_class(slots=True)
class SerialPortConfig:
    """Where a serial device is plugged in."""

    port: str = setting("auto", meaning=(
        "auto: the first serial port, known USB adapters first, never /dev/ttyAMA0; with more than one: a name below /dev/serial/by-id"))
    baud: int = setting(19200, low=300, high=4_000_000, meaning="bits per second; Dieter has 19200")


class SerialPort:
    """`turn` once per 10 ms gives the lines that came; `state`, `event` and `text` queue what is to go, `pump` writes of it what fits.

    `state` keeps only the newest, and goes first. `muted` is asked before each write: the guard may have taken the outputs.
    """

    def __init__(self, config: SerialPortConfig, short: str, now: int = 0, *, opener: Callable[[str], Any] | None = None,
                 finder: Finder | None = None) -> None:
        """`short`: at most 6 characters for the display. DriverError for what only a person can mend; an absent device is looked for."""
        self.fault = ""
        self.remedy = ""
        self.errors = 0
        self.path = ""                   # of the open port, "" while there is none
        self.opened = 0                  # how often it has been opened
        self.sent = 0                    # octets
        self.received = 0
        self.dropped = 0                 # lines that found no room
        self.floods = 0
        self.stalls = 0
        self.splitter = LineSplitter()
        self.muted: Callable[[], bool] = _never
        self._short = short
        self._config = config
        self._open = self._pyserial() if opener is None else opener
        self._auto = config.port == "auto"
        if not self._auto and not config.port.startswith("/dev/"):
            raise DriverError(f"{config.port!r} is no serial port.", "Use auto, or a path that begins with /dev/, such as /dev/serial/by-id/usb-... (`ls -l /dev/serial/by-id`).")
        self._finder = finder if finder is not None else Finder()
        self._port: Any = None
        self._backoff = Backoff(REOPEN_FIRST, REOPEN_CEILING)
        self._retry_at = now
        self._turned_at = now
        self._full = 0
        self._going = b""                # rest of the line that is being written
        self._stuck_after = max(STUCK, 4 * UNSENT_MAX * 10 * S // config.baud)
        self._written_at = now           # when octets were last taken, or there were none to take
        self._state = b""
        self._events: deque[bytes] = deque()
        self._texts: deque[bytes] = deque()
        error = self._try(now)
        for _ in range(MAX_FIRST_TRIES if self._auto else 0):
            if error in NOT_MENDED_BY_WAITING:
                error = self._try(now)       # another port may do
        if error in NOT_MENDED_BY_WAITING:
            raise DriverError(f"{short}: {self._problem(error)}.", self.remedy)

    # --- opening and losing -----------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        return self._port is not None

    def next_turn(self, now: int) -> int:
        """When there is something to do again: to read, or to look for the device."""
        return now + TURN if self._port is not None else max(now + TURN, min(self._retry_at, now + S))

    def fileno(self) -> int:
        """-1 while it is not open."""
        return -1 if self._port is None else self._port.fileno()

    def _pyserial(self) -> Callable[[str], Any]:
        try:
            import serial
        except ImportError as error:
            raise DriverError(f"{self._short} needs pyserial, which cannot be imported ({error}).", "Install it: pip install pyserial.") from error
        baud = self._config.baud

        def opened(path: str) -> Any:
            return serial.Serial(path, baud, timeout=0, write_timeout=0, exclusive=True)
        return opened

    def _try(self, now: int) -> int:
        """One attempt to open; the errno of what was in the way, 0 when it is open."""
        path = self._finder.next() if self._auto else self._config.port
        if not path:
            self._failed(now, "unplugged" if self.opened else "no port", "No serial port is there: plug the device in. It is looked for again by itself.")
            return errno.ENOENT
        try:
            self._port = self._open(path)
        except (OSError, termios.error, ValueError) as error:
            number = _errno(error)
            self._failed(now, *self._reason(number, path))
            return number
        _keep_dtr(self._port.fileno())
        self.path = by_id(path)
        self.opened += 1
        self.fault = self.remedy = ""
        self.splitter.restart()
        self._full = 0
        self._turned_at = self._written_at = now
        return 0

    def _reason(self, number: int, path: str) -> tuple[str, str]:
        if number in (errno.EACCES, errno.EPERM):
            return "no access", f"{path} may not be opened: add the user to the group dialout (`usermod -aG dialout USER`) and log in again."
        if number in (errno.EAGAIN, errno.EBUSY):
            return "port busy", f"Another program has {path} open: end it (`fuser {path}`); ModemManager opens every new port (`systemctl disable ModemManager`)."
        if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.EIO):
            return "unplugged", f"{path} is not there: plug the device in. It is opened again by itself."
        return "no port", f"{path} cannot be used as a serial port ({os.strerror(number)}): name another port, check its baud rate ({self._config.baud})."

    def _problem(self, number: int) -> str:
        return f"port {self._config.port} cannot be opened ({os.strerror(number)})"

    def _failed(self, now: int, fault: str, remedy: str) -> None:
        self.errors += 1
        self.fault = f"{self._short}: {fault}"
        self.remedy = remedy
        self._retry_at = now + self._backoff.failed()

    def lose(self, now: int, fault: str = "unplugged", remedy: str = "") -> None:
        """The port is given up and opened again later, the next one where it was found by itself. What waited is forgotten."""
        path, port, self._port = self.path, self._port, None
        self.path = ""
        self._going = self._state = b""
        self._events.clear()
        self._texts.clear()
        self.splitter.restart()
        if port is not None:
            self._discard(port)
        self._failed(now, fault, remedy or f"{path} has gone: plug the device in, check its supply. It is opened again by itself.")

    def proven(self) -> None:
        """The device at this port has spoken its language: the next loss begins with the short delay, the search with this port."""
        self._backoff.succeeded()
        if self._auto:
            self._finder.keep(self.path)

    def _discard(self, port: Any) -> None:
        """Nothing that waits is worth the up to 30 s for which closing would drain it (closing_wait of the tty layer)."""
        try:
            termios.tcflush(port.fileno(), termios.TCIOFLUSH)
        except (OSError, termios.error, ValueError):
            self.errors += 1             # it is gone already
        try:
            port.close()
        except (OSError, termios.error):
            self.errors += 1

    def close(self) -> None:
        """What was queued last is still written as far as it fits; at a port that takes nothing, nobody waits for that."""
        self.pump(self._turned_at)
        waits = bool(self._going or self._state)
        port, self._port = self._port, None
        if port is not None and waits:
            self._discard(port)
        elif port is not None:
            port.close()

    # --- in ---------------------------------------------------------------------------------------------------------

    def turn(self, now: int) -> list[str]:
        """Reads at most READ_MAX octets; the whole lines in them. Opens the port when it is time for it."""
        if self._port is None:
            if now >= self._retry_at:
                self._try(now)
            return []
        late, self._turned_at = now - self._turned_at > STALL, now
        try:
            if late:
                self.stalls += 1
                self._forget_input()
                return []
            data = self._port.read(READ_MAX)
        except (OSError, termios.error) as error:
            self.lose(now, *self._reason(_errno(error), self.path))
            return []
        self.received += len(data)
        lines = self.splitter.feed(data)
        self._full = self._full + 1 if len(data) == READ_MAX else 0
        if self._full >= FLOOD_TURNS:
            self.floods += 1
            try:
                self._forget_input()
            except (OSError, termios.error) as error:
                self.lose(now, *self._reason(_errno(error), self.path))
        return lines

    def _forget_input(self) -> None:
        self._full = 0
        self._port.reset_input_buffer()
        self.splitter.restart()

    # --- out --------------------------------------------------------------------------------------------------------

    def state(self, data: bytes) -> bool:
        """What the outputs are to be; takes the place of an older one that has not begun. False while the port is not open."""
        if self._port is None:
            return False
        self._state = data
        return True

    def event(self, data: bytes) -> bool:
        """A command that must go once; False when it finds no room."""
        return self._queue(self._events, EVENTS_MAX, data)

    def text(self, data: bytes) -> bool:
        """A line for a display, after all commands; False when it finds no room."""
        return self._queue(self._texts, TEXTS_MAX, data)

    def _queue(self, queue: deque[bytes], limit: int, data: bytes) -> bool:
        if self._port is None:
            return False
        if len(queue) >= limit:
            self.dropped += 1
            return False
        queue.append(data)
        return True

    def withdraw(self) -> None:
        """Nothing that waits goes out any more; of a line that has begun no further octet."""
        self._going = self._state = b""
        self._events.clear()
        self._texts.clear()

    def pump(self, now: int) -> bool:
        """Writes at most WRITE_MAX octets, as many as are taken without waiting; False when the port is lost or muted."""
        if self._port is None:
            return False
        if not (self._going or self._state or self._events or self._texts):
            self._written_at = now
            return True
        try:
            room = min(WRITE_MAX, UNSENT_MAX - _unsent(self._port.fileno()))
            while room > 0:
                if not self._going and not self._next():
                    return True
                if self.muted():
                    self.withdraw()
                    return False
                written = os.write(self._port.fileno(), self._going[:room])
                self.sent += written
                self._written_at = now
                self._going = self._going[written:]
                room -= written
        except BlockingIOError:
            room = 0                     # the driver's buffer is full; the rest goes later
        except (OSError, termios.error) as error:
            self.lose(now, *self._reason(_errno(error), self.path))
            return False
        if now - self._written_at > self._stuck_after:
            self.lose(now, "stuck", f"{self.path} takes nothing any more: the device or its adapter hangs; unplug it and plug it in again.")
            return False
        return True

    def _next(self) -> bool:
        if self._state:
            self._going, self._state = self._state, b""
        elif self._events:
            self._going = self._events.popleft()
        elif self._texts:
            self._going = self._texts.popleft()
        return bool(self._going)


def _never() -> bool:
    return False


def _unsent(fd: int) -> int:
    """Octets that the operating system has not yet sent; 0 where the driver does not say."""
    try:
        return COUNT.unpack(fcntl.ioctl(fd, termios.TIOCOUTQ, bytes(COUNT.size)))[0]
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOTTY):
            return 0
        raise


def _keep_dtr(fd: int) -> bool:
    """An Arduino is reset when DTR rises, which it does when a closed port is opened; without HUPCL it stays high after the end of
    a process, so that the next one (a guard, a restart) resets nothing. False where the driver refuses."""
    try:
        attributes = termios.tcgetattr(fd)
        attributes[2] &= ~termios.HUPCL
        termios.tcsetattr(fd, termios.TCSANOW, attributes)
    except (OSError, termios.error):
        return False
    return True


def _errno(error: BaseException | None) -> int:
    """The errno below what pyserial raises; EIO when there is none (a hang-up: readable, and nothing to read)."""
    while error is not None:
        number = getattr(error, "errno", None)
        if number is None and isinstance(error, termios.error) and error.args:
            number = error.args[0]
        if isinstance(number, int):
            return number
        if isinstance(error, ValueError):
            return errno.EINVAL
        error = error.__cause__ or error.__context__
    return errno.EIO
