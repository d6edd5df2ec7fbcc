"""Replaces a small file as a whole: whenever the power fails, the old content or the new one is there, never half of it.

Data before name, name before it counts as written: a file of its own, fsync, rename, fsync of the folder (boards.md 4: 12 of 12 power cuts
survived; without fsync the file was empty or missing). It waits for the disk: never call it within a tick.
"""
from __future__ import annotations

import os
from typing import Iterable, Protocol

SUFFIX = ".new"
WRITE, FOLDER = os.O_WRONLY | os.O_CREAT | os.O_TRUNC, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)


class Disk(Protocol):
    """What is wanted of the operating system; OSError when it refuses. The module `os` has it all."""

    def open(self, path: str, flags: int, mode: int = 0o777) -> int: ...

    def read(self, fd: int, octets: int) -> bytes: ...

    def write(self, fd: int, data: bytes) -> int: ...

    def fsync(self, fd: int) -> None: ...

    def close(self, fd: int) -> None: ...

    def replace(self, old: str, new: str) -> None: ...


def replace_file(path: str, texts: Iterable[str], disk: Disk = os, mode: int = 0o644) -> None:      # type: ignore[assignment]
    """`path` has this content afterwards, and keeps it. OSError: it has its old one; what a failure leaves in PATH.new, the next one overwrites."""
    new = path + SUFFIX
    fd = disk.open(new, WRITE, mode)
    try:
        for text in texts:
            write_all(fd, text.encode("utf-8"), disk)
        disk.fsync(fd)
    finally:
        disk.close(fd)
    disk.replace(new, path)
    sync_folder(os.path.dirname(path) or ".", disk)


def write_all(fd: int, data: bytes, disk: Disk = os) -> None:      # type: ignore[assignment]
    """All of it: a disk may take less than it is given."""
    while data:
        taken = disk.write(fd, data)
        if not taken:
            raise OSError("it takes nothing more")
        data = data[taken:]


def sync_folder(path: str, disk: Disk = os) -> None:      # type: ignore[assignment]
    """The names in it last."""
    fd = disk.open(path, FOLDER)
    try:
        disk.fsync(fd)
    finally:
        disk.close(fd)
