"""What a car does in a DC session of either protocol: the facts that matter meanwhile, and each response from cable check to the end.

A state is named after the message it awaits, or after what it waits for (pev_states.py); sending, limits and the ways
out are in pev_conversation.py. The machine commands nothing: `wants_lock`, `wants_pilot_c`, `wants_contactors` are wishes
that the safety supervisor grants. Sequence and times: field-pyplc-clara sheet 3, 6, 8; safety-security-needs sheet 4.3.
"""
from __future__ import annotations

from typing import Any

from kernel.timer import NEVER, S
from tasks.stop_reasons import StopReason
from tasks.v2g import pev_judgement as judge
from tasks.v2g import timing as t
from tasks.v2g.pev_conversation import PevConversation
from tasks.v2g.pev_states import CHARGING, UNDER_WAY, Pev
from tasks.v2g.physical import PRESENT_A, PRESENT_V, A, V, to_float

WELDING_DONE_VOLTAGE = 60.0          # safety sheet S6
MAX_WELDING_ROUNDS = 10              # Clara (field sheet 8.1)
LIGHT_BULB_DELAY = 2 * S             # contactors close so long after the first CurrentDemandReq (field sheet 3.6)


class DcPev(PevConversation):
    """One `_on_<state>` per response that both protocols have; a subclass brings those of the beginning."""

    @property
    def loop(self) -> Pev:
        """The state of the charge loop."""
        return Pev.CurrentDemand

    @property
    def power_off(self) -> Pev:
        """What comes after PowerDeliveryRes(stop)."""
        return Pev.WaitContactorsOpen

    # --- facts

    def _watch(self, now: int) -> None:
        """What ends the session from inside the car."""
        facts = self.facts
        if facts.trip:
            self._report.note("safety: %s", facts.trip, level="error")
            self._stop(StopReason.SAFETY_TRIP, urgent=True)
        elif self.state in CHARGING:
            self._watch_charging(now)
        elif facts.permission is False and self.state in UNDER_WAY:
            self._report.note("battery management forbids charging")
            self._stop(StopReason.CAR_STOP)
        elif self.state in UNDER_WAY and not self.config.light_bulb_demo:
            self._watch_silence(judge.battery_heard(facts), now)

    def _watch_charging(self, now: int) -> None:
        if self.config.light_bulb_demo:
            if now >= self._bulb_at:
                self._watch_bulb(now)
            return
        stop = judge.charging_stop(self.config, self.facts)
        if stop is not None:
            self._stop(*stop)
        else:
            self._watch_silence(judge.battery_known(self.facts), now)

    def _watch_bulb(self, now: int) -> None:
        """First the wish, then every CONFIRMATION_LIMIT a look whether the lamp is connected: the supervisor may have its reasons."""
        self._bulb_at = now + t.CONFIRMATION_LIMIT
        if not self.wants_contactors:
            self.wants_contactors = True
            self._report.checkpoint(590)
        elif self.facts.contactors_closed is not True:
            self._report.note("the contactors for the light bulb are not closed (inlet %s V, lamp %s V)", self.facts.inlet_voltage, self.config.light_bulb_voltage_v)
            self._stop(StopReason.NOT_CONFIRMED, urgent=True)

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
                    self._when_ready(now)
        elif self.state is Pev.WaitVehicle:
            if facts.vehicle_ready is True:
                self._enter(Pev.PreCharge, now)
        elif self.state is Pev.WaitContactorsClosed:
            if facts.contactors_closed is True:
                self._enter(Pev.PowerDeliveryStart, now)
            elif judge.mismatch(self.config, facts, self.evse_voltage or 0.0):
                self._unmatched = True
        elif facts.contactors_closed is False:
            self._enter(Pev.SessionStop if self._urgent else Pev.WeldingDetection, now)

    def _when_ready(self, now: int) -> None:
        """Locked and in state C."""
        self._enter(Pev.CableCheck, now)

    def _status(self, status: Any) -> bool:
        """The EVSE status of a response. True when it ends the session."""
        stop = judge.status_stop(status, self.state in CHARGING)
        if stop is None:
            if status.EVSEStatusCode.name not in judge.CALM:
                self._report.once(status.EVSEStatusCode.name, "charger reports %s", status.EVSEStatusCode.name)
            return False
        if stop.reason is StopReason.CHARGER_STOP:
            self._report.checkpoint(790)
        else:
            self._report.note("charger reports %s in state %s", status.EVSEStatusCode.name, self.state.name)
        self._stop(*stop)
        return True

    # --- what the beginnings of both protocols share

    def _authorised(self, res: Any, now: int) -> None:
        """ContractAuthenticationRes, AuthorizationRes."""
        if res.EVSEProcessing is self.wire.EVSEProcessing.Finished:
            self._report.checkpoint(538)
            self._enter(Pev.ChargeParameterDiscovery, now)
        else:
            self._report.checkpoint(535)
            self._again(now)

    def _limits_fit(self, parameter: Any) -> bool:
        """DC_EVSEChargeParameter read; False after stopping because the charger cannot do the battery's voltage."""
        judge.read_limits(parameter, self.charger)
        charger, battery = self.charger, judge.precharge_voltage(self.config, self.facts)
        if judge.covers(charger, battery):
            return True
        self._report.note("charger delivers %.1f to %.1f V, battery has %.1f V", charger.min_voltage, charger.max_voltage, battery)
        self._stop(StopReason.INCOMPATIBLE_VOLTAGE)
        return False

    def _get_ready(self, now: int) -> None:
        """The parameters are agreed: lock, then state C."""
        self.wants_lock = True
        self._battery_seen = now
        self._report.checkpoint(555)
        self._enter(Pev.WaitReady, now)

    # --- one handler per response

    def _on_CableCheck(self, res: Any, now: int) -> None:
        if self._status(res.DC_EVSEStatus):
            return
        if res.EVSEProcessing is not self.wire.EVSEProcessing.Finished:
            self._report.checkpoint(566)
            self._again(now)
        elif res.DC_EVSEStatus.EVSEIsolationStatus is self.wire.isolationLevel.Fault:
            self._report.note("cable check ends with isolation Fault", level="error")
            self._stop(StopReason.CABLE_CHECK_FAILED, urgent=True)
        else:
            if res.DC_EVSEStatus.EVSEIsolationStatus is self.wire.isolationLevel.Warning:
                self._report.note("cable check ends with isolation Warning")
            self._enter(Pev.WaitVehicle if self.facts.vehicle_ready is False else Pev.PreCharge, now)

    def _on_PreCharge(self, res: Any, now: int) -> None:
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

    def _on_PowerDeliveryStart(self, res: Any, now: int) -> None:
        if self._status(res.EVSEStatus):
            return
        self._ready.cancel()
        if self.config.light_bulb_demo:
            self._bulb_at = now + LIGHT_BULB_DELAY
        self._enter(self.loop, now)

    def _on_CurrentDemand(self, res: Any, now: int) -> None:
        self.evse_voltage = to_float(res.EVSEPresentVoltage, V, PRESENT_V, "EVSEPresentVoltage")
        self.evse_current = to_float(res.EVSEPresentCurrent, A, PRESENT_A, "EVSEPresentCurrent")
        judge.update_limits(res, self.charger)
        self._report.checkpoint(710)
        status = res.DC_EVSEStatus
        if self._status(status):
            return
        if status.EVSENotification is self.wire.EVSENotification.StopCharging:     # alpitronic sends it together with Shutdown
            self._stop(StopReason.CHARGER_STOP)
            return
        self._exchange.send.arm_at(max(now, self._exchange.sent_at + self._interval))

    def _on_PowerDeliveryStop(self, res: Any, now: int) -> None:
        # Order of S10: state B between this response and WeldingDetectionReq, else ABB and alpitronic fail (pyPLC issue 17).
        self.wants_pilot_c = False
        self.wants_contactors = False
        self._report.checkpoint(810)
        self._enter(self.power_off, now)

    def _on_WeldingDetection(self, res: Any, now: int) -> None:
        # The status is not judged: alpitronic says EVSE_Shutdown here at each normal end.
        self.evse_voltage = to_float(res.EVSEPresentVoltage, V, PRESENT_V, "EVSEPresentVoltage")
        self._welding_rounds += 1
        if res.ResponseCode.name not in judge.POSITIVE or self.evse_voltage < WELDING_DONE_VOLTAGE:
            self._enter(Pev.SessionStop, now)
        elif self._welding_rounds >= MAX_WELDING_ROUNDS:
            self._report.note("still %.1f V after %d rounds of welding detection: contactors welded?", self.evse_voltage,
                       self._welding_rounds, level="error")
            self._enter(Pev.SessionStop, now)
        else:
            self._again(now)

    def _on_SessionStop(self, res: Any, now: int) -> None:
        self._finish(self.stopping or StopReason.CAR_STOP, True)
