"""A Raspberry Pi down to ioctl octets and I2C registers: what stands on the pins, what the table says of them."""
import errno
from pathlib import Path

import pytest

from drivers.adc.pilot import AnalogPilotConfig
from drivers.errors import DriverError
from drivers.oled_luma import OledConfig
from drivers.pins.build import charger_lines
from drivers.pins.config import OutputPin
from kernel.timer import MS
from tasks.config import Config
from tests.bench_io.desk import CP_GAIN, CP_OFFSET, Desk, Raspberry, car_config
from tests.guard.pin_stand_in import make_pwm
from tools.bench_io.measure import i2c

pytest.importorskip("smbus2", reason="smbus2 is not installed")
STATE_C, CONTACTORS, PULSE, LOCK, UNLOCK = 17, 27, 22, 23, 24


@pytest.fixture
def table(monkeypatch):
    """(desk, its Raspberry Pi) with a car's configuration."""
    made = []

    def make(typed=None, complete=True, config=None):
        desk = Desk(car_config(complete) if config is None else config, typed)
        made.append(Raspberry(monkeypatch, desk.clock))
        return desk, made[-1]
    yield make
    for board in made:
        board.close()


def row(desk, name):
    """The first one: inputs stand before devices."""
    found = [line for line in desk.text.splitlines() if line.startswith(name)]
    assert found, f"{name!r} in {desk.text}"
    return found[0]


def test_raw_and_physical_values_with_their_channels(table):
    desk, board = table()
    board.volts, board.pilot = 50.0, 9.0
    board.kernel.levels["/dev/gpiochip0", 16] = 0
    assert desk.run("inputs") == 0
    counts = round(50 / 300 / 4.096 * 32768)
    assert row(desk, "inlet V").split()[2:] == ["ads1x15:0", str(counts), f"{counts * 4.096 / 32768:.4f}", "V", "49.99", "V", row(desk, "inlet V").split()[-2], "ok"]
    assert int(row(desk, "inlet V").split()[-2]) <= 100
    assert "ads1x15:1" in row(desk, "pilot state") and " B " in row(desk, "pilot state") and "9.00 V" in row(desk, "pilot state")
    assert "GPIO16" in row(desk, "stop button ") and " active " in row(desk, "stop button ") and " yes " in row(desk, "stop button ")
    assert "GPIO26" in row(desk, "plug present") and " no " in row(desk, "plug present")
    assert "A0" not in desk.text and "ADS1115 at 0x48" in desk.text


def test_a_board_whose_gains_nobody_knows_yet_is_read_all_the_same_and_told_what_is_missing(table):
    desk, board = table(complete=False)
    board.volts = 30.0
    assert desk.run("inputs") == 0
    said = desk.one_line()
    assert "main.py would refuse to start" in said and "voltage_sensor_fitted" in said
    assert [line.split()[2] for line in desk.text.splitlines() if line.startswith("not used")] == [f"ads1x15:{n}" for n in range(4)]
    assert "0.1000 V" in desk.text, "30 V through the divider: what one needs to find the gain"


@pytest.mark.parametrize("break_it, says", [
    (lambda board: setattr(board.adc, "absent", True), "ADC: no answer"), (lambda board: setattr(board.bus, "stuck", errno.ETIMEDOUT), "ADC: bus stuck"),
    (lambda board: setattr(board.adc, "stalls", True), "ADC: stalled"), (lambda board: setattr(board, "volts", 1300.0), "at the end of the converter's range")])
def test_what_is_broken_is_unknown_with_its_reason(table, break_it, says):
    desk, board = table()
    break_it(board)
    assert desk.run("inputs") == 0
    assert "unknown" in row(desk, "inlet V") and says in desk.text[desk.text.index("inlet V "):].split("\ninlet A ")[0]
    assert "unknown" in row(desk, "inlet voltage")


@pytest.mark.parametrize("name, offset", [("state_c", STATE_C), ("contactors", CONTACTORS), ("lock", LOCK), ("unlock", UNLOCK)])
@pytest.mark.parametrize("active_low", [False, True])
def test_the_pin_rises_and_falls_and_no_other_moves(table, name, offset, active_low):
    config = car_config()
    pins = config.raspberry_pi.car
    for pin in (pins.pilot_c, pins.contactors, pins.lock.lock, pins.lock.unlock):
        pin.active_low = active_low
    desk, board = table(name, config=config)
    board.kernel.levels["/dev/gpiochip0", 25] = int(name == "lock")          # its switch: not there yet
    seen = set()

    def look(bench):
        turn = bench.turn
        bench.turn = lambda now: (seen.add(tuple(n for n in (STATE_C, CONTACTORS, LOCK, UNLOCK) if board.high(n) is not active_low)), turn(now))[1]
    assert desk.run("switch", name, "--i-measured-0-volts", "multimeter at both sides", look=look) == 0
    assert seen == {(), (offset,)}
    assert "read back on" in desk.text and "read back off" in desk.text


def test_a_motor_that_is_there_already_is_not_driven_and_that_is_told(table):
    desk, board = table()
    assert desk.run("switch", "unlock", "--yes") == 0 and "there already" in desk.one_line() and " ON " not in desk.text


def test_a_fixed_battery_voltage_is_no_measurement(table):
    desk, board = table("contactors")
    assert desk.run("switch", "contactors") == 1 and "battery: nobody measures it" in desk.one_line() and desk.asked == []
    assert desk.run("switch", "contactors", "--i-measured-0-volts", "multimeter at the pack") == 0


def test_contactors_are_refused_when_the_converter_is_missing_or_shows_a_voltage(table):
    desk, board = table("contactors")
    board.adc.absent = True
    assert desk.run("switch", "contactors") == 1 and "inlet: the voltmeter knows nothing" in desk.one_line()
    board.adc.absent = False
    board.volts = 120.0
    assert desk.run("switch", "contactors", "--i-measured-0-volts", "multimeter at the pack") == 1 and "120 V at the inlet" in desk.text


def test_a_bulb_is_tried_without_the_contactors_and_does_not_follow_them(table):
    config = car_config()
    config.raspberry_pi.car.bulb = OutputPin("GPIO5")
    for name, alone in (("bulb", 5), ("contactors", CONTACTORS)):
        desk, board = table(name, config=config)
        seen = set()

        def look(bench, board=board, seen=seen):
            turn = bench.turn
            bench.turn = lambda now: (seen.add(tuple(n for n in (5, CONTACTORS) if board.high(n))), turn(now))[1]
        assert desk.run("switch", name, "--for", "5", "--i-measured-0-volts", "multimeter at both sides", look=look) == 0
        assert seen == {(), (alone,)}


def test_a_pin_that_somebody_holds_is_told_with_its_holder(table):
    desk, board = table()
    board.kernel.chip("/dev/gpiochip0").users[27] = "w1-gpio"
    with pytest.raises(DriverError, match="GPIO27.*w1-gpio"):
        desk.bench()
    assert board.kernel.holder("/dev/gpiochip0", 17) == "", "given back"


def test_a_wallbox_makes_its_pwm_and_gives_it_back(table, monkeypatch, tmp_path):
    duty = make_pwm(tmp_path)
    monkeypatch.setattr("drivers.boards.gpio.charger_lines", lambda config, pins: charger_lines(config, pins, str(tmp_path)))
    config = Config(mode="evse", board="raspberry_pi", interface="bench-wallbox")
    config.evse.energy_transfer_modes = ["AC_three_phase_core"]
    config.raspberry_pi.charger.library = "gpiod"
    config.raspberry_pi.measuring.pilot = AnalogPilotConfig("ads1x15:1", CP_GAIN, CP_OFFSET)
    desk, board = table("mains", config=config)
    seen = set()

    def look(bench):
        turn = bench.turn
        bench.turn = lambda now: (seen.add((duty.read_text().split()[0], board.high(17))), turn(now))[1]
    assert desk.run("switch", "pwm", "--yes", "--duty", "10", look=look) == 0
    assert seen == {("1000000", False), ("100000", False)} and duty.read_text().split()[0] == "1000000"
    assert desk.run("switch", "mains") == 1 and "no meter is read" in desk.one_line()
    seen.clear()
    board.pilot = 6.0
    assert desk.run("switch", "mains", "--i-measured-0-volts", "multimeter at L1, L2, L3") == 1 and "state C, expected A" in desk.one_line()
    board.pilot = 12.0
    assert desk.run("switch", "mains", "--i-measured-0-volts", "multimeter at L1, L2, L3", look=look) == 0
    assert seen == {("1000000", False), ("1000000", True)}


def test_transfers_are_timed_and_the_bus_is_estimated(table):
    desk, board = table()
    bench = desk.bench()
    times = iter(range(0, 10**12, 450_000))                     # ns: each reading of the clock is 450 us later
    lines = i2c(bench, board.bus, lambda: next(times), 50)
    bench.close()
    assert lines[1].split() == ["ADS1115", "0x48", "bus", "1", "50", "5", "0.450", "0.450", "0.450", "100", "0"], "5 octets of 9 clocks in 450 us: 100 kHz"


def test_a_chip_that_does_not_answer_has_no_time(table):
    desk, board = table()
    board.adc.absent = True
    bench = desk.bench()
    lines = i2c(bench, board.bus, lambda: 0, 20)
    bench.close()
    assert "none of 20 answered" in lines[1]


def test_ticks_name_the_slow_device(table):
    desk, board = table()
    desk.config.realtime = False
    transfer = board.bus.i2c_rdwr

    def slow(*messages):
        desk.clock.shared.ns += 6 * MS
        transfer(*messages)
    board.bus.i2c_rdwr = slow
    assert desk.run("ticks", "--seconds", "1") == 0
    assert "SLOW" in row(desk, "ADS1115") and "SLOW" not in row(desk, "output pins")


def test_a_display_of_a_real_controller_shows_the_picture(table, monkeypatch):
    pytest.importorskip("luma.oled", reason="luma.oled is not installed")
    config = car_config()
    config.oled = OledConfig(controller="ssd1306")
    from luma.core.interface import serial
    octets = []

    class Bus:
        def write_i2c_block_data(self, address, mode, data):
            octets.append((mode, bytes(data)))
    real = serial.i2c
    monkeypatch.setattr(serial, "i2c", lambda port, address: real(bus=Bus(), address=address))
    desk, board = table(config=config)
    assert desk.run("oled") == 0
    shown = b"".join(data for mode, data in octets if mode == 0x40)
    assert len(shown) == 4 * 1024 and shown[1024:1026] == b"\xff\x01", "cleared, then the frame"
    assert [data[1] for mode, data in octets if mode == 0 and len(data) == 2 and data[0] == 0x81] == [0, 32, 64, 128, 255, 128]


def test_a_report_names_what_is_wired_where(table, tmp_path):
    desk, board = table()
    desk.config.realtime = False
    assert desk.run("report", str(tmp_path / "report")) == 0
    text = Path(tmp_path / "report").read_text()
    assert "board: raspberry_pi" in text and "GPIO27" in text and "ads1x15:0" in text and "ticks" in text
