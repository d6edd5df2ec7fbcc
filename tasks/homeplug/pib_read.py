"""Reads the PIB out of a modem, whole or in pieces, and judges a whole one before anybody uses it.

What a new key changes lies within the first block (sheet 1.8), but other programs and the modem itself may change something
between two blocks; then these do not fit together and the checksum tells. So a damaged image is read again a few times
before it counts as damaged.
"""
from __future__ import annotations

from kernel.record import dataclass
from tasks.homeplug import pib
from tasks.homeplug.module_exchange import READ_LIMIT, READ_REPEAT, ModuleExchange
from tasks.homeplug.wire_module import MAX_BLOCK, ReadModule

READ_ROUNDS = 3


@dataclass(slots=True)
class Reading:
    """So many octets of so many are here."""

    done: int
    total: int


@dataclass(slots=True)
class ReadDone:
    """`pieces`: the octets of each piece asked for; `image`: the whole and valid PIB when everything was asked for."""

    pieces: list[bytes]
    image: pib.Pib | None = None


@dataclass(slots=True)
class ReadFailed:
    """Why not, and what to do. `octets`: what was read, when it was whole but not valid."""

    problem: str
    remedy: str
    status: int | None = None          # MSTATUS, when the modem refused
    octets: bytes = b""


class PibRead(ModuleExchange):
    """`pieces`: (offset, length) of each; none: the whole image. Ends with one ReadDone or ReadFailed."""

    def __init__(self, host_mac: bytes, dst: bytes, modem: bytes, pieces: tuple[tuple[int, int], ...] = (), *, flash: bool = False,
                 repeat: int = READ_REPEAT, limit: int = READ_LIMIT) -> None:
        super().__init__(host_mac, dst, modem)
        self._whole = not pieces
        self._pieces = pieces
        self._flash = flash
        self._every = repeat
        self._patience = limit
        self._rounds = 0
        self._got: list[bytes] = []
        self._offset = self._length = self._total = 0

    def start(self, now: int) -> None:
        self._rounds += 1
        self._got = []
        if self._whole:
            self._total = 0
            self._ask(0, MAX_BLOCK, now)
        else:
            self._total = sum(length for _, length in self._pieces)
            self._ask(*self._pieces[0], now)

    def cancel(self) -> None:
        """Nothing more is asked; no event follows."""
        self._quiet()
        self._out.clear()

    def receive(self, m, now: int) -> None:
        if not self._awaited(m):
            return
        if m.status:
            self._fail(f"The modem refuses to read its PIB (MSTATUS 0x{m.status:04x}).",
                       "Old firmware or another maker: use the maker's own tool.", m.status)
            return
        octets = m.module.octets
        if len(octets) < self._length:
            self._fail(f"The modem gave {len(octets)} of {self._length} octets at offset {self._offset}.", "Try again.")
            return
        self._got.append(octets[:self._length])
        if self._whole:
            self._next_block(now)
        elif len(self._got) < len(self._pieces):
            self._ask(*self._pieces[len(self._got)], now)
        else:
            self._events.append(ReadDone(self._got))

    def handle_timer(self, now: int) -> None:
        if self._repeat_or_give_up(now):
            self._fail(f"Modem {self.modem.hex(':')} did not answer the read at offset {self._offset} within {self._patience / 1e9:g} s.",
                       "Cable and supply of the modem? Some modems do not let their PIB be read.")

    def _ask(self, offset: int, length: int, now: int) -> None:
        self._offset, self._length = offset, length
        self._ask_module(ReadModule(length, offset, self._flash), now, self._every, self._patience, self._matches)

    def _matches(self, m) -> bool:
        if m.status:
            return m.operation in (None, int(self._flash))
        return m.operation == int(self._flash) and m.module.offset == self._offset

    def _next_block(self, now: int) -> None:
        done = sum(map(len, self._got))
        if self._total == 0:
            try:
                self._total = pib.total_length(self._got[0])
            except pib.PibError as e:
                self._again_or_fail(e, now)
                return
        self._events.append(Reading(done, self._total))
        if done < self._total:
            self._ask(done, min(MAX_BLOCK, self._total - done), now)
            return
        try:
            image = pib.parse(b"".join(self._got))
        except pib.PibError as e:
            self._again_or_fail(e, now)
            return
        self._events.append(ReadDone([image.octets], image))

    def _again_or_fail(self, e: pib.PibError, now: int) -> None:
        if self._rounds < READ_ROUNDS:
            self.start(now)
        else:
            self._fail(e.problem, e.remedy, octets=b"".join(self._got))

    def _fail(self, problem: str, remedy: str, status: int | None = None, octets: bytes = b"") -> None:
        self._events.append(ReadFailed(problem, remedy, status, octets))
