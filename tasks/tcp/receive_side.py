"""The receiving half of a connection: what is next, what came too early, how much room is offered.

Sequence numbers here and in send_side.py are unbounded integers; connection.py unwraps the 32 bit ones.
"""
from __future__ import annotations

from collections import deque

from tasks.tcp.timing import AHEAD_SEGMENTS, RECEIVE_BUFFER


class ReceiveSide:
    """RCV.NXT is `nxt`; `edge` is the right edge of the window as last offered, and never moves left."""

    __slots__ = ("nxt", "edge", "ready", "ready_size", "ahead", "fin_at", "finished", "threshold", "overruns")

    def __init__(self, nxt: int, mss: int) -> None:
        self.nxt = nxt
        self.edge = nxt + RECEIVE_BUFFER
        self.ready: deque[bytes] = deque()
        self.ready_size = 0
        self.ahead: list[tuple[int, bytes]] = []     # out of order, sorted, not touching
        self.fin_at = -1                             # sequence number of the peer's FIN, -1 while unknown
        self.finished = False                        # everything up to and including the FIN is here
        self.threshold = min(mss, RECEIVE_BUFFER // 2)
        self.overruns = 0                            # early segments dropped for lack of room

    def accept(self, seq: int, data: bytes, fin: bool) -> bool:
        """Take in what fits. True: acknowledge at once (out of order, old, cut, or a FIN)."""
        nxt = self.nxt
        if seq == nxt and not self.ahead and not fin and self.fin_at < 0 and seq + len(data) <= self.edge:
            self.ready.append(data)                  # the usual case
            self.ready_size += len(data)
            self.nxt = seq + len(data)
            return False
        end = seq + len(data)
        if fin and self.fin_at < 0 and end >= nxt and (end < self.edge or end == nxt):
            self.fin_at = end                        # nothing can lie behind it
            self.ahead = [(start, held[:end - start]) for start, held in self.ahead if start < end]
        limit = self.edge if self.fin_at < 0 else min(self.edge, self.fin_at)
        if end > limit:
            data = data[:max(0, limit - seq)]
        if seq < nxt:
            data = data[nxt - seq:]
            seq = nxt
        if data:
            self._keep(seq, data)
            self._advance()
        if self.nxt == self.fin_at and not self.finished:
            self.finished = True
            self.nxt += 1
            self.edge = max(self.edge, self.nxt)
        return True

    def _keep(self, seq: int, data: bytes) -> None:
        """Put into `ahead` what is not there yet: what was received first wins."""
        pieces: list[tuple[int, bytes]] = []
        for other, held in self.ahead:
            if other + len(held) <= seq:
                continue
            if not data or other >= seq + len(data):
                break
            if seq < other:
                pieces.append((seq, data[:other - seq]))
            data = data[other + len(held) - seq:] if seq + len(data) > other + len(held) else b""
            seq = other + len(held)
        if data:
            pieces.append((seq, data))
        ahead: list[tuple[int, bytes]] = []
        for start, piece in sorted(self.ahead + pieces):
            if ahead and ahead[-1][0] + len(ahead[-1][1]) == start:
                ahead[-1] = (ahead[-1][0], ahead[-1][1] + piece)
            else:
                ahead.append((start, piece))
        while len(ahead) > AHEAD_SEGMENTS and ahead[-1][0] != self.nxt:
            ahead.pop()                              # the farthest is the least useful
            self.overruns += 1
        self.ahead = ahead

    def _advance(self) -> None:
        ahead = self.ahead
        while ahead and ahead[0][0] == self.nxt:
            data = ahead.pop(0)[1]
            self.ready.append(data)
            self.ready_size += len(data)
            self.nxt += len(data)

    def window(self) -> int:
        """The window to offer now. It grows in steps worth sending (9293 3.8.6.2.2), never shrinks."""
        edge = self.nxt + RECEIVE_BUFFER - self.ready_size
        if edge - self.edge >= self.threshold:
            self.edge = edge
        return self.edge - self.nxt

    def read(self, limit: int) -> bytes:
        """Up to `limit` octets of the stream, in order, once."""
        ready = self.ready
        if self.ready_size <= limit:
            data = ready[0] if len(ready) == 1 else b"".join(ready)
            ready.clear()
            self.ready_size = 0
            return data
        data = b"".join(ready)
        ready.clear()
        ready.append(data[limit:])
        self.ready_size -= limit
        return data[:limit]

    def update_due(self) -> bool:
        """True when the peer may be waiting for room that has come free: tell it without being asked."""
        return (self.edge - self.nxt < self.threshold and not self.finished
                and self.nxt + RECEIVE_BUFFER - self.ready_size - self.edge >= self.threshold)
