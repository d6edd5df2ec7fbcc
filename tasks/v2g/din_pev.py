"""The car's side of a DIN 70121 session: one row per state, one handler per response, one way out for everything wrong.

Theory: DIN is half duplex; we ask, the charger answers. A state is named after the message it awaits, or after what it
waits for. A handler looks at a response and chooses the next state; the request is built and sent at the end of the
verb, when no stop is wanted. Three ways out:

- `stop`: the orderly end. The pending response is awaited, then PowerDeliveryReq(stop) when contactors were asked for,
  state B, contactors open, welding detection, SessionStop, lock. From the states before power it goes to SessionStop directly.
- `stop(urgent)`: emergency, malfunction, trip, phase limits. State B and contactor release are asked for at once
  (safety sheet S9), the messages of the orderly end follow as a courtesy; welding detection is left out.
- `_abort`: the conversation itself is broken (timeout, FAILED, wrong message, foreign session, garbage). Everything is
  released at once and nothing more is said.

The machine commands nothing: `wants_lock`, `wants_pilot_c`, `wants_contactors` are wishes that the safety supervisor grants.
Sequence and times: field-pyplc-clara sheet 3, 6, 8; safety-security-needs sheet 4.3.
"""
from __future__ import annotations

from exi_native.messages.din import (CableCheckRes, ChargeParameterDiscoveryRes, ContractAuthenticationRes, CurrentDemandRes,
                                     EVSENotification, EVSEProcessing, EVSESupportedEnergyTransfer, PowerDeliveryRes,
                                     PreChargeRes, SAScheduleList, ServiceDiscoveryRes, ServicePaymentSelectionRes,
                                     SessionSetupRes, SessionStopRes, V2G_Message, WeldingDetectionRes, isolationLevel,
                                     paymentOption, responseCode)
from kernel.timer import MS, NEVER, S, Timer
from tasks.messages import SessionEnded, SessionEstablished
from tasks.stop_reasons import StopReason
from tasks.v2g import pev_judgement as judge
from tasks.v2g import timing as t
from tasks.v2g.config import EvConfig
from tasks.v2g.din_pev_table import CHECKPOINTS, POLLING, ROWS, STOPPABLE, UNDER_WAY, Pev
from tasks.v2g.exchange import Exchange
from tasks.v2g.facts import ChargerLimits, PevFacts
from tasks.v2g.physical import PRESENT_A, PRESENT_V, A, BadValue, V, to_float
from tasks.v2g.report import Report

NO_SESSION = bytes(8)                # header of SessionSetupReq, as an Ioniq sends it
MAX_SESSION_ID_OCTETS = 8            # any length from 1: a Supercharger V3 gives 4 (field sheet 7.1 #18)
WELDING_DONE_VOLTAGE = 60.0          # safety sheet S6
MAX_WELDING_ROUNDS = 10              # Clara (field sheet 8.1)
LIGHT_BULB_DELAY = 2 * S             # contactors close so long after the first CurrentDemandReq (field sheet 3.6)


class DinPev:
    """The car's machine. `facts` is filled by the task before each verb; `charger` and the evse_/target_ fields report.

    Counters: `ignored` (messages before the start or after the end).
    """

    def __init__(self, config: EvConfig, evccid: bytes, facts: PevFacts) -> None:
        """`evccid`: 6 octets, the own MAC (pyPLC issue 20)."""
        self.config = config
        self.evccid = evccid
        self.facts = facts
        self.charger = ChargerLimits()
        self.state = Pev.Idle
        self.stopping: StopReason | None = None
        self.session_id = NO_SESSION
        self.service_id = 1
        self.transfer_type = EVSESupportedEnergyTransfer.DC_extended
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
        self._row = ROWS[Pev.Idle]
        self._power = False              # contactors or power were asked for: the end needs PowerDelivery(stop)
        self._urgent = False
        self._welding_rounds = 0
        self._battery_seen = 0
        self._bulb_at = NEVER
        self._poll_at = NEVER
        self._exchange = Exchange()
        self._report = Report(CHECKPOINTS)
        self._phase = Timer()            # the state's limit
        self._ready = Timer()            # V2G_EVCC_ReadyToCharge_Timeout
        self._handlers = {state: getattr(self, "_on_" + state.name) for state, row in ROWS.items() if row.response is not None}

    # --- the verbs

    def start(self, now: int) -> None:
        """The handshake is done: SessionSetupReq."""
        self._enter(Pev.SessionSetup, now)
        self._step(now)

    def stop(self, reason: StopReason, now: int, urgent: bool = False) -> None:
        """Bring the session to its end from whatever state; the first reason stays."""
        if self.state in (Pev.Idle, Pev.Ended):
            return
        self._stop(reason, urgent)
        self._step(now)

    def lost(self, reason: StopReason, now: int) -> None:
        """The stream is gone, or what came on it was no message."""
        if self.state not in (Pev.Idle, Pev.Ended):
            self._abort(reason, "conversation lost in state %s", self.state.name)

    def receive(self, message: object, now: int) -> None:
        """A decoded V2G_Message."""
        if self.state in (Pev.Idle, Pev.Ended):
            self.ignored += 1
            return
        row = self._row
        body = message.Body.BodyElement if type(message) is V2G_Message else None
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
        if body.ResponseCode not in judge.POSITIVE and not self._failed(body.ResponseCode):
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

    def outgoing(self) -> list[V2G_Message]:
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
        self._row = row = ROWS[state]
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
        if urgent:
            self._urgent = True
            self.wants_pilot_c = False
            self.wants_contactors = False

    def _begin_end(self, now: int) -> None:
        self._ready.cancel()
        self._bulb_at = NEVER
        if self.state is Pev.SessionSetup and not self._report.reached(506):
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
        self._row = ROWS[Pev.Ended]
        self._report.append(SessionEnded(reason, normal))

    def _failed(self, code: responseCode) -> bool:
        """A FAILED response. True when the session goes on all the same."""
        if self._row.failed_goes_on:
            self._report.note("charger answered %s in state %s", code.name, self.state.name)
            return True
        reason = StopReason.FAILED_RESPONSE
        if code is responseCode.FAILED_UnknownSession:
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
        self._abort(StopReason.TIMEOUT, "no answer in state %s within %d ms", self.state.name, (now - self._exchange.sent_at) // MS)

    def _limit_passed(self, now: int) -> None:
        if self.state is Pev.WaitContactorsOpen:
            self._report.note("contactors did not confirm open", level="error")
            self._enter(Pev.WeldingDetection, now)
            return
        self._report.note("state %s took too long: lock %s, state C %s, contactors closed %s, inlet %s V, battery %s V", self.state.name,
                   self.facts.lock_confirmed, self.facts.pilot_c, self.facts.contactors_closed, self.facts.inlet_voltage,
                   self.facts.battery_voltage)
        self._stop(self._row.reason, urgent=True)

    # --- facts

    def _watch(self, now: int) -> None:
        """What ends the session from inside the car."""
        facts = self.facts
        if facts.trip:
            self._report.note("safety: %s", facts.trip, level="error")
            self._stop(StopReason.SAFETY_TRIP, urgent=True)
        elif self.state is Pev.CurrentDemand:
            self._watch_charging(now)
        elif facts.permission is False and self.state in UNDER_WAY:
            self._report.note("battery management forbids charging")
            self._stop(StopReason.CAR_STOP)

    def _watch_charging(self, now: int) -> None:
        if self.config.light_bulb_demo:
            if now >= self._bulb_at:
                self._bulb_at = NEVER
                self.wants_contactors = True
                self._report.checkpoint(590)
            return
        stop = judge.charging_stop(self.config, self.facts)
        if stop is not None:
            self._stop(*stop)
        elif judge.battery_known(self.facts):
            self._battery_seen = now
        elif now - self._battery_seen >= t.BATTERY_SILENCE_LIMIT:
            self._stop(StopReason.BATTERY_SILENT)

    def _poll(self, now: int) -> None:
        """A state without message: has it been confirmed what we wait for?"""
        self._poll_at = now + t.FACT_POLL
        facts = self.facts
        if self.state is Pev.WaitReady:
            if facts.lock_confirmed is True:         # first locked, then ready: nobody pulls a plug that is about to get voltage
                if not self.wants_pilot_c:
                    self._report.checkpoint(556)
                    self._report.checkpoint(550)
                    self.wants_pilot_c = True
                elif facts.pilot_c is True:
                    self._enter(Pev.CableCheck, now)
        elif self.state is Pev.WaitContactorsClosed:
            if facts.contactors_closed is True:
                self._enter(Pev.PowerDeliveryStart, now)
        elif facts.contactors_closed is False:
            self._enter(Pev.SessionStop if self._urgent else Pev.WeldingDetection, now)

    def _status(self, status: object) -> bool:
        """The EVSE status of a response. True when it ends the session."""
        stop = judge.status_stop(status, self.state is Pev.CurrentDemand)
        if stop is None:
            if status.EVSEStatusCode not in judge.CALM:
                self._report.once(status.EVSEStatusCode.name, "charger reports %s", status.EVSEStatusCode.name)
            return False
        if stop.reason is StopReason.CHARGER_STOP:
            self._report.checkpoint(790)
        else:
            self._report.note("charger reports %s in state %s", status.EVSEStatusCode.name, self.state.name)
        self._stop(*stop)
        return True

    # --- one handler per response

    def _on_SessionSetup(self, res: SessionSetupRes, now: int) -> None:
        self._ready.arm(now, t.V2G_EVCC_ReadyToCharge_Timeout)
        self._report.append(SessionEstablished())
        self._enter(Pev.ServiceDiscovery, now)

    def _on_ServiceDiscovery(self, res: ServiceDiscoveryRes, now: int) -> None:
        if paymentOption.ExternalPayment not in res.PaymentOptions.PaymentOption:
            self._report.note("charger does not offer ExternalPayment; trying all the same")
        self.service_id = res.ChargeService.ServiceTag.ServiceID
        self.transfer_type = res.ChargeService.EnergyTransferType
        self._enter(Pev.ServicePaymentSelection, now)

    def _on_ServicePaymentSelection(self, res: ServicePaymentSelectionRes, now: int) -> None:
        self._enter(Pev.ContractAuthentication, now)

    def _on_ContractAuthentication(self, res: ContractAuthenticationRes, now: int) -> None:
        if res.EVSEProcessing is EVSEProcessing.Finished:
            self._report.checkpoint(538)
            self._enter(Pev.ChargeParameterDiscovery, now)
        else:
            self._report.checkpoint(535)
            self._again(now)

    def _on_ChargeParameterDiscovery(self, res: ChargeParameterDiscoveryRes, now: int) -> None:
        parameter = judge.dc_parameter(res.EVSEChargeParameter)
        if self._status(parameter.DC_EVSEStatus):
            return
        if res.EVSEProcessing is not EVSEProcessing.Finished:
            self._again(now)
            return
        judge.read_limits(parameter, self.charger)
        if type(res.SASchedules) is SAScheduleList and res.SASchedules.SAScheduleTuple:
            self.schedule_id = res.SASchedules.SAScheduleTuple[0].SAScheduleTupleID
        battery = judge.precharge_voltage(self.config, self.facts)
        if not judge.covers(self.charger, battery):
            self._report.note("charger delivers %.1f to %.1f V, battery has %.1f V", self.charger.min_voltage,
                              self.charger.max_voltage, battery)
            self._stop(StopReason.INCOMPATIBLE_VOLTAGE)
            return
        self.wants_lock = True
        self._report.checkpoint(555)
        self._enter(Pev.WaitReady, now)

    def _on_CableCheck(self, res: CableCheckRes, now: int) -> None:
        if self._status(res.DC_EVSEStatus):
            return
        if res.EVSEProcessing is not EVSEProcessing.Finished:
            self._report.checkpoint(566)
            self._again(now)
        elif res.DC_EVSEStatus.EVSEIsolationStatus is isolationLevel.Fault:
            self._report.note("cable check ends with isolation Fault", level="error")
            self._stop(StopReason.CABLE_CHECK_FAILED, urgent=True)
        else:
            if res.DC_EVSEStatus.EVSEIsolationStatus is isolationLevel.Warning:
                self._report.note("cable check ends with isolation Warning")
            self._enter(Pev.PreCharge, now)

    def _on_PreCharge(self, res: PreChargeRes, now: int) -> None:
        self.evse_voltage = to_float(res.EVSEPresentVoltage, V, PRESENT_V, "EVSEPresentVoltage")
        if self._status(res.DC_EVSEStatus):
            return
        mismatch = judge.mismatch(self.config, self.facts, self.evse_voltage)
        if mismatch:
            if mismatch != judge.NOT_YET:
                self._report.once(mismatch, "precharge: %s (battery %s V, inlet %s V, charger %.1f V)", mismatch,
                                  self.facts.battery_voltage, self.facts.inlet_voltage, self.evse_voltage)
            self._again(now)
        elif self.config.light_bulb_demo:
            self._power = True
            self._enter(Pev.PowerDeliveryStart, now)
        else:
            self._power = True
            self.wants_contactors = True
            self._report.checkpoint(590)
            self._enter(Pev.WaitContactorsClosed, now)

    def _on_PowerDeliveryStart(self, res: PowerDeliveryRes, now: int) -> None:
        if self._status(res.EVSEStatus):
            return
        self._ready.cancel()
        self._battery_seen = now
        if self.config.light_bulb_demo:
            self._bulb_at = now + LIGHT_BULB_DELAY
        self._enter(Pev.CurrentDemand, now)

    def _on_CurrentDemand(self, res: CurrentDemandRes, now: int) -> None:
        self.evse_voltage = to_float(res.EVSEPresentVoltage, V, PRESENT_V, "EVSEPresentVoltage")
        self.evse_current = to_float(res.EVSEPresentCurrent, A, PRESENT_A, "EVSEPresentCurrent")
        judge.update_limits(res, self.charger)
        self._report.checkpoint(710)
        status = res.DC_EVSEStatus
        if self._status(status):
            return
        if status.EVSENotification is EVSENotification.StopCharging:     # alpitronic sends it together with Shutdown
            self._stop(StopReason.CHARGER_STOP)
            return
        self._exchange.send.arm_at(max(now, self._exchange.sent_at + self._interval))

    def _on_PowerDeliveryStop(self, res: PowerDeliveryRes, now: int) -> None:
        # Order of S10: state B between this response and WeldingDetectionReq, else ABB and alpitronic fail (pyPLC issue 17).
        self.wants_pilot_c = False
        self.wants_contactors = False
        self._report.checkpoint(810)
        self._enter(Pev.WaitContactorsOpen, now)

    def _on_WeldingDetection(self, res: WeldingDetectionRes, now: int) -> None:
        # The status is not judged: alpitronic says EVSE_Shutdown here at each normal end.
        self.evse_voltage = to_float(res.EVSEPresentVoltage, V, PRESENT_V, "EVSEPresentVoltage")
        self._welding_rounds += 1
        if res.ResponseCode not in judge.POSITIVE or self.evse_voltage < WELDING_DONE_VOLTAGE:
            self._enter(Pev.SessionStop, now)
        elif self._welding_rounds >= MAX_WELDING_ROUNDS:
            self._report.note("still %.1f V after %d rounds of welding detection: contactors welded?", self.evse_voltage,
                       self._welding_rounds, level="error")
            self._enter(Pev.SessionStop, now)
        else:
            self._again(now)

    def _on_SessionStop(self, res: SessionStopRes, now: int) -> None:
        self._finish(self.stopping or StopReason.CAR_STOP, True)
