"""A CHAdeMO car's end of the bus: what it has heard of the charger, what it sends in which turn; and its notes."""
from __future__ import annotations

from dataclasses import dataclass
from random import Random

from drivers.sim.can import CanNode
from kernel.timer import S
from tasks.chademo.wire import (CAPABILITY, CHARGER_STATUS, DISCHARGE_CHARGER, DISCHARGE_TIME, Capability, ChargerStatus, DischargeCharger, DischargeTime,
                                parse)
from tasks.errors import WireError
from tools.simulate.chademo.frames import Frames, Moment
from tools.simulate.chademo.traits import CarFaults, CarTraits

CYCLE = 10                     # turns between two frames of one identifier: 100 ms (sheet 1.1)
READS = 64                     # frames heard in a turn
HEARD = (CAPABILITY, CHARGER_STATUS, DISCHARGE_CHARGER, DISCHARGE_TIME)
LOG = 512                      # notes kept; later ones are counted


class Conversation:
    """`offer`, `charger`, `input`: the newest 0x108, 0x109, 0x208 of this session. Counters: `sent`, `unacknowledged`, `malformed`."""

    def __init__(self, traits: CarTraits, faults: CarFaults, node: CanNode, rng: Random | None) -> None:
        self.offer: Capability | None = None
        self.charger: ChargerStatus | None = None
        self.input: DischargeCharger | None = None
        self.sent = self.unacknowledged = self.malformed = 0
        self._frames = Frames(traits, faults, rng)
        self._faults = faults
        self._node = node
        self._heard_at: int | None = None
        self._announced_at: int | None = None            # the first 0x109 with 109.4.0
        self._input_at = self._time_at = 0               # the newest 0x208 and 0x209
        self._turns = 0

    @property
    def heard(self) -> bool:
        """A charger's 0x109 has come in this session."""
        return self._heard_at is not None

    def silent(self, seconds: float, now: int) -> bool:
        """No 0x109 for so long, or never."""
        return self._heard_at is None or now - self._heard_at >= round(seconds * S)

    def promised(self, seconds: float, now: int) -> bool:
        """109.4.0 is 1, and for so long either 0x208 or 0x209 has not come (sheet 1.8)."""
        if self._announced_at is None or self.charger is None or not self.charger.discharge:
            return False
        return now - max(self._announced_at, min(self._input_at, self._time_at)) >= round(seconds * S)

    def begin(self) -> None:
        """A new session: what was said before it was said to nobody."""
        self.offer = self.charger = self.input = self._heard_at = self._announced_at = None
        self._input_at = self._time_at = 0
        self._turns = 0
        if self._node.ready:
            self._node.receive(READS)

    def hear(self, plugged: bool, listens: bool, now: int) -> None:
        """Everything that waits; nothing without the plug, or with the CAN pulled."""
        node, wanted = self._node, plugged and not self._faults.silent
        if wanted and not node.ready:
            node.start(None)
        elif node.ready and not wanted:
            node.stop()
        if not wanted:
            return
        for key, data in node.receive(READS):
            if self._faults.deaf or not listens or key not in HEARD:
                continue
            try:
                message = parse(key, data)
            except WireError:
                self.malformed += 1
                continue
            if isinstance(message, Capability):
                self.offer = message
            elif isinstance(message, ChargerStatus):
                self.charger, self._heard_at = message, now
                if message.discharge and self._announced_at is None:
                    self._announced_at = now
            elif isinstance(message, DischargeCharger):
                self.input, self._input_at = message, now
            elif isinstance(message, DischargeTime):
                self._time_at = now

    @property
    def cycle_begins(self) -> bool:
        """The next frame is the first of a cycle."""
        return self._turns % CYCLE == 0

    def speak(self, moment: Moment) -> None:
        """One turn: the frame whose turn it is, all that are left over in the last of a cycle; ten under `flood`."""
        ids, turn = self._frames.cycle(), self._turns % CYCLE
        self._turns += 1
        if not self._node.ready or not ids:
            return
        if self._faults.flood:
            due = tuple(ids[n % len(ids)] for n in range(CYCLE))
        else:
            due = ids[turn:turn + 1] + (ids[CYCLE:] if turn == CYCLE - 1 else ())
        for id in due:
            if self._node.send(id, self._frames.octets(id, moment)):
                self.sent += 1
            else:
                self.unacknowledged += 1


@dataclass(slots=True)
class Note:
    """What the car noticed, at `at` ns; `value` in V, A or s as `what` says."""

    at: int
    what: str
    value: float = 0.0


class Notes:
    """The newest are lost when it is full, and counted in `lost`."""

    def __init__(self) -> None:
        self.entries: list[Note] = []
        self.lost = 0

    def add(self, what: str, now: int, value: float = 0.0) -> None:
        if len(self.entries) < LOG:
            self.entries.append(Note(now, what, value))
        else:
            self.lost += 1

    def when(self, what: str) -> int | None:
        """ns of the first note of this name; None: there is none."""
        return next((note.at for note in self.entries if note.what == what), None)
