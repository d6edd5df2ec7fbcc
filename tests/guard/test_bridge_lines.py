"""A bridge's lines, the drivers over them, and the simulated vehicle's side that follows them, whoever set them."""
import os

import pytest

from drivers.can.bus import CanBus
from drivers.can.settings import CanConfig
from drivers.sim.boards import bridge_on_lines
from drivers.sim.bridge_plant import BridgePlant
from drivers.sim.can import CanSegment
from drivers.sim.lines import CONTACTORS, D1, D2, LOCK, PILOT_C, UNLOCK, VEHICLE_LOCK, VEHICLE_UNLOCK, Lines
from drivers.sim.link import SimLink, SimNic
from drivers.sim.plant_config import PlantConfig
from kernel.timer import S

ALL = (D1, D2, VEHICLE_LOCK, VEHICLE_UNLOCK)


@pytest.fixture
def lines():
    made = Lines.create()
    yield made
    made.close()


@pytest.fixture
def bridge(lines):
    plant = BridgePlant(PlantConfig(plugged=True))
    port = CanBus(CanConfig(), CanSegment().node()).port("chademo", ())
    return plant, bridge_on_lines(plant, SimNic(SimLink(None), "a", bytes(6)), port, lines)


@pytest.mark.parametrize("line", ALL)
def test_a_held_line_is_raised_by_nobody_and_its_change_has_a_time_of_its_own(lines, line):
    other = Lines(os.dup(lines.fd))
    others = [n for n in (PILOT_C, CONTACTORS, LOCK, UNLOCK, *ALL) if n != line]
    assert lines.set(line, True) and other.level(line) and other.changed_at(line) > 0
    assert not any(other.level(n) or other.changed_at(n) for n in others) and not other.held
    assert other.armed is (line in (D1, D2)), "a motor alone is nobody's concern"
    other.hold()
    assert not lines.set(line, False) and lines.level(line), "the guard decides when it falls"
    other.force(line, False)
    assert lines.set(line, False) and not lines.set(line, True)
    other.close()


def test_the_vehicle_s_side_follows_its_lines(lines, bridge):
    plant, board = bridge
    plug = board.bridge
    plant.want_vehicle_contactors(True, S)
    assert plug.sequence.set_d1(True, S) and (plant.d1, plant.d2) == (True, False)
    assert plug.sequence.set_d2(True, S) and plug.lock.set_locked(True, S)
    assert plug.lock.feedback(3 * S) is True and plant.vehicle_contactors.position and not plant.car_lock.position
    lines.hold()
    for line in ALL:
        lines.force(line, False)
    assert plug.lock.feedback(4 * S) is True, "a motor without current stays where it is"
    assert (plant.d1, plant.d2) == (False, False)
    plant.advance(5 * S)
    assert not plant.vehicle_contactors.position, "its coils are fed by d1 and d2"


def test_the_contactors_feedback_is_enough_to_see_what_the_guard_did(lines, bridge):
    plant, board = bridge
    board.bridge.sequence.set_d1(True, S)
    lines.force(D1, False)
    board.contactors.feedback(2 * S)
    assert not plant.d1


def test_its_drivers_refuse_and_count_when_the_guard_holds_or_they_failed(lines, bridge):
    sequence, lock = bridge[1].bridge.sequence, bridge[1].bridge.lock
    sequence.failed = lock.failed = True
    assert not sequence.set_d1(True, S) and not sequence.set_d2(True, S) and not lock.set_locked(True, S) and not any(lines.level(n) for n in ALL)
    sequence.failed = lock.failed = False
    lines.hold()
    assert not sequence.set_d1(True, S) and not sequence.set_d2(True, S) and not lock.set_locked(True, S)
    assert (sequence.errors, lock.errors) == (4, 2)
    assert sequence.set_d1(False, S) and sequence.set_d2(False, S)


def test_the_motor_lines_are_never_both_high(lines, bridge):
    lock = bridge[1].bridge.lock
    for n, locked in enumerate((True, False, True)):
        assert lock.set_locked(locked, n * S)
        assert (lines.level(VEHICLE_LOCK), lines.level(VEHICLE_UNLOCK)) == (locked, not locked)
        assert not lines.level(LOCK) and not lines.level(UNLOCK)
