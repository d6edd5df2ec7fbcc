"""SLAC matching of the car (PEV), ISO 15118-3 Annex A: find the charger at the other end of our own cable.

Theory: the car asks by broadcast who is there, sends sounds that every charger nearby measures, collects their results
and takes the least attenuated one: one run, a machine of its own (pev_run.py). Its answer carries the key of the network which both modems then join. This machine
repeats runs, takes the key, waits for the network, keeps and leaves it. States: slac-and-network sheet 2.4; times: timing.py.
"""
from __future__ import annotations

from kernel.timer import S, Backoff, Timer
from tasks.homeplug import timing as t
from tasks.homeplug.amp_map import AmpMap
from tasks.homeplug.candidates import Memory
from tasks.homeplug.config import SlacConfig
from tasks.homeplug.events import (KeyTaken, KeyUnanswered, LinkEstablished, LinkFailed, LinkGone, LinkSeen, ModemBack, Suspicious, UnwatchLink,
                                   UseKey, WatchLink)
from tasks.homeplug.keys import new_nmk, nid_from_nmk
from tasks.homeplug.pev_run import PevRun, State
from tasks.homeplug.wire import CM_ATTEN_CHAR_IND, CM_SLAC_MATCH_CNF, CM_SLAC_PARM_CNF, CM_VALIDATE_CNF
from tasks.homeplug.wire_keys import CM_AMP_MAP_CNF, CM_AMP_MAP_REQ
from tasks.machine import Checkpoint, Note, StateChanged
from tasks.stop_reasons import StopReason

SLAC_ANSWERS = (CM_SLAC_PARM_CNF, CM_ATTEN_CHAR_IND, CM_SLAC_MATCH_CNF, CM_VALIDATE_CNF)
IN_NETWORK = frozenset({State.Join, State.Matched, State.Paused, State.Resume})
"""The own modem has the charger's key."""
LONGEST_PAUSE = 4 * t.TT_matching_rate           # so that C_conn_max_match runs of 2 s fit into TT_matching_repetition


class PevSlac:
    """`peer_mac` and `attenuation` (dB) are those of the chosen charger, None before. `ignored` counts what was not for us."""

    def __init__(self, config: SlacConfig, mac: bytes, rng) -> None:
        self._config = config
        self._mac = mac
        self._rng = rng
        self._attempts_allowed = max(config.match_attempts, t.C_conn_max_match)
        self._backoff = Backoff(t.TT_matching_rate, LONGEST_PAUSE)
        self._amp_map = AmpMap(mac)
        self.state = State.Off
        self.nid = b""
        self.failures = 0                        # runs that failed although a charger was heard
        self._repeat_until = 0                   # TT_matching_repetition: not given up before
        self._ignored = 0
        self._run: PevRun | None = None          # kept until the link is up: results that are repeated still get their answer
        self._key: CM_SLAC_MATCH_CNF | None = None
        self._memory = Memory()                  # of the runs since start()
        self._told = False
        self._rest_until: int | None = None      # Pause: its end, when the modem is back by then
        self._step = Timer()                     # end of a pause, join limit, T_conn_resume: one at a time
        self._out: list = []
        self._events: list = []

    @property
    def peer_mac(self) -> bytes | None:
        chosen = self._run.chosen if self._run is not None else None
        return chosen.mac if chosen is not None else None

    @property
    def attenuation(self) -> float | None:
        chosen = self._run.chosen if self._run is not None else None
        return chosen.attenuation if chosen is not None else None

    @property
    def run_id(self) -> bytes:
        """Of the run under way; empty when there is none."""
        return self._run.run_id if self._run is not None else b""

    @property
    def ignored(self) -> int:
        return self._ignored + (self._run.ignored if self._run is not None else 0)

    # --- commands

    def start(self, now: int) -> None:
        """Look for a charger; the caller knows that the pilot allows it. Starts over when already running."""
        self.stop(now)
        self.failures = 0
        self._backoff.succeeded()
        self._memory.forget()
        self._told = False
        self._begin_run(now)

    def stop(self, now: int) -> None:
        """Leave the network (a random key) and be quiet."""
        self._leave(now)
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
        """After a wake-up: the network of before when it comes back within T_conn_resume, else a new matching."""
        if self.state is not State.Paused:
            self.start(now)
            return
        self._enter(State.Resume)
        self._step.arm(now, t.T_conn_resume)
        self._events.append(WatchLink(t.T_conn_resume))

    # --- the five verbs

    def receive(self, m, now: int) -> None:
        """A parsed message from the wire or an event of the modem machine."""
        kind = type(m)
        if kind in SLAC_ANSWERS:
            self._on_answer(m, now)
        elif kind is CM_AMP_MAP_REQ or kind is CM_AMP_MAP_CNF:
            if not self._amp_map.receive(m, self.peer_mac if self.state in (State.Join, State.Matched) else None, now):
                self._ignored += 1
            self._after_amp_map()
        elif kind is LinkSeen:
            if self.state is State.Join or self.state is State.Resume:
                self._step.cancel()
                self._events.append(Checkpoint(190, "AVLN formed") if self.state is State.Join else Checkpoint(191, "AVLN is back after the pause"))
                self._enter(State.Matched)
                self.failures = 0
                self._backoff.succeeded()
                self._events.append(LinkEstablished(self.peer_mac, self.nid))
                if self._config.request_amp_map:
                    self._amp_map.request(self.peer_mac, now)
                    self._after_amp_map()
        elif kind is LinkGone:
            if self.state is State.Matched:
                self._give_up(StopReason.LINK_LOST, now)
        elif kind is KeyTaken:
            if self.state is State.Join:
                self._events.append(Checkpoint(170, "CM_SET_KEY.CNF"))
        elif kind is KeyUnanswered:
            if self.state is State.Join:
                self._events.append(Note("own modem does not confirm the key, waiting for the link all the same", (), "warning"))
        elif kind is ModemBack:
            if self.state is State.Join:
                self._events.append(Checkpoint(180, "modem is back after its restart"))
            elif self.state is State.Pause and self._rest_until is not None:
                self._step.arm_at(max(now, self._rest_until))
                self._rest_until = None

    def handle_timer(self, now: int) -> None:
        if self._run is not None and now >= self._run.next_timer():
            self._run.handle_timer(now)
            self._after_run(now)
        if now >= self._amp_map.next_timer():
            self._amp_map.handle_timer(now)
            self._after_amp_map()
        if not self._step.take(now):
            return
        if self.state is State.Pause:
            self._begin_run(now)
        elif self.state is State.Join:
            self._events.append(Note("no link %d s after CM_SLAC_MATCH.CNF", (t.TT_match_join // S,), "warning"))
            self._memory.failed(self.peer_mac)
            self._run_failed(StopReason.NO_LINK, now)
        elif self.state is State.Resume:
            self._events.append(Note("the network did not come back %d s after the wake-up: matching anew", (t.T_conn_resume // S,)))
            self.start(now)

    def outgoing(self) -> list:
        out, self._out = self._out, []
        return out

    def events(self) -> list:
        events, self._events = self._events, []
        return events

    def next_timer(self) -> int:
        at = min(self._step.at, self._amp_map.next_timer())
        return at if self._run is None else min(at, self._run.next_timer())

    # --- runs

    def _begin_run(self, now: int) -> None:
        """Fresh RunID. The first run asks three times at once; later ones once per cadence while nobody answers."""
        quick = self.state is not State.Parm
        if not quick and not self._told:
            self._told = True
            self._events.append(Note("no charger answers CM_SLAC_PARM.REQ yet, asking on", ()))
        self._forget_run()
        self._run = PevRun(self._config, self._mac, self._rng, self._memory, self.state)
        self._run.begin(now, quick)
        self._after_run(now)

    def _on_answer(self, m, now: int) -> None:
        run = self._run
        if run is not None and self.state not in (State.Matched, State.Paused, State.Resume):
            run.receive(m, now)
            self._after_run(now)
            return
        self._ignored += 1                       # where a session is under way nobody re-keys us (safety sheet 10: ccs32clara 24)
        if type(m) is CM_SLAC_MATCH_CNF and m.dst == self._mac and self._key is not None and (m.src != self.peer_mac or m.nmk != self._key.nmk):
            self._events.append(Suspicious(m.src, "sends a network key in the middle of our session"))

    def _after_run(self, now: int) -> None:
        """Take over what the run says, and act on its end."""
        run = self._run
        self._out += run.outgoing()
        self._events += run.events()
        if self.state is State.Join:             # its key is in use; it only answers repeated results
            return
        self.state = run.state
        if run.confirmation is not None:
            self._join(run.confirmation, now)
        elif run.failed is not None:
            self._run_failed(run.failed, now)
        elif run.unanswered:
            self._begin_run(now)

    def _join(self, m: CM_SLAC_MATCH_CNF, now: int) -> None:
        if nid_from_nmk(m.nmk) != m.nid:          # pyPLC and Foccci do that; cars use it as it comes (sheet 2.6)
            self._events.append(Note("the charger's NID does not follow from its key", (), "warning"))
        self._key = m
        self.nid = m.nid
        self._enter(State.Join)
        self._step.arm(now, t.TT_match_join)
        self._events.append(UseKey(m.nid, m.nmk))
        self._events.append(WatchLink(t.TT_match_join))

    def _after_amp_map(self) -> None:
        self._out += self._amp_map.outgoing()
        self._events += self._amp_map.events()

    # --- ends

    def _run_failed(self, reason: StopReason, now: int) -> None:
        """Try again with a new RunID, later each time, until C_conn_max_match runs with a charger in hearing have failed, and for TT_matching_repetition."""
        self.failures += 1
        if self.failures == 1:
            self._repeat_until = now + t.TT_matching_repetition
        if self.failures >= self._attempts_allowed and now >= self._repeat_until:
            self._give_up(reason, now)
            return
        rested = t.TT_matching_rate if self._run is not None and self._run.late and not self._run.answered else 0
        restarts = self.state in IN_NETWORK                  # the modem gets another key, and hears nobody until it is back
        pause = self._backoff.failed() - rested
        self._leave(now)
        self._enter(State.Pause)
        self._rest_until = now + pause if restarts else None
        self._step.arm(now, max(pause, t.MODEM_RESTART_LIMIT) if restarts else pause)

    def _give_up(self, reason: StopReason, now: int) -> None:
        self._leave(now)
        self._enter(State.Off)
        self._events.append(LinkFailed(reason))

    def _forget_run(self) -> None:
        if self._run is not None:
            self._ignored += self._run.ignored
            self._run = None

    def _leave(self, now: int) -> None:
        """Timers off; a network that we joined is left by setting a key that nobody knows (TP_match_leave)."""
        self._step.cancel()
        self._amp_map.stop()
        self._forget_run()
        self._key = None
        if self.state in IN_NETWORK:
            nmk = new_nmk(self._rng)
            self._events.append(UnwatchLink())
            self._events.append(UseKey(nid_from_nmk(nmk), nmk))

    def _enter(self, state: State) -> None:
        if state is not self.state:
            self._events.append(StateChanged(self.state.name, state.name))
            self.state = state
