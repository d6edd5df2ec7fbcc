"""A Raspberry Pi as an AC wallbox: mains contactor, socket lock, PWM and a measured pilot; and a BeagleBone as a car, with pyPLC's pins."""
from __future__ import annotations

import errno

import pytest

from drivers.sim.plant_config import PlantConfig
from kernel.timer import MS, S
from tasks.config import Config
from tasks.stop_reasons import StopReason
from tests.boards_whole.box import BoardCharge
from tests.boards_whole.files import BONE, FIXED, WALLBOX
from tests.boards_whole.gpio import BeagleBoneCar, RaspberryWallbox
from tests.drivers.pins.libraries import raspberry
from tests.sessions.charges import assert_safe, run_to

pytest.importorskip("smbus2", reason="smbus2 is not installed")
pytest.importorskip("luma.oled", reason="luma.oled is not installed")


def car() -> Config:
    """The simulated one."""
    config = Config()
    config.ev.energy_transfer_modes = ["AC_three_phase_core"]
    config.ev.stop_soc_percent = 50.5
    return config


@pytest.fixture
def start(tmp_path, monkeypatch):
    made = []

    def charge():
        plant = PlantConfig(battery_soc_percent=50.0, battery_capacity_wh=28_000.0, mains_phases=3)
        made.append(BoardCharge(tmp_path, "evse", WALLBOX, RaspberryWallbox(monkeypatch, raspberry(), tmp_path / "pwm"), plant, car()))
        return made[-1]
    yield charge
    for c in made:
        c.close()


def charging(c: BoardCharge) -> BoardCharge:
    while c.car.signals.v2g_state.value != "ChargingStatus":
        c.run_until(c.clock.time + 10 * MS)
        assert c.clock.time < 90 * S, c.journal()[-3000:]
    c.run_until(c.clock.time + 5 * S)
    assert c.plant.ac.current > 10.0
    return c


def at_rest(c: BoardCharge) -> None:
    assert_safe(c)
    assert not c.plant.ac.live and not c.plant.ac.contactor.commanded and not c.box.kernel.fault


def test_a_whole_ac_charge(start):
    c = start()
    c.run(1200 * S)
    assert c.good and c.reason is StopReason.BATTERY_FULL, (c.reason, c.trip, c.told, [str(b) for b in c.invariants.broken], c.journal()[-3000:])
    at_rest(c)
    assert c.told == []


def nack(c):
    c.surroundings.adc.absent = True
    return lambda: setattr(c.surroundings.adc, "absent", False)


def refuses(name):
    def fault(c):
        c.surroundings.wires.wire(name).fail(errno.EIO)
        return lambda: c.surroundings.wires.wire(name).fail(0)
    return fault


FAULTS = {"ADC NACK": (nack, "ADC: no answer"), "mains line EIO": (refuses("power"), "PIN pilot/power err"), "contact EIO": (refuses("contact_plus"), "IN contact of lost"),
          "stop button EIO": (refuses("stop"), "IN stop button lost")}


@pytest.mark.parametrize("fault", FAULTS)
def test_two_seconds_without(start, fault):
    c = charging(start())
    cause, words = FAULTS[fault]
    mend = cause(c)
    c.run_until(c.clock.time + 2 * S)
    assert words in c.told and words in c.journal(), c.told
    mend()
    c.run_until(c.clock.time + 40 * S)
    assert [str(b) for b in c.invariants.broken] == [] and not c.plant.damage and not c.box.kernel.fault
    assert not c.box.signals.device_notice.value
    if fault == "contact EIO":               # nobody could say whether it opened: latched until the box is started anew
        assert c.charger.signals.safety_trip.value and not c.plant.ac.contactor.commanded
    elif c.car.signals.v2g_state.value != "ChargingStatus":
        assert not c.plant.ac.contactor.commanded and not c.plant.ac.live
        c._unplugged_at = 1 << 62
        c.plant.unplug(c.clock.time, force=True)
        c.run_until(c.clock.time + 10 * S)
        c.plant.plug(c.clock.time)
        begin = c.clock.time
        while c.car.signals.v2g_state.value != "ChargingStatus":
            c.run_until(c.clock.time + 100 * MS)
            assert c.clock.time < begin + 120 * S, c.journal()[-3000:]


def test_a_contact_that_does_not_follow_is_told(start):
    c = start()
    c.surroundings.dead_contact = True
    c.run_until(60 * S)
    assert c.charger.signals.safety_trip.value and not c.plant.ac.contactor.commanded and [str(b) for b in c.invariants.broken] == []


# --- BeagleBone ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def bone(tmp_path, monkeypatch):
    made = BoardCharge(tmp_path, "pev", BONE + FIXED, BeagleBoneCar(monkeypatch, tmp_path))
    yield made
    made.close()


def test_a_beaglebone_charges_with_its_own_converter(bone):
    bone.run(600 * S)
    assert bone.good and bone.reason is StopReason.BATTERY_FULL, (bone.reason, bone.trip, bone.told, [str(b) for b in bone.invariants.broken], bone.journal()[-3000:])
    assert_safe(bone)
    assert bone.told == []


@pytest.mark.parametrize("code, words", [(errno.EIO, "ADC: read error"), (errno.EBUSY, "ADC: busy")])
def test_a_converter_that_fails_for_two_seconds(bone, code, words):
    bone.run_until(run_to(bone, 700) + 3 * S)
    bone.surroundings.iio.code = code
    bone.run_until(bone.clock.time + 2 * S)
    bone.surroundings.iio.code = 0
    bone.run_until(bone.clock.time + 20 * S)
    assert bone.trip and words in bone.told and not bone.box.signals.device_notice.value, (bone.trip, bone.told)
    assert_safe(bone)
