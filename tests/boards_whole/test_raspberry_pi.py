"""A Raspberry Pi as a car's box: whole charges over its pins, its ADS1115 and its OLED, and every one of them failing on the way."""
from __future__ import annotations

import errno

import pytest

from kernel.timer import MS, S
from tasks.stop_reasons import StopReason
from tests.boards_whole.box import BoardCharge
from tests.boards_whole.files import FIXED, PI
from tests.boards_whole.gpio import RaspberryCar
from tests.drivers.pins.libraries import raspberry
from tests.sessions.charges import assert_safe, run_to

pytest.importorskip("smbus2", reason="smbus2 is not installed")
pytest.importorskip("luma.oled", reason="luma.oled is not installed")

CHARGING = 700               # checkpoint: the loop of current demands runs


@pytest.fixture
def start(tmp_path, monkeypatch):
    made = []

    def charge(text=PI + FIXED, **kwargs):
        made.append(BoardCharge(tmp_path, "pev", text, RaspberryCar(monkeypatch, raspberry()), **kwargs))
        return made[-1]
    yield charge
    for c in made:
        c.close()


def test_a_whole_charge(start):
    c = start()
    c.run(600 * S)
    assert c.good and c.reason is StopReason.BATTERY_FULL, (c.reason, c.trip, c.told, [str(b) for b in c.invariants.broken], c.journal()[-3000:])
    assert_safe(c)
    assert c.told == []


# --- faults on the way ---------------------------------------------------------------------------------------------------

STATES = (*(pytest.param(n, marks=pytest.mark.slow) for n in (3, 130, 590)), 540, 570, CHARGING)
"""Plugged in, SLAC, contactors; parameters, precharge, current."""


def again(c: BoardCharge) -> None:
    """The plug is pulled and put in again: a new session charges."""
    c._unplugged_at = 1 << 62
    while c.plant.car_lock.position or c.plant.car_contactors.position:
        c.run_until(c.clock.time + 100 * MS)
        assert c.clock.time < 400 * S, c.journal()[-2000:]
    c.plant.unplug(c.clock.time)
    c.run_until(c.clock.time + 10 * S)
    c.plant.plug(c.clock.time)
    begin = c.clock.time
    while not c.charging:
        c.run_until(c.clock.time + 100 * MS)
        assert c.clock.time < begin + 90 * S, c.journal()[-2000:]


def test_a_brown_out_of_the_converter_does_not_end_a_charge(start):
    c = start()
    c.run_until(run_to(c, CHARGING) + 5 * S)
    c.surroundings.adc.brown_out()
    c.run(600 * S)
    assert c.good, (c.reason, c.trip, c.invariants.broken)
    assert c.told == ["ADC: restarted"] and "ADC: restarted. ADS1115 at 0x48 of I2C bus 1 lost its settings" in c.journal()


def test_a_welded_contactor_keeps_the_plug_locked_and_is_told(start):
    c = start()
    c.run_until(run_to(c, CHARGING) + 3 * S)
    c.plant.car_contactors.welded = True
    c.stop()
    c.run_until(c.clock.time + 60 * S)
    assert c.trip and c.plant.car_lock.position and not c.plant.pilot.state_c and not c.box.kernel.fault, (c.trip, c.journal()[-1500:])


def test_the_display_shows_the_charge(start):
    """What luma put on the wire is the picture that the display task drew."""
    c = start()
    c.run_until(run_to(c, CHARGING) + 5 * S)
    lit = sum(octet.bit_count() for page in c.surroundings.display.panel.pages() for octet in page)
    assert 500 < lit < 4096


def nack(c):
    c.surroundings.adc.absent = True
    return lambda: setattr(c.surroundings.adc, "absent", False)


def stuck(c):
    c.surroundings.bus.stuck = errno.ETIMEDOUT
    return lambda: setattr(c.surroundings.bus, "stuck", 0)


def no_display(c):
    c.surroundings.display.absent = True
    return lambda: setattr(c.surroundings.display, "absent", False)


def refuses(name):
    def fault(c):
        c.surroundings.wires.wire(name).fail(errno.EIO)
        return lambda: c.surroundings.wires.wire(name).fail(0)
    return fault


def dead_contact(c):
    c.surroundings.dead_contact = True
    return lambda: setattr(c.surroundings, "dead_contact", False)


FAULTS = {"ADC NACK": (nack, "ADC: no answer"), "bus stuck": (stuck, "ADC: bus stuck"), "contactor line EIO": (refuses("contactors"), "PIN contactors err"),
          "pilot line EIO": (refuses("pilot_c"), "PIN pilot/power err"), "stop button EIO": (refuses("stop"), "IN stop button lost"),
          "lock contact EIO": (refuses("locked"), "IN inlet lock lost"), "lock motor EIO": (refuses("lock"), "PIN lock err"),
          "unlock motor EIO": (refuses("unlock"), "PIN unlock err"), "display gone": (no_display, "Display: no answer"),
          "contacts do not follow": (dead_contact, None)}


@pytest.mark.parametrize("number", STATES)
@pytest.mark.parametrize("fault", FAULTS)
def test_two_seconds_without(start, fault, number):
    """The session ends safely or goes on; the device is back by itself, the display is empty again, and a new session charges."""
    c = start()
    c.run_until(run_to(c, number) + 500 * MS)
    cause, words = FAULTS[fault]
    mend = cause(c)
    c.run_until(c.clock.time + 2 * S)
    if words:
        assert words in c.told and c.box.signals.device_notice.value in c.told and words in c.journal()
    mend()
    c.run_until(c.clock.time + 40 * S)
    assert not c.box.kernel.fault and [str(b) for b in c.invariants.broken] == [] and not c.plant.damage, (c.trip, c.told, c.plant.incidents)
    assert not c.box.signals.device_notice.value, c.box.signals.device_notice.value
    if not c.charging:
        again(c)
    assert [str(b) for b in c.invariants.broken] == [] and not c.plant.damage and not c.box.kernel.fault
