"""The steady path of the safety tasks decides what the full evaluation decides, and keeps what it publishes fresh."""
import random

import pytest

from kernel.timer import MS, S
from tasks.safety.facts import SafetyState
from tests.safety.bench import Bench


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_the_steady_path_decides_exactly_what_the_full_path_decides(seed):
    """Two identical worlds, one evaluating at every run, one only when something can have changed."""
    def world(fast: bool) -> tuple[list, Bench]:
        rng = random.Random(1000 + seed)
        bench = Bench(fast=fast)
        trace = []
        bench.each_tick = lambda: trace.append((
            bench.now, bench.safety.state, bench.evse.state, bench.safety.trip, bench.evse.trip, bench.plant.pilot.state_c,
            bench.plant.car_contactors.commanded, bench.plant.car_lock.commanded, bench.plant.stage.on, bench.plant.stage.voltage,
            bench.plant.stage.current, bench.plant.pilot.duty, bench.plant.inlet_voltage, bench.plant.current))
        if rng.random() < 0.7:
            bench.charge(settle=2 * S)
        for _ in range(40):
            choice = rng.randrange(12)
            if choice < 5:
                bench.want(c=rng.choice((True, True, None)), closed=rng.choice((True, True, None)), lock=rng.choice((True, True, None)),
                           output=rng.choice((None, (bench.plant.battery.ocv(), 2.0), (400.0, 60.0))), duty=rng.choice((5.0, 5.0, 5.0, 100.0, None)))
            elif choice == 5:
                bench.plant.break_pilot(bench.now, rng.random() < 0.3)
            elif choice == 6:
                bench.voltmeter.set_faults(failed=rng.random() < 0.2, offset=rng.choice((0.0, 0.0, 30.0)))
            elif choice == 7:
                bench.bms.failed = rng.random() < 0.2
            elif choice == 8:
                bench.plant.stop_button = bench.plant.charger_stop_button = rng.random() < 0.2
            elif choice == 9:
                bench.silent = rng.random() < 0.3
            elif choice == 10:
                bench.safety.reset(bench.now)
                bench.evse.reset(bench.now)
            else:
                bench.plant.car_contactors.feedback_fault = rng.choice(("", "", "", "off", "broken"))
            bench.run(rng.randrange(1, 200) * 10 * MS)
        return trace, bench
    fast, quick = world(True)
    slow, full = world(False)
    for a, b in zip(fast, slow):
        assert a == b
    assert len(fast) == len(slow) and len({row[1] for row in fast}) >= 4
    assert quick.safety.evaluations < 0.8 * full.safety.evaluations
    assert decisions(quick.lines) == decisions(full.lines)


def decisions(lines: list[str]) -> list[str]:
    """Without the rate-limited reasons why nothing happened: those count evaluations."""
    return [line for line in lines if "waits before granting" not in line]


def test_the_steady_path_sees_a_signal_that_is_written_twice_at_one_instant():
    bench = Bench()
    bench.charge()
    assert bench.state == "Closed"
    bench.run(10 * MS)
    at = bench.now - 10 * MS
    bench.safety.run(at)
    bench._leases["closed"].renew(True, at)
    bench.safety.run(at)
    bench._leases["closed"].release(at)               # the same time stamp, another value
    bench.safety.run(at)
    assert bench.safety.state is SafetyState.CurrentOff


def test_every_fact_of_safety_stays_fresh():
    bench = Bench()
    bench.charge()

    def check():
        for signal in (bench.car.contactors_closed, bench.car.lock_confirmed, bench.car.pilot_commanded, bench.car.safety_state):
            assert signal.fresh(bench.now), signal.name
    bench.each_tick = check
    bench.run(3 * S)
    assert bench.car.safety_state.value == SafetyState.Closed.name
