"""A charger's ISO 15118-2 machine with fake facts, and a car that asks as told: any state in one call, DC or AC.

Every message that the machine sends goes through the codec and must come back the same.
"""
from __future__ import annotations

from random import Random

from drivers.interfaces import PilotState
from exi_native import codec
from exi_native.messages import iso2
from kernel.timer import MS
from tasks.v2g.config import EvseConfig
from tasks.v2g.evse_states import Evse
from tasks.v2g.facts import EvseFacts
from tasks.v2g.iso2_evse import Iso2Evse
from tasks.v2g.iso2_values import from_float
from tasks.v2g.physical import WH, A, V, W

from tests.v2g.evse_bench import BATTERY, EvseBench

BEGINNING = [Evse.SessionSetup, Evse.ServiceDiscovery, Evse.PaymentServiceSelection, Evse.Authorization, Evse.ChargeParameterDiscovery]
AGAIN = [Evse.Renegotiation, Evse.PowerDeliveryRestart]
DC = [*BEGINNING, Evse.CableCheck, Evse.PreCharge, Evse.PowerDelivery, Evse.CurrentDemand, *AGAIN, Evse.WeldingDetection]
AC = [*BEGINNING, Evse.PowerDeliveryStart, Evse.ChargingStatus, *AGAIN, Evse.SessionStop]
LOOPS = (Evse.CurrentDemand, Evse.ChargingStatus)
Start, Stop, Renegotiate = iso2.chargeProgress.Start, iso2.chargeProgress.Stop, iso2.chargeProgress.Renegotiate
Mode = iso2.EnergyTransferMode
NO_ERROR = iso2.DC_EVErrorCode.NO_ERROR


def ev_status(soc=50, error=NO_ERROR):
    return iso2.DC_EVStatus(EVReady=True, EVErrorCode=error, EVRESSSOC=soc)


def profile(*watts, starts=None):
    return iso2.ChargingProfile(ProfileEntry=[iso2.ProfileEntry(ChargingProfileEntryStart=s, ChargingProfileEntryMaxPower=from_float(w, W))
                                              for s, w in zip(starts or range(0, 3600 * len(watts), 3600), watts)])


def parameter(ac=False, volts=410.0, amps=100.0, error=NO_ERROR, soc=50):
    if ac:
        return iso2.AC_EVChargeParameter(EAmount=from_float(20000, WH), EVMaxVoltage=from_float(volts, V), EVMaxCurrent=from_float(32.0, A),
                                         EVMinCurrent=from_float(6.0, A))
    return iso2.DC_EVChargeParameter(DC_EVStatus=ev_status(soc, error), EVMaximumCurrentLimit=from_float(amps, A),
                                     EVMaximumVoltageLimit=from_float(volts, V), EVEnergyCapacity=from_float(28000, WH))


def request(kind, ac=False, volts=400.0, amps=100.0, progress=Start, complete=False, error=NO_ERROR, soc=50, max_volts=410.0, mode=None,
            payment=iso2.paymentOption.ExternalPayment, services=(1,), service=1, tuples=None, schedule=1, plan=None, pause=False, session=bytes(8)):
    """A request of the type `kind`. `session` is that of a metering receipt."""
    st = ev_status(soc, error)
    chain = iso2.CertificateChain(Certificate=b"x")
    roots = iso2.ListOfRootCertificateIDs(RootCertificateID=[iso2.X509IssuerSerial(X509IssuerName="x", X509SerialNumber=1)])
    made = {
        iso2.SessionSetupReq: lambda: iso2.SessionSetupReq(EVCCID=b"\x02\0\0\0\0\x01"),
        iso2.ServiceDiscoveryReq: iso2.ServiceDiscoveryReq,
        iso2.ServiceDetailReq: lambda: iso2.ServiceDetailReq(ServiceID=service),
        iso2.PaymentServiceSelectionReq: lambda: iso2.PaymentServiceSelectionReq(
            SelectedPaymentOption=payment, SelectedServiceList=iso2.SelectedServiceList(
                SelectedService=[iso2.SelectedService(ServiceID=n) for n in services])),
        iso2.PaymentDetailsReq: lambda: iso2.PaymentDetailsReq(eMAID="DE0ABC12345678", ContractSignatureCertChain=chain),
        iso2.AuthorizationReq: iso2.AuthorizationReq,
        iso2.ChargeParameterDiscoveryReq: lambda: iso2.ChargeParameterDiscoveryReq(
            MaxEntriesSAScheduleTuple=tuples, RequestedEnergyTransferMode=mode or (Mode.AC_three_phase_core if ac else Mode.DC_extended),
            EVChargeParameter=parameter(ac, max_volts, amps, error, soc)),
        iso2.CableCheckReq: lambda: iso2.CableCheckReq(DC_EVStatus=st),
        iso2.PreChargeReq: lambda: iso2.PreChargeReq(DC_EVStatus=st, EVTargetVoltage=from_float(volts, V), EVTargetCurrent=from_float(amps, A)),
        iso2.PowerDeliveryReq: lambda: iso2.PowerDeliveryReq(
            ChargeProgress=progress, SAScheduleTupleID=schedule, ChargingProfile=plan,
            EVPowerDeliveryParameter=None if ac else iso2.DC_EVPowerDeliveryParameter(DC_EVStatus=st, ChargingComplete=complete)),
        iso2.CurrentDemandReq: lambda: iso2.CurrentDemandReq(
            DC_EVStatus=st, EVTargetCurrent=from_float(amps, A), ChargingComplete=complete, EVTargetVoltage=from_float(volts, V)),
        iso2.ChargingStatusReq: iso2.ChargingStatusReq,
        iso2.MeteringReceiptReq: lambda: iso2.MeteringReceiptReq(SessionID=session, MeterInfo=iso2.MeterInfo(MeterID="1")),
        iso2.WeldingDetectionReq: lambda: iso2.WeldingDetectionReq(DC_EVStatus=st),
        iso2.SessionStopReq: lambda: iso2.SessionStopReq(ChargingSession=iso2.chargingSession.Pause if pause else iso2.chargingSession.Terminate),
        iso2.CertificateUpdateReq: lambda: iso2.CertificateUpdateReq(
            Id="a", ContractSignatureCertChain=chain, eMAID="DE0ABC12345678", ListOfRootCertificateIDs=roots),
        iso2.CertificateInstallationReq: lambda: iso2.CertificateInstallationReq(Id="a", OEMProvisioningCert=b"x", ListOfRootCertificateIDs=roots),
    }
    return made[kind]()


REQUESTS = [getattr(iso2, name) for name in iso2.__all__ if name.endswith("Req")]
NEXT = {Evse.SessionSetup: iso2.SessionSetupReq, Evse.ServiceDiscovery: iso2.ServiceDiscoveryReq,
        Evse.PaymentServiceSelection: iso2.PaymentServiceSelectionReq, Evse.Authorization: iso2.AuthorizationReq,
        Evse.ChargeParameterDiscovery: iso2.ChargeParameterDiscoveryReq, Evse.CableCheck: iso2.CableCheckReq, Evse.PreCharge: iso2.PreChargeReq,
        Evse.PowerDelivery: iso2.PowerDeliveryReq, Evse.PowerDeliveryStart: iso2.PowerDeliveryReq, Evse.CurrentDemand: iso2.PowerDeliveryReq,
        Evse.ChargingStatus: iso2.PowerDeliveryReq, Evse.Renegotiation: iso2.ChargeParameterDiscoveryReq,
        Evse.PowerDeliveryRestart: iso2.PowerDeliveryReq, Evse.WeldingDetection: iso2.SessionStopReq, Evse.SessionStop: iso2.SessionStopReq}
"""What an ideal car asks next."""
SAME = {**NEXT, Evse.PowerDelivery: iso2.PreChargeReq, Evse.CurrentDemand: iso2.CurrentDemandReq, Evse.ChargingStatus: iso2.ChargingStatusReq,
        Evse.WeldingDetection: iso2.WeldingDetectionReq}
"""What a car asks again and again."""


class Iso2Bench(EvseBench):
    """`answers`: bodies of all responses. `ac`: the charger offers AC only."""

    def __init__(self, ac=False, follow=True, seed=1, paused_id=b"", **config):
        super().__init__(follow, seed)
        self.ac = ac
        self.contactor = True            # an AC contactor follows the wish at once
        if ac:
            config.setdefault("energy_transfer_modes", ["AC_single_phase_core", "AC_three_phase_core"])
        self.facts = EvseFacts(pilot=PilotState.B, output_voltage=None if ac else 0.0, output_current=None if ac else 0.0, isolation=1e6)
        self.machine = Iso2Evse(EvseConfig(**config), self.facts, Random(seed), paused_id)
        self.codec = codec.load()

    def ask(self, kind, session=None, after=50 * MS, body=None, signature=None, **fields):
        """The car's request, `after` ns later; the plant has followed until then."""
        self.run(after)
        own = self.machine.session_id
        session = own or bytes(8) if session is None else session
        body = body or request(kind, self.ac, **{"session": own, **fields})
        header = iso2.MessageHeader(SessionID=session, Signature=signature)
        self.machine.receive(iso2.V2G_Message(Header=header, Body=iso2.Body(BodyElement=body)), self.now)
        self._collect()
        if self.machine._pending and (self.follow or self.ac and self.contactor and self.machine._pending == self.machine._await_contactor):
            self.run(30 * MS)                                    # the current falls, the contactor moves, the answer comes
        return self

    def renegotiate(self):
        self.machine.renegotiate(self.now)
        return self

    def at(self, state):
        """Bring the machine into `state`; from CableCheck (AC: PowerDeliveryStart) on the car is in state C."""
        self.start()
        for _ in range(200):
            if self.state is state:
                return self
            self.forward(progress=Renegotiate if state in AGAIN and self.state in LOOPS else Stop if self.state in LOOPS else Start)
        raise AssertionError(f"did not reach {state}")

    def forward(self, progress=None):
        """One step of an ideal session."""
        state = self.state
        if state in (Evse.CableCheck, Evse.PowerDeliveryStart):
            self.facts.pilot = PilotState.C
        if state is Evse.PreCharge:
            self.ask(iso2.PreChargeReq, volts=BATTERY, amps=1.0)
        else:
            self.ask(NEXT[state], progress=progress or (Stop if state in LOOPS else Start))

    def _collect(self):
        sent = self.machine.outgoing()
        for message in sent:
            assert self.codec.decode("ISO2", self.codec.encode("ISO2", message)) == message
            self.answers.append(message.Body.BodyElement)
            self.headers.append(message.Header)
        super()._collect()
        if self.ac:
            self.facts.output_voltage = self.facts.output_current = None
            if self.contactor:
                self.facts.contactors_closed = self.machine.wants_ac

    @property
    def status(self):
        last = self.last
        for name in ("DC_EVSEStatus", "AC_EVSEStatus", "EVSEStatus"):
            for holder in (last, getattr(last, "EVSEChargeParameter", None)):
                if getattr(holder, name, None) is not None:
                    return getattr(holder, name)
        raise AssertionError(f"{type(last).__name__} has no status")
