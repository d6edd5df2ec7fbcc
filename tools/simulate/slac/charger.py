"""A scripted charger: confirms, measures, reports and matches at its own times, and says what of our car it would not have taken."""
from __future__ import annotations

from typing import Any

from kernel.timer import MS
from tasks.homeplug.emulator_nic import EmulatedModemNic
from tasks.homeplug.wire import (CM_ATTEN_CHAR_IND, CM_ATTEN_CHAR_RSP, CM_ATTEN_PROFILE_IND, CM_MNBC_SOUND_IND, CM_SLAC_MATCH_CNF, CM_SLAC_MATCH_REQ,
                                 CM_SLAC_PARM_CNF, CM_SLAC_PARM_REQ, CM_START_ATTEN_CHAR_IND, MAX_GROUPS)
from tasks.homeplug.wire_header import BROADCAST
from tools.simulate.slac.habits import ChargerHabits
from tools.simulate.slac.peer import TRAVEL, Entry, Peer

BATCH_MS = (20.0, 50.0)          # TP_EV_batch_msg_interval (sheet 2.1)
RESPONSE_MS = 100.0              # TP_match_response
SESSION_MS = 10_000.0            # TT_EVSE_match_session
TIME_OUT_MS = 100.0              # unit of TIME_OUT
JOIN_MS = 12_000.0               # TT_match_join
WATCH_MS = 1000.0                # how often it looks at its link
INDICATIONS = 3                  # one, and C_EV_match_retry
MAX_SESSIONS = 16                # cars that are remembered


class Session:
    """One car's matching, begun with its CM_SLAC_PARM.REQ."""

    def __init__(self, run_id: bytes) -> None:
        self.run_id = run_id
        self.confirmed_at: int | None = None
        self.batch_at: int | None = None         # the last message of its batch
        self.batch = 0                           # so many have come
        self.started_at: int | None = None
        self.counts: list[int] = []              # CNT of its sounds
        self.time_out = 0                        # as the car repeated it
        self.profiles = 0
        self.indicated = 0
        self.indicated_at = 0
        self.answered_at: int | None = None
        self.plan: list[Entry] = []


class ScriptedCharger(Peer):
    """`begin` it once, well before the car. `matched` is the car's MAC."""

    def __init__(self, nic: EmulatedModemNic, habits: ChargerHabits, rng: Any) -> None:
        super().__init__(nic, rng)
        self.habits = habits
        self.matched: bytes | None = None
        self.sessions: dict[bytes, Session] = {}
        self._nid = b""
        self._confirmed = 0
        whole, part = divmod(round(habits.db * MAX_GROUPS), MAX_GROUPS)
        self._aag = bytes(whole + (n < part) for n in range(MAX_GROUPS))     # its mean is the measured one

    def begin(self, now: int) -> None:
        """A key of its own for its modem; then it listens."""
        self._nid = self.new_key(now)[0]

    def _session(self, m: Any, rule: str, now: int) -> Session | None:
        session = self.sessions.get(m.src)
        if session is None or session.run_id != m.run_id:
            self.object(rule, "from a car or with a RunID that has not asked", now)
            return None
        return session

    # --- CM_SLAC_PARM

    def on_CM_SLAC_PARM_REQ(self, m: CM_SLAC_PARM_REQ, now: int) -> None:
        if self.matched is not None:             # silence keeps the neighbours' cars away (sheet 2.2)
            return
        old = self.sessions.get(m.src)
        if old is not None:
            for entry in old.plan:
                entry.off = True
        if len(self.sessions) < MAX_SESSIONS or old is not None:
            self.sessions[m.src] = Session(m.run_id)
            self._confirmed += 1
            first = self._confirmed == 1 and self.habits.cnf_first_ms is not None
            wait = self.habits.cnf_first_ms if first else self.habits.cnf_ms
            self.answer(wait, now, lambda at, to=m.src, run=m.run_id: self._confirm(to, run, at))
            if self.habits.cnf_again_ms:
                self.answer(wait + self.habits.cnf_again_ms, now, lambda at, to=m.src, run=m.run_id: self._confirm(to, run, at))

    def _confirm(self, car: bytes, run_id: bytes, now: int) -> None:
        habits = self.habits
        session = self.sessions.get(car)
        if session is not None and session.run_id == run_id:
            session.confirmed_at = now
        self.say(CM_SLAC_PARM_CNF(car, self.mac, run_id, car, habits.num_sounds, habits.time_out), now)

    # --- the batch

    def _of_batch(self, session: Session, now: int) -> None:
        if session.batch_at is not None:
            gap = (now - session.batch_at) / MS
            if not BATCH_MS[0] <= gap <= BATCH_MS[1]:
                self.object("TP_EV_batch_msg_interval", f"{gap:.0f} ms between two messages of the batch", now)
        session.batch_at = now
        session.batch += 1

    def on_CM_START_ATTEN_CHAR_IND(self, m: CM_START_ATTEN_CHAR_IND, now: int) -> None:
        habits = self.habits
        session = self._session(m, "CM_START_ATTEN_CHAR.IND", now)
        if session is None:
            return
        wrong = [field for field, bad in (
            ("NUM_SOUNDS", m.num_sounds != habits.num_sounds), ("TIME_OUT", m.time_out != habits.time_out), ("RESP_TYPE", m.resp_type != 1),
            ("FORWARDING_STA", m.forwarding_sta != m.src), ("ODA", m.dst != BROADCAST)) if bad]
        if wrong:
            self.object("CM_START_ATTEN_CHAR.IND", f"wrong {', '.join(wrong)}", now)
            if habits.insists_on_time_out and "TIME_OUT" in wrong:
                return
        if session.started_at is None:
            waited = (now - session.confirmed_at + 2 * TRAVEL) / MS if session.confirmed_at is not None else 0.0
            if waited > habits.start_within_ms:
                self.object("TT_match_sequence", f"CM_START_ATTEN_CHAR.IND {waited:.0f} ms after CM_SLAC_PARM.CNF, limit {habits.start_within_ms:.0f}", now)
                return
            if waited > RESPONSE_MS:
                self.object("TP_match_sequence", f"CM_START_ATTEN_CHAR.IND {waited:.0f} ms after CM_SLAC_PARM.CNF", now)
            session.started_at, session.time_out = now, m.time_out
            session.plan.append(self.answer(habits.ind_after_start_ms, now, lambda at, to=m.src: self._measured(to, at)))
        elif session.counts:
            self.object("CM_START_ATTEN_CHAR.IND", "after the first sound", now)
        self._of_batch(session, now)

    def on_CM_MNBC_SOUND_IND(self, m: CM_MNBC_SOUND_IND, now: int) -> None:
        session = self._session(m, "CM_MNBC_SOUND.IND", now)
        if session is None or session.started_at is None:
            return
        wanted = session.counts[-1] - 1 if session.counts else self.habits.num_sounds - 1
        if m.cnt != wanted:
            self.object("CM_MNBC_SOUND.IND", f"CNT {m.cnt}, {wanted} expected", now)
        session.counts.append(m.cnt)
        self._of_batch(session, now)

    def on_CM_ATTEN_PROFILE_IND(self, m: CM_ATTEN_PROFILE_IND, now: int) -> None:
        """From its own modem: one sound was measured."""
        habits, session = self.habits, self.sessions.get(m.pev_mac)
        if session is None or session.started_at is None or session.indicated or m.src != self.modem.mac:
            return
        session.profiles += 1
        if habits.time_out_after_last or session.profiles == habits.num_sounds and habits.ind_after_last_ms is not None:
            for entry in session.plan:
                entry.off = True
            wait = habits.ind_after_last_ms + (TIME_OUT_MS * session.time_out if habits.time_out_after_last else 0.0)
            session.plan = [self.answer(wait, now, lambda at, to=m.pev_mac: self._measured(to, at))]

    def _measured(self, car: bytes, now: int) -> None:
        session = self.sessions[car]
        if not session.profiles:
            return
        for entry in session.plan:
            entry.off = True
        session.indicated += 1
        session.indicated_at = now
        self.say(CM_ATTEN_CHAR_IND(car, self.mac, session.run_id, car, session.profiles, self._aag), now)
        session.plan = [self.later(self.habits.repeat_ms, now, lambda at: self._unanswered(car, at))]

    def _unanswered(self, car: bytes, now: int) -> None:
        session = self.sessions[car]
        if session.answered_at is not None:
            return
        if session.indicated >= INDICATIONS:
            self.object("TT_match_response", "no CM_ATTEN_CHAR.RSP to three indications", now)
            del self.sessions[car]
        else:
            self._measured(car, now)

    def on_CM_ATTEN_CHAR_RSP(self, m: CM_ATTEN_CHAR_RSP, now: int) -> None:
        session = self._session(m, "CM_ATTEN_CHAR.RSP", now)
        if session is None:
            return
        waited = (now - session.indicated_at + 2 * TRAVEL) / MS
        if not session.indicated or m.result or m.source_address != m.src or m.dst != self.mac:
            self.object("CM_ATTEN_CHAR.RSP", "unasked, refused, or with wrong addresses", now)
            return
        if waited > RESPONSE_MS:
            self.object("TP_match_response", f"CM_ATTEN_CHAR.RSP after {waited:.0f} ms", now)
        if session.answered_at is None:
            session.answered_at = now

    # --- match

    def on_CM_SLAC_MATCH_REQ(self, m: CM_SLAC_MATCH_REQ, now: int) -> None:
        session = self._session(m, "CM_SLAC_MATCH.REQ", now)
        if session is None:
            return
        wrong = [field for field, bad in (
            ("PEV_MAC", m.pev_mac != m.src), ("EVSE_MAC", m.evse_mac != self.mac), ("ODA", m.dst != self.mac), ("PEV_ID", any(m.pev_id)),
            ("EVSE_ID", any(m.evse_id)),
            ("moment, it has not answered the result", session.answered_at is None)) if bad]
        if wrong:
            self.object("CM_SLAC_MATCH.REQ", f"wrong {', '.join(wrong)}", now)
            return
        waited = (now - session.answered_at) / MS
        if waited > SESSION_MS:
            self.object("TT_EVSE_match_session", f"CM_SLAC_MATCH.REQ {waited:.0f} ms after CM_ATTEN_CHAR.RSP", now)
            return
        self.answer(self.habits.matched_ms, now, lambda at, to=m.src, run=m.run_id: self._match(to, run, at))

    def _match(self, car: bytes, run_id: bytes, now: int) -> None:
        if self.matched not in (None, car):
            return
        if self.matched is None:
            self.later(WATCH_MS, now, lambda at, to=car, since=now: self._watch(to, since, False, at))
        self.matched = car
        self.say(CM_SLAC_MATCH_CNF(car, self.mac, run_id, car, self.mac, self._nid, self.nmk), now)

    def _watch(self, car: bytes, since: int, seen: bool, now: int) -> None:
        """Without a network after TT_match_join, or when it is gone again, it begins anew, with a new key."""
        if self.matched != car:
            return
        joined = self.joined(now)
        if joined or not seen and now - since < JOIN_MS * MS:
            self.later(WATCH_MS, now, lambda at: self._watch(car, since, joined, at))
            return
        self.object("link", "lost" if seen else "none within TT_match_join", now)
        self.matched = None
        self.sessions.clear()
        self.begin(now)
