"""Scenarios 35 to 50 of the chademo sheet's chapter 6: ends, cars with habits, single sessions, a late box; 41 is in tests/chademo, 47 in test_47_soak."""
import pytest

from exi_native.messages.din import PhysicalValue, unitSymbol
from kernel.timer import MS, S
from tasks.bridge.battery import TOLD
from tasks.chademo import wire
from tasks.stop_reasons import NORMAL_ENDS
from tasks.stop_reasons import StopReason as R
from tests.bridge_sessions.worlds import CYCLE, World, charger, value
from tools.simulate.chademo.bridge_invariants import EVERY_100_MS
from tools.simulate.fleet.traits import Change, Echo

BLIND = {"safety.bridge.vehicle_voltmeter_fitted": False}
ALTOGETHER_BLIND = {**BLIND, "safety.pev.voltage_sensor_fitted": False, "ev.precharge_voltage_source": "reported"}
RAMP = 20.0                  # A/s of a request (sheet 1.9, 2.2 row 12)


def test_35_the_car_is_full():
    w = World(soc=99.0, traits={"full_soc": 99.2})
    w.until_charging(5.0)
    voltage = w.plant.plug_voltage
    w.until_released()
    assert w.vehicle.ended == "full" and w.reason in (R.CAR_STOP, R.BATTERY_FULL)
    opened = w.edge("k", False, w.edge("d2").at).at
    assert w.told_status(0x25, opened) - opened <= 200 * MS and w.told_status(0x24, opened) - opened <= 800 * MS
    car = w.edge("car", False, opened).at
    reported = {(at - car) / S: m.voltage for at, m in w.sent(wire.CHARGER_STATUS, car)}
    assert all(volts <= 0.25 * voltage for at, volts in reported.items() if at >= 1.0) and all(volts <= 10.0 for at, volts in reported.items() if at >= 2.0)
    finished = next(at for at, m in w.came(wire.STATUS, car) if m.status & wire.CONTACTOR_OPEN)
    assert w.edge("d2", False, opened).at - finished <= 200 * MS
    w.check_at_rest()


@pytest.mark.parametrize("settings", [{}, BLIND], ids=["measured", "synthetic"])
def test_36_a_car_that_judges_its_contactors_by_0x109(settings):
    w = World("outlander", soc=50.0, settings=settings, traits={"curve": "class_n"})         # which the estimate fits
    w.until_charging(20.0)
    w.run(2.0)
    w.end()
    w.check_at_rest()
    opened = w.edge("car", False, w.edge("bridge").at).at
    dead = next(at for at, m in w.sent(wire.CHARGER_STATUS, opened) if m.voltage <= 10.0)
    assert dead - opened < 4 * S and not w.vehicle.tripped


def test_37_a_charger_whose_welding_detection_always_says_400_v():
    stays = Change("WeldingDetectionRes", "EVSEPresentVoltage", PhysicalValue(Multiplier=0, Unit=unitSymbol.V, Value=400))
    w = World(evse=charger(changes=(stays,)))
    w.until_charging(20.0)
    asked = w.end()
    rounds = [at for at, _ in w.said("WeldingDetectionReq", asked)]
    ended = w.said("SessionStop", asked) or w.said("SessionStopReq", asked)
    assert rounds and rounds[-1] - rounds[0] <= 20 * S and ended and w.reason in NORMAL_ENDS
    w.check_at_rest()


def test_38_a_welded_contactor_of_the_car():
    w = World(traits={"weld_limit_s": 60.0})
    w.until_charging(40.0)
    w.plant.vehicle_contactors.welded = True
    asked = w.now
    w.vehicle.end(asked)
    w.until_end()
    gone = w.told_status(0x24, asked)
    assert abs(w.entered("chademo", "StopD2", asked) - gone - 10 * S) <= CYCLE and w.told("welded?")
    opened, d2, d1 = w.edge("bridge", False, asked).at, w.edge("d2", False, asked).at, w.edge("d1", False, asked).at
    assert opened + 100 * MS <= d2 and d2 + 500 * MS <= d1
    w.run(20.0)
    assert w.plant.vehicle_lock.commanded and w.plant.plug_voltage > 300.0 and w.told("stays locked")
    assert w.box.signals.bridge_notice.value == "car's plug is live"           # on the display: the session itself has ended in order
    last = w.sent(wire.CHARGER_STATUS)[-1][1]
    assert last.status & wire.LOCKED and last.voltage > 300.0
    w.check(codes=True)


def test_39_a_minute_and_no_more():
    w = World(faults={"max_time": (0xFF, 1)})
    w.until_side("Charge", session=2)
    w.until(lambda: w.side != "Charge", 100 * S)
    stopped = w.now
    flowed = sum(10 * MS for at, current in w.currents if current >= 1.0 and at <= stopped)
    assert abs(flowed - 60 * S) <= 200 * MS, flowed / S
    told = [wire.remaining_octets(m.remaining) for _, m in w.sent(wire.CHARGER_STATUS, w.told_status(0x05))]
    seen = [pair for n, pair in enumerate(told) if not n or told[n - 1] != pair]
    w.until_released()
    assert w.reason is R.CAR_TIME_OVER and seen[:6] == [(0xFF, 1), (5, 0), (4, 0), (3, 0), (2, 0), (1, 0)]
    after = [wire.remaining_octets(m.remaining) for _, m in w.sent(wire.CHARGER_STATUS, stopped + CYCLE)]
    assert set(after) == {(0, 0)}
    w.check_at_rest()


def test_40_the_voltage_reaches_its_threshold():
    """The box's own voltmeter sees it; the simulated car would stop by itself at the same voltage."""
    w = World(soc=95.0, plant={"battery_resistance_ohm": 0.3})
    w.until_charging(15.0)
    threshold = w.sent(wire.CAPABILITY)[-1][1].threshold
    w.run(5.0)
    assert threshold == 435.0 and w.side == "Charge"
    sensors = (w.box.board.bridge.voltmeter, w.box.board.voltmeter)
    for sensor in sensors:
        sensor.set_faults(offset=threshold + 1.5 - w.plant.plug_voltage)
    since = w.now
    w.run(0.3)
    for sensor in sensors:
        sensor.set_faults()
    stop = next(at for at, m in w.sent(wire.CHARGER_STATUS, since) if m.status & wire.STOP_CONTROL)
    assert stop - since <= CYCLE + 70 * MS               # 50 ms until it is measured
    w.until_released()
    assert w.reason is R.CAR_THRESHOLD
    w.check_at_rest()


def test_41_no_nonsense_of_the_first_frames_reaches_the_charger():
    """102.6 says 3 and then 1 before the state of charge is known; the car's 73 % were known from the look before."""
    w = World("leaf24", soc=73.0)
    w.until_charging(10.0)
    told = {body.DC_EVStatus.EVRESSSOC for _, who, body in w.v2g if who == "pev" and hasattr(body, "DC_EVStatus")}
    assert told <= {73, 74}, told
    aims = [value(body.EVTargetVoltage) for _, body in w.said("PreChargeReq")]
    before = [aim for aim, (at, _) in zip(aims, w.said("PreChargeReq")) if at < w.edge("car").at]
    assert max(before) - min(before) <= 1.0, before
    w.end()
    w.check_at_rest()


def test_42_xpeng_raises_its_target_after_closing():
    w = World("xpeng", strategy="single", soc=50.0)
    w.until_charging(20.0)
    w.run(3.0)
    assert w.came(wire.STATUS)[-1][1].target_voltage == 450
    asked = {value(body.EVTargetVoltage) for _, body in w.said("CurrentDemandReq")}
    assert asked == {434.0}, asked
    w.end()
    w.check_at_rest()


def test_43_lexus_refuses_a_second_start():
    w = World("lexus", soc=50.0)
    w.until(lambda: w.reason is not None and w.over)
    assert w.told("bridge.strategy: once") and w.reason in (R.CAR_NO_PERMISSION, R.CAR_FAULT), w.reason
    w.until_released()
    w.check_at_rest()


@pytest.mark.parametrize("strategy", ["once", "single"])
def test_43_lexus_charges_with_one_start(strategy):
    w = World("lexus", strategy=strategy, soc=50.0)
    w.until_charging(20.0)
    w.run(15.0)
    assert not w.vehicle.tripped and w.plant.current > 50.0, w.story()
    w.end()
    w.check_at_rest()


def test_44_a_single_session_with_a_charger_that_takes_90_s():
    w = World("lexus", strategy="single", soc=50.0, settings={"evse.authorisation_delay_ms": 80_000})
    w.until_side("Charge")
    begun = w.now
    w.until(lambda: w.v2g_state == "CurrentDemand", 150 * S)
    assert w.now - begun > 75 * S and w.side == "Charge" and not w.vehicle.tripped
    w.run(12.0)
    assert w.side == "Charge" and w.plant.current > 50.0, w.story()
    told = [(at, m.current) for at, m in w.sent(wire.CHARGER_STATUS, begun)]
    steps = [later[1] - sooner[1] for sooner, later in zip(told, told[10:])]
    assert max(steps) <= RAMP + 4.0, max(steps)
    w.end()
    w.check_at_rest()


@pytest.mark.parametrize("settings", [{}, BLIND], ids=["measured", "only at the inlet"])
def test_45_a_charger_that_repeats_the_target(settings):
    w = World(evse=charger(changes=(Change("CurrentDemandRes", "EVSEPresentVoltage", Echo("EVTargetVoltage")),)), settings=settings)
    w.until_charging(20.0)
    w.run(15.0)
    assert w.side == "Charge" and not w.vehicle.tripped
    ocv = w.plant.plug_voltage
    told = [m.voltage for _, m in w.sent(wire.CHARGER_STATUS, w.now - 5 * S)]
    assert all(abs(volts - ocv) <= 5.0 for volts in told), (ocv, told[-1])
    w.end()
    w.check_at_rest()


def test_45_without_any_voltmeter_it_ends_safely_and_the_car_was_told_the_truth():
    """Nobody measures and the charger says what it was asked for: the supervisor sees two sides that differ."""
    w = World(evse=charger(changes=(Change("CurrentDemandRes", "EVSEPresentVoltage", Echo("EVTargetVoltage")),)), settings=ALTOGETHER_BLIND)
    w.until(lambda: w.signals.safety_trip.value, 60 * S)
    ocv = w.plant.plug_voltage
    assert all(abs(m.voltage - ocv) <= 5.0 for _, m in w.sent(wire.CHARGER_STATUS, w.edge("bridge").at + CYCLE))
    w.until_released()
    w.check_at_rest()


def test_46_the_box_is_blocked_for_150_ms():
    w = World()
    w.until_charging(60.0)
    kernels = w.charge.world.kernels
    w.charge.bridge_invariants.excused.add(EVERY_100_MS)
    begun = w.now
    for _ in range(5):
        kernels.remove(w.box.kernel)
        w.run(0.15)
        kernels.insert(0, w.box.kernel)
        w.run(1.37)
    times = [at for at, _ in w.sent(wire.CHARGER_STATUS, begun)]
    gaps = [later - sooner for sooner, later in zip(times, times[1:])]
    assert max(gaps) <= 250 * MS and w.side == "Charge" and not w.vehicle.tripped, [g / MS for g in gaps]
    w.run(70.0)
    late = [text for at, who, text, _ in w.notes if at > begun and any(word in text for word in ("late", "missed", "skipped", "overslept"))]
    assert late, "the sheet wants it logged"
    w.end()
    w.check_at_rest()


def test_48_the_private_protocol_10_is_refused_in_words():
    """Its car needs neither d1, d2 nor k: that profile is charge_parameter_backend: chademo (tests/can_info), not the bridge."""
    w = World("johu", soc=50.0)
    w.until(lambda: w.reason is not None and w.over)
    assert w.reason is R.CAR_VERSION and w.told("10 is the private one") and w.never("d2") and w.never("state C")
    w.check()


def test_49_a_car_that_tells_its_own_voltage():
    w = World("zombie", soc=50.0)
    w.until_charging(10.0)
    told = {m.voltage for at, m in w.came(wire.BATTERY_VOLTAGE) if at < w.edge("bridge").at}
    aims = [value(body.EVTargetVoltage) for at, body in w.said("PreChargeReq") if at < w.edge("car").at]
    assert len(told) == 1 and all(abs(aim - told.copy().pop()) <= w.config.bridge.precharge_bias_v for aim in aims), (told, aims)
    assert w.told(f"({TOLD})") and not w.told("(formula)")
    w.end()
    w.check_at_rest()


@pytest.mark.parametrize("faults", [{"reversed": True}, {"missing": frozenset({wire.TIMES})}], ids=["reversed", "0x101 missing"])
def test_50_odd_frames(faults):
    w = World(faults=faults)
    w.until_charging(20.0)
    assert "missing" not in faults or w.told("0x101")
    w.end()
    w.check_at_rest()
