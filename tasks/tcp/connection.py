"""One TCP connection: the state diagram of RFC 9293 3.3.2, its checks of incoming segments, and its timers."""
from __future__ import annotations

from kernel.timer import MS, NEVER, Timer
from tasks.tcp import wire
from tasks.tcp.config import TcpConfig
from tasks.tcp.keep_alive import KeepAlive
from tasks.tcp.limiter import Limiter
from tasks.tcp.receive_side import ReceiveSide
from tasks.tcp.send_side import SendSide, Sent
from tasks.tcp.states import RECEIVING, SENDING, End, State
from tasks.tcp.timing import (CHALLENGE_ACKS_PER_SECOND, CLOSE_WAIT_LIMIT, DEFAULT_MSS, DELAYED_ACK,
                              DUPLICATE_ACKS_PER_SECOND, FIN_WAIT_2_LIMIT, MAX_PEER_MSS, MIN_PEER_MSS, RECEIVE_BUFFER,
                              SYN_GIVE_UP)
from tasks.tcp.wire import ACK, FIN, RST, SYN, Segment

_MASK = 0xFFFFFFFF
_HALF = 0x80000000


class Connection:
    """`local` and `remote` are ports; `pseudo` the checksum's share of the addresses; `iss` the first sequence number.

    Segments leave as octets through `outgoing()`. What an application sees: `state`, `end`, `read()`, `rx.finished`.
    """

    __slots__ = ("local", "remote", "pseudo", "config", "state", "end", "tx", "rx", "active", "strangers", "_out", "_ack_timer",
                 "_ack_now", "_segments_unacked", "_handshake", "_deadline", "_syn_delay", "_syn_at", "_user", "_closing", "_challenge", "_duplicate", "_alive")

    def __init__(self, local: int, remote: int, pseudo: int, iss: int, config: TcpConfig) -> None:
        self.local = local
        self.remote = remote
        self.pseudo = pseudo
        self.config = config
        self.state = State.CLOSED
        self.end: End | None = None
        self.tx = SendSide(iss)
        self.rx = ReceiveSide(0, config.mss)
        self.active = False
        self.strangers = 0               # segments without ACK, or that no state expects
        self._out: list[bytes] = []
        self._ack_timer = Timer()        # delayed ACK
        self._ack_now = False
        self._segments_unacked = 0
        self._handshake = Timer()        # repetition of SYN or SYN-ACK
        self._syn_delay = 0
        self._syn_at = -1                # when SYN or SYN-ACK was sent; -1: more than once, so its answer measures nothing (Karn)
        self._deadline = Timer()         # of the handshake
        self._user = Timer()             # user timeout (9293 3.9.1.1)
        self._closing = Timer()          # 2 MSL, FIN-WAIT-2, CLOSE-WAIT
        self._alive = KeepAlive(config.keep_alive_s)
        self._challenge = Limiter(CHALLENGE_ACKS_PER_SECOND)
        self._duplicate = Limiter(DUPLICATE_ACKS_PER_SECOND)

    # --- opening --------------------------------------------------------------------------------------------------

    def open_active(self, timeout: int, now: int) -> None:
        """Send SYN; give up `timeout` ns from now."""
        self.active = True
        self.state = State.SYN_SENT
        self._begin_handshake(min(timeout, SYN_GIVE_UP), now)
        self._send_syn(now)

    def open_passive(self, syn: Segment, now: int) -> None:
        """Answer the SYN of a peer."""
        self.state = State.SYN_RCVD
        self._take_syn(syn)
        self._begin_handshake(SYN_GIVE_UP, now)
        self._send_syn(now)

    def _begin_handshake(self, timeout: int, now: int) -> None:
        self._syn_delay = self.tx.rto.current()
        self._syn_at = now
        self._deadline.arm(now, timeout)

    def _take_syn(self, syn: Segment) -> None:
        self.rx = ReceiveSide(syn.seq + 1, self.config.mss)
        mss = DEFAULT_MSS if syn.mss is None else syn.mss        # sheet 6.2; a peer that says 350 means it
        self.tx.mss = min(max(mss, MIN_PEER_MSS), MAX_PEER_MSS)
        self.tx.set_window(syn.seq, self.tx.una, syn.window)

    def _send_syn(self, now: int) -> None:
        """SYN or SYN-ACK, now and on a ladder of 1, 2, 4 s (RFC 6298)."""
        tx = self.tx
        if self.state is State.SYN_SENT:
            flags, ack = SYN, 0
        else:
            flags, ack = SYN | ACK, self.rx.nxt & _MASK
        self._out.append(wire.emit(self.local, self.remote, tx.una & _MASK, ack, flags, RECEIVE_BUFFER, b"", self.pseudo,
                                   self.config.mss))
        self._handshake.arm(now, self._syn_delay)
        self._syn_delay *= 2

    def _established(self, segment: Segment, seq: int, now: int) -> None:
        self.state = State.ESTABLISHED
        self._alive.heard(now)
        if self._syn_at >= 0:
            self.tx.rto.sample(now - self._syn_at)
        self._handshake.cancel()
        self._deadline.cancel()
        self.tx.una += 1
        self.tx.set_window(seq, self.tx.una, segment.window)
        if self.tx.fin_wanted:           # closed before it was open
            self.state = State.FIN_WAIT_1

    # --- the application ------------------------------------------------------------------------------------------

    def send(self, data: bytes, now: int) -> bool:
        """Queue and send. False when closed for sending or when there is no room; nothing is taken then."""
        if self.state not in SENDING or self.tx.fin_wanted or not self.tx.write(data):
            return False
        if self.state is State.ESTABLISHED or self.state is State.CLOSE_WAIT:
            self._flush(now)
        return True

    def read(self, limit: int = RECEIVE_BUFFER) -> bytes:
        """The next octets of the stream; tells a waiting peer that there is room."""
        data = self.rx.read(limit)
        if self.state in RECEIVING and self.rx.update_due():
            self._acknowledge()
        return data

    def close(self, now: int) -> None:
        """FIN after everything queued (half close: what the peer still sends can be read)."""
        state = self.state
        if state is State.SYN_SENT:
            self._finish(End.ORDERLY)
        elif state in SENDING and not self.tx.fin_wanted:
            self.tx.fin_wanted = True
            if state is State.SYN_RCVD:
                return                   # the FIN follows the handshake
            if state is State.ESTABLISHED:
                self.state = State.FIN_WAIT_1
            else:
                self.state = State.LAST_ACK
                self._closing.cancel()
            self._flush(now)

    def abort(self, end: End = End.ORDERLY) -> None:
        """RST to a peer that knows of us, and CLOSED (9293 3.10.5)."""
        if self.state not in (State.CLOSED, State.SYN_SENT, State.TIME_WAIT):
            tx = self.tx
            seq = tx.una + 1 if self.state is State.SYN_RCVD else tx.nxt
            self._out.append(wire.emit(self.local, self.remote, seq & _MASK, self.rx.nxt & _MASK, RST | ACK, 0, b"",
                                       self.pseudo))
        self._finish(end)

    def _finish(self, end: End) -> None:
        self.state = State.CLOSED
        self.end = end
        self.tx.stop()
        for timer in (self._ack_timer, self._handshake, self._deadline, self._user, self._closing, self._alive):
            timer.cancel()

    # --- receiving ------------------------------------------------------------------------------------------------

    def receive(self, segment: Segment, now: int) -> None:
        """A segment of this connection whose checksum is right."""
        state = self.state
        if state is State.SYN_SENT:
            self._receive_in_syn_sent(segment, now)
            return
        if state is State.CLOSED:
            return
        if state is State.ESTABLISHED:
            self._alive.heard(now)
        rx, tx, flags = self.rx, self.tx, segment.flags
        distance = (segment.seq - rx.nxt + _HALF & _MASK) - _HALF
        seq = rx.nxt + distance
        room = rx.edge - rx.nxt
        if flags & (RST | SYN):
            if flags & RST:
                self._reset(distance, room, now)
                return
            if state is not State.SYN_RCVD or distance != -1:
                self._challenge_ack(now)         # RFC 5961 4: a SYN never resets; a peer that restarted answers with RST
                return
            if not flags & ACK:
                self._send_syn_again(now)
                return
            distance += 1                        # simultaneous open: the ACK in it counts
            seq += 1
            self._ack_now = True
        if not flags & ACK:
            self.strangers += 1
            return
        length = len(segment.data) + (flags & FIN)
        if length:
            # At least one octet is new and inside the window. With the window closed the data is cut to nothing, but the
            # ACK in the segment counts (9293 3.10.7.4).
            if distance + length <= 0 or distance >= room and (room or distance):
                self._old(flags, distance + length, now)
                return
        elif not 0 <= distance <= room:
            self._old(flags, distance, now)
            return

        ack = tx.una + ((segment.ack - tx.una + _HALF & _MASK) - _HALF)
        again: list[Sent] = []
        if state is State.SYN_RCVD:
            if ack != tx.nxt:
                self._refuse(segment, now)
                return
            self._established(segment, seq, now)
        elif ack >= tx.una and ack <= tx.top:
            moved = ack > tx.una
            again = tx.acknowledge(ack, seq, segment.window, length > 0, now)
            if moved:
                self._user.cancel()              # armed again below when there is still something to wait for
            if moved and tx.fin_sent and tx.una == tx.nxt:
                self._fin_acknowledged(now)
        elif ack > tx.top or ack < tx.una - tx.max_window:
            self._challenge_ack(now)             # RFC 5961 5
            return

        if length:
            self._take(segment, seq, now)
        for sent in again:
            self._emit(sent)
        self._flush(now)

    def _take(self, segment: Segment, seq: int, now: int) -> None:
        """Data and FIN."""
        if self.state not in RECEIVING:
            self.strangers += 1                  # nothing can follow the peer's FIN
            return
        rx = self.rx
        if rx.accept(seq, segment.data, bool(segment.flags & FIN)):
            self._ack_now = True
        else:
            self._segments_unacked += 1
            if self._segments_unacked >= 2:      # 9293 3.8.6.3
                self._ack_now = True
            elif self._ack_timer.at == NEVER:
                self._ack_timer.at = now + DELAYED_ACK
        if rx.finished:
            if self.state is State.ESTABLISHED:
                self.state = State.CLOSE_WAIT
                self._closing.arm(now, CLOSE_WAIT_LIMIT)
            elif self.state is State.FIN_WAIT_2:
                self._time_wait(now)
            else:
                self.state = State.CLOSING

    def _fin_acknowledged(self, now: int) -> None:
        if self.state is State.FIN_WAIT_1:
            self.state = State.FIN_WAIT_2
            self._closing.arm(now, FIN_WAIT_2_LIMIT)
        elif self.state is State.CLOSING:
            self._time_wait(now)
        elif self.state is State.LAST_ACK:
            self._finish(End.ORDERLY)

    def _time_wait(self, now: int) -> None:
        self.state = State.TIME_WAIT
        self._closing.arm(now, 2 * self.config.maximum_segment_lifetime_ms * MS)
        self._user.cancel()

    def _old(self, flags: int, end: int, now: int) -> None:
        """Outside the window: a repetition or a keep-alive wants its ACK, a forgery gets no more than that."""
        if self.state is State.TIME_WAIT and flags & FIN and end == 0:
            self._time_wait(now)                 # the peer's FIN once more, and nothing else with that bit
        if self._duplicate.allow(now):
            self._acknowledge()

    def _reset(self, distance: int, room: int, now: int) -> None:
        """RFC 5961 3.2: only a RST with exactly the next number counts, one inside the window is challenged."""
        if distance == 0:
            self._finish(End.ORDERLY if self.state in (State.TIME_WAIT, State.LAST_ACK, State.CLOSING) else
                         End.REFUSED if self.state is State.SYN_RCVD and self.active else End.RESET)
        elif 0 < distance < room:
            self._challenge_ack(now)
        else:
            self.strangers += 1

    def _challenge_ack(self, now: int) -> None:
        if self._challenge.allow(now):
            self._acknowledge()

    def _receive_in_syn_sent(self, segment: Segment, now: int) -> None:
        """9293 3.10.7.3."""
        flags, tx = segment.flags, self.tx
        if flags & ACK and segment.ack != tx.nxt & _MASK:
            self.strangers += 1
            if not flags & RST:
                self._refuse(segment, now)
            return
        if flags & (RST | ACK) == RST | ACK:
            self._finish(End.REFUSED)
            return
        if flags & RST or not flags & SYN:
            self.strangers += 1
            return
        self._take_syn(segment)
        if not flags & ACK:                      # simultaneous open
            self.state = State.SYN_RCVD
            self._syn_delay = tx.rto.current()
            self._send_syn(now)
            return
        self._established(segment, segment.seq, now)
        self._ack_now = True
        if segment.data or flags & FIN:
            self._take(segment, self.rx.nxt, now)
        self._flush(now)

    def _refuse(self, segment: Segment, now: int) -> None:
        """An ACK of something that was never sent, before the connection is open (9293 3.10.7.3, 3.10.7.4)."""
        if self._duplicate.allow(now):
            self._out.append(wire.emit(self.local, self.remote, segment.ack, 0, RST, 0, b"", self.pseudo))

    def _send_syn_again(self, now: int) -> None:
        """The peer repeats its SYN: it did not get our SYN-ACK."""
        self._syn_at = -1
        if not self._duplicate.allow(now):
            return
        self._out.append(wire.emit(self.local, self.remote, self.tx.una & _MASK, self.rx.nxt & _MASK, SYN | ACK,
                                   RECEIVE_BUFFER, b"", self.pseudo, self.config.mss))

    # --- sending --------------------------------------------------------------------------------------------------

    def _flush(self, now: int) -> None:
        """Send what may be sent; an acknowledgement that is due travels with it, or alone."""
        tx = self.tx
        if tx.queue or tx.fin_wanted:
            for sent in tx.transmit(now):
                self._emit(sent)
        self._watch(now)
        if self._ack_now:
            self._acknowledge()

    def _watch(self, now: int) -> None:
        """The user timeout runs while an acknowledgement is owed; a closed window that was just confirmed owes none."""
        tx = self.tx
        user = self._user
        if not (tx.tries or tx.flight and tx.window):
            user.at = NEVER
        elif user.at == NEVER:
            user.at = now + self.config.user_timeout_ms * MS

    def _emit(self, sent: Sent) -> None:
        rx = self.rx
        window = rx.window()
        self._out.append(wire.emit(self.local, self.remote, sent.seq & _MASK, rx.nxt & _MASK, sent.flags, window, sent.data,
                                   self.pseudo))
        self._ack_now = False
        self._segments_unacked = 0
        self._ack_timer.at = NEVER

    def _acknowledge(self, back: int = 0) -> None:
        rx, tx = self.rx, self.tx
        seq = tx.nxt - back
        if seq > tx.una + tx.window and tx.flight:
            seq = tx.una + tx.window             # a peer whose window shrank would take SND.NXT for a forgery
        window = rx.window()
        self._out.append(wire.emit(self.local, self.remote, seq & _MASK, rx.nxt & _MASK, ACK, window, b"", self.pseudo))
        self._ack_now = False
        self._segments_unacked = 0
        self._ack_timer.at = NEVER

    # --- the remaining verbs --------------------------------------------------------------------------------------

    def outgoing(self) -> list[bytes]:
        """Segments, each with its checksum."""
        out = self._out
        if out:
            self._out = []
        return out

    def handle_timer(self, now: int) -> None:
        if self._deadline.take(now) or self._user.take(now):
            self.abort(End.TIMEOUT)
            return
        if self._handshake.take(now):
            self._syn_at = -1
            self._send_syn(now)
        if self._ack_timer.take(now):
            self._acknowledge()
        tx = self.tx
        if now >= tx.timer.at or now >= tx.persist.at:
            for sent in tx.handle_timer(now):
                if tx.hopeless(now):
                    self.abort(End.TIMEOUT)
                    return
                self._emit(sent)
            self._watch(now)
        if self._alive.due(now, self.state is State.ESTABLISHED, tx.unfinished):
            if self._alive.hopeless:
                self.abort(End.TIMEOUT)
                return
            self._acknowledge(1)                 # one number too low: who lives answers with an ACK
        if self._closing.take(now):
            if self.state is State.CLOSE_WAIT:
                self.close(now)
            else:                                # TIME-WAIT is over, or the peer's FIN never came
                self._finish(End.ORDERLY)

    def next_timer(self) -> int:
        tx = self.tx
        return min(self._ack_timer.at, tx.timer.at, tx.persist.at, self._user.at, self._closing.at, self._handshake.at,
                   self._deadline.at, self._alive.at)
