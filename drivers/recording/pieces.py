"""One growing file of a session in pieces of bounded size: the beginning and the newest part are kept, what lies between goes first."""
from __future__ import annotations

import os
from typing import Any

from drivers.atomic_file import write_all

APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND


class OpenFile:
    """The file that is written now: what both kinds of growing files do with it."""

    _fd = -1
    _dirty = False
    _disk: Any
    _at = ""                 # its path

    def sync(self) -> None:
        """On the disk when this returns. OSError also when the file is no longer where it was made."""
        if self._dirty:
            self._disk.fdatasync(self._fd)
            self._dirty = False

    def gone(self) -> bool:
        """Somebody has taken the file away: what is written goes nowhere."""
        if self._fd < 0:
            return False
        try:
            return self._disk.stat(self._at).st_ino != self._disk.fstat(self._fd).st_ino
        except OSError:
            return True

    def close(self) -> None:
        """Closing twice is harmless."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            self._disk.close(fd)


class Pieces(OpenFile):
    """STEM.EXT, then STEM-2.EXT and so on. A piece that a disk did not take whole is cut back to what it had."""

    def __init__(self, folder: str, stem: str, extension: str, head: bytes, octets: int, newest: int, disk: Any = os) -> None:
        """`head`: what each file begins with. `octets` of one piece; `newest`: pieces kept beside the first one. Nothing is opened yet."""
        self._folder = folder
        self._stem = stem
        self._extension = extension
        self._head = head
        self._octets = octets
        self._newest = newest
        self._disk = disk
        self._number = 1
        self._size = 0

    def append(self, data: bytes) -> None:
        """`data` is one block of whole records. OSError: nothing of it is in the file."""
        if self._fd < 0:
            self._open()
        elif self._size + len(data) > self._octets and self._size > len(self._head):
            self._turn()
        try:
            write_all(self._fd, data, self._disk)
        except OSError:
            self._disk.ftruncate(self._fd, self._size)       # half a block would hide what comes after it
            raise
        self._size += len(data)
        self._dirty = True

    def _open(self) -> None:
        """Goes on with the newest piece that is there."""
        there = (name[len(self._stem):-len(self._extension)] for name in self._disk.listdir(self._folder)
                 if name.startswith(self._stem + "-") and name.endswith(self._extension))
        self._number = max([self._number, *(int(number[1:]) for number in there if number[1:].isdecimal())])
        self._at = self._path(self._number)
        self._fd = self._disk.open(self._at, APPEND, 0o644)
        self._size = self._disk.fstat(self._fd).st_size
        if not self._size:
            try:
                write_all(self._fd, self._head, self._disk)
            except OSError:
                self._disk.ftruncate(self._fd, 0)
                self.close()
                raise
            self._size = len(self._head)

    def _turn(self) -> None:
        """The next piece; the oldest but the first one goes."""
        self.sync()
        self.close()
        self._number += 1
        old = self._number - self._newest
        if old > 1 and os.path.exists(self._path(old)):
            self._disk.unlink(self._path(old))
        self._open()

    def _path(self, number: int) -> str:
        return os.path.join(self._folder, f"{self._stem}{'' if number == 1 else f'-{number}'}{self._extension}")
