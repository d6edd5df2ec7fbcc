"""Reads what a logic analyser saw on the SPI of a QCA7000/7005: a CSV of octets with times becomes Ethernet frames.

A header line names the columns; wanted are a time in seconds and MOSI and MISO in hexadecimal (`0xAA`, `AA`, or several octets
with blanks between). Framing (slac-and-network sheet 4.2): AA AA AA AA, length as u16 little endian, two octets 0, the Ethernet
frame, 55 55. MOSI carries what the host sends, MISO what it receives; commands and registers between frames are passed over.
"""
from __future__ import annotations

import csv
from io import BytesIO
from typing import BinaryIO, Iterator

from drivers.capture_file import LINK_ETHERNET, NS_PER_S, CaptureError, CapturedFrame, CaptureReader, NotACapture

START = b"\xaa\xaa\xaa\xaa"
END = b"\x55\x55"
HEAD = 8                     # start, length, two zeros
MIN_LENGTH, MAX_LENGTH = 60, 1522        # of a frame: MTU 46 to 1500, header, VLAN tag (sheet 4.2)
MAX_LINE = 64 * 1024         # octets of one line of the CSV
STEP = 64 * 1024
PEEK = 4                     # octets that tell a capture from a CSV
EXPECTED = "expected a header line with a time column, MOSI and MISO, like `Time [s],Packet ID,MOSI,MISO`"


class SpiTrace:
    """Iterates over the frames like CaptureReader; `broken` counts frames whose end was not where their length says."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.offset = 0
        self.frames = 0
        self.broken = 0
        self._lines = self._read_lines()
        header = next(self._lines, "")
        names = [name.strip().strip('"').lower() for name in header.split(",")]
        columns = [next((n for n, name in enumerate(names) if name.startswith(wanted)), -1) for wanted in ("time", "mosi", "miso")]
        if min(columns) < 0:
            raise NotACapture(f"as an SPI trace: {EXPECTED}, it begins with {header[:60]!r}")
        self._columns = columns

    def __iter__(self) -> Iterator[CapturedFrame]:
        directions = (_Direction(), _Direction())
        time_at, mosi_at, miso_at = self._columns
        for number, row in enumerate(csv.reader(self._lines), 2):
            if not row:
                continue
            try:
                at = int(float(row[time_at]) * NS_PER_S)
                octets = _octets(row[mosi_at]), _octets(row[miso_at])
            except (ValueError, IndexError, OverflowError):
                said = ",".join(row)[:60]
                raise CaptureError(f"line {number}: expected seconds and hexadecimal octets, it says {said!r}", self.offset, self.frames) from None
            for direction, new in zip(directions, octets):
                for frame in direction.take(new):
                    self.frames += 1
                    yield CapturedFrame(self.frames, at, frame, 0, LINK_ETHERNET, self.offset)
            self.broken = directions[0].broken + directions[1].broken

    def _read_lines(self) -> Iterator[str]:
        """Lines of bounded length."""
        rest = b""
        while True:
            octets = self._file.read(STEP)
            lines = (rest + octets).split(b"\n")
            rest = lines.pop()
            for line in lines:
                self.offset += len(line) + 1
                yield line.decode("ascii", "replace")
            if len(rest) > MAX_LINE:
                raise CaptureError(f"a line of more than {MAX_LINE} octets", self.offset, self.frames)
            if not octets:
                if rest:
                    yield rest.decode("ascii", "replace")
                return


class _Direction:
    """One wire: finds frames in its octets."""

    def __init__(self) -> None:
        self._octets = bytearray()
        self.broken = 0

    def take(self, new: bytes) -> Iterator[bytes]:
        octets = self._octets
        octets += new
        while True:
            at = octets.find(START)
            if at < 0:
                del octets[:-(len(START) - 1)]       # a start may be half here
                return
            del octets[:at]
            if len(octets) < HEAD:
                return
            length = octets[4] | octets[5] << 8
            if octets[6] or octets[7] or not MIN_LENGTH <= length <= MAX_LENGTH:
                del octets[:1]                       # AA AA AA AA within a frame, or five of them
                continue
            end = HEAD + length
            if len(octets) < end + len(END):
                return
            if octets[end:end + len(END)] == END:
                yield bytes(octets[HEAD:end])
                del octets[:end + len(END)]
            else:
                self.broken += 1
                del octets[:1]


def _octets(text: str) -> bytes:
    return bytes.fromhex(text.replace("0x", "").replace("0X", ""))


class _Peeked:
    """A file of which some octets have been looked at."""

    def __init__(self, file: BinaryIO, head: bytes) -> None:
        self._file = file
        self._head = head

    def read(self, size: int) -> bytes:
        if not self._head:
            return self._file.read(size)
        taken, self._head = self._head[:size], self._head[size:]
        return taken if len(taken) == size else taken + self._file.read(size - len(taken))


def open_reader(file: BinaryIO) -> CaptureReader | SpiTrace:
    """What the first octets say it is: text is an SPI trace, anything else a capture. NotACapture when it is neither."""
    head = file.read(PEEK)
    whole: BinaryIO = _Peeked(file, head)        # type: ignore[assignment]
    if len(head) == PEEK and head.isascii() and head.decode().isprintable():
        try:
            return SpiTrace(whole)
        except NotACapture as no_trace:
            try:
                return CaptureReader(BytesIO(head))
            except NotACapture as no_capture:
                raise NotACapture(f"{no_capture}; {no_trace}") from None
    return CaptureReader(whole)
