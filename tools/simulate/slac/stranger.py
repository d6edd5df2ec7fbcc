"""A modem that goes on telling our station something encrypted: CM_ENCRYPTED_PAYLOAD.RSP every 600 ms, as in the captures of 2025-01-21 (sheet 8.1)."""
from __future__ import annotations

from drivers.interfaces import Nic
from kernel.timer import MS
from tasks.homeplug.wire_header import ETHERTYPE

INTERVAL = 600 * MS
CM_ENCRYPTED_PAYLOAD_RSP = b"\x07\x60"           # MMTYPE 0x6007, little endian
PAYLOAD = bytes(range(64))                       # nobody but the sender knows what it says


class Stranger:
    """A node of a simulated line. `sent` counts."""

    def __init__(self, nic: Nic, victim: bytes) -> None:
        self.nic = self
        self.sent = 0
        self._inner = nic
        self._frame = victim + nic.mac + ETHERTYPE + b"\x01" + CM_ENCRYPTED_PAYLOAD_RSP + b"\0\0" + PAYLOAD
        self._at = 0

    def next_event(self) -> int:
        return self._at

    due = next_event

    def step(self, now: int) -> None:
        self._inner.receive(64, now)             # heard, not understood
        if now >= self._at:
            self._at = now + INTERVAL
            self.sent += 1
            self._inner.send(self._frame, now)
