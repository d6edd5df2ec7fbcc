"""Reads pcap and pcapng capture files, and writes pcap: recorded Ethernet frames with their times.

Formats: pcap (draft-ietf-opsawg-pcap) with microseconds or nanoseconds in both octet orders; pcapng
(draft-ietf-opsawg-pcapng) with several sections and interfaces. Memory is bounded by one block. Nothing here knows what
is inside a frame.
"""
from __future__ import annotations

from pathlib import Path
from struct import Struct
from typing import BinaryIO, Iterator

from kernel.record import dataclass

LINK_ETHERNET = 1                        # LINKTYPE_ETHERNET
MAX_FRAME = 256 * 1024                   # octets; libpcap's own upper bound of a snapshot (MAXIMUM_SNAPLEN)
MAX_BLOCK = MAX_FRAME + 64 * 1024        # a packet block: frame and options
MAX_NAME = 64                            # octets of an interface's name
MAX_INTERFACES = 1024                    # per section; a capture of a charging session has one or two
NS_PER_S = 1_000_000_000
_SKIP_STEP = 64 * 1024                   # blocks that are not ours are read away in pieces of this size

_PCAP_MAGIC = {                          # magic number as read -> (octet order, ns per unit of the fraction)
    bytes.fromhex("a1b2c3d4"): (">", 1000), bytes.fromhex("d4c3b2a1"): ("<", 1000),
    bytes.fromhex("a1b23c4d"): (">", 1), bytes.fromhex("4d3cb2a1"): ("<", 1),
}
_PCAPNG_MAGIC = bytes.fromhex("0a0d0d0a")
_EXPECTED = "expected a pcap file (magic a1b2c3d4 or a1b23c4d in either octet order) or a pcapng file (magic 0a0d0d0a)"

# pcapng block types
_SECTION_HEADER = 0x0A0D0D0A
_INTERFACE = 1
_OLD_PACKET = 2
_SIMPLE_PACKET = 3
_ENHANCED_PACKET = 6
_OURS = (_SECTION_HEADER, _INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _ENHANCED_PACKET)
_BLOCK_HEAD = 8                          # type and length
_OPTION_NAME = 2                         # of an interface
_OPTION_TSRESOL = 9
_OPTION_TSOFFSET = 14
_OPTION_FLAGS = 2                        # of an enhanced packet; its bits 0 and 1 are the direction
_DEFAULT_UNITS = 1_000_000               # if_tsresol absent: microseconds


class CaptureError(Exception):
    """The file is damaged. `frames` were read before it; `offset` is where in the file reading stopped, `reason` why."""

    def __init__(self, reason: str, offset: int, frames: int) -> None:
        super().__init__(f"after {frames} frames, at offset {offset}: {reason}")
        self.reason = reason
        self.offset = offset
        self.frames = frames


class NotACapture(CaptureError):
    """The file is no capture at all; `reason` names what was expected and what is there."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, 0, 0)

    def __str__(self) -> str:
        return self.reason


@dataclass(slots=True)
class CapturedFrame:
    """One frame: `at` ns since 1970 (or whatever epoch the file uses), `missing` octets that the capture cut off its end,
    `offset` of its record in the file, `number` counted from 1 like Wireshark does (who counts journal entries and custom blocks as well);
    `interface` by its number within the section; `direction`: 1 came in, 2 went out, 0 the file does not say."""

    number: int
    at: int
    data: bytes
    missing: int
    link: int
    offset: int
    interface: int = 0
    direction: int = 0


class CaptureReader:
    """Iterates over the frames of one file; raises NotACapture at once, CaptureError where the file is damaged.

    `offset` is how far the file was read, for a progress display. `zeros`: NUL octets that a power cut left at its end. `names`: of the interfaces
    of the present section, by their number ("": not named).
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.offset = 0
        self.frames = 0
        self.zeros = 0
        self.names: list[str] = []
        self._order = "<"
        magic = self._file.read(4)
        self.offset = len(magic)
        if magic in _PCAP_MAGIC:
            self._start = self._pcap_frames(*_PCAP_MAGIC[magic])
        elif magic == _PCAPNG_MAGIC:
            self._start = self._pcapng_frames()
        elif not magic:
            raise NotACapture(f"the file is empty; {_EXPECTED}")
        else:
            raise NotACapture(f"no capture file: {_EXPECTED}, it begins with {magic.hex()}")

    def __iter__(self) -> Iterator[CapturedFrame]:
        return self._start

    # --- both formats ---------------------------------------------------------------------------------------------

    def _error(self, reason: str, offset: int) -> CaptureError:
        return CaptureError(reason, offset, self.frames)

    def _read(self, size: int, what: str, start: int) -> bytes:
        """Exactly `size` octets of the record that began at `start`."""
        data = self._file.read(size)
        self.offset += len(data)
        if len(data) != size:
            raise self._error(f"the file ends within {what} ({len(data)} of {size} octets)", start)
        return data

    def _frame(self, at: int, data: bytes, original: int, link: int, offset: int, interface: int = 0, direction: int = 0) -> CapturedFrame:
        self.frames += 1
        return CapturedFrame(self.frames, at, data, max(0, original - len(data)), link, offset, interface, direction)

    # --- pcap -----------------------------------------------------------------------------------------------------

    def _pcap_frames(self, order: str, unit: int) -> Iterator[CapturedFrame]:
        header = Struct(order + "HHiIII")                # version, time zone, accuracy, snapshot length, link type
        major, _, _, _, _, link = header.unpack(self._read(header.size, "the file header", 0))
        if major != 2:
            raise self._error(f"pcap version {major}, only version 2 is known", 4)
        link &= 0x0FFFFFFF                               # the upper bits tell the length of the FCS
        record = Struct(order + "IIII")
        while True:
            start = self.offset
            head = self._file.read(record.size)
            self.offset += len(head)
            if not head:
                return
            if not any(head):                            # no frame has 0 octets: what a power cut leaves at the end of a file
                self._only_zeros(len(head), start)
                return
            if len(head) != record.size:
                raise self._error(f"the file ends within a record header ({len(head)} of {record.size} octets)", start)
            seconds, fraction, length, original = record.unpack(head)
            if length > MAX_FRAME:
                raise self._error(f"a frame of {length} octets cannot be, the limit is {MAX_FRAME}", start)
            data = self._read(length, "a frame", start)
            yield self._frame(seconds * NS_PER_S + fraction * unit, data, original, link, start)

    def _only_zeros(self, octets: int, start: int) -> None:
        """A file system that lost its power gives a growing file its new length before its data (boards.md 4: 8 to 64 NUL octets)."""
        while piece := self._file.read(_SKIP_STEP):
            if any(piece):
                raise self._error("NUL octets between frames", start)
            self.offset += len(piece)
            octets += len(piece)
        self.zeros = octets

    # --- pcapng ---------------------------------------------------------------------------------------------------

    def _pcapng_frames(self) -> Iterator[CapturedFrame]:
        interfaces: list[_Interface] = []
        last_at = 0                                      # simple packets carry no time: that of the frame before
        start = 0
        head = _PCAPNG_MAGIC + self._read(_BLOCK_HEAD - len(_PCAPNG_MAGIC), "the section header", 0)
        while head:
            if head[:4] == _PCAPNG_MAGIC:                # palindromic type: read the octet order before the length
                body = self._section_header(head, start)
                kind = _SECTION_HEADER
            else:
                kind, total = Struct(self._order + "II").unpack(head)
                body = self._block(kind, total, start)
            if kind == _SECTION_HEADER:
                interfaces = []
                self.names = []
            elif kind == _INTERFACE:
                if len(interfaces) >= MAX_INTERFACES:
                    raise self._error(f"more than {MAX_INTERFACES} interfaces in one section", start)
                interfaces.append(self._interface(body, start))
                self.names.append(interfaces[-1].name)
            elif kind in _OURS:
                frame = self._packet(kind, body, interfaces, last_at, start)
                last_at = frame.at
                yield frame
            start = self.offset
            head = self._file.read(_BLOCK_HEAD)
            self.offset += len(head)
            if 0 < len(head) < _BLOCK_HEAD:
                raise self._error(f"the file ends within a block header ({len(head)} of {_BLOCK_HEAD} octets)", start)

    def _section_header(self, head: bytes, start: int) -> bytes:
        magic = self._read(4, "the section header", start)
        if magic == bytes.fromhex("1a2b3c4d"):
            self._order = ">"
        elif magic == bytes.fromhex("4d3c2b1a"):
            self._order = "<"
        else:
            raise self._error(f"octet order mark {magic.hex()} of the section is not 1a2b3c4d", start)
        total = Struct(self._order + "I").unpack_from(head, 4)[0]
        body = self._block(_SECTION_HEADER, total, start, already=4)
        major = Struct(self._order + "H").unpack_from(body)[0]
        if major != 1:
            raise self._error(f"pcapng version {major}, only version 1 is known", start)
        return body

    def _block(self, kind: int, total: int, start: int, already: int = 0) -> bytes:
        """The body of a block (without what was read `already`); its length stands before and after it."""
        if total < 12 or total % 4:
            raise self._error(f"a block cannot be {total} octets long", start)
        size = total - 12 - already
        least = 12 if kind == _SECTION_HEADER else 0
        if size < least:
            raise self._error(f"a block of {total} octets is too short for its type", start)
        if kind in _OURS:
            if total > MAX_BLOCK:
                raise self._error(f"a block of {total} octets, the limit is {MAX_BLOCK}", start)
            body = self._read(size, "a block", start)
        else:
            body = b""                                   # name resolution, statistics, keys ...: not needed
            while size:
                size -= len(self._read(min(size, _SKIP_STEP), "a block", start))
        if Struct(self._order + "I").unpack(self._read(4, "a block", start))[0] != total:
            raise self._error("the two lengths of a block differ", start)
        return body

    def _interface(self, body: bytes, start: int) -> _Interface:
        if len(body) < 8:
            raise self._error("an interface description is too short", start)
        link, _, snapshot = Struct(self._order + "HHI").unpack_from(body)
        units, base, name = _DEFAULT_UNITS, 0, ""
        for code, value in self._options(body, 8):
            if code == _OPTION_TSRESOL and len(value) == 1:
                exponent = value[0] & 0x7F
                units = 1 << exponent if value[0] & 0x80 else 10 ** exponent
            elif code == _OPTION_NAME:
                name = value[:MAX_NAME].decode("utf-8", "replace")
            elif code == _OPTION_TSOFFSET and len(value) == 8:
                base = Struct(self._order + "q").unpack(value)[0] * NS_PER_S
        return _Interface(link, snapshot, units, base, name)

    def _options(self, body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
        """(code, value) of those that follow the fixed part of a block, up to their end or to damage, which costs only options."""
        head = Struct(self._order + "HH")
        while at + 4 <= len(body):
            code, length = head.unpack_from(body, at)
            value = body[at + 4:at + 4 + length]
            if code == 0 or len(value) != length:
                return
            yield code, value
            at += 4 + (length + 3 & ~3)

    def _packet(self, kind: int, body: bytes, interfaces: list[_Interface], last_at: int, start: int) -> CapturedFrame:
        if kind == _SIMPLE_PACKET:
            head = Struct(self._order + "I")
        elif kind == _ENHANCED_PACKET:
            head = Struct(self._order + "IIIII")
        else:
            head = Struct(self._order + "HHIIII")
        if len(body) < head.size:
            raise self._error("a packet block is too short", start)
        fields = head.unpack_from(body)
        index = 0 if kind == _SIMPLE_PACKET else fields[0]
        if index >= len(interfaces):
            raise self._error(f"a packet of interface {index}, which the section does not describe", start)
        interface = interfaces[index]
        if kind == _SIMPLE_PACKET:
            original = fields[0]
            length = min(original, interface.snapshot or original)
            at = last_at
        else:
            high, low, length, original = fields[-4:]
            at = interface.base + (high << 32 | low) * NS_PER_S // interface.units
        if length > len(body) - head.size:
            raise self._error(f"a packet of {length} octets in a block with room for {len(body) - head.size}", start)
        direction = 0
        if kind == _ENHANCED_PACKET:
            for code, value in self._options(body, head.size + (length + 3 & ~3)):
                if code == _OPTION_FLAGS and len(value) == 4:
                    direction = Struct(self._order + "I").unpack(value)[0] & 3
        return self._frame(at, body[head.size:head.size + length], original, interface.link, start, index, direction)


@dataclass(slots=True)
class _Interface:
    """What an interface description block says: link type, snapshot length (0 = none), units per second, base in ns, name ("": none)."""

    link: int
    snapshot: int
    units: int
    base: int
    name: str = ""


RECORD = Struct("<IIII")                 # seconds, fraction, length here, length on the wire


def pcap_head(nanoseconds: bool = True) -> bytes:
    """What every pcap file of ours begins with."""
    return Struct("<IHHiIII").pack(0xA1B23C4D if nanoseconds else 0xA1B2C3D4, 2, 4, 0, 0, MAX_FRAME, LINK_ETHERNET)


def pcap_record(at: int, frame: bytes, unit: int = 1) -> bytes:
    """One frame without FCS, `at` ns since 1970; what exceeds MAX_FRAME octets is cut, with the true length noted. ValueError: a time that pcap cannot express.

    `unit`: ns of the fraction, 1 or 1000.
    """
    seconds, fraction = divmod(at, NS_PER_S)
    if not 0 <= seconds <= 0xFFFFFFFF:
        raise ValueError(f"pcap cannot express the time {at} ns")
    data = frame[:MAX_FRAME]
    return RECORD.pack(seconds, fraction // unit, len(data), len(frame)) + data


class PcapWriter:
    """Writes Ethernet frames to a pcap file that Wireshark opens.

    `epoch_ns` is added to each time: ns since 1970 at which the clock of the frames stood at 0 (virtual time begins
    at 0). Raises OSError when the file cannot be written, ValueError for a time that pcap cannot express.
    """

    BUFFER = 64 * 1024

    def __init__(self, path: str | Path, *, nanoseconds: bool = True, epoch_ns: int = 0) -> None:
        self._file: BinaryIO = open(path, "wb", buffering=self.BUFFER)
        self._unit = 1 if nanoseconds else 1000
        self._epoch = epoch_ns
        self.frames = 0
        self._file.write(pcap_head(nanoseconds))

    def write(self, at_ns: int, frame: bytes) -> None:
        """One frame without FCS."""
        self._file.write(pcap_record(at_ns + self._epoch, frame, self._unit))
        self.frames += 1

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        """Write out what is buffered; closing twice is harmless."""
        self._file.close()

    def __enter__(self) -> PcapWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
