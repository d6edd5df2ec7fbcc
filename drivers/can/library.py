"""The way to a CAN bus through python-can: every adapter that is no network interface of Linux (slcan, gs_usb, pcan ...).

Its drivers wait: slcan sleeps 2 s after opening and polls the serial port, gs_usb transfers over USB. So one thread opens, receives
and sends; two bounded queues are all that it shares with the program. It runs for microseconds per frame.
"""
from __future__ import annotations

import difflib
import importlib
import threading
from collections import deque
from typing import Any, Callable

from drivers.can.settings import ACTIVE, BUS_OFF, EXTENDED, MAX_FILTERS, MAX_EXTENDED, MAX_OCTETS, MAX_STANDARD, PASSIVE, CanConfig, LinkDown
from drivers.errors import DriverError

INBOX = 256            # frames that wait for the program: 60 ms of a full bus at 500 kbit/s
OUTBOX = 16
LISTEN_S = 0.005       # how long the thread listens before it looks whether there is something to send
STATE_EVERY = 20       # turns of the thread between two questions for the controller's state
SEND_S = 0.02          # how long it may wait for room in the adapter
SEND_TRIES = 20        # turns in which an adapter may refuse a frame (some 100 ms); then all that wait are dropped
GARBAGE_TRIES = 100    # turns in a row that bring nothing but garbage; then the adapter is opened anew
IDLE_TURNS = 200       # turns without a frame (1 s) after which half a line is thrown away: slcan would collect garbage without end
HUNG = 300             # turns of the program (3 s) in which the thread made none
PER_TURN = 64          # frames that one turn takes without a thread (tests)


class LibraryLink:
    """Link over python-can. `threaded` False: `receive` takes the turn of the thread, for interfaces that never wait (tests)."""

    def __init__(self, config: CanConfig, make: Callable[..., Any] | None = None, threaded: bool = True) -> None:
        """DriverError for what a person has to mend: library or adapter's package missing, an interface that python-can does not know."""
        can = _library(config)
        self.state = ACTIVE
        self.ready = False
        self.error_frames = 0
        self.lost = 0
        self.malformed = 0
        self._can = can
        self._make = make or can.Bus
        self._arguments = {"interface": config.interface, "channel": config.channel, "bitrate": config.bitrate, **options(config.options)}
        self._channel = config.channel
        self._states = {can.BusState.PASSIVE: PASSIVE, can.BusState.ERROR: BUS_OFF}
        self._threaded = threaded
        self._thread: threading.Thread | None = None
        self._bus: Any = None
        self._in: deque[tuple[int, bytes]] = deque()
        self._out: deque[tuple[int, bytes]] = deque()
        self._leave = threading.Event()
        self._failure: Exception | None = None
        self._turns = 0
        self._refused = 0
        self._garbage = 0
        self._idle = 0
        self._still = (0, 0)               # turns of the thread when last seen to move, and turns of the program since

    def start(self, keys: tuple[int, ...] | None) -> None:
        if self._thread is not None and self._thread.is_alive():
            raise LinkDown("CAN: adapter hangs", f"The adapter at {self._channel} has not let go since it failed: unplug it and plug it in again.")
        self._in.clear()
        self._out.clear()
        self._leave = threading.Event()
        self._failure = None
        self._garbage = self._idle = self._refused = 0
        self._still = (self._turns, 0)
        self.state = ACTIVE
        self._arguments["can_filters"] = None if keys is None or len(keys) > MAX_FILTERS else [_filter(key) for key in keys]
        if not self._threaded:
            try:
                self._open()
            except Exception as error:      # an adapter's package raises what it likes; each becomes a fault with a sentence
                raise self._down(error) from error
            return
        self._thread = threading.Thread(target=self._live, args=(self._leave,), name="can", daemon=True)
        self._thread.start()

    def receive(self, limit: int) -> list[tuple[int, bytes]]:
        if not self._threaded and self._bus is not None:
            self._step_unthreaded()
        if self._failure is not None:
            error, self._failure = self._failure, None
            self.stop()
            raise self._down(error) from error
        if self._threaded and self.ready:
            turns, waited = self._still
            self._still = (turns, waited + 1) if turns == self._turns else (self._turns, 0)
            if waited >= HUNG:
                self._still = (turns, 0)
                self.stop()
                raise LinkDown("CAN: adapter hangs", f"The adapter at {self._channel} does not return from a transfer: unplug it and plug it in again.")
        frames, box = [], self._in
        while box and len(frames) < limit:
            frames.append(box.popleft())
        return frames

    def send(self, key: int, data: bytes) -> bool:
        if len(self._out) >= OUTBOX:
            return False
        self._out.append((key, data))
        return True

    def stop(self) -> None:
        """The thread closes the adapter by itself; nobody waits for it here."""
        self.ready = False
        self._leave.set()
        if not self._threaded and self._bus is not None:
            self._close()

    def join(self, seconds: float) -> bool:
        """After `stop`, at the end of the program: True when the thread has ended."""
        if self._thread is not None:
            self._thread.join(seconds)
            return not self._thread.is_alive()
        return True

    # --- the thread's side

    def _live(self, leave: threading.Event) -> None:
        """Open, turn after turn, close. What happens is told through `ready` and `_failure`."""
        try:
            self._open()
            while not leave.is_set():
                self._turn(LISTEN_S)
        except Exception as error:          # as above: the thread's end, told in `receive`
            if not leave.is_set():
                self._failure = error
        finally:
            if self._bus is not None:
                self._close()

    def _open(self) -> None:
        self._bus = self._make(**self._arguments)
        self.ready = True

    def _turn(self, listen_s: float) -> bool:
        """Send what waits, then at most one frame in. True when one came."""
        bus, out = self._bus, self._out
        while out:
            key, data = out[0]
            try:
                bus.send(self._can.Message(arbitration_id=key & MAX_EXTENDED, data=data, is_extended_id=bool(key & EXTENDED)), timeout=SEND_S)
            except self._can.CanError:      # no room: nobody acknowledges, or bus-off
                self._refused += 1
                if self._refused >= SEND_TRIES:
                    self.error_frames += len(out)
                    out.clear()
                    self._refused = 0
                break
            out.popleft()
            self._refused = 0
        self._turns += 1
        if self._turns % STATE_EVERY == 0:
            self.state = self._states.get(bus.state, ACTIVE)
        try:
            message = bus.recv(listen_s)
        except (ValueError, IndexError, self._can.CanError) as error:
            self._garbage += 1
            if isinstance(error, self._can.CanError) and not isinstance(error.__context__, ValueError) or self._garbage >= GARBAGE_TRIES:
                raise
            if isinstance(error, self._can.CanError):
                self._throw_away()          # slcan keeps a line that is no ASCII, and would refuse it for ever
            self.malformed += 1             # what came from a serial line was no frame
            return True
        if message is None:
            self._idle += 1
            if self._idle % IDLE_TURNS == 0:
                self._throw_away()
            return False
        self._garbage = self._idle = 0
        if message.is_error_frame:
            self.error_frames += 1
        elif message.is_remote_frame or message.is_fd or not len(message.data) == message.dlc <= MAX_OCTETS:
            self.malformed += 1
        else:
            if len(self._in) >= INBOX:
                self._in.popleft()          # the program is late: what is new is worth more
                self.lost += 1
            self._in.append((message.arbitration_id | EXTENDED if message.is_extended_id else message.arbitration_id, bytes(message.data)))
        return True

    def _throw_away(self) -> None:
        """What an adapter on a serial line has of a line, and all that waits behind it."""
        flush = getattr(self._bus, "flush", None)
        if flush is not None:
            flush()

    def _step_unthreaded(self) -> None:
        try:
            for _ in range(PER_TURN):
                if not self._turn(0):
                    break
        except Exception as error:          # as above
            self._failure = error

    def _close(self) -> None:
        bus, self._bus = self._bus, None
        try:
            bus.shutdown()
        except Exception:                   # an adapter that was pulled out cannot be closed either
            self.error_frames += 1

    def _down(self, error: Exception) -> LinkDown:
        interface = self._arguments["interface"]
        if isinstance(error, self._can.CanInterfaceNotImplementedError):
            return LinkDown("CAN: no package", f"python-can's {interface} lacks a package ({error}): pip install 'python-can[{interface}]'.")
        return LinkDown("CAN: adapter lost", f"The CAN adapter {interface} at {self._channel} failed ({type(error).__name__}: {error}): check its plug, can.channel and "
                        "can.bitrate; it is tried again by itself.")


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


def _filter(key: int) -> dict[str, Any]:
    extended = bool(key & EXTENDED)
    return {"can_id": key & MAX_EXTENDED, "can_mask": MAX_EXTENDED if extended else MAX_STANDARD, "extended": extended}


def _library(config: CanConfig) -> Any:
    """python-can and its module of this interface, imported now and not in the middle of a charge."""
    try:
        import can
        from can.interfaces import BACKENDS
    except ImportError as error:
        raise DriverError(f"can.interface = {config.interface} needs python-can, which cannot be imported ({error}).",
                          "Install it (pip install python-can), or use a socketcan interface, which needs nothing.") from error
    if config.interface not in BACKENDS:
        near = difflib.get_close_matches(config.interface, BACKENDS, 1)
        raise DriverError(f"python-can knows no interface {config.interface!r}.", f"Did you mean {near[0]}?" if near else f"It knows {', '.join(sorted(BACKENDS))}.")
    try:
        importlib.import_module(BACKENDS[config.interface][0])
    except (ImportError, can.CanError) as error:
        raise DriverError(f"python-can's interface {config.interface} cannot be used ({error}).", f"Install what it needs (pip install 'python-can[{config.interface}]').") from error
    return can
