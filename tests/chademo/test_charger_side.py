"""Every state of the charger's side and how each ends (chademo sheet 2.2, 2.3, 2.6); its limits are in test_charger_limits."""
import pytest

from kernel.timer import MS, S
from tasks.chademo import wire
from tasks.chademo.states import STARTING, STOPPING, Side
from tasks.stop_reasons import StopReason as R
from tests.chademo.bench import Bench, at

CYCLE = 100 * MS
ORDER = [Side.D1On, Side.Param, Side.Check, Side.Locked, Side.WaitPower, Side.D2On, Side.Mate, Side.WaitRequest, Side.Charge, Side.StopRamp,
         Side.StopWd, Side.StopD2, Side.StopEnd, Side.Ended]


def test_a_whole_session():
    b = at(Side.Ended)
    assert [state for _, state in b.entered] == ORDER
    assert b.statuses() == [0x20, 0x24, 0x05, 0x25, 0x24, 0x20] and b.side.reason is R.CAR_STOP and not b.side.urgent
    b.offer.wanted = "nothing"
    b.until(Side.Idle)


@pytest.mark.parametrize("start", [0, 86_400 * S * 30])
def test_the_clock_may_stand_anywhere(start):
    b = Bench(start)
    b.to(Side.Charge)
    assert b.now - start < 15 * S and b.side.charged == 0


def test_frames_come_every_100_ms_108_before_109_and_nothing_before_the_first_complete_set():
    b = Bench()
    b.missing = (0x100,)
    b.until(Side.D1On)
    b.run(0.5)
    assert b.sent == []
    b.missing = ()
    b.until(Side.Param)
    b.run(2.0)
    ids = [message.id for _, message in b.sent]
    assert ids == [0x108, 0x109, 0x118] * 21
    times = [at for at, message in b.sent if message.id == 0x108]
    assert {later - sooner for sooner, later in zip(times, times[1:])} == {CYCLE}
    assert b.sent[0][0] == b.at(Side.Param)


def test_nothing_is_wanted_before_the_bridge_wants_it():
    b = Bench()
    b.offer.wanted = "nothing"
    b.run(1.0)
    assert b.side.state is Side.Idle and not b.side.wants_d1 and b.sent == []


# --- row by row


def test_k_at_ground_when_d1_comes_is_stuck():
    b = Bench()
    b.facts.permission = True
    b.until(Side.Ended)
    assert b.side.reason is R.CAR_PERMISSION_STUCK and b.now <= 100 * MS and b.sent == []


def test_two_frames_with_both_permissions_are_needed():
    b = at(Side.Param)
    b.run(3.0)
    b.facts.permission = True
    b.run(1.0)
    assert b.side.state is Side.Param                   # k precedes the bit by up to 1 s
    b.status |= wire.ENABLED
    begun = b.now
    b.until(Side.Locked)
    assert CYCLE <= b.now - begun <= 2 * CYCLE
    other = at(Side.Param)
    other.run(3.0)
    other.status |= wire.ENABLED                        # the bit without the switch
    other.until(Side.StopEnd)
    assert other.side.reason is R.CAR_NO_PERMISSION


def test_lock_and_dead_plug_before_0x24():
    b = at(Side.Locked)
    b.offer.power_ready = False
    assert b.side.wants_lock and b.side.status == 0x20
    b.facts.locked, b.facts.plug_voltage = True, 12.0
    b.run(0.2)
    assert b.side.state is Side.Locked
    b.facts.plug_voltage = 5.0
    b.until(Side.WaitPower)
    assert b.side.status == 0x24


@pytest.mark.parametrize("state", [Side.Locked, Side.WaitPower])
def test_a_plug_that_becomes_live_before_d2_is_the_bridge_itself(state):
    b = at(state)
    b.facts.plug_voltage = 380.0
    b.turn()
    assert b.side.reason is R.CAR_PLUG_LIVE and not b.side.wants_d2


def test_the_target_is_frozen_when_d2_comes():
    b = at(Side.D2On)
    b.target = 450
    b.close()
    b.until(Side.Mate)
    assert b.side.says(b.now).target_voltage == 410


def test_without_the_voltage_at_the_plug_the_bit_alone_closes_nothing():
    b = at(Side.D2On)
    b.status = 0x41
    b.run(2.0)
    assert b.side.state is Side.D2On
    b.facts.plug_voltage = 370.0
    b.until(Side.Mate)


@pytest.mark.parametrize("voltmeter", [True, False])
def test_a_0_9_car_closes_by_voltage_or_by_request_or_after_2_s(voltmeter):
    def ready(request):
        b = Bench()
        b.facts.voltmeter = voltmeter
        b.protocol, b.status, b.request = 1, 0x40, request
        b.until(Side.Param)
        b.run(3.0)
        b.permit()
        b.status = 0x41
        b.until(Side.D2On)
        return b
    if voltmeter:
        b = ready(0)
        b.run(3.0)
        assert b.side.state is Side.D2On
        b.facts.plug_voltage = 370.0
        b.until(Side.Mate)
        return
    b = ready(0)
    b.request = 2
    begun = b.now
    b.until(Side.Mate)
    assert b.now - begun <= CYCLE + 20 * MS
    b = ready(1)                                             # an i-MiEV always asks for 1 A
    begun = b.now
    b.until(Side.Mate)
    assert abs(b.now - begun - 2 * S) <= 30 * MS


def test_the_charging_flag_comes_at_once_and_even_while_the_bridge_is_open():
    b = at(Side.WaitRequest)
    b.request = 2
    begun = b.now
    b.until(lambda: b.statuses()[-1] == 0x05)
    assert b.now - begun <= 2 * CYCLE + 20 * MS
    early = at(Side.Mate)
    early.request = 2
    begun = early.now
    early.until(lambda: early.statuses()[-1] == 0x05)
    assert early.now - begun <= 500 * MS + CYCLE


def test_a_bridge_that_does_not_join_after_the_flag_ends_3_s_after_the_cars_contactors():
    b = at(Side.Mate)
    begun = b.now
    b.request = 2
    b.until(Side.Charge)
    b.until(Side.StopRamp)
    assert b.side.reason is R.BRIDGE_NOT_JOINED and abs(b.now - begun - 3 * S) <= 20 * MS


@pytest.mark.parametrize("state", [Side.Mate, Side.WaitRequest])
def test_an_end_before_the_first_current_never_says_charging(state):
    """109.5.0 is 1 from the start of current control on (sheet 1.8): there was none."""
    b = at(state)
    b.facts.offer.stop = R.USER_STOP
    b.run(1.0)
    assert not any(status & wire.CHARGING for status in b.statuses()), [hex(s) for s in b.statuses()]


def test_charging_time_counts_with_current_and_ends():
    b = Bench()
    b.times = wire.ChargingTime(0xFF, 1)
    b.to(Side.Charge)
    assert b.last(wire.ChargerStatus).remaining in (None, 60.0)
    b.flow(0.5)
    b.run(5.0)
    assert b.side.charged == 0 or b.side.charged < 100 * MS
    b.flow(40)
    b.run(1.0)
    begun = b.now
    b.until(Side.StopRamp, 70)
    assert b.side.reason is R.CAR_TIME_OVER and abs(b.now - begun - 59 * S) <= 150 * MS
    octets = [wire.remaining_octets(message.remaining) for _, message in b.sent if type(message) is wire.ChargerStatus]
    seen = [pair for n, pair in enumerate(octets) if not n or octets[n - 1] != pair]
    assert seen[-7:] == [(0xFF, 1), (5, 0), (4, 0), (3, 0), (2, 0), (1, 0), (0, 0)]


def test_a_configured_time_is_the_shorter_one():
    b = at(Side.Charge, max_charging_min=5)
    b.run(0.2)
    assert 299.0 < b.last(wire.ChargerStatus).remaining <= 300.0
    assert at(Side.Charge, max_charging_min=120).side.allowed == 3600 * S


def test_what_the_offer_says_and_what_must_not_move():
    b = at(Side.Charge)
    b.offer.voltage, b.offer.current = 400.0, 55.7
    b.run(0.3)
    told = b.last(wire.Capability)
    assert (told.voltage, told.current, told.threshold, told.welding_detection) == (500.0, 55.0, 435.0, True)
    fixed = Bench()
    fixed.status = 0x08
    fixed.until(Side.Param)
    fixed.offer.current = 90.0
    fixed.run(3.0)
    assert fixed.last(wire.Capability).current == 90.0              # before d2 it may move with any car
    fixed.facts.permission, fixed.status = True, 0x09
    fixed.until(Side.D2On)
    fixed.run(0.1)
    fixed.offer.current = 30.0
    fixed.run(1.0)
    assert fixed.last(wire.Capability).current == 90.0


def test_the_threshold_is_the_smaller_one():
    b = Bench()
    b.limits = wire.BatteryLimits(0, 0, 0, 600, 100)
    b.until(Side.Param)
    b.run(0.2)
    assert b.last(wire.Capability).threshold == 500.0


def test_one_ampere_is_told_where_none_flows_and_none_outside_charging():
    b = at(Side.WaitRequest)
    b.offer.present_current = 3.0
    b.run(0.2)
    assert b.last(wire.ChargerStatus).current == 0.0
    b.offer.present_current = 0.0
    b.request = 2
    b.until(Side.Charge)
    b.run(0.2)
    assert b.last(wire.ChargerStatus).current == 1.0
    b.offer.present_current = 39.6
    b.run(0.2)
    assert b.last(wire.ChargerStatus).current == 40.0


def test_a_synthetic_decay_without_a_voltmeter_is_below_10_v_2_s_after_k():
    b = Bench()
    b.facts.voltmeter = False
    b.facts.plug_voltage = None
    b.to(Side.StopRamp)
    b.offer.present_voltage = 400.0
    b.flow(0)
    opened = b.now
    b.facts.joined = False
    b.run(3.0)
    told = {(at - opened) // CYCLE: message.voltage for at, message in b.sent if type(message) is wire.ChargerStatus and at > opened}
    assert told[9] <= 100.0 and told[20] <= 10.0 and told[1] > 200.0
    assert sorted(told.values(), reverse=True) == list(told.values())


@pytest.mark.parametrize("state", sorted(STARTING | {Side.Charge}, key=lambda s: ORDER.index(s)))
@pytest.mark.parametrize("why", ["stop", "nothing", "lease", "trip"])
def test_the_other_half_ends_it_in_every_state(state, why):
    b = at(state)
    begun = b.now
    if why == "stop":
        b.offer.stop = R.TCP_RESET
    elif why == "nothing":
        b.offer.wanted = "nothing"
    elif why == "lease":
        b.facts.offer = None
    else:
        b.facts.trip = "Contactor not open"
    b.turn()
    b.turn()
    assert b.side.state in STOPPING | {Side.Ended, Side.Idle}
    assert b.side.reason is {"stop": R.TCP_RESET, "nothing": R.USER_STOP, "lease": R.INTERNAL_ERROR, "trip": R.SAFETY_TRIP}[why]
    assert b.side.urgent is (why in ("lease", "trip"))
    b.obeys = True
    b.stop()
    b.open()
    if b.facts.offer is not None:
        b.flow(0)
    b.facts.joined = False
    b.until(lambda: b.side.state in (Side.Ended, Side.Idle))
    assert not b.side.wants_d1 and not b.side.wants_d2 and not b.side.wants_lock
    assert all(status & wire.STOP_CONTROL for status in b.statuses(begun + CYCLE))


@pytest.mark.parametrize("state", [s for s in ORDER if s in STARTING and s is not Side.D1On] + [Side.Charge])
def test_a_silent_car_ends_it_after_a_second_with_state_b(state):
    b = at(state)
    b.turn()
    last = b.side.vehicle.status_at
    b.talks = False
    b.until(lambda: b.side.state in STOPPING, 5)
    assert b.side.reason is R.CAR_SILENT_CAN and b.side.urgent
    assert abs(b.now - last - S) <= 30 * MS
    assert b.side.status & wire.SYSTEM_MALFUNCTION                      # 3.8: the car has lost CAN
    assert "no 0x102" in b.told[-1]


def test_scenario_26_no_current_is_asked_for_after_300_ms():
    b = at(Side.Charge)
    b.run(0.5)
    assert b.side.says(b.now).current_request == 40.0
    last = b.side.vehicle.status_at
    b.talks = False
    b.until(lambda: b.side.says(b.now).current_request == 0.0, 1)
    assert abs(b.now - last - 300 * MS) <= 10 * MS and b.side.state is Side.Charge


def test_a_request_outside_charging_is_hidden():
    b = Bench()
    b.request = 1
    b.to(Side.WaitPower)
    assert b.side.says(b.now).current_request == 0.0


# --- discovery, order, flood


def test_a_discovery_ends_when_the_car_is_ready_and_switches_only_d1():
    b = Bench()
    b.offer.wanted = "discovery"
    b.until(Side.Param)
    b.run(3.0)
    b.permit()
    b.until(Side.Ended)
    assert b.side.discovered and b.side.reason is None
    assert [s for _, s in b.entered] == [Side.D1On, Side.Param, Side.Check, Side.StopEnd, Side.Ended] and b.statuses() == [0x20]


def test_a_discovery_until_k_does_not_wait_for_the_bit():
    b = Bench(discovery_until="k")
    b.offer.wanted = "discovery"
    b.until(Side.Param)
    b.run(3.0)
    b.facts.permission = True
    b.until(Side.Ended)
    assert b.side.discovered and Side.Check not in [s for _, s in b.entered]


def test_scenario_50_a_missing_0x101_is_waited_for_a_second_and_told():
    b = Bench()
    b.missing = (0x101,)
    b.until(Side.Param)
    assert abs(b.now - b.side.vehicle.first_at - S) <= 20 * MS and "0x101" in b.told[-1]
    b.run(2.0)
    b.permit()
    b.until(Side.D2On)
    assert b.side.allowed == 254 * 60 * S


def test_frames_are_not_looked_at_while_nothing_is_wanted():
    b = Bench()
    b.offer.wanted = "nothing"
    b.side.receive(wire.VehicleStatus(2, 410, 100, 0, 0x41, 50), b.now)
    b.run(0.5)
    assert b.side.vehicle.status is None and not b.side.permitted


def test_events_are_bounded_and_counted():
    b = at(Side.Charge)
    for n in range(100):
        b.side._note("note %d", n)
    assert len(b.side.events()) == 64 and b.side.lost_events == 36


def test_a_car_that_does_not_say_how_long_has_what_is_left_of_the_time_that_it_allows():
    b = Bench()
    b.to(Side.Charge)
    begun = b.side.says(b.now).remaining_seconds
    b.offer.present_current = 20.0
    b.run(10.0)
    assert begun is not None and 9.0 <= begun - b.side.says(b.now).remaining_seconds <= 11.0
    b.times = wire.ChargingTime(wire.USE_COARSE, 60, 12)
    b.run(0.2)
    assert b.side.says(b.now).remaining_seconds == 720.0
