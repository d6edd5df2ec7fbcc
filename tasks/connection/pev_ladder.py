"""The connection supervision of a car: which rung comes next, and how long each may take."""
from __future__ import annotations

from kernel.timer import NEVER, S, Timer
from tasks.connection import timing as t
from tasks.connection.config import ConnectionConfig
from tasks.connection.ladder import HOMEPLUG, PAUSED, SDP, TCP, V2G, WOKEN, ConnectionFacts, Ladder, State
from tasks.connection.wakeup import Toggle
from tasks.homeplug.timing import T_conn_resume
from tasks.machine import Checkpoint
from tasks.messages import (Discovered, DiscoveryFailed, LinkUp, PilotToggles, PrepareSession, ResumeLink, StartDiscovery, StartMatching, StartSession,
                            StopMatching, StopSession, TcpConnect, TcpConnected)
from tasks.stop_reasons import StopReason
from tasks.v2g.timing import V2G_EVCC_CommunicationSetup_Timeout

DIGITAL_DUTY = (3.0, 7.0)            # percent: digital communication required (sheet 3)
JOINING = "Join"                     # state of the car's matching machine between CM_SET_KEY and the network
NOTHING_HEARD = frozenset({None, "Off", "Parm"})     # states of the car's matching machine before any CM_SLAC_PARM.CNF
CHARGER_HEARD = frozenset({"Sounding", "Collect", "Validate", "Toggle", "Match", "Join"})      # and after it
# Checkpoint 7 (the modem hears the coordinator) is nothing that a modem tells its host.
PEV_MARKS = {
    (State.Ending, State.Paused): PAUSED,
    (State.Paused, State.WaitPilot): WOKEN,
    (State.Unplugged, State.WaitPilot): (Checkpoint(3, "plugged in"), Checkpoint(4, "pilot in state B")),
    (State.WaitPilot, State.Matching): (Checkpoint(5, "5 % PWM seen"), Checkpoint(6, "communication begins")),
}


class PevConnection(Ladder):
    """Unplugged, WaitPilot, Matching, Discovering, Connecting, Session, Ending, then Finished, Failed, Paused or again.

    `wants_c`: state C for a moment, to wake a sleeping charger or to be counted by one (CM_VALIDATE).
    """

    marks = PEV_MARKS

    def __init__(self, config: ConnectionConfig, facts: ConnectionFacts) -> None:
        super().__init__(config, facts)
        self._found: Discovered | None = None
        self._tries = 0
        self._give_up_at = 0
        self._retry = Timer()
        self._prepared = False
        self._charger_heard = False      # Matching: somebody has answered CM_SLAC_PARM.REQ
        self._gone_since = NEVER         # Matching: since when the charger offers something else than 5 %
        self._resuming = False           # this climb takes up a paused session
        self._steady_seen = False        # the charger took its 5 % away in this pause: 5 % again is its wake-up
        self._toggle = Toggle()
        self._toggles = Timer()          # the next toggle, while the charger does not answer
        self._toggles_left = 0

    @property
    def wants_c(self) -> bool:
        return self._toggle.c

    def handle_timer(self, now: int) -> None:
        self._toggle.handle_timer(now)
        if self._toggles.take(now) and self.state is State.WaitPilot:
            self._wake_charger(now)
        if self._retry.take(now) and self.state is State.Connecting:
            self._connect(now)
        super().handle_timer(now)

    def next_timer(self) -> int:
        return min(super().next_timer(), self._retry.at, self._toggle.next_timer(), self._toggles.at)

    def _enter(self, state: State) -> None:
        if self.state is State.WaitPilot or self.state is State.Matching:
            self._toggle.cancel()
            self._toggles.cancel()
        super()._enter(state)

    def _climb(self, now: int) -> None:
        self._resuming = False
        self._begin_climb(now)

    def _begin_climb(self, now: int) -> None:
        self._forget_normal_end()
        self._prepared = False
        self._charger_heard = False
        self._gone_since = NEVER
        self._retry.cancel()
        self._enter(State.WaitPilot)
        self._limit.arm(now, t.NO_PILOT_TOLD_AFTER)
        self._poll_state(now)

    def _poll_state(self, now: int) -> None:
        if self.state is State.Unplugged:
            if self._plugged():
                self.reason = None               # of the last plug
                self._climb(now)
        elif self.state is State.WaitPilot and self.facts.hold:
            self._limit.arm(now, t.NO_PILOT_TOLD_AFTER)      # the charger is not to blame for this wait
        elif self.state is State.WaitPilot and self._offered():
            if self.facts.duty is None:
                self._note("the 5 %% are assumed: nothing here measures the pilot's duty", level="info")
            self._enter(State.Matching)
            self._give_up_at = now + t.MATCHING_LIMIT
            self._limit.arm(now, t.MATCHING_TOLD_AFTER)
            self._out.append((HOMEPLUG, ResumeLink() if self._resuming else StartMatching()))
            self._resuming = False
        elif self.state is State.Matching:
            self._charger_heard |= self.facts.link_state in CHARGER_HEARD
            if self._no_longer(StopReason.NO_MODEM, self.facts.modem is not None) or self._no_longer(StopReason.NO_CHARGER_SLAC, self._charger_heard):
                self._limit.arm_at(min(self._give_up_at, now + t.MATCHING_TOLD_AFTER))
            if self.facts.link_state == JOINING:
                self._prepare()
            self._watch_offer(now)
        elif self.state is State.Paused:
            duty = self.facts.duty
            if duty is not None and duty > DIGITAL_DUTY[1]:
                self._steady_seen = True
            elif self._steady_seen and self._offered():
                self._note("the charger wakes us: 5 %% again", level="info")
                self._wake(now)

    # --- pause and wake-up

    def receive(self, item: object, now: int) -> None:
        super().receive(item, now)
        # A charger without 5 % may still sleep in a pause that we have ended, or have missed our first toggles.
        if type(item) is StartSession and self.state is State.WaitPilot and not self._toggles.armed:
            self._toggles_left = t.WAKE_TRIES
            self._wake_charger(now)

    def _ask_pause(self, now: int) -> None:
        if self.state is State.Session:
            self._out.append((V2G, StopSession(StopReason.PAUSED)))
            if not self._stop_limit.armed:
                self._stop_limit.arm(now, t.STOP_LIMIT)
        else:
            self._note("nothing to pause: no session", level="info")

    def _begin_pause(self, now: int) -> None:
        super()._begin_pause(now)
        self._steady_seen = False

    def _wake(self, now: int) -> None:
        self._toggles_left = t.WAKE_TRIES
        self._resuming = True
        self._begin_climb(now)
        if self.state is State.WaitPilot:        # not offered: the charger sleeps
            self._wake_charger(now)

    def _wake_charger(self, now: int) -> None:
        if not self._toggles_left:
            self._note("the charger does not wake up after %d toggles of the pilot; waiting for its 5 %%", t.WAKE_TRIES)
            return
        self._toggles_left -= 1
        self._toggle.begin(t.C_EV_vald_nb_toggles, now)
        self._toggles.arm(now, T_conn_resume)

    def _watch_offer(self, now: int) -> None:
        """The charger takes its 5 % away while we match: it begins anew (D-LINK_ERROR), and so do we with its next 5 %."""
        duty = self.facts.duty
        if not self._config.require_pilot or duty is None or DIGITAL_DUTY[0] <= duty <= DIGITAL_DUTY[1]:
            self._gone_since = NEVER
        elif self._gone_since == NEVER:
            self._gone_since = now
        elif now - self._gone_since >= t.PWM_GONE:
            why = self._why_no_link()
            if self.reason is None or why is not StopReason.NO_CHARGER_SLAC:
                self.reason = why                        # told; the charger begins anew. That it did not answer meanwhile says less than a failure before
            self.restarts += 1
            self._note("the charger took its 5 %% away (now %.0f %%) before there was a link: %s. Waiting for its 5 %%", duty, why.text)
            self._out.append((HOMEPLUG, StopMatching()))
            self._begin_climb(now)

    def _prepare(self) -> None:
        """While the modems join nobody waits for an answer: seconds in which something may be loaded."""
        if not self._prepared:
            self._prepared = True
            self._out.append((V2G, PrepareSession()))

    def _offered(self) -> bool:
        """The charger asks for digital communication."""
        if not self._config.require_pilot:
            return True
        duty = self.facts.duty
        if duty is None:                     # nobody reads it, or it is unknown just now
            return not self._config.require_duty and bool(self._plugged())
        return bool(self._plugged()) and DIGITAL_DUTY[0] <= duty <= DIGITAL_DUTY[1]

    def _on_limit(self, now: int) -> None:
        if self.state is State.WaitPilot:
            if self.reason is None:                  # else the first failure says more: the charger waits for a replug after it
                self.reason = StopReason.NO_PILOT    # told; the charger may still begin
            self._note("no 5 %% PWM for %d s: replug, or begin at the charger's screen", t.NO_PILOT_TOLD_AFTER // S)
        elif self.state is State.Matching:
            if now >= self._give_up_at:
                self._end(self._why_no_link(), now)
            else:
                self.reason = self._why_no_link()        # told; the charger may still answer
                self._note("no link %d s after the 5 %% PWM: %s", t.MATCHING_TOLD_AFTER // S, self.reason.hint)
                self._limit.arm_at(self._give_up_at)
        elif self.state is State.Session:
            self._end(StopReason.TCP_CLOSED, now)
        elif self.state is State.Pausing:
            self._climb(now)
        elif self.state is State.Paused:
            self._wake(now)
        elif self.state is State.Ending:
            self._note("outputs are not safe yet: supervisor says %s", self.facts.safety_state)

    def _why_no_link(self) -> StopReason:
        """What most likely keeps the link from coming up, from what was heard so far."""
        if not self._charger_heard and self.facts.link_state in NOTHING_HEARD:
            return StopReason.NO_MODEM if self.facts.modem is None else StopReason.NO_CHARGER_SLAC
        return StopReason.NO_LINK

    def _on_rung(self, item: object, now: int) -> None:
        kind, state = type(item), self.state
        if kind is PilotToggles:
            if state is State.Matching:
                self._toggle.begin(item.count, now)
        elif kind is LinkUp and state is State.Matching:
            self._setup.arm(now, V2G_EVCC_CommunicationSetup_Timeout)
            self._enter(State.Discovering)
            self._prepare()
            self._out.append((SDP, StartDiscovery()))
        elif kind is Discovered and state is State.Discovering:
            self._found = item
            self._tries = 0
            self._enter(State.Connecting)
            self._connect(now)
        elif kind is DiscoveryFailed and state is State.Discovering:
            self._end(item.reason, now)
        elif kind is TcpConnected and state is State.Connecting:
            self._retry.cancel()
            self._begin_session(now)

    def _connect(self, now: int) -> None:
        self._tries += 1
        found = self._found
        left = self._setup.remaining(now)
        timeout = left if left != NEVER else V2G_EVCC_CommunicationSetup_Timeout
        self._out.append((TCP, TcpConnect(found.address, found.port, found.mac, timeout)))

    def _on_tcp_closed(self, reason: StopReason | None, now: int) -> None:
        if self.state is not State.Connecting:
            super()._on_tcp_closed(reason, now)
        elif self._tries < t.CONNECT_TRIES:
            self._retry.arm(now, t.CONNECT_RETRY_DELAY)
        else:
            self._end(reason or StopReason.TCP_CLOSED, now)
