"""The TCP of one host: at most one session, the listener, connections that are still closing, RST for everybody else."""
from __future__ import annotations

from typing import Any, Callable

from kernel.record import dataclass
from kernel.timer import NEVER
from tasks.errors import WireError
from tasks.ipv6.wire import TCP, pseudo_sum
from tasks.machine import Checkpoint, Note
from tasks.messages import Datagram, SendDatagram, TcpClosed, TcpConnected, TcpData, Unreachable
from tasks.stop_reasons import StopReason
from tasks.tcp import wire
from tasks.tcp.config import TcpConfig
from tasks.tcp.connection import Connection
from tasks.tcp.isn import InitialSequence
from tasks.tcp.limiter import Limiter
from tasks.tcp.states import End, State
from tasks.tcp.wire import ACK, FIN, RST, SYN, Segment

LEAVING = 4              # connections that may still be closing; beyond that one in TIME-WAIT is forgotten, or else the oldest
PORT_TRIES = 8           # draws of our own port; each of at most LEAVING numbers in use is drawn once in 16384
UNTOLD = 64              # events that wait for a slow reader before new connections are refused
RESETS_PER_SECOND = 100  # RST for strangers: a flood is not answered with a flood
FIRST_PRIVATE_PORT = 49152       # IANA dynamic ports
LAST_PRIVATE_PORT = 65535
_MASK = 0xFFFFFFFF

_REASONS = {End.ORDERLY: None, End.REFUSED: StopReason.TCP_REFUSED, End.RESET: StopReason.TCP_RESET,
            End.TIMEOUT: StopReason.TCP_TIMEOUT}


@dataclass(slots=True)
class Session:
    """A connection with its addresses; `told` remembers what the application knows of it."""

    own: bytes
    peer: bytes
    mac: bytes | None
    connection: Connection
    told_open: bool = False
    told_closed: bool = False
    closed_by_us: bool = False


IsnSource = Callable[[bytes, int, bytes, int, int], int]


class Endpoint:
    """Five verbs plus the application's commands. The peer may be a car (we listen) or a charger (we connect)."""

    def __init__(self, address: bytes, config: TcpConfig, rng: Any, isn: IsnSource | None = None) -> None:
        self.address = address               # our own; the task keeps it current
        self.session: Session | None = None
        self.leaving: list[Session] = []
        self.listening = 0                   # port, 0 when not listening
        self.foreign = 0                     # segments of the session's addresses and ports from another MAC
        self.malformed = 0                   # checksum, header
        self.resets_sent = 0                 # to segments that belong to no connection
        self.refused = 0                     # SYNs while a session lives
        self.overflows = 0                   # TcpSend that found no room: the stream would have a hole, so it ends
        self.evicted = 0                     # connections that were still closing when a newer one needed their place
        self._config = config
        self._rng = rng
        self._isn: IsnSource = isn or InitialSequence(rng)
        self._resets = Limiter(RESETS_PER_SECOND)
        self._out: list[SendDatagram] = []
        self._events: list[Any] = []

    # --- commands -------------------------------------------------------------------------------------------------

    def connect(self, address: bytes, port: int, mac: bytes | None, timeout: int, now: int) -> None:
        """Active open; what was there before is aborted."""
        self._drop_session(now)
        session = self._new_session(address, port, self._free_port(), mac, now)
        session.connection.open_active(timeout, now)
        self._events.append(Checkpoint(301, "SYN sent"))
        self._look_after(session, now)

    def listen(self, port: int) -> None:
        """Passive open, again after each session, until `abort`."""
        if self.listening != port:
            self.listening = port
            self._events.append(Checkpoint(300, "listening"))

    def send(self, data: bytes, now: int) -> bool:
        """Queue one message. A message that cannot be taken ends the connection: a stream has no holes."""
        session = self.session
        if session is None:
            return False
        connection = session.connection
        if connection.send(data, now):
            self._look_after(session, now)
            return True
        if connection.state in (State.ESTABLISHED, State.SYN_SENT, State.SYN_RCVD) and not connection.tx.fin_wanted:
            self.overflows += 1
            connection.abort(End.TIMEOUT)
            self._look_after(session, now)
        return False

    def close(self, now: int) -> None:
        """FIN after everything queued; an EVSE listens all the while."""
        session = self.session
        if session is not None:
            session.closed_by_us = True
            session.connection.close(now)
            self._look_after(session, now)

    def abort(self, now: int) -> None:
        """RST, forget, and do not listen any more."""
        self.listening = 0
        self._drop_session(now)
        for session in self.leaving:
            session.connection.abort()
            self._collect(session)
        self.leaving.clear()

    def unreachable(self, item: Unreachable, now: int) -> None:
        """Neighbour discovery found nobody: no use in waiting for the handshake's deadline."""
        session = self.session
        if session is not None and session.peer == item.address and session.connection.state is State.SYN_SENT:
            session.connection.abort(End.TIMEOUT)
            self._look_after(session, now)

    # --- the five verbs -------------------------------------------------------------------------------------------

    def receive(self, datagram: Datagram, now: int) -> None:
        session = self.session
        known = session is not None and datagram.src == session.peer and datagram.dst == session.own
        pseudo = session.connection.pseudo if known else pseudo_sum(datagram.src, datagram.dst, TCP)
        try:
            segment = wire.parse(datagram.payload, pseudo)
        except WireError:
            self.malformed += 1
            return
        if known:
            connection = session.connection
            if connection.remote == segment.src_port and connection.local == segment.dst_port:
                if session.mac is not None and datagram.src_mac != session.mac:
                    self.foreign += 1            # right numbers, but another station: it speaks for nobody
                    return
                self._receive(session, datagram, segment, now)
                if session.mac is None and connection.state is not State.SYN_SENT:
                    session.mac = datagram.src_mac      # who knew our sequence number is the peer
                return
        for other in self.leaving:
            connection = other.connection
            if (other.peer == datagram.src and other.own == datagram.dst and connection.remote == segment.src_port
                    and connection.local == segment.dst_port):
                self._receive(other, datagram, segment, now)
                return
        self._receive_unknown(datagram, segment, pseudo, now)

    def handle_timer(self, now: int) -> None:
        session = self.session
        if session is not None and now >= session.connection.next_timer():
            session.connection.handle_timer(now)
            self._look_after(session, now)
        for other in self.leaving[:]:
            if now >= other.connection.next_timer():
                other.connection.handle_timer(now)
                self._look_after(other, now)

    def outgoing(self) -> list[SendDatagram]:
        session = self.session
        if session is not None:
            self._collect(session)
        out = self._out
        if out:
            self._out = []
        return out

    def events(self) -> list[Any]:
        """Checkpoint, Note, TcpConnected, TcpData, TcpClosed in the order in which they happened.

        Data is taken out of the connection here: who does not ask lets the window close.
        """
        session = self.session
        if session is not None:
            self._pull(session)
            self._tell_end(session)
        events = self._events
        if events:
            self._events = []
        return events

    def next_timer(self) -> int:
        session = self.session
        nearest = NEVER if session is None else session.connection.next_timer()
        for other in self.leaving:
            nearest = min(nearest, other.connection.next_timer())
        return nearest

    # --- segments -------------------------------------------------------------------------------------------------

    def _receive(self, session: Session, datagram: Datagram, segment: Segment, now: int) -> None:
        connection = session.connection
        if segment.flags & (SYN | ACK | RST) == SYN and self._reopens(connection, segment):
            self.leaving.remove(session)         # who waits in TIME-WAIT is always there
            self._receive_unknown(datagram, segment, connection.pseudo, now, connection.tx.nxt)
            return
        connection.receive(segment, now)
        self._look_after(session, now)

    def _reopens(self, connection: Connection, segment: Segment) -> bool:
        """A new SYN of the same four-tuple while the old connection waits in TIME-WAIT (9293 3.6.1)."""
        beyond = segment.seq - connection.rx.nxt & _MASK
        return connection.state is State.TIME_WAIT and connection.local == self.listening and 0 <= beyond < 1 << 31

    def _receive_unknown(self, datagram: Datagram, segment: Segment, pseudo: int, now: int, used: int | None = None) -> None:
        """No connection has this four-tuple (9293 3.10.7.1 and 3.10.7.2); `used` is SND.NXT of the one that had it a moment ago."""
        flags = segment.flags
        if flags & RST:
            return
        wanted = segment.dst_port == self.listening and flags & (SYN | ACK) == SYN and datagram.dst == self.address
        if wanted and self._free_for(datagram.src, now):
            session = self._new_session(datagram.src, segment.src_port, segment.dst_port, datagram.src_mac, now, used)
            self._events.append(Checkpoint(301, "SYN received"))
            session.connection.open_passive(segment, now)
            self._events.append(Checkpoint(302, "SYN-ACK sent"))
            self._collect(session)
            return
        if wanted:
            self.refused += 1
            if self._config.second_connection == "ignore":
                return
        if not self._resets.allow(now):
            return
        self.resets_sent += 1
        if flags & ACK:
            seq, ack, answer = segment.ack, 0, RST
        else:
            length = len(segment.data) + (1 if flags & SYN else 0) + (1 if flags & FIN else 0)
            seq, ack, answer = 0, segment.seq + length & _MASK, RST | ACK
        payload = wire.emit(segment.dst_port, segment.src_port, seq, ack, answer, 0, b"", pseudo)
        self._out.append(SendDatagram(datagram.src, TCP, payload, datagram.src_mac))

    def _free_for(self, peer: bytes, now: int) -> bool:
        """Room for a new session? A session that has ended for the application, or a handshake that the same peer
        left behind, does not hold the listener."""
        if len(self._events) >= UNTOLD:
            return False
        session = self.session
        if session is None:
            return True
        state = session.connection.state
        if state is State.SYN_RCVD:
            if peer != session.peer:
                return False
            session.connection.abort()
        elif state is State.ESTABLISHED or state is State.SYN_SENT:
            return False
        elif state is State.CLOSE_WAIT:
            session.connection.close(now)
        self._pull(session)
        self._tell_closed(session, None)
        self._collect(session)
        self.session = None
        if session.connection.state is not State.CLOSED:
            self._leave(session)
        return True

    # --- sessions -------------------------------------------------------------------------------------------------

    def _free_port(self) -> int:
        """A port that cannot be guessed (RFC 6056 3.3.1) and that no connection of ours is still closing."""
        taken = {session.connection.local for session in self.leaving}
        port = 0
        for _ in range(PORT_TRIES):
            port = self._rng.randrange(FIRST_PRIVATE_PORT, LAST_PRIVATE_PORT + 1)
            if port not in taken:
                break
        return port

    def _new_session(self, peer: bytes, peer_port: int, own_port: int, mac: bytes | None, now: int, used: int | None = None) -> Session:
        pseudo = pseudo_sum(self.address, peer, TCP)
        iss = self._isn(self.address, own_port, peer, peer_port, now)
        if used is not None and iss - used & _MASK >= 1 << 31:
            iss = used + self._rng.randrange(1, 1 << 16) & _MASK     # beyond all numbers of the old connection (9293 3.6.1)
        session = Session(self.address, peer, mac, Connection(own_port, peer_port, pseudo, iss, self._config))
        self.session = session
        return session

    def _leave(self, session: Session) -> None:
        self.leaving.append(session)
        if len(self.leaving) > LEAVING:
            waiting = [s for s in self.leaving if s.connection.state is State.TIME_WAIT]
            oldest = waiting[0] if waiting else self.leaving[0]
            self.leaving.remove(oldest)
            oldest.connection.abort()            # silent in TIME-WAIT, RST otherwise
            self._collect(oldest)
            self.evicted += 1

    def _drop_session(self, now: int) -> None:
        session = self.session
        if session is None:
            return
        session.connection.abort()
        self._collect(session)
        self._pull(session)
        self._tell_closed(session, None)
        self.session = None

    def _look_after(self, session: Session, now: int) -> None:
        """After each step: collect segments, tell what changed."""
        connection = session.connection
        if session is not self.session:
            connection.read()                    # nobody reads a session that is over; its peer is told of the room
            self._collect(session)
            if connection.state is State.CLOSED:
                self.leaving.remove(session)
            return
        if not session.told_open and connection.state not in (State.SYN_SENT, State.SYN_RCVD, State.CLOSED):
            session.told_open = True
            if connection.active:
                self._events.append(Checkpoint(302, "SYN-ACK received"))
                self._events.append(Checkpoint(303, "ACK sent"))
            else:
                self._events.append(Checkpoint(303, "ACK received"))
            self._events.append(TcpConnected(session.peer, connection.remote, session.mac or bytes(6)))
        self._collect(session)
        if connection.state is State.CLOSED:
            self._pull(session)
            self._tell_end(session)
            self.session = None
        elif connection.state is State.TIME_WAIT:
            self._pull(session)
            self._tell_end(session)
            self.session = None
            self._leave(session)

    def _collect(self, session: Session) -> None:
        for payload in session.connection.outgoing():
            self._out.append(SendDatagram(session.peer, TCP, payload, session.mac))

    def _pull(self, session: Session) -> None:
        """What has arrived, as one event."""
        connection = session.connection
        if connection.rx.ready_size:
            self._events.append(TcpData(connection.read()))

    def _tell_end(self, session: Session) -> None:
        """The stream is over when the peer's FIN is reached or the connection is gone."""
        connection = session.connection
        if connection.end is not None:
            by_us = session.closed_by_us and connection.end is not End.TIMEOUT
            self._tell_closed(session, None if by_us else _REASONS[connection.end])
        elif connection.rx.finished and not connection.rx.ready_size:
            self._tell_closed(session, None)

    def _tell_closed(self, session: Session, reason: StopReason | None) -> None:
        if session.told_closed or not (session.told_open or session.connection.active):
            return                               # a half-open connection that nobody was told of
        session.told_closed = True
        if reason is not None and session.connection.tx.repeats:
            self._events.append(Note("connection lost after %d repeated segments", (session.connection.tx.repeats,), "warning"))
        self._events.append(TcpClosed(reason))
