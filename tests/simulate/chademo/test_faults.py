"""What can be made wrong with the simulated car, and that its bus and its switch then show it."""
from random import Random

import pytest

from tasks.chademo.wire import CONTACTOR_OPEN, ENABLED
from tests.simulate.chademo.rig import Rig


def talking(name="leaf40", **faults):
    rig = Rig(name)
    for fault, value in faults.items():
        setattr(rig.car.faults, fault, value)
    return rig


def test_pulled_can_is_silent_and_acknowledges_nothing_and_comes_back():
    rig = Rig("leaf40")
    rig.until("charging")
    rig.run(3.0)
    node = rig.segment.node()
    rig.car.faults.silent = True
    rig.run(0.02)
    count = len(rig.charger.heard)
    rig.run(0.5)
    assert len(rig.charger.heard) == count and not rig.charger._node.send(0x108, bytes(8)) and not node.ready
    rig.car.faults.silent = False
    rig.run(0.5)
    assert len(rig.charger.heard) > count and rig.plant.k


def test_a_deaf_car_goes_on_to_send_and_loses_its_charger():
    rig = Rig("leaf40")
    rig.until("charging")
    rig.run(2.0)
    rig.car.faults.deaf = True
    rig.run(1.3)
    assert rig.car.tripped == ["charger lost"] and rig.of(0x102)[-1][0] * 1e9 > rig.now - rig.charger.first - 2e8


def test_lengths_orders_and_identifiers():
    rig = talking(short=frozenset({0x101}), missing=frozenset({0x202}), foreign=(0x7DF, 0x555), reversed=True)
    rig.until("talking")
    rig.run(1.0)
    assert [id for _, id, _ in rig.charger.heard[:9]] == [0x555, 0x7DF, 0x700, 0x201, 0x110, 0x200, 0x102, 0x101, 0x100]
    assert {len(data) for _, data in rig.of(0x101)} == {7} and {len(data) for _, data in rig.of(0x102)} == {8} and not rig.of(0x202)


def test_a_missing_0x101_leaves_the_rest_in_place():
    rig = talking(missing=frozenset({0x101}))
    rig.until("charging")
    rig.run(2.0)
    assert not rig.of(0x101) and len(rig.of(0x100)) > 50 and rig.plant.current > 5.0


def test_a_flood_of_a_thousand_frames_per_second():
    rig = talking()
    rig.until("talking")
    rig.run(1.0)
    usual = len(rig.charger.heard)
    rig.car.faults.flood = True
    rig.run(1.0)
    assert 75 <= usual <= 85 and len(rig.charger.heard) - usual == pytest.approx(1000, abs=20)


def test_garbage_is_seeded_and_needs_its_rng():
    seen = []
    for seed in (1, 1, 2):
        rig = Rig("leaf40", rng=Random(seed))
        rig.car.faults.garbage = 0.5
        rig.until("talking")
        rig.run(1.0)
        seen.append([data for _, _, data in rig.charger.heard])
    assert seen[0] == seen[1] != seen[2]
    rig = talking(garbage=0.5)
    with pytest.raises(ValueError, match="rng"):
        rig.run(2.0)


@pytest.mark.parametrize("stuck", [True, False])
def test_a_stuck_switch_k_against_its_bit(stuck):
    rig = talking(k_stuck=stuck)
    rig.run(0.5)
    assert rig.plant.k is stuck
    rig.until("permitted")
    rig.run(0.3)
    assert rig.plant.k is stuck and rig.charger.last().status & ENABLED


@pytest.mark.parametrize("stuck", [True, False])
def test_a_stuck_bit_against_switch_k(stuck):
    rig = talking(enabled_stuck=stuck)
    rig.until("permitted")
    rig.run(0.3)
    assert rig.plant.k and bool(rig.charger.last().status & ENABLED) is stuck
    assert bool(rig.of(0x102)[0][1][5] & ENABLED) is stuck


def test_contactors_that_do_not_close_or_close_late():
    rig = talking(never_close=True)
    rig.until("permitted")
    rig.run(10.0)
    assert not rig.plant.vehicle_contactors.position and rig.charger.last().status & CONTACTOR_OPEN and not rig.car.tripped
    rig = talking(late_close_s=2.8)
    rig.until("closing")
    rig.run(3.8)
    assert not rig.plant.vehicle_contactors.position
    rig.run(0.3)
    assert rig.plant.vehicle_contactors.position
    rig.run(0.2)
    assert not rig.charger.last().status & CONTACTOR_OPEN


@pytest.mark.parametrize("octet, bit", [(4, 1), (4, 2), (4, 4), (4, 8), (4, 16), (5, 2), (5, 4), (5, 16)])
def test_each_bit_of_fault_and_status_can_be_told(octet, bit):
    rig = Rig("leaf40")
    rig.until("charging")
    rig.run(2.0)
    assert not rig.of(0x102)[-1][1][octet] & bit
    setattr(rig.car.faults, "tell_faults" if octet == 4 else "tell_status", bit)
    rig.run(0.2)
    assert rig.of(0x102)[-1][1][octet] & bit and rig.plant.k            # told only: the box alone must react


@pytest.mark.parametrize("full, rate", [(0xF0, 3), (0x64, 1), (0x64, 73), (0xFF, 0x8F), (0xC8, 100), (0, 40)])
def test_encodings_of_the_state_of_charge(full, rate):
    rig = talking(rate=(full, rate))
    rig.until("talking")
    rig.run(0.5)
    assert rig.of(0x100)[-1][1][6] == full and rig.of(0x102)[-1][1][6] == rate


def test_a_target_above_all_limits_a_request_beyond_what_is_available_and_no_time():
    rig = talking(target=600, request=250, max_time=(0, 0))
    rig.until("permitted")
    rig.run(0.2)
    last = rig.charger.last()
    assert last.target_voltage == 600 and last.current_request == 250 and rig.rows(0x101, slice(1, 3)) == [(0.01, b"\0\0")]


def test_unplugging_takes_everything_with_it():
    rig = Rig("leaf40")
    rig.until("charging")
    rig.run(3.0)
    assert rig.plant.unplug_vehicle(rig.now, force=True)
    rig.run(0.5)
    count = len(rig.charger.heard)
    rig.run(0.5)
    assert len(rig.charger.heard) == count and rig.car.ended == "unplugged" and not rig.plant.k and not rig.plant.vehicle_contactors.position
    assert {"vehicle_unplugged_live", "vehicle_unplugged_under_current"} <= {i.kind for i in rig.plant.incidents}
