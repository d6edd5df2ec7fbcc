"""SLAC matching of the charger (EVSE), ISO 15118-3 Annex A: tell each car how well we hear it, match the one that asks.

Theory: a new key is put into the own modem first. Several cars may be measuring at the same time (the neighbours' too),
each in a session of its own, known by the car's host MAC and its RunID. The first correct CM_SLAC_MATCH.REQ ends all other
sessions. States and reactions: slac-and-network sheet 2.3; times: timing.py.
"""
from __future__ import annotations

from enum import Enum, auto

from kernel.timer import NEVER, S, Timer
from tasks.homeplug import timing as t
from tasks.homeplug.config import SlacConfig
from tasks.homeplug.events import (KeyTaken, LinkEstablished, LinkFailed, LinkGone, LinkSeen, ModemBack, ModemFound,
                                   ModemLost, UnwatchLink, UseKey, WatchLink)
from tasks.homeplug.keys import new_nmk, nid_from_nmk
from tasks.homeplug.wire import (CM_ATTEN_CHAR_IND, CM_ATTEN_CHAR_RSP, CM_ATTEN_PROFILE_IND, CM_SLAC_MATCH_CNF,
                                 CM_SLAC_MATCH_REQ, CM_SLAC_PARM_CNF, CM_SLAC_PARM_REQ, CM_START_ATTEN_CHAR_IND,
                                 CM_VALIDATE_CNF, CM_VALIDATE_REQ, MAX_GROUPS, VALIDATE_NOT_REQUIRED, VALIDATE_READY)
from tasks.machine import Checkpoint, Note, StateChanged
from tasks.stop_reasons import StopReason


class State(Enum):
    Off = auto()
    WaitKey = auto()                 # the own modem has not confirmed the new key, or is still restarting with it
    WaitParm = auto()                # TT_EVSE_SLAC_init
    Matching = auto()                # at least one session is open
    WaitLink = auto()                # CM_SLAC_MATCH.CNF sent, TT_match_join
    Matched = auto()
    Paused = auto()                  # D-LINK_PAUSE: the key is kept, nobody looks at the link
    Resume = auto()                  # after a wake-up: T_conn_resume for the car to come back without SLAC


class Phase(Enum):
    """Where one session stands."""

    WaitStart = auto()               # TT_match_sequence
    Sounding = auto()                # TT_EVSE_match_MNBC
    WaitRsp = auto()                 # TT_match_response
    WaitMatch = auto()               # TT_EVSE_match_session


IDLE_PHASES = (Phase.WaitStart, Phase.WaitMatch)     # may be given up for a newcomer


class Session:
    """One car's matching process: sums of the attenuation per group, and one deadline."""

    __slots__ = ("pev_mac", "run_id", "phase", "deadline", "touched", "sums", "profiles", "indications")

    def __init__(self, pev_mac: bytes, run_id: bytes, now: int) -> None:
        self.pev_mac = pev_mac
        self.run_id = run_id
        self.phase = Phase.WaitStart
        self.deadline = now + t.TT_match_sequence
        self.touched = now
        self.sums = [0] * MAX_GROUPS
        self.profiles = 0
        self.indications = 0

    def average(self, receive_path_db: int) -> bytes:
        """Mean dB per group, rounded, less the own receive path, within an octet."""
        n = self.profiles
        return bytes(min(255, max(0, (2 * s + n) // (2 * n) - receive_path_db)) for s in self.sums)


class EvseSlac:
    """`peer_mac` and `attenuation` (dB) are those of the matched car. Counters: `ignored`, `crowded` (no room), `dropped`."""

    def __init__(self, config: SlacConfig, mac: bytes, rng) -> None:
        self._mac = mac
        self._rng = rng
        self._offset = config.rx_attenuation_db
        self._synthetic = bytes((config.synthetic_attenuation_db,)) * MAX_GROUPS
        self._init_time = config.slac_init_s * S
        self._forever = config.five_percent_forever
        self.state = State.Off
        self.peer_mac: bytes | None = None
        self.attenuation: float | None = None
        self.nid = b""
        self.ignored = 0
        self.crowded = 0
        self.dropped = 0
        self._nmk = b""
        self._key_unused = False                 # nobody has been told the present key
        self._key_taken = False                  # the own modem has it
        self._modem_ready = False                # and is back from its restart
        self._modem_mac: bytes | None = None
        self._sessions: dict[bytes, Session] = {}          # by PEV host MAC
        self._next = NEVER                       # earliest session deadline
        self._matched_cnf: CM_SLAC_MATCH_CNF | None = None
        self._timer = Timer()                    # modem restart, TT_EVSE_SLAC_init or TT_match_join
        self._empty_told = False
        self._out: list = []
        self._events: list = []

    # --- commands

    def start(self, now: int) -> None:
        """New key (unless the present one is still unused), then wait for a car."""
        self._forget()
        if not self._key_unused:
            self._new_key()
        if self._modem_ready:
            self._await_parm(now)
        else:
            self._enter(State.WaitKey)
            if self._key_taken:
                self._timer.arm(now, t.MODEM_RESTART_LIMIT)

    def stop(self, now: int) -> None:
        """Leave the network by making a new key, and be quiet."""
        self._leave()
        self._enter(State.Off)

    def pause(self, now: int) -> None:
        """D-LINK_PAUSE: keep the key for a later `resume`; the modem may sleep meanwhile (sheet 2.7)."""
        if self.state is State.Matched:
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
        self._events.append(WatchLink())

    # --- the five verbs

    def receive(self, m, now: int) -> None:
        """A parsed message from the wire or an event of the modem machine."""
        kind = type(m)
        if kind is CM_SLAC_PARM_REQ:
            self._on_parm(m, now)
        elif kind is CM_START_ATTEN_CHAR_IND:
            self._on_start(m, now)
        elif kind is CM_ATTEN_PROFILE_IND:
            self._on_profile(m, now)
        elif kind is CM_ATTEN_CHAR_RSP:
            self._on_rsp(m, now)
        elif kind is CM_SLAC_MATCH_REQ:
            self._on_match(m, now)
        elif kind is CM_VALIDATE_REQ:
            self._on_validate(m, now)
        elif kind is LinkSeen:
            if self.state is State.WaitLink or self.state is State.Resume:
                self._timer.cancel()
                self._events.append(Checkpoint(190, "AVLN formed") if self.state is State.WaitLink else Checkpoint(191, "AVLN is back after the pause"))
                self._enter(State.Matched)
                self._events.append(LinkEstablished(self.peer_mac, self.nid))
        elif kind is LinkGone:
            if self.state is State.Matched:
                self._fail(StopReason.LINK_LOST)
        elif kind is KeyTaken:
            self._key_taken = True
            self._modem_ready = False
            if self.state is State.WaitKey:
                self._timer.arm(now, t.MODEM_RESTART_LIMIT)
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
            if self.state is State.WaitLink:
                self._events.append(Note("no link %d s after CM_SLAC_MATCH.CNF", (t.TT_match_join // S,), "warning"))
                self._fail(StopReason.NO_LINK)
            elif self.state is State.WaitParm:
                if self._forever:
                    self._events.append(Note("no CM_SLAC_PARM.REQ within TT_EVSE_SLAC_init, waiting on"))
                else:
                    self._fail(StopReason.SLAC_FAILED)
            elif self.state is State.WaitKey:
                self._await_parm(now)
            elif self.state is State.Resume:
                self._events.append(Note("the car's modem did not come back %d s after the wake-up: new key, new matching", (t.T_conn_resume // S,)))
                self._match_anew(now)
        if now >= self._next:
            for s in list(self._sessions.values()):
                if now >= s.deadline:
                    self._session_timer(s, now)
            self._schedule(now)

    def outgoing(self) -> list:
        out, self._out = self._out, []
        return out

    def events(self) -> list:
        events, self._events = self._events, []
        return events

    def next_timer(self) -> int:
        return min(self._timer.at, self._next)

    # --- sessions

    def _schedule(self, now: int) -> None:
        """The earliest deadline; without sessions back to waiting for a car."""
        self._next = min((s.deadline for s in self._sessions.values()), default=NEVER)
        if not self._sessions and self.state is State.Matching:
            self._await_parm(now)

    def _drop(self, s: Session, why: str) -> None:
        del self._sessions[s.pev_mac]
        self.dropped += 1
        self._events.append(Note("car %s dropped: %s", (s.pev_mac.hex(":"), why)))

    def _session_timer(self, s: Session, now: int) -> None:
        if s.phase is Phase.WaitStart:
            self._drop(s, "no CM_START_ATTEN_CHAR.IND")
        elif s.phase is Phase.Sounding:
            if s.profiles:
                s.phase = Phase.WaitRsp
                self._events.append(Checkpoint(110, "attenuation measured"))
                self._events.append(Checkpoint(120, "CM_ATTEN_CHAR.IND"))
                self._send_indication(s, now)
            else:
                self._drop(s, "no sound was measured")
        elif s.phase is Phase.WaitRsp:
            if s.indications > t.C_EV_match_retry:
                self._drop(s, "no CM_ATTEN_CHAR.RSP")
            else:
                self._send_indication(s, now)
        else:
            self._drop(s, "no CM_SLAC_MATCH.REQ")

    def _of(self, src: bytes, run_id: bytes, *phases: Phase) -> Session | None:
        """The session of this car and RunID in one of these phases; everything else is ignored and counted."""
        s = self._sessions.get(src) if self.state is State.Matching else None
        if s is None or s.run_id != run_id or s.phase not in phases:
            self.ignored += 1
            return None
        return s

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
        elif self.state not in (State.WaitParm, State.Matching):
            self.ignored += 1                    # Matched: silence keeps the neighbours' cars away
            return
        if m.src not in self._sessions and len(self._sessions) >= t.C_EVSE_match_parallel:
            idle = [s for s in self._sessions.values() if s.phase in IDLE_PHASES]
            if not idle:
                self.crowded += 1
                return
            self._drop(min(idle, key=lambda s: s.touched), "room for another car")
        self._sessions[m.src] = Session(m.src, m.run_id, now)
        self._timer.cancel()
        self._enter(State.Matching)
        self._schedule(now)
        self._out.append(CM_SLAC_PARM_CNF(m.src, self._mac, m.run_id, m.src, t.C_EV_match_MNBC, t.TT_EVSE_match_MNBC_units))
        self._events.append(Checkpoint(101, "CM_SLAC_PARM.CNF"))

    def _on_start(self, m: CM_START_ATTEN_CHAR_IND, now: int) -> None:
        s = self._of(m.src, m.run_id, Phase.WaitStart, Phase.Sounding)
        if s is None or s.phase is Phase.Sounding:         # only the first of the three counts
            return
        s.phase = Phase.Sounding
        s.touched = now
        s.deadline = now + t.TT_EVSE_match_MNBC
        self._schedule(now)

    def _on_profile(self, m: CM_ATTEN_PROFILE_IND, now: int) -> None:
        """From the own modem, without RunID: belongs to the session of that car. Empty ones are replaced (TP-Link)."""
        s = self._sessions.get(m.pev_mac) if self.state is State.Matching else None
        if s is None or s.phase is not Phase.Sounding or (self._modem_mac is not None and m.src != self._modem_mac):
            self.ignored += 1
            return
        if s.profiles >= t.C_EV_match_MNBC or 0 < len(m.aag) < MAX_GROUPS:
            self.ignored += 1
            return
        aag = m.aag
        if not aag:
            aag = self._synthetic
            if not self._empty_told:
                self._empty_told = True
                self._events.append(Note("modem measures no attenuation, reporting %d dB", (aag[0],), "warning"))
        s.sums = [a + b for a, b in zip(s.sums, aag)]
        s.profiles += 1
        s.touched = now
        if s.profiles == t.C_EV_match_MNBC:
            s.deadline = min(s.deadline, now + t.EVSE_SOUND_SETTLE)
            self._schedule(now)

    def _send_indication(self, s: Session, now: int) -> None:
        s.indications += 1
        s.deadline = now + t.TT_match_response
        aag = s.average(self._offset)
        self._out.append(CM_ATTEN_CHAR_IND(s.pev_mac, self._mac, s.run_id, s.pev_mac, s.profiles, aag))

    def _on_rsp(self, m: CM_ATTEN_CHAR_RSP, now: int) -> None:
        s = self._of(m.src, m.run_id, Phase.WaitRsp, Phase.WaitMatch)
        if s is None or s.phase is Phase.WaitMatch:        # the RSP to a repeated indication
            return
        if m.dst != self._mac or m.source_address != m.src:
            self.ignored += 1
            return
        if m.result:
            self._drop(s, "it refused our result")
        else:
            s.phase = Phase.WaitMatch
            s.touched = now
            s.deadline = now + t.TT_EVSE_match_session
        self._schedule(now)

    def _on_validate(self, m: CM_VALIDATE_REQ, now: int) -> None:
        """We do not need the car to toggle its pilot (sheet 2.5: default unless the pilot is read back)."""
        s = self._sessions.get(m.src) if self.state is State.Matching else None
        if (s is None or s.phase is not Phase.WaitMatch or m.dst != self._mac or m.signal_type
                or m.result != VALIDATE_READY):
            self.ignored += 1
            return
        self._out.append(CM_VALIDATE_CNF(m.src, self._mac, 0, 0, VALIDATE_NOT_REQUIRED))

    def _on_match(self, m: CM_SLAC_MATCH_REQ, now: int) -> None:
        if m.dst != self._mac or m.evse_mac != self._mac or m.pev_mac != m.src:
            self.ignored += 1
            return
        sent = self._matched_cnf
        if sent is not None and sent.dst == m.src and sent.run_id == m.run_id:
            self._out.append(sent)                         # repeated request, same answer
            return
        s = self._of(m.src, m.run_id, Phase.WaitMatch)
        if s is None:
            return
        self.peer_mac = m.src
        aag = s.average(self._offset)
        self.attenuation = sum(aag) / len(aag)
        self._sessions.clear()                             # the others match elsewhere
        self._next = NEVER
        self._key_unused = False
        self._matched_cnf = CM_SLAC_MATCH_CNF(m.src, self._mac, m.run_id, m.src, self._mac, self.nid, self._nmk)
        self._out.append(self._matched_cnf)
        self._enter(State.WaitLink)
        self._timer.arm(now, t.TT_match_join)
        self._events.append(Checkpoint(155, "CM_SLAC_MATCH.CNF"))
        self._events.append(WatchLink())

    # --- beginnings and ends

    def _await_parm(self, now: int) -> None:
        self._enter(State.WaitParm)
        self._timer.arm(now, self._init_time)

    def _new_key(self) -> None:
        self._nmk = new_nmk(self._rng)
        self.nid = nid_from_nmk(self._nmk)
        self._key_unused = True
        self._key_taken = self._modem_ready = False
        self._events.append(Checkpoint(1, "new NMK and NID"))
        self._events.append(UseKey(self.nid, self._nmk))

    def _forget(self) -> None:
        """Everything about cars, but not the key."""
        self._timer.cancel()
        self._sessions.clear()
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
