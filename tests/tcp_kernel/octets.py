"""The octets of a transfer: both ends make the same stream from its number, so that nothing but the stream itself travels."""
from __future__ import annotations

import hashlib
import random


def stream(seed: int, size: int) -> bytes:
    return random.Random(f"stream {seed}").randbytes(size)


def sha256(data: bytes | bytearray) -> str:
    return hashlib.sha256(data).hexdigest()
