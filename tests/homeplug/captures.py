"""Reads the HomePlug frames of the captures beside the repository; tests skip when they are not there."""
from __future__ import annotations

import struct
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "captures"


def capture_files() -> list[Path]:
    if not FOLDER.is_dir():
        pytest.skip(f"no captures at {FOLDER}")
    return sorted(p for p in FOLDER.iterdir() if p.suffix in (".pcap", ".pcapng"))


def homeplug_frames(path: Path) -> list[bytes]:
    """Every frame with EtherType 0x88E1 of one pcap or pcapng file (Ethernet link type)."""
    data = path.read_bytes()
    frames = _pcapng(data) if data[:4] == b"\x0a\x0d\x0d\x0a" else _pcap(data)
    return [f for f in frames if f[12:14] == b"\x88\xe1"]


def _pcap(data: bytes) -> list[bytes]:
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    at, frames = 24, []
    while at + 16 <= len(data):
        length = struct.unpack_from(order + "I", data, at + 8)[0]
        frames.append(data[at + 16:at + 16 + length])
        at += 16 + length
    return frames


def _pcapng(data: bytes) -> list[bytes]:
    at, frames, order = 0, [], "<"
    while at + 12 <= len(data):
        if data[at:at + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if data[at + 8:at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
        kind, length = struct.unpack_from(order + "II", data, at)
        if kind == 6:                                      # enhanced packet block
            captured = struct.unpack_from(order + "I", data, at + 20)[0]
            frames.append(data[at + 28:at + 28 + captured])
        at += max(length, 12)
    return frames
