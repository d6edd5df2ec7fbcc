"""The DiDeBoCCS power supply: the sums of its weights, the load relay, the voltage from the converter, and a cable check with it."""
import math
import random

import pytest

from drivers.focccicape.didebo import WEIGHTS, DiDeBoConfig, DiDeBoMeter, DiDeBoSupply, combination, total
from drivers.interfaces import PilotState
from exi_native.messages import din
from kernel.timer import MS, S
from tasks.v2g.cable_check import CableCheck, Step
from tasks.v2g.config import EvseConfig
from tasks.v2g.facts import EvseFacts
from tests.drivers.focccicape.twin import Box


def bench(**settings):
    config, box = DiDeBoConfig(**settings), Box()
    supply = DiDeBoSupply(config, box.weights, box.load)
    return box, supply, DiDeBoMeter(config, supply, box, "AIN1")


def test_the_greatest_first_is_the_best_sum():
    sums = [total(tuple(bool(n >> k & 1) for k in range(5))) for n in range(32)]
    assert all(weight > sum(w for w, _ in WEIGHTS[n + 1:]) for n, (weight, _) in enumerate(WEIGHTS))
    for voltage in range(0, 501):
        assert total(combination(voltage)) == max(s for s in sums if s <= voltage)
    assert (total(combination(224.9)), total(combination(225)), total(combination(1000)), total(combination(11.9))) == (187, 225, 412, 0)


def test_never_more_than_asked_for_on_the_way_either():
    rng = random.Random(1)
    box, supply, _ = bench()
    before = 0.0
    for n in range(2000):
        wanted = rng.choice((0, 12, 187, 200, 224, 225, 300, 412, rng.uniform(0, 450)))
        box.highest = 0.0
        assert supply.set(wanted, 1.0, n) and box.sum == supply.standing <= wanted and box.highest <= max(wanted, before)
        before = wanted


@pytest.mark.parametrize("voltage, current", [(math.nan, 1), (300, math.nan), (math.inf, 1), (-1, 1), (300, -1)])
def test_nonsense_switches_off(voltage, current):
    box, supply, _ = bench()
    supply.set(300, 1, 0)
    assert supply.set(voltage, current, 1) is False and supply.errors == 1 and box.sum == 0 and not box.load.on


def test_the_load_relay_closes_with_the_charge_loop_and_the_supply_stays_below_the_battery():
    box, supply, meter = bench()
    assert supply.set(350, 2.0, 0) and not box.load.on and meter.current(0) == 0.0 and box.sum == 350
    assert supply.set(398, 60.0, 1) and box.load.on and box.sum == 337 and meter.current(1) == 10.0        # 345 V wanted
    assert supply.set(398, 0.5, 2) and box.load.on, "the loop goes on"
    assert supply.set(330, 60.0, 3) and box.sum == 325, "nor above what the car asks for now"
    assert supply.off(4) and not box.load.on and box.sum == 0 and meter.current(4) == 0.0
    assert supply.set(300, 1.0, 5) and not box.load.on and box.sum == 300


def test_a_pin_that_refuses_is_told_and_the_others_go_off():
    box, supply, _ = bench()
    supply.set(350, 60.0, 0)
    box.weights[1].refuses = True
    assert supply.off(1) is False and supply.errors == 1 and not box.load.on and box.sum == 100
    box.weights[1].refuses = False
    assert supply.off(2) is True and box.sum == 0
    box.weights[0].refuses = True
    assert supply.set(350, 1, 3) is False
    box.load.refuses = True
    assert supply.off(4) is False
    box.weights[0].refuses = box.load.refuses = False
    assert supply.off(5) is True and supply.errors == 3
    supply.set(300, 1, 6)
    box.weights[0].refuses = True
    assert supply.set(100, 1, 7) is False and box.sum == 225 and supply.standing == 0, "nothing goes on while something cannot go off"


def test_the_voltage_of_the_converter():
    box, supply, meter = bench()
    for voltage in (0, 12, 187, 300, 412):
        supply.set(voltage, 1, 0)
        assert meter.voltage(0) == pytest.approx(voltage, abs=0.01)
    assert meter.errors == 0
    box.battery = 497.0                        # 1.7976 V: the converter is at its end
    assert meter.voltage(0) is None
    box.battery, box.wire_broken = None, True
    assert meter.voltage(0) is None
    box.wire_broken, box.dead = False, True
    assert meter.voltage(0) is None and meter.errors == 3


def test_insulation_is_unknown_unless_somebody_wants_it_told():
    box, supply, meter = bench()
    supply.set(300, 1, 0)
    assert meter.isolation(10 * S) is None
    box, supply, meter = bench(told_insulation_ohm=1e6)
    supply.set(300, 1, 0)
    assert meter.isolation(1439 * MS) is None and meter.isolation(1440 * MS) == 1e6
    for scale, told in ((0.901, 1e6), (0.899, None), (1.099, 1e6), (1.101, None)):
        box.scale = scale
        assert meter.isolation(2 * S) == told
    box.scale, box.short = 1.0, True
    assert meter.isolation(2 * S) is None
    box.short = False
    supply.set(300, 60, 2 * S)
    assert meter.isolation(9 * S) is None, "only in the cable check"
    supply.off(9 * S)
    assert meter.isolation(20 * S) is None


@pytest.mark.parametrize("told, short, end", [(1e6, False, Step.Finished), (1e6, True, Step.Failed), (0.0, False, Step.Failed)])
def test_a_cable_check_with_it(told, short, end):
    """400 V as this project asks (pyPLC: 300 V): it stands, or the check fails in its 40 s."""
    box, supply, meter = bench(told_insulation_ohm=told)
    box.short = short
    check = CableCheck(EvseConfig(max_voltage_v=400), 400.0, 0, din.isolationLevel)
    facts, now = EvseFacts(), 0
    facts.pilot = PilotState.C
    while not check.done and now < 60 * S:
        now += 50 * MS
        facts.output_voltage, facts.isolation = meter.voltage(now), meter.isolation(now)
        check.step(facts, now)
        supply.set(*check.wants_output, now) if check.wants_output else supply.off(now)
    assert check.step_name is end and now < 41 * S and box.sum == 0
