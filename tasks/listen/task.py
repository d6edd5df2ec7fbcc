"""Adapters of the listener: ListenRx gives every frame to ListenTask, which journals what it hears. Nothing here can send.

ListenTask needs one mailbox with ALL frames of the interface (also IPv4 and foreign ones), in order, with arrival times.
"""
from __future__ import annotations

from drivers.interfaces import Nic
from kernel.channels import Mailbox
from kernel.journal import Journal
from kernel.timer import NEVER, S
from tasks.ethernet.task import Tap
from tasks.ethernet.task import Tap
from tasks.listen.config import ListenConfig
from tasks.listen.conversation import Decode
from tasks.listen.follow import Follow
from tasks.listen.lines import Line
from tasks.listen.record import Category, Layer, Record, Role
from tasks.listen.session import Session, Sessions
from tasks.listen.verdict import stop_reason
from tasks.messages import Frame
from tasks.signals import Signals

RX_LIMIT = 32                # frames per run of ListenRx
FRAME_LIMIT = 16             # frames per run of ListenTask: about 1 ms of work
INBOX = 256                  # capacity that the mailbox between the two should have

_SHOWN = {"v2g": frozenset((Layer.V2G,)), "messages": frozenset(Layer) - {Layer.ACK, Layer.OTHER}, "all": frozenset(Layer)}


class ListenRx:
    """Drains the interface into one mailbox, unsorted: a listener wants to account for everything."""

    def __init__(self, nic: Nic, frames: Mailbox[Frame], journal: Journal, tap: Tap | None = None) -> None:
        """`tap(at_ns, frame, outgoing)` sees each frame (pcap file)."""
        self.inboxes: tuple[Mailbox, ...] = ()
        self._nic = nic
        self._frames = frames
        self._journal = journal
        self._tap = tap

    def run(self, now: int) -> int:
        heard = self._nic.receive(min(RX_LIMIT, self._frames.capacity - len(self._frames)), now)
        for at, frame in heard:
            if self._tap is not None:
                self._tap(at, frame, False)
            if not self._frames.put(Frame(at, frame)):
                self._journal.limited(now, "listen", "overflow", "mailbox full, frame lost")
        return now if len(heard) >= RX_LIMIT else self._nic.next_event()


class ListenTask:
    """Follows the frames in its inbox; lines, endings of sessions and a count of everything go to the journal."""

    def __init__(self, decode: Decode, frames: Mailbox[Frame], signals: Signals, config: ListenConfig, journal: Journal) -> None:
        """`decode`: tasks.listen.exi.decoder(codec)."""
        self.inboxes: tuple[Mailbox, ...] = (frames,)
        self.follow = Follow(decode)
        self.sessions = Sessions()
        self._frames = frames
        self._journal = journal
        self._layers = _SHOWN[config.show]
        self._report_interval = config.report_s * S
        self._report_at = NEVER
        self._last_at = 0
        self._message = signals.v2g_state.claim("listen")
        self._charger = signals.peer_mac.claim("listen")
        self._attenuation = signals.attenuation.claim("listen")
        self._voltage = signals.evse_present_voltage.claim("listen")
        self._current = signals.evse_present_current.claim("listen")
        self._soc = signals.ev_soc.claim("listen")

    def run(self, now: int) -> int:
        """`now` while frames are left over, otherwise the time of the next report (none while nothing is heard)."""
        for frame in self._frames.drain(FRAME_LIMIT):
            if self._report_at == NEVER:
                self._report_at = now + self._report_interval
            self._last_at = frame.at
            self.follow.receive(frame.data, frame.at)
            for record in self.follow.events():
                self.sessions.receive(record, frame.at)
                self._tell(record, now)
            for session in self.sessions.events():
                self._ended(session, now)
        if now >= self._report_at:
            self._report(now)
        return now if len(self._frames) else self._report_at

    def _tell(self, record: Record, now: int) -> None:
        if record.category is Category.MALFORMED:
            self._journal.limited(now, "listen", record.name, "%s", Line(record))
        elif record.layer in self._layers:
            self._journal.note(record.at, "listen", "%s", Line(record))
        if record.layer in (Layer.V2G, Layer.MME):
            self._show(record, now)

    def _show(self, record: Record, now: int) -> None:
        """The session that this record belongs to, on the display."""
        session = self.sessions.latest
        if session is None:
            return
        if record.layer is Layer.V2G:
            self._message.set(record.name, now)
        if session.charger:
            self._charger.set(session.charger, now)
        if session.attenuation is not None:
            self._attenuation.set(session.attenuation, now)
        if record.layer is Layer.V2G and record.sender is Role.CHARGER:
            self._voltage.set(session.voltage_last, now)
            self._current.set(session.current_last, now)
        elif session.soc_last is not None:
            self._soc.set(session.soc_last, now)

    def _ended(self, session: Session, now: int) -> None:
        self._journal.note(now, "listen", "session %d, %d V2G messages, reached %s: %s", session.number, session.v2g_messages,
                           session.reached, stop_reason(session, self._last_at))

    def _report(self, now: int) -> None:
        """One line; silence since the last one ends the reports until something is heard again."""
        tally = self.follow.tally
        self._journal.note(now, "listen", "%d frames heard: %d decoded, %d named, %d malformed", tally.frames,
                           *(tally.of(category) for category in Category))
        self._report_at = now + self._report_interval if now - self._last_at < self._report_interval else NEVER
