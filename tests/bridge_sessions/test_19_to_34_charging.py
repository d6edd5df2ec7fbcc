"""Scenarios 19 to 34 of the chademo sheet's chapter 6: the charge loop, and what ends it from either side."""
import pytest

from drivers.can.settings import ACTIVE, BUS_OFF
from exi_native.messages.din import DC_EVSEStatusCode
from kernel.timer import MS, S
from tasks.chademo import wire
from tasks.stop_reasons import StopReason as R
from tests.bridge_sessions.worlds import CYCLE, World, charger, value
from tools.simulate.chademo.bridge_invariants import EVERY_100_MS
from tools.simulate.chademo.traits import REPORT
from tools.simulate.fleet.act import DEEDS
from tools.simulate.fleet.traits import Change

STATUS = "DC_EVSEStatus.EVSEStatusCode"
READ = 50 * MS               # period of tasks/sense


def charging(*args, amperes=60.0, **more):
    w = World(*args, **more)
    w.until_charging(amperes)
    return w


def deed(w, what):
    """Something that the charger does now."""
    DEEDS[what](w.charge, w.charge.charger, 0.0, w.now)


def power_off(w, since):
    """ns of the PowerDeliveryReq that ends."""
    return next(at for at, body in w.said("PowerDeliveryReq", since) if not body.ReadyToChargeState)


def stop_frame(w, since):
    """ns of the first 0x109 with 109.5.5 = 1."""
    return next(at for at, m in w.sent(wire.CHARGER_STATUS, since) if m.status & wire.STOP_CONTROL)


def orderly(w, since):
    """Rows 14 to 21 of the sheet's table 2.2."""
    d2, d1 = w.edge("d2", False, since).at, w.edge("d1", False, since).at
    opened = w.edge("bridge", False, since)
    assert opened.current <= 5.0 and opened.at <= d2 - 100 * MS and d2 + 500 * MS <= d1
    told = [s for _, s in w.statuses(since)]
    assert told[0] in (0x05, 0x25) and told[-3:] == [0x25, 0x24, 0x20], [hex(s) for s in told]
    last = w.sent(wire.CHARGER_STATUS)[-1]
    assert last[1].status == 0x20 and sum(m.status == 0x20 for _, m in w.sent(wire.CHARGER_STATUS, since)) >= 3
    assert last[1].remaining == 0.0


@pytest.mark.parametrize("limit_s, charges", [(4.0, False), (6.0, True)])
def test_19_power_delivery_is_answered_after_4_5_s(limit_s, charges):
    w = World(evse=charger(turn_ms={"PowerDeliveryRes": 4500.0}), traits={"current_limit_s": limit_s, "request_s": 0.6, "flag_limit_s": 2.5},
              settings={"ev.protocols": ["iso2"], "evse.protocols": ["iso2"], "bridge.precharge_bias_v": 0.0, "bridge.estimate_bias_v": 0.0})
    # in ISO 15118-2, whose answer has 5 s; without a bias, so that no precharge current is taken for the charge
    w.until_side("Charge", session=2)
    request = next(at for at, m in w.came(wire.STATUS, w.edge("bridge").at) if m.current_request > 0)
    w.run(0.3)
    flag = w.told_status(0x05)
    assert flag is not None and flag - request <= 500 * MS and w.sent(wire.CHARGER_STATUS, flag)[0][1].current >= 1.0
    if charges:
        w.until_charging(20.0)
        w.end()
    else:
        w.until_released()
        assert w.vehicle.tripped == ["no_current"]
    w.check_at_rest()


def test_20_the_car_asks_for_nothing_for_3_minutes():
    w = World(soc=95.0)
    w.until_charging(5.0)
    w.run(3.0)
    w.vehicle.faults.plateau = True
    w.run(10.0)
    since = w.now
    w.run(180.0)
    assert w.side == "Charge" and w.v2g_state == "CurrentDemand"
    asked = w.said("CurrentDemandReq", since)
    assert len(asked) > 300 and all(value(body.EVTargetCurrent) == 0.0 for _, body in asked)
    assert {m.current for _, m in w.sent(wire.CHARGER_STATUS, since)} == {1.0}
    w.vehicle.faults.plateau = False
    w.until_charging(10.0)
    w.end()
    w.check_at_rest()


def deviation(w, since):
    """The largest |request - current| that lasts for a second, A."""
    asked = [(at, m.current_request) for at, m in w.came(wire.STATUS, since)]
    flows = dict(w.currents)
    gaps = [abs(a - flows[at // (10 * MS) * 10 * MS]) for at, a in asked if at // (10 * MS) * 10 * MS in flows]
    return max(min(gaps[n:n + 10]) for n in range(len(gaps) - 10))


def test_21_a_power_limit_of_50_kw():
    w = World(soc=90.0, traits={"max_current": 200.0, "max_power": 90_000.0}, settings={"evse.max_power_kw": 50.0, "evse.max_current_a": 200.0},
              plant={"stage_max_power_w": 50_000.0, "stage_max_current_a": 200.0, "battery_taper_from_percent": 99.0})
    w.until_side("Charge", session=2)
    begun = w.now
    offered = w.sent(wire.CAPABILITY, w.edge("d2").at - 3 * S)
    volts = w.plant.battery.ocv()
    assert all(abs(m.current - 50_000.0 / volts) <= 5.0 for _, m in offered), [m.current for _, m in offered]
    w.run(12.0)
    assert w.plant.current > 100.0 and deviation(w, begun + S) < 20.0, deviation(w, begun + S)
    w.end()
    w.check_at_rest()


DROP = 60                    # CurrentDemandRes with the lower limit begin here


def dropped(**traits):
    w = World(evse=charger(changes=(Change("CurrentDemandRes", "EVSEMaximumCurrentLimit", 60.0, DROP),)), traits=traits)
    w.until(lambda: len(w.said("CurrentDemandRes", sender="evse")) >= DROP)
    w.plant.touch(w.now)
    w.plant.stage.max_current = 60.0
    w.plant.stage.command(True, w.plant.stage.voltage, min(60.0, w.plant.stage.current))
    return w, w.now


def test_22_the_charger_drops_to_60_a_and_the_car_follows():
    w, at = dropped()
    w.run(0.3)
    assert any(m.current <= 70.0 for _, m in w.sent(wire.CAPABILITY, at) if _ <= at + 200 * MS), [(t / S, m.current) for t, m in w.sent(wire.CAPABILITY, at)]
    w.run(10.0)
    assert w.side == "Charge" and not w.vehicle.tripped and w.came(wire.STATUS)[-1][1].current_request <= 70
    assert 50.0 <= w.plant.current <= 61.0
    w.end()
    w.check_at_rest()


def test_23_the_charger_drops_to_60_a_and_the_car_does_not_follow():
    w, at = dropped(dynamic_flags=0, status_bits=0)
    told = {m.current for _, m in w.sent(wire.CAPABILITY, w.edge("d2").at + CYCLE)}
    w.until_end()
    assert told == {m.current for _, m in w.sent(wire.CAPABILITY, w.edge("d2").at + CYCLE)} and len(told) == 1
    asked = [value(body.EVTargetCurrent) for when, body in w.said("CurrentDemandReq", at) if when > at + S]
    assert asked and max(asked) <= 60.0, max(asked)
    fault = next(t for t, m in w.came(wire.STATUS) if m.faults & wire.CURRENT_DEVIATION)
    assert w.vehicle.tripped == ["current_deviation"] and w.reason is R.CAR_CURRENT_DEVIATION and stop_frame(w, fault) - fault <= 200 * MS
    w.until_released()
    w.check_at_rest()


CODES = {("tell_faults", 1): R.CAR_OVER_VOLTAGE, ("tell_faults", 2): R.CAR_UNDER_VOLTAGE, ("tell_faults", 4): R.CAR_CURRENT_DEVIATION,
         ("tell_faults", 8): R.CAR_TEMPERATURE, ("tell_faults", 16): R.CAR_VOLTAGE_DEVIATION, ("tell_status", 2): R.CAR_NOT_PARKED, ("tell_status", 4): R.CAR_FAULT}


@pytest.mark.parametrize("fault, code", CODES.items(), ids=[code.name for code in CODES.values()])
def test_24_each_fault_of_the_car(fault, code):
    w = charging()
    setattr(w.vehicle.faults, *fault)
    asked = w.now
    w.until_released()
    told = next(at for at, m in w.came(wire.STATUS, asked) if m.faults or m.status & (wire.NOT_PARKED | wire.SYSTEM_FAULT))
    assert stop_frame(w, told) - told <= CYCLE + 20 * MS and power_off(w, told) - told <= 200 * MS and w.reason is code
    orderly(w, told)
    w.check_at_rest()


@pytest.mark.parametrize("rate", [200.0, 40.0])
def test_25_the_switch_opens_and_can_says_enabled(rate):
    w = World(plant={"stage_current_rate_down_a_per_s": rate, "stage_current_rate_off_a_per_s": rate})
    w.until_charging(100.0)
    w.vehicle.faults.k_stuck = False
    opened = w.now
    w.run(0.7)
    gone = next((at for at, current in w.currents if at > opened and current <= 5.0), None)
    b = next((e.at for e in w.edges if e.name == "state C" and not e.on and e.at > opened), None)
    assert gone is not None and gone - opened <= 500 * MS + READ or b is not None and b - opened <= 500 * MS + READ + 20 * MS, (gone, b, opened)
    w.until_released()
    w.check_at_rest(damage=rate < 200.0)             # state B, and open after its bound whatever flows: our contactor, not the car's


@pytest.mark.parametrize("fault", [{"silent": True}, {"missing": frozenset({wire.STATUS})}], ids=["CAN pulled", "0x102 missing"])
def test_26_0x102_is_lost(fault):
    w = charging(amperes=100.0)
    for name, what in fault.items():
        setattr(w.vehicle.faults, name, what)
    last = w.came(wire.STATUS)[-1][0]
    w.run(2.0)
    wanted = [(at, value(body.EVTargetCurrent)) for at, body in w.said("CurrentDemandReq", last)]
    falling = [amperes for at, amperes in wanted if last + 350 * MS <= at]
    assert falling and falling == sorted(falling, reverse=True) and falling[-1] < 60.0, wanted
    stopped = w.entered("chademo", "StopRamp")
    assert abs(stopped - last - S) <= CYCLE and w.edge("state C", False, last).at - last <= S + CYCLE
    told = [m.status for _, m in w.sent(wire.CHARGER_STATUS, stopped)]
    assert fault.get("silent") or told[0] == 0x35 and 0x34 in told and set(told) <= {0x35, 0x34, 0x30}, [hex(s) for s in told]
    w.until_released()
    assert w.reason is R.CAR_SILENT_CAN
    w.check_at_rest()


def test_27_bus_off_of_the_bridge():
    w = charging(amperes=100.0)
    node = w.charge.segment.nodes[0]
    w.charge.bridge_invariants.excused.add(EVERY_100_MS)
    node.fail(BUS_OFF)
    since = w.now
    w.until(lambda: not w.plant.pilot.state_c, 3 * S)
    assert w.now - since <= 1200 * MS
    w.run(1.0)
    node.fail(ACTIVE)
    w.until_released()
    assert w.reason is R.CAR_SILENT_CAN and w.never("d1", since)
    w.check_at_rest()


def test_28_a_box_that_is_not_stepped_sends_nothing_more():
    """The hardware's part (watchdog, order of the outputs) is in tests/guard."""
    w = charging(amperes=40.0)
    w.charge.world.kernels.remove(w.box.kernel)
    since = w.now
    w.run(2.0)
    assert w.sent(wire.CHARGER_STATUS) and not w.sent(wire.CHARGER_STATUS, since + 1) and not w.sent(wire.CAPABILITY, since + 1)
    assert w.vehicle.tripped == ["charger lost"]


@pytest.mark.parametrize("code, reason, urgent", [
    (DC_EVSEStatusCode.EVSE_Shutdown, R.CHARGER_STOP, False), (DC_EVSEStatusCode.EVSE_EmergencyShutdown, R.CHARGER_EMERGENCY, True),
    (DC_EVSEStatusCode.EVSE_Malfunction, R.CHARGER_MALFUNCTION, True)], ids=["29 shutdown", "30 emergency", "30 malfunction"])
def test_29_and_30_the_charger_ends(code, reason, urgent):
    w = World(evse=charger(changes=(Change("CurrentDemandRes", STATUS, code, 40),)))
    w.until(lambda: len(w.said("CurrentDemandRes", sender="evse")) >= 40)
    told = w.said("CurrentDemandRes", sender="evse")[39][0]
    assert w.plant.current > 20.0
    released = w.until_released()
    assert stop_frame(w, told) - told <= CYCLE + 30 * MS and released - told <= 15 * S, (stop_frame(w, told) - told) / MS
    assert w.reason is reason
    if urgent:
        assert w.edge("state C", False, told).at - told <= CYCLE
    orderly(w, told)
    w.check_at_rest()


def test_31_tcp_rst():
    w = charging()
    deed(w, "tcp_reset")
    since = w.now
    w.until_released()
    assert w.edge("state C", False, since).at - since <= CYCLE and w.edge("bridge", False, since).at - since <= 2 * S
    orderly(w, since)
    assert w.reason in (R.TCP_RESET, R.TCP_CLOSED)
    w.check_at_rest()


def test_32_the_power_line_is_silent():
    w = charging()
    deed(w, "line_dead")
    since = w.now
    w.until(lambda: not w.plant.pilot.state_c, 4 * S)
    lost = w.now
    assert S - CYCLE <= lost - since <= 2 * S + 300 * MS
    w.until_end()
    opened = w.edge("bridge", False, since)
    assert opened.at - lost <= 2 * S and opened.current <= 5.0 and min(c for at, c in w.currents if at >= since) > -1.0
    assert stop_frame(w, lost - CYCLE) - lost <= 2 * CYCLE
    w.check()


@pytest.mark.parametrize("button", [False, True], ids=["key", "button"])
def test_33_somebody_presses_stop(button):
    w = charging()
    since = w.now
    if button:
        w.plant.stop_button = True
    else:
        w.charge.stop()
    w.until_released()
    assert stop_frame(w, since) - since <= CYCLE + READ + 40 * MS
    if button:                                       # the emergency stop: state B first
        assert w.edge("state C", False, since).at - since <= CYCLE
    else:
        assert power_off(w, since) - since <= 200 * MS
    orderly(w, since)
    assert w.reason in (R.USER_STOP, R.SAFETY_TRIP)
    w.check_at_rest()


@pytest.mark.parametrize("side", ["Param", "Locked", "D2On", "Mate"])
def test_34_stop_while_the_precharge_stalls(side):
    w = World(traits={"current_judged": REPORT})
    w.until(lambda: w.side == side and w.v2g_state in ("PreCharge", "WaitContactorsClosed"))
    since = w.now
    w.charge.stop()
    w.until_released()
    assert w.never("bridge") and w.edge("state C", False, since).at - since <= 2 * S + CYCLE
    if side in ("Param", "Locked"):
        assert w.never("d2")
    assert w.reason is R.USER_STOP and not any(body.ReadyToChargeState for _, body in w.said("PowerDeliveryReq", since))
    w.check_at_rest()
