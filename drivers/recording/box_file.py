"""The black box of a session as one growing file of bounded size: when it is full, its middle gives way; beginning and newest part stay."""
from __future__ import annotations

import os
from struct import Struct
from typing import Any

from drivers.atomic_file import SUFFIX, WRITE, sync_folder, write_all
from drivers.blackbox.layout import HASH_OCTETS, gap_block
from drivers.recording.pieces import APPEND, OpenFile

HEAD_SHARE, NEWEST_SHARE = 4, 2      # a quarter of the room is the beginning's; half of it is kept of the newest when the middle goes
COPY = 256 * 1024                    # octets copied at once
_BLOCK = Struct("<II")


class BoxFile(OpenFile):
    """As Pieces, for blocks that each end with a seal (drivers/blackbox/layout.py)."""

    def __init__(self, folder: str, name: str, octets: int, disk: Any = os) -> None:
        """Nothing is opened yet."""
        self._at = os.path.join(folder, name)
        self._octets = octets
        self._disk = disk
        self._size = 0
        self._ends: list[int] = []           # of the blocks that were appended, as far as this process knows
        self._head = 0                       # octets that stay for good
        self._given_up = 0                   # octets of the middle

    def append(self, data: bytes) -> None:
        """`data` ends with a seal. OSError: nothing of it is in the file."""
        if self._fd < 0:
            self._fd = self._disk.open(self._at, APPEND, 0o644)
            self._size = self._disk.fstat(self._fd).st_size
            self._ends = [self._size] if self._size else []
        if self._size + len(data) > self._octets and len(self._ends) > 2:
            self._make_room()
        try:
            write_all(self._fd, data, self._disk)
        except OSError:
            self._disk.ftruncate(self._fd, self._size)
            raise
        self._size += len(data)
        self._ends.append(self._size)
        if not self._head and self._size >= self._octets // HEAD_SHARE:
            self._head = self._size
        self._dirty = True

    def _make_room(self) -> None:
        """A new file without the middle takes the place of this one; a power cut leaves one of the two. What still needs room afterwards is too large for it."""
        head = self._head or self._ends[0]
        newest = next((end for end in self._ends if end > head and self._size - end <= self._octets // NEWEST_SHARE), self._size)
        if newest <= head:
            return
        source = self._disk.open(self._at, os.O_RDONLY)
        new = self._at + SUFFIX
        target = self._disk.open(new, WRITE, 0o644)
        try:
            after = self._disk.pread(source, HASH_OCTETS, newest - HASH_OCTETS - 4)       # of the seal before it, which a block's length ends
            self._copy(source, target, 0, head)
            gap = gap_block(self._given_up + newest - head, after)
            write_all(target, gap, self._disk)
            self._copy(source, target, newest, self._size)
            self._disk.fsync(target)
        finally:
            self._disk.close(source)
            self._disk.close(target)
        self._disk.replace(new, self._at)
        sync_folder(os.path.dirname(self._at), self._disk)
        self.close()
        self._fd = self._disk.open(self._at, APPEND, 0o644)
        self._given_up += newest - head
        moved = newest - head - len(gap)
        self._ends = [head, *(end - moved for end in self._ends if end > newest)]
        self._head = head
        self._size -= moved
        self._dirty = False

    def _copy(self, source: int, target: int, start: int, end: int) -> None:
        while start < end:
            data = self._disk.pread(source, min(COPY, end - start), start)
            if not data:
                raise OSError("the file is shorter than it was")
            write_all(target, data, self._disk)
            start += len(data)


def end_of_blocks(path: str | os.PathLike[str]) -> int:
    """Octets up to the last whole block."""
    size, place = os.stat(path).st_size, 0
    with open(path, "rb") as file:
        while place + 12 <= size:
            file.seek(place)
            kind, length = _BLOCK.unpack(file.read(8))
            if length < 12 or length % 4 or place + length > size or not kind:
                break
            file.seek(place + length - 4)
            if file.read(4) != length.to_bytes(4, "little"):
                break
            place += length
    return place
