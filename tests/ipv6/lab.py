"""Frames of a scripted neighbour, and the captures beside the repository."""
from __future__ import annotations

import random
from typing import Any, Iterator

from tasks.ethernet import wire as ethernet
from tasks.ipv6 import wire
from tasks.ipv6.config import Ipv6Config
from tasks.ipv6.host import Host
from tasks.ipv6.wire import ICMPV6, Ipv6, NeighborMessage
from tasks.messages import Packet
from tests.captures import capture_files, captured

OUR_MAC = bytes.fromhex("e00ee1ffd3e2")          # sheet 5.2: the Ioniq of the golden session
OURS = bytes.fromhex("fe80000000000000e20ee1fffeffd3e2")
THEIR_MAC = bytes.fromhex("52ad9207328b")        # its alpitronic charger
THEIRS = bytes.fromhex("fe8000000000000050ad92fffe07328b")
GROUP = bytes.fromhex("ff0200000000000000000001ffffd3e2")

# sheet 5.2 and 5.5, real frames
REAL_REQUEST = bytes.fromhex("333300000001e00ee1ffd3e286dd600000000012110afe80000000000000e20ee1fffeffd3e2ff020000000000000000000000000001d36d3b0e0012bad701fe9000000000021000")
REAL_RESPONSE = bytes.fromhex("e00ee1ffd3e252ad9207328b86dd600b054f00241140fe8000000000000050ad92fffe07328bfe80000000000000e20ee1fffeffd3e23b0ed36d0024cc7b01fe900100000014fe8000000000000050ad92fffe07328bc7a61000")
REAL_NS = bytes.fromhex("3333ffffd3e252ad9207328b86dd6000000000203afffe8000000000000050ad92fffe07328bff0200000000000000000001ffffd3e28700e54900000000fe80000000000000e20ee1fffeffd3e2010152ad9207328b")
REAL_NA = bytes.fromhex("52ad9207328be00ee1ffd3e286dd6000000000203afffe80000000000000e20ee1fffeffd3e2fe8000000000000050ad92fffe07328b8800420c60000000fe80000000000000e20ee1fffeffd3e20201e00ee1ffd3e2")


def host(duplicate_detection: bool = False) -> Host:
    return Host(OUR_MAC, Ipv6Config(duplicate_detection=duplicate_detection), random.Random(1))


def frame(payload: bytes, next_header: int = ICMPV6, *, src: bytes = THEIRS, dst: bytes = OURS, hop_limit: int = 255,
          src_mac: bytes = THEIR_MAC, dst_mac: bytes | None = None) -> bytes:
    if dst_mac is None:
        dst_mac = wire.multicast_mac(dst) if dst[0] == 0xFF else OUR_MAC
    return ethernet.emit(dst_mac, src_mac, ethernet.ETHERTYPE_IPV6, wire.emit_ipv6(src, dst, next_header, hop_limit, payload))


def solicitation(target: bytes = OURS, link_layer: bytes | None = THEIR_MAC, src: bytes = THEIRS, dst: bytes = GROUP,
                 **more: Any) -> bytes:
    return frame(wire.emit_neighbor(NeighborMessage(135, 0, target, link_layer), src, dst), src=src, dst=dst, **more)


def advertisement(flags: int = 0x60, target: bytes = THEIRS, link_layer: bytes | None = THEIR_MAC, src: bytes = THEIRS,
                  dst: bytes = OURS, **more: Any) -> bytes:
    return frame(wire.emit_neighbor(NeighborMessage(136, flags, target, link_layer), src, dst), src=src, dst=dst, **more)


def give(h: Host, data: bytes, now: int = 0) -> list[bytes]:
    """One frame to the host; the frames it sends at once."""
    h.receive(Packet(now, data), now)
    return h.outgoing()


def unpack(data: bytes) -> tuple[bytes, Ipv6]:
    """(destination MAC, packet) of a frame that we sent; its ICMPv6 checksum is right."""
    dst_mac, src_mac, kind = ethernet.parse(data)
    assert kind == ethernet.ETHERTYPE_IPV6 and src_mac == OUR_MAC
    packet = wire.parse_ipv6(data, 14)
    if packet.next_header == ICMPV6:
        assert wire.icmpv6_intact(packet.payload, packet.src, packet.dst)
    return dst_mac, packet


def advance(h: Host, until: int) -> list[tuple[int, bytes]]:
    """Run all timers up to `until`: (time, frame) of what was sent."""
    out = []
    while h.next_timer() <= until:
        now = h.next_timer()
        h.handle_timer(now)
        out += [(now, f) for f in h.outgoing()]
    return out


# --- captures -----------------------------------------------------------------------------------------------------

SPI_TRACE = "spi_ioniq_alpiHYC150"


def captured_ipv6(name: str = "") -> Iterator[bytes]:
    """IPv6 frames of the captures whose file name begins with `name`; skips the test when there are none."""
    for path in capture_files(name):
        yield from captured(path, 0x86DD)
