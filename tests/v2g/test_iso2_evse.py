"""The charger's ISO 15118-2 machine: state x message, session ids, each refusal of the setup, cable check, sessions of test equipment."""
from __future__ import annotations

import pytest

from drivers.interfaces import PilotState
from exi_native.messages import iso2
from kernel.timer import MS, NEVER, S
from tasks.stop_reasons import StopReason as R
from tasks.v2g import timing as t
from tasks.v2g.config import EvseConfig
from tasks.v2g.evse_states import TEXTS, Evse
from tasks.v2g.iso2_evse_responses import REFUSALS
from tasks.v2g.iso2_evse_table import ACCEPTED, AGREED, LOOP, POWERED, SILENT
from tasks.v2g.iso2_values import from_float
from tasks.v2g.physical import A, V

from tests.v2g import recordings
from tests.v2g.evse_bench import BATTERY
from tests.v2g.evse_bench import ORDER as DIN_ORDER
from tests.v2g.iso2_evse_bench import AC, DC, REQUESTS, SAME, Iso2Bench, Mode, Renegotiate, Start, Stop, parameter, request

CODE = iso2.responseCode
STATUS = iso2.DC_EVSEStatusCode
STATES = [(False, s) for s in DC] + [(True, s) for s in AC]
NAMES = [("ac-" if ac else "dc-") + s.name for ac, s in STATES]
every_state = pytest.mark.parametrize("ac, state", STATES, ids=NAMES)


def value(pv):
    return pv.Value * 10.0 ** pv.Multiplier


# --- the table

def test_every_state_has_a_row_a_text_and_a_way_into_it():
    ends = {Evse.Idle, Evse.Ended}
    assert set(ACCEPTED) == ends | set(DC) | set(AC)
    assert set(Evse) == set(ACCEPTED) | set(DIN_ORDER)
    assert set(TEXTS) == set(Evse) and all(text and len(text) <= 20 for text in TEXTS.values())
    assert not ACCEPTED[Evse.Idle] and not ACCEPTED[Evse.Ended]
    assert LOOP < POWERED and not POWERED & SILENT and not AGREED & SILENT


def test_every_request_of_the_schema_is_answered_but_certificates():
    assert set(REQUESTS) - set(REFUSALS) == {iso2.CertificateUpdateReq, iso2.CertificateInstallationReq}
    assert set().union(*ACCEPTED.values()) == set(REFUSALS) - {iso2.PaymentDetailsReq}


@every_state
@pytest.mark.parametrize("kind", REQUESTS, ids=lambda k: k.__name__)
def test_state_times_message(ac, state, kind):
    bench = Iso2Bench(ac=ac).at(state)
    answers = len(bench.answers)
    starting = state in (Evse.PowerDelivery, Evse.PowerDeliveryStart, Evse.PowerDeliveryRestart)
    bench.facts.pilot = PilotState.C if state is Evse.PowerDeliveryStart else bench.facts.pilot
    bench.ask(kind, progress=Start if starting else Stop, volts=BATTERY)
    if kind in ACCEPTED[state]:
        assert len(bench.answers) == answers + 1
        assert bench.code in (CODE.OK, CODE.OK_NewSessionEstablished)
        assert bench.ended is None or kind is iso2.SessionStopReq
        return
    assert bench.ended == (R.SEQUENCE_ERROR, False) and bench.machine.next_timer() == NEVER
    assert bench.machine.wants_output is None and bench.machine.wants_ac is False
    if kind in REFUSALS:
        assert len(bench.answers) == answers + 1 and bench.code is CODE.FAILED_SequenceError
    else:
        assert len(bench.answers) == answers


@every_state
def test_each_response_has_the_name_of_its_request(ac, state):
    bench = Iso2Bench(ac=ac).at(state)
    for kind in REFUSALS:
        body = REFUSALS[kind](bench.machine, CODE.FAILED)
        assert type(body).__name__ == kind.__name__.replace("Req", "Res") and body.ResponseCode is CODE.FAILED
        message = iso2.V2G_Message(Header=iso2.MessageHeader(SessionID=bytes(8)), Body=iso2.Body(BodyElement=body))
        assert bench.codec.decode("ISO2", bench.codec.encode("ISO2", message)) == message


@pytest.mark.parametrize("progress, states", [
    (Start, {Evse.PowerDelivery, Evse.PowerDeliveryStart, Evse.PowerDeliveryRestart}), (Renegotiate, {Evse.CurrentDemand, Evse.ChargingStatus})])
@every_state
def test_progress_times_state(ac, state, progress, states):
    """Stop is accepted wherever PowerDeliveryReq is; the others have their places."""
    if iso2.PowerDeliveryReq not in ACCEPTED[state]:
        return
    bench = Iso2Bench(ac=ac).at(state)
    bench.facts.pilot = PilotState.C
    bench.ask(iso2.PowerDeliveryReq, progress=progress)
    if state in states:
        assert bench.code is CODE.OK and bench.ended is None
    else:
        assert bench.code is CODE.FAILED_SequenceError and bench.ended == (R.SEQUENCE_ERROR, False) and bench.machine.wants_output is None


@pytest.mark.parametrize("body", [iso2.SessionStopRes(ResponseCode=CODE.OK), None])
def test_messages_without_an_answer_end_the_session(body):
    bench = Iso2Bench().at(Evse.CurrentDemand)
    answers = len(bench.answers)
    bench.machine.receive(iso2.V2G_Message(Header=iso2.MessageHeader(SessionID=b""), Body=iso2.Body(BodyElement=body)), bench.now)
    bench._collect()
    assert bench.ended == (R.SEQUENCE_ERROR, False) and len(bench.answers) == answers and bench.machine.wants_output is None


def test_a_message_of_the_other_protocol_is_none():
    from exi_native.messages import din
    bench = Iso2Bench().at(Evse.CurrentDemand)
    body = din.CurrentDemandReq(DC_EVStatus=None, EVTargetCurrent=None, ChargingComplete=False, EVTargetVoltage=None)
    bench.machine.receive(din.V2G_Message(Header=din.MessageHeader(SessionID=bench.machine.session_id), Body=din.Body(BodyElement=body)), bench.now)
    bench._collect()
    assert bench.ended == (R.SEQUENCE_ERROR, False)


def test_idle_and_ended_machines_ignore():
    bench = Iso2Bench()
    bench.ask(iso2.SessionStopReq)
    bench.stop(R.USER_STOP)
    bench.renegotiate().machine.lost(R.TCP_RESET, 0)
    bench.machine.handle_timer(0)
    assert bench.machine.ignored == 1 and not bench.machine.events() and bench.machine.next_timer() == NEVER
    assert not bench.machine.wants_renegotiation


# --- session ids

@pytest.mark.parametrize("asked", [bytes(8), b"", b"\x01", b"\xde\xad\xbe\xef", b"\x01\x02\x03\x04\x05\x06\x07\x08"])
@pytest.mark.parametrize("paused_id", [b"", b"\x08\x07\x06\x05\x04\x03\x02\x01"])
def test_a_new_session_has_a_new_random_id_whatever_the_car_brings(asked, paused_id):
    ids = set()
    for seed in range(20):
        bench = Iso2Bench(seed=seed, paused_id=paused_id).start().ask(iso2.SessionSetupReq, session=asked)
        assert bench.code is CODE.OK_NewSessionEstablished and bench.last.EVSEID == "ZZ00000"
        ids.add(bench.headers[0].SessionID)
    assert len(ids) == 20 and asked not in ids and paused_id not in ids and all(len(i) == 8 and any(i) for i in ids)


def test_a_session_id_is_never_zero():
    bench = Iso2Bench()
    bench.machine._rng = type("Zero", (), {"getrandbits": lambda self, n: 0})()
    bench.start().ask(iso2.SessionSetupReq)
    assert any(bench.headers[0].SessionID)


@pytest.mark.parametrize("wrong", [bytes(8), b"", b"\xde\xad", None], ids=["zero", "none", "short", "cut"])
@pytest.mark.parametrize("ac, state", [s for s in STATES if s[1] is not Evse.SessionSetup], ids=[n for n in NAMES if "SessionSetup" not in n])
def test_foreign_session_id(ac, state, wrong):
    bench = Iso2Bench(ac=ac).at(state)
    bench.ask(SAME[state], session=bench.machine.session_id[:7] if wrong is None else wrong)
    assert bench.code is CODE.FAILED_UnknownSession and bench.ended == (R.UNKNOWN_SESSION, False)
    assert bench.machine.wants_output is None and not bench.machine.wants_ac


# --- the good case

def test_whole_dc_session():
    bench = Iso2Bench().at(Evse.CurrentDemand)
    bench.ask(iso2.CurrentDemandReq).ask(iso2.CurrentDemandReq)
    assert bench.machine.wants_output == (400.0, 100.0)
    last = bench.last
    assert value(last.EVSEPresentVoltage) == 400 and value(last.EVSEPresentCurrent) == 100
    assert (last.EVSEID, last.SAScheduleTupleID, last.ReceiptRequired, last.MeterInfo) == ("ZZ00000", 1, False, None)
    bench.ask(iso2.PowerDeliveryReq, progress=Stop)
    assert bench.machine.wants_output is None and bench.state is Evse.WeldingDetection
    bench.facts.pilot = PilotState.B
    bench.ask(iso2.WeldingDetectionReq).ask(iso2.SessionStopReq)
    assert bench.ended == (R.CAR_STOP, True) and bench.machine.next_timer() == NEVER and not bench.machine.paused
    assert {a.ResponseCode for a in bench.answers} == {CODE.OK, CODE.OK_NewSessionEstablished}
    assert bench.checkpoints == [505, 515, 525, 536, 545, 561, 565, 580, 575, 605, 705, 805, 855, 905]
    assert bench.machine.evccid == b"\x02\0\0\0\0\x01" and bench.machine.ev_soc == 50 and not bench.notes


@pytest.mark.parametrize("name, ac", [("ISO-2_DC_DS5366.pcapng", False), ("ISO-2_DC_BatteryDataExchange_DS5366_RiseV2G.pcapng", False),
                                      ("ISO-2_AC_DS5366.pcapng", True)])
def test_a_recorded_car_is_served(name, ac):
    """What cars of the test bench asked (a RISE V2G among them), in their order; only its extra service is not offered here."""
    if not (recordings.FOLDER / name).is_file():
        pytest.skip("no recording " + name)
    bodies = [m.Body.BodyElement for m in recordings.messages(name)]
    asked = [b for b in bodies if type(b).__name__.endswith("Req") and type(b) is not iso2.ServiceDetailReq]
    assert len(asked) > 8
    bench = Iso2Bench(ac=ac, max_voltage_v=1000.0, max_power_kw=150.0, max_current_a=500.0).start()
    for body in asked:
        kind = type(body)
        if kind is iso2.PaymentServiceSelectionReq:
            body.SelectedServiceList.SelectedService = body.SelectedServiceList.SelectedService[:1]
        if bench.state in (Evse.CableCheck, Evse.PowerDeliveryStart):
            bench.facts.pilot = PilotState.C
        if kind is iso2.WeldingDetectionReq:
            bench.facts.pilot = PilotState.B
        while kind is not iso2.CableCheckReq and bench.state is Evse.CableCheck:          # our insulation test may take longer than theirs
            bench.ask(iso2.CableCheckReq)
        if kind is iso2.CableCheckReq and bench.state is not Evse.CableCheck:             # or less long
            continue
        bench.ask(kind, body=body)
        assert bench.code in (CODE.OK, CODE.OK_NewSessionEstablished), (kind.__name__, bench.notes)
    assert bench.ended is not None and bench.ended[1] is True


# --- setup

def test_what_is_offered():
    bench = Iso2Bench().at(Evse.PaymentServiceSelection)
    assert bench.last.PaymentOptionList.PaymentOption == [iso2.paymentOption.ExternalPayment]
    service = bench.last.ChargeService
    assert (service.ServiceID, service.FreeService) == (1, True) and bench.last.ServiceList is None
    assert service.SupportedEnergyTransferMode.EnergyTransferMode == [Mode.DC_extended, Mode.DC_core]
    bench.ask(iso2.ServiceDetailReq, service=1)
    assert bench.code is CODE.OK and bench.last.ServiceID == 1 and bench.state is Evse.PaymentServiceSelection and 520 in bench.checkpoints
    every = [m.name for m in Mode]
    bench = Iso2Bench(energy_transfer_modes=every, authorisation_delay_ms=100).at(Evse.PaymentServiceSelection)
    assert [m.name for m in bench.last.ChargeService.SupportedEnergyTransferMode.EnergyTransferMode] == every
    assert not bench.last.ChargeService.FreeService


@pytest.mark.parametrize("fields, problem", [({"evse_id_text": "ZZ0000"}, "7 to 37"), ({"evse_id_text": "Z" * 38}, "7 to 37"),
                                             ({"energy_transfer_modes": []}, "at least one"), ({"energy_transfer_modes": ["DC_core"] * 2}, "once")])
def test_settings_that_no_message_could_carry(fields, problem):
    with pytest.raises(ValueError, match=problem):
        EvseConfig(**fields)


AC3, AC1, UNIQUE = Mode.AC_three_phase_core, Mode.AC_single_phase_core, Mode.DC_unique
WRONG_MODE = CODE.FAILED_WrongEnergyTransferMode
WRONG_VALUE = CODE.FAILED_WrongChargeParameter


@pytest.mark.parametrize("kind, fields, code, reason", [
    (iso2.ServiceDetailReq, {"service": 61000}, CODE.FAILED_ServiceIDInvalid, R.SEQUENCE_ERROR),
    (iso2.PaymentServiceSelectionReq, {"payment": iso2.paymentOption.Contract}, CODE.FAILED_PaymentSelectionInvalid, R.SEQUENCE_ERROR),
    (iso2.PaymentServiceSelectionReq, {"services": (9,)}, CODE.FAILED_ServiceSelectionInvalid, R.SEQUENCE_ERROR),
    (iso2.PaymentServiceSelectionReq, {"services": (1, 9)}, CODE.FAILED_ServiceSelectionInvalid, R.SEQUENCE_ERROR),
    (iso2.PaymentServiceSelectionReq, {"services": ()}, CODE.FAILED_NoChargeServiceSelected, R.SEQUENCE_ERROR),
    (iso2.ChargeParameterDiscoveryReq, {"mode": AC3}, WRONG_MODE, R.SEQUENCE_ERROR),
    (iso2.ChargeParameterDiscoveryReq, {"mode": UNIQUE}, WRONG_MODE, R.SEQUENCE_ERROR),
    (iso2.ChargeParameterDiscoveryReq, {"max_volts": 40.0}, WRONG_VALUE, R.INCOMPATIBLE_VOLTAGE),
    (iso2.ChargeParameterDiscoveryReq, {"max_volts": -1.0}, WRONG_VALUE, R.BAD_VALUE),
    (iso2.ChargeParameterDiscoveryReq, {"tuples": 0}, WRONG_VALUE, R.BAD_VALUE)])
def test_refusals_in_setup(kind, fields, code, reason):
    state = Evse.ChargeParameterDiscovery if kind is iso2.ChargeParameterDiscoveryReq else Evse.PaymentServiceSelection
    bench = Iso2Bench().at(state).ask(kind, **fields)
    assert bench.code is code and bench.ended == (reason, False)
    if kind is iso2.ServiceDetailReq:
        assert bench.last.ServiceID == 61000


@pytest.mark.parametrize("mode, given_ac", [(AC3, False), (Mode.DC_core, True), (Mode.DC_extended, None)])
def test_a_mode_with_the_parameters_of_another(mode, given_ac):
    bench = Iso2Bench(energy_transfer_modes=["DC_extended", "DC_core", "AC_three_phase_core"]).at(Evse.ChargeParameterDiscovery)
    body = iso2.ChargeParameterDiscoveryReq(RequestedEnergyTransferMode=mode,
                                            EVChargeParameter=iso2.EVChargeParameter() if given_ac is None else parameter(given_ac))
    bench.ask(type(body), body=body)
    assert bench.code is WRONG_VALUE and bench.ended == (R.BAD_VALUE, False)


@pytest.mark.parametrize("unit, multiplier, number", [("h", 0, 100), (None, 0, -1), (None, 4, 4), (None, -4, 4)], ids=["unit", "negative", "huge", "tiny"])
@pytest.mark.parametrize("ac, field", [(False, "EVMaximumVoltageLimit"), (False, "EVMaximumCurrentLimit"), (True, "EVMaxVoltage"), (True, "EVMaxCurrent"),
                                       (True, "EVMinCurrent"), (True, "EAmount")])
def test_impossible_parameters(ac, field, unit, multiplier, number):
    bench = Iso2Bench(ac=ac).at(Evse.ChargeParameterDiscovery)
    body = request(iso2.ChargeParameterDiscoveryReq, ac)
    own = getattr(body.EVChargeParameter, field).Unit
    pv = iso2.PhysicalValue(Multiplier=multiplier, Unit=iso2.unitSymbol[unit] if unit else own, Value=number)
    setattr(body.EVChargeParameter, field, pv)
    bench.ask(type(body), body=body)
    assert bench.code is WRONG_VALUE and bench.ended == (R.BAD_VALUE, False)


@pytest.mark.parametrize("tuples", [None, 1, 65535])
@pytest.mark.parametrize("config, watts", [({}, 50000), ({"max_power_kw": 350.0}, 350000), ({"max_power_kw": 1.0}, 1000)])
def test_one_schedule_of_a_day_with_the_power_limit(tuples, config, watts):
    bench = Iso2Bench(parameter_delay_ms=100, **config).at(Evse.ChargeParameterDiscovery)
    bench.ask(iso2.ChargeParameterDiscoveryReq, tuples=tuples)
    assert bench.last.EVSEProcessing is iso2.EVSEProcessing.Ongoing and bench.last.SASchedules is None
    bench.ask(iso2.ChargeParameterDiscoveryReq, tuples=tuples, after=100 * MS)
    assert bench.last.EVSEProcessing is iso2.EVSEProcessing.Finished and bench.state is Evse.CableCheck
    (only,) = bench.last.SASchedules.SAScheduleTuple
    (entry,) = only.PMaxSchedule.PMaxScheduleEntry
    assert only.SAScheduleTupleID == 1 and entry.PMax.Unit is iso2.unitSymbol.W and value(entry.PMax) == watts
    assert (entry.TimeInterval.start, entry.TimeInterval.duration) == (0, 86400)


def test_authorisation_waits_for_the_customer():
    bench = Iso2Bench(authorisation_delay_ms=3000).at(Evse.Authorization)
    begin = None
    while bench.state is Evse.Authorization:
        bench.ask(iso2.AuthorizationReq, after=250 * MS)
        begin = begin or bench.now
        words = iso2.EVSEProcessing
        assert bench.last.EVSEProcessing is (words.Ongoing_WaitingForCustomerInteraction if bench.now - begin < 3 * S else words.Finished)
    assert bench.now - begin == 3 * S and 535 in bench.checkpoints


def test_parameters_wait_for_the_power_stage_but_not_for_ever():
    bench = Iso2Bench(follow=False).at(Evse.ChargeParameterDiscovery)
    bench.facts.output_voltage = None
    begin = None
    while bench.ended is None:
        bench.ask(iso2.ChargeParameterDiscoveryReq, after=1 * S)
        begin = begin or bench.now
    assert bench.now - begin == t.V2G_SECC_Ongoing_Performance and bench.ended == (R.ONGOING_TIMEOUT, False)


# --- cable check: its steps are those of DIN 70121 (test_din_evse.py); here its words

def test_cable_check_says_what_it_does():
    bench = Iso2Bench().at(Evse.CableCheck)
    bench.facts.pilot = PilotState.C
    bench.ask(iso2.CableCheckReq)
    assert bench.last.EVSEProcessing is iso2.EVSEProcessing.Ongoing and bench.status.EVSEStatusCode is STATUS.EVSE_IsolationMonitoringActive
    assert bench.machine.wants_output == (460.0, 1.0)
    while bench.state is Evse.CableCheck:
        bench.ask(iso2.CableCheckReq)
    assert bench.last.EVSEProcessing is iso2.EVSEProcessing.Finished and bench.status.EVSEStatusCode is STATUS.EVSE_Ready
    assert bench.status.EVSEIsolationStatus is iso2.isolationLevel.Valid and bench.machine.wants_output is None


@pytest.mark.parametrize("ohm, level", [(300_000.0, iso2.isolationLevel.Warning), (99_000.0, iso2.isolationLevel.Fault)])
def test_bad_insulation(ohm, level):
    bench = Iso2Bench().at(Evse.CableCheck)
    bench.facts.pilot, bench.facts.isolation = PilotState.C, ohm
    while bench.state is Evse.CableCheck:
        bench.ask(iso2.CableCheckReq)
    assert bench.status.EVSEIsolationStatus is level
    if level is iso2.isolationLevel.Fault:
        assert bench.code is CODE.FAILED and bench.ended == (R.CABLE_CHECK_FAILED, False) and bench.status.EVSEStatusCode is STATUS.EVSE_Malfunction
    else:
        assert bench.state is Evse.PreCharge


def test_cable_check_without_state_c():
    bench = Iso2Bench().at(Evse.CableCheck)
    begin = bench.now + 50 * MS
    while bench.ended is None:
        bench.ask(iso2.CableCheckReq)
        assert bench.machine.wants_output is None
    assert bench.ended == (R.CABLE_CHECK_FAILED, False)
    assert t.V2G_SECC_CPState_Detection_Timeout <= bench.now - begin < t.V2G_SECC_CPState_Detection_Timeout + 100 * MS


def test_the_limits_that_are_told_are_those_of_the_configuration():
    bench = Iso2Bench(max_voltage_v=920.0, max_current_a=300.0, max_power_kw=150.0, min_voltage_v=150.0).at(Evse.CableCheck)
    told = bench.last.EVSEChargeParameter
    assert [value(v) for v in (told.EVSEMaximumVoltageLimit, told.EVSEMaximumCurrentLimit, told.EVSEMaximumPowerLimit, told.EVSEMinimumVoltageLimit)] == [
        920.0, 300.0, 150000.0, 150.0]
    assert told.EVSEMaximumVoltageLimit == from_float(920.0, V) and told.EVSEMinimumCurrentLimit == from_float(0.0, A)
    assert bench.machine.ev_max_voltage == 410.0 and not bench.machine.ac
