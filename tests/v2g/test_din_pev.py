"""The car's machine: each state, each way out, each timer at its time."""
from __future__ import annotations

import pytest

from exi_native.messages import din
from kernel.timer import MS, NEVER, S
from tasks.messages import SessionEstablished
from tasks.stop_reasons import StopReason as R
from tasks.v2g import timing as t
from tasks.v2g.din_pev_table import CHECKPOINTS, ROWS, STOPPABLE, Pev
from tasks.v2g.physical import PhysicalValue, A, V, from_float

from tests.v2g.pev_bench import BATTERY, EVCCID, ORDER, SESSION, PevBench, parameters, response

STATUS = din.DC_EVSEStatusCode
ASKING = [s for s in ORDER if ROWS[s].response is not None]
BEFORE_POWER = ORDER[:ORDER.index(Pev.WaitContactorsClosed)]
WITH_STATUS = [Pev.ChargeParameterDiscovery, Pev.CableCheck, Pev.PreCharge, Pev.PowerDeliveryStart]
FAILED_GOES_ON = [Pev.PowerDeliveryStop, Pev.WeldingDetection, Pev.SessionStop]
FAILED = [c for c in din.responseCode if c.name.startswith("FAILED")]


def value(pv):
    return pv.Value * 10.0 ** pv.Multiplier


# --- the table

def test_every_state_has_a_row_a_short_text_and_a_way_into_it():
    assert set(ROWS) == set(Pev)
    assert all(row.text and len(row.text) <= 20 for row in ROWS.values())
    assert set(ORDER) | {Pev.Idle, Pev.Ended} == set(Pev)
    assert all((row.request is None) == (row.response is None) for row in ROWS.values())
    assert all(row.timeout[0] != NEVER and row.sent in CHECKPOINTS for row in ROWS.values() if row.request)
    assert all(row.timeout[0] <= row.timeout[1] and row.limit[0] <= row.limit[1] for row in ROWS.values())
    waiting = [s for s in ORDER if ROWS[s].request is None]
    assert all(ROWS[s].limit[1] != NEVER for s in waiting)          # nothing waits for ever


@pytest.mark.parametrize("state", ORDER)
def test_every_state_is_reached(state):
    bench = PevBench().at(state)
    assert bench.state is state and bench.ended is None
    assert bench.machine.next_timer() != NEVER


def test_idle_machine_ignores_and_waits_for_nothing():
    bench = PevBench()
    bench.answer(body=response(Pev.SessionStop))
    bench.machine.handle_timer(bench.now)
    bench.stop(R.USER_STOP)
    bench.machine.lost(R.TCP_RESET, bench.now)
    assert bench.machine.ignored == 1 and bench.machine.next_timer() == NEVER and not bench.events


# --- the good case

def test_whole_session_ends_in_order():
    bench = PevBench().at(Pev.SessionStop)
    bench.answer()
    assert bench.ended == (R.USER_STOP, True) and bench.released and bench.state is Pev.Ended
    assert [type(b).__name__ for b in bench.sent] == [
        "SessionSetupReq", "ServiceDiscoveryReq", "ServicePaymentSelectionReq", "ContractAuthenticationReq",
        "ChargeParameterDiscoveryReq", "CableCheckReq", "PreChargeReq", "PowerDeliveryReq", "CurrentDemandReq", "PowerDeliveryReq",
        "WeldingDetectionReq", "SessionStop"]
    numbers = bench.checkpoints
    assert numbers == [500, 506, 510, 520, 530, 538, 540, 555, 556, 550, 560, 570, 590, 600, 700, 800, 806, 810, 850, 900, 905]
    assert bench.headers[0].SessionID == bytes(8) and {h.SessionID for h in bench.headers[1:]} == {SESSION}
    assert any(type(e) is SessionEstablished for e in bench.events)
    assert bench.machine.next_timer() == NEVER
    bench.answer(body=response(Pev.SessionStop))
    assert bench.machine.ignored == 1


def test_requests_carry_what_chargers_need():
    bench = PevBench().at(Pev.CurrentDemand)
    by_type = {type(b): b for b in bench.sent}
    assert by_type[din.SessionSetupReq].EVCCID == EVCCID
    assert by_type[din.ServicePaymentSelectionReq].SelectedServiceList.SelectedService[0].ServiceID == 7
    discovery = by_type[din.ChargeParameterDiscoveryReq].EVChargeParameter
    assert None not in (discovery.EVMaximumPowerLimit, discovery.EVEnergyCapacity, discovery.EVEnergyRequest, discovery.FullSOC, discovery.BulkSOC)
    assert value(discovery.EVMaximumVoltageLimit) == 405 and value(discovery.EVEnergyRequest) == pytest.approx(14400)
    assert not discovery.DC_EVStatus.EVReady and discovery.DC_EVStatus.EVRESSSOC == 50
    precharge = by_type[din.PreChargeReq]
    assert value(precharge.EVTargetVoltage) == BATTERY and value(precharge.EVTargetCurrent) <= 2.0 and precharge.DC_EVStatus.EVReady
    power = by_type[din.PowerDeliveryReq]
    assert power.ReadyToChargeState is True and power.ChargingProfile is None
    loop = by_type[din.CurrentDemandReq]
    assert None not in (loop.EVMaximumVoltageLimit, loop.EVMaximumCurrentLimit, loop.EVMaximumPowerLimit, loop.BulkChargingComplete,
                        loop.RemainingTimeToFullSoC, loop.RemainingTimeToBulkSoC)


def test_charging_profile_carries_the_schedule_id_as_received():
    bench = PevBench(send_charging_profile=True).at(Pev.PowerDeliveryStart)
    assert bench.last.ChargingProfile.SAScheduleTupleID == 10


@pytest.mark.parametrize("change, volts, amps", [
    ({}, 400.0, 100.0),
    ({"target_voltage": 450.0}, 405.0, 100.0),                         # battery maximum
    ({"target_current": 130.0}, 400.0, 110.0),                         # battery maximum
    ({"max_power": 20000.0}, 400.0, 50.0),                             # battery power
    ({"target_current": None}, BATTERY, 0.0),                          # unknown wish: nothing
    ({"permission": None}, BATTERY, 0.0),
    ({"max_voltage": 420.0, "target_voltage": 415.0}, 410.0, 100.0),   # configuration
])
def test_targets_are_the_minimum_of_all(change, volts, amps):
    bench = PevBench().at(Pev.CurrentDemand)
    for name, new in change.items():
        setattr(bench.facts, name, new)
    bench.answer()
    bench.until_sent()
    assert value(bench.last.EVTargetVoltage) == pytest.approx(volts) and value(bench.last.EVTargetCurrent) == pytest.approx(amps, abs=0.1)


def test_charger_limits_count_and_may_change_while_charging():
    bench = PevBench().at(Pev.CurrentDemand)
    body = response(Pev.CurrentDemand)
    body.EVSEMaximumCurrentLimit, body.EVSEMaximumVoltageLimit = from_float(30, A), from_float(390, V)
    bench.answer(body)
    bench.until_sent()
    assert value(bench.last.EVTargetCurrent) == 30 and value(bench.last.EVTargetVoltage) == 390


def test_charge_loop_keeps_its_pace():
    bench = PevBench().at(Pev.CurrentDemand)
    first = bench.now
    bench.answer(after=100 * MS)
    bench.until_sent()
    assert bench.now == first + 250 * MS
    bench.answer(after=400 * MS)                  # a slow charger gets the next request at once
    assert len([b for b in bench.sent if type(b) is din.CurrentDemandReq]) == 3


@pytest.mark.parametrize("code", [din.responseCode.OK, din.responseCode.OK_NewSessionEstablished])
@pytest.mark.parametrize("length", [1, 4, 8])
def test_session_setup_accepts_known_variants(code, length):
    bench = PevBench().start()
    session = bytes(range(1, length + 1))
    bench.answer(rc=code, session=session)
    assert bench.state is Pev.ServiceDiscovery and bench.headers[-1].SessionID == session
    bench.answer(session=session)
    assert bench.state is Pev.ServicePaymentSelection


def test_session_setup_refuses_an_empty_session_id():
    bench = PevBench().start().answer(session=b"")
    assert bench.ended == (R.UNKNOWN_SESSION, False)


def test_other_offers_of_the_charger_are_tried():
    bench = PevBench().at(Pev.ServiceDiscovery)
    body = response(Pev.ServiceDiscovery)
    body.PaymentOptions.PaymentOption = [din.paymentOption.Contract]
    body.ChargeService.EnergyTransferType = din.EVSESupportedEnergyTransfer.DC_core
    bench.answer(body).answer().answer()
    assert bench.last.EVRequestedEnergyTransferType is din.EVRequestedEnergyTransfer.DC_core


# --- waiting for facts

def test_lock_then_state_c_then_cable_check():
    bench = PevBench(follow=False).at(Pev.WaitReady)
    assert bench.machine.wants_lock and not bench.machine.wants_pilot_c
    bench.run(1 * S)
    assert not bench.machine.wants_pilot_c                       # not before the lock is confirmed
    bench.facts.lock_confirmed = True
    bench.run(40 * MS)
    assert bench.machine.wants_pilot_c and bench.state is Pev.WaitReady
    bench.facts.pilot_c = True
    bench.run(40 * MS)
    assert bench.state is Pev.CableCheck


@pytest.mark.parametrize("inlet, reported, closes", [
    (BATTERY, BATTERY, True), (BATTERY + 9.9, BATTERY, True), (BATTERY - 10.1, BATTERY, False), (None, BATTERY, False),
    (BATTERY, BATTERY - 25, False),       # two witnesses
    (0.0, BATTERY, False),
])
def test_contactors_are_asked_for_only_at_matching_voltage(inlet, reported, closes):
    bench = PevBench().at(Pev.PreCharge)
    bench.facts.inlet_voltage = inlet
    bench.answer(volts=reported)
    assert bench.machine.wants_contactors is closes
    assert bench.state is (Pev.WaitContactorsClosed if closes else Pev.PreCharge)


def test_unknown_battery_voltage_never_matches():
    bench = PevBench().at(Pev.PreCharge)
    bench.facts.battery_voltage, bench.facts.inlet_voltage = None, 0.0
    bench.answer(volts=0.0)
    assert not bench.machine.wants_contactors


def test_reported_voltage_counts_only_when_chosen():
    bench = PevBench(precharge_voltage_source="reported").at(Pev.PreCharge)
    bench.facts.inlet_voltage = None
    bench.answer(volts=BATTERY)
    assert bench.machine.wants_contactors


def test_power_delivery_waits_for_closed_contactors():
    bench = PevBench(follow=False)
    bench.facts.lock_confirmed = bench.facts.pilot_c = True
    bench.at(Pev.WaitContactorsClosed)
    bench.facts.contactors_closed = None
    bench.run(1 * S)
    assert bench.state is Pev.WaitContactorsClosed
    bench.facts.contactors_closed = True
    bench.run(40 * MS)
    assert bench.state is Pev.PowerDeliveryStart and bench.last.ReadyToChargeState is True


def test_light_bulb_gets_its_voltage_after_charging_has_begun():
    bench = PevBench(light_bulb_demo=True)
    bench.facts.battery_voltage = bench.facts.target_voltage = bench.facts.target_current = None
    bench.at(Pev.PreCharge)
    assert value(bench.last.EVTargetVoltage) == 230
    bench.facts.inlet_voltage = 230.0
    bench.answer(volts=230.0)
    assert bench.state is Pev.PowerDeliveryStart and not bench.machine.wants_contactors
    bench.answer()
    begin = bench.now
    while bench.now < begin + 1900 * MS:
        bench.answer(volts=230.0)
        bench.until_sent()
    assert not bench.machine.wants_contactors or bench.now >= begin + 2 * S
    bench.answer(volts=230.0)
    bench.run(300 * MS)
    assert bench.machine.wants_contactors and value(bench.last.EVTargetCurrent) == 1


# --- timers, each at its exact time

@pytest.mark.parametrize("tolerant", [False, True])
@pytest.mark.parametrize("state", ASKING)
def test_message_timeouts(state, tolerant):
    bench = PevBench(tolerant_timeouts=tolerant).at(state)
    due = bench.now + ROWS[state].timeout[tolerant]
    assert bench.machine._exchange.message.at == due
    bench.wake(due - 1)
    assert bench.ended is None and bench.state is state
    bench.wake(due)
    if state is Pev.WeldingDetection:
        assert bench.state is Pev.SessionStop                    # ABB never answers it
    else:
        stopped = state in (Pev.PowerDeliveryStop, Pev.SessionStop)
        assert bench.ended == (R.USER_STOP if stopped else R.TIMEOUT, False) and bench.released


@pytest.mark.parametrize("state, strict, tolerant, reason", [
    (Pev.ContractAuthentication, t.V2G_EVCC_Ongoing_Timeout, t.FIELD_Ongoing_Timeout_ContractAuthentication, R.ONGOING_TIMEOUT),
    (Pev.ChargeParameterDiscovery, t.V2G_EVCC_Ongoing_Timeout, t.V2G_EVCC_Ongoing_Timeout, R.ONGOING_TIMEOUT),
    (Pev.CableCheck, t.V2G_EVCC_CableCheck_Timeout, t.V2G_EVCC_CableCheck_Timeout, R.CABLE_CHECK_FAILED),
    (Pev.PreCharge, t.V2G_EVCC_PreCharge_Timeout, t.FIELD_PreCharge_Timeout, R.PRECHARGE_TIMEOUT),
])
@pytest.mark.parametrize("patient", [False, True])
def test_phase_limits_count_from_the_first_request(state, strict, tolerant, reason, patient):
    bench = PevBench(tolerant_timeouts=patient).at(state)
    due = bench.now + (tolerant if patient else strict)
    while True:
        bench.answer(finished=False, volts=0.0, after=100 * MS)
        if bench.machine._exchange.send.at >= due:
            break
        bench.until_sent()
    bench.wake(due - 1)
    assert bench.machine.stopping is None
    bench.wake(due)
    assert bench.machine.stopping is reason and not bench.machine.wants_pilot_c
    assert bench.state is Pev.SessionStop
    bench.answer()
    assert bench.ended == (reason, True)


@pytest.mark.parametrize("state", [Pev.WaitReady, Pev.WaitContactorsClosed])
def test_confirmations_are_awaited_for_a_bounded_time(state):
    bench = PevBench(follow=False)
    if state is not Pev.WaitReady:
        bench.facts.lock_confirmed = bench.facts.pilot_c = True
    bench.at(state)
    due = bench.now + t.CONFIRMATION_LIMIT
    bench.run(t.CONFIRMATION_LIMIT - 1)
    assert bench.machine.stopping is None
    bench.wake(due)
    assert bench.machine.stopping is R.NOT_CONFIRMED and not bench.machine.wants_contactors and not bench.machine.wants_pilot_c
    assert bench.state is (Pev.SessionStop if state is Pev.WaitReady else Pev.PowerDeliveryStop)


def test_contactors_that_do_not_open_are_told_and_the_end_goes_on():
    bench = PevBench().at(Pev.PowerDeliveryStop)
    bench.follow = False
    bench.answer()
    assert bench.state is Pev.WaitContactorsOpen and not bench.machine.wants_pilot_c
    bench.facts.contactors_closed = True
    bench.run(t.CONTACTORS_OPEN_LIMIT - 1)
    assert bench.state is Pev.WaitContactorsOpen
    bench.run(1)
    assert bench.state is Pev.WeldingDetection and any("open" in n for n in bench.notes)


def test_ready_to_charge_timeout():
    bench = PevBench().start()
    bench.answer()
    due = bench.now + t.V2G_EVCC_ReadyToCharge_Timeout
    bench.answer().answer()
    while bench.state is Pev.ContractAuthentication and bench.now < due - 40 * S:
        bench.answer(finished=False, after=1 * S).until_sent()
    bench.answer()
    while bench.state is Pev.ChargeParameterDiscovery and bench.machine._exchange.send.at == NEVER and bench.now < due - 2 * S:
        bench.answer(finished=False, after=1 * S).until_sent()
    bench.answer(finished=False, after=1 * S)
    bench.machine._exchange.send.cancel()
    bench.wake(due - 1)
    assert bench.machine.stopping is None
    bench.wake(due)
    assert bench.machine.stopping is R.READY_TO_CHARGE_TIMEOUT


def test_ready_to_charge_timer_ends_with_charging():
    bench = PevBench().at(Pev.CurrentDemand)
    assert not bench.machine._ready.armed


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
    assert bench.ended == (bench.machine.stopping or R.TCP_RESET, False) and bench.released and bench.machine.next_timer() == NEVER


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
