"""The ISO 15118-2 car's machine with fake facts, and a charger that answers as told."""
from __future__ import annotations

from exi_native.messages import iso2
from tasks.v2g.iso2_pev import Iso2Pev
from tasks.v2g.iso2_values import from_float
from tasks.v2g.pev_states import Pev
from tasks.v2g.physical import A, V, W
from tests.v2g.pev_bench import BATTERY, EVCCID, PevBench

OK = iso2.responseCode.OK
READY = iso2.DC_EVSEStatusCode.EVSE_Ready
NONE = iso2.EVSENotification.None_
BEGINNING = [Pev.SessionSetup, Pev.ServiceDiscovery, Pev.PaymentServiceSelection, Pev.Authorization, Pev.ChargeParameterDiscovery, Pev.WaitReady]
DC = BEGINNING + [Pev.CableCheck, Pev.PreCharge, Pev.WaitContactorsClosed, Pev.PowerDeliveryStart, Pev.CurrentDemand, Pev.PowerDeliveryStop,
                  Pev.WaitContactorsOpen, Pev.WeldingDetection, Pev.SessionStop]
AC = BEGINNING + [Pev.PowerDeliveryStart, Pev.ChargingStatus, Pev.PowerDeliveryStop, Pev.SessionStop]
AC_MODES = {"energy_transfer_modes": ["AC_three_phase_core", "AC_single_phase_core"]}


def status(code=READY, isolation=iso2.isolationLevel.Valid, notification=NONE):
    return iso2.DC_EVSEStatus(NotificationMaxDelay=0, EVSENotification=notification, EVSEIsolationStatus=isolation, EVSEStatusCode=code)


def ac_status(notification=NONE, rcd=False):
    return iso2.AC_EVSEStatus(NotificationMaxDelay=0, EVSENotification=notification, RCD=rcd)


def parameters(st=None, max_v=500.0, min_v=50.0, max_a=125.0, max_w=50000.0):
    return iso2.DC_EVSEChargeParameter(
        DC_EVSEStatus=st or status(), EVSEMaximumCurrentLimit=from_float(max_a, A), EVSEMaximumPowerLimit=from_float(max_w, W),
        EVSEMaximumVoltageLimit=from_float(max_v, V), EVSEMinimumCurrentLimit=from_float(0, A), EVSEMinimumVoltageLimit=from_float(min_v, V),
        EVSEPeakCurrentRipple=from_float(1, A))


def ac_parameters(st=None, volts=230.0, amps=16.0):
    return iso2.AC_EVSEChargeParameter(AC_EVSEStatus=st or ac_status(), EVSENominalVoltage=from_float(volts, V), EVSEMaxCurrent=from_float(amps, A))


def schedule(*entries, tuple_id=7):
    """`entries`: (start in s, W)."""
    made = [iso2.PMaxScheduleEntry(TimeInterval=iso2.RelativeTimeInterval(start=start, duration=None), PMax=from_float(watts, W))
            for start, watts in entries or ((0, 60000.0),)]
    return iso2.SAScheduleList(SAScheduleTuple=[iso2.SAScheduleTuple(SAScheduleTupleID=tuple_id, PMaxSchedule=iso2.PMaxSchedule(PMaxScheduleEntry=made))])


def response(state, rc=OK, code=READY, finished=True, volts=BATTERY, amps=10.0, isolation=iso2.isolationLevel.Valid, notification=NONE,
             modes=("DC_extended", "DC_core"), ac=False, receipt=False, **more):
    """The charger's answer that `state` awaits."""
    st = status(code, isolation, notification)
    processing = iso2.EVSEProcessing.Finished if finished else more.get("processing", iso2.EVSEProcessing.Ongoing)
    meter = iso2.MeterInfo(MeterID="meter", MeterReading=1234) if receipt else None
    if state is Pev.SessionSetup:
        return iso2.SessionSetupRes(ResponseCode=rc, EVSEID="DE*ABC*E123")
    if state is Pev.ServiceDiscovery:
        return iso2.ServiceDiscoveryRes(
            ResponseCode=rc, PaymentOptionList=iso2.PaymentOptionList(PaymentOption=[iso2.paymentOption.ExternalPayment]),
            ChargeService=iso2.ChargeService(
                ServiceID=9, ServiceCategory=iso2.serviceCategory.EVCharging, FreeService=True,
                SupportedEnergyTransferMode=iso2.SupportedEnergyTransferMode(EnergyTransferMode=[iso2.EnergyTransferMode[m] for m in modes])))
    if state is Pev.ServiceDetail:
        return iso2.ServiceDetailRes(ResponseCode=rc, ServiceID=9)
    if state is Pev.PaymentServiceSelection:
        return iso2.PaymentServiceSelectionRes(ResponseCode=rc)
    if state is Pev.Authorization:
        return iso2.AuthorizationRes(ResponseCode=rc, EVSEProcessing=processing)
    if state is Pev.ChargeParameterDiscovery:
        parameter = more.get("parameter") or (ac_parameters(ac_status(notification)) if ac else parameters(st))
        return iso2.ChargeParameterDiscoveryRes(ResponseCode=rc, EVSEProcessing=processing, SASchedules=more.get("schedules") or schedule(),
                                                EVSEChargeParameter=parameter)
    if state is Pev.CableCheck:
        return iso2.CableCheckRes(ResponseCode=rc, DC_EVSEStatus=st, EVSEProcessing=processing)
    if state is Pev.PreCharge:
        return iso2.PreChargeRes(ResponseCode=rc, DC_EVSEStatus=st, EVSEPresentVoltage=from_float(volts, V))
    if state in (Pev.PowerDeliveryStart, Pev.PowerDeliveryStop, Pev.PowerDeliveryRenegotiate):
        return iso2.PowerDeliveryRes(ResponseCode=rc, EVSEStatus=ac_status(notification) if ac else st)
    if state is Pev.CurrentDemand:
        return iso2.CurrentDemandRes(
            ResponseCode=rc, DC_EVSEStatus=st, EVSEPresentVoltage=from_float(volts, V), EVSEPresentCurrent=from_float(amps, A),
            EVSECurrentLimitAchieved=False, EVSEVoltageLimitAchieved=False, EVSEPowerLimitAchieved=False, EVSEID="DE*ABC*E123",
            SAScheduleTupleID=7, MeterInfo=meter, ReceiptRequired=receipt or None)
    if state is Pev.ChargingStatus:
        return iso2.ChargingStatusRes(
            ResponseCode=rc, EVSEID="DE*ABC*E123", SAScheduleTupleID=7, EVSEMaxCurrent=more.get("max_current"), MeterInfo=meter,
            ReceiptRequired=receipt or None, AC_EVSEStatus=ac_status(notification, more.get("rcd", False)))
    if state is Pev.MeteringReceipt:
        return iso2.MeteringReceiptRes(ResponseCode=rc, EVSEStatus=ac_status(notification) if ac else st)
    if state is Pev.WeldingDetection:
        return iso2.WeldingDetectionRes(ResponseCode=rc, DC_EVSEStatus=st, EVSEPresentVoltage=from_float(volts, V))
    return iso2.SessionStopRes(ResponseCode=rc)


class Iso2PevBench(PevBench):
    """PevBench with the other machine. `ac`: the charger is an AC post."""

    wire = iso2

    def __init__(self, follow=True, ac=False, resume=b"", **config):
        self.ac = ac
        self.resume = resume
        super().__init__(follow, **(AC_MODES | config if ac else config))

    def make(self, config):
        return Iso2Pev(config, EVCCID, self.facts, self.resume)

    def response(self, state, **fields):
        if self.ac:
            fields = {"ac": True, "modes": ("AC_three_phase_core",)} | fields
        return response(state, **fields)
