"""What the bridge does to a frame: drop, duplicate, reorder, corrupt, delay, split, fragment, rate; by seed, without sockets or a clock."""
from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field

from kernel.timer import MS, NEVER, S
from tasks.errors import WireError
from tasks.ipv6.wire import TCP, parse_ipv6, pseudo_sum
from tasks.tcp import wire

ETHERNET, IPV6 = 14, 40
TO_OURS, TO_PEER = "to_ours", "to_peer"
HELD = 1000              # frames that the bridge holds back; more are lost and counted
FRAGMENT = 44            # next header of the fragment header (RFC 8200 4.5)
FRAGMENT_HEADER = 8


@dataclass
class Faults:
    """Percent of the TCP frames in each direction; ND is spared (the ladder below has tests of its own)."""

    seed: int = 1
    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0         # held back by up to `hold_ms`, so that others overtake
    corrupt: float = 0.0         # one bit behind the Ethernet header: IPv6 header, TCP header or data
    split: float = 0.0           # one TCP segment becomes two
    fragment: float = 0.0        # one IPv6 packet becomes two fragments
    hold_ms: float = 30.0
    delay_ms: float = 0.0        # every frame
    jitter_ms: float = 0.0       # every frame, up to so much more; overtaking happens
    rate: int = 0                # octets per second in each direction, 0: as fast as it goes


@dataclass
class Loss:
    """So many frames of one direction that are lost for certain: with all of these flags, with or without data."""

    way: str
    flags: int
    count: int
    data: bool | None = None

    def takes(self, way: str, segment: wire.Segment) -> bool:
        if self.count and way == self.way and segment.flags & self.flags == self.flags and self.data in (None, bool(segment.data)):
            self.count -= 1
            return True
        return False


@dataclass
class Bridge:
    """`frame` gives what to hand on; `due` what has waited long enough."""

    faults: Faults = field(default_factory=Faults)
    losses: list[Loss] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    largest: dict[str, int] = field(default_factory=dict)        # longest data of one segment, by direction
    held: list[tuple[int, int, str, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.set(self.faults)
        self.serial = 0

    def set(self, faults: Faults) -> None:
        self.faults = faults
        self.rng = random.Random(faults.seed)
        self.free_at = {TO_OURS: 0, TO_PEER: 0}

    def count(self, name: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1

    def frame(self, way: str, frame: bytes, now: int) -> None:
        """Take one frame; it comes out of `due`, once, twice, in pieces, or never."""
        if len(frame) < ETHERNET + IPV6 or frame[12:14] != b"\x86\xdd" or frame[ETHERNET + 6] != TCP:
            self._hold(way, frame, now)
            return
        faults, rng = self.faults, self.rng
        segment = self._segment(frame)
        if segment is not None:
            self.count(f"{way} segments")
            self.largest[way] = max(self.largest.get(way, 0), len(segment.data))
            if any(loss.takes(way, segment) for loss in self.losses):
                self.count("lost by order")
                return
        if rng.random() * 100 < faults.drop:
            self.count("drop")
            return
        frames = [frame]
        if segment is not None and len(segment.data) > 1 and rng.random() * 100 < faults.split:
            self.count("split")
            frames = split(frame, segment, rng.randrange(1, len(segment.data)))
        if rng.random() * 100 < faults.fragment and len(frame) > ETHERNET + IPV6 + 16:
            self.count("fragment")
            frames = [piece for whole in frames for piece in fragments(whole, rng.getrandbits(32))]
        for one in frames:
            if rng.random() * 100 < faults.corrupt:
                self.count("corrupt")
                bit = rng.randrange(ETHERNET * 8, len(one) * 8)
                one = one[:bit // 8] + bytes([one[bit // 8] ^ 1 << bit % 8]) + one[bit // 8 + 1:]
            at = now + int((faults.delay_ms + rng.random() * faults.jitter_ms) * MS)
            if rng.random() * 100 < faults.reorder:
                self.count("reorder")
                at += int(rng.random() * faults.hold_ms * MS)
            if faults.rate:
                self.free_at[way] = max(self.free_at[way], now) + len(one) * S // faults.rate
                at = max(at, self.free_at[way])
            self._hold(way, one, at)
            if rng.random() * 100 < faults.duplicate:
                self.count("duplicate")
                self._hold(way, one, at)

    def _segment(self, frame: bytes) -> wire.Segment | None:
        """None when a stack has sent something that is not intact: counted, and a case looks at the count."""
        try:
            packet = parse_ipv6(frame, ETHERNET)
            return wire.parse(packet.payload, pseudo_sum(packet.src, packet.dst, TCP))
        except WireError:
            self.count("sent broken")
            return None

    def _hold(self, way: str, frame: bytes, at: int) -> None:
        if len(self.held) >= HELD:
            self.count("no room")
            return
        self.serial += 1
        heapq.heappush(self.held, (at, self.serial, way, frame))

    def due(self, now: int) -> list[tuple[str, bytes]]:
        out = []
        while self.held and self.held[0][0] <= now:
            _, _, way, frame = heapq.heappop(self.held)
            out.append((way, frame))
        return out

    def next_timer(self) -> int:
        return self.held[0][0] if self.held else NEVER


def with_payload(frame: bytes, next_header: int, payload: bytes) -> bytes:
    """The same Ethernet and IPv6 header in front of something else."""
    head = frame[:ETHERNET + IPV6]
    return head[:ETHERNET + 4] + len(payload).to_bytes(2, "big") + bytes([next_header]) + head[ETHERNET + 7:] + payload


def split(frame: bytes, segment: wire.Segment, at: int) -> list[bytes]:
    """Two segments with right checksums; FIN and PSH go with the second. Options (timestamps) stay with both."""
    pseudo = pseudo_sum(frame[ETHERNET + 8:ETHERNET + 24], frame[ETHERNET + 24:ETHERNET + 40], TCP)
    tcp = frame[ETHERNET + IPV6:ETHERNET + IPV6 + int.from_bytes(frame[ETHERNET + 4:ETHERNET + 6], "big")]
    head = tcp[:len(tcp) - len(segment.data)]
    out = []
    for start, data, flags in ((0, segment.data[:at], segment.flags & ~(wire.FIN | wire.PSH)), (at, segment.data[at:], segment.flags)):
        piece = head[:4] + (segment.seq + start & 0xFFFFFFFF).to_bytes(4, "big") + head[8:13] + bytes([flags]) + head[14:16] + b"\0\0" + head[18:] + data
        number = int.from_bytes(piece + b"\0" * (len(piece) & 1), "big")
        total = -(number + pseudo + len(piece)) % 0xFFFF
        out.append(with_payload(frame, TCP, piece[:16] + total.to_bytes(2, "big") + piece[18:]))
    return out


def fragments(frame: bytes, identification: int) -> list[bytes]:
    """Two IPv6 fragments; the first one's payload is a multiple of 8 octets."""
    payload = frame[ETHERNET + IPV6:ETHERNET + IPV6 + int.from_bytes(frame[ETHERNET + 4:ETHERNET + 6], "big")]
    cut = max(8, len(payload) // 2 // 8 * 8)
    return [with_payload(frame, FRAGMENT, bytes((frame[ETHERNET + 6], 0)) + (start | more).to_bytes(2, "big") + identification.to_bytes(4, "big") + piece)
            for start, more, piece in ((0, 1, payload[:cut]), (cut, 0, payload[cut:]))]
