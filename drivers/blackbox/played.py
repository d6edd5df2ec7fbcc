"""Devices that answer what a tape says, at the visits at which it says it. What the tape does not know is told to `differs`, once per kind."""
from __future__ import annotations

import random
from collections import deque
from types import SimpleNamespace
from typing import Any, Callable, Iterable, Protocol

from drivers.blackbox import notes as n
from drivers.blackbox.devices import CODED, DEVICES, Kind
from drivers.interfaces import CanFrame
from kernel.timer import NEVER, S

MAX_LATER = 4096             # answers of one channel within one visit; what exceeds it is told as a difference
SENT_KEPT = 64               # frames that were sent last: a request of 8 KiB in segments of 350 octets, and its repetitions


class Outside(Protocol):
    """A world that answers in place of the tape, from some visit on (`Player.live`). Times are those of the tape."""

    nic: Any

    def ask(self, name: str, arguments: tuple[Any, ...], last: Any) -> Any:
        """The method `name` of a device is called; `last`: what the tape answered last."""

    def look(self, name: str) -> Any:
        """An attribute of a device."""

    def keys(self) -> str:
        """What was pressed since the last time."""


class Channel:
    """The answers of one method: `put` what a visit brings, `get` the one that holds."""

    __slots__ = ("value", "known", "spoke", "_later")

    def __init__(self) -> None:
        self.value: Any = None
        self.known = False
        self.spoke = False                           # it has answered something else than None
        self._later: deque[Any] = deque()

    def put(self, value: Any) -> bool:
        """False: there is no room for it."""
        if len(self._later) >= MAX_LATER:
            return False
        self._later.append(value)
        return True

    def get(self) -> Any:
        if self._later:
            self.value = self._later.popleft()
            self.known = True
            self.spoke |= self.value is not None
        return self.value

    def close_visit(self) -> None:
        """What nobody asked for in its visit holds from the next one."""
        while self._later:
            self.get()


class Player:
    """All channels of a tape; `begin_visit(now, notes)` before the kernel visits, `end_visit()` after it."""

    def __init__(self, channels: list[str], constants: dict[str, Any], mac: bytes, differs: Callable[[str], None]) -> None:
        """`channels`, `constants`: as the tape has them. `differs(sentence)`: the code asks what the recorded code did not ask."""
        self.now = 0
        self.lenient = False                         # what is drawn now is not the tape's matter
        self.names = channels
        self.differs = differs
        self.channels = {name: Channel() for name in channels}
        self.frames: deque[tuple[int, bytes]] = deque()
        self.can: dict[str, deque[CanFrame]] = {}
        self.once: dict[str, deque[Any]] = {}
        self.drawn: deque[tuple[int, Any]] = deque()
        self.live: Outside | None = None             # who answers once the tape is left
        self.told: dict[str, tuple[Any, ...]] = {}   # what each device was told last, without the time
        self.sent: deque[bytes] = deque(maxlen=SENT_KEPT)
        self.mac = mac
        self.favoured: bytes | None = None           # the station whose frames come first
        self._answers: dict[str, deque[Any]] = {}
        self._mac = mac
        self._constants = constants
        self._touched: list[Channel] = []
        self._others = random.Random(0)              # what today's code draws beyond the tape

    # --- the visits

    def begin_visit(self, now: int, notes: Iterable[Any], packets: Callable[[int], list[tuple[int, bytes]]]) -> bool:
        """`packets(count)`: the next frames that were heard. True when there are frames to be fetched."""
        self.now = now
        self._answers.clear()
        for words in notes:
            kind = words[0]
            if kind == n.HEARD:
                channel = self.channels[self.names[words[1]]]
                if not channel.put(words[2]):
                    self.differs(f"more than {MAX_LATER} answers of {self.names[words[1]]} in one visit")
                self._touched.append(channel)
            elif kind == n.DID:
                self._answers.setdefault(self.names[words[1]], deque()).append(words[3])
            elif kind == n.FRAMES:
                self.frames.extend(packets(words[1]))
            elif kind == n.SENT:
                self._answers.setdefault("nic.send", deque()).append(words[1])
            elif kind == n.CAN_HEARD:
                self.can.setdefault(self.names[words[1]], deque()).extend(
                    CanFrame(id, bytes.fromhex(data), extended, now - age) for id, data, extended, age in words[2])
            elif kind == n.DRAWN:
                self.drawn.append((words[1], words[2]))
            elif kind == n.ONCE:
                self.once.setdefault(self.names[words[1]], deque()).append(words[2])
        return bool(self.frames)

    def end_visit(self) -> None:
        for channel in self._touched:
            channel.close_visit()
        self._touched.clear()

    # --- the devices

    def board(self) -> Any:
        """A board with the devices that the tape knows."""
        known = {name.rpartition(".")[0] for name in self.names} | {name for name in self.names if DEVICES.get(name, _NO_KIND).can}
        bridge = any(name.startswith("bridge.") for name in known)
        board = SimpleNamespace(nic=PlayedNic(self, self._mac), bridge=SimpleNamespace() if bridge else None)
        for name, kind in DEVICES.items():
            place, _, field = name.rpartition(".")
            if not place or bridge:
                setattr(board.bridge if place else board, field, self._device(name, kind) if name in known else None)
        count = sum(name.startswith("polled.") and name.endswith(".rest") for name in self.names)
        board.polled = tuple(PlayedTurns(self, f"polled.{number}") for number in range(count))
        return board

    def _device(self, name: str, kind: Kind) -> Any:
        if kind.can:
            return PlayedPort(self, name)
        device = PlayedDevice()
        for method in kind.reads:
            if f"{name}.{method}" in self.channels:
                setattr(device, method, self._reading(f"{name}.{method}"))
        for method in kind.calls:
            if f"{name}.{method}" in self.channels:
                setattr(device, method, self._calling(f"{name}.{method}"))
        for value in kind.values:
            if f"{name}.{value}" in self.channels:
                setattr(device, value, _Looked(self, f"{name}.{value}"))
        ages = {what: self.channels[f"{name}.{what}.age"] for what in kind.reads if f"{name}.{what}.age" in self.channels}
        if ages:
            device.measured_at = lambda what, now: now - (ages[what].get() if self.live is None else 0)
        return device

    def _reading(self, name: str) -> Callable[..., Any]:
        channel, code = self.channels[name], CODED.get(name)
        if code is None:
            return lambda *now: channel.get() if self.live is None else self.live.ask(name, now, channel.value)
        to = code[1]
        return lambda *now: to(channel.get()) if self.live is None else self.live.ask(name, now, to(channel.value))

    def _calling(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self.told[name] = arguments[:-1]
            return self.answer(name) if self.live is None else self.live.ask(name, arguments, True)
        return call

    def answer(self, name: str) -> Any:
        """What the device answered to this call; True where it was not called in this visit, which the comparison tells."""
        answers = self._answers.get(name)
        return answers.popleft() if answers else True

    def reader(self, name: str) -> Callable[[], Any]:
        """What was given once: keys."""
        def read() -> Any:
            if self.live is not None:
                return self.live.keys()
            waiting = self.once.get(name)
            return waiting.popleft() if waiting else ""
        return read

    def plain(self, name: str) -> Callable[[], Any]:
        """A value without a time: whether the process was asked to end."""
        channel = self.channels.get(name)
        return (lambda: channel.get()) if channel is not None else (lambda: None)

    def rng(self) -> random.Random:
        return PlayedRandom(self)

    def draw(self, bits: int) -> Any:
        """The next number of the tape; another one, and the sentence that it differs, where today's code asks otherwise."""
        if self.lenient or self.live is not None:
            return self._others.random() if bits < 0 else self._others.getrandbits(bits)
        if self.drawn and self.drawn[0][0] == bits:
            return self.drawn.popleft()[1]
        asked = "a fraction" if bits < 0 else f"{bits} bits"
        has = "nothing" if not self.drawn else "a fraction" if self.drawn[0][0] < 0 else f"{self.drawn[0][0]} bits"
        self.differs(f"asks for {asked} of randomness where the recorded program asked for {has}")
        return self._others.random() if bits < 0 else self._others.getrandbits(bits)


_NO_KIND = Kind()


class _Looked:
    """An attribute that is looked at: as the tape has it; what it never saw is asked for outside."""

    def __init__(self, player: Player, name: str) -> None:
        self._player = player
        self._name = name

    def get(self) -> Any:
        channel, live = self._player.channels[self._name], self._player.live
        return channel.get() if live is None or channel.known else live.look(self._name)


class PlayedDevice:
    """Its methods are set one by one."""

    errors = 0

    def __getattribute__(self, name: str) -> Any:
        value = object.__getattribute__(self, name)
        return value.get() if type(value) is _Looked else value


class PlayedNic:
    """An interface on which the frames of the tape arrive; what is sent goes nowhere."""

    errors = 0

    def __init__(self, player: Player, mac: bytes) -> None:
        self.mac = mac
        self._player = player

    def fileno(self) -> int:
        return -1

    def receive(self, limit: int, now: int) -> list[tuple[int, bytes]]:
        frames, live = self._player.frames, self._player.live
        if live is not None and not frames:
            return live.nic.receive(limit, now)
        return [frames.popleft() for _ in range(min(limit, len(frames)))]

    def send(self, frame: bytes, now: int) -> bool:
        live = self._player.live
        if live is not None:
            return live.nic.send(frame, now)
        self._player.sent.append(frame)
        return bool(self._player.answer("nic.send"))

    def next_event(self) -> int:
        live = self._player.live
        return NEVER if live is None else live.nic.next_event()

    def favour(self, station: bytes | None) -> None:
        """The tape has the order in which frames came."""
        self._player.favoured = station
        if self._player.live is not None:
            self._player.live.nic.favour(station)

    @property
    def drops(self) -> int:
        return self._player.channels["nic.drops"].get() or 0

    def close(self) -> None:
        """There is nothing to give back."""


class PlayedPort:
    """A CAN port on which the frames of the tape arrive."""

    errors = 0

    def __init__(self, player: Player, name: str) -> None:
        self._player = player
        self._name = name

    def send(self, id: int, data: bytes, extended: bool, now: int) -> bool:
        live = self._player.live
        return bool(self._player.answer(self._name) if live is None else live.ask(f"{self._name}.send", (id, data, extended, now), True))

    def receive(self, limit: int, now: int) -> list[CanFrame]:
        if self._player.live is not None:
            return self._player.live.ask(f"{self._name}.receive", (limit, now), [])
        frames = self._player.can.get(self._name)
        return [frames.popleft() for _ in range(min(limit, len(frames)))] if frames else []


class PlayedTurns:
    """A device with turns of its own."""

    errors = 0

    def __init__(self, player: Player, name: str) -> None:
        self._player = player
        self._channels = player.channels
        self._device = name
        self.name = str(player._constants.get(f"{name}.name", name))

    def run(self, now: int) -> int:
        if self._player.live is not None:
            return self._player.live.ask(f"{self._device}.run", (now,), now + S)
        return now + self._channels[f"{self._device}.rest"].get()

    @property
    def fault(self) -> str:
        return self._channels[f"{self._device}.fault"].get() or ""

    @property
    def remedy(self) -> str:
        return self._channels[f"{self._device}.remedy"].get() or ""


class PlayedRandom(random.Random):
    """Draws what the tape says."""

    def __init__(self, player: Player) -> None:
        self._player = player
        super().__init__()

    def random(self) -> float:
        return self._player.draw(-1)

    def getrandbits(self, k: int, /) -> int:
        return self._player.draw(k)

    def seed(self, *_: Any) -> None:
        """The tape is the seed; random.Random calls this when it is made."""
