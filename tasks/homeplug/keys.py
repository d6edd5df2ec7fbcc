"""Network keys: a fresh random membership key, and the network identifier that follows from it."""
from __future__ import annotations

from hashlib import sha256

NMK_LENGTH = 16
NID_LENGTH = 7
NID_ROUNDS = 5           # SHA-256 five times; verified on 14 pairs of nine real chargers (slac-and-network sheet 2.6)


def new_nmk(rng) -> bytes:
    """16 random octets, new for every plug-in. `rng` must be random.SystemRandom on a real appliance."""
    return rng.randbytes(NMK_LENGTH)


def nid_from_nmk(nmk: bytes, security_level: int = 0) -> bytes:
    """The 7-octet NID that belongs to a key; the last octet carries the security level in its upper nibble."""
    digest = nmk
    for _ in range(NID_ROUNDS):
        digest = sha256(digest).digest()
    return digest[:6] + bytes((digest[6] >> 4 | security_level << 4,))
