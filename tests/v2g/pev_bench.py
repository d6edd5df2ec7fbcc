"""A car's machine with fake facts, and a charger that answers as told: any state in one call, time as a number."""
from __future__ import annotations

from exi_native.messages import din
from kernel.timer import MS
from tasks.machine import Checkpoint, Note
from tasks.messages import SessionEnded
from tasks.stop_reasons import StopReason
from tasks.v2g.config import EvConfig
from tasks.v2g.din_pev import DinPev
from tasks.v2g.din_pev_table import Pev
from tasks.v2g.facts import PevFacts
from tasks.v2g.physical import A, V, W, from_float

EVCCID = bytes.fromhex("020000000001")
SESSION = bytes.fromhex("1122334455667788")
OK = din.responseCode.OK
READY = din.DC_EVSEStatusCode.EVSE_Ready
ORDER = [Pev.SessionSetup, Pev.ServiceDiscovery, Pev.ServicePaymentSelection, Pev.ContractAuthentication,
         Pev.ChargeParameterDiscovery, Pev.WaitReady, Pev.CableCheck, Pev.PreCharge, Pev.WaitContactorsClosed,
         Pev.PowerDeliveryStart, Pev.CurrentDemand, Pev.PowerDeliveryStop, Pev.WaitContactorsOpen, Pev.WeldingDetection,
         Pev.SessionStop]
BATTERY = 360.0


def status(code=READY, isolation=din.isolationLevel.Valid, notification=din.EVSENotification.None_):
    return din.DC_EVSEStatus(EVSEIsolationStatus=isolation, EVSEStatusCode=code, NotificationMaxDelay=0, EVSENotification=notification)


def parameters(st=None, max_v=500.0, min_v=50.0, max_a=125.0, max_w=50000.0):
    return din.DC_EVSEChargeParameter(
        DC_EVSEStatus=st or status(), EVSEMaximumCurrentLimit=from_float(max_a, A), EVSEMaximumPowerLimit=from_float(max_w, W),
        EVSEMaximumVoltageLimit=from_float(max_v, V), EVSEMinimumCurrentLimit=from_float(0, A),
        EVSEMinimumVoltageLimit=from_float(min_v, V), EVSEPeakCurrentRipple=from_float(1, A))


def schedule(tuple_id=10):
    entry = din.PMaxScheduleEntry(TimeInterval=din.RelativeTimeInterval(start=0, duration=None), PMax=32767)
    return din.SAScheduleList(SAScheduleTuple=[din.SAScheduleTuple(
        SAScheduleTupleID=tuple_id, PMaxSchedule=din.PMaxSchedule(PMaxScheduleID=1, PMaxScheduleEntry=[entry]))])


def response(state, rc=OK, code=READY, finished=True, volts=BATTERY, amps=10.0, isolation=din.isolationLevel.Valid,
             notification=din.EVSENotification.None_, **more):
    """The charger's answer that `state` awaits."""
    st = status(code, isolation, notification)
    processing = din.EVSEProcessing.Finished if finished else din.EVSEProcessing.Ongoing
    if state is Pev.SessionSetup:
        return din.SessionSetupRes(ResponseCode=rc, EVSEID=b"\0")
    if state is Pev.ServiceDiscovery:
        return din.ServiceDiscoveryRes(
            ResponseCode=rc, PaymentOptions=din.PaymentOptions(PaymentOption=[din.paymentOption.ExternalPayment]),
            ChargeService=din.ServiceCharge(
                ServiceTag=din.ServiceTag(ServiceID=7, ServiceCategory=din.serviceCategory.EVCharging), FreeService=False,
                EnergyTransferType=din.EVSESupportedEnergyTransfer.DC_extended))
    if state is Pev.ServicePaymentSelection:
        return din.ServicePaymentSelectionRes(ResponseCode=rc)
    if state is Pev.ContractAuthentication:
        return din.ContractAuthenticationRes(ResponseCode=rc, EVSEProcessing=processing)
    if state is Pev.ChargeParameterDiscovery:
        return din.ChargeParameterDiscoveryRes(ResponseCode=rc, EVSEProcessing=processing, SASchedules=schedule(),
                                               EVSEChargeParameter=more.get("parameter") or parameters(st))
    if state is Pev.CableCheck:
        return din.CableCheckRes(ResponseCode=rc, DC_EVSEStatus=st, EVSEProcessing=processing)
    if state is Pev.PreCharge:
        return din.PreChargeRes(ResponseCode=rc, DC_EVSEStatus=st, EVSEPresentVoltage=from_float(volts, V))
    if state in (Pev.PowerDeliveryStart, Pev.PowerDeliveryStop):
        return din.PowerDeliveryRes(ResponseCode=rc, EVSEStatus=st)
    if state is Pev.CurrentDemand:
        return din.CurrentDemandRes(
            ResponseCode=rc, DC_EVSEStatus=st, EVSEPresentVoltage=from_float(volts, V), EVSEPresentCurrent=from_float(amps, A),
            EVSECurrentLimitAchieved=False, EVSEVoltageLimitAchieved=False, EVSEPowerLimitAchieved=False)
    if state is Pev.WeldingDetection:
        return din.WeldingDetectionRes(ResponseCode=rc, DC_EVSEStatus=st, EVSEPresentVoltage=from_float(volts, V))
    return din.SessionStopRes(ResponseCode=rc)


class PevBench:
    """`now` in ns. `sent`: bodies of all requests. The plant follows the wishes at once unless `follow` is off."""

    wire, response = din, staticmethod(response)

    def make(self, config):
        return DinPev(config, EVCCID, self.facts)

    def __init__(self, follow=True, **config):
        self.facts = PevFacts(current_limit=1000.0, inlet_voltage=0.0, battery_voltage=BATTERY, soc=50.0, target_voltage=400.0, target_current=100.0,
                              max_voltage=405.0, max_current=110.0, max_power=80000.0, capacity=30000.0, permission=True,
                              contactors_closed=False, lock_confirmed=False, pilot_c=False)
        self.machine = self.make(EvConfig(**config))
        self.follow = follow
        self.now = 1_000 * MS
        self.sent = []
        self.headers = []
        self.events = []

    @property
    def state(self):
        return self.machine.state

    @property
    def last(self):
        return self.sent[-1]

    def start(self):
        self.machine.start(self.now)
        self._collect()
        return self

    def answer(self, body=None, session=None, after=20 * MS, **fields):
        """The charger's answer to what is awaited, `after` ns later."""
        self.now += after
        body = body or self.response(self.state, **fields)
        session = SESSION if session is None else session
        wire = self.wire
        self.machine.receive(wire.V2G_Message(Header=wire.MessageHeader(SessionID=session), Body=wire.Body(BodyElement=body)), self.now)
        self._collect()
        return self

    def stop(self, reason, **more):
        self.machine.stop(reason, self.now, **more)
        self._collect()

    def wake(self, at):
        """handle_timer at the time `at`."""
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

    def until_sent(self):
        """To the next request."""
        count = len(self.sent)
        for _ in range(1000):
            if len(self.sent) > count:
                return self
            self.wake(max(self.machine.next_timer(), self.now))
        raise AssertionError("nothing was sent")

    def at(self, state):
        """Bring the machine into `state`, with its first request sent."""
        self.start()
        for _ in range(200):
            if self.state is state:
                return self
            self.forward()
        raise AssertionError(f"did not reach {state}")

    def forward(self):
        """One step of an ideal session; in CurrentDemand the person stops it."""
        state = self.state
        if self.machine.rows[state].response is None:
            self.wake(max(self.machine.next_timer(), self.now))
        elif not self.machine._exchange.awaiting:
            self.until_sent()
        elif state is Pev.PreCharge:
            self.facts.inlet_voltage = BATTERY
            self.answer()
        elif state in (Pev.CurrentDemand, Pev.ChargingStatus):
            self.stop(StopReason.USER_STOP)
            self.answer()
        elif state is Pev.WeldingDetection:
            self.answer(volts=10.0)
        else:
            self.answer()

    def _collect(self):
        for message in self.machine.outgoing():
            self.sent.append(message.Body.BodyElement)
            self.headers.append(message.Header)
        self.events += self.machine.events()
        if self.follow:
            m, f = self.machine, self.facts
            f.lock_confirmed, f.pilot_c, f.contactors_closed = m.wants_lock, m.wants_pilot_c, m.wants_contactors

    # --- what happened

    @property
    def ended(self):
        """(reason, normal) once the session is over, else None; never twice."""
        ends = [e for e in self.events if type(e) is SessionEnded]
        assert len(ends) <= 1
        return (ends[0].reason, ends[0].normal) if ends else None

    @property
    def released(self):
        m = self.machine
        return not (m.wants_lock or m.wants_pilot_c or m.wants_contactors)

    @property
    def checkpoints(self):
        return [e.number for e in self.events if type(e) is Checkpoint]

    @property
    def notes(self):
        return [e.text % e.args for e in self.events if type(e) is Note]
