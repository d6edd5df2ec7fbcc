"""The car's machine in a bridge: it waits for its vehicle, precharges to an estimate, and closes onto a measurement alone."""
import pytest

from kernel.timer import MS, S
from tasks.stop_reasons import StopReason as R
from tasks.v2g import timing as t
from tasks.v2g.din_pev_table import Pev
from tests.v2g.iso2_pev_bench import Iso2PevBench
from tests.v2g.pev_bench import BATTERY, PevBench


@pytest.fixture(params=[PevBench, Iso2PevBench])
def bench(request):
    made = request.param()
    facts = made.facts
    facts.vehicle_ready = facts.vehicle_joined = False
    facts.battery_voltage, facts.precharge_voltage = BATTERY - 20, BATTERY - 15      # an estimate, and a little more
    return made


def asked(bench):
    """V of the last PreChargeReq."""
    value = bench.last.EVTargetVoltage
    return value.Value * 10.0 ** value.Multiplier


def finished(bench):
    bench.at(Pev.CableCheck)
    return bench.answer()


def test_after_the_cable_check_it_waits_for_the_permission_of_the_vehicle(bench):
    assert finished(bench).state is Pev.WaitVehicle
    sent = len(bench.sent)
    bench.run(2 * S)
    assert bench.state is Pev.WaitVehicle and len(bench.sent) == sent
    bench.facts.vehicle_ready = True
    bench.run(t.FACT_POLL)
    assert bench.state is Pev.PreCharge and type(bench.last).__name__ == "PreChargeReq"


def test_a_slow_vehicle_does_not_keep_precharge_from_beginning(bench):
    finished(bench).run(t.VEHICLE_READY_LIMIT - MS)
    assert bench.state is Pev.WaitVehicle
    bench.run(2 * MS)
    assert bench.state is Pev.PreCharge and bench.ended is None


def test_a_vehicle_that_is_ready_already_is_not_waited_for(bench):
    bench.facts.vehicle_ready = True
    assert finished(bench).state is Pev.PreCharge


def test_what_is_asked_for_is_the_estimate_with_its_bias_and_the_stall_lasts_until_the_vehicle_has_closed(bench):
    bench.facts.vehicle_ready = True
    finished(bench)
    bench.facts.inlet_voltage = BATTERY - 15
    for _ in range(8):
        bench.answer(volts=BATTERY - 15).until_sent()
        assert asked(bench) == BATTERY - 15
    assert bench.state is Pev.PreCharge and not bench.machine.wants_contactors
    bench.facts.vehicle_joined = True                            # its contactors: now it is measured
    bench.facts.battery_voltage, bench.facts.precharge_voltage = BATTERY, BATTERY + 2
    bench.answer(volts=BATTERY - 15).until_sent()
    assert asked(bench) == BATTERY + 2 and not bench.machine.wants_contactors
    bench.facts.inlet_voltage = BATTERY + 2
    bench.answer(volts=BATTERY + 2)
    assert bench.state is Pev.WaitContactorsClosed and bench.machine.wants_contactors


@pytest.mark.parametrize("difference, tolerance, closes", [(4.0, 5.0, True), (6.0, 5.0, False), (6.0, None, True), (11.0, None, False)])
def test_the_match_is_as_narrow_as_the_bridge_says(bench, difference, tolerance, closes):
    facts = bench.facts
    facts.vehicle_ready = facts.vehicle_joined = True
    facts.battery_voltage, facts.precharge_tolerance = BATTERY, tolerance
    finished(bench)
    facts.inlet_voltage = BATTERY + difference
    bench.answer(volts=BATTERY + difference)
    assert bench.machine.wants_contactors is closes


def test_a_stop_of_the_vehicle_ends_the_stall_without_power(bench):
    finished(bench)
    bench.stop(R.CAR_FAULT)
    assert bench.state is Pev.SessionStop and not bench.machine.wants_pilot_c
    bench.answer()
    assert bench.ended == (R.CAR_FAULT, True)


def test_an_urgent_stop_lets_go_of_the_outputs_at_once(bench):
    facts = bench.facts
    facts.vehicle_ready = facts.vehicle_joined = True
    facts.battery_voltage = BATTERY
    bench.at(Pev.CurrentDemand)
    bench.stop(R.CAR_SILENT_CAN, urgent=True)
    assert not bench.machine.wants_pilot_c and not bench.machine.wants_contactors


def test_the_charger_is_told_the_error_that_the_bridge_names(bench):
    assert finished(bench).state is Pev.WaitVehicle
    bench.facts.error = "FAILED_EVShiftPosition"
    bench.facts.vehicle_ready = True
    bench.run(t.FACT_POLL)
    assert bench.last.DC_EVStatus.EVErrorCode.name == "FAILED_EVShiftPosition"


@pytest.mark.parametrize("says, told", [(1800.0, 1800), (None, None), (90_000.0, 32767)])
def test_the_charger_hears_the_time_that_the_vehicle_says(bench, says, told):
    facts = bench.facts
    facts.vehicle_ready = facts.vehicle_joined = True
    facts.battery_voltage, facts.remaining_seconds = BATTERY, says
    bench.at(Pev.CurrentDemand)
    value = bench.last.RemainingTimeToFullSoC
    seconds = value.Value * 10 ** value.Multiplier
    assert told is None and seconds not in (0, 1800) or seconds == told
    bulk = bench.last.RemainingTimeToBulkSoC
    assert bulk.Value * 10 ** bulk.Multiplier <= seconds
