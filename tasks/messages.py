"""What travels in the mailboxes between tasks: one page, every item with its sender and reader.

Addresses are 16 octets, MACs 6 octets, ports integers, times ns. A command asks a task to do something, an event
tells the connection supervision (or the V2G task) what came of it.
"""
from __future__ import annotations

from kernel.record import dataclass
from tasks.stop_reasons import StopReason


# --- frames and datagrams -----------------------------------------------------------------------------------------

@dataclass(slots=True)
class Frame:
    """ethernet -> homeplug: one Ethernet frame with EtherType 0x88E1, as received at `at`; once a second one of the peer with IPv6."""

    at: int
    data: bytes


@dataclass(slots=True)
class Packet:
    """ethernet -> ipv6: one Ethernet frame with EtherType 0x86DD, as received at `at`."""

    at: int
    data: bytes


@dataclass(slots=True)
class Datagram:
    """ipv6 -> sdp (UDP) and tcp: a received upper-layer payload whose IPv6 header was valid; checksum not yet checked."""

    src: bytes
    dst: bytes
    payload: bytes
    src_mac: bytes


@dataclass(slots=True)
class SendDatagram:
    """sdp, tcp -> ipv6: a complete upper-layer payload (its checksum filled in) to be put into IPv6 and Ethernet.

    `dst_mac` None: the neighbour machine resolves it (multicast destinations are mapped, RFC 2464).
    """

    dst: bytes
    next_header: int
    payload: bytes
    dst_mac: bytes | None = None


NOBODY = b""
"""In the place of a MAC: no station at all."""


@dataclass(slots=True)
class AcceptStation:
    """sdp -> ipv6: this station is our peer: the one that was matched, or that discovery took for want of it. None: anybody may be;
    NOBODY: there is no network yet, or no more."""

    mac: bytes | None


@dataclass(slots=True)
class HoldNeighbor:
    """tcp -> ipv6: a stream with `address` is open through the station `mac`, or is over (None): until then nobody else speaks for it."""

    address: bytes
    mac: bytes | None


@dataclass(slots=True)
class Unreachable:
    """ipv6 -> tcp: nobody answered three neighbour solicitations for this address."""

    address: bytes


# --- link: matching (SLAC) and the logical network ----------------------------------------------------------------

@dataclass(slots=True)
class StartMatching:
    """connection -> homeplug: PEV looks for its charger; EVSE makes a new key and waits for a car."""


@dataclass(slots=True)
class PilotOffered:
    """connection -> homeplug of a charger: 5 % is on, TT_EVSE_SLAC_init begins."""


@dataclass(slots=True)
class StopMatching:
    """connection -> homeplug: leave the logical network (a new random key) and be quiet."""


@dataclass(slots=True)
class PauseLink:
    """connection -> homeplug: D-LINK_PAUSE: keep the key, the modem may sleep; the session is to be taken up again."""


@dataclass(slots=True)
class ResumeLink:
    """connection -> homeplug: woken up: the network of before, or a new matching when it does not come back."""


@dataclass(slots=True)
class Vouch:
    """connection -> homeplug: upper layers have just heard the peer; sent at least every 5 s it keeps link polling sparse."""


@dataclass(slots=True)
class LinkUp:
    """homeplug -> connection: matched, and the logical network answers."""

    peer_mac: bytes
    nid: bytes


@dataclass(slots=True)
class LinkLost:
    """homeplug -> connection: the logical network is gone, or matching failed for good."""

    reason: StopReason


@dataclass(slots=True)
class PilotToggles:
    """homeplug -> connection of a car: show state C `count` times, beginning now, for the charger that counts (CM_VALIDATE)."""

    count: int


# --- SDP ----------------------------------------------------------------------------------------------------------

@dataclass(slots=True)
class StartDiscovery:
    """connection -> sdp: PEV asks for the SECC; EVSE answers requests from now on."""


@dataclass(slots=True)
class StopDiscovery:
    """connection -> sdp: be quiet."""


@dataclass(slots=True)
class Discovered:
    """sdp -> connection (PEV): the SECC's address and port; `mac` is where the answer came from."""

    address: bytes
    port: int
    mac: bytes | None


@dataclass(slots=True)
class DiscoveryFailed:
    """sdp -> connection (PEV): all requests unanswered."""

    reason: StopReason


# --- TCP ----------------------------------------------------------------------------------------------------------

@dataclass(slots=True)
class TcpConnect:
    """connection -> tcp (PEV): active open to the SECC; give up after `timeout` ns."""

    address: bytes
    port: int
    mac: bytes | None
    timeout: int


@dataclass(slots=True)
class TcpListen:
    """connection -> tcp (EVSE): passive open."""

    port: int


@dataclass(slots=True)
class TcpSend:
    """v2g -> tcp: octets for the stream."""

    data: bytes


@dataclass(slots=True)
class TcpClose:
    """connection, v2g -> tcp: orderly end (FIN) after everything queued; an EVSE goes back to listening."""


@dataclass(slots=True)
class TcpAbort:
    """connection -> tcp: RST and forget; also ends listening."""


@dataclass(slots=True)
class TcpConnected:
    """tcp -> connection and v2g: the stream is open."""

    address: bytes
    port: int
    mac: bytes


@dataclass(slots=True)
class TcpData:
    """tcp -> v2g: octets of the stream, in order, once."""

    data: bytes


@dataclass(slots=True)
class TcpClosed:
    """tcp -> connection and v2g: the stream is over. `reason` None: closed in order by the peer or by us."""

    reason: StopReason | None


# --- V2G ----------------------------------------------------------------------------------------------------------

@dataclass(slots=True)
class StopSession:
    """user interface, bridge, connection -> v2g: bring the session to its normal end; `urgent`: state B first, courtesy second.
    `leaving`: the program is to go after it."""

    reason: StopReason
    urgent: bool = False
    leaving: bool = False


@dataclass(slots=True)
class PrepareSession:
    """connection -> v2g: a session is near: load what it may need while nobody waits for an answer."""


@dataclass(slots=True)
class ForgetPause:
    """connection -> v2g: a pause has ended without anybody coming back: its session is not joined again."""


@dataclass(slots=True)
class AbortSession:
    """connection -> v2g: what carries the session is gone; release everything at once and say nothing more."""

    reason: StopReason


@dataclass(slots=True)
class StartSession:
    """user interface -> connection: begin again without unplugging, after an end or a failure."""


@dataclass(slots=True)
class PauseSession:
    """user interface -> connection: interrupt the charge for as long as the person likes; StartSession takes it up again."""


@dataclass(slots=True)
class RemoteStop:
    """live view -> user interface: somebody at the page wants the end of the session. `source`: address of the browser."""

    source: str


@dataclass(slots=True)
class RemoteLower:
    """live view -> user interface: no more than so many percent of the power limit, 10 to 99. Nothing asks for more."""

    percent: int
    source: str


@dataclass(slots=True)
class SessionEstablished:
    """v2g -> connection: SessionSetup is through; the communication setup timers end here."""


@dataclass(slots=True)
class SessionEnded:
    """v2g -> connection: the V2G session is over; `normal` when it reached SessionStopRes. `resume_at`: when a paused one is to go on (ns)."""

    reason: StopReason
    normal: bool
    resume_at: int | None = None
