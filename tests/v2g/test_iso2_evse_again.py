"""The charger's ISO 15118-2 session that changes or comes back: renegotiation by either side; pause and resume through the whole task."""
from __future__ import annotations

from types import SimpleNamespace

from random import Random

import pytest

from drivers.interfaces import PilotState
from exi_native import codec
from exi_native.messages import appproto, iso2
from kernel.timer import MS, S
from tasks.connection.ladder import State
from tasks.messages import SessionEnded, SessionEstablished, TcpData, TcpSend
from tasks.stop_reasons import StopReason as R
from tasks.v2g import v2gtp
from tasks.v2g.config import EvseConfig
from tasks.v2g.evse_states import Evse
from tasks.v2g.protocols import DIN, ISO2, Protocol
from tasks.v2g.sides import EvseSide

from tests.connection.ladder_bench import UP, Bench
from tests.v2g.iso2_evse_bench import AC, DC, LOOPS, SAME, Iso2Bench, Mode, Renegotiate, Start, Stop, profile, request
from tests.v2g.pair import CONNECTED, End

CODE = iso2.responseCode
NOTE = iso2.EVSENotification
BOTH = pytest.mark.parametrize("ac, loop", [(False, Evse.CurrentDemand), (True, Evse.ChargingStatus)])


# --- renegotiation

@BOTH
@pytest.mark.parametrize("who", ["car", "charger"])
def test_parameters_are_agreed_anew_and_charging_goes_on(ac, loop, who):
    bench = Iso2Bench(ac=ac).at(loop).ask(SAME[loop])
    power = (bench.machine.wants_output, bench.machine.wants_ac)
    if who == "charger":
        bench.renegotiate().ask(SAME[loop])
        assert bench.status.EVSENotification is NOTE.ReNegotiation and bench.status.NotificationMaxDelay == 10 and 780 in bench.checkpoints
        bench.ask(SAME[loop])
        assert bench.status.EVSENotification is NOTE.ReNegotiation               # until the car does it
    before = list(bench.checkpoints)
    bench.ask(iso2.PowerDeliveryReq, progress=Renegotiate)
    assert bench.code is CODE.OK and bench.state is Evse.Renegotiation and bench.status.EVSENotification is NOTE.None_
    bench.ask(iso2.ChargeParameterDiscoveryReq)
    assert bench.last.SASchedules is not None and bench.state is Evse.PowerDeliveryRestart
    bench.ask(iso2.PowerDeliveryReq, progress=Start, plan=profile(1000.0))
    assert bench.code is CODE.OK and bench.state is loop
    bench.ask(SAME[loop])
    assert (bench.machine.wants_output, bench.machine.wants_ac) == power and bench.status.EVSENotification is NOTE.None_
    assert bench.checkpoints == [*before, 785]                                   # no cable check, no precharge
    bench.ask(iso2.PowerDeliveryReq, progress=Stop).ask(iso2.SessionStopReq)
    assert bench.ended == (R.CAR_STOP, True)


def test_the_output_holds_its_voltage_without_current_meanwhile():
    bench = Iso2Bench().at(Evse.CurrentDemand).ask(iso2.CurrentDemandReq)
    bench.machine.config.parameter_delay_ms = 20_000
    bench.ask(iso2.PowerDeliveryReq, progress=Renegotiate)
    begin = bench.now
    while bench.state is Evse.Renegotiation:
        assert bench.machine.wants_output == (400.0, 0.0)
        bench.ask(iso2.ChargeParameterDiscoveryReq, after=1 * S)
    assert bench.now - begin > 20 * S and bench.machine.wants_output == (400.0, 0.0) and bench.machine.wants_ac is False


def test_ac_flows_on_meanwhile():
    bench = Iso2Bench(ac=True).at(Evse.ChargingStatus)
    bench.machine.config.parameter_delay_ms = 20_000
    bench.ask(iso2.PowerDeliveryReq, progress=Renegotiate)
    while bench.state is Evse.Renegotiation:
        bench.ask(iso2.ChargeParameterDiscoveryReq, after=8 * S)
        assert bench.machine.wants_ac is True and bench.machine.wants_output is None


@pytest.mark.parametrize("ac, first, then", [(False, None, Mode.AC_single_phase_core), (True, Mode.AC_single_phase_core, Mode.DC_core)])
def test_the_kind_of_current_is_not_renegotiated(ac, first, then):
    bench = Iso2Bench(ac=ac, energy_transfer_modes=["AC_single_phase_core", "AC_three_phase_core", "DC_core", "DC_extended"])
    bench.at(Evse.ChargeParameterDiscovery).ask(iso2.ChargeParameterDiscoveryReq, mode=first)
    while bench.state not in LOOPS:
        bench.forward()
    bench.ask(iso2.PowerDeliveryReq, progress=Renegotiate).ask(iso2.ChargeParameterDiscoveryReq, mode=then)
    assert bench.code is CODE.FAILED_WrongEnergyTransferMode and bench.ended == (R.SEQUENCE_ERROR, False)
    assert bench.machine.wants_output is None and not bench.machine.wants_ac


def test_new_limits_count_after_a_renegotiation():
    bench = Iso2Bench().at(Evse.CurrentDemand).ask(iso2.CurrentDemandReq)
    bench.ask(iso2.PowerDeliveryReq, progress=Renegotiate).ask(iso2.ChargeParameterDiscoveryReq, max_volts=390.0, amps=20.0)
    bench.ask(iso2.PowerDeliveryReq, progress=Start).ask(iso2.CurrentDemandReq)
    assert bench.machine.wants_output == (390.0, 20.0)


def test_no_cable_check_and_no_precharge_on_a_battery():
    for kind in (iso2.CableCheckReq, iso2.PreChargeReq):
        bench = Iso2Bench().at(Evse.PowerDeliveryRestart).ask(kind)
        assert bench.code is CODE.FAILED_SequenceError and bench.machine.wants_output is None


def test_a_stop_is_louder_than_a_wish_to_renegotiate():
    bench = Iso2Bench().at(Evse.CurrentDemand).renegotiate()
    bench.stop(R.USER_STOP)
    bench.ask(iso2.CurrentDemandReq)
    assert bench.status.EVSENotification is NOTE.StopCharging and 780 not in bench.checkpoints
    bench = Iso2Bench().at(Evse.CurrentDemand)
    bench.stop(R.USER_STOP)
    assert not bench.renegotiate().machine.wants_renegotiation


@pytest.mark.parametrize("ac, state", [(False, s) for s in DC] + [(True, s) for s in AC])
def test_a_wish_before_the_loop_is_told_in_it(ac, state):
    agreed = {Evse.CableCheck, Evse.PreCharge, Evse.PowerDelivery, Evse.PowerDeliveryStart, Evse.PowerDeliveryRestart, *LOOPS}
    bench = Iso2Bench(ac=ac).at(state).renegotiate()
    assert bench.machine.wants_renegotiation is (state in agreed)
    if state in agreed:
        while bench.state not in LOOPS:
            bench.forward()
            assert bench.status.EVSENotification is NOTE.None_
        bench.ask(SAME[bench.state])
        assert bench.status.EVSENotification is NOTE.ReNegotiation


# --- pause

@pytest.mark.parametrize("ac, state", [(False, s) for s in DC if s is not Evse.SessionSetup] + [(True, s) for s in AC if s is not Evse.SessionSetup])
def test_a_pause_is_kept_once_the_session_is_authorised(ac, state):
    bench = Iso2Bench(ac=ac).at(state).ask(iso2.SessionStopReq, pause=True)
    kept = state not in (Evse.ServiceDiscovery, Evse.PaymentServiceSelection, Evse.Authorization)
    assert bench.code is CODE.OK and bench.machine.paused is kept
    assert bench.ended == (R.CAR_PAUSE if kept else R.CAR_STOP, True) and bench.machine.wants_output is None and not bench.machine.wants_ac


def test_a_pause_after_our_own_stop_is_an_end():
    bench = Iso2Bench().at(Evse.CurrentDemand)
    bench.stop(R.USER_STOP)
    bench.ask(iso2.PowerDeliveryReq, progress=Stop).ask(iso2.SessionStopReq, pause=True)
    assert bench.ended == (R.USER_STOP, True) and not bench.machine.paused


PAUSED = b"\x01\x02\x03\x04\x05\x06\x07\x08"


def test_an_old_session_is_joined_by_its_id_and_needs_no_second_authorisation():
    bench = Iso2Bench(paused_id=PAUSED, authorisation_delay_ms=50_000).start().ask(iso2.SessionSetupReq, session=PAUSED)
    assert bench.code is CODE.OK_OldSessionJoined and bench.headers[0].SessionID == PAUSED == bench.machine.session_id
    while bench.state is not Evse.CurrentDemand:
        bench.forward()
    assert 535 not in bench.checkpoints


class Charger:
    """A whole V2G task that speaks ISO 15118-2 (and DIN), and a car that writes octets."""

    def __init__(self, **config):
        self.codec = codec.load()
        config.setdefault("protocols", ["iso2", "din"])
        self.end = End(lambda s: EvseSide(s, EvseConfig(**config), Random(1)), self.codec)
        self.now = 0
        self.id = bytes(8)
        self.pilot = PilotState.C

    def tick(self, ticks=1):
        sent = []
        for _ in range(ticks):
            self.now += 10 * MS
            wanted = self.end.signals.output_request.get(self.now)
            self.end.set(self.now, pilot_state=self.pilot, output_voltage=wanted.voltage if wanted else 0.0, output_current=0.0, isolation=1e6)
            if self.end.due <= self.now or len(self.end.stream):     # as the kernel does
                self.end.due = self.end.task.run(self.now)
            self.end.told += self.end.connection.drain(64)
            sent += [item.data for item in self.end.tcp.drain(64) if type(item) is TcpSend]
        return sent

    def say(self, schema, message):
        self.end.stream.put(TcpData(v2gtp.emit(self.codec.encode(schema, message))))
        sent = self.tick(3)
        return self.codec.decode(schema, sent[-1][8:]) if sent else None

    def connect(self, protocol: Protocol = ISO2):
        self.end.stream.put(CONNECTED)
        offer = appproto.AppProtocol(ProtocolNamespace=protocol.namespace, VersionNumberMajor=protocol.major, VersionNumberMinor=0, SchemaID=5, Priority=1)
        answer = self.say("SAP", appproto.supportedAppProtocolReq(AppProtocol=[offer]))
        assert answer.SchemaID == 5
        return self

    def ask(self, kind, session=None, **fields):
        header = iso2.MessageHeader(SessionID=self.id if session is None else session)
        answer = self.say("ISO2", iso2.V2G_Message(Header=header, Body=iso2.Body(BodyElement=request(kind, **fields))))
        self.id = answer.Header.SessionID
        return answer.Body.BodyElement

    def charge(self, pause):
        """From the session's second message to its end."""
        for kind in (iso2.ServiceDiscoveryReq, iso2.PaymentServiceSelectionReq, iso2.AuthorizationReq, iso2.ChargeParameterDiscoveryReq):
            assert self.ask(kind).ResponseCode is CODE.OK
        while self.ask(iso2.CableCheckReq).EVSEProcessing is not iso2.EVSEProcessing.Finished:
            assert self.now < 1000 * S
        self.ask(iso2.PreChargeReq, volts=360.0)
        self.ask(iso2.PowerDeliveryReq)
        assert self.ask(iso2.CurrentDemandReq).ResponseCode is CODE.OK and self.end.signals.output_request.get(self.now).current == 100.0
        self.ask(iso2.PowerDeliveryReq, progress=Stop)
        assert self.end.signals.output_request.get(self.now) is None
        assert self.ask(iso2.SessionStopReq, pause=pause).ResponseCode is CODE.OK

    @property
    def ends(self):
        return [(e.reason, e.normal) for e in self.end.told if type(e) is SessionEnded]


def test_pause_and_resume_through_the_whole_task():
    charger = Charger().connect()
    assert charger.ask(iso2.SessionSetupReq, session=bytes(8)).ResponseCode is CODE.OK_NewSessionEstablished
    first = charger.id
    charger.charge(pause=True)
    assert charger.ends == [(R.CAR_PAUSE, True)] and [type(e) for e in charger.end.told] == [SessionEstablished, SessionEnded]
    charger.connect()
    assert charger.ask(iso2.SessionSetupReq, session=first).ResponseCode is CODE.OK_OldSessionJoined and charger.id == first
    charger.charge(pause=True)                                       # and once more
    charger.connect()
    assert charger.ask(iso2.SessionSetupReq, session=first).ResponseCode is CODE.OK_OldSessionJoined and charger.id == first
    charger.charge(pause=False)
    assert charger.ends == [(R.CAR_PAUSE, True)] * 2 + [(R.CAR_STOP, True)]
    charger.connect()                                                # terminated: the id is a thing of the past
    assert charger.ask(iso2.SessionSetupReq, session=first).ResponseCode is CODE.OK_NewSessionEstablished and charger.id != first


def paused():
    charger = Charger().connect()
    charger.ask(iso2.SessionSetupReq, session=bytes(8))
    charger.charge(pause=True)
    return charger


def test_a_paused_session_survives_a_connection_that_comes_to_nothing():
    charger = paused()
    first = charger.id
    charger.connect().connect()
    assert charger.ask(iso2.SessionSetupReq, session=first).ResponseCode is CODE.OK_OldSessionJoined and charger.id == first


@pytest.mark.parametrize("wrong", [bytes(8), b"", b"\x01", None])
def test_another_id_begins_a_new_session_and_ends_the_paused_one(wrong):
    charger = paused()
    first = charger.id
    charger.connect()
    assert charger.ask(iso2.SessionSetupReq, session=first[:7] if wrong is None else wrong).ResponseCode is CODE.OK_NewSessionEstablished
    assert charger.id not in (first, bytes(8)) and len(charger.id) == 8
    charger.connect()
    assert charger.ask(iso2.SessionSetupReq, session=first).ResponseCode is CODE.OK_NewSessionEstablished


@pytest.mark.parametrize("connected_before", [False, True])
def test_a_plug_that_was_pulled_ends_the_pause(connected_before):
    charger = paused()
    first = charger.id
    if connected_before:
        charger.connect()
    charger.pilot = PilotState.A
    charger.tick(50)                                                 # half a second: nobody is quicker with a plug
    charger.pilot = PilotState.C
    charger.connect()
    assert charger.ask(iso2.SessionSetupReq, session=first).ResponseCode is CODE.OK_NewSessionEstablished and charger.id != first


def test_either_protocol_is_spoken_as_agreed():
    charger = Charger().connect(DIN)
    charger.tick()
    assert charger.end.state == "SessionSetup" and type(charger.end.task.side._machine).__name__ == "DinEvse"
    charger.connect(ISO2)
    assert type(charger.end.task.side._machine).__name__ == "Iso2Evse"


def test_the_messages_of_iso2_are_not_loaded_where_it_is_not_configured():
    loaded = []
    for protocols in (["din"], ["din", "iso2"]):
        side = Charger(protocols=protocols).end.task.side
        codec = SimpleNamespace(prepare=loaded.append)
        side.prepare(codec)
    assert loaded == ["DIN", "DIN", "ISO2"]


# --- receipts that the charger asks for

def test_a_receipt_is_asked_for_in_each_response_until_it_comes_and_then_after_the_interval():
    bench = Iso2Bench(receipt_interval_s=5).at(Evse.CurrentDemand)
    bench.facts.session_energy = 1500.7
    bench.ask(iso2.CurrentDemandReq, after=4 * S)
    assert bench.last.ReceiptRequired is False and bench.last.MeterInfo is None
    for _ in range(2):
        bench.ask(iso2.CurrentDemandReq, after=2 * S)
        assert bench.last.ReceiptRequired and bench.last.MeterInfo.MeterReading == 1500 and bench.last.MeterInfo.MeterID == "ZZ00000"
    receipt = iso2.MeteringReceiptReq(SessionID=bench.machine.session_id, MeterInfo=bench.last.MeterInfo)
    bench.ask(iso2.MeteringReceiptReq, body=receipt).ask(iso2.CurrentDemandReq)
    assert bench.code is CODE.OK and bench.last.ReceiptRequired is False
    bench.ask(iso2.CurrentDemandReq, after=4 * S).ask(iso2.CurrentDemandReq, after=2 * S)
    assert bench.last.ReceiptRequired
    bench.stop(R.USER_STOP)
    bench.ask(iso2.CurrentDemandReq)
    assert bench.last.ReceiptRequired is False, "the end goes first"


def test_another_reading_in_a_receipt_is_told():
    bench = Iso2Bench(receipt_interval_s=1).at(Evse.CurrentDemand)
    bench.facts.session_energy = 10.0
    bench.ask(iso2.CurrentDemandReq, after=2 * S)
    bench.ask(iso2.MeteringReceiptReq, body=iso2.MeteringReceiptReq(SessionID=bench.machine.session_id, MeterInfo=iso2.MeterInfo(MeterID="1", MeterReading=11)))
    assert bench.code is CODE.OK and any("11 Wh, the reading was 10 Wh" in note for note in bench.notes)
