"""The car's side of a DIN 70121 session: the beginning, up to the charge parameters; the rest is in dc_pev.py."""
from __future__ import annotations

from exi_native.messages import din
from exi_native.messages.din import (ChargeParameterDiscoveryRes, ContractAuthenticationRes, EVSEProcessing, EVSESupportedEnergyTransfer,
                                     SAScheduleList, ServiceDiscoveryRes, ServicePaymentSelectionRes, SessionSetupRes, paymentOption)
from tasks.messages import SessionEstablished
from tasks.v2g import pev_judgement as judge
from tasks.v2g import timing as t
from tasks.v2g.config import EvConfig
from tasks.v2g.dc_pev import DcPev
from tasks.v2g.din_pev_table import CHECKPOINTS, ROWS
from tasks.v2g.facts import PevFacts
from tasks.v2g.pev_states import Pev


class DinPev(DcPev):
    """The car's machine: one `_on_<state>` per response."""

    wire = din
    rows = ROWS
    checkpoints = CHECKPOINTS

    def __init__(self, config: EvConfig, evccid: bytes, facts: PevFacts) -> None:
        super().__init__(config, evccid, facts)
        self.transfer_type = EVSESupportedEnergyTransfer.DC_extended

    def _on_SessionSetup(self, res: SessionSetupRes, now: int) -> None:
        self._ready.arm(now, t.V2G_EVCC_ReadyToCharge_Timeout)
        self._report.append(SessionEstablished())
        self.evse_id = res.EVSEID
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
        self._authorised(res, now)

    def _on_ChargeParameterDiscovery(self, res: ChargeParameterDiscoveryRes, now: int) -> None:
        parameter = judge.dc_parameter(res.EVSEChargeParameter)
        if self._status(parameter.DC_EVSEStatus):
            return
        if res.EVSEProcessing is not EVSEProcessing.Finished:
            self._again(now)
            return
        if type(res.SASchedules) is SAScheduleList and res.SASchedules.SAScheduleTuple:
            self.schedule_id = res.SASchedules.SAScheduleTuple[0].SAScheduleTupleID
        if self._limits_fit(parameter):
            self._get_ready(now)
