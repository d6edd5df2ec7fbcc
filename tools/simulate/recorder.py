"""Everything that crossed a node's network interface: into the pcap file and into the trace hash."""
from __future__ import annotations

import hashlib
import struct
from typing import Protocol


STAMP = struct.Struct("<q?").pack


class FrameSink(Protocol):
    def write(self, at_ns: int, frame: bytes) -> None: ...


class Recorder:
    """The tap of one node. Equal seeds give equal hashes: the hash covers time, direction and octets of every frame."""

    def __init__(self, sink: FrameSink | None = None) -> None:
        self._hash = hashlib.blake2b(digest_size=8)
        self._sink = sink
        self.frames = 0
        self.octets = 0

    def tap(self, at: int, frame: bytes, outgoing: bool) -> None:
        self.frames += 1
        self.octets += len(frame)
        self._hash.update(STAMP(at, outgoing) + frame)
        if self._sink is not None:
            self._sink.write(at, frame)

    def digest(self) -> str:
        """Hexadecimal hash of everything tapped so far."""
        return self._hash.hexdigest()
