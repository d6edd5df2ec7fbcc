"""Both supervisors against the simulated plant: the regular session, every fault, and never damage that they could have avoided."""
import random

import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.safety.config import PevSafetyConfig
from tests.safety.bench import Bench


def test_a_regular_session_passes_all_states_without_damage():
    bench = Bench()
    bench.charge()
    assert bench.plant.current == pytest.approx(80.0, abs=0.5) and bench.state == "Closed"
    assert bench.car.pilot_commanded.get(bench.now) is PilotState.C
    bench.want(output=(400.0, 0.0))
    bench.run(S)
    bench.want(closed=None, c=None, output=None)
    took = bench.until(lambda: bench.car.contactors_closed.get(bench.now) is False)
    assert took <= 200 * MS
    assert bench.car.lock_confirmed.get(bench.now) is True              # lock_request still stands
    bench.run(3 * S)
    assert bench.state == "Idle" and bench.plant.inlet_voltage < 60.0
    bench.want(lock=None)
    bench.until(lambda: bench.plant.car_lock.feedback() is False)
    bench.until(lambda: bench.plant.charger_lock.feedback() is False)
    assert bench.plant.damage == 0 and [i.kind for i in bench.plant.incidents] == ["inrush"]
    assert not bench.safety.trip and not bench.evse.trip and bench.safety.safe
    assert not bench.evse.safe, "5 % that stays on the line would promise a conversation"
    bench.want(duty=None)
    bench.run(100 * MS)
    assert bench.evse.safe
    states = [line.split("-> ")[1] for line in bench.lines if line.startswith("car") and "-> " in line]
    assert states == ["Ready", "Closing", "Closed", "CurrentOff", "Opening", "Decay", "Idle"]
    assert bench.plant.unplug(bench.now) is True


def test_a_second_session_follows_without_replugging():
    bench = Bench()
    for _ in range(2):
        bench.charge(settle=2 * S)
        bench.want(closed=None, c=None, output=None, lock=None)
        bench.run(4 * S)
    assert bench.plant.damage == 0 and [i.kind for i in bench.plant.incidents].count("inrush") == 2 and bench.state == "Idle"


def test_state_b_comes_first_and_the_contactors_wait_for_the_current():
    bench = Bench(stage_current_rate_off_a_per_s=100.0)          # 80 A take 0.8 s to vanish
    bench.charge()
    log = []
    bench.each_tick = lambda: log.append((bench.now, bench.plant.pilot.state_c, bench.plant.car_contactors.commanded, bench.plant.current))
    bench.want(closed=None, c=None)
    bench.run(2 * S)
    b_at = next(at for at, c, _, _ in log if not c)
    opened_at, _, _, current = next(row for row in log if not row[2])
    assert b_at == log[0][0] and opened_at - b_at >= 700 * MS and current < 1.0
    assert bench.plant.damage == 0


def test_it_does_not_close_on_a_mismatch_and_says_why():
    bench = Bench()
    bench.run(500 * MS)
    bench.want(lock=True, c=True, closed=True, output=(200.0, 2.0))
    bench.run(5 * S)
    assert bench.state == "Ready" and not bench.plant.car_contactors.commanded
    assert any("Inlet does not match" in line for line in bench.lines)
    bench.want(output=(bench.plant.battery.ocv() - 5.0, 2.0))
    bench.until(lambda: bench.state == "Closed")
    assert bench.plant.damage == 0


FAULTS = {
    "pilot wire": (lambda b: b.plant.break_pilot(b.now), "Pilot lost"),
    "pilot short": (lambda b: (setattr(b.plant.pilot, "short", True), b.plant.pilot.update()), "Pilot lost"),
    "pilot monitor silent": (lambda b: setattr(b.monitor, "failed", True), "Pilot lost"),
    "charger says F": (lambda b: b.source.set_duty(None, b.now), "Pilot lost"),
    "charger stops PWM": (lambda b: b.source.set_duty(100.0, b.now), "5% PWM lost"),
    "voltmeter silent": (lambda b: b.voltmeter.set_faults(failed=True), None),
    "bms silent": (lambda b: setattr(b.bms, "failed", True), None),
    "bms forbids": (lambda b: setattr(b.plant.battery, "permission", False), "BMS forbids charging"),
    "lock feedback": (lambda b: setattr(b.plant.car_lock, "feedback_fault", "off"), "Lock lost"),
    "contactor feedback": (lambda b: setattr(b.plant.car_contactors, "feedback_fault", "broken"), "Contactor dropped"),
    "stop button": (lambda b: setattr(b.plant, "stop_button", True), "Stop button"),
    "hot inlet": (lambda b: (setattr(b.plant, "inlet_temperature", 75.0)), "Inlet too hot"),
    "task failed": (lambda b: b.safety.on_fault(b.now, "v2g"), "Internal fault"),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("charger_obeys", [True, False])
def test_a_fault_while_charging_ends_open_and_latched(name, charger_obeys):
    """The charger either cuts on state B, or never does; then the contactors open at the emergency bound."""
    inject, text = FAULTS[name]
    bench = Bench()
    bench.charge()
    damage_before = bench.plant.damage
    bench.plant.stage.stuck_on = not charger_obeys
    began = bench.now
    inject(bench)
    bench.until(lambda: not bench.plant.pilot.state_c, limit=3 * S)
    b_after = bench.now - began
    assert b_after <= 1100 * MS                      # 500 ms staleness, or the 1 s hold of the PWM
    bench.until(lambda: not bench.plant.car_contactors.commanded, limit=6 * S)
    opened_after = bench.now - began - b_after
    if charger_obeys:
        assert bench.plant.damage == damage_before or name == "voltmeter silent"
    else:
        assert opened_after >= 1490 * MS             # never blindly before the bound
    assert opened_after <= 3100 * MS
    assert bench.safety.trip == text if text else bench.safety.trip
    assert bench.car.safety_trip.value == bench.safety.trip
    bench.plant.stage.stuck_on = False
    bench.supply.off(bench.now)
    bench.run(3 * S)
    if name == "contactor feedback":
        assert not bench.safety.safe and bench.plant.car_lock.commanded       # not confirmed open: stays locked
    else:
        # a broken pilot wire looks like a pulled plug, which leaves the trip
        assert bench.safety.safe and (bench.state in ("Tripped", "Decay") or name == "pilot wire")
    if name == "voltmeter silent":
        assert bench.plant.car_lock.commanded                                 # voltage unknown: stays locked


def test_a_trip_is_latched_until_unplugged():
    bench = Bench()
    bench.charge()
    bench.plant.stop_button = True
    bench.run(4 * S)
    assert bench.state == "Tripped" and bench.plant.car_lock.feedback() is False
    bench.plant.stop_button = False
    bench.run(2 * S)                                   # the requests still stand: nothing moves
    assert bench.state == "Tripped" and not bench.plant.pilot.state_c
    bench.want(output=None)
    bench.run(S)
    assert bench.plant.unplug(bench.now)
    bench.run(400 * MS)
    assert bench.state == "Tripped"                    # 0.5 s
    bench.run(300 * MS)
    assert bench.state == "Idle" and bench.car.safety_trip.value == ""
    bench.plant.plug(bench.now)
    bench.run(S)
    assert bench.state == "Idle"                       # old requests do not count: they were never released
    bench.want(c=None, closed=None, lock=None, output=None)
    bench.run(S)
    bench.charge(settle=S)
    assert bench.state == "Closed"


def test_a_trip_can_be_reset_once_everything_is_safe():
    bench = Bench()
    bench.charge()
    bench.plant.stop_button = True
    bench.run(20 * MS)
    assert bench.safety.reset(bench.now) is False
    bench.run(4 * S)
    assert bench.safety.reset(bench.now) is True
    bench.run(30 * MS)
    assert bench.state == "Idle" and bench.safety.trip == ""
    assert bench.safety.reset(bench.now) is False


def test_a_dead_v2g_task_ends_in_order_when_its_leases_lapse():
    bench = Bench()
    bench.charge()
    bench.silent = True
    bench.run(2900 * MS)
    assert bench.state == "Closed"
    bench.run(2 * S)
    assert bench.plant.car_contactors.feedback() is False and bench.plant.damage == 0
    assert any("lapsed" in line for line in bench.lines) and not bench.safety.trip


def test_a_welded_contactor_is_found_and_the_plug_stays_locked():
    bench = Bench()
    bench.charge()
    bench.plant.car_contactors.welded = True
    bench.want(closed=None, c=None, output=None, lock=None)
    bench.run(3 * S)
    assert bench.safety.trip == "Contactor welded?" and bench.state == "Tripped" and not bench.safety.safe
    bench.run(30 * S)
    assert bench.plant.car_lock.commanded is True and bench.plant.car_lock.position is True


def test_a_weld_that_the_feedback_does_not_show_is_found_by_the_voltage():
    bench = Bench(pev=PevSafetyConfig(decay_ms=5000))
    bench.charge()
    bench.plant.car_contactors.welded = True
    bench.plant.car_contactors.feedback_fault = "off"
    bench.want(closed=None, c=None, output=None, lock=None)
    bench.run(8 * S)
    assert bench.plant.car_lock.commanded is True
    assert bench.safety.trip in ("Contactor dropped", "Inlet stays live")


def test_a_contactor_that_does_not_close_trips_after_its_travel_time():
    bench = Bench()
    bench.plant.car_contactors.stuck = True
    bench.run(500 * MS)
    bench.want(lock=True, c=True, output=(bench.plant.battery.ocv(), 2.0), closed=True)
    bench.until(lambda: bench.state == "Closing")
    took = bench.until(lambda: bool(bench.safety.trip))
    assert bench.safety.trip == "Contactor did not close" and took <= 220 * MS
    bench.run(3 * S)
    assert not bench.plant.car_contactors.commanded and not bench.plant.pilot.state_c


def test_a_live_inlet_keeps_the_lock_although_nobody_asks_for_it():
    bench = Bench(stage_discharge_ohm=10e6, stage_bleed_ohm=10e6)
    bench.charge(settle=S)
    bench.want(closed=None, c=None, output=None, lock=None)
    bench.run(20 * S)
    assert bench.plant.inlet_voltage > 60 and bench.plant.car_lock.commanded
    bench.run(15 * S)
    assert bench.safety.trip == "Inlet stays live" and bench.plant.car_lock.commanded
    bench.plant.inlet_voltage = bench.plant.output_voltage = 50.0
    bench.run(S)
    assert bench.plant.car_lock.feedback() is False


def test_without_a_current_sensor_the_contactors_open_by_time_and_it_is_told():
    bench = Bench(pev=PevSafetyConfig(current_sensor_fitted=False), current_sensor=False)
    bench.charge()
    bench.want(closed=None, c=None, output=None)
    bench.until(lambda: not bench.plant.pilot.state_c)
    took = bench.until(lambda: not bench.plant.car_contactors.commanded)
    assert 1990 * MS <= took <= 2020 * MS and not bench.safety.trip
    bench.run(S)
    assert any("unverified" in line for line in bench.lines)


def test_without_a_current_sensor_a_reported_current_postpones_the_opening():
    bench = Bench(pev=PevSafetyConfig(current_sensor_fitted=False), current_sensor=False)
    bench.charge()
    bench.each_tick = lambda: bench.present_current.set(30.0, bench.now)
    bench.want(closed=None, c=None)
    bench.until(lambda: not bench.plant.pilot.state_c)
    took = bench.until(lambda: not bench.plant.car_contactors.commanded)
    assert took >= 2990 * MS and bench.safety.trip == "Current not gone"


def test_without_feedback_contacts_positions_are_assumed_after_the_travel_time():
    bench = Bench(pev=PevSafetyConfig(contactor_feedback_fitted=False, lock_feedback_fitted=False, lock_travel_ms=700))
    bench.plant.car_contactors.feedback_fault = bench.plant.car_lock.feedback_fault = "broken"
    bench.charge()
    assert bench.state == "Closed"
    bench.want(closed=None, c=None, output=None, lock=None)
    bench.run(5 * S)
    assert bench.state == "Idle" and bench.plant.car_lock.position is False and bench.plant.damage == 0


def test_a_driver_that_refuses_is_a_trip_and_is_asked_again():
    bench = Bench()
    bench.charge()
    bench.pilot.failed = True
    bench.want(closed=None, c=None)
    bench.run(100 * MS)
    assert bench.safety.trip == "Output refused"
    assert bench.car.pilot_commanded.get(bench.now) is PilotState.C        # what the driver acknowledged, not what was wished
    bench.pilot.failed = False
    bench.run(20 * MS)
    assert not bench.plant.pilot.state_c and bench.car.pilot_commanded.get(bench.now) is PilotState.B


def test_a_fault_acts_before_the_hook_returns():
    bench = Bench()
    bench.charge()
    bench.safety.on_fault(bench.now, "tcp")
    assert not bench.plant.pilot.state_c and not bench.safety.safe
    bench.evse.on_fault(bench.now, "tcp")
    assert not bench.plant.stage.on
    bench.run(4 * S)
    assert bench.safety.safe and bench.evse.safe and bench.plant.damage == 0
    assert any("fault reported by tcp" in line for line in bench.lines)


@pytest.mark.parametrize("where", ["supervisor", "driver"])
def test_when_the_supervisor_itself_raises_everything_still_becomes_safe(where):
    bench = Bench()
    bench.charge()

    def explode(*_):
        raise RuntimeError("boom")
    if where == "supervisor":
        bench.safety.supervisor.step = explode
        bench.evse.supervisor.step = explode
    else:
        bench.contactors.feedback = explode
    bench.want(lock=None)
    bench.run(200 * MS)
    assert bench.safety.broken and not bench.plant.pilot.state_c and bench.car.safety_trip.value == "Internal fault"
    assert bench.plant.car_contactors.commanded                   # not under current
    if where == "supervisor":
        assert bench.evse.broken and not bench.plant.stage.on
    bench.run(3 * S)
    assert not bench.plant.car_contactors.commanded and bench.plant.car_lock.commanded
    assert any("boom" in line for line in bench.lines)
    if where == "supervisor":
        assert bench.safety.safe and bench.evse.safe and bench.plant.damage == 0


def test_at_power_up_outputs_are_commanded_safe_and_a_free_plug_is_unlocked():
    bench = Bench()
    bench.plant.pilot.state_c = True
    bench.plant.car_contactors.commanded = bench.plant.car_contactors.position = True       # left over from before
    bench.plant.stage.on, bench.plant.stage.voltage, bench.plant.stage.current = True, 400.0, 10.0
    bench.run(20 * MS)
    assert not bench.plant.pilot.state_c and not bench.plant.car_contactors.commanded and not bench.plant.stage.on


def test_unplugged_nothing_is_locked_or_energised():
    bench = Bench(plugged=False)
    bench.want(lock=True, c=True, closed=True, output=(400.0, 10.0))
    bench.run(3 * S)
    assert bench.state == "Idle" and not bench.plant.car_lock.commanded and not bench.plant.pilot.state_c and not bench.plant.stage.on


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(25))
def test_random_faults_at_random_times_never_cause_avoidable_damage(seed):
    """Whatever requests come and whichever sensor fails: as long as charger and contactors work, nothing is damaged."""
    rng = random.Random(seed)
    bench = Bench()
    bench.charge(settle=3 * S)
    for _ in range(12):
        choice = rng.randrange(10)
        if choice == 0:
            bench.plant.break_pilot(bench.now, rng.random() < 0.5)
        elif choice == 1:
            bench.voltmeter.set_faults(failed=rng.random() < 0.3)
        elif choice == 2:
            bench.bms.failed = rng.random() < 0.3
        elif choice == 3:
            bench.plant.stop_button = rng.random() < 0.3
        elif choice == 4:
            bench.silent = rng.random() < 0.5
        elif choice == 5:
            bench.safety.reset(bench.now)
        elif choice == 6:
            bench.plant.car_lock.feedback_fault = rng.choice(("", "off", "broken"))
        else:
            bench.want(c=rng.choice((True, None)), closed=rng.choice((True, None)), lock=rng.choice((True, None)),
                       output=rng.choice((None, (bench.plant.battery.ocv(), 2.0), (400.0, 60.0), (500.0, 5.0))))

        def check():
            shot = bench.plant.snapshot(bench.now)
            if bench.plant.car_lock.commanded is False and bench.plant.car_lock.position:
                assert shot.inlet_voltage <= 61.0, bench.lines[-5:]
        bench.each_tick = check
        bench.run(rng.randrange(5, 400) * 10 * MS)
    assert [i for i in bench.plant.incidents if i.damage] == [], bench.lines
