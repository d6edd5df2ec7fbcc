"""The emulated modem's flash: a PIB in the sheet's layout, and the protocol that reads and writes it.

Behaviour from the slac-and-network sheet 1.8; what the sheet leaves open is decided carefully here: nothing reaches the
flash before a commit whose blocks are complete and give the announced checksum, the commit takes a moment, and a power
cut within it leaves the old image (`torn`: none at all, then the modem wakes up in its boot loader, as a modem would
whose flash is written in place). MSTATUS values of refusals are our own, those of the chips are not known.
"""
from __future__ import annotations

from enum import IntEnum

from kernel.timer import MS, Timer
from tasks.homeplug import pib
from tasks.homeplug.wire_module import (COMMIT_NO_RESET, OP_READ_FLASH, OP_READ_RAM, PIB, CommitSession, ModuleData, ReadModule,
                                        StartSession, VS_MODULE_OPERATION_CNF, VS_MODULE_OPERATION_REQ, WriteModule)

COMMIT_TIME = 800 * MS


class Status(IntEnum):
    """MSTATUS of our refusals."""

    SUCCESS = 0
    UNKNOWN_MODULE = 0x10
    BAD_RANGE = 0x11
    NO_SESSION = 0x12
    BAD_LENGTH = 0x13
    INCOMPLETE = 0x14
    BAD_CHECKSUM = 0x15
    BUSY = 0x16


class EmulatedFlash:
    """`image`: what the flash holds; `torn`: a cut within the commit destroys it. Counters: `refusals`, `commits`.

    `boot_loader`: started without a valid PIB. `role_bytes`: (CCoSelection, SLAC mode) of what runs.
    """

    def __init__(self, image: bytes, *, torn: bool = False) -> None:
        self.image = image
        self.torn = torn
        self.refusals = 0
        self.commits = 0
        self._nid = self._nmk = b""
        self._session: StartSession | None = None
        self._blocks: dict[int, bytes] = {}
        self._done: tuple[int, VS_MODULE_OPERATION_CNF] | None = None     # the last commit, for its repetition
        self._commit = Timer()
        self._answer_due: tuple[VS_MODULE_OPERATION_CNF, bool] | None = None
        self._reset_due = False
        self.boot()

    # --- power

    def boot(self) -> None:
        """What runs is read from the flash; a session does not survive."""
        self._forget()
        self._nid = self._nmk = b""
        self._done = None
        try:
            running = pib.parse(self.image)
        except pib.PibError:
            self.boot_loader = True
            self.mac = pib.BOOT_LOADER_MAC
            self.role_bytes = (0, 0)
            self._running = b""
            return
        self.boot_loader = False
        self.mac = running.mac
        self.role_bytes = (running.raw(pib.CCO_SELECTION)[0], running.raw(pib.SLAC_MODE)[0])
        self._running = self.image

    def power_cut(self) -> None:
        """The supply goes away and comes back; within a commit it is `torn` that decides."""
        if self._commit.armed and self.torn:
            self.image = self._assembled()[:len(self.image) // 2] + self.image[len(self.image) // 2:]
        self.boot()

    def use_key(self, nid: bytes, nmk: bytes) -> None:
        """CM_SET_KEY changes the PIB that runs, with its checksums; seen in the capture of a TP-Link (2022-12-20)."""
        self._nid, self._nmk = nid, nmk

    # --- the protocol

    def answer(self, m: VS_MODULE_OPERATION_REQ, now: int, line: bool) -> VS_MODULE_OPERATION_CNF | None:
        """The confirmation, None where it comes later (see `handle_timer`) or the modem has no firmware to answer."""
        if self.boot_loader:
            return None
        step = m.step
        if type(step) is ReadModule:
            return self._read(m, step)
        if self._commit.armed:
            if type(step) is CommitSession and step.session == self._session.session:
                return None                      # a repetition: one answer will come
            return self._refuse(m, Status.BUSY)
        if type(step) is StartSession:
            return self._start(m, step)
        if type(step) is WriteModule:
            return self._write(m, step)
        return self._begin_commit(m, step, now, line)

    def handle_timer(self, now: int) -> tuple[VS_MODULE_OPERATION_CNF, bool, bool] | None:
        """The end of a commit: (confirmation, whether it goes to the line, whether a reset follows)."""
        if not self._commit.take(now):
            return None
        self.image = self._assembled()
        self.commits += 1
        answer, line = self._answer_due
        reset = self._reset_due
        self._done = (self._session.session, answer)
        self._forget()
        return answer, line, reset

    def next_timer(self) -> int:
        return self._commit.at

    def _read(self, m: VS_MODULE_OPERATION_REQ, step: ReadModule) -> VS_MODULE_OPERATION_CNF:
        content = self.image if step.flash else self._ram()
        if step.module_id != PIB or step.sub_id:
            return self._refuse(m, Status.UNKNOWN_MODULE)
        if step.offset >= len(content):
            return self._refuse(m, Status.BAD_RANGE)
        octets = content[step.offset:step.offset + step.length]
        return VS_MODULE_OPERATION_CNF(m.src, self.mac, 0, OP_READ_FLASH if step.flash else OP_READ_RAM, ModuleData(step.offset, octets))

    def _start(self, m: VS_MODULE_OPERATION_REQ, step: StartSession) -> VS_MODULE_OPERATION_CNF:
        if len(step.modules) != 1 or step.modules[0].module_id != PIB or step.modules[0].sub_id:
            return self._refuse(m, Status.UNKNOWN_MODULE)
        if step.modules[0].length != len(self._running):
            return self._refuse(m, Status.BAD_LENGTH)
        self._forget()
        self._session = step
        return VS_MODULE_OPERATION_CNF(m.src, self.mac, 0, step.operation, session=step.session)

    def _write(self, m: VS_MODULE_OPERATION_REQ, step: WriteModule) -> VS_MODULE_OPERATION_CNF:
        if self._session is None or step.session != self._session.session:
            return self._refuse(m, Status.NO_SESSION)
        if step.index or step.module_id != PIB or step.sub_id:
            return self._refuse(m, Status.UNKNOWN_MODULE)
        if not step.octets or step.offset + len(step.octets) > self._session.modules[0].length:
            return self._refuse(m, Status.BAD_RANGE)
        self._blocks[step.offset] = step.octets
        return VS_MODULE_OPERATION_CNF(m.src, self.mac, 0, step.operation, session=step.session, offset=step.offset)

    def _begin_commit(self, m: VS_MODULE_OPERATION_REQ, step: CommitSession, now: int, line: bool) -> VS_MODULE_OPERATION_CNF | None:
        if self._done is not None and self._done[0] == step.session:
            return self._done[1]
        if self._session is None or step.session != self._session.session:
            return self._refuse(m, Status.NO_SESSION)
        whole = self._assembled()
        if len(whole) != self._session.modules[0].length:
            return self._refuse(m, Status.INCOMPLETE)
        if pib.checksum(whole) != self._session.modules[0].checksum:
            return self._refuse(m, Status.BAD_CHECKSUM)
        self._answer_due = VS_MODULE_OPERATION_CNF(m.src, self.mac, 0, step.operation, session=step.session), line
        self._reset_due = not step.code & COMMIT_NO_RESET
        self._commit.arm(now, COMMIT_TIME)
        return None

    def _refuse(self, m: VS_MODULE_OPERATION_REQ, status: Status) -> VS_MODULE_OPERATION_CNF:
        self.refusals += 1
        return VS_MODULE_OPERATION_CNF(m.src, self.mac, status, m.step.operation)

    # --- what it holds

    def _ram(self) -> bytes:
        if not self._nid:
            return self._running
        out = bytearray(self._running)
        for field, value in ((pib.NID, self._nid), (pib.NMK, self._nmk), (pib.KEY_MARK, b"\1")):
            out[pib.BODY + field.at:pib.BODY + field.at + field.length] = value
        return pib.sealed(out)

    def _assembled(self) -> bytes:
        """The blocks as far as they follow each other without a gap."""
        out = b""
        while len(out) in self._blocks:
            out += self._blocks[len(out)]
        return out

    def _forget(self) -> None:
        self._session = None
        self._blocks = {}
        self._commit.cancel()
        self._answer_due = None
