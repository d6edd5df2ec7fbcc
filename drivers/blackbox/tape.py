"""Notes everything that a table of tasks hears and does: devices, frames, randomness, keys, signals, visits.

The same visits with the same answers give the same run (nothing else comes into a table), so a tape can be played to the same
code, or to today's. A note is a short list (`notes.py`); frames are kept apart, because they become packets of a capture.
"""
from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any, Callable, Iterable, Protocol, Sequence

from drivers.blackbox import notes as n
from drivers.blackbox.devices import CODED, DEVICES, POLLED, Kind
from drivers.blackbox.values import plain
from kernel.journal import Event

MAX_WAITING = 65536          # notes and packets that wait to be taken: minutes of a session; what exceeds it is a gap, counted in `lost`
IN, OUT = 1, 2               # direction of a packet, as pcapng's epb_flags say it
ETHERNET = -1                # channel of the packets of the network interface; others: of a CAN port


class Watched(Protocol):
    """A kernel.channels.Signal: tells its witness each change of value, with its time."""

    name: str
    witness: Callable[[Any, int], None] | None


class Tape:
    """`take` gives what came since it was last called: notes, and packets as (channel, ns, direction, octets)."""

    def __init__(self) -> None:
        self.at = 0                                  # ns of the visit that goes on
        self.channels: list[str] = []                # by their numbers in the notes
        self.signals: list[str] = []
        self.constants: dict[str, Any] = {}
        self.lost = 0
        self._notes: list[Any] = []
        self._packets: list[tuple[int, int, int, bytes]] = []
        self._events: list[Event] = []
        self._numbers: dict[str, int] = {}
        self._heard: list[Any] = []                  # what each channel answered last
        self.closed = False
        self._gap = False                            # a packet found no room: the notes that speak of it would lead astray
        self.put: Callable[[tuple[Any, ...]], None] = self._notes.append       # a note; the list stays the same one for good

    # --- what is noted

    def visit(self, now: int) -> None:
        """The kernel visits its table. Here, and not at each note, it is seen to that nobody has forgotten to take them."""
        if self.closed:
            self.take()
        elif len(self._notes) >= MAX_WAITING or self._gap:
            self.lost += len(self._notes)
            self._notes.clear()
            self._gap = False
            self.put((n.GAP, f"{self.lost} notes and packets found no room"))
        if not self.closed:
            self.put((n.VISIT, now - self.at))
        self.at = now

    def close(self) -> None:
        """Nobody takes anything any more: what comes is thrown away at each visit."""
        self.closed = True

    def packet(self, channel: int, at: int, direction: int, octets: bytes) -> None:
        if len(self._packets) < MAX_WAITING:
            self._packets.append((channel, at, direction, octets))
        else:
            self.lost += 1
            self._gap = True

    def event(self, event: Event) -> None:
        """A journal sink."""
        if len(self._events) < MAX_WAITING:
            self._events.append(event)
        else:
            self.lost += 1

    def told(self, what: str, value: Any = None) -> None:
        """Somebody outside the table does something to it now."""
        self.put((n.TOLD, what, plain(value)))

    def take(self) -> tuple[list[Any], list[tuple[int, int, int, bytes]], list[Event]]:
        """Notes, packets and events since the last time; packets that notes speak of are among them or came before."""
        taken = list(self._notes), self._packets, self._events
        self._notes.clear()
        self._packets, self._events = [], []
        return taken

    def heard(self) -> list[Any]:
        """The last answers of all channels as notes: what a tape that begins here has to know."""
        return [[n.HEARD, channel, value] for channel, value in enumerate(self._heard) if value is not _NOTHING]

    def channel(self, name: str) -> int:
        """The number of a channel; new ones are known to whoever reads `channels` afterwards."""
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self.channels)
            self.channels.append(name)
            self._heard.append(_NOTHING)
        return number

    # --- what is watched

    def watch(self, signals: Iterable[Watched]) -> None:
        """Every change of these is noted; they are numbered in the order given."""
        put = self.put
        simple = frozenset((float, bool, str, int, type(None)))

        def witness(number: int) -> Callable[[Any, int], None]:
            def changed(value: Any, at: int) -> None:
                value = value if type(value) in simple else plain(value)
                if at == self.at:
                    put((n.SIGNAL, number, value))
                else:
                    put((n.SIGNAL, number, value, self.at - at))
            return changed
        for signal in signals:
            signal.witness = witness(len(self.signals))
            self.signals.append(signal.name)

    def board(self, board: Any) -> Any:
        """The same board, whose devices note what is asked of them; to be given to a table and to nobody else."""
        taped = SimpleNamespace(nic=self.nic(board.nic))
        for name, kind in DEVICES.items():
            place, _, field = name.rpartition(".")
            holder = getattr(board, place, None) if place else board
            device = getattr(holder, field, None)
            if place and holder is not None and not hasattr(taped, place):
                setattr(taped, place, SimpleNamespace())
            if holder is not None:
                setattr(getattr(taped, place) if place else taped, field, None if device is None else self.device(name, device, kind))
        if not hasattr(taped, "bridge"):
            taped.bridge = None
        taped.polled = tuple(self.polled(f"polled.{number}", device) for number, device in enumerate(board.polled))
        return taped

    def device(self, name: str, device: Any, kind: Kind) -> Any:
        if kind.can:
            return TapedPort(self, self.channel(name), device)
        taped = _Taped(device)
        for method in kind.reads:
            inner = getattr(device, method, None)
            if inner is not None:
                setattr(taped, method, self.reading(f"{name}.{method}", inner))
        if hasattr(device, "measured_at"):
            taped.measured_at = self._measured(name, device.measured_at, kind.reads)
        for method in kind.calls:
            inner = getattr(device, method, None)
            if inner is not None:
                setattr(taped, method, self.calling(f"{name}.{method}", inner))
        taped.watched = {value: self.looking(f"{name}.{value}") for value in kind.values}
        for value in kind.constants:
            self.constants[f"{name}.{value}"] = getattr(device, value)
        return taped

    def polled(self, name: str, device: Any) -> Any:
        """A device with turns of its own: what a turn gives is when it wants the next."""
        taped = self.device(name, device, POLLED)
        said = self.looking(f"{name}.rest")

        def run(now: int) -> int:
            at = device.run(now)
            said(at - now)
            return at
        taped.run = run
        return taped

    def reading(self, name: str, read: Callable[..., Any]) -> Callable[..., Any]:
        """A method whose answer is noted when it is another one."""
        code = CODED.get(name)
        if code is None:
            channel, put, heard = self.channel(name), self.put, self._heard

            def plainly(*now: int) -> Any:
                answer = read(*now)
                last = heard[channel]
                if answer is not last and (answer != last or type(answer) is not type(last)):
                    heard[channel] = answer
                    put((n.HEARD, channel, answer))
                return answer
            return plainly
        look, of = self.looking(name), code[0]

        def coded(*now: int) -> Any:
            answer = read(*now)
            look(of(answer))
            return answer
        return coded

    def looking(self, name: str) -> Callable[[Any], None]:
        """Takes values of a channel; notes those that are not the one before."""
        channel, put, heard = self.channel(name), self.put, self._heard

        def look(value: Any) -> None:
            last = heard[channel]
            if value is not last and (value != last or type(value) is not type(last)):
                heard[channel] = value
                put((n.HEARD, channel, value))
        return look

    def calling(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """A method that does something; its last argument is `now`, which is not noted."""
        channel, put = self.channel(name), self.put

        def taped(*arguments: Any) -> Any:
            answer = call(*arguments)
            put((n.DID, channel, [plain(argument) for argument in arguments[:-1]], answer))
            return answer
        return taped

    def once(self, name: str, read: Callable[[], Any]) -> Callable[[], Any]:
        """A method that gives each thing once, and most of the time nothing."""
        channel = self.channel(name)

        def taped() -> Any:
            got = read()
            if got:
                self.put((n.ONCE, channel, got))
            return got
        return taped

    def nic(self, nic: Any) -> Any:
        return TapedNic(self, nic)

    def rng(self, rng: random.Random) -> random.Random:
        """The same source of randomness; what is drawn from it is noted."""
        return TapedRandom(self, rng)

    def _measured(self, name: str, measured_at: Callable[[str, int], int], reads: Sequence[str]) -> Callable[[str, int], int]:
        looks = {what: self.looking(f"{name}.{what}.age") for what in reads}

        def taped(what: str, now: int) -> int:
            at = measured_at(what, now)
            looks[what](now - at)
            return at
        return taped


_NOTHING = object()


class _Taped:
    """A device whose methods are replaced one by one; what is not, is the device's own."""

    def __init__(self, device: Any) -> None:
        self._device = device
        self.watched: dict[str, Callable[[Any], None]] = {}

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._device, name)
        look = self.watched.get(name)
        if look is not None:
            look(value)
        return value


class TapedNic:
    """A network interface; what is not of a session is the interface's own."""

    def __init__(self, tape: Tape, nic: Any) -> None:
        self.mac = nic.mac
        self._tape = tape
        self._nic = nic
        self._drops = tape.looking("nic.drops")

    def fileno(self) -> int:
        return self._nic.fileno()

    def receive(self, limit: int, now: int) -> list[tuple[int, bytes]]:
        frames = self._nic.receive(limit, now)
        if frames:
            tape = self._tape
            for at, frame in frames:
                tape.packet(ETHERNET, at, IN, frame)
            tape.put((n.FRAMES, len(frames)))
        return frames

    def send(self, frame: bytes, now: int) -> bool:
        accepted = self._nic.send(frame, now)
        self._tape.packet(ETHERNET, now, OUT, frame)
        self._tape.put((n.SENT, accepted))
        return accepted

    def next_event(self) -> int:
        return self._nic.next_event()

    def favour(self, station: bytes | None) -> None:
        self._nic.favour(station)

    @property
    def errors(self) -> int:
        return self._nic.errors

    @property
    def drops(self) -> int:
        drops = self._nic.drops
        self._drops(drops)
        return drops


class TapedPort:
    """One user's end of a CAN bus."""

    def __init__(self, tape: Tape, channel: int, port: Any) -> None:
        self._tape = tape
        self._channel = channel
        self._port = port

    def send(self, id: int, data: bytes, extended: bool, now: int) -> bool:
        accepted = self._port.send(id, data, extended, now)
        self._tape.packet(self._channel, now, OUT, can_octets(id, data, extended))
        self._tape.put((n.DID, self._channel, [id, data.hex(), extended], accepted))
        return accepted

    def receive(self, limit: int, now: int) -> list[Any]:
        frames = self._port.receive(limit, now)
        if frames:
            tape = self._tape
            for frame in frames:
                tape.packet(self._channel, frame.at, IN, can_octets(frame.id, frame.data, frame.extended))
            tape.put((n.CAN_HEARD, self._channel, [[frame.id, frame.data.hex(), frame.extended, now - frame.at] for frame in frames]))
        return frames

    @property
    def errors(self) -> int:
        return self._port.errors


def can_octets(id: int, data: bytes, extended: bool) -> bytes:
    """A frame as LINKTYPE_CAN_SOCKETCAN has it: identifier with its flag, length, three octets of nothing, data."""
    return (id | (0x8000_0000 if extended else 0)).to_bytes(4, "big") + bytes((len(data), 0, 0, 0)) + data


class TapedRandom(random.Random):
    """All of random.Random stands on these two."""

    def __init__(self, tape: Tape, rng: random.Random) -> None:
        self._tape = tape
        self._rng = rng
        super().__init__()

    def random(self) -> float:
        drawn = self._rng.random()
        self._tape.put((n.DRAWN, -1, drawn))
        return drawn

    def getrandbits(self, k: int, /) -> int:
        drawn = self._rng.getrandbits(k)
        self._tape.put((n.DRAWN, k, drawn))
        return drawn

    def seed(self, *_: Any) -> None:
        """The inner source has its seed; random.Random calls this when it is made."""
