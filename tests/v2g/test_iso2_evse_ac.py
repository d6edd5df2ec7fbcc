"""The charger's ISO 15118-2 machine in AC: parameters, state C before power, the charge loop, receipts, the end."""
from __future__ import annotations

import pytest

from drivers.interfaces import PilotState
from exi_native.messages import iso2
from kernel.timer import MS, NEVER, S
from tasks.stop_reasons import StopReason as R
from tasks.v2g import timing as t
from tasks.v2g.evse_states import Evse

from tests.v2g.iso2_evse_bench import Iso2Bench, Mode, Stop, profile

CODE = iso2.responseCode


def value(pv):
    return pv.Value * 10.0 ** pv.Multiplier


def signature():
    method = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
    return iso2.Signature(SignatureValue=iso2.SignatureValue(value=b"x"), SignedInfo=iso2.SignedInfo(
        CanonicalizationMethod=iso2.CanonicalizationMethod(Algorithm=method), SignatureMethod=iso2.SignatureMethod(Algorithm=method), Reference=[
            iso2.Reference(DigestMethod=iso2.DigestMethod(Algorithm=method), DigestValue=b"x")]))


def test_whole_ac_session():
    bench = Iso2Bench(ac=True).at(Evse.ChargingStatus)
    for _ in range(3):
        bench.ask(iso2.ChargingStatusReq, after=10 * S)
        assert bench.code is CODE.OK and bench.machine.wants_ac is True and bench.machine.wants_output is None
    last = bench.last
    assert (last.EVSEID, last.SAScheduleTupleID, last.ReceiptRequired, last.MeterInfo) == ("ZZ00000", 1, False, None)
    assert value(last.EVSEMaxCurrent) == 16.0
    assert last.AC_EVSEStatus == iso2.AC_EVSEStatus(NotificationMaxDelay=0, EVSENotification=iso2.EVSENotification.None_, RCD=False)
    bench.ask(iso2.MeteringReceiptReq)
    assert bench.code is CODE.OK and bench.state is Evse.ChargingStatus and bench.machine.wants_ac is True
    bench.ask(iso2.PowerDeliveryReq, progress=Stop)
    assert bench.machine.wants_ac is False and bench.state is Evse.SessionStop and type(bench.status) is iso2.AC_EVSEStatus
    bench.ask(iso2.SessionStopReq)
    assert bench.ended == (R.CAR_STOP, True) and bench.machine.next_timer() == NEVER
    assert {a.ResponseCode for a in bench.answers} == {CODE.OK, CODE.OK_NewSessionEstablished}
    assert bench.checkpoints == [505, 515, 525, 536, 545, 605, 705, 720, 805, 905] and not bench.notes


@pytest.mark.parametrize("mode, config, watts", [
    (Mode.AC_single_phase_core, {}, 3680), (Mode.AC_three_phase_core, {}, 11040), (Mode.AC_three_phase_core, {"ac_max_current_a": 80.0}, 55200),
    (Mode.AC_single_phase_core, {"ac_nominal_voltage_v": 120.0, "ac_max_current_a": 6.5}, 780)])
def test_the_schedule_has_the_power_of_its_phases(mode, config, watts):
    bench = Iso2Bench(ac=True, **config).at(Evse.ChargeParameterDiscovery).ask(iso2.ChargeParameterDiscoveryReq, mode=mode)
    entry = bench.last.SASchedules.SAScheduleTuple[0].PMaxSchedule.PMaxScheduleEntry[0]
    assert value(entry.PMax) == pytest.approx(watts) and entry.TimeInterval.duration == 86400
    told = bench.last.EVSEChargeParameter
    assert value(told.EVSEMaxCurrent) == bench.machine.config.ac_max_current_a and value(told.EVSENominalVoltage) == bench.machine.config.ac_nominal_voltage_v
    bench.facts.pilot = PilotState.C
    bench.ask(iso2.PowerDeliveryReq, plan=profile(watts + 10))
    assert bench.code is CODE.FAILED_ChargingProfileInvalid and bench.machine.wants_ac is False


@pytest.mark.parametrize("volts, fits", [(230.0, True), (400.0, True), (229.0, False), (0.0, False)])
def test_a_car_for_a_lower_voltage(volts, fits):
    bench = Iso2Bench(ac=True).at(Evse.ChargeParameterDiscovery).ask(iso2.ChargeParameterDiscoveryReq, max_volts=volts)
    if fits:
        assert bench.code is CODE.OK and bench.state is Evse.PowerDeliveryStart
    else:
        assert bench.code is CODE.FAILED_WrongChargeParameter and bench.ended == (R.INCOMPATIBLE_VOLTAGE, False)


@pytest.mark.parametrize("mode", [Mode.DC_extended, Mode.DC_core])
def test_dc_is_not_offered(mode):
    bench = Iso2Bench(ac=True).at(Evse.ChargeParameterDiscovery).ask(iso2.ChargeParameterDiscoveryReq, mode=mode)
    assert bench.code is CODE.FAILED_WrongEnergyTransferMode and type(bench.status) is iso2.AC_EVSEStatus


def test_a_charger_of_both_kinds_speaks_of_what_the_car_chose():
    both = ["AC_single_phase_core", "DC_core"]
    bench = Iso2Bench(ac=True, energy_transfer_modes=both).at(Evse.ChargeParameterDiscovery)
    assert not bench.machine.ac
    bench.ask(iso2.ChargeParameterDiscoveryReq, mode=Mode.AC_single_phase_core)
    assert type(bench.last.EVSEChargeParameter) is iso2.AC_EVSEChargeParameter and bench.machine.ac
    bench = Iso2Bench(energy_transfer_modes=both).at(Evse.ChargeParameterDiscovery).ask(iso2.ChargeParameterDiscoveryReq, mode=Mode.DC_core)
    assert type(bench.last.EVSEChargeParameter) is iso2.DC_EVSEChargeParameter and bench.state is Evse.CableCheck


# --- state C before power

@pytest.mark.parametrize("before", [PilotState.B, None])
@pytest.mark.parametrize("after_ms", [10, 700, 1499])
def test_power_waits_for_state_c(before, after_ms):
    bench = Iso2Bench(ac=True).at(Evse.PowerDeliveryStart)
    bench.follow, bench.facts.pilot = False, before
    answers = len(bench.answers)
    bench.ask(iso2.PowerDeliveryReq)
    bench.run((after_ms - 5) * MS)
    assert len(bench.answers) == answers and bench.machine.wants_ac is False and bench.state is Evse.PowerDeliveryStart
    bench.facts.pilot = PilotState.C
    bench.run(40 * MS)                                           # two looks: the pilot, then the contactor
    assert len(bench.answers) == answers + 1 and bench.code is CODE.OK
    assert bench.state is Evse.ChargingStatus and bench.machine.wants_ac is True


@pytest.mark.parametrize("pilot", [PilotState.B, None, PilotState.E])
def test_power_does_not_wait_for_ever(pilot):
    bench = Iso2Bench(ac=True).at(Evse.PowerDeliveryStart)
    bench.follow, bench.facts.pilot = False, pilot
    bench.ask(iso2.PowerDeliveryReq)
    begin = bench.now
    while bench.ended is None:
        assert bench.machine.wants_ac is False
        bench.wake(bench.machine.next_timer())
    assert bench.code is CODE.FAILED_PowerDeliveryNotApplied and bench.ended == (R.CAR_LEFT_C, False) and bench.machine.wants_ac is False
    assert t.V2G_SECC_CPState_Detection_Timeout <= bench.now - begin <= t.V2G_SECC_CPState_Detection_Timeout + t.FACT_POLL


@pytest.mark.parametrize("what, reason", [("unplug", R.UNPLUGGED), ("stop", R.USER_STOP), ("trip", R.SAFETY_TRIP), ("lost", R.TCP_RESET),
                                          ("ask", R.SEQUENCE_ERROR)])
def test_what_may_happen_while_power_waits(what, reason):
    bench = Iso2Bench(ac=True).at(Evse.PowerDeliveryStart)
    bench.follow, bench.facts.pilot = False, PilotState.B
    bench.ask(iso2.PowerDeliveryReq)
    if what == "unplug":
        bench.facts.pilot = PilotState.A
    elif what == "stop":
        bench.stop(R.USER_STOP)
    elif what == "trip":
        bench.facts.trip = "over-voltage"
    elif what == "lost":
        bench.machine.lost(R.TCP_RESET, bench.now)
        bench._collect()
    else:
        bench.ask(iso2.PowerDeliveryReq)
    bench.run(2 * S)
    assert bench.ended == (reason, False) and bench.machine.wants_ac is False and bench.machine.next_timer() == NEVER
    if what in ("stop", "trip"):
        assert bench.code is CODE.FAILED_PowerDeliveryNotApplied


def test_power_off_before_power_on():
    bench = Iso2Bench(ac=True).at(Evse.PowerDeliveryStart).ask(iso2.PowerDeliveryReq, progress=Stop)
    assert bench.code is CODE.OK and bench.state is Evse.SessionStop and 605 not in bench.checkpoints


# --- the loop

def test_a_car_may_be_slow_in_the_ac_loop():
    bench = Iso2Bench(ac=True).at(Evse.ChargingStatus)
    bench.ask(iso2.ChargingStatusReq, after=40 * S)
    assert bench.code is CODE.OK and bench.machine.wants_ac is True


def test_a_contactor_that_a_stop_has_opened_stays_open():
    bench = Iso2Bench(ac=True).at(Evse.ChargingStatus)
    bench.stop(R.USER_STOP)
    bench.ask(iso2.ChargingStatusReq)
    assert bench.machine.wants_ac is True                        # the car ends its load first
    bench.pilot(PilotState.B)
    assert bench.machine.wants_ac is False
    bench.facts.pilot = PilotState.C
    bench.ask(iso2.ChargingStatusReq)
    assert bench.machine.wants_ac is False


def test_an_unknown_pilot_is_no_stop_in_ac_either():
    bench = Iso2Bench(ac=True).at(Evse.ChargingStatus)
    bench.pilot(None)
    assert bench.machine.wants_ac is False and bench.machine.stopping is None
    bench.ask(iso2.ChargingStatusReq)
    assert bench.code is CODE.OK and bench.machine.wants_ac is False
    bench.facts.pilot = PilotState.C
    bench.ask(iso2.ChargingStatusReq)
    assert bench.machine.wants_ac is True


@pytest.mark.parametrize("fields, code, reason", [
    ({"session": b"\xde\xad"}, CODE.FAILED_UnknownSession, R.UNKNOWN_SESSION),
    ({"id": "id1"}, CODE.FAILED_MeteringSignatureNotValid, R.BAD_VALUE), ({"signature": True}, CODE.FAILED_MeteringSignatureNotValid, R.BAD_VALUE)])
def test_receipts_that_are_not_accepted(fields, code, reason):
    bench = Iso2Bench(ac=True).at(Evse.ChargingStatus)
    body = iso2.MeteringReceiptReq(Id=fields.get("id"), SessionID=fields.get("session", bench.machine.session_id), MeterInfo=iso2.MeterInfo(MeterID="1"))
    bench.ask(type(body), body=body, signature=signature() if "signature" in fields else None)
    assert bench.code is code and bench.ended == (reason, False) and bench.machine.wants_ac is False
