"""The sending half of a connection: what is queued, what is in flight, when to repeat it (RFC 9293 3.8, 6298, 5681)."""
from __future__ import annotations

from collections import deque

from kernel.record import dataclass
from kernel.timer import NEVER, Timer
from tasks.tcp.rto import RetransmissionTimeout
from tasks.tcp.timing import (DEFAULT_MSS, DUPLICATE_ACKS, EXTRA_SEGMENTS, FLIGHT_SEGMENTS, GIVE_UP_AFTER, MAX_TRIES, SEND_BUFFER)
from tasks.tcp.wire import ACK, FIN, PSH


@dataclass(slots=True)
class Sent:
    """One segment in flight; `end` counts the FIN."""

    seq: int
    end: int
    flags: int
    data: bytes
    at: int
    repeated: bool = False


class SendSide:
    """SND.UNA is `una`, SND.NXT is `nxt`. Each method that may send returns the segments to send now.

    A write is never joined with another in one segment, and is cut only when it does not fit: some peers take one
    segment for one message.
    """

    __slots__ = ("una", "nxt", "top", "window", "max_window", "window_seq", "window_ack", "mss", "flight", "queue",
                 "queued", "fin_wanted", "fin_sent", "rto", "timer", "persist", "tries", "trouble_at", "allowed",
                 "duplicates", "extra", "recover", "recovered", "repeats", "fast_repeats", "probes")

    def __init__(self, iss: int) -> None:
        self.una = iss
        self.nxt = iss + 1                       # the SYN; connection.py sends and repeats it
        self.top = self.nxt                      # highest sequence number ever sent (probes go beyond nxt)
        self.window = 0
        self.max_window = 0
        self.window_seq = -1                     # SND.WL1
        self.window_ack = -1                     # SND.WL2
        self.mss = DEFAULT_MSS
        self.flight: deque[Sent] = deque()
        self.queue: deque[bytes] = deque()
        self.queued = 0
        self.fin_wanted = False
        self.fin_sent = False
        self.rto = RetransmissionTimeout()
        self.timer = Timer()                     # retransmission
        self.persist = Timer()                   # zero window probe
        self.tries = 0                           # repetitions without progress
        self.trouble_at = 0                      # when the first of them was sent
        self.allowed = FLIGHT_SEGMENTS           # segments allowed in flight, fewer after a loss
        self.duplicates = 0
        self.extra = 0                           # segments allowed beyond `allowed`: one for each duplicate ACK
        self.recover = -1                        # repeat on partial ACKs up to here (RFC 6582), -1: no loss
        self.recovered = -1                      # where the last recovery ended: duplicates up to there are its own echo
        self.repeats = 0
        self.fast_repeats = 0
        self.probes = 0

    # --- what the application wants -------------------------------------------------------------------------------

    def write(self, data: bytes) -> bool:
        """Queue one message. False when there is no room: nothing is taken then."""
        if not data:
            return True
        if self.queued + len(data) > SEND_BUFFER:
            return False
        self.queue.append(data)
        self.queued += len(data)
        return True

    @property
    def everything_acknowledged(self) -> bool:
        """Including our FIN."""
        return self.fin_sent and self.una == self.nxt

    @property
    def unfinished(self) -> bool:
        """Something is queued or in flight."""
        return bool(self.flight or self.queue)

    # --- sending --------------------------------------------------------------------------------------------------

    def transmit(self, now: int) -> list[Sent]:
        """New segments, as far as the window and the flight limit allow."""
        out: list[Sent] = []
        queue, flight = self.queue, self.flight
        blocked = False
        allowed = self.allowed + self.extra
        while queue and len(flight) < allowed:
            chunk = queue[0]
            size = len(chunk)
            if size > self.mss:
                size = self.mss
            room = self.una + self.window - self.nxt
            if size > room:
                # Silly window avoidance of the sender (9293 3.8.6.2.1): wait for room worth using.
                if room <= 0 or room < min(self.mss, self.max_window >> 1):
                    blocked = True
                    break
                size = room
            if size == len(chunk):
                queue.popleft()
                flags = ACK | PSH
            else:
                queue[0] = chunk[size:]
                chunk = chunk[:size]
                flags = ACK
            self.queued -= size
            out.append(self._fly(Sent(self.nxt, self.nxt + size, flags, chunk, now)))
        if self.fin_wanted and not self.fin_sent and not queue and len(flight) < allowed:
            self.fin_sent = True                 # needs no room at the peer, so the window does not hold it
            out.append(self._fly(Sent(self.nxt, self.nxt + 1, ACK | FIN, b"", now)))
        persist = self.persist
        if out:
            if persist.at != NEVER:
                self.rto.progress()              # the window has opened: probing is over
            if self.timer.at == NEVER:
                self.timer.at = now + self.rto.current()
        if blocked and not flight:
            if persist.at == NEVER:
                persist.at = now + self.rto.current()
        else:
            persist.at = NEVER
        return out

    def _fly(self, sent: Sent) -> Sent:
        self.flight.append(sent)
        self.nxt = sent.end
        if sent.end > self.top:
            self.top = sent.end
        return sent

    # --- acknowledgements -----------------------------------------------------------------------------------------

    def acknowledge(self, ack: int, seq: int, window: int, has_data: bool, now: int) -> list[Sent]:
        """`ack` is not below `una` and not above `top`. Returns what has to be repeated at once."""
        again: list[Sent] = []
        if ack > self.una:
            self._progress(ack, now)
            if self.recover >= 0:
                if ack >= self.recover or not self.flight:
                    self.recover = -1
                else:
                    again.append(self._repeat(now))      # partial: the next one is lost too (RFC 6582)
        elif not has_data and window == self.window and self.flight:
            self.duplicates += 1
            if self.recover < 0 or self.extra:   # after a timeout nothing is known of what has left
                self.extra = min(self.extra + 1, EXTRA_SEGMENTS)
            # Each needless repetition is answered by a duplicate ACK: they must not begin the next recovery (RFC 6582 3.2, 4.1)
            if self.recover < 0 and ack > self.recovered and self.duplicates >= self._enough():
                self.fast_repeats += 1
                self.recover = self.recovered = self.nxt
                self.allowed = max(2, self.allowed >> 1)
                self.timer.arm(now, self.rto.current())
                again.append(self._repeat(now))
        if seq > self.window_seq or seq == self.window_seq and ack >= self.window_ack:
            self.set_window(seq, ack, window)
        if self.window == 0 or not self.flight:
            self.tries = 0                       # the peer lives, it only has no room (9293 3.8.6.1)
        return again

    def _enough(self) -> int:
        """Duplicate ACKs that mean a loss: three, or one less than is in flight where no more can follow (RFC 5827 3.1).

        Four segments in flight, of which the second is lost, give two duplicates; only a new one behind them brings the third.
        """
        flight = len(self.flight)
        if not 1 < flight <= DUPLICATE_ACKS or self.queue and self.window >= self.nxt - self.una + min(self.mss, len(self.queue[0])):
            return DUPLICATE_ACKS
        return flight - 1

    def set_window(self, seq: int, ack: int, window: int) -> None:
        self.window_seq = seq
        self.window_ack = ack
        self.window = window
        if window > self.max_window:
            self.max_window = window

    def _progress(self, ack: int, now: int) -> None:
        flight = self.flight
        if ack > self.nxt:                       # the peer kept octets of a probe
            taken = ack - self.nxt
            self.queue[0] = self.queue[0][taken:]
            if not self.queue[0]:
                self.queue.popleft()
            self.queued -= taken
            self.nxt = ack
            self.persist.cancel()                # transmit arms it again if need be
        once = True
        rtt = -1
        while flight and flight[0].end <= ack:
            sent = flight.popleft()
            once = once and not sent.repeated
            rtt = now - sent.at
        if rtt >= 0 and once:                    # Karn
            self.rto.sample(rtt)
        if flight and flight[0].seq < ack:
            head = flight[0]
            head.data = head.data[ack - head.seq:]
            head.seq = ack
        self.una = ack
        self.rto.progress()
        self.tries = 0
        self.duplicates = self.extra = 0
        if self.allowed < FLIGHT_SEGMENTS:
            self.allowed += 1
        self.timer.at = now + self.rto.current() if flight else NEVER

    # --- time -----------------------------------------------------------------------------------------------------

    def handle_timer(self, now: int) -> list[Sent]:
        """Repetition or probe, when due."""
        if self.timer.take(now):
            self._count_try(now)
            self.recover = self.recovered = self.nxt
            self.allowed = 1
            self.duplicates = self.extra = 0
            self.rto.back_off()
            self.timer.arm(now, self.rto.current())
            return [self._repeat(now)]
        if self.persist.take(now):
            self._count_try(now)
            self.rto.back_off()
            self.persist.arm(now, self.rto.current())
            return [self._probe(now)]
        return []

    def _count_try(self, now: int) -> None:
        if self.tries == 0:
            self.trouble_at = now
        self.tries += 1

    def hopeless(self, now: int) -> bool:
        """Too many repetitions for too long (R2 of 9293 3.8.3)."""
        return self.tries > MAX_TRIES and now - self.trouble_at >= GIVE_UP_AFTER

    def next_timer(self) -> int:
        return min(self.timer.at, self.persist.at)

    def stop(self) -> None:
        """Nothing is sent any more."""
        self.timer.cancel()
        self.persist.cancel()
        self.flight.clear()
        self.queue.clear()
        self.queued = 0

    def _repeat(self, now: int) -> Sent:
        """The oldest segment in flight; no more of it than the window takes, one octet if it takes none."""
        head = self.flight[0]
        head.repeated = True
        self.repeats += 1
        room = max(1, self.window)
        if len(head.data) > room:
            return Sent(head.seq, head.seq + room, ACK, head.data[:room], now)
        return head

    def _probe(self, now: int) -> Sent:
        """The next octets although the window is closed: as much as it takes, one octet if it takes none."""
        size = min(max(1, self.una + self.window - self.nxt), self.mss)
        data = self.queue[0][:size]
        self.probes += 1
        if self.nxt + len(data) > self.top:
            self.top = self.nxt + len(data)
        return Sent(self.nxt, self.nxt + len(data), ACK, data, now)
