"""A station on the line that plays a script: an agenda in virtual time, frames in and out through an emulated modem, and what it objects to.

The scripts know nothing of our SLAC machines and share no code with them but the octets of `tasks/homeplug/wire*.py`, which are held to the recorded frames
octet by octet (tests/homeplug/test_wire.py).
"""
from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from typing import Any, Callable

from kernel.timer import MS, NEVER
from tasks.errors import WireError
from tasks.homeplug.emulator_nic import EmulatedModemNic
from tasks.homeplug.keys import new_nmk, nid_from_nmk
from tasks.homeplug.wire import parse
from tasks.homeplug.wire_header import BROADCAST, ETHERTYPE, LOCAL_DEVICE
from tasks.homeplug.wire_keys import CM_SET_KEY_REQ

TRAVEL = MS                      # one way over the line of a meeting; measured delays contain it twice
FRAMES_AT_ONCE = 64
MAX_AGENDA = 256                 # entries that wait at once; a script that plans more is broken
NONCE = b"\xaa" * 4              # as Qualcomm's tools send it (sheet 1.5)


@dataclass(frozen=True, slots=True)
class Objection:
    """Something that this peer would not have taken, or that the standard forbids: which rule, and what came."""

    at: int
    rule: str
    what: str


class Entry:
    """One thing to do later; `off` when it is not wanted any more."""

    __slots__ = ("at", "call", "off")

    def __init__(self, at: int, call: Callable[[int], None]) -> None:
        self.at = at
        self.call = call
        self.off = False


class Peer:
    """Counters: `deaf`, frames that did not parse. `said` and `heard`: (time, message)."""

    def __init__(self, nic: EmulatedModemNic, rng: Any) -> None:
        self._nic = nic
        self.mac = nic.mac
        self.modem = nic.modem
        self.rng = rng
        self.said: list[tuple[int, Any]] = []
        self.heard: list[tuple[int, Any]] = []
        self.objections: list[Objection] = []
        self.deaf = 0
        self.nmk = b""                   # of the network that it wants to be in
        self._agenda: list[tuple[int, int, Entry]] = []
        self._places = count()

    # --- what a world of nodes asks of each of them

    @property
    def nic(self) -> Peer:
        """Its deadlines are those of its interface: they are not rounded to the tick of our kernel."""
        return self

    def next_event(self) -> int:
        while self._agenda and self._agenda[0][2].off:
            heappop(self._agenda)
        return min(self._nic.next_event(), self._agenda[0][0] if self._agenda else NEVER)

    due = next_event

    def step(self, now: int) -> None:
        for _, frame in self._nic.receive(FRAMES_AT_ONCE, now):
            if frame[12:14] != ETHERTYPE or frame[:6] not in (self.mac, BROADCAST):
                continue
            try:
                message = parse(frame)
            except WireError:
                self.deaf += 1
                continue
            self.heard.append((now, message))
            handler = getattr(self, "on_" + type(message).__name__, None)
            if handler is not None:
                handler(message, now)
        while self._agenda and self._agenda[0][0] <= now:
            entry = heappop(self._agenda)[2]
            if not entry.off:
                entry.call(now)

    # --- for the scripts

    def later(self, wait: float, now: int, call: Callable[[int], None]) -> Entry:
        """`call(now)` in `wait` ms."""
        assert len(self._agenda) < MAX_AGENDA, "a script plans without end"
        entry = Entry(now + max(0, round(wait * MS)), call)
        heappush(self._agenda, (entry.at, next(self._places), entry))
        return entry

    def answer(self, wait: float, now: int, call: Callable[[int], None]) -> Entry:
        """As `later`, for a delay that was measured at our end: the way there and back is part of it."""
        return self.later(wait - 2 * TRAVEL / MS, now, call)

    def say(self, message: Any, now: int) -> None:
        self.said.append((now, message))
        self._nic.send(message.emit(), now)

    def object(self, rule: str, what: str, now: int) -> None:
        self.objections.append(Objection(now, rule, what))

    def use_key(self, nid: bytes, nmk: bytes, now: int) -> None:
        """Into the own modem; the network forms as the modem likes."""
        self.nmk = nmk
        self.say(CM_SET_KEY_REQ(LOCAL_DEVICE, self.mac, nid, nmk, NONCE), now)

    def new_key(self, now: int) -> tuple[bytes, bytes]:
        """NID and NMK of a network of its own, given to the modem."""
        nmk = new_nmk(self.rng)
        self.use_key(nid_from_nmk(nmk), nmk, now)
        return nid_from_nmk(nmk), nmk

    def joined(self, now: int) -> bool:
        """Its modem is in one network with another."""
        return bool(self.modem.joined(now))
