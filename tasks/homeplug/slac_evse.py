"""SLAC matching of the charger (EVSE), ISO 15118-3 Annex A: tell each car how well we hear it, match the one that asks.

Theory: a new key is put into the own modem first. Several cars may be measuring at the same time, each in a run of its own
(evse_run.py), known by the car's host MAC and its RunID. The first correct CM_SLAC_MATCH.REQ ends all other runs; then both
wait for the network. States and reactions: slac-and-network sheet 2.3; times: timing.py.
"""
from __future__ import annotations

from enum import Enum, auto

from drivers.interfaces import PilotState
from kernel.timer import NEVER, S, Timer
from tasks.homeplug import timing as t
from tasks.homeplug.amp_map import AmpMap
from tasks.homeplug.config import SlacConfig
from tasks.homeplug.events import (KeyTaken, KeyUnanswered, LinkEstablished, LinkFailed, LinkGone, LinkSeen, ModemBack, ModemFound, ModemLost, Suspicious,
                                   UnwatchLink, UseKey, WatchLink)
from tasks.homeplug.evse_run import IDLE_PHASES, VALIDATING, EvseRun, Phase, RunLines
from tasks.homeplug.keys import new_nmk, nid_from_nmk
from tasks.homeplug.wire import (CM_ATTEN_CHAR_RSP, CM_ATTEN_PROFILE_IND, CM_SLAC_MATCH_CNF, CM_SLAC_MATCH_REQ, CM_SLAC_PARM_REQ, CM_START_ATTEN_CHAR_IND,
                                 CM_VALIDATE_REQ, MAX_GROUPS)
from tasks.homeplug.wire_keys import CM_AMP_MAP_CNF, CM_AMP_MAP_REQ
from tasks.machine import Checkpoint, Note, StateChanged
from tasks.stop_reasons import StopReason


class State(Enum):
    Off = auto()
    WaitKey = auto()                 # the own modem has not confirmed the new key, or is still restarting with it
    WaitParm = auto()                # TT_EVSE_SLAC_init
    Matching = auto()                # at least one run is open
    WaitLink = auto()                # CM_SLAC_MATCH.CNF sent, TT_match_join
    Matched = auto()
    Paused = auto()                  # D-LINK_PAUSE: the key is kept, nobody looks at the link
    Resume = auto()                  # after a wake-up: T_conn_resume for the car to come back without SLAC


class EvseSlac:
    """`peer_mac` and `attenuation` (dB) are those of the matched car. Counters: `ignored`, `crowded` (no room), `dropped`.

    `pilot` is written by the task before each call: as read, None when it cannot be read.
    """

    def __init__(self, config: SlacConfig, mac: bytes, rng, *, reports_silence: bool = False) -> None:
        """`reports_silence`: TT_EVSE_SLAC_init ends the attempt whatever `five_percent_forever` says (an AC charger has another way to charge)."""
        self._mac = mac
        self._rng = rng
        self._config = config
        self._waits_forever = config.five_percent_forever and not reports_silence
        self._TT_EVSE_SLAC_init = config.slac_init_s * S       # the one timer of the standard that is a setting (20 to 50 s)
        self._synthetic = bytes((config.synthetic_attenuation_db,)) * MAX_GROUPS
        self._amp_map = AmpMap(mac)
        self.state = State.Off
        self.pilot: PilotState | None = None
        self.peer_mac: bytes | None = None
        self.attenuation: float | None = None
        self.nid = b""
        self.ignored = 0
        self.crowded = 0
        self.dropped = 0
        self._nmk = b""
        self._key_unused = False                 # nobody has been told the present key
        self._key_taken = False                  # the own modem has it
        self._key_missed = False                 # it never confirmed it, and nobody asks it any more
        self._modem_ready = False                # and is back from its restart
        self._modem_mac: bytes | None = None
        self._runs: dict[bytes, EvseRun] = {}    # by PEV host MAC: a new RunID of the same car replaces its run
        self._lines = RunLines()
        self._next = NEVER                       # earliest deadline of a run
        self._matched_cnf: CM_SLAC_MATCH_CNF | None = None
        self._timer = Timer()                    # modem restart, TT_EVSE_SLAC_init or TT_match_join
        self._empty_told = False
        self._heard_until = 0                    # upper layers hear the car: its link is not dead
        self._out: list = []
        self._events: list = []

    # --- commands

    def start(self, now: int) -> None:
        """New key (unless the present one is still unused), then wait for a car."""
        self._forget()
        if not self._key_unused:
            self._new_key()
        elif self._key_missed:
            self._use_key()
        if self._modem_ready:
            self._await_parm(now)
        else:
            self._enter(State.WaitKey)
            if self._key_taken:
                self._timer.arm(now, t.MODEM_RESTART_LIMIT)

    def offered(self, now: int) -> None:
        """5 % is on: from now on the car has TT_EVSE_SLAC_init (sheet 2.1)."""
        if self.state is State.WaitParm:
            self._timer.arm(now, self._TT_EVSE_SLAC_init)

    def stop(self, now: int) -> None:
        """Leave the network by making a new key, and be quiet."""
        self._leave()
        self._enter(State.Off)

    def pause(self, now: int) -> None:
        """D-LINK_PAUSE: keep the key for a later `resume`; the modem may sleep meanwhile (sheet 2.7)."""
        if self.state is State.Matched:
            self._amp_map.stop()
            self._events.append(UnwatchLink())
            self._enter(State.Paused)
        else:
            self.stop(now)

    def resume(self, now: int) -> None:
        """After a wake-up: the network of before when the car comes back within T_conn_resume, else a new key and matching."""
        if self.state is not State.Paused:
            self.start(now)
            return
        self._enter(State.Resume)
        self._timer.arm(now, t.T_conn_resume)
        self._events.append(WatchLink(t.T_conn_resume))

    def vouch(self, now: int) -> None:
        """Upper layers have just heard the car."""
        self._heard_until = now + t.LINK_VOUCH_LEASE

    # --- the five verbs

    def receive(self, m, now: int) -> None:
        """A parsed message from the wire or an event of the modem machine."""
        kind = type(m)
        if kind is CM_SLAC_PARM_REQ:
            self._on_parm(m, now)
        elif kind in _RUN_OF:
            self._on_run_message(m, kind, now)
        elif kind is CM_ATTEN_PROFILE_IND:
            self._on_profile(m, now)
        elif kind is CM_SLAC_MATCH_REQ:
            self._on_match(m, now)
        elif kind is CM_AMP_MAP_REQ or kind is CM_AMP_MAP_CNF:
            if not self._amp_map.receive(m, self.peer_mac if self.state in (State.WaitLink, State.Matched) else None, now):
                self.ignored += 1
            self._after_amp_map()
        else:
            self._on_modem_event(m, kind, now)

    def _on_modem_event(self, m, kind: type, now: int) -> None:
        if kind is LinkSeen:
            if self.state is State.WaitLink or self.state is State.Resume:
                self._timer.cancel()
                self._events.append(Checkpoint(190, "AVLN formed") if self.state is State.WaitLink else Checkpoint(191, "AVLN is back after the pause"))
                self._enter(State.Matched)
                self._events.append(LinkEstablished(self.peer_mac, self.nid))
                if self._config.request_amp_map:
                    self._amp_map.request(self.peer_mac, now)
                    self._after_amp_map()
        elif kind is LinkGone:
            if self.state is State.Matched:
                self._fail(StopReason.LINK_LOST)
        elif kind is KeyTaken:
            self._key_taken = True
            self._key_missed = self._modem_ready = False
            if self.state is State.WaitKey:
                self._timer.arm(now, t.MODEM_RESTART_LIMIT)
        elif kind is KeyUnanswered:
            self._key_missed = True              # a modem that was away when it was asked and is back unnoticed would never have it
            if self.state is State.WaitKey:
                self._use_key()
        elif kind is ModemBack:
            self._modem_ready = self._key_taken
            if self.state is State.WaitKey and self._modem_ready:
                self._await_parm(now)
        elif kind is ModemFound:
            self._modem_mac = m.mac
        elif kind is ModemLost:
            self._modem_mac = None

    def handle_timer(self, now: int) -> None:
        if self._timer.take(now):
            self._on_timer(now)
        if now >= self._next:
            for run in list(self._runs.values()):
                if run.phase is Phase.Counting:
                    run.read_pilot(self.pilot, now)
                if now >= run.deadline:
                    run.handle_timer(now)
                    self._after_run(run, now)
            self._schedule(now)
        if now >= self._amp_map.next_timer():
            self._amp_map.handle_timer(now)
            self._after_amp_map()

    def _on_timer(self, now: int) -> None:
        if self.state is State.WaitLink:
            self._events.append(Note("no link %d s after CM_SLAC_MATCH.CNF", (t.TT_match_join // S,), "warning"))
            self._fail(StopReason.NO_LINK)
        elif self.state is State.WaitParm:
            if self._waits_forever:
                self._events.append(Note("no CM_SLAC_PARM.REQ within TT_EVSE_SLAC_init, waiting on"))
            else:
                self._fail(StopReason.NO_CAR_SLAC)
        elif self.state is State.WaitKey:
            self._await_parm(now)
        elif self.state is State.Resume:
            self._events.append(Note("the car's modem did not come back %d s after the wake-up: new key, new matching", (t.T_conn_resume // S,)))
            self._match_anew(now)

    def outgoing(self) -> list:
        out, self._out = self._out, []
        return out

    def events(self) -> list:
        events, self._events = self._events, []
        return events

    def next_timer(self) -> int:
        return min(self._timer.at, self._next, self._amp_map.next_timer())

    # --- runs

    def _schedule(self, now: int) -> None:
        """The earliest deadline; without runs back to waiting for a car."""
        self._next = min((run.deadline for run in self._runs.values()), default=NEVER)
        if not self._runs and self.state is State.Matching:
            self._await_parm(now)

    def _after_run(self, run: EvseRun, now: int) -> None:
        """Take over what a run says; let go of one that has ended."""
        self._out += run.outgoing()
        self._events += self._lines.allowed(run.events(), now)
        if run.dropped:
            self._drop(run, now)

    def _drop(self, run: EvseRun, now: int) -> None:
        del self._runs[run.pev_mac]
        self.dropped += 1
        self._events += self._lines.allowed([Note("car %s dropped: %s", (run.pev_mac.hex(":"), run.dropped))], now)

    def _run_of(self, src: bytes, run_id: bytes | None = None) -> EvseRun | None:
        """The open run of this car, with this RunID where the message carries one."""
        run = self._runs.get(src) if self.state is State.Matching else None
        return run if run is not None and (run_id is None or run.run_id == run_id) else None

    def _on_parm(self, m: CM_SLAC_PARM_REQ, now: int) -> None:
        if self.state is State.WaitLink and m.src == self.peer_mac:
            # it never got our CM_SLAC_MATCH.CNF, or its side failed: the same car may begin again (sheet 2.2)
            self._forget()
            self._events.append(UnwatchLink())
        elif self.state is State.WaitKey and self._key_taken:
            pass                                 # the request came through the modem, so the modem is back
        elif self.state is State.Resume and m.src == self.peer_mac:
            self._match_anew(now)                # this car matches again after a pause; it repeats its request while the modem takes the new key
            return
        elif self.state is State.Matched and m.src == self.peer_mac:
            if now < self._heard_until:
                self.ignored += 1
                self._events.append(Suspicious(m.src, "asks for a new matching (CM_SLAC_PARM.REQ) under the address of our car, with which a session is running"))
            else:
                self._events.append(Note("our car begins a new matching: its link is dead", (), "warning"))
                self._fail(StopReason.LINK_LOST)
            return
        elif self.state not in (State.WaitParm, State.Matching):
            self.ignored += 1                    # Matched: silence keeps the neighbours' cars away
            return
        if m.src not in self._runs and not self._make_room(now):
            self.crowded += 1
            return
        run = self._runs[m.src] = EvseRun(self._mac, m.src, m.run_id, self._config.rx_attenuation_db, now)
        self._timer.cancel()
        self._enter(State.Matching)
        self._after_run(run, now)
        self._schedule(now)

    def _make_room(self, now: int) -> bool:
        """For one more car: whoever has not begun to sound gives way first, then whoever has its result; False when all are being measured."""
        if len(self._runs) < t.MATCHING_RUNS:
            return True
        idle = [run for run in self._runs.values() if run.phase in IDLE_PHASES]
        if not idle:
            return False
        oldest = min(idle, key=lambda run: (run.phase is not Phase.WaitStart, run.touched))
        oldest.dropped = "room for another car"
        self._drop(oldest, now)
        return True

    def _on_run_message(self, m, kind: type, now: int) -> None:
        run = self._run_of(m.src, None if kind is CM_VALIDATE_REQ else m.run_id)
        if run is None:
            taken = False
        elif kind is CM_VALIDATE_REQ:
            others = any(other.phase in VALIDATING for other in self._runs.values() if other is not run)
            taken = run.on_validate(m, self.pilot if self._config.count_toggles else None, others, now)
        else:
            taken = _RUN_OF[kind](run, m, now)
        if not taken:
            self.ignored += 1
            return
        self._after_run(run, now)
        self._schedule(now)

    def _on_profile(self, m: CM_ATTEN_PROFILE_IND, now: int) -> None:
        """From the own modem, without RunID: belongs to the run of that car. Empty ones are replaced (TP-Link)."""
        run = self._run_of(m.pev_mac)
        if run is None or self._modem_mac is not None and m.src != self._modem_mac or not run.on_profile(m.aag or self._synthetic, now):
            self.ignored += 1
            return
        if not m.aag and not self._empty_told:
            self._empty_told = True
            self._events.append(Note("modem measures no attenuation, reporting %d dB", (self._synthetic[0],), "warning"))
        self._schedule(now)

    def _on_match(self, m: CM_SLAC_MATCH_REQ, now: int) -> None:
        if m.dst != self._mac or m.evse_mac != self._mac or m.pev_mac != m.src:
            self.ignored += 1
            return
        sent = self._matched_cnf
        if sent is not None and sent.dst == m.src and sent.run_id == m.run_id:
            self._out.append(sent)                         # repeated request, same answer
            return
        run = self._run_of(m.src, m.run_id)
        if run is None or run.phase not in (Phase.WaitMatch, Phase.WaitToggle):      # a car may do without the validation it began
            self.ignored += 1
            if self.state is State.Matched:
                self._events.append(Suspicious(m.src, "asks for our network's key (CM_SLAC_MATCH.REQ) in the middle of a session"))
            return
        self.peer_mac = m.src
        aag = run.average()
        self.attenuation = sum(aag) / len(aag)
        self._runs.clear()                                 # the others match elsewhere
        self._next = NEVER
        self._key_unused = False
        self._matched_cnf = CM_SLAC_MATCH_CNF(m.src, self._mac, m.run_id, m.src, self._mac, self.nid, self._nmk)
        self._out.append(self._matched_cnf)
        self._enter(State.WaitLink)
        self._timer.arm(now, t.TT_match_join)
        self._events.append(Checkpoint(155, "CM_SLAC_MATCH.CNF"))
        self._events.append(WatchLink(t.TT_match_join))

    def _after_amp_map(self) -> None:
        self._out += self._amp_map.outgoing()
        self._events += self._amp_map.events()

    # --- beginnings and ends

    def _await_parm(self, now: int) -> None:
        self._enter(State.WaitParm)
        self._timer.arm(now, self._TT_EVSE_SLAC_init)

    def _new_key(self) -> None:
        self._nmk = new_nmk(self._rng)
        self.nid = nid_from_nmk(self._nmk)
        self._key_unused = True
        self._key_taken = self._modem_ready = False
        self._events.append(Checkpoint(1, "new NMK and NID"))
        self._use_key()

    def _use_key(self) -> None:
        self._key_missed = False
        self._events.append(UseKey(self.nid, self._nmk))

    def _forget(self) -> None:
        """Everything about cars, but not the key."""
        self._timer.cancel()
        self._amp_map.stop()
        self._runs.clear()
        self._next = NEVER
        self._matched_cnf = None
        self.peer_mac = self.attenuation = None

    def _leave(self) -> None:
        """TP_match_leave: without the key that the car knows, the network is over."""
        self._forget()
        if not self._key_unused and self._nmk:
            self._events.append(UnwatchLink())
            self._new_key()

    def _match_anew(self, now: int) -> None:
        self._leave()
        self.start(now)

    def _fail(self, reason: StopReason) -> None:
        self._leave()
        self._enter(State.Off)
        self._events.append(LinkFailed(reason))

    def _enter(self, state: State) -> None:
        if state is not self.state:
            self._events.append(StateChanged(self.state.name, state.name))
            self.state = state


_RUN_OF = {CM_START_ATTEN_CHAR_IND: EvseRun.on_start, CM_ATTEN_CHAR_RSP: EvseRun.on_rsp, CM_VALIDATE_REQ: EvseRun.on_validate}
"""Messages for one run; CM_VALIDATE.REQ carries no RunID and is called with more."""
