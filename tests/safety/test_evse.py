"""The charger's supervisor: power only for a fresh request of a car in state C, off at once when anything is missing."""
import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.safety.config import EvseSafetyConfig
from tasks.safety.facts import EvseRequests, SafetyState
from tests.safety.bench import Bench
from tests.safety.given import STEP, evse, evse_facts, output

Idle, Delivering, CurrentOff, Decay, Tripped = (SafetyState.Idle, SafetyState.Delivering, SafetyState.CurrentOff, SafetyState.Decay, SafetyState.Tripped)


def test_set_points_are_clamped_to_the_configuration():
    s, now = evse(config=EvseSafetyConfig(max_voltage_v=420.0, max_current_a=50.0))
    out = s.step(evse_facts(), output(1000.0, 200.0), now + S)
    assert (out.on, out.voltage, out.current) == (True, 420.0, 50.0)
    out = s.step(evse_facts(), output(380.0, 0.0), now + 2 * S)
    assert (out.on, out.voltage, out.current) == (True, 380.0, 0.0)


def test_state_b_ends_the_output_at_once_and_the_request_must_be_released():
    s, now = evse()
    out = s.step(evse_facts(pilot=PilotState.B), output(), now + S)
    assert not out.on and s.state is CurrentOff and not s.latch.trips
    for n in range(50):
        out = s.step(evse_facts(output_voltage=0.0, output_current_at=now + 2 * S), output(), now + 2 * S + n * STEP)
        assert not out.on
    assert s.state is Idle
    s.step(evse_facts(output_voltage=0.0), EvseRequests(duty=5.0), now + 4 * S)
    assert s.step(evse_facts(output_voltage=0.0), output(), now + 5 * S).on


def test_the_output_comes_back_from_decay_for_precharge_after_the_cable_check():
    s, now = evse()
    s.step(evse_facts(output_voltage=500.0), EvseRequests(duty=5.0), now + S)
    s.step(evse_facts(output_voltage=490.0, output_current_at=now + 2 * S), EvseRequests(duty=5.0), now + 2 * S)
    assert s.state is Decay
    assert s.step(evse_facts(output_voltage=400.0), output(350.0, 2.0), now + 3 * S).on


def test_without_5_percent_pwm_nothing_is_delivered():
    s, now = evse(delivering=False)
    s.step(evse_facts(output_voltage=0.0), EvseRequests(duty=100.0), now + S)
    out = s.step(evse_facts(output_voltage=0.0), output(duty=100.0), now + 2 * S)
    assert not out.on and s.blocked == "No 5 % PWM"
    s.step(evse_facts(output_voltage=0.0), output(duty=5.0), now + 3 * S)      # first the line, then the power
    assert s.step(evse_facts(output_voltage=0.0), output(duty=5.0), now + 4 * S).on


def test_the_pwm_is_kept_until_the_current_is_gone():
    s, now = evse()
    out = s.step(evse_facts(output_current=50.0), output(duty=100.0), now + S)
    assert not out.on and out.duty == 5.0 and s.state is CurrentOff
    out = s.step(evse_facts(output_current=0.2, output_current_at=now + 2 * S), EvseRequests(duty=100.0), now + 2 * S)
    assert out.duty == 100.0


def test_a_lapsed_duty_request_means_steady_12_v():
    s, now = evse(delivering=False)
    assert s.outputs.duty == 5.0
    for duty, shown in ((None, 100.0), (float("nan"), 100.0), (2.0, 100.0), (101.0, 100.0), (16.0, 16.0)):
        assert s.step(evse_facts(output_voltage=0.0), EvseRequests(duty=duty), now + S).duty == shown


def test_a_trip_keeps_the_pwm_for_two_and_a_half_seconds():
    s, now = evse()
    start = now + S
    for at in range(start, start + 4 * S, STEP):
        out = s.step(evse_facts(stop_button=True, output_voltage=0.0, output_current_at=at), EvseRequests(duty=5.0), at)
        assert not out.on and out.duty == (5.0 if at < start + 2500 * MS else 100.0)
    assert s.state is Tripped and s.reset(evse_facts(output_voltage=0.0))
    assert s.step(evse_facts(output_voltage=0.0), EvseRequests(duty=5.0), start + 5 * S).duty == 5.0


def test_a_trip_leaves_on_unplug():
    s, now = evse()
    s.step(evse_facts(isolation=1e6, output_voltage=None), output(), now + S)
    assert s.latch.text == "Output volt. unknown"
    for n in range(120):
        at = now + 2 * S + n * STEP
        s.step(evse_facts(pilot=PilotState.A, output_voltage=0.0, output_current_at=at), EvseRequests(), at)
    assert s.state is Idle and s.latch.text == "" and s.outputs.duty == 100.0


def test_the_output_contactor_closes_before_the_power_and_opens_after_the_current():
    bench = Bench(output_contactor=True)
    log = []
    bench.each_tick = lambda: log.append((bench.now, bench.plant.stage.on, bench.plant.output_contactor.position, bench.plant.current))
    bench.charge(settle=5 * S)
    on_at = next(at for at, on, _, _ in log if on)
    closed_at = next(at for at, _, closed, _ in log if closed)
    assert closed_at <= on_at
    del log[:]
    bench.want(output=None)                             # the charger stops by itself while the car stays closed
    bench.run(2 * S)
    off_at = next(at for at, on, _, _ in log if not on)
    opened = next(row for row in log if not row[2])
    assert opened[0] > off_at and opened[3] < 1.0 and bench.plant.damage == 0


def test_an_output_contactor_that_does_not_close_trips():
    bench = Bench(output_contactor=True)
    bench.plant.output_contactor.stuck = True
    bench.run(500 * MS)
    bench.want(lock=True, c=True)
    bench.run(S)
    bench.want(output=(350.0, 2.0))
    bench.until(lambda: bool(bench.evse.trip), limit=2 * S)
    assert bench.evse.trip == "Contactor did not close" and not bench.plant.stage.on


def test_insulation_low_for_a_moment_is_left_to_the_cable_check_for_longer_it_trips():
    bench = Bench()
    bench.charge(settle=S)
    bench.plant.isolation = 20_000.0
    bench.run(2900 * MS)
    assert not bench.evse.trip
    bench.run(300 * MS)
    assert bench.evse.trip == "Insulation fault" and not bench.plant.stage.on
    bench.run(3 * S)
    assert bench.plant.damage == 0


def test_a_stage_that_regulates_too_high_is_switched_off():
    bench = Bench()
    bench.run(500 * MS)
    bench.want(lock=True, c=True)
    bench.run(S)
    bench.want(output=(500.0, 2.0))
    bench.plant.stage.voltage_offset = 80.0
    bench.until(lambda: bool(bench.evse.trip), limit=5 * S)
    assert bench.evse.trip == "Output overvoltage" and not bench.plant.stage.on and bench.plant.output_voltage < 560.0


def test_a_stage_that_refuses_to_go_off_is_a_trip_and_asked_again():
    bench = Bench()
    bench.charge(settle=S)
    bench.plant.stage.refuses = True
    bench.want(output=None)
    bench.run(100 * MS)
    assert bench.evse.trip == "Output refused" and not bench.evse.safe
    bench.plant.stage.refuses = False
    bench.run(20 * MS)
    assert not bench.plant.stage.on


@pytest.mark.parametrize("reason", ["plug torn", "lapsed", "current sensor"])
def test_the_power_is_off_within_the_freshness_of_what_is_missing(reason):
    bench = Bench()
    bench.charge(settle=S)
    began = bench.now
    if reason == "plug torn":
        bench.plant.unplug(bench.now, force=True)
    elif reason == "lapsed":
        bench.silent = True
    else:
        bench.meter.set_faults(failed=True)
    took = bench.until(lambda: not bench.plant.stage.on, limit=4 * S)
    assert bench.now - began == took <= {"plug torn": 40 * MS, "lapsed": 3100 * MS, "current sensor": 530 * MS}[reason]


def test_an_emergency_after_switching_off_opens_the_contactor_below_five_amperes():
    s, now = evse(contactor=True)
    s.step(evse_facts(output_current=3.0, output_current_at=now + S), EvseRequests(duty=5.0), now + S)
    s.step(evse_facts(output_current=3.0, output_current_at=now + S + STEP), EvseRequests(duty=5.0), now + S + STEP)
    assert s.state is CurrentOff and s.outputs.contactors
    s.fault(evse_facts(), now + S + STEP)
    s.step(evse_facts(output_current=3.0, output_current_at=now + S + 2 * STEP), EvseRequests(duty=5.0), now + S + 2 * STEP)
    assert not s.outputs.contactors


def test_a_trip_does_not_leave_while_the_output_contactor_is_not_open():
    s, now = evse(contactor=True)
    for n in range(200):                                # 2 s: pilot A, contactor welded
        at = now + S + n * STEP
        s.step(evse_facts(pilot=PilotState.A, output_voltage=0.0, output_current_at=at, contactors=True), EvseRequests(), at)
    assert s.state is Tripped and not s.reset(evse_facts(contactors=True)) and not s.reset(evse_facts(contactors=None))
    s.step(evse_facts(pilot=PilotState.A, output_voltage=0.0, contactors=False), EvseRequests(), now + 10 * S)
    assert s.state is Idle


def test_an_output_that_stays_live_trips_and_ends_the_pwm():
    s, now = evse()
    s.step(evse_facts(), EvseRequests(duty=5.0), now + S)
    at = now + 2 * S
    while not s.latch.trips:
        at += 10 * STEP
        s.step(evse_facts(output_current_at=at), EvseRequests(duty=5.0), at)
    assert s.latch.trips[0].name == "voltage_stays" and s.state is Tripped
    assert s.step(evse_facts(), EvseRequests(duty=5.0), at + 2 * S).duty == 5.0
    assert s.step(evse_facts(), EvseRequests(duty=5.0), at + 2500 * MS).duty == 100.0
