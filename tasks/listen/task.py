"""Adapters of the listener: ListenRx gives every frame to ListenTask, which journals what it hears. Nothing here can send.

ListenTask needs one mailbox with ALL frames of the interface (also IPv4 and foreign ones), in order, with arrival times.
"""
from __future__ import annotations

from typing import Protocol

from drivers.interfaces import Ears
from kernel.channels import Mailbox
from kernel.journal import Journal
from kernel.timer import NEVER, S
from tasks.ethernet.task import Tap
from tasks.homeplug.wire import CM_SLAC_MATCH_CNF
from tasks.listen.account import secc_row, session_dict
from tasks.listen.config import ListenConfig
from tasks.listen.conversation import Decode
from tasks.listen.follow import LINK_ETHERNET
from tasks.listen.hearing import Hearing
from tasks.listen.limiting import Limiting
from tasks.listen.lines import Line
from tasks.listen.readings import Readings
from tasks.listen.record import Category, Layer, Record
from tasks.listen.session import Session
from tasks.listen.tier import NOTHING
from tasks.listen.verdict import stop_reason
from tasks.messages import Frame
from tasks.signals import Signals

RX_LIMIT = 32                # frames per run of ListenRx
FRAME_LIMIT = 16             # frames per run of ListenTask: about 1 ms of work
INBOX = 256                  # capacity that the mailbox between the two should have
MAX_ENERGY = 1_000_000       # Wh, the range of the signal session_energy; a liar's sum is not shown
TIER_LOOK = S                # the tier is judged anew at most so often

_SHOWN = {"v2g": frozenset((Layer.V2G,)), "messages": frozenset(Layer) - {Layer.ACK, Layer.OTHER}, "all": frozenset(Layer)}


class Files(Protocol):
    """Where finished sessions are filed; "" or why it did not work (told once)."""

    def session(self, at: int, row: list[str], everything: dict) -> str: ...


class ListenRx:
    """Drains the interface into one mailbox, unsorted: a listener wants to account for everything."""

    def __init__(self, nic: Ears, frames: Mailbox[Frame], journal: Journal, tap: Tap | None = None) -> None:
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

    def __init__(self, decode: Decode, frames: Mailbox[Frame], signals: Signals, config: ListenConfig, journal: Journal,
                 files: Files | None = None, to_join: Mailbox | None = None, own_mac: bytes = b"") -> None:
        """`decode`: tasks.listen.exi.decoder(codec). `to_join`: gets what concerns joining (tasks/listen/join_task.py)."""
        self.inboxes: tuple[Mailbox, ...] = (frames,)
        self.hearing = Hearing(decode, own_mac)
        self.follow = self.hearing.follow
        self.sessions = self.hearing.sessions
        self._frames = frames
        self._journal = journal
        self._files = files
        self._files_failed = False
        self._to_join = to_join
        self._keys = config.show_nmk
        self._layers = _SHOWN[config.show]
        self._report_interval = config.report_s * S
        self._report_at = NEVER
        self._tier_at = NEVER
        self._tier: tuple[str, ...] = ()
        self._judged: tuple = ()
        self._last_at = 0
        s = signals
        (self._message, self._charger, self._attenuation, self._voltage, self._current, self._soc, self._target_voltage, self._target_current,
         self._letter, self._state, self._limiting, self._end, self._energy) = [signal.claim("listen") for signal in (
             s.v2g_state, s.peer_mac, s.attenuation, s.evse_present_voltage, s.evse_present_current, s.ev_soc, s.ev_target_voltage,
             s.ev_target_current, s.listen_tier, s.listen_state, s.listen_limiting, s.listen_end, s.session_energy)]

    def run(self, now: int) -> int:
        """`now` while frames are left over, otherwise the time of what comes next (nothing while nothing is heard)."""
        for frame in self._frames.drain(FRAME_LIMIT):
            self.hear(frame.data, frame.at, now)
        if len(self._frames):
            return now
        self.handle_timer(now)
        return min(self._report_at, self._tier_at, self.hearing.next_timer())

    def hear(self, frame: bytes, at: int, now: int, missing: int = 0, link: int = LINK_ETHERNET) -> None:
        """One frame that arrived at `at`; a capture file is played through this as well."""
        if self._report_at == NEVER:
            self._report_at = now + self._report_interval
        if self._tier_at == NEVER:
            self._tier_at = now + TIER_LOOK
        self._last_at = at
        for record in self.hearing.receive(frame, at, missing, link):
            self._tell(record, now)
        self._drain(now)

    def handle_timer(self, now: int) -> None:
        self.hearing.handle_timer(now)
        self._drain(now)
        if now >= self._tier_at:
            self._look(now)
        if now >= self._report_at:
            self._report(now)

    def finish(self, now: int) -> None:
        """Nobody listens any more: what is still going on is filed as it stands."""
        self.sessions.finish()
        self._drain(now)

    def _drain(self, now: int) -> None:
        for session in self.hearing.ended():
            self._ended(session, now)

    def _tell(self, record: Record, now: int) -> None:
        if self._to_join is not None and record.message is not None and self.hearing.own_talk(record):
            self._to_join.put(record.message)
            return                               # the own modem's answers: told by join_task.py
        if record.category is Category.MALFORMED:
            self._journal.limited(now, "listen", record.name, "%s", Line(record, self._keys))
        elif record.layer in self._layers:
            self._journal.note(record.at, "listen", "%s", Line(record, self._keys))
        if record.layer in (Layer.V2G, Layer.MME):
            self._show(record, now)
            if self._to_join is not None and isinstance(record.message, CM_SLAC_MATCH_CNF):
                self._to_join.put(record.message)

    def _show(self, record: Record, now: int) -> None:
        """The session that this record belongs to, on the display."""
        session = self.sessions.latest
        if session is None:
            return
        if session.charger:
            self._charger.set(session.charger, now)
        if session.attenuation is not None:
            self._attenuation.set(session.attenuation, now)
        if record.layer is not Layer.V2G:
            return
        readings = self.hearing.readings_of(session)
        self._message.set(record.name, now)
        if readings.soc is not None:
            self._soc.set(readings.soc, now)
        self._target_voltage.set(readings.target_voltage, now)
        self._target_current.set(readings.target_current, now)
        self._energy.set(readings.energy if (readings.energy or 0.0) <= MAX_ENERGY else None, now)
        self._voltage.set(readings.voltage, now)
        self._current.set(readings.current, now)
        self._judge(readings, now)

    def _judge(self, readings: Readings, now: int) -> None:
        found: Limiting | None = readings.limiting
        judged = () if found is None else (found.side, found.by)
        if judged == self._judged:
            return
        self._judged = judged
        if found is None:
            self._limiting.set("", now)
            return
        side = found.side.value if found.side is not None else "nobody"
        self._limiting.set(f"{side}: {found.by}", now)
        self._journal.limited(now, "listen", "limiting", "limiting: %s (%s): %s", side, found.by, found.why, level="info")

    def _look(self, now: int) -> None:
        """Tier and state; the journal hears of a new tier, and of what it cannot see."""
        tier = self.hearing.tier(now)
        self._letter.set(tier.letter, now)
        self._state.set(self.hearing.state(now).name, now)
        known = (tier.letter, *tier.blind)
        if known != self._tier:
            for key, sentence in tier.blind.items():
                if key not in self._tier[1:]:
                    self._journal.note(now, "listen", "not to be seen: %s", sentence)
            if tier.letter != NOTHING and self._tier[:1] != (tier.letter,):
                self._journal.note(now, "listen", "tier (%s): %s", tier.letter, tier.sees)
            self._tier = known
        self._tier_at = now + TIER_LOOK if now - self._last_at < self._report_interval else NEVER

    def _ended(self, session: Session, now: int) -> None:
        end = stop_reason(session, self._last_at)
        self._end.set(end, now)
        self._journal.note(now, "listen", "session %d, %d V2G messages, reached %s: %s", session.number, session.v2g_messages, session.reached, end)
        if self._files is not None:
            problem = self._files.session(session.start, secc_row(session, self.hearing.modem_of(session), self._last_at),
                                          session_dict(session, session.start, self._last_at, self.hearing.readings.get(session.number)))
            if problem and not self._files_failed:
                self._files_failed = True
                self._journal.note(now, "listen", "%s", problem, level="error")

    def _report(self, now: int) -> None:
        """One line; silence since the last one ends the reports until something is heard again."""
        tally = self.follow.tally
        self._journal.note(now, "listen", "%d frames heard: %d decoded, %d named, %d malformed", tally.frames,
                           *(tally.of(category) for category in Category))
        self._report_at = now + self._report_interval if now - self._last_at < self._report_interval else NEVER
