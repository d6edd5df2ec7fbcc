"""SECC discovery: the car asks everybody for the charger's address and port, the charger answers (sheet section 5.2)."""
from __future__ import annotations

from typing import Any

from kernel.timer import NEVER, Timer
from tasks.errors import WireError
from tasks.ipv6 import sdp_wire, wire
from tasks.ipv6.config import SdpConfig
from tasks.ipv6.sdp_wire import SDP_PORT, SECURITY_NONE, SECURITY_TLS, TRANSPORT_TCP, SdpRequest, SdpResponse
from tasks.ipv6.timing import SDP_REQUEST_INTERVAL, SDP_REQUEST_MAX
from tasks.machine import Checkpoint, Note
from tasks.messages import Datagram, Discovered, DiscoveryFailed, SendDatagram
from tasks.stop_reasons import StopReason

FIRST_PRIVATE_PORT = 49152       # IANA dynamic ports; any source port is legal for the request
LAST_PRIVATE_PORT = 65535


class SdpClient:
    """The car's side. We speak no TLS, so only an answer without TLS is acceptable."""

    def __init__(self, address: bytes, rng: Any) -> None:
        self.address = address           # our own; the task keeps it current
        self.malformed = 0               # not an SDP response, or its UDP checksum is wrong
        self.refused = 0                 # SDP responses that we cannot use, in this discovery
        self.foreign = 0                 # datagrams that nobody waits for
        self.requests = 0                # sent in this discovery
        self._rng = rng
        self._port = 0
        self._timer = Timer()
        self._out: list[SendDatagram] = []
        self._events: list[Any] = []

    @property
    def active(self) -> bool:
        return self._timer.armed

    def start(self, now: int) -> None:
        """Ask now, then every 250 ms, 50 times in all."""
        self._port = self._rng.randrange(FIRST_PRIVATE_PORT, LAST_PRIVATE_PORT + 1)
        self.requests = 0
        self.refused = 0
        self._request(now)
        self._events.append(Checkpoint(200, "SDP request sent"))

    def stop(self) -> None:
        self._timer.cancel()

    # --- the five verbs -------------------------------------------------------------------------------------------

    def receive(self, datagram: Datagram, now: int) -> None:
        if not self._timer.armed:
            self.foreign += 1            # later answers are ignored, the first valid one counts
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
        if response.transport != TRANSPORT_TCP or response.security != SECURITY_NONE:
            self._refuse("transport %02x, security %02x", response.transport, response.security)
        elif response.port == 0 or not wire.is_link_local(response.address):
            self._refuse("address %s port %d", response.address.hex(), response.port)
        else:
            self._discovered(datagram, response)

    def handle_timer(self, now: int) -> None:
        if not self._timer.take(now):
            return
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
        return self._timer.at

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
        mac: bytes | None = datagram.src_mac
        if response.address != datagram.src:
            mac = None                   # the answer came from somebody else: resolve the address
            self._events.append(Note("SDP response from %s names %s", (datagram.src.hex(), response.address.hex()), "warning"))
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
        self.answered = 0                # in this discovery
        self._config = config
        self._out: list[SendDatagram] = []
        self._events: list[Any] = []

    def start(self, now: int) -> None:
        """The link is ready: answer from now on."""
        self.active = True
        self.answered = 0

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
