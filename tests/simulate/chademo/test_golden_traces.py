"""The car against a charger that does what those of the two recorded sessions did (chademo sheet 2.7): every event within 100 ms."""
import pytest

from kernel.timer import S
from tasks.chademo.wire import BatteryLimits, ChargingTime, VehicleStatus, parse
from tests.simulate.chademo.rig import DELIVERING, ENDING, IDLE, READY, Rig

def near(seconds):
    """Within one cycle, and the 10 ms turn in which the charger of the test looks."""
    return pytest.approx(seconds, abs=0.111)


def plug_voltages(rig, start, end):
    """(s, V) at 10 ms steps of the rest of the session."""
    found = []
    while (rig.now - rig.charger.first) / S < end:
        rig.run(0.01)
        at = (rig.now - rig.charger.first) / S
        if at >= start:
            found.append((at, rig.plant.plug_voltage))
    return found


def switch(charger, status):
    return lambda now: setattr(charger, "status", status)


def test_log_a_a_leaf_without_0x110_at_15_a():
    rig = Rig("leaf24", soc=73.0, auto=False, reply_ms=65, stage_discharge_ohm=1700.0)      # falls as in the log: 361 to 21 V in 0.5 s
    charger, plant = rig.charger, rig.plant
    charger.available = 15.0
    testing = {"on": False}
    charger.reports = lambda: 505.0 if testing["on"] else plant.inlet_voltage if plant.car_contactors.position else 0.0
    plant.set_sequence(0, d1=True)
    charger.at(12.66, switch(charger, READY))
    charger.at(14.0, charger.precharge)
    charger.at(14.96, lambda now: testing.update(on=True))
    charger.at(16.06, lambda now: testing.update(on=False))
    charger.at(16.20, lambda now: plant.set_sequence(now, d2=True))
    charger.at(17.46, lambda now: charger.bridge(now, True))

    def follow(now):
        charger.supply(now, min(float(charger.last().current_request), charger.available))

    def limit(amperes):
        return lambda now: setattr(charger, "available", amperes)

    charger.at(19.56, switch(charger, DELIVERING))
    charger.at(19.564, limit(0.0))
    charger.at(24.26, limit(15.0))
    for step in range(60):
        charger.at(24.3 + 0.1 * step, follow)
    charger.at(46.76, lambda now: (switch(charger, ENDING)(now), charger.supply(now, 0.0)))
    charger.at(46.96, lambda now: (switch(charger, READY)(now), charger.off(now), setattr(charger, "remaining", 0.0)))
    charger.at(50.56, lambda now: (switch(charger, IDLE)(now), plant.set_sequence(now, d1=False, d2=False)))
    rig.run(0.95)
    assert rig.charger.first is None                                    # d1 to the first frame takes 1 s
    rig.run(0.1)
    assert rig.charger.first is not None
    rig.run(48.0)
    decay = plug_voltages(rig, 48.5, 53.0)

    # order and distance of the frames: 100, 101, 102, 200, 10 ms apart; again after 100 ms
    assert [id for _, id, _ in charger.heard[:8]] == [0x100, 0x101, 0x102, 0x200] * 2
    assert [round((at - charger.first) / S, 3) for at, _, _ in charger.heard[:5]] == [0.0, 0.01, 0.02, 0.03, 0.1]
    assert rig.rows(0x100, slice(6, 7)) == [(0.0, b"\xf0"), (near(0.1), b"\x64")]
    assert [rate for _, rate in rig.rows(0x102, slice(6, 7))][:3] == [b"\x03", b"\x01", b"\x49"]
    assert rig.first_with(0x102, 6, 73) == near(2.12)
    assert rig.rows(0x101, slice(1, 3)) == [(near(0.0), b"\0\0"), (near(2.91), b"\xff\x3c")]
    assert parse(0x101, rig.of(0x101)[-1][1]) == ChargingTime(0xFF, 60, 0, 22_200.0)
    assert rig.rows(0x102, slice(5, 6)) == [(near(0.0), b"\xc0"), (near(0.1), b"\xc8"), (near(3.92), b"\xc9"), (near(17.34), b"\xc1"),
                                            (near(46.97), b"\xc0"), (near(49.87), b"\xc8")]
    assert [k for _, k in charger.switch_k] == [True, False]
    closed, opened = ((at - charger.first) / S for at, _ in charger.switch_k)
    assert 2.9 <= closed <= 3.9 and opened == near(46.97)               # up to 1 s before the bit; with it at the end (sheet 2.2, 2.5)
    requests = rig.rows(0x102, slice(3, 4))
    assert requests[0] == (near(0.0), b"\0") and requests[1] == (near(19.04), b"\x02")
    first = [(round(at, 2), value[0]) for at, value in requests if 19.0 < at < 20.0]
    assert [value for _, value in first][:5] == [2, 4, 6, 8, 10]
    assert all(later - sooner == pytest.approx(0.1, abs=0.011) for (sooner, _), (later, _) in zip(first[:5], first[1:5]))
    assert first[-1] == (near(19.64), 0)                                # it follows what is available in the next frame
    second = [(at, value[0]) for at, value in requests if 24.0 < at < 46.0]
    assert second[0] == (near(24.3), 2) and [value for _, value in second] == [2, 4, 6, 8, 10, 12, 14]
    assert requests[-1] == (near(46.97), b"\0")
    # the inlet falls when its contactors open, not before; the tail of a real charger's discharge is a little steeper than an exponential
    assert all(voltage > 370 for at, voltage in decay if at < 48.85)
    for voltage, at in ((361, 48.96), (255, 49.06), (158, 49.16), (95, 49.26), (50, 49.36), (21, 49.46)):
        assert next(t for t, v in decay if v <= voltage) == near(at), voltage
    assert next(v for t, v in decay if t >= 49.7) <= 10
    assert rig.of(0x100)[-1][0] == near(50.68)
    assert rig.car.ended == "charger" and not rig.car.tripped and not rig.car.dtcs and plant.damage == 0


def test_log_b_a_leaf_with_0x110_at_31_a():
    rig = Rig("leaf40", soc=72.0, auto=False, reply_ms=146, stage_discharge_ohm=800.0, stage_current_rate_down_a_per_s=60.0)
    charger, plant = rig.charger, rig.plant
    charger.available, charger.threshold = 118.0, 500.0
    opened = {"at": None}
    charger.reports = lambda: plant.inlet_voltage
    plant.set_sequence(0, d1=True)
    charger.at(0.2, lambda now: (setattr(charger, "available", 31.0), setattr(charger, "threshold", 435.0)))
    charger.at(5.5, lambda now: plant.command_stage(True, 492.0, 2.0, now))                 # insulation test, behind its own open contactor
    charger.at(10.40, lambda now: (switch(charger, READY)(now), charger.precharge(now)))
    charger.at(10.48, lambda now: plant.set_sequence(now, d2=True))
    charger.at(12.6, lambda now: charger.bridge(now, True))
    charger.at(13.41, switch(charger, DELIVERING))
    for step in range(40):
        charger.at(13.5 + 0.1 * step, lambda now: charger.supply(now, float(charger.last().current_request)))
    charger.at(81.85, lambda now: (switch(charger, ENDING)(now), charger.supply(now, 0.0)))
    charger.at(82.45, lambda now: (switch(charger, READY)(now), charger.off(now), charger.bridge(now, False), opened.update(at=now)))
    charger.at(85.17, lambda now: (switch(charger, IDLE)(now), plant.set_sequence(now, d1=False, d2=False)))
    rig.run(83.46)
    falling = []
    while opened["at"] is None or rig.now < opened["at"] + S:
        rig.run(0.01)
        falling.append(((rig.now - charger.first) / S, plant.inlet_voltage))
    rig.run(5.0)

    assert [id for _, id, _ in charger.heard[:8]] == [0x100, 0x101, 0x102, 0x200, 0x110, 0x201, 0x700, 0x202]
    assert [round((at - charger.first) / S, 3) for at, _, _ in charger.heard[:9]] == [0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.1]
    assert parse(0x100, rig.of(0x100)[0][1]) == BatteryLimits(6, 0, 0, 435, 240)
    assert rig.rows(0x102, slice(5, 6)) == [(near(0.0), b"\x80"), (near(0.2), b"\x88"), (near(3.42), b"\x89"), (near(11.62), b"\x81"),
                                            (near(82.12), b"\x80"), (near(84.52), b"\x88")]
    assert rig.first_with(0x102, 6, 72) == near(2.0)
    assert rig.rows(0x101, slice(1, 3)) == [(near(0.0), b"\0\0"), (near(2.5), b"\xff\x50")]
    assert [value for _, value in rig.rows(0x101, slice(5, 7))] == [(500).to_bytes(2, "little"), (354).to_bytes(2, "little")]
    requests = [(at, value[0]) for at, value in rig.rows(0x102, slice(3, 4))]
    assert requests[1] == (near(13.32), 2) and [value for _, value in requests[1:17]] == [*range(2, 31, 2), 31]
    assert requests[16][0] - requests[1][0] == pytest.approx(1.5, abs=0.1)                   # 20 A/s
    assert requests[-1] == (near(82.12), 0)
    for voltage, at in ((265, 82.45), (77, 82.55), (23, 82.65), (7, 82.75)):
        assert next(t for t, v in falling if v <= voltage) == near(at), voltage
    assert rig.of(0x100)[-1][0] == near(85.57)
    assert rig.of(0x110)[0][1] == bytes((1, 0, 0, 0, 0, 0, 0, 0)) and rig.of(0x700)[0][1] == bytes((1, 2, 0, 0, 6, 0, 0, 0))
    assert rig.car.ended == "charger" and not rig.car.tripped and not rig.car.dtcs and plant.damage == 0


def test_towards_a_charger_of_0_9_it_speaks_as_the_log_of_one_does():
    rig = Rig("leaf40")
    rig.charger.protocol = 1
    rig.until("charging")
    rig.run(2.0)
    assert rig.first_with(0x100, 6, 255) < 0.3 and parse(0x101, rig.of(0x101)[-1][1]).max_seconds == 2280       # sheet 1.3, 1.4
    assert not any(data[5] & 8 for _, data in rig.of(0x102))            # no contactor bit towards 0.9
    assert isinstance(rig.charger.last(), VehicleStatus) and rig.charger.last().protocol == 2
