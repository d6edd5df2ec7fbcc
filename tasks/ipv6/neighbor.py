"""Neighbour discovery on a network of two: who has which MAC, and is our own address ours (sheet section 5.5)."""
from __future__ import annotations

from collections import deque
from dataclasses import field
from enum import Enum, auto
from typing import Any

from kernel.record import dataclass
from kernel.timer import NEVER
from tasks.errors import WireError
from tasks.ipv6 import wire
from tasks.ipv6.strangers import Strangers, Trick
from tasks.ipv6.timing import (DAD_CONFLICTS, DAD_WAIT, DELAY_FIRST_PROBE_TIME, MAX_MULTICAST_SOLICIT,
                               MAX_UNICAST_SOLICIT, QUIET, REACHABLE_TIME, RETRANS_TIMER)
from tasks.ipv6.wire import NA_OVERRIDE, NA_SOLICITED, NEIGHBOR_ADVERTISEMENT, NEIGHBOR_SOLICITATION, NeighborMessage
from tasks.machine import Checkpoint, Note
from tasks.messages import Unreachable
from tasks.tcp.limiter import Limiter

ENTRIES = 8              # neighbours remembered; a logical network has one, a listener on a shared bench a few
PEER_ANSWERS = 100       # advertisements per second for the peer; it solicits once in seconds (sheet 5.5)
UNKNOWN_ANSWERS = 1000   # while nobody is known to be the peer: it is to be answered in a flood too, and has no session yet
STRANGER_ANSWERS = 50    # otherwise, for all others together: a storm of solicitations takes no room from the session's segments
QUEUED = 3               # packets that wait for one address (sheet 5.5; RFC 4861 7.2.2 asks for at least one)


class Reach(Enum):
    """States of a neighbour (RFC 4861 section 7.3.2)."""

    INCOMPLETE = auto()
    REACHABLE = auto()
    STALE = auto()
    DELAY = auto()
    PROBE = auto()


@dataclass(slots=True)
class Entry:
    """What is known of one neighbour; `timer` is the next deadline of its state."""

    address: bytes
    mac: bytes | None
    state: Reach
    timer: int = NEVER
    solicitations: int = 0
    used: int = -1               # when something was last sent to it; -1: never
    heard: int = 0               # when its MAC was last learned or confirmed
    waiting: deque[tuple[int, int, bytes]] = field(default_factory=deque)


@dataclass(slots=True)
class Outgoing:
    """A packet whose destination MAC is known: to be put into IPv6 and Ethernet."""

    dst_mac: bytes
    src: bytes
    dst: bytes
    next_header: int
    hop_limit: int
    payload: bytes


class Neighbor:
    """The neighbour cache, the answers to solicitations, and duplicate address detection."""

    def __init__(self, mac: bytes, rng: Any, strangers: Strangers | None = None) -> None:
        self.mac = mac
        self.strangers = Strangers() if strangers is None else strangers
        self.peer: bytes | None = None           # MAC of the station that was matched or discovered, None unknown, NOBODY none
        self.held: bytes | None = None           # address with an open stream: for it speaks `held_mac` alone
        self.held_mac: bytes | None = None
        self.address = wire.link_local(mac)
        self.group = wire.solicited_node(self.address)
        self.entries: dict[bytes, Entry] = {}
        self.malformed = 0           # ND messages that RFC 4861 7.1 tells to drop silently
        self.not_ours = 0            # solicitations for another target
        self.conflicts = 0           # somebody else claimed our address while we asked, on this network
        self.late_claims = 0         # somebody else claimed it later: nothing to be done about it
        self.dropped = 0             # packets that waited in vain or found no room to wait
        self.evicted = 0             # neighbours forgotten for lack of room
        self._rng = rng
        self._peer_answers = Limiter(PEER_ANSWERS)
        self._unknown_answers = Limiter(UNKNOWN_ANSWERS)
        self._stranger_answers = Limiter(STRANGER_ANSWERS)
        self._tentative_until = 0
        self._out: list[Outgoing] = []
        self._events: list[Any] = []
        self._told: set[int] = set()

    # --- the five verbs -------------------------------------------------------------------------------------------

    def receive(self, packet: wire.Ipv6, src_mac: bytes, now: int) -> None:
        """A solicitation or advertisement whose checksum is right."""
        try:
            message = wire.parse_neighbor(packet)
        except WireError:
            self.malformed += 1
            return
        if message.type == NEIGHBOR_SOLICITATION:
            self._solicited(packet, message, src_mac, now)
        else:
            self._advertised(packet, message, src_mac, now)

    def handle_timer(self, now: int) -> None:
        for entry in [e for e in self.entries.values() if now >= e.timer]:
            self._timed(entry, now)

    def outgoing(self) -> list[Outgoing]:
        out = self._out
        if out:
            self._out = []
        return out

    def events(self) -> list[Any]:
        events = self._events
        if events:
            self._events = []
        return events

    def next_timer(self) -> int:
        nearest = NEVER
        for entry in self.entries.values():
            if entry.timer < nearest:
                nearest = entry.timer
        return nearest

    # --- sending --------------------------------------------------------------------------------------------------

    def send(self, dst: bytes, next_header: int, payload: bytes, dst_mac: bytes | None, now: int) -> None:
        """Send now, or as soon as the MAC is known. With `dst_mac` exactly there: who answers or has a session knows whom
        it speaks to, whatever a stranger has advertised meanwhile."""
        if dst[0] == 0xFF:
            self._out.append(Outgoing(wire.multicast_mac(dst), self.address, dst, next_header, wire.HOP_LIMIT, payload))
            return
        entry = self.entries.get(dst)
        if entry is None:
            entry = self._new_entry(dst)
            if dst_mac is None:
                entry.used = now
                entry.waiting.append((next_header, wire.HOP_LIMIT, payload))
                self._multicast_solicitation(entry, now)
                return
        if entry.mac is None:
            if dst_mac is None:
                if len(entry.waiting) >= QUEUED:
                    entry.waiting.popleft()
                    self.dropped += 1
                entry.waiting.append((next_header, wire.HOP_LIMIT, payload))
                return
            self._learn(entry, dst_mac, Reach.STALE, now)
        entry.used = now
        if entry.state is Reach.STALE:
            entry.state = Reach.DELAY
            entry.timer = now + DELAY_FIRST_PROBE_TIME
        self._out.append(Outgoing(entry.mac if dst_mac is None else dst_mac, self.address, dst, next_header, wire.HOP_LIMIT, payload))

    def confirm(self, address: bytes, mac: bytes, now: int) -> None:
        """Forward progress: the upper layer hears this neighbour (RFC 4861 7.3.1), so do not probe it."""
        entry = self.entries.get(address)
        if entry is not None and entry.mac == mac:
            entry.state = Reach.REACHABLE
            entry.timer = now + REACHABLE_TIME
            entry.heard = now

    # --- the peer -------------------------------------------------------------------------------------------------

    def hold(self, address: bytes, mac: bytes | None, now: int) -> None:
        """A stream with this neighbour is open, or over (`mac` None). Until then no message moves it to another MAC."""
        self.held, self.held_mac = (None, None) if mac is None else (address, mac)
        if mac is not None:
            entry = self.entries.get(address) or self._new_entry(address)
            if entry.mac != mac:
                self._learn(entry, mac, Reach.STALE, now)

    def is_peer(self, mac: bytes) -> bool:
        """The station that was matched or discovered, or that has the open stream."""
        return mac == self.held_mac or mac == self.peer

    def _moves(self, entry: Entry, mac: bytes, src_mac: bytes, now: int) -> bool:
        """May a message from `src_mac` give this neighbour another MAC? Not while a stream is open, nor behind the peer's back."""
        if entry.address != self.held and (entry.mac is None or entry.mac != self.peer or src_mac == self.peer):
            return True
        self.strangers.seen(Trick.CLAIMS_PEER, src_mac if src_mac != entry.mac else mac, now)
        return False

    # --- our own address ------------------------------------------------------------------------------------------

    def avoid(self, taken: bytes) -> bool:
        """Another address with a random interface identifier, where somebody we cannot argue with has this one (our own kernel).
        True when it was ours."""
        if taken != self.address:
            return False
        self._take_random_address()
        return True

    def _take_random_address(self) -> None:
        self.address = wire.link_local_from(self._rng.getrandbits(64))
        self.group = wire.solicited_node(self.address)

    def begin_network(self, duplicate_detection: bool, now: int) -> None:
        """A network that may be new: forget the neighbours of the old one; ask once whether our address is taken."""
        for address in [a for a, e in self.entries.items() if now - e.heard > QUIET and not e.waiting and a != self.held]:
            del self.entries[address]
        self._told.clear()
        self.conflicts = 0
        if duplicate_detection:
            self._ask_for_duplicates(now)

    def _ask_for_duplicates(self, now: int) -> None:
        self._tentative_until = now + DAD_WAIT
        message = NeighborMessage(NEIGHBOR_SOLICITATION, 0, self.address, None)
        self._out.append(Outgoing(wire.multicast_mac(self.group), wire.UNSPECIFIED, self.group, wire.ICMPV6,
                                  wire.ND_HOP_LIMIT, wire.emit_neighbor(message, wire.UNSPECIFIED, self.group)))

    def _conflict(self, src_mac: bytes, now: int) -> None:
        self.conflicts += 1
        self._events.append(Note("address conflict number %d: %s claims our address", (self.conflicts, src_mac.hex(":")), "warning"))
        if self.conflicts > DAD_CONFLICTS:
            self._events.append(Note("too many address conflicts, staying with this address", (), "error"))
            self._tentative_until = 0
            return
        self._take_random_address()
        self._ask_for_duplicates(now)

    def _claimed(self, src_mac: bytes, now: int) -> bool:
        """Somebody claims our address. True: we had asked, and give way. An open stream keeps its address, and on a network of
        two nobody but the peer can have it: a stranger that claims it would only make us lose the session."""
        if now < self._tentative_until and self.held is None and (self.peer is None or src_mac == self.peer):
            self._conflict(src_mac, now)
            return True
        self.late_claims += 1
        self.strangers.seen(Trick.CLAIMS_OURS, src_mac, now)
        return False

    # --- receiving ------------------------------------------------------------------------------------------------

    def _solicited(self, packet: wire.Ipv6, message: NeighborMessage, src_mac: bytes, now: int) -> None:
        if message.target != self.address:
            self.not_ours += 1
            return
        if packet.src == self.address:           # from our own address: a claim, and nobody to answer
            self._claimed(src_mac, now)
            return
        peer = self.is_peer(src_mac)
        if packet.src == wire.UNSPECIFIED:       # somebody else tries our address: it is defended, or given up
            given_up = now < self._tentative_until and self._claimed(src_mac, now)
            if not given_up and self._may_answer(peer, src_mac, now):
                self._advertise(wire.ALL_NODES, wire.multicast_mac(wire.ALL_NODES), NA_OVERRIDE)
            return
        self._tell(204, "neighbour solicitation for us")
        link_layer = message.link_layer
        if link_layer is not None:
            entry = self.entries.get(packet.src) or self._new_entry(packet.src)
            if entry.mac != link_layer and self._moves(entry, link_layer, src_mac, now):
                self._learn(entry, link_layer, Reach.STALE, now)
        if not self._may_answer(peer, src_mac, now):
            return
        # Chargers ask after the SDP request and answer it only when they have this advertisement: at once (sheet 5.5).
        self._advertise(packet.src, message.link_layer or src_mac, NA_SOLICITED | NA_OVERRIDE)
        self._tell(205, "neighbour advertisement sent")

    def _may_answer(self, peer: bool, src_mac: bytes, now: int) -> bool:
        unknown = self.peer is None and self.held is None
        if (self._peer_answers if peer else self._unknown_answers if unknown else self._stranger_answers).allow(now):
            return True
        self.strangers.seen(Trick.SOLICITS, src_mac, now)
        return False

    def _advertise(self, dst: bytes, dst_mac: bytes, flags: int) -> None:
        message = NeighborMessage(NEIGHBOR_ADVERTISEMENT, flags, self.address, self.mac)
        self._out.append(Outgoing(dst_mac, self.address, dst, wire.ICMPV6, wire.ND_HOP_LIMIT,
                                  wire.emit_neighbor(message, self.address, dst)))

    def _advertised(self, packet: wire.Ipv6, message: NeighborMessage, src_mac: bytes, now: int) -> None:
        if message.target == self.address:
            self._claimed(src_mac, now)
            return
        entry = self.entries.get(message.target)
        if entry is None:
            return                               # RFC 4861 7.2.5: an advertisement creates no entry
        solicited = bool(message.flags & NA_SOLICITED)
        mac = message.link_layer
        if entry.mac is None:
            # Alpitronic sends no TLLA when the solicitation was unicast; from the target itself the frame's source will do.
            if mac is None and packet.src == message.target:
                mac = src_mac
            if mac is not None:
                self._learn(entry, mac, Reach.REACHABLE if solicited else Reach.STALE, now)
        elif mac is None or mac == entry.mac:
            if solicited:
                self._enter(entry, Reach.REACHABLE, now + REACHABLE_TIME)
        elif not self._moves(entry, mac, src_mac, now):
            return
        elif message.flags & NA_OVERRIDE:
            self._learn(entry, mac, Reach.REACHABLE if solicited else Reach.STALE, now)
        elif entry.state is Reach.REACHABLE:
            self._enter(entry, Reach.STALE, NEVER)

    # --- the cache ------------------------------------------------------------------------------------------------

    def _new_entry(self, address: bytes) -> Entry:
        """Unused until something is sent to it, so a flood of strangers pushes out strangers, not the peer."""
        if len(self.entries) >= ENTRIES:
            oldest = min(self.entries.values(), key=lambda e: (e.address == self.held, e.used))
            self.dropped += len(oldest.waiting)
            self.evicted += 1
            del self.entries[oldest.address]
        entry = Entry(address, None, Reach.INCOMPLETE)
        self.entries[address] = entry
        return entry

    def _enter(self, entry: Entry, state: Reach, timer: int) -> None:
        entry.state = state
        entry.timer = timer
        entry.solicitations = 0

    def _learn(self, entry: Entry, mac: bytes, state: Reach, now: int) -> None:
        """A MAC for this neighbour, new or changed; what waited for it goes out."""
        if entry.mac is not None:
            self._events.append(Note("neighbour changed its MAC from %s to %s", (entry.mac.hex(":"), mac.hex(":")), "warning"))
        entry.mac = mac
        entry.heard = now
        self._enter(entry, state, now + REACHABLE_TIME if state is Reach.REACHABLE else NEVER)
        self._tell(210, "neighbour's addresses are clear")
        while entry.waiting:
            next_header, hop_limit, payload = entry.waiting.popleft()
            self._out.append(Outgoing(mac, self.address, entry.address, next_header, hop_limit, payload))
            if entry.state is Reach.STALE:
                self._enter(entry, Reach.DELAY, now + DELAY_FIRST_PROBE_TIME)

    def _timed(self, entry: Entry, now: int) -> None:
        if entry.state is Reach.REACHABLE:
            self._enter(entry, Reach.STALE, NEVER)
        elif entry.state is Reach.DELAY:
            self._enter(entry, Reach.PROBE, NEVER)
            self._unicast_solicitation(entry, now)
        elif entry.state is Reach.PROBE:
            if entry.solicitations < MAX_UNICAST_SOLICIT:
                self._unicast_solicitation(entry, now)
            else:
                del self.entries[entry.address]
                self._events.append(Note("neighbour does not answer any more", (), "warning"))
        elif entry.solicitations < MAX_MULTICAST_SOLICIT:
            self._multicast_solicitation(entry, now)
        else:
            self.dropped += len(entry.waiting)
            del self.entries[entry.address]
            self._events.append(Unreachable(entry.address))

    def _multicast_solicitation(self, entry: Entry, now: int) -> None:
        group = wire.solicited_node(entry.address)
        self._solicit(entry, group, wire.multicast_mac(group), now)
        self._tell(204, "neighbour solicitation sent")

    def _unicast_solicitation(self, entry: Entry, now: int) -> None:
        self._solicit(entry, entry.address, entry.mac or wire.multicast_mac(wire.ALL_NODES), now)

    def _solicit(self, entry: Entry, dst: bytes, dst_mac: bytes, now: int) -> None:
        message = NeighborMessage(NEIGHBOR_SOLICITATION, 0, entry.address, self.mac)
        self._out.append(Outgoing(dst_mac, self.address, dst, wire.ICMPV6, wire.ND_HOP_LIMIT,
                                  wire.emit_neighbor(message, self.address, dst)))
        entry.solicitations += 1
        entry.timer = now + RETRANS_TIMER

    def _tell(self, number: int, text: str) -> None:
        """Each checkpoint once per network: a peer may solicit every few seconds."""
        if number not in self._told:
            self._told.add(number)
            self._events.append(Checkpoint(number, text))
