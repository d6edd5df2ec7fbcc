"""The charger's side of an ISO 15118-2 session: external payment, DC and AC, renegotiation, pause; the rest of DC is in dc_evse.py.

What is allowed when: iso2_evse_table.py; refusing and ending: evse_conversation.py. `wants_ac` is a wish as `wants_output` is: the
supervisor grants it, and PowerDeliveryRes waits for its contactor. Sheet: slac-and-network 7; messages: vectors ISO-2_* of test equipment.
"""
from __future__ import annotations

from hmac import compare_digest
from typing import Any

from drivers.interfaces import PilotState
from exi_native.messages import iso2
from exi_native.messages.iso2 import (AC_EVChargeParameter, AuthorizationReq, ChargeParameterDiscoveryReq, ChargingProfile, ChargingStatusReq,
                                      DC_EVChargeParameter, EnergyTransferMode, EVSEProcessing, MeteringReceiptReq,
                                      PaymentServiceSelectionReq, PowerDeliveryReq, ServiceDetailReq, ServiceDiscoveryReq, SessionSetupReq,
                                      SessionStopReq, chargeProgress, chargingSession, paymentOption, responseCode)
from kernel.timer import MS, NEVER, S, Timer
from tasks.messages import SessionEstablished
from tasks.stop_reasons import StopReason
from tasks.v2g import iso2_evse_responses as build
from tasks.v2g import timing as t
from tasks.v2g.cable_check import READY_STATES
from tasks.v2g.config import EvseConfig
from tasks.v2g.dc_evse import DcEvse
from tasks.v2g.evse_states import Evse
from tasks.v2g.facts import EvseFacts
from tasks.v2g.iso2_evse_table import AC_MODES, ACCEPTED, AGREED, CHECKPOINTS, LOOP, POWERED, SILENT
from tasks.v2g.physical import LIMIT, WH, A, BadValue, V, W, to_float
from tasks.v2g.power_offer import PowerOffer

STARTING = frozenset({Evse.PowerDelivery, Evse.PowerDeliveryStart, Evse.PowerDeliveryRestart})
"""PowerDeliveryReq(start) is what comes next."""


def _whole_seconds(ns: int) -> int:
    """Rounded up; never negative: NotificationMaxDelay is unsigned."""
    return max(0, -(-ns // S))


class Iso2Evse(DcEvse):
    """The charger's machine: one `_on_<request>` per request."""

    wire = iso2
    build = build
    accepted = ACCEPTED
    checkpoints = CHECKPOINTS
    silent = SILENT
    powered = POWERED
    session_stop = SessionStopReq

    def __init__(self, config: EvseConfig, facts: EvseFacts, rng: Any, paused_id: bytes = b"", offer: PowerOffer | None = None) -> None:
        """`paused_id`: of the session that this car has paused, empty when none."""
        super().__init__(config, facts, rng, offer)
        modes = [EnergyTransferMode[key] for key in config.energy_transfer_modes]
        self.mode = next((m for m in modes if m not in AC_MODES), modes[0])          # until the car has chosen: decides the status in a FAILED
        self.service_asked = build.SERVICE_ID
        self.wants_renegotiation = False
        self.end_announced = False               # StopCharging is told, the time for it has not passed
        self.notification_max_delay = 0          # s
        self.offered: list[tuple[int, float]] = []       # the schedule that was told: (s, W) from then on
        self.receipt_required = False
        self.metered: iso2.MeterInfo | None = None       # the reading for which a receipt is asked
        self._receipt = Timer()                  # the next one
        self._told_share = 1.0                   # of the power, as of then
        self._renegotiate_by = 0                 # ns
        self._modes = frozenset(modes)
        self._paused_id = paused_id
        self.joined = False
        self._state_c = Timer()                  # V2G_SECC_CPState_Detection_Timeout, AC

    @property
    def ac(self) -> bool:
        return self.mode in AC_MODES

    @property
    def rating(self) -> float:
        c = self.config
        return c.ac_nominal_voltage_v * c.ac_max_current_a * AC_MODES[self.mode] if self.ac else super().rating

    @property
    def ac_current(self) -> float:
        """A of each phase: EVSEMaxCurrent now."""
        return self.power_cap / (self.config.ac_nominal_voltage_v * AC_MODES.get(self.mode, 1))

    @property
    def off_limit(self) -> int:
        """How long PowerDeliveryRes(stop) waits: DC for the current, AC for the contactor."""
        return t.CONTACTOR_OPEN_LIMIT if self.ac else t.RAMP_DOWN_LIMIT

    def _lacking(self) -> str:
        if self.wants_ac and self.state in POWERED and self.facts.contactors_closed is not True:
            return self.facts.blocked or "the contactor"
        return super()._lacking()

    def renegotiate(self, now: int) -> None:
        """Ask the car, in the charge loop, to agree on parameters anew. Before they are agreed there is nothing to ask."""
        if self.state in AGREED and self.stopping is None and not self.wants_renegotiation:
            self.wants_renegotiation = True
            self._renegotiate_by = now + self.config.notification_max_delay_s * S

    # --- facts

    def _watch(self, now: int) -> None:
        super()._watch(now)
        if self.stopping is not None:
            self.end_announced, self.notification_max_delay = False, 0
            return
        notice = self.config.notification_max_delay_s * S
        if self.state in LOOP and self.offer.share != self._told_share:
            self.renegotiate(now)
        until = NEVER
        if self._charging_until != NEVER and now >= self._charging_until - notice:
            if not self.end_announced:
                self.end_announced = True
                self._report.note("charger announces its end in %d s", _whole_seconds(self._charging_until - now), level="info")
            until = self._charging_until
        elif self.wants_renegotiation:
            until = self._renegotiate_by
        self.notification_max_delay = 0 if until == NEVER else _whole_seconds(until - now)

    # --- one handler per request

    def _on_SessionSetupReq(self, req: SessionSetupReq, now: int) -> None:
        self.evccid = req.EVCCID
        asked = self._header.SessionID
        self.joined = bool(self._paused_id) and compare_digest(asked, self._paused_id)
        if self.joined:
            self.session_id = self._paused_id
        else:
            self.session_id = (self._rng.getrandbits(64) or 1).to_bytes(8, "big")        # zero would mean: no session
        code = responseCode.OK_OldSessionJoined if self.joined else responseCode.OK_NewSessionEstablished
        self._respond(build.session_setup(self, code), 505, now)
        self._report.append(SessionEstablished())
        self._enter(Evse.ServiceDiscovery, now)

    def _on_ServiceDiscoveryReq(self, req: ServiceDiscoveryReq, now: int) -> None:
        """The charge service is offered whatever scope and category the car asks for: the response must carry it."""
        self._respond(build.service_discovery(self), 515, now)
        self._enter(Evse.PaymentServiceSelection, now)

    def _on_ServiceDetailReq(self, req: ServiceDetailReq, now: int) -> None:
        self.service_asked = req.ServiceID
        if req.ServiceID != build.SERVICE_ID:
            self._refuse(type(req), responseCode.FAILED_ServiceIDInvalid, StopReason.SEQUENCE_ERROR, now, "car asks for service %d", req.ServiceID)
            return
        self._respond(build.service_detail(self), 520, now)

    def _on_PaymentServiceSelectionReq(self, req: PaymentServiceSelectionReq, now: int) -> None:
        selected = [s.ServiceID for s in req.SelectedServiceList.SelectedService]
        foreign = [s for s in selected if s != build.SERVICE_ID]
        if req.SelectedPaymentOption is not paymentOption.ExternalPayment:
            self._refuse(type(req), responseCode.FAILED_PaymentSelectionInvalid, StopReason.SEQUENCE_ERROR, now,
                         "car wants to pay by %s", req.SelectedPaymentOption.name)
        elif foreign:
            self._refuse(type(req), responseCode.FAILED_ServiceSelectionInvalid, StopReason.SEQUENCE_ERROR, now,
                         "car selects service %d, which was not offered", foreign[0])
        elif not selected:
            self._refuse(type(req), responseCode.FAILED_NoChargeServiceSelected, StopReason.SEQUENCE_ERROR, now,
                         "car does not select service %d", build.SERVICE_ID)
        else:
            self._respond(build.payment_service_selection(self), 525, now)
            self._enter(Evse.Authorization, now)

    def _on_AuthorizationReq(self, req: AuthorizationReq, now: int) -> None:
        """A session that is taken up again was authorised before its pause: nobody need come out at night."""
        if not self.joined and self._still_ongoing(self.config.authorisation_delay_ms, now):
            self._respond(build.authorization(self, processing=EVSEProcessing.Ongoing_WaitingForCustomerInteraction), 535, now)
            return
        self._respond(build.authorization(self), 536, now)
        self._enter(Evse.ChargeParameterDiscovery, now)

    def _on_ChargeParameterDiscoveryReq(self, req: ChargeParameterDiscoveryReq, now: int) -> None:
        kind, mode, parameter = type(req), req.RequestedEnergyTransferMode, req.EVChargeParameter
        again = self.state is Evse.Renegotiation
        ac = mode in AC_MODES
        if mode not in self._modes or again and ac is not self.ac:
            self._refuse(kind, responseCode.FAILED_WrongEnergyTransferMode, StopReason.SEQUENCE_ERROR, now, "car asks for %s", mode.name)
            return
        if type(parameter) is not (AC_EVChargeParameter if ac else DC_EVChargeParameter) or req.MaxEntriesSAScheduleTuple == 0:
            self._refuse(kind, responseCode.FAILED_WrongChargeParameter, StopReason.BAD_VALUE, now, "%s with %s, at most %s schedules", mode.name,
                         type(parameter).__name__, req.MaxEntriesSAScheduleTuple)
            return
        self.mode = mode
        if not (self._read_ac_limits(parameter, kind, now) if ac else self._read_dc_limits(parameter, kind, now)):
            return
        if again and not ac:
            self._silence.arm(now, t.REQUEST_SILENCE_LIMIT)
        self.power_cap = self.offer.watts(self.rating, now)      # of the mode that the car has chosen
        if self._parameters_ready(ac or self.facts.output_voltage is not None, kind, now):
            self.offered = self.offer.ahead(self.rating, now)
            self._told_share = self.offer.share
            self._respond(build.charge_parameter_discovery(self), 545, now)
            self._enter(Evse.PowerDeliveryRestart if again else Evse.PowerDeliveryStart if ac else Evse.CableCheck, now)

    def _read_ac_limits(self, parameter: AC_EVChargeParameter, kind: type, now: int) -> bool:
        """False after refusing. Whether our current is enough for it is the car's own judgement."""
        self.ev_max_voltage = to_float(parameter.EVMaxVoltage, V, LIMIT, "EVMaxVoltage")
        self.ev_max_current = to_float(parameter.EVMaxCurrent, A, LIMIT, "EVMaxCurrent")
        to_float(parameter.EVMinCurrent, A, LIMIT, "EVMinCurrent")
        to_float(parameter.EAmount, WH, LIMIT, "EAmount")
        if self.ev_max_voltage >= self.config.ac_nominal_voltage_v:
            return True
        self._refuse(kind, responseCode.FAILED_WrongChargeParameter, StopReason.INCOMPATIBLE_VOLTAGE, now,
                     "car takes at most %.1f V", self.ev_max_voltage)
        return False

    # --- power

    def _on_PowerDeliveryReq(self, req: PowerDeliveryReq, now: int) -> None:
        parameter = req.EVPowerDeliveryParameter
        status = getattr(parameter, "DC_EVStatus", None)         # AC has none, nor has the abstract parameter of the schema
        if status is not None:
            self._car_status(status)
        if req.ChargeProgress is chargeProgress.Stop:
            self.load_ended = True
            if self.end_announced:               # it does what it was asked for
                self._stop(StopReason.CHARGER_STOP, iso2.DC_EVSEStatusCode.EVSE_Shutdown, now)
            self._begin_power_off(parameter, now)                # whatever schedule it names
        elif self.state not in (LOOP if req.ChargeProgress is chargeProgress.Renegotiate else STARTING):
            self._refuse(type(req), responseCode.FAILED_SequenceError, StopReason.SEQUENCE_ERROR, now,
                         "PowerDeliveryReq(%s) came in state %s", req.ChargeProgress.name, self.state.name)
        elif req.ChargeProgress is chargeProgress.Renegotiate:
            self._begin_renegotiation(now)
        else:
            self._start(req, now)

    def _begin_renegotiation(self, now: int) -> None:
        """DC holds its voltage without current meanwhile: the car's contactors stay closed. AC goes on as agreed before."""
        self.wants_renegotiation = False
        if not self.ac:
            if self.wants_output is not None:
                self.wants_output = (self.wants_output[0], 0.0)
            self._silence.arm(now, t.REQUEST_SILENCE_LIMIT)
        self._respond(build.power_delivery(self), 785, now)
        self._enter(Evse.Renegotiation, now)

    def _start(self, req: PowerDeliveryReq, now: int) -> None:
        if req.SAScheduleTupleID != build.SCHEDULE_ID:
            self._refuse(type(req), responseCode.FAILED_TariffSelectionInvalid, StopReason.BAD_VALUE, now,
                         "car chooses schedule %d", req.SAScheduleTupleID)
            return
        wrong = self._profile_problem(req.ChargingProfile)
        if wrong:
            self._refuse(type(req), responseCode.FAILED_ChargingProfileInvalid, StopReason.BAD_VALUE, now, "%s", wrong)
        elif self.state is Evse.PowerDeliveryStart:
            self._state_c.arm(now, t.V2G_SECC_CPState_Detection_Timeout)
            self._pending = self._await_state_c
            self._await_state_c(now)
        elif self.stopping is not None or self.facts.pilot not in READY_STATES:
            self._not_applied(now)
        else:
            self._begin_charging(Evse.ChargingStatus if self.ac else Evse.CurrentDemand, now)

    def _profile_problem(self, profile: ChargingProfile | None) -> str:
        """Why the profile does not fit the schedule, "" when it does."""
        last = -1
        for entry in profile.ProfileEntry if profile is not None else ():
            try:
                power = to_float(entry.ChargingProfileEntryMaxPower, W, LIMIT, "ChargingProfileEntryMaxPower")
            except BadValue as problem:
                return str(problem)
            most = next(watts for start, watts in reversed(self.offered) if start <= entry.ChargingProfileEntryStart)
            if power > most:
                return f"ChargingProfileEntryMaxPower: expected at most {most:g} W, came {power:g}"
            if entry.ChargingProfileEntryStart <= last:
                return f"ChargingProfileEntryStart: {entry.ChargingProfileEntryStart} s comes after {last} s"
            last = entry.ChargingProfileEntryStart
        return ""

    def _await_state_c(self, now: int) -> None:
        """AC: the contactor closes when the car is in state C, and not before."""
        ready = self.facts.pilot in READY_STATES
        if self.stopping is not None or not ready and self._state_c.expired(now):
            self._not_applied(now)
        elif ready:
            self.wants_ac = True
            self._contactor.arm(now, t.CONTACTOR_CLOSED_LIMIT)
            self._pending = self._await_contactor
            self._await_contactor(now)
        else:
            self._set_poll(now)

    def _await_contactor(self, now: int) -> None:
        """AC: PowerDeliveryRes(start) says that the mains are there."""
        facts = self.facts
        if facts.trip:
            self._refuse(PowerDeliveryReq, responseCode.FAILED_ContactorError, StopReason.SAFETY_TRIP, now, "no power: %s", facts.trip)
        elif facts.pilot is PilotState.A:
            self._set_poll(now)                  # nobody is left to answer: _watch ends it
        elif self.stopping is not None or facts.pilot not in READY_STATES:
            self._not_applied(now)
        elif facts.contactors_closed is True:
            self._pending = None
            self._contactor.cancel()
            self._begin_charging(Evse.ChargingStatus, now)
        elif self._contactor.expired(now):
            code = responseCode.FAILED_PowerDeliveryNotApplied if facts.blocked else responseCode.FAILED_ContactorError
            self._refuse(PowerDeliveryReq, code, StopReason.NOT_CONFIRMED, now, "contactor not closed after %d ms, what is lacking: %s",
                         t.CONTACTOR_CLOSED_LIMIT // MS, facts.blocked or "its confirmation")
        else:
            self._set_poll(now)

    def _not_applied(self, now: int) -> None:
        self._refuse(PowerDeliveryReq, responseCode.FAILED_PowerDeliveryNotApplied, StopReason.CAR_LEFT_C, now,
                     "PowerDeliveryReq(start) while stopping or not in state C")

    def _begin_charging(self, loop: Evse, now: int) -> None:
        super()._begin_charging(loop, now)
        if self.config.receipt_interval_s and not self._receipt.armed:
            self._receipt.arm(now, self.config.receipt_interval_s * S)
        if self.ac:
            self._silence.cancel()       # a car may leave 40 s between two ChargingStatusReq (sheet 7.1); V2G_SECC_Sequence_Timeout is the bound

    def _power_off(self, now: int) -> None:
        if not self.ac:
            super()._power_off(now)
            return
        closed = self.facts.contactors_closed
        if closed is not False and not self._ramp.expired(now):
            self._set_poll(now)
        elif closed is not False:
            self._refuse(PowerDeliveryReq, responseCode.FAILED_ContactorError, StopReason.NOT_CONFIRMED, now,
                         "contactor not confirmed open after %d ms", t.CONTACTOR_OPEN_LIMIT // MS)
        else:
            self._pending = None
            self._ramp.cancel()
            self._respond(build.power_delivery(self), 805, now)
            self._enter(Evse.SessionStop, now)

    # --- charge loop and end

    def _ask_receipt(self, now: int) -> None:
        """In each response of the loop until it comes, for the reading of then; nothing without a reading."""
        energy = self.facts.ac_energy if self.ac else self.facts.session_energy
        self.receipt_required = self._receipt.expired(now) and energy is not None and self.stopping is None
        self.metered = build.meter_info(self, energy) if self.receipt_required else None

    def _on_CurrentDemandReq(self, req: Any, now: int) -> None:
        self._ask_receipt(now)
        super()._on_CurrentDemandReq(req, now)
        self._tell_renegotiation()

    def _on_ChargingStatusReq(self, req: ChargingStatusReq, now: int) -> None:
        """On while the car is in state C; a contactor that a stop or a trip has opened is not closed again."""
        self.wants_ac = self.facts.pilot in READY_STATES and (self.wants_ac or self.stopping is None)
        self._ask_receipt(now)
        self._respond(build.charging_status(self), 705, now)
        self._tell_renegotiation()

    def _tell_renegotiation(self) -> None:
        if self.wants_renegotiation and self.stopping is None:
            self._report.checkpoint(780)

    def _on_MeteringReceiptReq(self, req: MeteringReceiptReq, now: int) -> None:
        """A signed one would need the contract certificate that external payment does not have."""
        if not compare_digest(req.SessionID, self.session_id):
            self._refuse(type(req), responseCode.FAILED_UnknownSession, StopReason.UNKNOWN_SESSION, now,
                         "receipt for session id %s", req.SessionID.hex())
        elif req.Id is not None or self._header.Signature is not None:
            self._refuse(type(req), responseCode.FAILED_MeteringSignatureNotValid, StopReason.BAD_VALUE, now, "receipt with a signature")
        else:
            if self.metered is not None and req.MeterInfo.MeterReading != self.metered.MeterReading:
                self._report.once("receipt", "car's receipt says %s Wh, the reading was %d Wh", req.MeterInfo.MeterReading, self.metered.MeterReading)
            if self.receipt_required:
                self._receipt.arm(now, self.config.receipt_interval_s * S)
                self.receipt_required, self.metered = False, None
            self._respond(build.metering_receipt(self), 720, now)

    def _on_SessionStopReq(self, req: SessionStopReq, now: int) -> None:
        """A pause is kept when there is something to come back to: a session that was authorised and that we do not want to end."""
        authorised = self.state not in SILENT
        self.paused = req.ChargingSession is chargingSession.Pause and authorised and self.stopping is None
        if self.paused:
            self.resume_at = self.offer.again_at(now)
        self._finish(now, paused=self.paused)
