"""The car's side of ISO 15118-2: the way through DC and AC sessions, every request as it goes out, renegotiation, pause, refusals."""
from __future__ import annotations

import pytest

from exi_native import codec
from exi_native.messages import iso2
from kernel.timer import MS, NEVER, S
from tasks.stop_reasons import NORMAL_ENDS
from tasks.stop_reasons import StopReason as R
from tasks.v2g import timing as t
from tasks.v2g.iso2_pev_table import CHECKPOINTS, ROWS
from tasks.v2g.iso2_values import from_float
from tasks.v2g.pev_states import LAST_STEPS, STOPPABLE, Pev
from tasks.v2g.physical import PhysicalValue, W
from tests.v2g.iso2_pev_bench import AC, DC, NONE, Iso2PevBench, ac_parameters, ac_status, parameters, response, schedule
from tests.v2g.pev_bench import BATTERY, SESSION

CODE, NOTIFICATION = iso2.responseCode, iso2.EVSENotification
STATUS = iso2.DC_EVSEStatusCode
ENGINE = codec.load(schemas=("ISO2",))
OPTIONAL = [Pev.ServiceDetail, Pev.MeteringReceipt, Pev.PowerDeliveryRenegotiate]


def value(pv: PhysicalValue) -> float:
    return pv.Value * 10.0 ** pv.Multiplier


def whole(bench):
    """To the end, pressing stop in the charge loop; every request is one that the codec takes and gives back."""
    bench.start()
    while bench.ended is None:
        bench.forward()
    for header, body in zip(bench.headers, bench.sent):
        message = iso2.V2G_Message(Header=header, Body=iso2.Body(BodyElement=body))
        assert ENGINE.decode("ISO2", ENGINE.encode("ISO2", message)) == message
    return bench


def into(bench, state):
    """Into any state of the table, the optional ones too."""
    if state is Pev.ServiceDetail:
        return bench.at(state)
    if state not in OPTIONAL:
        return bench.at(state)
    bench.at(Pev.ChargingStatus if bench.ac else Pev.CurrentDemand)
    bench.answer(receipt=state is Pev.MeteringReceipt, notification=NOTIFICATION.ReNegotiation if state is Pev.PowerDeliveryRenegotiate else NONE)
    assert bench.state is state
    return bench


def bench_for(state, **config):
    if state is Pev.ServiceDetail:
        config["ask_service_detail"] = True
    return into(Iso2PevBench(ac=state is Pev.ChargingStatus, **config), state)


# --- the table ----------------------------------------------------------------------------------------------------------

def test_every_state_has_a_row_a_short_text_and_a_limit():
    assert set(ROWS) == set(DC) | set(AC) | set(OPTIONAL) | {Pev.Idle, Pev.WaitLoadEnded, Pev.WaitVehicle, Pev.Ended}
    for state, row in ROWS.items():
        assert 0 < len(row.text) <= 20 and (row.request is None) == (row.response is None)
        assert row.timeout[0] <= row.timeout[1] and row.limit[0] <= row.limit[1]
        if row.request is not None:
            assert row.timeout[0] != NEVER and row.sent in CHECKPOINTS
        elif state not in (Pev.Idle, Pev.Ended):
            assert row.limit[1] != NEVER
    strict = {state.name: row.timeout[0] // S for state, row in ROWS.items() if row.request}
    assert {name for name, seconds in strict.items() if seconds == 5} == {"ServiceDetail", "PowerDeliveryStart", "PowerDeliveryStop", "PowerDeliveryRenegotiate"}
    assert ROWS[Pev.CurrentDemand].timeout[0] == 250 * MS and all(s == 2 for n, s in strict.items() if n not in ("CurrentDemand",) and s not in (5,))


# --- the way ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("ac, order", [(False, DC), (True, AC)])
def test_a_session_from_begin_to_end(ac, order):
    bench = whole(Iso2PevBench(ac=ac))
    assert bench.ended == (R.USER_STOP, True) and bench.released
    entered = [e.new for e in bench.events if type(e).__name__ == "StateChanged"]
    assert entered == [s.name for s in order] + ["Ended"]
    names = [type(body).__name__ for body in bench.sent]
    assert names == [n for n in names if not n.startswith(("CableCheck", "PreCharge", "Welding", "CurrentDemand"))] or not ac


def test_what_a_dc_car_says():
    bench = whole(Iso2PevBench())
    said = {type(body).__name__: body for body in bench.sent}
    assert said["PaymentServiceSelectionReq"].SelectedServiceList.SelectedService[0].ServiceID == 9
    assert said["AuthorizationReq"] == iso2.AuthorizationReq()
    asked = said["ChargeParameterDiscoveryReq"]
    assert asked.RequestedEnergyTransferMode is iso2.EnergyTransferMode.DC_extended and asked.MaxEntriesSAScheduleTuple == 3
    assert value(asked.EVChargeParameter.EVMaximumVoltageLimit) == 405 and value(asked.EVChargeParameter.EVEnergyRequest) == 14400
    starts = [b for b in bench.sent if type(b) is iso2.PowerDeliveryReq]
    assert [b.ChargeProgress.name for b in starts] == ["Start", "Stop"] and {b.SAScheduleTupleID for b in starts} == {7}
    assert [(e.ChargingProfileEntryStart, value(e.ChargingProfileEntryMaxPower)) for e in starts[0].ChargingProfile.ProfileEntry] == [(0, 60000)]
    assert starts[1].ChargingProfile is None and said["SessionStopReq"].ChargingSession is iso2.chargingSession.Terminate
    assert value(said["CurrentDemandReq"].EVTargetCurrent) == 100 and bench.headers[0].SessionID == bytes(8) and bench.headers[-1].SessionID == SESSION


def test_what_an_ac_car_says():
    bench = whole(Iso2PevBench(ac=True, ac_max_current_a=20.0))
    asked = next(b for b in bench.sent if type(b) is iso2.ChargeParameterDiscoveryReq)
    assert asked.RequestedEnergyTransferMode is iso2.EnergyTransferMode.AC_three_phase_core
    p = asked.EVChargeParameter
    assert (value(p.EAmount), value(p.EVMaxVoltage), value(p.EVMaxCurrent), value(p.EVMinCurrent)) == (14400, 230, 20, 6)
    start = next(b for b in bench.sent if type(b) is iso2.PowerDeliveryReq)
    assert start.EVPowerDeliveryParameter is None
    assert value(start.ChargingProfile.ProfileEntry[0].ChargingProfileEntryMaxPower) == 3 * 230 * 20


@pytest.mark.parametrize("offered, mode", [
    (("DC_core", "DC_extended"), "DC_extended"), (("DC_core",), "DC_core"), (("AC_single_phase_core", "DC_combo_core"), "DC_combo_core"), (("DC_unique",), "DC_unique"),
])
def test_the_cars_order_decides_among_the_transfer_modes(offered, mode):
    bench = Iso2PevBench().at(Pev.ServiceDiscovery)
    bench.answer(modes=offered)
    assert bench.machine.transfer_mode.name == mode


def test_a_charger_without_a_mode_of_this_car_is_left_in_order():
    bench = Iso2PevBench().at(Pev.ServiceDiscovery)
    bench.answer(modes=("AC_single_phase_core",))
    assert bench.state is Pev.SessionStop and any("AC_single_phase_core" in note for note in bench.notes)
    bench.answer()
    assert bench.ended == (R.NO_TRANSFER_MODE, True) and R.NO_TRANSFER_MODE not in NORMAL_ENDS


@pytest.mark.parametrize("processing", [iso2.EVSEProcessing.Ongoing, iso2.EVSEProcessing.Ongoing_WaitingForCustomerInteraction])
def test_authorization_is_asked_again_until_its_limit(processing):
    bench = Iso2PevBench(tolerant_timeouts=False).at(Pev.Authorization)
    begin = bench.now
    while bench.state is Pev.Authorization:
        bench.answer(finished=False, processing=processing)
        bench.run(300 * MS)
    assert t.V2G_EVCC_Ongoing_Timeout <= bench.now - begin < t.V2G_EVCC_Ongoing_Timeout + S and bench.machine.stopping is R.ONGOING_TIMEOUT


# --- schedules ------------------------------------------------------------------------------------------------------------

def test_the_schedule_limits_the_power_over_time():
    bench = Iso2PevBench().at(Pev.ChargeParameterDiscovery)
    bench.answer(schedules=schedule((0, 36000.0), (60, 7200.0), (120, 90000.0)))
    while bench.state is not Pev.CurrentDemand:
        bench.forward()
    seen = []
    begin = bench.now
    for after in (0, 30, 61, 119, 121):
        while bench.now - begin < after * S:
            bench.answer()
            bench.until_sent()
        request = bench.last
        seen.append(round(value(request.EVTargetCurrent) * BATTERY, -2))
    assert seen == [36000, 36000, 7200, 7200, 36000]          # 100 A is what the battery wants


def test_a_schedule_whose_starts_do_not_rise_is_refused():
    for entries in (((0, 1.0), (0, 2.0)), ((10, 1.0), (5, 2.0))):
        bench = Iso2PevBench().at(Pev.ChargeParameterDiscovery)
        bench.answer(schedules=schedule(*entries))
        assert bench.ended == (R.BAD_VALUE, False) and bench.released


# --- renegotiation, receipts, pause --------------------------------------------------------------------------------------

@pytest.mark.parametrize("ac", [False, True])
@pytest.mark.parametrize("own", [False, True])
def test_renegotiation_keeps_contactors_and_state_c_and_brings_new_limits(ac, own):
    loop = Pev.ChargingStatus if ac else Pev.CurrentDemand
    bench = Iso2PevBench(ac=ac).at(loop)
    if own:
        bench.machine.renegotiate(bench.now)
    bench.answer(notification=NONE if own else NOTIFICATION.ReNegotiation)
    assert bench.state is Pev.PowerDeliveryRenegotiate and bench.last.ChargeProgress is iso2.chargeProgress.Renegotiate
    bench.answer()
    assert bench.state is Pev.ChargeParameterDiscovery
    bench.answer(parameter=ac_parameters(amps=8.0) if ac else parameters(max_a=20.0), schedules=schedule((0, 5000.0), tuple_id=3))
    assert bench.state is Pev.PowerDeliveryStart and bench.last.SAScheduleTupleID == 3
    bench.answer()
    assert bench.state is loop and bench.machine.charger.max_current == (8.0 if ac else 20.0) and bench.machine.power_limit == 5000.0
    assert bench.machine.wants_pilot_c and bench.machine.wants_lock and bench.machine.wants_contactors is not ac
    names = [type(body).__name__ for body in bench.sent]
    assert names.count("CableCheckReq") <= 1 and names.count("ChargeParameterDiscoveryReq") == 2
    bench.answer()
    assert bench.state is loop, "once is enough"


def test_a_wish_to_renegotiate_outside_the_charge_loop_is_forgotten():
    bench = Iso2PevBench().at(Pev.CableCheck)
    bench.machine.renegotiate(bench.now)
    while bench.state is not Pev.CurrentDemand:
        bench.forward()
    bench.answer()
    assert bench.state is Pev.CurrentDemand


@pytest.mark.parametrize("state", [Pev.PowerDeliveryRenegotiate, Pev.ChargeParameterDiscovery, Pev.PowerDeliveryStart])
@pytest.mark.parametrize("change, reason", [({"permission": False}, R.CAR_STOP), ({"soc": 99.0}, R.BATTERY_FULL), ({"contactors_closed": False}, R.SAFETY_TRIP),
                                            ({"trip": "Stop button"}, R.SAFETY_TRIP)])
def test_what_ends_charging_ends_a_renegotiation(state, change, reason):
    bench = into(Iso2PevBench(), Pev.PowerDeliveryRenegotiate)
    while bench.state is not state:
        bench.answer()
    bench.follow = False
    for name, new in change.items():
        setattr(bench.facts, name, new)
    bench.answer(finished=False) if state is Pev.ChargeParameterDiscovery else bench.answer()
    assert bench.machine.stopping is reason and bench.state is Pev.PowerDeliveryStop


@pytest.mark.parametrize("ac", [False, True])
def test_a_receipt_is_returned_unsigned_and_the_loop_goes_on(ac):
    loop = Pev.ChargingStatus if ac else Pev.CurrentDemand
    bench = Iso2PevBench(ac=ac).at(loop)
    bench.answer(receipt=True)
    assert bench.state is Pev.MeteringReceipt and bench.last == iso2.MeteringReceiptReq(
        SessionID=SESSION, SAScheduleTupleID=7, MeterInfo=iso2.MeterInfo(MeterID="meter", MeterReading=1234))
    bench.answer()
    assert bench.state is loop and type(bench.last) in (iso2.CurrentDemandReq, iso2.ChargingStatusReq)


def test_a_pause_ends_in_order_and_the_next_session_asks_for_the_old_one():
    bench = Iso2PevBench().at(Pev.CurrentDemand)
    bench.stop(R.PAUSED)
    bench.answer()
    while bench.ended is None:
        bench.forward()
    assert bench.ended == (R.PAUSED, True) and bench.sent[-1].ChargingSession is iso2.chargingSession.Pause
    assert bench.machine.paused and bench.released
    again = Iso2PevBench(resume=SESSION).start()
    assert again.headers[0].SessionID == SESSION
    again.answer(rc=CODE.OK_OldSessionJoined)
    assert 507 in again.checkpoints and again.state is Pev.ServiceDiscovery
    fresh = Iso2PevBench(resume=SESSION).start()
    fresh.answer(rc=CODE.OK_NewSessionEstablished, session=b"\x09" * 8)
    assert fresh.machine.session_id == b"\x09" * 8 and 507 not in fresh.checkpoints


def test_a_stop_is_no_pause_and_a_broken_pause_neither():
    bench = whole(Iso2PevBench())
    assert not bench.machine.paused
    bench = Iso2PevBench().at(Pev.CurrentDemand)
    bench.stop(R.PAUSED)
    bench.machine.lost(R.TCP_RESET, bench.now)
    assert not bench.machine.paused


# --- refusals and ends --------------------------------------------------------------------------------------------------------

EVERY = [s for s in ROWS if ROWS[s].response is not None]


@pytest.mark.parametrize("state", EVERY)
@pytest.mark.parametrize("code", [c for c in CODE if c.name.startswith("FAILED")])
def test_every_failed_code_ends_the_session_unless_it_is_ending_already(state, code):
    bench = bench_for(state)
    bench.answer(rc=code, volts=10.0)
    if ROWS[state].failed_goes_on:
        assert bench.ended is None or bench.ended[1]
        return
    reason, normal = bench.ended
    assert not normal and bench.released
    assert reason is (R.UNKNOWN_SESSION if code is CODE.FAILED_UnknownSession else R.CABLE_CHECK_FAILED if state is Pev.CableCheck else
                      R.USER_STOP if bench.machine.stopping else R.FAILED_RESPONSE)


@pytest.mark.parametrize("state", EVERY)
def test_silence_is_a_timeout_except_at_the_last_courtesies(state):
    bench = bench_for(state)
    bench.run(2 * max(ROWS[state].timeout) + 10 * S)
    if state in (Pev.WeldingDetection, Pev.SessionStop):
        assert bench.ended == (R.USER_STOP, True)
    else:
        assert bench.ended is not None and not bench.ended[1] and bench.ended[0] in (R.TIMEOUT, R.USER_STOP) and bench.released


@pytest.mark.parametrize("state", EVERY)
def test_another_response_is_a_sequence_error(state):
    for other in EVERY:
        if ROWS[other].response is ROWS[state].response:
            continue
        bench = bench_for(state)
        bench.answer(body=response(other))
        assert bench.ended is not None and not bench.ended[1] and bench.released
        assert bench.ended[0] is (R.USER_STOP if bench.machine.stopping else R.SEQUENCE_ERROR)


@pytest.mark.parametrize("state", [s for s in EVERY if s is not Pev.SessionSetup])
@pytest.mark.parametrize("session", [bytes(8), SESSION[:7], SESSION[:-1] + b"\0", b""])
def test_another_session_id_ends_the_session(state, session):
    bench = bench_for(state)
    bench.answer(session=session)
    assert bench.ended is not None and not bench.ended[1] and bench.released


@pytest.mark.parametrize("state", [s for s in EVERY if s in STOPPABLE])
def test_stop_in_every_state_ends_in_order(state):
    bench = bench_for(state)
    bench.stop(R.USER_STOP)
    for _ in range(40):
        if bench.ended is not None:
            break
        bench.forward()
    power = state in (Pev.PowerDeliveryStart, Pev.CurrentDemand, *OPTIONAL[1:], Pev.ChargingStatus)
    assert bench.ended == (R.USER_STOP, True) and bench.released
    stops = [b for b in bench.sent if type(b) is iso2.PowerDeliveryReq and b.ChargeProgress is iso2.chargeProgress.Stop]
    assert len(stops) == power


@pytest.mark.parametrize("state", [s for s in EVERY if s in LAST_STEPS])
def test_stop_on_the_way_out_changes_nothing(state):
    bench = bench_for(state)
    bench.stop(R.CHARGER_STOP)
    while bench.ended is None:
        bench.forward()
    assert bench.ended == (R.USER_STOP, True)


@pytest.mark.parametrize("code, reason, urgent", [
    (STATUS.EVSE_Shutdown, R.CHARGER_STOP, False), (STATUS.EVSE_UtilityInterruptEvent, R.CHARGER_UTILITY, False),
    (STATUS.EVSE_EmergencyShutdown, R.CHARGER_EMERGENCY, True), (STATUS.EVSE_Malfunction, R.CHARGER_MALFUNCTION, True)])
def test_evse_status_in_the_charge_loop(code, reason, urgent):
    bench = Iso2PevBench().at(Pev.CurrentDemand)
    bench.answer(code=code)
    assert bench.machine.stopping is reason and bench.state is Pev.PowerDeliveryStop
    assert bench.machine.wants_pilot_c is not urgent and bench.machine.wants_contactors is not urgent


@pytest.mark.parametrize("state", [Pev.CurrentDemand, Pev.ChargingStatus])
def test_a_notification_to_stop_is_obeyed_at_once(state):
    bench = bench_for(state)
    bench.answer(notification=NOTIFICATION.StopCharging)
    assert bench.machine.stopping is R.CHARGER_STOP and bench.state is Pev.PowerDeliveryStop


def test_a_residual_current_at_an_ac_post_is_urgent():
    bench = bench_for(Pev.ChargingStatus)
    bench.answer(rcd=True)
    assert bench.machine.stopping is R.CHARGER_MALFUNCTION and not bench.machine.wants_pilot_c


@pytest.mark.parametrize("body", [
    lambda: response(Pev.ChargeParameterDiscovery, parameter=ac_parameters()),
    lambda: response(Pev.ChargeParameterDiscovery, parameter=parameters(max_v=1.0)),
    lambda: response(Pev.ChargeParameterDiscovery, parameter=iso2.DC_EVSEChargeParameter(**{
        **{f: getattr(parameters(), f) for f in parameters().__dataclass_fields__}, "EVSEMaximumVoltageLimit": iso2.PhysicalValue(Multiplier=3, Unit=iso2.unitSymbol.A, Value=1)})),
    lambda: response(Pev.ChargeParameterDiscovery, schedules=iso2.SAScheduleList(SAScheduleTuple=[iso2.SAScheduleTuple(
        SAScheduleTupleID=1, PMaxSchedule=iso2.PMaxSchedule(PMaxScheduleEntry=[iso2.PMaxScheduleEntry(
            TimeInterval=iso2.RelativeTimeInterval(start=0), PMax=iso2.PhysicalValue(Multiplier=0, Unit=iso2.unitSymbol.V, Value=1))]))])),
])
def test_charge_parameters_that_cannot_be_true_or_do_not_fit_end_the_session(body):
    bench = Iso2PevBench().at(Pev.ChargeParameterDiscovery)
    bench.answer(body=body())
    assert bench.machine.stopping is R.INCOMPATIBLE_VOLTAGE or bench.ended == (R.BAD_VALUE, False)
    assert not bench.machine.wants_pilot_c and not bench.machine.wants_contactors


def test_an_ac_post_that_answers_with_dc_parameters_is_refused():
    bench = Iso2PevBench(ac=True).at(Pev.ChargeParameterDiscovery)
    bench.answer(body=response(Pev.ChargeParameterDiscovery))
    assert bench.ended == (R.BAD_VALUE, False)
    bench = Iso2PevBench(ac=True).at(Pev.PowerDeliveryStart)
    bench.answer(body=response(Pev.PowerDeliveryStart, ac=True, rcd=False))
    assert bench.state is Pev.ChargingStatus and ac_status().RCD is False and from_float(1.0, W).Unit is iso2.unitSymbol.W
