"""Initial sequence numbers that nobody outside can guess (RFC 6528)."""
from __future__ import annotations

from hashlib import sha256
from typing import Any

TICK = 4_000             # ns: the 4 us clock of RFC 9293 3.4.1


class InitialSequence:
    """A clock of 4 us plus a keyed hash of the four-tuple; the key comes from `rng` once."""

    __slots__ = ("_key",)

    def __init__(self, rng: Any) -> None:
        self._key = rng.getrandbits(256).to_bytes(32, "big")

    def __call__(self, src: bytes, src_port: int, dst: bytes, dst_port: int, now: int) -> int:
        ports = src_port.to_bytes(2, "big") + dst_port.to_bytes(2, "big")
        digest = sha256(self._key + src + dst + ports).digest()
        return int.from_bytes(digest[:4], "big") + now // TICK & 0xFFFFFFFF
