"""A scripted TCP peer: inject segments, expect segments, advance a virtual clock."""
from __future__ import annotations

import random
import struct
from typing import Any

from kernel.timer import S
from tasks.ipv6.wire import TCP, pseudo_sum
from tasks.messages import Datagram, TcpClosed, TcpConnected, TcpData
from tasks.tcp import wire
from tasks.tcp.config import TcpConfig
from tasks.tcp.connection import Connection
from tasks.tcp.states import State
from tasks.tcp.endpoint import Endpoint
from tasks.tcp.rto import RetransmissionTimeout
from tasks.tcp.wire import Segment

OURS = bytes.fromhex("fe80000000000000e20ee1fffeffd3e2")
THEIRS = bytes.fromhex("fe8000000000000050ad92fffe07328b")
OTHERS = bytes.fromhex("fe80000000000000020000fffe000099")
MAC = bytes.fromhex("52ad9207328b")
PSEUDO = pseudo_sum(OURS, THEIRS, TCP)

ISS = 5000               # our first sequence number (injected)
IRS = 9000               # the peer's
LISTEN_PORT = 15118
PEER_PORT = 40000

LETTERS = {"F": wire.FIN, "S": wire.SYN, "R": wire.RST, "P": wire.PSH, "A": wire.ACK}
M = 0xFFFFFFFF


def flags_of(text: str) -> int:
    return sum(LETTERS[c] for c in text)


def text_of(flags: int) -> str:
    return "".join(c for c, bit in LETTERS.items() if flags & bit)


class Peer:
    """`seq` and `ack` of `inject` default to what a well-behaved peer would say next."""

    def __init__(self, iss: int = ISS, irs: int = IRS, **config: Any) -> None:
        self.now = 0
        self.iss = iss
        self.seq = irs
        self.ack = 0
        self.ours = LISTEN_PORT
        self.theirs = PEER_PORT
        self.window = 65000
        self.tcp = Endpoint(OURS, TcpConfig(**config), random.Random(1), isn=lambda *_: self.iss)
        self.heard: list[Any] = []

    # --- to the stack ---------------------------------------------------------------------------------------------

    def inject(self, flags: str, data: bytes = b"", *, seq: int | None = None, ack: int | None = None,
               window: int | None = None, mss: int | None = None, src: bytes = THEIRS, port: int | None = None,
               to: int | None = None, keep: bool = False) -> list[Segment]:
        """One segment to the stack; returns what the stack sends at once. `keep`: do not count it as sent."""
        number = self.seq if seq is None else seq
        payload = wire.emit(self.theirs if port is None else port, self.ours if to is None else to, number & M,
                            (self.ack if ack is None else ack) & M if "A" in flags else 0, flags_of(flags),
                            self.window if window is None else window, data, pseudo_sum(OURS, src, TCP), mss)
        if seq is None and not keep:
            self.seq += len(data) + ("S" in flags) + ("F" in flags)
        return self.raw(payload, src)

    def raw(self, payload: bytes, src: bytes = THEIRS) -> list[Segment]:
        self.tcp.receive(Datagram(src, OURS, payload, MAC), self.now)
        return self.sent()

    def send(self, data: bytes) -> list[Segment]:
        assert self.tcp.send(data, self.now)
        return self.sent()

    def close(self) -> list[Segment]:
        self.tcp.close(self.now)
        return self.sent()

    # --- from the stack -------------------------------------------------------------------------------------------

    def sent(self) -> list[Segment]:
        out = []
        for item in self.tcp.outgoing():
            assert item.next_header == TCP
            segment = wire.parse(item.payload, pseudo_sum(OURS, item.dst, TCP))
            if not segment.flags & wire.RST and item.dst == THEIRS:
                end = segment.seq + len(segment.data) + bool(segment.flags & wire.SYN) + bool(segment.flags & wire.FIN)
                if (end - self.ack & M) < 1 << 31 or not self.ack:
                    self.ack = end & M
            out.append(segment)
        return out

    def advance(self, until: int) -> list[tuple[int, Segment]]:
        """Run all timers up to and including `until` (ns); what was sent, with its time."""
        out = []
        while self.tcp.next_timer() <= until:
            self.now = max(self.now, self.tcp.next_timer())
            self.tcp.handle_timer(self.now)
            out += [(self.now, s) for s in self.sent()]
        self.now = until
        return out

    def events(self) -> list[Any]:
        """TcpConnected, TcpData and TcpClosed since last asked; window updates stay to be sent."""
        events = [e for e in self.tcp.events() if isinstance(e, (TcpConnected, TcpData, TcpClosed))]
        self.heard += events
        return events

    def data(self) -> bytes:
        return b"".join(e.data for e in self.events() if isinstance(e, TcpData))

    def closed(self) -> list[Any]:
        """Reasons of the TcpClosed events since last asked."""
        return [e.reason for e in self.events() if isinstance(e, TcpClosed)]

    @property
    def connection(self) -> Connection:
        assert self.tcp.session is not None
        return self.tcp.session.connection

    @property
    def state(self) -> State:
        """Of the session, or of the connection that is still closing, or CLOSED."""
        if self.tcp.session is not None:
            return self.connection.state
        return self.tcp.leaving[-1].connection.state if self.tcp.leaving else State.CLOSED

    # --- openings -------------------------------------------------------------------------------------------------

    def connecting(self, timeout: int = 20 * S) -> list[Segment]:
        self.tcp.connect(THEIRS, LISTEN_PORT, MAC, timeout, self.now)
        out = self.sent()
        self.ours, self.theirs = out[0].src_port, LISTEN_PORT
        return out

    def as_client(self, mss: int | None = 1440, *, measured: int | None = None) -> Peer:
        """`measured`: ns that the handshake took; without it the connection knows nothing of the link, as after a repeated SYN,
        and its ladders begin at 1 s."""
        self.connecting()
        self.now += measured or 0
        self.inject("SA", mss=mss)
        return self._opened(measured)

    def as_server(self, mss: int | None = 1440, *, measured: int | None = None) -> Peer:
        self.tcp.listen(LISTEN_PORT)
        self.inject("S", mss=mss)
        self.now += measured or 0
        self.inject("A")
        return self._opened(measured)

    def _opened(self, measured: int | None) -> Peer:
        if measured is None:
            self.connection.tx.rto = RetransmissionTimeout()
        self.events()
        return self


def shape(segments: list[Segment]) -> list[str]:
    """`flags:octets` of each, for short expectations."""
    return [f"{text_of(s.flags)}:{len(s.data)}" for s in segments]


def with_options(peer: Peer, options: bytes, flags: str = "S") -> bytes:
    """A SYN with raw options (a multiple of 4 octets)."""
    header = struct.pack("!HHIIBBHHH", peer.theirs, peer.ours, peer.seq & M, peer.ack & M if "A" in flags else 0,
                         (20 + len(options)) // 4 << 4, flags_of(flags), 65000, 0, 0)
    return checksummed(header + options)


def checksummed(segment: bytes) -> bytes:
    """`segment` with the right checksum between THEIRS and OURS."""
    blank = segment[:16] + b"\0\0" + segment[18:]
    number = int.from_bytes(blank + b"\0" * (len(blank) & 1), "big")
    return segment[:16] + (-(number + PSEUDO + len(segment)) % 0xFFFF).to_bytes(2, "big") + segment[18:]


