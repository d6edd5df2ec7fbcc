"""Checksums that battery managements put into their frames. Pure."""
from __future__ import annotations

from typing import Callable

Checksum = Callable[[int, int, bytes], int]      # identifier, length of the whole frame, the other octets


def _crc8(polynomial: int) -> Checksum:
    """Start and final XOR 0xFF, not reflected."""
    table = []
    for octet in range(256):
        for _ in range(8):
            octet = (octet << 1 ^ polynomial if octet & 0x80 else octet << 1) & 0xFF
        table.append(octet)
    steps = bytes(table)

    def crc(id: int, length: int, octets: bytes) -> int:
        value = 0xFF
        for octet in octets:
            value = steps[value ^ octet]
        return value ^ 0xFF

    return crc


def _sum8(id: int, length: int, octets: bytes) -> int:
    return sum(octets) & 0xFF


def _sum8_id_length(id: int, length: int, octets: bytes) -> int:
    return (id + length + sum(octets)) & 0xFF


def _xor8(id: int, length: int, octets: bytes) -> int:
    value = 0
    for octet in octets:
        value ^= octet
    return value


KINDS: dict[str, Checksum] = {
    "crc8_j1850": _crc8(0x1D),           # SAE J1850; AUTOSAR CRC8
    "crc8_h2f": _crc8(0x2F),             # AUTOSAR CRC8H2F
    "sum8": _sum8,
    "sum8_id_length": _sum8_id_length,   # identifier and length are added
    "xor8": _xor8,
}
