"""An AC charger and a car that does not speak: C_sequ_retry, then the nominal duty, the mains by the pilot alone."""
from __future__ import annotations

import pytest

from drivers.interfaces import PilotState
from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.timer import MS, S
from tasks.config import Config
from tasks.connection import timing as t
from tasks.homeplug.timing import T_vald_detect_time
from tasks.messages import StopSession
from tasks.pilot_duty import nominal_duty, promised_current
from tasks.safety.ac_supervisor import PILOT_REST, READY_HOLD
from tasks.stop_reasons import StopReason
from tools.simulate.fleet.cars import CARS
from tools.simulate.fleet.encounter import Encounter

NOMINAL = 26.5               # percent: the duty of 16 A in steps of 0.5


def meeting(soc_start: float = 50.0, capacity_wh: float = 28_000.0, **settings) -> Encounter:
    config = Config()
    config.slac.slac_init_s = 20
    for path, value in settings.items():
        section, name = path.split("__")
        setattr(getattr(config, section), name, value)
    return Encounter(None, CARS["pilot-only"], config, PlantConfig(battery_soc_percent=soc_start, battery_capacity_wh=capacity_wh), codec.load())


def until(c: Encounter, condition, limit: int = 200 * S) -> int:
    begin = c.clock.time
    while not condition():
        assert c.clock.time - begin < limit and not c.over, (c.charger.signals.connection_state.value, c.plant.pilot.duty, c.told)
        c.run_until(c.clock.time + 10 * MS)
    return c.clock.time


def charging(c: Encounter) -> Encounter:
    until(c, lambda: c.plant.ac.current > 5.0)
    c.run_until(c.clock.time + 5 * S)
    return c


def safe(c: Encounter) -> None:
    assert not c.invariants.broken and not c.plant.damage and not c.charger.kernel.fault


def test_5_percent_f_5_percent_c_sequ_retry_times_then_the_nominal_duty():
    c = meeting()
    seen = [(c.plant.pilot.duty, 0)]

    def look() -> bool:
        if c.plant.pilot.duty != seen[-1][0]:
            seen.append((c.plant.pilot.duty, c.clock.time))
        return c.plant.ac.live
    until(c, look)
    assert [duty for duty, _ in seen] == [100.0, 5.0, *[100.0, None, 100.0, 5.0] * t.C_sequ_retry, 100.0, NOMINAL]
    at = [when for _, when in seen]
    for n in range(t.C_sequ_retry):
        offered, steady, fault, again, five = at[4 * n + 1:4 * n + 6]
        assert 20 * S <= steady - offered <= 21 * S and fault - steady >= t.T_step_X1 and again - fault >= t.T_step_EF and five - again >= t.PLUG_SETTLE
    assert at[-1] - at[-2] >= t.T_step_X1
    assert c.charger.signals.connection_state.value == "Nominal"
    safe(c)


def test_a_whole_charge_by_the_pilot_alone():
    c = meeting(soc_start=99.5, capacity_wh=1000.0)
    c.run(600 * S)
    assert c.charged and c.plant.ac.energy > 0 and c.over and c.plant.ac.opened_under_load == 0
    assert c.reason is StopReason.BATTERY_FULL and not c.trip
    assert c.charger.signals.connection_state.value == "Unplugged" and c.plant.pilot.duty == 100.0
    safe(c)


def test_the_duty_is_what_the_box_may_give_and_the_car_takes_no_more():
    c = charging(meeting(evse__ac_max_current_a=10.0))
    assert c.plant.pilot.duty == 16.5 and c.plant.ac.current == pytest.approx(9.9)


def test_a_person_turns_it_down_under_load_and_off_where_too_little_is_left():
    c = charging(meeting())
    assert c.plant.ac.current == pytest.approx(promised_current(NOMINAL))
    for _ in range(4):
        c.press("evse", "-")
        c.run_until(c.clock.time + 8 * S)
    share = c.charger.signals.power_share.value
    assert share == 60.0 and c.plant.pilot.duty == nominal_duty(16.0 * 0.6) and c.plant.ac.current == pytest.approx(promised_current(16.0))
    assert c.plant.ac.contactor.operations == 1, "the car follows the duty; the contactor stays closed"
    for _ in range(3):
        c.press("evse", "-")
        c.run_until(c.clock.time + 8 * S)
    assert c.plant.pilot.duty == 100.0 and not c.plant.ac.live and c.plant.ac.opened_under_load == 0
    c.press("evse", "+")
    c.press("evse", "+")
    until(c, lambda: c.plant.ac.current > 5.0)
    safe(c)


def test_the_site_s_schedule_counts_from_the_plug():
    c = charging(meeting(evse__power_schedule=["0 11", "300 5", "480 0"]))
    until(c, lambda: c.plant.pilot.duty == nominal_duty(5000 / 690), 300 * S)
    assert c.clock.time >= 300 * S and c.plant.ac.live
    until(c, lambda: not c.plant.ac.live, 300 * S)
    assert c.plant.pilot.duty == 100.0 and c.plant.ac.opened_under_load == 0
    safe(c)


def test_a_person_s_stop_ends_the_load_before_the_contactor_opens():
    c = charging(meeting())
    c.charger.table.user.put(StopSession(StopReason.USER_STOP))
    until(c, lambda: c.charger.signals.connection_state.value == "Finished", 20 * S)
    assert c.plant.pilot.duty == 100.0 and not c.plant.ac.live and c.plant.ac.opened_under_load == 0
    safe(c)


def test_the_person_s_stop_button_ends_it_at_once():
    c = charging(meeting())
    c.plant.charger_stop_button = True
    until(c, lambda: not c.plant.ac.live, S)
    until(c, lambda: c.charger.signals.connection_state.value == "Finished", 20 * S)
    assert c.charger.signals.safety_trip.value == "Stop button"
    safe(c)


def test_state_b_opens_within_100_ms_and_c_again_closes_after_the_rest():
    c = charging(meeting())
    c._pilot_car._set(False, 0.0, c.clock.time)
    c.world.sources.remove(c._pilot_car)
    left = c.clock.time
    assert until(c, lambda: not c.plant.ac.live, S) - left <= 100 * MS
    c.run_until(c.clock.time + S)
    c._pilot_car._set(True, 16.0, c.clock.time)
    asked = c.clock.time
    again = until(c, lambda: c.plant.ac.live, 30 * S)
    assert again - left >= PILOT_REST and again - asked >= READY_HOLD
    safe(c)


def test_a_car_that_toggles_its_pilot_wants_to_speak():
    c = meeting()
    until(c, lambda: c.plant.pilot.duty == NOMINAL)
    c.world.sources.remove(c._pilot_car)
    c.run_until(c.clock.time + S)
    for c_now in (True, False, True, False):
        c._pilot_car._set(c_now, 0.0, c.clock.time)
        c.run_until(c.clock.time + T_vald_detect_time + 100 * MS)
    assert not c.plant.ac.contactor.operations, "a toggle is no wish for power"
    until(c, lambda: c.plant.pilot.duty == 5.0, 20 * S)
    until(c, lambda: c.plant.pilot.duty == NOMINAL, 60 * S)
    safe(c)


def test_the_key_begins_anew_with_5_percent_after_the_load_has_ended():
    c = charging(meeting())
    c.press("evse", "s")
    until(c, lambda: c.plant.pilot.duty == 5.0, 20 * S)
    assert not c.plant.ac.live and c.plant.ac.opened_under_load == 0
    safe(c)


def test_without_a_modem_the_car_charges_after_30_s():
    c = meeting()
    c.charger.board.nic.send = lambda frame, now: True         # nothing reaches it
    offered = []
    until(c, lambda: offered.append(c.plant.pilot.duty) or c.plant.ac.current > 10.0, 60 * S)
    assert 5.0 not in offered and c.told[-1].startswith("No modem: the car may charge by the pilot alone")
    safe(c)


def test_not_where_it_is_switched_off():
    c = meeting(connection__ac_by_pilot=False)
    c.run_until(190 * S)
    assert c.plant.pilot.duty == 5.0 and not c.plant.ac.contactor.operations


def test_a_broken_pilot_wire_takes_the_mains_away_at_once_and_the_next_car_is_asked_to_speak():
    c = charging(meeting())
    c.plant.touch(c.clock.time)
    c.plant.pilot.broken = True
    c.plant.pilot.update()
    broken = c.clock.time
    assert until(c, lambda: not c.plant.ac.live, S) - broken <= 100 * MS
    until(c, lambda: c.charger.signals.connection_state.value == "Unplugged", 20 * S)
    until(c, lambda: not c.charger.signals.safety_trip.value, 20 * S)
    c.plant.pilot.broken = False
    c.plant.pilot.update()
    until(c, lambda: c.plant.pilot.duty == 5.0, 20 * S)
    assert not c.invariants.broken
