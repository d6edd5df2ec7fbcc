"""The CHAdeMO side of a bridge by itself: d1, d2 and the plug's lock, rule by rule, each time to its nanosecond."""
import math

import pytest

from kernel.timer import MS, S
from tasks.safety.config import BridgeLimits, BridgeSafetyConfig, PevSafetyConfig
from tasks.safety.facts import BridgeOutputs, Report
from tasks.safety.vehicle_side import VehicleSide
from tests.safety.given_bridge import BOTH, D1, NOTHING, START, Plug, facts, requests

# --- coming ---------------------------------------------------------------------------------------------------------------------

def test_nothing_is_on_before_both_requests_were_seen_released():
    for early in (D1, BOTH, requests(d1=False)):
        p = Plug()
        p.side._armed = False                                      # as a program that starts into standing requests
        for wish in (early, BOTH, D1):
            assert not p.step(wish).d1 and not p.out.d2
        p.step(NOTHING)
        assert p.step(D1).d1


def test_a_side_that_was_just_made_has_seen_nothing():
    out = BridgeOutputs()
    side = VehicleSide(BridgeLimits(PevSafetyConfig(), BridgeSafetyConfig()), out, Report())
    side.step(facts(d1=False, d2=False, vehicle_voltage=0.0), BOTH, False, S)
    assert (out.d1, out.d2, side.plug_was_dead) == (False, False, False)


@pytest.mark.parametrize("d2, on", [(False, True), (True, False), (None, False)])
def test_d1_comes_only_while_d2_is_acknowledged_off(d2, on):
    p = Plug()
    assert p.step(D1, d2=d2).d1 is on


def test_d2_comes_after_d1_was_acknowledged_and_never_in_the_same_step():
    p = Plug()
    assert (p.step(BOTH).d1, p.out.d2) == (True, False)
    p.deaf, p.f.d1 = True, None
    assert not p.step(BOTH).d2
    p.f.d1 = True
    assert p.step(BOTH).d2


@pytest.mark.parametrize("lacks, words", [
    ({"k": None}, "Car does not permit"), ({"k": False}, "Car does not permit"), ({"vehicle_lock": None}, "Car plug not locked"), ({"vehicle_plug": False}, "Car not plugged"),
    ({"contactors": None}, "Bridge not open"), ({"contactors": True}, "Bridge not open"), ({"vehicle_voltage": 10.0}, "Car plug not dead"),
    ({"vehicle_voltage": None}, "Car plug not dead"), ({"vehicle_voltage": math.nan}, "Car plug not dead")])
def test_d2_waits_for_each_of_its_permits_and_says_so(lacks, words):
    p = Plug()
    p.step(D1)
    good = {name: getattr(p.f, name) for name in lacks}
    assert not p.step(BOTH, **lacks).d2 and p.side.lacking(p.f, BOTH).text == words
    assert p.side.lacking(p.f, D1) is None, "nobody asks"
    assert p.step(BOTH, **good).d2 and p.side.lacking(p.f, BOTH) is None


def test_d2_does_not_come_while_the_contactor_is_commanded():
    p = Plug()
    p.step(D1)
    p.out.contactors = True
    assert not p.step(BOTH).d2
    p.out.contactors = False
    assert p.step(BOTH).d2


def test_without_a_voltmeter_d2_waits_until_the_bridge_has_been_open_for_long_and_tells_it():
    p = Plug(vehicle_voltmeter_fitted=False)
    p.step(D1, START + S, contactors=True)
    p.step(BOTH, contactors=False)
    opened = p.now
    assert p.side.next_timer() == opened + 5 * S
    assert not p.step(BOTH, opened + 5 * S - 1, vehicle_voltage=None).d2
    p.step(BOTH, opened + 5 * S - 1, contactors=None)
    assert not p.step(BOTH, opened + 5 * S, contactors=False).d2, "opened anew"
    p.report.drain()
    assert p.step(BOTH, opened + 10 * S).d2 and "unverified" in p.told()[0]
    assert Plug().on().told() == []


def test_only_a_feedback_that_was_read_after_the_command_confirms():
    """Contacts that were told to close a moment ago still read open."""
    p = Plug().on()
    p.step(BOTH, START + S)
    p.out.contactors = True
    p.step(BOTH)
    p.out.contactors = False
    p.step(NOTHING)
    told = p.now
    assert p.side.next_timer() == told + 1
    p.step(NOTHING, told + 1)
    assert p.step(NOTHING, told + 100 * MS).d2 and not p.step(NOTHING, told + 100 * MS + 1).d2


# --- going ----------------------------------------------------------------------------------------------------------------------

def test_d2_falls_so_long_after_the_bridge_confirmed_open_and_d1_so_long_after_d2():
    p = Plug(d2_hold_ms=150, d1_hold_ms=700).on(closed=True)
    for _ in range(3000):
        assert p.step(NOTHING).d2 and p.out.d1, "whatever anybody wants: the bridge is commanded closed"
    p.out.contactors = False
    p.step(NOTHING)                                                 # commanded, still confirmed closed
    p.step(NOTHING, contactors=False)
    opened = p.now
    assert p.side.next_timer() == opened + 150 * MS
    assert p.step(NOTHING, opened + 150 * MS - 1).d2
    assert not p.step(NOTHING, opened + 150 * MS).d2 and p.out.d1
    p.step(NOTHING, p.now + 3)                                      # acknowledged, as seen here
    off = p.now
    p.step(NOTHING)                                                 # with a measurement of its own
    assert p.side.next_timer() == off + 700 * MS
    assert p.step(NOTHING, off + 700 * MS - 1).d1
    assert not p.step(NOTHING, off + 700 * MS).d1
    assert p.side.next_timer() > off + 3 * S


def test_a_bridge_that_was_open_all_the_time_lets_d2_fall_at_once():
    p = Plug().on()
    p.step(BOTH, START + S)
    assert not p.step(D1).d2 and p.out.d1
    p.step(D1)
    for _ in range(200):
        assert p.step(D1).d1 and not p.out.d2, "still asked for"


@pytest.mark.parametrize("current, falls", [(5.0, True), (5.1, False), (-5.1, False), (-5.0, True), (None, False), (math.nan, False)])
def test_d2_waits_for_the_current_that_somebody_still_measures(current, falls):
    p = Plug().on()
    p.step(BOTH, START + S)
    assert p.step(NOTHING, inlet_current=current).d2 is not falls
    assert not p.step(NOTHING, inlet_current=0.0).d2


def test_a_box_without_a_sensor_waits_for_no_current():
    p = Plug(PevSafetyConfig(current_sensor_fitted=False)).on()
    p.step(BOTH, START + S)
    assert not p.step(NOTHING, inlet_current=None).d2


@pytest.mark.parametrize("first", ["command", "end"])
def test_a_bridge_that_does_not_confirm_open_holds_d2_up_no_longer_than_its_bound(first):
    p = Plug(release_ms=6000).on(closed=True)
    if first == "end":
        p.step(NOTHING)
        p.step(NOTHING, p.now + 9 * S)
    p.out.contactors = False
    p.step(BOTH if first == "command" else NOTHING, p.now + S)
    if first == "command":
        p.step(NOTHING, p.now + 2 * S)                              # it matters from now on
    begun = p.now
    p.step(NOTHING, begun + 1)
    p.report.drain()
    assert p.side.next_timer() == begun + 6 * S
    assert p.step(NOTHING, begun + 6 * S - 1).d2 and not p.told()
    assert not p.step(NOTHING, begun + 6 * S).d2
    assert "d2 released although the bridge contactor does not confirm open" in p.told()[0]
    p.step(NOTHING)
    off = p.now
    assert p.step(NOTHING, off + 500 * MS - 1).d1 and not p.step(NOTHING, off + 500 * MS).d1


def test_the_end_of_d2_begins_anew_when_it_was_asked_for_in_between():
    p = Plug().on()
    p.step(BOTH, START + S)
    p.step(NOTHING, contactors=True)
    p.step(BOTH, p.now + 9 * S)
    p.step(NOTHING, p.now + S)
    begun = p.now
    assert p.step(NOTHING, begun + 10 * S - 1).d2 and not p.step(NOTHING, begun + 10 * S).d2


def test_a_d2_that_is_never_acknowledged_off_keeps_d1_no_longer_than_the_bound():
    p = Plug(release_ms=6000).on()
    p.step(BOTH, START + S)
    p.deaf = True
    p.step(NOTHING)
    fell = p.now
    assert not p.out.d2 and p.side.next_timer() == fell + 6 * S
    assert p.step(NOTHING, fell + 6 * S - 1).d1 and not p.step(NOTHING, fell + 6 * S).d1
    for _ in range(3):
        assert p.step(NOTHING).vehicle_lock is None


def test_d1_alone_falls_with_its_request():
    """Discovery (sheet 3.2): d2 was never on."""
    p = Plug()
    for _ in range(100):
        p.step(D1)
    assert not p.step(NOTHING).d1


def test_without_d1s_request_d2_ends_as_well():
    p = Plug().on()
    p.step(BOTH, START + S)
    assert not p.step(requests(False, False, False, d1=False)).d2


@pytest.mark.parametrize("closed", [False, True])
def test_a_trip_ends_both_in_order_and_they_come_back_only_after_both_requests_were_released(closed):
    p = Plug().on(closed)
    p.step(BOTH, START + S)
    p.step(BOTH, tripped=True)
    assert p.out.d1 and p.out.d2 is closed
    p.out.contactors = False
    p.step(BOTH, tripped=True, contactors=False)
    p.step(BOTH, tripped=True)
    p.step(BOTH, p.now + 100 * MS, tripped=True)
    assert not p.out.d2 and p.out.d1
    p.step(BOTH, tripped=True)
    assert not p.step(BOTH, p.now + 500 * MS, tripped=True).d1
    p.f.vehicle_voltage = 0.0
    p.step(NOTHING, tripped=True)
    for wish in (BOTH, D1, BOTH, requests(d1=False)):
        assert not p.step(wish).d1 and not p.out.d2, "released while it was tripped: that does not count"
    p.step(NOTHING)
    assert p.step(BOTH).d1 and p.step(BOTH).d2


def test_a_trip_that_was_left_before_d1_fell_does_not_keep_it():
    p = Plug().on()
    p.step(BOTH, START + S)
    p.step(BOTH, tripped=True)
    p.step(BOTH)
    assert not p.out.d2 and p.out.d1
    assert not p.step(BOTH, p.now + 500 * MS).d1


def test_after_its_end_d1_needs_both_requests_released():
    p = Plug()
    p.step(D1, START + S)
    p.step(requests(False, False, False, d1=False))
    assert not p.out.d1
    assert not p.step(BOTH).d1
    p.step(NOTHING)
    assert p.step(BOTH).d1


def test_a_request_that_flickers_while_the_bridge_is_closed_changes_neither():
    p = Plug().on(closed=True)
    for wish in (NOTHING, BOTH, D1, requests(d1=False), BOTH):
        p.step(wish)
        assert p.out.d1 and p.out.d2
