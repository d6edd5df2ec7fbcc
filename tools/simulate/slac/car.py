"""A scripted car: asks, sounds, answers and matches at its own times, and says what of our charger it would not have taken."""
from __future__ import annotations

from typing import Any

from kernel.timer import MS
from tasks.homeplug.emulator_nic import EmulatedModemNic
from tasks.homeplug.keys import nid_from_nmk
from tasks.homeplug.wire import (CM_ATTEN_CHAR_IND, CM_ATTEN_CHAR_RSP, CM_MNBC_SOUND_IND, CM_SLAC_MATCH_CNF, CM_SLAC_MATCH_REQ, CM_SLAC_PARM_CNF,
                                 CM_SLAC_PARM_REQ, CM_START_ATTEN_CHAR_IND, MAX_GROUPS)
from tasks.homeplug.wire_header import BROADCAST
from tools.simulate.slac.habits import MAC_AND_ZEROS, RANDOM, CarHabits
from tools.simulate.slac.peer import TRAVEL, Entry, Peer

RESPONSE_MS = 100.0              # TP_match_response (sheet 2.1)
RESULTS_MS = 1200.0              # TT_EV_atten_results, from START1
RETRY_MS, RETRIES = 200.0, 2     # TT_match_response, C_EV_match_retry
STARTS = 3


class ScriptedCar(Peer):
    """`begin` it once. `matched` is the charger's MAC; `attempts` counts new beginnings."""

    def __init__(self, nic: EmulatedModemNic, habits: CarHabits, rng: Any) -> None:
        super().__init__(nic, rng)
        self.habits = habits
        self.attempts = 0
        self.matched: bytes | None = None
        self.run_id = b""
        self._plan: list[Entry] = []             # of this attempt; thrown away with it
        self._cnf: CM_SLAC_PARM_CNF | None = None
        self._asked_at = self._matching_at = 0
        self._asked = self._answered = 0         # CM_SLAC_PARM of this attempt
        self._start_entry: Entry | None = None
        self._started_at: int | None = None
        self._results: dict[bytes, float] = {}
        self._rsp_at: int | None = None          # the last CM_ATTEN_CHAR.RSP
        self._time_is_up = False
        self._chosen: bytes | None = None

    def begin(self, now: int) -> None:
        """Plugged in, 5 % seen: the first CM_SLAC_PARM.REQ."""
        habits = self.habits
        for entry in self._plan:
            entry.off = True
        self.attempts += 1
        self.run_id = (self.mac + b"\0\0" if habits.run_id == MAC_AND_ZEROS else self.rng.randbytes(8) if habits.run_id == RANDOM else habits.run_id.encode())
        self._plan, self._results = [], {}
        self._cnf = self._start_entry = self._started_at = self._rsp_at = self._chosen = None
        self._asked = self._answered = 0
        self._time_is_up = False
        self._ask(now)
        if habits.parm_twice_ms:
            self._plan.append(self.later(habits.parm_twice_ms, now, self._ask))

    def _ask(self, now: int) -> None:
        self._asked += 1
        self._asked_at = now
        self.say(CM_SLAC_PARM_REQ(BROADCAST, self.mac, self.run_id), now)
        gaps = self.habits.parm_ms
        self._plan.append(self.later(gaps[min(self._asked, len(gaps)) - 1], now, lambda at, n=self._asked: self._unanswered(n, at)))

    def _unanswered(self, question: int, now: int) -> None:
        if self._cnf is not None or question != self._asked:
            return
        if self._asked <= len(self.habits.parm_ms) + bool(self.habits.parm_twice_ms):
            self._ask(now)
        else:
            self._again(self.habits.again_ms, now)

    def _again(self, wait: float, now: int) -> None:
        for entry in self._plan:
            entry.off = True
        self._plan = [self.later(wait, now, self.begin)]

    # --- CM_SLAC_PARM

    def on_CM_SLAC_PARM_CNF(self, m: CM_SLAC_PARM_CNF, now: int) -> None:
        wrong = [field for field, bad in (
            ("RunID", m.run_id != self.run_id), ("FORWARDING_STA", m.forwarding_sta != self.mac), ("M-SOUND_TARGET", m.m_sound_target != BROADCAST),
            ("NUM_SOUNDS", not m.num_sounds), ("TIME_OUT", not m.time_out), ("RESP_TYPE", m.resp_type != 1), ("ODA", m.dst != self.mac)) if bad]
        if wrong:
            self.object("CM_SLAC_PARM.CNF", f"wrong {', '.join(wrong)}", now)
            return
        waited = (now - self._asked_at + 2 * TRAVEL) / MS if self._answered + 1 >= self._asked else 0.0
        if waited > RESPONSE_MS and self._started_at is None:
            self.object("TP_match_response", f"CM_SLAC_PARM.CNF after {waited:.0f} ms", now)
        self._answered += 1
        if self._cnf is None:
            self._cnf = m
        if self._started_at is None and self._cnf.src == m.src:      # it counts from the answer to its last question
            if self._start_entry is not None:
                self._start_entry.off = True
            self._start_entry = self.answer(self.habits.start_ms, now, self._start)
            self._plan.append(self._start_entry)

    # --- the batch

    def _start(self, now: int) -> None:
        habits = self.habits
        self._started_at = now
        wait = 0.0
        for n in range(STARTS):
            wait = n * habits.start_gap_ms
            self._plan.append(self.later(wait, now, self._say_start))
        wait += habits.sound1_ms
        gaps = habits.sound_gaps_ms
        for n in range(self._cnf.num_sounds):
            self._plan.append(self.later(wait, now, lambda at, left=self._cnf.num_sounds - 1 - n: self._say_sound(left, at)))
            wait += gaps[min(n, len(gaps) - 1)]
        self._plan.append(self.later(RESULTS_MS if habits.match_ms is None else habits.match_ms, now, self._decision_due))
        self._plan.append(self.later(max(RESULTS_MS, habits.match_ms or 0.0), now, self._results_over))

    def _say_start(self, now: int) -> None:
        cnf = self._cnf
        self.say(CM_START_ATTEN_CHAR_IND(BROADCAST, self.mac, self.run_id, self.mac, cnf.num_sounds, cnf.time_out), now)

    def _say_sound(self, left: int, now: int) -> None:
        octets = self.rng.randbytes(16) if self.habits.random_sounds else b"\xff" * 16
        self.say(CM_MNBC_SOUND_IND(BROADCAST, self.mac, self.run_id, left, octets), now)

    # --- results

    def on_CM_ATTEN_CHAR_IND(self, m: CM_ATTEN_CHAR_IND, now: int) -> None:
        wrong = [field for field, bad in (
            ("RunID", m.run_id != self.run_id), ("SOURCE_ADDRESS", m.source_address != self.mac), ("ODA", m.dst != self.mac),
            ("NUM_SOUNDS", not m.num_sounds), ("NUM_GROUPS", len(m.aag) != MAX_GROUPS), ("AAG, all zero", not any(m.aag)),
            ("moment, no sound yet", self._started_at is None)) if bad]
        if wrong:
            self.object("CM_ATTEN_CHAR.IND", f"wrong {', '.join(wrong)}", now)
            return
        if self.matched is None and self._chosen is None:
            self._results[m.src] = sum(m.aag) / len(m.aag)
        self._plan.append(self.answer(self.habits.rsp_ms, now, lambda at, to=m.src: self._say_rsp(to, at)))

    def _say_rsp(self, charger: bytes, now: int) -> None:
        self.say(CM_ATTEN_CHAR_RSP(charger, self.mac, self.run_id, self.mac), now)
        first, self._rsp_at = self._rsp_at is None, now
        if (self.habits.match_ms is None and first) or (self._time_is_up and self._chosen is None):
            self._plan.append(self.later(self.habits.match_after_rsp_ms, now, self._choose))

    def _decision_due(self, now: int) -> None:
        """Its time to decide: with a result that it has answered, or as soon as one comes."""
        self._time_is_up = True
        if self._rsp_at is not None:
            self._choose(now)

    def _results_over(self, now: int) -> None:
        if not self._results and self.matched is None:
            self.object("TT_EV_atten_results", f"no CM_ATTEN_CHAR.IND within {max(RESULTS_MS, self.habits.match_ms or 0.0):.0f} ms", now)
            self._again(400.0, now)

    # --- match

    def _choose(self, now: int) -> None:
        if self._chosen is None and self._results:
            self._chosen = min(self._results, key=self._results.__getitem__)
            self._say_match(0, now)

    def _say_match(self, repeats: int, now: int) -> None:
        if self.matched is not None:
            return
        if repeats > RETRIES:
            self.object("TT_match_response", "no CM_SLAC_MATCH.CNF to three requests", now)
            self._again(400.0, now)
            return
        self._matching_at = now
        self.say(CM_SLAC_MATCH_REQ(self._chosen, self.mac, self.run_id, self.mac, self._chosen), now)
        self._plan.append(self.later(RETRY_MS, now, lambda at: self._say_match(repeats + 1, at)))

    def on_CM_SLAC_MATCH_CNF(self, m: CM_SLAC_MATCH_CNF, now: int) -> None:
        wrong = [field for field, bad in (
            ("RunID", m.run_id != self.run_id), ("PEV_MAC", m.pev_mac != self.mac), ("EVSE_MAC", m.evse_mac != m.src), ("sender", m.src != self._chosen),
            ("NID, it does not follow from the NMK", m.nid != nid_from_nmk(m.nmk))) if bad]
        if wrong:
            self.object("CM_SLAC_MATCH.CNF", f"wrong {', '.join(wrong)}", now)
            return
        waited = (now - self._matching_at + 2 * TRAVEL) / MS
        if waited > RESPONSE_MS and self.matched is None:
            self.object("TP_match_response", f"CM_SLAC_MATCH.CNF after {waited:.0f} ms", now)
        if self.matched is None:
            self.matched = m.src
            self.use_key(m.nid, m.nmk, now)
