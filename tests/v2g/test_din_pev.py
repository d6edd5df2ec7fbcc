"""The car's machine: each state, the good case, waiting for facts, each timer at its time."""
from __future__ import annotations

import pytest

from exi_native.messages import din
from kernel.timer import MS, NEVER, S
from tasks.messages import SessionEstablished
from tasks.stop_reasons import StopReason as R
from tasks.v2g import timing as t
from tasks.v2g.din_pev_table import CHECKPOINTS, ROWS, Pev
from tasks.v2g.physical import A, V, from_float

from tests.v2g.pev_bench import BATTERY, EVCCID, ORDER, SESSION, PevBench, response

ASKING = [s for s in ORDER if ROWS[s].response is not None]


def value(pv):
    return pv.Value * 10.0 ** pv.Multiplier


# --- the table

def test_every_state_has_a_row_a_short_text_and_a_way_into_it():
    assert all(row.text and len(row.text) <= 20 for row in ROWS.values())
    assert set(ORDER) | {Pev.Idle, Pev.Ended, Pev.WaitVehicle} == set(ROWS)       # the last: test_pev_bridge.py
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
    assert numbers == [500, 506, 510, 520, 530, 538, 540, 555, 556, 550, 560, 570, 581, 590, 600, 700, 800, 806, 810, 850, 900, 905]
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
    ({"max_power": 20000.0}, 400.0, 20000.0 / BATTERY),                # battery power, at the voltage of now
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
    for volts in (BATTERY - 6.0, BATTERY):           # within the tolerance, but perhaps passing by
        bench.answer(volts=volts)
        assert not bench.machine.wants_contactors
        bench.run(500 * MS)                          # asked again
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
    while not bench.machine.wants_contactors:
        assert bench.now < begin + 3 * S
        bench.answer(volts=230.0, after=10 * MS)
        if not bench.machine.wants_contactors:
            bench.wake(bench.machine.next_timer())
    assert bench.now == begin + 2 * S and value(bench.last.EVTargetCurrent) == 1


@pytest.mark.parametrize("closed", [True, False])
def test_a_light_bulb_that_is_not_connected_ends_the_session(closed):
    bench = PevBench(light_bulb_demo=True)
    bench.at(Pev.PreCharge)
    bench.facts.inlet_voltage = 230.0
    bench.answer(volts=230.0)
    bench.answer()
    bench.follow = closed
    end = bench.now + 20 * S
    while bench.now < end and bench.state is Pev.CurrentDemand:
        bench.answer(volts=230.0, after=10 * MS)
        if bench.state is Pev.CurrentDemand:
            bench.wake(bench.machine.next_timer())
    if closed:
        assert bench.state is Pev.CurrentDemand and bench.machine.wants_contactors
    else:
        assert bench.now == end - 18 * S + t.CONFIRMATION_LIMIT and not bench.machine.wants_contactors and bench.state is not Pev.CurrentDemand



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
    elif state is Pev.SessionStop:
        assert bench.ended == (R.USER_STOP, True) and bench.released         # nor does an alpitronic HYC300 this
    else:
        assert bench.ended == (R.USER_STOP if state is Pev.PowerDeliveryStop else R.TIMEOUT, False) and bench.released


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
