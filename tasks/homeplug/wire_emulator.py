"""Octets of the announcement that emulated modems exchange; no real modem speaks or hears it.

A vendor indication under EtherType 0x88E1 with a locally administered OUI, so that it collides with no manufacturer.
It carries a digest of the key, never the key.
"""
from __future__ import annotations

from hashlib import sha256
from typing import ClassVar

from kernel.record import dataclass
from tasks.errors import WireError
from tasks.homeplug.wire_header import BROADCAST, emit_frame, need, read_header

OUI_EMULATOR = b"\x02\xcc\x5b"         # bit 1 of the first octet: locally administered
VERSION = 1
DIGEST_LENGTH = 8


def key_digest(nid: bytes, nmk: bytes) -> bytes:
    """What two modems compare instead of the key."""
    return sha256(b"emulated modem" + nid + nmk).digest()[:DIGEST_LENGTH]


@dataclass(slots=True)
class Beacon:
    """I am a modem (`src`), my host is `host_mac`, my network is `nid` with the key of this digest. `alive` False: restarting.

    `coordinator`: a charger's modem, whose beacons keep the others awake. `never_cco`: set up never to be one; two such modems alone form no network.
    `period_ms`: when the next one comes; who misses several is gone.
    """

    MMTYPE: ClassVar[int] = 0xBFFE
    src: bytes
    host_mac: bytes
    nid: bytes
    digest: bytes
    alive: bool
    coordinator: bool = False
    never_cco: bool = False
    period_ms: int = 0

    @classmethod
    def parse(cls, frame: bytes) -> Beacon:
        """Raises WireError for everything that is not a beacon of our version."""
        h = read_header(frame)
        need(frame, 47)
        if h.mmv != 0 or h.mmtype != cls.MMTYPE or frame[17:20] != OUI_EMULATOR or frame[20] != VERSION:
            raise WireError("not a beacon")
        return cls(h.src, frame[21:27], frame[27:34], frame[34:42], frame[42] == 1, frame[43] == 1, frame[44] == 1, frame[45] | frame[46] << 8)

    def emit(self) -> bytes:
        return emit_frame(BROADCAST, self.src, 0, self.MMTYPE, OUI_EMULATOR + bytes((VERSION,)) + self.host_mac + self.nid
                          + self.digest + bytes((self.alive, self.coordinator, self.never_cco)) + self.period_ms.to_bytes(2, "little"))


BEACON_MARK = b"\x88\xe1\x00\xfe\xbf" + OUI_EMULATOR
"""Octets 12 to 19 of every beacon: EtherType, MMV, MMTYPE, OUI."""
