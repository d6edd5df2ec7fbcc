"""Dieter over a pty against its twin: what it is told, what it measures, what happens when it lies, stalls or goes."""
import random
from functools import partial

import pytest

from drivers import interfaces
from drivers.serial_line.device import ANSWER_WITHIN, BAD_SHOWN, NoLock, Wiring
from drivers.serial_line.dieter import Dieter, DieterConfig
from drivers.serial_line.find import Finder
from drivers.serial_line.port import REOPEN_CEILING, TURN, SerialPortConfig
from drivers.serial_line.text_display import TextDisplayConfig
from drivers.sim.lines import CONTACTORS, FIRST
from drivers.sim.plant import Plant
from drivers.sim.plant_config import PlantConfig
from drivers.sim.serial_devices import SimDieter
from kernel.settings import describe
from kernel.timer import MS, S
from tests.drivers.serial_line.wire import Line

pytest.importorskip("serial", reason="pyserial is not installed")

STEP_V = 1.08 * 6250 / 9.4 / 1024        # of the converter


def made(**settings) -> Line:
    plant = Plant(PlantConfig(plugged=True))
    line = Line(SimDieter(plant))
    line.driver = Dieter(DieterConfig(**settings), 0, Wiring(finder=line.plug.finder()))
    return line


@pytest.fixture
def line():
    line = made()
    yield line
    line.close()


def said(line: Line, *texts: bytes, now: int = TURN) -> int:
    """The device says this, and nothing by itself."""
    line.device.silent = True
    line.step(now)
    line.pty.write(b"\n" + b"".join(text + b"\n" for text in texts))
    line.driver.run(now + TURN)
    return now + TURN


@pytest.mark.parametrize("part, protocol", [("voltmeter", "Voltmeter"), ("control_pilot", "ControlPilot"), ("contactors", "Contactors")])
def test_it_keeps_the_interfaces(line, part, protocol):
    wanted = getattr(interfaces, protocol)
    names = {n for n in vars(wanted) if not n.startswith("_")} | set(wanted.__annotations__)
    assert names and not [n for n in names if not hasattr(getattr(line.driver, part), n)]
    assert getattr(line.driver, part).errors == 0


def test_it_is_polled(line):
    driver = line.driver
    assert driver.name == f"Dieter at {line.pty.path}" and (driver.fault, driver.remedy, driver.errors) == ("", "", 0)
    assert driver.run(0) == TURN


def test_without_a_device_it_wants_a_turn_only_now_and_then():
    driver = Dieter(DieterConfig(), 0, Wiring(finder=Finder(lambda: [])))
    now, turns = 0, 0
    while now < 60 * S:
        now = driver.run(now)
        turns += 1
    assert 60 <= turns < 80 and driver.fault == "Dieter: no port"
    driver.lines.close()


def test_the_inlet_is_measured(line):
    line.device.plant.command_stage(True, 350.0, 2.0, 0)
    now = line.run(0, 3 * S)
    assert line.driver.voltmeter.inlet_voltage(now) == pytest.approx(350.0, abs=STEP_V)
    meter = line.driver.voltmeter
    assert (meter.inlet_current(now), meter.inlet_temperature(now), meter.supply_voltage(now)) == (None, None, None) and meter.errors == 0


def test_the_sheets_formula():
    line = made()
    now = said(line, b"A0=0512")
    assert line.driver.voltmeter.inlet_voltage(now) == pytest.approx(512 / 1024 * 1.08 * 6250 / 9.4, abs=0.001)
    line.close()


def test_it_can_be_calibrated():
    line = made(full_scale_v=800.0, offset_v=-2.0)
    now = said(line, b"A0=0512")
    assert line.driver.voltmeter.inlet_voltage(now) == 398.0
    line.close()


@pytest.mark.parametrize("text", [b"A0=1023", b"A0=1024", b"A0=9999", b"A0=512", b"A0=05123", b"A0=12", b"A0=0512A0=0513", b"xA0=1xA0=0512"])
def test_a_number_that_cannot_be_makes_the_voltage_unknown(line, text):
    now = said(line, b"A0=0500", text)
    driver = line.driver
    assert driver.voltmeter.inlet_voltage(now) is None and driver.bad == 1 and driver.voltmeter.errors == 1
    assert driver.fault == "Dieter: bad values" and "digits" in driver.remedy
    line.pty.write(b"A0=0500\n")
    driver.run(now + TURN)
    assert driver.voltmeter.inlet_voltage(now + TURN) is not None
    driver.run(now + TURN + BAD_SHOWN)
    assert driver.fault == ""


@pytest.mark.parametrize("text", [b"A0=", b"A1=0512", b"A0=-100", b"hello", b"a0=0512", b"A0 = 0512", b"0512", b"=0512", b"A0=\xff0512"])
def test_what_is_no_measurement_changes_nothing(line, text):
    now = said(line, b"A0=0500", text)
    assert line.driver.voltmeter.inlet_voltage(now) == pytest.approx(350.6, abs=0.1) and line.driver.bad == 0


def test_numbers_without_leading_zeros_where_the_setting_allows_them():
    line = made(digits=0)
    assert line.driver.voltmeter.inlet_voltage(said(line, b"A0=7")) == pytest.approx(7 * STEP_V)
    line.close()


def test_silence_makes_the_voltage_unknown_then_a_fault(line):
    now = line.run(0, S)
    line.device.silent = True
    heard_at = now - TURN
    now = line.run(now, heard_at + 400 * MS)
    assert line.driver.voltmeter.inlet_voltage(now) is not None
    now = line.run(now, heard_at + 600 * MS)
    assert line.driver.voltmeter.inlet_voltage(now) is None and line.driver.fault == ""
    now = line.run(now, heard_at + ANSWER_WITHIN + 100 * MS)
    assert line.driver.fault == "Dieter: no answer" and line.pty.path in line.driver.remedy and "19200" in line.driver.remedy
    line.device.silent = False
    line.run(now, now + 200 * MS)
    assert line.driver.fault == ""


def test_a_port_that_never_said_a_word_of_dieters_is_left_for_the_next_one(line):
    line.device.silent = True
    line.run(0, ANSWER_WITHIN + 10 * REOPEN_CEILING)
    assert line.driver.port.opened > 2


def test_a_dieter_lv_only_switches():
    line = made(measures=False)
    line.device.silent = True
    now = line.run(0, ANSWER_WITHIN + S)
    assert line.driver.fault == "" and line.driver.voltmeter.inlet_voltage(now) is None
    assert line.driver.control_pilot.set_state_c(True, now)
    line.close()


# --- outputs -----------------------------------------------------------------------------------------------------------

def test_a_change_goes_at_once_and_is_repeated(line):
    now = line.run(0, 95 * MS)
    driver, device = line.driver, line.device
    count = len(device.heard)
    assert driver.control_pilot.set_state_c(True, now)
    line.exchange(now)
    assert device.heard[count:] == ["do0001"] and device.plant.pilot.state_c
    assert driver.contactors.set_closed(True, now)
    line.exchange(now)
    assert device.heard[-1] == "do0003" and device.plant.car_contactors.commanded
    count = len(device.heard)
    line.run(now, now + S)
    assert device.heard[count:] == ["do0003"] * 9, "every 100 ms"
    assert driver.control_pilot.set_state_c(False, now + S) and driver.contactors.set_closed(False, now + S)
    line.exchange(now)
    assert device.heard[-2:] == ["do0002", "do0000"] and not device.plant.pilot.state_c


def test_the_first_words_are_safe(line):
    line.step(0)
    assert line.device.heard and set(line.device.heard) == {"do0000"}


def test_a_spoiled_line_is_mended_by_the_next_one(line):
    now = line.run(0, S)
    line.device.deaf = True
    assert line.driver.contactors.set_closed(True, now)
    line.exchange(now)
    line.device.deaf = False
    assert not line.device.plant.car_contactors.commanded
    line.run(now, now + 150 * MS)
    assert line.device.plant.car_contactors.commanded


def test_a_box_without_a_lock_knows_nothing_of_the_plug():
    lock = NoLock()
    assert lock.set_locked(True, 0) and lock.feedback(0) is None and lock.set_locked(False, 0) and lock.errors == 0


def test_nothing_confirms_the_contactors(line):
    assert line.driver.contactors.feedback(0) is None


def test_the_second_relay_follows_the_contactors_after_its_delay():
    line = made(relay_2="with_contactors", relay_2_delay_ms=2000)
    driver, device = line.driver, line.device
    now = line.run(0, S)
    assert driver.contactors.set_closed(True, now)
    now = line.run(now, now + 1900 * MS)
    assert device.plant.car_contactors.commanded and not device.relay_2
    now = line.run(now, now + 300 * MS)
    assert device.relay_2 and driver.relay_2
    assert driver.contactors.set_closed(False, now)
    line.exchange(now)
    assert not device.relay_2 and not device.plant.car_contactors.commanded
    assert driver.contactors.set_closed(True, now)
    line.exchange(now)
    now = line.run(now, now + S)
    assert not device.relay_2, "the delay begins anew"
    line.close()


def test_the_display_on_the_same_wire_stands_behind_the_commands(line):
    display = line.driver.attach(TextDisplayConfig())
    now = line.run(0, 95 * MS)
    display.show(("one", "two do0003", "three"), now)
    now = line.run(now, now + S)
    assert [text for text in line.device.heard if text.startswith("lc")] == ["lcone", "lctwo dO0003", "lcthree"]
    assert set(text for text in line.device.heard if not text.startswith("lc")) == {"do0000"}


# --- the guard ---------------------------------------------------------------------------------------------------------

def test_once_the_guard_holds_not_one_octet_goes_out(line):
    now = line.run(0, S)
    driver, device = line.driver, line.device
    assert driver.control_pilot.set_state_c(True, now)
    line.exchange(now)
    driver.lines.hold()
    driver.lines.force(FIRST, False)
    sent = driver.port.sent
    assert not driver.control_pilot.set_state_c(True, now) and not driver.contactors.set_closed(True, now) and driver.refused == driver.errors == 2
    line.run(now, now + S)
    assert driver.port.sent == sent and device.heard[-1] == "do0001", "here nobody plays the guard"
    assert driver.fault == "Dieter: guard holds"
    assert driver.contactors.set_closed(False, now + S), "it is where it is wanted"


# --- losses ------------------------------------------------------------------------------------------------------------

def test_unplugged_under_current(line):
    driver, device = line.driver, line.device
    now = line.run(0, S)
    assert driver.control_pilot.set_state_c(True, now) and driver.contactors.set_closed(True, now)
    now = line.run(now, now + S)
    line.unplug()
    now = line.step(now)
    assert driver.fault == "Dieter: unplugged" and driver.voltmeter.inlet_voltage(now) is None and driver.lost and driver.contactors.lost
    assert not driver.lines.level(FIRST) and not driver.lines.level(CONTACTORS)
    assert driver.lines.path() == b"", "the guard is told to let go of the port"
    assert not driver.control_pilot.set_state_c(False, now) and not driver.contactors.set_closed(False, now), "nobody hears it"
    assert not driver.contactors.set_closed(True, now) and not driver.lines.level(CONTACTORS), "and it is not kept for later"
    assert driver.refused == driver.contactors.errors == driver.control_pilot.errors == 3 and driver.errors == 3 + driver.port.errors
    line.replug()
    now = line.run(now, now + 10 * S)
    assert driver.lines.path() == line.pty.path.encode()
    assert driver.fault == "" and set(device.heard[-20:]) == {"do0000"} and not device.plant.car_contactors.commanded
    assert driver.lost, "what is assumed of the contactors is still wrong"
    assert driver.contactors.set_closed(False, now) and not driver.lost


def test_unplugged_at_rest_is_no_loss_of_outputs(line):
    now = line.run(0, S)
    line.unplug()
    line.run(now, now + S)
    assert line.driver.fault and not line.driver.lost


@pytest.mark.parametrize("seed", range(6))
def test_unplugged_at_any_instant(seed):
    """A loss between any two calls leaves safe outputs, a reason, and a driver that comes back."""
    rng = random.Random(seed)
    line = made()
    driver, device = line.driver, line.device
    now = 0
    for _ in range(8):
        now = line.run(now, now + rng.randrange(0, 60) * TURN)
        on = rng.random() < 0.7
        calls = [partial(driver.control_pilot.set_state_c, on, now), partial(driver.contactors.set_closed, on, now), partial(driver.run, now),
                 partial(device.receive, b"do", now)]
        rng.shuffle(calls)
        cut = rng.randrange(len(calls))
        for n, call in enumerate(calls):
            if n == cut and line.pty.master >= 0:
                line.unplug()
            call()
        driver.run(now)
        assert not driver.port.is_open and driver.fault and len(driver.fault) <= 19 and driver.remedy
        assert not driver.lines.level(FIRST) and not driver.lines.level(CONTACTORS)
        now = line.run(now, now + rng.randrange(0, 3 * S))
        line.replug()
        now = line.run(now, now + REOPEN_CEILING + S)
        assert driver.port.is_open and driver.fault == "" and not device.plant.pilot.state_c and not device.plant.car_contactors.commanded
        assert driver.voltmeter.inlet_voltage(now) is not None
    line.close()


@pytest.mark.parametrize("seed", range(6))
def test_no_octets_make_a_voltage_that_was_not_said(seed):
    """Whatever is lost, doubled or turned on the wire: what is told is None or one of the numbers that were sent, four digits whole."""
    rng = random.Random(seed)
    line = made()
    driver = line.driver
    line.device.silent = True
    told, sent, numbers = [], set(), []
    for n in range(1, 400):
        numbers = [rng.randrange(0, 1023) for _ in range(3)] if n < 3 else numbers
        sent.update(numbers)
        data = bytearray(b"\n" + b"".join(b"A0=%04d\r\n" % number for number in numbers))
        for _ in range(rng.randrange(0, 4)):
            place = rng.randrange(len(data))
            what = rng.random()
            if what < 0.4:
                del data[place]
            elif what < 0.7:
                data[place] = rng.choice((0, 255, 7, 10))
            else:
                data[place:place] = rng.randbytes(2).replace(b"\n", b"").translate(None, b"0123456789")
        line.step(n * TURN)
        line.pty.write(bytes(data[:rng.randrange(len(data))] if rng.random() < 0.3 else data))
        driver.run(n * TURN)
        value = driver.voltmeter.inlet_voltage(n * TURN)
        if value is not None:
            told.append(value)
            assert round(value / STEP_V) in sent
        assert driver.port.is_open
    assert len(told) > 100
    line.close()


def test_every_setting_is_explained():
    entries = list(describe(DieterConfig))
    assert len(entries) == 10 and all(entry.meaning for entry in entries)
    assert SerialPortConfig().baud == 19200


def test_a_device_that_was_never_there_has_nothing_on():
    """The supervisor says state B and open at its start: no reason to trip, for that is the first thing that the device will hear."""
    line = Line(SimDieter(Plant(PlantConfig(plugged=True))))
    line.pty.unplug()
    line.plug.path = ""
    driver = line.driver = Dieter(DieterConfig(), 0, Wiring(finder=line.plug.finder()))
    assert driver.control_pilot.set_state_c(False, 0) and driver.contactors.set_closed(False, 0) and driver.refused == 0
    assert not driver.control_pilot.set_state_c(True, 0) and not driver.contactors.set_closed(True, 0) and driver.refused == 2
    line.replug()
    line.run(0, 10 * S)
    assert set(line.device.heard) == {"do0000"}
    line.close()
