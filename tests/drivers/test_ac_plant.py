"""The AC half of the simulated plant: what the on-board charger draws, what wears and what destroys, lines and relays."""
import pytest

from drivers.sim.ac import SimOnBoardCharger
from drivers.sim.ac_path import duty_current
from drivers.sim.boards import ac_charger_on_lines, simulated_ac_charger
from drivers.sim.lines import CONTACTORS, POWER, Lines
from drivers.sim.plant import Plant
from drivers.sim.plant_config import PlantConfig
from kernel.timer import MS, S


def plant(**settings) -> Plant:
    return Plant(PlantConfig(**{"plugged": True, "battery_soc_percent": 50.0, **settings}))


def on(p: Plant, limit: float = 16.0, duty: float | None = 5.0, at: int = 0) -> Plant:
    """State C, PWM, contactor commanded."""
    p.touch(at)
    p.pilot.duty, p.pilot.state_c, p.ac.limit = duty, True, limit
    p.pilot.update()
    p.command(p.ac.contactor, True, at)
    return p


def kinds(p: Plant) -> list[str]:
    return [incident.kind for incident in p.incidents]


@pytest.mark.parametrize("duty, amperes", [(None, 0.0), (0.0, 0.0), (2.9, 0.0), (3.0, 80.0), (5.0, 80.0), (7.0, 80.0), (7.5, 0.0), (8.0, 6.0), (9.9, 6.0), (10.0, 6.0),
                                           (26.7, 16.02), (85.0, 51.0), (90.0, 65.0), (96.0, 80.0), (96.5, 80.0), (97.1, 0.0), (100.0, 0.0)])
def test_what_a_duty_promises(duty, amperes):
    assert duty_current(duty) == pytest.approx(amperes)


def test_a_soft_start_to_the_limit_and_the_energy_of_it():
    p = on(plant(onboard_rate_a_per_s=5.0))
    p.advance(40 * MS)                                        # the contactor's travel
    assert p.ac.live and p.ac.current == 0.0
    p.advance(40 * MS + 2 * S)
    assert p.ac.current == pytest.approx(10.0) and p.ac.power == pytest.approx(6900.0)
    p.advance(40 * MS + 10 * S)
    assert p.ac.current == 16.0
    work = 3 * 230.0 * (0.5 * 16.0 * 3.2 + 16.0 * 6.8)
    assert p.ac.energy == pytest.approx(work, rel=1e-6) and p.stored == pytest.approx(0.92 * work, rel=1e-6)
    p.advance(3600 * S)
    assert p.ac.energy == pytest.approx(11040.0 * 3600, rel=0.01) and p.battery.soc > 80.0


@pytest.mark.parametrize("settings, limit, duty, amperes", [
    ({}, 12.5, 5.0, 12.5), ({"onboard_max_current_a": 10.0}, 16.0, 5.0, 10.0), ({}, 16.0, 10.0, 6.0), ({}, 16.0, 100.0, 0.0), ({}, 0.0, 5.0, 0.0), ({}, 5.9, 5.0, 0.0)])
def test_the_least_of_limit_rating_and_duty(settings, limit, duty, amperes):
    p = on(plant(**settings), limit, duty)
    p.advance(30 * S)
    assert p.ac.current == pytest.approx(amperes)


def test_single_phase():
    p = on(plant(mains_phases=1))
    p.advance(30 * S)
    assert p.ac.power == pytest.approx(3680.0)


def test_a_full_battery_takes_less_and_then_nothing():
    p = on(plant(battery_soc_percent=99.9, battery_capacity_wh=2000.0))
    p.advance(600 * S)
    assert p.battery.soc == pytest.approx(100.0, abs=0.05) and p.ac.current < 16.0


def test_without_its_pwm_the_load_ends_in_time_and_nothing_wears():
    p = on(plant(onboard_stop_ms=3000))
    p.advance(30 * S)
    p.touch(30 * S)
    p.pilot.duty = 100.0
    p.pilot.update()
    p.advance(32 * S)
    assert 0.0 < p.ac.current < 16.0
    p.advance(33 * S)
    assert p.ac.current == pytest.approx(0.0, abs=1e-9)
    p.command(p.ac.contactor, False, 33 * S)
    p.advance(34 * S)
    assert not p.ac.live and not p.incidents


def test_a_car_that_ignores_everything_but_its_switch():
    p = on(plant())
    p.ac.ignores = True
    p.advance(30 * S)
    p.touch(30 * S)
    p.pilot.duty, p.ac.limit = 100.0, 0.0
    p.pilot.update()
    p.advance(60 * S)
    assert p.ac.current == 16.0


def test_opening_under_load_is_wear():
    p = on(plant())
    p.advance(30 * S)
    p.command(p.ac.contactor, False, 30 * S)
    p.advance(30 * S + 20 * MS)
    assert kinds(p) == ["ac_opened_under_load"] and p.ac.opened_under_load == 1 and p.damage == 0 and p.ac.current == 0.0


def test_closing_onto_a_car_in_b_or_onto_nobody_is_damage():
    p = on(plant())
    p.pilot.state_c = False
    p.pilot.update()
    p.advance(S)
    assert kinds(p) == ["ac_closed_in_b"] and p.damage == 1
    p = on(plant(plugged=False))
    p.advance(S)
    assert kinds(p) == ["ac_closed_unplugged"] and p.damage == 1


@pytest.mark.parametrize("opens_after, live", [(70, False), (81, True), (None, True)])
def test_live_pins_100_ms_after_the_plug_are_damage(opens_after, live):
    p = on(plant())
    p.touch(20 * S)
    p.ac.limit = 0.0
    p.advance(30 * S)
    assert p.unplug(30 * S)
    if opens_after is not None:
        p.advance(30 * S + opens_after * MS)
        p.command(p.ac.contactor, False, 30 * S + opens_after * MS)
    p.advance(31 * S)
    assert ("ac_live_unplugged" in kinds(p)) is live


def test_a_plug_pulled_under_current_is_damage():
    p = on(plant())
    p.advance(30 * S)
    p.unplug(30 * S)
    assert "unplugged_under_current" in kinds(p)


def test_integrating_in_one_piece_or_in_many_is_the_same():
    ends = []
    for pieces in (1, 977):
        p = on(plant())
        for n in range(1, pieces + 1):
            p.advance(600 * S * n // pieces)
        ends.append((p.ac.energy, p.battery.soc))
    assert ends[0][0] == pytest.approx(ends[1][0], rel=1e-4) and ends[0][1] == pytest.approx(ends[1][1], rel=1e-4)


def test_state_d():
    p = plant()
    p.pilot.state_c = p.pilot.ventilated = True
    p.pilot.update()
    assert p.pilot.at_charger.state.value == "D"


def test_the_battery_management_sees_the_on_board_charger():
    p = on(plant())
    p.advance(30 * S)
    assert p.ac.battery_current == pytest.approx(11040 * 0.92 / p.battery.ocv())


def test_an_on_board_charger_that_does_not_listen():
    p = on(plant(), limit=0.0)
    onboard = SimOnBoardCharger(p)
    onboard.refuses = True
    assert not onboard.set_limit(16.0, S) and onboard.errors == 1 and p.ac.limit == 0.0
    onboard.refuses = False
    assert onboard.set_limit(16.0, S) and p.ac.limit == 16.0
    assert onboard.current(30 * S) == 16.0 and onboard.power(30 * S) == 11040.0


def test_meter_and_detector():
    board = simulated_ac_charger(on(plant()), None)
    assert (board.meter.voltage(30 * S), board.meter.current(30 * S), board.meter.power(30 * S)) == (230.0, 16.0, 11040.0)
    assert board.meter.energy(30 * S) == pytest.approx(board.residual_current._plant.ac.energy / 3600, abs=0.1)
    assert board.residual_current.tripped(30 * S) is False
    board.residual_current.failed = True
    assert board.residual_current.tripped(30 * S) is None and board.residual_current.errors == 1


def test_the_coil_hangs_on_the_line_that_the_guard_drops_first():
    p = plant()
    lines = Lines.create(lambda: 1)
    board = ac_charger_on_lines(p, None, lines)
    try:
        p.pilot.state_c = True
        p.pilot.update()
        assert board.contactors.set_closed(True, 0) and lines.level(POWER) and not lines.level(CONTACTORS) and lines.armed
        assert board.contactors.feedback(S) is True and board.pilot_source.set_duty(5.0, S) and p.pilot.duty == 5.0
        assert board.lock.set_locked(True, S) and board.lock.feedback(2 * S) is True and p.charger_lock.position
        lines.hold()
        lines.force(POWER, False)
        assert not board.contactors.set_closed(True, 3 * S) and board.contactors.errors == 1
        assert board.contactors.feedback(4 * S) is False and not p.ac.live
        board.contactors.failed = True
        assert not board.contactors.set_closed(False, 4 * S) and board.contactors.feedback(4 * S) is None
    finally:
        lines.close()
