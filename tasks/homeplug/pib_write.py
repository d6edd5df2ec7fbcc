"""Writes a PIB into the own modem and finds out what the modem has afterwards.

Theory (slac-and-network sheet 1.8): a session announces length and checksum of the whole image; the blocks go into the
modem's memory; only the commit touches the flash. Then the modem is reset, and what it runs with is read back. Whatever
goes wrong on the way (refusal, silence, power cut, a person who stops it), the machine ends with the reading: the
outcome is what the modem has, never what we hope. The commit asks for no reset of its own, so that its answer arrives;
a repeated commit may be refused because the first was carried out, therefore a refusal decides nothing either.
"""
from __future__ import annotations

from enum import Enum, auto

from kernel.record import dataclass
from kernel.timer import S, Timer
from tasks.homeplug import pib
from tasks.homeplug.module_exchange import SESSION_LIMIT, WRITE_LIMIT, WRITE_REPEAT, ModuleExchange
from tasks.homeplug.pib_read import PibRead, ReadDone, ReadFailed, Reading
from tasks.homeplug.wire_header import LOCAL_DEVICE
from tasks.homeplug.wire_modem import VS_RS_DEV_CNF, VS_RS_DEV_REQ, VS_SW_VER_CNF, VS_SW_VER_REQ
from tasks.homeplug.wire_module import (COMMIT_FORCE, COMMIT_NO_RESET, MAX_BLOCK, OP_COMMIT, OP_START, OP_WRITE, CommitSession, ModuleToCome,
                                        StartSession, WriteModule)

RESET_REPEAT, RESET_LIMIT = 1 * S, 4 * S
RESET_SETTLE = 3 * S                   # before the first look: the modem may take a moment to go down
RETURN_POLL, RETURN_LIMIT = 1 * S, 30 * S        # it is away 1.5 to 5 s (1.7), a sleeping one longer (2.8 row 11)
LOOKS = 2                              # a modem that still shows the old PIB after an accepted commit is read once more
LOOK_AGAIN = 5 * S


class Stage(Enum):
    """Where the write stands; the value is what people read."""

    SESSION = "announcing the image"
    BLOCKS = "sending the image into the modem's memory"
    COMMIT = "the modem writes its flash: do not cut the power now"
    RESET = "resetting the modem"
    RETURN = "waiting for the modem to come back"
    READING = "reading back what the modem has"
    DONE = "done"


class Outcome(Enum):
    """What the modem has in the end."""

    NEW = auto()                       # the image that was to be written
    OLD = auto()                       # the image from before: nothing has changed
    OTHER = auto()                     # a valid image that is neither
    DAMAGED = auto()                   # no valid image
    BOOT_LOADER = auto()               # the modem found no valid PIB or firmware and runs its boot loader
    SILENT = auto()                    # unknown: it does not answer any more


@dataclass(slots=True)
class Writing:
    """Progress; `done` of `total` octets where the stage has such, else 0."""

    stage: Stage
    done: int = 0
    total: int = 0


@dataclass(slots=True)
class WriteEnded:
    """`trouble` tells what went wrong on the way, empty when nothing did; `image` is what was read back."""

    outcome: Outcome
    trouble: str = ""
    image: pib.Pib | None = None


class PibWrite(ModuleExchange):
    """`session`: the cookie, any number. `stage` and `committed` (the commit has been sent) may be looked at."""

    def __init__(self, host_mac: bytes, dst: bytes, old: pib.Pib | None, new: pib.Pib, modem: bytes, session: int, *, force: bool = False) -> None:
        super().__init__(host_mac, dst, modem)
        self._old = old
        self._new = new
        self._session = session
        self._code = COMMIT_NO_RESET | (COMMIT_FORCE if force else 0)
        self._offset = 0
        self._wait = Timer()
        self._away_limit = Timer()
        self._reader: PibRead | None = None
        self._looks = 0
        self.stage = Stage.SESSION
        self.committed = False
        self.trouble = ""

    def start(self, now: int) -> None:
        self._enter(Stage.SESSION)
        image = self._new.octets
        step = StartSession(self._session, (ModuleToCome(len(image), pib.checksum(image)),))
        self._ask_module(step, now, WRITE_REPEAT, SESSION_LIMIT, lambda m: self._answers(m, OP_START))

    def stop(self, now: int) -> bool:
        """A person wants it to end: before the commit True, the old PIB stays; after it only the end helps, False."""
        if self.stage not in (Stage.SESSION, Stage.BLOCKS):
            return False
        self._abandon("Stopped before the commit.", now)
        return True

    # --- the five verbs

    def receive(self, m, now: int) -> None:
        kind = type(m)
        if self.stage is Stage.READING:
            self._reader.receive(m, now)
            self._carry_reading(now)
        elif kind is VS_SW_VER_CNF:
            if self.stage is Stage.RETURN:
                self._on_version(m, now)
        elif kind is VS_RS_DEV_CNF:
            if self.stage is Stage.RESET and self._for_us(m):
                if m.status:
                    self._trouble(f"The modem refused the reset (status {m.status}).")
                self._return(now)
        elif self._awaited(m):
            self._on_answer(m, now)

    def handle_timer(self, now: int) -> None:
        if self.stage is Stage.READING:
            self._reader.handle_timer(now)
            self._carry_reading(now)
        if self._wait.take(now):
            self._out.append(VS_SW_VER_REQ(LOCAL_DEVICE, self._host_mac))
            self._wait.arm(now, RETURN_POLL)
        if self._away_limit.take(now):
            self._trouble(f"The modem did not come back within {RETURN_LIMIT // S} s of its reset.")
            self._end(Outcome.SILENT)
        if self._repeat_or_give_up(now):
            self._on_silence(now)

    def outgoing(self) -> list:
        out = super().outgoing()
        return out if self._reader is None else out + self._reader.outgoing()

    def next_timer(self) -> int:
        own = min(super().next_timer(), self._wait.at, self._away_limit.at)
        return own if self._reader is None else min(own, self._reader.next_timer())

    # --- writing

    def _answers(self, m, operation: int) -> bool:
        """The echo is compared where the modem sends one; its layout was in no capture (wire_module)."""
        if m.operation not in (operation, None) or m.operation is None and m.status == 0:
            return False
        if m.session not in (None, 0, self._session):
            return False
        return operation != OP_WRITE or m.offset in (None, self._offset)

    def _on_answer(self, m, now: int) -> None:
        if m.status:
            words = f"The modem refused while {self.stage.value.split(':')[0]} (MSTATUS 0x{m.status:04x}, ERR_REC_CODE 0x{m.error:04x})."
            self._abandon(words, now)
        elif self.stage is Stage.SESSION:
            self._enter(Stage.BLOCKS)
            self._send_block(now)
        elif self.stage is Stage.BLOCKS:
            self._offset += MAX_BLOCK
            if self._offset < len(self._new.octets):
                self._send_block(now)
            else:
                self._commit(now)
        else:
            self._begin_reset(now)

    def _send_block(self, now: int) -> None:
        image = self._new.octets
        self._events.append(Writing(self.stage, self._offset, len(image)))
        step = WriteModule(self._session, self._offset, image[self._offset:self._offset + MAX_BLOCK])
        self._ask_module(step, now, WRITE_REPEAT, WRITE_LIMIT, lambda m: self._answers(m, OP_WRITE))

    def _commit(self, now: int) -> None:
        self.committed = True
        self._enter(Stage.COMMIT)
        self._ask_module(CommitSession(self._session, self._code), now, WRITE_REPEAT, WRITE_LIMIT, lambda m: self._answers(m, OP_COMMIT))

    def _on_silence(self, now: int) -> None:
        if self.stage is Stage.RESET:
            self._trouble("The modem did not confirm its reset.")
            self._return(now)
        else:
            limit = SESSION_LIMIT if self.stage is Stage.SESSION else WRITE_LIMIT
            self._abandon(f"The modem gave no answer for {limit // S} s while {self.stage.value.split(':')[0]}.", now)

    def _abandon(self, words: str, now: int) -> None:
        """Something went wrong: no further step of the session, but find out what the modem has."""
        self._trouble(words)
        self._begin_reset(now)

    def _trouble(self, words: str) -> None:
        self.trouble = f"{self.trouble} {words}".strip()

    # --- afterwards

    def _begin_reset(self, now: int) -> None:
        self._enter(Stage.RESET)
        self._send(VS_RS_DEV_REQ(self._dst, self._host_mac), now, RESET_REPEAT, RESET_LIMIT)

    def _return(self, now: int) -> None:
        self._quiet()
        self._enter(Stage.RETURN)
        self._wait.arm(now, RESET_SETTLE)
        self._away_limit.arm(now, RETURN_LIMIT)

    def _on_version(self, m: VS_SW_VER_CNF, now: int) -> None:
        if m.dst != self._host_mac:
            return
        if m.version.startswith("BootLoader") and m.src in (self.modem, self._new.mac, pib.BOOT_LOADER_MAC):
            self._end(Outcome.BOOT_LOADER)
        elif m.src in (self.modem, self._new.mac):
            self.modem = m.src
            self._read(now)
        else:
            self.foreign += 1

    def _read(self, now: int) -> None:
        self._wait.cancel()
        self._away_limit.cancel()
        self._looks += 1
        self._enter(Stage.READING)
        dst = LOCAL_DEVICE if self._dst == LOCAL_DEVICE else self.modem
        self._reader = PibRead(self._host_mac, dst, self.modem)
        self._reader.start(now)

    def _carry_reading(self, now: int) -> None:
        if self._reader is None:
            return
        for e in self._reader.events():
            kind = type(e)
            if kind is Reading:
                self._events.append(Writing(Stage.READING, e.done, e.total))
            elif kind is ReadDone:
                self._judge(e.image, now)
            elif kind is ReadFailed:
                self._trouble(e.problem)
                self._end(Outcome.DAMAGED if e.octets else Outcome.SILENT)

    def _judge(self, image: pib.Pib, now: int) -> None:
        if image.same_but_keys(self._new):
            self._end(Outcome.NEW, image)
        elif self._old is not None and image.same_but_keys(self._old):
            if self.committed and self._looks < LOOKS:       # did it really restart in between?
                self._reader = None
                self._enter(Stage.RETURN)
                self._wait.arm(now, LOOK_AGAIN)
                self._away_limit.arm(now, RETURN_LIMIT)
            else:
                self._end(Outcome.OLD, image)
        else:
            self._end(Outcome.OTHER, image)

    def _end(self, outcome: Outcome, image: pib.Pib | None = None) -> None:
        self._quiet()
        self._wait.cancel()
        self._away_limit.cancel()
        self._reader = None
        self.stage = Stage.DONE
        self._events.append(WriteEnded(outcome, self.trouble, image))

    def _enter(self, stage: Stage) -> None:
        self.stage = stage
        self._events.append(Writing(stage))
