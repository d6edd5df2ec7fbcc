"""Scenarios 1 to 18 of the chademo sheet's chapter 6: from the plug to the charge loop, and what may go wrong on the way."""
import pytest

from exi_native.messages.din import responseCode
from kernel.timer import MS, S
from tasks.chademo import wire
from tasks.stop_reasons import StopReason as R
from tests.bridge_sessions.worlds import CYCLE, World, charger, value
from tools.simulate.chademo.bridge_invariants import JOINS_PERMITTED
from tools.simulate.fleet.traits import Change

BLIND = {"safety.bridge.vehicle_voltmeter_fitted": False}
FIFTY_KW = {"evse.max_power_kw": 50.0, "evse.max_current_a": 125.0}
WORKING = ("d1", "d2", "bridge", "car plug")


def second_d1(w):
    """The start after the discovery."""
    return w.edge("d1", after=w.edge("d1", False).at).at


def contactors_told(w, since):
    """ns of the car's first 0x102 with 102.5.3 = 0."""
    return next(at for at, m in w.came(wire.STATUS, since) if not m.status & wire.CONTACTOR_OPEN)


def first_request(w, since):
    return next(at for at, m in w.came(wire.STATUS, since) if m.current_request > 0)


def nominal(w):
    """What scenarios 1 and 2 ask of the start and the ramp."""
    w.until_charging(1.0)
    w.run(9.0)
    cable_check = w.entered("v2g", "WaitVehicle")
    d1 = second_d1(w)
    assert cable_check <= d1 <= cable_check + CYCLE + 20 * MS, f"{(d1 - cable_check) / MS:.0f} ms"
    d2 = w.edge("d2", after=d1)
    enabled = next(at for at, m in w.came(wire.STATUS, d1) if m.status & wire.ENABLED)
    locked = w.told_status(0x24, d1)
    assert locked >= max(enabled, w.edge("k", after=d1).at) and locked <= d2.at + CYCLE
    estimate = w.said("PreChargeReq")[0][1]
    assert d2.plug < 10.0 and abs(d2.inlet - value(estimate.EVTargetVoltage)) <= 20.0
    told, closed = contactors_told(w, d2.at), w.edge("bridge")
    trim = closed.at - told
    assert trim <= 200 * MS + 400 * MS, f"{trim / MS:.0f} ms"           # a round of PreCharge (250 ms), the contactor's 40 ms
    assert abs(closed.inlet - closed.plug) <= 5.0
    request = first_request(w, closed.at)
    flag = w.told_status(0x05)
    assert 0 <= flag - request <= 500 * MS
    first = next(m for _, m in w.sent(wire.CHARGER_STATUS, flag))
    assert first.current >= 1.0
    assert next(at for at, current in w.currents if current >= 1.0) - flag < 4 * S
    return flag


def ramp_lag(w, since):
    """The largest time in ns by which the current came later than the request, while it rises."""
    asked = [(at, m.current_request) for at, m in w.came(wire.STATUS, since)]
    most = max(a for _, a in asked)
    worst = 0
    for at, a in asked:
        if 4 <= a <= most - 2:
            there = next(t for t, current in w.currents if current >= a - 1.0)
            worst = max(worst, there - at)
    return worst


@pytest.mark.parametrize("settings", [{}, BLIND], ids=["measured", "estimated"])
def test_01_nominal_ze1_at_50_kw(settings):
    w = World("leaf40", settings={**FIFTY_KW, **settings}, plant={"stage_max_power_w": 50_000.0, "stage_current_rate_up_a_per_s": 100.0},
              strategy="double" if settings else "measured")
    flag = nominal(w)
    assert w.signals.vehicle_says.value.dynamic and w.came(wire.DYNAMIC)
    assert ramp_lag(w, flag) <= 300 * MS + CYCLE, f"{ramp_lag(w, flag) / MS:.0f} ms"
    w.end()
    w.check_at_rest()
    assert w.reason is R.CAR_STOP and [s for _, s in w.statuses(second_d1(w))] == [0x20, 0x24, 0x05, 0x25, 0x24, 0x20]


def test_02_nominal_aze0_of_log_a():
    w = World("leaf24", soc=73.0)
    nominal(w)
    assert not w.came(wire.DYNAMIC) and w.signals.vehicle_says.value.dynamic            # by 102.5.6
    w.end()
    w.check_at_rest()


@pytest.mark.parametrize("settings, request_s", [({}, 1.3), (BLIND, 1.3), (BLIND, 3.0)], ids=["measured", "by its request", "after 2 s"])
def test_03_a_0_9_car(settings, request_s):
    w = World("leaf40", traits={"protocol": 1, "close_s": 0.25, "request_s": request_s, "status_bits": 0, "dynamic_flags": 0}, settings=settings)
    w.until_side("Mate", session=2)
    d2 = w.edge("d2").at
    mate = w.entered("chademo", "Mate")
    if not settings:
        assert mate - w.edge("car", after=d2).at <= CYCLE
    elif request_s < 2.0:
        assert abs(mate - d2 - 1600 * MS) <= 2 * CYCLE
    else:
        assert abs(mate - d2 - 2 * S) <= CYCLE
    w.until_charging(20.0)
    asked = w.end()
    w.check_at_rest()
    gone = w.told_status(0x24, asked)
    held = w.entered("chademo", "StopD2") - gone
    assert 4 * S - CYCLE <= held <= 4 * S + CYCLE, held / S


def test_04_an_i_miev_that_asks_and_never_closes():
    w = World("i-miev", soc=50.0, faults={"never_close": True})
    w.until(lambda: w.reason is not None and w.over)
    d2 = w.edge("d2").at
    assert w.never("bridge") and w.reason is R.CAR_CONTACTORS
    assert 2 * S <= w.entered("chademo", "StopD2") - d2 <= 4 * S + CYCLE
    aims = [value(body.EVTargetVoltage) for _, body in w.said("PreChargeReq")]
    after = [e for e in w.edges if e.at >= d2]
    assert max(e.inlet for e in after) <= max(aims) + 2.0
    w.until_released()
    w.check_at_rest()


def test_04_without_a_voltmeter_the_voltage_does_not_climb_at_an_open_car():
    """3.7: V_car stays 0 or I stays 0 for 3 s with a request: stop instead of letting the voltage rise."""
    w = World("i-miev", soc=50.0, faults={"never_close": True}, settings=BLIND)
    w.charge.bridge_invariants.excused.add(JOINS_PERMITTED)          # 0.9 says nothing of its contactors, and here nothing measures them
    w.until(lambda: w.reason is not None and w.over, 120 * S)
    joined = w.edge("bridge").at
    aims = [value(body.EVTargetVoltage) for _, body in w.said("PreChargeReq")]
    climbed = max(e.inlet for e in w.edges if e.at >= joined)
    assert w.edge("bridge", False).at - joined <= 6 * S and climbed <= max(aims) + 20.0, (climbed, w.story())
    w.until_released()
    w.check_at_rest()


def test_05_a_car_that_never_sends():
    w = World(faults={"silent": True})
    w.until(lambda: w.reason is not None and w.over)
    assert [f for f in w.frames if f.node == 0] == [] and w.reason is R.CAR_NO_CAN
    assert abs(w.edge("d1", False).at - w.edge("d1").at - 6 * S) <= CYCLE
    w.check()


@pytest.mark.parametrize("fault", [{"enabled_stuck": False}, {"k_stuck": False}], ids=["06 the bit stays 0", "07 the switch stays open"])
def test_06_and_07_half_a_permission(fault):
    w = World(faults=fault)
    w.until(lambda: w.reason is not None and w.over)
    assert w.reason is R.CAR_NO_PERMISSION and w.never("car plug") and w.never("d2")
    assert abs(w.edge("d1", False).at - w.edge("d1").at - 8 * S) <= 400 * MS            # and the last frames
    assert abs(w.entered("chademo", "StopEnd") - w.edge("d1").at - 8 * S) <= CYCLE
    w.check()


def test_07_the_cable_of_k_breaks_while_charging():
    w = World()
    w.until_charging(60.0)
    w.vehicle.faults.k_stuck = False
    broke = w.now
    w.until_end()
    assert w.told_status(0x25, broke) - broke <= 200 * MS
    w.until_released()
    w.check_at_rest()


def test_08_k_is_closed_when_d1_comes():
    w = World(faults={"k_stuck": True})
    w.until(lambda: w.reason is not None and w.over)
    assert w.reason is R.CAR_PERMISSION_STUCK and w.edge("d1", False).at - w.edge("d1").at <= 200 * MS
    assert [f for f in w.frames if f.node == 0] == [] and w.never("car plug") and w.never("state C")
    w.check()


def test_09_a_target_above_the_chargers_voltage():
    w = World(settings={"evse.max_voltage_v": 400.0})
    w.until(lambda: w.reason is not None and w.over)
    assert w.reason is R.CAR_INCOMPATIBLE and w.never("state C") and w.never("d2") and w.never("car plug")
    assert w.told("410 V, the charger delivers at most 400 V")
    w.until_released()
    w.check_at_rest()


def test_09_a_target_above_the_bridges_own_voltage_is_known_at_the_discovery():
    w = World("leaf40", traits={"target_voltage": 510, "max_voltage": 520}, settings={"evse.max_voltage_v": 920.0, "safety.evse.max_voltage_v": 920.0},
              plant={"stage_max_voltage_v": 920.0})
    w.until(lambda: w.reason is not None and w.over)
    w.run(1.0)
    assert w.reason is R.CAR_INCOMPATIBLE and w.never("d2") and w.never("car plug")
    assert any(m.status & wire.INCOMPATIBLE and m.status & wire.STOP_CONTROL for _, m in w.sent(wire.CHARGER_STATUS))
    assert w.never("state C"), "it was known before the charger was asked"
    w.check()


def test_09_in_a_single_session():
    w = World("lexus", strategy="single", soc=50.0, settings={"evse.max_voltage_v": 400.0})
    w.until(lambda: w.reason is not None and w.over, 90 * S)
    w.run(4.0)
    assert w.reason in (R.CAR_INCOMPATIBLE, R.INCOMPATIBLE_VOLTAGE), w.story()
    assert w.never("bridge")
    w.check_at_rest()


def test_10_a_battery_below_the_chargers_minimum():
    w = World("diy09", charger(changes=(Change("ChargeParameterDiscoveryRes", "EVSEChargeParameter.EVSEMinimumVoltageLimit", 200.0),)), soc=50.0)
    w.until(lambda: w.reason is not None and w.over)
    assert w.reason in (R.CAR_INCOMPATIBLE, R.INCOMPATIBLE_VOLTAGE) and w.never("state C") and w.never("d2")
    w.until_released()
    w.check_at_rest()


@pytest.mark.parametrize("feedback", ["off", "honest"])
def test_11_a_welded_bridge_contactor(feedback):
    w = World()
    w.until_side("Idle", session=1)
    w.plant.touch(w.now)
    contactor = w.plant.car_contactors
    contactor.position = contactor.welded = True
    contactor.feedback_fault = feedback if feedback == "off" else ""
    w.until(lambda: w.plant.plug_voltage > 50.0 or w.signals.safety_trip.value)
    live = w.now
    w.until(lambda: w.signals.safety_trip.value, 1 * S)
    assert w.now - live <= 200 * MS and w.signals.safety_trip.value in ("Bridge not open", "Contactor not open")
    w.until(lambda: w.over)
    w.run(3.0)
    assert w.never("d2") and not w.plant.pilot.state_c
    w.check()


def test_12_a_cable_check_of_38_s():
    w = World(settings={"evse.isolation_measure_ms": 34_000})
    w.until_charging(20.0)
    took = w.entered("v2g", "WaitVehicle") - w.entered("v2g", "CableCheck")
    assert 35 * S < took < 40 * S and second_d1(w) >= w.entered("v2g", "WaitVehicle")
    w.end()
    w.check_at_rest()


def test_13_an_authorisation_of_110_s():
    w = World(settings={"evse.authorisation_delay_ms": 110_000})
    w.until(lambda: w.plant.current > 20.0, 200 * S)
    assert w.entered("v2g", "ChargeParameterDiscovery") - w.entered("v2g", "ContractAuthentication") >= 110 * S
    assert second_d1(w) >= w.entered("v2g", "WaitVehicle")
    w.end()
    w.check_at_rest()


@pytest.mark.parametrize("rate, in_time", [(19.5, True), (12.0, False)])
def test_14_a_slow_precharge(rate, in_time):
    w = World()
    w.until(lambda: w.v2g_state == "WaitVehicle")
    w.plant.touch(w.now)
    w.plant.stage.voltage_rate = rate
    w.until(lambda: w.side == "WaitPower")
    permitted = w.entered("chademo", "Check", second_d1(w))
    if in_time:
        w.until(lambda: w.plant.d2, 25 * S)
        assert w.now - permitted <= 20 * S
        w.until_charging(20.0)
        w.end()
        w.check_at_rest()
        return
    w.until_end()
    assert w.never("d2") and w.reason is R.BRIDGE_NO_POWER, w.story()
    assert abs(w.entered("chademo", "StopEnd", permitted) - permitted - 20 * S) <= CYCLE
    w.until_released()
    w.check_at_rest()


def test_15_car_contactors_that_close_3_9_s_after_d2():
    w = World(faults={"late_close_s": 2.7})
    w.until_charging(20.0)
    d2, closed = w.edge("d2").at, w.edge("car").at
    assert 3700 * MS <= closed - d2 <= 3950 * MS
    asked = [at for at, _ in w.said("PreChargeReq")]
    assert max(b - a for a, b in zip(asked, asked[1:])) <= 600 * MS and asked[-1] - asked[0] < 30 * S
    w.end()
    w.check_at_rest()


def test_16_car_contactors_that_never_close():
    w = World(traits={"contactor_limit_s": 30.0}, faults={"never_close": True})
    w.until(lambda: w.reason is not None and w.over)
    d2, off = w.edge("d2"), w.edge("d2", False)
    assert abs(w.entered("chademo", "StopD2") - d2.at - 4 * S) <= CYCLE and off.at - d2.at <= 4 * S + 2 * CYCLE
    assert w.reason is R.CAR_CONTACTORS and w.never("bridge") and off.plug < 10.0
    d1 = w.edge("d1", False, off.at).at
    assert 500 * MS <= d1 - off.at <= 500 * MS + CYCLE
    w.until_released()
    w.check_at_rest()


def test_17_an_estimate_25_v_too_low_with_a_voltmeter():
    w = World(traits={"curve": "class_m"}, soc=50.0)
    w.until_charging(20.0)
    estimate = value(w.said("PreChargeReq")[0][1].EVTargetVoltage) - w.config.bridge.estimate_bias_v
    battery, closed = w.edge("car").plug, w.edge("bridge")
    assert -28.0 < estimate - battery < -22.0
    assert abs(closed.inlet - closed.plug) <= 5.0 and closed.at - contactors_told(w, w.edge("d2").at) <= 2 * S
    assert all(abs(i.value) <= 5.0 for i in w.plant.incidents if i.kind == "inrush")
    assert w.told("had said")
    w.end()
    w.check_at_rest()


def test_18_an_estimate_too_low_without_a_voltmeter_and_a_charger_that_fails():
    refused = Change("PowerDeliveryRes", "ResponseCode", responseCode.FAILED_PowerDeliveryNotApplied, 1, 1)
    w = World(evse=charger(changes=(refused,)), traits={"curve": "class_m"}, soc=73.0, settings=BLIND)
    w.until(lambda: w.reason is not None and w.over)
    assert w.said("CurrentDemandReq") == [] and w.reason is R.FAILED_RESPONSE and w.told("FAILED_PowerDeliveryNotApplied")
    assert w.edge("bridge", False).at > w.edge("bridge").at and w.vehicle.tripped in ([], ["no charging flag"])      # it had asked already
    w.check(damage=True)                                     # it begins anew, which is another story
    learned = next(row.task for row in w.box.kernel.rows if row.name == "bridge").learned
    assert learned.sessions(fingerprint(w)) == 1


def fingerprint(w):
    """What the box knew the car by, from k and 102.5.0 on."""
    return next(row.task for row in w.box.kernel.rows if row.name == "chademo").machine.vehicle.known_as
