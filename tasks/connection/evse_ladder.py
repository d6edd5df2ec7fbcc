"""The connection supervision of a charger: which rung comes next, how long each may take, and what the pilot shows meanwhile."""
from __future__ import annotations

from drivers.interfaces import PilotState
from kernel.timer import NEVER, S, Timer
from tasks.connection import timing as t
from tasks.connection.config import ConnectionConfig
from tasks.connection.ladder import AT_REST, HOMEPLUG, PAUSED, SDP, TCP, V2G, WOKEN, ConnectionFacts, Ladder, State
from tasks.connection.nominal import NominalDuty
from tasks.connection.wakeup import ToggleSeen
from tasks.machine import Checkpoint
from tasks.messages import LinkUp, PilotOffered, PrepareSession, ResumeLink, SessionEstablished, StartDiscovery, StartMatching, StartSession, TcpConnected, TcpListen
from tasks.pilot_duty import promised_current
from tasks.stop_reasons import StopReason
from tasks.v2g.timing import V2G_SECC_CommunicationSetup_Performance, V2G_SECC_CPOscillator_Retain

OFFERED_DUTY = 5.0
STEADY_DUTY = 100.0                  # X1
FAULT_DUTY = 0.0                     # state F
D_LINK_ERRORS = frozenset({StopReason.NO_LINK, StopReason.LINK_LOST, StopReason.NO_CAR_SLAC, StopReason.SLAC_FAILED, StopReason.COMMUNICATION_SETUP_TIMEOUT})
"""Ends that are a D-LINK_ERROR (sheet 2.3): matching, the network, or the time from it to the first V2G message."""
LET_GO = frozenset({PilotState.A, PilotState.B})     # the car wants nothing of the output any more, or is gone
NO_KEY_YET = frozenset({None, "Off", "WaitKey"})     # states of the charger's matching machine
EVSE_MARKS = {
    (State.Ending, State.Paused): PAUSED,
    (State.Paused, State.Preparing): WOKEN,
    (State.Unplugged, State.Preparing): (Checkpoint(2, "12 V were offered"), Checkpoint(3, "car plugged in"), Checkpoint(4, "pilot in state B")),
    (State.Preparing, State.Matching): (Checkpoint(5, "5 % PWM on"),),
}


class EvseConnection(Ladder):
    """Unplugged, Preparing, Matching, Discovering, Session, Ending, then Finished, Failed, Paused or again.

    5 % is offered from the key to the end of the session; steady +12 V (X1) otherwise, also in a pause. After a D-LINK_ERROR X1, state F and X1 again
    tell the car to begin anew. An AC charger whose car does not speak after C_sequ_retry of them goes to Nominal: a duty that promises a current,
    and leave for tasks/safety to charge by the pilot alone, until unplugged, or until the car toggles its pilot and so wants to speak.
    """

    duty = STEADY_DUTY
    marks = EVSE_MARKS

    def __init__(self, config: ConnectionConfig, facts: ConnectionFacts, port: int, nominal: NominalDuty | None = None) -> None:
        """`port`: the TCP port that SDP announces. `nominal`: where charging by the pilot alone is possible."""
        super().__init__(config, facts)
        self._port = port
        self._nominal = nominal
        self._unheard = 0                # failures since a session was established
        self._settle_at = 0
        self._retain = Timer()
        self._ac = Timer()               # from X1 to plain PWM: the state of charge was read, or the car does not speak
        self._review_at = NEVER          # Nominal: when share and schedule are looked at
        self._step_ef = Timer()          # after a D-LINK_ERROR: when state F begins, then when it ends
        self._toggle_seen = ToggleSeen()
        self._wants_to_speak = ToggleSeen(lasting=False)

    @property
    def by_pilot(self) -> bool:
        """A car may charge by the pilot alone."""
        return self.state is State.Nominal and not self._ac.armed

    def handle_timer(self, now: int) -> None:
        if self._retain.take(now):
            self.duty = STEADY_DUTY
            if self.reason is StopReason.SOC_READ:
                self._ac.arm(now, t.T_step_X1)
        if self._ac.take(now):
            if self.state is State.Nominal:
                self._review_at = now
            elif self.state in (State.Ending, State.Finished):
                self.duty = self._config.ac_pwm_percent
        if now >= self._review_at:
            self._review(now)
        if self._step_ef.take(now):
            if self.duty == STEADY_DUTY:
                self.duty = FAULT_DUTY
                self._step_ef.arm(now, t.T_step_EF)
            else:
                self.duty = STEADY_DUTY
        super().handle_timer(now)

    def _poll(self, now: int) -> None:
        super()._poll(now)
        self._leave(now)

    def _leave(self, now: int) -> None:
        """The program is to go, and with it goes the oscillator: as soon as nobody needs it, not V2G_SECC_CPOscillator_Retain after the session's end.

        That time is for a car that still opens its contactors and closes its stream; one that has said so and shows it by its pilot has done both.
        """
        if not self._leaving or self.state not in (State.Ending, State.Finished):
            return
        over = not self._retain.armed or self._taken_leave and self.facts.pilot in LET_GO and self.facts.safety_state in AT_REST
        if over and (self._retain.armed or self._ac.armed or self.duty != STEADY_DUTY):
            self._note("the program is to go, the car has taken its leave: steady +12 V", level="info")
            self._retain.cancel()
            self._ac.cancel()
            self.duty = STEADY_DUTY

    def next_timer(self) -> int:
        return min(super().next_timer(), self._retain.at, self._ac.at, self._step_ef.at, self._review_at)

    def _enter(self, state: State) -> None:
        super()._enter(state)
        if self._step_ef.armed or self.duty == FAULT_DUTY:       # somebody did not wait for its end
            self._step_ef.cancel()
            self.duty = STEADY_DUTY
        self._review_at = NEVER
        if state is State.Unplugged:
            self._ac.cancel()
            self._unheard = 0
            self.duty = STEADY_DUTY

    def _climb(self, now: int) -> None:
        self._begin_climb(now, now + t.PLUG_SETTLE, StartMatching())

    def _begin_climb(self, now: int, settle_at: int, matching: object) -> None:
        self._forget_normal_end()
        self._ac.cancel()
        self._retain.cancel()
        self.duty = STEADY_DUTY
        self._enter(State.Preparing)
        self._settle_at = settle_at
        self._limit.arm(now, t.KEY_LIMIT)
        # Listening before the first SDP answer (sheet 5.2): the car connects 10 ms after it.
        # What a session needs is loaded now, while the modem takes its key and the car waits for its 5 %.
        self._out += ((HOMEPLUG, matching), (TCP, TcpListen(self._port)), (V2G, PrepareSession()))

    def _poll_state(self, now: int) -> None:
        if self.state is State.Unplugged:
            if self._plugged():
                self.reason = None               # of the car before
                if self._nominal is not None:
                    self._nominal.plugged(now)
                self._climb(now)
        elif self.state is State.Preparing and now >= self._settle_at and self.facts.link_state not in NO_KEY_YET:
            self.duty = OFFERED_DUTY
            self._no_longer(StopReason.NO_MODEM, True)
            self._enter(State.Matching)
            self._out.append((HOMEPLUG, PilotOffered()))
        elif self.state is State.Paused and self.duty == STEADY_DUTY and self._toggle_seen.look(self.facts.pilot, now):
            self._note("the car wakes us", level="info")
            self._wake(now)
        elif self.state is State.Nominal and self._wants_to_speak.look(self.facts.pilot, now):
            self._note("the car toggles its pilot: it wants to speak. 5 %% again", level="info")
            self._speak_again(t.C_sequ_retry, now)       # one try; if it fails, by the pilot alone again

    def receive(self, item: object, now: int) -> None:
        kind = type(item)
        if kind is StartSession and self.state is State.Nominal:
            self._speak_again(0, now)
            return
        if kind is SessionEstablished:
            self._unheard = 0
        super().receive(item, now)
        self._leave(now)

    # --- by the pilot alone

    def _speak_again(self, unheard: int, now: int) -> None:
        """From the nominal duty to 5 %, with as much X1 between as the car may take to end its load."""
        self._unheard = unheard
        self.reason = StopReason.NO_CAR_SLAC         # why there is a new beginning
        self.duty = STEADY_DUTY
        self._enter(State.Pausing)
        self._limit.arm(now, t.NOMINAL_END)

    def _unplugged(self, now: int) -> None:
        if self.state is State.Nominal:              # its regular end: a car that does not speak says nothing else
            self._note("unplugged", level="info")
            self.duty = STEADY_DUTY
            self._enter(State.Unplugged)
        else:
            super()._unplugged(now)

    def _try_again(self, now: int) -> None:
        error = self.reason in D_LINK_ERRORS
        self._unheard += error
        if self._nominal is not None and (error and self._unheard > t.C_sequ_retry or self.reason is StopReason.NO_MODEM):
            self._note("%s: the car may charge by the pilot alone (%.1f A per phase)", self.reason.text, self._nominal.most)
            self.reason = None                       # what follows is a charge like any other
            self._enter(State.Nominal)
            self._wants_to_speak.forget()
            self._ac.arm(now, t.T_step_X1)
            return
        super()._try_again(now)
        if error and self._config.error_step_f:
            self._step_ef.arm(now, t.T_step_X1)

    def _review(self, now: int) -> None:
        """What share and schedule leave for the pilot to promise; steady +12 V where that is less than can be said."""
        self._review_at = now + t.NOMINAL_REVIEW
        duty = self._nominal.duty(self.facts.power_share, now)
        if duty != self.duty:
            self._note("pilot %.1f %%: the car may take %.1f A per phase", duty, promised_current(duty), level="info")
            self.duty = duty

    # --- pause and wake-up

    def _poll_interval(self) -> int:
        return t.SLEEP_POLL if self.state is State.Paused or self.state is State.Nominal else super()._poll_interval()

    def _ask_pause(self, now: int) -> None:
        self._note("only a car can pause; a charger lowers its power (-), or stops", level="info")

    def _begin_pause(self, now: int) -> None:
        super()._begin_pause(now)
        self._toggle_seen.forget()
        if self._resume_at is None and self._config.pause_wake_s:
            self._limit.arm(now, self._config.pause_wake_s * S)

    def _wake(self, now: int) -> None:
        self._begin_climb(now, now, ResumeLink())

    def _on_limit(self, now: int) -> None:
        if self.state is State.Preparing:
            self._end(StopReason.NO_MODEM, now)
        elif self.state is State.Session:
            self._end(StopReason.TCP_CLOSED, now)
        elif self.state is State.Pausing:
            self._climb(now)
        elif self.state is State.Paused:
            self._wake(now)
        elif self.state is State.Ending:
            self._note("outputs are not safe yet: supervisor says %s", self.facts.safety_state)

    def _on_rung(self, item: object, now: int) -> None:
        kind, state = type(item), self.state
        if kind is LinkUp and state in (State.Preparing, State.Matching):
            self.duty = OFFERED_DUTY
            self._setup.arm(now, V2G_SECC_CommunicationSetup_Performance)
            self._enter(State.Discovering)
            self._out.append((SDP, StartDiscovery()))
        elif kind is TcpConnected and state in (State.Matching, State.Discovering):
            # A car that knows the port may be quicker than our own link test.
            if state is State.Matching:
                self._setup.arm(now, V2G_SECC_CommunicationSetup_Performance)
            self._begin_session(now)

    def _end(self, reason: StopReason, now: int, graceful: bool = False, normal: bool = False) -> None:
        super()._end(reason, now, graceful, normal)
        if normal:
            self._retain.arm(now, V2G_SECC_CPOscillator_Retain)
        else:
            self._retain.cancel()
            self.duty = STEADY_DUTY
            if reason is StopReason.SOC_READ:        # the car left without SessionStop
                self._ac.arm(now, t.T_step_X1)

    def _rest(self) -> int:
        least = t.T_step_X1
        if self.reason in D_LINK_ERRORS and self._config.error_step_f:
            least += t.T_step_EF + t.AFTER_EF
        return max(least, super()._rest())
