"""FoccciCape with the DiDeBoCCS supply by its plan: it discharges a car that believes to be charged.

The car must be one that can believe it: its battery less than `ev.precharge_tolerance_v` (10 V) above a sum of the weights (340.8 V: 337 V), and
without a current sensor of its own, for through the load relay 10 A flow out of the battery, whatever the charger tells.
Not shown: an arc, for the plant knows no current out of a battery; the state of charge does fall.
"""
from __future__ import annotations

import errno

import pytest

from drivers.sim.plant_config import PlantConfig
from kernel.timer import MS, S
from tasks.can_info.wire import CAR, STATUS, VALUES
from tasks.config import Config
from tasks.stop_reasons import StopReason
from tests.boards_whole.cape import CAPE, LOAD_A, CapeCharge, CapeWorld
from tests.drivers.can.fakes import BUS_OFF, RESTARTED
from tests.sessions.charges import assert_safe, run_to

CHARGING = 700               # checkpoint of the car: the loop of current demands runs
BRIEF = (3, 4, 5, 15, 18, 19)    # with a quick car these pass between two frames, which are 30 ms apart


def car(sensor: bool = False) -> Config:
    config = Config()
    config.ev.max_current_a = LOAD_A
    config.safety.pev.current_sensor_fitted = sensor
    return config


@pytest.fixture
def start(tmp_path, monkeypatch):
    made = []

    def charge(peer=None, text=CAPE, soc=20.0):
        plant = PlantConfig(battery_soc_percent=soc, battery_capacity_wh=28_000.0)
        made.append(CapeCharge(tmp_path, "evse", text, CapeWorld(monkeypatch, tmp_path), plant, peer or car()))
        return made[-1]
    yield charge
    for c in made:
        c.close()


def at_rest(c: CapeCharge) -> None:
    world = c.surroundings
    assert_safe(c)
    assert world.standing == 0.0 and not world.loaded and not world.opened_loaded and not c.box.kernel.fault


def charging(c: CapeCharge, seconds: int = 5) -> CapeCharge:
    c.run_until(run_to(c, CHARGING) + seconds * S)
    assert c.charging and c.surroundings.loaded, (c.trip, c.told, c.journal()[-3000:])
    return c


def again(c: CapeCharge) -> None:
    """Unplugged and plugged in again, it charges."""
    c._unplugged_at = 1 << 62
    while c.plant.car_lock.position or c.plant.car_contactors.position:
        c.run_until(c.clock.time + 100 * MS)
        assert c.clock.time < 200 * S, c.journal()[-2000:]
    c.plant.unplug(c.clock.time)
    c.run_until(c.clock.time + 10 * S)
    assert c.surroundings.standing == 0.0 and not c.charger.signals.safety_trip.value
    c.plant.plug(c.clock.time)
    begin = c.clock.time
    while not c.charging:
        c.run_until(c.clock.time + 100 * MS)
        assert c.clock.time < begin + 90 * S, (c.trip, c.told, c.journal()[-2000:])


def numbers(c: CapeCharge) -> list[int]:
    """Info numbers as they followed each other on the bus."""
    told: list[int] = []
    for id, _, data in c.surroundings.bus.sent:
        if id == STATUS and told[-1:] != [data[0]]:
            told.append(data[0])
    return told


def test_a_whole_session(start):
    """Weights, load relay, converter, PWM, life sign and CAN of one session that the car's user ends."""
    c = start()
    world, signals = c.surroundings, c.charger.signals
    charging(c, 10)
    assert world.standing == 325.0, "337 V of precharge, then at least 5 V below 340.8 V"
    assert signals.output_current.value == LOAD_A and abs(signals.output_voltage.value - c.plant.output_voltage) < 0.2
    assert c.plant.battery.soc < 20.0 and c.plant.current == 0.0
    (values,) = [data for id, _, data in world.bus.sent if id == VALUES][-1:]
    volts, amperes, present_volts, present_amperes = (int.from_bytes(values[n:n + 2], "little") for n in range(0, 8, 2))
    assert (volts, amperes, present_volts, present_amperes) == (round(signals.ev_target_voltage.value), 10, round(signals.output_voltage.value), 10)
    assert volts == 400 and present_volts == 341, "evse.max_voltage_v is what a car may ask for"
    c.stop()
    c.run(c.clock.time + 120 * S)
    assert c.good and c.reason is StopReason.USER_STOP, (c.reason, c.trip, c.told, [str(b) for b in c.invariants.broken], c.journal()[-3000:])
    at_rest(c)
    assert c.told == [] and world.taken > 90.0
    assert world.pairs == [(0.0, False), (400.0, False), (0.0, False), (337.0, False), (325.0, False), (325.0, True), (0.0, False)], \
        "cable check at evse.max_voltage_v, precharge, and the load only behind a supply that is below the battery"
    assert [n for n in numbers(c) if n not in BRIEF] == [1, 20, 21, 22, 6, 11, 8, 9, 10, 7, 13, 14, 2, 16, 1]
    assert {id for id, _, _ in world.bus.sent} == {STATUS, VALUES, CAR}
    assert c.car.nic.mac in {data[:6] for id, _, data in world.bus.sent if id == CAR}
    assert {b - a for a, b in zip(world.edges, world.edges[1:])} == {30 * MS} and c.clock.time - world.edges[-1] <= 30 * MS


def test_a_car_with_a_current_sensor_notices_and_leaves(start):
    """10 A against the direction that it was promised; and the next try ends the same way, in order."""
    c = start(car(sensor=True))
    c.run_until(run_to(c, CHARGING) + 3 * S)
    assert c.trip == "Reverse current" and not c.charger.signals.safety_trip.value
    c.run_until(c.clock.time + 30 * S)
    at_rest(c)


@pytest.mark.parametrize("tolerance, reached", [(10.0, False), (13.0, True)])
def test_a_battery_far_above_a_sum_needs_a_tolerant_car(start, tolerance, reached):
    """349.4 V: 337 V is the best that is not above it. The car gives up in words, or both of its tolerances allow it."""
    config = car()
    config.ev.precharge_tolerance_v = config.safety.pev.match_v = tolerance
    c = start(config, soc=38.0)
    c.run_until(60 * S)
    assert c.charging is reached and c.reason is (None if reached else StopReason.PRECHARGE_TIMEOUT)
    c.stop()
    c.run_until(c.clock.time + 30 * S)
    at_rest(c)


def test_by_default_no_insulation_is_told_and_the_cable_check_fails(start):
    """Without `told_insulation_ohm` the cable check ends in words, and no current was asked for."""
    c = start(text=CAPE.replace("    told_insulation_ohm: 1000000\n", "    told_insulation_ohm: 0\n"))
    c.run_until(120 * S)
    assert (400.0, False) in c.surroundings.pairs and not any(load or standing in (325.0, 337.0) for standing, load in c.surroundings.pairs)
    assert not c.plant.car_contactors.position and "not finished in" in c.journal()
    at_rest(c)


def test_the_stop_button_ends_it_and_the_lamp_blinks(start):
    c = charging(start())
    world = c.surroundings
    c.plant.charger_stop_button = True
    c.run_until(c.clock.time + 300 * MS)
    assert world.standing == 0.0 and not world.loaded and c.charger.signals.safety_trip.value == "Stop button"
    c.plant.charger_stop_button = False
    lit = set()
    for _ in range(20):
        c.run_until(c.clock.time + 50 * MS)
        lit.add(world.wires.high("lamp"))
    assert lit == {True, False}
    c.run_until(c.clock.time + 30 * S)
    at_rest(c)
    again(c)


def converter(c):
    c.surroundings.iio.code = errno.EIO
    return lambda: setattr(c.surroundings.iio, "code", 0)


def bus_off(c):
    c.surroundings.bus.error(BUS_OFF)
    return lambda: c.surroundings.bus.error(RESTARTED)


def refuses(name):
    def fault(c):
        c.surroundings.wires.wire(name).fail(errno.EIO)
        return lambda: c.surroundings.wires.wire(name).fail(0)
    return fault


FAULTS = {"ADC": (converter, "ADC: read error", False), "CAN bus-off": (bus_off, "CAN: bus off", True), "life sign EIO": (refuses("life"), "Cape: no life sign", True),
          "button EIO": (refuses("stop"), "IN stop button lost", False), "enable EIO": (refuses("enable"), "PIN pilot/power err", True)}
"""What happens; what the display says; whether the charge goes on (frames and life sign
tell others, nothing of ours depends on them; an enable that nobody has to move stands as it stood)."""


@pytest.mark.parametrize("fault", FAULTS)
def test_two_seconds_without(start, fault):
    c = charging(start())
    cause, words, goes_on = FAULTS[fault]
    mend = cause(c)
    c.run_until(c.clock.time + 2 * S)
    assert words is None or words in c.told and words in c.journal(), c.told
    mend()
    c.run_until(c.clock.time + 40 * S)
    assert [str(b) for b in c.invariants.broken] == [] and not c.plant.damage and not c.box.kernel.fault and not c.surroundings.opened_loaded
    assert not c.box.signals.device_notice.value
    assert c.charging is goes_on, (c.trip, c.charger.signals.safety_trip.value, c.journal()[-2000:])
    if not goes_on:
        at_rest(c)
        again(c)


@pytest.mark.parametrize("pin", ["enable", "load", "w225"])
def test_a_pin_that_refuses_when_it_has_to_go_off(start, pin):
    """Enable and weights are two ways to end the output: one is enough, and the refusal is told and latched."""
    c = charging(start())
    world = c.surroundings
    world.wires.wire(pin).fail(errno.EIO)
    c.stop()
    c.run_until(c.clock.time + 10 * S)
    assert c.charger.signals.safety_trip.value == "Output refused", c.journal()[-2000:]
    assert world.standing == 0.0 and not world.loaded
    world.wires.wire(pin).fail(0)
    c.run_until(c.clock.time + 20 * S)
    at_rest(c)
    again(c)
