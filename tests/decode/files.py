"""Writes capture files octet by octet, in every variant, independent of the project's own writer."""
from __future__ import annotations

from struct import pack

MAGIC = {1000: 0xA1B2C3D4, 1: 0xA1B23C4D}


def pcap(frames, order="<", unit=1000, link=1, cut=None):
    """`frames`: (time in ns, octets)."""
    out = pack(order + "IHHiIII", MAGIC[unit], 2, 4, 0, 0, 262144, link)
    for at, data in frames:
        kept = data if cut is None else data[:cut]
        out += pack(order + "IIII", at // 10**9, at % 10**9 // unit, len(kept), len(data)) + kept
    return out


def block(kind, body, order="<"):
    body += bytes(-len(body) % 4)
    size = pack(order + "I", len(body) + 12)
    return pack(order + "I", kind) + size + body + size


def section(order="<"):
    return block(0x0A0D0D0A, pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def options(pairs, order="<"):
    out = b""
    for code, value in pairs:
        out += pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)
    return out + (pack(order + "HH", 0, 0) if pairs else b"")


def interface(order="<", link=1, snapshot=0, pairs=()):
    return block(1, pack(order + "HHI", link, 0, snapshot) + options(pairs, order), order)


def packet(data, ticks, order="<", index=0, original=None, pairs=()):
    body = pack(order + "IIIII", index, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data) if original is None else original)
    return block(6, body + data + bytes(-len(data) % 4) + options(pairs, order), order)


def simple(data, order="<", original=None):
    return block(3, pack(order + "I", len(data) if original is None else original) + data, order)


def old_packet(data, ticks, order="<", index=0):
    return block(2, pack(order + "HHIIII", index, 0, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data)) + data, order)
