"""A simulated car that lets itself be discharged, and the power stage that draws."""
from dataclasses import replace

import pytest

from tasks.chademo.wire import CURRENT_DEVIATION, DISCHARGE, DISCHARGE_CHARGER, DISCHARGE_TIME, SYSTEM_FAULT
from tests.simulate.chademo.rig import Rig
from tests.simulate.chademo.test_bridge_plant import Stand
from tests.simulate.chademo.test_checks import told
from tools.simulate.chademo.profiles import LEAF40_V2X


def charging(discharge=20, traits=LEAF40_V2X, **charger):
    rig = Rig(traits)
    rig.charger.discharge = discharge
    for name, value in charger.items():
        setattr(rig.charger, name, value)
    rig.until("charging")
    rig.run(5.0)
    return rig


def draw(rig, amperes, seconds=0.0):
    rig.plant.touch(rig.now)
    rig.plant.stage.draw = amperes
    rig.run(seconds)


@pytest.mark.parametrize("missing", [DISCHARGE_CHARGER, DISCHARGE_TIME])
def test_it_fails_without_0x208_or_0x209_once_they_were_promised(missing):
    rig = Rig(LEAF40_V2X)
    rig.charger.discharge, rig.charger.withholds = 20, frozenset({missing})
    rig.until("talking")
    rig.run(2.0)
    assert rig.car.tripped == ["no 0x208 or 0x209"]
    late = charging()
    late.charger.withholds = frozenset({missing})
    late.run(0.9)
    assert not late.car.tripped
    late.run(0.4)
    assert late.car.tripped == ["no 0x208 or 0x209"] and told(late) == (0, SYSTEM_FAULT)


def test_nothing_is_missed_where_nothing_was_promised():
    rig = charging(discharge=None)
    assert not rig.car.tripped and {data[0] for _, data in rig.of(DISCHARGE)} == {0xFF}
    other = Rig("leaf40")                                               # says that it could, and does not look
    other.charger.discharge, other.charger.withholds = 20, frozenset({DISCHARGE_CHARGER, DISCHARGE_TIME})
    other.until("charging")
    other.run(5.0)
    assert not other.car.tripped


@pytest.mark.parametrize("available, lets", [(20, 20), (200, 40)])
def test_what_it_lets_out_ramps_to_the_least_of_both(available, lets):
    rig = charging(available)
    steps = [0xFF - part[0] for _, part in rig.rows(DISCHARGE, slice(0, 1))]
    assert steps == list(range(0, lets + 1, 2))
    rig.car.end(rig.now)
    rig.run(0.2)
    assert rig.of(DISCHARGE)[-1][1][0] == 0xFF


@pytest.mark.parametrize("amperes, trips", [(20.0, False), (29.0, False), (31.0, True)])
def test_it_looks_at_what_comes_out_and_not_at_what_it_asked_for(amperes, trips):
    rig = charging(reported_current=1.0)
    draw(rig, amperes, 15.0)
    assert rig.car.tripped == (["current_deviation"] if trips else []) and told(rig)[0] == (CURRENT_DEVIATION if trips else 0)


def test_idle_is_borne_once_something_has_flowed_and_a_long_0_in_109_3_is_not():
    rig = charging(reported_current=1.0)
    draw(rig, 0.01, 30.0)
    assert not rig.car.tripped
    rig = charging(traits=replace(LEAF40_V2X, zero_limit_s=20.0), reported_current=0.0)
    draw(rig, 15.0, 22.0)
    assert rig.car.tripped == ["idle"]


def test_its_battery_loses_what_is_drawn():
    rig = charging()
    before, soc, lost = rig.plant.stored, rig.plant.battery.soc, rig.plant.lost
    draw(rig, 15.0, 60.0)
    plant = rig.plant
    plant.advance(rig.now)
    assert plant.current == -15.0 and plant.battery.soc < soc and plant.plug_voltage < plant.battery.ocv()
    assert before - plant.stored == pytest.approx(15.0 * plant.battery.ocv() * 60.0, rel=0.2) and plant.lost > lost
    assert plant.delivered == pytest.approx(plant.stored + plant.lost)


# --- the stage

def joined():
    stand = Stand()
    stand.plant.want_vehicle_contactors(True, stand.now)
    stand.run(0.1)
    stand.precharge()
    stand.bridge(True)
    return stand


def test_a_stage_draws_only_while_it_is_on_and_no_more_than_its_power():
    stand = joined()
    plant = stand.plant
    plant.command_stage(True, 450.0, 50.0, stand.now)
    stand.run(5.0)
    assert plant.current == 50.0
    plant.stage.draw = 30.0
    plant.touch(stand.now)
    stand.run(10.0)
    assert plant.current == -30.0 and plant.inlet_voltage < plant.battery.ocv()
    plant.touch(stand.now)
    plant.stage.max_power = 3600.0
    stand.run(5.0)
    assert plant.current * plant.battery.ocv() == pytest.approx(-3600.0, rel=0.01)
    plant.command_stage(False, 0.0, 0.0, stand.now)
    stand.run(0.1)
    assert plant.current == 0.0, "what falls is its magnitude: at 2000 A/s"


@pytest.mark.parametrize("amperes, damage", [(4.0, 0), (30.0, 1)])
def test_opening_under_what_is_drawn_is_as_bad_as_under_what_is_delivered(amperes, damage):
    stand = joined()
    plant = stand.plant
    plant.command_stage(True, 450.0, 50.0, stand.now)
    plant.stage.draw = amperes
    stand.run(10.0)
    stand.bridge(False)
    assert [(i.kind, i.value, i.damage) for i in plant.incidents[-1:]] == [("opened_under_current", -amperes, bool(damage))] and plant.damage == damage
