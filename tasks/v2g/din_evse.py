"""The charger's side of a DIN 70121 session: the handlers of what DIN has in its own shape; the rest is in dc_evse.py.

What is allowed when: din_evse_table.py; refusing and ending: evse_conversation.py. Sheet: field-pyplc-clara 4, 6.
"""
from __future__ import annotations

from exi_native.messages import din
from exi_native.messages.din import (ChargeParameterDiscoveryReq, ContractAuthenticationReq, DC_EVChargeParameter, EVRequestedEnergyTransfer,
                                     PowerDeliveryReq, ServiceDiscoveryReq, ServicePaymentSelectionReq, SessionSetupReq, SessionStop,
                                     paymentOption, responseCode)
from tasks.messages import SessionEstablished
from tasks.stop_reasons import StopReason
from tasks.v2g import din_evse_responses as build
from tasks.v2g.cable_check import READY_STATES
from tasks.v2g.dc_evse import DcEvse
from tasks.v2g.din_evse_table import ACCEPTED, CHECKPOINTS, POWERED, SILENT, Evse

AC_TYPES = frozenset({EVRequestedEnergyTransfer.AC_single_phase_core, EVRequestedEnergyTransfer.AC_three_phase_core})


class DinEvse(DcEvse):
    """The charger's machine: one `_on_<request>` per request."""

    wire = din
    build = build
    accepted = ACCEPTED
    checkpoints = CHECKPOINTS
    silent = SILENT
    powered = POWERED
    session_stop = SessionStop

    # --- one handler per request

    def _on_SessionSetupReq(self, req: SessionSetupReq, now: int) -> None:
        self.evccid = req.EVCCID
        self.session_id = (self._rng.getrandbits(64) or 1).to_bytes(8, "big")        # zero would mean: no session
        self._respond(build.session_setup(self, responseCode.OK_NewSessionEstablished), 505, now)
        self._report.append(SessionEstablished())
        self._enter(Evse.ServiceDiscovery, now)

    def _on_ServiceDiscoveryReq(self, req: ServiceDiscoveryReq, now: int) -> None:
        self._respond(build.service_discovery(self), 515, now)
        self._enter(Evse.ServicePaymentSelection, now)

    def _on_ServicePaymentSelectionReq(self, req: ServicePaymentSelectionReq, now: int) -> None:
        if req.SelectedPaymentOption is not paymentOption.ExternalPayment:
            self._refuse(type(req), responseCode.FAILED_PaymentSelectionInvalid, StopReason.SEQUENCE_ERROR, now,
                         "car wants to pay by %s", req.SelectedPaymentOption.name)
        elif build.SERVICE_ID not in [s.ServiceID for s in req.SelectedServiceList.SelectedService]:
            self._refuse(type(req), responseCode.FAILED_ServiceSelectionInvalid, StopReason.SEQUENCE_ERROR, now,
                         "car does not select service %d", build.SERVICE_ID)
        else:
            self._respond(build.service_payment_selection(self), 525, now)
            self._enter(Evse.ContractAuthentication, now)

    def _on_ContractAuthenticationReq(self, req: ContractAuthenticationReq, now: int) -> None:
        if self._still_ongoing(self.config.authorisation_delay_ms, now):
            self._respond(build.contract_authentication(self, finished=False), 535, now)
            return
        self._respond(build.contract_authentication(self), 536, now)
        self._enter(Evse.ChargeParameterDiscovery, now)

    def _on_ChargeParameterDiscoveryReq(self, req: ChargeParameterDiscoveryReq, now: int) -> None:
        parameter = req.EVChargeParameter
        if req.EVRequestedEnergyTransferType in AC_TYPES or type(parameter) is not DC_EVChargeParameter:
            self._refuse(type(req), responseCode.FAILED_WrongEnergyTransferType, StopReason.SEQUENCE_ERROR, now,
                         "car asks for %s", req.EVRequestedEnergyTransferType.name)
            return
        if self._read_dc_limits(parameter, type(req), now) and self._parameters_ready(self.facts.output_voltage is not None, type(req), now):
            self._respond(build.charge_parameter_discovery(self), 545, now)
            self._enter(Evse.CableCheck, now)

    def _on_PowerDeliveryReq(self, req: PowerDeliveryReq, now: int) -> None:
        parameter = req.EVPowerDeliveryParameter
        status = getattr(parameter, "DC_EVStatus", None)         # the abstract parameter of the schema has none
        if status is not None:
            self._car_status(status)
        if not req.ReadyToChargeState:
            self._begin_power_off(parameter, now)
        elif self.state is not Evse.PowerDelivery:
            self._refuse(type(req), responseCode.FAILED_SequenceError, StopReason.SEQUENCE_ERROR, now,
                         "PowerDeliveryReq(start) came in state %s", self.state.name)
        elif self.stopping is not None or self.facts.pilot not in READY_STATES:
            self._refuse(type(req), responseCode.FAILED_PowerDeliveryNotApplied, StopReason.CAR_LEFT_C, now,
                         "PowerDeliveryReq(start) while stopping or not in state C")
        else:
            self._begin_charging(Evse.CurrentDemand, now)

    def _on_SessionStop(self, req: SessionStop, now: int) -> None:
        self._finish(now)
