"""Keeps a box's tape while nothing is recorded, from a moment at which its memory is known, and writes it into the black box of each session."""
from __future__ import annotations

from typing import Any, Callable

from drivers.blackbox.layout import BoxOctets, pack
from drivers.blackbox.notes import GAP
from kernel.timer import S
from tools.appliance.black_box import BlackBox

CHUNK = 10 * S               # at rest the tape is packed so often: 1 ms of work on a PC
RECORD = 1 * S               # while a session is recorded: a power cut takes no more
KEYFRAME_EVERY = 600 * S     # at rest: a session's tape begins at the second last
KEPT = 1024 * 1024           # octets of packed tape at rest; what exceeds it is given up, and the next session cannot be played from its beginning
PART = 24 * 1024             # octets of packets in one sealed part: it must fit a datagram
ENTRIES = 32                 # of the journal in one, the same: a traceback has some KiB
NOTES = 1000                 # in one, the same: 5 KiB
OVERHEAD = 44                # octets of a packet's block besides its frame
Part = tuple[bytes, list[Any], list[Any]]


class BoxRecord:
    """`rest` and `record` are called while nothing, or a session, is recorded; `begin` and `end` make a session's file."""

    def __init__(self, black_box: BlackBox, write: Callable[[bytes], bool]) -> None:
        """`write(octets)`: into the file of the present session; False: no room."""
        self.black_box = black_box
        self.refused = 0                     # parts that found no room
        self.keyframes = 0
        self.given_up = 0                    # parts of the tape at rest, or of a session that slept, for which there was no more room
        self._write = write
        self._lives: list[tuple[dict[str, Any] | None, list[Part]]] = [(None, [])]      # keyframe (None: the box's beginning) and what came since
        self._held: list[Part] = []          # of a session that sleeps
        self._octets = 0
        self._keyframe_at = KEYFRAME_EVERY
        self._next = 0
        self._file: BoxOctets | None = None

    # --- nothing is recorded

    def rest(self, now: int, calm: bool) -> None:
        """`calm`: the outputs are at rest and nobody is plugged in, so the box may take a tenth of a second for itself."""
        if now < self._next:
            return
        self._next = now + CHUNK
        if calm and (now >= self._keyframe_at or not self._lives):
            self._take_keyframe(now)
        elif not self._lives:
            self.black_box.tape.take()       # nobody can play it: its beginning is not known
        else:
            self._keep()

    def _take_keyframe(self, now: int) -> None:
        if self._lives:
            self._keep()
        self.keyframes += 1
        self._keyframe_at = now + KEYFRAME_EVERY
        self.black_box.journal_flush()
        if self._lives:
            self._keep()
        else:
            self.black_box.tape.take()
        self._lives = [*self._lives[-1:], (self.black_box.keyframe(), [])]
        self._octets = sum(_size(part) for _, parts in self._lives for part in parts)

    def _keep(self) -> None:
        for part in self._parts():
            self._lives[-1][1].append(part)
            self._octets += _size(part)
        while self._octets > KEPT and self._lives:
            parts = self._lives.pop(0)[1]
            self.given_up += len(parts)
            self._octets -= sum(map(_size, parts))

    # --- a session

    def begin(self, epoch: int, more: dict[str, Any]) -> None:
        """`epoch`: ns since 1970 at which the box's clock stood at 0."""
        if self._lives:
            self._keep()
        keyframe, parts = self._best()
        self._file = BoxOctets(epoch)
        self._put(self.black_box.begin(self._file, {**more, **(keyframe or {})}))
        for part in parts:
            self._put(self._file.packed(*part))
        self._lives, self._octets, self._next = [], 0, 0

    def _best(self) -> tuple[dict[str, Any] | None, list[Part]]:
        """The older one of two lives, so that what was shortly before is there, with what came in the newer one."""
        if not self._lives:
            return None, self._parts()
        keyframe, parts = self._lives[0]
        return keyframe, [*parts, *(part for _, later in self._lives[1:] for part in later)]

    def record(self, now: int, *, all: bool = False) -> None:
        """About once a second. `all`: whatever there is, now."""
        if self._file is None or now < self._next and not all:
            return
        self._next = now + RECORD
        for part in (*self._held, *self._parts()):
            self._put(self._file.packed(*part))
        self._held, self._octets = [], 0

    def sleep(self, now: int) -> None:
        """Nothing goes on in the session: what comes is kept in memory until it does."""
        if now < self._next:
            return
        self._next = now + CHUNK
        for part in self._parts():
            self._held.append(part)
            self._octets += _size(part)
        if self._octets > KEPT:
            self.given_up += len(self._held)
            self._held, self._octets = [(pack([[GAP, "the session slept longer than there was room for"]]), [], [])], 0

    def end(self, now: int, verdict: dict[str, Any]) -> None:
        """The session is over; the next tape begins at the next keyframe."""
        if self._file is not None:
            self.record(now, all=True)
            self._put(self._file.end({**verdict, "statistics": self.black_box.statistics(), "refused_parts": self.refused, "given_up_parts": self.given_up, "lost_notes": self.black_box.tape.lost}))
            self._file = None
        self._next = self._keyframe_at = 0

    def _put(self, octets: bytes) -> None:
        if octets and not self._write(octets):
            self.refused += 1

    def _parts(self) -> list[Part]:
        """What the tape has, in parts of bounded size; packets before the notes that speak of them."""
        notes, packets, events = self.black_box.tape.take()
        parts: list[Part] = []
        some: list[Any] = []
        octets = 0
        for packet in packets:
            size = len(packet[3]) + OVERHEAD
            if octets + size > PART:
                parts.append((b"", some, []))
                some, octets = [], 0
            some.append(packet)
            octets += size
        for place in range(0, len(events), ENTRIES):
            parts.append((b"", some, events[place:place + ENTRIES]))
            some = []
        for place in range(0, len(notes), NOTES):
            parts.append((pack(notes[place:place + NOTES]), some, []))
            some = []
        if some:
            parts.append((b"", some, []))
        return parts


def _size(part: Part) -> int:
    return len(part[0]) + sum(len(packet[3]) + OVERHEAD for packet in part[1]) + 200 * len(part[2])
