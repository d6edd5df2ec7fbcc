"""The car's side of an ISO 15118-2 session, DC and AC, external payment: what it has beside dc_pev.py.

AC: no cable check, no precharge, no contactors of ours; the on-board charger obeys the pilot and the limit that this session agrees
on (`wants_current`); it ends its load before power is given back.
Renegotiation (either side's wish): PowerDeliveryReq(Renegotiate), charge parameters anew, PowerDeliveryReq(Start); contactors and
state C stay. Pause: the orderly end with SessionStopReq(Pause); a later session with the same id joins the old one.
"""
from __future__ import annotations

from exi_native.messages import iso2
from exi_native.messages.iso2 import (AC_EVSEChargeParameter, AC_EVSEStatus, AuthorizationRes, ChargeParameterDiscoveryRes, ChargingStatusRes,
                                      CurrentDemandRes, EnergyTransferMode, EVSENotification, EVSEProcessing, MeteringReceiptRes, MeterInfo,
                                      PaymentServiceSelectionRes, PowerDeliveryRes, RelativeTimeInterval, SAScheduleList, ServiceDetailRes,
                                      ServiceDiscoveryRes, SessionSetupRes, paymentOption, responseCode)
from kernel.timer import NEVER, S
from tasks.messages import SessionEstablished
from tasks.stop_reasons import StopReason
from tasks.v2g import iso2_pev_requests as build
from tasks.v2g import pev_judgement as judge
from tasks.v2g import timing as t
from tasks.v2g.config import EvConfig
from tasks.v2g.dc_pev import DcPev
from tasks.v2g.facts import PevFacts
from tasks.v2g.iso2_pev_table import CHECKPOINTS, ROWS
from tasks.v2g.pev_states import CHARGING, LAST_STEPS, Pev
from tasks.v2g.physical import LIMIT, A, BadValue, V, W, to_float
from tasks.v2g.schedule import Schedule

LOAD_ENDED_CURRENT = 1.0         # A, as a DC current counts as gone (safety sheet S5)
STATUS_INTERVAL = 1 * S          # between two ChargingStatusReq: nothing in it is urgent, EVSENotification may wait so long


class Iso2Pev(DcPev):
    """The car's machine: one `_on_<state>` per response."""

    wire = iso2
    rows = ROWS
    checkpoints = CHECKPOINTS

    def __init__(self, config: EvConfig, evccid: bytes, facts: PevFacts, resume: bytes = b"") -> None:
        """`resume`: the id of a session that was paused."""
        super().__init__(config, evccid, facts)
        if resume:
            self.session_id = resume
        self.transfer_mode = EnergyTransferMode.DC_extended
        self.schedule_id = 1
        self.schedule = Schedule()
        self.meter_info = MeterInfo(MeterID="")
        self.started = False             # power delivery has begun: charge parameters now are a renegotiation
        self._back = Pev.CurrentDemand   # where a metering receipt leads back to
        self._wants_renegotiation = False
        self._told_share = 1.0           # of the power limit, as of the last charge parameters

    @property
    def dc(self) -> bool:
        return self.transfer_mode.name.startswith("DC")

    @property
    def loop(self) -> Pev:
        return Pev.CurrentDemand if self.dc else Pev.ChargingStatus

    @property
    def power_off(self) -> Pev:
        return Pev.WaitContactorsOpen if self.dc else Pev.SessionStop

    @property
    def paused(self) -> bool:
        """The session has ended in order with a pause."""
        return self.state is Pev.Ended and self.stopping is StopReason.PAUSED and self._report.reached(905)

    def renegotiate(self, now: int) -> None:
        """The car wants other limits or another schedule: done at the next opportunity in the charge loop."""
        self._wants_renegotiation = self.state in CHARGING

    @property
    def phases(self) -> int:
        return 3 if self.transfer_mode is EnergyTransferMode.AC_three_phase_core else 1

    @property
    def wants_current(self) -> float | None:
        """A per phase: the least of charger, schedule and configuration while power is on; 0 below what an on-board charger can do."""
        if self.dc or not self.started:
            return None
        if self.stopping is not None or self.state in LAST_STEPS:
            return 0.0
        config, charger = self.config, self.charger
        amperes = min(build.ac_current(self), charger.max_current)
        if self.power_limit is not None and charger.max_voltage:
            amperes = min(amperes, self.power_limit / (charger.max_voltage * self.phases))
        return amperes if amperes >= config.ac_min_current_a else 0.0

    # --- ending an AC load

    def _begin_end(self, now: int) -> None:
        """First the load, then power: neither pilot switch nor contactor breaks a current."""
        if self.started and not self.dc and not self._urgent and self._drawing():
            self._ready.cancel()
            self._enter(Pev.WaitLoadEnded, now)
        else:
            super()._begin_end(now)

    def _drawing(self) -> bool:
        return self.facts.ac_current is not None and abs(self.facts.ac_current) >= LOAD_ENDED_CURRENT

    def _poll(self, now: int) -> None:
        if self.state is not Pev.WaitLoadEnded:
            super()._poll(now)
        elif self._urgent or not self._drawing():
            self._enter(Pev.PowerDeliveryStop, now)
        else:
            self._poll_at = now + t.FACT_POLL

    def _limit_passed(self, now: int) -> None:
        if self.state is Pev.WaitLoadEnded:
            self._report.note("the on-board charger still draws %s A after %d s", self.facts.ac_current, t.LOAD_END_LIMIT // S)
            self._enter(Pev.PowerDeliveryStop, now)
        else:
            super()._limit_passed(now)

    # --- facts

    def _watch(self, now: int) -> None:
        if self.started and not self.facts.trip and self.state not in CHARGING:
            self._watch_charging(now)        # a renegotiation: charging goes on meanwhile
        else:
            super()._watch(now)

    def _watch_charging(self, now: int) -> None:
        if self.dc:
            super()._watch_charging(now)
            return
        stop = judge.battery_stop(self.config, self.facts)
        if stop is not None:
            self._stop(*stop)
        else:
            self._watch_silence(judge.battery_heard(self.facts), now)

    # --- one handler per response

    def _on_SessionSetup(self, res: SessionSetupRes, now: int) -> None:
        self._ready.arm(now, t.V2G_EVCC_ReadyToCharge_Timeout)
        self._report.append(SessionEstablished())
        self.evse_id = res.EVSEID
        if res.ResponseCode is responseCode.OK_OldSessionJoined:
            self._report.checkpoint(507)
        self._enter(Pev.ServiceDiscovery, now)

    def _on_ServiceDiscovery(self, res: ServiceDiscoveryRes, now: int) -> None:
        if paymentOption.ExternalPayment not in res.PaymentOptionList.PaymentOption:
            self._report.note("charger does not offer ExternalPayment; trying all the same")
        self.service_id = res.ChargeService.ServiceID
        offered = res.ChargeService.SupportedEnergyTransferMode.EnergyTransferMode
        mode = next((EnergyTransferMode[name] for name in self.config.energy_transfer_modes if EnergyTransferMode[name] in offered), None)
        if mode is None:
            self._report.note("charger offers %s, this car takes %s", ", ".join(m.name for m in offered), ", ".join(self.config.energy_transfer_modes))
            self._stop(StopReason.NO_TRANSFER_MODE)
            return
        self.transfer_mode = mode
        self._enter(Pev.ServiceDetail if self.config.ask_service_detail else Pev.PaymentServiceSelection, now)

    def _on_ServiceDetail(self, res: ServiceDetailRes, now: int) -> None:
        self._enter(Pev.PaymentServiceSelection, now)

    def _on_PaymentServiceSelection(self, res: PaymentServiceSelectionRes, now: int) -> None:
        self._enter(Pev.Authorization, now)

    def _on_Authorization(self, res: AuthorizationRes, now: int) -> None:
        self._authorised(res, now)

    def _on_ChargeParameterDiscovery(self, res: ChargeParameterDiscoveryRes, now: int) -> None:
        parameter = res.EVSEChargeParameter
        if self.dc:
            status = judge.dc_parameter(parameter).DC_EVSEStatus
        elif type(parameter) is AC_EVSEChargeParameter:
            status = parameter.AC_EVSEStatus
        else:
            raise BadValue("EVSEChargeParameter: expected AC_EVSEChargeParameter, came " + type(parameter).__name__)
        if self._status(status):
            return
        if res.EVSEProcessing is not EVSEProcessing.Finished:
            self._again(now)
            return
        self._read_schedule(res.SASchedules)
        if not self.dc:
            self.charger.max_voltage = to_float(parameter.EVSENominalVoltage, V, LIMIT, "EVSENominalVoltage")
            self.charger.max_current = to_float(parameter.EVSEMaxCurrent, A, LIMIT, "EVSEMaxCurrent")
        elif not self._limits_fit(parameter):
            return
        self._told_share = self.facts.power_share
        if self._sleeps(now):
            return
        if self.started:
            self._enter(Pev.PowerDeliveryStart, now)
        else:
            self._get_ready(now)

    def _read_schedule(self, schedules: object) -> None:
        """The first tuple; the charger's order is its preference."""
        if type(schedules) is not SAScheduleList or not schedules.SAScheduleTuple:
            return
        first = schedules.SAScheduleTuple[0]
        self.schedule_id = first.SAScheduleTupleID
        entries = []
        for entry in first.PMaxSchedule.PMaxScheduleEntry:
            if type(entry.TimeInterval) is RelativeTimeInterval:
                entries.append((entry.TimeInterval.start, to_float(entry.PMax, W, LIMIT, "PMax")))
        try:
            self.schedule.set(entries)
        except ValueError as problem:
            raise BadValue(str(problem)) from None

    def _sleeps(self, now: int) -> bool:
        """The charger's schedule has no power for so long that a pause is better than to wait in the loop. True after stopping for one."""
        least = 0.0 if self.dc else self.config.ac_min_current_a * (self.charger.max_voltage or 0.0) * self.phases
        wait, longest = self.schedule.powerless(now, least), self.config.pause_without_power_s * S
        if not longest or wait < longest:
            return False
        self.resume_at = None if wait == NEVER else now + wait
        self._report.note("the charger's schedule has no power %s: pause", "from now on" if wait == NEVER else f"for {wait // S} s", level="info")
        self._stop(StopReason.PAUSED)
        return True

    def _when_ready(self, now: int) -> None:
        if self.dc:
            super()._when_ready(now)
        else:                                # AC has neither cable check nor precharge
            self._power = True
            self._enter(Pev.PowerDeliveryStart, now)

    def _on_PowerDeliveryStart(self, res: PowerDeliveryRes, now: int) -> None:
        super()._on_PowerDeliveryStart(res, now)
        if self.state is self.loop:
            self.started = True
            self.schedule.begun = now
            self.power_limit = self.schedule.allowed(now)

    def _on_CurrentDemand(self, res: CurrentDemandRes, now: int) -> None:
        super()._on_CurrentDemand(res, now)
        self._after_loop(res, res.DC_EVSEStatus.EVSENotification, now)

    def _on_ChargingStatus(self, res: ChargingStatusRes, now: int) -> None:
        self._report.checkpoint(725)
        if res.EVSEMaxCurrent is not None:
            self.charger.max_current = to_float(res.EVSEMaxCurrent, A, LIMIT, "EVSEMaxCurrent")
        if self._status(res.AC_EVSEStatus):
            return
        self._exchange.send.arm_at(max(now, self._exchange.sent_at + STATUS_INTERVAL))
        self._after_loop(res, res.AC_EVSEStatus.EVSENotification, now)

    def _after_loop(self, res: CurrentDemandRes | ChargingStatusRes, notification: EVSENotification, now: int) -> None:
        """What interrupts the charge loop for a message: a receipt, other limits."""
        self.power_limit = self.schedule.allowed(now)
        if self.stopping is not None or self._sleeps(now):
            return
        if self.facts.power_share != self._told_share and (self.config.renegotiate == "always" or self.config.renegotiate == "ac" and not self.dc):
            self._wants_renegotiation = True
        if res.ReceiptRequired and res.MeterInfo is not None:
            self.meter_info = res.MeterInfo
            self._back = self.state
            self._enter(Pev.MeteringReceipt, now)
        # Once more only after 1 s of charging: a charger that wants it in each response would get nothing but messages, for ever.
        elif self._wants_renegotiation or notification is EVSENotification.ReNegotiation and (not self._report.reached(740) or now - self.schedule.begun >= S):
            self._report.note("renegotiation: %s", "our wish" if self._wants_renegotiation else "the charger wants it", level="info")
            self._wants_renegotiation = False
            self._enter(Pev.PowerDeliveryRenegotiate, now)

    def _on_MeteringReceipt(self, res: MeteringReceiptRes, now: int) -> None:
        if not self._status(res.EVSEStatus):
            self._enter(self._back, now)

    def _on_PowerDeliveryRenegotiate(self, res: PowerDeliveryRes, now: int) -> None:
        if not self._status(res.EVSEStatus):
            self._enter(Pev.ChargeParameterDiscovery, now)

    def _status(self, status: object) -> bool:
        if self.dc or type(status) is not AC_EVSEStatus:
            return super()._status(status)
        if status.RCD:
            self._report.note("charger reports a residual current (RCD) in state %s", self.state.name)
            self._stop(StopReason.CHARGER_MALFUNCTION, urgent=True)
        elif status.EVSENotification is EVSENotification.StopCharging:
            self._report.checkpoint(790)
            self._report.note("charger asks for the end within %d s", status.NotificationMaxDelay, level="info")
            self._stop(StopReason.CHARGER_STOP)
        return self.stopping is not None
