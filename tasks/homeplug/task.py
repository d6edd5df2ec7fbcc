"""Adapter of the HomePlug slice: frames, commands and signals on one side, the matching and modem machines on the other.

The two machines do not know each other: this task carries their events across, turns LinkEstablished and LinkFailed into
the messages of the connection supervision, and everything worth reading into the journal.
"""
from __future__ import annotations

from kernel.channels import Mailbox
from kernel.journal import Journal
from kernel.timer import NEVER
from tasks.errors import WireError
from tasks.homeplug.config import SlacConfig
from tasks.homeplug.events import (LinkEstablished, LinkFailed, ModemFound, ModemLost, Suspicious, TogglePilot, UnwatchLink, UseKey,
                                   WatchLink)
from tasks.homeplug.link_test import Peer
from tasks.homeplug.modem import Modem
from tasks.homeplug.modem_kinds import ASKED
from tasks.homeplug.pib import EVSE, PEV
from tasks.homeplug.pib_check import ModemJudged, PibCheck
from tasks.homeplug.quality import LinkQuality, third
from tasks.homeplug.slac_evse import EvseSlac
from tasks.homeplug.slac_pev import PevSlac
from tasks.homeplug.wire import is_slac, parse
from tasks.homeplug.wire_header import BROADCAST, ETHERTYPE, Unknown
from tasks.machine import Checkpoint, Note, StateChanged
from tasks.messages import Frame, LinkLost, LinkUp, PauseLink, PilotOffered, PilotToggles, ResumeLink, StartMatching, StopMatching, Vouch
from tasks.signals import Signals

FRAMES_PER_RUN = 32
COMMANDS_PER_RUN = 8
EVENT_ROUNDS = 8                       # how often machines may answer each other in one run; more waits for the next
UNKNOWN_MAC = bytes(6)
NO_NID = bytes(7)
GENERIC = "generic"                    # ModemFound.text of a modem that speaks no vendor's messages
SOURCE = "homeplug"
IDLE_STATES = ("Off", "WaitParm")      # of the matching machine: the modem may be asked about itself


class HomeplugTask:
    """Counters: `wire_errors`, `unknown` types, `echoes` of own frames, `foreign` (for others), `lost_out` (outbox full),
    `suspicious` (what no honest neighbour sends)."""

    def __init__(self, config: SlacConfig, role: PevSlac | EvseSlac, modem: Modem, mac: bytes, inbox: Mailbox[Frame],
                 commands: Mailbox[StartMatching | StopMatching | PauseLink | ResumeLink | Vouch], out: Mailbox[bytes],
                 events: Mailbox[LinkUp | LinkLost | PilotToggles], signals: Signals, journal: Journal, interface: str = "X") -> None:
        """`interface`: its name, for the advice in the journal."""
        self._assume_link = config.assume_link
        self._role = role
        self._modem = modem
        self._check = PibCheck(EVSE if type(role) is EvseSlac else PEV, mac, interface)
        self._mac = mac
        self._inbox = inbox
        self._commands = commands
        self._out = out
        self._events = events
        self._journal = journal
        self._modem_text = signals.modem.claim(SOURCE)
        self._modem_fault = signals.modem_fault.claim(SOURCE)
        self._link_state = signals.link_state.claim(SOURCE)
        self._evse = role if isinstance(role, EvseSlac) else None
        self._pilot = signals.pilot_state        # a charger counts what its car shows
        self._peer_mac = signals.peer_mac.claim(SOURCE)
        self._attenuation = signals.attenuation.claim(SOURCE)
        self._peer_modem = signals.peer_modem.claim(SOURCE)
        self._network_id = signals.network_id.claim(SOURCE)
        self._rate_tx = signals.link_rate_tx.claim(SOURCE)
        self._rate_rx = signals.link_rate_rx.claim(SOURCE)
        self._notice = signals.link_notice.claim(SOURCE)
        self._third: bytes | None = None         # a modem in our network that is not the peer's
        self._quality_word = signals.link_quality.claim(SOURCE)
        self._quality = LinkQuality(config)
        if not ASKED[config.modem_kind]:         # nothing is asked of it, so that its silence says nothing
            self._modem_text.set(f"{config.modem_kind}, not asked", 0)
        self._quality_told: tuple[bytes | None, str | None] = (None, None)
        self._peers_told = -1
        self._linked = False
        self._state_told = ""
        self._peer_told: bytes | None = None
        self._assumed_told = False
        self.inboxes = (inbox, commands)
        self.wire_errors = 0
        self.unknown = 0
        self.echoes = 0
        self.foreign = 0
        self.lost_out = 0
        self.suspicious = 0

    def run(self, now: int) -> int:
        """Mail, timers, and what follows from them; returns the next deadline."""
        if self._assume_link:
            return self._run_assumed(now)
        if self._evse is not None:
            self._evse.pilot = self._pilot.get(now)
        for command in self._commands.drain(COMMANDS_PER_RUN):
            kind = type(command)
            if kind is StartMatching:
                self._role.start(now)
            elif kind is PilotOffered:
                self._evse.offered(now)
            elif kind is StopMatching:
                self._role.stop(now)
            elif kind is PauseLink:
                self._role.pause(now)
            elif kind is ResumeLink:
                self._role.resume(now)
            elif kind is Vouch:
                self._modem.vouch(now)
                if self._evse is not None:
                    self._evse.vouch(now)
            self._carry_events(now)
        for frame in self._inbox.drain(FRAMES_PER_RUN):
            self._on_frame(frame.data, now)
        self._modem.handle_timer(now)
        self._role.handle_timer(now)
        settled = self._carry_events(now)
        self._check.allow(self._role.state.name in IDLE_STATES, now)
        self._check.handle_timer(now)
        self._tell_check(now)
        self._send()
        self._tell(now)
        if not settled or len(self._inbox) or len(self._commands):
            return now
        return min(self._modem.next_timer(), self._role.next_timer(), self._check.next_timer())

    def _on_frame(self, data: bytes, now: int) -> None:
        if data[6:12] == self._mac:              # some SPI drivers loop back (decoder rules 1.10)
            self.echoes += 1
            return
        peer = self._role.peer_mac
        if peer is not None and data[6:12] == peer and not is_slac(data):
            self._modem.traffic(now)             # only the network carries it (sheet 4.3 f)
            if self._evse is not None:
                self._evse.vouch(now)
        if data[12:14] != ETHERTYPE:             # IPv6: frame_rx shows one of the peer's frames per second
            self._carry_events(now)
            return
        dst = data[0:6]
        if dst != self._mac and dst != BROADCAST:
            self.foreign += 1
            return
        try:
            message = parse(data)
        except WireError as e:
            self.wire_errors += 1
            self._journal.limited(now, SOURCE, "wire", "bad frame from %s: %s", data[6:12].hex(":"), e)
            return
        if type(message) is Unknown:
            self.unknown += 1
            return
        self._modem.receive(message, now)
        self._role.receive(message, now)
        self._check.receive(message, now)
        self._carry_events(now)

    def _carry_events(self, now: int) -> bool:
        """Machine events to each other and to the box until both are quiet. False when they are not within the bound."""
        role, modem, journal = self._role, self._modem, self._journal
        for _ in range(EVENT_ROUNDS):
            from_role, from_modem = role.events(), modem.events()
            if not from_role and not from_modem:
                return True
            for e in from_role:
                kind = type(e)
                if kind is Checkpoint:
                    journal.checkpoint(now, SOURCE, e.number, e.text)
                elif kind is Note:
                    journal.note(now, SOURCE, e.text, *e.args, level=e.level)
                elif kind is StateChanged:
                    journal.note(now, SOURCE, "matching: %s -> %s", e.old, e.new)
                elif kind is UseKey:
                    modem.set_key(e.nid, e.nmk, now)
                elif kind is WatchLink:
                    modem.watch_link(now, e.within)
                elif kind is UnwatchLink:
                    modem.unwatch_link()
                elif kind is TogglePilot:
                    self._events.put(PilotToggles(e.count))
                elif kind is Suspicious:
                    self.suspicious += 1
                    journal.limited(now, SOURCE, e.text, "%s " + e.text + ": not obeyed", e.mac.hex(":"), *e.args)
                elif kind is LinkEstablished:
                    self._network_id.set(e.nid, now)
                    self._events.put(LinkUp(e.peer_mac, e.nid))
                elif kind is LinkFailed:
                    self._events.put(LinkLost(e.reason))
            for e in from_modem:
                kind = type(e)
                if kind is Note:                 # a modem that comes and goes must not flood the journal (sheet 2.8 row 17)
                    journal.limited(now, SOURCE, e.text, e.text, *e.args, level=e.level)
                    continue
                if kind is ModemFound:
                    journal.limited(now, SOURCE, "found", "modem %s: %s", e.mac.hex(":"), e.text, level="info")
                    self._modem_text.set(e.text, now)
                    if e.text != GENERIC:
                        self._check.found(e.mac, e.text, now)
                elif kind is ModemLost:
                    self._modem_text.set(f"asleep, {self._modem_text.signal.value}" if e.asleep else None, now)
                    if not e.asleep:
                        self._check.lost(now)
                role.receive(e, now)
        return False

    def _tell_check(self, now: int) -> None:
        for e in self._check.events():
            if type(e) is ModemJudged:
                self._modem_fault.set(e.fault, now)
            else:
                self._journal.note(now, SOURCE, e.text, *e.args, level=e.level)

    def _send(self) -> None:
        for machine in (self._modem, self._role, self._check):
            for message in machine.outgoing():
                if not self._out.put(message.emit()):
                    self.lost_out += 1

    def _tell(self, now: int) -> None:
        """Signals, written when they change."""
        state = self._role.state.name
        if state != self._state_told:
            self._state_told = state
            self._link_state.set(state, now)
        peer = self._role.peer_mac
        if peer != self._peer_told:
            self._peer_told = peer
            self._peer_mac.set(peer, now)
            self._attenuation.set(self._role.attenuation, now)
        self._tell_quality(now)

    def _tell_quality(self, now: int) -> None:
        """The modem at the other end and the rates to it, each time the own modem tells them."""
        link = self._modem.link
        peers, at = self._modem.peers
        if at == self._peers_told and link == self._linked:
            return
        quality = self._quality
        news = quality.update(peers, self._role.peer_mac, self._role.attenuation, link, now)
        if at != self._peers_told and quality.peer is not None:
            self._rate_tx.set(quality.peer.tx, now)
            self._rate_rx.set(quality.peer.rx, now)
        self._peers_told, self._linked = at, link
        self._tell_third(third(peers, quality.peer) if link else None, now)
        told = (None if quality.peer is None else quality.peer.modem, quality.word)
        if told != self._quality_told:
            self._quality_told = told
            self._peer_modem.set(told[0], now)
            self._quality_word.set(told[1], now)
        if news is not None:
            self._journal.note(now, SOURCE, news.text, *news.args, level=news.level)

    def _tell_third(self, other: Peer | None, now: int) -> None:
        """Somebody else is in the network, and reads what is said in it. V2G without TLS can be read, not closed to it."""
        modem = None if other is None else other.modem
        if modem == self._third:
            return
        self._third = modem
        self._notice.set("" if modem is None else "third PLC station", now)
        if other is not None:
            self.suspicious += 1
            host = "" if other.host is None else f" with host {other.host.hex(':')}"
            self._journal.limited(now, SOURCE, "third", "a third station is in our network: modem %s%s. It has the key, which passes in clear: it can read along; "
                                  "it cannot take part, see the stranger's tries", modem.hex(":"), host)

    def _run_assumed(self, now: int) -> int:
        """Nothing to match: the link is up on demand; frames are thrown away."""
        self.foreign += self._inbox.clear()
        if not self._assumed_told:
            self._assumed_told = True
            self._modem_text.set("none, link assumed", now)
            self._link_state.set("Off", now)
        for command in self._commands.drain(COMMANDS_PER_RUN):
            kind = type(command)
            if kind is StartMatching or kind is ResumeLink:
                self._link_state.set("Assumed", now)
                self._events.put(LinkUp(UNKNOWN_MAC, NO_NID))
            elif kind is StopMatching or kind is PauseLink:
                self._link_state.set("Off", now)
        return now if len(self._commands) else NEVER
