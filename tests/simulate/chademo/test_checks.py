"""Every check of the simulated car trips when it shall, and only then."""
from dataclasses import replace

import pytest

from kernel.timer import S
from tasks.chademo.wire import (CONTACTOR_OPEN, CURRENT_DEVIATION, ENABLED, INCOMPATIBLE, MALFUNCTION, OVER_VOLTAGE, SYSTEM_FAULT, SYSTEM_MALFUNCTION,
                                UNDER_VOLTAGE, VOLTAGE_DEVIATION)
from tests.simulate.chademo.rig import Rig
from tools.simulate.chademo.profiles import LEAF40, PROFILES


def charging(traits="leaf40", soc=50.0, seconds=8.0, **settings):
    """A rig in the charge loop."""
    rig = Rig(traits, soc, **settings)
    rig.until("charging")
    rig.run(seconds)
    return rig


def told(rig):
    """(all bits of 102.4, all of 102.5) that were sent since the car enabled charging."""
    rows = [data for _, data in rig.of(0x102)]
    first = next(n for n, data in enumerate(rows) if data[5] & ENABLED)
    faults = status = 0
    for data in rows[first:]:
        faults |= data[4]
        status |= data[5]
    return faults, status & SYSTEM_FAULT


def sound(rig):
    return not rig.car.tripped and not rig.car.dtcs and told(rig) == (0, 0)


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_every_profile_charges_and_ends_in_order(name):
    rig = charging(name, seconds=20.0)
    assert rig.plant.current > (30.0 if name != "jdemo" else -1.0) or rig.car.ended == "available reached"
    rig.car.end(rig.now)
    rig.run(10.0)
    assert rig.car.ended in ("driver", "available reached") and sound(rig) and rig.plant.damage == 0
    assert not rig.plant.k and not rig.plant.vehicle_contactors.position and rig.plant.plug_voltage < 10.0
    if rig.car.traits.protocol == 2:
        assert rig.charger.last().status & (CONTACTOR_OPEN | ENABLED) == CONTACTOR_OPEN
    sent = len(rig.charger.heard)
    rig.run(2.0)
    assert len(rig.charger.heard) == sent or rig.car.traits.speaks_unasked


@pytest.mark.parametrize("late, trips", [(3.5, False), (4.5, True)])
def test_current_within_4_s_of_the_charging_flag(late, trips):
    rig = Rig(replace(LEAF40, under_delivery=None))
    rig.charger.delivers = lambda request: 0.0
    rig.until("charging")
    rig.run(late)
    rig.charger.delivers = float
    rig.run(3.0)
    assert rig.car.tripped == (["no_current"] if trips else [])
    assert told(rig)[1] == (SYSTEM_FAULT if trips else 0)


def test_who_believes_the_report_takes_a_told_ampere_for_current():
    rig = Rig(replace(LEAF40, current_judged="report", voltage_deviation=None, under_delivery=None))
    rig.charger.delivers = lambda request: 0.0
    rig.until("charging")
    rig.charger.reported_current = 1.0
    rig.run(90.0)
    assert sound(rig) and rig.car.state.value == "charging"
    rig.charger.reported_current = 0.0
    rig.run(6.0)
    assert rig.car.tripped == ["no_current"]


@pytest.mark.parametrize("seconds, trips", [(350.0, False), (362.0, True)])
def test_six_minutes_of_no_reported_current_are_too_long_also_without_a_request(seconds, trips):
    rig = charging(seconds=2.0)
    rig.car.faults.plateau = True
    rig.run(seconds + 5.0)
    assert rig.car.tripped == (["idle"] if trips else [])


def test_a_plateau_of_no_request_is_no_end():
    rig = charging()
    rig.car.faults.plateau = True
    rig.run(180.0)
    assert rig.car.request == 0 and rig.plant.current == 0.0 and sound(rig) and rig.plant.k
    rig.car.faults.plateau = False
    rig.run(5.0)
    assert rig.plant.current > 30.0


@pytest.mark.parametrize("offset, seconds, trips", [(18.0, 20.0, False), (22.0, 4.5, False), (22.0, 6.0, True), (-22.0, 6.0, True), (-18.0, 20.0, False)])
def test_voltage_deviation_of_20_v_for_5_s(offset, seconds, trips):
    rig = charging()
    rig.charger.voltage_offset = offset
    rig.run(seconds)
    rig.charger.voltage_offset = 0.0
    rig.run(1.0)
    assert rig.car.tripped == (["voltage_deviation"] if trips else []) and told(rig)[0] == (VOLTAGE_DEVIATION if trips else 0)


@pytest.mark.parametrize("less, seconds, trips", [(18.0, 20.0, False), (22.0, 4.5, False), (22.0, 6.0, True),
                                                  (-8.0, 20.0, False), (-12.0, 4.5, False), (-12.0, 6.0, True)])
def test_current_deviation_under_20_a_and_over_10_a_for_5_s(less, seconds, trips):
    rig = charging()
    rig.charger.delivers = lambda request: max(0.0, request - less)
    rig.run(seconds)
    rig.charger.delivers = float
    rig.run(1.0)
    assert rig.car.tripped == (["current_deviation"] if trips else []) and told(rig)[0] == (CURRENT_DEVIATION if trips else 0)


@pytest.mark.parametrize("voltage, trips", [(15.0, False), (25.0, True), (380.0, True)])
def test_voltage_at_the_inlet_when_d2_comes_sets_a_trouble_code_and_nothing_closes(voltage, trips):
    rig = Rig("leaf40")
    rig.until("permitted")
    rig.charger.auto = False
    rig.plant.touch(rig.now)
    rig.plant.command_stage(True, voltage, 2.0, rig.now)
    rig.charger.bridge(rig.now, True)                                   # as a welded one would be
    rig.run(3.0)
    assert rig.plant.plug_voltage == pytest.approx(voltage, abs=0.5)
    rig.plant.set_sequence(rig.now, d2=True)
    rig.run(0.5)
    assert rig.car.dtcs == ({"turtle": 1} if trips else {}) and rig.car.tripped == (["inlet live"] if trips else [])
    assert rig.plant.k is not trips and not rig.plant.vehicle_contactors.commanded
    rig.run(1.0)
    assert rig.plant.vehicle_contactors.position is not trips


@pytest.mark.parametrize("name, weak, closes, tripped", [
    ("leaf40", False, True, []), ("leaf40", True, True, []), ("i-miev", False, True, []), ("i-miev", True, False, []), ("orion", True, False, []),
    ("thirsty", False, True, []), ("thirsty", True, False, ["contactors do not close"])])
def test_a_weak_supply_of_the_coils(name, weak, closes, tripped):
    """Who does not look at its contactors asks for current all the same (chademo sheet 3.7)."""
    rig = Rig(replace(LEAF40, coil_current=2.0) if name == "thirsty" else name)
    rig.plant.weaken_supply(0, weak)
    rig.until("permitted")
    rig.run(5.0)
    assert rig.plant.vehicle_contactors.position is closes and rig.car.tripped == tripped
    if name in ("i-miev", "orion"):
        assert rig.car.request > 0


@pytest.mark.parametrize("pause, trips", [(0.8, False), (1.2, True)])
def test_a_second_without_the_chargers_frames(pause, trips):
    rig = charging()
    rig.charger.frames = False
    rig.run(pause)
    rig.charger.frames = True
    rig.run(0.3)
    assert rig.car.tripped == (["charger lost"] if trips else []) and rig.plant.k is not trips


def test_a_charger_that_is_gone_for_good_is_left_within_two_seconds_of_the_trip():
    rig = charging()
    rig.charger.frames = rig.charger.auto = False
    rig.until("charger lost", 1.2)
    rig.run(1.2)
    assert not rig.plant.vehicle_contactors.position and rig.plant.current == 0.0
    assert [i.kind for i in rig.plant.incidents if i.damage] == ["vehicle_opened_under_current"]       # nobody took the current away
    rig.run(8.0)
    sent = len(rig.charger.heard)
    rig.run(2.0)
    assert len(rig.charger.heard) == sent and rig.car.state.value == "silent"


@pytest.mark.parametrize("bits", [MALFUNCTION, SYSTEM_MALFUNCTION, INCOMPATIBLE])
def test_a_malfunction_that_the_charger_tells_ends_the_charge(bits):
    rig = charging()
    assert rig.plant.k
    rig.charger.errors = bits
    rig.run(0.15)
    assert rig.car.ended == "charger malfunction" and not rig.plant.k and rig.car.request == 0
    rig.run(5.0)
    assert rig.plant.damage == 0 and not rig.plant.vehicle_contactors.position


def test_the_stop_bit_ends_the_charge_when_it_comes_back():
    rig = charging()
    rig.charger.stop = True
    rig.run(0.15)
    assert rig.plant.k
    rig.run(0.3)
    assert not rig.plant.k and rig.car.request == 0 and rig.car.ended == "charger" and sound(rig)


@pytest.mark.parametrize("flags, trips", [(True, False), (False, True)])
def test_the_charging_flag_within_2_5_s_of_the_request(flags, trips):
    rig = Rig("leaf40")
    rig.charger.flags = flags
    rig.until("first request")
    rig.run(2.4)
    assert not rig.car.tripped
    rig.run(0.3)
    assert rig.car.tripped == (["no charging flag"] if trips else [])


def test_without_a_request_no_flag_is_owed():
    rig = Rig("leaf40")
    rig.charger.available = 0.0
    rig.until("requesting")
    rig.run(20.0)
    assert sound(rig) and rig.car.request == 0 and rig.plant.k
    rig.charger.available = 50.0
    rig.run(5.0)
    assert rig.car.state.value == "charging" and rig.plant.current > 30.0


@pytest.mark.parametrize("checks, permits", [(False, True), (True, False)])
def test_a_charger_below_its_target_is_judged_by_the_charger_or_by_the_car(checks, permits):
    rig = Rig(replace(LEAF40, target_voltage=520, checks_offer=checks))
    rig.until("talking")
    rig.run(4.5)
    assert rig.plant.k is permits and rig.car.ended == ("" if permits else "charger too low")


@pytest.mark.parametrize("seconds, trips", [(28.0, False), (31.0, True)])
def test_d2_within_30_s(seconds, trips):
    rig = Rig("leaf40")
    rig.charger.d2_after_s = seconds
    rig.until("permitted")
    rig.run(seconds + 1.5)
    assert rig.car.tripped == (["no d2"] if trips else [])


@pytest.mark.parametrize("max_voltage, min_voltage, bit", [(340, 0, OVER_VOLTAGE), (435, 380, UNDER_VOLTAGE), (435, 300, 0)])
def test_its_own_limits_of_voltage(max_voltage, min_voltage, bit):
    rig = charging(replace(LEAF40, max_voltage=max_voltage, min_voltage=min_voltage), seconds=2.0)
    assert told(rig)[0] == bit and bool(rig.car.tripped) is bool(bit)


@pytest.mark.parametrize("name, holds, tells, dtc", [
    ("leaf40", False, None, False), ("leaf40", True, None, True), ("leaf40", False, 400.0, False),           # its own voltmeter
    ("outlander", False, None, False), ("outlander", False, 400.0, True), ("diy09", True, None, False)])     # 109; nobody
def test_welding_detection_wants_the_voltage_to_fall(name, holds, tells, dtc):
    rig = charging(name)
    rig.charger.holds = holds
    if holds:
        rig.plant.stage.stuck_on = True                                 # the plug stays live behind open contactors
    rig.car.end(rig.now)
    if tells:
        rig.charger.reports = lambda: tells
    rig.run(6.5)
    assert rig.car.dtcs == ({"weld": 1} if dtc else {})
    if name == "leaf40":
        assert bool(rig.charger.last().status & CONTACTOR_OPEN) is not dtc


def test_a_welded_contactor_is_found_and_never_told_open():
    rig = charging()
    rig.plant.vehicle_contactors.welded = True
    rig.car.end(rig.now)
    rig.run(12.0)
    assert rig.car.dtcs == {"weld": 1} and rig.plant.plug_voltage > 300.0
    assert not any(data[5] & CONTACTOR_OPEN for at, data in rig.of(0x102) if at > 8.0)


@pytest.mark.parametrize("soc, ends", [(79.95, True), (60.0, False)])
def test_full_at_a_state_of_charge(soc, ends):
    rig = charging(replace(LEAF40, full_soc=80.0), soc, seconds=20.0)
    assert (rig.car.ended == "full") is ends and sound(rig)


@pytest.mark.parametrize("seconds, ends", [(80.0, False), (95.0, True)])
def test_overrunning_the_longest_time_ends_it(seconds, ends):
    rig = charging(replace(LEAF40, max_minutes=1), seconds=seconds)
    assert (rig.car.ended == "time over") is ends


@pytest.mark.parametrize("dynamic, asked", [(True, 40), (False, 80)])
def test_who_is_dynamic_follows_what_is_available(dynamic, asked):
    rig = Rig(replace(LEAF40, dynamic_flags=int(dynamic), under_delivery=None))
    rig.charger.available = 80.0
    rig.until("charging")
    rig.run(8.0)
    rig.charger.available = 40.0
    rig.run(0.25)
    assert rig.car.request == asked


def test_who_ends_at_what_is_available():
    rig = Rig("jdemo")
    rig.charger.available = 20.0
    rig.until("stopping")
    assert rig.car.ended == "available reached"
    rig = Rig("leaf24")
    rig.charger.available = 20.0
    rig.until("charging")
    rig.run(10.0)
    assert rig.car.request == 19 and sound(rig)                         # log A: one ampere less than is available


@pytest.mark.parametrize("name, again", [("lexus", False), ("leaf40", True)])
def test_a_second_session(name, again):
    rig = charging(name, seconds=2.0)
    rig.car.end(rig.now)
    rig.run(12.0)
    assert rig.car.state.value == "asleep"
    rig.plant.set_sequence(rig.now, d1=True)
    rig.charger.auto = False
    rig.run(6.0)
    assert rig.plant.k is again and (rig.car.tripped == []) is again
    assert rig.plant.unplug_vehicle(rig.now)                            # the plug out and in again makes it a first one
    rig.run(0.1)
    rig.plant.plug_vehicle(rig.now)
    rig.run(6.0)
    assert rig.plant.k


def test_discovery_ends_with_d1_and_the_next_session_is_a_whole_one():
    rig = Rig("leaf40")
    rig.until("permitted")
    rig.charger.auto = False
    at = rig.now
    rig.plant.set_sequence(at, d1=False)
    rig.run(0.1)
    assert not rig.plant.k
    rig.run(1.0)
    last = rig.charger.heard[-1][0]
    assert last - at < 0.7 * S and rig.car.state.value == "asleep"
    rig.charger.auto = True
    rig.charger._phase = "wake"
    rig.run(15.0)
    assert rig.car.state.value == "charging" and rig.plant.current > 10.0 and sound(rig)


def test_xpeng_raises_its_target_when_its_contactors_have_closed():
    rig = charging("xpeng")
    assert [int.from_bytes(value, "little") for _, value in rig.rows(0x102, slice(1, 3))] == [434, 450]


def test_e_nv200_wants_no_charge_until_it_asks_for_current():
    rig = charging("e-nv200")
    seen = [value[0] & 0x10 for _, value in rig.rows(0x102, slice(5, 6))]
    assert seen[0] and not seen[-1]


def test_voltages_told_by_the_car_itself():
    rig = charging("zombie")
    assert int.from_bytes(rig.of(0x103)[-1][1][:2], "little") == round(rig.plant.inlet_voltage)
    assert [data[0] for _, data in rig.rows(0x102, slice(0, 1))] == [1, 2]
    rig = Rig("johu")
    rig.charger.protocol = 10
    rig.until("charging")
    rig.run(2.0)
    assert int.from_bytes(rig.of(0x100)[0][1][:2], "little") == 0
    assert int.from_bytes(rig.of(0x100)[-1][1][:2], "little") == round(rig.plant.inlet_voltage) and not rig.plant.k


@pytest.mark.parametrize("seconds, trips", [(1.7, False), (2.8, True)])
def test_current_that_does_not_go_away_within_2_5_s(seconds, trips):
    rig = charging()
    rig.charger.auto = False                                            # the charger goes on as if nothing had been said
    rig.car.end(rig.now)
    rig.run(seconds)
    rig.charger.supply(rig.now, 0.0)
    rig.run(0.5)
    assert (rig.car.notes.when("current remains") is not None) is trips
    assert [i.kind for i in rig.plant.incidents if i.damage] == (["vehicle_opened_under_current"] if trips else [])
    assert told(rig)[1] == (SYSTEM_FAULT if trips else 0)


@pytest.mark.parametrize("seconds, opened", [(9.5, False), (10.5, True)])
def test_a_charging_flag_that_stays_without_current_holds_the_contactors_for_10_s(seconds, opened):
    rig = charging()
    rig.charger.auto = False
    rig.car.end(rig.now)
    rig.charger.supply(rig.now, 0.0)
    rig.run(seconds)
    assert rig.plant.vehicle_contactors.position is not opened and rig.plant.damage == 0
