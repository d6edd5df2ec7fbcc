"""The two ends of the cable: FrameRx drains the interface into mailboxes, FrameTx empties the outgoing mailbox."""
from __future__ import annotations

from typing import Callable

from drivers.interfaces import Nic
from kernel.channels import Mailbox, Signal
from kernel.journal import Journal
from kernel.timer import NEVER, S
from tasks.ethernet.demux import Demux
from tasks.ethernet.wire import ETHERTYPE_HOMEPLUG, ETHERTYPE_IPV6
from tasks.messages import Frame, Packet

RX_LIMIT = 32            # frames per run (house 2.8): a flood cannot hold the tick
TX_LIMIT = 32            # frames per run
FLOOD = 500              # frames per second; a session has 20, matching and its neighbours some 100 (sheet 8)
FLOOD_REPEAT = 10 * S
WITNESS_INTERVAL = S     # one IPv6 frame of the matched peer per second is shown to homeplug: proof of the link (slac sheet 4.3 f)

Tap = Callable[[int, bytes, bool], None]
"""`tap(at_ns, frame, outgoing)` sees each frame in both directions (pcap file, trace)."""


class FrameRx:
    """Drains at most RX_LIMIT frames per run and sorts them by EtherType. Frames of `station`, where it is known, come first.

    A flood is told with its kind, its rate and who sent last; `flooded` counts the seconds in which there was one.
    """

    def __init__(self, nic: Nic, homeplug_in: Mailbox[Frame], ipv6_in: Mailbox[Packet], journal: Journal,
                 tap: Tap | None = None, station: Signal[bytes] | None = None, peer_mac: Signal[bytes] | None = None) -> None:
        """`peer_mac`: the matched peer's host MAC, of whose IPv6 frames homeplug sees one per second."""
        self.inboxes: tuple[Mailbox, ...] = ()
        self._peer_mac = peer_mac if peer_mac is not None else Signal("peer_mac")
        self._witness_at = 0
        self.demux = Demux(nic.mac)
        self.flooded = 0
        self._nic = nic
        self._homeplug_in = homeplug_in
        self._ipv6_in = ipv6_in
        self._journal = journal
        self._tap = tap
        self._station = station
        self._favoured: bytes | None = None
        self._second_at = 0
        self._second = 0                     # frames in it
        self._counted = (0, 0)               # HomePlug and IPv6 frames when it began
        self._dropped = 0                    # by the interface, when a flood was last looked at
        self._told_at = -FLOOD_REPEAT

    def run(self, now: int) -> int:
        """Next time the interface has something by itself; `now` when the limit was reached."""
        station = self._station
        if station is not None and station.value != self._favoured:
            self._favoured = station.value
            self._nic.favour(self._favoured)
        frames = self._nic.receive(RX_LIMIT, now)
        tap = self._tap
        sort = self.demux.sort
        for at, frame in frames:
            if tap is not None:
                tap(at, frame, False)
            ethertype = sort(frame)
            if ethertype == ETHERTYPE_IPV6:
                kept = self._ipv6_in.put(Packet(at, frame))
                if now >= self._witness_at and frame[6:12] == self._peer_mac.value:
                    self._witness_at = now + WITNESS_INTERVAL
                    self._homeplug_in.put(Frame(at, frame))
            elif ethertype == ETHERTYPE_HOMEPLUG:
                kept = self._homeplug_in.put(Frame(at, frame))
            else:
                continue
            if not kept:
                self._journal.limited(now, "frame_rx", "overflow", "mailbox full, frame of type %04x dropped", ethertype)
        self._second += len(frames)
        if now - self._second_at >= S:
            if self._second >= FLOOD:
                self._flood(frames[-1][1][6:12] if frames else b"", now)
            self._second_at, self._second, self._counted = now, 0, (self.demux.homeplug, self.demux.ipv6)
        if len(frames) >= RX_LIMIT:
            return now
        return self._nic.next_event()

    def _flood(self, last: bytes, now: int) -> None:
        """Tell it, at most every FLOOD_REPEAT."""
        self.flooded += 1
        if now - self._told_at < FLOOD_REPEAT:
            return
        self._told_at = now
        homeplug, ipv6 = self.demux.homeplug - self._counted[0], self.demux.ipv6 - self._counted[1]
        dropped, self._dropped = self._nic.drops - self._dropped, self._nic.drops
        seconds = (now - self._second_at) / S
        self._journal.note(now, "frame_rx", "flood: %.0f HomePlug and %.0f IPv6 frames per second, the last from %s; %d more lost at the interface",
                           homeplug / seconds, ipv6 / seconds, last.hex(":") or "nobody", dropped, level="warning")


class FrameTx:
    """Sends at most TX_LIMIT frames per run."""

    def __init__(self, nic: Nic, out: Mailbox[bytes], journal: Journal, tap: Tap | None = None) -> None:
        self.inboxes: tuple[Mailbox, ...] = (out,)
        self.sent = 0
        self.refused = 0         # frames the driver could not send (lost; the protocols repeat)
        self._nic = nic
        self._out = out
        self._journal = journal
        self._tap = tap

    def run(self, now: int) -> int:
        tap = self._tap
        for frame in self._out.drain(TX_LIMIT):
            if tap is not None:
                tap(now, frame, True)
            if self._nic.send(frame, now):
                self.sent += 1
            else:
                self.refused += 1
                self._journal.limited(now, "frame_tx", "refused", "interface does not take frames")
        return now if len(self._out) else NEVER
