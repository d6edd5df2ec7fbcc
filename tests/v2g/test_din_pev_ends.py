"""The car's machine: everything wrong, each EVSE status, each stop, and the order of the end."""
from __future__ import annotations

import pytest

from exi_native.messages import din
from kernel.timer import MS, NEVER, S
from tasks.stop_reasons import StopReason as R
from tasks.v2g import timing as t
from tasks.v2g.din_pev_table import ROWS, Pev
from tasks.v2g.pev_states import STOPPABLE
from tasks.v2g.physical import PhysicalValue

from tests.v2g.pev_bench import BATTERY, ORDER, PevBench, parameters, response

STATUS = din.DC_EVSEStatusCode
ASKING = [s for s in ORDER if ROWS[s].response is not None]
BEFORE_POWER = ORDER[:ORDER.index(Pev.WaitContactorsClosed)]
WITH_STATUS = [Pev.ChargeParameterDiscovery, Pev.CableCheck, Pev.PreCharge, Pev.PowerDeliveryStart]
FAILED_GOES_ON = [Pev.PowerDeliveryStop, Pev.WeldingDetection, Pev.SessionStop]
FAILED = [c for c in din.responseCode if c.name.startswith("FAILED")]


def value(pv):
    return pv.Value * 10.0 ** pv.Multiplier


# --- everything wrong is one function

@pytest.mark.parametrize("code", FAILED, ids=lambda c: c.name)
@pytest.mark.parametrize("state", [s for s in ASKING if s not in FAILED_GOES_ON])
def test_failed_ends_the_session_and_releases_everything(state, code):
    bench = PevBench().at(state)
    requests = len(bench.sent)
    bench.answer(rc=code)
    expected = R.FAILED_RESPONSE
    if code is din.responseCode.FAILED_UnknownSession:
        expected = R.UNKNOWN_SESSION
    elif state is Pev.CableCheck:
        expected = R.CABLE_CHECK_FAILED
    assert bench.ended == (expected, False) and bench.released and len(bench.sent) == requests
    assert any(code.name in n for n in bench.notes)


@pytest.mark.parametrize("state", FAILED_GOES_ON)
def test_failed_at_the_end_changes_nothing_any_more(state):
    bench = PevBench().at(state)
    bench.answer(rc=din.responseCode.FAILED)
    assert not bench.machine.wants_pilot_c
    if state is not Pev.SessionStop:
        while bench.ended is None:
            bench.forward()
    assert bench.ended == (R.USER_STOP, True)


@pytest.mark.parametrize("state", ORDER)
def test_wrong_message(state):
    bench = PevBench().at(state)
    wrong = Pev.ServiceDiscovery if state is not Pev.ServiceDiscovery else Pev.SessionStop
    bench.answer(body=response(wrong))
    assert bench.ended[1] is False and bench.released
    assert bench.ended[0] is (R.USER_STOP if bench.machine.stopping else R.SEQUENCE_ERROR)


def test_a_second_answer_is_a_sequence_error():
    bench = PevBench().at(Pev.ContractAuthentication)
    bench.answer(finished=False)
    bench.answer(finished=False, after=1 * MS)
    assert bench.ended == (R.SEQUENCE_ERROR, False)


def test_what_is_no_v2g_message_is_a_sequence_error():
    bench = PevBench().at(Pev.CurrentDemand)
    bench.machine.receive(object(), bench.now)
    bench._collect()
    assert bench.ended == (R.SEQUENCE_ERROR, False) and bench.released


@pytest.mark.parametrize("state", ASKING[1:])
def test_foreign_session_id(state):
    bench = PevBench().at(state)
    bench.answer(session=b"\xde\xad\xbe\xef")
    assert bench.ended == (bench.machine.stopping or R.UNKNOWN_SESSION, False) and bench.released


@pytest.mark.parametrize("state", ORDER)
def test_lost_stream(state):
    bench = PevBench().at(state)
    bench.machine.lost(R.TCP_RESET, bench.now)
    bench._collect()
    done = state is Pev.SessionStop              # power is off already, only an answer is missing
    assert bench.ended == (bench.machine.stopping or R.TCP_RESET, done) and bench.released and bench.machine.next_timer() == NEVER


@pytest.mark.parametrize("pv", [
    PhysicalValue(Multiplier=0, Unit=din.unitSymbol.A, Value=360), PhysicalValue(Multiplier=3, Unit=din.unitSymbol.V, Value=360),
    PhysicalValue(Multiplier=4, Unit=None, Value=1), PhysicalValue(Multiplier=0, Unit=None, Value=-200)])
@pytest.mark.parametrize("state", [Pev.PreCharge, Pev.CurrentDemand])
def test_impossible_values(state, pv):
    bench = PevBench().at(state)
    body = response(state)
    body.EVSEPresentVoltage = pv
    bench.answer(body)
    assert bench.ended == (R.BAD_VALUE, False) and bench.released


def test_ac_parameters_are_impossible():
    bench = PevBench().at(Pev.ChargeParameterDiscovery)
    bench.answer(parameter=din.EVSEChargeParameter())
    assert bench.ended == (R.BAD_VALUE, False)


def test_status_of_an_ac_charger_is_impossible():
    bench = PevBench().at(Pev.PowerDeliveryStart)
    bench.answer(din.PowerDeliveryRes(ResponseCode=din.responseCode.OK, EVSEStatus=din.AC_EVSEStatus(
        PowerSwitchClosed=True, RCD=False, NotificationMaxDelay=0, EVSENotification=din.EVSENotification.None_)))
    assert bench.ended == (R.BAD_VALUE, False) and bench.released


@pytest.mark.parametrize("limits", [{"max_v": 300.0}, {"min_v": 370.0}])
def test_incompatible_voltage(limits):
    bench = PevBench().at(Pev.ChargeParameterDiscovery)
    bench.answer(parameter=parameters(**limits))
    assert bench.state is Pev.SessionStop and not bench.machine.wants_lock
    bench.answer()
    assert bench.ended == (R.INCOMPATIBLE_VOLTAGE, True)


# --- EVSE status

@pytest.mark.parametrize("code", [STATUS.EVSE_NotReady, STATUS.EVSE_Ready, STATUS.EVSE_IsolationMonitoringActive, STATUS.Reserved_8,
                                  STATUS.Reserved_9, STATUS.Reserved_A, STATUS.Reserved_B, STATUS.Reserved_C])
@pytest.mark.parametrize("state", [*WITH_STATUS, Pev.CurrentDemand, Pev.PowerDeliveryStop, Pev.WeldingDetection])
def test_calm_and_reserved_status_codes_go_on(state, code):
    bench = PevBench().at(state)
    before = bench.machine.stopping
    bench.answer(code=code)
    assert bench.ended is None and bench.machine.stopping is before
    assert any(code.name in n for n in bench.notes) is (code.name.startswith("Reserved") and state in [*WITH_STATUS, Pev.CurrentDemand])


@pytest.mark.parametrize("code, reason, urgent", [
    (STATUS.EVSE_Shutdown, R.CHARGER_SHUTDOWN, False), (STATUS.EVSE_UtilityInterruptEvent, R.CHARGER_UTILITY, False),
    (STATUS.EVSE_EmergencyShutdown, R.CHARGER_EMERGENCY, True), (STATUS.EVSE_Malfunction, R.CHARGER_MALFUNCTION, True)])
@pytest.mark.parametrize("state", WITH_STATUS)
def test_status_that_stops_before_charging(state, code, reason, urgent):
    bench = PevBench().at(state)
    bench.answer(code=code)
    powered = state is Pev.PowerDeliveryStart
    assert bench.state is (Pev.PowerDeliveryStop if powered else Pev.SessionStop)
    assert bench.machine.wants_contactors is (powered and not urgent)
    assert bench.machine.wants_pilot_c is (powered and not urgent)
    while bench.ended is None:
        bench.forward()
    assert bench.ended == (reason, True) and bench.released


@pytest.mark.parametrize("code, reason, urgent", [
    (STATUS.EVSE_Shutdown, R.CHARGER_STOP, False), (STATUS.EVSE_UtilityInterruptEvent, R.CHARGER_UTILITY, False),
    (STATUS.EVSE_EmergencyShutdown, R.CHARGER_EMERGENCY, True), (STATUS.EVSE_Malfunction, R.CHARGER_MALFUNCTION, True)])
def test_status_that_stops_charging(code, reason, urgent):
    bench = PevBench().at(Pev.CurrentDemand)
    bench.answer(code=code)
    assert bench.state is Pev.PowerDeliveryStop and bench.last.ReadyToChargeState is False
    assert (790 in bench.checkpoints) is (code is STATUS.EVSE_Shutdown)
    assert bench.machine.wants_contactors is (not urgent) and bench.machine.wants_pilot_c is (not urgent)
    while bench.ended is None:
        bench.forward()
    assert bench.ended == (reason, True)
    assert (850 in bench.checkpoints) is (not urgent)            # welding detection is left out in an emergency


def test_notification_stops_charging():
    bench = PevBench().at(Pev.CurrentDemand)
    bench.answer(notification=din.EVSENotification.StopCharging)
    assert bench.state is Pev.PowerDeliveryStop and bench.machine.stopping is R.CHARGER_STOP


def test_isolation_fault_ends_the_cable_check():
    bench = PevBench().at(Pev.CableCheck)
    bench.answer(isolation=din.isolationLevel.Fault)
    assert bench.machine.stopping is R.CABLE_CHECK_FAILED and bench.state is Pev.SessionStop


@pytest.mark.parametrize("level", [din.isolationLevel.Warning, din.isolationLevel.Invalid, None])
def test_other_isolation_levels_go_on(level):
    bench = PevBench().at(Pev.CableCheck)
    bench.answer(isolation=level)
    assert bench.state is Pev.PreCharge


# --- stops from inside

@pytest.mark.parametrize("state", [s for s in ORDER if s in STOPPABLE])
@pytest.mark.parametrize("paused", [False, True])
def test_user_stop_in_every_state(state, paused):
    bench = PevBench().at(state)
    if paused:                                                  # between an answer and the next request
        if state not in (Pev.ContractAuthentication, Pev.ChargeParameterDiscovery, Pev.CableCheck, Pev.PreCharge, Pev.CurrentDemand):
            return
        bench.facts.inlet_voltage = 0.0
        bench.answer(finished=False, volts=0.0)
    sent = len(bench.sent)
    waiting = bench.machine._exchange.awaiting
    bench.stop(R.USER_STOP)
    if waiting:
        assert len(bench.sent) == sent                          # half duplex: the answer comes first
        bench.answer(finished=False)
    powered = state not in BEFORE_POWER
    assert type(bench.sent[sent]) is (din.PowerDeliveryReq if powered else din.SessionStop)
    if powered:
        assert bench.sent[sent].ReadyToChargeState is False
    while bench.ended is None:
        bench.forward()
    assert bench.ended == (R.USER_STOP, True) and bench.released


@pytest.mark.parametrize("state", [s for s in ORDER if s not in STOPPABLE])
def test_a_later_stop_changes_nothing(state):
    bench = PevBench().at(state)
    bench.stop(R.CAR_STOP)
    while bench.ended is None:
        bench.forward()
    assert bench.ended == (R.USER_STOP, True)


def test_stop_while_a_stopping_answer_would_close_the_contactors():
    bench = PevBench().at(Pev.PreCharge)
    bench.stop(R.SAFETY_TRIP, urgent=True)
    bench.facts.inlet_voltage = BATTERY
    bench.answer(volts=BATTERY)
    assert not bench.machine.wants_contactors and bench.state is Pev.SessionStop


@pytest.mark.parametrize("state", [s for s in ORDER if s in STOPPABLE])
def test_safety_trip_releases_at_once(state):
    bench = PevBench().at(state)
    bench.facts.trip = "inlet too hot"
    bench.machine.handle_timer(bench.now)
    bench._collect()
    assert bench.machine.stopping is R.SAFETY_TRIP
    assert not bench.machine.wants_contactors and not bench.machine.wants_pilot_c
    while bench.ended is None:
        bench.forward()
    assert bench.ended == (R.SAFETY_TRIP, True)


@pytest.mark.parametrize("answer", [
    {"code": din.DC_EVSEStatusCode.EVSE_Shutdown}, {"rc": din.responseCode.FAILED}])
def test_what_a_charger_says_to_our_trip_does_not_become_the_reason(answer):
    bench = PevBench().at(Pev.PreCharge)
    bench.facts.trip = "inlet overvoltage"
    bench.answer(volts=500.0, **answer)
    while bench.ended is None:
        bench.forward()
    assert bench.ended[0] is R.SAFETY_TRIP


@pytest.mark.parametrize("inlet, reason", [(BATTERY, R.NOT_CONFIRMED), (BATTERY + 15.0, R.PRECHARGE_TIMEOUT)])
def test_contactors_that_do_not_close_on_a_voltage_that_ran_away_are_not_to_blame(inlet, reason):
    bench = PevBench().at(Pev.WaitContactorsClosed)
    bench.follow = False
    bench.facts.contactors_closed = False
    bench.facts.inlet_voltage = inlet
    bench.run(t.CONFIRMATION_LIMIT)
    assert bench.machine.stopping is reason


@pytest.mark.parametrize("change, reason", [
    ({"soc": 98.0}, R.BATTERY_FULL), ({"permission": False}, R.CAR_STOP), ({"permission": False, "soc": 85.0}, R.BATTERY_FULL),
    ({"contactors_closed": False}, R.SAFETY_TRIP)])
def test_the_car_ends_charging(change, reason):
    bench = PevBench().at(Pev.CurrentDemand)
    bench.follow = False
    for name, new in change.items():
        setattr(bench.facts, name, new)
    bench.answer()
    assert bench.state is Pev.PowerDeliveryStop and bench.machine.stopping is reason
    assert bench.last.EVPowerDeliveryParameter.ChargingComplete is (reason is R.BATTERY_FULL)


def test_battery_silence_means_no_current_then_the_end():
    bench = PevBench().at(Pev.CurrentDemand)
    bench.answer()
    bench.until_sent()
    begin = bench.machine._battery_seen
    bench.facts.target_current = bench.facts.permission = None
    while bench.machine.stopping is None:
        bench.answer()
        if bench.machine.stopping is None:
            bench.until_sent()
            if type(bench.last) is din.CurrentDemandReq:
                assert value(bench.last.EVTargetCurrent) == 0
    assert bench.machine.stopping is R.BATTERY_SILENT
    assert t.BATTERY_SILENCE_LIMIT <= bench.now - begin < t.BATTERY_SILENCE_LIMIT + 300 * MS


@pytest.mark.parametrize("state", [Pev.WaitReady, Pev.CableCheck, Pev.PreCharge])
def test_a_silent_battery_ends_the_session_before_power_as_well(state):
    """Not by the limit of the state: 5 s for the lock, 40 s for the cable check, 30 s for precharge."""
    bench = PevBench(follow=False)
    bench.facts.lock_confirmed = bench.facts.pilot_c = True
    bench.at(state)
    if state is Pev.WaitReady:
        bench.facts.lock_confirmed = False
    bench.facts.target_current = None             # some say what they want only when charging
    bench.facts.permission = bench.facts.battery_voltage = None
    begin = bench.now
    while bench.machine.stopping is None and bench.now - begin < 60 * S:
        bench.run(100 * MS)
        if bench.machine._exchange.awaiting:
            bench.answer(finished=False, volts=0.0)
    assert bench.machine.stopping is R.BATTERY_SILENT and bench.now - begin <= t.BATTERY_SILENCE_LIMIT + 300 * MS


def test_a_battery_that_says_something_is_not_silent():
    bench = PevBench(follow=False).at(Pev.ChargeParameterDiscovery)
    bench.facts.lock_confirmed = False
    bench.facts.target_current = bench.facts.target_voltage = bench.facts.permission = None
    bench.answer()
    bench.run(t.BATTERY_SILENCE_LIMIT + 1 * S)
    assert bench.state is Pev.WaitReady and bench.machine.stopping is None


@pytest.mark.parametrize("state", [Pev.WaitReady, Pev.CableCheck, Pev.PreCharge])
def test_the_battery_may_veto_before_power(state):
    bench = PevBench(follow=False)
    bench.facts.lock_confirmed = bench.facts.pilot_c = True
    bench.at(state)
    bench.facts.permission = False
    bench.machine.handle_timer(bench.now)
    bench._collect()
    assert bench.machine.stopping is R.CAR_STOP


# --- the end

def test_state_b_and_open_contactors_come_before_welding_detection():
    bench = PevBench().at(Pev.PowerDeliveryStop)
    bench.follow = False
    assert bench.machine.wants_contactors and bench.machine.wants_pilot_c        # until the charger has answered
    bench.answer()
    assert not bench.machine.wants_contactors and not bench.machine.wants_pilot_c and bench.machine.wants_lock
    bench.facts.contactors_closed = None
    bench.run(1 * S)
    assert bench.state is Pev.WaitContactorsOpen
    bench.facts.contactors_closed = False
    bench.run(40 * MS)
    assert bench.state is Pev.WeldingDetection


def test_welding_detection_repeats_until_the_voltage_is_gone():
    bench = PevBench().at(Pev.WeldingDetection)
    for volts in (350.0, 110.0, 60.0):
        bench.answer(volts=volts)
        assert bench.state is Pev.WeldingDetection
        bench.until_sent()
    bench.answer(volts=59.0)
    assert bench.state is Pev.SessionStop and bench.machine.wants_lock


def test_welding_detection_is_bounded_and_told():
    bench = PevBench().at(Pev.WeldingDetection)
    rounds = 0
    while bench.state is Pev.WeldingDetection:
        bench.answer(volts=350.0)
        rounds += 1
        if bench.state is Pev.WeldingDetection:
            bench.until_sent()
    assert rounds == 10 and any("welded" in n for n in bench.notes)
    bench.answer()
    assert bench.ended == (R.USER_STOP, True)


def test_the_lock_is_kept_until_the_session_is_over():
    bench = PevBench().at(Pev.SessionStop)
    assert bench.machine.wants_lock
    bench.answer()
    assert not bench.machine.wants_lock
