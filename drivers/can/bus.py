"""One CAN bus with many users: bounded work per turn, bounded queues, what is wrong told in words, reopened by itself.

Each user has a port of its own (`CanBus.port`) with the identifiers that it asked for; the bus itself is the port of all other frames.
A frame that could not leave within SEND_AGE is dropped: a command must not come late. Bounds: see the constants; a full
bus of 500 kbit/s brings some 40 frames in a tick of 10 ms.
"""
from __future__ import annotations

from collections import deque
from typing import Iterable

from drivers.can.raw import RawLink
from drivers.can.settings import ACTIVE, BUS_OFF, EXTENDED, MAX_EXTENDED, MAX_OCTETS, MAX_STANDARD, PASSIVE, CanConfig, Link, LinkDown
from drivers.interfaces import CanFrame
from kernel.timer import MS, NEVER, S, Backoff

TURN = 5 * MS                  # every tick of 10 ms: a deadline of a whole one would be missed by the lateness of the visit, and served a tick later
READS_PER_TURN = 64            # more than a full bus brings in a tick, so that what has piled up is worked off
SENDS_PER_TURN = 16
OUTBOX = 32                    # frames that wait to be sent
PORT_QUEUE = 64                # frames that wait for a user; the oldest goes first
SEND_AGE = 100 * MS            # CHAdeMO's frames come every 100 ms (IEEE 2030.1.1): an older one has been replaced
FIRST_RETRY, LAST_RETRY = 100 * MS, 5 * S
STUCK = S                      # so long without room for a single frame: nobody acknowledges
QUIET = 2 * S                  # error passive is over when the controller has been silent about it for so long and a frame came
AGAIN = 100 * MS               # what is heard sooner after bus-off had been waiting in the controller
OPENING = 10 * S               # an adapter may take this long to open: slcan sleeps 2 s


class Port:
    """drivers.interfaces.CanPort. `lost` counts frames that the user did not fetch in time."""

    __slots__ = ("name", "errors", "lost", "_bus", "_queue")

    def __init__(self, name: str, bus: CanBus) -> None:
        self.name = name
        self.errors = 0
        self.lost = 0
        self._bus = bus
        self._queue: deque[CanFrame] = deque()

    def send(self, id: int, data: bytes, extended: bool, now: int) -> bool:
        done = self._bus.send(id, data, extended, now)
        if not done:
            self.errors += 1
        return done

    def receive(self, limit: int, now: int) -> list[CanFrame]:
        return _taken(self._queue, limit)

    def put(self, frame: CanFrame) -> None:
        """The bus's side."""
        if len(self._queue) >= PORT_QUEUE:
            self._queue.popleft()
            self.lost += 1
        self._queue.append(frame)


class CanBus:
    """Polled and CanPort. `errors` counts every failure; the other counters say which.

    `stale`: frames that were too old to be sent; `full`: refusals for lack of room; `no_room`: the controller's queue was full, tried again;
    `received`, `sent`, `unclaimed` (frames that no port asked for and nobody fetched), `reopened`.
    """

    def __init__(self, config: CanConfig, link: Link | None = None) -> None:
        """Opens at the first turn: an interface that is not there yet is waited for. DriverError for a wrong configuration."""
        self.name = f"CAN bus {config.channel} ({config.interface})"
        self.fault = ""
        self.remedy = ""
        self.errors = 0
        self.stale = self.full = self.no_room = self.received = self.sent = self.unclaimed = self.reopened = 0
        self.link: Link = link or _link(config)
        self._wiring = (f"Check the wiring of {config.channel} (CAN-H, CAN-L, 120 Ohm at both ends), that the others are on, "
                        f"and the bit rate ({config.bitrate} bit/s)")
        self._restart = (f", and that the interface restarts by itself: `ip link set {config.channel} type can restart-ms 100`."
                         if config.interface == "socketcan" else ".")
        self._wanted: set[int] = {key_of(id, id > MAX_STANDARD) for id in config.filter_ids}
        self._filtered = bool(self._wanted)
        self._ports: dict[int, tuple[Port, ...]] = {}
        self._rest: deque[CanFrame] = deque()
        self._out: deque[tuple[int, bytes, int]] = deque()
        self._backoff = Backoff(FIRST_RETRY, LAST_RETRY)
        self._open = False
        self._opened_once = False
        self._try_at = 0
        self._give_up_at = NEVER
        self._stuck_since: int | None = None
        self._refilter = False
        self._link_errors = 0
        self._error_at = 0
        self._heard_since_error = False

    @property
    def usable(self) -> bool:
        """Frames can be sent now, as far as is known."""
        return self._open and self.link.ready and self.link.state != BUS_OFF

    def port(self, name: str, ids: Iterable[int], extended: bool | None = None) -> Port:
        """A queue of its own for these identifiers; `extended` None: 29 bits where one does not fit into 11. Several users may ask for the same."""
        port = Port(name, self)
        for id in ids:
            key = key_of(id, id > MAX_STANDARD if extended is None else extended)
            self._ports[key] = (*self._ports.get(key, ()), port)
            self._wanted.add(key)
        self._filtered = True
        self._refilter = self._open
        return port

    def send(self, id: int, data: bytes, extended: bool, now: int) -> bool:
        """Queue a frame for the next turn."""
        if not 0 <= id <= (MAX_EXTENDED if extended else MAX_STANDARD) or len(data) > MAX_OCTETS:
            self.errors += 1
            return False
        if not self.usable or len(self._out) >= OUTBOX:
            self.full += self.usable
            self.errors += 1
            return False
        self._out.append((id | EXTENDED if extended else id, bytes(data), now))
        return True

    def receive(self, limit: int, now: int) -> list[CanFrame]:
        """What no port has asked for. With ports open, only `filter_ids` pass the filter besides their frames."""
        return _taken(self._rest, limit)

    def run(self, now: int) -> int:
        if not self._open:
            if now < self._try_at:
                return min(self._try_at, now + S)
            self._start(now)
            if not self._open:
                return min(self._try_at, now + S)
        try:
            frames = self.link.receive(READS_PER_TURN)
            self._deliver(frames, now)
            if self.link.ready:
                self._give_up_at = NEVER
                self._flush(now)
                self._judge(bool(frames), now)
            elif now >= self._give_up_at:
                self.link.stop()                  # its process is killed and started anew at the next try
                raise LinkDown("CAN: does not open", f"The adapter has not answered for {OPENING // S} s. {self._wiring}; unplug it and plug it in again.")
        except LinkDown as down:
            self._fail(down, now)
            return min(self._try_at, now + S)
        if self._refilter and self.link.ready:
            self._refilter = self._open = False          # a new user: the filter is set while opening
            self.link.stop()
            self._try_at = now + FIRST_RETRY             # an adapter's process wants to end first
            return self._try_at
        return now if len(frames) >= READS_PER_TURN else now + TURN

    def close(self) -> None:
        """The end of the program."""
        self._open = False
        self._try_at = NEVER
        self.link.stop()

    def _start(self, now: int) -> None:
        try:
            self.link.start(tuple(sorted(self._wanted)) if self._filtered else None)
        except LinkDown as down:
            self._fail(down, now)
            return
        self._open = True
        self._give_up_at = now + OPENING
        self._stuck_since = None
        self.reopened += self._opened_once
        self._opened_once = True

    def _fail(self, down: LinkDown, now: int) -> None:
        self.errors += 1
        self.fault, self.remedy = down.fault, down.remedy
        self._open = False
        self._out.clear()
        self._try_at = now + self._backoff.failed()

    def _deliver(self, frames: list[tuple[int, bytes]], now: int) -> None:
        ports, rest = self._ports, self._rest
        for key, data in frames:
            frame = CanFrame(key & MAX_EXTENDED, data, key >= EXTENDED, now)
            found = ports.get(key)
            if found is None:
                if len(rest) >= PORT_QUEUE:
                    rest.popleft()
                    self.unclaimed += 1
                rest.append(frame)
                continue
            for port in found:
                port.put(frame)
        self.received += len(frames)

    def _flush(self, now: int) -> None:
        out = self._out
        if self.link.state == BUS_OFF:
            self.stale += len(out)
            self.errors += len(out)
            out.clear()
            return
        for _ in range(SENDS_PER_TURN):
            while out and now - out[0][2] > SEND_AGE:
                out.popleft()
                self.stale += 1
                self.errors += 1
            if not out:
                return
            key, data, _ = out[0]
            if not self.link.send(key, data):
                self.no_room += 1
                self.errors += 1
                if self._stuck_since is None:
                    self._stuck_since = now
                return
            out.popleft()
            self.sent += 1
            self._stuck_since = None

    def _judge(self, heard: bool, now: int) -> None:
        """What the controller says becomes a fault; a bus that works again has none."""
        link = self.link
        if link.error_frames != self._link_errors:
            self.errors += link.error_frames - self._link_errors
            self._link_errors = link.error_frames
            self._error_at = now
            self._heard_since_error = False
        self._heard_since_error |= heard
        if link.state == BUS_OFF:
            self.fault = "CAN: bus off"
            self.remedy = f"The controller has left the bus after too many errors. {self._wiring}{self._restart}"
            if heard and now - self._error_at >= AGAIN:
                link.state = ACTIVE               # it was restarted without a word
        elif self._stuck_since is not None and now - self._stuck_since >= STUCK:
            self.fault, self.remedy = "CAN: no acknowledge", f"Nobody acknowledges what is sent. {self._wiring}."
        elif link.state == PASSIVE:
            self.fault, self.remedy = "CAN: error passive", f"Many frames are damaged. {self._wiring}."
            if self._heard_since_error and now - self._error_at >= QUIET:
                link.state = ACTIVE
        else:
            self.fault = self.remedy = ""
            self._backoff.succeeded()


def _link(config: CanConfig) -> Link:
    if config.interface == "socketcan":
        return RawLink(config)
    from drivers.can.library import LibraryLink      # processes and their JSON: nothing that a raw socket needs
    return LibraryLink(config)


def key_of(id: int, extended: bool) -> int:
    """The identifier as the links and the ports' table know it."""
    return id | EXTENDED if extended else id


def _taken(queue: deque[CanFrame], limit: int) -> list[CanFrame]:
    return [queue.popleft() for _ in range(min(limit, len(queue)))]
