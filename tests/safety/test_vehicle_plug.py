"""The plug of a bridge's CHAdeMO side: when it is locked and released, what is remembered and told of it, and which times it waits for."""
import math

import pytest

from kernel.timer import MS, NEVER, S
from tests.safety.given_bridge import BOTH, D1, LOCK, NOTHING, START, Plug, requests


def ended(**limits) -> Plug:
    """d1 and d2 just acknowledged off, the lock still asked for, the plug at 350 V and standing."""
    p = Plug(**limits).on()
    p.step(BOTH, START + 10 * S)
    p.step(LOCK)
    p.step(LOCK)
    p.step(LOCK, p.now + 500 * MS)
    p.step(LOCK)
    assert (p.f.d1, p.f.d2) == (False, False)
    return p


@pytest.mark.parametrize("plug, lock", [(None, True), (True, True), (False, None)])
def test_it_locks_on_request_where_a_plug_may_be(plug, lock):
    p = Plug()
    assert p.step(LOCK, vehicle_plug=plug).vehicle_lock is lock
    assert p.step(NOTHING).vehicle_lock is False


@pytest.mark.parametrize("change, unlocks", [
    ({"vehicle_voltage": 10.0}, True), ({"vehicle_voltage": -10.0}, True), ({"vehicle_voltage": 10.1}, False), ({"vehicle_voltage": -10.1}, False),
    ({"vehicle_voltage": None}, False), ({"vehicle_voltage": math.nan}, False), ({"vehicle_voltage": 0.0, "vehicle_steady": False}, False),
    ({"vehicle_voltage": 0.0, "contactors": None}, False), ({"vehicle_voltage": 0.0, "contactors": True}, False),
    ({"vehicle_voltage": 0.0, "d1": None}, False), ({"vehicle_voltage": 0.0, "d1": True}, False), ({"vehicle_voltage": 0.0, "d2": None}, False),
    ({"vehicle_voltage": 0.0, "d2": True}, False)])
def test_it_unlocks_only_what_is_dead_open_and_switched_off(change, unlocks):
    p = ended()
    assert p.step(NOTHING, **change).vehicle_lock is (False if unlocks else None)


def test_it_unlocks_nothing_while_somebody_wants_it_locked_or_either_signal_is_on():
    assert ended().step(LOCK, vehicle_voltage=0.0).vehicle_lock is True
    p = Plug()
    assert p.step(D1).vehicle_lock is None
    p = Plug().on()
    assert p.step(requests(False, False, False, vehicle_lock=False), vehicle_voltage=0.0).vehicle_lock is None


def test_what_was_measured_before_d2_was_off_unlocks_nothing():
    p = Plug().on()
    p.step(BOTH, START + S, vehicle_voltage=0.0)
    p.step(NOTHING)
    p.step(NOTHING)
    off = p.now
    p.step(NOTHING, off + 600 * MS, vehicle_voltage=None)
    p.f.d1, p.f.vehicle_voltage = False, 0.0
    for measured, lock in ((off, None), (off + 1, False)):
        p.f.vehicle_voltage_at = measured
        p.side.step(p.f, NOTHING, False, off + 700 * MS)
        assert p.out.vehicle_lock is lock and p.side.plug_was_dead is (lock is False)
        assert (p.side.next_timer() == off + 700 * MS + 1) is (lock is None), "a new measurement may have the same value"


def test_without_a_voltmeter_the_plug_is_released_by_time():
    p = Plug(vehicle_voltmeter_fitted=False, unverified_dead_ms=7000)
    p.step(NOTHING, vehicle_voltage=None)
    p.step(D1, START + 9 * S)
    p.step(BOTH)
    p.step(NOTHING)
    p.step(NOTHING)
    off = p.now
    p.step(NOTHING, off + 500 * MS)
    p.step(NOTHING, vehicle_voltage=0.0)                            # whatever the input that nobody fitted says
    assert not p.out.d1 and p.side.next_timer() == off + 7 * S
    assert p.step(NOTHING, off + 7 * S - 1).vehicle_lock is None and p.step(NOTHING, off + 7 * S).vehicle_lock is False
    assert not p.side.plug_was_dead
    p.step(NOTHING, contactors=None)
    p.step(NOTHING, contactors=False)
    opened = p.now
    assert p.side.next_timer() == opened + 7 * S, "counted from the later one"
    assert p.step(NOTHING, opened + 7 * S - 1).vehicle_lock is None and p.step(NOTHING, opened + 7 * S).vehicle_lock is False
    assert p.side.next_timer() == NEVER


@pytest.mark.parametrize("change, dead", [
    ({"vehicle_voltage": 9.9}, True), ({"vehicle_voltage": 10.0}, False), ({"vehicle_voltage": -10.0}, False), ({"vehicle_voltage": None}, False),
    ({"vehicle_voltage": 0.0, "contactors": None}, False), ({"vehicle_voltage": 0.0}, True)])
def test_it_remembers_that_the_plug_was_dead_until_d2_comes(change, dead):
    p = ended()
    assert p.side.plug_was_dead is False
    p.step(NOTHING, **change)
    assert p.side.plug_was_dead is dead
    p.step(NOTHING, vehicle_voltage=380.0)
    assert p.side.plug_was_dead is dead
    p.step(NOTHING, vehicle_voltage=0.0, contactors=False)
    p.step(NOTHING, contactors=None)
    assert p.side.plug_was_dead
    p.step(NOTHING, contactors=False)
    assert not p.step(D1).d2 and p.side.plug_was_dead
    assert p.step(BOTH).d2 and not p.side.plug_was_dead


def test_a_plug_that_stays_live_is_told_once_after_its_time():
    p = Plug().on()
    p.step(BOTH, START + S)
    p.step(LOCK)
    p.step(LOCK)
    off = p.now
    p.step(LOCK, off + 600 * MS)
    p.report.drain()
    assert p.side.next_timer() == off + 5 * S
    p.step(LOCK, off + 5 * S - 1)
    assert p.told() == []
    p.step(LOCK, off + 5 * S)
    told = p.told()
    p.step(LOCK)
    assert p.told() == [] and told == ["the CHAdeMO plug stays live: 350.0 V, 5 s after d2 fell. It stays locked; the car's contactors may be welded"]
    assert p.side.next_timer() == NEVER
    p.step(LOCK, vehicle_voltage=0.0)
    p.step(LOCK, vehicle_voltage=350.0)
    assert p.told() == [], "that came through the bridge: a trip of its own"


@pytest.mark.parametrize("voltage, told", [(None, 1), (5.0, 0)])
def test_a_plug_that_is_dead_or_unknown_is_not_told_as_live(voltage, told):
    p = ended()
    p.report.drain()
    p.step(NOTHING, p.now + 10 * S, vehicle_voltage=voltage)
    assert p.told() == []
    p.step(NOTHING, vehicle_voltage=350.0)
    assert len(p.told()) == told


def test_a_plug_that_is_live_when_the_program_starts_is_told_as_well():
    p = Plug()
    p.step(NOTHING, vehicle_voltage=350.0)
    p.f.vehicle_voltage, p.side.plug_was_dead = 350.0, False
    p.step(NOTHING, START + 6 * S)
    assert len(p.told()) == 1


def test_without_a_voltmeter_d2_may_come_back_before_the_plug_may_be_released():
    p = Plug(vehicle_voltmeter_fitted=False)
    p.step(NOTHING)
    p.step(D1, START + 9 * S)
    assert p.step(BOTH).d2
    p.out.contactors = True
    p.step(BOTH, contactors=True)
    p.out.contactors = False
    p.step(NOTHING)
    p.step(NOTHING, contactors=False)
    opened = p.now
    p.step(NOTHING, opened + 100 * MS)
    p.step(NOTHING)
    p.step(NOTHING, p.now + 500 * MS)
    assert not p.out.d1 and p.side.next_timer() == opened + 5 * S


def test_nothing_to_wait_for_needs_no_timer():
    p = Plug()
    p.step(NOTHING)
    assert p.side.next_timer() == NEVER
    p.on()
    assert p.side.next_timer() == NEVER
    p.step(BOTH)
    assert p.side.next_timer() == NEVER
