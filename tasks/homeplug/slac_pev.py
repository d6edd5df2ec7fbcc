"""SLAC matching of the car (PEV), ISO 15118-3 Annex A: find the charger at the other end of our own cable.

Theory: the car asks by broadcast who is there, sends sounds that every charger nearby measures, collects their results
and takes the least attenuated one. Its answer carries the key of the network which both modems then join. States and
reactions: slac-and-network sheet 2.4; retries and times: timing.py.
"""
from __future__ import annotations

from enum import Enum, auto

from kernel.timer import MS, S, Timer
from tasks.homeplug import timing as t
from tasks.homeplug.candidates import CLOSE_CALL_DB, Candidate, ranked
from tasks.homeplug.config import SlacConfig
from tasks.homeplug.events import (KeyTaken, KeyUnanswered, LinkEstablished, LinkFailed, LinkGone, LinkSeen, ModemBack,
                                   UnwatchLink, UseKey, WatchLink)
from tasks.homeplug.keys import new_nmk, nid_from_nmk
from tasks.homeplug.wire import (CM_ATTEN_CHAR_IND, CM_ATTEN_CHAR_RSP, CM_MNBC_SOUND_IND, CM_SLAC_MATCH_CNF,
                                 CM_SLAC_MATCH_REQ, CM_SLAC_PARM_CNF, CM_SLAC_PARM_REQ, CM_START_ATTEN_CHAR_IND,
                                 CM_VALIDATE_CNF, CM_VALIDATE_REQ, RESP_TYPES, VALIDATE_NOT_READY,
                                 VALIDATE_NOT_REQUIRED)
from tasks.homeplug.wire_header import BROADCAST
from tasks.machine import Checkpoint, Note, StateChanged
from tasks.stop_reasons import StopReason

MAX_EVSES = 16                       # chargers that are remembered per attempt; more are counted in `ignored`


class State(Enum):
    Off = auto()
    Parm = auto()                    # CM_SLAC_PARM.REQ out, nobody confirmed yet
    Pause = auto()                   # between two attempts
    Sounding = auto()                # START and SOUND messages go out
    Collect = auto()                 # results come in
    Validate = auto()                # CM_VALIDATE.REQ out
    Match = auto()                   # CM_SLAC_MATCH.REQ out
    Join = auto()                    # key given to the own modem, waiting for the link
    Matched = auto()
    Paused = auto()                  # D-LINK_PAUSE: the key is kept, nobody looks at the link
    Resume = auto()                  # after a wake-up: T_conn_resume for the link to come back without SLAC


class PevSlac:
    """`peer_mac` and `attenuation` (dB) are those of the chosen charger, None before. `ignored` counts what was not for us."""

    def __init__(self, config: SlacConfig, mac: bytes, rng) -> None:
        self._mac = mac
        self._rng = rng
        self._direct = config.atten_direct_db
        self._indirect = config.atten_indirect_db
        self._cadence = config.parm_cadence_ms * MS
        self._start_delay = config.start_delay_ms * MS
        self._interval = config.batch_interval_ms * MS
        self._early = config.early_decision
        self._attempts_allowed = max(config.match_attempts, t.C_conn_max_match)
        self.state = State.Off
        self.peer_mac: bytes | None = None
        self.attenuation: float | None = None
        self.nid = b""
        self.run_id = b""
        self.ignored = 0
        self.failures = 0                        # attempts that failed although a charger was heard
        self._sends = 0
        self._confirmed: set[bytes] = set()
        self._results: dict[bytes, Candidate] = {}
        self._queue: list[Candidate] = []        # candidates still to try, best first
        self._only_one = False
        self._strangers: set[bytes] = set()      # matched since start(), but their modem did not join: a neighbour's?
        self._num_sounds = t.C_EV_match_MNBC
        self._time_out = t.TT_EVSE_match_MNBC_units
        self._starts_left = 0
        self._sounds_left = 0
        self._told = False
        self._step = Timer()                     # retry, next batch message, end of a pause, join limit: one at a time
        self._results_due = Timer()              # TT_EV_atten_results
        self._out: list = []
        self._events: list = []

    # --- commands

    def start(self, now: int) -> None:
        """Look for a charger; the caller knows that the pilot allows it. Starts over when already running."""
        self.stop(now)
        self.failures = 0
        self._strangers.clear()
        self._told = False
        self._begin_attempt(now)

    def stop(self, now: int) -> None:
        """Leave the network (a random key) and be quiet."""
        self._leave(now)
        self._enter(State.Off)

    def pause(self, now: int) -> None:
        """D-LINK_PAUSE: keep the key for a later `resume`; the modem may sleep meanwhile (sheet 2.7)."""
        if self.state is State.Matched:
            self._events.append(UnwatchLink())
            self._enter(State.Paused)
        else:
            self.stop(now)

    def resume(self, now: int) -> None:
        """After a wake-up: the network of before when it comes back within T_conn_resume, else a new matching."""
        if self.state is not State.Paused:
            self.start(now)
            return
        self._enter(State.Resume)
        self._step.arm(now, t.T_conn_resume)
        self._events.append(WatchLink())

    # --- the five verbs

    def receive(self, m, now: int) -> None:
        """A parsed message from the wire or an event of the modem machine."""
        kind = type(m)
        if kind is CM_SLAC_PARM_CNF:
            self._on_parm_cnf(m, now)
        elif kind is CM_ATTEN_CHAR_IND:
            self._on_atten_char(m, now)
        elif kind is CM_SLAC_MATCH_CNF:
            self._on_match_cnf(m, now)
        elif kind is CM_VALIDATE_CNF:
            self._on_validate_cnf(m, now)
        elif kind is LinkSeen:
            if self.state is State.Join or self.state is State.Resume:
                self._step.cancel()
                self._events.append(Checkpoint(190, "AVLN formed") if self.state is State.Join else Checkpoint(191, "AVLN is back after the pause"))
                self._enter(State.Matched)
                self._events.append(LinkEstablished(self.peer_mac, self.nid))
        elif kind is LinkGone:
            if self.state is State.Matched:
                self._give_up(StopReason.LINK_LOST, now)
        elif kind is KeyTaken or kind is KeyUnanswered:
            if self.state is State.Join:
                self._events.append(Checkpoint(170, "modem has the key" if kind is KeyTaken else "modem does not confirm the key"))
        elif kind is ModemBack:
            if self.state is State.Join:
                self._events.append(Checkpoint(180, "modem is back after its restart"))

    def handle_timer(self, now: int) -> None:
        if self._results_due.take(now) and self.state in (State.Sounding, State.Collect):
            self._decide(now)
        if not self._step.take(now):
            return
        state = self.state
        if state is State.Parm or state is State.Pause:
            if state is State.Parm and self._sends <= t.C_EV_match_retry:
                self._send_parm(now)
            else:
                self._begin_attempt(now)
        elif state is State.Sounding:
            self._send_batch(now)
        elif state is State.Validate:
            self._send_validate(now)
        elif state is State.Match:
            self._send_match(now)
        elif state is State.Join:
            self._events.append(Note("no link %d s after CM_SLAC_MATCH.CNF", (t.TT_match_join // S,), "warning"))
            self._strangers.add(self.peer_mac)
            self._attempt_failed(StopReason.NO_LINK, now)
        elif state is State.Resume:
            self._events.append(Note("the network did not come back %d s after the wake-up: matching anew", (t.T_conn_resume // S,)))
            self.start(now)

    def outgoing(self) -> list:
        out, self._out = self._out, []
        return out

    def events(self) -> list:
        events, self._events = self._events, []
        return events

    def next_timer(self) -> int:
        return min(self._step.at, self._results_due.at)

    # --- CM_SLAC_PARM

    def _begin_attempt(self, now: int) -> None:
        """Fresh RunID. The first attempt asks three times at once; later ones once per cadence while nobody answers."""
        quick = self.state is not State.Parm
        self.run_id = self._rng.randbytes(8)
        self.peer_mac = self.attenuation = None
        self._confirmed.clear()
        self._results.clear()
        self._queue.clear()
        self._results_due.cancel()
        if quick:
            self._enter(State.Parm)
            self._events.append(Checkpoint(100, "CM_SLAC_PARM.REQ"))
            self._sends = 0
        elif not self._told:
            self._told = True
            self._events.append(Note("no charger answers CM_SLAC_PARM.REQ yet, asking on", ()))
        self._send_parm(now)

    def _send_parm(self, now: int) -> None:
        self._sends += 1
        self._out.append(CM_SLAC_PARM_REQ(BROADCAST, self._mac, self.run_id))
        self._step.arm(now, t.TT_match_response if self._sends <= t.C_EV_match_retry else self._cadence)

    def _on_parm_cnf(self, m: CM_SLAC_PARM_CNF, now: int) -> None:
        if (m.run_id != self.run_id or m.dst != self._mac or m.forwarding_sta != self._mac or not m.num_sounds
                or not m.time_out or m.resp_type not in RESP_TYPES):
            self.ignored += 1
            return
        if self.state is State.Parm:
            self._events.append(Checkpoint(102, "CM_SLAC_PARM.CNF received"))
            self._num_sounds = m.num_sounds
            self._time_out = m.time_out
            self._starts_left = t.C_EV_start_atten_char_inds
            self._enter(State.Sounding)
            self._step.arm(now, self._start_delay)
        elif self.state is not State.Sounding and self.state is not State.Collect:
            self.ignored += 1
            return
        if self._starts_left == t.C_EV_start_atten_char_inds and m.num_sounds > self._num_sounds:
            self._num_sounds = m.num_sounds       # several chargers before the first START: the most demanding one
        if len(self._confirmed) < MAX_EVSES:
            self._confirmed.add(m.src)
        else:
            self.ignored += 1

    # --- sounds

    def _send_batch(self, now: int) -> None:
        if self._starts_left:
            if self._starts_left == t.C_EV_start_atten_char_inds:
                self._results_due.arm(now, t.TT_EV_atten_results)
                self._sounds_left = self._num_sounds
            self._starts_left -= 1
            self._out.append(CM_START_ATTEN_CHAR_IND(BROADCAST, self._mac, self.run_id, self._mac, self._num_sounds, self._time_out))
            if not self._starts_left:
                self._events.append(Checkpoint(103, "CM_START_ATTEN_CHAR.IND sent three times"))
        else:
            self._sounds_left -= 1
            self._out.append(CM_MNBC_SOUND_IND(BROADCAST, self._mac, self.run_id, self._sounds_left, self._rng.randbytes(16)))
            if not self._sounds_left:
                self._events.append(Checkpoint(104, "CM_MNBC_SOUND.IND sent"))
                self._enter(State.Collect)
                self._decide_early(now)
                return
        self._step.arm(now, self._interval)

    # --- results

    def _on_atten_char(self, m: CM_ATTEN_CHAR_IND, now: int) -> None:
        if (m.run_id != self.run_id or m.dst != self._mac or m.source_address != self._mac
                or self.state in (State.Off, State.Pause, State.Parm, State.Matched, State.Paused, State.Resume)):
            self.ignored += 1
            return
        total = sum(m.aag)
        if not m.num_sounds or not total:         # no data, or all zero: nobody measured anything (sheet 2.2, 2.8 row 6)
            self.ignored += 1
            self._events.append(Note("charger %s reports no attenuation, ignored", (m.src.hex(":"),), "warning"))
            return
        known = m.src in self._results
        if not known and len(self._results) >= MAX_EVSES:
            self.ignored += 1
            return
        if not self._results:
            self._events.append(Checkpoint(130, "CM_ATTEN_CHAR.IND received"))
        self._out.append(CM_ATTEN_CHAR_RSP(m.src, self._mac, self.run_id, self._mac))
        if not known:
            if not self._results:
                self._events.append(Checkpoint(140, "CM_ATTEN_CHAR.RSP"))
            self._results[m.src] = Candidate(m.src, total / len(m.aag))
            self._decide_early(now)

    def _decide_early(self, now: int) -> None:
        if self._early and self.state is State.Collect and self._confirmed and self._confirmed <= self._results.keys():
            self._decide(now)

    def _decide(self, now: int) -> None:
        """TT_EV_atten_results is over: the least attenuated charger (sheet 2.5)."""
        self._results_due.cancel()
        self._step.cancel()
        best, close = ranked(self._results.values(), self._strangers)
        for c in best:
            self._events.append(Note("charger %s at %.1f dB", (c.mac.hex(":"), c.attenuation)))
        if close:
            self._events.append(Note("the two best chargers differ by less than %d dB: it may be the neighbour's", (CLOSE_CALL_DB,), "warning"))
        found = [c for c in best if c.attenuation <= self._direct]
        potential = [c for c in best if self._direct < c.attenuation <= self._indirect]
        self._queue = found or potential
        self._only_one = len(best) == 1
        if not self._queue:
            self._events.append(Note("no charger with acceptable attenuation", (), "warning"))
        self._next_candidate(now)

    def _next_candidate(self, now: int) -> None:
        if not self._queue:
            self._attempt_failed(StopReason.SLAC_FAILED, now)
            return
        best = self._queue.pop(0)
        self.peer_mac = best.mac
        self.attenuation = best.attenuation
        self._sends = 0
        if best.attenuation <= self._direct:
            self._enter(State.Match)
            self._send_match(now)
        else:
            self._enter(State.Validate)
            self._send_validate(now)

    # --- validation

    def _send_validate(self, now: int) -> None:
        if self._sends > t.C_EV_match_retry:
            self._not_validated("does not answer CM_VALIDATE.REQ", now)
            return
        self._sends += 1
        self._out.append(CM_VALIDATE_REQ(self.peer_mac, self._mac))
        self._step.arm(now, t.TT_match_response)

    def _on_validate_cnf(self, m: CM_VALIDATE_CNF, now: int) -> None:
        if self.state is not State.Validate or m.src != self.peer_mac or m.dst != self._mac or m.signal_type:
            self.ignored += 1
        elif m.result == VALIDATE_NOT_REQUIRED:
            self._sends = 0
            self._enter(State.Match)
            self._send_match(now)
        elif m.result == VALIDATE_NOT_READY:
            self._step.arm(now, t.TT_match_sequence)      # it validates another car: ask again a little later
        else:
            # READY wants pilot toggles, which belong to the safety supervisor alone and are not made here
            self._not_validated("cannot be validated", now)

    def _not_validated(self, why: str, now: int) -> None:
        """Alone in the field it is still the best guess; among several it could be the neighbour's."""
        self._events.append(Note("charger %s %s", (self.peer_mac.hex(":"), why), "warning"))
        if self._only_one:
            self._sends = 0
            self._enter(State.Match)
            self._send_match(now)
        else:
            self._next_candidate(now)

    # --- match and join

    def _send_match(self, now: int) -> None:
        if self._sends > t.C_EV_match_retry:
            self._events.append(Note("charger %s does not answer CM_SLAC_MATCH.REQ", (self.peer_mac.hex(":"),), "warning"))
            self._next_candidate(now)
            return
        if not self._sends:
            self._events.append(Checkpoint(150, "CM_SLAC_MATCH.REQ"))
        self._sends += 1
        self._out.append(CM_SLAC_MATCH_REQ(self.peer_mac, self._mac, self.run_id, self._mac, self.peer_mac))
        self._step.arm(now, t.TT_match_response)

    def _on_match_cnf(self, m: CM_SLAC_MATCH_CNF, now: int) -> None:
        if (self.state is not State.Match or m.run_id != self.run_id or m.src != self.peer_mac or m.dst != self._mac
                or m.pev_mac != self._mac or m.evse_mac != self.peer_mac):
            self.ignored += 1
            return
        self._events.append(Checkpoint(160, "CM_SLAC_MATCH.CNF received"))
        if nid_from_nmk(m.nmk) != m.nid:          # pyPLC and Foccci do that; cars use it as it comes (sheet 2.6)
            self._events.append(Note("the charger's NID does not follow from its key", (), "warning"))
        self.nid = m.nid
        self._enter(State.Join)
        self._step.arm(now, t.TT_match_join)
        self._events.append(UseKey(m.nid, m.nmk))
        self._events.append(WatchLink())

    # --- ends

    def _attempt_failed(self, reason: StopReason, now: int) -> None:
        """Try again with a new RunID, until C_conn_max_match attempts with a charger in hearing have failed."""
        self.failures += 1
        if self.failures >= self._attempts_allowed:
            self._give_up(reason, now)
            return
        self._leave(now)
        self._enter(State.Pause)
        self._step.arm(now, t.TT_matching_rate)

    def _give_up(self, reason: StopReason, now: int) -> None:
        self._leave(now)
        self._enter(State.Off)
        self._events.append(LinkFailed(reason))

    def _leave(self, now: int) -> None:
        """Timers off; a network that we joined is left by setting a key that nobody knows (TP_match_leave)."""
        self._step.cancel()
        self._results_due.cancel()
        self.run_id = b""
        if self.state in (State.Join, State.Matched, State.Paused, State.Resume):
            nmk = new_nmk(self._rng)
            self._events.append(UnwatchLink())
            self._events.append(UseKey(nid_from_nmk(nmk), nmk))
        self.peer_mac = self.attenuation = None

    def _enter(self, state: State) -> None:
        if state is not self.state:
            self._events.append(StateChanged(self.state.name, state.name))
            self.state = state
