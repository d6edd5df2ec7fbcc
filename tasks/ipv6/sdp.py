"""SECC discovery: the car asks everybody for the charger's address and port, the charger answers (sheet section 5.2)."""
from __future__ import annotations

from typing import Any

from kernel.timer import NEVER, Timer
from tasks.errors import WireError
from tasks.ipv6 import sdp_wire, wire
from tasks.ipv6.config import SdpConfig
from tasks.ipv6.sdp_wire import SDP_PORT, SECURITY_NONE, SECURITY_TLS, TRANSPORT_TCP, SdpRequest, SdpResponse
from tasks.ipv6.strangers import StrangerSeen, Trick
from tasks.ipv6.timing import SDP_PREFER, SDP_REQUEST_INTERVAL, SDP_REQUEST_MAX, SDP_STRANGER_WAIT
from tasks.machine import Checkpoint, Note
from tasks.messages import AcceptStation, Datagram, Discovered, DiscoveryFailed, SendDatagram
from tasks.stop_reasons import StopReason
from tasks.tcp.limiter import Limiter

ANSWERS_PER_SECOND = 1000        # SDP responses; a car asks four times a second, and is to be answered in a flood of strangers' requests too
UNTOLD = 4                       # strangers told apart between two looks at the events
FIRST_PRIVATE_PORT = 49152       # IANA dynamic ports; any source port is legal for the request
LAST_PRIVATE_PORT = 65535


def _stranger(events: list[Any], trick: Trick, mac: bytes) -> None:
    """One more of this trick; a flood between two looks at the events makes one event."""
    same = [e for e in events if type(e) is StrangerSeen]
    for e in same:
        if e.trick is trick and (e.mac == mac or len(same) >= UNTOLD):
            e.count += 1
            return
    events.append(StrangerSeen(trick, mac))


class SdpClient:
    """The car's side. We speak no TLS, so only an answer without TLS is acceptable.

    SDP knows no secrets: whoever answers first could be the charger. But the station that was matched is known, and it alone has
    been measured to be at the other end of this cable: its answer is taken at once, that of another one only when the matched
    one has not answered within SDP_PREFER.
    """

    def __init__(self, address: bytes, rng: Any) -> None:
        self.address = address           # our own; the task keeps it current
        self.malformed = 0               # not an SDP response, or its UDP checksum is wrong
        self.refused = 0                 # SDP responses that we cannot use, in this discovery
        self.foreign = 0                 # datagrams that nobody waits for
        self.requests = 0                # sent in this discovery
        self._rng = rng
        self._port = 0
        self._timer = Timer()
        self._matched: bytes | None = None
        self._prefer = Timer()           # how long the answer of another station still waits
        self._waiting: tuple[Datagram, SdpResponse] | None = None
        self._taken: tuple[bytes, int] | None = None     # address and port that were taken
        self._out: list[SendDatagram] = []
        self._events: list[Any] = []

    @property
    def active(self) -> bool:
        return self._timer.armed

    def start(self, now: int, matched: bytes | None = None) -> None:
        """Ask now, then every 250 ms, 50 times in all. `matched`: MAC of the station that was matched, where it is known."""
        self._matched = matched
        self._prefer.cancel()
        self._waiting = self._taken = None
        self._port = self._rng.randrange(FIRST_PRIVATE_PORT, LAST_PRIVATE_PORT + 1)
        self.requests = 0
        self.refused = 0
        self._request(now)
        self._events.append(Checkpoint(200, "SDP request sent"))

    def stop(self) -> None:
        self._timer.cancel()
        self._prefer.cancel()

    # --- the five verbs -------------------------------------------------------------------------------------------

    def receive(self, datagram: Datagram, now: int) -> None:
        if not self._timer.armed and self._taken is None:
            self.foreign += 1
            return
        try:
            udp = wire.parse_udp(datagram.payload, datagram.src, datagram.dst)
            if udp.dst_port != self._port or udp.src_port != SDP_PORT:
                self.foreign += 1
                return
            response = sdp_wire.parse_response(udp.data)
        except WireError:
            self.malformed += 1
            return
        if not self._timer.armed:        # later answers are ignored, the first valid one counts
            self.foreign += 1
            if (response.address, response.port) != self._taken:
                _stranger(self._events, Trick.SECOND_SDP, datagram.src_mac)
        elif response.transport != TRANSPORT_TCP or response.security != SECURITY_NONE:
            self._refuse("transport %02x, security %02x", response.transport, response.security)
        elif response.port == 0 or not wire.is_link_local(response.address):
            self._refuse("address %s port %d", response.address.hex(":", 2), response.port)
        elif self._matched is None or datagram.src_mac == self._matched:
            self._discovered(datagram, response)
        else:
            _stranger(self._events, Trick.RIVAL_SDP, datagram.src_mac)
            if self._waiting is None:
                self._waiting = datagram, response
                self._prefer.arm(now, SDP_PREFER)

    def handle_timer(self, now: int) -> None:
        last = self._timer.at <= now and self.requests >= SDP_REQUEST_MAX
        if self._waiting is not None and (self._prefer.take(now) or last):
            datagram, response = self._waiting
            self._events.append(Note("the matched charger %s does not answer SDP; taking the answer of %s",
                                     (self._matched.hex(":"), datagram.src_mac.hex(":")), "warning"))
            self._discovered(datagram, response)
        elif self._timer.take(now):
            if self.requests < SDP_REQUEST_MAX:
                self._request(now)
            else:
                self._events.append(DiscoveryFailed(StopReason.SDP_FAILED))

    def outgoing(self) -> list[SendDatagram]:
        out, self._out = self._out, []
        return out

    def events(self) -> list[Any]:
        events, self._events = self._events, []
        return events

    def next_timer(self) -> int:
        return min(self._timer.at, self._prefer.at)

    # --- inside ---------------------------------------------------------------------------------------------------

    def _request(self, now: int) -> None:
        # The source address goes into the checksum here, at sending time: pyPLC's first request went out with the
        # checksum of a default address, and 8 of 8 chargers that verify dropped it (sheet 5.2).
        data = sdp_wire.emit_request(SdpRequest(SECURITY_NONE))
        payload = wire.emit_udp(self.address, wire.ALL_NODES, self._port, SDP_PORT, data)
        self._out.append(SendDatagram(wire.ALL_NODES, wire.UDP, payload))
        self.requests += 1
        self._timer.arm(now, SDP_REQUEST_INTERVAL)

    def _refuse(self, text: str, *args: Any) -> None:
        self.refused += 1
        if self.refused == 1:
            self._events.append(Note("SDP response refused: " + text, args, "warning"))

    def _discovered(self, datagram: Datagram, response: SdpResponse) -> None:
        self._timer.cancel()
        self._prefer.cancel()
        self._waiting = None
        self._taken = response.address, response.port
        mac: bytes | None = datagram.src_mac
        if response.address != datagram.src:
            mac = None                   # the answer came from somebody else: resolve the address
            self._events.append(Note("SDP response from %s names %s", (datagram.src.hex(":", 2), response.address.hex(":", 2)), "warning"))
        if self._matched is not None and mac != self._matched:
            self._events.append(AcceptStation(mac))
        self._events.append(Checkpoint(203, "SDP response received"))
        self._events.append(Discovered(response.address, response.port, mac))


class SdpServer:
    """The charger's side: answers each request, the same way each time, while the link is up."""

    def __init__(self, address: bytes, tcp_port: int, config: SdpConfig) -> None:
        self.address = address           # our own; the task keeps it current
        self.tcp_port = tcp_port         # where TCP listens
        self.active = False
        self.malformed = 0
        self.refused = 0                 # a transport or a security that we do not offer
        self.foreign = 0                 # for another port, or before the link is ready
        self.strangers = 0               # requests of other stations than the matched one that were not answered
        self.answered = 0                # in this discovery
        self._config = config
        self._matched: bytes | None = None
        self._strangers_from = 0         # when others than the matched station are answered
        self._answers = Limiter(ANSWERS_PER_SECOND)
        self._out: list[SendDatagram] = []
        self._events: list[Any] = []

    def start(self, now: int, matched: bytes | None = None) -> None:
        """The link is ready: answer from now on. `matched`: MAC of the car that was matched, where it is known: it alone is
        answered, unless it does not ask within SDP_STRANGER_WAIT (a car whose matching speaks from another MAC than its host)."""
        self.active = True
        self.answered = 0
        self._matched = matched
        self._strangers_from = now + SDP_STRANGER_WAIT

    def stop(self) -> None:
        self.active = False

    # --- the five verbs -------------------------------------------------------------------------------------------

    def receive(self, datagram: Datagram, now: int) -> None:
        try:
            udp = wire.parse_udp(datagram.payload, datagram.src, datagram.dst)
            if udp.dst_port != SDP_PORT or udp.src_port == 0 or not self.active:
                self.foreign += 1
                return
            request = sdp_wire.parse_request(udp.data)
        except WireError:
            self.malformed += 1
            return
        # A request for TLS is answered without TLS: a Tesla Model X accepts that (sheet section 0, item 11).
        offered = request.security == SECURITY_NONE or (request.security == SECURITY_TLS
                                                        and self._config.tls_request == "answer_no_tls")
        if request.transport != TRANSPORT_TCP or not offered:
            self.refused += 1
            return
        if not self._serves(datagram.src_mac, now) or not self._answers.allow(now):
            return
        if not self.answered:
            self._events.append(Checkpoint(201, "SDP request received"))
            if request.security == SECURITY_TLS:
                self._events.append(Note("car asked for TLS, offered a connection without it", (), "warning"))
        data = sdp_wire.emit_response(SdpResponse(self.address, self.tcp_port, SECURITY_NONE))
        payload = wire.emit_udp(self.address, datagram.src, SDP_PORT, udp.src_port, data)
        self._out.append(SendDatagram(datagram.src, wire.UDP, payload, datagram.src_mac))
        self.answered += 1
        if self.answered == 1:
            self._events.append(Checkpoint(202, "SDP response sent"))

    def _serves(self, mac: bytes, now: int) -> bool:
        """Is this the car? Once it has asked, it stays the only one in this discovery."""
        matched = self._matched
        if matched is None or mac == matched:
            self._strangers_from = NEVER
            return True
        if now < self._strangers_from:
            self.strangers += 1
            _stranger(self._events, Trick.UNMATCHED_SDP, mac)
            return False
        self._events.append(Note("the matched car %s does not ask; %s does, and is answered", (matched.hex(":"), mac.hex(":")), "warning"))
        self._events.append(AcceptStation(mac))
        self._matched, self._strangers_from = mac, NEVER
        return True

    def handle_timer(self, now: int) -> None:
        """Nothing here waits for anything; the verb is there for the task."""

    def outgoing(self) -> list[SendDatagram]:
        out, self._out = self._out, []
        return out

    def events(self) -> list[Any]:
        events, self._events = self._events, []
        return events

    def next_timer(self) -> int:
        return NEVER
