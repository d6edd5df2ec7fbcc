"""The car's side of a DIN 70121 session: what each response means, and what the facts have to say meanwhile.

A state is named after the message it awaits, or after what it waits for (din_pev_table.py); sending, limits and the ways
out are in pev_conversation.py. The machine commands nothing: `wants_lock`, `wants_pilot_c`, `wants_contactors` are wishes
that the safety supervisor grants. Sequence and times: field-pyplc-clara sheet 3, 6, 8; safety-security-needs sheet 4.3.
"""
from __future__ import annotations

from exi_native.messages.din import (CableCheckRes, ChargeParameterDiscoveryRes, ContractAuthenticationRes, CurrentDemandRes,
                                     EVSENotification, EVSEProcessing, PowerDeliveryRes, PreChargeRes, SAScheduleList,
                                     ServiceDiscoveryRes, ServicePaymentSelectionRes, SessionSetupRes, SessionStopRes,
                                     WeldingDetectionRes, isolationLevel, paymentOption)
from kernel.timer import NEVER, S
from tasks.messages import SessionEstablished
from tasks.stop_reasons import StopReason
from tasks.v2g import pev_judgement as judge
from tasks.v2g import timing as t
from tasks.v2g.din_pev_table import UNDER_WAY, Pev
from tasks.v2g.pev_conversation import PevConversation
from tasks.v2g.physical import PRESENT_A, PRESENT_V, A, V, to_float

WELDING_DONE_VOLTAGE = 60.0          # safety sheet S6
MAX_WELDING_ROUNDS = 10              # Clara (field sheet 8.1)
LIGHT_BULB_DELAY = 2 * S             # contactors close so long after the first CurrentDemandReq (field sheet 3.6)


class DinPev(PevConversation):
    """The car's machine: one `_on_<state>` per response."""

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
        elif self.state in UNDER_WAY and not self.config.light_bulb_demo:
            self._watch_silence(judge.battery_heard(facts), now)

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
        else:
            self._watch_silence(judge.battery_known(self.facts), now)

    def _watch_silence(self, heard: bool, now: int) -> None:
        """S21: a battery management that says nothing any more ends the session in order (safety trips sooner while powered)."""
        if heard:
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
            elif judge.mismatch(self.config, facts, self.evse_voltage or 0.0):
                self._unmatched = True
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
        self._battery_seen = now
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
        before = self.evse_voltage
        self.evse_voltage = to_float(res.EVSEPresentVoltage, V, PRESENT_V, "EVSEPresentVoltage")
        if self._status(res.DC_EVSEStatus):
            return
        self._report.checkpoint(581)
        mismatch = judge.mismatch(self.config, self.facts, self.evse_voltage)
        if not mismatch and self.config.precharge_voltage_source == "reported" and not judge.steady(before, self.evse_voltage):
            mismatch = judge.NOT_YET             # a ramp that passes by; with a sensor of its own the supervisor sees to that
        if mismatch:
            self._report.checkpoint(582)
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
