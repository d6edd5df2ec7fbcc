"""How the car talks in a session of either protocol and how it stops talking: asking, awaiting, limits, and the three ways out.

Theory: V2G is half duplex; we ask, the charger answers. A handler (din_pev.py, iso2_pev.py) looks at a response and chooses the next
state; the request is built and sent at the end of the verb, when no stop is wanted. The ways out:

- `stop`: the orderly end. The pending response is awaited, then PowerDeliveryReq(stop) when contactors were asked for,
  state B, contactors open, welding detection, SessionStop, lock. From the states before power it goes to SessionStop directly.
- `stop(urgent)`: emergency, malfunction, trip, phase limits. State B and contactor release are asked for at once
  (safety sheet S9), the messages of the orderly end follow as a courtesy; welding detection is left out.
- `_abort`: the conversation itself is broken (timeout, FAILED, wrong message, foreign session, garbage). Everything is
  released at once and nothing more is said.
"""
from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Mapping

from kernel.timer import MS, NEVER, S, Timer
from tasks.messages import SessionEnded
from tasks.stop_reasons import StopReason
from tasks.v2g import pev_judgement as judge
from tasks.v2g import timing as t
from tasks.v2g.config import EvConfig
from tasks.v2g.exchange import Exchange
from tasks.v2g.facts import ChargerLimits, PevFacts
from tasks.v2g.pev_states import POLLING, STOPPABLE, Pev, Row
from tasks.v2g.physical import BadValue
from tasks.v2g.report import Report

NO_SESSION = bytes(8)                # header of SessionSetupReq, as an Ioniq sends it
MAX_SESSION_ID_OCTETS = 8            # any length from 1: a Supercharger V3 gives 4 (field sheet 7.1 #18)


class PevConversation(ABC):
    """Base of the car's machine. `facts` is filled by the task before each verb; `charger` and the evse_/target_ fields report.

    Counter: `ignored` (messages before the start or after the end).
    """

    wire: Any                            # module: the messages of the protocol
    rows: Mapping[Pev, Row]              # its states
    checkpoints: dict[int, str]
    paused = False                       # ended in order with a pause: only ISO 15118-2 has one
    dc = True                            # ISO 15118-2 may agree on AC
    wants_current: float | None = None   # AC: A per phase that the on-board charger may draw

    def __init__(self, config: EvConfig, evccid: bytes, facts: PevFacts) -> None:
        """`evccid`: 6 octets, the own MAC (pyPLC issue 20)."""
        self.config = config
        self.evccid = evccid
        self.facts = facts
        self.charger = ChargerLimits()
        self.evse_id: str | bytes | None = None      # EVSEID: octets in DIN 70121, text in ISO 15118-2
        self.power_limit: float | None = None        # W: what the charger's schedule allows now
        self.resume_at: int | None = None            # ns: when a paused session is to go on
        self.state = Pev.Idle
        self.stopping: StopReason | None = None
        self.session_id = NO_SESSION
        self.service_id = 1
        self.schedule_id: int | None = None
        self.last_soc = 0.0
        self.evse_voltage: float | None = None
        self.evse_current: float | None = None
        self.target_voltage: float | None = None
        self.target_current: float | None = None
        self.wants_lock = False
        self.wants_pilot_c = False
        self.wants_contactors = False
        self.ignored = 0
        self._strictness = 1 if config.tolerant_timeouts else 0
        self._interval = config.current_demand_interval_ms * MS
        self._repeat = config.repeat_interval_ms * MS
        self._row = self.rows[Pev.Idle]
        self._power = False              # contactors or power were asked for: the end needs PowerDelivery(stop)
        self._urgent = False
        self._unmatched = False          # the inlet's voltage ran away again before the contactors had closed
        self._welding_rounds = 0
        self._battery_seen = 0
        self._bulb_at = NEVER
        self._poll_at = NEVER
        self._exchange = Exchange(self.wire)
        self._report = Report(self.checkpoints)
        self._phase = Timer()            # the state's limit
        self._ready = Timer()            # V2G_EVCC_ReadyToCharge_Timeout
        self._handlers = {state: getattr(self, "_on_" + state.name) for state, row in self.rows.items() if row.response is not None}

    @property
    def established(self) -> bool:
        """SessionSetupRes has come."""
        return self._report.reached(506)

    # --- the verbs

    def start(self, now: int) -> None:
        """The handshake is done: SessionSetupReq."""
        self._enter(Pev.SessionSetup, now)
        self._step(now)

    def stop(self, reason: StopReason, now: int, urgent: bool = False) -> None:
        """Bring the session to its end from whatever state; the first reason stays, but a stop is stronger than a pause, and a bridge's car may say more."""
        if self.state in (Pev.Idle, Pev.Ended):
            return
        if self.stopping is StopReason.PAUSED or self.stopping is StopReason.CAR_STOP:
            self.stopping = reason
        self._stop(reason, urgent)
        self._step(now)

    def lost(self, reason: StopReason, now: int) -> None:
        """The stream is gone, or what came on it was no message."""
        if self.state is Pev.SessionStop:
            self._done_without_answer()
        elif self.state not in (Pev.Idle, Pev.Ended):
            self._abort(reason, "conversation lost in state %s", self.state.name)

    def receive(self, message: object, now: int) -> None:
        """A decoded V2G_Message."""
        if self.state in (Pev.Idle, Pev.Ended):
            self.ignored += 1
            return
        row = self._row
        body = message.Body.BodyElement if type(message) is self.wire.V2G_Message else None
        if not self._exchange.awaiting or type(body) is not row.response:
            self._abort(StopReason.SEQUENCE_ERROR, "%s came in state %s", type(body).__name__, self.state.name)
            return
        session_id = message.Header.SessionID
        if self.state is Pev.SessionSetup:
            if not 1 <= len(session_id) <= MAX_SESSION_ID_OCTETS:
                self._abort(StopReason.UNKNOWN_SESSION, "SessionSetupRes with a session id of %d octets", len(session_id))
                return
        elif session_id != self.session_id:
            self._abort(StopReason.UNKNOWN_SESSION, "session id is %s, came %s", self.session_id.hex(), session_id.hex())
            return
        self._exchange.answered(self.state, now)
        if row.received:
            self._report.checkpoint(row.received)
        if self.stopping is None and self.facts.trip:
            self._watch(now)             # what the charger says now may be the consequence: the trip is the reason
        if body.ResponseCode.name not in judge.POSITIVE and not self._failed(body.ResponseCode):
            return
        if self.facts.soc is not None:
            self.last_soc = self.facts.soc
        if self.state is Pev.SessionSetup:
            self.session_id = session_id
        if self.stopping is not None and self.state in STOPPABLE:
            self._step(now)              # whatever it says, the course is set
            return
        try:
            self._handlers[self.state](body, now)
        except BadValue as problem:
            self._abort(StopReason.BAD_VALUE, "%s", str(problem))
            return
        self._step(now)

    def handle_timer(self, now: int) -> None:
        if self.state in (Pev.Idle, Pev.Ended):
            return
        if self._exchange.message.take(now):
            self._unanswered(now)
        elif self._phase.take(now):
            self._limit_passed(now)
        elif self._ready.take(now):
            self._report.note("not charging %d s after the session's start", t.V2G_EVCC_ReadyToCharge_Timeout // S)
            self._stop(StopReason.READY_TO_CHARGE_TIMEOUT, urgent=True)
        elif self.state in POLLING:
            self._poll(now)
        self._step(now)

    def outgoing(self) -> list[Any]:
        return self._exchange.drain()

    def events(self) -> list:
        return self._report.drain()

    def next_timer(self) -> int:
        return min(self._exchange.send.at, self._exchange.message.at, self._phase.at, self._ready.at, self._poll_at, self._bulb_at)

    # --- sending

    def _enter(self, state: Pev, now: int) -> None:
        """Go to `state`; its request goes out at the end of this verb, unless a stop is wanted."""
        self._report.state(self.state.name, state.name)
        self.state = state
        self._row = row = self.rows[state]
        self._exchange.forget()
        self._phase.cancel()
        limit = row.limit[self._strictness]
        if row.request is not None:
            self._exchange.send.arm_at(now)
        elif limit != NEVER:
            self._phase.arm(now, limit)
        self._poll_at = now + t.FACT_POLL if state in POLLING else NEVER

    def _again(self, now: int) -> None:
        """Ask the same once more."""
        self._exchange.send.arm(now, self._repeat)

    def _step(self, now: int) -> None:
        """The end of each verb: watch the facts, turn to the end when that is wanted, send what is due."""
        if self.state is Pev.Ended:
            return
        if self.stopping is None:
            self._watch(now)
        if self.stopping is not None and not self._exchange.awaiting and self.state in STOPPABLE:
            self._begin_end(now)
        if not self._exchange.awaiting and self._exchange.send.take(now):
            row = self._row
            if self._phase.at == NEVER and row.limit[self._strictness] != NEVER:
                self._phase.arm(now, row.limit[self._strictness])
            self._exchange.ask(self.session_id, row.request(self), row.timeout[self._strictness], now)
            self._report.checkpoint(row.sent)

    # --- the ways out

    def _stop(self, reason: StopReason, urgent: bool = False) -> None:
        if self.stopping is None:
            self.stopping = reason
        self._bulb_at = NEVER
        if urgent:
            self._urgent = True
            self.wants_pilot_c = False
            self.wants_contactors = False

    def _begin_end(self, now: int) -> None:
        self._ready.cancel()
        if self.state is Pev.SessionSetup and not self.established:
            self._abort(self.stopping, "stopped before the session existed")
        elif self._power:
            self._enter(Pev.PowerDeliveryStop, now)
        else:
            self.wants_pilot_c = False
            self._enter(Pev.SessionStop, now)

    def _abort(self, reason: StopReason, text: str, *args: object) -> None:
        """The one exit for a broken conversation: state B and everything released at once, a reason, silence."""
        self._report.note(text, *args, level="error")
        self._finish(self.stopping or reason, False)

    def _finish(self, reason: StopReason, normal: bool) -> None:
        self.wants_pilot_c = False
        self.wants_contactors = False
        self.wants_lock = False
        self._exchange.forget()
        self._phase.cancel()
        self._ready.cancel()
        self._poll_at = self._bulb_at = NEVER
        slowest = self._exchange.slowest
        if slowest:
            state = max(slowest, key=slowest.__getitem__)
            self._report.note("slowest answer: %s after %d ms", state.name, slowest[state] // MS, level="info")
        self._report.state(self.state.name, Pev.Ended.name)
        self.state = Pev.Ended
        self._row = self.rows[Pev.Ended]
        self._report.append(SessionEnded(reason, normal, self.resume_at))

    def _failed(self, code: Any) -> bool:
        """A FAILED response. True when the session goes on all the same."""
        if self._row.failed_goes_on:
            self._report.note("charger answered %s in state %s", code.name, self.state.name)
            return True
        reason = StopReason.FAILED_RESPONSE
        if code is self.wire.responseCode.FAILED_UnknownSession:
            reason = StopReason.UNKNOWN_SESSION
        elif self.state is Pev.CableCheck:
            reason = StopReason.CABLE_CHECK_FAILED
        self._abort(reason, "charger answered %s in state %s", code.name, self.state.name)
        return False

    def _unanswered(self, now: int) -> None:
        if self.state is Pev.WeldingDetection:       # ABB never answers it (field sheet 7.2)
            self._report.note("no WeldingDetectionRes")
            self._enter(Pev.SessionStop, now)
            return
        if self.state is Pev.SessionStop:            # nor does an alpitronic HYC300 this (field sheet 7.2)
            self._done_without_answer()
            return
        self._abort(StopReason.TIMEOUT, "no answer in state %s within %d ms", self.state.name, (now - self._exchange.sent_at) // MS)

    def _done_without_answer(self) -> None:
        """Power is off and the contactors are open: the last courtesy's answer changes nothing."""
        self._report.note("no SessionStopRes")
        self._finish(self.stopping or StopReason.CAR_STOP, True)

    def _limit_passed(self, now: int) -> None:
        if self.state is Pev.WaitVehicle:            # precharge may last while the vehicle gets ready
            self._enter(Pev.PreCharge, now)
            return
        if self.state is Pev.WaitContactorsOpen:
            self._report.note("contactors did not confirm open", level="error")
            self._enter(Pev.WeldingDetection, now)
            return
        facts = self.facts
        self._report.note("state %s took too long: lock %s, state C %s, contactors closed %s, inlet %s V, battery %s V, charger says %s V", self.state.name,
                          facts.lock_confirmed, facts.pilot_c, facts.contactors_closed, facts.inlet_voltage, facts.battery_voltage, self.evse_voltage)
        reason = self._row.reason
        if self.state is Pev.WaitContactorsClosed and self._unmatched:
            reason = StopReason.PRECHARGE_TIMEOUT        # matched for a moment only: not the contactors' fault
        self._stop(reason, urgent=True)

    # --- what the machine fills in

    @abstractmethod
    def _watch(self, now: int) -> None:
        """What ends the session from inside the car."""

    @abstractmethod
    def _poll(self, now: int) -> None:
        """A state without message: has it been confirmed what we wait for?"""
