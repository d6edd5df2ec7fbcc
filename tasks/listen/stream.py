"""One TCP connection seen from outside: puts each direction's octets in order and names what each segment is.

An endpoint can ask again for what is missing; a listener cannot. What the capture does not contain is declared a gap as
soon as the other side acknowledges it, or when too much waits behind it.
"""
from __future__ import annotations

from kernel.timer import MS, S
from tasks.listen.framing import Framer
from tasks.tcp.wire import ACK, FIN, RST, SYN, Segment

MAX_WAITING = 64                 # segments kept out of order; more than a 64 KiB window of small messages ever holds
MAX_WAITING_OCTETS = 128 * 1024
MAX_WAITING_TIME = 1 * S         # TCP repeats a lost segment within its RTO, 0.3 to 1 s (sheet 6.2); then it was not captured
MAX_JUMP = 1 << 20               # octets ahead that can be "out of order"; more is another stream's number
DUPLICATE_TIME = 5 * MS          # the same segment again so soon is captured twice: no RTO is that short (sheet 6.1: 230 ms)

GAP = b""                        # stands in the list of chunks for octets that are missing
_HALF = 1 << 31
_MASK = (1 << 32) - 1


def distance(a: int, b: int) -> int:
    """a - b of 32 bit sequence numbers, -2^31 to 2^31 - 1."""
    return (a - b + _HALF & _MASK) - _HALF


class Direction:
    """What one side sent: the next expected sequence number and what waits behind a hole."""

    __slots__ = ("next", "sure", "waiting", "waiting_octets", "waiting_since", "acked", "framer", "seen_fin",
                 "_last_seq", "_last_size", "_last_at")

    def __init__(self) -> None:
        self.next = 0
        self.sure = False        # `next` comes from a SYN or from data; a bare ACK may be a keep-alive
        self.waiting: dict[int, bytes] = {}
        self.waiting_octets = 0
        self.waiting_since = 0
        self.acked: int | None = None
        self.framer = Framer()
        self.seen_fin = False
        self._last_seq = -1
        self._last_size = -1
        self._last_at = 0

    def take(self, segment: Segment, at: int) -> tuple[str, list[bytes]]:
        """The segment's name ("" for plain data in order) and the octets that are now in order; GAP where some are missing."""
        data = segment.data
        size = len(data)
        seq = segment.seq
        chunks: list[bytes] = []
        again = seq == self._last_seq and size == self._last_size and at - self._last_at < DUPLICATE_TIME
        if size:
            self._last_seq, self._last_size, self._last_at = seq, size, at
        if segment.flags & SYN:
            name = "SYN, ACK" if segment.flags & ACK else "SYN"
            repeated = self.sure and self.next == (seq + 1 & _MASK)
            self.next, self.sure = seq + 1 & _MASK, True
            return (f"{name} (again)" if repeated else name), chunks
        if not self.sure:
            self.next, self.sure = seq, bool(size)
        offset = distance(seq, self.next)
        name = ""
        if size:
            if offset == 0:
                chunks.append(data)
                self.next = self.next + size & _MASK
                if self.waiting:
                    self._drain(chunks)
            elif offset < 0:
                if offset + size <= 0:
                    if again:
                        name = "duplicate"
                    else:
                        name = "keep-alive" if size == 1 and offset == -1 else "retransmission"
                else:
                    name = "retransmission with new data"
                    chunks.append(data[-offset:])
                    self.next = self.next + size + offset & _MASK
                    self._drain(chunks)
            else:
                name = self._ahead(seq, data, offset, at, chunks)
        elif segment.flags & (FIN | RST) == 0:
            if offset == -1:
                name = "keep-alive"
            elif segment.window == 0:
                name = "zero window"
        if segment.flags & FIN:
            repeated, self.seen_fin = self.seen_fin, True
            if distance(seq + size & _MASK, self.next) == 0:
                self.next = self.next + 1 & _MASK
            name = "FIN (again)" if repeated else "FIN" if not name else f"FIN, {name}"
        if segment.flags & RST:
            name = "RST"
        return name, chunks

    def acknowledged(self, ack: int) -> list[bytes]:
        """The other side has everything before `ack`: what waits although it was acknowledged was missed by the capture."""
        self.acked = ack
        chunks: list[bytes] = []
        if self.waiting and distance(ack, self.next) > 0:
            self._skip(chunks)
        return chunks

    def _ahead(self, seq: int, data: bytes, offset: int, at: int, chunks: list[bytes]) -> str:
        """Data behind a hole: wait for what is missing, or give it up."""
        if offset > MAX_JUMP:
            self._forget()
            self.next = seq + len(data) & _MASK
            chunks += (GAP, data)
            return "data of another sequence"
        if not self.waiting:
            self.waiting_since = at
        if seq not in self.waiting:
            self.waiting[seq] = data
            self.waiting_octets += len(data)
        if (self.acked is not None and distance(self.acked, seq) >= 0 or len(self.waiting) > MAX_WAITING
                or self.waiting_octets > MAX_WAITING_OCTETS or at - self.waiting_since > MAX_WAITING_TIME):
            self._skip(chunks)
            return "data after a gap"
        return "out of order"

    def _skip(self, chunks: list[bytes]) -> None:
        """Go on behind the hole."""
        nearest = min(self.waiting, key=self._offset)
        if distance(nearest, self.next) > 0:
            chunks.append(GAP)
            self.next = nearest
        self._drain(chunks)

    def _offset(self, seq: int) -> int:
        return distance(seq, self.next)

    def _drain(self, chunks: list[bytes]) -> None:
        """Move what has become in order from `waiting` to `chunks`."""
        while self.waiting:
            nearest = min(self.waiting, key=self._offset)
            offset = distance(nearest, self.next)
            if offset > 0:
                return
            data = self.waiting.pop(nearest)
            self.waiting_octets -= len(data)
            if offset + len(data) > 0:
                chunks.append(data[-offset:])
                self.next = self.next + len(data) + offset & _MASK

    def _forget(self) -> None:
        self.waiting.clear()
        self.waiting_octets = 0
