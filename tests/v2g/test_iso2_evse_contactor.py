"""The charger's ISO 15118-2 machine and its mains contactor: PowerDeliveryRes waits for it both ways, bounded; what a trip, RCD and a meter tell the car."""
from __future__ import annotations

import pytest

from drivers.interfaces import PilotState
from exi_native.messages import iso2
from kernel.timer import MS, NEVER, S
from tasks.stop_reasons import StopReason as R
from tasks.v2g import timing as t
from tasks.v2g.evse_states import Evse
from tests.v2g.iso2_evse_bench import Iso2Bench, Stop

CODE = iso2.responseCode
STOP_NOTE = iso2.EVSENotification.StopCharging


def waiting(state=Evse.PowerDeliveryStart, **config) -> Iso2Bench:
    """The contactor does nothing by itself; the car is in state C and has asked for power, or from ChargingStatus for its end."""
    bench = Iso2Bench(ac=True, **config).at(state)
    bench.contactor = bench.follow = False
    bench.facts.pilot = PilotState.C
    bench.facts.contactors_closed = state is Evse.ChargingStatus
    bench.ask(iso2.PowerDeliveryReq, **({"progress": Stop} if state is Evse.ChargingStatus else {}))
    return bench


@pytest.mark.parametrize("unknown", [False, None])
@pytest.mark.parametrize("after_ms", [0, 300, 2400])
def test_power_on_waits_for_the_contactor(after_ms, unknown):
    bench = waiting()
    bench.facts.contactors_closed = unknown
    answers = len(bench.answers)
    bench.run(after_ms * MS)
    assert len(bench.answers) == answers and bench.state is Evse.PowerDeliveryStart and bench.machine.wants_ac is True
    bench.facts.contactors_closed = True
    bench.run(20 * MS)
    assert len(bench.answers) == answers + 1 and bench.code is CODE.OK and bench.state is Evse.ChargingStatus and bench.machine.wants_ac is True
    bench.run(60 * S - 1)
    assert bench.ended is None                               # the contactor's bound is over with its answer


@pytest.mark.parametrize("blocked, code, word", [("", CODE.FAILED_ContactorError, "its confirmation"),
                                                 ("Ventilation needed", CODE.FAILED_PowerDeliveryNotApplied, "Ventilation needed")])
def test_a_contactor_that_is_not_granted_is_told_in_time(blocked, code, word):
    bench = waiting()
    bench.facts.blocked = blocked
    begin = bench.now
    while bench.ended is None:
        bench.wake(bench.machine.next_timer())
    assert bench.code is code and bench.ended == (R.NOT_CONFIRMED, False) and bench.machine.wants_ac is False
    assert t.CONTACTOR_CLOSED_LIMIT <= bench.now - begin <= t.CONTACTOR_CLOSED_LIMIT + t.FACT_POLL and any(word in note for note in bench.notes)


def test_state_c_and_contactor_together_stay_below_what_the_car_waits():
    worst = t.V2G_SECC_CPState_Detection_Timeout + t.CONTACTOR_CLOSED_LIMIT + 3 * t.FACT_POLL
    assert worst < t.V2G_SECC_Msg_Performance_PowerDeliveryRes_ISO2 and t.CONTACTOR_OPEN_LIMIT + t.FACT_POLL < t.V2G_SECC_Msg_Performance_PowerDeliveryRes_ISO2


@pytest.mark.parametrize("what, code, reason", [("trip", CODE.FAILED_ContactorError, R.SAFETY_TRIP), ("stop", CODE.FAILED_PowerDeliveryNotApplied, R.USER_STOP),
                                                ("b", CODE.FAILED_PowerDeliveryNotApplied, R.CAR_LEFT_C), ("ask", CODE.FAILED_SequenceError, R.SEQUENCE_ERROR)])
def test_what_may_happen_while_the_contactor_moves(what, code, reason):
    bench = waiting()
    if what == "trip":
        bench.facts.trip = "Contactor not closed"
    elif what == "stop":
        bench.stop(R.USER_STOP)
    elif what == "b":
        bench.facts.pilot = PilotState.B
    else:
        bench.ask(iso2.PowerDeliveryReq)
    bench.run(100 * MS)
    assert bench.code is code and bench.ended == (reason, False) and bench.machine.wants_ac is False and bench.machine.next_timer() == NEVER


@pytest.mark.parametrize("what, reason", [("unplug", R.UNPLUGGED), ("lost", R.TCP_RESET)])
def test_nobody_is_left_to_answer(what, reason):
    bench = waiting()
    answers = len(bench.answers)
    if what == "unplug":
        bench.pilot(PilotState.A)
    else:
        bench.machine.lost(R.TCP_RESET, bench.now)
        bench._collect()
    assert bench.ended == (reason, False) and len(bench.answers) == answers and bench.machine.wants_ac is False


@pytest.mark.parametrize("unknown", [True, None])
@pytest.mark.parametrize("after_ms", [0, 300, 3900])
def test_power_off_waits_for_the_contactor(after_ms, unknown):
    bench = waiting(Evse.ChargingStatus)
    bench.facts.contactors_closed = unknown
    answers = len(bench.answers)
    assert bench.machine.wants_ac is False and bench.machine.load_ended is True
    bench.run(after_ms * MS)
    assert len(bench.answers) == answers and bench.state is Evse.ChargingStatus
    bench.facts.contactors_closed = False
    bench.run(20 * MS)
    assert len(bench.answers) == answers + 1 and bench.code is CODE.OK and bench.state is Evse.SessionStop
    bench.run(10 * S)
    assert bench.ended is None
    bench.ask(iso2.SessionStopReq)
    assert bench.ended == (R.CAR_STOP, True)


def test_a_contactor_that_stays_closed_is_a_contactor_error():
    bench = waiting(Evse.ChargingStatus)
    begin = bench.now
    while bench.ended is None:
        bench.wake(bench.machine.next_timer())
    assert bench.code is CODE.FAILED_ContactorError and bench.ended == (R.NOT_CONFIRMED, False)
    assert t.CONTACTOR_OPEN_LIMIT <= bench.now - begin <= t.CONTACTOR_OPEN_LIMIT + t.FACT_POLL


def test_a_weld_is_told_as_the_trip_that_it_is():
    bench = waiting(Evse.ChargingStatus)
    bench.facts.trip = "Contactor welded?"
    bench.run(5 * S)
    assert bench.code is CODE.FAILED_ContactorError and bench.ended == (R.SAFETY_TRIP, False)


def test_power_off_before_power_on_needs_no_contactor():
    bench = Iso2Bench(ac=True).at(Evse.PowerDeliveryStart)
    bench.facts.contactors_closed = False
    bench.ask(iso2.PowerDeliveryReq, progress=Stop)
    assert bench.code is CODE.OK and bench.state is Evse.SessionStop


@pytest.mark.parametrize("tripped, told", [(True, True), (False, False), (None, False)])
def test_the_rcd_is_told(tripped, told):
    bench = Iso2Bench(ac=True).at(Evse.ChargingStatus)
    bench.facts.residual_current = tripped
    bench.facts.trip = "Residual current" if tripped else ""
    bench.ask(iso2.ChargingStatusReq)
    assert bench.status.RCD is told and (bench.status.EVSENotification is STOP_NOTE) is told and bench.machine.wants_ac is not told
    assert bench.code is CODE.OK


def test_a_trip_in_the_loop_is_told_and_bounded():
    bench = Iso2Bench(ac=True).at(Evse.ChargingStatus)
    bench.contactor = False
    bench.facts.trip, bench.facts.contactors_closed = "Stop button", False
    bench.ask(iso2.ChargingStatusReq)
    assert bench.status.EVSENotification is STOP_NOTE and bench.status.RCD is False and bench.machine.wants_ac is False
    bench.ask(iso2.PowerDeliveryReq, progress=Stop)
    assert bench.code is CODE.OK
    bench.ask(iso2.SessionStopReq)
    assert bench.ended == (R.SAFETY_TRIP, True)
    silent = Iso2Bench(ac=True).at(Evse.ChargingStatus)
    silent.facts.trip = "Stop button"
    silent.wake(silent.now)
    silent.run(11 * S)
    assert silent.ended == (R.SAFETY_TRIP, False)


@pytest.mark.parametrize("blocked, word", [("", "the contactor"), ("Ventilation needed", "Ventilation needed")])
def test_a_contactor_that_is_not_granted_again_is_told_after_five_seconds(blocked, word):
    bench = Iso2Bench(ac=True).at(Evse.ChargingStatus)
    bench.contactor = False
    bench.facts.contactors_closed, bench.facts.blocked = False, blocked
    bench.ask(iso2.ChargingStatusReq)
    bench.run(4 * S)
    assert bench.machine.stopping is None
    bench.run(2 * S)
    assert bench.machine.stopping is R.NOT_CONFIRMED and bench.machine.wants_ac is False and any(word in note for note in bench.notes)


@pytest.mark.parametrize("energy, reading", [(None, None), (0.0, 0), (1234.9, 1234), (9_999_999.0, 9_999_999)])
def test_the_meter(energy, reading):
    bench = Iso2Bench(ac=True, evse_id_text="DE*ABC*E" + "1" * 29).at(Evse.ChargingStatus)
    bench.facts.ac_energy = energy
    bench.ask(iso2.ChargingStatusReq)
    info = bench.last.MeterInfo
    assert (info and info.MeterReading) == reading and (info is None or info.MeterID == bench.machine.config.evse_id_text[:32])
