"""The charger's machine: state x message, each refusal, setup, cable check."""
from __future__ import annotations

import pytest

from drivers.interfaces import PilotState
from exi_native.messages import din
from kernel.timer import MS, NEVER, S
from tasks.stop_reasons import StopReason as R
from tasks.v2g import timing as t
from tasks.v2g.cable_check import cable_check_voltage
from tasks.v2g.din_evse_responses import REFUSALS
from tasks.v2g.din_evse_table import ACCEPTED, TEXTS, Evse

from tests.v2g.evse_bench import BATTERY, ORDER, EvseBench

CODE = din.responseCode
STATUS = din.DC_EVSEStatusCode
FINISHED = din.EVSEProcessing.Finished
ONGOING = din.EVSEProcessing.Ongoing


def value(pv):
    return pv.Value * 10.0 ** pv.Multiplier


# --- the table

def test_every_state_has_a_row_a_short_text_and_a_way_into_it():
    assert set(ACCEPTED) == {Evse.Idle, Evse.Ended, *ORDER} and set(TEXTS) == set(Evse)
    assert all(text and len(text) <= 20 for text in TEXTS.values())


@pytest.mark.parametrize("state", ORDER)
def test_every_state_is_reached(state):
    bench = EvseBench().at(state)
    assert bench.ended is None and bench.machine.next_timer() != NEVER


@pytest.mark.parametrize("state", ORDER)
@pytest.mark.parametrize("kind", list(REFUSALS), ids=lambda k: k.__name__)
def test_state_times_message(state, kind):
    bench = EvseBench().at(state)
    answers = len(bench.answers)
    bench.ask(kind, start=state is Evse.PowerDelivery, volts=BATTERY)
    assert len(bench.answers) == answers + 1
    if kind in ACCEPTED[state]:
        assert bench.code in (CODE.OK, CODE.OK_NewSessionEstablished)
        assert bench.ended is None or kind is din.SessionStop
    else:
        assert bench.code is CODE.FAILED_SequenceError and bench.ended == (R.SEQUENCE_ERROR, False)
        assert bench.machine.wants_output is None and bench.machine.next_timer() == NEVER


@pytest.mark.parametrize("state", ORDER[1:])
def test_foreign_session_id(state):
    bench = EvseBench().at(state)
    kind = next(iter(ACCEPTED[state] - {din.SessionStop, din.PowerDeliveryReq} or {din.PowerDeliveryReq}))
    bench.ask(kind, session=b"\xde\xad")
    assert bench.code is CODE.FAILED_UnknownSession and bench.ended == (R.UNKNOWN_SESSION, False) and bench.machine.wants_output is None


@pytest.mark.parametrize("body", [
    din.ChargingStatusReq(), din.CertificateInstallationReq(OEMProvisioningCert=b"", ListOfRootCertificateIDs=din.ListOfRootCertificateIDs(
        RootCertificateID=["x"]), DHParams=b""), din.SessionStopRes(ResponseCode=CODE.OK), None])
def test_messages_without_an_answer_end_the_session(body):
    bench = EvseBench().at(Evse.CurrentDemand)
    answers = len(bench.answers)
    bench.machine.receive(din.V2G_Message(Header=din.MessageHeader(SessionID=b""), Body=din.Body(BodyElement=body)), bench.now)
    bench._collect()
    assert bench.ended == (R.SEQUENCE_ERROR, False) and len(bench.answers) == answers and bench.machine.wants_output is None


def test_idle_and_ended_machines_ignore():
    bench = EvseBench()
    bench.ask(din.SessionStop)
    bench.stop(R.USER_STOP)
    bench.machine.lost(R.TCP_RESET, 0)
    bench.machine.handle_timer(0)
    assert bench.machine.ignored == 1 and not bench.machine.events() and bench.machine.next_timer() == NEVER


# --- the good case

def test_whole_session():
    bench = EvseBench().at(Evse.CurrentDemand)
    bench.ask(din.CurrentDemandReq).ask(din.CurrentDemandReq)
    assert bench.machine.wants_output == (400.0, 100.0)
    assert value(bench.last.EVSEPresentVoltage) == 400 and value(bench.last.EVSEPresentCurrent) == 100
    bench.ask(din.PowerDeliveryReq, start=False)
    assert bench.machine.wants_output is None and bench.state is Evse.WeldingDetection
    bench.facts.pilot = PilotState.B
    bench.ask(din.WeldingDetectionReq).ask(din.SessionStop)
    assert bench.ended == (R.CAR_STOP, True) and bench.machine.next_timer() == NEVER
    assert {a.ResponseCode for a in bench.answers} == {CODE.OK, CODE.OK_NewSessionEstablished}
    assert bench.checkpoints == [505, 515, 525, 536, 545, 561, 565, 580, 575, 605, 705, 805, 855, 905]
    assert bench.machine.evccid == b"\x02\0\0\0\0\x01" and bench.machine.ev_soc == 50


def test_session_ids_are_random_eight_octets_and_not_zero():
    ids = set()
    for seed in range(20):
        bench = EvseBench(seed=seed).start().ask(din.SessionSetupReq)
        ids.add(bench.headers[0].SessionID)
    assert len(ids) == 20 and all(len(i) == 8 and any(i) for i in ids)
    bench = EvseBench()
    bench.machine._rng = type("Zero", (), {"getrandbits": lambda self, n: 0})()
    bench.start().ask(din.SessionSetupReq)
    assert any(bench.headers[0].SessionID)


def test_schedule_and_status_that_cars_need():
    bench = EvseBench().at(Evse.CableCheck)
    entry = bench.last.SASchedules.SAScheduleTuple[0]
    assert entry.SAScheduleTupleID == 1 and entry.PMaxSchedule.PMaxScheduleEntry[0].PMax == 32767      # BMW, Togg
    bench.facts.pilot = PilotState.C
    while bench.state is Evse.CableCheck:
        bench.ask(din.CableCheckReq)
    assert bench.last.EVSEProcessing is FINISHED and bench.status.EVSEStatusCode is STATUS.EVSE_Ready  # Audi Q4
    assert bench.status.EVSEIsolationStatus is din.isolationLevel.Valid


@pytest.mark.parametrize("complete, error, reason", [
    (False, din.DC_EVErrorCode.NO_ERROR, R.CAR_STOP), (True, din.DC_EVErrorCode.NO_ERROR, R.BATTERY_FULL),
    (False, din.DC_EVErrorCode.FAILED_ChargingCurrentdifferential, R.CAR_ERROR)])      # an Ioniq without current says so after 600 s
def test_why_the_car_ended(complete, error, reason):
    bench = EvseBench().at(Evse.CurrentDemand)
    bench.ask(din.CurrentDemandReq, error=error, complete=complete)
    if reason is R.CAR_ERROR:
        assert bench.machine.wants_output[1] == 0.0
    bench.ask(din.PowerDeliveryReq, start=False, complete=complete).ask(din.SessionStop)
    assert bench.ended == (reason, True)


# --- setup

@pytest.mark.parametrize("kind, fields, code, reason", [
    (din.ServicePaymentSelectionReq, {"payment": din.paymentOption.Contract}, CODE.FAILED_PaymentSelectionInvalid, R.SEQUENCE_ERROR),
    (din.ServicePaymentSelectionReq, {"service": 9}, CODE.FAILED_ServiceSelectionInvalid, R.SEQUENCE_ERROR),
    (din.ChargeParameterDiscoveryReq, {"transfer": din.EVRequestedEnergyTransfer.AC_three_phase_core}, CODE.FAILED_WrongEnergyTransferType,
     R.SEQUENCE_ERROR),
    (din.ChargeParameterDiscoveryReq, {"max_volts": 40.0}, CODE.FAILED_WrongChargeParameter, R.INCOMPATIBLE_VOLTAGE),
    (din.ChargeParameterDiscoveryReq, {"max_volts": -1.0}, CODE.FAILED_WrongChargeParameter, R.BAD_VALUE)])
def test_refusals_in_setup(kind, fields, code, reason):
    state = Evse.ServicePaymentSelection if kind is din.ServicePaymentSelectionReq else Evse.ChargeParameterDiscovery
    bench = EvseBench().at(state).ask(kind, **fields)
    assert bench.code is code and bench.ended == (reason, False)


def test_authorisation_takes_its_time():
    bench = EvseBench(authorisation_delay_ms=3000).at(Evse.ContractAuthentication)
    begin = None
    while bench.state is Evse.ContractAuthentication:
        bench.ask(din.ContractAuthenticationReq, after=250 * MS)
        begin = begin or bench.now
        assert bench.last.EVSEProcessing is (ONGOING if bench.now - begin < 3 * S else FINISHED)
    assert bench.now - begin == 3 * S and 535 in bench.checkpoints


def test_parameters_wait_for_the_power_stage_but_not_for_ever():
    bench = EvseBench(follow=False).at(Evse.ChargeParameterDiscovery)
    bench.facts.output_voltage = None
    begin = None
    while bench.ended is None:
        bench.ask(din.ChargeParameterDiscoveryReq, after=1 * S)
        begin = begin or bench.now
    assert bench.now - begin == t.V2G_SECC_Ongoing_Performance and bench.ended == (R.ONGOING_TIMEOUT, False)


# --- cable check

@pytest.mark.parametrize("ev, evse, volts", [(410, 1000, 460), (410, 420, 420), (480, 1000, 500), (800, 1000, 880), (920, 1000, 1000)])
def test_cable_check_voltage_s13(ev, evse, volts):
    assert cable_check_voltage(ev, evse) == pytest.approx(volts)


def test_cable_check_raises_measures_discharges():
    bench = EvseBench(follow=False).at(Evse.CableCheck)
    bench.facts.pilot = PilotState.C
    bench.ask(din.CableCheckReq)
    assert bench.last.EVSEProcessing is ONGOING and bench.status.EVSEStatusCode is STATUS.EVSE_IsolationMonitoringActive
    assert bench.machine.wants_output == (460.0, 1.0)
    bench.run(2 * S)
    assert bench.machine.wants_output is not None                    # voltage not reached yet
    bench.facts.output_voltage, bench.facts.isolation = 455.0, None
    bench.run(2 * S)
    assert bench.machine.wants_output is not None                    # insulation unknown
    bench.facts.isolation = 300_000.0
    bench.run(1100 * MS)
    assert bench.machine.wants_output is None                        # measured: discharge
    bench.ask(din.CableCheckReq)
    assert bench.last.EVSEProcessing is ONGOING                      # 60 V before Finished
    bench.facts.output_voltage = 59.0
    bench.run(50 * MS).ask(din.CableCheckReq)
    assert bench.last.EVSEProcessing is FINISHED and bench.status.EVSEIsolationStatus is din.isolationLevel.Warning
    assert bench.state is Evse.PreCharge


def failed_cable_check(bench):
    assert bench.code is CODE.FAILED and bench.ended == (R.CABLE_CHECK_FAILED, False) and bench.machine.wants_output is None
    assert bench.status.EVSEIsolationStatus is din.isolationLevel.Fault and bench.status.EVSEStatusCode is STATUS.EVSE_Malfunction


@pytest.mark.parametrize("volts", [0.0, 455.0])
def test_a_cable_check_without_its_voltmeter_fails_after_three_seconds(volts):
    """And not after the 38 s that a slow one may take; a gap that ends in time is none."""
    bench = EvseBench(follow=False).at(Evse.CableCheck)
    bench.facts.pilot = PilotState.C
    bench.facts.output_voltage = volts
    bench.ask(din.CableCheckReq)
    for known in (None, volts, None):
        bench.facts.output_voltage = known
        bench.run(t.MEASUREMENT_LIMIT - 100 * MS)
    assert bench.ask(din.CableCheckReq).ended is None
    begin = bench.now
    while bench.ended is None:
        bench.ask(din.CableCheckReq)
    failed_cable_check(bench)
    assert bench.now - begin <= 200 * MS and any("output voltage unknown for 3 s" in note for note in bench.notes)


def test_insulation_fault():
    bench = EvseBench().at(Evse.CableCheck)
    bench.facts.pilot, bench.facts.isolation = PilotState.C, 99_000.0
    while bench.ended is None:
        bench.ask(din.CableCheckReq)
    failed_cable_check(bench)
    assert bench.facts.output_voltage == 0.0


@pytest.mark.parametrize("pilot", [PilotState.B, None])
def test_cable_check_without_state_c(pilot):
    bench = EvseBench().at(Evse.CableCheck)
    bench.facts.pilot = pilot
    begin = bench.now + 50 * MS
    bench.ask(din.CableCheckReq)
    while bench.ended is None:
        assert bench.machine.wants_output is None
        bench.ask(din.CableCheckReq)
    failed_cable_check(bench)
    assert bench.now - begin >= t.V2G_SECC_CPState_Detection_Timeout > bench.now - begin - 100 * MS


def test_car_that_leaves_state_c_in_cable_check():
    bench = EvseBench().at(Evse.CableCheck)
    bench.facts.pilot = PilotState.C
    bench.ask(din.CableCheckReq)
    bench.facts.pilot = PilotState.B
    bench.run(40 * MS)
    assert bench.machine.wants_output is None
    bench.ask(din.CableCheckReq)
    failed_cable_check(bench)


def test_cable_check_is_bounded():
    bench = EvseBench(follow=False).at(Evse.CableCheck)
    bench.facts.pilot = PilotState.C
    begin = bench.now + 1 * S
    while bench.ended is None:
        bench.ask(din.CableCheckReq, after=1 * S)
    failed_cable_check(bench)
    assert bench.now - begin == t.V2G_SECC_CableCheck_Performance
