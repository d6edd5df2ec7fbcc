"""A charger's machine with fake facts, and a car that asks as told: any state in one call, time as a number."""
from __future__ import annotations

from random import Random

from drivers.interfaces import PilotState
from exi_native.messages import din
from kernel.timer import MS
from tasks.machine import Checkpoint, Note
from tasks.messages import SessionEnded
from tasks.v2g.config import EvseConfig
from tasks.v2g.din_evse import DinEvse
from tasks.v2g.din_evse_table import Evse
from tasks.v2g.facts import EvseFacts
from tasks.v2g.physical import WH, A, V, W, from_float

ORDER = [Evse.SessionSetup, Evse.ServiceDiscovery, Evse.ServicePaymentSelection, Evse.ContractAuthentication,
         Evse.ChargeParameterDiscovery, Evse.CableCheck, Evse.PreCharge, Evse.PowerDelivery, Evse.CurrentDemand, Evse.WeldingDetection]
BATTERY = 360.0


def ev_status(ready=True, soc=50, error=din.DC_EVErrorCode.NO_ERROR):
    return din.DC_EVStatus(EVReady=ready, EVErrorCode=error, EVRESSSOC=soc)


def request(kind, volts=400.0, amps=100.0, start=True, complete=False, error=din.DC_EVErrorCode.NO_ERROR, max_volts=410.0,
            payment=din.paymentOption.ExternalPayment, service=1, transfer=din.EVRequestedEnergyTransfer.DC_extended, soc=50):
    """A request of the type `kind`."""
    st = ev_status(error=error, soc=soc)
    if kind is din.SessionSetupReq:
        return din.SessionSetupReq(EVCCID=b"\x02\0\0\0\0\x01")
    if kind is din.ServiceDiscoveryReq:
        return din.ServiceDiscoveryReq()
    if kind is din.ServiceDetailReq:
        return din.ServiceDetailReq(ServiceID=1)
    if kind is din.ServicePaymentSelectionReq:
        return din.ServicePaymentSelectionReq(SelectedPaymentOption=payment, SelectedServiceList=din.SelectedServiceList(
            SelectedService=[din.SelectedService(ServiceID=service)]))
    if kind is din.ContractAuthenticationReq:
        return din.ContractAuthenticationReq()
    if kind is din.ChargeParameterDiscoveryReq:
        return din.ChargeParameterDiscoveryReq(EVRequestedEnergyTransferType=transfer, EVChargeParameter=din.DC_EVChargeParameter(
            DC_EVStatus=st, EVMaximumCurrentLimit=from_float(amps, A), EVMaximumPowerLimit=from_float(90000, W),
            EVMaximumVoltageLimit=from_float(max_volts, V), EVEnergyCapacity=from_float(28000, WH)))
    if kind is din.CableCheckReq:
        return din.CableCheckReq(DC_EVStatus=st)
    if kind is din.PreChargeReq:
        return din.PreChargeReq(DC_EVStatus=st, EVTargetVoltage=from_float(volts, V), EVTargetCurrent=from_float(amps, A))
    if kind is din.PowerDeliveryReq:
        return din.PowerDeliveryReq(ReadyToChargeState=start, EVPowerDeliveryParameter=din.DC_EVPowerDeliveryParameter(
            DC_EVStatus=st, ChargingComplete=complete))
    if kind is din.CurrentDemandReq:
        return din.CurrentDemandReq(DC_EVStatus=st, EVTargetCurrent=from_float(amps, A), ChargingComplete=complete,
                                    EVTargetVoltage=from_float(volts, V))
    if kind is din.WeldingDetectionReq:
        return din.WeldingDetectionReq(DC_EVStatus=st)
    if kind is din.PaymentDetailsReq:
        return din.PaymentDetailsReq(ContractID="x", ContractSignatureCertChain=din.CertificateChain(Certificate=b"x"))
    return din.SessionStop()


class EvseBench:
    """`now` in ns. `answers`: bodies of all responses. The output follows the wishes at once unless `follow` is off."""

    def __init__(self, follow=True, seed=1, **config):
        self.facts = EvseFacts(pilot=PilotState.B, output_voltage=0.0, output_current=0.0, isolation=1e6)
        self.machine = DinEvse(EvseConfig(**config), self.facts, Random(seed))
        self.follow = follow
        self.now = 1_000 * MS
        self.answers = []
        self.headers = []
        self.events = []

    @property
    def state(self):
        return self.machine.state

    @property
    def last(self):
        return self.answers[-1]

    @property
    def code(self):
        return self.last.ResponseCode

    def start(self):
        self.machine.start(self.now)
        self._collect()
        return self

    def ask(self, kind, session=None, after=50 * MS, body=None, **fields):
        """The car's request, `after` ns later; the plant has followed until then."""
        self.run(after)
        session = self.machine.session_id or bytes(8) if session is None else session
        body = body or request(kind, **fields)
        self.machine.receive(din.V2G_Message(Header=din.MessageHeader(SessionID=session), Body=din.Body(BodyElement=body)), self.now)
        self._collect()
        if self.follow and self.machine._pending:                # the current falls, the answer comes
            self.run(30 * MS)
        return self

    def wake(self, at):
        self.now = at
        self.machine.handle_timer(at)
        self._collect()

    def run(self, duration):
        """Let time pass, from deadline to deadline."""
        end = self.now + duration
        for _ in range(100_000):
            at = self.machine.next_timer()
            if at > end:
                break
            self.wake(max(at, self.now))
        self.now = end
        return self

    def stop(self, reason):
        self.machine.stop(reason, self.now)
        self._collect()

    def pilot(self, state):
        """The pilot changes and the machine looks at it."""
        self.facts.pilot = state
        self.wake(self.now)

    def at(self, state):
        """Bring the machine into `state`; from CableCheck on the car is in state C."""
        self.start()
        for _ in range(200):
            if self.state is state:
                return self
            self.forward()
        raise AssertionError(f"did not reach {state}")

    def forward(self):
        """One step of an ideal session."""
        kind = {Evse.SessionSetup: din.SessionSetupReq, Evse.ServiceDiscovery: din.ServiceDiscoveryReq,
                Evse.ServicePaymentSelection: din.ServicePaymentSelectionReq, Evse.ContractAuthentication: din.ContractAuthenticationReq,
                Evse.ChargeParameterDiscovery: din.ChargeParameterDiscoveryReq, Evse.CableCheck: din.CableCheckReq,
                Evse.PreCharge: din.PreChargeReq, Evse.PowerDelivery: din.PowerDeliveryReq, Evse.CurrentDemand: din.PowerDeliveryReq,
                Evse.WeldingDetection: din.SessionStop}[self.state]
        if self.state is Evse.CableCheck:
            self.facts.pilot = PilotState.C
        if kind is din.PreChargeReq:
            self.ask(kind, volts=BATTERY, amps=1.0)
        else:
            self.ask(kind, start=self.state is Evse.PowerDelivery)

    def _collect(self):
        for message in self.machine.outgoing():
            self.answers.append(message.Body.BodyElement)
            self.headers.append(message.Header)
        self.events += self.machine.events()
        if self.follow:
            wants = self.machine.wants_output
            self.facts.output_voltage = wants[0] if wants else 0.0
            self.facts.output_current = wants[1] if wants and self.state is Evse.CurrentDemand else 0.0

    @property
    def ended(self):
        ends = [e for e in self.events if type(e) is SessionEnded]
        assert len(ends) <= 1
        return (ends[0].reason, ends[0].normal) if ends else None

    @property
    def status(self):
        s = getattr(self.last, "DC_EVSEStatus", None) or getattr(self.last, "EVSEStatus", None)
        return s or self.last.EVSEChargeParameter.DC_EVSEStatus

    @property
    def checkpoints(self):
        return [e.number for e in self.events if type(e) is Checkpoint]

    @property
    def notes(self):
        return [e.text % e.args for e in self.events if type(e) is Note]
