"""The charger's machine from precharge on: the output's wish, the pilot, each timer, each stop."""
from __future__ import annotations

import pytest

from drivers.interfaces import PilotState
from exi_native.messages import din
from kernel.timer import MS, NEVER, S
from tasks.stop_reasons import StopReason as R
from tasks.v2g import timing as t
from tasks.v2g.din_evse_table import POWERED, Evse
from tasks.v2g.physical import PhysicalValue

from tests.v2g.evse_bench import ORDER, EvseBench, request

CODE = din.responseCode
STATUS = din.DC_EVSEStatusCode


def value(pv):
    return pv.Value * 10.0 ** pv.Multiplier


# --- precharge and charging

def test_precharge_follows_the_target_with_little_current():
    bench = EvseBench().at(Evse.PreCharge)
    bench.ask(din.PreChargeReq, volts=350.0, amps=100.0)
    assert bench.machine.wants_output == (350.0, 2.0) and bench.state is Evse.PowerDelivery
    bench.ask(din.PreChargeReq, volts=352.0, amps=0.0)
    assert bench.machine.wants_output == (352.0, 2.0)
    assert value(bench.last.EVSEPresentVoltage) == 350


@pytest.mark.parametrize("volts", [411.0, 501.0])
def test_precharge_above_the_limits_is_refused(volts):
    bench = EvseBench().at(Evse.PreCharge).ask(din.PreChargeReq, volts=volts)
    assert bench.code is CODE.FAILED and bench.ended == (R.INCOMPATIBLE_VOLTAGE, False)


def test_precharge_is_bounded():
    bench = EvseBench().at(Evse.PreCharge)
    while bench.ended is None:
        bench.ask(din.PreChargeReq, volts=350.0, after=1 * S)
    assert bench.ended == (R.PRECHARGE_TIMEOUT, False)


@pytest.mark.parametrize("state, kind", [(Evse.PreCharge, din.PreChargeReq), (Evse.CurrentDemand, din.CurrentDemandReq),
                                         (Evse.WeldingDetection, din.WeldingDetectionReq)])
def test_unknown_voltage_is_not_reported(state, kind):
    bench = EvseBench().at(state)
    bench.follow = False
    bench.facts.output_voltage = None
    bench.ask(kind, volts=350.0)
    assert bench.code is CODE.FAILED and bench.status.EVSEStatusCode is STATUS.EVSE_Malfunction
    assert bench.ended == (R.NOT_CONFIRMED, False) and bench.machine.wants_output is None


@pytest.mark.parametrize("config, volts, amps, output, flags", [
    ({}, 400.0, 100.0, (400.0, 100.0), (False, False, False)),
    ({}, 430.0, 100.0, (410.0, 100.0), (False, True, False)),                 # the car's own maximum
    ({"max_voltage_v": 380.0}, 400.0, 100.0, (380.0, 100.0), (False, True, False)),
    ({"max_current_a": 60.0}, 400.0, 100.0, (400.0, 60.0), (True, False, False)),
    ({"max_power_kw": 20.0}, 400.0, 100.0, (400.0, 20000.0 / 360.0), (False, False, True)),
    ({}, 400.0, 0.0, (400.0, 0.0), (False, False, False)),
])
def test_output_is_the_minimum(config, volts, amps, output, flags):
    bench = EvseBench(**config).at(Evse.CurrentDemand).ask(din.CurrentDemandReq, volts=volts, amps=amps)
    assert bench.machine.wants_output == pytest.approx(output)
    last = bench.last
    assert (last.EVSECurrentLimitAchieved, last.EVSEVoltageLimitAchieved, last.EVSEPowerLimitAchieved) == flags


@pytest.mark.parametrize("field, pv", [
    ("EVTargetVoltage", PhysicalValue(Multiplier=0, Unit=din.unitSymbol.A, Value=400)),
    ("EVTargetVoltage", PhysicalValue(Multiplier=0, Unit=None, Value=-1)),
    ("EVTargetCurrent", PhysicalValue(Multiplier=0, Unit=None, Value=-5)),
    ("EVTargetCurrent", PhysicalValue(Multiplier=3, Unit=None, Value=5))])
@pytest.mark.parametrize("state, kind", [(Evse.PreCharge, din.PreChargeReq), (Evse.CurrentDemand, din.CurrentDemandReq)])
def test_impossible_values(state, kind, field, pv):
    bench = EvseBench().at(state)
    body = request(kind, volts=350.0)
    setattr(body, field, pv)
    bench.ask(kind, body=body)
    assert bench.code is CODE.FAILED and bench.ended == (R.BAD_VALUE, False) and bench.machine.wants_output is None


def test_power_delivery_needs_state_c():
    bench = EvseBench().at(Evse.PowerDelivery)
    bench.facts.pilot = PilotState.B
    bench.ask(din.PowerDeliveryReq, start=True)
    assert bench.code is CODE.FAILED_PowerDeliveryNotApplied and bench.ended == (R.CAR_LEFT_C, False)


@pytest.mark.parametrize("state", [Evse.CableCheck, Evse.PreCharge, Evse.CurrentDemand])
def test_power_delivery_start_in_the_wrong_state(state):
    bench = EvseBench().at(state).ask(din.PowerDeliveryReq, start=True)
    assert bench.code is CODE.FAILED_SequenceError and bench.ended == (R.SEQUENCE_ERROR, False)


@pytest.mark.parametrize("state", [Evse.CableCheck, Evse.PreCharge, Evse.PowerDelivery, Evse.CurrentDemand])
def test_power_delivery_stop_is_answered_in_every_power_state(state):
    bench = EvseBench().at(state).ask(din.PowerDeliveryReq, start=False)      # an Audi Q4 does so in the cable check
    assert bench.code is CODE.OK and bench.machine.wants_output is None and bench.state is Evse.WeldingDetection
    bench.ask(din.SessionStop)
    assert bench.ended == (R.CAR_STOP, True)


def test_power_delivery_without_parameter():
    bench = EvseBench().at(Evse.PowerDelivery)
    bench.ask(din.PowerDeliveryReq, body=din.PowerDeliveryReq(ReadyToChargeState=True))
    assert bench.code is CODE.OK and bench.state is Evse.CurrentDemand


@pytest.mark.parametrize("falls", [True, False])
def test_power_delivery_stop_waits_for_the_current(falls):
    bench = EvseBench().at(Evse.CurrentDemand).ask(din.CurrentDemandReq)
    bench.follow = False
    bench.facts.output_current = 80.0
    answers = len(bench.answers)
    bench.ask(din.PowerDeliveryReq, start=False)
    begin = bench.now
    assert bench.machine.wants_output is None and len(bench.answers) == answers
    bench.run(1 * S)
    assert len(bench.answers) == answers
    if falls:
        bench.facts.output_current = 0.5
        bench.run(40 * MS)
    else:
        bench.run(t.RAMP_DOWN_LIMIT - 1 * S - 1)
        assert len(bench.answers) == answers
        bench.run(1)
        assert bench.now == begin + t.RAMP_DOWN_LIMIT
    assert len(bench.answers) == answers + 1 and bench.state is Evse.WeldingDetection


def test_a_request_while_the_answer_is_pending_is_out_of_sequence():
    bench = EvseBench().at(Evse.CurrentDemand).ask(din.CurrentDemandReq)
    bench.follow = False
    bench.facts.output_current = 80.0
    bench.ask(din.PowerDeliveryReq, start=False).ask(din.CurrentDemandReq)
    assert bench.code is CODE.FAILED_SequenceError and bench.ended == (R.SEQUENCE_ERROR, False)


def test_welding_detection_needs_state_b_within_its_time():
    bench = EvseBench().at(Evse.WeldingDetection)
    bench.ask(din.WeldingDetectionReq)
    assert bench.code is CODE.OK
    bench.ask(din.WeldingDetectionReq, after=1 * S)
    assert bench.code is CODE.OK
    bench.ask(din.WeldingDetectionReq, after=500 * MS)
    assert bench.code is CODE.FAILED and bench.ended == (R.CAR_STOP, False)


# --- timers and the pilot

@pytest.mark.parametrize("state", ORDER)
def test_sequence_timeout_counts_from_the_answer(state):
    bench = EvseBench().at(state)
    due = bench.machine._sequence.at
    assert due - t.V2G_SECC_Sequence_Timeout <= bench.now
    if bench.machine._silence.armed:                  # an output is given: taken away sooner, and 10 s for the goodbye
        due = bench.machine._silence.at + t.EVSE_SHUTDOWN_LIMIT
    bench.run(due - bench.now - 1)
    assert bench.ended is None
    bench.run(1)
    assert bench.ended == (R.TIMEOUT, False) and bench.machine.wants_output is None and bench.machine.next_timer() == NEVER


@pytest.mark.parametrize("state", [Evse.PowerDelivery, Evse.CurrentDemand])
def test_a_silent_car_gets_no_output(state):
    bench = EvseBench().at(state)
    if state is Evse.CurrentDemand:
        bench.ask(din.CurrentDemandReq)
    begin = bench.now
    bench.run(5 * S - 1)
    assert bench.machine.wants_output is not None
    bench.run(1)
    assert bench.machine.wants_output is None and bench.ended is None
    assert bench.now == begin + 5 * S
    assert bench.machine.stopping is R.TIMEOUT
    if state is Evse.CurrentDemand:
        bench.ask(din.CurrentDemandReq)                     # back again: its contactors may be closed behind a discharged output
        assert bench.machine.wants_output is None and bench.status.EVSEStatusCode is STATUS.EVSE_Shutdown


@pytest.mark.parametrize("state", ORDER)
def test_unplugged(state):
    bench = EvseBench().at(state)
    bench.pilot(PilotState.A)
    assert bench.ended == (R.UNPLUGGED, False) and bench.machine.wants_output is None


@pytest.mark.parametrize("state", sorted(POWERED, key=lambda s: s.value))
def test_state_b_takes_the_output_away_and_tells(state):
    bench = EvseBench().at(state)
    if state is Evse.CurrentDemand:
        bench.ask(din.CurrentDemandReq)
    bench.pilot(PilotState.B)
    assert bench.machine.wants_output is None and bench.machine.stopping is R.CAR_LEFT_C
    bench.ask(din.CurrentDemandReq if state is Evse.CurrentDemand else din.PreChargeReq, volts=350.0)
    assert bench.status.EVSEStatusCode is STATUS.EVSE_Shutdown and bench.machine.wants_output is None
    bench.run(t.EVSE_SHUTDOWN_LIMIT)
    assert bench.ended == (R.CAR_LEFT_C, False)


def test_unknown_pilot_takes_the_output_away_and_does_not_stop():
    bench = EvseBench().at(Evse.CurrentDemand).ask(din.CurrentDemandReq)
    bench.pilot(None)
    assert bench.machine.wants_output is None and bench.machine.stopping is None
    bench.facts.pilot = PilotState.C
    bench.ask(din.CurrentDemandReq)
    assert bench.machine.wants_output == (400.0, 100.0)


# --- stops from this side

@pytest.mark.parametrize("state", ORDER)
def test_user_stop_in_every_state(state):
    bench = EvseBench().at(state)
    bench.stop(R.USER_STOP)
    if state is Evse.SessionSetup:
        assert bench.ended == (R.USER_STOP, False)
        return
    kind = {Evse.CurrentDemand: din.CurrentDemandReq, Evse.WeldingDetection: din.WeldingDetectionReq, Evse.PowerDelivery: din.PreChargeReq,
            Evse.PreCharge: din.PreChargeReq, Evse.CableCheck: din.CableCheckReq, Evse.ChargeParameterDiscovery: din.ChargeParameterDiscoveryReq,
            Evse.ContractAuthentication: din.ContractAuthenticationReq, Evse.ServiceDiscovery: din.ServiceDiscoveryReq,
            Evse.ServicePaymentSelection: din.ServicePaymentSelectionReq}[state]
    bench.ask(kind, volts=350.0)
    if state in (Evse.ServiceDiscovery, Evse.ServicePaymentSelection, Evse.ContractAuthentication):
        assert bench.code is CODE.FAILED and bench.ended == (R.USER_STOP, False)
        return
    assert bench.status.EVSEStatusCode is STATUS.EVSE_Shutdown and 790 in bench.checkpoints and bench.ended is None
    bench.ask(din.SessionStop)
    assert bench.ended == (R.USER_STOP, True) and bench.machine.wants_output is None


def test_a_car_that_does_not_stop_is_cut_off():
    bench = EvseBench().at(Evse.CurrentDemand).ask(din.CurrentDemandReq)
    bench.stop(R.USER_STOP)
    begin = bench.now
    while bench.ended is None:
        bench.ask(din.CurrentDemandReq, after=250 * MS)
    assert bench.ended == (R.USER_STOP, False) and bench.now - begin == t.EVSE_SHUTDOWN_LIMIT and bench.machine.wants_output is None


def test_power_is_not_switched_on_while_stopping():
    bench = EvseBench().at(Evse.PowerDelivery)
    bench.stop(R.USER_STOP)
    bench.ask(din.PowerDeliveryReq, start=True)
    assert bench.code is CODE.FAILED_PowerDeliveryNotApplied and bench.ended == (R.USER_STOP, False)


def test_time_limit_stops_charging():
    bench = EvseBench(stop_after_min=1.0).at(Evse.CurrentDemand)
    begin = bench.now
    while bench.machine.stopping is None:
        bench.ask(din.CurrentDemandReq, after=250 * MS)
    assert bench.machine.stopping is R.CHARGER_STOP and 60 * S <= bench.now - begin <= 60 * S + 300 * MS
    assert bench.status.EVSEStatusCode is STATUS.EVSE_Shutdown


@pytest.mark.parametrize("asked_before", [False, True])
def test_a_pressed_emergency_stop_is_told_as_that_also_after_an_orderly_stop(asked_before):
    bench = EvseBench().at(Evse.CurrentDemand).ask(din.CurrentDemandReq)
    if asked_before:
        bench.stop(R.USER_STOP)
        bench.ask(din.CurrentDemandReq)
        assert bench.status.EVSEStatusCode is STATUS.EVSE_Shutdown
    bench.facts.trip, bench.facts.stop_button = "Stop button", True
    bench.ask(din.CurrentDemandReq)
    assert bench.status.EVSEStatusCode is STATUS.EVSE_EmergencyShutdown and bench.machine.wants_output is None
    assert bench.machine.stopping is (R.USER_STOP if asked_before else R.SAFETY_TRIP)


def test_safety_trip_takes_the_output_away_and_reports_a_malfunction():
    bench = EvseBench().at(Evse.CurrentDemand).ask(din.CurrentDemandReq)
    bench.facts.trip = "over-voltage"
    bench.wake(bench.now)
    assert bench.machine.wants_output is None and bench.machine.stopping is R.SAFETY_TRIP
    bench.ask(din.CurrentDemandReq)
    assert bench.status.EVSEStatusCode is STATUS.EVSE_Malfunction and bench.machine.wants_output is None
    bench.ask(din.PowerDeliveryReq, start=False).ask(din.SessionStop)
    assert bench.ended == (R.SAFETY_TRIP, True)


@pytest.mark.parametrize("state", [Evse.CableCheck, Evse.PowerDelivery])
def test_an_output_that_the_supervisor_holds_back_is_told_to_the_car(state):
    """Else it would wait for its own patience: 38 s in the cable check, 30 s in precharge."""
    bench = EvseBench().at(Evse.CableCheck if state is Evse.CableCheck else Evse.PreCharge)
    bench.follow, bench.facts.pilot = False, PilotState.C
    kind = din.CableCheckReq if state is Evse.CableCheck else din.PreChargeReq
    bench.ask(kind)
    assert bench.machine.wants_output is not None
    bench.facts.blocked = "Lock lost"
    begin = bench.now
    while bench.machine.stopping is None and bench.now - begin < 60 * S:
        bench.ask(kind, after=250 * MS)
    assert bench.machine.stopping is R.NOT_CONFIRMED and bench.machine.wants_output is None
    assert t.PERMIT_LIMIT <= bench.now - begin <= t.PERMIT_LIMIT + S
    bench.ask(kind)
    assert bench.status.EVSEStatusCode is STATUS.EVSE_Malfunction
    assert any("Lock lost" in note for note in bench.notes)


def test_a_permit_that_comes_late_or_is_not_asked_for_is_no_defect():
    bench = EvseBench().at(Evse.PreCharge)
    bench.follow = False
    for lacking in ("Lock lost", "", "Lock lost", ""):
        bench.ask(din.PreChargeReq)
        bench.facts.blocked = lacking
        bench.run(t.PERMIT_LIMIT - S).ask(din.PreChargeReq)
    assert bench.machine.stopping is None


def test_an_unknown_pilot_is_told_to_the_car_as_well():
    """Nothing is asked for then, so the supervisor lacks nothing; the car would wait out its 30 s."""
    bench = EvseBench().at(Evse.PreCharge)
    bench.follow, bench.facts.pilot = False, PilotState.C
    bench.ask(din.PreChargeReq)
    bench.facts.pilot = None
    begin = bench.now
    while bench.machine.stopping is None and bench.now - begin < 60 * S:
        bench.ask(din.PreChargeReq, after=250 * MS)
        assert bench.machine.wants_output is None
    assert bench.machine.stopping is R.NOT_CONFIRMED and bench.now - begin <= t.PERMIT_LIMIT + S
    assert any("the pilot's state" in note for note in bench.notes)


@pytest.mark.parametrize("state", [Evse.CurrentDemand])
def test_a_target_of_0_v_lets_the_current_go_and_not_the_battery(state):
    bench = EvseBench().at(state).ask(din.CurrentDemandReq)
    assert bench.machine.wants_output == (400.0, 100.0)
    bench.follow, bench.facts.output_voltage = False, 371.0
    bench.ask(din.CurrentDemandReq, volts=0.0)
    assert bench.machine.wants_output == (371.0, 0.0)


@pytest.mark.parametrize("state", ORDER)
def test_lost_stream(state):
    bench = EvseBench().at(state)
    bench.machine.lost(R.TCP_RESET, bench.now)
    bench._collect()
    assert bench.ended == (R.TCP_RESET, False) and bench.machine.wants_output is None and bench.machine.next_timer() == NEVER
