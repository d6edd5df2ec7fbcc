"""How the charger talks in a session of either protocol and how it stops talking: what is allowed when, refusals, timers, the end.

Theory: the car asks, we answer at once (SECC target 20 ms) - only PowerDeliveryRes(stop) waits for the current to fall.
A stop (user, limit, trip) is told to the car by the EVSE status and bounded; everything wrong with the conversation is
answered by the proper FAILED code and ends the session. What a protocol allows, says and calls things are the class
attributes; the messages that this file looks into have the same names in both.
"""
from __future__ import annotations

from abc import ABC, abstractmethod
from hmac import compare_digest
from typing import Any, Callable, Mapping

from kernel.timer import MS, NEVER, S, Timer
from tasks.messages import SessionEnded
from tasks.stop_reasons import StopReason
from tasks.v2g import timing as t
from tasks.v2g.cable_check import CableCheck
from tasks.v2g.config import EvseConfig
from tasks.v2g.evse_states import Evse
from tasks.v2g.facts import EvseFacts
from tasks.v2g.physical import BadValue
from tasks.v2g.power_offer import PowerOffer
from tasks.v2g.report import Report

POWERED_POLL = 500 * MS              # how often the facts are looked at while the output may carry voltage


class EvseConversation(ABC):
    """Base of the charger's machine. `facts` is filled by the task before each verb; the ev_ fields report. Counter: `ignored`."""

    wire: Any                                    # module: the messages of the protocol
    build: Any                                   # module: its responses, and `REFUSALS`: request type -> the response that carries a FAILED
    accepted: Mapping[Evse, frozenset[type]]     # which request in which state
    checkpoints: dict[int, str]
    silent: frozenset[Evse]                      # responses without an EVSE status: a stop can only be told by FAILED
    powered: frozenset[Evse]                     # energy may flow; the car must be in state C
    session_stop: type                           # the request that ends a session
    ac = False                                   # the car charges with AC

    def __init__(self, config: EvseConfig, facts: EvseFacts, rng: Any, offer: PowerOffer | None = None) -> None:
        """`rng.getrandbits(64)` makes the session id. `offer`: what there is on this plug; None: the rating."""
        self.config = config
        self.offer = PowerOffer(config) if offer is None else offer
        self.power_cap = config.max_power_kw * 1000      # W: what may be drawn now
        self.resume_at: int | None = None                # ns: when a paused session can go on
        self.facts = facts
        self.evse_id = bytes.fromhex(config.evse_id)
        self.state = Evse.Idle
        self.stopping: StopReason | None = None
        self.stop_code: Any = None               # DC_EVSEStatusCode
        self.session_id = b""
        self.isolation_level = self.wire.isolationLevel.Invalid
        self.wants_output: tuple[float, float] | None = None
        self.wants_ac = False
        self.load_ended = False                  # AC: the car has asked for power off, so its load is gone
        self.paused = False                      # the car has ended the session and will come back with its id
        self.current_limited = False
        self.voltage_limited = False
        self.power_limited = False
        self.evccid: bytes | None = None
        self.ev_soc: float | None = None
        self.ev_full_soc: float | None = None            # %, where the car says so
        self.ev_capacity: float | None = None            # Wh, where the car says so
        self.ev_energy_request: float | None = None
        self.ev_target_voltage: float | None = None
        self.ev_target_current: float | None = None
        self.ev_max_voltage = 0.0
        self.ev_max_current = 0.0
        self.ignored = 0
        self._rng = rng
        self._header: Any = None                 # of the request under way
        self._check: CableCheck | None = None
        self._pending: Callable[[int], None] | None = None       # sends an answer that waits for the world, once that is ready
        self._dropped = False                    # the output was taken away from a silent car
        self._complete = False                   # the car said ChargingComplete
        self._car_error = False
        self._ongoing_since: int | None = None
        self._charging_until = NEVER
        self._report = Report(self.checkpoints)
        self._sequence = Timer()                 # V2G_SECC_Sequence_Timeout
        self._silence = Timer()                  # REQUEST_SILENCE_LIMIT
        self._shutdown = Timer()                 # EVSE_SHUTDOWN_LIMIT
        self._ramp = Timer()                     # RAMP_DOWN_LIMIT
        self._precharge = Timer()                # SECC_PRECHARGE_LIMIT
        self._state_b = Timer()                  # V2G_SECC_CPState_Detection_Timeout
        self._permit = Timer()                   # PERMIT_LIMIT
        self._contactor = Timer()                # CONTACTOR_CLOSED_LIMIT
        self._poll_at = NEVER
        self._out: list = []
        self._handlers = {kind: getattr(self, "_on_" + kind.__name__) for kinds in self.accepted.values() for kind in kinds}

    # --- the verbs

    def start(self, now: int) -> None:
        """The handshake is done: wait for SessionSetupReq."""
        self._sequence.arm(now, t.V2G_SECC_Sequence_Timeout)
        self._enter(Evse.SessionSetup, now)

    def stop(self, reason: StopReason, now: int, urgent: bool = False) -> None:
        """Ask the car to end, by EVSE_Shutdown; bounded by EVSE_SHUTDOWN_LIMIT. What is urgent in a charger the supervisor does by itself."""
        if self.state is Evse.SessionSetup:
            self._end(reason, False)
        elif self.state not in (Evse.Idle, Evse.Ended):
            self._stop(reason, self.wire.DC_EVSEStatusCode.EVSE_Shutdown, now)

    def lost(self, reason: StopReason, now: int) -> None:
        """The stream is gone, or what came on it was no message."""
        if self.state not in (Evse.Idle, Evse.Ended):
            self._report.note("conversation lost in state %s", self.state.name)
            self._end(reason, False)

    def receive(self, message: object, now: int) -> None:
        """A decoded V2G_Message."""
        if self.state in (Evse.Idle, Evse.Ended):
            self.ignored += 1
            return
        body = message.Body.BodyElement if type(message) is self.wire.V2G_Message else None
        kind = type(body)
        codes = self.wire.responseCode
        if kind not in self.build.REFUSALS:
            self._report.note("%s came in state %s: no answer is defined", kind.__name__, self.state.name)
            self._end(StopReason.SEQUENCE_ERROR, False)
            return
        if self.session_id and kind is not self.wire.SessionSetupReq and not compare_digest(message.Header.SessionID, self.session_id):
            self._refuse(kind, codes.FAILED_UnknownSession, StopReason.UNKNOWN_SESSION, now,
                         "%s carries session id %s", kind.__name__, message.Header.SessionID.hex())
            return
        if kind not in self.accepted[self.state] or self._pending is not None:
            self._refuse(kind, codes.FAILED_SequenceError, StopReason.SEQUENCE_ERROR, now,
                         "%s came in state %s", kind.__name__, self.state.name)
            return
        self._header = message.Header
        self._sequence.cancel()
        self._watch(now)
        if self.state is Evse.Ended:
            return
        if self.stopping is not None and self.state in self.silent and kind is not self.session_stop:
            self._refuse(kind, codes.FAILED, self.stopping, now, "stopped in state %s", self.state.name)
            return
        try:
            self._handlers[kind](body, now)
        except BadValue as problem:
            wrong = kind is self.wire.ChargeParameterDiscoveryReq
            self._refuse(kind, codes.FAILED_WrongChargeParameter if wrong else codes.FAILED, StopReason.BAD_VALUE, now, "%s", str(problem))

    def handle_timer(self, now: int) -> None:
        if self.state in (Evse.Idle, Evse.Ended):
            return
        if self._sequence.take(now):
            self._report.note("car silent for %d s in state %s", t.V2G_SECC_Sequence_Timeout // S, self.state.name)
            self._end(StopReason.TIMEOUT, False)
        elif self._shutdown.take(now):
            self._report.note("car did not end the session %d s after EVSE_Shutdown", t.EVSE_SHUTDOWN_LIMIT // S)
            self._end(self.stopping or StopReason.CHARGER_STOP, False)
        else:
            if self._silence.take(now):
                # Not given again in this session: its contactors may be closed behind an output that has been discharged.
                self._report.note("car silent for %d s in state %s: output off, the end", t.REQUEST_SILENCE_LIMIT // S, self.state.name)
                self._dropped = True
                self._switch_off()
                self._stop(StopReason.TIMEOUT, self.wire.DC_EVSEStatusCode.EVSE_Shutdown, now)
            if self._pending is not None:
                self._pending(now)
            if self.state is not Evse.Ended:
                self._watch(now)

    def outgoing(self) -> list[Any]:
        out, self._out = self._out, []
        return out

    def events(self) -> list:
        return self._report.drain()

    def next_timer(self) -> int:
        return min(self._sequence.at, self._shutdown.at, self._silence.at, self._ramp.at, self._poll_at)

    # --- answering and ending

    def _enter(self, state: Evse, now: int) -> None:
        self._report.state(self.state.name, state.name)
        self.state = state
        self._ongoing_since = None
        self._set_poll(now)

    def _set_poll(self, now: int) -> None:
        if self._pending is not None or self._check is not None and self.state is Evse.CableCheck:
            self._poll_at = now + t.FACT_POLL
        elif self.state in self.powered:
            self._poll_at = now + POWERED_POLL
        else:
            self._poll_at = NEVER

    def _respond(self, body: object, checkpoint: int, now: int) -> None:
        wire = self.wire
        self._out.append(wire.V2G_Message(Header=wire.MessageHeader(SessionID=self.session_id), Body=wire.Body(BodyElement=body)))
        self._sequence.arm(now, t.V2G_SECC_Sequence_Timeout)
        self._report.checkpoint(checkpoint)

    def _refuse(self, kind: type, code: Any, reason: StopReason, now: int, text: str, *args: object) -> None:
        """The one exit for wrong requests: the proper code, output off, the end."""
        self._report.note(text, *args)
        self._respond(self.build.REFUSALS[kind](self, code), 0, now)
        self._end(reason, False)

    def _stop(self, reason: StopReason, code: Any, now: int) -> None:
        if self.stopping is None:
            self.stopping = reason
            self.stop_code = code
            self._shutdown.arm(now, t.EVSE_SHUTDOWN_LIMIT)
            self._charging_until = NEVER
            self._report.checkpoint(790)

    def _switch_off(self) -> None:
        self.wants_output = None
        self.wants_ac = False

    def _end(self, reason: StopReason, normal: bool) -> None:
        self._switch_off()
        self._check = None
        self._pending = None
        for timer in (self._sequence, self._silence, self._shutdown, self._ramp, self._precharge, self._state_b, self._permit, self._contactor):
            timer.cancel()
        self._poll_at = NEVER
        self._report.state(self.state.name, Evse.Ended.name)
        self.state = Evse.Ended
        self._report.append(SessionEnded(self.stopping or reason, normal, self.resume_at))

    # --- what the machine fills in

    @abstractmethod
    def _watch(self, now: int) -> None:
        """What pilot, clock and supervisor have to say, whatever the car asks."""
