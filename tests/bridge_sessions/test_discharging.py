"""A car that is discharged through the bridge (V2X): configured it works and ends in order at each limit; not configured it is refused."""
import pytest

from kernel.timer import MS, S
from tasks.chademo import wire
from tasks.stop_reasons import NORMAL_ENDS
from tasks.stop_reasons import StopReason as R
from tests.bridge_sessions.test_19_to_34_charging import deed, orderly, power_off, stop_frame
from tests.bridge_sessions.worlds import CYCLE, World, charger, value
from tools.simulate.fleet.traits import Change, Echo

CONFIGURED = {"bridge.discharge_a": 20.0, "safety.bridge.max_discharge_a": 20.0}
CAR = "leaf40-v2x"
HOLD = 500 * MS


def draw(w, amperes):
    """The charger draws from now on; 0: it charges again."""
    deed_at = w.now
    w.plant.touch(deed_at)
    w.plant.stage.draw = amperes
    return deed_at


def discharging(amperes=15.0, car=CAR, *, settings=CONFIGURED, **more):
    """It has charged and is drawn on, since the time that is returned."""
    w = World(car, more.pop("evse", None), settings=settings, **more)
    w.until_charging(30.0)
    since = draw(w, amperes)
    w.until(lambda: w.plant.current <= -amperes + 0.1 or w.side != "Charge", 6 * S, "the draw")
    return w, since


def announced(w, since=0):
    """109.4.0 of each frame."""
    return {m.discharge for _, m in w.sent(wire.CHARGER_STATUS, since)}


@pytest.mark.parametrize("strategy, protocol", [("measured", "din"), ("measured", "iso2"), ("once", "din"), ("single", "din")])
def test_charge_discharge_charge(strategy, protocol):
    w, since = discharging(strategy=strategy, traits={"current_judged": "report"} if strategy == "single" else {},
                           settings=CONFIGURED | {"ev.protocols": [protocol], "evse.protocols": [protocol]})
    charged, soc, volts = w.signals.session_energy.value, w.plant.battery.soc, w.plant.battery.ocv()
    w.run(20.0)
    assert w.side == "Charge" and w.plant.battery.soc < soc - 0.05 and w.plant.battery.ocv() < volts
    assert w.signals.inlet_current.value == pytest.approx(-15.0, abs=0.2) and w.signals.evse_present_current.value == pytest.approx(-15.0, abs=0.2)
    assert w.signals.session_energy_out.value == pytest.approx(15.0 * volts * 20.0 / 3600.0, rel=0.1)
    assert w.signals.session_energy.value == pytest.approx(charged, rel=0.1), "what was drawn is not taken off what was charged"
    steady = since + 5 * S
    assert {m.present_current for _, m in w.sent(wire.DISCHARGE_CHARGER, steady)} == {15} and {m.current for _, m in w.sent(wire.CHARGER_STATUS, steady)} == {0.0}
    said = w.sent(wire.DISCHARGE_CHARGER)[-1][1]
    assert (said.input_voltage, said.input_current, said.lower_threshold) == (500, 20, 250) and w.sent(wire.DISCHARGE_TIME)[-1][1] == wire.DischargeTime(2, 5)
    assert w.came(wire.DISCHARGE)[-1][1].max_current == 20 and w.signals.vehicle_max_discharge.value == 20.0, "the car has 40 A, the box 20"
    draw(w, 0.0)
    w.until_charging(30.0)
    w.run(2.0)
    assert w.side == "Charge" and not w.vehicle.tripped and w.sent(wire.DISCHARGE_CHARGER)[-1][1].present_current == 0
    asked = w.end()
    orderly(w, asked)
    assert w.reason is R.CAR_STOP
    w.check_at_rest()


def test_it_is_announced_in_the_charge_alone_and_its_frames_follow_each_0x109():
    w, _ = discharging()
    d1 = [e.at for e in w.edges if e.name == "d1" and e.on]
    assert len(d1) == 2
    looked = [f for f in w.frames if f.node == 0 and f.at < d1[1]]
    assert looked and announced(w) == {False, True} and {f.id for f in looked} == set(wire.CHARGER_IDS)
    assert announced(w, d1[1]) == {True}
    order = [f.id for f in w.frames if f.node == 0 and f.at >= d1[1]]
    cycle = [wire.CAPABILITY, wire.CHARGER_STATUS, wire.CHARGER_DYNAMIC, wire.DISCHARGE_CHARGER, wire.DISCHARGE_TIME]
    assert order == (cycle * len(order))[:len(order)]
    w.end()
    assert w.sent(wire.DISCHARGE_TIME)[-1][1].remaining == 0
    w.check_at_rest()


def test_without_the_setting_it_is_refused_and_nothing_is_announced():
    w = World(CAR)
    w.until_charging(30.0)
    w.end()
    assert announced(w) == {False} and not w.sent(wire.DISCHARGE_CHARGER) and not w.sent(wire.DISCHARGE_TIME)
    assert len(w.told("the car can discharge (0x200): refused")) == 2, "once in each connection"
    assert {m.max_current for _, m in w.came(wire.DISCHARGE)} == {0}
    w.check_at_rest()


@pytest.mark.parametrize("settings, traits", [({}, {}), (CONFIGURED, {"status_bits": 0})], ids=["not configured", "the car has no bit"])
def test_a_charger_that_draws_unasked_ends_the_session_before_the_supervisor_does(settings, traits):
    w, since = discharging(settings=settings, traits=traits)
    w.until(lambda: w.side == "StopRamp", 2 * S)
    assert w.now - since <= 10 * S and announced(w) == {False}
    w.until_released()
    assert w.reason is R.CHARGER_DRAWS and not w.signals.safety_trip.value and w.told("the charger draws 15.0 A out of the car")
    orderly(w, since)
    w.check_at_rest()


@pytest.mark.parametrize("settings", [{}, CONFIGURED], ids=["not configured", "configured"])
def test_a_negative_current_that_is_only_reported_is_never_ignored(settings):
    """The box measures 60 A into the car: one of the two is wrong, and what would be forbidden counts."""
    w = World(evse=charger(changes=(Change("CurrentDemandRes", "EVSEPresentCurrent", -30.0, 40),)), settings=settings)
    w.until(lambda: len(w.said("CurrentDemandRes", sender="evse")) >= 40)
    told = w.said("CurrentDemandRes", sender="evse")[39][0]
    assert value(w.said("CurrentDemandRes", sender="evse")[39][1].EVSEPresentCurrent) == -30.0
    w.until(lambda: w.side == "StopRamp", 2 * S)
    assert HOLD <= w.now - told <= HOLD + CYCLE
    w.until_released()
    assert w.reason is (R.DISCHARGE_OVERCURRENT if settings else R.CHARGER_DRAWS)
    w.check_at_rest()


@pytest.mark.parametrize("amperes, traits, allowed", [(26.0, {}, 20), (18.0, {"max_discharge": 10}, 10)], ids=["more than the box", "more than the car"])
def test_more_than_is_allowed_ends_in_order(amperes, traits, allowed):
    w, since = discharging(amperes, traits=traits)
    w.until(lambda: w.side == "StopRamp", 2 * S)
    crossed = next(at for at, current in w.currents if at > since and current < -allowed - 5.0)
    assert HOLD <= w.now - crossed <= HOLD + CYCLE
    ended = w.now
    w.until_released()
    assert w.reason is R.DISCHARGE_OVERCURRENT and not w.signals.safety_trip.value and w.told(f"allowed are {allowed} A")
    assert stop_frame(w, ended) - ended <= CYCLE and power_off(w, ended) - ended <= 200 * MS
    assert w.edge("state C", False, ended).at > power_off(w, ended), "in order: the message before state B"
    orderly(w, ended)
    w.check_at_rest()


@pytest.mark.parametrize("amperes", [20.0, 24.0])
def test_up_to_what_is_allowed_and_the_tolerance_it_goes_on(amperes):
    w, _ = discharging(amperes)
    w.run(10.0)
    assert w.side == "Charge" and not w.vehicle.tripped
    w.end()
    w.check_at_rest()


def test_a_charger_that_draws_far_too_much_and_does_not_obey_is_tripped():
    """PowerDelivery(off) and state B end nothing: our contactor opens under load at its bound, and d2 stays until then."""
    w, since = discharging(15.0)
    w.plant.stage.stuck_on = True
    draw(w, 60.0)
    w.until(lambda: not w.plant.car_contactors.position, 10 * S)
    opened, arc = w.edge("bridge", False, since), w.plant.incidents[-1]
    assert arc.kind == "opened_under_current" and arc.value < -50.0 and arc.damage and w.plant.d2
    assert w.entered("chademo", "StopRamp") - since <= 4 * S and w.signals.safety_trip.value
    w.plant.stage.stuck_on = False
    w.plant.command_stage(False, 0.0, 0.0, w.now)
    w.until_released()
    assert w.edge("d2", False, since).at - opened.at >= 100 * MS
    assert w.reason is R.DISCHARGE_OVERCURRENT
    w.check_at_rest(damage=True)
    assert {i.kind for i in w.plant.incidents if i.damage} == {"opened_under_current"}, "never the car's contactors"


def test_the_level_that_the_car_keeps_ends_it_in_order():
    w, since = discharging(traits={"capacity_wh": 3000.0, "first_capacity_wh": None, "min_level": 60}, soc=60.5)
    w.until(lambda: w.side == "StopRamp", 90 * S)
    assert w.came(wire.STATUS)[-1][1].rate == 60
    ended = w.now
    w.until_released()
    assert w.reason is R.DISCHARGE_LEVEL and R.DISCHARGE_LEVEL in NORMAL_ENDS and w.told("the car is at 60 % and keeps 60 %")
    orderly(w, ended)
    w.check_at_rest()


def test_below_that_level_it_charges():
    w = World(CAR, settings=CONFIGURED, traits={"min_level": 60}, soc=40.0)
    w.until_charging(60.0)
    w.run(5.0)
    assert w.side == "Charge"
    w.end()
    w.check_at_rest()


@pytest.mark.parametrize("fault", [{"silent": True}, {"missing": frozenset({wire.STATUS})}], ids=["CAN pulled", "0x102 missing"])
def test_can_is_lost_while_it_is_discharged(fault):
    """As scenario 26."""
    w, _ = discharging()
    for name, what in fault.items():
        setattr(w.vehicle.faults, name, what)
    last = w.came(wire.STATUS)[-1][0]
    w.until_released()
    assert w.reason is R.CAR_SILENT_CAN and w.edge("state C", False, last).at - last <= S + CYCLE
    gone = next(at for at, current in w.currents if at > last and abs(current) <= 5.0)
    assert gone - last <= S + 3 * CYCLE
    w.check_at_rest()


def test_0x200_is_lost_while_it_is_discharged():
    """What the car allows is not known any more after a second, so nothing is."""
    w, _ = discharging()
    w.vehicle.faults.missing = frozenset({wire.DISCHARGE})
    last = w.came(wire.DISCHARGE)[-1][0]
    w.until(lambda: w.side == "StopRamp", 3 * S)
    assert S + HOLD <= w.now - last <= S + HOLD + CYCLE
    w.until_released()
    assert w.reason is R.DISCHARGE_OVERCURRENT
    w.check_at_rest()


def test_k_opens_while_it_is_discharged():
    w, _ = discharging()
    w.vehicle.faults.k_stuck = False
    opened = w.now
    w.until_released()
    gone = next(at for at, current in w.currents if at > opened and abs(current) <= 5.0)
    assert gone - opened <= HOLD + CYCLE and w.reason is R.CAR_STOP
    w.check_at_rest()


@pytest.mark.parametrize("how", ["key", "button", "emergency_stop", "tcp_reset"])
def test_every_other_end_while_it_is_discharged_opens_without_current(how):
    w, _ = discharging(evse=charger())
    since = w.now
    if how == "key":
        w.charge.stop()
    elif how == "button":
        w.plant.stop_button = True
    else:
        deed(w, how)
    w.until_released()
    orderly(w, since)
    assert w.reason in (R.USER_STOP, R.SAFETY_TRIP, R.CHARGER_EMERGENCY, R.TCP_RESET, R.TCP_CLOSED)
    w.check_at_rest()


def test_a_charger_that_waits_for_its_house_is_left_alone_once_current_has_flowed():
    w, _ = discharging()
    draw(w, 0.01)
    w.run(20.0)
    assert w.side == "Charge" and {m.current for _, m in w.sent(wire.CHARGER_STATUS, w.now - 10 * S)} == {1.0}
    draw(w, 15.0)
    w.run(3.0)
    assert w.side == "Charge" and w.plant.current == pytest.approx(-15.0)
    w.end()
    w.check_at_rest()


def test_one_through_which_nothing_has_flowed_is_not():
    w = World(CAR, settings=CONFIGURED, traits={"current_limit_s": None})
    w.until_side("WaitRequest", session=2)
    draw(w, 0.01)
    w.until(lambda: w.side == "StopRamp", 8 * S)
    w.until_released()
    assert w.reason is R.CHARGER_NO_CURRENT
    w.check_at_rest()


def test_a_charger_that_parrots_and_reports_0_a_is_seen_by_the_box_itself():
    """Sheet 3.6, scenario 45: present voltage is the target, present current is 0 whatever flows."""
    parrots = charger(changes=(Change("CurrentDemandRes", "EVSEPresentVoltage", Echo("EVTargetVoltage")), Change("CurrentDemandRes", "EVSEPresentCurrent", 0.0)))
    w, since = discharging(evse=parrots)
    w.run(10.0)
    assert w.side == "Charge" and not w.vehicle.tripped and w.signals.evse_present_current.value == 0.0
    assert {m.present_current for _, m in w.sent(wire.DISCHARGE_CHARGER, since + 5 * S)} == {15}
    draw(w, 26.0)
    w.until_released()
    assert w.reason is R.DISCHARGE_OVERCURRENT
    w.check_at_rest()


def test_one_ampere_is_told_in_one_cycle_of_every_60_s():
    """Sheet 1.10, 3.7: a Leaf gives up after 6 min of 0 A; this one after 65 s."""
    w, since = discharging(traits={"zero_limit_s": 65.0})
    w.run(150.0)
    assert w.side == "Charge" and not w.vehicle.tripped
    told = [at for at, m in w.sent(wire.CHARGER_STATUS, since + 3 * S) if m.current]
    assert len(told) == 2 and 60 * S <= told[1] - told[0] <= 60 * S + CYCLE and {m.current for _, m in w.sent(wire.CHARGER_STATUS, since + 3 * S)} == {0.0, 1.0}
    w.end()
    w.check_at_rest()


def test_with_a_hot_inlet_less_may_be_drawn():
    """Contacts know no direction: 10 A are left of 20 where a charge would be derated to as many."""
    w, _ = discharging(18.0)
    w.plant.touch(w.now)
    w.plant.inlet_temperature = 69.5
    w.until(lambda: w.side == "StopRamp", 5 * S)
    assert 5 <= w.sent(wire.DISCHARGE_CHARGER)[-1][1].input_current <= 10 and w.told("allowed are")
    w.until_released()
    assert w.reason is R.DISCHARGE_OVERCURRENT
    w.check_at_rest()
