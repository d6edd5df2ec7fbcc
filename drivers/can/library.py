"""The way to a CAN bus through python-can: every adapter that is no network interface of Linux (slcan, gs_usb, pcan ...).

python-can waits (slcan sleeps 2 s after opening) and computes per octet, so it lives in a process of its own (`adapter.py`); here
arrive struct can_frame over a local socket, as from the kernel. Cost here: that of a raw socket; nothing is imported.
"""
from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Callable, Protocol

from drivers.can.adapter import ALIVE, FAULT, READY
from drivers.can.raw import FRAME, Octets
from drivers.can.settings import ACTIVE, MAX_FILTERS, CanConfig, LinkDown
from drivers.errors import DriverError

ROOT = Path(__file__).resolve().parents[2]
PACKET = 1024          # octets of the longest packet: a fault with its remedy
ROOM = 16 * 1024       # octets of the socket towards the adapter: some 20 frames, so that none waits for long
MOST_OLD = 4           # processes that were killed and have not gone: they wait in the kernel for the adapter
HUNG = 300             # turns of the box (3 s) without a sign of life, which comes every 0.1 s


class Child(Protocol):
    """What this driver wants of subprocess.Popen."""

    def poll(self) -> int | None: ...

    def kill(self) -> None: ...

    def wait(self, timeout: float | None = None) -> int: ...


class LibraryLink(Octets):
    """Link over python-can."""

    def __init__(self, config: CanConfig, spawn: Callable[[socket.socket, dict[str, Any]], Child] | None = None) -> None:
        """`spawn` starts the process (tests). DriverError where python-can is not installed, or an option is no key=value."""
        super().__init__()
        if find_spec("can") is None:
            raise DriverError(f"can.interface = {config.interface} needs python-can, which is not installed.",
                              "Install it (pip install python-can), or use a socketcan interface, which needs nothing.")
        self._arguments = {"interface": config.interface, "channel": config.channel, "bitrate": config.bitrate, **options(config.options)}
        self._channel = config.channel
        self._spawn = spawn or _spawn
        self._socket: socket.socket | None = None
        self._child: Child | None = None
        self._keys: tuple[int, ...] | None = ()
        self._silent = 0
        self._told: LinkDown | None = None
        self._old: list[Child] = []             # killed, not yet gone

    def start(self, keys: tuple[int, ...] | None) -> None:
        """A process that lives tries again by itself, and is left to it."""
        keys = None if keys is None or len(keys) > MAX_FILTERS else keys
        if self._socket is not None and self._child is not None and self._child.poll() is None and keys == self._keys:
            return
        self.stop()
        if self._child is not None and self._child.poll() is None:
            self._child.kill()                  # it was told to end, and hangs in its adapter
            self._old.append(self._child)
        self._old = [child for child in self._old if child.poll() is None]
        if len(self._old) >= MOST_OLD:
            raise LinkDown("CAN: adapter hangs", f"The processes for the adapter at {self._channel} do not end: unplug it, or start the board anew.")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            ours.setblocking(False)
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM)
            self._child = self._spawn(theirs, {**self._arguments, "keys": keys})
        except OSError as error:
            ours.close()
            raise LinkDown("CAN: no process", f"The process for the adapter cannot be started: {error}.") from error
        finally:
            theirs.close()
        self._socket, self._keys, self._told = ours, keys, None
        self.state = ACTIVE
        self._silent = 0
        self._lost_before = 0

    def receive(self, limit: int) -> list[tuple[int, bytes]]:
        frames: list[tuple[int, bytes]] = []
        if self._socket is None:
            raise LinkDown("CAN: adapter lost", f"The process for the adapter at {self._channel} has ended; it is started again.")
        try:
            receive = self._socket.recv
            for _ in range(limit):
                packet = receive(PACKET)
                self._silent = 0
                if len(packet) == FRAME.size:
                    self._take(packet, frames)
                else:
                    self._hear(packet)
        except BlockingIOError:
            self._silent += 1
            if self.ready and self._silent >= HUNG:
                self.stop()
                raise LinkDown("CAN: adapter hangs", f"The adapter at {self._channel} does not return from a transfer: unplug it and plug it in again.") from None
        except OSError as error:
            self.stop()
            raise LinkDown("CAN: adapter lost", f"The process for the adapter at {self._channel} has gone ({error}); it is started again.") from error
        if self._told is not None:              # the last one: it tries by itself meanwhile, and may have succeeded
            told, self._told = self._told, None
            raise told
        return frames

    def send(self, key: int, data: bytes) -> bool:
        if self._socket is None:
            return False
        try:
            self._socket.send(FRAME.pack(key, len(data), data))
        except OSError:                         # no room; where the process has gone, `receive` says so
            return False
        return True

    def stop(self) -> None:
        """The process closes the adapter and ends by itself; nobody waits for it here."""
        self.ready = False
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def join(self, seconds: float) -> bool:
        """After `stop`, at the end of the program: False when the process had to be killed."""
        for child in self._old:
            child.wait(seconds)
        if self._child is None:
            return True
        try:
            self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait(seconds)
            return False
        return True

    def _hear(self, packet: bytes) -> None:
        """What the process says about the adapter."""
        if packet == READY:
            self.ready, self.state, self._told = True, ACTIVE, None
        elif packet.startswith(ALIVE) and len(packet) == 5:
            self._count_lost(int.from_bytes(packet[1:], "little"))
        elif packet.startswith(FAULT):
            self.ready = False
            fault, _, remedy = packet[1:].decode(errors="replace").partition("\n")
            self._told = LinkDown(fault, remedy)
        elif not packet:
            self.stop()
            raise self._told or LinkDown("CAN: adapter lost", f"The process for the adapter at {self._channel} has ended; it is started again.")
        else:
            self.malformed += 1


def options(pairs: list[str]) -> dict[str, Any]:
    """`key=value` as python-can's arguments: whole numbers and decimals as such, true and false, everything else as text."""
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip().isidentifier():
            raise DriverError(f"can.options has {pair!r}, which is not key=value.", "Write it as tty_baudrate=115200.")
        found[key.strip()] = _value(value.strip())
    return found


def _value(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _spawn(wire: socket.socket, arguments: dict[str, Any]) -> Child:
    nothing = subprocess.DEVNULL                # its words come over the socket, not onto the screen
    return subprocess.Popen([sys.executable, "-m", "drivers.can.adapter", str(wire.fileno()), json.dumps(arguments)], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
                            pass_fds=(wire.fileno(),), stdin=nothing, stdout=nothing, stderr=nothing)
