"""The car's ISO 15118-2 machine in AC: what its on-board charger may draw, and that the load ends before power is given back."""
from __future__ import annotations

import pytest

from kernel.timer import MS, S
from tasks.stop_reasons import StopReason as R
from tasks.v2g import timing as t
from tasks.v2g.pev_states import Pev
from tests.v2g.iso2_pev_bench import Iso2PevBench, ac_parameters, schedule


def charging(drawn: float | None = 16.0, **config) -> Iso2PevBench:
    bench = Iso2PevBench(ac=True, **config).at(Pev.ChargingStatus)
    bench.facts.ac_current = drawn
    return bench


def test_nothing_is_drawn_before_power_and_nothing_in_dc():
    for state in (Pev.SessionSetup, Pev.ChargeParameterDiscovery, Pev.PowerDeliveryStart):
        assert Iso2PevBench(ac=True).at(state).machine.wants_current is None
    assert Iso2PevBench().at(Pev.CurrentDemand).machine.wants_current is None


@pytest.mark.parametrize("amps, watts, config, drawn", [
    (16.0, 60000.0, {}, 16.0), (32.0, 60000.0, {}, 16.0), (32.0, 60000.0, {"ac_max_current_a": 32.0}, 32.0), (10.0, 60000.0, {}, 10.0),
    (16.0, 6900.0, {}, 10.0), (16.0, 4140.0, {}, 6.0), (16.0, 4000.0, {"pause_without_power_s": 0}, 0.0), (5.0, 60000.0, {}, 0.0), (5.0, 60000.0, {"ac_min_current_a": 5.0}, 5.0)])
def test_the_least_of_charger_schedule_and_configuration(amps, watts, config, drawn):
    bench = Iso2PevBench(ac=True, **config).at(Pev.ChargeParameterDiscovery)
    body = bench.response(Pev.ChargeParameterDiscovery)
    body.EVSEChargeParameter, body.SASchedules = ac_parameters(amps=amps), schedule((0, watts))
    bench.answer(body=body)
    for _ in range(20):
        if bench.state is Pev.ChargingStatus:
            break
        bench.forward()
    assert bench.state is Pev.ChargingStatus and bench.machine.wants_current == pytest.approx(drawn) and bench.machine.wants_contactors is False


def test_a_schedule_below_what_the_on_board_charger_can_do_is_a_pause():
    bench = Iso2PevBench(ac=True).at(Pev.ChargeParameterDiscovery)
    body = bench.response(Pev.ChargeParameterDiscovery)
    body.EVSEChargeParameter, body.SASchedules = ac_parameters(amps=16.0), schedule((0, 4000.0), (7200, 11000.0))
    bench.answer(body=body)
    while bench.ended is None:
        bench.forward()
    assert bench.ended == (R.PAUSED, True) and bench.machine.resume_at > 7000 * S and bench.machine.wants_current is None


def test_the_share_that_a_person_allows_limits_the_current():
    bench = charging()
    bench.facts.power_share = 0.5
    assert bench.machine.wants_current == pytest.approx(8.0)
    bench.facts.power_share = 0.1
    assert bench.machine.wants_current == pytest.approx(6.0), "not below what it can do"


def test_single_phase_gets_the_schedule_on_one_phase():
    bench = Iso2PevBench(ac=True, energy_transfer_modes=["AC_single_phase_core"])
    assert bench.machine.phases == 1 or bench.machine.dc
    bench.start()
    bench.answer()
    bench.answer(modes=("AC_single_phase_core",))
    assert bench.machine.phases == 1 and not bench.machine.dc


@pytest.mark.parametrize("reason", [R.USER_STOP, R.BATTERY_FULL])
def test_the_load_ends_before_power_is_given_back(reason):
    bench = charging()
    bench.answer()
    if reason is R.USER_STOP:
        bench.stop(reason)
    else:
        bench.facts.soc = 99.0
        bench.wake(bench.now)
    assert bench.machine.wants_current == 0.0
    bench.run(1100 * MS)
    if bench.state is Pev.ChargingStatus:                    # a question is out: its answer comes first
        bench.answer()
    assert bench.state is Pev.WaitLoadEnded and bench.machine.wants_pilot_c is True and bench.machine.wants_current == 0.0
    bench.facts.ac_current = 1.0
    bench.run(500 * MS)
    assert bench.state is Pev.WaitLoadEnded
    bench.facts.ac_current = 0.9
    bench.run(t.FACT_POLL)
    assert bench.state is Pev.PowerDeliveryStop and bench.machine.wants_pilot_c is True
    bench.answer()
    assert bench.state is Pev.SessionStop and bench.machine.wants_pilot_c is False
    bench.answer()
    assert bench.ended == (reason, True) and bench.machine.wants_current == 0.0


def in_wait(drawn: float | None) -> Iso2PevBench:
    bench = charging(drawn)
    bench.answer()
    bench.stop(R.USER_STOP)                                  # between two questions: no answer is awaited
    return bench


@pytest.mark.parametrize("drawn, waits", [(None, False), (0.9, False), (-0.9, False), (1.0, True), (-1.0, True)])
def test_who_does_not_draw_or_does_not_say_is_not_waited_for(drawn, waits):
    assert in_wait(drawn).state is (Pev.WaitLoadEnded if waits else Pev.PowerDeliveryStop)


@pytest.mark.parametrize("at_the_end", [16.0, None])
def test_an_on_board_charger_that_draws_on_is_waited_for_three_seconds(at_the_end):
    bench = in_wait(16.0)
    begin = bench.now
    while bench.state is Pev.WaitLoadEnded:
        bench.wake(bench.machine.next_timer())
        if at_the_end is None and bench.now - begin > 2900 * MS:
            bench.facts.ac_current = None
    assert bench.state is Pev.PowerDeliveryStop
    assert bench.now - begin == t.LOAD_END_LIMIT if at_the_end else 2900 * MS <= bench.now - begin < t.LOAD_END_LIMIT
    assert at_the_end is None or any("still draws 16.0 A" in note for note in bench.notes)


def test_an_urgent_stop_waits_for_no_load():
    bench = charging()
    bench.answer()
    bench.facts.trip = "Stop button"
    bench.wake(bench.now)
    assert bench.machine.wants_pilot_c is False and bench.machine.wants_current == 0.0 and bench.state is not Pev.WaitLoadEnded


def test_what_becomes_urgent_while_the_load_ends():
    bench = in_wait(16.0)
    assert bench.state is Pev.WaitLoadEnded
    bench.stop(R.SAFETY_TRIP, urgent=True)
    assert bench.machine.wants_pilot_c is False
    bench.run(t.FACT_POLL)
    assert bench.state is Pev.PowerDeliveryStop


def test_a_residual_current_at_the_charger_ends_at_once():
    bench = charging()
    bench.answer(rcd=True)
    assert bench.machine.stopping is R.CHARGER_MALFUNCTION and bench.machine.wants_pilot_c is False and bench.state is Pev.PowerDeliveryStop
