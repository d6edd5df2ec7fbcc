"""What car and charger share in supervising the ladder: the last session's end, tearing down in order, beginning again.

Theory: plug, link, address, stream, session are rungs; each one vouches for those below it. While V2G messages flow,
a modem that reports a lost link is noted, not believed. When anything breaks, everything above and below is torn down in
order (session, stream, discovery, matching), then the supervisor of the outputs must report rest, and only then the
ladder is climbed again, with growing pauses.
"""
from __future__ import annotations

from abc import ABC, abstractmethod
from enum import auto
from typing import Mapping

from drivers.interfaces import PilotState
from kernel.record import dataclass
from kernel.timer import MS, Backoff, Timer
from kernel.word import Word
from tasks.connection import timing as t
from tasks.connection.config import ConnectionConfig
from tasks.machine import Checkpoint, Note, StateChanged
from tasks.messages import (AbortSession, ForgetPause, LinkLost, PauseLink, PauseSession, SessionEnded, SessionEstablished, StopDiscovery, StopMatching,
                            StopSession, StartSession, TcpAbort, TcpClose, TcpClosed, Vouch)
from tasks.stop_reasons import NORMAL_ENDS, StopReason

HOMEPLUG, SDP, TCP, V2G = "homeplug", "sdp", "tcp", "v2g"
"""Destinations of commands."""


class State(Word):
    Unplugged = auto()
    WaitPilot = auto()               # car: plugged, but no 5 % yet
    Preparing = auto()               # charger: plugged; the modem takes its key
    Matching = auto()
    Discovering = auto()             # car: SDP; charger: SDP and TCP are served
    Connecting = auto()              # car: TCP
    Session = auto()
    Ending = auto()                  # tearing down, waiting for safe outputs
    Pausing = auto()                 # before the next try
    Paused = auto()                  # the session sleeps, the network's key is kept; until somebody wakes the other side
    Nominal = auto()                 # AC charger: the car does not speak, and charges by the pilot alone
    Finished = auto()                # in order; until unplugged or told to begin again
    Failed = auto()                  # trying again makes no sense; until unplugged or told to begin again


TEXTS = {State.Unplugged: "Plug in", State.WaitPilot: "Waiting for charger", State.Preparing: "Preparing modem",
         State.Matching: "Matching (SLAC)", State.Discovering: "Discovery (SDP)", State.Connecting: "Connecting (TCP)",
         State.Session: "Session", State.Ending: "Ending", State.Pausing: "Trying again soon", State.Paused: "Paused",
         State.Nominal: "AC by pilot alone",
         State.Finished: "Finished", State.Failed: "Failed"}
"""Display text of each state, at most 20 characters."""

PLUGGED = frozenset({PilotState.B, PilotState.C, PilotState.D})
AT_REST = frozenset({"Idle", "Tripped"})         # names of tasks.safety SafetyState in which the outputs are safe
TRIPPED = "Tripped"
CHARGED = frozenset({"Closed", "Delivering"})    # names of SafetyState in which power flows: this try was a success
CLIMBING = frozenset({State.WaitPilot, State.Preparing, State.Matching, State.Discovering, State.Connecting, State.Session})
UNDER_WAY = CLIMBING | {State.Paused, State.Nominal}
"""There is something to tear down."""
PAUSES = frozenset({StopReason.PAUSED, StopReason.CAR_PAUSE})
LASTING = frozenset({StopReason.SAFETY_TRIP, StopReason.INTERNAL_ERROR, StopReason.INCOMPATIBLE_VOLTAGE,
                     StopReason.CHARGER_MALFUNCTION, StopReason.CHARGER_EMERGENCY, StopReason.CABLE_CHECK_FAILED,
                     # a bridge's vehicle: it has to be looked at, or its contactors have moved
                     StopReason.CAR_INCOMPATIBLE, StopReason.CAR_VERSION, StopReason.CAR_PERMISSION_STUCK, StopReason.CAR_SILENT_CAN, StopReason.CAR_OVER_VOLTAGE,
                     StopReason.CAR_UNDER_VOLTAGE, StopReason.CAR_CURRENT_DEVIATION, StopReason.CAR_TEMPERATURE, StopReason.CAR_VOLTAGE_DEVIATION,
                     StopReason.CAR_NOT_PARKED, StopReason.CAR_FAULT, StopReason.CAR_CONTACTORS, StopReason.CAR_NO_REQUEST, StopReason.CAR_PLUG_LIVE,
                     StopReason.BRIDGE_NOT_JOINED, StopReason.CHARGER_OVERCURRENT, StopReason.CHARGER_NO_CURRENT})
"""Trying again at once would only repeat these."""
FINAL = frozenset({StopReason.USER_STOP, StopReason.BATTERY_FULL, StopReason.SOC_READ})
"""No new beginning, however the session came to its end."""
PAUSED, WOKEN = (Checkpoint(910, "paused"),), (Checkpoint(911, "woken up after the pause"),)
SILENCES = frozenset({StopReason.TIMEOUT, StopReason.TCP_TIMEOUT})


@dataclass(slots=True)
class ConnectionFacts:
    """None is unknown or stale."""

    pilot: PilotState | None = None
    duty: float | None = None                # percent
    safety_state: str | None = None
    link_state: str | None = None            # state of the matching machine
    power_share: float | None = None         # percent of its power limit that the person allows, None: all
    modem: str | None = None                 # kind and firmware of the own modem, None while it has not answered
    heard: bool = False                      # a V2G message came within the last 5 s
    stop_button: bool | None = None
    hold: str = ""                           # a bridge: what comes before the session, empty when it may begin


class Ladder(ABC):
    """Base of both roles. `duty` is the charger's wish for the pilot (percent), None for a car."""

    duty: float | None = None
    marks: Mapping[tuple[State, State], tuple[Checkpoint, ...]]      # checkpoints of a change of state

    def __init__(self, config: ConnectionConfig, facts: ConnectionFacts) -> None:
        self.facts = facts
        self.state = State.Unplugged
        self.reason: StopReason | None = None            # of the last end
        self.restarts = 0
        self._config = config
        self._backoff = Backoff(config.restart_first_ms * MS, max(config.restart_first_ms, config.restart_ceiling_ms) * MS)
        self._poll_at = 0
        self._limit = Timer()            # of the present state
        self._setup = Timer()            # CommunicationSetup
        self._vouch = Timer()
        self._stop_limit = Timer()
        self._teardown = Timer()         # Ending: when to stop waiting for the peer's FIN
        self._torn = True
        self._final = True
        self._heard_at = 0               # of the present session
        self._tripped_since: int | None = None
        self._stopped = False            # the person wanted the end while it was under way
        self._leaving = False            # the program is to go
        self._taken_leave = False        # the peer has closed its stream in order: nothing more comes from it
        self._pause = False              # this end is a pause: the key is kept
        self._resume_at: int | None = None       # when it is to go on by itself
        self._link_lost = False
        self._button = False
        self._out: list[tuple[str, object]] = []
        self._events: list = []

    # --- the verbs

    def receive(self, item: object, now: int) -> None:
        """An event of a rung, or a command of the person."""
        kind = type(item)
        if kind is StopSession:
            self._leaving |= item.leaving
            self._stop(item.reason, now, item.urgent)
        elif kind is PauseSession:
            self._ask_pause(now)
        elif kind is StartSession:
            if self.state is State.Paused:
                self._wake(now)
            elif self.state in (State.Finished, State.Failed, State.Pausing):
                self._backoff.succeeded()
                self._climb(now)
        elif kind is SessionEstablished:
            self._setup.cancel()
        elif kind is SessionEnded:
            if self.state is State.Session:
                self._resume_at = item.resume_at
                self._end(item.reason, now, graceful=True, normal=item.normal)
        elif kind is LinkLost:
            self._on_link_lost(item.reason, now)
        elif kind is TcpClosed:
            self._on_tcp_closed(item.reason, now)
        else:
            self._on_rung(item, now)

    def handle_timer(self, now: int) -> None:
        if self._setup.take(now):
            self._end(StopReason.COMMUNICATION_SETUP_TIMEOUT, now)
        elif self._stop_limit.take(now):
            self._note("session did not end %d s after the stop", t.STOP_LIMIT // (1000 * MS))
            self._end(StopReason.USER_STOP, now)
        elif self._limit.take(now):
            self._on_limit(now)
        elif self._teardown.take(now):
            self._tear_down(now)
        if self._vouch.take(now):
            self._vouch.arm(now, t.VOUCH_INTERVAL)
            if self.facts.heard:
                self._out.append((HOMEPLUG, Vouch()))
        if now >= self._poll_at:
            self._poll_at = now + self._poll_interval()
            self._poll(now)

    def outgoing(self) -> list[tuple[str, object]]:
        """(destination, command) pairs in order."""
        out, self._out = self._out, []
        return out

    def events(self) -> list:
        events, self._events = self._events, []
        return events

    def next_timer(self) -> int:
        return min(self._poll_at, self._setup.at, self._limit.at, self._vouch.at, self._stop_limit.at, self._teardown.at)

    # --- what the roles fill in

    @abstractmethod
    def _climb(self, now: int) -> None:
        """Begin from the lowest rung."""

    @abstractmethod
    def _wake(self, now: int) -> None:
        """Out of a pause: begin again, with the network and the session of before where they can be had."""

    @abstractmethod
    def _ask_pause(self, now: int) -> None:
        """The person wants a pause."""

    @abstractmethod
    def _on_rung(self, item: object, now: int) -> None:
        """LinkUp, Discovered, DiscoveryFailed, TcpConnected."""

    @abstractmethod
    def _on_limit(self, now: int) -> None:
        """The present state has lasted too long."""

    @abstractmethod
    def _poll_state(self, now: int) -> None:
        """Facts matter in the present state."""

    # --- shared reactions

    def _enter(self, state: State) -> None:
        self._events.append(StateChanged(self.state.name, state.name))
        self._events += self.marks.get((self.state, state), ())
        self.state = state
        self._limit.cancel()

    def _note(self, text: str, *args: object, level: str = "warning") -> None:
        self._events.append(Note(text, args, level))

    def _plugged(self) -> bool | None:
        """False: certainly unplugged. None: not known."""
        pilot = self.facts.pilot
        if pilot is PilotState.A:
            return False                 # without require_pilot too: what is measured or a contact of the plug says is true
        return True if pilot in PLUGGED or not self._config.require_pilot else None

    def _forget_normal_end(self) -> None:
        """A new beginning: a failure before says why there is one, an end in order (or a pause) says nothing of what may go wrong now."""
        if self.reason in NORMAL_ENDS:
            self.reason = None

    def _no_longer(self, reason: StopReason, over: bool) -> bool:
        """True when this is what was told on the way up, and it is over."""
        if not over or self.reason is not reason:
            return False
        self.reason = None
        return True

    def _begin_session(self, now: int) -> None:
        self._enter(State.Session)
        self.reason = None               # what was told on the way up is over
        self._link_lost = False
        self._heard_at = now
        self._tripped_since = None
        self._vouch.arm(now, t.VOUCH_INTERVAL)

    def _on_link_lost(self, reason: StopReason, now: int) -> None:
        if self.state is State.Session:
            self._link_lost = True
            self._note("link reported lost (%s); the session goes on while messages come", reason.text)
        elif self.state in UNDER_WAY:
            self._end(reason, now)

    def _on_tcp_closed(self, reason: StopReason | None, now: int) -> None:
        if self.state is State.Session:
            self._limit.arm(now, t.GONE_LIMIT)
        elif self.state is State.Ending and not self._torn:
            if reason is None:               # the peer closed in order: our FIN and its ACK still need the network
                self._taken_leave = True
                self._out.append((TCP, TcpClose()))
                self._teardown.arm_at(min(self._teardown.at, now + t.FAREWELL))
            else:
                self._tear_down(now)

    def _stop(self, reason: StopReason, now: int, urgent: bool = False) -> None:
        """The person, or a bridge's vehicle, wants the end, wherever we are."""
        if self.state is State.Session:
            self._out.append((V2G, StopSession(reason, urgent)))
            if not self._stop_limit.armed:
                self._stop_limit.arm(now, t.STOP_LIMIT)
        elif self.state is State.Ending:
            self._stopped = True                 # no new beginning after this end, but the reason why it failed stays
        elif self.state in UNDER_WAY or self.state is State.Pausing:
            self._end(reason, now)

    def _end(self, reason: StopReason, now: int, graceful: bool = False, normal: bool = False) -> None:
        """Everything down, in order. `graceful`: the session has closed its stream itself; leave it time for that."""
        if self._link_lost and reason in SILENCES:
            reason = StopReason.LINK_LOST
        in_session = self.state is State.Session and not graceful
        if self.state is State.Paused:
            self._out.append((V2G, ForgetPause()))
        self.reason = reason
        # A person's stop and a full battery are final; a peer's stop only when it said so in order: a car that falls silent
        # and goes to state B has not finished, and wants 5 % again
        self._final = normal or reason in FINAL
        self._link_lost = False
        self._stopped = False
        self._pause = normal and reason in PAUSES
        for timer in (self._setup, self._vouch, self._stop_limit):
            timer.cancel()
        self._note("ended in state %s: %s", self.state.name, reason.text, level="info" if reason in NORMAL_ENDS else "warning")
        self._enter(State.Ending)
        self._torn = self._taken_leave = False
        if in_session:
            self._out.append((V2G, AbortSession(reason)))
        self._limit.arm(now, t.REST_TOLD_AFTER)
        if graceful:
            self._teardown.arm(now, t.CLOSE_LIMIT)
        else:
            self._tear_down(now)

    def _tear_down(self, now: int) -> None:
        self._teardown.cancel()
        self._torn = True
        self._out += ((TCP, TcpAbort()), (SDP, StopDiscovery()), (HOMEPLUG, PauseLink() if self._pause else StopMatching()))

    def _poll_interval(self) -> int:
        return t.SESSION_POLL if self.state is State.Session else t.POLL

    def _poll(self, now: int) -> None:
        facts = self.facts
        pressed = facts.stop_button is True
        if pressed and not self._button:
            self._stop(StopReason.USER_STOP, now)
        self._button = pressed
        if self._plugged() is False and self.state is not State.Unplugged:
            self._unplugged(now)
        elif self.state is State.Ending:
            if self._torn and facts.safety_state in AT_REST:
                self._settle(now)
        elif self.state is State.Session:
            self._poll_session(now)
        elif facts.safety_state == TRIPPED and self.state in UNDER_WAY:
            self._end(StopReason.SAFETY_TRIP, now)           # nothing would be energised at the top
        else:
            self._poll_state(now)

    def _poll_session(self, now: int) -> None:
        """The session has a machine of its own; this is for one that does not end although it should have (its task may be dead)."""
        facts = self.facts
        if facts.heard:
            self._heard_at = now
        if facts.safety_state in CHARGED:
            self._backoff.succeeded()
        if facts.safety_state != TRIPPED:
            self._tripped_since = None
        elif self._tripped_since is None:
            self._tripped_since = now
        elif now - self._tripped_since >= t.TRIPPED_LIMIT:
            self._note("the session goes on %d s after the safety trip: ended here", t.TRIPPED_LIMIT // (1000 * MS), level="error")
            self._end(StopReason.SAFETY_TRIP, now)
            return
        if now - self._heard_at >= t.SILENCE_LIMIT:
            self._note("nothing heard for %d s and no end of the session: ended here", t.SILENCE_LIMIT // (1000 * MS), level="error")
            self._end(StopReason.TIMEOUT, now)

    def _unplugged(self, now: int) -> None:
        self._backoff.succeeded()
        if self.state in UNDER_WAY:
            self._end(StopReason.UNPLUGGED, now)
        elif self.state is State.Ending:
            if not self._torn:
                self._tear_down(now)
            if self.facts.safety_state in AT_REST:
                self._enter(State.Unplugged)
        else:
            self._enter(State.Unplugged)

    def _settle(self, now: int) -> None:
        """Torn down and safe: what comes next depends on why it ended."""
        tripped = self.facts.safety_state == TRIPPED
        if self._pause and (self._stopped or tripped):
            self._pause = False
            if tripped:
                self.reason = StopReason.SAFETY_TRIP             # it came while the pause began, and says more
            self._out += ((HOMEPLUG, StopMatching()), (V2G, ForgetPause()))        # nobody takes this session up again
        if self.reason is StopReason.UNPLUGGED:
            self._enter(State.Unplugged)
        elif self._pause:
            self._backoff.succeeded()
            self._enter(State.Paused)
            self._begin_pause(now)
        elif self.reason in NORMAL_ENDS and (self._final or self._stopped):
            self._enter(State.Finished)
        elif self.reason in LASTING or self._stopped or not self._config.restart or tripped:
            self._enter(State.Failed)
        else:
            self._try_again(now)

    def _try_again(self, now: int) -> None:
        """A failure that may be over with the next try."""
        self.restarts += 1
        self._enter(State.Pausing)
        self._limit.arm(now, self._rest())

    def _rest(self) -> int:
        """ns until the next try."""
        return self._backoff.failed()

    def _begin_pause(self, now: int) -> None:
        if self._resume_at is not None:
            self._limit.arm_at(max(now, self._resume_at))
            self._note("paused; goes on by itself in %d s", max(0, self._resume_at - now) // (1000 * MS), level="info")
