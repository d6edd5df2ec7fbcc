"""Tells the service manager that we are ready, alive, stopping (sd_notify protocol: one datagram per message)."""
from __future__ import annotations

import os
import socket
from typing import Mapping

from kernel.timer import US

MAX_STATUS = 200         # characters of a status line; what systemctl shows in one line


class Watchdog:
    """One AF_UNIX datagram socket; without a service manager every call does nothing and returns False.

    `interval` is the time in ns within which `alive()` must be called, None when nobody watches; call it at least
    twice per interval (`period`). `problem` says why an offered socket or interval cannot be used.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.errors = 0
        self.sent = 0
        self.problem = ""
        self._socket: socket.socket | None = None
        self._connect(environment.get("NOTIFY_SOCKET", ""))
        self.interval = self._interval(environment) if self._socket is not None else None

    def _connect(self, address: str) -> None:
        if not address:
            return
        if address[0] not in "@/":
            self.problem = f"NOTIFY_SOCKET {address!r} is neither a path nor an abstract address"
            return
        target = "\0" + address[1:] if address[0] == "@" else address
        notifier = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        notifier.setblocking(False)
        try:
            notifier.connect(target)
        except (OSError, ValueError) as error:
            notifier.close()
            self.problem = f"NOTIFY_SOCKET {address!r}: {getattr(error, 'strerror', None) or error}"
            return
        self._socket = notifier

    def _interval(self, environment: Mapping[str, str]) -> int | None:
        usec, pid = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
        if not usec or (pid and pid != str(os.getpid())):     # another process is the watched one
            return None
        if not (usec.isascii() and usec.isdigit() and 0 < len(usec) <= 18 and int(usec) > 0):
            self.problem = f"WATCHDOG_USEC {usec[:30]!r} is not a number of microseconds"
            return None
        return int(usec) * US

    @property
    def period(self) -> int | None:
        """ns between two calls of `alive()`: half the interval (sd_watchdog_enabled(3)); None when nobody watches."""
        return None if self.interval is None else self.interval // 2

    def ready(self, status: str = "") -> bool:
        """Start-up is complete; with Type=notify the unit becomes active now."""
        return self._send("READY=1" + ("\nSTATUS=" + _one_line(status) if status else ""))

    def alive(self) -> bool:
        """Pet the watchdog; called only when everything that matters has really run."""
        return self._send("WATCHDOG=1")

    def status(self, text: str) -> bool:
        """One line for `systemctl status`."""
        return self._send("STATUS=" + _one_line(text))

    def stopping(self, status: str = "") -> bool:
        """The orderly end begins."""
        return self._send("STOPPING=1" + ("\nSTATUS=" + _one_line(status) if status else ""))

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, message: str) -> bool:
        """Never blocks: a full queue of the service manager is counted, not waited for."""
        if self._socket is None:
            return False
        try:
            self._socket.send(message.encode("utf-8", "replace"))
        except OSError:
            self.errors += 1
            return False
        self.sent += 1
        return True


def _one_line(text: str) -> str:
    """A newline would begin another assignment of the protocol."""
    return " ".join(text.split())[:MAX_STATUS]
