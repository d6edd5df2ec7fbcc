"""A process that speaks to a CAN adapter through python-can, for the box: `python -m drivers.can.adapter FD JSON`; started by `library.py`.

A process and no thread: python-can reads a serial line octet by octet, and as a thread of the box a flooded slcan adapter made ticks 12 ms
late (p99, `python -m tools.bench can`), because both want Python's lock. Here it may wait as long as it likes. Packets on the socket FD
(SOCK_SEQPACKET): 16 octets are a struct can_frame in either direction (error frames upwards); `+` open; `.` and four octets: alive, so many
frames lost; `!` a fault and its remedy.
"""
from __future__ import annotations

import ctypes
import difflib
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
from typing import Any, Callable

from drivers.can.raw import AGAIN_ACTIVE, CONTROLLER, ERROR, FRAME, OFF, PROTOCOL, TX_PASSIVE
from drivers.can.settings import EXTENDED, MAX_EXTENDED, MAX_OCTETS, MAX_STANDARD

READY, ALIVE, FAULT = b"+", b".", b"!"
LISTEN_S = 0.005       # how long one turn listens before it looks whether there is something to send
SEND_S = 0.02          # how long a frame may wait for room in the adapter
SEND_TRIES = 5         # turns in which an adapter may refuse a frame (some 100 ms); then all that wait are dropped
TELL_S = 0.1           # between two signs of life, each with the controller's state
AGAIN_S = 2.0          # after a failure
GARBAGE_TRIES = 100    # turns in a row that bring nothing but garbage; then the adapter is opened anew
IDLE_TURNS = 200       # turns without a frame (1 s) after which half a line is thrown away: slcan would collect garbage without end
PR_SET_PDEATHSIG = 1   # linux/prctl.h


class Gone(Exception):
    """The box has closed its end."""


class Adapter:
    """One adapter: opened, served turn by turn, opened again."""

    def __init__(self, can: Any, arguments: dict[str, Any], wire: socket.socket, make: Callable[..., Any] | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._can = can
        self._arguments = arguments
        self._wire = wire
        self._make = make or can.Bus
        self._clock = clock
        self._bus: Any = None
        self._pending: bytes | None = None
        self._refused = self._garbage = self._idle = 0
        self._lost = 0
        self.unclosed = 0                       # failures of closing
        self._told_at = 0.0
        self._state = can.BusState.ACTIVE

    def live(self) -> None:
        """Until the box has gone."""
        while self.step(LISTEN_S):
            if self._bus is None and select.select([self._wire], [], [], AGAIN_S)[0] and not self._wire.recv(FRAME.size):
                return

    def step(self, listen_s: float) -> bool:
        """Open the adapter, or one turn of it. False when the box has gone."""
        try:
            if self._bus is None:
                self.open()
            else:
                self.turn(listen_s)
            return True
        except Gone:
            self.close()
            return False
        except Exception as error:              # an adapter's package raises what it likes; each becomes a fault with a sentence
            self.close()
            return self._say_fault(error)

    def open(self) -> None:
        self._bus = self._make(**self._arguments)
        self._state = self._can.BusState.ACTIVE
        self._refused = self._garbage = self._idle = 0
        self._told_at = self._clock()
        self._tell(READY)

    def turn(self, listen_s: float) -> bool:
        """What waits goes out, then at most one frame comes in. True when something came."""
        self._send()
        now = self._clock()
        if now - self._told_at >= TELL_S:
            self._told_at = now
            self._tell(ALIVE + (self._lost & 0xFFFF_FFFF).to_bytes(4, "little"))
            self._tell_state(self._bus.state)
        try:
            message = self._bus.recv(listen_s)
        except (ValueError, IndexError, self._can.CanError) as error:
            self._garbage += 1
            wrapped = isinstance(error, self._can.CanError)
            if wrapped and not isinstance(error.__context__, ValueError) or self._garbage >= GARBAGE_TRIES:
                raise
            if wrapped:
                self._throw_away()              # slcan keeps a line that is no ASCII, and would refuse it for ever
            self._tell(_error(PROTOCOL))        # what came from a serial line was no frame
            return True
        if message is None:
            self._idle += 1
            if self._idle % IDLE_TURNS == 0:
                self._throw_away()
            return False
        self._garbage = self._idle = 0
        if message.is_error_frame or message.is_remote_frame or message.is_fd or not len(message.data) == message.dlc <= MAX_OCTETS:
            self._tell(_error(PROTOCOL))
        else:
            key = message.arbitration_id | EXTENDED if message.is_extended_id else message.arbitration_id
            if not self._tell(FRAME.pack(key, len(message.data), bytes(message.data))):
                self._lost += 1
        return True

    def close(self) -> None:
        bus, self._bus = self._bus, None
        if bus is None:
            return
        try:
            bus.shutdown()
        except Exception:                       # an adapter that was pulled out cannot be closed either
            self.unclosed += 1

    def _say_fault(self, error: Exception) -> bool:
        try:
            self._tell(FAULT + self._fault(error).encode())
        except Gone:
            return False
        return True

    def _fault(self, error: Exception) -> str:
        """`fault` and remedy on two lines."""
        interface, channel = self._arguments.get("interface"), self._arguments.get("channel")
        if isinstance(error, self._can.CanInterfaceNotImplementedError):
            return f"CAN: no package\npython-can's {interface} lacks a package ({error}): pip install 'python-can[{interface}]'."
        return (f"CAN: adapter lost\nThe CAN adapter {interface} at {channel} failed ({type(error).__name__}: {error}): check its plug, can.channel and can.bitrate; "
                "it is tried again by itself.")

    def _send(self) -> None:
        while True:
            if self._pending is None:
                try:
                    self._pending = self._wire.recv(FRAME.size)
                except BlockingIOError:
                    return
                if not self._pending:
                    raise Gone
            word, length, data = FRAME.unpack(self._pending)
            try:
                self._bus.send(self._can.Message(arbitration_id=word & MAX_EXTENDED, data=data[:length], is_extended_id=bool(word & EXTENDED)), timeout=SEND_S)
            except self._can.CanError:          # no room: nobody acknowledges, or bus-off
                self._refused += 1
                if self._refused >= SEND_TRIES:
                    self._forget()
                return
            self._pending, self._refused = None, 0

    def _forget(self) -> None:
        """A command must not come late."""
        self._refused, self._pending = 0, None
        self._tell(_error(PROTOCOL))
        try:
            while self._wire.recv(FRAME.size):
                self._tell(_error(PROTOCOL))
        except BlockingIOError:
            return
        raise Gone

    def _tell_state(self, state: Any) -> None:
        if state is self._state:
            return
        self._state = state
        states = self._can.BusState
        self._tell(_error(OFF) if state is states.ERROR else _error(CONTROLLER, TX_PASSIVE if state is states.PASSIVE else AGAIN_ACTIVE))

    def _throw_away(self) -> None:
        """What an adapter on a serial line has of a line, and all that waits behind it."""
        flush = getattr(self._bus, "flush", None)
        if flush is not None:
            flush()

    def _tell(self, packet: bytes) -> bool:
        """False when the box does not fetch its packets."""
        try:
            self._wire.send(packet)
        except BlockingIOError:
            return False
        except OSError as error:
            raise Gone from error
        return True


def _error(kind: int, controller: int = 0) -> bytes:
    return FRAME.pack(ERROR | kind, MAX_OCTETS, bytes((0, controller)))


def filters(keys: list[int] | None) -> list[dict[str, Any]] | None:
    """As python-can wants them."""
    if keys is None:
        return None
    return [{"can_id": key & MAX_EXTENDED, "can_mask": MAX_EXTENDED if key & EXTENDED else MAX_STANDARD, "extended": bool(key & EXTENDED)} for key in keys]


def library(interface: str) -> tuple[Any, str]:
    """python-can with its module of this interface; the second is a fault with its remedy, empty when there is none."""
    try:
        import can
        from can.interfaces import BACKENDS
    except ImportError as error:
        return None, f"CAN: no python-can\ncan.interface = {interface} needs python-can, which cannot be imported ({error}): pip install python-can."
    if interface not in BACKENDS:
        near = difflib.get_close_matches(interface, BACKENDS, 1)
        hint = f"Did you mean {near[0]}?" if near else f"It knows {', '.join(sorted(BACKENDS))}."
        return None, f"CAN: what adapter?\npython-can knows no interface {interface!r}. {hint}"
    try:
        importlib.import_module(BACKENDS[interface][0])
    except (ImportError, can.CanError) as error:
        return None, f"CAN: no package\npython-can's {interface} cannot be used ({error}): pip install 'python-can[{interface}]'."
    return can, ""


def main(argv: list[str]) -> int:
    """Ends when the box does, or at once when python-can is not usable."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)          # the box ends in order first, and needs the bus for it
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))      # not the box's real-time rank
    wire, arguments = socket.socket(fileno=int(argv[0])), json.loads(argv[1])
    wire.setblocking(False)
    can, fault = library(arguments["interface"])
    if fault:
        wire.send(FAULT + fault.encode())
        return 3
    arguments["can_filters"] = filters(arguments.pop("keys"))
    Adapter(can, arguments, wire).live()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
