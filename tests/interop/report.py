"""What a capture tells: frames by kind, V2G requests with the time to their response."""
from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Iterator

HOMEPLUG = 0x88E1
IPV6 = 0x86DD
TCP = 6
UDP = 17
ICMPV6 = 58
V2GTP_VERSION = b"\x01\xfe"


class CaptureError(Exception):
    """The file is not a capture that this module writes."""


@dataclass(slots=True)
class Figures:
    """Counts of one capture; times in ms as seen at the charger's end of the wire."""

    frames: int = 0
    homeplug: int = 0
    neighbor: int = 0
    sdp: int = 0
    tcp: int = 0
    resets: int = 0
    requests: int = 0
    response_ms: list[float] = field(default_factory=list)

    def quantile(self, part: float) -> float | None:
        return quantile(self.response_ms, part)


def quantile(values: list[float], part: float) -> float | None:
    """The value below which `part` of all lie; None without values."""
    if not values:
        return None
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(ns since 1970, frame) of a pcap in ns; a record cut off at the end is left out."""
    if len(data) < 24 or struct.unpack_from("<I", data)[0] != 0xA1B23C4D:
        raise CaptureError("not a pcap file with ns time stamps")
    at = 24
    while at + 16 <= len(data):
        seconds, ns, length, _ = struct.unpack_from("<IIII", data, at)
        if at + 16 + length > len(data):
            return
        yield seconds * 10**9 + ns, data[at + 16:at + 16 + length]
        at += 16 + length


def figures(data: bytes, pev_mac: bytes) -> Figures:
    """Counts, and the time from each V2G message of the car to the next one of the charger. A segment that TCP sends again is no second message."""
    out = Figures()
    asked: int | None = None
    seen: set[bytes] = set()             # sender, ports and sequence number of the segments that begin a message
    for at, frame in frames(data):
        out.frames += 1
        if len(frame) < 14:
            continue
        ethertype = int.from_bytes(frame[12:14], "big")
        if ethertype == HOMEPLUG:
            out.homeplug += 1
        if ethertype != IPV6 or len(frame) < 54:
            continue
        header, payload = frame[20], frame[54:54 + int.from_bytes(frame[18:20], "big")]
        if header == ICMPV6:
            out.neighbor += 1
        elif header == UDP:
            out.sdp += payload[8:10] == V2GTP_VERSION
        elif header == TCP and len(payload) >= 20:
            out.tcp += 1
            out.resets += bool(payload[13] & 4)
            if payload[(payload[12] >> 4) * 4:][:2] != V2GTP_VERSION:
                continue
            which = frame[6:12] + payload[:8]
            if which in seen:
                continue
            seen.add(which)
            if frame[6:12] == pev_mac:
                out.requests += 1
                asked = at
            elif asked is not None:
                out.response_ms.append((at - asked) / 1e6)
                asked = None
    return out
