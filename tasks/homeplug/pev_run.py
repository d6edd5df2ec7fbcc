"""One matching run of the car, known by its RunID: from CM_SLAC_PARM.REQ to the CM_SLAC_MATCH.CNF of the charger that was chosen.

Several chargers may answer: all of them measure the sounds, the least attenuated one is asked first. What comes before and
after a run (retries, the key, the network) is slac_pev.py's. Slac-and-network sheet 2.2, 2.4, 2.5; times: timing.py.
"""
from __future__ import annotations

from enum import Enum, auto

from kernel.timer import MS, Timer
from tasks.homeplug import timing as t
from tasks.homeplug.candidates import CLOSE_CALL_DB, Candidate, Choice, Memory, Verdict, ranked
from tasks.homeplug.config import SlacConfig
from tasks.homeplug.events import Suspicious, TogglePilot
from tasks.homeplug.wire import (CM_ATTEN_CHAR_IND, CM_ATTEN_CHAR_RSP, CM_MNBC_SOUND_IND, CM_SLAC_MATCH_CNF, CM_SLAC_MATCH_REQ, CM_SLAC_PARM_CNF,
                                 CM_SLAC_PARM_REQ, CM_START_ATTEN_CHAR_IND, CM_VALIDATE_CNF, CM_VALIDATE_REQ, RESP_TYPES, VALIDATE_NOT_READY,
                                 VALIDATE_NOT_REQUIRED, VALIDATE_READY, VALIDATE_SUCCESS)
from tasks.homeplug.wire_header import BROADCAST
from tasks.machine import Checkpoint, Note, StateChanged
from tasks.stop_reasons import StopReason

MAX_EMPTY_TOLD = 3 * (t.C_EV_match_retry + 1)    # results without attenuation that are told in one run: three chargers that repeat theirs
MAX_EVSES = 16                       # chargers that are remembered per run; more are counted in `ignored`


class State(Enum):
    """States of the car's matching: those of a run (Parm to Match) and those around it."""

    Off = auto()
    Parm = auto()                    # CM_SLAC_PARM.REQ out, nobody confirmed yet
    Pause = auto()                   # between two attempts
    Sounding = auto()                # START and SOUND messages go out
    Collect = auto()                 # results come in
    Validate = auto()                # CM_VALIDATE.REQ out
    Toggle = auto()                  # the pilot is toggled, the charger counts (second CM_VALIDATE.REQ)
    Match = auto()                   # CM_SLAC_MATCH.REQ out
    Join = auto()                    # key given to the own modem, waiting for the link
    Matched = auto()
    Paused = auto()                  # D-LINK_PAUSE: the key is kept, nobody looks at the link
    Resume = auto()                  # after a wake-up: T_conn_resume for the link to come back without SLAC


class PevRun:
    """`confirmation`: the CM_SLAC_MATCH.CNF that ended it well. `failed`: why it did not. `unanswered`: nobody confirmed CM_SLAC_PARM.REQ.

    `chosen` is the charger that is asked. `ignored` counts what was not for us. It is quiet once one of the three ends is set.
    """

    def __init__(self, config: SlacConfig, mac: bytes, rng, memory: Memory, state: State) -> None:
        """`memory`: of the runs before at this plug. `state`: that of the matching before, for the change of state that is told."""
        self._config = config
        self._mac = mac
        self._rng = rng
        self._memory = memory
        self._interval = config.batch_interval_ms * MS
        self.run_id = rng.randbytes(8)
        self.state = state
        self.chosen: Candidate | None = None
        self.confirmation: CM_SLAC_MATCH_CNF | None = None
        self.failed: StopReason | None = None
        self.unanswered = False
        self.ignored = 0
        self._sends = 0                          # of the request that is out
        self._not_ready = 0                      # CM_VALIDATE.CNF in a row that said so
        self._toggles = 0
        self._confirmed: set[bytes] = set()
        self._empty = 0                          # results without any attenuation that were told
        self._results: dict[bytes, Candidate] = {}
        self._choice = Choice([], unproven_too=False)
        self._num_sounds = t.C_EV_match_MNBC
        self._time_out = t.TT_EVSE_match_MNBC_units
        self._starts_left = 0
        self._sounds_left = 0
        self._step = Timer()                     # retry or next batch message: one at a time
        self._again = Timer()                    # the second copy of CM_SLAC_PARM.REQ
        self._results_due = Timer()              # TT_EV_atten_results; then, without any result, TT_matching_rate for a late one
        self.late = False                        # that rest between runs is over, or has begun
        self._out: list = []
        self._events: list = []

    def begin(self, now: int, quick: bool) -> None:
        """Ask who is there: three times at once, or once where nobody answered the run before."""
        self._sends = 0 if quick else t.C_EV_match_retry
        if quick:
            self._enter(State.Parm)
            self._events.append(Checkpoint(100, "CM_SLAC_PARM.REQ"))
        self._send_parm(now)

    # --- the five verbs

    def receive(self, m, now: int) -> bool:
        """A parsed message from the wire. False: it is none of this run's."""
        kind = type(m)
        if kind is CM_SLAC_PARM_CNF:
            taken = self._on_parm_cnf(m, now)
        elif kind is CM_ATTEN_CHAR_IND:
            taken = self._on_atten_char(m, now)
        elif kind is CM_SLAC_MATCH_CNF:
            taken = self._on_match_cnf(m)
        else:
            taken = kind is CM_VALIDATE_CNF and self._on_validate_cnf(m, now)
        if not taken:
            self.ignored += 1
        return taken

    def handle_timer(self, now: int) -> None:
        if self._again.take(now):
            self._out.append(CM_SLAC_PARM_REQ(BROADCAST, self._mac, self.run_id))
        if self._results_due.take(now) and self.state in (State.Sounding, State.Collect):
            self._decide(now)
        due, state = self._step.at, self.state
        if not self._step.take(now):
            return
        if state is State.Parm:
            if self._sends <= t.C_EV_match_retry:
                self._send_parm(now)
            else:
                self.unanswered = True
        elif state is State.Sounding:
            self._send_batch(due, now)
        elif state is State.Validate:
            self._send_validate(now)
        elif state is State.Toggle:
            self._judged(Verdict.SILENT, "does not say how many toggles it counted", now)
        elif state is State.Match:
            self._send_match(now)

    @property
    def answered(self) -> bool:
        """A charger has reported its result."""
        return bool(self._results)

    def outgoing(self) -> list:
        out, self._out = self._out, []
        return out

    def events(self) -> list:
        events, self._events = self._events, []
        return events

    def next_timer(self) -> int:
        return min(self._step.at, self._results_due.at, self._again.at)

    # --- CM_SLAC_PARM

    def _send_parm(self, now: int) -> None:
        self._sends += 1
        self._out.append(CM_SLAC_PARM_REQ(BROADCAST, self._mac, self.run_id))
        self._again.arm(now, t.PARM_AGAIN)
        self._step.arm(now, t.TT_match_response if self._sends <= t.C_EV_match_retry else self._config.parm_cadence_ms * MS)

    def _on_parm_cnf(self, m: CM_SLAC_PARM_CNF, now: int) -> bool:
        if (m.run_id != self.run_id or m.dst != self._mac or m.forwarding_sta != self._mac or not m.num_sounds
                or not m.time_out or m.resp_type not in RESP_TYPES):
            return False
        if self.state is State.Parm:
            self._events.append(Checkpoint(102, "CM_SLAC_PARM.CNF received"))
            self._num_sounds = m.num_sounds
            self._time_out = m.time_out
            self._starts_left = t.C_EV_start_atten_char_inds
            self._enter(State.Sounding)
            self._step.arm(now, self._config.start_delay_ms * MS)
        elif self.state is not State.Sounding and self.state is not State.Collect:
            return False
        if self._starts_left == t.C_EV_start_atten_char_inds and m.num_sounds > self._num_sounds:
            self._num_sounds = m.num_sounds       # several chargers before the first START: the most demanding one
        if m.src not in self._confirmed and len(self._confirmed) >= MAX_EVSES:
            return False
        self._confirmed.add(m.src)
        return True

    # --- sounds

    def _send_batch(self, due: int, now: int) -> None:
        """One START or SOUND, planned for `due`. The next is counted from there: from `now` each would slip to a tick later (40 ms for 30)."""
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
        self._step.arm_at(max(due + self._interval, now + max(t.TP_EV_batch_msg_interval_min, self._interval - t.BATCH_CATCH_UP)))

    # --- results

    def _on_atten_char(self, m: CM_ATTEN_CHAR_IND, now: int) -> bool:
        if m.run_id != self.run_id or m.dst != self._mac or m.source_address != self._mac or self.state is State.Parm:
            return False
        total = sum(m.aag)
        if not m.num_sounds or not total:         # no data, or all zero: nobody measured anything (sheet 2.2, 2.8 row 6)
            if self._empty < MAX_EMPTY_TOLD:      # beyond that only counted in `ignored`
                self._empty += 1
                self._events.append(Note("charger %s reports no attenuation, ignored", (m.src.hex(":"),), "warning"))
            return False
        known = self._results.get(m.src)
        if known is None and len(self._results) >= MAX_EVSES:
            return False
        if not self._results:
            self._events.append(Checkpoint(130, "CM_ATTEN_CHAR.IND received"))
        self._out.append(CM_ATTEN_CHAR_RSP(m.src, self._mac, self.run_id, self._mac))
        average = total / len(m.aag)
        if known is not None:
            if known.attenuation != average:      # the first one counts
                self._events.append(Suspicious(m.src, "reports %.1f dB after %.1f dB for the same sounds", (average, known.attenuation)))
            return True
        if not self._results:
            self._events.append(Checkpoint(140, "CM_ATTEN_CHAR.RSP"))
        self._results[m.src] = Candidate(m.src, average)
        if self.late and self.state is State.Collect:
            self._decide(now)
        else:
            self._decide_early(now)
        return True

    def _decide_early(self, now: int) -> None:
        if self._config.early_decision and self.state is State.Collect and self._confirmed and self._confirmed <= self._results.keys():
            self._decide(now)

    def _decide(self, now: int) -> None:
        """TT_EV_atten_results is over: the least attenuated charger (sheet 2.5)."""
        self._results_due.cancel()
        self._step.cancel()
        if not self._results and not self.late:
            # nothing would be sent for TT_matching_rate anyway; an ABB that waits 1 s after the last sound delivers now (sheet 8, 2.8 row 3)
            self.late = True
            self._enter(State.Collect)
            self._results_due.arm(now, t.TT_matching_rate)
            return
        order, close = ranked(self._results.values(), self._memory)
        for c in order:
            self._events.append(Note("charger %s at %.1f dB", (c.mac.hex(":"), c.attenuation)))
        if close:
            self._events.append(Note("the two best chargers differ by less than %d dB: it may be the neighbour's", (CLOSE_CALL_DB,), "warning"))
        self._choice = Choice.of(order, self._config)
        if not order:
            self._events.append(Note("no CM_ATTEN_CHAR.IND %d ms after the first CM_START_ATTEN_CHAR.IND, %d charger(s) confirmed",
                                     (t.TT_EV_atten_results // MS, len(self._confirmed)), "warning"))
        elif not self._choice.left:
            self._events.append(Note("no charger with acceptable attenuation: the best has %.0f dB, the limit is %g dB",
                                     (order[0].attenuation, self._config.atten_indirect_db), "warning"))
        self._next_candidate(now)

    def _next_candidate(self, now: int) -> None:
        chosen = self.chosen = self._choice.next()
        self._sends = self._not_ready = 0
        if chosen is None:
            self.failed = StopReason.SLAC_FAILED
            self._step.cancel()
        elif chosen.doubtful:
            self._enter(State.Validate)
            self._send_validate(now)
        else:
            self._match(now)

    # --- validation (sheet 2.5)

    def _send_validate(self, now: int) -> None:
        if self._sends > t.C_EV_match_retry:
            self._judged(Verdict.SILENT, "does not answer CM_VALIDATE.REQ", now)
            return
        self._sends += 1
        self._out.append(CM_VALIDATE_REQ(self.chosen.mac, self._mac))
        self._step.arm(now, t.TT_match_response)

    def _on_validate_cnf(self, m: CM_VALIDATE_CNF, now: int) -> bool:
        toggling = self.state is State.Toggle
        if not toggling and self.state is not State.Validate or m.src != self.chosen.mac or m.dst != self._mac or m.signal_type:
            return False
        if m.result == VALIDATE_READY:
            if not toggling:                      # while it counts it repeats its first answer until it has seen our second request
                self._toggle(now)
        elif m.result == VALIDATE_NOT_REQUIRED:
            self._judged(Verdict.NOT_REQUIRED, "", now)
        elif m.result == VALIDATE_NOT_READY and not toggling:
            self._not_ready += 1
            self._sends = 0
            if self._not_ready > t.VALIDATE_NOT_READY_LIMIT:
                self._judged(Verdict.SILENT, "is never ready to validate", now)
            else:
                self._step.arm(now, t.TT_match_sequence)      # it validates another car: ask again a little later
        elif m.result == VALIDATE_SUCCESS and toggling:
            if m.toggle_num == self._toggles:
                self._judged(Verdict.PROVEN, "", now)
            else:
                self._judged(Verdict.REFUTED, f"counted {m.toggle_num} toggles of our pilot where we made {self._toggles}: it is on another cable", now)
        else:
            self._judged(Verdict.SILENT, f"cannot be validated (CM_VALIDATE.CNF with result {m.result})", now)
        return True

    def _toggle(self, now: int) -> None:
        """A number that a charger on another cable cannot know; the toggling itself belongs to connection and safety."""
        self._toggles = self._rng.randrange(t.C_EV_vald_nb_toggles_max) + 1
        window = self._toggles * 2 * t.TP_EV_vald_state_duration + t.VALIDATE_SLACK
        self._out.append(CM_VALIDATE_REQ(self.chosen.mac, self._mac, timer=-(-window // t.VALIDATE_UNIT) - 1))
        self._events.append(TogglePilot(self._toggles))
        self._events.append(Note("charger %s is to count %d toggles of our pilot", (self.chosen.mac.hex(":"), self._toggles)))
        self._enter(State.Toggle)
        self._step.arm(now, window + t.TT_match_response)

    def _judged(self, verdict: Verdict, why: str, now: int) -> None:
        if why:
            self._events.append(Note("charger %s %s", (self.chosen.mac.hex(":"), why), "warning"))
        if self._choice.judge(self.chosen, verdict):
            self._sends = 0
            self._match(now)
        else:
            self._next_candidate(now)

    # --- match

    def _match(self, now: int) -> None:
        self._enter(State.Match)
        self._send_match(now)

    def _send_match(self, now: int) -> None:
        if self._sends > t.C_EV_match_retry:
            self._events.append(Note("charger %s does not answer CM_SLAC_MATCH.REQ", (self.chosen.mac.hex(":"),), "warning"))
            self._memory.failed(self.chosen.mac)
            self._choice.drop_weaker(self.chosen)
            self._next_candidate(now)
            return
        if not self._sends:
            self._events.append(Checkpoint(150, "CM_SLAC_MATCH.REQ"))
        self._sends += 1
        self._out.append(CM_SLAC_MATCH_REQ(self.chosen.mac, self._mac, self.run_id, self._mac, self.chosen.mac))
        self._step.arm(now, t.TT_match_response)

    def _on_match_cnf(self, m: CM_SLAC_MATCH_CNF) -> bool:
        if self.confirmation is not None:         # the charger's answer to our repetition; its key is in use already
            if m.dst == self._mac and (m.src != self.confirmation.src or m.nmk != self.confirmation.nmk):
                self._events.append(Suspicious(m.src, "sends another network key while the modems join"))
            return False
        if (self.state is not State.Match or self.chosen is None or m.run_id != self.run_id or m.src != self.chosen.mac or m.dst != self._mac
                or m.pev_mac != self._mac or m.evse_mac != self.chosen.mac):
            if m.dst == self._mac and (self.chosen is None or m.src != self.chosen.mac):
                self._events.append(Suspicious(m.src, "sends a CM_SLAC_MATCH.CNF that we did not ask it for"))
            return False
        self._step.cancel()
        self._events.append(Checkpoint(160, "CM_SLAC_MATCH.CNF received"))
        self.confirmation = m
        return True

    def _enter(self, state: State) -> None:
        if state is not self.state:
            self._events.append(StateChanged(self.state.name, state.name))
            self.state = state
