"""A capture file (pcap, pcapng) or an SPI trace as CSV: frames and nothing else."""
from __future__ import annotations

from pathlib import Path
from typing import Iterator

from drivers.capture_file import CapturedFrame, NotACapture
from drivers.spi_trace import open_reader
from tools.explain.sources.material import Material, Unreadable


class CaptureSource:
    """The last one asked: it claims every file, and says of one that is none what was expected."""

    def claims(self, path: Path) -> bool:
        return path.is_file()

    def read(self, path: Path) -> Material:
        with open(path, "rb") as file:
            try:
                open_reader(file)
            except NotACapture as what:
                raise Unreadable(str(what)) from None
        return Material(path.name, path.suffix.lstrip(".").lower() or "capture", frames_of(path))


def frames_of(path: Path) -> Iterator[CapturedFrame]:
    """The frames of one file, which is open only while they are read."""
    with open(path, "rb") as file:
        yield from open_reader(file)
