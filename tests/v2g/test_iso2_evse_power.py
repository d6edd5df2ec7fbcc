"""The charger's ISO 15118-2 machine in DC from precharge on: output, schedules and profiles, pilot, timers, stops, trips."""
from __future__ import annotations

import pytest

from drivers.interfaces import PilotState
from exi_native.messages import iso2
from kernel.timer import MS, NEVER, S
from tasks.stop_reasons import StopReason as R
from tasks.v2g import timing as t
from tasks.v2g.evse_states import Evse
from tasks.v2g.iso2_evse_table import POWERED, SILENT

from tests.v2g.iso2_evse_bench import AC, AGAIN, DC, SAME, Iso2Bench, Renegotiate, Start, Stop, profile, request

CODE = iso2.responseCode
STATUS = iso2.DC_EVSEStatusCode
NOTE = iso2.EVSENotification
UNITS = iso2.unitSymbol
STATES = [(False, s) for s in DC] + [(True, s) for s in AC]
every_state = pytest.mark.parametrize("ac, state", STATES, ids=[("ac-" if ac else "dc-") + s.name for ac, s in STATES])


def value(pv):
    return pv.Value * 10.0 ** pv.Multiplier


def off(bench):
    return bench.machine.wants_output is None and bench.machine.wants_ac is False


# --- precharge and charging

def test_precharge_follows_the_target_with_little_current():
    bench = Iso2Bench().at(Evse.PreCharge)
    bench.ask(iso2.PreChargeReq, volts=350.0, amps=100.0)
    assert bench.machine.wants_output == (350.0, 2.0) and bench.state is Evse.PowerDelivery
    bench.ask(iso2.PreChargeReq, volts=352.0, amps=0.0)
    assert bench.machine.wants_output == (352.0, 2.0) and value(bench.last.EVSEPresentVoltage) == 350


@pytest.mark.parametrize("volts", [411.0, 501.0])
def test_precharge_above_the_limits_is_refused(volts):
    bench = Iso2Bench().at(Evse.PreCharge).ask(iso2.PreChargeReq, volts=volts)
    assert bench.code is CODE.FAILED and bench.ended == (R.INCOMPATIBLE_VOLTAGE, False) and off(bench)


def test_precharge_is_bounded():
    bench = Iso2Bench().at(Evse.PreCharge)
    while bench.ended is None:
        bench.ask(iso2.PreChargeReq, volts=350.0, after=1 * S)
    assert bench.ended == (R.PRECHARGE_TIMEOUT, False)


@pytest.mark.parametrize("state", [Evse.PreCharge, Evse.CurrentDemand, Evse.WeldingDetection])
def test_unknown_voltage_is_not_reported(state):
    bench = Iso2Bench().at(state)
    bench.follow = False
    bench.facts.output_voltage = None
    bench.ask(SAME[state], volts=350.0)
    assert bench.code is CODE.FAILED and bench.status.EVSEStatusCode is STATUS.EVSE_Malfunction
    assert bench.ended == (R.NOT_CONFIRMED, False) and off(bench)


@pytest.mark.parametrize("config, volts, amps, output, flags", [
    ({}, 400.0, 100.0, (400.0, 100.0), (False, False, False)),
    ({}, 430.0, 100.0, (410.0, 100.0), (False, True, False)),                 # the car's own maximum
    ({"max_current_a": 60.0}, 400.0, 100.0, (400.0, 60.0), (True, False, False)),
    ({"max_power_kw": 20.0}, 400.0, 100.0, (400.0, 20000.0 / 360.0), (False, False, True)),
    ({}, 400.0, 0.0, (400.0, 0.0), (False, False, False)),
])
def test_output_is_the_minimum(config, volts, amps, output, flags):
    bench = Iso2Bench(**config).at(Evse.CurrentDemand).ask(iso2.CurrentDemandReq, volts=volts, amps=amps)
    assert bench.machine.wants_output == pytest.approx(output)
    last = bench.last
    assert (last.EVSECurrentLimitAchieved, last.EVSEVoltageLimitAchieved, last.EVSEPowerLimitAchieved) == flags
    assert value(last.EVSEMaximumPowerLimit) == bench.machine.config.max_power_kw * 1000


@pytest.mark.parametrize("field, unit, multiplier, number", [
    ("EVTargetVoltage", UNITS.A, 0, 400), ("EVTargetVoltage", UNITS.V, 0, -1), ("EVTargetVoltage", UNITS.V, 3, 32767),
    ("EVTargetCurrent", UNITS.A, 0, -5), ("EVTargetCurrent", UNITS.A, 3, 5), ("EVTargetCurrent", UNITS.A, 9, 1)])
@pytest.mark.parametrize("state", [Evse.PreCharge, Evse.CurrentDemand])
def test_impossible_values(state, field, unit, multiplier, number):
    bench = Iso2Bench().at(state)
    body = request(SAME[state], volts=350.0)
    setattr(body, field, iso2.PhysicalValue(Multiplier=multiplier, Unit=unit, Value=number))
    bench.ask(type(body), body=body)
    assert bench.code is CODE.FAILED and bench.ended == (R.BAD_VALUE, False) and off(bench)


@pytest.mark.parametrize("complete, error, reason", [
    (False, iso2.DC_EVErrorCode.NO_ERROR, R.CAR_STOP), (True, iso2.DC_EVErrorCode.NO_ERROR, R.BATTERY_FULL),
    (False, iso2.DC_EVErrorCode.FAILED_ChargingCurrentdifferential, R.CAR_ERROR)])
def test_why_the_car_ended(complete, error, reason):
    bench = Iso2Bench().at(Evse.CurrentDemand)
    bench.ask(iso2.CurrentDemandReq, error=error, complete=complete)
    if reason is R.CAR_ERROR:
        assert bench.machine.wants_output[1] == 0.0
    bench.ask(iso2.PowerDeliveryReq, progress=Stop, complete=complete).ask(iso2.SessionStopReq)
    assert bench.ended == (reason, True)


# --- power delivery: schedule, profile, state C, ramp

STARTING = [(False, Evse.PowerDelivery), (True, Evse.PowerDeliveryStart), (False, Evse.PowerDeliveryRestart), (True, Evse.PowerDeliveryRestart)]
starting = pytest.mark.parametrize("ac, state", STARTING)
PROFILES = {"low": (profile(1000.0), True), "several": (profile(1000.0, 500.0, 0.0), True), "negative": (profile(-1.0), False),
            "second": (profile(1000.0, 400e3), False), "backwards": (profile(1000.0, 500.0, starts=[60, 0]), False),
            "twice": (profile(1000.0, 500.0, starts=[0, 0]), False)}


@starting
@pytest.mark.parametrize("schedule", [2, 255])
def test_an_unknown_schedule(ac, state, schedule):
    bench = Iso2Bench(ac=ac).at(state)
    bench.facts.pilot = PilotState.C
    bench.ask(iso2.PowerDeliveryReq, schedule=schedule)
    assert bench.code is CODE.FAILED_TariffSelectionInvalid and bench.ended == (R.BAD_VALUE, False) and off(bench)


@starting
@pytest.mark.parametrize("name", sorted(PROFILES))
def test_charging_profiles(ac, state, name):
    plan, fits = PROFILES[name]
    bench = Iso2Bench(ac=ac).at(state)
    bench.facts.pilot = PilotState.C
    bench.ask(iso2.PowerDeliveryReq, plan=plan)
    if fits:
        assert bench.code is CODE.OK and bench.ended is None and bench.state in (Evse.CurrentDemand, Evse.ChargingStatus)
    else:
        assert bench.code is CODE.FAILED_ChargingProfileInvalid and bench.ended == (R.BAD_VALUE, False) and off(bench)


@pytest.mark.parametrize("watts, fits", [(50_000.0, True), (50_010.0, False)])
def test_a_profile_may_use_all_of_the_schedule(watts, fits):
    bench = Iso2Bench().at(Evse.PowerDelivery).ask(iso2.PowerDeliveryReq, plan=profile(watts))
    assert bench.code is (CODE.OK if fits else CODE.FAILED_ChargingProfileInvalid)


def test_a_profile_in_another_unit():
    plan = profile(10.0)
    plan.ProfileEntry[0].ChargingProfileEntryMaxPower = iso2.PhysicalValue(Multiplier=0, Unit=UNITS.A, Value=10)
    bench = Iso2Bench().at(Evse.PowerDelivery).ask(iso2.PowerDeliveryReq, plan=plan)
    assert bench.code is CODE.FAILED_ChargingProfileInvalid and bench.ended == (R.BAD_VALUE, False)


@pytest.mark.parametrize("ac, state", [case for case in STARTING if case[1] is not Evse.PowerDeliveryStart])
@pytest.mark.parametrize("pilot", [PilotState.B, None])
def test_power_delivery_needs_state_c(ac, state, pilot):
    bench = Iso2Bench(ac=ac).at(state)
    bench.facts.pilot = pilot
    bench.ask(iso2.PowerDeliveryReq)
    assert bench.code is CODE.FAILED_PowerDeliveryNotApplied and bench.ended == (R.CAR_LEFT_C, False) and off(bench)


def test_power_delivery_tells_the_state_of_the_battery():
    bench = Iso2Bench().at(Evse.PowerDelivery)
    bench.ask(iso2.PowerDeliveryReq, soc=61, error=iso2.DC_EVErrorCode.FAILED_RESSTemperatureInhibit)
    assert bench.machine.ev_soc == 61 and any("FAILED_RESSTemperatureInhibit" in note for note in bench.notes)


@pytest.mark.parametrize("state", [s for s in DC if s in POWERED or s is Evse.CableCheck])
def test_power_delivery_stop_is_answered_in_every_power_state(state):
    bench = Iso2Bench().at(state).ask(iso2.PowerDeliveryReq, progress=Stop, schedule=77)
    assert bench.code is CODE.OK and off(bench) and bench.state is Evse.WeldingDetection
    bench.ask(iso2.SessionStopReq)
    assert bench.ended == (R.CAR_STOP, True)


@pytest.mark.parametrize("falls", [True, False])
def test_power_delivery_stop_waits_for_the_current(falls):
    bench = Iso2Bench().at(Evse.CurrentDemand).ask(iso2.CurrentDemandReq)
    bench.follow = False
    bench.facts.output_current = 80.0
    answers = len(bench.answers)
    bench.ask(iso2.PowerDeliveryReq, progress=Stop)
    begin = bench.now
    assert off(bench) and len(bench.answers) == answers
    bench.run(1 * S)
    assert len(bench.answers) == answers
    if falls:
        bench.facts.output_current = 0.5
        bench.run(40 * MS)
    else:
        bench.run(t.RAMP_DOWN_LIMIT - 1 * S)
        assert bench.now == begin + t.RAMP_DOWN_LIMIT
    assert len(bench.answers) == answers + 1 and bench.state is Evse.WeldingDetection


def test_a_request_while_the_answer_is_pending_is_out_of_sequence():
    bench = Iso2Bench().at(Evse.CurrentDemand).ask(iso2.CurrentDemandReq)
    bench.follow = False
    bench.facts.output_current = 80.0
    bench.ask(iso2.PowerDeliveryReq, progress=Stop).ask(iso2.CurrentDemandReq)
    assert bench.code is CODE.FAILED_SequenceError and bench.ended == (R.SEQUENCE_ERROR, False)


def test_welding_detection_needs_state_b_within_its_time():
    bench = Iso2Bench().at(Evse.WeldingDetection)
    bench.ask(iso2.WeldingDetectionReq).ask(iso2.WeldingDetectionReq, after=1 * S)
    assert bench.code is CODE.OK
    bench.ask(iso2.WeldingDetectionReq, after=500 * MS)
    assert bench.code is CODE.FAILED and bench.ended == (R.CAR_STOP, False)


def test_a_receipt_in_the_dc_loop():
    bench = Iso2Bench().at(Evse.CurrentDemand).ask(iso2.CurrentDemandReq).ask(iso2.MeteringReceiptReq)
    assert bench.code is CODE.OK and type(bench.status) is iso2.DC_EVSEStatus and bench.state is Evse.CurrentDemand
    assert bench.machine.wants_output == (400.0, 100.0)


# --- timers and the pilot

@every_state
def test_sequence_timeout_counts_from_the_answer(ac, state):
    bench = Iso2Bench(ac=ac).at(state)
    due = bench.machine._sequence.at
    assert due - t.V2G_SECC_Sequence_Timeout <= bench.now
    if bench.machine._silence.armed:                  # an output is given: taken away sooner, and 10 s for the goodbye
        due = bench.machine._silence.at + t.EVSE_SHUTDOWN_LIMIT
    bench.run(due - bench.now - 1)
    assert bench.ended is None
    bench.run(1)
    assert bench.ended == (R.TIMEOUT, False) and off(bench) and bench.machine.next_timer() == NEVER


@pytest.mark.parametrize("asked", [False, True])
@pytest.mark.parametrize("state", [Evse.PowerDelivery, Evse.CurrentDemand, *AGAIN])
def test_a_silent_car_gets_no_output(state, asked):
    bench = Iso2Bench().at(state)
    if asked and state is Evse.CurrentDemand:
        bench.ask(iso2.CurrentDemandReq)
    begin = bench.now
    bench.run(5 * S - 1)
    assert bench.machine.wants_output is not None
    bench.run(1)
    assert bench.machine.wants_output is None and bench.ended is None and bench.now == begin + 5 * S
    assert bench.machine.stopping is R.TIMEOUT


@every_state
def test_silence_is_told_only_where_it_takes_an_output_away(ac, state):
    bench = Iso2Bench(ac=ac).at(state).run(6 * S)
    assert any("silent" in note for note in bench.notes) is (not ac and state in POWERED - {Evse.PreCharge})


@every_state
def test_unplugged(ac, state):
    bench = Iso2Bench(ac=ac).at(state)
    bench.pilot(PilotState.A)
    assert bench.ended == (R.UNPLUGGED, False) and off(bench)


@every_state
def test_lost_stream(ac, state):
    bench = Iso2Bench(ac=ac).at(state)
    bench.machine.lost(R.TCP_RESET, bench.now)
    bench._collect()
    assert bench.ended == (R.TCP_RESET, False) and off(bench) and bench.machine.next_timer() == NEVER


POWER = [(ac, s) for ac, s in STATES if s in POWERED]


@pytest.mark.parametrize("ac, state", POWER)
def test_state_b_takes_the_power_away_and_tells(ac, state):
    bench = Iso2Bench(ac=ac).at(state)
    bench.pilot(PilotState.B)
    assert off(bench) and bench.machine.stopping is R.CAR_LEFT_C
    if state in AGAIN:
        bench.ask(iso2.PowerDeliveryReq, progress=Stop)
    else:
        bench.ask(SAME[state], volts=350.0)
    assert bench.status.EVSENotification is NOTE.StopCharging and off(bench)
    bench.run(t.EVSE_SHUTDOWN_LIMIT)
    assert bench.ended == (R.CAR_LEFT_C, False)


def test_unknown_pilot_takes_the_output_away_and_does_not_stop():
    bench = Iso2Bench().at(Evse.CurrentDemand).ask(iso2.CurrentDemandReq)
    bench.pilot(None)
    assert off(bench) and bench.machine.stopping is None
    bench.facts.pilot = PilotState.C
    bench.ask(iso2.CurrentDemandReq)
    assert bench.machine.wants_output == (400.0, 100.0)


# --- stops from this side

@every_state
def test_user_stop_in_every_state(ac, state):
    bench = Iso2Bench(ac=ac).at(state)
    bench.stop(R.USER_STOP)
    if state is Evse.SessionSetup:
        assert bench.ended == (R.USER_STOP, False)
        return
    if state in SILENT:
        bench.ask(SAME[state])
        assert bench.code is CODE.FAILED and bench.ended == (R.USER_STOP, False)
        return
    if state is Evse.SessionStop:
        bench.ask(iso2.SessionStopReq)
        assert bench.ended == (R.USER_STOP, True)
        return
    if state in (Evse.PowerDeliveryStart, Evse.PowerDeliveryRestart):
        bench.ask(iso2.PowerDeliveryReq, progress=Stop)
    else:
        bench.ask(SAME[state], volts=350.0)
    assert bench.code is CODE.OK and bench.status.EVSENotification is NOTE.StopCharging and bench.status.NotificationMaxDelay == 0
    if not ac:
        assert bench.status.EVSEStatusCode is STATUS.EVSE_Shutdown
    else:
        assert bench.status.RCD is False
    assert 790 in bench.checkpoints and bench.ended is None
    bench.ask(iso2.SessionStopReq)
    assert bench.ended == (R.USER_STOP, True) and off(bench)


@pytest.mark.parametrize("ac, state", [(False, Evse.CurrentDemand), (True, Evse.ChargingStatus)])
def test_a_car_that_does_not_stop_is_cut_off(ac, state):
    bench = Iso2Bench(ac=ac).at(state).ask(SAME[state])
    bench.stop(R.USER_STOP)
    begin = bench.now
    while bench.ended is None:
        bench.ask(SAME[state], after=250 * MS)
    assert bench.ended == (R.USER_STOP, False) and bench.now - begin == t.EVSE_SHUTDOWN_LIMIT and off(bench)


@starting
def test_power_is_not_switched_on_while_stopping(ac, state):
    bench = Iso2Bench(ac=ac).at(state)
    bench.facts.pilot = PilotState.C
    bench.stop(R.USER_STOP)
    bench.ask(iso2.PowerDeliveryReq, progress=Start)
    assert bench.code is CODE.FAILED_PowerDeliveryNotApplied and bench.ended == (R.USER_STOP, False) and off(bench)


@pytest.mark.parametrize("ac, state", [(False, Evse.CurrentDemand), (True, Evse.ChargingStatus)])
@pytest.mark.parametrize("renegotiating", [False, True])
def test_time_limit_stops_charging_and_a_renegotiation_wins_no_time(ac, state, renegotiating):
    bench = Iso2Bench(ac=ac, stop_after_min=1.0).at(state)
    begin = bench.now
    if renegotiating:
        bench.run(2 * S).ask(iso2.PowerDeliveryReq, progress=Renegotiate).forward()
        bench.forward()
    while bench.machine.stopping is None:
        bench.ask(SAME[state], after=250 * MS)
    assert bench.machine.stopping is R.CHARGER_STOP and 60 * S <= bench.now - begin <= 60 * S + 300 * MS
    assert bench.status.EVSENotification is NOTE.StopCharging


@pytest.mark.parametrize("asked_before", [False, True])
@pytest.mark.parametrize("button, code", [(True, STATUS.EVSE_EmergencyShutdown), (False, STATUS.EVSE_Malfunction)])
def test_a_trip_is_told_as_that_also_after_an_orderly_stop(asked_before, button, code):
    bench = Iso2Bench().at(Evse.CurrentDemand).ask(iso2.CurrentDemandReq)
    if asked_before:
        bench.stop(R.USER_STOP)
        bench.ask(iso2.CurrentDemandReq)
        assert bench.status.EVSEStatusCode is STATUS.EVSE_Shutdown
    bench.facts.trip, bench.facts.stop_button = "Stop button", button
    bench.wake(bench.now)
    assert off(bench)
    bench.ask(iso2.CurrentDemandReq)
    assert bench.status.EVSEStatusCode is code and bench.status.EVSENotification is NOTE.StopCharging and off(bench)
    bench.ask(iso2.PowerDeliveryReq, progress=Stop).ask(iso2.SessionStopReq)
    assert bench.ended == (R.USER_STOP if asked_before else R.SAFETY_TRIP, True)


@every_state
def test_a_trip_in_every_state(ac, state):
    bench = Iso2Bench(ac=ac).at(state)
    bench.facts.trip = "over-voltage"
    bench.wake(bench.now)
    if bench.ended is None:
        assert bench.machine.stopping is R.SAFETY_TRIP and off(bench)
        bench.ask(SAME[state], volts=350.0, progress=Stop)
    assert off(bench)
    bench.run(t.EVSE_SHUTDOWN_LIMIT)
    assert bench.ended is not None and bench.ended[0] is R.SAFETY_TRIP and bench.machine.next_timer() == NEVER


@pytest.mark.parametrize("state", [Evse.CableCheck, Evse.PowerDelivery])
def test_an_output_that_the_supervisor_holds_back_is_told_to_the_car(state):
    bench = Iso2Bench().at(Evse.CableCheck if state is Evse.CableCheck else Evse.PreCharge)
    bench.follow, bench.facts.pilot = False, PilotState.C
    kind = iso2.CableCheckReq if state is Evse.CableCheck else iso2.PreChargeReq
    bench.ask(kind)
    bench.facts.blocked = "Lock lost"
    begin = bench.now
    while bench.machine.stopping is None and bench.now - begin < 60 * S:
        bench.ask(kind, after=250 * MS)
    assert bench.machine.stopping is R.NOT_CONFIRMED and off(bench) and t.PERMIT_LIMIT <= bench.now - begin <= t.PERMIT_LIMIT + S
    bench.ask(kind)
    assert bench.status.EVSEStatusCode is STATUS.EVSE_Malfunction and any("Lock lost" in note for note in bench.notes)
