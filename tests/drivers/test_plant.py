"""The simulated charger, cable and car obey physics, and remember what would have been damage."""
import random

import pytest

from drivers.interfaces import PilotState
from drivers.sim.actuator import Actuator
from drivers.sim.battery import Battery, cell_ocv
from drivers.sim.plant import Plant
from drivers.sim.plant_config import PlantConfig
from kernel.timer import MS, NEVER, S


def plugged(**settings) -> Plant:
    return Plant(PlantConfig(plugged=True, **settings))


def charging(plant: Plant, current: float = 100.0) -> int:
    """Precharge, close, ask for `current`; returns the time."""
    plant.command_stage(True, plant.battery.ocv(), 2.0, 0)
    plant.advance(3 * S)
    plant.command(plant.car_contactors, True, 3 * S)
    plant.advance(4 * S)
    plant.command_stage(True, 450.0, current, 4 * S)
    return 4 * S


def test_the_energy_balance_closes_within_one_percent():
    plant = plugged(stage_max_power_w=100_000.0, battery_max_power_w=100_000.0)
    now = charging(plant)
    soc = plant.battery.soc
    delivered = stored = 0.0
    before = plant.snapshot(now)
    for now in range(4 * S, 600 * S, 100 * MS):                   # measured from outside, as a meter would
        shot = plant.snapshot(now)
        dt = (shot.at - before.at) / S
        delivered += (before.output_voltage * before.output_current + shot.output_voltage * shot.output_current) / 2 * dt / 3600
        ocv = shot.battery_voltage - shot.inlet_current * plant.battery.resistance
        stored += ocv * (before.inlet_current + shot.inlet_current) / 2 * dt / 3600
        before = shot
    losses = delivered - stored
    assert delivered == pytest.approx(before.delivered_wh, rel=0.01)
    assert losses == pytest.approx(before.lost_wh, rel=0.01) and losses > 100
    assert before.delivered_wh == pytest.approx(before.stored_wh + before.lost_wh, rel=1e-9)
    # what went in is the area under the open circuit voltage over the charge that the state of charge shows
    steps = 1000
    width = (plant.battery.soc - soc) / steps
    area = sum(96 * cell_ocv(soc + (n + 0.5) * width) for n in range(steps)) * width / 100 * plant.battery.charge / 3600
    assert area == pytest.approx(before.stored_wh, rel=0.01) and width * steps > 15


def test_the_capacity_is_the_energy_between_empty_and_full():
    battery = Battery(cells=96, capacity=28_000, resistance=0.08, soc=0, max_current=100, max_power=1e5, taper_from=80, taper_to=0.1)
    energy = 0.0
    while battery.soc < 100:
        energy += battery.ocv() * 100.0 / 3600
        battery.add(100.0)
    assert energy == pytest.approx(28_000, rel=0.005)


def test_precharge_is_a_ramp_that_stops_at_the_set_point():
    plant = plugged(stage_voltage_rate_v_per_s=100.0)
    plant.command_stage(True, 350.0, 2.0, 0)
    curve = []
    for now in range(0, 5 * S, 500 * MS):
        plant.advance(now)
        curve.append(round(plant.inlet_voltage, 6))
    assert curve == [0, 50, 100, 150, 200, 250, 300, 350, 350, 350]
    assert plant.output_voltage == plant.inlet_voltage and plant.current == 0.0


def test_without_allowed_current_the_voltage_decays():
    plant = plugged()
    plant.command_stage(True, 350.0, 2.0, 0)
    plant.advance(3 * S)
    plant.command_stage(True, 350.0, 0.0, 3 * S)
    plant.advance(5 * S)
    assert 100.0 < plant.inlet_voltage < 250.0          # 20 kOhm with 100 uF: 2 s


def test_after_off_the_output_is_below_60_v_within_two_seconds():
    plant = plugged()
    plant.command_stage(True, 500.0, 2.0, 0)
    plant.advance(3 * S)
    plant.command_stage(False, 0.0, 0.0, 3 * S)
    plant.advance(5 * S)
    assert plant.inlet_voltage < 60.0
    plant.advance(60 * S)
    assert plant.inlet_voltage == 0.0 and plant.output_voltage == 0.0


def test_current_ramps_and_the_voltages_differ_by_ohms_law():
    plant = plugged()
    now = charging(plant, 100.0)
    plant.advance(now + 2 * S)
    assert plant.current == pytest.approx(40.0)          # 20 A/s
    plant.advance(now + 10 * S)
    assert plant.current == pytest.approx(100.0)
    assert plant.output_voltage - plant.inlet_voltage == pytest.approx(100.0 * 0.02)
    assert plant.inlet_voltage - plant.battery.ocv() == pytest.approx(100.0 * 0.08)
    plant.command_stage(False, 0.0, 0.0, now + 10 * S)
    plant.advance(now + 10 * S + 100 * MS)
    assert plant.current == 0.0


def test_the_charger_limits_by_voltage_and_by_power():
    plant = plugged(stage_max_power_w=20_000.0)
    now = charging(plant, 125.0)
    plant.advance(now + 20 * S)
    assert plant.current * plant.battery.ocv() == pytest.approx(20_000.0, rel=0.001)
    plant.command_stage(True, plant.battery.ocv() + 3.0, 125.0, now + 20 * S)
    plant.advance(now + 30 * S)
    assert plant.current == pytest.approx(3.0 / 0.1, rel=0.05)


def test_the_battery_fills_up_and_wants_less_towards_the_end():
    plant = plugged(battery_soc_percent=78.0)
    now = charging(plant, 125.0)
    wanted = []
    while plant.battery.soc < 100.0 and now < 3600 * S:
        now += S
        plant.advance(now)
        plant.command_stage(True, plant.battery.max_voltage, plant.battery.wanted_current(), now)
        wanted.append(plant.battery.wanted_current())
    assert plant.battery.soc == 100.0 and wanted[-1] == 0.0
    assert all(a >= b - 1e-9 for a, b in zip(wanted, wanted[1:]))
    assert plant.snapshot(now).battery_voltage <= plant.battery.max_voltage + 0.01


def test_closing_with_a_mismatch_is_recorded_as_inrush_and_damage():
    for voltage, damage in ((None, 0), (10.0, 0), (50.0, 1)):
        plant = plugged()
        target = plant.battery.ocv() - (voltage or 0.0)
        plant.command_stage(True, target, 2.0, 0)
        plant.advance(5 * S)
        plant.command(plant.car_contactors, True, 5 * S)
        plant.advance(6 * S)
        (incident,) = plant.incidents
        assert incident.kind == "inrush" and incident.at == 5 * S + 40 * MS
        assert incident.value == pytest.approx(-(voltage or 0.0))
        assert plant.damage == damage
        assert plant.inlet_voltage == pytest.approx(plant.battery.ocv(), abs=0.5)


def test_a_large_inrush_welds_when_so_configured():
    plant = plugged(weld_above_v=100.0)
    plant.command(plant.car_contactors, True, 0)
    plant.advance(S)
    assert plant.damage == 1 and plant.car_contactors.welded
    plant.command(plant.car_contactors, False, S)
    plant.advance(2 * S)
    assert plant.car_contactors.position is True and plant.inlet_voltage > 300


def test_opening_under_current_is_recorded_with_the_current():
    plant = plugged()
    now = charging(plant, 100.0) + 10 * S
    plant.advance(now)
    plant.command(plant.car_contactors, False, now)
    plant.advance(now + S)
    assert [(i.kind, i.damage) for i in plant.incidents] == [("inrush", False), ("opened_under_current", True)]
    assert plant.incidents[1].value == pytest.approx(100.0) and plant.incidents[1].at == now + 20 * MS
    assert plant.current == 0.0


def test_the_inlet_warms_with_the_square_of_the_current_and_cools_again():
    rises = []
    for current in (50.0, 100.0):
        plant = plugged(battery_capacity_wh=200_000.0)
        now = charging(plant, current)
        plant.advance(now + 3600 * S)
        rises.append(plant.inlet_temperature - 25.0)
        plant.command_stage(False, 0, 0, now + 3600 * S)
        plant.advance(now + 12 * 3600 * S)
        assert plant.inlet_temperature == pytest.approx(25.0, abs=0.1)
    assert rises[0] == pytest.approx(4.0, rel=0.02) and rises[1] / rises[0] == pytest.approx(4.0, rel=0.02)


def test_pilot_states_at_both_ends():
    plant = Plant()
    assert (plant.pilot.at_car.state, plant.pilot.at_charger.state) == (PilotState.A, PilotState.A)
    assert plant.pilot.at_car.duty_percent is None
    plant.plug(0)
    plant.pilot.duty = 5.0
    plant.pilot.update()
    assert plant.pilot.at_car.state is PilotState.B and plant.pilot.at_car.duty_percent == 5.0
    plant.pilot.state_c = True
    plant.pilot.update()
    assert plant.pilot.at_charger.state is PilotState.C
    plant.break_pilot(1)
    assert (plant.pilot.at_car.state, plant.pilot.at_charger.state) == (PilotState.A, PilotState.A)
    plant.break_pilot(2, False)
    plant.pilot.short = True
    plant.pilot.update()
    assert plant.pilot.at_car.state is PilotState.E
    plant.pilot.short, plant.pilot.duty = False, None
    plant.pilot.update()
    assert plant.pilot.at_car.state is PilotState.F


def test_the_plug_is_held_by_the_lock_and_tearing_it_out_is_damage():
    plant = plugged()
    plant.command(plant.car_lock, True, 0)
    plant.advance(S)
    assert plant.unplug(S) is False and plant.pilot.plugged
    assert plant.unplug(S, force=True) is True
    assert [i.kind for i in plant.incidents] == ["unplugged_locked"] and plant.damage == 1
    plant.plug(2 * S)
    now = charging(plant, 50.0)
    plant.advance(now + 10 * S)
    plant.unplug(now + 10 * S, force=True)
    assert "unplugged_under_current" in [i.kind for i in plant.incidents]
    assert "unplugged_live" in [i.kind for i in plant.incidents]


def test_actuators_take_their_time_and_fail_as_told():
    actuator = Actuator(40 * MS, 20 * MS)
    assert actuator.feedback() is False
    actuator.command(True, 0)
    assert actuator.feedback() is None and actuator.done_at == 40 * MS
    assert actuator.complete() and actuator.feedback() is True
    actuator.feedback_fault = "broken"
    assert actuator.feedback() is None
    actuator.feedback_fault = "off"
    assert actuator.feedback() is False
    actuator.feedback_fault = ""
    actuator.welded = True
    actuator.command(False, S)
    assert actuator.done_at == NEVER and actuator.feedback() is True
    actuator.welded = False
    actuator.stuck = True
    actuator.command(True, S)
    actuator.command(False, S)
    assert actuator.position is True


def test_a_reversal_in_mid_travel_ends_where_it_was_commanded():
    plant = plugged()
    plant.command(plant.car_contactors, True, 0)
    plant.command(plant.car_contactors, False, 10 * MS)
    plant.advance(S)
    assert plant.car_contactors.feedback() is False and plant.incidents == []


def test_scheduled_events_happen_at_their_time_however_late_one_looks():
    plant = Plant()
    seen = []
    plant.at(300 * MS, lambda now: seen.append(("b", now)))
    plant.at(100 * MS, plant.plug)
    plant.at(300 * MS, lambda now: seen.append(("c", now)))
    assert plant.next_event() == 100 * MS
    plant.advance(50 * MS)
    assert not plant.pilot.plugged
    plant.deliver(10 * S)
    assert plant.pilot.plugged and seen == [("b", 300 * MS), ("c", 300 * MS)] and plant.next_event() == NEVER


def test_an_output_contactor_separates_charger_and_inlet():
    plant = plugged(output_contactor=True)
    plant.command_stage(True, 400.0, 2.0, 0)
    plant.advance(3 * S)
    assert plant.output_voltage == 400.0 and plant.inlet_voltage == 0.0
    plant.command(plant.output_contactor, True, 3 * S)
    plant.advance(3 * S + 40 * MS)
    assert 350.0 < plant.inlet_voltage < 400.0           # 90 uF share with 10 uF
    plant.advance(5 * S)
    assert plant.inlet_voltage == 400.0


def test_looking_often_or_rarely_gives_the_same_physics():
    results = []
    for step in (10 * MS, 20 * MS, 170 * MS, 7 * S):
        plant = plugged()
        now = charging(plant, 90.0)
        plant.at(400 * S, lambda at, p=plant: p.command_stage(True, 450.0, 30.0, at))
        for now in range(now, 700 * S, step):
            plant.advance(now)
        plant.advance(700 * S)
        results.append((plant.battery.soc, plant.current, plant.inlet_temperature, plant.delivered))
    for other in results[1:]:
        assert other == pytest.approx(results[0], rel=2e-3)


def test_the_same_calls_give_exactly_the_same_numbers():
    def run(seed: int) -> tuple:
        rng = random.Random(seed)
        plant = plugged()
        now = charging(plant)
        for _ in range(500):
            now += rng.randrange(1, 300) * MS
            plant.command_stage(True, 450.0, rng.uniform(0, 125), now)
            plant.advance(now)
        return plant.battery.soc, plant.current, plant.delivered, plant.inlet_temperature
    assert run(1) == run(1) != run(2)


def test_thirty_minutes_of_20_ms_samples_cost_few_integrations():
    plant = plugged()
    now = charging(plant)
    before = plant.integrations
    for at in range(now, now + 1800 * S, 20 * MS):
        plant.advance(at)
        plant.advance(at)
    assert plant.integrations - before < 19_000          # one per 100 ms, and a few while the current ramps


def test_a_day_without_looking_is_bounded_work():
    plant = plugged(battery_capacity_wh=200_000.0)
    now = charging(plant, 1.0)
    plant.advance(now + 86_400 * S)
    assert plant.battery.soc > 20.0 and plant.current == pytest.approx(1.0)


def test_cell_voltage_rises_with_the_charge():
    values = [cell_ocv(p) for p in range(101)]
    assert values == sorted(values) and values[0] == 3.20 and values[-1] == 4.15
